/*
 * adapter.c - the SSPI backend's table of native calls over WinPR (FreeRDP's SSPI for POSIX; seen in 3.10.3), with what
 * WinPR leaves out of SSPI supplied here. The backend knows nothing of it.
 *
 * - WinPR writes no attributes in InitializeSecurityContext: they are what was asked for, once it has succeeded. Those
 *   of AcceptSecurityContext are WinPR's own.
 * - It counts no messages: the caller's number is all that it puts into a message and compares.
 * - EncryptMessage does not touch PADDING (its block size is 1); DecryptMessage knows no STREAM, and no rotation of a
 *   message but that of its own.
 * - It takes one DATA of a message, and leaves the others unprotected.
 * - It does not tell which package a negotiation chose.
 * - An acceptor does not compare channel bindings. To require them is refused here, so that nobody believes in them.
 * - It tells no initiator's own word for its target.
 * - Its list of packages changes the default set and does not replace it: "Kerberos" alone leaves NTLM in.
 * - A first call that fails may leave a context behind. One that fails because the peer chose another mechanism than
 *   the first has freed that mechanism's context, and deleting the whole would free it again.
 * - An acceptor works on freed memory where user-to-user Kerberos is asked of a service without a key: user_to_user.h.
 * - All contexts of a credential work on one krb5_context, which threads may not share: one call at a time.
 */
#define _POSIX_C_SOURCE 200809L

#include "sspi/native.h"
#include "troth/troth.h"
#include "user_to_user.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <winpr/wlog.h>

/* RFC 4121 section 4.2.6.2 */
#define HEADER 16u
#define CONFOUNDER 16u /* of the AES encryption types, RFC 3962 and RFC 8009 */
#define EC_AT 4u
#define RRC_AT 6u

struct adapted {
    CtxtHandle native;
    ULONG attributes; /* ASC_RET_...: WinPR writes them at one leg only, which need not be the last */
    ULONG sent;
    ULONG received;
    ULONG steps;
    void *remains;        /* of a context that cannot be deleted; still reachable, so that it is no leak */
    struct adapted *next; /* such another one */
};

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t begin_once = PTHREAD_ONCE_INIT;
static const SecurityFunctionTableW *winpr;
static struct adapted *undeletable;

static void begin(void)
{
    /* It would tell each failure on stderr, and tests make hundreds of them. */
    WLog_SetLogLevel(WLog_GetRoot(), WLOG_OFF);
    winpr = InitSecurityInterfaceExW(0);
}

static void lock(void)
{
    pthread_mutex_lock(&one_at_a_time);
}

static SECURITY_STATUS unlock(SECURITY_STATUS status)
{
    pthread_mutex_unlock(&one_at_a_time);
    return status;
}

static struct adapted *adapted_of(const CtxtHandle *handle)
{
    return (struct adapted *)handle->dwLower;
}

