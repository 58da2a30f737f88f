/* doctor_keytab.c - what an acceptor's keytab holds, and whether that is what the KDC encrypts tickets with. */
#include "doctor_krb5.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES 512 /* looked at */
#define COMPARED 8  /* names asked of the KDC, when no service was named */
#define SHOWN 6     /* names in a text */

struct keytab {
    krb5_keytab open;
    char name[512];
    krb5_keytab_entry entries[ENTRIES];
    size_t count;
};

static const char export_anew[] =
    "export the key anew (kadmin ktadd -k KEYTAB NAME, which makes a new one; ktadd -norandkey keeps it; in Active "
    "Directory ktpass or msktutil), and let initiators get new tickets (klist purge, kinit)";

static const char *type_name(krb5_enctype enctype, char buffer[64])
{
    if (krb5_enctype_to_name(enctype, FALSE, buffer, 64) != 0) {
        (void)snprintf(buffer, 64, "encryption type %d", (int)enctype);
    }
    return buffer;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static krb5_error_code keytab_open(struct doctor *doctor, struct keytab *keytab)
{
    krb5_context krb5 = doctor->kerberos->krb5;
    krb5_error_code code = doctor->keytab != NULL ? krb5_kt_resolve(krb5, doctor->keytab, &keytab->open)
                                                  : krb5_kt_default(krb5, &keytab->open);
    if (code != 0) {
        keytab->open = NULL;
        (void)snprintf(keytab->name, sizeof keytab->name, "%s", doctor->keytab != NULL ? doctor->keytab : "");
        return code;
    }
    if (krb5_kt_get_name(krb5, keytab->open, keytab->name, sizeof keytab->name) != 0) {
        keytab->name[0] = '\0';
    }
    return 0;
}

static krb5_error_code keytab_read(struct doctor *doctor, struct keytab *keytab)
{
    krb5_context krb5 = doctor->kerberos->krb5;
    krb5_kt_cursor cursor;
    krb5_error_code code = krb5_kt_start_seq_get(krb5, keytab->open, &cursor);
    if (code != 0) {
        return code;
    }
    while (keytab->count < ENTRIES) {
        code = krb5_kt_next_entry(krb5, keytab->open, &keytab->entries[keytab->count], &cursor);
        if (code != 0) {
            break;
        }
        keytab->count++;
    }
    krb5_kt_end_seq_get(krb5, keytab->open, &cursor);
    return code == KRB5_KT_END ? 0 : code;
}

static void keytab_close(struct doctor *doctor, struct keytab *keytab)
{
    krb5_context krb5 = doctor->kerberos->krb5;
    for (size_t i = 0; i < keytab->count; i++) {
        krb5_free_keytab_entry_contents(krb5, &keytab->entries[i]);
    }
    if (keytab->open != NULL) {
        krb5_kt_close(krb5, keytab->open);
    }
    free(keytab);
}

/* The entry is the first of its name. */
static bool first_of_name(const struct doctor *doctor, const struct keytab *keytab, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (krb5_principal_compare(doctor->kerberos->krb5, keytab->entries[i].principal,
                                   keytab->entries[at].principal)) {
            return false;
        }
    }
    return true;
}

