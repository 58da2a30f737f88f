/* test_token.c - shows that tokens are told apart rightly, and that no bytes whatever lead the reader astray. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token.h"

/* --------------------------------------------------------------------------------------- a tiny DER builder */

struct der {
    size_t length;
    uint8_t data[2048];
};

static void der_raw(struct der *der, const void *bytes, size_t length)
{
    assert_true(der->length + length <= sizeof(der->data));
    if (length > 0) {
        memcpy(der->data + der->length, bytes, length);
    }
    der->length += length;
}

static void der_byte(struct der *der, unsigned byte)
{
    uint8_t value = (uint8_t)byte;
    der_raw(der, &value, 1);
}

/* Appends an element. */
static void der_put(struct der *der, unsigned tag, const void *content, size_t length)
{
    der_byte(der, tag);
    if (length >= 256) {
        der_byte(der, 0x82);
        der_byte(der, (unsigned)(length >> 8));
    } else if (length >= 128) {
        der_byte(der, 0x81);
    }
    der_byte(der, (unsigned)(length & 0xFF));
    der_raw(der, content, length);
}

/* Puts an element around all that stands there from start on. */
static void der_around(struct der *der, size_t start, unsigned tag)
{
    struct der inner = {0, {0}};
    der_raw(&inner, der->data + start, der->length - start);
    der->length = start;
    der_put(der, tag, inner.data, inner.length);
}

static const uint8_t krb5[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t ms_krb5[] = {0x2A, 0x86, 0x48, 0x82, 0xF7, 0x12, 0x01, 0x02, 0x02};
static const uint8_t spnego[] = {0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};
static const uint8_t ntlm[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};
static const uint8_t negoex[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x1E};

#define OID(name) name, sizeof(name)

/* ------------------------------------------------------------------------------------------------- samples */

static void frame(struct der *der, const void *oid, size_t oid_length)
{
    struct der inner = {0, {0}};
    der_put(&inner, 0x06, oid, oid_length);
    der_raw(&inner, der->data, der->length);
    der->length = 0;
    der_put(der, 0x60, inner.data, inner.length);
}

static void ntlm_raw(struct der *der)
{
    static const uint8_t negotiate[] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, 1, 0, 0, 0, 0x07, 0x82, 0x08, 0xA2};
    der_raw(der, negotiate, sizeof(negotiate));
}

/* An AP-REQ whose ticket is 600 bytes of nothing. */
static void kerberos_request(struct der *der)
{
    uint8_t ticket[600];
    memset(ticket, 0x5A, sizeof(ticket));
    size_t start = der->length;
    der_put(der, 0x02, "\5", 1);
    der_around(der, start, 0xA0);
    size_t field = der->length;
    der_put(der, 0x61, ticket, sizeof(ticket));
    der_around(der, field, 0xA3);
    der_around(der, start, 0x30);
    der_around(der, start, 0x6E);
}

static void kerberos(struct der *der)
{
    der_raw(der, "\1\0", 2);
    kerberos_request(der);
    frame(der, OID(krb5));
}

static void field(struct der *der, unsigned number, unsigned tag, const void *content, size_t length)
{
    size_t start = der->length;
    der_put(der, tag, content, length);
    der_around(der, start, 0xA0 + number);
}

/* KRB-ERROR, RFC 4120 section 5.9.1, with a clock and a code of one's own. */
static void krb_error_with(struct der *der, const char *clock, const void *code, size_t code_length)
{
    size_t start = der->length;
    size_t name;
    field(der, 0, 0x02, "\5", 1);
    field(der, 1, 0x02, "\36", 1);
    field(der, 2, 0x18, "19990101000000Z", 15);
    field(der, 4, 0x18, clock, strlen(clock));
    field(der, 5, 0x02, "\1\2\3", 3);
    field(der, 6, 0x02, code, code_length);
    field(der, 9, 0x1B, "EXAMPLE.COM", 11);
    name = der->length;
    field(der, 0, 0x02, "\2", 1);
    der_around(der, name, 0x30);
    der_around(der, name, 0xAA);
    der_around(der, start, 0x30);
    der_around(der, start, 0x7E);
}

static void krb_error_raw(struct der *der)
{
    krb_error_with(der, "20261122163000Z", "\45", 1);
}

static void krb_error_framed(struct der *der)
{
    der_raw(der, "\3\0", 2);
    krb_error_raw(der);
    frame(der, OID(krb5));
}

