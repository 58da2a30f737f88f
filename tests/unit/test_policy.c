/*
 * test_policy.c - shows that what is required, forbidden, anonymous, weak or NTLM is decided by common code alone, at
 * the end of a handshake, and that policies which contradict themselves are never begun.
 */
#include "support.h"

#include "scripted_backend.h"

static const char token[] = "a token";
static const struct scripted_step done[] = {{TROTH_OK, token, sizeof token - 1}};
static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};

static const struct {
    uint32_t bit;
    const char *name;
} properties[] = {
    {TROTH_MUTUAL, "mutual authentication"},
    {TROTH_INTEGRITY, "integrity"},
    {TROTH_CONFIDENTIALITY, "confidentiality"},
    {TROTH_REPLAY_DETECTION, "replay detection"},
    {TROTH_SEQUENCE_DETECTION, "sequence detection"},
    {TROTH_IDENTIFY, "identification"},
    {TROTH_DELEGATED, "delegation"},
};

#define PROPERTIES (sizeof properties / sizeof properties[0])
#define OPTIONS .size = sizeof(troth_context_options)

/* A credential and a context of the script. Returns what troth_context_new did. */
static troth_status policy_new(struct scripted *script, troth_role role, const troth_credential_options *own,
                               const troth_context_options *options, troth_context **context, troth_error *error)
{
    troth_context_options given = *options;
    troth_credential *credential = NULL;
    troth_status status;

    if (role == TROTH_INITIATOR) {
        given.target.service = "scripted";
        given.target.host = "host";
    }
    assert_int_equal(troth__credential_acquire(&script->backend, role, own, &credential, error), TROTH_OK);
    status = troth_context_new(credential, &given, context, error);
    troth_credential_free(credential);
    return status;
}

/* One handshake that natively completes as the script says; what is refused leaves no token and no context. */
static troth_status complete(struct scripted *script, troth_role role, const troth_credential_options *own,
                             const troth_context_options *options, troth_context_info *info, troth_error *error)
{
    troth_context *context = NULL;
    const void *out = NULL;
    size_t length = 99;
    troth_status status;
    const bool acceptor = role == TROTH_ACCEPTOR;

    assert_int_equal(policy_new(script, role, own, options, &context, error), TROTH_OK);
    status = troth_context_step(context, acceptor ? "in" : NULL, acceptor ? 2 : 0, &out, &length, error);
    assert_int_equal(length, status == TROTH_OK ? sizeof token - 1 : 0);
    assert_int_equal(troth_context_info_get(context, info, NULL), status == TROTH_OK ? TROTH_OK : TROTH_E_STATE);
    troth_context_free(context);
    assert_true(scripted_all_freed(script));
    return status;
}

/* The same with these properties, over Kerberos. */
static troth_status complete_with(troth_role role, const troth_context_options *options, uint32_t given,
                                  troth_error *error)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    struct scripted script;

    scripted_init(&script, done, 1);
    script.attributes.properties = given;
    return complete(&script, role, NULL, options, &info, error);
}

/* ---- required, allowed, forbidden ----------------------------------------------------------------------------- */

static void each_property_can_be_required_allowed_and_forbidden_in_both_roles(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        for (size_t i = 0; i < PROPERTIES; i++) {
            const uint32_t bit = properties[i].bit;
            const troth_context_options required = {OPTIONS, .required = bit};
            const troth_context_options allowed = {OPTIONS, .required = TROTH_NOTHING};
            const troth_context_options forbidden = {OPTIONS, .required = TROTH_NOTHING, .forbidden = bit};
            troth_error error = TROTH_ERROR_INIT;

            assert_int_equal(complete_with(roles[r], &required, bit, &error), TROTH_OK);
            assert_int_equal(complete_with(roles[r], &required, 0, &error), TROTH_E_REQUIREMENT);
            assert_text(error.text, "required and missing: ");
            assert_text(error.text, properties[i].name);
            assert_int_equal(complete_with(roles[r], &allowed, bit, &error), TROTH_OK);
            assert_int_equal(complete_with(roles[r], &allowed, 0, &error), TROTH_OK);
            assert_int_equal(complete_with(roles[r], &forbidden, 0, &error), TROTH_OK);
            assert_int_equal(complete_with(roles[r], &forbidden, bit, &error), TROTH_E_REQUIREMENT);
            assert_text(error.text, "forbidden and present: ");
            assert_text(error.text, properties[i].name);
        }
    }
}

