/* server.c - the loop of `troth serve`: the listening socket, deadlines, interrupts, and the end. */
#include "server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "report.h"

#define ACCEPT_BACKOFF 100u /* ms to wait for a descriptor to become free */
#define ACCEPTS_AT_ONCE 64u /* then those who are here already get their turn */
#define HANDSHAKE_GRACE 200 /* ms that a handshake may take though others wait for its place */

/* ---- deadlines ------------------------------------------------------------------------------------------------ */

void deadline_clear(struct connection *connection)
{
    struct deadline_queue *queue = &connection->server->queues[connection->deadline_kind];
    if (connection->deadline_kind == DEADLINE_NONE) {
        return;
    }
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        queue->first = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    } else {
        queue->last = connection->previous;
    }
    connection->previous = connection->next = NULL;
    connection->deadline_kind = DEADLINE_NONE;
}

/* All in a queue were given the same time, so that the place of the latest is nearly always the last. */
void deadline_set(struct connection *connection, enum deadline_kind kind, uint64_t deadline)
{
    struct deadline_queue *queue = &connection->server->queues[kind];
    deadline_clear(connection);
    struct connection *before = queue->last;
    while (before != NULL && before->deadline > deadline) {
        before = before->previous;
    }
    connection->deadline = deadline;
    connection->deadline_kind = (uint8_t)kind;
    connection->previous = before;
    connection->next = before != NULL ? before->next : queue->first;
    if (before != NULL) {
        before->next = connection;
    } else {
        queue->first = connection;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection;
    } else {
        queue->last = connection;
    }
}

static void on_clock(uv_timer_t *clock)
{
    struct server *server = clock->data;
    for (int kind = DEADLINE_NONE + 1; kind < DEADLINE_KINDS; kind++) {
        struct connection *first = NULL;
        while ((first = server->queues[kind].first) != NULL && first->deadline <= uv_now(&server->loop)) {
            connection_expire(first);
        }
    }
}

/* ---- taking connections --------------------------------------------------------------------------------------- */

/* When the oldest unfinished handshake must make room for others; UINT64_MAX: there is none that waits for its peer. */
static uint64_t grace_end(const struct server *server)
{
    const struct connection *oldest = server->queues[DEADLINE_HANDSHAKE].first;
    if (oldest == NULL) {
        return UINT64_MAX;
    }
    uint64_t begun = oldest->deadline - (uint64_t)server->options->timeout;
    return begun + HANDSHAKE_GRACE;
}

/* When the next connection may be taken, as things are; UINT64_MAX: when something has happened. */
static uint64_t accept_time(const struct server *server)
{
    const struct server_options *options = server->options;
    if (server->ending || server->open >= options->max_connections || (options->once && server->number > 0)) {
        return UINT64_MAX;
    }
    uint64_t grace = server->handshakes >= options->max_handshakes ? grace_end(server) : 0;
    return grace > server->accept_again ? grace : server->accept_again;
}

/* Takes one waiting connection. False: there is none, or not now. */
static bool accept_one(struct server *server)
{
    troth_socket socket = 0;
    char text[PLATFORM_TEXT] = "";
    switch (platform_accept(server->listening, &socket, text)) {
    case PLATFORM_ACCEPTED:
        server->out_of_descriptors = false;
        if (server->handshakes >= server->options->max_handshakes) {
            connection_refuse(server->queues[DEADLINE_HANDSHAKE].first, TROTH_E_TIMEOUT,
                              "it did not authenticate itself within %d ms, and others wait for its place "
                              "(--max-handshakes)",
                              HANDSHAKE_GRACE);
        }
        server->number++;
        connection_start(server, socket, text);
        return true;
    case PLATFORM_GONE:
        return true;
    case PLATFORM_BUSY:
        if (!server->out_of_descriptors) {
            report_error(NULL, "cannot take a connection now, and tries again: %s", text);
        }
        server->out_of_descriptors = true;
        server->accept_again = uv_now(&server->loop) + ACCEPT_BACKOFF;
        return false;
    case PLATFORM_BROKEN:
        report_error(NULL, "cannot take connections any more: %s", text);
        server_end(server, EXIT_FAILED);
        return false;
    case PLATFORM_NOBODY:
        break;
    }
    return false;
}

static void on_incoming(uv_poll_t *listener, int status, int events)
{
    struct server *server = listener->data;
    (void)events;
    if (status < 0) {
        report_error(NULL, "cannot take connections any more: %s", uv_strerror(status));
        server_end(server, EXIT_FAILED);
        return;
    }
    for (unsigned i = 0; i < ACCEPTS_AT_ONCE && accept_time(server) <= uv_now(&server->loop); i++) {
        if (!accept_one(server)) {
            return;
        }
    }
}

