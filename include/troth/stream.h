/*
 * stream.h - Troth over a transport: framings, and the blocking socket helper.
 *
 * Tokens and messages have no length of their own on a byte stream; a framing gives them one. The handshake in one
 * call over a socket, as the classic Windows sample's DoAuthentication did it, is troth_authenticate; after it
 * troth_frame_send and troth_frame_receive carry protected messages. The conventions are those of troth.h.
 */
#ifndef TROTH_STREAM_H
#define TROTH_STREAM_H

#include "troth/troth.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A connected stream socket: a file descriptor on POSIX, a SOCKET on Windows. Never closed by this library. */
typedef intptr_t troth_socket;

typedef enum troth_framing {
    TROTH_FRAMING_BE32 =
        0, /* 4-byte big-endian length, then the bytes (SASL, RFC 4422 section 3.7; PostgreSQL alike) */
    TROTH_FRAMING_LE32 = 1,      /* 4-byte little-endian length, then the bytes: the classic Windows socket sample */
    TROTH_FRAMING_GSS_SAMPLE = 2 /* MIT's gss-client and gss-server: one flag byte, 4-byte big-endian length, the bytes.
                                    The handshake is opened by an empty frame of flags 0x11 and its tokens have 0x02 */
} troth_framing;

/* The flag bits of TROTH_FRAMING_GSS_SAMPLE; the other framings have none. */
#define TROTH_FRAME_NOOP 0x01u
#define TROTH_FRAME_CONTEXT 0x02u
#define TROTH_FRAME_DATA 0x04u
#define TROTH_FRAME_MIC 0x08u
#define TROTH_FRAME_CONTEXT_NEXT 0x10u
#define TROTH_FRAME_WRAPPED 0x20u
#define TROTH_FRAME_ENCRYPTED 0x40u
#define TROTH_FRAME_SEND_MIC 0x80u

#define TROTH_DEFAULT_FRAME_LIMIT 65536u
#define TROTH_DEFAULT_TIMEOUT 30000
#define TROTH_NO_TIMEOUT (-1)

/* How to use a socket. */
typedef struct troth_socket_options {
    size_t size;
    troth_framing framing;
    size_t frame_limit; /* the most bytes a frame may hold, its header not counted, both ways; 0: 65,536. Larger ones
                           are TROTH_E_FRAME before anything is read into memory or sent */
    int timeout;        /* milliseconds that one call waits for the peer, all waits together; 0: 30,000;
                           TROTH_NO_TIMEOUT: for ever. What a native step itself takes is outside it */
} troth_socket_options;

#define TROTH_SOCKET_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        .size = sizeof(troth_socket_options)                                                                           \
    }

/*
 * The whole handshake over a connected socket, blocking or not, in the context's role: receives tokens, steps, sends.
 * A token that a failed step has for the peer is sent before the failure is returned. Each frame is one write. Raises
 * no SIGPIPE.
 *
 * be32 is this library's own framing, whose initiators ask for everything: with it an acceptor whose context was made
 * with the default requirements requires replay and sequence detection as well.
 *
 * The timeout bounds the waiting for the peer, however slowly it sends or takes. It does not bound the native step,
 * which may wait for a KDC (MIT: about 27 s for a silent one).
 *
 * options  NULL: be32, 65,536 bytes, 30 s
 *
 * Returns TROTH_OK (verified, exactly as troth_context_step says it); what troth_context_step returned; TROTH_E_CLOSED;
 * TROTH_E_TIMEOUT; TROTH_E_IO; TROTH_E_FRAME; TROTH_E_ARGUMENT; TROTH_E_STATE (a context that was stepped before);
 * TROTH_E_MEMORY. After a failure the bytes on the socket are in no defined place: close it.
 * Thread rule: the context's and the socket's; different sockets in different threads are free.
 */
TROTH_API troth_status troth_authenticate(troth_context *context, troth_socket socket,
                                          const troth_socket_options *options, troth_error *error);

/*
 * Sends one frame in one write. flags are gss-sample's; with another framing they must be 0. data may be NULL for
 * an empty frame. Returns TROTH_OK, TROTH_E_ARGUMENT, TROTH_E_FRAME (over the limit; nothing was sent),
 * TROTH_E_CLOSED, TROTH_E_TIMEOUT, TROTH_E_IO.
 */
TROTH_API troth_status troth_frame_send(troth_socket socket, const troth_socket_options *options, uint32_t flags,
                                        const void *data, size_t length, troth_error *error);

/*
 * Receives one whole frame into the caller's buffer.
 *
 * flags   set to gss-sample's flags, otherwise 0; may be NULL
 * length  set to the number of bytes received
 *
 * Returns TROTH_OK; TROTH_E_CLOSED, with error->text saying whether it was between two frames or within one, and
 * *length 0 in the first case, above 0 (the bytes of the broken frame, header included) in the second;
 * TROTH_E_FRAME (over the limit, flag bits that are none); TROTH_E_BUFFER_TOO_SMALL (within the limit, over the
 * capacity; *length says what is needed; the header was consumed, so close the socket); TROTH_E_TIMEOUT; TROTH_E_IO;
 * TROTH_E_ARGUMENT.
 */
TROTH_API troth_status troth_frame_receive(troth_socket socket, const troth_socket_options *options, uint32_t *flags,
                                           void *buffer, size_t capacity, size_t *length, troth_error *error);

#ifdef __cplusplus
}
#endif

#endif
