/* context.h - a context's inside, shared by context.c (handshake) and message.c; the public contract is troth.h's. */
#ifndef TROTH_SRC_CONTEXT_H
#define TROTH_SRC_CONTEXT_H

#include <stdbool.h>

#include "credential.h"

/* Of struct troth__attributes what is asked for later, packed: a server has one for each of its peers. */
struct troth__kept {
    uint32_t properties;
    int32_t encryption;
    uint16_t strength;
    uint16_t wrap_header, wrap_overhead, mic_size;
    uint8_t mechanism, bindings, target; /* enum values */
    bool parts : 1;
    bool encryption_asked : 1; /* what there is to know of it is known */
    bool constrained : 1;
};

struct troth_context {
    troth_credential *credential; /* held */
    void *native;
    struct troth__context_config config; /* ours; what it points to is this context's */
    union {
        int32_t *refused_encryption; /* until it is complete: their number, and a copy of them; NULL: none */
        uint8_t *exported;           /* since: what it was turned into, and nothing native is left. NULL: it was not */
    };
    union {
        uint32_t forbidden; /* likewise */
        uint32_t exported_length;
    };
    uint8_t flags;
    uint8_t legs;          /* steps made */
    bool required_default; /* the caller left the requirements to us */
    bool impersonating;    /* this thread acts as the peer */
    bool complete;         /* verified; set in one place, and never taken back: `failure` tells of a later failure */
    struct {
        uint32_t major;
        uint32_t minor;
        uint8_t status; /* a troth_status; TROTH_OK: none */
    } failure;
    struct troth__kept attributes; /* valid when complete */
    int64_t expiry;                /* likewise */
    char *peer_name;               /* kept once asked for */
    union {
        struct troth__accepted *accepted; /* until it is complete: the names that it answers to; NULL: nobody asks */
        char *target_name;                /* since: as peer_name */
    };
};

/*
 * Makes a failure final for the context. What the native layer calls misuse, and the caller cannot mend (a function
 * that is missing, say), is TROTH_E_FAILURE. Returns error->status.
 */
troth_status troth__context_fail(troth_context *context, troth_error *error);

/* For every call on a context that failed before: sets the same status and native codes and returns the status. */
troth_status troth__context_failed(const troth_context *context, troth_error *error);

/* Asks for the encryption type of a complete context, if nobody did yet. What cannot be learned stays 0. */
void troth__context_learn_encryption(troth_context *context);

/* Before every call that needs the native context of a complete one: TROTH_OK; its failure; TROTH_E_STATE. */
troth_status troth__context_ready(const troth_context *context, troth_error *error);

/* Before the first step: requires these as well, unless the caller said itself what is required. */
void troth__context_require(troth_context *context, uint32_t properties);

/* The context's role, and whether it was never stepped. */
troth_role troth__context_role(const troth_context *context);
bool troth__context_fresh(const troth_context *context);

#endif
