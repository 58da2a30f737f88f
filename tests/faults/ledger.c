/* ledger.c - the account of living objects and of calls, and the library's allocator put under it by --wrap. */
#define _POSIX_C_SOURCE 200809L

#include "ledger.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#endif
#endif
#ifndef VALGRIND_MAKE_MEM_DEFINED
#define VALGRIND_MAKE_MEM_DEFINED(memory, size) ((void)(memory), (void)(size))
#endif

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

/* A conversation fills one private ccache, a renewing one some more. */
#define CCACHES 64

struct entry {
    const char *kind;
    const void *object;
    size_t size;
};

static struct {
    pthread_mutex_t lock;
    struct entry *entries;
    size_t count, room;
    unsigned wrong; /* died without being alive, or with the secret inside */
    enum watch_failure failure;
    unsigned nth, calls, allocations;
    const char *failed;
    const void *secret;
    size_t secret_length;
    char ccaches[CCACHES][64]; /* names of private ccaches that were filled */
    size_t ccache_count;
} ledger = {.lock = PTHREAD_MUTEX_INITIALIZER};

void *__real_troth__alloc(size_t size);
void __real_troth__free(void *memory);
void *__wrap_troth__alloc(size_t size);
void __wrap_troth__free(void *memory);
void __wrap_troth__wipe_free(void *memory, size_t size);
char *__wrap_troth__strdup(const char *text);

void ledger_born(const char *kind, const void *object, size_t size)
{
    pthread_mutex_lock(&ledger.lock);
    if (ledger.count == ledger.room) {
        ledger.room = ledger.room * 2 + 64;
        ledger.entries = realloc(ledger.entries, ledger.room * sizeof *ledger.entries);
        if (ledger.entries == NULL)
            abort();
    }
    ledger.entries[ledger.count++] = (struct entry){kind, object, size};
    pthread_mutex_unlock(&ledger.lock);
}

/* Nobody may see the secret in memory that is given back. */
static bool holds_secret(const struct entry *entry)
{
    const char *bytes = entry->object;

    /* The padding of a structure was never written, and is searched all the same. */
    VALGRIND_MAKE_MEM_DEFINED(entry->object, entry->size);
    for (size_t i = 0; ledger.secret != NULL && i + ledger.secret_length <= entry->size; i++) {
        if (memcmp(bytes + i, ledger.secret, ledger.secret_length) == 0)
            return true;
    }
    return false;
}

void ledger_died(const char *kind, const void *object)
{
    bool found = false;

    pthread_mutex_lock(&ledger.lock);
    for (size_t i = ledger.count; i-- > 0 && !found;) {
        struct entry *entry = &ledger.entries[i];

        if (entry->object != object || strcmp(entry->kind, kind) != 0)
            continue;
        found = true;
        if (holds_secret(entry)) {
            fprintf(stderr, "%s of %zu bytes is given back with the secret inside\n", kind, entry->size);
            ledger.wrong++;
        }
        *entry = ledger.entries[--ledger.count];
    }
    if (!found) {
        fprintf(stderr, "%s is released without being alive\n", kind);
        ledger.wrong++;
    }
    pthread_mutex_unlock(&ledger.lock);
}

void ledger_store(const gss_key_value_set_desc *store)
{
    pthread_mutex_lock(&ledger.lock);
    for (OM_uint32 i = 0; store != NULL && i < store->count; i++) {
        const char *value = store->elements[i].value;

        if (strcmp(store->elements[i].key, "ccache") != 0 || strncmp(value, "MEMORY:", 7) != 0)
            continue;
        ledger.ccache_count %= CCACHES;
        snprintf(ledger.ccaches[ledger.ccache_count++], sizeof ledger.ccaches[0], "%s", value);
    }
    pthread_mutex_unlock(&ledger.lock);
}

enum ledger_verdict ledger_call(const char *call)
{
    enum ledger_verdict verdict = LEDGER_PASS;

