/*
 * test_tool.c - `troth serve` and `troth connect` against MIT's gss-client and gss-server and against a raw GSSAPI
 * program. Runs in a realm; its arguments are the paths of troth and raw-gss.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

#define TARGET "troth@server.troth.test"
#define ARGUMENTS 32

static const char *troth;
static const char *raw_gss;
static const char *nns_peer;

/* What a test holds; let go by the teardown, however the test ends. */
static struct {
    realm_process *server;
    realm_process *other;
    int fd;
    struct realm_result served;
    struct realm_result asked;
} held;

static int setup(void **state)
{
    (void)state;
    memset(&held, 0, sizeof held);
    held.fd = -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (held.fd >= 0) {
        close(held.fd);
    }
    realm_process_kill(held.server);
    realm_process_kill(held.other);
    realm_result_free(&held.served);
    realm_result_free(&held.asked);
    return 0;
}

/* Adds lists that end with NULL (NULL itself: none) to one another. */
static const char *const *join(const char *const *first, const char *const *second)
{
    static const char *all[ARGUMENTS];
    size_t count = 0;

    while (*first != NULL && count < ARGUMENTS - 1) {
        all[count++] = *first++;
    }
    while (second != NULL && *second != NULL && count < ARGUMENTS - 1) {
        all[count++] = *second++;
    }
    all[count] = NULL;
    return all;
}

/* Starts `troth serve --once`. Returns its "ADDR:PORT". */
static const char *serve(const char *framing, const char *const *options)
{
    held.server = realm_process_start(join(REALM_ARGV(troth, "serve", "--once", "--framing", framing), options), -1);
    return realm_process_line(held.server, "listening: ", REALM_DEADLINE);
}

static void wait_served(int exit_code)
{
    realm_process *server = held.server;

    held.server = NULL;
    realm_process_wait(server, REALM_DEADLINE, &held.served);
    peer_expect(&held.served, "troth serve", exit_code);
}

/* ------------------------------------------------------------------------------------------------------------------
 * MIT's programs
 * --------------------------------------------------------------------------------------------------------------- */

#define OPTIONS_MAX 8 /* the last stays NULL */

struct sample {
    const char *options[OPTIONS_MAX]; /* of gss-client */
    const char *require;              /* NULL: the default */
    const char *shown;                /* on stdout of troth serve; of a refusal: on its stderr */
};

static void ask_gss_client(const struct sample *sample, const char *port)
{
    const char *argv[ARGUMENTS] = {"gss-client", "-port", port};
    size_t count = 3;

    for (size_t i = 0; i < OPTIONS_MAX && sample->options[i] != NULL; i++) {
        argv[count++] = sample->options[i];
    }
    argv[count++] = "127.0.0.1";
    argv[count++] = TARGET;
    argv[count] = "a message for gss-sample";
    realm_run(argv, NULL, REALM_DEADLINE, &held.asked);
}

static const char *serve_sample(const struct sample *sample)
{
    const char *address =
        serve("gss-sample", sample->require != NULL ? REALM_ARGV("--require", sample->require) : NULL);

    return strrchr(address, ':') + 1;
}

static void serves_gss_client(void **state)
{
    const struct sample *sample = *state;

    ask_gss_client(sample, serve_sample(sample));
    peer_expect(&held.asked, "gss-client", 0);
    wait_served(0);
    peer_expect_text(held.served.out, "peer: alice@TROTH.TEST\nmechanism: kerberos\n");
    peer_expect_text(held.served.out, sample->shown);
    assert_string_equal(held.served.err, "");
    if (strstr(held.asked.out, "Signature verified.") == NULL) {
        peer_expect_text(held.asked.out, "Response received."); /* -nm asks for no signature */
    }
}

static void refuses_gss_client(void **state)
{
    const struct sample *sample = *state;

    ask_gss_client(sample, serve_sample(sample));
    /* Without mutual authentication it is in the middle of its message when we hang up, and raises SIGPIPE at times. */
    if (held.asked.exit_code != 128 + SIGPIPE) {
        peer_expect(&held.asked, "gss-client", 1);
    }
    wait_served(1);
    peer_expect_text(held.served.err, "[TROTH_E_REQUIREMENT]\n");
    peer_expect_text(held.served.err, sample->shown);
    assert_null(strstr(held.asked.out, "Signature verified."));
}

