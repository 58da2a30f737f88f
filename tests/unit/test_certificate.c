/*
 * test_certificate.c - shows which hash is taken for which signature, and that what is not one certificate in DER is
 * refused, whatever it is. Its certificates are made here: a signature algorithm between two things of no meaning.
 */
#include "support.h"

#include <stdio.h>

#include "certificate.h"

struct der {
    size_t length;
    uint8_t data[512];
};

static void put(struct der *der, unsigned tag, const void *content, size_t length)
{
    assert_true(length < 256 && der->length + length + 3 <= sizeof der->data);
    der->data[der->length++] = (uint8_t)tag;
    if (length >= 128)
        der->data[der->length++] = 0x81;
    der->data[der->length++] = (uint8_t)length;
    memcpy(der->data + der->length, content, length);
    der->length += length;
}

/* Puts an element around all that is there. */
static void around(struct der *der, unsigned tag)
{
    struct der inner = *der;
    der->length = 0;
    put(der, tag, inner.data, inner.length);
}

/* The number as DER has it (X.690 section 8.19), from its text. */
static void put_oid(struct der *der, const char *text)
{
    struct der content = {0, {0}};
    char *end = NULL;
    unsigned long first = strtoul(text, &end, 10);
    for (int i = 0; *end == '.'; i++) {
        unsigned long number = strtoul(end + 1, &end, 10) + (i == 0 ? first * 40 : 0);
        int shift = 28;
        while (shift > 0 && number >> shift == 0)
            shift -= 7;
        for (; shift >= 0; shift -= 7)
            content.data[content.length++] = (uint8_t)((number >> shift & 0x7Fu) | (shift > 0 ? 0x80u : 0));
    }
    put(der, 0x06, content.data, content.length);
}

static void put_algorithm(struct der *der, const char *oid, const struct der *parameters)
{
    struct der algorithm = {0, {0}};
    put_oid(&algorithm, oid);
    if (parameters != NULL) {
        memcpy(algorithm.data + algorithm.length, parameters->data, parameters->length);
        algorithm.length += parameters->length;
    }
    put(der, 0x30, algorithm.data, algorithm.length);
}

static void certificate_of(struct der *der, const char *oid, const struct der *parameters)
{
    der->length = 0;
    put(der, 0x30, "\x02\x01\x01", 3);
    put_algorithm(der, oid, parameters);
    put(der, 0x03, "\0signature", 10);
    around(der, 0x30);
}

/* Reads a copy that ends where its block of memory ends. */
static troth_status hash_of(const void *data, size_t length, troth_hash *hash, troth_error *error)
{
    uint8_t *block = malloc(length + (length == 0 ? 1 : 0));
    assert_non_null(block);
    memcpy(block, data, length);
    *hash = (troth_hash)99;
    troth_status status = troth__certificate_hash((troth__bytes){block, length}, hash, error);
    free(block);
    assert_int_equal(status == TROTH_OK, *hash != TROTH_HASH_UNSET);
    assert_int_equal(status, error->status);
    assert_int_equal(status == TROTH_OK, error->text[0] == '\0');
    return status;
}

static const struct der null_parameters = {2, {0x05, 0x00}};

#define PKCS1 "1.2.840.113549.1.1."
#define NIST_SIGNATURE "2.16.840.1.101.3.4.3."
#define NIST_HASH "2.16.840.1.101.3.4.2."
#define PSS PKCS1 "10"
#define MGF1 PKCS1 "8"
#define SHA1 "1.3.14.3.2.26"

