/* honest.c - streams over a line that only cuts and joins: every size, both ways, both modes, and the ends. */
#include "streams.h"

#define LARGEST (1u << 20)

static uint8_t sent[LARGEST + 1];

/* What has come, taken from the waiting end: in message mode exactly one message. */
static size_t receive(struct line *line, int end, uint8_t *at, size_t room)
{
    troth_protection protection = TROTH_PROTECTION_UNSET;
    const void *data = NULL;
    size_t length = 0;

    assert_int_equal(troth_stream_peek(line->end[end], &data, &length, &protection, NULL), TROTH_OK);
    assert_int_equal(protection, TROTH_PROTECT_CONFIDENTIALITY);
    assert_true(length <= room);
    /* In byte mode also in portions. */
    if (line->mode == TROTH_STREAM_BYTES && chance(2) == 0)
        length = 1 + chance(length);
    if (length > 0)
        memcpy(at, data, length);
    troth_stream_consume(line->end[end], length);
    return length;
}

static bool has_data(struct line *line, int end)
{
    return (troth_stream_state(line->end[end]) & TROTH_STREAM_DATA) != 0;
}

static void expect_ready(struct line *line)
{
    for (int end = 0; end < 2; end++) {
        troth_error error = TROTH_ERROR_INIT;

        if ((troth_stream_state(line->end[end]) & TROTH_STREAM_READY) == 0) {
            troth_stream_feed_end(line->end[end], &error);
            fail_msg("end %d: %s", end, error.text);
        }
    }
}

/* length bytes go from one end to the other. Under gss-sample they come back to the first, verified. */
static void transfer(struct line *line, int from, size_t length)
{
    static uint8_t received[2][LARGEST + 1];
    const bool sample = line->framing == TROTH_FRAMING_GSS_SAMPLE;
    size_t given = 0, got[2] = {0, 0};
    bool once[2] = {false, false}, all = false;

    while (!all || got[1 - from] < length || (sample && got[from] < length) ||
           (line->mode == TROTH_STREAM_MESSAGES && (!once[1 - from] || (sample && !once[from])))) {
        bool moved = false;
        size_t taken = 0;

        if (!all) {
            troth_error error = TROTH_ERROR_INIT;
            const troth_status status =
                troth_stream_send(line->end[from], sent + given, length - given, &taken, &error);

            if (status != TROTH_OK && status != TROTH_CONTINUE)
                fail_msg("%zu bytes: %s", length, error.text);
            assert_true(line->mode == TROTH_STREAM_BYTES || taken == 0 || taken == length);
            given += taken;
            all = status == TROTH_OK;
            moved = all || taken > 0;
            assert_true(!all || given == length);
        }
        moved = line_turn(line) || moved;
        for (int end = 0; end < 2; end++) {
            if (has_data(line, end)) {
                assert_true(end != from || sample);
                assert_true(line->mode == TROTH_STREAM_BYTES || !once[end]);
                got[end] += receive(line, end, received[end] + got[end], length - got[end]);
                once[end] = moved = true;
            }
        }
        if (!moved) {
            expect_ready(line);
            fail_msg("%zu of %zu bytes came, and nothing moves", got[1 - from], length);
        }
    }
    assert_memory_equal(received[1 - from], sent, length);
    if (sample)
        assert_memory_equal(received[from], sent, length);
}

/* There and, where the framing lets the acceptor speak, back. */
static void both_ways(struct line *line, size_t length)
{
    pattern(sent, length, length);
    transfer(line, 0, length);
    if (line->framing != TROTH_FRAMING_GSS_SAMPLE) {
        pattern(sent, length, length + 1);
        transfer(line, 1, length);
    }
}

static size_t largest_message(struct line *line, size_t limit)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    assert_int_equal(troth_context_info_get(troth_stream_context(line->end[0]), &info, NULL), TROTH_OK);
    if (line->framing == TROTH_FRAMING_NEGOTIATE_STREAM)
        return 0xFC30 - info.wrap_overhead < 0xFC00 ? 0xFC30 - info.wrap_overhead : 0xFC00;
    return limit - info.wrap_overhead;
}

