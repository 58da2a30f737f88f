/*
 * realm.h - what tests ask of the realm they run in, and how they run other programs (POSIX).
 *
 * Everything here fails the running cmocka test, with a text that says why, when it cannot do what was asked: call it
 * from the test's own thread. All times are milliseconds.
 */
#ifndef TROTH_TESTS_REALM_H
#define TROTH_TESTS_REALM_H

#include <stdbool.h>
#include <stddef.h>

#define REALM_DEADLINE 20000

/* An environment variable of troth-realm (README.md lists them); fails the test when it is not set. */
const char *realm_env(const char *name);

/* The path behind a variable that may begin with "FILE:". */
const char *realm_env_path(const char *name);

/* "DIRECTORY/name" for a file of the test's own, in one of four buffers used in turn. */
const char *realm_path(const char *name);

/* The first line of a file, without its end, into buffer (passwords are kept so). Returns buffer. */
char *realm_read_line(const char *path, char *buffer, size_t size);

/* Runs a query with kadmin.local; fails the test when kadmin.local complains. Not in a realm given from outside. */
void realm_kadmin(const char *query);

/*
 * A credential cache whose ticket has ended, "FILE:...". Waits for that end, a second at most. Skips the test in a
 * realm given from outside that has none.
 */
const char *realm_expired_ccache(void);

/* A port of 127.0.0.1 on which nothing listens. Another process may take it at any time. */
unsigned realm_free_port(void);

/* ------------------------------------------------------------------------------------------------------------------
 * Programs
 * --------------------------------------------------------------------------------------------------------------- */

/* An argument vector in place: REALM_ARGV("klist", "-s"). */
#define REALM_ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct realm_process realm_process;

struct realm_result {
    int exit_code; /* 128 and the signal's number when one ended it; -1 when it had to be killed at the deadline */
    char *out;     /* what it printed; ends with NUL */
    size_t out_length;
    char *err;
    size_t err_length;
};

/*
 * Starts a program. in_fd becomes its stdin; -1: a pipe that realm_process_input writes to. The process is killed when
 * the test program ends before it.
 */
realm_process *realm_process_start(const char *const *argv, int in_fd);

/* Its process id. */
long realm_process_pid(const realm_process *process);

/* Writes to its stdin; text NULL: ends its stdin. */
void realm_process_input(realm_process *process, const char *text);

/*
 * Waits until it has printed a line on stdout that begins with prefix, and gives back the rest of that line (a string
 * that lives until the next call with this process object). Looks only at lines after the one found before. Fails the
 * test, showing all that was printed, when it ends or the deadline passes.
 */
const char *realm_process_line(realm_process *process, const char *prefix, int deadline);

/* Sends a signal. */
void realm_process_signal(realm_process *process, int signal_number);

/* Ends its stdin, waits for its end (and kills it at the deadline), fills result and frees the process object. */
void realm_process_wait(realm_process *process, int deadline, struct realm_result *result);

/* Kills it if it still runs, and frees it. NULL is allowed: for teardowns. */
void realm_process_kill(realm_process *process);

/* Starts, feeds input (NULL: nothing) and waits. Returns the exit code. */
int realm_run(const char *const *argv, const char *input, int deadline, struct realm_result *result);

/* Frees the texts. */
void realm_result_free(struct realm_result *result);

#endif
