/*
 * ntlm.c - NTLM, where it was asked for: credentials that may use it, and its messages, for which gss-ntlmssp (1.2.0)
 * has no scatter/gather calls.
 */
#include "internal.h"

#include <string.h>

#include "error.h"

/* Before the sealed data ([MS-NLMP] section 2.2.2.9), and all that there is of an integrity code. */
#define SIGNATURE 16u

bool troth__gss_ntlm_wanted(const struct troth__credential_config *config)
{
    return config->mechanism == TROTH_MECHANISM_NTLM || (config->flags & TROTH_CREDENTIAL_NTLM) != 0;
}

/* GSSAPI's buffers know no const; what goes in is not written to. */
static gss_buffer_desc gss_ntlm_buffer(const void *data, size_t length)
{
    gss_buffer_desc buffer = {length, NULL};

    memcpy(&buffer.value, &data, sizeof buffer.value);
    return buffer;
}

/* ---- credentials ---------------------------------------------------------------------------------------------- */

troth_status troth__gss_ntlm_user(const struct troth__gss_native *native, const char *principal, gss_name_t *name,
                                  troth_error *error)
{
    gss_buffer_desc text = gss_ntlm_buffer(principal, strlen(principal));
    OM_uint32 major, minor;

    major = native->gss_import_name(&minor, &text, GSS_C_NT_USER_NAME, name);
    if (!GSS_ERROR(major))
        return TROTH_OK;
    *name = GSS_C_NO_NAME;
    return troth__gss_fail(native, "gss_import_name", major, minor, &troth__gss_ntlm, error);
}

troth_status troth__gss_ntlm_acquire(struct gss_credential *credential, gss_key_value_set_desc *store,
                                     gss_cred_id_t *cred, troth_error *error)
{
    /* What cannot be had is left out by the library, and its error is that of the first: Kerberos knows best. */
    gss_OID_desc negotiated[] = {troth__gss_krb5, troth__gss_ntlm, troth__gss_spnego};
    gss_OID_set_desc all = {3, negotiated}, inside = {2, negotiated}, alone = {1, &troth__gss_ntlm};
    const struct troth__gss_native *native = credential->native;
    const struct troth__credential_config *config = credential->config;
    const bool negotiate = config->mechanism != TROTH_MECHANISM_NTLM;
    const gss_cred_usage_t usage = config->role == TROTH_ACCEPTOR ? GSS_C_ACCEPT : GSS_C_INITIATE;
    const gss_OID told = negotiate ? &troth__gss_spnego : &troth__gss_ntlm;
    const char *call = "gss_acquire_cred_from";
    OM_uint32 major, minor;

    if (config->password != NULL) {
        gss_buffer_desc password = gss_ntlm_buffer(config->password, strlen(config->password));

        call = "gss_acquire_cred_with_password";
        major = native->gss_acquire_cred_with_password(&minor, credential->name, &password, GSS_C_INDEFINITE,
                                                       negotiate ? &all : &alone, GSS_C_INITIATE, cred, NULL, NULL);
    } else {
        major = native->gss_acquire_cred_from(&minor, credential->name, GSS_C_INDEFINITE, negotiate ? &all : &alone,
                                              usage, negotiate ? store : NULL, cred, NULL, NULL);
    }
    troth__gss_traced(credential, NULL, call, major, minor, told);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, call, major, minor, negotiate ? &troth__gss_krb5 : &troth__gss_ntlm, error);
    if (!negotiate)
        return TROTH_OK;
    major = native->gss_set_neg_mechs(&minor, *cred, &inside);
    troth__gss_traced(credential, NULL, "gss_set_neg_mechs", major, minor, told);
    return GSS_ERROR(major) ? troth__gss_fail(native, "gss_set_neg_mechs", major, minor, told, error) : TROTH_OK;
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

/* gss-ntlmssp (1.2.0) neither seals nor signs nothing at all. */
static troth_status gss_ntlm_room(troth__bytes data, size_t needed, size_t capacity, size_t *length, troth_error *error)
{
    if (data.length == 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "gss-ntlmssp protects no empty message");
    if (needed <= capacity)
        return TROTH_OK;
    *length = needed;
    return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "%zu bytes are needed, and there are %zu", needed,
                            capacity);
}

