/* speed_messages.c - messages sealed and opened by the batch, in each way that there is. */
#define _DEFAULT_SOURCE

#include <gssapi/gssapi_ext.h>
#include <stdint.h>
#include <string.h>

#include "speed.h"

#define ROUNDS 9

/* How a message is protected, and opened again. */
enum way { RAW, RAW_IN_PLACE, TROTH_IN_PLACE, TROTH_COPYING, WAYS };

#define OVERHEAD 256

struct batch {
    struct side *from, *to;
    unsigned count;
    size_t size, header;
    unsigned char *plain, *room; /* count times size + OVERHEAD */
    size_t *lengths;
    gss_buffer_desc *sealed;
};

/* The parts of a message in place, with room for all. */
static void raw_parts(const struct side *any, gss_iov_buffer_desc parts[4], unsigned char *room, size_t size)
{
    OM_uint32 minor;

    memset(parts, 0, 4 * sizeof parts[0]);
    parts[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    parts[1].type = GSS_IOV_BUFFER_TYPE_DATA;
    parts[2].type = GSS_IOV_BUFFER_TYPE_PADDING;
    parts[3].type = GSS_IOV_BUFFER_TYPE_TRAILER;
    parts[1].buffer.length = size;
    need(gss_wrap_iov_length(&minor, any->raw, 1, 0, NULL, parts, 4) == GSS_S_COMPLETE, "gss_wrap_iov_length");
    for (int i = 0; i < 4; i++) {
        parts[i].buffer.value = room;
        room += parts[i].buffer.length;
    }
}

static void seal(enum way way, struct batch *batch, unsigned i)
{
    unsigned char *room = batch->room + i * (batch->size + OVERHEAD);
    gss_buffer_desc plain = {batch->size, batch->plain};
    gss_iov_buffer_desc parts[4];
    OM_uint32 minor;

    switch (way) {
    case RAW:
        need(gss_wrap(&minor, batch->from->raw, 1, 0, &plain, NULL, &batch->sealed[i]) == GSS_S_COMPLETE, "gss_wrap");
        break;
    case RAW_IN_PLACE:
        raw_parts(batch->from, parts, room, batch->size);
        need(gss_wrap_iov(&minor, batch->from->raw, 1, 0, NULL, parts, 4) == GSS_S_COMPLETE, "gss_wrap_iov");
        batch->lengths[i] = 0;
        for (int part = 0; part < 4; part++)
            batch->lengths[i] += parts[part].buffer.length;
        break;
    default:
        need(troth_wrap(batch->from->troth, TROTH_PROTECT_CONFIDENTIALITY,
                        way == TROTH_IN_PLACE ? room + batch->header : batch->plain, batch->size, room,
                        batch->size + OVERHEAD, &batch->lengths[i], NULL) == TROTH_OK,
             "troth_wrap");
    }
}

static void unseal(enum way way, struct batch *batch, unsigned i)
{
    unsigned char *room = batch->room + i * (batch->size + OVERHEAD);
    gss_buffer_desc opened = GSS_C_EMPTY_BUFFER;
    gss_iov_buffer_desc parts[2];
    OM_uint32 minor;
    size_t got = 0;
    void *data = NULL;

    switch (way) {
    case RAW:
        need(gss_unwrap(&minor, batch->to->raw, &batch->sealed[i], &opened, NULL, NULL) == GSS_S_COMPLETE,
             "gss_unwrap");
        gss_release_buffer(&minor, &opened);
        gss_release_buffer(&minor, &batch->sealed[i]);
        break;
    case RAW_IN_PLACE:
        memset(parts, 0, sizeof parts);
        parts[0].type = GSS_IOV_BUFFER_TYPE_STREAM;
        parts[0].buffer.value = room;
        parts[0].buffer.length = batch->lengths[i];
        parts[1].type = GSS_IOV_BUFFER_TYPE_DATA;
        need(gss_unwrap_iov(&minor, batch->to->raw, NULL, NULL, parts, 2) == GSS_S_COMPLETE, "gss_unwrap_iov");
        break;
    default:
        need(troth_unwrap(batch->to->troth, room, batch->lengths[i], &data, &got, NULL, NULL) == TROTH_OK &&
                 got == batch->size,
             "troth_unwrap");
    }
}

void message_header(void)
{
    printf(
        "| MB/s of the processor's time, best of %d: wrap, unwrap | gss_wrap | gss_wrap_iov in place | Troth in place "
        "| Troth from elsewhere |\n|---|---|---|---|---|\n",
        ROUNDS);
}

/* The most bytes per microsecond of the processor's time. */
void message_row(struct side ends[2][2], size_t size)
{
    struct batch batch = {.count = (unsigned)(4194304 / (size + 1024) + 1), .size = size};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    double best[WAYS][2] = {{0}};

    need(troth_context_info_get(ends[1][0].troth, &info, NULL) == TROTH_OK, "troth_context_info_get");
    batch.header = info.wrap_header;
    batch.plain = calloc(1, size);
    batch.room = calloc(batch.count, size + OVERHEAD);
    batch.lengths = calloc(batch.count, sizeof *batch.lengths);
    batch.sealed = calloc(batch.count, sizeof *batch.sealed);
    need(batch.plain != NULL && batch.room != NULL && batch.lengths != NULL && batch.sealed != NULL, "calloc");
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned way = RAW; way < WAYS; way++) {
            struct spent begin = clock_now();
            double rate[2];

            batch.from = &ends[way >= TROTH_IN_PLACE][0];
            batch.to = &ends[way >= TROTH_IN_PLACE][1];
            for (unsigned i = 0; i < batch.count; i++)
                seal((enum way)way, &batch, i);
            rate[0] = batch.count * (double)size / clock_since(begin).cpu;
            begin = clock_now();
            for (unsigned i = 0; i < batch.count; i++)
                unseal((enum way)way, &batch, i);
            rate[1] = batch.count * (double)size / clock_since(begin).cpu;
            for (unsigned k = 0; k < 2; k++)
                best[way][k] = rate[k] > best[way][k] ? rate[k] : best[way][k];
        }
    }
    printf("| %zu |", size);
    for (unsigned way = RAW; way < WAYS; way++)
        printf(" %.0f, %.0f |", best[way][0], best[way][1]);
    printf("\n");
    fflush(stdout);
    free(batch.plain);
    free(batch.room);
    free(batch.lengths);
    free(batch.sealed);
}
