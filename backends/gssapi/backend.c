/* backend.c - the GSSAPI backend as common code sees it. */
#include "internal.h"

const troth__backend troth__backend_here = {
    .name = "gssapi",
    .native = &troth__gss_native,
    .supports = troth__gss_supports,
    .credential_acquire = troth__gss_credential_acquire,
    .credential_free = troth__gss_credential_free,
    .context_new = troth__gss_context_new,
    .context_free = troth__gss_context_free,
    .step = troth__gss_step,
    .attributes = troth__gss_attributes,
    .peer_name = troth__gss_peer_name,
    .target_name = troth__gss_target_name,
    .wrap = troth__gss_wrap,
    .unwrap = troth__gss_unwrap,
    .get_mic = troth__gss_get_mic,
    .verify_mic = troth__gss_verify_mic,
    .wrap_size = troth__gss_wrap_size,
    .wrap_parts = troth__gss_wrap_parts,
    .unwrap_parts = troth__gss_unwrap_parts,
    .get_mic_parts = troth__gss_get_mic_parts,
    .verify_mic_parts = troth__gss_verify_mic_parts,
    .hash = troth__gss_hash,
};
