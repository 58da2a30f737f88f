/*
 * test_surprises.c - what is told when something other than the program is to blame: a name that the DNS changed, an
 * account that was closed, a ticket for later, one that is too large, one that is good for nobody else. Every failure
 * is a real one.
 */
#define _GNU_SOURCE

#include "errors.h"

#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "troth/delegation.h"
#include "troth/stream.h"

#define PASSWORD "open-sesame"
#define DEFAULT_FRAME_LIMIT 65536u

static troth_error first_step_fails(troth_credential *credential, const troth_name *target)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    const void *out;
    size_t length;

    options.target = *target;
    assert_int_equal(troth_context_new(credential, &options, &context, &error), TROTH_OK);
    troth_credential_free(credential);
    assert_int_not_equal(troth_context_step(context, NULL, 0, &out, &length, &error), TROTH_CONTINUE);
    troth_context_free(context);
    return error;
}

/* A DNS that says so (other_dns.c is linked into this program), and a configuration that asks it. */
static void with_canonical_names(const char *canonical)
{
    char text[1024];

    snprintf(text, sizeof text,
             "[libdefaults]\ndefault_realm = " REALM "\ndns_canonicalize_hostname = true\nrdns = false\n"
             "dns_lookup_kdc = false\ndns_lookup_realm = false\ndns_uri_lookup = false\n"
             "[realms]\n" REALM " = {\nkdc = 127.0.0.1:%u\n}\n[domain_realm]\n.troth.test = " REALM "\n",
             kdc_port());
    setenv("KRB5_CONFIG", strchr(file_with("canonical.conf", text), ':') + 1, 1);
    setenv("OTHER_DNS", canonical, 1);
}

static void a_host_that_the_dns_renames_is_told_with_both_names(void **state)
{
    static const troth_name alias = {.service = "troth", .host = "alias.troth.test"};

    (void)state;
    with_canonical_names("elsewhere.troth.test");
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), &alias);

        check_error(
            "host renamed by the DNS", &error, TROTH_E_UNKNOWN_TARGET, true, "initiating to troth@alias.troth.test",
            mechanism_shown(both_mechanisms[i]), "troth/elsewhere.troth.test@" REALM " not found",
            "the host alias.troth.test became elsewhere.troth.test", "Hint: ", "dns_canonicalize_hostname", NULL);
    }
}

static void a_host_that_is_not_renamed_is_no_surprise(void **state)
{
    static const troth_name unknown = {.service = "nosuch", .host = HOST};
    troth_error error;

    (void)state;
    with_canonical_names("elsewhere.troth.test");
    error = first_step_fails(alice(TROTH_MECHANISM_NEGOTIATE), &unknown);
    check_error("unknown, but not renamed", &error, TROTH_E_UNKNOWN_TARGET, true, "Hint: ", NULL);
    refute_words(&error, "became");
}

static troth_error password_fails(const char *principal, const char *password, troth_mechanism mechanism)
{
    return acquire_fails(
        TROTH_INITIATOR,
        (troth_credential_options){.mechanism = mechanism, .name = {.principal = principal}, .password = password});
}

static void an_account_locked_by_wrong_passwords_says_so(void **state)
{
    (void)state;
    realm_kadmin("addpol -maxfailure 1 -failurecountinterval 1h -lockoutduration 1h strict");
    realm_kadmin("addprinc -policy strict -pw " PASSWORD " +requires_preauth hasty");
    password_fails("hasty@" REALM, "not the password", TROTH_MECHANISM_KERBEROS);
    for (size_t i = 0; i < 2; i++) {
        troth_error error = password_fails("hasty@" REALM, PASSWORD, both_mechanisms[i]);

        check_error("locked by wrong passwords", &error, TROTH_E_DENIED, true, "for hasty@" REALM,
                    mechanism_shown(both_mechanisms[i]), "credentials have been revoked",
                    "Hint: the account is locked or disabled", "-unlock", NULL);
        refute_words(&error, PASSWORD);
    }
}

static void a_password_that_must_be_changed_says_so(void **state)
{
    (void)state;
    realm_kadmin("addprinc -pw " PASSWORD " +requires_preauth +needchange newcomer");
    for (size_t i = 0; i < 2; i++) {
        troth_error error = password_fails("newcomer@" REALM, PASSWORD, both_mechanisms[i]);

        check_error("password must be changed", &error, TROTH_E_EXPIRED, true, "for newcomer@" REALM,
                    mechanism_shown(both_mechanisms[i]), "Password has expired",
                    "Hint: the password has expired, or must be changed", "kpasswd", NULL);
    }
}

