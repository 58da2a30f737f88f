/* bytes.c - takes, gives back and wipes the library's memory. */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

/* Called through a volatile pointer, memset may have effects as far as an optimiser knows, so it stays. */
static void *(*const volatile wipe_with)(void *, int, size_t) = memset;

void *troth__alloc(size_t size)
{
    return calloc(1, size);
}

void troth__free(void *memory)
{
    free(memory);
}

void troth__wipe(void *memory, size_t size)
{
    if (memory != NULL && size > 0)
        (void)wipe_with(memory, 0, size);
}

void troth__wipe_free(void *memory, size_t size)
{
    troth__wipe(memory, size);
    troth__free(memory);
}

char *troth__strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = troth__alloc(size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}
