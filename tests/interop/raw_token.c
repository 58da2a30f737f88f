/* raw_token.c - how the raw peers' tokens travel: honestly, or as a test asked for. */
#include "raw_token.h"

#include <stdio.h>
#include <string.h>

struct frame raw_frame;
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

int raw_begin(int fd)
{
    legs = 0;
    return after_leg(fd);
}

int raw_open_sample(int fd)
{
    if (raw_options.framing != GSS_SAMPLE) {
        return GOOD;
    }
    if (raw_options.initiator) {
        return wire_send(fd, raw_options.framing, TOKEN_NOOP | TOKEN_CONTEXT_NEXT, "", 0) ? GOOD : PEER_CLOSED;
    }
    if (wire_receive(fd, raw_options.framing, &raw_frame) != 1) {
        return PEER_CLOSED;
    }
    return raw_frame.flags == (TOKEN_NOOP | TOKEN_CONTEXT_NEXT) && raw_frame.length == 0 ? GOOD : WRONG_ANSWER;
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

int raw_token_send(int fd, unsigned char *bytes, size_t length)
{
    unsigned flags = raw_options.framing == GSS_SAMPLE ? TOKEN_CONTEXT : 0;
    bool sent = raw_options.garbage != NULL ? send_garbage(fd, flags, bytes, length)
                                            : wire_send(fd, raw_options.framing, flags, bytes, length);

    legs++;
    printf("sent: %lu\n", (unsigned long)length);
    return sent ? after_leg(fd) : PEER_CLOSED;
}

int raw_token_receive(int fd)
{
    if (wire_receive(fd, raw_options.framing, &raw_frame) != 1) {
        printf("closed: by the peer, in the handshake\n");
        return PEER_CLOSED;
    }
    legs++;
    printf("received: %lu\n", (unsigned long)raw_frame.length);
    return after_leg(fd);
}

int raw_run(int (*converse)(int fd))
{
    int fd = raw_options.initiator ? wire_connect(raw_options.address) : wire_listen(raw_options.address);
    int result = GOOD;

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
