/* message.h - what the calls on messages have in common: message.c for those in one piece, parts.c for the others. */
#ifndef TROTH_SRC_MESSAGE_H
#define TROTH_SRC_MESSAGE_H

#include "context.h"

/* Native layers count in 32 bits, some of them signed; nobody sends a message of 2 GB. */
#define TROTH__MESSAGE_MOST 0x7FFF0000u

/* After a failed one: final, unless it was misuse or the messages are datagrams. doing: what was being done. */
troth_status troth__message_failed(troth_context *context, const char *doing, troth_error *error);

/* The context has what this protection needs, and requires no more. */
troth_status troth__message_protection(const troth_context *context, troth_protection protection, troth_error *error);

/* The protection found on a message is not less than is required. */
troth_status troth__message_protected(const troth_context *context, troth_protection found, troth_error *error);

/* The context can make and verify integrity codes. */
troth_status troth__message_signs(const troth_context *context, troth_error *error);

#endif
