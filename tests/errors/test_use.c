/* test_use.c - what is told of misuse, of messages that do not verify, and of a transport that fails. */
#define _GNU_SOURCE

#include "errors.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "troth/stream.h"

/* Two completed contexts. */
struct pair {
    troth_context *initiator, *acceptor;
};

static struct pair completed(uint32_t flags, uint32_t properties)
{
    static struct token forth, back;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *own = alice(TROTH_MECHANISM_KERBEROS), *other = server(TROTH_MECHANISM_KERBEROS);
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = {NULL, NULL};

    options.flags = flags;
    assert_int_equal(troth_context_new(other, &options, &pair.acceptor, &error), TROTH_OK);
    options.target.service = "troth";
    options.target.host = HOST;
    options.required = options.requested = properties;
    assert_int_equal(troth_context_new(own, &options, &pair.initiator, &error), TROTH_OK);
    assert_int_equal(step(pair.initiator, NULL, &forth, &error), TROTH_CONTINUE);
    assert_int_equal(step(pair.acceptor, &forth, &back, &error), TROTH_OK);
    assert_int_equal(step(pair.initiator, &back, &forth, &error), TROTH_OK);
    troth_credential_free(own);
    troth_credential_free(other);
    return pair;
}

static void free_pair(struct pair pair)
{
    troth_context_free(pair.initiator);
    troth_context_free(pair.acceptor);
}

/* Protects a short message. */
static size_t wrapped(troth_context *context, void *message, size_t capacity)
{
    troth_error error = TROTH_ERROR_INIT;
    size_t length = 0;

    if (troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "a message", 9, message, capacity, &length, &error) !=
        TROTH_OK)
        fail_msg("%s", error.text);
    return length;
}

static troth_error unwrap(troth_context *context, void *message, size_t length)
{
    troth_error error = TROTH_ERROR_INIT;
    void *data = NULL;
    size_t data_length = 0;

    troth_unwrap(context, message, length, &data, &data_length, NULL, &error);
    return error;
}

/* ---- misuse --------------------------------------------------------------------------------------------------- */

static void misuse_says_what_was_wrong(void **state)
{
    troth_credential *credential = alice(TROTH_MECHANISM_KERBEROS);
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = completed(0, 0);
    static struct token token;
    unsigned char small[16];
    size_t length = 0;

    (void)state;
    troth_context_new(credential, NULL, &context, &error);
    assert_null(context);
    check_error("no target", &error, TROTH_E_ARGUMENT, false, "an initiator needs a target", NULL);
    step(pair.initiator, NULL, &token, &error);
    check_error("step after completion", &error, TROTH_E_STATE, false, "the handshake is complete", NULL);
    troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, "a message", 9, small, sizeof small, &length, &error);
    check_error("small buffer", &error, TROTH_E_BUFFER_TOO_SMALL, false, "protecting a message", "there are 16", NULL);
    assert_true(length > sizeof small);
    troth_credential_free(credential);
    /* Nothing was changed by it. */
    length = wrapped(pair.initiator, token.bytes, sizeof token.bytes);
    assert_int_equal(unwrap(pair.acceptor, token.bytes, length).status, TROTH_OK);
    free_pair(pair);
}

static void names_that_cannot_be_say_why(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = alice(TROTH_MECHANISM_KERBEROS);
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    options.target.service = "troth";
    options.target.host = "192.0.2.7";
    troth_context_new(credential, &options, &context, &error);
    assert_null(context);
    check_error("host is an IP address", &error, TROTH_E_NAME, false, "target", "IP address", NULL);
    troth_credential_free(credential);
}

