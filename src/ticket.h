/*
 * ticket.h - for whom the ticket in a handshake token is, told from its cleartext: enough to choose an acceptor's key
 * before anything is decrypted. Nobody authenticated what it says; it takes any bytes and trusts no length.
 */
#ifndef TROTH_SRC_TICKET_H
#define TROTH_SRC_TICKET_H

#include <stdbool.h>

#include "bytes.h"

/* What RFC 4120 section 5.3 leaves readable in a ticket. The views point into the token. */
struct troth__ticket {
    troth__bytes realm;   /* one KerberosString in DER, its header included */
    troth__bytes service; /* the components of sname, likewise, one after the other */
    int32_t enctype;
    uint32_t kvno;
    bool has_kvno; /* every KDC in use writes it, though it is optional */
};

/*
 * Finds the ticket in an AP-REQ: raw, in its RFC 4121 frame, or in a SPNEGO token. False when there is none that could
 * be read: a token without an AP-REQ, or bytes that are not DER.
 */
bool troth__ticket_find(troth__bytes token, struct troth__ticket *ticket);

#endif
