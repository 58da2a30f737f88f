/* stream_data.c - a stream's plaintext: protecting what goes out, verifying what comes in, and gss-sample's answers. */
#include <string.h>

#include "context.h"
#include "error.h"
#include "stream.h"

/* ---- in ------------------------------------------------------------------------------------------------------- */

/* Plaintext waits for the caller. */
static void offer(troth_stream *stream, void *data, size_t length, troth_protection protection)
{
    stream->data = data;
    stream->data_length = length;
    stream->data_protection = protection;
    stream->data_waits = true;
}

/* gss-sample: what the acceptor says to a message is its MIC over the plaintext, or an empty frame. */
static troth_status answer(troth_stream *stream, troth__bytes plain, troth_error *error)
{
    const size_t header = troth__frame_header_size(TROTH_FRAMING_GSS_SAMPLE);
    const size_t room = stream->context->attributes.mic_size;
    troth_status status;
    size_t length = 0;

    if ((stream->frame_flags & TROTH_FRAME_SEND_MIC) == 0)
        return troth__stream_queue_token(stream, TROTH_FRAME_NOOP, (troth__bytes){NULL, 0}, error);
    if (!troth__stream_reserve(&stream->out, header + room))
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for an answer");
    status = troth_get_mic(stream->context, plain.data, plain.length, stream->out.data + stream->out.end + header, room,
                           &length, error);
    if (status != TROTH_OK)
        return status;
    troth__stream_put_header(stream, TROTH_FRAME_MIC, length, stream->out.data + stream->out.end);
    stream->out.end += header + length;
    return TROTH_OK;
}

/*
 * gss-sample's unprotected message: only where the caller said so, and encryption was not required. Where integrity
 * was, the peer must at least ask for a MIC, by which it learns what really came.
 */
static troth_status take_plain(const troth_stream *stream, troth_error *error)
{
    const uint32_t required = stream->context->config.required;

    if ((stream->flags & TROTH_STREAM_TAKE_PLAIN) == 0)
        return troth__error_set(error, TROTH_E_REQUIREMENT, "the peer sent a message without protection");
    if ((required & TROTH_CONFIDENTIALITY) != 0)
        return troth__error_set(error, TROTH_E_REQUIREMENT,
                                "the peer sent a message without protection, and confidentiality is required");
    if ((required & TROTH_INTEGRITY) != 0 && (stream->frame_flags & TROTH_FRAME_SEND_MIC) == 0)
        return troth__error_set(error, TROTH_E_REQUIREMENT,
                                "the peer sent a message without protection and asks for no MIC over it, and "
                                "integrity is required");
    return TROTH_OK;
}

troth_status troth__stream_message(troth_stream *stream, troth_error *error)
{
    const bool sample = stream->framing == TROTH_FRAMING_GSS_SAMPLE;
    troth_protection protection = TROTH_PROTECTION_UNSET;
    void *data = stream->in.data;
    size_t length = stream->in.end;
    troth_status status;

    if (sample && (stream->frame_flags & TROTH_FRAME_DATA) == 0)
        return troth__error_set(error, TROTH_E_FRAME, "a message's frame has the flag 0x04, and the peer's has 0x%02x",
                                (unsigned)stream->frame_flags);
    if (sample && (stream->frame_flags & TROTH_FRAME_WRAPPED) == 0)
        status = take_plain(stream, error);
    else
        status = troth_unwrap(stream->context, stream->in.data, stream->in.end, &data, &length, &protection, error);
    if (status == TROTH_OK && sample)
        status = answer(stream, (troth__bytes){data, length}, error);
    if (status != TROTH_OK)
        return status;

    /* What an empty message is in a flow of bytes: under our own framings the peer's protected end, else nothing. */
    if (stream->bytes && length == 0) {
        if (stream->framing == TROTH_FRAMING_BE32 || stream->framing == TROTH_FRAMING_LE32)
            stream->peer_end = TROTH_END_PROTECTED;
        troth__stream_frame_done(stream);
        return TROTH_OK;
    }
    offer(stream, data, length, protection);
    return TROTH_OK;
}

