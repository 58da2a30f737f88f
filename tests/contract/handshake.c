/* handshake.c - contract: what a complete handshake is, what it refuses, and the order of calls. */
#include "contract.h"

#include <time.h>

#define ALL_FIVE TROTH_DEFAULT_REQUESTED

static void both_ends_are_complete_and_know_each_other(void **state)
{
    (void)state;
    struct pair pair = pair_new(NULL, NULL);
    assert_true(handshake(&pair) >= 2);
    assert_peer(pair.initiator);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

static void info_says_what_was_verified(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_context *ends[2] = {pair.initiator, pair.acceptor};
    for (int i = 0; i < 2; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        assert_int_equal(troth_context_info_get(ends[i], &info, &error), TROTH_OK);
        assert_int_equal(info.size, sizeof(info));
        assert_int_equal(info.role, i == 0 ? TROTH_INITIATOR : TROTH_ACCEPTOR);
        assert_int_equal(info.mechanism, TROTH_MECHANISM_KERBEROS);
        assert_int_equal(info.properties & ALL_FIVE, ALL_FIVE);
        assert_int_equal(info.properties & (TROTH_ANONYMOUS | TROTH_DELEGATED | TROTH_CHANNEL_BOUND), 0);
        assert_int_equal(info.bindings, TROTH_BINDING_ABSENT);
        assert_true(info.wrap_overhead > 0 && info.wrap_overhead <= 256);
        assert_true(info.wrap_header <= info.wrap_overhead);
        assert_true(info.mic_size > 0 && info.mic_size <= 256);
        if (info.expiry == TROTH_UNKNOWN) {
            assert_true(is_sspi());
        } else if (info.expiry != TROTH_NEVER) {
            int64_t now = (int64_t)time(NULL);
            assert_true(info.expiry > now && info.expiry < now + 365 * 86400);
        }
    }
    pair_free(&pair);
}

static void both_names_are_told(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_context *ends[2] = {pair.initiator, pair.acceptor};
    for (int i = 0; i < 2; i++) {
        troth_error error = TROTH_ERROR_INIT;
        const char *name = NULL;
        const char *again = NULL;
        troth_status status = troth_context_target_name(ends[i], &name, &error);
        if (status == TROTH_E_UNAVAILABLE && is_sspi()) {
            assert_null(name);
            continue;
        }
        assert_int_equal(status, TROTH_OK);
        if (i == 0 || !is_sspi()) {
            assert_string_equal(name, realm_service_principal());
        }
        /* Kept: the same string at every call. */
        assert_int_equal(troth_context_target_name(ends[i], &again, &error), TROTH_OK);
        assert_ptr_equal(name, again);
    }
    pair_free(&pair);
}

/* Everything that needs a complete context, asked of one that is not. */
static void assert_not_yet(troth_context *context)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    uint8_t message[64];
    uint8_t before[64];
    size_t length = 7;
    void *data = &info;
    const char *name = "x";

    memset(message, 0xA5, sizeof(message));
    memset(before, 0xA5, sizeof(before));
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, message, 64, &length, &error),
                     TROTH_E_STATE);
    assert_int_equal(length, 0);
    assert_int_equal(troth_unwrap(context, message, 64, &data, &length, NULL, &error), TROTH_E_STATE);
    assert_null(data);
    assert_int_equal(troth_get_mic(context, "x", 1, message, 64, &length, &error), TROTH_E_STATE);
    assert_int_equal(troth_verify_mic(context, "x", 1, message, 64, &error), TROTH_E_STATE);
    assert_memory_equal(message, before, sizeof(message));
    assert_int_equal(troth_context_info_get(context, &info, &error), TROTH_E_STATE);
    assert_int_equal(info.properties, 0);
    assert_int_equal(troth_context_peer_name(context, &name, &error), TROTH_E_STATE);
    assert_null(name);
    assert_int_equal(troth_context_target_name(context, &name, &error), TROTH_E_STATE);
}

