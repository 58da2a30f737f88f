/* features.c - contract: what troth_supports says of a feature is what the calls then do, on every provider. */
#include "contract.h"

#include <stdio.h>

#include "troth/peer.h"

static void skip_absent(troth_feature feature)
{
    skip_because(troth_supports(feature) == TROTH_SUPPORT_NO
                     ? "troth_supports says no, and the call has said the same"
                     : "troth_supports leaves it to the provider, and this one has said that it cannot");
}

/* A call's own word against the one that was given beforehand. The caller skips when false: there is nothing to use. */
static bool holds(troth_feature feature, troth_status status, const troth_error *error)
{
    const troth_support said = troth_supports(feature);

    if (said == TROTH_SUPPORT_NO) {
        if (status != TROTH_E_UNSUPPORTED && status != TROTH_E_UNAVAILABLE)
            fail_msg("%s is not supported, and yet: %s %s", troth_feature_name(feature), troth_status_name(status),
                     error->text);
        return false;
    }
    if (said == TROTH_SUPPORT_UNKNOWN && (status == TROTH_E_UNSUPPORTED || status == TROTH_E_UNAVAILABLE))
        return false;
    if (status != TROTH_OK)
        fail_msg("%s: %s", troth_feature_name(feature), error->text);
    return true;
}

typedef troth_status get_name(troth_context *context, const char **name, troth_error *error);

static void a_name(troth_feature feature, get_name *get, const char *expected)
{
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = complete_pair(NULL, NULL);
    const char *name = NULL;
    bool there = holds(feature, get(pair.acceptor, &name, &error), &error);

    if (there)
        assert_string_equal(name, expected);
    else
        assert_null(name);
    pair_free(&pair);
    if (!there)
        skip_absent(feature);
}

static void the_peers_name_is_told_as_supports_says(void **state)
{
    (void)state;
    a_name(TROTH_FEATURE_PEER_NAME, troth_context_peer_name, realm_user());
}

static void the_targets_name_is_told_as_supports_says(void **state)
{
    (void)state;
    a_name(TROTH_FEATURE_TARGET_NAME, troth_context_target_name, realm_service_principal());
}

/* Identifiers in text, each ended by a NUL. */
static void the_peers_groups_are_told_as_supports_says(void **state)
{
    static const char *const attributes[] = {TROTH_ATTRIBUTE_USER_SID, TROTH_ATTRIBUTE_GROUP_SIDS};
    static char told[65536];
    bool there = true;

    (void)state;
    for (size_t i = 0; i < 2 && there; i++) {
        troth_error error = TROTH_ERROR_INIT;
        struct pair pair = complete_pair(NULL, NULL);
        size_t length = 0;
        int vouched = 0;

        there = holds(
            TROTH_FEATURE_GROUP_SIDS,
            troth_context_peer_attribute(pair.acceptor, attributes[i], told, sizeof told, &length, &vouched, &error),
            &error);
        assert_int_equal(vouched, there);
        assert_true(there ? length > 0 && told[length - 1] == '\0' : length == 0);
        for (size_t at = 0; at < length; at += strlen(told + at) + 1)
            assert_memory_equal(told + at, "S-1-", 4);
        assert_converse(&pair);
        pair_free(&pair);
    }
    if (!there)
        skip_absent(TROTH_FEATURE_GROUP_SIDS);
}

static void what_is_forbidden_is_refused_as_supports_says(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = acceptor_options();
    troth_context *context = NULL;

    options.required = TROTH_INTEGRITY;
    options.forbidden = TROTH_MUTUAL;
    bool there =
        holds(TROTH_FEATURE_FORBIDDEN,
              troth_context_new(credential_of(TROTH_ACCEPTOR, under_test), &options, &context, &error), &error);
    troth_context_free(context);
    if (!there)
        skip_absent(TROTH_FEATURE_FORBIDDEN);
    struct pair pair = pair_new(NULL, &options);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "mutual");
    assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    pair_free(&pair);
}

/* Every type that a KDC may have chosen. A provider that is only asked may also not know the type: refused, too. */
static void encryption_types_are_refused_as_supports_says(void **state)
{
    (void)state;
    static const int32_t types[] = {17, 18, 19, 20, 23, 25, 26};
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = acceptor_options();
    troth_context *context = NULL;

    options.refused_encryption = types;
    options.refused_encryption_count = sizeof types / sizeof types[0];
    bool there =
        holds(TROTH_FEATURE_REFUSED_ENCRYPTION,
              troth_context_new(credential_of(TROTH_ACCEPTOR, under_test), &options, &context, &error), &error);
    troth_context_free(context);
    if (!there)
        skip_absent(TROTH_FEATURE_REFUSED_ENCRYPTION);
    struct pair pair = pair_new(NULL, &options);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_ENCRYPTION);
    assert_sticky(pair.acceptor, TROTH_E_ENCRYPTION);
    pair_free(&pair);
}

