/* test_error.c - shows that an error's text is whole where it must be, clean everywhere, and never too long. */
#include "support.h"

#include <stdio.h>

#include "error.h"
#include "hint.h"
#include "name.h"

#define ROOM (sizeof(((troth_error *)0)->text) - 1)

static void fill(char *text, size_t length)
{
    memset(text, 'x', length);
    text[length] = '\0';
}

/* Sets a text of exactly length bytes. */
static void set_filled(troth_error *error, size_t length)
{
    char text[1200];

    fill(text, length);
    troth__error_set(error, TROTH_E_FAILURE, "%s", text);
}

static void status_and_text_are_set_and_the_status_comes_back(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    troth__error_native(&error, 7, 9);
    assert_int_equal(troth__error_set(&error, TROTH_E_NO_KDC, "no %s for %d", "KDC", 3), TROTH_E_NO_KDC);
    assert_int_equal(error.status, TROTH_E_NO_KDC);
    assert_string_equal(error.text, "no KDC for 3");
    assert_int_equal(error.native_major, 7);
    assert_int_equal(error.native_minor, 9);
}

static void parts_are_put_before_and_behind(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    troth__error_set(&error, TROTH_E_NO_KDC, "no KDC");
    troth__error_append(&error, " in %s", "REALM");
    troth__error_prefix(&error, "step %d: ", 2);
    troth__error_hint(&error, "look at %s", "krb5.conf");
    assert_string_equal(error.text, "step 2: no KDC in REALM. Hint: look at krb5.conf");
    troth__error_prefix(&error, "again: ");
    assert_string_equal(error.text, "again: step 2: no KDC in REALM. Hint: look at krb5.conf");
}

static void a_hint_begins_its_sentence_rightly(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    troth__error_set(&error, TROTH_E_NO_KDC, "It ended.");
    troth__error_hint(&error, "start it");
    assert_string_equal(error.text, "It ended. Hint: start it");
    troth__error_set(&error, TROTH_E_NO_KDC, "%s", "");
    troth__error_hint(&error, "start it");
    assert_string_equal(error.text, "Hint: start it");
}

static void begin_empties_the_callers_error(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_error scratch;

    (void)state;
    memset(&scratch, 0xAA, sizeof scratch);
    troth__error_set(&error, TROTH_E_DENIED, "old");
    troth__error_native(&error, 1, 2);
    assert_ptr_equal(troth__error_begin(&error, &scratch), &error);
    assert_int_equal(error.status, TROTH_OK);
    assert_int_equal(error.native_major, 0);
    assert_int_equal(error.native_minor, 0);
    assert_string_equal(error.text, "");
}

static void without_an_error_or_with_a_smaller_one_scratch_is_used(void **state)
{
    troth_error smaller;
    troth_error untouched;
    troth_error scratch;

    (void)state;
    memset(&smaller, 0xAA, sizeof smaller);
    smaller.size = sizeof smaller - 1;
    untouched = smaller;
    memset(&scratch, 0xAA, sizeof scratch);
    assert_ptr_equal(troth__error_begin(&smaller, &scratch), &scratch);
    assert_memory_equal(&smaller, &untouched, sizeof smaller);
    assert_int_equal(scratch.size, sizeof scratch);
    assert_string_equal(scratch.text, "");
    memset(&scratch, 0xAA, sizeof scratch);
    assert_ptr_equal(troth__error_begin(NULL, &scratch), &scratch);
    assert_int_equal(scratch.status, TROTH_OK);
}

static void control_characters_become_spaces(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    troth__error_set(&error, TROTH_E_FAILURE, "a%sb", "\n\r\t\x1B[2J\x7F\xC2\x9B.");
    assert_string_equal(error.text, "a    [2J  .b");
}

