/*
 * test_memory.c - keytabs and ccaches given as bytes: what is read is what the native library reads of such a file,
 * whatever else is refused, nothing is read twice, and no key stays behind.
 */
#define _POSIX_C_SOURCE 200809L

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
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
#include "gssapi/memory.h"
#include "portability.h"
#include "realm.h"

#define KEYTAB_HERE "MEMORY:test-memory"
#define CCACHE_HERE "MEMORY:test-memory"

static krb5_context krb5;

static int setup(void **state)
{
    (void)state;
    return krb5_init_context(&krb5) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    krb5_free_context(krb5);
    return 0;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* Bytes at the end of a new block of memory, so that whoever reads beyond them is seen. */
static uint8_t *block_of(const void *bytes, size_t length)
{
    uint8_t *block = malloc(length + (length == 0));

    assert_non_null(block);
    memcpy(block, bytes, length);
    return block;
}

/* Reads bytes into a MEMORY keytab or ccache, which the caller closes. */
static troth_status read_keytab(const void *bytes, size_t length, krb5_keytab *keytab, troth_error *error)
{
    uint8_t *block = block_of(bytes, length);
    troth_status status;

    assert_int_equal(krb5_kt_resolve(krb5, KEYTAB_HERE, keytab), 0);
    status = troth__gss_memory_keytab(&troth__gss_native, krb5, (troth__bytes){block, length}, *keytab, error);
    free(block);
    return status;
}

static troth_status read_ccache(const void *bytes, size_t length, krb5_ccache *ccache, troth_error *error)
{
    uint8_t *block = block_of(bytes, length);
    troth_status status;

    assert_int_equal(krb5_cc_resolve(krb5, CCACHE_HERE, ccache), 0);
    status = troth__gss_memory_ccache(&troth__gss_native, krb5, (troth__bytes){block, length}, *ccache, error);
    free(block);
    return status;
}

/* The two hold the same entries in the same order. Returns how many. */
static unsigned same_keytabs(krb5_keytab a, krb5_keytab b)
{
    krb5_kt_cursor at, bt;
    krb5_keytab_entry one, other;
    unsigned count = 0;

    assert_int_equal(krb5_kt_start_seq_get(krb5, a, &at), 0);
    assert_int_equal(krb5_kt_start_seq_get(krb5, b, &bt), 0);
    while (krb5_kt_next_entry(krb5, a, &one, &at) == 0) {
        assert_int_equal(krb5_kt_next_entry(krb5, b, &other, &bt), 0);
        assert_true(krb5_principal_compare(krb5, one.principal, other.principal));
        assert_int_equal(one.principal->type, other.principal->type);
        assert_int_equal(one.timestamp, other.timestamp);
        assert_int_equal(one.vno, other.vno);
        assert_int_equal(one.key.enctype, other.key.enctype);
        assert_int_equal(one.key.length, other.key.length);
        assert_memory_equal(one.key.contents, other.key.contents, one.key.length);
        krb5_free_keytab_entry_contents(krb5, &one);
        krb5_free_keytab_entry_contents(krb5, &other);
        count++;
    }
    assert_int_equal(krb5_kt_next_entry(krb5, b, &other, &bt), KRB5_KT_END);
    krb5_kt_end_seq_get(krb5, a, &at);
    krb5_kt_end_seq_get(krb5, b, &bt);
    return count;
}

/* A file keytab of names of every shape, with kvnos above a byte and holes where entries were removed. */
static void make_keytab(const char *name)
{
    static const char *const names[] = {"one",         "two/parts@A.TEST", "thr/ee/parts@A.TEST",
                                        "gone@B.TEST", "big@B.TEST",       "last/one"};
    uint8_t contents[32];
    krb5_keytab file;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
            krb5_keytab_entry entry = {.vno = i == 4 ? 70000 : i + 1, .timestamp = (krb5_timestamp)(1000 + i)};

            memset(contents, (int)(0x10 * round + i), sizeof contents);
            assert_int_equal(krb5_parse_name(krb5, names[i], &entry.principal), 0);
            entry.key = (krb5_keyblock){KV5M_KEYBLOCK, round == 0 ? 18 : 17, round == 0 ? 32 : 16, contents};
            if (round == 1 && i == 0)
                entry.key.enctype = -133; /* a private one */
            assert_int_equal(krb5_kt_resolve(krb5, name, &file), 0);
            assert_int_equal(krb5_kt_add_entry(krb5, file, &entry), 0);
            if (i == 3)
                assert_int_equal(krb5_kt_remove_entry(krb5, file, &entry), 0);
            krb5_kt_close(krb5, file);
            krb5_free_principal(krb5, entry.principal);
        }
    }
}

