/*
 * tool.h - how the tests of the troth command run it: servers that are waited for, clients whose output is kept, and
 * raw sockets for peers that do not play by the rules (POSIX).
 */
#ifndef TROTH_TESTS_TOOL_H
#define TROTH_TESTS_TOOL_H

#include <stddef.h>

#include "realm.h"

#define TOOL_TARGET "troth@server.troth.test"
#define TOOL_ARGUMENTS 32

/* Where the program is; set by the test program's main. */
extern const char *tool_path;

struct tool_server {
    realm_process *process;
    char address[64]; /* "127.0.0.1:PORT" */
    unsigned port;
};

/* Starts `troth serve` with arguments up to a NULL and waits until it listens. */
void tool_serve(struct tool_server *server, const char *argument, ...);

/* Interrupts it and checks that it ends cleanly, with exit code 0. Frees result's texts when result is NULL. */
void tool_stop(struct tool_server *server, struct realm_result *result);

/* Waits for a server with --once. */
int tool_finish(struct tool_server *server, struct realm_result *result);

/* Runs `troth` with arguments up to a NULL and an input (NULL: none). Returns the exit code. */
int tool_run(struct realm_result *result, const char *input, const char *argument, ...);

/* Runs `troth connect` to a server for TOOL_TARGET, with more arguments up to a NULL. */
int tool_connect(const struct tool_server *server, struct realm_result *result, const char *input, const char *argument,
                 ...);

/* A connected socket of our own. */
int tool_socket(const struct tool_server *server);

/* Waits until the peer has closed a socket, and closes it. Fails the test after REALM_DEADLINE. */
void tool_socket_end(int socket);

/* Fails the test, showing all, unless text holds part. */
void tool_assert_contains(const char *text, const char *part);
void tool_assert_lacks(const char *text, const char *part);

#endif
