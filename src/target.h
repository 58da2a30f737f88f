/*
 * target.h - the initiator's own word for its target: the names that an acceptor answers to, and whether the peer asked
 * for one of them.
 *
 * A ticket's service name stands in the clear, and whoever relays it can change it. Windows' initiators say once more
 * which target they were told to authenticate, in their authenticator, which the session's key protects: the
 * authorisation data KERB_AUTH_DATA_CLIENT_TARGET (144) inside AD-IF-RELEVANT, in UTF-16 ([MS-KILE] names it).
 */
#ifndef TROTH_SRC_TARGET_H
#define TROTH_SRC_TARGET_H

#include "context.h"

/*
 * Whether these options can be, for a context of such a credential, as far as they are about accepted targets.
 * Returns TROTH_OK, TROTH_E_ARGUMENT or TROTH_E_NAME.
 */
troth_status troth__target_check_options(const struct troth__credential_config *own,
                                         const troth_context_options *options, troth_error *error);

/* Copies the names of checked options into a new context. Returns TROTH_OK; TROTH_E_MEMORY with nothing kept. */
troth_status troth__target_set(troth_context *context, const troth_context_options *options, troth_error *error);

/* Frees the copies; before completion, or with it. */
void troth__target_forget(troth_context *context);

/*
 * Asks a natively complete context for the peer's word, where there are names to compare it with, and says in
 * attributes->target and TROTH_TARGET_NAMED what it came to. Returns TROTH_OK, also where the peer said none;
 * TROTH_E_WRONG_TARGET; TROTH_E_REQUIREMENT (required, and the peer calls its word unverified); what the backend's
 * peer_target returned otherwise.
 */
troth_status troth__target_verify(const troth_context *context, struct troth__attributes *attributes,
                                  troth_error *error);

/* What a peer said, as far as it was read. Begins zeroed; name is memory of troth__alloc. */
struct troth__target_said {
    char *name; /* UTF-8; NULL: none yet */
    bool unverified;
};

/*
 * Reads one AD-IF-RELEVANT's content (RFC 4120 section 5.2.6.1) and adds what it says of the target to *said. Returns
 * TROTH_OK, also where it says nothing; TROTH_E_BAD_TOKEN (damaged, no text, or another target than was said before);
 * TROTH_E_MEMORY. said->name is the caller's to free, whatever is returned.
 */
troth_status troth__target_read(troth__bytes content, struct troth__target_said *said, troth_error *error);

#endif
