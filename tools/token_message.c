/* token_message.c - says what stands in the headers of protected messages and of integrity codes. */
#include <inttypes.h>
#include <stdio.h>

#include "token_read.h"

#define HEADER 16u
#define SENT_BY_ACCEPTOR 0x1u
#define SEALED 0x2u
#define ACCEPTOR_SUBKEY 0x4u

static uint64_t be64(const uint8_t *bytes)
{
    return (uint64_t)token_be32(bytes) << 32 | token_be32(bytes + 4);
}

void token_read_message(struct token_out *out, troth__bytes token)
{
    bool wrap = token.data[0] == 0x05;
    token_say(out, token.data, wrap ? "wrap token (RFC 4121)" : "MIC token (RFC 4121)", "%zu bytes", token.length);
    out->depth++;
    if (token.length < HEADER) {
        token_wrong(out, token.data, "a header that is cut: it has 16 bytes");
        out->depth--;
        return;
    }
    uint8_t flags = token.data[2];
    token_say(out, token.data + 2, "flags", "0x%02x: from the %s, %s%s", flags,
              (flags & SENT_BY_ACCEPTOR) != 0 ? "acceptor" : "initiator",
              !wrap                   ? "integrity code"
              : (flags & SEALED) != 0 ? "sealed"
                                      : "not sealed (readable)",
              (flags & ACCEPTOR_SUBKEY) != 0 ? ", acceptor's subkey" : "");
    if (token.data[3] != 0xFF) {
        token_wrong(out, token.data + 3, "the filler is not FF");
    }
    if (wrap) {
        token_say(out, token.data + 4, "EC", "%u", (unsigned)token_be16(token.data + 4));
        token_say(out, token.data + 6, "RRC", "%u", (unsigned)token_be16(token.data + 6));
    }
    token_say(out, token.data + 8, "SND_SEQ", "%" PRIu64, be64(token.data + 8));
    token_say(out, token.data + HEADER, wrap ? "content" : "checksum", "%zu bytes, not shown", token.length - HEADER);
    out->depth--;
}

/* Section 1.2.1.1, and RFC 4757 section 7 for RC4. */
static const char *sign_name(uint32_t algorithm)
{
    return algorithm == 0x0000   ? "DES-MAC-MD5"
           : algorithm == 0x0100 ? "MD2.5"
           : algorithm == 0x0200 ? "DES-MAC"
           : algorithm == 0x0400 ? "HMAC-SHA1-DES3-KD"
           : algorithm == 0x1100 ? "HMAC-MD5 (RC4)"
                                 : "unknown";
}

static const char *seal_name(uint32_t algorithm)
{
    return algorithm == 0xFFFF   ? "none: not sealed (readable)"
           : algorithm == 0x0000 ? "DES"
           : algorithm == 0x0200 ? "DES3-KD"
           : algorithm == 0x1000 ? "RC4"
                                 : "unknown";
}

void token_read_message_old(struct token_out *out, troth__bytes token)
{
    bool wrap = token.data[0] == 0x02;
    token_say(out, token.data, "message token of the old form (RFC 1964)", "%zu bytes", token.length);
    out->depth++;
    if (token.length < 24) {
        token_wrong(out, token.data, "a header that is cut: it has 24 bytes");
    } else {
        uint32_t sign = token_be16(token.data + 2);
        token_say(out, token.data + 2, "SGN_ALG", "0x%04x (%s)", (unsigned)sign, sign_name(sign));
        if (wrap) {
            uint32_t seal = token_be16(token.data + 4);
            token_say(out, token.data + 4, "SEAL_ALG", "0x%04x (%s)", (unsigned)seal, seal_name(seal));
        }
        token_say(out, token.data + 8, "SND_SEQ", "8 bytes, encrypted");
        token_say(out, token.data + 16, wrap ? "checksum and content" : "checksum", "%zu bytes, not shown",
                  token.length - 16);
    }
    out->depth--;
}
