/* delegation.c - a credential of what a peer handed on; what is known of credentials; storing them. */
#include "internal.h"

#include <string.h>

#include "error.h"

/* ---- what a peer handed on ------------------------------------------------------------------------------------ */

/* Copies a native credential's tickets into a ccache. mechanism GSS_C_NO_OID: whichever it has. */
static troth_status gss_store(const struct gss_credential *credential, gss_cred_id_t cred, gss_OID mechanism,
                              const char *ccache, troth_error *error)
{
    gss_key_value_element_desc into = {"ccache", ccache};
    gss_key_value_set_desc store = {1, &into};
    OM_uint32 major, minor;

    major = credential->native->gss_store_cred_into(&minor, cred, GSS_C_INITIATE, mechanism, 1, 0, &store, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_store_cred_into", major, minor, &troth__gss_krb5);
    if (!GSS_ERROR(major))
        return TROTH_OK;
    troth__gss_fail(credential->native, "gss_store_cred_into", major, minor, &troth__gss_krb5, error);
    /* libkrb5 says the same of a ccache that cannot be made as of one that is not there. */
    if (error->status == TROTH_E_NO_CREDENTIAL)
        error->status = TROTH_E_FAILURE;
    return error->status;
}

/*
 * Acquires a credential over a ccache of its own with a native credential's tickets, which maker, whose handle or
 * context has cred, puts there.
 */
static troth_status gss_given_credential(struct gss_credential *maker, gss_cred_id_t cred, const troth__backend *self,
                                         struct troth__credential_config *own, void **credential, troth_error *error)
{
    struct gss_credential *made = NULL;
    troth_status status = troth__gss_credential_begin(self, own, &made, error);

    /* Under SPNEGO the credential is SPNEGO's, with Kerberos inside. */
    if (status == TROTH_OK)
        status = gss_store(maker, cred, GSS_C_NO_OID, made->store, error);
    if (status == TROTH_OK)
        status = troth__gss_credential_finish(made, error);
    if (status != TROTH_OK) {
        troth__gss_credential_free(made);
        return status;
    }
    *credential = made;
    return TROTH_OK;
}

troth_status troth__gss_delegated_credential(void *pointer, const troth__backend *self,
                                             struct troth__credential_config *own, void **credential,
                                             troth_error *error)
{
    struct gss_context *context = pointer;

    *credential = NULL;
    if (context->delegated == GSS_C_NO_CREDENTIAL)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "the peer handed on nothing to act in its name with");
    if (context->ntlm)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "NTLM hands on nothing");
    return gss_given_credential(context->credential, context->delegated, self, own, credential, error);
}

troth_status troth__gss_forwarded_own(const struct gss_context *context, bool *own, troth_error *error)
{
    const struct troth__gss_native *native = context->native;
    gss_name_t peer = GSS_C_NO_NAME, user = GSS_C_NO_NAME;
    char *peer_shown = NULL, *user_shown = NULL;
    OM_uint32 major, minor, lifetime = 0;
    troth_status status;

    *own = true;
    if (context->delegated == GSS_C_NO_CREDENTIAL || context->ntlm)
        return TROTH_OK;
    /* At first without the name, which MIT 1.20.1 loses when it says that the ticket has ended. */
    major = native->gss_inquire_cred(&minor, context->delegated, NULL, &lifetime, NULL, NULL);
    troth__gss_traced(context->credential, context->config, "gss_inquire_cred", major, minor, &troth__gss_krb5);
    if (GSS_ROUTINE_ERROR(major) == GSS_S_CREDENTIALS_EXPIRED) {
        *own = false;
        return TROTH_OK;
    }
    if (!GSS_ERROR(major)) {
        major = native->gss_inquire_cred(&minor, context->delegated, &user, NULL, NULL, NULL);
        troth__gss_traced(context->credential, context->config, "gss_inquire_cred", major, minor, &troth__gss_krb5);
    }
    status = GSS_ERROR(major) ? troth__gss_fail(native, "gss_inquire_cred", major, minor, &troth__gss_krb5, error)
                              : troth__gss_context_name(context, true, &peer, error);
    if (status == TROTH_OK)
        status = troth__gss_name_show(native, user, &user_shown, error);
    if (status == TROTH_OK)
        status = troth__gss_name_show(native, peer, &peer_shown, error);
    if (status == TROTH_OK)
        *own = strcmp(user_shown, peer_shown) == 0;
    troth__free(peer_shown);
    troth__free(user_shown);
    troth__gss_name_release(native, &peer);
    troth__gss_name_release(native, &user);
    return status;
}

/* ---- constrained delegation ------------------------------------------------------------------------------------- */

