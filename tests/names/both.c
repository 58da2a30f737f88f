/* both.c - two ends of the library's in memory, from a ccache and a keytab of the test's own. */
#include "both.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(troth_status status, const troth_error *error)
{
    if (status != TROTH_OK) {
        fail_msg("%s", error->text);
    }
}

/* What goes out is read before the other end makes more of it. */
static void run(struct both *both)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_status initiator = TROTH_CONTINUE, acceptor = TROTH_CONTINUE;
    const void *token = NULL;
    size_t length = 0;

    initiator = troth_context_step(both->initiator, NULL, 0, &token, &length, &error);
    while (length > 0) {
        if (initiator != TROTH_CONTINUE && initiator != TROTH_OK) {
            break;
        }
        acceptor = troth_context_step(both->acceptor, token, length, &token, &length, &error);
        if (length > 0 && initiator == TROTH_CONTINUE) {
            initiator = troth_context_step(both->initiator, token, length, &token, &length, &error);
        } else {
            length = 0;
        }
    }
    expect(initiator, &error);
    expect(acceptor, &error);
}

void both_complete(struct both *both, troth_mechanism mechanism, const char *ccache, const char *target,
                   const char *keytab)
{
    troth_credential_options initiator = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential_options acceptor = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_error error = TROTH_ERROR_INIT;

    memset(both, 0, sizeof *both);
    initiator.mechanism = acceptor.mechanism = mechanism;
    initiator.ccache = ccache;
    acceptor.keytab = keytab;
    options.target.principal = target != NULL ? target : BOTH_SERVICE;
    expect(troth_credential_acquire(TROTH_INITIATOR, &initiator, &both->initiator_credential, &error), &error);
    expect(troth_credential_acquire(TROTH_ACCEPTOR, &acceptor, &both->acceptor_credential, &error), &error);
    expect(troth_context_new(both->initiator_credential, &options, &both->initiator, &error), &error);
    expect(troth_context_new(both->acceptor_credential, NULL, &both->acceptor, &error), &error);
    run(both);
}

void both_free(struct both *both)
{
    troth_context_free(both->initiator);
    troth_context_free(both->acceptor);
    troth_credential_free(both->initiator_credential);
    troth_credential_free(both->acceptor_credential);
    memset(both, 0, sizeof *both);
}
