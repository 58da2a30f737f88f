/*
 * clock.c - how far the KDC's clock is from this machine's, as a ccache knows it since its first ticket was had: a copy
 * of a ccache must know it too.
 *
 * A krb5 context takes it from the first ccache that it opens, and a new one in memory says 0 (MIT 1.20.1). One in
 * memory keeps what the context that makes it knows.
 */
#define _POSIX_C_SOURCE 200809L

#include "internal.h"

#include <time.h>

krb5_error_code troth__gss_clock_set(const struct troth__gss_native *native, krb5_context krb5, int64_t ahead)
{
    struct timespec now = {0, 0};

    clock_gettime(CLOCK_REALTIME, &now);
    ahead += (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    if (ahead < 0 || ahead / 1000000 > UINT32_MAX)
        return KRB5_CC_FORMAT;
    return native->krb5_set_real_time(krb5, (krb5_timestamp)(ahead / 1000000), (krb5_int32)(ahead % 1000000));
}

troth_status troth__gss_clock_take(struct gss_credential *credential, const char *ccache, troth_error *error)
{
    const struct troth__gss_native *native = credential->native;
    krb5_context asking = NULL;
    krb5_ccache open = NULL;
    krb5_principal owner = NULL;
    krb5_timestamp seconds = 0;
    krb5_int32 microseconds = 0;
    const char *call = "krb5_init_context";
    krb5_error_code code = native->krb5_init_context(&asking);
    int64_t ahead;

    if (code != 0) {
        asking = NULL;
    } else {
        call = "krb5_cc_resolve";
        code = native->krb5_cc_resolve(asking, ccache, &open);
    }
    if (code == 0) {
        /* A file is opened by this. One that cannot be read says nothing. */
        if (native->krb5_cc_get_principal(asking, open, &owner) == 0)
            native->krb5_free_principal(asking, owner);
        native->krb5_cc_close(asking, open);
        call = "krb5_get_time_offsets";
        code = native->krb5_get_time_offsets(asking, &seconds, &microseconds);
    }
    if (asking != NULL)
        native->krb5_free_context(asking);
    ahead = (int64_t)seconds * 1000000 + microseconds;
    troth__mutex_lock(credential->lock);
    if (code == 0 && ahead != credential->clock) {
        call = "krb5_set_real_time";
        code = troth__gss_clock_set(native, credential->krb5, ahead);
        if (code == 0)
            credential->clock = ahead;
    }
    troth__mutex_unlock(credential->lock);
    return code == 0 ? TROTH_OK
                     : troth__gss_fail(native, call, GSS_S_FAILURE, (OM_uint32)code, &troth__gss_krb5, error);
}
