/*
 * blocking_client.c - an initiator with a blocking socket: authenticates a server and itself, sends one message
 * encrypted, and prints the answer.
 *
 * usage: blocking_client HOST PORT SERVICE SERVER-NAME MESSAGE
 *
 * HOST is where to connect, SERVER-NAME whom to find there: never derive the second from what a network says of the
 * first.
 */
#include <stdio.h>
#include <string.h>

#include "plumbing.h"

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT; /* requests and requires all there is */
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    const char *peer = NULL;
    const void *answer = NULL;
    size_t length = 0;
    if (argc != 6) {
        (void)fprintf(stderr, "usage: blocking_client HOST PORT SERVICE SERVER-NAME MESSAGE\n");
        return 2;
    }
    options.target.service = argv[3];
    options.target.host = argv[4];
    troth_socket socket = plumbing_connect(argv[1], argv[2]);
    if (socket == -1) {
        return 1;
    }

    /* The tickets of kinit, or of the Windows logon. The first call that fails ends it, and says why in error. */
    if (troth_credential_acquire(TROTH_INITIATOR, NULL, &credential, &error) == TROTH_OK &&
        troth_context_new(credential, &options, &context, &error) == TROTH_OK &&
        troth_stream_new(context, NULL, &stream, &error) == TROTH_OK &&
        troth_stream_run(stream, socket, TROTH_STREAM_READY, 0, &error) == TROTH_OK && /* everything was verified */
        troth_context_peer_name(context, &peer, &error) == TROTH_OK &&
        troth_stream_send(stream, argv[5], strlen(argv[5]), &length, &error) == TROTH_OK &&
        troth_stream_run(stream, socket, TROTH_STREAM_DATA, 0, &error) == TROTH_OK &&
        troth_stream_peek(stream, &answer, &length, NULL, &error) == TROTH_OK) {
        (void)printf("peer: %s\nanswer: %.*s\n", peer, (int)length, (const char *)answer);
    } else {
        (void)fprintf(stderr, "%s\n", error.text);
    }
    if (stream == NULL) {
        troth_context_free(context); /* all of it may be NULL */
    }
    troth_stream_free(stream); /* and its context */
    troth_credential_free(credential);
    plumbing_close(socket);
    return error.status == TROTH_OK ? 0 : 1;
}
