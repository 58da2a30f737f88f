/* token.c - tells what a handshake token is by walking its DER headers; see token.h. */
#include "token.h"

#include <string.h>

#include "der.h"

#define GSS_FRAME TROTH__DER_APPLICATION(0u)      /* RFC 2743 section 3.1 */
#define NEG_TOKEN_INIT TROTH__DER_CONTEXT(0u)     /* RFC 4178 section 4.2 */
#define NEG_TOKEN_RESPONSE TROTH__DER_CONTEXT(1u) /* the same */
#define NEG_STATE_REJECT 2u                       /* RFC 4178 section 4.2.2 */
#define KRB_AP_REQ TROTH__DER_APPLICATION(14u)    /* RFC 4120 section 5.10 */
#define KRB_AP_REP TROTH__DER_APPLICATION(15u)
#define KRB_ERROR TROTH__DER_APPLICATION(30u)

static const uint8_t ntlm_signature[8] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0};

/* The contents of the OIDs, without their DER headers. */
static const uint8_t oid_kerberos[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t oid_kerberos_microsoft[] = {0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t oid_spnego[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t oid_ntlm[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};

enum mechanism_oid { OID_OTHER = 0, OID_KERBEROS, OID_SPNEGO, OID_NTLM };

static bool begins_with(troth__bytes bytes, const uint8_t *start, size_t length)
{
    return bytes.length >= length && memcmp(bytes.data, start, length) == 0;
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

static enum mechanism_oid mechanism_of(const struct troth__der_element *oid)
{
    if (oid->tag != TROTH__DER_OID || !oid->whole)
        return OID_OTHER;
    if (troth__der_is(oid->content, oid_kerberos, sizeof(oid_kerberos)) ||
        troth__der_is(oid->content, oid_kerberos_microsoft, sizeof(oid_kerberos_microsoft)))
        return OID_KERBEROS;
    if (troth__der_is(oid->content, oid_spnego, sizeof(oid_spnego)))
        return OID_SPNEGO;
    return troth__der_is(oid->content, oid_ntlm, sizeof(oid_ntlm)) ? OID_NTLM : OID_OTHER;
}

/* Int32 of RFC 4120 section 5.2.4. */
static bool read_int32(const struct troth__der_element *integer, int32_t *value)
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
static bool read_time(const struct troth__der_element *time, int64_t *seconds)
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
static void read_krb_error(struct troth__der_walk walk, struct troth__token_facts *facts)
{
    struct troth__der_element element;
    struct troth__der_element field;
    struct troth__der_element value;
    int64_t time = 0;
    int32_t code = 0;
    bool has_time = false;
    bool has_code = false;

    if (!troth__der_only(walk, KRB_ERROR, &element) ||
        !troth__der_only(troth__der_into(&walk, &element), TROTH__DER_SEQUENCE, &element))
        return;
    struct troth__der_walk fields = troth__der_into(&walk, &element);
    while (troth__der_next(&fields, &field)) {
        if (field.tag == TROTH__DER_CONTEXT(4u)) {
            has_time = troth__der_only(troth__der_into(&fields, &field), TROTH__DER_GENERALIZED_TIME, &value) &&
                       read_time(&value, &time);
        } else if (field.tag == TROTH__DER_CONTEXT(6u)) {
            has_code = troth__der_only(troth__der_into(&fields, &field), TROTH__DER_INTEGER, &value) &&
                       read_int32(&value, &code);
        }
    }
    if (has_time && has_code) {
        facts->krb_error = true;
        facts->krb_error_time = time;
        facts->krb_error_code = code;
    }
}

/* What follows the OID in a Kerberos token: two bytes of token id, then the message (RFC 1964 section 1.1). */
static void read_kerberos(struct troth__der_walk inner, struct troth__token_facts *facts)
{
    static const uint8_t krb_error_id[2] = {0x03, 0x00};

    if (begins_with(inner.rest, krb_error_id, sizeof(krb_error_id))) {
        inner.rest.data += sizeof(krb_error_id);
        inner.rest.length -= sizeof(krb_error_id);
        read_krb_error(inner, facts);
    }
}

/* Takes the header of RFC 2743 section 3.1 off a token and says whose it is. */
static enum mechanism_oid open_frame(struct troth__der_walk token, struct troth__der_walk *inner)
{
    struct troth__der_element frame;
    struct troth__der_element oid;

    *inner = token;
    if (!troth__der_only(token, GSS_FRAME, &frame))
        return OID_OTHER;
    *inner = troth__der_into(&token, &frame);
    return troth__der_next(inner, &oid) ? mechanism_of(&oid) : OID_OTHER;
}

/* The token of the mechanism that SPNEGO carries. */
static void read_carried(struct troth__der_walk token, struct troth__token_facts *facts)
{
    struct troth__der_walk inner;

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
static void read_mechanisms(struct troth__der_walk list, struct troth__token_facts *facts)
{
    struct troth__der_element oid;
    bool first = true;

    while (troth__der_next(&list, &oid)) {
        enum mechanism_oid mechanism = mechanism_of(&oid);
        facts->offers_kerberos = facts->offers_kerberos || mechanism == OID_KERBEROS;
        facts->offers_ntlm = facts->offers_ntlm || mechanism == OID_NTLM;
        facts->prefers_ntlm = facts->prefers_ntlm || (first && mechanism == OID_NTLM);
        first = false;
    }
}

/* NegTokenInit, RFC 4178 section 4.2.1, and the acceptor's NegTokenInit2, [MS-SPNG] section 2.2.1. */
static void read_negotiation_init(struct troth__der_walk content, struct troth__token_facts *facts)
{
    struct troth__der_element sequence;
    struct troth__der_element field;
    struct troth__der_element value;

    if (!troth__der_only(content, TROTH__DER_SEQUENCE, &sequence))
        return;
    struct troth__der_walk fields = troth__der_into(&content, &sequence);
    while (troth__der_next(&fields, &field)) {
        struct troth__der_walk inside = troth__der_into(&fields, &field);
        if (field.tag == TROTH__DER_CONTEXT(0u) && troth__der_only(inside, TROTH__DER_SEQUENCE, &value))
            read_mechanisms(troth__der_into(&inside, &value), facts);
        else if (field.tag == TROTH__DER_CONTEXT(2u) && troth__der_only(inside, TROTH__DER_OCTET_STRING, &value))
            read_carried(troth__der_into(&inside, &value), facts);
    }
}

/* NegTokenResp, RFC 4178 section 4.2.2. */
static void read_negotiation_response(struct troth__der_walk content, struct troth__token_facts *facts)
{
    struct troth__der_element sequence;
    struct troth__der_element field;
    struct troth__der_element value;

    if (!troth__der_only(content, TROTH__DER_SEQUENCE, &sequence))
        return;
    struct troth__der_walk fields = troth__der_into(&content, &sequence);
    while (troth__der_next(&fields, &field)) {
        struct troth__der_walk inside = troth__der_into(&fields, &field);
        if (field.tag == TROTH__DER_CONTEXT(0u) && troth__der_only(inside, TROTH__DER_ENUMERATED, &value)) {
            facts->rejects = facts->rejects ||
                             (value.whole && value.content.length == 1 && value.content.data[0] == NEG_STATE_REJECT);
        } else if (field.tag == TROTH__DER_CONTEXT(1u) && troth__der_only(inside, TROTH__DER_OID, &value)) {
            facts->chooses_ntlm = facts->chooses_ntlm || mechanism_of(&value) == OID_NTLM;
        } else if (field.tag == TROTH__DER_CONTEXT(2u) && troth__der_only(inside, TROTH__DER_OCTET_STRING, &value)) {
            read_carried(troth__der_into(&inside, &value), facts);
        }
    }
}

/* NegotiationToken, RFC 4178 section 4.2: with the frame around it, and without. */
static void read_negotiation(struct troth__der_walk token, struct troth__token_facts *facts)
{
    struct troth__der_element choice;

    if (!troth__der_next(&token, &choice) || choice.content.length == 0 ||
        choice.content.data[0] != TROTH__DER_SEQUENCE) {
        *token.damaged = true;
        return;
    }
    if (token.rest.length != 0)
        *token.damaged = true;
    if (choice.tag == NEG_TOKEN_INIT) {
        facts->kind = TROTH__TOKEN_SPNEGO_INIT;
        read_negotiation_init(troth__der_into(&token, &choice), facts);
    } else if (choice.tag == NEG_TOKEN_RESPONSE) {
        facts->kind = TROTH__TOKEN_SPNEGO_RESPONSE;
        read_negotiation_response(troth__der_into(&token, &choice), facts);
    }
}

static void read_framed(struct troth__der_walk token, struct troth__token_facts *facts)
{
    struct troth__der_walk inner;

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
    struct troth__der_walk walk = {token, &damaged};

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
