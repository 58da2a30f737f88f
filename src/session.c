/* session.c - a complete context's key and what is derived from it, and its way to another process and back. */
#include "session.h"

#include <string.h>

#include "error.h"
#include "portability.h"
#include "troth/session.h"

/*
 * An exported context: this, then the backend's own bytes to the end. Numbers are big-endian. Whatever is changed here
 * changes VERSION.
 */
#define VERSION 2u
static const uint8_t magic[4] = {'T', 'R', 'X', 'C'};

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_ROLE = 5,
    AT_CONFIGURED = 6, /* the credential's mechanism */
    AT_MECHANISM = 7,
    AT_BINDINGS = 8,
    AT_BACKEND = 9, /* its name, with zeros behind it */
    AT_FLAGS = 17,
    AT_PARTS = 18,
    AT_REQUIRED = 19,
    AT_PROPERTIES = 23,
    AT_EXPIRY = 27,
    AT_ENCRYPTION = 35,
    AT_STRENGTH = 39,
    AT_WRAP_HEADER = 41,
    AT_WRAP_OVERHEAD = 43,
    AT_MIC_SIZE = 45,
    AT_TARGET = 47,
    AT_SUM = 48,
    AT_REST = 56, /* the native bytes' length */
    HEADER = 60
};

#define BACKEND_NAME (AT_FLAGS - AT_BACKEND)