static void a_ticket_for_later_is_not_yet_valid(void **state)
{
    static const troth_name target = {.service = "troth", .host = HOST};
    char keytab[1024];

    (void)state;
    snprintf(keytab, sizeof keytab, "%s", realm_env_path("TROTH_REALM_USER_KEYTAB"));
    setenv("KRB5CCNAME", realm_path("later.ccache"), 1);
    run(REALM_ARGV("kinit", "-k", "-t", keytab, "-s", "1h", "alice@" REALM));
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), &target);

        check_error("postdated ticket", &error, TROTH_E_CLOCK_SKEW, true, "initiating to troth@" HOST,
                    mechanism_shown(both_mechanisms[i]), "Ticket not yet valid", "Hint: the clocks differ", "kinit -v",
                    NULL);
    }
}

/* ---- tickets as large as those of a user with very many groups ------------------------------------------------- */

#define MUST(call) assert_int_equal(call, 0)

/*
 * Makes a ccache "FILE:..." with alice's tickets, her ticket for the service carrying so many bytes of authorisation
 * data: the KDC copies what the request has (RFC 4120 section 5.4.1, enc-authorization-data).
 */
static void with_large_ticket(const char *name, size_t bytes)
{
    unsigned char *content = calloc(1, bytes);
    krb5_authdata data = {0, 300, (unsigned)bytes, content}; /* a type that nobody knows */
    krb5_authdata *list[] = {&data, NULL};
    krb5_authdata **kept;
    krb5_creds wanted;
    krb5_creds *made = NULL;
    krb5_context krb5;
    krb5_ccache own, other;

    assert_non_null(content);
    memset(&wanted, 0, sizeof wanted);
    MUST(krb5_init_context(&krb5));
    MUST(krb5_cc_default(krb5, &own));
    MUST(krb5_cc_get_principal(krb5, own, &wanted.client));
    MUST(krb5_sname_to_principal(krb5, HOST, "troth", KRB5_NT_SRV_HST, &wanted.server));
    MUST(krb5_cc_resolve(krb5, realm_path(name), &other));
    MUST(krb5_cc_initialize(krb5, other, wanted.client));
    wanted.authdata = list;
    MUST(krb5_get_credentials(krb5, KRB5_GC_NO_STORE, own, &wanted, &made));
    assert_true(made->ticket.length > bytes);
    kept = made->authdata;
    made->authdata = NULL; /* or only who asks for the same would get it from the ccache */
    MUST(krb5_cc_store_cred(krb5, other, made));
    made->authdata = kept;
    MUST(krb5_cc_copy_creds(krb5, own, other)); /* behind it: there may be an ordinary one */
    setenv("KRB5CCNAME", realm_path(name), 1);
    krb5_free_creds(krb5, made);
    krb5_free_principal(krb5, wanted.client);
    krb5_free_principal(krb5, wanted.server);
    krb5_cc_close(krb5, own);
    krb5_cc_close(krb5, other);
    krb5_free_context(krb5);
    free(content);
}

static void a_large_ticket_authenticates(void **state)
{
    (void)state;
    with_large_ticket("large.ccache", 100000);
    for (size_t i = 0; i < 2; i++) {
        troth_context *initiator = context_to(alice(both_mechanisms[i]), "troth");
        troth_context *acceptor = context_to(server(both_mechanisms[i]), NULL);
        troth_error error = TROTH_ERROR_INIT;
        const void *out;
        size_t length;

        assert_int_equal(troth_context_step(initiator, NULL, 0, &out, &length, &error), TROTH_CONTINUE);
        assert_true(length > 100000);
        if (troth_context_step(acceptor, out, length, &out, &length, &error) != TROTH_OK)
            fail_msg("%s", error.text);
        assert_int_equal(troth_context_step(initiator, out, length, &out, &length, &error), TROTH_OK);
        troth_context_free(initiator);
        troth_context_free(acceptor);
    }
}

