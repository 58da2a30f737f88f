/* test_stream.c - shows what a stream does with the bytes of a peer: the conversation, its ends, its cuts, misuse. */
#include "stream_peer.h"

#include <stdio.h>

static const troth_framing framings[] = {TROTH_FRAMING_BE32, TROTH_FRAMING_LE32, TROTH_FRAMING_GSS_SAMPLE,
                                         TROTH_FRAMING_NEGOTIATE_STREAM};
static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};
static const troth_stream_mode modes[] = {TROTH_STREAM_MESSAGES, TROTH_STREAM_BYTES};

/* ---- making --------------------------------------------------------------------------------------------------- */

static void a_stream_takes_its_context_only_when_it_is_made(void **state)
{
    static const struct {
        troth_stream_options options;
        troth_status status;
    } cases[] = {
        {{.size = 0}, TROTH_E_ARGUMENT},
        {{.size = sizeof(troth_stream_options), .framing = (troth_framing)4}, TROTH_E_ARGUMENT},
        {{.size = sizeof(troth_stream_options), .mode = (troth_stream_mode)2}, TROTH_E_ARGUMENT},
        {{.size = sizeof(troth_stream_options), .flags = 2}, TROTH_E_ARGUMENT},
        {{.size = sizeof(troth_stream_options), .protection = (troth_protection)9}, TROTH_E_ARGUMENT},
        /* Confidentiality is required by default. */
        {{.size = sizeof(troth_stream_options), .protection = TROTH_PROTECT_INTEGRITY}, TROTH_E_ARGUMENT},
        {{.size = sizeof(troth_stream_options), .protection = TROTH_PROTECT_CONFIDENTIALITY}, TROTH_OK},
    };
    troth_stream *stream = NULL;
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    scripted_init(&script, peer_steps_initiator, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_stream_new(NULL, NULL, &stream, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_stream_new(context, NULL, NULL, &error), TROTH_E_ARGUMENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        stream = (troth_stream *)(void *)&script;
        assert_int_equal(troth_stream_new(context, &cases[i].options, &stream, &error), cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        assert_true((stream != NULL) == (cases[i].status == TROTH_OK));
    }
    assert_ptr_equal(troth_stream_context(stream), context);
    troth_stream_free(stream);
    assert_true(scripted_all_freed(&script));
    troth_stream_free(NULL);
}

static void a_context_that_was_stepped_makes_no_stream(void **state)
{
    troth_stream *stream = NULL;
    struct scripted script;
    const void *token;
    size_t length;
    troth_context *context;

    (void)state;
    scripted_init(&script, peer_steps_initiator, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_step(context, NULL, 0, &token, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(troth_stream_new(context, NULL, &stream, NULL), TROTH_E_STATE);
    assert_null(stream);
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
}

static void be32_requires_of_an_acceptor_what_its_initiators_ask_for(void **state)
{
    const uint32_t more = TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(framings[i], TROTH_STREAM_MESSAGES);
        const bool own = framings[i] == TROTH_FRAMING_BE32;
        static struct peer_bytes bytes;
        static struct peer_record record;
        struct peer_stream it;

        memset(&bytes, 0, sizeof bytes);
        memset(&record, 0, sizeof record);
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        it.script.attributes.properties &= ~more;
        peer_put_handshake(&bytes, framings[i], TROTH_ACCEPTOR);
        peer_feed(&it, true, bytes.data, bytes.length, 0, &record);
        assert_int_equal(record.status, own ? TROTH_E_REQUIREMENT : TROTH_OK);
        peer_close(&it);
    }
}

/* ---- the conversation ----------------------------------------------------------------------------------------- */

static void an_initiator_sends_these_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } expected[] = {
#define WIRE(text) {text, sizeof(text) - 1}
        WIRE("\0\0\0\x0F" PEER_FIRST "\0\0\0\x06W\x02\0\0hi"),
        WIRE("\x0F\0\0\0" PEER_FIRST "\x06\0\0\0W\x02\0\0hi"),
        WIRE("\x11\0\0\0\0\x02\0\0\0\x0F" PEER_FIRST "\xE4\0\0\0\x06W\x02\0\0hi"),
        WIRE("\x16\x01\0\0\x0F" PEER_FIRST "\x06\0\0\0W\x02\0\0hi"),
    };

    (void)state;
    assert_int_equal(TROTH_PROTECT_CONFIDENTIALITY, 2);
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(framings[i], TROTH_STREAM_MESSAGES);
        static struct peer_bytes bytes;
        static struct peer_record record;
        struct peer_stream it;
        size_t taken = 0;

        memset(&bytes, 0, sizeof bytes);
        memset(&record, 0, sizeof record);
        peer_open(&it, TROTH_INITIATOR, &options, NULL);
        assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_STEP_DUE);
        peer_put_handshake(&bytes, framings[i], TROTH_INITIATOR);
        peer_feed(&it, true, bytes.data, bytes.length, 0, &record);
        assert_int_equal(record.status, TROTH_OK);
        assert_int_equal(record.steps, 2);
        assert_int_equal(troth_stream_send(it.stream, "hi", 2, &taken, NULL), TROTH_OK);
        assert_int_equal(taken, 2);
        peer_finish(&it, false, &record);
        assert_int_equal(record.sent.length, expected[i].length);
        assert_memory_equal(record.sent.data, expected[i].bytes, expected[i].length);
        peer_close(&it);
    }
}

