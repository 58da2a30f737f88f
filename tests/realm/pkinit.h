/* pkinit.h - a certificate for the KDC: only with PKINIT does it give tickets to nobody in particular (RFC 8062). */
#ifndef TROTH_TESTS_REALM_PKINIT_H
#define TROTH_TESTS_REALM_PKINIT_H

#include "kdc.h"

/* What it takes is installed; if not, what is missing is said on stderr. */
bool pkinit_installed(void);

/* Makes the certificate and its key, kdc.pem and kdc.key in the realm's directory. */
bool pkinit_certify(const struct kdc *kdc);

#endif