static void keys_are_those_that_the_library_reads_of_the_file(void **state)
{
    char made[600], names[2][600];
    const char *path = realm_path("memory.keytab");

    (void)state;
    snprintf(made, sizeof made, "FILE:%s", path);
    make_keytab(made);
    snprintf(names[0], sizeof names[0], "%s", made);
    snprintf(names[1], sizeof names[1], "FILE:%s", realm_env_path("TROTH_REALM_KEYTAB"));
    for (size_t i = 0; i < 2; i++) {
        struct content content = files_read(names[i] + 5);
        troth_error error = TROTH_ERROR_INIT;
        krb5_keytab file, memory;

        assert_int_equal(krb5_kt_resolve(krb5, names[i], &file), 0);
        if (read_keytab(content.bytes, content.length, &memory, &error) != TROTH_OK)
            fail_msg("%s", error.text);
        assert_int_equal(same_keytabs(file, memory) >= 10 - 5 * i, 1);
        krb5_kt_close(krb5, file);
        krb5_kt_close(krb5, memory);
        files_free(&content);
    }
}

/* The two hold the same tickets in the same order, byte for byte. Returns how many. */
static unsigned same_ccaches(krb5_ccache a, krb5_ccache b)
{
    krb5_principal mine = NULL, yours = NULL;
    krb5_cc_cursor at, bt;
    krb5_creds one, other;
    unsigned count = 0;

    assert_int_equal(krb5_cc_get_principal(krb5, a, &mine), 0);
    assert_int_equal(krb5_cc_get_principal(krb5, b, &yours), 0);
    assert_true(krb5_principal_compare(krb5, mine, yours));
    assert_int_equal(mine->type, yours->type);
    krb5_free_principal(krb5, mine);
    krb5_free_principal(krb5, yours);
    assert_int_equal(krb5_cc_start_seq_get(krb5, a, &at), 0);
    assert_int_equal(krb5_cc_start_seq_get(krb5, b, &bt), 0);
    while (krb5_cc_next_cred(krb5, a, &at, &one) == 0) {
        krb5_data *here, *there;

        assert_int_equal(krb5_cc_next_cred(krb5, b, &bt, &other), 0);
        assert_int_equal(krb5_marshal_credentials(krb5, &one, &here), 0);
        assert_int_equal(krb5_marshal_credentials(krb5, &other, &there), 0);
        assert_int_equal(here->length, there->length);
        assert_memory_equal(here->data, there->data, here->length);
        krb5_free_data(krb5, here);
        krb5_free_data(krb5, there);
        krb5_free_cred_contents(krb5, &one);
        krb5_free_cred_contents(krb5, &other);
        count++;
    }
    assert_int_equal(krb5_cc_next_cred(krb5, b, &bt, &other), KRB5_CC_END);
    krb5_cc_end_seq_get(krb5, a, &at);
    krb5_cc_end_seq_get(krb5, b, &bt);
    return count;
}

