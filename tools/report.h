/*
 * report.h - what the tool prints: the lines about a conversation on stdout, errors on stderr. Each call is one write
 * and is flushed, so that threads do not interleave and a pipe sees it at once.
 */
#ifndef TROTH_TOOLS_REPORT_H
#define TROTH_TOOLS_REPORT_H

#include <stdbool.h>

#include "troth/troth.h"

/* "troth: WHO: TEXT" on stderr, escaped. who may be NULL. */
void report_error(const char *who, const char *format, ...)
#if defined(__clang__)
    __attribute__((format(__printf__, 2, 3)))
#elif defined(__GNUC__)
    __attribute__((format(__gnu_printf__, 2, 3)))
#endif
    ;

/* The same for an error of the library, with the status's name, under which docs/errors.md has it. */
void report_failure(const char *who, const troth_error *error);

/* For credential options: each event of a trace as a line "trace: ..." on stderr, escaped. user is not looked at. */
void report_trace(void *user, const troth_trace_event *event);

/* "LABEL: " and the bytes, escaped, on stdout. Returns TROTH_OK or TROTH_E_IO. */
troth_status report_line(const char *label, const void *bytes, size_t length, troth_error *error);

/*
 * The lines peer, mechanism, properties, bindings (only with_bindings) and expires of a completed context, after
 * "HEADING" as a line where it is not NULL. Returns TROTH_OK; what the library said of the peer's name, other than that
 * it cannot tell; TROTH_E_IO.
 */
troth_status report_context(const char *heading, troth_context *context, bool with_bindings, troth_error *error);

#endif
