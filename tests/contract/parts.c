/* parts.c - contract: messages in several places, what they are signed with, and exact size limits. */
#include "contract.h"

#include "troth/parts.h"

#define PIECES 5

/* Contexts that may also send and take messages that are not encrypted; with datagrams, so that one goes on. */
static struct pair loose_pair(void)
{
    troth_context_options initiator = initiator_options();
    troth_context_options acceptor = acceptor_options();
    initiator.required = acceptor.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    initiator.flags = acceptor.flags = TROTH_DATAGRAM;
    return complete_pair(&initiator, &acceptor);
}

/* Whether this provider has messages in parts: asked of a context that is freed again. */
static void need_parts(void)
{
    struct pair pair = complete_pair(NULL, NULL);
    troth_error error = TROTH_ERROR_INIT;
    uint8_t token[256];
    size_t length = 0;
    troth_status status =
        troth_wrap_parts(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, NULL, 0, token, sizeof(token), &length, &error);
    if (status == TROTH_E_UNSUPPORTED) {
        assert_int_equal(length, 0);
        assert_contains(error.text, "parts");
        assert_true(is_sspi());
        /* Neither side lost anything by it. */
        assert_converse(&pair);
        pair_free(&pair);
        skip_because("this provider protects one buffer of a message and would forget the others");
        return;
    }
    if (status != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    pair_free(&pair);
}

/* A record of parts of both kinds, which its test sends and takes. */
struct record {
    uint8_t header[8];
    uint8_t first[300];
    uint8_t between[3];
    uint8_t second[41];
    troth_part parts[PIECES];
    uint8_t token[128];
    size_t token_length;
};

static void record_fill(struct record *record, size_t first_length)
{
    memset(record, 0, sizeof(*record));
    memset(record->header, 'h', sizeof(record->header));
    for (size_t i = 0; i < sizeof(record->first); i++) {
        record->first[i] = (uint8_t)(i * 7);
    }
    memset(record->between, 'b', sizeof(record->between));
    memset(record->second, 's', sizeof(record->second));
    record->parts[0] = (troth_part){TROTH_PART_SIGN_ONLY, record->header, sizeof(record->header)};
    record->parts[1] = (troth_part){TROTH_PART_DATA, record->first, first_length};
    record->parts[2] = (troth_part){TROTH_PART_SIGN_ONLY, record->between, sizeof(record->between)};
    record->parts[3] = (troth_part){TROTH_PART_DATA, record->second, sizeof(record->second)};
    record->parts[4] = (troth_part){TROTH_PART_DATA, NULL, 0};
}

static void record_wrap(troth_context *from, struct record *record, troth_protection protection)
{
    troth_error error = TROTH_ERROR_INIT;
    if (troth_wrap_parts(from, protection, record->parts, PIECES, record->token, sizeof(record->token),
                         &record->token_length, &error) != TROTH_OK) {
        fail_msg("%s", error.text);
    }
    assert_true(record->token_length > 0);
}

static troth_status record_unwrap(troth_context *to, struct record *record, troth_protection *protection)
{
    return troth_unwrap_parts(to, record->token, record->token_length, record->parts, PIECES, protection, NULL);
}

static void parts_are_protected_where_they_lie(void **state)
{
    (void)state;
    need_parts();
    struct pair pair = loose_pair();
    troth_context *ends[2] = {pair.initiator, pair.acceptor};
    struct record record;
    struct record plain;
    for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
        for (size_t length = 0; length <= sizeof(record.first); length++) {
            troth_protection found = TROTH_PROTECTION_UNSET;
            troth_context *from = ends[length % 2];
            troth_context *to = ends[1 - length % 2];
            record_fill(&plain, length);
            record_fill(&record, length);
            record_wrap(from, &record, (troth_protection)protection);
            assert_memory_equal(record.header, plain.header, sizeof(plain.header));
            assert_memory_equal(record.between, plain.between, sizeof(plain.between));
            assert_int_equal(memcmp(record.second, plain.second, sizeof(plain.second)) == 0,
                             protection == TROTH_PROTECT_INTEGRITY);
            assert_int_equal(record_unwrap(to, &record, &found), TROTH_OK);
            assert_int_equal(found, protection);
            assert_memory_equal(record.header, plain.header, sizeof(plain.header));
            assert_memory_equal(record.first, plain.first, sizeof(plain.first));
            assert_memory_equal(record.second, plain.second, sizeof(plain.second));
        }
    }
    pair_free(&pair);
}

