/* memory.h - the bytes of keytab and ccache files put into MEMORY ones of the native library. */
#ifndef TROTH_BACKENDS_GSSAPI_MEMORY_H
#define TROTH_BACKENDS_GSSAPI_MEMORY_H

#include "backend.h"
#include "native.h"

/*
 * Both put into an empty and private MEMORY one what a file with these bytes holds, in the order of the file. Nothing
 * of data is kept. What was put in wipes its keys when it ends. krb5 is used by nobody else meanwhile.
 *
 * Return TROTH_OK; TROTH_E_ARGUMENT (not such a file, or one that is damaged: the text says where); TROTH_E_UNSUPPORTED
 * (such a file in a format that is not read here); TROTH_E_NO_CREDENTIAL (nothing in it); TROTH_E_LIMIT (a name of more
 * than TROTH__MEMORY_PARTS parts); TROTH_E_MEMORY; TROTH_E_FAILURE. After a failure the MEMORY one may have some of it
 * in it, and is of no use.
 *
 * Formats: the keytab's 0x0502 and the ccache's version 4 ("Keytab file format" and "Credential cache file format" in
 * the documentation of MIT Kerberos).
 */
troth_status troth__gss_memory_keytab(const struct troth__gss_native *native, krb5_context krb5, troth__bytes data,
                                      krb5_keytab to, troth_error *error);
troth_status troth__gss_memory_ccache(const struct troth__gss_native *native, krb5_context krb5, troth__bytes data,
                                      krb5_ccache to, troth_error *error);

/* No name in use has more than a few. */
#define TROTH__MEMORY_PARTS 32

#endif
