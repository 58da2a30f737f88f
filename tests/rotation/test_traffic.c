/*
 * test_traffic.c - eight threads share one credential of each role while the keytab and the ccache under them are
 * replaced all the time: not one handshake is lost. To be run under ThreadSanitizer as well.
 */
#define _DEFAULT_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "files.h"
#include "keyfile.h"
#include "realm.h"

#define THREADS 8
#define HANDSHAKES 300
#define HANDSHAKES_UNDER_VALGRIND 8

static struct {
    troth_credential *user[2], *service[2]; /* Kerberos and Negotiate */
    unsigned handshakes;
    atomic_uint failed, running;
    atomic_flag telling;
    char first_failure[1200];
} shared = {.telling = ATOMIC_FLAG_INIT};

static void *greet(void *argument)
{
    const size_t kind = *(const size_t *)argument;

    for (unsigned i = 0; i < shared.handshakes; i++) {
        troth_error error = TROTH_ERROR_INIT;

        if (conversation_greet(shared.user[kind], shared.service[kind], NULL, &error) != TROTH_OK &&
            atomic_fetch_add(&shared.failed, 1) == 0)
            snprintf(shared.first_failure, sizeof shared.first_failure, "%s", error.text);
    }
    atomic_fetch_sub(&shared.running, 1);
    return NULL;
}

static void acquire(size_t kind, const char *keytab)
{
    const troth_mechanism mechanism = kind == 0 ? TROTH_MECHANISM_KERBEROS : TROTH_MECHANISM_NEGOTIATE;
    troth_credential_options mine = conversation_source(SOURCE_CCACHE, mechanism);
    troth_credential_options theirs = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;

    theirs.mechanism = mechanism;
    theirs.keytab = keytab;
    theirs.flags = conversation_path();
    if (troth_credential_acquire(TROTH_INITIATOR, &mine, &shared.user[kind], &error) != TROTH_OK ||
        troth_credential_acquire(TROTH_ACCEPTOR, &theirs, &shared.service[kind], &error) != TROTH_OK)
        fail_msg("%s", error.text);
}

static void nobody_is_lost_while_the_files_are_replaced(void **state)
{
    static const size_t kinds[2] = {0, 1};
    struct keyfile_key key = keyfile_read(realm_env_path("TROTH_REALM_KEYTAB"), "troth");
    struct content keys[2], tickets;
    char path[1000], many[1000];
    pthread_t threads[THREADS];
    unsigned replaced = 0;

    (void)state;
    shared.handshakes = getenv("TROTH_TEST_VALGRIND") != NULL ? HANDSHAKES_UNDER_VALGRIND : HANDSHAKES;
    snprintf(path, sizeof path, "%s", realm_path("traffic.keytab"));
    snprintf(many, sizeof many, "%s", realm_path("many.keytab"));
    keyfile_add_others(many, 30, &key);
    keyfile_add(many, "troth/server.troth.test", &key);
    keys[0] = files_read(realm_env_path("TROTH_REALM_KEYTAB"));
    keys[1] = files_read(many);
    tickets = files_read(realm_env_path("KRB5CCNAME"));
    assert_int_equal(files_put(path, &keys[0]), 0);
    acquire(0, path);
    acquire(1, path);
    atomic_store(&shared.running, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        const void *kind = &kinds[i % 2];
        void *argument;

        memcpy(&argument, &kind, sizeof argument);
        assert_int_equal(pthread_create(&threads[i], NULL, greet, argument), 0);
    }
    while (atomic_load(&shared.running) > 0) {
        assert_int_equal(files_put(path, &keys[replaced++ % 2]), 0);
        if (replaced % 4 == 0)
            assert_int_equal(files_put(realm_env_path("KRB5CCNAME"), &tickets), 0);
        usleep(2000); /* not a wait for anything: how often the files change */
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    print_message("# %u handshakes, %u changes of the keytab\n", THREADS * shared.handshakes, replaced);
    if (atomic_load(&shared.failed) > 0)
        fail_msg("%u lost, the first: %s", atomic_load(&shared.failed), shared.first_failure);
    assert_true(replaced > 1);
    for (size_t kind = 0; kind < 2; kind++) {
        troth_credential_free(shared.user[kind]);
        troth_credential_free(shared.service[kind]);
        files_free(&keys[kind]);
    }
    files_free(&tickets);
}

/* Whether a service's ticket is in the ccache file, where its name stands in the clear. */
static bool in_file(const char *service)
{
    struct content content = files_read(realm_env_path("KRB5CCNAME"));
    const size_t length = strlen(service);
    bool found = false;

    for (size_t i = 0; i + length <= content.length && !found; i++)
        found = memcmp(content.bytes + i, service, length) == 0;
    files_free(&content);
    return found;
}

static void greet_second(troth_credential *user, troth_credential *service)
{
    troth_context_options to = conversation_target();
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;

    to.target.service = "second";
    assert_int_equal(troth_context_new(user, &to, &initiator, &error), TROTH_OK);
    assert_int_equal(troth_context_new(service, NULL, &acceptor, &error), TROTH_OK);
    if (conversation_handshake(initiator, acceptor, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_context_free(initiator);
    troth_context_free(acceptor);
}

/* Other programs find what this one obtained, each time that the file has been made anew. */
static void tickets_land_in_the_file(void **state)
{
    struct content fresh = files_tickets(false);
    troth_credential_options mine = conversation_source(SOURCE_CCACHE, TROTH_MECHANISM_NEGOTIATE);
    troth_credential *user = NULL, *service = NULL;

    (void)state;
    assert_int_equal(files_put(realm_env_path("KRB5CCNAME"), &fresh), 0);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &mine, &user, NULL), TROTH_OK);
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, NULL, &service, NULL), TROTH_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_false(in_file("second"));
        for (unsigned j = 0; j < 4; j++) {
            greet_second(user, service);
            assert_true(in_file("second"));
        }
        assert_int_equal(files_put(realm_env_path("KRB5CCNAME"), &fresh), 0);
    }
    troth_credential_free(user);
    troth_credential_free(service);
    files_free(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tickets_land_in_the_file),
        cmocka_unit_test(nobody_is_lost_while_the_files_are_replaced),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
