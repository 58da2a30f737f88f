/* kdc.h - the throwaway realm itself: its directory, its database and its KDC. */
#ifndef TROTH_TESTS_REALM_KDC_H
#define TROTH_TESTS_REALM_KDC_H

#include <stdbool.h>
#include <sys/types.h>

#define KDC_SKIPPED 77 /* what Meson takes for a skipped test */
#define KDC_FAILED 99  /* and for a broken one, in contrast to a failed one */

/* A program that serves until the realm ends. */
struct server {
    pid_t pid;  /* 0: none is running */
    int output; /* the read end of what it prints; kept open so that it never meets a broken pipe */
};

struct kdc {
    char directory[512]; /* empty: there is none */
    unsigned port;
    struct server kdc;
    struct server slapd; /* where the database is a directory service's */
    char ldap[1024];     /* and its URL; empty: the database is files */
    bool pkinit;         /* the KDC has a certificate */
};

/*
 * Makes the realm and starts its KDC: after this alice's ticket has been obtained from it. ldap: the database is a
 * directory service's, which starts with it. pkinit: it gives anonymous tickets, and the first of them is there. What
 * is missing or failed is said on stderr. Returns 0, KDC_SKIPPED (nothing was made) or KDC_FAILED; kdc_remove is due in
 * every case.
 */
int kdc_make(struct kdc *kdc, bool ldap, bool pkinit);

/* Ends the KDC and waits for its end. */
void kdc_stop(struct kdc *kdc);

/* Ends every server and deletes the directory. */
void kdc_remove(struct kdc *kdc);

#endif
