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
#include <time.h>
#include <unistd.h>

#include "troth/troth.h"

#define ROUNDS 11
#define FLAGS (GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG)

enum who { NAIVE, BEST, TROTH, WHO };
static const char *const who_names[WHO] = {"naive", "best", "troth"};

static unsigned char krb5_bytes[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static unsigned char spnego_bytes[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static gss_OID_desc kerberos = {sizeof krb5_bytes, krb5_bytes};
static gss_OID_desc spnego = {sizeof spnego_bytes, spnego_bytes};
static krb5_context krb5; /* the best and Troth keep one open, which keeps krb5.conf parsed for the process */

static struct {
    bool negotiate;
    char keytab[512], ccache[512];             /* files, which naive and Troth use */
    char memory_keytab[64], memory_ccache[64]; /* and the copies in memory for the best */
    krb5_keytab open_keytab;
    krb5_ccache open_ccache;
    gss_cred_id_t accept, initiate;
    gss_name_t target;
    troth_credential *acceptor, *initiator;
} world;

static void need(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "speed: %s failed\n", what);
        exit(1);
    }
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* ---- keytabs and ccaches -------------------------------------------------------------------------------------- */

/* The realm's key of the service, behind so many others'. */
static void make_keytab(unsigned others)
{
    krb5_keytab from = NULL, to = NULL;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    char name[600];

    snprintf(world.keytab, sizeof world.keytab, "%s/bench-%u.keytab", getenv("TROTH_REALM_DIR"), others);
    unlink(world.keytab);
    snprintf(name, sizeof name, "WRFILE:%s", world.keytab);
    need(krb5_kt_resolve(krb5, name, &to) == 0 && krb5_kt_default(krb5, &from) == 0 &&
             krb5_kt_start_seq_get(krb5, from, &cursor) == 0,
         "opening keytabs");
    while (krb5_kt_next_entry(krb5, from, &entry, &cursor) == 0) {
        krb5_data room = {0, entry.key.length, (char *)entry.key.contents};
        const krb5_principal own = entry.principal;
        const krb5_data *service = own->data;

        if (service->length == 5 && memcmp(service->data, "troth", 5) == 0) {
            krb5_keytab_entry other = entry;
            unsigned char key[64];

            memcpy(key, entry.key.contents, entry.key.length);
            other.key.contents = key;
            room.data = (char *)key;
            for (unsigned i = 0; i < others; i++) {
                snprintf(name, sizeof name, "other/host%u.troth.test", i);
                need(krb5_parse_name(krb5, name, &other.principal) == 0 &&
                         krb5_c_random_make_octets(krb5, &room) == 0 && krb5_kt_add_entry(krb5, to, &other) == 0,
                     "adding a key");
                krb5_free_principal(krb5, other.principal);
            }
            others = 0;
            need(krb5_kt_add_entry(krb5, to, &entry) == 0, "adding the key");
        }
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, from, &cursor);
    krb5_kt_close(krb5, from);
    snprintf(world.memory_keytab, sizeof world.memory_keytab, "MEMORY:bench-%p", (void *)&world);
    need(krb5_kt_resolve(krb5, world.memory_keytab, &world.open_keytab) == 0 &&
             krb5_kt_start_seq_get(krb5, to, &cursor) == 0,
         "opening keytabs");
    while (krb5_kt_next_entry(krb5, to, &entry, &cursor) == 0) {
        need(krb5_kt_add_entry(krb5, world.open_keytab, &entry) == 0, "adding the key");
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, to, &cursor);
    krb5_kt_close(krb5, to);
}

/* The realm's tickets, and before that of the service so many under other names. */
static void make_ccache(unsigned others)
{
    krb5_ccache from = NULL, to = NULL;
    krb5_principal user = NULL;
    krb5_cc_cursor cursor;
    krb5_creds creds;
    char name[600];

    snprintf(world.ccache, sizeof world.ccache, "FILE:%s/bench-%u.ccache", getenv("TROTH_REALM_DIR"), others);
    need(krb5_cc_resolve(krb5, getenv("TROTH_REALM_CCACHE"), &from) == 0 &&
             krb5_cc_resolve(krb5, world.ccache, &to) == 0 && krb5_cc_get_principal(krb5, from, &user) == 0 &&
             krb5_cc_initialize(krb5, to, user) == 0 && krb5_cc_start_seq_get(krb5, from, &cursor) == 0,
         "opening ccaches");
    while (krb5_cc_next_cred(krb5, from, &cursor, &creds) == 0) {
        const krb5_principal server = creds.server;

        if (server->data[0].length == 5 && memcmp(server->data[0].data, "troth", 5) == 0) {
            for (unsigned i = 0; i < others; i++) {
                snprintf(name, sizeof name, "other/host%u.troth.test", i);
                need(krb5_parse_name(krb5, name, &creds.server) == 0 && krb5_cc_store_cred(krb5, to, &creds) == 0,
                     "storing a ticket");
                krb5_free_principal(krb5, creds.server);
            }
            others = 0;
            creds.server = server;
        }
        need(krb5_cc_store_cred(krb5, to, &creds) == 0, "storing the ticket");
        krb5_free_cred_contents(krb5, &creds);
    }
    krb5_cc_end_seq_get(krb5, from, &cursor);
    snprintf(world.memory_ccache, sizeof world.memory_ccache, "MEMORY:bench-%p", (void *)&world);
    need(krb5_cc_resolve(krb5, world.memory_ccache, &world.open_ccache) == 0 &&
             krb5_cc_initialize(krb5, world.open_ccache, user) == 0 &&
             krb5_cc_copy_creds(krb5, to, world.open_ccache) == 0,
         "copying the ccache");
    krb5_free_principal(krb5, user);
    krb5_cc_close(krb5, to);
    krb5_cc_close(krb5, from);
}

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
    if (who == NAIVE) { /* who knows nothing of what an open one is good for */
        krb5_free_context(krb5);
        krb5 = NULL;
    }
}

