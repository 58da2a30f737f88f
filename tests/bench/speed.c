/*
 * speed.c - one part of a conversation, done so many times by raw GSSAPI written naively, by raw GSSAPI at its best, or
 * by Troth: speed.py lets them have their turns, each in a process of its own, and makes a table of it.
 *
 * usage: speed WHAT naive|best|troth COUNT   prints microseconds for one
 *        speed messages|memory troth 0       prints the rows of a table
 *
 * Run in a realm (tests/realm). Client names are delivered, the replay cache is on.
 */
#define _DEFAULT_SOURCE

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "speed.h"

#define FLAGS (GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG)

static const char *const who_names[WHO] = {"naive", "best", "troth"};

static unsigned char krb5_bytes[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static unsigned char spnego_bytes[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static gss_OID_desc kerberos = {sizeof krb5_bytes, krb5_bytes};
static gss_OID_desc spnego = {sizeof spnego_bytes, spnego_bytes};
krb5_context krb5;
struct world world;

/* ---- credentials ---------------------------------------------------------------------------------------------- */

static gss_cred_id_t best_credential(gss_cred_usage_t usage, const char *key, const char *value)
{
    gss_key_value_element_desc element = {key, value};
    gss_key_value_set_desc store = {1, &element};
    gss_OID_set_desc set = {1, &kerberos};
    gss_cred_id_t made = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    need(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, usage, &store, &made, NULL, NULL) ==
             GSS_S_COMPLETE,
         "gss_acquire_cred_from");
    need(gss_add_cred_from(&minor, made, GSS_C_NO_NAME, &spnego, usage, GSS_C_INDEFINITE, GSS_C_INDEFINITE, &store,
                           NULL, NULL, NULL, NULL) == GSS_S_COMPLETE,
         "gss_add_cred_from");
    need(gss_set_neg_mechs(&minor, made, &set) == GSS_S_COMPLETE, "gss_set_neg_mechs");
    return made;
}

static gss_name_t import_target(void)
{
    static char text[] = "troth@server.troth.test";
    gss_buffer_desc buffer = {sizeof text - 1, text};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;

    need(gss_import_name(&minor, &buffer, GSS_C_NT_HOSTBASED_SERVICE, &name) == GSS_S_COMPLETE, "gss_import_name");
    return name;
}

static void world_begin(enum who who, bool negotiate, unsigned keys, unsigned tickets)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    gss_name_t name;
    OM_uint32 minor;

    world.negotiate = negotiate;
    make_keytab(keys);
    make_ccache(tickets);
    setenv("KRB5_KTNAME", world.keytab, 1);
    setenv("KRB5CCNAME", world.ccache, 1);
    world.accept = best_credential(GSS_C_ACCEPT, "keytab", world.memory_keytab);
    world.initiate = best_credential(GSS_C_INITIATE, "ccache", world.memory_ccache);
    name = import_target();
    need(gss_canonicalize_name(&minor, name, &kerberos, &world.target) == GSS_S_COMPLETE, "gss_canonicalize_name");
    gss_release_name(&minor, &name);
    options.mechanism = negotiate ? TROTH_MECHANISM_NEGOTIATE : TROTH_MECHANISM_KERBEROS;
    need(who != TROTH || (troth_credential_acquire(TROTH_ACCEPTOR, &options, &world.acceptor, NULL) == TROTH_OK &&
                          troth_credential_acquire(TROTH_INITIATOR, &options, &world.initiator, NULL) == TROTH_OK),
         "troth_credential_acquire");
    /* A file of the last tenth of a second is read twice, since it may change within a tick of its clock: not counted.
     */
    nanosleep(&(struct timespec){0, 150000000}, NULL);
    if (who == NAIVE) { /* who knows nothing of what an open one is good for */
        krb5_free_context(krb5);
        krb5 = NULL;
    }
}

/* ---- the two sides -------------------------------------------------------------------------------------------- */

