/* token_kerberos.c - says what stands in the clear in Kerberos' messages (RFC 4120) and in GSS-API's around them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "token_read.h"

struct number_name {
    int64_t number;
    const char *name;
};

#define END_OF_NAMES                                                                                                   \
    {                                                                                                                  \
        0, NULL                                                                                                        \
    }

static const struct number_name enctypes[] = {
    {1, "des-cbc-crc"},
    {3, "des-cbc-md5"},
    {16, "des3-cbc-sha1"},
    {17, "aes128-cts-hmac-sha1-96"},
    {18, "aes256-cts-hmac-sha1-96"},
    {19, "aes128-cts-hmac-sha256-128"},
    {20, "aes256-cts-hmac-sha384-192"},
    {23, "rc4-hmac"},
    {24, "rc4-hmac-exp"},
    {25, "camellia128-cts-cmac"},
    {26, "camellia256-cts-cmac"},
    END_OF_NAMES,
};

static const struct number_name name_types[] = {
    {0, "unknown"},
    {1, "principal"},
    {2, "service instance"},
    {3, "service with host"},
    {4, "service with host parts"},
    {5, "uid"},
    {6, "X.500"},
    {7, "SMTP"},
    {10, "enterprise"},
    {11, "well-known"},
    END_OF_NAMES,
};

/* RFC 4120 section 7.5.9, RFC 4556 section 3.1.3, RFC 6806. */
static const struct number_name errors[] = {
    {0, "KDC_ERR_NONE"},
    {1, "KDC_ERR_NAME_EXP"},
    {2, "KDC_ERR_SERVICE_EXP"},
    {3, "KDC_ERR_BAD_PVNO"},
    {6, "KDC_ERR_C_PRINCIPAL_UNKNOWN"},
    {7, "KDC_ERR_S_PRINCIPAL_UNKNOWN"},
    {8, "KDC_ERR_PRINCIPAL_NOT_UNIQUE"},
    {9, "KDC_ERR_NULL_KEY"},
    {10, "KDC_ERR_CANNOT_POSTDATE"},
    {11, "KDC_ERR_NEVER_VALID"},
    {12, "KDC_ERR_POLICY"},
    {13, "KDC_ERR_BADOPTION"},
    {14, "KDC_ERR_ETYPE_NOSUPP"},
    {15, "KDC_ERR_SUMTYPE_NOSUPP"},
    {16, "KDC_ERR_PADATA_TYPE_NOSUPP"},
    {18, "KDC_ERR_CLIENT_REVOKED"},
    {19, "KDC_ERR_SERVICE_REVOKED"},
    {20, "KDC_ERR_TGT_REVOKED"},
    {21, "KDC_ERR_CLIENT_NOTYET"},
    {22, "KDC_ERR_SERVICE_NOTYET"},
    {23, "KDC_ERR_KEY_EXPIRED"},
    {24, "KDC_ERR_PREAUTH_FAILED"},
    {25, "KDC_ERR_PREAUTH_REQUIRED"},
    {26, "KDC_ERR_SERVER_NOMATCH"},
    {27, "KDC_ERR_MUST_USE_USER2USER"},
    {28, "KDC_ERR_PATH_NOT_ACCEPTED"},
    {29, "KDC_ERR_SVC_UNAVAILABLE"},
    {31, "KRB_AP_ERR_BAD_INTEGRITY"},
    {32, "KRB_AP_ERR_TKT_EXPIRED"},
    {33, "KRB_AP_ERR_TKT_NYV"},
    {34, "KRB_AP_ERR_REPEAT"},
    {35, "KRB_AP_ERR_NOT_US"},
    {36, "KRB_AP_ERR_BADMATCH"},
    {37, "KRB_AP_ERR_SKEW"},
    {38, "KRB_AP_ERR_BADADDR"},
    {39, "KRB_AP_ERR_BADVERSION"},
    {40, "KRB_AP_ERR_MSG_TYPE"},
    {41, "KRB_AP_ERR_MODIFIED"},
    {42, "KRB_AP_ERR_BADORDER"},
    {44, "KRB_AP_ERR_BADKEYVER"},
    {45, "KRB_AP_ERR_NOKEY"},
    {46, "KRB_AP_ERR_MUT_FAIL"},
    {47, "KRB_AP_ERR_BADDIRECTION"},
    {48, "KRB_AP_ERR_METHOD"},
    {49, "KRB_AP_ERR_BADSEQ"},
    {50, "KRB_AP_ERR_INAPP_CKSUM"},
    {51, "KRB_AP_PATH_NOT_ACCEPTED"},
    {52, "KRB_ERR_RESPONSE_TOO_BIG"},
    {60, "KRB_ERR_GENERIC"},
    {61, "KRB_ERR_FIELD_TOOLONG"},
    {67, "KRB_AP_ERR_NO_TGT"},
    {68, "KDC_ERR_WRONG_REALM"},
    {69, "KRB_AP_ERR_USER_TO_USER_REQUIRED"},
    END_OF_NAMES,
};

