/* internal.h - what the files of this backend share: its two objects, and the functions between them. */
#ifndef TROTH_BACKENDS_SSPI_INTERNAL_H
#define TROTH_BACKENDS_SSPI_INTERNAL_H

#include "backend.h"
#include "native.h"
#include "portability.h"

/* The output of a step has at least this room: tokens with a large PAC have been seen at 48 KB and above. */
#define TROTH__SSPI_TOKEN_ROOM 65536u

/* As many of them are kept between steps: one for each thread that steps at once; further ones are freed. */
#define TROTH__SSPI_ROOMS_KEPT 4

/* ---- status.c ------------------------------------------------------------------------------------------------- */

/*
 * Sets error from a native failure: the class, the native code, and a text that names the call, the code and the
 * system's words. Returns the class.
 */
troth_status troth__sspi_fail(const struct troth__sspi_native *native, const char *call, SECURITY_STATUS status,
                              troth_error *error);

/* Where a provider breaks SSPI's own contract: TROTH_E_FAILURE, with what it did. */
troth_status troth__sspi_broken(const char *call, const char *what, troth_error *error);

struct sspi_credential;

/* Tells the credential's trace of a native call that returned; called only where there is one. */
void troth__sspi_trace(const struct sspi_credential *credential, const struct troth__context_config *context,
                       const char *call, SECURITY_STATUS status, size_t input_length, size_t output_length);

/* ---- supports.c ----------------------------------------------------------------------------------------------- */

troth_support troth__sspi_supports(const troth__backend *self, troth_feature feature);

/* ---- name.c --------------------------------------------------------------------------------------------------- */

/* UTF-8 and UTF-16: nothing is lost either way, or the call fails. */

/*
 * A new NUL-terminated UTF-16 copy of length bytes of UTF-8; *units counts without the NUL (units may be NULL).
 * Freed with troth__sspi_wide_free. Returns TROTH_OK, TROTH_E_NAME (not UTF-8; what says whose it is), TROTH_E_MEMORY.
 */
troth_status troth__sspi_wide_new(const char *text, size_t length, const char *what, WCHAR **wide, size_t *units,
                                  troth_error *error);

/* Wipes and frees. NULL is allowed. */
void troth__sspi_wide_free(WCHAR *wide);

/* UTF-8 of units of UTF-16 into buffer, cut at a character, NUL-terminated. A lone surrogate becomes U+FFFD. */
void troth__sspi_narrow(const WCHAR *wide, size_t units, char *buffer, size_t capacity);

/* A new UTF-8 copy of NUL-terminated UTF-16, to be freed with troth__free; NULL when memory is out. */
char *troth__sspi_narrow_new(const WCHAR *wide);

/* The native form of a name: "service/host", or the literal principal. Returns as troth__sspi_wide_new. */
troth_status troth__sspi_name_new(const troth_name *name, const char *what, WCHAR **wide, troth_error *error);

/* ---- credential.c --------------------------------------------------------------------------------------------- */

struct sspi_credential {
    const struct troth__sspi_native *native;
    const SecurityFunctionTableW *functions;
    const struct troth__credential_config *config;
    const char *package; /* the name that the handle was acquired under; static */
    CredHandle handle;
    bool has_handle;   /* not for a context that was imported */
    TimeStamp expiry;  /* as it was told with the handle */
    size_t token_room; /* the larger of the package's cbMaxToken and TROTH__SSPI_TOKEN_ROOM */
    bool wine;
    troth__mutex *lock;                     /* of the rooms; NULL where no steps are made */
    uint8_t *rooms[TROTH__SSPI_ROOMS_KEPT]; /* for tokens, all zeros; NULL: none */
};

/* Fills what a credential is without its handle. functions is NULL when there is no provider. */
void troth__sspi_credential_shell(struct sspi_credential *self, const troth__backend *backend,
                                  const struct troth__credential_config *config);

troth_status troth__sspi_credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                            void **credential, troth_error *error);
void troth__sspi_credential_free(void *credential);

/*
 * Room for one step's token: credential->token_room bytes and one more, all zeros; NULL when memory is out. It comes
 * from the credential and goes back to it, so that neither a step nor a waiting context costs one. used: that many
 * bytes of it were written, at most. By any thread at any time.
 */
uint8_t *troth__sspi_room_take(struct sspi_credential *credential);
void troth__sspi_room_give(struct sspi_credential *credential, uint8_t *room, size_t used);

