/* main.c - troth-realm: runs a command inside a throwaway Kerberos realm, and leaves nothing behind. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "kdc.h"

#define CANNOT_EXECUTE 126
#define NOT_FOUND 127

/*
 * Two processes share the work. The guardian, in a session of its own, is the KDC's parent and the only one that makes
 * and removes things; it does the latter when its pipe from the first process ends, which the kernel sees to
 * however that process dies. The first process runs the command.
 */
struct guardian {
    pid_t pid;
    int life; /* the guardian's pipe: closing it ends the realm */
    struct kdc kdc;
};

/* What the options ask for. */
struct wishes {
    bool no_kdc;
    bool ldap;
    bool pkinit;
    bool tap;
    bool print;
};

struct variable {
    const char *name;
    const char *before; /* the value: this text, */
    const char *file;   /* and, unless NULL, the path of this file in the realm's directory */
};

static const struct variable variables[] = {
    {"KRB5_CONFIG", "", "krb5.conf"},
    {"KRB5_KDC_PROFILE", "", "kdc.conf"},
    {"KRB5CCNAME", "FILE:", "alice.ccache"},
    {"KRB5_KTNAME", "FILE:", "service.keytab"},
    {"KRB5_CLIENT_KTNAME", "FILE:", "no-such.keytab"},
    {"KRB5RCACHEDIR", "", "rcache"},
    {"TROTH_REALM", "TROTH.TEST", NULL},
    {"TROTH_REALM_DIR", "", ""},
    {"TROTH_REALM_HOST", "server.troth.test", NULL},
    {"TROTH_REALM_SERVICE", "troth", NULL},
    {"TROTH_REALM_KEYTAB", "FILE:", "service.keytab"},
    {"TROTH_REALM_CCACHE", "FILE:", "alice.ccache"},
    {"TROTH_REALM_ANONYMOUS_CCACHE", "FILE:", "anonymous.ccache"},
    {"TROTH_REALM_EXPIRED_CCACHE", "FILE:", "expired.ccache"},
    {"TROTH_REALM_USER", "alice@TROTH.TEST", NULL},
    {"TROTH_REALM_USER_KEYTAB", "FILE:", "alice.keytab"},
    {"TROTH_REALM_PASSWORD_USER", "carol@TROTH.TEST", NULL},
    {"TROTH_REALM_PASSWORD_FILE", "", "carol.password"},
    {"TROTH_REALM_BRIEF_USER", "brief@TROTH.TEST", NULL},
    {"TROTH_REALM_BRIEF_KEYTAB", "FILE:", "brief.keytab"},
    {"TROTH_REALM_BRIEF_PASSWORD_USER", "briefpw@TROTH.TEST", NULL},
    {"TROTH_REALM_BRIEF_PASSWORD_FILE", "", "briefpw.password"},
};

/* What would lead libkrb5 elsewhere. */
static const char *const unwanted[] = {"KRB5RCACHENAME", "KRB5RCACHETYPE", "KRB5_TRACE", "GSS_USE_PROXY"};

static const char usage[] =
    "usage: troth-realm [--no-kdc] [--ldap] [--pkinit] [--tap] -- COMMAND [ARGUMENT...]\n"
    "       troth-realm [--no-kdc] [--ldap] [--pkinit] --print-env\n"
    "\n"
    "Makes a Kerberos realm, TROTH.TEST, with a real MIT KDC on 127.0.0.1 and a directory of its own, runs\n"
    "COMMAND in it, and removes it all. tests/realm/README.md lists the variables that COMMAND finds.\n"
    "\n"
    "  --no-kdc     make everything, obtain alice's ticket, then stop the KDC\n"
    "  --ldap       keep the database in a private directory service, whose KDC grants constrained delegation\n"
    "  --pkinit     give the KDC a certificate, and obtain an anonymous ticket\n"
    "  --tap        when no KDC is installed, say so in the Test Anything Protocol, and exit with 0\n"
    "  --print-env  run nothing: print the variables as shell commands and keep the realm until stdin ends\n"
    "  --help       print this\n"
    "\n"
    "With TROTH_REALM_EXTERNAL set, nothing is made: COMMAND runs in the realm that the environment describes.\n"
    "\n"
    "Exit status: COMMAND's; 128 and the signal's number when one ended it; 77 when what it takes is missing; 99 when\n"
    "the realm could not be made; 126 or 127 when COMMAND could not be run; 2 for a wrong option.\n";

