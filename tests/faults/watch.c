/* watch.c - the watching table of native calls: each is counted, may be made to fail, and is kept account of. */
#include "watch.h"

#include <string.h>

#include "ledger.h"

/* The real calls. */
#define REAL(call) (troth__gss_native.call)

/* A failure that no part of the library has its own opinion on. */
static OM_uint32 gss_failure(OM_uint32 *minor)
{
    *minor = (OM_uint32)KRB5_CC_IO;
    return GSS_S_FAILURE;
}

static void buffer_born(const gss_buffer_desc *buffer)
{
    if (buffer->value != NULL)
        ledger_born("gss buffer", buffer->value, 0);
}

/* Calls that make nothing. */
#define PLAIN(call, parameters, arguments)                                                                             \
    static OM_uint32 watched_##call parameters                                                                         \
    {                                                                                                                  \
        const enum ledger_verdict verdict = ledger_call(#call);                                                        \
        OM_uint32 major = GSS_S_COMPLETE;                                                                              \
                                                                                                                       \
        if (verdict != LEDGER_BEFORE)                                                                                  \
            major = REAL(call) arguments;                                                                              \
        return verdict == LEDGER_PASS ? major : gss_failure(minor);                                                    \
    }

PLAIN(gss_get_mic_iov, (OM_uint32 * minor, gss_ctx_id_t context, gss_qop_t qop, gss_iov_buffer_desc *iov, int count),
      (minor, context, qop, iov, count))
PLAIN(gss_get_mic_iov_length,
      (OM_uint32 * minor, gss_ctx_id_t context, gss_qop_t qop, gss_iov_buffer_desc *iov, int count),
      (minor, context, qop, iov, count))
PLAIN(gss_set_neg_mechs, (OM_uint32 * minor, gss_cred_id_t cred, const gss_OID_set set), (minor, cred, set))
PLAIN(gss_unwrap_iov,
      (OM_uint32 * minor, gss_ctx_id_t context, int *sealed, gss_qop_t *qop, gss_iov_buffer_desc *iov, int count),
      (minor, context, sealed, qop, iov, count))
PLAIN(gss_verify_mic, (OM_uint32 * minor, gss_ctx_id_t context, gss_buffer_t data, gss_buffer_t mic, gss_qop_t *qop),
      (minor, context, data, mic, qop))
PLAIN(gss_verify_mic_iov,
      (OM_uint32 * minor, gss_ctx_id_t context, gss_qop_t *qop, gss_iov_buffer_desc *iov, int count),
      (minor, context, qop, iov, count))
PLAIN(gss_wrap_iov,
      (OM_uint32 * minor, gss_ctx_id_t context, int seal, gss_qop_t qop, int *sealed, gss_iov_buffer_desc *iov,
       int count),
      (minor, context, seal, qop, sealed, iov, count))
PLAIN(gss_wrap_iov_length,
      (OM_uint32 * minor, gss_ctx_id_t context, int seal, gss_qop_t qop, int *sealed, gss_iov_buffer_desc *iov,
       int count),
      (minor, context, seal, qop, sealed, iov, count))
/* What it fills is the private ccache, which the krb5 library itself is asked about. */
PLAIN(gss_store_cred_into,
      (OM_uint32 * minor, gss_cred_id_t cred, gss_cred_usage_t usage, gss_OID mechanism, OM_uint32 overwrite,
       OM_uint32 make_default, gss_const_key_value_set_t store, gss_OID_set *stored, gss_cred_usage_t *stored_usage),
      (minor, cred, usage, mechanism, overwrite, make_default, store, stored, stored_usage))
/* The backend adds to its own credential, so that nothing new is made; it asks for no sets. */
PLAIN(gss_add_cred_from,
      (OM_uint32 * minor, gss_cred_id_t cred, gss_name_t name, gss_OID mechanism, gss_cred_usage_t usage,
       OM_uint32 initiator_time, OM_uint32 acceptor_time, gss_const_key_value_set_t store, gss_cred_id_t *made,
       gss_OID_set *mechanisms, OM_uint32 *initiator_got, OM_uint32 *acceptor_got),
      (minor, cred, name, mechanism, usage, initiator_time, acceptor_time, store, made, mechanisms, initiator_got,
       acceptor_got))
PLAIN(gss_krb5_get_tkt_flags, (OM_uint32 * minor, gss_ctx_id_t context, krb5_flags *ticket), (minor, context, ticket))

/* ---- the handshake -------------------------------------------------------------------------------------------- */

/* After either side's real step: what was made is noted, or, when it is to fail, released. */
static OM_uint32 stepped(enum ledger_verdict verdict, bool first, OM_uint32 major, OM_uint32 *minor,
                         gss_ctx_id_t *context, gss_buffer_t out)
{
    OM_uint32 ignored;

    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_buffer)(&ignored, out);
        if (first && *context != GSS_C_NO_CONTEXT)
            REAL(gss_delete_sec_context)(&ignored, context, GSS_C_NO_BUFFER);
        return gss_failure(minor);
    }
    buffer_born(out);
    if (first && *context != GSS_C_NO_CONTEXT)
        ledger_born("gss context", *context, 0);
    return major;
}

