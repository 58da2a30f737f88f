/*
 * ntlm.c - protected messages of NTLM: a signature of 16 bytes and then the data ([MS-NLMP] section 2.2.2.9). There is
 * no STREAM form, no padding, and no message that is less protected than the context allows.
 */
#include "internal.h"

#include <string.h>

#include "error.h"

#define SIGNATURE 16u

void troth__sspi_ntlm_sizes(struct sspi_context *context)
{
    context->wrap_header = context->wrap_overhead = SIGNATURE;
    if (context->mic_size < SIGNATURE)
        context->mic_size = SIGNATURE;
}

troth_status troth__sspi_ntlm_wrap(struct sspi_context *context, troth__bytes data, uint8_t *output,
                                   size_t *output_length, troth_error *error)
{
    SecBuffer buffers[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;

    message.pBuffers = buffers;
    if (data.length > 0 && data.data != output + SIGNATURE)
        memmove(output + SIGNATURE, data.data, data.length);
    buffers[0] = troth__sspi_buffer(SECBUFFER_TOKEN, output, SIGNATURE);
    buffers[1] = troth__sspi_buffer(SECBUFFER_DATA, output + SIGNATURE, data.length);
    result = context->credential->functions->EncryptMessage(&context->handle, 0, &message, 0);
    if (result != SEC_E_OK)
        return troth__sspi_fail(context->credential->native, "EncryptMessage", result, error);
    if (buffers[0].cbBuffer != SIGNATURE || buffers[1].cbBuffer != data.length)
        return troth__sspi_broken("EncryptMessage", "an NTLM message of another layout", error);
    *output_length = SIGNATURE + data.length;
    return TROTH_OK;
}

troth_status troth__sspi_ntlm_unwrap(struct sspi_context *context, uint8_t *message, size_t length, troth__bytes *data,
                                     ULONG *quality, troth_error *error)
{
    SecBuffer buffers[2];
    SecBufferDesc halves = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;

    if (length < SIGNATURE)
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "a message of %lu bytes has no NTLM signature",
                                (unsigned long)length);
    halves.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_TOKEN, message, SIGNATURE);
    buffers[1] = troth__sspi_buffer(SECBUFFER_DATA, message + SIGNATURE, length - SIGNATURE);
    result = context->credential->functions->DecryptMessage(&context->handle, &halves, 0, quality);
    if (result != SEC_E_OK)
        return troth__sspi_fail(context->credential->native, "DecryptMessage", result, error);
    if (buffers[1].cbBuffer > length - SIGNATURE)
        return troth__sspi_broken("DecryptMessage", "a plaintext that is not inside its message", error);
    /* NTLM has no quality of its own: what the context negotiated is what every message has. */
    *quality = context->ntlm_sealed ? 0 : SECQOP_WRAP_NO_ENCRYPT;
    if (buffers[1].cbBuffer > 0) {
        data->data = message + SIGNATURE;
        data->length = buffers[1].cbBuffer;
    }
    return TROTH_OK;
}
