/* framing.h - the bytes in front of a frame: encoding and decoding of the three headers. */
#ifndef TROTH_SRC_FRAMING_H
#define TROTH_SRC_FRAMING_H

#include <stdbool.h>

#include "troth/stream.h"

#define TROTH__FRAME_HEADER_MAX 5

/* The framing is one of the known ones. */
bool troth__framing_known(troth_framing framing);

/* How many bytes its header has. */
size_t troth__frame_header_size(troth_framing framing);

/* Writes the header. flags are gss-sample's; length is at most 0xFFFFFFFF (the caller has checked its limit). */
void troth__frame_header_encode(troth_framing framing, uint32_t flags, size_t length,
                                uint8_t header[TROTH__FRAME_HEADER_MAX]);

/* Reads a whole header. flags is 0 for framings without them. */
void troth__frame_header_decode(troth_framing framing, const uint8_t header[TROTH__FRAME_HEADER_MAX], uint32_t *flags,
                                uint32_t *length);

#endif