static void side_free(struct side *side)
{
    OM_uint32 minor;

    if (side->raw != GSS_C_NO_CONTEXT)
        gss_delete_sec_context(&minor, &side->raw, GSS_C_NO_BUFFER);
    if (side->target != GSS_C_NO_NAME)
        gss_release_name(&minor, &side->target);
    gss_release_buffer(&minor, &side->out);
    troth_context_free(side->troth);
    *side = (struct side){.who = side->who};
}

/* One step of the initiator. Returns whether it is complete. */
static bool initiate(struct side *side, const void *in, size_t length)
{
    gss_buffer_desc token = {length, NULL};
    OM_uint32 major, minor, flags;

    if (side->who == TROTH) {
        troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
        troth_status status;

        options.target.service = "troth";
        options.target.host = "server.troth.test";
        if (side->troth == NULL)
            need(troth_context_new(world.initiator, &options, &side->troth, NULL) == TROTH_OK, "troth_context_new");
        status = troth_context_step(side->troth, in, length, &side->data, &side->length, NULL);
        need(status == TROTH_OK || status == TROTH_CONTINUE, "an initiator's step");
        return status == TROTH_OK;
    }
    if (side->who == NAIVE && side->target == GSS_C_NO_NAME)
        side->target = import_target();
    memcpy(&token.value, &in, sizeof in);
    gss_release_buffer(&minor, &side->out);
    major = gss_init_sec_context(&minor, side->who == BEST ? world.initiate : GSS_C_NO_CREDENTIAL, &side->raw,
                                 side->who == BEST ? world.target : side->target, world.negotiate ? &spnego : &kerberos,
                                 FLAGS, 0, GSS_C_NO_CHANNEL_BINDINGS, &token, NULL, &side->out, &flags, NULL);
    need(!GSS_ERROR(major), "gss_init_sec_context");
    side->data = side->out.value;
    side->length = side->out.length;
    return major == GSS_S_COMPLETE;
}

/* One step of the acceptor, and the client's name when it is complete. */
static bool accept_step(struct side *side, const void *in, size_t length)
{
    gss_buffer_desc token = {length, NULL}, shown = GSS_C_EMPTY_BUFFER;
    gss_name_t client = GSS_C_NO_NAME;
    OM_uint32 major, minor, flags;

    if (side->who == TROTH) {
        troth_status status;
        const char *name;

        if (side->troth == NULL)
            need(troth_context_new(world.acceptor, NULL, &side->troth, NULL) == TROTH_OK, "troth_context_new");
        status = troth_context_step(side->troth, in, length, &side->data, &side->length, NULL);
        need(status == TROTH_OK || status == TROTH_CONTINUE, "an acceptor's step");
        if (status == TROTH_OK)
            need(troth_context_peer_name(side->troth, &name, NULL) == TROTH_OK, "troth_context_peer_name");
        return status == TROTH_OK;
    }
    memcpy(&token.value, &in, sizeof in);
    gss_release_buffer(&minor, &side->out);
    major = gss_accept_sec_context(&minor, &side->raw, side->who == BEST ? world.accept : GSS_C_NO_CREDENTIAL, &token,
                                   GSS_C_NO_CHANNEL_BINDINGS, side->who == BEST ? NULL : &client, NULL, &side->out,
                                   &flags, NULL, NULL);
    need(!GSS_ERROR(major), "gss_accept_sec_context");
    if (major == GSS_S_COMPLETE) {
        if (side->who == BEST)
            gss_inquire_context(&minor, side->raw, &client, NULL, NULL, NULL, NULL, NULL, NULL);
        need(gss_display_name(&minor, client, &shown, NULL) == GSS_S_COMPLETE, "gss_display_name");
        gss_release_buffer(&minor, &shown);
    }
    gss_release_name(&minor, &client);
    side->data = side->out.value;
    side->length = side->out.length;
    return major == GSS_S_COMPLETE;
}

