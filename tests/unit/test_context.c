/* test_context.c - shows that "done" means verified, that failures stay, and that NTLM passes in no direction. */
#include "support.h"

#include "scripted_backend.h"

#define NTLM_OID "\x2B\x06\x01\x04\x01\x82\x37\x02\x02\x0A"
#define SPNEGO_OID "\x2B\x06\x01\x05\x05\x02"

static const char raw_ntlm[] = "NTLMSSP\0\x01\0\0\0\x07\x82\x08\xA2";
/* NegTokenInit with NTLM as its only mechanism, and a NegTokenResp that chooses NTLM. */
static const char offers_ntlm[] = "\x60\x1C\x06\x06" SPNEGO_OID "\xA0\x12\x30\x10\xA0\x0E\x30\x0C\x06\x0A" NTLM_OID;
static const char chooses_ntlm[] = "\xA1\x10\x30\x0E\xA1\x0C\x06\x0A" NTLM_OID;

#define TOKEN(text) (text), sizeof(text) - 1

static const char token[] = "a token";
static const struct scripted_step done[] = {{TROTH_OK, TOKEN(token)}};
static const struct scripted_step goes_on[] = {{TROTH_CONTINUE, TOKEN(token)}};
static const struct scripted_step three_legs[] = {
    {TROTH_CONTINUE, TOKEN(token)}, {TROTH_CONTINUE, NULL, 0}, {TROTH_OK, NULL, 0}};
static const struct scripted_step fails[] = {{TROTH_E_CLOCK_SKEW, NULL, 0}};
static const struct scripted_step fails_with_token[] = {{TROTH_E_CLOCK_SKEW, TOKEN(token)}};
static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};

/* A step with the token that is due, checking that outputs and error agree with the status. */
static troth_status step_with(troth_context *context, const void *in, size_t length, size_t *out_length,
                              troth_error *error)
{
    static const char garbage[] = "garbage";
    const void *out = garbage;
    troth_status status;

    *out_length = 99;
    status = troth_context_step(context, in, length, &out, out_length, error);
    if (*out_length == 0)
        assert_null(out);
    else
        assert_memory_equal(out, token, *out_length);
    if (status != TROTH_OK && status != TROTH_CONTINUE && error != NULL) {
        assert_int_equal(error->status, status);
        assert_true(strlen(error->text) > 0);
    }
    return status;
}

/* The first step of a role. */
static troth_status first_step(troth_context *context, troth_role role, size_t *out_length, troth_error *error)
{
    bool with = role == TROTH_ACCEPTOR;

    return step_with(context, with ? "in" : NULL, with ? 2 : 0, out_length, error);
}

/* ---- requirements --------------------------------------------------------------------------------------------- */

/* One conversation that natively completes with these properties. */
static troth_status complete_with(troth_role role, const troth_context_options *options, uint32_t properties,
                                  troth_error *error)
{
    struct scripted script;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;
    troth_status status;
    size_t out = 99;

    scripted_init(&script, done, 1);
    script.attributes.properties = properties;
    context = scripted_context(&script, role, options);
    status = first_step(context, role, &out, error);
    assert_int_equal(script.asked_attributes, 1);
    assert_int_equal(troth_context_info_get(context, &info, NULL), status == TROTH_OK ? TROTH_OK : TROTH_E_STATE);
    assert_int_equal(info.properties, status == TROTH_OK ? (properties | (properties & TROTH_CONFIDENTIALITY) / 2) : 0);
    /* What is refused must not look like a success to the peer. */
    assert_int_equal(out, status == TROTH_OK ? sizeof token - 1 : 0);
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
    return status;
}

