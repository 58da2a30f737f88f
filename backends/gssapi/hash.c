/* hash.c - hashes by OpenSSL's libcrypto, where the library was built with it (the Meson option openssl). */
#include "internal.h"

#include "certificate.h"
#include "error.h"

#ifdef TROTH_HAVE_OPENSSL
#include <openssl/err.h>
#include <openssl/evp.h>

static const EVP_MD *(*const gss_hash_methods[])(void) = {
    [TROTH_HASH_SHA224] = EVP_sha224,     [TROTH_HASH_SHA256] = EVP_sha256,     [TROTH_HASH_SHA384] = EVP_sha384,
    [TROTH_HASH_SHA512] = EVP_sha512,     [TROTH_HASH_SHA3_224] = EVP_sha3_224, [TROTH_HASH_SHA3_256] = EVP_sha3_256,
    [TROTH_HASH_SHA3_384] = EVP_sha3_384, [TROTH_HASH_SHA3_512] = EVP_sha3_512,
};

troth_status troth__gss_hash(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error)
{
    unsigned length = 0;

    /* OpenSSL's own queue of errors is left as it was: it may be the caller's as well. */
    ERR_set_mark();
    int good = EVP_Digest(data.data, data.length, digest, &length, gss_hash_methods[hash](), NULL);
    ERR_pop_to_mark();
    if (good != 1 || length != troth__hash_length(hash))
        return troth__error_set(error, TROTH_E_FAILURE, "OpenSSL did not compute %s", troth__hash_name(hash));
    return TROTH_OK;
}

#else

troth_status troth__gss_hash(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error)
{
    (void)data;
    (void)digest;
    return troth__error_set(error, TROTH_E_UNSUPPORTED,
                            "this library was built without OpenSSL and cannot compute %s: compute it over the "
                            "certificate's DER and give it to troth_bindings_tls_server_end_point_hashed",
                            troth__hash_name(hash));
}

#endif
