/* test_handshake.c - the SSPI backend's steps: what a provider says and writes, and what is made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripted.h"

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static void script_continue(SECURITY_STATUS status)
{
    script.steps[1] = script.steps[0];
    script.steps[0].status = status;
}

static void ok_with_a_token_is_done_and_sends_it(void **state)
{
    troth_context *context = script_context(TROTH_INITIATOR);
    const void *out;
    size_t length;

    (void)state;
    assert_int_equal(troth_context_step(context, NULL, 0, &out, &length, NULL), TROTH_OK);
    assert_int_equal(length, TOKEN_LENGTH);
    assert_memory_equal(out, TOKEN, TOKEN_LENGTH);
    assert_int_equal(script.completions, 0);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void ok_without_a_token_is_done_too(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script_continue(SEC_I_CONTINUE_NEEDED);
    script.steps[1].token = NULL;
    script.steps[1].length = 0;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(length, TOKEN_LENGTH);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    assert_int_equal(length, 0);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void continue_without_a_token_goes_on(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script_continue(SEC_I_CONTINUE_NEEDED);
    script.steps[0].token = NULL;
    script.steps[0].length = 0;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(length, 0);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void a_size_left_as_it_was_is_no_token(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].size = SIZE_UNTOUCHED;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
    assert_int_equal(length, 0);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void a_size_over_the_capacity_is_a_failure(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].size = SIZE_TOO_LARGE;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_E_FAILURE);
    assert_int_equal(length, 0);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void a_token_of_64_kib_comes_out_whole(void **state)
{
    static char large[65536];
    troth_context *context;
    const void *out;
    size_t length;

    (void)state;
    memset(large, 'x', sizeof large);
    memcpy(large, TOKEN, TOKEN_LENGTH);
    script.steps[0].token = large;
    script.steps[0].length = sizeof large;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(troth_context_step(context, NULL, 0, &out, &length, NULL), TROTH_OK);
    assert_int_equal(length, sizeof large);
    assert_memory_equal(out, large, sizeof large);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void complete_needed_completes_the_token_and_is_done(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].status = SEC_I_COMPLETE_NEEDED;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
    assert_int_equal(length, TOKEN_LENGTH);
    assert_int_equal(script.completions, 1);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void complete_and_continue_completes_the_token_and_goes_on(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script_continue(SEC_I_COMPLETE_AND_CONTINUE);
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(length, TOKEN_LENGTH);
    assert_int_equal(script.completions, 1);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    assert_int_equal(script.completions, 1);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void a_completion_that_fails_ends_the_handshake(void **state)
{
    static const SECURITY_STATUS asked[] = {SEC_I_COMPLETE_NEEDED, SEC_I_COMPLETE_AND_CONTINUE};
    static const SECURITY_STATUS answers[] = {SEC_E_INVALID_TOKEN, SEC_E_UNSUPPORTED_FUNCTION, SEC_I_CONTINUE_NEEDED};
    size_t i;

    (void)state;
    for (i = 0; i < 6; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        troth_status status;
        size_t length;

        script_reset();
        script.steps[0].status = asked[i % 2];
        script.complete = answers[i / 2];
        context = script_context(TROTH_INITIATOR);
        status = script_step_context(context, false, &length, &error);
        assert_int_equal(status, answers[i / 2] == SEC_E_INVALID_TOKEN ? TROTH_E_BAD_TOKEN : TROTH_E_FAILURE);
        assert_int_equal(length, 0);
        assert_non_null(strstr(error.text, "CompleteAuthToken"));
        assert_int_equal(script_step_context(context, true, &length, NULL), status);
        assert_int_equal(script.steps_made, 1);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

static void a_failure_with_a_token_of_the_protocols_sends_it(void **state)
{
    static const char *const tokens[] = {"\x60\x03\x02\x01\x00", "\x6e\x03\x02\x01\x00", "\x7e\x03\x02\x01\x00",
                                         "\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02"};
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        troth_context *context;
        troth_error error = TROTH_ERROR_INIT;
        size_t length;

        script_reset();
        script.steps[0].status = SEC_E_WRONG_PRINCIPAL;
        script.steps[0].token = tokens[i];
        script.steps[0].length = i < 3 ? 5 : 9;
        context = script_context(TROTH_ACCEPTOR);
        assert_int_equal(script_step_context(context, true, &length, &error), TROTH_E_WRONG_KEY);
        assert_int_equal(length, script.steps[0].length);
        assert_int_equal(error.native_major, (uint32_t)SEC_E_WRONG_PRINCIPAL);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

static void a_failure_without_a_real_token_sends_nothing(void **state)
{
    static const struct script_step steps[] = {
        {SEC_E_LOGON_DENIED, NULL, 0, 0, SIZE_WRITTEN},
        {SEC_E_LOGON_DENIED, NULL, 0, 0, SIZE_UNTOUCHED},
        {SEC_E_LOGON_DENIED, TOKEN, TOKEN_LENGTH, 0, SIZE_UNTOUCHED},
        {SEC_E_LOGON_DENIED, TOKEN, TOKEN_LENGTH, 0, SIZE_TOO_LARGE},
        {SEC_E_LOGON_DENIED, NULL, 40, 0, SIZE_WRITTEN},
        {SEC_E_LOGON_DENIED, "heap of somebody", 16, 0, SIZE_WRITTEN},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        troth_context *context;
        size_t length;

        script_reset();
        script.steps[0] = steps[i];
        context = script_context(TROTH_ACCEPTOR);
        assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_E_DENIED);
        assert_int_equal(length, 0);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

static void an_incomplete_message_is_not_more_to_read(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].status = SEC_E_INCOMPLETE_MESSAGE;
    context = script_context(TROTH_ACCEPTOR);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_E_BAD_TOKEN);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void an_unknown_success_is_a_failure_with_a_handle(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].status = SEC_I_INCOMPLETE_CREDENTIALS;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_E_FAILURE);
    assert_int_equal(script.contexts, 1);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void a_later_failure_still_deletes_the_handle_once(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script_continue(SEC_I_CONTINUE_NEEDED);
    script.steps[1].status = SEC_E_MESSAGE_ALTERED;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_E_ALTERED);
    assert_int_equal(script.contexts, 1);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void attributes_before_the_end_are_not_believed(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    size_t length;

    (void)state;
    script_continue(SEC_I_CONTINUE_NEEDED);
    script.steps[1].flags = script_isc_all & ~(unsigned long)ISC_RET_MUTUAL_AUTH;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(script_step_context(context, true, &length, &error), TROTH_E_REQUIREMENT);
    assert_int_equal(length, 0);
    assert_non_null(strstr(error.text, "mutual"));
    troth_context_free(context);

    script_reset();
    script_continue(SEC_I_CONTINUE_NEEDED);
    script.steps[0].flags = 0;
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void the_two_tables_of_flags_are_not_confused(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    /* 0x10000 is integrity for an initiator and stream for an acceptor; 0x20000 is identify and integrity. */
    context = script_context(TROTH_INITIATOR);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
    assert_int_equal(script.seen[0].flags, 0x1401E);
    troth_context_free(context);

    script_reset();
    script.steps[0].flags = 0x1001E & ~(unsigned long)ASC_RET_CONFIDENTIALITY;
    context = script_context(TROTH_ACCEPTOR);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_E_REQUIREMENT);
    assert_int_equal(script.seen[0].flags, 0x28012);
    troth_context_free(context);

    script_reset();
    script.steps[0].flags = script_asc_all;
    context = script_context(TROTH_ACCEPTOR);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void every_bit_is_reported_as_what_it_is(void **state)
{
    static const struct {
        unsigned long isc;
        unsigned long asc;
        uint32_t property;
    } bits[] = {
        {0x00002, 0x000002, TROTH_MUTUAL},
        {0x00004, 0x000004, TROTH_REPLAY_DETECTION},
        {0x00008, 0x000008, TROTH_SEQUENCE_DETECTION},
        {0x00010, 0x000010, TROTH_CONFIDENTIALITY | TROTH_INTEGRITY},
        {0x10000, 0x020000, TROTH_INTEGRITY},
        {0x20000, 0x080000, TROTH_IDENTIFY},
        {0x00001, 0x000001, TROTH_DELEGATED},
        {0x08000, 0x010000, 0}, /* stream */
        {0x04000, 0x008000, 0}, /* extended error */
    };
    size_t i;

    (void)state;
    for (i = 0; i < 2 * sizeof bits / sizeof bits[0]; i++) {
        troth_role role = i % 2 == 0 ? TROTH_INITIATOR : TROTH_ACCEPTOR;
        troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_credential *credential;
        troth_context *context;
        size_t length;

        script_reset();
        script.steps[0].flags = role == TROTH_INITIATOR ? bits[i / 2].isc : bits[i / 2].asc;
        credential = script_credential(role);
        options.required = TROTH_NOTHING;
        if (role == TROTH_INITIATOR)
            options.target.principal = "x";
        assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_OK);
        troth_credential_free(credential);
        assert_int_equal(script_step_context(context, role == TROTH_ACCEPTOR, &length, NULL), TROTH_OK);
        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_int_equal(info.properties, bits[i / 2].property);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

static void the_buffers_stand_in_order(void **state)
{
    troth_context *context;
    size_t length;

    (void)state;
    script_continue(SEC_I_CONTINUE_NEEDED);
    context = script_context(TROTH_INITIATOR);
    script_step_context(context, false, &length, NULL);
    script_step_context(context, true, &length, NULL);
    assert_false(script.seen[0].known);
    assert_false(script.seen[0].input);
    assert_true(script.seen[1].known);
    assert_int_equal(script.seen[1].buffers, 1);
    assert_int_equal(script.seen[1].types[0], SECBUFFER_TOKEN);
    assert_memory_equal(script.seen[1].token, TOKEN, TOKEN_LENGTH);
    assert_true(wcscmp(script.seen[0].target, L"http/www.example.com") == 0);
    assert_true(wcscmp(script.seen[1].target, L"http/www.example.com") == 0);
    troth_context_free(context);

    script_reset();
    context = script_context(TROTH_ACCEPTOR);
    script_step_context(context, true, &length, NULL);
    assert_false(script.seen[0].known);
    assert_int_equal(script.seen[0].buffers, 2);
    assert_int_equal(script.seen[0].types[0], SECBUFFER_TOKEN);
    assert_int_equal(script.seen[0].types[1], SECBUFFER_EMPTY);
    troth_context_free(context);
    script_assert_nothing_left();
}

static troth_context *bound_context(troth_role role, uint32_t required)
{
    static const troth_bindings bindings = {255, "ab", 2, 7, "cde", 3, "tls-exporter:XY", 15};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = script_credential(role);
    troth_context *context = NULL;

    if (role == TROTH_INITIATOR)
        options.target.principal = "HTTP/www@EXAMPLE.COM";
    options.bindings = &bindings;
    options.required = required;
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_OK);
    troth_credential_free(credential);
    return context;
}

