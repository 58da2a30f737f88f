/* test_step.c - what both ends are told when a handshake fails; every failure is a real one. */
#define _GNU_SOURCE

#include "errors.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET(service) "initiating to " service "@" HOST
#define ANY_SERVICE "accepting as any service in the keytab"

/* ---- the target ----------------------------------------------------------------------------------------------- */

static troth_error first_step_fails(troth_credential *credential, const char *target)
{
    static struct token out;
    troth_context *context = context_to(credential, target);
    troth_error error = TROTH_ERROR_INIT;
    troth_error again = TROTH_ERROR_INIT;

    assert_int_not_equal(step(context, NULL, &out, &error), TROTH_CONTINUE);
    /* A failure is final, and is remembered with its codes. */
    assert_int_equal(step(context, NULL, &out, &again), error.status);
    assert_int_equal(again.native_major, error.native_major);
    assert_int_equal(again.native_minor, error.native_minor);
    troth_context_free(context);
    return error;
}

static void an_unknown_target_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "nosuch");

        check_error("unknown target", &error, TROTH_E_UNKNOWN_TARGET, true, TARGET("nosuch"),
                    mechanism_shown(both_mechanisms[i]), "gss_init_sec_context",
                    "nosuch/" HOST "@" REALM " not found in Kerberos database", "Hint: the KDC knows no such service",
                    NULL);
    }
}

static void a_target_in_an_unknown_realm_is_unknown(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "troth/" HOST "@NOWHERE.TEST");

        check_error("target in an unknown realm", &error, TROTH_E_UNKNOWN_TARGET, true,
                    "initiating to troth/" HOST "@NOWHERE.TEST", mechanism_shown(both_mechanisms[i]),
                    "krbtgt/NOWHERE.TEST@" REALM " not found", "Hint: ", NULL);
    }
}

static void a_kdc_that_does_not_answer_is_no_kdc(void **state)
{
    (void)state;
    with_config("", realm_free_port());
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "troth");

        check_error("no KDC for a service ticket", &error, TROTH_E_NO_KDC, true, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "Cannot contact any KDC for realm '" REALM "'",
                    "Hint: no KDC of the realm answered", NULL);
    }
}

static void without_a_configuration_there_is_no_kdc(void **state)
{
    (void)state;
    setenv("KRB5_CONFIG", realm_path("none.conf"), 1);
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "troth/" HOST "@" REALM);

        check_error("no krb5.conf", &error, TROTH_E_NO_KDC, true, mechanism_shown(both_mechanisms[i]),
                    "Cannot find KDC for realm \"" REALM "\"", "Hint: ", "krb5.conf", NULL);
    }
}

static void a_locked_service_looks_unknown(void **state)
{
    (void)state;
    realm_kadmin("addprinc -randkey -allow_tix lockedsvc/" HOST);
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "lockedsvc");

        check_error("locked service", &error, TROTH_E_UNKNOWN_TARGET, true, TARGET("lockedsvc"),
                    mechanism_shown(both_mechanisms[i]), "Hint: ", NULL);
    }
}

static void an_account_that_is_no_service_is_an_unknown_target(void **state)
{
    (void)state;
    realm_kadmin("addprinc -randkey -allow_svr noservice/" HOST);
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "noservice");

        check_error("not a service", &error, TROTH_E_UNKNOWN_TARGET, true, TARGET("noservice"),
                    mechanism_shown(both_mechanisms[i]), "Hint: ", NULL);
    }
}

static void an_encryption_type_that_the_initiator_does_not_allow_says_so(void **state)
{
    (void)state;
    with_config("permitted_enctypes = camellia256-cts-cmac", kdc_port());
    for (size_t i = 0; i < 2; i++) {
        troth_error error = first_step_fails(alice(both_mechanisms[i]), "troth");

        check_error("initiator's permitted_enctypes", &error, TROTH_E_ENCRYPTION, true, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "ncryption type", "Hint: ", "permitted_enctypes", NULL);
    }
}

