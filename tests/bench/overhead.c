/*
 * overhead.c - one and the same conversation in memory, done raw or through Troth, of which callgrind counts one part.
 *
 * usage: overhead raw|troth kerberos|negotiate initiator|acceptor|wrap|unwrap COUNT
 *
 * Run by overhead.py under valgrind --tool=callgrind --collect-atstart=no inside a realm. The raw side makes the best
 * native calls that there are: kept credentials, a krb5 context kept open, a name imported for each context, no source
 * name, messages in place.
 */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <valgrind/callgrind.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "troth/troth.h"

#define MESSAGE 1024
#define ROOM 4096
#define WARM_UP 3

static unsigned char krb5_bytes[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static unsigned char spnego_bytes[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static gss_OID_desc kerberos = {sizeof krb5_bytes, krb5_bytes};
static gss_OID_desc spnego = {sizeof spnego_bytes, spnego_bytes};

enum part { INITIATOR, ACCEPTOR, WRAP, UNWRAP, PARTS };
static const char *const part_names[] = {"initiator", "acceptor", "wrap", "unwrap"};

/* What is counted, once it is warm. */
static enum part counted;
static bool warm;

/* Around every call that belongs to a part. */
static void toggle(enum part part)
{
    if (warm && part == counted)
        CALLGRIND_TOGGLE_COLLECT;
}

static void need(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "overhead: %s failed\n", what);
        exit(1);
    }
}

/* ---- through Troth -------------------------------------------------------------------------------------------- */

static troth_credential *troth_side(troth_role role, bool negotiate)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;

    options.mechanism = negotiate ? TROTH_MECHANISM_NEGOTIATE : TROTH_MECHANISM_KERBEROS;
    need(troth_credential_acquire(role, &options, &credential, NULL) == TROTH_OK, "troth_credential_acquire");
    return credential;
}

static void troth_message(troth_context *from, troth_context *to)
{
    static unsigned char buffer[ROOM];
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    size_t length = 0, plain_length = 0;
    void *plain = NULL;
    bool good;

    need(troth_context_info_get(from, &info, NULL) == TROTH_OK, "troth_context_info_get");
    memset(buffer + info.wrap_header, 'x', MESSAGE);
    toggle(WRAP);
    good = troth_wrap(from, TROTH_PROTECT_CONFIDENTIALITY, buffer + info.wrap_header, MESSAGE, buffer, sizeof buffer,
                      &length, NULL) == TROTH_OK;
    toggle(WRAP);
    need(good, "troth_wrap");
    toggle(UNWRAP);
    good = troth_unwrap(to, buffer, length, &plain, &plain_length, NULL, NULL) == TROTH_OK;
    toggle(UNWRAP);
    need(good && plain_length == MESSAGE, "troth_unwrap");
}

/* The first message of a context also derives its keys, which is the native library's business: the second counts. */
static void troth_messages(troth_context *from, troth_context *to)
{
    const bool was_warm = warm;

    warm = false;
    troth_message(from, to);
    warm = was_warm;
    troth_message(from, to);
}

static void troth_conversation(troth_credential *own, troth_credential *other)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *initiator = NULL, *acceptor = NULL;
    const void *forth = NULL, *back = NULL;
    size_t forth_length = 0, back_length = 0;
    troth_status ours = TROTH_CONTINUE, theirs = TROTH_CONTINUE;

    options.target.service = "troth";
    options.target.host = "server.troth.test";
    toggle(INITIATOR);
    troth_context_new(own, &options, &initiator, NULL);
    ours = troth_context_step(initiator, NULL, 0, &forth, &forth_length, NULL);
    toggle(INITIATOR);
    toggle(ACCEPTOR);
    troth_context_new(other, NULL, &acceptor, NULL);
    theirs = troth_context_step(acceptor, forth, forth_length, &back, &back_length, NULL);
    toggle(ACCEPTOR);
    need(ours == TROTH_CONTINUE && theirs == TROTH_OK, "the first legs");
    toggle(INITIATOR);
    ours = troth_context_step(initiator, back, back_length, &forth, &forth_length, NULL);
    toggle(INITIATOR);
    need(ours == TROTH_OK && forth_length == 0, "the last leg");
    if (counted >= WRAP)
        troth_messages(initiator, acceptor);
    toggle(INITIATOR);
    troth_context_free(initiator);
    toggle(INITIATOR);
    toggle(ACCEPTOR);
    troth_context_free(acceptor);
    toggle(ACCEPTOR);
}

