/* speed.h - what speed.c and its files share: the ends of a conversation, and what they are made from. */
#ifndef TROTH_TESTS_BENCH_SPEED_H
#define TROTH_TESTS_BENCH_SPEED_H

#include <gssapi/gssapi.h>
#include <krb5.h>
#include <stdbool.h>

#include "clock.h"
#include "troth/troth.h"

enum who { NAIVE, BEST, TROTH, WHO };

/* One end of a conversation. */
struct side {
    enum who who;
    gss_ctx_id_t raw;
    gss_name_t target;
    gss_buffer_desc out;
    troth_context *troth;
    const void *data;
    size_t length;
};

extern krb5_context krb5; /* the best and Troth keep one open, which keeps krb5.conf parsed for the process */

extern struct world {
    bool negotiate;
    char keytab[512], ccache[512];             /* files, which naive and Troth use */
    char memory_keytab[64], memory_ccache[64]; /* and the copies in memory for the best */
    krb5_keytab open_keytab;
    krb5_ccache open_ccache;
    gss_cred_id_t accept, initiate;
    gss_name_t target;
    troth_credential *acceptor, *initiator;
} world;

/* The realm's key of the service, behind so many others'. */
void make_keytab(unsigned others);

/* The realm's tickets, and before that of the service so many under other names. */
void make_ccache(unsigned others);

/* Prints a table of messages: its head, and a row for a size. ends: raw and Troth, initiator and acceptor. */
void message_header(void);
void message_row(struct side ends[2][2], size_t size);

#endif
