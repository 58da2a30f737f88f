/*
 * watch.h - a table of native calls that makes the real ones, keeps account of everything that they make, and lets
 * one of them fail; and the same for the library's memory (the linker's --wrap puts it in between).
 */
#ifndef TROTH_TESTS_FAULTS_WATCH_H
#define TROTH_TESTS_FAULTS_WATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "backend.h"
#include "gssapi/native.h"

/* The watching table itself, for tests that put calls of their own into a copy of it. */
extern const struct troth__gss_native watch_native;

/* Makes a backend of a table; both live as long as the credentials made of it. */
troth__backend watch_backend_of(const struct troth__gss_native *native);

/* How the chosen call fails. What only releases does so in every case: nobody could release it otherwise. */
enum watch_failure {
    WATCH_NONE,
    WATCH_BEFORE,    /* the real call is not made, and no output is touched */
    WATCH_AFTER,     /* the real call is made, and what it made is released again */
    WATCH_ALLOCATION /* the chosen troth__alloc returns NULL */
};

/* Starts counting anew; the nth call from here on (the first is 1) fails so. */
void watch_start(enum watch_failure failure, unsigned nth);

/* The name of the call that failed so since watch_start, or NULL. */
const char *watch_failed(void);

/* How many native calls, and how many allocations of the library, were made since watch_start. */
unsigned watch_calls(void);
unsigned watch_allocations(void);

/*
 * How many objects of native calls and pieces of the library's memory live, and how many private ccaches (asked of the
 * krb5 library itself). Each is told on stderr when tell is set. What was released without being alive counts, too.
 */
unsigned watch_alive(bool tell);

/* While a secret is set, memory of the library that is freed with it inside counts as alive. NULL ends it. */
void watch_secret(const void *secret, size_t length);

/* Descriptors that are open in this process. */
unsigned watch_descriptors(void);

#endif
