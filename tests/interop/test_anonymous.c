/*
 * test_anonymous.c - a client with a KDC's anonymous ticket (RFC 8062): an acceptor that was not told to lets nobody of
 * that kind in. Runs in a realm made with --pkinit; its argument is the mechanism.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "realm.h"
#include "troth/troth.h"

static troth_mechanism under_test;

static struct {
    troth_credential *credentials[2]; /* initiator, acceptor */
    troth_context *initiator;
    troth_context *acceptor;
    troth_error error;
} held;

static void expect(troth_status got, troth_status wanted)
{
    if (got != wanted) {
        fail_msg("%s instead of %s: %s", troth_status_name(got), troth_status_name(wanted), held.error.text);
    }
}

static int teardown(void **state)
{
    (void)state;
    troth_context_free(held.initiator);
    troth_context_free(held.acceptor);
    troth_credential_free(held.credentials[0]);
    troth_credential_free(held.credentials[1]);
    memset(&held, 0, sizeof held);
    return 0;
}

/* A client who is nobody, and a server whose context has these flags. */
static void make_ends(uint32_t flags)
{
    troth_credential_options credential = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    held.error = (troth_error)TROTH_ERROR_INIT;
    credential.mechanism = under_test;
    credential.flags = getenv("TROTH_TEST_STOCK") != NULL ? TROTH_CREDENTIAL_STOCK : 0;
    expect(troth_credential_acquire(TROTH_ACCEPTOR, &credential, &held.credentials[1], &held.error), TROTH_OK);
    credential.ccache = realm_env("TROTH_REALM_ANONYMOUS_CCACHE");
    expect(troth_credential_acquire(TROTH_INITIATOR, &credential, &held.credentials[0], &held.error), TROTH_OK);
    options.flags = flags;
    expect(troth_context_new(held.credentials[1], &options, &held.acceptor, &held.error), TROTH_OK);
    options.flags = 0;
    options.target.service = realm_env("TROTH_REALM_SERVICE");
    options.target.host = realm_env("TROTH_REALM_HOST");
    expect(troth_context_new(held.credentials[0], &options, &held.initiator, &held.error), TROTH_OK);
}

/* Returns what the acceptor came to. */
static troth_status shake_hands(void)
{
    troth_status acceptor = TROTH_CONTINUE;
    troth_status initiator = TROTH_CONTINUE;
    const void *token = NULL;
    size_t length = 0;

    while (initiator == TROTH_CONTINUE || length > 0) {
        initiator = troth_context_step(held.initiator, token, length, &token, &length, &held.error);
        if (initiator != TROTH_CONTINUE) {
            expect(initiator, TROTH_OK);
        }
        if (length == 0) {
            break;
        }
        acceptor = troth_context_step(held.acceptor, token, length, &token, &length, &held.error);
        if (acceptor != TROTH_OK && acceptor != TROTH_CONTINUE) {
            break;
        }
    }
    return acceptor;
}

static void nobody_is_refused_unless_let_in(void **state)
{
    (void)state;
    make_ends(0);
    expect(shake_hands(), TROTH_E_REQUIREMENT);
    assert_non_null(strstr(held.error.text, "anonymous"));
}

static void nobody_who_is_let_in_is_told_and_meets_every_requirement(void **state)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    char message[256] = "for whoever it is";
    size_t length = strlen(message);
    const char *name;
    void *plain;

    (void)state;
    make_ends(TROTH_ALLOW_ANONYMOUS);
    expect(shake_hands(), TROTH_OK);
    expect(troth_context_info_get(held.acceptor, &info, &held.error), TROTH_OK);
    assert_true((info.properties & TROTH_ANONYMOUS) != 0);
    assert_int_equal(info.properties & TROTH_DEFAULT_REQUIRED_ACCEPTOR, TROTH_DEFAULT_REQUIRED_ACCEPTOR);
    expect(troth_context_peer_name(held.acceptor, &name, &held.error), TROTH_OK);
    assert_string_equal(name, "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS");
    expect(troth_wrap(held.acceptor, TROTH_PROTECT_CONFIDENTIALITY, message, length, message, sizeof message, &length,
                      &held.error),
           TROTH_OK);
    expect(troth_unwrap(held.initiator, message, length, &plain, &length, NULL, &held.error), TROTH_OK);
    assert_int_equal(length, strlen("for whoever it is"));
    assert_memory_equal(plain, "for whoever it is", length);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(nobody_is_refused_unless_let_in, teardown),
        cmocka_unit_test_teardown(nobody_who_is_let_in_is_told_and_meets_every_requirement, teardown),
    };

    if (argc != 2) {
        return 2;
    }
    under_test = strcmp(argv[1], "negotiate") == 0 ? TROTH_MECHANISM_NEGOTIATE : TROTH_MECHANISM_KERBEROS;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