static void an_acceptor_sends_these_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } expected[] = {
        WIRE("\0\0\0\x0A" PEER_SECOND "\0\0\0\x06W\x02\0\0hi"),
        WIRE("\x0A\0\0\0" PEER_SECOND "\x06\0\0\0W\x02\0\0hi"),
        WIRE("\x02\0\0\0\x0A" PEER_SECOND "\x08\0\0\0\x04MIC!"),
        WIRE("\x14\x01\0\0\x0A" PEER_SECOND "\x06\0\0\0W\x02\0\0hi"),
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(framings[i], TROTH_STREAM_MESSAGES);
        const bool sample = framings[i] == TROTH_FRAMING_GSS_SAMPLE;
        static struct peer_bytes bytes;
        static struct peer_record record;
        struct peer_stream it;
        size_t taken = 9;

        memset(&bytes, 0, sizeof bytes);
        memset(&record, 0, sizeof record);
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_WANT_READ);
        peer_put_handshake(&bytes, framings[i], TROTH_ACCEPTOR);
        peer_put_message(&bytes, framings[i], "hello", 5);
        peer_feed(&it, true, bytes.data, bytes.length, 0, &record);
        assert_int_equal(record.status, TROTH_OK);
        assert_int_equal(record.data.length, 6);
        assert_memory_equal(record.data.data, "\5hello", 6);
        assert_int_equal(troth_stream_send(it.stream, "hi", 2, &taken, NULL), sample ? TROTH_E_UNSUPPORTED : TROTH_OK);
        assert_int_equal(taken, sample ? 0 : 2);
        peer_finish(&it, false, &record);
        assert_int_equal(record.sent.length, expected[i].length);
        assert_memory_equal(record.sent.data, expected[i].bytes, expected[i].length);
        peer_close(&it);
    }
}

/* Everything that one peer sends: the handshake, messages (one is empty), and the end of its framing. */
static void put_conversation(struct peer_bytes *bytes, troth_framing framing, troth_role role, bool byte_mode)
{
    memset(bytes, 0, sizeof *bytes);
    peer_put_handshake(bytes, framing, role);
    if (framing == TROTH_FRAMING_GSS_SAMPLE && role == TROTH_INITIATOR)
        return; /* it only answers */
    peer_put_message(bytes, framing, "one", 3);
    if (!byte_mode || framing == TROTH_FRAMING_GSS_SAMPLE || framing == TROTH_FRAMING_NEGOTIATE_STREAM)
        peer_put_message(bytes, framing, "", 0);
    peer_put_message(bytes, framing, "and the third", 13);
    if (framing == TROTH_FRAMING_GSS_SAMPLE)
        peer_put_token(bytes, framing, TROTH_FRAME_NOOP, NULL, 0);
    else if (byte_mode && framing != TROTH_FRAMING_NEGOTIATE_STREAM)
        peer_put_message(bytes, framing, "", 0);
}

