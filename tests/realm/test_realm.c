/*
 * test_realm.c - the realm tested from outside: it works, and is gone however its end comes. Its first argument is
 * troth-realm itself.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "realm.h"

static const char *realm_program;

/* Prints what has to be gone afterwards. */
#define TELL                                                                                                           \
    "echo \"dir: $TROTH_REALM_DIR\"; echo \"kdc: $TROTH_REALM_KDC_PID\"; "                                             \
    "echo \"ldap: $TROTH_REALM_LDAP_PID\"; echo \"command: $$\"; "

/* An ended process whose new parent has not yet asked for its status counts as gone. */
static bool process_exists(long pid)
{
    char path[64];
    char text[512] = "";
    const char *state;
    FILE *stream;

    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
        return false;
    }
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    stream = fopen(path, "r");
    if (stream == NULL) {
        return access("/proc/self/stat", R_OK) != 0; /* without /proc, what kill says */
    }
    if (fgets(text, sizeof text, stream) == NULL) {
        text[0] = '\0';
    }
    fclose(stream);
    state = strrchr(text, ')');
    return state == NULL || strncmp(state, ") Z", 3) != 0;
}

static bool directory_exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

/* The facts that TELL printed. */
struct told {
    char directory[512];
    long kdc;
    long ldap; /* 0: there is none */
    long command;
};

static void read_told(realm_process *process, struct told *told)
{
    snprintf(told->directory, sizeof told->directory, "%s", realm_process_line(process, "dir: ", REALM_DEADLINE));
    told->kdc = strtol(realm_process_line(process, "kdc: ", REALM_DEADLINE), NULL, 10);
    told->ldap = strtol(realm_process_line(process, "ldap: ", REALM_DEADLINE), NULL, 10);
    told->command = strtol(realm_process_line(process, "command: ", REALM_DEADLINE), NULL, 10);
    assert_true(told->kdc > 1);
    assert_true(told->command > 1);
}

static void assert_there(const struct told *told)
{
    assert_true(directory_exists(told->directory));
    assert_true(process_exists(told->kdc));
    assert_true(told->ldap == 0 || process_exists(told->ldap));
    assert_true(process_exists(told->command));
}

static void assert_gone(const struct told *told)
{
    assert_false(directory_exists(told->directory));
    assert_false(process_exists(told->kdc));
    assert_false(told->ldap != 0 && process_exists(told->ldap));
    assert_false(process_exists(told->command));
}

/* After a SIGKILL nobody tells when the cleaning is over: looks until it is, with a deadline. */
static void assert_soon_gone(const struct told *told)
{
    static const struct timespec moment = {.tv_nsec = 10 * 1000 * 1000};

    for (int looks = 0;
         looks < 1000 && (directory_exists(told->directory) || process_exists(told->kdc) ||
                          (told->ldap != 0 && process_exists(told->ldap)) || process_exists(told->command));
         looks++) {
        nanosleep(&moment, NULL);
    }
    assert_gone(told);
}

static realm_process *start(const char *script, struct told *told)
{
    realm_process *process = realm_process_start(REALM_ARGV(realm_program, "--", "sh", "-c", script), -1);

    read_told(process, told);
    return process;
}

static void run_script(const char *script, int expected)
{
    struct realm_result result;
    int code = realm_run(REALM_ARGV(realm_program, "--", "sh", "-e", "-c", script), NULL, REALM_DEADLINE, &result);

    if (code != expected) {
        fail_msg("exit code %d instead of %d; it printed:\n%s%s", code, expected, result.out, result.err);
    }
    realm_result_free(&result);
}

static void every_user_gets_a_ticket(void **state)
{
    (void)state;
    run_script("klist -s; kvno -q troth/server.troth.test@TROTH.TEST\n"
               "kinit -k -t $TROTH_REALM_USER_KEYTAB -c $TROTH_REALM_DIR/a $TROTH_REALM_USER\n"
               "kinit -k -t $TROTH_REALM_BRIEF_KEYTAB -c $TROTH_REALM_DIR/b $TROTH_REALM_BRIEF_USER\n"
               "kinit -c $TROTH_REALM_DIR/c $TROTH_REALM_PASSWORD_USER <$TROTH_REALM_PASSWORD_FILE\n"
               "kinit -c $TROTH_REALM_DIR/d $TROTH_REALM_BRIEF_PASSWORD_USER <$TROTH_REALM_BRIEF_PASSWORD_FILE\n"
               "! echo wrong | kinit -c $TROTH_REALM_DIR/e $TROTH_REALM_PASSWORD_USER\n",
               0);
}

