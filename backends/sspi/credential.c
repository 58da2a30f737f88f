/* credential.c - native credentials: the logon session's, or a user's with a password. */
#include "internal.h"

#include <string.h>

#include "error.h"

/*
 * The allow-list that keeps NTLM out of Negotiate (a deny-list would let in whatever Negotiate learns next). It goes
 * with default credentials too: user, domain and password are then NULL. The Kerberos package by itself has nothing to
 * be kept out of, nor has NTLM's, and their default credentials are asked for as everybody asks: without an identity.
 */
#define PACKAGE_LIST "Kerberos"
#define PACKAGE_LIST_WITH_NTLM "Kerberos,NTLM"

/* The wide copies that an identity points into; they need not outlive the acquisition. */
struct identity {
    WCHAR *user;
    WCHAR *domain;
    WCHAR *password;
    WCHAR *packages;
    size_t user_units;
    size_t domain_units;
    size_t password_units;
    size_t packages_units;
};

static void sspi_identity_free(struct identity *identity)
{
    troth__sspi_wide_free(identity->user);
    troth__sspi_wide_free(identity->domain);
    troth__sspi_wide_free(identity->password);
    troth__sspi_wide_free(identity->packages);
}

/* "user@REALM" at its last at-sign, or else "DOMAIN\user" at its first backslash. */
static troth_status sspi_identity_split(const char *principal, struct identity *identity, troth_error *error)
{
    const char *at = strrchr(principal, '@');
    const char *backslash = strchr(principal, '\\');
    const char *user = principal;
    size_t user_length = strlen(principal);
    const char *domain = NULL;
    size_t domain_length = 0;
    troth_status status;

    if (at != NULL) {
        user_length = (size_t)(at - principal);
        domain = at + 1;
        domain_length = strlen(domain);
    } else if (backslash != NULL) {
        domain = principal;
        domain_length = (size_t)(backslash - principal);
        user = backslash + 1;
        user_length = strlen(user);
    }
    status = troth__sspi_wide_new(user, user_length, "user name", &identity->user, &identity->user_units, error);
    if (status == TROTH_OK && domain != NULL) {
        status =
            troth__sspi_wide_new(domain, domain_length, "domain", &identity->domain, &identity->domain_units, error);
    }
    return status;
}

static bool sspi_ntlm_wanted(const struct troth__credential_config *config)
{
    return config->mechanism == TROTH_MECHANISM_NTLM || (config->flags & TROTH_CREDENTIAL_NTLM) != 0;
}

static troth_status sspi_identity_fill(const struct troth__credential_config *config, struct identity *identity,
                                       troth_error *error)
{
    const char *packages = config->mechanism == TROTH_MECHANISM_NTLM ? "NTLM"
                           : sspi_ntlm_wanted(config)                ? PACKAGE_LIST_WITH_NTLM
                                                                     : PACKAGE_LIST;
    troth_status status = TROTH_OK;

    if (config->password != NULL) {
        status = sspi_identity_split(config->name.principal, identity, error);
        if (status == TROTH_OK) {
            status = troth__sspi_wide_new(config->password, strlen(config->password), "password", &identity->password,
                                          &identity->password_units, error);
        }
    }
    if (status == TROTH_OK) {
        status = troth__sspi_wide_new(packages, strlen(packages), "package list", &identity->packages,
                                      &identity->packages_units, error);
    }
    return status;
}

/* Asks the package for the longest token it makes; the name must be one that the provider knows. */
static troth_status sspi_package_query(struct sspi_credential *self, WCHAR *package, troth_error *error)
{
    SecPkgInfoW *info = NULL;
    SECURITY_STATUS result = self->functions->QuerySecurityPackageInfoW(package, &info);

    troth__sspi_traced(self, NULL, "QuerySecurityPackageInfo", result, 0, 0);
    if (result != SEC_E_OK) {
        troth__sspi_fail(self->native, "QuerySecurityPackageInfo", result, error);
        troth__error_append(error, ", package %s", self->package);
        return error->status;
    }
    if (info == NULL)
        return troth__sspi_broken("QuerySecurityPackageInfo", "success without an answer", error);
    self->token_room = info->cbMaxToken > TROTH__SSPI_TOKEN_ROOM ? info->cbMaxToken : TROTH__SSPI_TOKEN_ROOM;
    self->functions->FreeContextBuffer(info);
    return TROTH_OK;
}

