/* plumbing.c - the sockets of the examples, which are not what they show. */
#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>

#include <process.h>
#define close_socket closesocket
typedef SOCKET native_socket;
typedef int address_length;
typedef HANDLE native_thread;
#else
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#define close_socket close
typedef int native_socket;
typedef socklen_t address_length;
typedef pthread_t native_thread;
#endif

#include <stdio.h>
#include <string.h>

#include "plumbing.h"

static struct addrinfo *resolve(const char *host, const char *port)
{
    struct addrinfo hints;
    struct addrinfo *address = NULL;
#ifdef _WIN32
    WSADATA data;
    (void)WSAStartup(MAKEWORD(2, 2), &data);
#endif
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, port, &hints, &address) != 0) {
        (void)fprintf(stderr, "no address for %s port %s\n", host, port);
        return NULL;
    }
    return address;
}

troth_socket plumbing_listen(const char *port)
{
    struct addrinfo *address = resolve("127.0.0.1", port);
    struct sockaddr_in here;
    address_length length = sizeof here;
    if (address == NULL) {
        return -1;
    }
    native_socket listener = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    int failed = bind(listener, address->ai_addr, (address_length)address->ai_addrlen) != 0 ||
                 listen(listener, SOMAXCONN) != 0 || getsockname(listener, (struct sockaddr *)&here, &length) != 0;
    freeaddrinfo(address);
    if (failed) {
        (void)fprintf(stderr, "cannot listen on port %s\n", port);
        return -1;
    }
    (void)printf("listening: %u\n", (unsigned)ntohs(here.sin_port));
    (void)fflush(stdout);
    return (troth_socket)listener;
}

troth_socket plumbing_accept(troth_socket listener)
{
    return (troth_socket)accept((native_socket)listener, NULL, NULL);
}

troth_socket plumbing_connect(const char *host, const char *port)
{
    struct addrinfo *addresses = resolve(host, port);
    troth_socket connected = -1;
    for (struct addrinfo *next = addresses; next != NULL && connected == -1; next = next->ai_next) {
        connected = (troth_socket)socket(next->ai_family, next->ai_socktype, next->ai_protocol);
        if (connect((native_socket)connected, next->ai_addr, (address_length)next->ai_addrlen) != 0) {
            plumbing_close(connected);
            connected = -1;
        }
    }
    if (addresses != NULL) {
        freeaddrinfo(addresses);
    }
    if (connected == -1) {
        (void)fprintf(stderr, "no connection to %s port %s\n", host, port);
    }
    return connected;
}

void plumbing_close(troth_socket socket)
{
    if (socket != -1) {
        (void)close_socket((native_socket)socket);
    }
}

struct task {
    void (*run)(void *argument);
    void *argument;
};

#ifdef _WIN32
static unsigned __stdcall thread_entry(void *argument)
{
    const struct task *task = argument;
    task->run(task->argument);
    return 0;
}

static int thread_start(native_thread *thread, struct task *task)
{
    *thread = (HANDLE)_beginthreadex(NULL, 0, thread_entry, task, 0, NULL);
    return *thread != NULL;
}

static void thread_join(native_thread thread)
{
    (void)WaitForSingleObject(thread, INFINITE);
    (void)CloseHandle(thread);
}
#else
static void *thread_entry(void *argument)
{
    const struct task *task = argument;
    task->run(task->argument);
    return NULL;
}

static int thread_start(native_thread *thread, struct task *task)
{
    return pthread_create(thread, NULL, thread_entry, task) == 0;
}

static void thread_join(native_thread thread)
{
    (void)pthread_join(thread, NULL);
}
#endif

void plumbing_threads(unsigned count, void (*run)(void *argument), void *argument)
{
    struct task task = {run, argument};
    native_thread threads[64];
    unsigned started = 0;
    while (started < count && started < 64 && thread_start(&threads[started], &task)) {
        started++;
    }
    if (started == 0) {
        (void)fprintf(stderr, "no thread could be started\n");
    }
    while (started > 0) {
        thread_join(threads[--started]);
    }
}
