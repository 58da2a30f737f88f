/* backend.c - the SSPI backend's face to common code. */
#include "internal.h"

const troth__backend troth__backend_here = {
    .name = "sspi",
    .native = &troth__sspi_native_here,
    .supports = troth__sspi_supports,
    .credential_acquire = troth__sspi_credential_acquire,
    .credential_free = troth__sspi_credential_free,
    .context_new = troth__sspi_context_new,
    .context_free = troth__sspi_context_free,
    .step = troth__sspi_step,
    .attributes = troth__sspi_attributes,
    .peer_name = troth__sspi_peer_name,
    .target_name = troth__sspi_target_name,
    .wrap = troth__sspi_wrap,
    .unwrap = troth__sspi_unwrap,
    .get_mic = troth__sspi_get_mic,
    .verify_mic = troth__sspi_verify_mic,
    .wrap_size = troth__sspi_wrap_size,
    .wrap_parts = troth__sspi_wrap_parts,
    .unwrap_parts = troth__sspi_unwrap_parts,
    .get_mic_parts = troth__sspi_get_mic_parts,
    .verify_mic_parts = troth__sspi_verify_mic_parts,
    .hash = troth__sspi_hash,
};
