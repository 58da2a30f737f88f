/*
 * test_surroundings.c - what a whole conversation leaves in the process and around it: no secret in memory, and the
 * environment, the signals, the output and the user's own ccache as they were.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "conversation.h"
#include "realm.h"
#include "watch.h"

extern char **environ;

static const struct conversation all[] = {
    {"Negotiate from a ccache", TROTH_MECHANISM_NEGOTIATE, SOURCE_CCACHE, NULL, 0, 0},
    {"Negotiate from a client keytab", TROTH_MECHANISM_NEGOTIATE, SOURCE_KEYTAB, NULL, 0, 0},
    {"Negotiate from a password", TROTH_MECHANISM_NEGOTIATE, SOURCE_PASSWORD, NULL, 0, 0},
    {"Kerberos from a password", TROTH_MECHANISM_KERBEROS, SOURCE_PASSWORD, NULL, 0, 0},
    {"a wrong key", TROTH_MECHANISM_NEGOTIATE, SOURCE_CCACHE, "wrong", 0, 0},
    {"an unknown target", TROTH_MECHANISM_KERBEROS, SOURCE_CCACHE, "nobody-knows-this", 0, 0},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void hold_all(void)
{
    for (size_t i = 0; i < COUNT(all); i++) {
        struct outcome outcome;

        conversation_story("%s", all[i].name);
        conversation_hold(&troth__backend_here, &all[i], &outcome);
        conversation_check((outcome.call == NULL) == (all[i].service == NULL));
    }
}

/* ---- secrets -------------------------------------------------------------------------------------------------- */

/* The password as the tests keep it meanwhile: every byte turned over, so that a search does not find it here. */
#define TURN 0x80
#define LARGEST_REGION ((size_t)256 << 20) /* AddressSanitizer's own tables are larger by far */

static unsigned char turned[128];
static size_t turned_length;

static bool is_it(const unsigned char *bytes)
{
    for (size_t i = 0; i < turned_length; i++) {
        if ((bytes[i] ^ TURN) != turned[i])
            return false;
    }
    return true;
}

/* How often the password is in memory from `from` on, which is read through the kernel: some of it may be gone. */
static unsigned search_region(int memory, uintptr_t from, uintptr_t to)
{
    static unsigned char chunk[1 << 16];
    const size_t overlap = turned_length - 1;
    unsigned found = 0;

    for (uintptr_t at = from; at < to; at += sizeof chunk - overlap) {
        ssize_t got = pread(memory, chunk, sizeof chunk, (off_t)at);

        for (ssize_t i = 0; got >= (ssize_t)turned_length && i <= got - (ssize_t)turned_length; i++)
            found += is_it(chunk + i) ? 1u : 0u;
        if (got <= 0)
            break;
    }
    memset(chunk, 0, sizeof chunk);
    return found;
}

/*
 * All writable memory: heap, data of every library, stacks. MIT's copies would be found as well; 1.20.1 leaves none
 * behind (its credential's copy is zapped in gss_release_cred, that of the request in the krb5 library when it ends).
 */
static unsigned search_memory(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    unsigned found = 0;
    char line[1024];

    if (maps == NULL || memory < 0) {
        print_message("# SKIP no /proc/self/mem\n");
        skip();
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long from = 0, to = 0;
        char access[5] = "";

        if (sscanf(line, "%lx-%lx %4s", &from, &to, access) != 3 || access[0] != 'r' || access[1] != 'w' ||
            to - from > LARGEST_REGION)
            continue;
        found += search_region(memory, from, to);
    }
    close(memory);
    fclose(maps);
    return found;
}

/* Reads the password into the room given, and keeps it turned over. */
static void read_password(char room[128])
{
    const int file = open(realm_env("TROTH_REALM_PASSWORD_FILE"), O_RDONLY);
    ssize_t got;

    assert_true(file >= 0);
    got = read(file, room, 127); /* no stdio: its buffers are memory, too */
    close(file);
    assert_true(got > 8);
    room[got] = '\0';
    room[strcspn(room, "\r\n")] = '\0';
    turned_length = strlen(room);
    for (size_t i = 0; i < turned_length; i++)
        turned[i] = (unsigned char)(room[i] ^ TURN);
}

