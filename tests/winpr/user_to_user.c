/* user_to_user.c - finds the requests of user-to-user Kerberos that WinPR's acceptor does not survive. */
#include "user_to_user.h"

#include <string.h>

#include <krb5.h>

#define GENERAL_STRING 0x1b
#define NAME_ROOM 256

/* The mechanism's OID, 1.2.840.113554.1.2.2.3, and TOK_ID 04 00. */
static const unsigned char mark[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03, 0x04, 0x00};

static const unsigned char *request_in(const unsigned char *token, const unsigned char *end)
{
    for (; (size_t)(end - token) >= sizeof mark; token++) {
        if (memcmp(token, mark, sizeof mark) == 0) {
            return token + sizeof mark;
        }
    }
    return NULL;
}

/* Bytes of DER that are still to be read. */
struct der {
    const unsigned char *at;
    const unsigned char *end;
};

/* Takes the next value, which must have this tag, out of what encloses it, and may go into its place. */
static bool der_take(struct der *from, unsigned char tag, struct der *value)
{
    size_t left = (size_t)(from->end - from->at);
    const unsigned char *content;
    size_t head = 2;
    size_t length;

    if (left < 2 || from->at[0] != tag) {
        return false;
    }
    length = from->at[1];
    if (length == 0x81 && left >= 3) {
        head = 3;
        length = from->at[2];
    } else if (length >= 0x80) {
        return false;
    }
    if (length > left - head) {
        return false;
    }
    content = from->at + head;
    from->at = content + length;
    value->at = content;
    value->end = content + length;
    return true;
}

/* The strings of the request's server-name ([MS-KILE] section 2.2.7), with slashes between. False: there are none. */
static bool name_in(struct der request, char name[NAME_ROOM])
{
    struct der body;
    struct der skipped;
    struct der strings;
    struct der string;
    size_t used = 0;

    if (!der_take(&request, 0x30, &body) || !der_take(&body, 0xa0, &skipped) || !der_take(&body, 0xa1, &skipped) ||
        !der_take(&body, 0xa2, &body) || !der_take(&body, 0x30, &body) || !der_take(&body, 0xa0, &skipped) ||
        !der_take(&body, 0xa1, &body) || !der_take(&body, 0x30, &strings)) {
        return false;
    }
    while (der_take(&strings, GENERAL_STRING, &string)) {
        size_t length = (size_t)(string.end - string.at);

        if (used + length + 2 > NAME_ROOM) {
            return false;
        }
        if (used > 0) {
            name[used++] = '/';
        }
        memcpy(name + used, string.at, length);
        used += length;
    }
    name[used] = '\0';
    return used > 0;
}

static bool keytab_has(krb5_context context, krb5_const_principal wanted)
{
    krb5_keytab keytab = NULL;
    krb5_kt_cursor cursor;
    krb5_keytab_entry entry;
    bool found = false;

    if (krb5_kt_default(context, &keytab) != 0) {
        return false;
    }
    if (krb5_kt_start_seq_get(context, keytab, &cursor) == 0) {
        while (krb5_kt_next_entry(context, keytab, &entry, &cursor) == 0) {
            found = found || krb5_principal_compare_any_realm(context, wanted, entry.principal);
            krb5_free_keytab_entry_contents(context, &entry);
        }
        krb5_kt_end_seq_get(context, keytab, &cursor);
    }
    krb5_kt_close(context, keytab);
    return found;
}

bool user_to_user_without_key(const void *token, size_t length)
{
    const unsigned char *end = (const unsigned char *)token + length;
    struct der request = {request_in(token, end), end};
    char name[NAME_ROOM];
    krb5_context context = NULL;
    krb5_principal wanted = NULL;
    bool without = false;

    /* What WinPR cannot read it refuses by itself. */
    if (request.at == NULL || !name_in(request, name) || krb5_init_context(&context) != 0) {
        return false;
    }
    if (krb5_parse_name_flags(context, name, KRB5_PRINCIPAL_PARSE_NO_REALM, &wanted) == 0) {
        without = !keytab_has(context, wanted);
        krb5_free_principal(context, wanted);
    }
    krb5_free_context(context);
    return without;
}
