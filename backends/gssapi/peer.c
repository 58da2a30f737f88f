/* peer.c - who the peer is, in other forms than its display name, and what its ticket says of it. */
#include "internal.h"

#include <string.h>

#include "error.h"
#include "target.h"
#include "troth/peer.h"

/* A native call failed: without the thing that was asked for it is unavailable. */
static troth_status gss_peer_fail(const struct gss_context *context, const char *call, OM_uint32 major, OM_uint32 minor,
                                  troth_error *error)
{
    const OM_uint32 routine = GSS_ROUTINE_ERROR(major);

    troth__gss_fail(context->native, call, major, minor, &troth__gss_krb5, error);
    /* MIT 1.20.1: ENOENT for an attribute that is not there; KRB5_LNAME_NOTRANS for a name without an account. */
    if (routine == GSS_S_UNAVAILABLE || error->native_minor == (uint32_t)KRB5_LNAME_NOTRANS ||
        error->native_minor == (uint32_t)KRB5_NO_LOCALNAME || error->status == TROTH_E_NO_CREDENTIAL)
        error->status = TROTH_E_UNAVAILABLE;
    return error->status;
}

/* The peer's native name, to be released. */
static troth_status gss_peer(const struct gss_context *context, gss_name_t *name, troth_error *error)
{
    const bool acceptor = troth__gss_credential_config(context->credential)->role == TROTH_ACCEPTOR;

    return troth__gss_context_name(context, acceptor, name, error);
}

/* Copies what a native call gave, with room for a NUL, and releases it. */
static troth_status gss_peer_take(const struct gss_context *context, gss_buffer_t buffer, uint8_t **found,
                                  size_t *length, troth_error *error)
{
    troth_status status = TROTH_OK;
    OM_uint32 minor;

    *found = troth__alloc(buffer->length + 1);
    if (*found == NULL) {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for what is known of the peer");
    } else {
        if (buffer->length > 0)
            memcpy(*found, buffer->value, buffer->length);
        *length = buffer->length;
    }
    /* MIT 1.20.1 does not free the byte behind an empty buffer, such as gss_localname's of a user without letters. */
    if (buffer->length == 0 && buffer->value != NULL)
        buffer->length = 1;
    context->native->gss_release_buffer(&minor, buffer);
    return status;
}

troth_status troth__gss_peer_local_name(void *pointer, char **name, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_buffer_desc local = GSS_C_EMPTY_BUFFER;
    uint8_t *found = NULL;
    size_t length = 0;
    gss_name_t peer;
    OM_uint32 major, minor;
    troth_status status = gss_peer(context, &peer, error);

    *name = NULL;
    if (status != TROTH_OK)
        return status;
    major = context->native->gss_localname(&minor, peer, context->ntlm ? &troth__gss_ntlm : &troth__gss_krb5, &local);
    troth__gss_traced(context->credential, context->config, "gss_localname", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        status = gss_peer_fail(context, "gss_localname", major, minor, error);
    else
        status = gss_peer_take(context, &local, &found, &length, error);
    troth__gss_name_release(context->native, &peer);
    if (status == TROTH_OK && (length == 0 || strlen((const char *)found) != length)) {
        troth__free(found);
        return troth__error_set(error, TROTH_E_FAILURE, "gss_localname: the name is empty or has a NUL in it");
    }
    *name = (char *)found;
    return status;
}

troth_status troth__gss_peer_windows_name(void *context, char **name, troth_error *error)
{
    (void)context;
    *name = NULL;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "GSSAPI does not tell names in Windows' form");
}

/*
 * MIT 1.20.1 keeps the authorisation data of the ticket and of the authenticator as one list, of which it gives all
 * elements of one type, unopened: both were sealed by somebody who had the session's key. GSSAPI's name of the question
 * ends with the type, here AD-IF-RELEVANT.
 */
static gss_OID_desc gss_authority = {12, (void *)(uintptr_t) "\x2A\x86\x48\x86\xF7\x12\x01\x02\x02\x05\x0A\x01"};

troth_status troth__gss_peer_target(void *pointer, char **name, bool *unverified, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_buffer_set_t found = GSS_C_NO_BUFFER_SET;
    struct troth__target_said said = {NULL, false};
    troth_status status = TROTH_OK;
    OM_uint32 major, minor;

    *name = NULL;
    *unverified = false;
    if (context->ntlm)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "NTLM's initiators are not asked for their target here");
    major = context->native->gss_inquire_sec_context_by_oid(&minor, context->context, &gss_authority, &found);
    troth__gss_traced(context->credential, context->config, "gss_inquire_sec_context_by_oid", major, minor,
                      &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_inquire_sec_context_by_oid", major, minor, &troth__gss_krb5,
                               error);
    for (size_t i = 0; found != GSS_C_NO_BUFFER_SET && status == TROTH_OK && i < found->count; i++)
        status = troth__target_read((troth__bytes){found->elements[i].value, found->elements[i].length}, &said, error);
    if (found != GSS_C_NO_BUFFER_SET)
        context->native->gss_release_buffer_set(&minor, &found);
    if (status == TROTH_OK && said.name == NULL)
        status =
            troth__error_set(error, TROTH_E_UNAVAILABLE, "the initiator does not say whom it was told to authenticate");
    if (status != TROTH_OK) {
        troth__free(said.name);
        return status;
    }
    *name = said.name;
    *unverified = said.unverified;
    return TROTH_OK;
}

troth_status troth__gss_peer_attribute(void *pointer, const char *attribute, uint8_t **value, size_t *length,
                                       bool *authenticated, troth_error *error)
{
    struct gss_context *context = pointer;
    gss_buffer_desc asked = {strlen(attribute), NULL}, got = GSS_C_EMPTY_BUFFER, shown = GSS_C_EMPTY_BUFFER;
    int vouched = 0, complete = 0, more = -1;
    gss_name_t peer;
    OM_uint32 major, minor;
    troth_status status;

    *value = NULL;
    *length = 0;
    *authenticated = false;
    if (strcmp(attribute, TROTH_ATTRIBUTE_USER_SID) == 0 || strcmp(attribute, TROTH_ATTRIBUTE_GROUP_SIDS) == 0)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "GSSAPI has no access tokens; the PAC is \"urn:mspac:\"");
    status = gss_peer(context, &peer, error);
    if (status != TROTH_OK)
        return status;
    memcpy(&asked.value, &attribute, sizeof asked.value); /* GSSAPI's buffers know no const */
    major = context->native->gss_get_name_attribute(&minor, peer, &asked, &vouched, &complete, &got, &shown, &more);
    troth__gss_traced(context->credential, context->config, "gss_get_name_attribute", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major)) {
        status = gss_peer_fail(context, "gss_get_name_attribute", major, minor, error);
    } else {
        status = gss_peer_take(context, &got, value, length, error);
        context->native->gss_release_buffer(&minor, &shown);
        *authenticated = vouched != 0;
    }
    troth__gss_name_release(context->native, &peer);
    return status;
}