static void the_keytab_has_the_keys_that_it_should(void **state)
{
    (void)state;
    run_script("for s in troth host second; do kvno -q -k $KRB5_KTNAME $s/$TROTH_REALM_HOST; done\n"
               "for s in absent stale wrong; do\n"
               "    kvno -q $s/$TROTH_REALM_HOST\n"
               "    if kvno -q -k $KRB5_KTNAME $s/$TROTH_REALM_HOST; then exit 1; fi\n"
               "done\n"
               "if kvno -q unknown/$TROTH_REALM_HOST; then exit 1; fi\n"
               "klist -k $KRB5_KTNAME >$TROTH_REALM_DIR/list\n"
               "grep -q '1 stale/' $TROTH_REALM_DIR/list; grep -q '1 wrong/' $TROTH_REALM_DIR/list\n"
               "if grep -q absent/ $TROTH_REALM_DIR/list; then exit 1; fi\n"
               "kvno stale/$TROTH_REALM_HOST | grep -q 'kvno = 2'; kvno wrong/$TROTH_REALM_HOST | grep -q 'kvno = 1'\n",
               0);
}

/* Seconds from a list's "Valid starting" to its "Expires", for every ticket that brief and briefpw can get. */
static void brief_tickets_end_after_four_seconds(void **state)
{
    (void)state;
    run_script("check() {\n"
               "    kvno -q -c $1 troth/$TROTH_REALM_HOST\n"
               "    klist -c $1 | grep -E '^[0-9]' | { lines=0; while read d1 t1 d2 t2 rest; do\n"
               "        a=$(date -d \"$d1 $t1\" +%s); b=$(date -d \"$d2 $t2\" +%s)\n"
               "        test $((b - a)) -ge 3; test $((b - a)) -le 4; lines=$((lines + 1)); done; test $lines = 2; }\n"
               "}\n"
               "kinit -k -t $TROTH_REALM_BRIEF_KEYTAB -c $TROTH_REALM_DIR/b $TROTH_REALM_BRIEF_USER\n"
               "check $TROTH_REALM_DIR/b\n"
               "kinit -c $TROTH_REALM_DIR/d $TROTH_REALM_BRIEF_PASSWORD_USER <$TROTH_REALM_BRIEF_PASSWORD_FILE\n"
               "check $TROTH_REALM_DIR/d\n",
               0);
}

static void everything_is_private_and_inside_the_directory(void **state)
{
    (void)state;
    run_script("test $(stat -c %a $TROTH_REALM_DIR) = 700; test -d $KRB5RCACHEDIR\n"
               "case $KRB5RCACHEDIR in $TROTH_REALM_DIR/*) ;; *) exit 1;; esac\n"
               "test ! -e ${KRB5_CLIENT_KTNAME#FILE:}; command -v kadmin.local\n",
               0);
}

static void the_exit_status_is_the_commands(void **state)
{
    (void)state;
    run_script("exit 0", 0);
    run_script("exit 7", 7);
    run_script("kill -SEGV $$", 128 + SIGSEGV);
}

static void a_normal_end_leaves_nothing(void **state)
{
    struct told told;
    struct realm_result result;
    realm_process *process = start(TELL "read line", &told);

    (void)state;
    assert_there(&told);
    realm_process_wait(process, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 1);
    assert_gone(&told);
    realm_result_free(&result);
}

static void a_crash_of_the_command_leaves_nothing(void **state)
{
    struct told told;
    struct realm_result result;
    realm_process *process = start(TELL "read line; kill -ABRT $$", &told);

    (void)state;
    assert_there(&told);
    realm_process_wait(process, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 128 + SIGABRT);
    assert_gone(&told);
    realm_result_free(&result);
}

static void a_kill_of_the_realm_leaves_nothing(void **state)
{
    struct told told;
    struct realm_result result;
    realm_process *process = start(TELL "read line", &told);

    (void)state;
    assert_there(&told);
    realm_process_signal(process, SIGKILL);
    assert_soon_gone(&told);
    realm_process_wait(process, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 128 + SIGKILL);
    realm_result_free(&result);
}

