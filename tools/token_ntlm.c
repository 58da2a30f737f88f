/* token_ntlm.c - says what an NTLM message holds ([MS-NLMP] section 2.2.1): names and flags, never hash or response. */
#include <stdio.h>
#include <string.h>

#include "token_read.h"
#include "unicode.h"

#define UNICODE_FLAG 0x1u
#define VERSION_FLAG 0x2000000u

/* Section 2.2.2.5. */
static const char *const flag_names[32] = {
    [0] = "UNICODE",
    [1] = "OEM",
    [2] = "REQUEST_TARGET",
    [4] = "SIGN",
    [5] = "SEAL",
    [6] = "DATAGRAM",
    [7] = "LM_KEY",
    [9] = "NTLM",
    [11] = "ANONYMOUS",
    [12] = "OEM_DOMAIN_SUPPLIED",
    [13] = "OEM_WORKSTATION_SUPPLIED",
    [15] = "ALWAYS_SIGN",
    [16] = "TARGET_TYPE_DOMAIN",
    [17] = "TARGET_TYPE_SERVER",
    [19] = "EXTENDED_SESSIONSECURITY",
    [20] = "IDENTIFY",
    [22] = "NON_NT_SESSION_KEY",
    [23] = "TARGET_INFO",
    [25] = "VERSION",
    [29] = "128",
    [30] = "KEY_EXCH",
    [31] = "56",
};

static void say_flags(struct token_out *out, const uint8_t *at, uint32_t flags)
{
    token_say(out, at, "flags", "0x%08x", (unsigned)flags);
    out->depth++;
    for (unsigned bit = 0; bit < 32; bit++) {
        if ((flags >> bit & 1u) != 0) {
            token_say(out, at, "flag", "%s", flag_names[bit] != NULL ? flag_names[bit] : "reserved");
        }
    }
    out->depth--;
}

/* A length, a maximum, an offset: what they point to, when it lies inside. Returns false (and says so) when not. */
static bool field_at(struct token_out *out, troth__bytes token, size_t at, const char *name, troth__bytes *field)
{
    *field = (troth__bytes){token.data, 0};
    if (token.length < at + 8) {
        return false;
    }
    size_t length = token_le16(token.data + at);
    size_t offset = token_le32(token.data + at + 4);
    if (length == 0) {
        return true;
    }
    if (offset > token.length || length > token.length - offset) {
        out->damaged = true;
        token_say(out, token.data + at, "wrong", "%s lies outside the message", name);
        return false;
    }
    *field = (troth__bytes){token.data + offset, length};
    return true;
}

/* UTF-16LE as UTF-8; a lone surrogate becomes a question mark. */
static void say_wide(struct token_out *out, const uint8_t *at, const char *name, troth__bytes wide)
{
    char text[512];
    size_t length = 0;
    for (size_t i = 0, units; i + 1 < wide.length && length + 4 <= sizeof text; i += 2 * units) {
        uint32_t character;
        units = troth__utf16_character(token_le16(wide.data + i),
                                       i + 3 < wide.length ? token_le16(wide.data + i + 2) : 0, &character);
        if (units == 0) {
            character = '?';
            units = 1;
        }
        length += troth__utf8_put(character, text + length);
    }
    token_say_text(out, at, name, (troth__bytes){(const uint8_t *)text, length});
}

static void say_name(struct token_out *out, troth__bytes token, size_t at, const char *name, bool wide)
{
    troth__bytes field;
    if (!field_at(out, token, at, name, &field)) {
        return;
    }
    if (field.length == 0) {
        token_say(out, token.data + at, name, "(empty)");
    } else if (wide) {
        say_wide(out, field.data, name, field);
    } else {
        token_say_text(out, field.data, name, field);
    }
}

static void say_version(struct token_out *out, troth__bytes token, size_t at, uint32_t flags)
{
    if ((flags & VERSION_FLAG) != 0 && token.length >= at + 8) {
        token_say(out, token.data + at, "version", "%u.%u build %u, NTLM revision %u", token.data[at],
                  token.data[at + 1], (unsigned)token_le16(token.data + at + 2), token.data[at + 7]);
    }
}