static void a_kdc_with_another_clock_refuses_the_request(void **state)
{
    static const char *const shifts[] = {"+3600s", "-3600s"};

    for (size_t i = 0; i < 4; i++) {
        troth_error error;

        with_config("", shifted_kdc(shifts[i % 2]));
        error = first_step_fails(alice(both_mechanisms[i / 2]), "troth");
        check_error(i % 2 == 0 ? "KDC's clock ahead" : "KDC's clock behind", &error, TROTH_E_CLOCK_SKEW, true,
                    TARGET("troth"), mechanism_shown(both_mechanisms[i / 2]), "Hint: the clocks differ", NULL);
        end_processes(state);
    }
}

static void a_ticket_that_ends_between_acquiring_and_stepping_says_so(void **state)
{
    static struct token out;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *copy = NULL;
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;

        /* The cache is replaced by one whose ticket has ended, as if the time in between had passed. */
        assert_true(asprintf(&copy, "FILE:%s", realm_path("ends.ccache")) > 0);
        run(REALM_ARGV("cp", realm_env_path("TROTH_REALM_CCACHE"), copy + 5));
        context = context_to(
            acquire(TROTH_INITIATOR, (troth_credential_options){.mechanism = both_mechanisms[i], .ccache = copy}),
            "troth");
        realm_expired_ccache();
        run(REALM_ARGV("cp", realm_env_path("TROTH_REALM_EXPIRED_CCACHE"), copy + 5));
        step(context, NULL, &out, &error);
        check_error("ticket ended meanwhile", &error, TROTH_E_EXPIRED, true, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "expired", "ends.ccache", "Hint: ", "kinit", NULL);
        troth_context_free(context);
        free(copy);
    }
}

/* ---- the acceptor's keys -------------------------------------------------------------------------------------- */

static void a_ticket_without_a_key_names_what_the_keytab_has(void **state)
{
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "absent", "full"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("no key for the ticket (acceptor)", &o.acceptor_error, TROTH_E_WRONG_KEY, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "absent/" HOST "@" REALM,
                    "holds troth/" HOST "@" REALM " (kvno 1)", "Hint: the keytab has no key that fits", NULL);
        drive_raw_acceptor(context_to(alice(both_mechanisms[i]), "absent"), raw_acceptor(NULL, "any"), &o);
        check_error("no key for the ticket (initiator)", &o.initiator_error, TROTH_E_WRONG_KEY, true, TARGET("absent"),
                    mechanism_shown(both_mechanisms[i]), "Hint: the acceptor could not open our ticket", NULL);
        end_processes(state);
    }
}

static void an_old_kvno_says_both_numbers(void **state)
{
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "stale", "full"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("wrong kvno (acceptor)", &o.acceptor_error, TROTH_E_WRONG_KEY, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "kvno 2", "stale/" HOST "@" REALM " (kvno 1)",
                    "Hint: the keytab has no key that fits", NULL);
        drive_raw_acceptor(context_to(alice(both_mechanisms[i]), "stale"), raw_acceptor(NULL, "any"), &o);
        check_error("wrong kvno (initiator)", &o.initiator_error, TROTH_E_WRONG_KEY, true, TARGET("stale"),
                    mechanism_shown(both_mechanisms[i]), "Hint: the acceptor could not open our ticket", NULL);
        end_processes(state);
    }
}

static void a_wrong_key_of_the_right_kvno_says_so(void **state)
{
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "wrong", "full"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("wrong key (acceptor)", &o.acceptor_error, TROTH_E_WRONG_KEY, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "wrong/" HOST "@" REALM " (kvno 1)",
                    "Hint: the keytab has no key that fits", NULL);
        drive_raw_acceptor(context_to(alice(both_mechanisms[i]), "wrong"), raw_acceptor(NULL, "any"), &o);
        check_error("wrong key (initiator)", &o.initiator_error, TROTH_E_WRONG_KEY, true, TARGET("wrong"),
                    mechanism_shown(both_mechanisms[i]), "Hint: the acceptor could not open our ticket", NULL);
        end_processes(state);
    }
}

static void a_ticket_for_another_of_our_names_says_so(void **state)
{
    struct outcome o;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_credential *host =
            acquire(TROTH_ACCEPTOR, (troth_credential_options){.mechanism = both_mechanisms[i],
                                                               .name = {.service = "host", .host = HOST}});

        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "troth", "full"), context_to(host, NULL), &o);
        check_error("ticket for another name (acceptor)", &o.acceptor_error, TROTH_E_WRONG_KEY, true,
                    "accepting as host@" HOST, mechanism_shown(both_mechanisms[i]), "troth/" HOST "@" REALM,
                    "Hint: ", NULL);
    }
}

