/* unicode.h - single characters between UTF-16 and UTF-8. What is well-formed UTF-8, name.h says. */
#ifndef TROTH_SRC_UNICODE_H
#define TROTH_SRC_UNICODE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The character that UTF-16 begins with (RFC 2781). second is the unit after first, 0 where there is none. Returns how
 * many units it takes, 1 or 2; 0 for half a pair.
 */
size_t troth__utf16_character(uint32_t first, uint32_t second, uint32_t *character);

/* Writes one character in UTF-8 (RFC 3629 section 3). Returns how many bytes it takes, up to 4. */
size_t troth__utf8_put(uint32_t character, char bytes[4]);

#endif