static void what_is_no_utf8_becomes_question_marks(void **state)
{
    static const char *const pairs[][2] = {
        {"\xFC", "?"},                /* Latin-1 */
        {"\xC0\xAF", "??"},           /* overlong */
        {"\xED\xA0\x80", "???"},      /* a surrogate */
        {"\xF4\x90\x80\x80", "????"}, /* past U+10FFFF */
        {"\xE2\x82", "??"},           /* an end that is missing */
        {"\xE2\x82x", "??x"},         /* a middle that is missing */
        {"\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;

        troth__error_set(&error, TROTH_E_FAILURE, "%s", pairs[i][0]);
        assert_string_equal(error.text, pairs[i][1]);
    }
}

static void a_text_that_just_fits_is_whole_and_one_byte_more_is_cut(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    set_filled(&error, ROOM - 1);
    troth__error_append(&error, "y");
    assert_int_equal(strlen(error.text), ROOM);
    assert_int_equal(error.text[ROOM - 1], 'y');

    set_filled(&error, ROOM - 1);
    troth__error_append(&error, "yz");
    assert_int_equal(strlen(error.text), ROOM);
    assert_string_equal(error.text + ROOM - 4, "x...");
    troth__error_append(&error, "more");
    assert_string_equal(error.text + ROOM - 4, "x...");
}

static void a_cut_never_parts_a_character(void **state)
{
    (void)state;
    for (size_t before = ROOM - 12; before <= ROOM; before++) {
        for (int way = 0; way < 3; way++) {
            static const char wide[] = "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xE2\x82\xAC\xC3\xBC\xE2\x82\xAC";
            char text[1200];
            troth_error error = TROTH_ERROR_INIT;

            fill(text, before);
            if (way == 0) {
                troth__error_set(&error, TROTH_E_FAILURE, "%s%s", text, wide);
            } else if (way == 1) {
                troth__error_set(&error, TROTH_E_FAILURE, "%s", text);
                troth__error_append(&error, "%s", wide);
            } else {
                troth__error_set(&error, TROTH_E_FAILURE, "%s", wide);
                troth__error_prefix(&error, "%s", text);
            }
            assert_true(troth__utf8_valid(error.text, strlen(error.text)));
            assert_null(strchr(error.text, '?'));
        }
    }
}

static void a_full_text_gives_way_to_a_prefix(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    set_filled(&error, ROOM);
    troth__error_prefix(&error, "first: ");
    assert_memory_equal(error.text, "first: xxx", 10);
    assert_int_equal(strlen(error.text), ROOM);
    assert_string_equal(error.text + ROOM - 4, "x...");
}

static void a_hint_is_whole_when_the_text_is_full(void **state)
{
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    set_filled(&error, ROOM);
    troth__error_hint(&error, "look at the clock");
    assert_text(error.text, "x... Hint: look at the clock");
    assert_int_equal(strlen(error.text), ROOM);
    troth__error_prefix(&error, "a prefix that comes late: ");
    assert_memory_equal(error.text, "a prefix that comes late: xxx", 29);
    assert_text(error.text, "x... Hint: look at the clock");
    assert_int_equal(strlen(error.text), ROOM);
}

static void a_hint_longer_than_everything_is_cut_itself(void **state)
{
    char text[2000];
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    fill(text, sizeof text - 1);
    troth__error_set(&error, TROTH_E_FAILURE, "short");
    troth__error_hint(&error, "%s", text);
    assert_true(strlen(error.text) <= ROOM);
    assert_text(error.text, "... Hint: xxx");
}

/* Reads the enumerators out of the header, so that a new status cannot be forgotten in the table. */
static void every_status_of_the_header_has_its_name_and_nothing_else_has(void **state)
{
    const char *names[128] = {NULL};
    static char kept[128][64];
    char line[512];
    size_t found = 0;
    bool inside = false;
    FILE *header = fopen(TROTH_HEADER, "r");

    (void)state;
    assert_non_null(header);
    while (fgets(line, sizeof line, header) != NULL) {
        char name[64];
        int value;

        if (strncmp(line, "typedef enum troth_status", 25) == 0)
            inside = true;
        else if (inside && line[0] == '}')
            break;
        else if (inside && sscanf(line, " %63[A-Z0-9_] = %d", name, &value) == 2) {
            assert_true(value >= 0 && value < 128);
            strcpy(kept[value], name);
            names[value] = kept[value];
            found++;
        }
    }
    fclose(header);
    assert_true(found >= 32);
    for (int value = -3; value < 300; value++) {
        const char *expected = value >= 0 && value < 128 && names[value] != NULL ? names[value] : "TROTH_E_?";

        assert_string_equal(troth_status_name((troth_status)value), expected);
    }
}

static void the_version_is_the_projects(void **state)
{
    (void)state;
    assert_string_equal(troth_version(), TROTH_PROJECT_VERSION);
}

static void a_hint_for_the_very_code_comes_before_the_general_one(void **state)
{
    static const struct {
        troth_status status;
        enum troth__hint_place place;
        uint32_t major, minor;
        const char *hint;
    } cases[] = {
        /* GSSAPI: the krb5 code as the minor. */
        {TROTH_E_EXPIRED, TROTH__HINT_CREDENTIAL, 0x00070000, (uint32_t)-1765328361, "Hint: the password has expired"},
        {TROTH_E_EXPIRED, TROTH__HINT_CREDENTIAL, 0x000B0000, 0, "Hint: if it is the password"},
        {TROTH_E_DENIED, TROTH__HINT_CREDENTIAL, 0x00070000, (uint32_t)-1765328366, "Hint: the account is locked"},
        {TROTH_E_DENIED, TROTH__HINT_CREDENTIAL, 0x00070000, (uint32_t)-1765328383, "Hint: the account has come to"},
        {TROTH_E_DENIED, TROTH__HINT_CREDENTIAL, 0x00070000, (uint32_t)-1765328360, "Hint: the password or key is"},
        {TROTH_E_CLOCK_SKEW, TROTH__HINT_STEP, 0x000D0000, (uint32_t)-1765328351, "kinit -v"},
        /* SSPI: the one code as the major. */
        {TROTH_E_EXPIRED, TROTH__HINT_CREDENTIAL, 0xC0000224, 0, "Hint: the password has expired"},
        {TROTH_E_DENIED, TROTH__HINT_CREDENTIAL, 0xC0000234, 0, "Hint: the account is locked"},
        {TROTH_E_DENIED, TROTH__HINT_CREDENTIAL, 0xC0000193, 0, "Hint: the account has come to"},
        {TROTH_E_DENIED, TROTH__HINT_CREDENTIAL, 0, 0, "Hint: the password or key is"},
        /* The code alone does not make it. */
        {TROTH_E_DENIED, TROTH__HINT_STEP, 0xC0000234, 0, "Hint: what is not said here"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;

        troth__error_set(&error, cases[i].status, "it failed");
        troth__error_native(&error, cases[i].major, cases[i].minor);
        troth__hint_add(&error, TROTH_INITIATOR, cases[i].place);
        assert_text(error.text, cases[i].hint);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hint_for_the_very_code_comes_before_the_general_one),
        cmocka_unit_test(status_and_text_are_set_and_the_status_comes_back),
        cmocka_unit_test(parts_are_put_before_and_behind),
        cmocka_unit_test(a_hint_begins_its_sentence_rightly),
        cmocka_unit_test(begin_empties_the_callers_error),
        cmocka_unit_test(without_an_error_or_with_a_smaller_one_scratch_is_used),
        cmocka_unit_test(control_characters_become_spaces),
        cmocka_unit_test(what_is_no_utf8_becomes_question_marks),
        cmocka_unit_test(a_text_that_just_fits_is_whole_and_one_byte_more_is_cut),
        cmocka_unit_test(a_cut_never_parts_a_character),
        cmocka_unit_test(a_full_text_gives_way_to_a_prefix),
        cmocka_unit_test(a_hint_is_whole_when_the_text_is_full),
        cmocka_unit_test(a_hint_longer_than_everything_is_cut_itself),
        cmocka_unit_test(every_status_of_the_header_has_its_name_and_nothing_else_has),
        cmocka_unit_test(the_version_is_the_projects),
    };

    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
