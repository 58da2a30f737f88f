/* internal.h - what the files of the GSSAPI backend share. The contract of the whole is src/backend.h. */
#ifndef TROTH_BACKENDS_GSSAPI_INTERNAL_H
#define TROTH_BACKENDS_GSSAPI_INTERNAL_H

#include <stdbool.h>

#include "backend.h"
#include "keys.h"
#include "native.h"
#include "portability.h"

/* ---- status.c ------------------------------------------------------------------------------------------------- */

/* The mechanisms' OIDs (RFC 1964 section 1; RFC 4178 section 3.1), and the set of Kerberos alone. */
extern gss_OID_desc troth__gss_krb5;
extern gss_OID_desc troth__gss_spnego;
extern gss_OID_desc troth__gss_ntlm;
extern gss_OID_set_desc troth__gss_krb5_set;

/* The mechanism that a configuration asks for. */
gss_OID troth__gss_mechanism(troth_mechanism mechanism);

/*
 * A native call failed: sets status, codes and text (the call's name, and every line that the library has for the
 * major and the minor). Returns the status.
 */
troth_status troth__gss_fail(const struct troth__gss_native *native, const char *call, OM_uint32 major, OM_uint32 minor,
                             gss_OID mechanism, troth_error *error);

struct gss_credential;

/* Tells the credential's trace of a native call that returned; called only where there is one. */
void troth__gss_trace(const struct gss_credential *credential, const struct troth__context_config *context,
                      const char *call, OM_uint32 major, OM_uint32 minor, gss_OID mechanism, size_t input_length,
                      size_t output_length);

/* ---- supports.c ----------------------------------------------------------------------------------------------- */

troth_support troth__gss_supports(const troth__backend *self, troth_feature feature);

/* ---- name.c --------------------------------------------------------------------------------------------------- */

/* Imports a name that is not empty. *imported is GSS_C_NO_NAME on failure. */
troth_status troth__gss_name_import(const struct troth__gss_native *native, const troth_name *name,
                                    gss_name_t *imported, troth_error *error);

/* Releases a name and sets it to GSS_C_NO_NAME. */
void troth__gss_name_release(const struct troth__gss_native *native, gss_name_t *name);

/*
 * Adds to the text under what other host's name the KDC was asked for a target, where the DNS gave it one. canonical is
 * the target's canonical name, or GSS_C_NO_NAME: it is found out. Never fails.
 */
void troth__gss_name_tell_surprise(const struct troth__gss_native *native, const troth_name *asked, gss_name_t name,
                                   gss_name_t canonical, troth_error *error);

/* A name's display form, in new memory of troth__alloc. */
troth_status troth__gss_name_show(const struct troth__gss_native *native, gss_name_t name, char **shown,
                                  troth_error *error);

/* ---- credential.c --------------------------------------------------------------------------------------------- */

/*
 * A native credential, as long as contexts use it. Renewal replaces the credential's current handle; contexts in the
 * middle of a handshake keep theirs.
 */
#define GSS_SPARES 8
struct gss_handle {
    gss_cred_id_t cred;
    int64_t renew_at; /* seconds since 1970; TROTH_NEVER */
    int64_t ends_at;
    unsigned holds;     /* under the credential's lock */
    krb5_ccache ccache; /* the private MEMORY ccache that ends with the handle, or NULL. Open all the time, so that
                           nothing can fail between its tickets and their end */
    unsigned snapshot;  /* its number, when ccache is a snapshot of a file, or private and targets have copies of it;
                           a copy has its original's. Otherwise 0 */
    bool narrow;        /* ccache is such a copy, with one target's tickets */
    char store[64];     /* the name of what is private: ccache, or keytab */
    bool busy;          /* over a private ccache a native credential is used by one step at a time: cred is so now, */
    unsigned spares;    /* and these are idle ones beside it. Under the credential's lock */
    gss_cred_id_t spare[GSS_SPARES];

    bool pooled;        /* pool.c's: everything below is for it, and all above but cred and store are not */
    krb5_keytab keytab; /* the private MEMORY keytab that ends with the handle */
    struct gss_choice choice;
    unsigned reading; /* of which reading of the file the keys are */
    struct gss_handle *next;
};

/* What stat says of a file: another stamp means other content. */
struct gss_stamp {
    bool known; /* false: not a file, so always taken as changed */
    uint64_t device, inode;
    int64_t size, seconds, nanoseconds;
};

