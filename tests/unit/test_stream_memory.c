/* test_stream_memory.c - shows what a stream holds and when: bounds, back-pressure, failed allocations, wiping,
 * threads.
 */
#include "stream_peer.h"

#include <stdio.h>

#include "stream.h"

static const troth_framing framings[] = {TROTH_FRAMING_BE32, TROTH_FRAMING_LE32, TROTH_FRAMING_GSS_SAMPLE,
                                         TROTH_FRAMING_NEGOTIATE_STREAM};
static const char secret[] = "the secret plaintext";

/* ---- what is held --------------------------------------------------------------------------------------------- */

static void an_idle_stream_holds_itself_and_its_lock(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const troth_framing framing = framings[i / 2];
        const troth_role role = i % 2 == 0 ? TROTH_INITIATOR : TROTH_ACCEPTOR;
        troth_stream_options options = peer_options(framing, TROTH_STREAM_MESSAGES);
        static struct peer_bytes bytes;
        static struct peer_record record;
        struct scripted script;
        struct peer_stream it;
        troth_context *context;
        size_t context_alone, idle;

        /* What the context takes by itself, and then with the stream after the handshake and a message each way. */
        support_memory_watch("", 1);
        scripted_init(&script, peer_steps_initiator, 2);
        context = scripted_context(&script, role, NULL);
        context_alone = support_memory_held();
        troth_context_free(context);
        assert_int_equal(support_memory_held(), 0);
        peer_open(&it, role, &options, NULL);
        peer_handshake(&it, framing, role);
        idle = support_memory_held() - context_alone;
        if (framing != TROTH_FRAMING_GSS_SAMPLE || role == TROTH_ACCEPTOR) {
            memset(&bytes, 0, sizeof bytes);
            memset(&record, 0, sizeof record);
            peer_put_message(&bytes, framing, secret, sizeof secret);
            peer_feed(&it, true, bytes.data, bytes.length, 0, &record);
            peer_finish(&it, false, &record);
            assert_int_equal(record.data.length, 1 + sizeof secret);
        }
        assert_int_equal(support_memory_held() - context_alone, idle);
        assert_true(idle >= sizeof(struct troth_stream));
        assert_true(idle <= 1024);
        if (i == 0)
            print_message("# an idle stream holds %zu bytes beyond its context\n", idle);
        peer_close(&it);
        assert_int_equal(support_memory_held(), 0);
        support_memory_watch(NULL, 0);
    }
}

static void an_announced_length_takes_no_memory_before_it_comes(void **state)
{
    troth_stream_options options = peer_options(TROTH_FRAMING_BE32, TROTH_STREAM_MESSAGES);
    static uint8_t much[100000];
    struct peer_stream it;
    size_t before, taken;

    (void)state;
    options.frame_limit = 0xFFFFFFFF;
    support_memory_watch("", 1);
    peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
    before = support_memory_held();
    assert_int_equal(troth_stream_feed(it.stream, "\xFF\xFF\xFF\xFF", 4, &taken, NULL), TROTH_OK);
    assert_int_equal(support_memory_held(), before);
    assert_int_equal(troth_stream_wanted(it.stream), 0xFFFFFFFF);
    for (size_t come = 0; come < 10 * sizeof much;) {
        const size_t part = come < 100 ? 1 : sizeof much / 10;

        assert_int_equal(troth_stream_feed(it.stream, much, part, &taken, NULL), TROTH_OK);
        assert_int_equal(taken, part);
        come += part;
        assert_true(support_memory_held() - before <= 2 * come + 16384);
        assert_true(support_memory_most() - before <= 3 * come + 16384); /* while it grows there are two */
    }
    peer_close(&it);
    support_memory_watch(NULL, 0);
}