static void tickets_are_those_that_the_library_reads_of_the_file(void **state)
{
    struct content content = files_read(realm_env_path("TROTH_REALM_CCACHE"));
    troth_error error = TROTH_ERROR_INIT;
    krb5_ccache file, memory;

    (void)state;
    assert_int_equal(krb5_cc_resolve(krb5, realm_env("TROTH_REALM_CCACHE"), &file), 0);
    if (read_ccache(content.bytes, content.length, &memory, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    assert_true(same_ccaches(file, memory) >= 1);
    krb5_cc_close(krb5, file);
    krb5_cc_destroy(krb5, memory);
    files_free(&content);
}

/* The library leaves the bytes of a ticket that it removes from a file, and marks them. */
static void tickets_that_were_removed_from_the_file_stay_removed(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    krb5_ccache from, file, memory;
    struct content content;
    krb5_creds ticket = {0};
    char name[256];

    (void)state;
    snprintf(name, sizeof name, "FILE:%s/removed.ccache", realm_env("TROTH_REALM_DIR"));
    assert_int_equal(krb5_cc_resolve(krb5, realm_env("TROTH_REALM_CCACHE"), &from), 0);
    assert_int_equal(krb5_cc_resolve(krb5, name, &file), 0);
    assert_int_equal(krb5_cc_get_principal(krb5, from, &ticket.client), 0);
    assert_int_equal(krb5_cc_initialize(krb5, file, ticket.client), 0);
    assert_int_equal(krb5_cc_copy_creds(krb5, from, file), 0);
    assert_int_equal(krb5_cc_copy_creds(krb5, from, file), 0);
    assert_int_equal(krb5_build_principal(krb5, &ticket.server, (unsigned)strlen(realm_env("TROTH_REALM")),
                                          realm_env("TROTH_REALM"), "krbtgt", realm_env("TROTH_REALM"), NULL),
                     0);
    assert_int_equal(krb5_cc_remove_cred(krb5, file, 0, &ticket), 0);
    krb5_free_cred_contents(krb5, &ticket);
    content = files_read(name + strlen("FILE:"));
    if (read_ccache(content.bytes, content.length, &memory, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    same_ccaches(file, memory);
    krb5_cc_close(krb5, from);
    krb5_cc_destroy(krb5, file);
    krb5_cc_destroy(krb5, memory);
    files_free(&content);
}

/* ---- what is no keytab and no ccache -------------------------------------------------------------------------- */

#define ENTRY_NAME "\0\1\0\1R\0\1s" /* one part: s@R */
#define ENTRY_REST "\0\0\0\1\0\0\0\0\1\0\22\0\1k"
#define ENTRY "\0\0\0\26" ENTRY_NAME ENTRY_REST

static void bytes_that_are_no_keytab_are_refused_in_words(void **state)
{
#define BYTES(text) text, sizeof text - 1
    static const struct {
        const char *bytes;
        size_t length;
        troth_status status;
    } cases[] = {
        {BYTES(""), TROTH_E_ARGUMENT},
        {BYTES("\5"), TROTH_E_ARGUMENT},
        {BYTES("\4\2" ENTRY), TROTH_E_ARGUMENT},
        {BYTES("\5\0" ENTRY), TROTH_E_ARGUMENT},
        {BYTES("\5\7" ENTRY), TROTH_E_ARGUMENT},
        {BYTES("\5\1" ENTRY), TROTH_E_UNSUPPORTED},
        {BYTES("\5\4" ENTRY), TROTH_E_UNSUPPORTED},
        {BYTES("\5\2"), TROTH_E_NO_CREDENTIAL},
        {BYTES("\5\2\0\0\0\0"), TROTH_E_NO_CREDENTIAL},
        {BYTES("\5\2\0\0\0\0" ENTRY), TROTH_E_NO_CREDENTIAL}, /* as the library has it: it ends here */
        {BYTES("\5\2\377\377\377\376xx"), TROTH_E_NO_CREDENTIAL},
        {BYTES("\5\2" ENTRY), TROTH_OK},
        {BYTES("\5\2\377\377\377\376xx" ENTRY), TROTH_OK},
        {BYTES("\5\2" ENTRY "\377\377\377\376xx"), TROTH_OK},
        {BYTES("\5\2" ENTRY "\0\0\0\0junk"), TROTH_OK},
        {BYTES("\5\2" ENTRY "\0"), TROTH_E_ARGUMENT},
        {BYTES("\5\2" ENTRY "\0\0\0"), TROTH_E_ARGUMENT},
        {BYTES("\5\2\200\0\0\0" ENTRY), TROTH_E_ARGUMENT},                /* a hole without an opposite */
        {BYTES("\5\2\377\377\377\375xx"), TROTH_E_ARGUMENT},              /* a hole longer than all */
        {BYTES("\5\2\177\377\377\377" ENTRY), TROTH_E_ARGUMENT},          /* an entry longer than all */
        {BYTES("\5\2\0\0\0\25" ENTRY_NAME ENTRY_REST), TROTH_E_ARGUMENT}, /* and one that is too short for itself */
        {BYTES("\5\2\0\0\0\1x" ENTRY), TROTH_E_ARGUMENT},
        {BYTES("\5\2\0\0\0\23\0\0\0\1R" ENTRY_REST), TROTH_E_ARGUMENT},      /* no parts */
        {BYTES("\5\2\0\0\0\26\0\2\0\1R\0\1s" ENTRY_REST), TROTH_E_ARGUMENT}, /* more parts than there are */
        {BYTES("\5\2\0\0\0\26\0\41\0\1R\0\1s" ENTRY_REST), TROTH_E_LIMIT},   /* 33 of them */
        {BYTES("\5\2\0\0\0\26\377\377\0\1R\0\1s" ENTRY_REST), TROTH_E_LIMIT},
        {BYTES("\5\2\0\0\0\26\0\1\377\377R\0\1s" ENTRY_REST), TROTH_E_ARGUMENT},
        {BYTES("\5\2\0\0\0\26" ENTRY_NAME "\0\0\0\1\0\0\0\0\1\0\22\377\377k"), TROTH_E_ARGUMENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        krb5_keytab keytab;
        troth_status status = read_keytab(cases[i].bytes, cases[i].length, &keytab, &error);

        if (status != cases[i].status)
            fail_msg("case %zu: %s %s", i, troth_status_name(status), error.text);
        assert_true((status == TROTH_OK) == (error.text[0] == '\0'));
        krb5_kt_close(krb5, keytab);
    }
}

#define PRINCIPAL "\0\0\0\1\0\0\0\1\0\0\0\1R\0\0\0\1s"
#define HEAD "\5\4\0\0"
#define SOME_KEY "\0\22\0\0\0\1k"
#define TIMES "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4"
#define NO_LISTS "\0\0\0\0\0\0\0\0"
#define TICKETS "\0\0\0\1t\0\0\0\0"
#define TICKET PRINCIPAL PRINCIPAL SOME_KEY TIMES "\0\0\0\0\0" NO_LISTS TICKETS

static void bytes_that_are_no_ccache_are_refused_in_words(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        troth_status status;
    } cases[] = {
        {BYTES(""), TROTH_E_ARGUMENT},
        {BYTES("\5"), TROTH_E_ARGUMENT},
        {BYTES("\4\4\0\0" PRINCIPAL TICKET), TROTH_E_ARGUMENT},
        {BYTES("\5\3" PRINCIPAL TICKET), TROTH_E_UNSUPPORTED},
        {BYTES("\5\2" PRINCIPAL TICKET), TROTH_E_UNSUPPORTED},
        {BYTES(HEAD), TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL), TROTH_E_NO_CREDENTIAL},
        {BYTES(HEAD PRINCIPAL TICKET), TROTH_OK},
        {BYTES(HEAD PRINCIPAL TICKET TICKET), TROTH_OK},
        {BYTES("\5\4\0\3abc" PRINCIPAL TICKET), TROTH_E_ARGUMENT},
        {BYTES("\5\4\0\6\0\7\0\2ab" PRINCIPAL TICKET), TROTH_OK}, /* nobody knows what this tells */
        {BYTES("\5\4\0\6\0\7\0\3ab" PRINCIPAL TICKET), TROTH_E_ARGUMENT},
        {BYTES("\5\4\0\14\0\1\0\10\200\0\0\0\0\0\0\0" PRINCIPAL TICKET), TROTH_E_ARGUMENT}, /* before 1970 */
        {BYTES("\5\4\0\14\0\1\0\10\177\377\377\377\177\377\377\377" PRINCIPAL TICKET), TROTH_OK},
        {BYTES("\5\4\377\377" PRINCIPAL TICKET), TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL TICKET "x"), TROTH_E_ARGUMENT},
        {BYTES(HEAD "\0\0\0\1\0\0\0\41\0\0\0\1R\0\0\0\1s" TICKET), TROTH_E_LIMIT},
        {BYTES(HEAD "\0\0\0\1\377\377\377\377\0\0\0\1R\0\0\0\1s" TICKET), TROTH_E_LIMIT},
        {BYTES(HEAD "\0\0\0\1\0\0\0\1\377\377\377\377R\0\0\0\1s" TICKET), TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL "\0\0\0\1\377\377\377\377\0\0\0\1R\0\0\0\1s" PRINCIPAL SOME_KEY TIMES
                              "\0\0\0\0\0" NO_LISTS TICKETS),
         TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL PRINCIPAL PRINCIPAL "\0\22\377\377\377\377k" TIMES "\0\0\0\0\0" NO_LISTS TICKETS),
         TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL PRINCIPAL PRINCIPAL SOME_KEY TIMES "\0\0\0\0\0\177\377\377\377\0\0\0\0" TICKETS),
         TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL PRINCIPAL PRINCIPAL SOME_KEY TIMES "\0\0\0\0\0\0\0\0\0\377\377\377\377" TICKETS),
         TROTH_E_ARGUMENT},
        {BYTES(HEAD PRINCIPAL PRINCIPAL PRINCIPAL SOME_KEY TIMES
               "\0\0\0\0\0\0\0\0\1\0\2\0\0\0\4\177\0\0\1\0\0\0\1\0\1\0\0\0\2xx" TICKETS),
         TROTH_OK},
        {BYTES(HEAD PRINCIPAL PRINCIPAL PRINCIPAL SOME_KEY TIMES "\0\0\0\0\0" NO_LISTS "\377\377\377\377t\0\0\0\0"),
         TROTH_E_ARGUMENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        krb5_ccache ccache;
        troth_status status = read_ccache(cases[i].bytes, cases[i].length, &ccache, &error);

        if (status != cases[i].status)
            fail_msg("case %zu: %s %s", i, troth_status_name(status), error.text);
        assert_true((status == TROTH_OK) == (error.text[0] == '\0'));
        krb5_cc_destroy(krb5, ccache);
    }
}

