/* credential.c - who we are: checks and keeps a credential's configuration, and counts who holds it. */
#include "credential.h"

#include <stdbool.h>
#include <string.h>

#include "error.h"
#include "hint.h"
#include "name.h"
#include "portability.h"
#include "trace.h"

const char *troth__mechanism_show(troth_mechanism mechanism)
{
    return mechanism == TROTH_MECHANISM_KERBEROS ? "Kerberos"
           : mechanism == TROTH_MECHANISM_NTLM   ? "NTLM"
                                                 : "Negotiate";
}

/* Bytes are there with their length, or not at all. */
static troth_status check_data(const void *data, size_t length, const char *what, troth_error *error)
{
    if ((data == NULL) != (length == 0))
        return troth__error_set(error, TROTH_E_ARGUMENT, "the bytes of a %s %s", what,
                                data == NULL ? "have a length and are not there" : "have no length");
    if (length > TROTH_CREDENTIAL_DATA_MOST)
        return troth__error_set(error, TROTH_E_LIMIT, "a %s of %zu bytes: more than %d are not taken", what, length,
                                TROTH_CREDENTIAL_DATA_MOST);
    return TROTH_OK;
}

/* At most one source, which fits the role and the mechanism. */
static troth_status check_sources(troth_role role, const troth_credential_options *options, troth_error *error)
{
    const bool keytab = options->keytab != NULL || options->keytab_data != NULL;
    const bool ccache = options->ccache != NULL || options->ccache_data != NULL;
    const int sources = (options->keytab != NULL) + (options->keytab_data != NULL) + (options->ccache != NULL) +
                        (options->ccache_data != NULL) + (options->password != NULL);
    troth_status status = check_data(options->keytab_data, options->keytab_length, "keytab", error);

    if (status == TROTH_OK)
        status = check_data(options->ccache_data, options->ccache_length, "ccache", error);
    if (status != TROTH_OK)
        return status;
    if (options->mechanism == TROTH_MECHANISM_NTLM && (keytab || ccache))
        return troth__error_set(error, TROTH_E_ARGUMENT, "NTLM has neither keytabs nor ccaches");
    if (sources > 1)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "more than one of keytab, ccache and password is set, as a name or as bytes");
    if (role == TROTH_ACCEPTOR && (ccache || options->password != NULL))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "an acceptor's keys come from a keytab, not from a ccache or a password");
    if (options->password != NULL && options->password[0] == '\0')
        return troth__error_set(error, TROTH_E_ARGUMENT, "the password is empty");
    if ((options->keytab != NULL && options->keytab[0] == '\0') ||
        (options->ccache != NULL && options->ccache[0] == '\0'))
        return troth__error_set(error, TROTH_E_ARGUMENT, "the name of the keytab or ccache is empty");
    if (options->password != NULL && options->name.principal == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a password needs the principal that it belongs to");
    return TROTH_OK;
}

/* Who may act for its peers by constrained delegation: one service that has a name, by Kerberos. */
static troth_status check_proxy(troth_role role, const troth_credential_options *options, troth_error *error)
{
    if ((options->flags & TROTH_CREDENTIAL_PROXY) == 0)
        return TROTH_OK;
    if (role != TROTH_ACCEPTOR)
        return troth__error_set(error, TROTH_E_ARGUMENT, "only an acceptor acts for its peers");
    if (troth__name_empty(&options->name))
        return troth__error_set(error, TROTH_E_ARGUMENT, "an acceptor that acts for its peers needs its own name");
    if (options->mechanism == TROTH_MECHANISM_NTLM || (options->flags & TROTH_CREDENTIAL_NTLM) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "NTLM has no constrained delegation");
    return TROTH_OK;
}

