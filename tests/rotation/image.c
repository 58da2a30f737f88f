/* image.c - reads /proc/self/mem mapping by mapping, and compares under the mask. */
#define _DEFAULT_SOURCE

#include "image.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct image_secret image_hide(const uint8_t *bytes, size_t length)
{
    struct image_secret secret = {.length = length};

    assert_true(length <= sizeof secret.mask);
    assert_int_equal(getentropy(secret.mask, sizeof secret.mask), 0);
    for (size_t i = 0; i < length; i++)
        secret.masked[i] = bytes[i] ^ secret.mask[i];
    return secret;
}

void image_wipe_stack(void)
{
    volatile uint8_t stack[65536];

    for (size_t i = 0; i < sizeof stack; i++)
        stack[i] = 0;
}

static unsigned count_in(const uint8_t *memory, size_t size, const struct image_secret *secret)
{
    unsigned count = 0;

    for (size_t i = 0; i + secret->length <= size; i++) {
        size_t j = 0;

        while (j < secret->length && (memory[i + j] ^ secret->mask[j]) == secret->masked[j])
            j++;
        count += j == secret->length;
    }
    return count;
}

/* AddressSanitizer's map of what may be touched: terabytes, and nothing of the program in it. */
#define SHADOW_LEAST (1ul << 36)

unsigned image_count(const struct image_secret *secret)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY);
    static uint8_t piece[1u << 16];
    unsigned count = 0;
    char line[512];

    assert_non_null(maps);
    assert_true(memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin, end;
        char rights[5];

        if (sscanf(line, "%lx-%lx %4s", &begin, &end, rights) != 3 || rights[0] != 'r' || rights[1] != 'w' ||
            end - begin >= SHADOW_LEAST)
            continue;
        while (begin < end) {
            const size_t wanted = end - begin < sizeof piece ? end - begin : sizeof piece;
            ssize_t got;

            if (begin >= (unsigned long)(uintptr_t)piece - wanted &&
                begin < (unsigned long)(uintptr_t)piece + sizeof piece) { /* not in its own mirror */
                begin = (unsigned long)(uintptr_t)piece + sizeof piece;
                continue;
            }
            got = pread(memory, piece, wanted, (off_t)begin);
            if (got < (ssize_t)secret->length)
                break;
            count += count_in(piece, (size_t)got, secret);
            /* The next piece overlaps: a secret may lie across the border. */
            begin += (size_t)got == wanted && begin + wanted < end ? wanted - secret->length + 1 : end - begin;
        }
    }
    memset(piece, 0, sizeof piece);
    close(memory);
    fclose(maps);
    return count;
}
