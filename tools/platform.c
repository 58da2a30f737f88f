/* platform.c - the half of platform.h that both systems have alike, over platform_native.h. */
#include "platform_native.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void platform_wipe(void *memory, size_t size)
{
    volatile unsigned char *bytes = memory;
    while (size > 0) {
        bytes[--size] = 0;
    }
}

static void address_text(const struct sockaddr_storage *address, socket_length length, char text[PLATFORM_TEXT])
{
    char host[PLATFORM_TEXT - 16];
    char port[8];
    if (getnameinfo((const struct sockaddr *)address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        (void)snprintf(text, PLATFORM_TEXT, "unknown");
    } else {
        (void)snprintf(text, PLATFORM_TEXT, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
    }
}

static void socket_option_set(native_socket socket, int level, int option)
{
    int on = 1;
    (void)setsockopt(socket, level, option, (const char *)&on, sizeof on);
}

/* A frame is one write, and the answer to it is waited for; and a peer whose machine died is noticed some day. */
static void socket_tune(native_socket socket)
{
    socket_option_set(socket, IPPROTO_TCP, TCP_NODELAY);
    socket_option_set(socket, SOL_SOCKET, SO_KEEPALIVE);
}

static native_socket listen_at(const struct addrinfo *address, char text[PLATFORM_TEXT])
{
    native_socket listening = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (listening == NO_SOCKET) {
        native_last_error_text(text);
        return NO_SOCKET;
    }
    socket_option_set(listening, SOL_SOCKET, LISTENER_OPTION);
    if (bind(listening, address->ai_addr, (socket_length)address->ai_addrlen) != 0 ||
        listen(listening, SOMAXCONN) != 0) {
        native_last_error_text(text);
        native_socket_close(listening);
        return NO_SOCKET;
    }
    return listening;
}

static struct addrinfo *resolve(const char *host, const char *port, int flags, char text[PLATFORM_TEXT])
{
    struct addrinfo hints;
    struct addrinfo *addresses = NULL;
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    int result = getaddrinfo(host, port, &hints, &addresses);
    if (result != 0) {
        native_resolver_error_text(result, text);
        return NULL;
    }
    return addresses;
}

bool platform_listen(const char *host, const char *port, troth_socket *listening, char text[PLATFORM_TEXT])
{
    struct addrinfo *addresses = resolve(host, port, AI_PASSIVE, text);
    if (addresses == NULL) {
        return false;
    }
    native_socket made = listen_at(addresses, text);
    freeaddrinfo(addresses);
    *listening = (troth_socket)made;
    if (made == NO_SOCKET) {
        return false;
    }
    native_socket_set_blocking(made, false);
    return true;
}

void platform_address(troth_socket socket, char text[PLATFORM_TEXT])
{
    struct sockaddr_storage address;
    socket_length length = sizeof address;
    memset(&address, 0, sizeof address);
    (void)getsockname((native_socket)socket, (struct sockaddr *)&address, &length);
    address_text(&address, length, text);
}

enum platform_accept platform_accept(troth_socket listening, troth_socket *accepted, char text[PLATFORM_TEXT])
{
    struct sockaddr_storage address;
    socket_length length = sizeof address;
    *accepted = (troth_socket)NO_SOCKET;
    native_socket peer = accept((native_socket)listening, (struct sockaddr *)&address, &length);
    if (peer == NO_SOCKET) {
        enum platform_accept why = native_accept_class();
        native_last_error_text(text);
        return why;
    }
    socket_tune(peer);
    address_text(&address, length, text);
    *accepted = (troth_socket)peer;
    return PLATFORM_ACCEPTED;
}

static native_socket connect_to(const struct addrinfo *address, int timeout, char text[PLATFORM_TEXT])
{
    native_socket connecting = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (connecting == NO_SOCKET) {
        native_last_error_text(text);
        return NO_SOCKET;
    }
    native_socket_set_blocking(connecting, false);
    if (connect(connecting, address->ai_addr, (socket_length)address->ai_addrlen) != 0) {
        if (!native_connect_in_progress()) {
            native_last_error_text(text);
            goto failed;
        }
        if (!native_connect_wait(connecting, timeout, text)) {
            goto failed;
        }
    }
    native_socket_set_blocking(connecting, true);
    socket_tune(connecting);
    return connecting;

failed:
    native_socket_close(connecting);
    return NO_SOCKET;
}

bool platform_connect(const char *host, const char *port, int timeout, troth_socket *connected,
                      char text[PLATFORM_TEXT])
{
    *connected = (troth_socket)NO_SOCKET;
    struct addrinfo *addresses = resolve(host, port, 0, text);
    if (addresses == NULL) {
        return false;
    }
    int64_t deadline = native_clock_ms() + timeout;
    native_socket peer = NO_SOCKET;
    for (struct addrinfo *next = addresses; next != NULL && peer == NO_SOCKET; next = next->ai_next) {
        int64_t left = deadline - native_clock_ms();
        peer = connect_to(next, left > 0 ? (int)left : 0, text);
    }
    freeaddrinfo(addresses);
    *connected = (troth_socket)peer;
    return peer != NO_SOCKET;
}

void platform_socket_close(troth_socket socket)
{
    native_socket_close((native_socket)socket);
}

bool platform_read_secret(const char *path, char *buffer, size_t capacity, size_t *length, bool *exposed,
                          char text[PLATFORM_TEXT])
{
    *length = 0;
    *exposed = false;
    int file = path == NULL ? 0 : native_secret_open(path, exposed);
    if (file < 0) {
        native_file_error_text(text);
        return false;
    }
    bool ok = true;
    while (*length < capacity) {
        int got = (int)native_secret_read(file, buffer + *length, capacity - *length);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            native_file_error_text(text);
            ok = false;
            break;
        }
        *length += (size_t)got;
        if (got == 0 || (path == NULL && memchr(buffer, '\n', *length) != NULL)) {
            break;
        }
    }
    if (path != NULL) {
        (void)native_secret_close(file);
    }
    return ok;
}