static troth_status sspi_handle_acquire(struct sspi_credential *self, WCHAR *package, WCHAR *principal,
                                        struct identity *identity, troth_error *error)
{
    SEC_WINNT_AUTH_IDENTITY_EXW extended;
    SEC_WINNT_AUTH_IDENTITY_W plain;
    void *data = NULL;
    ULONG use = self->config->role == TROTH_ACCEPTOR ? SECPKG_CRED_INBOUND : SECPKG_CRED_OUTBOUND;
    SECURITY_STATUS result;

    memset(&extended, 0, sizeof extended);
    memset(&plain, 0, sizeof plain);
    if (!self->wine && (self->config->password != NULL || self->config->mechanism == TROTH_MECHANISM_NEGOTIATE)) {
        extended.Version = SEC_WINNT_AUTH_IDENTITY_VERSION;
        extended.Length = sizeof extended;
        extended.User = (void *)identity->user;
        extended.UserLength = (ULONG)identity->user_units;
        extended.Domain = (void *)identity->domain;
        extended.DomainLength = (ULONG)identity->domain_units;
        extended.Password = (void *)identity->password;
        extended.PasswordLength = (ULONG)identity->password_units;
        extended.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        extended.PackageList = (void *)identity->packages;
        extended.PackageListLength = (ULONG)identity->packages_units;
        data = &extended;
    } else if (self->config->password != NULL) {
        plain.User = (void *)identity->user;
        plain.UserLength = (ULONG)identity->user_units;
        plain.Domain = (void *)identity->domain;
        plain.DomainLength = (ULONG)identity->domain_units;
        plain.Password = (void *)identity->password;
        plain.PasswordLength = (ULONG)identity->password_units;
        plain.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
        data = &plain;
    }
    result = self->functions->AcquireCredentialsHandleW(principal, package, use, NULL, data, NULL, NULL, &self->handle,
                                                        &self->expiry);
    troth__sspi_traced(self, NULL, "AcquireCredentialsHandle", result, 0, 0);
    return result == SEC_E_OK ? TROTH_OK : troth__sspi_fail(self->native, "AcquireCredentialsHandle", result, error);
}

static troth_status sspi_config_check(const struct sspi_credential *self, troth_error *error)
{
    const struct troth__credential_config *config = self->config;

    if (config->keytab != NULL || config->keytab_data.length > 0) {
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "SSPI has no keytabs: the keys are those of the account that runs this process");
    }
    if (config->ccache != NULL || config->ccache_data.length > 0) {
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "SSPI has no credential caches: the tickets are those of the logon session");
    }
    if ((config->flags & TROTH_CREDENTIAL_PROXY) != 0) {
        return troth__error_set(
            error, TROTH_E_UNSUPPORTED,
            "SSPI gives nothing to show to the KDC: impersonate the peer, and Windows delegates as it "
            "is configured to");
    }
    /* Windows would go on as whoever is logged on, and say nothing. Wine looks for the name. */
    if (config->role == TROTH_INITIATOR && config->password == NULL && !self->wine &&
        (config->name.principal != NULL || config->name.service != NULL)) {
        return troth__error_set(error, TROTH_E_UNSUPPORTED,
                                "an initiator without a password is the user of the logon session and no other");
    }
    return TROTH_OK;
}

