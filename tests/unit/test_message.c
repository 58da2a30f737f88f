/* test_message.c - shows which messages may be made and taken, and that nothing unverified can be read. */
#include "support.h"

#include "scripted_backend.h"

static const struct scripted_step done[] = {{TROTH_OK, NULL, 0}};

/* What each test talks with: a completed acceptor. */
struct talk {
    struct scripted script;
    troth_context *context;
    troth_error error;
    uint8_t buffer[64];
    void *data;
    size_t length;
    troth_protection protection;
};

static void talk_begin(struct talk *talk, uint32_t required, uint32_t properties, uint32_t flags)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    const void *token;
    size_t length;

    memset(talk, 0, sizeof *talk);
    talk->error = (troth_error)TROTH_ERROR_INIT;
    talk->length = 99;
    talk->data = talk->buffer;
    options.required = required;
    options.flags = flags;
    scripted_init(&talk->script, done, 1);
    talk->script.attributes.properties = properties;
    talk->context = scripted_context(&talk->script, TROTH_ACCEPTOR, &options);
    assert_int_equal(troth_context_step(talk->context, "in", 2, &token, &length, NULL), TROTH_OK);
}

static void talk_end(struct talk *talk)
{
    troth_context_free(talk->context);
    assert_true(scripted_all_freed(&talk->script));
}

static troth_status take(struct talk *talk, const char *message, size_t length)
{
    memcpy(talk->buffer, message, length);
    return troth_unwrap(talk->context, talk->buffer, length, &talk->data, &talk->length, &talk->protection,
                        &talk->error);
}

static void a_message_goes_in_and_comes_out(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    memcpy(talk.buffer + SCRIPTED_HEADER, "hello", 5);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, talk.buffer + SCRIPTED_HEADER, 5,
                                talk.buffer, sizeof talk.buffer, &talk.length, &talk.error),
                     TROTH_OK);
    assert_int_equal(talk.length, 5 + SCRIPTED_HEADER);
    assert_int_equal(
        troth_unwrap(talk.context, talk.buffer, talk.length, &talk.data, &talk.length, &talk.protection, &talk.error),
        TROTH_OK);
    assert_int_equal(talk.length, 5);
    assert_memory_equal(talk.data, "hello", 5);
    assert_int_equal(talk.protection, TROTH_PROTECT_CONFIDENTIALITY);
    talk_end(&talk);
}

static void an_empty_message_is_one(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, NULL, 0, talk.buffer, SCRIPTED_HEADER,
                                &talk.length, NULL),
                     TROTH_OK);
    assert_int_equal(troth_unwrap(talk.context, talk.buffer, talk.length, &talk.data, &talk.length, NULL, NULL),
                     TROTH_OK);
    assert_null(talk.data);
    assert_int_equal(talk.length, 0);
    talk_end(&talk);
}

