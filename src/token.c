/* token.c - tells what a handshake token is by walking its DER headers; see token.h. */
#include "token.h"

#include <string.h>

/* DER tags (X.690) of the few types that are met here. */
#define DER_INTEGER 0x02u
#define DER_OCTET_STRING 0x04u
#define DER_OID 0x06u
#define DER_ENUMERATED 0x0Au
#define DER_GENERALIZED_TIME 0x18u
#define DER_SEQUENCE 0x30u
#define DER_CONTEXT(n) (0xA0u + (n))     /* [n], constructed */
#define DER_APPLICATION(n) (0x60u + (n)) /* [APPLICATION n], constructed */

#define GSS_FRAME DER_APPLICATION(0u)      /* RFC 2743 section 3.1 */
#define NEG_TOKEN_INIT DER_CONTEXT(0u)     /* RFC 4178 section 4.2 */
#define NEG_TOKEN_RESPONSE DER_CONTEXT(1u) /* the same */
#define NEG_STATE_REJECT 2u                /* RFC 4178 section 4.2.2 */
#define KRB_AP_REQ DER_APPLICATION(14u)    /* RFC 4120 section 5.10 */
#define KRB_AP_REP DER_APPLICATION(15u)
#define KRB_ERROR DER_APPLICATION(30u)

static const uint8_t ntlm_signature[8] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};

