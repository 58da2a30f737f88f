/*
 * test_oddities.c - native layers may answer in every way that RFC 2744 allows, and in some that it does not: the real
 * calls are made, and their answers altered.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conversation.h"
#include "ledger.h"
#include "realm.h"
#include "watch.h"

/* What is done to the answers of one side's steps. All zero: nothing. */
static struct script {
    troth_role role;        /* whose steps */
    OM_uint32 major_at_end; /* put into the major of the step that completes */
    OM_uint32 major_at_continue;
    OM_uint32 flags_cleared_at_end;
    OM_uint32 flags_set_at_end;
    bool flags_untouched_at_end; /* ret_flags is not written */
    bool flags_lie_at_continue;  /* every flag is set while it goes on */
    bool no_flags_at_continue;
    const char *token;   /* takes the place of the output token; "" is an empty one */
    size_t token_length; /* 0: as long as the string */
    gss_OID mechanism;
    bool mechanism_altered;
    int sealed;             /* -1: gss_wrap_iov and gss_unwrap_iov say that the message was not encrypted */
    OM_uint32 message_bits; /* put into the major of verifying calls */
    bool endless_words;     /* gss_display_status always has one more line, with a newline in it */
    const char *name;       /* what gss_display_name tells */
    size_t name_length;
    bool no_name;
    bool anonymous_ticket;
} script;

static void replace_token(gss_buffer_t out)
{
    OM_uint32 minor;

    watch_native.gss_release_buffer(&minor, out);
    if (script.token[0] == '\0')
        return;
    out->length = script.token_length != 0 ? script.token_length : strlen(script.token);
    out->value = malloc(out->length);
    assert_non_null(out->value);
    memcpy(out->value, script.token, out->length);
    ledger_born("gss buffer", out->value, 0);
}

/* Alters a step's answer. */
static OM_uint32 altered(troth_role role, OM_uint32 major, gss_OID *used, gss_buffer_t out, OM_uint32 *flags)
{
    if (script.role != role || GSS_ERROR(major))
        return major;
    if (major == GSS_S_CONTINUE_NEEDED) {
        if (script.flags_lie_at_continue)
            *flags = 0xFFFFFFFF & ~(OM_uint32)GSS_C_ANON_FLAG;
        if (script.no_flags_at_continue)
            *flags = 0;
        if (script.major_at_continue != 0 && script.token != NULL)
            replace_token(out);
        return major | script.major_at_continue;
    }
    *flags = (*flags & ~script.flags_cleared_at_end) | script.flags_set_at_end;
    if (script.mechanism_altered)
        *used = script.mechanism;
    if (script.token != NULL)
        replace_token(out);
    return major | script.major_at_end;
}

static OM_uint32 odd_init(OM_uint32 *minor, gss_cred_id_t cred, gss_ctx_id_t *context, gss_name_t target,
                          gss_OID mechanism, OM_uint32 request, OM_uint32 lifetime, gss_channel_bindings_t bindings,
                          gss_buffer_t in, gss_OID *used, gss_buffer_t out, OM_uint32 *flags, OM_uint32 *time_got)
{
    const bool untouched = script.flags_untouched_at_end && *context != GSS_C_NO_CONTEXT;
    OM_uint32 aside = 0;

    return altered(TROTH_INITIATOR,
                   watch_native.gss_init_sec_context(minor, cred, context, target, mechanism, request, lifetime,
                                                     bindings, in, used, out, untouched ? &aside : flags, time_got),
                   used, out, untouched ? &aside : flags);
}

static OM_uint32 odd_accept(OM_uint32 *minor, gss_ctx_id_t *context, gss_cred_id_t cred, gss_buffer_t in,
                            gss_channel_bindings_t bindings, gss_name_t *source, gss_OID *used, gss_buffer_t out,
                            OM_uint32 *flags, OM_uint32 *time_got, gss_cred_id_t *delegated)
{
    return altered(TROTH_ACCEPTOR,
                   watch_native.gss_accept_sec_context(minor, context, cred, in, bindings, source, used, out, flags,
                                                       time_got, delegated),
                   used, out, flags);
}