static void channel_bindings_go_with_every_step(void **state)
{
    static const uint32_t expected[] = {255, 2, 32, 7, 3, 34, 15, 37};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;
    size_t length;
    size_t i;

    (void)state;
    script_continue(SEC_I_CONTINUE_NEEDED);
    context = bound_context(TROTH_INITIATOR, 0);
    script_step_context(context, false, &length, NULL);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    assert_int_equal(script.seen[0].buffers, 1);
    assert_int_equal(script.seen[0].types[0], SECBUFFER_CHANNEL_BINDINGS);
    assert_int_equal(script.seen[1].types[1], SECBUFFER_CHANNEL_BINDINGS);
    for (i = 0; i < 2; i++) {
        assert_int_equal(script.seen[i].bindings_length, 52);
        assert_memory_equal(script.seen[i].bindings, expected, 32);
        assert_memory_equal(script.seen[i].bindings + 32, "abcdetls-exporter:XY", 20);
    }
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.bindings, TROTH_BINDING_UNKNOWN);
    assert_true(wcscmp(script.seen[0].target, L"HTTP/www@EXAMPLE.COM") == 0);
    troth_context_free(context);
    script_assert_nothing_left();
}

static void an_acceptor_says_whether_bindings_may_be_missing(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].flags = script_asc_all;
    context = bound_context(TROTH_ACCEPTOR, 0);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    assert_int_equal(script.seen[0].buffers, 3);
    assert_int_equal(script.seen[0].types[2], SECBUFFER_CHANNEL_BINDINGS);
    assert_true((script.seen[0].flags & ASC_REQ_ALLOW_MISSING_BINDINGS) != 0);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.bindings, TROTH_BINDING_UNKNOWN);
    troth_context_free(context);

    script_reset();
    script.steps[0].flags = script_asc_all;
    context = bound_context(TROTH_ACCEPTOR, TROTH_MUTUAL | TROTH_CHANNEL_BOUND);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    assert_true((script.seen[0].flags & ASC_REQ_ALLOW_MISSING_BINDINGS) == 0);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.bindings, TROTH_BINDING_BOUND);
    troth_context_free(context);
    script_assert_nothing_left();
}