/* Where a credential's keys or tickets are. */
enum gss_source {
    GSS_SOURCE_KEYTAB,  /* acceptor's: never ends */
    GSS_SOURCE_SHARED,  /* a ccache that somebody else keeps */
    GSS_SOURCE_PRIVATE, /* a MEMORY ccache of ours, filled from a client keytab or a password. Of an acceptor: beside
                           its keytab, for constrained delegation */
    GSS_SOURCE_GIVEN    /* a MEMORY ccache of ours with tickets that somebody gave; when they end, so does it */
};

struct gss_pool;
struct gss_target;

struct gss_credential {
    const struct troth__gss_native *native;
    const struct troth__credential_config *config;
    enum gss_source source;
    gss_name_t name;         /* GSS_C_NO_NAME: whoever the source says */
    char *ccache_file;       /* the name of a shared ccache that is a file, with the type, or NULL */
    const char *ccache_path; /* in it: where the file is */
    troth__mutex *lock;      /* guards everything below, and krb5 */
    troth__mutex *renewal;   /* held while a new handle is made; taken before lock, never after it */
    krb5_context krb5;       /* for ccaches and keytabs; being open it also keeps krb5.conf parsed for the process */
    struct gss_pool *pool;   /* acceptor: pool.c's; NULL: the stock path. What in it is not guarded never changes */
    bool fast;               /* snapshots, canonical names and pools may be used; never changes */
    struct gss_target *targets;
    struct gss_handle *current;
    struct gss_stamp stamp; /* of ccache_path, when current was made */
    bool renewing;
    bool names_asked; /* acceptor: somebody asked the last context for its peer's name before its first message */
    int64_t clock;    /* how far krb5 knows the KDC's to be ahead, in microseconds */
    char prefix[48];  /* of all private names, with random bits: others in the process could open what they can guess */
    unsigned made;    /* private ccaches and keytabs so far; names and numbers them */
    char store[64];   /* the name of what was given. Never changes, nor do the next two */
    krb5_ccache given_ccache; /* the source in memory, which ends with the credential; at most one is not NULL */
    krb5_keytab given_keytab;
    char *proxy_keytab; /* acceptor with TROTH_CREDENTIAL_PROXY: its keytab's name; otherwise NULL. Never changes */
};

/* Tells of a call that belongs to no token or message, where somebody listens. */
static inline void troth__gss_traced(const struct gss_credential *credential,
                                     const struct troth__context_config *context, const char *call, OM_uint32 major,
                                     OM_uint32 minor, gss_OID mechanism)
{
    if (credential->config->trace != NULL)
        troth__gss_trace(credential, context, call, major, minor, mechanism, 0, 0);
}

/* The same for one of libkrb5's, which has a single code. */
static inline void troth__gss_traced_krb5(const struct gss_credential *credential, const char *call,
                                          krb5_error_code code)
{
    if (credential->config->trace != NULL)
        troth__gss_trace(credential, NULL, call, code == 0 ? GSS_S_COMPLETE : GSS_S_FAILURE, (OM_uint32)code,
                         &troth__gss_krb5, 0, 0);
}

troth_status troth__gss_credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                           void **credential, troth_error *error);

/*
 * The same in two parts, for tickets from elsewhere: begin makes a credential with an empty ccache, called made->store;
 * on failure *made is NULL. finish, when that was filled, tries it; on failure the caller frees it.
 */
troth_status troth__gss_credential_begin(const troth__backend *self, const struct troth__credential_config *config,
                                         struct gss_credential **made, troth_error *error);
troth_status troth__gss_credential_finish(struct gss_credential *made, troth_error *error);
void troth__gss_credential_free(void *credential);

const struct troth__gss_native *troth__gss_credential_native(const struct gss_credential *credential);
const struct troth__credential_config *troth__gss_credential_config(const struct gss_credential *credential);

/* The name of its keytab; NULL: it has none, or the default one. */
const char *troth__gss_credential_keytab(const struct gss_credential *credential);

/* The next name of something private, into store. Under lock. */
void troth__gss_private_name(struct gss_credential *credential, char store[64]);

/* ---- handle.c -------------------------------------------------------------------------------------------------- */