/* The realm's tickets with another header: the KDC's clock is so many seconds ahead of ours. */
static struct content tickets_of_a_clock(int32_t ahead)
{
    struct content whole = files_read(realm_env_path("TROTH_REALM_CCACHE"));
    const uint8_t *bytes = (const uint8_t *)whole.bytes;
    const size_t head = 4 + ((size_t)bytes[2] << 8 | bytes[3]);
    const uint8_t header[] = {5,
                              4,
                              0,
                              12,
                              0,
                              1,
                              0,
                              8,
                              (uint8_t)((uint32_t)ahead >> 24),
                              (uint8_t)((uint32_t)ahead >> 16),
                              (uint8_t)((uint32_t)ahead >> 8),
                              (uint8_t)ahead,
                              0,
                              0,
                              0,
                              0};
    struct content made = {malloc(sizeof header + whole.length), sizeof header + whole.length - head};

    assert_non_null(made.bytes);
    memcpy(made.bytes, header, sizeof header);
    memcpy(made.bytes + sizeof header, whole.bytes + head, whole.length - head);
    files_free(&whole);
    return made;
}

/* As it does over a file with that header: an initiator whose clock is said to be an hour off says another time. */
static void the_kdcs_clock_is_taken_over(void **state)
{
    static const int32_t ahead[] = {-3600, -20, 0, 20, 3600};
    const char *path = realm_path("clock.ccache");
    char name[600];

    (void)state;
    snprintf(name, sizeof name, "FILE:%s", path);
    for (size_t i = 0; i < 2 * sizeof ahead / sizeof ahead[0]; i++) {
        struct content content = tickets_of_a_clock(ahead[i / 2]);
        const troth_status expected = ahead[i / 2] == 3600 || ahead[i / 2] == -3600 ? TROTH_E_CLOCK_SKEW : TROTH_OK;
        troth_credential_options options = conversation_acceptor(SOURCE_CCACHE, TROTH_MECHANISM_KERBEROS);
        troth_credential *initiator = NULL, *acceptor = NULL;
        troth_error error = TROTH_ERROR_INIT;

        assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &options, &acceptor, &error), TROTH_OK);
        assert_int_equal(files_put(path, &content), 0);
        if (i % 2 == 0) {
            options.ccache = name;
        } else {
            options.ccache_data = content.bytes;
            options.ccache_length = content.length;
        }
        assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &options, &initiator, &error), TROTH_OK);
        for (int again = 0; again < 3; again++) {
            const troth_status status = conversation_greet(initiator, acceptor, NULL, &error);

            if (status != expected)
                fail_msg("%d s, as %s: %s %s", (int)ahead[i / 2], i % 2 == 0 ? "file" : "bytes",
                         troth_status_name(status), error.text);
        }
        troth_credential_free(initiator);
        troth_credential_free(acceptor);
        files_free(&content);
    }
}

