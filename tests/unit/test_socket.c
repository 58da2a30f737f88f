/* test_socket.c - shows handshakes and streams over real sockets, and above all how they end when the peer misbehaves.
 */
#include "support.h"

#include <stdio.h>

#include "portability.h"
#include "scripted_backend.h"

#define SHORT_MS 50

/* A token of no mechanism that token.h knows, so that only the framing is under test. */
static const char one[] = "token one";
static const char two[] = "the second token";

static const struct scripted_step answer_at_once[] = {{TROTH_OK, two, sizeof two}};
static const struct scripted_step two_legs[] = {{TROTH_CONTINUE, one, sizeof one}, {TROTH_OK, NULL, 0}};
static const struct scripted_step fail_with_token[] = {{TROTH_E_CLOCK_SKEW, two, sizeof two}};

static troth_socket_options with(troth_framing framing, int timeout)
{
    troth_socket_options options = TROTH_SOCKET_OPTIONS_INIT;

    options.framing = framing;
    options.timeout = timeout;
    return options;
}

/* A frame as the peer would send it. Returns its length. */
static size_t frame(troth_framing framing, uint8_t flags, const void *data, size_t length, uint8_t *out)
{
    size_t at = 0;

    if (framing == TROTH_FRAMING_GSS_SAMPLE)
        out[at++] = flags;
    for (size_t i = 0; i < 4; i++)
        out[at++] = (uint8_t)(length >> 8 * (framing == TROTH_FRAMING_LE32 ? i : 3 - i));
    if (length > 0)
        memcpy(out + at, data, length);
    return at + length;
}

static void expect_frame(troth_socket socket, troth_framing framing, uint8_t flags, const void *data, size_t length)
{
    uint8_t expected[256];
    uint8_t got[256];
    size_t size = frame(framing, flags, data, length, expected);

    support_receive(socket, got, size);
    assert_memory_equal(got, expected, size);
}

/* ---- the handshake -------------------------------------------------------------------------------------------- */

static void an_initiator_sends_and_receives_its_tokens(void **state)
{
    static const troth_framing framings[] = {TROTH_FRAMING_BE32, TROTH_FRAMING_LE32, TROTH_FRAMING_GSS_SAMPLE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct support_pair pair = support_pair_open();
        struct scripted script;
        troth_socket_options options = with(framings[i], 0);
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        uint8_t bytes[64];

        scripted_init(&script, two_legs, 2);
        context = scripted_context(&script, TROTH_INITIATOR, NULL);
        support_send(pair.theirs, bytes, frame(framings[i], TROTH_FRAME_CONTEXT, two, sizeof two, bytes));
        if (troth_authenticate(context, pair.ours, &options, &error) != TROTH_OK)
            fail_msg("%s", error.text);
        if (framings[i] == TROTH_FRAMING_GSS_SAMPLE)
            expect_frame(pair.theirs, framings[i], 0x11, NULL, 0);
        expect_frame(pair.theirs, framings[i], TROTH_FRAME_CONTEXT, one, sizeof one);
        assert_int_equal(script.stepped, 2);
        assert_int_equal(script.in_length, sizeof two);
        assert_memory_equal(script.in, two, sizeof two);
        support_close(&pair.ours);
        assert_true(support_at_end(pair.theirs));
        assert_int_equal(troth_authenticate(context, pair.theirs, &options, &error), TROTH_E_STATE);
        troth_context_free(context);
        assert_true(scripted_all_freed(&script));
        support_pair_close(&pair);
    }
}

static void an_acceptor_receives_first_and_sends_its_last_token(void **state)
{
    static const troth_framing framings[] = {TROTH_FRAMING_BE32, TROTH_FRAMING_LE32, TROTH_FRAMING_GSS_SAMPLE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct support_pair pair = support_pair_open();
        struct scripted script;
        troth_socket_options options = with(framings[i], 0);
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        uint8_t bytes[64];

        scripted_init(&script, answer_at_once, 1);
        context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
        support_nonblocking(pair.ours);
        if (framings[i] == TROTH_FRAMING_GSS_SAMPLE)
            support_send(pair.theirs, bytes, frame(framings[i], 0x11, NULL, 0, bytes));
        support_send(pair.theirs, bytes, frame(framings[i], TROTH_FRAME_CONTEXT, one, sizeof one, bytes));
        if (troth_authenticate(context, pair.ours, &options, &error) != TROTH_OK)
            fail_msg("%s", error.text);
        expect_frame(pair.theirs, framings[i], TROTH_FRAME_CONTEXT, two, sizeof two);
        assert_int_equal(script.in_length, sizeof one);
        assert_memory_equal(script.in, one, sizeof one);
        troth_context_free(context);
        support_pair_close(&pair);
    }
}