/* The token in front and the data behind it are what troth_wrap could have made. */
static void without_sign_only_parts_a_message_is_one_like_any_other(void **state)
{
    (void)state;
    need_parts();
    struct pair pair = loose_pair();
    for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
        uint8_t message[256];
        uint8_t token[128];
        char one[] = "one, ";
        char two[] = "two";
        troth_part parts[] = {{TROTH_PART_DATA, one, 5}, {TROTH_PART_DATA, two, 3}};
        troth_protection found = TROTH_PROTECTION_UNSET;
        size_t length = 0;
        void *data = NULL;
        assert_int_equal(troth_wrap_parts(pair.initiator, (troth_protection)protection, parts, 2, token, sizeof(token),
                                          &length, NULL),
                         TROTH_OK);
        memcpy(message, token, length);
        memcpy(message + length, one, 5);
        memcpy(message + length + 5, two, 3);
        assert_int_equal(troth_unwrap(pair.acceptor, message, length + 8, &data, &length, &found, NULL), TROTH_OK);
        assert_int_equal(length, 8);
        assert_memory_equal(data, "one, two", 8);
        assert_int_equal(found, protection);
    }
    pair_free(&pair);
}

/* Every bit of every part counts, the signed ones too; and what fails cannot be read. */
static void no_part_can_be_changed_left_out_or_moved(void **state)
{
    (void)state;
    need_parts();
    struct pair pair = loose_pair();
    struct record sent;
    struct record came;
    for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
        record_fill(&sent, 33);
        record_wrap(pair.initiator, &sent, (troth_protection)protection);
        for (size_t part = 0; part < PIECES; part++) {
            for (size_t at = 0; at < sent.parts[part].length; at++) {
                record_fill(&came, 33);
                memcpy(&came, &sent, offsetof(struct record, parts));
                memcpy(came.token, sent.token, sizeof(sent.token));
                came.token_length = sent.token_length;
                *((uint8_t *)came.parts[part].data + at) ^= 0x10;
                assert_true(is_broken(record_unwrap(pair.acceptor, &came, NULL)));
                for (size_t i = 0; i < 33; i++) {
                    assert_int_equal(came.first[i], 0);
                }
                for (size_t i = 0; i < sizeof(came.second); i++) {
                    assert_int_equal(came.second[i], 0);
                }
                assert_int_equal(came.header[part == 0 && at == 1 ? 0 : 1], 'h'); /* which was never a secret */
            }
        }
        for (size_t part = 0; part < PIECES - 1; part++) {
            record_fill(&came, 33);
            memcpy(&came, &sent, offsetof(struct record, parts));
            memcpy(came.token, sent.token, sizeof(sent.token));
            came.token_length = sent.token_length;
            came.parts[part].length = 0;
            assert_true(is_broken(record_unwrap(pair.acceptor, &came, NULL)));
        }
        for (size_t at = 0; at < sent.token_length; at++) {
            record_fill(&came, 33);
            memcpy(&came, &sent, offsetof(struct record, parts));
            memcpy(came.token, sent.token, sizeof(sent.token));
            came.token_length = at;
            assert_true(is_broken(record_unwrap(pair.acceptor, &came, NULL)));
        }
        assert_int_equal(record_unwrap(pair.acceptor, &sent, NULL), TROTH_OK);
    }
    pair_free(&pair);
}

static void a_message_in_parts_that_comes_twice_is_a_replay(void **state)
{
    (void)state;
    need_parts();
    struct pair pair = complete_pair(NULL, NULL);
    struct record record;
    struct record copy;
    record_fill(&record, 20);
    record_wrap(pair.initiator, &record, TROTH_PROTECT_CONFIDENTIALITY);
    record_fill(&copy, 20);
    memcpy(&copy, &record, offsetof(struct record, parts));
    memcpy(copy.token, record.token, sizeof(copy.token));
    copy.token_length = record.token_length;
    assert_int_equal(record_unwrap(pair.acceptor, &record, NULL), TROTH_OK);
    troth_status status = record_unwrap(pair.acceptor, &copy, NULL);
    assert_int_equal(status, is_sspi() ? TROTH_E_OUT_OF_SEQUENCE : TROTH_E_REPLAY);
    assert_int_equal(copy.second[0], 0);
    assert_sticky(pair.acceptor, status);
    pair_free(&pair);
}

static void room_too_small_for_a_token_changes_nothing(void **state)
{
    (void)state;
    need_parts();
    struct pair pair = complete_pair(NULL, NULL);
    struct record record;
    size_t needed = 0;
    size_t length = 0;
    record_fill(&record, 20);
    assert_int_equal(
        troth_wrap_parts(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, record.parts, PIECES, NULL, 0, &needed, NULL),
        TROTH_E_BUFFER_TOO_SMALL);
    assert_true(needed > 0);
    for (size_t capacity = 0; capacity < needed; capacity++) {
        assert_int_equal(troth_wrap_parts(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, record.parts, PIECES,
                                          record.token, capacity, &length, NULL),
                         TROTH_E_BUFFER_TOO_SMALL);
        assert_int_equal(length, needed);
    }
    assert_int_equal(record.second[0], 's');
    assert_int_equal(troth_wrap_parts(pair.initiator, TROTH_PROTECT_CONFIDENTIALITY, record.parts, PIECES, record.token,
                                      needed, &record.token_length, NULL),
                     TROTH_OK);
    assert_int_equal(record_unwrap(pair.acceptor, &record, NULL), TROTH_OK);
    assert_converse(&pair);
    pair_free(&pair);
}

