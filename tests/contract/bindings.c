/* bindings.c - contract: channel bindings that are equal, different, absent and required. */
#include "contract.h"

#define TLS "tls-server-end-point:"

static troth_bindings bindings_of(const char *data)
{
    troth_bindings bindings = {0};
    bindings.application_data = data;
    bindings.application_data_length = strlen(data);
    return bindings;
}

/* What the two ends come to, each with bindings or NULL, and what the acceptor requires. */
static struct outcome outcome_of(struct pair *pair, const troth_bindings *initiators, const troth_bindings *acceptors,
                                 uint32_t required)
{
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.bindings = initiators;
    acceptor.bindings = acceptors;
    acceptor.required = required;
    *pair = pair_new(&initiator, &acceptor);
    return handshake_tampered(pair, 0, NULL, NULL);
}

static troth_context_info info_of(troth_context *context)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    return info;
}

/* Some providers have no bindings at all, and the library refuses to take any there. */
static void skip_if_unsupported(void)
{
    troth_bindings bindings = bindings_of(TLS "one");
    troth_context_options options = acceptor_options();
    troth_context *context = NULL;
    troth_status status;

    options.bindings = &bindings;
    status = troth_context_new(credential_of(TROTH_ACCEPTOR, under_test), &options, &context, NULL);
    troth_context_free(context);
    if (status == TROTH_E_UNSUPPORTED) {
        assert_true(is_sspi());
        skip_because("this provider has no channel bindings");
    }
}

/* Others take them and look at none. There is nothing to be shown of them there, and it is said. */
static void skip_if_not_compared(void)
{
    static int compared = -1;
    skip_if_unsupported();
    if (compared < 0) {
        troth_bindings one = bindings_of(TLS "one");
        troth_bindings other = bindings_of(TLS "other");
        struct pair pair;
        struct outcome outcome = outcome_of(&pair, &one, &other, 0);
        compared = outcome.acceptor == TROTH_OK ? 0 : 1;
        pair_free(&pair);
    }
    if (!compared) {
        assert_true(is_sspi());
        skip_because("this provider compares no channel bindings");
    }
}

static void equal_bindings_bind(void **state)
{
    (void)state;
    skip_if_not_compared();
    troth_bindings bindings = bindings_of(TLS "0123456789abcdef0123456789abcdef");
    struct pair pair;
    struct outcome outcome =
        outcome_of(&pair, &bindings, &bindings, TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_CHANNEL_BOUND);
    assert_int_equal(outcome.acceptor, TROTH_OK);
    assert_int_equal(outcome.initiator, TROTH_OK);
    assert_int_equal(info_of(pair.acceptor).bindings, TROTH_BINDING_BOUND);
    assert_int_equal(info_of(pair.acceptor).properties & TROTH_CHANNEL_BOUND, TROTH_CHANNEL_BOUND);
    /* No protocol tells the initiator. */
    assert_int_equal(info_of(pair.initiator).bindings, TROTH_BINDING_UNKNOWN);
    assert_int_equal(info_of(pair.initiator).properties & TROTH_CHANNEL_BOUND, 0);
    assert_converse(&pair);
    pair_free(&pair);
}

static void assert_refused(const troth_bindings *initiators, const troth_bindings *acceptors)
{
    struct pair pair;
    struct outcome outcome = outcome_of(&pair, initiators, acceptors, 0);
    assert_int_equal(outcome.acceptor, TROTH_E_BINDINGS);
    assert_contains(outcome.acceptor_error.text, "Hint:");
    assert_int_not_equal(outcome.initiator, TROTH_OK);
    assert_sticky(pair.acceptor, TROTH_E_BINDINGS);
    pair_free(&pair);
}

static void different_bindings_are_refused(void **state)
{
    (void)state;
    skip_if_not_compared();
    troth_bindings one = bindings_of(TLS "one");
    troth_bindings other = bindings_of(TLS "two");
    assert_refused(&one, &other);
    other = bindings_of(TLS "one and more");
    assert_refused(&one, &other);
    other = bindings_of("tls-exporter:one");
    assert_refused(&one, &other);
}

