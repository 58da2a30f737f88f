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
#define NO_SOCKET INVALID_SOCKET
#define LISTENER_OPTION SO_EXCLUSIVEADDRUSE /* SO_REUSEADDR lets others steal the port there */

#else

#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

typedef int native_socket;
typedef socklen_t socket_length;
#define NO_SOCKET (-1)
#define LISTENER_OPTION SO_REUSEADDR /* no waiting for the last connections' TIME_WAIT */

#endif

#include "platform.h"

/* The system's text for its last error of a socket call, of the resolver, of a file call. */
void native_error_text(int code, char text[PLATFORM_TEXT]);
void native_last_error_text(char text[PLATFORM_TEXT]);
void native_resolver_error_text(int code, char text[PLATFORM_TEXT]);
void native_file_error_text(char text[PLATFORM_TEXT]);

/* A clock that only goes forward, milliseconds. */
int64_t native_clock_ms(void);

void native_socket_close(native_socket socket);
void native_socket_set_blocking(native_socket socket, bool blocking);

/* The connect that just failed goes on; wait for it. False with a text. */
bool native_connect_in_progress(void);
bool native_connect_wait(native_socket socket, int timeout, char text[PLATFORM_TEXT]);

/* What the accept that just failed came to. */
enum platform_accept native_accept_class(void);

/* As open, read and close are; below 0: errno. */
int native_secret_open(const char *path, bool *exposed);
int native_secret_read(int file, char *buffer, size_t size);
void native_secret_close(int file);

#endif
