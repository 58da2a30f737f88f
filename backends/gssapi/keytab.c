/* keytab.c - what a keytab holds, in words: most failures of an acceptor are told from it at a glance. */
#include "internal.h"

#include <errno.h>
#include <string.h>

#include "error.h"

/* More than these are only counted. */
#define ENTRIES_SHOWN 6
#define KEYTAB_NAME_MAX 512

/* Adds one entry, unless it is the same name and kvno as the one before it (another enctype). */
static void tell_entry(const struct troth__gss_native *native, krb5_context krb5, const krb5_keytab_entry *entry,
                       char last[KEYTAB_NAME_MAX], krb5_kvno *last_kvno, unsigned *names, troth_error *error)
{
    char *name = NULL;

    if (native->krb5_unparse_name(krb5, entry->principal, &name) != 0)
        return;
    if (*names == 0 || entry->vno != *last_kvno || strncmp(name, last, KEYTAB_NAME_MAX - 1) != 0) {
        if (*names < ENTRIES_SHOWN)
            troth__error_append(error, "%s%s (kvno %u)", *names == 0 ? " " : ", ", name, (unsigned)entry->vno);
        (*names)++;
        *last_kvno = entry->vno;
        strncpy(last, name, KEYTAB_NAME_MAX - 1);
    }
    native->krb5_free_unparsed_name(krb5, name);
}

void troth__gss_keytab_tell(const struct troth__gss_native *native, krb5_context krb5, const char *keytab,
                            troth_error *error)
{
    char name[KEYTAB_NAME_MAX] = "", last[KEYTAB_NAME_MAX] = "";
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    krb5_kvno last_kvno = 0;
    krb5_keytab open = NULL;
    krb5_error_code code;
    unsigned names = 0;

    if ((keytab != NULL ? native->krb5_kt_resolve(krb5, keytab, &open) : native->krb5_kt_default(krb5, &open)) != 0)
        return;
    if (native->krb5_kt_get_name(krb5, open, name, sizeof name) != 0)
        name[0] = '\0';
    code = native->krb5_kt_start_seq_get(krb5, open, &cursor);
    if (code != 0) {
        troth__error_append(error, "; the keytab %s %s", name,
                            code == ENOENT   ? "does not exist"
                            : code == EACCES ? "may not be read by this user"
                                             : "is empty, damaged, or no keytab at all");
        goto out;
    }
    troth__error_append(error, "; the keytab %s holds", name);
    while (native->krb5_kt_next_entry(krb5, open, &entry, &cursor) == 0) {
        tell_entry(native, krb5, &entry, last, &last_kvno, &names, error);
        native->krb5_free_keytab_entry_contents(krb5, &entry);
    }
    native->krb5_kt_end_seq_get(krb5, open, &cursor);
    if (names == 0)
        troth__error_append(error, " nothing");
    else if (names > ENTRIES_SHOWN)
        troth__error_append(error, " and %u more", names - ENTRIES_SHOWN);
out:
    native->krb5_kt_close(krb5, open);
}