static void nothing_more_is_taken_while_data_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(framings[i], TROTH_STREAM_BYTES);
        static struct peer_bytes bytes;
        struct peer_stream it;
        size_t one, at = 0, before, messages = 0;

        memset(&bytes, 0, sizeof bytes);
        peer_put_message(&bytes, framings[i], secret, sizeof secret);
        one = bytes.length;
        for (int n = 0; n < 99; n++)
            peer_put_message(&bytes, framings[i], secret, sizeof secret);
        support_memory_watch("", 1);
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        peer_handshake(&it, framings[i], TROTH_ACCEPTOR);
        before = support_memory_held();
        support_memory_most_reset();
        while (at < bytes.length) {
            size_t taken = 0;

            assert_int_equal(troth_stream_feed(it.stream, bytes.data + at, bytes.length - at, &taken, NULL), TROTH_OK);
            assert_int_equal(taken, one);
            at += taken;
            assert_int_equal(troth_stream_feed(it.stream, "x", 1, &taken, NULL), TROTH_E_STATE);
            assert_int_equal(troth_stream_wanted(it.stream), 0);
            troth_stream_consume(it.stream, sizeof secret - 1);
            assert_int_equal(troth_stream_feed(it.stream, "x", 1, &taken, NULL), TROTH_E_STATE);
            troth_stream_consume(it.stream, 99);
            /* gss-sample: and not before the answer was sent. */
            assert_true(((troth_stream_state(it.stream) & TROTH_STREAM_WANT_WRITE) != 0) ==
                        (framings[i] == TROTH_FRAMING_GSS_SAMPLE));
            if (framings[i] == TROTH_FRAMING_GSS_SAMPLE)
                assert_int_equal(troth_stream_feed(it.stream, "x", 1, &taken, NULL), TROTH_E_STATE);
            peer_take(it.stream, NULL);
            messages++;
        }
        assert_int_equal(messages, 100);
        assert_int_equal(support_memory_held(), before);
        assert_true(support_memory_most() - before <= 3 * one);
        peer_close(&it);
        support_memory_watch(NULL, 0);
    }
}

/* A gss-sample peer that sends and never reads, with messages that deliver nothing. */
static void a_peer_that_takes_no_answer_makes_no_heap_of_them(void **state)
{
    troth_stream_options options = peer_options(TROTH_FRAMING_GSS_SAMPLE, TROTH_STREAM_BYTES);
    static struct peer_bytes bytes;
    struct peer_stream it;
    size_t before, taken = 0, at = 0;

    (void)state;
    memset(&bytes, 0, sizeof bytes);
    for (int i = 0; i < 500; i++)
        peer_put_message(&bytes, TROTH_FRAMING_GSS_SAMPLE, NULL, 0);
    support_memory_watch("", 1);
    peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
    peer_handshake(&it, TROTH_FRAMING_GSS_SAMPLE, TROTH_ACCEPTOR);
    before = support_memory_held();
    support_memory_most_reset();
    while ((troth_stream_state(it.stream) & TROTH_STREAM_WANT_READ) != 0) {
        assert_int_equal(troth_stream_feed(it.stream, bytes.data + at, bytes.length - at, &taken, NULL), TROTH_OK);
        at += taken;
    }
    assert_int_equal(at, 5 + SCRIPTED_HEADER);
    assert_true(support_memory_most() - before <= 64);
    peer_close(&it);
    support_memory_watch(NULL, 0);
}

static void what_is_pending_is_one_frame_at_the_most(void **state)
{
    static uint8_t much[300000];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(framings[i], TROTH_STREAM_BYTES);
        struct peer_stream it;
        const void *data;
        size_t before, sent = 0, pending, frames = 0;

        options.frame_limit = 1000;
        support_memory_watch("", 1);
        peer_open(&it, TROTH_INITIATOR, &options, NULL);
        peer_handshake(&it, framings[i], TROTH_INITIATOR);
        before = support_memory_held();
        support_memory_most_reset();
        while (sent < sizeof much && frames < 5) {
            size_t taken = 0;

            assert_int_equal(troth_stream_send(it.stream, much + sent, sizeof much - sent, &taken, NULL),
                             TROTH_CONTINUE);
            troth_stream_pending(it.stream, &data, &pending);
            assert_true(pending <= 1000 + 5 && taken == 1000 - SCRIPTED_HEADER);
            sent += taken;
            assert_int_equal(troth_stream_send(it.stream, "more", 4, &taken, NULL), TROTH_CONTINUE);
            assert_int_equal(taken, 0);
            assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_CONTINUE);
            /* In part, it is still the same. */
            troth_stream_sent(it.stream, 1);
            assert_int_equal(troth_stream_send(it.stream, much, 1000, &taken, NULL), TROTH_CONTINUE);
            troth_stream_sent(it.stream, pending + 7);
            frames++;
            if (framings[i] == TROTH_FRAMING_GSS_SAMPLE) {
                /* Also when all was sent, until the answer is here and its data was taken. */
                assert_int_equal(troth_stream_send(it.stream, "more", 4, &taken, NULL), TROTH_CONTINUE);
                assert_int_equal(troth_stream_feed(it.stream, "\x08\0\0\0\4MIC!", 9, &taken, NULL), TROTH_OK);
                assert_int_equal(troth_stream_send(it.stream, "more", 4, &taken, NULL), TROTH_CONTINUE);
                troth_stream_consume(it.stream, 1000);
            }
        }
        assert_int_equal(frames, 5);
        assert_int_equal(support_memory_held(), before);
        assert_true(support_memory_most() - before <= 2 * 1005); /* gss-sample keeps the message for its answer */
        peer_close(&it);
        support_memory_watch(NULL, 0);
    }
}

