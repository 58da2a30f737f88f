/* kdc.c - makes, starts, stops and removes the throwaway realm: configuration, database, keytabs, KDC, first tickets.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "kdc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define TOOL_SECONDS 20
#define START_MILLISECONDS 10000
#define START_ATTEMPTS 10
#define SECRET_SIZE 33

static const char krb5_conf[] = "[libdefaults]\n"
                                "    default_realm = TROTH.TEST\n"
                                "    dns_canonicalize_hostname = false\n"
                                "    dns_lookup_kdc = false\n"
                                "    dns_lookup_realm = false\n"
                                "    dns_uri_lookup = false\n"
                                "    rdns = false\n"
                                "    forwardable = true\n"
                                "    default_keytab_name = FILE:%1$s/service.keytab\n"
                                "    default_ccache_name = FILE:%1$s/default.ccache\n"
                                "[realms]\n"
                                "    TROTH.TEST = {\n"
                                "        kdc = 127.0.0.1:%2$u\n"
                                "    }\n"
                                "[domain_realm]\n"
                                "    troth.test = TROTH.TEST\n"
                                "    .troth.test = TROTH.TEST\n";

static const char kdc_conf[] = "[kdcdefaults]\n"
                               "    kdc_listen = 127.0.0.1:%2$u\n"
                               "    kdc_tcp_listen = 127.0.0.1:%2$u\n"
                               "[realms]\n"
                               "    TROTH.TEST = {\n"
                               "        database_name = %1$s/principal\n"
                               "        key_stash_file = %1$s/stash\n"
                               "        acl_file = %1$s/acl\n"
                               "        max_life = 1d\n"
                               "    }\n"
                               "[logging]\n"
                               "    kdc = FILE:%1$s/kdc.log\n"
                               "    default = FILE:%1$s/kdc.log\n";

/*
 * stale's key is changed after it went to the keytab, so that the keytab's kvno is an old one; wrong is made anew, so
 * that the kvno is the same and the key another. absent never goes there. second
 * is trusted with delegation, and nobody else.
 */
static const char kadmin_script[] =
    "addprinc -randkey +requires_preauth alice\n"
    "addprinc -pw %2$s +requires_preauth carol\n"
    "addprinc -randkey +requires_preauth -maxlife \"4 seconds\" brief\n"
    "addprinc -pw %3$s +requires_preauth -maxlife \"4 seconds\" briefpw\n"
    "addprinc -randkey troth/server.troth.test\n"
    "addprinc -randkey host/server.troth.test\n"
    "addprinc -randkey +ok_as_delegate second/server.troth.test\n"
    "addprinc -randkey absent/server.troth.test\n"
    "addprinc -randkey stale/server.troth.test\n"
    "addprinc -randkey wrong/server.troth.test\n"
    "ktadd -k \"%1$s/alice.keytab\" -norandkey alice\n"
    "ktadd -k \"%1$s/brief.keytab\" -norandkey brief\n"
    "ktadd -k \"%1$s/service.keytab\" -norandkey troth/server.troth.test host/server.troth.test "
    "second/server.troth.test stale/server.troth.test wrong/server.troth.test\n"
    "cpw -randkey stale/server.troth.test\n"
    "delprinc -force wrong/server.troth.test\n"
    "addprinc -randkey wrong/server.troth.test\n";

static void complain(const char *format, ...)
{
    va_list arguments;

    fputs("troth-realm: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static void path_in(const struct kdc *kdc, const char *file, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", kdc->directory, file);
}

static bool installed(const char *program)
{
    char path[1024];
    const char *at = getenv("PATH");

    while (at != NULL && *at != '\0') {
        size_t length = strcspn(at, ":");
        int written = snprintf(path, sizeof path, "%.*s/%s", (int)length, at, program);

        if (written > 0 && (size_t)written < sizeof path && access(path, X_OK) == 0) {
            return true;
        }
        at += length;
        at += *at == ':' ? 1 : 0;
    }
    return false;
}

static bool tools_installed(void)
{
    static const char *const programs[][2] = {{"krb5kdc", "krb5-kdc"},
                                              {"kdb5_util", "krb5-kdc"},
                                              {"kadmin.local", "krb5-admin-server"},
                                              {"kinit", "krb5-user"}};
    bool all = true;

    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
        if (!installed(programs[i][0])) {
            complain("SKIPPED: %s is not installed; Debian and Ubuntu have it in the package %s", programs[i][0],
                     programs[i][1]);
            all = false;
        }
    }
    return all;
}