static void each_required_property_that_is_missing_is_named(void **state)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } properties[] = {
        {TROTH_MUTUAL, "mutual authentication"},          {TROTH_INTEGRITY, "integrity"},
        {TROTH_CONFIDENTIALITY, "confidentiality"},       {TROTH_REPLAY_DETECTION, "replay detection"},
        {TROTH_SEQUENCE_DETECTION, "sequence detection"},
    };

    (void)state;
    for (size_t r = 0; r < 2; r++) {
        for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
            troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
            troth_error error = TROTH_ERROR_INIT;
            uint32_t bit = properties[i].bit;
            uint32_t others = TROTH_DEFAULT_REQUESTED & ~bit & ~(bit == TROTH_INTEGRITY ? TROTH_CONFIDENTIALITY : 0);

            options.required = bit;
            assert_int_equal(complete_with(roles[r], &options, others, &error), TROTH_E_REQUIREMENT);
            assert_text(error.text, "required and missing: ");
            for (size_t j = 0; j < sizeof properties / sizeof properties[0]; j++) {
                char *text = strstr(error.text, "missing: ");

                *strstr(error.text, " Hint: ") = '\0';
                assert_true((strstr(text, properties[j].name) != NULL) == (i == j));
                error.text[strlen(error.text)] = ' ';
            }
            assert_int_equal(complete_with(roles[r], &options, others | bit, &error), TROTH_OK);
        }
    }
}

static void the_default_requirements_are_those_of_the_role(void **state)
{
    (void)state;
    for (uint32_t bit = TROTH_MUTUAL; bit <= TROTH_SEQUENCE_DETECTION; bit <<= 1) {
        uint32_t properties = TROTH_DEFAULT_REQUESTED & ~bit;
        bool sealed = bit == TROTH_INTEGRITY; /* confidentiality counts as integrity */
        bool detection = bit == TROTH_REPLAY_DETECTION || bit == TROTH_SEQUENCE_DETECTION;

        assert_int_equal(complete_with(TROTH_INITIATOR, NULL, properties, NULL),
                         sealed ? TROTH_OK : TROTH_E_REQUIREMENT);
        assert_int_equal(complete_with(TROTH_ACCEPTOR, NULL, properties, NULL),
                         sealed || detection ? TROTH_OK : TROTH_E_REQUIREMENT);
    }
}

static void several_missing_properties_are_all_named(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_int_equal(complete_with(TROTH_INITIATOR, NULL, TROTH_REPLAY_DETECTION, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "mutual authentication, integrity, confidentiality, sequence detection");
    assert_text(error.text, "initiating to scripted@host (Negotiate): ");
}

static void nothing_required_is_nothing_missing(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    (void)state;
    options.required = TROTH_NOTHING;
    assert_int_equal(complete_with(TROTH_INITIATOR, &options, 0, NULL), TROTH_OK);
    assert_int_equal(complete_with(TROTH_ACCEPTOR, &options, 0, NULL), TROTH_OK);
}

static void an_anonymous_initiator_is_refused_though_nothing_is_required(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    options.required = TROTH_NOTHING;
    assert_int_equal(complete_with(TROTH_ACCEPTOR, &options, TROTH_ANONYMOUS, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "anonymous");
}

static void any_mechanism_but_kerberos_is_refused_though_nothing_is_required(void **state)
{
    static const char *const names[] = {"NTLM", NULL};

    (void)state;
    for (size_t r = 0; r < 2; r++) {
        for (size_t i = 0; i < 2; i++) {
            troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
            troth_error error = TROTH_ERROR_INIT;
            struct scripted script;
            troth_context *context;
            size_t out;

            options.required = TROTH_NOTHING;
            scripted_init(&script, done, 1);
            script.attributes.mechanism = TROTH_MECHANISM_DEFAULT;
            script.attributes.mechanism_name = names[i];
            context = scripted_context(&script, roles[r], &options);
            assert_int_equal(first_step(context, roles[r], &out, &error), TROTH_E_MECHANISM);
            assert_text(error.text, names[i] != NULL ? names[i] : "unknown");
            assert_int_equal(out, 0);
            troth_context_free(context);
        }
    }
}

static void required_channel_bindings_are_bound_or_refused(void **state)
{
    static const troth_binding_result results[] = {TROTH_BINDING_BOUND, TROTH_BINDING_ABSENT, TROTH_BINDING_UNKNOWN,
                                                   TROTH_BINDING_UNSET};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
        troth_bindings bindings = {0};
        troth_error error = TROTH_ERROR_INIT;
        struct scripted script;
        troth_context *context;
        size_t out;

        bindings.application_data = "tls-exporter:x";
        bindings.application_data_length = 14;
        options.bindings = &bindings;
        options.required = TROTH_CHANNEL_BOUND;
        scripted_init(&script, done, 1);
        /* A native layer that sets the bit without the result is not believed. */
        script.attributes.properties |= TROTH_CHANNEL_BOUND;
        script.attributes.bindings = results[i];
        context = scripted_context(&script, TROTH_ACCEPTOR, &options);
        assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error),
                         results[i] == TROTH_BINDING_BOUND ? TROTH_OK : TROTH_E_REQUIREMENT);
        if (results[i] != TROTH_BINDING_BOUND)
            assert_text(error.text, "missing: channel bindings");
        troth_context_free(context);
    }
}

