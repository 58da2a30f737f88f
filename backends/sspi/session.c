/* session.c - a context's key, what is derived from it, and the context as bytes for another process. */
#include "internal.h"

#include <string.h>

#include "error.h"

#ifndef SECPKG_CONTEXT_EXPORT_DELETE_OLD
#define SECPKG_CONTEXT_EXPORT_DELETE_OLD 0x2 /* not in every sspi.h */
#endif

#define FLAGS_SIZE 4u /* in front of the provider's bytes: the attributes that the last step returned */

/* A provider without the call is one that does not tell. */
static troth_status sspi_session_fail(const struct sspi_context *self, const char *call, SECURITY_STATUS result,
                                      troth_error *error)
{
    const troth_status status = troth__sspi_fail(self->credential->native, call, result, error);

    return status == TROTH_E_UNSUPPORTED ? error->status = TROTH_E_UNAVAILABLE : status;
}

/* ---- the key -------------------------------------------------------------------------------------------------- */

troth_status troth__sspi_session_key(void *context, uint8_t **key, size_t *length, troth_error *error)
{
    struct sspi_context *self = context;
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecPkgContext_SessionKey told = {0, NULL};
    troth_status status = TROTH_OK;
    SECURITY_STATUS result;

    *key = NULL;
    *length = 0;
    result = functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_SESSION_KEY, &told);
    troth__sspi_traced(self->credential, self->config, "QueryContextAttributes(SESSION_KEY)", result, 0, 0);
    if (result != SEC_E_OK)
        return sspi_session_fail(self, "QueryContextAttributes(SESSION_KEY)", result, error);
    if (told.SessionKey == NULL || told.SessionKeyLength == 0)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "this provider does not tell the session's key");
    *key = troth__alloc(told.SessionKeyLength);
    if (*key != NULL) {
        memcpy(*key, told.SessionKey, told.SessionKeyLength);
        *length = told.SessionKeyLength;
    } else {
        status = troth__error_set(error, TROTH_E_MEMORY, "no memory for a key");
    }
    troth__wipe(told.SessionKey, told.SessionKeyLength);
    functions->FreeContextBuffer(told.SessionKey);
    return status;
}

/* Windows gives the number of RFC 3961 as the algorithm (KERB_ETYPE_...). */
troth_status troth__sspi_encryption(void *context, int32_t *encryption, uint32_t *strength, troth_error *error)
{
    struct sspi_context *self = context;
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecPkgContext_KeyInfoW info = {NULL, NULL, 0, 0, 0};
    SECURITY_STATUS result;

    *encryption = 0;
    *strength = 0;
    result = functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_KEY_INFO, &info);
    troth__sspi_traced(self->credential, self->config, "QueryContextAttributes(KEY_INFO)", result, 0, 0);
    if (result != SEC_E_OK)
        return sspi_session_fail(self, "QueryContextAttributes(KEY_INFO)", result, error);
    *encryption = (int32_t)info.EncryptAlgorithm;
    *strength = info.KeySize;
    if (info.sSignatureAlgorithmName != NULL)
        functions->FreeContextBuffer(info.sSignatureAlgorithmName);
    if (info.sEncryptAlgorithmName != NULL)
        functions->FreeContextBuffer(info.sEncryptAlgorithmName);
    return TROTH_OK;
}

troth_status troth__sspi_prf(void *context, troth_prf_key which, troth__bytes input, uint8_t *output, size_t length,
                             troth_error *error)
{
    (void)context;
    (void)which;
    (void)input;
    (void)output;
    (void)length;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "SSPI has no pseudo-random function");
}

/* ---- to another process and back ------------------------------------------------------------------------------ */

troth_status troth__sspi_context_export(void *context, size_t head, uint8_t **token, size_t *length, troth_error *error)
{
    struct sspi_context *self = context;
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecBuffer packed = {0, SECBUFFER_EMPTY, NULL};
    troth_status status = TROTH_OK;
    SECURITY_STATUS result = SEC_E_UNSUPPORTED_FUNCTION;

    *token = NULL;
    *length = 0;
    if (functions->ExportSecurityContext != NULL)
        result = functions->ExportSecurityContext(&self->handle, SECPKG_CONTEXT_EXPORT_DELETE_OLD, &packed, NULL);
    troth__sspi_traced(self->credential, self->config, "ExportSecurityContext", result, 0, 0);
    if (result != SEC_E_OK)
        return sspi_session_fail(self, "ExportSecurityContext", result, error);
    self->has_handle = false;
    if (packed.pvBuffer == NULL || packed.cbBuffer == 0)
        return troth__sspi_broken("ExportSecurityContext", "success without a context", error);
    head += FLAGS_SIZE;
    *token = troth__alloc(head + packed.cbBuffer);
    if (*token != NULL) {
        for (unsigned i = 0; i < FLAGS_SIZE; i++)
            (*token)[head - FLAGS_SIZE + i] = (uint8_t)(self->flags >> (8 * i));
        memcpy(*token + head, packed.pvBuffer, packed.cbBuffer);
        *length = head + packed.cbBuffer;
    } else {
        status = troth__error_set(error, TROTH_E_MEMORY, "no memory for an exported context");
    }
    troth__wipe(packed.pvBuffer, packed.cbBuffer);
    functions->FreeContextBuffer(packed.pvBuffer);
    return status;
}

/* The provider's part: everything is in place but the handle. */
static troth_status sspi_import(struct sspi_context *self, troth__bytes token, troth_error *error)
{
    const SecurityFunctionTableW *functions = self->credential->functions;
    struct troth__attributes known;
    SECURITY_STATUS result = SEC_E_UNSUPPORTED_FUNCTION;
    WCHAR *package = NULL;
    SecBuffer packed;
    troth_status status;

    if (token.length <= FLAGS_SIZE)
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "the exported context is damaged");
    for (unsigned i = 0; i < FLAGS_SIZE; i++)
        self->flags |= (ULONG)token.data[i] << (8 * i);
    packed = troth__sspi_buffer(SECBUFFER_TOKEN, token.data + FLAGS_SIZE, token.length - FLAGS_SIZE);
    status = troth__sspi_wide_new(self->credential->package, strlen(self->credential->package), "package name",
                                  &package, NULL, error);
    if (status != TROTH_OK)
        return status;
    if (functions->ImportSecurityContextW != NULL)
        result = functions->ImportSecurityContextW(package, &packed, NULL, &self->handle);
    troth__sspi_wide_free(package);
    if (result != SEC_E_OK)
        return sspi_session_fail(self, "ImportSecurityContext", result, error);
    self->has_handle = true;
    /* What the messages need to know: the package and its sizes. */
    return troth__sspi_attributes(self, &known, error);
}

troth_status troth__sspi_context_import(const troth__backend *backend, const struct troth__credential_config *own,
                                        const struct troth__context_config *config, troth__bytes token,
                                        void **credential, void **context, troth_error *error)
{
    struct sspi_credential *shell = troth__alloc(sizeof *shell);
    struct sspi_context *self = troth__alloc(sizeof *self);

    *credential = shell;
    *context = self;
    if (shell == NULL || self == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for a context");
    troth__sspi_credential_shell(shell, backend, own);
    self->credential = shell;
    self->config = config;
    if (shell->functions == NULL)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "InitSecurityInterface: there is no SSPI provider");
    return sspi_import(self, token, error);
}
