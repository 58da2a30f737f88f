/* bindings.c - builds the channel bindings of a TLS connection; the contracts stand in troth/bindings.h. */
#include "troth/bindings.h"

#include <stdbool.h>
#include <string.h>

#include "backend.h"
#include "bytes.h"
#include "certificate.h"
#include "error.h"

#define EXPORTER_LENGTH 32 /* RFC 9266 section 2 */
#define UNIQUE_LEAST 12    /* RFC 5246 section 7.4.9: verify_data_length, which a cipher suite may only raise */
#define UNIQUE_MOST 64

static const char server_end_point[] = "tls-server-end-point:";
static const char exporter[] = "tls-exporter:";
static const char unique[] = "tls-unique:";

_Static_assert(sizeof server_end_point - 1 + TROTH__HASH_MOST <= TROTH_TLS_BINDINGS_SIZE, "the longest bindings fit");

static bool is_sized(const troth_tls_bindings *bindings)
{
    return bindings != NULL && bindings->size >= sizeof *bindings;
}

static void empty(troth_tls_bindings *bindings)
{
    *bindings = (troth_tls_bindings){.size = bindings->size};
}

static troth_status refuse_unsized(troth_error *error)
{
    return troth__error_set(error, TROTH_E_ARGUMENT,
                            "the bindings are NULL or were not made with "
                            "TROTH_TLS_BINDINGS_INIT");
}

/* value is at most TROTH__HASH_MOST bytes long. */
static void fill(troth_tls_bindings *bindings, const char *type, const void *value, size_t length)
{
    size_t prefix = strlen(type);

    memcpy(bindings->data, type, prefix);
    memcpy(bindings->data + prefix, value, length);
    bindings->bindings.application_data = bindings->data;
    bindings->bindings.application_data_length = prefix + length;
}

troth_status troth_bindings_certificate_hash(const void *certificate, size_t length, troth_hash *hash,
                                             troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (hash == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "hash is NULL");
    *hash = TROTH_HASH_UNSET;
    if (certificate == NULL || length == 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "there is no certificate");
    return troth__certificate_hash((troth__bytes){certificate, length}, hash, error);
}

troth_status troth_bindings_tls_server_end_point_hashed(troth_hash hash, const void *digest, size_t length,
                                                        troth_tls_bindings *bindings, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (!is_sized(bindings))
        return refuse_unsized(error);
    empty(bindings);
    if (troth__hash_length(hash) == 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "%d is no troth_hash", (int)hash);
    if (digest == NULL || length != troth__hash_length(hash))
        return troth__error_set(error, TROTH_E_ARGUMENT, "%s has %zu bytes, but %zu are given", troth__hash_name(hash),
                                troth__hash_length(hash), digest == NULL ? (size_t)0 : length);
    fill(bindings, server_end_point, digest, length);
    bindings->hash = hash;
    return TROTH_OK;
}

troth_status troth_bindings_tls_server_end_point(const void *certificate, size_t length, troth_tls_bindings *bindings,
                                                 troth_error *error)
{
    troth_error scratch;
    uint8_t digest[TROTH__HASH_MOST];
    troth_hash hash = TROTH_HASH_UNSET;

    error = troth__error_begin(error, &scratch);
    if (!is_sized(bindings))
        return refuse_unsized(error);
    empty(bindings);
    troth_status status = troth_bindings_certificate_hash(certificate, length, &hash, error);
    if (status == TROTH_OK)
        status = troth__backend_here.hash(hash, (troth__bytes){certificate, length}, digest, error);
    if (status == TROTH_OK)
        status = troth_bindings_tls_server_end_point_hashed(hash, digest, troth__hash_length(hash), bindings, error);
    return status;
}

/* The two types whose value the TLS library gives whole. */
static troth_status from_value(const char *type, const void *value, size_t length, size_t least, size_t most,
                               troth_tls_bindings *bindings, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (!is_sized(bindings))
        return refuse_unsized(error);
    empty(bindings);
    if (value == NULL || length < least || length > most)
        return troth__error_set(error, TROTH_E_ARGUMENT, "the value of %.*s has %zu to %zu bytes, but %zu are given",
                                (int)strlen(type) - 1, type, least, most, value == NULL ? (size_t)0 : length);
    fill(bindings, type, value, length);
    return TROTH_OK;
}

troth_status troth_bindings_tls_exporter(const void *value, size_t length, troth_tls_bindings *bindings,
                                         troth_error *error)
{
    return from_value(exporter, value, length, EXPORTER_LENGTH, EXPORTER_LENGTH, bindings, error);
}

troth_status troth_bindings_tls_unique(const void *finished, size_t length, troth_tls_bindings *bindings,
                                       troth_error *error)
{
    return from_value(unique, finished, length, UNIQUE_LEAST, UNIQUE_MOST, bindings, error);
}
