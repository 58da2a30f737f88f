/* stream_frames.c - a stream's frames: taking bytes in until one is whole, saying what it is, and putting ours out. */
#include <string.h>

#include "error.h"
#include "stream.h"

/* A peer that announces much gets memory for what it sends: this at first, then as much again as has come. */
#define FIRST_ROOM 16384u

/* ---- buffers -------------------------------------------------------------------------------------------------- */

bool troth__stream_reserve(struct stream_buffer *buffer, size_t more)
{
    const size_t held = buffer->end - buffer->begin;
    uint8_t *data;

    if (buffer->capacity - buffer->end >= more)
        return true;
    data = troth__alloc(held + more);
    if (data == NULL)
        return false;
    if (held > 0)
        memcpy(data, buffer->data + buffer->begin, held);
    troth__wipe_free(buffer->data, buffer->capacity);
    *buffer = (struct stream_buffer){data, 0, held, held + more};
    return true;
}

void troth__stream_release(struct stream_buffer *buffer)
{
    troth__wipe_free(buffer->data, buffer->capacity);
    *buffer = (struct stream_buffer){NULL, 0, 0, 0};
}

/* ---- the framing now ------------------------------------------------------------------------------------------ */

static bool messages(const troth_stream *stream)
{
    return stream->phase == STREAM_OPEN;
}

static troth_framing framing_now(const troth_stream *stream)
{
    return messages(stream) ? troth__framing_of_messages(stream->framing) : stream->framing;
}

