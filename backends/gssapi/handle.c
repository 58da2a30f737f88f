/* handle.c - native handles: acquired from each source, renewed before they end, shared between threads. */
#include "internal.h"

#include <string.h>

#include "error.h"

/* How long before its end a private credential is renewed: a tenth of its life, within these bounds (seconds). */
#define RENEW_MARGIN_MIN 1
#define RENEW_MARGIN_MAX 300

/* After a failed renewal, with the old tickets still good: not again before this (seconds). */
#define RENEW_PAUSE 10

/* ---- handles -------------------------------------------------------------------------------------------------- */

void troth__gss_handle_end(struct gss_credential *credential, struct gss_handle *handle)
{
    const struct troth__gss_native *native = credential->native;
    OM_uint32 minor;

    if (handle->cred != GSS_C_NO_CREDENTIAL)
        native->gss_release_cred(&minor, &handle->cred);
    while (handle->spares > 0)
        native->gss_release_cred(&minor, &handle->spare[--handle->spares]);
    if (handle->ccache != NULL)
        native->krb5_cc_destroy(credential->krb5, handle->ccache);
    if (handle->keytab != NULL)
        native->krb5_kt_close(credential->krb5, handle->keytab);
    troth__free(handle);
}

void troth__gss_handle_drop_locked(struct gss_credential *credential, struct gss_handle **handle)
{
    if (*handle != NULL && --(*handle)->holds == 0)
        troth__gss_handle_end(credential, *handle);
    *handle = NULL;
}

void troth__gss_handle_drop(struct gss_credential *credential, struct gss_handle **handle)
{
    if (*handle == NULL)
        return;
    if ((*handle)->pooled) {
        troth__gss_pool_drop(credential, handle);
        return;
    }
    troth__mutex_lock(credential->lock);
    troth__gss_handle_drop_locked(credential, handle);
    troth__mutex_unlock(credential->lock);
}

/* ---- acquiring ------------------------------------------------------------------------------------------------ */

