/* internal.h - what the files of the GSSAPI backend share. The contract of the whole is src/backend.h. */
#ifndef TROTH_BACKENDS_GSSAPI_INTERNAL_H
#define TROTH_BACKENDS_GSSAPI_INTERNAL_H

#include <stdbool.h>

#include "backend.h"
#include "native.h"
#include "portability.h"

/* ---- status.c ------------------------------------------------------------------------------------------------- */

/* The mechanisms' OIDs (RFC 1964 section 1; RFC 4178 section 3.1), and the set of Kerberos alone. */
extern gss_OID_desc troth__gss_krb5;
extern gss_OID_desc troth__gss_spnego;
extern gss_OID_set_desc troth__gss_krb5_set;

/* The mechanism that a configuration asks for. */
gss_OID troth__gss_mechanism(troth_mechanism mechanism);

/*
 * A native call failed: sets status, codes and text (the call's name, and every line that the library has for the
 * major and the minor). Returns the status.
 */
troth_status troth__gss_fail(const struct troth__gss_native *native, const char *call, OM_uint32 major, OM_uint32 minor,
                             gss_OID mechanism, troth_error *error);

/* ---- name.c --------------------------------------------------------------------------------------------------- */

/* Imports a name that is not empty. *imported is GSS_C_NO_NAME on failure. */
troth_status troth__gss_name_import(const struct troth__gss_native *native, const troth_name *name,
                                    gss_name_t *imported, troth_error *error);

/* Releases a name and sets it to GSS_C_NO_NAME. */
void troth__gss_name_release(const struct troth__gss_native *native, gss_name_t *name);

/* A name's display form, in new memory of troth__alloc. */
troth_status troth__gss_name_show(const struct troth__gss_native *native, gss_name_t name, char **shown,
                                  troth_error *error);

/* ---- credential.c --------------------------------------------------------------------------------------------- */

/*
 * A native credential, as long as contexts use it. Renewal replaces the credential's current handle; contexts in the
 * middle of a handshake keep theirs.
 */
struct gss_handle {
    gss_cred_id_t cred;
    int64_t renew_at; /* seconds since 1970; TROTH_NEVER */
    int64_t ends_at;
    unsigned holds;     /* under the credential's lock */
    krb5_ccache ccache; /* the private MEMORY ccache that ends with the handle, or NULL. Open all the time, so that
                           nothing can fail between its tickets and their end */
    char ccache_name[64];
};

struct gss_credential;

troth_status troth__gss_credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                           void **credential, troth_error *error);
void troth__gss_credential_free(void *credential);

const struct troth__gss_native *troth__gss_credential_native(const struct gss_credential *credential);
const struct troth__credential_config *troth__gss_credential_config(const struct gss_credential *credential);

/*
 * A good handle, renewed where that is due (which may block on a KDC), held for the caller. On failure *handle is
 * NULL. Any thread.
 */
troth_status troth__gss_handle_take(struct gss_credential *credential, struct gss_handle **handle, troth_error *error);

/* Gives a hold back and sets *handle to NULL; NULL inside is allowed. Any thread. */
void troth__gss_handle_drop(struct gss_credential *credential, struct gss_handle **handle);

/* ---- keytab.c ------------------------------------------------------------------------------------------------- */

/*
 * Adds to the text what the acceptor's keytab holds: "; the keytab FILE:... holds http/www@R (kvno 3), ...". Never
 * fails; says so when the keytab cannot be read. krb5 is used by nobody else meanwhile.
 */
void troth__gss_keytab_tell(const struct troth__gss_native *native, krb5_context krb5, const char *keytab,
                            troth_error *error);

/* The same for a credential's keytab. Any thread. */
void troth__gss_credential_tell_keytab(struct gss_credential *credential, troth_error *error);

/* ---- context.c ------------------------------------------------------------------------------------------------ */

struct gss_context {
    const struct troth__gss_native *native;
    struct gss_credential *credential;
    const struct troth__context_config *config;
    struct gss_handle *handle; /* during the handshake */
    gss_ctx_id_t context;
    gss_name_t target;   /* initiator, during the handshake */
    gss_buffer_desc out; /* the last token, until the next call */
    gss_OID mechanism;   /* the one really used, after completion; static */
    OM_uint32 flags;     /* ret_flags of the last step */
    OM_uint32 lifetime;  /* likewise */
};

troth_status troth__gss_context_new(void *credential, const struct troth__context_config *config, void **context,
                                    troth_error *error);
void troth__gss_context_free(void *context);
troth_status troth__gss_step(void *context, troth__bytes in, troth__bytes *out, troth_error *error);
troth_status troth__gss_attributes(void *context, struct troth__attributes *attributes, troth_error *error);
troth_status troth__gss_peer_name(void *context, char **name, troth_error *error);
troth_status troth__gss_target_name(void *context, char **name, troth_error *error);

/* ---- message.c ------------------------------------------------------------------------------------------------ */

/* The sizes of messages on a completed context. */
troth_status troth__gss_message_sizes(struct gss_context *context, struct troth__attributes *attributes,
                                      troth_error *error);

troth_status troth__gss_wrap(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                             size_t capacity, size_t *output_length, troth_error *error);
troth_status troth__gss_unwrap(void *context, uint8_t *message, size_t length, troth__bytes *data,
                               troth_protection *protection, troth_error *error);
troth_status troth__gss_get_mic(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                                troth_error *error);
troth_status troth__gss_verify_mic(void *context, troth__bytes data, troth__bytes mic, troth_error *error);

#endif