static void attributes_that_cannot_be_read_are_a_failure(void **state)
{
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    size_t out;

    (void)state;
    scripted_init(&script, done, 1);
    script.attributes_status = TROTH_E_UNAVAILABLE;
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_not_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_OK);
    assert_int_equal(out, 0);
    assert_int_not_equal(step_with(context, "in", 2, &out, &error), TROTH_OK);
    assert_int_equal(script.stepped, 1);
    troth_context_free(context);
}

static void attributes_are_asked_once_and_only_at_the_end(void **state)
{
    struct scripted script;
    troth_context *context;
    size_t out;

    (void)state;
    scripted_init(&script, three_legs, 3);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(step_with(context, NULL, 0, &out, NULL), TROTH_CONTINUE);
    assert_int_equal(out, sizeof token - 1);
    assert_int_equal(step_with(context, "in", 2, &out, NULL), TROTH_CONTINUE);
    assert_int_equal(out, 0);
    assert_int_equal(script.asked_attributes, 0);
    assert_int_equal(step_with(context, "in", 2, &out, NULL), TROTH_OK);
    assert_int_equal(script.asked_attributes, 1);
    troth_context_free(context);
}

static void what_is_required_is_requested_as_well(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    options.requested = TROTH_IDENTIFY;
    options.required = TROTH_MUTUAL;
    troth_context_free(scripted_context(&script, TROTH_INITIATOR, &options));
    assert_int_equal(script.requested, TROTH_IDENTIFY | TROTH_MUTUAL);
    options.requested = TROTH_NOTHING;
    troth_context_free(scripted_context(&script, TROTH_INITIATOR, &options));
    assert_int_equal(script.requested, TROTH_MUTUAL);
    troth_context_free(scripted_context(&script, TROTH_INITIATOR, NULL));
    assert_int_equal(script.requested, TROTH_DEFAULT_REQUESTED);
    assert_int_equal(script.required, TROTH_DEFAULT_REQUIRED_INITIATOR);
    troth_context_free(scripted_context(&script, TROTH_ACCEPTOR, NULL));
    assert_int_equal(script.required, TROTH_DEFAULT_REQUIRED_ACCEPTOR);
}

/* ---- failures ------------------------------------------------------------------------------------------------- */

static void a_failed_step_is_final(void **state)
{
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    uint8_t buffer[16] = {'W', 2};
    const char *name = "name";
    void *data = buffer;
    size_t out;

    (void)state;
    scripted_init(&script, fails, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_E_CLOCK_SKEW);
    assert_text(error.text, "accepting as any service in the keytab (Negotiate): " SCRIPTED_TEXT);
    assert_text(error.text, " Hint: ");
    assert_int_equal(error.native_major, SCRIPTED_MAJOR);
    for (int again = 0; again < 2; again++) {
        error = (troth_error)TROTH_ERROR_INIT;
        assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_E_CLOCK_SKEW);
        assert_int_equal(error.native_major, SCRIPTED_MAJOR);
        assert_int_equal(error.native_minor, SCRIPTED_MINOR);
        assert_int_equal(out, 0);
    }
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, buffer, 16, &out, &error),
                     TROTH_E_CLOCK_SKEW);
    assert_int_equal(troth_unwrap(context, buffer, 16, &data, &out, NULL, &error), TROTH_E_CLOCK_SKEW);
    assert_null(data);
    assert_int_equal(troth_get_mic(context, "x", 1, buffer, 16, &out, &error), TROTH_E_CLOCK_SKEW);
    assert_int_equal(troth_verify_mic(context, "x", 1, "MIC!", 4, &error), TROTH_E_CLOCK_SKEW);
    assert_int_not_equal(troth_context_peer_name(context, &name, &error), TROTH_OK);
    assert_null(name);
    assert_int_equal(script.stepped, 1);
    assert_int_equal(script.asked_messages, 0);
    assert_int_equal(script.asked_names, 0);
    troth_context_free(context);
}

