/* support.c - the unit tests' own sockets, threads and failing allocations, on POSIX and on Windows. */
#if !defined(_WIN32)
#define _DEFAULT_SOURCE
#endif

#include "support.h"

#if defined(_WIN32)
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#define NO_SOCKET INVALID_SOCKET
typedef SOCKET native_socket;
typedef int socket_length;
#else
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#define NO_SOCKET (-1)
typedef int native_socket;
typedef socklen_t socket_length;
#endif

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0
#endif

void assert_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* ---- allocations ---------------------------------------------------------------------------------------------- */

#if defined(TROTH_TEST_WRAP)
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);
#endif

static int fail_in;
static bool has_failed;
static unsigned made;
static size_t largest;
static bool measuring; /* so that threads of other tests write nothing here */

void support_fail_allocation(int nth)
{
    fail_in = nth;
    has_failed = false;
}

bool support_allocation_failed(void)
{
    return has_failed;
}

void support_skipped(void **state)
{
    (void)state;
}

void support_allocations_reset(void)
{
    made = 0;
}

unsigned support_allocations(void)
{
    return made;
}

void support_largest_allocation_reset(void)
{
    largest = 0;
    measuring = true;
}

size_t support_largest_allocation(void)
{
    return largest;
}

#define WATCHED_MAX 256

static struct {
    const uint8_t *secret; /* NULL: nothing is watched */
    size_t length;
    size_t held;
    size_t most;
    size_t unwiped;
    struct {
        const uint8_t *data;
        size_t size;
    } blocks[WATCHED_MAX];
} watch;

void support_memory_watch(const void *secret, size_t length)
{
    memset(&watch, 0, sizeof watch);
    watch.secret = secret;
    watch.length = length;
}

size_t support_memory_held(void)
{
    return watch.held;
}

size_t support_memory_most(void)
{
    return watch.most;
}

size_t support_memory_unwiped(void)
{
    return watch.unwiped;
}

void support_memory_most_reset(void)
{
    watch.most = watch.held;
}

#if defined(TROTH_TEST_WRAP)
static void *watch_made(void *memory, size_t size)
{
    for (size_t i = 0; watch.secret != NULL && memory != NULL && i < WATCHED_MAX; i++) {
        if (watch.blocks[i].data == NULL) {
            watch.blocks[i].data = memory;
            watch.blocks[i].size = size;
            watch.held += size;
            watch.most = watch.held > watch.most ? watch.held : watch.most;
            return memory;
        }
    }
    return memory;
}

void __wrap_free(void *memory)
{
    for (size_t i = 0; watch.secret != NULL && memory != NULL && i < WATCHED_MAX; i++) {
        if (watch.blocks[i].data == memory) {
            for (size_t at = 0; at + watch.length <= watch.blocks[i].size; at++) {
                if (memcmp(watch.blocks[i].data + at, watch.secret, watch.length) == 0) {
                    watch.unwiped++;
                    break;
                }
            }
            watch.held -= watch.blocks[i].size;
            watch.blocks[i].data = NULL;
            break;
        }
    }
    __real_free(memory);
}

void *__wrap_calloc(size_t count, size_t size)
{
    made += count == 1; /* troth__alloc's way to ask */
    if (measuring && count == 1 && size > largest)
        largest = size;
    if (fail_in > 0 && --fail_in == 0) {
        has_failed = true;
        return NULL;
    }
    return watch_made(__real_calloc(count, size), count * size);
}
#endif

/* ---- sockets -------------------------------------------------------------------------------------------------- */

void support_sockets_start(void)
{
#if defined(_WIN32)
    WSADATA data;

    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        abort();
#endif
}

static void close_native(native_socket socket)
{
#if defined(_WIN32)
    closesocket(socket);
#else
    close(socket);
#endif
}

