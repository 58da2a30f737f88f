/* name.h - the syntax of names, the same on every platform; the native forms are the backends'. */
#ifndef TROTH_SRC_NAME_H
#define TROTH_SRC_NAME_H

#include <stdbool.h>

#include "troth/troth.h"

/* Nothing is set in it. */
bool troth__name_empty(const troth_name *name);

/*
 * Checks a name that is not empty against the rules that troth.h gives for troth_name. what says whose it is, for the
 * text ("target"). Returns TROTH_OK or TROTH_E_NAME.
 */
troth_status troth__name_check(const troth_name *name, const char *what, troth_error *error);

/* Copies every member that is set. Returns 0, or -1 when memory is out (and then *copy is all NULL). */
int troth__name_copy(const troth_name *name, troth_name *copy);

/* Frees a copy and sets it to NULL. */
void troth__name_free(troth_name *copy);

/* Room for a name in a text; troth__name_show cuts a longer one. */
#define TROTH__NAME_SHOWN 256

/*
 * For texts: "service@host", the principal, or instead for an empty name, with every byte that a terminal could
 * take for a command made a question mark. Returns buffer. capacity above 0; a longer name is cut at a character.
 */
const char *troth__name_show(const troth_name *name, const char *instead, char *buffer, size_t capacity);

/*
 * How many bytes the UTF-8 character at text has (1 to 4), or 0 when the length bytes there begin with none. The same
 * strictness as below.
 */
size_t troth__utf8_character(const char *text, size_t length);

/* A text without control characters (C0, DEL, C1), and well-formed UTF-8. */
bool troth__text_plain(const char *text);

/* length bytes are well-formed UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF). */
bool troth__utf8_valid(const char *text, size_t length);

#endif
