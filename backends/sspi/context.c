/* context.c - the native handshake, what it came to, and who the two ends are. */
#include "internal.h"

#include <string.h>

#include "error.h"

#define FILETIME_UNITS 10000000   /* in a second */
#define FILETIME_1970 11644473600 /* seconds from 1601 to 1970 */

/* ISC and ASC bits are two tables, not one: 0x10000 is integrity in one of them and stream in the other. */
struct flag_map {
    uint32_t property;
    ULONG isc;
    ULONG asc;
};

static const struct flag_map requests[] = {
    {TROTH_MUTUAL, ISC_REQ_MUTUAL_AUTH, ASC_REQ_MUTUAL_AUTH},
    {TROTH_INTEGRITY, ISC_REQ_INTEGRITY, ASC_REQ_INTEGRITY},
    {TROTH_CONFIDENTIALITY, ISC_REQ_CONFIDENTIALITY, ASC_REQ_CONFIDENTIALITY},
    {TROTH_REPLAY_DETECTION, ISC_REQ_REPLAY_DETECT, ASC_REQ_REPLAY_DETECT},
    {TROTH_SEQUENCE_DETECTION, ISC_REQ_SEQUENCE_DETECT, ASC_REQ_SEQUENCE_DETECT},
    {TROTH_IDENTIFY, ISC_REQ_IDENTIFY, ASC_REQ_IDENTIFY},
    {TROTH_DELEGATED, ISC_REQ_DELEGATE, ASC_REQ_DELEGATE},
};

static const struct flag_map answers[] = {
    {TROTH_MUTUAL, ISC_RET_MUTUAL_AUTH, ASC_RET_MUTUAL_AUTH},
    {TROTH_INTEGRITY, ISC_RET_INTEGRITY, ASC_RET_INTEGRITY},
    {TROTH_CONFIDENTIALITY, ISC_RET_CONFIDENTIALITY, ASC_RET_CONFIDENTIALITY},
    {TROTH_REPLAY_DETECTION, ISC_RET_REPLAY_DETECT, ASC_RET_REPLAY_DETECT},
    {TROTH_SEQUENCE_DETECTION, ISC_RET_SEQUENCE_DETECT, ASC_RET_SEQUENCE_DETECT},
    {TROTH_IDENTIFY, ISC_RET_IDENTIFY, ASC_RET_IDENTIFY},
    {TROTH_DELEGATED, ISC_RET_DELEGATE, ASC_RET_DELEGATE},
    {TROTH_ANONYMOUS, ISC_RET_NULL_SESSION, ASC_RET_NULL_SESSION},
};

static bool sspi_is_acceptor(const struct sspi_context *self)
{
    return self->credential->config->role == TROTH_ACCEPTOR;
}

