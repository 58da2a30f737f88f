/* test_acquire.c - what a newcomer is told when a credential cannot be acquired; every failure is a real one. */
#define _GNU_SOURCE

#include "errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS(...) ((troth_credential_options){__VA_ARGS__})

static char *carols_password(void)
{
    static char password[256];

    return realm_read_line(realm_env("TROTH_REALM_PASSWORD_FILE"), password, sizeof password);
}

/* ---- initiators ----------------------------------------------------------------------------------------------- */

static void without_a_ticket_it_says_how_to_get_one(void **state)
{
    (void)state;
    setenv("KRB5CCNAME", realm_path("none.ccache"), 1);
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i]));

        check_error("no ticket", &error, TROTH_E_NO_CREDENTIAL, true, "acquiring an initiator credential",
                    "the default user", mechanism_shown(both_mechanisms[i]), "gss_acquire_cred_from", "none.ccache",
                    "Hint: get a ticket first (kinit", NULL);
    }
}

static void a_ccache_that_is_none_is_no_credential(void **state)
{
    const char *ccache = file_with("broken.ccache", "this is no ccache\n");

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .ccache = ccache));

        check_error("broken ccache", &error, TROTH_E_NO_CREDENTIAL, true, "acquiring an initiator credential",
                    mechanism_shown(both_mechanisms[i]), "Hint: get a ticket first (kinit", NULL);
    }
}

static void a_ccache_of_somebody_else_is_no_credential(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i],
                                                                   .ccache = realm_env("TROTH_REALM_CCACHE"),
                                                                   .name = {.principal = "carol@" REALM}));

        check_error("another user's ccache", &error, TROTH_E_NO_CREDENTIAL, true, "acquiring an initiator credential",
                    "for carol@" REALM, mechanism_shown(both_mechanisms[i]), "Hint: get a ticket first (kinit", NULL);
    }
}

static void an_ended_ticket_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .ccache = realm_expired_ccache()));

        check_error("expired ticket", &error, TROTH_E_EXPIRED, true, "acquiring an initiator credential",
                    mechanism_shown(both_mechanisms[i]), "the tickets in ", "have ended", "get a new one (kinit)",
                    NULL);
    }
}

static void a_wrong_password_is_denied(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "not her password",
                                                   .name = {.principal = "carol@" REALM}));

        check_error("wrong password", &error, TROTH_E_DENIED, true, "acquiring an initiator credential",
                    "for carol@" REALM, mechanism_shown(both_mechanisms[i]), "gss_acquire_cred_with_password",
                    "Preauthentication failed", "Hint: the password or key is wrong", NULL);
        refute_words(&error, "not her password");
    }
}

static void a_wrong_password_is_denied_without_preauthentication_too(void **state)
{
    (void)state;
    realm_kadmin("addprinc -pw open-sesame -requires_preauth open");
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "not the password",
                                                   .name = {.principal = "open@" REALM}));

        check_error("wrong password, no preauthentication", &error, TROTH_E_DENIED, true, "for open@" REALM,
                    mechanism_shown(both_mechanisms[i]), "Hint: the password or key is wrong", NULL);
    }
}

static void an_unknown_user_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "whatever",
                                                   .name = {.principal = "nobody@" REALM}));

        check_error("unknown user", &error, TROTH_E_UNKNOWN_TARGET, true, "for nobody@" REALM,
                    mechanism_shown(both_mechanisms[i]), "not found in Kerberos database",
                    "Hint: the KDC does not know this principal", NULL);
    }
}

static void a_client_keytab_without_the_users_key_says_what_it_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i],
                                                                   .keytab = realm_env("TROTH_REALM_USER_KEYTAB"),
                                                                   .name = {.principal = "carol@" REALM}));

        check_error("client keytab of another user", &error, TROTH_E_NO_CREDENTIAL, true, "for carol@" REALM,
                    mechanism_shown(both_mechanisms[i]), "holds alice@" REALM " (kvno 1)",
                    "Hint: ", "a client keytab that has this user's key", NULL);
    }
}

