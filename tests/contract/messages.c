/* messages.c - contract: protected messages and MICs, and what becomes of damaged, repeated and reordered ones. */
#include "contract.h"

#define LARGEST 65536u
#define ROOM (LARGEST + 512u)

static const size_t sizes[] = {0, 1, 2, 7, 8, 15, 16, 17, 31, 255, 256, 1023, 4096, 16383, 65535, LARGEST};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* Contexts that may also send and take messages that are not encrypted. */
static struct pair integrity_pair(uint32_t flags)
{
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    acceptor.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    initiator.flags = flags;
    acceptor.flags = flags;
    return complete_pair(&initiator, &acceptor);
}

static struct pair datagram_pair(void)
{
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.flags = TROTH_DATAGRAM;
    acceptor.flags = TROTH_DATAGRAM;
    return complete_pair(&initiator, &acceptor);
}

static troth_context_info info_of(troth_context *context)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    return info;
}

static void fill(uint8_t *data, size_t length, unsigned seed)
{
    for (size_t i = 0; i < length; i++) {
        data[i] = (uint8_t)(i * 7 + (i >> 8) + seed + 1);
    }
}

/* A protected message, in a block of memory of exactly its length. */
static struct token wrapped(troth_context *from, troth_protection protection, const void *data, size_t length)
{
    troth_error error = TROTH_ERROR_INIT;
    size_t capacity = length + info_of(from).wrap_overhead;
    size_t used = 0;
    uint8_t *output = malloc(capacity);
    assert_non_null(output);
    if (troth_wrap(from, protection, data, length, output, capacity, &used, &error) != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(used > length && used <= capacity);
    struct token message = token_of(output, used);
    free(output);
    return message;
}

static struct token sealed(troth_context *from, const char *text)
{
    return wrapped(from, TROTH_PROTECT_CONFIDENTIALITY, text, strlen(text));
}

/* Unwraps a copy, so that the message can be used again. The plaintext, on success, must be this. */
static troth_status unwrapped(troth_context *to, const struct token *message, const char *text, troth_error *error)
{
    struct token copy = token_of(message->data, message->length);
    void *data = &copy;
    size_t length = 77;
    troth_protection protection = TROTH_PROTECTION_UNSET;
    troth_status status = troth_unwrap(to, copy.data, copy.length, &data, &length, &protection, error);
    if (status == TROTH_OK) {
        assert_int_equal(length, strlen(text));
        assert_memory_equal(data, text, length);
    } else {
        assert_null(data);
        assert_int_equal(length, 0);
        assert_int_equal(protection, TROTH_PROTECTION_UNSET);
        /* Nothing unverified can be read from it. */
        for (size_t i = 0; is_final(status) && i < copy.length; i++) {
            assert_int_equal(copy.data[i], 0);
        }
    }
    token_free(&copy);
    return status;
}

static void assert_passes(troth_context *from, troth_context *to, troth_protection protection, const uint8_t *data,
                          size_t length)
{
    troth_error error = TROTH_ERROR_INIT;
    struct token message = wrapped(from, protection, data, length);
    troth_protection found = TROTH_PROTECTION_UNSET;
    void *plain = NULL;
    size_t plain_length = 0;

    if (protection == TROTH_PROTECT_CONFIDENTIALITY && length >= 16) {
        for (size_t at = 0; at + length <= message.length; at++) {
            assert_memory_not_equal(message.data + at, data, length);
        }
    }
    if (troth_unwrap(to, message.data, message.length, &plain, &plain_length, &found, &error) != TROTH_OK) {
        fail_msg("%zu bytes: %s", length, error.text);
    }
    assert_int_equal(found, protection);
    assert_int_equal(plain_length, length);
    if (length == 0) {
        assert_null(plain);
    } else {
        /* Inside the message, as the contract says. */
        assert_true((uint8_t *)plain >= message.data && (uint8_t *)plain + length <= message.data + message.length);
        assert_memory_equal(plain, data, length);
    }
    token_free(&message);
}

static void messages_of_every_size_pass_both_ways_in_both_protections(void **state)
{
    (void)state;
    struct pair pair = integrity_pair(0);
    uint8_t *data = malloc(LARGEST);
    assert_non_null(data);
    for (size_t i = 0; i < SIZES; i++) {
        fill(data, sizes[i], (unsigned)i);
        for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
            assert_passes(pair.initiator, pair.acceptor, (troth_protection)protection, data, sizes[i]);
            assert_passes(pair.acceptor, pair.initiator, (troth_protection)protection, data, sizes[i]);
        }
    }
    free(data);
    pair_free(&pair);
}