static void say_hidden(struct token_out *out, troth__bytes token, size_t at, const char *name)
{
    troth__bytes field;
    if (field_at(out, token, at, name, &field)) {
        token_say(out, token.data + at, name, "%zu bytes, not shown", field.length);
    }
}

/* AV_PAIRs, section 2.2.2.1: the names. */
static void say_target_info(struct token_out *out, troth__bytes info)
{
    static const char *const ids[] = {
        NULL,    "computer",  "domain",      "DNS computer", "DNS domain",       "DNS tree",
        "flags", "timestamp", "single host", "target name",  "channel bindings",
    };
    out->depth++;
    while (info.length >= 4) {
        uint32_t id = token_le16(info.data);
        size_t length = token_le16(info.data + 2);
        if (id == 0) {
            break;
        }
        if (length > info.length - 4) {
            token_wrong(out, info.data, "target information that is cut");
            break;
        }
        troth__bytes value = {info.data + 4, length};
        if (id <= 5 || id == 9) {
            say_wide(out, info.data, ids[id], value);
        } else {
            token_say(out, info.data, id < sizeof ids / sizeof ids[0] ? ids[id] : "unknown pair", "%zu bytes", length);
        }
        info = (troth__bytes){info.data + 4 + length, info.length - 4 - length};
    }
    out->depth--;
}

static void read_negotiate(struct token_out *out, troth__bytes token)
{
    if (token.length < 16) {
        token_wrong(out, token.data, "a NEGOTIATE message that is cut");
        return;
    }
    uint32_t flags = token_le32(token.data + 12);
    say_flags(out, token.data + 12, flags);
    say_name(out, token, 16, "domain", false);
    say_name(out, token, 24, "workstation", false);
    say_version(out, token, 32, flags);
}

static void read_challenge(struct token_out *out, troth__bytes token)
{
    troth__bytes info;
    if (token.length < 32) {
        token_wrong(out, token.data, "a CHALLENGE message that is cut");
        return;
    }
    uint32_t flags = token_le32(token.data + 20);
    say_name(out, token, 12, "target", (flags & UNICODE_FLAG) != 0);
    say_flags(out, token.data + 20, flags);
    token_say(out, token.data + 24, "server challenge", "8 bytes, not shown");
    if (field_at(out, token, 40, "target information", &info) && info.length > 0) {
        token_say(out, info.data, "target information", "%zu bytes", info.length);
        say_target_info(out, info);
    }
    say_version(out, token, 48, flags);
}

static void read_authenticate(struct token_out *out, troth__bytes token)
{
    troth__bytes response;
    if (token.length < 64) {
        token_wrong(out, token.data, "an AUTHENTICATE message that is cut");
        return;
    }
    uint32_t flags = token_le32(token.data + 60);
    bool wide = (flags & UNICODE_FLAG) != 0;
    say_name(out, token, 28, "domain", wide);
    say_name(out, token, 36, "user", wide);
    say_name(out, token, 44, "workstation", wide);
    say_flags(out, token.data + 60, flags);
    say_hidden(out, token, 12, "LM response");
    if (field_at(out, token, 20, "NT response", &response)) {
        token_say(out, token.data + 20, "NT response", "%zu bytes, not shown (%s)", response.length,
                  response.length == 0    ? "none"
                  : response.length <= 24 ? "NTLMv1"
                                          : "NTLMv2");
    }
    say_hidden(out, token, 52, "session key");
    say_version(out, token, 64, flags);
}

void token_read_ntlm(struct token_out *out, troth__bytes token)
{
    static const struct {
        const char *name;
        void (*read)(struct token_out *out, troth__bytes token);
    } types[] = {
        {NULL, NULL},
        {"NTLM NEGOTIATE, type 1 ([MS-NLMP])", read_negotiate},
        {"NTLM CHALLENGE, type 2 ([MS-NLMP])", read_challenge},
        {"NTLM AUTHENTICATE, type 3 ([MS-NLMP])", read_authenticate},
    };
    uint32_t type = token.length >= 12 ? token_le32(token.data + 8) : 0;
    if (type == 0 || type >= sizeof types / sizeof types[0]) {
        token_wrong(out, token.data, "an NTLM message that is cut or of an unknown type");
        return;
    }
    token_say(out, token.data, types[type].name, "%zu bytes", token.length);
    out->depth++;
    types[type].read(out, token);
    out->depth--;
}
