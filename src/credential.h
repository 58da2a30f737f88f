/* credential.h - what context.c needs of a credential; the public contract is troth.h's. */
#ifndef TROTH_SRC_CREDENTIAL_H
#define TROTH_SRC_CREDENTIAL_H

#include "backend.h"

struct troth__mutex;

struct troth_credential {
    const troth__backend *backend;
    struct troth__credential_config config;
    void *native;
    struct troth__mutex *lock; /* guards holds and shown, nothing else */
    size_t holds;
    char *shown; /* its name, once somebody asked; never changes then */
};

/* One hold more. Returns credential. The last troth_credential_free ends it. */
troth_credential *troth__credential_hold(troth_credential *credential);

/* An empty one for a context that was made without: no native part yet. NULL when memory is out. */
troth_credential *troth__credential_shell(const troth__backend *backend);

/* "Kerberos" or "Negotiate", for texts. */
const char *troth__mechanism_show(troth_mechanism mechanism);

#endif
