/*
 * test_ntlm_failures.c - each native call and each allocation of a conversation over NTLM fails once: nothing leaks,
 * and nothing is called done that is not.
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
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "realm.h"
#include "watch.h"

#define PASSWORD "one secret"
#define ALARM_SECONDS 60 /* a call that hangs ends the test */

/* Calls whose failure nobody has to notice. */
static const char *const unnoticed[] = {
    "gss_display_status",     "gss_delete_sec_context", "gss_release_buffer",      "gss_release_cred",
    "gss_release_name",       "krb5_cc_destroy",        "krb5_free_context",       "krb5_cc_close",
    "krb5_get_error_message", "krb5_cc_default_name",   "krb5_free_error_message",
};

static bool may_go_unnoticed(const char *call)
{
    for (size_t i = 0; i < sizeof unnoticed / sizeof unnoticed[0]; i++) {
        if (strcmp(unnoticed[i], call) == 0)
            return true;
    }
    return false;
}

static troth_status make(const troth__backend *backend, troth_role role, troth_mechanism mechanism,
                         troth_credential **credential, troth_context **context, troth_error *error)
{
    troth_credential_options own = {.size = sizeof own, .mechanism = mechanism};
    troth_context_options options = {.size = sizeof options, .required = TROTH_INTEGRITY | TROTH_CONFIDENTIALITY};
    troth_status status;

    own.flags = mechanism == TROTH_MECHANISM_NTLM ? 0 : TROTH_CREDENTIAL_NTLM;
    if (role == TROTH_INITIATOR) {
        own.name.principal = "TROTHDOM\\ntuser";
        own.password = PASSWORD;
        options.target.service = realm_env("TROTH_REALM_SERVICE");
        options.target.host = realm_env("TROTH_REALM_HOST");
    }
    status = troth__credential_acquire(backend, role, &own, credential, error);
    assert_true((status == TROTH_OK) == (*credential != NULL));
    return status == TROTH_OK ? troth_context_new(*credential, &options, context, error) : status;
}

static troth_status converse(troth_context *from, troth_context *to, troth_error *error)
{
    static const char text[] = "a message and a code over it";
    troth_protection found = TROTH_PROTECTION_UNSET;
    size_t length = 0, data_length = 0;
    uint8_t room[512];
    void *data = NULL;
    troth_status status =
        troth_wrap(from, TROTH_PROTECT_CONFIDENTIALITY, text, sizeof text, room, sizeof room, &length, error);

    if (status == TROTH_OK)
        status = troth_unwrap(to, room, length, &data, &data_length, &found, error);
    if (status != TROTH_OK) {
        assert_null(data);
        return status;
    }
    assert_int_equal(found, TROTH_PROTECT_CONFIDENTIALITY);
    assert_int_equal(data_length, sizeof text);
    assert_memory_equal(data, text, sizeof text);
    status = troth_get_mic(from, text, sizeof text, room, sizeof room, &length, error);
    return status == TROTH_OK ? troth_verify_mic(to, text, sizeof text, room, length, error) : status;
}

/* One whole conversation, ended at its first failure. */
static troth_status hold(const troth__backend *backend, troth_mechanism mechanism, troth_error *error)
{
    troth_credential *credentials[2] = {NULL, NULL};
    troth_context *contexts[2] = {NULL, NULL};
    const char *name = NULL;
    troth_status status = make(backend, TROTH_INITIATOR, mechanism, &credentials[0], &contexts[0], error);

    if (status == TROTH_OK)
        status = make(backend, TROTH_ACCEPTOR, mechanism, &credentials[1], &contexts[1], error);
    if (status == TROTH_OK)
        status = conversation_handshake(contexts[0], contexts[1], error);
    if (status == TROTH_OK)
        status = troth_context_peer_name(contexts[1], &name, error);
    if (status == TROTH_OK)
        status = converse(contexts[0], contexts[1], error);
    if (status == TROTH_OK)
        status = converse(contexts[1], contexts[0], error);
    for (size_t i = 0; i < 2; i++) {
        troth_context_free(contexts[i]);
        troth_credential_free(credentials[i]);
    }
    return status;
}

/* One conversation in which the nth call fails. Returns false when there was no nth call. */
static bool fail_one(const troth__backend *backend, troth_mechanism mechanism, enum watch_failure failure, unsigned nth)
{
    const unsigned descriptors = watch_descriptors();
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;
    const char *failed;

    conversation_story("NTLM, mechanism %d, call %u", (int)mechanism, nth);
    alarm(ALARM_SECONDS);
    watch_start(failure, nth);
    watch_secret(PASSWORD, strlen(PASSWORD));
    status = hold(backend, mechanism, &error);
    failed = watch_failed();
    watch_start(WATCH_NONE, 0);
    alarm(0);
    if (watch_alive(true) != 0)
        fail_msg("mechanism %d, call %u (%s) left something behind", (int)mechanism, nth,
                 failed != NULL ? failed : "none");
    watch_secret(NULL, 0);
    conversation_check(watch_descriptors() == descriptors);
    if (failed == NULL)
        assert_int_equal(status, TROTH_OK);
    else if (failure == WATCH_ALLOCATION)
        assert_int_equal(status, TROTH_E_MEMORY);
    else if (status == TROTH_OK && !may_go_unnoticed(failed))
        fail_msg("%s failed, and nobody noticed", failed);
    if (status != TROTH_OK)
        conversation_check(error.status == status && error.text[0] != '\0');
    return failed != NULL;
}

static void fail_each(enum watch_failure failure)
{
    static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_NTLM, TROTH_MECHANISM_NEGOTIATE};
    const troth__backend backend = watch_backend_of(&watch_native);

    for (size_t i = 0; i < 2; i++) {
        troth_error error = TROTH_ERROR_INIT;
        unsigned nth = 1;

        if (hold(&backend, mechanisms[i], &error) != TROTH_OK)
            fail_msg("%s", error.text);
        while (fail_one(&backend, mechanisms[i], failure, nth))
            nth++;
        assert_true(nth > 15);
        print_message("# %u times\n", nth - 1);
    }
}

static void each_native_call_that_is_not_made_is_noticed_and_leaves_nothing(void **state)
{
    (void)state;
    fail_each(WATCH_BEFORE);
}

static void each_native_call_that_fails_at_its_end_is_noticed_and_leaves_nothing(void **state)
{
    (void)state;
    fail_each(WATCH_AFTER);
}

static void each_allocation_that_fails_is_told_as_such_and_leaves_nothing(void **state)
{
    (void)state;
    fail_each(WATCH_ALLOCATION);
}

static int setup(void **state)
{
    const char *path = realm_path("ntlm.users");
    FILE *file = fopen(path, "w");

    (void)state;
    assert_non_null(file);
    fprintf(file, "TROTHDOM:ntuser:%s\n", PASSWORD);
    assert_int_equal(fclose(file), 0);
    return setenv("NTLM_USER_FILE", path, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_native_call_that_is_not_made_is_noticed_and_leaves_nothing),
        cmocka_unit_test(each_native_call_that_fails_at_its_end_is_noticed_and_leaves_nothing),
        cmocka_unit_test(each_allocation_that_fails_is_told_as_such_and_leaves_nothing),
    };

    if (troth_supports(TROTH_FEATURE_NTLM) != TROTH_SUPPORT_YES) {
        printf("1..0 # SKIP gss-ntlmssp is not installed\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, setup, NULL);
}
