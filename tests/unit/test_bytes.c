/* test_bytes.c - shows that memory comes zeroed, fails as NULL, and is wiped when it was secret. */
#include "support.h"

#include "bytes.h"

static void new_memory_is_zeroed(void **state)
{
    uint8_t *memory = troth__alloc(300);

    (void)state;
    assert_non_null(memory);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(memory[i], 0);
    troth__free(memory);
}

static void nothing_may_be_freed_and_wiped(void **state)
{
    (void)state;
    troth__free(NULL);
    troth__wipe(NULL, 0);
    troth__wipe_free(NULL, 0);
    troth__wipe_free(NULL, 12);
}

static void wiping_clears_exactly_the_bytes_asked_for(void **state)
{
    char text[] = "xsecretx";

    (void)state;
    troth__wipe(text + 1, 6);
    assert_memory_equal(text, "x\0\0\0\0\0\0x", 8);
}

static void a_copied_string_is_ones_own(void **state)
{
    char text[] = "text";
    char *copy = troth__strdup(text);
    char *empty = troth__strdup("");

    (void)state;
    assert_ptr_not_equal(copy, text);
    text[0] = 'n';
    assert_string_equal(copy, "text");
    assert_string_equal(empty, "");
    troth__free(copy);
    troth__free(empty);
}

static void a_failed_allocation_is_null(void **state)
{
    (void)state;
    support_fail_allocation(1);
    assert_null(troth__alloc(10));
    support_fail_allocation(1);
    assert_null(troth__strdup("text"));
    assert_true(support_allocation_failed());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(nothing_may_be_freed_and_wiped),
        cmocka_unit_test(wiping_clears_exactly_the_bytes_asked_for),
        cmocka_unit_test(a_copied_string_is_ones_own),
        support_allocation_test(a_failed_allocation_is_null),
    };

    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
