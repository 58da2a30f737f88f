/* peer.c - who the peer is, in other forms than its display name, and what its access token says of it. */
#include "internal.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "troth/peer.h"

troth_status troth__sspi_peer_local_name(void *context, char **name, troth_error *error)
{
    (void)context;
    *name = NULL;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "SSPI does not tell a peer's local account");
}

troth_status troth__sspi_peer_windows_name(void *context, char **name, troth_error *error)
{
    troth_status status;

    *name = NULL;
    status = troth__sspi_name_user(context, name, error);
    if (status == TROTH_E_UNSUPPORTED || status == TROTH_E_UNAVAILABLE)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "this provider does not tell the initiator's name");
    return status;
}

/* Windows answers with an empty text, or that the target is unknown, where the initiator named none. */
troth_status troth__sspi_peer_target(void *context, char **name, bool *unverified, troth_error *error)
{
    static const char call[] = "QueryContextAttributes(CLIENT_SPECIFIED_TARGET)";
    struct sspi_context *self = context;
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecPkgContext_ClientSpecifiedTarget told = {NULL};
    SECURITY_STATUS result;

    *name = NULL;
    *unverified = false;
    result = functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, &told);
    troth__sspi_traced(self->credential, self->config, call, result, 0, 0);
    if (result != SEC_E_OK && result != SEC_E_TARGET_UNKNOWN)
        return troth__sspi_fail(self->credential->native, call, result, error);
    if (result == SEC_E_OK && told.sTargetName != NULL) {
        const bool named = told.sTargetName[0] != 0;

        *name = named ? troth__sspi_narrow_new(told.sTargetName) : NULL;
        functions->FreeContextBuffer(told.sTargetName);
        if (named)
            return *name != NULL ? TROTH_OK : troth__error_set(error, TROTH_E_MEMORY, "no memory for a name");
    }
    return troth__error_set(error, TROTH_E_UNAVAILABLE, "the initiator does not say whom it was told to authenticate");
}

/* ---- security identifiers ------------------------------------------------------------------------------------- */

#define SID_TEXT_ROOM 192u          /* the longest is "S-1-", an authority of 14 and fifteen times "-4294967295" */
#define TOKEN_ANSWER_MOST 0x100000u /* a token has some thousand groups at the most */

/* What GetTokenInformation said: a structure, and behind it what it points to. */
struct sspi_token_answer {
    uint8_t *data; /* NULL: none */
    size_t size;
};

static troth_status sspi_token_fail(const struct sspi_context *self, DWORD code, troth_error *error)
{
    const SECURITY_STATUS status = (SECURITY_STATUS)(0x80070000u | (code & 0xFFFFu)); /* HRESULT_FROM_WIN32 */

    return troth__sspi_fail(self->credential->native, "GetTokenInformation", status, error);
}

