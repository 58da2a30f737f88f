/*
 * ccache.c - what makes an initiator fast: a snapshot in memory of a ccache that is a file, of that snapshot the few
 * tickets that a target calls for, targets' names in the form that the mechanism would otherwise find anew for each
 * context, and a native credential for each thread.
 *
 * Tickets reach the file by the native library's own hand alone: a target's first handshake, and the first after the
 * file has changed, goes over the file itself. Only when that left the file as the snapshot knows it, so that the
 * ticket is in the snapshot, does the target's next handshake use the snapshot: a copy of it with this target's
 * ticket alone, since MIT searches a ccache one ticket after the other, twice (7 thousand instructions for each,
 * 1.20.1). Where that ticket will not do after all, the file itself is asked, by which another one can be had.
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
    gss_name_t told; /* the same as a context of SPNEGO's tells it, or GSS_C_NO_NAME. Under lock until it is set */
    int64_t made_at; /* of troth__monotonic_ms */
    unsigned holds;
    unsigned snapshot;         /* the one that has a ticket for it; 0: none */
    int64_t ends_at;           /* of that ticket, seconds since 1970 */
    unsigned narrowed;         /* the one of which handle has its tickets; 0: none */
    struct gss_handle *handle; /* held; NULL where they are not known by its name, and the whole snapshot must do */
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
    troth_status status = troth__gss_clock_take(credential, credential->ccache_file, error);

    if (status != TROTH_OK)
        return status;
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

/* Its tickets are in a ccache that only it fills: each handle's, or the one that was given. */
static bool gss_own_ccache(const struct gss_credential *credential)
{
    return credential->source == GSS_SOURCE_PRIVATE || credential->source == GSS_SOURCE_GIVEN;
}

static bool gss_data_is(const krb5_data *data, const char *text)
{
    return data->length == strlen(text) && memcmp(data->data, text, data->length) == 0;
}

/*
 * What a ccache notes beside its tickets: of the first ticket's making, which no handshake asks about (MIT 1.20.1).
 * What is not known here is copied.
 */
static bool gss_note_wanted(krb5_principal note)
{
    static const char *const unread[] = {"fast_avail", "pa_config_data", "pa_type", "refresh_time"};

    for (size_t i = 0; i < sizeof unread / sizeof unread[0] && note->length > 1; i++) {
        if (gss_data_is(&note->data[1], unread[i]))
            return false;
    }
    return true;
}

/* With this note, tickets are had by a proxy, for which another one has to be in the ccache as well. */
static bool gss_note_of_proxy(krb5_principal note)
{
    return note->length > 1 && gss_data_is(&note->data[1], "proxy_impersonator");
}

/*
 * Copies one ticket or note if the target calls for it: its own ticket, whatever the realm, since a referral's is
 * another one than was asked for. A failure: no copy will do. Under lock.
 */
static krb5_error_code gss_copy_one(struct gss_credential *credential, krb5_creds *creds, krb5_principal wanted,
                                    krb5_ccache to, bool *found)
{
    const struct troth__gss_native *native = credential->native;
    bool copy;

    if (native->krb5_is_config_principal(credential->krb5, creds->server)) {
        if (gss_note_of_proxy(creds->server))
            return KRB5_CC_NOSUPP;
        copy = gss_note_wanted(creds->server);
    } else {
        copy = native->krb5_principal_compare_any_realm(credential->krb5, creds->server, wanted);
        *found = *found || copy;
    }
    return copy ? native->krb5_cc_store_cred(credential->krb5, to, creds) : 0;
}

/* Copies what the target calls for, in the same order. False: there is no ticket of this name, or it failed. Under
 * lock. */
