/*
 * stream.h - Troth over a transport: framings, and the blocking socket helper.
 *
 * Tokens and messages have no length of their own on a byte stream; a framing gives them one. The handshake in one
 * call over a socket, as the classic Windows sample's DoAuthentication did it, is troth_authenticate, after which the
 * caller carries its messages itself; a troth_stream does both. The conventions are those of troth.h.
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
    TROTH_FRAMING_LE32 = 1, /* 4-byte little-endian length, then the bytes: the classic Windows socket sample */
    TROTH_FRAMING_GSS_SAMPLE =
        2, /* MIT's gss-client and gss-server: one flag byte, 4-byte big-endian length, the bytes.
             The handshake is opened by an empty frame of flags 0x11 and its tokens have 0x02 */
    TROTH_FRAMING_NEGOTIATE_STREAM = 3 /* .NET's NegotiateStream ([MS-NNS]): handshake records of a type byte, a
                                          version and a 2-byte big-endian length; then frames of a 4-byte little-endian
                                          length, of at most 64,560 bytes (65,536 are taken, as .NET itself does) */
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

/* ------------------------------------------------------------------------------------------------------------------
 * The stream: a context, a framing and buffers; bytes in, bytes out, no I/O of its own
 * --------------------------------------------------------------------------------------------------------------- */

/*
 * One authenticated, protected conversation for any event loop or thread. The caller moves bytes between the stream
 * and its transport and asks, after each call, what is due (troth_stream_state):
 *
 *     TROTH_STREAM_WANT_WRITE  send what troth_stream_pending shows, say with troth_stream_sent how much of it went
 *     TROTH_STREAM_STEP_DUE    call troth_stream_step: the one call that may block (on a KDC), so it may be handed to
 *                              another thread
 *     TROTH_STREAM_WANT_READ   read, and give the bytes to troth_stream_feed
 *     TROTH_STREAM_DATA        verified plaintext waits: troth_stream_peek, troth_stream_consume
 *     TROTH_STREAM_READY       the handshake is complete and verified: troth_stream_send takes data
 *     TROTH_STREAM_ENDED       the peer's side is at its end: say what is to be said, troth_stream_end, close
 *     TROTH_STREAM_FAILED      it is over: close, once nothing is left to be written
 *
 * Memory is bounded: at most one frame is held on its way in (nothing more is taken until its plaintext was consumed
 * and, by gss-sample's acceptor, until its answer was sent), and at most one on its way out beyond what the caller was
 * already told to send. An idle stream holds no buffers.
 *
 * Thread rule: one thread at a time, as for a context; troth_stream_free alone may be called while another thread
 * is in troth_stream_step.
 */
typedef struct troth_stream troth_stream;

typedef enum troth_stream_mode {
    TROTH_STREAM_MESSAGES = 0, /* what is sent as one piece arrives as one piece */
    TROTH_STREAM_BYTES = 1     /* a flow of bytes, like a socket: cut and joined as it fits */
} troth_stream_mode;

/* Flags of a stream: bits. */
#define TROTH_STREAM_TAKE_PLAIN                                                                                        \
    0x1u /* gss-sample acceptor: takes messages without any protection too (gss-client -nw),                           \
            and says so with TROTH_PROTECTION_UNSET. Never in a context that requires                                  \
            confidentiality; in one that requires integrity only if the peer asks for a MIC */

typedef struct troth_stream_options {
    size_t size;
    troth_framing framing;
    size_t frame_limit; /* as in troth_socket_options; with NegotiateStream at most its own limits */
    troth_stream_mode mode;
    uint32_t flags;
    troth_protection protection; /* of what is sent; UNSET: the best that the context has */
} troth_stream_options;

#define TROTH_STREAM_OPTIONS_INIT                                                                                      \
    {                                                                                                                  \
        .size = sizeof(troth_stream_options)                                                                           \
    }

