/*
 * test_hostile.c - principals of every kind against a real KDC, and those that only another realm's could send: each
 * name means one person, in every form that is told of it.
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
#include <gssapi/gssapi_krb5.h>

#include "both.h"
#include "forge.h"
#include "realm.h"
#include "troth/peer.h"

#define LONGEST 4096
#define REALM "TROTH.TEST"

static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};

/* What must be told of a name. */
struct expected {
    const char *display; /* without "@TROTH.TEST" */
    const char *user;    /* NULL: the parts are not told */
    const char *account; /* NULL: it has none */
};

/* Every exported name that the running test has seen. */
static struct {
    uint8_t bytes[2 * LONGEST];
    size_t length;
} seen[64];
static size_t seen_count;

static int setup(void **state)
{
    (void)state;
    seen_count = 0;
    return 0;
}

/* What others make of it: a list may have been made with any GSSAPI program. */
static void assert_exported_by_all(const char *display, const uint8_t *bytes, size_t length)
{
    gss_buffer_desc text = {strlen(display), NULL}, exported;
    gss_name_t name, canonical;
    OM_uint32 minor;

    memcpy(&text.value, &display, sizeof text.value);
    assert_int_equal(gss_import_name(&minor, &text, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &name), GSS_S_COMPLETE);
    assert_int_equal(gss_canonicalize_name(&minor, name, (gss_OID)gss_mech_krb5, &canonical), GSS_S_COMPLETE);
    assert_int_equal(gss_export_name(&minor, canonical, &exported), GSS_S_COMPLETE);
    assert_int_equal(exported.length, length);
    assert_memory_equal(exported.value, bytes, length);
    gss_release_buffer(&minor, &exported);
    gss_release_name(&minor, &canonical);
    gss_release_name(&minor, &name);
}

/* The same at every handshake of this principal (again: it was the last one), and no other's. */
static void assert_export_name(troth_context *context, const char *display, bool again)
{
    static uint8_t bytes[2 * LONGEST];
    troth_error error = TROTH_ERROR_INIT;
    size_t length = 0;

    assert_int_equal(troth_context_peer_export_name(context, bytes, sizeof bytes, &length, &error), TROTH_OK);
    assert_exported_by_all(display, bytes, length);
    for (size_t i = 0; i < seen_count; i++) {
        const bool same = seen[i].length == length && memcmp(seen[i].bytes, bytes, length) == 0;

        if (same != (again && i == seen_count - 1)) {
            fail_msg("the exported name of %.80s is that of another", display);
        }
    }
    if (!again) {
        assert_true(seen_count < sizeof seen / sizeof seen[0]);
        memcpy(seen[seen_count].bytes, bytes, length);
        seen[seen_count++].length = length;
    }
}

static void assert_account(troth_context *context, const char *display, const char *account)
{
    troth_error error = TROTH_ERROR_INIT;
    char told[LONGEST + 1] = "";
    size_t length = 0;
    troth_status status = troth_context_peer_local_name(context, told, sizeof told, &length, &error);

    if (account != NULL) {
        assert_int_equal(status, TROTH_OK);
        assert_string_equal(told, account);
    } else if (status != TROTH_E_NAME && status != TROTH_E_UNAVAILABLE && status != TROTH_E_FAILURE) {
        fail_msg("%.80s has the account \"%.80s\": %s", display, told, troth_status_name(status));
    }
}

static void assert_parts(troth_context *context, const char *display, const char *user)
{
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status = troth_context_peer_principal(context, &principal, &error);

    if (status != (user != NULL ? TROTH_OK : TROTH_E_NAME)) {
        fail_msg("%.80s: %s", display, status == TROTH_OK ? principal.user : error.text);
    }
    assert_string_equal(principal.user, user != NULL ? user : "");
}

