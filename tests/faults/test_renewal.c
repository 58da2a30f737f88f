/*
 * test_renewal.c - credentials from a client keytab and a password, and of an acceptor that acts for its peers, outlive
 * their tickets, which here last 4 seconds.
 * Handshakes are made all the time, so that one in the wrong moment would fail.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conversation.h"
#include "portability.h"
#include "realm.h"
#include "troth/delegation.h"
#include "watch.h"

#define LONG_SECONDS 11
#define AT_LEAST_RENEWALS 3

/* The native calls that obtain tickets, by source: they are different ones. */
enum { KEYTAB, PASSWORD, SOURCES };

static struct {
    unsigned count;
    unsigned late;   /* began when the tickets before had ended already */
    int64_t ends_at; /* of the latest tickets */
} obtained[SOURCES];

static void before(int source)
{
    if (obtained[source].count > 0 && troth__now() >= obtained[source].ends_at)
        obtained[source].late++;
}

static void after(int source, OM_uint32 major, gss_cred_id_t cred)
{
    OM_uint32 minor, lifetime = 0;

    if (GSS_ERROR(major))
        return;
    assert_int_equal(gss_inquire_cred(&minor, cred, NULL, &lifetime, NULL, NULL), GSS_S_COMPLETE);
    obtained[source].count++;
    obtained[source].ends_at = troth__now() + lifetime;
}

static OM_uint32 seen_acquire(OM_uint32 *minor, gss_name_t name, OM_uint32 lifetime, gss_OID_set mechanisms,
                              gss_cred_usage_t usage, gss_const_key_value_set_t store, gss_cred_id_t *cred,
                              gss_OID_set *got, OM_uint32 *time_got)
{
    bool counts = false;
    OM_uint32 major;

    for (OM_uint32 i = 0; store != NULL && i < store->count; i++)
        counts = counts || strcmp(store->elements[i].key, "client_keytab") == 0;
    if (counts)
        before(KEYTAB);
    major = gss_acquire_cred_from(minor, name, lifetime, mechanisms, usage, store, cred, got, time_got);
    if (counts)
        after(KEYTAB, major, *cred);
    return major;
}

static OM_uint32 seen_password(OM_uint32 *minor, const gss_name_t name, const gss_buffer_t password, OM_uint32 lifetime,
                               const gss_OID_set mechanisms, gss_cred_usage_t usage, gss_cred_id_t *cred,
                               gss_OID_set *got, OM_uint32 *time_got)
{
    OM_uint32 major;

    before(PASSWORD);
    major = gss_acquire_cred_with_password(minor, name, password, lifetime, mechanisms, usage, cred, got, time_got);
    after(PASSWORD, major, *cred);
    return major;
}

static struct {
    struct troth__gss_native native;
    troth__backend backend;
    troth_credential *users[SOURCES], *service;
} here;

static int setup(void **state)
{
    static char password[128];
    troth_credential_options options[SOURCES] = {TROTH_CREDENTIAL_OPTIONS_INIT, TROTH_CREDENTIAL_OPTIONS_INIT};

    (void)state;
    memset(obtained, 0, sizeof obtained);
    here.native = troth__gss_native;
    here.native.gss_acquire_cred_from = seen_acquire;
    here.native.gss_acquire_cred_with_password = seen_password;
    here.backend = watch_backend_of(&here.native);
    options[KEYTAB].keytab = realm_env("TROTH_REALM_BRIEF_KEYTAB");
    options[KEYTAB].name.principal = realm_env("TROTH_REALM_BRIEF_USER");
    options[PASSWORD].password =
        realm_read_line(realm_env("TROTH_REALM_BRIEF_PASSWORD_FILE"), password, sizeof password);
    options[PASSWORD].name.principal = realm_env("TROTH_REALM_BRIEF_PASSWORD_USER");
    for (int i = 0; i < SOURCES; i++) {
        troth_error error = TROTH_ERROR_INIT;

        if (troth__credential_acquire(&here.backend, TROTH_INITIATOR, &options[i], &here.users[i], &error) != TROTH_OK)
            fail_msg("%s", error.text);
    }
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, NULL, &here.service, NULL), TROTH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < SOURCES; i++) {
        troth_credential_free(here.users[i]);
        here.users[i] = NULL;
    }
    troth_credential_free(here.service);
    assert_int_equal(watch_alive(true), 0);
    return 0;
}

