/* certificates.h - TLS certificates made while the tests run, by OpenSSL. A failure fails the running cmocka test. */
#ifndef TROTH_TESTS_BINDINGS_CERTIFICATES_H
#define TROTH_TESTS_BINDINGS_CERTIFICATES_H

#include <openssl/x509.h>

enum key_kind { KEY_RSA, KEY_P256, KEY_P384, KEY_ED25519, KEY_ED448 };

struct certificate_kind {
    const char *name;
    enum key_kind key;
    const char *digest; /* of the signature; NULL where the key's algorithm has its own */
    int pss;            /* RSASSA-PSS instead of PKCS #1 version 1.5 */
    const char *mask;   /* the hash of MGF1, where it is another one */
};

struct certificate {
    X509 *x509;
    EVP_PKEY *key;
};

/* A new self-signed certificate for server.troth.test. */
struct certificate certificate_new(const struct certificate_kind *kind);
void certificate_free(struct certificate *certificate);

/* Adds it to a file of PEM. */
void certificate_append(const struct certificate *certificate, const char *path);

/* Writes the key into a file of PEM. */
void certificate_write_key(const struct certificate *certificate, const char *path);

#endif
