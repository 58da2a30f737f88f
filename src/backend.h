/*
 * backend.h - the contract between common code and a backend.
 *
 * Common code (src/) reaches a backend only through struct troth__backend; a backend reaches the operating system's
 * security library only through one table of native calls, which hangs on the backend as `native`. Tests copy a
 * backend, point `native` at a scripted table, and give the copy to troth__credential_acquire.
 *
 * Who does what
 *
 * Common code owns everything that must be alike on every platform: argument checks, names' syntax, the order of
 * calls, the sticky failure, the number of legs, what a token is (token.h: NTLM that was not asked for never passes, in
 * either direction), the policy (policy.h) and the one place where a context becomes complete, the hints of errors. A
 * backend owns the native calls, native names and native codes, and nothing else. It never decides whether a context is
 * good enough.
 *
 * Errors: every function that returns a status takes a non-NULL, begun troth_error (error.h) and, when it fails, has
 * set its status, native codes and text with the functions of error.h. The text says what was asked of the native
 * layer and every word that the native layer said; common code puts "what was being done, to whom" before it and the
 * hint behind it. No allocation on the failure path.
 *
 * Outputs are zeroed by the backend before any work.
 */
#ifndef TROTH_SRC_BACKEND_H
#define TROTH_SRC_BACKEND_H

#include <stdbool.h>

#include "bytes.h"
#include "troth/bindings.h"
#include "troth/parts.h"
#include "troth/session.h"
#include "troth/troth.h"

#define TROTH__HASH_MOST 64 /* the longest hash of all, in bytes */

/* A credential's configuration: checked, copied, and immutable; it and what it points to outlive the native one. */
struct troth__credential_config {
    troth_role role;
    troth_mechanism mechanism; /* NEGOTIATE, KERBEROS or NTLM, never DEFAULT */
    troth_name name;           /* checked; all members may be NULL */
    const char *keytab;        /* at most one of these three is not NULL, and none where one of the next two is there */
    const char *ccache;
    const char *password;     /* wiped by common code after credential_free */
    troth__bytes keytab_data; /* the bytes of a file; at most one of the two is not empty. They are the caller's, and */
    troth__bytes ccache_data; /* here during credential_acquire alone: no copy but the native library's is needed */
    uint32_t flags;           /* TROTH_CREDENTIAL_STOCK, TROTH_CREDENTIAL_NTLM, TROTH_CREDENTIAL_PROXY */
    troth_trace_callback trace; /* NULL: none; see trace.h */
    void *trace_user;
};

/*
 * A context's configuration: checked and copied; it and what it points to outlive the native context. Immutable from
 * the first step on.
 */
struct troth__context_config {
    troth_name target; /* initiator: checked, not empty. Acceptor: empty */
    uint32_t
        requested;     /* initiator: the union of what was requested and what is required. Acceptor: what is required */
    uint32_t required; /* for backends whose native acceptor wants to be told; the check is common code's */
    const troth_bindings *bindings; /* NULL, or a copy that lives as long as the native context */
    troth_delegate delegate; /* initiator; TROTH_DELEGATE_ALWAYS has put TROTH_DELEGATED into requested as well */
    bool keep_delegated;     /* acceptor: somebody will ask for what was handed on */
    bool anonymous_allowed;  /* for backends whose native acceptor wants to be told; the check is common code's */
    bool target_matters;     /* acceptor: peer_target is asked when it is complete: a backend that knows beforehand that
                                it cannot tell says TROTH_E_UNAVAILABLE at context_new */
    bool encryption_matters; /* some encryption types are refused: a backend that knows beforehand that it cannot tell
                                the type says TROTH_E_UNAVAILABLE at context_new */
};

/* What a native context says of itself after its final success. */
struct troth__attributes {
    troth_mechanism mechanism;  /* KERBEROS, NTLM, or UNSET (0) for any other: common code refuses what was not asked
                                   for, and mechanism_name says which it was */
    const char *mechanism_name; /* for the text: static, or as long as the context */
    uint32_t properties;        /* TROTH_MUTUAL ... TROTH_ANONYMOUS, as the native layer reported them; DELEGATED in an
                                   acceptor only when something to act with really came */
    troth_binding_result bindings;
    troth_target_result target; /* common code's: left as it is */
    int64_t expiry;             /* seconds since 1970 UTC, TROTH_NEVER, TROTH_UNKNOWN */
    int32_t encryption; /* the RFC 3961 number of the context's key; 0: this provider does not tell, or has to be asked
                           by `encryption` below, which costs more than a handshake without that wish should pay. Where
                           config->encryption_matters it is told here */
    uint32_t strength;  /* of that key in bits, where the provider tells; 0: common code knows it from the type */
    size_t wrap_header;
    size_t wrap_overhead;
    size_t mic_size;
    bool parts;       /* the ..._parts functions below may be called */
    bool constrained; /* acceptor: what there is to act with is the peer's ticket to us; never beside DELEGATED */
};

