/* supports.c - what MIT's GSSAPI can do, and whether the mechanism that it takes is installed. */
#include "internal.h"

#include <string.h>

#if defined(TROTH_HAVE_OPENSSL)
#define WITH_OPENSSL TROTH_SUPPORT_YES
#else
#define WITH_OPENSSL TROTH_SUPPORT_NO
#endif

/*
 * What the library can do, and the mechanism without which it cannot. What is not here it cannot do at all.
 * TROTH_SUPPORT_UNKNOWN: the KDC, the peer or a plug-in of the library has the last word.
 */
static const struct {
    troth_support support;
    gss_OID needs;
} gss_features[] = {
    [TROTH_FEATURE_KERBEROS] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_NEGOTIATE] = {TROTH_SUPPORT_YES, &troth__gss_spnego},
    [TROTH_FEATURE_NTLM] = {TROTH_SUPPORT_YES, &troth__gss_ntlm},

    [TROTH_FEATURE_FORBIDDEN] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_REFUSED_ENCRYPTION] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_ANONYMOUS] = {TROTH_SUPPORT_YES, NULL},

    [TROTH_FEATURE_BINDINGS] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_BINDINGS_REQUIRED] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_CERTIFICATE_HASH] = {WITH_OPENSSL, NULL},

    [TROTH_FEATURE_ACCEPTOR_KEYTAB] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_INITIATOR_KEYTAB] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_CCACHE] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_PASSWORD] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_MEMORY_KEYTAB] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_MEMORY_CCACHE] = {TROTH_SUPPORT_YES, &troth__gss_krb5},

    [TROTH_FEATURE_DELEGATE_ALWAYS] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_DELEGATE_BY_POLICY] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_DELEGATED_CREDENTIAL] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_S4U2SELF] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_S4U2PROXY] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_STORE] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_IMPERSONATION] = {TROTH_SUPPORT_NO, NULL},

    [TROTH_FEATURE_PEER_NAME] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_TARGET_NAME] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_WINDOWS_NAME] = {TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_LOCAL_NAME] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_EXPORT_NAME] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_PEER_TARGET] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_AUTHORISATION_DATA] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_GROUP_SIDS] = {TROTH_SUPPORT_NO, NULL},

    [TROTH_FEATURE_SESSION_KEY] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_PRF] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_CONTEXT_EXPORT] = {TROTH_SUPPORT_YES, NULL},

    [TROTH_FEATURE_CONFIDENTIALITY] = {TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_PARTS] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_SIGN_ONLY_PARTS] = {TROTH_SUPPORT_YES, &troth__gss_krb5},
    [TROTH_FEATURE_PARTS_MIC] = {TROTH_SUPPORT_YES, NULL},

    [TROTH_FEATURE_TRACE] = {TROTH_SUPPORT_YES, NULL},
};

/* The library has this mechanism, its own or a plug-in's. */
static bool gss_installed(const struct troth__gss_native *native, gss_OID mechanism)
{
    gss_OID_set installed = GSS_C_NO_OID_SET;
    bool found = false;
    OM_uint32 major, minor;

    major = native->gss_indicate_mechs(&minor, &installed);
    if (GSS_ERROR(major) || installed == GSS_C_NO_OID_SET)
        return false;
    for (size_t i = 0; i < installed->count && !found; i++) {
        found = installed->elements[i].length == mechanism->length &&
                memcmp(installed->elements[i].elements, mechanism->elements, mechanism->length) == 0;
    }
    native->gss_release_oid_set(&minor, &installed);
    return found;
}

troth_support troth__gss_supports(const troth__backend *self, troth_feature feature)
{
    troth_support support;

    if ((size_t)feature >= sizeof gss_features / sizeof gss_features[0])
        return TROTH_SUPPORT_NO;
    support = gss_features[feature].support;
    if (support != TROTH_SUPPORT_NO && gss_features[feature].needs != NULL &&
        !gss_installed(self->native, gss_features[feature].needs))
        return TROTH_SUPPORT_NO;
    return support;
}
