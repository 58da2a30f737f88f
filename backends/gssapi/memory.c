/*
 * memory.c - keytabs and ccaches given as bytes: finds their way through the formats of MIT's files, and hands each
 * entry to the native library, which copies it.
 *
 * The native library reads such bytes from files alone, and a secret that was given in memory must not reach one. Of a
 * ccache only the frame is looked at here: what a ticket's bytes mean is krb5_unmarshal_credentials' to say.
 */
#include "memory.h"

#include "internal.h"

#include <errno.h>
#include <string.h>

#include "error.h"

#define KEYTAB "keytab"
#define CCACHE "ccache"

/* ---- bytes ---------------------------------------------------------------------------------------------------- */

/* Where in the bytes we are. Once something is missing, all that is read is empty, and nothing moves any more. */
struct reader {
    const uint8_t *at;
    size_t left;
    bool broken;
};

static const uint8_t *take(struct reader *reader, size_t length)
{
    const uint8_t *taken = reader->at;

    if (reader->broken || length > reader->left) {
        reader->broken = true;
        return NULL;
    }
    reader->at += length;
    reader->left -= length;
    return taken;
}

/* A number of so many bytes, the highest first. */
static uint32_t number(struct reader *reader, size_t width)
{
    const uint8_t *bytes = take(reader, width);
    uint32_t value = 0;

    for (size_t i = 0; bytes != NULL && i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* A view of counted bytes; the native library, which copies them, knows no const. */
static krb5_data counted(struct reader *reader, size_t width)
{
    krb5_data data = {.magic = KV5M_DATA};
    const uint32_t length = number(reader, width);
    const uint8_t *bytes = take(reader, length);

    if (bytes != NULL) {
        data.length = length;
        memcpy(&data.data, &bytes, sizeof data.data);
    }
    return data;
}

/* A view of a principal. */
struct name {
    krb5_principal_data principal;
    krb5_data parts[TROTH__MEMORY_PARTS];
};

/* The realm, then the parts. False: there are more parts than this library takes. */
static bool read_name(struct reader *reader, size_t width, uint32_t parts, struct name *name)
{
    if (parts > TROTH__MEMORY_PARTS)
        return false;
    name->principal.magic = KV5M_PRINCIPAL;
    name->principal.realm = counted(reader, width);
    name->principal.data = name->parts;
    name->principal.length = (krb5_int32)parts;
    for (uint32_t i = 0; i < parts; i++)
        name->parts[i] = counted(reader, width);
    return true;
}

/* ---- failures ------------------------------------------------------------------------------------------------- */

static troth_status gss_damaged(const char *what, troth__bytes data, const struct reader *reader, troth_error *error)
{
    return troth__error_set(error, TROTH_E_ARGUMENT, "the %s given as bytes is damaged, or cut off, at byte %zu of %zu",
                            what, (size_t)(reader->at - data.data), data.length);
}

static troth_status gss_too_many_parts(const char *what, troth_error *error)
{
    return troth__error_set(error, TROTH_E_LIMIT, "a name in the %s given as bytes has more than %d parts", what,
                            TROTH__MEMORY_PARTS);
}

static troth_status gss_nothing_in(const char *what, troth_error *error)
{
    return troth__error_set(error, TROTH_E_NO_CREDENTIAL, "the %s given as bytes has nothing in it", what);
}

static troth_status gss_refused(const struct troth__gss_native *native, const char *call, krb5_error_code code,
                                troth_error *error)
{
    troth__gss_fail(native, call, GSS_S_FAILURE, (OM_uint32)code, &troth__gss_krb5, error);
    if (code == ENOMEM)
        error->status = TROTH_E_MEMORY;
    return error->status;
}

/* Both formats begin with a 5, and then their version. */
static troth_status gss_begin(const char *what, uint8_t version, struct reader *reader, troth_error *error)
{
    const uint32_t five = number(reader, 1), found = number(reader, 1);

    if (reader->broken || five != 5 || found == 0 || found > 4)
        return troth__error_set(error, TROTH_E_ARGUMENT, "the bytes given as a %s are none", what);
    if (found != version)
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "the %s given as bytes has format 0x050%u: only 0x050%u is read", what, (unsigned)found,
                                (unsigned)version);
    return TROTH_OK;
}

/* ---- keytab --------------------------------------------------------------------------------------------------- */

/*
 * Goes to the next entry, over the holes that removed ones leave, and into *entry. False: there is none; a length of 0
 * ends them too, as it does for the native library.
 */
static bool next_entry(struct reader *reader, struct reader *entry)
{
    while (!reader->broken && reader->left > 0) {
        const uint32_t size = number(reader, 4);
        const bool hole = size > INT32_MAX; /* its length below zero */

        if (size == 0)
            return false;
        entry->left = hole ? UINT32_MAX - size + 1u : size;
        entry->at = take(reader, entry->left);
        entry->broken = false;
        if (!hole)
            return !reader->broken;
    }
    return false;
}

/* Counts the entries, and where at is not NULL, puts into it where each is. */
static size_t find_entries(struct reader *reader, struct reader *at)
{
    struct reader entry;
    size_t count = 0;

    while (next_entry(reader, &entry)) {
        if (at != NULL)
            at[count] = entry;
        count++;
    }
    return count;
}

/* Reads an entry: *entry is a view, with name in it. False: there are more parts than this library takes. */
static bool read_entry(struct reader *reader, struct name *name, krb5_keytab_entry *entry)
{
    const uint32_t parts = number(reader, 2);
    krb5_data key;
    uint32_t kvno;

    if (!read_name(reader, 2, parts, name))
        return false;
    name->principal.type = (krb5_int32)number(reader, 4);
    memset(entry, 0, sizeof *entry);
    entry->magic = KV5M_KEYTAB_ENTRY;
    entry->principal = &name->principal;
    entry->timestamp = (krb5_timestamp)number(reader, 4);
    entry->vno = number(reader, 1);
    entry->key.magic = KV5M_KEYBLOCK;
    entry->key.enctype = (int16_t)number(reader, 2);
    key = counted(reader, 2);
    entry->key.length = key.length;
    memcpy(&entry->key.contents, &key.data, sizeof entry->key.contents);
    /* Not every writer knows the long one, and a 0 is only padding. */
    kvno = reader->left >= 4 ? number(reader, 4) : 0;
    if (kvno != 0)
        entry->vno = kvno;
    reader->broken = reader->broken || parts == 0;
    return true;
}

troth_status troth__gss_memory_keytab(const struct troth__gss_native *native, krb5_context krb5, troth__bytes data,
                                      krb5_keytab to, troth_error *error)
{
    struct reader reader = {data.data, data.length, false}, again, *entries;
    troth_status status = gss_begin(KEYTAB, 2, &reader, error);
    size_t count;

    if (status != TROTH_OK)
        return status;
    again = reader;
    count = find_entries(&reader, NULL);
    if (reader.broken)
        return gss_damaged(KEYTAB, data, &reader, error);
    if (count == 0)
        return gss_nothing_in(KEYTAB, error);
    entries = troth__alloc(count * sizeof *entries);
    if (entries == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a keytab");
    find_entries(&again, entries);
    /* A MEMORY keytab gives out first what came last. */
    while (count-- > 0 && status == TROTH_OK) {
        krb5_keytab_entry entry;
        krb5_error_code code;
        struct name name;

        if (!read_entry(&entries[count], &name, &entry)) {
            status = gss_too_many_parts(KEYTAB, error);
        } else if (entries[count].broken) {
            status = gss_damaged(KEYTAB, data, &entries[count], error);
        } else {
            code = native->krb5_kt_add_entry(krb5, to, &entry);
            if (code != 0)
                status = gss_refused(native, "krb5_kt_add_entry", code, error);
        }
    }
    troth__free(entries);
    return status;
}

/* ---- ccache --------------------------------------------------------------------------------------------------- */

/* Addresses and authorisation data have a type each, parts of a name have none. */
static void skip_list(struct reader *reader, uint32_t count, bool typed)
{
    for (uint32_t i = 0; i < count && !reader->broken; i++) {
        if (typed)
            take(reader, 2);
        counted(reader, 4);
    }
}

static void skip_name(struct reader *reader)
{
    uint32_t parts;

    take(reader, 4);
    parts = number(reader, 4);
    counted(reader, 4);
    skip_list(reader, parts, false);
}

static void skip_ticket(struct reader *reader)
{
    skip_name(reader); /* whose it is, and for whom */
    skip_name(reader);
    take(reader, 2); /* the session key */
    counted(reader, 4);
    take(reader, 4 * 4 + 1 + 4); /* times, is_skey, flags */
    skip_list(reader, number(reader, 4), true);
    skip_list(reader, number(reader, 4), true);
    counted(reader, 4); /* the ticket, and a second one */
    counted(reader, 4);
}

/* How far the KDC's clock was ahead of this machine's when the first ticket was had, in microseconds. */
static int64_t read_clock(struct reader *header)
{
    int64_t ahead = 0;

    while (header->left > 0 && !header->broken) {
        const bool clock = number(header, 2) == 1;
        const krb5_data value = counted(header, 2);
        struct reader inside = {NULL, value.length, false};

        memcpy(&inside.at, &value.data, sizeof inside.at);
        if (clock && value.length == 8) {
            ahead = (int64_t)(int32_t)number(&inside, 4) * 1000000;
            ahead += (int32_t)number(&inside, 4);
        }
    }
    return ahead;
}

/* One that was removed keeps its place in the file, with a mark, and is not there for who reads the file. */
static bool removed(const krb5_creds *creds)
{
    return creds->times.endtime == 0 && creds->times.authtime != 0;
}

/* Puts a ticket in, and sets *any, unless it is a removed one. */
static troth_status gss_put_ticket(const struct troth__gss_native *native, krb5_context krb5, troth__bytes ticket,
                                   krb5_ccache to, bool *any, troth_error *error)
{
    krb5_data data = {.magic = KV5M_DATA, .length = (unsigned)ticket.length};
    krb5_creds *creds = NULL;
    krb5_error_code code;

    memcpy(&data.data, &ticket.data, sizeof data.data); /* libkrb5's data knows no const */
    code = native->krb5_unmarshal_credentials(krb5, &data, &creds);
    if (code != 0)
        return gss_refused(native, "krb5_unmarshal_credentials", code, error);
    if (!removed(creds)) {
        code = native->krb5_cc_store_cred(krb5, to, creds);
        *any = true;
    }
    native->krb5_free_creds(krb5, creds);
    return code == 0 ? TROTH_OK : gss_refused(native, "krb5_cc_store_cred", code, error);
}

troth_status troth__gss_memory_ccache(const struct troth__gss_native *native, krb5_context krb5, troth__bytes data,
                                      krb5_ccache to, troth_error *error)
{
    struct reader reader = {data.data, data.length, false}, header;
    troth_status status = gss_begin(CCACHE, 4, &reader, error);
    krb5_error_code code;
    struct name owner;
    krb5_int32 type;
    uint32_t parts;
    int64_t ahead;
    bool fits, any = false;

    if (status != TROTH_OK)
        return status;
    header.left = number(&reader, 2);
    header.at = take(&reader, header.left);
    header.broken = reader.broken;
    ahead = read_clock(&header);
    if (!reader.broken && header.broken)
        return gss_damaged(CCACHE, data, &header, error);
    type = (krb5_int32)number(&reader, 4);
    parts = number(&reader, 4);
    fits = reader.broken || read_name(&reader, 4, parts, &owner);
    if (reader.broken)
        return gss_damaged(CCACHE, data, &reader, error);
    if (!fits)
        return gss_too_many_parts(CCACHE, error);
    owner.principal.type = type;
    code = ahead != 0 ? troth__gss_clock_set(native, krb5, ahead) : 0;
    if (code == KRB5_CC_FORMAT)
        return gss_damaged(CCACHE, data, &header, error);
    if (code != 0)
        return gss_refused(native, "krb5_set_real_time", code, error);
    code = native->krb5_cc_initialize(krb5, to, &owner.principal);
    if (code != 0)
        return gss_refused(native, "krb5_cc_initialize", code, error);
    while (reader.left > 0 && status == TROTH_OK) {
        const uint8_t *begin = reader.at;

        skip_ticket(&reader);
        if (reader.broken)
            return gss_damaged(CCACHE, data, &reader, error);
        status = gss_put_ticket(native, krb5, (troth__bytes){begin, (size_t)(reader.at - begin)}, to, &any, error);
    }
    return status == TROTH_OK && !any ? gss_nothing_in(CCACHE, error) : status;
}
