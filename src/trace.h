/*
 * trace.h - telling a credential's trace, where it has one. Each of these is called only when config.trace is not NULL:
 * the test stands at the place of the event, so that without a trace it costs nothing else. own is the credential's
 * configuration; context is NULL for what belongs to no conversation.
 */
#ifndef TROTH_SRC_TRACE_H
#define TROTH_SRC_TRACE_H

#include "backend.h"

/* A native call returned; status is the portable class of what it said, the lengths are those of tokens or messages. */
void troth__trace_native(const struct troth__credential_config *own, const struct troth__context_config *context,
                         const char *call, troth_status status, uint32_t major, uint32_t minor, size_t input_length,
                         size_t output_length);

/* A token came in or goes out; kind is TROTH_TRACE_TOKEN_IN or TROTH_TRACE_TOKEN_OUT. */
void troth__trace_token(const struct troth__credential_config *own, const struct troth__context_config *context,
                        troth_trace_kind kind, unsigned leg, troth__bytes token);

/* The handshake is complete. */
void troth__trace_verified(const struct troth__credential_config *own, const struct troth__context_config *context,
                           const struct troth__attributes *attributes);

/* Something failed; error is whole. */
void troth__trace_refused(const struct troth__credential_config *own, const struct troth__context_config *context,
                          const troth_error *error);

#endif
