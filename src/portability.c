/*
 * portability.c - what common code needs of the operating system: a mutex, two clocks, and socket input and output
 * with a deadline. POSIX and Windows stand one after the other, in the same order.
 */
#if !defined(_WIN32)
/* clock_gettime, sendmsg and MSG_DONTWAIT beside -std=c11; on macOS SO_NOSIGPIPE as well. */
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#endif

#include "portability.h"

#include <stdio.h>
#include <string.h>

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#else
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#endif

/* ------------------------------------------------------------------------------------------------------------------
 * Both
 * --------------------------------------------------------------------------------------------------------------- */

bool troth__is_ip_address(const char *text)
{
    char copy[64]; /* an address in numbers has at most 45 characters (INET6_ADDRSTRLEN), its scope is cut off */
    unsigned char address[16];
    const char *begin = text;
    size_t length = strlen(text);

    if (length >= 2 && text[0] == '[' && text[length - 1] == ']') {
        begin++;
        length -= 2;
    }
    if (memchr(begin, ':', length) != NULL) {
        const char *scope = memchr(begin, '%', length); /* RFC 4007 section 11 */

        length = scope != NULL ? (size_t)(scope - begin) : length;
    }
    if (length >= sizeof(copy))
        return false;
    memcpy(copy, begin, length);
    copy[length] = '\0';
    return inet_pton(AF_INET, copy, address) == 1 || inet_pton(AF_INET6, copy, address) == 1;
}

/* How long a wait may last, in milliseconds that fit an int; *none is set when the deadline has passed. */
static int wait_left(int64_t deadline, bool *none)
{
    int64_t left = 0;

    *none = false;
    if (deadline == TROTH__FOREVER)
        return -1;
    left = deadline - troth__monotonic_ms();
    if (left <= 0) {
        *none = true;
        return 0;
    }
    return left > INT32_MAX ? INT32_MAX : (int)left;
}

#if !defined(_WIN32)
/* ------------------------------------------------------------------------------------------------------------------
 * POSIX
 * --------------------------------------------------------------------------------------------------------------- */

struct troth__mutex {
    pthread_mutex_t native;
};

troth__mutex *troth__mutex_new(void)
{
    troth__mutex *mutex = troth__alloc(sizeof(*mutex));

    if (mutex != NULL && pthread_mutex_init(&mutex->native, NULL) != 0) {
        troth__free(mutex);
        mutex = NULL;
    }
    return mutex;
}

void troth__mutex_free(troth__mutex *mutex)
{
    if (mutex != NULL) {
        (void)pthread_mutex_destroy(&mutex->native);
        troth__free(mutex);
    }
}

void troth__mutex_lock(troth__mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->native);
}

void troth__mutex_unlock(troth__mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->native);
}

int64_t troth__now(void)
{
    return (int64_t)time(NULL);
}

