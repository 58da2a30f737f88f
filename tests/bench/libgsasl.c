/*
 * libgsasl.c - exchanges of GNU SASL's GSSAPI mechanism, both sides.
 *
 * usage: libgsasl COUNT     (inside a realm)
 */
#define _POSIX_C_SOURCE 200809L

#include <gsasl.h>

#include "clock.h"

#define MECHANISM "GSSAPI"

static Gsasl *library;

static int ask(Gsasl *gsasl, Gsasl_session *session, Gsasl_property property)
{
    (void)gsasl;
    switch (property) {
    case GSASL_SERVICE:
        gsasl_property_set(session, property, "troth");
        return GSASL_OK;
    case GSASL_HOSTNAME:
        gsasl_property_set(session, property, "server.troth.test");
        return GSASL_OK;
    case GSASL_AUTHZID:
        gsasl_property_set(session, property, "user");
        return GSASL_OK;
    case GSASL_VALIDATE_GSSAPI:
        return gsasl_property_fast(session, GSASL_GSSAPI_DISPLAY_NAME) != NULL ? GSASL_OK : GSASL_AUTHENTICATION_ERROR;
    default:
        return GSASL_NO_CALLBACK;
    }
}

static void exchange(void)
{
    Gsasl_session *client = NULL, *server = NULL;
    char *token = NULL, *answer = NULL;
    size_t length = 0, answer_length = 0;
    int ours = GSASL_NEEDS_MORE, theirs = GSASL_NEEDS_MORE;

    need(gsasl_client_start(library, MECHANISM, &client) == GSASL_OK &&
             gsasl_server_start(library, MECHANISM, &server) == GSASL_OK,
         "making two ends");
    while (ours == GSASL_NEEDS_MORE || theirs == GSASL_NEEDS_MORE) {
        if (ours == GSASL_NEEDS_MORE) {
            ours = gsasl_step(client, answer, answer_length, &token, &length);
            need(ours == GSASL_OK || ours == GSASL_NEEDS_MORE, gsasl_strerror(ours));
        } else {
            length = 0;
        }
        gsasl_free(answer);
        answer = NULL;
        if (theirs == GSASL_NEEDS_MORE) {
            theirs = gsasl_step(server, token, length, &answer, &answer_length);
            need(theirs == GSASL_OK || theirs == GSASL_NEEDS_MORE, gsasl_strerror(theirs));
        }
        gsasl_free(token);
        token = NULL;
    }
    gsasl_free(answer);
    gsasl_finish(client);
    gsasl_finish(server);
}

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    struct spent begin;

    need(gsasl_init(&library) == GSASL_OK, "beginning");
    gsasl_callback_set(library, ask);
    for (unsigned i = 0; i < 5; i++)
        exchange();
    begin = clock_now();
    for (unsigned i = 0; i < count; i++)
        exchange();
    clock_print(clock_since(begin), count);
    gsasl_done(library);
    return 0;
}
