/*
 * streams.h - two real streams in memory and the line between them, for the themes of the suite: the line cuts and
 * joins what goes over it by chance that is the same at every run. Only the public API is used, so it holds for any
 * backend.
 */
#ifndef TROTH_TESTS_STREAMS_H
#define TROTH_TESTS_STREAMS_H

#include "contract.h"
#include "troth/stream.h"

/* Bytes that are on their way. */
struct flow {
    uint8_t *data;
    size_t length;
    size_t capacity;
};

void flow_put(struct flow *flow, const void *data, size_t length);
void flow_drop(struct flow *flow, size_t length);

/* How the line cuts: by chance, at every byte, or not at all. */
enum cuts { CUT_BY_CHANCE, CUT_EVERY_BYTE, CUT_NOWHERE };

struct line {
    troth_framing framing;
    troth_stream_mode mode;
    enum cuts cuts;
    troth_stream *end[2]; /* initiator, acceptor */
    struct flow to[2];    /* on its way to that end */
};

/* All ways that a stream is used. */
#define WAYS 8
troth_framing way_framing(size_t way);
troth_stream_mode way_mode(size_t way);

struct line line_new(size_t way, size_t frame_limit);
void line_free(struct line *line);

/* Moves what there is to move, once; false when nothing was. A failure of an end is left for the caller to see. */
bool line_turn(struct line *line);

/* The handshake; fails the test unless both ends are ready. */
void line_handshake(struct line *line);

/* Everything pending at an end leaves it for the flow. */
void line_collect(struct line *line, int end, struct flow *flow);

/* From 0 to below - 1. */
size_t chance(size_t below);
void chance_reset(uint64_t seed);

/* Bytes that tell where they belong. */
void pattern(uint8_t *data, size_t length, size_t seed);

/* Under valgrind: thirty times slower, so thirty times fewer. */
size_t fewer(size_t count);

int run_honest_tests(void);
int run_hostile_tests(void);

#endif
