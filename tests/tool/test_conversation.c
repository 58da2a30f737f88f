/* test_conversation.c - `troth serve` and `troth connect` with each other: every option, and what each prints. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tool.h"
#include "troth/troth.h"

#define ALL "properties: mutual integrity confidentiality replay sequence\n"

static void write_file(const char *path, const char *content, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* "....-..-..T..:..:..Z\n" */
static void assert_utc(const char *text)
{
    static const char form[] = "dddd-dd-ddTdd:dd:ddZ\n";
    assert_non_null(text);
    for (size_t i = 0; form[i] != '\0'; i++) {
        assert_true(form[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i]);
    }
}

static void both_ends_report_and_the_message_comes_back(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--message", "hello", NULL), 0);
    static const char client[] = "peer: troth/server.troth.test@TROTH.TEST\nmechanism: kerberos\n" ALL "expires: ";
    assert_string_equal(result.err, "");
    assert_int_equal(strncmp(result.out, client, sizeof client - 1), 0);
    assert_utc(result.out + sizeof client - 1);
    assert_string_equal(strstr(result.out, "Z\n") + 2, "echo: hello\n");
    realm_result_free(&result);

    tool_stop(&server, &result);
    assert_string_equal(result.err, "");
    tool_assert_contains(result.out, "\nconnection: 1 from 127.0.0.1:");
    tool_assert_contains(result.out, "\npeer: alice@TROTH.TEST\nmechanism: kerberos\n" ALL "expires: ");
    assert_utc(strstr(result.out, "expires: ") + strlen("expires: "));
    tool_assert_lacks(result.out, "hello");
    realm_result_free(&result);
}

static void every_framing_carries_both_mechanisms(void **state)
{
    (void)state;
    static const char *const framings[] = {"be32", "le32", "gss-sample", "negotiate-stream"};
    static const char *const mechanisms[] = {"kerberos", "negotiate"};
    for (size_t framing = 0; framing < 4; framing++) {
        for (size_t mechanism = 0; mechanism < 2; mechanism++) {
            struct tool_server server;
            struct realm_result result;
            tool_serve(&server, "--framing", framings[framing], "--mechanism", mechanisms[mechanism], NULL);
            int code = tool_connect(&server, &result, NULL, "--framing", framings[framing], "--mechanism",
                                    mechanisms[mechanism], "--message", "one", "--message=two",
                                    framing < 3 ? "--message" : NULL, "", NULL);
            assert_string_equal(result.err, "");
            assert_int_equal(code, 0);
            tool_assert_contains(result.out, ALL);
            tool_assert_contains(result.out, framing == 2   ? "\nverified: one\nverified: two\nverified: \n"
                                             : framing == 3 ? "\necho: one\necho: two\n"
                                                            : "\necho: one\necho: two\necho: \n");
            realm_result_free(&result);
            tool_stop(&server, &result);
            assert_string_equal(result.err, "");
            realm_result_free(&result);
        }
    }
}

/* NegotiateStream's is a flow of bytes: nothing would come back. */
static void an_empty_message_is_refused_in_a_flow_of_bytes(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--framing", "negotiate-stream", NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--framing", "negotiate-stream", "--message", "", NULL), 1);
    tool_assert_contains(result.err, "flow of bytes");
    realm_result_free(&result);
    tool_stop(&server, &result);
    realm_result_free(&result);
}

static void kerberos_alone_does_not_take_negotiate(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--mechanism", "kerberos", NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--mechanism", "negotiate", NULL), 1);
    assert_string_equal(result.out, "");
    realm_result_free(&result);
    tool_stop(&server, &result);
    tool_assert_contains(result.err, "[TROTH_E_MECHANISM]");
    realm_result_free(&result);
}

static void lines_of_the_input_are_messages(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, NULL);
    assert_int_equal(tool_connect(&server, &result, "first\n\nlast without newline", NULL), 0);
    tool_assert_contains(result.out, "Z\necho: first\necho: \necho: last without newline\n");
    realm_result_free(&result);
    assert_int_equal(tool_connect(&server, &result, "not read", "--message", "given", NULL), 0);
    tool_assert_contains(result.out, "Z\necho: given\n");
    tool_assert_lacks(result.out, "not read");
    realm_result_free(&result);
    /* No message at all: authenticated, reported, done. */
    assert_int_equal(tool_connect(&server, &result, NULL, NULL), 0);
    tool_assert_contains(result.out, ALL);
    tool_assert_lacks(result.out, "echo:");
    realm_result_free(&result);
    tool_stop(&server, NULL);
}