static void a_forbidden_integrity_is_there_with_confidentiality_too(void **state)
{
    const troth_context_options options = {OPTIONS, .required = TROTH_NOTHING, .forbidden = TROTH_INTEGRITY};

    (void)state;
    assert_int_equal(complete_with(TROTH_ACCEPTOR, &options, TROTH_CONFIDENTIALITY, NULL), TROTH_E_REQUIREMENT);
}

static void forbidden_bindings_are_refused_when_the_peer_gave_them(void **state)
{
    const troth_bindings bindings = {.application_data = "x", .application_data_length = 1};
    const troth_context_options options = {OPTIONS, .required = TROTH_NOTHING, .forbidden = TROTH_CHANNEL_BOUND,
                                           .bindings = &bindings};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &options, &info, &error), TROTH_OK);
    script.attributes.bindings = TROTH_BINDING_BOUND;
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &options, &info, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "forbidden and present: channel bindings");
}

static void what_is_forbidden_is_not_requested_and_delegation_never_is_by_default(void **state)
{
    const troth_context_options options = {OPTIONS, .required = TROTH_MUTUAL,
                                           .forbidden = TROTH_SEQUENCE_DETECTION | TROTH_DELEGATED};
    const troth_context_options delegated = {OPTIONS, .required = TROTH_MUTUAL | TROTH_DELEGATED};
    const troth_context_options plain = {OPTIONS};
    troth_context *context = NULL;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    assert_int_equal(policy_new(&script, TROTH_INITIATOR, NULL, &options, &context, NULL), TROTH_OK);
    assert_int_equal(script.requested, TROTH_DEFAULT_REQUESTED & ~TROTH_SEQUENCE_DETECTION);
    troth_context_free(context);
    assert_int_equal(policy_new(&script, TROTH_INITIATOR, NULL, &plain, &context, NULL), TROTH_OK);
    assert_int_equal(script.requested, TROTH_DEFAULT_REQUESTED);
    troth_context_free(context);
    assert_int_equal(policy_new(&script, TROTH_INITIATOR, NULL, &delegated, &context, NULL), TROTH_OK);
    assert_int_equal(script.requested & TROTH_DELEGATED, TROTH_DELEGATED);
    troth_context_free(context);
}

