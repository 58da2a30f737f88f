/*
 * raw_gss.c - a GSSAPI peer that uses nothing of the library's: naive and classic on purpose, as programs written by
 * others are. It acquires its credential anew for every connection and takes what flags it is given.
 */
#define _POSIX_C_SOURCE 200809L

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "raw_gss.h"
#include "raw_token.h"

#define LIFE_SECONDS 120

static int gss_failed(const char *what, OM_uint32 major, OM_uint32 minor)
{
    for (int type = GSS_C_GSS_CODE; type <= GSS_C_MECH_CODE; type++) {
        OM_uint32 more = 0;
        OM_uint32 ignored;
        gss_buffer_desc text;

        do {
            if (GSS_ERROR(gss_display_status(&ignored, type == GSS_C_GSS_CODE ? major : minor, type, GSS_C_NO_OID,
                                             &more, &text))) {
                break;
            }
            fprintf(stderr, "%s: %.*s\n", what, (int)text.length, (const char *)text.value);
            gss_release_buffer(&ignored, &text);
        } while (more != 0);
    }
    printf("failed: %s %08x %08x\n", what, (unsigned)major, (unsigned)minor);
    return API_FAILED;
}

static int acquire(gss_cred_id_t *credential)
{
    gss_OID_set_desc one = {1, raw_gss_options.mechanism};
    gss_OID_set_desc inside = {1, raw_gss_options.inside};
    gss_buffer_desc nothing = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    OM_uint32 major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE,
                                       raw_gss_options.mechanism != NULL ? &one : GSS_C_NO_OID_SET,
                                       raw_options.initiator ? GSS_C_INITIATE : GSS_C_ACCEPT, credential, NULL, NULL);

    if (!GSS_ERROR(major) && raw_gss_options.exact) {
        major = gss_set_cred_option(&minor, credential, (gss_OID)GSS_KRB5_CRED_NO_CI_FLAGS_X, &nothing);
    }
    if (!GSS_ERROR(major) && raw_gss_options.inside != NULL) {
        major = gss_set_neg_mechs(&minor, *credential, &inside);
    }
    return GSS_ERROR(major) ? gss_failed("acquire", major, minor) : GOOD;
}