static const char *name_of(const struct number_name *names, int64_t number)
{
    for (; names->name != NULL; names++) {
        if (names->number == number) {
            return names->name;
        }
    }
    return "unknown";
}

/* INTEGER, up to eight bytes. */
static bool read_number(troth__bytes content, int64_t *number)
{
    if (content.length == 0 || content.length > 8) {
        return false;
    }
    uint64_t value = (content.data[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < content.length; i++) {
        value = value << 8 | content.data[i];
    }
    *number = (int64_t)value;
    return true;
}

static void say_number(struct token_out *out, const uint8_t *at, const char *name, troth__bytes content,
                       const struct number_name *names)
{
    int64_t number = 0;
    if (!read_number(content, &number)) {
        token_wrong(out, at, "a number that is none");
    } else if (names != NULL) {
        token_say(out, at, name, "%" PRId64 " (%s)", number, name_of(names, number));
    } else {
        token_say(out, at, name, "%" PRId64, number);
    }
}

/* Some write it signed. In Active Directory the upper half names a read-only domain controller ([MS-KILE]). */
static void say_kvno(struct token_out *out, const uint8_t *at, troth__bytes content)
{
    int64_t number = 0;
    if (!read_number(content, &number)) {
        token_wrong(out, at, "a key version that is none");
        return;
    }
    uint32_t kvno = (uint32_t)number;
    if (kvno > 0xFFFF) {
        token_say(out, at, "kvno", "%u (a read-only domain controller's: %u, key %u)", (unsigned)kvno,
                  (unsigned)(kvno >> 16), (unsigned)(kvno & 0xFFFF));
    } else {
        token_say(out, at, "kvno", "%u", (unsigned)kvno);
    }
}

/* "20261125061700Z", KerberosTime. */
static void say_time(struct token_out *out, const uint8_t *at, const char *name, troth__bytes content)
{
    const uint8_t *c = content.data;
    bool digits = content.length == 15 && c[14] == 'Z';
    for (size_t i = 0; i < 14 && digits; i++) {
        digits = c[i] >= '0' && c[i] <= '9';
    }
    if (digits) {
        token_say(out, at, name, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", (const char *)c, (const char *)c + 4,
                  (const char *)c + 6, (const char *)c + 8, (const char *)c + 10, (const char *)c + 12);
    } else {
        token_wrong(out, at, "a time that is none");
    }
}

/* EncryptedData, RFC 4120 section 5.2.9: how, with which key, and how much; never what. */
static void say_sealed(struct token_out *out, const uint8_t *at, const char *name, struct troth__der_walk fields)
{
    struct troth__der_element field, value;
    token_say(out, at, name, "sealed");
    out->depth++;
    for (const uint8_t *here = fields.rest.data; troth__der_next(&fields, &field); here = fields.rest.data) {
        struct troth__der_walk inside = troth__der_into(&fields, &field);
        if (!troth__der_next(&inside, &value)) {
            token_wrong(out, here, "a field that is empty or cut");
        } else if (field.tag == TROTH__DER_CONTEXT(0u)) {
            say_number(out, here, "enctype", value.content, enctypes);
        } else if (field.tag == TROTH__DER_CONTEXT(1u)) {
            say_kvno(out, here, value.content);
        } else if (field.tag == TROTH__DER_CONTEXT(2u)) {
            token_say(out, here, "cipher", "%zu bytes, not shown%s", value.content.length, value.whole ? "" : ", cut");
        }
    }
    out->depth--;
}

/* PrincipalName, RFC 4120 section 5.2.2. */
static void say_principal(struct token_out *out, const uint8_t *at, const char *name, struct troth__der_walk fields)
{
    struct troth__der_element field, value, part;
    int64_t type = -1;
    char text[256] = "";
    size_t length = 0;
    while (troth__der_next(&fields, &field)) {
        struct troth__der_walk inside = troth__der_into(&fields, &field);
        if (!troth__der_next(&inside, &value)) {
            break;
        }
        if (field.tag == TROTH__DER_CONTEXT(0u)) {
            (void)read_number(value.content, &type);
        } else if (field.tag == TROTH__DER_CONTEXT(1u)) {
            struct troth__der_walk parts = troth__der_into(&inside, &value);
            for (bool first = true; troth__der_next(&parts, &part); first = false) {
                size_t room = sizeof text - 1 - length;
                if (!first && room > 0) {
                    text[length++] = '/';
                    room--;
                }
                size_t take = part.content.length < room ? part.content.length : room;
                memcpy(text + length, part.content.data, take);
                length += take;
            }
        }
    }
    token_say_text(out, at, name, (troth__bytes){(const uint8_t *)text, length});
    out->depth++;
    token_say(out, at, "name-type", "%" PRId64 " (%s)", type, name_of(name_types, type));
    out->depth--;
}

static void say_ticket(struct token_out *out, const uint8_t *at, struct troth__der_walk inside)
{
    struct troth__der_element sequence, field, value;
    token_say(out, at, "ticket", "for this service");
    out->depth++;
    if (troth__der_only(inside, TROTH__DER_SEQUENCE, &sequence)) {
        struct troth__der_walk fields = troth__der_into(&inside, &sequence);
        for (const uint8_t *here = fields.rest.data; troth__der_next(&fields, &field); here = fields.rest.data) {
            struct troth__der_walk content = troth__der_into(&fields, &field);
            if (!troth__der_next(&content, &value)) {
                token_wrong(out, here, "a field that is empty or cut");
            } else if (field.tag == TROTH__DER_CONTEXT(1u)) {
                token_say_text(out, here, "realm", value.content);
            } else if (field.tag == TROTH__DER_CONTEXT(2u)) {
                say_principal(out, here, "sname", troth__der_into(&content, &value));
            } else if (field.tag == TROTH__DER_CONTEXT(3u)) {
                say_sealed(out, here, "enc-part", troth__der_into(&content, &value));
            }
        }
    }
    out->depth--;
}

static void say_options(struct token_out *out, const uint8_t *at, troth__bytes bits)
{
    if (bits.length < 2) {
        token_wrong(out, at, "options without bits");
        return;
    }
    bool session = (bits.data[1] & 0x40) != 0;
    bool mutual = (bits.data[1] & 0x20) != 0;
    token_say(out, at, "ap-options", "%s%s%s", session ? "use-session-key" : "", session && mutual ? " " : "",
              mutual    ? "mutual-required"
              : session ? ""
                        : "none");
}

/* ---- the messages --------------------------------------------------------------------------------------------- */

typedef void read_field(struct token_out *out, const uint8_t *at, uint8_t number, struct troth__der_walk inside,
                        const struct troth__der_element *value);

static void read_ap_req(struct token_out *out, const uint8_t *at, uint8_t number, struct troth__der_walk inside,
                        const struct troth__der_element *value)
{
    if (number == 2) {
        say_options(out, at, value->content);
    } else if (number == 3) {
        say_ticket(out, at, troth__der_into(&inside, value));
    } else if (number == 4) {
        say_sealed(out, at, "authenticator", troth__der_into(&inside, value));
    }
}

static void read_ap_rep(struct token_out *out, const uint8_t *at, uint8_t number, struct troth__der_walk inside,
                        const struct troth__der_element *value)
{
    if (number == 2) {
        say_sealed(out, at, "enc-part", troth__der_into(&inside, value));
    }
}

static void read_error(struct token_out *out, const uint8_t *at, uint8_t number, struct troth__der_walk inside,
                       const struct troth__der_element *value)
{
    static const char *const names[] = {NULL,         NULL,     "ctime", "cusec", "stime", "susec",
                                        "error-code", "crealm", "cname", "realm", "sname", "e-text"};
    if (number == 2 || number == 4) {
        say_time(out, at, names[number], value->content);
    } else if (number == 3 || number == 5) {
        say_number(out, at, names[number], value->content, NULL);
    } else if (number == 6) {
        say_number(out, at, names[number], value->content, errors);
    } else if (number == 7 || number == 9 || number == 11) {
        token_say_text(out, at, names[number], value->content);
    } else if (number == 8 || number == 10) {
        say_principal(out, at, names[number], troth__der_into(&inside, value));
    } else if (number == 12) {
        token_say(out, at, "e-data", "%zu bytes, not shown", value->content.length);
    }
}

/* What goes to or from a KDC: only named, as it has passwords' proofs and tickets in it. */
static const struct {
    uint8_t tag;
    const char *name;
    read_field *read;
} messages[] = {
    {TROTH__DER_APPLICATION(10u), "Kerberos AS-REQ (RFC 4120)", NULL},
    {TROTH__DER_APPLICATION(11u), "Kerberos AS-REP (RFC 4120)", NULL},
    {TROTH__DER_APPLICATION(12u), "Kerberos TGS-REQ (RFC 4120)", NULL},
    {TROTH__DER_APPLICATION(13u), "Kerberos TGS-REP (RFC 4120)", NULL},
    {TROTH__DER_APPLICATION(14u), "Kerberos AP-REQ (RFC 4120)", read_ap_req},
    {TROTH__DER_APPLICATION(15u), "Kerberos AP-REP (RFC 4120)", read_ap_rep},
    {TROTH__DER_APPLICATION(30u), "Kerberos KRB-ERROR (RFC 4120)", read_error},
};

static void read_fields(struct token_out *out, struct troth__der_walk inside, read_field *read)
{
    struct troth__der_element sequence, field, value;
    if (!troth__der_only(inside, TROTH__DER_SEQUENCE, &sequence)) {
        token_wrong(out, inside.rest.data, "no sequence of fields follows");
        return;
    }
    struct troth__der_walk fields = troth__der_into(&inside, &sequence);
    for (const uint8_t *at = fields.rest.data; troth__der_next(&fields, &field); at = fields.rest.data) {
        struct troth__der_walk content = troth__der_into(&fields, &field);
        if (field.tag < TROTH__DER_CONTEXT(0u) || !troth__der_next(&content, &value)) {
            token_wrong(out, at, "a field that is empty, cut or none");
        } else {
            read(out, at, (uint8_t)(field.tag - TROTH__DER_CONTEXT(0u)), troth__der_into(&fields, &field), &value);
        }
    }
}

void token_read_kerberos(struct token_out *out, troth__bytes token)
{
    struct troth__der_walk walk = token_walk(out, token);
    struct troth__der_element message;
    if (!troth__der_next(&walk, &message)) {
        token_wrong(out, token.data, "a Kerberos message that is cut in its length");
        return;
    }
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        if (messages[i].tag == message.tag) {
            token_say(out, token.data, messages[i].name, "%zu bytes%s", message.content.length,
                      message.whole ? "" : ", cut");
            out->depth++;
            if (messages[i].read != NULL) {
                read_fields(out, troth__der_into(&walk, &message), messages[i].read);
            }
            out->depth--;
            break;
        }
    }
    if (walk.rest.length > 0) {
        token_wrong(out, walk.rest.data, "bytes behind the message");
    }
}

