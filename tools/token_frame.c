/* token_frame.c - takes frames off what `troth token` was given, and tells one sort of token from another. */
#include <stdio.h>
#include <string.h>

#include "token_read.h"

#define DEPTH_MAX 24u  /* parts this deep are read no further */
#define FRAMES_MAX 64u /* in a row */
#define FRAME_LENGTH_MAX (16u << 20)

uint32_t token_le32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint32_t token_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[3] | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[0] << 24;
}

uint32_t token_be16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

uint32_t token_le16(const uint8_t *bytes)
{
    return (uint32_t)bytes[1] << 8 | bytes[0];
}

bool token_begins(troth__bytes bytes, const void *with, size_t length)
{
    return bytes.length >= length && memcmp(bytes.data, with, length) == 0;
}

struct troth__der_walk token_walk(struct token_out *out, troth__bytes bytes)
{
    return (struct troth__der_walk){bytes, &out->damaged};
}

/* ---- object identifiers --------------------------------------------------------------------------------------- */

static const struct {
    const char *figures;
    const char *name;
} oids[] = {
    {"1.2.840.113554.1.2.2", "Kerberos 5"},
    {"1.2.840.48018.1.2.2", "Kerberos 5 under Microsoft's own, wrong OID ([MS-SPNG])"},
    {"1.2.840.113554.1.2.2.3", "Kerberos 5 user-to-user"},
    {"1.3.5.1.5.2", "Kerberos 5, old"},
    {"1.3.6.1.5.5.2", "SPNEGO"},
    {"1.3.6.1.4.1.311.2.2.10", "NTLM"},
    {"1.3.6.1.4.1.311.2.2.30", "NegoEx"},
    {"1.3.6.1.5.2.5", "IAKERB"},
    {"1.3.6.1.5.2.7", "PKU2U"},
};

/* X.690 section 8.19. False where it is no OID. */
static bool oid_figures(troth__bytes oid, char *figures, size_t capacity)
{
    size_t at = 0;
    uint64_t value = 0;
    bool first = true;
    if (oid.length == 0 || (oid.data[oid.length - 1] & 0x80) != 0) {
        return false;
    }
    for (size_t i = 0; i < oid.length; i++) {
        if (value > UINT64_MAX >> 8) {
            return false;
        }
        value = value << 7 | (oid.data[i] & 0x7Fu);
        if ((oid.data[i] & 0x80) != 0) {
            continue;
        }
        unsigned arc = value < 40 ? 0 : value < 80 ? 1 : 2;
        int length = first ? snprintf(figures + at, capacity - at, "%u.%llu", arc, (unsigned long long)value - 40 * arc)
                           : snprintf(figures + at, capacity - at, ".%llu", (unsigned long long)value);
        if (length < 0 || (size_t)length >= capacity - at) {
            return false;
        }
        at += (size_t)length;
        value = 0;
        first = false;
    }
    return true;
}

static const char *oid_name(const char *figures)
{
    for (size_t i = 0; i < sizeof oids / sizeof oids[0]; i++) {
        if (strcmp(figures, oids[i].figures) == 0) {
            return oids[i].name;
        }
    }
    return NULL;
}

void token_say_oid(struct token_out *out, const uint8_t *at, const char *name, troth__bytes oid)
{
    char figures[160];
    if (!oid_figures(oid, figures, sizeof figures)) {
        token_wrong(out, at, "an object identifier that is none");
        return;
    }
    const char *known = oid_name(figures);
    token_say(out, at, name, "%s%s%s%s", figures, known != NULL ? " (" : "", known != NULL ? known : "",
              known != NULL ? ")" : "");
}

/* ---- one token ------------------------------------------------------------------------------------------------ */