static OM_uint32 watched_gss_init_sec_context(OM_uint32 *minor, gss_cred_id_t cred, gss_ctx_id_t *context,
                                              gss_name_t target, gss_OID mechanism, OM_uint32 flags, OM_uint32 lifetime,
                                              gss_channel_bindings_t bindings, gss_buffer_t in, gss_OID *used,
                                              gss_buffer_t out, OM_uint32 *got, OM_uint32 *time_got)
{
    const enum ledger_verdict verdict = ledger_call("gss_init_sec_context");
    const gss_ctx_id_t before = *context;
    OM_uint32 major;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_init_sec_context)(minor, cred, context, target, mechanism, flags, lifetime, bindings, in, used,
                                       out, got, time_got);
    if (before != GSS_C_NO_CONTEXT && *context == GSS_C_NO_CONTEXT)
        ledger_died("gss context", before);
    return stepped(verdict, before == GSS_C_NO_CONTEXT, major, minor, context, out);
}

static OM_uint32 watched_gss_accept_sec_context(OM_uint32 *minor, gss_ctx_id_t *context, gss_cred_id_t cred,
                                                gss_buffer_t in, gss_channel_bindings_t bindings, gss_name_t *source,
                                                gss_OID *used, gss_buffer_t out, OM_uint32 *got, OM_uint32 *time_got,
                                                gss_cred_id_t *delegated)
{
    const enum ledger_verdict verdict = ledger_call("gss_accept_sec_context");
    const gss_ctx_id_t before = *context;
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major =
        REAL(gss_accept_sec_context)(minor, context, cred, in, bindings, source, used, out, got, time_got, delegated);
    if (before != GSS_C_NO_CONTEXT && *context == GSS_C_NO_CONTEXT)
        ledger_died("gss context", before);
    if (delegated != NULL && *delegated != GSS_C_NO_CREDENTIAL) {
        if (verdict == LEDGER_AFTER)
            REAL(gss_release_cred)(&ignored, delegated);
        else
            ledger_born("gss credential", *delegated, 0);
    }
    if (source != NULL && *source != GSS_C_NO_NAME) {
        if (verdict == LEDGER_AFTER)
            REAL(gss_release_name)(&ignored, source);
        else
            ledger_born("gss name", *source, 0);
    }
    return stepped(verdict, before == GSS_C_NO_CONTEXT, major, minor, context, out);
}

/* ---- what makes something ------------------------------------------------------------------------------------- */

/* A call that makes a credential: failed, failed on order after all, or noted. */
static OM_uint32 cred_made(enum ledger_verdict verdict, OM_uint32 major, OM_uint32 *minor, gss_cred_id_t *cred)
{
    OM_uint32 ignored;

    if (GSS_ERROR(major))
        return major;
    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_cred)(&ignored, cred);
        return gss_failure(minor);
    }
    ledger_born("gss credential", *cred, 0);
    return major;
}

/* The name is made; the backend asks for no sets. */
static OM_uint32 watched_gss_inquire_cred(OM_uint32 *minor, gss_cred_id_t cred, gss_name_t *name, OM_uint32 *lifetime,
                                          gss_cred_usage_t *usage, gss_OID_set *mechanisms)
{
    const enum ledger_verdict verdict = ledger_call("gss_inquire_cred");
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_inquire_cred)(minor, cred, name, lifetime, usage, mechanisms);
    if (!GSS_ERROR(major) && name != NULL && *name != GSS_C_NO_NAME) {
        if (verdict == LEDGER_AFTER)
            REAL(gss_release_name)(&ignored, name);
        else
            ledger_born("gss name", *name, 0);
    }
    return verdict == LEDGER_AFTER ? gss_failure(minor) : major;
}

static OM_uint32 watched_gss_acquire_cred_from(OM_uint32 *minor, gss_name_t name, OM_uint32 lifetime,
                                               gss_OID_set mechanisms, gss_cred_usage_t usage,
                                               gss_const_key_value_set_t store, gss_cred_id_t *cred, gss_OID_set *got,
                                               OM_uint32 *time_got)
{
    const enum ledger_verdict verdict = ledger_call("gss_acquire_cred_from");

    ledger_store(store);
    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return cred_made(verdict,
                     REAL(gss_acquire_cred_from)(minor, name, lifetime, mechanisms, usage, store, cred, got, time_got),
                     minor, cred);
}

