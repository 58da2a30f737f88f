/*
 * ccache.c - what makes an initiator fast: a snapshot in memory of a ccache that is a file, and targets' names in the
 * form that the mechanism would otherwise find anew for each context.
 *
 * Tickets reach the file by the native library's own hand alone: a target's first handshake, and the first after the
 * file has changed, goes over the file itself. Only when that left the file as the snapshot knows it, so that the
 * ticket is in the snapshot, does the target's next handshake use the snapshot.
 */
#include "internal.h"

#include <string.h>

#include "error.h"
#include "name.h"

/* So many targets are remembered for a credential, and so long: the DNS may have its word in a canonical name (ms). */
#define TARGETS 64
#define TARGET_LIFE 300000

struct gss_target {
    troth_name asked;
    gss_name_t name; /* canonical */
    int64_t made_at; /* of troth__monotonic_ms */
    unsigned holds;
    unsigned snapshot; /* the one that has a ticket for it; 0: none */
    int64_t ends_at;   /* of that ticket, seconds since 1970 */
    struct gss_target *next;
};

/* ---- the snapshot --------------------------------------------------------------------------------------------- */

troth_status troth__gss_snapshot_fill(struct gss_credential *credential, struct gss_handle *handle, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    krb5_context krb5 = credential->krb5;
    krb5_principal principal = NULL;
    krb5_ccache file = NULL;
    krb5_error_code code;

    troth__mutex_lock(credential->lock);
    code = native->krb5_cc_resolve(krb5, credential->ccache_file, &file);
    if (code != 0) {
        troth__mutex_unlock(credential->lock);
        return troth__gss_fail(native, "krb5_cc_resolve", GSS_S_FAILURE, (OM_uint32)code, &troth__gss_krb5, error);
    }
    handle->snapshot = native->krb5_cc_get_principal(krb5, file, &principal) == 0 &&
                               native->krb5_cc_initialize(krb5, handle->ccache, principal) == 0 &&
                               native->krb5_cc_copy_creds(krb5, file, handle->ccache) == 0
                           ? credential->made
                           : 0;
    if (principal != NULL)
        native->krb5_free_principal(krb5, principal);
    native->krb5_cc_close(krb5, file);
    troth__mutex_unlock(credential->lock);
    return TROTH_OK;
}

/* ---- targets -------------------------------------------------------------------------------------------------- */

/* Under lock. */
static void gss_target_drop_locked(struct gss_credential *credential, struct gss_target *target)
{
    if (--target->holds > 0)
        return;
    troth__gss_name_release(credential->native, &target->name);
    troth__name_free(&target->asked);
    troth__free(target);
}

void troth__gss_target_drop(struct gss_credential *credential, struct gss_target **target)
{
    if (*target == NULL)
        return;
    troth__mutex_lock(credential->lock);
    gss_target_drop_locked(credential, *target);
    troth__mutex_unlock(credential->lock);
    *target = NULL;
}

void troth__gss_targets_free(struct gss_credential *credential)
{
    while (credential->targets != NULL) {
        struct gss_target *next = credential->targets->next;

        gss_target_drop_locked(credential, credential->targets); /* nobody else is left */
        credential->targets = next;
    }
}

gss_name_t troth__gss_target_name_of(const struct gss_target *target)
{
    return target->name;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Finds a target that is young enough, and forgets what is too old or too much. Under lock. */
static struct gss_target *gss_target_find(struct gss_credential *credential, const troth_name *asked)
{
    const int64_t now = troth__monotonic_ms();
    struct gss_target **at = &credential->targets;

    for (unsigned count = 1; *at != NULL; count++) {
        struct gss_target *target = *at;

        if (now - target->made_at >= TARGET_LIFE || count > TARGETS) {
            *at = target->next;
            gss_target_drop_locked(credential, target);
        } else if (same_text(target->asked.host, asked->host) && same_text(target->asked.service, asked->service) &&
                   same_text(target->asked.principal, asked->principal)) {
            target->holds++;
            return target;
        } else {
            at = &target->next;
        }
    }
    return NULL;
}

/* Holds the target for the caller. *target stays NULL where the name has no canonical form. */
static troth_status gss_target_take(struct gss_credential *credential, const troth_name *asked, gss_name_t name,
                                    struct gss_target **target, troth_error *error)
{
    struct gss_target *made;
    OM_uint32 major, minor;

    troth__mutex_lock(credential->lock);
    *target = gss_target_find(credential, asked);
    troth__mutex_unlock(credential->lock);
    if (*target != NULL)
        return TROTH_OK;
    made = troth__alloc(sizeof *made);
    if (made == NULL || troth__name_copy(asked, &made->asked) != 0) {
        troth__free(made);
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a name");
    }
    made->made_at = troth__monotonic_ms();
    /* Not under lock: it may ask the DNS. */
    major = credential->native->gss_canonicalize_name(&minor, name, &troth__gss_krb5, &made->name);
    troth__gss_traced(credential, NULL, "gss_canonicalize_name", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major)) {
        troth__name_free(&made->asked);
        troth__free(made);
        return TROTH_OK;
    }
    made->holds = 2; /* the list's and the caller's */
    troth__mutex_lock(credential->lock);
    made->next = credential->targets;
    credential->targets = made;
    troth__mutex_unlock(credential->lock);
    *target = made;
    return TROTH_OK;
}

troth_status troth__gss_initiator_take(struct gss_credential *credential, const troth_name *asked, gss_name_t name,
                                       struct gss_handle **handle, struct gss_target **target, troth_error *error)
{
    troth_status status = troth__gss_handle_take(credential, (troth__bytes){NULL, 0}, handle, error);
    bool good;

    *target = NULL;
    if (status != TROTH_OK || !credential->fast)
        return status;
    status = gss_target_take(credential, asked, name, target, error);
    if (status == TROTH_OK && (*handle)->snapshot != 0) {
        troth__mutex_lock(credential->lock);
        good = *target != NULL && (*target)->snapshot == (*handle)->snapshot && troth__now() < (*target)->ends_at;
        troth__mutex_unlock(credential->lock);
        if (!good) {
            troth__gss_handle_drop(credential, handle);
            status = troth__gss_handle_of_file(credential, handle, error);
        }
    }
    if (status != TROTH_OK) {
        troth__gss_handle_drop(credential, handle);
        troth__gss_target_drop(credential, target);
    }
    return status;
}

void troth__gss_target_confirm(struct gss_credential *credential, struct gss_target *target, OM_uint32 lifetime)
{
    struct gss_stamp stamp;

    if (target == NULL || credential->ccache_path == NULL)
        return;
    stamp = troth__gss_stamp_now(credential->ccache_path);
    troth__mutex_lock(credential->lock);
    if (credential->current != NULL && troth__gss_stamp_same(&stamp, &credential->stamp)) {
        target->snapshot = credential->current->snapshot;
        target->ends_at = lifetime == GSS_C_INDEFINITE ? TROTH_NEVER : troth__now() + (int64_t)lifetime;
    }
    troth__mutex_unlock(credential->lock);
}
