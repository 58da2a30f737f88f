/* test_peer.c - who the peer is: what is told, to whom, and which names are told in parts. */
#include "support.h"

#include "scripted_backend.h"
#include "troth/peer.h"

static const struct scripted_step one_step[] = {{TROTH_OK, "\x60\x0d", 2}};

static struct scripted script;

static int setup(void **state)
{
    (void)state;
    scripted_init(&script, one_step, 1);
    return 0;
}

/* What becomes of a display name: user and realm, or NULL and the status. */
static void expect(const char *display, const char *user, const char *realm, troth_status expected)
{
    troth_context *context;
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_status status;

    script.peer = display;
    context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
    status = troth_context_peer_principal(context, &principal, NULL);
    if (status != expected)
        fail_msg("\"%s\": %s", display, troth_status_name(status));
    assert_string_equal(principal.user, user != NULL ? user : "");
    assert_string_equal(principal.realm, realm != NULL ? realm : "");
    troth_context_free(context);
}

static void a_principal_is_told_in_two_parts(void **state)
{
    (void)state;
    expect("alice@EXAMPLE.COM", "alice", "EXAMPLE.COM", TROTH_OK);
    expect("host/www.example.com@EXAMPLE.COM", "host/www.example.com", "EXAMPLE.COM", TROTH_OK);
    expect("j\xc3\xbcrgen@EXAMPLE.COM", "j\xc3\xbcrgen", "EXAMPLE.COM", TROTH_OK);
}

/* "a\/b@R" is one component and "a/b@R" two: told without the escape they would be one person. */
static void a_name_that_could_be_taken_for_anothers_is_not_told_in_parts(void **state)
{
    (void)state;
    expect("a\\/b@R", NULL, NULL, TROTH_E_NAME);
    expect("a\\@b@R", NULL, NULL, TROTH_E_NAME);
    expect("a@b@R", NULL, NULL, TROTH_E_NAME);
    expect("a\\\\b@R", NULL, NULL, TROTH_E_NAME);
    expect("a\\0b@R", NULL, NULL, TROTH_E_NAME);
    expect("a\nb@R", NULL, NULL, TROTH_E_NAME);
    expect("a\x7f@R", NULL, NULL, TROTH_E_NAME);
    expect("a\xc2\x85@R", NULL, NULL, TROTH_E_NAME);
    expect("a\xff@R", NULL, NULL, TROTH_E_NAME);
    expect("@R", NULL, NULL, TROTH_E_NAME);
    expect("a@", NULL, NULL, TROTH_E_NAME);
    expect("DOMAIN\\user", NULL, NULL, TROTH_E_UNAVAILABLE);
}

static void a_name_of_4_KB_is_refused_whole(void **state)
{
    char longest[4200];

    (void)state;
    memset(longest, 'a', sizeof longest);
    memcpy(longest + TROTH_PRINCIPAL_MOST - 1, "@R", 3);
    longest[TROTH_PRINCIPAL_MOST - 1] = '@';
    {
        char user[TROTH_PRINCIPAL_MOST];

        memset(user, 'a', sizeof user);
        user[TROTH_PRINCIPAL_MOST - 1] = '\0';
        expect(longest, user, "R", TROTH_OK);
    }
    memset(longest, 'a', sizeof longest);
    memcpy(longest + 4096, "@R", 3);
    expect(longest, NULL, NULL, TROTH_E_NAME);
    longest[0] = 'a';
    longest[1] = '@';
    memset(longest + 2, 'R', 4096);
    longest[4098] = '\0';
    expect(longest, NULL, NULL, TROTH_E_NAME);
}

typedef troth_status text_call(troth_context *context, char *name, size_t capacity, size_t *length, troth_error *error);