static OM_uint32 watched_gss_acquire_cred_with_password(OM_uint32 *minor, const gss_name_t name,
                                                        const gss_buffer_t password, OM_uint32 lifetime,
                                                        const gss_OID_set mechanisms, gss_cred_usage_t usage,
                                                        gss_cred_id_t *cred, gss_OID_set *got, OM_uint32 *time_got)
{
    const enum ledger_verdict verdict = ledger_call("gss_acquire_cred_with_password");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return cred_made(
        verdict,
        REAL(gss_acquire_cred_with_password)(minor, name, password, lifetime, mechanisms, usage, cred, got, time_got),
        minor, cred);
}

static OM_uint32 watched_gss_acquire_cred_impersonate_name(OM_uint32 *minor, const gss_cred_id_t by,
                                                           const gss_name_t name, OM_uint32 lifetime,
                                                           const gss_OID_set mechanisms, gss_cred_usage_t usage,
                                                           gss_cred_id_t *cred, gss_OID_set *got, OM_uint32 *time_got)
{
    const enum ledger_verdict verdict = ledger_call("gss_acquire_cred_impersonate_name");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return cred_made(
        verdict,
        REAL(gss_acquire_cred_impersonate_name)(minor, by, name, lifetime, mechanisms, usage, cred, got, time_got),
        minor, cred);
}

/* What must be wiped before it is released, or NULL. */
static const void *secret;

static OM_uint32 buffer_made(enum ledger_verdict verdict, OM_uint32 major, OM_uint32 *minor, gss_buffer_t buffer)
{
    OM_uint32 ignored;

    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_buffer)(&ignored, buffer);
        return gss_failure(minor);
    }
    buffer_born(buffer);
    return major;
}

static OM_uint32 watched_gss_display_name(OM_uint32 *minor, gss_name_t name, gss_buffer_t text, gss_OID *type)
{
    const enum ledger_verdict verdict = ledger_call("gss_display_name");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return buffer_made(verdict, REAL(gss_display_name)(minor, name, text, type), minor, text);
}

static OM_uint32 watched_gss_display_status(OM_uint32 *minor, OM_uint32 code, int type, gss_OID mechanism,
                                            OM_uint32 *more, gss_buffer_t text)
{
    const enum ledger_verdict verdict = ledger_call("gss_display_status");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return buffer_made(verdict, REAL(gss_display_status)(minor, code, type, mechanism, more, text), minor, text);
}

static OM_uint32 watched_gss_import_name(OM_uint32 *minor, gss_buffer_t text, gss_OID type, gss_name_t *name)
{
    const enum ledger_verdict verdict = ledger_call("gss_import_name");
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_import_name)(minor, text, type, name);
    if (GSS_ERROR(major))
        return major;
    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_name)(&ignored, name);
        return gss_failure(minor);
    }
    ledger_born("gss name", *name, 0);
    return major;
}

static OM_uint32 watched_gss_canonicalize_name(OM_uint32 *minor, const gss_name_t name, const gss_OID mechanism,
                                               gss_name_t *made)
{
    const enum ledger_verdict verdict = ledger_call("gss_canonicalize_name");
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_canonicalize_name)(minor, name, mechanism, made);
    if (GSS_ERROR(major))
        return major;
    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_name)(&ignored, made);
        return gss_failure(minor);
    }
    ledger_born("gss name", *made, 0);
    return major;
}

static OM_uint32 watched_gss_inquire_context(OM_uint32 *minor, gss_ctx_id_t context, gss_name_t *source,
                                             gss_name_t *target, OM_uint32 *lifetime, gss_OID *mechanism,
                                             OM_uint32 *flags, int *local, int *open)
{
    /* With the mechanism it is a target's name that is asked for, to be kept: what can be done without. */
    const enum ledger_verdict verdict =
        ledger_call(target != NULL && mechanism != NULL ? "gss_inquire_context for later" : "gss_inquire_context");
    gss_name_t *const names[] = {source, target};
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_inquire_context)(minor, context, source, target, lifetime, mechanism, flags, local, open);
    if (GSS_ERROR(major))
        return major;
    for (size_t i = 0; i < 2; i++) {
        if (names[i] == NULL || *names[i] == GSS_C_NO_NAME)
            continue;
        if (verdict == LEDGER_AFTER)
            REAL(gss_release_name)(&ignored, names[i]);
        else
            ledger_born("gss name", *names[i], 0);
    }
    return verdict == LEDGER_AFTER ? gss_failure(minor) : major;
}

static OM_uint32 watched_gss_wrap(OM_uint32 *minor, gss_ctx_id_t context, int seal, gss_qop_t qop, gss_buffer_t data,
                                  int *sealed, gss_buffer_t message)
{
    const enum ledger_verdict verdict = ledger_call("gss_wrap");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return buffer_made(verdict, REAL(gss_wrap)(minor, context, seal, qop, data, sealed, message), minor, message);
}