static void a_stopped_kdc_is_ended_too(void **state)
{
    struct told told;
    struct realm_result result;
    realm_process *process = start(TELL "kill -STOP $TROTH_REALM_KDC_PID; read line; exit 0", &told);

    (void)state;
    realm_process_wait(process, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 0);
    assert_gone(&told);
    realm_result_free(&result);
}

static void signals_reach_the_command(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct told told;
        struct realm_result result;
        realm_process *process =
            start("trap 'echo caught; exit 5' TERM INT; " TELL "echo ready; while read line; do :; done", &told);

        realm_process_line(process, "ready", REALM_DEADLINE);
        realm_process_signal(process, signals[i]);
        realm_process_line(process, "caught", REALM_DEADLINE);
        realm_process_wait(process, REALM_DEADLINE, &result);
        assert_int_equal(result.exit_code, 5);
        assert_gone(&told);
        realm_result_free(&result);
    }
}

static void print_env_serves_a_shell_until_its_stdin_ends(void **state)
{
    struct realm_result result;
    struct realm_result shell;
    char directory[512];
    realm_process *process = realm_process_start(REALM_ARGV(realm_program, "--print-env"), -1);

    (void)state;
    snprintf(directory, sizeof directory, "%s",
             realm_process_line(process, "export TROTH_REALM_DIR='", REALM_DEADLINE));
    directory[strcspn(directory, "'")] = '\0';
    realm_process_line(process, "unset GSS_USE_PROXY", REALM_DEADLINE);
    assert_true(directory_exists(directory));
    realm_process_wait(process, REALM_DEADLINE, &result);
    assert_int_equal(result.exit_code, 0);
    assert_false(directory_exists(directory));

    /* What it printed is for a shell. */
    assert_int_equal(realm_run(REALM_ARGV("sh", "-eu", "-c", "eval \"$0\"; test \"$TROTH_REALM_USER\" = \"$1\"",
                                          result.out, "alice@TROTH.TEST"),
                               NULL, REALM_DEADLINE, &shell),
                     0);
    realm_result_free(&shell);
    realm_result_free(&result);
}

static void without_its_kdc_the_ticket_is_there_and_no_answer(void **state)
{
    struct realm_result result;
    int code = realm_run(REALM_ARGV(realm_program, "--no-kdc", "--", "sh", "-c",
                                    "klist -s && ! kvno troth/$TROTH_REALM_HOST && test -z \"$TROTH_REALM_KDC_PID\""),
                         NULL, REALM_DEADLINE, &result);

    (void)state;
    assert_int_equal(code, 0);
    assert_non_null(strstr(result.err, "Cannot contact any KDC"));
    realm_result_free(&result);
}

static void without_a_kdc_installed_it_says_so_and_skips(void **state)
{
    struct realm_result result;
    int code = realm_run(REALM_ARGV("unshare", "-rm", "sh", "-c",
                                    "mount -t tmpfs none /usr/sbin && PATH=/bin exec \"$0\" -- true", realm_program),
                         NULL, REALM_DEADLINE, &result);

    (void)state;
    if (strstr(result.err, "unshare") != NULL || strstr(result.err, "mount") != NULL) {
        print_message("SKIPPED: no private mounts here: %s", result.err);
        realm_result_free(&result);
        skip();
    }
    assert_int_equal(code, 77);
    assert_non_null(strstr(result.err, "krb5-kdc"));
    assert_string_equal(result.out, "");
    realm_result_free(&result);
}

/* Skips the test, with the realm's words, where no realm with a directory service can be made. */
static bool ldap_missing(const struct realm_result *result, int code)
{
    if (code != 77) {
        return false;
    }
    print_message("# SKIPPED: %s", result->err);
    return true;
}

