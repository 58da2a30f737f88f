/*
 * hostile.c - a man in the middle between two streams: whatever he does to the bytes, nothing is delivered but what the
 * other end has said, in its order, from its beginning.
 */
#include "streams.h"

#define MESSAGES 6u
#define LONGEST 40u

enum deed { NOTHING, FLIP, CUT_SHORT, STOP, DROP, REPEAT, SWAP, REPLAY_FIRST, LENGTHEN, OVERSIZE, INSERT, DEEDS };

struct edit {
    enum deed deed;
    size_t frame; /* which message's frame */
    size_t at;    /* where in it */
    size_t value;
};

/* What was said, and what came of it. */
struct talk {
    struct line line;
    uint8_t said[MESSAGES * LONGEST];
    size_t lengths[MESSAGES];
    size_t said_length;
    uint8_t heard[MESSAGES * LONGEST + 1];
    size_t heard_length;
    size_t heard_count;
    struct flow held;  /* a frame that is kept back */
    struct flow first; /* the first one */
    bool stopped;
};

/* All that waits at the acceptor: only the next of what was said. */
static void hear(struct talk *talk)
{
    troth_stream *stream = talk->line.end[1];

    while ((troth_stream_state(stream) & TROTH_STREAM_DATA) != 0) {
        troth_protection protection = TROTH_PROTECTION_UNSET;
        const void *data = NULL;
        size_t length = 0;

        assert_int_equal(troth_stream_peek(stream, &data, &length, &protection, NULL), TROTH_OK);
        assert_int_equal(protection, TROTH_PROTECT_CONFIDENTIALITY);
        assert_true(length <= talk->said_length - talk->heard_length);
        if (length > 0)
            assert_memory_equal(data, talk->said + talk->heard_length, length);
        if (talk->line.mode == TROTH_STREAM_MESSAGES)
            assert_int_equal(length, talk->lengths[talk->heard_count]);
        talk->heard_length += length;
        talk->heard_count++;
        troth_stream_consume(stream, length);
    }
}

/* To the acceptor, in pieces; its answers go back. */
static void deliver(struct talk *talk, const uint8_t *bytes, size_t length)
{
    struct line *line = &talk->line;

    flow_put(&line->to[1], bytes, length);
    do {
        hear(talk);
    } while (line_turn(line));
    hear(talk);
    /* gss-sample: the initiator's own words come back to it, and are verified too. */
    while ((troth_stream_state(line->end[0]) & TROTH_STREAM_DATA) != 0)
        troth_stream_consume(line->end[0], LONGEST);
}

static size_t header_size(const struct line *line)
{
    return line->framing == TROTH_FRAMING_GSS_SAMPLE ? 5 : 4;
}

/* Announces so many bytes. */
static void set_length(const struct line *line, uint8_t *frame, size_t length)
{
    const bool little = line->framing == TROTH_FRAMING_LE32 || line->framing == TROTH_FRAMING_NEGOTIATE_STREAM;
    uint8_t *at = frame + header_size(line) - 4;

    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(length >> (8 * (little ? i : 3 - i)));
}

/* One frame on its way, and what is done to it. */
static void pass(struct talk *talk, const struct edit *edit, struct flow *frame)
{
    const size_t header = header_size(&talk->line);
    uint8_t junk[64];

    pattern(junk, sizeof junk, edit->value);
    switch (edit->deed) {
    case FLIP:
        frame->data[edit->at % frame->length] ^= (uint8_t)(1u << (edit->value % 8));
        break;
    case CUT_SHORT: /* with a length that fits what is left */
        frame->length = header + edit->at % (frame->length - header);
        set_length(&talk->line, frame->data, frame->length - header);
        break;
    case STOP:
        frame->length = edit->at % (frame->length + 1);
        talk->stopped = true;
        break;
    case DROP:
        frame->length = 0;
        break;
    case REPEAT: {
        struct flow copy = {NULL, 0, 0};

        flow_put(&copy, frame->data, frame->length);
        flow_put(frame, copy.data, copy.length);
        free(copy.data);
        break;
    }
    case SWAP:
        flow_put(&talk->held, frame->data, frame->length);
        return;
    case REPLAY_FIRST:
        flow_put(frame, talk->first.data, talk->first.length);
        break;
    case LENGTHEN:
        flow_put(frame, junk, 1 + edit->at % sizeof junk);
        set_length(&talk->line, frame->data, frame->length - header);
        break;
    case OVERSIZE:
        set_length(&talk->line, frame->data, 65537 + edit->value * 65537);
        break;
    case INSERT: { /* junk in front of it */
        struct flow copy = {NULL, 0, 0};

        flow_put(&copy, junk, 1 + edit->at % sizeof junk);
        flow_put(&copy, frame->data, frame->length);
        free(frame->data);
        *frame = copy;
        break;
    }
    default:
        break;
    }
    deliver(talk, frame->data, frame->length);
    if (talk->held.length > 0) {
        deliver(talk, talk->held.data, talk->held.length);
        talk->held.length = 0;
    }
}

