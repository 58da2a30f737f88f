/* socket.c - a stream over a connected socket, and the whole handshake over one. */
#include "context.h"
#include "error.h"
#include "framing.h"
#include "portability.h"
#include "stream.h"

/* One public call's use of a socket. */
struct wire {
    troth_socket socket;
    int64_t budget; /* milliseconds of waiting that are left, or TROTH__FOREVER */
    int timeout;    /* what the budget was, for the text */
};

/* ---- waiting -------------------------------------------------------------------------------------------------- */

static troth_status wire_open(struct wire *wire, troth_socket socket, int timeout, troth_error *error)
{
    if (timeout < TROTH_NO_TIMEOUT)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a timeout of %d ms", timeout);
    wire->socket = socket;
    wire->timeout = timeout != 0 ? timeout : TROTH_DEFAULT_TIMEOUT;
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
    io = troth__socket_write(wire->socket, (troth__bytes){data, length}, deadline, &native_error);
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
    struct wire wire;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (stream == NULL || (until & ~(TROTH_STREAM_READY | TROTH_STREAM_DATA | TROTH_STREAM_ENDED)) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a stream is needed, and what to wait for: TROTH_STREAM_READY, _DATA or _ENDED");
    status = wire_open(&wire, socket, timeout, error);
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
    if (options != NULL && options->size < sizeof *options)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the socket options have no size; begin them with TROTH_SOCKET_OPTIONS_INIT");
    status = wire_open(&wire, socket, options != NULL ? options->timeout : 0, error);
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
