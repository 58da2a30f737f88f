/*
 * replay.c - runs a fuzz target without libFuzzer: on every file of a corpus, then on a number of inputs made from
 * them by chance that is the same at every run. Usage: fuzz_TARGET CORPUS-DIRECTORY COUNT
 */
#include "fuzz.h"

#include <dirent.h>
#include <string.h>

#define SEEDS_MAX 256
#define SEED_SIZE_MAX 65536u

struct input {
    uint8_t *data;
    size_t size;
};

static struct input seeds[SEEDS_MAX];
static size_t seed_count;

/* xorshift64*: a start that is fixed, so that a failure comes again. */
static uint64_t chance_state = UINT64_C(0x9E3779B97F4A7C15);

static size_t chance(size_t below)
{
    chance_state ^= chance_state >> 12;
    chance_state ^= chance_state << 25;
    chance_state ^= chance_state >> 27;
    uint64_t value = (chance_state * UINT64_C(0x2545F4914F6CDD1D)) >> 32;
    return below == 0 ? 0 : (size_t)(value % below);
}

/* Runs the target on a copy that ends where its block of memory ends. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *block = size > 0 ? malloc(size) : NULL;
    if (size > 0) {
        FUZZ_CHECK(block != NULL);
        memcpy(block, data, size);
    }
    (void)LLVMFuzzerTestOneInput(block, size);
    free(block);
}

static void load(const char *directory, const char *name)
{
    char path[4096];
    int length = snprintf(path, sizeof(path), "%s/%s", directory, name);
    FUZZ_CHECK(length > 0 && (size_t)length < sizeof(path) && seed_count < SEEDS_MAX);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    struct input *seed = &seeds[seed_count++];
    seed->data = malloc(SEED_SIZE_MAX);
    FUZZ_CHECK(seed->data != NULL);
    seed->size = fread(seed->data, 1, SEED_SIZE_MAX, file);
    fclose(file);
}

static int by_size(const void *one, const void *other)
{
    const struct input *a = one;
    const struct input *b = other;
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    return a->size == 0 ? 0 : memcmp(a->data, b->data, a->size);
}

/* In an order of our own: a directory has none. */
static void load_all(const char *directory)
{
    DIR *listing = opendir(directory);
    if (!listing) {
        perror(directory);
        exit(1);
    }
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        if (entry->d_name[0] != '.') {
            load(directory, entry->d_name);
        }
    }
    closedir(listing);
    qsort(seeds, seed_count, sizeof(seeds[0]), by_size);
}

/* Moves the end of the input: makes room at a place, or takes bytes out there. */
static size_t resize_at(uint8_t *data, size_t size, size_t at, size_t count, int insert)
{
    if (insert) {
        if (count > SEED_SIZE_MAX - size) {
            return size;
        }
        memmove(data + at + count, data + at, size - at);
        return size + count;
    }
    count = count < size - at ? count : size - at;
    memmove(data + at, data + at + count, size - at - count);
    return size - count;
}

static size_t change(uint8_t *data, size_t size)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x04, 0x06, 0x30, 0x60, 0x7E,
                                      0x7F, 0x80, 0x81, 0x84, 0xA0, 0xA1, 0xFF};
    size_t at = chance(size);
    const struct input *other = &seeds[chance(seed_count)];

    if (size == 0) {
        data[0] = telling[chance(sizeof(telling))];
        return 1;
    }
    switch (chance(7)) {
    case 0:
        data[at] = (uint8_t)(data[at] ^ (1u << chance(8)));
        return size;
    case 1:
        data[at] = (uint8_t)chance(256);
        return size;
    case 2:
        data[at] = telling[chance(sizeof(telling))];
        return size;
    case 3:
        return at;
    case 4:
        return resize_at(data, size, at, 1 + chance(16), 0);
    case 5:
        return resize_at(data, size, at, 1 + chance(16), 1);
    default: {
        size_t room = SEED_SIZE_MAX - at;
        size_t from = chance(other->size);
        size_t count = other->size - from < room ? other->size - from : room;
        if (count > 0) {
            memcpy(data + at, other->data + from, count);
        }
        return at + count > size ? at + count : size;
    }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY COUNT\n", argv[0]);
        return 2;
    }
    unsigned long count = strtoul(argv[2], NULL, 10);
    uint8_t *data = malloc(SEED_SIZE_MAX);
    FUZZ_CHECK(data != NULL);

    load_all(argv[1]);
    FUZZ_CHECK(seed_count > 0);
    for (size_t i = 0; i < seed_count; i++) {
        run(seeds[i].data, seeds[i].size);
    }
    for (unsigned long i = 0; i < count; i++) {
        const struct input *seed = &seeds[chance(seed_count)];
        size_t size = seed->size;
        if (size > 0) {
            memcpy(data, seed->data, size);
        }
        for (size_t changes = 1 + chance(6); changes > 0; changes--) {
            size = change(data, size);
        }
        run(data, size);
    }
    printf("%zu files and %lu inputs made from them\n", seed_count, count);
    for (size_t i = 0; i < seed_count; i++) {
        free(seeds[i].data);
    }
    free(data);
    return 0;
}