static void a_missing_requirement_is_final(void **state)
{
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    size_t out;

    (void)state;
    scripted_init(&script, done, 1);
    script.attributes.properties = TROTH_INTEGRITY;
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_E_REQUIREMENT);
    script.attributes.properties = TROTH_DEFAULT_REQUESTED;
    assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_E_REQUIREMENT);
    assert_int_equal(script.stepped, 1);
    troth_context_free(context);
}

static void the_token_of_a_failed_step_is_handed_out(void **state)
{
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    size_t out;

    (void)state;
    scripted_init(&script, fails_with_token, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_E_CLOCK_SKEW);
    assert_int_equal(out, sizeof token - 1);
    assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_E_CLOCK_SKEW);
    assert_int_equal(out, 0);
    troth_context_free(context);
}

static void misuse_changes_nothing(void **state)
{
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;
    const char *name;
    const void *view;
    size_t out;

    (void)state;
    scripted_init(&script, done, 1);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_step(context, NULL, 0, NULL, &out, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_step(context, NULL, 0, &view, NULL, &error), TROTH_E_ARGUMENT);
    assert_int_equal(step_with(context, NULL, 5, &out, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_step(NULL, NULL, 0, &view, &out, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_info_get(context, &info, &error), TROTH_E_STATE);
    assert_int_equal(troth_context_peer_name(context, &name, &error), TROTH_E_STATE);
    assert_int_equal(script.stepped, 0);
    assert_int_equal(step_with(context, NULL, 0, &out, &error), TROTH_OK);
    assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_E_STATE);
    info.size = sizeof info - 1;
    assert_int_equal(troth_context_info_get(context, &info, &error), TROTH_E_ARGUMENT);
    info.size = sizeof info;
    assert_int_equal(troth_context_info_get(context, &info, &error), TROTH_OK);
    assert_int_equal(info.role, TROTH_INITIATOR);
    assert_int_equal(info.mechanism, TROTH_MECHANISM_KERBEROS);
    assert_int_equal(info.wrap_overhead, SCRIPTED_HEADER);
    troth_context_free(context);

    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    script.stepped = 0;
    assert_int_equal(step_with(context, NULL, 0, &out, &error), TROTH_E_ARGUMENT);
    assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_OK);
    troth_context_free(context);
}

static void a_handshake_has_at_most_sixteen_legs(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct scripted script;
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        size_t out;

        scripted_init(&script, goes_on, 1);
        context = scripted_context(&script, roles[r], NULL);
        assert_int_equal(first_step(context, roles[r], &out, &error), TROTH_CONTINUE);
        for (int leg = 2; leg <= 16; leg++)
            assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_CONTINUE);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_E_LIMIT);
            assert_int_equal(out, 0);
        }
        assert_int_equal(script.stepped, 16);
        troth_context_free(context);
    }
}

static void an_empty_token_from_the_peer_is_bad_and_final(void **state)
{
    (void)state;
    for (size_t r = 0; r < 2; r++) {
        struct scripted script;
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        size_t out;

        scripted_init(&script, goes_on, 1);
        context = scripted_context(&script, roles[r], NULL);
        assert_int_equal(first_step(context, roles[r], &out, &error), TROTH_CONTINUE);
        assert_int_equal(step_with(context, NULL, 0, &out, &error), TROTH_E_BAD_TOKEN);
        assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_E_BAD_TOKEN);
        assert_int_equal(script.stepped, 1);
        troth_context_free(context);
    }
}

/* ---- NTLM ----------------------------------------------------------------------------------------------------- */

