/*
 * platform.h - everything of the tool that differs between POSIX and Windows, behind one set of calls.
 *
 * Texts that a call writes on failure are UTF-8, end with NUL, and are PLATFORM_TEXT bytes at most.
 */
#ifndef TROTH_TOOLS_PLATFORM_H
#define TROTH_TOOLS_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>

#include "troth/stream.h"

#define PLATFORM_TEXT 256

/* The tool's entry with UTF-8 arguments, which it may change. The twins have the system's own entry. */
int tool_main(int argc, char **argv);

/* Overwrites memory in a way that no optimiser leaves out. */
void platform_wipe(void *memory, size_t size);

/*
 * Before a server begins: a peer or a reader that has gone is an error of the call that finds out, and the process may
 * have as many descriptors as it is allowed to.
 */
void platform_prepare_server(void);

/* A socket that listens at the first address of a host, and does not block. False with a text. */
bool platform_listen(const char *host, const char *port, troth_socket *listening, char text[PLATFORM_TEXT]);

/* Where a socket is, "127.0.0.1:4711" or "[::1]:4711". */
void platform_address(troth_socket socket, char text[PLATFORM_TEXT]);

enum platform_accept {
    PLATFORM_ACCEPTED, /* *socket is the caller's, *text is where it comes from */
    PLATFORM_NOBODY,   /* no connection is waiting */
    PLATFORM_GONE,     /* there was one, but it has gone: ask again at once */
    PLATFORM_BUSY,     /* descriptors or memory are out: wait before asking again. With a text */
    PLATFORM_BROKEN    /* the listening socket does not work any more. With a text */
};

/* Takes a waiting connection without waiting for one. */
enum platform_accept platform_accept(troth_socket listening, troth_socket *socket, char text[PLATFORM_TEXT]);

/* Connects to the first address of a host that answers, within timeout milliseconds in all. False with a text. */
bool platform_connect(const char *host, const char *port, int timeout, troth_socket *socket, char text[PLATFORM_TEXT]);

void platform_socket_close(troth_socket socket);

/* From here on standard input is bytes, not lines. */
void platform_binary_input(void);

/*
 * Reads a file, or standard input up to its first newline where path is NULL, past every library's buffers. *length is
 * capacity when there may be more. *exposed: users other than the owner may read the file. False with a text.
 */
bool platform_read_secret(const char *path, char *buffer, size_t capacity, size_t *length, bool *exposed,
                          char text[PLATFORM_TEXT]);

#endif
