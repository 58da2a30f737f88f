/* raw_wire_posix.c - sockets for the raw peers: POSIX' own. */
#define _POSIX_C_SOURCE 200809L

#include "raw_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SILENCE_SECONDS 20

static bool parse_address(const char *text, struct sockaddr_in *address)
{
    char host[WIRE_HOST];
    uint16_t port = 0;

    memset(address, 0, sizeof *address);
    if (!wire_address(text, host, &port)) {
        return false;
    }
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

int wire_listen(const char *text)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!parse_address(text, &address) || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        perror(text);
        return -1;
    }
    text = inet_ntoa(address.sin_addr);
    printf("listening: %s:%u\n", text, (unsigned)ntohs(address.sin_port));
    return fd;
}

static int with_timeouts(int fd)
{
    struct timeval silence = {.tv_sec = SILENCE_SECONDS};

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
    return fd;
}

int wire_accept(int listener)
{
    int fd = accept(listener, NULL, NULL);

    if (fd < 0) {
        perror("accept");
        return -1;
    }
    return with_timeouts(fd);
}

int wire_connect(const char *text)
{
    struct sockaddr_in address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (!parse_address(text, &address) || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(text);
        return -1;
    }
    return with_timeouts(fd);
}

long wire_some_out(int fd, const void *bytes, size_t length)
{
    ssize_t sent;

    do {
        sent = send(fd, bytes, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent <= 0) {
        perror("send");
    }
    return (long)sent;
}

long wire_some_in(int fd, void *bytes, size_t length)
{
    ssize_t received;

    do {
        received = recv(fd, bytes, length, 0);
    } while (received < 0 && errno == EINTR);
    if (received < 0 && errno == ECONNRESET) {
        return 0;
    }
    if (received < 0) {
        perror("recv");
    }
    return (long)received;
}

bool wire_end_out(int fd)
{
    return shutdown(fd, SHUT_WR) == 0;
}

void wire_close(int fd)
{
    close(fd);
}
