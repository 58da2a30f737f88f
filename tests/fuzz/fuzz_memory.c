/* fuzz_memory.c - fuzz target: any bytes as a keytab's file and as a ccache's, given in memory (GSSAPI). */
#define _POSIX_C_SOURCE 200809L

#include "fuzz.h"

#include <stdbool.h>

#include "error.h"
#include "gssapi/memory.h"

static krb5_context krb5;

/* What must hold of either, whatever the bytes are. */
static void check(troth_status status, const troth_error *error)
{
    FUZZ_CHECK(status == TROTH_OK || status == TROTH_E_ARGUMENT || status == TROTH_E_UNSUPPORTED ||
               status == TROTH_E_NO_CREDENTIAL || status == TROTH_E_LIMIT);
    FUZZ_CHECK((status == TROTH_OK) == (error->text[0] == '\0'));
}

/* All that was put in is read back, and is no more than there was. */
static void keytab(const uint8_t *data, size_t size)
{
    troth_error error = TROTH_ERROR_INIT;
    krb5_keytab to;
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    size_t total = 0, count = 0;

    FUZZ_CHECK(krb5_kt_resolve(krb5, "MEMORY:fuzz", &to) == 0);
    troth_status status = troth__gss_memory_keytab(&troth__gss_native, krb5, (troth__bytes){data, size}, to, &error);
    check(status, &error);
    FUZZ_CHECK(krb5_kt_start_seq_get(krb5, to, &cursor) == 0);
    while (krb5_kt_next_entry(krb5, to, &entry, &cursor) == 0) {
        total += entry.key.length + entry.principal->realm.length;
        for (krb5_int32 i = 0; i < entry.principal->length; i++)
            total += entry.principal->data[i].length;
        count++;
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, to, &cursor);
    FUZZ_CHECK(total <= size && (count > 0 || status != TROTH_OK));
    krb5_kt_close(krb5, to);
}

static void ccache(const uint8_t *data, size_t size)
{
    troth_error error = TROTH_ERROR_INIT;
    krb5_principal owner = NULL;
    krb5_ccache to;
    krb5_cc_cursor cursor;
    krb5_creds creds;
    size_t count = 0;

    FUZZ_CHECK(krb5_cc_resolve(krb5, "MEMORY:fuzz", &to) == 0);
    troth_status status = troth__gss_memory_ccache(&troth__gss_native, krb5, (troth__bytes){data, size}, to, &error);
    check(status, &error);
    const bool owned = krb5_cc_get_principal(krb5, to, &owner) == 0;
    FUZZ_CHECK(owned || status != TROTH_OK);
    if (owned)
        krb5_free_principal(krb5, owner);
    FUZZ_CHECK(krb5_cc_start_seq_get(krb5, to, &cursor) == 0);
    while (krb5_cc_next_cred(krb5, to, &cursor, &creds) == 0) {
        FUZZ_CHECK(creds.ticket.length <= size && creds.keyblock.length <= size);
        count++;
        krb5_free_cred_contents(krb5, &creds);
    }
    krb5_cc_end_seq_get(krb5, to, &cursor);
    FUZZ_CHECK(count > 0 || status != TROTH_OK);
    krb5_cc_destroy(krb5, to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (krb5 == NULL) {
        /* Whatever this machine has configured is not to matter. */
        setenv("KRB5_CONFIG", "/dev/null", 1);
        FUZZ_CHECK(krb5_init_context(&krb5) == 0);
    }
    keytab(data, size);
    ccache(data, size);
    return 0;
}