/* "a@R, b@R and 3 more" */
static void names_of(const struct doctor *doctor, const struct keytab *keytab, char *text, size_t capacity)
{
    size_t used = 0;
    size_t names = 0;
    text[0] = '\0';
    for (size_t i = 0; i < keytab->count; i++) {
        char *name = NULL;
        if (!first_of_name(doctor, keytab, i) || ++names > SHOWN ||
            krb5_unparse_name(doctor->kerberos->krb5, keytab->entries[i].principal, &name) != 0) {
            continue;
        }
        int more = snprintf(text + used, capacity - used, "%s%s", used > 0 ? ", " : "", name);
        used += more > 0 && (size_t)more < capacity - used ? (size_t)more : 0;
        krb5_free_unparsed_name(doctor->kerberos->krb5, name);
    }
    if (names > SHOWN) {
        (void)snprintf(text + used, capacity - used, " and %zu more", names - SHOWN);
    }
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

/* The keys of one name against a ticket that the KDC made just now. */
static void compare(struct doctor *doctor, const struct keytab *keytab, krb5_principal name, const char *shown,
                    krb5_ticket *ticket)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    const krb5_kvno kvno = ticket->enc_part.kvno;
    const krb5_enctype enctype = ticket->enc_part.enctype;
    bool version = false;
    bool fits = false;
    krb5_kvno newest = 0;
    char type[64];
    char words[512];
    for (size_t i = 0; i < keytab->count; i++) {
        const krb5_keytab_entry *entry = &keytab->entries[i];
        if (!krb5_principal_compare(kerberos->krb5, entry->principal, name)) {
            continue;
        }
        /* An old keytab keeps the low 8 bits of a kvno only. */
        bool same = entry->vno == kvno || (entry->vno < 256 && entry->vno == (kvno & 0xFF));
        newest = entry->vno > newest ? entry->vno : newest;
        version = version || same;
        fits = fits || (same && entry->key.enctype == enctype);
    }
    (void)type_name(enctype, type);
    if (!version) {
        doctor_find(doctor, "keytab", DOCTOR_WRONG, export_anew,
                    "%s: the newest key in %s has kvno %u, and the KDC uses kvno %u", shown, keytab->name,
                    (unsigned)newest, (unsigned)kvno);
    } else if (!fits) {
        doctor_find(doctor, "keytab", DOCTOR_WRONG,
                    "export the key anew with that encryption type, or take the type from the account's keys at the "
                    "KDC; permitted_enctypes in krb5.conf must allow it",
                    "%s: the KDC uses %s (kvno %u), and %s has no key of that encryption type", shown, type,
                    (unsigned)kvno, keytab->name);
    } else {
        krb5_error_code code = krb5_server_decrypt_ticket_keytab(kerberos->krb5, keytab->open, ticket);
        if (code != 0) {
            doctor_find(doctor, "keytab", DOCTOR_WRONG, export_anew,
                        "%s: the key in %s has the KDC's kvno %u, and is another key: %s", shown, keytab->name,
                        (unsigned)kvno, doctor_words(kerberos, code, words, sizeof words));
            return;
        }
        doctor_find(doctor, "keytab", DOCTOR_RIGHT, NULL, "%s: %s has the key that the KDC uses (kvno %u, %s)", shown,
                    keytab->name, (unsigned)kvno, type);
    }
}

/* No ticket to ask the KDC with, not even with the service's own key. */
static void no_tickets(struct doctor *doctor, const struct keytab *keytab, const char *shown, krb5_error_code code)
{
    char words[512];
    (void)doctor_words(doctor->kerberos, code, words, sizeof words);
    if (code == KRB5KDC_ERR_PREAUTH_FAILED || code == KRB5KRB_AP_ERR_BAD_INTEGRITY) {
        doctor_find(doctor, "keytab", DOCTOR_WRONG, export_anew,
                    "%s: the KDC does not take the key in %s; it is an older or another one: %s", shown, keytab->name,
                    words);
    } else {
        doctor_find(doctor, "keytab", DOCTOR_UNCHECKED,
                    "get a ticket (kinit) and look again with --initiator: then the KDC tells of its keys",
                    "%s is in %s, but the KDC gives it no ticket to compare with: %s", shown, keytab->name, words);
    }
}