static void a_missing_client_keytab_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(
            TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .keytab = realm_path("none.keytab")));

        check_error("missing client keytab", &error, TROTH_E_NO_CREDENTIAL, true, mechanism_shown(both_mechanisms[i]),
                    "none.keytab does not exist", "Hint: ", NULL);
    }
}

static void a_silent_kdc_port_is_no_kdc(void **state)
{
    (void)state;
    with_config("", realm_free_port());
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = carols_password(),
                                                   .name = {.principal = "carol@" REALM}));

        check_error("no KDC", &error, TROTH_E_NO_KDC, true, "for carol@" REALM, mechanism_shown(both_mechanisms[i]),
                    "Cannot contact any KDC for realm '" REALM "'", "Hint: ", "krb5.conf", "port 88", NULL);
        error = acquire_fails(TROTH_INITIATOR,
                              OPTIONS(.mechanism = both_mechanisms[i], .keytab = realm_env("TROTH_REALM_USER_KEYTAB"),
                                      .name = {.principal = "alice@" REALM}));
        check_error("no KDC, client keytab", &error, TROTH_E_NO_KDC, true, "for alice@" REALM,
                    mechanism_shown(both_mechanisms[i]), "Cannot contact any KDC", "Hint: ", NULL);
    }
}

static void a_realm_that_nobody_knows_is_no_kdc(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "whatever",
                                                   .name = {.principal = "carol@NOWHERE.TEST"}));

        check_error("unknown realm", &error, TROTH_E_NO_KDC, true, "for carol@NOWHERE.TEST",
                    mechanism_shown(both_mechanisms[i]), "Cannot find KDC for realm \"NOWHERE.TEST\"", "Hint: ", NULL);
    }
}

static void a_locked_user_is_denied(void **state)
{
    (void)state;
    realm_kadmin("addprinc -pw open-sesame +requires_preauth -allow_tix locked");
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "open-sesame",
                                                   .name = {.principal = "locked@" REALM}));

        check_error("locked user", &error, TROTH_E_DENIED, true, "for locked@" REALM,
                    mechanism_shown(both_mechanisms[i]), "credentials have been revoked", "Hint: ", "locked", NULL);
    }
}

static void an_expired_password_says_so(void **state)
{
    (void)state;
    realm_kadmin("addprinc -pw open-sesame +requires_preauth -pwexpire yesterday stalepw");
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "open-sesame",
                                                   .name = {.principal = "stalepw@" REALM}));

        check_error("expired password", &error, TROTH_E_EXPIRED, true, "for stalepw@" REALM,
                    mechanism_shown(both_mechanisms[i]), "Password has expired",
                    "Hint: the password has expired, or must be changed", NULL);
    }
}

static void an_expired_account_is_denied(void **state)
{
    (void)state;
    realm_kadmin("addprinc -pw open-sesame +requires_preauth -expire yesterday gone");
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = "open-sesame",
                                                   .name = {.principal = "gone@" REALM}));

        check_error("expired account", &error, TROTH_E_DENIED, true, "for gone@" REALM,
                    mechanism_shown(both_mechanisms[i]), "entry in database has expired", "Hint: ", "account", NULL);
    }
}

static void an_encryption_type_that_the_kdc_does_not_have_says_so(void **state)
{
    (void)state;
    with_config("permitted_enctypes = camellia256-cts-cmac", kdc_port());
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = carols_password(),
                                                   .name = {.principal = "carol@" REALM}));

        check_error("no common encryption type", &error, TROTH_E_ENCRYPTION, true, "for carol@" REALM,
                    mechanism_shown(both_mechanisms[i]), "encryption type", "Hint: ", "permitted_enctypes", NULL);
    }
}

