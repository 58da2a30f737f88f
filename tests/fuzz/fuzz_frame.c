/*
 * fuzz_frame.c - fuzz target: any bytes as the header of a frame, in each framing. What the frames then are to a stream
 * is fuzz_stream.c's.
 */
#include "fuzz.h"

#include <string.h>

#include "error.h"
#include "framing.h"

/* What a header says is what an encoded one says again. Returns the length that it announces. */
static uint32_t check_header(troth_framing framing, const uint8_t header[TROTH__FRAME_HEADER_MAX])
{
    uint8_t again[TROTH__FRAME_HEADER_MAX] = {0};
    uint32_t flags = 0xFFFFFFFFu, flags_again = 0xFFFFFFFFu;
    uint32_t length = 0, length_again = 0;
    size_t size = troth__frame_header_size(framing);

    FUZZ_CHECK(troth__framing_known(framing) && size > 0 && size <= TROTH__FRAME_HEADER_MAX);
    troth__frame_header_decode(framing, header, &flags, &length);
    troth__frame_header_encode(framing, flags, length, again);
    troth__frame_header_decode(framing, again, &flags_again, &length_again);
    FUZZ_CHECK(flags == flags_again && length == length_again);
    FUZZ_CHECK(framing != TROTH_FRAMING_BE32 && framing != TROTH_FRAMING_LE32 ? flags <= 0xFF : flags == 0);
    /* NegotiateStream's version is read over, and written as 1.0. */
    FUZZ_CHECK(framing == TROTH_FRAMING_NEGOTIATE_STREAM || memcmp(header, again, size) == 0);
    return length;
}

/* The first byte chooses the framing and the limit; the rest is the wire. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t header[TROTH__FRAME_HEADER_MAX] = {0};
    troth_error error = TROTH_ERROR_INIT;

    if (size == 0) {
        return 0;
    }
    troth_framing framing = (troth_framing)(data[0] % 4);
    size_t limit = (data[0] & 0x40) ? 64 : (data[0] & 0x80) ? 512 : TROTH_DEFAULT_FRAME_LIMIT;
    data++;
    size--;
    memcpy(header, data, size < sizeof header ? size : sizeof header);
    uint32_t length = check_header(framing, header);
    if (length > limit) {
        FUZZ_CHECK(troth__frame_too_long(framing, header, length, limit, &error) == TROTH_E_FRAME);
        FUZZ_CHECK(error.status == TROTH_E_FRAME && memchr(error.text, 0, sizeof error.text) != NULL);
        FUZZ_CHECK(error.text[0] != '\0');
    }
    return 0;
}
