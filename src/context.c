/* context.c - one conversation's handshake: the order of calls, what a token may be, and the one way to completion. */
#include "context.h"

#include <string.h>

#include "error.h"
#include "hint.h"
#include "name.h"
#include "policy.h"
#include "portability.h"
#include "target.h"
#include "token.h"
#include "trace.h"

/* RFC 4120 needs two legs, SPNEGO at most four, NTLM three; sixteen is a peer that plays with us. */
#define MAX_LEGS 16

/* The caller's bindings and the bytes that they point to: what a context's config.bindings is. */
struct troth__context_bindings {
    troth_bindings bindings;
    uint8_t bytes[]; /* initiator address, acceptor address, application data */
};

troth_role troth__context_role(const troth_context *context)
{
    return context->credential->config.role;
}

bool troth__context_fresh(const troth_context *context)
{
    return context->legs == 0;
}

void troth__context_require(troth_context *context, uint32_t properties)
{
    if (context->required_default) {
        context->config.required |= properties;
        context->config.requested |= properties;
    }
}

/* ---- making and freeing --------------------------------------------------------------------------------------- */

static troth_status check_options(const struct troth__credential_config *own, const troth_context_options *options,
                                  troth_error *error)
{
    troth_status status;

    if (options->size < sizeof *options)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the context options have no size; begin them with TROTH_CONTEXT_OPTIONS_INIT");
    status = troth__target_check_options(own, options, error);
    if (status == TROTH_OK)
        status = troth__policy_check_options(own, options, error);
    if (status != TROTH_OK)
        return status;
    if (own->role == TROTH_ACCEPTOR && !troth__name_empty(&options->target))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "an acceptor has no target; its own name belongs to its credential");
    if (own->role == TROTH_INITIATOR && troth__name_empty(&options->target))
        return troth__error_set(error, TROTH_E_ARGUMENT, "an initiator needs a target");
    return own->role == TROTH_INITIATOR ? troth__name_check(&options->target, "target", error) : TROTH_OK;
}

/* Copies length bytes to *next, and says where they now are. */
static const void *copy_part(uint8_t **next, const void *data, size_t length)
{
    void *copy = *next;

    if (length == 0)
        return NULL;
    memcpy(copy, data, length);
    *next += length;
    return copy;
}

/* Returns NULL when memory is out. What it returns is the beginning of its block. */
static const troth_bindings *copy_bindings(const troth_bindings *from)
{
    struct troth__context_bindings *copy;
    uint8_t *next;

    copy = troth__alloc(sizeof *copy + from->initiator_address_length + from->acceptor_address_length +
                        from->application_data_length);
    if (copy == NULL)
        return NULL;
    next = copy->bytes;
    copy->bindings = *from;
    copy->bindings.initiator_address = copy_part(&next, from->initiator_address, from->initiator_address_length);
    copy->bindings.acceptor_address = copy_part(&next, from->acceptor_address, from->acceptor_address_length);
    copy->bindings.application_data = copy_part(&next, from->application_data, from->application_data_length);
    return &copy->bindings;
}

/* Lengths that no certificate hash or address has, and pointers that are missing. */
static bool bindings_sane(const troth_bindings *bindings)
{
    const size_t limit = 65536;

    return (bindings->initiator_address != NULL || bindings->initiator_address_length == 0) &&
           (bindings->acceptor_address != NULL || bindings->acceptor_address_length == 0) &&
           (bindings->application_data != NULL || bindings->application_data_length == 0) &&
           bindings->initiator_address_length <= limit && bindings->acceptor_address_length <= limit &&
           bindings->application_data_length <= limit;
}

troth_status troth_context_new(troth_credential *credential, const troth_context_options *options,
                               troth_context **context, troth_error *error)
{
    static const troth_context_options defaults = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *made = NULL;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "nowhere to put the context");
    *context = NULL;
    if (credential == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context needs a credential");
    if (options == NULL)
        options = &defaults;
    status = check_options(&credential->config, options, error);
    if (status != TROTH_OK)
        return status;
    if (options->bindings != NULL && !bindings_sane(options->bindings))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the channel bindings have a length without bytes, or more than 65,536 bytes");

    made = troth__alloc(sizeof *made);
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    made->credential = troth__credential_hold(credential);
    status = troth__policy_set(made, options, error);
    if (status == TROTH_OK)
        status = troth__target_set(made, options, error);
    if (status != TROTH_OK)
        goto out;
    if (options->bindings != NULL)
        made->config.bindings = copy_bindings(options->bindings);
    if ((options->bindings != NULL && made->config.bindings == NULL) ||
        troth__name_copy(&options->target, &made->config.target) != 0) {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
        goto out;
    }

    status = credential->backend->context_new(credential->native, &made->config, &made->native, error);
    if (status != TROTH_OK)
        goto out;
    *context = made;
    made = NULL;
out:
    troth_context_free(made);
    return status;
}