static OM_uint32 odd_wrap(OM_uint32 *minor, gss_ctx_id_t context, int seal, gss_qop_t qop, int *sealed,
                          gss_iov_buffer_desc *iov, int count)
{
    OM_uint32 major = watch_native.gss_wrap_iov(minor, context, seal, qop, sealed, iov, count);

    if (script.sealed < 0)
        *sealed = 0;
    return major;
}

static OM_uint32 odd_unwrap(OM_uint32 *minor, gss_ctx_id_t context, int *sealed, gss_qop_t *qop,
                            gss_iov_buffer_desc *iov, int count)
{
    OM_uint32 major = watch_native.gss_unwrap_iov(minor, context, sealed, qop, iov, count);

    if (script.sealed < 0)
        *sealed = 0;
    return major | script.message_bits;
}

static OM_uint32 odd_verify(OM_uint32 *minor, gss_ctx_id_t context, gss_buffer_t data, gss_buffer_t mic, gss_qop_t *qop)
{
    return watch_native.gss_verify_mic(minor, context, data, mic, qop) | script.message_bits;
}

static OM_uint32 odd_display_status(OM_uint32 *minor, OM_uint32 code, int type, gss_OID mechanism, OM_uint32 *more,
                                    gss_buffer_t text)
{
    OM_uint32 major = watch_native.gss_display_status(minor, code, type, mechanism, more, text);

    if (script.endless_words) {
        *more = 1;
        if (text->length > 0)
            ((char *)text->value)[0] = '\n';
    }
    return major;
}

static OM_uint32 odd_display_name(OM_uint32 *minor, gss_name_t name, gss_buffer_t text, gss_OID *type)
{
    OM_uint32 major = watch_native.gss_display_name(minor, name, text, type);

    if (script.name != NULL && script.name_length == 0)
        watch_native.gss_release_buffer(minor, text);
    else if (script.name != NULL && text->length >= script.name_length) {
        memcpy(text->value, script.name, script.name_length);
        text->length = script.name_length;
    }
    return major;
}

static OM_uint32 odd_inquire_context(OM_uint32 *minor, gss_ctx_id_t context, gss_name_t *source, gss_name_t *target,
                                     OM_uint32 *lifetime, gss_OID *mechanism, OM_uint32 *flags, int *local, int *open)
{
    if (script.no_name)
        return GSS_S_COMPLETE;
    return watch_native.gss_inquire_context(minor, context, source, target, lifetime, mechanism, flags, local, open);
}

static OM_uint32 odd_ticket_flags(OM_uint32 *minor, gss_ctx_id_t context, krb5_flags *ticket)
{
    OM_uint32 major = watch_native.gss_krb5_get_tkt_flags(minor, context, ticket);

    if (script.anonymous_ticket)
        *ticket |= TKT_FLG_ANONYMOUS;
    return major;
}

/* ---- two contexts under the script ---------------------------------------------------------------------------- */

static struct {
    struct troth__gss_native native;
    troth__backend backend;
    troth_credential *user, *service;
    troth_context *initiator, *acceptor;
    troth_status here, there;
    troth_error error;      /* of the last step that failed */
    const void *last_words; /* what that step gave for the peer */
    size_t last_length;
} two;

static void two_end(void)
{
    troth_context_free(two.initiator);
    troth_context_free(two.acceptor);
    two.initiator = two.acceptor = NULL;
}

