/* supports.c - what can be done in this process, and what it is called. */
#include "backend.h"

#define NAMED(feature) [feature] = #feature

static const char *const feature_names[] = {
    NAMED(TROTH_FEATURE_KERBEROS),
    NAMED(TROTH_FEATURE_NEGOTIATE),
    NAMED(TROTH_FEATURE_NTLM),
    NAMED(TROTH_FEATURE_FORBIDDEN),
    NAMED(TROTH_FEATURE_REFUSED_ENCRYPTION),
    NAMED(TROTH_FEATURE_ANONYMOUS),
    NAMED(TROTH_FEATURE_BINDINGS),
    NAMED(TROTH_FEATURE_BINDINGS_REQUIRED),
    NAMED(TROTH_FEATURE_CERTIFICATE_HASH),
    NAMED(TROTH_FEATURE_ACCEPTOR_KEYTAB),
    NAMED(TROTH_FEATURE_INITIATOR_KEYTAB),
    NAMED(TROTH_FEATURE_CCACHE),
    NAMED(TROTH_FEATURE_PASSWORD),
    NAMED(TROTH_FEATURE_MEMORY_KEYTAB),
    NAMED(TROTH_FEATURE_MEMORY_CCACHE),
    NAMED(TROTH_FEATURE_DELEGATE_ALWAYS),
    NAMED(TROTH_FEATURE_DELEGATE_BY_POLICY),
    NAMED(TROTH_FEATURE_DELEGATED_CREDENTIAL),
    NAMED(TROTH_FEATURE_S4U2SELF),
    NAMED(TROTH_FEATURE_S4U2PROXY),
    NAMED(TROTH_FEATURE_STORE),
    NAMED(TROTH_FEATURE_IMPERSONATION),
    NAMED(TROTH_FEATURE_PEER_NAME),
    NAMED(TROTH_FEATURE_TARGET_NAME),
    NAMED(TROTH_FEATURE_WINDOWS_NAME),
    NAMED(TROTH_FEATURE_LOCAL_NAME),
    NAMED(TROTH_FEATURE_EXPORT_NAME),
    NAMED(TROTH_FEATURE_AUTHORISATION_DATA),
    NAMED(TROTH_FEATURE_GROUP_SIDS),
    NAMED(TROTH_FEATURE_SESSION_KEY),
    NAMED(TROTH_FEATURE_PRF),
    NAMED(TROTH_FEATURE_CONTEXT_EXPORT),
    NAMED(TROTH_FEATURE_CONFIDENTIALITY),
    NAMED(TROTH_FEATURE_PARTS),
    NAMED(TROTH_FEATURE_SIGN_ONLY_PARTS),
    NAMED(TROTH_FEATURE_PARTS_MIC),
    NAMED(TROTH_FEATURE_TRACE),
    NAMED(TROTH_FEATURE_PEER_TARGET),
};

#define FEATURES (sizeof(feature_names) / sizeof(feature_names[0]))

/* Callers may pass any number: an unsigned index also turns the negative ones away. */
static const char *name_of(troth_feature feature)
{
    return (unsigned)feature < FEATURES ? feature_names[(unsigned)feature] : NULL;
}

const char *troth_feature_name(troth_feature feature)
{
    const char *name = name_of(feature);

    return name != NULL ? name : "TROTH_FEATURE_?";
}

troth_support troth__supports(const troth__backend *backend, troth_feature feature)
{
    return name_of(feature) != NULL ? backend->supports(backend, feature) : TROTH_SUPPORT_NO;
}

troth_support troth_supports(troth_feature feature)
{
    return troth__supports(&troth__backend_here, feature);
}