/* The plaintext in the output itself: where wrap wants it, and anywhere else. */
static void a_message_is_wrapped_in_place(void **state)
{
    (void)state;
    struct pair pair = integrity_pair(0);
    troth_context_info info = info_of(pair.initiator);
    uint8_t *buffer = malloc(ROOM);
    uint8_t *data = malloc(LARGEST);
    assert_non_null(buffer);
    assert_non_null(data);
    const size_t places[] = {info.wrap_header, 0, info.wrap_header + 1, info.wrap_overhead};
    for (size_t i = 0; i < SIZES; i++) {
        for (size_t place = 0; place < sizeof(places) / sizeof(places[0]); place++) {
            for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
                troth_error error = TROTH_ERROR_INIT;
                size_t used = 0;
                size_t length = 0;
                void *plain = NULL;
                fill(data, sizes[i], (unsigned)(i + place));
                memcpy(buffer + places[place], data, sizes[i]);
                assert_int_equal(troth_wrap(pair.initiator, (troth_protection)protection, buffer + places[place],
                                            sizes[i], buffer, sizes[i] + info.wrap_overhead, &used, &error),
                                 TROTH_OK);
                assert_int_equal(troth_unwrap(pair.acceptor, buffer, used, &plain, &length, NULL, &error), TROTH_OK);
                assert_int_equal(length, sizes[i]);
                assert_true(length == 0 || memcmp(plain, data, length) == 0);
            }
        }
    }
    free(data);
    free(buffer);
    pair_free(&pair);
}

static void a_buffer_too_small_uses_nothing_up(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    uint8_t output[512];
    size_t needed = 0;
    size_t used = 0;

    assert_int_equal(troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, NULL, 0, &needed, &error),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_true(needed > 5 && needed <= 5 + info_of(pair.initiator).wrap_overhead);
    for (size_t capacity = 0; capacity < needed; capacity++) {
        assert_int_equal(
            troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, capacity, &used, &error),
            TROTH_E_BUFFER_TOO_SMALL);
        assert_int_equal(used, needed);
    }
    assert_int_equal(
        troth_wrap(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, needed, &used, &error), TROTH_OK);
    assert_true(used <= needed);
    struct token message = token_of(output, used);
    assert_int_equal(unwrapped(pair.acceptor, &message, "hello", &error), TROTH_OK);
    token_free(&message);

    assert_int_equal(troth_get_mic(pair.initiator, "hello", 5, NULL, 0, &needed, &error), TROTH_E_BUFFER_TOO_SMALL);
    assert_true(needed > 0 && needed <= info_of(pair.initiator).mic_size);
    assert_int_equal(troth_get_mic(pair.initiator, "hello", 5, output, needed - 1, &used, &error),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(troth_get_mic(pair.initiator, "hello", 5, output, needed, &used, &error), TROTH_OK);
    assert_int_equal(troth_verify_mic(pair.acceptor, "hello", 5, output, used, &error), TROTH_OK);
    assert_converse(&pair);
    pair_free(&pair);
}

static void less_protection_than_required_is_not_sent(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    uint8_t output[512];
    size_t used = 1;
    assert_int_equal(
        troth_wrap(pair.initiator, TROTH_PROTECT_INTEGRITY, "hello", 5, output, sizeof(output), &used, &error),
        TROTH_E_ARGUMENT);
    assert_int_equal(used, 0);
    assert_converse(&pair);
    pair_free(&pair);
}

static void less_protection_than_required_is_not_taken(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options initiator = initiator_options();
    initiator.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    struct pair pair = complete_pair(&initiator, NULL);
    struct token message = wrapped(pair.initiator, TROTH_PROTECT_INTEGRITY, "in the clear", 12);
    assert_int_equal(unwrapped(pair.acceptor, &message, "", &error), TROTH_E_REQUIREMENT);
    assert_contains(error.text, "not encrypted");
    assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    token_free(&message);
    pair_free(&pair);
}

