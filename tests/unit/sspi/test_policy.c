/* test_policy.c - the SSPI backend's part in policies: what is asked of the provider, what it tells of a key, and NTLM.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "scripted.h"

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

/* A context over the script; the status is troth_context_new's. */
static troth_status policy_new(troth_role role, const troth_credential_options *own,
                               const troth_context_options *options, troth_context **context, troth_error *error)
{
    troth_context_options given = *options;
    troth_credential *credential = NULL;
    troth_status status;

    if (role == TROTH_INITIATOR) {
        given.target.service = "http";
        given.target.host = "www.example.com";
    }
    assert_int_equal(troth__credential_acquire(&scripted_backend, role, own, &credential, error), TROTH_OK);
    status = troth_context_new(credential, &given, context, error);
    troth_credential_free(credential);
    return status;
}

static troth_context *complete(troth_role role, const troth_credential_options *own,
                               const troth_context_options *options, troth_status expected, troth_error *error)
{
    troth_context *context = NULL;
    size_t length;

    assert_int_equal(policy_new(role, own, options, &context, error), TROTH_OK);
    assert_int_equal(script_step_context(context, role == TROTH_ACCEPTOR, &length, error), expected);
    return context;
}

static void finish(troth_context *context)
{
    troth_context_free(context);
    script_assert_nothing_left();
}

/* ---- what is asked of the provider ---------------------------------------------------------------------------- */

static void null_sessions_and_delegation_are_asked_for_only_when_wanted(void **state)
{
    const troth_context_options plain = TROTH_CONTEXT_OPTIONS_INIT;
    const troth_context_options wanted = {
        .size = sizeof wanted, .required = TROTH_MUTUAL | TROTH_DELEGATED, .flags = TROTH_ALLOW_ANONYMOUS};

    (void)state;
    script.steps[0].flags = script_asc_all | ASC_RET_DELEGATE | ASC_RET_NULL_SESSION;
    finish(complete(TROTH_ACCEPTOR, NULL, &plain, TROTH_E_REQUIREMENT, NULL));
    assert_int_equal(script.seen[0].flags & (ASC_REQ_ALLOW_NULL_SESSION | ASC_REQ_DELEGATE), 0);
    script_reset();
    script.steps[0].flags = script_asc_all | ASC_RET_DELEGATE | ASC_RET_NULL_SESSION;
    finish(complete(TROTH_ACCEPTOR, NULL, &wanted, TROTH_OK, NULL));
    assert_int_equal(script.seen[0].flags & (ASC_REQ_ALLOW_NULL_SESSION | ASC_REQ_DELEGATE),
                     ASC_REQ_ALLOW_NULL_SESSION | ASC_REQ_DELEGATE);
    script_reset();
    finish(complete(TROTH_INITIATOR, NULL, &plain, TROTH_OK, NULL));
    assert_int_equal(script.seen[0].flags & (ISC_REQ_NULL_SESSION | ISC_REQ_DELEGATE), 0);
    script_reset();
    script.steps[0].flags = script_isc_all | ISC_RET_DELEGATE;
    finish(complete(TROTH_INITIATOR, NULL, &wanted, TROTH_OK, NULL));
    assert_int_equal(script.seen[0].flags & (ISC_REQ_NULL_SESSION | ISC_REQ_DELEGATE), ISC_REQ_DELEGATE);
}

/* ---- encryption types ----------------------------------------------------------------------------------------- */

static void the_type_and_strength_of_a_key_are_told_and_its_strings_freed(void **state)
{
    const troth_context_options plain = TROTH_CONTEXT_OPTIONS_INIT;
    const troth_context_options weak = {.size = sizeof weak, .flags = TROTH_REFUSE_WEAK_ENCRYPTION};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    script.key_info = SEC_E_OK;
    script.key_type = TROTH_ENCRYPTION_RC4;
    script.key_bits = 127;
    context = complete(TROTH_INITIATOR, NULL, &plain, TROTH_OK, NULL);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.encryption, TROTH_ENCRYPTION_RC4);
    assert_int_equal(info.strength, 127);
    finish(context);
    script_reset();
    script.key_info = SEC_E_OK;
    script.key_type = TROTH_ENCRYPTION_RC4;
    finish(complete(TROTH_INITIATOR, NULL, &weak, TROTH_E_ENCRYPTION, &error));
    assert_non_null(strstr(error.text, "rc4-hmac"));
    script_reset();
    script.key_info = SEC_E_OK;
    script.key_type = TROTH_ENCRYPTION_AES256_SHA1;
    finish(complete(TROTH_INITIATOR, NULL, &weak, TROTH_OK, NULL));
}

