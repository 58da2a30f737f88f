/* credential.c - native credentials: who we are, from which source, and with what of the library behind it. */
#include "internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "memory.h"

const struct troth__gss_native *troth__gss_credential_native(const struct gss_credential *credential)
{
    return credential->native;
}

const struct troth__credential_config *troth__gss_credential_config(const struct gss_credential *credential)
{
    return credential->config;
}

const char *troth__gss_credential_keytab(const struct gss_credential *credential)
{
    return credential->given_keytab != NULL ? credential->store : credential->config->keytab;
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
    if (credential->given_ccache != NULL)
        credential->native->krb5_cc_destroy(credential->krb5, credential->given_ccache);
    if (credential->given_keytab != NULL)
        credential->native->krb5_kt_close(credential->krb5, credential->given_keytab);
    if (credential->krb5 != NULL)
        credential->native->krb5_free_context(credential->krb5);
    troth__free(credential->ccache_file);
    troth__free(credential->proxy_keytab);
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

/* What all private names begin with. */
static troth_status gss_choose_prefix(struct gss_credential *credential, troth_error *error)
{
    static const char digits[] = "0123456789abcdef";
    char random[16];
    krb5_data data = {.magic = KV5M_DATA, .length = sizeof random, .data = random};
    const krb5_error_code code = credential->native->krb5_c_random_make_octets(credential->krb5, &data);
    size_t length = (size_t)snprintf(credential->prefix, sizeof credential->prefix, "MEMORY:troth-");

    if (code != 0)
        return troth__gss_fail(credential->native, "krb5_c_random_make_octets", GSS_S_FAILURE, (OM_uint32)code,
                               &troth__gss_krb5, error);
    for (size_t i = 0; i < sizeof random; i++) {
        credential->prefix[length++] = digits[(uint8_t)random[i] >> 4];
        credential->prefix[length++] = digits[random[i] & 15];
    }
    credential->prefix[length] = '-';
    return TROTH_OK;
}

void troth__gss_private_name(struct gss_credential *credential, char store[64])
{
    snprintf(store, 64, "%s%u", credential->prefix, ++credential->made);
}

static troth_status gss_import_own_name(struct gss_credential *credential, troth_error *error)
{
    const struct troth__credential_config *config = credential->config;

    if (config->name.service == NULL && config->name.principal == NULL)
        return TROTH_OK;
    return troth__gss_ntlm_wanted(config) && config->role == TROTH_INITIATOR && config->name.principal != NULL
               ? troth__gss_ntlm_user(credential->native, config->name.principal, &credential->name, error)
               : troth__gss_name_import(credential->native, &config->name, &credential->name, error);
}

/* A credential with its locks, its krb5 context, its name and no source yet. On failure *made is NULL. */
static troth_status gss_credential_new(const troth__backend *self, const struct troth__credential_config *config,
                                       enum gss_source source, struct gss_credential **made, troth_error *error)
{
    struct gss_credential *fresh = troth__alloc(sizeof *fresh);
    troth_status status = TROTH_OK;

    *made = NULL;
    if (fresh == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    fresh->native = self->native;
    fresh->config = config;
    fresh->fast = gss_may_be_fast(config);
    fresh->source = source;
    fresh->lock = troth__mutex_new();
    fresh->renewal = troth__mutex_new();
    if (fresh->lock == NULL || fresh->renewal == NULL)
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    if (status == TROTH_OK)
        status = gss_open_krb5(fresh, error);
    if (status == TROTH_OK)
        status = gss_choose_prefix(fresh, error);
    if (status == TROTH_OK)
        status = gss_import_own_name(fresh, error);
    if (status != TROTH_OK) {
        troth__gss_credential_free(fresh);
        return status;
    }
    *made = fresh;
    return TROTH_OK;
}

/* Puts a keytab given as bytes into a MEMORY keytab, which lives as long as the credential: it is never read again. */
static troth_status gss_load_keytab(struct gss_credential *credential, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    krb5_error_code code;

    troth__gss_private_name(credential, credential->store);
    code = native->krb5_kt_resolve(credential->krb5, credential->store, &credential->given_keytab);
    if (code != 0) {
        credential->given_keytab = NULL;
        return troth__gss_fail(native, "krb5_kt_resolve", GSS_S_FAILURE, (OM_uint32)code, &troth__gss_krb5, error);
    }
    return troth__gss_memory_keytab(native, credential->krb5, credential->config->keytab_data, credential->given_keytab,
                                    error);
}

troth_status troth__gss_credential_begin(const troth__backend *self, const struct troth__credential_config *config,
                                         struct gss_credential **made, troth_error *error)
{
    troth_status status = gss_credential_new(self, config, GSS_SOURCE_GIVEN, made, error);

    if (status == TROTH_OK)
        status = troth__gss_private_ccache(*made, (*made)->store, &(*made)->given_ccache, error);
    if (status != TROTH_OK) {
        troth__gss_credential_free(*made);
        *made = NULL;
    }
    return status;
}

troth_status troth__gss_credential_finish(struct gss_credential *made, troth_error *error)
{
    struct gss_handle *handle = NULL;
    troth_status status;

    /* The stock handle first, on either path: it knows best what is wrong with a source. */
    status = troth__gss_stock_take(made, &handle, error);
    if (status != TROTH_OK) {
        if (made->config->mechanism != TROTH_MECHANISM_NTLM &&
            (made->source == GSS_SOURCE_KEYTAB || (made->proxy_keytab != NULL && status == TROTH_E_WRONG_KEY) ||
             ((troth__gss_credential_keytab(made) != NULL || made->proxy_keytab != NULL) &&
              status == TROTH_E_NO_CREDENTIAL)))
            troth__gss_credential_tell_keytab(made, error);
        return status;
    }
    troth__gss_handle_drop(made, &handle);
    if (made->source == GSS_SOURCE_KEYTAB) {
        status = troth__gss_pool_new(made, error);
        if (status == TROTH_OK && made->pool != NULL)
            troth__gss_stock_forget(made);
    }
    return status;
}

troth_status troth__gss_credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                           void **credential, troth_error *error)
{
    const bool keytab = config->keytab != NULL || config->keytab_data.length > 0;
    const bool proxy = (config->flags & TROTH_CREDENTIAL_PROXY) != 0;
    struct gss_credential *made = NULL;
    troth_status status;

    *credential = NULL;
    if (config->ccache_data.length > 0) {
        status = troth__gss_credential_begin(self, config, &made, error);
        if (status == TROTH_OK)
            status = troth__gss_memory_ccache(made->native, made->krb5, config->ccache_data, made->given_ccache, error);
    } else {
        status = gss_credential_new(self, config,
                                    config->role == TROTH_ACCEPTOR && !proxy      ? GSS_SOURCE_KEYTAB
                                    : proxy || keytab || config->password != NULL ? GSS_SOURCE_PRIVATE
                                                                                  : GSS_SOURCE_SHARED,
                                    &made, error);
    }
    if (status == TROTH_OK && config->keytab_data.length > 0)
        status = gss_load_keytab(made, error);
    if (status == TROTH_OK && proxy)
        status = troth__gss_proxy_keytab(made, error);
    if (status == TROTH_OK && made->source == GSS_SOURCE_SHARED && config->mechanism != TROTH_MECHANISM_NTLM)
        status = gss_find_ccache_path(made, error);
    if (status == TROTH_OK)
        status = troth__gss_credential_finish(made, error);
    if (status != TROTH_OK) {
        troth__gss_credential_free(made);
        return status;
    }
    *credential = made;
    return TROTH_OK;
}
