/* hint.h - what to do about it: one sentence for each common cause, the same on every platform. */
#ifndef TROTH_SRC_HINT_H
#define TROTH_SRC_HINT_H

#include "troth/troth.h"

enum troth__hint_place {
    TROTH__HINT_CREDENTIAL, /* acquiring a credential */
    TROTH__HINT_STEP        /* a step of the handshake */
};

/* Adds the hint for error->status, where there is one, to its text. docs/errors.md tells the same at length. */
void troth__hint_add(troth_error *error, troth_role role, enum troth__hint_place place);

#endif
