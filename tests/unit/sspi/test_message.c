/* test_message.c - the SSPI backend's protected messages: Windows' layout, and Wine's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scripted.h"
#include "troth/parts.h"

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static troth_context *complete_context(void)
{
    troth_context *context = script_context(TROTH_INITIATOR);
    size_t length;

    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
    return context;
}

static void finish(troth_context *context)
{
    troth_context_free(context);
    script_assert_nothing_left();
}

static void a_message_is_cut_to_what_was_returned(void **state)
{
    static const struct {
        unsigned long token;
        unsigned long padding;
        const char *message;
    } cases[] = {
        {16, 8, "TTTTTTTTTTTTTTTT\x32\x3f\x36\x36\x35PPPPPPPP"},
        {16, 0, "TTTTTTTTTTTTTTTT\x32\x3f\x36\x36\x35"},
        {5, 3, "TTTTT\x32\x3f\x36\x36\x35PPP"},
        {0, 1, "\x32\x3f\x36\x36\x35P"},
    };
    uint8_t output[64];
    size_t length;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context *context;

        script_reset();
        context = complete_context();
        script.message_token = cases[i].token;
        script.message_padding = cases[i].padding;
        assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, 29, &length, NULL),
                         TROTH_OK);
        assert_int_equal(length, strlen(cases[i].message));
        assert_memory_equal(output, cases[i].message, length);
        assert_int_equal(script.message_quality, 0);
        assert_int_equal(script.message_types[0], SECBUFFER_TOKEN);
        assert_int_equal(script.message_types[1], SECBUFFER_DATA);
        assert_int_equal(script.message_types[2], SECBUFFER_PADDING);
        assert_int_equal(script.message_sizes[0], 16);
        assert_int_equal(script.message_sizes[2], 8);
        finish(context);
    }
}

static void data_that_stands_in_place_or_overlaps_is_kept(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    uint8_t output[64];
    size_t length;
    size_t at;

    (void)state;
    for (at = 0; at < 24; at++) {
        troth_context *context;

        script_reset();
        context = complete_context();
        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_int_equal(info.wrap_header, 16);
        assert_int_equal(info.wrap_overhead, 24);
        memcpy(output + at, "hello", 5);
        assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, output + at, 5, output, 29, &length, NULL),
                         TROTH_OK);
        assert_int_equal(length, 21);
        assert_memory_equal(output + 16, "\x32\x3f\x36\x36\x35", 5);
        finish(context);
    }
}

static void integrity_alone_is_asked_for_by_its_own_quality(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = script_credential(TROTH_INITIATOR);
    troth_context *context;
    uint8_t output[64];
    size_t length;

    (void)state;
    options.target.principal = "x";
    options.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_OK);
    troth_credential_free(credential);
    assert_int_equal(script_step_context(context, false, &length, NULL), TROTH_OK);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_INTEGRITY, "hello", 5, output, 29, &length, NULL), TROTH_OK);
    assert_int_equal(script.message_quality, SECQOP_WRAP_NO_ENCRYPT);
    finish(context);
}

static void a_small_buffer_is_refused_before_the_provider_is_asked(void **state)
{
    troth_context *context = complete_context();
    uint8_t output[64];
    size_t length;
    int calls = script.calls;

    (void)state;
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, 28, &length, NULL),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, 29);
    assert_int_equal(troth_get_mic(context, "hello", 5, output, 19, &length, NULL), TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, 20);
    assert_int_equal(script.calls, calls);
    assert_int_equal(troth_get_mic(context, "hello", 5, output, 20, &length, NULL), TROTH_OK);
    assert_int_equal(length, 12);
    finish(context);
}

static void sizes_over_the_room_are_a_failure(void **state)
{
    uint8_t output[64];
    size_t length;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        troth_context *context;

        script_reset();
        context = complete_context();
        script.message_token = i == 0 ? 17 : 16;
        script.message_padding = i == 1 ? 9 : 0;
        assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, 64, &length, NULL),
                         TROTH_E_FAILURE);
        assert_int_equal(length, 0);
        finish(context);
    }
}

static void a_plaintext_is_found_inside_its_message(void **state)
{
    char message[] = "TTTTT\x32\x3f\x36\x36\x35PPP";
    troth_context *context = complete_context();
    troth_protection protection;
    void *data;
    size_t length;

    (void)state;
    script.message_token = 5;
    script.message_padding = 3;
    assert_int_equal(troth_unwrap(context, message, 13, &data, &length, &protection, NULL), TROTH_OK);
    assert_int_equal(script.message_types[0], SECBUFFER_STREAM);
    assert_int_equal(script.message_types[1], SECBUFFER_DATA);
    assert_int_equal(length, 5);
    assert_ptr_equal(data, message + 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(protection, TROTH_PROTECT_CONFIDENTIALITY);
    assert_int_equal(troth_unwrap(context, message, 8, &data, &length, &protection, NULL), TROTH_OK);
    assert_int_equal(length, 0);
    assert_null(data);
    finish(context);
}

static void a_plaintext_outside_its_message_is_a_failure(void **state)
{
    char message[] = "TTTTT\x32\x3f\x36\x36\x35PPP";
    troth_context *context = complete_context();
    void *data;
    size_t length;

    (void)state;
    script.outside = true;
    script.message_token = 5;
    assert_int_equal(troth_unwrap(context, message, 13, &data, &length, NULL, NULL), TROTH_E_FAILURE);
    assert_null(data);
    assert_int_equal(length, 0);
    finish(context);
}

static void an_unencrypted_message_is_told_and_refused_where_required(void **state)
{
    static const struct {
        unsigned long quality;
        troth_status status;
    } cases[] = {
        {0, TROTH_OK},
        {SECQOP_WRAP_NO_ENCRYPT, TROTH_E_REQUIREMENT},
        {SECQOP_WRAP_OOB_DATA, TROTH_E_FAILURE},
        {1, TROTH_E_FAILURE},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char message[] = "TTTTT\x32\x3f\x36\x36\x35";
        troth_context *context;
        void *data;
        size_t length;

        script_reset();
        context = complete_context();
        script.quality = cases[i].quality;
        script.message_token = 5;
        assert_int_equal(troth_unwrap(context, message, 10, &data, &length, NULL, NULL), cases[i].status);
        finish(context);
    }
}

static void a_code_over_a_message_is_verified(void **state)
{
    troth_context *context = complete_context();
    uint8_t mic[32];
    size_t length;

    (void)state;
    assert_int_equal(troth_get_mic(context, NULL, 0, mic, sizeof mic, &length, NULL), TROTH_OK);
    assert_int_equal(troth_verify_mic(context, NULL, 0, mic, length, NULL), TROTH_OK);
    mic[0] ^= 1;
    assert_int_equal(troth_verify_mic(context, NULL, 0, mic, length, NULL), TROTH_E_ALTERED);
    finish(context);
}

/* A record of a signed header and a text, as parts. */
struct record {
    char header[5];
    char text[6];
    troth_part parts[2];
};