/* A NegTokenInit of a list of mechanisms and a token, without the frame. */
static void init_bare(struct der *der, const struct der *mechanisms, const struct der *token)
{
    size_t start = der->length;
    field(der, 0, 0x30, mechanisms->data, mechanisms->length);
    if (token) {
        field(der, 2, 0x04, token->data, token->length);
    }
    der_around(der, start, 0x30);
    der_around(der, start, 0xA0);
}

static void windows_list(struct der *list)
{
    der_put(list, 0x06, OID(ms_krb5));
    der_put(list, 0x06, OID(krb5));
    der_put(list, 0x06, OID(negoex));
    der_put(list, 0x06, OID(ntlm));
}

static void spnego_windows_bare(struct der *der)
{
    struct der list = {0, {0}};
    struct der token = {0, {0}};
    windows_list(&list);
    kerberos(&token);
    init_bare(der, &list, &token);
}

static void spnego_windows(struct der *der)
{
    spnego_windows_bare(der);
    frame(der, OID(spnego));
}

static void spnego_kerberos(struct der *der)
{
    struct der list = {0, {0}};
    struct der token = {0, {0}};
    der_put(&list, 0x06, OID(krb5));
    kerberos(&token);
    init_bare(der, &list, &token);
    frame(der, OID(spnego));
}

static void spnego_ntlm(struct der *der)
{
    struct der list = {0, {0}};
    struct der token = {0, {0}};
    der_put(&list, 0x06, OID(ntlm));
    ntlm_raw(&token);
    init_bare(der, &list, &token);
    frame(der, OID(spnego));
}

/* What a Windows acceptor says unasked: mechanisms and a hint, [MS-SPNG] section 2.2.1. */
static void spnego_hint(struct der *der)
{
    struct der list = {0, {0}};
    windows_list(&list);
    field(der, 0, 0x30, list.data, list.length);
    size_t hints = der->length;
    field(der, 0, 0x1B, "not_defined_in_RFC4178@please_ignore", 36);
    der_around(der, hints, 0x30);
    der_around(der, hints, 0xA3);
    der_around(der, 0, 0x30);
    der_around(der, 0, 0xA0);
    frame(der, OID(spnego));
}

static void response(struct der *der, unsigned state, const void *oid, size_t oid_length, const struct der *token)
{
    uint8_t octet = (uint8_t)state;
    field(der, 0, 0x0A, &octet, 1);
    if (oid) {
        field(der, 1, 0x06, oid, oid_length);
    }
    if (token) {
        field(der, 2, 0x04, token->data, token->length);
    }
    der_around(der, 0, 0x30);
    der_around(der, 0, 0xA1);
}

static void response_kerberos(struct der *der)
{
    struct der token = {0, {0}};
    der_raw(&token, "\2\0\x6F\4\x30\2\5\0", 8);
    frame(&token, OID(krb5));
    response(der, 0, OID(krb5), &token);
}

static void response_ntlm(struct der *der)
{
    struct der token = {0, {0}};
    ntlm_raw(&token);
    response(der, 1, OID(ntlm), &token);
}

static void response_picks_ntlm(struct der *der)
{
    response(der, 3, OID(ntlm), NULL);
}

static void response_reject(struct der *der)
{
    response(der, 2, NULL, 0, NULL);
}

static void response_krb_error(struct der *der)
{
    struct der token = {0, {0}};
    krb_error_framed(&token);
    response(der, 2, OID(krb5), &token);
}

static void response_krb_error_raw(struct der *der)
{
    struct der token = {0, {0}};
    krb_error_raw(&token);
    response(der, 2, NULL, 0, &token);
}

static void kerberos_microsoft(struct der *der)
{
    der_raw(der, "\1\0", 2);
    frame(der, OID(ms_krb5));
}

static void ntlm_framed(struct der *der)
{
    ntlm_raw(der);
    frame(der, OID(ntlm));
}

static void other_mechanism(struct der *der)
{
    frame(der, OID(negoex));
}

#define SKEW .krb_error = true, .krb_error_code = 37, .krb_error_time = 1795365000

