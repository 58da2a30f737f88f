/* both.h - two ends of the library's in memory, from a ccache and a keytab of the test's own. */
#ifndef TROTH_TESTS_BOTH_H
#define TROTH_TESTS_BOTH_H

#include "troth/troth.h"

#define BOTH_SERVICE "troth/server.troth.test@TROTH.TEST"

struct both {
    troth_credential *initiator_credential;
    troth_credential *acceptor_credential;
    troth_context *initiator;
    troth_context *acceptor;
};

/*
 * Makes both ends and runs the handshake to its end; fails the test unless both are complete. target NULL: the realm's
 * service. keytab NULL: the default one.
 */
void both_complete(struct both *both, troth_mechanism mechanism, const char *ccache, const char *target,
                   const char *keytab);

void both_free(struct both *both);

#endif
