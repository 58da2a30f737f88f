/* test_supports.c - shows that every feature has its name and its answer, and that nothing else has one. */
#include "support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "scripted_backend.h"

/* The features that troth.h declares, in their order; the test owns the memory. */
static char *header_text(void)
{
    FILE *file = fopen(TROTH_HEADER, "rb");
    char *text;
    long size;

    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    assert_true(size > 0);
    assert_int_equal(fseek(file, 0, SEEK_SET), 0);
    text = malloc((size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    text[size] = '\0';
    fclose(file);
    return text;
}

static bool is_known(int feature)
{
    return strcmp(troth_feature_name((troth_feature)feature), "TROTH_FEATURE_?") != 0;
}

static void every_feature_of_the_header_has_its_name_and_number(void **state)
{
    char *text = header_text();
    const char *at = strstr(text, "TROTH_FEATURE_UNSET");
    const char *end = strstr(text, "} troth_feature;");
    int count = 0;

    (void)state;
    assert_non_null(at);
    assert_non_null(end);
    while ((at = strstr(at + 1, "TROTH_FEATURE_")) != NULL && at < end) {
        char name[64] = "";
        int number = 0;
        assert_int_equal(sscanf(at, "%63[A-Z0-9_] = %d", name, &number), 2);
        assert_int_equal(number, ++count);
        assert_string_equal(troth_feature_name((troth_feature)number), name);
    }
    assert_true(count > 30);
    assert_false(is_known(count + 1));
    free(text);
}

static void what_is_no_feature_has_no_name_and_is_not_supported(void **state)
{
    static const int wrong[] = {0, -1, INT_MIN, INT_MAX, 1000};
    struct scripted script;

    (void)state;
    scripted_init(&script, NULL, 0);
    script.supports = TROTH_SUPPORT_YES;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(is_known(wrong[i]));
        assert_int_equal(troth__supports(&script.backend, (troth_feature)wrong[i]), TROTH_SUPPORT_NO);
        assert_int_equal(troth_supports((troth_feature)wrong[i]), TROTH_SUPPORT_NO);
    }
    assert_int_equal(script.asked_features, 0);
}

static void the_backend_has_the_word(void **state)
{
    static const troth_support answers[] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, TROTH_SUPPORT_UNKNOWN};
    struct scripted script;

    (void)state;
    scripted_init(&script, NULL, 0);
    for (int feature = 1; is_known(feature); feature++) {
        script.supports = answers[feature % 3];
        assert_int_equal(troth__supports(&script.backend, (troth_feature)feature), answers[feature % 3]);
        assert_int_equal(script.feature, feature);
    }
}

static void the_real_backend_answers_for_each(void **state)
{
    (void)state;
    for (int feature = 1; is_known(feature); feature++) {
        troth_support support = troth_supports((troth_feature)feature);
        assert_true(support == TROTH_SUPPORT_NO || support == TROTH_SUPPORT_YES || support == TROTH_SUPPORT_UNKNOWN);
    }
}

/* What the two backends were begun for, whatever is configured on this machine. */
static void what_every_backend_has_is_said_to_be_there(void **state)
{
    (void)state;
    assert_int_equal(troth_supports(TROTH_FEATURE_KERBEROS), TROTH_SUPPORT_YES);
    assert_int_not_equal(troth_supports(TROTH_FEATURE_NEGOTIATE), TROTH_SUPPORT_NO);
    assert_int_equal(troth_supports(TROTH_FEATURE_PASSWORD), TROTH_SUPPORT_YES);
    assert_int_equal(troth_supports(TROTH_FEATURE_CONFIDENTIALITY), TROTH_SUPPORT_YES);
    assert_int_equal(troth_supports(TROTH_FEATURE_CERTIFICATE_HASH),
                     TROTH_TEST_HASHES ? TROTH_SUPPORT_YES : TROTH_SUPPORT_NO);
    assert_int_equal(troth_supports(TROTH_FEATURE_ACCEPTOR_KEYTAB),
                     strcmp(troth_backend_name(), "gssapi") == 0 ? TROTH_SUPPORT_YES : TROTH_SUPPORT_NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_feature_of_the_header_has_its_name_and_number),
        cmocka_unit_test(what_is_no_feature_has_no_name_and_is_not_supported),
        cmocka_unit_test(the_backend_has_the_word),
        cmocka_unit_test(the_real_backend_answers_for_each),
        cmocka_unit_test(what_every_backend_has_is_said_to_be_there),
    };

    return cmocka_run_group_tests_name("supports", tests, NULL, NULL);
}