/* Puts the realm's tickets into a MEMORY ccache, by somebody who knows that the KDC's clock is an hour ahead. */
static void fill_with_clock(const char *name)
{
    krb5_context late;
    krb5_ccache ccache, file;
    krb5_principal owner;

    assert_int_equal(krb5_init_context(&late), 0);
    assert_int_equal(krb5_set_real_time(late, (krb5_timestamp)(troth__now() + 3600), -1), 0);
    assert_int_equal(krb5_cc_resolve(late, realm_env("TROTH_REALM_CCACHE"), &file), 0);
    assert_int_equal(krb5_cc_resolve(late, name, &ccache), 0);
    assert_int_equal(krb5_cc_get_principal(late, file, &owner), 0);
    assert_int_equal(krb5_cc_initialize(late, ccache, owner), 0);
    assert_int_equal(krb5_cc_copy_creds(late, file, ccache), 0);
    krb5_free_principal(late, owner);
    krb5_cc_close(late, file);
    krb5_cc_close(late, ccache);
    krb5_free_context(late);
}

static OM_uint32 late_acquire(OM_uint32 *minor, gss_name_t name, OM_uint32 lifetime, gss_OID_set mechanisms,
                              gss_cred_usage_t usage, gss_const_key_value_set_t store, gss_cred_id_t *cred,
                              gss_OID_set *got, OM_uint32 *time_got)
{
    const OM_uint32 major = gss_acquire_cred_from(minor, name, lifetime, mechanisms, usage, store, cred, got, time_got);

    if (!GSS_ERROR(major) && usage == GSS_C_INITIATE && store->count == 2)
        fill_with_clock(store->elements[0].value);
    return major;
}

/* The library finds out how far the KDC's clock is when it gets the first ticket, and notes it in our ccache. */
static void a_private_ccaches_clock_is_in_its_copies(void **state)
{
    static struct troth__gss_native native;
    static troth__backend backend;
    const troth_credential_options mine = conversation_source(SOURCE_KEYTAB, TROTH_MECHANISM_KERBEROS);
    const troth_credential_options theirs = conversation_acceptor(SOURCE_KEYTAB, TROTH_MECHANISM_KERBEROS);
    const troth_credential_options file = conversation_source(SOURCE_CCACHE, TROTH_MECHANISM_KERBEROS);
    troth_credential *initiator = NULL, *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    native = troth__gss_native;
    native.gss_acquire_cred_from = late_acquire;
    backend = troth__backend_here;
    backend.native = &native;
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &theirs, &acceptor, &error), TROTH_OK);
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &file, &initiator, &error), TROTH_OK);
    assert_int_equal(conversation_greet(initiator, acceptor, NULL, &error), TROTH_OK); /* the ticket is there now */
    troth_credential_free(initiator);
    assert_int_equal(troth__credential_acquire(&backend, TROTH_INITIATOR, &mine, &initiator, &error), TROTH_OK);
    for (int again = 0; again < 3; again++)
        assert_int_equal(conversation_greet(initiator, acceptor, NULL, &error), TROTH_E_CLOCK_SKEW);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
}

/* A keytab may end after any entry; a ccache too, but for the first. Everything between is cut off. */
static void cut_off_at_each_byte_they_are_refused(void **state)
{
    struct content keys = files_read(realm_env_path("TROTH_REALM_KEYTAB"));
    struct content tickets = files_read(realm_env_path("TROTH_REALM_CCACHE"));
    unsigned good[2] = {0, 0};

    (void)state;
    for (size_t length = 0; length < keys.length; length++) {
        troth_error error = TROTH_ERROR_INIT;
        krb5_keytab keytab;
        const troth_status status = read_keytab(keys.bytes, length, &keytab, &error);

        assert_true(status == TROTH_OK || status == TROTH_E_ARGUMENT ||
                    (status == TROTH_E_NO_CREDENTIAL && length == 2));
        good[0] += status == TROTH_OK;
        krb5_kt_close(krb5, keytab);
    }
    for (size_t length = 0; length < tickets.length; length++) {
        troth_error error = TROTH_ERROR_INIT;
        krb5_ccache ccache;
        const troth_status status = read_ccache(tickets.bytes, length, &ccache, &error);

        assert_true(status == TROTH_OK || status == TROTH_E_ARGUMENT || status == TROTH_E_NO_CREDENTIAL);
        good[1] += status != TROTH_E_ARGUMENT;
        krb5_cc_destroy(krb5, ccache);
    }
    assert_in_range(good[0], 4, 40);
    assert_in_range(good[1], 1, 20);
    files_free(&keys);
    files_free(&tickets);
}