static size_t limit_now(const troth_stream *stream)
{
    return troth__framing_limit(stream->framing, messages(stream), stream->frame_limit);
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

void troth__stream_put_header(const troth_stream *stream, uint32_t flags, size_t length, uint8_t *at)
{
    troth__frame_header_encode(framing_now(stream), flags, length, at);
}

troth_status troth__stream_queue_token(troth_stream *stream, uint32_t flags, troth__bytes token, troth_error *error)
{
    const size_t header = troth__frame_header_size(framing_now(stream));
    uint8_t room[TROTH__FRAME_HEADER_MAX];

    if (token.length > limit_now(stream)) {
        troth__error_set(error, TROTH_E_FRAME,
                         "our token of %zu bytes is over the frame limit of %zu; nothing was sent", token.length,
                         limit_now(stream));
        troth__error_hint(error, "a ticket grows with the groups of its user (the PAC): raise the frame limit at both "
                                 "ends, or lessen the groups");
        return TROTH_E_FRAME;
    }
    if (!troth__stream_reserve(&stream->out, header + token.length))
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a frame of %zu bytes", token.length);
    troth__stream_put_header(stream, flags, token.length, room);
    memcpy(stream->out.data + stream->out.end, room, header);
    if (token.length > 0)
        memcpy(stream->out.data + stream->out.end + header, token.data, token.length);
    stream->out.end += header + token.length;
    return TROTH_OK;
}

/* ---- in ------------------------------------------------------------------------------------------------------- */

void troth__stream_frame_done(troth_stream *stream)
{
    troth__stream_release(&stream->in);
    stream->header_have = 0;
    stream->frame_flags = 0;
    stream->frame_length = 0;
}

/* A whole header is there. */
static troth_status header_check(troth_stream *stream, troth_error *error)
{
    const troth_framing framing = framing_now(stream);
    uint32_t length = 0;

    troth__frame_header_decode(framing, stream->header, &stream->frame_flags, &length);
    stream->frame_length = length;
    if (framing == TROTH_FRAMING_GSS_SAMPLE && stream->frame_flags == 0) {
        troth__error_set(error, TROTH_E_FRAME, "the peer sent a frame without a flag");
        troth__error_hint(error, "the gss-sample framing has one flag byte first: does the peer use be32 framing?");
        return error->status;
    }
    if (framing == TROTH_FRAMING_NEGOTIATE_STREAM && stream->frame_flags != TROTH__NNS_DONE &&
        stream->frame_flags != TROTH__NNS_ERROR && stream->frame_flags != TROTH__NNS_IN_PROGRESS)
        return troth__error_set(error, TROTH_E_FRAME, "0x%02x is no type of a NegotiateStream handshake record",
                                (unsigned)stream->frame_flags);
    if (stream->frame_length > limit_now(stream))
        return troth__frame_too_long(framing, stream->header, stream->frame_length, limit_now(stream), error);
    return TROTH_OK;
}

/* gss-sample: the frame before the first token. */
static troth_status opening(troth_stream *stream, troth_error *error)
{
    if ((stream->frame_flags & TROTH_FRAME_NOOP) == 0 || stream->frame_length > 0)
        return troth__error_set(error, TROTH_E_FRAME,
                                "a gss-sample conversation opens with an empty frame of flags 0x11, and the peer sent "
                                "%zu bytes of flags 0x%02x",
                                stream->frame_length, (unsigned)stream->frame_flags);
    if ((stream->frame_flags & TROTH_FRAME_CONTEXT_NEXT) == 0) {
        troth__error_set(error, TROTH_E_REQUIREMENT,
                         "the peer wants to talk without authenticating itself (it opened with flags 0x%02x)",
                         (unsigned)stream->frame_flags);
        troth__error_hint(error, "gss-client does so when it is started with -na");
        return error->status;
    }
    stream->opened = true;
    troth__stream_frame_done(stream);
    return TROTH_OK;
}

/* NegotiateStream: the peer refused, and says with which code. */
static troth_status refused(const troth_stream *stream, troth_error *error)
{
    unsigned long code = 0;

    for (size_t i = 0; i < stream->in.end && i < 8; i++)
        code = (code << 8 | stream->in.data[i]) & 0xFFFFFFFFul;
    troth__error_set(error, TROTH_E_DENIED, "the peer refused the handshake with the code 0x%08lX, unauthenticated",
                     code);
    troth__error_hint(error, "the refusal does not say why: the peer's own log does");
    return error->status;
}

/* A whole frame of the handshake is there. */
static troth_status handshake_frame(troth_stream *stream, troth_error *error)
{
    if (stream->framing == TROTH_FRAMING_GSS_SAMPLE) {
        if (!stream->opened)
            return opening(stream, error);
        if ((stream->frame_flags & TROTH_FRAME_CONTEXT) == 0)
            return troth__error_set(error, TROTH_E_FRAME,
                                    "a token's frame has the flag 0x02, and the peer's has 0x%02x",
                                    (unsigned)stream->frame_flags);
    }
    if (stream->framing == TROTH_FRAMING_NEGOTIATE_STREAM) {
        if (stream->frame_flags == TROTH__NNS_ERROR)
            return refused(stream, error);
        if (stream->phase == STREAM_WAIT_DONE) {
            if (stream->frame_flags != TROTH__NNS_DONE)
                return troth__error_set(error, TROTH_E_BAD_TOKEN, "we are complete, and the peer goes on");
            troth__stream_frame_done(stream); /* [MS-NNS] 3.1.5.4: what is in it is ignored */
            stream->phase = STREAM_OPEN;
            return TROTH_OK;
        }
        stream->remote_done = stream->frame_flags == TROTH__NNS_DONE;
    }
    if (stream->frame_length == 0)
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "the peer's token is empty");
    stream->step_due = true;
    return TROTH_OK;
}

static troth_status frame_complete(troth_stream *stream, troth_error *error)
{
    if (stream->phase != STREAM_OPEN)
        return handshake_frame(stream, error);
    if (stream->framing != TROTH_FRAMING_GSS_SAMPLE)
        return troth__stream_message(stream, error);
    if (stream->frame_flags == TROTH_FRAME_NOOP && stream->frame_length == 0 && !stream->mic_awaited) {
        stream->peer_end = TROTH_END_CLOSED;
        troth__stream_frame_done(stream);
        return TROTH_OK;
    }
    return stream->acceptor ? troth__stream_message(stream, error) : troth__stream_answer(stream, error);
}

