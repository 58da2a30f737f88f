/* certificate.c - finds the hash that a certificate's signature was made with; see certificate.h. */
#include "certificate.h"

#include <stdio.h>
#include <string.h>

#include "der.h"
#include "error.h"

#define OID_SIZE 10 /* the longest one in the tables */
#define OID_TEXT 128

/* What RFC 5929 section 4.1 makes of the old ones. */
#define SHA256_FOR_MD5 TROTH_HASH_SHA256
#define SHA256_FOR_SHA1 TROTH_HASH_SHA256

static const struct {
    const char *name;
    size_t length;
} hashes[] = {
    [TROTH_HASH_SHA224] = {"SHA-224", 28},    [TROTH_HASH_SHA256] = {"SHA-256", 32},
    [TROTH_HASH_SHA384] = {"SHA-384", 48},    [TROTH_HASH_SHA512] = {"SHA-512", 64},
    [TROTH_HASH_SHA3_224] = {"SHA3-224", 28}, [TROTH_HASH_SHA3_256] = {"SHA3-256", 32},
    [TROTH_HASH_SHA3_384] = {"SHA3-384", 48}, [TROTH_HASH_SHA3_512] = {"SHA3-512", 64},
};

/* An algorithm: the contents of its OID, and its hash or, where it has none, its name. */
struct algorithm {
    uint8_t length;
    uint8_t oid[OID_SIZE];
    troth_hash hash;
    const char *without; /* why it has none; then hash is UNSET */
};

/* The prefixes of the OIDs, without the last byte. */
#define PKCS1 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01          /* 1.2.840.113549.1.1 */
#define ECDSA_SHA2 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03           /* 1.2.840.10045.4.3 */
#define NIST_SIGNATURE 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03 /* 2.16.840.1.101.3.4.3 */
#define NIST_HASH 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02      /* 2.16.840.1.101.3.4.2 */

/* RFC 3279, 4055, 5758 (SHA-2), 8410 (EdDSA), 8692 (SHAKE), and NIST's register for SHA-3. */
static const struct algorithm signatures[] = {
    {9, {PKCS1, 0x04}, SHA256_FOR_MD5, NULL},
    {9, {PKCS1, 0x05}, SHA256_FOR_SHA1, NULL},
    {9, {PKCS1, 0x0B}, TROTH_HASH_SHA256, NULL},
    {9, {PKCS1, 0x0C}, TROTH_HASH_SHA384, NULL},
    {9, {PKCS1, 0x0D}, TROTH_HASH_SHA512, NULL},
    {9, {PKCS1, 0x0E}, TROTH_HASH_SHA224, NULL},
    {5, {0x2B, 0x0E, 0x03, 0x02, 0x1D}, SHA256_FOR_SHA1, NULL},             /* 1.3.14.3.2.29: OIW's RSA */
    {7, {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01}, SHA256_FOR_SHA1, NULL}, /* ECDSA */
    {8, {ECDSA_SHA2, 0x01}, TROTH_HASH_SHA224, NULL},
    {8, {ECDSA_SHA2, 0x02}, TROTH_HASH_SHA256, NULL},
    {8, {ECDSA_SHA2, 0x03}, TROTH_HASH_SHA384, NULL},
    {8, {ECDSA_SHA2, 0x04}, TROTH_HASH_SHA512, NULL},
    {7, {0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x03}, SHA256_FOR_SHA1, NULL}, /* DSA */
    {9, {NIST_SIGNATURE, 0x01}, TROTH_HASH_SHA224, NULL},                   /* DSA */
    {9, {NIST_SIGNATURE, 0x02}, TROTH_HASH_SHA256, NULL},
    {9, {NIST_SIGNATURE, 0x03}, TROTH_HASH_SHA384, NULL},
    {9, {NIST_SIGNATURE, 0x04}, TROTH_HASH_SHA512, NULL},
    {9, {NIST_SIGNATURE, 0x09}, TROTH_HASH_SHA3_224, NULL}, /* ECDSA */
    {9, {NIST_SIGNATURE, 0x0A}, TROTH_HASH_SHA3_256, NULL},
    {9, {NIST_SIGNATURE, 0x0B}, TROTH_HASH_SHA3_384, NULL},
    {9, {NIST_SIGNATURE, 0x0C}, TROTH_HASH_SHA3_512, NULL},
    {9, {NIST_SIGNATURE, 0x0D}, TROTH_HASH_SHA3_224, NULL}, /* RSA, PKCS #1 version 1.5 */
    {9, {NIST_SIGNATURE, 0x0E}, TROTH_HASH_SHA3_256, NULL},
    {9, {NIST_SIGNATURE, 0x0F}, TROTH_HASH_SHA3_384, NULL},
    {9, {NIST_SIGNATURE, 0x10}, TROTH_HASH_SHA3_512, NULL},
    {3, {0x2B, 0x65, 0x70}, TROTH_HASH_UNSET, "Ed25519"},
    {3, {0x2B, 0x65, 0x71}, TROTH_HASH_UNSET, "Ed448"},
    {9, {NIST_SIGNATURE, 0x11}, TROTH_HASH_UNSET, "ML-DSA-44"},
    {9, {NIST_SIGNATURE, 0x12}, TROTH_HASH_UNSET, "ML-DSA-65"},
    {9, {NIST_SIGNATURE, 0x13}, TROTH_HASH_UNSET, "ML-DSA-87"},
};