static void guardian_report(int report, const struct kdc *kdc)
{
    const char *bytes = (const char *)kdc;
    size_t sent = 0;

    while (sent < sizeof *kdc) {
        ssize_t written = write(report, bytes + sent, sizeof *kdc - sent);

        if (written < 0 && errno != EINTR) {
            break; /* nobody waits for the realm any more: the life pipe says so too */
        }
        sent += written > 0 ? (size_t)written : 0;
    }
    close(report);
}

/* Lets go of standard descriptors of the caller, so that nobody who reads them waits for the guardian. */
static void detach(int first, int last)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = first; null >= 0 && fd <= last; fd++) {
        dup2(null, fd);
    }
    if (null > 2) {
        close(null);
    }
}

static void guardian_run(int life, int report, const struct wishes *wishes)
{
    struct kdc kdc;
    char byte;
    int status;

    setsid();
    signal(SIGPIPE, SIG_IGN);
    detach(0, 1);
    status = kdc_make(&kdc, wishes->ldap, wishes->pkinit);
    if (status == 0) {
        if (wishes->no_kdc) {
            kdc_stop(&kdc);
        }
        detach(2, 2);
        guardian_report(report, &kdc);
        while (read(life, &byte, 1) < 0 && errno == EINTR) {
        }
    }
    kdc_remove(&kdc);
    _exit(status);
}

/* Waits for the guardian to have cleaned up. Returns its status. */
static int guardian_end(struct guardian *guardian)
{
    int status = 0;

    close(guardian->life);
    while (waitpid(guardian->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : KDC_FAILED;
}

/* Returns 0, or the status to exit with. */
static int guardian_start(struct guardian *guardian, const struct wishes *wishes)
{
    int life[2];
    int report[2];
    size_t received = 0;
    ssize_t got;

    if (pipe(life) != 0 || pipe(report) != 0) {
        perror("troth-realm: pipe");
        return KDC_FAILED;
    }
    guardian->pid = fork();
    if (guardian->pid < 0) {
        perror("troth-realm: fork");
        return KDC_FAILED;
    }
    if (guardian->pid == 0) {
        close(life[1]);
        close(report[0]);
        fcntl(report[1], F_SETFD, FD_CLOEXEC);
        fcntl(life[0], F_SETFD, FD_CLOEXEC);
        guardian_run(life[0], report[1], wishes);
    }
    close(life[0]);
    close(report[1]);
    guardian->life = life[1];
    fcntl(guardian->life, F_SETFD, FD_CLOEXEC); /* the command must not keep the realm alive */
    while (received < sizeof guardian->kdc) {
        got = read(report[0], (char *)&guardian->kdc + received, sizeof guardian->kdc - received);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            break;
        }
        received += got > 0 ? (size_t)got : 0;
    }
    close(report[0]);
    if (received < sizeof guardian->kdc) {
        int status = guardian_end(guardian);

        return status != 0 ? status : KDC_FAILED;
    }
    return 0;
}

static void variable_put(bool print, const char *name, const char *value)
{
    if (!print) {
        setenv(name, value, 1);
        return;
    }
    printf("export %s='", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'') {
            fputs("'\\''", stdout);
        } else {
            putchar(*value);
        }
    }
    puts("'");
}

static void variables_put(const struct kdc *kdc, bool print)
{
    const char *path = getenv("PATH");
    char value[4096];

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const struct variable *variable = &variables[i];

        snprintf(value, sizeof value, "%s%s%s%s", variable->before, variable->file != NULL ? kdc->directory : "",
                 variable->file != NULL && variable->file[0] != '\0' ? "/" : "",
                 variable->file != NULL ? variable->file : "");
        variable_put(print, variable->name, value);
    }
    snprintf(value, sizeof value, "%u", kdc->port);
    variable_put(print, "TROTH_REALM_KDC_PORT", value);
    snprintf(value, sizeof value, "%.0ld", (long)kdc->kdc.pid); /* empty for none */
    variable_put(print, "TROTH_REALM_KDC_PID", value);
    snprintf(value, sizeof value, "%.0ld", (long)kdc->slapd.pid);
    variable_put(print, "TROTH_REALM_LDAP_PID", value);
    variable_put(print, "TROTH_REALM_LDAP", kdc->ldap);
    if (print && path != NULL) {
        variable_put(true, "PATH", path);
    }
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++) {
        if (print) {
            printf("unset %s\n", unwanted[i]);
        } else {
            unsetenv(unwanted[i]);
        }
    }
}

