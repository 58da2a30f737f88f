/*
 * gateway.c - acts for its clients towards another server, which sees the client and not the gateway: constrained
 * delegation (S4U2Proxy), or the client's own ticket where it handed one on. POSIX.
 *
 * usage: gateway PORT SERVICE SERVER-NAME  BACK-PORT BACK-SERVICE BACK-NAME
 *
 * The first three are what the gateway is to its clients, the others the server behind it. The KDC decides for which
 * servers the gateway's service may do that, and for whom (docs/delegation.md).
 */
#include <stdbool.h>
#include <stdio.h>

#include "plumbing.h"
#include "troth/delegation.h"

/* A stream of a new context, complete and verified. */
static troth_stream *authenticated(troth_credential *credential, const troth_context_options *options,
                                   troth_socket socket, troth_error *error)
{
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    if (troth_context_new(credential, options, &context, error) != TROTH_OK) {
        return NULL;
    }
    if (troth_stream_new(context, NULL, &stream, error) != TROTH_OK) {
        troth_context_free(context);
        return NULL;
    }
    if (troth_stream_run(stream, socket, TROTH_STREAM_READY, 0, error) != TROTH_OK) {
        troth_stream_free(stream);
        return NULL;
    }
    return stream;
}

/* Waits for a message and sends it on. Returns false at the end of the conversation, and after a failure. */
static bool pass(troth_stream *from, troth_socket from_socket, troth_stream *to, troth_socket to_socket,
                 troth_error *error)
{
    const void *message = NULL;
    size_t length = 0;
    size_t taken = 0;
    if (troth_stream_run(from, from_socket, TROTH_STREAM_DATA | TROTH_STREAM_ENDED, TROTH_NO_TIMEOUT, error) !=
            TROTH_OK ||
        (troth_stream_state(from) & TROTH_STREAM_DATA) == 0 ||
        troth_stream_peek(from, &message, &length, NULL, error) != TROTH_OK ||
        troth_stream_send(to, message, length, &taken, error) != TROTH_OK) {
        return false;
    }
    troth_stream_consume(from, length);
    return troth_stream_run(to, to_socket, 0, 0, error) == TROTH_OK; /* until all is sent */
}

static void serve(troth_credential *gateway, troth_socket socket, const char *back_port, const troth_name *target,
                  troth_error *error)
{
    troth_credential *client = NULL; /* to act with in the client's name */
    troth_stream *back = NULL;
    const char *name = NULL;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_socket back_socket = -1;
    options.flags = TROTH_KEEP_DELEGATED;
    troth_stream *front = authenticated(gateway, &options, socket, error);
    if (front != NULL && troth_context_peer_name(troth_stream_context(front), &name, error) == TROTH_OK &&
        troth_context_delegated_credential(troth_stream_context(front), &client, error) == TROTH_OK) {
        (void)printf("acting for: %s\n", name);
        (void)fflush(stdout);
        options.flags = 0;
        options.target = *target;
        back_socket = plumbing_connect("127.0.0.1", back_port);
        back = back_socket != -1 ? authenticated(client, &options, back_socket, error) : NULL;
    }
    while (back != NULL && pass(front, socket, back, back_socket, error) &&
           pass(back, back_socket, front, socket, error)) {
    }
    troth_stream_free(back); /* all of it may be NULL */
    troth_stream_free(front);
    troth_credential_free(client);
    plumbing_close(back_socket);
}

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *gateway = NULL;
    troth_name target = {.service = NULL};
    if (argc != 7) {
        (void)fprintf(stderr, "usage: gateway PORT SERVICE SERVER-NAME  BACK-PORT BACK-SERVICE BACK-NAME\n");
        return 2;
    }
    options.flags = TROTH_CREDENTIAL_PROXY; /* without it a client that handed nothing on cannot be acted for */
    options.name.service = argv[2];
    options.name.host = argv[3];
    target.service = argv[5];
    target.host = argv[6];
    if (troth_credential_acquire(TROTH_ACCEPTOR, &options, &gateway, &error) != TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    troth_socket listener = plumbing_listen(argv[1]);
    for (troth_socket socket = listener; socket != -1;) {
        socket = plumbing_accept(listener);
        if (socket != -1) {
            error = (troth_error)TROTH_ERROR_INIT;
            serve(gateway, socket, argv[4], &target, &error);
            if (error.status != TROTH_OK) {
                (void)fprintf(stderr, "%s\n", error.text); /* one connection's end is not the gateway's */
            }
        }
        plumbing_close(socket);
    }
    plumbing_close(listener);
    troth_credential_free(gateway);
    return 1;
}
