/*
 * raw_sspi_message.c - the raw SSPI peer's messages, in the layout that gss_wrap has. Wine's provider has a layout of
 * its own (the token's head in DATA, its tail in TOKEN, and no STREAM), so both are here.
 */
#include "raw_sspi.h"

#include <stdio.h>
#include <string.h>

#define WINE_TAIL 80
#define WINE_SEALED 60 /* what a sealed message of AES with SHA-1 adds: RFC 4121 section 4.2.4 */

static SecPkgContext_Sizes sizes;
static bool wine;

static SecBuffer part(unsigned long type, const void *bytes, size_t length)
{
    SecBuffer buffer;

    buffer.BufferType = type;
    buffer.cbBuffer = (unsigned long)length;
    buffer.pvBuffer = (void *)(size_t)bytes;
    return buffer;
}

int raw_message_sizes(CtxtHandle *context)
{
    SECURITY_STATUS status = QueryContextAttributesW(context, SECPKG_ATTR_SIZES, &sizes);

    wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
    return status == SEC_E_OK ? GOOD : raw_failed("QueryContextAttributes", status);
}

int raw_seal(CtxtHandle *context, bool encrypt, const void *plain, size_t length, unsigned char *whole, size_t *size)
{
    size_t head = wine ? 0 : sizes.cbSecurityTrailer;
    SecBuffer parts[3];
    SecBufferDesc message = {SECBUFFER_VERSION, 3, parts};
    SECURITY_STATUS status;

    if (length + 2048 > FRAME_MAX || head > 1024 || sizes.cbBlockSize > 1024) {
        return raw_failed("EncryptMessage", SEC_E_BUFFER_TOO_SMALL);
    }
    if (length > 0) {
        memcpy(whole + head, plain, length);
    }
    parts[0] = part(SECBUFFER_TOKEN, whole, head);
    parts[1] = part(SECBUFFER_DATA, whole + head, length);
    parts[2] = part(SECBUFFER_PADDING, whole + head + length, sizes.cbBlockSize);
    if (wine) {
        parts[0] = part(SECBUFFER_DATA, whole, length);
        parts[1] = part(SECBUFFER_TOKEN, whole + length, WINE_TAIL);
        message.cBuffers = 2;
    }
    status = EncryptMessage(context, encrypt ? 0 : SECQOP_WRAP_NO_ENCRYPT, &message, 0);
    if (status != SEC_E_OK) {
        return raw_failed("EncryptMessage", status);
    }
    *size = 0;
    for (unsigned i = 0; i < message.cBuffers; i++) {
        memmove(whole + *size, parts[i].pvBuffer, parts[i].cbBuffer);
        *size += parts[i].cbBuffer;
    }
    return GOOD;
}

static size_t wine_length(const unsigned char *whole, size_t size)
{
    size_t around = 16;

    if (size < 16 || whole[0] != 0x05 || whole[1] != 0x04) {
        return 0;
    }
    around = ((whole[2] & 0x02) != 0 ? WINE_SEALED : 16) + ((size_t)whole[4] << 8) + whole[5];
    return size > around ? size - around : 0;
}

int raw_open(CtxtHandle *context, unsigned char *whole, size_t size, unsigned char **plain, size_t *length,
             bool *encrypted)
{
    unsigned long quality = 0;
    SecBuffer parts[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, parts};
    SECURITY_STATUS status;

    parts[0] = part(SECBUFFER_STREAM, whole, size);
    parts[1] = part(SECBUFFER_DATA, NULL, 0);
    if (wine) {
        size_t data = wine_length(whole, size);

        parts[0] = part(SECBUFFER_TOKEN, whole + data, size - data);
        parts[1] = part(SECBUFFER_DATA, whole, data);
    }
    status = DecryptMessage(context, &message, 0, &quality);
    if (status != SEC_E_OK) {
        return raw_failed("DecryptMessage", status);
    }
    *plain = parts[1].pvBuffer;
    *length = parts[1].cbBuffer;
    *encrypted = quality != SECQOP_WRAP_NO_ENCRYPT;
    return GOOD;
}

int raw_sign(CtxtHandle *context, const void *plain, size_t length, unsigned char code[64], size_t *size)
{
    SecBuffer parts[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, parts};
    SECURITY_STATUS status;

    parts[0] = part(SECBUFFER_DATA, plain, length);
    parts[1] = part(SECBUFFER_TOKEN, code, 64);
    status = MakeSignature(context, 0, &message, 0);
    *size = parts[1].cbBuffer;
    return status == SEC_E_OK ? GOOD : raw_failed("MakeSignature", status);
}

int raw_verify(CtxtHandle *context, const void *plain, size_t length, const unsigned char *code, size_t size)
{
    unsigned long quality = 0;
    SecBuffer parts[2];
    SecBufferDesc message = {SECBUFFER_VERSION, 2, parts};
    SECURITY_STATUS status;

    parts[0] = part(SECBUFFER_DATA, plain, length);
    parts[1] = part(SECBUFFER_TOKEN, code, size);
    status = VerifySignature(context, &message, 0, &quality);
    return status == SEC_E_OK ? GOOD : raw_failed("VerifySignature", status);
}
