/* peer.c - contract: who the peer is in every form that a provider has, and what its ticket says of it. */
#include "contract.h"

#include <stdio.h>

#include "troth/peer.h"

static void either_end_knows_the_other_as_user_and_realm(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_error error = TROTH_ERROR_INIT;
    char whole[2 * TROTH_PRINCIPAL_MOST + 1];

    (void)state;
    pair_need(&pair, troth_context_peer_principal(pair.acceptor, &principal, &error), &error);
    snprintf(whole, sizeof whole, "%s@%s", principal.user, principal.realm);
    assert_string_equal(whole, realm_user());
    pair_need(&pair, troth_context_peer_principal(pair.initiator, &principal, &error), &error);
    snprintf(whole, sizeof whole, "%s@%s", principal.user, principal.realm);
    assert_string_equal(whole, realm_service_principal());
    pair_free(&pair);
}

/* RFC 2743 section 3.2, RFC 1964 section 2.1.1: known to the byte, so that lists can be made on another platform. */
static void an_exported_name_is_the_same_every_time_and_everywhere(void **state)
{
    static const uint8_t head[] = {4, 1, 0, 11, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2, 0, 0, 0};
    struct pair pair = complete_pair(NULL, NULL), another;
    troth_error error = TROTH_ERROR_INIT;
    uint8_t name[256], again[256];
    size_t length, again_length;

    (void)state;
    pair_need(&pair, troth_context_peer_export_name(pair.acceptor, name, sizeof name, &length, &error), &error);
    assert_int_equal(length, sizeof head + 1 + strlen(realm_user()));
    assert_memory_equal(name, head, sizeof head);
    assert_int_equal(name[sizeof head], strlen(realm_user()));
    assert_memory_equal(name + sizeof head + 1, realm_user(), strlen(realm_user()));
    another = complete_pair(NULL, NULL);
    pair_need(&pair, troth_context_peer_export_name(another.acceptor, again, sizeof again, &again_length, &error),
              &error);
    assert_int_equal(length, again_length);
    assert_memory_equal(name, again, length);
    pair_need(&pair, troth_context_peer_export_name(pair.initiator, again, sizeof again, &again_length, &error),
              &error);
    assert_true(length != again_length || memcmp(name, again, length) != 0);
    pair_free(&pair);
    pair_free(&another);
}

/* The realm's krb5.conf has its own realm as the default one: its users have accounts by the names that they have. */
static void a_user_of_the_own_realm_has_an_account(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    char name[128];
    size_t length;

    (void)state;
    pair_need(&pair, troth_context_peer_local_name(pair.acceptor, name, sizeof name, &length, &error), &error);
    assert_int_equal(strlen(name), length);
    assert_int_equal(strcspn(realm_user(), "@"), length);
    assert_memory_equal(name, realm_user(), length);

    /* A service with two components has none, and the context goes on. */
    assert_int_equal(troth_context_peer_local_name(pair.initiator, name, sizeof name, &length, &error),
                     TROTH_E_UNAVAILABLE);
    assert_converse(&pair);
    pair_free(&pair);
}

static void windows_form_is_told_where_it_is_known(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    char name[128];
    size_t length;
    const troth_status status = troth_context_peer_windows_name(pair.acceptor, name, sizeof name, &length, &error);

    (void)state;
    if (is_sspi())
        pair_need(&pair, status, &error);
    else
        assert_int_equal(status, TROTH_E_UNSUPPORTED);
    pair_free(&pair);
}

/* MIT's KDC puts a signed PAC into its tickets ([MS-PAC] section 2.3: count, version 0). */
static void the_tickets_pac_is_told_and_vouched_for(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    static uint8_t pac[65536];
    size_t length = 0;
    int vouched = 0;

    (void)state;
    pair_need(&pair,
              troth_context_peer_attribute(pair.acceptor, "urn:mspac:", pac, sizeof pac, &length, &vouched, &error),
              &error);
    assert_int_equal(vouched, 1);
    assert_true(length > 8);
    assert_memory_equal(pac + 4, "\0\0\0\0", 4);
    assert_true(pac[0] > 0 && pac[1] == 0 && pac[2] == 0 && pac[3] == 0);
    assert_int_equal(
        troth_context_peer_attribute(pair.acceptor, "urn:nobody:has-this", pac, sizeof pac, &length, &vouched, &error),
        TROTH_E_UNAVAILABLE);
    assert_int_equal(length, 0);
    assert_converse(&pair);
    pair_free(&pair);
}

int run_peer_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_end_knows_the_other_as_user_and_realm),
        cmocka_unit_test(an_exported_name_is_the_same_every_time_and_everywhere),
        cmocka_unit_test(a_user_of_the_own_realm_has_an_account),
        cmocka_unit_test(windows_form_is_told_where_it_is_known),
        cmocka_unit_test(the_tickets_pac_is_told_and_vouched_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
