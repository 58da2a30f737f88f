/* test_gateway.c - the gateway acts for its clients, as far as the KDC lets it. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "realm.h"

#define HOST "server.troth.test"

static const char *gateway_path;
static const char *server_path;
static const char *client_path;

static realm_process *server;
static realm_process *gateway;
static char gateway_port[8];

/* The gateway, as this service, before a server that echoes. */
static void start(const char *service)
{
    char port[8];
    server = realm_process_start(REALM_ARGV(server_path, "0"), -1);
    (void)snprintf(port, sizeof port, "%s", realm_process_line(server, "listening: ", REALM_DEADLINE));
    gateway = realm_process_start(REALM_ARGV(gateway_path, "0", service, HOST, port, "back", HOST), -1);
    (void)snprintf(gateway_port, sizeof gateway_port, "%s", realm_process_line(gateway, "listening: ", REALM_DEADLINE));
}

static int teardown(void **state)
{
    (void)state;
    realm_process_kill(gateway);
    realm_process_kill(server);
    gateway = server = NULL;
    return 0;
}

static int ask(const char *service, struct realm_result *result)
{
    return realm_run(REALM_ARGV(client_path, "127.0.0.1", gateway_port, service, HOST, "hello"), NULL, REALM_DEADLINE,
                     result);
}

static void the_server_behind_the_gateway_sees_the_client(void **state)
{
    struct realm_result result;
    (void)state;
    start("middle");
    for (int i = 0; i < 2; i++) {
        int code = ask("middle", &result);
        assert_string_equal(result.err, "");
        assert_int_equal(code, 0);
        assert_string_equal(result.out, "peer: middle/" HOST "@TROTH.TEST\nanswer: hello\n");
        realm_result_free(&result);
        assert_string_equal(realm_process_line(gateway, "acting for: ", REALM_DEADLINE), "alice@TROTH.TEST");
        assert_string_equal(realm_process_line(server, "peer: ", REALM_DEADLINE), "alice@TROTH.TEST");
    }
}

static void a_service_that_the_kdc_does_not_trust_acts_for_nobody(void **state)
{
    struct realm_result result;
    (void)state;
    start("host");
    assert_int_equal(ask("host", &result), 1);
    assert_string_equal(result.out, "");
    realm_result_free(&result);
    realm_process_signal(gateway, 15);
    realm_process_wait(gateway, REALM_DEADLINE, &result);
    gateway = NULL;
    assert_non_null(strstr(result.err, "back@" HOST));
    assert_non_null(strstr(result.err, "krbAllowedToDelegateTo"));
    realm_result_free(&result);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_server_behind_the_gateway_sees_the_client, teardown),
        cmocka_unit_test_teardown(a_service_that_the_kdc_does_not_trust_acts_for_nobody, teardown),
    };
    if (argc != 4) {
        return 2;
    }
    gateway_path = argv[1];
    server_path = argv[2];
    client_path = argv[3];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
