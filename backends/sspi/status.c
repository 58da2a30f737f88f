/* status.c - the native codes, by class and in words. */
#include "internal.h"

#include "error.h"
#include "trace.h"

#define TEXT_ROOM 512

/* NTSTATUS codes that come through unchanged; ntstatus.h cannot stand beside windows.h. [MS-ERREF] section 2.3.1. */
#define NT_UNSUCCESSFUL 0xC0000001u
#define NT_NO_MEMORY 0xC0000017u
#define NT_NO_LOGON_SERVERS 0xC000005Eu
#define NT_NO_SUCH_LOGON_SESSION 0xC000005Fu
#define NT_NO_SUCH_USER 0xC0000064u
#define NT_WRONG_PASSWORD 0xC000006Au
#define NT_LOGON_FAILURE 0xC000006Du
#define NT_ACCOUNT_RESTRICTION 0xC000006Eu
#define NT_PASSWORD_EXPIRED 0xC0000071u
#define NT_ACCOUNT_DISABLED 0xC0000072u
#define NT_TIME_DIFFERENCE 0xC0000133u
#define NT_ACCOUNT_EXPIRED 0xC0000193u
#define NT_PASSWORD_MUST_CHANGE 0xC0000224u
#define NT_ACCOUNT_LOCKED_OUT 0xC0000234u

struct status_entry {
    uint32_t code;
    troth_status status;
    const char *name;
};

#define SEC(name, status)                                                                                              \
    {                                                                                                                  \
        (uint32_t)(name), (status), #name                                                                              \
    }
