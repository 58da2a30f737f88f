/*
 * raw_sspi.c - an SSPI peer that uses nothing of the library's: naive and classic on purpose, the twin of raw_gss.c. It
 * acquires its credential anew for every connection and takes what flags it is given.
 */
#include "raw_sspi.h"
#include "raw_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_ROOM (1u << 17)
#define LIFE_MILLISECONDS 120000

static unsigned char whole[FRAME_MAX];

/* Wine's provider has no names: that is said, and is no failure. */
static int show_context(CtxtHandle *context, unsigned long flags)
{
    SecPkgContext_NativeNamesW names = {NULL, NULL};
    SecPkgContext_NegotiationInfoW info = {NULL, 0};
    SECURITY_STATUS status = QueryContextAttributesW(context, SECPKG_ATTR_NATIVE_NAMES, &names);

    if (status == SEC_E_OK) {
        printf("peer: %ls\n", raw_options.initiator ? names.sServerName : names.sClientName);
        FreeContextBuffer(names.sServerName);
        FreeContextBuffer(names.sClientName);
    } else {
        printf("peer: unavailable (provider)\n");
    }
    status = QueryContextAttributesW(context, SECPKG_ATTR_NEGOTIATION_INFO, &info);
    if (status != SEC_E_OK) {
        return raw_failed("QueryContextAttributes", status);
    }
    printf("mechanism: %s\n", wcscmp(info.PackageInfo->Name, L"Kerberos") == 0 ? "kerberos" : "other");
    FreeContextBuffer(info.PackageInfo);
    printf("flags:");
    for (size_t i = 0; raw_flag_names[i].name != NULL; i++) {
        if ((flags & (raw_options.initiator ? raw_flag_names[i].asked : raw_flag_names[i].told)) != 0) {
            printf(" %s", raw_flag_names[i].name);
        }
    }
    printf("\n");
    return raw_message_sizes(context);
}

static SECURITY_STATUS step(CredHandle *credential, CtxtHandle *context, bool first, SecBufferDesc *in,
                            SecBufferDesc *out, unsigned long *flags)
{
    wchar_t target[RAW_TARGET_UNITS];
    TimeStamp expiry;
    SECURITY_STATUS status;

    if (raw_options.initiator) {
        if (!raw_sspi_target(target)) {
            return SEC_E_TARGET_UNKNOWN;
        }
        status = InitializeSecurityContextW(credential, first ? NULL : context, target, raw_options.flags, 0,
                                            SECURITY_NETWORK_DREP, first ? NULL : in, 0, context, out, flags, &expiry);
    } else {
        status = AcceptSecurityContext(credential, first ? NULL : context, in, 0, SECURITY_NETWORK_DREP, context, out,
                                       flags, &expiry);
    }
    if (status == SEC_I_COMPLETE_NEEDED || status == SEC_I_COMPLETE_AND_CONTINUE) {
        SECURITY_STATUS completed = CompleteAuthToken(context, out);

        if (completed != SEC_E_OK) {
            return completed;
        }
        status = status == SEC_I_COMPLETE_NEEDED ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
    }
    return status;
}

static int handshake_loop(int fd, CredHandle *credential, CtxtHandle *context, bool *made)
{
    static unsigned char token[TOKEN_ROOM];
    unsigned long flags = 0;
    bool mine = raw_options.initiator;
    SECURITY_STATUS status;
    int result = GOOD;

    do {
        SecBuffer input[2] = {{0, SECBUFFER_TOKEN, raw_frame.data}, {0, SECBUFFER_EMPTY, NULL}};
        SecBuffer output = {sizeof token, SECBUFFER_TOKEN, token};
        SecBufferDesc in = {SECBUFFER_VERSION, 2, input};
        SecBufferDesc out = {SECBUFFER_VERSION, 1, &output};

        if (!mine) {
            result = raw_token_receive(fd);
            input[0].cbBuffer = (unsigned long)raw_frame.length;
        }
        if (result != GOOD) {
            return result;
        }
        mine = false;
        status = step(credential, context, !*made, &in, &out, &flags);
        if (status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED) {
            return raw_failed(raw_options.initiator ? "initiate" : "accept", status);
        }
        *made = true;
        if (output.cbBuffer > 0) {
            result = raw_token_send(fd, token, output.cbBuffer);
        }
    } while (result == GOOD && status == SEC_I_CONTINUE_NEEDED);
    return result == GOOD ? show_context(context, flags) : result;
}

static int handshake(int fd, CtxtHandle *context, bool *made)
{
    CredHandle credential;
    TimeStamp expiry;
    SECURITY_STATUS status;
    wchar_t package[16];
    int result;

    result = raw_begin(fd);
    if (result != GOOD) {
        return result;
    }
    wcscpy(package, raw_sspi_package);
    status =
        AcquireCredentialsHandleW(NULL, package, raw_options.initiator ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND,
                                  NULL, NULL, NULL, NULL, &credential, &expiry);
    if (status != SEC_E_OK) {
        return raw_failed("acquire", status);
    }
    result = raw_open_sample(fd);
    if (result == GOOD) {
        result = handshake_loop(fd, &credential, context, made);
    }
    FreeCredentialsHandle(&credential);
    return result;
}

