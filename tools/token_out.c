/* token_out.c - keeps what `troth token` found, and prints it as text or as JSON. */
#include "token_out.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 256u /* of a value's text before it is escaped */

static void token_keep(struct token_out *out, const uint8_t *at, const char *name, const void *value, size_t length)
{
    struct text escaped = TEXT_INIT;
    if (out->count == TOKEN_PARTS_MAX || out->failed) {
        out->more = true;
        return;
    }
    if (out->count == out->capacity) {
        size_t capacity = out->capacity == 0 ? 32 : out->capacity * 2;
        struct token_part *parts = realloc(out->parts, capacity * sizeof *parts);
        if (parts == NULL) {
            out->failed = true;
            return;
        }
        out->parts = parts;
        out->capacity = capacity;
    }
    text_add_escaped(&escaped, value, length < VALUE_MAX ? length : VALUE_MAX);
    if (length > VALUE_MAX) {
        text_add(&escaped, "...");
    }
    out->failed = out->failed || escaped.failed;
    out->parts[out->count++] = (struct token_part){(size_t)(at - out->start), out->depth, name, escaped.bytes};
}

void token_say(struct token_out *out, const uint8_t *at, const char *name, const char *format, ...)
{
    char value[VALUE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    token_keep(out, at, name, value, length < 0 ? 0 : strlen(value));
}

void token_say_text(struct token_out *out, const uint8_t *at, const char *name, troth__bytes value)
{
    token_keep(out, at, name, value.data, value.length);
}

void token_wrong(struct token_out *out, const uint8_t *at, const char *what)
{
    out->damaged = true;
    token_say(out, at, "wrong", "%s", what);
}

void token_print(const struct token_out *out, struct text *text)
{
    for (size_t i = 0; i < out->count; i++) {
        const struct token_part *part = &out->parts[i];
        char head[96];
        (void)snprintf(head, sizeof head, "%6zu  %*s%s", part->offset, (int)(part->depth * 2), "", part->name);
        text_add(text, head);
        if (part->value != NULL) {
            text_add(text, ": ");
            text_add(text, part->value);
        }
        text_add(text, "\n");
    }
    if (out->more) {
        text_add(text, "        ... and more, which is not shown\n");
    }
}

void token_json_string(struct text *text, const char *string)
{
    text_add(text, "\"");
    for (; *string != '\0'; string++) {
        char one[2] = {*string, '\0'};
        if (*string == '"' || *string == '\\') {
            text_add(text, "\\");
        }
        text_add(text, one);
    }
    text_add(text, "\"");
}

void token_print_json(const struct token_out *out, struct text *text)
{
    unsigned depth = 0;
    text_add(text, "[");
    for (size_t i = 0; i < out->count; i++) {
        const struct token_part *part = &out->parts[i];
        char head[64];
        for (; depth > part->depth; depth--) {
            text_add(text, "]}");
        }
        if (i > 0 && text->bytes != NULL && text->bytes[text->length - 1] != '[') {
            text_add(text, ",");
        }
        (void)snprintf(head, sizeof head, "{\"offset\":%zu,\"name\":", part->offset);
        text_add(text, head);
        token_json_string(text, part->name);
        if (part->value != NULL) {
            text_add(text, ",\"value\":");
            token_json_string(text, part->value);
        }
        /* Depth never grows by more than one: a part is opened by the one before it. */
        if (i + 1 < out->count && out->parts[i + 1].depth > part->depth) {
            text_add(text, ",\"parts\":[");
            depth++;
        } else {
            text_add(text, "}");
        }
    }
    for (; depth > 0; depth--) {
        text_add(text, "]}");
    }
    text_add(text, "]");
}

void token_out_free(struct token_out *out)
{
    for (size_t i = 0; i < out->count; i++) {
        free(out->parts[i].value);
    }
    free(out->parts);
    *out = (struct token_out){.start = out->start};
}
