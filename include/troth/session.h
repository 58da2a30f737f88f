/*
 * session.h - what a complete context holds beyond its messages: the session's key, bytes derived from it for other
 * protocols, and the context itself, which can be handed to another process.
 *
 * The conventions are those of troth.h. Everything here is about secrets: what these calls give out is as good as the
 * conversation, and the caller wipes it.
 */
#ifndef TROTH_SESSION_H
#define TROTH_SESSION_H

#include "troth/troth.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The key that the two ends share: for Kerberos the acceptor's subkey where there is one, otherwise the initiator's
 * (RFC 4121 section 2). It is the same at both ends, on either platform.
 *
 * key         room for capacity bytes; 64 are enough for every encryption type there is. May be NULL with capacity 0
 * key_length  set to the key's length
 * encryption  set to the key's type, the number of RFC 3961, or to 0 where the provider does not tell; may be NULL
 *
 * The library keeps no copy. Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (not complete, or exported);
 * TROTH_E_BUFFER_TOO_SMALL (key_length says what is needed); TROTH_E_UNAVAILABLE (this provider does not tell);
 * TROTH_E_MEMORY; TROTH_E_FAILURE; after a failure of the context, that. Its own failures are not sticky.
 * Source: GSS_C_INQ_SSPI_SESSION_KEY of MIT's gssapi_ext.h; SECPKG_ATTR_SESSION_KEY.
 */
TROTH_API troth_status troth_context_session_key(troth_context *context, void *key, size_t capacity, size_t *key_length,
                                                 int32_t *encryption, troth_error *error);

/* Which key the pseudo-random function uses (RFC 4401 section 3). Kerberos differs: PARTIAL is the initiator's. */
typedef enum troth_prf_key {
    TROTH_PRF_KEY_UNSET = 0,
    TROTH_PRF_KEY_FULL = 1,   /* the one that both ends had a part in */
    TROTH_PRF_KEY_PARTIAL = 2 /* the one that is known first */
} troth_prf_key;

#define TROTH_PRF_MOST 65536 /* of output and of input, in bytes */

/*
 * Bytes that both ends of this context can derive from its key and the same input, and nobody else: keys for another
 * protocol, for example. Different inputs give unrelated bytes; a shorter output is the beginning of a longer one.
 *
 * output  exactly length bytes are written, 1 to TROTH_PRF_MOST; zeroed when the call fails
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (not complete, or exported); TROTH_E_UNSUPPORTED (SSPI has none);
 * TROTH_E_UNAVAILABLE (this mechanism has none); TROTH_E_MEMORY; TROTH_E_FAILURE; after a failure of the context, that.
 * Its own failures are not sticky. Source: RFC 4401 section 2, RFC 4402; gss_pseudo_random.
 */
TROTH_API troth_status troth_context_prf(troth_context *context, troth_prf_key which, const void *input,
                                         size_t input_length, void *output, size_t length, troth_error *error);

/*
 * Turns a complete context into bytes, from which troth_context_import makes it again, in this process or in another
 * one on this machine: with the same keys, sequence numbers, properties and requirements.
 *
 * The bytes hold the session's keys. Send them to a process of your own alone, over a channel that nobody else reads,
 * and wipe your copies. There is to be one context of them: two would use the same sequence numbers twice.
 *
 * token  a view into the context, wiped by troth_context_free
 *
 * From TROTH_OK on the context is gone but for being freed, troth_context_info_get and names that were asked for
 * before: every other call returns TROTH_E_STATE. Export it between two messages, never while a stream uses it.
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (not complete, exported before, or the thread acts as the peer: see
 * troth_context_impersonate); TROTH_E_UNSUPPORTED and TROTH_E_UNAVAILABLE (this provider cannot, and the context is as
 * it was); TROTH_E_EXPIRED, TROTH_E_MEMORY, TROTH_E_FAILURE: sticky. Source: RFC 2743 section 2.2.8;
 * ExportSecurityContext.
 */
TROTH_API troth_status troth_context_export(troth_context *context, const void **token, size_t *length,
                                            troth_error *error);

/*
 * Makes a context of what troth_context_export gave, from a library of the same version and backend. It needs no
 * credential, is complete, and can be used for messages, names, or for a stream, which then is ready at once.
 *
 * The bytes are trusted: whoever can write them decides who the peer is. Damage on their way is found out.
 *
 * context  set on TROTH_OK; free with troth_context_free
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_BAD_TOKEN (not such bytes, or from another version or backend);
 * TROTH_E_UNSUPPORTED and TROTH_E_UNAVAILABLE (this provider cannot); TROTH_E_EXPIRED; TROTH_E_MEMORY; TROTH_E_FAILURE.
 * Source: RFC 2743 section 2.2.9; ImportSecurityContextW.
 */
TROTH_API troth_status troth_context_import(const void *token, size_t length, troth_context **context,
                                            troth_error *error);

#ifdef __cplusplus
}
#endif

#endif
