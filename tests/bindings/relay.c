/*
 * relay.c - the man in the middle: ends the TLS of whoever connects with a certificate of its own, begins another TLS
 * connection to the real server, and passes on what it reads, unchanged.
 *
 * usage: relay SERVER-PORT CERTIFICATE KEY
 */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "plumbing.h"

/* Passes on what there is to read. False: one side is at its end. */
static int pass_on(SSL *from, SSL *to, unsigned long *passed)
{
    char buffer[4096];

    do {
        int got = SSL_read(from, buffer, sizeof buffer);
        if (got <= 0)
            return SSL_get_error(from, got) == SSL_ERROR_WANT_READ; /* a session ticket or the like */
        if (SSL_write(to, buffer, got) != got)
            return 0;
        *passed += (unsigned long)got;
    } while (SSL_pending(from) > 0);
    return 1;
}

static unsigned long relay(SSL *one, SSL *other)
{
    unsigned long passed = 0;
    struct pollfd ends[2] = {{SSL_get_fd(one), POLLIN, 0}, {SSL_get_fd(other), POLLIN, 0}};

    while (poll(ends, 2, -1) > 0) {
        if ((ends[0].revents != 0 && !pass_on(one, other, &passed)) ||
            (ends[1].revents != 0 && !pass_on(other, one, &passed)))
            break;
    }
    return passed;
}

static SSL *tls_over(SSL_CTX *settings, troth_socket socket)
{
    SSL *tls = SSL_new(settings);

    if (tls == NULL || SSL_set_fd(tls, (int)socket) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    return tls;
}

int main(int argc, char **argv)
{
    SSL_CTX *inwards = SSL_CTX_new(TLS_server_method());
    SSL_CTX *outwards = SSL_CTX_new(TLS_client_method());

    (void)signal(SIGPIPE, SIG_IGN);
    if (argc != 4 || inwards == NULL || outwards == NULL ||
        SSL_CTX_use_certificate_file(inwards, argv[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(inwards, argv[3], SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return 2;
    }
    /* What is readable may be no data: come back then instead of waiting for some. */
    (void)SSL_CTX_clear_mode(inwards, SSL_MODE_AUTO_RETRY);
    (void)SSL_CTX_clear_mode(outwards, SSL_MODE_AUTO_RETRY);
    troth_socket listener = plumbing_listen("0");
    while (listener != -1) {
        troth_socket client = plumbing_accept(listener);
        troth_socket server = plumbing_connect("127.0.0.1", argv[1]);
        SSL *one = tls_over(inwards, client);
        SSL *other = tls_over(outwards, server);

        if (SSL_accept(one) == 1 && SSL_connect(other) == 1)
            (void)printf("relayed: %lu\n", relay(one, other));
        else
            (void)printf("relayed: nothing\n");
        (void)fflush(stdout);
        (void)SSL_shutdown(one);
        (void)SSL_shutdown(other);
        SSL_free(one);
        SSL_free(other);
        plumbing_close(client);
        plumbing_close(server);
    }
    return 1;
}
