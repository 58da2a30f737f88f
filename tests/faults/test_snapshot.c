/*
 * test_snapshot.c - what an initiator's snapshot of a ccache holds for a target, that no two steps at once use one
 * native credential, and what is asked of SPNEGO once only.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conversation.h"
#include "credential.h"
#include "gssapi/internal.h"
#include "realm.h"
#include "watch.h"

static const enum source sources[] = {SOURCE_CCACHE, SOURCE_KEYTAB, SOURCE_PASSWORD, SOURCE_CCACHE_BYTES,
                                      SOURCE_KEYTAB_BYTES};
#define SOURCES (sizeof sources / sizeof sources[0])

static struct {
    troth_credential *user, *service;
    bool nest;      /* a step of the initiator's has a whole handshake in it */
    unsigned depth; /* of steps, while nest */
    gss_cred_id_t outer;
    unsigned beside, same; /* steps in the handshake within: all, and those with the outer one's native credential */
    gss_cred_id_t cred;    /* of the last step */
    gss_cred_id_t useless; /* has nothing that a step could use */
    unsigned refused;      /* steps with that one */
    bool nameless;         /* no name has a canonical form */
    unsigned tickets, others, notes;
    gss_name_t target;  /* of the last step */
    unsigned came;      /* peers' names, with a handshake */
    unsigned questions; /* to contexts, for names */
} seen;