static void an_unencrypted_message_is_refused_where_confidentiality_is_required(void **state)
{
    struct talk talk;
    static const uint8_t wiped[9] = {0};

    (void)state;
    talk_begin(&talk, TROTH_CONFIDENTIALITY, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(take(&talk, "W\x01\0\0hello", 9), TROTH_E_REQUIREMENT);
    assert_text(talk.error.text, "not encrypted");
    assert_memory_equal(talk.buffer, wiped, 9);
    assert_null(talk.data);
    assert_int_equal(talk.length, 0);
    assert_int_equal(talk.protection, TROTH_PROTECTION_UNSET);
    assert_int_equal(take(&talk, "W\x02\0\0hello", 9), TROTH_E_REQUIREMENT);
    talk_end(&talk);

    /* A protection that the native layer does not know counts as none. */
    talk_begin(&talk, TROTH_CONFIDENTIALITY, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(take(&talk, "W\0\0\0hello", 9), TROTH_E_REQUIREMENT);
    talk_end(&talk);

    talk_begin(&talk, TROTH_INTEGRITY, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(take(&talk, "W\x01\0\0hello", 9), TROTH_OK);
    assert_int_equal(talk.protection, TROTH_PROTECT_INTEGRITY);
    talk_end(&talk);
}

static void a_message_that_fails_is_wiped_and_final(void **state)
{
    static const troth_status statuses[] = {TROTH_E_ALTERED, TROTH_E_REPLAY, TROTH_E_OUT_OF_SEQUENCE,
                                            TROTH_E_GAP,     TROTH_E_OLD,    TROTH_E_EXPIRED};
    static const uint8_t wiped[9] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct talk talk;

        talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
        talk.script.message_status = statuses[i];
        assert_int_equal(take(&talk, "W\x02\0\0hello", 9), statuses[i]);
        assert_text(talk.error.text, "verifying a protected message: " SCRIPTED_TEXT);
        assert_memory_equal(talk.buffer, wiped, 9);
        assert_null(talk.data);
        assert_int_equal(talk.length, 0);
        talk.script.message_status = TROTH_OK;
        talk.error = (troth_error)TROTH_ERROR_INIT;
        assert_int_equal(take(&talk, "W\x02\0\0hello", 9), statuses[i]);
        assert_int_equal(talk.error.native_major, SCRIPTED_MAJOR);
        assert_int_equal(talk.error.native_minor, SCRIPTED_MINOR);
        assert_int_equal(troth_verify_mic(talk.context, "x", 1, "MIC!", 4, NULL), statuses[i]);
        assert_int_equal(talk.script.asked_messages, 1);
        talk_end(&talk);
    }
}

static void among_datagrams_a_message_that_fails_is_wiped_and_the_next_one_passes(void **state)
{
    static const uint8_t wiped[9] = {0};
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, TROTH_DATAGRAM);
    assert_int_equal(take(&talk, "X\x02\0\0hello", 9), TROTH_E_ALTERED);
    assert_memory_equal(talk.buffer, wiped, 9);
    assert_int_equal(take(&talk, "W\x01\0\0hello", 9), TROTH_E_REQUIREMENT);
    assert_memory_equal(talk.buffer, wiped, 9);
    assert_int_equal(troth_verify_mic(talk.context, "x", 1, "CIM!", 4, NULL), TROTH_E_ALTERED);
    assert_int_equal(take(&talk, "W\x02\0\0hello", 9), TROTH_OK);
    assert_memory_equal(talk.data, "hello", 5);
    talk_end(&talk);
}

static void an_empty_or_damaged_code_is_refused(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, TROTH_DATAGRAM);
    assert_int_equal(troth_unwrap(talk.context, NULL, 0, &talk.data, &talk.length, NULL, &talk.error),
                     TROTH_E_BAD_TOKEN);
    assert_int_equal(troth_verify_mic(talk.context, "x", 1, NULL, 0, &talk.error), TROTH_E_BAD_TOKEN);
    assert_int_equal(talk.script.asked_messages, 0);
    assert_int_equal(troth_get_mic(talk.context, "x", 1, talk.buffer, sizeof talk.buffer, &talk.length, NULL),
                     TROTH_OK);
    assert_int_equal(troth_verify_mic(talk.context, "x", 1, talk.buffer, talk.length, NULL), TROTH_OK);
    talk_end(&talk);
}

static void less_protection_than_is_required_is_misuse(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_INTEGRITY, "x", 1, talk.buffer, 64, &talk.length, &talk.error),
        TROTH_E_ARGUMENT);
    assert_int_equal(talk.length, 0);
    assert_int_equal(troth_wrap(talk.context, (troth_protection)3, "x", 1, talk.buffer, 64, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECTION_UNSET, "x", 1, talk.buffer, 64, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(talk.script.asked_messages, 0);
    talk_end(&talk);
}

static void protection_that_the_context_does_not_have_is_unsupported(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, TROTH_NOTHING, TROTH_INTEGRITY, 0);
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, talk.buffer, 64, &talk.length, &talk.error),
        TROTH_E_UNSUPPORTED);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECT_INTEGRITY, "x", 1, talk.buffer, 64, &talk.length, NULL),
                     TROTH_OK);
    talk_end(&talk);

    talk_begin(&talk, TROTH_NOTHING, 0, 0);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECT_INTEGRITY, "x", 1, talk.buffer, 64, &talk.length, NULL),
                     TROTH_E_UNSUPPORTED);
    assert_int_equal(troth_get_mic(talk.context, "x", 1, talk.buffer, 64, &talk.length, NULL), TROTH_E_UNSUPPORTED);
    assert_int_equal(talk.script.asked_messages, 0);
    talk_end(&talk);
}

static void a_buffer_too_small_is_told_what_is_needed_and_is_not_final(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, talk.buffer, 8, &talk.length, &talk.error),
        TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(talk.length, 9);
    assert_int_equal(troth_get_mic(talk.context, "x", 1, NULL, 0, &talk.length, &talk.error), TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(talk.length, SCRIPTED_MIC);
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, talk.buffer, 9, &talk.length, &talk.error),
        TROTH_OK);
    talk_end(&talk);
}

static void a_message_that_cannot_be_made_is_final(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    talk.script.message_status = TROTH_E_EXPIRED;
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, talk.buffer, 64, &talk.length, &talk.error),
        TROTH_E_EXPIRED);
    assert_int_equal(talk.length, 0);
    talk.script.message_status = TROTH_OK;
    assert_int_equal(troth_get_mic(talk.context, "x", 1, talk.buffer, 64, &talk.length, NULL), TROTH_E_EXPIRED);
    assert_int_equal(talk.script.asked_messages, 1);
    talk_end(&talk);
}

