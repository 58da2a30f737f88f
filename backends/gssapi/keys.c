/*
 * keys.c - what a keytab file holds, read once into memory, and which few of its keys a peer's ticket calls for.
 *
 * Without a name of its own, MIT's acceptor tries every key of the ticket's enctype in the order of the file: 870 us
 * for a forged token and 102 keys (1.20.1). So it is only given the keys that can be meant.
 */
#include "internal.h"

#include <string.h>

#include "error.h"
#include "ticket.h"

#define NO_NAME SIZE_MAX

struct gss_key {
    krb5_keytab_entry entry; /* the native library's, which wipes the key when it frees it */
    uint8_t *name;           /* in DER, as a ticket has it: the realm, then the components */
    size_t name_length;
    uint32_t hash; /* of name */
    size_t first;  /* the first entry of this name */
    bool own;      /* the credential's own name could mean this one */
    bool repeats;  /* an earlier entry has this very key, kvno and enctype, under whatever name */
};

struct gss_keys {
    const struct troth__gss_native *native;
    krb5_context krb5;
    struct gss_key *keys;
    size_t count, room;
    enum { OWN_ANY, OWN_SERVICE, OWN_PRINCIPAL } named; /* what the credential is limited to */
};

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* FNV-1a. It only makes comparing cheap. */
static uint32_t hash_more(uint32_t hash, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return hash;
}

static uint32_t hash_name(const uint8_t *realm, size_t realm_length, const uint8_t *service, size_t service_length)
{
    return hash_more(hash_more(2166136261u, realm, realm_length), service, service_length);
}

/* Writes a KerberosString (RFC 4120 section 5.2.1) in DER; NULL only counts. Returns its length. */
static size_t put_string(uint8_t *to, const krb5_data *text)
{
    const size_t length = text->length;
    const size_t more = length < 0x80 ? 0 : length < 0x100 ? 1 : 2; /* no keytab has a name over 64 KiB */

    if (to != NULL) {
        *to++ = 0x1B;
        if (more > 0)
            *to++ = (uint8_t)(0x80u + more);
        if (more == 2)
            *to++ = (uint8_t)(length >> 8);
        *to++ = (uint8_t)length;
        memcpy(to, text->data, length);
    }
    return 2 + more + length;
}

static bool gss_key_name(struct gss_key *key)
{
    krb5_const_principal principal = key->entry.principal;
    size_t realm_length = put_string(NULL, &principal->realm);
    uint8_t *at;

    key->name_length = realm_length;
    for (krb5_int32 i = 0; i < principal->length; i++)
        key->name_length += put_string(NULL, &principal->data[i]);
    key->name = at = troth__alloc(key->name_length);
    if (at == NULL)
        return false;
    at += put_string(at, &principal->realm);
    for (krb5_int32 i = 0; i < principal->length; i++)
        at += put_string(at, &principal->data[i]);
    key->hash = hash_name(key->name, key->name_length, NULL, 0);
    return true;
}

/* Whether a credential of this name could use the key. Of a host-based name the native library judges the host. */
static bool gss_key_own(const struct gss_keys *keys, const struct gss_key *key, const troth_name *name,
                        const char *principal)
{
    const krb5_data *service = key->entry.principal->data;
    char *shown = NULL;
    bool own;

    switch (keys->named) {
    case OWN_SERVICE:
        return key->entry.principal->length == 2 && service->length == strlen(name->service) &&
               memcmp(service->data, name->service, service->length) == 0;
    case OWN_PRINCIPAL:
        if (keys->native->krb5_unparse_name(keys->krb5, key->entry.principal, &shown) != 0)
            return false;
        own = strcmp(shown, principal) == 0;
        keys->native->krb5_free_unparsed_name(keys->krb5, shown);
        return own;
    case OWN_ANY:
        break;
    }
    return false;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

void troth__gss_keys_free(struct gss_keys *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        keys->native->krb5_free_keytab_entry_contents(keys->krb5, &keys->keys[i].entry);
        troth__free(keys->keys[i].name);
    }
    troth__wipe_free(keys->keys, keys->room * sizeof *keys->keys);
    troth__free(keys);
}

/* Takes an entry over, in every case. False: memory is out. */
static bool gss_keys_take(struct gss_keys *keys, krb5_keytab_entry *entry)
{
    struct gss_key *key;

    if (keys->count == keys->room) {
        const size_t room = keys->room == 0 ? 8 : keys->room * 2;
        struct gss_key *more = troth__alloc(room * sizeof *more);

        if (more == NULL) {
            keys->native->krb5_free_keytab_entry_contents(keys->krb5, entry);
            return false;
        }
        if (keys->count > 0)
            memcpy(more, keys->keys, keys->count * sizeof *more);
        troth__free(keys->keys);
        keys->keys = more;
        keys->room = room;
    }
    key = &keys->keys[keys->count++];
    key->entry = *entry;
    return gss_key_name(key);
}

/* What is to be known of each key among the others. */
static void gss_keys_sort_out(struct gss_keys *keys, const troth_name *name, const char *principal)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct gss_key *key = &keys->keys[i];
        const krb5_keyblock *block = &key->entry.key;

        key->own = gss_key_own(keys, key, name, principal);
        key->first = i;
        for (size_t j = 0; j < i; j++) {
            const struct gss_key *other = &keys->keys[j];

            if (key->first == i && other->hash == key->hash && other->name_length == key->name_length &&
                memcmp(other->name, key->name, key->name_length) == 0)
                key->first = j;
            key->repeats =
                key->repeats || (other->entry.vno == key->entry.vno && other->entry.key.enctype == block->enctype &&
                                 other->entry.key.length == block->length &&
                                 memcmp(other->entry.key.contents, block->contents, block->length) == 0);
        }
    }
}