typedef struct troth__backend troth__backend;

struct troth__backend {
    const char *name;   /* what troth_backend_name returns */
    const void *native; /* the table of native calls; its type is the backend's own */

    /*
     * Whether this backend and the provider under it can do a thing; feature is one. May be called by any thread at any
     * time, before there is a credential. A provider that cannot be asked can do nothing.
     */
    troth_support (*supports)(const troth__backend *self, troth_feature feature);

    /*
     * Acquires the native credential. self outlives it. May block on a KDC.
     * Returns TROTH_OK with *credential set, or a failure with *credential NULL.
     */
    troth_status (*credential_acquire)(const troth__backend *self, const struct troth__credential_config *config,
                                       void **credential, troth_error *error);

    /* Frees it. Common code calls this after the last context made of it was freed. NULL is allowed. */
    void (*credential_free)(void *credential);

    /*
     * Makes a native context: imports the target's name, makes no handshake call. May be called by several threads at
     * once on one credential; so may every function below on different contexts of one credential.
     */
    troth_status (*context_new)(void *credential, const struct troth__context_config *config, void **context,
                                troth_error *error);

    /* Frees it at any point of its life. NULL is allowed. */
    void (*context_free)(void *context);

    /*
     * One native step. in is empty exactly at an initiator's first step. *out is a view that lives until the next call
     * on this context; it is set whatever is returned, and empty unless the native layer really wrote a token.
     * TROTH_OK: natively complete. TROTH_CONTINUE: another token is due. Otherwise a failure; common code does not
     * step again.
     */
    troth_status (*step)(void *context, troth__bytes in, troth__bytes *out, troth_error *error);

    /* Called once, after step returned TROTH_OK. */
    troth_status (*attributes)(void *context, struct troth__attributes *attributes, troth_error *error);

    /*
     * The type of a Kerberos context's key, and its bits or 0, where attributes did not tell them. TROTH_E_UNAVAILABLE
     * where the provider does not tell.
     */
    troth_status (*encryption)(void *context, int32_t *encryption, uint32_t *strength, troth_error *error);

    /*
     * The peer's and the target's display name: a new NUL-terminated string that common code frees with troth__free.
     * Called only after completion. TROTH_E_UNAVAILABLE where the provider does not tell; never an empty string.
     */
    troth_status (*peer_name)(void *context, char **name, troth_error *error);
    troth_status (*target_name)(void *context, char **name, troth_error *error);

    /*
     * Messages, on completed contexts only. As the public calls of the same names have it, except: common code has
     * checked the arguments, keeps the sticky failure, checks what protection is required, and wipes a message whose
     * unwrap failed. wrap and get_mic return TROTH_E_BUFFER_TOO_SMALL, with *output_length the size needed, before
     * anything native was changed.
     */
    troth_status (*wrap)(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                         size_t capacity, size_t *output_length, troth_error *error);
    troth_status (*unwrap)(void *context, uint8_t *message, size_t length, troth__bytes *data,
                           troth_protection *protection, troth_error *error);
    troth_status (*get_mic)(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                            troth_error *error);
    troth_status (*verify_mic)(void *context, troth__bytes data, troth__bytes mic, troth_error *error);

    /* What wrap would say that it needs, for so much data. */
    troth_status (*wrap_size)(void *context, troth_protection protection, size_t length, size_t *needed,
                              troth_error *error);

    /*
     * The same over parts, as parts.h has it: called only where the attributes say so, with at most TROTH_PARTS_MOST
     * checked parts, whose pointers are not NULL where their lengths are above 0. DATA parts of wrap_parts and
     * unwrap_parts are changed in place; on failure common code wipes them. For a code, every part is only read.
     */
    troth_status (*wrap_parts)(void *context, troth_protection protection, const troth_part *parts, size_t count,
                               uint8_t *token, size_t capacity, size_t *token_length, troth_error *error);
    troth_status (*unwrap_parts)(void *context, uint8_t *token, size_t token_length, const troth_part *parts,
                                 size_t count, troth_protection *protection, troth_error *error);
    troth_status (*get_mic_parts)(void *context, const troth_part *parts, size_t count, uint8_t *mic, size_t capacity,
                                  size_t *mic_length, troth_error *error);
    troth_status (*verify_mic_parts)(void *context, const troth_part *parts, size_t count, troth__bytes mic,
                                     troth_error *error);