static OM_uint32 watched_gss_unwrap(OM_uint32 *minor, gss_ctx_id_t context, gss_buffer_t message, gss_buffer_t data,
                                    int *sealed, gss_qop_t *qop)
{
    const enum ledger_verdict verdict = ledger_call("gss_unwrap");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return buffer_made(verdict, REAL(gss_unwrap)(minor, context, message, data, sealed, qop), minor, data);
}

static OM_uint32 watched_gss_get_mic(OM_uint32 *minor, gss_ctx_id_t context, gss_qop_t qop, gss_buffer_t data,
                                     gss_buffer_t mic)
{
    const enum ledger_verdict verdict = ledger_call("gss_get_mic");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return buffer_made(verdict, REAL(gss_get_mic)(minor, context, qop, data, mic), minor, mic);
}

/*
 * A context's key comes by a query by an OID: it must be gone before it is released. The last answer of one that is no
 * key.
 */
static gss_buffer_set_t no_secret;

/* What either query by an OID came to. */
static OM_uint32 answered(enum ledger_verdict verdict, OM_uint32 major, OM_uint32 *minor, gss_buffer_set_t *set)
{
    OM_uint32 ignored;

    if (GSS_ERROR(major))
        return major;
    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_buffer_set)(&ignored, set);
        return gss_failure(minor);
    }
    if (*set != GSS_C_NO_BUFFER_SET)
        ledger_born("gss buffer set", *set, 0);
    return major;
}

static OM_uint32 watched_gss_inquire_cred_by_oid(OM_uint32 *minor, const gss_cred_id_t cred, const gss_OID wanted,
                                                 gss_buffer_set_t *set)
{
    const enum ledger_verdict verdict = ledger_call("gss_inquire_cred_by_oid");
    OM_uint32 major;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = answered(verdict, REAL(gss_inquire_cred_by_oid)(minor, cred, wanted, set), minor, set);
    no_secret = *set;
    return major;
}

static OM_uint32 watched_gss_inquire_sec_context_by_oid(OM_uint32 *minor, const gss_ctx_id_t context,
                                                        const gss_OID wanted, gss_buffer_set_t *set)
{
    const enum ledger_verdict verdict = ledger_call("gss_inquire_sec_context_by_oid");
    OM_uint32 major;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = answered(verdict, REAL(gss_inquire_sec_context_by_oid)(minor, context, wanted, set), minor, set);
    if (wanted->length != GSS_C_INQ_SSPI_SESSION_KEY->length ||
        memcmp(wanted->elements, GSS_C_INQ_SSPI_SESSION_KEY->elements, wanted->length) != 0)
        no_secret = *set;
    return major;
}

static OM_uint32 watched_gss_localname(OM_uint32 *minor, const gss_name_t name, gss_const_OID mechanism,
                                       gss_buffer_t local)
{
    const enum ledger_verdict verdict = ledger_call("gss_localname");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return buffer_made(verdict, REAL(gss_localname)(minor, name, mechanism, local), minor, local);
}

static OM_uint32 watched_gss_get_name_attribute(OM_uint32 *minor, gss_name_t name, gss_buffer_t attribute,
                                                int *authenticated, int *complete, gss_buffer_t value,
                                                gss_buffer_t shown, int *more)
{
    const enum ledger_verdict verdict = ledger_call("gss_get_name_attribute");
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_get_name_attribute)(minor, name, attribute, authenticated, complete, value, shown, more);
    if (verdict == LEDGER_AFTER)
        REAL(gss_release_buffer)(&ignored, shown);
    else
        buffer_born(shown);
    return buffer_made(verdict, major, minor, value);
}

/* Bytes that hold a key, or are as good as one. */
static OM_uint32 secret_made(enum ledger_verdict verdict, OM_uint32 major, OM_uint32 *minor, gss_buffer_t buffer)
{
    major = buffer_made(verdict, major, minor, buffer);
    secret = GSS_ERROR(major) ? NULL : buffer->value;
    return major;
}

static OM_uint32 KRB5_CALLCONV watched_gss_pseudo_random(OM_uint32 *minor, gss_ctx_id_t context, int key,
                                                         const gss_buffer_t input, ssize_t length, gss_buffer_t output)
{
    const enum ledger_verdict verdict = ledger_call("gss_pseudo_random");

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    return secret_made(verdict, REAL(gss_pseudo_random)(minor, context, key, input, length, output), minor, output);
}

