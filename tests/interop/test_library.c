/*
 * test_library.c - the library over a socket against a raw GSSAPI program that uses nothing of it: both roles, every
 * framing, Kerberos and Negotiate, honest peers and others. Runs in a realm; its argument is the path of raw-gss.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"
#include "troth/delegation.h"
#include "troth/stream.h"

#define CAPACITY 70000u
#define TARGET "troth@server.troth.test"

static const char *raw_gss;

/* What a test holds; let go by the teardown, however the test ends. */
static struct {
    troth_credential *credential;
    troth_context *context;
    realm_process *raw;
    int fd;
    troth_socket_options socket_options;
    troth_error error;
    unsigned char buffer[CAPACITY];
    struct realm_result result;
} held;

static const size_t sizes[] = {5, 0, 1000, 16000, 60000, 1};
#define SIZES "5,0,1000,16000,60000,1"

static int setup(void **state)
{
    (void)state;
    memset(&held, 0, sizeof held);
    held.fd = -1;
    held.error = (troth_error)TROTH_ERROR_INIT;
    held.socket_options = (troth_socket_options)TROTH_SOCKET_OPTIONS_INIT;
    held.socket_options.timeout = REALM_DEADLINE;
    return 0;
}

static void hang_up(void)
{
    if (held.fd >= 0) {
        close(held.fd);
        held.fd = -1;
    }
}

static int teardown(void **state)
{
    (void)state;
    hang_up();
    realm_process_kill(held.raw);
    troth_context_free(held.context);
    troth_credential_free(held.credential);
    realm_result_free(&held.result);
    return 0;
}

static void expect(troth_status got, troth_status wanted)
{
    if (got != wanted) {
        fail_msg("%s instead of %s: %s", troth_status_name(got), troth_status_name(wanted), held.error.text);
    }
}

/* Both ends of one kind of conversation. */
struct pairing {
    const char *framing_name;
    troth_framing framing;
    troth_mechanism mechanism;
    const char *raw_mechanism;
};

static const struct pairing usual = {"be32", TROTH_FRAMING_BE32, TROTH_MECHANISM_NEGOTIATE, "--spnego"};

static void make_context(troth_role role, troth_mechanism mechanism, const troth_context_options *given)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options context_options = TROTH_CONTEXT_OPTIONS_INIT;

    if (given != NULL) {
        context_options = *given;
    }
    if (role == TROTH_INITIATOR) {
        context_options.target.service = "troth";
        context_options.target.host = "server.troth.test";
    }
    options.mechanism = mechanism;
    options.flags = getenv("TROTH_TEST_STOCK") != NULL ? TROTH_CREDENTIAL_STOCK : 0;
    expect(troth_credential_acquire(role, &options, &held.credential, &held.error), TROTH_OK);
    expect(troth_context_new(held.credential, &context_options, &held.context, &held.error), TROTH_OK);
}

static void wait_raw(int exit_code)
{
    realm_process *raw = held.raw;

    held.raw = NULL;
    realm_process_wait(raw, REALM_DEADLINE, &held.result);
    peer_expect(&held.result, "raw-gss", exit_code);
}

/* The raw program accepts, with up to two options of the test's own; the library initiates. */
static troth_status initiate(const struct pairing *pairing, const troth_context_options *options, const char *extra,
                             const char *value)
{
    const char *const argv[] = {raw_gss, "accept", "--listen", "127.0.0.1:0", "--framing", pairing->framing_name,
                                extra,   value,    NULL};
    held.raw = realm_process_start(argv, -1);
    held.fd = peer_connect(realm_process_line(held.raw, "listening: ", REALM_DEADLINE));
    make_context(TROTH_INITIATOR, pairing->mechanism, options);
    held.socket_options.framing = pairing->framing;
    return troth_authenticate(held.context, held.fd, &held.socket_options, &held.error);
}

