/*
 * test_ntlm_in_turn.c - each native call and each allocation of an NTLM conversation fails once, as those of Kerberos
 * do in test_failure_in_turn.c: NTLM takes other calls for its messages. Skipped without gss-ntlmssp.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
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

#define USER "ntuser"
#define DOMAIN "TROTHDOM"
#define PASSWORD "in turn and in vain"
#define REQUIRED (TROTH_INTEGRITY | TROTH_CONFIDENTIALITY)
#define ALARM_SECONDS 60

static troth_credential *credential(const troth__backend *backend, troth_role role, troth_status *status,
                                    troth_error *error)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *made = NULL;

    options.mechanism = TROTH_MECHANISM_NTLM;
    if (role == TROTH_INITIATOR) {
        options.name.principal = DOMAIN "\\" USER;
        options.password = PASSWORD;
    }
    *status = troth__credential_acquire(backend, role, &options, &made, error);
    assert_true((*status == TROTH_OK) == (made != NULL));
    return made;
}

static troth_status talk(troth_context *from, troth_context *to, troth_error *error)
{
    static const char text[] = "a message and a code over it";
    uint8_t room[512];
    size_t length = 0, data_length = 0;
    troth_protection found = TROTH_PROTECTION_UNSET;
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

/* The whole of it, up to the first failure. */
static troth_status converse(const troth__backend *backend, troth_error *error)
{
    troth_context_options to = conversation_target(), from = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *user = NULL, *service = NULL;
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_status status;

    to.required = from.required = REQUIRED;
    service = credential(backend, TROTH_ACCEPTOR, &status, error);
    if (status == TROTH_OK)
        user = credential(backend, TROTH_INITIATOR, &status, error);
    if (status == TROTH_OK)
        status = troth_context_new(user, &to, &initiator, error);
    if (status == TROTH_OK)
        status = troth_context_new(service, &from, &acceptor, error);
    if (status == TROTH_OK)
        status = conversation_handshake(initiator, acceptor, error);
    if (status == TROTH_OK)
        status = talk(initiator, acceptor, error);
    if (status == TROTH_OK)
        status = talk(acceptor, initiator, error);
    troth_context_free(initiator);
    troth_context_free(acceptor);
    troth_credential_free(user);
    troth_credential_free(service);
    return status;
}

/* Where nothing is lost but words, or nobody could release what was not released. */
static bool may_succeed(const char *call)
{
    return strstr(call, "release") != NULL || strstr(call, "free") != NULL || strstr(call, "delete") != NULL ||
           strstr(call, "display_status") != NULL || strstr(call, "close") != NULL || strstr(call, "destroy") != NULL;
}

static void fail_each(enum watch_failure failure)
{
    const troth__backend backend = watch_backend_of(&watch_native);
    troth_error error = TROTH_ERROR_INIT;
    unsigned nth = 0, descriptors;
    const char *failed;

    if (converse(&backend, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    descriptors = watch_descriptors();
    do {
        troth_status status;

        conversation_story("NTLM, call %u", ++nth);
        alarm(ALARM_SECONDS);
        watch_start(failure, nth);
        status = converse(&backend, &error);
        failed = watch_failed();
        watch_start(WATCH_NONE, 0);
        alarm(0);
        conversation_check(watch_alive(true) == 0);
        conversation_check(watch_descriptors() == descriptors);
        if (failed == NULL || status == TROTH_OK) {
            if (status != TROTH_OK || (failed != NULL && !may_succeed(failed)))
                fail_msg("call %u of %s: %s %s", nth, failed != NULL ? failed : "(none)", troth_status_name(status),
                         error.text);
            continue;
        }
        conversation_check(error.status == status && error.text[0] != '\0');
        conversation_check(failure != WATCH_ALLOCATION || status == TROTH_E_MEMORY);
    } while (failed != NULL);
    print_message("# %u times\n", nth - 1);
    assert_true(nth > 10);
}

static void each_native_call_of_ntlm_that_is_not_made_is_a_failure_without_traces(void **state)
{
    (void)state;
    fail_each(WATCH_BEFORE);
}

static void each_native_call_of_ntlm_that_fails_at_its_end_is_a_failure_without_traces(void **state)
{
    (void)state;
    fail_each(WATCH_AFTER);
}

static void each_allocation_of_ntlm_that_fails_is_told_and_leaves_no_traces(void **state)
{
    (void)state;
    fail_each(WATCH_ALLOCATION);
}

/* gss-ntlmssp looks for users in the file that this variable of its own names. */
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
        cmocka_unit_test(each_native_call_of_ntlm_that_is_not_made_is_a_failure_without_traces),
        cmocka_unit_test(each_native_call_of_ntlm_that_fails_at_its_end_is_a_failure_without_traces),
        cmocka_unit_test(each_allocation_of_ntlm_that_fails_is_told_and_leaves_no_traces),
    };

    if (troth_supports(TROTH_FEATURE_NTLM) != TROTH_SUPPORT_YES) {
        puts("1..0 # SKIP gss-ntlmssp is not installed");
        return 0;
    }
    return cmocka_run_group_tests(tests, setup, NULL);
}
