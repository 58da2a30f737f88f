/*
 * pool.c - an acceptor's native handles, as many as threads use at once, each over a private MEMORY keytab with the few
 * keys that the ticket in hand calls for.
 *
 * A handle is used by one step at a time: MIT holds a credential's lock through the whole of gss_accept_sec_context.
 * The keytab file is looked at (one stat) at each step, and read when it has changed.
 */
#define _POSIX_C_SOURCE 200809L

#include "internal.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "error.h"
#include "ticket.h"

/* Up to so many handles, one is made for each choice of keys; above, the keys of an idle one are exchanged. */
#define HANDLES_LOADED 8

/* More handles than these are not kept for later. */
#define HANDLES_IDLE 32

/* When a key is missing, the file is read once more whatever stat says, but not more often than this (ms). */
#define MISSING_PAUSE 1000

/* A file that changed so short a time before it was read may have changed once more within the same tick of the file
 * system's clock: it is read again after this time (ms). */
#define TICK 100

struct gss_pool {
    char name[1024];       /* of the keytab: "FILE:...", or "MEMORY:..." of what was given */
    const char *path;      /* in it; NULL: it is the credential's own, in memory, and never changes */
    char *principal;       /* of a credential with a literal principal, in display form; or NULL */
    struct gss_keys *keys; /* NULL: the file cannot be read as a keytab now */
    struct gss_stamp stamp;
    int64_t read_at;  /* of troth__monotonic_ms */
    bool young;       /* see TICK */
    unsigned reading; /* of which reading of the file keys is */
    unsigned alive, idle_count;
    struct gss_handle *idle; /* the one last used is the first */
};

/* ---- stamps --------------------------------------------------------------------------------------------------- */

struct gss_stamp troth__gss_stamp_now(const char *path)
{
    struct gss_stamp stamp = {.known = false};
    struct stat status;

    if (path != NULL && stat(path, &status) == 0) {
        stamp.known = true;
        stamp.device = (uint64_t)status.st_dev;
        stamp.inode = (uint64_t)status.st_ino;
        stamp.size = (int64_t)status.st_size;
        /* Not mtime, which copying tools set, and which a change of permissions leaves alone. */
        stamp.seconds = (int64_t)status.st_ctim.tv_sec;
        stamp.nanoseconds = status.st_ctim.tv_nsec;
    }
    return stamp;
}