/* The raw program initiates; the library accepts. */
static troth_status accept_raw(const struct pairing *pairing, const troth_context_options *options,
                               const char *const *extra)
{
    char address[PEER_ADDRESS];
    int listener = peer_listen(address);
    const char *argv[24] = {raw_gss,
                            "init",
                            "--connect",
                            address,
                            "--target",
                            TARGET,
                            "--framing",
                            pairing->framing_name,
                            pairing->raw_mechanism};
    size_t count = 9;

    while (extra != NULL && *extra != NULL) {
        argv[count++] = *extra++;
    }
    make_context(TROTH_ACCEPTOR, pairing->mechanism, options);
    held.raw = realm_process_start(argv, -1);
    held.fd = peer_accept(listener);
    held.socket_options.framing = pairing->framing;
    return troth_authenticate(held.context, held.fd, &held.socket_options, &held.error);
}

static void expect_context(uint32_t properties, const char *peer)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    const char *name = NULL;

    expect(troth_context_info_get(held.context, &info, &held.error), TROTH_OK);
    assert_int_equal(info.properties & properties, properties);
    assert_int_equal(info.mechanism, TROTH_MECHANISM_KERBEROS);
    expect(troth_context_peer_name(held.context, &name, &held.error), TROTH_OK);
    assert_string_equal(name, peer);
}

/* Frames by hand, as a program has them that uses the library for the handshake and the messages alone. */
static void frame_send(uint32_t flags, const void *data, size_t length)
{
    static unsigned char frame[CAPACITY + 5];
    size_t at = 0;

    if (held.socket_options.framing == TROTH_FRAMING_GSS_SAMPLE) {
        frame[at++] = (unsigned char)flags;
    }
    for (size_t i = 0; i < 4; i++) {
        frame[at++] = (unsigned char)(length >> 8 * (held.socket_options.framing == TROTH_FRAMING_LE32 ? i : 3 - i));
    }
    assert_true(length <= CAPACITY);
    if (length > 0) {
        memcpy(frame + at, data, length);
    }
    assert_int_equal(send(held.fd, frame, at + length, MSG_NOSIGNAL), (ssize_t)(at + length));
}

/* Into held.buffer. False: the peer closed between two frames. */
static bool frame_receive(uint32_t *flags, size_t *length)
{
    const bool sample = held.socket_options.framing == TROTH_FRAMING_GSS_SAMPLE;
    const size_t size = sample ? 5 : 4;
    unsigned char header[5];
    const struct timeval patience = {REALM_DEADLINE / 1000, 0};
    (void)setsockopt(held.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t got = recv(held.fd, header, size, MSG_WAITALL);

    if (got == 0) {
        return false;
    }
    assert_int_equal(got, (ssize_t)size);
    *flags = sample ? header[0] : 0;
    *length = 0;
    for (size_t i = 0; i < 4; i++) {
        *length = *length << 8 | header[size - 4 + (held.socket_options.framing == TROTH_FRAMING_LE32 ? 3 - i : i)];
    }
    assert_true(*length <= sizeof held.buffer);
    assert_int_equal(*length > 0 ? recv(held.fd, held.buffer, *length, MSG_WAITALL) : 0, (ssize_t)*length);
    return true;
}

static troth_status send_message(const void *data, size_t length, troth_protection protection, uint32_t flags)
{
    size_t wrapped = 0;
    troth_status status =
        troth_wrap(held.context, protection, data, length, held.buffer, sizeof held.buffer, &wrapped, &held.error);

    if (status != TROTH_OK) {
        return status;
    }
    frame_send(flags, held.buffer, wrapped);
    return TROTH_OK;
}

/* A frame taken out of its protection; *data is inside held.buffer. */
static troth_status receive_message(void **data, size_t *length, troth_protection *protection)
{
    uint32_t flags = 0;
    size_t received = 0;

    if (!frame_receive(&flags, &received)) {
        return TROTH_E_CLOSED;
    }
    return troth_unwrap(held.context, held.buffer, received, data, length, protection, &held.error);
}

/* Sends every size and compares the raw program's echo. */
static void converse(troth_protection protection)
{
    static unsigned char text[60000];

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        troth_protection received = TROTH_PROTECTION_UNSET;
        void *data = NULL;
        size_t length = 0;

        for (size_t j = 0; j < sizes[i]; j++) {
            text[j] = (unsigned char)(j * 7 + i);
        }
        expect(send_message(text, sizes[i], protection, 0), TROTH_OK);
        expect(receive_message(&data, &length, &received), TROTH_OK);
        assert_int_equal(received, TROTH_PROTECT_CONFIDENTIALITY); /* raw-gss always encrypts its echo */
        assert_int_equal(length, sizes[i]);
        if (length > 0) {
            assert_memory_equal(data, text, length);
        }
    }
}