static void two_begin(uint32_t required)
{
    troth_context_options to = conversation_target(), from = TROTH_CONTEXT_OPTIONS_INIT;

    two_end();
    to.required = from.required = required;
    assert_int_equal(troth_context_new(two.user, &to, &two.initiator, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(two.service, &from, &two.acceptor, NULL), TROTH_OK);
}

/* The handshake under the script given. two.here and two.there are what it came to. */
static void two_shake(struct script altering)
{
    const void *token = NULL;
    size_t length = 0;

    if (two.initiator == NULL)
        two_begin(0);
    script = altering;
    two.error = (troth_error)TROTH_ERROR_INIT;
    two.here = two.there = TROTH_CONTINUE;
    two.last_length = 0;
    for (int round = 0; round < 4; round++) {
        two.here = troth_context_step(two.initiator, token, length, &token, &length, &two.error);
        if (two.here > TROTH_CONTINUE || two.there == TROTH_OK || length == 0)
            break;
        two.there = troth_context_step(two.acceptor, token, length, &token, &length, &two.error);
        if (two.there > TROTH_CONTINUE || length == 0)
            break;
    }
    two.last_words = token;
    two.last_length = length;
}

static int setup(void **state)
{
    troth_credential_options mine = conversation_source(SOURCE_CCACHE, TROTH_MECHANISM_KERBEROS);

    (void)state;
    two.native = watch_native;
    two.native.gss_init_sec_context = odd_init;
    two.native.gss_accept_sec_context = odd_accept;
    two.native.gss_wrap_iov = odd_wrap;
    two.native.gss_unwrap_iov = odd_unwrap;
    two.native.gss_verify_mic = odd_verify;
    two.native.gss_display_status = odd_display_status;
    two.native.gss_display_name = odd_display_name;
    two.native.gss_inquire_context = odd_inquire_context;
    two.native.gss_krb5_get_tkt_flags = odd_ticket_flags;
    two.backend = watch_backend_of(&two.native);
    memset(&script, 0, sizeof script);
    assert_int_equal(troth__credential_acquire(&two.backend, TROTH_INITIATOR, &mine, &two.user, NULL), TROTH_OK);
    mine = (troth_credential_options)TROTH_CREDENTIAL_OPTIONS_INIT;
    mine.mechanism = TROTH_MECHANISM_KERBEROS;
    assert_int_equal(troth__credential_acquire(&two.backend, TROTH_ACCEPTOR, &mine, &two.service, NULL), TROTH_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    memset(&script, 0, sizeof script);
    two_end();
    troth_credential_free(two.user);
    troth_credential_free(two.service);
    assert_int_equal(watch_alive(true), 0);
    return 0;
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

static const struct {
    OM_uint32 bit;
    troth_status status;
} supplementary[] = {
    {GSS_S_DUPLICATE_TOKEN, TROTH_E_REPLAY},
    {GSS_S_OLD_TOKEN, TROTH_E_OLD},
    {GSS_S_UNSEQ_TOKEN, TROTH_E_OUT_OF_SEQUENCE},
    {GSS_S_GAP_TOKEN, TROTH_E_GAP},
};

static void a_step_that_completes_with_a_supplementary_bit_is_a_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        two_shake((struct script){.role = TROTH_ACCEPTOR, .major_at_end = supplementary[i].bit});
        assert_int_equal(two.there, supplementary[i].status);
        two_end();
        two_shake((struct script){.role = TROTH_INITIATOR, .major_at_end = supplementary[i].bit});
        assert_int_equal(two.there, TROTH_OK);
        assert_int_equal(two.here, supplementary[i].status);
        two_end();
    }
}

static void a_step_that_goes_on_with_a_supplementary_bit_is_a_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        two_shake((struct script){.role = TROTH_INITIATOR, .major_at_continue = supplementary[i].bit});
        assert_int_equal(two.here, supplementary[i].status);
        two_end();
    }
}

static void a_step_may_go_on_with_nothing_for_the_peer(void **state)
{
    const void *token = "?";
    size_t length = 1;

    (void)state;
    two_begin(0);
    /* Any bit without a meaning will do to alter the token while it goes on; this one is CONTINUE_NEEDED itself. */
    script = (struct script){.role = TROTH_INITIATOR, .major_at_continue = GSS_S_CONTINUE_NEEDED, .token = ""};
    assert_int_equal(troth_context_step(two.initiator, NULL, 0, &token, &length, NULL), TROTH_CONTINUE);
    assert_null(token);
    assert_int_equal(length, 0);
}

static void a_step_may_complete_with_a_token_for_the_peer(void **state)
{
    (void)state;
    two_shake((struct script){.role = TROTH_INITIATOR, .token = "a last word"});
    assert_int_equal(two.here, TROTH_OK);
    assert_int_equal(two.last_length, 11);
    assert_memory_equal(two.last_words, "a last word", 11);
}

static void a_failed_step_hands_out_its_token(void **state)
{
    (void)state;
    two_shake((struct script){.role = TROTH_ACCEPTOR, .major_at_end = GSS_S_BAD_BINDINGS, .token = "words of refusal"});
    assert_int_equal(two.there, TROTH_E_BINDINGS);
    assert_int_equal(two.last_length, 16);
    assert_memory_equal(two.last_words, "words of refusal", 16);
}

