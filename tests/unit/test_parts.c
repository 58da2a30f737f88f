/* test_parts.c - shows which messages in parts may be made and taken, and that nothing unverified can be read. */
#include "support.h"

#include "scripted_backend.h"
#include "troth/parts.h"

static const struct scripted_step done[] = {{TROTH_OK, NULL, 0}};

/* What each test talks with: a completed acceptor, and a message of three parts. */
struct talk {
    struct scripted script;
    troth_context *context;
    troth_error error;
    char header[4], first[6], second[7];
    troth_part parts[3];
    uint8_t token[SCRIPTED_HEADER];
    size_t length;
    troth_protection protection;
};

static void talk_begin(struct talk *talk, uint32_t required, uint32_t flags)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    const void *token;
    size_t length;

    memset(talk, 0, sizeof *talk);
    talk->error = (troth_error)TROTH_ERROR_INIT;
    memcpy(talk->header, "HEAD", 4);
    memcpy(talk->first, "first ", 6);
    memcpy(talk->second, "second!", 7);
    talk->parts[0] = (troth_part){TROTH_PART_SIGN_ONLY, talk->header, 4};
    talk->parts[1] = (troth_part){TROTH_PART_DATA, talk->first, 6};
    talk->parts[2] = (troth_part){TROTH_PART_DATA, talk->second, 7};
    talk->length = 99;
    options.required = required;
    options.flags = flags;
    scripted_init(&talk->script, done, 1);
    talk->context = scripted_context(&talk->script, TROTH_ACCEPTOR, &options);
    assert_int_equal(troth_context_step(talk->context, "in", 2, &token, &length, NULL), TROTH_OK);
}

static void talk_end(struct talk *talk)
{
    troth_context_free(talk->context);
    assert_true(scripted_all_freed(&talk->script));
}

static troth_status make(struct talk *talk, troth_protection protection)
{
    return troth_wrap_parts(talk->context, protection, talk->parts, 3, talk->token, sizeof talk->token, &talk->length,
                            &talk->error);
}

static troth_status take(struct talk *talk)
{
    return troth_unwrap_parts(talk->context, talk->token, sizeof talk->token, talk->parts, 3, &talk->protection,
                              &talk->error);
}

static void assert_plain(const struct talk *talk)
{
    assert_memory_equal(talk->header, "HEAD", 4);
    assert_memory_equal(talk->first, "first ", 6);
    assert_memory_equal(talk->second, "second!", 7);
}

static void assert_wiped(const struct talk *talk)
{
    static const char nothing[7] = {0};

    assert_memory_equal(talk->header, "HEAD", 4);
    assert_memory_equal(talk->first, nothing, 6);
    assert_memory_equal(talk->second, nothing, 7);
}

static void a_message_goes_in_and_comes_out_where_it_lies(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, 0);
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_OK);
    assert_int_equal(talk.length, SCRIPTED_HEADER);
    assert_memory_equal(talk.header, "HEAD", 4);
    assert_memory_equal(talk.second, "SECOND\x01", 7);
    assert_int_equal(take(&talk), TROTH_OK);
    assert_int_equal(talk.protection, TROTH_PROTECT_CONFIDENTIALITY);
    assert_plain(&talk);
    assert_int_equal(talk.script.asked_parts, 2);
    talk_end(&talk);
}

