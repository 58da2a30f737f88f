/*
 * exchange.c - what a SASL GSSAPI mechanism's exchange does, by Troth: a handshake, and one protected message in each
 * direction. Built over WinPR as well.
 *
 * usage: exchange COUNT     (inside a realm)
 */
#define _POSIX_C_SOURCE 200809L

#include <stdint.h>

#include "clock.h"
#include "troth/troth.h"

static troth_credential *user, *service;

static void message(troth_context *from, troth_context *to)
{
    static const unsigned char offer[4] = {7, 0, 255, 255}; /* as RFC 4752 section 3.3 has it */
    unsigned char room[512];
    troth_error error = TROTH_ERROR_INIT;
    size_t length = 0, got = 0;
    void *data = NULL;

    need(troth_wrap(from, TROTH_PROTECT_CONFIDENTIALITY, offer, sizeof offer, room, sizeof room, &length, &error) ==
             TROTH_OK,
         error.text);
    need(troth_unwrap(to, room, length, &data, &got, NULL, NULL) == TROTH_OK && got == sizeof offer, "troth_unwrap");
}

static void exchange(void)
{
    troth_context_options to = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_status ours = TROTH_CONTINUE, theirs = TROTH_CONTINUE;
    troth_error error = TROTH_ERROR_INIT;
    const void *token = NULL;
    troth_status status;
    const char *name;
    size_t length = 0;

    to.target.service = "troth";
    to.target.host = "server.troth.test";
    need(troth_context_new(user, &to, &initiator, NULL) == TROTH_OK, "troth_context_new");
    need(troth_context_new(service, NULL, &acceptor, NULL) == TROTH_OK, "troth_context_new");
    do {
        ours = troth_context_step(initiator, token, length, &token, &length, &error);
        if (ours > TROTH_CONTINUE || length == 0)
            break;
        theirs = troth_context_step(acceptor, token, length, &token, &length, &error);
    } while (theirs <= TROTH_CONTINUE && length > 0);
    need(ours == TROTH_OK && theirs == TROTH_OK, error.text);
    status = troth_context_peer_name(acceptor, &name, NULL);
    need(status == TROTH_OK || status == TROTH_E_UNAVAILABLE, "troth_context_peer_name"); /* WinPR does not tell */
    message(acceptor, initiator);
    message(initiator, acceptor);
    troth_context_free(initiator);
    troth_context_free(acceptor);
}

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;
    struct spent begin;

    options.mechanism = TROTH_MECHANISM_KERBEROS;
    need(troth_credential_acquire(TROTH_INITIATOR, &options, &user, &error) == TROTH_OK, error.text);
    need(troth_credential_acquire(TROTH_ACCEPTOR, &options, &service, &error) == TROTH_OK, error.text);
    for (unsigned i = 0; i < 5; i++)
        exchange();
    begin = clock_now();
    for (unsigned i = 0; i < count; i++)
        exchange();
    clock_print(clock_since(begin), count);
    troth_credential_free(user);
    troth_credential_free(service);
    return 0;
}