static uint32_t greet_with(const char *service, troth_delegate delegate)
{
    troth_context_options to = conversation_target();
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;

    if (service != NULL)
        to.target.service = service;
    to.delegate = delegate;
    assert_int_equal(troth_context_new(seen.user, &to, &initiator, &error), TROTH_OK);
    assert_int_equal(troth_context_new(seen.service, NULL, &acceptor, &error), TROTH_OK);
    if (conversation_handshake(initiator, acceptor, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_string_equal(error.text, "");
    assert_int_equal(troth_context_info_get(initiator, &info, NULL), TROTH_OK);
    troth_context_free(initiator);
    troth_context_free(acceptor);
    return info.properties;
}

static void greet(const char *service)
{
    greet_with(service, TROTH_DELEGATE_NEVER);
}

static OM_uint32 nested_init(OM_uint32 *minor, gss_cred_id_t cred, gss_ctx_id_t *context, gss_name_t target,
                             gss_OID mechanism, OM_uint32 flags, OM_uint32 lifetime, gss_channel_bindings_t bindings,
                             gss_buffer_t in, gss_OID *used, gss_buffer_t out, OM_uint32 *got, OM_uint32 *time_got)
{
    if (cred == seen.useless) {
        seen.refused++;
        *minor = (OM_uint32)KRB5_CC_NOTFOUND;
        return GSS_S_NO_CRED;
    }
    seen.target = target;
    seen.cred = cred;
    if (seen.nest && seen.depth == 0) {
        seen.depth++;
        seen.outer = cred;
        greet(NULL);
        seen.depth--;
    } else if (seen.nest) {
        seen.beside++;
        seen.same += cred == seen.outer;
    }
    return gss_init_sec_context(minor, cred, context, target, mechanism, flags, lifetime, bindings, in, used, out, got,
                                time_got);
}

static krb5_error_code KRB5_CALLCONV counting_store(krb5_context krb5, krb5_ccache ccache, krb5_creds *creds)
{
    const krb5_data *first = creds->server->data;

    seen.tickets++;
    seen.others += first->length == strlen("second") && memcmp(first->data, "second", first->length) == 0;
    seen.notes += krb5_is_config_principal(krb5, creds->server);
    return krb5_cc_store_cred(krb5, ccache, creds);
}

static OM_uint32 refusing_canonicalize(OM_uint32 *minor, const gss_name_t name, const gss_OID mechanism,
                                       gss_name_t *made)
{
    *minor = 0;
    return seen.nameless ? GSS_S_BAD_NAME : gss_canonicalize_name(minor, name, mechanism, made);
}

static OM_uint32 counting_accept(OM_uint32 *minor, gss_ctx_id_t *context, gss_cred_id_t cred, gss_buffer_t in,
                                 gss_channel_bindings_t bindings, gss_name_t *source, gss_OID *used, gss_buffer_t out,
                                 OM_uint32 *got, OM_uint32 *time_got, gss_cred_id_t *delegated)
{
    seen.came += source != NULL;
    return gss_accept_sec_context(minor, context, cred, in, bindings, source, used, out, got, time_got, delegated);
}

static OM_uint32 counting_inquire(OM_uint32 *minor, gss_ctx_id_t context, gss_name_t *source, gss_name_t *target,
                                  OM_uint32 *lifetime, gss_OID *mechanism, OM_uint32 *flags, int *local, int *open)
{
    seen.questions++;
    return gss_inquire_context(minor, context, source, target, lifetime, mechanism, flags, local, open);
}

static void acquire(troth_mechanism mechanism, enum source source)
{
    static struct troth__gss_native native;
    static troth__backend backend;
    troth_credential_options mine = conversation_source(source, mechanism);
    troth_credential_options theirs = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;

    memset(&seen, 0, sizeof seen);
    native = troth__gss_native;
    native.gss_init_sec_context = nested_init;
    native.gss_accept_sec_context = counting_accept;
    native.gss_canonicalize_name = refusing_canonicalize;
    native.gss_inquire_context = counting_inquire;
    native.krb5_cc_store_cred = counting_store;
    backend = troth__backend_here;
    backend.native = &native;
    if (troth__credential_acquire(&backend, TROTH_INITIATOR, &mine, &seen.user, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    theirs.mechanism = mechanism;
    assert_int_equal(troth__credential_acquire(&backend, TROTH_ACCEPTOR, &theirs, &seen.service, NULL), TROTH_OK);
    seen.tickets = seen.others = seen.notes = 0; /* those of a ccache given as bytes are stored one by one */
}

static int teardown(void **state)
{
    (void)state;
    troth_credential_free(seen.user);
    troth_credential_free(seen.service);
    seen.user = seen.service = NULL;
    return 0;
}

/* The native credential over all tickets. */
static gss_cred_id_t whole(void)
{
    const struct gss_credential *own = seen.user->native;

    return own->current->cred;
}

static void a_target_has_its_own_ticket_alone_and_gets_it_once(void **state)
{
    for (size_t i = 0; i < SOURCES; i++) {
        unsigned tickets;

        acquire(TROTH_MECHANISM_KERBEROS, sources[i]);
        greet("second"); /* its ticket is in the ccache now */
        greet(NULL);
        assert_int_equal(seen.tickets, 0);
        greet(NULL); /* over the file once more, which has changed */
        greet(NULL);
        assert_int_equal(seen.tickets, 1);
        assert_int_equal(seen.others, 0);
        assert_int_equal(seen.notes, 0); /* those that MIT and kinit make tell of the first ticket's making */
        assert_ptr_not_equal(seen.cred, whole());
        tickets = seen.tickets;
        for (unsigned round = 0; round < 5; round++)
            greet(NULL);
        assert_int_equal(seen.tickets, tickets);
        greet("second");
        greet("second");
        assert_true(seen.others > 0);
        teardown(state);
    }
}

/* What is had in the snapshot alone no other program would find. */
static void a_target_that_is_not_known_by_its_name_is_met_over_the_file(void **state)
{
    (void)state;
    acquire(TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE);
    seen.nameless = true;
    for (unsigned round = 0; round < 4; round++) {
        greet(NULL);
        assert_ptr_not_equal(seen.cred, whole());
    }
    assert_int_equal(seen.tickets, 0);
}

/* Only by the user's own ticket can a new one be had. */
static void a_ticket_of_no_use_is_looked_for_where_it_came_from(void **state)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};

    for (size_t i = 0; i < 2 * SOURCES; i++) {
        acquire(mechanisms[i % 2], sources[i / 2]);
        greet(NULL);
        greet(NULL);
        greet(NULL);
        assert_ptr_not_equal(seen.cred, whole());
        assert_int_equal(seen.tickets, 1);
        seen.useless = seen.cred;
        greet(NULL);
        assert_int_equal(seen.refused, 1);
        assert_int_equal(seen.tickets, 1);
        seen.useless = NULL; /* its handle has ended */
        greet(NULL);
        assert_int_equal(seen.tickets, 2); /* copied once more */
        assert_ptr_not_equal(seen.cred, whole());
        teardown(state);
    }
}

static void a_ticket_is_handed_on_by_the_users_own_one(void **state)
{
    for (size_t i = 0; i < SOURCES; i++) {
        acquire(TROTH_MECHANISM_KERBEROS, sources[i]);
        greet(NULL);
        greet(NULL);
        greet(NULL);
        assert_ptr_not_equal(seen.cred, whole());
        assert_int_equal(greet_with(NULL, TROTH_DELEGATE_ALWAYS) & TROTH_DELEGATED, TROTH_DELEGATED);
        assert_ptr_equal(seen.cred, whole());
        assert_int_equal(greet_with(NULL, TROTH_DELEGATE_NEVER) & TROTH_DELEGATED, 0);
        assert_ptr_not_equal(seen.cred, whole());
        teardown(state);
    }
}

/* A ccache in which the target itself is noted as the proxy: MIT takes the ticket that is there. */
static void make_proxy_ccache(const char *name)
{
    char service[256];
    krb5_data note = {0, 0, service};
    krb5_principal user = NULL;
    krb5_ccache from = NULL, to = NULL;
    krb5_context krb5 = NULL;

    snprintf(service, sizeof service, "%s/%s@%s", realm_env("TROTH_REALM_SERVICE"), realm_env("TROTH_REALM_HOST"),
             realm_env("TROTH_REALM"));
    note.length = (unsigned)strlen(service);
    assert_int_equal(krb5_init_context(&krb5), 0);
    assert_int_equal(krb5_cc_resolve(krb5, realm_env("TROTH_REALM_CCACHE"), &from), 0);
    assert_int_equal(krb5_cc_resolve(krb5, name, &to), 0);
    assert_int_equal(krb5_cc_get_principal(krb5, from, &user), 0);
    assert_int_equal(krb5_cc_initialize(krb5, to, user), 0);
    assert_int_equal(krb5_cc_copy_creds(krb5, from, to), 0);
    assert_int_equal(krb5_cc_set_config(krb5, to, NULL, "proxy_impersonator", &note), 0);
    krb5_cc_close(krb5, from);
    krb5_cc_close(krb5, to);
    krb5_free_principal(krb5, user);
    krb5_free_context(krb5);
}

/* The proxy's ticket, by which others are had, is not one of the target's name. */
static void a_proxys_ccache_is_used_whole(void **state)
{
    char ccache[512];

    snprintf(ccache, sizeof ccache, "FILE:%s/proxy.ccache", realm_env("TROTH_REALM_DIR"));
    acquire(TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE);
    greet(NULL); /* its ticket is in the file now */
    teardown(state);
    make_proxy_ccache(ccache);
    setenv("KRB5CCNAME", ccache, 1);
    acquire(TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE);
    setenv("KRB5CCNAME", realm_env("TROTH_REALM_CCACHE"), 1);
    greet(NULL);
    greet(NULL);
    assert_ptr_equal(seen.cred, whole());
    greet(NULL);
    assert_ptr_equal(seen.cred, whole());
}

/* A name of Kerberos' alone SPNEGO imports anew at each leg. */
static void spnego_is_given_its_own_name_of_a_target_it_has_met(void **state)
{
    gss_OID used = GSS_C_NO_OID;
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    gss_name_t first, told;
    char expected[256];
    OM_uint32 minor;

    (void)state;
    acquire(TROTH_MECHANISM_NEGOTIATE, SOURCE_CCACHE);
    greet(NULL);
    first = seen.target;
    assert_int_equal(seen.questions, 1);
    greet(NULL);
    told = seen.target;
    assert_ptr_not_equal(told, first);
    greet(NULL);
    assert_ptr_equal(seen.target, told);
    assert_int_equal(seen.questions, 1);
    assert_int_equal(gss_inquire_name(&minor, told, NULL, &used, NULL), GSS_S_COMPLETE);
    assert_true(troth__gss_is(used, &troth__gss_spnego));
    gss_release_oid(&minor, &used);
    assert_int_equal(gss_display_name(&minor, told, &shown, NULL), GSS_S_COMPLETE);
    snprintf(expected, sizeof expected, "%s/%s@%s", realm_env("TROTH_REALM_SERVICE"), realm_env("TROTH_REALM_HOST"),
             realm_env("TROTH_REALM"));
    assert_string_equal(shown.value, expected);
    gss_release_buffer(&minor, &shown);
    greet("second");
    assert_int_equal(seen.questions, 2);
    teardown(state);
    acquire(TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE);
    greet(NULL);
    greet(NULL);
    assert_int_equal(seen.questions, 0);
}

/* One context after the other with the same credentials; when is its peer's name asked for? */
enum asked { NEVER, FRESH, HEARD };

static void name_once(enum asked asked)
{
    const troth_context_options to = conversation_target();
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;
    const char *name = NULL;
    uint8_t room[512];
    size_t length = 0;
    void *data;

    assert_int_equal(troth_context_new(seen.user, &to, &initiator, &error), TROTH_OK);
    assert_int_equal(troth_context_new(seen.service, NULL, &acceptor, &error), TROTH_OK);
    assert_int_equal(conversation_handshake(initiator, acceptor, &error), TROTH_OK);
    if (asked == HEARD) {
        assert_int_equal(
            troth_wrap(initiator, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, room, sizeof room, &length, &error),
            TROTH_OK);
        assert_int_equal(troth_unwrap(acceptor, room, length, &data, &length, NULL, &error), TROTH_OK);
    }
    for (unsigned again = 0; asked != NEVER && again < 2; again++) {
        assert_int_equal(troth_context_peer_name(acceptor, &name, &error), TROTH_OK);
        assert_string_equal(name, conversation_user(SOURCE_CCACHE));
    }
    troth_context_free(initiator);
    troth_context_free(acceptor);
}

static void a_peers_name_comes_with_the_handshake_where_names_are_asked_for(void **state)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};
    static const struct {
        enum asked asked;
        unsigned came, questions; /* names with the handshake, and later */
    } rows[] = {
        {NEVER, 0, 0}, {NEVER, 0, 0}, {FRESH, 0, 1}, {FRESH, 1, 0}, {FRESH, 1, 0}, {NEVER, 1, 0},
        {NEVER, 0, 0}, {HEARD, 0, 1}, {HEARD, 0, 1}, {FRESH, 0, 1}, {HEARD, 1, 1}, {NEVER, 0, 0},
    };

    for (size_t i = 0; i < 2; i++) {
        acquire(mechanisms[i], SOURCE_CCACHE);
        greet(NULL); /* the initiator's question, for the target */
        for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
            seen.came = seen.questions = 0;
            name_once(rows[row].asked);
            assert_int_equal(seen.came, rows[row].came);
            assert_int_equal(seen.questions, rows[row].questions);
        }
        teardown(state);
    }
}