static void policies_that_contradict_themselves_are_refused(void **state)
{
    static const int32_t none[] = {TROTH_ENCRYPTION_RC4, 0};
    static const int32_t many[65] = {1};
    static const struct {
        troth_role role;
        troth_context_options options;
        const char *text;
    } cases[] = {
        {TROTH_ACCEPTOR, {OPTIONS, .required = TROTH_MUTUAL, .forbidden = TROTH_MUTUAL}, "mutual authentication"},
        {TROTH_INITIATOR, {OPTIONS, .forbidden = TROTH_SEQUENCE_DETECTION}, "by default"},
        {TROTH_ACCEPTOR, {OPTIONS, .forbidden = TROTH_CONFIDENTIALITY}, "by default"},
        {TROTH_ACCEPTOR, {OPTIONS, .required = TROTH_CONFIDENTIALITY, .forbidden = TROTH_INTEGRITY}, "integrity"},
        {TROTH_INITIATOR,
         {OPTIONS, .required = TROTH_MUTUAL, .requested = TROTH_IDENTIFY, .forbidden = TROTH_IDENTIFY},
         "requested: "},
        {TROTH_ACCEPTOR, {OPTIONS, .required = TROTH_DELEGATED | TROTH_IDENTIFY}, "identification"},
        {TROTH_INITIATOR, {OPTIONS, .required = TROTH_DELEGATED, .requested = TROTH_IDENTIFY}, "identification"},
        {TROTH_INITIATOR, {OPTIONS, .forbidden = TROTH_CHANNEL_BOUND}, "no protocol tells"},
        {TROTH_INITIATOR, {OPTIONS, .requested = TROTH_DELEGATED}, "cannot be requested"},
        {TROTH_ACCEPTOR, {OPTIONS, .forbidden = TROTH_ANONYMOUS}, "cannot be forbidden"},
        {TROTH_ACCEPTOR, {OPTIONS, .forbidden = TROTH_NOTHING | TROTH_DELEGATED}, "beside other"},
        {TROTH_ACCEPTOR, {OPTIONS, .flags = 0x40000000}, "unknown option bits"},
        {TROTH_ACCEPTOR, {OPTIONS, .refused_encryption_count = 1}, "count without numbers"},
        {TROTH_ACCEPTOR, {OPTIONS, .refused_encryption = many, .refused_encryption_count = 65}, "more than 64"},
        {TROTH_ACCEPTOR, {OPTIONS, .refused_encryption = none, .refused_encryption_count = 2}, "is none"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context = NULL;
        struct scripted script;

        scripted_init(&script, done, 1);
        assert_int_equal(policy_new(&script, cases[i].role, NULL, &cases[i].options, &context, &error),
                         TROTH_E_ARGUMENT);
        assert_text(error.text, cases[i].text);
        assert_null(context);
        assert_true(scripted_all_freed(&script));
    }
}

/* ---- who the initiator is ------------------------------------------------------------------------------------- */

static void an_anonymous_initiator_is_let_in_only_when_told_to_and_requirements_hold(void **state)
{
    const troth_context_options refusing = {OPTIONS, .required = TROTH_NOTHING};
    const troth_context_options allowing = {OPTIONS, .flags = TROTH_ALLOW_ANONYMOUS};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    script.attributes.properties = TROTH_DEFAULT_REQUESTED | TROTH_ANONYMOUS;
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &refusing, &info, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "anonymous");
    assert_false(script.anonymous_allowed);
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &allowing, &info, &error), TROTH_OK);
    assert_true(script.anonymous_allowed);
    assert_int_equal(info.properties & TROTH_ANONYMOUS, TROTH_ANONYMOUS);
    script.attributes.properties &= ~TROTH_MUTUAL;
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &allowing, &info, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "mutual authentication");
}

static void identify_only_is_reported_and_refused_only_where_delegation_is_required(void **state)
{
    const troth_context_options plain = {OPTIONS};
    const troth_context_options delegated = {OPTIONS, .required = TROTH_MUTUAL | TROTH_DELEGATED};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    script.attributes.properties = TROTH_DEFAULT_REQUESTED | TROTH_IDENTIFY | TROTH_DELEGATED;
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &plain, &info, &error), TROTH_OK);
    assert_int_equal(info.properties & TROTH_IDENTIFY, TROTH_IDENTIFY);
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &delegated, &info, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "identified only");
}

/* ---- NTLM ----------------------------------------------------------------------------------------------------- */

/* One handshake that natively completes with NTLM and every property. */
static troth_status complete_ntlm(troth_role role, const troth_credential_options *own,
                                  const troth_context_options *options, troth_context_info *info, troth_error *error)
{
    struct scripted script;

    scripted_init(&script, done, 1);
    script.attributes.mechanism = TROTH_MECHANISM_NTLM;
    script.attributes.mechanism_name = "NTLM";
    return complete(&script, role, own, options, info, error);
}