/* The conversation in parts: first, then each of size. */
static void converse(troth_framing framing, troth_role role, troth_stream_mode mode, size_t first, size_t size,
                     size_t portion, size_t length, struct peer_record *record)
{
    troth_stream_options options = peer_options(framing, mode);
    static struct peer_bytes bytes;
    struct peer_stream it;

    memset(record, 0, sizeof *record);
    put_conversation(&bytes, framing, role, mode == TROTH_STREAM_BYTES);
    bytes.length = length < bytes.length ? length : bytes.length;
    peer_open(&it, role, &options, NULL);
    for (size_t at = 0; at < bytes.length;) {
        size_t part = at == 0 && first > 0 ? first : size;

        part = part < bytes.length - at ? part : bytes.length - at;
        peer_feed(&it, mode == TROTH_STREAM_MESSAGES, bytes.data + at, part, portion, record);
        at += part;
    }
    peer_finish(&it, true, record);
    peer_close(&it);
}

static void assert_same(const struct peer_record *one, const struct peer_record *other)
{
    assert_int_equal(one->status, other->status);
    assert_int_equal(one->state, other->state);
    assert_int_equal(one->steps, other->steps);
    assert_int_equal(one->taken, other->taken);
    assert_int_equal(one->end, other->end);
    assert_int_equal(one->sent.length, other->sent.length);
    assert_memory_equal(one->sent.data, other->sent.data, one->sent.length);
    assert_int_equal(one->data.length, other->data.length);
    assert_memory_equal(one->data.data, other->data.data, one->data.length);
}

static void cut_or_merged_anywhere_it_behaves_the_same(void **state)
{
    static struct peer_record whole, cut;

    (void)state;
    for (size_t i = 0; i < 4 * 2 * 2; i++) {
        const troth_framing framing = framings[i / 4];
        const troth_role role = roles[i / 2 % 2];
        const troth_stream_mode mode = modes[i % 2];
        static struct peer_bytes bytes;

        put_conversation(&bytes, framing, role, mode == TROTH_STREAM_BYTES);
        converse(framing, role, mode, 0, PEER_BYTES, 0, PEER_BYTES, &whole);
        assert_int_equal(whole.status, TROTH_OK);
        assert_int_equal(whole.taken, bytes.length);
        assert_int_equal(whole.unencrypted, 0);
        assert_int_equal(whole.state, TROTH_STREAM_READY | TROTH_STREAM_ENDED);
        if (framing != TROTH_FRAMING_GSS_SAMPLE || role == TROTH_ACCEPTOR)
            assert_int_equal(whole.data.length, mode == TROTH_STREAM_MESSAGES ? 3 + 16 : 16);
        for (size_t at = 1; at < bytes.length; at++) {
            converse(framing, role, mode, at, PEER_BYTES, 0, PEER_BYTES, &cut); /* in two */
            assert_same(&whole, &cut);
            converse(framing, role, mode, 0, at, 1 + at % 3, PEER_BYTES, &cut); /* in equal parts, taken in portions */
            assert_same(&whole, &cut);
        }
    }
}

/* ---- ends ----------------------------------------------------------------------------------------------------- */

static void a_connection_that_ends_anywhere_is_an_end_or_a_cut(void **state)
{
    static struct peer_record record;

    (void)state;
    for (size_t i = 0; i < 4 * 2 * 2; i++) {
        const troth_framing framing = framings[i / 4];
        const troth_role role = roles[i / 2 % 2];
        const troth_stream_mode mode = modes[i % 2];
        static struct peer_bytes bytes;
        size_t ends = 0;

        put_conversation(&bytes, framing, role, mode == TROTH_STREAM_BYTES);
        for (size_t length = 0; length <= bytes.length; length++) {
            converse(framing, role, mode, 0, PEER_BYTES, 0, length, &record);
            if (record.status == TROTH_OK) {
                const bool all = length == bytes.length;
                const bool vouched = all && mode == TROTH_STREAM_BYTES &&
                                     (framing == TROTH_FRAMING_BE32 || framing == TROTH_FRAMING_LE32);

                assert_int_equal(record.state, TROTH_STREAM_READY | TROTH_STREAM_ENDED);
                assert_int_equal(record.end, vouched ? TROTH_END_PROTECTED : TROTH_END_CLOSED);
                ends++;
            } else {
                assert_int_equal(record.status, TROTH_E_CLOSED);
                assert_int_equal(record.state, TROTH_STREAM_FAILED);
                assert_int_equal(record.end, TROTH_END_NONE);
            }
        }
        /* After the handshake and after each frame that follows. */
        if (framing == TROTH_FRAMING_GSS_SAMPLE)
            assert_int_equal(ends, role == TROTH_INITIATOR ? 1 : 5);
        else if (framing == TROTH_FRAMING_NEGOTIATE_STREAM)
            assert_int_equal(ends, 4);
        else
            assert_int_equal(ends, 4);
    }
}

