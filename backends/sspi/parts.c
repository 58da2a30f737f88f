/*
 * parts.c - messages in several places: one TOKEN in front, each part a DATA of its own. Windows alone takes more than
 * one of them; common code asks nothing of this file where the native table says otherwise.
 */
#include "internal.h"

#include <string.h>

#include "error.h"

#define MOST (TROTH_PARTS_MOST + 2) /* a token, and padding */
#define PADDING_ROOM 64u

static void sspi_parts_buffers(SecBuffer *buffers, const troth_part *parts, size_t count, bool code)
{
    for (size_t i = 0; i < count; i++) {
        /* Windows signs what is marked so, and does not touch it. For a code nothing is changed anyway. */
        const ULONG mark = parts[i].kind == TROTH_PART_SIGN_ONLY && !code ? SECBUFFER_READONLY_WITH_CHECKSUM : 0;

        buffers[i] = troth__sspi_buffer(SECBUFFER_DATA | mark, parts[i].data, parts[i].length);
    }
}

static size_t sspi_parts_length(const troth_part *parts, size_t count)
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += parts[i].length;
    return length;
}

/* The provider left every part as long as it was. */
static bool sspi_parts_kept(const SecBuffer *buffers, const troth_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (buffers[i].cbBuffer != parts[i].length || buffers[i].pvBuffer != parts[i].data)
            return false;
    }
    return true;
}

troth_status troth__sspi_wrap_parts(void *context, troth_protection protection, const troth_part *parts, size_t count,
                                    uint8_t *token, size_t capacity, size_t *token_length, troth_error *error)
{
    struct sspi_context *self = context;
    const ULONG quality = protection == TROTH_PROTECT_CONFIDENTIALITY ? 0 : SECQOP_WRAP_NO_ENCRYPT;
    const size_t padding = self->wrap_overhead - self->wrap_header;
    uint8_t padding_room[PADDING_ROOM];
    SecBuffer buffers[MOST];
    SecBufferDesc message = {SECBUFFER_VERSION, (ULONG)count + 2, NULL};
    SECURITY_STATUS result;
    troth_status status;

    *token_length = 0;
    status = troth__sspi_room_check(capacity, self->wrap_header, token_length, error);
    if (status != TROTH_OK)
        return status;
    if (padding > sizeof padding_room)
        return troth__sspi_broken("QueryContextAttributes(SIZES)", "a block size that no cipher has", error);
    message.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_TOKEN, token, self->wrap_header);
    sspi_parts_buffers(buffers + 1, parts, count, false);
    buffers[count + 1] = troth__sspi_buffer(SECBUFFER_PADDING, padding_room, padding);
    result = self->credential->functions->EncryptMessage(&self->handle, quality, &message, 0);
    troth__sspi_traced(self->credential, self->config, "EncryptMessage", result, sspi_parts_length(parts, count),
                       buffers[0].cbBuffer);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "EncryptMessage", result, error);
    if (buffers[0].cbBuffer > self->wrap_header || !sspi_parts_kept(buffers + 1, parts, count))
        return troth__sspi_broken("EncryptMessage", "parts of other lengths than they had", error);
    /* RC4 and DES; the AES types of RFC 3962 and RFC 8009 never do. */
    if (buffers[count + 1].cbBuffer != 0)
        return troth__sspi_broken("EncryptMessage", "padding, which a message in parts has no place for", error);
    *token_length = buffers[0].cbBuffer;
    return TROTH_OK;
}

troth_status troth__sspi_unwrap_parts(void *context, uint8_t *token, size_t token_length, const troth_part *parts,
                                      size_t count, troth_protection *protection, troth_error *error)
{
    struct sspi_context *self = context;
    SecBuffer buffers[MOST];
    SecBufferDesc message = {SECBUFFER_VERSION, (ULONG)count + 1, NULL};
    ULONG quality = SECQOP_WRAP_NO_ENCRYPT;
    SECURITY_STATUS result;

    *protection = TROTH_PROTECTION_UNSET;
    troth__sspi_handshake_end(self); /* the peer has it, or could not seal a message */
    message.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_TOKEN, token, token_length);
    sspi_parts_buffers(buffers + 1, parts, count, false);
    result = self->credential->functions->DecryptMessage(&self->handle, &message, 0, &quality);
    troth__sspi_traced(self->credential, self->config, "DecryptMessage", result, token_length,
                       sspi_parts_length(parts, count));
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "DecryptMessage", result, error);
    if (!sspi_parts_kept(buffers + 1, parts, count))
        return troth__sspi_broken("DecryptMessage", "parts of other lengths than they had", error);
    return troth__sspi_protection(quality, protection, error);
}

troth_status troth__sspi_get_mic_parts(void *context, const troth_part *parts, size_t count, uint8_t *mic,
                                       size_t capacity, size_t *mic_length, troth_error *error)
{
    struct sspi_context *self = context;
    SecBuffer buffers[MOST];
    SecBufferDesc message = {SECBUFFER_VERSION, (ULONG)count + 1, NULL};
    SECURITY_STATUS result;
    troth_status status;

    *mic_length = 0;
    status = troth__sspi_room_check(capacity, self->mic_size, mic_length, error);
    if (status != TROTH_OK)
        return status;
    message.pBuffers = buffers;
    sspi_parts_buffers(buffers, parts, count, true);
    buffers[count] = troth__sspi_buffer(SECBUFFER_TOKEN, mic, self->mic_size);
    result = self->credential->functions->MakeSignature(&self->handle, 0, &message, 0);
    troth__sspi_traced(self->credential, self->config, "MakeSignature", result, sspi_parts_length(parts, count),
                       buffers[count].cbBuffer);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "MakeSignature", result, error);
    if (buffers[count].cbBuffer > self->mic_size)
        return troth__sspi_broken("MakeSignature", "more bytes than there was room for", error);
    *mic_length = buffers[count].cbBuffer;
    return TROTH_OK;
}

troth_status troth__sspi_verify_mic_parts(void *context, const troth_part *parts, size_t count, troth__bytes mic,
                                          troth_error *error)
{
    struct sspi_context *self = context;
    SecBuffer buffers[MOST];
    SecBufferDesc message = {SECBUFFER_VERSION, (ULONG)count + 1, NULL};
    ULONG quality = 0;
    SECURITY_STATUS result;

    troth__sspi_handshake_end(self); /* likewise */
    message.pBuffers = buffers;
    sspi_parts_buffers(buffers, parts, count, true);
    buffers[count] = troth__sspi_buffer(SECBUFFER_TOKEN, mic.data, mic.length);
    result = self->credential->functions->VerifySignature(&self->handle, &message, 0, &quality);
    troth__sspi_traced(self->credential, self->config, "VerifySignature", result, sspi_parts_length(parts, count), 0);
    return result == SEC_E_OK ? TROTH_OK : troth__sspi_fail(self->credential->native, "VerifySignature", result, error);
}
