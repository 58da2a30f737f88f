/* peer.h - sockets for the interop tests, with deadlines. Each fails the running test when it cannot do its work. */
#ifndef TROTH_TESTS_INTEROP_PEER_H
#define TROTH_TESTS_INTEROP_PEER_H

#include "realm.h"

#define PEER_ADDRESS 32

/* A listening socket on 127.0.0.1, and "127.0.0.1:PORT". */
int peer_listen(char address[PEER_ADDRESS]);

/* The next connection. The listener is closed. */
int peer_accept(int listener);

int peer_connect(const char *address);

/* Shows what a program printed when its exit code is not the one expected, and fails the test. */
void peer_expect(const struct realm_result *result, const char *who, int exit_code);

/* Fails the test, showing the text, unless it has the part. */
void peer_expect_text(const char *text, const char *part);

#endif
