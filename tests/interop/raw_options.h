/* raw_options.h - what the raw GSSAPI peer was told to do. */
#ifndef TROTH_TESTS_INTEROP_RAW_OPTIONS_H
#define TROTH_TESTS_INTEROP_RAW_OPTIONS_H

#include <gssapi/gssapi.h>
#include <stdbool.h>

#include "raw_wire.h"

#define SIZES_MAX 512

/* Ends of a run: exit codes. */
enum { GOOD = 0, GSS_FAILED = 1, USAGE = 2, PEER_CLOSED = 3, WRONG_ANSWER = 4, FAULT_DONE = 5 };

struct raw_options {
    bool initiator;
    enum framing framing;
    gss_OID mechanism; /* NULL: whatever there is */
    gss_OID inside;    /* of SPNEGO, the only one; NULL: whatever there is */
    const char *target;
    OM_uint32 flags;
    bool exact; /* ask for no flags of MIT's own */
    size_t sizes[SIZES_MAX];
    int messages;
    const char *address;
    int connections;
    int encrypt;
    gss_channel_bindings_t bindings;
    int drop_after;  /* -1: never */
    int stall_after; /* -1: never */
    const char *garbage;
    const char *fault;
};

struct raw_flag_name {
    const char *name; /* NULL after the last */
    OM_uint32 bit;
};

extern struct raw_options raw_options;
extern const struct raw_flag_name raw_flag_names[];
extern gss_OID_desc raw_krb5_oid;

/* Fills raw_options, or says on stderr how it is used and returns false. */
bool raw_options_parse(int argc, char **argv);

#endif
