/* test_delegated.c - `troth connect --delegate` and `troth serve --delegated-ccache`: what is handed on, and where to.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool.h"

/* The KDC calls this one trusted (OK-AS-DELEGATE), and the usual target not. */
#define TRUSTED "second@server.troth.test"

/* A directory of its own for each test, and the ccache's name in it that the server is given. */
static char directory[512];
static char in_directory[600];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s", realm_path("delegated.XXXXXX"));
    assert_non_null(mkdtemp(directory));
    (void)snprintf(in_directory, sizeof in_directory, "FILE:%s/{principal}", directory);
    return 0;
}

static void assert_stored(const char *file, bool stored)
{
    char path[600];
    struct stat found;
    (void)snprintf(path, sizeof path, "%s/%s", directory, file);
    assert_int_equal(stat(path, &found), stored ? 0 : -1);
    if (stored) {
        assert_int_equal(found.st_mode & 07777, 0600);
    }
}

/* What another program does with the stored tickets: authenticates as their owner. */
static void assert_good_for(const char *file, const char *principal)
{
    struct tool_server server;
    struct realm_result result;
    char ccache[600];
    char peer[600];
    (void)snprintf(ccache, sizeof ccache, "FILE:%s/%s", directory, file);
    (void)snprintf(peer, sizeof peer, "\npeer: %s\n", principal);
    tool_serve(&server, "--once", NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--ccache", ccache, "--message", "x", NULL), 0);
    realm_result_free(&result);
    assert_int_equal(tool_finish(&server, &result), 0);
    tool_assert_contains(result.out, peer);
    realm_result_free(&result);
}

static void each_way_to_delegate_hands_on_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *target;
        bool stored;
    } cases[] = {
        {"never", TRUSTED, false},
        {"policy", TOOL_TARGET, false},
        {"policy", TRUSTED, true},
        {"always", TOOL_TARGET, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tool_server server;
        struct realm_result result;
        char said[640];
        (void)snprintf(said, sizeof said, "Z\ndelegated: FILE:%s/alice@TROTH.TEST\n", directory);
        tool_serve(&server, "--delegated-ccache", in_directory, NULL);
        int code = tool_run(&result, NULL, "connect", server.address, "--target", cases[i].target, "--delegate",
                            cases[i].word, "--message", "x", NULL);
        assert_string_equal(result.err, "");
        assert_int_equal(code, 0);
        assert_int_equal(strstr(result.out, " delegated\n") != NULL, cases[i].stored);
        realm_result_free(&result);
        tool_stop(&server, &result);
        assert_string_equal(result.err, "");
        tool_assert_contains(result.out, cases[i].stored ? said : "Z\ndelegated: nothing\n");
        realm_result_free(&result);
        assert_stored("alice@TROTH.TEST", cases[i].stored);
        if (cases[i].stored) {
            char path[600];
            assert_good_for("alice@TROTH.TEST", "alice@TROTH.TEST");
            (void)snprintf(path, sizeof path, "%s/alice@TROTH.TEST", directory);
            assert_int_equal(unlink(path), 0);
        }
    }
}

static void one_connection_may_have_a_ccache_of_any_name(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    char ccache[600];
    (void)snprintf(ccache, sizeof ccache, "FILE:%s/just this", directory);
    tool_serve(&server, "--once", "--delegated-ccache", ccache, NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--delegate", "always", NULL), 0);
    realm_result_free(&result);
    assert_int_equal(tool_finish(&server, &result), 0);
    tool_assert_contains(result.out, "just this\n");
    realm_result_free(&result);
    assert_stored("just this", true);
    assert_good_for("just this", "alice@TROTH.TEST");
}

static void no_name_leads_out_of_the_directory_or_to_anothers_tickets(void **state)
{
    (void)state;
    static const struct {
        const char *principal;
        const char *file;
    } cases[] = {
        {"../../alice", "..%2F..%2Falice@TROTH.TEST"},
        {"alice\\@TROTH.TEST", "alice%5C@TROTH.TEST@TROTH.TEST"},
        {"%2F", "%252F@TROTH.TEST"},
        {"{principal}", "%7Bprincipal%7D@TROTH.TEST"},
    };
    const char *password = realm_path("delegated.password");
    struct tool_server server;
    struct realm_result result;
    FILE *file = fopen(password, "w");
    assert_non_null(file);
    assert_true(fputs("of a hostile name", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(password, 0600), 0);
    tool_serve(&server, "--delegated-ccache", in_directory, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* The answer to its message tells that the server has stored. */
        char query[256];
        (void)snprintf(query, sizeof query, "addprinc -pw \"of a hostile name\" %s", cases[i].principal);
        realm_kadmin(query);
        assert_int_equal(tool_connect(&server, &result, NULL, "--principal", cases[i].principal, "--password-file",
                                      password, "--delegate", "always", "--message", "x", NULL),
                         0);
        realm_result_free(&result);
    }
    tool_stop(&server, &result);
    assert_string_equal(result.err, "");
    realm_result_free(&result);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_stored(cases[i].file, true);
    }
}

static void tickets_that_cannot_be_stored_end_the_connection(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--once", "--delegated-ccache", "FILE:/nonexistent/cc", NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--delegate", "always", "--message", "x", NULL), 1);
    realm_result_free(&result);
    assert_int_equal(tool_finish(&server, &result), 1);
    tool_assert_contains(result.err, "storing a credential into FILE:/nonexistent/cc: ");
    tool_assert_lacks(result.out, "delegated: ");
    realm_result_free(&result);
}

static void who_must_hand_on_and_does_not_is_refused(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--once", "--require", "mutual,delegated", "--delegated-ccache", in_directory, NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--message", "x", NULL), 1);
    realm_result_free(&result);
    assert_int_equal(tool_finish(&server, &result), 1);
    tool_assert_contains(result.err, "required and missing: delegation");
    realm_result_free(&result);
    assert_stored("alice@TROTH.TEST", false);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_way_to_delegate_hands_on_what_it_says, setup),
        cmocka_unit_test_setup(one_connection_may_have_a_ccache_of_any_name, setup),
        cmocka_unit_test_setup(no_name_leads_out_of_the_directory_or_to_anothers_tickets, setup),
        cmocka_unit_test_setup(tickets_that_cannot_be_stored_end_the_connection, setup),
        cmocka_unit_test_setup(who_must_hand_on_and_does_not_is_refused, setup),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_delegated TROTH\n");
        return 2;
    }
    tool_path = argv[1];
    return cmocka_run_group_tests_name("troth delegated", tests, NULL, NULL);
}