/* Tells of a call, where somebody listens. */
static inline void troth__sspi_traced(const struct sspi_credential *credential,
                                      const struct troth__context_config *context, const char *call,
                                      SECURITY_STATUS status, size_t input_length, size_t output_length)
{
    if (credential->config->trace != NULL)
        troth__sspi_trace(credential, context, call, status, input_length, output_length);
}

/* ---- context.c ------------------------------------------------------------------------------------------------ */

struct sspi_context {
    struct sspi_credential *credential;
    const struct troth__context_config *config;
    WCHAR *target;                  /* initiator */
    SEC_CHANNEL_BINDINGS *bindings; /* with its bytes behind it, or NULL */
    uint32_t bindings_size;
    CtxtHandle handle;
    bool has_handle;
    ULONG flags; /* as the last step returned them: ISC_RET_... or ASC_RET_... */
    TimeStamp expiry;
    uint8_t *token;     /* what the last step put out, until the first message */
    size_t token_size;  /* of its memory, which the next step takes again where that is enough */
    size_t wrap_header; /* TOKEN stands this far in front of DATA */
    size_t wrap_overhead;
    size_t mic_size;
    size_t checksum_size; /* wine.c: the context's checksum; 0: not known before it has made a message */
    bool longer_checksum; /* wine.c: it is not the one that is usual */
    bool ntlm;            /* the package that was chosen is NTLM: its messages have a layout of their own */
    bool ntlm_sealed;     /* and they are encrypted */
    char package[64];     /* the one that was chosen */
};

/* A time of the provider's in UTC seconds, TROTH_NEVER or TROTH_UNKNOWN. */
int64_t troth__sspi_expiry_utc(const struct sspi_credential *credential, TimeStamp expiry);

/* One native buffer over bytes that the provider only reads. */
SecBuffer troth__sspi_buffer(ULONG type, const void *data, size_t length);

troth_status troth__sspi_context_new(void *credential, const struct troth__context_config *config, void **context,
                                     troth_error *error);
void troth__sspi_context_free(void *context);

/* Frees what only the handshake needed: with the next call on a complete context, the peer has its token. */
void troth__sspi_handshake_end(struct sspi_context *context);

troth_status troth__sspi_step(void *context, troth__bytes in, troth__bytes *out, troth_error *error);
troth_status troth__sspi_attributes(void *context, struct troth__attributes *attributes, troth_error *error);
troth_status troth__sspi_peer_name(void *context, char **name, troth_error *error);
troth_status troth__sspi_target_name(void *context, char **name, troth_error *error);

/* ---- message.c ------------------------------------------------------------------------------------------------ */

/* Sets *length to what is needed and fails, unless there is as much room. */
troth_status troth__sspi_room_check(size_t capacity, size_t needed, size_t *length, troth_error *error);

/* What DecryptMessage's quality of protection means. */
troth_status troth__sspi_protection(ULONG quality, troth_protection *protection, troth_error *error);

/* The sizes of messages on a completed context, and whether it can do those of parts.c. */
troth_status troth__sspi_message_sizes(struct sspi_context *context, struct troth__attributes *attributes,
                                       troth_error *error);

troth_status troth__sspi_wrap(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                              size_t capacity, size_t *output_length, troth_error *error);
troth_status troth__sspi_unwrap(void *context, uint8_t *message, size_t length, troth__bytes *data,
                                troth_protection *protection, troth_error *error);
troth_status troth__sspi_get_mic(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                                 troth_error *error);
troth_status troth__sspi_verify_mic(void *context, troth__bytes data, troth__bytes mic, troth_error *error);
troth_status troth__sspi_wrap_size(void *context, troth_protection protection, size_t length, size_t *needed,
                                   troth_error *error);

/* ---- parts.c -------------------------------------------------------------------------------------------------- */

troth_status troth__sspi_wrap_parts(void *context, troth_protection protection, const troth_part *parts, size_t count,
                                    uint8_t *token, size_t capacity, size_t *token_length, troth_error *error);
troth_status troth__sspi_unwrap_parts(void *context, uint8_t *token, size_t token_length, const troth_part *parts,
                                      size_t count, troth_protection *protection, troth_error *error);
troth_status troth__sspi_get_mic_parts(void *context, const troth_part *parts, size_t count, uint8_t *mic,
                                       size_t capacity, size_t *mic_length, troth_error *error);
troth_status troth__sspi_verify_mic_parts(void *context, const troth_part *parts, size_t count, troth__bytes mic,
                                          troth_error *error);