/* The context is gone in any case when the call was made. */
static OM_uint32 watched_gss_export_sec_context(OM_uint32 *minor, gss_ctx_id_t *context, gss_buffer_t token)
{
    const enum ledger_verdict verdict = ledger_call("gss_export_sec_context");
    const gss_ctx_id_t before = *context;
    OM_uint32 major;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_export_sec_context)(minor, context, token);
    if (*context == GSS_C_NO_CONTEXT)
        ledger_died("gss context", before);
    return secret_made(verdict, major, minor, token);
}

static OM_uint32 watched_gss_import_sec_context(OM_uint32 *minor, gss_buffer_t token, gss_ctx_id_t *context)
{
    const enum ledger_verdict verdict = ledger_call("gss_import_sec_context");
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_import_sec_context)(minor, token, context);
    if (GSS_ERROR(major))
        return major;
    if (verdict == LEDGER_AFTER) {
        REAL(gss_delete_sec_context)(&ignored, context, GSS_C_NO_BUFFER);
        return gss_failure(minor);
    }
    ledger_born("gss context", *context, 0);
    return major;
}

/* ---- what releases -------------------------------------------------------------------------------------------- */

static OM_uint32 watched_gss_delete_sec_context(OM_uint32 *minor, gss_ctx_id_t *context, gss_buffer_t out)
{
    const enum ledger_verdict verdict = ledger_call("gss_delete_sec_context");
    OM_uint32 major;

    ledger_died("gss context", *context);
    major = REAL(gss_delete_sec_context)(minor, context, out);
    return verdict == LEDGER_PASS ? major : gss_failure(minor);
}

static OM_uint32 watched_gss_release_buffer(OM_uint32 *minor, gss_buffer_t buffer)
{
    const enum ledger_verdict verdict = ledger_call("gss_release_buffer");
    OM_uint32 major;

    if (buffer->value != NULL)
        ledger_died("gss buffer", buffer->value);
    if (buffer->value != NULL && buffer->value == secret) {
        for (size_t i = 0; i < buffer->length; i++) {
            if (((const uint8_t *)buffer->value)[i] != 0)
                ledger_born("byte of a secret that was not wiped", buffer->value, 0);
        }
        secret = NULL;
    }
    major = REAL(gss_release_buffer)(minor, buffer);
    return verdict == LEDGER_PASS ? major : gss_failure(minor);
}

static OM_uint32 watched_gss_release_buffer_set(OM_uint32 *minor, gss_buffer_set_t *set)
{
    const enum ledger_verdict verdict = ledger_call("gss_release_buffer_set");
    OM_uint32 major;

    ledger_died("gss buffer set", *set);
    for (size_t i = 0; *set != no_secret && i < (*set)->count; i++) {
        const uint8_t *bytes = (*set)->elements[i].value;

        for (size_t j = 0; j < (*set)->elements[i].length; j++) {
            if (bytes[j] != 0)
                ledger_born("byte of a key that was not wiped", bytes, 0);
        }
    }
    no_secret = GSS_C_NO_BUFFER_SET; /* the next one may be at the same place */
    major = REAL(gss_release_buffer_set)(minor, set);
    return verdict == LEDGER_PASS ? major : gss_failure(minor);
}

static OM_uint32 watched_gss_release_cred(OM_uint32 *minor, gss_cred_id_t *cred)
{
    const enum ledger_verdict verdict = ledger_call("gss_release_cred");
    OM_uint32 major;

    ledger_died("gss credential", *cred);
    major = REAL(gss_release_cred)(minor, cred);
    return verdict == LEDGER_PASS ? major : gss_failure(minor);
}

static OM_uint32 watched_gss_indicate_mechs(OM_uint32 *minor, gss_OID_set *set)
{
    const enum ledger_verdict verdict = ledger_call("gss_indicate_mechs");
    OM_uint32 major, ignored;

    if (verdict == LEDGER_BEFORE)
        return gss_failure(minor);
    major = REAL(gss_indicate_mechs)(minor, set);
    if (GSS_ERROR(major))
        return major;
    if (verdict == LEDGER_AFTER) {
        REAL(gss_release_oid_set)(&ignored, set);
        return gss_failure(minor);
    }
    ledger_born("gss OID set", *set, 0);
    return major;
}

static OM_uint32 watched_gss_release_oid_set(OM_uint32 *minor, gss_OID_set *set)
{
    const enum ledger_verdict verdict = ledger_call("gss_release_oid_set");
    OM_uint32 major;

    ledger_died("gss OID set", *set);
    major = REAL(gss_release_oid_set)(minor, set);
    return verdict == LEDGER_PASS ? major : gss_failure(minor);
}

static OM_uint32 watched_gss_release_name(OM_uint32 *minor, gss_name_t *name)
{
    const enum ledger_verdict verdict = ledger_call("gss_release_name");
    OM_uint32 major;

    ledger_died("gss name", *name);
    major = REAL(gss_release_name)(minor, name);
    return verdict == LEDGER_PASS ? major : gss_failure(minor);
}