static const struct sample {
    const char *name;
    void (*build)(struct der *der);
    struct troth__token_facts facts;
} samples[] = {
    {"raw NTLM", ntlm_raw, {.kind = TROTH__TOKEN_NTLM}},
    {"NTLM in a frame", ntlm_framed, {.kind = TROTH__TOKEN_NTLM}},
    {"Kerberos AP-REQ", kerberos, {.kind = TROTH__TOKEN_KERBEROS}},
    {"Kerberos under Microsoft's OID", kerberos_microsoft, {.kind = TROTH__TOKEN_KERBEROS}},
    {"AP-REQ without the frame", kerberos_request, {.kind = TROTH__TOKEN_KERBEROS}},
    {"KRB-ERROR", krb_error_framed, {.kind = TROTH__TOKEN_KERBEROS, SKEW}},
    {"KRB-ERROR without the frame", krb_error_raw, {.kind = TROTH__TOKEN_KERBEROS, SKEW}},
    {"NegTokenInit as Windows sends it",
     spnego_windows,
     {.kind = TROTH__TOKEN_SPNEGO_INIT, .offers_kerberos = true, .offers_ntlm = true}},
    {"NegTokenInit without the frame",
     spnego_windows_bare,
     {.kind = TROTH__TOKEN_SPNEGO_INIT, .offers_kerberos = true, .offers_ntlm = true}},
    {"NegTokenInit of Kerberos alone", spnego_kerberos, {.kind = TROTH__TOKEN_SPNEGO_INIT, .offers_kerberos = true}},
    {"NegTokenInit of NTLM alone",
     spnego_ntlm,
     {.kind = TROTH__TOKEN_SPNEGO_INIT, .offers_ntlm = true, .prefers_ntlm = true, .carries_ntlm = true}},
    {"NegTokenInit2", spnego_hint, {.kind = TROTH__TOKEN_SPNEGO_INIT, .offers_kerberos = true, .offers_ntlm = true}},
    {"NegTokenResp with AP-REP", response_kerberos, {.kind = TROTH__TOKEN_SPNEGO_RESPONSE}},
    {"NegTokenResp with an NTLM challenge",
     response_ntlm,
     {.kind = TROTH__TOKEN_SPNEGO_RESPONSE, .chooses_ntlm = true, .carries_ntlm = true}},
    {"NegTokenResp that asks for NTLM",
     response_picks_ntlm,
     {.kind = TROTH__TOKEN_SPNEGO_RESPONSE, .chooses_ntlm = true}},
    {"NegTokenResp that rejects", response_reject, {.kind = TROTH__TOKEN_SPNEGO_RESPONSE, .rejects = true}},
    {"NegTokenResp with KRB-ERROR", response_krb_error, {.kind = TROTH__TOKEN_SPNEGO_RESPONSE, .rejects = true, SKEW}},
    {"NegTokenResp with KRB-ERROR without the frame",
     response_krb_error_raw,
     {.kind = TROTH__TOKEN_SPNEGO_RESPONSE, .rejects = true, SKEW}},
    {"another mechanism", other_mechanism, {.kind = TROTH__TOKEN_UNKNOWN}},
};

#define SAMPLES (sizeof(samples) / sizeof(samples[0]))

/* Inspects bytes that stand at the very end of their block of memory, so that reading past them is seen. */
static struct troth__token_facts inspect(const void *bytes, size_t length)
{
    struct troth__token_facts facts;
    memset(&facts, 0xFF, sizeof(facts));
    uint8_t *block = length > 0 ? malloc(length) : NULL;
    if (length > 0) {
        assert_non_null(block);
        memcpy(block, bytes, length);
    }
    troth__token_inspect((troth__bytes){block, length}, &facts);
    free(block);
    return facts;
}

static void assert_facts(const char *name, const struct troth__token_facts *is, const struct troth__token_facts *due)
{
    if (is->kind != due->kind || is->offers_kerberos != due->offers_kerberos || is->offers_ntlm != due->offers_ntlm ||
        is->prefers_ntlm != due->prefers_ntlm || is->chooses_ntlm != due->chooses_ntlm || is->rejects != due->rejects ||
        is->carries_ntlm != due->carries_ntlm || is->krb_error != due->krb_error ||
        is->krb_error_code != due->krb_error_code || is->krb_error_time != due->krb_error_time) {
        fail_msg("%s: kind %d, error %d at %lld", name, (int)is->kind, (int)is->krb_error_code,
                 (long long)is->krb_error_time);
    }
}

/* --------------------------------------------------------------------------------------------------- tests */

static void tokens_are_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct der der = {0, {0}};
        samples[i].build(&der);
        struct troth__token_facts facts = inspect(der.data, der.length);
        assert_facts(samples[i].name, &facts, &samples[i].facts);
    }
}

static void nothing_is_told_of_nothing(void **state)
{
    (void)state;
    struct troth__token_facts none = {.kind = TROTH__TOKEN_UNKNOWN};
    struct troth__token_facts facts = inspect(NULL, 0);
    assert_facts("no bytes", &facts, &none);
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t one = (uint8_t)byte;
        facts = inspect(&one, 1);
        if (byte != 0x6E && byte != 0x6F && byte != 0x7E) {
            assert_facts("one byte", &facts, &none);
        }
    }
}