static void nothing_reaches_the_terminal_that_could_command_it(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--message",
                                  "\x1b[2J\r\x7f \xc2\x9b \xe2\x80\xae \xff \xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb5",
                                  NULL),
                     0);
    tool_assert_contains(result.out, "echo: \\x1B[2J\\x0D\\x7F \\xC2\\x9B \\xE2\\x80\\xAE \\xFF "
                                     "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb5\n");
    realm_result_free(&result);
    tool_stop(&server, NULL);
}

static void a_message_up_to_the_frame_limit_comes_back_and_a_longer_one_is_refused(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    size_t length = 70000;
    char *message = malloc(length + 1);
    assert_non_null(message);
    memset(message, 'm', length);
    message[length] = '\0';
    tool_serve(&server, "--frame-limit", "100000", NULL);
    assert_int_equal(tool_connect(&server, &result, message, NULL), 1);
    tool_assert_contains(result.err, "message 1: the message is too long: ");
    tool_assert_contains(result.err, "of at most 65536 (--frame-limit) [TROTH_E_LIMIT]\n");
    realm_result_free(&result);
    assert_int_equal(tool_connect(&server, &result, message, "--frame-limit", "100000", NULL), 0);
    tool_assert_contains(result.out, message);
    realm_result_free(&result);
    /* Larger than what the server takes: it says so and ends the connection. */
    tool_stop(&server, NULL);
    tool_serve(&server, NULL);
    assert_int_equal(tool_connect(&server, &result, message, "--frame-limit", "100000", NULL), 1);
    realm_result_free(&result);
    message[60000] = '\0';
    assert_int_equal(tool_connect(&server, &result, message, NULL), 0);
    realm_result_free(&result);
    tool_stop(&server, &result);
    tool_assert_contains(result.err, "[TROTH_E_FRAME]");
    realm_result_free(&result);
    free(message);
}

static void what_is_required_and_missing_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *framing;
        const char *serve_require; /* NULL: the default */
        const char *request;
        const char *require;
        int code;
        const char *text; /* in the server's stderr, or in its stdout where the code is 0 */
    } cases[] = {
        {"be32", NULL, "mutual,replay", "mutual", 1, "sequence"},
        {"be32", NULL, "mutual,sequence", "mutual", 1, "replay"},
        {"be32", NULL, "integrity,replay,sequence", "none", 1, "mutual"},
        {"le32", NULL, "mutual", "mutual", 0, "properties: mutual integrity confidentiality\n"},
        {"le32", NULL, "none", "none", 1, "mutual"},
        {"le32", "none", "none", "none", 0, "properties: integrity confidentiality\n"},
        {"gss-sample", "integrity,sequence", "sequence", "none", 0, "properties: integrity confidentiality sequence\n"},
        {"be32", "mutual", "mutual,identify", "mutual", 0, "confidentiality identify\n"},
        {"negotiate-stream", NULL, "mutual", "mutual", 0, "properties: mutual integrity confidentiality\n"},
        {"negotiate-stream", NULL, "none", "none", 1, "mutual"},
        {"be32", "none", "none", "mutual,replay", 0, "properties: mutual integrity confidentiality replay\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tool_server server;
        struct realm_result result;
        bool given = cases[i].serve_require != NULL;
        tool_serve(&server, "--once", "--framing", cases[i].framing, given ? "--require" : NULL, cases[i].serve_require,
                   NULL);
        int code = tool_connect(&server, &result, NULL, "--framing", cases[i].framing, "--request", cases[i].request,
                                "--require", cases[i].require, "--message", "x", NULL);
        assert_int_equal(code, cases[i].code);
        realm_result_free(&result);
        assert_int_equal(tool_finish(&server, &result), cases[i].code);
        tool_assert_contains(code == 0 ? result.out : result.err, cases[i].text);
        if (code != 0) {
            tool_assert_contains(result.err, "[TROTH_E_REQUIREMENT]");
            tool_assert_lacks(result.out, "peer:");
        }
        realm_result_free(&result);
    }
}