/* A password nobody knows: 128 random bits in hexadecimal digits. */
static bool random_secret(char secret[SECRET_SIZE])
{
    unsigned char bytes[(SECRET_SIZE - 1) / 2];
    FILE *source = fopen("/dev/urandom", "rb");
    bool good = source != NULL && fread(bytes, 1, sizeof bytes, source) == sizeof bytes;

    if (source != NULL) {
        fclose(source);
    }
    for (size_t i = 0; good && i < sizeof bytes; i++) {
        snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
    }
    if (!good) {
        complain("/dev/urandom cannot be read");
    }
    return good;
}

static bool write_file(const struct kdc *kdc, const char *file, const char *format, ...)
{
    char path[1024];
    FILE *stream;
    va_list arguments;
    bool good;

    path_in(kdc, file, path, sizeof path);
    stream = fopen(path, "w");
    if (stream == NULL) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    va_start(arguments, format);
    good = vfprintf(stream, format, arguments) >= 0;
    va_end(arguments);
    if (fclose(stream) != 0 || !good) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

static void show_file(const struct kdc *kdc, const char *file)
{
    char path[1024];
    char line[512];
    FILE *stream;

    path_in(kdc, file, path, sizeof path);
    stream = fopen(path, "r");
    while (stream != NULL && fgets(line, sizeof line, stream) != NULL) {
        if (strncmp(line, "kadmin.local:", 13) != 0) { /* its echo of our script has passwords */
            fprintf(stderr, "  %s: %s", file, line);
        }
    }
    if (stream != NULL) {
        fclose(stream);
    }
}

/* In a child: takes input (NULL: nothing) as stdin and adds what it prints to tools.log. */
static void redirect(const struct kdc *kdc, const char *input)
{
    char path[1024];
    int in;
    int out;

    path_in(kdc, input != NULL ? input : "", path, sizeof path);
    in = open(input != NULL ? path : "/dev/null", O_RDONLY);
    path_in(kdc, "tools.log", path, sizeof path);
    out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(KDC_FAILED);
    }
    close(in);
    close(out);
}

static bool run_tool(const struct kdc *kdc, const char *input, const char *const *argv)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        redirect(kdc, input);
        alarm(TOOL_SECONDS); /* survives exec: a tool that hangs is ended */
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(KDC_FAILED);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        complain("%s failed (wait status %d); it said:", argv[0], status);
        show_file(kdc, "tools.log");
        return false;
    }
    return true;
}

/* A port of 127.0.0.1 that was free for TCP and UDP a moment ago; 0: none was found. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned port = 0;

    if (tcp >= 0 && udp >= 0 && bind(tcp, (struct sockaddr *)&address, size) == 0 &&
        getsockname(tcp, (struct sockaddr *)&address, &size) == 0 &&
        bind(udp, (struct sockaddr *)&address, size) == 0) {
        port = ntohs(address.sin_port);
    }
    if (tcp >= 0) {
        close(tcp);
    }
    if (udp >= 0) {
        close(udp);
    }
    return port;
}

/* Waits until the KDC says that it serves. It says so only after it has bound its sockets. */
static bool wait_started(const struct kdc *kdc)
{
    char text[1024];
    size_t length = 0;
    struct pollfd descriptor = {.fd = kdc->output, .events = POLLIN};

    while (length + 1 < sizeof text && poll(&descriptor, 1, START_MILLISECONDS) > 0) {
        ssize_t got = read(kdc->output, text + length, sizeof text - 1 - length);

        if (got <= 0) {
            break;
        }
        length += (size_t)got;
        text[length] = '\0';
        if (strstr(text, "starting...") != NULL) {
            return true;
        }
    }
    return false;
}

static bool start_once(struct kdc *kdc)
{
    int ends[2];

    if (pipe(ends) != 0) {
        return false;
    }
    kdc->pid = fork();
    if (kdc->pid == 0) {
        redirect(kdc, NULL);
        if (dup2(ends[1], 2) < 0) {
            _exit(KDC_FAILED);
        }
        close(ends[0]);
        close(ends[1]);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the guardian itself be killed */
#endif
        execlp("krb5kdc", "krb5kdc", "-n", "-r", "TROTH.TEST", (char *)NULL);
        _exit(KDC_FAILED);
    }
    close(ends[1]);
    kdc->output = ends[0];
    if (kdc->pid < 0) {
        kdc->pid = 0;
    }
    if (kdc->pid == 0 || !wait_started(kdc)) {
        kdc_stop(kdc);
        return false;
    }
    return true;
}

/* krb5kdc cannot take the port that the kernel chooses, so another process may be quicker: then another port. */
static bool start(struct kdc *kdc)
{
    for (int attempt = 0; attempt < START_ATTEMPTS; attempt++) {
        kdc->port = free_port();
        if (kdc->port == 0) {
            continue;
        }
        if (!write_file(kdc, "krb5.conf", krb5_conf, kdc->directory, kdc->port) ||
            !write_file(kdc, "kdc.conf", kdc_conf, kdc->directory, kdc->port)) {
            return false;
        }
        if (start_once(kdc)) {
            return true;
        }
    }
    complain("krb5kdc did not start in %d attempts; it said:", START_ATTEMPTS);
    show_file(kdc, "tools.log");
    show_file(kdc, "kdc.log");
    return false;
}

