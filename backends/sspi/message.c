/*
 * message.c - protected messages in the layout that gss_wrap and gss_unwrap understand: TOKEN, DATA, PADDING one after
 * the other, each cut to the size that the provider returned.
 */
#include "internal.h"

#include <string.h>

#include "error.h"

/* SSPI counts in 32 bits. Common code keeps the data below 2 GiB, but knows nothing of what comes on top of it. */
static bool sspi_too_long(const struct sspi_context *self, size_t length)
{
    return self->wrap_overhead > 0x7FFFFFFFu - length;
}

troth_status troth__sspi_room_check(size_t capacity, size_t needed, size_t *length, troth_error *error)
{
    if (capacity >= needed)
        return TROTH_OK;
    *length = needed;
    return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "%lu bytes are needed and %lu are there",
                            (unsigned long)needed, (unsigned long)capacity);
}

troth_status troth__sspi_message_sizes(struct sspi_context *self, struct troth__attributes *attributes,
                                       troth_error *error)
{
    SecPkgContext_Sizes sizes = {0, 0, 0, 0};
    SECURITY_STATUS result;

    result = self->credential->functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_SIZES, &sizes);
    troth__sspi_traced(self->credential, self->config, "QueryContextAttributes(SIZES)", result, 0, 0);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "QueryContextAttributes(SIZES)", result, error);
    self->wrap_header = sizes.cbSecurityTrailer;
    self->wrap_overhead = (size_t)sizes.cbSecurityTrailer + sizes.cbBlockSize;
    self->mic_size = sizes.cbMaxSignature;
    if (self->ntlm)
        troth__sspi_ntlm_sizes(self);
    else if (self->credential->wine)
        troth__sspi_wine_sizes(self);
    attributes->wrap_header = self->wrap_header;
    attributes->wrap_overhead = self->wrap_overhead;
    attributes->mic_size = self->mic_size;
    attributes->parts = self->credential->native->parts && !self->credential->wine;
    return TROTH_OK;
}

static troth_status sspi_wrap_here(struct sspi_context *self, ULONG quality, troth__bytes data, uint8_t *output,
                                   size_t *output_length, troth_error *error)
{
    size_t header = self->wrap_header;
    size_t padding = self->wrap_overhead - header;
    SecBuffer buffers[3];
    SecBufferDesc message = {SECBUFFER_VERSION, 3, NULL};
    SECURITY_STATUS result;
    size_t length;

    message.pBuffers = buffers;
    if (data.length > 0 && data.data != output + header)
        memmove(output + header, data.data, data.length);
    buffers[0] = troth__sspi_buffer(SECBUFFER_TOKEN, output, header);
    buffers[1] = troth__sspi_buffer(SECBUFFER_DATA, output + header, data.length);
    buffers[2] = troth__sspi_buffer(SECBUFFER_PADDING, output + header + data.length, padding);
    result = self->credential->functions->EncryptMessage(&self->handle, quality, &message, 0);
    troth__sspi_traced(self->credential, self->config, "EncryptMessage", result, data.length,
                       (size_t)buffers[0].cbBuffer + buffers[1].cbBuffer + buffers[2].cbBuffer);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "EncryptMessage", result, error);
    if (buffers[0].cbBuffer > header || buffers[1].cbBuffer > data.length || buffers[2].cbBuffer > padding)
        return troth__sspi_broken("EncryptMessage", "more bytes than there was room for", error);
    length = buffers[0].cbBuffer;
    if (length < header)
        memmove(output + length, output + header, buffers[1].cbBuffer);
    length += buffers[1].cbBuffer;
    if (length < header + data.length)
        memmove(output + length, output + header + data.length, buffers[2].cbBuffer);
    *output_length = length + buffers[2].cbBuffer;
    return TROTH_OK;
}

troth_status troth__sspi_wrap(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                              size_t capacity, size_t *output_length, troth_error *error)
{
    struct sspi_context *self = context;
    ULONG quality = protection == TROTH_PROTECT_CONFIDENTIALITY ? 0 : SECQOP_WRAP_NO_ENCRYPT;
    troth_status status;

    *output_length = 0;
    if (sspi_too_long(self, data.length))
        return troth__error_set(error, TROTH_E_ARGUMENT, "a message longer than SSPI can say");
    status = troth__sspi_room_check(capacity, data.length + self->wrap_overhead, output_length, error);
    if (status != TROTH_OK)
        return status;
    if (self->ntlm)
        return troth__sspi_ntlm_wrap(self, data, output, output_length, error);
    if (self->credential->wine)
        return troth__sspi_wine_wrap(self, quality, data, output, output_length, error);
    return sspi_wrap_here(self, quality, data, output, output_length, error);
}