static void small_messages_gather_until_a_frame_is_full(void **state)
{
    troth_stream_options options = peer_options(TROTH_FRAMING_BE32, TROTH_STREAM_MESSAGES);
    struct peer_stream it;
    const void *data;
    size_t pending, taken = 0, count = 0;

    (void)state;
    options.frame_limit = 100;
    peer_open(&it, TROTH_INITIATOR, &options, NULL);
    peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_INITIATOR);
    while (troth_stream_send(it.stream, "ten bytes!", 10, &taken, NULL) == TROTH_OK)
        count++;
    assert_int_equal(count, 5);
    troth_stream_pending(it.stream, &data, &pending);
    assert_int_equal(pending, 5 * (4 + SCRIPTED_HEADER + 10));
    troth_stream_sent(it.stream, 18);
    assert_int_equal(troth_stream_send(it.stream, "ten bytes!", 10, &taken, NULL), TROTH_OK);
    peer_close(&it);
}

static void a_message_that_no_frame_holds_is_refused_and_nothing_changes(void **state)
{
    static const struct {
        troth_framing framing;
        size_t limit;
        size_t most;
    } cases[] = {
        {TROTH_FRAMING_BE32, 0, 65536 - SCRIPTED_HEADER},       {TROTH_FRAMING_BE32, 100, 100 - SCRIPTED_HEADER},
        {TROTH_FRAMING_BE32, 200000, 200000 - SCRIPTED_HEADER}, {TROTH_FRAMING_NEGOTIATE_STREAM, 0, 0xFC00},
        {TROTH_FRAMING_NEGOTIATE_STREAM, 200000, 0xFC00},
    };
    static uint8_t much[200001];
    size_t taken = 9;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_stream_options options = peer_options(cases[i].framing, TROTH_STREAM_MESSAGES);
        troth_error error = TROTH_ERROR_INIT;
        struct peer_stream it;

        options.frame_limit = cases[i].limit;
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        peer_handshake(&it, cases[i].framing, TROTH_ACCEPTOR);
        assert_int_equal(troth_stream_send(it.stream, much, cases[i].most + 1, &taken, &error), TROTH_E_FRAME);
        assert_text(error.text, "leaves room for ");
        assert_int_equal(taken, 0);
        assert_int_equal(troth_stream_send(it.stream, much, cases[i].most, &taken, NULL), TROTH_OK);
        assert_int_equal(taken, cases[i].most);
        peer_close(&it);
    }
}

static void not_even_an_empty_message_is_sent_over_the_limit(void **state)
{
    (void)state;
    for (int mode = 0; mode < 2; mode++) {
        troth_stream_options options = peer_options(TROTH_FRAMING_BE32, (troth_stream_mode)mode);
        struct peer_stream it;
        size_t taken = 9;

        options.frame_limit = 59;
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        it.script.attributes.wrap_overhead = 60;
        peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_ACCEPTOR);
        assert_int_equal(troth_stream_send(it.stream, NULL, 0, &taken, NULL), TROTH_E_FRAME);
        assert_int_equal(taken, 0);
        assert_int_equal(troth_stream_end(it.stream, NULL), mode == TROTH_STREAM_BYTES ? TROTH_E_FRAME : TROTH_OK);
        assert_true((troth_stream_state(it.stream) & (TROTH_STREAM_WANT_WRITE | TROTH_STREAM_FAILED)) == 0);
        peer_close(&it);
    }
}