void troth_context_free(troth_context *context)
{
    void *bindings;

    if (context == NULL)
        return;
    if (context->impersonating) {
        troth_error ignored = TROTH_ERROR_INIT; /* nobody is left to be told */
        context->credential->backend->revert(context->native, &ignored);
    }
    context->credential->backend->context_free(context->native);
    troth__name_free(&context->config.target);
    memcpy(&bindings, &context->config.bindings, sizeof bindings); /* the const is the backends', not ours */
    troth__free(bindings);
    troth__free(context->peer_name);
    if (context->complete) {
        troth__free(context->target_name);
        troth__wipe_free(context->exported, context->exported_length);
    } else {
        troth__target_forget(context);
        troth__policy_forget(context);
    }
    troth_credential_free(context->credential);
    troth__free(context);
}

/* ---- failing -------------------------------------------------------------------------------------------------- */

troth_status troth__context_fail(troth_context *context, troth_error *error)
{
    if (error->status < TROTH_E_MEMORY)
        error->status = TROTH_E_FAILURE;
    context->failure.status = (uint8_t)error->status;
    context->failure.major = error->native_major;
    context->failure.minor = error->native_minor;
    return error->status;
}

troth_status troth__context_failed(const troth_context *context, troth_error *error)
{
    const troth_status status = (troth_status)context->failure.status;

    troth__error_native(error, context->failure.major, context->failure.minor);
    return troth__error_set(error, status, "this context failed before (%s), and a failure is final",
                            troth_status_name(status));
}

troth_status troth__context_ready(const troth_context *context, troth_error *error)
{
    if (context->failure.status != TROTH_OK)
        return troth__context_failed(context, error);
    if (!context->complete)
        return troth__error_set(error, TROTH_E_STATE, "the handshake is not complete");
    if (context->exported != NULL)
        return troth__error_set(error, TROTH_E_STATE, "this context was exported");
    return TROTH_OK;
}

/* Says what was being done before what went wrong, and what to do about it behind. */
static troth_status fail_step(troth_context *context, troth_error *error)
{
    const struct troth__credential_config *own = &context->credential->config;
    char name[TROTH__NAME_SHOWN];

    if (own->role == TROTH_INITIATOR)
        troth__error_prefix(
            error, "initiating to %s (%s): ", troth__name_show(&context->config.target, "nobody", name, sizeof name),
            troth__mechanism_show(own->mechanism));
    else
        troth__error_prefix(error, "accepting as %s (%s): ",
                            troth__name_show(&own->name, "any service in the keytab", name, sizeof name),
                            troth__mechanism_show(own->mechanism));
    troth__hint_add(error, own->role, TROTH__HINT_STEP);
    troth__context_fail(context, error);
    if (own->trace != NULL)
        troth__trace_refused(own, &context->config, error);
    return error->status;
}

/* ---- stepping ------------------------------------------------------------------------------------------------- */

/* A side that speaks one mechanism alone is given no token of another, which a provider would only misunderstand. */
static troth_status check_token_kind(troth_mechanism mechanism, enum troth__token_kind kind, troth_error *error)
{
    const bool spnego = kind == TROTH__TOKEN_SPNEGO_INIT || kind == TROTH__TOKEN_SPNEGO_RESPONSE;

    if (mechanism == TROTH_MECHANISM_KERBEROS && spnego)
        return troth__error_set(error, TROTH_E_MECHANISM,
                                "the peer speaks Negotiate (SPNEGO), and this side Kerberos alone");
    if (mechanism == TROTH_MECHANISM_NTLM && (spnego || kind == TROTH__TOKEN_KERBEROS))
        return troth__error_set(error, TROTH_E_MECHANISM, "the peer speaks %s, and this side NTLM alone",
                                spnego ? "Negotiate (SPNEGO)" : "Kerberos");
    return TROTH_OK;
}