static void misuse_changes_nothing(void **state)
{
    troth_part many[TROTH_PARTS_MOST + 1];
    struct talk talk;

    (void)state;
    for (size_t i = 0; i < TROTH_PARTS_MOST + 1; i++)
        many[i] = (troth_part){TROTH_PART_DATA, NULL, 0};
    talk_begin(&talk, 0, 0);
    assert_int_equal(troth_wrap_parts(NULL, TROTH_PROTECT_CONFIDENTIALITY, talk.parts, 3, talk.token, sizeof talk.token,
                                      &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(talk.length, 0);
    assert_int_equal(make(&talk, (troth_protection)7), TROTH_E_ARGUMENT);
    assert_int_equal(make(&talk, TROTH_PROTECT_INTEGRITY), TROTH_E_ARGUMENT); /* confidentiality is required */
    talk.parts[1].kind = TROTH_PART_UNSET;
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_E_ARGUMENT);
    assert_int_equal(take(&talk), TROTH_E_ARGUMENT);
    talk.parts[1].kind = TROTH_PART_DATA;
    talk.parts[1].data = NULL;
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_E_ARGUMENT);
    talk.parts[1].data = talk.first;
    talk.parts[1].length = talk.parts[2].length = 0x40000000u; /* under the limit each, over it together */
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_E_ARGUMENT);
    talk.parts[1].length = 6;
    talk.parts[2].length = 7;
    assert_int_equal(troth_wrap_parts(talk.context, TROTH_PROTECT_CONFIDENTIALITY, many, TROTH_PARTS_MOST + 1,
                                      talk.token, sizeof talk.token, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_wrap_parts(talk.context, TROTH_PROTECT_CONFIDENTIALITY, NULL, 1, talk.token,
                                      sizeof talk.token, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(
        troth_wrap_parts(talk.context, TROTH_PROTECT_CONFIDENTIALITY, talk.parts, 3, NULL, 4, &talk.length, NULL),
        TROTH_E_ARGUMENT);
    assert_int_equal(troth_unwrap_parts(talk.context, NULL, 4, talk.parts, 3, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_unwrap_parts(NULL, talk.token, 4, talk.parts, 3, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_get_mic_parts(talk.context, many, TROTH_PARTS_MOST + 1, talk.token, 4, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 4, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_verify_mic_parts(talk.context, talk.parts, 3, NULL, 4, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_verify_mic_parts(NULL, talk.parts, 3, talk.token, 4, NULL), TROTH_E_ARGUMENT);
    assert_plain(&talk);
    assert_int_equal(talk.script.asked_messages, 0);
    assert_int_equal(troth_wrap_parts(talk.context, TROTH_PROTECT_CONFIDENTIALITY, many, TROTH_PARTS_MOST, talk.token,
                                      sizeof talk.token, &talk.length, NULL),
                     TROTH_OK);
    talk_end(&talk);
}

static void room_too_small_is_told_and_not_final(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, 0);
    assert_int_equal(troth_wrap_parts(talk.context, TROTH_PROTECT_CONFIDENTIALITY, talk.parts, 3, talk.token, 3,
                                      &talk.length, &talk.error),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(talk.length, SCRIPTED_HEADER);
    assert_plain(&talk);
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_OK);
    talk_end(&talk);
}

static void a_message_that_could_not_be_made_is_wiped_and_final(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, 0);
    talk.script.message_status = TROTH_E_EXPIRED;
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_E_EXPIRED);
    assert_text(talk.error.text, "in parts");
    assert_int_equal(talk.length, 0);
    assert_wiped(&talk);
    talk.script.message_status = TROTH_OK;
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_E_EXPIRED);
    assert_int_equal(talk.script.asked_parts, 1);
    talk_end(&talk);
}

static void a_message_that_does_not_verify_is_wiped_and_final(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, 0);
    memcpy(talk.token, "X\x02", 2);
    assert_int_equal(take(&talk), TROTH_E_ALTERED);
    assert_int_equal(talk.protection, TROTH_PROTECTION_UNSET);
    assert_wiped(&talk);
    /* Nor can the next one be read. */
    memcpy(talk.first, "first ", 6);
    memcpy(talk.second, "second!", 7);
    assert_int_equal(take(&talk), TROTH_E_ALTERED);
    assert_wiped(&talk);
    assert_int_equal(talk.script.asked_parts, 1);
    talk_end(&talk);

    talk_begin(&talk, 0, TROTH_DATAGRAM);
    assert_int_equal(troth_unwrap_parts(talk.context, NULL, 0, talk.parts, 3, NULL, &talk.error), TROTH_E_BAD_TOKEN);
    assert_wiped(&talk);
    memcpy(talk.token, "W\x02", 2);
    assert_int_equal(take(&talk), TROTH_OK);
    talk_end(&talk);
}

static void an_unencrypted_message_is_refused_where_confidentiality_is_required(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, TROTH_CONFIDENTIALITY, 0);
    memcpy(talk.token, "W\x01", 2);
    assert_int_equal(take(&talk), TROTH_E_REQUIREMENT);
    assert_text(talk.error.text, "not encrypted");
    assert_wiped(&talk);
    talk_end(&talk);

    talk_begin(&talk, TROTH_INTEGRITY, 0);
    memcpy(talk.token, "W\x01", 2);
    assert_int_equal(take(&talk), TROTH_OK);
    assert_int_equal(talk.protection, TROTH_PROTECT_INTEGRITY);
    talk_end(&talk);
}