/* Runs an acceptor on bytes that the peer has sent; closes the peer's end first when told to. */
static troth_status accept_bytes(const struct scripted_step *step, troth_socket_options *options, const void *bytes,
                                 size_t length, bool close, struct scripted *script, troth_error *error)
{
    struct support_pair pair = support_pair_open();
    troth_context *context;
    troth_status status;

    scripted_init(script, step, 1);
    context = scripted_context(script, TROTH_ACCEPTOR, NULL);
    support_send(pair.theirs, bytes, length);
    if (close)
        support_close(&pair.theirs);
    status = troth_authenticate(context, pair.ours, options, error);
    troth_context_free(context);
    assert_true(scripted_all_freed(script));
    support_pair_close(&pair);
    return status;
}

static void a_handshake_cut_at_every_byte_says_so(void **state)
{
    static const troth_framing framings[] = {TROTH_FRAMING_BE32, TROTH_FRAMING_GSS_SAMPLE};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_socket_options options = with(framings[i], 0);
        uint8_t bytes[64];
        size_t whole = framings[i] == TROTH_FRAMING_GSS_SAMPLE ? frame(framings[i], 0x11, NULL, 0, bytes) : 0;

        whole += frame(framings[i], TROTH_FRAME_CONTEXT, one, sizeof one, bytes + whole);
        for (size_t cut = 0; cut < whole; cut++) {
            troth_error error = TROTH_ERROR_INIT;
            struct scripted script;

            assert_int_equal(accept_bytes(answer_at_once, &options, bytes, cut, true, &script, &error), TROTH_E_CLOSED);
            assert_text(error.text, "waiting for the peer over the socket: the peer closed the connection");
            assert_text(error.text, " bytes. Hint: the peer broke the handshake off; its own log says why");
            assert_int_equal(script.stepped, 0);
        }
    }
}

static void the_text_counts_what_came(void **state)
{
    troth_socket_options options = with(TROTH_FRAMING_GSS_SAMPLE, 0);
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    assert_int_equal(accept_bytes(answer_at_once, &options, "\x11\0\0", 3, true, &script, &error), TROTH_E_CLOSED);
    assert_text(error.text, "after 3 of 5 header bytes");
    assert_int_equal(accept_bytes(answer_at_once, NULL,
                                  "\0\0\0\x05"
                                  "ab",
                                  6, true, &script, &error),
                     TROTH_E_CLOSED);
    assert_text(error.text, "after 2 of 5 data bytes");
}

