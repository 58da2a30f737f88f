/* raw_wire.c - sockets and frames for the raw GSSAPI peer. */
#define _POSIX_C_SOURCE 200809L

#include "raw_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SILENCE_SECONDS 20

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

int wire_listen(const char *text)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!parse_address(text, &address) || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror(text);
        return -1;
    }
    text = inet_ntoa(address.sin_addr);
    printf("listening: %s:%u\n", text, (unsigned)ntohs(address.sin_port));
    return fd;
}

static int with_timeouts(int fd)
{
    struct timeval silence = {.tv_sec = SILENCE_SECONDS};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    return fd;
}

int wire_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);

    if (fd < 0) {
        perror("accept");
        return -1;
    }
    return with_timeouts(fd);
}

int wire_connect(const char *text)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!parse_address(text, &address) || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(text);
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
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent <= 0) {
            perror("send");
            return false;
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
           shutdown(fd, SHUT_WR) == 0;
}

/* The number of bytes that came before the end; length when all did; -1 for silence or a failure. */
static ssize_t receive_all(int fd, unsigned char *bytes, size_t length)
{
    size_t got = 0;

    while (got < length) {
        ssize_t received = recv(fd, bytes + got, length - got, 0);

        if (received < 0 && errno == EINTR) {
            continue;
        }
        if (received < 0 && errno != ECONNRESET) {
            perror("recv");
            return -1;
        }
        if (received <= 0) {
            break;
        }
        got += (size_t)received;
    }
    return (ssize_t)got;
}

int wire_receive(int fd, enum framing framing, struct frame *frame)
{
    unsigned char header[5];
    size_t head = framing == GSS_SAMPLE ? 5 : 4;
    const unsigned char *digits = header + head - 4;
    ssize_t got = receive_all(fd, header, head);

    if (got == 0) {
        return 0;
    }
    if (got != (ssize_t)head) {
        return -1;
    }
    frame->flags = framing == GSS_SAMPLE ? header[0] : 0;
    frame->length = 0;
    for (unsigned i = 0; i < 4; i++) {
        frame->length |= (size_t)digits[i] << (framing == LE32 ? 8 * i : 24 - 8 * i);
    }
    if (frame->length > FRAME_MAX) {
        fprintf(stderr, "a frame of %zu bytes\n", frame->length);
        return -1;
    }
    return receive_all(fd, frame->data, frame->length) == (ssize_t)frame->length ? 1 : -1;
}

void wire_drain(int fd)
{
    unsigned char bytes[4096];

    while (recv(fd, bytes, sizeof bytes, 0) > 0) {
    }
}