/* draft-ietf-kitten-iakerb: target-realm [1], cookie [2], and then a message of the exchange with the KDC. */
static void read_iakerb(struct token_out *out, troth__bytes content)
{
    struct troth__der_walk walk = token_walk(out, content);
    struct troth__der_element header, field, value;
    if (!troth__der_next(&walk, &header)) {
        token_wrong(out, content.data, "no IAKERB header follows");
        return;
    }
    struct troth__der_walk fields = troth__der_into(&walk, &header);
    for (const uint8_t *at = fields.rest.data; troth__der_next(&fields, &field); at = fields.rest.data) {
        struct troth__der_walk inside = troth__der_into(&fields, &field);
        if (field.tag == TROTH__DER_CONTEXT(1u) && troth__der_next(&inside, &value)) {
            token_say_text(out, at, "target-realm", value.content);
        } else if (field.tag == TROTH__DER_CONTEXT(2u)) {
            token_say(out, at, "cookie", "%zu bytes, not shown", field.content.length);
        }
    }
    token_read_one(out, walk.rest);
}

void token_read_kerberos_framed(struct token_out *out, troth__bytes content, bool iakerb)
{
    static const struct {
        uint32_t id;
        const char *name;
        bool message; /* of RFC 1964 */
    } ids[] = {
        {0x0100, "AP-REQ (01 00)", false},
        {0x0200, "AP-REP (02 00)", false},
        {0x0300, "KRB-ERROR (03 00)", false},
        {0x0400, "user-to-user TGT request (04 00)", false},
        {0x0401, "user-to-user TGT reply (04 01)", false},
        {0x0501, "IAKERB proxy (05 01)", false},
        {0x0101, "MIC (01 01)", true},
        {0x0201, "wrap (02 01)", true},
        {0x0102, "delete context (01 02)", true},
    };
    if (content.length < 2) {
        token_wrong(out, content.data, "no token id follows");
        return;
    }
    uint32_t id = token_be16(content.data);
    troth__bytes rest = {content.data + 2, content.length - 2};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (ids[i].id == id) {
            token_say(out, content.data, "token id", "%s", ids[i].name);
            if (ids[i].message) {
                token_read_message_old(out, content);
            } else if (iakerb && id == 0x0501) {
                read_iakerb(out, rest);
            } else if (id < 0x0400) {
                token_read_one(out, rest);
            }
            return;
        }
    }
    token_wrong(out, content.data, "a token id that is none");
}
