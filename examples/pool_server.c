/*
 * pool_server.c - an acceptor with a pool of threads, each of which serves one blocking conversation after another, and
 * one credential that all of them share.
 *
 * usage: pool_server PORT THREADS
 *
 * A credential may be used by any number of threads at a time; a stream, with its context, belongs to one. To hold more
 * conversations than threads, see uv_server.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "plumbing.h"

struct pool {
    troth_credential *credential;
    troth_socket listener;
};

static troth_status echo(troth_stream *stream, troth_socket socket, troth_error *error)
{
    const void *data = NULL;
    size_t length = 0;
    size_t taken = 0;
    troth_status status = TROTH_OK;
    while (status == TROTH_OK) {
        /* Sends what is pending as well. Half an hour of silence is enough. */
        status = troth_stream_run(stream, socket, TROTH_STREAM_DATA | TROTH_STREAM_ENDED, 1800000, error);
        if (status != TROTH_OK || (troth_stream_state(stream) & TROTH_STREAM_DATA) == 0) {
            break;
        }
        status = troth_stream_peek(stream, &data, &length, NULL, error);
        if (status == TROTH_OK) {
            status = troth_stream_send(stream, data, length, &taken, error);
        }
        troth_stream_consume(stream, length);
    }
    return status;
}

static troth_status serve(troth_credential *credential, troth_socket socket, troth_error *error)
{
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    const char *peer = NULL;
    troth_status status = troth_context_new(credential, NULL, &context, error);
    if (status == TROTH_OK) {
        status = troth_stream_new(context, NULL, &stream, error);
    }
    if (status == TROTH_OK) {
        status = troth_stream_run(stream, socket, TROTH_STREAM_READY, 10000, error); /* verified, or not OK */
    }
    if (status == TROTH_OK) {
        status = troth_context_peer_name(context, &peer, error);
        status = status == TROTH_E_UNAVAILABLE ? TROTH_OK : status; /* Wine's provider does not tell */
    }
    if (status == TROTH_OK) {
        (void)printf("peer: %s\n", peer != NULL ? peer : "(this provider does not tell)");
        (void)fflush(stdout);
        status = echo(stream, socket, error);
    }
    if (stream != NULL) {
        troth_stream_free(stream); /* and the context with it */
    } else {
        troth_context_free(context);
    }
    return status;
}

/* Each thread: they all wait for the next connection, and the system gives it to one of them. */
static void work(void *argument)
{
    const struct pool *pool = argument;
    for (troth_socket socket = pool->listener; socket != -1;) {
        troth_error error = TROTH_ERROR_INIT;
        socket = plumbing_accept(pool->listener);
        if (socket != -1 && serve(pool->credential, socket, &error) != TROTH_OK) {
            (void)fprintf(stderr, "%s\n", error.text);
        }
        plumbing_close(socket);
    }
}

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    struct pool pool = {NULL, -1};
    if (argc != 3) {
        (void)fprintf(stderr, "usage: pool_server PORT THREADS\n");
        return 2;
    }
    if (troth_credential_acquire(TROTH_ACCEPTOR, NULL, &pool.credential, &error) != TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    pool.listener = plumbing_listen(argv[1]);
    if (pool.listener != -1) {
        plumbing_threads((unsigned)strtoul(argv[2], NULL, 10), work, &pool);
        plumbing_close(pool.listener);
    }
    troth_credential_free(pool.credential);
    return 1;
}
