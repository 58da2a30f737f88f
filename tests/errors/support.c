/* support.c - the means of errors.h. */
#define _GNU_SOURCE

#include "errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LEGS 8
#define MAX_PROCESSES 8

const troth_mechanism both_mechanisms[2] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};

static realm_process *processes[MAX_PROCESSES];
static size_t process_count;

const char *mechanism_shown(troth_mechanism mechanism)
{
    return mechanism == TROTH_MECHANISM_KERBEROS ? "(Kerberos)" : "(Negotiate)";
}

const char *mechanism_argument(troth_mechanism mechanism)
{
    return mechanism == TROTH_MECHANISM_KERBEROS ? "kerberos" : "negotiate";
}

bool no_own_realm(void)
{
    const char *external = getenv("TROTH_REALM_EXTERNAL");

    if (external == NULL || external[0] == '\0')
        return false;
    puts("1..0 # SKIP these tests need a realm of their own");
    return true;
}

/* What tests change, and what it was. */
static const char *const variables[] = {"KRB5_CONFIG", "KRB5CCNAME", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME", "LANGUAGE"};
static char *values[sizeof variables / sizeof variables[0]];

int fresh_surroundings(void **state)
{
    static bool kept;

    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *now = getenv(variables[i]);

        if (!kept)
            values[i] = now != NULL ? strdup(now) : NULL;
        else if (values[i] != NULL)
            setenv(variables[i], values[i], 1);
        else
            unsetenv(variables[i]);
    }
    kept = true;
    return 0;
}

int end_processes(void **state)
{
    while (process_count > 0)
        realm_process_kill(processes[--process_count]);
    return fresh_surroundings(state);
}

static realm_process *keep(realm_process *process)
{
    assert_true(process_count < MAX_PROCESSES);
    return processes[process_count++] = process;
}

/* ---- checking ------------------------------------------------------------------------------------------------- */

static void show(const char *title, const troth_error *error)
{
    const char *directory = realm_env("TROTH_REALM_DIR");
    const char *text = error->text;
    const char *found;

    printf("# %s: %s 0x%08x %ld: ", title, troth_status_name(error->status), (unsigned)error->native_major,
           (long)(int32_t)error->native_minor);
    while ((found = strstr(text, directory)) != NULL) {
        printf("%.*s/etc/troth", (int)(found - text), text);
        text = found + strlen(directory);
    }
    printf("%s\n", text);
    fflush(stdout);
}

void check_error(const char *title, const troth_error *error, troth_status status, int native, ...)
{
    va_list words;
    const char *word;

    show(title, error);
    if (error->status != status)
        fail_msg("%s: %s instead of %s: %s", title, troth_status_name(error->status), troth_status_name(status),
                 error->text);
    if ((native != 0) != (error->native_major != 0))
        fail_msg("%s: native codes 0x%08x %d: %s", title, (unsigned)error->native_major, (int)error->native_minor,
                 error->text);
    assert_true(memchr(error->text, '\0', sizeof error->text) != NULL);
    assert_null(strpbrk(error->text, "\r\n"));
    assert_null(strstr(error->text, "..."));     /* it fits */
    assert_null(strstr(error->text, "Unknown")); /* the native words are there */
    va_start(words, native);
    while ((word = va_arg(words, const char *)) != NULL) {
        if (strstr(error->text, word) == NULL)
            fail_msg("%s: \"%s\" is missing in: %s", title, word, error->text);
    }
    va_end(words);
}

void refute_words(const troth_error *error, const char *words)
{
    if (strstr(error->text, words) != NULL)
        fail_msg("\"%s\" must not be in: %s", words, error->text);
}

/* ---- credentials and contexts --------------------------------------------------------------------------------- */

