/* test_delegated.c - whose the ticket is that a peer hands on: its own, or it counts for nothing. */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "forge.h"
#include "realm.h"
#include "troth/delegation.h"

#define HOUR 3600

static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};

/* Alice's token, in which she hands on this user's ticket, which ends in so many seconds. */
static size_t hand_on(const struct forge_text *user, int seconds, troth_mechanism mechanism,
                      uint8_t token[FORGE_TOKEN_MOST])
{
    char service[256];
    struct forge_wanted wanted = {FORGE_TEXT("alice"), FORGE_TEXT("TROTH.TEST"), service, NULL, NULL};
    krb5_context krb5 = NULL;
    krb5_creds own, handed;
    size_t length;

    snprintf(service, sizeof service, "%s/%s@%s", realm_env("TROTH_REALM_SERVICE"), realm_env("TROTH_REALM_HOST"),
             realm_env("TROTH_REALM"));
    assert_int_equal(krb5_init_context(&krb5), 0);
    forge_ticket(krb5, &wanted, &own);
    wanted.user = *user;
    forge_ticket(krb5, &wanted, &handed);
    handed.times.endtime = handed.times.starttime + seconds;
    length = forge_token_handing_on(krb5, &own, &handed, mechanism == TROTH_MECHANISM_NEGOTIATE, token);
    krb5_free_cred_contents(krb5, &own);
    krb5_free_cred_contents(krb5, &handed);
    krb5_free_context(krb5);
    return length;
}

/* What an acceptor's only step came to. */
static troth_status accept_it(const struct forge_text *user, int seconds, troth_mechanism mechanism, uint32_t required,
                              troth_context **context)
{
    static uint8_t token[FORGE_TOKEN_MOST];
    const size_t length = hand_on(user, seconds, mechanism, token);
    troth_credential_options keys = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *acceptor = NULL;
    const void *out = NULL;
    size_t out_length = 0;
    troth_status status;

    keys.mechanism = mechanism;
    options.flags = TROTH_KEEP_DELEGATED;
    options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | required;
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &keys, &acceptor, &error), TROTH_OK);
    assert_int_equal(troth_context_new(acceptor, &options, context, &error), TROTH_OK);
    troth_credential_free(acceptor);
    status = troth_context_step(*context, token, length, &out, &out_length, &error);
    if (status != TROTH_OK && status != TROTH_E_REQUIREMENT)
        fail_msg("%s", error.text);
    return status;
}

static void assert_peer_is_alice(troth_context *context)
{
    const char *peer = NULL;

    assert_int_equal(troth_context_peer_name(context, &peer, NULL), TROTH_OK);
    assert_string_equal(peer, "alice@TROTH.TEST");
}

static void the_peers_own_ticket_is_taken(void **state)
{
    static const struct forge_text alice = FORGE_TEXT("alice");

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_credential *credential = NULL;
        troth_context *context = NULL;
        const char *name = NULL;

        assert_int_equal(accept_it(&alice, HOUR, mechanisms[i], TROTH_DELEGATED, &context), TROTH_OK);
        assert_peer_is_alice(context);
        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_int_equal(info.delegation, TROTH_DELEGATION_FORWARDED);
        assert_int_equal(troth_context_delegated_credential(context, &credential, NULL), TROTH_OK);
        assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_OK);
        assert_string_equal(name, "alice@TROTH.TEST");
        troth_credential_free(credential);
        troth_context_free(context);
    }
}

/* The handshake completes as alice's, and there is nothing to act with. */
static void assert_counts_for_nothing(const struct forge_text *user, int seconds, troth_mechanism mechanism)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;

    assert_int_equal(accept_it(user, seconds, mechanism, 0, &context), TROTH_OK);
    assert_peer_is_alice(context);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.properties & TROTH_DELEGATED, 0);
    assert_int_equal(info.delegation, TROTH_DELEGATION_NONE);
    assert_int_equal(troth_context_delegated_credential(context, &credential, NULL), TROTH_E_UNAVAILABLE);
    assert_null(credential);
    troth_context_free(context);
}

/* Whoever acts with it would act as bob, and believe that it is alice. */
static void anothers_ticket_counts_for_nothing(void **state)
{
    static const struct forge_text bob = FORGE_TEXT("bob");

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        troth_context *context = NULL;

        assert_counts_for_nothing(&bob, HOUR, mechanisms[i]);
        assert_int_equal(accept_it(&bob, HOUR, mechanisms[i], TROTH_DELEGATED, &context), TROTH_E_REQUIREMENT);
        troth_context_free(context);
    }
}

/* As where this machine's clock is ahead of the peer's, whose own ticket is let in for some minutes more. */
static void a_ticket_that_has_ended_counts_for_nothing_and_fails_no_handshake(void **state)
{
    static const struct forge_text alice = FORGE_TEXT("alice");

    (void)state;
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
        assert_counts_for_nothing(&alice, -10, mechanisms[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peers_own_ticket_is_taken),
        cmocka_unit_test(anothers_ticket_counts_for_nothing),
        cmocka_unit_test(a_ticket_that_has_ended_counts_for_nothing_and_fails_no_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
