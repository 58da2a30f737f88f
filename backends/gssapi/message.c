/* message.c - protected messages, in place, by the scatter/gather calls (RFC 4121 section 4.2.6 is their wire form). */
#include "internal.h"

#include <string.h>

#include "error.h"

/* The parts of a wrapped message, in the order that they have on the wire. */
enum { HEADER, DATA, PADDING, TRAILER, PARTS };

static void gss_parts(gss_iov_buffer_desc parts[PARTS], size_t data_length)
{
    memset(parts, 0, PARTS * sizeof parts[0]);
    parts[HEADER].type = GSS_IOV_BUFFER_TYPE_HEADER;
    parts[DATA].type = GSS_IOV_BUFFER_TYPE_DATA;
    parts[DATA].buffer.length = data_length;
    parts[PADDING].type = GSS_IOV_BUFFER_TYPE_PADDING;
    parts[TRAILER].type = GSS_IOV_BUFFER_TYPE_TRAILER;
}

troth_status troth__gss_message_failed(const struct gss_context *context, const char *call, OM_uint32 major,
                                       OM_uint32 minor, troth_error *error)
{
    return troth__gss_fail(context->native, call, major, minor, &troth__gss_krb5, error);
}

troth_status troth__gss_verified(const struct gss_context *context, const char *call, OM_uint32 major, OM_uint32 minor,
                                 troth_error *error)
{
    return major == GSS_S_COMPLETE ? TROTH_OK : troth__gss_message_failed(context, call, major, minor, error);
}

/* The lengths of the parts of a message to be wrapped. */
static troth_status gss_wrap_lengths(const struct gss_context *context, bool confidential, size_t data_length,
                                     gss_iov_buffer_desc parts[PARTS], troth_error *error)
{
    OM_uint32 major, minor;
    int confidentiality = 0;

    gss_parts(parts, data_length);
    major = context->native->gss_wrap_iov_length(&minor, context->context, confidential, GSS_C_QOP_DEFAULT,
                                                 &confidentiality, parts, PARTS);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_wrap_iov_length", major, minor, error);
    return TROTH_OK;
}

/* The two parts of a MIC: what it is over, and itself. */
static void gss_mic_parts(gss_iov_buffer_desc parts[2], troth__bytes data)
{
    memset(parts, 0, 2 * sizeof parts[0]);
    parts[0].type = GSS_IOV_BUFFER_TYPE_DATA;
    parts[0].buffer.length = data.length;
    memcpy(&parts[0].buffer.value, &data.data, sizeof data.data); /* GSSAPI's buffers know no const */
    parts[1].type = GSS_IOV_BUFFER_TYPE_MIC_TOKEN;
}

static troth_status gss_mic_length(const struct gss_context *context, troth__bytes data, size_t *length,
                                   troth_error *error)
{
    gss_iov_buffer_desc parts[2];
    OM_uint32 major, minor;

    gss_mic_parts(parts, data);
    major = context->native->gss_get_mic_iov_length(&minor, context->context, GSS_C_QOP_DEFAULT, parts, 2);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_get_mic_iov_length", major, minor, error);
    *length = parts[1].buffer.length;
    return TROTH_OK;
}

troth_status troth__gss_message_sizes(struct gss_context *context, struct troth__attributes *attributes,
                                      troth_error *error)
{
    const bool confidential = (attributes->properties & TROTH_CONFIDENTIALITY) != 0;
    gss_iov_buffer_desc parts[PARTS];
    troth_status status;

    if (context->ntlm) {
        troth__gss_ntlm_sizes(attributes);
        return TROTH_OK;
    }
    /* Padding is largest for an empty message, in the encryption types that pad at all (RFC 1964 section 1.2.2.3). */
    status = gss_wrap_lengths(context, confidential, 0, parts, error);
    if (status != TROTH_OK)
        return status;
    attributes->wrap_header = parts[HEADER].buffer.length;
    attributes->wrap_overhead =
        parts[HEADER].buffer.length + parts[PADDING].buffer.length + parts[TRAILER].buffer.length;
    attributes->parts = parts[PADDING].buffer.length == 0;
    return gss_mic_length(context, (troth__bytes){NULL, 0}, &attributes->mic_size, error);
}