static void less_than_what_was_negotiated_is_unsupported(void **state)
{
    static struct token token, back;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    realm_process *raw = raw_initiator(NULL, TROTH_MECHANISM_KERBEROS, "troth", "plain");
    troth_credential *credential = server(TROTH_MECHANISM_KERBEROS);
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;
    size_t length = 0;

    (void)state;
    options.required = TROTH_MUTUAL;
    assert_int_equal(troth_context_new(credential, &options, &context, &error), TROTH_OK);
    raw_token(raw, &token);
    assert_int_equal(step(context, &token, &back, &error), TROTH_OK);
    troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "a message", 9, token.bytes, sizeof token.bytes, &length,
               &error);
    check_error("no confidentiality in this context", &error, TROTH_E_UNSUPPORTED, false,
                "this context has no confidentiality", NULL);
    troth_context_free(context);
    troth_credential_free(credential);
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static void a_changed_message_is_final(void **state)
{
    struct pair pair = completed(0, 0);
    unsigned char message[256], next[256];
    size_t length = wrapped(pair.initiator, message, sizeof message);
    size_t next_length = wrapped(pair.initiator, next, sizeof next);
    troth_error error;

    (void)state;
    message[length - 1] ^= 1;
    error = unwrap(pair.acceptor, message, length);
    check_error("changed message", &error, TROTH_E_ALTERED, true, "verifying a protected message", "gss_unwrap_iov",
                NULL);
    error = unwrap(pair.acceptor, next, next_length);
    check_error("after a final failure", &error, TROTH_E_ALTERED, true, "this context failed before (TROTH_E_ALTERED)",
                NULL);
    free_pair(pair);
}

static void messages_in_the_wrong_order_are_told_apart(void **state)
{
    struct pair pair = completed(TROTH_DATAGRAM, 0);
    unsigned char first[256], again[256], second[256], third[256];
    const size_t length = wrapped(pair.initiator, first, sizeof first);
    troth_error error;

    (void)state;
    wrapped(pair.initiator, second, sizeof second);
    wrapped(pair.initiator, third, sizeof third);
    memcpy(again, first, length);
    assert_int_equal(unwrap(pair.acceptor, first, length).status, TROTH_OK);
    error = unwrap(pair.acceptor, again, length);
    check_error("message that comes twice", &error, TROTH_E_REPLAY, true, "verifying a protected message", NULL);
    error = unwrap(pair.acceptor, third, length);
    check_error("message before this one missing", &error, TROTH_E_GAP, true, "verifying a protected message", NULL);
    error = unwrap(pair.acceptor, second, length);
    check_error("message out of order", &error, TROTH_E_OUT_OF_SEQUENCE, true, "verifying a protected message", NULL);
    free_pair(pair);
}

static void a_message_too_old_to_tell_says_so(void **state)
{
    struct pair pair =
        completed(TROTH_DATAGRAM, TROTH_DEFAULT_REQUESTED & ~TROTH_SEQUENCE_DETECTION); /* else it is only late */
    unsigned char oldest[256], message[256];
    const size_t length = wrapped(pair.initiator, oldest, sizeof oldest);
    troth_error error;

    (void)state;
    for (int i = 0; i < 200; i++) { /* MIT remembers 64 */
        wrapped(pair.initiator, message, sizeof message);
        unwrap(pair.acceptor, message, length);
    }
    error = unwrap(pair.acceptor, oldest, length);
    check_error("old message", &error, TROTH_E_OLD, true, "verifying a protected message", NULL);
    free_pair(pair);
}

/* ---- the transport -------------------------------------------------------------------------------------------- */

static troth_error authenticate(int socket, int timeout)
{
    troth_socket_options options = TROTH_SOCKET_OPTIONS_INIT;
    troth_context *context = context_to(server(TROTH_MECHANISM_KERBEROS), NULL);
    troth_error error = TROTH_ERROR_INIT;

    options.timeout = timeout;
    assert_int_not_equal(troth_authenticate(context, socket, &options, &error), TROTH_OK);
    troth_context_free(context);
    return error;
}

static void a_transport_that_fails_says_how(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    error = authenticate(ends[0], 20);
    check_error("silent peer", &error, TROTH_E_TIMEOUT, false, "waiting for the peer", "20 ms", "Hint: ", NULL);
    assert_int_equal(send(ends[1], "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL), 16);
    error = authenticate(ends[0], 0);
    check_error("not our framing", &error, TROTH_E_FRAME, false, "limit", NULL);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    close(ends[1]);
    error = authenticate(ends[0], 0);
    check_error("peer that closes", &error, TROTH_E_CLOSED, false, "closed", NULL);
    close(ends[0]);
    error = authenticate(ends[0], 0);
    check_error("no socket", &error, TROTH_E_IO, false, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh_surroundings, end_processes)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(misuse_says_what_was_wrong),
        CASE(names_that_cannot_be_say_why),
        CASE(less_than_what_was_negotiated_is_unsupported),
        CASE(a_changed_message_is_final),
        CASE(messages_in_the_wrong_order_are_told_apart),
        CASE(a_message_too_old_to_tell_says_so),
        CASE(a_transport_that_fails_says_how),
    };

    if (no_own_realm())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