static void channel_bindings_are_compared(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--bindings", "tls-exporter:one", "--require", "mutual,bound", NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--bindings=tls-exporter:one", "--message", "x", NULL), 0);
    tool_assert_contains(result.out, "\nbindings: unknown\n");
    realm_result_free(&result);
    assert_int_equal(tool_connect(&server, &result, NULL, "--bindings=tls-exporter:two", "--message", "x", NULL), 1);
    realm_result_free(&result);
    assert_int_equal(tool_connect(&server, &result, NULL, "--message", "x", NULL), 1);
    realm_result_free(&result);
    tool_stop(&server, &result);
    tool_assert_contains(result.out, "sequence bound\nbindings: bound\n");
    tool_assert_contains(result.err, "troth: connection 2 from ");
    tool_assert_contains(result.err, "[TROTH_E_BINDINGS]");
    tool_assert_contains(result.err, "troth: connection 3 from ");
    tool_assert_contains(result.err, "[TROTH_E_REQUIREMENT]");
    realm_result_free(&result);
}

static void a_password_comes_from_a_file_and_is_never_shown(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    const char *user = realm_env("TROTH_REALM_PASSWORD_USER");
    const char *given = realm_env("TROTH_REALM_PASSWORD_FILE");
    char password[256];
    char content[300];
    char expected[128];
    realm_read_line(given, password, sizeof password);
    char file[256];
    (void)snprintf(file, sizeof file, "%s", realm_path("tool-password"));
    (void)snprintf(expected, sizeof expected, "peer: %s\n", user);

    static const struct {
        const char *form;
        mode_t mode;
        int code;
        const char *text; /* in stderr */
    } cases[] = {
        {"%s", 0600, 0, ""},
        {"%s\n", 0600, 0, ""},
        {"\xef\xbb\xbf%s\r\n", 0600, 0, ""},
        {"%s\n", 0640, 0, "troth: warning: other users can read "},
        {"%s\n", 0604, 0, "troth: warning: other users can read "},
        {"%s\n\n", 0600, 1, "it has more than one line"},
        {"not%s\n", 0600, 1, "[TROTH_E_DENIED]"},
        {"\n", 0600, 1, "the password is empty"},
        {"", 0600, 1, "the password is empty"},
    };
    tool_serve(&server, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* A form is not a format here: the password stands where its %s is. */
        const char *place = strstr(cases[i].form, "%s");
        size_t before = place != NULL ? (size_t)(place - cases[i].form) : strlen(cases[i].form);
        (void)snprintf(content, sizeof content, "%.*s%s%s", (int)before, cases[i].form, place != NULL ? password : "",
                       place != NULL ? place + 2 : "");
        write_file(file, content, cases[i].mode);
        int code = tool_connect(&server, &result, NULL, "--principal", user, "--password-file", file, NULL);
        tool_assert_contains(result.err, cases[i].text);
        assert_int_equal(code, cases[i].code);
        if (cases[i].text[0] == '\0') {
            assert_string_equal(result.err, "");
        }
        tool_assert_lacks(result.err, password);
        tool_assert_lacks(result.out, password);
        realm_result_free(&result);
    }
    (void)snprintf(content, sizeof content, "%s\n", password);
    assert_int_equal(
        tool_connect(&server, &result, content, "--principal", user, "--password-file", "-", "--message", "x", NULL),
        0);
    tool_assert_contains(result.out, "\necho: x\n");
    realm_result_free(&result);
    assert_int_equal(
        tool_connect(&server, &result, NULL, "--principal", user, "--password-file", "/nonexistent/x", NULL), 1);
    tool_assert_contains(result.err, "troth: cannot read the password from /nonexistent/x: ");
    realm_result_free(&result);
    tool_stop(&server, &result);
    tool_assert_contains(result.out, expected);
    tool_assert_lacks(result.out, password);
    realm_result_free(&result);
}