static troth_status one_step(troth_error *error)
{
    troth_context *context = script_context(TROTH_INITIATOR);
    size_t length;
    troth_status status = script_step_context(context, false, &length, error);

    assert_true(status == TROTH_OK || length == 0);
    troth_context_free(context);
    script_assert_nothing_left();
    return status;
}

static void ntlm_chosen_although_excluded_is_refused(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    script.package = L"NTLM";
    assert_int_equal(one_step(&error), TROTH_E_MECHANISM);
    assert_non_null(strstr(error.text, "NTLM"));
}

static void a_mechanism_that_nobody_tells_is_refused(void **state)
{
    (void)state;
    script.negotiation = SEC_E_UNSUPPORTED_FUNCTION;
    script.package_info = SEC_E_UNSUPPORTED_FUNCTION;
    assert_int_equal(one_step(NULL), TROTH_E_MECHANISM);
    script_reset();
    script.negotiation_state = SECPKG_NEGOTIATION_IN_PROGRESS;
    assert_int_equal(one_step(NULL), TROTH_E_MECHANISM);
    script_reset();
    script.negotiation = SEC_E_UNSUPPORTED_FUNCTION;
    assert_int_equal(one_step(NULL), TROTH_OK);
}

static void an_expiry_is_turned_from_local_time(void **state)
{
    static const struct {
        int64_t native;
        int64_t expected;
    } times[] = {
        {0x7FFFFFFFFFFFFFFF, TROTH_NEVER},
        {0x7FFFFFFF00000000, TROTH_NEVER},
        {0, TROTH_UNKNOWN},
        {-1, TROTH_UNKNOWN},
        {(INT64_C(11644473600) + 1800000000 + 7200) * 10000000, 1800000000},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof times / sizeof times[0]; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_context *context;
        size_t length;

        script_reset();
        script.offset = 7200;
        script.expiry = times[i].native;
        context = script_context(TROTH_INITIATOR);
        assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_true(info.expiry == times[i].expected);
        troth_context_free(context);
    }
    script_assert_nothing_left();
}

