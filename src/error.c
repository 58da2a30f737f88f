/* error.c - the text of a troth_error, and the names of the statuses and of the version. */
#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "name.h"

#define TEXT_SIZE sizeof(((troth_error *)0)->text)
#define TEXT_ROOM (TEXT_SIZE - 1)

#define STRING_OF(value) #value
#define STRING(value) STRING_OF(value)

static const char hint_mark[] = " Hint: ";

const char *troth_version(void)
{
    return STRING(TROTH_VERSION_MAJOR) "." STRING(TROTH_VERSION_MINOR) "." STRING(TROTH_VERSION_PATCH);
}

#define NAMED(status) [status] = #status

static const char *const status_names[] = {
    NAMED(TROTH_OK),
    NAMED(TROTH_CONTINUE),
    NAMED(TROTH_E_ARGUMENT),
    NAMED(TROTH_E_STATE),
    NAMED(TROTH_E_BUFFER_TOO_SMALL),
    NAMED(TROTH_E_UNAVAILABLE),
    NAMED(TROTH_E_UNSUPPORTED),
    NAMED(TROTH_E_MEMORY),
    NAMED(TROTH_E_FAILURE),
    NAMED(TROTH_E_NAME),
    NAMED(TROTH_E_MECHANISM),
    NAMED(TROTH_E_NO_CREDENTIAL),
    NAMED(TROTH_E_UNKNOWN_TARGET),
    NAMED(TROTH_E_WRONG_KEY),
    NAMED(TROTH_E_NO_KDC),
    NAMED(TROTH_E_CLOCK_SKEW),
    NAMED(TROTH_E_DENIED),
    NAMED(TROTH_E_EXPIRED),
    NAMED(TROTH_E_REPLAY),
    NAMED(TROTH_E_BINDINGS),
    NAMED(TROTH_E_BAD_TOKEN),
    NAMED(TROTH_E_REQUIREMENT),
    NAMED(TROTH_E_ENCRYPTION),
    NAMED(TROTH_E_LIMIT),
    NAMED(TROTH_E_WRONG_TARGET),
    NAMED(TROTH_E_ALTERED),
    NAMED(TROTH_E_OUT_OF_SEQUENCE),
    NAMED(TROTH_E_GAP),
    NAMED(TROTH_E_OLD),
    NAMED(TROTH_E_CLOSED),
    NAMED(TROTH_E_TIMEOUT),
    NAMED(TROTH_E_IO),
    NAMED(TROTH_E_FRAME),
};

const char *troth_status_name(troth_status status)
{
    /* Callers may pass any number: an unsigned index also turns the negative ones away. */
    unsigned index = (unsigned)status;

    if (index >= sizeof(status_names) / sizeof(status_names[0]) || status_names[index] == NULL)
        return "TROTH_E_?";
    return status_names[index];
}

troth_error *troth__error_begin(troth_error *caller, troth_error *scratch)
{
    troth_error *error = caller != NULL && caller->size >= sizeof(troth_error) ? caller : scratch;

    if (error == scratch) {
        error->size = sizeof(troth_error);
        memset(error->reserved, 0, sizeof(error->reserved));
    }
    error->status = TROTH_OK;
    error->native_major = 0;
    error->native_minor = 0;
    error->text[0] = '\0';
    return error;
}

/* The largest length up to limit at which text, well-formed and longer than limit, can be cut between characters. */
static size_t boundary(const char *text, size_t limit)
{
    while (limit > 0 && ((unsigned char)text[limit] & 0xC0u) == 0x80u)
        limit--;
    return limit;
}

/* Where vsnprintf cut in the middle of a character, drops what is left of it: it is not the native text's fault. */
static void drop_broken_end(char *text)
{
    size_t length = strlen(text);
    size_t start = length;

    while (start > 0 && length - start < 3 && ((unsigned char)text[start - 1] & 0xC0u) == 0x80u)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC2u &&
        troth__utf8_character(text + start - 1, length - start + 1) == 0)
        text[start - 1] = '\0';
}

/*
 * Makes native text fit for people and terminals, in place and never longer: control characters (C0, DEL, C1) become
 * spaces, bytes that are no UTF-8 become question marks.
 */
