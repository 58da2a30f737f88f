/* test_peer.c - over SSPI: who the peer is in its access token, and which of its groups let it in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <windows.h>

#include <sddl.h>

#include "scripted.h"
#include "troth/peer.h"

#define USERS "\1\2\0\0\0\0\0\5\x20\0\0\0\x21\2\0\0"          /* S-1-5-32-545 */
#define ADMINISTRATORS "\1\2\0\0\0\0\0\5\x20\0\0\0\x20\2\0\0" /* S-1-5-32-544 */
#define MEMBER                                                                                                         \
    "\1\5\0\0\0\0\0\5\x15\0\0\0\1\0\0\0\2\0\0\0\xff\xff\xff\xff\x51\4\0\0" /* S-1-5-21-1-2-4294967295-1105             \
                                                                            */
#define MEDIUM "\1\1\0\0\0\0\0\x10\0\x20\0\0"                              /* S-1-16-8192 */

static int reset(void **state)
{
    (void)state;
    script_reset();
    return 0;
}

static int finish(void **state)
{
    (void)state;
    script_assert_nothing_left();
    return 0;
}

static troth_context *complete(troth_role role)
{
    troth_context *context;
    size_t length;

    script.steps[0].flags = role == TROTH_ACCEPTOR ? script_asc_all : script_isc_all;
    script.steps_made = 0;
    context = script_context(role);
    assert_int_equal(script_step_context(context, role == TROTH_ACCEPTOR, &length, NULL), TROTH_OK);
    return context;
}

/* Asks a new acceptor. */
static troth_status ask(const char *attribute, char *text, size_t capacity, size_t *length, troth_error *error)
{
    troth_context *context = complete(TROTH_ACCEPTOR);
    int vouched = -1;
    const troth_status status =
        troth_context_peer_attribute(context, attribute, text, capacity, length, &vouched, error);

    assert_int_equal(vouched, status == TROTH_OK || status == TROTH_E_BUFFER_TOO_SMALL);
    troth_context_free(context);
    return status;
}

static void assert_not_told(const char *attribute, troth_status expected, const char *why)
{
    troth_error error = TROTH_ERROR_INIT;
    char text[256];
    size_t length = 1;

    assert_int_equal(ask(attribute, text, sizeof text, &length, &error), expected);
    assert_int_equal(length, 0);
    if (strstr(error.text, why) == NULL)
        fail_msg("%s", error.text);
}

static void groups_that_let_in_are_told_and_no_others(void **state)
{
    static const struct script_sid groups[] = {
        SID(ADMINISTRATORS, SE_GROUP_USE_FOR_DENY_ONLY),
        SID(USERS, SE_GROUP_MANDATORY | SE_GROUP_ENABLED_BY_DEFAULT | SE_GROUP_ENABLED),
        SID(ADMINISTRATORS, 0),
        SID(ADMINISTRATORS, SE_GROUP_ENABLED | SE_GROUP_USE_FOR_DENY_ONLY),
        SID(MEDIUM, SE_GROUP_INTEGRITY | SE_GROUP_INTEGRITY_ENABLED),
        SID(MEDIUM, SE_GROUP_INTEGRITY | SE_GROUP_ENABLED),
        SID(MEMBER, SE_GROUP_ENABLED),
    };
    static const char expected[] = "S-1-5-32-545\0S-1-5-21-1-2-4294967295-1105"; /* and the NUL of the literal */
    char text[256];
    size_t length;

    (void)state;
    memcpy(script.groups, groups, sizeof groups);
    script.group_count = sizeof groups / sizeof groups[0];
    assert_int_equal(ask(TROTH_ATTRIBUTE_GROUP_SIDS, text, sizeof text, &length, NULL), TROTH_OK);
    assert_int_equal(length, sizeof expected);
    assert_memory_equal(text, expected, sizeof expected);
    assert_int_equal(ask(TROTH_ATTRIBUTE_GROUP_SIDS, text, 10, &length, NULL), TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, sizeof expected);
    script.group_count = 1;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_UNAVAILABLE, "no such identifier");
    script.group_count = 0;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_UNAVAILABLE, "no such identifier");
}

static void the_user_is_told_unless_it_is_there_only_to_refuse(void **state)
{
    char text[256];
    size_t length;

    (void)state;
    script.peer = (struct script_sid)SID(MEMBER, 0);
    assert_int_equal(ask(TROTH_ATTRIBUTE_USER_SID, text, sizeof text, &length, NULL), TROTH_OK);
    assert_int_equal(length, sizeof "S-1-5-21-1-2-4294967295-1105");
    assert_string_equal(text, "S-1-5-21-1-2-4294967295-1105");
    script.peer.attributes = SE_GROUP_USE_FOR_DENY_ONLY;
    assert_not_told(TROTH_ATTRIBUTE_USER_SID, TROTH_E_UNAVAILABLE, "no such identifier");
}

static void the_longest_identifier_is_told_whole(void **state)
{
    static const char longest[8 + 60] = {1, 15, '\xff', '\xff', '\xff', '\xff', '\xff', '\xff'};
    char bytes[sizeof longest], text[256];
    size_t length;

    (void)state;
    memcpy(bytes, longest, 8);
    memset(bytes + 8, 0xFF, sizeof bytes - 8);
    script.peer = (struct script_sid){bytes, sizeof bytes, 0};
    assert_int_equal(ask(TROTH_ATTRIBUTE_USER_SID, text, sizeof text, &length, NULL), TROTH_OK);
    assert_int_equal(length, 4 + 14 + 15 * 11 + 1);
    assert_memory_equal(text, "S-1-0xffffffffffff-4294967295-", 30);
}