/* ---- raw ------------------------------------------------------------------------------------------------------ */

static gss_cred_id_t raw_side(gss_cred_usage_t usage, bool negotiate)
{
    gss_OID_set_desc krb5_set = {1, &kerberos};
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    OM_uint32 minor;

    need(gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &krb5_set, usage, &credential, NULL, NULL) ==
             GSS_S_COMPLETE,
         "gss_acquire_cred");
    if (negotiate) {
        need(gss_add_cred(&minor, credential, GSS_C_NO_NAME, &spnego, usage, GSS_C_INDEFINITE, GSS_C_INDEFINITE, NULL,
                          NULL, NULL, NULL) == GSS_S_COMPLETE,
             "gss_add_cred");
        need(gss_set_neg_mechs(&minor, credential, &krb5_set) == GSS_S_COMPLETE, "gss_set_neg_mechs");
    }
    return credential;
}

static void raw_message(gss_ctx_id_t from, gss_ctx_id_t to)
{
    static unsigned char buffer[ROOM];
    gss_iov_buffer_desc iov[4] = {{.type = GSS_IOV_BUFFER_TYPE_HEADER},
                                  {.type = GSS_IOV_BUFFER_TYPE_DATA, .buffer = {MESSAGE, NULL}},
                                  {.type = GSS_IOV_BUFFER_TYPE_PADDING},
                                  {.type = GSS_IOV_BUFFER_TYPE_TRAILER}};
    unsigned char *at = buffer;
    OM_uint32 major, minor;
    size_t total = 0;
    int sealed = 0;

    need(gss_wrap_iov_length(&minor, from, 1, GSS_C_QOP_DEFAULT, NULL, iov, 4) == GSS_S_COMPLETE,
         "gss_wrap_iov_length"); /* a raw program that knows its context asks once */
    for (int i = 0; i < 4; i++) {
        iov[i].buffer.value = at;
        at += iov[i].buffer.length;
        total += iov[i].buffer.length;
    }
    memset(iov[1].buffer.value, 'x', MESSAGE);
    toggle(WRAP);
    major = gss_wrap_iov(&minor, from, 1, GSS_C_QOP_DEFAULT, &sealed, iov, 4);
    toggle(WRAP);
    need(major == GSS_S_COMPLETE && sealed, "gss_wrap_iov");
    iov[0] = (gss_iov_buffer_desc){.type = GSS_IOV_BUFFER_TYPE_STREAM, .buffer = {total, buffer}};
    iov[1] = (gss_iov_buffer_desc){.type = GSS_IOV_BUFFER_TYPE_DATA};
    toggle(UNWRAP);
    major = gss_unwrap_iov(&minor, to, &sealed, NULL, iov, 2);
    toggle(UNWRAP);
    need(major == GSS_S_COMPLETE && iov[1].buffer.length == MESSAGE, "gss_unwrap_iov");
}

/* The first message of a context also derives its keys, which is the native library's business: the second counts. */
static void raw_messages(gss_ctx_id_t from, gss_ctx_id_t to)
{
    const bool was_warm = warm;

    warm = false;
    raw_message(from, to);
    warm = was_warm;
    raw_message(from, to);
}