static void stores_what_gss_client_hands_on(void **state)
{
    const struct sample sample = {.options = {"-d"}};
    const char *path = realm_path("gss-client.delegated");
    char ccache[512];
    const char *address;

    (void)state;
    unlink(path);
    snprintf(ccache, sizeof ccache, "FILE:%s", path);
    address = serve("gss-sample", REALM_ARGV("--delegated-ccache", ccache, "--require", "mutual,integrity,delegated"));
    ask_gss_client(&sample, strrchr(address, ':') + 1);
    peer_expect(&held.asked, "gss-client", 0);
    wait_served(0);
    peer_expect_text(held.served.out, " delegated\n");
    peer_expect_text(held.served.out, "gss-client.delegated\n");
    realm_result_free(&held.asked);
    realm_run(REALM_ARGV("klist", "-c", ccache), NULL, REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "klist", 0);
    peer_expect_text(held.asked.out, "Default principal: alice@TROTH.TEST\n");
    peer_expect_text(held.asked.out, "krbtgt/TROTH.TEST@TROTH.TEST");
}

struct asking {
    const char *options[OPTIONS_MAX]; /* of troth connect */
    const char *properties;
    const char *of_server; /* an option of gss-server; NULL: none */
};

static void connects_to_gss_server(void **state)
{
    const struct asking *asking = *state;
    char address[PEER_ADDRESS];
    char logged[8192] = "";
    const char *log = realm_path("gss-server.log");
    int listener = peer_listen(address);
    realm_process *client;
    FILE *stream;
    size_t length;

    unlink(log);
    client = realm_process_start(join(REALM_ARGV(troth, "connect", address, "--target", TARGET, "--framing",
                                                 "gss-sample", "--message", "the first", "--message", "and a second"),
                                      asking->options),
                                 -1);
    held.other = client;
    /* gss-server alone would bind every address of the machine. */
    held.fd = peer_accept(listener);
    held.server = realm_process_start(
        asking->of_server != NULL ? REALM_ARGV("gss-server", "-inetd", "-logfile", log, asking->of_server, TARGET)
                                  : REALM_ARGV("gss-server", "-inetd", "-logfile", log, TARGET),
        held.fd);
    close(held.fd);
    held.fd = -1;
    held.other = NULL;
    realm_process_wait(client, REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "troth connect", 0);
    wait_served(0);
    peer_expect_text(held.asked.out, asking->properties);
    peer_expect_text(held.asked.out, "verified: the first\nverified: and a second\n");
    stream = fopen(log, "r");
    assert_non_null(stream);
    length = fread(logged, 1, sizeof logged - 1, stream);
    fclose(stream);
    logged[length] = '\0';
    assert_int_equal(strstr(logged, "GSS_C_MUTUAL_FLAG") != NULL, strstr(asking->properties, "mutual") != NULL);
    assert_int_equal(strstr(logged, "GSS_C_DELEG_FLAG") != NULL, strstr(asking->properties, "delegated") != NULL);
    peer_expect_text(logged, "GSS_C_CONF_FLAG");
    peer_expect_text(logged, "GSS_C_INTEG_FLAG");
    peer_expect_text(logged, "\"the first\"");
    peer_expect_text(logged, "\"and a second\"");
}

/* ------------------------------------------------------------------------------------------------------------------
 * A raw GSSAPI program
 * --------------------------------------------------------------------------------------------------------------- */

struct pairing {
    const char *framing;
    const char *raw_mechanism;
    const char *mechanism;
};

#define ALL_PROPERTIES "properties: mutual integrity confidentiality replay sequence\n"

static void serves_a_raw_initiator(void **state)
{
    const struct pairing *pairing = *state;
    const char *address = serve(pairing->framing, REALM_ARGV("--mechanism", pairing->mechanism));

    realm_run(REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--framing", pairing->framing,
                         pairing->raw_mechanism, "--sizes", "5,0,1000,16000,60000,1"),
              NULL, REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "raw-gss", 0);
    wait_served(0);
    peer_expect_text(held.asked.out, "peer: troth/server.troth.test@TROTH.TEST\n");
    peer_expect_text(held.served.out, "peer: alice@TROTH.TEST\n");
    peer_expect_text(held.served.out, ALL_PROPERTIES);
}

