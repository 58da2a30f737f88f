/* support.c - credentials, pairs and handshakes for the contract suite. */
#include "contract.h"

#include <stdio.h>

static troth_credential *credentials[3][3]; /* by role and mechanism */

bool is_sspi(void)
{
    return strcmp(troth_backend_name(), "sspi") == 0;
}

void skip_because(const char *why)
{
    print_message("# SKIPPED: %s\n", why);
    skip();
}

uint32_t path_under_test(void)
{
    return getenv("TROTH_TEST_STOCK") ? TROTH_CREDENTIAL_STOCK : 0;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    if (!value || value[0] == '\0') {
        fail_msg("%s is not set: run this through the realm (tests/realm)", name);
    }
    return value;
}

troth_credential *credential_of(troth_role role, troth_mechanism mechanism)
{
    troth_credential **credential = &credentials[role][mechanism];
    if (!*credential) {
        troth_error error = TROTH_ERROR_INIT;
        troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
        options.mechanism = mechanism;
        options.flags = path_under_test();
        if (troth_credential_acquire(role, &options, credential, &error) != TROTH_OK) {
            fail_msg("%s", error.text);
        }
    }
    return *credential;
}

void credentials_free(void)
{
    for (size_t role = 0; role < 3; role++) {
        for (size_t mechanism = 0; mechanism < 3; mechanism++) {
            troth_credential_free(credentials[role][mechanism]);
            credentials[role][mechanism] = NULL;
        }
    }
}

troth_name realm_target(void)
{
    return (troth_name){.service = variable("TROTH_REALM_SERVICE"), .host = variable("TROTH_REALM_HOST")};
}

const char *realm_user(void)
{
    return variable("TROTH_REALM_USER");
}

const char *realm_service_principal(void)
{
    static char name[512];
    snprintf(name, sizeof(name), "%s/%s@%s", variable("TROTH_REALM_SERVICE"), variable("TROTH_REALM_HOST"),
             variable("TROTH_REALM"));
    return name;
}

troth_context_options initiator_options(void)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    options.target = realm_target();
    return options;
}

troth_context_options acceptor_options(void)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    return options;
}

troth_context *context_new(troth_role role, troth_mechanism mechanism, const troth_context_options *options)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    troth_context_options standard = role == TROTH_INITIATOR ? initiator_options() : acceptor_options();
    if (troth_context_new(credential_of(role, mechanism), options ? options : &standard, &context, &error) !=
        TROTH_OK) {
        fail_msg("%s", error.text);
    }
    assert_non_null(context);
    return context;
}

struct pair pair_new(const troth_context_options *initiator, const troth_context_options *acceptor)
{
    struct pair pair;
    pair.initiator = context_new(TROTH_INITIATOR, under_test, initiator);
    pair.acceptor = context_new(TROTH_ACCEPTOR, under_test, acceptor);
    return pair;
}

void pair_free(struct pair *pair)
{
    troth_context_free(pair->initiator);
    troth_context_free(pair->acceptor);
    pair->initiator = NULL;
    pair->acceptor = NULL;
}

void pair_need(struct pair *pair, troth_status status, const troth_error *error)
{
    if (status == TROTH_E_UNAVAILABLE || status == TROTH_E_UNSUPPORTED) {
        assert_true(is_sspi());
        pair_free(pair);
        skip_because(error->text);
    }
    if (status != TROTH_OK)
        fail_msg("%s", error->text);
}

struct token token_of(const void *data, size_t length)
{
    struct token token = {NULL, length};
    if (length > 0) {
        token.data = malloc(length);
        assert_non_null(token.data);
        memcpy(token.data, data, length);
    }
    return token;
}

void token_free(struct token *token)
{
    free(token->data);
    token->data = NULL;
    token->length = 0;
}

struct token file_of(const char *name)
{
    const char *path = variable(name);
    struct token content = {malloc(1u << 20), 0};
    FILE *file;

    if (strncmp(path, "FILE:", 5) == 0)
        path += 5;
    file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    assert_non_null(content.data);
    content.length = fread(content.data, 1, 1u << 20, file);
    fclose(file);
    assert_true(content.length > 0);
    return content;
}

troth_status step(troth_context *context, const struct token *in, struct token *out, troth_error *error)
{
    const void *data = &out;
    size_t length = SIZE_MAX;
    troth_status status = troth_context_step(context, in ? in->data : NULL, in ? in->length : 0, &data, &length, error);
    /* Either bytes, or nothing at all. */
    assert_true((data == NULL) == (length == 0));
    if (out) {
        token_free(out);
        *out = token_of(data, length);
    }
    return status;
}

