/* conversation.c - holds a whole conversation in memory and checks the contract at every point of it. */
#define _POSIX_C_SOURCE 200809L

#include "conversation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "files.h"
#include "session.h"
#include "realm.h"
#include "troth/parts.h"
#include "troth/peer.h"

#define MAX_ROUNDS 8
#define ROOM 512

static char story[256];

void conversation_story(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(story, sizeof story, format, arguments);
    va_end(arguments);
}

void conversation_broken(const char *condition, const char *file, int line)
{
    print_error("%s:%d: %s: broken: %s\n", file, line, story, condition);
    fail();
}

/* ---- the realm's people --------------------------------------------------------------------------------------- */

enum given { GIVEN_TICKETS, GIVEN_USERS_KEYS, GIVEN_KEYS };

uint32_t conversation_path(void)
{
    return getenv("TROTH_TEST_STOCK") != NULL ? TROTH_CREDENTIAL_STOCK : 0;
}

/* The bytes of a file of the realm, which stay the same. */
static struct content given(enum given which)
{
    static const char *const files[] = {"TROTH_REALM_CCACHE", "TROTH_REALM_USER_KEYTAB", "TROTH_REALM_KEYTAB"};
    static struct content contents[sizeof files / sizeof files[0]];

    if (contents[which].bytes == NULL)
        contents[which] = files_read(realm_env_path(files[which]));
    return contents[which];
}

troth_credential_options conversation_acceptor(enum source source, troth_mechanism mechanism)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    options.mechanism = mechanism;
    options.flags = conversation_path();
    if (source == SOURCE_CCACHE_BYTES || source == SOURCE_KEYTAB_BYTES) {
        options.keytab_data = given(GIVEN_KEYS).bytes;
        options.keytab_length = given(GIVEN_KEYS).length;
    }
    return options;
}

troth_credential_options conversation_source(enum source source, troth_mechanism mechanism)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    static char password[128];

    options.mechanism = mechanism;
    options.flags = conversation_path();
    switch (source) {
    case SOURCE_CCACHE:
        break;
    case SOURCE_KEYTAB:
        options.keytab = realm_env("TROTH_REALM_USER_KEYTAB");
        options.name.principal = realm_env("TROTH_REALM_USER");
        break;
    case SOURCE_PASSWORD:
        options.password = realm_read_line(realm_env("TROTH_REALM_PASSWORD_FILE"), password, sizeof password);
        options.name.principal = realm_env("TROTH_REALM_PASSWORD_USER");
        break;
    case SOURCE_CCACHE_BYTES:
        options.ccache_data = given(GIVEN_TICKETS).bytes;
        options.ccache_length = given(GIVEN_TICKETS).length;
        break;
    case SOURCE_KEYTAB_BYTES:
        options.keytab_data = given(GIVEN_USERS_KEYS).bytes;
        options.keytab_length = given(GIVEN_USERS_KEYS).length;
        options.name.principal = realm_env("TROTH_REALM_USER");
        break;
    }
    return options;
}

const char *conversation_user(enum source source)
{
    return realm_env(source == SOURCE_PASSWORD ? "TROTH_REALM_PASSWORD_USER" : "TROTH_REALM_USER");
}

troth_context_options conversation_target(void)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    options.target.service = realm_env("TROTH_REALM_SERVICE");
    options.target.host = realm_env("TROTH_REALM_HOST");
    return options;
}

/* ---- one call at a time --------------------------------------------------------------------------------------- */

/* What every failure owes its caller. Returns whether there was none. */
static bool went(struct outcome *outcome, const char *call, troth_status status, const troth_error *error)
{
    if (status == TROTH_OK || status == TROTH_CONTINUE)
        return true;
    conversation_check(error->status == status);
    conversation_check(error->text[0] != '\0');
    conversation_check(strcmp(troth_status_name(status), "TROTH_E_?") != 0);
    if (outcome->call == NULL) {
        outcome->call = call;
        outcome->status = status;
        outcome->error = *error;
    }
    return false;
}

/* A failed step is final: the next ones, and every message, give the same status and nothing for the peer. */
static void check_sticky(troth_context *context, troth_status status)
{
    static const uint8_t token[] = {0x60, 0x03, 0x02, 0x01, 0x00};
    troth_error error = TROTH_ERROR_INIT;
    const void *out = token;
    size_t length = 1;
    uint8_t room[ROOM];

    for (int again = 0; again < 2; again++) {
        conversation_check(troth_context_step(context, token, sizeof token, &out, &length, &error) == status);
        conversation_check(out == NULL && length == 0 && error.status == status && error.text[0] != '\0');
    }
    conversation_check(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, token, sizeof token, room, sizeof room,
                                  &length, &error) == status);
}

