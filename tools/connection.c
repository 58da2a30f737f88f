/* connection.c - one conversation of `troth serve`: bytes between a socket and a stream, and echoes. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegated.h"
#include "platform.h"
#include "report.h"
#include "server.h"

/* A step of a handshake, while the thread pool has it. */
struct step {
    uv_work_t request;
    struct connection *connection;
    troth_stream *stream;
    troth_status status;
    uint64_t begun;
    uint64_t time_left; /* of the peer */
    troth_error error;
};

/* What did not go out at once. */
struct writing {
    uv_write_t request;
    struct connection *connection;
    size_t length;
};

static void advance(struct connection *connection);

/* ---- the end of it -------------------------------------------------------------------------------------------- */

static void finish(struct connection *connection)
{
    struct server *server = connection->server;
    bool served = connection->served;
    free(connection->kept);
    free(connection);
    server_connection_gone(server, served);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    /* With a step under way this only marks it, and the end of the step frees it. */
    troth_stream_free(connection->stream);
    connection->stream = NULL;
    connection->closed = true;
    if (!connection->stepping) {
        finish(connection);
    }
}

void connection_close(struct connection *connection)
{
    if (connection->closing) {
        return;
    }
    connection->closing = true;
    deadline_clear(connection);
    if (!connection->authenticated) {
        connection->server->handshakes--;
    }
    uv_close((uv_handle_t *)&connection->tcp, on_closed);
}

/* Says why it failed: once, and not when we cut it off ourselves. */
static void failed(struct connection *connection, const troth_error *error)
{
    char who[PLATFORM_TEXT + 64];
    if (!connection->failed && !connection->server->ending) {
        (void)snprintf(who, sizeof who, "connection %llu from %s", (unsigned long long)connection->number,
                       connection->from);
        report_failure(who, error);
    }
    connection->failed = true;
}

void connection_refuse(struct connection *connection, troth_status status, const char *format, ...)
{
    troth_error error = TROTH_ERROR_INIT;
    va_list arguments;
    va_start(arguments, format);
    error.status = status;
    (void)vsnprintf(error.text, sizeof error.text, format, arguments);
    va_end(arguments);
    failed(connection, &error);
    connection_close(connection);
}

void connection_expire(struct connection *connection)
{
    static const char *const awaited[DEADLINE_KINDS] = {"", "it was authenticated", "a whole message came",
                                                        "it took our answer"};
    const struct server_options *options = connection->server->options;
    int kind = connection->deadline_kind;
    connection_refuse(connection, TROTH_E_TIMEOUT, "waiting for the peer: the timeout of %d ms ended before %s",
                      kind == DEADLINE_MESSAGE ? options->idle : options->timeout, awaited[kind]);
}

/* What libuv says of a socket. */
static void broken(struct connection *connection, const char *doing, int code)
{
    bool left = code == UV_EOF || code == UV_ECONNRESET || code == UV_EPIPE || code == UV_ECONNABORTED;
    if (left) {
        connection_refuse(connection, TROTH_E_CLOSED, "%s: the peer closed the connection", doing);
    } else {
        connection_refuse(connection, TROTH_E_IO, "%s: the socket failed: %s", doing, uv_strerror(code));
    }
}

/* ---- out ------------------------------------------------------------------------------------------------------ */

static void on_written(uv_write_t *request, int status)
{
    struct writing *writing = request->data;
    struct connection *connection = writing->connection;
    size_t length = writing->length;
    free(writing);
    connection->writing = false;
    if (connection->closing) {
        return;
    }
    if (status < 0) {
        broken(connection, "sending to the peer", status);
        return;
    }
    troth_stream_sent(connection->stream, length);
    if (connection->deadline_kind == DEADLINE_ANSWER) {
        deadline_clear(connection);
    }
    advance(connection);
}

