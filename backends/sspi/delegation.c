/* delegation.c - what SSPI has in place of delegated credentials; what is known of credentials; impersonation. */
#include "internal.h"

#include "error.h"
#include "portability.h"

/* ---- what a peer handed on ------------------------------------------------------------------------------------ */

troth_status troth__sspi_delegated_credential(void *context, const troth__backend *self,
                                              struct troth__credential_config *own, void **credential,
                                              troth_error *error)
{
    (void)context;
    (void)self;
    (void)own;
    *credential = NULL;
    return troth__error_set(error, TROTH_E_UNSUPPORTED,
                            "SSPI hands out no credential of the peer's: impersonate it, and acquire one meanwhile");
}

/* ---- in a user's name ----------------------------------------------------------------------------------------- */

troth_status troth__sspi_credential_impersonate(void *service, const troth__backend *self, const troth_name *name,
                                                struct troth__credential_config *own, void **credential,
                                                troth_error *error)
{
    (void)service;
    (void)self;
    (void)name;
    (void)own;
    *credential = NULL;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "SSPI gives no tickets in others' names");
}

/* ---- a credential by itself ----------------------------------------------------------------------------------- */

troth_status troth__sspi_credential_store(void *credential, const char *ccache, troth_error *error)
{
    (void)credential;
    (void)ccache;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "SSPI has no credential caches to store into");
}

troth_status troth__sspi_credential_expiry(void *credential, int64_t *expiry, troth_error *error)
{
    const struct sspi_credential *self = credential;

    (void)error;
    *expiry = troth__sspi_expiry_utc(self, self->expiry);
    return TROTH_OK;
}

troth_status troth__sspi_credential_name(void *credential, char **name, troth_error *error)
{
    struct sspi_credential *self = credential;
    SecPkgCredentials_NamesW told = {NULL};
    SECURITY_STATUS result = SEC_E_UNSUPPORTED_FUNCTION;
    troth_status status = TROTH_OK;

    *name = NULL;
    if (self->functions->QueryCredentialsAttributesW != NULL)
        result = self->functions->QueryCredentialsAttributesW(&self->handle, SECPKG_CRED_ATTR_NAMES, &told);
    troth__sspi_traced(self, NULL, "QueryCredentialsAttributes(NAMES)", result, 0, 0);
    if (result != SEC_E_OK) {
        status = troth__sspi_fail(self->native, "QueryCredentialsAttributes(NAMES)", result, error);
        return status == TROTH_E_UNSUPPORTED ? error->status = TROTH_E_UNAVAILABLE : status;
    }
    if (told.sUserName == NULL)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "this provider does not tell the credential's name");
    if (told.sUserName[0] == 0)
        status = troth__error_set(error, TROTH_E_UNAVAILABLE, "this provider does not tell the credential's name");
    else if ((*name = troth__sspi_narrow_new((const WCHAR *)told.sUserName)) == NULL)
        status = troth__error_set(error, TROTH_E_MEMORY, "no memory for a name");
    self->functions->FreeContextBuffer(told.sUserName);
    return status;
}

/* ---- acting as the peer --------------------------------------------------------------------------------------- */

troth_status troth__sspi_impersonate(void *context, troth_error *error)
{
    struct sspi_context *self = context;
    const struct sspi_credential *credential = self->credential;
    SECURITY_STATUS result = SEC_E_UNSUPPORTED_FUNCTION;

    if (credential->functions->ImpersonateSecurityContext != NULL)
        result = credential->functions->ImpersonateSecurityContext(&self->handle);
    troth__sspi_traced(credential, self->config, "ImpersonateSecurityContext", result, 0, 0);
    return result == SEC_E_OK ? TROTH_OK
                              : troth__sspi_fail(credential->native, "ImpersonateSecurityContext", result, error);
}

troth_status troth__sspi_revert(void *context, troth_error *error)
{
    struct sspi_context *self = context;
    const struct sspi_credential *credential = self->credential;
    SECURITY_STATUS result = SEC_E_UNSUPPORTED_FUNCTION;

    if (credential->functions->RevertSecurityContext != NULL)
        result = credential->functions->RevertSecurityContext(&self->handle);
    troth__sspi_traced(credential, self->config, "RevertSecurityContext", result, 0, 0);
    return result == SEC_E_OK ? TROTH_OK : troth__sspi_fail(credential->native, "RevertSecurityContext", result, error);
}
