/*
 * test_streams.c - streams against peers that use nothing of the library: one as .NET's NegotiateStream, the classic
 * sample's, and MIT's gss-client and gss-server. Runs in a realm; its arguments are nns-peer and raw-gss.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "troth/stream.h"

#define TARGET "troth@server.troth.test"
#define AMOUNT 200000u

static const char *nns_peer;
static const char *raw_gss;

static struct {
    troth_credential *credential;
    troth_stream *stream;
    realm_process *process;
    int fd;
    troth_error error;
    struct realm_result result;
} held;

static int setup(void **state)
{
    (void)state;
    memset(&held, 0, sizeof held);
    held.fd = -1;
    held.error = (troth_error)TROTH_ERROR_INIT;
    return 0;
}

static void hang_up(void)
{
    if (held.fd >= 0)
        close(held.fd);
    held.fd = -1;
}

static int teardown(void **state)
{
    (void)state;
    hang_up();
    realm_process_kill(held.process);
    troth_stream_free(held.stream);
    troth_credential_free(held.credential);
    realm_result_free(&held.result);
    return 0;
}

static void expect(troth_status got, troth_status wanted)
{
    if (got != wanted)
        fail_msg("%s instead of %s: %s", troth_status_name(got), troth_status_name(wanted), held.error.text);
}

static void make_stream(troth_role role, troth_mechanism mechanism, uint32_t required, troth_stream_options options)
{
    troth_credential_options credential = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options context_options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;

    credential.mechanism = mechanism;
    context_options.required = required;
    if (role == TROTH_INITIATOR) {
        context_options.target.service = "troth";
        context_options.target.host = "server.troth.test";
        if (required != 0)
            context_options.requested = required;
    }
    expect(troth_credential_acquire(role, &credential, &held.credential, &held.error), TROTH_OK);
    expect(troth_context_new(held.credential, &context_options, &context, &held.error), TROTH_OK);
    expect(troth_stream_new(context, &options, &held.stream, &held.error), TROTH_OK);
}

static troth_stream_options with(troth_framing framing, troth_stream_mode mode)
{
    troth_stream_options options = TROTH_STREAM_OPTIONS_INIT;

    options.framing = framing;
    options.mode = mode;
    return options;
}

static troth_status run(uint32_t until)
{
    return troth_stream_run(held.stream, held.fd, until, REALM_DEADLINE, &held.error);
}

/* Starts a peer that accepts (argv's third is where), or one that initiates, and connects. */
static void start(const char *const *argv, int listener)
{
    held.process = realm_process_start(argv, -1);
    held.fd = listener >= 0 ? peer_accept(listener)
                            : peer_connect(realm_process_line(held.process, "listening: ", REALM_DEADLINE));
}

static void wait_peer(int exit_code)
{
    realm_process *process = held.process;

    held.process = NULL;
    realm_process_wait(process, REALM_DEADLINE, &held.result);
    peer_expect(&held.result, "the peer", exit_code);
}

static unsigned char byte_at(size_t at)
{
    return (unsigned char)(at * 13 + (at >> 8));
}

/* Sends all of it as the transport takes it. The peer echoes at once, so what comes is taken in between. */
static void say_and_hear(size_t amount)
{
    static unsigned char text[AMOUNT];
    size_t said = 0, heard = 0;

    for (size_t i = 0; i < amount; i++)
        text[i] = byte_at(i);
    while (heard < amount) {
        const void *data = NULL;
        size_t taken = 0, length = 0;

        if (said < amount) {
            troth_status status = troth_stream_send(held.stream, text + said, amount - said, &taken, &held.error);

            assert_true(status == TROTH_OK || status == TROTH_CONTINUE);
            said += taken;
            expect(run(0), TROTH_OK);
        }
        /* One frame at a time, so that neither side's buffers fill. */
        while (heard < said) {
            expect(run(TROTH_STREAM_DATA), TROTH_OK);
            expect(troth_stream_peek(held.stream, &data, &length, NULL, &held.error), TROTH_OK);
            assert_true(length <= said - heard);
            assert_memory_equal(data, text + heard, length);
            heard += length;
            troth_stream_consume(held.stream, length);
        }
    }
}

