/*
 * test_files.c - what a ccache and a keytab say is taken as it stands when a context is made of them: replaced, cut
 * off, taken away and brought back under a living credential.
 */
#define _XOPEN_SOURCE 700

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "files.h"
#include "realm.h"
#include "watch.h"

static struct {
    struct content alice, carol, keys, other_keys;
    troth_credential *service;
} kept;

static int setup(void **state)
{
    (void)state;
    kept.alice = files_tickets(false);
    kept.carol = files_tickets(true);
    kept.keys = files_read(realm_env_path("TROTH_REALM_KEYTAB"));
    kept.other_keys = files_read(realm_env_path("TROTH_REALM_USER_KEYTAB"));
    return troth_credential_acquire(TROTH_ACCEPTOR, NULL, &kept.service, NULL) == TROTH_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    files_free(&kept.alice);
    files_free(&kept.carol);
    files_free(&kept.keys);
    files_free(&kept.other_keys);
    troth_credential_free(kept.service);
    return watch_alive(true) == 0 ? 0 : -1;
}

static void expect_peer(troth_credential *user, troth_credential *service, const char *variable)
{
    troth_error error = TROTH_ERROR_INIT;
    char peer[128] = "";

    if (conversation_greet(user, service, peer, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_string_equal(peer, realm_env(variable));
}

static void expect_failure(troth_credential *user, troth_credential *service, troth_status expected, const char *word)
{
    troth_error error = TROTH_ERROR_INIT;
    const troth_status status = conversation_greet(user, service, NULL, &error);

    if (status != expected)
        fail_msg("%s, not %s: %s", troth_status_name(status), troth_status_name(expected), error.text);
    if (strstr(error.text, word) == NULL)
        fail_msg("no \"%s\" in: %s", word, error.text);
}

static void change_ccache(const char *path, const troth_credential_options *options)
{
    troth_credential *user = NULL;

    assert_int_equal(files_put(path, &kept.alice), 0);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, options, &user, NULL), TROTH_OK);
    expect_peer(user, kept.service, "TROTH_REALM_USER");
    assert_int_equal(files_put(path, &kept.carol), 0);
    expect_peer(user, kept.service, "TROTH_REALM_PASSWORD_USER");
    assert_int_equal(truncate(path, 0), 0);
    expect_failure(user, kept.service, TROTH_E_NO_CREDENTIAL, "Hint");
    assert_int_equal(files_put(path, &kept.alice), 0);
    expect_peer(user, kept.service, "TROTH_REALM_USER");
    assert_int_equal(truncate(path, (off_t)kept.alice.length / 2), 0);
    expect_failure(user, kept.service, TROTH_E_NO_CREDENTIAL, "Hint");
    assert_int_equal(unlink(path), 0);
    expect_failure(user, kept.service, TROTH_E_NO_CREDENTIAL, "Hint");
    expect_failure(user, kept.service, TROTH_E_NO_CREDENTIAL, "Hint");
    assert_int_equal(files_put(path, &kept.carol), 0);
    expect_peer(user, kept.service, "TROTH_REALM_PASSWORD_USER");
    troth_credential_free(user);
}

static void a_ccache_is_taken_as_it_stands(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    char name[1024], path[1000];

    (void)state;
    snprintf(path, sizeof path, "%s", realm_path("changing.ccache"));
    snprintf(name, sizeof name, "FILE:%s", path);
    options.ccache = name;
    options.flags = conversation_path();
    change_ccache(path, &options);
    options.ccache = path;
    options.mechanism = TROTH_MECHANISM_KERBEROS;
    change_ccache(path, &options);
}

static void the_default_ccache_is_taken_as_it_stands(void **state)
{
    (void)state;
    change_ccache(realm_env_path("KRB5CCNAME"), NULL);
}

/* While somebody holds the context's beginning, its credential is another one's already. */
static void a_handshake_goes_on_with_the_ticket_that_it_began_with(void **state)
{
    const troth_context_options to = conversation_target();
    const char *path = realm_env_path("KRB5CCNAME"), *name;
    troth_credential *user = NULL;
    troth_context *initiator = NULL, *acceptor = NULL;
    const void *token = NULL;
    size_t length = 0;

    (void)state;
    assert_int_equal(files_put(path, &kept.alice), 0);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, NULL, &user, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(user, &to, &initiator, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(kept.service, NULL, &acceptor, NULL), TROTH_OK);
    assert_int_equal(troth_context_step(initiator, NULL, 0, &token, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(files_put(path, &kept.carol), 0);
    expect_peer(user, kept.service, "TROTH_REALM_PASSWORD_USER");
    assert_int_equal(troth_context_step(acceptor, token, length, &token, &length, NULL), TROTH_OK);
    assert_int_equal(troth_context_step(initiator, token, length, &token, &length, NULL), TROTH_OK);
    assert_int_equal(troth_context_peer_name(acceptor, &name, NULL), TROTH_OK);
    assert_string_equal(name, realm_env("TROTH_REALM_USER"));
    troth_context_free(initiator);
    troth_context_free(acceptor);
    troth_credential_free(user);
}

static void a_keytab_is_taken_as_it_stands(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT, mine = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *user = NULL, *service = NULL;
    char name[1024], path[1000];

    (void)state;
    snprintf(path, sizeof path, "%s", realm_path("changing.keytab"));
    snprintf(name, sizeof name, "FILE:%s", path);
    options.keytab = name;
    options.flags = conversation_path();
    mine.keytab = realm_env("TROTH_REALM_USER_KEYTAB");
    assert_int_equal(files_put(path, &kept.keys), 0);
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &options, &service, NULL), TROTH_OK);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &mine, &user, NULL), TROTH_OK);
    expect_peer(user, service, "TROTH_REALM_USER");
    assert_int_equal(files_put(path, &kept.other_keys), 0);
    expect_failure(user, service, TROTH_E_WRONG_KEY, "holds");
    assert_int_equal(files_put(path, &kept.keys), 0);
    expect_peer(user, service, "TROTH_REALM_USER");
    assert_int_equal(truncate(path, 1), 0);
    expect_failure(user, service, TROTH_E_WRONG_KEY, "damaged");
    assert_int_equal(unlink(path), 0);
    expect_failure(user, service, TROTH_E_WRONG_KEY, "does not exist");
    assert_int_equal(files_put(path, &kept.keys), 0);
    expect_peer(user, service, "TROTH_REALM_USER");
    troth_credential_free(user);
    troth_credential_free(service);
}

static void tickets_that_have_ended_are_told_as_such_until_there_are_new_ones(void **state)
{
    struct content ended = files_read(strchr(realm_expired_ccache(), ':') + 1);
    const char *path = realm_env_path("KRB5CCNAME");
    troth_credential *user = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_int_equal(files_put(path, &ended), 0);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, NULL, &user, &error), TROTH_E_EXPIRED);
    assert_null(user);
    assert_int_equal(files_put(path, &kept.alice), 0);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, NULL, &user, &error), TROTH_OK);
    assert_int_equal(files_put(path, &ended), 0);
    expect_failure(user, kept.service, TROTH_E_EXPIRED, "ended");
    assert_int_equal(files_put(path, &kept.alice), 0);
    expect_peer(user, kept.service, "TROTH_REALM_USER");
    troth_credential_free(user);
    files_free(&ended);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_ccache_is_taken_as_it_stands),
        CASE(the_default_ccache_is_taken_as_it_stands),
        CASE(a_handshake_goes_on_with_the_ticket_that_it_began_with),
        CASE(a_keytab_is_taken_as_it_stands),
        CASE(tickets_that_have_ended_are_told_as_such_until_there_are_new_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
