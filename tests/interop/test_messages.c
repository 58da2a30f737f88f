/*
 * test_messages.c - messages of every size between the library and raw GSSAPI, both in this process and without a byte
 * of transport: what gss_wrap makes the library takes, and the other way round, in either role; messages in parts and
 * codes too. The keys are the same, and either end goes on after it was moved. Built once for each backend that runs
 * here. Runs in a realm; its argument is the mechanism.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include "troth/parts.h"
#include "troth/session.h"

#define LARGEST ((1u << 20) + 1)
#define ROOM (LARGEST + 256)

static char kerberos_oid[] = "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
static char spnego_oid[] = "\x2b\x06\x01\x05\x05\x02";
static gss_OID_desc kerberos = {9, kerberos_oid};
static gss_OID_desc spnego = {6, spnego_oid};
static char beside_text[] = "signed beside";
static bool negotiate;

/* The two ends, and room for the largest message and for its plaintext. */
static struct {
    troth_credential *credential;
    troth_context *context;
    gss_ctx_id_t raw;
    uint8_t *plain;
    uint8_t *message;
    troth_error error;
} held;

static void good(troth_status status)
{
    if (status != TROTH_OK) {
        fail_msg("%s: %s", troth_status_name(status), held.error.text);
    }
}

static void raw_good(OM_uint32 major, const char *call)
{
    if (major != GSS_S_COMPLETE) {
        fail_msg("%s: 0x%x", call, (unsigned)major);
    }
}

static gss_name_t raw_target(void)
{
    static char text[] = "troth@server.troth.test";
    gss_buffer_desc shown = {sizeof(text) - 1, text};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 minor;
    raw_good(gss_import_name(&minor, &shown, GSS_C_NT_HOSTBASED_SERVICE, &name), "gss_import_name");
    return name;
}

/* One step of the raw end. */
static OM_uint32 raw_step(bool accepts, gss_name_t target, gss_buffer_t in, gss_buffer_t out)
{
    const OM_uint32 flags =
        GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    OM_uint32 minor;
    OM_uint32 major;
    if (accepts) {
        major = gss_accept_sec_context(&minor, &held.raw, GSS_C_NO_CREDENTIAL, in, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                       NULL, out, NULL, NULL, NULL);
    } else {
        major = gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &held.raw, target, negotiate ? &spnego : &kerberos,
                                     flags, 0, GSS_C_NO_CHANNEL_BINDINGS, in, NULL, out, NULL, NULL);
    }
    if (GSS_ERROR(major)) {
        fail_msg("the raw end's handshake: 0x%x 0x%x", (unsigned)major, (unsigned)minor);
    }
    return major;
}

static void handshake(bool initiates)
{
    gss_name_t target = raw_target();
    gss_buffer_desc in = GSS_C_EMPTY_BUFFER;
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    troth_status ours = TROTH_CONTINUE;
    OM_uint32 theirs = GSS_S_CONTINUE_NEEDED;
    OM_uint32 minor;
    const void *token = NULL;
    size_t length = 0;
    bool our_turn = initiates;
    for (int leg = 0; leg < 10 && (ours == TROTH_CONTINUE || theirs == GSS_S_CONTINUE_NEEDED); leg++) {
        if (our_turn) {
            ours = troth_context_step(held.context, out.value, out.length, &token, &length, &held.error);
            if (ours != TROTH_OK && ours != TROTH_CONTINUE) {
                good(ours);
            }
            gss_release_buffer(&minor, &out);
        } else {
            in.length = length;
            memcpy(&in.value, &token, sizeof(token)); /* GSSAPI's buffers know no const */
            theirs = raw_step(initiates, target, &in, &out);
        }
        our_turn = !our_turn;
    }
    gss_release_buffer(&minor, &out);
    gss_release_name(&minor, &target);
    good(ours);
    raw_good(theirs, "the raw end's handshake");
}

/* A conversation in which the library initiates, or accepts. Messages need not be encrypted. */
static void begin(bool initiates)
{
    troth_credential_options credential = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options context = TROTH_CONTEXT_OPTIONS_INIT;
    credential.mechanism = negotiate ? TROTH_MECHANISM_NEGOTIATE : TROTH_MECHANISM_KERBEROS;
    context.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    if (initiates) {
        context.requested = TROTH_DEFAULT_REQUESTED;
        context.target.service = "troth";
        context.target.host = "server.troth.test";
    }
    good(troth_credential_acquire(initiates ? TROTH_INITIATOR : TROTH_ACCEPTOR, &credential, &held.credential,
                                  &held.error));
    good(troth_context_new(held.credential, &context, &held.context, &held.error));
    handshake(initiates);
}

