/*
 * portability.h - the few things of an operating system that common code needs. portability.c is the only file
 * outside backends/ that asks which platform it is on.
 */
#ifndef TROTH_SRC_PORTABILITY_H
#define TROTH_SRC_PORTABILITY_H

#include <stdbool.h>

#include "bytes.h"
#include "troth/stream.h"

/* A mutex, not recursive. */
typedef struct troth__mutex troth__mutex;
troth__mutex *troth__mutex_new(void);        /* NULL: memory is out */
void troth__mutex_free(troth__mutex *mutex); /* NULL is allowed */
void troth__mutex_lock(troth__mutex *mutex);
void troth__mutex_unlock(troth__mutex *mutex);

/* The wall clock, seconds since 1970 UTC. */
int64_t troth__now(void);

/* A clock that only goes forward, milliseconds. */
int64_t troth__monotonic_ms(void);

/* text is an IPv4 or IPv6 address in numbers (an IPv6 one also in brackets or with a scope). */
bool troth__is_ip_address(const char *text);

/* What a socket call came to. */
enum troth__io {
    TROTH__IO_OK = 0,
    TROTH__IO_CLOSED,  /* end of file at a read; a reset or a broken pipe at either */
    TROTH__IO_TIMEOUT, /* the deadline passed */
    TROTH__IO_FAILED   /* *native_error says why (errno, WSAGetLastError) */
};

/* A deadline for troth__socket_...: of troth__monotonic_ms, or TROTH__FOREVER. */
#define TROTH__FOREVER INT64_MAX

/*
 * Writes all of data, in one system call where the socket takes it at once. Works on blocking and non-blocking sockets
 * alike, raises no signal, and waits no longer than the deadline.
 */
enum troth__io troth__socket_write(troth_socket socket, troth__bytes data, int64_t deadline, int *native_error);

/* Reads until length bytes are there. *received counts those that came, whatever is returned. Otherwise as above. */
enum troth__io troth__socket_read(troth_socket socket, uint8_t *buffer, size_t length, int64_t deadline,
                                  size_t *received, int *native_error);

/* The system's text for a native_error, into buffer, as UTF-8. Returns buffer. */
const char *troth__socket_error_text(int native_error, char *buffer, size_t capacity);

#endif