/* One step; a failed one's last words for the peer outlive it in words. */
static troth_status step(troth_context *context, const void **token, size_t *length, uint8_t words[ROOM],
                         struct outcome *outcome, const char *call)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_status status = troth_context_step(context, *token, *length, token, length, &error);

    if (went(outcome, call, status, &error))
        return status;
    conversation_check(*length <= ROOM);
    if (*length > 0)
        memcpy(words, *token, *length);
    *token = words;
    check_sticky(context, status);
    return status;
}

/* Returns whether both sides completed. */
static bool handshake(troth_context *initiator, troth_context *acceptor, struct outcome *outcome)
{
    troth_status here = TROTH_CONTINUE, there = TROTH_CONTINUE;
    uint8_t words[2][ROOM];
    const void *token = NULL;
    size_t length = 0;

    for (int round = 0; round < MAX_ROUNDS; round++) {
        const bool over = here == TROTH_OK || there > TROTH_CONTINUE;

        here = step(initiator, &token, &length, words[0], outcome, "initiator's step");
        conversation_check(!over || here != TROTH_OK);
        if (length == 0)
            break;
        there = step(acceptor, &token, &length, words[1], outcome, "acceptor's step");
        conversation_check(here <= TROTH_CONTINUE || there != TROTH_OK);
        if (length == 0 || here > TROTH_CONTINUE)
            break;
    }
    if (here == TROTH_OK && there == TROTH_OK)
        return true;
    conversation_check(outcome->call != NULL);
    return false;
}

troth_status conversation_handshake(troth_context *initiator, troth_context *acceptor, troth_error *error)
{
    troth_status here = TROTH_CONTINUE, there = TROTH_CONTINUE;
    const void *token = NULL;
    size_t length = 0;

    for (int round = 0; round < MAX_ROUNDS; round++) {
        here = troth_context_step(initiator, token, length, &token, &length, error);
        if (here > TROTH_CONTINUE || length == 0)
            break;
        there = troth_context_step(acceptor, token, length, &token, &length, error);
        if (there > TROTH_CONTINUE || length == 0)
            break;
    }
    return here != TROTH_OK ? (here == TROTH_CONTINUE ? there : here) : there;
}

troth_status conversation_greet(troth_credential *initiator, troth_credential *acceptor, char *peer, troth_error *error)
{
    const troth_context_options options = conversation_target();
    troth_context *here = NULL, *there = NULL;
    const char *name = NULL;
    troth_status status = troth_context_new(initiator, &options, &here, error);

    if (status == TROTH_OK)
        status = troth_context_new(acceptor, NULL, &there, error);
    if (status == TROTH_OK)
        status = conversation_handshake(here, there, error);
    if (status == TROTH_OK && peer != NULL) {
        status = troth_context_peer_name(there, &name, error);
        if (status == TROTH_OK)
            snprintf(peer, 128, "%s", name);
    }
    troth_context_free(here);
    troth_context_free(there);
    return status;
}

/* ---- what a completed context says ---------------------------------------------------------------------------- */

/* Whatever failed on the way: a context that says that it is complete has everything that was required. */
static bool check_info(troth_context *context, const struct conversation *conversation, troth_role role,
                       struct outcome *outcome)
{
    const uint32_t required = conversation->required != 0 ? conversation->required
                              : role == TROTH_INITIATOR   ? TROTH_DEFAULT_REQUIRED_INITIATOR
                                                          : TROTH_DEFAULT_REQUIRED_ACCEPTOR;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_error error = TROTH_ERROR_INIT;

    conversation_check(troth_context_info_get(context, &info, NULL) == TROTH_OK);
    conversation_check(info.role == role);
    conversation_check(info.mechanism == TROTH_MECHANISM_KERBEROS);
    conversation_check((info.properties & required) == required);
    conversation_check(info.wrap_overhead > 0 && info.wrap_header <= info.wrap_overhead && info.mic_size > 0);
    if (info.encryption != 0)
        return true;
    /* Not learned now; it is when it is asked for again. */
    snprintf(error.text, sizeof error.text, "the type of the key is not known");
    error.status = TROTH_E_FAILURE;
    went(outcome, "the encryption type", TROTH_E_FAILURE, &error);
    conversation_check(troth_context_info_get(context, &info, NULL) == TROTH_OK && info.encryption != 0);
    return false;
}