/* .NET writes 63 KiB, which Kerberos makes 0xFC3C bytes of; none of ours is over [MS-NNS]'s own limit. */
static void negotiate_stream_takes_what_dot_net_sends(void **state)
{
    static const size_t lengths[] = {0xFC30, 0xFC3C, 0x10000, 0x10001};
    static uint8_t frame[0x10001 + 4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_stream_options options = peer_options(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_MESSAGES);
        struct peer_stream it;
        size_t taken = 0;

        options.frame_limit = 1000000;
        memset(frame, 0, sizeof frame);
        frame[0] = (uint8_t)lengths[i];
        frame[1] = (uint8_t)(lengths[i] >> 8);
        frame[2] = (uint8_t)(lengths[i] >> 16);
        frame[4] = 'W';
        frame[5] = TROTH_PROTECT_CONFIDENTIALITY;
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        peer_handshake(&it, TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_ACCEPTOR);
        assert_int_equal(troth_stream_feed(it.stream, frame, lengths[i] + 4, &taken, NULL),
                         i < 3 ? TROTH_OK : TROTH_E_FRAME);
        assert_int_equal(taken, i < 3 ? lengths[i] + 4 : 4);
        peer_close(&it);
    }
}

/* ---- memory that is out, and memory that is given back -------------------------------------------------------- */

/* A conversation with a failure wherever it comes. Returns whether all went well. */
static bool converse(troth_framing framing, troth_role role, struct scripted *script)
{
    troth_stream_options options = peer_options(framing, TROTH_STREAM_BYTES);
    static struct peer_bytes bytes;
    static struct peer_record record;
    struct peer_stream it;
    troth_status status;
    troth_context *context;
    size_t taken = 0;

    memset(&bytes, 0, sizeof bytes);
    memset(&record, 0, sizeof record);
    scripted_init(&it.script, role == TROTH_INITIATOR ? peer_steps_initiator : peer_steps_acceptor,
                  role == TROTH_INITIATOR ? 2 : 1);
    support_fail_allocation(0);
    context = scripted_context(&it.script, role, NULL);
    support_fail_allocation(script->stepped); /* the test's count stands there */
    status = troth_stream_new(context, &options, &it.stream, NULL);
    if (status != TROTH_OK) {
        assert_int_equal(status, TROTH_E_MEMORY);
        troth_context_free(context);
        assert_true(scripted_all_freed(&it.script));
        return false;
    }
    peer_put_handshake(&bytes, framing, role);
    if (framing != TROTH_FRAMING_GSS_SAMPLE || role == TROTH_ACCEPTOR)
        peer_put_message(&bytes, framing, secret, sizeof secret);
    peer_feed(&it, false, bytes.data, bytes.length, 3, &record);
    if (record.status == TROTH_OK && framing != TROTH_FRAMING_GSS_SAMPLE) {
        status = troth_stream_send(it.stream, secret, sizeof secret, &taken, NULL);
        if (status == TROTH_E_MEMORY) {
            /* Nothing was changed: it works the second time. */
            assert_true(support_allocation_failed());
            assert_int_equal(taken, 0);
            assert_int_equal(troth_stream_send(it.stream, secret, sizeof secret, &taken, NULL), TROTH_OK);
        }
        assert_int_equal(taken, sizeof secret);
    }
    peer_finish(&it, true, &record);
    assert_true(record.status == TROTH_OK || record.status == TROTH_E_MEMORY);
    assert_true(record.status == TROTH_OK || (record.state & TROTH_STREAM_FAILED) != 0);
    peer_close(&it);
    return record.status == TROTH_OK;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        const troth_role role = i % 2 == 0 ? TROTH_INITIATOR : TROTH_ACCEPTOR;
        struct scripted counter;
        bool failed = true;

        memset(&counter, 0, sizeof counter);
        for (counter.stepped = 1; failed; counter.stepped++) {
            support_memory_watch(secret, sizeof secret - 1);
            converse(framings[i / 2], role, &counter);
            failed = support_allocation_failed();
            assert_int_equal(support_memory_held(), 0);
            assert_int_equal(support_memory_unwiped(), 0);
            assert_true(counter.stepped < 40);
        }
        assert_true(counter.stepped > 4);
    }
    support_fail_allocation(0);
    support_memory_watch(NULL, 0);
}

