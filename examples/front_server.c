/*
 * front_server.c - two processes: the front accepts connections and authenticates peers, and hands each socket, with
 * its complete context, to a worker, which has neither a keytab nor a credential and holds the conversation. POSIX.
 *
 * usage: front_server PORT
 *
 * What goes over the socket pair between the two holds the sessions' keys. It is theirs alone, and each wipes its copy.
 */
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plumbing.h"
#include "troth/session.h"

#define TOKEN_MOST 65536

/* One message: the exported context, and the connection beside it. */
static int hand_over(int channel, const void *token, size_t length, int connection)
{
    char control[CMSG_SPACE(sizeof connection)] = {0};
    struct iovec bytes = {NULL, length};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control};
    struct cmsghdr *header;

    memcpy(&bytes.iov_base, &token, sizeof token); /* sendmsg only reads it */
    message.msg_controllen = sizeof control;
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof connection);
    memcpy(CMSG_DATA(header), &connection, sizeof connection);
    return sendmsg(channel, &message, MSG_NOSIGNAL) == (ssize_t)length ? 0 : -1;
}

/* The other end of it. Returns the token's length; 0: the front is gone, or the message was none of its. */
static size_t take_over(int channel, void *token, int *connection)
{
    char control[CMSG_SPACE(sizeof *connection)] = {0};
    struct iovec bytes = {token, TOKEN_MOST};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control};
    const struct cmsghdr *header;
    ssize_t length;

    *connection = -1;
    message.msg_controllen = sizeof control;
    length = recvmsg(channel, &message, 0);
    header = length > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header == NULL || header->cmsg_type != SCM_RIGHTS || (message.msg_flags & MSG_TRUNC) != 0)
        return 0;
    memcpy(connection, CMSG_DATA(header), sizeof *connection);
    return (size_t)length;
}

/* ---- the front ------------------------------------------------------------------------------------------------ */

static void authenticate(troth_credential *credential, troth_socket socket, int channel)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    const void *token = NULL;
    size_t length = 0;

    if (troth_context_new(credential, NULL, &context, &error) != TROTH_OK ||
        troth_authenticate(context, socket, NULL, &error) != TROTH_OK ||
        troth_context_export(context, &token, &length, &error) != TROTH_OK)
        (void)fprintf(stderr, "%s\n", error.text);
    else if (hand_over(channel, token, length, (int)socket) != 0)
        (void)fprintf(stderr, "the worker is gone\n");
    troth_context_free(context); /* wipes the token */
}

/* ---- the worker ----------------------------------------------------------------------------------------------- */

static troth_status converse(troth_context *context, troth_socket socket, troth_stream **stream, troth_error *error)
{
    const void *data = NULL;
    const char *peer = NULL;
    size_t length = 0, taken = 0;
    troth_status status = troth_stream_new(context, NULL, stream, error); /* ready: the handshake was the front's */

    if (status == TROTH_OK)
        status = troth_context_peer_name(context, &peer, error);
    if (status == TROTH_OK) {
        (void)printf("peer: %s\n", peer);
        (void)fflush(stdout);
    }
    while (status == TROTH_OK) {
        status = troth_stream_run(*stream, socket, TROTH_STREAM_DATA | TROTH_STREAM_ENDED, 30000, error);
        if (status != TROTH_OK || (troth_stream_state(*stream) & TROTH_STREAM_DATA) == 0)
            break;
        status = troth_stream_peek(*stream, &data, &length, NULL, error);
        if (status == TROTH_OK)
            status = troth_stream_send(*stream, data, length, &taken, error);
        troth_stream_consume(*stream, length);
    }
    return status;
}

static void work(int channel)
{
    static unsigned char token[TOKEN_MOST];
    int connection = -1;

    for (size_t length; (length = take_over(channel, token, &connection)) > 0; plumbing_close(connection)) {
        troth_error error = TROTH_ERROR_INIT;
        troth_context *context = NULL;
        troth_stream *stream = NULL;
        troth_status status = troth_context_import(token, length, &context, &error);

        explicit_bzero(token, length);
        if (status == TROTH_OK)
            status = converse(context, connection, &stream, &error);
        if (status != TROTH_OK)
            (void)fprintf(stderr, "%s\n", error.text);
        if (stream == NULL)
            troth_context_free(context);
        troth_stream_free(stream); /* and its context */
    }
}

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_socket listener, socket;
    int channel[2];
    pid_t worker;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: front_server PORT\n");
        return 2;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel) != 0 || (worker = fork()) < 0) {
        perror("front_server");
        return 1;
    }
    if (worker == 0) {
        (void)close(channel[0]);
        work(channel[1]);
        return 0;
    }
    (void)close(channel[1]);
    if (troth_credential_acquire(TROTH_ACCEPTOR, NULL, &credential, &error) != TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
    } else if ((listener = plumbing_listen(argv[1])) != -1) {
        while ((socket = plumbing_accept(listener)) != -1) {
            authenticate(credential, socket, channel[0]);
            plumbing_close(socket); /* the worker has its own hold of the connection */
        }
        plumbing_close(listener);
    }
    troth_credential_free(credential);
    (void)close(channel[0]); /* which is how the worker is told */
    (void)waitpid(worker, NULL, 0);
    return 1;
}
