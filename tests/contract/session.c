/* session.c - contract: both ends know one key, derive the same from it, and go on when either end moves. */
#include "contract.h"
#include "troth/session.h"
#include "troth/stream.h"

static void both_ends_have_one_key(void **state)
{
    struct pair pair = complete_pair(NULL, NULL), another;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    uint8_t here[64], there[64];
    size_t here_length, there_length;
    int32_t type = 0;

    (void)state;
    pair_need(&pair, troth_context_session_key(pair.initiator, here, sizeof here, &here_length, &type, &error), &error);
    pair_need(&pair, troth_context_session_key(pair.acceptor, there, sizeof there, &there_length, NULL, &error),
              &error);
    assert_true(here_length >= 8);
    assert_int_equal(here_length, there_length);
    assert_memory_equal(here, there, here_length);
    assert_int_equal(troth_context_info_get(pair.acceptor, &info, NULL), TROTH_OK);
    assert_int_equal(type, info.encryption);
    another = complete_pair(NULL, NULL);
    pair_need(&pair, troth_context_session_key(another.initiator, there, sizeof there, &there_length, NULL, &error),
              &error);
    assert_true(there_length != here_length || memcmp(here, there, here_length) != 0);
    assert_converse(&pair);
    pair_free(&pair);
    pair_free(&another);
}

static void both_ends_derive_the_same(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    uint8_t here[200], there[200], other[200];

    (void)state;
    for (troth_prf_key key = TROTH_PRF_KEY_FULL; key <= TROTH_PRF_KEY_PARTIAL; key++) {
        pair_need(&pair, troth_context_prf(pair.initiator, key, "one", 3, here, sizeof here, &error), &error);
        pair_need(&pair, troth_context_prf(pair.acceptor, key, "one", 3, there, sizeof there, &error), &error);
        assert_memory_equal(here, there, sizeof here);
        pair_need(&pair, troth_context_prf(pair.acceptor, key, "two", 3, other, sizeof other, &error), &error);
        assert_memory_not_equal(here, other, sizeof here);
        pair_need(&pair, troth_context_prf(pair.acceptor, key, "one", 3, other, 17, &error), &error);
        assert_memory_equal(here, other, 17);
    }
    pair_free(&pair);
}

/* In place of the context stands the one that was made of its bytes. */
static void move(struct pair *pair, troth_context **context)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *moved = NULL;
    const void *token;
    uint8_t *copy;
    size_t length;

    pair_need(pair, troth_context_export(*context, &token, &length, &error), &error);
    copy = malloc(length);
    assert_non_null(copy);
    memcpy(copy, token, length);
    troth_context_free(*context);
    *context = NULL;
    pair_need(pair, troth_context_import(copy, length, &moved, &error), &error);
    free(copy);
    *context = moved;
}

static void either_end_goes_on_after_it_moved(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_context_info before = TROTH_CONTEXT_INFO_INIT, after = TROTH_CONTEXT_INFO_INIT;

    (void)state;
    assert_converse(&pair); /* numbers are used up on both sides */
    assert_converse(&pair);
    assert_int_equal(troth_context_info_get(pair.acceptor, &before, NULL), TROTH_OK);
    move(&pair, &pair.acceptor);
    assert_int_equal(troth_context_info_get(pair.acceptor, &after, NULL), TROTH_OK);
    assert_memory_equal(&before, &after, sizeof before);
    assert_peer(pair.acceptor);
    assert_converse(&pair);
    move(&pair, &pair.initiator);
    assert_peer(pair.initiator);
    assert_converse(&pair);
    move(&pair, &pair.acceptor);
    assert_converse(&pair);
    pair_free(&pair);
}

static void a_message_from_before_the_move_is_a_replay_after_it(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_protection found;
    troth_status status;
    uint8_t message[256], again[256];
    void *plain;
    size_t length, plain_length;

    (void)state;
    assert_int_equal(
        troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, "m", 1, message, sizeof message, &length, NULL),
        TROTH_OK);
    memcpy(again, message, sizeof again);
    assert_int_equal(troth_unwrap(pair.acceptor, message, length, &plain, &plain_length, &found, NULL), TROTH_OK);
    move(&pair, &pair.acceptor);
    status = troth_unwrap(pair.acceptor, again, length, &plain, &plain_length, &found, NULL);
    assert_true(status == TROTH_E_REPLAY || status == TROTH_E_OUT_OF_SEQUENCE);
    assert_sticky(pair.acceptor, status);
    pair_free(&pair);
}

static void a_moved_context_carries_a_stream(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_stream *here = NULL, *there = NULL;
    const void *bytes;
    size_t length, taken = 0;

    (void)state;
    move(&pair, &pair.acceptor);
    assert_int_equal(troth_stream_new(pair.initiator, NULL, &here, NULL), TROTH_OK);
    assert_int_equal(troth_stream_new(pair.acceptor, NULL, &there, NULL), TROTH_OK);
    assert_int_equal(troth_stream_send(here, "over the stream", 15, &taken, NULL), TROTH_OK);
    troth_stream_pending(here, &bytes, &length);
    assert_int_equal(troth_stream_feed(there, bytes, length, &taken, NULL), TROTH_OK);
    assert_int_equal(taken, length);
    assert_int_equal(troth_stream_peek(there, &bytes, &length, NULL, NULL), TROTH_OK);
    assert_int_equal(length, 15);
    assert_memory_equal(bytes, "over the stream", 15);
    troth_stream_free(here);
    troth_stream_free(there);
}

static void damaged_bytes_are_an_error(void **state)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *moved = NULL;
    const void *token;
    uint8_t *copy;
    size_t length;

    (void)state;
    pair_need(&pair, troth_context_export(pair.initiator, &token, &length, &error), &error);
    /* Cut, or changed, anywhere; what is damaged does not reach the provider. */
    for (size_t cut = 1; cut < length; cut++) {
        copy = malloc(cut);
        assert_non_null(copy);
        memcpy(copy, token, cut);
        assert_int_equal(troth_context_import(copy, cut, &moved, &error), TROTH_E_BAD_TOKEN);
        assert_null(moved);
        free(copy);
        copy = malloc(length);
        assert_non_null(copy);
        memcpy(copy, token, length);
        copy[cut] ^= 0x10;
        assert_int_equal(troth_context_import(copy, length, &moved, &error), TROTH_E_BAD_TOKEN);
        assert_null(moved);
        free(copy);
    }
    pair_free(&pair);
}

int run_session_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_have_one_key),
        cmocka_unit_test(both_ends_derive_the_same),
        cmocka_unit_test(either_end_goes_on_after_it_moved),
        cmocka_unit_test(a_message_from_before_the_move_is_a_replay_after_it),
        cmocka_unit_test(a_moved_context_carries_a_stream),
        cmocka_unit_test(damaged_bytes_are_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