static SecBuffer *find(const SecBufferDesc *description, ULONG type)
{
    for (ULONG i = 0; description != NULL && i < description->cBuffers; i++) {
        if (description->pBuffers[i].BufferType == type) {
            return &description->pBuffers[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------------------------
 * Credentials
 * --------------------------------------------------------------------------------------------------------------- */

static SECURITY_STATUS SEC_ENTRY acquire(SEC_WCHAR *principal, SEC_WCHAR *package, ULONG use, void *logon, void *data,
                                         SEC_GET_KEY_FN get_key, void *argument, PCredHandle handle, PTimeStamp expiry)
{
    /* What the backend's list, which must hold Kerberos alone, means. */
    static SEC_WCHAR without_ntlm[] = {'K', 'e', 'r', 'b', 'e', 'r', 'o', 's', ',', '!', 'n', 't', 'l', 'm', 0};
    SEC_WINNT_AUTH_IDENTITY_EXW identity;
    SECURITY_STATUS status;

    /* Default credentials of the package Kerberos have no identity, and need no list. */
    if (data != NULL) {
        memcpy(&identity, data, sizeof identity);
        if (identity.Version != SEC_WINNT_AUTH_IDENTITY_VERSION || identity.PackageListLength != 8 ||
            memcmp(identity.PackageList, without_ntlm, 8 * sizeof without_ntlm[0]) != 0) {
            return SEC_E_INVALID_PARAMETER;
        }
        identity.PackageList = without_ntlm;
        identity.PackageListLength = sizeof without_ntlm / sizeof without_ntlm[0] - 1;
        data = &identity;
    }
    lock();
    status = winpr->AcquireCredentialsHandleW(principal, package, use, logon, data, get_key, argument, handle, expiry);
    return unlock(status);
}

static SECURITY_STATUS SEC_ENTRY free_credentials(PCredHandle handle)
{
    lock();
    return unlock(winpr->FreeCredentialsHandle(handle));
}

/* ------------------------------------------------------------------------------------------------------------------
 * The handshake
 * --------------------------------------------------------------------------------------------------------------- */

static void adapted_free(struct adapted *self)
{
    if (self->remains != NULL) {
        self->next = undeletable;
        undeletable = self;
        return;
    }
    if (self->native.dwLower != 0 || self->native.dwUpper != 0) {
        winpr->DeleteSecurityContext(&self->native);
    }
    free(self);
}

/*
 * The acceptor's first reply names Kerberos (RFC 4178 section 4.2.2), when user-to-user Kerberos was offered first: the
 * context of that mechanism is given up.
 */
static bool gives_up_first_choice(const struct adapted *self, const SecBufferDesc *input)
{
    static const BYTE chosen[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
    const SecBuffer *token = find(input, SECBUFFER_TOKEN);
    const BYTE *reply = token != NULL ? token->pvBuffer : NULL;

    if (self->steps != 1 || token == NULL || token->cbBuffer == 0 || reply[0] != 0xA1) {
        return false;
    }
    for (size_t i = 0; i + sizeof chosen <= token->cbBuffer; i++) {
        if (memcmp(reply + i, chosen, sizeof chosen) == 0) {
            return true;
        }
    }
    return false;
}

/* After a step: the new handle is given out, or what was made for it is freed. */
static void step_finish(struct adapted *self, bool first, SECURITY_STATUS status, PCtxtHandle handle)
{
    if (first && status < 0) {
        adapted_free(self);
    } else if (first) {
        handle->dwLower = (ULONG_PTR)self;
        handle->dwUpper = 0;
    }
}

static SECURITY_STATUS SEC_ENTRY initialize(PCredHandle credential, PCtxtHandle known, SEC_WCHAR *target,
                                            ULONG requested, ULONG reserved1, ULONG representation,
                                            PSecBufferDesc input, ULONG reserved2, PCtxtHandle handle,
                                            PSecBufferDesc output, PULONG attributes, PTimeStamp expiry)
{
    static const ULONG supplied = ISC_RET_MUTUAL_AUTH | ISC_RET_REPLAY_DETECT | ISC_RET_SEQUENCE_DETECT |
                                  ISC_RET_CONFIDENTIALITY | ISC_RET_INTEGRITY;
    struct adapted *self = known != NULL ? adapted_of(known) : calloc(1, sizeof *self);
    ULONG ignored = 0;
    SECURITY_STATUS status;

    if (self == NULL) {
        return SEC_E_INSUFFICIENT_MEMORY;
    }
    lock();
    status = winpr->InitializeSecurityContextW(credential, known != NULL ? &self->native : NULL, target, requested,
                                               reserved1, representation, input, reserved2, &self->native, output,
                                               &ignored, expiry);
    if (status < 0 && gives_up_first_choice(self, input)) {
        self->remains = (void *)~self->native.dwLower; /* which is how WinPR keeps a pointer in a handle */
    }
    self->steps++;
    step_finish(self, known == NULL, status, handle);
    /* The bits asked for and the bits granted have the same values. */
    *attributes = status == SEC_E_OK ? requested & supplied : 0;
    return unlock(status);
}

static SECURITY_STATUS SEC_ENTRY accept(PCredHandle credential, PCtxtHandle known, PSecBufferDesc input,
                                        ULONG requested, ULONG representation, PCtxtHandle handle,
                                        PSecBufferDesc output, PULONG attributes, PTimeStamp expiry)
{
    const SecBuffer *token = find(input, SECBUFFER_TOKEN);
    struct adapted *self;
    ULONG written = 0;
    SECURITY_STATUS status;

    if (find(input, SECBUFFER_CHANNEL_BINDINGS) != NULL && (requested & ASC_REQ_ALLOW_MISSING_BINDINGS) == 0) {
        return SEC_E_UNSUPPORTED_FUNCTION;
    }
    if (token != NULL && user_to_user_without_key(token->pvBuffer, token->cbBuffer)) {
        return SEC_E_NO_KERB_KEY;
    }
    self = known != NULL ? adapted_of(known) : calloc(1, sizeof *self);
    if (self == NULL) {
        return SEC_E_INSUFFICIENT_MEMORY;
    }
    lock();
    status = winpr->AcceptSecurityContext(credential, known != NULL ? &self->native : NULL, input, requested,
                                          representation, &self->native, output, &written, expiry);
    if (written != 0) {
        self->attributes = written;
    }
    *attributes = status == SEC_E_OK ? self->attributes : 0;
    step_finish(self, known == NULL, status, handle);
    return unlock(status);
}

static SECURITY_STATUS SEC_ENTRY delete_context(PCtxtHandle handle)
{
    lock();
    adapted_free(adapted_of(handle));
    handle->dwLower = 0;
    return unlock(SEC_E_OK);
}

/*
 * The package is told by what WinPR does tell: the longest token of the context's own package, which is Kerberos' or is
 * not. (PACKAGE_INFO is asked first; some packages answer it.)
 */
static SECURITY_STATUS package_of(struct adapted *self, SecPkgContext_NegotiationInfoW *answer)
{
    static SEC_WCHAR kerberos[] = {'K', 'e', 'r', 'b', 'e', 'r', 'o', 's', 0};
    SecPkgContext_PackageInfoW plain = {NULL};
    SecPkgContext_Sizes sizes;
    SECURITY_STATUS status;

    answer->NegotiationState = SECPKG_NEGOTIATION_COMPLETE;
    if (winpr->QueryContextAttributesW(&self->native, SECPKG_ATTR_PACKAGE_INFO, &plain) == SEC_E_OK) {
        answer->PackageInfo = plain.PackageInfo;
        return SEC_E_OK;
    }
    memset(&sizes, 0, sizeof sizes);
    status = winpr->QueryContextAttributesW(&self->native, SECPKG_ATTR_SIZES, &sizes);
    if (status == SEC_E_OK) {
        status = winpr->QuerySecurityPackageInfoW(kerberos, &answer->PackageInfo);
    }
    if (status == SEC_E_OK && answer->PackageInfo->cbMaxToken != sizes.cbMaxToken) {
        winpr->FreeContextBuffer(answer->PackageInfo);
        answer->PackageInfo = NULL;
        status = SEC_E_UNSUPPORTED_FUNCTION;
    }
    return status;
}

static SECURITY_STATUS SEC_ENTRY query(PCtxtHandle handle, ULONG attribute, void *answer)
{
    struct adapted *self = adapted_of(handle);

    lock();
    if (attribute == SECPKG_ATTR_NEGOTIATION_INFO) {
        return unlock(package_of(self, answer));
    }
    return unlock(winpr->QueryContextAttributesW(&self->native, attribute, answer));
}

/* ------------------------------------------------------------------------------------------------------------------
 * Messages
 * --------------------------------------------------------------------------------------------------------------- */

static SECURITY_STATUS SEC_ENTRY encrypt(PCtxtHandle handle, ULONG quality, PSecBufferDesc message, ULONG number)
{
    struct adapted *self = adapted_of(handle);
    SecBuffer *padding = find(message, SECBUFFER_PADDING);
    SECURITY_STATUS status;

    (void)number;
    lock();
    status = winpr->EncryptMessage(&self->native, quality, message, self->sent);
    if (status == SEC_E_OK) {
        self->sent++;
        if (padding != NULL) {
            padding->cbBuffer = 0;
        }
    }
    return unlock(status);
}

static void reverse(BYTE *data, size_t length)
{
    for (size_t i = 0; i < length / 2; i++) {
        BYTE kept = data[i];

        data[i] = data[length - 1 - i];
        data[length - 1 - i] = kept;
    }
}

static void rotate_right(BYTE *data, size_t length, size_t count)
{
    if (count > 0) {
        reverse(data, length);
        reverse(data, count);
        reverse(data + count, length - count);
    }
}

/*
 * A whole message is cut into TOKEN and DATA. WinPR wants everything but the plaintext in TOKEN, as Windows sends it:
 * rotated by the encrypted header and the checksum (RFC 4121 section 4.2.5). Others rotate by less or by nothing.
 */
static SECURITY_STATUS stream_cut(struct adapted *self, const SecBuffer *stream, SecBuffer cut[2])
{
    SecPkgContext_Sizes sizes;
    BYTE *message = stream->pvBuffer;
    size_t token;
    size_t body;
    size_t wanted;
    size_t rotated;
    SECURITY_STATUS status;

    memset(&sizes, 0, sizeof sizes);
    status = winpr->QueryContextAttributesW(&self->native, SECPKG_ATTR_SIZES, &sizes);
    if (status != SEC_E_OK) {
        return status;
    }
    token = sizes.cbSecurityTrailer;
    if (token < HEADER + CONFOUNDER || stream->cbBuffer < token) {
        return SEC_E_INVALID_TOKEN;
    }
    /* AES needs no filler. WinPR takes any count of it, and reads and writes that far behind the message. */
    if (message[EC_AT] != 0 || message[EC_AT + 1] != 0) {
        return SEC_E_INVALID_TOKEN;
    }
    body = stream->cbBuffer - HEADER;
    wanted = token - HEADER - CONFOUNDER;
    rotated = ((size_t)message[RRC_AT] << 8 | message[RRC_AT + 1]) % body;
    rotate_right(message + HEADER, body, (wanted + body - rotated) % body);
    message[RRC_AT] = (BYTE)(wanted >> 8);
    message[RRC_AT + 1] = (BYTE)wanted;
    cut[0].BufferType = SECBUFFER_TOKEN;
    cut[0].cbBuffer = (ULONG)token;
    cut[0].pvBuffer = message;
    cut[1].BufferType = SECBUFFER_DATA;
    cut[1].cbBuffer = stream->cbBuffer - (ULONG)token;
    cut[1].pvBuffer = message + token;
    return SEC_E_OK;
}

static SECURITY_STATUS SEC_ENTRY decrypt(PCtxtHandle handle, PSecBufferDesc message, ULONG number, PULONG quality)
{
    struct adapted *self = adapted_of(handle);
    SecBuffer *stream = find(message, SECBUFFER_STREAM);
    SecBuffer *data = find(message, SECBUFFER_DATA);
    SecBuffer cut[2];
    SecBufferDesc description = {SECBUFFER_VERSION, 2, cut};
    SECURITY_STATUS status;

    (void)number;
    if (stream == NULL || data == NULL) {
        return SEC_E_INVALID_TOKEN;
    }
    lock();
    status = stream_cut(self, stream, cut);
    if (status == SEC_E_OK) {
        status = winpr->DecryptMessage(&self->native, &description, self->received, quality);
    }
    if (status == SEC_E_OK) {
        self->received++;
        *data = cut[1];
    }
    return unlock(status);
}

static SECURITY_STATUS SEC_ENTRY sign(PCtxtHandle handle, ULONG quality, PSecBufferDesc message, ULONG number)
{
    struct adapted *self = adapted_of(handle);
    SECURITY_STATUS status;

    (void)number;
    lock();
    status = winpr->MakeSignature(&self->native, quality, message, self->sent);
    if (status == SEC_E_OK) {
        self->sent++;
    }
    return unlock(status);
}

static SECURITY_STATUS SEC_ENTRY verify(PCtxtHandle handle, PSecBufferDesc message, ULONG number, PULONG quality)
{
    struct adapted *self = adapted_of(handle);
    SECURITY_STATUS status;

    (void)number;
    lock();
    status = winpr->VerifySignature(&self->native, message, self->received, quality);
    if (status == SEC_E_OK) {
        self->received++;
    }
    return unlock(status);
}

/* ------------------------------------------------------------------------------------------------------------------
 * The table
 * --------------------------------------------------------------------------------------------------------------- */

static SECURITY_STATUS SEC_ENTRY package_info(SEC_WCHAR *name, PSecPkgInfoW *info)
{
    return winpr->QuerySecurityPackageInfoW(name, info);
}

static SECURITY_STATUS SEC_ENTRY free_buffer(void *buffer)
{
    return winpr->FreeContextBuffer(buffer);
}

static const SecurityFunctionTableW *native_functions(void)
{
    static const SecurityFunctionTableW adapter = {
        .dwVersion = 3,
        .AcquireCredentialsHandleW = acquire,
        .FreeCredentialsHandle = free_credentials,
        .InitializeSecurityContextW = initialize,
        .AcceptSecurityContext = accept,
        .DeleteSecurityContext = delete_context,
        .QueryContextAttributesW = query,
        .MakeSignature = sign,
        .VerifySignature = verify,
        .FreeContextBuffer = free_buffer,
        .QuerySecurityPackageInfoW = package_info,
        .EncryptMessage = encrypt,
        .DecryptMessage = decrypt,
    };

    pthread_once(&begin_once, begin);
    return winpr != NULL ? &adapter : NULL;
}

/*
 * What LeakSanitizer looks past, in the programs that hold this file and nowhere else: blocks that krb5 allocated are
 * WinPR's to free, and 3.10.3 loses the authenticator of every context that it accepts, what it asks krb5 for in
 * user-to-user Kerberos, and the password that krb5 prompts for. A context or a credential that the backend forgets to
 * free is a block of WinPR's own, and is still found.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libkrb5.so\nleak:libk5crypto.so\n";
}

/* WinPR has texts of its own for no status. */
static size_t native_text(SECURITY_STATUS status, WCHAR *buffer, size_t capacity)
{
    (void)status;
    (void)buffer;
    (void)capacity;
    return 0;
}

/* WinPR writes no expiry, so there is none to turn. */
static bool native_local_to_utc(int64_t local, int64_t *utc)
{
    (void)local;
    (void)utc;
    return false;
}

static bool native_is_wine(void)
{
    return false;
}

const struct troth__sspi_native troth__sspi_native_here = {
    native_functions,
    native_text,
    native_local_to_utc,
    NULL, /* WinPR has no access tokens: QuerySecurityContextToken is missing above */
    NULL,
    native_is_wine,
    false,
    UINT64_C(1) << TROTH_FEATURE_BINDINGS | UINT64_C(1) << TROTH_FEATURE_BINDINGS_REQUIRED |
        UINT64_C(1) << TROTH_FEATURE_SESSION_KEY | UINT64_C(1) << TROTH_FEATURE_PEER_TARGET,
};
