/* test_credential.c - the SSPI backend's credentials, its names between UTF-8 and UTF-16, and its native codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripted.h"
#include "sspi/internal.h"
#include "support.h"

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static troth_status acquire(troth_role role, const troth_credential_options *options, troth_error *error)
{
    troth_credential *credential = NULL;
    troth_status status = troth__credential_acquire(&scripted_backend, role, options, &credential, error);

    assert_true((status == TROTH_OK) == (credential != NULL));
    troth_credential_free(credential);
    script_assert_nothing_left();
    return status;
}

static void ntlm_is_kept_out_by_a_list_also_with_default_credentials(void **state)
{
    static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        script_reset();
        assert_int_equal(acquire(roles[i], NULL, NULL), TROTH_OK);
        assert_true(wcscmp(script.package_asked, L"Negotiate") == 0);
        assert_true(script.identity);
        assert_int_equal(script.version, SEC_WINNT_AUTH_IDENTITY_VERSION);
        assert_int_equal(script.identity_flags, SEC_WINNT_AUTH_IDENTITY_UNICODE);
        assert_true(wcscmp(script.identity_packages, L"Kerberos") == 0);
        assert_false(script.has_user);
        assert_false(script.has_principal);
        assert_int_equal(script.use, i == 0 ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND);
    }
}

static void kerberos_alone_is_its_own_package(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    (void)state;
    options.mechanism = TROTH_MECHANISM_KERBEROS;
    assert_int_equal(acquire(TROTH_INITIATOR, &options, NULL), TROTH_OK);
    assert_true(wcscmp(script.package_asked, L"Kerberos") == 0);
    assert_false(script.identity);
}

static void a_user_comes_apart_into_name_and_domain(void **state)
{
    static const struct {
        const char *principal;
        const WCHAR *user;
        const WCHAR *domain;
    } cases[] = {
        {"alice@EXAMPLE.COM", L"alice", L"EXAMPLE.COM"},
        {"EXAMPLE\\alice", L"alice", L"EXAMPLE"},
        {"alice", L"alice", L""},
        {"alice@corp.test@EXAMPLE.COM", L"alice@corp.test", L"EXAMPLE.COM"},
        {"J\xc3\xbcrgen\xf0\x9f\x98\x80@EXAMPLE.COM", L"J\u00fcrgen\xD83D\xDE00", L"EXAMPLE.COM"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

        script_reset();
        options.name.principal = cases[i].principal;
        options.password = "Pa\xc3\x9fwort";
        assert_int_equal(acquire(TROTH_INITIATOR, &options, NULL), TROTH_OK);
        assert_true(wcscmp(script.identity_user, cases[i].user) == 0);
        assert_true(wcscmp(script.identity_domain, cases[i].domain) == 0);
        assert_true(wcscmp(script.identity_password, L"Pa\u00dfwort") == 0);
        assert_true(wcscmp(script.identity_packages, L"Kerberos") == 0);
        assert_false(script.has_principal);
    }
}

#if defined(TROTH_TEST_WRAP)
static void the_wide_copy_of_a_password_is_wiped(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    int i;

    (void)state;
    options.name.principal = "alice@EXAMPLE.COM";
    options.password = "secret";
    for (i = 0; i < 3; i++) {
        script_reset();
        script.wine = i == 1;
        script.refuse_identity = i == 2;
        /* Every block that goes back is looked through for the password. */
        support_memory_watch(L"secret", 6 * sizeof(WCHAR));
        assert_int_equal(acquire(TROTH_INITIATOR, &options, NULL), i == 2 ? TROTH_E_DENIED : TROTH_OK);
        assert_true(wcscmp(script.identity_password, L"secret") == 0);
        assert_int_equal(support_memory_held(), 0);
        assert_int_equal(support_memory_unwiped(), 0);
        support_memory_watch(NULL, 0);
    }
}
#endif

static void text_that_is_not_utf_8_is_refused(void **state)
{
    static const char *const broken[] = {"\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

        script_reset();
        options.name.principal = "alice@EXAMPLE.COM";
        options.password = broken[i];
        assert_int_equal(acquire(TROTH_INITIATOR, &options, NULL), TROTH_E_NAME);
        options.name.principal = broken[i];
        options.password = "x";
        assert_int_equal(acquire(TROTH_INITIATOR, &options, NULL), TROTH_E_NAME);
        assert_false(script.identity);
    }
}

static void an_acceptors_name_becomes_its_principal(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    (void)state;
    options.name.service = "http";
    options.name.host = "www.example.com";
    assert_int_equal(acquire(TROTH_ACCEPTOR, &options, NULL), TROTH_OK);
    assert_true(wcscmp(script.principal, L"http/www.example.com") == 0);
}