/* What is due: bits of troth_stream_state. */
#define TROTH_STREAM_WANT_READ 0x1u
#define TROTH_STREAM_WANT_WRITE 0x2u
#define TROTH_STREAM_STEP_DUE 0x4u
#define TROTH_STREAM_STEPPING                                                                                          \
    0x8u /* claimed for another thread: nothing else is said, and nothing else may be called */
#define TROTH_STREAM_READY 0x10u
#define TROTH_STREAM_DATA 0x20u
#define TROTH_STREAM_ENDED 0x40u  /* the peer's side is at its end, and all its data was consumed */
#define TROTH_STREAM_FAILED 0x80u /* nothing but WANT_WRITE may still be due: words for the peer */

/* How the peer's side came to its end. */
typedef enum troth_stream_end_kind {
    TROTH_END_NONE = 0,     /* it has not */
    TROTH_END_CLOSED = 1,   /* between two frames, by closing the connection or by an unprotected mark: nobody vouches
                               that nothing was cut off */
    TROTH_END_PROTECTED = 2 /* the peer said so under protection: everything has arrived */
} troth_stream_end_kind;

/*
 * Makes a stream around a context that was never stepped; or around one that is complete, by a handshake that went
 * another way or in another process (troth/session.h): that stream is ready at once.
 *
 * context  the stream's from TROTH_OK on: freed with it. On failure it stays the caller's
 * options  NULL: be32, 65,536 bytes, messages
 *
 * With be32 an acceptor's default requirements grow as troth_authenticate has it.
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (a context in the middle of its handshake, or exported);
 * TROTH_E_REQUIREMENT (be32 around a complete context without replay and sequence detection); TROTH_E_MEMORY; after a
 * failure of the context, that.
 */
TROTH_API troth_status troth_stream_new(troth_context *context, const troth_stream_options *options,
                                        troth_stream **stream, troth_error *error);

/*
 * Frees a stream and its context; NULL is allowed. While a step is claimed or running on another thread, the end of
 * that step frees it.
 */
TROTH_API void troth_stream_free(troth_stream *stream);

/* What is due: TROTH_STREAM_... bits. Costs nothing much; call it after every other call. */
TROTH_API uint32_t troth_stream_state(troth_stream *stream);

/* The stream's context, for its info and names. It lives as long as the stream; do not step or free it. */
TROTH_API troth_context *troth_stream_context(troth_stream *stream);

/* How the peer's side ended. */
TROTH_API troth_stream_end_kind troth_stream_end_of_peer(const troth_stream *stream);

/*
 * Gives the stream bytes that came from the peer. Never blocks.
 *
 * taken  how many of them it took; the others belong to a later frame and are given again when
 *        TROTH_STREAM_WANT_READ is due again (a reader that never wants them back asks troth_stream_wanted first)
 *
 * Returns TROTH_OK; TROTH_E_FRAME (not a frame, over the limit); what troth_unwrap returns; TROTH_E_DENIED (a refusal
 * by the peer's framing); TROTH_E_STATE (not wanted now), TROTH_E_ARGUMENT, TROTH_E_MEMORY. All but STATE and ARGUMENT
 * are final for the stream.
 */
TROTH_API troth_status troth_stream_feed(troth_stream *stream, const void *data, size_t length, size_t *taken,
                                         troth_error *error);

/* How many bytes troth_stream_feed would take for the part of a frame that comes next; 0 when it wants none. */
TROTH_API size_t troth_stream_wanted(const troth_stream *stream);

/*
 * Says that the transport has no more bytes, once all that came were fed. Returns TROTH_OK where that is an end
 * (between two frames, after the handshake), and TROTH_E_CLOSED, which is final, where it is a cut.
 */
TROTH_API troth_status troth_stream_feed_end(troth_stream *stream, troth_error *error);

/*
 * Says that another thread will make the step that is due. From now until that thread's troth_stream_step has
 * returned, troth_stream_free and troth_stream_state are the only calls allowed elsewhere. Whoever claimed a step must
 * see to it that troth_stream_step is called, even after the stream was freed (it then returns TROTH_E_STATE at once,
 * and the stream is gone). Returns TROTH_OK, TROTH_E_STATE, TROTH_E_ARGUMENT.
 */