static void a_configuration_without_encryption_types_says_so(void **state)
{
    (void)state;
    with_config("permitted_enctypes = rot13", kdc_port());
    for (size_t i = 0; i < 2; i++) {
        troth_error error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i], .password = carols_password(),
                                                   .name = {.principal = "carol@" REALM}));

        check_error("no encryption type at all", &error, TROTH_E_ENCRYPTION, true, "for carol@" REALM,
                    mechanism_shown(both_mechanisms[i]), "Hint: ", "permitted_enctypes", NULL);
    }
}

static void a_kdc_with_another_clock_says_so(void **state)
{
    static const char *const shifts[] = {"+3600s", "-3600s"};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_error error;

        /* Without this MIT takes the KDC's clock for its own, and nothing fails. */
        with_config("kdc_timesync = 0", shifted_kdc(shifts[i % 2]));
        error =
            acquire_fails(TROTH_INITIATOR, OPTIONS(.mechanism = both_mechanisms[i / 2], .password = carols_password(),
                                                   .name = {.principal = "carol@" REALM}));
        check_error(i % 2 == 0 ? "KDC's clock ahead" : "KDC's clock behind", &error, TROTH_E_CLOCK_SKEW, true,
                    "for carol@" REALM, mechanism_shown(both_mechanisms[i / 2]), "Clock skew too great",
                    "Hint: the clocks differ", NULL);
        end_processes(state);
    }
}

/* ---- acceptors ------------------------------------------------------------------------------------------------ */

static void a_missing_keytab_is_named(void **state)
{
    (void)state;
    setenv("KRB5_KTNAME", realm_path("none.keytab"), 1);
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(TROTH_ACCEPTOR, OPTIONS(.mechanism = both_mechanisms[i]));

        check_error("no keytab", &error, TROTH_E_NO_CREDENTIAL, true, "acquiring an acceptor credential",
                    "any service in the keytab", mechanism_shown(both_mechanisms[i]), "none.keytab",
                    "Hint: an acceptor needs a keytab that it may read", "KRB5_KTNAME", NULL);
        error = acquire_fails(TROTH_ACCEPTOR,
                              OPTIONS(.mechanism = both_mechanisms[i], .keytab = realm_path("other.keytab")));
        check_error("no keytab, named", &error, TROTH_E_NO_CREDENTIAL, true, "other.keytab", "Hint: ", NULL);
    }
}

static void a_keytab_that_is_none_is_named(void **state)
{
    const char *broken = file_with("broken.keytab", "this is no keytab\n");

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(TROTH_ACCEPTOR, OPTIONS(.mechanism = both_mechanisms[i], .keytab = broken));

        check_error("broken keytab", &error, TROTH_E_NO_CREDENTIAL, true, mechanism_shown(both_mechanisms[i]),
                    "broken.keytab is empty, damaged, or no keytab at all", "Hint: ", NULL);
    }
}

static void a_keytab_without_a_key_for_the_name_says_what_it_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = acquire_fails(
            TROTH_ACCEPTOR, OPTIONS(.mechanism = both_mechanisms[i], .name = {.service = "absent", .host = HOST}));

        check_error("no key for the name", &error, TROTH_E_NO_CREDENTIAL, true, "for absent@" HOST,
                    mechanism_shown(both_mechanisms[i]), "holds ", "troth/" HOST "@" REALM " (kvno 1)",
                    "host/" HOST "@" REALM " (kvno 1)", "Hint: an acceptor needs a keytab", NULL);
    }
}

/* ---- the configuration ---------------------------------------------------------------------------------------- */

/* Runs as nobody where this is root, so that what no other user may read is out of reach. */
static bool become_nobody(void)
{
    return geteuid() != 0 || seteuid(65534) == 0;
}

static void become_myself(void)
{
    assert_int_equal(seteuid(getuid()), 0);
}