static troth_status check_options(troth_role role, const troth_credential_options *options, troth_error *error)
{
    troth_status status;

    if (options->size < sizeof *options)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the credential options have no size; begin them with TROTH_CREDENTIAL_OPTIONS_INIT");
    if (options->mechanism != TROTH_MECHANISM_DEFAULT && options->mechanism != TROTH_MECHANISM_NEGOTIATE &&
        options->mechanism != TROTH_MECHANISM_KERBEROS && options->mechanism != TROTH_MECHANISM_NTLM)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown mechanism %d", (int)options->mechanism);
    if ((options->flags & ~(TROTH_CREDENTIAL_STOCK | TROTH_CREDENTIAL_NTLM | TROTH_CREDENTIAL_PROXY)) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown bits in the credential's flags");
    if (options->mechanism == TROTH_MECHANISM_KERBEROS && (options->flags & TROTH_CREDENTIAL_NTLM) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "NTLM is to be let into a credential of Kerberos alone");
    status = check_sources(role, options, error);
    if (status == TROTH_OK)
        status = check_proxy(role, options, error);
    if (status != TROTH_OK)
        return status;
    if (!troth__name_empty(&options->name))
        return troth__name_check(&options->name, role == TROTH_ACCEPTOR ? "own service name" : "own principal", error);
    return TROTH_OK;
}

/* Copies text into *copy. Returns false when memory is out. */
static bool copy_text(const char *text, const char **copy)
{
    if (text == NULL)
        return true;
    *copy = troth__strdup(text);
    return *copy != NULL;
}

static bool copy_options(troth_role role, const troth_credential_options *options,
                         struct troth__credential_config *config)
{
    config->role = role;
    config->flags = options->flags;
    config->trace = options->trace;
    config->trace_user = options->trace_user;
    config->mechanism = options->mechanism == TROTH_MECHANISM_DEFAULT ? TROTH_MECHANISM_NEGOTIATE : options->mechanism;
    config->keytab_data = (troth__bytes){options->keytab_data, options->keytab_length};
    config->ccache_data = (troth__bytes){options->ccache_data, options->ccache_length};
    return troth__name_copy(&options->name, &config->name) == 0 && copy_text(options->keytab, &config->keytab) &&
           copy_text(options->ccache, &config->ccache) && copy_text(options->password, &config->password);
}

/* Frees a string of the configuration; the const is the backends', not ours. */
static void free_text(const char *text, bool secret)
{
    void *memory;

    memcpy(&memory, &text, sizeof memory);
    if (secret && text != NULL)
        troth__wipe(memory, strlen(text));
    troth__free(memory);
}

static void destroy(troth_credential *credential)
{
    if (credential == NULL)
        return;
    credential->backend->credential_free(credential->native);
    troth__name_free(&credential->config.name);
    free_text(credential->config.keytab, false);
    free_text(credential->config.ccache, false);
    free_text(credential->config.password, true);
    troth__free(credential->shown);
    troth__mutex_free(credential->lock);
    troth__free(credential);
}

troth_credential *troth__credential_shell(const troth__backend *backend)
{
    troth_credential *made = troth__alloc(sizeof *made);

    if (made == NULL)
        return NULL;
    made->backend = backend;
    made->holds = 1;
    made->lock = troth__mutex_new();
    if (made->lock != NULL)
        return made;
    troth__free(made);
    return NULL;
}

troth_status troth__credential_acquire(const troth__backend *backend, troth_role role,
                                       const troth_credential_options *options, troth_credential **credential,
                                       troth_error *error)
{
    static const troth_credential_options defaults = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *made = NULL;
    troth_error scratch;
    troth_status status;
    char name[TROTH__NAME_SHOWN];

    error = troth__error_begin(error, &scratch);
    if (credential == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "nowhere to put the credential");
    *credential = NULL;
    if (role != TROTH_INITIATOR && role != TROTH_ACCEPTOR)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a credential's role is TROTH_INITIATOR or TROTH_ACCEPTOR");
    if (options == NULL)
        options = &defaults;
    status = check_options(role, options, error);
    if (status != TROTH_OK)
        return status;

    made = troth__credential_shell(backend);
    if (made == NULL || !copy_options(role, options, &made->config)) {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
        goto out;
    }

    status = backend->credential_acquire(backend, &made->config, &made->native, error);
    made->config.keytab_data = made->config.ccache_data = (troth__bytes){NULL, 0}; /* not ours */
    if (status != TROTH_OK) {
        troth__error_prefix(
            error, "acquiring an %s credential for %s (%s): ", role == TROTH_ACCEPTOR ? "acceptor" : "initiator",
            troth__name_show(&made->config.name,
                             role == TROTH_ACCEPTOR ? "any service in the keytab" : "the default user", name,
                             sizeof name),
            troth__mechanism_show(made->config.mechanism));
        troth__hint_add(error, role, TROTH__HINT_CREDENTIAL);
        if (made->config.trace != NULL)
            troth__trace_refused(&made->config, NULL, error);
        goto out;
    }
    *credential = made;
    made = NULL;
out:
    destroy(made);
    return status;
}

troth_status troth_credential_acquire(troth_role role, const troth_credential_options *options,
                                      troth_credential **credential, troth_error *error)
{
    return troth__credential_acquire(&troth__backend_here, role, options, credential, error);
}

troth_credential *troth__credential_hold(troth_credential *credential)
{
    troth__mutex_lock(credential->lock);
    credential->holds++;
    troth__mutex_unlock(credential->lock);
    return credential;
}

void troth_credential_free(troth_credential *credential)
{
    bool last;

    if (credential == NULL)
        return;
    troth__mutex_lock(credential->lock);
    last = --credential->holds == 0;
    troth__mutex_unlock(credential->lock);
    if (last)
        destroy(credential);
}

const char *troth_backend_name(void)
{
    return troth__backend_here.name;
}