/* A cut token is of its kind as soon as its header can be read, and no fact is told that the whole one has not. */
static void a_cut_token_tells_no_more_than_its_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        const struct troth__token_facts *whole = &samples[i].facts;
        struct der der = {0, {0}};
        samples[i].build(&der);
        for (size_t length = 0; length < der.length; length++) {
            struct troth__token_facts facts = inspect(der.data, length);
            if ((facts.kind != TROTH__TOKEN_UNKNOWN && facts.kind != whole->kind) ||
                (length >= 20 && facts.kind != whole->kind) || facts.offers_kerberos > whole->offers_kerberos ||
                facts.offers_ntlm > whole->offers_ntlm || facts.prefers_ntlm > whole->prefers_ntlm ||
                facts.chooses_ntlm > whole->chooses_ntlm || facts.rejects > whole->rejects ||
                facts.carries_ntlm > whole->carries_ntlm || facts.krb_error > whole->krb_error ||
                (facts.krb_error && (facts.krb_error_code != 37 || facts.krb_error_time != 1795365000))) {
                fail_msg("%s, cut to %zu bytes of %zu", samples[i].name, length, der.length);
            }
        }
    }
}

static void any_changed_byte_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct der der = {0, {0}};
        samples[i].build(&der);
        uint8_t *block = malloc(der.length);
        assert_non_null(block);
        memcpy(block, der.data, der.length);
        for (size_t at = 0; at < der.length; at++) {
            for (unsigned value = 0; value < 256; value++) {
                struct troth__token_facts facts;
                block[at] = (uint8_t)value;
                troth__token_inspect((troth__bytes){block, der.length}, &facts);
                assert_true(facts.kind <= TROTH__TOKEN_NTLM);
            }
            block[at] = der.data[at];
        }
        free(block);
    }
}

/* A choice of NTLM is seen through every single changed byte that leaves the choice itself as it is. */
static void ntlm_is_seen_in_tokens_that_are_not_clean(void **state)
{
    (void)state;
    struct der der = {0, {0}};
    response_ntlm(&der);
    size_t signature = der.length - 16;
    for (size_t at = 0; at < signature; at++) {
        uint8_t was = der.data[at];
        for (unsigned value = 0; value < 256; value++) {
            der.data[at] = (uint8_t)value;
            struct troth__token_facts facts = inspect(der.data, der.length);
            if (facts.kind == TROTH__TOKEN_SPNEGO_RESPONSE && !facts.carries_ntlm && !facts.chooses_ntlm) {
                fail_msg("byte %zu set to %u hides NTLM", at, value);
            }
        }
        der.data[at] = was;
    }
    /* BER's indefinite lengths, which this reader does not take and another might. */
    static const uint8_t indefinite[] = {0xA1, 0x80, 0x30, 0x80, 0xA1, 0x80, 0x06, 0x0A, 0x2B, 0x06, 0x01,
                                         0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A, 0,    0,    0,    0};
    assert_true(inspect(indefinite, sizeof(indefinite)).chooses_ntlm);
    der.length = 0;
    der_raw(&der, "\xA1\x04\x30\x80\xA1\x80", 6);
    der_put(&der, 0x06, OID(ntlm));
    assert_true(inspect(der.data, der.length).chooses_ntlm);

    /* Nor in what begins as no token does. */
    for (unsigned first = 0; first <= 0xFF; first++) {
        uint8_t strange[] = "?NTLMSSP\0\x01\0\0\0\x06\x0A\x2B\x06\x01\x04\x01\x82\x37\x02\x02\x0A";
        struct troth__token_facts facts;

        strange[0] = (uint8_t)first;
        facts = inspect(strange, sizeof strange - 1);
        if (facts.kind == TROTH__TOKEN_UNKNOWN) {
            assert_true(facts.carries_ntlm);
            assert_true(facts.chooses_ntlm);
        }
    }
}

