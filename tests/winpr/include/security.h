/*
 * security.h - stands in for Windows' header of this name where the SSPI backend is built against WinPR: WinPR's own
 * sspi.h, and what Windows has beyond it. The values and structures are those of Windows' sspi.h.
 */
#ifndef TROTH_TESTS_WINPR_SECURITY_H
#define TROTH_TESTS_WINPR_SECURITY_H

#include <winpr/sspi.h>

#define SECQOP_WRAP_NO_ENCRYPT 0x80000001u

#define SECPKG_NEGOTIATION_COMPLETE 0u
#define SECPKG_NEGOTIATION_IN_PROGRESS 2u
#define SECPKG_NEGOTIATION_TRY_MULTICRED 4u

/* WinPR has these with narrow names, and answers none of the queries that they are for. */
typedef struct {
    SecPkgInfoW *PackageInfo;
    ULONG NegotiationState;
} SecPkgContext_NegotiationInfoW;

typedef struct {
    SecPkgInfoW *PackageInfo;
} SecPkgContext_PackageInfoW;

typedef struct {
    SEC_WCHAR *sClientName;
    SEC_WCHAR *sServerName;
} SecPkgContext_NativeNamesW;

typedef struct {
    SEC_WCHAR *sUserName;
} SecPkgContext_NamesW;

typedef struct {
    SEC_WCHAR *sSignatureAlgorithmName;
    SEC_WCHAR *sEncryptAlgorithmName;
    ULONG KeySize;
    ULONG SignatureAlgorithm;
    ULONG EncryptAlgorithm;
} SecPkgContext_KeyInfoW;

/* On Windows its name has no W. */
typedef struct {
    SEC_WCHAR *sTargetName;
} SecPkgContext_ClientSpecifiedTargetW;
#define SecPkgContext_ClientSpecifiedTarget SecPkgContext_ClientSpecifiedTargetW

#endif