static void converse(struct side *initiator, struct side *acceptor)
{
    bool ours = initiate(initiator, NULL, 0), theirs = false;

    while (!ours || !theirs) {
        if (initiator->length > 0)
            theirs = accept_step(acceptor, initiator->data, initiator->length);
        if (acceptor->length > 0)
            ours = initiate(initiator, acceptor->data, acceptor->length);
    }
}

/* ---- what is measured ----------------------------------------------------------------------------------------- */

/* Each does count things, and returns what the part that is meant took. */
typedef struct spent work(enum who who, unsigned count);

static struct spent handshakes(enum who who, unsigned count)
{
    const struct spent begin = clock_now();

    for (unsigned i = 0; i < count; i++) {
        struct side initiator = {.who = who}, acceptor = {.who = who};

        converse(&initiator, &acceptor);
        side_free(&initiator);
        side_free(&acceptor);
    }
    return clock_since(begin);
}

static struct spent initiators(enum who who, unsigned count)
{
    const struct spent begin = clock_now();

    for (unsigned i = 0; i < count; i++) {
        struct side initiator = {.who = who};

        initiate(&initiator, NULL, 0);
        side_free(&initiator);
    }
    return clock_since(begin);
}

struct share {
    enum who who;
    struct side *tokens;
    unsigned count;
};

static void *accept_share(void *argument)
{
    struct share *share = argument;

    for (unsigned i = 0; i < share->count; i++) {
        struct side acceptor = {.who = share->who};

        accept_step(&acceptor, share->tokens[i].data, share->tokens[i].length);
        side_free(&acceptor);
    }
    return NULL;
}

static struct spent accept_in_threads(enum who who, unsigned count, unsigned threads)
{
    struct side *tokens = calloc(count, sizeof *tokens);
    struct share shares[2];
    pthread_t thread;
    struct spent begin;

    need(tokens != NULL, "calloc");
    for (unsigned i = 0; i < count; i++) {
        tokens[i].who = BEST;
        initiate(&tokens[i], NULL, 0);
    }
    shares[0] = (struct share){who, tokens, count / threads};
    shares[1] = (struct share){who, tokens + count / threads, count - count / threads};
    begin = clock_now();
    if (threads == 2)
        need(pthread_create(&thread, NULL, accept_share, &shares[1]) == 0, "pthread_create");
    accept_share(&shares[0]);
    if (threads == 2)
        pthread_join(thread, NULL);
    begin = clock_since(begin);
    for (unsigned i = 0; i < count; i++)
        side_free(&tokens[i]);
    free(tokens);
    return begin;
}

static struct spent acceptors(enum who who, unsigned count)
{
    return accept_in_threads(who, count, 1);
}

static struct spent acceptors_in_two_threads(enum who who, unsigned count)
{
    return accept_in_threads(who, count, 2);
}

/* Only the making of what acceptors() is given. */
static struct spent tokens(enum who who, unsigned count)
{
    (void)who;
    return initiators(BEST, count);
}

/* ---- messages -------------------------------------------------------------------------------------------------- */