static void messages_of_every_size_go_both_ways(void **state)
{
    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        const size_t limit = way_framing(way) == TROTH_FRAMING_NEGOTIATE_STREAM ? 0 : 300000;
        struct line line = line_new(way, limit);
        const size_t most = fewer(30) == 1 ? LARGEST / 8 + 1 : LARGEST + 1;
        size_t largest;

        chance_reset(way);
        line_handshake(&line);
        largest = line.mode == TROTH_STREAM_BYTES ? most : largest_message(&line, limit);
        for (size_t length = 0; length <= 300; length += 300 / fewer(300))
            both_ways(&line, length);
        for (size_t power = 512; power <= LARGEST; power *= 2) {
            for (size_t length = power - 1; length <= power + 1 && length <= largest; length++)
                both_ways(&line, length);
        }
        if (line.mode == TROTH_STREAM_MESSAGES) {
            size_t taken = 9;

            both_ways(&line, largest);
            assert_int_equal(troth_stream_send(line.end[0], sent, largest + 1, &taken, NULL), TROTH_E_FRAME);
            assert_int_equal(taken, 0);
        }
        line_free(&line);
    }
}

static void a_line_that_cuts_at_every_byte_changes_nothing(void **state)
{
    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        struct line line = line_new(way, 0);

        line.cuts = CUT_EVERY_BYTE;
        line_handshake(&line);
        for (size_t length = 0; length <= 40; length += 40 / fewer(40))
            both_ways(&line, length);
        both_ways(&line, 2000);
        line_free(&line);
    }
}

static void many_messages_in_one_piece_are_many(void **state)
{
    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        struct line line = line_new(way, 0);
        struct flow all = {NULL, 0, 0};
        size_t at = 0, count = 0, total = 0;

        if (line.framing == TROTH_FRAMING_GSS_SAMPLE) {
            line_free(&line);
            continue; /* one message at a time is on its way */
        }
        line_handshake(&line);
        for (size_t i = 0; i < 50; i++) {
            size_t taken = 0;

            pattern(sent, i + 1, i);
            assert_int_equal(troth_stream_send(line.end[1], sent, i + 1, &taken, NULL), TROTH_OK);
            line_collect(&line, 1, &all);
        }
        while (at < all.length) {
            const void *data = NULL;
            size_t taken = 0, length = 0;

            assert_int_equal(troth_stream_feed(line.end[0], all.data + at, all.length - at, &taken, NULL), TROTH_OK);
            assert_int_equal(troth_stream_peek(line.end[0], &data, &length, NULL, NULL), TROTH_OK);
            pattern(sent, count + 1, count);
            assert_int_equal(length, count + 1);
            assert_memory_equal(data, sent, length);
            troth_stream_consume(line.end[0], length);
            at += taken;
            total += length;
            count++;
        }
        assert_int_equal(count, 50);
        assert_int_equal(total, 50 * 51 / 2);
        free(all.data);
        line_free(&line);
    }
}

static void each_side_ends_by_itself(void **state)
{
    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        struct line line = line_new(way, 0);
        const bool sample = line.framing == TROTH_FRAMING_GSS_SAMPLE;
        const bool own = line.framing == TROTH_FRAMING_BE32 || line.framing == TROTH_FRAMING_LE32;
        troth_stream_end_kind kind = own && line.mode == TROTH_STREAM_BYTES ? TROTH_END_PROTECTED : TROTH_END_CLOSED;

        line_handshake(&line);
        both_ways(&line, 100);
        assert_int_equal(troth_stream_end(line.end[0], NULL), TROTH_OK);
        while (line_turn(&line)) {
        }
        if (kind == TROTH_END_PROTECTED || sample)
            assert_true((troth_stream_state(line.end[1]) & TROTH_STREAM_ENDED) != 0);
        /* The other side goes on. */
        if (!sample) {
            pattern(sent, 3000, 1);
            transfer(&line, 1, 3000);
        }
        assert_int_equal(troth_stream_feed_end(line.end[1], NULL), TROTH_OK);
        assert_int_equal(troth_stream_end_of_peer(line.end[1]), kind);
        assert_int_equal(troth_stream_end(line.end[1], NULL), TROTH_OK);
        while (line_turn(&line)) {
        }
        assert_int_equal(troth_stream_feed_end(line.end[0], NULL), TROTH_OK);
        assert_int_equal(troth_stream_end_of_peer(line.end[0]), sample ? TROTH_END_CLOSED : kind);
        line_free(&line);
    }
}

int run_honest_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_size_go_both_ways),
        cmocka_unit_test(a_line_that_cuts_at_every_byte_changes_nothing),
        cmocka_unit_test(many_messages_in_one_piece_are_many),
        cmocka_unit_test(each_side_ends_by_itself),
    };

    return cmocka_run_group_tests_name("streams, honest", tests, NULL, NULL);
}