static void a_trace_tells_of_calls_and_tokens_on_stderr(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    char password[256];
    realm_read_line(realm_env("TROTH_REALM_PASSWORD_FILE"), password, sizeof password);
    tool_serve(&server, "--trace", NULL);
    int code =
        tool_connect(&server, &result, NULL, "--trace", "--principal", realm_env("TROTH_REALM_PASSWORD_USER"),
                     "--password-file", realm_env("TROTH_REALM_PASSWORD_FILE"), "--message", "a-secret-message", NULL);
    assert_int_equal(code, 0);
    tool_assert_contains(result.out, "echo: a-secret-message\n");
    tool_assert_contains(result.err,
                         "trace: initiator carol@TROTH.TEST: gss_acquire_cred_with_password: TROTH_OK 0x00000000/0");
    tool_assert_contains(result.err, ": leg 1: goes a token (spnego-init, ");
    tool_assert_contains(result.err, ": verified: kerberos; mutual integrity confidentiality replay sequence\n");
    tool_assert_contains(result.err, "gss_wrap_iov: TROTH_OK 0x00000000/0 (16 bytes in, ");
    tool_assert_lacks(result.err, password);
    tool_assert_lacks(result.err, "a-secret-message");
    tool_assert_lacks(result.out, "trace:");
    realm_result_free(&result);
    tool_stop(&server, &result);
    tool_assert_contains(result.err, ": leg 1: came a token (spnego-init, ");
    tool_assert_contains(result.err, "gss_accept_sec_context: TROTH_OK ");
    tool_assert_lacks(result.err, "a-secret-message");
    realm_result_free(&result);
}

static void a_client_keytab_and_a_given_ccache_say_who_we_are(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    char expected[128];
    tool_serve(&server, NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, "--principal", realm_env("TROTH_REALM_BRIEF_USER"),
                                  "--client-keytab", realm_env("TROTH_REALM_BRIEF_KEYTAB"), "--message", "x", NULL),
                     0);
    realm_result_free(&result);
    assert_int_equal(
        tool_connect(&server, &result, NULL, "--ccache", realm_env("TROTH_REALM_CCACHE"), "--message", "x", NULL), 0);
    realm_result_free(&result);
    assert_int_equal(tool_connect(&server, &result, NULL, "--ccache", "FILE:/nonexistent/cc", NULL), 1);
    tool_assert_contains(result.err, "[TROTH_E_NO_CREDENTIAL]");
    realm_result_free(&result);
    tool_stop(&server, &result);
    (void)snprintf(expected, sizeof expected, "\npeer: %s\n", realm_env("TROTH_REALM_BRIEF_USER"));
    tool_assert_contains(result.out, expected);
    tool_assert_contains(result.out, "\npeer: alice@TROTH.TEST\n");
    realm_result_free(&result);
}

static void a_server_without_keys_ends_before_it_listens(void **state)
{
    (void)state;
    struct realm_result result;
    assert_int_equal(tool_run(&result, NULL, "serve", "--keytab", "FILE:/nonexistent/keytab", NULL), 1);
    assert_string_equal(result.out, "");
    tool_assert_contains(result.err, "troth: ");
    tool_assert_contains(result.err, "/nonexistent/keytab");
    tool_assert_contains(result.err, "[TROTH_E_NO_CREDENTIAL]\n");
    realm_result_free(&result);
}

static void a_server_with_a_service_is_only_that_one(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--service", "second@server.troth.test", "--keytab", realm_env("TROTH_REALM_KEYTAB"), NULL);
    assert_int_equal(tool_connect(&server, &result, NULL, NULL), 1);
    realm_result_free(&result);
    assert_int_equal(tool_run(&result, NULL, "connect", server.address, "--target",
                              "second/server.troth.test@TROTH.TEST", "--message=x", NULL),
                     0);
    tool_assert_contains(result.out, "peer: second/server.troth.test@TROTH.TEST\n");
    realm_result_free(&result);
    tool_stop(&server, NULL);
}