/* Gives back what comes until the peer closes. Returns how much that was. */
static size_t echo(void)
{
    size_t heard = 0;

    for (;;) {
        troth_status status = run(TROTH_STREAM_DATA | TROTH_STREAM_ENDED);
        static unsigned char text[AMOUNT];
        const void *data = NULL;
        size_t length = 0, said = 0;

        expect(status, TROTH_OK);
        if ((troth_stream_state(held.stream) & TROTH_STREAM_DATA) == 0)
            return heard;
        expect(troth_stream_peek(held.stream, &data, &length, NULL, &held.error), TROTH_OK);
        assert_true(length <= sizeof text);
        memcpy(text, data, length);
        troth_stream_consume(held.stream, length);
        heard += length;
        while (said < length) {
            size_t taken = 0;

            status = troth_stream_send(held.stream, text + said, length - said, &taken, &held.error);
            assert_true(status == TROTH_OK || status == TROTH_CONTINUE);
            said += taken;
            expect(run(0), TROTH_OK);
        }
    }
}

/* ---- .NET's NegotiateStream ----------------------------------------------------------------------------------- */

static void initiates_to_a_negotiate_stream(void **state)
{
    (void)state;
    make_stream(TROTH_INITIATOR, TROTH_MECHANISM_NEGOTIATE, 0,
                with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
    start(REALM_ARGV(nns_peer, "accept", "127.0.0.1:0"), -1);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    say_and_hear(AMOUNT);
    hang_up();
    wait_peer(0);
    peer_expect_text(held.result.out, "received: 16 0100 ");
    peer_expect_text(held.result.out, "sent: 14 ");
    peer_expect_text(held.result.out, "flags: mutual conf ");
    peer_expect_text(held.result.out, "read: 64560\n"); /* never over 0xFC30 */
    peer_expect_text(held.result.out, "echoed: 200000\n");
}

static void accepts_from_a_negotiate_stream(void **state)
{
    char address[PEER_ADDRESS];
    int listener = peer_listen(address);

    (void)state;
    make_stream(TROTH_ACCEPTOR, TROTH_MECHANISM_NEGOTIATE, 0, with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
    start(REALM_ARGV(nns_peer, "init", address, "--target", TARGET, "--amount", "100000"), listener);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    assert_int_equal(echo(), 100000);
    assert_int_equal(troth_stream_end_of_peer(held.stream), TROTH_END_CLOSED);
    wait_peer(0);
    peer_expect_text(held.result.out, "sent: 16 ");
    peer_expect_text(held.result.out, "received: 14 0100 ");
    peer_expect_text(held.result.out, "flags: mutual conf identify\n");
    peer_expect_text(held.result.out, "wrote: 64572\n"); /* 63 KiB under Kerberos: over 0xFC30, as .NET's own */
    peer_expect_text(held.result.out, "echoed: 100000\n");
}

/* Without mutual authentication raw Kerberos has no answer, and the acceptor's done record is empty. */
static void an_acceptor_says_that_it_is_done_even_without_a_token(void **state)
{
    char address[PEER_ADDRESS];
    int listener = peer_listen(address);

    (void)state;
    make_stream(TROTH_ACCEPTOR, TROTH_MECHANISM_NEGOTIATE, TROTH_INTEGRITY | TROTH_CONFIDENTIALITY,
                with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
    start(REALM_ARGV(nns_peer, "init", address, "--target", TARGET, "--amount", "10", "--without", "mutual",
                     "--mechanism", "krb5"),
          listener);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    assert_int_equal(echo(), 10);
    wait_peer(0);
    peer_expect_text(held.result.out, "sent: 14 ");
    peer_expect_text(held.result.out, "received: 14 0100 0\n");
}

static void an_initiator_that_is_complete_waits_for_the_acceptors_word(void **state)
{
    const uint32_t required = TROTH_INTEGRITY | TROTH_CONFIDENTIALITY;

    (void)state;
    make_stream(TROTH_INITIATOR, TROTH_MECHANISM_KERBEROS, required,
                with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
    start(REALM_ARGV(nns_peer, "accept", "127.0.0.1:0"), -1);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    say_and_hear(10);
    hang_up();
    wait_peer(0);
    peer_expect_text(held.result.out, "received: 14 0100 ");
    peer_expect_text(held.result.out, "sent: 14 0\n");
}

static void a_peer_that_is_not_done_when_we_are_is_an_error(void **state)
{
    (void)state;
    make_stream(TROTH_INITIATOR, TROTH_MECHANISM_KERBEROS, TROTH_INTEGRITY | TROTH_CONFIDENTIALITY,
                with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
    start(REALM_ARGV(nns_peer, "accept", "127.0.0.1:0", "--fault", "progress"), -1);
    expect(run(TROTH_STREAM_READY), TROTH_E_BAD_TOKEN);
    peer_expect_text(held.error.text, "we are complete, and the peer goes on");
}

static void the_refusal_of_a_negotiate_stream_is_told(void **state)
{
    (void)state;
    make_stream(TROTH_INITIATOR, TROTH_MECHANISM_NEGOTIATE, 0,
                with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
    start(REALM_ARGV(nns_peer, "accept", "127.0.0.1:0", "--fault", "refuse"), -1);
    expect(run(TROTH_STREAM_READY), TROTH_E_DENIED);
    peer_expect_text(held.error.text, "code 0x8009030C");
}

static void a_negotiate_stream_is_refused_with_a_code(void **state)
{
    static const struct {
        const char *option, *value;
        troth_status status;
        const char *words;
    } cases[] = {
        {"--without", "mutual", TROTH_E_REQUIREMENT, "refused: 00 00 00 00 00 00 06 fe\n"},
        {"--fault", "flip", TROTH_E_WRONG_KEY, "refused: 00 00 00 00 80 09 03 0c\n"},
    };

    for (size_t i = 0; i < 2; i++) {
        char address[PEER_ADDRESS];
        int listener = peer_listen(address);

        make_stream(TROTH_ACCEPTOR, TROTH_MECHANISM_NEGOTIATE, 0,
                    with(TROTH_FRAMING_NEGOTIATE_STREAM, TROTH_STREAM_BYTES));
        start(REALM_ARGV(nns_peer, "init", address, "--target", TARGET, cases[i].option, cases[i].value), listener);
        expect(run(TROTH_STREAM_READY), cases[i].status);
        wait_peer(5);
        peer_expect_text(held.result.out, cases[i].words);
        teardown(state);
        setup(state);
    }
}

/* ---- the classic sample and be32 ------------------------------------------------------------------------------ */

static void streams_messages_with_a_raw_initiator(void **state)
{
    const char *framing = *state;
    char address[PEER_ADDRESS];
    int listener = peer_listen(address);

    make_stream(TROTH_ACCEPTOR, TROTH_MECHANISM_NEGOTIATE, 0,
                with(strcmp(framing, "le32") == 0 ? TROTH_FRAMING_LE32 : TROTH_FRAMING_BE32, TROTH_STREAM_MESSAGES));
    start(REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--spnego", "--framing", framing,
                     "--sizes", "5,1000,16000,60000,1"),
          listener);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    assert_int_equal(echo(), 5 + 1000 + 16000 + 60000 + 1);
    wait_peer(0);
    peer_expect_text(held.result.out, "echoed: 60000 encrypted\n");
    assert_int_equal(troth_stream_end_of_peer(held.stream), TROTH_END_CLOSED);
}

static void streams_messages_to_a_raw_acceptor(void **state)
{
    const char *framing = *state;

    make_stream(TROTH_INITIATOR, TROTH_MECHANISM_NEGOTIATE, 0,
                with(strcmp(framing, "le32") == 0 ? TROTH_FRAMING_LE32 : TROTH_FRAMING_BE32, TROTH_STREAM_MESSAGES));
    start(REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", "--framing", framing), -1);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    for (size_t length = 1; length < 65000; length = length * 7 + 1)
        say_and_hear(length);
    hang_up();
    wait_peer(0);
    peer_expect_text(held.result.out, "message: 1 encrypted\nmessage: 8 encrypted\n");
}

/* ---- gss-sample ----------------------------------------------------------------------------------------------- */

static void streams_to_gss_server(void **state)
{
    char address[PEER_ADDRESS];
    int listener = peer_listen(address), theirs;

    (void)state;
    make_stream(TROTH_INITIATOR, TROTH_MECHANISM_KERBEROS, 0, with(TROTH_FRAMING_GSS_SAMPLE, TROTH_STREAM_MESSAGES));
    held.fd = peer_connect(address);
    theirs = peer_accept(listener);
    held.process = realm_process_start(REALM_ARGV("gss-server", "-once", "-inetd", "troth"), theirs);
    close(theirs);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    for (int i = 0; i < 3; i++)
        say_and_hear(100);
    expect(troth_stream_end(held.stream, &held.error), TROTH_OK);
    expect(run(0), TROTH_OK);
    expect(run(TROTH_STREAM_ENDED), TROTH_OK);
    wait_peer(0);
}

static void streams_from_gss_client(void **state)
{
    const char *option = *state;
    char address[PEER_ADDRESS];
    int listener = peer_listen(address);
    troth_stream_options options = with(TROTH_FRAMING_GSS_SAMPLE, TROTH_STREAM_MESSAGES);
    int count = 0;

    options.flags = TROTH_STREAM_TAKE_PLAIN;
    make_stream(TROTH_ACCEPTOR, TROTH_MECHANISM_NEGOTIATE, TROTH_MUTUAL | TROTH_INTEGRITY, options);
    held.process = realm_process_start(REALM_ARGV("gss-client", "-port", strchr(address, ':') + 1, "-mcount", "3",
                                                  option, "127.0.0.1", TARGET, "hello there"),
                                       -1);
    held.fd = peer_accept(listener);
    expect(run(TROTH_STREAM_READY), TROTH_OK);
    for (;;) {
        troth_protection protection = TROTH_PROTECTION_UNSET;
        const void *data = NULL;
        size_t length = 0;

        expect(run(TROTH_STREAM_DATA | TROTH_STREAM_ENDED), TROTH_OK);
        if ((troth_stream_state(held.stream) & TROTH_STREAM_DATA) == 0)
            break;
        expect(troth_stream_peek(held.stream, &data, &length, &protection, &held.error), TROTH_OK);
        assert_int_equal(length, 11);
        assert_memory_equal(data, "hello there", 11);
        assert_int_equal(protection, strcmp(option, "-nw") == 0   ? TROTH_PROTECTION_UNSET
                                     : strcmp(option, "-nx") == 0 ? TROTH_PROTECT_INTEGRITY
                                                                  : TROTH_PROTECT_CONFIDENTIALITY);
        troth_stream_consume(held.stream, length);
        count++;
    }
    assert_int_equal(count, 3);
    wait_peer(0);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define CASE_OF(function, name, value)                                                                                 \
    {                                                                                                                  \
#function "_" name, function, setup, teardown, (void *)(size_t)(value)                                         \
    }

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        CASE(initiates_to_a_negotiate_stream),
        CASE(accepts_from_a_negotiate_stream),
        CASE(an_acceptor_says_that_it_is_done_even_without_a_token),
        CASE(an_initiator_that_is_complete_waits_for_the_acceptors_word),
        CASE(a_peer_that_is_not_done_when_we_are_is_an_error),
        CASE(the_refusal_of_a_negotiate_stream_is_told),
        CASE(a_negotiate_stream_is_refused_with_a_code),
        CASE_OF(streams_messages_with_a_raw_initiator, "le32", "le32"),
        CASE_OF(streams_messages_with_a_raw_initiator, "be32", "be32"),
        CASE_OF(streams_messages_to_a_raw_acceptor, "le32", "le32"),
        CASE_OF(streams_messages_to_a_raw_acceptor, "be32", "be32"),
    };
    const struct CMUnitTest samples[] = {
        CASE(streams_to_gss_server),
        CASE_OF(streams_from_gss_client, "encrypted", "-seq"),
        CASE_OF(streams_from_gss_client, "integrity_only", "-nx"),
        CASE_OF(streams_from_gss_client, "plain", "-nw"),
        CASE_OF(streams_from_gss_client, "without_answers", "-nm"),
    };

    if (argc == 2 && strcmp(argv[1], "samples") == 0)
        return cmocka_run_group_tests_name("streams and gss-sample", samples, NULL, NULL);
    if (argc != 3) {
        fprintf(stderr, "usage: test_streams NNS-PEER RAW-GSS | samples\n");
        return 2;
    }
    nns_peer = argv[1];
    raw_gss = argv[2];
    return cmocka_run_group_tests_name("streams and raw peers", tests, NULL, NULL);
}