/* Whatever the native layer came to: with that token in hand a peer could go on without Kerberos. */
static void no_step_hands_out_ntlm(void **state)
{
    static const char ntlm[] = "NTLMSSP\0\1\0\0\0\7\202\10\242";
    const struct script scripts[] = {
        {.role = TROTH_ACCEPTOR, .major_at_end = GSS_S_BAD_BINDINGS, .token = ntlm, .token_length = sizeof ntlm},
        {.role = TROTH_ACCEPTOR, .token = ntlm, .token_length = sizeof ntlm},
        {.role = TROTH_INITIATOR, .token = ntlm, .token_length = sizeof ntlm},
        {.role = TROTH_INITIATOR,
         .major_at_continue = GSS_S_CONTINUE_NEEDED,
         .token = ntlm,
         .token_length = sizeof ntlm},
    };

    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        two_shake(scripts[i]);
        assert_int_equal(scripts[i].role == TROTH_ACCEPTOR ? two.there : two.here, TROTH_E_MECHANISM);
        assert_int_equal(two.last_length, 0);
        two_end();
    }
}

/* ---- attributes ----------------------------------------------------------------------------------------------- */

static const struct {
    OM_uint32 flag;
    const char *words;
    bool acceptor_too;
} properties[] = {
    {GSS_C_MUTUAL_FLAG, "mutual authentication", true},
    {GSS_C_CONF_FLAG, "confidentiality", true},
    {GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG, "integrity, confidentiality", true},
    {GSS_C_REPLAY_FLAG, "replay detection", false},
    {GSS_C_SEQUENCE_FLAG, "sequence detection", false},
};

static void what_was_promised_on_the_way_and_is_missing_at_the_end_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
        two_shake((struct script){
            .role = TROTH_INITIATOR, .flags_lie_at_continue = true, .flags_cleared_at_end = properties[i].flag});
        assert_int_equal(two.here, TROTH_E_REQUIREMENT);
        assert_non_null(strstr(two.error.text, properties[i].words));
        two_end();
        if (!properties[i].acceptor_too)
            continue;
        two_shake((struct script){.role = TROTH_ACCEPTOR, .flags_cleared_at_end = properties[i].flag});
        assert_int_equal(two.there, TROTH_E_REQUIREMENT);
        assert_non_null(strstr(two.error.text, properties[i].words));
        assert_int_equal(two.last_length, 0); /* the peer must not take it for done */
        two_end();
    }
}

static void what_is_missing_on_the_way_and_there_at_the_end_is_enough(void **state)
{
    (void)state;
    two_shake((struct script){.role = TROTH_INITIATOR, .no_flags_at_continue = true});
    assert_int_equal(two.here, TROTH_OK);
}

static void what_an_earlier_step_said_is_not_taken_for_the_last_ones_word(void **state)
{
    (void)state;
    two_shake((struct script){.role = TROTH_INITIATOR, .flags_lie_at_continue = true, .flags_untouched_at_end = true});
    assert_int_equal(two.here, TROTH_E_REQUIREMENT);
}

static void an_anonymous_initiator_is_refused(void **state)
{
    (void)state;
    two_begin(TROTH_NOTHING);
    two_shake((struct script){.role = TROTH_ACCEPTOR, .flags_set_at_end = GSS_C_ANON_FLAG});
    assert_int_equal(two.there, TROTH_E_REQUIREMENT);
    /* As it really is: MIT's acceptor says nothing of it in its flags. */
    two_begin(TROTH_NOTHING);
    two_shake((struct script){.role = TROTH_ACCEPTOR, .anonymous_ticket = true});
    assert_int_equal(two.there, TROTH_E_REQUIREMENT);
    assert_non_null(strstr(two.error.text, "anonymous"));
    assert_int_equal(two.last_length, 0);
}