bool troth__gss_stamp_same(const struct gss_stamp *a, const struct gss_stamp *b)
{
    return a->known && b->known && a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

/* The file was changed less than TICK before now. */
static bool gss_stamp_young(const struct gss_stamp *stamp)
{
    struct timespec now;

    if (!stamp->known || clock_gettime(CLOCK_REALTIME, &now) != 0)
        return true;
    return ((int64_t)now.tv_sec - stamp->seconds) * 1000 + (now.tv_nsec - stamp->nanoseconds) / 1000000 < TICK;
}

/* ---- the pool ------------------------------------------------------------------------------------------------- */

troth_status troth__gss_pool_new(struct gss_credential *credential, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    const struct troth__credential_config *config = credential->config;
    const char *keytab = troth__gss_credential_keytab(credential);
    struct gss_pool *pool;
    krb5_keytab open = NULL;
    bool fits;

    if (!credential->fast)
        return TROTH_OK;
    pool = troth__alloc(sizeof *pool);
    if (pool == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    credential->pool = pool;
    if ((keytab != NULL ? native->krb5_kt_resolve(credential->krb5, keytab, &open)
                        : native->krb5_kt_default(credential->krb5, &open)) != 0)
        open = NULL;
    fits = open != NULL && native->krb5_kt_get_name(credential->krb5, open, pool->name, sizeof pool->name) == 0 &&
           (credential->given_keytab != NULL || strncmp(pool->name, "FILE:", 5) == 0);
    if (open != NULL)
        native->krb5_kt_close(credential->krb5, open);
    if (!fits) {
        troth__gss_pool_free(credential);
        return TROTH_OK;
    }
    if (credential->given_keytab == NULL)
        pool->path = pool->name + 5;
    if (config->name.principal != NULL)
        return troth__gss_name_show(native, credential->name, &pool->principal, error);
    return TROTH_OK;
}

/* Ends a handle that is in nobody's hands. Under lock. */
static void gss_handle_end(struct gss_credential *credential, struct gss_handle *handle)
{
    credential->pool->alive--;
    troth__gss_handle_end(credential, handle);
}

static void gss_end_idle(struct gss_credential *credential)
{
    struct gss_pool *pool = credential->pool;

    while (pool->idle != NULL) {
        struct gss_handle *next = pool->idle->next;

        gss_handle_end(credential, pool->idle);
        pool->idle = next;
    }
    pool->idle_count = 0;
}

void troth__gss_pool_free(struct gss_credential *credential)
{
    if (credential->pool == NULL)
        return;
    gss_end_idle(credential);
    troth__gss_keys_free(credential->pool->keys);
    troth__free(credential->pool->principal);
    troth__free(credential->pool);
    credential->pool = NULL;
}

/* Reads the file anew. The old keys die here, and with the handles that running steps still have. Under lock. */
static troth_status gss_pool_read(struct gss_credential *credential, troth_error *error)
{
    struct gss_pool *pool = credential->pool;

    gss_end_idle(credential);
    troth__gss_keys_free(pool->keys);
    pool->keys = NULL;
    pool->reading++;
    pool->read_at = troth__monotonic_ms();
    pool->stamp =
        troth__gss_stamp_now(pool->path); /* before: a change while it is read is then seen at the next step */
    pool->young = gss_stamp_young(&pool->stamp);
    return troth__gss_keys_read(credential->native, credential->krb5, pool->name, &credential->config->name,
                                pool->principal, &pool->keys, error);
}

/* The keys are to be read, for the first time or because they may have changed. */
static bool gss_read_due(const struct gss_pool *pool, const struct gss_stamp *stamp, int64_t age)
{
    if (pool->keys == NULL && (pool->reading == 0 || age >= MISSING_PAUSE))
        return true;
    return pool->path != NULL && (!troth__gss_stamp_same(stamp, &pool->stamp) || (pool->young && age >= TICK));
}

/* Chooses keys for the ticket, reading the file where that is due. No keys: the file cannot be read. Under lock. */
static troth_status gss_pool_choose(struct gss_credential *credential, const struct gss_stamp *stamp,
                                    const struct troth__ticket *ticket, struct gss_choice *choice, troth_error *error)
{
    struct gss_pool *pool = credential->pool;
    const int64_t age = troth__monotonic_ms() - pool->read_at;
    troth_status status = TROTH_OK;
    bool read = false;

    if (gss_read_due(pool, stamp, age)) {
        status = gss_pool_read(credential, error);
        read = true;
    }
    if (pool->keys == NULL)
        return status;
    if (!troth__gss_keys_choose(pool->keys, ticket, choice) && !read && pool->path != NULL && age >= MISSING_PAUSE) {
        status = gss_pool_read(credential, error);
        if (pool->keys != NULL)
            troth__gss_keys_choose(pool->keys, ticket, choice);
    }
    return status;
}

/* ---- handles -------------------------------------------------------------------------------------------------- */

/* An idle handle with these keys, or one whose keys can be exchanged; NULL when one is to be made. Under lock. */
static struct gss_handle *gss_take_idle(struct gss_credential *credential, const struct gss_choice *choice)
{
    struct gss_pool *pool = credential->pool;
    struct gss_handle **at = &pool->idle, **last = NULL, *taken;

    while (*at != NULL && !troth__gss_choice_same(&(*at)->choice, choice)) {
        last = at;
        at = &(*at)->next;
    }
    if (*at == NULL) {
        if (last == NULL || pool->alive < HANDLES_LOADED)
            return NULL;
        at = last;
    }
    taken = *at;
    *at = taken->next;
    taken->next = NULL;
    pool->idle_count--;
    if (!troth__gss_choice_same(&taken->choice, choice)) {
        if (troth__gss_keys_remove(pool->keys, &taken->choice, taken->keytab) != 0 ||
            troth__gss_keys_add(pool->keys, choice, taken->keytab) != 0) {
            gss_handle_end(credential, taken);
            return NULL;
        }
        taken->choice = *choice;
    }
    return taken;
}

/* A handle with its keytab filled and no native credential yet; *handle NULL: the stock path must do. Under lock. */
static troth_status gss_begin_handle(struct gss_credential *credential, const struct gss_choice *choice,
                                     struct gss_handle **handle, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    struct gss_pool *pool = credential->pool;
    struct gss_handle *made = troth__alloc(sizeof *made);

    *handle = NULL;
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a credential");
    pool->alive++;
    made->pooled = true;
    made->reading = pool->reading;
    made->choice = *choice;
    troth__gss_private_name(credential, made->store);
    if (native->krb5_kt_resolve(credential->krb5, made->store, &made->keytab) != 0)
        made->keytab = NULL;
    if (made->keytab == NULL || troth__gss_keys_add(pool->keys, choice, made->keytab) != 0)
        gss_handle_end(credential, made);
    else
        *handle = made;
    return TROTH_OK;
}

troth_status troth__gss_pool_take(struct gss_credential *credential, troth__bytes token, struct gss_handle **handle,
                                  troth_error *error)
{
    struct gss_pool *pool = credential->pool;
    const struct gss_stamp stamp = troth__gss_stamp_now(pool->path);
    gss_key_value_element_desc element = {"keytab", NULL};
    gss_key_value_set_desc store = {1, &element};
    struct troth__ticket ticket;
    const bool found = troth__ticket_find(token, &ticket);
    struct gss_choice choice;
    bool fresh = false;
    troth_status status;

    *handle = NULL;
    troth__mutex_lock(credential->lock);
    status = gss_pool_choose(credential, &stamp, found ? &ticket : NULL, &choice, error);
    if (status == TROTH_OK && pool->keys != NULL) {
        *handle = gss_take_idle(credential, &choice);
        fresh = *handle == NULL;
        if (fresh)
            status = gss_begin_handle(credential, &choice, handle, error);
    }
    troth__mutex_unlock(credential->lock);
    if (!fresh || *handle == NULL)
        return status;

    /* Not under lock: MIT may ask the DNS about the host of a credential's name. */
    element.value = (*handle)->store;
    status = troth__gss_acquire_from(credential, &store, &store, &(*handle)->cred, error);
    if (status != TROTH_OK) {
        troth__gss_pool_drop(credential, handle);
        /* The file has none of the credential's own keys any more: the stock handle says so. */
        if (GSS_ROUTINE_ERROR(error->native_major) == GSS_S_NO_CRED)
            error->status = status = TROTH_OK;
    }
    return status;
}

void troth__gss_pool_drop(struct gss_credential *credential, struct gss_handle **handle)
{
    struct gss_pool *pool = credential->pool;
    struct gss_handle *back = *handle;

    *handle = NULL;
    troth__mutex_lock(credential->lock);
    if (back->cred == GSS_C_NO_CREDENTIAL || back->reading != pool->reading || pool->idle_count >= HANDLES_IDLE) {
        gss_handle_end(credential, back);
    } else {
        back->next = pool->idle;
        pool->idle = back;
        pool->idle_count++;
    }
    troth__mutex_unlock(credential->lock);
}

void troth__gss_credential_tell_keytab(struct gss_credential *credential, troth_error *error)
{
    const struct gss_pool *pool = credential->pool;

    troth__mutex_lock(credential->lock);
    troth__gss_keytab_tell(
        credential->native, credential->krb5, pool != NULL ? pool->name : troth__gss_credential_keytab(credential),
        pool != NULL ? pool->keys : NULL, credential->given_keytab != NULL ? "given as bytes" : NULL, error);
    troth__mutex_unlock(credential->lock);
}
