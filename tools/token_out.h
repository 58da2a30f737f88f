/* token_out.h - what `troth token` found: a list of parts with their offsets and depths, printed as text or as JSON. */
#ifndef TROTH_TOOLS_TOKEN_OUT_H
#define TROTH_TOOLS_TOKEN_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "bytes.h"
#include "text.h"

/* More are not kept, so that no input makes us print without end. */
#define TOKEN_PARTS_MAX 2000u

struct token_part {
    size_t offset; /* of its first byte in the input */
    unsigned depth;
    const char *name; /* static */
    char *value;      /* escaped, or NULL */
};

/* Begins as {.start = the input's first byte}; ends with token_out_free. */
struct token_out {
    const uint8_t *start;
    struct token_part *parts;
    size_t count;
    size_t capacity;
    unsigned depth;  /* of the next part */
    bool recognised; /* at least one token was */
    bool damaged;    /* something was cut, or is not what it should be */
    bool failed;     /* no memory: parts are missing */
    bool more;       /* TOKEN_PARTS_MAX was reached */
};

/* A part at this byte; the value is formatted and escaped. */
void token_say(struct token_out *out, const uint8_t *at, const char *name, const char *format, ...)
#if defined(__clang__)
    __attribute__((format(__printf__, 4, 5)))
#elif defined(__GNUC__)
    __attribute__((format(__gnu_printf__, 4, 5)))
#endif
    ;

/* A part whose value is bytes from the input, escaped and cut at some length. */
void token_say_text(struct token_out *out, const uint8_t *at, const char *name, troth__bytes value);

/* Something is wrong here; the whole counts as damaged. */
void token_wrong(struct token_out *out, const uint8_t *at, const char *what);

/* All parts, one a line: offset, indented by depth, name and value. */
void token_print(const struct token_out *out, struct text *text);

/* The same as a JSON array, nested: {"offset":0,"name":"...","value":"...","parts":[...]}. */
void token_print_json(const struct token_out *out, struct text *text);

/* A JSON string in quotes. */
void token_json_string(struct text *text, const char *string);

void token_out_free(struct token_out *out);

#endif