struct outcome handshake_tampered(const struct pair *pair, unsigned tampered, tamper_function *tamper, void *argument)
{
    struct outcome outcome = {
        .initiator = TROTH_CONTINUE,
        .acceptor = TROTH_CONTINUE,
        .initiator_error = TROTH_ERROR_INIT,
        .acceptor_error = TROTH_ERROR_INIT,
    };
    struct token token = {NULL, 0};
    struct token reply = {NULL, 0};
    bool initiators_turn = true;
    bool sent;

    do {
        troth_status *status = initiators_turn ? &outcome.initiator : &outcome.acceptor;
        if (*status != TROTH_CONTINUE) {
            break; /* words for one who has finished: nobody reads them */
        }
        *status = step(initiators_turn ? pair->initiator : pair->acceptor, outcome.legs == 0 ? NULL : &token, &reply,
                       initiators_turn ? &outcome.initiator_error : &outcome.acceptor_error);
        token_free(&token);
        token = reply;
        reply = (struct token){NULL, 0};
        sent = token.length > 0;
        if (sent) {
            outcome.legs++;
            if (outcome.legs == tampered) {
                tamper(&token, argument);
            }
        }
        initiators_turn = !initiators_turn;
    } while (sent && outcome.legs < 32);
    token_free(&token);
    assert_true(outcome.legs < 32);
    return outcome;
}

unsigned handshake(const struct pair *pair)
{
    struct outcome outcome = handshake_tampered(pair, 0, NULL, NULL);
    if (outcome.initiator != TROTH_OK || outcome.acceptor != TROTH_OK) {
        fail_msg("initiator %s: %s; acceptor %s: %s", troth_status_name(outcome.initiator),
                 outcome.initiator_error.text, troth_status_name(outcome.acceptor), outcome.acceptor_error.text);
    }
    return outcome.legs;
}

struct pair complete_pair(const troth_context_options *initiator, const troth_context_options *acceptor)
{
    struct pair pair = pair_new(initiator, acceptor);
    handshake(&pair);
    return pair;
}

void assert_peer(troth_context *context)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    const char *name = NULL;

    assert_int_equal(troth_context_info_get(context, &info, &error), TROTH_OK);
    troth_status status = troth_context_peer_name(context, &name, &error);
    if (status == TROTH_E_UNAVAILABLE && is_sspi()) {
        assert_null(name);
        return;
    }
    if (status != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    assert_string_equal(name, info.role == TROTH_INITIATOR ? realm_service_principal() : realm_user());
}

static void send_one(troth_context *from, troth_context *to, const char *text)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_protection protection = TROTH_PROTECTION_UNSET;
    uint8_t message[512];
    size_t length = 0;
    size_t data_length = 0;
    void *data = NULL;

    assert_int_equal(troth_context_info_get(from, &info, &error), TROTH_OK);
    assert_true(strlen(text) + info.wrap_overhead <= sizeof(message));
    if (troth_wrap(from, TROTH_PROTECT_CONFIDENTIALITY, text, strlen(text), message, sizeof(message), &length,
                   &error) != TROTH_OK ||
        troth_unwrap(to, message, length, &data, &data_length, &protection, &error) != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(protection, TROTH_PROTECT_CONFIDENTIALITY);
    assert_int_equal(data_length, strlen(text));
    assert_memory_equal(data, text, data_length);
}

void assert_converse(const struct pair *pair)
{
    send_one(pair->initiator, pair->acceptor, "from the initiator to the acceptor");
    send_one(pair->acceptor, pair->initiator, "and back");
}

bool is_final(troth_status status)
{
    return status >= TROTH_E_MEMORY;
}

bool is_broken(troth_status status)
{
    /* The number stands in the clear: a provider may look at it before it verifies what was made of it. */
    return status == TROTH_E_ALTERED || status == TROTH_E_BAD_TOKEN || status == TROTH_E_FAILURE ||
           (is_sspi() && status == TROTH_E_OUT_OF_SEQUENCE);
}

void assert_sticky(troth_context *context, troth_status status)
{
    troth_error error = TROTH_ERROR_INIT;
    struct token any = token_of("any", 3);
    struct token out = {NULL, 0};
    uint8_t message[256] = {0};
    size_t length = 0;
    void *data = NULL;

    assert_true(is_final(status));
    assert_int_equal(step(context, &any, &out, &error), status);
    assert_int_equal(out.length, 0);
    assert_int_equal(error.status, status);
    assert_int_equal(
        troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, message, sizeof(message), &length, &error), status);
    assert_int_equal(length, 0);
    assert_int_equal(troth_unwrap(context, message, sizeof(message), &data, &length, NULL, &error), status);
    assert_null(data);
    assert_int_equal(troth_get_mic(context, "x", 1, message, sizeof(message), &length, &error), status);
    assert_int_equal(troth_verify_mic(context, "x", 1, message, sizeof(message), &error), status);
    token_free(&any);
}

void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}
