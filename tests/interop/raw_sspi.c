/*
 * raw_sspi.c - an SSPI peer that uses nothing of the library's: naive and classic on purpose, the twin of raw_gss.c. It
 * acquires its credential anew for every connection and takes what flags it is given.
 */
#include "raw_sspi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_ROOM (1u << 17)
#define LIFE_MILLISECONDS 120000

/* gss-sample's flag bits. */
enum {
    TOKEN_NOOP = 0x01,
    TOKEN_CONTEXT = 0x02,
    TOKEN_DATA = 0x04,
    TOKEN_MIC = 0x08,
    TOKEN_CONTEXT_NEXT = 0x10,
    TOKEN_WRAPPED = 0x20,
    TOKEN_ENCRYPTED = 0x40,
    TOKEN_SEND_MIC = 0x80
};

static struct frame frame;
static unsigned char whole[FRAME_MAX];
static int legs;

/* What a test asked to happen after so many tokens. */
static int after_leg(int fd)
{
    if (raw_options.stall_after >= 0 && legs >= raw_options.stall_after) {
        printf("stalling: %d\n", legs);
        wire_drain(fd);
        return FAULT_DONE;
    }
    if (raw_options.drop_after >= 0 && legs >= raw_options.drop_after) {
        printf("dropping: %d\n", legs);
        return FAULT_DONE;
    }
    return GOOD;
}

static bool send_garbage(int fd, unsigned flags, unsigned char *bytes, size_t length)
{
    printf("garbage: %s\n", raw_options.garbage);
    if (strcmp(raw_options.garbage, "oversize") == 0) {
        return wire_send_header(fd, raw_options.framing, flags, 0x7fffffffu);
    }
    if (strcmp(raw_options.garbage, "half") == 0) {
        return wire_send_half(fd, raw_options.framing, flags, bytes, length);
    }
    if (strcmp(raw_options.garbage, "empty") == 0) {
        return wire_send(fd, raw_options.framing, flags, bytes, 0);
    }
    if (strcmp(raw_options.garbage, "truncate") == 0) {
        return wire_send(fd, raw_options.framing, flags, bytes, length / 2);
    }
    if (strcmp(raw_options.garbage, "flip") == 0 && length > 5) {
        bytes[length - 5] ^= 0x10;
    } else {
        memset(bytes, 0xa5, length);
    }
    return wire_send(fd, raw_options.framing, flags, bytes, length);
}

static int send_token(int fd, unsigned char *bytes, size_t length)
{
    unsigned flags = raw_options.framing == GSS_SAMPLE ? TOKEN_CONTEXT : 0;
    bool sent = raw_options.garbage != NULL ? send_garbage(fd, flags, bytes, length)
                                            : wire_send(fd, raw_options.framing, flags, bytes, length);

    legs++;
    printf("sent: %lu\n", (unsigned long)length);
    return sent ? after_leg(fd) : PEER_CLOSED;
}

static int receive_token(int fd)
{
    if (wire_receive(fd, raw_options.framing, &frame) != 1) {
        printf("closed: by the peer, in the handshake\n");
        return PEER_CLOSED;
    }
    legs++;
    printf("received: %lu\n", (unsigned long)frame.length);
    return after_leg(fd);
}

/* The empty frame that opens gss-sample's handshake. */
static int open_sample(int fd)
{
    if (raw_options.framing != GSS_SAMPLE) {
        return GOOD;
    }
    if (raw_options.initiator) {
        return wire_send(fd, raw_options.framing, TOKEN_NOOP | TOKEN_CONTEXT_NEXT, "", 0) ? GOOD : PEER_CLOSED;
    }
    if (wire_receive(fd, raw_options.framing, &frame) != 1) {
        return PEER_CLOSED;
    }
    return frame.flags == (TOKEN_NOOP | TOKEN_CONTEXT_NEXT) && frame.length == 0 ? GOOD : WRONG_ANSWER;
}

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
        if ((flags & (raw_options.initiator ? raw_flag_names[i].isc : raw_flag_names[i].asc)) != 0) {
            printf(" %s", raw_flag_names[i].name);
        }
    }
    printf("\n");
    return raw_message_sizes(context);
}

static SECURITY_STATUS step(CredHandle *credential, CtxtHandle *context, bool first, SecBufferDesc *in,
                            SecBufferDesc *out, unsigned long *flags)
{
    TimeStamp expiry;
    SECURITY_STATUS status;

    if (raw_options.initiator) {
        status =
            InitializeSecurityContextW(credential, first ? NULL : context, raw_options.target, raw_options.flags, 0,
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
        SecBuffer input[2] = {{0, SECBUFFER_TOKEN, frame.data}, {0, SECBUFFER_EMPTY, NULL}};
        SecBuffer output = {sizeof token, SECBUFFER_TOKEN, token};
        SecBufferDesc in = {SECBUFFER_VERSION, 2, input};
        SecBufferDesc out = {SECBUFFER_VERSION, 1, &output};

        if (!mine) {
            result = receive_token(fd);
            input[0].cbBuffer = (unsigned long)frame.length;
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
            result = send_token(fd, token, output.cbBuffer);
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

    legs = 0;
    result = after_leg(fd);
    if (result != GOOD) {
        return result;
    }
    wcscpy(package, raw_options.package);
    status =
        AcquireCredentialsHandleW(NULL, package, raw_options.initiator ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND,
                                  NULL, NULL, NULL, NULL, &credential, &expiry);
    if (status != SEC_E_OK) {
        return raw_failed("acquire", status);
    }
    result = open_sample(fd);
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

    if (wire_receive(fd, raw_options.framing, &frame) != 1) {
        printf("closed: by the peer, after a message\n");
        return PEER_CLOSED;
    }
    if (raw_options.framing == GSS_SAMPLE) {
        printf("mic: %lu\n", (unsigned long)frame.length);
        return frame.flags == TOKEN_MIC ? raw_verify(context, plain, length, frame.data, frame.length) : WRONG_ANSWER;
    }
    result = raw_open(context, frame.data, frame.length, &echo, &size, &encrypted);
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
    if ((frame.flags & TOKEN_SEND_MIC) == 0) {
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

    while (result == GOOD && wire_receive(fd, raw_options.framing, &frame) == 1 && (frame.flags & TOKEN_NOOP) == 0) {
        unsigned char *plain = frame.data;
        size_t length = frame.length;
        bool encrypted = false;

        if (raw_options.framing != GSS_SAMPLE || (frame.flags & TOKEN_WRAPPED) != 0) {
            result = raw_open(context, frame.data, frame.length, &plain, &length, &encrypted);
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
    closesocket((SOCKET)(unsigned)fd);
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
    int result = GOOD;
    int fd;

    setvbuf(stdout, NULL, _IONBF, 0);
    CreateThread(NULL, 0, end_of_life, NULL, 0, NULL); /* whatever happens, it does not stay */
    if (!raw_options_parse(argc, argv)) {
        return USAGE;
    }
    fd = raw_options.initiator ? wire_connect(raw_options.address) : wire_listen(raw_options.address);
    if (fd < 0) {
        return PEER_CLOSED;
    }
    if (raw_options.initiator) {
        return converse(fd);
    }
    for (int i = 0; i < raw_options.connections; i++) {
        int connection = wire_accept(fd);
        int one = connection >= 0 ? converse(connection) : PEER_CLOSED;

        result = result == GOOD ? one : result;
    }
    return result;
}