static void check_text(text_call *call, const char *expected)
{
    troth_context *context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
    char room[32];
    size_t length = 9;

    assert_int_equal(call(context, room, 1, &length, NULL), TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, strlen(expected) + 1);
    assert_int_equal(call(context, room, length, &length, NULL), TROTH_OK);
    assert_string_equal(room, expected);
    assert_int_equal(length, strlen(expected));
    assert_int_equal(call(context, NULL, 1, &length, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(call(NULL, room, sizeof room, &length, NULL), TROTH_E_ARGUMENT);
    script.name_status = TROTH_E_UNAVAILABLE;
    assert_int_equal(call(context, room, sizeof room, &length, NULL), TROTH_E_UNAVAILABLE);
    assert_int_equal(length, 0);
    script.name_status = TROTH_OK;
    assert_int_equal(call(context, room, sizeof room, &length, NULL), TROTH_OK);
    troth_context_free(context);
}

static void texts_end_with_nul_and_say_what_room_they_need(void **state)
{
    (void)state;
    check_text(troth_context_peer_local_name, "local");
    check_text(troth_context_peer_windows_name, "DOMAIN\\user");
}

/* What becomes of an account's name, for a peer of this display name. */
static void expect_account(const char *display, const char *account, troth_status expected)
{
    troth_context *context;
    char room[64] = "before";
    size_t length = 9;
    troth_status status;

    script.peer = display;
    script.local = account;
    context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
    status = troth_context_peer_local_name(context, room, sizeof room, &length, NULL);
    if (status != expected)
        fail_msg("\"%s\" for %s: %s", account, display, troth_status_name(status));
    assert_string_equal(room, expected == TROTH_OK ? account : "before");
    assert_int_equal(length, expected == TROTH_OK ? strlen(account) : 0);
    troth_context_free(context);
}

static void an_account_is_no_path_no_second_line_and_not_what_stands_before_a_nul(void **state)
{
    (void)state;
    expect_account("alice@R", "alice", TROTH_OK);
    expect_account("j\xc3\xbcrgen@R", "j\xc3\xbcrgen", TROTH_OK);
    expect_account("alice@OTHER", "DOMAIN\\alice", TROTH_OK); /* as winbind has them */
    expect_account("..a@R", "..a", TROTH_OK);
    expect_account("bob\\@other@R", "bob@other", TROTH_E_NAME);
    expect_account("..\\/..\\/etc@R", "../../etc", TROTH_E_NAME);
    expect_account("a:b@R", "a:b", TROTH_E_NAME);
    expect_account(".@R", ".", TROTH_E_NAME);
    expect_account("..@R", "..", TROTH_E_NAME);
    expect_account("a\\nb@R", "a\nb", TROTH_E_NAME);
    expect_account("a\x1b[31m@R", "a\x1b[31m", TROTH_E_NAME);
    expect_account("a\xff@R", "a\xff", TROTH_E_NAME);
    expect_account("root\\0x@R", "root", TROTH_E_NAME);
    expect_account("a\\\\\\0x@R", "a\\", TROTH_E_NAME);
    expect_account("root@R\\0", "root", TROTH_E_NAME);
}

static void an_exported_name_is_bytes(void **state)
{
    static const uint8_t expected[] =
        "\x04\x01\x00\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x00\x00\x00\x0bpeer@SCRIPT";
    troth_context *context = scripted_complete(&script, TROTH_INITIATOR, NULL);
    uint8_t room[sizeof expected - 1];
    size_t length;

    (void)state;
    assert_int_equal(troth_context_peer_export_name(context, room, sizeof room - 1, &length, NULL),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, sizeof room);
    assert_int_equal(troth_context_peer_export_name(context, room, sizeof room, &length, NULL), TROTH_OK);
    assert_memory_equal(room, expected, sizeof room);
    troth_context_free(context);
    script.peer = "DOMAIN\\user";
    context = scripted_complete(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_peer_export_name(context, room, sizeof room, &length, NULL), TROTH_E_UNAVAILABLE);
    troth_context_free(context);
}

static void what_nobody_vouches_for_is_told_only_to_who_asks_about_it(void **state)
{
    troth_context *context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
    char room[32];
    size_t length;
    int vouched = 5;

    (void)state;
    assert_int_equal(troth_context_peer_attribute(context, "groups", room, sizeof room, &length, NULL, NULL), TROTH_OK);
    assert_int_equal(length, 6);
    assert_memory_equal(room, "groups", 6);
    assert_int_equal(troth_context_peer_attribute(context, "groups", room, sizeof room, &length, &vouched, NULL),
                     TROTH_OK);
    assert_int_equal(vouched, 1);
    assert_int_equal(troth_context_peer_attribute(context, "made up", room, sizeof room, &length, NULL, NULL),
                     TROTH_E_UNAVAILABLE);
    assert_int_equal(length, 0);
    assert_int_equal(troth_context_peer_attribute(context, "made up", room, sizeof room, &length, &vouched, NULL),
                     TROTH_OK);
    assert_int_equal(vouched, 0);
    assert_int_equal(troth_context_peer_attribute(context, "", room, sizeof room, &length, NULL, NULL),
                     TROTH_E_ARGUMENT);
    troth_context_free(context);
}

static void nothing_is_told_of_a_peer_that_is_not_known(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_context *context;
    char room[32];
    size_t length;

    (void)state;
    options.required = TROTH_INTEGRITY;
    script.attributes.properties &= ~(uint32_t)TROTH_MUTUAL;
    context = scripted_complete(&script, TROTH_INITIATOR, &options);
    assert_int_equal(troth_context_peer_principal(context, &principal, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_peer_export_name(context, room, sizeof room, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_peer_local_name(context, room, sizeof room, &length, NULL), TROTH_E_STATE);
    troth_context_free(context);

    /* An acceptor's name has no groups, and no account in a domain. */
    scripted_init(&script, one_step, 1);
    context = scripted_complete(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_peer_windows_name(context, room, sizeof room, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_peer_attribute(context, "groups", room, sizeof room, &length, NULL, NULL),
                     TROTH_E_STATE);
    troth_context_free(context);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_peer_export_name(context, room, sizeof room, &length, NULL), TROTH_E_STATE);
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        CASE(an_account_is_no_path_no_second_line_and_not_what_stands_before_a_nul),
        CASE(a_principal_is_told_in_two_parts),
        CASE(a_name_that_could_be_taken_for_anothers_is_not_told_in_parts),
        CASE(a_name_of_4_KB_is_refused_whole),
        CASE(texts_end_with_nul_and_say_what_room_they_need),
        CASE(an_exported_name_is_bytes),
        CASE(what_nobody_vouches_for_is_told_only_to_who_asks_about_it),
        CASE(nothing_is_told_of_a_peer_that_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
