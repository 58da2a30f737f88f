/* supports.c - what SSPI can do, whether the package that it takes is there, and what Wine's provider leaves out. */
#include "internal.h"

/*
 * What Windows can do, what Wine's provider makes of it (wine.c), and the package without which neither can. What is
 * not here SSPI cannot do at all. TROTH_SUPPORT_UNKNOWN: only the provider itself knows, and says so when it is asked.
 */
static const struct {
    troth_support windows;
    troth_support wine;
    const char *needs; /* NULL: any provider at all */
} sspi_features[] = {
    [TROTH_FEATURE_KERBEROS] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, "Kerberos"},
    /* Wine: the Kerberos package stands in. It takes SPNEGO from peers, but sends raw Kerberos. */
    [TROTH_FEATURE_NEGOTIATE] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_UNKNOWN, "Negotiate"},
    /* Wine: Samba's ntlm_auth, whose acceptor needs a winbindd that is in a domain. */
    [TROTH_FEATURE_NTLM] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_UNKNOWN, "NTLM"},

    /* Encryption types: a provider that does not answer SECPKG_ATTR_KEY_INFO has everything refused. */
    [TROTH_FEATURE_FORBIDDEN] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_REFUSED_ENCRYPTION] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_ANONYMOUS] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_UNKNOWN, NULL},

    [TROTH_FEATURE_BINDINGS] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_BINDINGS_REQUIRED] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_CERTIFICATE_HASH] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, NULL},

    [TROTH_FEATURE_ACCEPTOR_KEYTAB] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_INITIATOR_KEYTAB] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_CCACHE] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_PASSWORD] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_MEMORY_KEYTAB] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_MEMORY_CCACHE] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},

    [TROTH_FEATURE_DELEGATE_ALWAYS] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    /* Wine asks for it whatever the policy says. */
    [TROTH_FEATURE_DELEGATE_BY_POLICY] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, "Kerberos"},
    [TROTH_FEATURE_DELEGATED_CREDENTIAL] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_S4U2SELF] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_S4U2PROXY] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_STORE] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_IMPERSONATION] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_UNKNOWN, NULL},

    /* SSPI has attributes for them; which provider fills them for which mechanism is not told. */
    [TROTH_FEATURE_PEER_NAME] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_TARGET_NAME] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_WINDOWS_NAME] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_UNKNOWN, NULL},
    [TROTH_FEATURE_LOCAL_NAME] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_EXPORT_NAME] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_UNKNOWN, NULL},
    /* Microsoft's description of the attribute is of few words. */
    [TROTH_FEATURE_PEER_TARGET] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_AUTHORISATION_DATA] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_GROUP_SIDS] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, NULL},

    [TROTH_FEATURE_SESSION_KEY] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_PRF] = {TROTH_SUPPORT_NO, TROTH_SUPPORT_NO, NULL},
    [TROTH_FEATURE_CONTEXT_EXPORT] = {TROTH_SUPPORT_UNKNOWN, TROTH_SUPPORT_NO, NULL},

    [TROTH_FEATURE_CONFIDENTIALITY] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, NULL},
    [TROTH_FEATURE_PARTS] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, "Kerberos"},
    [TROTH_FEATURE_SIGN_ONLY_PARTS] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_NO, "Kerberos"},
    [TROTH_FEATURE_PARTS_MIC] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, NULL},

    [TROTH_FEATURE_TRACE] = {TROTH_SUPPORT_YES, TROTH_SUPPORT_YES, NULL},
};

/* The provider has this package. */
static bool sspi_installed(const SecurityFunctionTableW *functions, const char *package)
{
    WCHAR name[16];
    SecPkgInfoW *info = NULL;
    size_t length = 0;

    while (length + 1 < sizeof name / sizeof name[0] && package[length] != 0) {
        name[length] = (WCHAR)package[length]; /* ASCII */
        length++;
    }
    name[length] = 0;
    if (functions->QuerySecurityPackageInfoW(name, &info) != SEC_E_OK || info == NULL)
        return false;
    functions->FreeContextBuffer(info);
    return true;
}

/* The provider's table has no entry for what the feature takes. */
static bool sspi_call_missing(const SecurityFunctionTableW *functions, troth_feature feature)
{
    switch (feature) {
    case TROTH_FEATURE_IMPERSONATION:
        return functions->ImpersonateSecurityContext == NULL || functions->RevertSecurityContext == NULL;
    case TROTH_FEATURE_GROUP_SIDS:
        return functions->QuerySecurityContextToken == NULL;
    case TROTH_FEATURE_CONTEXT_EXPORT:
        return functions->ExportSecurityContext == NULL || functions->ImportSecurityContextW == NULL;
    default:
        return false;
    }
}

troth_support troth__sspi_supports(const troth__backend *self, troth_feature feature)
{
    const struct troth__sspi_native *native = self->native;
    const SecurityFunctionTableW *functions;
    troth_support support;

    if ((size_t)feature >= sizeof sspi_features / sizeof sspi_features[0])
        return TROTH_SUPPORT_NO;
    support = native->is_wine() ? sspi_features[feature].wine : sspi_features[feature].windows;
    if (!native->parts && (feature == TROTH_FEATURE_PARTS || feature == TROTH_FEATURE_SIGN_ONLY_PARTS))
        support = TROTH_SUPPORT_NO;
    if (support == TROTH_SUPPORT_NO || (native->lacks >> feature & 1u) != 0)
        return TROTH_SUPPORT_NO;
    functions = native->functions();
    if (functions == NULL)
        return TROTH_SUPPORT_NO;
    if (sspi_call_missing(functions, feature))
        return TROTH_SUPPORT_NO;
    if (sspi_features[feature].needs != NULL && !sspi_installed(functions, sspi_features[feature].needs))
        return TROTH_SUPPORT_NO;
    return support;
}
