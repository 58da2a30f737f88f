/* peer.c - sockets for the interop tests, with deadlines. */
#define _POSIX_C_SOURCE 200809L

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

int peer_listen(char address[PEER_ADDRESS])
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof place;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || bind(fd, (struct sockaddr *)&place, size) != 0 ||
        listen(fd, 8) != 0 || getsockname(fd, (struct sockaddr *)&place, &size) != 0) {
        fail_msg("cannot listen on 127.0.0.1: %s", strerror(errno));
    }
    snprintf(address, PEER_ADDRESS, "127.0.0.1:%u", (unsigned)ntohs(place.sin_port));
    return fd;
}

int peer_accept(int listener)
{
    struct pollfd ready = {.fd = listener, .events = POLLIN};
    int fd = poll(&ready, 1, REALM_DEADLINE) == 1 ? accept(listener, NULL, NULL) : -1;

    close(listener);
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        fail_msg("nobody connected");
    }
    return fd;
}

int peer_connect(const char *address)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const char *colon = strrchr(address, ':');
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    place.sin_port = htons((uint16_t)strtoul(colon != NULL ? colon + 1 : "0", NULL, 10));
    if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || connect(fd, (struct sockaddr *)&place, sizeof place) != 0) {
        fail_msg("cannot connect to %s: %s", address, strerror(errno));
    }
    return fd;
}

void peer_expect(const struct realm_result *result, const char *who, int exit_code)
{
    if (result->exit_code != exit_code) {
        fail_msg("%s ended with %d instead of %d; it printed:\n%s%s", who, result->exit_code, exit_code, result->out,
                 result->err);
    }
}

void peer_expect_text(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in:\n%s", part, text);
    }
}
