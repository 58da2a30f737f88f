/*
 * fuzz_stream.c - fuzz target: any bytes as what a peer sends to a stream, in each framing, role and mode, in cuts by
 * chance and all at once, which must come to the same. Under it lies a backend that obeys the tokens it is given.
 */
#include "fuzz.h"

#include <string.h>

#include "backend.h"
#include "error.h"
#include "troth/stream.h"

#define INPUT_MAX 20000u
#define HEADER 4u
#define MIC 4u
#define LIMIT 300u

/* ---- the backend ---------------------------------------------------------------------------------------------- */

static int legs;
static int objects;

static troth_status no(troth_status status, troth_error *error)
{
    return troth__error_set(error, status, "the fuzz says so");
}

static troth_status credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                       void **credential, troth_error *error)
{
    (void)self;
    (void)config;
    (void)error;
    objects++;
    *credential = &objects;
    return TROTH_OK;
}

static troth_status context_new(void *credential, const struct troth__context_config *config, void **context,
                                troth_error *error)
{
    (void)credential;
    (void)config;
    (void)error;
    objects++;
    legs = 0;
    *context = &objects;
    return TROTH_OK;
}

static void object_free(void *object)
{
    if (object != NULL)
        objects--;
}

/* The first byte of a token says what comes of it. */
static troth_status step(void *context, troth__bytes in, troth__bytes *out, troth_error *error)
{
    static const uint8_t token[] = "Ctoken";

    (void)context;
    legs++;
    *out = (troth__bytes){NULL, 0};
    if (in.length == 0) {
        *out = (troth__bytes){token, sizeof token};
        return TROTH_CONTINUE;
    }
    switch (in.data[0]) {
    case 'K':
        return TROTH_OK;
    case 'T':
        *out = (troth__bytes){token, sizeof token};
        return TROTH_OK;
    case 'C':
        *out = (troth__bytes){token, sizeof token};
        return TROTH_CONTINUE;
    case 'F':
        *out = (troth__bytes){token, sizeof token};
        return no(TROTH_E_CLOCK_SKEW, error);
    default:
        return no(TROTH_E_BAD_TOKEN, error);
    }
}

static troth_status attributes(void *context, struct troth__attributes *told, troth_error *error)
{
    (void)context;
    (void)error;
    *told = (struct troth__attributes){
        .mechanism = TROTH_MECHANISM_KERBEROS,
        .mechanism_name = "Kerberos",
        .properties = TROTH_DEFAULT_REQUESTED,
        .bindings = TROTH_BINDING_ABSENT,
        .expiry = TROTH_NEVER,
        .wrap_header = HEADER,
        .wrap_overhead = HEADER,
        .mic_size = MIC,
    };
    return TROTH_OK;
}

static troth_status name(void *context, char **text, troth_error *error)
{
    (void)context;
    *text = NULL;
    return no(TROTH_E_UNAVAILABLE, error);
}

static troth_status wrap(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                         size_t capacity, size_t *length, troth_error *error)
{
    (void)context;
    *length = data.length + HEADER;
    if (capacity < *length)
        return no(TROTH_E_BUFFER_TOO_SMALL, error);
    if (data.length > 0)
        memmove(output + HEADER, data.data, data.length);
    memset(output, 'W', HEADER);
    output[1] = (uint8_t)protection;
    return TROTH_OK;
}

static troth_status unwrap(void *context, uint8_t *message, size_t length, troth__bytes *data,
                           troth_protection *protection, troth_error *error)
{
    (void)context;
    if (length < HEADER || message[0] != 'W')
        return no(TROTH_E_ALTERED, error);
    *protection = message[1] == 1 ? TROTH_PROTECT_INTEGRITY : TROTH_PROTECT_CONFIDENTIALITY;
    *data = (troth__bytes){message + HEADER, length - HEADER};
    return TROTH_OK;
}

static troth_status get_mic(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *length,
                            troth_error *error)
{
    (void)context;
    (void)data;
    *length = MIC;
    if (capacity < MIC)
        return no(TROTH_E_BUFFER_TOO_SMALL, error);
    memcpy(mic, "MIC!", MIC);
    return TROTH_OK;
}

static troth_status verify_mic(void *context, troth__bytes data, troth__bytes mic, troth_error *error)
{
    (void)context;
    (void)data;
    return mic.length == MIC && memcmp(mic.data, "MIC!", MIC) == 0 ? TROTH_OK : no(TROTH_E_ALTERED, error);
}

static const troth__backend backend = {
    .name = "fuzz",
    .native = &objects,
    .credential_acquire = credential_acquire,
    .credential_free = object_free,
    .context_new = context_new,
    .context_free = object_free,
    .step = step,
    .attributes = attributes,
    .peer_name = name,
    .target_name = name,
    .wrap = wrap,
    .unwrap = unwrap,
    .get_mic = get_mic,
    .verify_mic = verify_mic,
};

/* ---- the caller ----------------------------------------------------------------------------------------------- */

struct seen {
    uint64_t sent; /* a hash of the bytes, and of the next one the boundaries too */
    uint64_t data;
    troth_status status;
    uint32_t state;
    troth_stream_end_kind end;
    size_t taken;
    int legs;
};

static void mix(uint64_t *hash, const void *data, size_t length)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < length; i++)
        *hash = (*hash ^ bytes[i]) * UINT64_C(0x100000001B3);
}

static uint32_t chance_state;

static size_t chance(size_t below)
{
    chance_state = chance_state * 1103515245u + 12345u;
    return (chance_state >> 16) % below;
}