/*
 * A good handle, renewed where that is due (which may block on a KDC), held for the caller. An acceptor gives token,
 * the peer's, and holds the handle for one step alone. On failure *handle is NULL. Any thread.
 */
troth_status troth__gss_handle_take(struct gss_credential *credential, troth__bytes token, struct gss_handle **handle,
                                    troth_error *error);

/* A handle of a shared ccache's file itself, for the caller alone, who drops it like any other. May block. */
troth_status troth__gss_handle_of_file(struct gss_credential *credential, struct gss_handle **handle,
                                       troth_error *error);

/* Gives a hold back and sets *handle to NULL; NULL inside is allowed. Any thread. */
void troth__gss_handle_drop(struct gss_credential *credential, struct gss_handle **handle);

/*
 * The native credential from a store (the second for SPNEGO's part), for the credential's name and mechanism. On
 * failure *cred may be set all the same, and is released with the handle.
 */
troth_status troth__gss_acquire_from(struct gss_credential *credential, gss_key_value_set_desc *first,
                                     gss_key_value_set_desc *second, gss_cred_id_t *cred, troth_error *error);

/* A native credential over the handle's own store, or over the credential's; as troth__gss_acquire_from. May block. */
troth_status troth__gss_acquire_for(struct gss_credential *credential, const struct gss_handle *handle,
                                    gss_cred_id_t *cred, troth_error *error);

/* Makes a private ccache, empty, and its name. On failure *ccache is NULL. Not under lock. */
troth_status troth__gss_private_ccache(struct gss_credential *credential, char store[64], krb5_ccache *ccache,
                                       troth_error *error);

/*
 * The one handle that all share, renewed where that is due and held for the caller, and its end beside a pool, where it
 * lives as long as it is in use: MIT 1.20.1 keeps what it last read of a keytab in it. Any thread.
 */
troth_status troth__gss_stock_take(struct gss_credential *credential, struct gss_handle **handle, troth_error *error);
void troth__gss_stock_forget(struct gss_credential *credential);

/* troth__gss_handle_drop of one that is not a pool's, under the credential's lock. */
void troth__gss_handle_drop_locked(struct gss_credential *credential, struct gss_handle **handle);

/* Ends a handle that nobody holds. Under the credential's lock. */
void troth__gss_handle_end(struct gss_credential *credential, struct gss_handle *handle);

/* ---- ccache.c ------------------------------------------------------------------------------------------------- */

/*
 * Copies the credential's ccache file into the handle's private ccache, and numbers the snapshot. Where the file cannot
 * be read to its end there is none, with TROTH_OK.
 */
troth_status troth__gss_snapshot_fill(struct gss_credential *credential, struct gss_handle *handle, troth_error *error);

/*
 * A handle's native credential for one step, which gives it back. Where the handle has a ccache of its own, nobody else
 * uses it meanwhile: MIT holds a credential's lock through the whole of gss_init_sec_context. On failure *cred is
 * GSS_C_NO_CREDENTIAL. Any thread.
 */
troth_status troth__gss_cred_take(struct gss_credential *credential, struct gss_handle *handle, gss_cred_id_t *cred,
                                  troth_error *error);
void troth__gss_cred_give(struct gss_credential *credential, struct gss_handle *handle, gss_cred_id_t cred);

/*
 * An initiator's handle for a handshake with a target, and what is known of that target: both are held for the caller.
 * enough: the target's ticket will do, and the one by which others are had is not needed.
 * *target is NULL on the stock path, and where it has no canonical name: then *name is the target's imported name.
 * Otherwise it may be GSS_C_NO_NAME. It is the caller's. May block on a KDC or on the DNS. On failure there is none of
 * the three. Any thread.
 */
troth_status troth__gss_initiator_take(struct gss_credential *credential, const troth_name *asked, bool enough,
                                       gss_name_t *name, struct gss_handle **handle, struct gss_target **target,
                                       troth_error *error);

/*
 * The native library can do nothing with the target's ticket: the narrow handle is exchanged for one of the source, and
 * the target's next handshake goes there as well. May block on a KDC. On failure *handle is NULL. Any thread.
 */
troth_status troth__gss_target_widen(struct gss_credential *credential, struct gss_target *target,
                                     struct gss_handle **handle, troth_error *error);