static void clean(char *text)
{
    size_t length = strlen(text);
    size_t to = 0;

    for (size_t from = 0; from < length;) {
        size_t size = troth__utf8_character(text + from, length - from);
        unsigned char first = (unsigned char)text[from];

        if (size == 0) {
            text[to++] = '?';
            from++;
        } else if (first < 0x20u || first == 0x7Fu || (first == 0xC2u && (unsigned char)text[from + 1] < 0xA0u)) {
            text[to++] = ' ';
            from += size;
        } else {
            memmove(text + to, text + from, size);
            to += size;
            from += size;
        }
    }
    text[to] = '\0';
}

static void format_text(char text[TEXT_SIZE], const char *format, va_list arguments)
{
    int length = vsnprintf(text, TEXT_SIZE, format, arguments);

    if (length < 0) {
        /* An encoding error in a wide argument: what was written so far is not defined. */
        text[0] = '\0';
    } else if ((size_t)length > TEXT_ROOM) {
        drop_broken_end(text);
    }
    clean(text);
}

/*
 * Writes first, second and the hint (which begins with hint_mark, or is empty) into the error. When they do not fit,
 * the end of first and second together gives way, and "..." stands where it was. The parts may be in error->text.
 */
static void arrange(troth_error *error, const char *first, const char *second, const char *hint)
{
    char text[TEXT_SIZE];
    size_t first_length = strlen(first);
    size_t second_length = strlen(second);
    size_t hint_length = strlen(hint);
    size_t at = 0;
    bool cut;

    if (first_length + second_length == 0 && hint_length > 0) {
        hint++; /* the space after a sentence that is not there */
        hint_length--;
    }
    if (hint_length > TEXT_ROOM - 3)
        hint_length = boundary(hint, TEXT_ROOM - 3);
    cut = first_length + second_length + hint_length + (hint_length > 0) > TEXT_ROOM;
    if (cut) {
        size_t room = TEXT_ROOM - 3 - hint_length;

        if (first_length > room) {
            first_length = boundary(first, room);
            second_length = 0;
        } else if (second_length > room - first_length) {
            second_length = boundary(second, room - first_length);
        }
    }

    memcpy(text, first, first_length);
    memcpy(text + first_length, second, second_length);
    at = first_length + second_length;
    if (cut) {
        while (at > 0 && text[at - 1] == '.')
            at--; /* the dots of an earlier cut */
        memcpy(text + at, "...", 3);
        at += 3;
    } else if (hint_length > 0 && at > 0 && text[at - 1] != '.') {
        text[at++] = '.';
    }
    memcpy(text + at, hint, hint_length);
    at += hint_length;
    text[at] = '\0';
    memcpy(error->text, text, at + 1);
}

troth_status troth__error_set(troth_error *error, troth_status status, const char *format, ...)
{
    char text[TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    format_text(text, format, arguments);
    va_end(arguments);
    error->status = status;
    arrange(error, text, "", "");
    return status;
}

void troth__error_native(troth_error *error, uint32_t major, uint32_t minor)
{
    error->native_major = major;
    error->native_minor = minor;
}

void troth__error_append(troth_error *error, const char *format, ...)
{
    size_t length = strlen(error->text);
    char text[TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    format_text(text, format, arguments);
    va_end(arguments);
    if (length + 3 >= TEXT_ROOM && strcmp(error->text + length - 3, "...") == 0)
        return; /* cut already: nothing may come behind the dots, though a few bytes would fit */
    arrange(error, error->text, text, "");
}

void troth__error_prefix(troth_error *error, const char *format, ...)
{
    char text[TEXT_SIZE];
    char body[TEXT_SIZE];
    const char *hint = "";
    char *mark = NULL;
    va_list arguments;

    va_start(arguments, format);
    format_text(text, format, arguments);
    va_end(arguments);
    memcpy(body, error->text, strlen(error->text) + 1);
    mark = strstr(body, hint_mark);
    if (mark != NULL) {
        hint = error->text + (mark - body);
        *mark = '\0';
    }
    arrange(error, text, body, hint);
}

void troth__error_hint(troth_error *error, const char *format, ...)
{
    char text[TEXT_SIZE];
    char hint[sizeof(hint_mark) + TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    format_text(text, format, arguments);
    va_end(arguments);
    memcpy(hint, hint_mark, sizeof(hint_mark));
    memcpy(hint + sizeof(hint_mark) - 1, text, strlen(text) + 1);
    arrange(error, error->text, "", hint);
}