static int setup(void **state)
{
    (void)state;
    memset(&held, 0, sizeof(held));
    held.error = (troth_error)TROTH_ERROR_INIT;
    held.raw = GSS_C_NO_CONTEXT;
    held.plain = malloc(ROOM);
    held.message = malloc(ROOM);
    if (held.plain == NULL || held.message == NULL) {
        return 1;
    }
    for (size_t i = 0; i < ROOM; i++) {
        held.plain[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    return 0;
}

static void end(void)
{
    OM_uint32 minor;
    gss_delete_sec_context(&minor, &held.raw, GSS_C_NO_BUFFER);
    troth_context_free(held.context);
    troth_credential_free(held.credential);
    held.context = NULL;
    held.credential = NULL;
}

static int teardown(void **state)
{
    (void)state;
    end();
    free(held.plain);
    free(held.message);
    return 0;
}

/* The library's backend or its provider cannot. */
static void skip_because(const char *why)
{
    print_message("# SKIP %s\n", why);
    skip();
}

/* 0 to 300, then 2^k - 1, 2^k, 2^k + 1 up to 1 MiB. */
static size_t size_after(size_t size)
{
    size_t power = 512;
    if (size < 300) {
        return size + 1;
    }
    while (power + 1 <= size) {
        power *= 2;
    }
    return size < power - 1 ? power - 1 : size + 1;
}

/* From the library to gss_unwrap. Returns whether this provider makes such messages. */
static bool we_send(size_t length, troth_protection protection)
{
    gss_buffer_desc in = {0, held.message};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    int sealed = -1;
    troth_status status =
        troth_wrap(held.context, protection, held.plain, length, held.message, ROOM, &in.length, &held.error);
    if (protection == TROTH_PROTECT_INTEGRITY && status == TROTH_E_FAILURE &&
        strcmp(troth_backend_name(), "sspi") == 0) {
        return false;
    }
    good(status);
    raw_good(gss_unwrap(&minor, held.raw, &in, &out, &sealed, NULL), "gss_unwrap");
    assert_int_equal(sealed, protection == TROTH_PROTECT_CONFIDENTIALITY);
    assert_int_equal(out.length, length);
    assert_memory_equal(out.value, held.plain, length);
    out.length = 1; /* MIT 1.20 does not release a buffer that it has filled with nothing */
    gss_release_buffer(&minor, &out);
    return true;
}

/* From gss_wrap to the library. */
static void they_send(size_t length, troth_protection protection)
{
    gss_buffer_desc in = {length, held.plain};
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    troth_protection found = TROTH_PROTECTION_UNSET;
    size_t got = 0;
    void *data = NULL;
    OM_uint32 minor;
    raw_good(
        gss_wrap(&minor, held.raw, protection == TROTH_PROTECT_CONFIDENTIALITY, GSS_C_QOP_DEFAULT, &in, NULL, &out),
        "gss_wrap");
    good(troth_unwrap(held.context, out.value, out.length, &data, &got, &found, &held.error));
    assert_int_equal(found, protection);
    assert_int_equal(got, length);
    if (length > 0) {
        assert_memory_equal(data, held.plain, length);
    }
    gss_release_buffer(&minor, &out);
}

static void messages_of_every_size_pass(void **state, troth_protection protection)
{
    size_t sizes = 0;
    (void)state;
    for (int initiates = 0; initiates < 2; initiates++) {
        begin(initiates);
        for (size_t size = 0; size <= LARGEST; size = size_after(size)) {
            if (!we_send(size, protection)) {
                skip_because("this provider makes no messages without encryption");
                return;
            }
            they_send(size, protection);
            sizes++;
        }
        end();
    }
    assert_int_equal(sizes, 2 * (301 + 3 * 12));
}

static void encrypted_messages_of_every_size_pass_both_ways_in_both_roles(void **state)
{
    messages_of_every_size_pass(state, TROTH_PROTECT_CONFIDENTIALITY);
}

static void signed_messages_of_every_size_pass_both_ways_in_both_roles(void **state)
{
    messages_of_every_size_pass(state, TROTH_PROTECT_INTEGRITY);
}

/* The code over parts of the library's is the one over the whole of gss_verify_mic, and back. */
static void codes_over_every_size_verify_both_ways_in_both_roles(void **state)
{
    (void)state;
    for (int initiates = 0; initiates < 2; initiates++) {
        begin(initiates);
        for (size_t size = 0; size <= LARGEST; size = size_after(size)) {
            const size_t cut = size / 3;
            troth_part parts[] = {{TROTH_PART_DATA, held.plain, cut},
                                  {TROTH_PART_SIGN_ONLY, held.plain + cut, size - cut}};
            gss_buffer_desc over = {size, held.plain};
            gss_buffer_desc code = {0, held.message};
            OM_uint32 minor;
            good(troth_get_mic_parts(held.context, parts, 2, held.message, ROOM, &code.length, &held.error));
            raw_good(gss_verify_mic(&minor, held.raw, &over, &code, NULL), "gss_verify_mic");
            raw_good(gss_get_mic(&minor, held.raw, GSS_C_QOP_DEFAULT, &over, &code), "gss_get_mic");
            good(troth_verify_mic_parts(held.context, parts, 2, code.value, code.length, &held.error));
            gss_release_buffer(&minor, &code);
        }
        end();
    }
}

/* A message of ours with a signed part in front, which gss_unwrap_aead takes. */
static bool parts_to_raw(troth_protection protection, size_t length)
{
    gss_buffer_desc beside = {13, beside_text};
    gss_buffer_desc in = GSS_C_EMPTY_BUFFER;
    gss_buffer_desc out = GSS_C_EMPTY_BUFFER;
    uint8_t token[128];
    uint8_t *body = held.message + sizeof(token);
    troth_part parts[] = {{TROTH_PART_SIGN_ONLY, beside.value, beside.length},
                          {TROTH_PART_DATA, body, length / 2},
                          {TROTH_PART_DATA, body + length / 2, length - length / 2}};
    OM_uint32 minor;
    size_t used = 0;
    int sealed = -1;
    troth_status status;
    memcpy(body, held.plain, length);
    status = troth_wrap_parts(held.context, protection, parts, 3, token, sizeof(token), &used, &held.error);
    if (status == TROTH_E_UNSUPPORTED) {
        return false;
    }
    good(status);
    memcpy(body - used, token, used);
    in.value = body - used;
    in.length = used + length;
    raw_good(gss_unwrap_aead(&minor, held.raw, &in, &beside, &out, &sealed, NULL), "gss_unwrap_aead");
    assert_int_equal(sealed, protection == TROTH_PROTECT_CONFIDENTIALITY);
    assert_int_equal(out.length, length);
    assert_memory_equal(out.value, held.plain, length);
    gss_release_buffer(&minor, &out);
    return true;
}

/* The same from gss_wrap_iov, with the token in front as it makes it without a trailer. */
static void parts_from_raw(troth_protection protection, size_t length)
{
    uint8_t token[128];
    gss_iov_buffer_desc iov[] = {
        {GSS_IOV_BUFFER_TYPE_HEADER, {sizeof(token), token}},
        {GSS_IOV_BUFFER_TYPE_DATA, {length / 3, held.message}},
        {GSS_IOV_BUFFER_TYPE_SIGN_ONLY, {13, beside_text}},
        {GSS_IOV_BUFFER_TYPE_DATA, {length - length / 3, held.message + length / 3}},
    };
    troth_part parts[] = {{TROTH_PART_DATA, held.message, length / 3},
                          {TROTH_PART_SIGN_ONLY, iov[2].buffer.value, 13},
                          {TROTH_PART_DATA, held.message + length / 3, length - length / 3}};
    troth_protection found = TROTH_PROTECTION_UNSET;
    OM_uint32 minor;
    memcpy(held.message, held.plain, length);
    raw_good(
        gss_wrap_iov(&minor, held.raw, protection == TROTH_PROTECT_CONFIDENTIALITY, GSS_C_QOP_DEFAULT, NULL, iov, 4),
        "gss_wrap_iov");
    good(troth_unwrap_parts(held.context, token, iov[0].buffer.length, parts, 3, &found, &held.error));
    assert_int_equal(found, protection);
    assert_memory_equal(held.message, held.plain, length);
}

static void messages_in_parts_pass_both_ways_in_both_roles(void **state)
{
    (void)state;
    for (int initiates = 0; initiates < 2; initiates++) {
        begin(initiates);
        for (size_t size = 1; size <= LARGEST; size = size_after(size)) {
            for (int protection = TROTH_PROTECT_INTEGRITY; protection <= TROTH_PROTECT_CONFIDENTIALITY; protection++) {
                if (!parts_to_raw((troth_protection)protection, size)) {
                    skip_because("this provider has no messages in parts");
                    return;
                }
                parts_from_raw((troth_protection)protection, size);
            }
        }
        end();
    }
}

/* The session's key, and bytes derived from both keys of RFC 4401. Returns whether this provider tells them. */
static bool same_keys(void)
{
    static const int raw_keys[] = {
        [TROTH_PRF_KEY_FULL] = GSS_C_PRF_KEY_FULL, [TROTH_PRF_KEY_PARTIAL] = GSS_C_PRF_KEY_PARTIAL};
    gss_buffer_set_t told = GSS_C_NO_BUFFER_SET;
    uint8_t key[64];
    size_t length = 0;
    OM_uint32 minor;
    troth_status status = troth_context_session_key(held.context, key, sizeof(key), &length, NULL, &held.error);
    if (status == TROTH_E_UNAVAILABLE || status == TROTH_E_UNSUPPORTED) {
        return false;
    }
    good(status);
    raw_good(gss_inquire_sec_context_by_oid(&minor, held.raw, GSS_C_INQ_SSPI_SESSION_KEY, &told),
             "gss_inquire_sec_context_by_oid");
    assert_int_equal(told->elements[0].length, length);
    assert_memory_equal(told->elements[0].value, key, length);
    gss_release_buffer_set(&minor, &told);
    for (int which = TROTH_PRF_KEY_FULL; which <= TROTH_PRF_KEY_PARTIAL; which++) {
        gss_buffer_desc input = {8, held.plain};
        gss_buffer_desc output = GSS_C_EMPTY_BUFFER;
        uint8_t derived[100];
        good(troth_context_prf(held.context, (troth_prf_key)which, held.plain, 8, derived, sizeof(derived),
                               &held.error));
        raw_good(gss_pseudo_random(&minor, held.raw, raw_keys[which], &input, sizeof(derived), &output),
                 "gss_pseudo_random");
        assert_int_equal(output.length, sizeof(derived));
        assert_memory_equal(output.value, derived, sizeof(derived));
        gss_release_buffer(&minor, &output);
    }
    return true;
}

static void keys_and_what_is_derived_of_them_are_the_raw_ends_own(void **state)
{
    (void)state;
    for (int initiates = 0; initiates < 2; initiates++) {
        begin(initiates);
        if (!same_keys()) {
            skip_because("this provider does not tell the session's key");
            return;
        }
        end();
    }
}

/* Both ends in turn, in the middle of a conversation. Returns whether this provider moves contexts. */
static bool move_ours(void)
{
    troth_context *imported = NULL;
    const void *token = NULL;
    size_t length = 0;
    troth_status status = troth_context_export(held.context, &token, &length, &held.error);
    if (status == TROTH_E_UNAVAILABLE || status == TROTH_E_UNSUPPORTED) {
        return false;
    }
    good(status);
    good(troth_context_import(token, length, &imported, &held.error));
    troth_context_free(held.context);
    held.context = imported;
    return true;
}

static void move_theirs(void)
{
    gss_buffer_desc token = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    raw_good(gss_export_sec_context(&minor, &held.raw, &token), "gss_export_sec_context");
    raw_good(gss_import_sec_context(&minor, &token, &held.raw), "gss_import_sec_context");
    gss_release_buffer(&minor, &token);
}

static void a_moved_context_goes_on_with_the_raw_end(void **state)
{
    (void)state;
    for (int initiates = 0; initiates < 2; initiates++) {
        begin(initiates);
        for (size_t size = 1; size < 4; size++) {
            assert_true(we_send(size, TROTH_PROTECT_CONFIDENTIALITY));
            they_send(size, TROTH_PROTECT_CONFIDENTIALITY);
            if (size == 1 && !move_ours()) {
                skip_because("this provider moves no contexts");
                return;
            }
            if (size == 2) {
                move_theirs();
            }
        }
        end();
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(encrypted_messages_of_every_size_pass_both_ways_in_both_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(signed_messages_of_every_size_pass_both_ways_in_both_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(codes_over_every_size_verify_both_ways_in_both_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(messages_in_parts_pass_both_ways_in_both_roles, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_and_what_is_derived_of_them_are_the_raw_ends_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_moved_context_goes_on_with_the_raw_end, setup, teardown),
    };
    negotiate = argc > 1 && strcmp(argv[1], "negotiate") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