/* The canonical name, and the one that costs a step least. They live as long as the target is held. Any thread. */
gss_name_t troth__gss_target_name_of(const struct gss_target *target);
gss_name_t troth__gss_target_step_name(struct gss_credential *credential, const struct gss_target *target);

/*
 * A handshake with the target is complete. What SPNEGO calls the target is kept, if it is a name of Kerberos': any
 * other one is imported anew for each leg (MIT 1.20.1). target NULL is allowed. Never fails. Any thread.
 */
void troth__gss_target_learn(struct gss_credential *credential, struct gss_target *target, gss_ctx_id_t context);

/*
 * A handshake with the target over this handle has a ticket, for lifetime seconds: a private ccache has it now, and a
 * file, which the snapshot has as well when the file is as the snapshot knows it. target NULL is allowed. Any thread.
 */
void troth__gss_target_confirm(struct gss_credential *credential, struct gss_target *target,
                               const struct gss_handle *handle, OM_uint32 lifetime);

/* Gives a hold back and sets *target to NULL; NULL inside is allowed. Any thread. */
void troth__gss_target_drop(struct gss_credential *credential, struct gss_target **target);

/* Ends what targets keep of a snapshot that is no longer the current one. Under lock. */
void troth__gss_targets_outdated(struct gss_credential *credential);

/* Forgets all of them; nobody holds one. */
void troth__gss_targets_free(struct gss_credential *credential);

/* ---- clock.c -------------------------------------------------------------------------------------------------- */

/*
 * Tells a krb5 context that the KDC's clock is so many microseconds ahead; what it makes in memory then knows it.
 * KRB5_CC_FORMAT: no clock can be so far off.
 */
krb5_error_code troth__gss_clock_set(const struct troth__gss_native *native, krb5_context krb5, int64_t ahead);

/* Tells the credential's krb5 context what a ccache says of the KDC's clock, before it is copied. Not under lock. */
troth_status troth__gss_clock_take(struct gss_credential *credential, const char *ccache, troth_error *error);

/* ---- pool.c --------------------------------------------------------------------------------------------------- */

/* A file's stamp now; path may be NULL. */
struct gss_stamp troth__gss_stamp_now(const char *path);

bool troth__gss_stamp_same(const struct gss_stamp *a, const struct gss_stamp *b);

/* Gives an acceptor its pool, unless the stock path is asked for or is all that fits: then, with TROTH_OK, none. */
troth_status troth__gss_pool_new(struct gss_credential *credential, troth_error *error);

/* Frees it with all its handles; nobody holds one. */
void troth__gss_pool_free(struct gss_credential *credential);

/*
 * A handle with the keys that the token calls for, for one step. With TROTH_OK, *handle is NULL where only the stock
 * handle will do: the keytab cannot be read, and that handle says it best. Any thread.
 */
troth_status troth__gss_pool_take(struct gss_credential *credential, troth__bytes token, struct gss_handle **handle,
                                  troth_error *error);

/* Gives it back. Any thread. */
void troth__gss_pool_drop(struct gss_credential *credential, struct gss_handle **handle);

/* ---- context.c ------------------------------------------------------------------------------------------------ */

/* What a context has until its peer's first message: a server has the rest of it for each of its peers. */
struct gss_setup {
    struct gss_handle *handle; /* initiator: during the handshake. Acceptor: during a step */
    gss_name_t target;         /* initiator, during the handshake: the target imported, where known is NULL */
    struct gss_target *known;  /* the same, with what is known of it; or NULL */
    gss_name_t source;         /* acceptor: who the peer is, until that is asked for; or GSS_C_NO_NAME */
    gss_OID mechanism;         /* the one really used, after the last step; static */
    OM_uint32 flags;           /* ret_flags of the last step */
    OM_uint32 lifetime;        /* likewise */
    gss_buffer_desc out;       /* the last token, until the next call */
};

struct gss_context {
    const struct troth__gss_native *native;
    struct gss_credential *credential;
    const struct troth__context_config *config;
    struct gss_setup *setup; /* or NULL */
    gss_ctx_id_t context;
    gss_cred_id_t delegated; /* acceptor: what the peer handed on, where somebody wants it */
    bool ntlm;               /* NTLM is what was really used: its messages are ntlm.c's */
};

troth_status troth__gss_context_new(void *credential, const struct troth__context_config *config, void **context,
                                    troth_error *error);