static void a_keytab_with_another_encryption_type_says_so(void **state)
{
    static bool made;
    struct outcome o;
    char query[1200];

    (void)state;
    if (!made) {
        snprintf(query, sizeof query, "ktadd -k %s -norandkey camellia/" HOST, realm_path("camellia.keytab"));
        realm_kadmin("addprinc -randkey -e camellia256-cts-cmac:normal camellia/" HOST);
        realm_kadmin(query);
        realm_kadmin("delprinc -force camellia/" HOST);
        realm_kadmin("addprinc -randkey -e aes256-cts-hmac-sha1-96:normal camellia/" HOST);
        made = true;
    }
    for (size_t i = 0; i < 2; i++) {
        troth_credential *other =
            acquire(TROTH_ACCEPTOR, (troth_credential_options){.mechanism = both_mechanisms[i],
                                                               .keytab = realm_path("camellia.keytab")});

        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "camellia", "full"), context_to(other, NULL), &o);
        check_error("keytab of another encryption type (acceptor)", &o.acceptor_error, TROTH_E_WRONG_KEY, true,
                    ANY_SERVICE, mechanism_shown(both_mechanisms[i]), "aes256", "camellia/" HOST "@" REALM " (kvno 1)",
                    "Hint: ", "encryption type", NULL);
    }
}

/* MIT 1.20.1 passes over a key whose encryption type is not permitted, and calls it a wrong one. */
static void an_encryption_type_that_the_acceptor_does_not_allow_is_a_wrong_key(void **state)
{
    static struct token first, out;

    for (size_t i = 0; i < 2; i++) {
        realm_process *raw = raw_initiator(NULL, both_mechanisms[i], "troth", "full");
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;

        raw_token(raw, &first); /* made with the realm's own configuration */
        with_config("permitted_enctypes = aes128-cts-hmac-sha256-128", kdc_port());
        context = context_to(server(both_mechanisms[i]), NULL);
        step(context, &first, &out, &error);
        check_error("acceptor's permitted_enctypes", &error, TROTH_E_WRONG_KEY, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "enctype aes256-cts", "Hint: ", "permitted_enctypes", NULL);
        troth_context_free(context);
        end_processes(state);
    }
}

/* ---- clocks --------------------------------------------------------------------------------------------------- */

/* A ccache with a service ticket of two hours ago, made by a KDC and an initiator whose clocks are there. */
static void tickets_of_two_hours_ago(const char *lifetime)
{
    static const char back[] = "FAKETIME=-7200s";
    const unsigned port = shifted_kdc("-7200s");
    char preload[600], keytab[1100];

    with_config("", port);
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", realm_env("TROTH_FAKETIME"));
    snprintf(keytab, sizeof keytab, "%s", realm_env_path("TROTH_REALM_USER_KEYTAB"));
    setenv("KRB5CCNAME", realm_path("past.ccache"), 1);
    run(REALM_ARGV("env", preload, back, "kinit", "-k", "-t", keytab, "-l", lifetime, "alice@" REALM));
    run(REALM_ARGV("env", preload, back, "kvno", "-q", "troth/" HOST));
}

static void an_initiator_whose_clock_is_ahead_is_told_apart(void **state)
{
    struct outcome o;

    need_shifted_clock();
    run(REALM_ARGV("kvno", "-q", "troth/" HOST)); /* so that the shifted peer needs no KDC */
    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator("+3600s", both_mechanisms[i], "troth", "full"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("initiator's clock ahead (acceptor)", &o.acceptor_error, TROTH_E_CLOCK_SKEW, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "Clock skew too great", "Hint: the clocks differ", NULL);
        end_processes(state);
    }
}

static void an_initiator_whose_clock_is_behind_is_told_apart(void **state)
{
    struct outcome o;

    (void)state;
    tickets_of_two_hours_ago("10h");
    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator("-3600s", both_mechanisms[i], "troth", "full"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("initiator's clock behind (acceptor)", &o.acceptor_error, TROTH_E_CLOCK_SKEW, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "Clock skew too great", "Hint: the clocks differ", NULL);
    }
}