static void plaintext_is_wiped_when_it_was_consumed_and_when_it_was_not(void **state)
{
    (void)state;
    for (int consumed = 0; consumed < 3; consumed++) {
        troth_stream_options options = peer_options(TROTH_FRAMING_BE32, TROTH_STREAM_BYTES);
        static struct peer_bytes bytes;
        const void *data = NULL;
        struct peer_stream it;
        size_t length, taken;

        memset(&bytes, 0, sizeof bytes);
        peer_put_message(&bytes, TROTH_FRAMING_BE32, secret, sizeof secret);
        support_memory_watch(secret, sizeof secret - 1);
        peer_open(&it, TROTH_ACCEPTOR, &options, NULL);
        peer_handshake(&it, TROTH_FRAMING_BE32, TROTH_ACCEPTOR);
        assert_int_equal(troth_stream_feed(it.stream, bytes.data, bytes.length, &taken, NULL), TROTH_OK);
        assert_int_equal(troth_stream_peek(it.stream, &data, &length, NULL, NULL), TROTH_OK);
        assert_int_equal(length, sizeof secret);
        if (consumed == 1) {
            static const uint8_t nothing[4];

            troth_stream_consume(it.stream, 4);
            assert_memory_equal(data, nothing, 4); /* the frame is still there */
            assert_int_equal(troth_stream_peek(it.stream, &data, &length, NULL, NULL), TROTH_OK);
            assert_memory_equal(data, secret + 4, sizeof secret - 4);
        } else if (consumed == 2) {
            troth_stream_consume(it.stream, length);
        }
        peer_close(&it);
        assert_int_equal(support_memory_held(), 0);
        assert_int_equal(support_memory_unwiped(), 0);
        support_memory_watch(NULL, 0);
    }
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

static void step_in_a_thread(void *argument)
{
    struct peer_stream *it = argument;

    troth_stream_step(it->stream, NULL);
}

static void a_claimed_step_is_made_by_another_thread(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct support_thread *thread;
        struct peer_stream it;
        size_t taken;

        peer_open(&it, TROTH_INITIATOR, NULL, NULL);
        assert_int_equal(troth_stream_claim_step(it.stream, NULL), TROTH_OK);
        assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_STEPPING);
        assert_int_equal(troth_stream_claim_step(it.stream, NULL), TROTH_E_STATE);
        thread = support_thread_start(step_in_a_thread, &it);
        while (troth_stream_state(it.stream) == TROTH_STREAM_STEPPING) {
        }
        /* Seen here without the join: all that the step did. */
        assert_int_equal(troth_stream_state(it.stream), TROTH_STREAM_WANT_WRITE | TROTH_STREAM_WANT_READ);
        assert_int_equal(troth_stream_feed(it.stream, "\0\0", 2, &taken, NULL), TROTH_OK);
        support_thread_join(thread);
        peer_close(&it);
    }
}

static void a_stream_that_is_freed_during_its_step_is_gone_after_it(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct support_thread *thread;
        struct peer_stream it;

        peer_open(&it, TROTH_INITIATOR, NULL, NULL);
        assert_int_equal(troth_stream_claim_step(it.stream, NULL), TROTH_OK);
        thread = support_thread_start(step_in_a_thread, &it);
        troth_stream_free(it.stream); /* before, during or after it */
        support_thread_join(thread);
        assert_true(scripted_all_freed(&it.script));
    }
}

static void a_stream_that_is_freed_before_its_step_makes_none(void **state)
{
    struct peer_stream it;

    (void)state;
    peer_open(&it, TROTH_INITIATOR, NULL, NULL);
    assert_int_equal(troth_stream_claim_step(it.stream, NULL), TROTH_OK);
    troth_stream_free(it.stream);
    assert_false(scripted_all_freed(&it.script));
    assert_int_equal(troth_stream_step(it.stream, NULL), TROTH_E_STATE);
    assert_int_equal(it.script.stepped, 0);
    assert_true(scripted_all_freed(&it.script));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        support_allocation_test(an_idle_stream_holds_itself_and_its_lock),
        support_allocation_test(an_announced_length_takes_no_memory_before_it_comes),
        support_allocation_test(nothing_more_is_taken_while_data_waits),
        support_allocation_test(a_peer_that_takes_no_answer_makes_no_heap_of_them),
        support_allocation_test(what_is_pending_is_one_frame_at_the_most),
        cmocka_unit_test(small_messages_gather_until_a_frame_is_full),
        cmocka_unit_test(a_message_that_no_frame_holds_is_refused_and_nothing_changes),
        cmocka_unit_test(not_even_an_empty_message_is_sent_over_the_limit),
        cmocka_unit_test(negotiate_stream_takes_what_dot_net_sends),
        support_allocation_test(any_allocation_may_fail),
        support_allocation_test(plaintext_is_wiped_when_it_was_consumed_and_when_it_was_not),
        cmocka_unit_test(a_claimed_step_is_made_by_another_thread),
        cmocka_unit_test(a_stream_that_is_freed_during_its_step_is_gone_after_it),
        cmocka_unit_test(a_stream_that_is_freed_before_its_step_makes_none),
    };

    return cmocka_run_group_tests_name("stream_memory", tests, NULL, NULL);
}