/* Nothing of the peer's reaches the provider that would make it speak an NTLM that nobody asked for. */
static troth_status check_token_in(const troth_context *context, const struct troth__token_facts *facts,
                                   troth_error *error)
{
    const struct troth__credential_config *own = &context->credential->config;

    if (troth__policy_ntlm(own))
        return check_token_kind(own->mechanism, facts->kind, error);
    if (facts->kind == TROTH__TOKEN_NTLM)
        return troth__error_set(error, TROTH_E_MECHANISM, "the peer speaks NTLM, which is excluded");
    if (facts->kind != TROTH__TOKEN_SPNEGO_INIT && (facts->chooses_ntlm || facts->carries_ntlm))
        return troth__error_set(error, TROTH_E_MECHANISM, "the peer chose NTLM, which is excluded");
    if (facts->kind == TROTH__TOKEN_SPNEGO_INIT && own->role == TROTH_ACCEPTOR && facts->offers_ntlm &&
        !facts->offers_kerberos)
        return troth__error_set(error, TROTH_E_MECHANISM, "the peer offers only NTLM, which is excluded");
    return check_token_kind(own->mechanism, facts->kind, error);
}

/* Nothing leaves this process that would let the peer answer with NTLM unless it was asked for: it is emptied. */
static troth_status check_token_out(const troth_context *context, troth__bytes *token, troth_error *error)
{
    struct troth__token_facts facts;

    if (token->length == 0 || troth__policy_ntlm(&context->credential->config))
        return TROTH_OK;
    troth__token_inspect(*token, &facts);
    if (facts.kind == TROTH__TOKEN_NTLM || facts.prefers_ntlm || facts.chooses_ntlm || facts.carries_ntlm) {
        *token = (troth__bytes){NULL, 0};
        return troth__error_set(error, TROTH_E_MECHANISM,
                                "the native provider wanted to speak NTLM, which is excluded; nothing was sent");
    }
    return TROTH_OK;
}

/* What the peer's own words, which nobody authenticated, add to a native failure. */
static void tell_of_peer(const troth_context *context, const struct troth__token_facts *facts, troth_error *error)
{
    const int32_t not_yet_valid = 33, skew = 37; /* KRB_AP_ERR_..., RFC 4120 section 7.5.9 */

    if (facts->krb_error && (facts->krb_error_code == skew || facts->krb_error_code == not_yet_valid)) {
        int64_t ahead = facts->krb_error_time - troth__now();

        error->status = TROTH_E_CLOCK_SKEW;
        troth__error_append(error,
                            "; the peer's clock is %lld seconds %s ours (as its error message says, which is not "
                            "authenticated)",
                            (long long)(ahead < 0 ? -ahead : ahead), ahead < 0 ? "behind" : "ahead of");
    } else if ((facts->rejects || facts->krb_error) && error->status == TROTH_E_FAILURE) {
        error->status = TROTH_E_DENIED;
        troth__error_append(error, "; the acceptor refused, and does not say why");
    } else if (facts->kind == TROTH__TOKEN_KERBEROS && error->status == TROTH_E_BAD_TOKEN &&
               context->credential->config.mechanism == TROTH_MECHANISM_NEGOTIATE &&
               troth__context_role(context) == TROTH_INITIATOR) {
        error->status = TROTH_E_MECHANISM;
        troth__error_append(error, "; the peer answered in Kerberos, and this side speaks Negotiate (SPNEGO)");
    }
}

/* Keeps what is asked for later. */
static troth_status keep(troth_context *context, const struct troth__attributes *attributes, troth_error *error)
{
    if (attributes->wrap_header > UINT16_MAX || attributes->wrap_overhead > UINT16_MAX ||
        attributes->mic_size > UINT16_MAX || attributes->strength > UINT16_MAX)
        return troth__error_set(error, TROTH_E_FAILURE, "the native layer tells sizes that no mechanism has");
    context->expiry = attributes->expiry;
    context->attributes = (struct troth__kept){
        .properties = attributes->properties,
        .encryption = attributes->encryption,
        .strength = (uint16_t)attributes->strength,
        .wrap_header = (uint16_t)attributes->wrap_header,
        .wrap_overhead = (uint16_t)attributes->wrap_overhead,
        .mic_size = (uint16_t)attributes->mic_size,
        .mechanism = (uint8_t)attributes->mechanism,
        .bindings = (uint8_t)attributes->bindings,
        .target = (uint8_t)attributes->target,
        .parts = attributes->parts,
        .constrained = attributes->constrained,
        .encryption_asked = attributes->encryption != 0 || attributes->mechanism != TROTH_MECHANISM_KERBEROS,
    };
    return TROTH_OK;
}