static void info_still_answers_after_a_failed_message(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(take(&talk, "X\x02\0\0hello", 9), TROTH_E_ALTERED);
    assert_int_equal(troth_context_info_get(talk.context, &info, NULL), TROTH_OK);
    assert_int_equal(info.properties, TROTH_DEFAULT_REQUESTED);
    talk_end(&talk);
}

static void misuse_of_messages_zeroes_the_outputs(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
    assert_int_equal(troth_wrap(NULL, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, talk.buffer, 64, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(talk.length, 0);
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, NULL, 1, talk.buffer, 64, &talk.length, NULL),
        TROTH_E_ARGUMENT);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, NULL, 64, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, talk.buffer, 64, NULL, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(
        troth_wrap(talk.context, TROTH_PROTECT_CONFIDENTIALITY, "x", (size_t)-1, talk.buffer, 64, &talk.length, NULL),
        TROTH_E_ARGUMENT);
    talk.length = 99;
    assert_int_equal(troth_unwrap(talk.context, NULL, 3, &talk.data, &talk.length, &talk.protection, &talk.error),
                     TROTH_E_ARGUMENT);
    assert_null(talk.data);
    assert_int_equal(talk.length, 0);
    assert_int_equal(troth_unwrap(talk.context, talk.buffer, 3, NULL, &talk.length, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_unwrap(talk.context, talk.buffer, 3, &talk.data, NULL, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_get_mic(talk.context, "x", 1, talk.buffer, 64, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_verify_mic(talk.context, NULL, 1, "MIC!", 4, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_verify_mic(talk.context, "x", 1, NULL, 4, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(talk.script.asked_messages, 0);
    assert_int_equal(take(&talk, "W\x02\0\0hello", 9), TROTH_OK);
    talk_end(&talk);
}

static void before_completion_there_are_no_messages(void **state)
{
    static const struct scripted_step goes_on[] = {{TROTH_CONTINUE, NULL, 0}};
    struct scripted script;
    troth_context *context;
    uint8_t buffer[16] = "W\x02";
    void *data;
    size_t length;

    (void)state;
    scripted_init(&script, goes_on, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, buffer, 16, &length, NULL),
                     TROTH_E_STATE);
    assert_int_equal(troth_unwrap(context, buffer, 16, &data, &length, NULL, NULL), TROTH_E_STATE);
    assert_int_equal(buffer[0], 'W');
    assert_int_equal(troth_get_mic(context, "x", 1, buffer, 16, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_verify_mic(context, "x", 1, "MIC!", 4, NULL), TROTH_E_STATE);
    assert_int_equal(script.asked_messages, 0);
    troth_context_free(context);
}

static void a_native_layer_that_calls_a_message_misuse_has_lost_it(void **state)
{
    static const troth_status odd[] = {TROTH_E_UNSUPPORTED, TROTH_E_UNAVAILABLE, TROTH_E_STATE};
    struct talk talk;

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        talk_begin(&talk, 0, TROTH_DEFAULT_REQUESTED, 0);
        talk.script.message_status = odd[i];
        assert_int_equal(take(&talk, "W2..secret", 10), TROTH_E_FAILURE);
        assert_int_equal(talk.error.status, TROTH_E_FAILURE);
        assert_null(memchr(talk.buffer, 's', 10));
        talk.script.message_status = TROTH_OK;
        assert_int_equal(take(&talk, "W2..secret", 10), TROTH_E_FAILURE);
        talk_end(&talk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_in_and_comes_out),
        cmocka_unit_test(an_empty_message_is_one),
        cmocka_unit_test(an_unencrypted_message_is_refused_where_confidentiality_is_required),
        cmocka_unit_test(a_message_that_fails_is_wiped_and_final),
        cmocka_unit_test(among_datagrams_a_message_that_fails_is_wiped_and_the_next_one_passes),
        cmocka_unit_test(an_empty_or_damaged_code_is_refused),
        cmocka_unit_test(less_protection_than_is_required_is_misuse),
        cmocka_unit_test(protection_that_the_context_does_not_have_is_unsupported),
        cmocka_unit_test(a_buffer_too_small_is_told_what_is_needed_and_is_not_final),
        cmocka_unit_test(a_message_that_cannot_be_made_is_final),
        cmocka_unit_test(info_still_answers_after_a_failed_message),
        cmocka_unit_test(misuse_of_messages_zeroes_the_outputs),
        cmocka_unit_test(before_completion_there_are_no_messages),
        cmocka_unit_test(a_native_layer_that_calls_a_message_misuse_has_lost_it),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
