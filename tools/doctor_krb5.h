/* doctor_krb5.h - what the files of the Kerberos part of `troth doctor` share (POSIX, libkrb5). */
#ifndef TROTH_TOOLS_DOCTOR_KRB5_H
#define TROTH_TOOLS_DOCTOR_KRB5_H

#include <krb5.h>
#include <stdint.h>

#include "doctor.h"

struct doctor_kerberos {
    krb5_context krb5;
    krb5_ccache tickets; /* ours, in memory, with ticket-granting tickets alone; NULL: there are none */
    char realm[256];
    bool answered; /* the KDC did */
    bool told;     /* and said what time it is, without authentication */
    int64_t ahead; /* so many seconds its clock is ahead of ours */
};

/* What libkrb5 says of a code, into buffer, which is returned. */
const char *doctor_words(const struct doctor_kerberos *kerberos, krb5_error_code code, char *buffer, size_t capacity);

/* The principal of a troth_name, made canonical as the configuration has it. The caller frees it. */
krb5_error_code doctor_principal(struct doctor_kerberos *kerberos, const troth_name *name, krb5_principal *principal);

/*
 * Ticket-granting tickets to ask the KDC with, into kerberos->tickets: the initiator's where it is well, else those of
 * the default ccache, else (keytab not NULL) what the key of own in the keytab gets.
 */
krb5_error_code doctor_tickets(struct doctor *doctor, krb5_keytab keytab, krb5_principal own);

/* A fresh ticket for a service, decoded. size: the ticket's bytes. The caller frees it (krb5_free_ticket). */
krb5_error_code doctor_ticket(struct doctor_kerberos *kerberos, krb5_principal server, krb5_ticket **ticket,
                              size_t *size);

#endif
