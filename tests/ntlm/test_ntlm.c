/*
 * test_ntlm.c - NTLM through gss-ntlmssp, where it was asked for: alone and inside Negotiate, in both roles, and never
 * where it was not. Runs in a realm, so that Kerberos is there to be preferred.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "realm.h"
#include "troth/parts.h"

#define USER "ntuser"
#define DOMAIN "TROTHDOM"
#define PASSWORD "Fr\303\266hliche Nacht 7"

/*
 * What NTLM can give: everything but mutual authentication. An acceptor of gss-ntlmssp 1.2.0 does not say that it
 * detects replay and sequence, though it does.
 */
#define NTLM_REQUIRED (TROTH_INTEGRITY | TROTH_CONFIDENTIALITY)
#define NTLM_REQUIRED_INITIATOR (NTLM_REQUIRED | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION)
/* A conversation: how each side was asked, and what came of it. */
struct conversation {
    troth_mechanism initiator_mechanism;
    uint32_t initiator_flags;
    const char *user; /* NULL: the default credential */
    const char *password;
    troth_mechanism acceptor_mechanism;
    uint32_t acceptor_flags;
    uint32_t required[2]; /* 0: the defaults */
    uint32_t context_flags;

    troth_context *initiator;
    troth_context *acceptor;
    troth_status status[2]; /* of the initiator and the acceptor; TROTH_CONTINUE: waits for what never came */
    troth_error error[2];
    size_t last_length; /* of what the failing side put out */
};

