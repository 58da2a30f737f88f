/*
 * parts.h - messages whose bytes lie in several places, and exact size limits.
 *
 * A message in parts is protected where it lies: nothing is copied, nothing is allocated. Some parts are its data,
 * which is encrypted in place; others are only signed: they travel in the clear, or are known to both ends anyway (a
 * record's header, a sequence number), and a message verifies only beside the very same ones.
 *
 *     troth_part parts[] = {{TROTH_PART_SIGN_ONLY, record_header, 8}, {TROTH_PART_DATA, body, body_length}};
 *     status = troth_wrap_parts(context, TROTH_PROTECT_CONFIDENTIALITY, parts, 2, token, sizeof token, &token_length,
 *                               &error);
 *     send: token, then body
 *
 * On the wire the token stands first, and then the data parts one after the other. Without sign-only parts that is the
 * very message that troth_wrap could have made (RFC 4121 section 4.2.5, with a rotation count), and any troth_unwrap or
 * gss_unwrap takes it; with them, gss_unwrap_aead does.
 *
 * The conventions are those of troth.h: a context belongs to one thread at a time, and failures are sticky as there.
 */
#ifndef TROTH_PARTS_H
#define TROTH_PARTS_H

#include "troth/troth.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum troth_part_kind {
    TROTH_PART_UNSET = 0,
    TROTH_PART_DATA = 1,     /* of the message: protected, and changed, in place */
    TROTH_PART_SIGN_ONLY = 2 /* not of the message and never changed, but signed with it */
} troth_part_kind;

/* One part. data may be NULL when length is 0. Parts do not overlap each other. */
typedef struct troth_part {
    troth_part_kind kind;
    void *data;
    size_t length;
} troth_part;

#define TROTH_PARTS_MOST 16 /* the most parts of one message */

/*
 * Protects a message in place: gss_wrap_iov without a trailer (MIT); EncryptMessage
 * with SECBUFFER_READONLY_WITH_CHECKSUM.
 *
 * parts     count of them, 0 to TROTH_PARTS_MOST, in an order that both ends know
 * token     room for what stands in front of the data; info.wrap_overhead is always enough
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT (among others: a part of no kind, too many, less protection than the context
 * requires); TROTH_E_STATE; TROTH_E_BUFFER_TOO_SMALL (token_length says what is needed; nothing was changed);
 * TROTH_E_UNSUPPORTED (this context cannot: a provider that would protect one part alone (Wine, WinPR), a mechanism
 * other than Kerberos, an encryption type that pads (RC4, DES), or confidentiality where there is none);
 * TROTH_E_EXPIRED; TROTH_E_MEMORY; TROTH_E_FAILURE. After a failure of the last three the data parts are wiped: they
 * are neither the plaintext nor the message.
 */
TROTH_API troth_status troth_wrap_parts(troth_context *context, troth_protection protection, const troth_part *parts,
                                        size_t count, void *token, size_t capacity, size_t *token_length,
                                        troth_error *error);

/*
 * Verifies a message that troth_wrap_parts made and takes it out of its protection, in place: gss_unwrap_iov;
 * DecryptMessage.
 *
 * token       overwritten
 * parts       the same kinds and lengths in the same order: the data parts as they came in. On failure the data parts
 *             are wiped, so that nothing unverified can be read from them
 * protection  set to what the message had; may be NULL
 *
 * Returns as troth_unwrap, and TROTH_E_UNSUPPORTED as troth_wrap_parts.
 */
TROTH_API troth_status troth_unwrap_parts(troth_context *context, void *token, size_t token_length,
                                          const troth_part *parts, size_t count, troth_protection *protection,
                                          troth_error *error);

/*
 * Makes a message integrity code over parts of either kind, one after the other, as troth_get_mic over all their bytes
 * in one place would: the other end may verify it in one piece, or in other pieces. No part is changed.
 * gss_get_mic_iov; MakeSignature.
 *
 * Where the provider signs one part alone they are first joined in memory of the library's own, which is wiped.
 *
 * Returns as troth_get_mic.
 */
TROTH_API troth_status troth_get_mic_parts(troth_context *context, const troth_part *parts, size_t count, void *mic,
                                           size_t capacity, size_t *mic_length, troth_error *error);

/* Verifies such a code, or one of troth_get_mic. Returns as troth_verify_mic. gss_verify_mic_iov; VerifySignature. */
TROTH_API troth_status troth_verify_mic_parts(troth_context *context, const troth_part *parts, size_t count,
                                              const void *mic, size_t mic_length, troth_error *error);

/*
 * The largest plaintext that troth_wrap takes with this much room for its output. Exact: one byte more does not fit.
 * RFC 2743 section 2.4.6 (GSS_Wrap_size_limit); SECPKG_ATTR_SIZES.
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT, TROTH_E_STATE, TROTH_E_UNSUPPORTED as troth_wrap; TROTH_E_BUFFER_TOO_SMALL (not
 * even an empty message fits); TROTH_E_FAILURE. Changes nothing, and no failure of it is sticky.
 */
TROTH_API troth_status troth_wrap_size_limit(troth_context *context, troth_protection protection, size_t maximum,
                                             size_t *length, troth_error *error);

#ifdef __cplusplus
}
#endif

#endif
