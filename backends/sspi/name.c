/* name.c - native names, and text between UTF-8 and the UTF-16 of SSPI. */
#include "internal.h"

#include <string.h>

#include "error.h"
#include "name.h"
#include "unicode.h"

/* Reads one character of UTF-8 that is known to be well-formed. Returns how many bytes it has. */
static size_t sspi_utf8_read(const unsigned char *text, uint32_t *character)
{
    if (text[0] < 0x80) {
        *character = text[0];
        return 1;
    }
    if (text[0] < 0xE0) {
        *character = ((uint32_t)(text[0] & 0x1F) << 6) | (text[1] & 0x3Fu);
        return 2;
    }
    if (text[0] < 0xF0) {
        *character = ((uint32_t)(text[0] & 0x0F) << 12) | ((text[1] & 0x3Fu) << 6) | (text[2] & 0x3Fu);
        return 3;
    }
    *character =
        ((uint32_t)(text[0] & 0x07) << 18) | ((text[1] & 0x3Fu) << 12) | ((text[2] & 0x3Fu) << 6) | (text[3] & 0x3Fu);
    return 4;
}

/* Reads one character of UTF-16, U+FFFD for half a pair. Returns how many units it has. */
static size_t sspi_utf16_read(const WCHAR *wide, size_t units, uint32_t *character)
{
    const size_t taken = troth__utf16_character((uint16_t)wide[0], units > 1 ? (uint16_t)wide[1] : 0, character);

    if (taken > 0)
        return taken;
    *character = 0xFFFD;
    return 1;
}

static size_t sspi_wide_length(const WCHAR *wide)
{
    size_t units = 0;

    while (wide[units] != 0)
        units++;
    return units;
}

troth_status troth__sspi_wide_new(const char *text, size_t length, const char *what, WCHAR **wide, size_t *units,
                                  troth_error *error)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t at = 0;
    size_t written = 0;
    uint32_t character;

    *wide = NULL;
    if (units != NULL)
        *units = 0;
    if (!troth__utf8_valid(text, length))
        return troth__error_set(error, TROTH_E_NAME, "the %s is not UTF-8", what);
    /* UTF-16 never has more units than UTF-8 has bytes. */
    if (length >= SIZE_MAX / sizeof(WCHAR) || (*wide = troth__alloc((length + 1) * sizeof(WCHAR))) == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for the %s", what);
    while (at < length) {
        at += sspi_utf8_read(bytes + at, &character);
        if (character >= 0x10000) {
            (*wide)[written++] = (WCHAR)(0xD800 + ((character - 0x10000) >> 10));
            character = 0xDC00 + ((character - 0x10000) & 0x3FF);
        }
        (*wide)[written++] = (WCHAR)character;
    }
    if (units != NULL)
        *units = written;
    return TROTH_OK;
}

void troth__sspi_wide_free(WCHAR *wide)
{
    if (wide != NULL)
        troth__wipe_free(wide, sspi_wide_length(wide) * sizeof(WCHAR));
}

void troth__sspi_narrow(const WCHAR *wide, size_t units, char *buffer, size_t capacity)
{
    size_t at = 0;
    size_t written = 0;

    while (at < units) {
        char bytes[4];
        uint32_t character;
        size_t taken = sspi_utf16_read(wide + at, units - at, &character);
        size_t size = troth__utf8_put(character, bytes);

        if (written + size >= capacity)
            break;
        memcpy(buffer + written, bytes, size);
        written += size;
        at += taken;
    }
    buffer[written] = 0;
}

char *troth__sspi_narrow_new(const WCHAR *wide)
{
    size_t units = sspi_wide_length(wide);
    char *text;

    /* One unit is at most three bytes; a pair is four. */
    if (units > SIZE_MAX / 3 - 1 || (text = troth__alloc(units * 3 + 1)) == NULL)
        return NULL;
    troth__sspi_narrow(wide, units, text, units * 3 + 1);
    return text;
}

troth_status troth__sspi_name_new(const troth_name *name, const char *what, WCHAR **wide, troth_error *error)
{
    size_t service;
    size_t host;
    char *spn;
    troth_status status;

    *wide = NULL;
    if (name->principal != NULL)
        return troth__sspi_wide_new(name->principal, strlen(name->principal), what, wide, NULL, error);
    service = strlen(name->service);
    host = strlen(name->host);
    spn = troth__alloc(service + host + 2);
    if (spn == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for the %s", what);
    memcpy(spn, name->service, service);
    spn[service] = '/';
    memcpy(spn + service + 1, name->host, host);
    status = troth__sspi_wide_new(spn, service + 1 + host, what, wide, NULL, error);
    troth__free(spn);
    return status;
}
