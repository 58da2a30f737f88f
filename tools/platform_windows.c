/* platform_windows.c - the Windows twin of platform_posix.c, function by function. */
#include "platform_native.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void native_error_text(int code, char text[PLATFORM_TEXT])
{
    wchar_t wide[PLATFORM_TEXT / 2];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, (DWORD)code, 0,
                                  wide, PLATFORM_TEXT / 2, NULL);
    while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.')) {
        length--;
    }
    int written = WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, text, PLATFORM_TEXT - 1, NULL, NULL);
    if (written <= 0) {
        (void)snprintf(text, PLATFORM_TEXT, "error %d", code);
    } else {
        text[written] = '\0';
    }
}

void native_last_error_text(char text[PLATFORM_TEXT])
{
    native_error_text(WSAGetLastError(), text);
}

void native_resolver_error_text(int code, char text[PLATFORM_TEXT])
{
    native_error_text(code, text);
}

void native_file_error_text(char text[PLATFORM_TEXT])
{
    (void)snprintf(text, PLATFORM_TEXT, "%s", strerror(errno));
}

int64_t native_clock_ms(void)
{
    return (int64_t)GetTickCount64();
}

void native_socket_close(native_socket socket)
{
    (void)closesocket(socket);
}

void native_socket_set_blocking(native_socket socket, bool blocking)
{
    u_long non_blocking = blocking ? 0 : 1;
    (void)ioctlsocket(socket, (long)FIONBIO, &non_blocking);
}

bool native_connect_in_progress(void)
{
    return WSAGetLastError() == WSAEWOULDBLOCK;
}

/* select, since WSAPoll does not report a refused connection before Windows 10 2004. */
bool native_connect_wait(native_socket socket, int timeout, char text[PLATFORM_TEXT])
{
    fd_set writable;
    fd_set failed;
    FD_ZERO(&writable);
    FD_ZERO(&failed);
    FD_SET(socket, &writable);
    FD_SET(socket, &failed);
    struct timeval limit = {timeout / 1000, timeout % 1000 * 1000};
    if (select(0, NULL, &writable, &failed, &limit) == 0) {
        (void)snprintf(text, PLATFORM_TEXT, "no answer in time");
        return false;
    }
    int code = 0;
    int size = sizeof code;
    (void)getsockopt(socket, SOL_SOCKET, SO_ERROR, (char *)&code, &size);
    if (code != 0 || FD_ISSET(socket, &failed)) {
        native_error_text(code, text);
        return false;
    }
    return true;
}

enum platform_accept native_accept_class(void)
{
    switch (WSAGetLastError()) {
    case WSAEWOULDBLOCK:
        return PLATFORM_NOBODY;
    case WSAECONNRESET:
    case WSAEINTR:
        return PLATFORM_GONE;
    case WSAENOTSOCK:
    case WSAEINVAL:
    case WSANOTINITIALISED:
        return PLATFORM_BROKEN;
    default:
        return PLATFORM_BUSY;
    }
}

void platform_prepare_server(void)
{
}

void platform_binary_input(void)
{
    (void)_setmode(_fileno(stdin), _O_BINARY);
}

int native_secret_open(const char *path, bool *exposed)
{
    wchar_t wide[MAX_PATH];
    *exposed = false;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, MAX_PATH) == 0) {
        errno = ENOENT;
        return -1;
    }
    return _wopen(wide, _O_RDONLY | _O_BINARY);
}

int native_secret_read(int file, char *buffer, size_t size)
{
    return _read(file, buffer, (unsigned)size);
}

void native_secret_close(int file)
{
    (void)_close(file);
}

static char *utf8_from_wide(const wchar_t *wide)
{
    int size = WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, -1, NULL, 0, NULL, NULL);
    char *text = size > 0 ? malloc((size_t)size) : NULL;
    if (text != NULL) {
        (void)WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, wide, -1, text, size, NULL, NULL);
    }
    return text;
}

/* A plain main, so that no linker flag is needed; the arguments are those of the wide command line. */
int main(void)
{
    int result = 1;
    int count = 0;
    WSADATA data;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **arguments = wide != NULL ? calloc((size_t)count + 1, sizeof *arguments) : NULL;
    UINT code_page = GetConsoleOutputCP();
    if (arguments == NULL || WSAStartup(MAKEWORD(2, 2), &data) != 0) {
        (void)fputs("troth: Windows gives no arguments, no memory or no sockets\n", stderr);
        goto out;
    }
    for (int i = 0; i < count; i++) {
        arguments[i] = utf8_from_wide(wide[i]);
        if (arguments[i] == NULL) {
            (void)fprintf(stderr, "troth: argument %d is not valid Unicode\n", i);
            result = 2;
            goto out_sockets;
        }
    }
    /* Lines end with one byte on every platform. */
    (void)_setmode(_fileno(stdout), _O_BINARY);
    (void)_setmode(_fileno(stderr), _O_BINARY);
    (void)SetConsoleOutputCP(CP_UTF8);
    result = tool_main(count, arguments);
    (void)SetConsoleOutputCP(code_page);
out_sockets:
    (void)WSACleanup();
out:
    for (int i = 0; arguments != NULL && i < count; i++) {
        free(arguments[i]);
    }
    free(arguments);
    (void)LocalFree(wide);
    return result;
}
