/* delegation.c - credentials that a peer handed on, what is known of a credential, and acting as the peer. */
#include "troth/delegation.h"

#include <string.h>

#include "context.h"
#include "error.h"
#include "name.h"
#include "portability.h"

/* ---- what a peer handed on ------------------------------------------------------------------------------------ */

/* What every call on a peer's behalf needs: an acceptor's complete context. */
static troth_status acceptor_ready(const troth_context *context, troth_error *error)
{
    if (troth__context_role(context) != TROTH_ACCEPTOR)
        return troth__error_set(error, TROTH_E_STATE, "only an acceptor acts in its peer's name");
    return troth__context_ready(context, error);
}

/* An empty initiator's credential in the manner of another one. NULL when memory is out. */
static troth_credential *initiator_like(const troth_credential *other)
{
    troth_credential *made = troth__credential_shell(other->backend);

    if (made == NULL)
        return NULL;
    made->config.role = TROTH_INITIATOR;
    made->config.mechanism = other->config.mechanism;
    made->config.flags = other->config.flags & TROTH_CREDENTIAL_STOCK;
    made->config.trace = other->config.trace;
    made->config.trace_user = other->config.trace_user;
    return made;
}

troth_status troth_context_delegated_credential(troth_context *context, troth_credential **credential,
                                                troth_error *error)
{
    troth_credential *made;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (credential != NULL)
        *credential = NULL;
    if (context == NULL || credential == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context and room for the credential are needed");
    status = acceptor_ready(context, error);
    if (status != TROTH_OK)
        return status;
    if (!context->config.keep_delegated)
        return troth__error_set(error, TROTH_E_STATE, "the context was made without TROTH_KEEP_DELEGATED");
    made = initiator_like(context->credential);
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    status = made->backend->delegated_credential(context->native, made->backend, &made->config, &made->native, error);
    if (status != TROTH_OK) {
        troth__error_prefix(error, "taking what the peer delegated: ");
        troth_credential_free(made);
        return status;
    }
    *credential = made;
    return TROTH_OK;
}

/* ---- in a user's name ----------------------------------------------------------------------------------------- */

troth_status troth_credential_impersonate(troth_credential *service, const troth_name *name,
                                          troth_credential **credential, troth_error *error)
{
    troth_credential *made;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (credential != NULL)
        *credential = NULL;
    if (service == NULL || name == NULL || credential == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a service's credential, a user's name and room for the credential are needed");
    if (service->config.role != TROTH_INITIATOR)
        return troth__error_set(error, TROTH_E_ARGUMENT, "the service asks the KDC as an initiator");
    status = troth__name_check(name, "user", error);
    if (status != TROTH_OK)
        return status;
    if (name->principal == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "the user's name must be a principal");
    made = initiator_like(service);
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    status = made->backend->credential_impersonate(service->native, made->backend, name, &made->config, &made->native,
                                                   error);
    if (status != TROTH_OK) {
        troth__error_prefix(error, "asking for a ticket in the name of %s: ", name->principal);
        troth_credential_free(made);
        return status;
    }
    *credential = made;
    return TROTH_OK;
}

/* ---- a credential by itself ----------------------------------------------------------------------------------- */

troth_status troth_credential_store(troth_credential *credential, const char *ccache, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (credential == NULL || ccache == NULL || ccache[0] == '\0')
        return troth__error_set(error, TROTH_E_ARGUMENT, "a credential and the name of a ccache are needed");
    if (credential->config.role != TROTH_INITIATOR)
        return troth__error_set(error, TROTH_E_ARGUMENT, "an acceptor's keys are no tickets, and are not stored");
    status = credential->backend->credential_store(credential->native, ccache, error);
    if (status != TROTH_OK)
        troth__error_prefix(error, "storing a credential into %s: ", ccache);
    return status;
}

troth_status troth_credential_info_get(troth_credential *credential, troth_credential_info *info, troth_error *error)
{
    troth_error scratch;
    troth_status status;
    int64_t expiry = 0, now;
    size_t size;

    error = troth__error_begin(error, &scratch);
    if (credential == NULL || info == NULL || info->size < sizeof *info)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a credential and an info begun with TROTH_CREDENTIAL_INFO_INIT are needed");
    size = info->size;
    memset(info, 0, sizeof *info);
    info->size = size;
    status = credential->backend->credential_expiry(credential->native, &expiry, error);
    if (status != TROTH_OK)
        return status;
    now = troth__now();
    info->expiry = expiry;
    info->role = credential->config.role;
    info->mechanism = credential->config.mechanism;
    info->remaining = info->expiry == TROTH_NEVER || info->expiry == TROTH_UNKNOWN ? info->expiry
                      : info->expiry > now                                         ? info->expiry - now
                                                                                   : 0;
    return TROTH_OK;
}

troth_status troth_credential_name(troth_credential *credential, const char **name, troth_error *error)
{
    char *asked = NULL;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (name != NULL)
        *name = NULL;
    if (credential == NULL || name == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a credential and room for the name are needed");
    troth__mutex_lock(credential->lock);
    *name = credential->shown;
    troth__mutex_unlock(credential->lock);
    if (*name != NULL)
        return TROTH_OK;
    /* Not under lock: it may block, and meanwhile others hold and free. */
    status = credential->backend->credential_name(credential->native, &asked, error);
    if (status != TROTH_OK)
        return status;
    troth__mutex_lock(credential->lock);
    if (credential->shown == NULL) {
        credential->shown = asked;
        asked = NULL;
    }
    *name = credential->shown;
    troth__mutex_unlock(credential->lock);
    troth__free(asked);
    return TROTH_OK;
}

/* ---- acting as the peer --------------------------------------------------------------------------------------- */

troth_status troth_context_impersonate(troth_context *context, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context is needed");
    status = acceptor_ready(context, error);
    if (status != TROTH_OK)
        return status;
    if (context->impersonating)
        return troth__error_set(error, TROTH_E_STATE, "this context impersonates its peer already");
    status = context->credential->backend->impersonate(context->native, error);
    context->impersonating = status == TROTH_OK;
    return status;
}

troth_status troth_context_revert(troth_context *context, troth_error *error)
{
    troth_error scratch;

    error = troth__error_begin(error, &scratch);
    if (context == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context is needed");
    if (!context->impersonating)
        return troth__error_set(error, TROTH_E_STATE, "this context does not impersonate its peer");
    if (context->credential->backend->revert(context->native, error) != TROTH_OK) {
        error->status = TROTH_E_FAILURE; /* whatever the provider calls it, nothing has been mended */
        troth__error_append(error, "; the thread may still act as the peer and must not go on");
        return TROTH_E_FAILURE;
    }
    context->impersonating = false;
    return TROTH_OK;
}