static void an_acceptor_with_another_clock_says_by_how_much(void **state)
{
    struct outcome o;

    need_shifted_clock();
    for (size_t i = 0; i < 2; i++) {
        drive_raw_acceptor(context_to(alice(both_mechanisms[i]), "troth"), raw_acceptor("+3600s", "any"), &o);
        check_error("acceptor's clock ahead (initiator)", &o.initiator_error, TROTH_E_CLOCK_SKEW, true, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "Clock skew too great", "the peer's clock is 3",
                    "seconds ahead of ours", "not authenticated", "Hint: the clocks differ", NULL);
        drive_raw_acceptor(context_to(alice(both_mechanisms[i]), "troth"), raw_acceptor("-3600s", "any"), &o);
        check_error("acceptor's clock behind (initiator)", &o.initiator_error, TROTH_E_CLOCK_SKEW, true,
                    TARGET("troth"), mechanism_shown(both_mechanisms[i]), "Ticket not yet valid",
                    "the peer's clock is 3", "seconds behind ours", "not authenticated", "Hint: the clocks differ",
                    NULL);
        end_processes(state);
    }
}

static void an_ended_ticket_at_the_acceptor_says_so(void **state)
{
    struct outcome o;

    (void)state;
    tickets_of_two_hours_ago("10m");
    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator("-7200s", both_mechanisms[i], "troth", "full"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("expired ticket (acceptor)", &o.acceptor_error, TROTH_E_EXPIRED, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "Ticket expired",
                    "Hint: the initiator came with a ticket that has ended", NULL);
    }
}

/* ---- mechanisms ----------------------------------------------------------------------------------------------- */

/* A NTLM NEGOTIATE_MESSAGE, [MS-NLMP] section 2.2.1.1, without domain and workstation. */
#define NTLM_NEGOTIATE                                                                                                 \
    'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, 1, 0, 0, 0, 0x97, 0x82, 0x08, 0xE2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,   \
        0, 0, 0, 10, 0, 0x63, 0x45, 0, 0, 0, 0x0F
#define NTLM_NEGOTIATE_LENGTH 40
#define NTLM_OID 0x06, 0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A

static const struct token raw_ntlm = {.length = NTLM_NEGOTIATE_LENGTH, .bytes = {NTLM_NEGOTIATE}};

/* NegTokenInit, RFC 4178 section 4.2.1: mechTypes is NTLM alone, mechToken the message above. */
static const struct token spnego_ntlm = {.length = 2 + 8 + 2 + 2 + 2 + 2 + 12 + 2 + 2 + NTLM_NEGOTIATE_LENGTH,
                                         .bytes = {0x60,
                                                   8 + 2 + 2 + 2 + 2 + 12 + 2 + 2 + NTLM_NEGOTIATE_LENGTH,
                                                   0x06,
                                                   6,
                                                   0x2B,
                                                   6,
                                                   1,
                                                   5,
                                                   5,
                                                   2,
                                                   0xA0,
                                                   2 + 2 + 2 + 12 + 2 + 2 + NTLM_NEGOTIATE_LENGTH,
                                                   0x30,
                                                   2 + 2 + 12 + 2 + 2 + NTLM_NEGOTIATE_LENGTH,
                                                   0xA0,
                                                   14,
                                                   0x30,
                                                   12,
                                                   NTLM_OID,
                                                   0xA2,
                                                   2 + NTLM_NEGOTIATE_LENGTH,
                                                   0x04,
                                                   NTLM_NEGOTIATE_LENGTH,
                                                   NTLM_NEGOTIATE}};

/* NegTokenResp, RFC 4178 section 4.2.2: request-mic, supportedMech NTLM. */
static const struct token spnego_chooses_ntlm = {
    .length = 2 + 2 + 5 + 2 + 12,
    .bytes = {0xA1, 2 + 5 + 2 + 12, 0x30, 5 + 2 + 12, 0xA0, 3, 0x0A, 1, 3, 0xA1, 12, NTLM_OID}};