/* A handshake with each mechanism, and all that is told of the initiator. */
static void assert_told(const char *ccache, const char *display, const char *user, const char *account)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        struct both both;
        const char *name = NULL;

        both_complete(&both, mechanisms[i], ccache, NULL, NULL);
        assert_int_equal(troth_context_peer_name(both.acceptor, &name, NULL), TROTH_OK);
        assert_string_equal(name, display);
        assert_parts(both.acceptor, display, user);
        assert_account(both.acceptor, display, account);
        assert_export_name(both.acceptor, display, i > 0);
        both_free(&both);
    }
}

static void kadmin(const char *const *arguments)
{
    struct realm_result result;

    if (realm_run(arguments, NULL, REALM_DEADLINE, &result) != 0 || strstr(result.err, "while") != NULL) {
        fail_msg("%s", result.err);
    }
    realm_result_free(&result);
}

/* A user of the real KDC's, with a ticket for the service from the KDC itself. */
static void known_to_the_kdc(const struct expected *expected, const char *ccache)
{
    struct realm_result result;

    kadmin(REALM_ARGV("kadmin.local", "addprinc", "-pw", "of a hostile name", expected->display));
    /* Not by way of a TGT: MIT 1.20.1's KDC takes its own PAC in that for another's where a component has a slash. */
    if (realm_run(REALM_ARGV("kinit", "-S", BOTH_SERVICE, "-c", ccache, "--", expected->display), "of a hostile name\n",
                  REALM_DEADLINE, &result) != 0) {
        fail_msg("kinit %.80s: %s", expected->display, result.err);
    }
    realm_result_free(&result);
}

static void every_name_that_the_kdc_takes_means_one_person(void **state)
{
    static char longest[1900];
    static const struct expected names[] = {
        {"root", "root", "root"},
        {"a/b", "a/b", NULL},
        {"a\\/b", NULL, NULL},
        {"a\\@b", NULL, NULL},
        {"a\\@b\\/c", NULL, NULL},
        {"back\\\\slash", NULL, NULL},
        {"nl\\nx", NULL, NULL},
        {"tab\\tx", NULL, NULL},
        {"bs\\bx", NULL, NULL},
        {"root\\0", NULL, NULL},
        {"root\\0x", NULL, NULL},
        {"..\\/..\\/etc\\/passwd", NULL, NULL},
        {"../../etc/passwd", "../../etc/passwd", NULL},
        {"..", "..", NULL},
        {"a:b", "a:b", NULL},
        {"esc\x1b[31m", NULL, NULL},
        {"with space", "with space", "with space"},
        {" lead", " lead", " lead"},
        {"\"quoted\"", "\"quoted\"", "\"quoted\""},
        {"$(id)", "$(id)", "$(id)"},
        {"%s%n", "%s%n", "%s%n"},
        {"ROOT", "ROOT", "ROOT"},
        {"b\xc3\xbc", "b\xc3\xbc", "b\xc3\xbc"},
        {"bu\xcc\x88", "bu\xcc\x88", "bu\xcc\x88"}, /* looks the same, and is another one */
        {"\xe6\x97\xa5\xe6\x9c\xac/\xe7\xae\xa1", "\xe6\x97\xa5\xe6\x9c\xac/\xe7\xae\xa1", NULL},
        {"rtl\xe2\x80\xae", "rtl\xe2\x80\xae", "rtl\xe2\x80\xae"},
        {longest, NULL, longest},
    };
    char ccache[512], display[2000];

    (void)state;
    memset(longest, 'n', sizeof longest - 1);
    snprintf(ccache, sizeof ccache, "FILE:%s", realm_path("hostile.ccache"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        known_to_the_kdc(&names[i], ccache);
        snprintf(display, sizeof display, "%s@" REALM, names[i].display);
        assert_told(ccache, display, names[i].user, names[i].account);
    }
}

/* Whoever has the key of a trusted realm writes what he likes into its tickets. */
static void every_name_that_another_realm_sends_means_one_person(void **state)
{
    static char longest[LONGEST];
    static const struct {
        struct forge_text user, realm;
        const char *display, *shown_user, *account;
    } names[] = {
        {FORGE_TEXT("latin\xff"), FORGE_TEXT(REALM), "latin\xff@" REALM, NULL, NULL},
        {FORGE_TEXT(""), FORGE_TEXT(REALM), "@" REALM, NULL, NULL},
        {FORGE_TEXT("root\0"), FORGE_TEXT(REALM), "root\\0@" REALM, NULL, NULL},
        {FORGE_TEXT("\0root"), FORGE_TEXT(REALM), "\\0root@" REALM, NULL, NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT("troth.test"), "alice@troth.test", "alice", NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT("odd realm"), "alice@odd realm", "alice", NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT("A/B"), "alice@A\\/B", NULL, NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT("X@" REALM), "alice@X\\@" REALM, NULL, NULL},
        {FORGE_TEXT("alice@X"), FORGE_TEXT(REALM), "alice\\@X@" REALM, NULL, NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT(REALM "\0X"), "alice@" REALM "\\0X", NULL, NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT(REALM "\nX"), "alice@" REALM "\\nX", NULL, NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT("back\\"), "alice@back\\\\", NULL, NULL},
        {FORGE_TEXT("alice"), FORGE_TEXT("latin\xff"), "alice@latin\xff", NULL, NULL},
        {{longest, LONGEST - 1}, FORGE_TEXT("ELSEWHERE"), NULL, NULL, NULL},
        {FORGE_TEXT("alice"), {longest, LONGEST - 1}, NULL, NULL, NULL},
    };
    static char made[2 * LONGEST];

    (void)state;
    memset(longest, 'n', LONGEST - 1);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct forge_wanted wanted = {names[i].user, names[i].realm, BOTH_SERVICE, NULL, NULL};
        char ccache[64];

        snprintf(ccache, sizeof ccache, "MEMORY:hostile-%zu", i);
        snprintf(made, sizeof made, "%s@%s", names[i].user.bytes, names[i].realm.bytes);
        forge_ccache(&wanted, ccache);
        assert_told(ccache, names[i].display != NULL ? names[i].display : made, names[i].shown_user, names[i].account);
    }
}

