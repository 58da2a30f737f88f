/* proxy.c - contract: constrained delegation (S4U2Proxy), with a KDC that grants it and one that refuses. */
#include <stdio.h>

#include "contract.h"
#include "troth/delegation.h"

/*
 * The realm with a directory has three services more: front and middle may act in their users' names towards back;
 * front is trusted to do so for users who did not come with a ticket, too.
 */
static void need_directory(void)
{
    const char *ldap = getenv("TROTH_REALM_LDAP");

    if (ldap == NULL || ldap[0] == '\0')
        skip_because("this realm's KDC grants no constrained delegation: troth-realm --ldap");
    assert_int_equal(troth_supports(TROTH_FEATURE_S4U2PROXY), TROTH_SUPPORT_YES);
}

static troth_name service_name(const char *service)
{
    troth_name name = realm_target();

    name.service = service;
    return name;
}

static troth_credential *acquired(troth_role role, const char *service, uint32_t flags)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    options.mechanism = under_test;
    options.flags = path_under_test() | flags;
    options.name = service_name(service);
    if (role == TROTH_INITIATOR)
        options.keytab = getenv("KRB5_KTNAME");
    if (troth_credential_acquire(role, &options, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return credential;
}

static troth_context *context_of(troth_credential *credential, const troth_context_options *options)
{
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (troth_context_new(credential, options, &context, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return context;
}

/* A context with this initiator's credential and the service's acceptor, which keeps what is delegated. */
static struct pair pair_with(troth_credential *initiator, troth_credential *acceptor, const char *service,
                             troth_delegate delegate, bool keep)
{
    troth_context_options ours = initiator_options(), theirs = acceptor_options();
    struct pair pair;

    ours.target.service = service;
    ours.delegate = delegate;
    theirs.flags = keep ? TROTH_KEEP_DELEGATED : 0;
    pair.initiator = context_of(initiator, &ours);
    pair.acceptor = context_of(acceptor, &theirs);
    return pair;
}

/* The realm's user has come to a service's acceptor. */
static struct pair user_at(troth_credential *acceptor, const char *service, troth_delegate delegate, bool keep)
{
    struct pair pair = pair_with(credential_of(TROTH_INITIATOR, under_test), acceptor, service, delegate, keep);

    handshake(&pair);
    return pair;
}

static troth_delegation delegation_of(troth_context *context)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal((info.properties & TROTH_DELEGATED) != 0, info.delegation == TROTH_DELEGATION_FORWARDED);
    return info.delegation;
}

static troth_credential *taken(troth_context *acceptor)
{
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (troth_context_delegated_credential(acceptor, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return credential;
}

/* The service's acceptor sees the realm's user behind this credential. */
static void assert_reaches(troth_credential *credential, const char *service)
{
    struct pair pair;

    pair = pair_with(credential, credential_of(TROTH_ACCEPTOR, under_test), service, TROTH_DELEGATE_NEVER, false);
    handshake(&pair);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

/* The KDC does not let this credential reach the service; what is said of it goes to *error. */
static void assert_refused(troth_credential *credential, const char *service, troth_error *error)
{
    troth_context_options options = initiator_options();
    const void *token = NULL;
    size_t length = 0;
    troth_context *context;

    *error = (troth_error)TROTH_ERROR_INIT;
    options.target.service = service;
    context = context_of(credential, &options);
    assert_int_equal(troth_context_step(context, NULL, 0, &token, &length, error), TROTH_E_DENIED);
    assert_int_equal(length, 0);
    assert_contains(error->text, service);
    assert_contains(error->text, "Hint: to act in a user's name towards this target, a service must be permitted to");
    assert_sticky(context, TROTH_E_DENIED);
    troth_context_free(context);
}

static bool says_not_forwardable(const troth_error *error)
{
    return strstr(error->text, "the ticket in the user's name is not forwardable") != NULL;
}

/* ---- a user who never came ------------------------------------------------------------------------------------ */

static troth_credential *impersonated(const char *service)
{
    const troth_name user = {.principal = realm_user()};
    troth_credential *own = acquired(TROTH_INITIATOR, service, 0), *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (troth_credential_impersonate(own, &user, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(own);
    return credential;
}

static void a_trusted_service_reaches_a_permitted_one_as_a_user_who_never_came(void **state)
{
    troth_credential *credential;

    (void)state;
    need_directory();
    credential = impersonated("front");
    assert_reaches(credential, "back");
    assert_reaches(credential, "back");
    troth_credential_free(credential);
}

static void a_service_that_is_not_permitted_is_refused_with_what_to_do(void **state)
{
    troth_credential *credential;
    troth_error error;

    (void)state;
    need_directory();
    credential = impersonated("front");
    assert_refused(credential, "second", &error);
    assert_false(says_not_forwardable(&error));
    assert_reaches(credential, "back"); /* and that was that context's failure alone */
    troth_credential_free(credential);
}

static void without_trust_for_protocol_transition_the_ticket_is_said_to_be_not_forwardable(void **state)
{
    troth_credential *credential;
    troth_error error;

    (void)state;
    need_directory();
    credential = impersonated("middle");
    assert_reaches(credential, "middle");
    assert_refused(credential, "back", &error);
    assert_true(says_not_forwardable(&error));
    assert_contains(error.text, "+ok_to_auth_as_delegate");
    troth_credential_free(credential);
}

/* ---- a user who came with a ticket ---------------------------------------------------------------------------- */

static void an_acceptor_acts_for_a_peer_that_handed_on_nothing(void **state)
{
    troth_credential_info info = TROTH_CREDENTIAL_INFO_INIT;
    troth_credential *acceptor, *credential;
    troth_error error = TROTH_ERROR_INIT;
    const char *name = NULL;
    struct pair pair;

    (void)state;
    need_directory();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    pair = user_at(acceptor, "middle", TROTH_DELEGATE_NEVER, true);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    assert_int_equal(delegation_of(pair.initiator), TROTH_DELEGATION_NONE);
    assert_int_equal(delegation_of(pair.acceptor), TROTH_DELEGATION_CONSTRAINED);
    credential = taken(pair.acceptor);
    pair_free(&pair);
    troth_credential_free(acceptor); /* it lives without either */
    assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_OK);
    assert_string_equal(name, realm_user());
    assert_int_equal(troth_credential_info_get(credential, &info, NULL), TROTH_OK);
    assert_int_equal(info.role, TROTH_INITIATOR);
    assert_true(info.remaining > 0 && info.expiry != TROTH_NEVER);
    assert_reaches(credential, "back");
    assert_reaches(credential, "middle");
    assert_refused(credential, "second", &error);
    assert_false(says_not_forwardable(&error));
    troth_credential_free(credential);
}

static void keys_given_as_bytes_do_for_it_too(void **state)
{
    static unsigned char keys[16384];
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *acceptor = NULL, *credential;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair;
    FILE *file;

    (void)state;
    need_directory();
    file = fopen(strchr(getenv("KRB5_KTNAME"), ':') + 1, "rb");
    assert_non_null(file);
    options.keytab_length = fread(keys, 1, sizeof keys, file);
    fclose(file);
    options.keytab_data = keys;
    options.mechanism = under_test;
    options.flags = path_under_test() | TROTH_CREDENTIAL_PROXY;
    options.name = service_name("front");
    if (troth_credential_acquire(TROTH_ACCEPTOR, &options, &acceptor, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    pair = user_at(acceptor, "front", TROTH_DELEGATE_NEVER, true);
    credential = taken(pair.acceptor);
    pair_free(&pair);
    troth_credential_free(acceptor);
    assert_reaches(credential, "back");
    troth_credential_free(credential);
}

/* Its keytab must be good for the KDC as well. */
static void an_acceptor_whose_key_the_kdc_does_not_have_is_told_at_once(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    need_directory();
    options.mechanism = under_test;
    options.flags = path_under_test() | TROTH_CREDENTIAL_PROXY;
    options.name = service_name("stale");
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &options, &credential, &error), TROTH_E_WRONG_KEY);
    assert_null(credential);
    assert_contains(error.text, "stale");
    assert_contains(error.text, "the keytab ");
}

static void nothing_is_made_of_a_peers_ticket_unless_credential_and_context_ask(void **state)
{
    troth_credential *acceptor, *credential = NULL;
    struct pair pair;

    (void)state;
    need_directory();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", 0);
    pair = user_at(acceptor, "middle", TROTH_DELEGATE_NEVER, true);
    assert_int_equal(delegation_of(pair.acceptor), TROTH_DELEGATION_NONE);
    assert_int_equal(troth_context_delegated_credential(pair.acceptor, &credential, NULL), TROTH_E_UNAVAILABLE);
    pair_free(&pair);
    troth_credential_free(acceptor);
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    pair = user_at(acceptor, "middle", TROTH_DELEGATE_NEVER, false);
    assert_int_equal(delegation_of(pair.acceptor), TROTH_DELEGATION_NONE);
    assert_int_equal(troth_context_delegated_credential(pair.acceptor, &credential, NULL), TROTH_E_STATE);
    pair_free(&pair);
    troth_credential_free(acceptor);
    assert_null(credential);
}

/* TROTH_IDENTIFY: who it is may be known, and not more. */
static void a_peer_that_wants_to_be_identified_only_is_not_acted_for(void **state)
{
    troth_context_options ours = initiator_options(), theirs = acceptor_options();
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_credential *acceptor, *credential = NULL;
    struct pair pair;

    (void)state;
    need_directory();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    ours.target.service = "middle";
    ours.requested = TROTH_DEFAULT_REQUESTED | TROTH_IDENTIFY;
    theirs.flags = TROTH_KEEP_DELEGATED;
    pair.initiator = context_of(credential_of(TROTH_INITIATOR, under_test), &ours);
    pair.acceptor = context_of(acceptor, &theirs);
    handshake(&pair);
    assert_peer(pair.acceptor);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, NULL), TROTH_OK);
    assert_int_equal(info.properties & (TROTH_IDENTIFY | TROTH_DELEGATED), TROTH_IDENTIFY);
    assert_int_equal(info.delegation, TROTH_DELEGATION_NONE);
    assert_int_equal(troth_context_delegated_credential(pair.acceptor, &credential, NULL), TROTH_E_UNAVAILABLE);
    assert_null(credential);
    pair_free(&pair);
    troth_credential_free(acceptor);
}

static void what_the_peer_handed_on_comes_before_constrained_delegation(void **state)
{
    troth_credential *acceptor, *credential;
    struct pair pair;

    (void)state;
    need_directory();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    pair = user_at(acceptor, "middle", TROTH_DELEGATE_ALWAYS, true);
    assert_int_equal(delegation_of(pair.initiator), TROTH_DELEGATION_FORWARDED);
    assert_int_equal(delegation_of(pair.acceptor), TROTH_DELEGATION_FORWARDED);
    credential = taken(pair.acceptor);
    assert_reaches(credential, "second"); /* whatever the KDC's list says */
    troth_credential_free(credential);
    pair_free(&pair);
    troth_credential_free(acceptor);
}

static void constrained_delegation_is_not_what_an_acceptor_that_requires_delegation_gets(void **state)
{
    troth_context_options ours = initiator_options(), theirs = acceptor_options();
    troth_credential *acceptor;
    struct outcome outcome;
    struct pair pair;

    (void)state;
    need_directory();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    ours.target.service = "middle";
    theirs.flags = TROTH_KEEP_DELEGATED;
    theirs.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_DELEGATED;
    pair.initiator = context_of(credential_of(TROTH_INITIATOR, under_test), &ours);
    pair.acceptor = context_of(acceptor, &theirs);
    outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "delegation");
    pair_free(&pair);
    troth_credential_free(acceptor);
}

/* The user's tickets, which may not be forwarded. */
static troth_credential *unforwardable_user(void)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;
    char name[1024], command[2200];

    snprintf(name, sizeof name, "FILE:%s/unforwardable.ccache", getenv("TROTH_REALM_DIR"));
    snprintf(command, sizeof command, "kinit -F -k -t '%s' -c '%s' '%s'", getenv("TROTH_REALM_USER_KEYTAB"), name,
             realm_user());
    assert_int_equal(system(command), 0);
    options.mechanism = under_test;
    options.flags = path_under_test();
    options.ccache = name;
    if (troth_credential_acquire(TROTH_INITIATOR, &options, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return credential;
}

static void a_peer_whose_ticket_is_not_forwardable_is_acted_for_towards_nobody(void **state)
{
    troth_credential *acceptor, *user, *credential;
    struct pair pair;
    troth_error error;

    (void)state;
    need_directory();
    user = unforwardable_user();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    pair = pair_with(user, acceptor, "middle", TROTH_DELEGATE_NEVER, true);
    handshake(&pair);
    assert_int_equal(delegation_of(pair.acceptor), TROTH_DELEGATION_CONSTRAINED);
    credential = taken(pair.acceptor);
    assert_refused(credential, "back", &error);
    assert_true(says_not_forwardable(&error));
    assert_contains(error.text, "kinit -f");
    troth_credential_free(credential);
    pair_free(&pair);
    troth_credential_free(acceptor);
    troth_credential_free(user);
}

static void what_it_acts_with_is_stored_for_others_and_still_constrained(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *acceptor, *credential;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair;
    char name[1024];

    (void)state;
    need_directory();
    snprintf(name, sizeof name, "FILE:%s/constrained.ccache", getenv("TROTH_REALM_DIR"));
    acceptor = acquired(TROTH_ACCEPTOR, "front", TROTH_CREDENTIAL_PROXY);
    pair = user_at(acceptor, "front", TROTH_DELEGATE_NEVER, true);
    credential = taken(pair.acceptor);
    if (troth_credential_store(credential, name, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(credential);
    pair_free(&pair);
    troth_credential_free(acceptor);
    options.mechanism = under_test;
    options.flags = path_under_test();
    options.ccache = name;
    if (troth_credential_acquire(TROTH_INITIATOR, &options, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_reaches(credential, "back");
    assert_refused(credential, "second", &error);
    troth_credential_free(credential);
}

/* Each thread is a peer of its own at the one acceptor's credential, and goes on in that peer's name. */
struct visit {
    troth_credential *user;
    troth_credential *acceptor;
    bool reached;
};

static bool steps(struct pair *pair)
{
    struct outcome outcome = handshake_tampered(pair, 0, NULL, NULL);

    return outcome.initiator == TROTH_OK && outcome.acceptor == TROTH_OK;
}

static void visit(void *argument)
{
    struct visit *visit = argument;
    troth_credential *credential = NULL;
    struct pair pair = pair_with(visit->user, visit->acceptor, "middle", TROTH_DELEGATE_NEVER, true);
    const void *token;
    size_t length;
    troth_context_options options = initiator_options();
    troth_context *context = NULL;

    options.target.service = "back";
    if (steps(&pair) && troth_context_delegated_credential(pair.acceptor, &credential, NULL) == TROTH_OK &&
        troth_context_new(credential, &options, &context, NULL) == TROTH_OK)
        visit->reached = troth_context_step(context, NULL, 0, &token, &length, NULL) == TROTH_CONTINUE;
    troth_context_free(context);
    troth_credential_free(credential);
    pair_free(&pair);
}

static void threads_share_an_acceptor_that_acts_for_its_peers(void **state)
{
    struct visit visits[4];
    troth_credential *acceptor;

    (void)state;
    need_directory();
    acceptor = acquired(TROTH_ACCEPTOR, "middle", TROTH_CREDENTIAL_PROXY);
    for (size_t i = 0; i < 4; i++)
        visits[i] = (struct visit){credential_of(TROTH_INITIATOR, under_test), acceptor, false};
    assert_true(run_in_threads(visit, visits, sizeof visits[0], 4));
    for (size_t i = 0; i < 4; i++)
        assert_true(visits[i].reached);
    troth_credential_free(acceptor);
}

int run_proxy_tests(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trusted_service_reaches_a_permitted_one_as_a_user_who_never_came),
        cmocka_unit_test(a_service_that_is_not_permitted_is_refused_with_what_to_do),
        cmocka_unit_test(without_trust_for_protocol_transition_the_ticket_is_said_to_be_not_forwardable),
        cmocka_unit_test(an_acceptor_acts_for_a_peer_that_handed_on_nothing),
        cmocka_unit_test(keys_given_as_bytes_do_for_it_too),
        cmocka_unit_test(an_acceptor_whose_key_the_kdc_does_not_have_is_told_at_once),
        cmocka_unit_test(nothing_is_made_of_a_peers_ticket_unless_credential_and_context_ask),
        cmocka_unit_test(a_peer_that_wants_to_be_identified_only_is_not_acted_for),
        cmocka_unit_test(what_the_peer_handed_on_comes_before_constrained_delegation),
        cmocka_unit_test(constrained_delegation_is_not_what_an_acceptor_that_requires_delegation_gets),
        cmocka_unit_test(a_peer_whose_ticket_is_not_forwardable_is_acted_for_towards_nobody),
        cmocka_unit_test(what_it_acts_with_is_stored_for_others_and_still_constrained),
        cmocka_unit_test(threads_share_an_acceptor_that_acts_for_its_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
