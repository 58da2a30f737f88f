/* stream.c - the stream as an object: making, freeing, what is due, and the steps of its handshake. */
#include "stream.h"

#include <string.h>

#include "context.h"
#include "error.h"

/*
 * What a NegotiateStream peer is told: ERROR_TRUST_FAILURE of a context that lacks what is required ([MS-NNS] 3.1.5.1),
 * and SEC_E_LOGON_DENIED of any other failure. The reason is nobody's business.
 */
#define NNS_LACKING 0x000006FEu
#define NNS_REFUSAL 0x8009030Cu
#define NNS_ERROR_SIZE 8

static void completed(troth_stream *stream);

/* ---- making and freeing --------------------------------------------------------------------------------------- */

static troth_status check_options(const troth_stream_options *options, troth_error *error)
{
    if (options->size < sizeof *options)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the stream options have no size; begin them with TROTH_STREAM_OPTIONS_INIT");
    if (!troth__framing_known(options->framing))
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown framing %d", (int)options->framing);
    if (options->mode != TROTH_STREAM_MESSAGES && options->mode != TROTH_STREAM_BYTES)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown stream mode %d", (int)options->mode);
    if ((options->flags & ~TROTH_STREAM_TAKE_PLAIN) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown stream flags 0x%x", (unsigned)options->flags);
    if (options->protection != TROTH_PROTECTION_UNSET && options->protection != TROTH_PROTECT_INTEGRITY &&
        options->protection != TROTH_PROTECT_CONFIDENTIALITY)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown protection %d", (int)options->protection);
    return TROTH_OK;
}

static void destroy(troth_stream *stream)
{
    if (!stream->borrowed)
        troth_context_free(stream->context);
    troth__stream_release(&stream->in);
    troth__stream_release(&stream->out);
    troth__stream_release(&stream->kept);
    troth__mutex_free(stream->lock);
    troth__free(stream);
}

/* A stream around somebody else's context, at the beginning of its handshake. */
static troth_status make(troth_context *context, const troth_stream_options *options, troth_stream **stream,
                         troth_error *error)
{
    static const troth_stream_options defaults = TROTH_STREAM_OPTIONS_INIT;
    troth_stream *made;
    troth_status status;

    *stream = NULL;
    if (options == NULL)
        options = &defaults;
    status = check_options(options, error);
    if (status != TROTH_OK)
        return status;
    if (options->protection == TROTH_PROTECT_INTEGRITY && (context->config.required & TROTH_CONFIDENTIALITY) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "confidentiality is required of this context, and integrity alone is to be sent");
    made = troth__alloc(sizeof *made);
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a stream");
    made->lock = troth__mutex_new();
    if (made->lock == NULL) {
        troth__free(made);
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a stream");
    }
    made->context = context;
    made->borrowed = true;
    made->acceptor = troth__context_role(context) == TROTH_ACCEPTOR;
    made->bytes = options->mode == TROTH_STREAM_BYTES;
    made->framing = options->framing;
    made->frame_limit = options->frame_limit;
    made->flags = options->flags;
    made->protection = options->protection;
    made->step_due = !made->acceptor;
    made->opened = made->framing != TROTH_FRAMING_GSS_SAMPLE;
    if (made->framing == TROTH_FRAMING_BE32)
        troth__context_require(context, TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION);
    *stream = made;
    return TROTH_OK;
}

troth_status troth__stream_borrow(troth_context *context, const troth_stream_options *options, troth_stream **stream,
                                  troth_error *error)
{
    *stream = NULL;
    if (!troth__context_fresh(context))
        return troth__error_set(error, TROTH_E_STATE, "this context was stepped before; a handshake needs a new one");
    return make(context, options, stream, error);
}

/* A stream that begins with messages: the handshake was made otherwise, or in another process. */
static troth_status make_open(troth_context *context, const troth_stream_options *options, troth_stream **stream,
                              troth_error *error)
{
    const uint32_t detection = TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION;
    troth_status status = troth__context_ready(context, error);

    if (status == TROTH_E_STATE && !context->complete)
        return troth__error_set(error, TROTH_E_STATE, "this context is in the middle of its handshake");
    if (status == TROTH_OK)
        status = make(context, options, stream, error);
    if (status != TROTH_OK)
        return status;
    if ((*stream)->framing == TROTH_FRAMING_BE32 && (context->attributes.properties & detection) != detection) {
        destroy(*stream); /* the context is still the caller's */
        *stream = NULL;
        return troth__error_set(error, TROTH_E_REQUIREMENT,
                                "be32 needs replay and sequence detection, and the context was made without");
    }
    (*stream)->step_due = false;
    (*stream)->opened = true;
    (*stream)->remote_done = true;
    completed(*stream);
    return TROTH_OK;
}

troth_status troth_stream_new(troth_context *context, const troth_stream_options *options, troth_stream **stream,
                              troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (stream != NULL)
        *stream = NULL;
    if (context == NULL || stream == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream needs a context and room for itself");
    status = troth__context_fresh(context) ? make(context, options, stream, error)
                                           : make_open(context, options, stream, error);
    if (status == TROTH_OK)
        (*stream)->borrowed = false;
    return status;
}

void troth_stream_free(troth_stream *stream)
{
    bool now;

    if (stream == NULL)
        return;
    troth__mutex_lock(stream->lock);
    now = !stream->claimed;
    stream->freed = true;
    troth__mutex_unlock(stream->lock);
    if (now)
        destroy(stream);
}

/* ---- failing -------------------------------------------------------------------------------------------------- */

troth_status troth__stream_fail(troth_stream *stream, troth_error *error)
{
    stream->phase = STREAM_FAILED;
    stream->step_due = false;
    stream->data_waits = false;
    stream->failure.status = error->status;
    stream->failure.major = error->native_major;
    stream->failure.minor = error->native_minor;
    troth__stream_frame_done(stream);
    troth__stream_release(&stream->kept);
    return error->status;
}

troth_status troth__stream_failed(const troth_stream *stream, troth_error *error)
{
    troth__error_native(error, stream->failure.major, stream->failure.minor);
    return troth__error_set(error, stream->failure.status, "this stream failed before (%s), and a failure is final",
                            troth_status_name(stream->failure.status));
}

/* ---- what is due ---------------------------------------------------------------------------------------------- */

bool troth__stream_wants_read(const troth_stream *stream)
{
    /* gss-sample: each message makes an answer, and a peer that takes none of them must not make us hold them all. */
    const bool answers_wait = stream->framing == TROTH_FRAMING_GSS_SAMPLE && stream->acceptor &&
                              stream->phase == STREAM_OPEN && stream->out.end > stream->out.begin;

    return stream->phase != STREAM_FAILED && !stream->peer_eof && stream->peer_end == TROTH_END_NONE &&
           !stream->step_due && !stream->data_waits && !answers_wait;
}

uint32_t troth_stream_state(troth_stream *stream)
{
    uint32_t state = 0;
    bool claimed;

    troth__mutex_lock(stream->lock);
    claimed = stream->claimed;
    troth__mutex_unlock(stream->lock);
    if (claimed)
        return TROTH_STREAM_STEPPING;
    if (stream->out.end > stream->out.begin)
        state |= TROTH_STREAM_WANT_WRITE;
    if (stream->phase == STREAM_FAILED)
        return state | TROTH_STREAM_FAILED;
    if (stream->step_due)
        state |= TROTH_STREAM_STEP_DUE;
    if (troth__stream_wants_read(stream))
        state |= TROTH_STREAM_WANT_READ;
    if (stream->phase == STREAM_OPEN)
        state |= TROTH_STREAM_READY;
    if (stream->data_waits)
        state |= TROTH_STREAM_DATA;
    else if (stream->peer_end != TROTH_END_NONE)
        state |= TROTH_STREAM_ENDED;
    return state;
}

troth_context *troth_stream_context(troth_stream *stream)
{
    return stream->context;
}

troth_stream_end_kind troth_stream_end_of_peer(const troth_stream *stream)
{
    return stream->peer_end;
}

void troth_stream_pending(const troth_stream *stream, const void **data, size_t *length)
{
    *length = stream->out.end - stream->out.begin;
    *data = *length > 0 ? stream->out.data + stream->out.begin : NULL;
}

void troth_stream_sent(troth_stream *stream, size_t length)
{
    const size_t pending = stream->out.end - stream->out.begin;

    stream->out.begin += length < pending ? length : pending;
    if (stream->out.begin == stream->out.end)
        troth__stream_release(&stream->out);
}

/* ---- steps ---------------------------------------------------------------------------------------------------- */

troth_status troth_stream_claim_step(troth_stream *stream, troth_error *error)
{
    troth_error scratch;
    bool claimed, due = false;

    error = troth__error_begin(error, &scratch);
    if (stream == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream is needed");
    troth__mutex_lock(stream->lock);
    claimed = stream->claimed;
    if (!claimed && stream->step_due)
        stream->claimed = due = true;
    troth__mutex_unlock(stream->lock);
    if (!due)
        return troth__error_set(error, TROTH_E_STATE, claimed ? "the step is claimed already" : "no step is due");
    return TROTH_OK;
}

/* The handshake is complete on our side. */
static void completed(troth_stream *stream)
{
    const struct troth__kept *known = &stream->context->attributes;

    stream->wrap_overhead = known->wrap_overhead;
    if (stream->protection == TROTH_PROTECTION_UNSET)
        stream->protection =
            (known->properties & TROTH_CONFIDENTIALITY) != 0 ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;
    /* [MS-NNS] 3.1.5.1: an initiator that is complete first waits for the acceptor's word. */
    stream->phase = stream->framing == TROTH_FRAMING_NEGOTIATE_STREAM && !stream->acceptor && !stream->remote_done
                        ? STREAM_WAIT_DONE
                        : STREAM_OPEN;
}

/* NegotiateStream tells every outcome in a record, an acceptor's success even without a token. */
static troth_status queue_nns(troth_stream *stream, troth_status outcome, troth__bytes token, troth_error *error)
{
    const uint32_t code = outcome == TROTH_E_REQUIREMENT ? NNS_LACKING : NNS_REFUSAL;
    uint8_t refusal[NNS_ERROR_SIZE] = {0};

    if (outcome == TROTH_CONTINUE)
        return troth__stream_queue_token(stream, TROTH__NNS_IN_PROGRESS, token, error);
    if (outcome == TROTH_OK) {
        if (token.length == 0 && !stream->acceptor && stream->remote_done)
            return TROTH_OK;
        return troth__stream_queue_token(stream, TROTH__NNS_DONE, token, error);
    }
    for (unsigned i = 0; i < 4; i++)
        refusal[4 + i] = (uint8_t)(code >> (8 * (3 - i)));
    return troth__stream_queue_token(stream, TROTH__NNS_ERROR, (troth__bytes){refusal, sizeof refusal}, error);
}

/* Makes what a step gave pending. */
static troth_status queue_outcome(troth_stream *stream, troth_status outcome, troth__bytes token, troth_error *error)
{
    if (stream->framing == TROTH_FRAMING_NEGOTIATE_STREAM)
        return queue_nns(stream, outcome, token, error);
    if (token.length == 0)
        return TROTH_OK;
    if (!stream->opened) {
        troth_status status = troth__stream_queue_token(stream, TROTH__SAMPLE_OPENING, (troth__bytes){NULL, 0}, error);

        if (status != TROTH_OK)
            return status;
        stream->opened = true;
    }
    return troth__stream_queue_token(stream, stream->framing == TROTH_FRAMING_GSS_SAMPLE ? TROTH_FRAME_CONTEXT : 0,
                                     token, error);
}

static troth_status step(troth_stream *stream, troth_error *error)
{
    troth_error unsaid = TROTH_ERROR_INIT; /* why a step failed matters more than that the peer cannot be told */
    troth__bytes token = {NULL, 0};
    const void *out = NULL;
    troth_status outcome, status;

    stream->step_due = false;
    outcome = troth_context_step(stream->context, stream->in.end > 0 ? stream->in.data : NULL, stream->in.end, &out,
                                 &token.length, error);
    token.data = out;
    troth__stream_frame_done(stream);
    if (outcome == TROTH_CONTINUE && stream->remote_done)
        outcome = troth__error_set(error, TROTH_E_BAD_TOKEN, "the peer says that it is complete, and we are not");
    if (outcome != TROTH_OK && outcome != TROTH_CONTINUE) {
        queue_outcome(stream, outcome, token, &unsaid);
        return troth__stream_fail(stream, error);
    }
    status = queue_outcome(stream, outcome, token, error);
    if (status == TROTH_OK && outcome == TROTH_OK)
        completed(stream);
    if (status != TROTH_OK)
        return troth__stream_fail(stream, error);
    return stream->peer_eof ? troth__stream_at_end(stream, error) : TROTH_OK;
}

/* Gives the step back. True: the stream was freed meanwhile, and is gone. */
static bool unclaim(troth_stream *stream)
{
    bool gone;

    troth__mutex_lock(stream->lock);
    gone = stream->freed;
    stream->claimed = false;
    troth__mutex_unlock(stream->lock);
    if (gone)
        destroy(stream);
    return gone;
}

troth_status troth_stream_step(troth_stream *stream, troth_error *error)
{
    troth_error scratch;
    troth_status status;
    bool gone;

    error = troth__error_begin(error, &scratch);
    if (stream == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a stream is needed");
    troth__mutex_lock(stream->lock);
    gone = stream->freed;
    if (!gone && stream->step_due)
        stream->claimed = true;
    troth__mutex_unlock(stream->lock);
    if (gone) {
        destroy(stream);
        return troth__error_set(error, TROTH_E_STATE, "the stream was freed before its step");
    }
    if (stream->phase == STREAM_FAILED)
        return troth__stream_failed(stream, error);
    if (!stream->step_due)
        return troth__error_set(error, TROTH_E_STATE, "no step is due");
    status = step(stream, error);
    return unclaim(stream) ? troth__error_set(error, TROTH_E_STATE, "the stream was freed during its step") : status;
}
