/*
 * stream_peer.h - the other side of a stream under test: the bytes that a peer of the scripted backend sends, made here
 * by hand and by nothing of the library's, and a caller that feeds them in any cuts and writes down all that happens.
 */
#ifndef TROTH_TESTS_UNIT_STREAM_PEER_H
#define TROTH_TESTS_UNIT_STREAM_PEER_H

#include "support.h"

#include "scripted_backend.h"

#define PEER_BYTES 8192u

/* [MS-NNS] 2.2.1. */
#define NNS_DONE 0x14u
#define NNS_ERROR 0x15u
#define NNS_IN_PROGRESS 0x16u

/* gss-sample's message: encrypted, and its MIC wanted. */
#define SAMPLE_MESSAGE 0xE4u

/* Bytes one after the other. */
struct peer_bytes {
    uint8_t data[PEER_BYTES];
    size_t length;
};

void peer_put(struct peer_bytes *bytes, const void *data, size_t length);

/* A frame of the handshake; flags also stand for the type of a NegotiateStream record. */
void peer_put_token(struct peer_bytes *bytes, troth_framing framing, uint32_t flags, const void *token, size_t length);

/* A message as the scripted backend protects it, in its frame. */
void peer_put_message(struct peer_bytes *bytes, troth_framing framing, const void *plain, size_t length);

/* The usual whole handshake of the peer of a stream in this role: what it sends. */
extern const struct scripted_step peer_steps_initiator[2];
extern const struct scripted_step peer_steps_acceptor[1];
#define PEER_FIRST "the first token"
#define PEER_SECOND "the second"
void peer_put_handshake(struct peer_bytes *bytes, troth_framing framing, troth_role stream_role);

/* A stream with its script; free it with peer_close, which checks that nothing is left. */
struct peer_stream {
    struct scripted script;
    troth_stream *stream;
};
void peer_open(struct peer_stream *it, troth_role role, const troth_stream_options *options,
               const troth_context_options *context_options);
void peer_close(struct peer_stream *it);

/* What came of a conversation. */
struct peer_record {
    struct peer_bytes sent; /* by the stream */
    struct peer_bytes data; /* what it delivered; in message mode with the length before each, one byte */
    size_t steps;
    size_t unencrypted;  /* messages that it delivered and that were not */
    troth_status status; /* the first that was not TROTH_OK */
    uint32_t state;      /* in the end */
    size_t taken;
    troth_stream_end_kind end;
};

/* Feeds a part and does all that is due; sends and consumes at most so many bytes at a time (0: all). */
void peer_feed(struct peer_stream *it, bool messages, const uint8_t *bytes, size_t length, size_t portion,
               struct peer_record *record);

/* After all: the transport's end, when at_end says so, and the last bytes of the record. */
void peer_finish(struct peer_stream *it, bool at_end, struct peer_record *record);

/* The handshake, as the script has it; what the stream sent is dropped. */
void peer_handshake(struct peer_stream *it, troth_framing framing, troth_role role);

/* All that is pending is taken, into bytes if not NULL. */
void peer_take(troth_stream *stream, struct peer_bytes *bytes);

troth_stream_options peer_options(troth_framing framing, troth_stream_mode mode);

#endif
