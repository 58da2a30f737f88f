/*
 * test_given.c - each native call and each allocation fails once on the way to credentials that somebody else gave: a
 * peer that delegated or just came, and a KDC in a user's name. Nothing leaks, and every failure is told.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "realm.h"
#include "troth/delegation.h"
#include "watch.h"

/* A call that hangs ends the test. */
#define ALARM_SECONDS 60

/* One way to a credential in the realm's user's name, on a backend, with everything else freed. */
typedef troth_status way(const troth__backend *backend, troth_mechanism mechanism, troth_credential **given,
                         troth_error *error);

/* The user's own ticket, or with TROTH_CREDENTIAL_PROXY in flags the one that it came with. */
static troth_status by_the_peer_as(const troth__backend *backend, troth_mechanism mechanism, uint32_t flags,
                                   troth_credential **given, troth_error *error)
{
    const troth_credential_options user = conversation_source(SOURCE_CCACHE, mechanism);
    troth_credential_options keys = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options to = conversation_target(), keeping = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *initiator = NULL, *acceptor = NULL;
    troth_context *here = NULL, *there = NULL;
    troth_status status;

    keys.mechanism = mechanism;
    keys.flags = conversation_path() | flags;
    if (flags != 0)
        keys.name = to.target;
    else
        to.delegate = TROTH_DELEGATE_ALWAYS;
    keeping.flags = TROTH_KEEP_DELEGATED;
    status = troth__credential_acquire(backend, TROTH_INITIATOR, &user, &initiator, error);
    if (status == TROTH_OK)
        status = troth__credential_acquire(backend, TROTH_ACCEPTOR, &keys, &acceptor, error);
    if (status == TROTH_OK)
        status = troth_context_new(initiator, &to, &here, error);
    if (status == TROTH_OK)
        status = troth_context_new(acceptor, &keeping, &there, error);
    if (status == TROTH_OK)
        status = conversation_handshake(here, there, error);
    if (status == TROTH_OK)
        status = troth_context_delegated_credential(there, given, error);
    troth_context_free(here);
    troth_context_free(there);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
    return status;
}

static troth_status by_the_peer(const troth__backend *backend, troth_mechanism mechanism, troth_credential **given,
                                troth_error *error)
{
    return by_the_peer_as(backend, mechanism, 0, given, error);
}

/* Towards others the KDC of this realm refuses it: that is the success here. */
static troth_status by_the_evidence(const troth__backend *backend, troth_mechanism mechanism, troth_credential **given,
                                    troth_error *error)
{
    troth_context_options to = conversation_target();
    troth_context *context = NULL;
    troth_status status = by_the_peer_as(backend, mechanism, TROTH_CREDENTIAL_PROXY, given, error);
    const void *token;
    size_t length;

    if (status != TROTH_OK)
        return status;
    to.target.service = "second";
    status = troth_context_new(*given, &to, &context, error);
    if (status == TROTH_OK)
        status = troth_context_step(context, NULL, 0, &token, &length, error);
    conversation_check(status > TROTH_CONTINUE);
    troth_context_free(context);
    if (status == TROTH_E_DENIED)
        return TROTH_OK;
    troth_credential_free(*given);
    *given = NULL;
    return status;
}

static troth_status by_the_kdc(const troth__backend *backend, troth_mechanism mechanism, troth_credential **given,
                               troth_error *error)
{
    const troth_name user = {.principal = realm_env("TROTH_REALM_USER")};
    troth_credential_options keys = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *service = NULL;
    troth_status status;
    char name[256];

    snprintf(name, sizeof name, "%s/%s@%s", realm_env("TROTH_REALM_SERVICE"), realm_env("TROTH_REALM_HOST"),
             realm_env("TROTH_REALM"));
    keys.mechanism = mechanism;
    keys.flags = conversation_path();
    keys.keytab = realm_env("KRB5_KTNAME");
    keys.name.principal = name;
    status = troth__credential_acquire(backend, TROTH_INITIATOR, &keys, &service, error);
    if (status == TROTH_OK)
        status = troth_credential_impersonate(service, &user, given, error);
    troth_credential_free(service);
    return status;
}

/* The whole of it once: got, and whose it is. Returns whether nothing failed. */
static bool once(way *go, troth_mechanism mechanism, enum watch_failure failure, unsigned nth, const char **failed)
{
    const troth__backend backend = watch_backend_of(&watch_native);
    const unsigned descriptors = watch_descriptors();
    troth_credential *given = NULL;
    troth_error error = TROTH_ERROR_INIT;
    const char *name = NULL;
    troth_status status;

    alarm(ALARM_SECONDS);
    watch_start(failure, nth);
    status = go(&backend, mechanism, &given, &error);
    conversation_check((status == TROTH_OK) == (given != NULL));
    if (status == TROTH_OK)
        status = troth_credential_name(given, &name, &error);
    conversation_check((status == TROTH_OK) == (name != NULL));
    conversation_check(name == NULL || strcmp(name, realm_env("TROTH_REALM_USER")) == 0);
    troth_credential_free(given);
    *failed = watch_failed();
    watch_start(WATCH_NONE, 0);
    alarm(0);
    conversation_story("call %u of %s", nth, *failed != NULL ? *failed : "(none)");
    conversation_check(status == TROTH_OK || (error.status == status && error.text[0] != '\0'));
    conversation_check(failure != WATCH_ALLOCATION || status == TROTH_OK || status == TROTH_E_MEMORY);
    if (watch_alive(false) > 0)
        watch_alive(true);
    conversation_check(watch_alive(false) == 0);
    conversation_check(watch_descriptors() == descriptors);
    return status == TROTH_OK;
}

static void fail_each(way *go)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};
    const char *failed;

    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        for (int failure = WATCH_BEFORE; failure <= WATCH_ALLOCATION; failure++) {
            unsigned failures = 0, nth = 1;

            /* The first time fills caches, so that all others are alike. */
            assert_true(once(go, mechanisms[i], WATCH_NONE, 0, &failed));
            do {
                failures += !once(go, mechanisms[i], (enum watch_failure)failure, nth, &failed);
            } while (failed != NULL && ++nth < 1000);
            assert_null(failed);
            assert_true(failures > 5);
            print_message("# %u times, of these %u were failures\n", nth - 1, failures);
        }
    }
}

static void what_a_peer_delegated_leaves_no_traces_whatever_fails(void **state)
{
    (void)state;
    fail_each(by_the_peer);
}

static void what_a_kdc_gave_in_a_users_name_leaves_no_traces_whatever_fails(void **state)
{
    (void)state;
    fail_each(by_the_kdc);
}

static void what_a_peer_came_with_leaves_no_traces_whatever_fails(void **state)
{
    (void)state;
    fail_each(by_the_evidence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_peer_delegated_leaves_no_traces_whatever_fails),
        cmocka_unit_test(what_a_peer_came_with_leaves_no_traces_whatever_fails),
        cmocka_unit_test(what_a_kdc_gave_in_a_users_name_leaves_no_traces_whatever_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