/* The KDC and its tools live where an ordinary user's PATH does not lead. */
static void extend_path(void)
{
    const char *path = getenv("PATH");
    size_t size = (path != NULL ? strlen(path) : 0) + sizeof ":/usr/sbin:/sbin:/usr/bin:/bin";
    char *longer = malloc(size);

    if (longer != NULL) {
        snprintf(longer, size, "%s%s", path != NULL ? path : "/usr/bin:/bin", ":/usr/sbin:/sbin");
        setenv("PATH", longer, 1);
        free(longer);
    }
}

static void execute(char *const *argv)
{
    execvp(argv[0], argv);
    fprintf(stderr, "troth-realm: %s: %s\n", argv[0], strerror(errno));
    _exit(errno == ENOENT ? NOT_FOUND : CANNOT_EXECUTE);
}

/* A signal that the terminal's driver sent has reached the command already. */
static bool to_forward(const siginfo_t *info)
{
#ifdef SI_KERNEL
    return info->si_code != SI_KERNEL;
#else
    (void)info;
    return true;
#endif
}

static int run_command(char *const *argv)
{
    sigset_t awaited;
    sigset_t before;
    siginfo_t info;
    pid_t parent = getpid();
    pid_t pid;
    int status;

    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGHUP);
    sigaddset(&awaited, SIGQUIT);
    sigprocmask(SIG_BLOCK, &awaited, &before);
    pid = fork();
    if (pid < 0) {
        perror("troth-realm: fork");
        return KDC_FAILED;
    }
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* without its realm the command is of no use */
        if (getppid() != parent) {
            _exit(KDC_FAILED);
        }
#endif
        execute(argv);
    }
    (void)parent;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (sigwaitinfo(&awaited, &info) > 0 && info.si_signo != SIGCHLD && to_forward(&info)) {
            kill(pid, info.si_signo);
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void wait_stdin(void)
{
    char buffer[256];
    ssize_t got;

    do {
        got = read(0, buffer, sizeof buffer);
    } while (got > 0 || (got < 0 && errno == EINTR));
}

static int run_external(const struct wishes *wishes, char *const *argv)
{
    if (wishes->print || wishes->no_kdc || wishes->ldap || wishes->pkinit) {
        fputs("troth-realm: SKIPPED: this needs a realm of its own, and TROTH_REALM_EXTERNAL forbids one\n", stderr);
        return KDC_SKIPPED;
    }
    execute(argv);
    return CANNOT_EXECUTE;
}

/* Meson takes an exit status of 77 for skipped, but not from a test that speaks TAP. */
static int skipped(int status, bool tap)
{
    if (status == KDC_SKIPPED && tap) {
        puts("1..0 # SKIP no Kerberos realm can be made here");
        return 0;
    }
    return status;
}

/* Takes the options. Returns the place behind them and "--", 0 after an unknown one. */
static int read_options(int argc, char **argv, struct wishes *wishes)
{
    const struct {
        const char *name;
        bool *wish;
    } options[] = {{"--no-kdc", &wishes->no_kdc},
                   {"--ldap", &wishes->ldap},
                   {"--pkinit", &wishes->pkinit},
                   {"--tap", &wishes->tap},
                   {"--print-env", &wishes->print}};
    int at = 1;

    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        bool known = false;

        for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
            if (strcmp(argv[at], options[i].name) == 0) {
                known = *options[i].wish = true;
            }
        }
        if (!known) {
            fprintf(stderr, "troth-realm: %s is no option\n", argv[at]);
            return 0;
        }
    }
    return at + 1;
}

int main(int argc, char **argv)
{
    const char *external = getenv("TROTH_REALM_EXTERNAL");
    struct wishes wishes = {.no_kdc = false};
    struct guardian guardian;
    int status;
    int at;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    at = read_options(argc, argv, &wishes);
    if (at == 0 || (wishes.print ? at < argc : at >= argc)) {
        fputs(usage, stderr);
        return 2;
    }
    signal(SIGCHLD, SIG_DFL);
    extend_path();
    if (external != NULL && external[0] != '\0') {
        return skipped(run_external(&wishes, argv + at), wishes.tap);
    }
    status = guardian_start(&guardian, &wishes);
    if (status != 0) {
        return skipped(status, wishes.tap);
    }
    variables_put(&guardian.kdc, wishes.print);
    if (wishes.print) {
        fflush(stdout);
        wait_stdin();
    } else {
        status = run_command(argv + at);
    }
    guardian_end(&guardian);
    return status;
}