static void an_unencrypted_message_in_parts_is_neither_sent_nor_taken_where_encryption_is_required(void **state)
{
    (void)state;
    need_parts();
    troth_context_options initiator = initiator_options();
    initiator.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    struct pair pair = complete_pair(&initiator, NULL);
    struct record record;
    size_t length = 0;
    record_fill(&record, 20);
    assert_int_equal(troth_wrap_parts(pair.acceptor, TROTH_PROTECT_INTEGRITY, record.parts, PIECES, record.token,
                                      sizeof(record.token), &length, NULL),
                     TROTH_E_ARGUMENT);
    record_wrap(pair.initiator, &record, TROTH_PROTECT_INTEGRITY);
    assert_int_equal(record_unwrap(pair.acceptor, &record, NULL), TROTH_E_REQUIREMENT);
    assert_int_equal(record.second[0], 0);
    assert_sticky(pair.acceptor, TROTH_E_REQUIREMENT);
    pair_free(&pair);
}

/* The code over pieces is the code over the whole, in either direction, with every provider. */
static void a_mic_over_parts_is_one_over_the_whole(void **state)
{
    (void)state;
    struct pair pair = loose_pair();
    char text[] = "one, two, three and a rest";
    for (size_t cut = 0; cut < sizeof(text); cut++) {
        troth_part parts[] = {{TROTH_PART_DATA, text, cut},
                              {TROTH_PART_SIGN_ONLY, text + cut, 0},
                              {TROTH_PART_SIGN_ONLY, text + cut, sizeof(text) - cut}};
        uint8_t mic[128];
        size_t length = 0;
        assert_int_equal(troth_get_mic_parts(pair.initiator, parts, 3, mic, sizeof(mic), &length, NULL), TROTH_OK);
        assert_int_equal(troth_verify_mic(pair.acceptor, text, sizeof(text), mic, length, NULL), TROTH_OK);
        assert_int_equal(troth_get_mic(pair.acceptor, text, sizeof(text), mic, sizeof(mic), &length, NULL), TROTH_OK);
        assert_int_equal(troth_verify_mic_parts(pair.initiator, parts, 3, mic, length, NULL), TROTH_OK);
        assert_int_equal(troth_get_mic_parts(pair.initiator, parts, 3, mic, sizeof(mic), &length, NULL), TROTH_OK);
        for (size_t at = 0; at < sizeof(text); at++) {
            text[at] ^= 1;
            assert_true(is_broken(troth_verify_mic_parts(pair.acceptor, parts, 3, mic, length, NULL)));
            text[at] ^= 1;
        }
        parts[2].length--;
        assert_true(is_broken(troth_verify_mic_parts(pair.acceptor, parts, 3, mic, length, NULL)));
        parts[2].length++;
        assert_int_equal(troth_verify_mic_parts(pair.acceptor, parts, 3, mic, length, NULL), TROTH_OK);
    }
    pair_free(&pair);
}

/* What the limit says fits, and one byte more does not. */
static void the_size_limit_is_exact(void **state)
{
    (void)state;
    struct pair pair = loose_pair();
    uint8_t *data = calloc(1, 70000);
    uint8_t *output = malloc(70000);
    size_t fitted = 0;
    assert_non_null(data);
    assert_non_null(output);
    for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
        for (size_t maximum = 0; maximum < 66000; maximum += maximum < 300 ? 1 : 4099) {
            size_t length = 77;
            size_t used = 0;
            troth_status status =
                troth_wrap_size_limit(pair.initiator, (troth_protection)protection, maximum, &length, NULL);
            if (status == TROTH_E_BUFFER_TOO_SMALL) {
                assert_int_equal(length, 0);
                assert_int_equal(
                    troth_wrap(pair.initiator, (troth_protection)protection, NULL, 0, output, maximum, &used, NULL),
                    TROTH_E_BUFFER_TOO_SMALL);
                continue;
            }
            assert_int_equal(status, TROTH_OK);
            assert_int_equal(troth_wrap(pair.initiator, (troth_protection)protection, data, length + 1, output, maximum,
                                        &used, NULL),
                             TROTH_E_BUFFER_TOO_SMALL);
            assert_int_equal(
                troth_wrap(pair.initiator, (troth_protection)protection, data, length, output, maximum, &used, NULL),
                TROTH_OK);
            fitted++;
        }
    }
    assert_true(fitted > 300);
    free(data);
    free(output);
    pair_free(&pair);
}

int run_part_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_protected_where_they_lie),
        cmocka_unit_test(without_sign_only_parts_a_message_is_one_like_any_other),
        cmocka_unit_test(no_part_can_be_changed_left_out_or_moved),
        cmocka_unit_test(a_message_in_parts_that_comes_twice_is_a_replay),
        cmocka_unit_test(room_too_small_for_a_token_changes_nothing),
        cmocka_unit_test(an_unencrypted_message_in_parts_is_neither_sent_nor_taken_where_encryption_is_required),
        cmocka_unit_test(a_mic_over_parts_is_one_over_the_whole),
        cmocka_unit_test(the_size_limit_is_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
