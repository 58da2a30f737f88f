/* tokens.c - contract: no damaged, foreign, repeated or misdirected token makes a handshake succeed that should not. */
#include "contract.h"

#define LARGE 65536u

/* Under a provider that takes milliseconds for a leg, not every byte is changed. */
static size_t stride(void)
{
    return is_sspi() ? 7 : 1;
}

/* How long the token of this leg is; 0: there is none. */
static size_t length_of_leg(unsigned leg)
{
    struct pair pair = pair_new(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token token = {NULL, 0};
    troth_status status = TROTH_CONTINUE;
    for (unsigned i = 0; i < leg; i++) {
        struct token reply = {NULL, 0};
        status = step(i % 2 == 0 ? pair.initiator : pair.acceptor, i == 0 ? NULL : &token, &reply, &error);
        assert_true(status == TROTH_OK || status == TROTH_CONTINUE);
        token_free(&token);
        token = reply;
        if (token.length == 0) {
            break;
        }
    }
    size_t length = token.length;
    token_free(&token);
    pair_free(&pair);
    return length;
}

/*
 * Some bytes of a handshake are protected by nothing (a kvno, SPNEGO's flags): a change there may go through. But then
 * everything must be as if it had not been: the right peers, and messages that flow. Returns whether it went through.
 */
static bool assert_no_false_success(unsigned leg, tamper_function *tamper, void *argument)
{
    struct pair pair = pair_new(NULL, NULL);
    struct outcome outcome = handshake_tampered(&pair, leg, tamper, argument);

    if (outcome.acceptor == TROTH_OK) {
        assert_peer(pair.acceptor);
    }
    if (outcome.initiator == TROTH_OK) {
        assert_int_equal(outcome.acceptor, TROTH_OK);
        assert_peer(pair.initiator);
        assert_converse(&pair);
    }
    if (is_final(outcome.acceptor)) {
        assert_true(outcome.acceptor_error.text[0] != '\0');
        assert_sticky(pair.acceptor, outcome.acceptor);
    }
    if (is_final(outcome.initiator)) {
        assert_true(outcome.initiator_error.text[0] != '\0');
        assert_sticky(pair.initiator, outcome.initiator);
    }
    bool through = (leg % 2 == 1 ? outcome.acceptor : outcome.initiator) == TROTH_OK;
    pair_free(&pair);
    return through;
}

/* Takes bytes off the end, and leaves one. A token's length is not the same each time (DER has short numbers). */
static void cut(struct token *token, void *argument)
{
    const size_t *count = argument;
    struct token shorter = token_of(token->data, *count < token->length ? token->length - *count : 1);
    token_free(token);
    *token = shorter;
}

static void a_cut_token_never_passes(void **state)
{
    (void)state;
    for (unsigned leg = 1; length_of_leg(leg) > 0; leg++) {
        size_t whole = length_of_leg(leg);
        for (size_t count = 1; count < whole; count += stride()) {
            if (assert_no_false_success(leg, cut, &count)) {
                fail_msg("leg %u of %zu bytes went through without its last %zu", leg, whole, count);
            }
        }
    }
}

static void empty(struct token *token, void *argument)
{
    (void)argument;
    token_free(token);
}

struct flip {
    size_t at;
    uint8_t bits;
};

static void flip(struct token *token, void *argument)
{
    const struct flip *it = argument;
    if (it->at < token->length) {
        token->data[it->at] = (uint8_t)(token->data[it->at] ^ it->bits);
    }
}

static void a_changed_byte_never_makes_a_false_success(void **state)
{
    (void)state;
    static const uint8_t bits[] = {0xFF, 0x01, 0x80};
    for (unsigned leg = 1; length_of_leg(leg) > 0; leg++) {
        size_t whole = length_of_leg(leg);
        size_t tried = 0;
        size_t through = 0;
        for (size_t at = 0; at < whole; at += stride()) {
            struct flip it = {at, bits[at % sizeof(bits)]};
            tried++;
            through += assert_no_false_success(leg, flip, &it) ? 1 : 0;
        }
        /* Nearly all of a token is protected, or the test looks at the wrong thing. */
        print_message("# leg %u: %zu changed bytes, %zu that nothing protects\n", leg, tried, through);
        assert_true(through * 4 < tried);
    }
}

struct replacement {
    int kind; /* 0 garbage, 1 64 KiB of garbage, 2 64 KiB that begin like the token */
    size_t length;
};

static void replace(struct token *token, void *argument)
{
    const struct replacement *it = argument;
    uint8_t *data = malloc(it->length);
    assert_non_null(data);
    for (size_t i = 0; i < it->length; i++) {
        data[i] = (uint8_t)(i * 131 + 7);
    }
    if (it->kind == 2) {
        memcpy(data, token->data, token->length < it->length ? token->length : it->length);
    }
    token_free(token);
    token->data = data;
    token->length = it->length;
}

static void garbage_in_place_of_a_token_never_passes(void **state)
{
    (void)state;
    static const struct replacement cases[] = {{0, 1}, {0, 2}, {0, 16}, {0, 700}, {1, LARGE}, {2, LARGE}};
    for (unsigned leg = 1; length_of_leg(leg) > 0; leg++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct replacement it = cases[i];
            bool through = assert_no_false_success(leg, replace, &it);
            /* Bytes behind a good token are for the provider to judge. */
            if (through && it.kind != 2) {
                fail_msg("leg %u, %zu bytes of garbage went through", leg, it.length);
            }
        }
    }
}

