/* framing.h - the bytes in front of a frame: encoding and decoding of the three headers. */
#ifndef TROTH_SRC_FRAMING_H
#define TROTH_SRC_FRAMING_H

#include <stdbool.h>

#include "troth/stream.h"

#define TROTH__FRAME_HEADER_MAX 5

/* The framing is one of the known ones. */
bool troth__framing_known(troth_framing framing);

/* The flags of the empty frame that opens a gss-sample conversation. */
#define TROTH__SAMPLE_OPENING (TROTH_FRAME_NOOP | TROTH_FRAME_CONTEXT_NEXT)

/* [MS-NNS] 2.2.1: the types of handshake records, which stand where gss-sample has its flags. */
#define TROTH__NNS_DONE 0x14u
#define TROTH__NNS_ERROR 0x15u
#define TROTH__NNS_IN_PROGRESS 0x16u

/*
 * [MS-NNS] 2.2.2: the most that a data frame holds, and how much plaintext .NET puts into one. Kerberos with AES makes
 * 0xFC3C bytes of that much plaintext, which .NET sends in spite of the rule, and it takes frames of up to 64 KiB: so
 * do we, and send none above the rule.
 */
#define TROTH__NNS_DATA_LIMIT 0xFC30u
#define TROTH__NNS_TAKEN_LIMIT 0x10000u
#define TROTH__NNS_PLAINTEXT_LIMIT 0xFC00u

/* The framing of the messages after a handshake in this framing: NegotiateStream changes to le32. */
troth_framing troth__framing_of_messages(troth_framing framing);

/* The most bytes of a frame of a handshake, or of a message, that is taken, where the caller's own limit is limit. */
size_t troth__framing_limit(troth_framing framing, bool messages, size_t limit);

/* The same of one that is sent: never more. */
size_t troth__framing_send_limit(troth_framing framing, bool messages, size_t limit);

/* How many bytes its header has. NegotiateStream's functions here are those of its handshake. */
size_t troth__frame_header_size(troth_framing framing);

/* Writes the header. flags are gss-sample's; length is at most 0xFFFFFFFF (the caller has checked its limit). */
void troth__frame_header_encode(troth_framing framing, uint32_t flags, size_t length,
                                uint8_t header[TROTH__FRAME_HEADER_MAX]);

/* Reads a whole header. flags is 0 for framings without them. */
void troth__frame_header_decode(troth_framing framing, const uint8_t header[TROTH__FRAME_HEADER_MAX], uint32_t *flags,
                                uint32_t *length);

/*
 * A header announces more than the limit: sets error to TROTH_E_FRAME, and says which framing the bytes look like,
 * since most often the two ends use different ones. Returns the status.
 */
troth_status troth__frame_too_long(troth_framing framing, const uint8_t header[TROTH__FRAME_HEADER_MAX], size_t length,
                                   size_t limit, troth_error *error);

#endif