/* ---- peer.c --------------------------------------------------------------------------------------------------- */

/* "DOMAIN\user" of the initiator, which is what SECPKG_ATTR_NAMES tells on either side. */
troth_status troth__sspi_name_user(struct sspi_context *context, char **name, troth_error *error);

troth_status troth__sspi_peer_local_name(void *context, char **name, troth_error *error);
troth_status troth__sspi_peer_windows_name(void *context, char **name, troth_error *error);
troth_status troth__sspi_peer_target(void *context, char **name, bool *unverified, troth_error *error);
troth_status troth__sspi_peer_attribute(void *context, const char *attribute, uint8_t **value, size_t *length,
                                        bool *authenticated, troth_error *error);

/* ---- session.c ------------------------------------------------------------------------------------------------ */

troth_status troth__sspi_session_key(void *context, uint8_t **key, size_t *length, troth_error *error);
troth_status troth__sspi_encryption(void *context, int32_t *encryption, uint32_t *strength, troth_error *error);
troth_status troth__sspi_prf(void *context, troth_prf_key which, troth__bytes input, uint8_t *output, size_t length,
                             troth_error *error);
troth_status troth__sspi_context_export(void *context, size_t head, uint8_t **token, size_t *length,
                                        troth_error *error);
troth_status troth__sspi_context_import(const troth__backend *self, const struct troth__credential_config *own,
                                        const struct troth__context_config *config, troth__bytes token,
                                        void **credential, void **context, troth_error *error);

/* ---- delegation.c --------------------------------------------------------------------------------------------- */

troth_status troth__sspi_delegated_credential(void *context, const troth__backend *self,
                                              struct troth__credential_config *own, void **credential,
                                              troth_error *error);
troth_status troth__sspi_credential_impersonate(void *service, const troth__backend *self, const troth_name *name,
                                                struct troth__credential_config *own, void **credential,
                                                troth_error *error);
troth_status troth__sspi_credential_store(void *credential, const char *ccache, troth_error *error);
troth_status troth__sspi_credential_expiry(void *credential, int64_t *expiry, troth_error *error);
troth_status troth__sspi_credential_name(void *credential, char **name, troth_error *error);
troth_status troth__sspi_impersonate(void *context, troth_error *error);
troth_status troth__sspi_revert(void *context, troth_error *error);

/* ---- hash.c --------------------------------------------------------------------------------------------------- */

troth_status troth__sspi_hash(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error);

/* ---- ntlm.c --------------------------------------------------------------------------------------------------- */

/* Messages on a context for which NTLM was chosen. As troth__sspi_wrap and troth__sspi_unwrap, sizes and room already
 * checked. */
void troth__sspi_ntlm_sizes(struct sspi_context *context);
troth_status troth__sspi_ntlm_wrap(struct sspi_context *context, troth__bytes data, uint8_t *output,
                                   size_t *output_length, troth_error *error);
troth_status troth__sspi_ntlm_unwrap(struct sspi_context *context, uint8_t *message, size_t length, troth__bytes *data,
                                     ULONG *quality, troth_error *error);

/* ---- wine.c --------------------------------------------------------------------------------------------------- */

/* Where Wine departs from Windows. Nothing of it is reached unless credential->wine, which is found at run time. */

/*
 * Refuses what Wine's provider would silently leave out. Returns TROTH_OK, TROTH_E_UNSUPPORTED or TROTH_E_UNAVAILABLE.
 */
troth_status troth__sspi_wine_check(const struct troth__context_config *config, troth_error *error);

/* Looks in a token of the handshake for encryption types whose checksum is not the usual one. */
void troth__sspi_wine_look(struct sspi_context *context, troth__bytes token);

/* Puts the sizes that Wine really needs in place of those that it told. */
void troth__sspi_wine_sizes(struct sspi_context *context);

/* Wine writes an expiry that it does not know as 0xFFFFFFFF seconds from now. */
bool troth__sspi_wine_never(int64_t utc, int64_t now);

/* EncryptMessage and DecryptMessage in Wine's layout. As troth__sspi_wrap and troth__sspi_unwrap, sizes and room
 * already checked. */
troth_status troth__sspi_wine_wrap(struct sspi_context *context, ULONG quality, troth__bytes data, uint8_t *output,
                                   size_t *output_length, troth_error *error);
troth_status troth__sspi_wine_unwrap(struct sspi_context *context, uint8_t *message, size_t length, troth__bytes *data,
                                     ULONG *quality, troth_error *error);

#endif