static void connects_to_a_raw_acceptor(void **state)
{
    const struct pairing *pairing = *state;
    bool sample = strcmp(pairing->framing, "gss-sample") == 0;
    char address[PEER_ADDRESS];

    held.server = realm_process_start(
        REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", "--framing", pairing->framing, pairing->raw_mechanism),
        -1);
    snprintf(address, sizeof address, "%s", realm_process_line(held.server, "listening: ", REALM_DEADLINE));
    realm_run(REALM_ARGV(troth, "connect", address, "--target", TARGET, "--framing", pairing->framing, "--mechanism",
                         pairing->mechanism),
              "one line\n\nand the third\n", REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "troth connect", 0);
    wait_served(0);
    peer_expect_text(held.asked.out, "peer: troth/server.troth.test@TROTH.TEST\n");
    peer_expect_text(held.asked.out, ALL_PROPERTIES);
    peer_expect_text(held.asked.out, sample ? "verified: one line\nverified: \nverified: and the third\n"
                                            : "echo: one line\necho: \necho: and the third\n");
    peer_expect_text(held.served.out, "message: 13 encrypted\nmessages: 3\n");
}

static void serves_a_negotiate_stream(void **state)
{
    const char *address = serve("negotiate-stream", NULL);

    (void)state;
    realm_run(REALM_ARGV(nns_peer, "init", address, "--target", TARGET, "--amount", "200000"), NULL, REALM_DEADLINE,
              &held.asked);
    peer_expect(&held.asked, "nns-peer", 0);
    wait_served(0);
    peer_expect_text(held.served.out, "peer: alice@TROTH.TEST\nmechanism: kerberos\nproperties: mutual integrity "
                                      "confidentiality");
}

static void refuses_a_negotiate_stream_without_mutual_authentication(void **state)
{
    const char *address = serve("negotiate-stream", NULL);

    (void)state;
    realm_run(REALM_ARGV(nns_peer, "init", address, "--target", TARGET, "--amount", "10", "--without", "mutual",
                         "--mechanism", "krb5"),
              NULL, REALM_DEADLINE, &held.asked);
    assert_int_not_equal(held.asked.exit_code, 0);
    wait_served(1);
    peer_expect_text(held.served.err, "[TROTH_E_REQUIREMENT]\n");
    peer_expect_text(held.served.err, "mutual");
}

static void connects_to_a_negotiate_stream(void **state)
{
    char address[PEER_ADDRESS];

    (void)state;
    held.server = realm_process_start(REALM_ARGV(nns_peer, "accept", "127.0.0.1:0"), -1);
    snprintf(address, sizeof address, "%s", realm_process_line(held.server, "listening: ", REALM_DEADLINE));
    realm_run(REALM_ARGV(troth, "connect", address, "--target", TARGET, "--framing", "negotiate-stream"),
              "one line\nand the second\n", REALM_DEADLINE, &held.asked);
    peer_expect(&held.asked, "troth connect", 0);
    wait_served(0);
    peer_expect_text(held.asked.out, "peer: troth/server.troth.test@TROTH.TEST\n");
    peer_expect_text(held.asked.out, "echo: one line\necho: and the second\n");
}

static void be32_refuses_a_peer_without_sequence_detection(void **state)
{
    const char *address = serve("be32", NULL);

    (void)state;
    realm_run(REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--flags",
                         "mutual,conf,integ,replay", "--messages", "1"),
              NULL, REALM_DEADLINE, &held.asked);
    assert_int_not_equal(held.asked.exit_code, 0);
    wait_served(1);
    peer_expect_text(held.served.err, "[TROTH_E_REQUIREMENT]\n");
    peer_expect_text(held.served.err, "sequence");
}

static void an_echo_that_was_changed_is_no_success(void **state)
{
    static const char *const faults[][2] = {{"flip", "TROTH_E_ALTERED"},
                                            {"plain", "TROTH_E_REQUIREMENT"},
                                            {"replay", "TROTH_E_REPLAY"},
                                            {"skip", "TROTH_E_TIMEOUT"}};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        realm_process *server = realm_process_start(
            REALM_ARGV(raw_gss, "accept", "--listen", "127.0.0.1:0", "--message-fault", faults[i][0]), -1);

        held.server = server;
        realm_run(REALM_ARGV(troth, "connect", realm_process_line(server, "listening: ", REALM_DEADLINE), "--target",
                             TARGET, "--timeout", "1", "--message", "one", "--message", "two", "--message", "three"),
                  NULL, REALM_DEADLINE, &held.asked);
        peer_expect(&held.asked, faults[i][0], 1);
        peer_expect_text(held.asked.err, faults[i][1]);
        assert_null(strstr(held.asked.out, "echo: three"));
        realm_result_free(&held.asked);
        held.server = NULL;
        realm_process_kill(server);
    }
}