typedef troth_status name_call(troth_context *context, const char **name, troth_error *error);

/* A name that could not be had is not a failure of the context: it is there when asked for again. */
static bool check_name(troth_context *context, name_call *get, const char *call, const char *expected,
                       struct outcome *outcome)
{
    troth_error error = TROTH_ERROR_INIT;
    const char *name = call;
    const bool good = went(outcome, call, get(context, &name, &error), &error);

    if (!good) {
        conversation_check(name == NULL);
        conversation_check(get(context, &name, &error) == TROTH_OK);
    }
    conversation_check(strcmp(name, expected) == 0);
    return good;
}

static bool check_names(troth_context *initiator, troth_context *acceptor, const struct conversation *conversation,
                        struct outcome *outcome)
{
    const char *user = conversation_user(conversation->source);
    char service[256];

    snprintf(service, sizeof service, "%s/%s@%s", realm_env("TROTH_REALM_SERVICE"), realm_env("TROTH_REALM_HOST"),
             realm_env("TROTH_REALM"));
    return check_name(acceptor, troth_context_peer_name, "acceptor's peer name", user, outcome) &&
           check_name(acceptor, troth_context_target_name, "acceptor's target name", service, outcome) &&
           check_name(initiator, troth_context_peer_name, "initiator's peer name", service, outcome) &&
           check_name(initiator, troth_context_target_name, "initiator's target name", service, outcome);
}

/* ---- messages ------------------------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static bool send_sealed(troth_context *from, troth_context *to, troth_protection protection, struct outcome *outcome)
{
    static const char text[] = "a message of some length, told twice";
    troth_error error = TROTH_ERROR_INIT;
    troth_protection found = TROTH_PROTECTION_UNSET;
    uint8_t room[ROOM];
    size_t length = 0, plain_length = 1;
    void *plain = room;
    troth_status status;

    status = troth_wrap(from, protection, text, sizeof text, room, sizeof room, &length, &error);
    if (!went(outcome, "troth_wrap", status, &error)) {
        conversation_check(length == 0);
        conversation_check(troth_wrap(from, protection, text, 1, room, sizeof room, &length, &error) == status);
        return false;
    }
    status = troth_unwrap(to, room, length, &plain, &plain_length, &found, &error);
    if (!went(outcome, "troth_unwrap", status, &error)) {
        conversation_check(plain == NULL && plain_length == 0 && found == TROTH_PROTECTION_UNSET);
        conversation_check(all_zero(room, length));
        conversation_check(troth_unwrap(to, room, length, &plain, &plain_length, &found, &error) == status);
        return false;
    }
    conversation_check(plain_length == sizeof text && memcmp(plain, text, sizeof text) == 0 && found == protection);
    return true;
}

static bool send_signed(troth_context *from, troth_context *to, struct outcome *outcome)
{
    static const char text[] = "a message in plain sight";
    troth_error error = TROTH_ERROR_INIT;
    uint8_t room[ROOM];
    size_t length = 0;
    troth_status status;

    status = troth_get_mic(from, text, sizeof text, room, sizeof room, &length, &error);
    if (!went(outcome, "troth_get_mic", status, &error)) {
        conversation_check(length == 0);
        conversation_check(troth_get_mic(from, text, 1, room, sizeof room, &length, &error) == status);
        return false;
    }
    status = troth_verify_mic(to, text, sizeof text, room, length, &error);
    if (!went(outcome, "troth_verify_mic", status, &error)) {
        conversation_check(troth_verify_mic(to, text, sizeof text, room, length, &error) == status);
        return false;
    }
    return true;
}

/* A message in parts, and a code over the same. */
static bool send_parts(troth_context *from, troth_context *to, troth_protection protection, struct outcome *outcome)
{
    char header[] = "signed beside", text[] = "a message in two places, and the second is here";
    troth_part parts[] = {{TROTH_PART_SIGN_ONLY, header, sizeof header},
                          {TROTH_PART_DATA, text, 20},
                          {TROTH_PART_DATA, text + 20, sizeof text - 20}};
    const uint8_t *bytes = (const uint8_t *)text;
    troth_error error = TROTH_ERROR_INIT;
    troth_protection found = TROTH_PROTECTION_UNSET;
    uint8_t room[ROOM];
    size_t length = 0;
    troth_status status;

    status = troth_wrap_parts(from, protection, parts, 3, room, sizeof room, &length, &error);
    if (!went(outcome, "troth_wrap_parts", status, &error)) {
        conversation_check(length == 0 && all_zero(bytes, sizeof text));
        conversation_check(troth_wrap_parts(from, protection, parts, 3, room, sizeof room, &length, &error) == status);
        return false;
    }
    status = troth_unwrap_parts(to, room, length, parts, 3, &found, &error);
    if (!went(outcome, "troth_unwrap_parts", status, &error)) {
        conversation_check(found == TROTH_PROTECTION_UNSET && all_zero(bytes, sizeof text));
        conversation_check(troth_unwrap_parts(to, room, length, parts, 3, &found, &error) == status);
        return false;
    }
    conversation_check(strncmp(text, "a message in two", 16) == 0 && found == protection);
    if (!went(outcome, "troth_get_mic_parts", troth_get_mic_parts(from, parts, 3, room, sizeof room, &length, &error),
              &error))
        return false;
    if (!went(outcome, "troth_verify_mic_parts", troth_verify_mic_parts(to, parts, 3, room, length, &error), &error))
        return false;
    status = troth_wrap_size_limit(from, protection, ROOM, &length, &error);
    conversation_check(length < ROOM && (status == TROTH_OK) == (length > 0));
    return went(outcome, "troth_wrap_size_limit", status, &error);
}