static void each_signature_algorithm_names_its_hash(void **state)
{
    static const struct {
        const char *oid;
        troth_hash hash;
    } cases[] = {
        {PKCS1 "4", TROTH_HASH_SHA256}, /* MD5: RFC 5929 section 4.1 */
        {PKCS1 "5", TROTH_HASH_SHA256}, /* SHA-1: the same */
        {PKCS1 "11", TROTH_HASH_SHA256},
        {PKCS1 "12", TROTH_HASH_SHA384},
        {PKCS1 "13", TROTH_HASH_SHA512},
        {PKCS1 "14", TROTH_HASH_SHA224},
        {"1.3.14.3.2.29", TROTH_HASH_SHA256},
        {"1.2.840.10045.4.1", TROTH_HASH_SHA256},
        {"1.2.840.10045.4.3.1", TROTH_HASH_SHA224},
        {"1.2.840.10045.4.3.2", TROTH_HASH_SHA256},
        {"1.2.840.10045.4.3.3", TROTH_HASH_SHA384},
        {"1.2.840.10045.4.3.4", TROTH_HASH_SHA512},
        {"1.2.840.10040.4.3", TROTH_HASH_SHA256},
        {NIST_SIGNATURE "1", TROTH_HASH_SHA224},
        {NIST_SIGNATURE "2", TROTH_HASH_SHA256},
        {NIST_SIGNATURE "3", TROTH_HASH_SHA384},
        {NIST_SIGNATURE "4", TROTH_HASH_SHA512},
        {NIST_SIGNATURE "9", TROTH_HASH_SHA3_224},
        {NIST_SIGNATURE "10", TROTH_HASH_SHA3_256},
        {NIST_SIGNATURE "11", TROTH_HASH_SHA3_384},
        {NIST_SIGNATURE "12", TROTH_HASH_SHA3_512},
        {NIST_SIGNATURE "13", TROTH_HASH_SHA3_224},
        {NIST_SIGNATURE "14", TROTH_HASH_SHA3_256},
        {NIST_SIGNATURE "15", TROTH_HASH_SHA3_384},
        {NIST_SIGNATURE "16", TROTH_HASH_SHA3_512},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int with_null = 0; with_null < 2; with_null++) {
            troth_error error = TROTH_ERROR_INIT;
            troth_hash hash = TROTH_HASH_UNSET;
            struct der der;

            certificate_of(&der, cases[i].oid, with_null ? &null_parameters : NULL);
            if (hash_of(der.data, der.length, &hash, &error) != TROTH_OK)
                fail_msg("%s: %s", cases[i].oid, error.text);
            if (hash != cases[i].hash)
                fail_msg("%s: %s", cases[i].oid, troth__hash_name(hash));
        }
    }
}

