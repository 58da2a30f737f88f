/*
 * platform_native.h - what platform.c, which both systems share, needs of platform_posix.c and platform_windows.c. The
 * one file of the tool that asks which platform it is on.
 */
#ifndef TROTH_TOOLS_PLATFORM_NATIVE_H
#define TROTH_TOOLS_PLATFORM_NATIVE_H

#ifdef _WIN32

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>

#include <windows.h>

typedef SOCKET native_socket;
typedef int socket_length;
typedef HANDLE native_thread;
typedef HANDLE native_event;
#define NO_SOCKET INVALID_SOCKET
#define SHUTDOWN_BOTH SD_BOTH
#define LISTENER_OPTION SO_EXCLUSIVEADDRUSE /* SO_REUSEADDR lets others steal the port there */

#else

#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>

typedef int native_socket;
typedef socklen_t socket_length;
typedef pthread_t native_thread;
typedef int native_event;
#define NO_SOCKET (-1)
#define SHUTDOWN_BOTH SHUT_RDWR
#define LISTENER_OPTION SO_REUSEADDR /* no waiting for the last connections' TIME_WAIT */

#endif

#include "platform.h"

#define NATIVE_THREAD_STACK ((size_t)1 << 20)

struct platform_thread {
    void (*run)(void *argument);
    void *argument;
    native_thread handle;
};

struct platform_listener {
    native_socket socket;
    native_event wake[2]; /* POSIX: a pipe, read end and write end. Windows: the wake event, the socket's event */
};

/* The system's text for its last error of a socket call, of the resolver, of a file call. */
void native_error_text(int code, char text[PLATFORM_TEXT]);
void native_last_error_text(char text[PLATFORM_TEXT]);
void native_resolver_error_text(int code, char text[PLATFORM_TEXT]);
void native_file_error_text(char text[PLATFORM_TEXT]);

bool native_thread_create(struct platform_thread *thread);
void native_thread_wait(struct platform_thread *thread);

/* A clock that only goes forward, milliseconds. */
int64_t native_clock_ms(void);

void native_socket_close(native_socket socket);
void native_socket_set_blocking(native_socket socket, bool blocking);

/* The connect that just failed goes on; wait for it. False with a text. */
bool native_connect_in_progress(void);
bool native_connect_wait(native_socket socket, int timeout, char text[PLATFORM_TEXT]);

/* Fills what the listener has beside its socket, and makes that non-blocking. native_listener_dispose in any case. */
bool native_listener_prepare(struct platform_listener *listener);
void native_listener_dispose(struct platform_listener *listener);

/* What the accept that just failed came to. */
enum platform_accept native_accept_class(void);

/* Makes an accepted socket blocking, whatever it inherited. */
void native_accepted_prepare(native_socket socket);

/* Interrupts no longer wake this listener. */
void native_interrupt_forget(platform_listener *listener);

/* As open, read and close are; below 0: errno. */
int native_secret_open(const char *path, bool *exposed);
int native_secret_read(int file, char *buffer, size_t size);
void native_secret_close(int file);

#endif
