/*
 * doctor.h - what `troth doctor` is asked, what it finds, and how the common part and the platform's part share the
 * work. doctor.c has the order of the checks and those that the library's own API can make; doctor_krb5.c and
 * doctor_none.c those that need more of Kerberos, or say that they cannot be made.
 */
#ifndef TROTH_TOOLS_DOCTOR_H
#define TROTH_TOOLS_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "troth/troth.h"

#define DOCTOR_FINDINGS 48

enum doctor_outcome {
    DOCTOR_RIGHT = 1,
    DOCTOR_WRONG,
    DOCTOR_UNCHECKED /* could not be looked at: here, or before something else is mended */
};

struct doctor_finding {
    const char *check; /* static */
    enum doctor_outcome outcome;
    char found[1280];
    char next[768]; /* what to do; may be empty unless it is wrong */
};

struct doctor_kerberos;

struct doctor {
    /* What is asked. */
    bool acceptor;
    bool initiator;
    troth_name service; /* the acceptor's; empty: whatever the keytab has */
    troth_name target;  /* the initiator's; empty: none */
    const char *keytab;
    troth_credential_options who; /* the initiator, its password included */
    troth_mechanism mechanism;
    bool trace;

    /* What is known so far. */
    bool configured;                  /* the Kerberos configuration can be read */
    bool kdc;                         /* one answers */
    bool initiator_well;              /* the library has a credential for the initiator */
    bool keys_well;                   /* the keytab has the service's keys */
    char owner[256];                  /* whose tickets the ccache has, where that is known */
    char principal[256];              /* what the keytab calls the service, or has first; empty: nothing */
    char keytab_name[512];            /* the keytab's whole name; empty: there is none */
    struct doctor_kerberos *kerberos; /* the platform part's */

    struct doctor_finding findings[DOCTOR_FINDINGS];
    size_t count;
    size_t wrong;
};

#if defined(__clang__)
#define DOCTOR_PRINTF(string, first) __attribute__((format(__printf__, string, first)))
#elif defined(__GNUC__)
#define DOCTOR_PRINTF(string, first) __attribute__((format(__gnu_printf__, string, first)))
#else
#define DOCTOR_PRINTF(string, first)
#endif

/* Adds a finding. next may be NULL; check and next are static or live as long as the doctor. */
void doctor_find(struct doctor *doctor, const char *check, enum doctor_outcome outcome, const char *next,
                 const char *format, ...) DOCTOR_PRINTF(5, 6);

/* Adds an error of the library as one that is wrong; its hint becomes the next step. */
void doctor_find_error(struct doctor *doctor, const char *check, const troth_error *error);

/* "service@host", the principal, or instead for an empty name, into buffer, which is returned. */
const char *doctor_name(const troth_name *name, const char *instead, char *buffer, size_t capacity);

/* Prints all of it on stdout, as text or as JSON. False when it cannot be printed. */
bool doctor_print(const struct doctor *doctor, bool json);

/* ---- the platform's part, in this order ------------------------------------------------------------------------ */

/* The configuration; the realm's KDC, and its clock. */
void doctor_surroundings(struct doctor *doctor);

/* What the target is really called, and whether the KDC knows it. After the initiator's credential. */
void doctor_target(struct doctor *doctor);

/* What the keytab holds, and whether that is what the KDC uses. */
void doctor_keytab(struct doctor *doctor);

/* Frees what the three have kept. */
void doctor_end(struct doctor *doctor);

#endif