static void record_fill(struct record *record)
{
    memcpy(record->header, "HEAD", 5);
    memcpy(record->text, "hello", 6);
    record->parts[0] = (troth_part){TROTH_PART_SIGN_ONLY, record->header, 4};
    record->parts[1] = (troth_part){TROTH_PART_DATA, record->text, 5};
}

static void parts_are_given_as_they_lie(void **state)
{
    troth_context *context = complete_context();
    troth_protection protection;
    struct record record;
    uint8_t token[24];
    size_t length;

    (void)state;
    record_fill(&record);
    script.message_token = 7;
    assert_int_equal(
        troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, record.parts, 2, token, 15, &length, NULL),
        TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, 16);
    assert_memory_equal(record.text, "hello", 5);
    assert_int_equal(
        troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, record.parts, 2, token, 16, &length, NULL), TROTH_OK);
    assert_int_equal(length, 7);
    assert_int_equal(script.message_quality, 0);
    assert_int_equal(script.message_types[0], SECBUFFER_TOKEN);
    assert_int_equal(script.message_types[1], SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM);
    assert_int_equal(script.message_types[2], SECBUFFER_DATA);
    assert_int_equal(script.message_types[3], SECBUFFER_PADDING);
    assert_int_equal(script.message_sizes[0], 16);
    assert_int_equal(script.message_sizes[1], 4);
    assert_int_equal(script.message_sizes[2], 5);
    assert_int_equal(script.message_sizes[3], 8);
    assert_memory_equal(record.header, "HEAD", 4);
    assert_memory_equal(record.text, "\x32\x3f\x36\x36\x35", 5);
    assert_int_equal(troth_unwrap_parts(context, token, 7, record.parts, 2, &protection, NULL), TROTH_OK);
    assert_int_equal(script.message_types[0], SECBUFFER_TOKEN);
    assert_int_equal(script.message_types[1], SECBUFFER_DATA | SECBUFFER_READONLY_WITH_CHECKSUM);
    assert_int_equal(script.message_types[2], SECBUFFER_DATA);
    assert_int_equal(script.message_sizes[0], 7);
    assert_int_equal(protection, TROTH_PROTECT_CONFIDENTIALITY);
    assert_memory_equal(record.text, "hello", 5);
    assert_int_equal(troth_get_mic_parts(context, record.parts, 2, token, 20, &length, NULL), TROTH_OK);
    assert_int_equal(script.message_types[0], SECBUFFER_DATA);
    assert_int_equal(script.message_types[1], SECBUFFER_DATA);
    assert_int_equal(script.message_types[2], SECBUFFER_TOKEN);
    assert_int_equal(troth_verify_mic_parts(context, record.parts, 2, token, length, NULL), TROTH_OK);
    token[0] ^= 1;
    assert_int_equal(troth_verify_mic_parts(context, record.parts, 2, token, length, NULL), TROTH_E_ALTERED);
    finish(context);
}

