/* raw_wire_windows.c - sockets for the raw peers: Winsock's. */
#include "raw_wire.h"

#include <winsock2.h>
#include <ws2tcpip.h>

#include <stdio.h>
#include <string.h>

#define SILENCE_MILLISECONDS 20000

static int failed(const char *what)
{
    fprintf(stderr, "%s: Winsock error %d\n", what, WSAGetLastError());
    return -1;
}

/* Starts Winsock as well: every conversation begins with an address. */
static bool parse_address(const char *text, struct sockaddr_in *address)
{
    WSADATA data;
    char host[WIRE_HOST];
    uint16_t port = 0;

    memset(address, 0, sizeof *address);
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0 || !wire_address(text, host, &port)) {
        fprintf(stderr, "%s: no address\n", text);
        return false;
    }
    address->sin_family = AF_INET;
    address->sin_port = htons(port);
    return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

/* Windows' handles of sockets are small numbers, 32 bits by promise. */
static SOCKET native(int fd)
{
    return (SOCKET)(unsigned)fd;
}

int wire_listen(const char *text)
{
    struct sockaddr_in address;
    char host[64] = "";
    int size = sizeof address;
    SOCKET listener;

    if (!parse_address(text, &address)) {
        return -1;
    }
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == INVALID_SOCKET || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        return failed(text);
    }
    inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
    printf("listening: %s:%u\n", host, (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return (int)listener;
}

static int with_timeouts(SOCKET fd)
{
    DWORD silence = SILENCE_MILLISECONDS;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, (const char *)&silence, sizeof silence);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, (const char *)&silence, sizeof silence);
    return (int)fd;
}

int wire_accept(int listener)
{
    SOCKET fd = accept(native(listener), NULL, NULL);

    return fd == INVALID_SOCKET ? failed("accept") : with_timeouts(fd);
}

int wire_connect(const char *text)
{
    struct sockaddr_in address;
    SOCKET fd;

    if (!parse_address(text, &address)) {
        return -1;
    }
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd == INVALID_SOCKET || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        return failed(text);
    }
    return with_timeouts(fd);
}

long wire_some_out(int fd, const void *bytes, size_t length)
{
    int sent = send(native(fd), bytes, (int)length, 0);

    return sent > 0 ? sent : failed("send");
}

long wire_some_in(int fd, void *bytes, size_t length)
{
    int received = recv(native(fd), bytes, (int)length, 0);

    if (received < 0 && WSAGetLastError() == WSAECONNRESET) {
        return 0;
    }
    return received >= 0 ? received : failed("recv");
}

bool wire_end_out(int fd)
{
    return shutdown(native(fd), SD_SEND) == 0;
}

void wire_close(int fd)
{
    closesocket(native(fd));
}