/* Echoes until the raw program closes. Returns the status of the message that ended it, TROTH_E_CLOSED when none did.
 */
static troth_status echo(troth_protection *seen)
{
    for (;;) {
        static unsigned char copy[CAPACITY];
        void *data = NULL;
        size_t length = 0;
        troth_status status = receive_message(&data, &length, seen);

        if (status != TROTH_OK) {
            return status;
        }
        if (length > 0) {
            memcpy(copy, data, length);
        }
        status = send_message(copy, length, *seen, 0);
        if (status != TROTH_OK) {
            return status;
        }
    }
}

static void initiates_and_messages_go_both_ways(void **state)
{
    const struct pairing *pairing = *state;

    expect(initiate(pairing, NULL, NULL, NULL), TROTH_OK);
    expect_context(TROTH_DEFAULT_REQUESTED, "troth/server.troth.test@TROTH.TEST");
    converse(TROTH_PROTECT_CONFIDENTIALITY);
    hang_up();
    wait_raw(0);
    peer_expect_text(held.result.out, "peer: alice@TROTH.TEST\n");
    peer_expect_text(held.result.out, "flags: mutual replay sequence conf integ\n");
    peer_expect_text(held.result.out, "message: 60000 encrypted\n");
    peer_expect_text(held.result.out, "messages: 6\n");
}

static void accepts_and_messages_go_both_ways(void **state)
{
    const struct pairing *pairing = *state;
    troth_protection seen = TROTH_PROTECTION_UNSET;

    expect(accept_raw(pairing, NULL, REALM_ARGV("--sizes", SIZES)), TROTH_OK);
    expect_context(TROTH_DEFAULT_REQUESTED, "alice@TROTH.TEST");
    expect(echo(&seen), TROTH_E_CLOSED);
    wait_raw(0);
    assert_int_equal(seen, TROTH_PROTECT_CONFIDENTIALITY);
    peer_expect_text(held.result.out, "echoed: 60000 encrypted\n");
    peer_expect_text(held.result.out, "echoed: 0 encrypted\n");
    peer_expect_text(held.result.out, "end: 0\n");
}

static void speaks_gss_sample_as_initiator(void **state)
{
    const struct pairing *pairing = *state;
    uint32_t flags = 0;
    size_t length = 0;

    expect(initiate(pairing, NULL, NULL, NULL), TROTH_OK);
    expect(send_message("hello", 5, TROTH_PROTECT_CONFIDENTIALITY,
                        TROTH_FRAME_DATA | TROTH_FRAME_WRAPPED | TROTH_FRAME_ENCRYPTED | TROTH_FRAME_SEND_MIC),
           TROTH_OK);
    assert_true(frame_receive(&flags, &length));
    assert_int_equal(flags, TROTH_FRAME_MIC);
    expect(troth_verify_mic(held.context, "hello", 5, held.buffer, length, &held.error), TROTH_OK);
    frame_send(TROTH_FRAME_NOOP, NULL, 0);
    wait_raw(0);
    peer_expect_text(held.result.out, "message: 5 encrypted\nmessages: 1\n");
}

static void speaks_gss_sample_as_acceptor(void **state)
{
    const struct pairing *pairing = *state;
    unsigned char mic[256];
    uint32_t flags = 0;
    size_t length = 0;
    void *data = NULL;

    expect(accept_raw(pairing, NULL, REALM_ARGV("--messages", "1")), TROTH_OK);
    assert_true(frame_receive(&flags, &length));
    assert_int_equal(flags, 0xe4);
    expect(troth_unwrap(held.context, held.buffer, length, &data, &length, NULL, &held.error), TROTH_OK);
    expect(troth_get_mic(held.context, data, length, mic, sizeof mic, &length, &held.error), TROTH_OK);
    frame_send(TROTH_FRAME_MIC, mic, length);
    assert_true(frame_receive(&flags, &length));
    assert_int_equal(flags, TROTH_FRAME_NOOP);
    wait_raw(0);
}