static void the_password_is_nowhere_after_its_credential(void **state)
{
    char *password = malloc(128);
    troth_credential *user = NULL, *service = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_non_null(password);
    for (int mechanism = TROTH_MECHANISM_NEGOTIATE; mechanism <= TROTH_MECHANISM_KERBEROS; mechanism++) {
        troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

        read_password(password);
        assert_true(search_memory() > 0); /* the search finds it */
        options.mechanism = (troth_mechanism)mechanism;
        options.password = password;
        options.name.principal = realm_env("TROTH_REALM_PASSWORD_USER");
        watch_secret(password, turned_length);
        assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &options, &user, &error), TROTH_OK);
        assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, NULL, &service, NULL), TROTH_OK);
        assert_int_equal(conversation_greet(user, service, NULL, &error), TROTH_OK);
        troth_credential_free(user);
        troth_credential_free(service);
        watch_secret(NULL, 0);
        troth__wipe(password, 128);
        assert_int_equal(watch_alive(true), 0);
        assert_int_equal(search_memory(), 0);
    }
    free(password);
}

static void a_refused_password_is_nowhere_either(void **state)
{
    char *password = malloc(128);
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *user = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_non_null(password);
    read_password(password);
    options.password = password;
    options.name.principal = realm_env("TROTH_REALM_USER"); /* another user's */
    watch_secret(password, turned_length);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &options, &user, &error), TROTH_E_DENIED);
    watch_secret(NULL, 0);
    assert_null(strstr(error.text, password));
    troth__wipe(password, 128);
    assert_int_equal(watch_alive(true), 0);
    assert_int_equal(search_memory(), 0);
    free(password);
}

/* ---- surroundings --------------------------------------------------------------------------------------------- */

static void the_environment_stays_as_it_was(void **state)
{
    char *before[512];
    char *copies[512];
    size_t count = 0;

    (void)state;
    for (; environ[count] != NULL && count < COUNT(before); count++) {
        before[count] = environ[count];
        copies[count] = strdup(environ[count]);
    }
    assert_true(count < COUNT(before));
    hold_all();
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(environ[i], before[i]);
        assert_string_equal(environ[i], copies[i]);
        free(copies[i]);
    }
    assert_null(environ[count]);
}

static void no_signal_is_taken(void **state)
{
    struct sigaction before[65], after;
    bool known[65];

    (void)state;
    for (int i = 1; i < 65; i++)
        known[i] = sigaction(i, NULL, &before[i]) == 0;
    hold_all();
    for (int i = 1; i < 65; i++) {
        if (!known[i])
            continue;
        assert_int_equal(sigaction(i, NULL, &after), 0);
        assert_true(after.sa_handler == before[i].sa_handler);
        assert_int_equal(after.sa_flags, before[i].sa_flags);
    }
}

static void nothing_is_printed(void **state)
{
    const int out = dup(1), err = dup(2);
    FILE *caught = tmpfile();
    struct stat status;

    (void)state;
    assert_non_null(caught);
    fflush(stdout);
    assert_true(out >= 0 && err >= 0 && dup2(fileno(caught), 1) == 1 && dup2(fileno(caught), 2) == 2);
    hold_all();
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    assert_int_equal(fstat(fileno(caught), &status), 0);
    assert_int_equal(status.st_size, 0);
    fclose(caught);
}

/* Tickets of a keytab or a password are nobody else's: neither put there nor taken from there. */
static void the_users_own_ccache_is_left_alone(void **state)
{
    const char *path = realm_env_path("KRB5CCNAME");
    struct stat before, after;
    char aside[1024];

    (void)state;
    assert_int_equal(stat(path, &before), 0);
    for (int missing = 0; missing < 2; missing++) {
        for (size_t i = 0; i < COUNT(all); i++) {
            struct outcome outcome;

            if (all[i].source == SOURCE_CCACHE)
                continue;
            conversation_story("%s, %s", all[i].name, missing ? "without a default ccache" : "beside a default ccache");
            conversation_hold(&troth__backend_here, &all[i], &outcome);
            conversation_check(outcome.call == NULL);
        }
        if (missing) {
            assert_int_equal(stat(path, &after), -1);
            assert_int_equal(errno, ENOENT);
            continue;
        }
        assert_int_equal(stat(path, &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        assert_int_equal(after.st_size, before.st_size);
        assert_int_equal(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
        assert_int_equal(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
        assert_int_equal(after.st_atim.tv_nsec, before.st_atim.tv_nsec);
        snprintf(aside, sizeof aside, "%s.aside", path);
        assert_int_equal(rename(path, aside), 0);
    }
    assert_int_equal(rename(aside, path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First: later tests read the password as others do. */
        cmocka_unit_test(the_password_is_nowhere_after_its_credential),
        cmocka_unit_test(a_refused_password_is_nowhere_either),
        cmocka_unit_test(the_environment_stays_as_it_was),
        cmocka_unit_test(no_signal_is_taken),
        cmocka_unit_test(nothing_is_printed),
        cmocka_unit_test(the_users_own_ccache_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
