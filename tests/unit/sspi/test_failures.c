/*
 * test_failures.c - a whole conversation over SSPI in which each native call, and each allocation, fails once in turn:
 * nothing is left behind, and nothing succeeds that should not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../support.h"
#include "scripted.h"
#include "session.h"
#include "troth/parts.h"
#include "troth/peer.h"
#include "troth/session.h"

/* Which of the conversation's parts succeeded, one bit each. */
enum {
    ACQUIRED = 0x1,
    MADE = 0x2,
    FIRST = 0x4,
    SECOND = 0x8,
    PEER = 0x10,
    TARGET = 0x20,
    WRAPPED = 0x40,
    UNWRAPPED = 0x80,
    SIGNED = 0x100,
    VERIFIED = 0x200,
    PARTS_WRAPPED = 0x400,
    PARTS_UNWRAPPED = 0x800,
    PARTS_SIGNED = 0x1000,
    PARTS_VERIFIED = 0x2000,
    KEY = 0x4000,
    EXPORTED = 0x8000,
    IMPORTED = 0x10000,
    GROUPS = 0x20000,
    ALL = 0x3FFFF
};

static unsigned messages_in_parts(troth_context *context)
{
    char text[] = "hello";
    troth_part parts[] = {{TROTH_PART_SIGN_ONLY, text, 1}, {TROTH_PART_DATA, text + 1, 4}};
    uint8_t token[64];
    size_t length = 0;
    unsigned done = 0;

    if (troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, parts, 2, token, sizeof token, &length, NULL) ==
        TROTH_OK)
        done |= PARTS_WRAPPED;
    if (length > 0 && troth_unwrap_parts(context, token, length, parts, 2, NULL, NULL) == TROTH_OK)
        done |= PARTS_UNWRAPPED;
    length = 0;
    if (troth_get_mic_parts(context, parts, 2, token, sizeof token, &length, NULL) == TROTH_OK)
        done |= PARTS_SIGNED;
    if (length > 0 && troth_verify_mic_parts(context, parts, 2, token, length, NULL) == TROTH_OK)
        done |= PARTS_VERIFIED;
    return done;
}

static unsigned messages(troth_context *context)
{
    uint8_t message[64];
    uint8_t mic[32];
    const char *name;
    void *data;
    size_t length = 0;
    size_t mic_length = 0;
    size_t data_length;
    unsigned done = 0;

    if (troth_context_peer_name(context, &name, NULL) == TROTH_OK)
        done |= PEER;
    if (troth_context_target_name(context, &name, NULL) == TROTH_OK)
        done |= TARGET;
    if (troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "hello", 5, message, sizeof message, &length, NULL) ==
        TROTH_OK)
        done |= WRAPPED;
    if (length > 0 && troth_unwrap(context, message, length, &data, &data_length, NULL, NULL) == TROTH_OK)
        done |= UNWRAPPED;
    if (troth_get_mic(context, "hello", 5, mic, sizeof mic, &mic_length, NULL) == TROTH_OK)
        done |= SIGNED;
    if (mic_length > 0 && troth_verify_mic(context, "hello", 5, mic, mic_length, NULL) == TROTH_OK)
        done |= VERIFIED;
    return done | messages_in_parts(context);
}

/* Only an acceptor is told. */
static unsigned groups(troth_context *context, troth_role role)
{
    char text[64];
    size_t length;

    return role == TROTH_INITIATOR || troth_context_peer_attribute(context, TROTH_ATTRIBUTE_GROUP_SIDS, text,
                                                                   sizeof text, &length, NULL, NULL) == TROTH_OK
               ? GROUPS
               : 0;
}

/* The key, and the context's way to another process. */
static unsigned session(troth_context *context)
{
    troth_context *imported = NULL;
    const void *token = NULL;
    uint8_t key[64];
    size_t length = 0;
    unsigned done = 0;

    if (troth_context_session_key(context, key, sizeof key, &length, NULL, NULL) == TROTH_OK)
        done |= KEY;
    if (troth_context_export(context, &token, &length, NULL) == TROTH_OK)
        done |= EXPORTED;
    if (token != NULL && troth__context_import(&scripted_backend, token, length, &imported, NULL) == TROTH_OK)
        done |= IMPORTED;
    troth_context_free(imported);
    return done;
}

/* Two legs with CompleteAuthToken in the first, with a password and with bindings, names and messages. */
static unsigned conversation(troth_role role)
{
    static const troth_bindings bindings = {.application_data = "tls-exporter:x", .application_data_length = 14};
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options context_options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    unsigned done = 0;
    size_t length;

    script.key_info = SEC_E_OK;
    script.steps[1] = script.steps[0];
    script.steps[0].status = SEC_I_COMPLETE_AND_CONTINUE;
    script.steps[1].flags = role == TROTH_ACCEPTOR ? script_asc_all : script_isc_all;
    context_options.bindings = &bindings;
    if (role == TROTH_INITIATOR) {
        options.name.principal = "alice@EXAMPLE.COM";
        options.password = "secret";
        context_options.target.service = "http";
        context_options.target.host = "www.example.com";
    } else {
        options.name.service = "http";
        options.name.host = "www.example.com";
    }
    if (troth__credential_acquire(&scripted_backend, role, &options, &credential, NULL) != TROTH_OK)
        goto out;
    done |= ACQUIRED;
    if (troth_context_new(credential, &context_options, &context, NULL) != TROTH_OK)
        goto out;
    done |= MADE;
    if (script_step_context(context, role == TROTH_ACCEPTOR, &length, NULL) != TROTH_CONTINUE)
        goto out;
    done |= FIRST;
    if (script_step_context(context, true, &length, NULL) != TROTH_OK)
        goto out;
    done |= SECOND;
    done |= messages(context);
    done |= groups(context, role);
    done |= session(context);

out:
    troth_context_free(context);
    troth_credential_free(credential);
    script_assert_nothing_left();
    return done;
}

static void each_native_call_fails_once(void **state)
{
    static const SECURITY_STATUS statuses[] = {SEC_E_INTERNAL_ERROR, SEC_E_UNSUPPORTED_FUNCTION,
                                               SEC_E_INSUFFICIENT_MEMORY, SEC_I_CONTEXT_EXPIRED};
    size_t i;

    (void)state;
    for (i = 0; i < 8; i++) {
        troth_role role = i % 2 == 0 ? TROTH_INITIATOR : TROTH_ACCEPTOR;
        int at = 0;

        do {
            unsigned done;

            script_reset();
            script.user = L"EXAMPLE\\alice";
            script.fail_at = ++at;
            script.fail_with = statuses[i / 2];
            done = conversation(role);
            /*
             * Two questions have a second way to be asked: the mechanism, and the peer's name in an acceptor. The
             * encryption type may stay unknown.
             */
            if (script.failed != NULL && done == ALL && strcmp(script.failed, "QueryContextAttributes") != 0)
                fail_msg("%s failed, and nobody noticed", script.failed);
            if (script.failed == NULL)
                assert_int_equal(done, ALL);
        } while (script.failed != NULL);
        assert_int_equal(at, role == TROTH_INITIATOR ? 24 : 30);
    }
}

static void each_allocation_fails_once(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        troth_role role = i == 0 ? TROTH_INITIATOR : TROTH_ACCEPTOR;
        bool failed;
        int at = 0;

        do {
            unsigned done;

            script_reset();
            support_fail_allocation(++at);
            done = conversation(role);
            failed = support_allocation_failed();
            assert_true(failed ? done != ALL : done == ALL);
        } while (failed);
        assert_true(at > 10);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_native_call_fails_once),
        support_allocation_test(each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
