/* session.c - a context's key, what is derived from it, and the context as bytes for another process. */
#include "internal.h"

#include <string.h>

#include "error.h"

/* A mechanism without the call is one that does not tell. */
static troth_status gss_session_fail(const struct gss_context *context, const char *call, OM_uint32 major,
                                     OM_uint32 minor, troth_error *error)
{
    const troth_status status = troth__gss_fail(context->native, call, major, minor, &troth__gss_krb5, error);

    return status == TROTH_E_UNSUPPORTED ? error->status = TROTH_E_UNAVAILABLE : status;
}

/* ---- the key -------------------------------------------------------------------------------------------------- */

/* Copies the key that the library told. */
static troth_status gss_key_take(const gss_buffer_desc *told, uint8_t **key, size_t *length, troth_error *error)
{
    *key = troth__alloc(told->length);
    if (*key == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a key");
    memcpy(*key, told->value, told->length);
    *length = told->length;
    return TROTH_OK;
}

/* The last arc of the OID with which MIT tells a key's type; Heimdal tells none. */
static int32_t gss_key_type(const gss_buffer_desc *told)
{
    static const uint8_t family[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02, 0x04};
    const uint8_t *arc = told->value;
    uint32_t type = 0;

    if (told->length <= sizeof family || told->length > sizeof family + 4 || memcmp(arc, family, sizeof family) != 0)
        return 0;
    for (size_t i = sizeof family; i < told->length; i++)
        type = type << 7 | (arc[i] & 0x7Fu);
    return (int32_t)type;
}

troth_status troth__gss_session_query(const struct gss_context *context, uint8_t **key, size_t *length,
                                      int32_t *encryption, troth_error *error)
{
    const struct troth__gss_native *native = context->native;
    gss_buffer_set_t told = GSS_C_NO_BUFFER_SET;
    troth_status status = TROTH_OK;
    OM_uint32 major, minor, ignored;

    *encryption = 0;
    major = native->gss_inquire_sec_context_by_oid(&minor, context->context, GSS_C_INQ_SSPI_SESSION_KEY, &told);
    troth__gss_traced(context->credential, context->config, "gss_inquire_sec_context_by_oid", major, minor,
                      &troth__gss_krb5);
    if (GSS_ERROR(major)) {
        if (GSS_ROUTINE_ERROR(major) == GSS_S_UNAVAILABLE && key == NULL)
            return TROTH_OK;
        return gss_session_fail(context, "gss_inquire_sec_context_by_oid", major, minor, error);
    }
    if (told != GSS_C_NO_BUFFER_SET && told->count >= 2)
        *encryption = gss_key_type(&told->elements[1]);
    if (key != NULL) {
        if (told != GSS_C_NO_BUFFER_SET && told->count >= 1 && told->elements[0].length > 0)
            status = gss_key_take(&told->elements[0], key, length, error);
        else
            status = troth__error_set(error, TROTH_E_UNAVAILABLE, "this mechanism does not tell its key");
    }
    if (told != GSS_C_NO_BUFFER_SET) {
        for (size_t i = 0; i < told->count; i++)
            troth__wipe(told->elements[i].value, told->elements[i].length);
        native->gss_release_buffer_set(&ignored, &told);
    }
    return status;
}

troth_status troth__gss_session_key(void *pointer, uint8_t **key, size_t *length, troth_error *error)
{
    int32_t type;

    *key = NULL;
    *length = 0;
    return troth__gss_session_query(pointer, key, length, &type, error);
}

troth_status troth__gss_encryption(void *pointer, int32_t *encryption, uint32_t *strength, troth_error *error)
{
    *strength = 0;
    return troth__gss_session_query(pointer, NULL, NULL, encryption, error);
}

troth_status troth__gss_prf(void *pointer, troth_prf_key which, troth__bytes input, uint8_t *output, size_t length,
                            troth_error *error)
{
    struct gss_context *context = pointer;
    const struct troth__gss_native *native = context->native;
    gss_buffer_desc from = {input.length, NULL}, got = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor;
    troth_status status = TROTH_OK;

    memcpy(&from.value, &input.data, sizeof from.value); /* GSSAPI's buffers know no const */
    major = native->gss_pseudo_random(&minor, context->context,
                                      which == TROTH_PRF_KEY_FULL ? GSS_C_PRF_KEY_FULL : GSS_C_PRF_KEY_PARTIAL, &from,
                                      (ssize_t)length, &got);
    troth__gss_traced(context->credential, context->config, "gss_pseudo_random", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return gss_session_fail(context, "gss_pseudo_random", major, minor, error);
    if (got.length == length)
        memcpy(output, got.value, length);
    else
        status =
            troth__error_set(error, TROTH_E_FAILURE, "gss_pseudo_random: %zu bytes instead of %zu", got.length, length);
    troth__wipe(got.value, got.length);
    native->gss_release_buffer(&minor, &got);
    return status;
}

/* ---- to another process and back ------------------------------------------------------------------------------ */

troth_status troth__gss_context_export(void *pointer, size_t head, uint8_t **token, size_t *length, troth_error *error)
{
    struct gss_context *context = pointer;
    const struct troth__gss_native *native = context->native;
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor;
    troth_status status = TROTH_OK;

    *token = NULL;
    *length = 0;
    major = native->gss_export_sec_context(&minor, &context->context, &out);
    troth__gss_traced(context->credential, context->config, "gss_export_sec_context", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return gss_session_fail(context, "gss_export_sec_context", major, minor, error);
    *token = troth__alloc(head + out.length);
    if (*token != NULL) {
        memcpy(*token + head, out.value, out.length);
        *length = head + out.length;
    } else {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for an exported context");
    }
    troth__wipe(out.value, out.length);
    native->gss_release_buffer(&minor, &out);
    return status;
}

/* What the library says of the context is what its bytes' head said: its role, and that it is complete. */
static troth_status gss_imported_check(struct gss_context *context, troth_error *error)
{
    const troth_role role = troth__gss_credential_config(context->credential)->role;
    gss_OID mechanism = GSS_C_NO_OID;
    OM_uint32 major, minor;
    int ours = 0, open = 0;

    major = context->native->gss_inquire_context(&minor, context->context, NULL, NULL, NULL, &mechanism, NULL, &ours,
                                                 &open);
    troth__gss_traced(context->credential, context->config, "gss_inquire_context", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_inquire_context", major, minor, &troth__gss_krb5, error);
    if (!open || (ours != 0) != (role == TROTH_INITIATOR))
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "the exported context is damaged");
    context->ntlm = troth__gss_is(mechanism, &troth__gss_ntlm);
    return TROTH_OK;
}

troth_status troth__gss_context_import(const troth__backend *self, const struct troth__credential_config *own,
                                       const struct troth__context_config *config, troth__bytes token,
                                       void **credential, void **context, troth_error *error)
{
    struct gss_credential *shell = troth__alloc(sizeof *shell);
    struct gss_context *made = troth__alloc(sizeof *made);
    gss_buffer_desc in = {token.length, NULL};
    OM_uint32 major, minor;

    *credential = shell;
    *context = made;
    if (shell == NULL || made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    made->native = shell->native = self->native;
    shell->config = own;
    made->credential = shell;
    made->config = config;
    made->context = GSS_C_NO_CONTEXT;
    memcpy(&in.value, &token.data, sizeof in.value); /* GSSAPI's buffers know no const */
    major = made->native->gss_import_sec_context(&minor, &in, &made->context);
    if (GSS_ERROR(major)) {
        made->context = GSS_C_NO_CONTEXT;
        return troth__gss_fail(made->native, "gss_import_sec_context", major, minor, &troth__gss_krb5, error);
    }
    return gss_imported_check(made, error);
}