void troth__gss_context_free(void *context);
troth_status troth__gss_step(void *context, troth__bytes in, troth__bytes *out, troth_error *error);
troth_status troth__gss_attributes(void *context, struct troth__attributes *attributes, troth_error *error);
troth_status troth__gss_peer_name(void *context, char **name, troth_error *error);
troth_status troth__gss_target_name(void *context, char **name, troth_error *error);

/* One of the two native names of a completed context, the initiator's or the acceptor's, to be released. */
troth_status troth__gss_context_name(const struct gss_context *context, bool source, gss_name_t *name,
                                     troth_error *error);

/* They are the same mechanism; the first may be GSS_C_NO_OID. */
bool troth__gss_is(gss_OID mechanism, gss_OID wanted);

/* The peer has sent a message, so that it has the last token: nothing of the handshake is needed any more. */
void troth__gss_setup_end(struct gss_context *context);

/* ---- message.c ------------------------------------------------------------------------------------------------ */

/* Tells of a call over a message, where somebody listens. */
static inline void troth__gss_message_traced(const struct gss_context *context, const char *call, OM_uint32 major,
                                             OM_uint32 minor, size_t input_length, size_t output_length)
{
    if (context->credential->config->trace != NULL)
        troth__gss_trace(context->credential, context->config, call, major, minor, &troth__gss_krb5, input_length,
                         output_length);
}

/* A failed call on messages, and a verifying call's result: the supplementary bits are failures too. */
troth_status troth__gss_message_failed(const struct gss_context *context, const char *call, OM_uint32 major,
                                       OM_uint32 minor, troth_error *error);
troth_status troth__gss_verified(const struct gss_context *context, const char *call, OM_uint32 major, OM_uint32 minor,
                                 troth_error *error);

/* The sizes of messages on a completed context, and whether it can do those of parts.c. */
troth_status troth__gss_message_sizes(struct gss_context *context, struct troth__attributes *attributes,
                                      troth_error *error);

troth_status troth__gss_wrap(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                             size_t capacity, size_t *output_length, troth_error *error);
troth_status troth__gss_unwrap(void *context, uint8_t *message, size_t length, troth__bytes *data,
                               troth_protection *protection, troth_error *error);
troth_status troth__gss_get_mic(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                                troth_error *error);
troth_status troth__gss_verify_mic(void *context, troth__bytes data, troth__bytes mic, troth_error *error);
troth_status troth__gss_wrap_size(void *context, troth_protection protection, size_t length, size_t *needed,
                                  troth_error *error);

/* ---- parts.c -------------------------------------------------------------------------------------------------- */

troth_status troth__gss_wrap_parts(void *context, troth_protection protection, const troth_part *parts, size_t count,
                                   uint8_t *token, size_t capacity, size_t *token_length, troth_error *error);
troth_status troth__gss_unwrap_parts(void *context, uint8_t *token, size_t token_length, const troth_part *parts,
                                     size_t count, troth_protection *protection, troth_error *error);
troth_status troth__gss_get_mic_parts(void *context, const troth_part *parts, size_t count, uint8_t *mic,
                                      size_t capacity, size_t *mic_length, troth_error *error);
troth_status troth__gss_verify_mic_parts(void *context, const troth_part *parts, size_t count, troth__bytes mic,
                                         troth_error *error);

/* ---- ntlm.c --------------------------------------------------------------------------------------------------- */

/* NTLM was asked for. Such a credential has the stock handle only. */
bool troth__gss_ntlm_wanted(const struct troth__credential_config *config);

/*
 * Imports a user's name in the one form that both gss-ntlmssp and Kerberos take ("alice@EXAMPLE.COM", "DOMAIN\alice").
 * *name is GSS_C_NO_NAME on failure.
 */
troth_status troth__gss_ntlm_user(const struct troth__gss_native *native, const char *principal, gss_name_t *name,
                                  troth_error *error);

/*
 * The native credential of one that may use NTLM: NTLM's alone, or those of Kerberos, NTLM and SPNEGO, as many as can
 * be had, SPNEGO's told to negotiate no others. store as in troth__gss_acquire_from.
 */
troth_status troth__gss_ntlm_acquire(struct gss_credential *credential, gss_key_value_set_desc *store,
                                     gss_cred_id_t *cred, troth_error *error);

