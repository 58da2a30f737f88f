/* scripted.c - the scripted provider: see scripted.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <windows.h>

#include "scripted.h"

#define CREDENTIAL_MARK 0xC4ED
#define CONTEXT_MARK 0xC047
#define TOKEN_MARK 0x70CE
#define TRAILER 16
#define BLOCK 8
#define SIGNATURE 12
#define SIGNATURE_ROOM 20

struct script script;

const unsigned long script_isc_all =
    ISC_RET_MUTUAL_AUTH | ISC_RET_INTEGRITY | ISC_RET_CONFIDENTIALITY | ISC_RET_REPLAY_DETECT | ISC_RET_SEQUENCE_DETECT;
const unsigned long script_asc_all =
    ASC_RET_MUTUAL_AUTH | ASC_RET_INTEGRITY | ASC_RET_CONFIDENTIALITY | ASC_RET_REPLAY_DETECT | ASC_RET_SEQUENCE_DETECT;

/* Counts a call. True: it is the one that fails. */
static bool failing(const char *name)
{
    script.calls++;
    if (script.calls != script.fail_at)
        return false;
    script.failed = name;
    return true;
}

static void wide_copy(WCHAR *to, size_t room, const void *from, size_t units)
{
    if (units >= room)
        units = room - 1;
    memset(to, 0, room * sizeof *to);
    if (from != NULL)
        memcpy(to, from, units * sizeof *to);
}

static size_t wide_units(const WCHAR *wide)
{
    size_t units = 0;

    while (wide[units] != 0)
        units++;
    return units;
}

static void *give(const void *bytes, size_t size)
{
    void *memory = malloc(size);

    assert_non_null(memory);
    memcpy(memory, bytes, size);
    script.buffers++;
    return memory;
}

static WCHAR *give_wide(const WCHAR *wide)
{
    return wide == NULL ? NULL : give(wide, (wide_units(wide) + 1) * sizeof *wide);
}

/* One block, as SSPI gives it: the structure with its strings behind it. */
static SecPkgInfoW *give_package(const WCHAR *name)
{
    struct {
        SecPkgInfoW info;
        WCHAR name[32];
    } block, *given;

    memset(&block, 0, sizeof block);
    block.info.cbMaxToken = script.max_token;
    wide_copy(block.name, 32, name, wide_units(name));
    given = give(&block, sizeof block);
    given->info.Name = given->name;
    return &given->info;
}

static SECURITY_STATUS SEC_ENTRY query_package(SEC_WCHAR *name, PSecPkgInfoW *info)
{
    if (failing("QuerySecurityPackageInfo"))
        return script.fail_with;
    *info = give_package(name);
    return SEC_E_OK;
}

static void see_identity(const SEC_WINNT_AUTH_IDENTITY_EXW *extended, const SEC_WINNT_AUTH_IDENTITY_W *plain)
{
    script.identity = true;
    script.version = extended != NULL ? extended->Version : 0;
    script.identity_flags = extended != NULL ? extended->Flags : plain->Flags;
    script.has_user = (extended != NULL ? extended->User : plain->User) != NULL;
    if (extended != NULL) {
        assert_int_equal(extended->Length, sizeof *extended);
        wide_copy(script.identity_user, 64, extended->User, extended->UserLength);
        wide_copy(script.identity_domain, 64, extended->Domain, extended->DomainLength);
        wide_copy(script.identity_password, 64, extended->Password, extended->PasswordLength);
        wide_copy(script.identity_packages, 64, extended->PackageList, extended->PackageListLength);
    } else {
        wide_copy(script.identity_user, 64, plain->User, plain->UserLength);
        wide_copy(script.identity_domain, 64, plain->Domain, plain->DomainLength);
        wide_copy(script.identity_password, 64, plain->Password, plain->PasswordLength);
    }
}

