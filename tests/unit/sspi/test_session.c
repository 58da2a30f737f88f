/* test_session.c - over SSPI: the session's key, a context's way to another process, and who the peer is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripted.h"
#include "session.h"
#include "support.h"
#include "troth/peer.h"
#include "troth/session.h"

static troth_context *complete_context(troth_role role)
{
    troth_context *context = script_context(role);
    size_t length;

    assert_int_equal(script_step_context(context, role == TROTH_ACCEPTOR, &length, NULL), TROTH_OK);
    return context;
}

static int setup(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    script_assert_nothing_left();
    assert_int_equal(script.unwiped, 0);
    return 0;
}

static void the_key_is_told_and_the_providers_copy_wiped(void **state)
{
    troth_context *context = complete_context(TROTH_INITIATOR);
    uint8_t key[64];
    size_t length = 0;

    (void)state;
    assert_int_equal(troth_context_session_key(context, key, sizeof key, &length, NULL, NULL), TROTH_OK);
    assert_int_equal(length, sizeof SCRIPT_KEY - 1);
    assert_memory_equal(key, SCRIPT_KEY, length);
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, "i", 1, key, 8, NULL), TROTH_E_UNSUPPORTED);
    troth_context_free(context);
}

static void a_context_moves_with_its_layout_and_its_properties(void **state)
{
    troth_context_info before = TROTH_CONTEXT_INFO_INIT, after = TROTH_CONTEXT_INFO_INIT;
    troth_context *context, *imported = NULL;
    uint8_t copy[256], message[64];
    const void *token;
    void *plain;
    size_t length, plain_length;

    (void)state;
    context = complete_context(TROTH_INITIATOR);
    assert_int_equal(troth_context_info_get(context, &before, NULL), TROTH_OK);
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_OK);
    assert_int_equal(script.contexts, 0); /* the handle is gone with it, and is not deleted again */
    assert_true(length <= sizeof copy);
    memcpy(copy, token, length);
    troth_context_free(context);
    assert_int_equal(troth__context_import(&scripted_backend, copy, length, &imported, NULL), TROTH_OK);
    assert_int_equal(script.contexts, 1);
    assert_int_equal(script.credentials, 0);
    assert_memory_equal(script.package_imported, L"Negotiate", sizeof L"Negotiate");
    assert_int_equal(troth_context_info_get(imported, &after, NULL), TROTH_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(
        troth_wrap(imported, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, message, sizeof message, &length, NULL),
        TROTH_OK);
    assert_int_equal(troth_unwrap(imported, message, length, &plain, &plain_length, NULL, NULL), TROTH_OK);
    assert_int_equal(plain_length, 5);
    assert_memory_equal(plain, "hello", 5);
    troth_context_free(imported);
}

static void an_initiators_name_is_told_in_each_form_that_the_provider_has(void **state)
{
    static const char exported[] = "\x04\x01\x00\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x00\x00\x00\x11";
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_context *context;
    char name[128];
    size_t length;

    (void)state;
    script.client = L"alice@EXAMPLE.COM";
    script.user = L"EXAMPLE\\alice";
    context = complete_context(TROTH_ACCEPTOR);
    assert_int_equal(troth_context_peer_principal(context, &principal, NULL), TROTH_OK);
    assert_string_equal(principal.user, "alice");
    assert_string_equal(principal.realm, "EXAMPLE.COM");
    assert_int_equal(troth_context_peer_windows_name(context, name, sizeof name, &length, NULL), TROTH_OK);
    assert_string_equal(name, "EXAMPLE\\alice");
    assert_int_equal(troth_context_peer_export_name(context, name, sizeof name, &length, NULL), TROTH_OK);
    assert_int_equal(length, sizeof exported - 1 + 17);
    assert_memory_equal(name, exported, sizeof exported - 1);
    assert_memory_equal(name + sizeof exported - 1, "alice@EXAMPLE.COM", 17);
    assert_int_equal(troth_context_peer_local_name(context, name, sizeof name, &length, NULL), TROTH_E_UNSUPPORTED);
    assert_int_equal(troth_context_peer_attribute(context, "urn:mspac:", name, sizeof name, &length, NULL, NULL),
                     TROTH_E_UNSUPPORTED);
    troth_context_free(context);
}

static void a_provider_that_knows_windows_form_alone_gives_no_principal(void **state)
{
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_context *context;
    char name[128];
    size_t length;

    (void)state;
    script.native_names = SEC_E_UNSUPPORTED_FUNCTION;
    script.user = L"EXAMPLE\\alice";
    context = complete_context(TROTH_ACCEPTOR);
    assert_int_equal(troth_context_peer_principal(context, &principal, NULL), TROTH_E_UNAVAILABLE);
    assert_int_equal(troth_context_peer_export_name(context, name, sizeof name, &length, NULL), TROTH_E_UNAVAILABLE);
    assert_int_equal(troth_context_peer_windows_name(context, name, sizeof name, &length, NULL), TROTH_OK);
    assert_string_equal(name, "EXAMPLE\\alice");
    troth_context_free(context);
}