static void lengths_that_cannot_be_are_survived(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint8_t bytes[16];
    } cases[] = {
        {2, {0x60, 0x80}},
        {2, {0x60, 0xFF}},
        {2, {0x60, 0x84}},
        {6, {0x60, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}},
        {10, {0x60, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
        {12, {0x60, 0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {10, {0xA1, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
        {4, {0x60, 0x02, 0x06, 0x7F}},
        {5, {0x60, 0x03, 0x1F, 0x06, 0x00}},
        {3, {0xA0, 0x01, 0x30}},
        {4, {0x7E, 0x02, 0x30, 0x00}},
        {2, {0x7E, 0x00}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct troth__token_facts facts = inspect(cases[i].bytes, cases[i].length);
        assert_false(facts.krb_error);
        assert_false(facts.carries_ntlm);
    }
}

static void lengths_longer_than_needed_are_read(void **state)
{
    (void)state;
    static const uint8_t token[] = {0x60, 0x83, 0, 0, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2};
    assert_int_equal(inspect(token, sizeof(token)).kind, TROTH__TOKEN_KERBEROS);
}

static bool error_time(const char *clock, int64_t *seconds)
{
    struct der der = {0, {0}};
    krb_error_with(&der, clock, "\45", 1);
    struct troth__token_facts facts = inspect(der.data, der.length);
    *seconds = facts.krb_error_time;
    return facts.krb_error;
}

static void the_peers_clock_is_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *clock;
        int64_t seconds;
    } good[] = {
        {"19700101000000Z", 0},          {"20000229235959Z", 951868799},    {"20000301000000Z", 951868800},
        {"20380119031408Z", 2147483648}, {"21000228235959Z", 4107542399},   {"21000301000000Z", 4107542400},
        {"20241231235959Z", 1735689599}, {"99991231235959Z", 253402300799},
    };
    static const char *const bad[] = {
        "19691231235959Z", "20010229000000Z", "21000229000000Z",   "20260001000000Z",
        "20261301000000Z", "20260100000000Z", "20260132000000Z",   "20260431000000Z",
        "20260101240000Z", "20260101006000Z", "20260101000060Z",   "2026010100000aZ",
        "20260101000000z", "202601010000000", "20260101000000",    "",
        "2026010100000Z",  "-0260101000000Z", "20260101000000.0Z", " 2026010100000Z",
    };
    int64_t seconds;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(error_time(good[i].clock, &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (error_time(bad[i], &seconds) || seconds != 0) {
            fail_msg("\"%s\" was taken for a time", bad[i]);
        }
    }
}

static void the_error_code_is_an_int32(void **state)
{
    (void)state;
    static const struct {
        const char *content;
        size_t length;
        bool good;
        int32_t code;
    } cases[] = {
        {"\45", 1, true, 37},
        {"\0\377", 2, true, 255},
        {"\377", 1, true, -1},
        {"\200\0\0\0", 4, true, INT32_MIN},
        {"", 0, false, 0},
        {"\177\377\377\377", 4, true, INT32_MAX},
        {"\0\0\0\0\45", 5, false, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct der der = {0, {0}};
        krb_error_with(&der, "20261122163000Z", cases[i].content, cases[i].length);
        struct troth__token_facts facts = inspect(der.data, der.length);
        assert_int_equal(facts.krb_error, cases[i].good);
        assert_int_equal(facts.krb_error_code, cases[i].code);
    }
}

/* 64 KiB of the smallest elements, and the deepest nesting that fits: both are walked once, and with no recursion. */
static void the_largest_token_is_one_walk(void **state)
{
    (void)state;
    size_t length = 65536;
    uint8_t *token = malloc(length);
    assert_non_null(token);
    static const uint8_t start[] = {0xA0, 0x83, 0x00, 0xFF, 0xFB, 0x30, 0x83, 0x00, 0xFF, 0xF6,
                                    0xA0, 0x83, 0x00, 0xFF, 0xF1, 0x30, 0x83, 0x00, 0xFF, 0xEC};
    memset(token, 0, length);
    memcpy(token, start, sizeof(start));
    for (size_t at = sizeof(start); at + 1 < length; at += 2) {
        token[at] = 0x06;
    }
    struct troth__token_facts facts = inspect(token, length);
    assert_int_equal(facts.kind, TROTH__TOKEN_SPNEGO_INIT);
    assert_false(facts.offers_kerberos);
    memset(token, 0x60, length);
    assert_int_equal(inspect(token, length).kind, TROTH__TOKEN_UNKNOWN);
    memset(token, 'N', length);
    token[0] = 0xA1;
    assert_false(inspect(token, length).carries_ntlm);
    free(token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_what_they_are),
        cmocka_unit_test(nothing_is_told_of_nothing),
        cmocka_unit_test(a_cut_token_tells_no_more_than_its_bytes),
        cmocka_unit_test(any_changed_byte_is_survived),
        cmocka_unit_test(ntlm_is_seen_in_tokens_that_are_not_clean),
        cmocka_unit_test(lengths_that_cannot_be_are_survived),
        cmocka_unit_test(lengths_longer_than_needed_are_read),
        cmocka_unit_test(the_peers_clock_is_read_exactly),
        cmocka_unit_test(the_error_code_is_an_int32),
        cmocka_unit_test(the_largest_token_is_one_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
