/* steps.c - the single steps of making a realm: files, tools that are run once, servers that stay. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "steps.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define TOOL_SECONDS 20
#define START_MILLISECONDS 10000

void step_complain(const char *format, ...)
{
    va_list arguments;

    fputs("troth-realm: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void step_path(const struct kdc *kdc, const char *file, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", kdc->directory, file);
}

static bool in_path(const char *program)
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

bool step_installed(const char *const programs[][2], size_t count)
{
    bool all = true;

    for (size_t i = 0; i < count; i++) {
        if (!in_path(programs[i][0])) {
            step_complain("SKIPPED: %s is not installed; Debian and Ubuntu have it in the package %s", programs[i][0],
                          programs[i][1]);
            all = false;
        }
    }
    return all;
}

bool step_secret(char secret[SECRET_SIZE])
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
        step_complain("/dev/urandom cannot be read");
    }
    return good;
}

bool step_write(const struct kdc *kdc, const char *file, const char *format, ...)
{
    char path[1024];
    FILE *stream;
    va_list arguments;
    bool good;

    step_path(kdc, file, path, sizeof path);
    stream = fopen(path, "w");
    if (stream == NULL) {
        step_complain("%s: %s", path, strerror(errno));
        return false;
    }
    va_start(arguments, format);
    good = vfprintf(stream, format, arguments) >= 0;
    va_end(arguments);
    if (fclose(stream) != 0 || !good) {
        step_complain("%s: %s", path, strerror(errno));
        return false;
    }
    return true;
}

void step_show(const struct kdc *kdc, const char *file)
{
    char path[1024];
    char line[512];
    FILE *stream;

    step_path(kdc, file, path, sizeof path);
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

bool step_said(const struct kdc *kdc, const char *file, const char *words)
{
    char path[1024];
    char line[512];
    FILE *stream;
    bool said = false;

    step_path(kdc, file, path, sizeof path);
    stream = fopen(path, "r");
    while (stream != NULL && !said && fgets(line, sizeof line, stream) != NULL) {
        said = strstr(line, words) != NULL;
    }
    if (stream != NULL) {
        fclose(stream);
    }
    return said;
}

/* In a child: takes input (NULL: nothing) as stdin and adds what it prints to tools.log. */
static void redirect(const struct kdc *kdc, const char *input)
{
    char path[1024];
    int in;
    int out;

    step_path(kdc, input != NULL ? input : "", path, sizeof path);
    in = open(input != NULL ? path : "/dev/null", O_RDONLY);
    step_path(kdc, "tools.log", path, sizeof path);
    out = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) {
        _exit(KDC_FAILED);
    }
    close(in);
    close(out);
}

bool step_run(const struct kdc *kdc, const char *input, const char *const *argv, bool loud)
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
        if (loud) {
            step_complain("%s failed (wait status %d); it said:", argv[0], status);
            step_show(kdc, "tools.log");
        }
        return false;
    }
    return true;
}

/* Waits until the server says that it serves. */
static bool wait_started(const struct server *server, const char *words)
{
    char text[1024];
    size_t length = 0;
    struct pollfd descriptor = {.fd = server->output, .events = POLLIN};

    while (length + 1 < sizeof text && poll(&descriptor, 1, START_MILLISECONDS) > 0) {
        ssize_t got = read(server->output, text + length, sizeof text - 1 - length);

        if (got <= 0) {
            break;
        }
        length += (size_t)got;
        text[length] = '\0';
        if (strstr(text, words) != NULL) {
            return true;
        }
    }
    return false;
}

bool step_serve(const struct kdc *kdc, struct server *server, const char *const *argv, const char *words)
{
    int ends[2];

    if (pipe(ends) != 0) {
        return false;
    }
    server->pid = fork();
    if (server->pid == 0) {
        redirect(kdc, NULL);
        if (dup2(ends[1], 2) < 0) {
            _exit(KDC_FAILED);
        }
        close(ends[0]);
        close(ends[1]);
#ifdef __linux__
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the guardian itself be killed */
#endif
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(KDC_FAILED);
    }
    close(ends[1]);
    server->output = ends[0];
    if (server->pid < 0) {
        server->pid = 0;
    }
    if (server->pid == 0 || !wait_started(server, words)) {
        step_end(server);
        return false;
    }
    return true;
}

void step_end(struct server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL); /* also ends one that a test has stopped; its database is thrown away */
        while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR) {
        }
        server->pid = 0;
    }
    if (server->output >= 0) {
        close(server->output);
        server->output = -1;
    }
}