static void integrity_alone_when_that_is_required(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_protection seen = TROTH_PROTECTION_UNSET;

    (void)state;
    options.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    expect(accept_raw(&usual, &options, REALM_ARGV("--no-encrypt", "--sizes", SIZES)), TROTH_OK);
    expect(echo(&seen), TROTH_E_CLOSED);
    assert_int_equal(seen, TROTH_PROTECT_INTEGRITY);
    wait_raw(0);
    peer_expect_text(held.result.out, "echoed: 60000 plain\n");
}

static void integrity_alone_is_sent_where_confidentiality_is_not_required(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    (void)state;
    options.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    expect(initiate(&usual, &options, NULL, NULL), TROTH_OK);
    converse(TROTH_PROTECT_INTEGRITY);
    hang_up();
    wait_raw(0);
    peer_expect_text(held.result.out, "message: 60000 plain\n");
}

/* A peer that asks for less than is required. */
struct lacking {
    const char *raw_mechanism;
    const char *flags;
    uint32_t required;
    const char *missing;
};

static void refuses_a_peer_that_asks_for_less(void **state)
{
    const struct lacking *lacking = *state;
    struct pairing pairing = usual;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    pairing.raw_mechanism = lacking->raw_mechanism;
    options.required = lacking->required;
    expect(accept_raw(&pairing, &options, REALM_ARGV("--exact-flags", "--messages", "1", "--flags", lacking->flags)),
           TROTH_E_REQUIREMENT);
    peer_expect_text(held.error.text, lacking->missing);
}

/* A message that is not what it should be. */
struct faulty {
    const char *fault;
    troth_status expected;
};

static void finds_a_faulty_message_as_acceptor(void **state)
{
    const struct faulty *faulty = *state;
    troth_protection seen;

    expect(accept_raw(&usual, NULL, REALM_ARGV("--messages", "4", "--message-fault", faulty->fault)), TROTH_OK);
    expect(echo(&seen), faulty->expected);
    /* It stays so. */
    expect(send_message("more", 4, TROTH_PROTECT_CONFIDENTIALITY, 0), faulty->expected);
}

static void finds_a_faulty_message_as_initiator(void **state)
{
    const struct faulty *faulty = *state;
    troth_status status = TROTH_OK;
    int count = 0;

    expect(initiate(&usual, NULL, "--message-fault", faulty->fault), TROTH_OK);
    for (int i = 0; i < 3; i++) {
        expect(send_message("hello", 5, TROTH_PROTECT_CONFIDENTIALITY, 0), TROTH_OK);
    }
    while (status == TROTH_OK && count < 4) {
        void *data = NULL;
        size_t length = 0;

        status = receive_message(&data, &length, NULL);
        count++;
    }
    expect(status, faulty->expected);
    assert_true(count >= 2);
}

/* A peer that breaks the handshake. */
struct hostile {
    const char *option;
    const char *value;
    troth_status initiator;
    troth_status acceptor;
};

static void survives_a_hostile_initiator(void **state)
{
    const struct hostile *hostile = *state;

    held.socket_options.timeout = strcmp(hostile->option, "--stall-after-leg") == 0 ? 300 : REALM_DEADLINE;
    expect(accept_raw(&usual, NULL, REALM_ARGV(hostile->option, hostile->value)), hostile->acceptor);
    assert_true(hostile->acceptor == TROTH_OK || held.error.text[0] != '\0');
}

static void survives_a_hostile_acceptor(void **state)
{
    const struct hostile *hostile = *state;

    held.socket_options.timeout = strcmp(hostile->option, "--stall-after-leg") == 0 ? 300 : REALM_DEADLINE;
    expect(initiate(&usual, NULL, hostile->option, hostile->value), hostile->initiator);
    assert_true(held.error.text[0] != '\0');
}

/* "tls-exporter:A" and "tls-exporter:B", as raw-gss takes them. */
#define BINDINGS_A "746c732d6578706f727465723a41"
#define BINDINGS_B "746c732d6578706f727465723a42"

struct bound {
    const char *raw; /* NULL: it gives none */
    uint32_t required;
    troth_status expected;
    troth_binding_result result;
};

static void compares_channel_bindings(void **state)
{
    static const troth_bindings bindings = {.application_data = "tls-exporter:A", .application_data_length = 14};
    const struct bound *bound = *state;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    options.bindings = &bindings;
    options.required = bound->required;
    expect(accept_raw(&usual, &options, bound->raw != NULL ? REALM_ARGV("--bindings", bound->raw) : NULL),
           bound->expected);
    if (bound->expected == TROTH_OK) {
        expect(troth_context_info_get(held.context, &info, &held.error), TROTH_OK);
        assert_int_equal(info.bindings, bound->result);
    }
}

