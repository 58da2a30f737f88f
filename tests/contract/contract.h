/*
 * contract.h - what the themes of the contract suite share: the realm, credentials, pairs of contexts in memory, and
 * the handshake between them, with a hand on every token on its way.
 *
 * The suite uses the public API alone, but for token.h, with which it looks at tokens, and so holds for any backend.
 * What a provider cannot do is skipped there, with a line that says so.
 */
#ifndef TROTH_TESTS_CONTRACT_H
#define TROTH_TESTS_CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "token.h"
#include "troth/troth.h"

/* The mechanism that this run is about, from the command line. */
extern troth_mechanism under_test;

/* The flags of its credentials: TROTH_CREDENTIAL_STOCK when TROTH_TEST_STOCK is set. */
uint32_t path_under_test(void);

/* Some providers under SSPI are mute where GSSAPI tells: names, reasons, lifetimes. */
bool is_sspi(void);

/* Says in the test's output what is not shown and why, then skips the test. */
void skip_because(const char *why);

/* One credential for each role and mechanism, made once; they live until the end. */
troth_credential *credential_of(troth_role role, troth_mechanism mechanism);
void credentials_free(void);

/* The realm's service, and the names that each end must see of the other. */
troth_name realm_target(void);
const char *realm_user(void);
const char *realm_service_principal(void);

/* Options with the target set (initiator), and nothing else. */
troth_context_options initiator_options(void);
troth_context_options acceptor_options(void);

/* Two contexts that want to speak with each other. */
struct pair {
    troth_context *initiator;
    troth_context *acceptor;
};

/* NULL: the options above. The mechanism is the one under test. */
struct pair pair_new(const troth_context_options *initiator, const troth_context_options *acceptor);
void pair_free(struct pair *pair);
troth_context *context_new(troth_role role, troth_mechanism mechanism, const troth_context_options *options);

/* A token on its way: always a block of memory of exactly its length. */
struct token {
    uint8_t *data;
    size_t length;
};

struct token token_of(const void *data, size_t length);
void token_free(struct token *token);

/* The bytes of the file whose name, maybe with "FILE:" before it, an environment variable tells. */
struct token file_of(const char *variable);

/* One step. in is NULL for none. Frees what out had before; out may be NULL. */
troth_status step(troth_context *context, const struct token *in, struct token *out, troth_error *error);

/* Changes a token on its way. */
typedef void tamper_function(struct token *token, void *argument);

/* What a handshake came to. TROTH_CONTINUE: still waiting, for a token that never came. */
struct outcome {
    troth_status initiator;
    troth_status acceptor;
    unsigned legs; /* tokens that were sent */
    troth_error initiator_error;
    troth_error acceptor_error;
};

/* Runs the whole handshake; the token of leg tampered (from 1; 0: none) goes through tamper on its way. */
struct outcome handshake_tampered(const struct pair *pair, unsigned tampered, tamper_function *tamper, void *argument);

/* Runs the whole handshake, and fails the test unless both are complete. Returns the number of legs. */
unsigned handshake(const struct pair *pair);

/*
 * What a call on the pair came to. Anything but success fails the test, unless a provider under SSPI does not tell or
 * cannot: that skips it with the call's own words, and the pair is freed.
 */
void pair_need(struct pair *pair, troth_status status, const troth_error *error);

/* A complete pair with these options. */
struct pair complete_pair(const troth_context_options *initiator, const troth_context_options *acceptor);

/* The peer is who it must be, in a complete context. Names that an SSPI provider does not tell are let pass. */
void assert_peer(troth_context *context);

/* A message goes each way, encrypted. */
void assert_converse(const struct pair *pair);

/* status is one of those that say "this is not what was sent", whatever this provider calls it. */
bool is_broken(troth_status status);

/* A failure that ends a context: neither success nor misuse. */
bool is_final(troth_status status);

/* Every further call on the context returns the same failure. */
void assert_sticky(troth_context *context, troth_status status);

void assert_contains(const char *text, const char *part);

/* Runs work on each of count arguments of the given size, in as many threads at once (under valgrind in turn). False: a
 * thread did not start. */
bool run_in_threads(void (*work)(void *argument), void *arguments, size_t size, size_t count);

/* Threads hold whole conversations with these two at once, each of them often. */
void assert_threads_share(troth_credential *initiator, troth_credential *acceptor);

/* The themes. */
int run_handshake_tests(void);
int run_token_tests(void);
int run_message_tests(void);
int run_part_tests(void);
int run_binding_tests(void);
int run_policy_tests(void);
int run_peer_tests(void);
int run_session_tests(void);
int run_delegation_tests(void);
int run_memory_tests(void);
int run_proxy_tests(void);
int run_sharing_tests(void);
int run_feature_tests(void);
int run_trace_tests(void);

#endif
