/* raw_token.h - how the raw peers' tokens travel: honestly, or as a test asked for. Both APIs' are alike in it. */
#ifndef TROTH_TESTS_INTEROP_RAW_TOKEN_H
#define TROTH_TESTS_INTEROP_RAW_TOKEN_H

#include "raw_options.h"

/* gss-sample's flag bits. */
enum {
    TOKEN_NOOP = 0x01,
    TOKEN_CONTEXT = 0x02,
    TOKEN_DATA = 0x04,
    TOKEN_MIC = 0x08,
    TOKEN_CONTEXT_NEXT = 0x10,
    TOKEN_WRAPPED = 0x20,
    TOKEN_ENCRYPTED = 0x40,
    TOKEN_SEND_MIC = 0x80
};

/* What was received last. */
extern struct frame raw_frame;

/* The beginning of a conversation: what a test asked to happen before any token. Returns an exit code. */
int raw_begin(int fd);

/* The empty frame that opens gss-sample's handshake, sent or received. Returns an exit code. */
int raw_open_sample(int fd);

/* A token to the peer, or what is to go in its place, for which bytes are changed. Returns an exit code. */
int raw_token_send(int fd, unsigned char *bytes, size_t length);

/* The peer's token, into raw_frame. Returns an exit code. */
int raw_token_receive(int fd);

/* Serves or makes the connections that were asked for. Returns the first exit code that is not GOOD. */
int raw_run(int (*converse)(int fd));

#endif
