/*
 * blocking_server.c - an acceptor with a blocking socket: serves one connection after another, echoing every message.
 *
 * usage: blocking_server PORT
 *
 * The credential is acquired once and serves every connection. A real server gives each connection a thread: the
 * credential may be shared by all of them, a context belongs to one.
 */
#include <stdio.h>

#include "plumbing.h"

/* One whole conversation. Anything but TROTH_OK has its reason in error->text. */
static troth_status serve(troth_credential *credential, troth_socket socket, troth_error *error)
{
    static char buffer[TROTH_DEFAULT_FRAME_LIMIT];
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;
    const char *peer = NULL;

    /* An acceptor's default leaves replay and sequence detection to the initiator; over our own framing ask for them.
     */
    options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION;
    troth_status status = troth_context_new(credential, &options, &context, error);
    if (status == TROTH_OK) {
        status = troth_authenticate(context, socket, NULL, error);
    }
    if (status == TROTH_OK) {
        status = troth_context_peer_name(context, &peer, error);
    }
    if (status == TROTH_OK) {
        (void)printf("peer: %s\n", peer);
        (void)fflush(stdout);
    }
    while (status == TROTH_OK) {
        void *message = NULL;
        size_t length = 0;
        status = troth_frame_receive(socket, NULL, NULL, buffer, sizeof buffer, &length, error);
        if (status == TROTH_E_CLOSED && length == 0) {
            status = TROTH_OK; /* closed between two frames: the peer is done */
            break;
        }
        if (status == TROTH_OK) {
            status = troth_unwrap(context, buffer, length, &message, &length, NULL, error);
        }
        if (status == TROTH_OK) {
            status = troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, message, length, buffer, sizeof buffer, &length,
                                error);
        }
        if (status == TROTH_OK) {
            status = troth_frame_send(socket, NULL, 0, buffer, length, error);
        }
    }
    troth_context_free(context);
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
