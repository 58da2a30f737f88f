/* native.c - the table of native calls, filled with the real library's. */
#include "native.h"

const struct troth__gss_native troth__gss_native = {
#define X(call) .call = call,
    TROTH__GSS_NATIVE_CALLS(X)
#undef X
};
