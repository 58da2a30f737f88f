/* stream.h - a stream's inside, shared by the stream_*.c files and the socket helper; the contract is troth/stream.h's.
 */
#ifndef TROTH_SRC_STREAM_H
#define TROTH_SRC_STREAM_H

#include <stdbool.h>

#include "bytes.h"
#include "framing.h"
#include "portability.h"
#include "troth/stream.h"

enum stream_phase {
    STREAM_HANDSHAKE = 0,
    STREAM_WAIT_DONE, /* NegotiateStream: we are complete, and the peer has still to say that it is */
    STREAM_OPEN,
    STREAM_FAILED
};

/* A buffer that is there only while it holds something: data + begin to data + end. */
struct stream_buffer {
    uint8_t *data;
    size_t begin;
    size_t end;
    size_t capacity;
};

struct troth_stream {
    troth_context *context;
    bool borrowed; /* the context is the caller's */
    bool acceptor;
    bool bytes; /* byte mode */
    troth_framing framing;
    size_t frame_limit; /* the caller's; troth__framing_limit tells what it comes to */
    uint32_t flags;
    troth_protection protection; /* of what is sent; the best there is until the handshake is complete: UNSET */
    enum stream_phase phase;

    /* Who may touch it: guarded by lock; everything else is the owner's, and the stepping thread's while stepping. */
    troth__mutex *lock;
    bool claimed;
    bool freed;

    /* Handshake. */
    bool step_due;
    bool opened;      /* gss-sample: the opening frame has passed */
    bool remote_done; /* NegotiateStream: the peer said that it is complete */

    /* The frame that is coming in; complete: its bytes are in use (a token, a plaintext). */
    uint8_t header[TROTH__FRAME_HEADER_MAX];
    uint8_t header_have;
    uint32_t frame_flags;
    size_t frame_length;
    struct stream_buffer in; /* begin is always 0 */

    /* The plaintext that waits, inside in (or inside kept). */
    uint8_t *data;
    size_t data_length;
    troth_protection data_protection;
    bool data_waits;

    /* gss-sample initiator: the message whose MIC is awaited. */
    struct stream_buffer kept;
    bool mic_awaited;

    bool ended;    /* we send no more */
    bool peer_eof; /* no more bytes come */
    troth_stream_end_kind peer_end;
    struct stream_buffer out;
    size_t wrap_overhead;

    struct {
        troth_status status;
        uint32_t major;
        uint32_t minor;
    } failure;
};

/* As troth_stream_new; the context is the caller's, and outlives the stream. */
troth_status troth__stream_borrow(troth_context *context, const troth_stream_options *options, troth_stream **stream,
                                  troth_error *error);

/* Makes a failure final (error says which). Returns its status. */
troth_status troth__stream_fail(troth_stream *stream, troth_error *error);

/* For every call after a failure: the same status and codes. */
troth_status troth__stream_failed(const troth_stream *stream, troth_error *error);

/* Feeding is possible now. */
bool troth__stream_wants_read(const troth_stream *stream);

/* The frame is done with: its bytes are wiped and given back, and the next may come. */
void troth__stream_frame_done(troth_stream *stream);

/* ---- buffers -------------------------------------------------------------------------------------------------- */

/* Room for more bytes behind end. False: memory is out, and nothing was changed. */
bool troth__stream_reserve(struct stream_buffer *buffer, size_t more);

/* Wipes and frees. */
void troth__stream_release(struct stream_buffer *buffer);

/* ---- frames (stream_frames.c) --------------------------------------------------------------------------------- */

/* Makes a frame of a handshake pending. Returns TROTH_OK, TROTH_E_FRAME, TROTH_E_MEMORY. */
troth_status troth__stream_queue_token(troth_stream *stream, uint32_t flags, troth__bytes token, troth_error *error);

/* Puts the header of a message of length bytes, which stand behind it, in front of position at. */
void troth__stream_put_header(const troth_stream *stream, uint32_t flags, size_t length, uint8_t *at);

/* Adds how much of the frame that is coming in is there: " after 3 of 4 header bytes". */
void troth__stream_tell_progress(const troth_stream *stream, troth_error *error);

/* The transport has ended: is that an end, or a cut? */
troth_status troth__stream_at_end(troth_stream *stream, troth_error *error);

/* ---- data (stream_data.c) ------------------------------------------------------------------------------------- */

/* A whole message frame has come in an open stream. */
troth_status troth__stream_message(troth_stream *stream, troth_error *error);

/* A MIC frame, or an empty one: the answer to a gss-sample message. */
troth_status troth__stream_answer(troth_stream *stream, troth_error *error);

#endif