    pthread_mutex_lock(&ledger.lock);
    if (++ledger.calls == ledger.nth && (ledger.failure == WATCH_BEFORE || ledger.failure == WATCH_AFTER)) {
        ledger.failed = call;
        verdict = ledger.failure == WATCH_BEFORE ? LEDGER_BEFORE : LEDGER_AFTER;
    }
    pthread_mutex_unlock(&ledger.lock);
    return verdict;
}

/* ---- the library's memory ------------------------------------------------------------------------------------- */

void *__wrap_troth__alloc(size_t size)
{
    void *memory = NULL;
    bool fails;

    pthread_mutex_lock(&ledger.lock);
    fails = ++ledger.allocations == ledger.nth && ledger.failure == WATCH_ALLOCATION;
    if (fails)
        ledger.failed = "troth__alloc";
    pthread_mutex_unlock(&ledger.lock);
    if (!fails)
        memory = __real_troth__alloc(size);
    if (memory != NULL)
        ledger_born("memory", memory, size);
    return memory;
}

void __wrap_troth__free(void *memory)
{
    if (memory != NULL)
        ledger_died("memory", memory);
    __real_troth__free(memory);
}

/* bytes.c calls its own functions, which the linker does not redirect: these two are said again. */
void __wrap_troth__wipe_free(void *memory, size_t size)
{
    troth__wipe(memory, size);
    __wrap_troth__free(memory);
}

char *__wrap_troth__strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = __wrap_troth__alloc(size);

    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* ---- asked by tests ------------------------------------------------------------------------------------------- */

void watch_start(enum watch_failure failure, unsigned nth)
{
    pthread_mutex_lock(&ledger.lock);
    ledger.failure = failure;
    ledger.nth = nth;
    ledger.calls = ledger.allocations = 0;
    ledger.failed = NULL;
    pthread_mutex_unlock(&ledger.lock);
}

const char *watch_failed(void)
{
    return ledger.failed;
}

unsigned watch_calls(void)
{
    return ledger.calls;
}

unsigned watch_allocations(void)
{
    return ledger.allocations;
}

void watch_secret(const void *secret, size_t length)
{
    ledger.secret = secret;
    ledger.secret_length = length;
}

/* The private ccaches that the krb5 library still keeps; they are gone afterwards. */
static unsigned private_ccaches(bool tell)
{
    krb5_context krb5 = NULL;
    unsigned count = 0;

    if (ledger.ccache_count == 0)
        return 0;
    if (krb5_init_context(&krb5) != 0)
        abort();
    for (size_t i = 0; i < ledger.ccache_count; i++) {
        krb5_principal owner = NULL;
        krb5_ccache ccache;

        if (krb5_cc_resolve(krb5, ledger.ccaches[i], &ccache) != 0)
            abort();
        if (krb5_cc_get_principal(krb5, ccache, &owner) == 0) {
            krb5_free_principal(krb5, owner);
            count++;
            if (tell)
                fprintf(stderr, "alive: private ccache %s\n", ledger.ccaches[i]);
        }
        krb5_cc_destroy(krb5, ccache);
    }
    krb5_free_context(krb5);
    return count;
}

unsigned watch_alive(bool tell)
{
    for (size_t i = 0; tell && i < ledger.count; i++)
        fprintf(stderr, "alive: %s (%zu bytes)\n", ledger.entries[i].kind, ledger.entries[i].size);
    ledger.wrong += private_ccaches(tell);
    ledger.ccache_count = 0;
    return (unsigned)ledger.count + ledger.wrong;
}

unsigned watch_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    while (directory != NULL && readdir(directory) != NULL)
        count++;
    if (directory != NULL)
        closedir(directory);
    return count;
}

/* The table is the library's business; so is its end. */
troth__backend watch_backend_of(const struct troth__gss_native *native)
{
    troth__backend backend = troth__backend_here;

    backend.native = native;
    return backend;
}