/* Takes what it can of data: a part of the header, or of the frame. */
static troth_status take(troth_stream *stream, const uint8_t *data, size_t length, size_t *taken, troth_error *error)
{
    const size_t header = troth__frame_header_size(framing_now(stream));
    size_t part;

    *taken = 0;
    if (stream->header_have < header) {
        part = header - stream->header_have < length ? header - stream->header_have : length;
        memcpy(stream->header + stream->header_have, data, part);
        stream->header_have = (uint8_t)(stream->header_have + part);
        *taken = part;
        return stream->header_have == header ? header_check(stream, error) : TROTH_OK;
    }
    part = stream->frame_length - stream->in.end < length ? stream->frame_length - stream->in.end : length;
    if (stream->in.capacity - stream->in.end < part) {
        /* As much room as has come already, but no more than the frame needs. */
        size_t room = stream->in.end > FIRST_ROOM ? stream->in.end : FIRST_ROOM;

        if (room < part)
            room = part;
        if (room > stream->frame_length - stream->in.end)
            room = stream->frame_length - stream->in.end;
        if (!troth__stream_reserve(&stream->in, room))
            return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a frame of %zu bytes",
                                    stream->frame_length);
    }
    memcpy(stream->in.data + stream->in.end, data, part);
    stream->in.end += part;
    *taken = part;
    return TROTH_OK;
}

troth_status troth_stream_feed(troth_stream *stream, const void *data, size_t length, size_t *taken, troth_error *error)
{
    const uint8_t *bytes = data;
    troth_error scratch;
    troth_status status = TROTH_OK;
    size_t total = 0;

    error = troth__error_begin(error, &scratch);
    if (taken != NULL)
        *taken = 0;
    if (stream == NULL || taken == NULL || (data == NULL && length > 0))
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream, bytes, and room for their count are needed");
    if (stream->phase == STREAM_FAILED)
        return troth__stream_failed(stream, error);
    if (!troth__stream_wants_read(stream))
        return troth__error_set(error, TROTH_E_STATE, "the stream wants no bytes now");

    while (status == TROTH_OK && total < length && troth__stream_wants_read(stream)) {
        size_t part = 0;

        status = take(stream, bytes + total, length - total, &part, error);
        total += part;
        if (status == TROTH_OK && stream->header_have == troth__frame_header_size(framing_now(stream)) &&
            stream->in.end == stream->frame_length)
            status = frame_complete(stream, error);
    }
    *taken = total;
    return status == TROTH_OK ? TROTH_OK : troth__stream_fail(stream, error);
}

size_t troth_stream_wanted(const troth_stream *stream)
{
    const size_t header = troth__frame_header_size(framing_now(stream));

    if (!troth__stream_wants_read(stream))
        return 0;
    return stream->header_have < header ? header - stream->header_have : stream->frame_length - stream->in.end;
}

void troth__stream_tell_progress(const troth_stream *stream, troth_error *error)
{
    const size_t header = troth__frame_header_size(framing_now(stream));

    if (stream->header_have < header)
        troth__error_append(error, " after %u of %zu header bytes", (unsigned)stream->header_have, header);
    else
        troth__error_append(error, " after %zu of %zu data bytes", stream->in.end, stream->frame_length);
}

troth_status troth__stream_at_end(troth_stream *stream, troth_error *error)
{
    if (stream->step_due)
        return TROTH_OK; /* what came before the end may complete it */
    if (!stream->data_waits && (stream->header_have > 0 || stream->phase != STREAM_OPEN)) {
        troth__error_set(error, TROTH_E_CLOSED, "the peer closed the connection");
        troth__stream_tell_progress(stream, error);
        if (stream->phase != STREAM_OPEN)
            troth__error_hint(error, "the peer broke the handshake off; its own log says why");
        return troth__stream_fail(stream, error);
    }
    if (stream->mic_awaited) {
        troth__error_set(error, TROTH_E_CLOSED, "the peer closed the connection before it answered our message");
        return troth__stream_fail(stream, error);
    }
    if (stream->peer_end == TROTH_END_NONE)
        stream->peer_end = TROTH_END_CLOSED;
    return TROTH_OK;
}

troth_status troth_stream_feed_end(troth_stream *stream, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (stream == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream is needed");
    if (stream->phase == STREAM_FAILED)
        return troth__stream_failed(stream, error);
    stream->peer_eof = true;
    return troth__stream_at_end(stream, error);
}
