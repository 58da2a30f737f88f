/* native.c - the operating system's own calls, as the backend's table of native calls has them. */
#include "native.h"

static const SecurityFunctionTableW *native_functions(void)
{
    return InitSecurityInterfaceW();
}

static size_t native_text(SECURITY_STATUS status, WCHAR *buffer, size_t capacity)
{
    DWORD size = capacity > 0x7FFFu ? 0x7FFFu : (DWORD)capacity;

    /* Inserts are ignored: the arguments of a message are not ours to know. */
    return FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK,
                          NULL, (DWORD)status, 0, buffer, size, NULL);
}

static bool native_local_to_utc(int64_t local, int64_t *utc)
{
    FILETIME from;
    FILETIME to = {0, 0};

    from.dwLowDateTime = (DWORD)((uint64_t)local & 0xFFFFFFFFu);
    from.dwHighDateTime = (DWORD)((uint64_t)local >> 32);
    if (!LocalFileTimeToFileTime(&from, &to))
        return false;
    *utc = (int64_t)(((uint64_t)to.dwHighDateTime << 32) | to.dwLowDateTime);
    return true;
}

static DWORD native_token_information(HANDLE token, TOKEN_INFORMATION_CLASS what, void *room, DWORD size, DWORD *needed)
{
    return GetTokenInformation(token, what, room, size, needed) ? 0 : GetLastError();
}

static void native_token_close(HANDLE token)
{
    CloseHandle(token);
}

static bool native_is_wine(void)
{
    HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");

    return ntdll != NULL && GetProcAddress(ntdll, "wine_get_version") != NULL;
}

const struct troth__sspi_native troth__sspi_native_here = {
    native_functions,
    native_text,
    native_local_to_utc,
    native_token_information,
    native_token_close,
    native_is_wine,
    true,
    0,
};
