/*
 * test_keytab.c - an acceptor finds the right key among many, takes its keytab as it stands, lets nobody in twice, and
 * keeps no key longer than it needs it.
 */
#define _DEFAULT_SOURCE

#include <malloc.h>
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "conversation.h"
#include "files.h"
#include "image.h"
#include "keyfile.h"
#include "realm.h"

#define OTHERS 100
#define THREADS 8
#define FORGERIES 3000

static struct {
    char path[1000];
    char name[1100];
    troth_credential *user, *service;
    struct keyfile_key key;
} held;

static void fresh_file(void)
{
    snprintf(held.path, sizeof held.path, "%s", realm_path("rotating.keytab"));
    snprintf(held.name, sizeof held.name, "FILE:%s", held.path);
    unlink(held.path);
}

static troth_credential *acceptor(const char *service, const char *principal)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *made = NULL;

    options.keytab = held.name;
    options.name.service = service;
    options.name.host = service != NULL ? realm_env("TROTH_REALM_HOST") : NULL;
    options.name.principal = principal;
    options.flags = conversation_path();
    if (troth_credential_acquire(TROTH_ACCEPTOR, &options, &made, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return made;
}

static troth_credential *initiator(void)
{
    troth_credential_options options = conversation_source(SOURCE_CCACHE, TROTH_MECHANISM_KERBEROS);
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *made = NULL;

    if (troth_credential_acquire(TROTH_INITIATOR, &options, &made, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return made;
}

static int setup(void **state)
{
    (void)state;
    fresh_file();
    held.key = keyfile_read(realm_env_path("TROTH_REALM_KEYTAB"), "troth");
    held.user = initiator();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    troth_credential_free(held.user);
    troth_credential_free(held.service);
    held.user = held.service = NULL;
    explicit_bzero(&held.key, sizeof held.key);
    unlink(held.path);
    return 0;
}

static void expect_good(void)
{
    troth_error error = TROTH_ERROR_INIT;

    if (conversation_greet(held.user, held.service, NULL, &error) != TROTH_OK)
        fail_msg("%s", error.text);
}

static void expect_wrong_key(const char *words)
{
    troth_error error = TROTH_ERROR_INIT;
    const troth_status status = conversation_greet(held.user, held.service, NULL, &error);

    if (status != TROTH_E_WRONG_KEY || strstr(error.text, words) == NULL)
        fail_msg("not \"%s\": %s: %s", words, troth_status_name(status), error.text);
}

/* The initiator's first token, in memory of its own. */
static size_t first_token(uint8_t **token)
{
    const troth_context_options to = conversation_target();
    troth_context *context = NULL;
    const void *data = NULL;
    size_t length = 0;

    assert_int_equal(troth_context_new(held.user, &to, &context, NULL), TROTH_OK);
    assert_int_equal(troth_context_step(context, NULL, 0, &data, &length, NULL), TROTH_CONTINUE);
    *token = malloc(length);
    assert_non_null(*token);
    memcpy(*token, data, length);
    troth_context_free(context);
    return length;
}

/* Gives a token to a new context. */
static troth_status present(troth_credential *service, const uint8_t *token, size_t length, troth_error *error)
{
    troth_context *context = NULL;
    const void *out;
    size_t out_length;
    troth_status status = troth_context_new(service, NULL, &context, error);

    if (status == TROTH_OK)
        status = troth_context_step(context, token, length, &out, &out_length, error);
    troth_context_free(context);
    return status;
}

/* ---- finding -------------------------------------------------------------------------------------------------- */

static void the_key_is_found_behind_many_others(void **state)
{
    (void)state;
    keyfile_add_others(held.path, OTHERS, &held.key);
    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    held.service = acceptor(NULL, NULL);
    expect_good();
    troth_credential_free(held.service);
    held.service = acceptor("troth", NULL);
    expect_good();
    troth_credential_free(held.service);
    held.service = acceptor(NULL, "troth/server.troth.test@TROTH.TEST");
    expect_good();
}

/* As in Active Directory: the keytab has other names for the account than the one that was asked for. */
static void an_alias_that_is_not_in_the_keytab_is_served_by_its_key(void **state)
{
    (void)state;
    keyfile_add_others(held.path, OTHERS, &held.key);
    keyfile_add(held.path, "one-name/server.troth.test", &held.key);
    keyfile_add(held.path, "another-name/server.troth.test", &held.key);
    held.service = acceptor(NULL, NULL);
    expect_good();
    expect_good();
}

/* The name is there with an old key, and the new one stands under another name of the account. */
static void a_new_key_is_found_under_another_name(void **state)
{
    struct keyfile_key old = held.key;

    (void)state;
    old.kvno = held.key.kvno + 7;
    memset(old.bytes, 'o', old.length);
    keyfile_add(held.path, "troth/server.troth.test", &old);
    keyfile_add(held.path, "machine/server.troth.test", &held.key);
    held.service = acceptor(NULL, NULL);
    expect_good();
}

/* The kvno is a hint, as it is to the native library. */
static void a_key_of_the_name_with_another_kvno_is_tried(void **state)
{
    struct keyfile_key renumbered = held.key;

    (void)state;
    renumbered.kvno = held.key.kvno + 1;
    keyfile_add_others(held.path, OTHERS, &renumbered);
    keyfile_add(held.path, "troth/server.troth.test", &renumbered);
    held.service = acceptor(NULL, NULL);
    expect_good();
}

static void a_name_keeps_to_its_own_keys(void **state)
{
    (void)state;
    keyfile_add(held.path, "second/server.troth.test", &held.key);
    held.service = acceptor("second", NULL);
    expect_good(); /* one key, two names: MIT lets it pass for the name that the keytab has */
    troth_credential_free(held.service);
    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    unlink(held.path);
    memset(held.key.bytes, 's', held.key.length);
    keyfile_add(held.path, "second/server.troth.test", &held.key);
    held.key = keyfile_read(realm_env_path("TROTH_REALM_KEYTAB"), "troth");
    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    held.service = acceptor("second", NULL);
    expect_wrong_key("found in keytab but does not match server principal");
    troth_credential_free(held.service);
    held.service = acceptor(NULL, "second/server.troth.test@TROTH.TEST");
    expect_wrong_key("second/server.troth.test");
}

static void what_is_wrong_with_a_key_is_told_as_the_native_library_tells_it(void **state)
{
    struct keyfile_key other = held.key;

    (void)state;
    memset(other.bytes, 'x', other.length);
    keyfile_add(held.path, "second/server.troth.test", &other);
    held.service = acceptor(NULL, NULL);
    expect_wrong_key("not found in keytab (ticket kvno");
    expect_wrong_key("holds second/server.troth.test@TROTH.TEST (kvno");
    unlink(held.path);
    keyfile_add(held.path, "troth/server.troth.test", &other);
    expect_wrong_key("found in keytab but cannot decrypt ticket");
    unlink(held.path);
    other.kvno++;
    keyfile_add(held.path, "troth/server.troth.test", &other);
    expect_wrong_key("ticket is likely out of date");
}

/* ---- rotating ------------------------------------------------------------------------------------------------- */

/* A new key at the KDC; path gets it beside what it has. */
static void new_key(const char *path)
{
    char query[1200];

    snprintf(query, sizeof query, "ktadd -k %s troth/server.troth.test", path);
    realm_kadmin(query);
}

/* LeakSanitizer's, where it is linked in. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

/* With a keytab that ends within an entry. MIT 1.20.1 loses the principal that it had read of it. */
static void greet_with_half_a_keytab(void)
{
    if (__lsan_disable != NULL)
        __lsan_disable();
    conversation_greet(held.user, held.service, NULL, NULL);
    if (__lsan_enable != NULL)
        __lsan_enable();
}

/* A file is changed in many ways while its credential is in use. */
static void a_keytab_is_taken_as_it_stands(void **state)
{
    struct content keys = files_read(realm_env_path("TROTH_REALM_KEYTAB"));
    FILE *file;

    (void)state;
    assert_int_equal(files_put(held.path, &keys), 0);
    held.service = acceptor(NULL, NULL);
    expect_good();
    assert_int_equal(truncate(held.path, 0), 0);
    expect_wrong_key("keytab");
    assert_int_equal(files_put(held.path, &keys), 0);
    expect_good();
    assert_int_equal(unlink(held.path), 0);
    expect_wrong_key("does not exist");
    assert_int_equal(mkdir(held.path, 0700), 0);
    expect_wrong_key("keytab");
    assert_int_equal(rmdir(held.path), 0);
    /* In place, in two halves, as some tools write. */
    file = fopen(held.path, "wb");
    assert_non_null(file);
    fwrite(keys.bytes, 1, keys.length / 2, file);
    fflush(file);
    greet_with_half_a_keytab();
    fwrite(keys.bytes + keys.length / 2, 1, keys.length - keys.length / 2, file);
    fclose(file);
    expect_good();
    if (geteuid() == 0) {
        print_message("# SKIPPED: wrong permissions, which root does not feel\n");
    } else {
        assert_int_equal(chmod(held.path, 0), 0);
        expect_wrong_key("may not be read");
        assert_int_equal(chmod(held.path, 0600), 0);
        expect_good();
    }
    files_free(&keys);
}

static void a_rotation_loses_nobody_and_leaves_no_old_key_in_use(void **state)
{
    struct content keys = files_read(realm_env_path("TROTH_REALM_KEYTAB"));
    struct keyfile_key newest;
    troth_credential *later;
    struct timespec second = {1, 0};

    (void)state;
    assert_int_equal(files_put(held.path, &keys), 0);
    held.service = acceptor(NULL, NULL);
    expect_good();
    new_key(held.path); /* the old one stays beside it */
    expect_good();      /* with the ticket of before */
    unlink(realm_env_path("KRB5CCNAME"));
    files_free(&keys);
    keys = files_tickets(false);
    assert_int_equal(files_put(realm_env_path("KRB5CCNAME"), &keys), 0);
    later = initiator();
    assert_int_equal(conversation_greet(later, held.service, NULL, NULL), TROTH_OK);
    newest = keyfile_read(held.path, "troth");
    assert_true(newest.kvno > held.key.kvno);

    /* The old key goes. Its tickets are let in no more, after one second at the latest. */
    assert_int_equal(unlink(held.path), 0);
    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    assert_int_equal(conversation_greet(later, held.service, NULL, NULL), TROTH_E_WRONG_KEY);
    unlink(held.path);
    keyfile_add(held.path, "troth/server.troth.test", &newest);
    nanosleep(&second, NULL); /* what is promised is a time */
    assert_int_equal(conversation_greet(later, held.service, NULL, NULL), TROTH_OK);
    keyfile_add(realm_env_path("TROTH_REALM_KEYTAB"), "troth/server.troth.test", &newest);
    troth_credential_free(later);
    files_free(&keys);
}

/* ---- replays -------------------------------------------------------------------------------------------------- */

struct presenting {
    troth_credential *service;
    const uint8_t *token;
    size_t length;
    pthread_barrier_t *barrier;
    troth_status status;
};

static void *present_at_once(void *argument)
{
    struct presenting *one = argument;
    troth_error error = TROTH_ERROR_INIT;

    pthread_barrier_wait(one->barrier);
    one->status = present(one->service, one->token, one->length, &error);
    return NULL;
}

static void a_token_is_taken_once(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    struct presenting presenting[THREADS];
    pthread_t threads[THREADS];
    pthread_barrier_t barrier;
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *other = NULL, *stock = NULL;
    uint8_t *token;
    size_t length = first_token(&token);
    unsigned taken = 0;

    (void)state;
    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    held.service = acceptor(NULL, NULL);
    other = acceptor("troth", NULL);
    options.keytab = held.name;
    options.flags = TROTH_CREDENTIAL_STOCK;
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &options, &stock, &error), TROTH_OK);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (size_t i = 0; i < THREADS; i++) {
        presenting[i] = (struct presenting){held.service, token, length, &barrier, TROTH_CONTINUE};
        assert_int_equal(pthread_create(&threads[i], NULL, present_at_once, &presenting[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        taken += presenting[i].status == TROTH_OK;
        assert_true(presenting[i].status == TROTH_OK || presenting[i].status == TROTH_E_REPLAY);
    }
    pthread_barrier_destroy(&barrier);
    assert_int_equal(taken, 1);
    assert_int_equal(present(held.service, token, length, &error), TROTH_E_REPLAY);
    assert_int_equal(present(other, token, length, &error), TROTH_E_REPLAY);
    assert_int_equal(present(stock, token, length, &error), TROTH_E_REPLAY);
    troth_credential_free(other);
    troth_credential_free(stock);
    free(token);
}

/* ---- forgeries ------------------------------------------------------------------------------------------------ */

/* A flood of tickets for names that nobody has takes no memory. */
static void forged_names_leave_nothing_behind(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    uint8_t *token, *name = NULL;
    size_t length = first_token(&token), before = 0;

    (void)state;
    keyfile_add_others(held.path, OTHERS, &held.key);
    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    held.service = acceptor(NULL, NULL);
    for (size_t i = 0; i + 5 < length && name == NULL; i++)
        name = memcmp(token + i, "troth", 5) == 0 ? token + i : NULL;
    assert_non_null(name);
    for (unsigned i = 0; i < FORGERIES; i++) {
        char forged[8];

        snprintf(forged, sizeof forged, "%05u", i);
        memcpy(name, forged, 5);
        token[length - 1] ^= (uint8_t)i; /* nothing that a replay cache could know */
        /* The ticket is good, but not its name: the key is tried as an alias's. */
        present(held.service, token, length, &error);
        if (i == FORGERIES / 10)
            before = mallinfo2().uordblks;
    }
    if (getenv("TROTH_TEST_VALGRIND") == NULL)
        assert_true(mallinfo2().uordblks < before + 65536);
    expect_good();
    free(token);
}

/* ---- wiping --------------------------------------------------------------------------------------------------- */

/* Two keytabs, each with one key, and what to look for; nothing of them stays in memory. */
static void hidden_keytabs(const char *next, struct image_secret secrets[2])
{
    struct keyfile_key second = keyfile_read(realm_env_path("TROTH_REALM_KEYTAB"), "second");

    keyfile_add(held.path, "troth/server.troth.test", &held.key);
    keyfile_add(next, "second/server.troth.test", &second);
    secrets[0] = image_hide(held.key.bytes, held.key.length);
    secrets[1] = image_hide(second.bytes, second.length);
    explicit_bzero(&held.key, sizeof held.key);
    explicit_bzero(&second, sizeof second);
    image_wipe_stack();
}

static void keys_die_with_their_last_user(void **state)
{
    const troth_context_options to = conversation_target();
    troth_context *mine = NULL, *theirs = NULL;
    struct image_secret secrets[2];
    const void *token = NULL;
    char next[1000];
    size_t length = 0;

    (void)state;
    if (getenv("ASAN_OPTIONS") != NULL) {
        print_message("# SKIP AddressSanitizer keeps what was freed, whoever freed it, and stacks that were left\n");
        skip();
    }
    snprintf(next, sizeof next, "%s", realm_path("next.keytab"));
    hidden_keytabs(next, secrets);
    assert_int_equal(image_count(&secrets[0]), 0);
    held.service = acceptor(NULL, NULL);
    assert_int_equal(troth_context_new(held.user, &to, &mine, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(held.service, NULL, &theirs, NULL), TROTH_OK);
    assert_int_equal(troth_context_step(mine, NULL, 0, &token, &length, NULL), TROTH_CONTINUE);
    assert_int_equal(troth_context_step(theirs, token, length, &token, &length, NULL), TROTH_OK);
    if (conversation_path() == 0) /* the search can find what is there */
        assert_int_equal(image_count(&secrets[0]), 2);

    /* Rotated out: gone with the next step, while the credential and its contexts live. */
    assert_int_equal(rename(next, held.path), 0);
    expect_wrong_key("not found in keytab");
    image_wipe_stack();
    if (conversation_path() == 0) {
        assert_int_equal(image_count(&secrets[0]), 0);
        assert_int_equal(image_count(&secrets[1]), 2); /* ours, and the native handle's */
    } else {
        print_message("# not held: MIT's handle of a FILE keytab keeps what it last read until it is closed\n");
    }

    /* And with the credential. */
    troth_context_free(mine);
    troth_context_free(theirs);
    troth_credential_free(held.service);
    held.service = NULL;
    image_wipe_stack();
    assert_int_equal(image_count(&secrets[0]), 0);
    assert_int_equal(image_count(&secrets[1]), 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_key_is_found_behind_many_others),
        CASE(an_alias_that_is_not_in_the_keytab_is_served_by_its_key),
        CASE(a_new_key_is_found_under_another_name),
        CASE(a_key_of_the_name_with_another_kvno_is_tried),
        CASE(a_name_keeps_to_its_own_keys),
        CASE(what_is_wrong_with_a_key_is_told_as_the_native_library_tells_it),
        CASE(a_keytab_is_taken_as_it_stands),
        CASE(a_token_is_taken_once),
        CASE(forged_names_leave_nothing_behind),
        CASE(keys_die_with_their_last_user),
        CASE(a_rotation_loses_nobody_and_leaves_no_old_key_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