/* The frame of RFC 2743 section 3.1: [APPLICATION 0] with an OID and the mechanism's own token. */
static void read_framed(struct token_out *out, troth__bytes token)
{
    struct troth__der_walk walk = token_walk(out, token);
    struct troth__der_element frame, oid;
    char figures[160] = "";
    if (!troth__der_next(&walk, &frame)) {
        token_wrong(out, token.data, "a frame of RFC 2743 that is cut in its length");
        return;
    }
    token_say(out, token.data, "GSS-API frame (RFC 2743)", "%zu bytes%s", frame.content.length,
              frame.whole ? "" : ", cut: there should be more");
    out->depth++;
    struct troth__der_walk inside = troth__der_into(&walk, &frame);
    const uint8_t *at = inside.rest.data;
    if (!troth__der_next(&inside, &oid) || oid.tag != TROTH__DER_OID) {
        token_wrong(out, at, "no mechanism follows");
    } else {
        token_say_oid(out, at, "mechanism", oid.content);
        (void)oid_figures(oid.content, figures, sizeof figures);
        const char *name = oid_name(figures);
        if (name == NULL) {
            token_say(out, inside.rest.data, "token of this mechanism", "%zu bytes", inside.rest.length);
        } else if (strcmp(name, "SPNEGO") == 0) {
            token_read_spnego(out, inside.rest);
        } else if (strncmp(name, "Kerberos", 8) == 0 || strcmp(name, "IAKERB") == 0) {
            token_read_kerberos_framed(out, inside.rest, name[0] == 'I');
        } else {
            token_read_one(out, inside.rest);
        }
        out->recognised = true;
    }
    out->depth--;
    if (walk.rest.length > 0) {
        /* The checksum of an old wrap token of DCE style may follow; nothing else does. */
        token_say(out, walk.rest.data, "behind the frame", "%zu bytes", walk.rest.length);
        out->damaged = true;
    }
}

bool token_looks_like_one(troth__bytes bytes)
{
    static const uint8_t tags[] = {0x60, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x7E, 0xA0, 0xA1};
    if (token_begins(bytes, "NTLMSSP", 8) || token_begins(bytes, "NEGOEXTS", 8) || token_begins(bytes, "\x05\x04", 2) ||
        token_begins(bytes, "\x04\x04", 2)) {
        return true;
    }
    /* A DER length of a token: short, or one to four bytes. */
    return bytes.length >= 2 && memchr(tags, bytes.data[0], sizeof tags) != NULL &&
           (bytes.data[1] < 0x80 ? bytes.data[1] > 0 : bytes.data[1] > 0x80 && bytes.data[1] <= 0x84);
}

void token_read_one(struct token_out *out, troth__bytes token)
{
    if (token.length == 0) {
        return;
    }
    if (out->depth > DEPTH_MAX) {
        token_wrong(out, token.data, "tokens in tokens, too many to follow");
        return;
    }
    if (!token_looks_like_one(token)) {
        token_say(out, token.data, "unknown", "%zu bytes of no known sort", token.length);
        out->damaged = true;
        return;
    }
    out->recognised = true;
    switch (token.data[0]) {
    case 'N':
        if (token.data[1] == 'T') {
            token_read_ntlm(out, token);
        } else {
            token_read_negoex(out, token);
        }
        break;
    case 0x60:
        read_framed(out, token);
        break;
    case 0xA0:
    case 0xA1:
        token_read_spnego(out, token);
        break;
    case 0x04:
    case 0x05:
        token_read_message(out, token);
        break;
    default:
        token_read_kerberos(out, token);
        break;
    }
}

/* ---- frames --------------------------------------------------------------------------------------------------- */

enum frame_sort { FRAME_BE32, FRAME_LE32, FRAME_SAMPLE, FRAME_NNS, FRAME_SORTS };

static const struct {
    const char *name;
    size_t header;
} frame_sorts[FRAME_SORTS] = {
    [FRAME_BE32] = {"frame: 4-byte big-endian length (be32)", 4},
    [FRAME_LE32] = {"frame: 4-byte little-endian length (le32)", 4},
    [FRAME_SAMPLE] = {"frame: flags and 4-byte big-endian length (gss-sample)", 5},
    [FRAME_NNS] = {"NegotiateStream handshake record", 5},
};