static int import_target(gss_name_t *name)
{
    gss_buffer_desc text = {strlen(raw_options.target), (void *)(size_t)raw_options.target};
    OM_uint32 minor;
    OM_uint32 major = gss_import_name(&minor, &text,
                                      strchr(raw_options.target, '/') != NULL ? (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME
                                                                              : GSS_C_NT_HOSTBASED_SERVICE,
                                      name);

    return GSS_ERROR(major) ? gss_failed("import", major, minor) : GOOD;
}

static int show_context(gss_ctx_id_t context)
{
    gss_name_t initiator = GSS_C_NO_NAME;
    gss_name_t acceptor = GSS_C_NO_NAME;
    gss_OID mechanism = GSS_C_NO_OID;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 flags;
    OM_uint32 minor;
    OM_uint32 major = gss_inquire_context(&minor, context, &initiator, &acceptor, NULL, &mechanism, &flags, NULL, NULL);

    if (!GSS_ERROR(major)) {
        major = gss_display_name(&minor, raw_options.initiator ? acceptor : initiator, &text, NULL);
    }
    if (GSS_ERROR(major)) {
        return gss_failed("inquire", major, minor);
    }
    printf("peer: %.*s\n", (int)text.length, (const char *)text.value);
    printf("mechanism: %s\n", gss_oid_equal(mechanism, &raw_krb5_oid) ? "kerberos" : "other");
    printf("flags:");
    for (size_t i = 0; raw_flag_names[i].name != NULL; i++) {
        if ((flags & raw_flag_names[i].told) != 0) {
            printf(" %s", raw_flag_names[i].name);
        }
    }
    printf("\n");
    gss_release_buffer(&minor, &text);
    gss_release_name(&minor, &initiator);
    gss_release_name(&minor, &acceptor);
    return GOOD;
}

/* What the initiator handed on: whose it is, and that it opens doors in its name. */
static int show_delegated(gss_cred_id_t delegated, gss_ctx_id_t context)
{
    gss_name_t owner = GSS_C_NO_NAME;
    gss_name_t self = GSS_C_NO_NAME;
    gss_ctx_id_t further = GSS_C_NO_CONTEXT;
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    OM_uint32 major = gss_inquire_cred(&minor, delegated, &owner, NULL, NULL, NULL);

    if (!GSS_ERROR(major)) {
        major = gss_display_name(&minor, owner, &text, NULL);
    }
    if (!GSS_ERROR(major)) {
        printf("delegated: %.*s\n", (int)text.length, (const char *)text.value);
        major = gss_inquire_context(&minor, context, NULL, &self, NULL, NULL, NULL, NULL, NULL);
    }
    if (!GSS_ERROR(major)) {
        major = gss_init_sec_context(&minor, delegated, &further, self, &raw_krb5_oid, 0, 0, GSS_C_NO_CHANNEL_BINDINGS,
                                     GSS_C_NO_BUFFER, NULL, &token, NULL, NULL);
    }
    if (!GSS_ERROR(major)) {
        printf("acted: %zu\n", token.length);
    }
    int result = GSS_ERROR(major) ? gss_failed("delegated", major, minor) : GOOD;
    gss_delete_sec_context(&minor, &further, GSS_C_NO_BUFFER);
    gss_release_buffer(&minor, &token);
    gss_release_buffer(&minor, &text);
    gss_release_name(&minor, &owner);
    gss_release_name(&minor, &self);
    return result;
}

static gss_cred_id_t delegated;

static OM_uint32 step(gss_cred_id_t credential, gss_name_t target, gss_ctx_id_t *context, gss_buffer_t in,
                      gss_buffer_t out, OM_uint32 *minor)
{
    if (raw_options.initiator) {
        return gss_init_sec_context(minor, credential, context, target,
                                    raw_gss_options.mechanism != NULL ? raw_gss_options.mechanism : &raw_krb5_oid,
                                    (OM_uint32)raw_options.flags, 0, raw_gss_options.bindings, in, NULL, out, NULL,
                                    NULL);
    }
    return gss_accept_sec_context(minor, context, credential, in, raw_gss_options.bindings, NULL, NULL, out, NULL, NULL,
                                  &delegated);
}

static int handshake_loop(int fd, gss_cred_id_t credential, gss_name_t target, gss_ctx_id_t *context)
{
    bool mine = raw_options.initiator;
    OM_uint32 major;
    OM_uint32 minor;
    int result = GOOD;

    do {
        gss_buffer_desc in = {0, raw_frame.data};
        gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
        OM_uint32 ignored;

        if (!mine) {
            result = raw_token_receive(fd);
            in.length = raw_frame.length;
        }
        if (result != GOOD) {
            return result;
        }
        mine = false;
        major = step(credential, target, context, &in, &out, &minor);
        if (out.length > 0) {
            result = raw_token_send(fd, out.value, out.length);
        }
        gss_release_buffer(&ignored, &out);
        if (GSS_ERROR(major)) {
            return gss_failed(raw_options.initiator ? "initiate" : "accept", major, minor);
        }
    } while (result == GOOD && (major & GSS_S_CONTINUE_NEEDED) != 0);
    if (result == GOOD) {
        result = show_context(*context);
    }
    if (result == GOOD && delegated != GSS_C_NO_CREDENTIAL) {
        result = show_delegated(delegated, *context);
    }
    return result;
}

static int handshake(int fd, gss_ctx_id_t *context)
{
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_name_t target = GSS_C_NO_NAME;
    OM_uint32 minor;
    int result;

    result = raw_begin(fd);
    if (result == GOOD) {
        result = acquire(&credential);
    }
    if (result == GOOD && raw_options.initiator) {
        result = import_target(&target);
    }
    if (result == GOOD) {
        result = raw_open_sample(fd);
    }
    if (result == GOOD) {
        result = handshake_loop(fd, credential, target, context);
    }
    gss_release_name(&minor, &target);
    gss_release_cred(&minor, &credential);
    gss_release_cred(&minor, &delegated);
    return result;
}

static int wrap_and_send(int fd, gss_ctx_id_t context, unsigned flags, gss_buffer_t plain, const char *fault)
{
    bool plain_fault = fault != NULL && strcmp(fault, "plain") == 0;
    gss_buffer_desc wrapped = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    OM_uint32 major =
        gss_wrap(&minor, context, plain_fault ? 0 : raw_options.encrypt, GSS_C_QOP_DEFAULT, plain, NULL, &wrapped);
    bool sent = true;

    if (GSS_ERROR(major)) {
        return gss_failed("wrap", major, minor);
    }
    if (fault != NULL && strcmp(fault, "flip") == 0) {
        ((unsigned char *)wrapped.value)[wrapped.length - 1] ^= 1;
    }
    if (fault == NULL || strcmp(fault, "skip") != 0) {
        sent = wire_send(fd, raw_options.framing, flags, wrapped.value, wrapped.length);
    }
    if (sent && fault != NULL && strcmp(fault, "replay") == 0) {
        sent = wire_send(fd, raw_options.framing, flags, wrapped.value, wrapped.length);
    }
    gss_release_buffer(&minor, &wrapped);
    return sent ? GOOD : PEER_CLOSED;
}

static bool same(const gss_buffer_desc *a, const gss_buffer_desc *b)
{
    return a->length == b->length && (a->length == 0 || memcmp(a->value, b->value, a->length) == 0);
}

/* MIT 1.20's gss_unwrap allocates for an empty message too, and its gss_release_buffer frees no empty buffer. */
static void release_plain(gss_buffer_t plain)
{
    OM_uint32 minor;

    if (plain->length == 0) {
        free(plain->value);
        plain->value = NULL;
    }
    gss_release_buffer(&minor, plain);
}

/* The echo, or under gss-sample the MIC, of what was sent. */
static int check_answer(int fd, gss_ctx_id_t context, gss_buffer_t plain)
{
    gss_buffer_desc received = {0, raw_frame.data};
    gss_buffer_desc echo = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    OM_uint32 major;
    int encrypted = -1;
    int result = GOOD;

    if (wire_receive(fd, raw_options.framing, &raw_frame) != 1) {
        printf("closed: by the peer, after a message\n");
        return PEER_CLOSED;
    }
    received.length = raw_frame.length;
    if (raw_options.framing == GSS_SAMPLE) {
        major = gss_verify_mic(&minor, context, plain, &received, NULL);
        printf("mic: %zu\n", raw_frame.length);
        return major != GSS_S_COMPLETE || raw_frame.flags != TOKEN_MIC ? gss_failed("verify", major, minor) : GOOD;
    }
    major = gss_unwrap(&minor, context, &received, &echo, &encrypted, NULL);
    if (major != GSS_S_COMPLETE) {
        return gss_failed("unwrap", major, minor);
    }
    printf("echoed: %zu %s\n", echo.length, encrypted ? "encrypted" : "plain");
    if (!same(&echo, plain)) {
        printf("failed: the echo differs\n");
        result = WRONG_ANSWER;
    }
    release_plain(&echo);
    return result;
}

static int talk_initiator(int fd, gss_ctx_id_t context)
{
    static unsigned char text[FRAME_MAX];
    unsigned flags = raw_options.framing == GSS_SAMPLE
                         ? TOKEN_DATA | TOKEN_WRAPPED | TOKEN_SEND_MIC | (raw_options.encrypt ? TOKEN_ENCRYPTED : 0)
                         : 0;
    int result = GOOD;

    for (int i = 0; result == GOOD && i < raw_options.messages; i++) {
        gss_buffer_desc plain = {raw_options.sizes[i], text};
        const char *fault = i == 1 ? raw_options.fault : NULL;

        for (size_t j = 0; j < plain.length; j++) {
            text[j] = (unsigned char)(j * 31 + (size_t)i);
        }
        result = wrap_and_send(fd, context, flags, &plain, fault);
        if (result == GOOD && (fault == NULL || strcmp(fault, "skip") != 0)) {
            result = check_answer(fd, context, &plain);
        }
    }
    if (result == GOOD && raw_options.framing == GSS_SAMPLE) {
        wire_send(fd, raw_options.framing, TOKEN_NOOP, "", 0);
    }
    return result;
}

/* What is wanted back: the message anew under protection, or under gss-sample its MIC or nothing. */
static int answer(int fd, gss_ctx_id_t context, gss_buffer_t plain, const char *fault)
{
    gss_buffer_desc mic = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    OM_uint32 major;
    bool sent;

    if (raw_options.framing != GSS_SAMPLE) {
        return wrap_and_send(fd, context, 0, plain, fault);
    }
    if ((raw_frame.flags & TOKEN_SEND_MIC) == 0) {
        return wire_send(fd, raw_options.framing, TOKEN_NOOP, "", 0) ? GOOD : PEER_CLOSED;
    }
    major = gss_get_mic(&minor, context, GSS_C_QOP_DEFAULT, plain, &mic);
    if (GSS_ERROR(major)) {
        return gss_failed("get_mic", major, minor);
    }
    sent = wire_send(fd, raw_options.framing, TOKEN_MIC, mic.value, mic.length);
    gss_release_buffer(&minor, &mic);
    return sent ? GOOD : PEER_CLOSED;
}

static int talk_acceptor(int fd, gss_ctx_id_t context)
{
    int count = 0;
    int result = GOOD;
    int received;

    while (result == GOOD && (received = wire_receive(fd, raw_options.framing, &raw_frame)) == 1 &&
           (raw_frame.flags & TOKEN_NOOP) == 0) {
        gss_buffer_desc message = {raw_frame.length, raw_frame.data};
        gss_buffer_desc plain = message;
        int encrypted = 0;
        OM_uint32 minor;
        OM_uint32 major;

        if (raw_options.framing != GSS_SAMPLE || (raw_frame.flags & TOKEN_WRAPPED) != 0) {
            plain.value = NULL;
            major = gss_unwrap(&minor, context, &message, &plain, &encrypted, NULL);
            if (major != GSS_S_COMPLETE) {
                return gss_failed("unwrap", major, minor);
            }
        }
        printf("message: %zu %s\n", plain.length, encrypted ? "encrypted" : "plain");
        result = answer(fd, context, &plain, count == 1 ? raw_options.fault : NULL);
        count++;
        if (plain.value != raw_frame.data) {
            release_plain(&plain);
        }
    }
    printf("messages: %d\n", count);
    return result;
}

static int converse(int fd)
{
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 minor;
    int result = handshake(fd, &context);

    if (result == GOOD) {
        printf("authenticated\n");
        result = raw_options.initiator ? talk_initiator(fd, context) : talk_acceptor(fd, context);
    }
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    printf("end: %d\n", result);
    wire_close(fd);
    return result;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(LIFE_SECONDS); /* whatever happens, it does not stay */
    return raw_options_parse(argc, argv) ? raw_run(converse) : USAGE;
}
