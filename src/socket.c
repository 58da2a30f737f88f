/* socket.c - frames over a connected socket, and the whole handshake over one. */
#include <string.h>

#include "context.h"
#include "error.h"
#include "framing.h"
#include "portability.h"

/* A peer that announces much gets memory for what it sends: this at first, then as much again as has come. */
#define FIRST_ROOM 16384u

#define OPENING (TROTH_FRAME_NOOP | TROTH_FRAME_CONTEXT_NEXT)
#define ALL_FLAGS 0xFFu

/* One public call's use of a socket. */
struct wire {
    troth_socket socket;
    troth_framing framing;
    size_t limit;
    int64_t budget; /* milliseconds of waiting that are left, or TROTH__FOREVER */
    int timeout;    /* what the budget was, for the text */
};

/* A frame being received into memory of ours. */
struct inbox {
    uint8_t *data;
    size_t length;
    size_t capacity;
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
    wire->framing = options->framing;
    wire->limit = options->frame_limit != 0 ? options->frame_limit : TROTH_DEFAULT_FRAME_LIMIT;
    if (wire->limit > UINT32_MAX)
        wire->limit = UINT32_MAX; /* what a header can say */
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

/* Sends a frame, behind an opening frame when opened. */
static troth_status send_frame(struct wire *wire, bool opening, uint32_t flags, troth__bytes data, troth_error *error)
{
    uint8_t head[2 * TROTH__FRAME_HEADER_MAX];
    size_t head_length = 0;
    int native_error = 0;
    int64_t begun = 0;
    int64_t deadline = 0;
    enum troth__io io;

    if (data.length > wire->limit)
        return troth__error_set(error, TROTH_E_FRAME, "a frame of %zu bytes is over the limit of %zu; nothing was sent",
                                data.length, wire->limit);
    if (opening) {
        troth__frame_header_encode(wire->framing, OPENING, 0, head);
        head_length = troth__frame_header_size(wire->framing);
    }
    troth__frame_header_encode(wire->framing, flags, data.length, head + head_length);
    head_length += troth__frame_header_size(wire->framing);

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

/* A length over the limit: most often the two ends use different framings, so say what the bytes would be in others. */
static troth_status too_long(const struct wire *wire, uint32_t length, const uint8_t *header, troth_error *error)
{
    uint32_t other_flags = 0;
    uint32_t other = 0;

    troth__error_set(error, TROTH_E_FRAME, "the peer announced a frame of %lu bytes, and the limit is %zu",
                     (unsigned long)length, wire->limit);
    if (wire->framing == TROTH_FRAMING_GSS_SAMPLE)
        return error->status;
    if (wire->framing == TROTH_FRAMING_BE32 && header[0] == OPENING && header[1] == 0 && header[2] == 0) {
        troth__error_hint(error, "these bytes open a gss-sample conversation: is that the peer's framing?");
        return error->status;
    }
    troth__frame_header_decode(wire->framing == TROTH_FRAMING_BE32 ? TROTH_FRAMING_LE32 : TROTH_FRAMING_BE32, header,
                               &other_flags, &other);
    if (other <= wire->limit)
        troth__error_hint(error, "in the other byte order it would be %lu: does the peer use %s framing?",
                          (unsigned long)other, wire->framing == TROTH_FRAMING_BE32 ? "le32" : "be32");
    else
        troth__error_hint(error, "the peer speaks another protocol, another framing, or has tokens that need a larger "
                                 "frame limit");
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
    return *length > wire->limit ? too_long(wire, *length, header, error) : TROTH_OK;
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
    status = send_frame(&wire, false, flags, (troth__bytes){data, length}, error);
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

/* ---- the handshake -------------------------------------------------------------------------------------------- */

/* Makes room for more of a frame of total bytes, in proportion to what has come of it. */
static bool inbox_grow(struct inbox *inbox, size_t total)
{
    size_t capacity = inbox->length < FIRST_ROOM ? FIRST_ROOM : 2 * inbox->length;
    uint8_t *data = NULL;

    if (capacity > total)
        capacity = total;
    if (capacity <= inbox->capacity)
        return true;
    data = troth__alloc(capacity);
    if (data == NULL)
        return false;
    if (inbox->length > 0)
        memcpy(data, inbox->data, inbox->length);
    troth__free(inbox->data);
    inbox->data = data;
    inbox->capacity = capacity;
    return true;
}

/* Receives the whole of a frame's data, total bytes. */
static troth_status inbox_fill(struct inbox *inbox, struct wire *wire, size_t total, troth_error *error)
{
    inbox->length = 0;
    while (inbox->length < total) {
        size_t received = 0;
        size_t part = 0;
        troth_status status;

        if (!inbox_grow(inbox, total))
            return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a token of %zu bytes", total);
        part = (total < inbox->capacity ? total : inbox->capacity) - inbox->length;
        status = read_part(wire, inbox->data + inbox->length, part, inbox->length, total, "data", &received, error);
        inbox->length += received;
        if (status != TROTH_OK)
            return status;
    }
    return TROTH_OK;
}

/* "waiting for the peer's token over the socket: ..." and what to do about it. */
static troth_status receive_failed(troth_status status, troth_error *error)
{
    troth__error_prefix(error, "waiting for the peer's token over the socket: ");
    if (status == TROTH_E_CLOSED)
        troth__error_hint(error, "the peer broke the handshake off; its own log says why");
    else if (status == TROTH_E_TIMEOUT)
        troth__error_hint(error, "the peer is slow or waits for something itself (a KDC, or for us: do both ends use "
                                 "the same framing?)");
    return status;
}

/* Receives a gss-sample conversation's first frame, which has no token in it. */
static troth_status receive_opening(struct wire *wire, troth_error *error)
{
    uint32_t flags = 0;
    uint32_t length = 0;
    size_t received = 0;
    troth_status status = receive_header(wire, &flags, &length, &received, error);

    if (status == TROTH_OK && ((flags & TROTH_FRAME_NOOP) == 0 || length > 0))
        status =
            troth__error_set(error, TROTH_E_FRAME,
                             "a gss-sample conversation opens with an empty frame of flags 0x11, and the peer sent "
                             "%lu bytes of flags 0x%02lx",
                             (unsigned long)length, (unsigned long)flags);
    else if (status == TROTH_OK && (flags & TROTH_FRAME_CONTEXT_NEXT) == 0) {
        status = troth__error_set(error, TROTH_E_REQUIREMENT,
                                  "the peer wants to talk without authenticating itself (it opened with flags 0x%02lx)",
                                  (unsigned long)flags);
        troth__error_hint(error, "gss-client does so when it is started with -na");
        return status;
    }
    return status == TROTH_OK ? status : receive_failed(status, error);
}

static troth_status receive_token(struct wire *wire, struct inbox *inbox, troth_error *error)
{
    uint32_t flags = 0;
    uint32_t length = 0;
    size_t received = 0;
    troth_status status = receive_header(wire, &flags, &length, &received, error);

    if (status == TROTH_OK && wire->framing == TROTH_FRAMING_GSS_SAMPLE && (flags & TROTH_FRAME_CONTEXT) == 0)
        status = troth__error_set(error, TROTH_E_FRAME, "a token's frame has the flag 0x02, and the peer's has 0x%02lx",
                                  (unsigned long)flags);
    if (status == TROTH_OK)
        status = inbox_fill(inbox, wire, length, error);
    return status == TROTH_OK ? status : receive_failed(status, error);
}

static troth_status send_token(struct wire *wire, bool opening, troth__bytes token, troth_error *error)
{
    uint32_t flags = wire->framing == TROTH_FRAMING_GSS_SAMPLE ? TROTH_FRAME_CONTEXT : 0;
    troth_status status = send_frame(wire, opening, flags, token, error);

    if (status == TROTH_OK)
        return status;
    troth__error_prefix(error, "sending our token over the socket: ");
    if (status == TROTH_E_CLOSED)
        troth__error_hint(error, "the peer broke the handshake off; its own log says why");
    return status;
}

/* The rounds of step, send and receive. in is the peer's first token in an acceptor, otherwise empty. */
static troth_status converse(troth_context *context, struct wire *wire, struct inbox *inbox, troth_error *error)
{
    bool opening = wire->framing == TROTH_FRAMING_GSS_SAMPLE && troth__context_role(context) == TROTH_INITIATOR;
    troth_status status;

    for (;;) {
        troth_error unsaid = TROTH_ERROR_INIT;
        troth_status sent = TROTH_OK;
        troth__bytes out = {NULL, 0};
        const void *token = NULL;

        status = troth_context_step(context, inbox->length > 0 ? inbox->data : NULL, inbox->length, &token, &out.length,
                                    error);
        out.data = token;
        if (out.length > 0) {
            /* Why the step failed matters more than that the peer could not be told. */
            bool failing = status != TROTH_OK && status != TROTH_CONTINUE;

            sent = send_token(wire, opening, out, failing ? &unsaid : error);
            if (sent != TROTH_OK && !failing)
                return sent;
            opening = false;
        }
        if (status != TROTH_CONTINUE)
            return status;
        status = receive_token(wire, inbox, error);
        if (status != TROTH_OK)
            return status;
    }
}

troth_status troth_authenticate(troth_context *context, troth_socket socket, const troth_socket_options *options,
                                troth_error *error)
{
    struct wire wire;
    struct inbox inbox = {NULL, 0, 0};
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "authenticating needs a context");
    status = wire_open(&wire, socket, options, error);
    if (status != TROTH_OK)
        return status;
    if (!troth__context_fresh(context))
        return troth__error_set(error, TROTH_E_STATE, "this context was stepped before; a handshake needs a new one");

    if (wire.framing == TROTH_FRAMING_BE32)
        troth__context_require(context, TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION);
    if (troth__context_role(context) == TROTH_ACCEPTOR) {
        if (wire.framing == TROTH_FRAMING_GSS_SAMPLE)
            status = receive_opening(&wire, error);
        if (status == TROTH_OK)
            status = receive_token(&wire, &inbox, error);
        /* A step would call an acceptor without a token our own misuse, and it is the peer's doing. */
        if (status == TROTH_OK && inbox.length == 0)
            status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the peer's first token is empty");
    }
    if (status == TROTH_OK)
        status = converse(context, &wire, &inbox, error);
    troth__free(inbox.data);
    return status;
}