static void an_anonymous_initiator_that_is_allowed_is_reported_and_meets_the_requirements(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    (void)state;
    for (int i = 0; i < 2; i++) {
        two_begin(0);
        troth_context_free(two.acceptor);
        two.acceptor = NULL;
        assert_int_equal(troth_context_new(two.service,
                                           &(troth_context_options){.size = sizeof(troth_context_options),
                                                                    .flags = TROTH_ALLOW_ANONYMOUS},
                                           &two.acceptor, NULL),
                         TROTH_OK);
        two_shake((struct script){
            .role = TROTH_ACCEPTOR, .anonymous_ticket = true, .flags_cleared_at_end = i == 0 ? 0 : GSS_C_MUTUAL_FLAG});
        assert_int_equal(two.there, i == 0 ? TROTH_OK : TROTH_E_REQUIREMENT);
        if (i == 0) {
            assert_int_equal(troth_context_info_get(two.acceptor, &info, NULL), TROTH_OK);
            assert_int_equal(info.properties & TROTH_ANONYMOUS, TROTH_ANONYMOUS);
        }
    }
}

static void any_other_mechanism_at_the_end_is_refused(void **state)
{
    /* NTLM's (1.3.6.1.4.1.311.2.2.10), SPNEGO's own, and one that only begins as Kerberos' does. */
    static unsigned char ntlm[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};
    static unsigned char spnego[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
    static unsigned char longer[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x01};
    static gss_OID_desc others[] = {{sizeof ntlm, ntlm}, {sizeof spnego, spnego}, {sizeof longer, longer}};

    (void)state;
    for (size_t i = 0; i <= 3; i++) {
        gss_OID other = i < 3 ? &others[i] : GSS_C_NO_OID;

        two_begin(TROTH_NOTHING);
        two_shake((struct script){.role = TROTH_INITIATOR, .mechanism_altered = true, .mechanism = other});
        assert_int_equal(two.here, TROTH_E_MECHANISM);
        two_begin(TROTH_NOTHING);
        two_shake((struct script){.role = TROTH_ACCEPTOR, .mechanism_altered = true, .mechanism = other});
        assert_int_equal(two.there, TROTH_E_MECHANISM);
        assert_int_equal(two.last_length, 0);
    }
}

/* ---- messages and names --------------------------------------------------------------------------------------- */

static void a_message_that_was_not_encrypted_after_all_is_not_handed_out(void **state)
{
    static const char secret[] = "for two alone";
    uint8_t room[256];
    size_t length = 1;

    (void)state;
    two_shake((struct script){.role = TROTH_ROLE_UNSET});
    assert_int_equal(two.here, TROTH_OK);
    script.sealed = -1;
    assert_int_equal(troth_wrap(two.initiator, TROTH_PROTECT_CONFIDENTIALITY, secret, sizeof secret, room, sizeof room,
                                &length, &two.error),
                     TROTH_E_FAILURE);
    assert_int_equal(length, 0);
    script.sealed = 0;
    assert_int_equal(troth_wrap(two.initiator, TROTH_PROTECT_CONFIDENTIALITY, secret, sizeof secret, room, sizeof room,
                                &length, &two.error),
                     TROTH_E_FAILURE);
}

static void a_received_message_that_was_not_encrypted_is_wiped(void **state)
{
    static const uint8_t zero[256];
    uint8_t room[256];
    size_t length = 0, plain_length = 1;
    void *plain = room;

    (void)state;
    two_shake((struct script){.role = TROTH_ROLE_UNSET});
    assert_int_equal(
        troth_wrap(two.initiator, TROTH_PROTECT_CONFIDENTIALITY, "text", 4, room, sizeof room, &length, NULL),
        TROTH_OK);
    script.sealed = -1;
    assert_int_equal(troth_unwrap(two.acceptor, room, length, &plain, &plain_length, NULL, NULL), TROTH_E_REQUIREMENT);
    assert_null(plain);
    assert_int_equal(plain_length, 0);
    assert_memory_equal(room, zero, length);
}

static void a_message_with_a_supplementary_bit_is_a_failure(void **state)
{
    uint8_t room[256];
    size_t length = 0, plain_length;
    void *plain;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        two_shake((struct script){.role = TROTH_ROLE_UNSET});
        assert_int_equal(
            troth_wrap(two.initiator, TROTH_PROTECT_CONFIDENTIALITY, "text", 4, room, sizeof room, &length, NULL),
            TROTH_OK);
        script.message_bits = supplementary[i].bit;
        assert_int_equal(troth_unwrap(two.acceptor, room, length, &plain, &plain_length, NULL, NULL),
                         supplementary[i].status);
        assert_null(plain);
        two_end();
        two_shake((struct script){.role = TROTH_ROLE_UNSET});
        assert_int_equal(troth_get_mic(two.initiator, "text", 4, room, sizeof room, &length, NULL), TROTH_OK);
        script.message_bits = supplementary[i].bit;
        assert_int_equal(troth_verify_mic(two.acceptor, "text", 4, room, length, NULL), supplementary[i].status);
        two_end();
    }
}