static void ntlm_from_the_peer_never_reaches_the_backend(void **state)
{
    static const struct {
        troth_role role;
        const char *in;
        size_t length;
    } cases[] = {
        {TROTH_ACCEPTOR, TOKEN(raw_ntlm)},
        {TROTH_ACCEPTOR, TOKEN(offers_ntlm)},
        {TROTH_INITIATOR, TOKEN(raw_ntlm)},
        {TROTH_INITIATOR, TOKEN(chooses_ntlm)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scripted script;
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context;
        size_t out;
        int before;

        scripted_init(&script, goes_on, 1);
        context = scripted_context(&script, cases[i].role, NULL);
        if (cases[i].role == TROTH_INITIATOR)
            assert_int_equal(step_with(context, NULL, 0, &out, &error), TROTH_CONTINUE);
        before = script.stepped;
        assert_int_equal(step_with(context, cases[i].in, cases[i].length, &out, &error), TROTH_E_MECHANISM);
        assert_text(error.text, "NTLM");
        assert_int_equal(out, 0);
        assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_E_MECHANISM);
        assert_int_equal(script.stepped, before);
        troth_context_free(context);
    }
}

static void ntlm_from_the_backend_never_reaches_the_peer(void **state)
{
    static const struct {
        const char *out;
        size_t length;
    } tokens[] = {{TOKEN(raw_ntlm)}, {TOKEN(offers_ntlm)}, {TOKEN(chooses_ntlm)}};
    static const troth_status statuses[] = {TROTH_CONTINUE, TROTH_OK, TROTH_E_DENIED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            for (size_t r = 0; r < 2; r++) {
                struct scripted_step step = {statuses[j], tokens[i].out, tokens[i].length};
                struct scripted script;
                troth_error error = TROTH_ERROR_INIT;
                troth_context *context;
                size_t out;

                scripted_init(&script, &step, 1);
                context = scripted_context(&script, roles[r], NULL);
                assert_int_equal(first_step(context, roles[r], &out, &error), TROTH_E_MECHANISM);
                assert_text(error.text, "NTLM");
                assert_int_equal(out, 0);
                troth_context_free(context);
            }
        }
    }
}

static void negotiate_against_kerberos_alone_is_told_apart(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;
    size_t out;

    (void)state;
    scripted_init(&script, goes_on, 1);
    options.mechanism = TROTH_MECHANISM_KERBEROS;
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, &options, &credential, &error),
                     TROTH_OK);
    assert_int_equal(troth_context_new(credential, NULL, &context, &error), TROTH_OK);
    assert_int_equal(step_with(context, TOKEN(chooses_ntlm), &out, &error), TROTH_E_MECHANISM);
    assert_int_equal(script.stepped, 0);
    troth_context_free(context);
    troth_credential_free(credential);
}

/* ---- making, asking, freeing ---------------------------------------------------------------------------------- */

