/* framing.c - encodes and decodes the header in front of a frame. */
#include "framing.h"

bool troth__framing_known(troth_framing framing)
{
    return framing == TROTH_FRAMING_BE32 || framing == TROTH_FRAMING_LE32 || framing == TROTH_FRAMING_GSS_SAMPLE;
}

size_t troth__frame_header_size(troth_framing framing)
{
    return framing == TROTH_FRAMING_GSS_SAMPLE ? 5 : 4;
}

void troth__frame_header_encode(troth_framing framing, uint32_t flags, size_t length,
                                uint8_t header[TROTH__FRAME_HEADER_MAX])
{
    uint32_t value = (uint32_t)length;

    if (framing == TROTH_FRAMING_GSS_SAMPLE)
        *header++ = (uint8_t)flags;
    for (unsigned i = 0; i < 4; i++) {
        unsigned shift = 8 * (framing == TROTH_FRAMING_LE32 ? i : 3 - i);

        header[i] = (uint8_t)(value >> shift);
    }
}

void troth__frame_header_decode(troth_framing framing, const uint8_t header[TROTH__FRAME_HEADER_MAX], uint32_t *flags,
                                uint32_t *length)
{
    *flags = 0;
    *length = 0;
    if (framing == TROTH_FRAMING_GSS_SAMPLE)
        *flags = *header++;
    for (unsigned i = 0; i < 4; i++) {
        unsigned shift = 8 * (framing == TROTH_FRAMING_LE32 ? i : 3 - i);

        *length |= (uint32_t)header[i] << shift;
    }
}