static void gives_channel_bindings_to_the_peer(void **state)
{
    static const troth_bindings bindings = {.application_data = "tls-exporter:A", .application_data_length = 14};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    (void)state;
    options.bindings = &bindings;
    expect(initiate(&usual, &options, "--bindings", BINDINGS_A), TROTH_OK);
    expect(troth_context_info_get(held.context, &info, &held.error), TROTH_OK);
    assert_int_equal(info.bindings, TROTH_BINDING_UNKNOWN);
    hang_up();
    wait_raw(0);
    peer_expect_text(held.result.out, " bound\n");
}

/* ---- tickets that are handed on ------------------------------------------------------------------------------- */

static void hands_on_a_ticket_that_the_peer_can_act_with(void **state)
{
    struct pairing pairing = usual;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    (void)state;
    options.delegate = TROTH_DELEGATE_ALWAYS;
    options.required = TROTH_DEFAULT_REQUIRED_INITIATOR | TROTH_DELEGATED;
    for (int kerberos = 0; kerberos < 2; kerberos++) {
        pairing.mechanism = kerberos ? TROTH_MECHANISM_KERBEROS : TROTH_MECHANISM_NEGOTIATE;
        expect(initiate(&pairing, &options, NULL, NULL), TROTH_OK);
        hang_up();
        wait_raw(0);
        peer_expect_text(held.result.out, "flags: delegate mutual");
        peer_expect_text(held.result.out, "delegated: alice@TROTH.TEST\nacted: ");
        teardown(state);
        setup(state);
    }
}

static void hands_on_nothing_by_default(void **state)
{
    (void)state;
    expect(initiate(&usual, NULL, NULL, NULL), TROTH_OK);
    hang_up();
    wait_raw(0);
    assert_null(strstr(held.result.out, "delegate"));
}

static void acts_with_a_ticket_that_the_peer_handed_on(void **state)
{
    static const char *const mechanisms[] = {"--krb5", "--spnego"};
    struct pairing pairing = usual;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    options.flags = TROTH_KEEP_DELEGATED;
    options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_DELEGATED;
    for (size_t i = 0; i < 2; i++) {
        troth_context_options further = TROTH_CONTEXT_OPTIONS_INIT;
        troth_credential *credential = NULL;
        troth_context *context = NULL;
        const void *token = NULL;
        const char *name = NULL;
        size_t length = 0;

        pairing.raw_mechanism = mechanisms[i];
        expect(accept_raw(&pairing, &options,
                          REALM_ARGV("--flags", "delegate,mutual,conf,integ,replay,sequence", "--messages", "0")),
               TROTH_OK);
        expect(troth_context_delegated_credential(held.context, &credential, &held.error), TROTH_OK);
        expect(troth_credential_name(credential, &name, &held.error), TROTH_OK);
        assert_string_equal(name, "alice@TROTH.TEST");
        further.target.service = "second";
        further.target.host = "server.troth.test";
        expect(troth_context_new(credential, &further, &context, &held.error), TROTH_OK);
        expect(troth_context_step(context, NULL, 0, &token, &length, &held.error), TROTH_CONTINUE);
        assert_true(length > 0);
        troth_context_free(context);
        troth_credential_free(credential);
        teardown(state);
        setup(state);
    }
}

/* ---- NTLM, which nobody asked for ----------------------------------------------------------------------------- */

/* gss-ntlmssp finds its users in a file that a variable of its own names. */
static void ntlm_users(void)
{
    const char *path = realm_path("ntlm.users");
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs("TROTHDOM:ntuser:secret one\n", file);
    fclose(file);
    assert_int_equal(setenv("NTLM_USER_FILE", path, 1), 0);
}