static void a_type_that_is_not_told_is_refused_where_some_are(void **state)
{
    const troth_context_options weak = {.size = sizeof weak, .flags = TROTH_REFUSE_WEAK_ENCRYPTION};
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;

    (void)state;
    finish(complete(TROTH_INITIATOR, NULL, &weak, TROTH_E_ENCRYPTION, &error));
    assert_non_null(strstr(error.text, "does not tell"));
    script_reset();
    script.wine = true;
    assert_int_equal(policy_new(TROTH_INITIATOR, NULL, &weak, &context, &error), TROTH_E_UNAVAILABLE);
    assert_null(context);
    assert_int_equal(script.steps_made, 0);
    script_assert_nothing_left();
}

/* ---- NTLM ----------------------------------------------------------------------------------------------------- */

static const troth_credential_options ntlm_alone = {
    .size = sizeof ntlm_alone, .mechanism = TROTH_MECHANISM_NTLM, .name = {.principal = "DOM\\bob"}, .password = "p"};
static const troth_credential_options ntlm_allowed = {
    .size = sizeof ntlm_allowed, .flags = TROTH_CREDENTIAL_NTLM, .name = {.principal = "DOM\\bob"}, .password = "p"};
static const troth_context_options ntlm_options = {.size = sizeof ntlm_options, .required = TROTH_CONFIDENTIALITY};

static void ntlm_is_let_into_the_list_or_is_the_package_where_it_was_asked_for(void **state)
{
    static const struct {
        const troth_credential_options *own;
        bool wine;
        const WCHAR *package;
        const WCHAR *list;
    } cases[] = {
        {&ntlm_allowed, false, L"Negotiate", L"Kerberos,NTLM"},
        {&ntlm_alone, false, L"NTLM", L"NTLM"},
        {&ntlm_allowed, true, L"Negotiate", L""},
        {&ntlm_alone, true, L"NTLM", L""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_credential *credential = NULL;

        script_reset();
        script.wine = cases[i].wine;
        assert_int_equal(troth__credential_acquire(&scripted_backend, TROTH_INITIATOR, cases[i].own, &credential, NULL),
                         TROTH_OK);
        assert_memory_equal(script.package_asked, cases[i].package, (wcslen(cases[i].package) + 1) * sizeof(WCHAR));
        assert_memory_equal(script.identity_packages, cases[i].list, (wcslen(cases[i].list) + 1) * sizeof(WCHAR));
        assert_memory_equal(script.identity_user, L"bob", 4 * sizeof(WCHAR));
        troth_credential_free(credential);
        script_assert_nothing_left();
    }
}

static void the_default_credential_of_ntlm_alone_has_no_identity(void **state)
{
    const troth_credential_options own = {.size = sizeof own, .mechanism = TROTH_MECHANISM_NTLM};
    troth_credential *credential = NULL;

    (void)state;
    assert_int_equal(troth__credential_acquire(&scripted_backend, TROTH_INITIATOR, &own, &credential, NULL), TROTH_OK);
    assert_false(script.identity);
    troth_credential_free(credential);
    script_assert_nothing_left();
}

/* A complete initiator's context for which the provider says that NTLM was chosen. */
static troth_context *ntlm_context(const troth_credential_options *own, bool wine, unsigned long flags)
{
    const troth_context_options less = {.size = sizeof less, .required = TROTH_INTEGRITY};

    script_reset();
    script.wine = wine;
    script.package = L"NTLM";
    script.steps[0].flags = flags;
    return complete(TROTH_INITIATOR, own, (flags & ISC_RET_CONFIDENTIALITY) != 0 ? &ntlm_options : &less, TROTH_OK,
                    NULL);
}

static void ntlm_has_a_layout_of_its_own_without_stream_and_padding(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 4; i++) {
        const unsigned long flags = i < 2 ? script_isc_all : script_isc_all & ~(unsigned long)ISC_RET_CONFIDENTIALITY;
        const troth_protection given = i < 2 ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;
        troth_context *context = ntlm_context(i % 2 == 0 ? &ntlm_alone : &ntlm_allowed, i % 2 == 1, flags);
        troth_protection protection = TROTH_PROTECTION_UNSET;
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        uint8_t message[64];
        size_t length = 0;
        void *data = NULL;

        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_int_equal(info.mechanism, TROTH_MECHANISM_NTLM);
        assert_int_equal(info.properties & TROTH_MUTUAL, 0);
        assert_int_equal(info.wrap_overhead, 16);
        assert_int_equal(troth_wrap(context, given, "hello", 5, message, 20, &length, NULL), TROTH_E_BUFFER_TOO_SMALL);
        assert_int_equal(length, 21);
        assert_int_equal(troth_wrap(context, given, "hello", 5, message, 21, &length, NULL), TROTH_OK);
        assert_int_equal(length, 21);
        assert_memory_equal(message, "TTTTTTTTTTTTTTTT\x32\x3f\x36\x36\x35", 21);
        assert_int_equal(script.message_quality, 0);
        assert_int_equal(script.message_types[0], SECBUFFER_TOKEN);
        assert_int_equal(script.message_types[1], SECBUFFER_DATA);
        assert_int_equal(script.message_types[2], 0xFFFFFFFF);
        assert_int_equal(troth_unwrap(context, message, length, &data, &length, &protection, NULL), TROTH_OK);
        assert_int_equal(script.message_sizes[0], 16);
        assert_int_equal(script.message_sizes[1], 5);
        assert_int_equal(protection, given);
        assert_int_equal(length, 5);
        assert_memory_equal(data, "hello", 5);
        finish(context);
    }
}