/* ---- the two sides -------------------------------------------------------------------------------------------- */

struct side {
    enum who who;
    gss_ctx_id_t raw;
    gss_name_t target;
    gss_buffer_desc out;
    troth_context *troth;
    const void *data;
    size_t length;
};

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

/* Each does count things, and returns microseconds of the part that is meant. */
typedef double work(enum who who, unsigned count);

static double handshakes(enum who who, unsigned count)
{
    const double begin = now();

    for (unsigned i = 0; i < count; i++) {
        struct side initiator = {.who = who}, acceptor = {.who = who};

        converse(&initiator, &acceptor);
        side_free(&initiator);
        side_free(&acceptor);
    }
    return now() - begin;
}

static double initiators(enum who who, unsigned count)
{
    const double begin = now();

    for (unsigned i = 0; i < count; i++) {
        struct side initiator = {.who = who};

        initiate(&initiator, NULL, 0);
        side_free(&initiator);
    }
    return now() - begin;
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

static double accept_in_threads(enum who who, unsigned count, unsigned threads)
{
    struct side *tokens = calloc(count, sizeof *tokens);
    struct share shares[2];
    pthread_t thread;
    double begin;

    need(tokens != NULL, "calloc");
    for (unsigned i = 0; i < count; i++) {
        tokens[i].who = BEST;
        initiate(&tokens[i], NULL, 0);
    }
    shares[0] = (struct share){who, tokens, count / threads};
    shares[1] = (struct share){who, tokens + count / threads, count - count / threads};
    begin = now();
    if (threads == 2)
        need(pthread_create(&thread, NULL, accept_share, &shares[1]) == 0, "pthread_create");
    accept_share(&shares[0]);
    if (threads == 2)
        pthread_join(thread, NULL);
    begin = now() - begin;
    for (unsigned i = 0; i < count; i++)
        side_free(&tokens[i]);
    free(tokens);
    return begin;
}

static double acceptors(enum who who, unsigned count)
{
    return accept_in_threads(who, count, 1);
}

static double acceptors_in_two_threads(enum who who, unsigned count)
{
    return accept_in_threads(who, count, 2);
}

/* Only the making of what acceptors() is given. */
static double tokens(enum who who, unsigned count)
{
    (void)who;
    return initiators(BEST, count);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void message_rows(void)
{
    static const size_t sizes[] = {64, 1024, 16384, 65536, 1048576};
    struct side ends[2][2] = {{{.who = BEST}, {.who = BEST}}, {{.who = TROTH}, {.who = TROTH}}};
    unsigned char *buffer = malloc(sizes[4] + 4096);

    need(buffer != NULL, "malloc");
    world_begin(TROTH, false, 0, 0);
    converse(&ends[0][0], &ends[0][1]);
    converse(&ends[1][0], &ends[1][1]);
    printf("| message | gss_wrap, gss_unwrap, MB/s | Troth in place, MB/s |\n|---|---|---|\n");
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const unsigned count = (unsigned)(4194304 / (sizes[s] + 1024) + 1);
        double samples[4][ROUNDS];

        for (unsigned round = 0; round < ROUNDS; round++) {
            memset(samples[0] + round, 0, sizeof(double));
            samples[1][round] = samples[2][round] = samples[3][round] = 0;
            for (unsigned i = 0; i < count; i++) {
                gss_buffer_desc plain = {sizes[s], buffer}, sealed = GSS_C_EMPTY_BUFFER, opened = GSS_C_EMPTY_BUFFER;
                troth_context_info info = TROTH_CONTEXT_INFO_INIT;
                OM_uint32 minor;
                size_t length = 0, got = 0;
                void *data = NULL;
                double t[4];

                t[0] = now();
                need(gss_wrap(&minor, ends[0][0].raw, 1, 0, &plain, NULL, &sealed) == GSS_S_COMPLETE, "gss_wrap");
                t[1] = now();
                need(gss_unwrap(&minor, ends[0][1].raw, &sealed, &opened, NULL, NULL) == GSS_S_COMPLETE, "gss_unwrap");
                gss_release_buffer(&minor, &opened);
                t[2] = now();
                gss_release_buffer(&minor, &sealed);
                samples[0][round] += t[1] - t[0];
                samples[1][round] += t[2] - t[1];
                need(troth_context_info_get(ends[1][0].troth, &info, NULL) == TROTH_OK, "troth_context_info_get");
                t[0] = now();
                need(troth_wrap(ends[1][0].troth, TROTH_PROTECT_CONFIDENTIALITY, buffer + info.wrap_header, sizes[s],
                                buffer, sizes[4] + 4096, &length, NULL) == TROTH_OK,
                     "troth_wrap");
                t[1] = now();
                need(troth_unwrap(ends[1][1].troth, buffer, length, &data, &got, NULL, NULL) == TROTH_OK,
                     "troth_unwrap");
                t[2] = now();
                samples[2][round] += t[1] - t[0];
                samples[3][round] += t[2] - t[1];
            }
        }
        for (unsigned k = 0; k < 4; k++)
            qsort(samples[k], ROUNDS, sizeof samples[k][0], compare);
        printf("| %zu | %.0f, %.0f | %.0f, %.0f |\n", sizes[s], count * (double)sizes[s] / samples[0][ROUNDS / 2],
               count * (double)sizes[s] / samples[1][ROUNDS / 2], count * (double)sizes[s] / samples[2][ROUNDS / 2],
               count * (double)sizes[s] / samples[3][ROUNDS / 2]);
        fflush(stdout);
    }
    for (unsigned k = 0; k < 4; k++)
        side_free(&ends[k / 2][k % 2]);
    free(buffer);
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
            side_free(&initiator);
        }
        each[who] = (double)(mallinfo2().uordblks - before) / MANY;
    }
    printf("Bytes for an established acceptor context: %.0f raw (with its last token), %.0f Troth (with its last "
           "token and "
           "the client's name)\n",
           each[BEST], each[TROTH]);
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
            printf("%.3f\n", things[i].run((enum who)who, count) / count);
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
