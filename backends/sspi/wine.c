/*
 * wine.c - where Wine's Kerberos provider departs from Windows (seen in Wine 8.0, whose provider calls the host's
 * libgssapi_krb5). On Windows nothing of this file runs.
 *
 * - EncryptMessage cuts the gss_wrap token in two: its head, as long as the data, stands in DATA, and its tail in
 * TOKEN.
 * - It tells a cbSecurityTrailer of 49 where AES needs 60, and a MakeSignature buffer is written unchecked.
 * - DecryptMessage has no STREAM, wants the same two halves, and does not tell how long the plaintext is: it copies as
 *   many bytes as DATA had. So the cut has to be made exactly where the plaintext ends.
 *   Where it ends hangs on the length of the checksum, which no query tells (SIZES are constants, and KEY_INFO there is
 *   none), and making anything to learn it would use up a sequence number. A cut too late would give out bytes that
 *   nobody verified. So where the handshake shows an encryption type of RFC 8009, no sealed message is taken before
 * this side has made one. (An acceptor's subkey of such a type beside a ticket of another is not seen: RFC 4537.)
 * - Channel bindings are left out without a word, and the encryption type is not told.
 * - Negotiate is not SPNEGO but raw Kerberos, and falls to NTLM; SEC_WINNT_AUTH_IDENTITY_EXW, which could keep NTLM
 * out, is not known. credential.c takes the plain structure, and the Kerberos package unless NTLM was asked for. Its
 * NTLM is Samba's ntlm_auth and keeps to the layout of Windows.
 * - It knows no restricted access tokens (peer.c).
 * - A credential from a password puts its tickets into the host's default ccache (KRB5CCNAME), over what is there.
 * - Messages that come twice or too late are SEC_E_INVALID_TOKEN, so TROTH_E_BAD_TOKEN; unknown targets and wrong
 *   passwords have no code of their own.
 */
#include "internal.h"

#include <string.h>

#include "error.h"

/* RFC 4121 section 4.2.6.2: header, and inside a sealed message a confounder and the header once more. */
#define HEADER 16u
#define SEALED_FLAG 0x02u
#define SEALED_EXTRA 32u

#define CHECKSUM_SHA1 12u /* RFC 3962 */
#define CHECKSUM_MAX 24u  /* RFC 8009, aes256-cts-hmac-sha384-192 */
#define WRAP_ROOM (HEADER + SEALED_EXTRA + CHECKSUM_MAX)
#define MIC_ROOM 64u

#define CENTURY (INT64_C(100) * 365 * 86400)

troth_status troth__sspi_wine_check(const struct troth__context_config *config, troth_error *error)
{
    if (config->bindings != NULL)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "Wine's SSPI has no channel bindings and would drop them");
    if (config->encryption_matters)
        return troth__error_set(error, TROTH_E_UNAVAILABLE,
                                "Wine's SSPI does not tell the encryption type, and some are refused");
    if (config->target_matters)
        return troth__error_set(error, TROTH_E_UNAVAILABLE,
                                "Wine's SSPI does not tell whom an initiator was told to authenticate");
    if (config->delegate != TROTH_DELEGATE_NEVER)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "Wine's SSPI would delegate whatever the KDC's policy says");
    return TROTH_OK;
}

void troth__sspi_wine_look(struct sspi_context *context, troth__bytes token)
{
    /* The etype of an EncryptedData (RFC 4120 section 5.2.9), as far as its number: 19 and 20 are those of RFC 8009. */
    static const uint8_t etype[] = {0xA0, 0x03, 0x02, 0x01};

    for (size_t at = 0; at + sizeof etype < token.length; at++) {
        if (memcmp(token.data + at, etype, sizeof etype) == 0 &&
            (token.data[at + sizeof etype] == 19 || token.data[at + sizeof etype] == 20))
            context->longer_checksum = true;
    }
}

void troth__sspi_wine_sizes(struct sspi_context *context)
{
    context->wrap_header = 0;
    context->wrap_overhead = WRAP_ROOM;
    context->mic_size = MIC_ROOM;
    context->checksum_size = context->longer_checksum ? 0 : CHECKSUM_SHA1;
}

bool troth__sspi_wine_never(int64_t utc, int64_t now)
{
    return utc > now && utc - now > CENTURY;
}

troth_status troth__sspi_wine_wrap(struct sspi_context *context, ULONG quality, troth__bytes data, uint8_t *output,
                                   size_t *output_length, troth_error *error)
{
    size_t envelope = HEADER + (quality == 0 ? SEALED_EXTRA : 0);
    SecBuffer buffers[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;
    size_t token;

    message.pBuffers = buffers;
    if (data.length > 0 && data.data != output)
        memmove(output, data.data, data.length);
    buffers[0] = troth__sspi_buffer(SECBUFFER_DATA, output, data.length);
    buffers[1] = troth__sspi_buffer(SECBUFFER_TOKEN, output + data.length, WRAP_ROOM);
    result = context->credential->functions->EncryptMessage(&context->handle, quality, &message, 0);
    troth__sspi_traced(context->credential, context->config, "EncryptMessage", result, data.length, data.length);
    if (result != SEC_E_OK)
        return troth__sspi_fail(context->credential->native, "EncryptMessage", result, error);
    token = buffers[1].cbBuffer;
    if (buffers[0].cbBuffer != data.length || token > WRAP_ROOM)
        return troth__sspi_broken("EncryptMessage", "more bytes than there was room for", error);
    if (token > envelope && token - envelope <= CHECKSUM_MAX)
        context->checksum_size = token - envelope;
    *output_length = data.length + token;
    return TROTH_OK;
}

/*
 * How long the plaintext of an RFC 4121 token is, told from its clear header; 0 for anything too short or of another
 * kind, which the provider refuses by itself. The checksum is taken to be that of the messages that this context sends,
 * and before the first of them that of the SHA-1 encryption types, unless the handshake showed others.
 */
static size_t sspi_plaintext_length(const struct sspi_context *context, const uint8_t *message, size_t length)
{
    size_t envelope = HEADER;

    if (length < HEADER || message[0] != 0x05 || message[1] != 0x04)
        return 0;
    envelope += (size_t)message[4] << 8 | message[5];
    if ((message[2] & SEALED_FLAG) != 0)
        envelope += SEALED_EXTRA + context->checksum_size;
    return length > envelope ? length - envelope : 0;
}

troth_status troth__sspi_wine_unwrap(struct sspi_context *context, uint8_t *message, size_t length, troth__bytes *data,
                                     ULONG *quality, troth_error *error)
{
    size_t plaintext = sspi_plaintext_length(context, message, length);
    SecBuffer buffers[2];
    SecBufferDesc halves = {SECBUFFER_VERSION, 2, NULL};
    SECURITY_STATUS result;

    if (context->checksum_size == 0 && length > 2 && (message[2] & SEALED_FLAG) != 0)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "with an encryption type of RFC 8009 Wine takes no encrypted message before this side "
                                "has sent one");
    halves.pBuffers = buffers;
    buffers[0] = troth__sspi_buffer(SECBUFFER_DATA, message, plaintext);
    buffers[1] = troth__sspi_buffer(SECBUFFER_TOKEN, message + plaintext, length - plaintext);
    result = context->credential->functions->DecryptMessage(&context->handle, &halves, 0, quality);
    troth__sspi_traced(context->credential, context->config, "DecryptMessage", result, length, 0);
    if (result != SEC_E_OK)
        return troth__sspi_fail(context->credential->native, "DecryptMessage", result, error);
    if (plaintext > 0) {
        data->data = message;
        data->length = plaintext;
    }
    return TROTH_OK;
}
