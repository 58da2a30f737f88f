/*
 * test_certificates.c - tls-server-end-point of certificates that were made a moment ago, against OpenSSL's own idea of
 * their signature's hash, and its digest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "certificates.h"
#include "troth/bindings.h"

/* RFC 5929 section 4.1, by OpenSSL's means. */
static const EVP_MD *method_of(X509 *x509)
{
    int digest = NID_undef;

    assert_int_equal(X509_get_signature_info(x509, &digest, NULL, NULL, NULL), 1);
    return digest == NID_md5 || digest == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest);
}

static void the_bindings_are_what_openssl_makes_of_the_certificate(void **state)
{
    static const struct certificate_kind kinds[] = {
        {"rsa-sha256", KEY_RSA, "SHA256", 0, NULL},     {"rsa-sha384", KEY_RSA, "SHA384", 0, NULL},
        {"rsa-sha512", KEY_RSA, "SHA512", 0, NULL},     {"rsa-sha224", KEY_RSA, "SHA224", 0, NULL},
        {"rsa-sha1", KEY_RSA, "SHA1", 0, NULL},         {"rsa-md5", KEY_RSA, "MD5", 0, NULL},
        {"rsa-sha3-384", KEY_RSA, "SHA3-384", 0, NULL}, {"pss-sha256", KEY_RSA, "SHA256", 1, NULL},
        {"pss-sha512", KEY_RSA, "SHA512", 1, NULL},     {"pss-sha1", KEY_RSA, "SHA1", 1, NULL},
        {"p256-sha256", KEY_P256, "SHA256", 0, NULL},   {"p256-sha1", KEY_P256, "SHA1", 0, NULL},
        {"p256-sha512", KEY_P256, "SHA512", 0, NULL},   {"p384-sha384", KEY_P384, "SHA384", 0, NULL},
    };
    static const char prefix[] = "tls-server-end-point:";

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct certificate certificate = certificate_new(&kinds[i]);
        troth_tls_bindings bindings = TROTH_TLS_BINDINGS_INIT;
        troth_error error = TROTH_ERROR_INIT;
        uint8_t digest[EVP_MAX_MD_SIZE];
        unsigned digest_length = 0;
        unsigned char *der = NULL;
        int length = i2d_X509(certificate.x509, &der);

        assert_true(length > 0);
        if (troth_bindings_tls_server_end_point(der, (size_t)length, &bindings, &error) != TROTH_OK)
            fail_msg("%s: %s", kinds[i].name, error.text);
        assert_int_equal(X509_digest(certificate.x509, method_of(certificate.x509), digest, &digest_length), 1);
        assert_int_equal(bindings.bindings.application_data_length, sizeof prefix - 1 + digest_length);
        assert_memory_equal(bindings.data, prefix, sizeof prefix - 1);
        assert_memory_equal(bindings.data + sizeof prefix - 1, digest, digest_length);
        OPENSSL_free(der);
        certificate_free(&certificate);
    }
}

static void certificates_without_one_hash_are_refused(void **state)
{
    static const struct {
        struct certificate_kind kind;
        const char *text;
    } cases[] = {
        {{"ed25519", KEY_ED25519, NULL, 0, NULL}, "Ed25519"},
        {{"ed448", KEY_ED448, NULL, 0, NULL}, "Ed448"},
        {{"pss-two-hashes", KEY_RSA, "SHA256", 1, "SHA384"}, "two different hashes"},
        {{"pss-default-mask", KEY_RSA, "SHA256", 1, "SHA1"}, "two different hashes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct certificate certificate = certificate_new(&cases[i].kind);
        troth_tls_bindings bindings = TROTH_TLS_BINDINGS_INIT;
        troth_error error = TROTH_ERROR_INIT;
        unsigned char *der = NULL;
        int length = i2d_X509(certificate.x509, &der);

        assert_true(length > 0);
        assert_int_equal(troth_bindings_tls_server_end_point(der, (size_t)length, &bindings, &error),
                         TROTH_E_UNSUPPORTED);
        assert_non_null(strstr(error.text, cases[i].text));
        OPENSSL_free(der);
        certificate_free(&certificate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bindings_are_what_openssl_makes_of_the_certificate),
        cmocka_unit_test(certificates_without_one_hash_are_refused),
    };
    return cmocka_run_group_tests_name("certificates", tests, NULL, NULL);
}