static void a_library_whose_words_never_end_does_not_hold_us(void **state)
{
    (void)state;
    two_shake((struct script){.role = TROTH_ACCEPTOR, .major_at_end = GSS_S_BAD_BINDINGS, .endless_words = true});
    assert_int_equal(two.there, TROTH_E_BINDINGS);
    assert_null(strchr(two.error.text, '\n'));
    assert_true(strlen(two.error.text) < sizeof two.error.text);
}

static void a_name_that_is_none_is_an_error_and_not_a_string(void **state)
{
    const char *name = "?";

    (void)state;
    two_shake((struct script){.role = TROTH_ROLE_UNSET});
    script.name = "";
    script.name_length = 0;
    assert_int_equal(troth_context_peer_name(two.acceptor, &name, &two.error), TROTH_E_FAILURE);
    assert_null(name);
    script.name = "root\0@X";
    script.name_length = 7;
    assert_int_equal(troth_context_peer_name(two.acceptor, &name, &two.error), TROTH_E_FAILURE);
    assert_null(name);
    script.name = NULL;
    script.no_name = true;
    assert_int_equal(troth_context_peer_name(two.acceptor, &name, &two.error), TROTH_E_UNAVAILABLE);
    assert_null(name);
    script.no_name = false;
    assert_int_equal(troth_context_peer_name(two.acceptor, &name, &two.error), TROTH_OK);
    assert_string_equal(name, conversation_user(SOURCE_CCACHE));
}

/* Also where it fails after it made its list: nothing is left of it then. */
static void a_library_that_does_not_tell_its_mechanisms_has_none(void **state)
{
    (void)state;
    assert_int_equal(troth__supports(&two.backend, TROTH_FEATURE_KERBEROS), TROTH_SUPPORT_YES);
    for (enum watch_failure failure = WATCH_BEFORE; failure <= WATCH_AFTER; failure++) {
        watch_start(failure, 1);
        assert_int_equal(troth__supports(&two.backend, TROTH_FEATURE_KERBEROS), TROTH_SUPPORT_NO);
        assert_string_equal(watch_failed(), "gss_indicate_mechs");
    }
    watch_start(WATCH_NONE, 0);
    assert_int_equal(troth__supports(&two.backend, TROTH_FEATURE_PEER_NAME), TROTH_SUPPORT_YES);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_step_that_completes_with_a_supplementary_bit_is_a_failure),
        CASE(a_step_that_goes_on_with_a_supplementary_bit_is_a_failure),
        CASE(a_step_may_go_on_with_nothing_for_the_peer),
        CASE(a_step_may_complete_with_a_token_for_the_peer),
        CASE(a_failed_step_hands_out_its_token),
        CASE(no_step_hands_out_ntlm),
        CASE(what_was_promised_on_the_way_and_is_missing_at_the_end_is_refused),
        CASE(what_is_missing_on_the_way_and_there_at_the_end_is_enough),
        CASE(what_an_earlier_step_said_is_not_taken_for_the_last_ones_word),
        CASE(an_anonymous_initiator_is_refused),
        CASE(an_anonymous_initiator_that_is_allowed_is_reported_and_meets_the_requirements),
        CASE(any_other_mechanism_at_the_end_is_refused),
        CASE(a_message_that_was_not_encrypted_after_all_is_not_handed_out),
        CASE(a_received_message_that_was_not_encrypted_is_wiped),
        CASE(a_message_with_a_supplementary_bit_is_a_failure),
        CASE(a_library_whose_words_never_end_does_not_hold_us),
        CASE(a_name_that_is_none_is_an_error_and_not_a_string),
        CASE(a_library_that_does_not_tell_its_mechanisms_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