/* One server, bad peers that hold their connections, and honest ones that are served all the same. */
static void bad_peers_do_not_disturb_honest_ones(void **state)
{
    char address[PEER_ADDRESS];

    (void)state;
    held.server = realm_process_start(REALM_ARGV(troth, "serve"), -1);
    snprintf(address, sizeof address, "%s", realm_process_line(held.server, "listening: ", REALM_DEADLINE));
    held.fd = peer_connect(address); /* says nothing */
    held.other = realm_process_start(
        REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--stall-after-leg", "1"), -1);
    realm_process_line(held.other, "stalling: ", REALM_DEADLINE);
    for (int i = 0; i < 3; i++) {
        static const char *const kinds[] = {"random", "oversize", "half"};
        struct realm_result bad;

        realm_run(REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--garbage", kinds[i]), NULL,
                  REALM_DEADLINE, &bad);
        assert_int_not_equal(bad.exit_code, 0);
        realm_result_free(&bad);
        realm_run(REALM_ARGV(raw_gss, "init", "--connect", address, "--target", TARGET, "--messages", "3"), NULL,
                  REALM_DEADLINE, &held.asked);
        peer_expect(&held.asked, "raw-gss", 0);
        realm_result_free(&held.asked);
    }
    realm_process_signal(held.server, SIGTERM);
    wait_served(0);
}

#define CASE(name, function, ...)                                                                                      \
    {                                                                                                                  \
        name, function, setup, teardown, &(__VA_ARGS__)                                                                \
    }
#define EACH_MECHANISM(framing)                                                                                        \
    CASE("serves_raw_kerberos_" framing, serves_a_raw_initiator, (struct pairing){framing, "--krb5", "kerberos"}),     \
        CASE("serves_raw_negotiate_" framing, serves_a_raw_initiator,                                                  \
             (struct pairing){framing, "--spnego", "negotiate"}),                                                      \
        CASE("connects_to_raw_kerberos_" framing, connects_to_a_raw_acceptor,                                          \
             (struct pairing){framing, "--krb5", "kerberos"}),                                                         \
        CASE("connects_to_raw_negotiate_" framing, connects_to_a_raw_acceptor,                                         \
             (struct pairing){framing, "--spnego", "negotiate"})
#define PLAIN(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

static int run_raw(void)
{
    const struct CMUnitTest tests[] = {
        EACH_MECHANISM("be32"),
        EACH_MECHANISM("le32"),
        EACH_MECHANISM("gss-sample"),
        PLAIN(serves_a_negotiate_stream),
        PLAIN(refuses_a_negotiate_stream_without_mutual_authentication),
        PLAIN(connects_to_a_negotiate_stream),
        PLAIN(be32_refuses_a_peer_without_sequence_detection),
        PLAIN(an_echo_that_was_changed_is_no_success),
        PLAIN(bad_peers_do_not_disturb_honest_ones),
    };

    return cmocka_run_group_tests_name("tool and raw program", tests, NULL, NULL);
}

static int run_samples(void)
{
    const struct CMUnitTest tests[] = {
        CASE("serves_gss_client", serves_gss_client,
             (struct sample){{NULL}, NULL, "properties: mutual integrity confidentiality replay\n"}),
        CASE("serves_gss_client_spnego", serves_gss_client,
             (struct sample){{"-spnego"}, NULL, "properties: mutual integrity confidentiality replay\n"}),
        CASE("serves_gss_client_seq", serves_gss_client, (struct sample){{"-seq"}, NULL, ALL_PROPERTIES}),
        CASE("serves_gss_client_spnego_seq", serves_gss_client,
             (struct sample){{"-spnego", "-seq"}, NULL, ALL_PROPERTIES}),
        CASE("serves_gss_client_noreplay", serves_gss_client,
             (struct sample){{"-noreplay"}, NULL, "properties: mutual integrity confidentiality\n"}),
        CASE("serves_gss_client_nm", serves_gss_client,
             (struct sample){{"-nm"}, NULL, "properties: mutual integrity confidentiality replay\n"}),
        CASE("serves_gss_client_many_messages", serves_gss_client,
             (struct sample){{"-mcount", "20", "-spnego"}, NULL, "properties: mutual"}),
        CASE("serves_gss_client_nx_when_integrity_is_enough", serves_gss_client,
             (struct sample){{"-nx"}, "mutual,integrity", "properties: mutual integrity"}),
        CASE("serves_gss_client_spnego_nx_when_integrity_is_enough", serves_gss_client,
             (struct sample){{"-spnego", "-nx"}, "mutual,integrity", "properties: mutual integrity"}),
        CASE("serves_gss_client_nw_when_integrity_is_enough", serves_gss_client,
             (struct sample){{"-nw"}, "mutual,integrity", "properties: mutual integrity"}),
        CASE("serves_gss_client_nomutual_when_integrity_is_enough", serves_gss_client,
             (struct sample){{"-nomutual"}, "integrity", "properties: integrity confidentiality replay\n"}),
        CASE("serves_gss_client_spnego_nomutual_when_integrity_is_enough", serves_gss_client,
             (struct sample){{"-spnego", "-nomutual"}, "integrity", "properties: integrity confidentiality replay\n"}),
        CASE("refuses_gss_client_nomutual", refuses_gss_client,
             (struct sample){{"-nomutual"}, NULL, "missing: mutual authentication"}),
        CASE("refuses_gss_client_spnego_nomutual", refuses_gss_client,
             (struct sample){{"-spnego", "-nomutual"}, NULL, "missing: mutual authentication"}),
        CASE("refuses_gss_client_nx", refuses_gss_client, (struct sample){{"-nx"}, NULL, "confidentiality"}),
        CASE("refuses_gss_client_spnego_nx", refuses_gss_client,
             (struct sample){{"-spnego", "-nx"}, NULL, "confidentiality"}),
        CASE("refuses_gss_client_nw", refuses_gss_client, (struct sample){{"-nw"}, NULL, "confidentiality"}),
        CASE("refuses_gss_client_nw_nm_though_integrity_is_enough", refuses_gss_client,
             (struct sample){{"-nw", "-nm"}, "mutual,integrity", "integrity"}),
        CASE("refuses_gss_client_noreplay_where_replay_is_required", refuses_gss_client,
             (struct sample){{"-noreplay"}, "mutual,integrity,replay", "missing: replay"}),
        CASE("connects_to_gss_server_kerberos", connects_to_gss_server,
             (struct asking){{"--mechanism", "kerberos"}, ALL_PROPERTIES, NULL}),
        CASE("connects_to_gss_server_negotiate", connects_to_gss_server,
             (struct asking){{"--mechanism", "negotiate"}, ALL_PROPERTIES, NULL}),
        CASE("connects_to_gss_server_kerberos_without_mutual", connects_to_gss_server,
             (struct asking){
                 {"--mechanism", "kerberos", "--request", "integrity,confidentiality", "--require", "integrity"},
                 "properties: integrity confidentiality\n",
                 NULL}),
        CASE("connects_to_gss_server_negotiate_without_mutual", connects_to_gss_server,
             (struct asking){
                 {"--mechanism", "negotiate", "--request", "integrity,confidentiality", "--require", "integrity"},
                 "properties: integrity confidentiality\n",
                 NULL}),
        CASE("connects_to_gss_server_that_moves_its_context", connects_to_gss_server,
             (struct asking){{"--mechanism", "kerberos"}, ALL_PROPERTIES, "-export"}),
        CASE("connects_to_gss_server_and_hands_on_a_ticket", connects_to_gss_server,
             (struct asking){{"--delegate", "always"},
                             "properties: mutual integrity confidentiality replay sequence delegated\n",
                             NULL}),
        cmocka_unit_test_setup_teardown(stores_what_gss_client_hands_on, setup, teardown),
    };

    return cmocka_run_group_tests_name("tool and gss-sample", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    if (argc < 3 || (strcmp(argv[1], "raw") != 0 && strcmp(argv[1], "samples") != 0)) {
        fprintf(stderr, "usage: test_tool raw|samples TROTH [RAW-GSS NNS-PEER]\n");
        return 2;
    }
    troth = argv[2];
    raw_gss = argc > 3 ? argv[3] : NULL;
    nns_peer = argc > 4 ? argv[4] : NULL;
    return strcmp(argv[1], "raw") == 0 ? run_raw() : run_samples();
}