troth_status troth__gss_proxy_keytab(struct gss_credential *credential, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    const char *own = troth__gss_credential_keytab(credential);
    krb5_keytab open = NULL;
    char name[1024];
    krb5_error_code code;

    if (own == NULL) {
        code = native->krb5_kt_default(credential->krb5, &open);
        if (code == 0) {
            code = native->krb5_kt_get_name(credential->krb5, open, name, sizeof name);
            native->krb5_kt_close(credential->krb5, open);
        }
        if (code != 0)
            return troth__gss_fail(native, "krb5_kt_default", GSS_S_FAILURE, (OM_uint32)code, &troth__gss_krb5, error);
        own = name;
    }
    credential->proxy_keytab = troth__strdup(own);
    return credential->proxy_keytab != NULL ? TROTH_OK
                                            : troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
}

troth_status troth__gss_constrained(const struct gss_context *context, bool *constrained, troth_error *error)
{
    gss_buffer_set_t names = GSS_C_NO_BUFFER_SET;
    OM_uint32 major, minor, ignored;

    *constrained = false;
    if (context->delegated == GSS_C_NO_CREDENTIAL || context->credential->proxy_keytab == NULL)
        return TROTH_OK;
    /* A forwarded ticket comes before constrained delegation, and has no impersonator. */
    major =
        context->native->gss_inquire_cred_by_oid(&minor, context->delegated, GSS_KRB5_GET_CRED_IMPERSONATOR, &names);
    troth__gss_traced(context->credential, context->config, "gss_inquire_cred_by_oid", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_inquire_cred_by_oid", major, minor, &troth__gss_krb5, error);
    *constrained = names != GSS_C_NO_BUFFER_SET && names->count > 0;
    context->native->gss_release_buffer_set(&ignored, &names);
    return TROTH_OK;
}

/* The flags of the first ticket in a ccache that is in its principal's own name; false: there is none to be had. */
static bool gss_first_flags(const struct gss_credential *credential, krb5_flags *flags)
{
    const struct troth__gss_native *native = credential->native;
    const krb5_context krb5 = credential->krb5;
    krb5_principal user = NULL;
    krb5_cc_cursor cursor;
    krb5_creds ticket;
    bool found = false;

    if (native->krb5_cc_get_principal(krb5, credential->given_ccache, &user) != 0)
        return false;
    if (native->krb5_cc_start_seq_get(krb5, credential->given_ccache, &cursor) == 0) {
        while (!found && native->krb5_cc_next_cred(krb5, credential->given_ccache, &cursor, &ticket) == 0) {
            found = !native->krb5_is_config_principal(krb5, ticket.server) &&
                    native->krb5_principal_compare_any_realm(krb5, ticket.client, user);
            *flags = ticket.ticket_flags;
            native->krb5_free_cred_contents(krb5, &ticket);
        }
        native->krb5_cc_end_seq_get(krb5, credential->given_ccache, &cursor);
    }
    native->krb5_free_principal(krb5, user);
    return found;
}

void troth__gss_tell_evidence(struct gss_credential *credential, troth_error *error)
{
    krb5_flags flags = 0;
    bool found;

    if (credential->given_ccache == NULL || error->native_minor != (uint32_t)KRB5KDC_ERR_BADOPTION)
        return;
    troth__mutex_lock(credential->lock);
    found = gss_first_flags(credential, &flags);
    troth__mutex_unlock(credential->lock);
    if (found && (flags & TKT_FLG_FORWARDABLE) == 0)
        troth__error_append(error, "; the ticket in the user's name is not forwardable");
}

/* ---- in a user's name ----------------------------------------------------------------------------------------- */

/* The KDC's ticket in the user's name, by the service's handle. *cred is GSS_C_NO_CREDENTIAL on failure. */
static troth_status gss_ask_for_user(struct gss_credential *service, struct gss_handle *handle, gss_name_t user,
                                     gss_cred_id_t *cred, troth_error *error)
{
    gss_cred_id_t by = GSS_C_NO_CREDENTIAL;
    troth_status status = troth__gss_cred_take(service, handle, &by, error);
    OM_uint32 major, minor;

    *cred = GSS_C_NO_CREDENTIAL;
    if (status != TROTH_OK)
        return status;
    /* Kerberos alone, also beside SPNEGO: what SPNEGO makes here cannot be stored (MIT 1.20.1). */
    major = service->native->gss_acquire_cred_impersonate_name(&minor, by, user, GSS_C_INDEFINITE, &troth__gss_krb5_set,
                                                               GSS_C_INITIATE, cred, NULL, NULL);
    troth__gss_traced(service, NULL, "gss_acquire_cred_impersonate_name", major, minor, &troth__gss_krb5);
    troth__gss_cred_give(service, handle, by);
    if (!GSS_ERROR(major))
        return TROTH_OK;
    *cred = GSS_C_NO_CREDENTIAL;
    return troth__gss_fail(service->native, "gss_acquire_cred_impersonate_name", major, minor, &troth__gss_krb5, error);
}

troth_status troth__gss_credential_impersonate(void *pointer, const troth__backend *self, const troth_name *name,
                                               struct troth__credential_config *own, void **credential,
                                               troth_error *error)
{
    struct gss_credential *service = pointer;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    struct gss_handle *handle = NULL;
    gss_name_t user = GSS_C_NO_NAME;
    troth_status status;
    OM_uint32 minor;

    *credential = NULL;
    if (troth__gss_ntlm_wanted(service->config))
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "NTLM gives no tickets in others' names");
    status = troth__gss_name_import(service->native, name, &user, error);
    if (status == TROTH_OK)
        status = troth__gss_handle_take(service, (troth__bytes){NULL, 0}, &handle, error);
    if (status == TROTH_OK)
        status = gss_ask_for_user(service, handle, user, &cred, error);
    if (status == TROTH_OK)
        status = gss_given_credential(service, cred, self, own, credential, error);
    if (cred != GSS_C_NO_CREDENTIAL)
        service->native->gss_release_cred(&minor, &cred);
    troth__gss_handle_drop(service, &handle);
    troth__gss_name_release(service->native, &user);
    return status;
}

