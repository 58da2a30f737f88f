/* bytes.h - counted bytes, and the only way that this library takes, gives back and wipes memory. */
#ifndef TROTH_SRC_BYTES_H
#define TROTH_SRC_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* A view: never owns. data may be NULL when length is 0. */
typedef struct troth__bytes {
    const uint8_t *data;
    size_t length;
} troth__bytes;

/* New zeroed memory, or NULL. size above 0. Every allocation of the library comes through here (tests fail each). */
void *troth__alloc(size_t size);

/* Gives memory of troth__alloc back; NULL is allowed. */
void troth__free(void *memory);

/* Overwrites memory in a way that no optimiser leaves out. NULL with 0 is allowed. */
void troth__wipe(void *memory, size_t size);

/* Wipes size bytes, then frees. NULL is allowed. */
void troth__wipe_free(void *memory, size_t size);

/* A new copy of a string, or NULL when memory is out. text is not NULL. */
char *troth__strdup(const char *text);

#endif