/* ---- the session ---------------------------------------------------------------------------------------------- */

/* Both ends have the same key, and derive the same bytes from it. */
static bool check_keys(troth_context *initiator, troth_context *acceptor, struct outcome *outcome)
{
    troth_context *const contexts[2] = {initiator, acceptor};
    uint8_t keys[2][64], derived[2][80];
    size_t lengths[2] = {1, 1};
    int32_t types[2] = {1, 1};

    for (int i = 0; i < 2; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_status status =
            troth_context_session_key(contexts[i], keys[i], sizeof keys[i], &lengths[i], &types[i], &error);

        if (!went(outcome, "troth_context_session_key", status, &error)) {
            conversation_check(lengths[i] == 0 && types[i] == 0);
            return false;
        }
        status = troth_context_prf(contexts[i], TROTH_PRF_KEY_FULL, "input", 5, derived[i], sizeof derived[i], &error);
        if (!went(outcome, "troth_context_prf", status, &error)) {
            conversation_check(all_zero(derived[i], sizeof derived[i]));
            return false;
        }
    }
    conversation_check(lengths[0] > 0 && lengths[0] == lengths[1] && memcmp(keys[0], keys[1], lengths[0]) == 0);
    conversation_check(types[0] == types[1] && types[0] != 0);
    conversation_check(memcmp(derived[0], derived[1], sizeof derived[0]) == 0);
    return true;
}

/* What else is known of the initiator. */
static bool check_peer(troth_context *acceptor, struct outcome *outcome)
{
    troth_principal principal = TROTH_PRINCIPAL_INIT;
    troth_error error = TROTH_ERROR_INIT;
    uint8_t room[4096];
    size_t length = 1;
    int vouched = 0;

    if (!went(outcome, "troth_context_peer_principal", troth_context_peer_principal(acceptor, &principal, &error),
              &error) ||
        !went(outcome, "troth_context_peer_export_name",
              troth_context_peer_export_name(acceptor, room, sizeof room, &length, &error), &error) ||
        !went(outcome, "troth_context_peer_local_name",
              troth_context_peer_local_name(acceptor, (char *)room, sizeof room, &length, &error), &error) ||
        !went(outcome, "troth_context_peer_attribute",
              troth_context_peer_attribute(acceptor, "urn:mspac:", room, sizeof room, &length, &vouched, &error),
              &error)) {
        conversation_check(length == 0 || length == 1);
        return false;
    }
    conversation_check(vouched == 1 && length > 0);
    return true;
}