/* MIT's initiators do not say whom they were told to authenticate, Windows' do: taken, and, where required, refused. */
static void accepted_targets_are_compared_as_supports_says(void **state)
{
    (void)state;
    const troth_name target = realm_target();
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = acceptor_options();
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context = NULL;

    options.accepted_targets = &target;
    options.accepted_target_count = 1;
    bool there =
        holds(TROTH_FEATURE_PEER_TARGET,
              troth_context_new(credential_of(TROTH_ACCEPTOR, under_test), &options, &context, &error), &error);
    troth_context_free(context);
    if (!there)
        skip_absent(TROTH_FEATURE_PEER_TARGET);
    struct pair pair = pair_new(NULL, &options);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    if (outcome.acceptor != TROTH_OK && troth_supports(TROTH_FEATURE_PEER_TARGET) == TROTH_SUPPORT_UNKNOWN) {
        pair_free(&pair);
        skip_absent(TROTH_FEATURE_PEER_TARGET);
    }
    assert_int_equal(outcome.acceptor, TROTH_OK);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, &error), TROTH_OK);
    const bool named = info.target == TROTH_TARGET_MATCHED;
    assert_true(named ? is_sspi() : info.target == TROTH_TARGET_ABSENT);
    assert_int_equal((info.properties & TROTH_TARGET_NAMED) != 0, named);
    pair_free(&pair);
    options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_TARGET_NAMED;
    pair = pair_new(NULL, &options);
    outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, named ? TROTH_OK : TROTH_E_REQUIREMENT);
    if (!named) {
        assert_contains(outcome.acceptor_error.text, "the initiator's own word for its target");
        assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    }
    pair_free(&pair);
}

static void messages_are_encrypted_as_supports_says(void **state)
{
    (void)state;
    static const char text[] = "nobody else may read this";
    troth_error error = TROTH_ERROR_INIT;
    uint8_t message[512];
    size_t length = 0;
    struct pair pair = complete_pair(NULL, NULL);

    assert_int_equal(troth_supports(TROTH_FEATURE_CONFIDENTIALITY), TROTH_SUPPORT_YES);
    assert_int_equal(troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, text, sizeof text, message,
                                sizeof message, &length, &error),
                     TROTH_OK);
    for (size_t at = 0; at + 8 <= length; at++)
        assert_memory_not_equal(message + at, text, 8);
    pair_free(&pair);
    pair = complete_pair(NULL, NULL);
    assert_converse(&pair);
    pair_free(&pair);
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    assert_non_null(value);
    return value;
}

/* A conversation with a credential, which is given away. */
static void converse_with(troth_role role, troth_credential *credential, const char *user)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options to = initiator_options();
    struct pair pair = {NULL, NULL};

    pair.initiator = role == TROTH_ACCEPTOR ? context_new(TROTH_INITIATOR, under_test, NULL) : NULL;
    pair.acceptor = role == TROTH_INITIATOR ? context_new(TROTH_ACCEPTOR, under_test, NULL) : NULL;
    assert_int_equal(troth_context_new(credential, role == TROTH_INITIATOR ? &to : NULL,
                                       role == TROTH_INITIATOR ? &pair.initiator : &pair.acceptor, &error),
                     TROTH_OK);
    troth_credential_free(credential);
    handshake(&pair);
    if (troth_supports(TROTH_FEATURE_PEER_NAME) == TROTH_SUPPORT_YES) {
        const char *name = NULL;
        if (troth_context_peer_name(pair.acceptor, &name, &error) == TROTH_OK)
            assert_string_equal(name, user);
    }
    assert_converse(&pair);
    pair_free(&pair);
}

/* A credential from a source, and a conversation with it. */
static void a_source(troth_feature feature, troth_role role, const troth_credential_options *options, const char *user)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;

    if (!holds(feature, troth_credential_acquire(role, options, &credential, &error), &error)) {
        assert_null(credential);
        skip_absent(feature);
    }
    converse_with(role, credential, user);
}

static troth_credential_options source(void)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    options.mechanism = under_test;
    options.flags = path_under_test();
    return options;
}