troth_status troth__stream_answer(troth_stream *stream, troth_error *error)
{
    troth_status status;

    if (!stream->mic_awaited || stream->frame_flags != TROTH_FRAME_MIC)
        return troth__error_set(error, TROTH_E_FRAME,
                                "a gss-sample acceptor answers a message with its MIC, and sent flags 0x%02x",
                                (unsigned)stream->frame_flags);
    status =
        troth_verify_mic(stream->context, stream->kept.data, stream->kept.end, stream->in.data, stream->in.end, error);
    if (status != TROTH_OK)
        return status;
    stream->mic_awaited = false;
    troth__stream_frame_done(stream);
    offer(stream, stream->kept.data, stream->kept.end, stream->protection);
    return TROTH_OK;
}

troth_status troth_stream_peek(const troth_stream *stream, const void **data, size_t *length,
                               troth_protection *protection, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (data != NULL)
        *data = NULL;
    if (length != NULL)
        *length = 0;
    if (protection != NULL)
        *protection = TROTH_PROTECTION_UNSET;
    if (stream == NULL || data == NULL || length == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream and room for the data are needed");
    if (stream->phase == STREAM_FAILED)
        return troth__stream_failed(stream, error);
    if (!stream->data_waits)
        return troth__error_set(error, TROTH_E_STATE, "no data waits");
    *data = stream->data_length > 0 ? stream->data : NULL;
    *length = stream->data_length;
    if (protection != NULL)
        *protection = stream->data_protection;
    return TROTH_OK;
}

void troth_stream_consume(troth_stream *stream, size_t length)
{
    if (!stream->data_waits)
        return;
    if (stream->bytes && length < stream->data_length) {
        troth__wipe(stream->data, length);
        stream->data += length;
        stream->data_length -= length;
        return;
    }
    stream->data_waits = false;
    stream->data = NULL;
    stream->data_length = 0;
    troth__stream_release(&stream->kept);
    troth__stream_frame_done(stream);
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

/* The most plaintext that one frame holds. False: the limit leaves no room for any message. */
static bool plaintext_limit(const troth_stream *stream, size_t *most)
{
    const size_t limit = troth__framing_send_limit(stream->framing, true, stream->frame_limit);

    *most = limit > stream->wrap_overhead ? limit - stream->wrap_overhead : 0;
    if (stream->framing == TROTH_FRAMING_NEGOTIATE_STREAM && *most > TROTH__NNS_PLAINTEXT_LIMIT)
        *most = TROTH__NNS_PLAINTEXT_LIMIT;
    return limit >= stream->wrap_overhead;
}

static troth_status too_long(size_t length, size_t most, troth_error *error)
{
    return troth__error_set(error, TROTH_E_FRAME, "a message of %zu bytes: the frame limit leaves room for %zu", length,
                            most);
}

/* One frame more may be made pending: nothing is, or all of it together is no more than the largest frame. */
static bool room_for(const troth_stream *stream, size_t length)
{
    const size_t pending = stream->out.end - stream->out.begin;

    return pending == 0 || pending + TROTH__FRAME_HEADER_MAX + length + stream->wrap_overhead <=
                               troth__framing_send_limit(stream->framing, true, stream->frame_limit);
}

/* Protects data into a frame. Memory that is out changes nothing; every other failure is final. */
static troth_status queue_message(troth_stream *stream, const uint8_t *data, size_t length, troth_error *error)
{
    const size_t header = troth__frame_header_size(troth__framing_of_messages(stream->framing));
    const size_t room = length + stream->wrap_overhead;
    uint32_t flags = 0;
    troth_status status;
    size_t wrapped = 0;

    if (stream->framing == TROTH_FRAMING_GSS_SAMPLE) {
        flags = TROTH_FRAME_DATA | TROTH_FRAME_WRAPPED | TROTH_FRAME_SEND_MIC;
        if (stream->protection == TROTH_PROTECT_CONFIDENTIALITY)
            flags |= TROTH_FRAME_ENCRYPTED;
        if (!troth__stream_reserve(&stream->kept, length))
            return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a message of %zu bytes", length);
    }
    if (!troth__stream_reserve(&stream->out, header + room))
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a message of %zu bytes", length);
    status = troth_wrap(stream->context, stream->protection, data, length, stream->out.data + stream->out.end + header,
                        room, &wrapped, error);
    if (status != TROTH_OK)
        return troth__stream_fail(stream, error);
    troth__stream_put_header(stream, flags, wrapped, stream->out.data + stream->out.end);
    stream->out.end += header + wrapped;
    if (stream->framing == TROTH_FRAMING_GSS_SAMPLE) {
        if (length > 0)
            memcpy(stream->kept.data, data, length);
        stream->kept.end = length;
        stream->mic_awaited = true;
    }
    return TROTH_OK;
}

/* Before anything is sent. */
static troth_status may_send(const troth_stream *stream, troth_error *error)
{
    if (stream->phase == STREAM_FAILED)
        return troth__stream_failed(stream, error);
    if (stream->phase != STREAM_OPEN)
        return troth__error_set(error, TROTH_E_STATE, "the handshake is not complete");
    if (stream->ended)
        return troth__error_set(error, TROTH_E_STATE, "nothing is sent after the end");
    return TROTH_OK;
}

troth_status troth_stream_send(troth_stream *stream, const void *data, size_t length, size_t *taken, troth_error *error)
{
    const uint8_t *bytes = data;
    troth_error scratch;
    troth_status status;
    size_t most;

    error = troth__error_begin(error, &scratch);
    if (taken != NULL)
        *taken = 0;
    if (stream == NULL || taken == NULL || (data == NULL && length > 0))
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream, data, and room for its count are needed");
    status = may_send(stream, error);
    if (status != TROTH_OK)
        return status;
    if (stream->framing == TROTH_FRAMING_GSS_SAMPLE && stream->acceptor)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "a gss-sample acceptor only answers");
    if (!plaintext_limit(stream, &most) || (!stream->bytes && length > most) || (stream->bytes && most == 0))
        return too_long(length, most, error);
    do {
        const size_t left = length - *taken;
        const size_t part = left < most ? left : most;

        /* In a flow of bytes an empty message would be the end. */
        if (stream->bytes && part == 0)
            return TROTH_OK;
        if (!room_for(stream, part) ||
            (stream->framing == TROTH_FRAMING_GSS_SAMPLE && (stream->mic_awaited || stream->data_waits)))
            return TROTH_CONTINUE;
        status = queue_message(stream, bytes != NULL ? bytes + *taken : NULL, part, error);
        if (status != TROTH_OK)
            return status;
        *taken += part;
    } while (*taken < length);
    return TROTH_OK;
}

troth_status troth_stream_end(troth_stream *stream, troth_error *error)
{
    troth_error scratch;
    troth_status status;
    size_t most;

    error = troth__error_begin(error, &scratch);
    if (stream == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream is needed");
    status = may_send(stream, error);
    if (status != TROTH_OK)
        return status;
    if (!room_for(stream, 0))
        return TROTH_CONTINUE;
    if (stream->framing == TROTH_FRAMING_GSS_SAMPLE) {
        if (stream->mic_awaited)
            return TROTH_CONTINUE;
        if (!stream->acceptor)
            status = troth__stream_queue_token(stream, TROTH_FRAME_NOOP, (troth__bytes){NULL, 0}, error);
    } else if (stream->bytes && stream->framing != TROTH_FRAMING_NEGOTIATE_STREAM) {
        status = plaintext_limit(stream, &most) ? queue_message(stream, NULL, 0, error) : too_long(0, most, error);
    }
    if (status == TROTH_OK)
        stream->ended = true;
    return status;
}
