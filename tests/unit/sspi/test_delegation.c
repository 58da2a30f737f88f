/* test_delegation.c - the SSPI backend's part: what is asked of the provider, what it cannot do, and impersonation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripted.h"
#include "troth/delegation.h"
#include "troth/session.h"

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static troth_status delegating(troth_delegate delegate, troth_context **context)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = script_credential(TROTH_INITIATOR);
    troth_status status;

    options.target.service = "http";
    options.target.host = "www.example.com";
    options.delegate = delegate;
    status = troth_context_new(credential, &options, context, NULL);
    troth_credential_free(credential);
    return status;
}

static void delegation_by_policy_is_what_windows_calls_delegation(void **state)
{
    troth_context *context = NULL;
    size_t length;

    (void)state;
    for (int way = TROTH_DELEGATE_NEVER; way <= TROTH_DELEGATE_BY_POLICY; way++) {
        script_reset();
        assert_int_equal(delegating((troth_delegate)way, &context), TROTH_OK);
        assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
        assert_int_equal((script.seen[0].flags & ISC_REQ_DELEGATE) != 0, way == TROTH_DELEGATE_BY_POLICY);
        assert_true((script.seen[0].flags & ISC_REQ_MUTUAL_AUTH) != 0);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

static void delegation_always_is_unsupported_and_under_wine_any(void **state)
{
    troth_context *context = NULL;

    (void)state;
    assert_int_equal(delegating(TROTH_DELEGATE_ALWAYS, &context), TROTH_E_UNSUPPORTED);
    script.wine = true;
    assert_int_equal(delegating(TROTH_DELEGATE_BY_POLICY, &context), TROTH_E_UNSUPPORTED);
    assert_null(context);
    script_assert_nothing_left();
}

static void credentials_tell_their_end_and_are_not_stored(void **state)
{
    troth_credential_info info = TROTH_CREDENTIAL_INFO_INIT;
    troth_credential *credential;
    const char *name = NULL;

    (void)state;
    script.expiry = (11644473600 + 1000) * 10000000;
    credential = script_credential(TROTH_INITIATOR);
    assert_int_equal(troth_credential_info_get(credential, &info, NULL), TROTH_OK);
    assert_true(info.expiry == 1000 && info.remaining == 0);
    assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_E_UNAVAILABLE);
    assert_null(name);
    assert_int_equal(troth_credential_store(credential, "FILE:x", NULL), TROTH_E_UNSUPPORTED);
    troth_credential_free(credential);
    script_assert_nothing_left();
}

static void a_thread_acts_as_the_peer_until_it_is_given_back(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    size_t length;

    (void)state;
    script.steps[0].flags = script_asc_all;
    context = script_context(TROTH_ACCEPTOR);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    script.fail_at = script.calls + 1;
    assert_int_not_equal(troth_context_impersonate(context, &error), TROTH_OK);
    assert_string_equal(script.failed, "ImpersonateSecurityContext");
    assert_int_equal(troth_context_impersonate(context, &error), TROTH_OK);
    assert_int_equal(script.impersonating, 1);
    script.fail_at = script.calls + 1;
    assert_int_equal(troth_context_revert(context, &error), TROTH_E_FAILURE);
    assert_non_null(strstr(error.text, "must not go on"));
    assert_int_equal(troth_context_revert(context, &error), TROTH_OK);
    assert_int_equal(script.impersonating, 0);
    troth_context_free(context);
    script_assert_nothing_left();
}

static troth_context *impersonating(void)
{
    troth_context *context;
    size_t length;

    script.steps[0].flags = script_asc_all;
    script.steps_made = 0;
    context = script_context(TROTH_ACCEPTOR);
    assert_int_equal(script_step_context(context, true, &length, NULL), TROTH_OK);
    assert_int_equal(troth_context_impersonate(context, NULL), TROTH_OK);
    assert_int_equal(script.impersonating, 1);
    return context;
}

/* The provider's context is the only way back. */
static void a_context_outlives_the_impersonation_that_it_began(void **state)
{
    const void *token;
    troth_context *context;
    size_t length;

    (void)state;
    context = impersonating();
    troth_context_free(context);
    assert_int_equal(script.impersonating, 0);
    script_assert_nothing_left();

    context = impersonating();
    assert_int_equal(troth_verify_mic(context, "hello", 5, "no code", 7, NULL), TROTH_E_ALTERED);
    assert_int_equal(troth_context_revert(context, NULL), TROTH_OK);
    assert_int_equal(script.impersonating, 0);
    troth_context_free(context);
    script_assert_nothing_left();

    context = impersonating();
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_revert(context, NULL), TROTH_OK);
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_OK);
    assert_int_equal(troth_context_impersonate(context, NULL), TROTH_E_STATE);
    troth_context_free(context);
    script_assert_nothing_left();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(delegation_by_policy_is_what_windows_calls_delegation, reset),
        cmocka_unit_test_setup(delegation_always_is_unsupported_and_under_wine_any, reset),
        cmocka_unit_test_setup(credentials_tell_their_end_and_are_not_stored, reset),
        cmocka_unit_test_setup(a_thread_acts_as_the_peer_until_it_is_given_back, reset),
        cmocka_unit_test_setup(a_context_outlives_the_impersonation_that_it_began, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