struct support_pair support_pair_open(void)
{
    struct support_pair pair;
    struct sockaddr_in address;
    socket_length size = sizeof address;
    native_socket listener = socket(AF_INET, SOCK_STREAM, 0);
    native_socket one = socket(AF_INET, SOCK_STREAM, 0);
    native_socket other;
    int on = 1;

    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(listener != NO_SOCKET && one != NO_SOCKET);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(one, (struct sockaddr *)&address, sizeof address), 0);
    other = accept(listener, NULL, NULL);
    assert_true(other != NO_SOCKET);
    close_native(listener);
    setsockopt(other, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    pair.ours = (troth_socket)one;
    pair.theirs = (troth_socket)other;
    return pair;
}

void support_close(troth_socket *socket)
{
    if (*socket != (troth_socket)NO_SOCKET)
        close_native((native_socket)*socket);
    *socket = (troth_socket)NO_SOCKET;
}

void support_reset(troth_socket *socket)
{
    struct linger now;

    now.l_onoff = 1;
    now.l_linger = 0;
    setsockopt((native_socket)*socket, SOL_SOCKET, SO_LINGER, (const char *)&now, sizeof now);
    support_close(socket);
}

void support_pair_close(struct support_pair *pair)
{
    support_close(&pair->ours);
    support_close(&pair->theirs);
}

void support_nonblocking(troth_socket socket)
{
#if defined(_WIN32)
    u_long on = 1;

    assert_int_equal(ioctlsocket((native_socket)socket, (long)FIONBIO, &on), 0);
#else
    assert_int_equal(fcntl((native_socket)socket, F_SETFL, O_NONBLOCK), 0);
#endif
}

void support_small_buffers(troth_socket socket)
{
    int size = 4096;

    setsockopt((native_socket)socket, SOL_SOCKET, SO_SNDBUF, (const char *)&size, sizeof size);
    setsockopt((native_socket)socket, SOL_SOCKET, SO_RCVBUF, (const char *)&size, sizeof size);
}

bool support_try_send(troth_socket socket, const void *data, size_t length)
{
    const char *next = data;

    while (length > 0) {
        long sent = (long)send((native_socket)socket, next, (socket_length)length, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        next += sent;
        length -= (size_t)sent;
    }
    return true;
}

bool support_try_receive(troth_socket socket, void *data, size_t length)
{
    char *next = data;

    while (length > 0) {
        long received = (long)recv((native_socket)socket, next, (socket_length)length, 0);

        if (received <= 0)
            return false;
        next += received;
        length -= (size_t)received;
    }
    return true;
}

void support_send(troth_socket socket, const void *data, size_t length)
{
    assert_true(support_try_send(socket, data, length));
}

void support_receive(troth_socket socket, void *data, size_t length)
{
    assert_true(support_try_receive(socket, data, length));
}

bool support_at_end(troth_socket socket)
{
    char byte;

    return recv((native_socket)socket, &byte, 1, 0) == 0;
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

struct support_thread {
    void (*run)(void *argument);
    void *argument;
#if defined(_WIN32)
    HANDLE native;
#else
    pthread_t native;
#endif
};

#if defined(_WIN32)
static DWORD WINAPI thread_main(LPVOID argument)
{
    struct support_thread *thread = argument;

    thread->run(thread->argument);
    return 0;
}
#else
static void *thread_main(void *argument)
{
    struct support_thread *thread = argument;

    thread->run(thread->argument);
    return NULL;
}
#endif

struct support_thread *support_thread_start(void (*run)(void *argument), void *argument)
{
    struct support_thread *thread = malloc(sizeof *thread);

    assert_non_null(thread);
    thread->run = run;
    thread->argument = argument;
#if defined(_WIN32)
    thread->native = CreateThread(NULL, 0, thread_main, thread, 0, NULL);
    assert_non_null(thread->native);
#else
    assert_int_equal(pthread_create(&thread->native, NULL, thread_main, thread), 0);
#endif
    return thread;
}

void support_thread_join(struct support_thread *thread)
{
#if defined(_WIN32)
    WaitForSingleObject(thread->native, INFINITE);
    CloseHandle(thread->native);
#else
    pthread_join(thread->native, NULL);
#endif
    free(thread);
}