static void what_is_no_handshake_is_refused_before_a_step(void **state)
{
    static const struct {
        troth_framing framing;
        const char *bytes;
        size_t length;
        troth_status status;
        const char *text;
    } cases[] = {
        {TROTH_FRAMING_BE32, "\0\0\0\0", 4, TROTH_E_BAD_TOKEN, "the peer's token is empty"},
        {TROTH_FRAMING_LE32, "\0\0\0\0", 4, TROTH_E_BAD_TOKEN, "the peer's token is empty"},
        {TROTH_FRAMING_GSS_SAMPLE, "\x11\0\0\0\0\x02\0\0\0\0", 10, TROTH_E_BAD_TOKEN, "the peer's token is empty"},
        {TROTH_FRAMING_BE32, "\0\x01\0\x01", 4, TROTH_E_FRAME, "65537 bytes, and the limit is 65536"},
        {TROTH_FRAMING_BE32, "\xFF\xFF\xFF\xFF", 4, TROTH_E_FRAME, "4294967295 bytes"},
        {TROTH_FRAMING_GSS_SAMPLE, "\x01\0\0\0\0", 5, TROTH_E_REQUIREMENT, "without authenticating itself"},
        {TROTH_FRAMING_GSS_SAMPLE, "\x02\0\0\0\x01z", 6, TROTH_E_FRAME, "opens with an empty frame of flags 0x11"},
        {TROTH_FRAMING_GSS_SAMPLE, "\x11\0\0\0\x01z", 6, TROTH_E_FRAME, "opens with an empty frame of flags 0x11"},
        {TROTH_FRAMING_GSS_SAMPLE, "\x11\0\0\0\0\x04\0\0\0\x01z", 11, TROTH_E_FRAME,
         "flag 0x02, and the peer's has 0x04"},
        {TROTH_FRAMING_GSS_SAMPLE, "\0\0\0\0\x01z", 6, TROTH_E_FRAME, "without a flag"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_socket_options options = with(cases[i].framing, 0);
        troth_error error = TROTH_ERROR_INIT;
        struct scripted script;

        assert_int_equal(
            accept_bytes(answer_at_once, &options, cases[i].bytes, cases[i].length, false, &script, &error),
            cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        assert_text(error.text, cases[i].text);
        assert_int_equal(script.stepped, 0);
    }
}

static void a_length_in_the_wrong_framing_is_told(void **state)
{
    static const struct {
        troth_framing framing;
        const char *bytes;
        size_t length;
        const char *text;
    } cases[] = {
        {TROTH_FRAMING_BE32, "\x10\x02\0\0", 4, "it would be 528: does the peer use le32"},
        {TROTH_FRAMING_LE32, "\0\0\x02\x10", 4, "it would be 528: does the peer use be32"},
        {TROTH_FRAMING_BE32, "\x11\0\0\0", 4, "gss-sample"},
        {TROTH_FRAMING_BE32, "GET ", 4, "another protocol"},
        {TROTH_FRAMING_LE32, "GET ", 4, "another protocol"},
        {TROTH_FRAMING_GSS_SAMPLE, "\0\0\x02\x10\x60", 5, "does the peer use be32"},
        {TROTH_FRAMING_GSS_SAMPLE, "\x02\x7F\0\0\0", 5, "limit is 65536"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_socket_options options = with(cases[i].framing, 0);
        troth_error error = TROTH_ERROR_INIT;
        struct scripted script;

        assert_int_equal(
            accept_bytes(answer_at_once, &options, cases[i].bytes, cases[i].length, false, &script, &error),
            TROTH_E_FRAME);
        assert_text(error.text, cases[i].text);
    }
}

static void the_frame_limit_holds_for_what_comes(void **state)
{
    troth_socket_options options = with(TROTH_FRAMING_BE32, 0);
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    options.frame_limit = sizeof two; /* what the step answers */
    assert_int_equal(accept_bytes(answer_at_once, &options, "\0\0\0\x11seventeen bytes!!", 21, false, &script, &error),
                     TROTH_OK);
    assert_int_equal(script.in_length, 17);
    assert_int_equal(accept_bytes(answer_at_once, &options, "\0\0\0\x12", 4, false, &script, &error), TROTH_E_FRAME);
    assert_text(error.text, "announced a frame of 18 bytes, and the limit is 17");
    assert_int_equal(script.stepped, 0);
}

static void an_empty_token_later_on_is_the_peers_fault_too(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    scripted_init(&script, two_legs, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    support_send(pair.theirs, "\0\0\0\0", 4);
    assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_BAD_TOKEN);
    assert_int_equal(script.stepped, 1);
    troth_context_free(context);
    support_pair_close(&pair);
}

static void the_token_of_a_failed_step_is_sent_before_the_failure_returns(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    uint8_t bytes[64];

    (void)state;
    scripted_init(&script, fail_with_token, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    support_send(pair.theirs, bytes, frame(TROTH_FRAMING_BE32, 0, one, sizeof one, bytes));
    assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_CLOCK_SKEW);
    expect_frame(pair.theirs, TROTH_FRAMING_BE32, 0, two, sizeof two);
    assert_text(error.text, SCRIPTED_TEXT);
    assert_int_equal(error.native_minor, SCRIPTED_MINOR);
    troth_context_free(context);
    support_pair_close(&pair);
}

static void a_failed_step_stays_the_reason_when_its_token_cannot_be_sent(void **state)
{
    static char big[70000];
    static const struct scripted_step fail_with_big_token[] = {{TROTH_E_CLOCK_SKEW, big, sizeof big}};
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    scripted_init(&script, fail_with_token, 1);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    support_reset(&pair.theirs);
    assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_CLOCK_SKEW);
    assert_text(error.text, SCRIPTED_TEXT);
    assert_int_equal(error.status, TROTH_E_CLOCK_SKEW);
    assert_int_equal(error.native_major, SCRIPTED_MAJOR);
    troth_context_free(context);

    scripted_init(&script, fail_with_big_token, 1);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_CLOCK_SKEW);
    assert_text(error.text, SCRIPTED_TEXT);
    troth_context_free(context);
    support_pair_close(&pair);
}

static void a_token_over_the_limit_is_not_sent(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_socket_options options = with(TROTH_FRAMING_BE32, 0);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    options.frame_limit = sizeof one - 1;
    scripted_init(&script, two_legs, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_FRAME);
    assert_text(error.text, "our token of 10 bytes is over the frame limit of 9; nothing was sent");
    support_close(&pair.ours);
    assert_true(support_at_end(pair.theirs));
    troth_context_free(context);
    support_pair_close(&pair);
}

struct trickle {
    troth_socket socket;
    bool broken;
};

/* Sends a byte each time it waited 10 ms for the other end to close: far more bytes than fit into the timeout. */
static void trickle(void *argument)
{
    struct trickle *peer = argument;
    uint8_t byte = 1;
    size_t received = 0;
    int native = 0;

    for (int i = 0; i < 500 && !peer->broken; i++) {
        uint8_t header[4] = {0, 0, 0x10, 0};
        const uint8_t *next = i < 4 ? &header[i] : &byte;
        uint8_t ignored;

        peer->broken = !support_try_send(peer->socket, next, 1) ||
                       troth__socket_read(peer->socket, &ignored, 1, troth__monotonic_ms() + 10, &received, &native) !=
                           TROTH__IO_TIMEOUT;
    }
}

static void a_trickling_peer_meets_one_timeout_for_the_whole_handshake(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_socket_options options = with(TROTH_FRAMING_BE32, 3 * SHORT_MS);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    struct trickle peer = {pair.theirs, false};
    struct support_thread *thread;
    int64_t begun = troth__monotonic_ms();

    (void)state;
    scripted_init(&script, answer_at_once, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    thread = support_thread_start(trickle, &peer);
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_TIMEOUT);
    assert_true(troth__monotonic_ms() - begun < 3000);
    assert_text(error.text, "the timeout of 150 ms ended after ");
    assert_text(error.text, "4096 data bytes");
    support_close(&pair.ours);
    support_thread_join(thread);
    assert_true(peer.broken);
    troth_context_free(context);
    support_pair_close(&pair);
}

/* Sends a whole token after each 60 ms in which the other end did not close. */
static void answer_slowly(void *argument)
{
    struct trickle *peer = argument;
    size_t received = 0;
    int native = 0;

    for (int i = 0; i < 20 && !peer->broken; i++) {
        uint8_t ignored;

        peer->broken = troth__socket_read(peer->socket, &ignored, 1, troth__monotonic_ms() + 60, &received, &native) !=
                           TROTH__IO_TIMEOUT ||
                       !support_try_send(peer->socket, "\0\0\0\x02in", 6);
    }
}

static void a_peer_that_answers_slowly_every_time_meets_the_same_timeout(void **state)
{
    static const struct scripted_step goes_on_silently[] = {{TROTH_CONTINUE, NULL, 0}};
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_socket_options options = with(TROTH_FRAMING_BE32, 3 * SHORT_MS);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    struct trickle peer = {pair.theirs, false};
    struct support_thread *thread;

    (void)state;
    scripted_init(&script, goes_on_silently, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    thread = support_thread_start(answer_slowly, &peer);
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_TIMEOUT);
    assert_in_range(script.stepped, 0, 3);
    support_close(&pair.ours);
    support_thread_join(thread);
    assert_true(peer.broken);
    troth_context_free(context);
    support_pair_close(&pair);
}

static void a_silent_peer_meets_the_timeout_of_the_handshake(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_socket_options options = with(TROTH_FRAMING_LE32, SHORT_MS);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    scripted_init(&script, two_legs, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_TIMEOUT);
    assert_text(error.text, "the timeout of 50 ms ended after 0 of 4 header bytes");
    troth_context_free(context);
    support_pair_close(&pair);
}

static void a_peer_that_falls_silent_amid_a_frame_meets_the_timeout(void **state)
{
    troth_socket_options options = with(TROTH_FRAMING_BE32, SHORT_MS);
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;
    int64_t begun = troth__monotonic_ms();

    (void)state;
    assert_int_equal(accept_bytes(answer_at_once, &options,
                                  "\0\0\0\x04"
                                  "ab",
                                  6, false, &script, &error),
                     TROTH_E_TIMEOUT);
    assert_true(troth__monotonic_ms() - begun >= SHORT_MS - 20);
    assert_text(error.text, "the timeout of 50 ms ended after 2 of 4 data bytes");
}

static void a_peer_that_does_not_read_meets_the_timeout(void **state)
{
    enum { BIG = 16 * 1024 * 1024 };
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_socket_options options = with(TROTH_FRAMING_BE32, SHORT_MS);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    void *big = calloc(1, BIG);
    struct scripted_step big_token = {TROTH_CONTINUE, big, BIG};

    (void)state;
    assert_non_null(big);
    options.frame_limit = BIG;
    support_small_buffers(pair.ours);
    support_small_buffers(pair.theirs);
    scripted_init(&script, &big_token, 1);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_TIMEOUT);
    assert_text(error.text, "sending to the peer over the socket: the timeout of 50 ms ended before the peer took");
    troth_context_free(context);
    support_pair_close(&pair);
    free(big);
}

