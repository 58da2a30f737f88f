/* token_spnego.c - says what stands in a token of SPNEGO or NegoEx. */
#include <stdio.h>

#include "token_read.h"

/* BIT STRING of RFC 4178 section 4.2.1; bit 0 is the highest. */
static void read_flags(struct token_out *out, const uint8_t *at, troth__bytes bits)
{
    static const char *const words[] = {"delegation", "mutual",          "replay",   "sequence",
                                        "anonymous",  "confidentiality", "integrity"};
    char text[128] = "";
    size_t length = 0;
    if (bits.length < 2) {
        token_wrong(out, at, "flags without bits");
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if ((bits.data[1] & (0x80u >> i)) != 0) {
            length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length > 0 ? " " : "", words[i]);
        }
    }
    token_say(out, at, "reqFlags", "%s", length > 0 ? text : "none");
}

static void read_mechanisms(struct token_out *out, const uint8_t *at, struct troth__der_walk list)
{
    struct troth__der_element oid;
    token_say(out, at, "mechTypes", "what is offered, the most preferred one first");
    out->depth++;
    for (const uint8_t *here = list.rest.data; troth__der_next(&list, &oid); here = list.rest.data) {
        if (oid.tag == TROTH__DER_OID) {
            token_say_oid(out, here, "mechanism", oid.content);
        } else {
            token_wrong(out, here, "not an object identifier");
        }
    }
    out->depth--;
}

/* [MS-SPNG] section 2.2.1: hintName [0], hintAddress [1]. */
static void read_hints(struct token_out *out, const uint8_t *at, struct troth__der_walk hints)
{
    struct troth__der_element field, value;
    token_say(out, at, "negHints", "as Windows acceptors send them");
    out->depth++;
    for (const uint8_t *here = hints.rest.data; troth__der_next(&hints, &field); here = hints.rest.data) {
        struct troth__der_walk inside = troth__der_into(&hints, &field);
        if (troth__der_next(&inside, &value)) {
            token_say_text(out, here, field.tag == TROTH__DER_CONTEXT(0u) ? "hintName" : "hintAddress", value.content);
        }
    }
    out->depth--;
}

static void read_inner(struct token_out *out, const uint8_t *at, const char *name, troth__bytes token)
{
    token_say(out, at, name, "%zu bytes", token.length);
    out->depth++;
    token_read_one(out, token);
    out->depth--;
}

static void read_list_mic(struct token_out *out, const uint8_t *at, troth__bytes mic)
{
    token_say(out, at, "mechListMIC", "present, %zu bytes", mic.length);
    if (token_looks_like_one(mic)) {
        out->depth++;
        token_read_one(out, mic);
        out->depth--;
    }
}

static void read_init_field(struct token_out *out, const uint8_t *at, uint8_t tag, struct troth__der_walk inside,
                            const struct troth__der_element *value)
{
    if (tag == TROTH__DER_CONTEXT(0u)) {
        read_mechanisms(out, at, troth__der_into(&inside, value));
    } else if (tag == TROTH__DER_CONTEXT(1u)) {
        read_flags(out, at, value->content);
    } else if (tag == TROTH__DER_CONTEXT(2u)) {
        read_inner(out, at, "mechToken", value->content);
    } else if (tag == TROTH__DER_CONTEXT(3u) && value->tag == TROTH__DER_SEQUENCE) {
        read_hints(out, at, troth__der_into(&inside, value));
    } else if (tag == TROTH__DER_CONTEXT(3u) || tag == TROTH__DER_CONTEXT(4u)) {
        read_list_mic(out, at, value->content);
    } else {
        token_wrong(out, at, "a field that a NegTokenInit does not have");
    }
}

static void read_response_field(struct token_out *out, const uint8_t *at, uint8_t tag,
                                const struct troth__der_element *value)
{
    static const char *const states[] = {"accept-completed (0)", "accept-incomplete (1)", "reject (2)",
                                         "request-mic (3)"};
    if (tag == TROTH__DER_CONTEXT(0u)) {
        size_t state = value->content.length == 1 ? value->content.data[0] : 4;
        if (state < 4) {
            token_say(out, at, "negState", "%s", states[state]);
        } else {
            token_wrong(out, at, "a state that is none");
        }
    } else if (tag == TROTH__DER_CONTEXT(1u)) {
        token_say_oid(out, at, "supportedMech", value->content);
    } else if (tag == TROTH__DER_CONTEXT(2u)) {
        read_inner(out, at, "responseToken", value->content);
    } else if (tag == TROTH__DER_CONTEXT(3u)) {
        read_list_mic(out, at, value->content);
    } else {
        token_wrong(out, at, "a field that a NegTokenResp does not have");
    }
}

void token_read_spnego(struct token_out *out, troth__bytes token)
{
    struct troth__der_walk walk = token_walk(out, token);
    struct troth__der_element choice, sequence, field, value;
    if (!troth__der_next(&walk, &choice) ||
        (choice.tag != TROTH__DER_CONTEXT(0u) && choice.tag != TROTH__DER_CONTEXT(1u))) {
        token_wrong(out, token.data, "no NegTokenInit and no NegTokenResp");
        return;
    }
    bool init = choice.tag == TROTH__DER_CONTEXT(0u);
    token_say(out, token.data, init ? "SPNEGO NegTokenInit (RFC 4178)" : "SPNEGO NegTokenResp (RFC 4178)",
              "%zu bytes%s", choice.content.length, choice.whole ? "" : ", cut");
    out->depth++;
    struct troth__der_walk inside = troth__der_into(&walk, &choice);
    if (troth__der_only(inside, TROTH__DER_SEQUENCE, &sequence)) {
        struct troth__der_walk fields = troth__der_into(&inside, &sequence);
        for (const uint8_t *at = fields.rest.data; troth__der_next(&fields, &field); at = fields.rest.data) {
            struct troth__der_walk content = troth__der_into(&fields, &field);
            if (!troth__der_next(&content, &value)) {
                token_wrong(out, at, "a field that is empty or cut");
            } else if (init) {
                read_init_field(out, at, field.tag, content, &value);
            } else {
                read_response_field(out, at, field.tag, &value);
            }
        }
    } else {
        token_wrong(out, token.data, "no sequence of fields follows");
    }
    out->depth--;
}

void token_read_negoex(struct token_out *out, troth__bytes token)
{
    static const char *const types[] = {
        "INITIATOR_NEGO", "ACCEPTOR_NEGO", "INITIATOR_META_DATA", "ACCEPTOR_META_DATA", "CHALLENGE", "AP_REQUEST",
        "VERIFY",         "ALERT"};
    /* Signature, MessageType, SequenceNum, cbHeaderLength, cbMessageLength, ConversationId. */
    for (unsigned count = 0; token.length >= 40 && token_begins(token, "NEGOEXTS", 8) && count < 16; count++) {
        uint32_t type = token_le32(token.data + 8);
        uint32_t length = token_le32(token.data + 20);
        token_say(out, token.data, "NegoEx message ([MS-NEGOEX])", "%s, number %u, %u bytes",
                  type < 8 ? types[type] : "of an unknown type", (unsigned)token_le32(token.data + 12),
                  (unsigned)length);
        if (length < 40 || length > token.length) {
            token_wrong(out, token.data, "its length is not that of the bytes that follow");
            return;
        }
        token = (troth__bytes){token.data + length, token.length - length};
    }
    if (token.length > 0) {
        token_wrong(out, token.data, "no whole NegoEx message");
    }
}
