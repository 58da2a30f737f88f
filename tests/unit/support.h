/* support.h - what the unit tests share: cmocka's headers, failing allocations, connected sockets, threads. */
#ifndef TROTH_TESTS_UNIT_SUPPORT_H
#define TROTH_TESTS_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "troth/stream.h"

/* Fails the test unless text holds part, and shows both. */
void assert_text(const char *text, const char *part);

/* The nth allocation of the library from now on fails (1: the next), once. 0: none. */
void support_fail_allocation(int nth);

/*
 * A test that needs it, for the list of tests. Where the linker cannot put support.c between the library and calloc,
 * the test is skipped and its name says so (a skip of cmocka 1.1.5 reads as a failure in TAP).
 */
#if defined(TROTH_TEST_WRAP)
#define support_allocation_test(test) cmocka_unit_test(test)
#else
#define support_allocation_test(test)                                                                                  \
    {                                                                                                                  \
        "SKIPPED, the linker cannot wrap calloc: " #test, false ? test : support_skipped, NULL, NULL, NULL             \
    }
#endif
void support_skipped(void **state);

/* The failure that was ordered has happened. */
bool support_allocation_failed(void);

/* How many allocations the library has made since the reset; in programs of one thread. */
void support_allocations_reset(void);
unsigned support_allocations(void);

/* The largest allocation of the library since the reset. */
void support_largest_allocation_reset(void);
size_t support_largest_allocation(void);

/*
 * Watches every block of the library's memory from now on, in one thread: how much is held, how much was at the most,
 * and how many blocks were given back with the bytes of secret still in them. NULL: no more.
 */
void support_memory_watch(const void *secret, size_t length);
size_t support_memory_held(void);
size_t support_memory_most(void);
size_t support_memory_unwiped(void);

/* The most is what is held now. */
void support_memory_most_reset(void);

/* Starts the system's sockets; for main. */
void support_sockets_start(void);

/* Two ends of a TCP connection over loopback. Close both. */
struct support_pair {
    troth_socket ours;   /* for the code under test */
    troth_socket theirs; /* the test's, playing the peer */
};
struct support_pair support_pair_open(void);
void support_pair_close(struct support_pair *pair);

/* Closes one end (and marks it as closed). Plainly: the other end reads the rest and the end of file; reset: a RST. */
void support_close(troth_socket *socket);
void support_reset(troth_socket *socket);

void support_nonblocking(troth_socket socket);

/* Makes the socket's buffers small, so that a peer that does not read is felt soon. */
void support_small_buffers(troth_socket socket);

/* Sends all of it from the test's side. */
void support_send(troth_socket socket, const void *data, size_t length);

/* Receives exactly length bytes, or fails the test. */
void support_receive(troth_socket socket, void *data, size_t length);

/* The peer has closed and sent nothing more. */
bool support_at_end(troth_socket socket);

/* A thread that plays the peer. It must not use cmocka's assertions: they would jump to another thread's stack. */
struct support_thread;
struct support_thread *support_thread_start(void (*run)(void *argument), void *argument);
void support_thread_join(struct support_thread *thread);

/* As support_send and support_receive, for threads: return false instead. */
bool support_try_send(troth_socket socket, const void *data, size_t length);
bool support_try_receive(troth_socket socket, void *data, size_t length);

#endif
