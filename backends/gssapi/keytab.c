/* keytab.c - what a keytab holds, in words: most failures of an acceptor are told from it at a glance. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

/* More than these are only counted. */
#define ENTRIES_SHOWN 6
#define KEYTAB_NAME_MAX 512

/* How much was told already. */
struct tale {
    char last[KEYTAB_NAME_MAX];
    krb5_kvno last_kvno;
    unsigned names;
};

/* Adds one entry, unless it is the same name and kvno as the one before it (another enctype). */
static void tell_entry(const struct troth__gss_native *native, krb5_context krb5, const krb5_keytab_entry *entry,
                       struct tale *tale, troth_error *error)
{
    char *name = NULL;

    if (native->krb5_unparse_name(krb5, entry->principal, &name) != 0)
        return;
    if (tale->names == 0 || entry->vno != tale->last_kvno || strncmp(name, tale->last, sizeof tale->last - 1) != 0) {
        if (tale->names < ENTRIES_SHOWN)
            troth__error_append(error, "%s%s (kvno %u)", tale->names == 0 ? " " : ", ", name, (unsigned)entry->vno);
        tale->names++;
        tale->last_kvno = entry->vno;
        strncpy(tale->last, name, sizeof tale->last - 1);
    }
    native->krb5_free_unparsed_name(krb5, name);
}

static void tell_end(const struct tale *tale, troth_error *error)
{
    if (tale->names == 0)
        troth__error_append(error, " nothing");
    else if (tale->names > ENTRIES_SHOWN)
        troth__error_append(error, " and %u more", tale->names - ENTRIES_SHOWN);
}

void troth__gss_keytab_tell(const struct troth__gss_native *native, krb5_context krb5, const char *keytab,
                            const struct gss_keys *keys, const char *shown, troth_error *error)
{
    char name[KEYTAB_NAME_MAX] = "";
    struct tale tale = {.names = 0};
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    krb5_keytab open = NULL;
    krb5_error_code code;

    if (keys != NULL) {
        const krb5_keytab_entry *known;
        bool another;

        troth__error_append(error, "; the keytab %s holds", shown != NULL ? shown : keytab);
        for (size_t i = 0; (known = troth__gss_keys_entry(keys, i, &another)) != NULL; i++) {
            if (another && tale.names >= ENTRIES_SHOWN)
                tale.names++; /* a flood of failures must not pay for hundreds of names that nobody sees */
            else if (another)
                tell_entry(native, krb5, known, &tale, error);
        }
        tell_end(&tale, error);
        return;
    }
    if ((keytab != NULL ? native->krb5_kt_resolve(krb5, keytab, &open) : native->krb5_kt_default(krb5, &open)) != 0)
        return;
    if (shown != NULL)
        snprintf(name, sizeof name, "%s", shown);
    else if (native->krb5_kt_get_name(krb5, open, name, sizeof name) != 0)
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
        tell_entry(native, krb5, &entry, &tale, error);
        native->krb5_free_keytab_entry_contents(krb5, &entry);
    }
    native->krb5_kt_end_seq_get(krb5, open, &cursor);
    tell_end(&tale, error);
out:
    native->krb5_kt_close(krb5, open);
}