/* An initiator's password: its tickets go to the handle's own ccache; MIT's copy of the password dies at once. */
static troth_status gss_fill_from_password(struct gss_credential *credential, struct gss_handle *handle,
                                           troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    gss_key_value_element_desc into = {"ccache", handle->store};
    gss_key_value_set_desc store = {1, &into};
    const char *text = credential->config->password;
    gss_buffer_desc password = {strlen(text), NULL};
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    OM_uint32 major, minor, ignored;
    troth_status status = TROTH_OK;

    memcpy(&password.value, &text, sizeof password.value); /* GSSAPI's buffers know no const */
    major = native->gss_acquire_cred_with_password(&minor, credential->name, &password, GSS_C_INDEFINITE,
                                                   &troth__gss_krb5_set, GSS_C_INITIATE, &cred, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_acquire_cred_with_password", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, "gss_acquire_cred_with_password", major, minor, &troth__gss_krb5, error);
    major = native->gss_store_cred_into(&minor, cred, GSS_C_INITIATE, &troth__gss_krb5, 1, 0, &store, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_store_cred_into", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        status = troth__gss_fail(native, "gss_store_cred_into", major, minor, &troth__gss_krb5, error);
    native->gss_release_cred(&ignored, &cred);
    return status;
}

/*
 * The native credential from a store: Kerberos first, since only its own acquisition says what is wrong, and then,
 * for Negotiate, the SPNEGO element beside it, told to negotiate Kerberos alone.
 */
troth_status troth__gss_acquire_from(struct gss_credential *credential, gss_key_value_set_desc *first,
                                     gss_key_value_set_desc *second, gss_cred_id_t *cred, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    const bool acceptor = credential->config->role == TROTH_ACCEPTOR;
    const gss_cred_usage_t usage = credential->proxy_keytab != NULL ? GSS_C_BOTH
                                   : acceptor                       ? GSS_C_ACCEPT
                                                                    : GSS_C_INITIATE;
    OM_uint32 major, minor;

    major = native->gss_acquire_cred_from(&minor, credential->name, GSS_C_INDEFINITE, &troth__gss_krb5_set, usage,
                                          first, cred, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_acquire_cred_from", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, "gss_acquire_cred_from", major, minor, &troth__gss_krb5, error);
    if (credential->config->mechanism == TROTH_MECHANISM_KERBEROS)
        return TROTH_OK;
    major = native->gss_add_cred_from(&minor, *cred, credential->name, &troth__gss_spnego, usage, GSS_C_INDEFINITE,
                                      GSS_C_INDEFINITE, second, NULL, NULL, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_add_cred_from", major, minor, &troth__gss_spnego);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, "gss_add_cred_from", major, minor, &troth__gss_spnego, error);
    /* Without this, any mechanism that happens to be installed (gss-ntlmssp) would be negotiated as well. */
    major = native->gss_set_neg_mechs(&minor, *cred, &troth__gss_krb5_set);
    troth__gss_traced(credential, NULL, "gss_set_neg_mechs", major, minor, &troth__gss_spnego);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, "gss_set_neg_mechs", major, minor, &troth__gss_spnego, error);
    return TROTH_OK;
}

/* Says that the tickets have ended, and where they are. */
static troth_status gss_tickets_ended(const struct gss_credential *credential, troth_error *error)
{
    troth__gss_fail(credential->native, "gss_inquire_cred", GSS_S_CREDENTIALS_EXPIRED, 0, &troth__gss_krb5, error);
    if (credential->ccache_path != NULL)
        troth__error_append(error, "; the tickets in %s have ended", credential->ccache_path);
    return error->status;
}

/* When the handle ends and when it is to be renewed. */
static troth_status gss_handle_times(struct gss_credential *credential, struct gss_handle *handle, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    const int64_t now = troth__now();
    OM_uint32 major, minor, lifetime = 0;
    int64_t margin;

    handle->ends_at = handle->renew_at = TROTH_NEVER;
    if (credential->source == GSS_SOURCE_KEYTAB)
        return TROTH_OK;
    major = native->gss_inquire_cred(&minor, handle->cred, NULL, &lifetime, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_inquire_cred", major, minor, &troth__gss_krb5);
    if (GSS_ROUTINE_ERROR(major) == GSS_S_CREDENTIALS_EXPIRED)
        return gss_tickets_ended(credential, error);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, "gss_inquire_cred", major, minor, &troth__gss_krb5, error);
    if (lifetime == GSS_C_INDEFINITE)
        return TROTH_OK;
    margin = (int64_t)lifetime / 10;
    margin = margin < RENEW_MARGIN_MIN ? RENEW_MARGIN_MIN : margin > RENEW_MARGIN_MAX ? RENEW_MARGIN_MAX : margin;
    handle->ends_at = now + (int64_t)lifetime;
    handle->renew_at = credential->source == GSS_SOURCE_PRIVATE ? handle->ends_at - margin : TROTH_NEVER;
    return lifetime == 0 ? gss_tickets_ended(credential, error) : TROTH_OK;
}

troth_status troth__gss_private_ccache(struct gss_credential *credential, char store[64], krb5_ccache *ccache,
                                       troth_error *error)
{
    krb5_error_code code;

    troth__mutex_lock(credential->lock);
    troth__gss_private_name(credential, store);
    code = credential->native->krb5_cc_resolve(credential->krb5, store, ccache);
    troth__mutex_unlock(credential->lock);
    troth__gss_traced_krb5(credential, "krb5_cc_resolve", code);
    if (code == 0)
        return TROTH_OK;
    *ccache = NULL;
    return troth__gss_fail(credential->native, "krb5_cc_resolve", GSS_S_FAILURE, (OM_uint32)code, &troth__gss_krb5,
                           error);
}

troth_status troth__gss_acquire_for(struct gss_credential *credential, const struct gss_handle *handle,
                                    gss_cred_id_t *cred, troth_error *error)
{
    const struct troth__credential_config *config = credential->config;
    const char *keytab = troth__gss_credential_keytab(credential);
    gss_key_value_element_desc elements[3] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
    gss_key_value_set_desc first = {0, elements}, second = {0, elements};

    switch (credential->source) {
    case GSS_SOURCE_KEYTAB:
        if (keytab != NULL)
            elements[first.count++] = (gss_key_value_element_desc){"keytab", keytab};
        second = first;
        break;
    case GSS_SOURCE_SHARED:
        /*
         * The default one by its name as well, where that is a file: left to look for it, MIT 1.20.1 frees a pointer
         * that it never set when the file is cut off (krb5_cccol_have_content).
         */
        if (config->ccache != NULL || credential->ccache_file != NULL)
            elements[first.count++] =
                (gss_key_value_element_desc){"ccache", handle->snapshot != 0    ? handle->store
                                                       : config->ccache != NULL ? config->ccache
                                                                                : credential->ccache_file};
        second = first;
        break;
    case GSS_SOURCE_PRIVATE:
        elements[first.count++] = (gss_key_value_element_desc){"ccache", handle->store};
        if (credential->proxy_keytab != NULL)
            elements[first.count++] = (gss_key_value_element_desc){"keytab", credential->proxy_keytab};
        second = first;
        /* A copy with a target's tickets is not for the library to renew. */
        if (config->password == NULL && !handle->narrow)
            elements[first.count++] = (gss_key_value_element_desc){
                "client_keytab", credential->proxy_keytab != NULL ? credential->proxy_keytab : keytab};
        break;
    case GSS_SOURCE_GIVEN:
        elements[first.count++] =
            (gss_key_value_element_desc){"ccache", handle->narrow ? handle->store : credential->store};
        second = first;
        break;
    }
    if (troth__gss_ntlm_wanted(config))
        return troth__gss_ntlm_acquire(credential, first.count > 0 ? &first : NULL, cred, error);
    return troth__gss_acquire_from(credential, first.count > 0 ? &first : NULL, second.count > 0 ? &second : NULL, cred,
                                   error);
}

/*
 * Makes a handle from the configured source, for a shared ccache over a snapshot of it where that is allowed and can be
 * had. May block on a KDC. Not under lock; under renewal, unless it is one of a shared ccache without a snapshot.
 */
static troth_status gss_handle_new(struct gss_credential *credential, bool snapshot, struct gss_handle **handle,
                                   troth_error *error)
{
    struct gss_handle *made = troth__alloc(sizeof *made);
    troth_status status = TROTH_OK;

    *handle = NULL;
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    made->holds = 1;
    snapshot = snapshot && credential->fast && credential->ccache_file != NULL;
    if (snapshot || credential->source == GSS_SOURCE_PRIVATE)
        status = troth__gss_private_ccache(credential, made->store, &made->ccache, error);
    if (status == TROTH_OK && snapshot)
        status = troth__gss_snapshot_fill(credential, made, error);
    if (status == TROTH_OK && credential->config->password != NULL && !troth__gss_ntlm_wanted(credential->config))
        status = gss_fill_from_password(credential, made, error);
    if (status == TROTH_OK)
        status = troth__gss_acquire_for(credential, made, &made->cred, error);
    if (status == TROTH_OK)
        status = gss_handle_times(credential, made, error);
    if (status == TROTH_OK && credential->source == GSS_SOURCE_PRIVATE && credential->fast)
        status = troth__gss_clock_take(credential, made->store, error); /* targets will have copies of it */
    if (status == TROTH_E_NO_CREDENTIAL && credential->ccache_file != NULL)
        troth__error_append(error, "; the ccache is %s", credential->ccache_file);
    if (status != TROTH_OK) {
        /* A KDC that asks for no preauthentication lets a wrong password fail only here, at our own decryption. */
        if (error->native_minor == (uint32_t)KRB5KRB_AP_ERR_BAD_INTEGRITY)
            status = error->status = TROTH_E_DENIED;
        /* What was wrong is an acceptor's keytab. */
        if (credential->proxy_keytab != NULL && status == TROTH_E_DENIED &&
            (error->native_minor == (uint32_t)KRB5KRB_AP_ERR_BAD_INTEGRITY ||
             error->native_minor == (uint32_t)KRB5KDC_ERR_PREAUTH_FAILED))
            status = error->status = TROTH_E_WRONG_KEY;
        troth__mutex_lock(credential->lock);
        troth__gss_handle_drop_locked(credential, &made);
        troth__mutex_unlock(credential->lock);
    }
    *handle = made;
    return status;
}

/* ---- renewing ------------------------------------------------------------------------------------------------- */

/* The current handle can still be used, if need be. Under lock. */
static bool gss_current_good(const struct gss_credential *credential, const struct gss_stamp *stamp, int64_t now)
{
    return credential->current != NULL && now < credential->current->ends_at &&
           (credential->source != GSS_SOURCE_SHARED || troth__gss_stamp_same(stamp, &credential->stamp));
}

/*
 * Holds the current handle for the caller if it will do. If not, the renewal is announced, so that others go on with
 * what is good for a while; they wait only when there is nothing good. renewer: the caller holds the renewal.
 */
static bool gss_take_current(struct gss_credential *credential, bool renewer, struct gss_handle **handle)
{
    const struct gss_stamp stamp = troth__gss_stamp_now(credential->ccache_path);
    const int64_t now = troth__now();
    bool due;

    troth__mutex_lock(credential->lock);
    due = !gss_current_good(credential, &stamp, now) ||
          (now >= credential->current->renew_at && (renewer || !credential->renewing));
    if (due) {
        credential->renewing = true;
    } else {
        *handle = credential->current;
        (*handle)->holds++;
    }
    troth__mutex_unlock(credential->lock);
    return !due;
}

/* Makes a new handle the current one. Under renewal. */
static troth_status gss_renew(struct gss_credential *credential, struct gss_handle **handle, troth_error *error)
{
    const struct gss_stamp stamp = troth__gss_stamp_now(credential->ccache_path);
    struct gss_handle *made = NULL;
    troth_status status = gss_handle_new(credential, true, &made, error);
    const int64_t now = troth__now();

    troth__mutex_lock(credential->lock);
    credential->renewing = false;
    if (status == TROTH_OK) {
        troth__gss_handle_drop_locked(credential, &credential->current);
        credential->current = made;
        if (credential->source != GSS_SOURCE_SHARED && credential->source != GSS_SOURCE_KEYTAB && credential->fast)
            made->snapshot = credential->made;
        credential->stamp = stamp;
        troth__gss_targets_outdated(credential);
    } else if (credential->source == GSS_SOURCE_PRIVATE && gss_current_good(credential, &stamp, now)) {
        /* The old tickets are good for a while, and the KDC may come back. */
        credential->current->renew_at = now + RENEW_PAUSE;
        error->status = status = TROTH_OK;
    }
    if (status == TROTH_OK) {
        *handle = credential->current;
        (*handle)->holds++;
    }
    troth__mutex_unlock(credential->lock);
    return status;
}

troth_status troth__gss_stock_take(struct gss_credential *credential, struct gss_handle **handle, troth_error *error)
{
    troth_status status = TROTH_OK;

    *handle = NULL;
    if (gss_take_current(credential, false, handle))
        return TROTH_OK;
    troth__mutex_lock(credential->renewal);
    /* Whoever held the renewal before us may have done it for us. */
    if (!gss_take_current(credential, true, handle))
        status = gss_renew(credential, handle, error);
    troth__mutex_unlock(credential->renewal);
    return status;
}

void troth__gss_stock_forget(struct gss_credential *credential)
{
    troth__mutex_lock(credential->lock);
    troth__gss_handle_drop_locked(credential, &credential->current);
    troth__mutex_unlock(credential->lock);
}

troth_status troth__gss_handle_take(struct gss_credential *credential, troth__bytes token, struct gss_handle **handle,
                                    troth_error *error)
{
    troth_status status = TROTH_OK;

    *handle = NULL;
    if (credential->pool != NULL)
        status = troth__gss_pool_take(credential, token, handle, error);
    if (status != TROTH_OK || *handle != NULL)
        return status;
    status = troth__gss_stock_take(credential, handle, error);
    if (credential->pool != NULL)
        troth__gss_stock_forget(credential);
    return status;
}

troth_status troth__gss_handle_of_file(struct gss_credential *credential, struct gss_handle **handle,
                                       troth_error *error)
{
    return gss_handle_new(credential, false, handle, error);
}
