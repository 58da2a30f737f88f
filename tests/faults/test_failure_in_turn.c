/*
 * test_failure_in_turn.c - each native call and each allocation of a whole conversation fails once: nothing leaks,
 * nothing hangs, nothing is called done that is not, and every failure is told.
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

/* A call that hangs ends the test. */
#define ALARM_SECONDS 60

/* Calls whose failure need not be a failure of the conversation, and why. All others' is. */
static const struct {
    const char *call;
    const char *reason;
} fallbacks[] = {
    {"gss_display_status",
     "the error then tells the codes without the library's words; under Negotiate MIT's minor code "
     "is not the krb5 one, which only the words lead back to, so that the class may be lost"},
    {"gss_delete_sec_context", "nothing can be done about what cannot be freed"},
    {"gss_release_buffer", "likewise"},
    {"gss_release_buffer_set", "likewise"},
    {"gss_release_cred", "likewise"},
    {"gss_release_name", "likewise"},
    {"gss_release_oid_set", "likewise"},
    {"krb5_cc_destroy", "likewise"},
    {"krb5_free_context", "likewise"},
    {"krb5_free_error_message", "likewise"},
    {"krb5_free_keytab_entry_contents", "likewise"},
    {"krb5_free_unparsed_name", "likewise"},
    {"krb5_kt_close", "likewise"},
    {"krb5_kt_end_seq_get", "likewise"},
    {"krb5_get_error_message", "the error then tells the code without the library's words"},
    {"gss_canonicalize_name", "the name is then used as it was imported, and the ccache as it is in its file"},
    {"gss_inquire_context for later", "the name is then used as it was made canonical"},
    {"krb5_cc_copy_creds", "the ccache is then used as it is in its file"},
    {"krb5_cc_get_principal", "likewise"},
    {"krb5_cc_initialize", "likewise"},
    {"krb5_cc_close", "nothing can be done about what cannot be freed"},
    {"krb5_free_principal", "likewise"},
    {"krb5_cc_start_seq_get", "the ccache is then used whole"},
    {"krb5_cc_next_cred", "likewise"},
    {"krb5_cc_store_cred", "likewise"},
    {"krb5_parse_name", "likewise"},
    {"krb5_principal_compare_any_realm", "likewise"},
    {"krb5_is_config_principal", "what the ccache's other users noted in it is then not seen"},
    {"krb5_free_creds", "nothing can be done about what cannot be freed"},
    {"krb5_cc_end_seq_get", "nothing can be done about what cannot be freed"},
    {"krb5_free_cred_contents", "likewise"},
    {"krb5_cc_default_name", "a ccache whose file is not known is read anew for every context"},
    {"krb5_kt_default", "without its keys in memory an acceptor uses its stock handle; an error is told without them"},
    {"krb5_kt_resolve", "likewise"},
    {"krb5_kt_add_entry", "likewise"},
    {"krb5_kt_remove_entry", "likewise"},
    {"krb5_kt_get_name", "likewise, or the keytab's content is told without its name"},
    {"krb5_kt_start_seq_get", "likewise, or the keytab is told to be unreadable"},
    {"krb5_kt_next_entry", "likewise, or the keytab's content is told up to here"},
    {"krb5_unparse_name", "the keytab's content is told without this entry"},
};

static const struct conversation good[] = {
    {"Kerberos from a ccache", TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE, NULL, 0, 0},
    {"Kerberos from a client keytab", TROTH_MECHANISM_KERBEROS, SOURCE_KEYTAB, NULL, 0, 0},
    {"Kerberos from a password", TROTH_MECHANISM_KERBEROS, SOURCE_PASSWORD, NULL, 0, 0},
    {"Negotiate from a ccache", TROTH_MECHANISM_NEGOTIATE, SOURCE_CCACHE, NULL, 0, 0},
    {"Negotiate from a client keytab", TROTH_MECHANISM_NEGOTIATE, SOURCE_KEYTAB, NULL, 0, 0},
    {"Negotiate from a password", TROTH_MECHANISM_NEGOTIATE, SOURCE_PASSWORD, NULL, 0, 0},
    {"Kerberos from a ccache, the third time", TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE, NULL, 0, 2},
    {"Negotiate from a ccache, the third time", TROTH_MECHANISM_NEGOTIATE, SOURCE_CCACHE, NULL, 0, 2},
    {"Kerberos with all given as bytes", TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE_BYTES, NULL, 0, 1},
    {"Negotiate with all given as bytes", TROTH_MECHANISM_NEGOTIATE, SOURCE_KEYTAB_BYTES, NULL, 0, 0},
    {"Kerberos with integrity alone", TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE, NULL, TROTH_MUTUAL | TROTH_INTEGRITY, 0},
};

/* The acceptor's key is not the one that the ticket was made with. */
static const struct conversation wrong_key[] = {
    {"Kerberos with a wrong key", TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE, "wrong", 0, 0},
    {"Negotiate with a wrong key", TROTH_MECHANISM_NEGOTIATE, SOURCE_CCACHE, "wrong", 0, 0},
};