static void ntlm_is_refused_unless_it_was_asked_for(void **state)
{
    const troth_context_options options = {OPTIONS, .required = TROTH_NOTHING};
    const troth_credential_options plain = TROTH_CREDENTIAL_OPTIONS_INIT;
    const troth_credential_options kerberos = {.size = sizeof kerberos, .mechanism = TROTH_MECHANISM_KERBEROS};
    const troth_credential_options allowed = {.size = sizeof allowed, .flags = TROTH_CREDENTIAL_NTLM};
    const troth_credential_options alone = {.size = sizeof alone, .mechanism = TROTH_MECHANISM_NTLM};

    (void)state;
    for (size_t r = 0; r < 2; r++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_error error = TROTH_ERROR_INIT;

        assert_int_equal(complete_ntlm(roles[r], &plain, &options, &info, &error), TROTH_E_MECHANISM);
        assert_text(error.text, "really used is NTLM, and only Kerberos is allowed");
        assert_int_equal(complete_ntlm(roles[r], &kerberos, &options, &info, &error), TROTH_E_MECHANISM);
        assert_int_equal(complete_ntlm(roles[r], &allowed, &options, &info, &error), TROTH_OK);
        assert_int_equal(info.mechanism, TROTH_MECHANISM_NTLM);
        assert_int_equal(complete_ntlm(roles[r], &alone, &options, &info, &error), TROTH_OK);
        assert_int_equal(info.mechanism, TROTH_MECHANISM_NTLM);
    }
}

static void ntlm_alone_takes_nothing_else(void **state)
{
    const troth_context_options options = {OPTIONS, .required = TROTH_NOTHING};
    const troth_credential_options alone = {.size = sizeof alone, .mechanism = TROTH_MECHANISM_NTLM};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    assert_int_equal(complete(&script, TROTH_INITIATOR, &alone, &options, &info, &error), TROTH_E_MECHANISM);
    assert_text(error.text, "really used is Kerberos, and only NTLM is allowed");
}

static void ntlm_never_counts_as_mutual(void **state)
{
    const troth_context_options plain = {OPTIONS};
    const troth_context_options less = {OPTIONS, .required = TROTH_CONFIDENTIALITY};
    const troth_credential_options alone = {.size = sizeof alone, .mechanism = TROTH_MECHANISM_NTLM};

    (void)state;
    for (size_t r = 0; r < 2; r++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_error error = TROTH_ERROR_INIT;

        assert_int_equal(complete_ntlm(roles[r], &alone, &plain, &info, &error), TROTH_E_REQUIREMENT);
        assert_text(error.text, "required and missing: mutual authentication");
        assert_text(error.text, "NTLM never proves who the acceptor is");
        assert_int_equal(complete_ntlm(roles[r], &alone, &less, &info, &error), TROTH_OK);
        assert_int_equal(info.properties & TROTH_MUTUAL, 0);
    }
}

/* ---- tokens of NTLM ------------------------------------------------------------------------------------------- */

#define NTLM_OID "\x2B\x06\x01\x04\x01\x82\x37\x02\x02\x0A"
#define SPNEGO_OID "\x2B\x06\x01\x05\x05\x02"
#define TOKEN(text) (text), sizeof(text) - 1

static const char raw_ntlm[] = "NTLMSSP\0\x01\0\0\0\x07\x82\x08\xA2";
static const char offers_ntlm[] = "\x60\x1C\x06\x06" SPNEGO_OID "\xA0\x12\x30\x10\xA0\x0E\x30\x0C\x06\x0A" NTLM_OID;
static const char chooses_ntlm[] = "\xA1\x10\x30\x0E\xA1\x0C\x06\x0A" NTLM_OID;
static const char raw_kerberos[] = "\x60\x13\x06\x09\x2A\x86\x48\x86\xF7\x12\x01\x02\x02\x01\0tokens";

/* An acceptor of such a credential is given this; whether it reached the provider is what counts. */
static troth_status accept_of(const troth_credential_options *own, const void *in, size_t length, bool *reached,
                              troth_error *error)
{
    static const struct scripted_step goes_on[] = {{TROTH_CONTINUE, token, sizeof token - 1}};
    const troth_context_options options = {OPTIONS};
    troth_context *context = NULL;
    struct scripted script;
    const void *out;
    size_t out_length;
    troth_status status;

    scripted_init(&script, goes_on, 1);
    assert_int_equal(policy_new(&script, TROTH_ACCEPTOR, own, &options, &context, error), TROTH_OK);
    status = troth_context_step(context, in, length, &out, &out_length, error);
    *reached = script.stepped > 0;
    troth_context_free(context);
    return status;
}

