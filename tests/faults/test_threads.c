/*
 * test_threads.c - one credential of each role, shared by eight threads, while its ccache is replaced, while its
 * tickets are renewed. To be run under ThreadSanitizer as well.
 */
#define _POSIX_C_SOURCE 200809L

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

#include <cmocka.h>

#include "conversation.h"
#include "files.h"
#include "portability.h"
#include "realm.h"
#include "gssapi/native.h"

#define THREADS 8
#define HANDSHAKES 4000
#define HANDSHAKES_UNDER_VALGRIND 160

/*
 * valgrind 3.19 does not know that F_OFD_SETLKW, with which MIT locks a ccache's file and its replay cache, waits: all
 * threads stand still with the one that waits, and so does the one that has the lock. There one thread does it all.
 */
#define THREADS_HERE (getenv("TROTH_TEST_VALGRIND") != NULL ? 1u : THREADS)
#define RENEWING_SECONDS 9

static struct {
    troth_credential *user, *service;
    const char *peer;
    atomic_uint left; /* handshakes that are still to be made */
    int64_t end;      /* or when to stop */
    atomic_uint done, failed, renewals;
    struct content tickets;  /* to replace the ccache with, or none */
    pthread_mutex_t lock;    /* one replaces at a time */
    pthread_mutex_t telling; /* guards what follows */
    char first_failure[1200];
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER, .telling = PTHREAD_MUTEX_INITIALIZER};

/* cmocka's checks belong to the test's own thread: these threads only count. */
static void failed(const char *what)
{
    atomic_fetch_add(&shared.failed, 1);
    pthread_mutex_lock(&shared.telling);
    if (shared.first_failure[0] == '\0')
        snprintf(shared.first_failure, sizeof shared.first_failure, "%s", what);
    pthread_mutex_unlock(&shared.telling);
}

static bool more(void)
{
    if (shared.end != 0)
        return troth__monotonic_ms() < shared.end;
    for (unsigned left = atomic_load(&shared.left); left > 0;) {
        if (atomic_compare_exchange_weak(&shared.left, &left, left - 1))
            return true;
    }
    return false;
}

/* One of the threads, each time between two of its handshakes, replaces the ccache that all of them use. */
static void replace(void)
{
    pthread_mutex_lock(&shared.lock);
    if (files_put(realm_env_path("KRB5CCNAME"), &shared.tickets) != 0)
        failed("the ccache could not be replaced");
    pthread_mutex_unlock(&shared.lock);
    atomic_fetch_add(&shared.renewals, 1);
}

static void *greet(void *unused)
{
    (void)unused;
    while (more()) {
        troth_error error = TROTH_ERROR_INIT;
        char peer[128] = "";

        if (conversation_greet(shared.user, shared.service, peer, &error) != TROTH_OK)
            failed(error.text);
        else if (strcmp(peer, shared.peer) != 0)
            failed(peer);
        if (atomic_fetch_add(&shared.done, 1) % THREADS == 0 && shared.tickets.bytes != NULL)
            replace();
    }
    return NULL;
}

static void run(size_t count)
{
    pthread_t threads[THREADS];

    atomic_store(&shared.done, 0);
    atomic_store(&shared.failed, 0);
    atomic_store(&shared.renewals, 0);
    shared.first_failure[0] = '\0';
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, greet, NULL), 0);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    print_message("# %zu threads, %u handshakes, %u renewals\n", count, atomic_load(&shared.done),
                  atomic_load(&shared.renewals));
    if (atomic_load(&shared.failed) > 0)
        fail_msg("%u failures, the first: %s", atomic_load(&shared.failed), shared.first_failure);
}

static OM_uint32 counted_password(OM_uint32 *minor, const gss_name_t name, const gss_buffer_t password,
                                  OM_uint32 lifetime, const gss_OID_set mechanisms, gss_cred_usage_t usage,
                                  gss_cred_id_t *cred, gss_OID_set *got, OM_uint32 *time_got)
{
    atomic_fetch_add(&shared.renewals, 1);
    return gss_acquire_cred_with_password(minor, name, password, lifetime, mechanisms, usage, cred, got, time_got);
}

/* ---- the tests ------------------------------------------------------------------------------------------------ */

static void acquire(const troth__backend *backend, const troth_credential_options *options)
{
    troth_error error = TROTH_ERROR_INIT;

    if (troth__credential_acquire(backend, TROTH_INITIATOR, options, &shared.user, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, NULL, &shared.service, NULL), TROTH_OK);
}

static int teardown(void **state)
{
    (void)state;
    troth_credential_free(shared.user);
    troth_credential_free(shared.service);
    shared.user = shared.service = NULL;
    return 0;
}

static void handshakes_go_on_while_the_ccache_is_replaced(void **state)
{
    (void)state;
    shared.tickets = files_tickets(false);
    acquire(&troth__backend_here, NULL);
    shared.peer = realm_env("TROTH_REALM_USER");
    shared.end = 0;
    atomic_store(&shared.left, getenv("TROTH_TEST_VALGRIND") != NULL ? HANDSHAKES_UNDER_VALGRIND : HANDSHAKES);
    run(THREADS_HERE);
    assert_true(atomic_load(&shared.renewals) > 1);
    files_free(&shared.tickets);
}

static void handshakes_go_on_while_the_tickets_are_renewed(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    struct troth__gss_native native = troth__gss_native;
    troth__backend backend = troth__backend_here;
    char password[128];

    (void)state;
    backend.native = &native;
    native.gss_acquire_cred_with_password = counted_password;
    options.password = realm_read_line(realm_env("TROTH_REALM_BRIEF_PASSWORD_FILE"), password, sizeof password);
    options.name.principal = shared.peer = realm_env("TROTH_REALM_BRIEF_PASSWORD_USER");
    acquire(&backend, &options);
    shared.end = troth__monotonic_ms() + RENEWING_SECONDS * 1000;
    run(THREADS_HERE);
    assert_true(atomic_load(&shared.renewals) >= 2);
    /* One thread renews for all of them. */
    assert_true(atomic_load(&shared.renewals) <= RENEWING_SECONDS);
    teardown(state); /* before the table ends */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(handshakes_go_on_while_the_ccache_is_replaced, teardown),
        cmocka_unit_test_teardown(handshakes_go_on_while_the_tickets_are_renewed, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
