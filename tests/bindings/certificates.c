/* certificates.c - TLS certificates made while the tests run, by OpenSSL. */
#include "certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

static EVP_PKEY *key_new(enum key_kind kind)
{
    static const int ids[] = {
        [KEY_RSA] = EVP_PKEY_RSA,         [KEY_P256] = EVP_PKEY_EC,     [KEY_P384] = EVP_PKEY_EC,
        [KEY_ED25519] = EVP_PKEY_ED25519, [KEY_ED448] = EVP_PKEY_ED448,
    };
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(ids[kind], NULL);
    EVP_PKEY *key = NULL;

    assert_non_null(context);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    if (kind == KEY_RSA)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    if (kind == KEY_P256 || kind == KEY_P384)
        assert_int_equal(
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, kind == KEY_P256 ? NID_X9_62_prime256v1 : NID_secp384r1),
            1);
    assert_int_equal(EVP_PKEY_keygen(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* RSA keys take long to make, and one does for all. */
static EVP_PKEY *key_of(enum key_kind kind)
{
    static EVP_PKEY *rsa;

    if (kind != KEY_RSA)
        return key_new(kind);
    if (rsa == NULL)
        rsa = key_new(kind);
    assert_int_equal(EVP_PKEY_up_ref(rsa), 1);
    return rsa;
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(extension);
    assert_int_equal(X509_add_ext(x509, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static void sign(X509 *x509, EVP_PKEY *key, const struct certificate_kind *kind)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL; /* the context's */
    const EVP_MD *digest = kind->digest != NULL ? EVP_get_digestbyname(kind->digest) : NULL;

    assert_non_null(context);
    assert_int_equal(EVP_DigestSignInit(context, &options, digest, NULL, key), 1);
    if (kind->pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST), 1);
        if (kind->mask != NULL)
            assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(options, EVP_get_digestbyname(kind->mask)), 1);
    }
    assert_true(X509_sign_ctx(x509, context) > 0);
    EVP_MD_CTX_free(context);
}

struct certificate certificate_new(const struct certificate_kind *kind)
{
    static long serial;
    struct certificate certificate = {X509_new(), key_of(kind->key)};
    X509 *x509 = certificate.x509;

    assert_non_null(x509);
    X509_NAME *name = X509_get_subject_name(x509);
    assert_int_equal(X509_set_version(x509, 2), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), ++serial), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 86400));
    /* The issuers differ, so that several of them can stand in one file of trusted ones. */
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)kind->name, -1, -1, 0),
                     1);
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"server.troth.test", -1, -1, 0), 1);
    assert_int_equal(X509_set_issuer_name(x509, name), 1);
    assert_int_equal(X509_set_pubkey(x509, certificate.key), 1);
    add_extension(x509, NID_subject_alt_name, "DNS:server.troth.test");
    sign(x509, certificate.key, kind);
    return certificate;
}

void certificate_free(struct certificate *certificate)
{
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    certificate->x509 = NULL;
    certificate->key = NULL;
}

void certificate_append(const struct certificate *certificate, const char *path)
{
    FILE *file = fopen(path, "a");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate->x509), 1);
    assert_int_equal(fclose(file), 0);
}

void certificate_write_key(const struct certificate *certificate, const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, certificate->key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}
