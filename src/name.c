/* name.c - the syntax of names: checks, copies, and a form for people. */
#include "name.h"

#include <string.h>

#include "bytes.h"
#include "error.h"
#include "portability.h"

#define NAME_LIMIT 1024u

size_t troth__utf8_character(const char *text, size_t length)
{
    /* RFC 3629 section 4: by the first byte, the size and the range of the second; all others are 80..BF. */
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t size;

    if (length == 0)
        return 0;
    if (bytes[0] < 0x80)
        return 1;
    if (bytes[0] >= 0xC2 && bytes[0] <= 0xDF) {
        size = 2;
    } else if (bytes[0] >= 0xE0 && bytes[0] <= 0xEF) {
        size = 3;
        low = bytes[0] == 0xE0 ? 0xA0 : low;   /* below it: overlong */
        high = bytes[0] == 0xED ? 0x9F : high; /* above it: surrogates */
    } else if (bytes[0] >= 0xF0 && bytes[0] <= 0xF4) {
        size = 4;
        low = bytes[0] == 0xF0 ? 0x90 : low;   /* below it: overlong */
        high = bytes[0] == 0xF4 ? 0x8F : high; /* above it: past U+10FFFF */
    } else {
        return 0;
    }
    if (length < size || bytes[1] < low || bytes[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
    return size;
}

bool troth__utf8_valid(const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t size = troth__utf8_character(text + at, length - at);

        if (size == 0)
            return false;
        at += size;
    }
    return true;
}

/* The well-formed character of size bytes at text is a control character: C0, DEL, or C1 (U+0080 to U+009F). */
static bool is_control(const char *text, size_t size)
{
    unsigned char first = (unsigned char)text[0];

    return (size == 1 && (first < 0x20 || first == 0x7F)) ||
           (size == 2 && first == 0xC2 && (unsigned char)text[1] < 0xA0);
}

static bool has_control(const char *text)
{
    size_t length = strlen(text);

    for (size_t at = 0; at < length;) {
        size_t size = troth__utf8_character(text + at, length - at);

        if (size == 0) {
            at++;
            continue;
        }
        if (is_control(text + at, size))
            return true;
        at += size;
    }
    return false;
}

bool troth__text_plain(const char *text)
{
    return troth__utf8_valid(text, strlen(text)) && !has_control(text);
}

bool troth__name_empty(const troth_name *name)
{
    return name->service == NULL && name->host == NULL && name->principal == NULL;
}

/* What holds for every part of a name. */
static troth_status check_part(const char *part, const char *what, const char *which, troth_error *error)
{
    if (part[0] == '\0')
        return troth__error_set(error, TROTH_E_NAME, "the %s's %s is empty", what, which);
    if (!troth__utf8_valid(part, strlen(part)))
        return troth__error_set(error, TROTH_E_NAME, "the %s's %s is not UTF-8", what, which);
    if (has_control(part))
        return troth__error_set(error, TROTH_E_NAME, "the %s's %s has a control character in it", what, which);
    return TROTH_OK;
}

/*
 * A slash, an at-sign or a backslash inside a service or a host would be read as syntax by one native form or the
 * other, and the two ends would mean different principals.
 */
static troth_status check_plain(const char *part, const char *what, const char *which, troth_error *error)
{
    size_t at = strcspn(part, "/@\\ ");

    if (part[at] != '\0') {
        troth__error_set(error, TROTH_E_NAME, "the %s's %s \"%s\" has a '%c' in it", what, which, part, part[at]);
        troth__error_hint(error, "give service and host apart (\"http\" and \"www.example.com\"), or the whole as a "
                                 "literal principal");
        return TROTH_E_NAME;
    }
    return TROTH_OK;
}

/* An address as host, also with the trailing dot of a full DNS name or with a port. */
static bool host_is_ip_address(const char *host)
{
    char copy[NAME_LIMIT + 1];
    size_t length = strlen(host);
    char *colon;

    memcpy(copy, host, length + 1); /* the caller has checked the length */
    if (length > 0 && copy[length - 1] == '.')
        copy[length - 1] = '\0';
    if (troth__is_ip_address(copy))
        return true;
    colon = strrchr(copy, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    return troth__is_ip_address(copy);
}

static troth_status check_host(const char *host, const char *what, troth_error *error)
{
    if (host_is_ip_address(host)) {
        troth__error_set(error, TROTH_E_NAME, "the %s's host %s is an IP address", what, host);
        troth__error_hint(error, "Kerberos knows hosts by name: give the DNS name that the service is registered "
                                 "under; a principal that really has an address in it can be named literally");
        return TROTH_E_NAME;
    }
    if (host[0] == '.' || strstr(host, "..") != NULL)
        return troth__error_set(error, TROTH_E_NAME, "the %s's host \"%s\" has an empty part between dots", what, host);
    return TROTH_OK;
}

troth_status troth__name_check(const troth_name *name, const char *what, troth_error *error)
{
    size_t length = 0;
    troth_status status = TROTH_OK;

    if (name->principal != NULL && (name->service != NULL || name->host != NULL))
        return troth__error_set(error, TROTH_E_NAME, "the %s is given twice: service and host, and a principal", what);
    if (name->principal == NULL && (name->service == NULL || name->host == NULL)) {
        return troth__error_set(error, TROTH_E_NAME, "the %s is half a name: it has no %s", what,
                                name->service == NULL ? "service" : "host");
    }

    if (name->principal != NULL)
        length = strlen(name->principal);
    else
        length = strlen(name->service) + 1 + strlen(name->host);
    if (length > NAME_LIMIT) {
        return troth__error_set(error, TROTH_E_NAME, "the %s has %zu bytes; a name has at most %u", what, length,
                                NAME_LIMIT);
    }

    if (name->principal != NULL)
        return check_part(name->principal, what, "principal", error);
    status = check_part(name->service, what, "service", error);
    if (status == TROTH_OK)
        status = check_part(name->host, what, "host", error);
    if (status == TROTH_OK)
        status = check_plain(name->service, what, "service", error);
    if (status == TROTH_OK)
        status = check_plain(name->host, what, "host", error);
    if (status == TROTH_OK)
        status = check_host(name->host, what, error);
    return status;
}

int troth__name_copy(const troth_name *name, troth_name *copy)
{
    memset(copy, 0, sizeof(*copy));
    if ((name->service != NULL && (copy->service = troth__strdup(name->service)) == NULL) ||
        (name->host != NULL && (copy->host = troth__strdup(name->host)) == NULL) ||
        (name->principal != NULL && (copy->principal = troth__strdup(name->principal)) == NULL)) {
        troth__name_free(copy);
        return -1;
    }
    return 0;
}

/* The members of a copy are ours, though the public struct has them const. */
static void free_part(const char *part)
{
    union {
        const char *shown;
        char *owned;
    } memory = {.shown = part};

    troth__free(memory.owned);
}

void troth__name_free(troth_name *copy)
{
    free_part(copy->service);
    free_part(copy->host);
    free_part(copy->principal);
    memset(copy, 0, sizeof(*copy));
}

/* Adds part to buffer at *at, made harmless. Returns false when it had to be cut. */
static bool show_part(const char *part, char *buffer, size_t capacity, size_t *at)
{
    size_t length = strlen(part);

    for (size_t from = 0; from < length;) {
        size_t size = troth__utf8_character(part + from, length - from);
        bool harmless = size > 0 && !is_control(part + from, size);
        size_t written = harmless ? size : 1;

        if (*at + written >= capacity)
            return false;
        if (harmless)
            memcpy(buffer + *at, part + from, size);
        else
            buffer[*at] = '?';
        *at += written;
        from += size > 0 ? size : 1;
    }
    return true;
}

const char *troth__name_show(const troth_name *name, const char *instead, char *buffer, size_t capacity)
{
    size_t at = 0;

    if (troth__name_empty(name)) {
        (void)show_part(instead, buffer, capacity, &at);
    } else if (name->principal != NULL) {
        (void)show_part(name->principal, buffer, capacity, &at);
    } else {
        (void)(show_part(name->service != NULL ? name->service : "", buffer, capacity, &at) &&
               show_part("@", buffer, capacity, &at) &&
               show_part(name->host != NULL ? name->host : "", buffer, capacity, &at));
    }
    buffer[at] = '\0';
    return buffer;
}