/* brief as an acceptor that acts for its peers: it needs tickets of its own for that. */
static troth_credential *acting_acceptor(void)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;

    options.flags = TROTH_CREDENTIAL_PROXY;
    options.keytab = realm_env("TROTH_REALM_BRIEF_KEYTAB");
    options.name.principal = realm_env("TROTH_REALM_BRIEF_USER");
    if (troth_credential_acquire(TROTH_ACCEPTOR, &options, &acceptor, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return acceptor;
}

/*
 * This realm's KDC lets it act towards nobody, and would not come to say so with tickets of the acceptor's that have
 * ended. False: it was the peer's ticket that ended just then, which is as brief.
 */
static bool acts_for(troth_credential *user, troth_credential *acceptor)
{
    troth_context_options to = conversation_target(), brief = TROTH_CONTEXT_OPTIONS_INIT, keeping = brief;
    troth_context *initiator = NULL, *there = NULL, *onwards = NULL;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_credential *given = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;
    const void *token;
    size_t length;

    brief.target.principal = realm_env("TROTH_REALM_BRIEF_USER");
    keeping.flags = TROTH_KEEP_DELEGATED;
    if (troth_context_new(user, &brief, &initiator, &error) != TROTH_OK ||
        troth_context_new(acceptor, &keeping, &there, &error) != TROTH_OK ||
        conversation_handshake(initiator, there, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_int_equal(troth_context_info_get(there, &info, NULL), TROTH_OK);
    assert_int_equal(info.delegation, TROTH_DELEGATION_CONSTRAINED);
    assert_int_equal(troth_context_info_get(initiator, &info, NULL), TROTH_OK); /* without the allowance for clocks */
    assert_int_not_equal(info.expiry, TROTH_NEVER);
    status = troth_context_delegated_credential(there, &given, &error);
    if (status == TROTH_OK)
        status = troth_context_new(given, &to, &onwards, &error);
    if (status == TROTH_OK)
        status = troth_context_step(onwards, NULL, 0, &token, &length, &error);
    if (status != TROTH_E_DENIED && !(status == TROTH_E_EXPIRED && troth__now() + 1 >= info.expiry))
        fail_msg("not refused, but: %s", error.text);
    troth_context_free(onwards);
    troth_credential_free(given);
    troth_context_free(there);
    troth_context_free(initiator);
    return status == TROTH_E_DENIED;
}

static void a_credential_outlives_its_tickets(void **state)
{
    const int64_t end = troth__monotonic_ms() + LONG_SECONDS * 1000;
    troth_credential *acting = acting_acceptor(), *user = NULL;
    unsigned handshakes = 0, acted = 0;

    (void)state;
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, NULL, &user, NULL), TROTH_OK);
    while (troth__monotonic_ms() < end) {
        acted += acts_for(user, acting) && end - troth__monotonic_ms() < 4000;
        for (int i = 0; i < SOURCES; i++) {
            troth_error error = TROTH_ERROR_INIT;

            if (conversation_greet(here.users[i], here.service, NULL, &error) != TROTH_OK)
                fail_msg("after %u handshakes: %s", handshakes, error.text);
            handshakes++;
        }
    }
    for (int i = 0; i < SOURCES; i++) {
        print_message("# %u tickets from the %s, %u of them late; %u handshakes\n", obtained[i].count,
                      i == KEYTAB ? "keytab" : "password", obtained[i].late, handshakes);
        assert_true(obtained[i].count > AT_LEAST_RENEWALS);
        assert_true(obtained[i].count <= LONG_SECONDS); /* and not for every context */
        assert_int_equal(obtained[i].late, 0);
    }
    assert_true(acted > 0);
    troth_credential_free(user);
    troth_credential_free(acting);
}

/* The realm's own KDC, in its own place: nothing else knows where it listens. */
static realm_process *kdc_start(void)
{
    realm_process *kdc = realm_process_start(REALM_ARGV("sh", "-c", "exec krb5kdc -n -r TROTH.TEST 2>&1"), -1);

    realm_process_line(kdc, "krb5kdc: starting...", REALM_DEADLINE);
    return kdc;
}

static void a_kdc_that_is_away_hurts_only_when_the_tickets_have_ended(void **state)
{
    const char *pid = getenv("TROTH_REALM_KDC_PID");
    bool failed[SOURCES] = {false, false};
    realm_process *kdc;

    (void)state;
    if (pid == NULL || pid[0] == '\0' || getenv("TROTH_REALM_EXTERNAL") != NULL) {
        print_message("# SKIP the realm's KDC is not ours to stop\n");
        skip();
    }
    for (int i = 0; i < SOURCES; i++) /* the service's ticket is there from now on */
        assert_int_equal(conversation_greet(here.users[i], here.service, NULL, NULL), TROTH_OK);
    assert_int_equal(kill((pid_t)atol(pid), SIGKILL), 0);
    while (!failed[KEYTAB] || !failed[PASSWORD]) {
        for (int i = 0; i < SOURCES; i++) {
            troth_error error = TROTH_ERROR_INIT;
            const troth_status status = conversation_greet(here.users[i], here.service, NULL, &error);

            if (status != TROTH_OK && troth__now() < obtained[i].ends_at)
                fail_msg("the tickets are still good: %s", error.text);
            if (status == TROTH_E_EXPIRED) /* the ticket came to its end between a step and the next */
                continue;
            if (status != TROTH_OK) {
                assert_int_equal(status, TROTH_E_NO_KDC);
                assert_non_null(strstr(error.text, "TROTH.TEST"));
            }
            failed[i] = failed[i] || status != TROTH_OK;
            /* The last second of a ticket is the KDC's to round. */
            assert_true(status != TROTH_OK || troth__now() <= obtained[i].ends_at);
        }
    }
    kdc = kdc_start();
    for (int i = 0; i < SOURCES; i++) {
        troth_error error = TROTH_ERROR_INIT;

        if (conversation_greet(here.users[i], here.service, NULL, &error) != TROTH_OK)
            fail_msg("the KDC is back: %s", error.text);
    }
    realm_process_kill(kdc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_credential_outlives_its_tickets, setup, teardown),
        /* The last one: the realm has no KDC afterwards. */
        cmocka_unit_test_setup_teardown(a_kdc_that_is_away_hurts_only_when_the_tickets_have_ended, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
