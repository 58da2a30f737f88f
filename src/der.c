/* der.c - takes DER elements off counted bytes; see der.h. */
#include "der.h"

/* Reads the length after a tag and takes it off. */
static bool take_length(troth__bytes *rest, size_t *length, bool *minimal)
{
    if (rest->length == 0)
        return false;
    uint8_t first = *rest->data++;
    rest->length--;
    if (first < 0x80) {
        *length = first;
        *minimal = true;
        return true;
    }
    size_t count = first & 0x7Fu;
    if (count == 0 || count > 8 || count > rest->length)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 8 | *rest->data++;
    rest->length -= count;
    *minimal = value >= 0x80 && value >> 8 * (count - 1) != 0;
    /* What no memory holds is as good as cut. */
    *length = value > SIZE_MAX ? SIZE_MAX : (size_t)value;
    return true;
}

bool troth__der_next(struct troth__der_walk *walk, struct troth__der_element *element)
{
    if (walk->rest.length == 0)
        return false;
    troth__bytes rest = walk->rest;
    size_t length = 0;
    element->tag = *rest.data++;
    rest.length--;
    /* Tag numbers of 31 and more have another form; none occurs here. */
    if ((element->tag & 0x1Fu) == 0x1Fu || !take_length(&rest, &length, &element->minimal)) {
        *walk->damaged = true;
        walk->rest.length = 0;
        return false;
    }
    element->whole = length <= rest.length;
    if (!element->whole) {
        *walk->damaged = true;
        length = rest.length;
    }
    element->content = (troth__bytes){rest.data, length};
    walk->rest = (troth__bytes){rest.data + length, rest.length - length};
    return true;
}

bool troth__der_only(struct troth__der_walk content, uint8_t tag, struct troth__der_element *element)
{
    if (!troth__der_next(&content, element) || element->tag != tag) {
        *content.damaged = true;
        return false;
    }
    if (content.rest.length != 0)
        *content.damaged = true;
    return true;
}
