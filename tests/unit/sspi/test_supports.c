/* test_supports.c - shows that the SSPI backend says beforehand what its provider and Wine leave out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripted.h"
#include "support.h"

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static troth_support supports(troth_feature feature)
{
    troth_support support = troth__supports(&scripted_backend, feature);

    script_assert_nothing_left();
    return support;
}

static void without_a_provider_nothing_is_supported(void **state)
{
    (void)state;
    script.missing = true;
    for (int feature = 1; strcmp(troth_feature_name((troth_feature)feature), "TROTH_FEATURE_?") != 0; feature++)
        assert_int_equal(supports((troth_feature)feature), TROTH_SUPPORT_NO);
}

static void a_mechanism_needs_its_package(void **state)
{
    (void)state;
    assert_int_equal(supports(TROTH_FEATURE_KERBEROS), TROTH_SUPPORT_YES);
    assert_int_equal(supports(TROTH_FEATURE_NEGOTIATE), TROTH_SUPPORT_YES);
    script_reset();
    script.fail_at = 1;
    script.fail_with = SEC_E_SECPKG_NOT_FOUND;
    assert_int_equal(supports(TROTH_FEATURE_KERBEROS), TROTH_SUPPORT_NO);
}

/* Each answer is what the call itself says: test_credential.c, wine_refuses_bindings_that_it_would_drop. */
static void wine_is_said_to_have_no_bindings(void **state)
{
    (void)state;
    assert_int_equal(supports(TROTH_FEATURE_BINDINGS), TROTH_SUPPORT_YES);
    assert_int_equal(supports(TROTH_FEATURE_BINDINGS_REQUIRED), TROTH_SUPPORT_YES);
    script.wine = true;
    assert_int_equal(supports(TROTH_FEATURE_BINDINGS), TROTH_SUPPORT_NO);
    assert_int_equal(supports(TROTH_FEATURE_BINDINGS_REQUIRED), TROTH_SUPPORT_NO);
    assert_int_equal(supports(TROTH_FEATURE_NEGOTIATE), TROTH_SUPPORT_UNKNOWN);
}

/* An ntlm_auth that is there need not be able to accept; no package of Wine 8.0 has access tokens. */
static void wine_is_not_said_to_have_what_it_may_lack(void **state)
{
    (void)state;
    assert_int_equal(supports(TROTH_FEATURE_NTLM), TROTH_SUPPORT_YES);
    assert_int_equal(supports(TROTH_FEATURE_GROUP_SIDS), TROTH_SUPPORT_YES);
    script.wine = true;
    assert_int_equal(supports(TROTH_FEATURE_NTLM), TROTH_SUPPORT_UNKNOWN);
    assert_int_equal(supports(TROTH_FEATURE_GROUP_SIDS), TROTH_SUPPORT_NO);
}

static const SecurityFunctionTableW *bare_functions(void)
{
    static SecurityFunctionTableW bare;

    bare = *troth__sspi_native_here.functions();
    bare.QuerySecurityContextToken = NULL;
    bare.RevertSecurityContext = NULL;
    bare.ImportSecurityContextW = NULL;
    return &bare;
}

static void a_call_that_the_providers_table_lacks_is_said_to_be_absent(void **state)
{
    static const troth_feature lacking[] = {TROTH_FEATURE_GROUP_SIDS, TROTH_FEATURE_IMPERSONATION,
                                            TROTH_FEATURE_CONTEXT_EXPORT};
    const struct troth__sspi_native *usual = scripted_backend.native;
    struct troth__sspi_native odd = *usual;
    troth__backend backend = scripted_backend;

    (void)state;
    odd.functions = bare_functions;
    backend.native = &odd;
    for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
        assert_int_not_equal(supports(lacking[i]), TROTH_SUPPORT_NO);
        assert_int_equal(troth__supports(&backend, lacking[i]), TROTH_SUPPORT_NO);
    }
}

static void what_a_provider_is_known_to_lack_is_said_to_be_absent(void **state)
{
    const struct troth__sspi_native *usual = scripted_backend.native;
    struct troth__sspi_native odd = *usual;
    troth__backend backend = scripted_backend;

    (void)state;
    odd.lacks = UINT64_C(1) << TROTH_FEATURE_BINDINGS;
    backend.native = &odd;
    assert_int_equal(troth__supports(&backend, TROTH_FEATURE_BINDINGS), TROTH_SUPPORT_NO);
    assert_int_equal(troth__supports(&backend, TROTH_FEATURE_BINDINGS_REQUIRED), TROTH_SUPPORT_YES);
}

static void what_is_no_part_of_windows_is_said_not_to_be(void **state)
{
    static const troth_feature absent[] = {TROTH_FEATURE_ACCEPTOR_KEYTAB, TROTH_FEATURE_INITIATOR_KEYTAB,
                                           TROTH_FEATURE_CCACHE};

    (void)state;
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        assert_int_equal(supports(absent[i]), TROTH_SUPPORT_NO);
}

#define NAME(test) cmocka_unit_test_setup(test, reset)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAME(without_a_provider_nothing_is_supported),
        NAME(a_mechanism_needs_its_package),
        NAME(wine_is_said_to_have_no_bindings),
        NAME(wine_is_not_said_to_have_what_it_may_lack),
        NAME(a_call_that_the_providers_table_lacks_is_said_to_be_absent),
        NAME(what_a_provider_is_known_to_lack_is_said_to_be_absent),
        NAME(what_is_no_part_of_windows_is_said_not_to_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
