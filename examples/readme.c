/* readme.c - the example of README.md: a client authenticates over a connected socket, asks, and reads the answer. */
#include <stdio.h>
#include <string.h>
#include <troth/stream.h>

int ask(troth_socket socket, const char *host, const char *question);

int ask(troth_socket socket, const char *host, const char *question)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *me = NULL;
    troth_context *context = NULL;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_stream *stream = NULL;
    const void *answer = NULL;
    size_t length = 0;

    options.target.service = "host";
    options.target.host = host;
    /* Who we are comes from the platform: the tickets of kinit, or the Windows logon. */
    if (troth_credential_acquire(TROTH_INITIATOR, NULL, &me, &error) == TROTH_OK &&
        troth_context_new(me, &options, &context, &error) == TROTH_OK &&
        troth_stream_new(context, NULL, &stream, &error) == TROTH_OK &&
        /* TROTH_OK from here on: both ends are proved, and what follows is encrypted. */
        troth_stream_run(stream, socket, TROTH_STREAM_READY, 0, &error) == TROTH_OK &&
        troth_stream_send(stream, question, strlen(question), &length, &error) == TROTH_OK &&
        troth_stream_run(stream, socket, TROTH_STREAM_DATA, 0, &error) == TROTH_OK &&
        troth_stream_peek(stream, &answer, &length, NULL, &error) == TROTH_OK) {
        fwrite(answer, 1, length, stdout);
    } else {
        /* What was being done, what went wrong, and what to do about it. */
        fprintf(stderr, "%s\n", error.text);
    }
    if (stream == NULL)
        troth_context_free(context);
    troth_stream_free(stream); /* and its context */
    troth_credential_free(me);
    return error.status == TROTH_OK ? 0 : 1;
}
