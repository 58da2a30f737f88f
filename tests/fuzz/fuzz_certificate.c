/* fuzz_certificate.c - fuzz target: any bytes as a TLS server's certificate. */
#include "fuzz.h"

#include <string.h>

#include "troth/bindings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char prefix[] = "tls-server-end-point:";
    troth_tls_bindings bindings = TROTH_TLS_BINDINGS_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_hash hash = TROTH_HASH_SHA512;

    troth_status status = troth_bindings_certificate_hash(data, size, &hash, &error);
    FUZZ_CHECK(status == TROTH_OK || status == TROTH_E_ARGUMENT || status == TROTH_E_UNSUPPORTED);
    FUZZ_CHECK((status == TROTH_OK) == (hash != TROTH_HASH_UNSET));
    FUZZ_CHECK((status == TROTH_OK) == (error.text[0] == '\0'));

    troth_status built = troth_bindings_tls_server_end_point(data, size, &bindings, &error);
    FUZZ_CHECK(built == status || (status == TROTH_OK && built == TROTH_E_UNSUPPORTED));
    if (built == TROTH_OK) {
        FUZZ_CHECK(bindings.hash == hash && bindings.bindings.application_data == bindings.data);
        FUZZ_CHECK(bindings.bindings.application_data_length >= sizeof prefix - 1 + 28);
        FUZZ_CHECK(bindings.bindings.application_data_length <= sizeof prefix - 1 + 64);
        FUZZ_CHECK(memcmp(bindings.data, prefix, sizeof prefix - 1) == 0);
    } else {
        FUZZ_CHECK(bindings.bindings.application_data == NULL && bindings.bindings.application_data_length == 0);
    }
    return 0;
}
