/* forge.c - tickets that no KDC would give, made with a service's key. */
#define _POSIX_C_SOURCE 200809L

#include "forge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define HOUR 3600
#define USAGE_TICKET 2 /* RFC 3961 section 7.4 and RFC 4120 section 7.5.1 */

#define INTEGER 0x02
#define BIT_STRING 0x03
#define OCTET_STRING 0x04
#define OID 0x06
#define GENERALIZED_TIME 0x18
#define GENERAL_STRING 0x1B
#define SEQUENCE 0x30
#define CONTEXT(n) (uint8_t)(0xA0 + (n))
#define APPLICATION(n) (uint8_t)(0x60 + (n))

/* DER from its end to its beginning, so that lengths are known when they are written. */
struct der {
    uint8_t room[16384];
    size_t at;
};

static void der_bytes(struct der *der, const void *bytes, size_t length)
{
    assert_true(length <= der->at);
    der->at -= length;
    if (length > 0) {
        memcpy(der->room + der->at, bytes, length);
    }
}

/* The head of what stands before `end`. */
static void der_head(struct der *der, uint8_t tag, size_t end)
{
    const size_t length = end - der->at;
    const uint8_t octets[] = {tag, 0x82, (uint8_t)(length >> 8), (uint8_t)length};

    if (length > 0xFF) {
        der_bytes(der, octets, 4);
    } else if (length > 0x7F) {
        der_bytes(der, (const uint8_t[]){tag, 0x81, (uint8_t)length}, 3);
    } else {
        der_bytes(der, (const uint8_t[]){tag, (uint8_t)length}, 2);
    }
}

static void der_element(struct der *der, uint8_t tag, const void *bytes, size_t length)
{
    const size_t end = der->at;

    der_bytes(der, bytes, length);
    der_head(der, tag, end);
}

/* An element inside [outer]. */
static void der_tagged(struct der *der, uint8_t outer, uint8_t tag, const void *bytes, size_t length)
{
    const size_t end = der->at;

    der_element(der, tag, bytes, length);
    der_head(der, CONTEXT(outer), end);
}

/* All numbers here are small and not negative. */
static void der_integer(struct der *der, uint8_t outer, int32_t number)
{
    const uint8_t octets[] = {(uint8_t)((uint32_t)number >> 24), (uint8_t)((uint32_t)number >> 16),
                              (uint8_t)((uint32_t)number >> 8), (uint8_t)number};
    size_t skip = 0;

    while (skip < 3 && octets[skip] == 0 && octets[skip + 1] < 0x80) {
        skip++;
    }
    der_tagged(der, outer, INTEGER, octets + skip, sizeof octets - skip);
}

static void der_time(struct der *der, uint8_t outer, time_t when)
{
    struct tm parts;
    char text[32];

    assert_non_null(gmtime_r(&when, &parts));
    der_tagged(der, outer, GENERALIZED_TIME, text, strftime(text, sizeof text, "%Y%m%d%H%M%SZ", &parts));
}

/* PrincipalName */
static void der_principal(struct der *der, uint8_t outer, krb5_const_principal principal)
{
    const size_t end = der->at;

    for (int i = principal->length - 1; i >= 0; i--) {
        der_element(der, GENERAL_STRING, principal->data[i].data, principal->data[i].length);
    }
    der_head(der, SEQUENCE, end);
    der_head(der, CONTEXT(1), end);
    der_integer(der, 0, 1);
    der_head(der, SEQUENCE, end);
    der_head(der, CONTEXT(outer), end);
}

/* One element of AuthorizationData. */
static void der_datum(struct der *der, int32_t type, const void *bytes, size_t length)
{
    const size_t end = der->at;

    der_tagged(der, 1, OCTET_STRING, bytes, length);
    der_integer(der, 0, type);
    der_head(der, SEQUENCE, end);
}

static void der_authority(struct der *der, uint8_t outer, krb5_authdata *const *data)
{
    const size_t end = der->at;
    size_t count = 0;

    while (data != NULL && data[count] != NULL) {
        count++;
    }
    while (count-- > 0) {
        der_datum(der, data[count]->ad_type, data[count]->contents, data[count]->length);
    }
    der_head(der, SEQUENCE, end);
    der_head(der, CONTEXT(outer), end);
}

/* EncTicketPart of RFC 4120 section 5.3: forwardable is not set, transited-policy-checked is. */
static void der_inner(struct der *der, const krb5_creds *creds, krb5_authdata *const *authority)
{
    static const uint8_t flags[] = {0, 0x00, 0x08, 0x00, 0x00};
    const krb5_data *realm = &creds->client->realm;
    const size_t end = der->at;
    size_t part;

    if (authority != NULL) {
        der_authority(der, 10, authority);
    }
    der_time(der, 7, creds->times.endtime);
    der_time(der, 5, creds->times.authtime);
    part = der->at;
    der_tagged(der, 1, OCTET_STRING, NULL, 0);
    der_integer(der, 0, 1);
    der_head(der, SEQUENCE, part);
    der_head(der, CONTEXT(4), part);
    der_principal(der, 3, creds->client);
    der_tagged(der, 2, GENERAL_STRING, realm->data, realm->length);
    part = der->at;
    der_tagged(der, 1, OCTET_STRING, creds->keyblock.contents, creds->keyblock.length);
    der_integer(der, 0, creds->keyblock.enctype);
    der_head(der, SEQUENCE, part);
    der_head(der, CONTEXT(1), part);
    der_tagged(der, 0, BIT_STRING, flags, sizeof flags);
    der_head(der, SEQUENCE, end);
    der_head(der, APPLICATION(3), end);
}

