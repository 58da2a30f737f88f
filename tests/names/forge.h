/*
 * forge.h - tickets that no KDC would give, made with a service's key: for names and authorisation data that only a
 * realm other than the tests' could send. Uses libkrb5 and nothing of the library's.
 *
 * Everything here fails the running cmocka test when it cannot do what was asked.
 */
#ifndef TROTH_TESTS_FORGE_H
#define TROTH_TESTS_FORGE_H

#include <krb5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Counted, for a NUL may be inside. */
struct forge_text {
    const char *bytes;
    size_t length;
};

/* An initialiser of a string constant, with the NULs inside it. */
#define FORGE_TEXT(constant)                                                                                           \
    {                                                                                                                  \
        constant, sizeof(constant) - 1                                                                                 \
    }

struct forge_wanted {
    struct forge_text user; /* one component */
    struct forge_text realm;
    const char *key_of;        /* the service whose key of the default keytab seals the ticket */
    const char *shown;         /* the service that stands in the clear; NULL: the same */
    krb5_authdata **authority; /* inside the ticket; NULL: none */
};

/* The ticket as credentials, good for an hour. Free with krb5_free_cred_contents. */
void forge_ticket(krb5_context krb5, const struct forge_wanted *wanted, krb5_creds *creds);

/* A ccache with the ticket in it, for the service under the name that stands in the clear. */
void forge_ccache(const struct forge_wanted *wanted, const char *ccache);

/* One element of authorisation data. */
struct forge_datum {
    int32_t type;
    const void *bytes;
    size_t length;
};

/* AD-IF-RELEVANT (RFC 4120 section 5.2.6.1) around some, as a list of one element. Free with krb5_free_authdata. */
void forge_relevant(krb5_context krb5, const struct forge_datum *data, size_t count, krb5_authdata ***list);

#define FORGE_TOKEN_MOST 16384

/*
 * A GSSAPI initiator's first token (RFC 4121 section 4.1) of a ticket, which asks for all that the library requires,
 * with this authorisation data in its authenticator (NULL: none); inside SPNEGO (RFC 4178), if told so. Returns its
 * length.
 */
size_t forge_token(krb5_context krb5, const krb5_creds *creds, krb5_authdata **data, bool spnego,
                   uint8_t token[FORGE_TOKEN_MOST]);

/* The same without that data, and with another ticket that is handed on (RFC 4121 section 4.1.1.1). */
size_t forge_token_handing_on(krb5_context krb5, const krb5_creds *creds, krb5_creds *handed, bool spnego,
                              uint8_t token[FORGE_TOKEN_MOST]);

#endif