static void tokens_of_ntlm_reach_only_those_who_asked_for_it(void **state)
{
    static const struct {
        const void *token;
        size_t length;
    } tokens[] = {{TOKEN(raw_ntlm)}, {TOKEN(offers_ntlm)}, {TOKEN(chooses_ntlm)}};
    const troth_credential_options plain = TROTH_CREDENTIAL_OPTIONS_INIT;
    const troth_credential_options kerberos = {.size = sizeof kerberos, .mechanism = TROTH_MECHANISM_KERBEROS};
    const troth_credential_options allowed = {.size = sizeof allowed, .flags = TROTH_CREDENTIAL_NTLM};
    const troth_credential_options alone = {.size = sizeof alone, .mechanism = TROTH_MECHANISM_NTLM};
    troth_error error = TROTH_ERROR_INIT;
    bool reached;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(accept_of(&plain, tokens[i].token, tokens[i].length, &reached, &error), TROTH_E_MECHANISM);
        assert_false(reached);
        assert_int_equal(accept_of(&kerberos, tokens[i].token, tokens[i].length, &reached, &error), TROTH_E_MECHANISM);
        assert_false(reached);
        assert_int_equal(accept_of(&allowed, tokens[i].token, tokens[i].length, &reached, &error), TROTH_CONTINUE);
        assert_true(reached);
        /* NTLM alone speaks no SPNEGO. */
        assert_int_equal(accept_of(&alone, tokens[i].token, tokens[i].length, &reached, &error),
                         i == 0 ? TROTH_CONTINUE : TROTH_E_MECHANISM);
        assert_int_equal(reached, i == 0);
    }
    assert_int_equal(accept_of(&alone, TOKEN(raw_kerberos), &reached, &error), TROTH_E_MECHANISM);
    assert_text(error.text, "the peer speaks Kerberos, and this side NTLM alone");
    assert_false(reached);
}

static void tokens_of_ntlm_leave_only_those_who_asked_for_it(void **state)
{
    static const struct scripted_step ntlm[] = {{TROTH_CONTINUE, TOKEN(raw_ntlm)}};
    const troth_credential_options plain = TROTH_CREDENTIAL_OPTIONS_INIT;
    const troth_credential_options allowed = {.size = sizeof allowed, .flags = TROTH_CREDENTIAL_NTLM};
    const troth_credential_options alone = {.size = sizeof alone, .mechanism = TROTH_MECHANISM_NTLM};
    const troth_credential_options *const credentials[] = {&plain, &allowed, &alone};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        const troth_context_options options = {OPTIONS};
        troth_context *context = NULL;
        struct scripted script;
        const void *out;
        size_t length;

        scripted_init(&script, ntlm, 1);
        assert_int_equal(policy_new(&script, TROTH_INITIATOR, credentials[i], &options, &context, NULL), TROTH_OK);
        assert_int_equal(troth_context_step(context, NULL, 0, &out, &length, NULL),
                         i == 0 ? TROTH_E_MECHANISM : TROTH_CONTINUE);
        assert_int_equal(length, i == 0 ? 0 : sizeof raw_ntlm - 1);
        troth_context_free(context);
    }
}

static void ntlm_credentials_that_cannot_be_are_refused(void **state)
{
    static const troth_credential_options cases[] = {
        {.size = sizeof cases[0], .mechanism = TROTH_MECHANISM_KERBEROS, .flags = TROTH_CREDENTIAL_NTLM},
        {.size = sizeof cases[0], .mechanism = TROTH_MECHANISM_NTLM, .keytab = "FILE:x"},
        {.size = sizeof cases[0], .mechanism = TROTH_MECHANISM_NTLM, .ccache = "FILE:x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_credential *credential = NULL;
        troth_error error = TROTH_ERROR_INIT;
        struct scripted script;

        scripted_init(&script, done, 1);
        assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, &cases[i], &credential, &error),
                         TROTH_E_ARGUMENT);
        assert_text(error.text, "NTLM");
        assert_null(credential);
        assert_true(scripted_all_freed(&script));
    }
}

