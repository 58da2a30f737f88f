/* test_framing.c - shows the exact bytes of each framing's header, both ways. */
#include "support.h"

#include "framing.h"

static const struct {
    troth_framing framing;
    uint32_t flags;
    uint32_t length;
    uint8_t bytes[TROTH__FRAME_HEADER_MAX];
} table[] = {
    {TROTH_FRAMING_BE32, 0, 0, {0, 0, 0, 0}},
    {TROTH_FRAMING_BE32, 0, 1, {0, 0, 0, 1}},
    {TROTH_FRAMING_BE32, 0, 0x01020304, {1, 2, 3, 4}},
    {TROTH_FRAMING_BE32, 0, 0xFFFFFFFF, {255, 255, 255, 255}},
    {TROTH_FRAMING_BE32, 0, 0x80000000, {128, 0, 0, 0}},
    {TROTH_FRAMING_LE32, 0, 0, {0, 0, 0, 0}},
    {TROTH_FRAMING_LE32, 0, 1, {1, 0, 0, 0}},
    {TROTH_FRAMING_LE32, 0, 0x01020304, {4, 3, 2, 1}},
    {TROTH_FRAMING_LE32, 0, 0xFFFFFFFF, {255, 255, 255, 255}},
    {TROTH_FRAMING_LE32, 0, 0x80000000, {0, 0, 0, 128}},
    {TROTH_FRAMING_GSS_SAMPLE, TROTH_FRAME_NOOP | TROTH_FRAME_CONTEXT_NEXT, 0, {0x11, 0, 0, 0, 0}},
    {TROTH_FRAMING_GSS_SAMPLE, TROTH_FRAME_CONTEXT, 0x01020304, {0x02, 1, 2, 3, 4}},
    {TROTH_FRAMING_GSS_SAMPLE,
     TROTH_FRAME_DATA | TROTH_FRAME_WRAPPED | TROTH_FRAME_ENCRYPTED | TROTH_FRAME_SEND_MIC,
     258,
     {0xE4, 0, 0, 1, 2}},
    {TROTH_FRAMING_NEGOTIATE_STREAM, TROTH__NNS_DONE, 0, {0x14, 1, 0, 0, 0}},
    {TROTH_FRAMING_NEGOTIATE_STREAM, TROTH__NNS_IN_PROGRESS, 0x0102, {0x16, 1, 0, 1, 2}},
    {TROTH_FRAMING_NEGOTIATE_STREAM, TROTH__NNS_ERROR, 0xFFFF, {0x15, 1, 0, 255, 255}},
    {TROTH_FRAMING_GSS_SAMPLE, TROTH_FRAME_MIC, 0xFFFFFFFF, {0x08, 255, 255, 255, 255}},
};

static void headers_are_encoded_to_these_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint8_t header[TROTH__FRAME_HEADER_MAX + 1];
        size_t size = troth__frame_header_size(table[i].framing);

        memset(header, 0x5A, sizeof header);
        troth__frame_header_encode(table[i].framing, table[i].flags, table[i].length, header);
        assert_memory_equal(header, table[i].bytes, size);
        assert_int_equal(header[size], 0x5A);
    }
}

static void these_bytes_are_decoded_to_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint32_t flags = 99;
        uint32_t length = 99;

        troth__frame_header_decode(table[i].framing, table[i].bytes, &flags, &length);
        assert_int_equal(flags, table[i].flags);
        assert_int_equal(length, table[i].length);
    }
}

static void four_framings_are_known(void **state)
{
    (void)state;
    assert_true(troth__framing_known(TROTH_FRAMING_BE32));
    assert_true(troth__framing_known(TROTH_FRAMING_LE32));
    assert_true(troth__framing_known(TROTH_FRAMING_GSS_SAMPLE));
    assert_true(troth__framing_known(TROTH_FRAMING_NEGOTIATE_STREAM));
    assert_false(troth__framing_known((troth_framing)4));
    assert_false(troth__framing_known((troth_framing)-1));
    assert_int_equal(troth__frame_header_size(TROTH_FRAMING_BE32), 4);
    assert_int_equal(troth__frame_header_size(TROTH_FRAMING_LE32), 4);
    assert_int_equal(troth__frame_header_size(TROTH_FRAMING_GSS_SAMPLE), 5);
    assert_int_equal(troth__frame_header_size(TROTH_FRAMING_NEGOTIATE_STREAM), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_encoded_to_these_bytes),
        cmocka_unit_test(these_bytes_are_decoded_to_headers),
        cmocka_unit_test(four_framings_are_known),
    };

    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
