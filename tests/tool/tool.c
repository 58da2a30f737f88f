/* tool.c - how the tests of the troth command run it. */
#define _POSIX_C_SOURCE 200809L
#include "tool.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

const char *tool_path;

static void collect(const char *argv[TOOL_ARGUMENTS], size_t *count, const char *argument, va_list more)
{
    for (; argument != NULL; argument = va_arg(more, const char *)) {
        assert_true(*count < TOOL_ARGUMENTS - 1);
        argv[(*count)++] = argument;
    }
    argv[*count] = NULL;
}

void tool_serve(struct tool_server *server, const char *argument, ...)
{
    const char *argv[TOOL_ARGUMENTS] = {tool_path, "serve"};
    size_t count = 2;
    va_list more;
    va_start(more, argument);
    collect(argv, &count, argument, more);
    va_end(more);
    server->process = realm_process_start(argv, -1);
    const char *address = realm_process_line(server->process, "listening: ", REALM_DEADLINE);
    (void)snprintf(server->address, sizeof server->address, "%s", address);
    server->port = (unsigned)strtoul(strrchr(address, ':') + 1, NULL, 10);
}

void tool_stop(struct tool_server *server, struct realm_result *result)
{
    struct realm_result own;
    realm_process_signal(server->process, SIGTERM);
    int code = tool_finish(server, result != NULL ? result : &own);
    assert_int_equal(code, 0);
    if (result == NULL) {
        realm_result_free(&own);
    }
}

int tool_finish(struct tool_server *server, struct realm_result *result)
{
    realm_process *process = server->process;
    server->process = NULL;
    realm_process_wait(process, REALM_DEADLINE, result);
    return result->exit_code;
}

int tool_run(struct realm_result *result, const char *input, const char *argument, ...)
{
    const char *argv[TOOL_ARGUMENTS] = {tool_path};
    size_t count = 1;
    va_list more;
    va_start(more, argument);
    collect(argv, &count, argument, more);
    va_end(more);
    return realm_run(argv, input, REALM_DEADLINE, result);
}

int tool_connect(const struct tool_server *server, struct realm_result *result, const char *input, const char *argument,
                 ...)
{
    const char *argv[TOOL_ARGUMENTS] = {tool_path, "connect", server->address, "--target", TOOL_TARGET};
    size_t count = 5;
    va_list more;
    va_start(more, argument);
    collect(argv, &count, argument, more);
    va_end(more);
    return realm_run(argv, input, REALM_DEADLINE, result);
}

int tool_socket(const struct tool_server *server)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)server->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(peer >= 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    return peer;
}

void tool_socket_end(int peer)
{
    char bytes[256];
    ssize_t got = 0;
    do {
        struct pollfd wait = {.fd = peer, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, REALM_DEADLINE), 1);
        got = recv(peer, bytes, sizeof bytes, 0);
    } while (got > 0);
    (void)close(peer);
}

void tool_assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}

void tool_assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        fail_msg("\"%s\" is in:\n%s", part, text);
    }
}
