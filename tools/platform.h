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

/* A mutex, not recursive. */
typedef struct platform_mutex platform_mutex;
platform_mutex *platform_mutex_new(void);        /* NULL: memory is out */
void platform_mutex_free(platform_mutex *mutex); /* NULL is allowed */
void platform_mutex_lock(platform_mutex *mutex);
void platform_mutex_unlock(platform_mutex *mutex);

/* A thread; it takes no signals. Started threads must be joined, which frees them. NULL: it could not be started. */
typedef struct platform_thread platform_thread;
platform_thread *platform_thread_start(void (*run)(void *argument), void *argument);
void platform_thread_join(platform_thread *thread);

/*
 * A listening socket together with what wakes the thread that waits at it. All calls but platform_listener_wake belong
 * to one thread. Returns NULL with a text.
 */
typedef struct platform_listener platform_listener;
platform_listener *platform_listener_new(const char *host, const char *port, char text[PLATFORM_TEXT]);
void platform_listener_free(platform_listener *listener); /* NULL is allowed */

/* Where it listens, "127.0.0.1:4711" or "[::1]:4711". */
void platform_listener_address(const platform_listener *listener, char text[PLATFORM_TEXT]);

/* Listens no more; platform_listener_wait and _wake go on working. */
void platform_listener_shut(platform_listener *listener);

/*
 * Returns when a connection is waiting (only with incoming), after platform_listener_wake (also an earlier one that
 * no wait has taken yet), after an interrupt, after timeout milliseconds (below 0: never), or for no reason.
 */
void platform_listener_wait(platform_listener *listener, bool incoming, int timeout);
void platform_listener_wake(platform_listener *listener);

enum platform_accept {
    PLATFORM_ACCEPTED, /* *socket is the caller's, *text is where it comes from */
    PLATFORM_NOBODY,   /* no connection is waiting */
    PLATFORM_GONE,     /* there was one, but it has gone: ask again at once */
    PLATFORM_BUSY,     /* descriptors or memory are out: wait before asking again. With a text */
    PLATFORM_BROKEN    /* the listening socket does not work any more. With a text */
};

/* Takes a waiting connection without waiting for one. */
enum platform_accept platform_listener_accept(platform_listener *listener, troth_socket *socket,
                                              char text[PLATFORM_TEXT]);

/*
 * From now on an interrupt (SIGINT, SIGTERM; Ctrl-C, Ctrl-Break) wakes this listener and makes platform_interrupted
 * true instead of ending the process. On POSIX a second one ends it. Both for the thread that owns the listener.
 */
void platform_catch_interrupt(platform_listener *listener);
bool platform_interrupted(void);

/* Connects to the first address of a host that answers, within timeout milliseconds in all. False with a text. */
bool platform_connect(const char *host, const char *port, int timeout, troth_socket *socket, char text[PLATFORM_TEXT]);

/* Makes every call on a socket return soon, in whatever thread; the socket stays open. */
void platform_socket_shutdown(troth_socket socket);
void platform_socket_close(troth_socket socket);

/*
 * Reads a file, or standard input up to its first newline where path is NULL, past every library's buffers. *length is
 * capacity when there may be more. *exposed: users other than the owner may read the file. False with a text.
 */
bool platform_read_secret(const char *path, char *buffer, size_t capacity, size_t *length, bool *exposed,
                          char text[PLATFORM_TEXT]);

#endif