static void what_windows_does_not_have_is_said_to_be_so(void **state)
{
    troth_credential_options keytab = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential_options ccache = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential_options other = TROTH_CREDENTIAL_OPTIONS_INIT;

    (void)state;
    keytab.keytab = "FILE:/etc/krb5.keytab";
    assert_int_equal(acquire(TROTH_ACCEPTOR, &keytab, NULL), TROTH_E_UNSUPPORTED);
    keytab.keytab = NULL;
    keytab.keytab_data = "\5\2";
    keytab.keytab_length = 2;
    assert_int_equal(acquire(TROTH_ACCEPTOR, &keytab, NULL), TROTH_E_UNSUPPORTED);
    assert_int_equal(acquire(TROTH_INITIATOR, &keytab, NULL), TROTH_E_UNSUPPORTED);
    ccache.ccache = "FILE:/tmp/krb5cc_0";
    assert_int_equal(acquire(TROTH_INITIATOR, &ccache, NULL), TROTH_E_UNSUPPORTED);
    ccache.ccache = NULL;
    ccache.ccache_data = "\5\4";
    ccache.ccache_length = 2;
    assert_int_equal(acquire(TROTH_INITIATOR, &ccache, NULL), TROTH_E_UNSUPPORTED);
    other.name.principal = "somebody.else@EXAMPLE.COM";
    assert_int_equal(acquire(TROTH_INITIATOR, &other, NULL), TROTH_E_UNSUPPORTED);
    other.name.principal = "http/www.example.com";
    other.flags = TROTH_CREDENTIAL_PROXY;
    assert_int_equal(acquire(TROTH_ACCEPTOR, &other, NULL), TROTH_E_UNSUPPORTED);
    assert_int_equal(script.calls, 0);
    script.missing = true;
    assert_int_equal(acquire(TROTH_INITIATOR, NULL, NULL), TROTH_E_UNSUPPORTED);
}

static void wine_gets_the_plain_structure_and_kerberos(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    (void)state;
    script.wine = true;
    assert_int_equal(acquire(TROTH_ACCEPTOR, NULL, NULL), TROTH_OK);
    assert_true(wcscmp(script.package_asked, L"Kerberos") == 0);
    assert_false(script.identity);
    options.name.principal = "alice@EXAMPLE.COM";
    options.password = "secret";
    assert_int_equal(acquire(TROTH_INITIATOR, &options, NULL), TROTH_OK);
    assert_true(script.identity);
    assert_int_equal(script.version, 0);
    assert_true(wcscmp(script.identity_password, L"secret") == 0);
}

static void wine_refuses_bindings_that_it_would_drop(void **state)
{
    static const troth_bindings bindings = {.application_data = "tls-exporter:x", .application_data_length = 14};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential;
    troth_context *context;

    (void)state;
    script.wine = true;
    credential = script_credential(TROTH_ACCEPTOR);
    options.bindings = &bindings;
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_E_UNSUPPORTED);
    troth_credential_free(credential);
    script_assert_nothing_left();
}

static void text_survives_the_way_there_and_back(void **state)
{
    static const char text[] = "a\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf.";
    static const WCHAR lone[] = {'x', 0xD800, 'y', 0xDC00, 0xD801, 0};
    troth_error error = TROTH_ERROR_INIT;
    char narrow[16];
    WCHAR *wide;
    size_t units;
    char *back;

    (void)state;
    assert_int_equal(troth__sspi_wide_new(text, sizeof text - 1, "text", &wide, &units, &error), TROTH_OK);
    assert_int_equal(units, 10);
    assert_int_equal(wide[units], 0);
    back = troth__sspi_narrow_new(wide);
    assert_string_equal(back, text);
    troth__free(back);
    troth__sspi_wide_free(wide);
    back = troth__sspi_narrow_new(lone);
    assert_string_equal(back, "x\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd");
    troth__free(back);
    troth__sspi_narrow(lone, 5, narrow, 4);
    assert_string_equal(narrow, "x");
    troth__sspi_narrow(lone, 5, narrow, 5);
    assert_string_equal(narrow, "x\xef\xbf\xbd");
}

