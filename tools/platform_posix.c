/* platform_posix.c - the POSIX twin of platform_windows.c, function by function. */
#include "platform_native.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
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

void platform_prepare_server(void)
{
    struct rlimit limit;
    (void)signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void platform_binary_input(void)
{
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