static void a_service_may_have_any_name_too(void **state)
{
    static const struct expected names[] = {
        {"a/b/server.troth.test", "a/b/server.troth.test", NULL},
        {"a\\/b/server.troth.test", NULL, NULL},
        {"a\\@b/server.troth.test", NULL, NULL},
        {"b\xc3\xbc/server.troth.test", "b\xc3\xbc/server.troth.test", NULL},
        {"with space/server.troth.test", "with space/server.troth.test", NULL},
        {"nul\\0/server.troth.test", NULL, NULL},
        {"one", "one", "one"},
    };
    char keytab[512];

    (void)state;
    snprintf(keytab, sizeof keytab, "FILE:%s", realm_path("hostile.keytab"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        kadmin(REALM_ARGV("kadmin.local", "addprinc", "-randkey", names[i].display));
        kadmin(REALM_ARGV("kadmin.local", "ktadd", "-k", keytab, "-norandkey", names[i].display));
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct both both;
        const char *name = NULL;
        char display[128];

        snprintf(display, sizeof display, "%s@" REALM, names[i].display);
        both_complete(&both, mechanisms[i % 2], realm_env("TROTH_REALM_CCACHE"), display, keytab);
        assert_int_equal(troth_context_peer_name(both.initiator, &name, NULL), TROTH_OK);
        assert_string_equal(name, display);
        assert_int_equal(troth_context_target_name(both.acceptor, &name, NULL), TROTH_OK);
        assert_string_equal(name, display);
        assert_parts(both.initiator, display, names[i].user);
        assert_account(both.initiator, display, names[i].account);
        assert_export_name(both.initiator, display, false);
        both_free(&both);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_name_that_the_kdc_takes_means_one_person, setup),
        cmocka_unit_test_setup(every_name_that_another_realm_sends_means_one_person, setup),
        cmocka_unit_test_setup(a_service_may_have_any_name_too, setup),
    };

    return cmocka_run_group_tests_name("hostile names", tests, NULL, NULL);
}
