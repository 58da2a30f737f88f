/* peer.c - who the peer is: names in parts and in other forms, and what its ticket says of it. */
#include <string.h>

#include "context.h"
#include "error.h"
#include "name.h"
#include "troth/peer.h"

/* ---- what all calls have in common ---------------------------------------------------------------------------- */

/* The context is complete, and its peer has proved who it is. */
static troth_status known(const troth_context *context, troth_error *error)
{
    const troth_status status = troth__context_ready(context, error);

    if (status == TROTH_OK && troth__context_role(context) == TROTH_INITIATOR &&
        (context->attributes.properties & TROTH_MUTUAL) == 0)
        return troth__error_set(error, TROTH_E_STATE, "the acceptor did not authenticate itself");
    return status;
}

static troth_status known_initiator(const troth_context *context, troth_error *error)
{
    const troth_status status = known(context, error);

    if (status == TROTH_OK && troth__context_role(context) != TROTH_ACCEPTOR)
        return troth__error_set(error, TROTH_E_STATE, "only an acceptor can be told this, of its initiator");
    return status;
}

static bool sane(const troth_context *context, const void *room, size_t capacity, size_t *length)
{
    if (length != NULL)
        *length = 0;
    return context != NULL && length != NULL && (room != NULL || capacity == 0);
}

static troth_status bad_argument(troth_error *error)
{
    return troth__error_set(error, TROTH_E_ARGUMENT, "a context, and room for the answer and its length are needed");
}

/* Gives what was found to the caller, and frees it. needed: with the NUL of a text, which *length does not count. */
static troth_status give(void *found, size_t needed, bool text, void *room, size_t capacity, size_t *length,
                         troth_error *error)
{
    troth_status status = TROTH_OK;

    *length = needed - (text ? 1 : 0);
    if (needed > capacity) {
        *length = needed;
        status = troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the answer needs %zu bytes, and there are %zu",
                                  needed, capacity);
    } else if (needed > 0) {
        memcpy(room, found, needed);
    }
    troth__free(found);
    return status;
}

/* ---- names ---------------------------------------------------------------------------------------------------- */

/* Cuts a display name at its one at-sign. Returns false for a name that needs escapes, or does not fit. */
static bool split(const char *name, troth_principal *principal)
{
    const char *at = strchr(name, '@');

    if (strchr(at + 1, '@') != NULL || strchr(name, '\\') != NULL)
        return false;
    if (!troth__text_plain(name))
        return false;
    if (at == name || at[1] == '\0' || (size_t)(at - name) >= sizeof principal->user ||
        strlen(at + 1) >= sizeof principal->realm)
        return false;
    memcpy(principal->user, name, (size_t)(at - name));
    memcpy(principal->realm, at + 1, strlen(at + 1));
    return true;
}

troth_status troth_context_peer_principal(troth_context *context, troth_principal *principal, troth_error *error)
{
    const char *name = NULL;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL || principal == NULL || principal->size < sizeof *principal)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "a context and a principal begun with TROTH_PRINCIPAL_INIT are needed");
    memset(principal->user, 0, sizeof principal->user);
    memset(principal->realm, 0, sizeof principal->realm);
    status = known(context, error);
    if (status == TROTH_OK)
        status = troth_context_peer_name(context, &name, error);
    if (status != TROTH_OK)
        return status;
    if (strchr(name, '@') == NULL)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "the peer's name is no principal with a realm");
    if (!split(name, principal))
        return troth__error_set(error, TROTH_E_NAME,
                                "the peer's name cannot be told in two parts without being taken for another's");
    return TROTH_OK;
}

/*
 * RFC 2743 section 3.2: the token's mark, the length of the mechanism's OID in DER, that, the length of the name, and
 * the name. For Kerberos it is the display form (RFC 1964 sections 2.1.1 and 2.1.3). Made here and not by the native
 * library: under SPNEGO MIT 1.20.1 exports another name of the same peer, and SSPI none.
 */
static const uint8_t exported_head[] = {0x04, 0x01, 0x00, 0x0B, 0x06, 0x09, 0x2A, 0x86,
                                        0x48, 0x86, 0xF7, 0x12, 0x01, 0x02, 0x02};
#define NAME_LENGTH_SIZE 4u

