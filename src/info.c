/* info.c - what is known of a completed context: plain values, and the names of its two ends. */
#include <string.h>

#include "context.h"
#include "error.h"
#include "policy.h"

void troth__context_learn_encryption(troth_context *context)
{
    struct troth__kept *kept = &context->attributes;
    troth_error ignored = TROTH_ERROR_INIT;
    uint32_t strength = 0;
    int32_t type = 0;

    if (kept->encryption_asked || !context->complete || context->exported != NULL ||
        context->credential->backend->encryption(context->native, &type, &strength, &ignored) != TROTH_OK)
        return;
    kept->encryption_asked = true;
    kept->encryption = type;
    if (strength == 0)
        strength = troth__policy_strength(type);
    kept->strength = (uint16_t)(strength <= UINT16_MAX ? strength : 0);
}

troth_status troth_context_info_get(troth_context *context, troth_context_info *info, troth_error *error)
{
    troth_error scratch;
    size_t size;

    error = troth__error_begin(error, &scratch);
    if (context == NULL || info == NULL || info->size < sizeof *info)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a context and an info begun with TROTH_CONTEXT_INFO_INIT are needed");
    size = info->size;
    memset(info, 0, sizeof *info);
    info->size = size;
    if (!context->complete)
        return troth__error_set(error, TROTH_E_STATE, "the handshake is not complete");
    troth__context_learn_encryption(context);
    info->role = troth__context_role(context);
    info->mechanism = (troth_mechanism)context->attributes.mechanism;
    info->properties = context->attributes.properties;
    info->bindings = (troth_binding_result)context->attributes.bindings;
    info->expiry = context->expiry;
    info->encryption = context->attributes.encryption;
    info->strength = context->attributes.strength;
    info->target = (troth_target_result)context->attributes.target;
    info->wrap_header = context->attributes.wrap_header;
    info->wrap_overhead = context->attributes.wrap_overhead;
    info->mic_size = context->attributes.mic_size;
    info->delegation = (info->properties & TROTH_DELEGATED) != 0 ? TROTH_DELEGATION_FORWARDED
                       : context->attributes.constrained         ? TROTH_DELEGATION_CONSTRAINED
                                                                 : TROTH_DELEGATION_NONE;
    return TROTH_OK;
}

/* Fills *kept by ask when it is not there yet, and gives it out. */
static troth_status name_get(troth_context *context, char **kept,
                             troth_status (*ask)(void *native, char **name, troth_error *error), const char **name,
                             troth_error *error)
{
    if (!context->complete)
        return troth__error_set(error, TROTH_E_STATE, "the handshake is not complete");
    if (*kept == NULL && context->exported != NULL)
        return troth__error_set(error, TROTH_E_STATE, "this context was exported");
    if (*kept == NULL) {
        troth_status status = ask(context->native, kept, error);

        if (status != TROTH_OK)
            return status;
    }
    *name = *kept;
    return TROTH_OK;
}

troth_status troth_context_peer_name(troth_context *context, const char **name, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (name != NULL)
        *name = NULL;
    if (context == NULL || name == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context and room for the name are needed");
    if (context->complete && troth__context_role(context) == TROTH_INITIATOR &&
        (context->attributes.properties & TROTH_MUTUAL) == 0)
        return troth__error_set(error, TROTH_E_STATE, "the acceptor did not authenticate itself");
    return name_get(context, &context->peer_name, context->credential->backend->peer_name, name, error);
}

troth_status troth_context_target_name(troth_context *context, const char **name, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (name != NULL)
        *name = NULL;
    if (context == NULL || name == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context and room for the name are needed");
    return name_get(context, &context->target_name, context->credential->backend->target_name, name, error);
}
