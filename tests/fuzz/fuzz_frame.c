/* fuzz_frame.c - fuzz target: any bytes as what a peer sends on a socket, in each framing. */
#define _POSIX_C_SOURCE 200809L

#include "fuzz.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "framing.h"

/* What the kernel takes at once on a pair of sockets, so that one thread can be both ends. */
#define INPUT_MAX 60000u
#define CAPACITY 512u

/* The first byte chooses the framing and the limit; the rest is the wire. */
static troth_socket_options options_of(uint8_t choice)
{
    troth_socket_options options = TROTH_SOCKET_OPTIONS_INIT;
    options.framing = (troth_framing)(choice % 3);
    options.frame_limit = (choice & 0x40) ? 64 : (choice & 0x80) ? CAPACITY : 0;
    options.timeout = 10000;
    return options;
}

/* What a header says is what an encoded one says again. */
static void check_header(troth_framing framing, const uint8_t *data, size_t size)
{
    uint8_t header[TROTH__FRAME_HEADER_MAX] = {0};
    uint8_t again[TROTH__FRAME_HEADER_MAX] = {0};
    uint32_t flags = 0xFFFFFFFFu;
    uint32_t length = 0;
    size_t header_size = troth__frame_header_size(framing);

    FUZZ_CHECK(troth__framing_known(framing) && header_size > 0 && header_size <= sizeof(header));
    memcpy(header, data, size < header_size ? size : header_size);
    troth__frame_header_decode(framing, header, &flags, &length);
    troth__frame_header_encode(framing, flags, length, again);
    FUZZ_CHECK(memcmp(header, again, header_size) == 0);
}

/* Receives one frame. Returns whether another may follow. */
static int receive_one(int reader, const troth_socket_options *options, uint8_t *buffer)
{
    troth_error error = TROTH_ERROR_INIT;
    uint32_t flags = 0xFFFFFFFFu;
    size_t length = SIZE_MAX;
    size_t limit = options->frame_limit ? options->frame_limit : TROTH_DEFAULT_FRAME_LIMIT;
    troth_status status = troth_frame_receive((troth_socket)reader, options, &flags, buffer, CAPACITY, &length, &error);

    switch (status) {
    case TROTH_OK:
        FUZZ_CHECK(length <= CAPACITY && length <= limit);
        FUZZ_CHECK(options->framing == TROTH_FRAMING_GSS_SAMPLE || flags == 0);
        return 1;
    case TROTH_E_BUFFER_TOO_SMALL:
        FUZZ_CHECK(length > CAPACITY && length <= limit);
        break;
    case TROTH_E_CLOSED:
    case TROTH_E_FRAME:
        break;
    default:
        fprintf(stderr, "%s: %s\n", troth_status_name(status), error.text);
        abort();
    }
    FUZZ_CHECK(error.status == status && memchr(error.text, 0, sizeof(error.text)) != NULL && error.text[0] != '\0');
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];

    if (size == 0 || size > INPUT_MAX) {
        return 0;
    }
    troth_socket_options options = options_of(data[0]);
    data++;
    size--;
    check_header(options.framing, data, size);

    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    FUZZ_CHECK(size == 0 || send(pair[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    close(pair[0]);
    /* Of its own, so that writing past the capacity is seen. */
    uint8_t *buffer = malloc(CAPACITY);
    FUZZ_CHECK(buffer != NULL);
    while (receive_one(pair[1], &options, buffer)) {
    }
    free(buffer);
    close(pair[1]);
    return 0;
}