static void a_mic_verifies_both_ways_and_over_nothing_else(void **state)
{
    (void)state;
    struct pair pair = datagram_pair();
    troth_context *ends[2] = {pair.initiator, pair.acceptor};
    troth_error error = TROTH_ERROR_INIT;
    uint8_t *data = malloc(LARGEST);
    uint8_t mic[256];
    size_t length = 0;
    assert_non_null(data);
    for (int i = 0; i < 2; i++) {
        for (size_t size = 0; size < SIZES; size++) {
            fill(data, sizes[size], (unsigned)size);
            assert_int_equal(troth_get_mic(ends[i], data, sizes[size], mic, sizeof(mic), &length, &error), TROTH_OK);
            assert_true(length > 0 && length <= info_of(ends[i]).mic_size);
            assert_int_equal(troth_verify_mic(ends[1 - i], data, sizes[size], mic, length, &error), TROTH_OK);
            if (sizes[size] > 0) {
                data[sizes[size] / 2] ^= 1;
                assert_true(is_broken(troth_verify_mic(ends[1 - i], data, sizes[size], mic, length, &error)));
                assert_true(is_broken(troth_verify_mic(ends[1 - i], data, sizes[size] - 1, mic, length, &error)));
            }
        }
        for (size_t at = 0; at < length; at++) {
            mic[at] ^= 0x41;
            assert_true(is_broken(troth_verify_mic(ends[1 - i], data, LARGEST, mic, length, &error)));
            mic[at] ^= 0x41;
            assert_true(is_broken(troth_verify_mic(ends[1 - i], data, LARGEST, mic, at, &error)));
        }
    }
    free(data);
    pair_free(&pair);
}

/* With datagrams, so that one context can be shown every damage; the last message proves that it is still sound. */
static void no_damaged_message_is_taken(void **state)
{
    (void)state;
    struct pair pair = datagram_pair();
    const char *text = "a message of more than a block or two of the cipher";
    troth_error error = TROTH_ERROR_INIT;
    struct token message = sealed(pair.initiator, text);

    for (size_t length = 0; length < message.length; length++) {
        struct token shorter = token_of(message.data, length);
        troth_status status = unwrapped(pair.acceptor, &shorter, text, &error);
        if (!is_broken(status)) {
            fail_msg("cut to %zu bytes: %s: %s", length, troth_status_name(status), error.text);
        }
        token_free(&shorter);
    }
    for (size_t at = 0; at < message.length; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            message.data[at] = (uint8_t)(message.data[at] ^ (1u << bit));
            troth_status status = unwrapped(pair.acceptor, &message, text, &error);
            if (!is_broken(status)) {
                fail_msg("bit %u of byte %zu: %s: %s", bit, at, troth_status_name(status), error.text);
            }
            message.data[at] = (uint8_t)(message.data[at] ^ (1u << bit));
        }
    }
    struct token longer = {malloc(message.length + 1), message.length + 1};
    assert_non_null(longer.data);
    memcpy(longer.data, message.data, message.length);
    longer.data[message.length] = 0;
    assert_true(is_broken(unwrapped(pair.acceptor, &longer, text, &error)));
    token_free(&longer);

    assert_int_equal(unwrapped(pair.acceptor, &message, text, &error), TROTH_OK);
    token_free(&message);
    pair_free(&pair);
}

static void a_damaged_message_ends_the_context(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token message = sealed(pair.initiator, "hello");
    message.data[message.length - 1] ^= 1;
    troth_status status = unwrapped(pair.acceptor, &message, "hello", &error);
    assert_true(is_broken(status));
    message.data[message.length - 1] ^= 1;
    assert_int_equal(unwrapped(pair.acceptor, &message, "hello", &error), status);
    assert_sticky(pair.acceptor, status);
    /* What was verified of the conversation can still be asked. */
    assert_peer(pair.acceptor);
    token_free(&message);
    pair_free(&pair);
}

/*
 * SSPI has one word for all of it, out of sequence. Wine calls what came before a bad token (GSS_S_DUPLICATE_TOKEN and
 * GSS_S_OLD_TOKEN become SEC_E_INVALID_TOKEN there).
 */
static void assert_order(troth_status status, troth_status due)
{
    if (status != due && !(is_sspi() && (status == TROTH_E_OUT_OF_SEQUENCE || status == TROTH_E_BAD_TOKEN))) {
        fail_msg("%s in place of %s", troth_status_name(status), troth_status_name(due));
    }
}

