/* trace.c - contract: a credential's trace tells of every native call that matters and of both ends' handshake. */
#include "contract.h"

struct seen {
    unsigned native, refused, tokens_in, tokens_out, verified, unknown;
    size_t token_in_length;
    size_t message_in, message_out; /* the largest lengths that a native call was told with after the handshake */
    bool step_named;
    bool names_end; /* every native call has a name and a class */
    const void *conversation;
};

static void see(void *user, const troth_trace_event *event)
{
    struct seen *seen = user;
    assert_int_equal(event->size, sizeof(*event));
    assert_non_null(event->subject);
    switch (event->kind) {
    case TROTH_TRACE_NATIVE:
        seen->native++;
        seen->names_end = seen->names_end && event->call != NULL && event->call[0] != '\0';
        if (strstr(event->call, "sec_context") != NULL || strstr(event->call, "SecurityContext") != NULL) {
            seen->step_named = true;
            seen->conversation = event->conversation;
        }
        if (seen->verified > 0 && event->input_length > seen->message_in) {
            seen->message_in = event->input_length;
            seen->message_out = event->output_length;
        }
        break;
    case TROTH_TRACE_TOKEN_IN:
        seen->tokens_in++;
        seen->token_in_length = event->input_length;
        seen->unknown += strcmp(event->token, "unknown") == 0;
        break;
    case TROTH_TRACE_TOKEN_OUT:
        seen->tokens_out++;
        assert_true(event->output_length > 0);
        break;
    case TROTH_TRACE_VERIFIED:
        seen->verified++;
        assert_int_equal(event->mechanism, TROTH_MECHANISM_KERBEROS);
        assert_int_equal(event->properties & TROTH_DEFAULT_REQUESTED, TROTH_DEFAULT_REQUESTED);
        break;
    case TROTH_TRACE_REFUSED:
        seen->refused++;
        assert_true(strlen(event->text) > 0);
        break;
    default:
        fail_msg("an event of kind %d", (int)event->kind);
    }
}

static troth_context *traced_context(troth_role role, struct seen *seen)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options context_options = role == TROTH_INITIATOR ? initiator_options() : acceptor_options();
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;
    options.mechanism = under_test;
    options.flags = path_under_test();
    options.trace = see;
    options.trace_user = seen;
    if (troth_credential_acquire(role, &options, &credential, &error) != TROTH_OK ||
        troth_context_new(credential, &context_options, &context, &error) != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    troth_credential_free(credential);
    return context;
}

static void the_whole_conversation_is_told(void **state)
{
    (void)state;
    struct seen initiator = {.names_end = true};
    struct seen acceptor = {.names_end = true};
    struct pair pair = {traced_context(TROTH_INITIATOR, &initiator), traced_context(TROTH_ACCEPTOR, &acceptor)};
    struct seen *both[] = {&initiator, &acceptor};
    assert_true(initiator.native > 0 && acceptor.native > 0); /* the acquisitions */
    unsigned legs = handshake(&pair);
    for (int i = 0; i < 2; i++) {
        assert_true(both[i]->step_named);
        assert_non_null(both[i]->conversation);
        assert_int_equal(both[i]->verified, 1);
        assert_int_equal(both[i]->refused, 0);
        assert_int_equal(both[i]->unknown, 0);
    }
    assert_int_equal(initiator.tokens_out + acceptor.tokens_out, legs);
    assert_int_equal(initiator.tokens_in + acceptor.tokens_in, legs);
    assert_converse(&pair);
    for (int i = 0; i < 2; i++) {
        assert_true(both[i]->message_in > 0);
        assert_true(both[i]->names_end);
    }
    pair_free(&pair);
}

static void a_refusal_is_told_with_what_the_native_call_said(void **state)
{
    (void)state;
    struct seen seen = {.names_end = true};
    troth_context *acceptor = traced_context(TROTH_ACCEPTOR, &seen);
    unsigned before = seen.native;
    static const uint8_t garbage[] = {0x60, 0x03, 0x06, 0x01, 0x01};
    const void *out = NULL;
    size_t length = 0;
    troth_status status = troth_context_step(acceptor, garbage, sizeof(garbage), &out, &length, NULL);
    assert_true(is_final(status));
    assert_int_equal(seen.refused, 1);
    assert_int_equal(seen.token_in_length, sizeof(garbage));
    assert_true(seen.native > before);
    assert_int_equal(seen.verified, 0);
    troth_context_free(acceptor);
}

int run_trace_tests(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_conversation_is_told),
        cmocka_unit_test(a_refusal_is_told_with_what_the_native_call_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