static void sending_to_a_peer_that_has_gone_is_closed_without_a_signal(void **state)
{
    struct support_pair pair = support_pair_open();
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    support_reset(&pair.theirs);
    for (int i = 0; i < 2; i++) {
        struct scripted script;
        troth_context *context;

        scripted_init(&script, two_legs, 2);
        context = scripted_context(&script, TROTH_INITIATOR, NULL);
        assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_CLOSED);
        assert_text(error.text, "the peer closed the connection");
        troth_context_free(context);
    }
    support_pair_close(&pair);
}

static void a_socket_that_is_none_is_an_io_failure(void **state)
{
    struct support_pair pair = support_pair_open();
    troth_socket gone = pair.ours;
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    support_pair_close(&pair);
    scripted_init(&script, two_legs, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_authenticate(context, gone, NULL, &error), TROTH_E_IO);
    assert_text(error.text, "the socket failed: ");
    troth_context_free(context);
}

static void a_token_of_the_limits_size_arrives_whole(void **state)
{
    enum { LENGTH = 65536 };
    static uint8_t bytes[4 + LENGTH];
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    bytes[1] = 1;
    memset(bytes + 4, 'x', LENGTH);
    assert_int_equal(accept_bytes(answer_at_once, NULL, bytes, sizeof bytes, false, &script, &error), TROTH_OK);
    assert_int_equal(script.in_length, LENGTH);
}

