/* policy.c - contract: what is forbidden, delegated, limited to identification or weakly encrypted. */
#include "contract.h"

static void what_the_acceptor_forbids_must_not_have_been_asked_for(void **state)
{
    troth_context_options acceptor = acceptor_options();
    troth_context_options initiator = initiator_options();

    (void)state;
    acceptor.forbidden = TROTH_MUTUAL;
    acceptor.required = TROTH_CONFIDENTIALITY;
    struct pair pair = pair_new(NULL, &acceptor);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    if (outcome.acceptor == TROTH_OK && is_sspi()) {
        pair_free(&pair);
        skip_because("this provider's acceptor does not tell whether it authenticates itself");
    }
    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "forbidden and present: mutual authentication");
    assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    pair_free(&pair);

    initiator.requested = TROTH_CONFIDENTIALITY;
    initiator.required = TROTH_CONFIDENTIALITY;
    pair = complete_pair(&initiator, &acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

static void a_limit_to_identification_is_told_and_may_be_forbidden(void **state)
{
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    (void)state;
    initiator.requested = TROTH_DEFAULT_REQUESTED | TROTH_IDENTIFY;
    struct pair pair = complete_pair(&initiator, NULL);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, NULL), TROTH_OK);
    pair_free(&pair);
    if ((info.properties & TROTH_IDENTIFY) == 0 && is_sspi()) {
        skip_because("this provider does not tell of a limit to identification");
    }
    assert_int_equal(info.properties & TROTH_IDENTIFY, TROTH_IDENTIFY);
    acceptor.forbidden = TROTH_IDENTIFY;
    pair = pair_new(&initiator, &acceptor);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "identification");
    pair_free(&pair);
}

static void delegation_that_is_required_and_not_given_is_refused(void **state)
{
    troth_context_options acceptor = acceptor_options();

    (void)state;
    acceptor.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_DELEGATED;
    struct pair pair = pair_new(NULL, &acceptor);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "required and missing: delegation");
    pair_free(&pair);
}

static void delegation_that_is_required_is_asked_for_and_told_by_both_ends(void **state)
{
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    (void)state;
    if (is_sspi()) {
        skip_because("SSPI delegates only to services that the KDC trusts (OK-AS-DELEGATE), and this one is not");
    }
    initiator.required = TROTH_DEFAULT_REQUIRED_INITIATOR | TROTH_DELEGATED;
    acceptor.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_DELEGATED;
    struct pair pair = complete_pair(&initiator, &acceptor);
    assert_int_equal(troth_context_info_get(pair.initiator, &info, NULL), TROTH_OK);
    assert_int_equal(info.properties & TROTH_DELEGATED, TROTH_DELEGATED);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, NULL), TROTH_OK);
    assert_int_equal(info.properties & TROTH_DELEGATED, TROTH_DELEGATED);
    pair_free(&pair);

    acceptor = acceptor_options();
    acceptor.forbidden = TROTH_DELEGATED;
    pair = pair_new(&initiator, &acceptor);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_REQUIREMENT);
    assert_contains(outcome.acceptor_error.text, "forbidden and present: delegation");
    pair_free(&pair);
}

