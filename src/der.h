/*
 * der.h - the library's one reader of DER (X.690): takes elements off counted bytes, and trusts no length in them.
 *
 * It reads on where it can and says what it saw, so that each caller decides how strict to be: token.c wants to know
 * what a damaged token looks like to others, certificate.c takes nothing that is not DER through and through.
 */
#ifndef TROTH_SRC_DER_H
#define TROTH_SRC_DER_H

#include <stdbool.h>
#include <string.h>

#include "bytes.h"

/* The tags of the few types that are met here. */
#define TROTH__DER_INTEGER 0x02u
#define TROTH__DER_BIT_STRING 0x03u
#define TROTH__DER_OCTET_STRING 0x04u
#define TROTH__DER_NULL 0x05u
#define TROTH__DER_OID 0x06u
#define TROTH__DER_ENUMERATED 0x0Au
#define TROTH__DER_GENERALIZED_TIME 0x18u
#define TROTH__DER_SEQUENCE 0x30u
#define TROTH__DER_CONTEXT(n) (0xA0u + (n))     /* [n], constructed */
#define TROTH__DER_APPLICATION(n) (0x60u + (n)) /* [APPLICATION n], constructed */

/*
 * Bytes still to be walked. damaged is one flag for the whole walk, also of what is inside: something was cut, or is
 * not an element at all, so that another reader might read it otherwise.
 */
struct troth__der_walk {
    troth__bytes rest;
    bool *damaged;
};

/* One element. A cut one has the bytes that are there, and whole is false. */
struct troth__der_element {
    uint8_t tag;
    bool whole;
    bool minimal; /* its length is written in the fewest bytes, as DER demands (X.690 section 10.1) */
    troth__bytes content;
};

/* The bytes are exactly these. */
static inline bool troth__der_is(troth__bytes bytes, const uint8_t *other, size_t length)
{
    return bytes.length == length && memcmp(bytes.data, other, length) == 0;
}

/*
 * Takes the next element off. False at the end, and where there is none that can be read. Definite lengths only; more
 * bytes for a length than it needs are taken, as other readers do.
 */
bool troth__der_next(struct troth__der_walk *walk, struct troth__der_element *element);

/* A walk through what is inside an element. */
static inline struct troth__der_walk troth__der_into(const struct troth__der_walk *outer,
                                                     const struct troth__der_element *element)
{
    return (struct troth__der_walk){element->content, outer->damaged};
}

/*
 * Reads the one element of this tag that content consists of, as inside every explicit tag. False where there is
 * another one or none; bytes behind it are damage.
 */
bool troth__der_only(struct troth__der_walk content, uint8_t tag, struct troth__der_element *element);

#endif