static void options_that_cannot_be_are_refused(void **state)
{
    static const troth_bindings broken = {.application_data_length = 5};
    static const struct {
        troth_role role;
        troth_context_options options;
        troth_status status;
    } cases[] = {
        {TROTH_INITIATOR, {.size = sizeof(troth_context_options)}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {.size = sizeof(troth_context_options), .target = {.service = "x"}}, TROTH_E_NAME},
        {TROTH_INITIATOR, {.size = 0, .target = {"x", "y", NULL}}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {.size = sizeof(troth_context_options), .target = {"x", "y", NULL}, .required = TROTH_CHANNEL_BOUND},
         TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {.size = sizeof(troth_context_options), .target = {"x", "y", NULL}, .requested = TROTH_CHANNEL_BOUND},
         TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {.size = sizeof(troth_context_options), .target = {"x", "y", NULL}, .requested = TROTH_DELEGATED},
         TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {.size = sizeof(troth_context_options), .target = {"x", "y", NULL}, .flags = 0x8},
         TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR,
         {.size = sizeof(troth_context_options), .required = TROTH_NOTHING | TROTH_MUTUAL},
         TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {.size = sizeof(troth_context_options), .required = TROTH_CHANNEL_BOUND}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {.size = sizeof(troth_context_options), .required = TROTH_ANONYMOUS}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {.size = sizeof(troth_context_options), .requested = TROTH_MUTUAL}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {.size = sizeof(troth_context_options), .target = {"x", "y", NULL}}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {.size = sizeof(troth_context_options), .bindings = &broken}, TROTH_E_ARGUMENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scripted script;
        troth_credential *credential = NULL;
        troth_context *context = (troth_context *)&script;
        troth_error error = TROTH_ERROR_INIT;

        scripted_init(&script, done, 1);
        assert_int_equal(troth__credential_acquire(&script.backend, cases[i].role, NULL, &credential, NULL), TROTH_OK);
        assert_int_equal(troth_context_new(credential, &cases[i].options, &context, &error), cases[i].status);
        assert_null(context);
        assert_true(strlen(error.text) > 0);
        assert_int_equal(troth_context_new(credential, &cases[i].options, NULL, NULL), TROTH_E_ARGUMENT);
        troth_credential_free(credential);
        assert_true(scripted_all_freed(&script));
    }
}

static void a_context_that_cannot_be_made_leaves_nothing_behind(void **state)
{
    struct scripted script;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_int_equal(troth_context_new(NULL, NULL, &context, &error), TROTH_E_ARGUMENT);
    scripted_init(&script, done, 1);
    script.context_status = TROTH_E_FAILURE;
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, NULL, &credential, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(credential, NULL, &context, &error), TROTH_E_FAILURE);
    assert_null(context);
    assert_text(error.text, SCRIPTED_TEXT);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
}

static void each_allocation_of_a_new_context_may_fail(void **state)
{
    static const int32_t refused = TROTH_ENCRYPTION_RC4;
    troth_bindings bindings = {.application_data = "x", .application_data_length = 1};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_status status = TROTH_E_MEMORY;
    int nth = 0;

    (void)state;
    options.target.service = "x";
    options.target.host = "y";
    options.bindings = &bindings;
    options.refused_encryption = &refused;
    options.refused_encryption_count = 1;
    while (status == TROTH_E_MEMORY) {
        struct scripted script;
        troth_credential *credential = NULL;
        troth_context *context = NULL;

        scripted_init(&script, done, 1);
        assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, NULL, &credential, NULL),
                         TROTH_OK);
        support_fail_allocation(++nth);
        status = troth_context_new(credential, &options, &context, NULL);
        support_fail_allocation(0);
        assert_true((context != NULL) == (status == TROTH_OK));
        troth_context_free(context);
        troth_credential_free(credential);
        assert_true(scripted_all_freed(&script));
    }
    assert_int_equal(status, TROTH_OK);
    assert_true(nth > 4);
}

