/*
 * skip.c - the contract suite's tests that WinPR cannot pass, by name and with the reason. The suite's own sources stay
 * as they are: the linker puts the function below in the place of cmocka's (--wrap).
 */
#include "contract/contract.h"

#define ENCRYPTED_ONLY "WinPR has no messages without encryption: EncryptMessage refuses SECQOP_WRAP_NO_ENCRYPT"
#define FOUR_LEGS                                                                                                      \
    "WinPR's SPNEGO tries user-to-user Kerberos first, between its own two ends in four legs; this test counts on two"

static const struct {
    const char *test;
    troth_mechanism mechanism; /* DEFAULT: whichever */
    const char *why;
} skipped[] = {
    {"messages_of_every_size_pass_both_ways_in_both_protections", TROTH_MECHANISM_DEFAULT, ENCRYPTED_ONLY},
    {"a_message_is_wrapped_in_place", TROTH_MECHANISM_DEFAULT, ENCRYPTED_ONLY},
    {"less_protection_than_required_is_not_taken", TROTH_MECHANISM_DEFAULT, ENCRYPTED_ONLY},
    {"a_mic_over_parts_is_one_over_the_whole", TROTH_MECHANISM_DEFAULT,
     "WinPR counts no messages and has no window: nothing is taken after one that failed"},
    {"the_size_limit_is_exact", TROTH_MECHANISM_DEFAULT, ENCRYPTED_ONLY},
    {"datagrams_go_on_after_a_failed_one", TROTH_MECHANISM_DEFAULT,
     "WinPR counts no messages and has no window: nothing is taken behind a gap"},
    {"many_conversations_of_one_credential_are_open_at_once", TROTH_MECHANISM_NEGOTIATE, FOUR_LEGS},
    {"a_token_that_comes_twice_is_a_replay", TROTH_MECHANISM_NEGOTIATE, FOUR_LEGS},
    {"the_reply_of_another_conversation_is_refused", TROTH_MECHANISM_NEGOTIATE, FOUR_LEGS},
    {"a_reply_sent_to_an_acceptor_is_refused", TROTH_MECHANISM_NEGOTIATE, FOUR_LEGS},
    {"a_retired_encryption_type_is_refused_by_either_end", TROTH_MECHANISM_NEGOTIATE, FOUR_LEGS},
};

int __real__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);

static void say_why(void **state)
{
    print_message("# SKIPPED: %s\n", (const char *)*state);
    skip();
}

int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown)
{
    static struct CMUnitTest kept[64];

    if (count > sizeof kept / sizeof kept[0]) {
        print_error("more tests than there is room for\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        kept[i] = tests[i];
        for (size_t j = 0; j < sizeof skipped / sizeof skipped[0]; j++) {
            if (strcmp(tests[i].name, skipped[j].test) == 0 &&
                (skipped[j].mechanism == TROTH_MECHANISM_DEFAULT || skipped[j].mechanism == under_test)) {
                kept[i].test_func = say_why;
                kept[i].setup_func = NULL;
                kept[i].teardown_func = NULL;
                kept[i].initial_state = (void *)(uintptr_t)skipped[j].why;
            }
        }
    }
    return __real__cmocka_run_group_tests(group, kept, count, setup, teardown);
}