/* Sends what is pending: mostly at once, and else libuv does it while the stream is left alone. */
static void flush(struct connection *connection)
{
    const void *data = NULL;
    size_t length = 0;
    troth_stream_pending(connection->stream, &data, &length);
    uv_buf_t bytes = uv_buf_init((char *)(uintptr_t)data, (unsigned)length);
    int sent = uv_try_write((uv_stream_t *)&connection->tcp, &bytes, 1);
    if (sent == (int)length) {
        troth_stream_sent(connection->stream, length);
        return;
    }
    if (sent < 0 && sent != UV_EAGAIN) {
        broken(connection, "sending to the peer", sent);
        return;
    }
    struct writing *writing = malloc(sizeof *writing);
    if (writing == NULL) {
        connection_refuse(connection, TROTH_E_MEMORY, "memory is out");
        return;
    }
    writing->connection = connection;
    writing->length = length;
    writing->request.data = writing;
    if (sent > 0) {
        bytes.base += sent;
        bytes.len -= (unsigned)sent;
    }
    int code = uv_write(&writing->request, (uv_stream_t *)&connection->tcp, &bytes, 1, on_written);
    if (code < 0) {
        free(writing);
        broken(connection, "sending to the peer", code);
        return;
    }
    connection->writing = true;
    if (connection->authenticated) {
        const struct server *server = connection->server;
        deadline_set(connection, DEADLINE_ANSWER, uv_now(&server->loop) + (uint64_t)server->options->timeout);
    }
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

/* In a thread of the pool. */
static void step_make(uv_work_t *request)
{
    struct step *step = request->data;
    step->status = troth_stream_step(step->stream, &step->error);
}

static void step_made(uv_work_t *request, int status)
{
    struct step *step = request->data;
    struct connection *connection = step->connection;
    (void)status; /* it is never cancelled */
    connection->stepping = false;
    if (connection->closed) {
        finish(connection);
    } else if (!connection->closing) {
        deadline_set(connection, DEADLINE_HANDSHAKE, uv_now(&connection->server->loop) + step->time_left);
        if (step->status != TROTH_OK) {
            failed(connection, &step->error);
        }
        advance(connection);
    }
    free(step);
}

static void step_begin(struct connection *connection)
{
    struct server *server = connection->server;
    struct step *step = calloc(1, sizeof *step);
    if (step == NULL) {
        connection_refuse(connection, TROTH_E_MEMORY, "memory is out");
        return;
    }
    step->error = (troth_error)TROTH_ERROR_INIT;
    if (troth_stream_claim_step(connection->stream, &step->error) != TROTH_OK) {
        failed(connection, &step->error);
        connection_close(connection);
        free(step);
        return;
    }
    step->connection = connection;
    step->stream = connection->stream;
    step->request.data = step;
    step->time_left = connection->deadline > uv_now(&server->loop) ? connection->deadline - uv_now(&server->loop) : 0;
    deadline_clear(connection);
    connection->stepping = true;
    (void)uv_queue_work(&server->loop, &step->request, step_make, step_made);
}

/* ---- what is due ---------------------------------------------------------------------------------------------- */

static void authenticated(struct connection *connection)
{
    struct server *server = connection->server;
    troth_error error = TROTH_ERROR_INIT;
    char heading[PLATFORM_TEXT + 64];
    connection->authenticated = true;
    server->handshakes--;
    deadline_clear(connection);
    (void)snprintf(heading, sizeof heading, "connection: %llu from %s", (unsigned long long)connection->number,
                   connection->from);
    troth_context *context = troth_stream_context(connection->stream);
    const char *ccache = server->options->delegated_ccache;
    troth_status status = report_context(heading, context, server->options->binding, &error);
    if (status == TROTH_OK && ccache != NULL) {
        status = delegated_store(context, ccache, &error);
    }
    if (status != TROTH_OK) {
        failed(connection, &error);
        connection_close(connection);
    }
    if (status == TROTH_E_IO) {
        server_end(server, EXIT_FAILED); /* nobody reads our words any more */
    }
}

/*
 * A message waits: it goes back as it came, or as much of it as fits now. Under gss-sample the stream has already
 * answered it by itself.
 */
static void echo(struct connection *connection)
{
    troth_error error = TROTH_ERROR_INIT;
    const void *data = NULL;
    size_t length = 0;
    troth_status status = troth_stream_peek(connection->stream, &data, &length, NULL, &error);
    size_t taken = length;
    if (status == TROTH_OK && connection->server->options->stream.framing != TROTH_FRAMING_GSS_SAMPLE) {
        status = troth_stream_send(connection->stream, data, length, &taken, &error);
    }
    /* Bytes may go in part: the rest waits until these are on their way. */
    if (status != TROTH_OK && !(status == TROTH_CONTINUE && taken > 0)) {
        failed(connection, &error);
        connection_close(connection);
        return;
    }
    troth_stream_consume(connection->stream, taken);
    deadline_clear(connection);
}

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    struct server *server = connection->server;
    /* libuv may ask for a second one before it has filled the first. */
    if (server->buffer_lent) {
        buffer->base = malloc(suggested);
        buffer->len = buffer->base != NULL ? (unsigned)suggested : 0;
        return;
    }
    server->buffer_lent = true;
    *buffer = uv_buf_init(server->buffer, sizeof server->buffer);
}

static void return_buffer(struct server *server, const uv_buf_t *buffer)
{
    if (buffer->base == server->buffer) {
        server->buffer_lent = false;
    } else {
        free(buffer->base);
    }
}

