/* inetd_server.c - an acceptor in thirty lines: started with a connected socket, it echoes one message and ends. */
#include <stdio.h>

#include <troth/stream.h>

int main(void)
{
    const troth_socket socket = 0; /* as inetd, or systemd with Accept=yes, gives it */
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    const char *peer = NULL;
    char message[4096];
    size_t length = 0;
    void *text = NULL;

    if (troth_credential_acquire(TROTH_ACCEPTOR, NULL, &credential, &error) == TROTH_OK &&
        troth_context_new(credential, NULL, &context, &error) == TROTH_OK &&
        troth_authenticate(context, socket, NULL, &error) == TROTH_OK && /* TROTH_OK: everything was verified */
        troth_context_peer_name(context, &peer, &error) == TROTH_OK &&
        troth_frame_receive(socket, NULL, NULL, message, sizeof message, &length, &error) == TROTH_OK &&
        troth_unwrap(context, message, length, &text, &length, NULL, &error) == TROTH_OK &&
        troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, text, length, message, sizeof message, &length, &error) ==
            TROTH_OK &&
        troth_frame_send(socket, NULL, 0, message, length, &error) == TROTH_OK) {
        printf("served %s\n", peer);
    }
    if (error.status != TROTH_OK) {
        fprintf(stderr, "%s\n", error.text); /* what, to whom, by which mechanism, why, and what to do about it */
    }
    troth_context_free(context);
    troth_credential_free(credential);
    return error.status == TROTH_OK ? 0 : 1;
}