/* Ticket, in the place of what is to be sealed. */
static void der_seal(krb5_context krb5, struct der *der, const krb5_keytab_entry *entry, krb5_const_principal shown)
{
    krb5_data plain = {0};
    krb5_enc_data sealed = {0};
    char room[16384];
    size_t length = 0, end, part;

    plain.data = (char *)der->room + der->at;
    plain.length = (unsigned)(sizeof der->room - der->at);
    assert_int_equal(krb5_c_encrypt_length(krb5, entry->key.enctype, plain.length, &length), 0);
    assert_true(length <= sizeof room);
    sealed.ciphertext.data = room;
    sealed.ciphertext.length = (unsigned)length;
    assert_int_equal(krb5_c_encrypt(krb5, &entry->key, USAGE_TICKET, NULL, &plain, &sealed), 0);
    end = der->at = sizeof der->room;
    part = end;
    der_tagged(der, 2, OCTET_STRING, sealed.ciphertext.data, sealed.ciphertext.length);
    der_integer(der, 1, (int32_t)entry->vno);
    der_integer(der, 0, entry->key.enctype);
    der_head(der, SEQUENCE, part);
    der_head(der, CONTEXT(3), part);
    der_principal(der, 2, shown);
    der_tagged(der, 1, GENERAL_STRING, shown->realm.data, shown->realm.length);
    der_integer(der, 0, 5);
    der_head(der, SEQUENCE, end);
    der_head(der, APPLICATION(1), end);
}

void forge_ticket(krb5_context krb5, const struct forge_wanted *wanted, krb5_creds *creds)
{
    krb5_keytab keytab = NULL;
    krb5_keytab_entry entry;
    krb5_principal owner = NULL;
    struct der der = {.at = sizeof der.room};
    krb5_data bytes = {0};
    krb5_data *ticket = NULL;

    memset(creds, 0, sizeof *creds);
    assert_int_equal(krb5_kt_default(krb5, &keytab), 0);
    assert_int_equal(krb5_parse_name(krb5, wanted->key_of, &owner), 0);
    assert_int_equal(krb5_kt_get_entry(krb5, keytab, owner, 0, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &entry), 0);
    assert_int_equal(krb5_build_principal_ext(krb5, &creds->client, (unsigned)wanted->realm.length, wanted->realm.bytes,
                                              (unsigned)wanted->user.length, wanted->user.bytes, 0),
                     0);
    assert_int_equal(krb5_parse_name(krb5, wanted->shown != NULL ? wanted->shown : wanted->key_of, &creds->server), 0);
    assert_int_equal(krb5_c_make_random_key(krb5, ENCTYPE_AES256_CTS_HMAC_SHA1_96, &creds->keyblock), 0);
    creds->times.authtime = creds->times.starttime = (krb5_timestamp)time(NULL);
    creds->times.endtime = creds->times.authtime + HOUR;
    der_inner(&der, creds, wanted->authority);
    der_seal(krb5, &der, &entry, creds->server);
    bytes.data = (char *)der.room + der.at;
    bytes.length = (unsigned)(sizeof der.room - der.at);
    assert_int_equal(krb5_copy_data(krb5, &bytes, &ticket), 0);
    creds->ticket = *ticket;
    /* The structure around the bytes alone: libkrb5 has no call for that. */
    ticket->data = NULL;
    ticket->length = 0;
    krb5_free_data(krb5, ticket);
    krb5_free_keytab_entry_contents(krb5, &entry);
    krb5_free_principal(krb5, owner);
    krb5_kt_close(krb5, keytab);
}

void forge_ccache(const struct forge_wanted *wanted, const char *ccache)
{
    krb5_context krb5 = NULL;
    krb5_ccache made = NULL;
    krb5_creds creds;

    assert_int_equal(krb5_init_context(&krb5), 0);
    forge_ticket(krb5, wanted, &creds);
    assert_int_equal(krb5_cc_resolve(krb5, ccache, &made), 0);
    assert_int_equal(krb5_cc_initialize(krb5, made, creds.client), 0);
    assert_int_equal(krb5_cc_store_cred(krb5, made, &creds), 0);
    krb5_free_cred_contents(krb5, &creds);
    krb5_cc_close(krb5, made);
    krb5_free_context(krb5);
}