/* Moves what the library allocated to where it belongs, and leaves no copy of it. */
static troth_status gss_ntlm_take(const struct gss_context *context, const char *call, gss_buffer_desc *from,
                                  uint8_t *to, size_t capacity, size_t *length, troth_error *error)
{
    const bool fits = from->length <= capacity;
    OM_uint32 ignored;

    if (fits && from->length > 0)
        memcpy(to, from->value, from->length);
    *length = fits ? from->length : 0;
    troth__wipe(from->value, from->length);
    context->native->gss_release_buffer(&ignored, from);
    return fits ? TROTH_OK : troth__error_set(error, TROTH_E_FAILURE, "%s: more bytes than an NTLM message has", call);
}

static void gss_ntlm_traced(const struct gss_context *context, const char *call, OM_uint32 major, OM_uint32 minor,
                            size_t input_length, size_t output_length)
{
    if (context->credential->config->trace != NULL)
        troth__gss_trace(context->credential, context->config, call, major, minor, &troth__gss_ntlm, input_length,
                         output_length);
}

size_t troth__gss_ntlm_overhead(void)
{
    return SIGNATURE;
}

void troth__gss_ntlm_sizes(struct troth__attributes *attributes)
{
    attributes->wrap_header = attributes->wrap_overhead = attributes->mic_size = SIGNATURE;
}

troth_status troth__gss_ntlm_wrap(struct gss_context *context, bool confidential, troth__bytes data, uint8_t *output,
                                  size_t capacity, size_t *output_length, troth_error *error)
{
    gss_buffer_desc in = gss_ntlm_buffer(data.data, data.length), out = GSS_C_EMPTY_BUFFER;
    troth_status status = gss_ntlm_room(data, data.length + SIGNATURE, capacity, output_length, error);
    OM_uint32 major, minor;
    int sealed = 0;

    if (status != TROTH_OK)
        return status;
    major = context->native->gss_wrap(&minor, context->context, confidential, GSS_C_QOP_DEFAULT, &in, &sealed, &out);
    gss_ntlm_traced(context, "gss_wrap", major, minor, data.length, out.length);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_wrap", major, minor, &troth__gss_ntlm, error);
    status = gss_ntlm_take(context, "gss_wrap", &out, output, capacity, output_length, error);
    if (status == TROTH_OK && confidential && !sealed) {
        *output_length = 0;
        status = troth__error_set(error, TROTH_E_FAILURE, "gss_wrap: the message was not encrypted");
    }
    return status;
}

troth_status troth__gss_ntlm_unwrap(struct gss_context *context, uint8_t *message, size_t length, troth__bytes *data,
                                    troth_protection *protection, troth_error *error)
{
    gss_buffer_desc in = {length, message}, out = GSS_C_EMPTY_BUFFER;
    troth_status status;
    OM_uint32 major, minor;
    int sealed = 0;

    /* gss-ntlmssp 1.2.0 takes the signature off without a look at the length. */
    if (length < SIGNATURE)
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "a message of %zu bytes has no NTLM signature", length);
    major = context->native->gss_unwrap(&minor, context->context, &in, &out, &sealed, NULL);
    gss_ntlm_traced(context, "gss_unwrap", major, minor, length, out.length);
    if (major != GSS_S_COMPLETE) {
        status = troth__gss_fail(context->native, "gss_unwrap", major, minor, &troth__gss_ntlm, error);
        if (out.value != NULL) {
            troth__wipe(out.value, out.length);
            context->native->gss_release_buffer(&minor, &out);
        }
        return status;
    }
    status = gss_ntlm_take(context, "gss_unwrap", &out, message, length, &data->length, error);
    data->data = status == TROTH_OK && data->length > 0 ? message : NULL;
    *protection = sealed ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;
    return status;
}

troth_status troth__gss_ntlm_get_mic(struct gss_context *context, troth__bytes data, uint8_t *mic, size_t capacity,
                                     size_t *mic_length, troth_error *error)
{
    gss_buffer_desc in = gss_ntlm_buffer(data.data, data.length), out = GSS_C_EMPTY_BUFFER;
    troth_status status = gss_ntlm_room(data, SIGNATURE, capacity, mic_length, error);
    OM_uint32 major, minor;

    if (status != TROTH_OK)
        return status;
    major = context->native->gss_get_mic(&minor, context->context, GSS_C_QOP_DEFAULT, &in, &out);
    gss_ntlm_traced(context, "gss_get_mic", major, minor, data.length, out.length);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_get_mic", major, minor, &troth__gss_ntlm, error);
    return gss_ntlm_take(context, "gss_get_mic", &out, mic, capacity, mic_length, error);
}
