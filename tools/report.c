/* report.c - what the tool prints: the lines about a conversation on stdout, errors on stderr. */
#include "report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "text.h"

static bool print(FILE *file, struct text *line)
{
    bool ok = !line->failed && (line->length == 0 || fwrite(line->bytes, 1, line->length, file) == line->length);
    ok = fflush(file) == 0 && ok;
    text_free(line);
    return ok;
}

void report_error(const char *who, const char *format, ...)
{
    char message[1536];
    struct text line = TEXT_INIT;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    text_add(&line, "troth: ");
    if (who != NULL) {
        text_add_escaped(&line, who, strlen(who));
        text_add(&line, ": ");
    }
    text_add_escaped(&line, message, strlen(message));
    text_add(&line, "\n");
    if (!print(stderr, &line)) {
        (void)fputs("troth: memory is out\n", stderr);
    }
}

void report_failure(const char *who, const troth_error *error)
{
    report_error(who, "%s [%s]", error->text, troth_status_name(error->status));
}

/* "mutual integrity", or "none". */
static void add_properties(struct text *line, uint32_t properties)
{
    bool any = false;
    for (const struct option_property *next = option_property_words; next->word != NULL; next++) {
        if ((properties & next->bit) != 0) {
            text_add(line, any ? " " : "");
            text_add(line, next->word);
            any = true;
        }
    }
    text_add(line, any ? "" : "none");
}

void report_trace(void *user, const troth_trace_event *event)
{
    char what[256] = "";
    struct text line = TEXT_INIT;
    (void)user;
    text_add(&line, event->role == TROTH_ACCEPTOR ? "trace: acceptor" : "trace: initiator");
    if (event->conversation != NULL) {
        /* Enough to tell conversations apart; addresses are nobody's business. */
        (void)snprintf(what, sizeof what, " #%04x", (unsigned)((uintptr_t)event->conversation >> 4 & 0xFFFFu));
        text_add(&line, what);
    }
    if (event->subject[0] != '\0') {
        text_add(&line, " ");
        text_add_escaped(&line, event->subject, strlen(event->subject));
    }
    text_add(&line, ": ");
    switch (event->kind) {
    case TROTH_TRACE_NATIVE:
        (void)snprintf(what, sizeof what, "%s: %s 0x%08" PRIx32 "/%" PRId32 " (%zu bytes in, %zu out)", event->call,
                       troth_status_name(event->status), event->native_major, (int32_t)event->native_minor,
                       event->input_length, event->output_length);
        break;
    case TROTH_TRACE_TOKEN_IN:
    case TROTH_TRACE_TOKEN_OUT:
        (void)snprintf(what, sizeof what, "leg %u: %s a token (%s, %zu bytes)", event->leg,
                       event->kind == TROTH_TRACE_TOKEN_IN ? "came" : "goes", event->token,
                       event->input_length + event->output_length);
        break;
    case TROTH_TRACE_VERIFIED:
        text_add(&line, "verified: ");
        text_add(&line, event->mechanism == TROTH_MECHANISM_KERBEROS ? "kerberos; " : "another mechanism; ");
        add_properties(&line, event->properties);
        what[0] = '\0';
        break;
    case TROTH_TRACE_REFUSED:
        (void)snprintf(what, sizeof what, "refused [%s]: ", troth_status_name(event->status));
        break;
    case TROTH_TRACE_UNSET:
        what[0] = '\0';
        break;
    }
    text_add_escaped(&line, what, strlen(what));
    if (event->text != NULL) {
        text_add_escaped(&line, event->text, strlen(event->text));
    }
    text_add(&line, "\n");
    (void)print(stderr, &line);
}

static troth_status print_or_fail(struct text *lines, troth_error *error)
{
    if (!print(stdout, lines)) {
        error->status = TROTH_E_IO;
        (void)snprintf(error->text, sizeof error->text, "standard output takes no more, or memory is out");
        return TROTH_E_IO;
    }
    return TROTH_OK;
}

troth_status report_line(const char *label, const void *bytes, size_t length, troth_error *error)
{
    struct text line = TEXT_INIT;
    text_add(&line, label);
    text_add(&line, ": ");
    text_add_escaped(&line, bytes, length);
    text_add(&line, "\n");
    return print_or_fail(&line, error);
}

/*
 * UTC in ISO 8601. The calendar's own arithmetic, counted in years that begin with March, since the C library's gmtime
 * is not safe with threads everywhere.
 */
static void time_text(int64_t seconds, char *buffer, size_t capacity)
{
    int64_t days = seconds / 86400;
    int64_t left = seconds % 86400;
    if (left < 0) {
        left += 86400;
        days--;
    }
    days += 719468; /* from 0000-03-01 to 1970-01-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    (void)snprintf(buffer, capacity, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02dZ", year, (int)month, (int)day,
                   (int)(left / 3600), (int)(left / 60 % 60), (int)(left % 60));
}

static void add_info(struct text *lines, const troth_context_info *info, bool with_bindings)
{
    static const char *const results[] = {"unknown", "bound", "absent", "unknown"};
    char expiry[64];
    text_add(lines, info->mechanism == TROTH_MECHANISM_KERBEROS ? "mechanism: kerberos\n"
                    : info->mechanism == TROTH_MECHANISM_NTLM   ? "mechanism: ntlm\n"
                                                                : "mechanism: negotiate\n");
    text_add(lines, "properties:");
    for (const struct option_property *next = option_property_words; next->word != NULL; next++) {
        if ((info->properties & next->bit) != 0) {
            text_add(lines, " ");
            text_add(lines, next->word);
        }
    }
    text_add(lines, info->properties == 0 ? " none\n" : "\n");
    if (with_bindings) {
        text_add(lines, "bindings: ");
        text_add(lines, results[info->bindings <= TROTH_BINDING_UNKNOWN ? info->bindings : TROTH_BINDING_UNKNOWN]);
        text_add(lines, "\n");
    }
    if (info->expiry == TROTH_NEVER) {
        (void)snprintf(expiry, sizeof expiry, "never");
    } else if (info->expiry == TROTH_UNKNOWN) {
        (void)snprintf(expiry, sizeof expiry, "unknown");
    } else {
        time_text(info->expiry, expiry, sizeof expiry);
    }
    text_add(lines, "expires: ");
    text_add(lines, expiry);
    text_add(lines, "\n");
}

troth_status report_context(const char *heading, troth_context *context, bool with_bindings, troth_error *error)
{
    struct text lines = TEXT_INIT;
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    const char *name = NULL;
    troth_status status = troth_context_info_get(context, &info, error);
    if (status != TROTH_OK) {
        return status;
    }
    if (heading != NULL) {
        text_add(&lines, heading);
        text_add(&lines, "\n");
    }
    text_add(&lines, "peer: ");
    status = troth_context_peer_name(context, &name, error);
    if (status == TROTH_OK) {
        text_add_escaped(&lines, name, strlen(name));
    } else if (status == TROTH_E_UNAVAILABLE) {
        text_add(&lines, "unavailable (provider)");
    } else if (status == TROTH_E_STATE) {
        text_add(&lines, "not authenticated");
    } else {
        text_free(&lines);
        return status;
    }
    text_add(&lines, "\n");
    add_info(&lines, &info, with_bindings);
    return print_or_fail(&lines, error);
}