static void an_announced_length_alone_costs_little_memory(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;
    static uint8_t bytes[4 + 16384];

    (void)state;
    /* 64 KiB announced: the second allocation is made only when the first 16 KiB have come. */
    memcpy(bytes, "\0\x01\0\0", 4);
    support_largest_allocation_reset();
    assert_int_equal(accept_bytes(answer_at_once, NULL, bytes, 4 + 10, true, &script, &error), TROTH_E_CLOSED);
    assert_true(support_largest_allocation() <= 16384);
    support_largest_allocation_reset();
    assert_int_equal(accept_bytes(answer_at_once, NULL, bytes, sizeof bytes, true, &script, &error), TROTH_E_CLOSED);
    assert_true(support_largest_allocation() <= 32768);
}

static void without_memory_for_the_token_the_handshake_fails_cleanly(void **state)
{
    (void)state;
    for (int nth = 1; nth <= 3; nth++) {
        static uint8_t bytes[4 + 65536];
        struct support_pair pair = support_pair_open();
        struct scripted script;
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;

        bytes[1] = 1;
        scripted_init(&script, answer_at_once, 1);
        context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
        support_send(pair.theirs, bytes, sizeof bytes);
        support_fail_allocation(nth);
        assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_MEMORY);
        assert_true(support_allocation_failed());
        assert_int_equal(script.stepped, 0);
        troth_context_free(context);
        support_pair_close(&pair);
    }
}

