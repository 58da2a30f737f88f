/* socket.c - frames over a connected socket, and the whole handshake over one. */
#include <string.h>

#include "context.h"
#include "error.h"
#include "framing.h"
#include "portability.h"
#include "stream.h"

#define ALL_FLAGS 0xFFu

/* One public call's use of a socket. */
struct wire {
    troth_socket socket;
    troth_framing framing;
    size_t limit;      /* of a frame that is taken */
    size_t send_limit; /* of one that is sent */
    int64_t budget;    /* milliseconds of waiting that are left, or TROTH__FOREVER */
    int timeout;       /* what the budget was, for the text */
};

/* ---- one frame ------------------------------------------------------------------------------------------------ */

static troth_status wire_open(struct wire *wire, troth_socket socket, const troth_socket_options *options,
                              troth_error *error)
{
    static const troth_socket_options defaults = TROTH_SOCKET_OPTIONS_INIT;

    if (options == NULL)
        options = &defaults;
    if (options->size < sizeof *options)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the socket options have no size; begin them with TROTH_SOCKET_OPTIONS_INIT");
    if (!troth__framing_known(options->framing))
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown framing %d", (int)options->framing);
    if (options->timeout < TROTH_NO_TIMEOUT)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a timeout of %d ms", options->timeout);

    wire->socket = socket;
    wire->framing = troth__framing_of_messages(options->framing);
    wire->limit = troth__framing_limit(options->framing, true, options->frame_limit);
    wire->send_limit = troth__framing_send_limit(options->framing, true, options->frame_limit);
    wire->timeout = options->timeout != 0 ? options->timeout : TROTH_DEFAULT_TIMEOUT;
    wire->budget = wire->timeout == TROTH_NO_TIMEOUT ? TROTH__FOREVER : wire->timeout;
    return TROTH_OK;
}

/* Begins a wait: *begun for wire_waited, and the deadline for troth__socket_... */
static int64_t wire_deadline(const struct wire *wire, int64_t *begun)
{
    *begun = troth__monotonic_ms();
    return wire->budget == TROTH__FOREVER ? TROTH__FOREVER : *begun + wire->budget;
}

static void wire_waited(struct wire *wire, int64_t begun)
{
    int64_t spent = 0;

    if (wire->budget == TROTH__FOREVER)
        return;
    spent = troth__monotonic_ms() - begun;
    wire->budget = spent < wire->budget ? wire->budget - spent : 0;
}

/* The status and the text of a socket call that did not go well; the caller says before and behind what it was. */
static troth_status io_error(const struct wire *wire, enum troth__io io, int native_error, troth_error *error)
{
    char text[256];

    switch (io) {
    case TROTH__IO_CLOSED:
        return troth__error_set(error, TROTH_E_CLOSED, "the peer closed the connection");
    case TROTH__IO_TIMEOUT:
        return troth__error_set(error, TROTH_E_TIMEOUT, "the timeout of %d ms ended", wire->timeout);
    default:
        return troth__error_set(error, TROTH_E_IO, "the socket failed: %s (%d)",
                                troth__socket_error_text(native_error, text, sizeof text), native_error);
    }
}

/* Sends a frame. */
static troth_status send_frame(struct wire *wire, uint32_t flags, troth__bytes data, troth_error *error)
{
    uint8_t head[TROTH__FRAME_HEADER_MAX];
    size_t head_length = 0;
    int native_error = 0;
    int64_t begun = 0;
    int64_t deadline = 0;
    enum troth__io io;

    if (data.length > wire->send_limit)
        return troth__error_set(error, TROTH_E_FRAME, "a frame of %zu bytes is over the limit of %zu; nothing was sent",
                                data.length, wire->send_limit);
    troth__frame_header_encode(wire->framing, flags, data.length, head);
    head_length = troth__frame_header_size(wire->framing);

    deadline = wire_deadline(wire, &begun);
    io = troth__socket_write(wire->socket, (troth__bytes){head, head_length}, data, deadline, &native_error);
    wire_waited(wire, begun);
    if (io == TROTH__IO_OK)
        return TROTH_OK;
    io_error(wire, io, native_error, error);
    if (io == TROTH__IO_TIMEOUT)
        troth__error_append(error, " before the peer took a frame of %zu bytes", data.length);
    return error->status;
}

/* Reads length bytes; *received counts what came. what is "header" or "data", for the text. */
static troth_status read_part(struct wire *wire, uint8_t *buffer, size_t length, size_t before, size_t total,
                              const char *what, size_t *received, troth_error *error)
{
    int native_error = 0;
    int64_t begun = 0;
    int64_t deadline = wire_deadline(wire, &begun);
    enum troth__io io = troth__socket_read(wire->socket, buffer, length, deadline, received, &native_error);

    wire_waited(wire, begun);
    if (io == TROTH__IO_OK)
        return TROTH_OK;
    io_error(wire, io, native_error, error);
    troth__error_append(error, " after %zu of %zu %s bytes", before + *received, total, what);
    return error->status;
}

