/* memory.c - contract: keys and tickets that are given as bytes serve as those in files do, and leave nothing behind.
 */
#include "contract.h"

#include <stdio.h>

static void need(troth_feature feature)
{
    if (troth_supports(feature) == TROTH_SUPPORT_NO)
        skip_because("this platform takes no keys and no tickets as bytes (shown in the theme \"features\")");
}

/* What to give, from a file of the realm. */
enum given { KEYTAB, CCACHE };

/* Acquires, and makes the caller's bytes useless before anything else is done. */
static troth_status acquire(troth_role role, enum given given, const struct token *bytes, const troth_name *name,
                            troth_credential **credential, troth_error *error)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    struct token copy = token_of(bytes->data, bytes->length);
    troth_status status;

    options.mechanism = under_test;
    options.flags = path_under_test();
    if (name != NULL)
        options.name = *name;
    *(given == KEYTAB ? &options.keytab_data : &options.ccache_data) = copy.data;
    *(given == KEYTAB ? &options.keytab_length : &options.ccache_length) = copy.length;
    status = troth_credential_acquire(role, &options, credential, error);
    memset(copy.data, 0xAA, copy.length);
    token_free(&copy);
    return status;
}

static troth_credential *acquired(troth_role role, enum given given, const char *file, const troth_name *name)
{
    struct token bytes = file_of(file);
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (acquire(role, given, &bytes, name, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    token_free(&bytes);
    return credential;
}

/* A conversation of the two; NULL: the realm's own. */
static void converse(troth_credential *initiator, troth_credential *acceptor)
{
    troth_context_options to = initiator_options();
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = {NULL, NULL};

    if (troth_context_new(initiator != NULL ? initiator : credential_of(TROTH_INITIATOR, under_test), &to,
                          &pair.initiator, &error) != TROTH_OK ||
        troth_context_new(acceptor != NULL ? acceptor : credential_of(TROTH_ACCEPTOR, under_test), NULL, &pair.acceptor,
                          &error) != TROTH_OK)
        fail_msg("%s", error.text);
    handshake(&pair);
    assert_peer(pair.acceptor);
    assert_peer(pair.initiator);
    assert_converse(&pair);
    pair_free(&pair);
}

static void keys_serve_an_acceptor_of_any_name(void **state)
{
    troth_name service = realm_target(), principal = {.principal = realm_service_principal()};
    const troth_name *names[] = {NULL, &service, &principal};

    (void)state;
    need(TROTH_FEATURE_MEMORY_KEYTAB);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        troth_credential *credential = acquired(TROTH_ACCEPTOR, KEYTAB, "KRB5_KTNAME", names[i]);

        converse(NULL, credential);
        converse(NULL, credential);
        troth_credential_free(credential);
    }
}

static void keys_that_are_not_the_acceptors_are_told(void **state)
{
    troth_name absent = {.service = "absent", .host = realm_target().host};
    struct token bytes;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    need(TROTH_FEATURE_MEMORY_KEYTAB);
    bytes = file_of("KRB5_KTNAME");
    assert_int_equal(acquire(TROTH_ACCEPTOR, KEYTAB, &bytes, &absent, &credential, &error), TROTH_E_NO_CREDENTIAL);
    assert_null(credential);
    assert_contains(error.text, "the keytab given as bytes holds ");
    assert_contains(error.text, realm_service_principal());
    assert_null(strstr(error.text, "MEMORY:"));
    token_free(&bytes);
}

/* With the user's name and without, more than one conversation each. */
static void assert_serves_an_initiator(enum given given, const char *file)
{
    troth_name user = {.principal = realm_user()};
    const troth_name *names[] = {NULL, &user};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        troth_credential *credential = acquired(TROTH_INITIATOR, given, file, names[i]);

        converse(credential, NULL);
        converse(credential, NULL);
        troth_credential_free(credential);
    }
}

static void keys_get_tickets_for_an_initiator(void **state)
{
    (void)state;
    need(TROTH_FEATURE_MEMORY_KEYTAB);
    assert_serves_an_initiator(KEYTAB, "TROTH_REALM_USER_KEYTAB");
}

static void tickets_serve_an_initiator_and_get_others(void **state)
{
    (void)state;
    need(TROTH_FEATURE_MEMORY_CCACHE);
    assert_serves_an_initiator(CCACHE, "KRB5CCNAME");
}