static void a_keytab_that_may_not_be_read_says_so(void **state)
{
    (void)state;
    run(REALM_ARGV("cp", realm_env_path("TROTH_REALM_KEYTAB"), realm_path("secret.keytab")));
    run(REALM_ARGV("chmod", "0", realm_path("secret.keytab")));
    run(REALM_ARGV("chmod", "711", realm_path("")));
    with_config("", kdc_port());
    run(REALM_ARGV("chmod", "644", realm_env("KRB5_CONFIG")));
    for (size_t i = 0; i < 2; i++) {
        troth_error error;

        assert_true(become_nobody());
        error = acquire_fails(TROTH_ACCEPTOR,
                              OPTIONS(.mechanism = both_mechanisms[i], .keytab = realm_path("secret.keytab")));
        become_myself();
        check_error("unreadable keytab", &error, TROTH_E_NO_CREDENTIAL, true, mechanism_shown(both_mechanisms[i]),
                    "secret.keytab may not be read by this user", "Hint: ", NULL);
    }
}

static void a_configuration_that_may_not_be_read_says_so(void **state)
{
    static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};

    (void)state;
    run(REALM_ARGV("cp", realm_env("KRB5_CONFIG"), realm_path("secret.conf")));
    run(REALM_ARGV("chmod", "0", realm_path("secret.conf")));
    setenv("KRB5_CONFIG", realm_path("secret.conf"), 1);
    for (size_t i = 0; i < 4; i++) {
        troth_error error;

        assert_true(become_nobody());
        error = acquire_fails(roles[i % 2], OPTIONS(.mechanism = both_mechanisms[i / 2]));
        become_myself();
        check_error("unreadable krb5.conf", &error, TROTH_E_FAILURE, true, mechanism_shown(both_mechanisms[i / 2]),
                    "krb5_init_context", "Permission denied", "Hint: ", "krb5.conf", "KRB5_CONFIG", NULL);
    }
}

static void a_malformed_configuration_says_so(void **state)
{
    static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};

    (void)state;
    setenv("KRB5_CONFIG", file_with("malformed.conf", "[libdefaults\ndefault_realm = " REALM "\n") + 5, 1);
    for (size_t i = 0; i < 4; i++) {
        troth_error error = acquire_fails(roles[i % 2], OPTIONS(.mechanism = both_mechanisms[i / 2]));

        check_error("malformed krb5.conf", &error, TROTH_E_FAILURE, true, mechanism_shown(both_mechanisms[i / 2]),
                    "krb5_init_context", "Improper format of Kerberos configuration file", "krb5.conf", "Hint: ", NULL);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, fresh_surroundings, end_processes)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(without_a_ticket_it_says_how_to_get_one),
        CASE(a_ccache_that_is_none_is_no_credential),
        CASE(a_ccache_of_somebody_else_is_no_credential),
        CASE(an_ended_ticket_says_so),
        CASE(a_wrong_password_is_denied),
        CASE(a_wrong_password_is_denied_without_preauthentication_too),
        CASE(an_unknown_user_is_named),
        CASE(a_client_keytab_without_the_users_key_says_what_it_holds),
        CASE(a_missing_client_keytab_is_named),
        CASE(a_silent_kdc_port_is_no_kdc),
        CASE(a_realm_that_nobody_knows_is_no_kdc),
        CASE(a_locked_user_is_denied),
        CASE(an_expired_password_says_so),
        CASE(an_expired_account_is_denied),
        CASE(an_encryption_type_that_the_kdc_does_not_have_says_so),
        CASE(a_configuration_without_encryption_types_says_so),
        CASE(a_kdc_with_another_clock_says_so),
        CASE(a_missing_keytab_is_named),
        CASE(a_keytab_that_is_none_is_named),
        CASE(a_keytab_that_may_not_be_read_says_so),
        CASE(a_keytab_without_a_key_for_the_name_says_what_it_holds),
        CASE(a_configuration_that_may_not_be_read_says_so),
        CASE(a_malformed_configuration_says_so),
    };

    if (no_own_realm())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