/* Before each wait of the loop: what it waits for. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct server *server = prepare->data;
    uint64_t now = uv_now(&server->loop);
    uint64_t accept_at = accept_time(server);
    uint64_t due = accept_at;
    bool room = accept_at <= now;
    if (room) {
        due = UINT64_MAX;
    }
    if (room != server->polled) {
        server->polled = room;
        if (room) {
            (void)uv_poll_start(&server->listener, UV_READABLE, on_incoming);
        } else {
            (void)uv_poll_stop(&server->listener);
        }
    }
    for (int kind = DEADLINE_NONE + 1; kind < DEADLINE_KINDS; kind++) {
        const struct connection *first = server->queues[kind].first;
        if (first != NULL && first->deadline < due) {
            due = first->deadline;
        }
    }
    if (due == UINT64_MAX) {
        (void)uv_timer_stop(&server->clock);
    } else {
        (void)uv_timer_start(&server->clock, on_clock, due > now ? due - now : 0, 0);
    }
}

/* ---- beginning and end ---------------------------------------------------------------------------------------- */

static void on_interrupt(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    (void)number;
    server_end(server, server->options->once ? EXIT_FAILED : EXIT_SUCCESS);
}

/* A second interrupt ends the process: libuv has given the signals back by then. */
static void catch_interrupt(struct server *server, int number)
{
    uv_signal_t *handle = &server->signals[server->signal_count];
    if (uv_signal_init(&server->loop, handle) == 0) {
        server->signal_count++;
        handle->data = server;
        (void)uv_signal_start(handle, on_interrupt, number);
    }
}

static void cut_off(uv_handle_t *handle, void *argument)
{
    (void)argument;
    if (handle->type == UV_TCP) {
        connection_close(handle->data);
    }
}

void server_end(struct server *server, int result)
{
    if (server->ending) {
        return;
    }
    server->ending = true;
    server->result = result;
    uv_close((uv_handle_t *)&server->listener, NULL);
    uv_close((uv_handle_t *)&server->prepare, NULL);
    uv_close((uv_handle_t *)&server->clock, NULL);
    for (unsigned i = 0; i < server->signal_count; i++) {
        uv_close((uv_handle_t *)&server->signals[i], NULL);
    }
    uv_walk(&server->loop, cut_off, NULL);
}

void server_connection_gone(struct server *server, bool served)
{
    server->open--;
    if (server->options->once) {
        server_end(server, served ? EXIT_SUCCESS : EXIT_FAILED);
    }
}

/* Everything in the loop but connections. */
static bool server_open(struct server *server)
{
    const struct option_endpoint *listen = &server->options->listen;
    troth_error error = TROTH_ERROR_INIT;
    char text[PLATFORM_TEXT];
    if (!platform_listen(listen->host, listen->port, &server->listening, text)) {
        report_error(NULL, "cannot listen at %s port %s: %s", listen->host, listen->port, text);
        return false;
    }
    int code = uv_poll_init_socket(&server->loop, &server->listener, (uv_os_sock_t)server->listening);
    if (code != 0) {
        report_error(NULL, "cannot wait for connections: %s", uv_strerror(code));
        platform_socket_close(server->listening);
        return false;
    }
    (void)uv_prepare_init(&server->loop, &server->prepare);
    (void)uv_timer_init(&server->loop, &server->clock);
    server->listener.data = server->prepare.data = server->clock.data = server;
    (void)uv_prepare_start(&server->prepare, on_prepare);
    catch_interrupt(server, SIGINT);
    catch_interrupt(server, SIGTERM);
#ifdef SIGBREAK /* Ctrl-Break */
    catch_interrupt(server, SIGBREAK);
#endif
    platform_address(server->listening, text);
    if (report_line("listening", text, strlen(text), &error) != TROTH_OK) {
        report_failure(NULL, &error);
        server_end(server, EXIT_FAILED);
    }
    return true;
}

int server_run(const struct server_options *options, troth_credential *credential)
{
    struct server *server = calloc(1, sizeof *server);
    int code = server != NULL ? uv_loop_init(&server->loop) : UV_ENOMEM;
    int result = EXIT_FAILED;
    if (code != 0) {
        report_error(NULL, "cannot make an event loop: %s", uv_strerror(code));
        free(server);
        return EXIT_FAILED;
    }
    server->options = options;
    server->credential = credential;
    server->result = EXIT_FAILED;
    platform_prepare_server();
    if (server_open(server)) {
        (void)uv_run(&server->loop, UV_RUN_DEFAULT);
        platform_socket_close(server->listening);
    }
    (void)uv_loop_close(&server->loop);
    result = server->result;
    free(server);
    return result;
}
