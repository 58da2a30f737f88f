/*
 * other_dns.c - a DNS for one name, to be linked into a program or preloaded: "alias.troth.test" has the canonical name
 * that OTHER_DNS says, and the address 127.0.0.1. Every other name is asked of the system.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

typedef int lookup(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found);

lookup getaddrinfo;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    const char *canonical = getenv("OTHER_DNS");
    lookup *system = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");

    memcpy(&system, &symbol, sizeof system);
    if (node != NULL && canonical != NULL && strcmp(node, "alias.troth.test") == 0) {
        int result = system("127.0.0.1", service, hints, found);

        if (result == 0 && hints != NULL && (hints->ai_flags & AI_CANONNAME) != 0) {
            free((*found)->ai_canonname);
            (*found)->ai_canonname = strdup(canonical);
        }
        return result;
    }
    return system(node, service, hints, found);
}
