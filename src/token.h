/*
 * token.h - what a handshake token is, told from its cleartext: enough to keep NTLM out before a byte reaches the peer
 * or the provider, to say "the other side speaks something else" instead of the providers' misleading codes, and to
 * read the time in a KRB-ERROR. It takes any bytes: nothing in it trusts a length.
 */
#ifndef TROTH_SRC_TOKEN_H
#define TROTH_SRC_TOKEN_H

#include <stdbool.h>

#include "bytes.h"

enum troth__token_kind {
    TROTH__TOKEN_UNKNOWN = 0,
    TROTH__TOKEN_KERBEROS, /* RFC 2743 section 3.1 header with the Kerberos OID (the old Microsoft one as well), or an
                              AP-REQ, AP-REP or KRB-ERROR without it */
    TROTH__TOKEN_SPNEGO_INIT,     /* the same with the SPNEGO OID and a NegTokenInit (RFC 4178 section 4.2.1; the
                                     Windows acceptor's NegTokenInit2 hint is one too) */
    TROTH__TOKEN_SPNEGO_RESPONSE, /* a NegTokenResp */
    TROTH__TOKEN_NTLM             /* raw NTLMSSP */
};

struct troth__token_facts {
    enum troth__token_kind kind;

    /* SPNEGO_INIT: of the mechanisms offered. All false when the list could not be read. */
    bool offers_kerberos; /* 1.2.840.113554.1.2.2, or Microsoft's 1.2.840.48018.1.2.2 */
    bool offers_ntlm;     /* 1.3.6.1.4.1.311.2.2.10 */
    bool prefers_ntlm;    /* it is the first */

    bool chooses_ntlm; /* SPNEGO_RESPONSE: supportedMech is NTLM */
    bool rejects;      /* SPNEGO_RESPONSE: negState is reject */
    bool carries_ntlm; /* SPNEGO: the token inside is NTLM's: it begins with "NTLMSSP" and NUL, or is framed as such */

    /* Bytes that are not clean DER, where a provider might read something else, have chooses_ntlm and carries_ntlm when
       NTLM's signature or OID stands anywhere in them; then of kind UNKNOWN as well. */

    /* A KRB-ERROR (RFC 4120 section 5.9.1), raw or inside SPNEGO, of which both the code and the time could be read. It
       is not authenticated. */
    bool krb_error;
    int32_t krb_error_code; /* as RFC 4120 section 7.5.9 numbers them: 37 is KRB_AP_ERR_SKEW */
    int64_t krb_error_time; /* stime, the peer's clock, seconds since 1970 UTC */
};

/* Never fails: what cannot be read is TROTH__TOKEN_UNKNOWN, or facts left false. */
void troth__token_inspect(troth__bytes token, struct troth__token_facts *facts);

#endif
