/*
 * cyrus.c - exchanges of Cyrus SASL's GSSAPI mechanism, both sides, with a security layer of confidentiality.
 *
 * usage: cyrus COUNT     (inside a realm)
 */
#define _POSIX_C_SOURCE 200809L

#include <sasl/sasl.h>

#include "clock.h"

#define MECHANISM "GSSAPI"

typedef int callback(void);
typedef void function(void);

static int no_name(void *context, int id, const char **result, unsigned *length)
{
    (void)context;
    (void)id;
    *result = "";
    if (length != NULL)
        *length = 0;
    return SASL_OK;
}

static void exchange(const sasl_callback_t *callbacks)
{
    sasl_security_properties_t layers = {.min_ssf = 0, .max_ssf = 256, .maxbufsize = 65536};
    sasl_conn_t *client = NULL, *server = NULL;
    const char *token = NULL, *chosen = NULL;
    const void *name = NULL;
    unsigned length = 0;
    int ours, theirs;

    need(sasl_server_new("troth", "server.troth.test", NULL, NULL, NULL, NULL, 0, &server) == SASL_OK &&
             sasl_client_new("troth", "server.troth.test", NULL, NULL, callbacks, 0, &client) == SASL_OK &&
             sasl_setprop(server, SASL_SEC_PROPS, &layers) == SASL_OK &&
             sasl_setprop(client, SASL_SEC_PROPS, &layers) == SASL_OK,
         "making two ends");
    ours = sasl_client_start(client, MECHANISM, NULL, &token, &length, &chosen);
    need(ours == SASL_CONTINUE || ours == SASL_OK, sasl_errdetail(client));
    theirs = sasl_server_start(server, chosen, token, length, &token, &length);
    while (theirs == SASL_CONTINUE) {
        ours = sasl_client_step(client, token, length, NULL, &token, &length);
        need(ours == SASL_CONTINUE || ours == SASL_OK, sasl_errdetail(client));
        theirs = sasl_server_step(server, token, length, &token, &length);
    }
    need(theirs == SASL_OK && ours == SASL_OK, sasl_errdetail(server));
    need(sasl_getprop(server, SASL_USERNAME, &name) == SASL_OK && name != NULL, "the client's name");
    sasl_dispose(&client);
    sasl_dispose(&server);
}

int main(int argc, char **argv)
{
    const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    const sasl_callback_t callbacks[] = {
        {SASL_CB_USER, (callback *)(function *)no_name, NULL},
        {SASL_CB_AUTHNAME, (callback *)(function *)no_name, NULL},
        {SASL_CB_LIST_END, NULL, NULL},
    };
    struct spent begin;

    need(sasl_client_init(NULL) == SASL_OK && sasl_server_init(NULL, "troth-bench") == SASL_OK, "beginning");
    for (unsigned i = 0; i < 5; i++)
        exchange(callbacks);
    begin = clock_now();
    for (unsigned i = 0; i < count; i++)
        exchange(callbacks);
    clock_print(clock_since(begin), count);
    return 0;
}
