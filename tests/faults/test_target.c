/*
 * test_target.c - each native call and each allocation fails once while an acceptor compares whom its peer was told to
 * authenticate. Nothing leaks, every failure is told, and none of them lets in a peer that was told another name.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "forge.h"
#include "realm.h"
#include "troth/peer.h"
#include "watch.h"

/* A call that hangs ends the test. */
#define ALARM_SECONDS 60

#define CLIENT_TARGET 144 /* [MS-KILE] */

/* UTF-16, little-endian, without a NUL. */
static const char ours[] = "x\0/\0h\0o\0s\0t";
static const char anothers[] = "y\0/\0h\0o\0s\0t";

/* A new token each time: an old one would be a replay. */
static size_t say(const char *target, bool spnego, uint8_t token[FORGE_TOKEN_MOST])
{
    const struct forge_datum data = {CLIENT_TARGET, target, sizeof ours};
    char service[256];
    struct forge_wanted wanted = {FORGE_TEXT("alice"), FORGE_TEXT("TROTH.TEST"), service, NULL, NULL};
    krb5_authdata **list = NULL;
    krb5_context krb5 = NULL;
    krb5_creds creds;
    size_t length;

    snprintf(service, sizeof service, "%s/%s@%s", realm_env("TROTH_REALM_SERVICE"), realm_env("TROTH_REALM_HOST"),
             realm_env("TROTH_REALM"));
    assert_int_equal(krb5_init_context(&krb5), 0);
    forge_relevant(krb5, &data, 1, &list);
    forge_ticket(krb5, &wanted, &creds);
    length = forge_token(krb5, &creds, list, spnego, token);
    krb5_free_cred_contents(krb5, &creds);
    krb5_free_authdata(krb5, list);
    krb5_free_context(krb5);
    return length;
}

/* One step of an acceptor that requires its name to be said, and what it is told of it. */
static troth_status compare(const troth__backend *backend, troth_mechanism mechanism, const uint8_t *token,
                            size_t length, bool *complete, troth_error *error)
{
    static const troth_name name = {"x", "host", NULL};
    troth_credential_options keys = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *acceptor = NULL;
    troth_context *context = NULL;
    const void *out = NULL;
    char told[16] = "";
    size_t out_length = 0, told_length = 0;
    troth_status status;

    *complete = false;
    keys.mechanism = mechanism;
    options.accepted_targets = &name;
    options.accepted_target_count = 1;
    options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_TARGET_NAMED;
    status = troth__credential_acquire(backend, TROTH_ACCEPTOR, &keys, &acceptor, error);
    if (status == TROTH_OK)
        status = troth_context_new(acceptor, &options, &context, error);
    if (status == TROTH_OK)
        status = troth_context_step(context, token, length, &out, &out_length, error);
    *complete = status == TROTH_OK;
    if (status == TROTH_OK)
        status = troth_context_peer_target(context, told, sizeof told, &told_length, NULL, error);
    conversation_check(strcmp(told, status == TROTH_OK ? "x/host" : "") == 0);
    troth_context_free(context);
    troth_credential_free(acceptor);
    return status;
}

/* The whole of it once. Returns whether nothing failed. */
static bool once(const char *target, troth_mechanism mechanism, enum watch_failure failure, unsigned nth,
                 const char **failed)
{
    static uint8_t token[FORGE_TOKEN_MOST];
    const troth__backend backend = watch_backend_of(&watch_native);
    const size_t length = say(target, mechanism == TROTH_MECHANISM_NEGOTIATE, token);
    const unsigned descriptors = watch_descriptors();
    troth_error error = TROTH_ERROR_INIT;
    bool complete;
    troth_status status;

    alarm(ALARM_SECONDS);
    watch_start(failure, nth);
    status = compare(&backend, mechanism, token, length, &complete, &error);
    *failed = watch_failed();
    watch_start(WATCH_NONE, 0);
    alarm(0);
    conversation_story("call %u of %s", nth, *failed != NULL ? *failed : "(none)");
    conversation_check(!complete || target == ours);
    conversation_check(status == TROTH_OK || (error.status == status && error.text[0] != '\0'));
    conversation_check(failure != WATCH_ALLOCATION || status == TROTH_OK || status == TROTH_E_MEMORY ||
                       status == TROTH_E_WRONG_TARGET);
    if (watch_alive(false) > 0)
        watch_alive(true);
    conversation_check(watch_alive(false) == 0);
    conversation_check(watch_descriptors() == descriptors);
    return status == TROTH_OK;
}

static void fail_each(const char *target)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};
    const char *failed;

    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++) {
        for (int failure = WATCH_BEFORE; failure <= WATCH_ALLOCATION; failure++) {
            unsigned failures = 0, nth = 1;

            assert_int_equal(once(target, mechanisms[i], WATCH_NONE, 0, &failed), target == ours);
            do {
                failures += !once(target, mechanisms[i], (enum watch_failure)failure, nth, &failed);
            } while (failed != NULL && ++nth < 1000);
            assert_null(failed);
            assert_true(failures > 5);
            print_message("# %u times, of these %u were failures\n", nth - 1, failures);
        }
    }
}

static void the_own_name_is_compared_without_traces_whatever_fails(void **state)
{
    (void)state;
    fail_each(ours);
}

static void another_name_is_refused_whatever_fails(void **state)
{
    (void)state;
    fail_each(anothers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_own_name_is_compared_without_traces_whatever_fails),
        cmocka_unit_test(another_name_is_refused_whatever_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