static void message_rows(void)
{
    static const size_t sizes[] = {64, 1024, 16384, 65536, 1048576};
    struct side ends[2][2] = {{{.who = BEST}, {.who = BEST}}, {{.who = TROTH}, {.who = TROTH}}};

    world_begin(TROTH, false, 0, 0);
    converse(&ends[0][0], &ends[0][1]);
    converse(&ends[1][0], &ends[1][1]);
    message_header();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        message_row(ends, sizes[i]);
    for (unsigned k = 0; k < 4; k++)
        side_free(&ends[k / 2][k % 2]);
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

/* The peer's first message, behind which nobody needs the last token any more. */
static void hear(struct side *initiator, struct side *acceptor)
{
    gss_buffer_desc plain = {5, (char[]){"hello"}}, sealed = GSS_C_EMPTY_BUFFER, opened = GSS_C_EMPTY_BUFFER;
    unsigned char room[512];
    size_t length = 0, got = 0;
    OM_uint32 minor;
    void *data;

    if (acceptor->who == TROTH) {
        need(troth_wrap(initiator->troth, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, room, sizeof room, &length,
                        NULL) == TROTH_OK &&
                 troth_unwrap(acceptor->troth, room, length, &data, &got, NULL, NULL) == TROTH_OK,
             "a message");
        return;
    }
    gss_release_buffer(&minor, &acceptor->out);
    need(gss_wrap(&minor, initiator->raw, 1, 0, &plain, NULL, &sealed) == GSS_S_COMPLETE &&
             gss_unwrap(&minor, acceptor->raw, &sealed, &opened, NULL, NULL) == GSS_S_COMPLETE,
         "a message");
    gss_release_buffer(&minor, &sealed);
    gss_release_buffer(&minor, &opened);
}

static void memory_rows(void)
{
    enum { MANY = 200 };
    static struct side sides[WHO][MANY];
    double each[WHO];

    world_begin(TROTH, false, 0, 0);
    handshakes(BEST, 20);
    handshakes(TROTH, 20);
    for (unsigned who = BEST; who < WHO; who++) {
        const size_t before = mallinfo2().uordblks;

        for (unsigned i = 0; i < MANY; i++) {
            struct side initiator = {.who = (enum who)who};

            sides[who][i].who = (enum who)who;
            converse(&initiator, &sides[who][i]);
            hear(&initiator, &sides[who][i]);
            side_free(&initiator);
        }
        each[who] = (double)(mallinfo2().uordblks - before) / MANY;
    }
    printf(
        "Bytes for an established acceptor context that has heard of its peer: %.0f raw, %.0f Troth (with the client's "
        "name), which are %.0f more\n",
        each[BEST], each[TROTH], each[TROTH] - each[BEST]);
    for (unsigned who = BEST; who < WHO; who++) {
        for (unsigned i = 0; i < MANY; i++)
            side_free(&sides[who][i]);
    }
}

/* ---- the command line ----------------------------------------------------------------------------------------- */

static int run_one(const char *what, const char *name, unsigned count)
{
    static const struct {
        const char *name;
        work *run;
        bool negotiate;
        unsigned keys, tickets;
    } things[] = {
        {"handshake", handshakes, false, 0, 0},
        {"negotiate", handshakes, true, 0, 0},
        {"tokens", tokens, false, 0, 0},
        {"acceptor", acceptors, false, 0, 0},
        {"acceptor102", acceptors, false, 100, 0},
        {"initiator", initiators, false, 0, 0},
        {"initiator102", initiators, false, 0, 99},
        {"two-threads", acceptors_in_two_threads, false, 0, 0},
    };
    unsigned who = 0;

    while (who < WHO && strcmp(who_names[who], name) != 0)
        who++;
    for (size_t i = 0; i < sizeof things / sizeof things[0] && who < WHO; i++) {
        if (strcmp(things[i].name, what) == 0) {
            world_begin((enum who)who, things[i].negotiate, things[i].keys, things[i].tickets);
            handshakes((enum who)who, 3);
            clock_print(things[i].run((enum who)who, count), count);
            return 0;
        }
    }
    fputs("usage: speed WHAT naive|best|troth COUNT\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    need(getenv("TROTH_REALM_CCACHE") != NULL && krb5_init_context(&krb5) == 0, "finding the realm");
    /* The service's ticket into the ccache that all others are made from. */
    setenv("KRB5CCNAME", getenv("TROTH_REALM_CCACHE"), 1);
    {
        struct side initiator = {.who = NAIVE};

        initiate(&initiator, NULL, 0);
        side_free(&initiator);
    }
    if (argc == 4 && strcmp(argv[1], "messages") == 0)
        message_rows();
    else if (argc == 4 && strcmp(argv[1], "memory") == 0)
        memory_rows();
    else
        return run_one(argc == 4 ? argv[1] : "", argc == 4 ? argv[2] : "", argc == 4 ? (unsigned)atoi(argv[3]) : 1);
    return 0;
}