static void a_large_ticket_over_the_frame_limit_says_what_to_do(void **state)
{
    troth_stream_options options = TROTH_STREAM_OPTIONS_INIT;
    troth_stream *stream = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    with_large_ticket("large.ccache", DEFAULT_FRAME_LIMIT);
    assert_int_equal(troth_stream_new(context_to(alice(TROTH_MECHANISM_NEGOTIATE), "troth"), &options, &stream, &error),
                     TROTH_OK);
    assert_int_equal(troth_stream_step(stream, &error), TROTH_E_FRAME);
    check_error("a token over the frame limit", &error, TROTH_E_FRAME, false, "is over the frame limit of 65536",
                "Hint: ", "groups", "raise the frame limit", NULL);
    troth_stream_free(stream);

    options.frame_limit = 4 * DEFAULT_FRAME_LIMIT;
    assert_int_equal(troth_stream_new(context_to(alice(TROTH_MECHANISM_NEGOTIATE), "troth"), &options, &stream, &error),
                     TROTH_OK);
    assert_int_equal(troth_stream_step(stream, &error), TROTH_OK);
    assert_true((troth_stream_state(stream) & TROTH_STREAM_WANT_WRITE) != 0);
    troth_stream_free(stream);
}

/* What an acceptor that acts for its peers gets when the user comes with a ticket of this ccache (NULL: the default).
 */
static troth_credential *acting_for(const char *ccache)
{
    troth_credential_options service = TROTH_CREDENTIAL_OPTIONS_INIT, user = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *acceptor, *acting = NULL;
    troth_context *here, *there = NULL;
    static struct token token;
    troth_error error = TROTH_ERROR_INIT;

    service.flags = TROTH_CREDENTIAL_PROXY;
    service.name = (troth_name){.service = "troth", .host = HOST};
    options.flags = TROTH_KEEP_DELEGATED;
    user.ccache = ccache;
    acceptor = acquire(TROTH_ACCEPTOR, service);
    here = context_to(acquire(TROTH_INITIATOR, user), "troth");
    assert_int_equal(troth_context_new(acceptor, &options, &there, NULL), TROTH_OK);
    troth_credential_free(acceptor);
    assert_int_equal(step(here, NULL, &token, &error), TROTH_CONTINUE);
    assert_int_equal(step(there, &token, &token, &error), TROTH_OK);
    assert_int_equal(troth_context_delegated_credential(there, &acting, NULL), TROTH_OK);
    troth_context_free(there);
    troth_context_free(here);
    return acting;
}

/* The realm's KDC permits nobody to act for others. */
static void constrained_delegation_that_is_not_permitted_says_who_permits_it(void **state)
{
    static const troth_name target = {.service = "second", .host = HOST};
    struct realm_result result;
    troth_error error;
    char name[1024];

    (void)state;
    error = first_step_fails(acting_for(NULL), &target);
    check_error("not permitted", &error, TROTH_E_DENIED, true, "initiating to second@" HOST,
                "KDC can't fulfill requested option", "Hint: ", "krbAllowedToDelegateTo", NULL);
    refute_words(&error, "the ticket in the user's name");
    snprintf(name, sizeof name, "FILE:%s", realm_path("unforwardable.ccache"));
    assert_int_equal(realm_run(REALM_ARGV("kinit", "-F", "-k", "-t", realm_env("TROTH_REALM_USER_KEYTAB"), "-c", name,
                                          realm_env("TROTH_REALM_USER")),
                               NULL, REALM_DEADLINE, &result),
                     0);
    realm_result_free(&result);
    error = first_step_fails(acting_for(name), &target);
    check_error("not forwardable", &error, TROTH_E_DENIED, true,
                "the ticket in the user's name is not forwardable. Hint: ", "kinit -f", NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh_surroundings, end_processes)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(a_host_that_the_dns_renames_is_told_with_both_names),
        CASE(a_host_that_is_not_renamed_is_no_surprise),
        CASE(an_account_locked_by_wrong_passwords_says_so),
        CASE(a_password_that_must_be_changed_says_so),
        CASE(a_ticket_for_later_is_not_yet_valid),
        CASE(constrained_delegation_that_is_not_permitted_says_who_permits_it),
        CASE(a_large_ticket_authenticates),
        CASE(a_large_ticket_over_the_frame_limit_says_what_to_do),
    };

    if (no_own_realm())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