/* The edits are those of the frames that they name. */
static struct talk *converse(size_t way, const struct edit *edits, size_t count)
{
    static struct talk talk;
    static const struct edit none = {NOTHING, 0, 0, 0};

    memset(&talk, 0, sizeof talk);
    talk.line = line_new(way, 0);
    line_handshake(&talk.line);
    for (size_t i = 0; i < MESSAGES && !talk.stopped; i++) {
        const struct edit *edit = &none;
        struct flow frame = {NULL, 0, 0};
        uint8_t *plain = talk.said + talk.said_length;
        size_t taken = 0;

        for (size_t k = 0; k < count; k++)
            edit = edits[k].frame == i ? &edits[k] : edit;
        talk.lengths[i] = 1 + (i * 11) % LONGEST;
        pattern(plain, talk.lengths[i], i * 31);
        if (troth_stream_send(talk.line.end[0], plain, talk.lengths[i], &taken, NULL) != TROTH_OK)
            break; /* gss-sample: the answer that it waits for will not come, or it failed by one */
        talk.said_length += talk.lengths[i];
        line_collect(&talk.line, 0, &frame);
        if (i == 0)
            flow_put(&talk.first, frame.data, frame.length);
        pass(&talk, edit, &frame);
        free(frame.data);
    }
    if (talk.line.mode == TROTH_STREAM_BYTES && !talk.stopped) {
        struct flow frame = {NULL, 0, 0};

        if (troth_stream_end(talk.line.end[0], NULL) == TROTH_OK) {
            line_collect(&talk.line, 0, &frame);
            deliver(&talk, frame.data, frame.length);
        }
        free(frame.data);
    }
    if ((troth_stream_state(talk.line.end[1]) & TROTH_STREAM_FAILED) == 0)
        troth_stream_feed_end(talk.line.end[1], NULL);
    return &talk;
}

static void forget(struct talk *talk)
{
    line_free(&talk->line);
    free(talk->held.data);
    free(talk->first.data);
}

/* It failed; or nothing is missing; or it stopped between two frames, and nobody vouches for the end. */
static void expect_sound(struct talk *talk, const char *what)
{
    troth_stream *stream = talk->line.end[1];
    const bool failed = (troth_stream_state(stream) & TROTH_STREAM_FAILED) != 0;
    const bool all = talk->heard_count > 0 && talk->heard_length == talk->said_length;

    if (!failed && !all && !talk->stopped && talk->line.framing != TROTH_FRAMING_GSS_SAMPLE)
        fail_msg("%s: %zu of %zu bytes came, and nothing was said of the others", what, talk->heard_length,
                 talk->said_length);
    if (troth_stream_end_of_peer(stream) == TROTH_END_PROTECTED)
        assert_true(all && !failed);
}

static void nothing_is_delivered_that_was_changed_on_its_way(void **state)
{
    static const char *const names[DEEDS] = {"nothing", "flip",   "cut short",        "stop",     "drop",    "repeat",
                                             "swap",    "replay", "replay the first", "lengthen", "oversize"};

    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        for (int deed = NOTHING; deed < DEEDS; deed++) {
            for (size_t frame = 0; frame < MESSAGES; frame += 2) {
                const struct edit edit = {(enum deed)deed, frame, 7 * frame + 9, frame + 3};
                struct talk *talk;

                chance_reset(way * 100 + (size_t)deed);
                talk = converse(way, &edit, 1);
                expect_sound(talk, deed < INSERT ? names[deed] : "insert");
                if (deed == NOTHING) {
                    assert_int_equal(talk->heard_length, talk->said_length);
                    assert_int_equal(troth_stream_state(talk->line.end[1]) & TROTH_STREAM_FAILED, 0);
                }
                /* Found at that frame at the latest, or at the next. */
                if (deed == REPEAT || deed == OVERSIZE || deed == LENGTHEN || deed == CUT_SHORT || deed == INSERT)
                    assert_true((troth_stream_state(talk->line.end[1]) & TROTH_STREAM_FAILED) != 0);
                forget(talk);
                if (fewer(30) == 1)
                    frame = MESSAGES;
            }
        }
    }
}

static void a_flipped_bit_anywhere_in_a_frame_delivers_nothing_false(void **state)
{
    const size_t every = fewer(30) == 1 ? 37 : 1;

    (void)state;
    for (size_t way = 0; way < WAYS; way++) {
        /* The second frame: header, token header, ciphertext, checksum. */
        for (size_t at = 0; at < 76; at += every) {
            const struct edit edit = {FLIP, 1, at, at * 5 + way};
            struct talk *talk;

            chance_reset(at);
            talk = converse(way, &edit, 1);
            expect_sound(talk, "flip");
            /* Only gss-sample's flag byte is not protected, and says nothing that matters. */
            if (talk->line.framing != TROTH_FRAMING_GSS_SAMPLE || at > 0) {
                assert_true((troth_stream_state(talk->line.end[1]) & TROTH_STREAM_FAILED) != 0);
                assert_int_equal(talk->heard_count, 1);
            }
            forget(talk);
        }
    }
}