static troth_context *context_new(troth_role role, const struct conversation *conversation)
{
    const bool acceptor = role == TROTH_ACCEPTOR;
    troth_credential_options own = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    own.mechanism = acceptor ? conversation->acceptor_mechanism : conversation->initiator_mechanism;
    own.flags = acceptor ? conversation->acceptor_flags : conversation->initiator_flags;
    if (!acceptor) {
        own.name.principal = conversation->user;
        own.password = conversation->password;
        options.target.service = realm_env("TROTH_REALM_SERVICE");
        options.target.host = realm_env("TROTH_REALM_HOST");
    }
    options.required = conversation->required[acceptor];
    options.flags = conversation->context_flags;
    if (troth_credential_acquire(role, &own, &credential, &error) != TROTH_OK ||
        troth_context_new(credential, &options, &context, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(credential);
    return context;
}

/* Holds the handshake to its end, or to the first failure. */
static void hold(struct conversation *conversation)
{
    troth_context *contexts[2];
    const void *token = NULL;
    uint8_t carried[65536];
    size_t length = 0;

    conversation->initiator = contexts[0] = context_new(TROTH_INITIATOR, conversation);
    conversation->acceptor = contexts[1] = context_new(TROTH_ACCEPTOR, conversation);
    conversation->status[0] = conversation->status[1] = TROTH_CONTINUE;
    for (unsigned leg = 0; leg < 10; leg++) {
        const unsigned side = leg % 2;

        conversation->error[side] = (troth_error)TROTH_ERROR_INIT;
        conversation->status[side] = troth_context_step(contexts[side], length > 0 ? carried : NULL, length, &token,
                                                        &length, &conversation->error[side]);
        assert_true(length <= sizeof carried);
        if (length > 0)
            memcpy(carried, token, length);
        conversation->last_length = length;
        if (length == 0 || conversation->status[1 - side] != TROTH_CONTINUE ||
            conversation->status[side] > TROTH_CONTINUE)
            break;
    }
}

static void must_complete(struct conversation *conversation)
{
    hold(conversation);
    if (conversation->status[0] != TROTH_OK || conversation->status[1] != TROTH_OK)
        fail_msg("initiator %s: %s; acceptor %s: %s", troth_status_name(conversation->status[0]),
                 conversation->error[0].text, troth_status_name(conversation->status[1]), conversation->error[1].text);
}

static void end(struct conversation *conversation)
{
    troth_context_free(conversation->initiator);
    troth_context_free(conversation->acceptor);
}

static void assert_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void assert_mechanism(const struct conversation *conversation, troth_mechanism mechanism)
{
    troth_context *const contexts[] = {conversation->initiator, conversation->acceptor};

    for (size_t i = 0; i < 2; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;

        assert_int_equal(troth_context_info_get(contexts[i], &info, NULL), TROTH_OK);
        assert_int_equal(info.mechanism, mechanism);
        if (mechanism == TROTH_MECHANISM_NTLM) {
            assert_int_equal(info.properties & TROTH_MUTUAL, 0);
            assert_int_equal(info.properties & NTLM_REQUIRED, NTLM_REQUIRED);
            assert_int_equal(info.encryption, 0);
        }
    }
}

static const struct conversation alone = {
    .initiator_mechanism = TROTH_MECHANISM_NTLM,
    .user = DOMAIN "\\" USER,
    .password = PASSWORD,
    .acceptor_mechanism = TROTH_MECHANISM_NTLM,
    .required = {NTLM_REQUIRED_INITIATOR, NTLM_REQUIRED},
};

/* ---- who speaks NTLM ------------------------------------------------------------------------------------------ */

static void ntlm_alone_completes_and_is_not_mutual(void **state)
{
    struct conversation conversation = alone;
    troth_error error = TROTH_ERROR_INIT;
    const char *name = NULL;

    (void)state;
    must_complete(&conversation);
    assert_mechanism(&conversation, TROTH_MECHANISM_NTLM);
    if (troth_context_peer_name(conversation.acceptor, &name, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_text(name, USER);
    assert_int_equal(troth_context_peer_name(conversation.initiator, &name, NULL), TROTH_E_STATE);
    end(&conversation);
}

static void by_default_ntlm_fails_for_want_of_mutual_authentication_before_the_response_leaves(void **state)
{
    struct conversation conversation = alone;

    (void)state;
    conversation.required[0] = conversation.required[1] = 0;
    hold(&conversation);
    assert_int_equal(conversation.status[0], TROTH_E_REQUIREMENT);
    assert_text(conversation.error[0].text, "mutual authentication");
    assert_int_equal(conversation.last_length, 0);
    end(&conversation);
}

static void negotiate_falls_to_ntlm_where_both_sides_let_it(void **state)
{
    struct conversation conversation = alone;

    (void)state;
    conversation.initiator_mechanism = conversation.acceptor_mechanism = TROTH_MECHANISM_NEGOTIATE;
    conversation.initiator_flags = conversation.acceptor_flags = TROTH_CREDENTIAL_NTLM;
    must_complete(&conversation);
    assert_mechanism(&conversation, TROTH_MECHANISM_NTLM);
    end(&conversation);
}

static void an_acceptor_that_lets_ntlm_in_takes_it_bare(void **state)
{
    struct conversation conversation = alone;

    (void)state;
    conversation.acceptor_mechanism = TROTH_MECHANISM_NEGOTIATE;
    conversation.acceptor_flags = TROTH_CREDENTIAL_NTLM;
    must_complete(&conversation);
    assert_mechanism(&conversation, TROTH_MECHANISM_NTLM);
    end(&conversation);
}

static void negotiate_prefers_kerberos_where_it_works(void **state)
{
    struct conversation conversation = {
        .initiator_flags = TROTH_CREDENTIAL_NTLM,
        .acceptor_flags = TROTH_CREDENTIAL_NTLM,
    };
    char password[128];

    (void)state;
    must_complete(&conversation); /* with the default requirements, mutual among them */
    assert_mechanism(&conversation, TROTH_MECHANISM_KERBEROS);
    end(&conversation);
    conversation.user = realm_env("TROTH_REALM_PASSWORD_USER");
    conversation.password = realm_read_line(realm_env("TROTH_REALM_PASSWORD_FILE"), password, sizeof password);
    must_complete(&conversation);
    assert_mechanism(&conversation, TROTH_MECHANISM_KERBEROS);
    end(&conversation);
}

static void one_side_that_does_not_ask_for_ntlm_is_enough_to_keep_it_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct conversation conversation = alone;

        conversation.acceptor_mechanism = i < 2 ? TROTH_MECHANISM_NEGOTIATE : TROTH_MECHANISM_KERBEROS;
        if (i == 1) {
            conversation.initiator_mechanism = TROTH_MECHANISM_NEGOTIATE;
            conversation.initiator_flags = TROTH_CREDENTIAL_NTLM;
        }
        hold(&conversation);
        assert_int_equal(conversation.status[1], TROTH_E_MECHANISM);
        assert_text(conversation.error[1].text, "NTLM");
        assert_int_not_equal(conversation.status[0], TROTH_OK);
        end(&conversation);
    }
}

static void the_default_credential_is_the_mechanisms_own(void **state)
{
    struct conversation conversation = alone;

    (void)state;
    conversation.user = conversation.password = NULL;
    must_complete(&conversation);
    assert_mechanism(&conversation, TROTH_MECHANISM_NTLM);
    end(&conversation);
}

static void a_wrong_password_is_refused_by_the_acceptor(void **state)
{
    struct conversation conversation = alone;

    (void)state;
    conversation.password = "not this one";
    hold(&conversation);
    assert_int_equal(conversation.status[0], TROTH_OK); /* NTLM does not tell its initiator */
    assert_true(conversation.status[1] >= TROTH_E_MEMORY);
    print_message("# %s: %s\n", troth_status_name(conversation.status[1]), conversation.error[1].text);
    end(&conversation);
}

static void refused_encryption_types_refuse_ntlm(void **state)
{
    struct conversation conversation = alone;

    (void)state;
    conversation.context_flags = TROTH_REFUSE_WEAK_ENCRYPTION;
    hold(&conversation);
    assert_int_equal(conversation.status[0], TROTH_E_ENCRYPTION);
    assert_int_equal(conversation.last_length, 0);
    end(&conversation);
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static size_t wrap(troth_context *context, troth_protection protection, const char *text, uint8_t message[256])
{
    troth_error error = TROTH_ERROR_INIT;
    size_t length = 0, needed = 0;

    assert_int_equal(troth_wrap(context, protection, text, strlen(text), message, strlen(text) + 15, &needed, &error),
                     TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(needed, strlen(text) + 16);
    if (troth_wrap(context, protection, text, strlen(text), message, needed, &length, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_int_equal(length, needed);
    return length;
}

static void messages_and_codes_go_both_ways_and_are_verified(void **state)
{
    struct conversation conversation = alone;
    size_t limit = 0;

    (void)state;
    must_complete(&conversation);
    assert_int_equal(troth_wrap_size_limit(conversation.initiator, TROTH_PROTECT_CONFIDENTIALITY, 116, &limit, NULL),
                     TROTH_OK);
    assert_int_equal(limit, 100);
    for (size_t i = 0; i < 4; i++) {
        static const char *const texts[] = {"there", "and back", "x", "once more"};
        troth_context *from = i % 2 == 0 ? conversation.initiator : conversation.acceptor;
        troth_context *to = i % 2 == 0 ? conversation.acceptor : conversation.initiator;
        troth_protection protection = TROTH_PROTECTION_UNSET;
        troth_error error = TROTH_ERROR_INIT;
        uint8_t message[256], mic[64];
        size_t length = wrap(from, TROTH_PROTECT_CONFIDENTIALITY, texts[i], message), mic_length = 0;
        void *data = NULL;

        assert_true(strlen(texts[i]) < 2 || memcmp(message + 16, texts[i], strlen(texts[i])) != 0);
        if (troth_unwrap(to, message, length, &data, &length, &protection, &error) != TROTH_OK)
            fail_msg("%s", error.text);
        assert_int_equal(protection, TROTH_PROTECT_CONFIDENTIALITY);
        assert_int_equal(length, strlen(texts[i]));
        if (length > 0)
            assert_memory_equal(data, texts[i], length);
        assert_int_equal(troth_get_mic(from, "code", 4, mic, 15, &mic_length, &error), TROTH_E_BUFFER_TOO_SMALL);
        assert_int_equal(mic_length, 16);
        assert_int_equal(troth_get_mic(from, "code", 4, mic, sizeof mic, &mic_length, &error), TROTH_OK);
        assert_int_equal(troth_verify_mic(to, "code", 4, mic, mic_length, &error), TROTH_OK);
    }
    end(&conversation);
}

/* Found before anything native is done, so that the context goes on. */
static void an_empty_message_cannot_be_protected(void **state)
{
    struct conversation conversation = alone;
    troth_error error = TROTH_ERROR_INIT;
    uint8_t message[256];
    size_t length = 0;

    (void)state;
    must_complete(&conversation);
    assert_int_equal(troth_wrap(conversation.initiator, TROTH_PROTECT_CONFIDENTIALITY, "", 0, message, sizeof message,
                                &length, &error),
                     TROTH_E_ARGUMENT);
    assert_text(error.text, "empty");
    assert_int_equal(troth_get_mic(conversation.initiator, "", 0, message, sizeof message, &length, &error),
                     TROTH_E_ARGUMENT);
    wrap(conversation.initiator, TROTH_PROTECT_CONFIDENTIALITY, "a message", message);
    end(&conversation);
}

static void an_altered_a_cut_and_a_repeated_message_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct conversation conversation = alone;
        troth_error error = TROTH_ERROR_INIT;
        uint8_t message[256], copy[256];
        size_t length, left, plain;
        void *data = NULL;

        must_complete(&conversation);
        length = wrap(conversation.initiator, TROTH_PROTECT_CONFIDENTIALITY, "a message", message);
        memcpy(copy, message, length);
        left = i == 1 ? 15 : i == 2 ? length - 1 : length;
        if (i == 0)
            message[length - 1] ^= 1;
        if (i == 3)
            assert_int_equal(troth_unwrap(conversation.acceptor, copy, length, &data, &plain, NULL, &error), TROTH_OK);
        assert_true(troth_unwrap(conversation.acceptor, message, left, &data, &plain, NULL, &error) >= TROTH_E_MEMORY);
        assert_null(data);
        for (size_t at = 0; at < left; at++)
            assert_int_equal(message[at], 0);
        end(&conversation);
    }
}

/* gss-ntlmssp looks for users in the file that this variable of its own names; the library never touches it. */
static int setup(void **state)
{
    const char *path = realm_path("ntlm.users");
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    fprintf(file, "%s:%s:%s\n", DOMAIN, USER, PASSWORD);
    assert_int_equal(fclose(file), 0);
    return setenv("NTLM_USER_FILE", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntlm_alone_completes_and_is_not_mutual),
        cmocka_unit_test(by_default_ntlm_fails_for_want_of_mutual_authentication_before_the_response_leaves),
        cmocka_unit_test(negotiate_falls_to_ntlm_where_both_sides_let_it),
        cmocka_unit_test(an_acceptor_that_lets_ntlm_in_takes_it_bare),
        cmocka_unit_test(negotiate_prefers_kerberos_where_it_works),
        cmocka_unit_test(one_side_that_does_not_ask_for_ntlm_is_enough_to_keep_it_out),
        cmocka_unit_test(the_default_credential_is_the_mechanisms_own),
        cmocka_unit_test(a_wrong_password_is_refused_by_the_acceptor),
        cmocka_unit_test(refused_encryption_types_refuse_ntlm),
        cmocka_unit_test(messages_and_codes_go_both_ways_and_are_verified),
        cmocka_unit_test(an_empty_message_cannot_be_protected),
        cmocka_unit_test(an_altered_a_cut_and_a_repeated_message_are_refused),
    };

    if (troth_supports(TROTH_FEATURE_NTLM) != TROTH_SUPPORT_YES) {
        printf("1..0 # SKIP gss-ntlmssp is not installed\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, setup, NULL);
}
