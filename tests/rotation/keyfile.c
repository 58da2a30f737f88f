/* keyfile.c - makes keytab files to order, with the krb5 library. */
#define _DEFAULT_SOURCE

#include "keyfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <krb5.h>

#include "realm.h"

static krb5_keytab open_keytab(krb5_context krb5, const char *path)
{
    krb5_keytab keytab = NULL;
    char name[1100];

    snprintf(name, sizeof name, "WRFILE:%s", path);
    assert_int_equal(krb5_kt_resolve(krb5, name, &keytab), 0);
    return keytab;
}

struct keyfile_key keyfile_read(const char *path, const char *service)
{
    struct keyfile_key found = {.kvno = 0};
    krb5_context krb5 = NULL;
    krb5_keytab keytab;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    char wanted[512];

    snprintf(wanted, sizeof wanted, "%s/%s@%s", service, realm_env("TROTH_REALM_HOST"), realm_env("TROTH_REALM"));
    assert_int_equal(krb5_init_context(&krb5), 0);
    keytab = open_keytab(krb5, path);
    assert_int_equal(krb5_kt_start_seq_get(krb5, keytab, &cursor), 0);
    while (krb5_kt_next_entry(krb5, keytab, &entry, &cursor) == 0) {
        char *name = NULL;

        assert_int_equal(krb5_unparse_name(krb5, entry.principal, &name), 0);
        if (strcmp(name, wanted) == 0 && entry.vno > found.kvno &&
            entry.key.enctype == ENCTYPE_AES256_CTS_HMAC_SHA1_96) {
            assert_true(entry.key.length <= sizeof found.bytes);
            found.length = entry.key.length;
            memcpy(found.bytes, entry.key.contents, entry.key.length);
            found.enctype = entry.key.enctype;
            found.kvno = entry.vno;
        }
        krb5_free_unparsed_name(krb5, name);
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, keytab, &cursor);
    krb5_kt_close(krb5, keytab);
    krb5_free_context(krb5);
    if (found.kvno == 0)
        fail_msg("%s is not in %s", wanted, path);
    return found;
}

static void add(krb5_context krb5, krb5_keytab keytab, const char *name, const struct keyfile_key *key)
{
    krb5_keytab_entry entry;
    uint8_t bytes[sizeof key->bytes];

    memset(&entry, 0, sizeof entry);
    memcpy(bytes, key->bytes, sizeof bytes);
    assert_int_equal(krb5_parse_name(krb5, name, &entry.principal), 0);
    entry.vno = key->kvno;
    entry.key.enctype = key->enctype;
    entry.key.length = (unsigned)key->length;
    entry.key.contents = bytes;
    assert_int_equal(krb5_kt_add_entry(krb5, keytab, &entry), 0);
    krb5_free_principal(krb5, entry.principal);
    explicit_bzero(bytes, sizeof bytes);
}

void keyfile_add(const char *path, const char *name, const struct keyfile_key *key)
{
    krb5_context krb5 = NULL;
    krb5_keytab keytab;

    assert_int_equal(krb5_init_context(&krb5), 0);
    keytab = open_keytab(krb5, path);
    add(krb5, keytab, name, key);
    krb5_kt_close(krb5, keytab);
    krb5_free_context(krb5);
}

void keyfile_add_others(const char *path, unsigned count, const struct keyfile_key *like)
{
    struct keyfile_key key = *like;
    krb5_context krb5 = NULL;
    krb5_keytab keytab;

    assert_int_equal(krb5_init_context(&krb5), 0);
    keytab = open_keytab(krb5, path);
    for (unsigned i = 0; i < count; i++) {
        krb5_data room = {0, (unsigned)key.length, (char *)key.bytes};
        char name[64];

        snprintf(name, sizeof name, "other/host%u.troth.test", i);
        assert_int_equal(krb5_c_random_make_octets(krb5, &room), 0);
        add(krb5, keytab, name, &key);
    }
    krb5_kt_close(krb5, keytab);
    krb5_free_context(krb5);
}
