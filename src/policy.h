/*
 * policy.h - what a context requires, allows and forbids: whether it can be asked for, and whether it came true. The
 * rules for users are docs/policy.md's.
 */
#ifndef TROTH_SRC_POLICY_H
#define TROTH_SRC_POLICY_H

#include "context.h"

/* NTLM was asked for: alone, or as something that Negotiate may choose. Everywhere else it is excluded. */
bool troth__policy_ntlm(const struct troth__credential_config *own);

/*
 * Whether these options can be, for a context of such a credential: the properties, the flags and the encryption types.
 * Returns TROTH_OK or TROTH_E_ARGUMENT.
 */
troth_status troth__policy_check_options(const struct troth__credential_config *own,
                                         const troth_context_options *options, troth_error *error);

/*
 * Copies what checked options say of properties, flags and encryption types into a new context, with the defaults of
 * its role. Returns TROTH_OK, or TROTH_E_MEMORY with nothing kept that troth__policy_forget does not free.
 */
troth_status troth__policy_set(troth_context *context, const troth_context_options *options, troth_error *error);

/* The bits of a key of this encryption type that an attacker has to try; 0: the type is not known here. */
uint32_t troth__policy_strength(int32_t type);

/* Frees what troth__policy_set allocated. */
void troth__policy_forget(troth_context *context);

/*
 * Looks at the ticket in a token, if there is one: whether its encryption type, which stands in the clear, is refused.
 * An acceptor asks of what came in and an initiator of what is to go out. The key in it may be of a better type (RFC
 * 4537) than the ticket, which is only as strong as its own. Returns TROTH_OK or TROTH_E_ENCRYPTION.
 */
troth_status troth__policy_ticket(const troth_context *context, troth__bytes token, troth_error *error);

/*
 * Decides on a natively complete context: attributes as the backend told them are brought to what they mean here (NTLM
 * is never mutual, a sealed Kerberos message is whole, the strength of a known encryption type), and then compared with
 * the policy, as the peer's word for its target is with the accepted ones (target.h). Returns TROTH_OK,
 * TROTH_E_MECHANISM, TROTH_E_REQUIREMENT or TROTH_E_ENCRYPTION; the text names everything that is missing or forbidden;
 * what troth__target_verify returns.
 */
troth_status troth__policy_verify(const troth_context *context, struct troth__attributes *attributes,
                                  troth_error *error);

#endif
