/* keys.h - an acceptor's keys: what a keytab holds, in memory and in words. */
#ifndef TROTH_BACKENDS_GSSAPI_KEYS_H
#define TROTH_BACKENDS_GSSAPI_KEYS_H

#include <stdbool.h>

#include "backend.h"
#include "native.h"

struct gss_credential;

/* ---- keys.c --------------------------------------------------------------------------------------------------- */

struct gss_keys;
struct troth__ticket;

/* Which keys of a keytab are given to the native library. Of one struct gss_keys; to be compared, not read. */
struct gss_choice {
    size_t name;
    bool others;
    uint32_t kvno;
    int32_t enctype;
};

/*
 * Reads a keytab into memory. name is the credential's own name; principal the same in display form when it is a
 * literal principal, otherwise NULL. native and krb5 outlive *keys; krb5 is used by nobody else during any of these
 * calls. *keys is NULL, with TROTH_OK, when the keytab cannot be read to its end or is empty.
 */
troth_status troth__gss_keys_read(const struct troth__gss_native *native, krb5_context krb5, const char *keytab,
                                  const troth_name *name, const char *principal, struct gss_keys **keys,
                                  troth_error *error);

/* Frees the keys, wiped. NULL is allowed. */
void troth__gss_keys_free(struct gss_keys *keys);

/*
 * Chooses the keys for a ticket (NULL: the token holds none). An acceptor without a name: those of the ticket's name;
 * and where none of these has its kvno and enctype, every other key that has them, each once: the name may be an alias.
 * An acceptor with a name: all of its own. Returns false when no key can be the right one: then enough is chosen for
 * the native library to fail and say why.
 */
bool troth__gss_keys_choose(const struct gss_keys *keys, const struct troth__ticket *ticket, struct gss_choice *choice);

bool troth__gss_choice_same(const struct gss_choice *a, const struct gss_choice *b);

/* Puts the chosen keys into a MEMORY keytab, and takes them out again, which wipes them there. */
krb5_error_code troth__gss_keys_add(struct gss_keys *keys, const struct gss_choice *choice, krb5_keytab to);
krb5_error_code troth__gss_keys_remove(struct gss_keys *keys, const struct gss_choice *choice, krb5_keytab from);

/* One entry after the other; NULL: there are no more. another: its name or kvno is not that of the one before. */
const krb5_keytab_entry *troth__gss_keys_entry(const struct gss_keys *keys, size_t index, bool *another);

/* ---- keytab.c ------------------------------------------------------------------------------------------------- */

/*
 * Adds to the text what an acceptor's keytab holds: "; the keytab FILE:... holds http/www@R (kvno 3), ...". Never
 * fails; says so when the keytab cannot be read. krb5 is used by nobody else meanwhile. keytab NULL: the default one.
 * keys: what is known of it in memory; NULL: it is read. shown: what it is called; NULL: as the library calls it.
 */
void troth__gss_keytab_tell(const struct troth__gss_native *native, krb5_context krb5, const char *keytab,
                            const struct gss_keys *keys, const char *shown, troth_error *error);

/* The same for a credential's keytab (pool.c). Any thread. */
void troth__gss_credential_tell_keytab(struct gss_credential *credential, troth_error *error);

#endif