troth_status troth__gss_keys_read(const struct troth__gss_native *native, krb5_context krb5, const char *keytab,
                                  const troth_name *name, const char *principal, struct gss_keys **keys,
                                  troth_error *error)
{
    struct gss_keys *made = troth__alloc(sizeof *made);
    krb5_keytab open = NULL;
    krb5_keytab_entry entry;
    krb5_kt_cursor cursor;
    troth_status status = TROTH_OK;
    krb5_error_code code;

    *keys = NULL;
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a keytab");
    made->native = native;
    made->krb5 = krb5;
    made->named = principal != NULL ? OWN_PRINCIPAL : name->service != NULL ? OWN_SERVICE : OWN_ANY;
    if (native->krb5_kt_resolve(krb5, keytab, &open) != 0) {
        open = NULL;
        goto out;
    }
    if (native->krb5_kt_start_seq_get(krb5, open, &cursor) != 0)
        goto out;
    while ((code = native->krb5_kt_next_entry(krb5, open, &entry, &cursor)) == 0) {
        if (!gss_keys_take(made, &entry)) {
            status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a keytab");
            break;
        }
    }
    native->krb5_kt_end_seq_get(krb5, open, &cursor);
    if (status != TROTH_OK || code != KRB5_KT_END || made->count == 0)
        goto out;
    gss_keys_sort_out(made, name, principal);
    *keys = made;
    made = NULL;
out:
    if (open != NULL)
        native->krb5_kt_close(krb5, open);
    troth__gss_keys_free(made);
    return status;
}

/* ---- choosing ------------------------------------------------------------------------------------------------- */

/* An old keytab keeps the low 8 bits of a kvno only. */
static bool gss_key_fits(const struct gss_key *key, uint32_t kvno, int32_t enctype)
{
    return key->entry.key.enctype == enctype &&
           (key->entry.vno == kvno || (key->entry.vno < 256 && key->entry.vno == (kvno & 0xFFu)));
}

static size_t gss_find_name(const struct gss_keys *keys, const struct troth__ticket *ticket)
{
    const uint32_t hash =
        hash_name(ticket->realm.data, ticket->realm.length, ticket->service.data, ticket->service.length);

    for (size_t i = 0; i < keys->count; i++) {
        const struct gss_key *key = &keys->keys[i];

        if (key->hash == hash && key->name_length == ticket->realm.length + ticket->service.length &&
            memcmp(key->name, ticket->realm.data, ticket->realm.length) == 0 &&
            memcmp(key->name + ticket->realm.length, ticket->service.data, ticket->service.length) == 0)
            return i;
    }
    return NO_NAME;
}

bool troth__gss_keys_choose(const struct gss_keys *keys, const struct troth__ticket *ticket, struct gss_choice *choice)
{
    const uint32_t kvno = ticket != NULL ? ticket->kvno : 0;
    bool fits = false, others = false;

    *choice = (struct gss_choice){.name = NO_NAME};
    if (ticket == NULL)
        return true;
    if (keys->named != OWN_PRINCIPAL)
        choice->name = gss_find_name(keys, ticket);
    for (size_t i = 0; i < keys->count; i++) {
        const struct gss_key *key = &keys->keys[i];

        if (!gss_key_fits(key, kvno, ticket->enctype))
            continue;
        fits = fits || key->own || (choice->name != NO_NAME && key->first == choice->name);
        others = true;
    }
    if (keys->named != OWN_ANY) {
        /* What is not its own can only be named by the failure's text. Its own entries are there in any case. */
        if (choice->name != NO_NAME && keys->keys[choice->name].own)
            choice->name = NO_NAME;
    } else if (!fits && others) {
        choice->others = true;
        choice->kvno = kvno;
        choice->enctype = ticket->enctype;
    }
    return fits || choice->others;
}

bool troth__gss_choice_same(const struct gss_choice *a, const struct gss_choice *b)
{
    return a->name == b->name && a->others == b->others && a->kvno == b->kvno && a->enctype == b->enctype;
}

static bool gss_chosen(const struct gss_keys *keys, const struct gss_choice *choice, size_t i)
{
    const struct gss_key *key = &keys->keys[i];

    if (key->own || (choice->name != NO_NAME && key->first == choice->name))
        return true;
    if (choice->others)
        return !key->repeats && gss_key_fits(key, choice->kvno, choice->enctype);
    /* Nothing can be meant: with one key, whichever, the native library says so in its own words. */
    return keys->named == OWN_ANY && choice->name == NO_NAME && i == 0;
}

krb5_error_code troth__gss_keys_add(struct gss_keys *keys, const struct gss_choice *choice, krb5_keytab to)
{
    krb5_error_code code = 0;

    /* A MEMORY keytab gives out first what came last. */
    for (size_t i = keys->count; i-- > 0 && code == 0;) {
        if (gss_chosen(keys, choice, i))
            code = keys->native->krb5_kt_add_entry(keys->krb5, to, &keys->keys[i].entry);
    }
    return code;
}

krb5_error_code troth__gss_keys_remove(struct gss_keys *keys, const struct gss_choice *choice, krb5_keytab from)
{
    krb5_error_code code = 0;

    for (size_t i = 0; i < keys->count && code == 0; i++) {
        if (gss_chosen(keys, choice, i))
            code = keys->native->krb5_kt_remove_entry(keys->krb5, from, &keys->keys[i].entry);
    }
    return code;
}

const krb5_keytab_entry *troth__gss_keys_entry(const struct gss_keys *keys, size_t index, bool *another)
{
    const struct gss_key *key = &keys->keys[index];

    if (index >= keys->count)
        return NULL;
    *another = index == 0 || key->first != key[-1].first || key->entry.vno != key[-1].entry.vno;
    return &key->entry;
}