/* ---- encryption types ----------------------------------------------------------------------------------------- */

static void refused_encryption_types_are_refused_by_number_or_as_weak(void **state)
{
    static const int32_t list[] = {TROTH_ENCRYPTION_AES128_SHA1, 4711};
    static const struct {
        int32_t type;
        troth_status plain, listed, weak;
        uint32_t strength;
        const char *text;
    } cases[] = {
        {TROTH_ENCRYPTION_AES256_SHA1, TROTH_OK, TROTH_OK, TROTH_OK, 256, ""},
        {TROTH_ENCRYPTION_AES256_SHA384, TROTH_OK, TROTH_OK, TROTH_OK, 256, ""},
        {TROTH_ENCRYPTION_AES128_SHA256, TROTH_OK, TROTH_OK, TROTH_OK, 128, ""},
        {TROTH_ENCRYPTION_AES128_SHA1, TROTH_OK, TROTH_E_ENCRYPTION, TROTH_OK, 128, "17 (aes128-cts-hmac-sha1-96)"},
        {TROTH_ENCRYPTION_RC4, TROTH_OK, TROTH_OK, TROTH_E_ENCRYPTION, 128, "23 (rc4-hmac)"},
        {TROTH_ENCRYPTION_RC4_EXPORT, TROTH_OK, TROTH_OK, TROTH_E_ENCRYPTION, 56, "24 (rc4-hmac-exp)"},
        {TROTH_ENCRYPTION_DES3, TROTH_OK, TROTH_OK, TROTH_E_ENCRYPTION, 112, "16 (des3-cbc-sha1-kd)"},
        {TROTH_ENCRYPTION_DES_CBC_CRC, TROTH_OK, TROTH_OK, TROTH_E_ENCRYPTION, 56, "1 (des-cbc-crc)"},
        {TROTH_ENCRYPTION_DES_CBC_MD4, TROTH_OK, TROTH_OK, TROTH_E_ENCRYPTION, 56, "2 (des-cbc-md4)"},
        {TROTH_ENCRYPTION_DES_CBC_MD5, TROTH_OK, TROTH_OK, TROTH_E_ENCRYPTION, 56, "3 (des-cbc-md5)"},
        {4711, TROTH_OK, TROTH_E_ENCRYPTION, TROTH_OK, 0, "4711 (unnamed)"},
        {0, TROTH_OK, TROTH_E_ENCRYPTION, TROTH_E_ENCRYPTION, 0, "does not tell"},
    };
    const troth_context_options plain = {OPTIONS};
    const troth_context_options listed = {OPTIONS, .refused_encryption = list, .refused_encryption_count = 2};
    const troth_context_options weak = {OPTIONS, .flags = TROTH_REFUSE_WEAK_ENCRYPTION};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_error error = TROTH_ERROR_INIT;
        struct scripted script;

        scripted_init(&script, done, 1);
        script.attributes.encryption = cases[i].type;
        assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &plain, &info, &error), cases[i].plain);
        assert_int_equal(info.encryption, cases[i].type);
        assert_int_equal(info.strength, cases[i].strength);
        assert_false(script.encryption_matters);
        assert_int_equal(complete(&script, TROTH_INITIATOR, NULL, &listed, &info, &error), cases[i].listed);
        if (cases[i].listed != TROTH_OK)
            assert_text(error.text, cases[i].text);
        assert_true(script.encryption_matters);
        assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &weak, &info, &error), cases[i].weak);
        if (cases[i].weak != TROTH_OK)
            assert_text(error.text, cases[i].text);
        assert_true(script.encryption_matters);
    }
}