static troth_error accept_fails(troth_mechanism mechanism, const struct token *token)
{
    static struct token out;
    troth_context *context = context_to(server(mechanism), NULL);
    troth_error error = TROTH_ERROR_INIT;

    assert_int_not_equal(step(context, token, &out, &error), TROTH_OK);
    assert_int_not_equal(error.status, TROTH_OK);
    troth_context_free(context);
    return error;
}

static troth_error answer_fails(troth_mechanism mechanism, const struct token *answer)
{
    static struct token out;
    troth_context *context = context_to(alice(mechanism), "troth");
    troth_error error = TROTH_ERROR_INIT;

    assert_int_equal(step(context, NULL, &out, &error), TROTH_CONTINUE);
    step(context, answer, &out, &error);
    assert_int_not_equal(error.status, TROTH_OK);
    troth_context_free(context);
    return error;
}

static void a_peer_that_offers_only_ntlm_is_told_why_windows_does_that(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = accept_fails(both_mechanisms[i], &raw_ntlm);

        check_error("raw NTLM (acceptor)", &error, TROTH_E_MECHANISM, false, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "the peer speaks NTLM", "Hint: ", "setspn", "IP address",
                    NULL);
        error = accept_fails(both_mechanisms[i], &spnego_ntlm);
        check_error("SPNEGO with NTLM alone (acceptor)", &error, TROTH_E_MECHANISM, false, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "offers only NTLM", "Hint: ", "setspn", "IP address", NULL);
        error = answer_fails(both_mechanisms[i], &raw_ntlm);
        check_error("raw NTLM (initiator)", &error, TROTH_E_MECHANISM, false, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "NTLM", "Hint: ", NULL);
        error = answer_fails(both_mechanisms[i], &spnego_chooses_ntlm);
        check_error("SPNEGO that chooses NTLM (initiator)", &error, TROTH_E_MECHANISM, false, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "NTLM", "Hint: ", NULL);
    }
}

static void spnego_at_a_kerberos_only_acceptor_is_a_mechanism_mismatch(void **state)
{
    struct outcome o;

    (void)state;
    drive(context_to(alice(TROTH_MECHANISM_NEGOTIATE), "troth"), context_to(server(TROTH_MECHANISM_KERBEROS), NULL),
          &o);
    check_error("SPNEGO at a Kerberos acceptor", &o.acceptor_error, TROTH_E_MECHANISM, false, ANY_SERVICE, "(Kerberos)",
                "the peer speaks Negotiate (SPNEGO), and this side Kerberos alone",
                "Hint: both ends must speak the same", NULL);
}

static void kerberos_at_a_negotiating_acceptor_is_taken(void **state)
{
    struct outcome o;

    (void)state;
    drive(context_to(alice(TROTH_MECHANISM_KERBEROS), "troth"), context_to(server(TROTH_MECHANISM_NEGOTIATE), NULL),
          &o);
    assert_int_equal(o.initiator, TROTH_OK);
    assert_int_equal(o.acceptor, TROTH_OK);
}

static void an_answer_of_the_other_mechanism_is_a_mechanism_mismatch(void **state)
{
    /* accept-incomplete, supportedMech Kerberos. */
    static const struct token spnego = {.length = 22,
                                        .bytes = {0xA1, 20, 0x30, 18,   0xA0, 3,    0x0A, 1,    1,    0xA1, 11,
                                                  0x06, 9,  0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02}};
    static struct token first, answer;
    troth_error error = answer_fails(TROTH_MECHANISM_KERBEROS, &spnego);
    troth_error none = TROTH_ERROR_INIT;
    troth_context *kerberos, *acceptor;

    (void)state;
    check_error("SPNEGO answer to Kerberos (initiator)", &error, TROTH_E_MECHANISM, false, TARGET("troth"),
                "(Kerberos)", "the peer speaks Negotiate (SPNEGO)", "Hint: both ends must speak the same", NULL);

    kerberos = context_to(alice(TROTH_MECHANISM_KERBEROS), "troth");
    acceptor = context_to(server(TROTH_MECHANISM_KERBEROS), NULL);
    assert_int_equal(step(kerberos, NULL, &first, &none), TROTH_CONTINUE);
    assert_int_equal(step(acceptor, &first, &answer, &none), TROTH_OK);
    troth_context_free(kerberos);
    troth_context_free(acceptor);
    error = answer_fails(TROTH_MECHANISM_NEGOTIATE, &answer);
    check_error("Kerberos answer to SPNEGO (initiator)", &error, TROTH_E_MECHANISM, true, TARGET("troth"),
                "(Negotiate)", "Kerberos", "Hint: both ends must speak the same", NULL);
}