TROTH_API troth_status troth_stream_claim_step(troth_stream *stream, troth_error *error);

/*
 * Makes the step that is due. May block, as troth_context_step may. Returns TROTH_OK (go on with troth_stream_state;
 * the handshake is complete only when that says TROTH_STREAM_READY); what troth_context_step returns when it fails;
 * TROTH_E_STATE (none is due, or the stream was freed meanwhile).
 */
TROTH_API troth_status troth_stream_step(troth_stream *stream, troth_error *error);

/* Bytes for the peer: a view that lives until the next call on the stream. length is 0 when there are none. */
TROTH_API void troth_stream_pending(const troth_stream *stream, const void **data, size_t *length);

/* So many of the pending bytes are on their way. More than were pending are counted as all. */
TROTH_API void troth_stream_sent(troth_stream *stream, size_t length);

/*
 * Protects data and makes it pending. Never blocks.
 *
 * taken  how many bytes were taken: in message mode all or none
 *
 * Returns TROTH_OK (all were taken); TROTH_CONTINUE (fewer: send what is pending first, then give the rest);
 * TROTH_E_FRAME (a message that no frame within the limit holds; nothing was changed); TROTH_E_STATE (not ready, or
 * after troth_stream_end); TROTH_E_UNSUPPORTED (gss-sample's acceptor only answers); TROTH_E_ARGUMENT; TROTH_E_MEMORY
 * (nothing was changed); or what troth_wrap returns, which is final.
 *
 * Under gss-sample each message must be answered by the acceptor's MIC over it before the next is taken; when that
 * MIC verified, the message itself comes back as data. The stream of an acceptor makes these answers by itself.
 */
TROTH_API troth_status troth_stream_send(troth_stream *stream, const void *data, size_t length, size_t *taken,
                                         troth_error *error);

/*
 * Says that nothing more will be sent. In byte mode with be32 or le32 the peer learns it under protection (an empty
 * protected message), with gss-sample by an unprotected mark; otherwise closing the connection says it. Returns
 * TROTH_OK, TROTH_CONTINUE (send what is pending first, then call again), TROTH_E_STATE, TROTH_E_ARGUMENT, or what
 * troth_wrap returns.
 */
TROTH_API troth_status troth_stream_end(troth_stream *stream, troth_error *error);

/*
 * The verified plaintext that waits: in message mode one whole message (which may be empty), in byte mode what is
 * there. A view that lives until it is consumed, or the stream fails or is freed; so it may be sent back as it is,
 * and consumed afterwards.
 *
 * protection  what it came with; may be NULL
 *
 * Returns TROTH_OK; TROTH_E_STATE (none waits); TROTH_E_ARGUMENT.
 */
TROTH_API troth_status troth_stream_peek(const troth_stream *stream, const void **data, size_t *length,
                                         troth_protection *protection, troth_error *error);

/*
 * Done with length bytes of it: in message mode with the message, whatever length says. More than wait are counted as
 * all. What was consumed is wiped.
 */
TROTH_API void troth_stream_consume(troth_stream *stream, size_t length);

/*
 * Drives a stream over a connected socket, blocking or not, until one of the bits is due (TROTH_STREAM_READY, _DATA,
 * _ENDED) and nothing is left to be sent; with no bits, until nothing is left to be sent. Steps are made in this
 * thread.
 *
 * timeout  as in troth_socket_options: for all waiting for the peer in this call; TROTH_NO_TIMEOUT, 0: 30,000
 *
 * Returns TROTH_OK; TROTH_E_CLOSED, TROTH_E_TIMEOUT, TROTH_E_IO; or what troth_stream_feed or troth_stream_step return.
 * The end of the peer's side while something else was awaited is TROTH_E_CLOSED.
 */
TROTH_API troth_status troth_stream_run(troth_stream *stream, troth_socket socket, uint32_t until, int timeout,
                                        troth_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * The blocking socket helper
 * --------------------------------------------------------------------------------------------------------------- */

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

#ifdef __cplusplus
}
#endif

#endif