troth_credential *acquire(troth_role role, troth_credential_options options)
{
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    options.size = sizeof options;
    if (troth_credential_acquire(role, &options, &credential, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return credential;
}

troth_error acquire_fails(troth_role role, troth_credential_options options)
{
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;

    options.size = sizeof options;
    status = troth_credential_acquire(role, &options, &credential, &error);
    assert_null(credential);
    assert_int_not_equal(status, TROTH_OK);
    assert_int_equal(status, error.status);
    return error;
}

troth_context *context_to(troth_credential *credential, const char *service)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (service != NULL && strchr(service, '@') != NULL) {
        options.target.principal = service;
    } else if (service != NULL) {
        options.target.service = service;
        options.target.host = HOST;
    }
    if (troth_context_new(credential, &options, &context, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(credential);
    return context;
}

troth_credential *alice(troth_mechanism mechanism)
{
    return acquire(TROTH_INITIATOR, (troth_credential_options){.mechanism = mechanism});
}

troth_credential *server(troth_mechanism mechanism)
{
    return acquire(TROTH_ACCEPTOR, (troth_credential_options){.mechanism = mechanism});
}

troth_status step(troth_context *context, const struct token *in, struct token *out, troth_error *error)
{
    const void *bytes = NULL;
    size_t length = 0;
    troth_status status =
        troth_context_step(context, in != NULL ? in->bytes : NULL, in != NULL ? in->length : 0, &bytes, &length, error);

    assert_int_equal(status == TROTH_OK || status == TROTH_CONTINUE ? TROTH_OK : status, error->status);
    assert_true(length <= sizeof out->bytes);
    out->length = length;
    if (length > 0)
        memcpy(out->bytes, bytes, length);
    return status;
}

static void outcome_reset(struct outcome *outcome)
{
    const troth_error none = TROTH_ERROR_INIT;

    outcome->initiator = outcome->acceptor = TROTH_CONTINUE;
    outcome->initiator_error = outcome->acceptor_error = none;
}

void drive(troth_context *initiator, troth_context *acceptor, struct outcome *outcome)
{
    static struct token forth, back;

    outcome_reset(outcome);
    outcome->initiator = step(initiator, NULL, &forth, &outcome->initiator_error);
    for (int legs = 0; legs < MAX_LEGS && forth.length > 0 && outcome->acceptor == TROTH_CONTINUE; legs++) {
        outcome->acceptor = step(acceptor, &forth, &back, &outcome->acceptor_error);
        forth.length = 0;
        if (back.length > 0 && outcome->initiator == TROTH_CONTINUE)
            outcome->initiator = step(initiator, &back, &forth, &outcome->initiator_error);
    }
    troth_context_free(initiator);
    troth_context_free(acceptor);
}

/* ---- raw ends ------------------------------------------------------------------------------------------------- */

static const char *shift_library(void)
{
    const char *library = getenv("TROTH_FAKETIME");

    return library != NULL && library[0] != '\0' ? library : NULL;
}

void need_shifted_clock(void)
{
    if (shift_library() == NULL) {
        print_message("SKIPPED: libfaketime is not installed; Debian and Ubuntu have it in the package faketime\n");
        skip();
    }
}

/* argv of at most 8 words, in front of which the clock is shifted. */
static realm_process *start_shifted(const char *shift, const char *const *argv)
{
    char preload[512], time[64];
    const char *with_env[16] = {"env", "FAKETIME_DONT_RESET=1", preload, time};
    size_t at = 4;

    if (shift == NULL)
        return keep(realm_process_start(argv, -1));
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", shift_library());
    snprintf(time, sizeof time, "FAKETIME=%s", shift);
    while (*argv != NULL)
        with_env[at++] = *argv++;
    return keep(realm_process_start(with_env, -1));
}

realm_process *raw_initiator(const char *shift, troth_mechanism mechanism, const char *service, const char *how)
{
    char target[256];

    snprintf(target, sizeof target, "%s@%s", service, HOST);
    return start_shifted(
        shift, REALM_ARGV(realm_env("TROTH_RAW_PEER"), "initiate", mechanism_argument(mechanism), target, how));
}

realm_process *raw_acceptor(const char *shift, const char *how)
{
    return start_shifted(shift, REALM_ARGV(realm_env("TROTH_RAW_PEER"), "accept", how));
}

void raw_token(realm_process *raw, struct token *token)
{
    const char *hex = realm_process_line(raw, "token: ", REALM_DEADLINE);
    unsigned byte;

    token->length = 0;
    for (; hex[0] != '\0' && sscanf(hex, "%2x", &byte) == 1; hex += 2)
        token->bytes[token->length++] = (unsigned char)byte;
}

static void raw_give(realm_process *raw, const struct token *token)
{
    static char line[2 * sizeof token->bytes + 2];

    for (size_t i = 0; i < token->length; i++)
        snprintf(line + 2 * i, 3, "%02x", token->bytes[i]);
    memcpy(line + 2 * token->length, "\n", 2);
    realm_process_input(raw, line);
}

void drive_raw_initiator(realm_process *initiator, troth_context *acceptor, struct outcome *outcome)
{
    static struct token forth, back;

    outcome_reset(outcome);
    raw_token(initiator, &forth);
    for (int legs = 0; legs < MAX_LEGS && forth.length > 0 && outcome->acceptor == TROTH_CONTINUE; legs++) {
        outcome->acceptor = step(acceptor, &forth, &back, &outcome->acceptor_error);
        forth.length = 0;
        if (back.length > 0 && strcmp(realm_process_line(initiator, "status: ", REALM_DEADLINE), "continue") == 0) {
            raw_give(initiator, &back);
            raw_token(initiator, &forth);
        }
    }
    troth_context_free(acceptor);
}

void drive_raw_acceptor(troth_context *initiator, realm_process *acceptor, struct outcome *outcome)
{
    static struct token forth, back;

    outcome_reset(outcome);
    outcome->initiator = step(initiator, NULL, &forth, &outcome->initiator_error);
    for (int legs = 0; legs < MAX_LEGS && forth.length > 0 && outcome->initiator == TROTH_CONTINUE; legs++) {
        raw_give(acceptor, &forth);
        raw_token(acceptor, &back);
        forth.length = 0;
        if (back.length > 0)
            outcome->initiator = step(initiator, &back, &forth, &outcome->initiator_error);
    }
    troth_context_free(initiator);
}

/* ---- surroundings --------------------------------------------------------------------------------------------- */

unsigned kdc_port(void)
{
    return (unsigned)strtoul(realm_env("TROTH_REALM_KDC_PORT"), NULL, 10);
}

static void write_file(const char *path, const char *content)
{
    FILE *stream = fopen(path, "w");

    assert_non_null(stream);
    assert_true(fputs(content, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

void with_config(const char *libdefaults, unsigned port)
{
    const char *path = realm_path("spoiled.conf");
    char *text = NULL;

    assert_true(asprintf(&text,
                         "[libdefaults]\ndefault_realm = " REALM "\ndns_canonicalize_hostname = false\n"
                         "dns_lookup_kdc = false\ndns_lookup_realm = false\ndns_uri_lookup = false\nrdns = false\n%s\n"
                         "[realms]\n" REALM " = {\nkdc = 127.0.0.1:%u\n}\n"
                         "[domain_realm]\n.troth.test = " REALM "\n.elsewhere.test = ELSEWHERE.TEST\n",
                         libdefaults, port) > 0);
    write_file(path, text);
    free(text);
    setenv("KRB5_CONFIG", path, 1);
}

unsigned shifted_kdc(const char *shift)
{
    const unsigned port = realm_free_port();
    char profile[1200];
    char *text = NULL;

    need_shifted_clock();
    assert_true(asprintf(&text,
                         "[kdcdefaults]\nkdc_listen = 127.0.0.1:%u\nkdc_tcp_listen = 127.0.0.1:%u\n[realms]\n" REALM
                         " = {\ndatabase_name = %s\nkey_stash_file = %s\nmax_life = 1d\n}\n"
                         "[logging]\nkdc = FILE:%s\n",
                         port, port, realm_path("principal"), realm_path("stash"), realm_path("shifted.log")) > 0);
    write_file(realm_path("shifted.conf"), text);
    free(text);
    snprintf(profile, sizeof profile, "KRB5_KDC_PROFILE=%s", realm_path("shifted.conf"));
    realm_process_line(
        start_shifted(shift, REALM_ARGV("env", profile, "sh", "-c", "exec krb5kdc -n -r " REALM " 2>&1")),
        "krb5kdc: starting...", REALM_DEADLINE);
    return port;
}

void run(const char *const *argv)
{
    struct realm_result result;
    int code = realm_run(argv, NULL, REALM_DEADLINE, &result);

    if (code != 0)
        fail_msg("%s: exit code %d: %s%s", argv[0], code, result.out, result.err);
    realm_result_free(&result);
}

const char *file_with(const char *name, const char *content)
{
    static char url[1100];

    write_file(realm_path(name), content);
    snprintf(url, sizeof url, "FILE:%s", realm_path(name));
    return url;
}