static bool gss_copy_tickets(struct gss_credential *credential, krb5_ccache from, const char *name, krb5_ccache to)
{
    const struct troth__gss_native *native = credential->native;
    krb5_context krb5 = credential->krb5;
    krb5_principal principal = NULL, wanted = NULL;
    krb5_error_code code, stored = 0;
    krb5_cc_cursor cursor;
    krb5_creds creds;
    bool found = false;

    if (native->krb5_parse_name(krb5, name, &wanted) != 0)
        return false;
    code = native->krb5_cc_get_principal(krb5, from, &principal);
    if (code == 0)
        code = native->krb5_cc_initialize(krb5, to, principal);
    if (code == 0)
        code = native->krb5_cc_start_seq_get(krb5, from, &cursor);
    if (code == 0) {
        while (stored == 0 && (code = native->krb5_cc_next_cred(krb5, from, &cursor, &creds)) == 0) {
            stored = gss_copy_one(credential, &creds, wanted, to, &found);
            native->krb5_free_cred_contents(krb5, &creds);
        }
        native->krb5_cc_end_seq_get(krb5, from, &cursor);
    }
    if (principal != NULL)
        native->krb5_free_principal(krb5, principal);
    native->krb5_free_principal(krb5, wanted);
    return stored == 0 && code == KRB5_CC_END && found;
}

/* ---- native credentials --------------------------------------------------------------------------------------- */

/* Its tickets are in a ccache of our own, its own or the given one: another native credential costs little. */
static bool gss_one_at_a_time(const struct gss_credential *credential, const struct gss_handle *handle)
{
    return handle->ccache != NULL || credential->given_ccache != NULL;
}

troth_status troth__gss_cred_take(struct gss_credential *credential, struct gss_handle *handle, gss_cred_id_t *cred,
                                  troth_error *error)
{
    troth_status status;
    OM_uint32 minor;

    *cred = handle->cred;
    if (!gss_one_at_a_time(credential, handle))
        return TROTH_OK; /* a pool's is this step's alone in any case, and a stock one is everybody's */
    troth__mutex_lock(credential->lock);
    if (!handle->busy)
        handle->busy = true;
    else
        *cred = handle->spares > 0 ? handle->spare[--handle->spares] : GSS_C_NO_CREDENTIAL;
    troth__mutex_unlock(credential->lock);
    if (*cred != GSS_C_NO_CREDENTIAL)
        return TROTH_OK;
    status = troth__gss_acquire_for(credential, handle, cred, error);
    if (status != TROTH_OK && *cred != GSS_C_NO_CREDENTIAL)
        credential->native->gss_release_cred(&minor, cred);
    return status;
}

void troth__gss_cred_give(struct gss_credential *credential, struct gss_handle *handle, gss_cred_id_t cred)
{
    OM_uint32 minor;

    if (!gss_one_at_a_time(credential, handle))
        return;
    troth__mutex_lock(credential->lock);
    if (cred == handle->cred)
        handle->busy = false;
    else if (handle->spares < GSS_SPARES)
        handle->spare[handle->spares++] = cred;
    else
        credential->native->gss_release_cred(&minor, &cred);
    troth__mutex_unlock(credential->lock);
}

/* ---- targets -------------------------------------------------------------------------------------------------- */

