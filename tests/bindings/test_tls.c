/*
 * test_tls.c - the example over TLS, both roles, both types of bindings: that equal bindings bind, that other ones are
 * refused, and that a man in the middle of two TLS connections is found out by them, and by nothing else.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "certificates.h"
#include "realm.h"

#define END_POINT "tls-server-end-point"
#define EXPORTER "tls-exporter"

static const char *example_path;
static const char *relay_path;

/* The last is the man in the middle's: of the same name, and trusted by the client as well. */
static const struct certificate_kind kinds[] = {
    {"rsa", KEY_RSA, "SHA256", 0, NULL},     {"pss", KEY_RSA, "SHA384", 1, NULL},
    {"p256", KEY_P256, "SHA256", 0, NULL},   {"p384", KEY_P384, "SHA384", 0, NULL},
    {"ed25519", KEY_ED25519, NULL, 0, NULL}, {"middle", KEY_P256, "SHA256", 0, NULL},
};

/* Under valgrind a conversation of OpenSSL takes seconds: one of each sort shows what is to be seen there. */
static size_t cases_of(size_t all)
{
    return getenv("TROTH_TEST_VALGRIND") != NULL ? 1 : all;
}

static const char *file_of(const char *name, const char *suffix)
{
    char file[64];

    (void)snprintf(file, sizeof file, "%s.%s", name, suffix);
    return realm_path(file);
}

static int make_certificates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct certificate certificate = certificate_new(&kinds[i]);
        certificate_append(&certificate, file_of(kinds[i].name, "pem"));
        certificate_append(&certificate, realm_path("trusted.pem"));
        certificate_write_key(&certificate, file_of(kinds[i].name, "key"));
        certificate_free(&certificate);
    }
    return 0;
}

struct server {
    realm_process *process;
    char port[8];
};

static struct server server_start(const char *certificate, const char *type, const char *policy)
{
    struct server server;

    server.process = realm_process_start(
        REALM_ARGV(example_path, "server", "0", file_of(certificate, "pem"), file_of(certificate, "key"), type, policy),
        -1);
    (void)snprintf(server.port, sizeof server.port, "%s",
                   realm_process_line(server.process, "listening: ", REALM_DEADLINE));
    return server;
}

/* Runs a client; an answer of NULL means that there must be none. Returns what it said, to be freed. */
static struct realm_result client_run(const char *port, const char *type, int must_succeed)
{
    struct realm_result result;
    int code = realm_run(REALM_ARGV(example_path, "client", "127.0.0.1", port, realm_path("trusted.pem"), "troth",
                                    "server.troth.test", type, "hello"),
                         NULL, REALM_DEADLINE, &result);

    if (must_succeed) {
        assert_string_equal(result.err, "");
        assert_int_equal(code, 0);
        assert_non_null(strstr(result.out, "answer: hello\n"));
    } else {
        assert_int_equal(code, 1);
        assert_string_equal(result.out, "");
        assert_string_not_equal(result.err, "");
    }
    return result;
}

static void assert_line(const struct server *server, const char *prefix, const char *part)
{
    const char *line = realm_process_line(server->process, prefix, REALM_DEADLINE);

    if (strstr(line, part) == NULL)
        fail_msg("%s%s: no \"%s\" in it", prefix, line, part);
}

/* They converse; the server says result of the bindings. */
static void assert_converse(const struct server *server, const char *port, const char *type, const char *result)
{
    char line[128];
    struct realm_result said = client_run(port, type, 1);

    (void)snprintf(line, sizeof line, "server: troth/server.troth.test@TROTH.TEST, bindings: %s\nanswer: hello\n",
                   strcmp(type, "none") == 0 ? "absent" : "unknown");
    assert_string_equal(said.out, line);
    realm_result_free(&said);
    (void)snprintf(line, sizeof line, "alice@TROTH.TEST, bindings: %s", result);
    assert_line(server, "peer: ", line);
}

static void assert_refused(const struct server *server, const char *port, const char *type, const char *why)
{
    struct realm_result said = client_run(port, type, 0);

    realm_result_free(&said);
    assert_line(server, "refused: ", why);
}

static void equal_bindings_bind_with_every_kind_of_certificate(void **state)
{
    static const char *const types[] = {END_POINT, EXPORTER};

    (void)state;
    for (size_t i = 0; i < cases_of(sizeof kinds / sizeof kinds[0] - 2); i++) {
        for (size_t t = 0; t < 2; t++) {
            struct server server = server_start(kinds[i].name, types[t], "require");
            assert_converse(&server, server.port, types[t], "bound");
            realm_process_kill(server.process);
        }
    }
}

static void a_certificate_without_a_hash_leaves_the_exporter(void **state)
{
    (void)state;
    struct server server = server_start("ed25519", END_POINT, "require");
    struct realm_result said = client_run(server.port, END_POINT, 0);
    assert_non_null(strstr(said.err, "TROTH_E_UNSUPPORTED: the certificate is signed with Ed25519"));
    realm_result_free(&said);
    assert_line(&server, "refused: ", "TROTH_E_UNSUPPORTED: the certificate is signed with Ed25519");
    realm_process_kill(server.process);

    server = server_start("ed25519", EXPORTER, "require");
    assert_converse(&server, server.port, EXPORTER, "bound");
    realm_process_kill(server.process);
}

