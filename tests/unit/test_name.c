/* test_name.c - shows which names are names, that copies are whole or nothing, and that shown names are harmless. */
#include "support.h"

#include "name.h"

#define SERVICE(s, h)                                                                                                  \
    {                                                                                                                  \
        .service = (s), .host = (h)                                                                                    \
    }
#define PRINCIPAL(p)                                                                                                   \
    {                                                                                                                  \
        .principal = (p)                                                                                               \
    }

static void good_names_pass(void **state)
{
    static const troth_name names[] = {
        SERVICE("http", "www.example.com"),
        SERVICE("http", "www.example.com."),
        SERVICE("host", "under_score.example.com"),
        SERVICE("host", "b\xC3\xBC"
                        "cher.example"),
        SERVICE("MSSQLSvc", "db1.example.com:1433"),
        SERVICE("host", "localhost"),
        SERVICE("host", "1and1.example"),
        SERVICE("host", "10.0.0.1.example"),
        PRINCIPAL("alice@EXAMPLE.COM"),
        PRINCIPAL("host/10.0.0.1@EXAMPLE.COM"),
        PRINCIPAL("DOMAIN\\alice"),
        PRINCIPAL("with space@EXAMPLE.COM"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;

        if (troth__name_check(&names[i], "target", &error) != TROTH_OK)
            fail_msg("%s", error.text);
    }
}

static void bad_names_are_refused_and_the_text_says_why(void **state)
{
    static const struct {
        troth_name name;
        const char *text;
    } cases[] = {
        {SERVICE("http", NULL), "half a name: it has no host"},
        {SERVICE(NULL, "www"), "half a name: it has no service"},
        {{"http", "www", "http/www"}, "given twice"},
        {{NULL, "www", "http/www"}, "given twice"},
        {SERVICE("", "www"), "service is empty"},
        {SERVICE("http", ""), "host is empty"},
        {PRINCIPAL(""), "principal is empty"},
        {SERVICE("ht\xFFtp", "www"), "service is not UTF-8"},
        {SERVICE("http", "w\xC0\xAFww"), "host is not UTF-8"},
        {PRINCIPAL("al\xED\xA0\x80ice"), "principal is not UTF-8"},
        {SERVICE("ht\ntp", "www"), "service has a control character"},
        {SERVICE("http", "w\x1Bww"), "host has a control character"},
        {PRINCIPAL("alice\x7F"), "principal has a control character"},
        {PRINCIPAL("al\xC2\x85ice"), "principal has a control character"},
        {SERVICE("ht/tp", "www"), "has a '/' in it"},
        {SERVICE("http@evil", "www"), "has a '@' in it"},
        {SERVICE("http", "www@EVIL.REALM"), "has a '@' in it"},
        {SERVICE("http", "www/other"), "has a '/' in it"},
        {SERVICE("http", "www\\@EVIL"), "has a '\\' in it"},
        {SERVICE("http", "www example"), "has a ' ' in it"},
        {SERVICE("http", "."), "empty part"},
        {SERVICE("http", "www..example"), "empty part"},
        {SERVICE("http", ".example"), "empty part"},
        {SERVICE("http", "10.0.0.1"), "is an IP address"},
        {SERVICE("http", "10.0.0.1."), "is an IP address"},
        {SERVICE("http", "10.0.0.1:8080"), "is an IP address"},
        {SERVICE("http", "::1"), "is an IP address"},
        {SERVICE("http", "[fe80::1%eth0]"), "is an IP address"},
        {SERVICE("http", "[2001:db8::1]:80"), "is an IP address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;

        assert_int_equal(troth__name_check(&cases[i].name, "target", &error), TROTH_E_NAME);
        assert_int_equal(error.status, TROTH_E_NAME);
        assert_text(error.text, "target");
        assert_text(error.text, cases[i].text);
    }
}

static void a_name_has_at_most_1024_bytes(void **state)
{
    char text[1100];
    troth_error error = TROTH_ERROR_INIT;
    troth_name literal = PRINCIPAL(text);
    troth_name service = SERVICE("http", text);

    (void)state;
    memset(text, 'a', sizeof text);
    text[1024] = '\0';
    assert_int_equal(troth__name_check(&literal, "target", &error), TROTH_OK);
    assert_int_equal(troth__name_check(&service, "target", &error), TROTH_E_NAME);
    assert_text(error.text, "1029 bytes");
    text[1024] = 'a';
    text[1025] = '\0';
    assert_int_equal(troth__name_check(&literal, "target", &error), TROTH_E_NAME);
    text[1024 - 5] = '\0';
    assert_int_equal(troth__name_check(&service, "target", &error), TROTH_OK);
}

static void a_name_without_members_is_empty(void **state)
{
    troth_name empty = {NULL, NULL, NULL};
    troth_name half = SERVICE(NULL, "www");
    troth_name literal = PRINCIPAL("");

    (void)state;
    assert_true(troth__name_empty(&empty));
    assert_false(troth__name_empty(&half));
    assert_false(troth__name_empty(&literal));
}

static void a_copy_is_ones_own(void **state)
{
    char host[] = "www";
    troth_name name = SERVICE("http", host);
    troth_name copy;

    (void)state;
    assert_int_equal(troth__name_copy(&name, &copy), 0);
    host[0] = 'x';
    assert_string_equal(copy.service, "http");
    assert_string_equal(copy.host, "www");
    assert_null(copy.principal);
    troth__name_free(&copy);
    assert_true(troth__name_empty(&copy));
    troth__name_free(&copy);
}

static void a_copy_for_which_there_is_no_memory_is_empty(void **state)
{
    troth_name name = {"http", "www", "principal"};

    (void)state;
    for (int nth = 1; nth <= 3; nth++) {
        troth_name copy;

        memset(&copy, 0xAA, sizeof copy);
        support_fail_allocation(nth);
        assert_int_equal(troth__name_copy(&name, &copy), -1);
        assert_true(support_allocation_failed());
        assert_true(troth__name_empty(&copy));
    }
}

static void a_name_is_shown_as_people_write_it(void **state)
{
    char buffer[64];
    troth_name service = SERVICE("http", "www");
    troth_name literal = PRINCIPAL("alice@EXAMPLE.COM");
    troth_name empty = {NULL, NULL, NULL};

    (void)state;
    assert_ptr_equal(troth__name_show(&service, "any", buffer, sizeof buffer), buffer);
    assert_string_equal(buffer, "http@www");
    assert_string_equal(troth__name_show(&literal, "any", buffer, sizeof buffer), "alice@EXAMPLE.COM");
    assert_string_equal(troth__name_show(&empty, "any", buffer, sizeof buffer), "any");
}

static void a_shown_name_commands_no_terminal(void **state)
{
    char buffer[64];
    troth_name literal = PRINCIPAL("a\x1B[2J\n\x7F\xC2\x9B\xFFz\xC3\xBC");

    (void)state;
    assert_string_equal(troth__name_show(&literal, "", buffer, sizeof buffer), "a?[2J????z\xC3\xBC");
}

static void a_shown_name_is_cut_at_a_character(void **state)
{
    troth_name name = SERVICE("\xE2\x82\xAC\xC3\xBC", "\xF0\x9F\x98\x80z");
    static const char whole[] = "\xE2\x82\xAC\xC3\xBC@\xF0\x9F\x98\x80z";
    static const size_t ends[] = {0, 0, 0, 3, 3, 5, 6, 6, 6, 6, 10, 11, 11};

    (void)state;
    for (size_t room = 0; room < sizeof ends / sizeof ends[0]; room++) {
        char buffer[16];

        memset(buffer, '#', sizeof buffer);
        troth__name_show(&name, "", buffer, room + 1);
        assert_int_equal(strlen(buffer), ends[room]);
        assert_memory_equal(buffer, whole, ends[room]);
        assert_int_equal(buffer[room + 1], '#');
    }
}

static void utf8_is_what_rfc_3629_says(void **state)
{
    static const char *const good[] = {"",
                                       "a",
                                       "\x7F",
                                       "\xC2\x80",
                                       "\xDF\xBF",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xEF\xBF\xBF",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    static const char *const bad[] = {"\x80",
                                      "\xBF",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xC2",
                                      "\xC2\x41",
                                      "\xE0\x9F\xBF",
                                      "\xE0\xA0",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFE",
                                      "\xFF",
                                      "\xF0\x90\x80",
                                      "\xE1\x80\xC0",
                                      "\xF1\x80\x80\x7F"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(troth__utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(troth__utf8_valid(bad[i], strlen(bad[i])));
    assert_true(troth__utf8_valid("a\0b", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_names_pass),
        cmocka_unit_test(bad_names_are_refused_and_the_text_says_why),
        cmocka_unit_test(a_name_has_at_most_1024_bytes),
        cmocka_unit_test(a_name_without_members_is_empty),
        cmocka_unit_test(a_copy_is_ones_own),
        support_allocation_test(a_copy_for_which_there_is_no_memory_is_empty),
        cmocka_unit_test(a_name_is_shown_as_people_write_it),
        cmocka_unit_test(a_shown_name_commands_no_terminal),
        cmocka_unit_test(a_shown_name_is_cut_at_a_character),
        cmocka_unit_test(utf8_is_what_rfc_3629_says),
    };

    return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
