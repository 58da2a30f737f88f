/* framing.c - encodes and decodes the header in front of a frame. */
#include "framing.h"

#include "error.h"

bool troth__framing_known(troth_framing framing)
{
    return framing == TROTH_FRAMING_BE32 || framing == TROTH_FRAMING_LE32 || framing == TROTH_FRAMING_GSS_SAMPLE ||
           framing == TROTH_FRAMING_NEGOTIATE_STREAM;
}

troth_framing troth__framing_of_messages(troth_framing framing)
{
    return framing == TROTH_FRAMING_NEGOTIATE_STREAM ? TROTH_FRAMING_LE32 : framing;
}

size_t troth__framing_limit(troth_framing framing, bool messages, size_t limit)
{
    size_t most = UINT32_MAX; /* what a header can say */

    if (framing == TROTH_FRAMING_NEGOTIATE_STREAM)
        most = messages ? TROTH__NNS_TAKEN_LIMIT : UINT16_MAX;
    if (limit == 0)
        limit = TROTH_DEFAULT_FRAME_LIMIT;
    return limit < most ? limit : most;
}

size_t troth__framing_send_limit(troth_framing framing, bool messages, size_t limit)
{
    limit = troth__framing_limit(framing, messages, limit);
    if (framing == TROTH_FRAMING_NEGOTIATE_STREAM && messages && limit > TROTH__NNS_DATA_LIMIT)
        limit = TROTH__NNS_DATA_LIMIT;
    return limit;
}

size_t troth__frame_header_size(troth_framing framing)
{
    return framing == TROTH_FRAMING_GSS_SAMPLE || framing == TROTH_FRAMING_NEGOTIATE_STREAM ? 5 : 4;
}

void troth__frame_header_encode(troth_framing framing, uint32_t flags, size_t length,
                                uint8_t header[TROTH__FRAME_HEADER_MAX])
{
    uint32_t value = (uint32_t)length;

    if (framing == TROTH_FRAMING_NEGOTIATE_STREAM) {
        header[0] = (uint8_t)flags;
        header[1] = 1; /* the version, 1.0 */
        header[2] = 0;
        header[3] = (uint8_t)(value >> 8);
        header[4] = (uint8_t)value;
        return;
    }
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
    if (framing == TROTH_FRAMING_NEGOTIATE_STREAM) {
        /* The version between is ignored ([MS-NNS] 3.1.5.2). */
        *flags = header[0];
        *length = (uint32_t)header[3] << 8 | header[4];
        return;
    }
    if (framing == TROTH_FRAMING_GSS_SAMPLE)
        *flags = *header++;
    for (unsigned i = 0; i < 4; i++) {
        unsigned shift = 8 * (framing == TROTH_FRAMING_LE32 ? i : 3 - i);

        *length |= (uint32_t)header[i] << shift;
    }
}

troth_status troth__frame_too_long(troth_framing framing, const uint8_t header[TROTH__FRAME_HEADER_MAX], size_t length,
                                   size_t limit, troth_error *error)
{
    const troth_framing swapped = framing == TROTH_FRAMING_BE32 ? TROTH_FRAMING_LE32 : TROTH_FRAMING_BE32;
    uint32_t flags = 0, other = 0;

    troth__error_set(error, TROTH_E_FRAME, "the peer announced a frame of %zu bytes, and the limit is %zu", length,
                     limit);
    if (framing != TROTH_FRAMING_BE32 && framing != TROTH_FRAMING_LE32)
        return error->status;
    troth__frame_header_decode(swapped, header, &flags, &other);
    if (framing == TROTH_FRAMING_BE32 && header[0] == TROTH__SAMPLE_OPENING && header[1] == 0 && header[2] == 0)
        troth__error_hint(error, "these bytes open a gss-sample conversation: is that the peer's framing?");
    else if (header[0] == TROTH__NNS_IN_PROGRESS && header[1] == 1 && header[2] == 0)
        troth__error_hint(error, "these bytes open a .NET NegotiateStream: is that the peer's framing?");
    else if (other <= limit)
        troth__error_hint(error, "in the other byte order it would be %lu: does the peer use %s framing?",
                          (unsigned long)other, framing == TROTH_FRAMING_BE32 ? "le32" : "be32");
    else
        troth__error_hint(error, "the peer speaks another protocol, another framing, or has tokens that need a larger "
                                 "frame limit");
    return error->status;
}