/* ---- krb5 ----------------------------------------------------------------------------------------------------- */

static const char *KRB5_CALLCONV watched_krb5_cc_default_name(krb5_context krb5)
{
    return ledger_call("krb5_cc_default_name") == LEDGER_PASS ? REAL(krb5_cc_default_name)(krb5) : NULL;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_resolve(krb5_context krb5, const char *name, krb5_ccache *ccache)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_resolve");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_CC_IO : REAL(krb5_cc_resolve)(krb5, name, ccache);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_cc_close(krb5, *ccache);
        return KRB5_CC_IO;
    }
    if (code == 0)
        ledger_born("krb5 ccache", *ccache, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_destroy(krb5_context krb5, krb5_ccache ccache)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_destroy");
    krb5_error_code code;

    ledger_died("krb5 ccache", ccache);
    code = REAL(krb5_cc_destroy)(krb5, ccache);
    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

/* Where nothing is left in the ledger under its own kind: a file's, which closing ends as destroying does. */
static krb5_error_code KRB5_CALLCONV watched_krb5_cc_close(krb5_context krb5, krb5_ccache ccache)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_close");
    krb5_error_code code;

    ledger_died("krb5 ccache", ccache);
    code = REAL(krb5_cc_close)(krb5, ccache);
    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

/* These fill a ccache that is accounted for already. */
static krb5_error_code KRB5_CALLCONV watched_krb5_cc_copy_creds(krb5_context krb5, krb5_ccache from, krb5_ccache to)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_copy_creds");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_cc_copy_creds)(krb5, from, to);

    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_initialize(krb5_context krb5, krb5_ccache ccache,
                                                                krb5_principal principal)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_initialize");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_cc_initialize)(krb5, ccache, principal);

    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_store_cred(krb5_context krb5, krb5_ccache ccache,
                                                                krb5_creds *creds)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_store_cred");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_cc_store_cred)(krb5, ccache, creds);

    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_start_seq_get(krb5_context krb5, krb5_ccache ccache,
                                                                   krb5_cc_cursor *cursor)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_start_seq_get");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_CC_IO : REAL(krb5_cc_start_seq_get)(krb5, ccache, cursor);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_cc_end_seq_get(krb5, ccache, cursor);
        return KRB5_CC_IO;
    }
    if (code == 0)
        ledger_born("krb5 ccache cursor", *cursor, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_next_cred(krb5_context krb5, krb5_ccache ccache,
                                                               krb5_cc_cursor *cursor, krb5_creds *creds)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_next_cred");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_CC_IO : REAL(krb5_cc_next_cred)(krb5, ccache, cursor, creds);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_cred_contents(krb5, creds);
        return KRB5_CC_IO;
    }
    if (code == 0)
        ledger_born("krb5 ticket", creds->server, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_end_seq_get(krb5_context krb5, krb5_ccache ccache,
                                                                 krb5_cc_cursor *cursor)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_end_seq_get");
    krb5_error_code code;

    ledger_died("krb5 ccache cursor", *cursor);
    code = REAL(krb5_cc_end_seq_get)(krb5, ccache, cursor);
    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

static void KRB5_CALLCONV watched_krb5_free_cred_contents(krb5_context krb5, krb5_creds *creds)
{
    ledger_call("krb5_free_cred_contents");
    ledger_died("krb5 ticket", creds->server);
    REAL(krb5_free_cred_contents)(krb5, creds);
}

static krb5_error_code KRB5_CALLCONV watched_krb5_unmarshal_credentials(krb5_context krb5, const krb5_data *data,
                                                                        krb5_creds **creds)
{
    const enum ledger_verdict verdict = ledger_call("krb5_unmarshal_credentials");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_CC_IO : REAL(krb5_unmarshal_credentials)(krb5, data, creds);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_creds(krb5, *creds);
        *creds = NULL;
        return KRB5_CC_IO;
    }
    if (code == 0)
        ledger_born("krb5 tickets", *creds, 0);
    return code;
}

static void KRB5_CALLCONV watched_krb5_free_creds(krb5_context krb5, krb5_creds *creds)
{
    ledger_call("krb5_free_creds");
    ledger_died("krb5 tickets", creds);
    REAL(krb5_free_creds)(krb5, creds);
}

static krb5_error_code KRB5_CALLCONV watched_krb5_get_time_offsets(krb5_context krb5, krb5_timestamp *seconds,
                                                                   krb5_int32 *microseconds)
{
    const enum ledger_verdict verdict = ledger_call("krb5_get_time_offsets");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_get_time_offsets)(krb5, seconds, microseconds);

    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_set_real_time(krb5_context krb5, krb5_timestamp seconds,
                                                                krb5_int32 microseconds)
{
    const enum ledger_verdict verdict = ledger_call("krb5_set_real_time");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_set_real_time)(krb5, seconds, microseconds);

    return verdict == LEDGER_PASS ? code : KRB5_CC_IO;
}

