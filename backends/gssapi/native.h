/*
 * native.h - every call that this backend makes into the operating system's security library, as one table.
 *
 * The only seam of the backend: tests hand in a table in which single calls fail or are scripted.
 */
#ifndef TROTH_BACKENDS_GSSAPI_NATIVE_H
#define TROTH_BACKENDS_GSSAPI_NATIVE_H

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>

#define TROTH__GSS_NATIVE_CALLS(X)                                                                                     \
    X(gss_accept_sec_context)                                                                                          \
    X(gss_acquire_cred_from)                                                                                           \
    X(gss_acquire_cred_impersonate_name)                                                                               \
    X(gss_acquire_cred_with_password)                                                                                  \
    X(gss_add_cred_from)                                                                                               \
    X(gss_canonicalize_name)                                                                                           \
    X(gss_delete_sec_context)                                                                                          \
    X(gss_display_name)                                                                                                \
    X(gss_display_status)                                                                                              \
    X(gss_export_sec_context)                                                                                          \
    X(gss_get_mic)                                                                                                     \
    X(gss_get_mic_iov)                                                                                                 \
    X(gss_get_mic_iov_length)                                                                                          \
    X(gss_get_name_attribute)                                                                                          \
    X(gss_import_name)                                                                                                 \
    X(gss_import_sec_context)                                                                                          \
    X(gss_indicate_mechs)                                                                                              \
    X(gss_init_sec_context)                                                                                            \
    X(gss_inquire_context)                                                                                             \
    X(gss_inquire_cred)                                                                                                \
    X(gss_inquire_cred_by_oid)                                                                                         \
    X(gss_inquire_sec_context_by_oid)                                                                                  \
    X(gss_krb5_get_tkt_flags)                                                                                          \
    X(gss_localname)                                                                                                   \
    X(gss_pseudo_random)                                                                                               \
    X(gss_release_buffer)                                                                                              \
    X(gss_release_buffer_set)                                                                                          \
    X(gss_release_cred)                                                                                                \
    X(gss_release_name)                                                                                                \
    X(gss_release_oid_set)                                                                                             \
    X(gss_set_neg_mechs)                                                                                               \
    X(gss_store_cred_into)                                                                                             \
    X(gss_unwrap)                                                                                                      \
    X(gss_unwrap_iov)                                                                                                  \
    X(gss_verify_mic)                                                                                                  \
    X(gss_verify_mic_iov)                                                                                              \
    X(gss_wrap)                                                                                                        \
    X(gss_wrap_iov)                                                                                                    \
    X(gss_wrap_iov_length)                                                                                             \
    X(krb5_c_random_make_octets)                                                                                       \
    X(krb5_cc_close)                                                                                                   \
    X(krb5_cc_copy_creds)                                                                                              \
    X(krb5_cc_default_name)                                                                                            \
    X(krb5_cc_destroy)                                                                                                 \
    X(krb5_cc_end_seq_get)                                                                                             \
    X(krb5_cc_get_principal)                                                                                           \
    X(krb5_cc_initialize)                                                                                              \
    X(krb5_cc_next_cred)                                                                                               \
    X(krb5_cc_resolve)                                                                                                 \
    X(krb5_cc_start_seq_get)                                                                                           \
    X(krb5_cc_store_cred)                                                                                              \
    X(krb5_free_context)                                                                                               \
    X(krb5_free_cred_contents)                                                                                         \
    X(krb5_free_creds)                                                                                                 \
    X(krb5_free_error_message)                                                                                         \
    X(krb5_free_keytab_entry_contents)                                                                                 \
    X(krb5_free_principal)                                                                                             \
    X(krb5_free_unparsed_name)                                                                                         \
    X(krb5_get_error_message)                                                                                          \
    X(krb5_get_time_offsets)                                                                                           \
    X(krb5_init_context)                                                                                               \
    X(krb5_is_config_principal)                                                                                        \
    X(krb5_kt_add_entry)                                                                                               \
    X(krb5_kt_close)                                                                                                   \
    X(krb5_kt_default)                                                                                                 \
    X(krb5_kt_end_seq_get)                                                                                             \
    X(krb5_kt_get_name)                                                                                                \
    X(krb5_kt_next_entry)                                                                                              \
    X(krb5_kt_remove_entry)                                                                                            \
    X(krb5_kt_resolve)                                                                                                 \
    X(krb5_kt_start_seq_get)                                                                                           \
    X(krb5_parse_name)                                                                                                 \
    X(krb5_principal_compare_any_realm)                                                                                \
    X(krb5_set_real_time)                                                                                              \
    X(krb5_unmarshal_credentials)                                                                                      \
    X(krb5_unparse_name)

struct troth__gss_native {
#define X(call) __typeof__(call) *call;
    TROTH__GSS_NATIVE_CALLS(X)
#undef X
};

/* The real library. */
extern const struct troth__gss_native troth__gss_native;

#endif
