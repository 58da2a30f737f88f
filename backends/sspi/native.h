/*
 * native.h - the table of native calls: the only way in which this backend reaches the operating system.
 *
 * Most of it is Windows' own SecurityFunctionTableW, as InitSecurityInterfaceW gives it; beside it stand the few calls
 * outside SSPI that the backend needs. Tests put a scripted table here, or another provider of SSPI.
 */
#ifndef TROTH_BACKENDS_SSPI_NATIVE_H
#define TROTH_BACKENDS_SSPI_NATIVE_H

#define SECURITY_WIN32
#include <windows.h>
#include <security.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct troth__sspi_native {
    /* InitSecurityInterfaceW: the provider's functions, for the life of the process. NULL: there is no provider. */
    const SecurityFunctionTableW *(*functions)(void);

    /*
     * The system's text for a status, UTF-16 in buffer, not terminated. Returns its length, 0 where the system has
     * none. FormatMessageW.
     */
    size_t (*text)(SECURITY_STATUS status, WCHAR *buffer, size_t capacity);

    /*
     * Turns a FILETIME count (100 ns since 1601) from local time into UTC, with the offset of this moment, which is
     * the one that the providers have added. Returns false when it cannot. LocalFileTimeToFileTime.
     */
    bool (*local_to_utc)(int64_t local, int64_t *utc);

    /*
     * What an access token says of one class of information, in Windows' own layout. Returns 0, or the system's code:
     * ERROR_INSUFFICIENT_BUFFER with *needed set while the room is too small. GetTokenInformation.
     */
    DWORD (*token_information)(HANDLE token, TOKEN_INFORMATION_CLASS what, void *room, DWORD size, DWORD *needed);

    /* Closes an access token. CloseHandle. */
    void (*token_close)(HANDLE token);

    /* The provider is Wine's: ntdll has wine_get_version. See wine.c for what hangs on it. */
    bool (*is_wine)(void);

    /*
     * The provider takes messages in several SECBUFFER_DATA, and SECBUFFER_READONLY_WITH_CHECKSUM among them. A
     * provider that does not would leave the others unprotected without a word.
     */
    bool parts;

    /* What this provider lacks beyond what Windows and Wine are known to: a bit for each, 1 << TROTH_FEATURE_... */
    uint64_t lacks;
};

/* The operating system's own. */
extern const struct troth__sspi_native troth__sspi_native_here;

#endif