static void the_address_fields_take_part(void **state)
{
    (void)state;
    skip_if_not_compared();
    troth_bindings one = bindings_of(TLS "one");
    troth_bindings other = one;
    other.initiator_address_type = 255;
    assert_refused(&one, &other);
    other = one;
    other.acceptor_address_type = 255;
    assert_refused(&one, &other);
    other = one;
    other.acceptor_address = "\177\0\0\1";
    other.acceptor_address_length = 4;
    assert_refused(&one, &other);
    other = one;
    other.initiator_address = "\177\0\0\1";
    other.initiator_address_length = 4;
    assert_refused(&other, &one);

    struct pair pair;
    assert_int_equal(outcome_of(&pair, &other, &other, 0).acceptor, TROTH_OK);
    assert_converse(&pair);
    pair_free(&pair);
}

static void an_initiator_without_bindings_is_taken_unless_they_are_required(void **state)
{
    (void)state;
    skip_if_not_compared();
    troth_bindings bindings = bindings_of(TLS "one");
    struct pair pair;
    struct outcome outcome = outcome_of(&pair, NULL, &bindings, 0);
    assert_int_equal(outcome.acceptor, TROTH_OK);
    assert_int_equal(outcome.initiator, TROTH_OK);
    assert_int_not_equal(info_of(pair.acceptor).bindings, TROTH_BINDING_BOUND);
    assert_int_equal(info_of(pair.acceptor).properties & TROTH_CHANNEL_BOUND, 0);
    assert_int_equal(info_of(pair.initiator).bindings, TROTH_BINDING_ABSENT);
    pair_free(&pair);

    outcome = outcome_of(&pair, NULL, &bindings, TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_CHANNEL_BOUND);
    if (is_sspi() && outcome.acceptor == TROTH_E_BINDINGS) {
        assert_sticky(pair.acceptor, TROTH_E_BINDINGS);
    } else {
        assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
        assert_contains(outcome.acceptor_error.text, "channel bindings");
        assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    }
    assert_int_not_equal(outcome.initiator, TROTH_OK);
    pair_free(&pair);
}

static void an_acceptor_without_bindings_asks_for_none(void **state)
{
    (void)state;
    skip_if_unsupported();
    troth_bindings bindings = bindings_of(TLS "one");
    struct pair pair;
    struct outcome outcome = outcome_of(&pair, &bindings, NULL, 0);
    assert_int_equal(outcome.acceptor, TROTH_OK);
    assert_int_equal(outcome.initiator, TROTH_OK);
    assert_int_equal(info_of(pair.acceptor).bindings, TROTH_BINDING_ABSENT);
    assert_int_equal(info_of(pair.initiator).bindings, TROTH_BINDING_UNKNOWN);
    assert_converse(&pair);
    pair_free(&pair);
}

static void the_callers_bindings_are_copied(void **state)
{
    (void)state;
    skip_if_not_compared();
    char data[] = TLS "copied";
    troth_bindings bindings = bindings_of(data);
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.bindings = &bindings;
    acceptor.bindings = &bindings;
    acceptor.required = TROTH_MUTUAL | TROTH_CHANNEL_BOUND;
    struct pair pair;
    pair.initiator = context_new(TROTH_INITIATOR, under_test, &initiator);
    memset(data, 'x', sizeof(data) - 1);
    memcpy(data, TLS "copied", sizeof(data) - 1);
    pair.acceptor = context_new(TROTH_ACCEPTOR, under_test, &acceptor);
    memset(data, 'x', sizeof(data) - 1);
    memset(&bindings, 0, sizeof(bindings));
    handshake(&pair);
    pair_free(&pair);
}

static void what_cannot_be_required_is_refused_at_once(void **state)
{
    (void)state;
    troth_bindings bindings = bindings_of(TLS "one");
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = acceptor_options();
    options.required = TROTH_CHANNEL_BOUND;
    assert_int_equal(troth_context_new(credential_of(TROTH_ACCEPTOR, under_test), &options, &context, &error),
                     TROTH_E_ARGUMENT);
    assert_null(context);
    options = initiator_options();
    options.bindings = &bindings;
    options.required = TROTH_CHANNEL_BOUND;
    assert_int_equal(troth_context_new(credential_of(TROTH_INITIATOR, under_test), &options, &context, &error),
                     TROTH_E_ARGUMENT);
    assert_null(context);
}

int run_binding_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bindings_bind),
        cmocka_unit_test(different_bindings_are_refused),
        cmocka_unit_test(the_address_fields_take_part),
        cmocka_unit_test(an_initiator_without_bindings_is_taken_unless_they_are_required),
        cmocka_unit_test(an_acceptor_without_bindings_asks_for_none),
        cmocka_unit_test(the_callers_bindings_are_copied),
        cmocka_unit_test(what_cannot_be_required_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