static void tickets_that_have_ended_are_told_as_such(void **state)
{
    const char *expired = realm_expired_ccache();
    struct content content = files_read(expired + strlen("FILE:"));
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    options.ccache_data = content.bytes;
    options.ccache_length = content.length;
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &options, &credential, &error), TROTH_E_EXPIRED);
    assert_null(credential);
    files_free(&content);
}

/* Good while they last, without anything that is read again, and then told as what they are. */
static void tickets_that_end_later_end_the_credential(void **state)
{
    const char *path = realm_path("short.ccache");
    const int64_t deadline = troth__monotonic_ms() + REALM_DEADLINE;
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *initiator = NULL, *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;
    struct realm_result result = {0};
    troth_status status = TROTH_OK;
    struct content content;
    unsigned good = 0;

    (void)state;
    assert_int_equal(realm_run(REALM_ARGV("kinit", "-l", "2s", "-c", path, "-k", "-t",
                                          realm_env("TROTH_REALM_USER_KEYTAB"), realm_env("TROTH_REALM_USER")),
                               NULL, REALM_DEADLINE, &result),
                     0);
    realm_result_free(&result);
    content = files_read(path);
    options.flags = conversation_path();
    options.ccache_data = content.bytes;
    options.ccache_length = content.length;
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &options, &initiator, &error), TROTH_OK);
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, NULL, &acceptor, &error), TROTH_OK);
    files_free(&content);
    while (status == TROTH_OK && troth__monotonic_ms() < deadline) {
        status = conversation_greet(initiator, acceptor, NULL, &error);
        good += status == TROTH_OK;
    }
    assert_true(good > 0);
    assert_int_equal(status, TROTH_E_EXPIRED);
    troth_credential_free(initiator);
    troth_credential_free(acceptor);
}

/* ---- under a counting native layer ---------------------------------------------------------------------------- */

static struct {
    unsigned acquired, keys_read;
    unsigned copies; /* native credentials of another ccache than the first one's */
    char first[80];
    char names[64][80]; /* of all that was opened in memory */
    unsigned opened;
} seen;

static void note(const char *name)
{
    if (strncmp(name, "MEMORY:", 7) == 0 && seen.opened < 64)
        snprintf(seen.names[seen.opened++], sizeof seen.names[0], "%s", name);
}

static krb5_error_code KRB5_CALLCONV noting_cc_resolve(krb5_context context, const char *name, krb5_ccache *ccache)
{
    note(name);
    return krb5_cc_resolve(context, name, ccache);
}

static krb5_error_code KRB5_CALLCONV noting_kt_resolve(krb5_context context, const char *name, krb5_keytab *keytab)
{
    note(name);
    return krb5_kt_resolve(context, name, keytab);
}

static krb5_error_code KRB5_CALLCONV counting_start(krb5_context context, krb5_keytab keytab, krb5_kt_cursor *cursor)
{
    seen.keys_read++;
    return krb5_kt_start_seq_get(context, keytab, cursor);
}

static OM_uint32 counting_acquire(OM_uint32 *minor, gss_name_t name, OM_uint32 lifetime, gss_OID_set mechanisms,
                                  gss_cred_usage_t usage, gss_const_key_value_set_t store, gss_cred_id_t *cred,
                                  gss_OID_set *got, OM_uint32 *time_got)
{
    seen.acquired++;
    if (usage == GSS_C_INITIATE && store != NULL) {
        if (seen.first[0] == '\0')
            snprintf(seen.first, sizeof seen.first, "%s", store->elements[0].value);
        seen.copies += strcmp(seen.first, store->elements[0].value) != 0;
    }
    return gss_acquire_cred_from(minor, name, lifetime, mechanisms, usage, store, cred, got, time_got);
}

struct both {
    troth_credential *initiator, *acceptor;
};

static struct both acquire_both(enum source source, troth_mechanism mechanism)
{
    static struct troth__gss_native native;
    static troth__backend backend;
    const troth_credential_options mine = conversation_source(source, mechanism);
    const troth_credential_options theirs = conversation_acceptor(source, mechanism);
    troth_error error = TROTH_ERROR_INIT;
    struct both both = {NULL, NULL};