static void refuses_a_peer_that_speaks_ntlm(void **state)
{
    static const char *const ways[][2] = {{"--ntlm", "the peer speaks NTLM, which is excluded"},
                                          {"--spnego-ntlm", "the peer offers only NTLM, which is excluded"}};
    struct pairing pairing = usual;

    if (troth_supports(TROTH_FEATURE_NTLM) != TROTH_SUPPORT_YES) {
        print_message("# SKIP gss-ntlmssp is not installed\n");
        skip();
    }
    for (size_t i = 0; i < 2; i++) {
        ntlm_users();
        pairing.raw_mechanism = ways[i][0];
        expect(accept_raw(&pairing, NULL, REALM_ARGV("--flags", "conf,integ", "--messages", "0")), TROTH_E_MECHANISM);
        peer_expect_text(held.error.text, ways[i][1]);
        teardown(state);
        setup(state);
    }
    assert_int_equal(unsetenv("NTLM_USER_FILE"), 0);
}

static void an_acceptor_of_ntlm_alone_is_not_spoken_with(void **state)
{
    static const char *const ways[] = {"--ntlm", "--spnego-ntlm"};

    if (troth_supports(TROTH_FEATURE_NTLM) != TROTH_SUPPORT_YES) {
        print_message("# SKIP gss-ntlmssp is not installed\n");
        skip();
    }
    for (size_t i = 0; i < 2; i++) {
        ntlm_users();
        troth_status status = initiate(&usual, NULL, ways[i], NULL);
        if (status != TROTH_E_CLOSED && status != TROTH_E_MECHANISM && status != TROTH_E_DENIED) {
            fail_msg("%s: %s %s", ways[i], troth_status_name(status), held.error.text);
        }
        teardown(state);
        setup(state);
    }
    assert_int_equal(unsetenv("NTLM_USER_FILE"), 0);
}

#define EACH_PAIRING(name_, function, framing_name, framing)                                                           \
    {name_ "_kerberos_" framing_name, function, setup, teardown,                                                       \
     &(struct pairing){framing_name, framing, TROTH_MECHANISM_KERBEROS, "--krb5"}},                                    \
    {                                                                                                                  \
        name_ "_negotiate_" framing_name, function, setup, teardown, &(struct pairing)                                 \
        {                                                                                                              \
            framing_name, framing, TROTH_MECHANISM_NEGOTIATE, "--spnego"                                               \
        }                                                                                                              \
    }
#define ROW(name_, function, ...)                                                                                      \
    {                                                                                                                  \
        name_, function, setup, teardown, &(__VA_ARGS__)                                                               \
    }
#define FAULT(fault, status)                                                                                           \
    ROW("acceptor_finds_a_message_" fault, finds_a_faulty_message_as_acceptor, (struct faulty){fault, status}),        \
        ROW("initiator_finds_a_message_" fault, finds_a_faulty_message_as_initiator, (struct faulty){fault, status})