#define NT(code, status)                                                                                               \
    {                                                                                                                  \
        (NT_##code), (status), "STATUS_" #code                                                                         \
    }

static const struct status_entry entries[] = {
    SEC(SEC_E_INSUFFICIENT_MEMORY, TROTH_E_MEMORY),
    SEC(SEC_E_INVALID_HANDLE, TROTH_E_FAILURE),
    SEC(SEC_E_UNSUPPORTED_FUNCTION, TROTH_E_UNSUPPORTED),
    SEC(SEC_E_TARGET_UNKNOWN, TROTH_E_UNKNOWN_TARGET),
    SEC(SEC_E_INTERNAL_ERROR, TROTH_E_FAILURE),
    SEC(SEC_E_SECPKG_NOT_FOUND, TROTH_E_MECHANISM),
    SEC(SEC_E_INVALID_TOKEN, TROTH_E_BAD_TOKEN),
    SEC(SEC_E_QOP_NOT_SUPPORTED, TROTH_E_UNSUPPORTED),
    SEC(SEC_E_LOGON_DENIED, TROTH_E_DENIED),
    SEC(SEC_E_UNKNOWN_CREDENTIALS, TROTH_E_NO_CREDENTIAL),
    SEC(SEC_E_NO_CREDENTIALS, TROTH_E_NO_CREDENTIAL),
    SEC(SEC_E_MESSAGE_ALTERED, TROTH_E_ALTERED),
    SEC(SEC_E_OUT_OF_SEQUENCE, TROTH_E_OUT_OF_SEQUENCE),
    SEC(SEC_E_NO_AUTHENTICATING_AUTHORITY, TROTH_E_NO_KDC),
    SEC(SEC_E_CONTEXT_EXPIRED, TROTH_E_EXPIRED),
    SEC(SEC_I_CONTEXT_EXPIRED, TROTH_E_EXPIRED),
    SEC(SEC_E_INCOMPLETE_MESSAGE, TROTH_E_BAD_TOKEN),
    SEC(SEC_E_BUFFER_TOO_SMALL, TROTH_E_FAILURE),
    SEC(SEC_E_WRONG_PRINCIPAL, TROTH_E_WRONG_KEY),
    SEC(SEC_E_TIME_SKEW, TROTH_E_CLOCK_SKEW),
    SEC(SEC_E_ILLEGAL_MESSAGE, TROTH_E_BAD_TOKEN),
    SEC(SEC_E_ENCRYPT_FAILURE, TROTH_E_FAILURE),
    SEC(SEC_E_DECRYPT_FAILURE, TROTH_E_ALTERED),
    SEC(SEC_E_ALGORITHM_MISMATCH, TROTH_E_ENCRYPTION),
    SEC(SEC_E_SECURITY_QOS_FAILED, TROTH_E_REQUIREMENT),
    SEC(SEC_E_NO_TGT_REPLY, TROTH_E_NO_CREDENTIAL),
    SEC(SEC_E_NO_IP_ADDRESSES, TROTH_E_NO_KDC),
    SEC(SEC_E_WRONG_CREDENTIAL_HANDLE, TROTH_E_FAILURE),
    SEC(SEC_E_STRONG_CRYPTO_NOT_SUPPORTED, TROTH_E_ENCRYPTION),
    SEC(SEC_E_SMARTCARD_LOGON_REQUIRED, TROTH_E_DENIED),
    SEC(SEC_E_KDC_UNABLE_TO_REFER, TROTH_E_UNKNOWN_TARGET),
    SEC(SEC_E_KDC_UNKNOWN_ETYPE, TROTH_E_ENCRYPTION),
    SEC(SEC_E_UNSUPPORTED_PREAUTH, TROTH_E_DENIED),
    SEC(SEC_E_BAD_BINDINGS, TROTH_E_BINDINGS),
    SEC(SEC_E_MULTIPLE_ACCOUNTS, TROTH_E_UNKNOWN_TARGET),
    SEC(SEC_E_NO_KERB_KEY, TROTH_E_WRONG_KEY),
    SEC(SEC_E_DOWNGRADE_DETECTED, TROTH_E_MECHANISM),
    SEC(SEC_E_CROSSREALM_DELEGATION_FAILURE, TROTH_E_DENIED),
    SEC(SEC_E_INVALID_PARAMETER, TROTH_E_FAILURE),
    SEC(SEC_E_DELEGATION_POLICY, TROTH_E_DENIED),
    SEC(SEC_E_POLICY_NLTM_ONLY, TROTH_E_MECHANISM),
    SEC(SEC_E_NO_CONTEXT, TROTH_E_FAILURE),
    SEC(SEC_E_MUTUAL_AUTH_FAILED, TROTH_E_WRONG_KEY),
    NT(UNSUCCESSFUL, TROTH_E_FAILURE),
    NT(NO_MEMORY, TROTH_E_MEMORY),
    NT(NO_LOGON_SERVERS, TROTH_E_NO_KDC),
    NT(NO_SUCH_LOGON_SESSION, TROTH_E_NO_CREDENTIAL),
    NT(NO_SUCH_USER, TROTH_E_UNKNOWN_TARGET),
    NT(WRONG_PASSWORD, TROTH_E_DENIED),
    NT(LOGON_FAILURE, TROTH_E_DENIED),
    NT(ACCOUNT_RESTRICTION, TROTH_E_DENIED),
    NT(PASSWORD_EXPIRED, TROTH_E_EXPIRED),
    NT(ACCOUNT_DISABLED, TROTH_E_DENIED),
    NT(TIME_DIFFERENCE, TROTH_E_CLOCK_SKEW),
    NT(ACCOUNT_EXPIRED, TROTH_E_DENIED),
    NT(PASSWORD_MUST_CHANGE, TROTH_E_EXPIRED),
    NT(ACCOUNT_LOCKED_OUT, TROTH_E_DENIED),
};

static const struct status_entry *sspi_status_find(SECURITY_STATUS code)
{
    size_t i;

    for (i = 0; i < sizeof entries / sizeof entries[0]; i++)
        if (entries[i].code == (uint32_t)code)
            return &entries[i];
    return NULL;
}

troth_status troth__sspi_fail(const struct troth__sspi_native *native, const char *call, SECURITY_STATUS status,
                              troth_error *error)
{
    const struct status_entry *entry = sspi_status_find(status);
    WCHAR wide[TEXT_ROOM];
    char text[3 * TEXT_ROOM];
    size_t units = native->text(status, wide, TEXT_ROOM);

    if (units > TEXT_ROOM)
        units = TEXT_ROOM;
    /* FormatMessage ends its sentences with a full stop and a line end. */
    while (units > 0 && (wide[units - 1] <= ' ' || wide[units - 1] == '.'))
        units--;
    troth__sspi_narrow(wide, units, text, sizeof text);
    troth__error_native(error, (uint32_t)status, 0);
    troth__error_set(error, entry != NULL ? entry->status : TROTH_E_FAILURE, "%s: %s (0x%08lX)", call,
                     entry != NULL ? entry->name : "an unexpected status", (unsigned long)(uint32_t)status);
    if (text[0] != 0)
        troth__error_append(error, ": %s", text);
    return error->status;
}

troth_status troth__sspi_broken(const char *call, const char *what, troth_error *error)
{
    return troth__error_set(error, TROTH_E_FAILURE, "%s: %s", call, what);
}

void troth__sspi_trace(const struct sspi_credential *credential, const struct troth__context_config *context,
                       const char *call, SECURITY_STATUS status, size_t input_length, size_t output_length)
{
    const struct status_entry *entry = sspi_status_find(status);
    troth_status class = entry != NULL ? entry->status : TROTH_E_FAILURE;

    if (status == SEC_E_OK || status == SEC_I_COMPLETE_NEEDED)
        class = TROTH_OK;
    else if (status == SEC_I_CONTINUE_NEEDED || status == SEC_I_COMPLETE_AND_CONTINUE)
        class = TROTH_CONTINUE;
    troth__trace_native(credential->config, context, call, class, (uint32_t)status, 0, input_length, output_length);
}
