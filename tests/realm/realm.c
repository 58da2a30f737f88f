/* realm.c - what tests ask of the realm they run in: variables, files, kadmin, an ended ticket, a port. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "realm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

const char *realm_env(const char *name)
{
    const char *value = getenv(name);

    if (value == NULL || value[0] == '\0') {
        fail_msg("%s is not set: run this program through troth-realm", name);
        abort();
    }
    return value;
}

const char *realm_env_path(const char *name)
{
    const char *value = realm_env(name);

    return strncmp(value, "FILE:", 5) == 0 ? value + 5 : value;
}

const char *realm_path(const char *name)
{
    static char buffers[4][1024];
    static unsigned next;
    char *buffer = buffers[next++ % 4];

    snprintf(buffer, sizeof buffers[0], "%s/%s", realm_env("TROTH_REALM_DIR"), name);
    return buffer;
}

char *realm_read_line(const char *path, char *buffer, size_t size)
{
    FILE *stream = fopen(path, "r");

    if (stream == NULL || fgets(buffer, (int)size, stream) == NULL) {
        fail_msg("%s cannot be read: %s", path, strerror(errno));
    }
    fclose(stream);
    buffer[strcspn(buffer, "\r\n")] = '\0';
    return buffer;
}

void realm_kadmin(const char *query)
{
    struct realm_result result;
    int code = realm_run(REALM_ARGV("kadmin.local", "-q", query), NULL, REALM_DEADLINE, &result);

    /* kadmin.local exits with 0 when its query failed. */
    if (code != 0 || strstr(result.err, "while ") != NULL || strstr(result.err, "nknown") != NULL) {
        fail_msg("kadmin.local (exit code %d) failed on: %s", code, query);
    }
    realm_result_free(&result);
}

const char *realm_expired_ccache(void)
{
    static const struct timespec moment = {.tv_nsec = 20 * 1000 * 1000};
    const char *ccache = getenv("TROTH_REALM_EXPIRED_CCACHE");
    struct realm_result result;

    if (ccache == NULL) {
        print_message("SKIPPED: TROTH_REALM_EXPIRED_CCACHE is not set\n");
        skip();
    }
    for (int looks = 0; looks < 200; looks++) {
        int code = realm_run(REALM_ARGV("klist", "-s", "-c", ccache), NULL, REALM_DEADLINE, &result);

        realm_result_free(&result);
        if (code == 1) {
            return ccache;
        }
        nanosleep(&moment, NULL); /* its end is a moment in time: there is nothing to wait on but the clock */
    }
    fail_msg("the ticket in %s does not end", ccache);
    return NULL;
}

unsigned realm_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int tcp = socket(AF_INET, SOCK_STREAM, 0);

    if (tcp < 0 || bind(tcp, (struct sockaddr *)&address, size) != 0 ||
        getsockname(tcp, (struct sockaddr *)&address, &size) != 0) {
        fail_msg("no port of 127.0.0.1 is free: %s", strerror(errno));
    }
    close(tcp);
    return ntohs(address.sin_port);
}