#define NAME(test) cmocka_unit_test_setup(test, reset)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAME(ok_with_a_token_is_done_and_sends_it),
        NAME(ok_without_a_token_is_done_too),
        NAME(continue_without_a_token_goes_on),
        NAME(a_size_left_as_it_was_is_no_token),
        NAME(a_size_over_the_capacity_is_a_failure),
        NAME(a_token_of_64_kib_comes_out_whole),
        NAME(complete_needed_completes_the_token_and_is_done),
        NAME(complete_and_continue_completes_the_token_and_goes_on),
        NAME(a_completion_that_fails_ends_the_handshake),
        NAME(a_failure_with_a_token_of_the_protocols_sends_it),
        NAME(a_failure_without_a_real_token_sends_nothing),
        NAME(an_incomplete_message_is_not_more_to_read),
        NAME(an_unknown_success_is_a_failure_with_a_handle),
        NAME(a_later_failure_still_deletes_the_handle_once),
        NAME(attributes_before_the_end_are_not_believed),
        NAME(the_two_tables_of_flags_are_not_confused),
        NAME(every_bit_is_reported_as_what_it_is),
        NAME(the_buffers_stand_in_order),
        NAME(channel_bindings_go_with_every_step),
        NAME(an_acceptor_says_whether_bindings_may_be_missing),
        NAME(ntlm_chosen_although_excluded_is_refused),
        NAME(a_mechanism_that_nobody_tells_is_refused),
        NAME(an_expiry_is_turned_from_local_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