static void a_signature_without_one_hash_is_refused_and_named(void **state)
{
    static const struct {
        const char *oid;
        const char *text;
    } cases[] = {
        {"1.3.101.112", "signed with Ed25519, which has no hash of its own"},
        {"1.3.101.113", "signed with Ed448, which has no hash of its own"},
        {NIST_SIGNATURE "18", "signed with ML-DSA-65, which has no hash of its own"},
        {"1.2.156.10197.1.501", "algorithm 1.2.156.10197.1.501 is unknown"},
        {"2.999.3", "algorithm 2.999.3 is unknown"},
        {PKCS1 "99", "algorithm 1.2.840.113549.1.1.99 is unknown"},
        /* The beginning of a known one, and a known one with more behind it. */
        {"1.2.840.10045.4.3", "algorithm 1.2.840.10045.4.3 is unknown"},
        {"1.2.840.10045.4.3.2.1", "algorithm 1.2.840.10045.4.3.2.1 is unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_hash hash = TROTH_HASH_UNSET;
        struct der der;

        certificate_of(&der, cases[i].oid, NULL);
        assert_int_equal(hash_of(der.data, der.length, &hash, &error), TROTH_E_UNSUPPORTED);
        assert_text(error.text, cases[i].text);
    }
}

/* ---- RSASSA-PSS, RFC 4055 section 3.1 --------------------------------------------------------------------------- */

/* A field of the parameters, in its explicit tag, holding the algorithm of a hash or a mask of it. */
static void put_field(struct der *der, unsigned number, const char *oid, const char *inner)
{
    struct der field = {0, {0}};
    struct der parameters = {0, {0}};
    if (inner != NULL)
        put_algorithm(&parameters, inner, &null_parameters);
    put_algorithm(&field, oid, inner != NULL ? &parameters : &null_parameters);
    put(der, 0xA0 + number, field.data, field.length);
}

static void pss_of(struct der *der, const char *digest, const char *mask, const char *mask_digest)
{
    struct der parameters = {0, {0}};
    if (digest != NULL)
        put_field(&parameters, 0, digest, NULL);
    if (mask != NULL)
        put_field(&parameters, 1, mask, mask_digest);
    put(&parameters, 0xA2, "\x02\x01\x20", 3);
    around(&parameters, 0x30);
    certificate_of(der, PSS, &parameters);
}

static void rsassa_pss_takes_the_hash_of_its_parameters(void **state)
{
    static const struct {
        const char *digest;
        const char *mask;
        const char *mask_digest;
        troth_status status;
        troth_hash hash;
        const char *text;
    } cases[] = {
        {NIST_HASH "1", MGF1, NIST_HASH "1", TROTH_OK, TROTH_HASH_SHA256, ""},
        {NIST_HASH "2", MGF1, NIST_HASH "2", TROTH_OK, TROTH_HASH_SHA384, ""},
        {NIST_HASH "3", MGF1, NIST_HASH "3", TROTH_OK, TROTH_HASH_SHA512, ""},
        {NIST_HASH "4", MGF1, NIST_HASH "4", TROTH_OK, TROTH_HASH_SHA224, ""},
        {NIST_HASH "8", MGF1, NIST_HASH "8", TROTH_OK, TROTH_HASH_SHA3_256, ""},
        /* SHA-1, said and by default, becomes SHA-256. */
        {SHA1, MGF1, SHA1, TROTH_OK, TROTH_HASH_SHA256, ""},
        {NULL, NULL, NULL, TROTH_OK, TROTH_HASH_SHA256, ""},
        {SHA1, NULL, NULL, TROTH_OK, TROTH_HASH_SHA256, ""},
        {NULL, MGF1, SHA1, TROTH_OK, TROTH_HASH_SHA256, ""},
        /* Two hashes: not defined. */
        {NIST_HASH "1", NULL, NULL, TROTH_E_UNSUPPORTED, TROTH_HASH_UNSET, "two different hashes"},
        {NIST_HASH "1", MGF1, SHA1, TROTH_E_UNSUPPORTED, TROTH_HASH_UNSET, "two different hashes"},
        {SHA1, MGF1, NIST_HASH "1", TROTH_E_UNSUPPORTED, TROTH_HASH_UNSET, "two different hashes"},
        {NULL, MGF1, NIST_HASH "1", TROTH_E_UNSUPPORTED, TROTH_HASH_UNSET, "two different hashes"},
        {NIST_HASH "1", NIST_HASH "11", NULL, TROTH_E_UNSUPPORTED, TROTH_HASH_UNSET, "not MGF1"},
        {NIST_HASH "99", MGF1, NIST_HASH "99", TROTH_E_UNSUPPORTED, TROTH_HASH_UNSET, "unknown here"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_hash hash = TROTH_HASH_UNSET;
        struct der der;

        pss_of(&der, cases[i].digest, cases[i].mask, cases[i].mask_digest);
        assert_int_equal(hash_of(der.data, der.length, &hash, &error), cases[i].status);
        assert_int_equal(hash, cases[i].hash);
        assert_text(error.text, cases[i].text);
    }
}

static void rsassa_pss_parameters_that_are_none_are_refused(void **state)
{
    static const struct der broken[] = {
        {0, {0}},                      /* left out: RFC 4055 section 3.1 wants them there */
        {2, {0x05, 0x00}},             /* NULL */
        {4, {0x30, 0x02, 0xA4, 0x00}}, /* a fifth field */
        {9, {0x30, 0x07, 0xA2, 0x03, 0x02, 0x01, 0x14, 0xA0, 0x00}}, /* fields out of their order */
        {4, {0x30, 0x02, 0xA0, 0x00}},                               /* an empty field */
        {6, {0x30, 0x04, 0xA0, 0x02, 0x30, 0x00}},                   /* an algorithm without an OID */
        {5, {0x30, 0x03, 0xA2, 0x05, 0x02}},                         /* a field that is longer than they are */
        {6, {0x30, 0x81, 0x03, 0xA2, 0x01, 0x02}},                   /* a length that is not minimal */
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_hash hash = TROTH_HASH_UNSET;
        struct der der;

        certificate_of(&der, PSS, &broken[i]);
        if (hash_of(der.data, der.length, &hash, &error) != TROTH_E_ARGUMENT)
            fail_msg("parameters %zu: %s", i, troth_status_name(error.status));
    }
}

/* ---- what is no certificate ------------------------------------------------------------------------------------- */

static void assert_no_certificate(const void *data, size_t length, const char *text)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_hash hash = TROTH_HASH_UNSET;

    if (hash_of(data, length, &hash, &error) != TROTH_E_ARGUMENT)
        fail_msg("%zu bytes: %s", length, troth_status_name(error.status));
    assert_text(error.text, text);
}

static void what_is_not_one_certificate_is_refused(void **state)
{
    static const char none[] = "not one X.509 certificate in DER";
    struct der der;

    (void)state;
    assert_no_certificate("", 0, none);
    assert_no_certificate("\x30\x00", 2, none);
    assert_no_certificate("-----BEGIN CERTIFICATE-----\nMII", 31, "is PEM");

    /* Something behind it, as in a chain. */
    certificate_of(&der, PKCS1 "11", &null_parameters);
    der.data[der.length] = 0;
    assert_no_certificate(der.data, der.length + 1, none);

    /* Something behind the signature. */
    der.length = 0;
    put(&der, 0x30, "\x02\x01\x01", 3);
    put_algorithm(&der, PKCS1 "11", &null_parameters);
    put(&der, 0x03, "\0signature", 10);
    put(&der, 0x05, "", 0);
    around(&der, 0x30);
    assert_no_certificate(der.data, der.length, none);

    /* No signature; nothing that is signed; something behind the parameters. */
    der.length = 0;
    put(&der, 0x30, "\x02\x01\x01", 3);
    put_algorithm(&der, PKCS1 "11", &null_parameters);
    around(&der, 0x30);
    assert_no_certificate(der.data, der.length, none);
    der.length = 0;
    put(&der, 0x30, "", 0);
    put_algorithm(&der, PKCS1 "11", &null_parameters);
    put(&der, 0x03, "\0signature", 10);
    around(&der, 0x30);
    assert_no_certificate(der.data, der.length, none);
    certificate_of(&der, PKCS1 "11", &(struct der){4, {0x05, 0x00, 0x05, 0x00}});
    assert_no_certificate(der.data, der.length, none);

    /* BER: a length with a byte too many. */
    certificate_of(&der, PKCS1 "11", &null_parameters);
    memmove(der.data + 2, der.data + 1, der.length - 1);
    der.data[1] = 0x81;
    assert_no_certificate(der.data, der.length + 1, none);
}

static void no_truncation_and_no_changed_byte_leads_astray(void **state)
{
    struct der der;

    (void)state;
    pss_of(&der, NIST_HASH "1", MGF1, NIST_HASH "1");
    for (size_t length = 0; length < der.length; length++)
        assert_no_certificate(der.data, length, "not one X.509 certificate");
    for (size_t at = 0; at < der.length; at++) {
        for (unsigned value = 0; value < 256; value++) {
            troth_error error = TROTH_ERROR_INIT;
            troth_hash hash = TROTH_HASH_UNSET;
            struct der changed = der;

            changed.data[at] = (uint8_t)value;
            troth_status status = hash_of(changed.data, changed.length, &hash, &error);
            assert_true(status == TROTH_OK || status == TROTH_E_ARGUMENT || status == TROTH_E_UNSUPPORTED);
        }
    }
}

static void an_oid_of_any_length_is_shown_or_cut(void **state)
{
    (void)state;
    for (size_t length = 1; length < 120; length++) {
        for (unsigned fill = 0x7F; fill <= 0xFF; fill += 0x80) {
            troth_error error = TROTH_ERROR_INIT;
            troth_hash hash = TROTH_HASH_UNSET;
            struct der der = {0, {0}};
            uint8_t oid[120];

            memset(oid, (int)fill, sizeof oid);
            put(&der, 0x06, oid, length);
            around(&der, 0x30);
            struct der algorithm = der;
            der.length = 0;
            put(&der, 0x30, "\x02\x01\x01", 3);
            memcpy(der.data + der.length, algorithm.data, algorithm.length);
            der.length += algorithm.length;
            put(&der, 0x03, "\0", 1);
            around(&der, 0x30);
            assert_int_equal(hash_of(der.data, der.length, &hash, &error), TROTH_E_UNSUPPORTED);
            assert_text(error.text, "is unknown here, and so is its hash");
        }
    }
}

static void hashes_have_names_and_lengths(void **state)
{
    (void)state;
    assert_string_equal(troth__hash_name(TROTH_HASH_SHA384), "SHA-384");
    assert_int_equal(troth__hash_length(TROTH_HASH_SHA384), 48);
    assert_int_equal(troth__hash_length(TROTH_HASH_SHA3_512), 64);
    assert_int_equal(troth__hash_length(TROTH_HASH_UNSET), 0);
    assert_int_equal(troth__hash_length((troth_hash)9), 0);
    assert_string_equal(troth__hash_name((troth_hash)1000), "?");
    assert_string_equal(troth__hash_name(TROTH_HASH_UNSET), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_signature_algorithm_names_its_hash),
        cmocka_unit_test(a_signature_without_one_hash_is_refused_and_named),
        cmocka_unit_test(rsassa_pss_takes_the_hash_of_its_parameters),
        cmocka_unit_test(rsassa_pss_parameters_that_are_none_are_refused),
        cmocka_unit_test(what_is_not_one_certificate_is_refused),
        cmocka_unit_test(no_truncation_and_no_changed_byte_leads_astray),
        cmocka_unit_test(an_oid_of_any_length_is_shown_or_cut),
        cmocka_unit_test(hashes_have_names_and_lengths),
    };
    return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