static void with_a_directory_the_kdc_grants_constrained_delegation_and_refuses_it(void **state)
{
    struct realm_result result;
    int code = realm_run(
        REALM_ARGV(realm_program, "--ldap", "--", "sh", "-e", "-c",
                   "ask() {\n"
                   "    kinit -k -t $KRB5_KTNAME -c $TROTH_REALM_DIR/cc $1/$TROTH_REALM_HOST\n"
                   "    kvno -q -c $TROTH_REALM_DIR/cc -k $KRB5_KTNAME -I $TROTH_REALM_USER -P $2/$TROTH_REALM_HOST\n"
                   "}\n"
                   "ask front back\n"
                   "if ask front second; then exit 1; fi\n"
                   "if ask middle back; then exit 1; fi\n"
                   "kvno -q troth/$TROTH_REALM_HOST\n" /* and the rest is there too */
                   "test -S $TROTH_REALM_DIR/ldap.socket; kill -0 $TROTH_REALM_LDAP_PID\n"),
        NULL, REALM_DEADLINE, &result);
    bool missing = ldap_missing(&result, code);

    (void)state;
    if (!missing && code != 0) {
        fail_msg("exit code %d; it printed:\n%s%s", code, result.out, result.err);
    }
    realm_result_free(&result);
    if (missing) {
        skip();
    }
}

static void a_directory_is_gone_with_its_realm(void **state)
{
    struct told told;
    struct realm_result result;
    realm_process *process;
    int code = realm_run(REALM_ARGV(realm_program, "--ldap", "--", "true"), NULL, REALM_DEADLINE, &result);
    bool missing = ldap_missing(&result, code);

    (void)state;
    realm_result_free(&result);
    if (missing) {
        skip();
    }
    for (int killed = 0; killed < 2; killed++) {
        process = realm_process_start(REALM_ARGV(realm_program, "--ldap", "--", "sh", "-c", TELL "read line"), -1);
        read_told(process, &told);
        assert_true(told.ldap > 1);
        assert_there(&told);
        if (killed) {
            realm_process_signal(process, SIGKILL);
            assert_soon_gone(&told);
        }
        realm_process_wait(process, REALM_DEADLINE, &result);
        assert_gone(&told);
        realm_result_free(&result);
    }
}

static void an_outside_realm_is_taken_as_it_is(void **state)
{
    struct realm_result result;
    int code = realm_run(REALM_ARGV("env", "TROTH_REALM_EXTERNAL=1", "TROTH_REALM=OTHER.TEST", "TROTH_REALM_DIR=",
                                    realm_program, "--", "sh", "-c", "echo $TROTH_REALM$TROTH_REALM_DIR; exit 3"),
                         NULL, REALM_DEADLINE, &result);

    (void)state;
    assert_int_equal(code, 3);
    assert_string_equal(result.out, "OTHER.TEST\n");
    realm_result_free(&result);
}

static void a_command_that_cannot_run_is_told_apart(void **state)
{
    struct realm_result result;

    (void)state;
    assert_int_equal(realm_run(REALM_ARGV(realm_program, "--", "no-such-program-here"), NULL, REALM_DEADLINE, &result),
                     127);
    assert_non_null(strstr(result.err, "no-such-program-here"));
    realm_result_free(&result);
    assert_int_equal(realm_run(REALM_ARGV(realm_program, "--wrong"), NULL, REALM_DEADLINE, &result), 2);
    realm_result_free(&result);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_user_gets_a_ticket),
        cmocka_unit_test(the_keytab_has_the_keys_that_it_should),
        cmocka_unit_test(brief_tickets_end_after_four_seconds),
        cmocka_unit_test(everything_is_private_and_inside_the_directory),
        cmocka_unit_test(the_exit_status_is_the_commands),
        cmocka_unit_test(a_normal_end_leaves_nothing),
        cmocka_unit_test(a_crash_of_the_command_leaves_nothing),
        cmocka_unit_test(a_kill_of_the_realm_leaves_nothing),
        cmocka_unit_test(a_stopped_kdc_is_ended_too),
        cmocka_unit_test(signals_reach_the_command),
        cmocka_unit_test(print_env_serves_a_shell_until_its_stdin_ends),
        cmocka_unit_test(without_its_kdc_the_ticket_is_there_and_no_answer),
        cmocka_unit_test(without_a_kdc_installed_it_says_so_and_skips),
        cmocka_unit_test(with_a_directory_the_kdc_grants_constrained_delegation_and_refuses_it),
        cmocka_unit_test(a_directory_is_gone_with_its_realm),
        cmocka_unit_test(an_outside_realm_is_taken_as_it_is),
        cmocka_unit_test(a_command_that_cannot_run_is_told_apart),
    };

    if (argc < 2) {
        fprintf(stderr, "usage: test_realm TROTH-REALM\n");
        return 2;
    }
    realm_program = argv[1];
    unsetenv("TROTH_REALM_EXTERNAL");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