static void misuse_of_authenticate_reads_nothing(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_socket_options options = TROTH_SOCKET_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    const void *token;
    size_t length;

    (void)state;
    scripted_init(&script, two_legs, 2);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_authenticate(NULL, pair.ours, NULL, &error), TROTH_E_ARGUMENT);
    options.framing = (troth_framing)9;
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_ARGUMENT);
    options = with(TROTH_FRAMING_BE32, -2);
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_ARGUMENT);
    options = with(TROTH_FRAMING_BE32, 0);
    options.size = sizeof options - 1;
    assert_int_equal(troth_authenticate(context, pair.ours, &options, &error), TROTH_E_ARGUMENT);
    assert_text(error.text, "TROTH_SOCKET_OPTIONS_INIT");
    assert_int_equal(troth_context_step(context, NULL, 0, &token, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(troth_authenticate(context, pair.ours, NULL, &error), TROTH_E_STATE);
    assert_int_equal(troth_authenticate(context, pair.ours, NULL, NULL), TROTH_E_STATE);
    troth_context_free(context);
    support_close(&pair.ours);
    assert_true(support_at_end(pair.theirs));
    support_pair_close(&pair);
}

/* ---- a stream ------------------------------------------------------------------------------------------------- */

static void a_stream_is_driven_to_what_was_awaited(void **state)
{
    struct support_pair pair = support_pair_open();
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_stream *stream = NULL;
    uint8_t bytes[64];

    (void)state;
    scripted_init(&script, answer_at_once, 1);
    assert_int_equal(troth_stream_new(scripted_context(&script, TROTH_ACCEPTOR, NULL), NULL, &stream, &error),
                     TROTH_OK);
    assert_int_equal(troth_stream_run(NULL, pair.ours, TROTH_STREAM_READY, 0, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_stream_run(stream, pair.ours, TROTH_STREAM_WANT_READ, 0, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_stream_run(stream, pair.ours, TROTH_STREAM_READY, -2, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_stream_run(stream, pair.ours, 0, 0, &error), TROTH_OK); /* nothing to send */

    support_send(pair.theirs, bytes, frame(TROTH_FRAMING_BE32, 0, one, sizeof one, bytes));
    assert_int_equal(troth_stream_run(stream, pair.ours, TROTH_STREAM_READY, 0, &error), TROTH_OK);
    expect_frame(pair.theirs, TROTH_FRAMING_BE32, 0, two, sizeof two);
    assert_int_equal(troth_stream_run(stream, pair.ours, TROTH_STREAM_DATA, SHORT_MS, &error), TROTH_E_TIMEOUT);

    /* An end is one where it was awaited too, and otherwise a failure. */
    support_close(&pair.theirs);
    assert_int_equal(troth_stream_run(stream, pair.ours, TROTH_STREAM_DATA | TROTH_STREAM_ENDED, 0, &error), TROTH_OK);
    assert_int_equal(troth_stream_end_of_peer(stream), TROTH_END_CLOSED);
    assert_int_equal(troth_stream_run(stream, pair.ours, TROTH_STREAM_DATA, 0, &error), TROTH_E_CLOSED);
    assert_text(error.text, "at its end");
    troth_stream_free(stream);
    assert_true(scripted_all_freed(&script));
    support_pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_initiator_sends_and_receives_its_tokens),
        cmocka_unit_test(an_acceptor_receives_first_and_sends_its_last_token),
        cmocka_unit_test(a_handshake_cut_at_every_byte_says_so),
        cmocka_unit_test(the_text_counts_what_came),
        cmocka_unit_test(what_is_no_handshake_is_refused_before_a_step),
        cmocka_unit_test(a_length_in_the_wrong_framing_is_told),
        cmocka_unit_test(the_frame_limit_holds_for_what_comes),
        cmocka_unit_test(an_empty_token_later_on_is_the_peers_fault_too),
        cmocka_unit_test(the_token_of_a_failed_step_is_sent_before_the_failure_returns),
        cmocka_unit_test(a_failed_step_stays_the_reason_when_its_token_cannot_be_sent),
        cmocka_unit_test(a_token_over_the_limit_is_not_sent),
        cmocka_unit_test(a_trickling_peer_meets_one_timeout_for_the_whole_handshake),
        cmocka_unit_test(a_peer_that_answers_slowly_every_time_meets_the_same_timeout),
        cmocka_unit_test(a_silent_peer_meets_the_timeout_of_the_handshake),
        cmocka_unit_test(a_peer_that_falls_silent_amid_a_frame_meets_the_timeout),
        cmocka_unit_test(a_peer_that_does_not_read_meets_the_timeout),
        cmocka_unit_test(sending_to_a_peer_that_has_gone_is_closed_without_a_signal),
        cmocka_unit_test(a_socket_that_is_none_is_an_io_failure),
        cmocka_unit_test(a_token_of_the_limits_size_arrives_whole),
        support_allocation_test(an_announced_length_alone_costs_little_memory),
        support_allocation_test(without_memory_for_the_token_the_handshake_fails_cleanly),
        cmocka_unit_test(misuse_of_authenticate_reads_nothing),
        cmocka_unit_test(a_stream_is_driven_to_what_was_awaited),
    };

    support_sockets_start();
    return cmocka_run_group_tests_name("socket", tests, NULL, NULL);
}
