/* peer.c - who the peer is, in other forms than its display name, and what its ticket says of it. */
#include "internal.h"

#include <string.h>

#include "error.h"

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

troth_status troth__sspi_peer_attribute(void *context, const char *attribute, uint8_t **value, size_t *length,
                                        bool *authenticated, troth_error *error)
{
    (void)context;
    (void)attribute;
    *value = NULL;
    *length = 0;
    *authenticated = false;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "SSPI has no name attributes");
}
