/* unicode.c - single characters between UTF-16 and UTF-8. */
#include "unicode.h"

size_t troth__utf16_character(uint32_t first, uint32_t second, uint32_t *character)
{
    *character = first;
    if (first < 0xD800 || first > 0xDFFF)
        return 1;
    if (first > 0xDBFF || second < 0xDC00 || second > 0xDFFF)
        return 0;
    *character = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
    return 2;
}

size_t troth__utf8_put(uint32_t character, char bytes[4])
{
    if (character < 0x80) {
        bytes[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        bytes[0] = (char)(0xC0 | character >> 6);
        bytes[1] = (char)(0x80 | (character & 0x3F));
        return 2;
    }
    if (character < 0x10000) {
        bytes[0] = (char)(0xE0 | character >> 12);
        bytes[1] = (char)(0x80 | (character >> 6 & 0x3F));
        bytes[2] = (char)(0x80 | (character & 0x3F));
        return 3;
    }
    bytes[0] = (char)(0xF0 | character >> 18);
    bytes[1] = (char)(0x80 | (character >> 12 & 0x3F));
    bytes[2] = (char)(0x80 | (character >> 6 & 0x3F));
    bytes[3] = (char)(0x80 | (character & 0x3F));
    return 4;
}