/* ---- a credential by itself ----------------------------------------------------------------------------------- */

troth_status troth__gss_credential_store(void *pointer, const char *ccache, troth_error *error)
{
    struct gss_credential *credential = pointer;
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    struct gss_handle *handle = NULL;
    troth_status status;

    if (credential->config->mechanism == TROTH_MECHANISM_NTLM)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "NTLM has no tickets to store");
    status = troth__gss_handle_take(credential, (troth__bytes){NULL, 0}, &handle, error);
    if (status == TROTH_OK)
        status = troth__gss_cred_take(credential, handle, &cred, error);
    if (status == TROTH_OK) {
        status = gss_store(credential, cred, &troth__gss_krb5, ccache, error);
        troth__gss_cred_give(credential, handle, cred);
    }
    troth__gss_handle_drop(credential, &handle);
    return status;
}

/* Asks an initiator's current tickets; name and lifetime may be NULL. */
static troth_status gss_inquire(struct gss_credential *credential, gss_name_t *name, OM_uint32 *lifetime,
                                troth_error *error)
{
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    struct gss_handle *handle = NULL;
    troth_status status;
    OM_uint32 major, minor;

    status = troth__gss_handle_take(credential, (troth__bytes){NULL, 0}, &handle, error);
    if (status == TROTH_OK)
        status = troth__gss_cred_take(credential, handle, &cred, error);
    if (status == TROTH_OK) {
        major = credential->native->gss_inquire_cred(&minor, cred, name, lifetime, NULL, NULL);
        troth__gss_traced(credential, NULL, "gss_inquire_cred", major, minor, &troth__gss_krb5);
        if (GSS_ERROR(major))
            status = troth__gss_fail(credential->native, "gss_inquire_cred", major, minor, &troth__gss_krb5, error);
        troth__gss_cred_give(credential, handle, cred);
    }
    troth__gss_handle_drop(credential, &handle);
    return status;
}

troth_status troth__gss_credential_expiry(void *pointer, int64_t *expiry, troth_error *error)
{
    struct gss_credential *credential = pointer;
    OM_uint32 lifetime = 0;
    troth_status status;

    *expiry = TROTH_NEVER;
    if (credential->config->role == TROTH_ACCEPTOR)
        return TROTH_OK;
    status = gss_inquire(credential, NULL, &lifetime, error);
    if (status == TROTH_OK && lifetime != GSS_C_INDEFINITE)
        *expiry = troth__now() + (int64_t)lifetime;
    return status;
}

troth_status troth__gss_credential_name(void *pointer, char **name, troth_error *error)
{
    struct gss_credential *credential = pointer;
    const bool acceptor = credential->config->role == TROTH_ACCEPTOR;
    gss_name_t found = GSS_C_NO_NAME;
    troth_status status = TROTH_OK;

    *name = NULL;
    if (acceptor && credential->name != GSS_C_NO_NAME)
        return troth__gss_name_show(credential->native, credential->name, name, error);
    if (!acceptor)
        status = gss_inquire(credential, &found, NULL, error);
    if (status == TROTH_OK && found == GSS_C_NO_NAME)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "this credential has no single name");
    if (status == TROTH_OK)
        status = troth__gss_name_show(credential->native, found, name, error);
    troth__gss_name_release(credential->native, &found);
    return status;
}

/* ---- acting as the peer --------------------------------------------------------------------------------------- */

troth_status troth__gss_impersonate(void *context, troth_error *error)
{
    (void)context;
    return troth__error_set(error, TROTH_E_UNSUPPORTED,
                            "a thread has no identity of its own here: only SSPI impersonates");
}

troth_status troth__gss_revert(void *context, troth_error *error)
{
    return troth__gss_impersonate(context, error);
}