/* The hashes that RSASSA-PSS can name (RFC 4055 section 2.1). */
static const struct algorithm digests[] = {
    {8, {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05}, SHA256_FOR_MD5, NULL},
    {5, {0x2B, 0x0E, 0x03, 0x02, 0x1A}, SHA256_FOR_SHA1, NULL},
    {9, {NIST_HASH, 0x01}, TROTH_HASH_SHA256, NULL},
    {9, {NIST_HASH, 0x02}, TROTH_HASH_SHA384, NULL},
    {9, {NIST_HASH, 0x03}, TROTH_HASH_SHA512, NULL},
    {9, {NIST_HASH, 0x04}, TROTH_HASH_SHA224, NULL},
    {9, {NIST_HASH, 0x07}, TROTH_HASH_SHA3_224, NULL},
    {9, {NIST_HASH, 0x08}, TROTH_HASH_SHA3_256, NULL},
    {9, {NIST_HASH, 0x09}, TROTH_HASH_SHA3_384, NULL},
    {9, {NIST_HASH, 0x0A}, TROTH_HASH_SHA3_512, NULL},
};
#define SHA1_DIGEST (&digests[1])

static const uint8_t oid_pss[] = {PKCS1, 0x0A};
static const uint8_t oid_mgf1[] = {PKCS1, 0x08};

size_t troth__hash_length(troth_hash hash)
{
    return (size_t)hash < sizeof hashes / sizeof hashes[0] ? hashes[hash].length : 0;
}

const char *troth__hash_name(troth_hash hash)
{
    return troth__hash_length(hash) > 0 ? hashes[hash].name : "?";
}

static const struct algorithm *find(const struct algorithm *table, size_t count, troth__bytes oid)
{
    for (size_t i = 0; i < count; i++) {
        if (troth__der_is(oid, table[i].oid, table[i].length))
            return &table[i];
    }
    return NULL;
}

/* "1.2.840.10045.4.3.2" (X.690 section 8.19), cut where there is no more room. */
static void oid_to_text(troth__bytes oid, char text[OID_TEXT])
{
    uint64_t number = 0;
    size_t at = 0;
    int first = 1;

    text[0] = '\0';
    for (size_t i = 0; i < oid.length && at + 24 < OID_TEXT && number <= UINT64_MAX >> 8; i++) {
        number = number << 7 | (oid.data[i] & 0x7Fu);
        if ((oid.data[i] & 0x80u) != 0)
            continue;
        if (first) {
            uint64_t root = number < 80 ? number / 40 : 2;

            number -= root * 40;
            at += (size_t)snprintf(text, OID_TEXT, "%d", (int)root);
            first = 0;
        }
        at += (size_t)snprintf(text + at, OID_TEXT - at, ".%llu", (unsigned long long)number);
        number = 0;
    }
}

/* ---- strict DER: every element whole, of the right tag, its length minimal, and nothing behind the last -----------
 */

static bool take(struct troth__der_walk *walk, uint8_t tag, struct troth__der_element *element)
{
    return troth__der_next(walk, element) && element->tag == tag && element->whole && element->minimal;
}

static bool take_only(struct troth__der_walk walk, uint8_t tag, struct troth__der_element *element)
{
    return take(&walk, tag, element) && walk.rest.length == 0;
}

/* The rest of an algorithm's parameters: none, or NULL (RFC 4055 section 2.1 wants both understood). */
static bool null_or_nothing(struct troth__der_walk parameters)
{
    struct troth__der_element null;

    return parameters.rest.length == 0 || (take_only(parameters, TROTH__DER_NULL, &null) && null.content.length == 0);
}

/* AlgorithmIdentifier of a hash, the one element of an explicit tag. *digest stays NULL for a hash that is unknown. */
static bool read_digest(struct troth__der_walk inside, const struct algorithm **digest)
{
    struct troth__der_element sequence;
    struct troth__der_element oid;

    if (!take_only(inside, TROTH__DER_SEQUENCE, &sequence))
        return false;
    struct troth__der_walk parts = troth__der_into(&inside, &sequence);
    if (!take(&parts, TROTH__DER_OID, &oid) || !null_or_nothing(parts))
        return false;
    *digest = find(digests, sizeof digests / sizeof digests[0], oid.content);
    return true;
}