static void the_text_of_a_cut_says_where(void **state)
{
    struct peer_stream it;
    troth_error error = TROTH_ERROR_INIT;
    size_t taken;

    (void)state;
    peer_open(&it, TROTH_ACCEPTOR, NULL, NULL);
    assert_int_equal(troth_stream_feed(it.stream, "\0\0", 2, &taken, &error), TROTH_OK);
    assert_int_equal(troth_stream_wanted(it.stream), 2);
    assert_int_equal(troth_stream_feed_end(it.stream, &error), TROTH_E_CLOSED);
    assert_text(error.text, "after 2 of 4 header bytes");
    assert_int_equal(troth_stream_wanted(it.stream), 0);
    peer_close(&it);

    peer_open(&it, TROTH_ACCEPTOR, NULL, NULL);
    peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_ACCEPTOR);
    assert_int_equal(troth_stream_feed(it.stream, "\0\0\0\x09W\x02\0", 7, &taken, &error), TROTH_OK);
    assert_int_equal(troth_stream_wanted(it.stream), 6);
    assert_int_equal(troth_stream_feed_end(it.stream, &error), TROTH_E_CLOSED);
    assert_text(error.text, "after 3 of 9 data bytes");
    peer_close(&it);
}

static void what_came_before_the_end_is_still_delivered(void **state)
{
    static struct peer_bytes bytes;
    struct peer_stream it;
    size_t taken;

    (void)state;
    memset(&bytes, 0, sizeof bytes);
    peer_open(&it, TROTH_ACCEPTOR, NULL, NULL);
    peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_ACCEPTOR);
    peer_put_message(&bytes, TROTH_FRAMING_BE32, "last words", 10);
    assert_int_equal(troth_stream_feed(it.stream, bytes.data, bytes.length, &taken, NULL), TROTH_OK);
    assert_int_equal(troth_stream_feed_end(it.stream, NULL), TROTH_OK);
    assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_READY | TROTH_STREAM_DATA);
    troth_stream_consume(it.stream, 1); /* in message mode: all of it */
    assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_READY | TROTH_STREAM_ENDED);
    /* Our own side is still open. */
    assert_int_equal(troth_stream_send(it.stream, "answer", 6, &taken, NULL), TROTH_OK);
    assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_OK);
    assert_int_equal(troth_stream_send(it.stream, "more", 4, &taken, NULL), TROTH_E_STATE);
    assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_E_STATE);
    peer_close(&it);
}

static void a_token_before_the_end_may_complete_the_handshake(void **state)
{
    static struct peer_bytes bytes;
    struct peer_stream it;
    size_t taken;

    (void)state;
    memset(&bytes, 0, sizeof bytes);
    peer_open(&it, TROTH_ACCEPTOR, NULL, NULL);
    peer_put_handshake(&bytes, TROTH_FRAMING_BE32, TROTH_ACCEPTOR);
    assert_int_equal(troth_stream_feed(it.stream, bytes.data, bytes.length, &taken, NULL), TROTH_OK);
    assert_int_equal(troth_stream_feed_end(it.stream, NULL), TROTH_OK);
    assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_STEP_DUE);
    assert_int_equal(troth_stream_step(it.stream, NULL), TROTH_OK);
    assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_READY | TROTH_STREAM_WANT_WRITE | TROTH_STREAM_ENDED);
    peer_close(&it);
}