    /*
     * What peer.h asks of a complete context whose peer is known: new memory of troth__alloc, which common code frees;
     * texts end with NUL. TROTH_E_UNAVAILABLE where there is no such thing, TROTH_E_UNSUPPORTED where there never is.
     */
    troth_status (*peer_local_name)(void *context, char **name, troth_error *error);
    troth_status (*peer_windows_name)(void *context, char **name, troth_error *error);
    /* The initiator's own word, protected by the session's key, for whom it was told to authenticate, and whether it
     * says that the name is unverified. TROTH_E_UNAVAILABLE: it said none; TROTH_E_UNSUPPORTED: nobody tells. */
    troth_status (*peer_target)(void *context, char **name, bool *unverified, troth_error *error);
    troth_status (*peer_attribute)(void *context, const char *attribute, uint8_t **value, size_t *length,
                                   bool *authenticated, troth_error *error);

    /*
     * What session.h asks of a complete context. As the public calls have it, except: common code has checked the
     * arguments and the state, and keeps none of it. The key and the exported context are new memory of troth__alloc,
     * which common code wipes and frees; the latter begins with head unwritten bytes, which *length counts.
     *
     * After context_export returned TROTH_OK, of the native context only context_free is called. context_import makes
     * a native context, and a native credential of the little that it needs; of that only credential_free is called.
     * own tells their role and mechanism; both configurations outlive them.
     */
    troth_status (*session_key)(void *context, uint8_t **key, size_t *length, troth_error *error);
    troth_status (*prf)(void *context, troth_prf_key which, troth__bytes input, uint8_t *output, size_t length,
                        troth_error *error);
    troth_status (*context_export)(void *context, size_t head, uint8_t **token, size_t *length, troth_error *error);
    troth_status (*context_import)(const troth__backend *self, const struct troth__credential_config *own,
                                   const struct troth__context_config *config, troth__bytes token, void **credential,
                                   void **context, troth_error *error);

    /*
     * What delegation.h asks. As the public calls of the same names have it, except: common code has checked the
     * arguments, the state and the role.
     *
     * delegated_credential acquires an initiator's native credential of what the peer of this complete context handed
     * on. own is its configuration, complete but for a source, which is the backend's own. The new one needs neither
     * the context nor the acceptor's credential. credential_name and credential_expiry may be called by several threads
     * at once.
     */
    troth_status (*delegated_credential)(void *context, const troth__backend *self,
                                         struct troth__credential_config *own, void **credential, troth_error *error);
    troth_status (*credential_store)(void *credential, const char *ccache, troth_error *error);

    /*
     * As delegated_credential, of what the KDC gives the service, an initiator, in the name of a user. name is checked
     * and has a principal.
     */
    troth_status (*credential_impersonate)(void *service, const troth__backend *self, const troth_name *name,
                                           struct troth__credential_config *own, void **credential, troth_error *error);
    troth_status (*credential_expiry)(void *credential, int64_t *expiry, troth_error *error);
    troth_status (*credential_name)(void *credential, char **name, troth_error *error);
    troth_status (*impersonate)(void *context, troth_error *error);
    troth_status (*revert)(void *context, troth_error *error);

    /*
     * The hash of data, into the first troth__hash_length(hash) bytes of digest. Needs no credential and no context,
     * and may be called by any thread at any time: it is here because only a backend may know the system's
     * cryptography. It does not go through `native`: there is nothing to script in a function of bytes. hash is never
     * UNSET. Returns TROTH_OK; TROTH_E_UNSUPPORTED (this build or this system has no such hash); TROTH_E_FAILURE.
     */
    troth_status (*hash)(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error);
};

/* The backend that this library was built with: defined once, in backends/NAME/backend.c. */
extern const troth__backend troth__backend_here;

/* troth_supports of a given backend. */
troth_support troth__supports(const troth__backend *backend, troth_feature feature);

/*
 * troth_credential_acquire on a given backend: the seam where tests put a scripted one. backend outlives the
 * credential.
 */
troth_status troth__credential_acquire(const troth__backend *backend, troth_role role,
                                       const troth_credential_options *options, troth_credential **credential,
                                       troth_error *error);

#endif