static void a_message_that_comes_twice_is_a_replay(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token message = sealed(pair.initiator, "pay once");
    assert_int_equal(unwrapped(pair.acceptor, &message, "pay once", &error), TROTH_OK);
    troth_status status = unwrapped(pair.acceptor, &message, "pay once", &error);
    assert_order(status, TROTH_E_REPLAY);
    assert_sticky(pair.acceptor, status);
    token_free(&message);
    pair_free(&pair);
}

static void a_missing_message_is_a_gap(void **state)
{
    (void)state;
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token first = sealed(pair.initiator, "first");
    struct token second = sealed(pair.initiator, "second");
    troth_status status = unwrapped(pair.acceptor, &second, "second", &error);
    assert_order(status, TROTH_E_GAP);
    assert_sticky(pair.acceptor, status);
    token_free(&first);
    token_free(&second);
    pair_free(&pair);
}

static void datagrams_go_on_after_a_failed_one(void **state)
{
    (void)state;
    struct pair pair = datagram_pair();
    troth_error error = TROTH_ERROR_INIT;
    struct token messages[4];
    for (int i = 0; i < 4; i++) {
        messages[i] = sealed(pair.initiator, "datagram");
    }
    assert_int_equal(unwrapped(pair.acceptor, &messages[0], "datagram", &error), TROTH_OK);
    assert_order(unwrapped(pair.acceptor, &messages[0], "datagram", &error), TROTH_E_REPLAY);
    assert_order(unwrapped(pair.acceptor, &messages[2], "datagram", &error), TROTH_E_GAP);
    assert_order(unwrapped(pair.acceptor, &messages[1], "datagram", &error), TROTH_E_OUT_OF_SEQUENCE);
    assert_int_equal(unwrapped(pair.acceptor, &messages[3], "datagram", &error), TROTH_OK);
    for (int i = 0; i < 4; i++) {
        token_free(&messages[i]);
    }
    assert_converse(&pair);
    pair_free(&pair);
}

static void a_message_of_another_conversation_is_not_taken(void **state)
{
    (void)state;
    struct pair one = complete_pair(NULL, NULL);
    struct pair other = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    struct token message = sealed(one.initiator, "to somebody else");
    assert_true(is_broken(unwrapped(other.acceptor, &message, "", &error)));
    token_free(&message);
    /* Nor one's own, sent back. */
    message = sealed(one.initiator, "to the acceptor");
    assert_true(is_broken(unwrapped(one.initiator, &message, "", &error)));
    token_free(&message);
    pair_free(&one);
    pair_free(&other);
}

static void garbage_is_no_message(void **state)
{
    (void)state;
    struct pair pair = datagram_pair();
    troth_error error = TROTH_ERROR_INIT;
    static const size_t lengths[] = {0, 1, 2, 4, 15, 16, 17, 31, 32, 33, 64, 1024, LARGEST};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        for (unsigned seed = 0; seed < 2; seed++) {
            struct token message = {lengths[i] > 0 ? malloc(lengths[i]) : NULL, lengths[i]};
            fill(message.data, lengths[i], seed);
            if (seed == 1 && lengths[i] >= 2) {
                message.data[0] = 5; /* RFC 4121 section 4.2.6.2: begins as a wrapped message does */
                message.data[1] = 4;
            }
            troth_status status = unwrapped(pair.acceptor, &message, "", &error);
            if (!is_broken(status)) {
                fail_msg("%zu bytes: %s", lengths[i], troth_status_name(status));
            }
            token_free(&message);
        }
    }
    assert_converse(&pair);
    pair_free(&pair);
}

int run_message_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_size_pass_both_ways_in_both_protections),
        cmocka_unit_test(a_message_is_wrapped_in_place),
        cmocka_unit_test(a_buffer_too_small_uses_nothing_up),
        cmocka_unit_test(less_protection_than_required_is_not_sent),
        cmocka_unit_test(less_protection_than_required_is_not_taken),
        cmocka_unit_test(a_mic_verifies_both_ways_and_over_nothing_else),
        cmocka_unit_test(no_damaged_message_is_taken),
        cmocka_unit_test(a_damaged_message_ends_the_context),
        cmocka_unit_test(a_message_that_comes_twice_is_a_replay),
        cmocka_unit_test(a_missing_message_is_a_gap),
        cmocka_unit_test(datagrams_go_on_after_a_failed_one),
        cmocka_unit_test(a_message_of_another_conversation_is_not_taken),
        cmocka_unit_test(garbage_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
