/* steps.h - the single steps of making a realm: files, tools that are run once, servers that stay. */
#ifndef TROTH_TESTS_REALM_STEPS_H
#define TROTH_TESTS_REALM_STEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "kdc.h"

#define SECRET_SIZE 33

/* Says on stderr what is missing or failed. */
void step_complain(const char *format, ...);

/* The path of a file in the realm's directory. */
void step_path(const struct kdc *kdc, const char *file, char *path, size_t size);

/* Programs that PATH leads to, each with its package's name behind it. Those that are missing are said on stderr. */
bool step_installed(const char *const programs[][2], size_t count);

/* A password nobody knows: 128 random bits in hexadecimal digits. */
bool step_secret(char secret[SECRET_SIZE]);

/* Writes a file of the realm, anew, and shows one on stderr. */
bool step_write(const struct kdc *kdc, const char *file, const char *format, ...);
void step_show(const struct kdc *kdc, const char *file);

/* A file of the realm holds these words. */
bool step_said(const struct kdc *kdc, const char *file, const char *words);

/*
 * Runs a program to its end, with input, a file of the realm (NULL: nothing), as its stdin; what it prints is added to
 * tools.log. True: it ended well. If not, loud says so on stderr.
 */
bool step_run(const struct kdc *kdc, const char *input, const char *const *argv, bool loud);

/* Starts a server, and waits until it prints that it serves. False: it is gone again. */
bool step_serve(const struct kdc *kdc, struct server *server, const char *const *argv, const char *words);

/* Ends a server and waits for its end, if there is one. */
void step_end(struct server *server);

#endif
