/* process.c - runs other programs for tests: captures what they print, keeps deadlines, leaves none of them running. */
#define _GNU_SOURCE

#include "realm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <cmocka.h>

#define OUTPUT_LIMIT (16u << 20)

struct capture {
    int fd; /* -1: ended */
    char *text;
    size_t length;
};

struct realm_process {
    pid_t pid;
    int input; /* -1: none */
    char name[64];
    struct capture out;
    struct capture err;
    size_t looked; /* how much of out realm_process_line has been through */
    char *line;
};

static int64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* When a deadline passes. Under valgrind (meson test --setup=valgrind) everything takes longer. */
static int64_t deadline_end(int deadline)
{
    return now() + (getenv("TROTH_TEST_VALGRIND") != NULL ? 10 : 1) * (int64_t)deadline;
}

static void make_pipe(int ends[2])
{
    if (pipe(ends) != 0) {
        fail_msg("pipe: %s", strerror(errno));
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
}

static void become(const char *const *argv, int in, int out, int err)
{
    sigset_t none;

#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* no program outlives the test */
#endif
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) {
        _exit(126);
    }
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

realm_process *realm_process_start(const char *const *argv, int in_fd)
{
    realm_process *process = calloc(1, sizeof *process);
    int in[2] = {-1, -1};
    int out[2];
    int err[2];

    if (process == NULL) {
        fail_msg("memory is out");
        abort();
    }
    if (in_fd < 0) {
        make_pipe(in);
    }
    make_pipe(out);
    make_pipe(err);
    snprintf(process->name, sizeof process->name, "%s", argv[0]);
    fflush(NULL);
    process->pid = fork();
    if (process->pid == 0) {
        become(argv, in_fd < 0 ? in[0] : in_fd, out[1], err[1]);
    }
    if (in_fd < 0) {
        close(in[0]);
    }
    close(out[1]);
    close(err[1]);
    process->input = in[1];
    process->out.fd = out[0];
    process->err.fd = err[0];
    if (process->pid < 0) {
        fail_msg("fork: %s", strerror(errno));
    }
    return process;
}

long realm_process_pid(const realm_process *process)
{
    return (long)process->pid;
}

void realm_process_input(realm_process *process, const char *text)
{
    size_t left = text != NULL ? strlen(text) : 0;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);

    while (left > 0) {
        ssize_t written = write(process->input, text, left);

        if (written < 0 && errno != EINTR) {
            break; /* it has ended, or closed its stdin; its exit code tells */
        }
        text += written > 0 ? written : 0;
        left -= written > 0 ? (size_t)written : 0;
    }
    signal(SIGPIPE, before);
    if (text == NULL && process->input >= 0) {
        close(process->input);
        process->input = -1;
    }
}

static void capture_read(struct capture *capture)
{
    char *grown = realloc(capture->text, capture->length + 65536 + 1);
    ssize_t got;

    if (grown == NULL || capture->length > OUTPUT_LIMIT) {
        fail_msg("a program printed too much");
        abort();
    }
    capture->text = grown;
    got = read(capture->fd, capture->text + capture->length, 65536);
    if (got > 0) {
        capture->length += (size_t)got;
    } else if (got == 0 || errno != EINTR) {
        close(capture->fd);
        capture->fd = -1;
    }
    capture->text[capture->length] = '\0';
}

/* Reads what there is, waiting for the first of it. Returns false at the deadline, and when both have ended. */
static bool pump(realm_process *process, int64_t until)
{
    struct pollfd fds[2] = {{.fd = process->out.fd, .events = POLLIN}, {.fd = process->err.fd, .events = POLLIN}};
    int64_t left = until - now();

    if ((fds[0].fd < 0 && fds[1].fd < 0) || left <= 0 || poll(fds, 2, (int)left) == 0) {
        return false;
    }
    if (fds[0].fd >= 0 && fds[0].revents != 0) {
        capture_read(&process->out);
    }
    if (fds[1].fd >= 0 && fds[1].revents != 0) {
        capture_read(&process->err);
    }
    return true;
}

static const char *shown(const struct capture *capture)
{
    return capture->text != NULL ? capture->text : "";
}

/* The next whole line of out, as a copy in process->line; NULL: there is none yet. */
static const char *next_line(realm_process *process)
{
    const char *start = shown(&process->out) + process->looked;
    const char *end = strchr(start, '\n');

    if (end == NULL) {
        return NULL;
    }
    free(process->line);
    process->line = strndup(start, (size_t)(end - start));
    process->looked += (size_t)(end - start) + 1;
    return process->line;
}

const char *realm_process_line(realm_process *process, const char *prefix, int deadline)
{
    int64_t until = deadline_end(deadline);

    do {
        for (const char *line = next_line(process); line != NULL; line = next_line(process)) {
            if (strncmp(line, prefix, strlen(prefix)) == 0) {
                return line + strlen(prefix);
            }
        }
    } while (pump(process, until));
    fail_msg("%s printed no line \"%s...\" but:\n%s%s", process->name, prefix, shown(&process->out),
             shown(&process->err));
    return NULL;
}

void realm_process_signal(realm_process *process, int signal_number)
{
    kill(process->pid, signal_number);
}

static void release(realm_process *process)
{
    if (process->input >= 0) {
        close(process->input);
    }
    if (process->out.fd >= 0) {
        close(process->out.fd);
    }
    if (process->err.fd >= 0) {
        close(process->err.fd);
    }
    free(process->line);
    free(process);
}

/* Waits for the process itself; its pipes have ended, so that it is not long. Returns false at the deadline. */
static bool reap(realm_process *process, int64_t until, int *status)
{
    static const struct timespec moment = {.tv_nsec = 2 * 1000 * 1000};

    while (waitpid(process->pid, status, WNOHANG) == 0) {
        if (now() >= until) {
            return false;
        }
        nanosleep(&moment, NULL);
    }
    return true;
}

void realm_process_wait(realm_process *process, int deadline, struct realm_result *result)
{
    int64_t until = deadline_end(deadline);
    int status = 0;

    realm_process_input(process, NULL);
    while (pump(process, until)) {
    }
    if (reap(process, until, &status)) {
        result->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    } else {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, &status, 0);
        result->exit_code = -1;
        print_message("%s was killed at its deadline\n", process->name);
    }
    result->out = process->out.text != NULL ? process->out.text : calloc(1, 1);
    result->out_length = process->out.length;
    result->err = process->err.text != NULL ? process->err.text : calloc(1, 1);
    result->err_length = process->err.length;
    release(process);
}

void realm_process_kill(realm_process *process)
{
    if (process == NULL) {
        return;
    }
    kill(process->pid, SIGKILL);
    waitpid(process->pid, NULL, 0);
    free(process->out.text);
    free(process->err.text);
    release(process);
}

int realm_run(const char *const *argv, const char *input, int deadline, struct realm_result *result)
{
    realm_process *process = realm_process_start(argv, -1);

    if (input != NULL) {
        realm_process_input(process, input);
    }
    realm_process_wait(process, deadline, result);
    return result->exit_code;
}

void realm_result_free(struct realm_result *result)
{
    free(result->out);
    free(result->err);
    result->out = NULL;
    result->err = NULL;
}
