/* ticket.c - walks from a handshake token to the cleartext of the ticket in it; see ticket.h. */
#include "ticket.h"

#include <string.h>

#include "der.h"

#define TICKET TROTH__DER_APPLICATION(1u) /* RFC 4120 section 5.10 */
#define AP_REQ TROTH__DER_APPLICATION(14u)
#define GSS_FRAME TROTH__DER_APPLICATION(0u) /* RFC 2743 section 3.1 */

/* Goes into the first element of this tag, among those that stand side by side here; nothing is read past a cut one. */
static bool enter(troth__bytes *bytes, uint8_t tag)
{
    bool damaged = false;
    struct troth__der_walk walk = {*bytes, &damaged};
    struct troth__der_element element;

    while (troth__der_next(&walk, &element) && element.whole) {
        if (element.tag == tag) {
            *bytes = element.content;
            return true;
        }
    }
    return false;
}

/* An INTEGER in an explicit tag: its low 32 bits, since some write a kvno as a signed number and some do not. */
static bool number(troth__bytes fields, uint8_t tag, uint32_t *value)
{
    if (!enter(&fields, tag) || !enter(&fields, TROTH__DER_INTEGER) || fields.length == 0 || fields.length > 5)
        return false;
    *value = fields.data[0] < 0x80u ? 0 : UINT32_MAX;
    for (size_t i = 0; i < fields.length; i++)
        *value = *value << 8 | fields.data[i];
    return true;
}

/* From an AP-REQ (RFC 4120 section 5.5.1) to its ticket's fields (5.3), its name (5.2.2) and its key's (5.2.9). */
static bool read_request(troth__bytes request, struct troth__ticket *ticket)
{
    troth__bytes name, sealed;
    uint32_t enctype;

    if (!enter(&request, AP_REQ) || !enter(&request, TROTH__DER_SEQUENCE) || !enter(&request, TROTH__DER_CONTEXT(3u)) ||
        !enter(&request, TICKET) || !enter(&request, TROTH__DER_SEQUENCE))
        return false;
    ticket->realm = name = sealed = request;
    if (!enter(&ticket->realm, TROTH__DER_CONTEXT(1u)) || !enter(&name, TROTH__DER_CONTEXT(2u)) ||
        !enter(&name, TROTH__DER_SEQUENCE) || !enter(&name, TROTH__DER_CONTEXT(1u)) ||
        !enter(&name, TROTH__DER_SEQUENCE) || !enter(&sealed, TROTH__DER_CONTEXT(3u)) ||
        !enter(&sealed, TROTH__DER_SEQUENCE) || !number(sealed, TROTH__DER_CONTEXT(0u), &enctype))
        return false;
    ticket->service = name;
    ticket->enctype = (int32_t)enctype;
    ticket->has_kvno = number(sealed, TROTH__DER_CONTEXT(1u), &ticket->kvno);
    return true;
}

/* A Kerberos token: the frame with an OID (whose, the native library judges) and 01 00 (RFC 1964 section 1.1), or not.
 */
static bool read_kerberos(troth__bytes token, struct troth__ticket *ticket)
{
    bool damaged = false;
    struct troth__der_walk walk = {token, &damaged};
    struct troth__der_element oid;

    if (token.length == 0 || token.data[0] != GSS_FRAME)
        return read_request(token, ticket);
    if (!enter(&walk.rest, GSS_FRAME) || !troth__der_next(&walk, &oid) || !oid.whole || oid.tag != TROTH__DER_OID ||
        walk.rest.length < 2 || walk.rest.data[0] != 0x01u || walk.rest.data[1] != 0x00u)
        return false;
    return read_request((troth__bytes){walk.rest.data + 2, walk.rest.length - 2}, ticket);
}

bool troth__ticket_find(troth__bytes token, struct troth__ticket *ticket)
{
    static const uint8_t spnego[] = {TROTH__DER_OID, 6, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};
    troth__bytes inner = token;
    uint8_t choice;

    memset(ticket, 0, sizeof *ticket);
    if (token.length == 0)
        return false;
    if (token.data[0] == GSS_FRAME) {
        if (!enter(&inner, GSS_FRAME))
            return false;
        if (inner.length < sizeof spnego || memcmp(inner.data, spnego, sizeof spnego) != 0)
            return read_kerberos(token, ticket);
        inner.data += sizeof spnego;
        inner.length -= sizeof spnego;
    }
    if (inner.length == 0)
        return false;
    /* NegTokenInit or NegTokenResp (RFC 4178 section 4.2): the mechanism's token is [2] in both. */
    choice = inner.data[0];
    if (choice != TROTH__DER_CONTEXT(0u) && choice != TROTH__DER_CONTEXT(1u))
        return read_kerberos(token, ticket);
    return enter(&inner, choice) && enter(&inner, TROTH__DER_SEQUENCE) && enter(&inner, TROTH__DER_CONTEXT(2u)) &&
           enter(&inner, TROTH__DER_OCTET_STRING) && read_kerberos(inner, ticket);
}
