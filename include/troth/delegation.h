/*
 * delegation.h - acting in the peer's name, and what is known of a credential.
 *
 * An initiator says in its context's options whether it delegates (troth_context_options.delegate). An acceptor that
 * set TROTH_KEEP_DELEGATED gets a credential of what came; on Windows it impersonates its peer instead. The
 * conventions are those of troth.h. Nothing here reads or writes the environment.
 */
#ifndef TROTH_DELEGATION_H
#define TROTH_DELEGATION_H

#include "troth/troth.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The initiator's credential that the peer handed on to this acceptor: for contexts in the peer's name. A ticket that
 * the peer handed on and that is not in the name that it has itself, or has ended, counts as none, in TROTH_DELEGATED
 * too. Of an acceptor's credential with TROTH_CREDENTIAL_PROXY, and where the peer handed on nothing, one for
 * constrained delegation: the KDC decides at each first step whether it is good towards that target, and refuses with
 * TROTH_E_DENIED. Which of the two it is, info.delegation tells.
 *
 * It is one like any other, shared between threads, and needs neither the context nor the acceptor's credential any
 * more. Its mechanism is the acceptor's credential's, and is never NTLM. Its tickets stay in this process's memory, are
 * not renewed, and end as troth_credential_info_get says. Every call makes another one.
 *
 * credential  set on TROTH_OK; free with troth_credential_free
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (an initiator, not complete, exported, or without
 * TROTH_KEEP_DELEGATED); TROTH_E_UNAVAILABLE (there is nothing to act with: TROTH_DELEGATION_NONE); TROTH_E_UNSUPPORTED
 * (SSPI: impersonate); TROTH_E_EXPIRED; TROTH_E_MEMORY; TROTH_E_FAILURE; after a failure of the context, that. Its own
 * failures are not sticky. Source: RFC 2743 section 2.2.2 (delegated_cred_handle), RFC 4121 section 4.1.1; [MS-SFU]
 * section 3.2.
 */
TROTH_API troth_status troth_context_delegated_credential(troth_context *context, troth_credential **credential,
                                                          troth_error *error);

/*
 * Stores an initiator's tickets into a named ccache, for other programs: "FILE:/run/app/alice". What was in it is
 * replaced, not in one piece: a reader at the same moment may see half of it. A new file is its owner's alone (0600).
 * Nobody renews what is stored. With constrained delegation the service's own ticket is among it. Any thread; may block
 * on a KDC for a renewal that is due.
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT (no name, or an acceptor's credential); TROTH_E_UNSUPPORTED (SSPI, or NTLM alone);
 * TROTH_E_EXPIRED; TROTH_E_MEMORY; TROTH_E_FAILURE; what troth_credential_acquire returns, where a renewal failed.
 * Source: gss_store_cred_into of MIT's gssapi_ext.h.
 */
TROTH_API troth_status troth_credential_store(troth_credential *credential, const char *ccache, troth_error *error);

/*
 * Protocol transition (S4U2Self): an initiator's credential in the name of a user who authenticated by other means, or
 * not at all. The KDC decides; what it gives is good for contexts with the service itself, and with others only as far
 * as the KDC allows constrained delegation (S4U2Proxy), which its administrator sets: elsewhere the first step fails
 * (TROTH_E_DENIED).
 * Whoever may call this decides who the user is: name must come from an authentication of your own.
 *
 * service     the service's own initiator credential, from its keytab or ccache; needed during the call only
 * name        the user's principal; a service with a host is refused
 * credential  set on TROTH_OK; free with troth_credential_free. As that of troth_context_delegated_credential, with the
 *             mechanism of service
 *
 * Any thread; blocks on a KDC. Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_NAME; TROTH_E_UNSUPPORTED (SSPI, or NTLM in
 * service); what the KDC's refusal comes to, as troth_credential_acquire has it; TROTH_E_EXPIRED; TROTH_E_MEMORY;
 * TROTH_E_FAILURE. Source: [MS-SFU] section 3.1; gss_acquire_cred_impersonate_name of MIT's gssapi_ext.h.
 */
TROTH_API troth_status troth_credential_impersonate(troth_credential *service, const troth_name *name,
                                                    troth_credential **credential, troth_error *error);

/* What is known of a credential: plain values. */
typedef struct troth_credential_info {
    size_t size;
    troth_role role;
    troth_mechanism mechanism; /* as it was asked for, TROTH_MECHANISM_DEFAULT having become Negotiate */
    int64_t expiry;    /* when its tickets end; TROTH_NEVER (an acceptor's keys); TROTH_UNKNOWN where the provider
                          does not tell */
    int64_t remaining; /* seconds from now until then, never below 0; or TROTH_NEVER, TROTH_UNKNOWN likewise */
} troth_credential_info;

#define TROTH_CREDENTIAL_INFO_INIT                                                                                     \
    {                                                                                                                  \
        .size = sizeof(troth_credential_info)                                                                          \
    }

/*
 * Fills info, whose size member the caller has set. Any thread; may block on a KDC for a renewal that is due, so that
 * it tells of tickets that the next context will really have. Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_EXPIRED; what
 * troth_credential_acquire returns, where a renewal failed. Source: RFC 2743 section 2.1.3; the expiry that
 * AcquireCredentialsHandleW gives.
 */
TROTH_API troth_status troth_credential_info_get(troth_credential *credential, troth_credential_info *info,
                                                 troth_error *error);

/*
 * Whose credential it is, in display form: "alice@EXAMPLE.COM". Asked at the first call, then kept.
 *
 * name  a string of the credential, never empty
 *
 * Any thread. Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_UNAVAILABLE (an acceptor that may be any service of its
 * keytab, or a provider that does not tell); otherwise as troth_credential_info_get. Source: RFC 2743 section 2.1.3;
 * SECPKG_CRED_ATTR_NAMES.
 */
TROTH_API troth_status troth_credential_name(troth_credential *credential, const char **name, troth_error *error);

/*
 * Windows: from TROTH_OK on the calling thread acts as the peer of this acceptor's complete context, as far as the peer
 * let it (TROTH_IDENTIFY: hardly), until troth_context_revert on the same thread. It does not nest.
 * troth_context_free ends it where that was forgotten, and cannot tell whether it did: it is not to be relied on.
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (an initiator, not complete, exported, or impersonating already);
 * TROTH_E_UNSUPPORTED (POSIX, where a thread has no such identity; SSPI providers without the call);
 * TROTH_E_UNAVAILABLE; TROTH_E_FAILURE; after a failure of the context, that. Nothing is sticky, and after a failure
 * the thread is who it was. Source: ImpersonateSecurityContext.
 */
TROTH_API troth_status troth_context_impersonate(troth_context *context, troth_error *error);

/*
 * Ends it. It works on a context that failed in the meantime, too.
 *
 * A failure other than TROTH_E_ARGUMENT and TROTH_E_STATE is fatal for the thread: it may still be the peer, and must
 * not go on: end the thread, or better the process, and touch nothing before. Returns TROTH_OK; TROTH_E_ARGUMENT;
 * TROTH_E_STATE (it does not impersonate); TROTH_E_FAILURE. Source: RevertSecurityContext.
 */
TROTH_API troth_status troth_context_revert(troth_context *context, troth_error *error);

#ifdef __cplusplus
}
#endif

#endif