/* Under lock. */
static void gss_target_drop_locked(struct gss_credential *credential, struct gss_target *target)
{
    if (--target->holds > 0)
        return;
    troth__gss_handle_drop_locked(credential, &target->handle);
    troth__gss_name_release(credential->native, &target->told);
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

void troth__gss_targets_outdated(struct gss_credential *credential)
{
    for (struct gss_target *target = credential->targets; target != NULL; target = target->next) {
        target->narrowed = 0;
        troth__gss_handle_drop_locked(credential, &target->handle);
    }
}

gss_name_t troth__gss_target_name_of(const struct gss_target *target)
{
    return target->name;
}

gss_name_t troth__gss_target_step_name(struct gss_credential *credential, const struct gss_target *target)
{
    gss_name_t name;

    troth__mutex_lock(credential->lock);
    name = target->told != GSS_C_NO_NAME ? target->told : target->name;
    troth__mutex_unlock(credential->lock);
    return name;
}

void troth__gss_target_learn(struct gss_credential *credential, struct gss_target *target, gss_ctx_id_t context)
{
    gss_name_t name = GSS_C_NO_NAME;
    gss_OID used = GSS_C_NO_OID;
    OM_uint32 major, minor;

    if (target == NULL || credential->config->mechanism == TROTH_MECHANISM_KERBEROS ||
        troth__gss_target_step_name(credential, target) != target->name)
        return;
    major = credential->native->gss_inquire_context(&minor, context, NULL, &name, NULL, &used, NULL, NULL, NULL);
    troth__gss_traced(credential, NULL, "gss_inquire_context", major, minor, &troth__gss_spnego);
    if (GSS_ERROR(major))
        return;
    troth__mutex_lock(credential->lock);
    if (target->told == GSS_C_NO_NAME && troth__gss_is(used, &troth__gss_krb5)) {
        target->told = name;
        name = GSS_C_NO_NAME;
    }
    troth__mutex_unlock(credential->lock);
    troth__gss_name_release(credential->native, &name);
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

/* Holds the target for the caller. *target stays NULL where the name, which is imported then, has no canonical form. */
static troth_status gss_target_take(struct gss_credential *credential, const troth_name *asked, gss_name_t *name,
                                    struct gss_target **target, troth_error *error)
{
    struct gss_target *made;
    OM_uint32 major, minor;
    troth_status status;

    troth__mutex_lock(credential->lock);
    *target = gss_target_find(credential, asked);
    troth__mutex_unlock(credential->lock);
    if (*target != NULL)
        return TROTH_OK;
    status = troth__gss_name_import(credential->native, asked, name, error);
    if (status != TROTH_OK)
        return status;
    made = troth__alloc(sizeof *made);
    if (made == NULL || troth__name_copy(asked, &made->asked) != 0) {
        troth__free(made);
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a name");
    }
    made->made_at = troth__monotonic_ms();
    /* Not under lock: it may ask the DNS. */
    major = credential->native->gss_canonicalize_name(&minor, *name, &troth__gss_krb5, &made->name);
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

/* A handle with the target's tickets out of a snapshot; none, with TROTH_OK, where they cannot be told. Not under lock.
 */
static troth_status gss_narrow_handle(struct gss_credential *credential, const struct gss_handle *whole,
                                      const struct gss_target *target, struct gss_handle **handle, troth_error *error)
{
    struct gss_handle *made = NULL;
    char *name = NULL;
    bool copied = false;
    troth_status status = troth__gss_name_show(credential->native, target->name, &name, error);

    *handle = NULL;
    if (status != TROTH_OK)
        return status;
    made = troth__alloc(sizeof *made);
    if (made == NULL) {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
        goto out;
    }
    made->holds = 1;
    status = troth__gss_private_ccache(credential, made->store, &made->ccache, error);
    if (status != TROTH_OK)
        goto out;
    troth__mutex_lock(credential->lock);
    copied = gss_copy_tickets(credential, whole->ccache != NULL ? whole->ccache : credential->given_ccache, name,
                              made->ccache);
    troth__mutex_unlock(credential->lock);
    if (!copied)
        goto out;
    made->snapshot = whole->snapshot;
    made->narrow = true;
    made->renew_at = whole->renew_at;
    made->ends_at = whole->ends_at;
    status = troth__gss_acquire_for(credential, made, &made->cred, error);
    if (status != TROTH_OK)
        goto out;
    *handle = made;
    made = NULL;
out:
    troth__gss_handle_drop(credential, &made);
    troth__free(name);
    return status;
}

/* Holds what the target keeps of this snapshot. Returns whether that is known already. Under lock. */
static bool gss_take_narrow(const struct gss_target *target, const struct gss_handle *whole, struct gss_handle **handle)
{
    if (target->narrowed != whole->snapshot)
        return false;
    *handle = target->handle;
    if (*handle != NULL)
        (*handle)->holds++;
    return true;
}

/*
 * Exchanges a handle with a whole snapshot for one with the target's tickets, if these are enough, or for the file's. A
 * private ccache is its own source, and stays where the target has no ticket in it yet.
 */
static troth_status gss_narrow(struct gss_credential *credential, struct gss_target *target, bool enough,
                               struct gss_handle **handle, troth_error *error)
{
    struct gss_handle *narrow = NULL, *made = NULL;
    troth_status status;
    bool good, known;

    troth__mutex_lock(credential->lock);
    good = target != NULL && target->snapshot == (*handle)->snapshot && troth__now() < target->ends_at;
    known = good && (!enough || gss_take_narrow(target, *handle, &narrow));
    troth__mutex_unlock(credential->lock);
    if (!good && gss_own_ccache(credential))
        return TROTH_OK;
    if (!good) {
        troth__gss_handle_drop(credential, handle);
        return troth__gss_handle_of_file(credential, handle, error);
    }
    if (!known) {
        status = gss_narrow_handle(credential, *handle, target, &made, error);
        if (status != TROTH_OK)
            return status;
        troth__mutex_lock(credential->lock);
        /* Another thread may have done the same, or the file may have changed. */
        if (!gss_take_narrow(target, *handle, &narrow) && credential->current == *handle) {
            target->narrowed = (*handle)->snapshot;
            target->handle = made;
            made = NULL;
            gss_take_narrow(target, *handle, &narrow);
        }
        troth__gss_handle_drop_locked(credential, &made);
        troth__mutex_unlock(credential->lock);
    }
    if (narrow != NULL) {
        troth__gss_handle_drop(credential, handle);
        *handle = narrow;
    }
    return TROTH_OK;
}

troth_status troth__gss_initiator_take(struct gss_credential *credential, const troth_name *asked, bool enough,
                                       gss_name_t *name, struct gss_handle **handle, struct gss_target **target,
                                       troth_error *error)
{
    troth_status status = troth__gss_handle_take(credential, (troth__bytes){NULL, 0}, handle, error);

    *name = GSS_C_NO_NAME;
    *target = NULL;
    if (status != TROTH_OK)
        return status;
    status = credential->fast ? gss_target_take(credential, asked, name, target, error)
                              : troth__gss_name_import(credential->native, asked, name, error);
    if (status == TROTH_OK && (*handle)->snapshot != 0)
        status = gss_narrow(credential, *target, enough, handle, error);
    if (status != TROTH_OK) {
        troth__gss_handle_drop(credential, handle);
        troth__gss_target_drop(credential, target);
        troth__gss_name_release(credential->native, name);
    }
    return status;
}

troth_status troth__gss_target_widen(struct gss_credential *credential, struct gss_target *target,
                                     struct gss_handle **handle, troth_error *error)
{
    troth__mutex_lock(credential->lock);
    target->snapshot = 0;
    if (target->handle == *handle) {
        target->narrowed = 0;
        troth__gss_handle_drop_locked(credential, &target->handle);
    }
    troth__gss_handle_drop_locked(credential, handle);
    troth__mutex_unlock(credential->lock);
    return gss_own_ccache(credential) ? troth__gss_handle_take(credential, (troth__bytes){NULL, 0}, handle, error)
                                      : troth__gss_handle_of_file(credential, handle, error);
}

void troth__gss_target_confirm(struct gss_credential *credential, struct gss_target *target,
                               const struct gss_handle *handle, OM_uint32 lifetime)
{
    const bool private = gss_own_ccache(credential);
    struct gss_stamp stamp;

    if (target == NULL || handle->narrow || (private ? handle->snapshot == 0 : handle->snapshot != 0) ||
        (!private && credential->ccache_path == NULL))
        return;
    stamp = troth__gss_stamp_now(credential->ccache_path);
    troth__mutex_lock(credential->lock);
    if (private || (credential->current != NULL && troth__gss_stamp_same(&stamp, &credential->stamp))) {
        target->snapshot = private ? handle->snapshot : credential->current->snapshot;
        target->ends_at = lifetime == GSS_C_INDEFINITE ? TROTH_NEVER : troth__now() + (int64_t)lifetime;
    }
    troth__mutex_unlock(credential->lock);
}