static troth_status sspi_unwrap_here(struct sspi_context *self, uint8_t *message, size_t length, troth__bytes *data,
                                     ULONG *quality, troth_error *error)
{
    SecBuffer buffers[2];
    SecBufferDesc stream = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;
    uintptr_t begin = (uintptr_t)message;
    uintptr_t found;

    stream.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_STREAM, message, length);
    buffers[1].BufferType = SECBUFFER_DATA;
    buffers[1].cbBuffer = 0;
    buffers[1].pvBuffer = NULL;
    result = self->credential->functions->DecryptMessage(&self->handle, &stream, 0, quality);
    troth__sspi_traced(self->credential, self->config, "DecryptMessage", result, length, buffers[1].cbBuffer);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "DecryptMessage", result, error);
    if (buffers[1].cbBuffer == 0)
        return TROTH_OK;
    found = (uintptr_t)buffers[1].pvBuffer;
    if (found < begin || found - begin > length || buffers[1].cbBuffer > length - (size_t)(found - begin))
        return troth__sspi_broken("DecryptMessage", "a plaintext that is not inside its message", error);
    data->data = message + (found - begin);
    data->length = buffers[1].cbBuffer;
    return TROTH_OK;
}

troth_status troth__sspi_protection(ULONG quality, troth_protection *protection, troth_error *error)
{
    *protection = TROTH_PROTECTION_UNSET;
    if (quality != 0 && quality != SECQOP_WRAP_NO_ENCRYPT)
        return troth__sspi_broken("DecryptMessage", "a quality of protection that is none", error);
    *protection = quality == 0 ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;
    return TROTH_OK;
}

troth_status troth__sspi_unwrap(void *context, uint8_t *message, size_t length, troth__bytes *data,
                                troth_protection *protection, troth_error *error)
{
    struct sspi_context *self = context;
    ULONG quality = SECQOP_WRAP_NO_ENCRYPT;
    troth_status status;

    data->data = NULL;
    data->length = 0;
    *protection = TROTH_PROTECTION_UNSET;
    troth__sspi_handshake_end(self); /* the peer has it, or could not seal a message */
    if (self->ntlm)
        status = troth__sspi_ntlm_unwrap(self, message, length, data, &quality, error);
    else if (self->credential->wine)
        status = troth__sspi_wine_unwrap(self, message, length, data, &quality, error);
    else
        status = sspi_unwrap_here(self, message, length, data, &quality, error);
    if (status != TROTH_OK)
        return status;
    status = troth__sspi_protection(quality, protection, error);
    if (status != TROTH_OK) {
        data->data = NULL;
        data->length = 0;
    }
    return status;
}

troth_status troth__sspi_get_mic(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                                 troth_error *error)
{
    struct sspi_context *self = context;
    SecBuffer buffers[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;
    troth_status status;

    *mic_length = 0;
    status = troth__sspi_room_check(capacity, self->mic_size, mic_length, error);
    if (status != TROTH_OK)
        return status;
    message.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_DATA, data.data, data.length);
    buffers[1] = troth__sspi_buffer(SECBUFFER_TOKEN, mic, self->mic_size);
    result = self->credential->functions->MakeSignature(&self->handle, 0, &message, 0);
    troth__sspi_traced(self->credential, self->config, "MakeSignature", result, data.length, buffers[1].cbBuffer);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "MakeSignature", result, error);
    if (buffers[1].cbBuffer > self->mic_size)
        return troth__sspi_broken("MakeSignature", "more bytes than there was room for", error);
    *mic_length = buffers[1].cbBuffer;
    return TROTH_OK;
}

troth_status troth__sspi_verify_mic(void *context, troth__bytes data, troth__bytes mic, troth_error *error)
{
    struct sspi_context *self = context;
    ULONG quality = 0;
    SecBuffer buffers[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;

    troth__sspi_handshake_end(self); /* likewise */
    message.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_DATA, data.data, data.length);
    buffers[1] = troth__sspi_buffer(SECBUFFER_TOKEN, mic.data, mic.length);
    result = self->credential->functions->VerifySignature(&self->handle, &message, 0, &quality);
    troth__sspi_traced(self->credential, self->config, "VerifySignature", result, data.length, 0);
    return result == SEC_E_OK ? TROTH_OK : troth__sspi_fail(self->credential->native, "VerifySignature", result, error);
}

troth_status troth__sspi_wrap_size(void *context, troth_protection protection, size_t length, size_t *needed,
                                   troth_error *error)
{
    const struct sspi_context *self = context;

    (void)protection;
    *needed = 0;
    if (sspi_too_long(self, length))
        return troth__error_set(error, TROTH_E_ARGUMENT, "a message longer than SSPI can say");
    *needed = length + self->wrap_overhead;
    return TROTH_OK;
}
