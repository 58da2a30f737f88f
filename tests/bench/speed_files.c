/* speed_files.c - keytabs and ccaches with as many entries as are asked for, in files and in memory. */
#define _DEFAULT_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "speed.h"

void make_keytab(unsigned others)
{
    krb5_keytab from = NULL, to = NULL;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    char name[600];

    snprintf(world.keytab, sizeof world.keytab, "%s/bench-%u.keytab", getenv("TROTH_REALM_DIR"), others);
    unlink(world.keytab);
    snprintf(name, sizeof name, "WRFILE:%s", world.keytab);
    need(krb5_kt_resolve(krb5, name, &to) == 0 && krb5_kt_default(krb5, &from) == 0 &&
             krb5_kt_start_seq_get(krb5, from, &cursor) == 0,
         "opening keytabs");
    while (krb5_kt_next_entry(krb5, from, &entry, &cursor) == 0) {
        krb5_data room = {0, entry.key.length, (char *)entry.key.contents};
        const krb5_principal own = entry.principal;
        const krb5_data *service = own->data;

        if (service->length == 5 && memcmp(service->data, "troth", 5) == 0) {
            krb5_keytab_entry other = entry;
            unsigned char key[64];

            memcpy(key, entry.key.contents, entry.key.length);
            other.key.contents = key;
            room.data = (char *)key;
            for (unsigned i = 0; i < others; i++) {
                snprintf(name, sizeof name, "other/host%u.troth.test", i);
                need(krb5_parse_name(krb5, name, &other.principal) == 0 &&
                         krb5_c_random_make_octets(krb5, &room) == 0 && krb5_kt_add_entry(krb5, to, &other) == 0,
                     "adding a key");
                krb5_free_principal(krb5, other.principal);
            }
            others = 0;
            need(krb5_kt_add_entry(krb5, to, &entry) == 0, "adding the key");
        }
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, from, &cursor);
    krb5_kt_close(krb5, from);
    snprintf(world.memory_keytab, sizeof world.memory_keytab, "MEMORY:bench-%p", (void *)&world);
    need(krb5_kt_resolve(krb5, world.memory_keytab, &world.open_keytab) == 0 &&
             krb5_kt_start_seq_get(krb5, to, &cursor) == 0,
         "opening keytabs");
    while (krb5_kt_next_entry(krb5, to, &entry, &cursor) == 0) {
        need(krb5_kt_add_entry(krb5, world.open_keytab, &entry) == 0, "adding the key");
        krb5_free_keytab_entry_contents(krb5, &entry);
    }
    krb5_kt_end_seq_get(krb5, to, &cursor);
    krb5_kt_close(krb5, to);
}

void make_ccache(unsigned others)
{
    krb5_ccache from = NULL, to = NULL;
    krb5_principal user = NULL;
    krb5_cc_cursor cursor;
    krb5_creds creds;
    char name[600];

    snprintf(world.ccache, sizeof world.ccache, "FILE:%s/bench-%u.ccache", getenv("TROTH_REALM_DIR"), others);
    need(krb5_cc_resolve(krb5, getenv("TROTH_REALM_CCACHE"), &from) == 0 &&
             krb5_cc_resolve(krb5, world.ccache, &to) == 0 && krb5_cc_get_principal(krb5, from, &user) == 0 &&
             krb5_cc_initialize(krb5, to, user) == 0 && krb5_cc_start_seq_get(krb5, from, &cursor) == 0,
         "opening ccaches");
    while (krb5_cc_next_cred(krb5, from, &cursor, &creds) == 0) {
        const krb5_principal server = creds.server;

        if (server->data[0].length == 5 && memcmp(server->data[0].data, "troth", 5) == 0) {
            for (unsigned i = 0; i < others; i++) {
                snprintf(name, sizeof name, "other/host%u.troth.test", i);
                need(krb5_parse_name(krb5, name, &creds.server) == 0 && krb5_cc_store_cred(krb5, to, &creds) == 0,
                     "storing a ticket");
                krb5_free_principal(krb5, creds.server);
            }
            others = 0;
            creds.server = server;
        }
        need(krb5_cc_store_cred(krb5, to, &creds) == 0, "storing the ticket");
        krb5_free_cred_contents(krb5, &creds);
    }
    krb5_cc_end_seq_get(krb5, from, &cursor);
    snprintf(world.memory_ccache, sizeof world.memory_ccache, "MEMORY:bench-%p", (void *)&world);
    need(krb5_cc_resolve(krb5, world.memory_ccache, &world.open_ccache) == 0 &&
             krb5_cc_initialize(krb5, world.open_ccache, user) == 0 &&
             krb5_cc_copy_creds(krb5, to, world.open_ccache) == 0,
         "copying the ccache");
    krb5_free_principal(krb5, user);
    krb5_cc_close(krb5, to);
    krb5_cc_close(krb5, from);
}