static void an_empty_token_ends_the_handshake(void **state)
{
    (void)state;
    struct pair pair = pair_new(NULL, NULL);
    struct outcome outcome = handshake_tampered(&pair, 2, empty, NULL);
    assert_int_equal(outcome.initiator, TROTH_E_BAD_TOKEN);
    assert_sticky(pair.initiator, TROTH_E_BAD_TOKEN);
    pair_free(&pair);

    /* An acceptor's first step without one is misuse, and changes nothing. */
    pair = pair_new(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    assert_int_equal(step(pair.acceptor, NULL, NULL, &error), TROTH_E_ARGUMENT);
    handshake(&pair);
    pair_free(&pair);
}

static void ntlm_is_refused_whatever_it_comes_in(void **state)
{
    (void)state;
    static const uint8_t raw[] = {'N', 'T', 'L', 'M', 'S', 'S', 'P', 0, 1, 0, 0, 0, 7, 0x82, 8, 0xA2};
    static const uint8_t offer[] = {0x60, 0x1C, 0x06, 0x06, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02,
                                    0xA0, 0x12, 0x30, 0x10, 0xA0, 0x0E, 0x30, 0x0C, 0x06, 0x0A,
                                    0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};
    static const uint8_t choice[] = {0xA1, 0x15, 0x30, 0x13, 0xA0, 0x03, 0x0A, 0x01, 0x01, 0xA1, 0x0C, 0x06,
                                     0x0A, 0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0A};
    const struct {
        struct token token;
        troth_role to;
    } cases[] = {
        {token_of(raw, sizeof(raw)), TROTH_ACCEPTOR},       {token_of(raw, sizeof(raw)), TROTH_INITIATOR},
        {token_of(offer, sizeof(offer)), TROTH_ACCEPTOR},   {token_of(choice, sizeof(choice)), TROTH_INITIATOR},
        {token_of(choice, sizeof(choice)), TROTH_ACCEPTOR},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        troth_error error = TROTH_ERROR_INIT;
        struct pair pair = pair_new(NULL, NULL);
        troth_context *context = cases[i].to == TROTH_INITIATOR ? pair.initiator : pair.acceptor;
        struct token token = cases[i].token;
        struct token out = {NULL, 0};
        if (cases[i].to == TROTH_INITIATOR) {
            assert_int_equal(step(context, NULL, &out, &error), TROTH_CONTINUE);
        }
        assert_int_equal(step(context, &token, &out, &error), TROTH_E_MECHANISM);
        assert_int_equal(out.length, 0);
        assert_contains(error.text, "NTLM");
        assert_sticky(context, TROTH_E_MECHANISM);
        token_free(&token);
        pair_free(&pair);
    }
}

static void a_token_that_comes_twice_is_a_replay(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = pair_new(NULL, NULL);
    troth_context *second = context_new(TROTH_ACCEPTOR, under_test, NULL);
    struct token token = {NULL, 0};
    struct token reply = {NULL, 0};

    assert_int_equal(step(pair.initiator, NULL, &token, &error), TROTH_CONTINUE);
    assert_int_equal(step(pair.acceptor, &token, &reply, &error), TROTH_OK);
    troth_status status = step(second, &token, NULL, &error);
    if (is_sspi()) {
        assert_true(is_final(status));
    } else {
        assert_int_equal(status, TROTH_E_REPLAY);
        assert_contains(error.text, "Hint:");
    }
    assert_sticky(second, status);

    /* Who came first is not disturbed. */
    assert_int_equal(step(pair.initiator, &reply, NULL, &error), TROTH_OK);
    assert_converse(&pair);
    token_free(&token);
    token_free(&reply);
    troth_context_free(second);
    pair_free(&pair);
}

static void the_reply_of_another_conversation_is_refused(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pairs[2] = {pair_new(NULL, NULL), pair_new(NULL, NULL)};
    struct token replies[2] = {{NULL, 0}, {NULL, 0}};
    for (int i = 0; i < 2; i++) {
        struct token token = {NULL, 0};
        assert_int_equal(step(pairs[i].initiator, NULL, &token, &error), TROTH_CONTINUE);
        assert_int_equal(step(pairs[i].acceptor, &token, &replies[i], &error), TROTH_OK);
        token_free(&token);
    }
    for (int i = 0; i < 2; i++) {
        troth_status status = step(pairs[i].initiator, &replies[1 - i], NULL, &error);
        assert_true(is_final(status));
        assert_sticky(pairs[i].initiator, status);
    }
    for (int i = 0; i < 2; i++) {
        token_free(&replies[i]);
        pair_free(&pairs[i]);
    }
}

static void an_initiators_own_token_sent_back_is_refused(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = pair_new(NULL, NULL);
    struct token token = {NULL, 0};
    struct token out = {NULL, 0};
    assert_int_equal(step(pair.initiator, NULL, &token, &error), TROTH_CONTINUE);
    troth_status status = step(pair.initiator, &token, &out, &error);
    assert_true(is_final(status));
    assert_sticky(pair.initiator, status);
    token_free(&token);
    token_free(&out);
    pair_free(&pair);
}

/* An acceptor's reply is not what an acceptor begins with. */
static void a_reply_sent_to_an_acceptor_is_refused(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    struct pair pair = pair_new(NULL, NULL);
    troth_context *second = context_new(TROTH_ACCEPTOR, under_test, NULL);
    struct token token = {NULL, 0};
    struct token reply = {NULL, 0};
    assert_int_equal(step(pair.initiator, NULL, &token, &error), TROTH_CONTINUE);
    assert_int_equal(step(pair.acceptor, &token, &reply, &error), TROTH_OK);
    assert_true(reply.length > 0);
    troth_status status = step(second, &reply, &token, &error);
    if (status == TROTH_CONTINUE) {
        /* MIT 1.20.1 says so of a krb5 token of another kind, and goes on with none. */
        assert_int_equal(token.length, 0);
        status = step(second, &reply, &token, &error);
    }
    assert_true(is_final(status));
    assert_sticky(second, status);
    token_free(&token);
    token_free(&reply);
    troth_context_free(second);
    pair_free(&pair);
}

int run_token_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_token_never_passes),
        cmocka_unit_test(a_changed_byte_never_makes_a_false_success),
        cmocka_unit_test(garbage_in_place_of_a_token_never_passes),
        cmocka_unit_test(an_empty_token_ends_the_handshake),
        cmocka_unit_test(ntlm_is_refused_whatever_it_comes_in),
        cmocka_unit_test(a_token_that_comes_twice_is_a_replay),
        cmocka_unit_test(the_reply_of_another_conversation_is_refused),
        cmocka_unit_test(an_initiators_own_token_sent_back_is_refused),
        cmocka_unit_test(a_reply_sent_to_an_acceptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
