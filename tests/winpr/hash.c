/* hash.c - in the place of backends/sspi/hash.c: nothing is hashed over WinPR, which has no bcrypt.dll. */
#include "sspi/internal.h"

#include "certificate.h"
#include "error.h"

troth_status troth__sspi_hash(troth_hash hash, troth__bytes data, uint8_t digest[TROTH__HASH_MOST], troth_error *error)
{
    (void)data;
    (void)digest;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "no %s over WinPR", troth__hash_name(hash));
}