static troth_stream *stream_of(uint8_t choice)
{
    const troth_role role = (choice & 4) != 0 ? TROTH_ACCEPTOR : TROTH_INITIATOR;
    troth_stream_options options = TROTH_STREAM_OPTIONS_INIT;
    troth_context_options context_options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_stream *stream = NULL;

    options.framing = (troth_framing)(choice & 3);
    options.mode = (choice & 8) != 0 ? TROTH_STREAM_BYTES : TROTH_STREAM_MESSAGES;
    options.frame_limit = (choice & 16) != 0 ? LIMIT : 0;
    if ((choice & 32) != 0) {
        options.flags = TROTH_STREAM_TAKE_PLAIN;
        context_options.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    }
    if (role == TROTH_INITIATOR) {
        context_options.target.service = "fuzz";
        context_options.target.host = "host";
    }
    FUZZ_CHECK(troth__credential_acquire(&backend, role, NULL, &credential, NULL) == TROTH_OK);
    FUZZ_CHECK(troth_context_new(credential, &context_options, &context, NULL) == TROTH_OK);
    troth_credential_free(credential);
    FUZZ_CHECK(troth_stream_new(context, &options, &stream, NULL) == TROTH_OK);
    return stream;
}

static void note(struct seen *seen, troth_status status)
{
    if (seen->status == TROTH_OK)
        seen->status = status;
}

/* All that is due. In the messages' order, whatever the cuts. */
static void serve(troth_stream *stream, uint8_t choice, struct seen *seen)
{
    for (;;) {
        const uint32_t state = troth_stream_state(stream);
        const void *data = NULL;
        size_t length = 0;

        FUZZ_CHECK((troth_stream_wanted(stream) > 0) == ((state & TROTH_STREAM_WANT_READ) != 0));
        FUZZ_CHECK((state & TROTH_STREAM_FAILED) == 0 ||
                   (state & ~(TROTH_STREAM_FAILED | TROTH_STREAM_WANT_WRITE)) == 0);
        if ((state & TROTH_STREAM_WANT_WRITE) != 0) {
            troth_stream_pending(stream, &data, &length);
            FUZZ_CHECK(length > 0 && length <= LIMIT);
            mix(&seen->sent, data, length);
            troth_stream_sent(stream, length);
        } else if ((state & TROTH_STREAM_DATA) != 0) {
            troth_protection protection = TROTH_PROTECTION_UNSET;

            FUZZ_CHECK(troth_stream_peek(stream, &data, &length, &protection, NULL) == TROTH_OK);
            FUZZ_CHECK(protection == TROTH_PROTECT_CONFIDENTIALITY || (choice & 32) != 0);
            mix(&seen->data, data, length);
            if ((choice & 8) == 0)
                mix(&seen->data, &length, sizeof length);
            troth_stream_consume(stream, length);
        } else if ((state & TROTH_STREAM_STEP_DUE) != 0) {
            note(seen, troth_stream_step(stream, NULL));
            if ((troth_stream_state(stream) & TROTH_STREAM_READY) != 0) {
                /* Something to be answered, for gss-sample. */
                const troth_status status = troth_stream_send(stream, "hi", 2, &length, NULL);

                FUZZ_CHECK(status == TROTH_OK || status == TROTH_E_UNSUPPORTED);
            }
        } else {
            return;
        }
    }
}

static struct seen converse(uint8_t choice, const uint8_t *data, size_t size, int cut)
{
    troth_stream *stream = stream_of(choice);
    struct seen seen;

    memset(&seen, 0, sizeof seen);
    serve(stream, choice, &seen);
    while (size > 0 && (troth_stream_state(stream) & TROTH_STREAM_WANT_READ) != 0) {
        const size_t part = cut ? 1 + chance(chance(4) == 0 ? size : size < 7 ? size : 7) : size;
        /* Of its own, so that reading past it is seen. */
        uint8_t *block = malloc(part);
        troth_error error = TROTH_ERROR_INIT;
        troth_status status;
        size_t taken = SIZE_MAX;

        FUZZ_CHECK(block != NULL);
        memcpy(block, data, part);
        status = troth_stream_feed(stream, block, part, &taken, &error);
        free(block);
        FUZZ_CHECK(taken <= part && error.status == status && (taken > 0 || status != TROTH_OK));
        FUZZ_CHECK(status != TROTH_E_STATE && status != TROTH_E_ARGUMENT && status != TROTH_E_MEMORY);
        note(&seen, status);
        seen.taken += taken;
        data += taken;
        size -= taken;
        serve(stream, choice, &seen);
    }
    note(&seen, troth_stream_feed_end(stream, NULL));
    serve(stream, choice, &seen);
    seen.state = troth_stream_state(stream);
    seen.end = troth_stream_end_of_peer(stream);
    seen.legs = legs;
    FUZZ_CHECK((seen.state & (TROTH_STREAM_FAILED | TROTH_STREAM_ENDED)) != 0);
    FUZZ_CHECK(((seen.state & TROTH_STREAM_FAILED) != 0) == (seen.status != TROTH_OK));
    troth_stream_free(stream);
    FUZZ_CHECK(objects == 0);
    return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole, cut;

    if (size < 2 || size > INPUT_MAX)
        return 0;
    chance_state = data[1];
    whole = converse(data[0], data + 2, size - 2, 0);
    cut = converse(data[0], data + 2, size - 2, 1);
    FUZZ_CHECK(whole.sent == cut.sent && whole.data == cut.data && whole.status == cut.status);
    FUZZ_CHECK(whole.state == cut.state && whole.end == cut.end && whole.taken == cut.taken && whole.legs == cut.legs);
    return 0;
}