static void calls_that_come_too_early_change_nothing(void **state)
{
    (void)state;
    struct pair pair = pair_new(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token token = {NULL, 0};
    struct token any = token_of("any", 3);

    assert_not_yet(pair.initiator);
    assert_not_yet(pair.acceptor);
    /* The wrong way round. */
    assert_int_equal(step(pair.initiator, &any, &token, &error), TROTH_E_ARGUMENT);
    assert_int_equal(token.length, 0);
    assert_int_equal(step(pair.acceptor, NULL, &token, &error), TROTH_E_ARGUMENT);
    assert_int_equal(token.length, 0);
    assert_not_yet(pair.initiator);

    assert_int_equal(step(pair.initiator, NULL, &token, &error), TROTH_CONTINUE);
    assert_true(token.length > 0);
    assert_not_yet(pair.initiator);
    assert_int_equal(step(pair.acceptor, NULL, NULL, &error), TROTH_E_ARGUMENT);

    /* From here on as if nothing had been. */
    troth_status acceptor = TROTH_CONTINUE;
    troth_status initiator = TROTH_CONTINUE;
    while (token.length > 0 && (initiator == TROTH_CONTINUE || acceptor == TROTH_CONTINUE)) {
        struct token reply = {NULL, 0};
        acceptor = step(pair.acceptor, &token, &reply, &error);
        token_free(&token);
        if (acceptor == TROTH_CONTINUE) {
            assert_not_yet(pair.acceptor);
        }
        if (reply.length > 0) {
            initiator = step(pair.initiator, &reply, &token, &error);
        }
        token_free(&reply);
    }
    assert_int_equal(initiator, TROTH_OK);
    assert_int_equal(acceptor, TROTH_OK);
    assert_converse(&pair);
    token_free(&any);
    token_free(&token);
    pair_free(&pair);
}

static void a_step_after_completion_changes_nothing(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token any = token_of("any", 3);
    struct token out = {NULL, 0};

    assert_int_equal(step(pair.initiator, &any, &out, &error), TROTH_E_STATE);
    assert_int_equal(step(pair.initiator, NULL, &out, &error), TROTH_E_STATE);
    assert_int_equal(step(pair.acceptor, &any, &out, &error), TROTH_E_STATE);
    assert_int_equal(step(pair.acceptor, NULL, &out, &error), TROTH_E_STATE);
    assert_int_equal(out.length, 0);
    assert_converse(&pair);
    token_free(&any);
    pair_free(&pair);
}

static void missing_arguments_change_nothing(void **state)
{
    (void)state;
    struct pair pair = pair_new(NULL, NULL);
    const void *out = NULL;
    size_t length = 0;

    assert_int_equal(troth_context_step(NULL, NULL, 0, &out, &length, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_step(pair.initiator, NULL, 0, NULL, &length, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_step(pair.initiator, NULL, 0, &out, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_step(pair.acceptor, NULL, 9, &out, &length, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_info_get(pair.acceptor, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_peer_name(pair.acceptor, NULL, NULL), TROTH_E_ARGUMENT);
    handshake(&pair);
    assert_int_equal(troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, NULL, 9, &length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_wrap(pair.initiator, TROTH_PROTECTION_UNSET, "x", 1, NULL, 0, &length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_unwrap(pair.initiator, NULL, 9, NULL, &length, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_verify_mic(pair.initiator, NULL, 9, "x", 1, NULL), TROTH_E_ARGUMENT);
    assert_converse(&pair);
    pair_free(&pair);
}

static void what_the_acceptor_requires_must_have_been_asked_for(void **state)
{
    (void)state;
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.requested = TROTH_MUTUAL;
    initiator.required = TROTH_MUTUAL;
    acceptor.required = TROTH_MUTUAL | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION;
    struct pair pair = pair_new(&initiator, &acceptor);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);

    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_int_equal(outcome.acceptor_error.status, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "replay detection");
    assert_contains(outcome.acceptor_error.text, "sequence detection");
    assert_contains(outcome.acceptor_error.text, "Hint:");
    assert_null(strstr(outcome.acceptor_error.text, "mutual authentication"));
    assert_int_not_equal(outcome.initiator, TROTH_OK);
    assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    pair_free(&pair);

    /* And the same initiator is welcome where that is not required. */
    acceptor.required = TROTH_MUTUAL;
    pair = complete_pair(&initiator, &acceptor);
    assert_peer(pair.acceptor);
    pair_free(&pair);
}

static void an_acceptor_refuses_by_default_who_wants_no_mutual_authentication(void **state)
{
    (void)state;
    troth_context_options initiator = initiator_options();
    initiator.requested = TROTH_NOTHING;
    initiator.required = TROTH_NOTHING;
    struct pair pair = pair_new(&initiator, NULL);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);

    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "mutual authentication");
    assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    pair_free(&pair);
}

static void without_mutual_authentication_the_initiator_has_no_peer(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    const char *name = "x";
    initiator.requested = TROTH_INTEGRITY | TROTH_CONFIDENTIALITY;
    initiator.required = TROTH_NOTHING;
    acceptor.required = TROTH_INTEGRITY;
    struct pair pair = complete_pair(&initiator, &acceptor);

    assert_int_equal(troth_context_info_get(pair.initiator, &info, &error), TROTH_OK);
    if ((info.properties & TROTH_MUTUAL) == 0) {
        assert_int_equal(troth_context_peer_name(pair.initiator, &name, &error), TROTH_E_STATE);
        assert_null(name);
    } else {
        assert_true(is_sspi());
    }
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

static void what_is_required_is_asked_for_too(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.requested = TROTH_NOTHING;
    acceptor.required = ALL_FIVE;
    struct pair pair = complete_pair(&initiator, &acceptor);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, &error), TROTH_OK);
    assert_int_equal(info.properties & ALL_FIVE, ALL_FIVE);
    pair_free(&pair);
}

static void a_context_may_be_freed_at_every_point(void **state)
{
    (void)state;
    struct pair whole = pair_new(NULL, NULL);
    unsigned legs = handshake(&whole);
    pair_free(&whole);
    troth_context_free(NULL);

    for (unsigned until = 0; until <= legs; until++) {
        struct pair pair = pair_new(NULL, NULL);
        struct token token = {NULL, 0};
        troth_error error = TROTH_ERROR_INIT;
        for (unsigned leg = 0; leg < until; leg++) {
            struct token reply = {NULL, 0};
            troth_status status =
                step(leg % 2 == 0 ? pair.initiator : pair.acceptor, leg == 0 ? NULL : &token, &reply, &error);
            assert_true(status == TROTH_OK || status == TROTH_CONTINUE);
            token_free(&token);
            token = reply;
        }
        token_free(&token);
        pair_free(&pair);
    }
}

static void a_kerberos_initiator_is_served_by_a_negotiate_acceptor(void **state)
{
    (void)state;
    struct pair pair = {
        context_new(TROTH_INITIATOR, TROTH_MECHANISM_KERBEROS, NULL),
        context_new(TROTH_ACCEPTOR, TROTH_MECHANISM_NEGOTIATE, NULL),
    };
    handshake(&pair);
    assert_peer(pair.initiator);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

static void spnego_against_kerberos_alone_is_told_as_what_it_is(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    struct token token = {NULL, 0};
    struct token reply = {NULL, 0};
    struct troth__token_facts facts;
    troth_context *initiator = context_new(TROTH_INITIATOR, TROTH_MECHANISM_NEGOTIATE, NULL);
    troth_context *acceptor = context_new(TROTH_ACCEPTOR, TROTH_MECHANISM_KERBEROS, NULL);

    assert_int_equal(step(initiator, NULL, &token, &error), TROTH_CONTINUE);
    troth__token_inspect((troth__bytes){token.data, token.length}, &facts);
    bool spnego = facts.kind == TROTH__TOKEN_SPNEGO_INIT;
    if (spnego) {
        assert_true(facts.offers_kerberos);
        assert_false(facts.offers_ntlm);
        assert_int_equal(step(acceptor, &token, &reply, &error), TROTH_E_MECHANISM);
        assert_contains(error.text, "Negotiate");
        assert_contains(error.text, "Kerberos");
        assert_contains(error.text, "Hint:");
        assert_sticky(acceptor, TROTH_E_MECHANISM);
    }
    token_free(&token);
    token_free(&reply);
    troth_context_free(initiator);
    troth_context_free(acceptor);
    if (!spnego) {
        assert_true(is_sspi());
        skip_because("this provider's Negotiate sends raw Kerberos tokens, so there is no SPNEGO to refuse");
    }
}

int run_handshake_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_are_complete_and_know_each_other),
        cmocka_unit_test(info_says_what_was_verified),
        cmocka_unit_test(both_names_are_told),
        cmocka_unit_test(calls_that_come_too_early_change_nothing),
        cmocka_unit_test(a_step_after_completion_changes_nothing),
        cmocka_unit_test(missing_arguments_change_nothing),
        cmocka_unit_test(what_the_acceptor_requires_must_have_been_asked_for),
        cmocka_unit_test(an_acceptor_refuses_by_default_who_wants_no_mutual_authentication),
        cmocka_unit_test(without_mutual_authentication_the_initiator_has_no_peer),
        cmocka_unit_test(what_is_required_is_asked_for_too),
        cmocka_unit_test(a_context_may_be_freed_at_every_point),
        cmocka_unit_test(a_kerberos_initiator_is_served_by_a_negotiate_acceptor),
        cmocka_unit_test(spnego_against_kerberos_alone_is_told_as_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