/* Receives and checks a header. *received counts its bytes that came. */
static troth_status receive_header(struct wire *wire, uint32_t *flags, uint32_t *length, size_t *received,
                                   troth_error *error)
{
    uint8_t header[TROTH__FRAME_HEADER_MAX] = {0};
    size_t size = troth__frame_header_size(wire->framing);
    troth_status status = read_part(wire, header, size, 0, size, "header", received, error);

    if (status != TROTH_OK)
        return status;
    troth__frame_header_decode(wire->framing, header, flags, length);
    if (wire->framing == TROTH_FRAMING_GSS_SAMPLE && *flags == 0) {
        troth__error_set(error, TROTH_E_FRAME, "the peer sent a frame without a flag");
        troth__error_hint(error, "the gss-sample framing has one flag byte first: does the peer use be32 framing?");
        return TROTH_E_FRAME;
    }
    if (*length > wire->limit)
        return troth__frame_too_long(wire->framing, header, *length, wire->limit, error);
    return TROTH_OK;
}

/* ---- frames for the caller ------------------------------------------------------------------------------------ */

troth_status troth_frame_send(troth_socket socket, const troth_socket_options *options, uint32_t flags,
                              const void *data, size_t length, troth_error *error)
{
    struct wire wire;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    status = wire_open(&wire, socket, options, error);
    if (status != TROTH_OK)
        return status;
    if (data == NULL && length > 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a frame of %zu bytes without the bytes", length);
    if (wire.framing != TROTH_FRAMING_GSS_SAMPLE && flags != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "only gss-sample frames have flags");
    if (wire.framing == TROTH_FRAMING_GSS_SAMPLE && (flags == 0 || (flags & ~ALL_FLAGS) != 0))
        return troth__error_set(error, TROTH_E_ARGUMENT, "0x%lx is no flag byte of a gss-sample frame",
                                (unsigned long)flags);
    status = send_frame(&wire, flags, (troth__bytes){data, length}, error);
    if (status != TROTH_OK)
        troth__error_prefix(error, "sending a frame over the socket: ");
    return status;
}

troth_status troth_frame_receive(troth_socket socket, const troth_socket_options *options, uint32_t *flags,
                                 void *buffer, size_t capacity, size_t *length, troth_error *error)
{
    struct wire wire;
    troth_error scratch;
    troth_status status;
    uint32_t frame_flags = 0;
    uint32_t frame_length = 0;
    size_t received = 0;

    error = troth__error_begin(error, &scratch);
    if (flags != NULL)
        *flags = 0;
    if (length == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "no room for the length of the frame");
    *length = 0;
    if (buffer == NULL && capacity > 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a capacity without a buffer");
    status = wire_open(&wire, socket, options, error);
    if (status != TROTH_OK)
        return status;

    status = receive_header(&wire, &frame_flags, &frame_length, &received, error);
    if (status == TROTH_E_CLOSED && received == 0) {
        return troth__error_set(error, TROTH_E_CLOSED,
                                "receiving a frame over the socket: the peer closed the connection between two frames");
    }
    if (status == TROTH_E_CLOSED)
        *length = received;
    if (status == TROTH_OK && frame_length > capacity) {
        *length = frame_length;
        status = troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the frame has %lu bytes, and the buffer %zu",
                                  (unsigned long)frame_length, capacity);
    } else if (status == TROTH_OK && frame_length > 0) {
        status = read_part(&wire, buffer, frame_length, 0, frame_length, "data", &received, error);
        if (status == TROTH_E_CLOSED)
            *length = troth__frame_header_size(wire.framing) + received;
    }
    if (status != TROTH_OK) {
        troth__error_prefix(error, "receiving a frame over the socket: ");
        return status;
    }
    *length = frame_length;
    if (flags != NULL)
        *flags = frame_flags;
    return TROTH_OK;
}

/* ---- a stream over a socket ----------------------------------------------------------------------------------- */

/* Sends all that is pending. */
static troth_status flush(struct wire *wire, troth_stream *stream, troth_error *error)
{
    const void *data = NULL;
    size_t length = 0;
    int native_error = 0;
    int64_t begun = 0;
    int64_t deadline = 0;
    enum troth__io io;

    troth_stream_pending(stream, &data, &length);
    if (length == 0)
        return TROTH_OK;
    deadline = wire_deadline(wire, &begun);
    io = troth__socket_write(wire->socket, (troth__bytes){data, length}, (troth__bytes){NULL, 0}, deadline,
                             &native_error);
    wire_waited(wire, begun);
    if (io == TROTH__IO_OK) {
        troth_stream_sent(stream, length);
        return TROTH_OK;
    }
    io_error(wire, io, native_error, error);
    if (io == TROTH__IO_TIMEOUT)
        troth__error_append(error, " before the peer took %zu bytes", length);
    troth__error_prefix(error, "sending to the peer over the socket: ");
    if (io == TROTH__IO_CLOSED)
        troth__error_hint(error, "the peer broke off; its own log says why");
    return error->status;
}

/* Reads the next part of a frame and feeds it: never more, since what follows may not be the stream's. */
static troth_status fill(struct wire *wire, troth_stream *stream, troth_error *error)
{
    uint8_t part[4096];
    size_t wanted = troth_stream_wanted(stream);
    size_t received = 0, taken = 0;
    int native_error = 0;
    int64_t begun = 0;
    int64_t deadline = wire_deadline(wire, &begun);
    troth_status status = TROTH_OK;
    enum troth__io io = troth__socket_read(wire->socket, part, wanted < sizeof part ? wanted : sizeof part, deadline,
                                           &received, &native_error);

    wire_waited(wire, begun);
    if (received > 0)
        status = troth_stream_feed(stream, part, received, &taken, error);
    troth__wipe(part, sizeof part);
    if (status == TROTH_OK && io == TROTH__IO_CLOSED)
        status = troth_stream_feed_end(stream, error);
    else if (status == TROTH_OK && io != TROTH__IO_OK) {
        status = io_error(wire, io, native_error, error);
        troth__stream_tell_progress(stream, error);
    }
    if (status == TROTH_OK)
        return TROTH_OK;
    troth__error_prefix(error, "waiting for the peer over the socket: ");
    if (status == TROTH_E_TIMEOUT)
        troth__error_hint(error, "the peer is slow or waits for something itself (a KDC, or for us: do both ends use "
                                 "the same framing?)");
    return status;
}

static troth_status run(struct wire *wire, troth_stream *stream, uint32_t until, troth_error *error)
{
    troth_error unsaid = TROTH_ERROR_INIT; /* why a step failed matters more than that the peer cannot be told */
    troth_status status;

    for (;;) {
        uint32_t due;

        status = flush(wire, stream, error);
        if (status != TROTH_OK)
            return status;
        due = troth_stream_state(stream);
        if ((due & TROTH_STREAM_FAILED) != 0)
            return troth__stream_failed(stream, error);
        if (until == 0 || (due & until) != 0)
            return TROTH_OK;
        if ((due & TROTH_STREAM_STEP_DUE) != 0)
            status = troth_stream_step(stream, error);
        else if ((due & TROTH_STREAM_WANT_READ) != 0)
            status = fill(wire, stream, error);
        else if ((due & TROTH_STREAM_ENDED) != 0)
            status = troth__error_set(error, TROTH_E_CLOSED, "the peer's side of the stream is at its end");
        else
            status = troth__error_set(error, TROTH_E_STATE, "data waits, and something else was awaited");
        if (status != TROTH_OK) {
            flush(wire, stream, &unsaid);
            return status;
        }
    }
}

troth_status troth_stream_run(troth_stream *stream, troth_socket socket, uint32_t until, int timeout,
                              troth_error *error)
{
    troth_socket_options options = TROTH_SOCKET_OPTIONS_INIT;
    struct wire wire;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (stream == NULL || (until & ~(TROTH_STREAM_READY | TROTH_STREAM_DATA | TROTH_STREAM_ENDED)) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a stream is needed, and what to wait for: TROTH_STREAM_READY, _DATA or _ENDED");
    options.timeout = timeout;
    status = wire_open(&wire, socket, &options, error);
    return status == TROTH_OK ? run(&wire, stream, until, error) : status;
}

troth_status troth_authenticate(troth_context *context, troth_socket socket, const troth_socket_options *options,
                                troth_error *error)
{
    troth_stream_options how = TROTH_STREAM_OPTIONS_INIT;
    troth_stream *stream = NULL;
    struct wire wire;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "authenticating needs a context");
    status = wire_open(&wire, socket, options, error);
    if (status != TROTH_OK)
        return status;
    if (options != NULL) {
        how.framing = options->framing;
        how.frame_limit = options->frame_limit;
    }
    status = troth__stream_borrow(context, &how, &stream, error);
    if (status == TROTH_OK)
        status = run(&wire, stream, TROTH_STREAM_READY, error);
    troth_stream_free(stream);
    return status;
}