#define HOSTILE(option, value, as_initiator, as_acceptor)                                                              \
    ROW("initiator_survives" option "_" value, survives_a_hostile_acceptor,                                            \
        (struct hostile){option, value, as_initiator, as_acceptor}),                                                   \
        ROW("acceptor_survives" option "_" value, survives_a_hostile_initiator,                                        \
            (struct hostile){option, value, as_initiator, as_acceptor})

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        EACH_PAIRING("initiates", initiates_and_messages_go_both_ways, "be32", TROTH_FRAMING_BE32),
        EACH_PAIRING("initiates", initiates_and_messages_go_both_ways, "le32", TROTH_FRAMING_LE32),
        EACH_PAIRING("accepts", accepts_and_messages_go_both_ways, "be32", TROTH_FRAMING_BE32),
        EACH_PAIRING("accepts", accepts_and_messages_go_both_ways, "le32", TROTH_FRAMING_LE32),
        EACH_PAIRING("initiates", speaks_gss_sample_as_initiator, "gss-sample", TROTH_FRAMING_GSS_SAMPLE),
        EACH_PAIRING("accepts", speaks_gss_sample_as_acceptor, "gss-sample", TROTH_FRAMING_GSS_SAMPLE),
        ROW("negotiate_acceptor_takes_raw_kerberos", accepts_and_messages_go_both_ways,
            (struct pairing){"be32", TROTH_FRAMING_BE32, TROTH_MECHANISM_NEGOTIATE, "--krb5"}),
        cmocka_unit_test_setup_teardown(integrity_alone_when_that_is_required, setup, teardown),
        cmocka_unit_test_setup_teardown(integrity_alone_is_sent_where_confidentiality_is_not_required, setup, teardown),
        ROW("refuses_kerberos_without_mutual", refuses_a_peer_that_asks_for_less,
            (struct lacking){"--krb5", "conf,integ", 0, "mutual"}),
        ROW("refuses_negotiate_without_mutual", refuses_a_peer_that_asks_for_less,
            (struct lacking){"--spnego", "conf,integ", 0, "mutual"}),
        ROW("refuses_one_without_confidentiality", refuses_a_peer_that_asks_for_less,
            (struct lacking){"--krb5", "mutual,integ", 0, "confidentiality"}),
        ROW("refuses_one_without_sequence_detection", refuses_a_peer_that_asks_for_less,
            (struct lacking){"--krb5", "mutual,conf,integ,replay", TROTH_DEFAULT_REQUESTED, "sequence"}),
        ROW("refuses_one_without_replay_detection", refuses_a_peer_that_asks_for_less,
            (struct lacking){"--krb5", "mutual,conf,integ,sequence", TROTH_DEFAULT_REQUESTED, "replay"}),
        FAULT("flip", TROTH_E_ALTERED),
        FAULT("replay", TROTH_E_REPLAY),
        FAULT("skip", TROTH_E_GAP),
        FAULT("plain", TROTH_E_REQUIREMENT),
        HOSTILE("--garbage", "random", TROTH_E_BAD_TOKEN, TROTH_E_BAD_TOKEN),
        /* A flipped bit in the encrypted part cannot be told from another key. */
        HOSTILE("--garbage", "flip", TROTH_E_WRONG_KEY, TROTH_E_WRONG_KEY),
        HOSTILE("--garbage", "truncate", TROTH_E_BAD_TOKEN, TROTH_E_BAD_TOKEN),
        HOSTILE("--garbage", "empty", TROTH_E_BAD_TOKEN, TROTH_E_BAD_TOKEN),
        HOSTILE("--garbage", "oversize", TROTH_E_FRAME, TROTH_E_FRAME),
        HOSTILE("--garbage", "half", TROTH_E_CLOSED, TROTH_E_CLOSED),
        HOSTILE("--drop-after-leg", "0", TROTH_E_CLOSED, TROTH_E_CLOSED),
        HOSTILE("--drop-after-leg", "1", TROTH_E_CLOSED, TROTH_OK),
        HOSTILE("--stall-after-leg", "0", TROTH_E_TIMEOUT, TROTH_E_TIMEOUT),
        ROW("takes_the_same_bindings", compares_channel_bindings,
            (struct bound){BINDINGS_A, 0, TROTH_OK, TROTH_BINDING_BOUND}),
        ROW("takes_the_same_bindings_that_it_requires", compares_channel_bindings,
            (struct bound){BINDINGS_A, TROTH_MUTUAL | TROTH_CHANNEL_BOUND, TROTH_OK, TROTH_BINDING_BOUND}),
        ROW("refuses_other_bindings", compares_channel_bindings,
            (struct bound){BINDINGS_B, 0, TROTH_E_BINDINGS, TROTH_BINDING_UNSET}),
        ROW("takes_a_peer_without_bindings", compares_channel_bindings,
            (struct bound){NULL, 0, TROTH_OK, TROTH_BINDING_ABSENT}),
        ROW("refuses_a_peer_without_required_bindings", compares_channel_bindings,
            (struct bound){NULL, TROTH_MUTUAL | TROTH_CHANNEL_BOUND, TROTH_E_REQUIREMENT, TROTH_BINDING_UNSET}),
        cmocka_unit_test_setup_teardown(gives_channel_bindings_to_the_peer, setup, teardown),
        cmocka_unit_test_setup_teardown(hands_on_a_ticket_that_the_peer_can_act_with, setup, teardown),
        cmocka_unit_test_setup_teardown(hands_on_nothing_by_default, setup, teardown),
        cmocka_unit_test_setup_teardown(acts_with_a_ticket_that_the_peer_handed_on, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_a_peer_that_speaks_ntlm, setup, teardown),
        cmocka_unit_test_setup_teardown(an_acceptor_of_ntlm_alone_is_not_spoken_with, setup, teardown),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: test_library RAW-GSS\n");
        return 2;
    }
    raw_gss = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
