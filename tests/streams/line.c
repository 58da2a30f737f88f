/* line.c - two streams and the line between them. */
#include "streams.h"

static uint64_t chance_state = 1;

void chance_reset(uint64_t seed)
{
    chance_state = UINT64_C(0x9E3779B97F4A7C15) ^ (seed * UINT64_C(0x2545F4914F6CDD1D));
}

size_t chance(size_t below)
{
    chance_state ^= chance_state >> 12;
    chance_state ^= chance_state << 25;
    chance_state ^= chance_state >> 27;
    return below == 0 ? 0 : (size_t)(((chance_state * UINT64_C(0x2545F4914F6CDD1D)) >> 32) % below);
}

void pattern(uint8_t *data, size_t length, size_t seed)
{
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)(i * 7 + (i >> 8) * 3 + (i >> 16) + seed + 1);
}

size_t fewer(size_t count)
{
    const size_t some = count / 30;

    return getenv("TROTH_TEST_VALGRIND") == NULL ? count : some > 0 ? some : 1;
}

void flow_put(struct flow *flow, const void *data, size_t length)
{
    if (flow->capacity - flow->length < length) {
        flow->capacity = (flow->length + length) * 2;
        flow->data = realloc(flow->data, flow->capacity);
        assert_non_null(flow->data);
    }
    if (length > 0)
        memcpy(flow->data + flow->length, data, length);
    flow->length += length;
}

void flow_drop(struct flow *flow, size_t length)
{
    flow->length -= length;
    if (flow->length > 0)
        memmove(flow->data, flow->data + length, flow->length);
}

troth_framing way_framing(size_t way)
{
    static const troth_framing framings[] = {TROTH_FRAMING_BE32, TROTH_FRAMING_LE32, TROTH_FRAMING_GSS_SAMPLE,
                                             TROTH_FRAMING_NEGOTIATE_STREAM};

    return framings[way / 2];
}

troth_stream_mode way_mode(size_t way)
{
    return way % 2 == 0 ? TROTH_STREAM_MESSAGES : TROTH_STREAM_BYTES;
}

struct line line_new(size_t way, size_t frame_limit)
{
    static const troth_role roles[] = {TROTH_INITIATOR, TROTH_ACCEPTOR};
    troth_stream_options options = TROTH_STREAM_OPTIONS_INIT;
    struct line line;

    memset(&line, 0, sizeof line);
    line.framing = options.framing = way_framing(way);
    line.mode = options.mode = way_mode(way);
    options.frame_limit = frame_limit;
    for (int end = 0; end < 2; end++) {
        troth_error error = TROTH_ERROR_INIT;

        if (troth_stream_new(context_new(roles[end], under_test, NULL), &options, &line.end[end], &error) != TROTH_OK)
            fail_msg("%s", error.text);
    }
    return line;
}

void line_free(struct line *line)
{
    for (int end = 0; end < 2; end++) {
        troth_stream_free(line->end[end]);
        free(line->to[end].data);
    }
    memset(line, 0, sizeof *line);
}

/* How much of what there is moves at once. */
static size_t cut(const struct line *line, size_t there)
{
    size_t part = there;

    if (line->cuts == CUT_EVERY_BYTE)
        part = 1;
    if (line->cuts == CUT_BY_CHANCE)
        part = 1 + (chance(3) == 0 ? chance(8) : chance(3) == 0 ? chance(2000) : chance(100000));
    return part < there ? part : there;
}

void line_collect(struct line *line, int end, struct flow *flow)
{
    const void *data = NULL;
    size_t length = 0;

    troth_stream_pending(line->end[end], &data, &length);
    flow_put(flow, data, length);
    troth_stream_sent(line->end[end], length);
}

bool line_turn(struct line *line)
{
    bool moved = false;

    for (int end = 0; end < 2; end++) {
        troth_stream *stream = line->end[end];
        struct flow *to = &line->to[end];
        const void *data = NULL;
        size_t length = 0, taken = 0;

        if ((troth_stream_state(stream) & TROTH_STREAM_STEP_DUE) != 0) {
            troth_stream_step(stream, NULL);
            moved = true;
        }
        troth_stream_pending(stream, &data, &length);
        if (length > 0) {
            length = cut(line, length);
            flow_put(&line->to[1 - end], data, length);
            troth_stream_sent(stream, length);
            moved = true;
        }
        if (to->length > 0 && (troth_stream_state(stream) & TROTH_STREAM_WANT_READ) != 0) {
            /* A block of exactly that length, so that reading beyond it is seen. */
            struct token part = token_of(to->data, cut(line, to->length));

            troth_stream_feed(stream, part.data, part.length, &taken, NULL);
            token_free(&part);
            flow_drop(to, taken);
            moved = true;
        }
    }
    return moved;
}

void line_handshake(struct line *line)
{
    while (line_turn(line)) {
    }
    for (int end = 0; end < 2; end++)
        assert_int_equal(troth_stream_state(line->end[end]), TROTH_STREAM_READY | TROTH_STREAM_WANT_READ);
}
