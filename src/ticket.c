/* ticket.c - walks from a handshake token to the cleartext of the ticket in it; see ticket.h. */
#include "ticket.h"

#include <string.h>

/* DER tags (X.690), and those of RFC 4120 and RFC 4178. */
#define DER_INTEGER 0x02u
#define DER_OCTET_STRING 0x04u
#define DER_OID 0x06u
#define DER_SEQUENCE 0x30u
#define DER_CONTEXT(n) (0xA0u + (n))
#define GSS_FRAME 0x60u /* RFC 2743 section 3.1 */
#define TICKET 0x61u    /* RFC 4120 section 5.10 */
#define AP_REQ 0x6Eu

/* Takes one element off. Definite lengths only (X.690 section 10.1), and nothing that goes past the end. */
static bool take(troth__bytes *from, uint8_t *tag, troth__bytes *content)
{
    size_t at = 2, length;

    if (from->length < 2)
        return false;
    *tag = from->data[0];
    length = from->data[1];
    if (length >= 0x80u) {
        size_t count = length & 0x7Fu;

        if (count == 0 || count > 4 || count > from->length - at)
            return false;
        for (length = 0; count > 0; count--)
            length = length << 8 | from->data[at++];
    }
    if (length > from->length - at)
        return false;
    *content = (troth__bytes){from->data + at, length};
    from->data += at + length;
    from->length -= at + length;
    return true;
}

/* Goes into the first element of this tag, among those that stand side by side here. */
static bool enter(troth__bytes *bytes, uint8_t tag)
{
    troth__bytes content;
    uint8_t met;

    while (take(bytes, &met, &content)) {
        if (met == tag) {
            *bytes = content;
            return true;
        }
    }
    return false;
}

/* An INTEGER in an explicit tag: its low 32 bits, since some write a kvno as a signed number and some do not. */
static bool number(troth__bytes fields, uint8_t tag, uint32_t *value)
{
    if (!enter(&fields, tag) || !enter(&fields, DER_INTEGER) || fields.length == 0 || fields.length > 5)
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

    if (!enter(&request, AP_REQ) || !enter(&request, DER_SEQUENCE) || !enter(&request, DER_CONTEXT(3u)) ||
        !enter(&request, TICKET) || !enter(&request, DER_SEQUENCE))
        return false;
    ticket->realm = name = sealed = request;
    if (!enter(&ticket->realm, DER_CONTEXT(1u)) || !enter(&name, DER_CONTEXT(2u)) || !enter(&name, DER_SEQUENCE) ||
        !enter(&name, DER_CONTEXT(1u)) || !enter(&name, DER_SEQUENCE) || !enter(&sealed, DER_CONTEXT(3u)) ||
        !enter(&sealed, DER_SEQUENCE) || !number(sealed, DER_CONTEXT(0u), &enctype))
        return false;
    ticket->service = name;
    ticket->enctype = (int32_t)enctype;
    ticket->has_kvno = number(sealed, DER_CONTEXT(1u), &ticket->kvno);
    return true;
}

/* A Kerberos token: the frame with an OID (whose, the native library judges) and 01 00 (RFC 1964 section 1.1), or not.
 */
static bool read_kerberos(troth__bytes token, struct troth__ticket *ticket)
{
    troth__bytes oid;
    uint8_t tag;

    if (token.length == 0 || token.data[0] != GSS_FRAME)
        return read_request(token, ticket);
    if (!enter(&token, GSS_FRAME) || !take(&token, &tag, &oid) || tag != DER_OID || token.length < 2 ||
        token.data[0] != 0x01u || token.data[1] != 0x00u)
        return false;
    token.data += 2;
    token.length -= 2;
    return read_request(token, ticket);
}

bool troth__ticket_find(troth__bytes token, struct troth__ticket *ticket)
{
    static const uint8_t spnego[] = {DER_OID, 6, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x02};
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
    if (choice != DER_CONTEXT(0u) && choice != DER_CONTEXT(1u))
        return read_kerberos(token, ticket);
    return enter(&inner, choice) && enter(&inner, DER_SEQUENCE) && enter(&inner, DER_CONTEXT(2u)) &&
           enter(&inner, DER_OCTET_STRING) && read_kerberos(inner, ticket);
}