/* What the stream does not take now must not lie in the buffer of all; nothing more is read until it has. */
static void keep_input(struct connection *connection)
{
    (void)uv_read_stop((uv_stream_t *)&connection->tcp);
    connection->reading = false;
    char *kept = malloc(connection->input_length);
    if (kept == NULL) {
        connection_refuse(connection, TROTH_E_MEMORY, "memory is out");
        return;
    }
    memcpy(kept, connection->input, connection->input_length);
    connection->kept = kept;
    connection->input = kept;
}

static void on_read(uv_stream_t *tcp, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = tcp->data;
    if (length > 0) {
        connection->input = buffer->base;
        connection->input_length = (size_t)length;
        advance(connection);
        if (!connection->closing && connection->input_length > 0) {
            keep_input(connection);
        }
    } else if (length == UV_EOF || length == UV_ECONNRESET || length == UV_ECONNABORTED) {
        (void)uv_read_stop(tcp);
        connection->reading = false;
        connection->at_end = true;
        advance(connection);
    } else if (length < 0) {
        broken(connection, "waiting for the peer", (int)length);
    }
    return_buffer(connection->server, buffer);
}

/* Gives the stream what has come. */
static void feed(struct connection *connection)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_status status = TROTH_OK;
    size_t taken = 0;
    if (connection->input_length > 0) {
        status = troth_stream_feed(connection->stream, connection->input, connection->input_length, &taken, &error);
        connection->input += taken;
        connection->input_length -= taken;
    } else {
        status = troth_stream_feed_end(connection->stream, &error);
    }
    if (connection->input_length == 0) {
        free(connection->kept);
        connection->kept = NULL;
    }
    if (status != TROTH_OK) {
        failed(connection, &error);
    }
}

/* Nothing is due but bytes from the peer. */
static void await(struct connection *connection)
{
    const struct server *server = connection->server;
    if (connection->authenticated && server->options->idle > 0 && connection->deadline_kind == DEADLINE_NONE) {
        deadline_set(connection, DEADLINE_MESSAGE, uv_now(&server->loop) + (uint64_t)server->options->idle);
    }
    if (!connection->reading) {
        connection->reading = true;
        int code = uv_read_start((uv_stream_t *)&connection->tcp, lend_buffer, on_read);
        if (code < 0) {
            broken(connection, "waiting for the peer", code);
        }
    }
}

/* Does what is due until only the peer, the thread pool or the socket can go on. */
static void advance(struct connection *connection)
{
    while (!connection->closing && !connection->stepping && !connection->writing) {
        uint32_t due = troth_stream_state(connection->stream);
        if ((due & TROTH_STREAM_WANT_WRITE) != 0) {
            flush(connection);
        } else if ((due & TROTH_STREAM_FAILED) != 0) {
            connection_close(connection);
        } else if ((due & TROTH_STREAM_STEP_DUE) != 0) {
            step_begin(connection);
        } else if ((due & TROTH_STREAM_READY) != 0 && !connection->authenticated) {
            authenticated(connection);
        } else if ((due & TROTH_STREAM_DATA) != 0) {
            echo(connection);
        } else if ((due & TROTH_STREAM_ENDED) != 0) {
            connection->served = true;
            connection_close(connection);
        } else if (connection->input_length > 0 || connection->at_end) {
            feed(connection);
        } else {
            await(connection);
            return;
        }
    }
}

/* ---- the beginning -------------------------------------------------------------------------------------------- */

static troth_stream *stream_new(struct server *server, troth_error *error)
{
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    if (troth_context_new(server->credential, &server->options->context, &context, error) == TROTH_OK &&
        troth_stream_new(context, &server->options->stream, &stream, error) != TROTH_OK) {
        troth_context_free(context);
    }
    return stream;
}

void connection_start(struct server *server, troth_socket socket, const char *from)
{
    troth_error error = TROTH_ERROR_INIT;
    size_t from_size = strlen(from) + 1;
    struct connection *connection = calloc(1, sizeof *connection + from_size);
    server->open++;
    if (connection == NULL || uv_tcp_init(&server->loop, &connection->tcp) != 0) {
        report_error(from, "no memory for this connection");
        platform_socket_close(socket);
        free(connection);
        server_connection_gone(server, false);
        return;
    }
    server->handshakes++;
    connection->tcp.data = connection;
    connection->server = server;
    connection->number = server->number;
    memcpy(connection->from, from, from_size);
    int code = uv_tcp_open(&connection->tcp, (uv_os_sock_t)socket);
    if (code != 0) {
        platform_socket_close(socket);
        broken(connection, "taking the connection", code);
        return;
    }
    connection->stream = stream_new(server, &error);
    if (connection->stream == NULL) {
        failed(connection, &error);
        connection_close(connection);
        return;
    }
    deadline_set(connection, DEADLINE_HANDSHAKE, uv_now(&server->loop) + (uint64_t)server->options->timeout);
    advance(connection);
}