/* The contents of the OIDs, without their DER headers. */
static const uint8_t oid_kerberos[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t oid_kerberos_microsoft[] = {0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t oid_spnego[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t oid_ntlm[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};

enum mechanism_oid { OID_OTHER = 0, OID_KERBEROS, OID_SPNEGO, OID_NTLM };

/*
 * Bytes still to be walked. damaged is one flag for the whole token: something in it was cut or is not DER as the RFCs
 * write it, so that another reader might read it otherwise.
 */
struct walk {
    troth__bytes rest;
    bool *damaged;
};

/* One element. A cut one has the bytes that are there, and whole is false. */
struct element {
    uint8_t tag;
    bool whole;
    troth__bytes content;
};

static bool begins_with(troth__bytes bytes, const uint8_t *start, size_t length)
{
    return bytes.length >= length && memcmp(bytes.data, start, length) == 0;
}

static bool is_bytes(troth__bytes bytes, const uint8_t *other, size_t length)
{
    return bytes.length == length && memcmp(bytes.data, other, length) == 0;
}

/* bytes hold this somewhere. Linear: needles here have a first byte that is rarely met. */
static bool holds(troth__bytes bytes, const uint8_t *needle, size_t length)
{
    while (bytes.length >= length) {
        const uint8_t *candidate = memchr(bytes.data, needle[0], bytes.length - length + 1);
        if (!candidate)
            return false;
        if (memcmp(candidate, needle, length) == 0)
            return true;
        bytes.length -= (size_t)(candidate - bytes.data) + 1;
        bytes.data = candidate + 1;
    }
    return false;
}

/*
 * Reads the length after a tag and takes it off. Definite lengths only (X.690 section 10.1); more bytes for it than it
 * needs are taken, as other readers do.
 */
static bool take_length(troth__bytes *rest, size_t *length)
{
    if (rest->length == 0)
        return false;
    uint8_t first = *rest->data++;
    rest->length--;
    if (first < 0x80) {
        *length = first;
        return true;
    }
    size_t count = first & 0x7Fu;
    if (count == 0 || count > 8 || count > rest->length)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | *rest->data++;
    rest->length -= count;
    /* What no memory holds is as good as cut. */
    *length = value > SIZE_MAX ? SIZE_MAX : (size_t)value;
    return true;
}

/* Takes the next element off. False at the end, and where there is none that can be read. */
static bool next_element(struct walk *walk, struct element *element)
{
    if (walk->rest.length == 0)
        return false;
    troth__bytes rest = walk->rest;
    size_t length = 0;
    element->tag = *rest.data++;
    rest.length--;
    /* Tag numbers of 31 and more have another form; none occurs here. */
    if ((element->tag & 0x1Fu) == 0x1Fu || !take_length(&rest, &length)) {
        *walk->damaged = true;
        walk->rest.length = 0;
        return false;
    }
    element->whole = length <= rest.length;
    if (!element->whole) {
        *walk->damaged = true;
        length = rest.length;
    }
    element->content = (troth__bytes){rest.data, length};
    walk->rest = (troth__bytes){rest.data + length, rest.length - length};
    return true;
}

static struct walk walk_into(const struct walk *outer, const struct element *element)
{
    return (struct walk){element->content, outer->damaged};
}

/* Reads the one element of this tag that content consists of, as inside every explicit tag. */
static bool only_element(struct walk content, uint8_t tag, struct element *element)
{
    if (!next_element(&content, element) || element->tag != tag) {
        *content.damaged = true;
        return false;
    }
    if (content.rest.length != 0)
        *content.damaged = true;
    return true;
}

static enum mechanism_oid mechanism_of(const struct element *oid)
{
    if (oid->tag != DER_OID || !oid->whole)
        return OID_OTHER;
    if (is_bytes(oid->content, oid_kerberos, sizeof(oid_kerberos)) ||
        is_bytes(oid->content, oid_kerberos_microsoft, sizeof(oid_kerberos_microsoft)))
        return OID_KERBEROS;
    if (is_bytes(oid->content, oid_spnego, sizeof(oid_spnego)))
        return OID_SPNEGO;
    return is_bytes(oid->content, oid_ntlm, sizeof(oid_ntlm)) ? OID_NTLM : OID_OTHER;
}

/* Int32 of RFC 4120 section 5.2.4. */
static bool read_int32(const struct element *integer, int32_t *value)
{
    if (!integer->whole || integer->content.length == 0 || integer->content.length > 4)
        return false;
    int64_t sum = integer->content.data[0] < 0x80 ? 0 : -1;
    for (size_t i = 0; i < integer->content.length; i++)
        sum = sum * 256 + integer->content.data[i];
    *value = (int32_t)sum;
    return true;
}

/* A number of decimal digits between two bounds, or -1. */
static int read_digits(const uint8_t *digits, size_t count, int least, int most)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return -1;
        value = value * 10 + (digits[i] - '0');
    }
    return value >= least && value <= most ? value : -1;
}

/* KerberosTime, RFC 4120 section 5.2.3: "YYYYMMDDHHMMSSZ" and nothing else. */
static bool read_time(const struct element *time, int64_t *seconds)
{
    static const int days_before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    static const int days_in[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const uint8_t *text = time->content.data;

    if (!time->whole || time->content.length != 15 || text[14] != 'Z')
        return false;
    int year = read_digits(text, 4, 1970, 9999);
    int month = read_digits(text + 4, 2, 1, 12);
    int day = read_digits(text + 6, 2, 1, 31);
    int hour = read_digits(text + 8, 2, 0, 23);
    int minute = read_digits(text + 10, 2, 0, 59);
    int second = read_digits(text + 12, 2, 0, 59);
    if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > days_in[month - 1] + (leap && month == 2 ? 1 : 0))
        return false;
    int past = year - 1;
    int64_t days =
        (int64_t)365 * (year - 1970) + (past / 4 - past / 100 + past / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
    days += days_before[month - 1] + (leap && month > 2 ? 1 : 0) + day - 1;
    *seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    return true;
}

/* RFC 4120 section 5.9.1. Neither stime nor error-code is optional: without both it is not believed to be one. */
static void read_krb_error(struct walk walk, struct troth__token_facts *facts)
{
    struct element element;
    struct element field;
    struct element value;
    int64_t time = 0;
    int32_t code = 0;
    bool has_time = false;
    bool has_code = false;

    if (!only_element(walk, KRB_ERROR, &element) || !only_element(walk_into(&walk, &element), DER_SEQUENCE, &element))
        return;
    struct walk fields = walk_into(&walk, &element);
    while (next_element(&fields, &field)) {
        if (field.tag == DER_CONTEXT(4u)) {
            has_time =
                only_element(walk_into(&fields, &field), DER_GENERALIZED_TIME, &value) && read_time(&value, &time);
        } else if (field.tag == DER_CONTEXT(6u)) {
            has_code = only_element(walk_into(&fields, &field), DER_INTEGER, &value) && read_int32(&value, &code);
        }
    }
    if (has_time && has_code) {
        facts->krb_error = true;
        facts->krb_error_time = time;
        facts->krb_error_code = code;
    }
}

/* What follows the OID in a Kerberos token: two bytes of token id, then the message (RFC 1964 section 1.1). */
static void read_kerberos(struct walk inner, struct troth__token_facts *facts)
{
    static const uint8_t krb_error_id[2] = {0x03, 0x00};

    if (begins_with(inner.rest, krb_error_id, sizeof(krb_error_id))) {
        inner.rest.data += sizeof(krb_error_id);
        inner.rest.length -= sizeof(krb_error_id);
        read_krb_error(inner, facts);
    }
}

/* Takes the header of RFC 2743 section 3.1 off a token and says whose it is. */
static enum mechanism_oid open_frame(struct walk token, struct walk *inner)
{
    struct element frame;
    struct element oid;

    *inner = token;
    if (!only_element(token, GSS_FRAME, &frame))
        return OID_OTHER;
    *inner = walk_into(&token, &frame);
    return next_element(inner, &oid) ? mechanism_of(&oid) : OID_OTHER;
}

/* The token of the mechanism that SPNEGO carries. */
static void read_carried(struct walk token, struct troth__token_facts *facts)
{
    struct walk inner;

    if (token.rest.length == 0)
        return;
    if (begins_with(token.rest, ntlm_signature, sizeof(ntlm_signature))) {
        facts->carries_ntlm = true;
        return;
    }
    if (token.rest.data[0] == KRB_ERROR) {
        read_krb_error(token, facts);
        return;
    }
    if (token.rest.data[0] != GSS_FRAME)
        return;
    switch (open_frame(token, &inner)) {
    case OID_KERBEROS:
        read_kerberos(inner, facts);
        break;
    case OID_NTLM:
        facts->carries_ntlm = true;
        break;
    case OID_SPNEGO:
        /* SPNEGO in SPNEGO is nothing that anybody means. */
        *token.damaged = true;
        break;
    case OID_OTHER:
        break;
    }
}

/* MechTypeList, RFC 4178 section 4.1. The most preferred one is the first. */
static void read_mechanisms(struct walk list, struct troth__token_facts *facts)
{
    struct element oid;
    bool first = true;

    while (next_element(&list, &oid)) {
        enum mechanism_oid mechanism = mechanism_of(&oid);
        facts->offers_kerberos = facts->offers_kerberos || mechanism == OID_KERBEROS;
        facts->offers_ntlm = facts->offers_ntlm || mechanism == OID_NTLM;
        facts->prefers_ntlm = facts->prefers_ntlm || (first && mechanism == OID_NTLM);
        first = false;
    }
}

/* NegTokenInit, RFC 4178 section 4.2.1, and the acceptor's NegTokenInit2, [MS-SPNG] section 2.2.1. */
static void read_negotiation_init(struct walk content, struct troth__token_facts *facts)
{
    struct element sequence;
    struct element field;
    struct element value;

    if (!only_element(content, DER_SEQUENCE, &sequence))
        return;
    struct walk fields = walk_into(&content, &sequence);
    while (next_element(&fields, &field)) {
        struct walk inside = walk_into(&fields, &field);
        if (field.tag == DER_CONTEXT(0u) && only_element(inside, DER_SEQUENCE, &value))
            read_mechanisms(walk_into(&inside, &value), facts);
        else if (field.tag == DER_CONTEXT(2u) && only_element(inside, DER_OCTET_STRING, &value))
            read_carried(walk_into(&inside, &value), facts);
    }
}

/* NegTokenResp, RFC 4178 section 4.2.2. */
static void read_negotiation_response(struct walk content, struct troth__token_facts *facts)
{
    struct element sequence;
    struct element field;
    struct element value;

    if (!only_element(content, DER_SEQUENCE, &sequence))
        return;
    struct walk fields = walk_into(&content, &sequence);
    while (next_element(&fields, &field)) {
        struct walk inside = walk_into(&fields, &field);
        if (field.tag == DER_CONTEXT(0u) && only_element(inside, DER_ENUMERATED, &value)) {
            facts->rejects = facts->rejects ||
                             (value.whole && value.content.length == 1 && value.content.data[0] == NEG_STATE_REJECT);
        } else if (field.tag == DER_CONTEXT(1u) && only_element(inside, DER_OID, &value)) {
            facts->chooses_ntlm = facts->chooses_ntlm || mechanism_of(&value) == OID_NTLM;
        } else if (field.tag == DER_CONTEXT(2u) && only_element(inside, DER_OCTET_STRING, &value)) {
            read_carried(walk_into(&inside, &value), facts);
        }
    }
}

/* NegotiationToken, RFC 4178 section 4.2: with the frame around it, and without. */
static void read_negotiation(struct walk token, struct troth__token_facts *facts)
{
    struct element choice;

    if (!next_element(&token, &choice) || choice.content.length == 0 || choice.content.data[0] != DER_SEQUENCE) {
        *token.damaged = true;
        return;
    }
    if (token.rest.length != 0)
        *token.damaged = true;
    if (choice.tag == NEG_TOKEN_INIT) {
        facts->kind = TROTH__TOKEN_SPNEGO_INIT;
        read_negotiation_init(walk_into(&token, &choice), facts);
    } else if (choice.tag == NEG_TOKEN_RESPONSE) {
        facts->kind = TROTH__TOKEN_SPNEGO_RESPONSE;
        read_negotiation_response(walk_into(&token, &choice), facts);
    }
}

static void read_framed(struct walk token, struct troth__token_facts *facts)
{
    struct walk inner;

    switch (open_frame(token, &inner)) {
    case OID_KERBEROS:
        facts->kind = TROTH__TOKEN_KERBEROS;
        read_kerberos(inner, facts);
        break;
    case OID_SPNEGO:
        facts->kind = TROTH__TOKEN_SPNEGO_INIT;
        read_negotiation(inner, facts);
        break;
    case OID_NTLM:
        facts->kind = TROTH__TOKEN_NTLM;
        break;
    case OID_OTHER:
        break;
    }
}

void troth__token_inspect(troth__bytes token, struct troth__token_facts *facts)
{
    bool damaged = false;
    struct walk walk = {token, &damaged};

    *facts = (struct troth__token_facts){.kind = TROTH__TOKEN_UNKNOWN};
    if (token.length == 0)
        return;
    switch (token.data[0]) {
    case 'N':
        if (begins_with(token, ntlm_signature, sizeof(ntlm_signature)))
            facts->kind = TROTH__TOKEN_NTLM;
        damaged = true;
        break;
    case GSS_FRAME:
        read_framed(walk, facts);
        break;
    case NEG_TOKEN_INIT:
    case NEG_TOKEN_RESPONSE:
        read_negotiation(walk, facts);
        break;
    case KRB_AP_REQ:
    case KRB_AP_REP:
        facts->kind = TROTH__TOKEN_KERBEROS;
        break;
    case KRB_ERROR:
        facts->kind = TROTH__TOKEN_KERBEROS;
        read_krb_error(walk, facts);
        break;
    default:
        damaged = true;
        break;
    }
    if (damaged && facts->kind != TROTH__TOKEN_KERBEROS && facts->kind != TROTH__TOKEN_NTLM) {
        /* A provider may read BER where this file reads DER only. NTLM must not slip in by such a difference: what is
           not clean is searched for it. */
        facts->carries_ntlm = facts->carries_ntlm || holds(token, ntlm_signature, sizeof(ntlm_signature));
        facts->chooses_ntlm = facts->chooses_ntlm ||
                              (facts->kind != TROTH__TOKEN_SPNEGO_INIT && holds(token, oid_ntlm, sizeof(oid_ntlm)));
    }
}