static void ntlm_is_no_way_around_refused_encryption_types(void **state)
{
    const troth_context_options weak = {OPTIONS, .required = TROTH_NOTHING, .flags = TROTH_REFUSE_WEAK_ENCRYPTION};
    const troth_credential_options allowed = {.size = sizeof allowed, .flags = TROTH_CREDENTIAL_NTLM};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_int_equal(complete_ntlm(TROTH_ACCEPTOR, &allowed, &weak, &info, &error), TROTH_E_ENCRYPTION);
    assert_text(error.text, "RC4");
}

static void a_strength_that_the_provider_tells_is_told(void **state)
{
    const troth_context_options plain = {OPTIONS};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    script.attributes.encryption = TROTH_ENCRYPTION_AES256_SHA1;
    script.attributes.strength = 255;
    assert_int_equal(complete(&script, TROTH_ACCEPTOR, NULL, &plain, &info, NULL), TROTH_OK);
    assert_int_equal(info.strength, 255);
}

static void the_list_of_refused_types_is_copied(void **state)
{
    int32_t list[] = {TROTH_ENCRYPTION_AES128_SHA1};
    const troth_context_options options = {OPTIONS, .refused_encryption = list, .refused_encryption_count = 1};
    troth_context *context = NULL;
    struct scripted script;
    const void *out;
    size_t length;

    (void)state;
    scripted_init(&script, done, 1);
    script.attributes.encryption = TROTH_ENCRYPTION_AES128_SHA1;
    assert_int_equal(policy_new(&script, TROTH_ACCEPTOR, NULL, &options, &context, NULL), TROTH_OK);
    list[0] = 4711;
    assert_int_equal(troth_context_step(context, "in", 2, &out, &length, NULL), TROTH_E_ENCRYPTION);
    troth_context_free(context);
}

static void an_encryption_type_that_did_not_matter_is_asked_for_once_when_somebody_wants_it(void **state)
{
    struct scripted script;
    static const struct scripted_step steps[] = {{TROTH_OK, "\x60\x0d", 2}};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;
    const void *out;
    size_t length;

    (void)state;
    scripted_init(&script, steps, 1);
    script.attributes.encryption = 0;
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(troth_context_step(context, "x", 1, &out, &length, NULL), TROTH_OK);
    assert_int_equal(script.asked_encryption, 0);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.encryption, 0);
    script.late_encryption = TROTH_ENCRYPTION_AES256_SHA1;
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.encryption, TROTH_ENCRYPTION_AES256_SHA1);
    assert_int_equal(info.strength, 256);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(script.asked_encryption, 2);
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_property_can_be_required_allowed_and_forbidden_in_both_roles),
        cmocka_unit_test(a_forbidden_integrity_is_there_with_confidentiality_too),
        cmocka_unit_test(forbidden_bindings_are_refused_when_the_peer_gave_them),
        cmocka_unit_test(what_is_forbidden_is_not_requested_and_delegation_never_is_by_default),
        cmocka_unit_test(policies_that_contradict_themselves_are_refused),
        cmocka_unit_test(an_anonymous_initiator_is_let_in_only_when_told_to_and_requirements_hold),
        cmocka_unit_test(identify_only_is_reported_and_refused_only_where_delegation_is_required),
        cmocka_unit_test(ntlm_is_refused_unless_it_was_asked_for),
        cmocka_unit_test(ntlm_alone_takes_nothing_else),
        cmocka_unit_test(ntlm_never_counts_as_mutual),
        cmocka_unit_test(tokens_of_ntlm_reach_only_those_who_asked_for_it),
        cmocka_unit_test(tokens_of_ntlm_leave_only_those_who_asked_for_it),
        cmocka_unit_test(ntlm_credentials_that_cannot_be_are_refused),
        cmocka_unit_test(refused_encryption_types_are_refused_by_number_or_as_weak),
        cmocka_unit_test(ntlm_is_no_way_around_refused_encryption_types),
        cmocka_unit_test(a_strength_that_the_provider_tells_is_told),
        cmocka_unit_test(the_list_of_refused_types_is_copied),
        cmocka_unit_test(an_encryption_type_that_did_not_matter_is_asked_for_once_when_somebody_wants_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