troth_status troth_context_peer_export_name(troth_context *context, void *name, size_t capacity, size_t *name_length,
                                            troth_error *error)
{
    const char *display = NULL;
    uint8_t *at = name;
    troth_error scratch;
    troth_status status;
    size_t length, needed;

    error = troth__error_begin(error, &scratch);
    if (!sane(context, name, capacity, name_length))
        return bad_argument(error);
    status = known(context, error);
    if (status == TROTH_OK)
        status = troth_context_peer_name(context, &display, error);
    if (status != TROTH_OK)
        return status;
    if (context->attributes.mechanism != TROTH_MECHANISM_KERBEROS || strchr(display, '@') == NULL)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "only a Kerberos principal has an exported name here");
    length = strlen(display);
    *name_length = needed = sizeof exported_head + NAME_LENGTH_SIZE + length;
    if (needed > capacity)
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "the name needs %zu bytes, and there are %zu", needed,
                                capacity);
    memcpy(at, exported_head, sizeof exported_head);
    at += sizeof exported_head;
    for (unsigned i = 0; i < NAME_LENGTH_SIZE; i++)
        *at++ = (uint8_t)(length >> (8 * (NAME_LENGTH_SIZE - 1 - i)));
    memcpy(at, display, length);
    return TROTH_OK;
}

/*
 * Accounts are used as words of a line and as parts of a path, and some systems have them as user@domain. MIT 1.20.1
 * gives the principal's one component as it is, "../../etc" as well as "bob@other", and of one with a NUL in it what
 * stands before that: root\0x would be root. All these need an escape in the display name.
 */
static troth_status check_account(troth_context *context, const char *account, troth_error *error)
{
    const bool kerberos = context->attributes.mechanism == TROTH_MECHANISM_KERBEROS;
    const char *display = NULL;
    const troth_status status = troth_context_peer_name(context, &display, error);

    if (status != TROTH_OK)
        return status;
    if ((kerberos && strchr(display, '\\') != NULL) || !troth__text_plain(account) || strpbrk(account, "/:") != NULL ||
        strcmp(account, ".") == 0 || strcmp(account, "..") == 0)
        return troth__error_set(error, TROTH_E_NAME, "the peer's name gives none that an account can have");
    return TROTH_OK;
}

troth_status troth_context_peer_local_name(troth_context *context, char *name, size_t capacity, size_t *name_length,
                                           troth_error *error)
{
    char *found = NULL;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (!sane(context, name, capacity, name_length))
        return bad_argument(error);
    status = known(context, error);
    if (status == TROTH_OK)
        status = context->credential->backend->peer_local_name(context->native, &found, error);
    if (status == TROTH_OK)
        status = check_account(context, found, error);
    if (status == TROTH_OK)
        return give(found, strlen(found) + 1, true, name, capacity, name_length, error);
    troth__free(found);
    return status;
}

troth_status troth_context_peer_windows_name(troth_context *context, char *name, size_t capacity, size_t *name_length,
                                             troth_error *error)
{
    char *found = NULL;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (!sane(context, name, capacity, name_length))
        return bad_argument(error);
    status = known_initiator(context, error);
    if (status == TROTH_OK)
        status = context->credential->backend->peer_windows_name(context->native, &found, error);
    return status == TROTH_OK ? give(found, strlen(found) + 1, true, name, capacity, name_length, error) : status;
}

troth_status troth_context_peer_target(troth_context *context, char *name, size_t capacity, size_t *name_length,
                                       int *unverified, troth_error *error)
{
    bool doubtful = false;
    char *found = NULL;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (unverified != NULL)
        *unverified = 0;
    if (!sane(context, name, capacity, name_length))
        return bad_argument(error);
    status = known_initiator(context, error);
    if (status == TROTH_OK)
        status = context->credential->backend->peer_target(context->native, &found, &doubtful, error);
    if (status != TROTH_OK)
        return status;
    if (unverified == NULL && doubtful) {
        troth__free(found);
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "the initiator calls its target's name unverified");
    }
    if (unverified != NULL)
        *unverified = doubtful;
    return give(found, strlen(found) + 1, true, name, capacity, name_length, error);
}

/* ---- authorisation data --------------------------------------------------------------------------------------- */

troth_status troth_context_peer_attribute(troth_context *context, const char *attribute, void *value, size_t capacity,
                                          size_t *value_length, int *authenticated, troth_error *error)
{
    uint8_t *found = NULL;
    bool vouched = false;
    size_t length = 0;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (authenticated != NULL)
        *authenticated = 0;
    if (!sane(context, value, capacity, value_length) || attribute == NULL || attribute[0] == '\0')
        return bad_argument(error);
    status = known_initiator(context, error);
    if (status == TROTH_OK)
        status =
            context->credential->backend->peer_attribute(context->native, attribute, &found, &length, &vouched, error);
    if (status != TROTH_OK)
        return status;
    if (authenticated == NULL && !vouched) {
        troth__free(found);
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "nobody vouches for this attribute");
    }
    if (authenticated != NULL)
        *authenticated = vouched;
    return give(found, length, false, value, capacity, value_length, error);
}