static void bytes_behind_the_end_are_not_taken(void **state)
{
    troth_stream_options options = peer_options(TROTH_FRAMING_LE32, TROTH_STREAM_BYTES);
    static struct peer_bytes bytes;
    static struct peer_record record;
    struct peer_stream it;
    size_t taken = 9;

    (void)state;
    memset(&bytes, 0, sizeof bytes);
    memset(&record, 0, sizeof record);
    peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
    peer_put_handshake(&bytes, TROTH_FRAMING_LE32, TROTH_ACCEPTOR);
    peer_put_message(&bytes, TROTH_FRAMING_LE32, "", 0);
    peer_put(&bytes, "beyond", 6);
    peer_feed(&it, false, bytes.data, bytes.length, 0, &record);
    assert_int_equal(record.taken, bytes.length - 6);
    assert_int_equal(troth_stream_feed(it.stream, "beyond", 6, &taken, NULL), TROTH_E_STATE);
    assert_int_equal(taken, 0);
    peer_finish(&it, true, &record);
    assert_int_equal(record.status, TROTH_OK);
    assert_int_equal(record.end, TROTH_END_PROTECTED);
    peer_close(&it);
}

static void our_end_is_said_as_the_framing_has_it(void **state)
{
    static const struct {
        const char *messages;
        size_t messages_length;
        const char *bytes;
        size_t bytes_length;
    } expected[] = {
        {"", 0, "\0\0\0\x04W\x02\0\0", 8},
        {"", 0, "\x04\0\0\0W\x02\0\0", 8},
        {"\x01\0\0\0\0", 5, "\x01\0\0\0\0", 5},
        {"", 0, "", 0},
    };

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        troth_stream_options options = peer_options(framings[i / 2], modes[i % 2]);
        static struct peer_bytes sent;
        struct peer_stream it;

        memset(&sent, 0, sizeof sent);
        peer_open(&it, TROTH_INITIATOR, &options, NULL);
        assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_E_STATE);
        peer_handshake(&it, framings[i / 2], TROTH_INITIATOR);
        assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_OK);
        peer_take(it.stream, &sent);
        assert_int_equal(sent.length, i % 2 == 0 ? expected[i / 2].messages_length : expected[i / 2].bytes_length);
        assert_memory_equal(sent.data, i % 2 == 0 ? expected[i / 2].messages : expected[i / 2].bytes, sent.length);
        peer_close(&it);
    }
}

/* ---- misuse and failure --------------------------------------------------------------------------------------- */

