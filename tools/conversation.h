/*
 * conversation.h - protected messages over a socket after the handshake, in both roles and under every framing.
 *
 * With be32 and le32 a frame is a protected message, and the answer is the same message, protected alike. With
 * gss-sample the frame's flags say how the message is protected, and the answer is a MIC over it or an empty frame.
 */
#ifndef TROTH_TOOLS_CONVERSATION_H
#define TROTH_TOOLS_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "troth/stream.h"

struct conversation {
    troth_context *context; /* completed; not owned */
    troth_socket socket;    /* not owned */
    troth_socket_options receive;
    troth_socket_options send;
    uint32_t required; /* what the messages must have: bits, never 0 for "default" */
    bool confidential; /* the context can encrypt */
    size_t wrap_overhead;
    size_t mic_size;
    uint8_t *buffer; /* one frame and what protection adds to it */
    size_t capacity;
    size_t used; /* how far the buffer has ever been written: what has to be wiped */
};

/*
 * Begins it. socket gives framing, limit and the timeout of sending; idle is the timeout of receiving, in its units.
 * Returns TROTH_OK or TROTH_E_MEMORY. conversation_end may be called in any case.
 */
troth_status conversation_begin(struct conversation *conversation, troth_context *context, troth_socket socket,
                                const troth_socket_options *options, int idle, uint32_t required, troth_error *error);

/* Wipes and frees what it holds. */
void conversation_end(struct conversation *conversation);

/* The acceptor's part: answers every message until the peer ends it. TROTH_OK when it ended between two frames. */
troth_status conversation_serve(struct conversation *conversation, troth_error *error);

/*
 * The initiator's part: sends a message and verifies the answer. TROTH_OK: the echo equals the message, or the MIC
 * over it verifies. A message that fits into no frame is TROTH_E_LIMIT, and nothing was sent.
 */
troth_status conversation_exchange(struct conversation *conversation, const void *message, size_t length,
                                   troth_error *error);

/* The initiator's last word, where the framing has one. */
troth_status conversation_close(struct conversation *conversation, troth_error *error);

#endif
