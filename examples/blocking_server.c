/*
 * blocking_server.c - an acceptor with a blocking socket: serves one connection after another, echoing every message.
 *
 * usage: blocking_server PORT
 *
 * The credential is acquired once and serves every connection. pool_server.c serves many at a time with threads, and
 * uv_server.c with an event loop.
 */
#include <stdio.h>

#include "plumbing.h"

/* One whole conversation. Anything but TROTH_OK has its reason in error->text. */
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
        status =
            troth_stream_run(stream, socket, TROTH_STREAM_READY, 0, error); /* everything was verified, or not OK */
    }
    if (status == TROTH_OK) {
        status = troth_context_peer_name(context, &peer, error);
        status = status == TROTH_E_UNAVAILABLE ? TROTH_OK : status; /* Wine's provider does not tell */
    }
    if (status == TROTH_OK) {
        (void)printf("peer: %s\n", peer != NULL ? peer : "(this provider does not tell)");
        (void)fflush(stdout);
    }
    while (status == TROTH_OK) {
        const void *message = NULL;
        size_t length = 0;
        size_t taken = 0;
        /* Sends the answer to the last message as well. */
        status = troth_stream_run(stream, socket, TROTH_STREAM_DATA | TROTH_STREAM_ENDED, TROTH_NO_TIMEOUT, error);
        if (status != TROTH_OK || (troth_stream_state(stream) & TROTH_STREAM_DATA) == 0) {
            break; /* ended: the peer is done */
        }
        status = troth_stream_peek(stream, &message, &length, NULL, error);
        if (status == TROTH_OK) {
            status = troth_stream_send(stream, message, length, &taken, error);
        }
        troth_stream_consume(stream, length);
    }
    if (stream != NULL) {
        troth_stream_free(stream); /* and the context with it */
    } else {
        troth_context_free(context);
    }
    return status;
}

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    if (argc != 2) {
        (void)fprintf(stderr, "usage: blocking_server PORT\n");
        return 2;
    }
    if (troth_credential_acquire(TROTH_ACCEPTOR, NULL, &credential, &error) != TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    troth_socket listener = plumbing_listen(argv[1]);
    for (troth_socket socket = listener; socket != -1;) {
        socket = plumbing_accept(listener);
        if (socket != -1 && serve(credential, socket, &error) != TROTH_OK) {
            (void)fprintf(stderr, "%s\n", error.text); /* one bad peer is no reason to stop */
        }
        plumbing_close(socket);
    }
    plumbing_close(listener);
    troth_credential_free(credential);
    return 1;
}