/* A provider that would protect one part and forget the others is not asked. */
static void what_cannot_have_parts_is_unsupported_and_loses_nothing(void **state)
{
    struct talk talk;
    troth_part parts[] = {{TROTH_PART_DATA, NULL, 0}, {TROTH_PART_DATA, NULL, 0}};
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    const void *token;

    (void)state;
    talk_begin(&talk, 0, 0);
    troth_context_free(talk.context);
    talk.script.attributes.parts = false;
    talk.script.stepped = 0;
    talk.context = scripted_context(&talk.script, TROTH_ACCEPTOR, &options);
    assert_int_equal(troth_context_step(talk.context, "in", 2, &token, &talk.length, NULL), TROTH_OK);
    assert_int_equal(make(&talk, TROTH_PROTECT_CONFIDENTIALITY), TROTH_E_UNSUPPORTED);
    assert_text(talk.error.text, "parts");
    assert_int_equal(talk.length, 0);
    memcpy(talk.token, "W\x02", 2);
    assert_int_equal(take(&talk), TROTH_E_UNSUPPORTED);
    assert_plain(&talk);
    assert_int_equal(talk.script.asked_messages, 0);
    /* Integrity codes are had all the same: over all bytes in one piece. */
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 4, &talk.length, NULL), TROTH_OK);
    assert_int_equal(talk.script.in_length, 17);
    assert_memory_equal(talk.script.in, "HEADfirst second!", 17);
    memset(talk.script.in, 0, sizeof talk.script.in);
    assert_int_equal(troth_verify_mic_parts(talk.context, talk.parts, 3, talk.token, 4, NULL), TROTH_OK);
    assert_memory_equal(talk.script.in, "HEADfirst second!", 17);
    assert_int_equal(troth_get_mic_parts(talk.context, parts, 2, talk.token, 4, &talk.length, NULL), TROTH_OK);
    assert_int_equal(talk.script.in_length, 0);
    assert_int_equal(talk.script.asked_parts, 0);
    talk_end(&talk);
}

static void codes_over_parts_fail_like_others(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, TROTH_DATAGRAM);
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 3, &talk.length, NULL),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(talk.length, SCRIPTED_MIC);
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 4, &talk.length, NULL), TROTH_OK);
    assert_int_equal(troth_verify_mic_parts(talk.context, talk.parts, 3, talk.token, 4, NULL), TROTH_OK);
    assert_int_equal(troth_verify_mic_parts(talk.context, talk.parts, 3, talk.token, 3, NULL), TROTH_E_ALTERED);
    assert_int_equal(troth_verify_mic_parts(talk.context, talk.parts, 3, NULL, 0, &talk.error), TROTH_E_BAD_TOKEN);
    assert_plain(&talk);
    talk_end(&talk);

    talk_begin(&talk, 0, 0);
    assert_int_equal(troth_verify_mic_parts(talk.context, talk.parts, 3, "CIM!", 4, NULL), TROTH_E_ALTERED);
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 4, &talk.length, NULL),
                     TROTH_E_ALTERED);
    talk_end(&talk);
}

static void a_code_that_memory_does_not_suffice_for_is_told(void **state)
{
    struct talk talk;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    const void *token;

    (void)state;
    talk_begin(&talk, 0, 0);
    troth_context_free(talk.context);
    talk.script.attributes.parts = false;
    talk.script.stepped = 0;
    options.flags = TROTH_DATAGRAM;
    talk.context = scripted_context(&talk.script, TROTH_ACCEPTOR, &options);
    assert_int_equal(troth_context_step(talk.context, "in", 2, &token, &talk.length, NULL), TROTH_OK);
    support_fail_allocation(1);
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 4, &talk.length, &talk.error),
                     TROTH_E_MEMORY);
    assert_true(support_allocation_failed());
    assert_int_equal(talk.length, 0);
    assert_int_equal(troth_get_mic_parts(talk.context, talk.parts, 3, talk.token, 4, &talk.length, NULL), TROTH_OK);
    talk_end(&talk);
}

