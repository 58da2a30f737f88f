/* keyfile.h - keytab files made to order: many keys of others, the service's own, under this name or that. */
#ifndef TROTH_TESTS_ROTATION_KEYFILE_H
#define TROTH_TESTS_ROTATION_KEYFILE_H

#include <stddef.h>
#include <stdint.h>

/* One of the realm's services with its newest key, of the one enctype that a ticket for it has. */
struct keyfile_key {
    uint8_t bytes[64];
    size_t length;
    int32_t enctype;
    unsigned kvno;
};

/* Reads the key of "SERVICE/HOST@REALM" with the highest kvno from a keytab; fails the running test when it is not
 * there. */
struct keyfile_key keyfile_read(const char *path, const char *service);

/* Adds a key under a name without realm. */
void keyfile_add(const char *path, const char *name, const struct keyfile_key *key);

/* Adds count random keys under names of their own, each with the kvno and enctype of like. */
void keyfile_add_others(const char *path, unsigned count, const struct keyfile_key *like);

#endif
