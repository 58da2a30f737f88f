/* text.h - a text that grows, and what of a peer's bytes may reach a terminal. */
#ifndef TROTH_TOOLS_TEXT_H
#define TROTH_TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Begins as TEXT_INIT. After an allocation has failed nothing is added any more and `failed` stays true. */
struct text {
    char *bytes; /* NUL-terminated; NULL while nothing was added */
    size_t length;
    size_t capacity;
    bool failed;
};

#define TEXT_INIT                                                                                                      \
    {                                                                                                                  \
        NULL, 0, 0, false                                                                                              \
    }

/* Adds a string as it is. */
void text_add(struct text *text, const char *string);

/*
 * Adds bytes that somebody else chose: control characters (C0, DEL, and C1 in UTF-8), the characters that turn the
 * direction of writing, and what is not UTF-8 become \xNN for each byte. Everything else stays as it is.
 */
void text_add_escaped(struct text *text, const void *bytes, size_t length);

/* Wipes and frees it, and makes it TEXT_INIT again. */
void text_free(struct text *text);

#endif