/* Nobody else's, whatever the process has beside it. */
static void tickets_of_another_are_refused_for_a_name(void **state)
{
    troth_name other = {.principal = "nobody@ELSEWHERE.TEST"};
    struct token bytes;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    need(TROTH_FEATURE_MEMORY_CCACHE);
    bytes = file_of("KRB5CCNAME");
    assert_int_equal(acquire(TROTH_INITIATOR, CCACHE, &bytes, &other, &credential, &error), TROTH_E_NO_CREDENTIAL);
    assert_null(credential);
    token_free(&bytes);
}

static void both_ends_of_bytes_alone_outlive_their_credentials(void **state)
{
    troth_context_options to = initiator_options();
    struct pair pair = {NULL, NULL};
    troth_credential *initiator, *acceptor;

    (void)state;
    need(TROTH_FEATURE_MEMORY_CCACHE);
    initiator = acquired(TROTH_INITIATOR, CCACHE, "KRB5CCNAME", NULL);
    acceptor = acquired(TROTH_ACCEPTOR, KEYTAB, "KRB5_KTNAME", NULL);
    assert_int_equal(troth_context_new(initiator, &to, &pair.initiator, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(acceptor, NULL, &pair.acceptor, NULL), TROTH_OK);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
    handshake(&pair);
    assert_converse(&pair);
    pair_free(&pair);
}

/* Two at once have keys of their own: what one loses the other keeps. */
static void credentials_of_the_same_bytes_do_not_touch_each_other(void **state)
{
    troth_credential *first, *second, *user[2];

    (void)state;
    need(TROTH_FEATURE_MEMORY_CCACHE);
    first = acquired(TROTH_ACCEPTOR, KEYTAB, "KRB5_KTNAME", NULL);
    second = acquired(TROTH_ACCEPTOR, KEYTAB, "KRB5_KTNAME", NULL);
    for (size_t i = 0; i < 2; i++)
        user[i] = acquired(TROTH_INITIATOR, CCACHE, "KRB5CCNAME", NULL);
    converse(user[0], first);
    troth_credential_free(first);
    troth_credential_free(user[0]);
    converse(user[1], second);
    troth_credential_free(second);
    troth_credential_free(user[1]);
}

/* Each shorter one is refused in words, or, cut where an entry ends, is a smaller one. */
static void cut_off_at_any_byte_they_are_refused_in_words(void **state)
{
    static const struct {
        enum given given;
        troth_role role;
        const char *file;
    } cases[] = {{KEYTAB, TROTH_ACCEPTOR, "KRB5_KTNAME"}, {CCACHE, TROTH_INITIATOR, "KRB5CCNAME"}};

    (void)state;
    need(TROTH_FEATURE_MEMORY_CCACHE);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct token whole = file_of(cases[i].file);
        unsigned refused = 0;

        for (size_t length = 1; length < whole.length; length += length < 300 ? 1 : 13) {
            struct token part = token_of(whole.data, length);
            troth_credential *credential = NULL;
            troth_error error = TROTH_ERROR_INIT;
            troth_status status = acquire(cases[i].role, cases[i].given, &part, NULL, &credential, &error);

            assert_true((status == TROTH_OK) == (credential != NULL));
            assert_true(status == TROTH_OK || status == TROTH_E_ARGUMENT || status == TROTH_E_NO_CREDENTIAL);
            assert_true(status == TROTH_OK || strstr(error.text, "given as ") != NULL || cases[i].given == CCACHE);
            refused += status == TROTH_E_ARGUMENT;
            troth_credential_free(credential);
            token_free(&part);
        }
        assert_true(refused > 200);
        token_free(&whole);
    }
}

static void threads_share_what_was_given(void **state)
{
    troth_credential *initiator, *acceptor;

    (void)state;
    need(TROTH_FEATURE_MEMORY_CCACHE);
    initiator = acquired(TROTH_INITIATOR, CCACHE, "KRB5CCNAME", NULL);
    acceptor = acquired(TROTH_ACCEPTOR, KEYTAB, "KRB5_KTNAME", NULL);
    assert_threads_share(initiator, acceptor);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
}

int run_memory_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_serve_an_acceptor_of_any_name),
        cmocka_unit_test(keys_that_are_not_the_acceptors_are_told),
        cmocka_unit_test(keys_get_tickets_for_an_initiator),
        cmocka_unit_test(tickets_serve_an_initiator_and_get_others),
        cmocka_unit_test(tickets_of_another_are_refused_for_a_name),
        cmocka_unit_test(both_ends_of_bytes_alone_outlive_their_credentials),
        cmocka_unit_test(credentials_of_the_same_bytes_do_not_touch_each_other),
        cmocka_unit_test(cut_off_at_any_byte_they_are_refused_in_words),
        cmocka_unit_test(threads_share_what_was_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