/* Messages on a context for which NTLM was chosen: as the functions of message.c, outputs already zeroed. */
size_t troth__gss_ntlm_overhead(void);
void troth__gss_ntlm_sizes(struct troth__attributes *attributes);
troth_status troth__gss_ntlm_wrap(struct gss_context *context, bool confidential, troth__bytes data, uint8_t *output,
                                  size_t capacity, size_t *output_length, troth_error *error);
troth_status troth__gss_ntlm_unwrap(struct gss_context *context, uint8_t *message, size_t length, troth__bytes *data,
                                    troth_protection *protection, troth_error *error);
troth_status troth__gss_ntlm_get_mic(struct gss_context *context, troth__bytes data, uint8_t *mic, size_t capacity,
                                     size_t *mic_length, troth_error *error);

/* ---- peer.c --------------------------------------------------------------------------------------------------- */

troth_status troth__gss_peer_local_name(void *context, char **name, troth_error *error);
troth_status troth__gss_peer_windows_name(void *context, char **name, troth_error *error);
troth_status troth__gss_peer_target(void *context, char **name, bool *unverified, troth_error *error);
troth_status troth__gss_peer_attribute(void *context, const char *attribute, uint8_t **value, size_t *length,
                                       bool *authenticated, troth_error *error);

/* ---- session.c ------------------------------------------------------------------------------------------------ */

/*
 * The type of a Kerberos context's key, 0 where the library does not tell it, and where key is not NULL the key itself
 * in new memory of troth__alloc. Without a type and a key it is TROTH_OK where only the type was asked for.
 */
troth_status troth__gss_session_query(const struct gss_context *context, uint8_t **key, size_t *length,
                                      int32_t *encryption, troth_error *error);

troth_status troth__gss_session_key(void *context, uint8_t **key, size_t *length, troth_error *error);
troth_status troth__gss_encryption(void *context, int32_t *encryption, uint32_t *strength, troth_error *error);
troth_status troth__gss_prf(void *context, troth_prf_key which, troth__bytes input, uint8_t *output, size_t length,
                            troth_error *error);
troth_status troth__gss_context_export(void *context, size_t head, uint8_t **token, size_t *length, troth_error *error);
troth_status troth__gss_context_import(const troth__backend *self, const struct troth__credential_config *own,
                                       const struct troth__context_config *config, troth__bytes token,
                                       void **credential, void **context, troth_error *error);

/* ---- delegation.c --------------------------------------------------------------------------------------------- */

troth_status troth__gss_delegated_credential(void *context, const troth__backend *self,
                                             struct troth__credential_config *own, void **credential,
                                             troth_error *error);
troth_status troth__gss_credential_impersonate(void *service, const troth__backend *self, const troth_name *name,
                                               struct troth__credential_config *own, void **credential,
                                               troth_error *error);

/* An acceptor with TROTH_CREDENTIAL_PROXY: finds its keytab's name, with which it is an initiator as well. */
troth_status troth__gss_proxy_keytab(struct gss_credential *credential, troth_error *error);

/*
 * What there is to act in the peer's name with is the peer's ticket to us, and not one that it forwarded. An acceptor's
 * complete context.
 */
troth_status troth__gss_constrained(const struct gss_context *context, bool *constrained, troth_error *error);

/*
 * What the peer forwarded to an acceptor's complete context is in the name that the peer has itself: MIT does not look
 * (1.20.1), and whose it is nobody but the peer says. true also where it forwarded nothing, or by NTLM; false also for
 * what has ended, whose name MIT does not tell.
 */
troth_status troth__gss_forwarded_own(const struct gss_context *context, bool *own, troth_error *error);

/* The KDC refused a ticket in a user's name: adds what is wrong with the ticket that was shown to it. Never fails. */
void troth__gss_tell_evidence(struct gss_credential *credential, troth_error *error);

troth_status troth__gss_credential_store(void *credential, const char *ccache, troth_error *error);
troth_status troth__gss_credential_expiry(void *credential, int64_t *expiry, troth_error *error);
troth_status troth__gss_credential_name(void *credential, char **name, troth_error *error);
troth_status troth__gss_impersonate(void *context, troth_error *error);
troth_status troth__gss_revert(void *context, troth_error *error);

/* ---- hash.c --------------------------------------------------------------------------------------------------- */

troth_status troth__gss_hash(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error);

#endif