/* Reads a frame's header; false where it cannot be one of this sort. */
static bool frame_header(enum frame_sort sort, troth__bytes bytes, size_t *length)
{
    if (bytes.length < frame_sorts[sort].header) {
        return false;
    }
    switch (sort) {
    case FRAME_BE32:
        *length = token_be32(bytes.data);
        return true;
    case FRAME_LE32:
        *length = token_le32(bytes.data);
        return true;
    case FRAME_SAMPLE:
        *length = token_be32(bytes.data + 1);
        return true;
    default: /* [MS-NNS] section 2.2.1: message id, version 1.0, length */
        *length = token_be16(bytes.data + 3);
        return bytes.data[0] >= 0x14 && bytes.data[0] <= 0x16 && bytes.data[1] == 1 && bytes.data[2] == 0;
    }
}

/* The whole input is frames of this sort. */
static bool frames_fit(enum frame_sort sort, troth__bytes bytes)
{
    size_t length = 0;
    for (unsigned count = 0; count < FRAMES_MAX && frame_header(sort, bytes, &length); count++) {
        size_t whole = frame_sorts[sort].header + length;
        if (length > FRAME_LENGTH_MAX || whole > bytes.length) {
            return false;
        }
        bytes = (troth__bytes){bytes.data + whole, bytes.length - whole};
        if (bytes.length == 0) {
            return true;
        }
    }
    return false;
}

/* One frame that is cut: only where a token begins in it. */
static bool frame_cut(enum frame_sort sort, troth__bytes bytes)
{
    size_t length = 0;
    size_t header = frame_sorts[sort].header;
    return frame_header(sort, bytes, &length) && length <= FRAME_LENGTH_MAX &&
           token_looks_like_one((troth__bytes){bytes.data + header, bytes.length - header});
}

/* The content of a record that ends a handshake: empty, or an HRESULT or NTSTATUS as 8 bytes ([MS-NNS] 2.2.1). */
static void read_nns(struct token_out *out, const uint8_t *header, troth__bytes content)
{
    token_say(out, header, "message", "%s",
              header[0] == 0x14   ? "done (0x14)"
              : header[0] == 0x15 ? "error (0x15)"
                                  : "in progress (0x16)");
    if (header[0] != 0x15) {
        token_read_one(out, content);
        return;
    }
    out->recognised = true;
    if (content.length == 8) {
        token_say(out, content.data, "code", "0x%08x", (unsigned)token_be32(content.data + 4));
    } else {
        token_wrong(out, header, "an error record has 8 bytes");
    }
}

static void read_frames(struct token_out *out, enum frame_sort sort, troth__bytes bytes)
{
    size_t length = 0;
    while (frame_header(sort, bytes, &length)) {
        size_t header = frame_sorts[sort].header;
        bool cut = length > bytes.length - header;
        troth__bytes content = {bytes.data + header, cut ? bytes.length - header : length};
        token_say(out, bytes.data, frame_sorts[sort].name, "%zu bytes%s", length, cut ? ", cut" : "");
        out->damaged = out->damaged || cut;
        out->depth++;
        if (sort == FRAME_NNS) {
            read_nns(out, bytes.data, content);
        } else {
            if (sort == FRAME_SAMPLE) {
                token_say(out, bytes.data, "flags", "0x%02x", bytes.data[0]);
            }
            token_read_one(out, content);
        }
        out->depth--;
        bytes = (troth__bytes){content.data + content.length, bytes.length - header - content.length};
    }
    if (bytes.length > 0) {
        token_wrong(out, bytes.data, "bytes behind the last frame");
    }
}

void token_read(struct token_out *out, troth__bytes input)
{
    static const enum frame_sort order[] = {FRAME_NNS, FRAME_BE32, FRAME_LE32, FRAME_SAMPLE};
    if (input.length == 0) {
        out->damaged = true;
        return;
    }
    if (!token_looks_like_one(input)) {
        for (unsigned cut = 0; cut < 2; cut++) {
            for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
                if (cut == 0 ? frames_fit(order[i], input) : frame_cut(order[i], input)) {
                    read_frames(out, order[i], input);
                    return;
                }
            }
        }
    }
    token_read_one(out, input);
}
