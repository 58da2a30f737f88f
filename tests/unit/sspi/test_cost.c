/* test_cost.c - what the SSPI backend adds to the provider's own work: memory of steps, and questions asked once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support.h"
#include "scripted.h"
#include "troth/session.h"

/* Both legs have a token, the second of them the shorter one. */
static void script_two_legs(troth_role role)
{
    script_reset();
    script.steps[0].status = SEC_I_CONTINUE_NEEDED;
    script.steps[1].status = SEC_E_OK;
    script.steps[1].token = TOKEN;
    script.steps[1].length = TOKEN_LENGTH - 1;
    script.steps[1].flags = role == TROTH_ACCEPTOR ? script_asc_all : script_isc_all;
    for (size_t i = 2; i < 8; i++)
        script.steps[i] = script.steps[i % 2];
}

static troth_context *context_of(troth_credential *credential, troth_role role)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;

    if (role == TROTH_INITIATOR) {
        options.target.service = "http";
        options.target.host = "www.example.com";
    }
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_OK);
    return context;
}

/* A step, and how many allocations it made. */
static unsigned step(troth_context *context, bool input, troth_status expected, size_t expected_length)
{
    size_t length = 0;

    support_allocations_reset();
    assert_int_equal(script_step_context(context, input, &length, NULL), expected);
    assert_int_equal(length, expected_length);
    return support_allocations();
}

static void the_token_is_all_that_a_step_takes_memory_for(void **state)
{
    static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const troth_role role = roles[i];
        troth_credential *credential;

        script_two_legs(role);
        credential = script_credential(role);
        for (unsigned round = 0; round < 3; round++) {
            troth_context *context = context_of(credential, role);
            unsigned first = step(context, role == TROTH_ACCEPTOR, TROTH_CONTINUE, TOKEN_LENGTH);

            /* The first of all needs room for tokens, which the credential then keeps. */
            assert_int_equal(first, round == 0 ? 2 : 1);
            assert_int_equal(step(context, true, TROTH_OK, TOKEN_LENGTH - 1), 0);
            troth_context_free(context);
        }
        troth_credential_free(credential);
        script_assert_nothing_left();
    }
}

/* Many that wait for a slow peer, and many that are established, are what a server holds. */
static void waiting_and_established_contexts_hold_no_room_for_tokens(void **state)
{
    troth_credential *credential;
    troth_context *contexts[2];
    uint8_t mic[12];
    size_t before, length;

    (void)state;
    script_two_legs(TROTH_ACCEPTOR);
    credential = script_credential(TROTH_ACCEPTOR);
    support_memory_watch("", 0);
    for (size_t i = 0; i < 2; i++) {
        before = support_memory_held();
        contexts[i] = context_of(credential, TROTH_ACCEPTOR);
        assert_int_equal(script_step_context(contexts[i], true, &length, NULL), TROTH_CONTINUE);
        script.steps_made = 0;
        if (i > 0)
            assert_in_range(support_memory_held() - before, 1, 1024);
    }
    script.steps_made = 1;
    assert_int_equal(script_step_context(contexts[0], true, &length, NULL), TROTH_OK);
    before = support_memory_held();
    memset(mic, 'S', sizeof mic);
    assert_int_equal(troth_verify_mic(contexts[0], "hello", 5, mic, sizeof mic, NULL), TROTH_OK);
    assert_int_equal(before - support_memory_held(), TOKEN_LENGTH); /* the peer has the last token */
    for (size_t i = 0; i < 2; i++)
        troth_context_free(contexts[i]);
    troth_credential_free(credential);
    assert_int_equal(support_memory_held(), 0);
    support_memory_watch(NULL, 0);
    script_assert_nothing_left();
}

/* The scripted provider fails the test where the room it is given is not all zeros. */
static void nothing_of_a_step_is_seen_by_the_next(void **state)
{
    static const struct {
        SECURITY_STATUS status;
        enum script_size size;
    } ends[] = {
        {SEC_E_OK, SIZE_WRITTEN},
        {SEC_E_OK, SIZE_TOO_LARGE},
        {SEC_E_INVALID_TOKEN, SIZE_WRITTEN},
        {SEC_E_INVALID_TOKEN, SIZE_UNTOUCHED},
    };
    troth_credential *credential;

    (void)state;
    script_two_legs(TROTH_INITIATOR);
    credential = script_credential(TROTH_INITIATOR);
    for (size_t i = 0; i <= sizeof ends / sizeof ends[0]; i++) {
        troth_context *context = context_of(credential, TROTH_INITIATOR);
        size_t length;

        script.steps_made = 0;
        script.steps[0].status = i < 4 ? ends[i].status : SEC_E_OK;
        script.steps[0].size = i < 4 ? ends[i].size : SIZE_WRITTEN;
        script.steps[0].flags = script_isc_all;
        script_step_context(context, false, &length, NULL);
        troth_context_free(context);
    }
    troth_credential_free(credential);
    script_assert_nothing_left();
}

static void what_stays_the_same_is_asked_once(void **state)
{
    troth_credential *credential;
    uint8_t message[64], mic[32];
    size_t length;
    void *data;

    (void)state;
    script_two_legs(TROTH_INITIATOR);
    script.key_info = SEC_E_OK;
    script.key_type = TROTH_ENCRYPTION_AES256_SHA1;
    credential = script_credential(TROTH_INITIATOR);
    for (int i = 1; i <= 3; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_context *context = context_of(credential, TROTH_INITIATOR);

        step(context, false, TROTH_CONTINUE, TOKEN_LENGTH);
        assert_int_equal(script.sizes_asked, i - 1);
        step(context, true, TROTH_OK, TOKEN_LENGTH - 1);
        for (int round = 0; round < 3; round++) {
            assert_int_equal(
                troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, message, sizeof message, &length, NULL),
                TROTH_OK);
            assert_int_equal(troth_unwrap(context, message, length, &data, &length, NULL, NULL), TROTH_OK);
            assert_int_equal(troth_get_mic(context, "hello", 5, mic, sizeof mic, &length, NULL), TROTH_OK);
            assert_int_equal(troth_verify_mic(context, "hello", 5, mic, length, NULL), TROTH_OK);
        }
        assert_int_equal(script.keys_asked, i - 1); /* nobody wanted to know yet */
        for (int round = 0; round < 3; round++)
            assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_int_equal(script.keys_asked, i);
        assert_int_equal(script.sizes_asked, i);
        troth_context_free(context);
    }
    assert_int_equal(script.acquisitions, 1);
    troth_credential_free(credential);
    script_assert_nothing_left();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        support_allocation_test(the_token_is_all_that_a_step_takes_memory_for),
        support_allocation_test(waiting_and_established_contexts_hold_no_room_for_tokens),
        cmocka_unit_test(nothing_of_a_step_is_seen_by_the_next),
        cmocka_unit_test(what_stays_the_same_is_asked_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
