/* raw_wire.h - sockets and frames for the raw peers: plain, blocking, and nothing of the library's. */
#ifndef TROTH_TESTS_INTEROP_RAW_WIRE_H
#define TROTH_TESTS_INTEROP_RAW_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum framing { BE32, LE32, GSS_SAMPLE };

#define FRAME_MAX ((1u << 20) + 4096) /* a message of 1 MiB and what protects it */

struct frame {
    unsigned flags; /* gss-sample's; 0 with the others */
    size_t length;
    unsigned char data[FRAME_MAX];
};

/* "127.0.0.1:0" and the like, in numbers. They print why and return -1 when they cannot. */
int wire_listen(const char *address);
int wire_accept(int listener);
int wire_connect(const char *address);

/* One frame in one write. */
bool wire_send(int fd, enum framing framing, unsigned flags, const void *data, size_t length);

/* Only a header, with any length in it. */
bool wire_send_header(int fd, enum framing framing, unsigned flags, uint32_t length);

/* A frame that breaks off in its middle. */
bool wire_send_half(int fd, enum framing framing, unsigned flags, const void *data, size_t length);

/* 1: a frame; 0: the peer closed between two frames; -1: it broke off, fell silent, or sent too much. */
int wire_receive(int fd, enum framing framing, struct frame *frame);

/* Reads and forgets until the peer closes. */
void wire_drain(int fd);

void wire_close(int fd);

/* ---- what raw_wire.c has of the platform's sockets, and they of it ---------------------------------------------- */

#define WIRE_HOST 64

/* Cuts "ADDR:PORT". */
bool wire_address(const char *text, char host[WIRE_HOST], uint16_t *port);

/* As many bytes as go at once; 0 or less, said on stderr: none any more. */
long wire_some_out(int fd, const void *bytes, size_t length);

/* As many bytes as are there; 0: the end, also one that was a reset; -1, said on stderr: silence or a failure. */
long wire_some_in(int fd, void *bytes, size_t length);

/* Nothing more will be sent. */
bool wire_end_out(int fd);

#endif