/* ---- requirements, bindings, replay --------------------------------------------------------------------------- */

static void what_is_required_and_missing_is_named(void **state)
{
    struct outcome o;

    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "troth", "nomutual"),
                            context_to(server(both_mechanisms[i]), NULL), &o);
        check_error("mutual missing (acceptor)", &o.acceptor_error, TROTH_E_REQUIREMENT, false, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "required and missing: mutual authentication",
                    "Hint: the initiator must ask for it", NULL);
        refute_words(&o.acceptor_error, "integrity");
        end_processes(state);
    }
    drive_raw_initiator(raw_initiator(NULL, TROTH_MECHANISM_KERBEROS, "troth", "plain"),
                        context_to(server(TROTH_MECHANISM_KERBEROS), NULL), &o);
    check_error("integrity and confidentiality missing (acceptor)", &o.acceptor_error, TROTH_E_REQUIREMENT, false,
                ANY_SERVICE, "(Kerberos)", "required and missing: integrity, confidentiality", "Hint: ", NULL);
}

static troth_context *bound(troth_credential *credential, const char *service, const char *channel, uint32_t required)
{
    troth_bindings bindings = {.application_data = channel, .application_data_length = strlen(channel)};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;

    options.bindings = &bindings;
    options.required = required;
    options.target.service = service;
    options.target.host = service != NULL ? HOST : NULL;
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_OK);
    troth_credential_free(credential);
    return context;
}

static void other_bindings_are_told_at_both_ends(void **state)
{
    struct outcome o;

    for (size_t i = 0; i < 2; i++) {
        drive_raw_initiator(raw_initiator(NULL, both_mechanisms[i], "troth", "tls-unique:here"),
                            bound(server(both_mechanisms[i]), NULL, "tls-unique:there", 0), &o);
        check_error("other bindings (acceptor)", &o.acceptor_error, TROTH_E_BINDINGS, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "channel bindings",
                    "Hint: the two ends do not see the same TLS channel", NULL);
        drive_raw_acceptor(bound(alice(both_mechanisms[i]), "troth", "tls-unique:here", 0),
                           raw_acceptor(NULL, "tls-unique:there"), &o);
        check_error("other bindings (initiator)", &o.initiator_error, TROTH_E_DENIED, true, TARGET("troth"),
                    mechanism_shown(both_mechanisms[i]), "the acceptor refused, and does not say why",
                    "Hint: what is not said here, the log", NULL);
        drive_raw_initiator(
            raw_initiator(NULL, both_mechanisms[i], "troth", "full"),
            bound(server(both_mechanisms[i]), NULL, "tls-unique:there", TROTH_MUTUAL | TROTH_CHANNEL_BOUND), &o);
        check_error("required bindings missing (acceptor)", &o.acceptor_error, TROTH_E_REQUIREMENT, false, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "required and missing: channel bindings",
                    "Hint: the initiator must ", "give its channel bindings", NULL);
        end_processes(state);
    }
}

static void a_token_that_comes_twice_is_a_replay(void **state)
{
    static struct token first, out;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_context *initiator = context_to(alice(both_mechanisms[i]), "troth");
        troth_context *acceptor = context_to(server(both_mechanisms[i]), NULL);
        troth_error error = TROTH_ERROR_INIT;

        assert_int_equal(step(initiator, NULL, &first, &error), TROTH_CONTINUE);
        assert_int_equal(step(acceptor, &first, &out, &error), TROTH_OK);
        error = accept_fails(both_mechanisms[i], &first);
        check_error("replayed token (acceptor)", &error, TROTH_E_REPLAY, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "Hint: this very token was already used here", NULL);
        troth_context_free(initiator);
        troth_context_free(acceptor);
    }
}

