/* test_stream_rules.c - shows the rules of the two framings that have more than a length: gss-sample, NegotiateStream.
 */
#include "stream_peer.h"

static const struct scripted_step complete_at_once[] = {{TROTH_OK, PEER_FIRST, sizeof PEER_FIRST - 1}};
static const struct scripted_step complete_without_a_token[] = {{TROTH_OK, NULL, 0}};
static const struct scripted_step goes_on[] = {{TROTH_CONTINUE, PEER_FIRST, sizeof PEER_FIRST - 1}};

/* What a peer sends, and what comes of it. */
struct rule {
    const char *name;
    troth_framing framing;
    troth_role role;
    const struct scripted_step *steps;
    uint32_t stream_flags;
    uint32_t required;
    const char *bytes;
    size_t length;
    troth_status status;
    size_t stepped;
    const char *sent; /* NULL: not looked at */
    size_t sent_length;
};

#define NNS TROTH_FRAMING_NEGOTIATE_STREAM
#define SAMPLE TROTH_FRAMING_GSS_SAMPLE
#define WIRE(text) text, sizeof(text) - 1
#define NNS_REFUSAL "\x15\x01\0\0\x08\0\0\0\0\x80\x09\x03\x0C"
#define NNS_LACKING "\x15\x01\0\0\x08\0\0\0\0\0\0\x06\xFE"
#define SAMPLE_OPEN "\x11\0\0\0\0\x02\0\0\0\x01t"
#define SAMPLE_SENT "\x02\0\0\0\x0F" PEER_FIRST
#define INTEGRITY (TROTH_MUTUAL | TROTH_INTEGRITY)

