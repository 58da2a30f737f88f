/* test_examples.c - the example programs do, with each other, what they say. */
#define _POSIX_C_SOURCE 200809L
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "realm.h"

static const char *client_path;
static const char *server_path;
static const char *inetd_path;
static const char *pool_path;
static const char *front_path;
static const char *uv_path; /* NULL: built without libuv */

/* Conversations, one after the other, with a server that was just started. */
static void converse_with(realm_process *server)
{
    char port[8];
    (void)snprintf(port, sizeof port, "%s", realm_process_line(server, "listening: ", REALM_DEADLINE));
    for (int i = 0; i < 2; i++) {
        struct realm_result result;
        int code = realm_run(REALM_ARGV(client_path, "127.0.0.1", port, "troth", "server.troth.test", "hello"), NULL,
                             REALM_DEADLINE, &result);
        assert_string_equal(result.err, "");
        assert_int_equal(code, 0);
        assert_string_equal(result.out, "peer: troth/server.troth.test@TROTH.TEST\nanswer: hello\n");
        realm_result_free(&result);
        assert_string_equal(realm_process_line(server, "peer: ", REALM_DEADLINE), "alice@TROTH.TEST");
    }
    /* The wrong name of the server is an error of the client's, and the server goes on. */
    struct realm_result result;
    int code = realm_run(REALM_ARGV(client_path, "127.0.0.1", port, "nobody", "server.troth.test", "hello"), NULL,
                         REALM_DEADLINE, &result);
    assert_int_equal(code, 1);
    assert_string_equal(result.out, "");
    assert_non_null(strstr(result.err, "nobody"));
    realm_result_free(&result);
    code = realm_run(REALM_ARGV(client_path, "127.0.0.1", port, "troth", "server.troth.test", "again"), NULL,
                     REALM_DEADLINE, &result);
    assert_int_equal(code, 0);
    realm_result_free(&result);
    realm_process_kill(server);
}

static void client_and_server_hold_a_conversation(void **state)
{
    (void)state;
    converse_with(realm_process_start(REALM_ARGV(server_path, "0"), -1));
}

/* Connected, and then silent. */
static int silent_peer(const char *port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(peer >= 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    return peer;
}

/* Clients are served while other peers say nothing. */
static void converse_among_silent_ones(const char *const *argv)
{
    realm_process *server = realm_process_start(argv, -1);
    char port[8];
    (void)snprintf(port, sizeof port, "%s", realm_process_line(server, "listening: ", REALM_DEADLINE));
    int silent[] = {silent_peer(port), silent_peer(port)};
    for (int i = 0; i < 3; i++) {
        struct realm_result result;
        int code = realm_run(REALM_ARGV(client_path, "127.0.0.1", port, "troth", "server.troth.test", "among others"),
                             NULL, REALM_DEADLINE, &result);
        assert_string_equal(result.err, "");
        assert_int_equal(code, 0);
        assert_string_equal(result.out, "peer: troth/server.troth.test@TROTH.TEST\nanswer: among others\n");
        realm_result_free(&result);
        assert_string_equal(realm_process_line(server, "peer: ", REALM_DEADLINE), "alice@TROTH.TEST");
    }
    (void)close(silent[0]);
    (void)close(silent[1]);
    realm_process_kill(server);
}

static void the_pool_server_serves_many_at_a_time(void **state)
{
    (void)state;
    converse_with(realm_process_start(REALM_ARGV(pool_path, "0", "4"), -1));
    converse_among_silent_ones(REALM_ARGV(pool_path, "0", "4"));
}

/* The client's messages go to a process that never saw its handshake. */
static void the_front_servers_worker_goes_on_with_the_conversation(void **state)
{
    (void)state;
    converse_with(realm_process_start(REALM_ARGV(front_path, "0"), -1));
}

static void the_uv_server_serves_many_at_a_time(void **state)
{
    (void)state;
    if (uv_path == NULL) {
        print_message("SKIPPED: built without libuv\n");
        skip();
    }
    converse_with(realm_process_start(REALM_ARGV(uv_path, "0"), -1));
    converse_among_silent_ones(REALM_ARGV(uv_path, "0"));
}

static void the_inetd_server_serves_one_message(void **state)
{
    (void)state;
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char port[8];
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    (void)snprintf(port, sizeof port, "%u", (unsigned)ntohs(address.sin_port));

    realm_process *client = realm_process_start(
        REALM_ARGV(client_path, "127.0.0.1", port, "troth", "server.troth.test", "thirty lines"), -1);
    int accepted = accept(listener, NULL, NULL);
    assert_true(accepted >= 0);
    realm_process *server = realm_process_start(REALM_ARGV(inetd_path), accepted);
    (void)close(accepted);
    (void)close(listener);
    struct realm_result result;
    realm_process_wait(client, REALM_DEADLINE, &result);
    assert_string_equal(result.err, "");
    assert_string_equal(result.out, "peer: troth/server.troth.test@TROTH.TEST\nanswer: thirty lines\n");
    assert_int_equal(result.exit_code, 0);
    realm_result_free(&result);
    realm_process_wait(server, REALM_DEADLINE, &result);
    assert_string_equal(result.err, "");
    assert_string_equal(result.out, "served alice@TROTH.TEST\n");
    assert_int_equal(result.exit_code, 0);
    realm_result_free(&result);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_and_server_hold_a_conversation),
        cmocka_unit_test(the_pool_server_serves_many_at_a_time),
        cmocka_unit_test(the_front_servers_worker_goes_on_with_the_conversation),
        cmocka_unit_test(the_uv_server_serves_many_at_a_time),
        cmocka_unit_test(the_inetd_server_serves_one_message),
    };
    if (argc != 6 && argc != 7) {
        (void)fprintf(stderr, "usage: test_examples CLIENT SERVER INETD-SERVER POOL-SERVER FRONT-SERVER [UV-SERVER]\n");
        return 2;
    }
    client_path = argv[1];
    server_path = argv[2];
    inetd_path = argv[3];
    pool_path = argv[4];
    front_path = argv[5];
    uv_path = argv[6];
    return cmocka_run_group_tests_name("examples", tests, NULL, NULL);
}