/* An acceptor's one step, which compares what its peer says. */
static troth_status compare(SECURITY_STATUS told, const WCHAR *said, uint32_t required, troth_context_info *info,
                            troth_error *error)
{
    static const troth_name ours = {"http", "www.example.com", NULL};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    size_t length;
    troth_status status;

    script_reset();
    script.client_target = told;
    script.said_target = said;
    options.accepted_targets = &ours;
    options.accepted_target_count = 1;
    options.required = required;
    assert_int_equal(troth__credential_acquire(&scripted_backend, TROTH_ACCEPTOR, NULL, &credential, NULL), TROTH_OK);
    status = troth_context_new(credential, &options, &context, error);
    troth_credential_free(credential);
    if (status == TROTH_OK)
        status = script_step_context(context, true, &length, error);
    if (status == TROTH_OK)
        assert_int_equal(troth_context_info_get(context, info, NULL), TROTH_OK);
    troth_context_free(context);
    script_assert_nothing_left();
    return status;
}

static void an_initiators_word_for_its_target_is_compared(void **state)
{
    static const struct {
        SECURITY_STATUS told;
        const WCHAR *said;
        uint32_t required;
        troth_status status;
        troth_target_result result;
    } cases[] = {
        {SEC_E_OK, L"HTTP/www.example.com@EXAMPLE.COM", TROTH_TARGET_NAMED, TROTH_OK, TROTH_TARGET_MATCHED},
        {SEC_E_OK, L"http/www.example.com", 0, TROTH_OK, TROTH_TARGET_MATCHED},
        {SEC_E_OK, L"cifs/www.example.com", 0, TROTH_E_WRONG_TARGET, TROTH_TARGET_UNSET},
        {SEC_E_OK, NULL, 0, TROTH_OK, TROTH_TARGET_ABSENT},
        {SEC_E_OK, L"", TROTH_TARGET_NAMED, TROTH_E_REQUIREMENT, TROTH_TARGET_UNSET},
        {SEC_E_TARGET_UNKNOWN, NULL, 0, TROTH_OK, TROTH_TARGET_ABSENT},
        {SEC_E_TARGET_UNKNOWN, NULL, TROTH_TARGET_NAMED, TROTH_E_REQUIREMENT, TROTH_TARGET_UNSET},
        /* A provider that does not know the question has not said that nothing was said. */
        {SEC_E_UNSUPPORTED_FUNCTION, NULL, 0, TROTH_E_FAILURE, TROTH_TARGET_UNSET},
        {SEC_E_INTERNAL_ERROR, NULL, 0, TROTH_E_FAILURE, TROTH_TARGET_UNSET},
    };
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        const troth_status status = compare(cases[i].told, cases[i].said, cases[i].required, &info, &error);

        if (status != cases[i].status)
            fail_msg("case %u: %s %s", (unsigned)i, troth_status_name(status), error.text);
        assert_int_equal(info.target, cases[i].result);
    }
    assert_non_null(strstr(error.text, "CLIENT_SPECIFIED_TARGET"));
}

#if defined(TROTH_TEST_WRAP)
static void a_word_that_there_is_no_memory_for_is_given_back(void **state)
{
    troth_context *context;
    char name[64];
    size_t length;

    (void)state;
    script.said_target = L"http/www.example.com";
    context = complete_context(TROTH_ACCEPTOR);
    support_fail_allocation(1);
    assert_int_equal(troth_context_peer_target(context, name, sizeof name, &length, NULL, NULL), TROTH_E_MEMORY);
    assert_int_equal(troth_context_peer_target(context, name, sizeof name, &length, NULL, NULL), TROTH_OK);
    troth_context_free(context);
}
#endif

static void wine_is_not_asked_for_what_it_does_not_tell(void **state)
{
    static const troth_name ours = {"http", "www.example.com", NULL};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;

    (void)state;
    script.wine = true;
    options.accepted_targets = &ours;
    options.accepted_target_count = 1;
    assert_int_equal(troth__credential_acquire(&scripted_backend, TROTH_ACCEPTOR, NULL, &credential, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_E_UNAVAILABLE);
    troth_credential_free(credential);
}

static void an_initiators_word_for_its_target_is_told(void **state)
{
    troth_context *context;
    char name[64];
    size_t length;
    int unverified = 7;

    (void)state;
    script.said_target = L"http/m\u00fcller.example.com";
    context = complete_context(TROTH_ACCEPTOR);
    assert_int_equal(troth_context_peer_target(context, name, sizeof name, &length, &unverified, NULL), TROTH_OK);
    assert_string_equal(name, "http/m\xc3\xbcller.example.com");
    assert_int_equal(unverified, 0);
    script.said_target = NULL;
    assert_int_equal(troth_context_peer_target(context, name, sizeof name, &length, NULL, NULL), TROTH_E_UNAVAILABLE);
    script.client_target = SEC_E_UNSUPPORTED_FUNCTION;
    assert_int_equal(troth_context_peer_target(context, name, sizeof name, &length, NULL, NULL), TROTH_E_UNSUPPORTED);
    assert_int_equal(length, 0);
    troth_context_free(context);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_key_is_told_and_the_providers_copy_wiped),
        CASE(a_context_moves_with_its_layout_and_its_properties),
        CASE(an_initiators_name_is_told_in_each_form_that_the_provider_has),
        CASE(an_initiators_word_for_its_target_is_compared),
        CASE(an_initiators_word_for_its_target_is_told),
#if defined(TROTH_TEST_WRAP)
        CASE(a_word_that_there_is_no_memory_for_is_given_back),
#endif
        CASE(wine_is_not_asked_for_what_it_does_not_tell),
        CASE(a_provider_that_knows_windows_form_alone_gives_no_principal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