static const struct rule rules[] = {
    {"an acceptor says done without a token", NNS, TROTH_ACCEPTOR, complete_without_a_token, 0, 0,
     WIRE("\x16\x01\0\0\x01t"), TROTH_OK, 1, WIRE("\x14\x01\0\0\0")},
    {"the version is ignored", NNS, TROTH_ACCEPTOR, complete_without_a_token, 0, 0, WIRE("\x16\x07\x09\0\x01t"),
     TROTH_OK, 1, WIRE("\x14\x01\0\0\0")},
    {"an initiator may be done first", NNS, TROTH_ACCEPTOR, complete_without_a_token, 0, 0, WIRE("\x14\x01\0\0\x01t"),
     TROTH_OK, 1, WIRE("\x14\x01\0\0\0")},
    {"done, and we are not", NNS, TROTH_ACCEPTOR, goes_on, 0, 0, WIRE("\x14\x01\0\0\x01t"), TROTH_E_BAD_TOKEN, 1,
     WIRE(NNS_REFUSAL)},
    {"no such type", NNS, TROTH_ACCEPTOR, goes_on, 0, 0, WIRE("\x17\x01\0\0\x01t"), TROTH_E_FRAME, 0, WIRE("")},
    {"an empty token", NNS, TROTH_ACCEPTOR, goes_on, 0, 0, WIRE("\x16\x01\0\0\0"), TROTH_E_BAD_TOKEN, 0, WIRE("")},
    {"a refusal", NNS, TROTH_ACCEPTOR, goes_on, 0, 0, WIRE(NNS_REFUSAL), TROTH_E_DENIED, 0, WIRE("")},
    {"a refusal of no code", NNS, TROTH_INITIATOR, goes_on, 0, 0, WIRE("\x15\x01\0\0\0"), TROTH_E_DENIED, 1, NULL, 0},
    {"complete, and the peer says so", NNS, TROTH_INITIATOR, complete_at_once, 0, 0, WIRE("\x14\x01\0\0\0"), TROTH_OK,
     1, WIRE("\x14\x01\0\0\x0F" PEER_FIRST)},
    {"complete, and the peer's token is ignored", NNS, TROTH_INITIATOR, complete_at_once, 0, 0,
     WIRE("\x14\x01\0\0\x01t"), TROTH_OK, 1, NULL, 0},
    {"complete, and the peer goes on", NNS, TROTH_INITIATOR, complete_at_once, 0, 0, WIRE("\x16\x01\0\0\x01t"),
     TROTH_E_BAD_TOKEN, 1, NULL, 0},
    {"complete, and refused", NNS, TROTH_INITIATOR, complete_at_once, 0, 0, WIRE(NNS_REFUSAL), TROTH_E_DENIED, 1, NULL,
     0},
    {"a context that lacks what is required", NNS, TROTH_ACCEPTOR, complete_at_once, 0, TROTH_DEFAULT_REQUESTED,
     WIRE("\x16\x01\0\0\x01t"), TROTH_E_REQUIREMENT, 1, WIRE(NNS_LACKING)},

    {"no authentication", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, 0, WIRE("\x01\0\0\0\0"), TROTH_E_REQUIREMENT, 0,
     WIRE("")},
    {"an end mark in the handshake", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, 0, WIRE("\x11\0\0\0\0\x01\0\0\0\0"),
     TROTH_E_FRAME, 0, WIRE("")},
    {"a token after the handshake", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, 0, WIRE(SAMPLE_OPEN "\x02\0\0\0\x01t"),
     TROTH_E_FRAME, 1, WIRE(SAMPLE_SENT)},
    {"a message that wants no MIC", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, 0,
     WIRE(SAMPLE_OPEN "\x64\0\0\0\x05W\x02\0\0h"), TROTH_OK, 1, WIRE(SAMPLE_SENT "\x01\0\0\0\0")},
    {"an end mark that is not empty", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, 0,
     WIRE(SAMPLE_OPEN "\x01\0\0\0\x01h"), TROTH_E_FRAME, 1, NULL, 0},
    {"plain", SAMPLE, TROTH_ACCEPTOR, complete_at_once, TROTH_STREAM_TAKE_PLAIN, INTEGRITY,
     WIRE(SAMPLE_OPEN "\x84\0\0\0\x01h"), TROTH_OK, 1, WIRE(SAMPLE_SENT "\x08\0\0\0\x04MIC!")},
    {"plain that is to be believed without a MIC", SAMPLE, TROTH_ACCEPTOR, complete_at_once, TROTH_STREAM_TAKE_PLAIN,
     INTEGRITY, WIRE(SAMPLE_OPEN "\x04\0\0\0\x01h"), TROTH_E_REQUIREMENT, 1, WIRE(SAMPLE_SENT)},
    {"plain that nobody allowed", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, INTEGRITY,
     WIRE(SAMPLE_OPEN "\x04\0\0\0\x01h"), TROTH_E_REQUIREMENT, 1, WIRE(SAMPLE_SENT)},
    {"plain where confidentiality is required", SAMPLE, TROTH_ACCEPTOR, complete_at_once, TROTH_STREAM_TAKE_PLAIN, 0,
     WIRE(SAMPLE_OPEN "\x04\0\0\0\x01h"), TROTH_E_REQUIREMENT, 1, WIRE(SAMPLE_SENT)},
    {"integrity alone where confidentiality is required", SAMPLE, TROTH_ACCEPTOR, complete_at_once, 0, 0,
     WIRE(SAMPLE_OPEN "\xA4\0\0\0\x05W\x01\0\0h"), TROTH_E_REQUIREMENT, 1, WIRE(SAMPLE_SENT)},
};