/* What it fills is the caller's. */
static krb5_error_code KRB5_CALLCONV watched_krb5_c_random_make_octets(krb5_context krb5, krb5_data *data)
{
    const enum ledger_verdict verdict = ledger_call("krb5_c_random_make_octets");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_c_random_make_octets)(krb5, data);

    return verdict == LEDGER_PASS ? code : KRB5_CRYPTO_INTERNAL;
}

static krb5_boolean KRB5_CALLCONV watched_krb5_is_config_principal(krb5_context krb5, krb5_const_principal principal)
{
    return ledger_call("krb5_is_config_principal") == LEDGER_PASS && REAL(krb5_is_config_principal)(krb5, principal);
}

static krb5_boolean KRB5_CALLCONV watched_krb5_principal_compare_any_realm(krb5_context krb5, krb5_const_principal a,
                                                                           krb5_const_principal b)
{
    return ledger_call("krb5_principal_compare_any_realm") == LEDGER_PASS &&
           REAL(krb5_principal_compare_any_realm)(krb5, a, b);
}

static krb5_error_code KRB5_CALLCONV watched_krb5_parse_name(krb5_context krb5, const char *name,
                                                             krb5_principal *principal)
{
    const enum ledger_verdict verdict = ledger_call("krb5_parse_name");
    krb5_error_code code =
        verdict == LEDGER_BEFORE ? KRB5_PARSE_MALFORMED : REAL(krb5_parse_name)(krb5, name, principal);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_principal(krb5, *principal);
        return KRB5_PARSE_MALFORMED;
    }
    if (code == 0)
        ledger_born("krb5 principal", *principal, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_cc_get_principal(krb5_context krb5, krb5_ccache ccache,
                                                                   krb5_principal *principal)
{
    const enum ledger_verdict verdict = ledger_call("krb5_cc_get_principal");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_CC_IO : REAL(krb5_cc_get_principal)(krb5, ccache, principal);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_principal(krb5, *principal);
        *principal = NULL;
        return KRB5_CC_IO;
    }
    if (code == 0)
        ledger_born("krb5 principal", *principal, 0);
    return code;
}

static void KRB5_CALLCONV watched_krb5_free_principal(krb5_context krb5, krb5_principal principal)
{
    ledger_call("krb5_free_principal");
    ledger_died("krb5 principal", principal);
    REAL(krb5_free_principal)(krb5, principal);
}

static krb5_error_code KRB5_CALLCONV watched_krb5_init_context(krb5_context *krb5)
{
    const enum ledger_verdict verdict = ledger_call("krb5_init_context");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_CONFIG_BADFORMAT : REAL(krb5_init_context)(krb5);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_context(*krb5);
        return KRB5_CONFIG_BADFORMAT;
    }
    if (code == 0)
        ledger_born("krb5 context", *krb5, 0);
    return code;
}

static void KRB5_CALLCONV watched_krb5_free_context(krb5_context krb5)
{
    ledger_call("krb5_free_context");
    ledger_died("krb5 context", krb5);
    REAL(krb5_free_context)(krb5);
}

static krb5_error_code keytab_made(enum ledger_verdict verdict, krb5_error_code code, krb5_context krb5,
                                   krb5_keytab *keytab)
{
    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_kt_close(krb5, *keytab);
        return KRB5_KT_IOERR;
    }
    if (code == 0)
        ledger_born("krb5 keytab", *keytab, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_resolve(krb5_context krb5, const char *name, krb5_keytab *keytab)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_resolve");

    if (verdict == LEDGER_BEFORE)
        return KRB5_KT_IOERR;
    return keytab_made(verdict, REAL(krb5_kt_resolve)(krb5, name, keytab), krb5, keytab);
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_default(krb5_context krb5, krb5_keytab *keytab)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_default");

    if (verdict == LEDGER_BEFORE)
        return KRB5_KT_IOERR;
    return keytab_made(verdict, REAL(krb5_kt_default)(krb5, keytab), krb5, keytab);
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_close(krb5_context krb5, krb5_keytab keytab)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_close");
    krb5_error_code code;

    ledger_died("krb5 keytab", keytab);
    code = REAL(krb5_kt_close)(krb5, keytab);
    return verdict == LEDGER_PASS ? code : KRB5_KT_IOERR;
}