/* Over bytes there is nothing to fall back on: what cannot be put into memory is not there. */
static bool loads_bytes(const struct conversation *conversation, const struct outcome *outcome)
{
    return (conversation->source == SOURCE_CCACHE_BYTES || conversation->source == SOURCE_KEYTAB_BYTES) &&
           strncmp(outcome->call, "acquiring", strlen("acquiring")) == 0 && outcome->status == TROTH_E_FAILURE;
}

static bool has_fallback(const char *call)
{
    for (size_t i = 0; i < sizeof fallbacks / sizeof fallbacks[0]; i++) {
        if (strcmp(fallbacks[i].call, call) == 0)
            return true;
    }
    return false;
}

/* What must hold whatever came of a conversation. */
static void check_nothing_left(unsigned descriptors)
{
    if (watch_alive(false) > 0)
        watch_alive(true);
    conversation_check(watch_alive(false) == 0);
    conversation_check(watch_descriptors() == descriptors);
}

/* One conversation in which the nth call fails. Returns false when there was no nth call. */
static bool fail_one(const struct conversation *conversation, const troth__backend *backend, enum watch_failure failure,
                     unsigned nth, bool succeeds)
{
    const unsigned descriptors = watch_descriptors();
    struct outcome outcome;
    const char *failed;

    conversation_story("%s, call %u (%s)", conversation->name, nth,
                       failure == WATCH_BEFORE  ? "not made"
                       : failure == WATCH_AFTER ? "failing at its end"
                                                : "allocation");
    alarm(ALARM_SECONDS);
    watch_start(failure, nth);
    conversation_hold(backend, conversation, &outcome);
    failed = watch_failed();
    watch_start(WATCH_NONE, 0);
    alarm(0);

    conversation_story("%s, call %u of %s", conversation->name, nth, failed != NULL ? failed : "(none)");
    check_nothing_left(descriptors);
    if (failed == NULL) {
        conversation_check((outcome.call == NULL) == succeeds);
        return false;
    }
    if (outcome.call == NULL)
        conversation_check(has_fallback(failed) && succeeds);
    else if (failure == WATCH_ALLOCATION)
        conversation_check(outcome.status == TROTH_E_MEMORY);
    else if (has_fallback(failed))
        conversation_check(
            loads_bytes(conversation, &outcome) ||
            (!succeeds && (outcome.status == TROTH_E_WRONG_KEY ||
                           (outcome.status == TROTH_E_FAILURE && strcmp(failed, "gss_display_status") == 0))));
    else
        conversation_check(outcome.status == TROTH_E_FAILURE || !succeeds);
    return true;
}

static void fail_each(const struct conversation *conversations, size_t count, enum watch_failure failure, bool succeeds)
{
    const troth__backend backend = watch_backend_of(&watch_native);

    for (size_t i = 0; i < count; i++) {
        struct outcome outcome;
        unsigned nth = 1;

        /* The first time fills caches (the service ticket, the process's own), so that all others are alike. */
        conversation_story("%s, the first", conversations[i].name);
        conversation_hold(&backend, &conversations[i], &outcome);
        if (outcome.call != NULL && succeeds)
            print_error("%s\n", outcome.error.text);
        conversation_check((outcome.call == NULL) == succeeds);
        while (fail_one(&conversations[i], &backend, failure, nth, succeeds))
            nth++;
        print_message("# %s: %u times\n", conversations[i].name, nth - 1);
        assert_true(nth > 10);
    }
}

/* Under valgrind the first is enough: every byte of the others is watched by AddressSanitizer. */
static size_t good_count(void)
{
    return getenv("TROTH_TEST_VALGRIND") != NULL ? 1 : sizeof good / sizeof good[0];
}

static void each_native_call_that_is_not_made_is_a_failure_without_traces(void **state)
{
    (void)state;
    fail_each(good, good_count(), WATCH_BEFORE, true);
}

static void each_native_call_that_fails_at_its_end_is_a_failure_without_traces(void **state)
{
    (void)state;
    fail_each(good, good_count(), WATCH_AFTER, true);
}

static void each_allocation_that_fails_is_told_as_such_and_leaves_no_traces(void **state)
{
    (void)state;
    fail_each(good, good_count(), WATCH_ALLOCATION, true);
}

static void a_failure_inside_the_telling_of_a_failure_leaves_the_failure(void **state)
{
    (void)state;
    fail_each(wrong_key, sizeof wrong_key / sizeof wrong_key[0], WATCH_BEFORE, false);
    fail_each(wrong_key, sizeof wrong_key / sizeof wrong_key[0], WATCH_AFTER, false);
    fail_each(wrong_key, sizeof wrong_key / sizeof wrong_key[0], WATCH_ALLOCATION, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_native_call_that_is_not_made_is_a_failure_without_traces),
        cmocka_unit_test(each_native_call_that_fails_at_its_end_is_a_failure_without_traces),
        cmocka_unit_test(each_allocation_that_fails_is_told_as_such_and_leaves_no_traces),
        cmocka_unit_test(a_failure_inside_the_telling_of_a_failure_leaves_the_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