static const char *sspi_package_of(const struct troth__credential_config *config, bool wine)
{
    if (config->mechanism == TROTH_MECHANISM_NTLM)
        return "NTLM";
    /* Wine's Negotiate would fall to NTLM, and has no list to keep it out; its Kerberos takes SPNEGO tokens too. */
    if (config->mechanism == TROTH_MECHANISM_KERBEROS || (wine && !sspi_ntlm_wanted(config)))
        return "Kerberos";
    return "Negotiate";
}

void troth__sspi_credential_shell(struct sspi_credential *self, const troth__backend *backend,
                                  const struct troth__credential_config *config)
{
    self->native = backend->native;
    self->config = config;
    self->wine = self->native->is_wine();
    self->package = sspi_package_of(config, self->wine);
    self->functions = self->native->functions();
}

troth_status troth__sspi_credential_acquire(const troth__backend *backend,
                                            const struct troth__credential_config *config, void **credential,
                                            troth_error *error)
{
    struct sspi_credential *self;
    struct identity identity = {0};
    WCHAR *package = NULL;
    WCHAR *principal = NULL;
    troth_status status;

    *credential = NULL;
    self = troth__alloc(sizeof *self);
    if (self == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "no memory for a credential");
    troth__sspi_credential_shell(self, backend, config);
    status = sspi_config_check(self, error);
    if (status != TROTH_OK)
        goto out;
    if (self->functions == NULL) {
        status = troth__error_set(error, TROTH_E_UNSUPPORTED, "InitSecurityInterface: there is no SSPI provider");
        goto out;
    }
    status = troth__sspi_wide_new(self->package, strlen(self->package), "package name", &package, NULL, error);
    self->lock = troth__mutex_new();
    if (status == TROTH_OK && self->lock == NULL)
        status = troth__error_set(error, TROTH_E_MEMORY, "no memory for a credential");
    if (status == TROTH_OK)
        status = sspi_package_query(self, package, error);
    if (status == TROTH_OK && config->password == NULL &&
        (config->name.principal != NULL || config->name.service != NULL))
        status = troth__sspi_name_new(&config->name, "credential's name", &principal, error);
    if (status == TROTH_OK)
        status = sspi_identity_fill(config, &identity, error);
    if (status == TROTH_OK)
        status = sspi_handle_acquire(self, package, principal, &identity, error);
    if (status == TROTH_OK) {
        self->has_handle = true;
        *credential = self;
        self = NULL;
    }

out:
    sspi_identity_free(&identity);
    troth__sspi_wide_free(principal);
    troth__sspi_wide_free(package);
    troth__sspi_credential_free(self);
    return status;
}

void troth__sspi_credential_free(void *credential)
{
    struct sspi_credential *self = credential;

    if (self == NULL)
        return;
    if (self->has_handle)
        self->functions->FreeCredentialsHandle(&self->handle);
    for (size_t i = 0; i < TROTH__SSPI_ROOMS_KEPT; i++)
        troth__free(self->rooms[i]);
    troth__mutex_free(self->lock);
    troth__free(self);
}

/* ---- room for tokens ------------------------------------------------------------------------------------------ */

uint8_t *troth__sspi_room_take(struct sspi_credential *credential)
{
    uint8_t *room = NULL;

    troth__mutex_lock(credential->lock);
    for (size_t i = 0; i < TROTH__SSPI_ROOMS_KEPT && room == NULL; i++) {
        room = credential->rooms[i];
        credential->rooms[i] = NULL;
    }
    troth__mutex_unlock(credential->lock);
    return room != NULL ? room : troth__alloc(credential->token_room + 1);
}

void troth__sspi_room_give(struct sspi_credential *credential, uint8_t *room, size_t used)
{
    troth__wipe(room, used);
    troth__mutex_lock(credential->lock);
    for (size_t i = 0; i < TROTH__SSPI_ROOMS_KEPT && room != NULL; i++) {
        if (credential->rooms[i] == NULL) {
            credential->rooms[i] = room;
            room = NULL;
        }
    }
    troth__mutex_unlock(credential->lock);
    troth__free(room);
}
