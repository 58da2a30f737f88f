/* plumbing.h - the sockets of the examples, which are not what they show. Failures are -1, and said on stderr. */
#ifndef TROTH_EXAMPLES_PLUMBING_H
#define TROTH_EXAMPLES_PLUMBING_H

#include "troth/stream.h"

/* Listens on 127.0.0.1; port "0" lets the system choose. Prints "listening: PORT". */
troth_socket plumbing_listen(const char *port);

/* Waits for the next connection. */
troth_socket plumbing_accept(troth_socket listener);

troth_socket plumbing_connect(const char *host, const char *port);

/* Runs a function in so many threads (up to 64), and returns when all of them have. */
void plumbing_threads(unsigned count, void (*run)(void *argument), void *argument);

/* -1 is allowed. */
void plumbing_close(troth_socket socket);

#endif
