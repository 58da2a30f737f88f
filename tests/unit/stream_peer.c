/* stream_peer.c - plays the peer and the caller of a stream under test. */
#include "stream_peer.h"

const struct scripted_step peer_steps_initiator[2] = {{TROTH_CONTINUE, PEER_FIRST, sizeof PEER_FIRST - 1},
                                                      {TROTH_OK, NULL, 0}};
const struct scripted_step peer_steps_acceptor[1] = {{TROTH_OK, PEER_SECOND, sizeof PEER_SECOND - 1}};

void peer_put(struct peer_bytes *bytes, const void *data, size_t length)
{
    assert_true(length <= sizeof bytes->data - bytes->length);
    if (length > 0)
        memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

static void put_length(struct peer_bytes *bytes, bool little, size_t length)
{
    for (unsigned i = 0; i < 4; i++) {
        uint8_t byte = (uint8_t)(length >> (8 * (little ? i : 3 - i)));

        peer_put(bytes, &byte, 1);
    }
}

static void put_byte(struct peer_bytes *bytes, uint32_t value)
{
    uint8_t byte = (uint8_t)value;

    peer_put(bytes, &byte, 1);
}

void peer_put_token(struct peer_bytes *bytes, troth_framing framing, uint32_t flags, const void *token, size_t length)
{
    switch (framing) {
    case TROTH_FRAMING_NEGOTIATE_STREAM:
        put_byte(bytes, flags);
        put_byte(bytes, 1);
        put_byte(bytes, 0);
        put_byte(bytes, (uint32_t)(length >> 8));
        put_byte(bytes, (uint32_t)length);
        break;
    case TROTH_FRAMING_GSS_SAMPLE:
        put_byte(bytes, flags);
        put_length(bytes, false, length);
        break;
    default:
        put_length(bytes, framing == TROTH_FRAMING_LE32, length);
    }
    peer_put(bytes, token, length);
}

void peer_put_message(struct peer_bytes *bytes, troth_framing framing, const void *plain, size_t length)
{
    const uint8_t head[SCRIPTED_HEADER] = {'W', (uint8_t)TROTH_PROTECT_CONFIDENTIALITY, 0, 0};

    if (framing == TROTH_FRAMING_GSS_SAMPLE)
        put_byte(bytes, SAMPLE_MESSAGE);
    put_length(bytes, framing == TROTH_FRAMING_LE32 || framing == TROTH_FRAMING_NEGOTIATE_STREAM,
               length + SCRIPTED_HEADER);
    peer_put(bytes, head, sizeof head);
    peer_put(bytes, plain, length);
}

void peer_put_handshake(struct peer_bytes *bytes, troth_framing framing, troth_role stream_role)
{
    const bool acceptor = stream_role == TROTH_ACCEPTOR;
    const char *token = acceptor ? PEER_FIRST : PEER_SECOND;
    uint32_t flags = 0;

    if (framing == TROTH_FRAMING_GSS_SAMPLE) {
        flags = TROTH_FRAME_CONTEXT;
        if (acceptor)
            peer_put_token(bytes, framing, 0x11, NULL, 0);
    }
    if (framing == TROTH_FRAMING_NEGOTIATE_STREAM)
        flags = acceptor ? NNS_IN_PROGRESS : NNS_DONE;
    peer_put_token(bytes, framing, flags, token, strlen(token));
}

void peer_open(struct peer_stream *it, troth_role role, const troth_stream_options *options,
               const troth_context_options *context_options)
{
    troth_error error = TROTH_ERROR_INIT;

    if (role == TROTH_INITIATOR)
        scripted_init(&it->script, peer_steps_initiator, 2);
    else
        scripted_init(&it->script, peer_steps_acceptor, 1);
    if (troth_stream_new(scripted_context(&it->script, role, context_options), options, &it->stream, &error) !=
        TROTH_OK)
        fail_msg("%s", error.text);
}

void peer_close(struct peer_stream *it)
{
    troth_stream_free(it->stream);
    it->stream = NULL;
    assert_true(scripted_all_freed(&it->script));
}

static void note(struct peer_record *record, troth_status status)
{
    if (record->status == TROTH_OK)
        record->status = status;
}

/* Takes out what the stream has for us. */
static void serve(struct peer_stream *it, bool messages, size_t portion, struct peer_record *record)
{
    for (;;) {
        const uint32_t state = troth_stream_state(it->stream);
        const void *data = NULL;
        size_t length = 0;

        if ((state & TROTH_STREAM_WANT_WRITE) != 0) {
            troth_stream_pending(it->stream, &data, &length);
            assert_true(length > 0);
            length = portion > 0 && portion < length ? portion : length;
            peer_put(&record->sent, data, length);
            troth_stream_sent(it->stream, length);
        } else if ((state & TROTH_STREAM_DATA) != 0) {
            troth_protection protection = TROTH_PROTECTION_UNSET;

            assert_int_equal(troth_stream_peek(it->stream, &data, &length, &protection, NULL), TROTH_OK);
            record->unencrypted += protection != TROTH_PROTECT_CONFIDENTIALITY;
            if (messages)
                put_byte(&record->data, (uint32_t)length);
            else
                length = portion > 0 && portion < length ? portion : length;
            peer_put(&record->data, data, length);
            troth_stream_consume(it->stream, length);
        } else if ((state & TROTH_STREAM_STEP_DUE) != 0) {
            record->steps++;
            note(record, troth_stream_step(it->stream, NULL));
        } else {
            return;
        }
    }
}

void peer_feed(struct peer_stream *it, bool messages, const uint8_t *bytes, size_t length, size_t portion,
               struct peer_record *record)
{
    serve(it, messages, portion, record);
    while (length > 0 && (troth_stream_state(it->stream) & TROTH_STREAM_WANT_READ) != 0) {
        size_t taken = 99;
        troth_status status = troth_stream_feed(it->stream, bytes, length, &taken, NULL);

        assert_true(taken <= length && (taken > 0 || status != TROTH_OK));
        note(record, status);
        record->taken += taken;
        bytes += taken;
        length -= taken;
        serve(it, messages, portion, record);
    }
}

void peer_finish(struct peer_stream *it, bool at_end, struct peer_record *record)
{
    if (at_end)
        note(record, troth_stream_feed_end(it->stream, NULL));
    serve(it, false, 0, record);
    record->state = troth_stream_state(it->stream);
    record->end = troth_stream_end_of_peer(it->stream);
}

void peer_take(troth_stream *stream, struct peer_bytes *bytes)
{
    const void *data = NULL;
    size_t length = 0;

    troth_stream_pending(stream, &data, &length);
    if (bytes != NULL)
        peer_put(bytes, data, length);
    troth_stream_sent(stream, length);
}

void peer_handshake(struct peer_stream *it, troth_framing framing, troth_role role)
{
    static struct peer_bytes bytes;
    static struct peer_record record;

    memset(&bytes, 0, sizeof bytes);
    memset(&record, 0, sizeof record);
    peer_put_handshake(&bytes, framing, role);
    peer_feed(it, true, bytes.data, bytes.length, 0, &record);
    assert_int_equal(record.status, TROTH_OK);
    assert_int_equal(troth_stream_state(it->stream), TROTH_STREAM_READY | TROTH_STREAM_WANT_READ);
}

troth_stream_options peer_options(troth_framing framing, troth_stream_mode mode)
{
    troth_stream_options options = TROTH_STREAM_OPTIONS_INIT;

    options.framing = framing;
    options.mode = mode;
    return options;
}
