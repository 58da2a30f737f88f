/*
 * errors.h - what the suite of errors shares: how a produced error is checked and shown, how two ends are driven
 * against each other, and how the surroundings are spoiled for a while.
 *
 * Everything here fails the running cmocka test, with a text that says why, when it cannot do what was asked.
 */
#ifndef TROTH_TESTS_ERRORS_H
#define TROTH_TESTS_ERRORS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "realm.h"
#include "troth/troth.h"

#define REALM "TROTH.TEST"
#define HOST "server.troth.test"

/* Both mechanisms, for loops, and their names in texts and for raw-peer. */
extern const troth_mechanism both_mechanisms[2];
const char *mechanism_shown(troth_mechanism mechanism);
const char *mechanism_argument(troth_mechanism mechanism);

/* A realm from outside cannot be spoiled: says so in the Test Anything Protocol. */
bool no_own_realm(void);

/* Before each test (a cmocka setup): the environment as troth-realm made it, and no process of an earlier test. */
int fresh_surroundings(void **state);

/* After each test (a cmocka teardown): ends the processes that the test started. */
int end_processes(void **state);

/* ---- checking ------------------------------------------------------------------------------------------------- */

/*
 * Checks an error that was really produced: its status, that a native code is there (native) or none is, that the text
 * is one line of less than 1024 bytes and has every one of the words (NULL ends them); and prints it as "# title: ..."
 * with the realm's directory shown as /etc/troth.
 */
void check_error(const char *title, const troth_error *error, troth_status status, int native, ...);

/* The same, and the text must not have these words. */
void refute_words(const troth_error *error, const char *words);

/* ---- credentials and contexts --------------------------------------------------------------------------------- */

/* Acquires with these options; fails the test when that does not work. */
troth_credential *acquire(troth_role role, troth_credential_options options);

/* Acquires with these options, which must fail. */
troth_error acquire_fails(troth_role role, troth_credential_options options);

/* A new context; service is the target's service at HOST, or a principal when it has an at-sign; NULL: an acceptor. */
troth_context *context_to(troth_credential *credential, const char *service);

/* The default initiator (alice's ccache) and acceptor (every key in the keytab). */
troth_credential *alice(troth_mechanism mechanism);
troth_credential *server(troth_mechanism mechanism);

struct token {
    size_t length;
    unsigned char bytes[65536];
};

/* One step with a token (NULL: none), whose output replaces what is in *out. */
troth_status step(troth_context *context, const struct token *in, struct token *out, troth_error *error);

/*
 * What a handshake came to at each end. An end that fails may still have a word for the other, which is then
 * given to it; an end that was never told anything is left at TROTH_CONTINUE.
 */
struct outcome {
    troth_status initiator, acceptor;
    troth_error initiator_error, acceptor_error;
};

/* Drives two contexts against each other and frees them. */
void drive(troth_context *initiator, troth_context *acceptor, struct outcome *outcome);

/* The same with one raw end. */
void drive_raw_initiator(realm_process *initiator, troth_context *acceptor, struct outcome *outcome);
void drive_raw_acceptor(troth_context *initiator, realm_process *acceptor, struct outcome *outcome);

/* ---- raw ends ------------------------------------------------------------------------------------------------- */

/* Starts raw-peer; shift is NULL or what libfaketime takes ("+600s"). Ended with the test. */
realm_process *raw_initiator(const char *shift, troth_mechanism mechanism, const char *service, const char *how);
realm_process *raw_acceptor(const char *shift, const char *how);

/* The raw end's next token. */
void raw_token(realm_process *raw, struct token *token);

/* Skips the running test, loudly, when clocks cannot be shifted here. */
void need_shifted_clock(void);

/* ---- surroundings --------------------------------------------------------------------------------------------- */

/* Points KRB5_CONFIG at the realm's krb5.conf with these lines added to [libdefaults], and another port of the KDC. */
void with_config(const char *libdefaults, unsigned kdc_port);

/* The realm's own port. */
unsigned kdc_port(void);

/* Starts a second KDC of the same realm whose clock is shifted, ready. Returns its port. Ended with the test. */
unsigned shifted_kdc(const char *shift);

/* Runs a program that must succeed. */
void run(const char *const *argv);

/* Writes a file in the realm's directory and gives back "FILE:" and its path. */
const char *file_with(const char *name, const char *content);

#endif