/* MaskGenAlgorithm: MGF1 of a hash (RFC 4055 section 2.2), or another one, which has no hash that we know. */
static bool read_mask(struct troth__der_walk inside, const struct algorithm **digest)
{
    struct troth__der_element sequence;
    struct troth__der_element oid;

    if (!take_only(inside, TROTH__DER_SEQUENCE, &sequence))
        return false;
    struct troth__der_walk parts = troth__der_into(&inside, &sequence);
    if (!take(&parts, TROTH__DER_OID, &oid))
        return false;
    *digest = NULL;
    return !troth__der_is(oid.content, oid_mgf1, sizeof oid_mgf1) || read_digest(parts, digest);
}

/*
 * RSASSA-PSS-params (RFC 4055 section 3.1): four optional fields in their order, the last two being of no interest
 * here. RFC 5929 section 4.1 defines nothing for a signature of two hashes, so that of the mask must be the same.
 */
static troth_status read_pss(struct troth__der_walk parameters, troth_hash *hash, troth_error *error)
{
    const struct algorithm *digest = SHA1_DIGEST;
    const struct algorithm *mask = SHA1_DIGEST;
    struct troth__der_element sequence;
    struct troth__der_element field;
    uint8_t last = 0;
    bool good = take_only(parameters, TROTH__DER_SEQUENCE, &sequence);

    if (good) {
        struct troth__der_walk fields = troth__der_into(&parameters, &sequence);
        while (good && fields.rest.length > 0) {
            good = troth__der_next(&fields, &field) && field.whole && field.minimal && field.tag > last &&
                   field.tag >= TROTH__DER_CONTEXT(0u) && field.tag <= TROTH__DER_CONTEXT(3u);
            if (good && field.tag == TROTH__DER_CONTEXT(0u)) {
                good = read_digest(troth__der_into(&fields, &field), &digest);
            } else if (good && field.tag == TROTH__DER_CONTEXT(1u)) {
                good = read_mask(troth__der_into(&fields, &field), &mask);
            }
            last = field.tag;
        }
    }
    if (!good)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the certificate's RSASSA-PSS parameters are not DER as RFC "
                                "4055 has it");
    if (digest == NULL)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "the certificate's RSASSA-PSS signature uses a hash that is "
                                "unknown here");
    if (mask != digest)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "the certificate's RSASSA-PSS signature uses two different hashes (or a mask that is "
                                "not MGF1): tls-server-end-point "
                                "is not defined for it (RFC 5929 section 4.1)");
    *hash = digest->hash;
    return TROTH_OK;
}

/* Takes the signatureAlgorithm out of a Certificate (RFC 5280 section 4.1): the OID, and a walk to its parameters. */
static bool read_certificate(struct troth__der_walk walk, struct troth__der_element *oid,
                             struct troth__der_walk *parameters)
{
    struct troth__der_element certificate;
    struct troth__der_element element;

    if (!take_only(walk, TROTH__DER_SEQUENCE, &certificate))
        return false;
    struct troth__der_walk parts = troth__der_into(&walk, &certificate);
    struct troth__der_element algorithm;
    if (!take(&parts, TROTH__DER_SEQUENCE, &element) || element.content.length == 0 ||
        !take(&parts, TROTH__DER_SEQUENCE, &algorithm) || !take_only(parts, TROTH__DER_BIT_STRING, &element)) {
        return false;
    }
    *parameters = troth__der_into(&parts, &algorithm);
    if (!take(parameters, TROTH__DER_OID, oid) || oid->content.length == 0)
        return false;
    /* Parameters are one element of whatever type, or left out. */
    struct troth__der_walk rest = *parameters;
    return rest.rest.length == 0 ||
           (troth__der_next(&rest, &element) && element.whole && element.minimal && rest.rest.length == 0);
}

troth_status troth__certificate_hash(troth__bytes certificate, troth_hash *hash, troth_error *error)
{
    bool damaged = false;
    struct troth__der_walk walk = {certificate, &damaged};
    struct troth__der_walk parameters;
    struct troth__der_element oid;

    *hash = TROTH_HASH_UNSET;
    if (!read_certificate(walk, &oid, &parameters)) {
        bool pem = certificate.length >= 5 && memcmp(certificate.data, "-----", 5) == 0;
        return troth__error_set(error, TROTH_E_ARGUMENT, "%s",
                                pem ? "the certificate is PEM; it is needed as DER, the bytes that went over the wire"
                                    : "these bytes are not one X.509 certificate in DER");
    }
    if (troth__der_is(oid.content, oid_pss, sizeof oid_pss))
        return read_pss(parameters, hash, error);
    const struct algorithm *found = find(signatures, sizeof signatures / sizeof signatures[0], oid.content);
    if (found == NULL) {
        char text[OID_TEXT];

        oid_to_text(oid.content, text);
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "the certificate's signature algorithm %s is unknown here, and so is its hash", text);
    }
    if (found->hash == TROTH_HASH_UNSET)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "the certificate is signed with %s, which has no hash of its own: tls-server-end-point "
                                "is not defined for it (RFC 5929 section 4.1)",
                                found->without);
    *hash = found->hash;
    return TROTH_OK;
}