static void padding_of_a_message_in_parts_is_a_failure(void **state)
{
    troth_context *context = complete_context();
    struct record record;
    uint8_t token[24];
    size_t length;

    (void)state;
    record_fill(&record);
    script.message_padding = 1;
    assert_int_equal(
        troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, record.parts, 2, token, 24, &length, NULL),
        TROTH_E_FAILURE);
    assert_int_equal(length, 0);
    assert_memory_equal(record.text, "\0\0\0\0\0", 5);
    finish(context);
}

static void an_unencrypted_message_in_parts_is_told_and_refused_where_required(void **state)
{
    static const struct {
        unsigned long quality;
        troth_status status;
    } cases[] = {{0, TROTH_OK}, {SECQOP_WRAP_NO_ENCRYPT, TROTH_E_REQUIREMENT}, {1, TROTH_E_FAILURE}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context *context;
        struct record record;

        script_reset();
        context = complete_context();
        script.quality = cases[i].quality;
        record_fill(&record);
        assert_int_equal(troth_unwrap_parts(context, (char[]){"T"}, 1, record.parts, 2, NULL, NULL), cases[i].status);
        assert_int_equal(record.text[0] == 0, cases[i].status != TROTH_OK);
        finish(context);
    }
}

static void wine_is_not_asked_for_parts(void **state)
{
    troth_context *context;
    struct record record;
    uint8_t token[96];
    size_t length;
    int calls;

    (void)state;
    script.wine = true;
    context = complete_context();
    calls = script.calls;
    record_fill(&record);
    assert_int_equal(
        troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, record.parts, 2, token, 96, &length, NULL),
        TROTH_E_UNSUPPORTED);
    assert_int_equal(troth_unwrap_parts(context, token, 96, record.parts, 2, NULL, NULL), TROTH_E_UNSUPPORTED);
    assert_memory_equal(record.text, "hello", 5);
    assert_int_equal(script.calls, calls);
    /* All bytes of a code in one DATA. */
    assert_int_equal(troth_get_mic_parts(context, record.parts, 2, token, 96, &length, NULL), TROTH_OK);
    assert_int_equal(script.message_types[0], SECBUFFER_DATA);
    assert_int_equal(script.message_sizes[0], 9);
    assert_int_equal(script.message_types[1], SECBUFFER_TOKEN);
    finish(context);
}

static void the_largest_message_is_what_the_sizes_leave(void **state)
{
    troth_context *context = complete_context();
    uint8_t output[64];
    size_t length;

    (void)state;
    assert_int_equal(troth_wrap_size_limit(context, TROTH_PROTECT_CONFIDENTIALITY, 23, &length, NULL),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(troth_wrap_size_limit(context, TROTH_PROTECT_CONFIDENTIALITY, 29, &length, NULL), TROTH_OK);
    assert_int_equal(length, 5);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello!", 6, output, 29, &length, NULL),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, 29, &length, NULL),
                     TROTH_OK);
    finish(context);
}

static void wine_has_its_own_order(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_context *context;
    uint8_t output[128];
    size_t length;

    (void)state;
    script.wine = true;
    context = complete_context();
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    assert_int_equal(info.wrap_header, 0);
    script.message_token = 60;
    assert_int_equal(
        troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, output, sizeof output, &length, NULL), TROTH_OK);
    assert_int_equal(length, 65);
    assert_memory_equal(output, "\x32\x3f\x36\x36\x35TTT", 8);
    assert_int_equal(script.message_types[0], SECBUFFER_DATA);
    assert_int_equal(script.message_types[1], SECBUFFER_TOKEN);
    assert_true(script.message_sizes[1] >= 72);
    finish(context);
}

