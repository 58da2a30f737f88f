/* test_usage.c - what the troth command says of itself and of wrong command lines; needs no realm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tool.h"
#include "troth/troth.h"

static void version_names_library_and_backend(void **state)
{
    (void)state;
    struct realm_result result;
    char expected[64];
    (void)snprintf(expected, sizeof expected, "troth %s (%s)\n", troth_version(), troth_backend_name());
    assert_int_equal(tool_run(&result, NULL, "--version", NULL), 0);
    assert_string_equal(result.out, expected);
    assert_string_equal(result.err, "");
    realm_result_free(&result);
}

static void help_shows_synopsis_options_examples_and_exit_codes(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *parts[17];
    } helps[] = {
        {"serve",
         {"troth serve [OPTION ...]", "--listen", "--service", "--keytab", "--mechanism", "--framing", "--require",
          "--delegated-ccache", "--once", "--timeout", "--idle", "--max-connections", "--max-handshakes",
          "--frame-limit", "Examples\n", "Exit code\n"}},
        {"doctor",
         {"troth doctor [--acceptor --service S@H --keytab K] [--initiator --target S@H]", "--json", "--trace",
          "Examples\n", "Exit code\n"}},
        {"connect",
         {"troth connect HOST:PORT --target SERVICE@HOST", "--principal", "--ccache", "--client-keytab",
          "--password-file", "--mechanism", "--framing", "--require", "--request", "--delegate", "--message",
          "--timeout", "--frame-limit", "Examples\n", "Exit code\n"}},
        {"token",
         {"troth token [--json] [--base64 TEXT | --hex TEXT | FILE | -]", "--base64", "--hex", "--json", "Examples\n",
          "Exit code\n"}},
    };
    for (size_t i = 0; i < sizeof helps / sizeof helps[0]; i++) {
        struct realm_result result;
        assert_int_equal(tool_run(&result, NULL, helps[i].command, "--help", NULL), 0);
        assert_string_equal(result.err, "");
        for (size_t part = 0; helps[i].parts[part] != NULL; part++) {
            tool_assert_contains(result.out, helps[i].parts[part]);
        }
        realm_result_free(&result);
    }
    struct realm_result result;
    assert_int_equal(tool_run(&result, NULL, "--help", NULL), 0);
    tool_assert_contains(result.out, "troth serve --help");
    realm_result_free(&result);
}

static void a_wrong_command_line_is_explained_and_ends_with_2(void **state)
{
    (void)state;
    static const struct {
        const char *argv[8];
        const char *text;
    } cases[] = {
        {{NULL}, "a command is missing"},
        {{"dance"}, "\"dance\" is no command"},
        {{"--help", "serve"}, "the command must come first"},
        {{"serve", "--lisen", "x"}, "there is no option --lisen"},
        {{"serve", "--lisen=x"}, "there is no option --lisen;"},
        {{"serve", "-l"}, "options have two dashes"},
        {{"serve", "extra"}, "one argument too many"},
        {{"serve", "--", "--once"}, "one argument too many"},
        {{"serve", "--listen"}, "--listen needs ADDR:PORT"},
        {{"serve", "--listen", "127.0.0.1"}, "--listen: it must be HOST:PORT"},
        {{"serve", "--listen", "127.0.0.1:65536"}, "--listen: it must be HOST:PORT"},
        {{"serve", "--listen", "::1:80"}, "[ADDRESS]:PORT for IPv6"},
        {{"serve", "--listen=[]:80"}, "[ADDRESS]:PORT for IPv6"},
        {{"serve", "--once=yes"}, "--once takes no value"},
        {{"serve", "--once", "--once"}, "--once is given twice"},
        {{"serve", "--keytab="}, "--keytab: it is empty"},
        {{"serve", "--service", "troth"}, "--service: it must be SERVICE@HOST"},
        {{"serve", "--service", "@host"}, "--service: it must be SERVICE@HOST"},
        {{"serve", "--mechanism", "lanman"}, "it must be kerberos, negotiate or ntlm"},
        {{"serve", "--framing", "be64"}, "it must be be32, le32, gss-sample or negotiate-stream"},
        {{"serve", "--require", "mutual,"}, "--require: it must be none, or some of mutual"},
        {{"serve", "--require", "none,mutual"}, "--require: it must be none, or some of mutual"},
        {{"serve", "--require", "anonymous"}, "--require: it must be none, or some of mutual"},
        {{"serve", "--forbid", "anonymous"}, "--forbid: it must be none, or some of mutual"},
        {{"serve", "--refuse-encryption", "rc4"}, "--refuse-encryption: it must be weak, or"},
        {{"serve", "--refuse-encryption", "23,,17"}, "--refuse-encryption: it must be weak, or"},
        {{"serve", "--refuse-encryption", "0"}, "--refuse-encryption: it must be weak, or"},
        {{"connect", "host:1", "--target", "a@b", "--request", "bound"}, "--request: it must be none"},
        {{"serve", "--require", "bound"}, "--require bound needs --bindings"},
        {{"serve", "--delegated-ccache", "FILE:/tmp/cc"}, "--delegated-ccache: one ccache for all would give"},
        {{"serve", "--delegated-ccache", "FILE:/tmp/{Principal}"}, "--delegated-ccache: one ccache for all would give"},
        {{"serve", "--once", "--delegated-ccache="}, "--delegated-ccache: it is empty"},
        {{"connect", "host:1", "--target=a@b", "--delegate", "yes"}, "--delegate: it must be never, policy or always"},
        {{"connect", "host:1", "--target=a@b", "--delegate=never", "--require=delegated"}, "exclude one another"},
        {{"serve", "--accept-target", "troth"}, "--accept-target: it must be SERVICE@HOST"},
        {{"connect", "host:1", "--target=a@b", "--require", "target"}, "by an acceptor only"},
        {{"connect", "host:1", "--target=a@b", "--request", "target"}, "--request: it must be none"},
        {{"serve", "--timeout", "0"}, "--timeout: it must be a whole number of seconds"},
        {{"serve", "--timeout", "1.5"}, "--timeout: it must be a whole number of seconds"},
        {{"serve", "--idle", "-1"}, "--idle: it must be a whole number of seconds"},
        {{"serve", "--max-connections", "0"}, "--max-connections: it must be a whole number"},
        {{"serve", "--max-handshakes", "0"}, "--max-handshakes: it must be a whole number"},
        {{"serve", "--frame-limit", "99999999999999999999"}, "--frame-limit: it must be a whole number"},
        {{"connect", "--target", "troth@host"}, "HOST:PORT is missing"},
        {{"connect", "host:1"}, "--target SERVICE@HOST is missing"},
        {{"connect", "host:1", "host:2", "--target", "a@b"}, "one argument too many"},
        {{"connect", "host", "--target", "a@b"}, "HOST:PORT: it must be HOST:PORT"},
        {{"connect", ":1", "--target", "a@b"}, "HOST:PORT: it must be HOST:PORT"},
        {{"connect", "host:0", "--target", "a@b"}, "there is no port 0"},
        {{"connect", "host:1", "--target", "a@b", "--ccache=x", "--client-keytab=y"}, "exclude one another"},
        {{"connect", "host:1", "--target", "a@b", "--password-file", "x"}, "--password-file needs --principal"},
        {{"connect", "host:1", "--target=a@b", "--principal=p", "--password-file=-"}, "needs --message"},
        {{"connect", "host:1", "--target", "a@b", "--require", "bound"}, "by an acceptor only"},
        {{"connect", "host:1", "--target", "a@b", "--password", "x"}, "there is no option --password;"},
        {{"token", "a", "b"}, "one argument too many"},
        {{"token", "--hex", "60", "a"}, "--base64, --hex and FILE exclude one another"},
        {{"token", "--hex", "6"}, "--hex: it is not hexadecimal"},
        {{"token", "--base64", "YII*"}, "--base64: it is not base64"},
        {{"token", "--base64", "Negotiate "}, "--base64: it is not base64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *argv[10] = {tool_path};
        struct realm_result result;
        for (size_t argument = 0; cases[i].argv[argument] != NULL; argument++) {
            argv[argument + 1] = cases[i].argv[argument];
        }
        int code = realm_run(argv, NULL, REALM_DEADLINE, &result);
        tool_assert_contains(result.err, cases[i].text);
        assert_int_equal(code, 2);
        assert_string_equal(result.out, "");
        /* One line, with the way to the help. */
        assert_int_equal(strncmp(result.err, "troth: ", 7), 0);
        assert_ptr_equal(strchr(result.err, '\n'), result.err + result.err_length - 1);
        tool_assert_contains(result.err, "--help` tells more");
        realm_result_free(&result);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_names_library_and_backend),
        cmocka_unit_test(help_shows_synopsis_options_examples_and_exit_codes),
        cmocka_unit_test(a_wrong_command_line_is_explained_and_ends_with_2),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_usage TROTH\n");
        return 2;
    }
    tool_path = argv[1];
    return cmocka_run_group_tests_name("troth usage", tests, NULL, NULL);
}