static void before_completion_there_are_no_messages_in_parts(void **state)
{
    static const struct scripted_step goes_on[] = {{TROTH_CONTINUE, NULL, 0}};
    char byte[] = "x";
    troth_part parts[] = {{TROTH_PART_DATA, byte, 1}};
    struct scripted script;
    troth_context *context;
    uint8_t token[4];
    size_t length;

    (void)state;
    scripted_init(&script, goes_on, 1);
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, parts, 1, token, 4, &length, NULL),
                     TROTH_E_STATE);
    assert_int_equal(troth_unwrap_parts(context, token, 4, parts, 1, NULL, NULL), TROTH_E_STATE);
    assert_int_equal(troth_get_mic_parts(context, parts, 1, token, 4, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_verify_mic_parts(context, parts, 1, token, 4, NULL), TROTH_E_STATE);
    assert_int_equal(troth_wrap_size_limit(context, TROTH_PROTECT_CONFIDENTIALITY, 4, &length, NULL), TROTH_E_STATE);
    assert_int_equal(byte[0], 'x');
    assert_int_equal(script.asked_messages, 0);
    troth_context_free(context);
}

/* Also where messages are padded, so that two lengths need the same room. */
static void the_largest_message_that_fits_is_told(void **state)
{
    struct talk talk;

    (void)state;
    for (int pads = 0; pads < 2; pads++) {
        talk_begin(&talk, TROTH_INTEGRITY, 0);
        talk.script.pads = pads;
        for (size_t maximum = 0; maximum < 40; maximum++) {
            size_t largest = 0;
            bool any = false;

            for (size_t length = 0; length < 40; length++) {
                if (length + SCRIPTED_HEADER + (pads ? 2 - length % 2 : 0) <= maximum) {
                    largest = length;
                    any = true;
                }
            }
            assert_int_equal(
                troth_wrap_size_limit(talk.context, TROTH_PROTECT_INTEGRITY, maximum, &talk.length, &talk.error),
                any ? TROTH_OK : TROTH_E_BUFFER_TOO_SMALL);
            assert_int_equal(talk.length, largest);
        }
        assert_int_equal(
            troth_wrap_size_limit(talk.context, TROTH_PROTECT_INTEGRITY, SIZE_MAX, &talk.length, &talk.error),
            TROTH_OK);
        assert_int_equal(talk.length, 0x7FFF0000u);
        talk_end(&talk);
    }
}

static void a_limit_that_cannot_be_told_is_not_final(void **state)
{
    struct talk talk;

    (void)state;
    talk_begin(&talk, 0, 0);
    assert_int_equal(troth_wrap_size_limit(talk.context, TROTH_PROTECT_INTEGRITY, 64, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(talk.length, 0);
    assert_int_equal(troth_wrap_size_limit(NULL, TROTH_PROTECT_CONFIDENTIALITY, 64, &talk.length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(troth_wrap_size_limit(talk.context, TROTH_PROTECT_CONFIDENTIALITY, 64, NULL, NULL),
                     TROTH_E_ARGUMENT);
    talk.script.message_status = TROTH_E_FAILURE;
    assert_int_equal(troth_wrap_size_limit(talk.context, TROTH_PROTECT_CONFIDENTIALITY, 64, &talk.length, &talk.error),
                     TROTH_E_FAILURE);
    talk.script.message_status = TROTH_OK;
    assert_int_equal(troth_wrap_size_limit(talk.context, TROTH_PROTECT_CONFIDENTIALITY, 64, &talk.length, NULL),
                     TROTH_OK);
    assert_int_equal(talk.length, 60);
    talk_end(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_goes_in_and_comes_out_where_it_lies),
        cmocka_unit_test(misuse_changes_nothing),
        cmocka_unit_test(room_too_small_is_told_and_not_final),
        cmocka_unit_test(a_message_that_could_not_be_made_is_wiped_and_final),
        cmocka_unit_test(a_message_that_does_not_verify_is_wiped_and_final),
        cmocka_unit_test(an_unencrypted_message_is_refused_where_confidentiality_is_required),
        cmocka_unit_test(what_cannot_have_parts_is_unsupported_and_loses_nothing),
        cmocka_unit_test(codes_over_parts_fail_like_others),
        support_allocation_test(a_code_that_memory_does_not_suffice_for_is_told),
        cmocka_unit_test(before_completion_there_are_no_messages_in_parts),
        cmocka_unit_test(the_largest_message_that_fits_is_told),
        cmocka_unit_test(a_limit_that_cannot_be_told_is_not_final),
    };

    return cmocka_run_group_tests_name("parts", tests, NULL, NULL);
}
