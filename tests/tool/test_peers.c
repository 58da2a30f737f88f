/* test_peers.c - `troth serve` among bad, slow and many peers, with --once, and how it ends. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool.h"

static void assert_served(const struct tool_server *server)
{
    struct realm_result result;
    int code = tool_connect(server, &result, NULL, "--message", "honest", NULL);
    assert_string_equal(result.err, "");
    assert_int_equal(code, 0);
    tool_assert_contains(result.out, "\necho: honest\n");
    realm_result_free(&result);
}

static void a_peer_that_sends_garbage_or_leaves_disturbs_nobody(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        const char *text;
    } cases[] = {
        {"", 0, "[TROTH_E_CLOSED]"},
        {"\0\0", 2, "[TROTH_E_CLOSED]"},
        {"\0\0\0\x10partial", 11, "[TROTH_E_CLOSED]"},
        {"\xff\xff\xff\xffwhatever", 12, "[TROTH_E_FRAME]"},
        {"GET / HTTP/1.0\r\n\r\n", 18, "[TROTH_E_FRAME]"},
        {"\0\0\0\x08garbage!", 12, "[TROTH_E_BAD_TOKEN]"},
        {"\0\0\0\0", 4, "[TROTH_E_BAD_TOKEN]"},
        {"\0\0\0\x10NTLMSSP\0\1\0\0\0\0\0\0\0", 20, "[TROTH_E_MECHANISM]"},
    };
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, NULL);
    int silent = tool_socket(&server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int peer = tool_socket(&server);
        assert_int_equal(send(peer, cases[i].bytes, cases[i].length, MSG_NOSIGNAL), (ssize_t)cases[i].length);
        (void)shutdown(peer, SHUT_WR); /* the server may have left already */
        tool_socket_end(peer);
        assert_served(&server);
    }
    tool_stop(&server, &result);
    tool_socket_end(silent);
    /* One line each, in order, each with its connection's number: 1 is silent, then bad and good ones in turn. */
    const char *line = result.err;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char start[64];
        (void)snprintf(start, sizeof start, "troth: connection %zu from 127.0.0.1:", 2 + 2 * i);
        const char *end = strchr(line, '\n');
        assert_non_null(end);
        const char *text = strstr(line, cases[i].text);
        if (strncmp(line, start, strlen(start)) != 0 || text == NULL || text > end) {
            fail_msg("expected \"%s\" and \"%s\" in:\n%.*s", start, cases[i].text, (int)(end - line), line);
        }
        line = end + 1;
    }
    assert_string_equal(line, "");
    realm_result_free(&result);
}

static void clients_are_served_while_another_stalls(void **state)
{
    (void)state;
    struct tool_server server;
    tool_serve(&server, NULL);
    int stalled = tool_socket(&server);
    assert_int_equal(send(stalled, "\0\0", 2, MSG_NOSIGNAL), 2);
    const char *address[] = {tool_path, "connect", server.address, "--target", TOOL_TARGET, NULL};
    realm_process *first = realm_process_start(address, -1);
    realm_process *second = realm_process_start(address, -1);
    realm_process_line(first, "expires: ", REALM_DEADLINE);
    realm_process_line(second, "expires: ", REALM_DEADLINE);
    for (int i = 0; i < 3; i++) {
        realm_process_input(first, "to the first\n");
        realm_process_input(second, "to the second\n");
        assert_string_equal(realm_process_line(second, "echo: ", REALM_DEADLINE), "to the second");
        assert_string_equal(realm_process_line(first, "echo: ", REALM_DEADLINE), "to the first");
    }
    struct realm_result result;
    realm_process_wait(first, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 0);
    realm_result_free(&result);
    realm_process_wait(second, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 0);
    realm_result_free(&result);
    tool_stop(&server, NULL);
    tool_socket_end(stalled);
}

static void a_stalled_handshake_ends_at_the_timeout(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--once", "--timeout", "1", NULL);
    int stalled = tool_socket(&server);
    tool_socket_end(stalled);
    assert_int_equal(tool_finish(&server, &result), 1);
    tool_assert_contains(result.err, "[TROTH_E_TIMEOUT]\n");
    realm_result_free(&result);
}

static void a_server_that_stalls_ends_the_client_at_the_timeout(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--framing", "le32", NULL);
    /* A be32 length read as le32 is over the limit at once; the other way round the server is not even there. */
    assert_int_equal(tool_connect(&server, &result, NULL, "--timeout", "1", NULL), 1);
    tool_assert_contains(result.err, "[TROTH_E_");
    realm_result_free(&result);
    tool_stop(&server, NULL);
    /* One that waits to be accepted: connected, but silent. */
    tool_serve(&server, "--max-connections", "1", NULL);
    int first = tool_socket(&server);
    assert_int_equal(tool_connect(&server, &result, NULL, "--timeout", "1", NULL), 1);
    tool_assert_contains(result.err, "[TROTH_E_TIMEOUT]\n");
    realm_result_free(&result);
    tool_stop(&server, NULL);
    tool_socket_end(first);
}

static void further_clients_wait_when_the_server_is_full(void **state)
{
    (void)state;
    struct tool_server server;
    tool_serve(&server, "--max-connections", "2", "--timeout", "1", NULL);
    int stalled[2] = {tool_socket(&server), tool_socket(&server)};
    assert_served(&server);
    tool_socket_end(stalled[0]);
    tool_socket_end(stalled[1]);
    assert_served(&server);
    tool_stop(&server, NULL);
}

