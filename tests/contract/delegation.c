/* delegation.c - contract: what is handed on, when, and what can be done with it; what a credential tells of itself. */
#include "troth/delegation.h"

#include <stdio.h>

#include "contract.h"

static troth_context_options keeping(void)
{
    troth_context_options options = acceptor_options();

    options.flags = TROTH_KEEP_DELEGATED;
    return options;
}

/* SSPI's one answer to these. */
static void need_gssapi(troth_feature feature)
{
    if (troth_supports(feature) == TROTH_SUPPORT_NO)
        skip_because("troth_supports says that this provider cannot");
}

static bool external_realm(void)
{
    const char *external = getenv("TROTH_REALM_EXTERNAL");

    return external != NULL && external[0] != '\0';
}

static struct pair delegating_pair(troth_delegate delegate, const char *service)
{
    troth_context_options ours = initiator_options(), theirs = keeping();

    ours.delegate = delegate;
    if (service != NULL)
        ours.target.service = service;
    return complete_pair(&ours, &theirs);
}

static bool delegated(troth_context *context)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    return (info.properties & TROTH_DELEGATED) != 0;
}

static troth_credential *taken(troth_context *acceptor)
{
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (troth_context_delegated_credential(acceptor, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_non_null(credential);
    return credential;
}

static void assert_nothing_came(const struct pair *pair)
{
    troth_credential *credential = NULL;

    assert_false(delegated(pair->initiator));
    assert_false(delegated(pair->acceptor));
    assert_int_equal(troth_context_delegated_credential(pair->acceptor, &credential, NULL), TROTH_E_UNAVAILABLE);
    assert_null(credential);
}

/* A conversation with the service by this credential comes from the realm's user. */
static void assert_acts_as_user(troth_credential *credential)
{
    troth_context_options options = initiator_options();
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = {NULL, NULL};

    if (troth_context_new(credential, &options, &pair.initiator, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    pair.acceptor = context_new(TROTH_ACCEPTOR, under_test, NULL);
    handshake(&pair);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

static void nothing_is_handed_on_unless_asked_for(void **state)
{
    struct pair pair;

    (void)state;
    need_gssapi(TROTH_FEATURE_DELEGATED_CREDENTIAL);
    pair = delegating_pair(TROTH_DELEGATE_NEVER, NULL);
    assert_nothing_came(&pair);
    pair_free(&pair);
}

static void the_acceptor_acts_as_the_user_with_what_was_handed_on(void **state)
{
    const char *name = NULL;
    troth_credential_info info = TROTH_CREDENTIAL_INFO_INIT;
    troth_credential *credential;
    struct pair pair;

    (void)state;
    need_gssapi(TROTH_FEATURE_DELEGATE_ALWAYS);
    pair = delegating_pair(TROTH_DELEGATE_ALWAYS, NULL);
    assert_true(delegated(pair.initiator));
    assert_true(delegated(pair.acceptor));
    credential = taken(pair.acceptor);
    pair_free(&pair);
    assert_acts_as_user(credential); /* it lives without the context */
    assert_acts_as_user(credential);
    assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_OK);
    assert_string_equal(name, realm_user());
    assert_int_equal(troth_credential_info_get(credential, &info, NULL), TROTH_OK);
    assert_int_equal(info.role, TROTH_INITIATOR);
    assert_true(info.remaining > 0 && info.expiry != TROTH_NEVER);
    troth_credential_free(credential);
}

static void policy_decides_where_it_is_asked(void **state)
{
    troth_credential *credential;
    struct pair pair;

    (void)state;
    need_gssapi(TROTH_FEATURE_DELEGATED_CREDENTIAL);
    pair = delegating_pair(TROTH_DELEGATE_BY_POLICY, NULL);
    assert_nothing_came(&pair);
    pair_free(&pair);
    if (external_realm())
        skip_because("a realm given from outside has no trusted service that we know of");
    pair = delegating_pair(TROTH_DELEGATE_BY_POLICY, "second");
    assert_true(delegated(pair.acceptor));
    credential = taken(pair.acceptor);
    assert_acts_as_user(credential);
    troth_credential_free(credential);
    pair_free(&pair);
}

static void delegation_always_is_refused_where_it_cannot_be_had(void **state)
{
    troth_context_options options = initiator_options();
    troth_context *context = NULL;

    (void)state;
    if (troth_supports(TROTH_FEATURE_DELEGATE_ALWAYS) != TROTH_SUPPORT_NO)
        skip_because("this provider can delegate always");
    options.delegate = TROTH_DELEGATE_ALWAYS;
    assert_int_equal(troth_context_new(credential_of(TROTH_INITIATOR, under_test), &options, &context, NULL),
                     TROTH_E_UNSUPPORTED);
    assert_null(context);
}

/* Each call gives a credential of its own, and threads share one. */
static void act(void *argument)
{
    troth_credential *credential = *(troth_credential **)argument;
    troth_context_options options = initiator_options();
    troth_context *context = NULL;
    const void *token;
    size_t length;

    if (troth_context_new(credential, &options, &context, NULL) == TROTH_OK &&
        troth_context_step(context, NULL, 0, &token, &length, NULL) == TROTH_CONTINUE)
        *(troth_credential **)argument = NULL;
    troth_context_free(context);
}

static void threads_share_what_was_handed_on(void **state)
{
    troth_credential *credential, *another, *used[4];
    struct pair pair;

    (void)state;
    need_gssapi(TROTH_FEATURE_DELEGATE_ALWAYS);
    pair = delegating_pair(TROTH_DELEGATE_ALWAYS, NULL);
    credential = taken(pair.acceptor);
    another = taken(pair.acceptor);
    pair_free(&pair);
    assert_ptr_not_equal(credential, another);
    troth_credential_free(another);
    for (size_t i = 0; i < 4; i++)
        used[i] = credential;
    assert_true(run_in_threads(act, used, sizeof used[0], 4));
    for (size_t i = 0; i < 4; i++)
        assert_null(used[i]);
    troth_credential_free(credential);
}

static void what_was_handed_on_is_stored_for_others(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    const char *directory = getenv("TROTH_REALM_DIR");
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential;
    char name[1024], command[1200];
    struct pair pair;

    (void)state;
    need_gssapi(TROTH_FEATURE_STORE);
    if (external_realm() || directory == NULL)
        skip_because("a realm given from outside has no directory for a ccache");
    snprintf(name, sizeof name, "FILE:%s/delegated.ccache", directory);
    pair = delegating_pair(TROTH_DELEGATE_ALWAYS, NULL);
    credential = taken(pair.acceptor);
    if (troth_credential_store(credential, name, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(credential);
    pair_free(&pair);
    options.mechanism = under_test;
    options.ccache = name;
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &options, &credential, &error), TROTH_OK);
    assert_acts_as_user(credential);
    assert_int_equal(troth_credential_store(credential, "", &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_credential_store(credential, "FILE:/no/such/directory/cc", &error), TROTH_E_FAILURE);
    assert_contains(error.text, "/no/such/directory/cc");
    troth_credential_free(credential);
    /* Another program reads it. */
    snprintf(command, sizeof command, "klist -s -c '%s'", name);
    assert_int_equal(system(command), 0);
}

/* The realm's service as an initiator. */
static troth_credential *service_credential(void)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *service = NULL;
    troth_error error = TROTH_ERROR_INIT;

    options.mechanism = under_test;
    options.flags = path_under_test();
    options.keytab = getenv("KRB5_KTNAME");
    options.name.principal = realm_service_principal();
    if (troth_credential_acquire(TROTH_INITIATOR, &options, &service, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return service;
}

static void a_service_gets_a_ticket_in_a_users_name(void **state)
{
    const troth_name user = {.principal = realm_user()};
    troth_credential *service, *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;
    const char *name = NULL;

    (void)state;
    need_gssapi(TROTH_FEATURE_S4U2SELF);
    if (external_realm())
        skip_because("a realm given from outside has a policy of its own");
    service = service_credential();
    if (troth_credential_impersonate(service, &user, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(service);
    assert_acts_as_user(credential);
    assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_OK);
    assert_string_equal(name, realm_user());
    troth_credential_free(credential);
}

static void a_kdc_refuses_a_ticket_in_the_name_of_nobody(void **state)
{
    const troth_name nobody = {.principal = "nobody-of-that-name"};
    troth_credential *service, *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    need_gssapi(TROTH_FEATURE_S4U2SELF);
    if (external_realm())
        skip_because("a realm given from outside has a policy of its own");
    service = service_credential();
    assert_true(troth_credential_impersonate(service, &nobody, &credential, &error) > TROTH_CONTINUE);
    assert_null(credential);
    assert_contains(error.text, "nobody-of-that-name");
    assert_int_not_equal(error.native_minor, 0);
    troth_credential_free(service);
}

/* S4U2Proxy: a KDC that was told of no constrained delegation gives none. */
static void a_ticket_in_a_users_name_does_not_reach_other_services(void **state)
{
    const troth_name user = {.principal = realm_user()};
    troth_context_options options = initiator_options();
    troth_credential *service, *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    const void *token = NULL;
    size_t length = 0;

    (void)state;
    need_gssapi(TROTH_FEATURE_S4U2SELF);
    if (external_realm())
        skip_because("a realm given from outside has a policy of its own");
    service = service_credential();
    assert_int_equal(troth_credential_impersonate(service, &user, &credential, &error), TROTH_OK);
    options.target.service = "second";
    assert_int_equal(troth_context_new(credential, &options, &context, &error), TROTH_OK);
    assert_true(troth_context_step(context, NULL, 0, &token, &length, &error) > TROTH_CONTINUE);
    assert_int_equal(length, 0);
    troth_context_free(context);
    troth_credential_free(credential);
    troth_credential_free(service);
}

static void protocol_transition_is_as_supports_says(void **state)
{
    const troth_name user = {.principal = realm_user()};
    troth_credential *credential = NULL;

    (void)state;
    if (troth_supports(TROTH_FEATURE_S4U2SELF) != TROTH_SUPPORT_NO)
        skip_because("this provider can");
    assert_int_equal(troth_credential_impersonate(credential_of(TROTH_INITIATOR, under_test), &user, &credential, NULL),
                     TROTH_E_UNSUPPORTED);
    assert_null(credential);
}

/* The realm's service as an acceptor that may act for its peers. */
static troth_status proxy_acceptor(troth_credential **acceptor, troth_error *error)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    options.mechanism = under_test;
    options.flags = path_under_test() | TROTH_CREDENTIAL_PROXY;
    options.name = realm_target();
    return troth_credential_acquire(TROTH_ACCEPTOR, &options, acceptor, error);
}

static void constrained_delegation_is_as_supports_says(void **state)
{
    troth_credential *acceptor = NULL;

    (void)state;
    if (troth_supports(TROTH_FEATURE_S4U2PROXY) != TROTH_SUPPORT_NO)
        skip_because("this provider can: the theme proxy shows it");
    assert_int_equal(proxy_acceptor(&acceptor, NULL), TROTH_E_UNSUPPORTED);
    assert_null(acceptor);
}

/* What a peer handed on is never taken for constrained delegation, nor this for that. It needs no KDC's permission. */
static void how_an_acceptor_may_act_is_told_as_it_is(void **state)
{
    static const struct {
        troth_delegate delegate;
        bool keep;
        uint32_t required;
        troth_status status;
        troth_delegation told;
    } cases[] = {
        {TROTH_DELEGATE_NEVER, false, 0, TROTH_OK, TROTH_DELEGATION_NONE},
        {TROTH_DELEGATE_NEVER, true, 0, TROTH_OK, TROTH_DELEGATION_CONSTRAINED},
        {TROTH_DELEGATE_NEVER, true, TROTH_MUTUAL | TROTH_DELEGATED, TROTH_E_REQUIREMENT, TROTH_DELEGATION_NONE},
        {TROTH_DELEGATE_ALWAYS, false, 0, TROTH_OK, TROTH_DELEGATION_FORWARDED},
        {TROTH_DELEGATE_ALWAYS, true, TROTH_MUTUAL | TROTH_DELEGATED, TROTH_OK, TROTH_DELEGATION_FORWARDED},
    };
    troth_credential *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    need_gssapi(TROTH_FEATURE_S4U2PROXY);
    if (proxy_acceptor(&acceptor, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context_options ours = initiator_options(), theirs = acceptor_options();
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        struct outcome outcome;
        struct pair pair;

        ours.delegate = cases[i].delegate;
        theirs.flags = cases[i].keep ? TROTH_KEEP_DELEGATED : 0;
        theirs.required = cases[i].required;
        pair.initiator = context_new(TROTH_INITIATOR, under_test, &ours);
        assert_int_equal(troth_context_new(acceptor, &theirs, &pair.acceptor, NULL), TROTH_OK);
        outcome = handshake_tampered(&pair, 0, NULL, NULL);
        assert_int_equal(outcome.acceptor, cases[i].status);
        if (outcome.acceptor == TROTH_OK) {
            assert_int_equal(troth_context_info_get(pair.acceptor, &info, NULL), TROTH_OK);
            assert_int_equal(info.delegation, cases[i].told);
            assert_int_equal(delegated(pair.acceptor), info.delegation == TROTH_DELEGATION_FORWARDED);
        }
        pair_free(&pair);
    }
    troth_credential_free(acceptor);
}

static void a_credential_tells_of_itself(void **state)
{
    troth_credential_info info = TROTH_CREDENTIAL_INFO_INIT;
    troth_credential *own = credential_of(TROTH_INITIATOR, under_test);
    troth_error error = TROTH_ERROR_INIT;
    const char *name = NULL;
    troth_status status = troth_credential_name(own, &name, &error);

    (void)state;
    if (status == TROTH_OK)
        assert_string_equal(name, realm_user());
    else
        assert_true(is_sspi() && status == TROTH_E_UNAVAILABLE && name == NULL);
    assert_int_equal(troth_credential_info_get(own, &info, &error), TROTH_OK);
    assert_int_equal(info.mechanism, under_test);
    if (!is_sspi()) {
        assert_true(info.remaining > 0 && info.remaining <= 30 * 86400);
        own = credential_of(TROTH_ACCEPTOR, under_test);
        assert_int_equal(troth_credential_info_get(own, &info, &error), TROTH_OK);
        assert_true(info.expiry == TROTH_NEVER && info.remaining == TROTH_NEVER);
        assert_int_equal(troth_credential_name(own, &name, &error), TROTH_E_UNAVAILABLE);
        assert_null(name);
    }
}

static void impersonation_is_as_supports_says(void **state)
{
    const troth_support said = troth_supports(TROTH_FEATURE_IMPERSONATION);
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;

    (void)state;
    assert_int_equal(troth_context_revert(pair.acceptor, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_impersonate(pair.initiator, NULL), TROTH_E_STATE);
    status = troth_context_impersonate(pair.acceptor, &error);
    if (status == TROTH_OK)
        assert_int_equal(troth_context_revert(pair.acceptor, NULL), TROTH_OK);
    assert_converse(&pair);
    pair_free(&pair);
    if (said != TROTH_SUPPORT_YES && (status == TROTH_E_UNSUPPORTED || status == TROTH_E_UNAVAILABLE))
        skip_because(error.text);
    if (status != TROTH_OK || said == TROTH_SUPPORT_NO)
        fail_msg("troth_supports says something else than this: %s %s", troth_status_name(status), error.text);
}

int run_delegation_tests(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_handed_on_unless_asked_for),
        cmocka_unit_test(the_acceptor_acts_as_the_user_with_what_was_handed_on),
        cmocka_unit_test(policy_decides_where_it_is_asked),
        cmocka_unit_test(delegation_always_is_refused_where_it_cannot_be_had),
        cmocka_unit_test(threads_share_what_was_handed_on),
        cmocka_unit_test(what_was_handed_on_is_stored_for_others),
        cmocka_unit_test(a_service_gets_a_ticket_in_a_users_name),
        cmocka_unit_test(a_kdc_refuses_a_ticket_in_the_name_of_nobody),
        cmocka_unit_test(a_ticket_in_a_users_name_does_not_reach_other_services),
        cmocka_unit_test(protocol_transition_is_as_supports_says),
        cmocka_unit_test(how_an_acceptor_may_act_is_told_as_it_is),
        cmocka_unit_test(constrained_delegation_is_as_supports_says),
        cmocka_unit_test(a_credential_tells_of_itself),
        cmocka_unit_test(impersonation_is_as_supports_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