static void a_token_whose_groups_are_not_all_of_it_is_not_told(void **state)
{
    (void)state;
    script.restrictions = 1;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_UNAVAILABLE, "restricted");
    assert_not_told(TROTH_ATTRIBUTE_USER_SID, TROTH_E_UNAVAILABLE, "restricted");
    script.restrictions = 0;
    script.contained = true;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_UNAVAILABLE, "AppContainer");
}

static void what_is_no_identifier_is_not_read(void **state)
{
    static const char sixteen[8 + 64] = {1, 16};
    static const struct script_sid broken[] = {
        SID("\2\1\0\0\0\0\0\5\1\0\0\0", SE_GROUP_ENABLED), /* another revision */
        {sixteen, sizeof sixteen, SE_GROUP_ENABLED},       /* more sub-authorities than there can be */
        SID("\1\2\0\0\0\0\0\5\1\0\0\0", SE_GROUP_ENABLED), /* the second of two is missing */
        SID("\1\1\0\0\0", SE_GROUP_ENABLED),
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        script.groups[0] = broken[i];
        assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_FAILURE, "identifiers that are none");
    }
    script_reset();
    script.sid_elsewhere = USERS;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_FAILURE, "identifiers that are none");
    assert_not_told(TROTH_ATTRIBUTE_USER_SID, TROTH_E_FAILURE, "identifiers that are none");
    script_reset();
    script.groups_told = 0x10000000;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_FAILURE, "identifiers that are none");
}

static void who_has_no_token_is_unavailable_and_others_are_unsupported(void **state)
{
    troth_context *context;
    char text[256];
    size_t length;

    (void)state;
    assert_not_told("urn:mspac:", TROTH_E_UNSUPPORTED, "beside those of Windows");
    script.token = SEC_E_UNSUPPORTED_FUNCTION;
    assert_not_told(TROTH_ATTRIBUTE_GROUP_SIDS, TROTH_E_UNAVAILABLE, "QuerySecurityContextToken");
    script.token = SEC_E_NO_IMPERSONATION;
    assert_not_told(TROTH_ATTRIBUTE_USER_SID, TROTH_E_FAILURE, "QuerySecurityContextToken");
    script_reset();
    context = complete(TROTH_INITIATOR);
    assert_int_equal(
        troth_context_peer_attribute(context, TROTH_ATTRIBUTE_GROUP_SIDS, text, sizeof text, &length, NULL, NULL),
        TROTH_E_STATE);
    troth_context_free(context);
}

/* What the system's own functions make of the identifier. */
static size_t shown(PSID sid, char *text)
{
    WCHAR *wide = NULL;
    size_t length = 0;

    assert_true(ConvertSidToStringSidW(sid, &wide));
    do
        text[length] = (char)wide[length];
    while (wide[length++] != 0);
    LocalFree(wide);
    return length;
}

/* Without a provider between: this process's own token, as the system shows it. */
static void a_real_token_reads_as_the_system_shows_it(void **state)
{
    static union {
        TOKEN_GROUPS groups;
        TOKEN_USER user;
        char room[16384];
    } real;
    static char told[16384], expected[16384];
    troth_error error = TROTH_ERROR_INIT;
    size_t length, expected_length = 0;
    HANDLE token;
    DWORD size;

    (void)state;
    script.own_token = true;
    script.wine = troth__sspi_native_here.is_wine();
    assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token));
    assert_true(GetTokenInformation(token, TokenUser, &real, sizeof real, &size));
    if (ask(TROTH_ATTRIBUTE_USER_SID, told, sizeof told, &length, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_int_equal(length, shown(real.user.User.Sid, expected));
    assert_memory_equal(told, expected, length);
    assert_true(GetTokenInformation(token, TokenGroups, &real, sizeof real, &size));
    for (DWORD i = 0; i < real.groups.GroupCount; i++) {
        if ((real.groups.Groups[i].Attributes & (SE_GROUP_ENABLED | SE_GROUP_USE_FOR_DENY_ONLY)) == SE_GROUP_ENABLED)
            expected_length += shown(real.groups.Groups[i].Sid, expected + expected_length);
    }
    CloseHandle(token);
    assert_true(expected_length > 0);
    if (ask(TROTH_ATTRIBUTE_GROUP_SIDS, told, sizeof told, &length, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_int_equal(length, expected_length);
    assert_memory_equal(told, expected, length);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, reset, finish)
    static const struct CMUnitTest tests[] = {
        CASE(groups_that_let_in_are_told_and_no_others),
        CASE(the_user_is_told_unless_it_is_there_only_to_refuse),
        CASE(the_longest_identifier_is_told_whole),
        CASE(a_token_whose_groups_are_not_all_of_it_is_not_told),
        CASE(what_is_no_identifier_is_not_read),
        CASE(who_has_no_token_is_unavailable_and_others_are_unsupported),
        CASE(a_real_token_reads_as_the_system_shows_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