troth_status troth__gss_wrap(void *pointer, troth_protection protection, troth__bytes data, uint8_t *output,
                             size_t capacity, size_t *output_length, troth_error *error)
{
    struct gss_context *context = pointer;
    const bool confidential = protection == TROTH_PROTECT_CONFIDENTIALITY;
    gss_iov_buffer_desc parts[PARTS];
    OM_uint32 major, minor;
    troth_status status;
    size_t total = 0;
    int sealed = 0;

    *output_length = 0;
    if (context->ntlm)
        return troth__gss_ntlm_wrap(context, confidential, data, output, capacity, output_length, error);
    status = gss_wrap_lengths(context, confidential, data.length, parts, error);
    if (status != TROTH_OK)
        return status;
    for (int i = 0; i < PARTS; i++)
        total += parts[i].buffer.length;
    if (total > capacity) {
        *output_length = total;
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the message needs %zu bytes, and there are %zu",
                                total, capacity);
    }
    if (data.length > 0)
        memmove(output + parts[HEADER].buffer.length, data.data, data.length);
    for (int i = 0; i < PARTS; i++) {
        parts[i].buffer.value = output;
        output += parts[i].buffer.length;
    }
    major =
        context->native->gss_wrap_iov(&minor, context->context, confidential, GSS_C_QOP_DEFAULT, &sealed, parts, PARTS);
    troth__gss_message_traced(context, "gss_wrap_iov", major, minor, data.length, total);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_wrap_iov", major, minor, error);
    if (confidential && !sealed)
        return troth__error_set(error, TROTH_E_FAILURE, "gss_wrap_iov: the message was not encrypted");
    *output_length = total;
    return TROTH_OK;
}

troth_status troth__gss_unwrap(void *pointer, uint8_t *message, size_t length, troth__bytes *data,
                               troth_protection *protection, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_iov_buffer_desc parts[2];
    OM_uint32 major, minor;
    troth_status status;
    int sealed = 0;

    *data = (troth__bytes){NULL, 0};
    *protection = TROTH_PROTECTION_UNSET;
    troth__gss_setup_end(context); /* the peer has it, or could not seal a message */
    if (context->ntlm)
        return troth__gss_ntlm_unwrap(context, message, length, data, protection, error);
    memset(parts, 0, sizeof parts);
    parts[0].type = GSS_IOV_BUFFER_TYPE_STREAM;
    parts[0].buffer.length = length;
    parts[0].buffer.value = message;
    parts[1].type = GSS_IOV_BUFFER_TYPE_DATA;
    major = context->native->gss_unwrap_iov(&minor, context->context, &sealed, NULL, parts, 2);
    troth__gss_message_traced(context, "gss_unwrap_iov", major, minor, length, parts[1].buffer.length);
    status = troth__gss_verified(context, "gss_unwrap_iov", major, minor, error);
    if (status != TROTH_OK)
        return status;
    *data = (troth__bytes){parts[1].buffer.value, parts[1].buffer.length};
    *protection = sealed ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;
    return TROTH_OK;
}

troth_status troth__gss_get_mic(void *pointer, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                                troth_error *error)
{
    struct gss_context *context = pointer;
    gss_iov_buffer_desc parts[2];
    OM_uint32 major, minor;
    troth_status status;
    size_t needed = 0;

    *mic_length = 0;
    if (context->ntlm)
        return troth__gss_ntlm_get_mic(context, data, mic, capacity, mic_length, error);
    status = gss_mic_length(context, data, &needed, error);
    if (status != TROTH_OK)
        return status;
    if (needed > capacity) {
        *mic_length = needed;
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the code needs %zu bytes, and there are %zu", needed,
                                capacity);
    }
    gss_mic_parts(parts, data);
    parts[1].buffer.value = mic;
    parts[1].buffer.length = needed;
    major = context->native->gss_get_mic_iov(&minor, context->context, GSS_C_QOP_DEFAULT, parts, 2);
    troth__gss_message_traced(context, "gss_get_mic_iov", major, minor, data.length, parts[1].buffer.length);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_get_mic_iov", major, minor, error);
    *mic_length = parts[1].buffer.length;
    return TROTH_OK;
}

troth_status troth__gss_verify_mic(void *pointer, troth__bytes data, troth__bytes mic, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_buffer_desc over = {data.length, NULL}, code = {mic.length, NULL};
    OM_uint32 major, minor;

    memcpy(&over.value, &data.data, sizeof data.data); /* GSSAPI's buffers know no const */
    memcpy(&code.value, &mic.data, sizeof mic.data);
    troth__gss_setup_end(context); /* likewise */
    major = context->native->gss_verify_mic(&minor, context->context, &over, &code, NULL);
    troth__gss_message_traced(context, "gss_verify_mic", major, minor, data.length, 0);
    return troth__gss_verified(context, "gss_verify_mic", major, minor, error);
}

troth_status troth__gss_wrap_size(void *pointer, troth_protection protection, size_t length, size_t *needed,
                                  troth_error *error)
{
    const struct gss_context *context = pointer;
    gss_iov_buffer_desc parts[PARTS];
    troth_status status;

    *needed = 0;
    if (context->ntlm) {
        *needed = length + troth__gss_ntlm_overhead();
        return TROTH_OK;
    }
    status = gss_wrap_lengths(context, protection == TROTH_PROTECT_CONFIDENTIALITY, length, parts, error);
    if (status != TROTH_OK)
        return status;
    for (int i = 0; i < PARTS; i++)
        *needed += parts[i].buffer.length;
    return TROTH_OK;
}
