/* raw_gss.h - what the raw GSSAPI peer was told to do beyond raw_options.h. */
#ifndef TROTH_TESTS_INTEROP_RAW_GSS_H
#define TROTH_TESTS_INTEROP_RAW_GSS_H

#include <gssapi/gssapi.h>

#include "raw_options.h"

struct raw_gss_options {
    gss_OID mechanism; /* NULL: whatever there is */
    gss_OID inside;    /* of SPNEGO, the only one; NULL: whatever there is */
    bool exact;        /* ask for no flags of MIT's own */
    gss_channel_bindings_t bindings;
};

extern struct raw_gss_options raw_gss_options;
extern gss_OID_desc raw_krb5_oid;

#endif