static void misuse_changes_nothing(void **state)
{
    struct peer_stream it;
    const void *data;
    size_t length, taken = 9;

    (void)state;
    peer_open(&it, TROTH_INITIATOR, NULL, NULL);
    for (int round = 0; round < 3; round++) {
        const uint32_t before = troth_stream_state(it.stream);

        /* Nothing of it is due, round after round: a first step, a token to come, and neither. */
        if (round == 0)
            assert_int_equal(troth_stream_feed(it.stream, "x", 1, &taken, NULL), TROTH_E_STATE);
        else {
            assert_int_equal(troth_stream_step(it.stream, NULL), TROTH_E_STATE);
            assert_int_equal(troth_stream_claim_step(it.stream, NULL), TROTH_E_STATE);
        }
        if (round < 2) {
            assert_int_equal(troth_stream_send(it.stream, "x", 1, &taken, NULL), TROTH_E_STATE);
            assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_E_STATE);
        }
        assert_int_equal(taken, round < 2 ? 0 : 9);
        assert_int_equal(troth_stream_peek(it.stream, &data, &length, NULL, NULL), TROTH_E_STATE);
        assert_null(data);
        troth_stream_consume(it.stream, 5);
        assert_int_equal(troth_stream_feed(NULL, "x", 1, &taken, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_feed(it.stream, NULL, 1, &taken, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_feed(it.stream, "x", 1, NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_send(it.stream, NULL, 1, &taken, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_send(it.stream, "x", 1, NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_send(NULL, "x", 1, &taken, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_end(NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_step(NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_claim_step(NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_feed_end(NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_peek(NULL, &data, &length, NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_peek(it.stream, NULL, &length, NULL, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_run(NULL, 0, 0, 0, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_run(it.stream, 0, TROTH_STREAM_WANT_READ, 0, NULL), TROTH_E_ARGUMENT);
        assert_int_equal(troth_stream_state(it.stream), before);
        if (round == 0)
            assert_int_equal(troth_stream_step(it.stream, NULL), TROTH_OK);
        if (round == 1)
            peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_INITIATOR);
        taken = 9;
    }
    assert_int_equal(troth_stream_send(it.stream, "x", 1, &taken, NULL), TROTH_OK);
    peer_close(&it);
}

static void a_failure_is_final(void **state)
{
    static struct peer_bytes bytes;
    struct peer_stream it;
    troth_error error = TROTH_ERROR_INIT;
    const void *data;
    size_t length, taken;

    (void)state;
    memset(&bytes, 0, sizeof bytes);
    peer_open(&it, TROTH_ACCEPTOR, NULL, NULL);
    peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_ACCEPTOR);
    assert_int_equal(troth_stream_send(it.stream, "before", 6, &taken, NULL), TROTH_OK);
    it.script.message_status = TROTH_E_REPLAY;
    peer_put_message(&bytes, TROTH_FRAMING_BE32, "again", 5);
    assert_int_equal(troth_stream_feed(it.stream, bytes.data, bytes.length, &taken, &error), TROTH_E_REPLAY);
    assert_int_equal(error.native_minor, SCRIPTED_MINOR);
    it.script.message_status = TROTH_OK;
    /* What was said before may still be sent. */
    assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_FAILED | TROTH_STREAM_WANT_WRITE);
    peer_take(it.stream, NULL);
    assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_FAILED);
    error = (troth_error)TROTH_ERROR_INIT;
    assert_int_equal(troth_stream_feed(it.stream, bytes.data, bytes.length, &taken, &error), TROTH_E_REPLAY);
    assert_int_equal(error.native_minor, SCRIPTED_MINOR);
    assert_int_equal(taken, 0);
    assert_int_equal(troth_stream_feed_end(it.stream, NULL), TROTH_E_REPLAY);
    assert_int_equal(troth_stream_step(it.stream, NULL), TROTH_E_REPLAY);
    assert_int_equal(troth_stream_send(it.stream, "x", 1, &taken, NULL), TROTH_E_REPLAY);
    assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_E_REPLAY);
    assert_int_equal(troth_stream_peek(it.stream, &data, &length, NULL, NULL), TROTH_E_REPLAY);
    peer_close(&it);
}

static void the_token_of_a_failed_step_waits_to_be_sent(void **state)
{
    static const struct scripted_step failing[] = {{TROTH_E_CLOCK_SKEW, "why", 3}};
    static const struct {
        const char *bytes;
        size_t length;
    } expected[] = {
        WIRE("\0\0\0\x03why"), WIRE("\x03\0\0\0why"), WIRE("\x02\0\0\0\x03why"),
        WIRE("\x15\x01\0\0\x08\0\0\0\0\x80\x09\x03\x0C"), /* [MS-NNS] has a code, and no token */
    };

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(framings[i], TROTH_STREAM_MESSAGES);
        static struct peer_bytes bytes;
        static struct peer_record record;
        struct peer_stream it;

        memset(&bytes, 0, sizeof bytes);
        memset(&record, 0, sizeof record);
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        it.script.steps = failing;
        peer_put_handshake(&bytes, framings[i], TROTH_ACCEPTOR);
        peer_feed(&it, true, bytes.data, bytes.length, 0, &record);
        assert_int_equal(record.status, TROTH_E_CLOCK_SKEW);
        assert_int_equal(record.sent.length, expected[i].length);
        assert_memory_equal(record.sent.data, expected[i].bytes, record.sent.length);
        peer_close(&it);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_takes_its_context_only_when_it_is_made),
        cmocka_unit_test(a_context_that_was_stepped_makes_no_stream),
        cmocka_unit_test(be32_requires_of_an_acceptor_what_its_initiators_ask_for),
        cmocka_unit_test(an_initiator_sends_these_bytes),
        cmocka_unit_test(an_acceptor_sends_these_bytes),
        cmocka_unit_test(cut_or_merged_anywhere_it_behaves_the_same),
        cmocka_unit_test(a_connection_that_ends_anywhere_is_an_end_or_a_cut),
        cmocka_unit_test(the_text_of_a_cut_says_where),
        cmocka_unit_test(what_came_before_the_end_is_still_delivered),
        cmocka_unit_test(a_token_before_the_end_may_complete_the_handshake),
        cmocka_unit_test(bytes_behind_the_end_are_not_taken),
        cmocka_unit_test(our_end_is_said_as_the_framing_has_it),
        cmocka_unit_test(misuse_changes_nothing),
        cmocka_unit_test(a_failure_is_final),
        cmocka_unit_test(the_token_of_a_failed_step_waits_to_be_sent),
    };

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