static void a_client_says_why_it_cannot(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    char refused[64];
    tool_serve(&server, "--listen", "127.0.0.1:0", NULL);
    assert_int_equal(tool_run(&result, NULL, "connect", server.address, "--target", "nobody@server.troth.test", NULL),
                     1);
    tool_assert_contains(result.err, "nobody/server.troth.test");
    tool_assert_contains(result.err, "[TROTH_E_UNKNOWN_TARGET]\n");
    assert_ptr_equal(strchr(result.err, '\n'), result.err + result.err_length - 1);
    realm_result_free(&result);
    assert_int_equal(tool_run(&result, NULL, "connect", server.address, "--target", "wrong@server.troth.test", NULL),
                     1);
    tool_assert_contains(result.err, "[TROTH_E_");
    realm_result_free(&result);
    assert_int_equal(tool_run(&result, NULL, "connect", server.address, "--target", "troth@127.0.0.1", NULL), 1);
    tool_assert_contains(result.err, "[TROTH_E_NAME]\n");
    realm_result_free(&result);
    (void)snprintf(refused, sizeof refused, "127.0.0.1:%u", realm_free_port());
    assert_int_equal(tool_run(&result, NULL, "connect", refused, "--target", TOOL_TARGET, NULL), 1);
    tool_assert_contains(result.err, "troth: cannot connect to 127.0.0.1 port ");
    realm_result_free(&result);
    /* A second server has no place at the first one's address. */
    assert_int_equal(tool_run(&result, NULL, "serve", "--listen", server.address, NULL), 1);
    tool_assert_contains(result.err, "troth: cannot listen at 127.0.0.1 port ");
    assert_string_equal(result.out, "");
    realm_result_free(&result);
    tool_stop(&server, NULL);
}

static void an_address_may_be_ipv6_or_a_name(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    char address[64];
    tool_serve(&server, NULL);
    (void)snprintf(address, sizeof address, "localhost:%u", server.port);
    assert_int_equal(tool_run(&result, NULL, "connect", address, "--target", TOOL_TARGET, "--message=x", NULL), 0);
    realm_result_free(&result);
    tool_stop(&server, NULL);

    if (tool_run(&result, NULL, "serve", "--listen", "[::1]:0", "--keytab", "FILE:/nonexistent/keytab", NULL) == 2) {
        fail_msg("[::1]:0 was not understood: %s", result.err);
    }
    realm_result_free(&result);
    FILE *interfaces = fopen("/proc/net/if_inet6", "r");
    if (interfaces == NULL || fgetc(interfaces) == EOF) {
        print_message("SKIPPED: no IPv6 on this machine, [::1] was not tried\n");
    } else {
        tool_serve(&server, "--listen", "[::1]:0", NULL);
        assert_int_equal(strncmp(server.address, "[::1]:", 6), 0);
        assert_int_equal(tool_connect(&server, &result, NULL, "--message=x", NULL), 0);
        realm_result_free(&result);
        tool_stop(&server, &result);
        tool_assert_contains(result.out, "connection: 1 from [::1]:");
        realm_result_free(&result);
    }
    if (interfaces != NULL) {
        (void)fclose(interfaces);
    }
}