static void raw_conversation(gss_cred_id_t own, gss_cred_id_t other, bool negotiate)
{
    static char target[] = "troth@server.troth.test";
    const OM_uint32 asked =
        GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    gss_OID mechanism = negotiate ? &spnego : &kerberos;
    gss_buffer_desc text = {sizeof target - 1, target};
    gss_buffer_desc none = GSS_C_EMPTY_BUFFER, forth = GSS_C_EMPTY_BUFFER, back = GSS_C_EMPTY_BUFFER;
    gss_ctx_id_t initiator = GSS_C_NO_CONTEXT, acceptor = GSS_C_NO_CONTEXT;
    gss_name_t name = GSS_C_NO_NAME;
    gss_OID used;
    OM_uint32 ours, theirs, minor, flags, lifetime;

    toggle(INITIATOR);
    gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &name);
    ours = gss_init_sec_context(&minor, own, &initiator, name, mechanism, asked, 0, GSS_C_NO_CHANNEL_BINDINGS, &none,
                                &used, &forth, &flags, &lifetime);
    toggle(INITIATOR);
    toggle(ACCEPTOR);
    theirs = gss_accept_sec_context(&minor, &acceptor, other, &forth, GSS_C_NO_CHANNEL_BINDINGS, NULL, &used, &back,
                                    &flags, &lifetime, NULL);
    toggle(ACCEPTOR);
    need(ours == GSS_S_CONTINUE_NEEDED && theirs == GSS_S_COMPLETE, "the first legs");
    toggle(INITIATOR);
    gss_release_buffer(&minor, &forth);
    ours = gss_init_sec_context(&minor, own, &initiator, name, mechanism, asked, 0, GSS_C_NO_CHANNEL_BINDINGS, &back,
                                &used, &forth, &flags, &lifetime);
    gss_release_name(&minor, &name);
    toggle(INITIATOR);
    need(ours == GSS_S_COMPLETE && forth.length == 0, "the last leg");
    if (counted >= WRAP)
        raw_messages(initiator, acceptor);
    toggle(INITIATOR);
    gss_delete_sec_context(&minor, &initiator, GSS_C_NO_BUFFER);
    toggle(INITIATOR);
    toggle(ACCEPTOR);
    gss_release_buffer(&minor, &back);
    gss_delete_sec_context(&minor, &acceptor, GSS_C_NO_BUFFER);
    toggle(ACCEPTOR);
}

int main(int argc, char **argv)
{
    const bool through_troth = argc == 5 && strcmp(argv[1], "troth") == 0;
    const bool negotiate = argc == 5 && strcmp(argv[2], "negotiate") == 0;
    const int count = argc == 5 ? atoi(argv[4]) : 0;

    while (argc == 5 && counted < PARTS && strcmp(argv[3], part_names[counted]) != 0)
        counted++;
    if (argc != 5 || counted == PARTS || count <= 0) {
        fputs("usage: overhead raw|troth kerberos|negotiate initiator|acceptor|wrap|unwrap COUNT\n", stderr);
        return 2;
    }
    if (through_troth) {
        troth_credential *own = troth_side(TROTH_INITIATOR, negotiate);
        troth_credential *other = troth_side(TROTH_ACCEPTOR, negotiate);

        for (int i = -WARM_UP; i < count; i++) {
            warm = i >= 0;
            troth_conversation(own, other);
        }
        troth_credential_free(own);
        troth_credential_free(other);
    } else {
        krb5_context parsed = NULL; /* open, it keeps krb5.conf from being parsed for every context */
        const bool open = krb5_init_context(&parsed) == 0;
        gss_cred_id_t own = raw_side(GSS_C_INITIATE, negotiate);
        gss_cred_id_t other = raw_side(GSS_C_ACCEPT, negotiate);
        OM_uint32 minor;

        for (int i = -WARM_UP; i < count; i++) {
            warm = i >= 0;
            raw_conversation(own, other, negotiate);
        }
        gss_release_cred(&minor, &own);
        gss_release_cred(&minor, &other);
        need(open, "krb5_init_context");
        krb5_free_context(parsed);
    }
    return 0;
}