/* Where the provider tells the type: the same to both ends, and refused as a number by either. */
static void the_encryption_type_is_told_and_can_be_refused(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context_info other = TROTH_CONTEXT_INFO_INIT;
    int32_t others[] = {4711, TROTH_ENCRYPTION_DES_CBC_CRC};

    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    assert_int_equal(troth_context_info_get(pair.initiator, &info, NULL), TROTH_OK);
    assert_int_equal(troth_context_info_get(pair.acceptor, &other, NULL), TROTH_OK);
    pair_free(&pair);
    if (info.encryption == 0 && is_sspi()) {
        skip_because("this provider does not tell the encryption type");
    }
    assert_true(info.encryption > 0 && info.strength >= 112);
    assert_int_equal(info.encryption, other.encryption);
    assert_int_equal(info.strength, other.strength);
    for (int i = 0; i < 4; i++) {
        troth_context_options initiator = initiator_options();
        troth_context_options acceptor = acceptor_options();
        troth_context_options *options = i % 2 == 0 ? &initiator : &acceptor;

        options->refused_encryption = i < 2 ? &info.encryption : others;
        options->refused_encryption_count = i < 2 ? 1 : 2;
        pair = pair_new(&initiator, &acceptor);
        struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
        troth_status expected = i < 2 ? TROTH_E_ENCRYPTION : TROTH_OK;
        assert_int_equal(i % 2 == 0 ? outcome.initiator : outcome.acceptor, expected);
        if (i == 0) {
            assert_int_equal(outcome.legs, 0); /* the ticket itself is of that type, and is kept back */
        }
        pair_free(&pair);
    }
}

/* A service whose tickets are of RC4 is talked to, unless either end refuses weak types: also where the two ends agreed
 * on a better key, as MIT's do (RFC 4537). */
static void a_retired_encryption_type_is_refused_by_either_end(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        troth_context_options initiator = initiator_options();
        troth_context_options acceptor = acceptor_options();

        initiator.target.service = "rc4";
        initiator.flags = i == 1 ? TROTH_REFUSE_WEAK_ENCRYPTION : 0;
        acceptor.flags = i == 2 ? TROTH_REFUSE_WEAK_ENCRYPTION : 0;
        if (i > 0 && is_sspi() && troth_supports(TROTH_FEATURE_REFUSED_ENCRYPTION) == TROTH_SUPPORT_NO) {
            skip_because("this provider does not tell the encryption type");
        }
        struct pair pair = pair_new(&initiator, &acceptor);
        struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
        if (i == 1) {
            assert_int_equal(outcome.initiator, TROTH_E_ENCRYPTION);
            assert_int_equal(outcome.legs, 0); /* its ticket stays here */
        } else {
            assert_int_equal(outcome.acceptor, i == 0 ? TROTH_OK : TROTH_E_ENCRYPTION);
        }
        pair_free(&pair);
    }
}

/* Where it does not tell, a refusal is no empty promise: there is no context, or none that completes. */
static void where_the_encryption_type_is_not_told_a_refusal_refuses_everything(void **state)
{
    static const int32_t refused = 4711;
    troth_context_options acceptor = acceptor_options();
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *made = NULL;

    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, NULL), TROTH_OK);
    pair_free(&pair);
    if (info.encryption != 0) {
        return;
    }
    assert_true(is_sspi());
    acceptor.refused_encryption = &refused;
    acceptor.refused_encryption_count = 1;
    troth_status status = troth_context_new(credential_of(TROTH_ACCEPTOR, under_test), &acceptor, &made, &error);
    if (status == TROTH_E_UNAVAILABLE) {
        assert_null(made);
        assert_int_equal(troth_supports(TROTH_FEATURE_REFUSED_ENCRYPTION), TROTH_SUPPORT_NO);
        return;
    }
    assert_int_equal(status, TROTH_OK);
    troth_context_free(made);
    pair = pair_new(NULL, &acceptor);
    struct outcome outcome = handshake_tampered(&pair, 0, NULL, NULL);
    assert_int_equal(outcome.acceptor, TROTH_E_ENCRYPTION);
    pair_free(&pair);
}

int run_policy_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_acceptor_forbids_must_not_have_been_asked_for),
        cmocka_unit_test(a_limit_to_identification_is_told_and_may_be_forbidden),
        cmocka_unit_test(delegation_that_is_required_and_not_given_is_refused),
        cmocka_unit_test(delegation_that_is_required_is_asked_for_and_told_by_both_ends),
        cmocka_unit_test(the_encryption_type_is_told_and_can_be_refused),
        cmocka_unit_test(a_retired_encryption_type_is_refused_by_either_end),
        cmocka_unit_test(where_the_encryption_type_is_not_told_a_refusal_refuses_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
