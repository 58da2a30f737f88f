/*
 * uv_server.c - an acceptor in an event loop: holds thousands of conversations in one thread, echoing every message.
 * The loop is libuv's, so that this source is a Linux server and a Windows one.
 *
 * usage: uv_server PORT
 *
 * A troth_stream does no I/O. advance() asks it what is due and does that, until only the peer, the socket or the
 * thread pool can go on; then one of libuv's callbacks calls it again. The step of a handshake is the one call that may
 * block (on a KDC), so it goes to libuv's thread pool, and the loop leaves that stream alone meanwhile.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "troth/stream.h"

#define HANDSHAKE_TIMEOUT 10000 /* ms: who has not authenticated itself by then is cut off */
#define READ_SIZE 16384u

struct connection {
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_write_t write;
    troth_stream *stream;
    size_t writing; /* bytes of the stream that libuv sends just now; 0: none */
    int stepping;   /* the thread pool has the stream */
    int authenticated;
    int closing;
    int holders; /* the socket, the timer and a step: the last one gone frees it */
};

/* Made for a step alone: a connection that idles has no use for room for an error. */
struct step {
    uv_work_t work;
    struct connection *connection;
    troth_stream *stream;
    troth_status status;
    troth_error error;
};

static troth_credential *credential; /* one for all, in every thread */

static void advance(struct connection *connection);

/* ---- the end -------------------------------------------------------------------------------------------------- */

static void let_go(struct connection *connection)
{
    if (--connection->holders == 0) {
        free(connection);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

static void on_tcp_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    /* libuv sends from the stream's memory no more; and if a step runs, its end frees the stream. */
    troth_stream_free(connection->stream);
    let_go(connection);
}

static void finish(struct connection *connection)
{
    if (!connection->closing) {
        connection->closing = 1;
        uv_close((uv_handle_t *)&connection->timer, on_timer_closed);
        uv_close((uv_handle_t *)&connection->tcp, on_tcp_closed);
    }
}

/* One bad peer is no reason to stop. */
static void refuse(struct connection *connection, const char *why)
{
    (void)fprintf(stderr, "%s\n", why);
    finish(connection);
}

static void on_timeout(uv_timer_t *timer)
{
    refuse(timer->data, "a peer did not authenticate itself in time");
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

static void step_in_pool(uv_work_t *work)
{
    struct step *step = work->data;
    step->status = troth_stream_step(step->stream, &step->error);
}

static void after_step(uv_work_t *work, int status)
{
    struct step *step = work->data;
    struct connection *connection = step->connection;
    (void)status;
    connection->stepping = 0;
    if (!connection->closing) {
        if (step->status != TROTH_OK) {
            (void)fprintf(stderr, "%s\n", step->error.text);
        }
        advance(connection); /* also after a failure: there may be a token that tells the peer of it */
    }
    let_go(connection);
    free(step);
}

static void step_begin(struct connection *connection)
{
    struct step *step = calloc(1, sizeof *step);
    if (step == NULL || troth_stream_claim_step(connection->stream, NULL) != TROTH_OK) {
        free(step);
        refuse(connection, "memory is out");
        return;
    }
    step->error = (troth_error)TROTH_ERROR_INIT;
    step->connection = connection;
    step->stream = connection->stream;
    step->work.data = step;
    connection->stepping = 1;
    connection->holders++;
    (void)uv_read_stop((uv_stream_t *)&connection->tcp);
    (void)uv_queue_work(connection->tcp.loop, &step->work, step_in_pool, after_step);
}

/* ---- bytes ---------------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;
    if (connection->closing) {
        return;
    }
    if (status < 0) {
        refuse(connection, uv_strerror(status));
        return;
    }
    troth_stream_sent(connection->stream, connection->writing);
    connection->writing = 0;
    advance(connection);
}

/* While bytes of it are on their way the stream is left alone, and so nothing is read: a peer that takes no answers
 * gets no more of them. */
static void write_begin(struct connection *connection)
{
    const void *data = NULL;
    troth_stream_pending(connection->stream, &data, &connection->writing);
    uv_buf_t buffer = uv_buf_init((char *)(uintptr_t)data, (unsigned)connection->writing);
    (void)uv_read_stop((uv_stream_t *)&connection->tcp);
    int code = uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &buffer, 1, on_written);
    if (code < 0) {
        refuse(connection, uv_strerror(code));
    }
}

/* Room for what the stream takes, and no more: then nothing is ever left over. */
static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    size_t wanted = troth_stream_wanted(connection->stream);
    (void)suggested;
    wanted = wanted < READ_SIZE ? wanted : READ_SIZE;
    *buffer = uv_buf_init(malloc(wanted), (unsigned)wanted);
}

static void on_read(uv_stream_t *tcp, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = tcp->data;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status = TROTH_OK;
    size_t taken = 0;
    if (length > 0) {
        status = troth_stream_feed(connection->stream, buffer->base, (size_t)length, &taken, &error);
    } else if (length < 0) {
        (void)uv_read_stop(tcp);
        status = troth_stream_feed_end(connection->stream, &error); /* an end, or a cut: the stream knows */
    }
    free(buffer->base);
    if (status != TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
    }
    if (length != 0) {
        advance(connection);
    }
}

