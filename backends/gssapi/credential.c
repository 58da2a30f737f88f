/* credential.c - native credentials: who we are, from which source, and with what of the library behind it. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

const struct troth__gss_native *troth__gss_credential_native(const struct gss_credential *credential)
{
    return credential->native;
}

const struct troth__credential_config *troth__gss_credential_config(const struct gss_credential *credential)
{
    return credential->config;
}

/* Finds the file behind the ccache that this credential will use; none where there is none. */
static troth_status gss_find_ccache_path(struct gss_credential *credential, troth_error *error)
{
    const char *name = credential->config->ccache;
    size_t size;

    if (name == NULL && credential->name == GSS_C_NO_NAME)
        name = credential->native->krb5_cc_default_name(credential->krb5);
    if (name == NULL)
        return TROTH_OK; /* a principal picks its ccache out of the whole collection */
    if (strncmp(name, "FILE:", 5) == 0)
        name += 5;
    else if (name[0] != '/')
        return TROTH_OK;
    size = strlen(name) + sizeof "FILE:";
    credential->ccache_file = troth__alloc(size);
    if (credential->ccache_file == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    snprintf(credential->ccache_file, size, "FILE:%s", name);
    credential->ccache_path = credential->ccache_file + 5;
    return TROTH_OK;
}

void troth__gss_credential_free(void *pointer)
{
    struct gss_credential *credential = pointer;

    if (credential == NULL)
        return;
    troth__gss_handle_drop_locked(credential, &credential->current); /* nobody else is left */
    troth__gss_pool_free(credential);
    troth__gss_targets_free(credential);
    troth__gss_name_release(credential->native, &credential->name);
    if (credential->owned != NULL)
        credential->native->krb5_cc_destroy(credential->krb5, credential->owned);
    if (credential->krb5 != NULL)
        credential->native->krb5_free_context(credential->krb5);
    troth__free(credential->ccache_file);
    troth__mutex_free(credential->renewal);
    troth__mutex_free(credential->lock);
    troth__free(credential);
}

/* Opens the credential's krb5 context. What can be wrong with it is the configuration. */
static troth_status gss_open_krb5(struct gss_credential *credential, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    const krb5_error_code code = native->krb5_init_context(&credential->krb5);
    const char *message;

    troth__gss_traced_krb5(credential, "krb5_init_context", code);
    if (code == 0)
        return TROTH_OK;
    credential->krb5 = NULL;
    /* GSSAPI does not know the code: it did not give it. */
    message = native->krb5_get_error_message(NULL, code);
    troth__error_native(error, GSS_S_FAILURE, (uint32_t)code);
    troth__error_set(error, code == ENOMEM ? TROTH_E_MEMORY : TROTH_E_FAILURE, "krb5_init_context: %s",
                     message != NULL ? message : "no message");
    native->krb5_free_error_message(NULL, message);
    if (code != ENOMEM)
        troth__error_hint(error, "the Kerberos configuration (/etc/krb5.conf, or what KRB5_CONFIG names) must be "
                                 "readable and well-formed");
    return error->status;
}

/* The fast path is allowed: nobody asked for the other one, and neither a proxy nor NTLM has its own way with keys. */
static bool gss_may_be_fast(const struct troth__credential_config *config)
{
    const char *proxy = getenv("GSS_USE_PROXY");

    return (config->flags & TROTH_CREDENTIAL_STOCK) == 0 && !troth__gss_ntlm_wanted(config) &&
           (proxy == NULL || proxy[0] == '\0');
}

troth_status troth__gss_credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                           void **credential, troth_error *error)
{
    struct gss_credential *made = troth__alloc(sizeof *made);
    struct gss_handle *handle = NULL;
    troth_status status;

    *credential = NULL;
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    made->native = self->native;
    made->config = config;
    made->fast = gss_may_be_fast(config);
    if (config->role == TROTH_ACCEPTOR)
        made->source = GSS_SOURCE_KEYTAB;
    else
        made->source = config->keytab != NULL || config->password != NULL ? GSS_SOURCE_PRIVATE : GSS_SOURCE_SHARED;
    made->lock = troth__mutex_new();
    made->renewal = troth__mutex_new();
    if (made->lock == NULL || made->renewal == NULL) {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
        goto out;
    }
    status = gss_open_krb5(made, error);
    if (status != TROTH_OK)
        goto out;
    if (config->name.service != NULL || config->name.principal != NULL) {
        status = troth__gss_ntlm_wanted(config) && config->role == TROTH_INITIATOR && config->name.principal != NULL
                     ? troth__gss_ntlm_user(made->native, config->name.principal, &made->name, error)
                     : troth__gss_name_import(made->native, &config->name, &made->name, error);
        if (status != TROTH_OK)
            goto out;
    }
    if (made->source == GSS_SOURCE_SHARED && config->mechanism != TROTH_MECHANISM_NTLM) {
        status = gss_find_ccache_path(made, error);
        if (status != TROTH_OK)
            goto out;
    }

    /* The stock handle first, on either path: it knows best what is wrong with a source. */
    status = troth__gss_stock_take(made, &handle, error);
    if (status != TROTH_OK) {
        if (config->mechanism == TROTH_MECHANISM_NTLM)
            goto out;
        if (made->source == GSS_SOURCE_KEYTAB || (config->keytab != NULL && status == TROTH_E_NO_CREDENTIAL))
            troth__gss_credential_tell_keytab(made, error);
        goto out;
    }
    troth__gss_handle_drop(made, &handle);
    if (made->source == GSS_SOURCE_KEYTAB) {
        status = troth__gss_pool_new(made, error);
        if (status != TROTH_OK)
            goto out;
        if (made->pool != NULL)
            troth__gss_stock_forget(made);
    }
    *credential = made;
    made = NULL;
out:
    troth__gss_credential_free(made);
    return status;
}
