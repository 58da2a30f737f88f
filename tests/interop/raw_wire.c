/* raw_wire.c - frames for the raw peers, over the sockets of either platform. */
#include "raw_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool wire_address(const char *text, char host[WIRE_HOST], uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : WIRE_HOST;

    if (length >= WIRE_HOST) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    *port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return true;
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
        long sent = wire_some_out(fd, bytes, length);

        if (sent <= 0) {
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
    return wire_send_header(fd, framing, flags, (uint32_t)length) && send_all(fd, data, length / 2) && wire_end_out(fd);
}

/* The number of bytes that came before the end; length when all did; -1 for silence or a failure. */
static long receive_all(int fd, unsigned char *bytes, size_t length)
{
    size_t got = 0;

    while (got < length) {
        long received = wire_some_in(fd, bytes + got, length - got);

        if (received < 0) {
            return -1;
        }
        if (received == 0) {
            break;
        }
        got += (size_t)received;
    }
    return (long)got;
}

int wire_receive(int fd, enum framing framing, struct frame *frame)
{
    unsigned char header[5];
    long head = framing == GSS_SAMPLE ? 5 : 4;
    const unsigned char *digits = header + head - 4;
    long got = receive_all(fd, header, (size_t)head);

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
    return receive_all(fd, frame->data, frame->length) == (long)frame->length ? 1 : -1;
}

void wire_drain(int fd)
{
    unsigned char bytes[4096];

    while (wire_some_in(fd, bytes, sizeof bytes) > 0) {
    }
}
