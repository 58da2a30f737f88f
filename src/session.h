/* session.h - the seam of import: the public contract is troth/session.h's. */
#ifndef TROTH_SRC_SESSION_H
#define TROTH_SRC_SESSION_H

#include "context.h"

/* troth_context_import on a given backend, which outlives the context. */
troth_status troth__context_import(const troth__backend *backend, const void *token, size_t length,
                                   troth_context **context, troth_error *error);

#endif
