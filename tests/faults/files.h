/* files.h - files that change while a credential lives on them: read, put in place, cut off, made with kinit. */
#ifndef TROTH_TESTS_FAULTS_FILES_H
#define TROTH_TESTS_FAULTS_FILES_H

#include <stddef.h>

/* A file's content, kept apart. */
struct content {
    char *bytes;
    size_t length;
};

/* Reads a file; fails the running test when it cannot. */
struct content files_read(const char *path);
void files_free(struct content *content);

/* Puts the content in the path's place, all at once (a new file, renamed). Returns 0; safe in any thread. */
int files_put(const char *path, const struct content *content);

/* Tickets of the realm's user, by its keytab, or (password true) of the user with a password. */
struct content files_tickets(int password);

#endif