/* What they put in and take out ends with the keytab. */
static krb5_error_code KRB5_CALLCONV watched_krb5_kt_add_entry(krb5_context krb5, krb5_keytab keytab,
                                                               krb5_keytab_entry *entry)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_add_entry");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_kt_add_entry)(krb5, keytab, entry);

    return verdict == LEDGER_PASS ? code : KRB5_KT_IOERR;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_remove_entry(krb5_context krb5, krb5_keytab keytab,
                                                                  krb5_keytab_entry *entry)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_remove_entry");
    krb5_error_code code = verdict == LEDGER_BEFORE ? 0 : REAL(krb5_kt_remove_entry)(krb5, keytab, entry);

    return verdict == LEDGER_PASS ? code : KRB5_KT_IOERR;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_get_name(krb5_context krb5, krb5_keytab keytab, char *name,
                                                              unsigned size)
{
    return ledger_call("krb5_kt_get_name") == LEDGER_PASS ? REAL(krb5_kt_get_name)(krb5, keytab, name, size)
                                                          : KRB5_KT_NAME_TOOLONG;
}

/* Told apart by where the backend keeps it: the value moves on in a MEMORY keytab. */
static krb5_error_code KRB5_CALLCONV watched_krb5_kt_start_seq_get(krb5_context krb5, krb5_keytab keytab,
                                                                   krb5_kt_cursor *cursor)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_start_seq_get");
    krb5_error_code code = verdict == LEDGER_BEFORE ? KRB5_KT_IOERR : REAL(krb5_kt_start_seq_get)(krb5, keytab, cursor);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_kt_end_seq_get(krb5, keytab, cursor);
        return KRB5_KT_IOERR;
    }
    if (code == 0)
        ledger_born("krb5 keytab cursor", cursor, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_next_entry(krb5_context krb5, krb5_keytab keytab,
                                                                krb5_keytab_entry *entry, krb5_kt_cursor *cursor)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_next_entry");
    krb5_error_code code =
        verdict == LEDGER_BEFORE ? KRB5_KT_IOERR : REAL(krb5_kt_next_entry)(krb5, keytab, entry, cursor);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_keytab_entry_contents(krb5, entry);
        return KRB5_KT_IOERR;
    }
    if (code == 0)
        ledger_born("krb5 keytab entry", entry->principal, 0);
    return code;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_kt_end_seq_get(krb5_context krb5, krb5_keytab keytab,
                                                                 krb5_kt_cursor *cursor)
{
    const enum ledger_verdict verdict = ledger_call("krb5_kt_end_seq_get");
    krb5_error_code code;

    ledger_died("krb5 keytab cursor", cursor);
    code = REAL(krb5_kt_end_seq_get)(krb5, keytab, cursor);
    return verdict == LEDGER_PASS ? code : KRB5_KT_IOERR;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_free_keytab_entry_contents(krb5_context krb5,
                                                                             krb5_keytab_entry *entry)
{
    const enum ledger_verdict verdict = ledger_call("krb5_free_keytab_entry_contents");
    krb5_error_code code;

    ledger_died("krb5 keytab entry", entry->principal);
    code = REAL(krb5_free_keytab_entry_contents)(krb5, entry);
    return verdict == LEDGER_PASS ? code : KRB5_KT_IOERR;
}

static krb5_error_code KRB5_CALLCONV watched_krb5_unparse_name(krb5_context krb5, krb5_const_principal principal,
                                                               char **name)
{
    const enum ledger_verdict verdict = ledger_call("krb5_unparse_name");
    krb5_error_code code =
        verdict == LEDGER_BEFORE ? KRB5_PARSE_MALFORMED : REAL(krb5_unparse_name)(krb5, principal, name);

    if (code == 0 && verdict == LEDGER_AFTER) {
        krb5_free_unparsed_name(krb5, *name);
        return KRB5_PARSE_MALFORMED;
    }
    if (code == 0)
        ledger_born("krb5 unparsed name", *name, 0);
    return code;
}

static void KRB5_CALLCONV watched_krb5_free_unparsed_name(krb5_context krb5, char *name)
{
    ledger_call("krb5_free_unparsed_name");
    ledger_died("krb5 unparsed name", name);
    REAL(krb5_free_unparsed_name)(krb5, name);
}

/* Without a krb5 context, as the backend asks, the message is static and its end nothing. */
static const char *KRB5_CALLCONV watched_krb5_get_error_message(krb5_context krb5, krb5_error_code code)
{
    return ledger_call("krb5_get_error_message") == LEDGER_PASS ? REAL(krb5_get_error_message)(krb5, code) : NULL;
}

static void KRB5_CALLCONV watched_krb5_free_error_message(krb5_context krb5, const char *message)
{
    ledger_call("krb5_free_error_message");
    REAL(krb5_free_error_message)(krb5, message);
}

/* A call that the backend gains must be watched as well: this does not compile until it is. */
const struct troth__gss_native watch_native = {
#define X(call) .call = watched_##call,
    TROTH__GSS_NATIVE_CALLS(X)
#undef X
};