/*
 * The native layer says that it is complete: the one place where a context becomes so. Attributes mean nothing before
 * this point (RFC 2743 section 1.2.7; Microsoft says the same of fContextReq's twin).
 */
static troth_status complete(troth_context *context, troth_error *error)
{
    struct troth__attributes attributes = {.mechanism = TROTH_MECHANISM_DEFAULT};
    troth_status status;

    status = context->credential->backend->attributes(context->native, &attributes, error);
    if (status == TROTH_OK)
        status = troth__policy_verify(context, &attributes, error);
    if (status == TROTH_OK)
        status = keep(context, &attributes, error);
    if (status != TROTH_OK)
        return status;
    troth__target_forget(context);
    troth__policy_forget(context);
    context->complete = true;
    if (context->credential->config.trace != NULL)
        troth__trace_verified(&context->credential->config, &context->config, &attributes);
    return TROTH_OK;
}

static troth_status step(troth_context *context, troth__bytes in, troth__bytes *out, troth_error *error)
{
    struct troth__token_facts facts = {.kind = TROTH__TOKEN_UNKNOWN};
    troth_status status;

    if (context->legs >= MAX_LEGS)
        return troth__error_set(error, TROTH_E_LIMIT, "the handshake has more than %d legs", MAX_LEGS);
    context->legs++;
    if (in.length > 0) {
        troth__token_inspect(in, &facts);
        if (context->credential->config.trace != NULL)
            troth__trace_token(&context->credential->config, &context->config, TROTH_TRACE_TOKEN_IN, context->legs, in);
        status = check_token_in(context, &facts, error);
        if (status == TROTH_OK && troth__context_role(context) == TROTH_ACCEPTOR)
            status = troth__policy_ticket(context, in, error);
        if (status != TROTH_OK)
            return status;
    }

    status = context->credential->backend->step(context->native, in, out, error);
    if (status != TROTH_OK && status != TROTH_CONTINUE) {
        /* It may have words for the peer: a KRB-ERROR, a SPNEGO reject. */
        tell_of_peer(context, &facts, error);
        return check_token_out(context, out, error) == TROTH_OK ? error->status : TROTH_E_MECHANISM;
    }
    if (check_token_out(context, out, error) != TROTH_OK)
        return TROTH_E_MECHANISM;
    if (troth__context_role(context) == TROTH_INITIATOR && troth__policy_ticket(context, *out, error) != TROTH_OK) {
        *out = (troth__bytes){NULL, 0};
        return TROTH_E_ENCRYPTION;
    }
    if (status == TROTH_OK) {
        status = complete(context, error);
        if (status != TROTH_OK)
            *out = (troth__bytes){NULL, 0}; /* what we refuse must not look like a success to the peer */
    }
    return status;
}

troth_status troth_context_step(troth_context *context, const void *token_in, size_t length_in, const void **token_out,
                                size_t *length_out, troth_error *error)
{
    troth__bytes out = {NULL, 0};
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (token_out != NULL)
        *token_out = NULL;
    if (length_out != NULL)
        *length_out = 0;
    if (context == NULL || token_out == NULL || length_out == NULL || (token_in == NULL && length_in > 0))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a step needs a context, room for its output, and a token's bytes");
    if (context->failure.status != TROTH_OK)
        return troth__context_failed(context, error);
    if (context->complete)
        return troth__error_set(error, TROTH_E_STATE, "the handshake is complete");
    if (context->legs == 0 && (length_in > 0) != (context->credential->config.role == TROTH_ACCEPTOR))
        return troth__error_set(error, TROTH_E_ARGUMENT, "%s",
                                length_in > 0 ? "an initiator's first step takes no token"
                                              : "an acceptor's first step needs the initiator's token");
    if (context->legs > 0 && length_in == 0) {
        troth__error_set(error, TROTH_E_BAD_TOKEN, "the peer's token is empty");
        return fail_step(context, error);
    }

    status = step(context, (troth__bytes){token_in, length_in}, &out, error);
    if (status != TROTH_OK && status != TROTH_CONTINUE)
        status = fail_step(context, error);
    if (out.length > 0 && context->credential->config.trace != NULL)
        troth__trace_token(&context->credential->config, &context->config, TROTH_TRACE_TOKEN_OUT, context->legs, out);
    *token_out = out.length > 0 ? out.data : NULL;
    *length_out = out.length;
    return status;
}