static void any_few_edits_together_deliver_nothing_false(void **state)
{
    (void)state;
    for (size_t round = 0; round < fewer(3000); round++) {
        struct edit edits[3];
        struct talk *talk;

        chance_reset(round + 1000);
        for (size_t i = 0; i < 3; i++)
            edits[i] = (struct edit){(enum deed)chance(DEEDS), chance(MESSAGES), chance(200), chance(256)};
        talk = converse(round % WAYS, edits, 1 + round % 3);
        if (troth_stream_end_of_peer(talk->line.end[1]) == TROTH_END_PROTECTED)
            assert_int_equal(talk->heard_length, talk->said_length);
        forget(talk);
    }
}

/* An edited handshake: each end is ready only if the other can be understood by it. */
static void an_edited_handshake_never_opens_to_what_is_false(void **state)
{
    const size_t every = fewer(30) == 1 ? 211 : 3;

    (void)state;
    for (size_t way = 0; way < WAYS; way += 2) {
        size_t whole[2] = {1, 1};

        for (int victim = 0; victim < 2; victim++) {
            for (size_t at = 0; at < whole[victim]; at += every) {
                struct line line = line_new(way, 0);
                size_t passed = 0;
                bool moved = true;

                line.cuts = CUT_NOWHERE;
                while (moved) {
                    moved = false;
                    for (int end = 0; end < 2; end++) {
                        struct flow *to = &line.to[end];
                        size_t taken = 0;

                        if (end == victim && to->length > 0) {
                            if (at >= passed && at - passed < to->length)
                                to->data[at - passed] ^= (uint8_t)(1u << (at % 8));
                            passed += to->length;
                        }
                        if (to->length > 0 && (troth_stream_state(line.end[end]) & TROTH_STREAM_WANT_READ) != 0) {
                            troth_stream_feed(line.end[end], to->data, to->length, &taken, NULL);
                            moved = true;
                        }
                        to->length = 0;
                        if ((troth_stream_state(line.end[end]) & TROTH_STREAM_STEP_DUE) != 0) {
                            troth_stream_step(line.end[end], NULL);
                            moved = true;
                        }
                        line_collect(&line, end, &line.to[1 - end]);
                        moved = moved || line.to[1 - end].length > 0;
                    }
                }
                whole[victim] = passed > whole[victim] ? passed : whole[victim];
                if ((troth_stream_state(line.end[0]) & troth_stream_state(line.end[1]) & TROTH_STREAM_READY) != 0) {
                    const void *data = NULL;
                    size_t taken = 0, length = 0;

                    assert_int_equal(troth_stream_send(line.end[0], "still us", 8, &taken, NULL), TROTH_OK);
                    while (line_turn(&line)) {
                    }
                    assert_int_equal(troth_stream_peek(line.end[1], &data, &length, NULL, NULL), TROTH_OK);
                    assert_int_equal(length, 8);
                    assert_memory_equal(data, "still us", 8);
                }
                line_free(&line);
            }
        }
    }
}

/* gss-sample: the answer is what the initiator believes. */
static void an_answer_that_was_changed_gives_no_data_back(void **state)
{
    (void)state;
    for (size_t at = 0; at < 33; at += 33 / fewer(33)) {
        struct line line = line_new(4, 0);
        struct flow frame = {NULL, 0, 0}, answer = {NULL, 0, 0};
        size_t taken = 0;

        assert_int_equal(line.framing, TROTH_FRAMING_GSS_SAMPLE);
        line_handshake(&line);
        assert_int_equal(troth_stream_send(line.end[0], "hello", 5, &taken, NULL), TROTH_OK);
        line_collect(&line, 0, &frame);
        assert_int_equal(troth_stream_feed(line.end[1], frame.data, frame.length, &taken, NULL), TROTH_OK);
        line_collect(&line, 1, &answer);
        assert_true(answer.length >= 33);
        answer.data[at] ^= (uint8_t)(1u << (at % 8));
        troth_stream_feed(line.end[0], answer.data, answer.length, &taken, NULL);
        assert_int_equal(troth_stream_state(line.end[0]) & TROTH_STREAM_DATA, 0);
        assert_true(troth_stream_feed_end(line.end[0], NULL) != TROTH_OK);
        free(frame.data);
        free(answer.data);
        line_free(&line);
    }
}

int run_hostile_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_delivered_that_was_changed_on_its_way),
        cmocka_unit_test(a_flipped_bit_anywhere_in_a_frame_delivers_nothing_false),
        cmocka_unit_test(any_few_edits_together_deliver_nothing_false),
        cmocka_unit_test(an_edited_handshake_never_opens_to_what_is_false),
        cmocka_unit_test(an_answer_that_was_changed_gives_no_data_back),
    };

    return cmocka_run_group_tests_name("streams, hostile", tests, NULL, NULL);
}