static void every_code_has_its_class(void **state)
{
    static const struct {
        uint32_t code;
        troth_status status;
    } cases[] = {
        {0x80090300, TROTH_E_MEMORY},     {0x80090302, TROTH_E_FAILURE},         {0x80090303, TROTH_E_UNKNOWN_TARGET},
        {0x80090304, TROTH_E_FAILURE},    {0x80090305, TROTH_E_MECHANISM},       {0x80090308, TROTH_E_BAD_TOKEN},
        {0x8009030C, TROTH_E_DENIED},     {0x8009030D, TROTH_E_NO_CREDENTIAL},   {0x8009030E, TROTH_E_NO_CREDENTIAL},
        {0x8009030F, TROTH_E_ALTERED},    {0x80090310, TROTH_E_OUT_OF_SEQUENCE}, {0x80090311, TROTH_E_NO_KDC},
        {0x80090317, TROTH_E_EXPIRED},    {0x80090318, TROTH_E_BAD_TOKEN},       {0x80090321, TROTH_E_FAILURE},
        {0x80090322, TROTH_E_WRONG_KEY},  {0x80090324, TROTH_E_CLOCK_SKEW},      {0x80090330, TROTH_E_ALTERED},
        {0x80090331, TROTH_E_ENCRYPTION}, {0x80090342, TROTH_E_ENCRYPTION},      {0x80090346, TROTH_E_BINDINGS},
        {0x80090348, TROTH_E_WRONG_KEY},  {0x80090363, TROTH_E_WRONG_KEY},       {0xC000005E, TROTH_E_NO_KDC},
        {0xC000006A, TROTH_E_DENIED},     {0xC000006D, TROTH_E_DENIED},          {0xC0000133, TROTH_E_CLOCK_SKEW},
        {0xC0000001, TROTH_E_FAILURE},    {0x8009FFFF, TROTH_E_FAILURE},         {0x00090317, TROTH_E_EXPIRED},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        size_t length;

        script_reset();
        script.steps[0].status = (SECURITY_STATUS)cases[i].code;
        script.steps[0].token = NULL;
        script.steps[0].length = 0;
        context = script_context(TROTH_INITIATOR);
        if (script_step_context(context, false, &length, &error) != cases[i].status)
            fail_msg("0x%08lx became %s", (unsigned long)cases[i].code, troth_status_name(error.status));
        assert_int_equal(error.native_major, cases[i].code);
        assert_int_equal(error.native_minor, 0);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

static void the_systems_words_are_told_in_utf_8(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    script.fail_at = 2;
    script.fail_with = SEC_E_NO_CREDENTIALS;
    assert_int_equal(acquire(TROTH_INITIATOR, NULL, &error), TROTH_E_NO_CREDENTIAL);
    assert_non_null(strstr(error.text, "SEC_E_NO_CREDENTIALS (0x8009030E): Gr\xc3\xbc\xc3\x9f"
                                       "e vom System"));
    assert_null(strchr(error.text, '\n'));
}

static void names_are_told_or_said_to_be_unavailable(void **state)
{
    static const struct {
        troth_role role;
        SECURITY_STATUS native;
        const WCHAR *client;
        const WCHAR *server;
        const WCHAR *user;
        const char *peer; /* NULL: unavailable */
        const char *target;
    } cases[] = {
        {TROTH_ACCEPTOR, SEC_E_OK, L"alice@E.COM", L"http/w@E.COM", NULL, "alice@E.COM", "http/w@E.COM"},
        {TROTH_INITIATOR, SEC_E_OK, L"alice@E.COM", L"http/w@E.COM", NULL, "http/w@E.COM", "http/w@E.COM"},
        {TROTH_ACCEPTOR, SEC_E_UNSUPPORTED_FUNCTION, NULL, NULL, L"E\\\u00e4", "E\\\xc3\xa4", NULL},
        {TROTH_ACCEPTOR, SEC_E_OK, L"", NULL, L"E\\alice", "E\\alice", NULL},
        {TROTH_ACCEPTOR, SEC_E_OK, L"", L"", L"", NULL, NULL},
        /* NAMES tells the initiator of itself: it is not its peer. */
        {TROTH_INITIATOR, SEC_E_UNSUPPORTED_FUNCTION, NULL, NULL, L"E\\alice", NULL, NULL},
        {TROTH_INITIATOR, SEC_E_OK, L"alice@E.COM", NULL, L"E\\alice", NULL, NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context *context;
        const char *name;
        size_t length;

        script_reset();
        script.native_names = cases[i].native;
        script.client = cases[i].client;
        script.server = cases[i].server;
        script.user = cases[i].user;
        script.steps[0].flags = cases[i].role == TROTH_ACCEPTOR ? script_asc_all : script_isc_all;
        context = script_context(cases[i].role);
        assert_int_equal(script_step_context(context, cases[i].role == TROTH_ACCEPTOR, &length, NULL), TROTH_OK);
        assert_int_equal(troth_context_peer_name(context, &name, NULL),
                         cases[i].peer != NULL ? TROTH_OK : TROTH_E_UNAVAILABLE);
        if (cases[i].peer != NULL)
            assert_string_equal(name, cases[i].peer);
        assert_int_equal(troth_context_target_name(context, &name, NULL),
                         cases[i].target != NULL ? TROTH_OK : TROTH_E_UNAVAILABLE);
        if (cases[i].target != NULL)
            assert_string_equal(name, cases[i].target);
        troth_context_free(context);
        script_assert_nothing_left();
    }
}

#define NAME(test) cmocka_unit_test_setup(test, reset)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAME(ntlm_is_kept_out_by_a_list_also_with_default_credentials),
        NAME(kerberos_alone_is_its_own_package),
        NAME(a_user_comes_apart_into_name_and_domain),
#if defined(TROTH_TEST_WRAP)
        NAME(the_wide_copy_of_a_password_is_wiped),
#endif
        NAME(text_that_is_not_utf_8_is_refused),
        NAME(an_acceptors_name_becomes_its_principal),
        NAME(what_windows_does_not_have_is_said_to_be_so),
        NAME(wine_gets_the_plain_structure_and_kerberos),
        NAME(wine_refuses_bindings_that_it_would_drop),
        NAME(text_survives_the_way_there_and_back),
        NAME(every_code_has_its_class),
        NAME(the_systems_words_are_told_in_utf_8),
        NAME(names_are_told_or_said_to_be_unavailable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
