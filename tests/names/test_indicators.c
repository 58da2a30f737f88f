/*
 * test_indicators.c - how a peer got its ticket, as its KDC marks it: authentication indicators, from a second KDC of
 * the realm that takes SPAKE for better than an encrypted time.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "both.h"
#include "realm.h"
#include "troth/peer.h"

#define INDICATOR "spake"

static realm_process *kdc;

static void write_file(const char *path, const char *format, ...)
{
    FILE *stream = fopen(path, "w");
    va_list values;

    assert_non_null(stream);
    va_start(values, format);
    assert_true(vfprintf(stream, format, values) > 0);
    va_end(values);
    assert_int_equal(fclose(stream), 0);
}

/* The realm's own KDC offers no SPAKE: MIT's needs a group for it, in the [libdefaults] of its krb5.conf. */
static int start_kdc(void **state)
{
    const unsigned port = realm_free_port();
    char profile[1200];

    (void)state;
    write_file(realm_path("spake.krb5.conf"),
               "[libdefaults]\ndefault_realm = TROTH.TEST\ndns_canonicalize_hostname = false\ndns_lookup_kdc = false\n"
               "rdns = false\nspake_preauth_groups = edwards25519\n"
               "[realms]\nTROTH.TEST = {\nkdc = 127.0.0.1:%u\n}\n[domain_realm]\n.troth.test = TROTH.TEST\n",
               port);
    write_file(realm_path("spake.kdc.conf"),
               "[kdcdefaults]\nkdc_listen = 127.0.0.1:%u\nkdc_tcp_listen = 127.0.0.1:%u\n"
               "[realms]\nTROTH.TEST = {\ndatabase_name = %s\nkey_stash_file = %s\nspake_preauth_indicator = " INDICATOR
               "\n}\n[logging]\nkdc = FILE:%s\n",
               port, port, realm_path("principal"), realm_path("stash"), realm_path("spake.log"));
    assert_int_equal(setenv("KRB5_CONFIG", realm_path("spake.krb5.conf"), 1), 0);
    snprintf(profile, sizeof profile, "KRB5_KDC_PROFILE=%s", realm_path("spake.kdc.conf"));
    kdc = realm_process_start(REALM_ARGV("env", profile, "sh", "-c", "exec krb5kdc -n -r TROTH.TEST 2>&1"), -1);
    realm_process_line(kdc, "krb5kdc: starting...", REALM_DEADLINE);
    return 0;
}

static int end_kdc(void **state)
{
    (void)state;
    realm_process_kill(kdc);
    return 0;
}

/* A new ticket of the user with a password. Returns its ccache. */
static const char *ticket_by_password(void)
{
    static char ccache[1100];
    struct realm_result result;
    char password[256], line[260];

    snprintf(ccache, sizeof ccache, "FILE:%s", realm_path("indicated.ccache"));
    realm_read_line(realm_env("TROTH_REALM_PASSWORD_FILE"), password, sizeof password);
    snprintf(line, sizeof line, "%s\n", password);
    if (realm_run(REALM_ARGV("kinit", "-c", ccache, realm_env("TROTH_REALM_PASSWORD_USER")), line, REALM_DEADLINE,
                  &result) != 0)
        fail_msg("kinit: %s%s", result.out, result.err);
    realm_result_free(&result);
    return ccache;
}

static void how_the_peer_got_its_ticket_is_told_and_vouched_for(void **state)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};
    const char *ccache = ticket_by_password();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        troth_error error = TROTH_ERROR_INIT;
        struct both both;
        char value[64];
        size_t length = 0;
        int vouched = 0;

        both_complete(&both, mechanisms[i], ccache, NULL, realm_env("TROTH_REALM_KEYTAB"));
        if (troth_context_peer_attribute(both.acceptor, "auth-indicators", value, sizeof value, &length, &vouched,
                                         &error) != TROTH_OK)
            fail_msg("%s", error.text);
        assert_int_equal(vouched, 1);
        assert_int_equal(length, strlen(INDICATOR));
        assert_memory_equal(value, INDICATOR, length);
        both_free(&both);
    }
}

/* alice's is from the realm's own KDC, which marks nothing. */
static void a_ticket_that_no_kdc_marked_tells_nothing(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    struct both both;
    char value[64];
    size_t length = 1;

    (void)state;
    both_complete(&both, TROTH_MECHANISM_KERBEROS, realm_env("TROTH_REALM_CCACHE"), NULL,
                  realm_env("TROTH_REALM_KEYTAB"));
    assert_int_equal(
        troth_context_peer_attribute(both.acceptor, "auth-indicators", value, sizeof value, &length, NULL, &error),
        TROTH_E_UNAVAILABLE);
    assert_int_equal(length, 0);
    both_free(&both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(how_the_peer_got_its_ticket_is_told_and_vouched_for),
        cmocka_unit_test(a_ticket_that_no_kdc_marked_tells_nothing),
    };

    if (getenv("TROTH_REALM_EXTERNAL") != NULL) {
        puts("1..0 # SKIP a realm given from outside takes no second KDC");
        return 0;
    }
    return cmocka_run_group_tests(tests, start_kdc, end_kdc);
}