static void an_acceptors_keytab_is_taken_as_supports_says(void **state)
{
    (void)state;
    troth_credential_options options = source();
    options.keytab = variable("KRB5_KTNAME");
    a_source(TROTH_FEATURE_ACCEPTOR_KEYTAB, TROTH_ACCEPTOR, &options, realm_user());
}

static void an_initiators_keytab_is_taken_as_supports_says(void **state)
{
    (void)state;
    troth_credential_options options = source();
    options.keytab = variable("TROTH_REALM_USER_KEYTAB");
    options.name.principal = realm_user();
    a_source(TROTH_FEATURE_INITIATOR_KEYTAB, TROTH_INITIATOR, &options, realm_user());
}

static void a_named_ccache_is_taken_as_supports_says(void **state)
{
    (void)state;
    troth_credential_options options = source();
    options.ccache = variable("KRB5CCNAME");
    a_source(TROTH_FEATURE_CCACHE, TROTH_INITIATOR, &options, realm_user());
}

/* Where they are not taken, any bytes do: no file is read for them. */
static void bytes_are_taken(troth_feature feature, troth_role role, const char *file, const char *user)
{
    static const uint8_t any[] = {5, 2, 0, 0, 0, 0};
    const bool refused = troth_supports(feature) == TROTH_SUPPORT_NO;
    struct token content = refused ? token_of(any, sizeof any) : file_of(file);
    const bool keytab = feature == TROTH_FEATURE_MEMORY_KEYTAB;
    troth_credential_options options = source();
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_status status;

    *(keytab ? &options.keytab_data : &options.ccache_data) = content.data;
    *(keytab ? &options.keytab_length : &options.ccache_length) = content.length;
    options.name.principal = role == TROTH_INITIATOR && !refused ? user : NULL;
    status = troth_credential_acquire(role, &options, &credential, &error);
    memset(content.data, 0xAA, content.length);
    token_free(&content);
    if (!holds(feature, status, &error)) {
        assert_null(credential);
        skip_absent(feature);
    }
    converse_with(role, credential, user);
}

static void keys_given_as_bytes_are_taken_as_supports_says(void **state)
{
    (void)state;
    bytes_are_taken(TROTH_FEATURE_MEMORY_KEYTAB, TROTH_ACCEPTOR, "KRB5_KTNAME", realm_user());
    bytes_are_taken(TROTH_FEATURE_MEMORY_KEYTAB, TROTH_INITIATOR, "TROTH_REALM_USER_KEYTAB", realm_user());
}

static void tickets_given_as_bytes_are_taken_as_supports_says(void **state)
{
    (void)state;
    bytes_are_taken(TROTH_FEATURE_MEMORY_CCACHE, TROTH_INITIATOR, "KRB5CCNAME", realm_user());
}

/* The last one: under Wine its tickets replace those of the default ccache. */
static void a_password_is_taken_as_supports_says(void **state)
{
    (void)state;
    troth_credential_options options = source();
    char password[128] = "";
    FILE *file = fopen(variable("TROTH_REALM_PASSWORD_FILE"), "r");

    assert_non_null(file);
    assert_non_null(fgets(password, sizeof password, file));
    fclose(file);
    password[strcspn(password, "\r\n")] = '\0';
    options.password = password;
    options.name.principal = variable("TROTH_REALM_PASSWORD_USER");
    a_source(TROTH_FEATURE_PASSWORD, TROTH_INITIATOR, &options, options.name.principal);
}

int run_feature_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_peers_name_is_told_as_supports_says),
        cmocka_unit_test(the_targets_name_is_told_as_supports_says),
        cmocka_unit_test(the_peers_groups_are_told_as_supports_says),
        cmocka_unit_test(what_is_forbidden_is_refused_as_supports_says),
        cmocka_unit_test(encryption_types_are_refused_as_supports_says),
        cmocka_unit_test(accepted_targets_are_compared_as_supports_says),
        cmocka_unit_test(messages_are_encrypted_as_supports_says),
        cmocka_unit_test(an_acceptors_keytab_is_taken_as_supports_says),
        cmocka_unit_test(an_initiators_keytab_is_taken_as_supports_says),
        cmocka_unit_test(a_named_ccache_is_taken_as_supports_says),
        cmocka_unit_test(keys_given_as_bytes_are_taken_as_supports_says),
        cmocka_unit_test(tickets_given_as_bytes_are_taken_as_supports_says),
        cmocka_unit_test(a_password_is_taken_as_supports_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