static void put(uint8_t *at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

static uint64_t get(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/*
 * Of everything but the sum itself, so that bytes damaged on their way never reach a native library: MIT 1.20.1 reads
 * beyond what is cut off. FNV-1a; against whoever damages them on purpose nothing here helps.
 */
static uint64_t sum(const uint8_t *token, size_t length)
{
    uint64_t value = 14695981039346656037u;

    for (size_t i = 0; i < length; i++) {
        if (i < AT_SUM || i >= AT_REST)
            value = (value ^ token[i]) * 1099511628211u;
    }
    return value;
}

/* ---- keys ----------------------------------------------------------------------------------------------------- */

troth_status troth_context_session_key(troth_context *context, void *key, size_t capacity, size_t *key_length,
                                       int32_t *encryption, troth_error *error)
{
    uint8_t *found = NULL;
    size_t length = 0;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (key_length != NULL)
        *key_length = 0;
    if (encryption != NULL)
        *encryption = 0;
    if (context == NULL || key_length == NULL || (key == NULL && capacity > 0))
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context and room for the key and its length are needed");
    status = troth__context_ready(context, error);
    if (status != TROTH_OK)
        return status;
    troth__context_learn_encryption(context);
    status = context->credential->backend->session_key(context->native, &found, &length, error);
    if (status != TROTH_OK)
        return status;
    *key_length = length;
    if (encryption != NULL)
        *encryption = context->attributes.encryption;
    if (length > capacity)
        status = troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the key needs %zu bytes, and there are %zu", length,
                                  capacity);
    else if (length > 0)
        memcpy(key, found, length);
    troth__wipe_free(found, length);
    return status;
}

troth_status troth_context_prf(troth_context *context, troth_prf_key which, const void *input, size_t input_length,
                               void *output, size_t length, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL || output == NULL || length == 0 || length > TROTH_PRF_MOST || input_length > TROTH_PRF_MOST ||
        (input == NULL && input_length > 0))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a context, an input and room for 1 to %d bytes of output are needed", TROTH_PRF_MOST);
    memset(output, 0, length);
    if (which != TROTH_PRF_KEY_FULL && which != TROTH_PRF_KEY_PARTIAL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown key %d", (int)which);
    status = troth__context_ready(context, error);
    if (status == TROTH_OK)
        status = context->credential->backend->prf(context->native, which, (troth__bytes){input, input_length}, output,
                                                   length, error);
    if (status != TROTH_OK)
        troth__wipe(output, length);
    return status;
}

/* ---- exporting ------------------------------------------------------------------------------------------------ */

static void put_header(const troth_context *context, uint8_t *header)
{
    const struct troth__kept *attributes = &context->attributes;
    const char *name = context->credential->backend->name;

    memcpy(header + AT_MAGIC, magic, sizeof magic);
    header[AT_VERSION] = VERSION;
    header[AT_ROLE] = (uint8_t)context->credential->config.role;
    header[AT_CONFIGURED] = (uint8_t)context->credential->config.mechanism;
    header[AT_MECHANISM] = attributes->mechanism;
    header[AT_BINDINGS] = attributes->bindings;
    for (unsigned i = 0; i < BACKEND_NAME && name[i] != '\0'; i++)
        header[AT_BACKEND + i] = (uint8_t)name[i];
    header[AT_FLAGS] = context->flags;
    put(header + AT_REQUIRED, context->config.required, 4);
    put(header + AT_PROPERTIES, attributes->properties, 4);
    put(header + AT_EXPIRY, (uint64_t)context->expiry, 8);
    put(header + AT_ENCRYPTION, (uint32_t)attributes->encryption, 4);
    put(header + AT_STRENGTH, attributes->strength, 2);
    put(header + AT_WRAP_HEADER, attributes->wrap_header, 2);
    put(header + AT_WRAP_OVERHEAD, attributes->wrap_overhead, 2);
    put(header + AT_MIC_SIZE, attributes->mic_size, 2);
    header[AT_PARTS] = attributes->parts;
    header[AT_TARGET] = attributes->target;
}

troth_status troth_context_export(troth_context *context, const void **token, size_t *length, troth_error *error)
{
    uint8_t *native = NULL;
    size_t native_length = 0;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (token != NULL)
        *token = NULL;
    if (length != NULL)
        *length = 0;
    if (context == NULL || token == NULL || length == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context and room for the token are needed");
    status = troth__context_ready(context, error);
    if (status != TROTH_OK)
        return status;
    if (context->impersonating)
        return troth__error_set(error, TROTH_E_STATE,
                                "the thread acts as the peer, and only this context can give it back: revert first");
    troth__context_learn_encryption(context); /* nobody can afterwards */
    status = context->credential->backend->context_export(context->native, HEADER, &native, &native_length, error);
    if (status != TROTH_OK) {
        troth__error_prefix(error, "exporting a context: ");
        return status == TROTH_E_UNSUPPORTED || status == TROTH_E_UNAVAILABLE ? status
                                                                              : troth__context_fail(context, error);
    }
    put_header(context, native);
    put(native + AT_REST, native_length - HEADER, 4);
    put(native + AT_SUM, sum(native, native_length), 8);
    context->exported = native;
    context->exported_length = (uint32_t)native_length;
    *token = native;
    *length = native_length;
    return TROTH_OK;
}

/* ---- importing ------------------------------------------------------------------------------------------------ */

static bool backend_same(const troth__backend *backend, const uint8_t *name)
{
    uint8_t expected[BACKEND_NAME] = {0};

    for (unsigned i = 0; i < BACKEND_NAME && backend->name[i] != '\0'; i++)
        expected[i] = (uint8_t)backend->name[i];
    return memcmp(expected, name, BACKEND_NAME) == 0;
}

/* Takes the header's facts into a new context. Returns false for what no export has written. */
static bool take_header(const uint8_t *header, troth_context *context)
{
    struct troth__kept *attributes = &context->attributes;
    struct troth__credential_config *own = &context->credential->config;

    own->role = header[AT_ROLE];
    own->mechanism = header[AT_CONFIGURED];
    attributes->mechanism = header[AT_MECHANISM];
    attributes->bindings = header[AT_BINDINGS];
    context->flags = header[AT_FLAGS];
    context->config.required = context->config.requested = (uint32_t)get(header + AT_REQUIRED, 4);
    attributes->properties = (uint32_t)get(header + AT_PROPERTIES, 4);
    context->expiry = (int64_t)get(header + AT_EXPIRY, 8);
    attributes->encryption = (int32_t)get(header + AT_ENCRYPTION, 4);
    attributes->strength = (uint16_t)get(header + AT_STRENGTH, 2);
    attributes->wrap_header = (uint16_t)get(header + AT_WRAP_HEADER, 2);
    attributes->wrap_overhead = (uint16_t)get(header + AT_WRAP_OVERHEAD, 2);
    attributes->mic_size = (uint16_t)get(header + AT_MIC_SIZE, 2);
    attributes->parts = header[AT_PARTS] == 1;
    attributes->target = header[AT_TARGET];
    attributes->encryption_asked = true;
    return header[AT_PARTS] <= 1 && (own->role == TROTH_INITIATOR || own->role == TROTH_ACCEPTOR) &&
           own->mechanism > TROTH_MECHANISM_DEFAULT && own->mechanism <= TROTH_MECHANISM_NTLM &&
           (attributes->mechanism == TROTH_MECHANISM_KERBEROS || attributes->mechanism == TROTH_MECHANISM_NTLM) &&
           attributes->bindings <= TROTH_BINDING_UNKNOWN && attributes->target <= TROTH_TARGET_UNVERIFIED &&
           attributes->wrap_header <= attributes->wrap_overhead &&
           (context->config.required & ~attributes->properties) == 0;
}

troth_status troth__context_import(const troth__backend *backend, const void *token, size_t length,
                                   troth_context **context, troth_error *error)
{
    const uint8_t *header = token;
    troth_context *made = NULL;
    troth_error scratch;
    troth_status status = TROTH_OK;

    error = troth__error_begin(error, &scratch);
    if (context != NULL)
        *context = NULL;
    if (context == NULL || token == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "an exported context and room for the new one are needed");
    if (length <= HEADER || memcmp(header, magic, sizeof magic) != 0)
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "this is no exported context");
    if (header[AT_VERSION] != VERSION || !backend_same(backend, header + AT_BACKEND))
        return troth__error_set(error, TROTH_E_BAD_TOKEN,
                                "the context was exported by another version or backend of this library");
    if (get(header + AT_REST, 4) != length - HEADER || get(header + AT_SUM, 8) != sum(header, length))
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "the exported context is damaged");
    made = troth__alloc(sizeof *made);
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    made->credential = troth__credential_shell(backend);
    if (made->credential == NULL) {
        troth__free(made);
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    }
    if (!take_header(header, made))
        status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the exported context is damaged");
    if (status == TROTH_OK)
        status = backend->context_import(backend, &made->credential->config, &made->config,
                                         (troth__bytes){header + HEADER, length - HEADER}, &made->credential->native,
                                         &made->native, error);
    if (status == TROTH_OK) {
        made->legs = 1;
        made->complete = true; /* it was verified before it was exported */
        *context = made;
        return TROTH_OK;
    }
    troth__error_prefix(error, "importing a context: ");
    troth_context_free(made);
    return status;
}

troth_status troth_context_import(const void *token, size_t length, troth_context **context, troth_error *error)
{
    return troth__context_import(&troth__backend_here, token, length, context, error);
}