static void silent_peers_make_room_when_handshakes_are_many(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--max-handshakes", "2", NULL);
    int silent[3] = {tool_socket(&server), tool_socket(&server), tool_socket(&server)};
    /* Long before the 30 s of the timeout: soon the oldest gives way to the third, and the next to this. */
    assert_served(&server);
    tool_socket_end(silent[0]);
    tool_socket_end(silent[1]);
    /* A conversation is no handshake any more: the third of them stays, beside the one that may still begin. */
    assert_served(&server);
    assert_served(&server);
    tool_stop(&server, &result);
    tool_socket_end(silent[2]);
    tool_assert_contains(result.err, "troth: connection 1 from 127.0.0.1:");
    tool_assert_contains(result.err, "(--max-handshakes) [TROTH_E_TIMEOUT]\n");
    tool_assert_lacks(result.err, "connection 3 from");
    realm_result_free(&result);
}

static void a_silent_conversation_ends_at_the_idle_limit(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--once", "--idle", "1", NULL);
    const char *const argv[] = {tool_path, "connect", server.address, "--target", TOOL_TARGET, NULL};
    realm_process *client = realm_process_start(argv, -1);
    realm_process_line(client, "expires: ", REALM_DEADLINE);
    realm_process_input(client, "before\n");
    assert_string_equal(realm_process_line(client, "echo: ", REALM_DEADLINE), "before");
    assert_int_equal(tool_finish(&server, &result), 1);
    tool_assert_contains(result.out, "peer: alice@TROTH.TEST\n");
    tool_assert_contains(result.err, "[TROTH_E_TIMEOUT]\n");
    realm_result_free(&result);
    realm_process_input(client, "after\n");
    realm_process_wait(client, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 1);
    tool_assert_contains(result.err, "troth: message 2: ");
    realm_result_free(&result);
}

static void once_ends_with_the_result_of_its_connection(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    tool_serve(&server, "--once", NULL);
    assert_served(&server);
    assert_int_equal(tool_finish(&server, &result), 0);
    realm_result_free(&result);
    tool_serve(&server, "--once", NULL);
    int peer = tool_socket(&server);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    tool_socket_end(peer);
    assert_int_equal(tool_finish(&server, &result), 1);
    realm_result_free(&result);
    /* Nobody came. */
    tool_serve(&server, "--once", NULL);
    realm_process_signal(server.process, SIGTERM);
    assert_int_equal(tool_finish(&server, &result), 1);
    realm_result_free(&result);
}

static void an_interrupt_ends_it_cleanly_amid_conversations(void **state)
{
    (void)state;
    static const int signals[] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        struct tool_server server;
        struct realm_result result;
        tool_serve(&server, NULL);
        int handshaking = tool_socket(&server);
        const char *const argv[] = {tool_path, "connect", server.address, "--target", TOOL_TARGET, NULL};
        realm_process *client = realm_process_start(argv, -1);
        realm_process_line(client, "expires: ", REALM_DEADLINE);
        realm_process_signal(server.process, signals[i]);
        assert_int_equal(tool_finish(&server, &result), 0);
        assert_string_equal(result.err, "");
        realm_result_free(&result);
        tool_socket_end(handshaking);
        realm_process_input(client, "nobody hears this\n");
        realm_process_wait(client, REALM_DEADLINE, &result);
        assert_int_equal(result.exit_code, 1);
        realm_result_free(&result);
    }
}

static void it_survives_being_out_of_descriptors(void **state)
{
    (void)state;
    struct tool_server server;
    struct realm_result result;
    const char *const argv[] = {"sh", "-c", "ulimit -n 16; exec \"$0\" serve --timeout 1", tool_path, NULL};
    server.process = realm_process_start(argv, -1);
    const char *address = realm_process_line(server.process, "listening: ", REALM_DEADLINE);
    (void)snprintf(server.address, sizeof server.address, "%s", address);
    (void)sscanf(strrchr(address, ':'), ":%u", &server.port);
    int peers[20];
    for (size_t i = 0; i < 20; i++) {
        peers[i] = tool_socket(&server);
    }
    /* All are silent. The last of them can only be served, and cut off, once the first ones were. */
    for (size_t i = 0; i < 20; i++) {
        tool_socket_end(peers[i]);
    }
    assert_served(&server);
    tool_stop(&server, &result);
    tool_assert_contains(result.err, "troth: cannot take a connection now, and tries again: ");
    realm_result_free(&result);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_sends_garbage_or_leaves_disturbs_nobody),
        cmocka_unit_test(clients_are_served_while_another_stalls),
        cmocka_unit_test(a_stalled_handshake_ends_at_the_timeout),
        cmocka_unit_test(a_server_that_stalls_ends_the_client_at_the_timeout),
        cmocka_unit_test(further_clients_wait_when_the_server_is_full),
        cmocka_unit_test(silent_peers_make_room_when_handshakes_are_many),
        cmocka_unit_test(a_silent_conversation_ends_at_the_idle_limit),
        cmocka_unit_test(once_ends_with_the_result_of_its_connection),
        cmocka_unit_test(an_interrupt_ends_it_cleanly_amid_conversations),
        cmocka_unit_test(it_survives_being_out_of_descriptors),
    };
    if (argc != 2) {
        (void)fprintf(stderr, "usage: test_peers TROTH\n");
        return 2;
    }
    tool_path = argv[1];
    return cmocka_run_group_tests_name("troth peers", tests, NULL, NULL);
}