/* An RFC 4121 header and what follows it: under Wine the cut is made where the plaintext ends. */
static void wine_is_cut_where_the_plaintext_ends(void **state)
{
    static const struct {
        uint8_t flags;
        uint8_t extra;       /* EC, RFC 4121 section 4.2.3 */
        unsigned long first; /* what this side's own first message added, 0: it sent none */
        size_t length;
        size_t plaintext;
    } cases[] = {
        {0x02, 0, 0, 65, 5},  {0x06, 0, 0, 60, 0},    {0x02, 0, 0, 59, 0},  {0x02, 3, 0, 70, 7},
        {0x00, 12, 0, 33, 5}, {0x04, 255, 0, 100, 0}, {0x02, 0, 72, 77, 5}, {0x02, 0, 64, 69, 5},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t message[100] = {0x05, 0x04, cases[i].flags, 0xFF, 0, cases[i].extra};
        uint8_t output[128];
        troth_context *context;
        void *data;
        size_t length;

        script_reset();
        script.wine = true;
        context = complete_context();
        if (cases[i].first != 0) {
            script.message_token = cases[i].first;
            assert_int_equal(
                troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, output, sizeof output, &length, NULL),
                TROTH_OK);
        }
        assert_int_equal(troth_unwrap(context, message, cases[i].length, &data, &length, NULL, NULL), TROTH_OK);
        assert_int_equal(length, cases[i].plaintext);
        assert_int_equal(script.message_types[0], SECBUFFER_DATA);
        assert_int_equal(script.message_sizes[0], cases[i].plaintext);
        assert_int_equal(script.message_types[1], SECBUFFER_TOKEN);
        assert_int_equal(script.message_sizes[1], cases[i].length - cases[i].plaintext);
        finish(context);
    }
}

/* A cut too late would give out bytes that nobody verified: the plaintext's end must be known before it is made. */
static void wine_takes_no_message_whose_end_it_cannot_know(void **state)
{
    static const char types[] = {17, 18, 19, 20};
    size_t i;

    (void)state;
    for (i = 0; i < 8; i++) {
        char token[] = "\x60\x12\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00\xa0\x03\x02\x01?";
        const bool known = types[i / 2] < 19;
        const bool sends_first = i % 2 == 1;
        uint8_t message[81] = {0x05, 0x04, 0x02, 0xFF};
        uint8_t output[128];
        troth_context *context;
        void *data;
        size_t length;

        script_reset();
        script.wine = true;
        token[19] = types[i / 2];
        script.steps[0].token = token;
        script.steps[0].length = sizeof token - 1;
        context = complete_context();
        script.message_token = known ? 60 : 72;
        if (sends_first)
            assert_int_equal(
                troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "x", 1, output, sizeof output, &length, NULL),
                TROTH_OK);
        message[80] = 'm';
        assert_int_equal(troth_unwrap(context, message, sizeof message, &data, &length, NULL, NULL),
                         known || sends_first ? TROTH_OK : TROTH_E_FAILURE);
        assert_int_equal(length, known ? 21 : sends_first ? 9 : 0);
        assert_true(known || sends_first || message[80] == 0);
        finish(context);
    }
}

#define NAME(test) cmocka_unit_test_setup(test, reset)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        NAME(a_message_is_cut_to_what_was_returned),
        NAME(data_that_stands_in_place_or_overlaps_is_kept),
        NAME(integrity_alone_is_asked_for_by_its_own_quality),
        NAME(a_small_buffer_is_refused_before_the_provider_is_asked),
        NAME(sizes_over_the_room_are_a_failure),
        NAME(a_plaintext_is_found_inside_its_message),
        NAME(a_plaintext_outside_its_message_is_a_failure),
        NAME(an_unencrypted_message_is_told_and_refused_where_required),
        NAME(a_code_over_a_message_is_verified),
        NAME(parts_are_given_as_they_lie),
        NAME(padding_of_a_message_in_parts_is_a_failure),
        NAME(an_unencrypted_message_in_parts_is_told_and_refused_where_required),
        NAME(wine_is_not_asked_for_parts),
        NAME(the_largest_message_is_what_the_sizes_leave),
        NAME(wine_has_its_own_order),
        NAME(wine_is_cut_where_the_plaintext_ends),
        NAME(wine_takes_no_message_whose_end_it_cannot_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