static ULONG sspi_flags(const struct sspi_context *self)
{
    const struct troth__context_config *config = self->config;
    ULONG flags = sspi_is_acceptor(self) ? ASC_REQ_EXTENDED_ERROR : ISC_REQ_EXTENDED_ERROR;
    size_t i;

    for (i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if ((config->requested & requests[i].property) != 0)
            flags |= sspi_is_acceptor(self) ? requests[i].asc : requests[i].isc;
    /* Without this bit an acceptor with bindings refuses a peer that sends none. */
    if (sspi_is_acceptor(self) && self->bindings != NULL && (config->required & TROTH_CHANNEL_BOUND) == 0)
        flags |= ASC_REQ_ALLOW_MISSING_BINDINGS;
    if (config->delegate == TROTH_DELEGATE_BY_POLICY)
        flags |= ISC_REQ_DELEGATE;
    if (sspi_is_acceptor(self) && config->anonymous_allowed)
        flags |= ASC_REQ_ALLOW_NULL_SESSION;
    return flags;
}

static uint32_t sspi_properties(const struct sspi_context *self)
{
    uint32_t result = 0;
    size_t i;

    for (i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if ((self->flags & (sspi_is_acceptor(self) ? answers[i].asc : answers[i].isc)) != 0)
            result |= answers[i].property;
    return result;
}

/* Appends one field behind the structure; an offset counts from its beginning. */
static void sspi_bindings_put(SEC_CHANNEL_BINDINGS *bindings, size_t *at, const void *data, size_t length,
                              ULONG *offset, ULONG *size)
{
    if (length > 0) {
        memcpy((uint8_t *)bindings + *at, data, length);
        *offset = (ULONG)*at;
        *size = (ULONG)length;
        *at += length;
    }
}

static troth_status sspi_bindings_new(struct sspi_context *self, const troth_bindings *from, troth_error *error)
{
    SEC_CHANNEL_BINDINGS *bindings;
    size_t at = sizeof *bindings;
    size_t fields[3];
    size_t size = sizeof *bindings;
    size_t i;

    fields[0] = from->initiator_address_length;
    fields[1] = from->acceptor_address_length;
    fields[2] = from->application_data_length;
    for (i = 0; i < 3; i++) {
        if (fields[i] > UINT32_MAX - size)
            return troth__error_set(error, TROTH_E_ARGUMENT, "the channel bindings are too long");
        size += fields[i];
    }
    bindings = troth__alloc(size);
    if (bindings == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for the channel bindings");
    bindings->dwInitiatorAddrType = from->initiator_address_type;
    bindings->dwAcceptorAddrType = from->acceptor_address_type;
    sspi_bindings_put(bindings, &at, from->initiator_address, fields[0], &bindings->dwInitiatorOffset,
                      &bindings->cbInitiatorLength);
    sspi_bindings_put(bindings, &at, from->acceptor_address, fields[1], &bindings->dwAcceptorOffset,
                      &bindings->cbAcceptorLength);
    sspi_bindings_put(bindings, &at, from->application_data, fields[2], &bindings->dwApplicationDataOffset,
                      &bindings->cbApplicationDataLength);
    self->bindings = bindings;
    self->bindings_size = (uint32_t)size;
    return TROTH_OK;
}

troth_status troth__sspi_context_new(void *credential, const struct troth__context_config *config, void **context,
                                     troth_error *error)
{
    struct sspi_context *self;
    troth_status status = TROTH_OK;

    *context = NULL;
    self = troth__alloc(sizeof *self);
    if (self == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for a context");
    self->credential = credential;
    self->config = config;
    if (config->delegate == TROTH_DELEGATE_ALWAYS)
        status = troth__error_set(error, TROTH_E_UNSUPPORTED,
                                  "SSPI delegates by the KDC's policy alone (TROTH_DELEGATE_BY_POLICY)");
    else if (config->target_matters && (self->credential->native->lacks >> TROTH_FEATURE_PEER_TARGET & 1u) != 0)
        status = troth__error_set(error, TROTH_E_UNAVAILABLE,
                                  "this provider does not tell whom an initiator was told to authenticate");
    else if (self->credential->wine)
        status = troth__sspi_wine_check(config, error);
    if (status == TROTH_OK && !sspi_is_acceptor(self))
        status = troth__sspi_name_new(&config->target, "target", &self->target, error);
    if (status == TROTH_OK && config->bindings != NULL)
        status = sspi_bindings_new(self, config->bindings, error);
    if (status != TROTH_OK) {
        troth__sspi_context_free(self);
        return status;
    }
    *context = self;
    return TROTH_OK;
}

void troth__sspi_handshake_end(struct sspi_context *self)
{
    troth__free(self->token);
    self->token = NULL;
    self->token_size = 0;
    troth__free(self->bindings);
    self->bindings = NULL;
    troth__sspi_wide_free(self->target);
    self->target = NULL;
}

void troth__sspi_context_free(void *context)
{
    struct sspi_context *self = context;

    if (self == NULL)
        return;
    if (self->has_handle)
        self->credential->functions->DeleteSecurityContext(&self->handle);
    troth__sspi_handshake_end(self);
    troth__free(self);
}

SecBuffer troth__sspi_buffer(ULONG type, const void *data, size_t length)
{
    static const uint8_t nothing;
    SecBuffer buffer;

    /* The interface has one type for what is read and what is written; some providers fault at a NULL. */
    buffer.BufferType = type;
    buffer.cbBuffer = (ULONG)length;
    buffer.pvBuffer = (void *)(uintptr_t)(data != NULL ? data : &nothing);
    return buffer;
}

/* One call of InitializeSecurityContext or AcceptSecurityContext. */
static SECURITY_STATUS sspi_step_call(struct sspi_context *self, troth__bytes in, SecBufferDesc *output)
{
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecBuffer buffers[3];
    SecBufferDesc input = {SECBUFFER_VERSION, 0, NULL};
    CtxtHandle *known = self->has_handle ? &self->handle : NULL;
    SECURITY_STATUS result;

    input.pBuffers = buffers;
    if (in.length > 0) {
        buffers[input.cBuffers++] = troth__sspi_buffer(SECBUFFER_TOKEN, in.data, in.length);
        if (sspi_is_acceptor(self))
            buffers[input.cBuffers++] = troth__sspi_buffer(SECBUFFER_EMPTY, NULL, 0);
    }
    if (self->bindings != NULL)
        buffers[input.cBuffers++] = troth__sspi_buffer(SECBUFFER_CHANNEL_BINDINGS, self->bindings, self->bindings_size);
    if (sspi_is_acceptor(self)) {
        result =
            functions->AcceptSecurityContext(&self->credential->handle, known, &input, sspi_flags(self),
                                             SECURITY_NETWORK_DREP, &self->handle, output, &self->flags, &self->expiry);
    } else {
        result = functions->InitializeSecurityContextW(&self->credential->handle, known, self->target, sspi_flags(self),
                                                       0, SECURITY_NETWORK_DREP, input.cBuffers > 0 ? &input : NULL, 0,
                                                       &self->handle, output, &self->flags, &self->expiry);
    }
    if (result >= 0)
        self->has_handle = true;
    return result;
}

/* Cuts the step's output down to what was written, so that an idle context does not hold the room for the largest. */
static troth_status sspi_token_keep(struct sspi_context *self, const uint8_t *room, size_t length, troth__bytes *out,
                                    troth_error *error)
{
    if (length == 0)
        return TROTH_OK;
    if (length > self->token_size) {
        troth__free(self->token);
        self->token = troth__alloc(length);
        self->token_size = self->token != NULL ? length : 0;
    }
    if (self->token == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for a token of %lu bytes", (unsigned long)length);
    memcpy(self->token, room, length);
    out->data = self->token;
    out->length = length;
    return TROTH_OK;
}

/*
 * A failed call has a token only if the provider changed the size that it was given, to one that fits, and what stands
 * there begins as a token of Kerberos or SPNEGO does (RFC 2743 section 3.1; KRB-ERROR; NegTokenResp). Wine leaves the
 * size as it was; a provider that moved it and wrote nothing has left our zeros.
 */
static bool sspi_token_of_failure(const SecBuffer *output, const uint8_t *token, size_t room)
{
    return output->pvBuffer == token && output->cbBuffer > 0 && output->cbBuffer < room &&
           (token[0] == 0x60 || token[0] == 0x6E || token[0] == 0x7E || token[0] == 0xA1);
}

/* CompleteAuthToken where the step asked for it. */
static SECURITY_STATUS sspi_step_complete(struct sspi_context *self, SECURITY_STATUS result, SecBufferDesc *output)
{
    const SecurityFunctionTableW *functions = self->credential->functions;
    SECURITY_STATUS completed;

    if (result != SEC_I_COMPLETE_NEEDED && result != SEC_I_COMPLETE_AND_CONTINUE)
        return result;
    if (functions->CompleteAuthToken == NULL)
        return SEC_E_UNSUPPORTED_FUNCTION;
    completed = functions->CompleteAuthToken(&self->handle, output);
    troth__sspi_traced(self->credential, self->config, "CompleteAuthToken", completed, 0, 0);
    if (completed != SEC_E_OK)
        return completed < 0 ? completed : SEC_E_INTERNAL_ERROR;
    return result == SEC_I_COMPLETE_NEEDED ? SEC_E_OK : SEC_I_CONTINUE_NEEDED;
}

troth_status troth__sspi_step(void *context, troth__bytes in, troth__bytes *out, troth_error *error)
{
    struct sspi_context *self = context;
    const char *call = sspi_is_acceptor(self) ? "AcceptSecurityContext" : "InitializeSecurityContext";
    /* One more than any token has: a provider that leaves the size as it was has written nothing. */
    size_t room = self->credential->token_room + 1;
    SecBuffer buffer;
    SecBufferDesc output = {SECBUFFER_VERSION, 1, NULL};
    uint8_t *scratch;
    SECURITY_STATUS result;
    SECURITY_STATUS completed;
    troth_status status;

    out->data = NULL;
    out->length = 0;
    if (in.length > UINT32_MAX)
        return troth__error_set(error, TROTH_E_BAD_TOKEN, "a token longer than SSPI can say");
    scratch = troth__sspi_room_take(self->credential);
    if (scratch == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for a token");
    buffer = troth__sspi_buffer(SECBUFFER_TOKEN, scratch, room);
    output.pBuffers = &buffer;
    result = sspi_step_call(self, in, &output);
    troth__sspi_traced(self->credential, self->config, call, result, in.length,
                       buffer.cbBuffer < room ? buffer.cbBuffer : 0);
    completed = sspi_step_complete(self, result, &output);
    if (completed != result && completed < 0) {
        status = troth__sspi_fail(self->credential->native, "CompleteAuthToken", completed, error);
    } else if (completed != SEC_E_OK && completed != SEC_I_CONTINUE_NEEDED) {
        status = troth__sspi_fail(self->credential->native, call, result, error);
        if (sspi_token_of_failure(&buffer, scratch, room)) {
            /* Without memory for it the peer goes without; the failure stays what it was. */
            troth_error ignored = TROTH_ERROR_INIT;
            sspi_token_keep(self, scratch, buffer.cbBuffer, out, &ignored);
        }
    } else if (buffer.pvBuffer != scratch || buffer.cbBuffer > room) {
        status = troth__sspi_broken(call, "a token that is not within the memory given for it", error);
    } else {
        status = sspi_token_keep(self, scratch, buffer.cbBuffer == room ? 0 : buffer.cbBuffer, out, error);
        if (status == TROTH_OK && completed == SEC_I_CONTINUE_NEEDED)
            status = TROTH_CONTINUE;
    }
    if (self->credential->wine) {
        troth__sspi_wine_look(self, in);
        troth__sspi_wine_look(self, *out);
    }
    /* Nobody knows what a failed call wrote. */
    troth__sspi_room_give(self->credential, scratch, completed >= 0 && buffer.cbBuffer < room ? buffer.cbBuffer : room);
    return status;
}

/* Reads and frees a package's description. */
static void sspi_package_take(struct sspi_context *self, SecPkgInfoW *info)
{
    size_t units = 0;

    if (info == NULL)
        return;
    if (info->Name != NULL) {
        while (info->Name[units] != 0)
            units++;
        troth__sspi_narrow(info->Name, units, self->package, sizeof self->package);
    }
    self->credential->functions->FreeContextBuffer(info);
}

/*
 * Which package was really chosen. Windows answers NEGOTIATION_INFO; a provider that does not may answer PACKAGE_INFO.
 * A negotiation that says it is still going on names no package. What cannot be found out stays empty.
 */
static void sspi_package_query(struct sspi_context *self)
{
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecPkgContext_NegotiationInfoW negotiated = {NULL, SECPKG_NEGOTIATION_IN_PROGRESS};
    SecPkgContext_PackageInfoW plain = {NULL};

    self->package[0] = 0;
    if (functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_NEGOTIATION_INFO, &negotiated) == SEC_E_OK) {
        sspi_package_take(self, negotiated.PackageInfo);
        if (negotiated.NegotiationState == SECPKG_NEGOTIATION_IN_PROGRESS ||
            negotiated.NegotiationState == SECPKG_NEGOTIATION_TRY_MULTICRED)
            self->package[0] = 0;
    } else if (functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_PACKAGE_INFO, &plain) == SEC_E_OK) {
        sspi_package_take(self, plain.PackageInfo);
    }
}

/* ptsExpiry is a FILETIME in local time; its greatest value is "never". */
int64_t troth__sspi_expiry_utc(const struct sspi_credential *credential, TimeStamp expiry)
{
    const struct troth__sspi_native *native = credential->native;
    int64_t local = (int64_t)(((uint64_t)(uint32_t)expiry.HighPart << 32) | (uint32_t)expiry.LowPart);
    int64_t utc;

    if (local >= 0x7FFFFFFF00000000)
        return TROTH_NEVER;
    if (local <= 0 || !native->local_to_utc(local, &utc))
        return TROTH_UNKNOWN;
    utc = utc / FILETIME_UNITS - FILETIME_1970;
    if (credential->wine && troth__sspi_wine_never(utc, troth__now()))
        return TROTH_NEVER;
    return utc;
}

static troth_binding_result sspi_binding_result(const struct sspi_context *self)
{
    if (self->config->bindings == NULL)
        return TROTH_BINDING_ABSENT;
    /* SSPI has no bit for it: an acceptor that did not allow missing bindings has compared them, or failed. */
    if (sspi_is_acceptor(self) && (self->config->required & TROTH_CHANNEL_BOUND) != 0)
        return TROTH_BINDING_BOUND;
    return TROTH_BINDING_UNKNOWN;
}

troth_status troth__sspi_attributes(void *context, struct troth__attributes *attributes, troth_error *error)
{
    struct sspi_context *self = context;
    troth_error ignored = TROTH_ERROR_INIT;
    troth_status status;

    memset(attributes, 0, sizeof *attributes);
    sspi_package_query(self);
    if (strcmp(self->package, "Kerberos") == 0) {
        attributes->mechanism = TROTH_MECHANISM_KERBEROS;
        /* What cannot be learned stays 0, and is refused by those to whom it matters. */
        if (self->config->encryption_matters)
            (void)troth__sspi_encryption(self, &attributes->encryption, &attributes->strength, &ignored);
    } else if (strcmp(self->package, "NTLM") == 0) {
        attributes->mechanism = TROTH_MECHANISM_NTLM;
        self->ntlm = true;
        self->ntlm_sealed = (sspi_properties(self) & TROTH_CONFIDENTIALITY) != 0;
    }
    status = troth__sspi_message_sizes(self, attributes, error);
    if (status != TROTH_OK)
        return status;
    attributes->mechanism_name = self->package[0] != 0 ? self->package : "unknown";
    attributes->properties = sspi_properties(self);
    attributes->bindings = sspi_binding_result(self);
    attributes->expiry = troth__sspi_expiry_utc(self->credential, self->expiry);
    return TROTH_OK;
}

/* A string of the provider's: copied into *name unless it is missing or empty, and freed. */
static troth_status sspi_name_take(const SecurityFunctionTableW *functions, WCHAR *wide, char **name,
                                   troth_error *error)
{
    troth_status status = TROTH_E_UNAVAILABLE;

    if (wide == NULL)
        return status;
    if (wide[0] != 0 && *name == NULL) {
        *name = troth__sspi_narrow_new(wide);
        status = *name != NULL ? TROTH_OK : troth__error_set(error, TROTH_E_MEMORY, "no memory for a name");
    }
    functions->FreeContextBuffer(wide);
    return status;
}

/* "user@REALM" of one end (SECPKG_ATTR_NATIVE_NAMES). */
static troth_status sspi_name_native(struct sspi_context *self, bool server, char **name, troth_error *error)
{
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecPkgContext_NativeNamesW names = {NULL, NULL};
    WCHAR *wanted;
    WCHAR *other;
    SECURITY_STATUS result;

    result = functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_NATIVE_NAMES, &names);
    troth__sspi_traced(self->credential, self->config, "QueryContextAttributes(NATIVE_NAMES)", result, 0, 0);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "QueryContextAttributes(NATIVE_NAMES)", result, error);
    wanted = server ? names.sServerName : names.sClientName;
    other = server ? names.sClientName : names.sServerName;
    if (other != NULL)
        functions->FreeContextBuffer(other);
    return sspi_name_take(functions, wanted, name, error);
}

troth_status troth__sspi_name_user(struct sspi_context *self, char **name, troth_error *error)
{
    const SecurityFunctionTableW *functions = self->credential->functions;
    SecPkgContext_NamesW names = {NULL};
    SECURITY_STATUS result = functions->QueryContextAttributesW(&self->handle, SECPKG_ATTR_NAMES, &names);

    troth__sspi_traced(self->credential, self->config, "QueryContextAttributes(NAMES)", result, 0, 0);
    if (result != SEC_E_OK)
        return troth__sspi_fail(self->credential->native, "QueryContextAttributes(NAMES)", result, error);
    return sspi_name_take(functions, names.sUserName, name, error);
}

/* A provider without the query, and one with an empty answer, are the same to the caller. */
static troth_status sspi_name_finish(troth_status status, const char *whose, troth_error *error)
{
    if (status == TROTH_E_UNSUPPORTED || status == TROTH_E_UNAVAILABLE)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "this provider does not tell the %s name", whose);
    return status;
}

troth_status troth__sspi_peer_name(void *context, char **name, troth_error *error)
{
    struct sspi_context *self = context;
    bool acceptor = self->credential->config->role == TROTH_ACCEPTOR;
    troth_status status;

    *name = NULL;
    status = sspi_name_native(self, !acceptor, name, error);
    if (acceptor && (status == TROTH_E_UNSUPPORTED || status == TROTH_E_UNAVAILABLE))
        status = troth__sspi_name_user(self, name, error);
    return sspi_name_finish(status, "peer's", error);
}

troth_status troth__sspi_target_name(void *context, char **name, troth_error *error)
{
    *name = NULL;
    return sspi_name_finish(sspi_name_native(context, true, name, error), "target's", error);
}
