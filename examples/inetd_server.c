/* inetd_server.c - an acceptor in thirty lines: started with a connected socket, it echoes one message and ends. */
#include <stdio.h>

#include <troth/stream.h>

int main(void)
{
    const troth_socket socket = 0; /* as inetd, or systemd with Accept=yes, gives it */
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    const char *peer = NULL;
    const void *text = NULL;
    size_t length = 0;

    if (troth_credential_acquire(TROTH_ACCEPTOR, NULL, &credential, &error) == TROTH_OK &&
        troth_context_new(credential, NULL, &context, &error) == TROTH_OK &&
        troth_stream_new(context, NULL, &stream, &error) == TROTH_OK &&
        troth_stream_run(stream, socket, TROTH_STREAM_READY, 0, &error) == TROTH_OK && /* everything was verified */
        troth_context_peer_name(context, &peer, &error) == TROTH_OK &&
        troth_stream_run(stream, socket, TROTH_STREAM_DATA, 0, &error) == TROTH_OK &&
        troth_stream_peek(stream, &text, &length, NULL, &error) == TROTH_OK &&
        troth_stream_send(stream, text, length, &length, &error) == TROTH_OK &&
        troth_stream_run(stream, socket, 0, 0, &error) == TROTH_OK) { /* nothing awaited: only sends */
        printf("served %s\n", peer);
    }
    if (error.status != TROTH_OK) {
        fprintf(stderr, "%s\n", error.text); /* what, to whom, by which mechanism, why, and what to do about it */
    }
    if (stream == NULL) {
        troth_context_free(context);
    }
    troth_stream_free(stream); /* and its context */
    troth_credential_free(credential);
    return error.status == TROTH_OK ? 0 : 1;
}
