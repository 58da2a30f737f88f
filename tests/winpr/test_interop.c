/*
 * test_interop.c - the troth command over WinPR against peers that are not: the troth command over GSSAPI and a raw
 * GSSAPI program, in both roles, with Kerberos and with SPNEGO, honest ones and others. Runs in a realm.
 *
 * Usage: test-winpr-interop TROTH-OVER-WINPR TROTH RAW-GSS
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "peer.h"

#define TARGET "troth@server.troth.test"
#define ALL_PROPERTIES "properties: mutual integrity confidentiality replay sequence\n"

static const char *over_winpr;
static const char *over_gssapi;
static const char *raw_gss;

/* What a test holds; let go by the teardown, however the test ends. */
static struct {
    realm_process *server;
    struct realm_result served;
    struct realm_result asked;
} held;

struct pairing {
    const char *mechanism;
    const char *raw; /* raw-gss' word for it */
    const char *framing;
};

static int setup(void **state)
{
    (void)state;
    memset(&held, 0, sizeof held);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    realm_process_kill(held.server);
    realm_result_free(&held.served);
    realm_result_free(&held.asked);
    return 0;
}

/* Starts a program that says where it listens. */
static const char *start(const char *const *argv)
{
    held.server = realm_process_start(argv, -1);
    return realm_process_line(held.server, "listening: ", REALM_DEADLINE);
}

static const char *serve(const char *troth, const struct pairing *pairing)
{
    return start(
        REALM_ARGV(troth, "serve", "--once", "--framing", pairing->framing, "--mechanism", pairing->mechanism));
}

static void wait_served(int exit_code)
{
    realm_process *server = held.server;

    held.server = NULL;
    realm_process_wait(server, REALM_DEADLINE, &held.served);
    peer_expect(&held.served, "the acceptor", exit_code);
}

static void connect_with(const char *troth, const char *address, const struct pairing *pairing)
{
    realm_run(REALM_ARGV(troth, "connect", address, "--target", TARGET, "--framing", pairing->framing, "--mechanism",
                         pairing->mechanism),
              "one line\n\nand the third\n", REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "troth connect", 0);
    peer_expect_text(held.asked.out, ALL_PROPERTIES);
    if (strcmp(pairing->framing, "gss-sample") == 0) {
        peer_expect_text(held.asked.out, "verified: one line\nverified: \nverified: and the third\n");
    } else {
        peer_expect_text(held.asked.out, "echo: one line\necho: \necho: and the third\n");
    }
}

static void connects_to_a_raw_acceptor(void **state)
{
    const struct pairing *pairing = *state;

    connect_with(
        over_winpr,
        start(REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", "--framing", pairing->framing, pairing->raw)),
        pairing);
    wait_served(0);
    /* Never an empty string, nor a name that nobody verified. */
    peer_expect_text(held.asked.out, "peer: unavailable (provider)\n");
    peer_expect_text(held.served.out,
                     "peer: alice@TROTH.TEST\nmechanism: kerberos\nflags: mutual replay sequence conf integ\n");
    peer_expect_text(held.served.out, "message: 13 encrypted\nmessages: 3\n");
}

static void serves_a_raw_initiator(void **state)
{
    const struct pairing *pairing = *state;

    realm_run(REALM_ARGV(raw_gss, "init", "--connect", serve(over_winpr, pairing), "--target", TARGET, "--framing",
                         pairing->framing, pairing->raw, "--sizes", "5,0,1000,16000,60000,1"),
              NULL, REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "raw-gss", 0);
    wait_served(0);
    peer_expect_text(held.asked.out, "peer: troth/server.troth.test@TROTH.TEST\n");
    peer_expect_text(held.served.out, "peer: unavailable (provider)\nmechanism: kerberos\n" ALL_PROPERTIES);
}

static void connects_to_troth_on_gssapi(void **state)
{
    const struct pairing *pairing = *state;

    connect_with(over_winpr, serve(over_gssapi, pairing), pairing);
    wait_served(0);
    peer_expect_text(held.served.out, "peer: alice@TROTH.TEST\nmechanism: kerberos\n" ALL_PROPERTIES);
}

static void serves_troth_on_gssapi(void **state)
{
    const struct pairing *pairing = *state;

    connect_with(over_gssapi, serve(over_winpr, pairing), pairing);
    wait_served(0);
    peer_expect_text(held.asked.out, "peer: troth/server.troth.test@TROTH.TEST\nmechanism: kerberos\n");
    peer_expect_text(held.served.out, ALL_PROPERTIES);
}

/* ------------------------------------------------------------------------------------------------------------------
 * What must fail, and what fails cleanly
 * --------------------------------------------------------------------------------------------------------------- */

static const struct pairing negotiate = {"negotiate", "--spnego", "be32"};
static const struct pairing kerberos = {"kerberos", "--krb5", "be32"};
static const struct pairing *const both[] = {&kerberos, &negotiate};

static const char *const garbage[] = {"random", "flip", "truncate", "empty", "oversize", "half"};

static void forget(void)
{
    realm_result_free(&held.served);
    realm_result_free(&held.asked);
    memset(&held, 0, sizeof held);
}

static void refuses_garbage_as_acceptor(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof garbage / sizeof garbage[0]; i++) {
        realm_run(REALM_ARGV(raw_gss, "init", "--connect", serve(over_winpr, both[i % 2]), "--target", TARGET,
                             both[i % 2]->raw, "--garbage", garbage[i / 2]),
                  NULL, REALM_DEADLINE, &held.asked);
        assert_int_not_equal(held.asked.exit_code, 0);
        wait_served(1);
        peer_expect_text(held.served.err, "[TROTH_E_");
        forget();
    }
}