/* What the other options of policy say reaches the library, and its refusals reach the operator. */
static void policies_are_held_to_by_either_side(void **state)
{
    (void)state;
    static const struct {
        const char *serve[6];
        const char *connect[6];
        int serve_code;
        int connect_code;
        const char *text; /* on stderr of the side that refuses, or in the server's stdout */
    } cases[] = {
        {{"--forbid", "identify"}, {"--request", "mutual,identify"}, 1, 1, "forbidden and present: the limit to ident"},
        {{"--require", "mutual,delegated"}, {NULL}, 1, 1, "required and missing: delegation"},
        {{"--require", "mutual,delegated"}, {"--require", "mutual,delegated"}, 0, 0, " delegated"},
        {{"--refuse-encryption", "17,18,19,20"}, {NULL}, 1, 1, "which is refused here"},
        {{"--accept-target", TOOL_TARGET}, {NULL}, 0, 0, "mechanism: kerberos"},
        {{"--accept-target=" TOOL_TARGET, "--require=mutual,target"}, {NULL}, 1, 1, "own word for its target"},
        {{NULL}, {"--refuse-encryption", "17,18,19,20"}, 1, 1, "which is refused here"},
        {{"--refuse-encryption", "weak,4711"}, {"--refuse-encryption", "weak"}, 0, 0, "mechanism: kerberos"},
        {{"--allow-ntlm", "--allow-anonymous"}, {"--allow-ntlm"}, 0, 0, "mechanism: kerberos"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tool_server server;
        struct realm_result there;
        struct realm_result here;
        const char *const *serve = cases[i].serve;
        const char *const *connect = cases[i].connect;
        tool_serve(&server, "--once", "--framing", "le32", serve[0], serve[1], NULL);
        assert_int_equal(
            tool_connect(&server, &here, NULL, "--framing", "le32", "--message", "x", connect[0], connect[1], NULL),
            cases[i].connect_code);
        assert_int_equal(tool_finish(&server, &there), cases[i].serve_code);
        if (strstr(here.err, cases[i].text) == NULL) {
            tool_assert_contains(cases[i].serve_code == 0 ? there.out : there.err, cases[i].text);
        }
        realm_result_free(&here);
        realm_result_free(&there);
    }
}

/* gss-ntlmssp finds its users in a file that a variable of its own names. */
static void ntlm_serves_where_both_sides_ask_for_it(void **state)
{
    (void)state;
    const char *users = realm_path("ntlm.users");
    const char *password = realm_path("ntlm.password");
    struct tool_server server;
    struct realm_result there;
    struct realm_result here;
    write_file(users, "TROTHDOM:ntuser:secret one\n", 0600);
    write_file(password, "secret one\n", 0600);
    if (troth_supports(TROTH_FEATURE_NTLM) != TROTH_SUPPORT_YES) {
        print_message("# SKIP gss-ntlmssp is not installed\n");
        skip();
    }
    assert_int_equal(setenv("NTLM_USER_FILE", users, 1), 0);
    /* In a sanitizer's build: gss-ntlmssp 1.2 loses blocks of libcrypto, which only whole stacks lead back to it. */
    const char *sanitizer = getenv("ASAN_OPTIONS");
    char before[512] = "";
    char options[512];
    (void)snprintf(before, sizeof before, "%s", sanitizer != NULL ? sanitizer : "");
    (void)snprintf(options, sizeof options, "%.400s%sfast_unwind_on_malloc=0", before, before[0] != '\0' ? ":" : "");
    assert_int_equal(setenv("ASAN_OPTIONS", options, 1), 0);
    tool_serve(&server, "--once", "--framing", "le32", "--mechanism", "ntlm", "--require", "confidentiality", NULL);
    assert_int_equal(tool_connect(&server, &here, NULL, "--framing", "le32", "--mechanism", "ntlm", "--principal",
                                  "TROTHDOM\\ntuser", "--password-file", password, "--require", "confidentiality",
                                  "--message", "over NTLM", NULL),
                     0);
    assert_int_equal(tool_finish(&server, &there), 0);
    assert_int_equal(unsetenv("NTLM_USER_FILE"), 0);
    assert_int_equal(sanitizer != NULL ? setenv("ASAN_OPTIONS", before, 1) : unsetenv("ASAN_OPTIONS"), 0);
    tool_assert_contains(there.out, "mechanism: ntlm\n");
    tool_assert_contains(there.out, "ntuser");
    tool_assert_contains(here.out, "mechanism: ntlm\n");
    tool_assert_contains(here.out, "peer: not authenticated\n");
    tool_assert_contains(here.out, "over NTLM");
    realm_result_free(&here);
    realm_result_free(&there);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_report_and_the_message_comes_back),
        cmocka_unit_test(every_framing_carries_both_mechanisms),
        cmocka_unit_test(an_empty_message_is_refused_in_a_flow_of_bytes),
        cmocka_unit_test(kerberos_alone_does_not_take_negotiate),
        cmocka_unit_test(lines_of_the_input_are_messages),
        cmocka_unit_test(nothing_reaches_the_terminal_that_could_command_it),
        cmocka_unit_test(a_message_up_to_the_frame_limit_comes_back_and_a_longer_one_is_refused),
        cmocka_unit_test(what_is_required_and_missing_is_named),
        cmocka_unit_test(channel_bindings_are_compared),
        cmocka_unit_test(a_password_comes_from_a_file_and_is_never_shown),
        cmocka_unit_test(a_trace_tells_of_calls_and_tokens_on_stderr),
        cmocka_unit_test(a_client_keytab_and_a_given_ccache_say_who_we_are),
        cmocka_unit_test(a_server_without_keys_ends_before_it_listens),
        cmocka_unit_test(a_server_with_a_service_is_only_that_one),
        cmocka_unit_test(a_client_says_why_it_cannot),
        cmocka_unit_test(an_address_may_be_ipv6_or_a_name),
        cmocka_unit_test(policies_are_held_to_by_either_side),
        cmocka_unit_test(ntlm_serves_where_both_sides_ask_for_it),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_conversation TROTH\n");
        return 2;
    }
    tool_path = argv[1];
    return cmocka_run_group_tests_name("troth conversation", tests, NULL, NULL);
}