static void different_types_do_not_match(void **state)
{
    static const char *const policies[] = {"require", "allow"};

    (void)state;
    for (size_t i = 0; i < cases_of(2); i++) {
        struct server server = server_start("p256", END_POINT, policies[i]);
        assert_refused(&server, server.port, EXPORTER, "TROTH_E_BINDINGS");
        /* It goes on, and takes the right ones. */
        assert_converse(&server, server.port, END_POINT, "bound");
        realm_process_kill(server.process);

        server = server_start("p256", EXPORTER, policies[i]);
        assert_refused(&server, server.port, END_POINT, "TROTH_E_BINDINGS");
        assert_converse(&server, server.port, EXPORTER, "bound");
        realm_process_kill(server.process);
    }
}

static void absent_bindings_are_taken_where_they_are_allowed_only(void **state)
{
    static const char *const types[] = {END_POINT, EXPORTER};

    (void)state;
    for (size_t i = 0; i < cases_of(2); i++) {
        struct server server = server_start("p256", types[i], "allow");
        assert_converse(&server, server.port, "none", "absent");
        realm_process_kill(server.process);

        server = server_start("p256", types[i], "require");
        assert_refused(&server, server.port, "none", "TROTH_E_REQUIREMENT");
        realm_process_kill(server.process);
    }
}

static void a_server_without_bindings_compares_none(void **state)
{
    (void)state;
    struct server server = server_start("p256", "none", "allow");
    assert_converse(&server, server.port, END_POINT, "absent");
    assert_converse(&server, server.port, "none", "absent");
    realm_process_kill(server.process);
    /* To require them without having any is a mistake, and told at once. */
    server = server_start("p256", "none", "require");
    assert_refused(&server, server.port, EXPORTER, "TROTH_E_ARGUMENT");
    realm_process_kill(server.process);
}

static void a_man_in_the_middle_is_found_out_by_bindings_alone(void **state)
{
    static const struct {
        const char *type;
        const char *policy;
    } cases[] = {{END_POINT, "require"}, {END_POINT, "allow"}, {EXPORTER, "require"}, {EXPORTER, "allow"}};

    (void)state;
    for (size_t i = 0; i < cases_of(sizeof cases / sizeof cases[0]); i++) {
        struct server server = server_start("p256", cases[i].type, cases[i].policy);
        realm_process *relay = realm_process_start(
            REALM_ARGV(relay_path, server.port, file_of("middle", "pem"), file_of("middle", "key")), -1);
        char port[8];
        (void)snprintf(port, sizeof port, "%s", realm_process_line(relay, "listening: ", REALM_DEADLINE));

        assert_refused(&server, port, cases[i].type, "TROTH_E_BINDINGS");
        /* He did pass the token on. */
        assert_true(strtoul(realm_process_line(relay, "relayed: ", REALM_DEADLINE), NULL, 10) > 100);
        /* Where bindings are not required he need only find a client that has none. */
        if (strcmp(cases[i].policy, "allow") == 0)
            assert_converse(&server, port, "none", "absent");
        else
            assert_refused(&server, port, "none", "TROTH_E_REQUIREMENT");
        (void)realm_process_line(relay, "relayed: ", REALM_DEADLINE);
        /* And without him it is the same server as ever. */
        assert_converse(&server, server.port, cases[i].type, "bound");
        realm_process_kill(relay);
        realm_process_kill(server.process);
    }
}

/* The same certificate in his hands (a stolen key, a fleet that shares one): only the exporter tells. */
static void a_man_with_the_server_s_own_key_is_found_out_by_the_exporter_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *type = i == 0 ? END_POINT : EXPORTER;
        struct server server = server_start("p256", type, "require");
        realm_process *relay = realm_process_start(
            REALM_ARGV(relay_path, server.port, file_of("p256", "pem"), file_of("p256", "key")), -1);
        char port[8];
        (void)snprintf(port, sizeof port, "%s", realm_process_line(relay, "listening: ", REALM_DEADLINE));

        if (i == 0)
            assert_converse(&server, port, type, "bound");
        else
            assert_refused(&server, port, type, "TROTH_E_BINDINGS");
        realm_process_kill(relay);
        realm_process_kill(server.process);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_bindings_bind_with_every_kind_of_certificate),
        cmocka_unit_test(a_certificate_without_a_hash_leaves_the_exporter),
        cmocka_unit_test(different_types_do_not_match),
        cmocka_unit_test(absent_bindings_are_taken_where_they_are_allowed_only),
        cmocka_unit_test(a_server_without_bindings_compares_none),
        cmocka_unit_test(a_man_in_the_middle_is_found_out_by_bindings_alone),
        cmocka_unit_test(a_man_with_the_server_s_own_key_is_found_out_by_the_exporter_alone),
    };

    if (argc != 3) {
        (void)fprintf(stderr, "usage: test_tls EXAMPLE RELAY\n");
        return 2;
    }
    example_path = argv[1];
    relay_path = argv[2];
    return cmocka_run_group_tests_name("tls", tests, make_certificates, NULL);
}
