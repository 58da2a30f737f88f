/* raw_wire_windows.c - raw_wire.h over Winsock: sockets and frames for the raw SSPI peers. */
#include "raw_wire.h"

#include <winsock2.h>
#include <ws2tcpip.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SILENCE_MILLISECONDS 20000

static bool failed(const char *what)
{
    fprintf(stderr, "%s: Winsock error %d\n", what, WSAGetLastError());
    return false;
}

static bool start(void)
{
    WSADATA data;

    return WSAStartup(MAKEWORD(2, 2), &data) == 0;
}

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : sizeof host;

    memset(address, 0, sizeof *address);
    if (length >= sizeof host) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    address->sin_family = AF_INET;
    address->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

/* Windows' handles of sockets are small numbers, 32 bits by promise. */
static SOCKET native(int fd)
{
    return (SOCKET)(unsigned)fd;
}

int wire_listen(const char *text)
{
    struct sockaddr_in address;
    char host[64] = "";
    int size = sizeof address;
    SOCKET listener;

    if (!start() || !parse_address(text, &address)) {
        fprintf(stderr, "%s: no address\n", text);
        return -1;
    }
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == INVALID_SOCKET || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        failed(text);
        return -1;
    }
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    printf("listening: %s:%u\n", host, (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return (int)listener;
}

static int with_timeouts(SOCKET fd)
{
    DWORD silence = SILENCE_MILLISECONDS;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, (const char *)&silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, (const char *)&silence, sizeof silence);
    return (int)fd;
}

int wire_accept(int listener)
{
    SOCKET fd = accept(native(listener), NULL, NULL);

    if (fd == INVALID_SOCKET) {
        failed("accept");
        return -1;
    }
    return with_timeouts(fd);
}

int wire_connect(const char *text)
{
    struct sockaddr_in address;
    SOCKET fd;

    if (!start() || !parse_address(text, &address)) {
        fprintf(stderr, "%s: no address\n", text);
        return -1;
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == INVALID_SOCKET || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        failed(text);
        return -1;
    }
    return with_timeouts(fd);
}

static size_t put_header(enum framing framing, unsigned flags, uint32_t length, unsigned char header[5])
{
    size_t at = 0;

    if (framing == GSS_SAMPLE) {
        header[at++] = (unsigned char)flags;
    }
    for (unsigned i = 0; i < 4; i++) {
        header[at++] = (unsigned char)(length >> (framing == LE32 ? 8 * i : 24 - 8 * i));
    }
    return at;
}

static bool send_all(int fd, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        int sent = send(native(fd), (const char *)bytes, (int)length, 0);

        if (sent <= 0) {
            return failed("send");
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool wire_send(int fd, enum framing framing, unsigned flags, const void *data, size_t length)
{
    unsigned char header[5];
    size_t head = put_header(framing, flags, (uint32_t)length, header);
    unsigned char *whole = malloc(head + length);
    bool sent;

    if (whole == NULL) {
        return false;
    }
    memcpy(whole, header, head);
    if (length > 0) {
        memcpy(whole + head, data, length);
    }
    sent = send_all(fd, whole, head + length);
    free(whole);
    return sent;
}

bool wire_send_header(int fd, enum framing framing, unsigned flags, uint32_t length)
{
    unsigned char header[5];

    return send_all(fd, header, put_header(framing, flags, length, header));
}

bool wire_send_half(int fd, enum framing framing, unsigned flags, const void *data, size_t length)
{
    return wire_send_header(fd, framing, flags, (uint32_t)length) && send_all(fd, data, length / 2) &&
           shutdown(native(fd), SD_SEND) == 0;
}

/* The number of bytes that came before the end; length when all did; -1 for silence or a failure. */
static int receive_all(int fd, unsigned char *bytes, size_t length)
{
    size_t got = 0;

    while (got < length) {
        int received = recv(native(fd), (char *)bytes + got, (int)(length - got), 0);

        if (received < 0 && WSAGetLastError() != WSAECONNRESET) {
            failed("recv");
            return -1;
        }
        if (received <= 0) {
            break;
        }
        got += (size_t)received;
    }
    return (int)got;
}

int wire_receive(int fd, enum framing framing, struct frame *frame)
{
    unsigned char header[5];
    int head = framing == GSS_SAMPLE ? 5 : 4;
    const unsigned char *digits = header + head - 4;
    int got = receive_all(fd, header, (size_t)head);

    if (got == 0) {
        return 0;
    }
    if (got != head) {
        return -1;
    }
    frame->flags = framing == GSS_SAMPLE ? header[0] : 0;
    frame->length = 0;
    for (unsigned i = 0; i < 4; i++) {
        frame->length |= (size_t)digits[i] << (framing == LE32 ? 8 * i : 24 - 8 * i);
    }
    if (frame->length > FRAME_MAX) {
        fprintf(stderr, "a frame of %lu bytes\n", (unsigned long)frame->length);
        return -1;
    }
    return receive_all(fd, frame->data, frame->length) == (int)frame->length ? 1 : -1;
}

void wire_drain(int fd)
{
    char bytes[4096];

    while (recv(native(fd), bytes, sizeof bytes, 0) > 0) {
    }
}