static void refuses_garbage_as_initiator(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof garbage / sizeof garbage[0]; i++) {
        const char *address = start(
            REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", both[i % 2]->raw, "--garbage", garbage[i / 2]));

        realm_run(REALM_ARGV(over_winpr, "connect", address, "--target", TARGET, "--mechanism", both[i % 2]->mechanism,
                             "--message", "never sent"),
                  NULL, REALM_DEADLINE, &held.asked);
        peer_expect(&held.asked, garbage[i / 2], 1);
        peer_expect_text(held.asked.err, "[TROTH_E_");
        assert_null(strstr(held.asked.out, "echo:"));
        realm_process_kill(held.server);
        forget();
    }
}

static void a_message_that_is_not_what_was_sent_ends_the_conversation(void **state)
{
    static const char *const faults[][2] = {{"flip", "[TROTH_E_"},
                                            {"plain", "[TROTH_E_"},
                                            {"replay", "TROTH_E_OUT_OF_SEQUENCE"},
                                            {"skip", "TROTH_E_TIMEOUT"}};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const char *address =
            start(REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", "--message-fault", faults[i][0]));

        realm_run(REALM_ARGV(over_winpr, "connect", address, "--target", TARGET, "--timeout", "2", "--message", "one",
                             "--message", "two", "--message", "three"),
                  NULL, REALM_DEADLINE, &held.asked);
        peer_expect(&held.asked, faults[i][0], 1);
        peer_expect_text(held.asked.err, faults[i][1]);
        assert_null(strstr(held.asked.out, "echo: three"));
        realm_process_kill(held.server);
        forget();
    }
}

static void a_peer_that_wants_less_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        realm_run(REALM_ARGV(raw_gss, "init", "--connect", serve(over_winpr, both[i]), "--target", TARGET, both[i]->raw,
                             "--flags", "conf,integ,replay,sequence", "--messages", "1"),
                  NULL, REALM_DEADLINE, &held.asked);
        wait_served(1);
        peer_expect_text(held.served.err, "[TROTH_E_REQUIREMENT]\n");
        peer_expect_text(held.served.err, "mutual");
        forget();
    }
}

static void an_initiators_bindings_reach_the_peer_with_kerberos(void **state)
{
    const char *address = start(REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", "--krb5", "--bindings",
                                           "746c732d6578706f727465723a41"));

    (void)state;
    realm_run(REALM_ARGV(over_winpr, "connect", address, "--target", TARGET, "--mechanism", "kerberos", "--bindings",
                         "tls-exporter:A", "--message", "bound"),
              NULL, REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "troth connect", 0);
    wait_served(0);
    peer_expect_text(held.served.out, " bound\n");
}

static void an_initiators_bindings_reach_the_peer_with_negotiate(void **state)
{
    (void)state;
    print_message(
        "# SKIPPED: WinPR's SPNEGO loses the bindings when the peer declines its first choice of mechanism\n");
    skip();
}

/* WinPR's acceptor compares none: who requires them must not be told that they are equal. */
static void an_acceptor_cannot_require_bindings(void **state)
{
    const char *address = start(REALM_ARGV(over_winpr, "serve", "--once", "--bindings", "tls-exporter:A", "--require",
                                           "mutual,integrity,confidentiality,bound"));

    (void)state;
    realm_run(REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--bindings",
                         "746c732d6578706f727465723a41", "--messages", "1"),
              NULL, REALM_DEADLINE, &held.asked);
    assert_int_not_equal(held.asked.exit_code, 0);
    wait_served(1);
    peer_expect_text(held.served.err, "SEC_E_UNSUPPORTED_FUNCTION");
}

