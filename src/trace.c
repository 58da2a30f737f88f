/* trace.c - what a credential's trace is told: events are put together here, and nothing secret goes into one. */
#include "trace.h"

#include "name.h"
#include "token.h"

static const char *const token_names[] = {
    [TROTH__TOKEN_UNKNOWN] = "unknown",
    [TROTH__TOKEN_KERBEROS] = "kerberos",
    [TROTH__TOKEN_SPNEGO_INIT] = "spnego-init",
    [TROTH__TOKEN_SPNEGO_RESPONSE] = "spnego-response",
    [TROTH__TOKEN_NTLM] = "ntlm",
};

/* Fills in what every event has, and gives it to the trace. */
static void tell(const struct troth__credential_config *own, const struct troth__context_config *context,
                 troth_trace_event *event)
{
    const bool target = context != NULL && own->role == TROTH_INITIATOR;
    char name[TROTH__NAME_SHOWN];

    event->size = sizeof *event;
    event->role = own->role;
    event->conversation = context;
    event->subject = troth__name_show(target ? &context->target : &own->name, "", name, sizeof name);
    own->trace(own->trace_user, event);
}

void troth__trace_native(const struct troth__credential_config *own, const struct troth__context_config *context,
                         const char *call, troth_status status, uint32_t major, uint32_t minor, size_t input_length,
                         size_t output_length)
{
    troth_trace_event event = {.kind = TROTH_TRACE_NATIVE,
                               .call = call,
                               .status = status,
                               .native_major = major,
                               .native_minor = minor,
                               .input_length = input_length,
                               .output_length = output_length};

    tell(own, context, &event);
}

void troth__trace_token(const struct troth__credential_config *own, const struct troth__context_config *context,
                        troth_trace_kind kind, unsigned leg, troth__bytes token)
{
    const bool in = kind == TROTH_TRACE_TOKEN_IN;
    troth_trace_event event = {
        .kind = kind, .leg = leg, .input_length = in ? token.length : 0, .output_length = in ? 0 : token.length};
    struct troth__token_facts facts;

    troth__token_inspect(token, &facts);
    event.token = token_names[facts.kind];
    tell(own, context, &event);
}

void troth__trace_verified(const struct troth__credential_config *own, const struct troth__context_config *context,
                           const struct troth__attributes *attributes)
{
    troth_trace_event event = {
        .kind = TROTH_TRACE_VERIFIED, .mechanism = attributes->mechanism, .properties = attributes->properties};

    tell(own, context, &event);
}

void troth__trace_refused(const struct troth__credential_config *own, const struct troth__context_config *context,
                          const troth_error *error)
{
    troth_trace_event event = {.kind = TROTH_TRACE_REFUSED,
                               .status = error->status,
                               .native_major = error->native_major,
                               .native_minor = error->native_minor,
                               .text = error->text};

    tell(own, context, &event);
}