/* ---- the conversation ----------------------------------------------------------------------------------------- */

static void authenticated(struct connection *connection)
{
    troth_error error = TROTH_ERROR_INIT;
    const char *peer = NULL;
    connection->authenticated = 1;
    (void)uv_timer_stop(&connection->timer);
    troth_status status = troth_context_peer_name(troth_stream_context(connection->stream), &peer, &error);
    if (status != TROTH_OK && status != TROTH_E_UNAVAILABLE) {
        refuse(connection, error.text);
        return;
    }
    (void)printf("peer: %s\n", peer != NULL ? peer : "(this provider does not tell)"); /* Wine's does not */
    (void)fflush(stdout);
}

/* A verified message waits. What a real server does with it stands here. */
static void answer(struct connection *connection)
{
    troth_error error = TROTH_ERROR_INIT;
    const void *data = NULL;
    size_t length = 0;
    size_t taken = 0;
    if (troth_stream_peek(connection->stream, &data, &length, NULL, &error) != TROTH_OK ||
        troth_stream_send(connection->stream, data, length, &taken, &error) != TROTH_OK) {
        refuse(connection, error.text);
        return;
    }
    troth_stream_consume(connection->stream, length);
}

static void advance(struct connection *connection)
{
    while (!connection->closing && !connection->stepping && connection->writing == 0) {
        uint32_t due = troth_stream_state(connection->stream);
        if ((due & TROTH_STREAM_WANT_WRITE) != 0) {
            write_begin(connection);
        } else if ((due & (TROTH_STREAM_FAILED | TROTH_STREAM_ENDED)) != 0) {
            finish(connection);
        } else if ((due & TROTH_STREAM_STEP_DUE) != 0) {
            step_begin(connection);
        } else if ((due & TROTH_STREAM_READY) != 0 && !connection->authenticated) {
            authenticated(connection);
        } else if ((due & TROTH_STREAM_DATA) != 0) {
            answer(connection);
        } else { /* TROTH_STREAM_WANT_READ; starting twice does no harm */
            (void)uv_read_start((uv_stream_t *)&connection->tcp, give_room, on_read);
            return;
        }
    }
}

/* ---- the beginning -------------------------------------------------------------------------------------------- */

/* A context for one peer, and a stream that owns it from then on. */
static troth_stream *stream_new(void)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    if (troth_context_new(credential, NULL, &context, &error) == TROTH_OK &&
        troth_stream_new(context, NULL, &stream, &error) != TROTH_OK) {
        troth_context_free(context);
    }
    if (stream == NULL) {
        (void)fprintf(stderr, "%s\n", error.text);
    }
    return stream;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct connection *connection = status == 0 ? calloc(1, sizeof *connection) : NULL;
    if (connection == NULL) {
        (void)fprintf(stderr, "a connection is lost: %s\n", status < 0 ? uv_strerror(status) : "memory is out");
        return;
    }
    (void)uv_tcp_init(listener->loop, &connection->tcp);
    (void)uv_timer_init(listener->loop, &connection->timer);
    connection->tcp.data = connection->timer.data = connection->write.data = connection;
    connection->holders = 2;
    connection->stream = stream_new();
    if (uv_accept(listener, (uv_stream_t *)&connection->tcp) != 0 || connection->stream == NULL) {
        finish(connection);
        return;
    }
    (void)uv_tcp_nodelay(&connection->tcp, 1);
    (void)uv_timer_start(&connection->timer, on_timeout, HANDSHAKE_TIMEOUT, 0);
    advance(connection);
}

static int listen_at(uv_loop_t *loop, uv_tcp_t *listener, int port)
{
    struct sockaddr_in address;
    int length = sizeof address;
    int code = uv_ip4_addr("127.0.0.1", port, &address);
    if (code != 0 || (code = uv_tcp_init(loop, listener)) != 0 ||
        (code = uv_tcp_bind(listener, (const struct sockaddr *)&address, 0)) != 0 ||
        (code = uv_listen((uv_stream_t *)listener, 1024, on_connection)) != 0 ||
        (code = uv_tcp_getsockname(listener, (struct sockaddr *)&address, &length)) != 0) {
        (void)fprintf(stderr, "cannot listen: %s\n", uv_strerror(code));
        return -1;
    }
    const unsigned char *bytes = (const unsigned char *)&address.sin_port; /* big-endian */
    (void)printf("listening: %u\n", bytes[0] * 256u + bytes[1]);
    (void)fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: uv_server PORT\n");
        return 2;
    }
#ifdef SIGPIPE
    (void)signal(SIGPIPE, SIG_IGN); /* a peer that has gone is an error of uv_write */
#endif
    if (troth_credential_acquire(TROTH_ACCEPTOR, NULL, &credential, &error) != TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    if (listen_at(loop, &listener, atoi(argv[1])) == 0) {
        (void)uv_run(loop, UV_RUN_DEFAULT);
    }
    troth_credential_free(credential);
    return 1;
}