static void each_framing_keeps_its_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *rule = &rules[i];
        troth_stream_options options = peer_options(rule->framing, TROTH_STREAM_MESSAGES);
        troth_context_options context_options = TROTH_CONTEXT_OPTIONS_INIT;
        static struct peer_record record;
        struct peer_stream it;

        memset(&record, 0, sizeof record);
        options.flags = rule->stream_flags;
        context_options.required = rule->required;
        peer_open(&it, rule->role, &options, &context_options);
        it.script.steps = rule->steps;
        it.script.step_count = 1;
        if (rule->required == TROTH_DEFAULT_REQUESTED)
            it.script.attributes.properties &= ~TROTH_SEQUENCE_DETECTION;
        /* All but the last byte first: nothing is decided before a frame is whole. */
        for (size_t at = 0; at < rule->length; at += rule->length - 1)
            peer_feed(&it, true, (const uint8_t *)rule->bytes + at, at == 0 ? rule->length - 1 : 1, 0, &record);
        if (record.status == TROTH_OK && (troth_stream_state(it.stream) & TROTH_STREAM_READY) == 0)
            fail_msg("%s: not ready", rule->name);
        if (record.status != rule->status || record.steps != rule->stepped)
            fail_msg("%s: %s, %zu steps", rule->name, troth_status_name(record.status), record.steps);
        assert_int_equal(record.unencrypted, strcmp(rule->name, "plain") == 0 ? 1 : 0);
        if (rule->sent != NULL &&
            (record.sent.length != rule->sent_length || memcmp(record.sent.data, rule->sent, rule->sent_length) != 0))
            fail_msg("%s: other bytes were sent (%zu)", rule->name, record.sent.length);
        peer_close(&it);
    }
}

static void an_initiator_of_gss_sample_believes_only_a_mic(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        troth_status status;
    } answers[] = {
        {WIRE("\x08\0\0\0\x04MIC!"), TROTH_OK},      {WIRE("\x08\0\0\0\x04MIC?"), TROTH_E_ALTERED},
        {WIRE("\x08\0\0\0\0"), TROTH_E_BAD_TOKEN},   {WIRE("\x01\0\0\0\0"), TROTH_E_FRAME},
        {WIRE("\x04\0\0\0\x01x"), TROTH_E_FRAME},    {WIRE("\xE4\0\0\0\x05W\x02\0\0h"), TROTH_E_FRAME},
        {WIRE("\x0C\0\0\0\x04MIC!"), TROTH_E_FRAME},
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        troth_stream_options options = peer_options(SAMPLE, TROTH_STREAM_MESSAGES);
        struct peer_stream it;
        const void *data = NULL;
        size_t taken = 0, length = 0;

        peer_open(&it, TROTH_INITIATOR, &options, NULL);
        peer_handshake(&it, SAMPLE, TROTH_INITIATOR);
        assert_int_equal(troth_stream_send(it.stream, "hello", 5, &taken, NULL), TROTH_OK);
        assert_int_equal(troth_stream_end(it.stream, NULL), TROTH_CONTINUE);
        assert_int_equal(troth_stream_feed(it.stream, answers[i].bytes, answers[i].length, &taken, NULL),
                         answers[i].status);
        if (answers[i].status == TROTH_OK) {
            assert_int_equal(troth_stream_peek(it.stream, &data, &length, NULL, NULL), TROTH_OK);
            assert_int_equal(length, 5);
            assert_memory_equal(data, "hello", 5);
        } else {
            assert_int_equal(troth_stream_state(it.stream) & TROTH_STREAM_DATA, 0);
        }
        peer_close(&it);
    }
}

static void a_connection_that_ends_before_the_answer_was_cut(void **state)
{
    troth_stream_options options = peer_options(SAMPLE, TROTH_STREAM_MESSAGES);
    troth_error error = TROTH_ERROR_INIT;
    struct peer_stream it;
    size_t taken = 0;

    (void)state;
    peer_open(&it, TROTH_INITIATOR, &options, NULL);
    peer_handshake(&it, SAMPLE, TROTH_INITIATOR);
    assert_int_equal(troth_stream_send(it.stream, "hello", 5, &taken, NULL), TROTH_OK);
    assert_int_equal(troth_stream_feed_end(it.stream, &error), TROTH_E_CLOSED);
    assert_text(error.text, "before it answered our message");
    peer_close(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_framing_keeps_its_rules),
        cmocka_unit_test(an_initiator_of_gss_sample_believes_only_a_mic),
        cmocka_unit_test(a_connection_that_ends_before_the_answer_was_cut),
    };

    return cmocka_run_group_tests_name("stream_rules", tests, NULL, NULL);
}
