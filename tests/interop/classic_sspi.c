/*
 * classic_sspi.c - a peer in the manner of the classic Windows socket sample ("How a Windows Sockets Service
 * Authenticates a Client"): Negotiate, each token behind its length in host byte order (little-endian), nothing sent
 * for an empty one, mutual authentication asked for and nothing else, and a warning where it is missing. Its code is
 * our own; its order of calls, and its carelessness with the attributes, are the sample's.
 */
#define SECURITY_WIN32
#include <winsock2.h>
#include <windows.h>
#include <security.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raw_wire.h"

#define LIFE_MILLISECONDS 120000

/* One buffer each way for all connections, as there. */
static unsigned char out_buffer[65536];
static struct frame in_buffer;

static CredHandle credential;
static CtxtHandle context;
static bool have_context;

static bool failed(const char *what, SECURITY_STATUS status)
{
    fprintf(stderr, "%s failed: 0x%08lx\n", what, (unsigned long)status);
    return false;
}

static bool acquire(unsigned long use)
{
    wchar_t package[] = L"Negotiate";
    TimeStamp lifetime;
    SECURITY_STATUS status =
        AcquireCredentialsHandleW(NULL, package, use, NULL, NULL, NULL, NULL, &credential, &lifetime);

    return status >= 0 || failed("AcquireCredentialsHandle", status);
}

static bool complete_if_asked(SECURITY_STATUS *status, SecBufferDesc *out)
{
    if (*status == SEC_I_COMPLETE_NEEDED || *status == SEC_I_COMPLETE_AND_CONTINUE) {
        SECURITY_STATUS completed = CompleteAuthToken(&context, out);

        if (completed < 0) {
            return failed("CompleteAuthToken", completed);
        }
    }
    return true;
}

/* The client's next token into out_buffer; in may be empty, at the first. */
static bool generate_client(wchar_t *target, size_t in_length, size_t *out_length, bool *done)
{
    SecBuffer in_part = {(unsigned long)in_length, SECBUFFER_TOKEN, in_buffer.data};
    SecBuffer out_part = {sizeof out_buffer, SECBUFFER_TOKEN, out_buffer};
    SecBufferDesc in = {SECBUFFER_VERSION, 1, &in_part};
    SecBufferDesc out = {SECBUFFER_VERSION, 1, &out_part};
    unsigned long attributes = 0;
    TimeStamp lifetime;
    SECURITY_STATUS status;

    status = InitializeSecurityContextW(&credential, have_context ? &context : NULL, target, ISC_REQ_MUTUAL_AUTH, 0,
                                        SECURITY_NATIVE_DREP, have_context ? &in : NULL, 0, &context, &out, &attributes,
                                        &lifetime);
    if (status < 0) {
        return failed("InitializeSecurityContext", status);
    }
    have_context = true;
    if (!complete_if_asked(&status, &out)) {
        return false;
    }
    *out_length = out_part.cbBuffer;
    *done = status != SEC_I_CONTINUE_NEEDED && status != SEC_I_COMPLETE_AND_CONTINUE;
    if (*done && (attributes & ISC_RET_MUTUAL_AUTH) == 0) {
        printf("warning: mutual authentication is not set\n");
    }
    return true;
}

/* The server's answer to what stands in in_buffer. */
static bool generate_server(size_t in_length, size_t *out_length, bool *done)
{
    SecBuffer in_part = {(unsigned long)in_length, SECBUFFER_TOKEN, in_buffer.data};
    SecBuffer out_part = {sizeof out_buffer, SECBUFFER_TOKEN, out_buffer};
    SecBufferDesc in = {SECBUFFER_VERSION, 1, &in_part};
    SecBufferDesc out = {SECBUFFER_VERSION, 1, &out_part};
    unsigned long attributes = 0;
    TimeStamp lifetime;
    SECURITY_STATUS status;

    status = AcceptSecurityContext(&credential, have_context ? &context : NULL, &in, ASC_REQ_MUTUAL_AUTH,
                                   SECURITY_NATIVE_DREP, &context, &out, &attributes, &lifetime);
    if (status < 0) {
        return failed("AcceptSecurityContext", status);
    }
    have_context = true;
    if (!complete_if_asked(&status, &out)) {
        return false;
    }
    *out_length = out_part.cbBuffer;
    *done = status != SEC_I_CONTINUE_NEEDED && status != SEC_I_COMPLETE_AND_CONTINUE;
    /* The sample's own test: a logical and, true for any attribute. */
    if (*done && !(attributes && ASC_RET_MUTUAL_AUTH)) {
        printf("warning: mutual authentication is not set\n");
    }
    return true;
}

static bool authenticate_client(int fd, wchar_t *target)
{
    bool done = false;
    size_t length = 0;

    if (!acquire(SECPKG_CRED_OUTBOUND)) {
        return false;
    }
    for (;;) {
        size_t in_length = have_context ? in_buffer.length : 0;

        if (!generate_client(target, in_length, &length, &done)) {
            return false;
        }
        if (length > 0 && !wire_send(fd, LE32, 0, out_buffer, length)) {
            return false;
        }
        if (done) {
            return true;
        }
        if (wire_receive(fd, LE32, &in_buffer) != 1) {
            fprintf(stderr, "the peer closed\n");
            return false;
        }
    }
}

static bool authenticate_server(int fd)
{
    bool done = false;
    size_t length = 0;

    if (!acquire(SECPKG_CRED_INBOUND)) {
        return false;
    }
    while (!done) {
        if (wire_receive(fd, LE32, &in_buffer) != 1) {
            fprintf(stderr, "the peer closed\n");
            return false;
        }
        if (!generate_server(in_buffer.length, &length, &done)) {
            return false;
        }
        if (length > 0 && !wire_send(fd, LE32, 0, out_buffer, length)) {
            return false;
        }
    }
    return true;
}

static DWORD WINAPI end_of_life(void *argument)
{
    (void)argument;
    Sleep(LIFE_MILLISECONDS);
    ExitProcess(3);
}

/* Exit status: 0 authenticated; 1 not; 2 usage; 3 no connection. */
int main(int argc, char **argv)
{
    bool server = argc == 3 && strcmp(argv[1], "server") == 0;
    wchar_t target[256];
    bool good;
    int fd;

    setvbuf(stdout, NULL, _IONBF, 0);
    if (!server && !(argc == 4 && strcmp(argv[1], "client") == 0 &&
                     MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, argv[3], -1, target, 256) > 0)) {
        fputs("usage: classic-sspi server ADDR:PORT | client ADDR:PORT SVC/HOST\n", stderr);
        return 2;
    }
    CreateThread(NULL, 0, end_of_life, NULL, 0, NULL);
    fd = server ? wire_listen(argv[2]) : wire_connect(argv[2]);
    if (server && fd >= 0) {
        fd = wire_accept(fd);
    }
    if (fd < 0) {
        return 3;
    }
    good = server ? authenticate_server(fd) : authenticate_client(fd, target);
    printf(good ? "authenticated\n" : "not authenticated\n");
    /* Until the other side has had what it wanted: a server that closes at once takes its last token with it. */
    if (good) {
        shutdown((SOCKET)(unsigned)fd, SD_SEND);
        wire_drain(fd);
    }
    closesocket((SOCKET)(unsigned)fd);
    return good ? 0 : 1;
}
