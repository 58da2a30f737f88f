/* token_text.c - the bytes that a text in hexadecimal or base64 stands for, as people copy it out of logs. */
#include <ctype.h>
#include <string.h>

#include "token_read.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool token_from_hex(const char *text, size_t length, uint8_t *bytes, size_t *count)
{
    size_t made = 0;
    for (size_t i = 0; i < length; i++) {
        if (is_blank(text[i]) || text[i] == ':' || text[i] == ',') {
            continue;
        }
        if (i + 1 >= length) {
            return false;
        }
        if (text[i] == '0' && (text[i + 1] == 'x' || text[i + 1] == 'X')) {
            i++;
            continue;
        }
        int high = hex_digit(text[i]);
        int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[made++] = (uint8_t)(high << 4 | low);
        i++;
    }
    *count = made;
    return made > 0;
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+' || c == '-' ? 62
           : c == '/' || c == '_' ? 63
                                  : -1;
}

/* The length of "Authorization: Negotiate " and its like at the beginning. */
static size_t http_prefix(const char *text, size_t length)
{
    static const char *const words[] = {"Authorization:",
                                        "WWW-Authenticate:",
                                        "Proxy-Authorization:",
                                        "Proxy-Authenticate:",
                                        "Negotiate",
                                        "Kerberos",
                                        "NTLM"};
    size_t at = 0;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t word = strlen(words[i]);
        while (at < length && is_blank(text[at])) {
            at++;
        }
        bool same = word < length - at;
        for (size_t c = 0; c < word && same; c++) {
            same = tolower((unsigned char)text[at + c]) == tolower((unsigned char)words[i][c]);
        }
        if (same && (words[i][word - 1] == ':' || is_blank(text[at + word]))) {
            at += word;
        }
    }
    return at;
}

bool token_from_base64(const char *text, size_t length, uint8_t *bytes, size_t *count)
{
    size_t made = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    unsigned digits = 0;
    unsigned padding = 0;
    for (size_t i = http_prefix(text, length); i < length; i++) {
        int digit = base64_digit(text[i]);
        if (is_blank(text[i])) {
            continue;
        }
        if (text[i] == '=' && padding < 2) {
            padding++;
            continue;
        }
        if (digit < 0 || padding > 0) {
            return false;
        }
        digits++;
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFu;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[made++] = (uint8_t)(bits >> held);
        }
    }
    *count = made;
    return made > 0 && digits % 4 != 1;
}