    memset(&seen, 0, sizeof seen);
    native = troth__gss_native;
    native.krb5_cc_resolve = noting_cc_resolve;
    native.krb5_kt_resolve = noting_kt_resolve;
    native.krb5_kt_start_seq_get = counting_start;
    native.gss_acquire_cred_from = counting_acquire;
    backend = troth__backend_here;
    backend.native = &native;
    if (troth__credential_acquire(&backend, TROTH_INITIATOR, &mine, &both.initiator, &error) != TROTH_OK ||
        troth__credential_acquire(&backend, TROTH_ACCEPTOR, &theirs, &both.acceptor, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    return both;
}

static void free_both(struct both *both)
{
    troth_credential_free(both->initiator);
    troth_credential_free(both->acceptor);
}

static void greet(const struct both *both, unsigned times)
{
    troth_error error = TROTH_ERROR_INIT;

    while (times-- > 0) {
        if (conversation_greet(both->initiator, both->acceptor, NULL, &error) != TROTH_OK)
            fail_msg("%s", error.text);
    }
}

/*
 * The keys of a keytab are found once, and native credentials are made once: on the fast path one with the target's
 * tickets beside that with all.
 */
static void what_was_given_is_not_read_for_each_peer(void **state)
{
    static const enum source sources[] = {SOURCE_CCACHE_BYTES, SOURCE_KEYTAB_BYTES};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct both both =
            acquire_both(sources[i / 2], i % 2 == 0 ? TROTH_MECHANISM_KERBEROS : TROTH_MECHANISM_NEGOTIATE);
        unsigned acquired, keys_read;

        greet(&both, 2);
        acquired = seen.acquired;
        keys_read = seen.keys_read;
        greet(&both, 20);
        assert_int_equal(seen.acquired, acquired);
        assert_int_equal(seen.keys_read, keys_read);
        assert_int_equal(seen.copies, conversation_path() == TROTH_CREDENTIAL_STOCK ? 0 : 1);
        free_both(&both);
    }
}

static void names_in_the_process_cannot_be_guessed_and_end_with_the_credential(void **state)
{
    char names[64][80];
    struct both both = acquire_both(SOURCE_CCACHE_BYTES, TROTH_MECHANISM_KERBEROS);
    unsigned count;

    (void)state;
    greet(&both, 3);
    count = seen.opened;
    memcpy(names, seen.names, sizeof names);
    free_both(&both);
    assert_true(count >= 2);
    both = acquire_both(SOURCE_CCACHE_BYTES, TROTH_MECHANISM_KERBEROS);
    for (unsigned i = 0; i < count; i++) {
        const size_t random = strspn(names[i] + strlen("MEMORY:troth-"), "0123456789abcdef");
        krb5_principal owner = NULL;
        krb5_ccache ccache;
        krb5_keytab keytab;
        krb5_kt_cursor cursor;
        krb5_keytab_entry entry;

        assert_memory_equal(names[i], "MEMORY:troth-", strlen("MEMORY:troth-"));
        assert_int_equal(random, 32);
        for (unsigned j = 0; j < seen.opened; j++)
            assert_int_not_equal(strncmp(names[i], seen.names[j], strlen("MEMORY:troth-") + random), 0);
        assert_int_equal(krb5_cc_resolve(krb5, names[i], &ccache), 0);
        assert_int_not_equal(krb5_cc_get_principal(krb5, ccache, &owner), 0);
        krb5_cc_destroy(krb5, ccache);
        assert_int_equal(krb5_kt_resolve(krb5, names[i], &keytab), 0);
        assert_int_equal(krb5_kt_start_seq_get(krb5, keytab, &cursor), 0);
        assert_int_equal(krb5_kt_next_entry(krb5, keytab, &entry, &cursor), KRB5_KT_END);
        krb5_kt_end_seq_get(krb5, keytab, &cursor);
        krb5_kt_close(krb5, keytab);
    }
    free_both(&both);
}

/* ---- secrets -------------------------------------------------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* What is looked for, in a disguise, so that it is not found here. */
#define DISGUISE 0x5A

struct needle {
    uint8_t bytes[64];
    size_t length;
};

/*
 * How often it is in memory that this process can write to, but for the stack: there the dynamic linker puts the vector
 * registers, with what was last copied, at the first call of each function (glibc 2.36).
 */
static unsigned found(const struct needle *needle)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    unsigned long from, to;
    unsigned count = 0;
    char line[512], mode[5];

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[0] != 'r' || mode[1] != 'w' ||
            strstr(line, "[stack]") != NULL)
            continue;
        for (const volatile uint8_t *at = (const volatile uint8_t *)from;
             at + needle->length <= (const volatile uint8_t *)to; at++) {
            size_t same = 0;

            while (same < needle->length && (at[same] ^ DISGUISE) == needle->bytes[same])
                same++;
            count += same == needle->length;
        }
    }
    fclose(maps);
    return count;
}

/* A file without the library's buffers in between, into memory that the caller wipes and frees. */
static struct content read_plain(const char *path)
{
    struct content content = {malloc(65536), 0};
    const int file = open(path, O_RDONLY);
    ssize_t length;

    assert_non_null(content.bytes);
    assert_true(file >= 0);
    length = read(file, content.bytes, 65536);
    close(file);
    assert_true(length > 0 && length < 65536);
    content.length = (size_t)length;
    return content;
}