static SECURITY_STATUS SEC_ENTRY acquire(SEC_WCHAR *principal, SEC_WCHAR *package, unsigned long use, void *logon,
                                         void *data, SEC_GET_KEY_FN get_key, void *argument, PCredHandle handle,
                                         PTimeStamp expiry)
{
    (void)logon;
    (void)get_key;
    (void)argument;
    if (failing("AcquireCredentialsHandle"))
        return script.fail_with;
    script.acquisitions++;
    script.use = use;
    script.has_principal = principal != NULL;
    wide_copy(script.principal, 128, principal, principal != NULL ? wide_units(principal) : 0);
    wide_copy(script.package_asked, 32, package, wide_units(package));
    if (data != NULL && *(const unsigned long *)data == SEC_WINNT_AUTH_IDENTITY_VERSION)
        see_identity(data, NULL);
    else if (data != NULL)
        see_identity(NULL, data);
    if (script.refuse_identity)
        return SEC_E_LOGON_DENIED;
    handle->dwLower = CREDENTIAL_MARK;
    handle->dwUpper = 1;
    expiry->QuadPart = script.expiry;
    script.credentials++;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY free_credential(PCredHandle handle)
{
    if (handle->dwLower != CREDENTIAL_MARK || script.credentials == 0)
        script.wrong++;
    handle->dwLower = 0;
    script.credentials--;
    return SEC_E_OK;
}

static void see_input(struct script_seen *seen, PCtxtHandle known, PSecBufferDesc input, unsigned long flags)
{
    unsigned long i;

    seen->known = known != NULL;
    seen->input = input != NULL;
    seen->flags = flags;
    for (i = 0; input != NULL && i < input->cBuffers && i < 4; i++) {
        const SecBuffer *buffer = &input->pBuffers[i];

        seen->types[seen->buffers++] = buffer->BufferType;
        if (buffer->BufferType == SECBUFFER_TOKEN && buffer->cbBuffer <= sizeof seen->token) {
            memcpy(seen->token, buffer->pvBuffer, buffer->cbBuffer);
            seen->token_length = buffer->cbBuffer;
        }
        if (buffer->BufferType == SECBUFFER_CHANNEL_BINDINGS && buffer->cbBuffer <= sizeof seen->bindings) {
            memcpy(seen->bindings, buffer->pvBuffer, buffer->cbBuffer);
            seen->bindings_length = buffer->cbBuffer;
        }
    }
}

/* A context is made by every first call that does not fail, whatever else it says. */
static void make_context(PCtxtHandle known, PCtxtHandle made, SECURITY_STATUS status)
{
    if (known != NULL)
        return;
    made->dwLower = CONTEXT_MARK;
    made->dwUpper = 2;
    if (status >= 0)
        script.contexts++;
}

/* What both roles' steps do. The handle is written even by a failing first call, as some providers do. */
static SECURITY_STATUS step_any(PCtxtHandle known, PCtxtHandle made, PSecBufferDesc output, unsigned long *flags,
                                PTimeStamp expiry)
{
    const struct script_step *step = &script.steps[script.steps_made++];
    SecBuffer *buffer = &output->pBuffers[0];

    assert_true(script.steps_made <= SCRIPT_STEPS);
    assert_int_equal(output->cBuffers, 1);
    assert_int_equal(buffer->BufferType, SECBUFFER_TOKEN);
    assert_true(buffer->cbBuffer >= 65536 && buffer->cbBuffer >= script.max_token);
    for (size_t i = 0; i < buffer->cbBuffer; i++)
        assert_int_equal(((uint8_t *)buffer->pvBuffer)[i], 0);
    if (known != NULL && known->dwLower != CONTEXT_MARK)
        script.wrong++;
    make_context(known, made, step->status);
    if (step->token != NULL)
        memcpy(buffer->pvBuffer, step->token, step->length);
    if (step->size == SIZE_WRITTEN)
        buffer->cbBuffer = (unsigned long)step->length;
    else if (step->size == SIZE_TOO_LARGE)
        buffer->cbBuffer += 1000;
    *flags = step->flags;
    expiry->QuadPart = script.expiry;
    return step->status;
}

static SECURITY_STATUS SEC_ENTRY initialize_context(PCredHandle credential, PCtxtHandle known, SEC_WCHAR *target,
                                                    unsigned long flags, unsigned long reserved1,
                                                    unsigned long representation, PSecBufferDesc input,
                                                    unsigned long reserved2, PCtxtHandle made, PSecBufferDesc output,
                                                    unsigned long *returned, PTimeStamp expiry)
{
    struct script_seen *seen = &script.seen[script.steps_made];

    (void)reserved1;
    (void)reserved2;
    assert_int_equal(representation, SECURITY_NETWORK_DREP);
    if (credential->dwLower != CREDENTIAL_MARK)
        script.wrong++;
    if (failing("InitializeSecurityContext")) {
        make_context(known, made, script.fail_with);
        return script.fail_with;
    }
    see_input(seen, known, input, flags);
    wide_copy(seen->target, 128, target, wide_units(target));
    return step_any(known, made, output, returned, expiry);
}

static SECURITY_STATUS SEC_ENTRY accept_context(PCredHandle credential, PCtxtHandle known, PSecBufferDesc input,
                                                unsigned long flags, unsigned long representation, PCtxtHandle made,
                                                PSecBufferDesc output, unsigned long *returned, PTimeStamp expiry)
{
    assert_int_equal(representation, SECURITY_NETWORK_DREP);
    if (credential->dwLower != CREDENTIAL_MARK)
        script.wrong++;
    if (failing("AcceptSecurityContext")) {
        make_context(known, made, script.fail_with);
        return script.fail_with;
    }
    see_input(&script.seen[script.steps_made], known, input, flags);
    return step_any(known, made, output, returned, expiry);
}

static SECURITY_STATUS SEC_ENTRY complete(PCtxtHandle handle, PSecBufferDesc token)
{
    script.completions++;
    if (handle->dwLower != CONTEXT_MARK || token->cBuffers != 1)
        script.wrong++;
    if (failing("CompleteAuthToken"))
        return script.fail_with;
    return script.complete;
}

static SECURITY_STATUS SEC_ENTRY delete_context(PCtxtHandle handle)
{
    if (handle->dwLower != CONTEXT_MARK || script.contexts == 0)
        script.wrong++;
    handle->dwLower = 0;
    script.contexts--;
    return SEC_E_OK;
}

/* What must be wiped before it comes back. */
static struct {
    uint8_t *memory;
    size_t size;
} secret;

static SECURITY_STATUS SEC_ENTRY free_buffer(void *buffer)
{
    for (size_t i = 0; buffer != NULL && buffer == secret.memory && i < secret.size; i++)
        script.unwiped += secret.memory[i] != 0;
    if (buffer == secret.memory)
        secret.memory = NULL;
    if (buffer == NULL || script.buffers == 0)
        script.wrong++;
    script.buffers--;
    free(buffer);
    return SEC_E_OK;
}

static void *give_secret(const void *bytes, size_t size)
{
    secret.memory = give(bytes, size);
    secret.size = size;
    return secret.memory;
}

static SECURITY_STATUS SEC_ENTRY export_context(PCtxtHandle handle, ULONG flags, PSecBuffer packed, void **token)
{
    (void)token;
    if (failing("ExportSecurityContext"))
        return script.fail_with;
    if (handle->dwLower != CONTEXT_MARK || flags != SECPKG_CONTEXT_EXPORT_DELETE_OLD)
        script.wrong++;
    handle->dwLower = 0;
    script.contexts--;
    packed->pvBuffer = give_secret(SCRIPT_PACKED, sizeof SCRIPT_PACKED - 1);
    packed->cbBuffer = sizeof SCRIPT_PACKED - 1;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY import_context(SEC_WCHAR *package, PSecBuffer packed, void *token, PCtxtHandle handle)
{
    (void)token;
    if (failing("ImportSecurityContext"))
        return script.fail_with;
    wide_copy(script.package_imported, 32, package, wide_units(package));
    if (packed->cbBuffer != sizeof SCRIPT_PACKED - 1 ||
        memcmp(packed->pvBuffer, SCRIPT_PACKED, sizeof SCRIPT_PACKED - 1) != 0)
        return SEC_E_INVALID_TOKEN;
    handle->dwLower = CONTEXT_MARK;
    handle->dwUpper = 2;
    script.contexts++;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY query_context(PCtxtHandle handle, unsigned long attribute, void *answer)
{
    SecPkgContext_Sizes *sizes = answer;
    SecPkgContext_NegotiationInfoW *negotiation = answer;
    SecPkgContext_PackageInfoW *package = answer;
    SecPkgContext_NativeNamesW *native = answer;
    SecPkgContext_NamesW *names = answer;
    SecPkgContext_ClientSpecifiedTarget *specified = answer;
    SecPkgContext_KeyInfoW *key = answer;
    SecPkgContext_SessionKey *session = answer;

    if (handle->dwLower != CONTEXT_MARK)
        script.wrong++;
    if (failing("QueryContextAttributes"))
        return script.fail_with;
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
        script.sizes_asked++;
        sizes->cbMaxToken = script.max_token;
        sizes->cbMaxSignature = SIGNATURE_ROOM;
        sizes->cbBlockSize = BLOCK;
        sizes->cbSecurityTrailer = TRAILER;
        return SEC_E_OK;
    case SECPKG_ATTR_NEGOTIATION_INFO:
        if (script.negotiation == SEC_E_OK) {
            negotiation->PackageInfo = give_package(script.package);
            negotiation->NegotiationState = script.negotiation_state;
        }
        return script.negotiation;
    case SECPKG_ATTR_PACKAGE_INFO:
        if (script.package_info == SEC_E_OK)
            package->PackageInfo = give_package(script.package);
        return script.package_info;
    case SECPKG_ATTR_KEY_INFO:
        script.keys_asked++;
        if (script.key_info == SEC_E_OK) {
            key->sSignatureAlgorithmName = give_wide(L"HMAC");
            key->sEncryptAlgorithmName = give_wide(L"Cipher");
            key->EncryptAlgorithm = script.key_type;
            key->KeySize = script.key_bits;
        }
        return script.key_info;
    case SECPKG_ATTR_SESSION_KEY:
        session->SessionKey = give_secret(SCRIPT_KEY, sizeof SCRIPT_KEY - 1);
        session->SessionKeyLength = sizeof SCRIPT_KEY - 1;
        return SEC_E_OK;
    case SECPKG_ATTR_NATIVE_NAMES:
        if (script.native_names == SEC_E_OK) {
            native->sClientName = give_wide(script.client);
            native->sServerName = give_wide(script.server);
        }
        return script.native_names;
    case SECPKG_ATTR_CLIENT_SPECIFIED_TARGET:
        if (script.client_target == SEC_E_OK && script.said_target != NULL)
            specified->sTargetName = give_wide(script.said_target);
        return script.client_target;
    case SECPKG_ATTR_NAMES:
        if (script.user == NULL)
            return SEC_E_UNSUPPORTED_FUNCTION;
        names->sUserName = give_wide(script.user);
        return SEC_E_OK;
    default:
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
}

static SecBuffer *see_message(PSecBufferDesc message, unsigned long type)
{
    SecBuffer *found = NULL;
    unsigned long i;

    memset(script.message_types, 0xFF, sizeof script.message_types);
    for (i = 0; i < message->cBuffers && i < 4; i++) {
        script.message_types[i] = message->pBuffers[i].BufferType;
        script.message_sizes[i] = message->pBuffers[i].cbBuffer;
        if (message->pBuffers[i].BufferType == type)
            found = &message->pBuffers[i];
    }
    return found;
}

static void flip(SecBuffer *buffer)
{
    unsigned long i;

    for (i = 0; i < buffer->cbBuffer; i++)
        ((uint8_t *)buffer->pvBuffer)[i] ^= 0x5A;
}

/* T, the data with every byte turned, P: as many T and P as the script says, of the room there is. */
static SECURITY_STATUS SEC_ENTRY encrypt(PCtxtHandle handle, unsigned long quality, PSecBufferDesc message,
                                         unsigned long number)
{
    SecBuffer *token = see_message(message, SECBUFFER_TOKEN);
    SecBuffer *data = see_message(message, SECBUFFER_DATA);
    SecBuffer *padding = see_message(message, SECBUFFER_PADDING);

    (void)handle;
    assert_int_equal(number, 0);
    if (failing("EncryptMessage"))
        return script.fail_with;
    script.message_quality = quality;
    assert_non_null(token);
    assert_non_null(data);
    flip(data);
    if (script.message_token <= token->cbBuffer)
        memset(token->pvBuffer, 'T', script.message_token);
    token->cbBuffer = script.message_token;
    if (padding != NULL) {
        if (script.message_padding <= padding->cbBuffer)
            memset(padding->pvBuffer, 'P', script.message_padding);
        padding->cbBuffer = script.message_padding;
    }
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY decrypt(PCtxtHandle handle, PSecBufferDesc message, unsigned long number,
                                         unsigned long *quality)
{
    static uint8_t elsewhere[64];
    SecBuffer *stream = see_message(message, SECBUFFER_STREAM);
    SecBuffer *data = see_message(message, SECBUFFER_DATA);
    unsigned long around = script.message_token + script.message_padding;

    (void)handle;
    assert_int_equal(number, 0);
    if (failing("DecryptMessage"))
        return script.fail_with;
    *quality = script.quality;
    assert_non_null(data);
    if (stream == NULL) { /* Wine */
        flip(data);
        return SEC_E_OK;
    }
    if (stream->cbBuffer < around)
        return SEC_E_MESSAGE_ALTERED;
    assert_null(data->pvBuffer);
    data->pvBuffer = script.outside ? elsewhere : (uint8_t *)stream->pvBuffer + script.message_token;
    data->cbBuffer = stream->cbBuffer - around;
    flip(data);
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY sign(PCtxtHandle handle, unsigned long quality, PSecBufferDesc message,
                                      unsigned long number)
{
    SecBuffer *token = see_message(message, SECBUFFER_TOKEN);

    (void)handle;
    assert_int_equal(quality, 0);
    assert_int_equal(number, 0);
    if (failing("MakeSignature"))
        return script.fail_with;
    assert_true(token->cbBuffer >= SIGNATURE_ROOM);
    memset(token->pvBuffer, 'S', SIGNATURE);
    token->cbBuffer = SIGNATURE;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY verify(PCtxtHandle handle, PSecBufferDesc message, unsigned long number,
                                        unsigned long *quality)
{
    SecBuffer *token = see_message(message, SECBUFFER_TOKEN);

    (void)handle;
    assert_int_equal(number, 0);
    if (failing("VerifySignature"))
        return script.fail_with;
    *quality = 0;
    return token->cbBuffer == SIGNATURE && *(uint8_t *)token->pvBuffer == 'S' ? SEC_E_OK : SEC_E_MESSAGE_ALTERED;
}

static SECURITY_STATUS SEC_ENTRY impersonate(PCtxtHandle handle)
{
    if (handle->dwLower != CONTEXT_MARK)
        script.wrong++;
    if (failing("ImpersonateSecurityContext"))
        return script.fail_with;
    script.impersonating++;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY revert(PCtxtHandle handle)
{
    if (handle->dwLower != CONTEXT_MARK)
        script.wrong++;
    if (failing("RevertSecurityContext"))
        return script.fail_with;
    script.impersonating--;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY query_token(PCtxtHandle handle, HANDLE *token)
{
    if (handle->dwLower != CONTEXT_MARK)
        script.wrong++;
    if (failing("QuerySecurityContextToken"))
        return script.fail_with;
    if (script.token != SEC_E_OK)
        return script.token;
    script.tokens++;
    if (script.own_token)
        assert_true(OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, token));
    else
        *token = (HANDLE)TOKEN_MARK;
    return SEC_E_OK;
}

static const SecurityFunctionTableW table = {
    .dwVersion = 1,
    .AcquireCredentialsHandleW = acquire,
    .FreeCredentialsHandle = free_credential,
    .InitializeSecurityContextW = initialize_context,
    .AcceptSecurityContext = accept_context,
    .CompleteAuthToken = complete,
    .DeleteSecurityContext = delete_context,
    .QueryContextAttributesW = query_context,
    .MakeSignature = sign,
    .VerifySignature = verify,
    .ImpersonateSecurityContext = impersonate,
    .RevertSecurityContext = revert,
    .QuerySecurityContextToken = query_token,
    .FreeContextBuffer = free_buffer,
    .QuerySecurityPackageInfoW = query_package,
    .EncryptMessage = encrypt,
    .DecryptMessage = decrypt,
    .ExportSecurityContext = export_context,
    .ImportSecurityContextW = import_context,
};

static const SecurityFunctionTableW *functions(void)
{
    return script.missing ? NULL : &table;
}

static size_t text(SECURITY_STATUS status, WCHAR *buffer, size_t capacity)
{
    static const WCHAR words[] = L"Gr\u00fc\u00dfe vom System.\r\n";

    if (status == SEC_E_INTERNAL_ERROR || capacity < sizeof words / sizeof words[0])
        return 0;
    memcpy(buffer, words, sizeof words);
    return sizeof words / sizeof words[0] - 1;
}

static bool local_to_utc(int64_t local, int64_t *utc)
{
    *utc = local - script.offset * 10000000;
    return true;
}

static bool is_wine(void)
{
    return script.wine;
}

/* A list of identifiers as an access token has it: a count, the entries, and behind them what they point to. */
static DWORD tell_sids(const struct script_sid *sids, size_t count, size_t first, uint8_t *room, size_t size,
                       DWORD *needed)
{
    size_t at = first + count * sizeof(SID_AND_ATTRIBUTES);
    const DWORD told = count > 0 && script.groups_told != 0 ? script.groups_told : (DWORD)count;

    *needed = (DWORD)at;
    for (size_t i = 0; i < count; i++)
        *needed += (DWORD)sids[i].length;
    if (room == NULL || size < *needed)
        return ERROR_INSUFFICIENT_BUFFER;
    if (first > 0)
        memcpy(room, &told, sizeof told);
    for (size_t i = 0; i < count; i++) {
        SID_AND_ATTRIBUTES entry = {room + at, sids[i].attributes};

        if (i == 0 && script.sid_elsewhere != NULL)
            entry.Sid = (PSID)(uintptr_t)script.sid_elsewhere;
        memcpy(room + first + i * sizeof entry, &entry, sizeof entry);
        memcpy(room + at, sids[i].bytes, sids[i].length);
        at += sids[i].length;
    }
    return 0;
}

static DWORD token_information(HANDLE token, TOKEN_INFORMATION_CLASS what, void *room, DWORD size, DWORD *needed)
{
    static const struct script_sid everyone = SID("\1\1\0\0\0\0\0\1\0\0\0\0", 0);

    if (script.own_token)
        return troth__sspi_native_here.token_information(token, what, room, size, needed);
    if (token != (HANDLE)TOKEN_MARK || script.tokens == 0)
        script.wrong++;
    if (failing("GetTokenInformation"))
        return ERROR_ACCESS_DENIED;
    switch (what) {
    case TokenUser:
        return tell_sids(&script.peer, 1, 0, room, size, needed);
    case TokenGroups:
        return tell_sids(script.groups, script.group_count, offsetof(TOKEN_GROUPS, Groups), room, size, needed);
    case TokenRestrictedSids:
        return tell_sids(&everyone, script.restrictions, offsetof(TOKEN_GROUPS, Groups), room, size, needed);
    case TokenIsAppContainer:
        *(DWORD *)room = script.contained;
        return 0;
    default:
        return ERROR_INVALID_PARAMETER;
    }
}

static void token_close(HANDLE token)
{
    if (script.own_token)
        troth__sspi_native_here.token_close(token);
    else if (token != (HANDLE)TOKEN_MARK)
        script.wrong++;
    script.tokens--;
}

static const struct troth__sspi_native scripted_native = {
    functions, text, local_to_utc, token_information, token_close, is_wine, true, 0,
};

troth__backend scripted_backend;

void script_reset(void)
{
    static const struct script empty;

    script = empty;
    script.steps[0].status = SEC_E_OK;
    script.steps[0].token = TOKEN;
    script.steps[0].length = TOKEN_LENGTH;
    script.steps[0].flags = script_isc_all;
    script.complete = SEC_E_OK;
    script.package = L"Kerberos";
    script.client = L"alice@EXAMPLE.COM";
    script.server = L"http/www.example.com@EXAMPLE.COM";
    script.key_info = SEC_E_UNSUPPORTED_FUNCTION;
    script.peer = (struct script_sid)SID("\1\2\0\0\0\0\0\5\x20\0\0\0\x20\2\0\0", 0);
    script.groups[0] = (struct script_sid)SID("\1\1\0\0\0\0\0\5\x0b\0\0\0", SE_GROUP_ENABLED);
    script.group_count = 1;
    script.expiry = 0x7FFFFFFFFFFFFFFF;
    script.max_token = 12000;
    script.message_token = TRAILER;
    script.fail_with = SEC_E_INTERNAL_ERROR;
    scripted_backend = troth__backend_here;
    scripted_backend.native = &scripted_native;
}

troth_credential *script_credential(troth_role role)
{
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (troth__credential_acquire(&scripted_backend, role, NULL, &credential, &error) != TROTH_OK)
        fail_msg("no credential: %s", error.text);
    return credential;
}

troth_context *script_context(troth_role role)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = script_credential(role);
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (role == TROTH_INITIATOR) {
        options.target.service = "http";
        options.target.host = "www.example.com";
    }
    if (troth_context_new(credential, &options, &context, &error) != TROTH_OK)
        fail_msg("no context: %s", error.text);
    troth_credential_free(credential);
    return context;
}

troth_status script_step_context(troth_context *context, bool input, size_t *length_out, troth_error *error)
{
    const void *out;

    return troth_context_step(context, input ? TOKEN : NULL, input ? TOKEN_LENGTH : 0, &out, length_out, error);
}

void script_assert_nothing_left(void)
{
    assert_int_equal(script.contexts, 0);
    assert_int_equal(script.credentials, 0);
    assert_int_equal(script.buffers, 0);
    assert_int_equal(script.tokens, 0);
    assert_int_equal(script.wrong, 0);
}