static void a_password_is_taken_and_a_wrong_one_is_not(void **state)
{
    const char *wrong = realm_path("wrong-password");
    FILE *stream = fopen(wrong, "w");

    (void)state;
    assert_non_null(stream);
    fputs("not the password\n", stream);
    fclose(stream);
    for (size_t i = 0; i < 2; i++) {
        const char *file = i == 0 ? realm_env_path("TROTH_REALM_PASSWORD_FILE") : wrong;
        const char *address = serve(over_gssapi, &negotiate);

        realm_run(REALM_ARGV(over_winpr, "connect", address, "--target", TARGET, "--principal",
                             realm_env("TROTH_REALM_PASSWORD_USER"), "--password-file", file, "--message", "hello"),
                  NULL, REALM_DEADLINE, &held.asked);
        peer_expect(&held.asked, "troth connect", i == 0 ? 0 : 1);
        if (i == 0) {
            wait_served(0);
            peer_expect_text(held.served.out, realm_env("TROTH_REALM_PASSWORD_USER"));
        } else {
            peer_expect_text(held.asked.err, "[TROTH_E_");
            realm_process_kill(held.server);
        }
        forget();
    }
}

static void an_unknown_target_is_a_clean_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *address = serve(over_gssapi, both[i]);

        realm_run(REALM_ARGV(over_winpr, "connect", address, "--target", "nobody@server.troth.test", "--mechanism",
                             both[i]->mechanism),
                  NULL, REALM_DEADLINE, &held.asked);
        peer_expect(&held.asked, "troth connect", 1);
        peer_expect_text(held.asked.err, "nobody@server.troth.test");
        peer_expect_text(held.asked.err, "[TROTH_E_");
        realm_process_kill(held.server);
        forget();
    }
}

/* Before anything is sent, and before it listens. */
static void what_of_delegation_sspi_cannot_do_is_said_at_once(void **state)
{
    (void)state;
    realm_run(REALM_ARGV(over_winpr, "connect", "127.0.0.1:1", "--target", TARGET, "--delegate", "always"), NULL,
              REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "troth connect", 1);
    peer_expect_text(held.asked.err, "SSPI delegates by the KDC's policy alone");
    peer_expect_text(held.asked.err, "[TROTH_E_UNSUPPORTED]\n");
    forget();
    realm_run(REALM_ARGV(over_winpr, "serve", "--once", "--delegated-ccache", "FILE:/nonexistent/cc"), NULL,
              REALM_DEADLINE, &held.served);
    peer_expect(&held.served, "troth serve", 1);
    peer_expect_text(held.served.err, "--delegated-ccache: ");
    peer_expect_text(held.served.err, "[TROTH_E_UNSUPPORTED]\n");
    assert_string_equal(held.served.out, "");
}

#define CASE(name, function, ...)                                                                                      \
    {                                                                                                                  \
        name, function, setup, teardown, &(__VA_ARGS__)                                                                \
    }
#define EACH_MECHANISM(name, function, framing)                                                                        \
    CASE(name "_kerberos_" framing, function, (struct pairing){"kerberos", "--krb5", framing}),                        \
        CASE(name "_negotiate_" framing, function, (struct pairing){"negotiate", "--spnego", framing})
#define EACH_FRAMING(name, function)                                                                                   \
    EACH_MECHANISM(name, function, "be32"), EACH_MECHANISM(name, function, "le32"),                                    \
        EACH_MECHANISM(name, function, "gss-sample")
#define PLAIN(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        EACH_FRAMING("connects_to_raw", connects_to_a_raw_acceptor),
        EACH_FRAMING("serves_raw", serves_a_raw_initiator),
        EACH_MECHANISM("connects_to_troth_on_gssapi", connects_to_troth_on_gssapi, "be32"),
        EACH_MECHANISM("serves_troth_on_gssapi", serves_troth_on_gssapi, "be32"),
        PLAIN(refuses_garbage_as_acceptor),
        PLAIN(refuses_garbage_as_initiator),
        PLAIN(a_message_that_is_not_what_was_sent_ends_the_conversation),
        PLAIN(a_peer_that_wants_less_is_refused),
        PLAIN(what_of_delegation_sspi_cannot_do_is_said_at_once),
        PLAIN(an_initiators_bindings_reach_the_peer_with_kerberos),
        PLAIN(an_initiators_bindings_reach_the_peer_with_negotiate),
        PLAIN(an_acceptor_cannot_require_bindings),
        PLAIN(a_password_is_taken_and_a_wrong_one_is_not),
        PLAIN(an_unknown_target_is_a_clean_failure),
    };

    if (argc != 4) {
        fprintf(stderr, "usage: test-winpr-interop TROTH-OVER-WINPR TROTH RAW-GSS\n");
        return 2;
    }
    over_winpr = argv[1];
    over_gssapi = argv[2];
    raw_gss = argv[3];
    return cmocka_run_group_tests_name("troth over WinPR", tests, NULL, NULL);
}
