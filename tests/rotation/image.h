/* image.h - looks for a secret in all of this process's writable memory. */
#ifndef TROTH_TESTS_ROTATION_IMAGE_H
#define TROTH_TESTS_ROTATION_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/* A secret that is not in memory itself. */
struct image_secret {
    uint8_t mask[64];
    uint8_t masked[64];
    size_t length;
};

/* Hides a secret. */
struct image_secret image_hide(const uint8_t *bytes, size_t length);

/* Wipes what functions that have returned left below on the stack. */
void image_wipe_stack(void);

/* How many times it stands in memory now. */
unsigned image_count(const struct image_secret *secret);

#endif
