/* error.h - building a troth_error: never allocates, never fails, cuts at a character and keeps the hint. */
#ifndef TROTH_SRC_ERROR_H
#define TROTH_SRC_ERROR_H

#include "troth/troth.h"

#if defined(__clang__)
#define TROTH__PRINTF(string, first) __attribute__((format(__printf__, string, first)))
#elif defined(__GNUC__)
#define TROTH__PRINTF(string, first) __attribute__((format(__gnu_printf__, string, first)))
#else
#define TROTH__PRINTF(string, first)
#endif

/*
 * Begins a public call: gives back the caller's error, emptied, or scratch in its place when the caller gave none (or
 * one whose size says that it is not a troth_error). Cheap: the text is not cleared, only ended.
 */
troth_error *troth__error_begin(troth_error *caller, troth_error *scratch);

/* Sets status and text (replacing both, native codes kept) and returns the status. */
troth_status troth__error_set(troth_error *error, troth_status status, const char *format, ...) TROTH__PRINTF(3, 4);

/* Sets the native codes. */
void troth__error_native(troth_error *error, uint32_t major, uint32_t minor);

/* Adds to the end of the text. Bytes below space become spaces. */
void troth__error_append(troth_error *error, const char *format, ...) TROTH__PRINTF(2, 3);

/*
 * Puts text before what stands there ("initiating to http@www (Negotiate): ..."). What no longer fits is cut from
 * the end.
 */
void troth__error_prefix(troth_error *error, const char *format, ...) TROTH__PRINTF(2, 3);

/* Adds ". Hint: " and the text; cuts what stands before it so that the hint is whole. Call it last, once. */
void troth__error_hint(troth_error *error, const char *format, ...) TROTH__PRINTF(2, 3);

#endif