/* The answer is freed by the caller, whatever is returned. It has the size of a structure of that class at least. */
static troth_status sspi_token_ask(const struct sspi_context *self, HANDLE token, TOKEN_INFORMATION_CLASS what,
                                   size_t least, struct sspi_token_answer *answer, troth_error *error)
{
    const struct troth__sspi_native *native = self->credential->native;
    DWORD needed = 0, size, code;

    *answer = (struct sspi_token_answer){NULL, 0};
    code = native->token_information(token, what, NULL, 0, &needed);
    if (needed == 0)
        return sspi_token_fail(self, code, error);
    size = needed > least ? needed : (DWORD)least;
    if (size > TOKEN_ANSWER_MOST)
        return troth__sspi_broken("GetTokenInformation", "more than any token holds", error);
    answer->data = troth__alloc(size);
    if (answer->data == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for what a token says");
    answer->size = size;
    code = native->token_information(token, what, answer->data, size, &needed);
    return code == 0 ? TROTH_OK : sspi_token_fail(self, code, error);
}

/*
 * A list of identifiers says what somebody may do only where the system asks nothing else of the token. Loopback brings
 * such tokens here, from a process in a sandbox on the same machine.
 */
static troth_status sspi_token_plain(const struct sspi_context *self, HANDLE token, troth_error *error)
{
    struct sspi_token_answer answer;
    DWORD contained = 0, needed = 0, count = 0, code;
    troth_status status;

    /* Wine knows neither such tokens nor the question (seen in 8.0: ERROR_INVALID_FUNCTION). */
    if (!self->credential->wine) {
        status = sspi_token_ask(self, token, TokenRestrictedSids, sizeof(TOKEN_GROUPS), &answer, error);
        if (status == TROTH_OK)
            memcpy(&count, answer.data, sizeof count);
        troth__free(answer.data);
        if (status != TROTH_OK)
            return status;
    }
    if (count > 0)
        return troth__error_set(error, TROTH_E_UNAVAILABLE,
                                "the initiator's access token is restricted: its groups do not say what it may do");
    code =
        self->credential->native->token_information(token, TokenIsAppContainer, &contained, sizeof contained, &needed);
    if (code != 0)
        return sspi_token_fail(self, code, error);
    if (contained != 0)
        return troth__error_set(error, TROTH_E_UNAVAILABLE,
                                "the initiator's access token is of an AppContainer: its groups do not say what it "
                                "may do");
    return TROTH_OK;
}

/* Returns the length of the text with its NUL; 0 where no whole identifier lies inside the answer. */
static size_t sspi_sid_text(const struct sspi_token_answer *answer, PSID sid, char text[SID_TEXT_ROOM])
{
    const size_t head = 8; /* revision, count of sub-authorities, authority ([MS-DTYP] section 2.4.2.2) */
    const uintptr_t at = (uintptr_t)sid - (uintptr_t)answer->data;
    const uint8_t *bytes;
    uint64_t authority = 0;
    size_t length;

    if ((uintptr_t)sid < (uintptr_t)answer->data || at > answer->size || answer->size - at < head)
        return 0;
    bytes = answer->data + at;
    if (bytes[0] != 1 || bytes[1] > 15 || answer->size - at < head + 4u * bytes[1])
        return 0;
    for (size_t i = 2; i < head; i++)
        authority = authority << 8 | bytes[i];
    length = (size_t)snprintf(text, SID_TEXT_ROOM, authority > UINT32_MAX ? "S-1-0x%012llx" : "S-1-%llu",
                              (unsigned long long)authority);
    for (size_t i = 0; i < bytes[1]; i++) {
        uint32_t part;

        memcpy(&part, bytes + head + 4 * i, sizeof part);
        length += (size_t)snprintf(text + length, SID_TEXT_ROOM - length, "-%lu", (unsigned long)part);
    }
    return length + 1;
}

/* It lets somebody in who is on an access list. A group has to be enabled for it, a user not (SID_AND_ATTRIBUTES). */
static bool sspi_sid_admits(const SID_AND_ATTRIBUTES *entry, bool group)
{
    return (entry->Attributes & (SE_GROUP_USE_FOR_DENY_ONLY | SE_GROUP_INTEGRITY)) == 0 &&
           (!group || (entry->Attributes & SE_GROUP_ENABLED) != 0);
}

/* The texts of all that admit, one behind the other, into list unless it is NULL. Returns false for a broken answer. */
static bool sspi_sids_list(const struct sspi_token_answer *answer, bool group, uint8_t *list, size_t *length)
{
    const size_t first = group ? offsetof(TOKEN_GROUPS, Groups) : 0;
    DWORD count = 1;

    *length = 0;
    if (group)
        memcpy(&count, answer->data, sizeof count);
    if (count > (answer->size - first) / sizeof(SID_AND_ATTRIBUTES))
        return false;
    for (DWORD i = 0; i < count; i++) {
        SID_AND_ATTRIBUTES entry;
        char text[SID_TEXT_ROOM];
        size_t size;

        memcpy(&entry, answer->data + first + i * sizeof entry, sizeof entry);
        if (!sspi_sid_admits(&entry, group))
            continue;
        size = sspi_sid_text(answer, entry.Sid, text);
        if (size == 0)
            return false;
        if (list != NULL)
            memcpy(list + *length, text, size);
        *length += size;
    }
    return true;
}

static troth_status sspi_sids_take(const struct sspi_token_answer *answer, bool group, uint8_t **value, size_t *length,
                                   troth_error *error)
{
    size_t needed;

    if (!sspi_sids_list(answer, group, NULL, &needed))
        return troth__sspi_broken("GetTokenInformation", "identifiers that are none", error);
    if (needed == 0)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "the initiator's access token has no such identifier");
    *value = troth__alloc(needed);
    if (*value == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for security identifiers");
    sspi_sids_list(answer, group, *value, length);
    return TROTH_OK;
}

troth_status troth__sspi_peer_attribute(void *context, const char *attribute, uint8_t **value, size_t *length,
                                        bool *authenticated, troth_error *error)
{
    struct sspi_context *self = context;
    const SecurityFunctionTableW *functions = self->credential->functions;
    const bool group = strcmp(attribute, TROTH_ATTRIBUTE_GROUP_SIDS) == 0;
    struct sspi_token_answer answer = {NULL, 0};
    SECURITY_STATUS result = SEC_E_UNSUPPORTED_FUNCTION;
    HANDLE token = NULL;
    troth_status status;

    *value = NULL;
    *length = 0;
    *authenticated = false;
    if (!group && strcmp(attribute, TROTH_ATTRIBUTE_USER_SID) != 0)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "SSPI has no name attributes beside those of Windows");
    if (functions->QuerySecurityContextToken != NULL)
        result = functions->QuerySecurityContextToken(&self->handle, &token);
    troth__sspi_traced(self->credential, self->config, "QuerySecurityContextToken", result, 0, 0);
    if (result != SEC_E_OK) {
        status = troth__sspi_fail(self->credential->native, "QuerySecurityContextToken", result, error);
        return status == TROTH_E_UNSUPPORTED ? error->status = TROTH_E_UNAVAILABLE : status;
    }
    status = sspi_token_plain(self, token, error);
    if (status == TROTH_OK)
        status = sspi_token_ask(self, token, group ? TokenGroups : TokenUser,
                                group ? sizeof(TOKEN_GROUPS) : sizeof(TOKEN_USER), &answer, error);
    if (status == TROTH_OK)
        status = sspi_sids_take(&answer, group, value, length, error);
    *authenticated = status == TROTH_OK; /* the system made the token */
    troth__free(answer.data);
    self->credential->native->token_close(token);
    return status;
}
