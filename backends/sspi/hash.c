/* hash.c - hashes by Windows' own cryptography, bcrypt.dll. */
#include "internal.h"

#include <bcrypt.h>

#include "certificate.h"
#include "error.h"

/* By the names that BCryptOpenAlgorithmProvider knows. There is no SHA-224, and SHA-3 only since Windows 11 24H2. */
static const WCHAR *const sspi_hash_names[] = {
    [TROTH_HASH_SHA256] = L"SHA256",     [TROTH_HASH_SHA384] = L"SHA384",     [TROTH_HASH_SHA512] = L"SHA512",
    [TROTH_HASH_SHA3_256] = L"SHA3-256", [TROTH_HASH_SHA3_384] = L"SHA3-384", [TROTH_HASH_SHA3_512] = L"SHA3-512",
};

static troth_status sspi_hash_failed(const char *call, NTSTATUS status, troth_hash hash, troth_error *error)
{
    troth__error_native(error, (uint32_t)status, 0);
    return troth__error_set(error, TROTH_E_FAILURE, "%s failed with 0x%08lX for %s", call, (unsigned long)status,
                            troth__hash_name(hash));
}

troth_status troth__sspi_hash(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error)
{
    const WCHAR *name =
        (size_t)hash < sizeof sspi_hash_names / sizeof sspi_hash_names[0] ? sspi_hash_names[hash] : NULL;
    BCRYPT_ALG_HANDLE algorithm = NULL;
    BCRYPT_HASH_HANDLE object = NULL;
    troth_status result = TROTH_OK;
    NTSTATUS status;

    if (data.length > 0x7FFFFFFFu)
        return troth__error_set(error, TROTH_E_ARGUMENT, "more than 2 GiB are not hashed");
    if (name == NULL || BCryptOpenAlgorithmProvider(&algorithm, name, NULL, 0) < 0)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "this Windows has no %s: compute it over the certificate's DER and give it to "
                                "troth_bindings_tls_server_end_point_hashed",
                                troth__hash_name(hash));
    /* Without memory of ours it takes its own (since Windows 7). */
    status = BCryptCreateHash(algorithm, &object, NULL, 0, NULL, 0, 0);
    if (status < 0) {
        result = sspi_hash_failed("BCryptCreateHash", status, hash, error);
        goto out;
    }
    /* It takes what it only reads as if it wrote there. */
    status = BCryptHashData(object, (PUCHAR)(uintptr_t)data.data, (ULONG)data.length, 0);
    if (status < 0) {
        result = sspi_hash_failed("BCryptHashData", status, hash, error);
        goto out;
    }
    status = BCryptFinishHash(object, digest, (ULONG)troth__hash_length(hash), 0);
    if (status < 0)
        result = sspi_hash_failed("BCryptFinishHash", status, hash, error);
out:
    if (object != NULL)
        (void)BCryptDestroyHash(object);
    (void)BCryptCloseAlgorithmProvider(algorithm, 0);
    return result;
}