static int seal_and_send(int fd, CtxtHandle *context, unsigned flags, const void *plain, size_t length,
                         const char *fault)
{
    bool plain_fault = fault != NULL && strcmp(fault, "plain") == 0;
    size_t size;
    bool sent = true;
    int result = raw_seal(context, !plain_fault && raw_options.encrypt, plain, length, whole, &size);

    if (result != GOOD) {
        return result;
    }
    if (fault != NULL && strcmp(fault, "flip") == 0) {
        whole[size - 1] ^= 1;
    }
    if (fault == NULL || strcmp(fault, "skip") != 0) {
        sent = wire_send(fd, raw_options.framing, flags, whole, size);
    }
    if (sent && fault != NULL && strcmp(fault, "replay") == 0) {
        sent = wire_send(fd, raw_options.framing, flags, whole, size);
    }
    return sent ? GOOD : PEER_CLOSED;
}

/* The echo, or under gss-sample the MIC, of what was sent. */
static int check_answer(int fd, CtxtHandle *context, const void *plain, size_t length)
{
    unsigned char *echo;
    size_t size;
    bool encrypted;
    int result;

    if (wire_receive(fd, raw_options.framing, &raw_frame) != 1) {
        printf("closed: by the peer, after a message\n");
        return PEER_CLOSED;
    }
    if (raw_options.framing == GSS_SAMPLE) {
        printf("mic: %lu\n", (unsigned long)raw_frame.length);
        return raw_frame.flags == TOKEN_MIC ? raw_verify(context, plain, length, raw_frame.data, raw_frame.length)
                                            : WRONG_ANSWER;
    }
    result = raw_open(context, raw_frame.data, raw_frame.length, &echo, &size, &encrypted);
    if (result != GOOD) {
        return result;
    }
    printf("echoed: %lu %s\n", (unsigned long)size, encrypted ? "encrypted" : "plain");
    if (size != length || (size > 0 && memcmp(echo, plain, size) != 0)) {
        printf("failed: the echo differs\n");
        return WRONG_ANSWER;
    }
    return GOOD;
}

static int talk_initiator(int fd, CtxtHandle *context)
{
    static unsigned char text[FRAME_MAX];
    unsigned flags = raw_options.framing == GSS_SAMPLE
                         ? TOKEN_DATA | TOKEN_WRAPPED | TOKEN_SEND_MIC | (raw_options.encrypt ? TOKEN_ENCRYPTED : 0u)
                         : 0;
    int result = GOOD;

    for (int i = 0; result == GOOD && i < raw_options.messages; i++) {
        const char *fault = i == 1 ? raw_options.fault : NULL;

        for (size_t j = 0; j < raw_options.sizes[i]; j++) {
            text[j] = (unsigned char)(j * 31 + (size_t)i);
        }
        result = seal_and_send(fd, context, flags, text, raw_options.sizes[i], fault);
        if (result == GOOD && (fault == NULL || strcmp(fault, "skip") != 0)) {
            result = check_answer(fd, context, text, raw_options.sizes[i]);
        }
    }
    if (result == GOOD && raw_options.framing == GSS_SAMPLE) {
        wire_send(fd, raw_options.framing, TOKEN_NOOP, "", 0);
    }
    return result;
}

/* What is wanted back: the message anew under protection, or under gss-sample its MIC or nothing. */
static int answer(int fd, CtxtHandle *context, const void *plain, size_t length, const char *fault)
{
    unsigned char code[64];
    size_t size;
    int result;

    if (raw_options.framing != GSS_SAMPLE) {
        return seal_and_send(fd, context, 0, plain, length, fault);
    }
    if ((raw_frame.flags & TOKEN_SEND_MIC) == 0) {
        return wire_send(fd, raw_options.framing, TOKEN_NOOP, "", 0) ? GOOD : PEER_CLOSED;
    }
    result = raw_sign(context, plain, length, code, &size);
    if (result != GOOD) {
        return result;
    }
    return wire_send(fd, raw_options.framing, TOKEN_MIC, code, size) ? GOOD : PEER_CLOSED;
}

static int talk_acceptor(int fd, CtxtHandle *context)
{
    int count = 0;
    int result = GOOD;

    while (result == GOOD && wire_receive(fd, raw_options.framing, &raw_frame) == 1 &&
           (raw_frame.flags & TOKEN_NOOP) == 0) {
        unsigned char *plain = raw_frame.data;
        size_t length = raw_frame.length;
        bool encrypted = false;

        if (raw_options.framing != GSS_SAMPLE || (raw_frame.flags & TOKEN_WRAPPED) != 0) {
            result = raw_open(context, raw_frame.data, raw_frame.length, &plain, &length, &encrypted);
            if (result != GOOD) {
                return result;
            }
        }
        printf("message: %lu %s\n", (unsigned long)length, encrypted ? "encrypted" : "plain");
        result = answer(fd, context, plain, length, count == 1 ? raw_options.fault : NULL);
        count++;
    }
    printf("messages: %d\n", count);
    return result;
}

static int converse(int fd)
{
    CtxtHandle context;
    bool made = false;
    int result = handshake(fd, &context, &made);

    if (result == GOOD) {
        printf("authenticated\n");
        result = raw_options.initiator ? talk_initiator(fd, &context) : talk_acceptor(fd, &context);
    }
    if (made) {
        DeleteSecurityContext(&context);
    }
    printf("end: %d\n", result);
    wire_close(fd);
    return result;
}

static DWORD WINAPI end_of_life(void *argument)
{
    (void)argument;
    Sleep(LIFE_MILLISECONDS);
    ExitProcess(PEER_CLOSED);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    CreateThread(NULL, 0, end_of_life, NULL, 0, NULL); /* whatever happens, it does not stay */
    return raw_options_parse(argc, argv) ? raw_run(converse) : USAGE;
}