static size_t big_endian(const uint8_t *bytes, size_t width)
{
    size_t value = 0;

    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

static struct needle disguised(const uint8_t *key, size_t length)
{
    struct needle needle = {.length = length};

    assert_in_range(length, 16, sizeof needle.bytes);
    for (size_t i = 0; i < length; i++)
        needle.bytes[i] = key[i] ^ DISGUISE;
    return needle;
}

/* The key of the first entry. */
static struct needle key_of_keytab(const uint8_t *bytes)
{
    size_t parts, at = 6;

    parts = big_endian(bytes + at, 2);
    at += 2;
    for (size_t i = 0; i <= parts; i++)
        at += 2 + big_endian(bytes + at, 2);
    at += 4 + 4 + 1 + 2;
    return disguised(bytes + at + 2, big_endian(bytes + at, 2));
}

/* Over some names of a ccache. */
static size_t after_names(const uint8_t *bytes, size_t at, unsigned names)
{
    while (names-- > 0) {
        const size_t parts = big_endian(bytes + at + 4, 4);

        at += 8;
        for (size_t i = 0; i <= parts; i++)
            at += 4 + big_endian(bytes + at, 4);
    }
    return at;
}

/* The session key of the first ticket; what is only noted there has none. */
static struct needle key_of_ccache(const uint8_t *bytes)
{
    size_t at = after_names(bytes, after_names(bytes, 4 + big_endian(bytes + 2, 2), 1), 2);

    while (big_endian(bytes + at + 2, 4) == 0) {
        at += 6 + 21 + 8; /* times and flags; no addresses, no authorisation data */
        at += 4 + big_endian(bytes + at, 4);
        at += 4 + big_endian(bytes + at, 4);
        at = after_names(bytes, at, 2);
    }
    return disguised(bytes + at + 6, big_endian(bytes + at + 2, 4));
}

static void wipe(struct content *content)
{
    for (size_t i = 0; i < content->length; i++)
        ((volatile char *)content->bytes)[i] = 0;
    files_free(content);
}

/* The bytes of a file are given, used for a conversation, and freed: was the key there, and is it gone? */
static void a_key_dies(const char *variable, troth_role role, struct needle (*key)(const uint8_t *), bool converse)
{
    struct content content = read_plain(realm_env_path(variable));
    const struct needle needle = key((const uint8_t *)content.bytes);
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT, other = TROTH_CREDENTIAL_OPTIONS_INIT;
    struct both both = {NULL, NULL};
    troth_error error = TROTH_ERROR_INIT;

    options.mechanism = other.mechanism = TROTH_MECHANISM_KERBEROS;
    options.flags = other.flags = conversation_path();
    assert_int_equal(found(&needle), 1); /* the caller's */
    if (key == key_of_ccache) {
        options.ccache_data = content.bytes;
        options.ccache_length = content.length;
    } else {
        options.keytab_data = content.bytes;
        options.keytab_length = content.length;
    }
    if (troth_credential_acquire(role, &options, role == TROTH_INITIATOR ? &both.initiator : &both.acceptor, &error) !=
        TROTH_OK)
        fail_msg("%s", error.text);
    wipe(&content);
    assert_true(found(&needle) >= 1);
    if (converse) {
        assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &other, &both.initiator, &error), TROTH_OK);
        greet(&both, 3);
    }
    free_both(&both);
    assert_int_equal(found(&needle), 0);
}

static void keys_and_session_keys_are_wiped(void **state)
{
    (void)state;
    if (SANITIZED || getenv("TROTH_TEST_VALGRIND") != NULL) {
        print_message("# SKIPPED: all memory cannot be searched under a sanitizer or valgrind\n");
        skip();
    }
    a_key_dies("TROTH_REALM_KEYTAB", TROTH_ACCEPTOR, key_of_keytab, false);
    a_key_dies("TROTH_REALM_USER_KEYTAB", TROTH_INITIATOR, key_of_keytab, false);
    a_key_dies("TROTH_REALM_CCACHE", TROTH_INITIATOR, key_of_ccache, false);
    /* The last: it reads a ccache's file as well, of which the library keeps what it read. */
    a_key_dies("TROTH_REALM_KEYTAB", TROTH_ACCEPTOR, key_of_keytab, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_session_keys_are_wiped), /* first: others read these files, and wipe nothing */
        cmocka_unit_test_setup_teardown(keys_are_those_that_the_library_reads_of_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_are_those_that_the_library_reads_of_the_file, setup, teardown),
        cmocka_unit_test_setup_teardown(tickets_that_were_removed_from_the_file_stay_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_keytab_are_refused_in_words, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_that_are_no_ccache_are_refused_in_words, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_off_at_each_byte_they_are_refused, setup, teardown),
        cmocka_unit_test(the_kdcs_clock_is_taken_over),
        cmocka_unit_test(a_private_ccaches_clock_is_in_its_copies),
        cmocka_unit_test(tickets_that_have_ended_are_told_as_such),
        cmocka_unit_test(tickets_that_end_later_end_the_credential),
        cmocka_unit_test(what_was_given_is_not_read_for_each_peer),
        cmocka_unit_test_setup_teardown(names_in_the_process_cannot_be_guessed_and_end_with_the_credential, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
