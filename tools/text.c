/* text.c - a text that grows, and what of a peer's bytes may reach a terminal. */
#include "text.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"

static bool text_reserve(struct text *text, size_t more)
{
    if (text->failed || more > SIZE_MAX / 4 || text->length > SIZE_MAX / 4) {
        text->failed = true;
        return false;
    }
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity) {
        return true;
    }
    size_t capacity = needed * 2;
    /* Not realloc: it would leave the old copy unwiped. */
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        text->failed = true;
        return false;
    }
    if (text->bytes != NULL) {
        memcpy(bytes, text->bytes, text->length);
        platform_wipe(text->bytes, text->capacity);
        free(text->bytes);
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

static void text_add_bytes(struct text *text, const void *bytes, size_t length)
{
    if (length > 0 && text_reserve(text, length)) {
        memcpy(text->bytes + text->length, bytes, length);
        text->length += length;
        text->bytes[text->length] = '\0';
    }
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

/* The length of the UTF-8 character (RFC 3629 section 4) that begins here, and its value; 0: it is none. */
static size_t utf8_character(const uint8_t *bytes, size_t length, uint32_t *value)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = bytes[0];
    size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
    if (size == 0 || size > length) {
        return 0;
    }
    uint32_t result = size == 1 ? first : first & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        result = result << 6 | (bytes[i] & 0x3Fu);
    }
    if (result < least[size] || result > 0x10FFFF || (result >= 0xD800 && result <= 0xDFFF)) {
        return 0;
    }
    *value = result;
    return size;
}

static bool harmless(uint32_t character)
{
    return character >= 0x20 && !(character >= 0x7F && character <= 0x9F) &&
           !(character >= 0x2028 && character <= 0x202E) && !(character >= 0x2066 && character <= 0x2069);
}

void text_add_escaped(struct text *text, const void *bytes, size_t length)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint8_t *next = bytes;
    while (length > 0) {
        uint32_t character = 0;
        size_t size = utf8_character(next, length, &character);
        if (size > 0 && harmless(character)) {
            text_add_bytes(text, next, size);
        } else {
            size = size > 0 ? size : 1;
            for (size_t i = 0; i < size; i++) {
                char escaped[] = {'\\', 'x', digits[next[i] >> 4], digits[next[i] & 0xF]};
                text_add_bytes(text, escaped, sizeof escaped);
            }
        }
        next += size;
        length -= size;
    }
}

void text_free(struct text *text)
{
    if (text->bytes != NULL) {
        platform_wipe(text->bytes, text->capacity);
        free(text->bytes);
    }
    *text = (struct text)TEXT_INIT;
}