/* The acceptor's end goes on in a context made of its bytes. */
static void hand_over(const troth__backend *backend, troth_context *initiator, troth_context *acceptor,
                      troth_protection protection, struct outcome *outcome)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *imported = NULL;
    const void *token = NULL;
    size_t length = 1;
    troth_status status = troth_context_export(acceptor, &token, &length, &error);

    if (!went(outcome, "troth_context_export", status, &error)) {
        conversation_check(token == NULL && length == 0);
        conversation_check(troth_context_export(acceptor, &token, &length, &error) == status);
        return;
    }
    status = troth__context_import(backend, token, length, &imported, &error);
    if (!went(outcome, "troth_context_import", status, &error)) {
        conversation_check(imported == NULL);
        return;
    }
    if (send_sealed(initiator, imported, protection, outcome))
        send_sealed(imported, initiator, protection, outcome);
    troth_context_free(imported);
}

/* ---- all of it ------------------------------------------------------------------------------------------------ */

/* With both contexts there. */
static void talk(const troth__backend *backend, troth_context *initiator, troth_context *acceptor,
                 const struct conversation *conversation, struct outcome *outcome)
{
    const troth_protection protection =
        conversation->required != 0 && (conversation->required & TROTH_CONFIDENTIALITY) == 0
            ? TROTH_PROTECT_INTEGRITY
            : TROTH_PROTECT_CONFIDENTIALITY;

    if (!handshake(initiator, acceptor, outcome))
        return;
    if (check_info(initiator, conversation, TROTH_INITIATOR, outcome) &&
        check_info(acceptor, conversation, TROTH_ACCEPTOR, outcome) &&
        check_names(initiator, acceptor, conversation, outcome) &&
        send_sealed(initiator, acceptor, protection, outcome) &&
        send_sealed(acceptor, initiator, protection, outcome) && send_signed(initiator, acceptor, outcome) &&
        send_signed(acceptor, initiator, outcome) && send_parts(initiator, acceptor, protection, outcome) &&
        send_parts(acceptor, initiator, protection, outcome) && check_keys(initiator, acceptor, outcome) &&
        check_peer(acceptor, outcome))
        hand_over(backend, initiator, acceptor, protection, outcome);
}

/* Somebody listens in every conversation, so that telling him is part of what may fail. */
static void listen(void *user, const troth_trace_event *event)
{
    (void)user;
    conversation_check(event->size == sizeof *event && event->subject != NULL);
    conversation_check(event->kind != TROTH_TRACE_NATIVE || event->call != NULL);
    conversation_check(event->kind != TROTH_TRACE_REFUSED || event->text[0] != '\0');
}

void conversation_hold(const troth__backend *backend, const struct conversation *conversation, struct outcome *outcome)
{
    troth_credential_options mine = conversation_source(conversation->source, conversation->mechanism);
    troth_credential_options theirs = conversation_acceptor(conversation->source, conversation->mechanism);
    troth_context_options to = conversation_target(), from = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *user = NULL, *service = NULL;
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;
    char peer[128];

    memset(outcome, 0, sizeof *outcome);
    mine.trace = theirs.trace = listen;
    to.required = from.required = conversation->required;
    if (conversation->service != NULL)
        to.target.service = conversation->service;

    status = troth__credential_acquire(backend, TROTH_ACCEPTOR, &theirs, &service, &error);
    conversation_check((status == TROTH_OK) == (service != NULL));
    if (!went(outcome, "acquiring the acceptor's credential", status, &error))
        goto out;
    status = troth__credential_acquire(backend, TROTH_INITIATOR, &mine, &user, &error);
    conversation_check((status == TROTH_OK) == (user != NULL));
    if (!went(outcome, "acquiring the initiator's credential", status, &error))
        goto out;
    for (unsigned i = 0; i < conversation->earlier; i++) {
        if (!went(outcome, "an earlier handshake", conversation_greet(user, service, peer, &error), &error))
            goto out;
    }
    status = troth_context_new(user, &to, &initiator, &error);
    conversation_check((status == TROTH_OK) == (initiator != NULL));
    if (!went(outcome, "making the initiator's context", status, &error))
        goto out;
    status = troth_context_new(service, &from, &acceptor, &error);
    conversation_check((status == TROTH_OK) == (acceptor != NULL));
    if (!went(outcome, "making the acceptor's context", status, &error))
        goto out;
    talk(backend, initiator, acceptor, conversation, outcome);
out:
    troth_context_free(initiator);
    troth_context_free(acceptor);
    troth_credential_free(user);
    troth_credential_free(service);
}
