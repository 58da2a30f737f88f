/* doctor_report.c - what `troth doctor` found: kept, and printed as text for a person or as JSON for a program. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "text.h"

static const char *const outcome_words[] = {"", "right", "wrong", "not checked"};

static struct doctor_finding *add(struct doctor *doctor, const char *check, enum doctor_outcome outcome)
{
    /* The last place is kept for saying that there was more. */
    size_t at = doctor->count < DOCTOR_FINDINGS ? doctor->count++ : DOCTOR_FINDINGS - 1;
    struct doctor_finding *finding = &doctor->findings[at];
    *finding = (struct doctor_finding){.check = check, .outcome = outcome};
    doctor->wrong += outcome == DOCTOR_WRONG;
    return finding;
}

void doctor_find(struct doctor *doctor, const char *check, enum doctor_outcome outcome, const char *next,
                 const char *format, ...)
{
    struct doctor_finding *finding = add(doctor, check, outcome);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->found, sizeof finding->found, format, arguments);
    va_end(arguments);
    (void)snprintf(finding->next, sizeof finding->next, "%s", next != NULL ? next : "");
}

void doctor_find_error(struct doctor *doctor, const char *check, const troth_error *error)
{
    static const char mark[] = ". Hint: ";
    const char *hint = strstr(error->text, mark);
    size_t length = hint != NULL ? (size_t)(hint - error->text) : strlen(error->text);
    doctor_find(doctor, check, DOCTOR_WRONG,
                hint != NULL ? hint + sizeof mark - 1
                             : "docs/errors.md has this status with its causes; --trace shows the native calls",
                "%.*s [%s]", (int)length, error->text, troth_status_name(error->status));
}

const char *doctor_name(const troth_name *name, const char *instead, char *buffer, size_t capacity)
{
    if (name->principal != NULL) {
        (void)snprintf(buffer, capacity, "%s", name->principal);
    } else if (name->service != NULL) {
        (void)snprintf(buffer, capacity, "%s@%s", name->service, name->host);
    } else {
        (void)snprintf(buffer, capacity, "%s", instead);
    }
    return buffer;
}

/* A JSON string of any bytes: what is not UTF-8 or could command a terminal is escaped as in every line of the tool. */
static void add_json(struct text *out, const char *string)
{
    struct text clean = TEXT_INIT;
    char one[2] = "";
    text_add_escaped(&clean, string, strlen(string));
    text_add(out, "\"");
    for (const char *next = clean.bytes != NULL ? clean.bytes : ""; *next != '\0'; next++) {
        if (*next == '"' || *next == '\\') {
            text_add(out, "\\");
        }
        one[0] = *next;
        text_add(out, one);
    }
    text_add(out, "\"");
    out->failed = out->failed || clean.failed;
    text_free(&clean);
}

static void as_json(const struct doctor *doctor, struct text *out)
{
    text_add(out, "{\n  \"format\": 1,\n  \"backend\": ");
    add_json(out, troth_backend_name());
    text_add(out,
             doctor->wrong == 0 ? ",\n  \"well\": true,\n  \"checks\": [" : ",\n  \"well\": false,\n  \"checks\": [");
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_finding *finding = &doctor->findings[i];
        text_add(out, i == 0 ? "\n    {\"check\": " : ",\n    {\"check\": ");
        add_json(out, finding->check);
        text_add(out, ", \"outcome\": ");
        add_json(out, outcome_words[finding->outcome]);
        text_add(out, ",\n     \"found\": ");
        add_json(out, finding->found);
        text_add(out, ",\n     \"next\": ");
        add_json(out, finding->next);
        text_add(out, "}");
    }
    text_add(out, "\n  ]\n}\n");
}

static void as_text(const struct doctor *doctor, struct text *out)
{
    char line[160];
    size_t unchecked = 0;
    bool first = true;
    for (size_t i = 0; i < doctor->count; i++) {
        const struct doctor_finding *finding = &doctor->findings[i];
        (void)snprintf(line, sizeof line, "%s: %s: ", finding->check, outcome_words[finding->outcome]);
        text_add(out, line);
        text_add_escaped(out, finding->found, strlen(finding->found));
        text_add(out, "\n");
        if (finding->next[0] != '\0') {
            text_add(out, finding->outcome == DOCTOR_WRONG ? "  next: " : "  note: ");
            text_add_escaped(out, finding->next, strlen(finding->next));
            text_add(out, "\n");
        }
    }
    for (size_t i = 0; i < doctor->count; i++) {
        unchecked += doctor->findings[i].outcome == DOCTOR_UNCHECKED;
    }
    if (doctor->wrong == 0) {
        (void)snprintf(line, sizeof line, "nothing is wrong; %zu not checked\n", unchecked);
        text_add(out, unchecked > 0 ? line : "all is well\n");
        return;
    }
    (void)snprintf(line, sizeof line, "%zu wrong; begin with the first: ", doctor->wrong);
    text_add(out, line);
    for (size_t i = 0; i < doctor->count && first; i++) {
        if (doctor->findings[i].outcome == DOCTOR_WRONG) {
            text_add(out, doctor->findings[i].check);
            first = false;
        }
    }
    text_add(out, "\n");
}

bool doctor_print(const struct doctor *doctor, bool json)
{
    struct text out = TEXT_INIT;
    if (json) {
        as_json(doctor, &out);
    } else {
        as_text(doctor, &out);
    }
    bool ok = !out.failed && fwrite(out.bytes, 1, out.length, stdout) == out.length;
    ok = fflush(stdout) == 0 && ok;
    text_free(&out);
    return ok;
}
