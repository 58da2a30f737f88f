/*
 * forge.h - tickets that no KDC would give, made with a service's key: for names and authorisation data that only a
 * realm other than the tests' could send. Uses libkrb5 and nothing of the library's.
 *
 * Everything here fails the running cmocka test when it cannot do what was asked.
 */
#ifndef TROTH_TESTS_FORGE_H
#define TROTH_TESTS_FORGE_H

#include <krb5.h>

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

/* Authorisation data of one type around others: AD-IF-RELEVANT (RFC 4120 section 5.2.6.1). Ends with NULL. */
void forge_relevant(krb5_context krb5, int32_t type, const void *bytes, size_t length, krb5_authdata ***data);

#endif