int64_t troth__monotonic_ms(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sorts the errno of a failed send or receive; would-block is the caller's. */
static enum troth__io io_failure(int error, int *native_error)
{
    *native_error = error;
    return error == ECONNRESET || error == EPIPE ? TROTH__IO_CLOSED : TROTH__IO_FAILED;
}

static bool is_would_block(int error)
{
#if EAGAIN != EWOULDBLOCK
    return error == EAGAIN || error == EWOULDBLOCK;
#else
    return error == EAGAIN;
#endif
}

/* Waits until the socket may be asked again: what poll tells of errors, the next send or receive tells better. */
static enum troth__io wait_for(int descriptor, short events, int64_t deadline, int *native_error)
{
    for (;;) {
        struct pollfd watched = {.fd = descriptor, .events = events};
        bool none = false;
        int left = wait_left(deadline, &none);
        int ready = none ? 0 : poll(&watched, 1, left);

        if (ready > 0)
            return TROTH__IO_OK;
        if (none)
            return TROTH__IO_TIMEOUT;
        if (ready < 0 && errno != EINTR)
            return io_failure(errno, native_error);
    }
}

enum troth__io troth__socket_write(troth_socket socket, troth__bytes data, int64_t deadline, int *native_error)
{
    int descriptor = (int)socket;
    size_t sent = 0;

    *native_error = 0;
#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0
    {
        int on = 1;

        (void)setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
    }
#endif
    while (sent < data.length) {
        ssize_t written = send(descriptor, data.data + sent, data.length - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (written >= 0) {
            sent += (size_t)written;
        } else if (is_would_block(errno)) {
            enum troth__io waited = wait_for(descriptor, POLLOUT, deadline, native_error);

            if (waited != TROTH__IO_OK)
                return waited;
        } else if (errno != EINTR) {
            return io_failure(errno, native_error);
        }
    }
    return TROTH__IO_OK;
}

enum troth__io troth__socket_read(troth_socket socket, uint8_t *buffer, size_t length, int64_t deadline,
                                  size_t *received, int *native_error)
{
    int descriptor = (int)socket;

    *received = 0;
    *native_error = 0;
    while (*received < length) {
        ssize_t got = recv(descriptor, buffer + *received, length - *received, MSG_DONTWAIT);

        if (got > 0) {
            *received += (size_t)got;
        } else if (got == 0) {
            return TROTH__IO_CLOSED;
        } else if (is_would_block(errno)) {
            enum troth__io waited = wait_for(descriptor, POLLIN, deadline, native_error);

            if (waited != TROTH__IO_OK)
                return waited;
        } else if (errno != EINTR) {
            return io_failure(errno, native_error);
        }
    }
    return TROTH__IO_OK;
}

const char *troth__socket_error_text(int native_error, char *buffer, size_t capacity)
{
    if (strerror_r(native_error, buffer, capacity) != 0)
        (void)snprintf(buffer, capacity, "error %d", native_error);
    return buffer;
}

#else
/* ------------------------------------------------------------------------------------------------------------------
 * Windows. Winsock is the socket's owner's to start.
 * --------------------------------------------------------------------------------------------------------------- */

struct troth__mutex {
    SRWLOCK native;
};

troth__mutex *troth__mutex_new(void)
{
    troth__mutex *mutex = troth__alloc(sizeof(*mutex));

    if (mutex != NULL)
        InitializeSRWLock(&mutex->native);
    return mutex;
}

void troth__mutex_free(troth__mutex *mutex)
{
    troth__free(mutex);
}

void troth__mutex_lock(troth__mutex *mutex)
{
    AcquireSRWLockExclusive(&mutex->native);
}

void troth__mutex_unlock(troth__mutex *mutex)
{
    ReleaseSRWLockExclusive(&mutex->native);
}

int64_t troth__now(void)
{
    /* A FILETIME counts 100 ns since 1601; between that and 1970 lie 11,644,473,600 s. */
    FILETIME now;
    ULARGE_INTEGER ticks;

    GetSystemTimeAsFileTime(&now);
    ticks.LowPart = now.dwLowDateTime;
    ticks.HighPart = now.dwHighDateTime;
    return (int64_t)(ticks.QuadPart / 10000000u) - 11644473600;
}

int64_t troth__monotonic_ms(void)
{
    return (int64_t)GetTickCount64();
}

/* Sorts the error of a failed send or receive. */
static enum troth__io io_failure(int error, int *native_error)
{
    *native_error = error;
    switch (error) {
    case WSAECONNRESET:
    case WSAECONNABORTED:
    case WSAESHUTDOWN:
    case WSAEDISCON:
    case ERROR_NETNAME_DELETED: /* a reset, as an overlapped call may tell it */
        return TROTH__IO_CLOSED;
    default:
        return TROTH__IO_FAILED;
    }
}

/*
 * An overlapped operation keeps a deadline on blocking and non-blocking sockets alike. (A socket made without
 * WSA_FLAG_OVERLAPPED, which neither socket() nor accept() makes, blocks in it.)
 */
struct operation {
    WSAOVERLAPPED overlapped;
    HANDLE event;
};

static bool operation_init(struct operation *operation, int *native_error)
{
    operation->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (operation->event == NULL) {
        *native_error = (int)GetLastError();
        return false;
    }
    return true;
}

static void operation_begin(struct operation *operation)
{
    memset(&operation->overlapped, 0, sizeof(operation->overlapped));
    (void)ResetEvent(operation->event);
    /* The low bit keeps the result from a completion port that the socket's owner may have tied it to. */
    operation->overlapped.hEvent = (HANDLE)((ULONG_PTR)operation->event | 1u);
}

/*
 * Sees an operation to its end, or to the deadline. result is what starting it returned. *done counts the bytes,
 * whatever is returned: a cancelled operation may have moved some.
 */
static enum troth__io operation_finish(struct operation *operation, SOCKET socket, int result, int64_t deadline,
                                       size_t *done, int *native_error)
{
    enum troth__io io = TROTH__IO_OK;
    DWORD bytes = 0;
    DWORD flags = 0;
    int error = result == 0 ? 0 : WSAGetLastError();

    *done = 0;
    if (error != 0 && error != WSA_IO_PENDING)
        return io_failure(error, native_error);
    while (error == WSA_IO_PENDING) {
        bool none = false;
        int left = wait_left(deadline, &none);
        DWORD waited = WaitForSingleObject(operation->event, none ? 0 : left < 0 ? INFINITE : (DWORD)left);

        if (waited == WAIT_OBJECT_0)
            break;
        if (none || waited == WAIT_FAILED) {
            io = none ? TROTH__IO_TIMEOUT : io_failure((int)GetLastError(), native_error);
            (void)CancelIoEx((HANDLE)socket, &operation->overlapped);
            break;
        }
    }
    /* Also waits for a cancelled operation to be over: until then the kernel holds our buffers. */
    if (WSAGetOverlappedResult(socket, &operation->overlapped, &bytes, TRUE, &flags))
        *done = bytes;
    else if (io == TROTH__IO_OK)
        io = io_failure(WSAGetLastError(), native_error);
    return io;
}

/* A length as one Winsock buffer takes it. */
static ULONG part_length(size_t length)
{
    return length > 0x40000000u ? 0x40000000u : (ULONG)length;
}

enum troth__io troth__socket_write(troth_socket socket, troth__bytes data, int64_t deadline, int *native_error)
{
    enum troth__io io = TROTH__IO_OK;
    struct operation operation;
    size_t sent = 0;

    *native_error = 0;
    if (!operation_init(&operation, native_error))
        return TROTH__IO_FAILED;
    while (io == TROTH__IO_OK && sent < data.length) {
        WSABUF part;
        size_t done = 0;
        int result = 0;

        /* A WSABUF is not const, though WSASend only reads through it. */
        part.buf = (CHAR *)((uintptr_t)data.data + sent);
        part.len = part_length(data.length - sent);

        operation_begin(&operation);
        result = WSASend((SOCKET)socket, &part, 1, NULL, 0, &operation.overlapped, NULL);
        io = operation_finish(&operation, (SOCKET)socket, result, deadline, &done, native_error);
        sent += done;
    }
    (void)CloseHandle(operation.event);
    return sent == data.length ? TROTH__IO_OK : io;
}

enum troth__io troth__socket_read(troth_socket socket, uint8_t *buffer, size_t length, int64_t deadline,
                                  size_t *received, int *native_error)
{
    enum troth__io io = TROTH__IO_OK;
    struct operation operation;

    *received = 0;
    *native_error = 0;
    if (!operation_init(&operation, native_error))
        return TROTH__IO_FAILED;
    while (io == TROTH__IO_OK && *received < length) {
        WSABUF part;
        DWORD flags = 0;
        size_t done = 0;
        int result = 0;

        part.buf = (CHAR *)(buffer + *received);
        part.len = part_length(length - *received);
        operation_begin(&operation);
        result = WSARecv((SOCKET)socket, &part, 1, NULL, &flags, &operation.overlapped, NULL);
        io = operation_finish(&operation, (SOCKET)socket, result, deadline, &done, native_error);
        *received += done;
        if (io == TROTH__IO_OK && done == 0)
            io = TROTH__IO_CLOSED;
    }
    (void)CloseHandle(operation.event);
    return *received == length ? TROTH__IO_OK : io;
}

const char *troth__socket_error_text(int native_error, char *buffer, size_t capacity)
{
    WCHAR wide[256];
    DWORD length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, (DWORD)native_error,
                                  0, wide, sizeof(wide) / sizeof(wide[0]), NULL);
    int bytes = 0;

    while (length > 0 && (wide[length - 1] == L'\r' || wide[length - 1] == L'\n' || wide[length - 1] == L' '))
        length--;
    if (length > 0)
        bytes = WideCharToMultiByte(CP_UTF8, 0, wide, (int)length, buffer, (int)capacity - 1, NULL, NULL);
    if (bytes > 0)
        buffer[bytes] = '\0';
    else
        (void)snprintf(buffer, capacity, "error %d", native_error);
    return buffer;
}

#endif
