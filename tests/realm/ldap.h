/*
 * ldap.h - the realm's database in a directory service: only there does a KDC of MIT's keep what constrained delegation
 * (S4U2Proxy) it allows.
 */
#ifndef TROTH_TESTS_REALM_LDAP_H
#define TROTH_TESTS_REALM_LDAP_H

#include "kdc.h"

/* What it takes is installed; if not, what is missing is said on stderr. */
bool ldap_installed(void);

/* Starts an empty directory service on a socket in the realm's directory. Returns 0, KDC_SKIPPED or KDC_FAILED. */
int ldap_start(struct kdc *kdc);

/* Allows services of the filled database to act in their users' names. */
bool ldap_allow_delegation(const struct kdc *kdc);

#endif
