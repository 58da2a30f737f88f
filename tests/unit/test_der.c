/* test_der.c - shows what the reader of DER takes off, what it calls damage, and what it says of lengths. */
#include "support.h"

#include "der.h"

struct read {
    struct troth__der_element element;
    bool taken;
    bool damaged;
    size_t left;
};

/* The first element of some bytes, which end where their block of memory ends. */
static struct read read_first(const void *bytes, size_t length)
{
    struct read read;
    uint8_t *block = malloc(length + (length == 0 ? 1 : 0));

    memset(&read, 0, sizeof read);
    assert_non_null(block);
    memcpy(block, bytes, length);
    struct troth__der_walk walk = {{block, length}, &read.damaged};
    read.taken = troth__der_next(&walk, &read.element);
    read.left = walk.rest.length;
    free(block);
    return read;
}

#define READ(text) read_first(text, sizeof(text) - 1)

static void an_element_is_taken_off(void **state)
{
    (void)state;
    struct read read = READ("\x02\x01\x05rest");
    assert_true(read.taken);
    assert_int_equal(read.element.tag, TROTH__DER_INTEGER);
    assert_true(read.element.whole);
    assert_true(read.element.minimal);
    assert_int_equal(read.element.content.length, 1);
    assert_int_equal(read.left, 4);
    assert_false(read.damaged);
}

static void the_end_is_no_damage(void **state)
{
    (void)state;
    struct read read = READ("");
    assert_false(read.taken);
    assert_false(read.damaged);
}

static void a_cut_element_has_what_is_there(void **state)
{
    (void)state;
    struct read read = READ("\x04\x05"
                            "abc");
    assert_true(read.taken);
    assert_false(read.element.whole);
    assert_int_equal(read.element.content.length, 3);
    assert_true(read.damaged);

    /* A length that no memory holds. */
    read = READ("\x04\x88\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"
                "abc");
    assert_true(read.taken);
    assert_false(read.element.whole);
    assert_int_equal(read.element.content.length, 3);
}

static void what_is_no_element_is_damage(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"\x04", 1},                         /* no length */
        {"\x04\x80xx\0\0", 6},               /* the indefinite form */
        {"\x04\x82\x01", 3},                 /* a cut length */
        {"\x04\x89\0\0\0\0\0\0\0\0\1x", 12}, /* a length of nine bytes */
        {"\x1F\x81\x01\x00", 4},             /* a tag number of more than 30 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct read read = read_first(cases[i].bytes, cases[i].length);
        assert_false(read.taken);
        assert_true(read.damaged);
        assert_int_equal(read.left, 0);
    }
}

/* X.690 section 10.1. */
static void lengths_that_are_longer_than_they_must_be_are_told(void **state)
{
    static uint8_t bytes[4 + 65536];

    (void)state;
    assert_false(READ("\x04\x81\x01x").element.minimal);
    assert_false(READ("\x04\x82\x00\x01x").element.minimal);
    bytes[0] = TROTH__DER_OCTET_STRING;
    static const struct {
        size_t length;
        uint8_t header[5];
        size_t header_length;
        bool minimal;
    } cases[] = {
        {127, {0x04, 0x7F}, 2, true},
        {127, {0x04, 0x81, 0x7F}, 3, false},
        {128, {0x04, 0x81, 0x80}, 3, true},
        {255, {0x04, 0x81, 0xFF}, 3, true},
        {255, {0x04, 0x82, 0x00, 0xFF}, 4, false},
        {256, {0x04, 0x82, 0x01, 0x00}, 4, true},
        {65535, {0x04, 0x82, 0xFF, 0xFF}, 4, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(bytes, cases[i].header, cases[i].header_length);
        struct read read = read_first(bytes, cases[i].header_length + cases[i].length);
        assert_true(read.taken);
        assert_true(read.element.whole);
        assert_int_equal(read.element.content.length, cases[i].length);
        assert_int_equal(read.element.minimal, cases[i].minimal);
    }
}

static void only_one_element_of_one_type(void **state)
{
    static const uint8_t one[] = {0x02, 0x01, 0x05};
    static const uint8_t two[] = {0x02, 0x01, 0x05, 0x05, 0x00};
    struct troth__der_element element;
    bool damaged = false;

    (void)state;
    struct troth__der_walk walk = {{one, sizeof one}, &damaged};
    assert_true(troth__der_only(walk, TROTH__DER_INTEGER, &element));
    assert_false(damaged);
    assert_false(troth__der_only(walk, TROTH__DER_OID, &element));
    assert_true(damaged);

    damaged = false;
    walk.rest = (troth__bytes){two, sizeof two};
    assert_true(troth__der_only(walk, TROTH__DER_INTEGER, &element));
    assert_true(damaged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_is_taken_off),
        cmocka_unit_test(the_end_is_no_damage),
        cmocka_unit_test(a_cut_element_has_what_is_there),
        cmocka_unit_test(what_is_no_element_is_damage),
        cmocka_unit_test(lengths_that_are_longer_than_they_must_be_are_told),
        cmocka_unit_test(only_one_element_of_one_type),
    };
    return cmocka_run_group_tests_name("der", tests, NULL, NULL);
}
