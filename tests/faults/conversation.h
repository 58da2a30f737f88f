/*
 * conversation.h - one whole conversation in memory, from acquiring both credentials to freeing everything, checked at
 * every point: what failed, failed as the contract has it, and what succeeded is true.
 */
#ifndef TROTH_TESTS_FAULTS_CONVERSATION_H
#define TROTH_TESTS_FAULTS_CONVERSATION_H

#include "backend.h"

enum source {
    SOURCE_CCACHE,
    SOURCE_KEYTAB,
    SOURCE_PASSWORD,
    SOURCE_CCACHE_BYTES, /* the same as the first two, given as bytes; so are the acceptor's keys then */
    SOURCE_KEYTAB_BYTES
};

struct conversation {
    const char *name;
    troth_mechanism mechanism;
    enum source source;
    const char *service; /* NULL: the realm's */
    uint32_t required;   /* of both; 0: the defaults */
    unsigned earlier;    /* handshakes of the same credentials before it */
};

/* The first failure; call is NULL when there was none. */
struct outcome {
    const char *call;
    troth_status status;
    troth_error error;
};

/*
 * Holds the conversation, both sides on backend, and ends it at the first failure. Fails the running test, after
 * printing story (set by the test beforehand, says what is being tried), when anything breaks the contract.
 */
void conversation_hold(const troth__backend *backend, const struct conversation *conversation, struct outcome *outcome);

/* Says what is being tried, for the texts of failed checks. */
void conversation_story(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Fails the running test with the story and this. */
#define conversation_check(condition)                                                                                  \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            conversation_broken(#condition, __FILE__, __LINE__);                                                       \
    } while (0)
void conversation_broken(const char *condition, const char *file, int line);

/* The flags of all credentials here: TROTH_CREDENTIAL_STOCK when TROTH_TEST_STOCK is set. */
uint32_t conversation_path(void);

/* The options of an initiator in the realm, for a source. What they point to is static. */
troth_credential_options conversation_source(enum source source, troth_mechanism mechanism);

/* The options of the acceptor that goes with it. */
troth_credential_options conversation_acceptor(enum source source, troth_mechanism mechanism);

/* Whom that initiator is. */
const char *conversation_user(enum source source);

/*
 * One handshake of two contexts, at most eight rounds. Returns TROTH_OK when both completed, or what the first of
 * them failed with, told in error.
 */
troth_status conversation_handshake(troth_context *initiator, troth_context *acceptor, troth_error *error);

/* The options of an initiator's context to the realm's service. What they point to is static. */
troth_context_options conversation_target(void);

/*
 * New contexts of two credentials, and their handshake. The peer's name as the acceptor saw it goes to peer (NULL
 * allowed), which has room for 128 bytes.
 */
troth_status conversation_greet(troth_credential *initiator, troth_credential *acceptor, char *peer,
                                troth_error *error);

#endif