static void names_are_asked_once_and_a_failure_to_tell_is_not_final(void **state)
{
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    const char *name = NULL;
    const char *again = NULL;
    size_t out;

    (void)state;
    scripted_init(&script, done, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(first_step(context, TROTH_ACCEPTOR, &out, &error), TROTH_OK);
    assert_int_equal(script.asked_names, 0);
    script.name_status = TROTH_E_UNAVAILABLE;
    assert_int_equal(troth_context_peer_name(context, &name, &error), TROTH_E_UNAVAILABLE);
    assert_null(name);
    script.name_status = TROTH_OK;
    assert_int_equal(troth_context_peer_name(context, &name, &error), TROTH_OK);
    assert_string_equal(name, "peer@SCRIPT");
    assert_int_equal(troth_context_peer_name(context, &again, NULL), TROTH_OK);
    assert_ptr_equal(name, again);
    assert_int_equal(script.asked_names, 2);
    assert_int_equal(troth_context_target_name(context, &name, NULL), TROTH_OK);
    assert_string_equal(name, "target@SCRIPT");
    assert_int_equal(troth_context_peer_name(context, NULL, &error), TROTH_E_ARGUMENT);
    troth_context_free(context);
}

static void an_acceptor_that_did_not_prove_itself_has_no_name(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    const char *name = "name";
    size_t out;

    (void)state;
    options.required = TROTH_NOTHING;
    scripted_init(&script, done, 1);
    script.attributes.properties = TROTH_INTEGRITY;
    context = scripted_context(&script, TROTH_INITIATOR, &options);
    assert_int_equal(first_step(context, TROTH_INITIATOR, &out, &error), TROTH_OK);
    assert_int_equal(troth_context_peer_name(context, &name, &error), TROTH_E_STATE);
    assert_null(name);
    assert_int_equal(script.asked_names, 0);
    troth_context_free(context);
}

static void a_context_is_freed_at_every_step(void **state)
{
    (void)state;
    troth_context_free(NULL);
    for (int steps = 0; steps <= 3; steps++) {
        struct scripted script;
        troth_context *context;
        size_t out;

        scripted_init(&script, three_legs, 3);
        context = scripted_context(&script, TROTH_INITIATOR, NULL);
        for (int i = 0; i < steps; i++)
            (void)step_with(context, i > 0 ? "in" : NULL, i > 0 ? 2 : 0, &out, NULL);
        assert_int_equal(script.credentials, 1);
        troth_context_free(context);
        assert_true(scripted_all_freed(&script));
    }
}

static void a_native_layer_that_calls_a_step_misuse_has_failed(void **state)
{
    static const struct scripted_step unsupported[] = {{TROTH_E_UNSUPPORTED, NULL, 0}};
    struct scripted script;
    troth_error error = TROTH_ERROR_INIT;
    size_t out;

    (void)state;
    for (size_t r = 0; r < 2; r++) {
        troth_context *context;

        scripted_init(&script, unsupported, 1);
        context = scripted_context(&script, roles[r], NULL);
        assert_int_equal(first_step(context, roles[r], &out, &error), TROTH_E_FAILURE);
        assert_int_equal(step_with(context, "in", 2, &out, &error), TROTH_E_FAILURE);
        assert_int_equal(script.stepped, 1);
        troth_context_free(context);

        scripted_init(&script, done, 1);
        script.attributes_status = TROTH_E_UNSUPPORTED;
        context = scripted_context(&script, roles[r], NULL);
        assert_int_equal(first_step(context, roles[r], &out, &error), TROTH_E_FAILURE);
        troth_context_free(context);
        assert_true(scripted_all_freed(&script));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_required_property_that_is_missing_is_named),
        cmocka_unit_test(the_default_requirements_are_those_of_the_role),
        cmocka_unit_test(several_missing_properties_are_all_named),
        cmocka_unit_test(nothing_required_is_nothing_missing),
        cmocka_unit_test(an_anonymous_initiator_is_refused_though_nothing_is_required),
        cmocka_unit_test(any_mechanism_but_kerberos_is_refused_though_nothing_is_required),
        cmocka_unit_test(required_channel_bindings_are_bound_or_refused),
        cmocka_unit_test(attributes_that_cannot_be_read_are_a_failure),
        cmocka_unit_test(attributes_are_asked_once_and_only_at_the_end),
        cmocka_unit_test(what_is_required_is_requested_as_well),
        cmocka_unit_test(a_failed_step_is_final),
        cmocka_unit_test(a_missing_requirement_is_final),
        cmocka_unit_test(the_token_of_a_failed_step_is_handed_out),
        cmocka_unit_test(misuse_changes_nothing),
        cmocka_unit_test(a_handshake_has_at_most_sixteen_legs),
        cmocka_unit_test(an_empty_token_from_the_peer_is_bad_and_final),
        cmocka_unit_test(ntlm_from_the_peer_never_reaches_the_backend),
        cmocka_unit_test(ntlm_from_the_backend_never_reaches_the_peer),
        cmocka_unit_test(negotiate_against_kerberos_alone_is_told_apart),
        cmocka_unit_test(options_that_cannot_be_are_refused),
        cmocka_unit_test(a_context_that_cannot_be_made_leaves_nothing_behind),
        support_allocation_test(each_allocation_of_a_new_context_may_fail),
        cmocka_unit_test(names_are_asked_once_and_a_failure_to_tell_is_not_final),
        cmocka_unit_test(an_acceptor_that_did_not_prove_itself_has_no_name),
        cmocka_unit_test(a_context_is_freed_at_every_step),
        cmocka_unit_test(a_native_layer_that_calls_a_step_misuse_has_failed),
    };

    return cmocka_run_group_tests_name("context", tests, NULL, NULL);
}