void forge_relevant(krb5_context krb5, const struct forge_datum *data, size_t count, krb5_authdata ***list)
{
    struct der der = {.at = sizeof der.room};
    const size_t end = der.at;
    krb5_authdata outer = {0};
    krb5_authdata *outers[] = {&outer, NULL};

    while (count-- > 0) {
        der_datum(&der, data[count].type, data[count].bytes, data[count].length);
    }
    der_head(&der, SEQUENCE, end);
    outer.ad_type = KRB5_AUTHDATA_IF_RELEVANT;
    outer.contents = der.room + der.at;
    outer.length = (unsigned)(end - der.at);
    assert_int_equal(krb5_copy_authdata(krb5, outers, list), 0);
}

/* RFC 4121 section 4.1.1: no bindings; mutual, replay, sequence, confidentiality, integrity. */
static const uint8_t gss_checksum[24] = {16, [20] = 0x3E};
#define GSS_CHECKSUM 0x8003

#define KRB5_OID "\x2A\x86\x48\x86\xF7\x12\x01\x02\x02"
#define SPNEGO_OID "\x2B\x06\x01\x05\x05\x02"

static void der_spnego(struct der *der)
{
    const size_t end = sizeof der->room;
    size_t mechanisms;

    der_head(der, OCTET_STRING, end);
    der_head(der, CONTEXT(2), end);
    mechanisms = der->at;
    der_element(der, OID, KRB5_OID, sizeof KRB5_OID - 1);
    der_head(der, SEQUENCE, mechanisms);
    der_head(der, CONTEXT(0), mechanisms);
    der_head(der, SEQUENCE, end);
    der_head(der, CONTEXT(0), end);
    der_element(der, OID, SPNEGO_OID, sizeof SPNEGO_OID - 1);
    der_head(der, APPLICATION(0), end);
}

static size_t make_token(krb5_context krb5, const krb5_creds *creds, krb5_authdata **data, const krb5_data *handed,
                         bool spnego, uint8_t token[FORGE_TOKEN_MOST])
{
    static uint8_t checksum[FORGE_TOKEN_MOST];
    krb5_auth_context auth = NULL;
    struct der der = {.at = sizeof der.room};
    krb5_creds used = *creds;
    krb5_data in = {0}, request = {0};
    size_t length;

    memcpy(checksum, gss_checksum, sizeof gss_checksum);
    in.data = (char *)checksum;
    in.length = sizeof gss_checksum;
    if (handed != NULL) {
        const uint8_t head[] = {1, 0, (uint8_t)handed->length, (uint8_t)(handed->length >> 8)};

        assert_true(in.length + sizeof head + handed->length <= sizeof checksum);
        checksum[20] |= 1;
        memcpy(checksum + in.length, head, sizeof head);
        memcpy(checksum + in.length + sizeof head, handed->data, handed->length);
        in.length += (unsigned)sizeof head + handed->length;
    }
    used.authdata = data;
    assert_int_equal(krb5_auth_con_init(krb5, &auth), 0);
    assert_int_equal(krb5_auth_con_setflags(krb5, auth, KRB5_AUTH_CONTEXT_DO_SEQUENCE), 0);
    assert_int_equal(krb5_auth_con_set_req_cksumtype(krb5, auth, GSS_CHECKSUM), 0);
    assert_int_equal(
        krb5_mk_req_extended(krb5, &auth, AP_OPTS_MUTUAL_REQUIRED | AP_OPTS_USE_SUBKEY, &in, &used, &request), 0);
    der_bytes(&der, request.data, request.length);
    der_bytes(&der, "\x01\x00", 2);
    der_element(&der, OID, KRB5_OID, sizeof KRB5_OID - 1);
    der_head(&der, APPLICATION(0), sizeof der.room);
    if (spnego) {
        der_spnego(&der);
    }
    length = sizeof der.room - der.at;
    memcpy(token, der.room + der.at, length);
    krb5_free_data_contents(krb5, &request);
    krb5_auth_con_free(krb5, auth);
    return length;
}

size_t forge_token(krb5_context krb5, const krb5_creds *creds, krb5_authdata **data, bool spnego,
                   uint8_t token[FORGE_TOKEN_MOST])
{
    return make_token(krb5, creds, data, NULL, spnego, token);
}

size_t forge_token_handing_on(krb5_context krb5, const krb5_creds *creds, krb5_creds *handed, bool spnego,
                              uint8_t token[FORGE_TOKEN_MOST])
{
    krb5_auth_context auth = NULL;
    krb5_data *message = NULL;
    size_t length;

    assert_int_equal(krb5_auth_con_init(krb5, &auth), 0);
    assert_int_equal(krb5_auth_con_setflags(krb5, auth, 0), 0);
    assert_int_equal(krb5_mk_1cred(krb5, auth, handed, &message, NULL), 0); /* it has no key, and so seals nothing */
    length = make_token(krb5, creds, NULL, message, spnego, token);
    krb5_free_data(krb5, message);
    krb5_auth_con_free(krb5, auth);
    return length;
}