static bool make_directory(struct kdc *kdc)
{
    char path[1024];
    const char *base = getenv("TMPDIR");

    /* Quotes and line ends would end the values in the files that we write. */
    if (base == NULL || base[0] != '/' || strlen(base) > 400 || strpbrk(base, "\"\\\n{}") != NULL) {
        base = "/tmp";
    }
    snprintf(kdc->directory, sizeof kdc->directory, "%s/troth-realm-XXXXXX", base);
    if (mkdtemp(kdc->directory) == NULL) {
        complain("no directory can be made in %s: %s", base, strerror(errno));
        kdc->directory[0] = '\0';
        return false;
    }
    path_in(kdc, "rcache", path, sizeof path);
    return mkdir(path, 0700) == 0;
}

/* The tools' own surroundings; the command's are made in main.c. */
static void set_environment(const struct kdc *kdc)
{
    char path[1024];

    path_in(kdc, "krb5.conf", path, sizeof path);
    setenv("KRB5_CONFIG", path, 1);
    path_in(kdc, "kdc.conf", path, sizeof path);
    setenv("KRB5_KDC_PROFILE", path, 1);
    path_in(kdc, "rcache", path, sizeof path);
    setenv("KRB5RCACHEDIR", path, 1);
    setenv("LC_ALL", "C", 1); /* wait_started reads English */
    unsetenv("KRB5CCNAME");
    unsetenv("KRB5_TRACE");
    unsetenv("KRB5RCACHENAME");
    unsetenv("KRB5RCACHETYPE");
}

static bool make_database(const struct kdc *kdc)
{
    char master[SECRET_SIZE];
    char carol[SECRET_SIZE];
    char briefpw[SECRET_SIZE];
    const char *const create[] = {"kdb5_util", "create", "-r", "TROTH.TEST", "-s", "-W", "-P", master, NULL};
    const char *const kadmin[] = {"kadmin.local", "-r", "TROTH.TEST", NULL};

    return random_secret(master) && random_secret(carol) && random_secret(briefpw) &&
           write_file(kdc, "acl", "%s", "") && write_file(kdc, "krb5.conf", krb5_conf, kdc->directory, 0u) &&
           write_file(kdc, "kdc.conf", kdc_conf, kdc->directory, 0u) &&
           write_file(kdc, "carol.password", "%s\n", carol) && write_file(kdc, "briefpw.password", "%s\n", briefpw) &&
           write_file(kdc, "kadmin.script", kadmin_script, kdc->directory, carol, briefpw) &&
           run_tool(kdc, NULL, create) && run_tool(kdc, "kadmin.script", kadmin);
}

/* The first tickets; that alice's key opens the answer proves that it is our KDC which answers. */
static bool get_tickets(const struct kdc *kdc)
{
    char keytab[1024];
    char ccache[1024];
    char ended[1024];
    const char *const alice[] = {"kinit", "-k", "-t", keytab, "-c", ccache, "alice@TROTH.TEST", NULL};
    const char *const expired[] = {"kinit", "-k", "-t", keytab, "-c", ended, "-l", "1s", "alice@TROTH.TEST", NULL};

    path_in(kdc, "alice.keytab", keytab, sizeof keytab);
    path_in(kdc, "alice.ccache", ccache, sizeof ccache);
    path_in(kdc, "expired.ccache", ended, sizeof ended);
    return run_tool(kdc, NULL, alice) && run_tool(kdc, NULL, expired);
}

int kdc_make(struct kdc *kdc)
{
    memset(kdc, 0, sizeof *kdc);
    kdc->output = -1;
    umask(077);
    if (!tools_installed()) {
        return KDC_SKIPPED;
    }
    if (!make_directory(kdc)) {
        return KDC_FAILED;
    }
    set_environment(kdc);
    return make_database(kdc) && start(kdc) && get_tickets(kdc) ? 0 : KDC_FAILED;
}

void kdc_stop(struct kdc *kdc)
{
    if (kdc->pid > 0) {
        kill(kdc->pid, SIGKILL); /* also ends one that a test has stopped; its database is thrown away */
        while (waitpid(kdc->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        kdc->pid = 0;
    }
    if (kdc->output >= 0) {
        close(kdc->output);
        kdc->output = -1;
    }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    remove(path);
    return 0;
}

void kdc_remove(struct kdc *kdc)
{
    kdc_stop(kdc);
    if (kdc->directory[0] != '\0') {
        nftw(kdc->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        kdc->directory[0] = '\0';
    }
}
