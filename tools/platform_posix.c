/* platform_posix.c - the POSIX twin of platform_windows.c, function by function. */
#include "platform_native.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void native_error_text(int code, char text[PLATFORM_TEXT])
{
    if (strerror_r(code, text, PLATFORM_TEXT) != 0) {
        (void)snprintf(text, PLATFORM_TEXT, "error %d", code);
    }
}

void native_last_error_text(char text[PLATFORM_TEXT])
{
    native_error_text(errno, text);
}

void native_resolver_error_text(int code, char text[PLATFORM_TEXT])
{
    if (code == EAI_SYSTEM) {
        native_last_error_text(text);
    } else {
        (void)snprintf(text, PLATFORM_TEXT, "%s", gai_strerror(code));
    }
}

void native_file_error_text(char text[PLATFORM_TEXT])
{
    native_last_error_text(text);
}

struct platform_mutex {
    pthread_mutex_t mutex;
};

platform_mutex *platform_mutex_new(void)
{
    platform_mutex *mutex = malloc(sizeof *mutex);
    if (mutex != NULL && pthread_mutex_init(&mutex->mutex, NULL) != 0) {
        free(mutex);
        mutex = NULL;
    }
    return mutex;
}

void platform_mutex_free(platform_mutex *mutex)
{
    if (mutex != NULL) {
        (void)pthread_mutex_destroy(&mutex->mutex);
        free(mutex);
    }
}

void platform_mutex_lock(platform_mutex *mutex)
{
    (void)pthread_mutex_lock(&mutex->mutex);
}

void platform_mutex_unlock(platform_mutex *mutex)
{
    (void)pthread_mutex_unlock(&mutex->mutex);
}

static void *thread_entry(void *argument)
{
    struct platform_thread *thread = argument;
    thread->run(thread->argument);
    return NULL;
}

bool native_thread_create(struct platform_thread *thread)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    /* Signals are for the thread that waits at the listener. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_attr_setstacksize(&attributes, NATIVE_THREAD_STACK);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread->handle, &attributes, thread_entry, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return result == 0;
}

void native_thread_wait(struct platform_thread *thread)
{
    (void)pthread_join(thread->handle, NULL);
}

int64_t native_clock_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void native_socket_close(native_socket socket)
{
    (void)close(socket);
}

void native_socket_set_blocking(native_socket socket, bool blocking)
{
    int flags = fcntl(socket, F_GETFL);
    (void)fcntl(socket, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

bool native_connect_in_progress(void)
{
    return errno == EINPROGRESS || errno == EINTR;
}

bool native_connect_wait(native_socket socket, int timeout, char text[PLATFORM_TEXT])
{
    int64_t deadline = native_clock_ms() + timeout;
    struct pollfd wait = {.fd = socket, .events = POLLOUT};
    int ready = 0;
    do {
        int64_t left = deadline - native_clock_ms();
        ready = poll(&wait, 1, left > 0 ? (int)left : 0);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        (void)snprintf(text, PLATFORM_TEXT, "no answer in time");
        return false;
    }
    int code = 0;
    socklen_t size = sizeof code;
    (void)getsockopt(socket, SOL_SOCKET, SO_ERROR, &code, &size);
    if (code != 0) {
        native_error_text(code, text);
        return false;
    }
    return true;
}

bool native_listener_prepare(struct platform_listener *listener)
{
    if (pipe(listener->wake) != 0) {
        listener->wake[0] = listener->wake[1] = -1;
        return false;
    }
    native_socket_set_blocking(listener->wake[0], false);
    native_socket_set_blocking(listener->wake[1], false);
    native_socket_set_blocking(listener->socket, false);
    return true;
}

void native_listener_dispose(struct platform_listener *listener)
{
    if (listener->wake[0] >= 0) {
        (void)close(listener->wake[0]);
        (void)close(listener->wake[1]);
    }
}

void platform_listener_wait(platform_listener *listener, bool incoming, int timeout)
{
    struct pollfd waits[] = {{.fd = listener->wake[0], .events = POLLIN}, {.fd = listener->socket, .events = POLLIN}};
    if (poll(waits, incoming ? 2 : 1, timeout) > 0 && waits[0].revents != 0) {
        char taken[256];
        while (read(listener->wake[0], taken, sizeof taken) == (ssize_t)sizeof taken) {
        }
    }
}

void platform_listener_wake(platform_listener *listener)
{
    /* A full pipe will wake it as well. */
    ssize_t written = write(listener->wake[1], "", 1);
    (void)written;
}

enum platform_accept native_accept_class(void)
{
    switch (errno) {
    case EAGAIN:
        return PLATFORM_NOBODY;
    case ECONNABORTED:
    case EINTR:
    case EPROTO:
        return PLATFORM_GONE;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
        return PLATFORM_BROKEN;
    default: /* EMFILE, ENFILE, ENOBUFS, ENOMEM, and what a network passes on (accept(2) lists it) */
        return PLATFORM_BUSY;
    }
}

void native_accepted_prepare(native_socket socket)
{
    native_socket_set_blocking(socket, true); /* BSD inherits the flag */
}

static volatile sig_atomic_t interrupted;
static platform_listener *interrupt_listener;

static void on_interrupt(int number)
{
    int saved = errno;
    (void)number;
    interrupted = 1;
    platform_listener_wake(interrupt_listener);
    errno = saved;
}

void platform_catch_interrupt(platform_listener *listener)
{
    interrupt_listener = listener;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND;
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

void native_interrupt_forget(platform_listener *listener)
{
    if (interrupt_listener == listener) {
        (void)signal(SIGINT, SIG_DFL);
        (void)signal(SIGTERM, SIG_DFL);
        interrupt_listener = NULL;
    }
}

bool platform_interrupted(void)
{
    return interrupted != 0;
}

int native_secret_open(const char *path, bool *exposed)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat status;
    *exposed = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
               (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
    return file;
}

int native_secret_read(int file, char *buffer, size_t size)
{
    return (int)read(file, buffer, size);
}

void native_secret_close(int file)
{
    (void)close(file);
}

int main(int argc, char **argv)
{
    return tool_main(argc, argv);
}
