/* sharing.c - contract: many contexts of one credential, at once, in several threads, and after it was given back. */
#include "contract.h"

#include <stdio.h>

#define MANY 100u
#define THREADS 4u
#define ROUNDS 25u

/* Credentials of this test's own, so that it can give them back. */
static troth_credential *own_credential(troth_role role)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    options.mechanism = under_test;
    options.flags = path_under_test();
    if (troth_credential_acquire(role, &options, &credential, &error) != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    return credential;
}

static struct pair pair_of(troth_credential *initiator, troth_credential *acceptor)
{
    troth_context_options options = initiator_options();
    struct pair pair = {NULL, NULL};
    assert_int_equal(troth_context_new(initiator, &options, &pair.initiator, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(acceptor, NULL, &pair.acceptor, NULL), TROTH_OK);
    return pair;
}

static void a_credential_may_be_freed_before_its_contexts(void **state)
{
    (void)state;
    troth_credential *initiator = own_credential(TROTH_INITIATOR);
    troth_credential *acceptor = own_credential(TROTH_ACCEPTOR);
    struct pair pair = pair_of(initiator, acceptor);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
    troth_credential_free(NULL);
    handshake(&pair);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

/* All of them begin before any of them goes on. */
static void many_conversations_of_one_credential_are_open_at_once(void **state)
{
    (void)state;
    static struct pair pairs[MANY];
    static struct token tokens[MANY];
    troth_error error = TROTH_ERROR_INIT;

    for (size_t i = 0; i < MANY; i++) {
        pairs[i] = pair_new(NULL, NULL);
        assert_int_equal(step(pairs[i].initiator, NULL, &tokens[i], &error), TROTH_CONTINUE);
    }
    for (size_t i = MANY; i-- > 0;) {
        struct token reply = {NULL, 0};
        assert_int_equal(step(pairs[i].acceptor, &tokens[i], &reply, &error), TROTH_OK);
        token_free(&tokens[i]);
        tokens[i] = reply;
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(step(pairs[i].initiator, &tokens[i], NULL, &error), TROTH_OK);
        token_free(&tokens[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_converse(&pairs[MANY - 1 - i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        pair_free(&pairs[i]);
    }
}

struct shared {
    troth_credential *initiator;
    troth_credential *acceptor;
    troth_name target;
    unsigned done;
    char problem[1200];
};

/* One whole conversation, without cmocka, which knows one thread only. */
static bool converse_once(struct shared *shared)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *ends[2] = {NULL, NULL};
    troth_status status[2] = {TROTH_CONTINUE, TROTH_CONTINUE};
    const void *token = NULL;
    size_t length = 0;
    void *data = NULL;
    uint8_t message[512];
    size_t data_length = 0;
    bool good = false;

    options.target = shared->target;
    if (troth_context_new(shared->initiator, &options, &ends[0], &error) != TROTH_OK ||
        troth_context_new(shared->acceptor, NULL, &ends[1], &error) != TROTH_OK) {
        goto out;
    }
    for (int turn = 0; turn == 0 || length > 0; turn = 1 - turn) {
        /* The token is a view into the other context: it lives long enough. */
        status[turn] = troth_context_step(ends[turn], token, length, &token, &length, &error);
        if (status[turn] != TROTH_OK && status[turn] != TROTH_CONTINUE) {
            goto out;
        }
        if (length == 0) {
            break;
        }
    }
    if (status[0] != TROTH_OK || status[1] != TROTH_OK) {
        snprintf(error.text, sizeof(error.text), "not complete");
        goto out;
    }
    if (troth_wrap(ends[0], TROTH_PROTECT_CONFIDENTIALITY, "thread", 6, message, sizeof(message), &length, &error) !=
            TROTH_OK ||
        troth_unwrap(ends[1], message, length, &data, &data_length, NULL, &error) != TROTH_OK) {
        goto out;
    }
    good = data_length == 6 && memcmp(data, "thread", 6) == 0;
out:
    if (!good) {
        snprintf(shared->problem, sizeof(shared->problem), "%s", error.text);
    }
    troth_context_free(ends[0]);
    troth_context_free(ends[1]);
    return good;
}

static void converse_often(void *argument)
{
    struct shared *shared = argument;
    while (shared->done < ROUNDS && converse_once(shared)) {
        shared->done++;
    }
}

void assert_threads_share(troth_credential *initiator, troth_credential *acceptor)
{
    static struct shared shared[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        shared[i] = (struct shared){.initiator = initiator, .acceptor = acceptor, .target = realm_target()};
    }
    assert_true(run_in_threads(converse_often, shared, sizeof(shared[0]), THREADS));
    for (size_t i = 0; i < THREADS; i++) {
        if (shared[i].done != ROUNDS) {
            fail_msg("thread %zu after %u: %s", i, shared[i].done, shared[i].problem);
        }
    }
}

static void threads_share_one_credential_of_each_role(void **state)
{
    (void)state;
    troth_credential *initiator = own_credential(TROTH_INITIATOR);
    troth_credential *acceptor = own_credential(TROTH_ACCEPTOR);
    assert_threads_share(initiator, acceptor);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
}

/* Nothing of a failed conversation stays with the credential. */
static void a_failed_conversation_leaves_the_credential_as_it_was(void **state)
{
    (void)state;
    struct token garbage = token_of("garbage", 7);
    for (int i = 0; i < 20; i++) {
        troth_error error = TROTH_ERROR_INIT;
        struct pair bad = pair_new(NULL, NULL);
        assert_true(is_final(step(bad.acceptor, &garbage, NULL, &error)));
        assert_int_equal(step(bad.initiator, NULL, NULL, &error), TROTH_CONTINUE);
        assert_true(is_final(step(bad.initiator, &garbage, NULL, &error)));
        struct pair good = complete_pair(NULL, NULL);
        pair_free(&bad);
        assert_converse(&good);
        pair_free(&good);
    }
    token_free(&garbage);
}

int run_sharing_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_may_be_freed_before_its_contexts),
        cmocka_unit_test(many_conversations_of_one_credential_are_open_at_once),
        cmocka_unit_test(threads_share_one_credential_of_each_role),
        cmocka_unit_test(a_failed_conversation_leaves_the_credential_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
