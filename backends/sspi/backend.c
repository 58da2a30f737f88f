/* backend.c - the SSPI backend's face to common code. */
#include "parts.h"

const troth__backend troth__backend_here = {
    .name = "sspi",
    .native = &sspi_native_here,
    .credential_acquire = sspi_credential_acquire,
    .credential_free = sspi_credential_free,
    .context_new = sspi_context_new,
    .context_free = sspi_context_free,
    .step = sspi_step,
    .attributes = sspi_attributes,
    .peer_name = sspi_peer_name,
    .target_name = sspi_target_name,
    .wrap = sspi_wrap,
    .unwrap = sspi_unwrap,
    .get_mic = sspi_get_mic,
    .verify_mic = sspi_verify_mic,
};
