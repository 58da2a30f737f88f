/*
 * parts.c - messages in several places, by the scatter/gather calls. Without a TRAILER, MIT puts everything but the
 * data in front, and rotates it as Windows does (RFC 4121 section 4.2.5), so that one token stands before the data.
 */
#include "internal.h"

#include <string.h>

#include "error.h"

#define MOST (TROTH_PARTS_MOST + 2) /* a token in front, or a code behind; and an empty part */

static void gss_parts_iov(gss_iov_buffer_desc *iov, const troth_part *parts, size_t count, OM_uint32 sign_only)
{
    for (size_t i = 0; i < count; i++) {
        iov[i].type = parts[i].kind == TROTH_PART_SIGN_ONLY ? sign_only : GSS_IOV_BUFFER_TYPE_DATA;
        iov[i].buffer.length = parts[i].length;
        iov[i].buffer.value = parts[i].data;
    }
}

static size_t gss_parts_length(const troth_part *parts, size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += parts[i].length;
    return length;
}

troth_status troth__gss_wrap_parts(void *pointer, troth_protection protection, const troth_part *parts, size_t count,
                                   uint8_t *token, size_t capacity, size_t *token_length, troth_error *error)
{
    struct gss_context *context = pointer;
    const bool confidential = protection == TROTH_PROTECT_CONFIDENTIALITY;
    const int iov_count = (int)count + 2;
    gss_iov_buffer_desc iov[MOST];
    OM_uint32 major, minor;
    int sealed = 0;

    *token_length = 0;
    memset(iov, 0, sizeof iov);
    iov[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    gss_parts_iov(iov + 1, parts, count, GSS_IOV_BUFFER_TYPE_SIGN_ONLY);
    iov[count + 1].type = GSS_IOV_BUFFER_TYPE_DATA; /* without any, MIT encrypts nothing (seen in 1.20) */
    major = context->native->gss_wrap_iov_length(&minor, context->context, confidential, GSS_C_QOP_DEFAULT, NULL, iov,
                                                 iov_count);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_wrap_iov_length", major, minor, error);
    *token_length = iov[0].buffer.length;
    if (*token_length > capacity)
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the token needs %zu bytes, and there are %zu",
                                *token_length, capacity);
    *token_length = 0;
    iov[0].buffer.value = token;
    major = context->native->gss_wrap_iov(&minor, context->context, confidential, GSS_C_QOP_DEFAULT, &sealed, iov,
                                          iov_count);
    troth__gss_message_traced(context, "gss_wrap_iov", major, minor, gss_parts_length(parts, count),
                              iov[0].buffer.length);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_wrap_iov", major, minor, error);
    if (confidential && !sealed)
        return troth__error_set(error, TROTH_E_FAILURE, "gss_wrap_iov: the message was not encrypted");
    *token_length = iov[0].buffer.length;
    return TROTH_OK;
}

troth_status troth__gss_unwrap_parts(void *pointer, uint8_t *token, size_t token_length, const troth_part *parts,
                                     size_t count, troth_protection *protection, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_iov_buffer_desc iov[MOST];
    OM_uint32 major, minor;
    troth_status status;
    int sealed = 0;

    *protection = TROTH_PROTECTION_UNSET;
    memset(iov, 0, sizeof iov);
    iov[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    iov[0].buffer.length = token_length;
    iov[0].buffer.value = token;
    gss_parts_iov(iov + 1, parts, count, GSS_IOV_BUFFER_TYPE_SIGN_ONLY);
    troth__gss_setup_end(context); /* the peer has it, or could not seal a message */
    major = context->native->gss_unwrap_iov(&minor, context->context, &sealed, NULL, iov, (int)count + 1);
    troth__gss_message_traced(context, "gss_unwrap_iov", major, minor, token_length, gss_parts_length(parts, count));
    status = troth__gss_verified(context, "gss_unwrap_iov", major, minor, error);
    if (status == TROTH_OK)
        *protection = sealed ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;
    return status;
}

troth_status troth__gss_get_mic_parts(void *pointer, const troth_part *parts, size_t count, uint8_t *mic,
                                      size_t capacity, size_t *mic_length, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_iov_buffer_desc iov[MOST];
    OM_uint32 major, minor;

    *mic_length = 0;
    memset(iov, 0, sizeof iov);
    gss_parts_iov(iov, parts, count, GSS_IOV_BUFFER_TYPE_DATA);
    iov[count].type = GSS_IOV_BUFFER_TYPE_MIC_TOKEN;
    major = context->native->gss_get_mic_iov_length(&minor, context->context, GSS_C_QOP_DEFAULT, iov, (int)count + 1);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_get_mic_iov_length", major, minor, error);
    *mic_length = iov[count].buffer.length;
    if (*mic_length > capacity)
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the code needs %zu bytes, and there are %zu",
                                *mic_length, capacity);
    *mic_length = 0;
    iov[count].buffer.value = mic;
    major = context->native->gss_get_mic_iov(&minor, context->context, GSS_C_QOP_DEFAULT, iov, (int)count + 1);
    troth__gss_message_traced(context, "gss_get_mic_iov", major, minor, gss_parts_length(parts, count),
                              iov[count].buffer.length);
    if (GSS_ERROR(major))
        return troth__gss_message_failed(context, "gss_get_mic_iov", major, minor, error);
    *mic_length = iov[count].buffer.length;
    return TROTH_OK;
}

troth_status troth__gss_verify_mic_parts(void *pointer, const troth_part *parts, size_t count, troth__bytes mic,
                                         troth_error *error)
{
    struct gss_context *context = pointer;
    gss_iov_buffer_desc iov[MOST];
    OM_uint32 major, minor;

    memset(iov, 0, sizeof iov);
    gss_parts_iov(iov, parts, count, GSS_IOV_BUFFER_TYPE_DATA);
    iov[count].type = GSS_IOV_BUFFER_TYPE_MIC_TOKEN;
    iov[count].buffer.length = mic.length;
    memcpy(&iov[count].buffer.value, &mic.data, sizeof mic.data); /* GSSAPI's buffers know no const */
    troth__gss_setup_end(context);                                /* the peer has it, or could not seal a message */
    major = context->native->gss_verify_mic_iov(&minor, context->context, NULL, iov, (int)count + 1);
    troth__gss_message_traced(context, "gss_verify_mic_iov", major, minor, gss_parts_length(parts, count), 0);
    return troth__gss_verified(context, "gss_verify_mic_iov", major, minor, error);
}