static void a_damaged_token_is_a_bad_token(void **state)
{
    static struct token first, out;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_context *initiator = context_to(alice(both_mechanisms[i]), "troth");
        troth_error error = TROTH_ERROR_INIT;

        assert_int_equal(step(initiator, NULL, &first, &error), TROTH_CONTINUE);
        troth_context_free(initiator);
        first.length /= 2;
        error = accept_fails(both_mechanisms[i], &first);
        check_error("half a token (acceptor)", &error, TROTH_E_BAD_TOKEN, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "gss_accept_sec_context", "Hint: these bytes are no token",
                    NULL);
    }
    first = (struct token){.length = 15, .bytes = "GET / HTTP/1.1\n"};
    for (size_t i = 0; i < 2; i++) {
        troth_error error = accept_fails(both_mechanisms[i], &first);

        check_error("not a token (acceptor)", &error, TROTH_E_BAD_TOKEN, true, ANY_SERVICE,
                    mechanism_shown(both_mechanisms[i]), "gss_accept_sec_context", "Hint: these bytes are no token",
                    NULL);
    }
    (void)out;
}

/* ---- the language --------------------------------------------------------------------------------------------- */

static void in_another_language_the_status_is_the_same(void **state)
{
    struct outcome o;
    troth_error error;

    (void)state;
    setenv("LANGUAGE", "de", 1);
    if (setlocale(LC_ALL, "C.UTF-8") == NULL && setlocale(LC_ALL, "en_US.UTF-8") == NULL) {
        print_message("SKIPPED: no UTF-8 locale is installed\n");
        skip();
    }
    error = first_step_fails(alice(TROTH_MECHANISM_NEGOTIATE), "nosuch");
    drive(context_to(alice(TROTH_MECHANISM_NEGOTIATE), "stale"), context_to(server(TROTH_MECHANISM_NEGOTIATE), NULL),
          &o);
    setlocale(LC_ALL, "C");
    check_error("unknown target, in German where installed", &error, TROTH_E_UNKNOWN_TARGET, true, TARGET("nosuch"),
                NULL);
    check_error("wrong kvno, in German where installed", &o.acceptor_error, TROTH_E_WRONG_KEY, true,
                "stale/" HOST "@" REALM " (kvno 1)", NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh_surroundings, end_processes)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(an_unknown_target_is_named),
        CASE(a_target_in_an_unknown_realm_is_unknown),
        CASE(a_kdc_that_does_not_answer_is_no_kdc),
        CASE(without_a_configuration_there_is_no_kdc),
        CASE(a_locked_service_looks_unknown),
        CASE(an_account_that_is_no_service_is_an_unknown_target),
        CASE(an_encryption_type_that_the_initiator_does_not_allow_says_so),
        CASE(a_kdc_with_another_clock_refuses_the_request),
        CASE(a_ticket_that_ends_between_acquiring_and_stepping_says_so),
        CASE(a_ticket_without_a_key_names_what_the_keytab_has),
        CASE(an_old_kvno_says_both_numbers),
        CASE(a_wrong_key_of_the_right_kvno_says_so),
        CASE(a_ticket_for_another_of_our_names_says_so),
        CASE(a_keytab_with_another_encryption_type_says_so),
        CASE(an_encryption_type_that_the_acceptor_does_not_allow_is_a_wrong_key),
        CASE(an_initiator_whose_clock_is_ahead_is_told_apart),
        CASE(an_initiator_whose_clock_is_behind_is_told_apart),
        CASE(an_acceptor_with_another_clock_says_by_how_much),
        CASE(an_ended_ticket_at_the_acceptor_says_so),
        CASE(a_peer_that_offers_only_ntlm_is_told_why_windows_does_that),
        CASE(spnego_at_a_kerberos_only_acceptor_is_a_mechanism_mismatch),
        CASE(kerberos_at_a_negotiating_acceptor_is_taken),
        CASE(an_answer_of_the_other_mechanism_is_a_mechanism_mismatch),
        CASE(what_is_required_and_missing_is_named),
        CASE(other_bindings_are_told_at_both_ends),
        CASE(a_token_that_comes_twice_is_a_replay),
        CASE(a_damaged_token_is_a_bad_token),
        CASE(in_another_language_the_status_is_the_same),
    };

    if (no_own_realm())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