static void check_name(struct doctor *doctor, const struct keytab *keytab, krb5_principal name)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    krb5_ticket *ticket = NULL;
    char words[512];
    char *shown = NULL;
    size_t size = 0;
    if (krb5_unparse_name(kerberos->krb5, name, &shown) != 0) {
        return;
    }
    if (doctor->principal[0] == '\0') {
        (void)snprintf(doctor->principal, sizeof doctor->principal, "%s", shown);
    }
    krb5_error_code code = doctor->kdc ? doctor_tickets(doctor, keytab->open, name) : KRB5_KDC_UNREACH;
    if (code != 0) {
        no_tickets(doctor, keytab, shown, code);
        goto out;
    }
    code = doctor_ticket(kerberos, name, &ticket, &size);
    if (code != 0) {
        bool unknown = code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN;
        doctor_find(doctor, "keytab", DOCTOR_WRONG,
                    unknown ? "register it (kadmin addprinc, setspn -S), or take it out of the keytab (ktutil)"
                            : "what is not said here, the log of the KDC says; docs/errors.md has the causes",
                    "%s is in %s, but the KDC gives no ticket for it: %s", shown, keytab->name,
                    doctor_words(kerberos, code, words, sizeof words));
        goto out;
    }
    compare(doctor, keytab, name, shown, ticket);
    krb5_free_ticket(kerberos->krb5, ticket);
out:
    krb5_free_unparsed_name(kerberos->krb5, shown);
}

/* The names that are the service's, or all. Returns how many. */
static size_t check_names(struct doctor *doctor, const struct keytab *keytab)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    const bool all = doctor->service.service == NULL && doctor->service.principal == NULL;
    krb5_principal wanted = NULL;
    size_t names = 0;
    if (!all && doctor_principal(kerberos, &doctor->service, &wanted) != 0) {
        return 0;
    }
    for (size_t i = 0; i < keytab->count && names < COMPARED; i++) {
        krb5_principal name = keytab->entries[i].principal;
        if (first_of_name(doctor, keytab, i) && (all || krb5_sname_match(kerberos->krb5, wanted, name))) {
            check_name(doctor, keytab, name);
            names++;
        }
    }
    krb5_free_principal(kerberos->krb5, wanted);
    return names;
}

static void unreadable(struct doctor *doctor, const struct keytab *keytab, krb5_error_code code)
{
    static const struct {
        krb5_error_code code;
        const char *next;
    } cures[] = {
        {ENOENT,
         "make it (kadmin ktadd -k KEYTAB SERVICE/HOST; in Active Directory ktpass or msktutil), or name the one "
         "that there is: --keytab, KRB5_KTNAME"},
        {EACCES, "let the user that the server runs as read it, and nobody else (chown, chmod 600); or look again as "
                 "that user"},
        {KRB5_KT_UNKNOWN_TYPE, "write it as a path, or FILE:path"},
    };
    const char *next = "it is damaged, empty or no keytab: export the keys anew";
    char words[512];
    for (size_t i = 0; i < sizeof cures / sizeof cures[0]; i++) {
        if (cures[i].code == code) {
            next = cures[i].next;
        }
    }
    doctor_find(doctor, "keytab", DOCTOR_WRONG, next, "%s cannot be read: %s", keytab->name,
                doctor_words(doctor->kerberos, code, words, sizeof words));
}

void doctor_keytab(struct doctor *doctor)
{
    struct keytab *keytab = calloc(1, sizeof *keytab);
    char holds[900];
    char service[512];
    size_t wrong = doctor->wrong;
    if (keytab == NULL) {
        doctor_find(doctor, "keytab", DOCTOR_WRONG, "give this machine more memory", "memory is out");
        return;
    }
    krb5_error_code code = keytab_open(doctor, keytab);
    if (code == 0) {
        code = keytab_read(doctor, keytab);
    }
    if (code != 0 || keytab->count == 0) {
        unreadable(doctor, keytab, code);
    } else if (check_names(doctor, keytab) == 0) {
        names_of(doctor, keytab, holds, sizeof holds);
        doctor_find(doctor, "keytab", DOCTOR_WRONG,
                    "export the service's key into it (kadmin ktadd, ktpass, msktutil), or name the service as the "
                    "keytab has it",
                    "%s has no key for %s; it holds %s", keytab->name,
                    doctor_name(&doctor->service, "", service, sizeof service), holds);
    }
    (void)snprintf(doctor->keytab_name, sizeof doctor->keytab_name, "%s", keytab->name);
    doctor->keys_well = doctor->wrong == wrong;
    keytab_close(doctor, keytab);
}