static void ntlm_messages_that_cannot_be_are_failures(void **state)
{
    troth_context *context = ntlm_context(&ntlm_alone, false, script_isc_all);
    uint8_t message[64] = {0};
    size_t length = 0;
    void *data = NULL;

    (void)state;
    assert_int_equal(troth_unwrap(context, message, 15, &data, &length, NULL, NULL), TROTH_E_BAD_TOKEN);
    finish(context);
    context = ntlm_context(&ntlm_alone, false, script_isc_all);
    script.message_token = 12;
    assert_int_equal(
        troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, message, sizeof message, &length, NULL),
        TROTH_E_FAILURE);
    finish(context);
    context = ntlm_context(&ntlm_alone, false, script_isc_all);
    script.fail_at = script.calls + 1;
    script.fail_with = SEC_E_MESSAGE_ALTERED;
    assert_int_equal(troth_unwrap(context, message, 32, &data, &length, NULL, NULL), TROTH_E_ALTERED);
    finish(context);
}

static void ntlm_is_not_asked_for_a_key_of_kerberos(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;

    (void)state;
    script.package = L"NTLM";
    script.key_info = SEC_E_OK;
    script.key_type = 0x6801; /* CALG_RC4 */
    context = complete(TROTH_INITIATOR, &ntlm_alone, &ntlm_options, TROTH_OK, NULL);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.encryption, 0);
    finish(context);
}

int main(void)
{
#define NAME(test) cmocka_unit_test_setup(test, reset)
    static const struct CMUnitTest tests[] = {
        NAME(null_sessions_and_delegation_are_asked_for_only_when_wanted),
        NAME(the_type_and_strength_of_a_key_are_told_and_its_strings_freed),
        NAME(a_type_that_is_not_told_is_refused_where_some_are),
        NAME(ntlm_is_let_into_the_list_or_is_the_package_where_it_was_asked_for),
        NAME(the_default_credential_of_ntlm_alone_has_no_identity),
        NAME(ntlm_has_a_layout_of_its_own_without_stream_and_padding),
        NAME(ntlm_messages_that_cannot_be_are_failures),
        NAME(ntlm_is_not_asked_for_a_key_of_kerberos),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