static void a_step_takes_no_memory_of_the_librarys(void **state)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};
    const troth_context_options to = conversation_target();
    troth_error error = TROTH_ERROR_INIT;

    for (size_t i = 0; i < 2; i++) {
        troth_context *initiator = NULL, *acceptor = NULL;

        acquire(mechanisms[i], SOURCE_CCACHE);
        for (unsigned round = 0; round < 3; round++)
            greet(NULL);
        assert_int_equal(troth_context_new(seen.user, &to, &initiator, &error), TROTH_OK);
        assert_int_equal(troth_context_new(seen.service, NULL, &acceptor, &error), TROTH_OK);
        watch_start(WATCH_NONE, 0);
        assert_int_equal(conversation_handshake(initiator, acceptor, &error), TROTH_OK);
        assert_int_equal(watch_allocations(), 0);
        troth_context_free(initiator);
        troth_context_free(acceptor);
        teardown(state);
    }
}

/* MIT holds a credential's lock through the whole of a step: another thread would wait. */
static void steps_at_once_have_native_credentials_of_their_own(void **state)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};

    for (size_t i = 0; i < 2 * SOURCES; i++) {
        acquire(mechanisms[i % 2], sources[i / 2]);
        greet(NULL);
        greet(NULL);
        seen.nest = true;
        greet(NULL);
        greet(NULL);
        assert_true(seen.beside >= 4);
        assert_int_equal(seen.same, 0);
        teardown(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_target_has_its_own_ticket_alone_and_gets_it_once, teardown),
        cmocka_unit_test_teardown(a_target_that_is_not_known_by_its_name_is_met_over_the_file, teardown),
        cmocka_unit_test_teardown(a_ticket_of_no_use_is_looked_for_where_it_came_from, teardown),
        cmocka_unit_test_teardown(a_ticket_is_handed_on_by_the_users_own_one, teardown),
        cmocka_unit_test_teardown(a_proxys_ccache_is_used_whole, teardown),
        cmocka_unit_test_teardown(spnego_is_given_its_own_name_of_a_target_it_has_met, teardown),
        cmocka_unit_test_teardown(a_peers_name_comes_with_the_handshake_where_names_are_asked_for, teardown),
        cmocka_unit_test_teardown(a_step_takes_no_memory_of_the_librarys, teardown),
        cmocka_unit_test_teardown(steps_at_once_have_native_credentials_of_their_own, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
