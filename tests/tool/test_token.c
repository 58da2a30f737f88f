/*
 * test_token.c - `troth token` on the tokens of a real handshake and its messages, in every form and frame in which
 * they may be captured, and on what no realm here makes, by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tool.h"
#include "troth/troth.h"

struct captured {
    uint8_t bytes[8192];
    size_t length;
};

/* A conversation's initiator's token, acceptor's token, messages. */
static struct {
    struct captured request, reply, sealed, readable, code;
} seen[2];

static void keep(struct captured *captured, const void *bytes, size_t length)
{
    assert_in_range(length, 1, sizeof captured->bytes);
    memcpy(captured->bytes, bytes, length);
    captured->length = length;
}

static void converse(size_t index, troth_mechanism mechanism)
{
    troth_credential_options from = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options to = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *initiator = NULL, *acceptor = NULL;
    troth_error error = TROTH_ERROR_INIT;
    const void *token = NULL;
    uint8_t message[512];
    size_t length = 0;

    from.mechanism = mechanism;
    to.target.service = "troth";
    to.target.host = "server.troth.test";
    to.required = TROTH_MUTUAL | TROTH_INTEGRITY;
    assert_int_equal(troth_credential_acquire(TROTH_INITIATOR, &from, &credential, &error), TROTH_OK);
    assert_int_equal(troth_context_new(credential, &to, &initiator, &error), TROTH_OK);
    troth_credential_free(credential);
    assert_int_equal(troth_credential_acquire(TROTH_ACCEPTOR, &from, &credential, &error), TROTH_OK);
    assert_int_equal(troth_context_new(credential, NULL, &acceptor, &error), TROTH_OK);
    troth_credential_free(credential);
    assert_int_equal(troth_context_step(initiator, NULL, 0, &token, &length, &error), TROTH_CONTINUE);
    keep(&seen[index].request, token, length);
    assert_int_equal(
        troth_context_step(acceptor, seen[index].request.bytes, seen[index].request.length, &token, &length, &error),
        TROTH_OK);
    keep(&seen[index].reply, token, length);
    assert_int_equal(
        troth_context_step(initiator, seen[index].reply.bytes, seen[index].reply.length, &token, &length, &error),
        TROTH_OK);
    assert_int_equal(troth_wrap(initiator, TROTH_PROTECT_CONFIDENTIALITY, "hidden away", 11, message, sizeof message,
                                &length, &error),
                     TROTH_OK);
    keep(&seen[index].sealed, message, length);
    assert_int_equal(
        troth_wrap(initiator, TROTH_PROTECT_INTEGRITY, "in the open", 11, message, sizeof message, &length, &error),
        TROTH_OK);
    keep(&seen[index].readable, message, length);
    assert_int_equal(troth_get_mic(initiator, "in the open", 11, message, sizeof message, &length, &error), TROTH_OK);
    keep(&seen[index].code, message, length);
    troth_context_free(initiator);
    troth_context_free(acceptor);
}

static int setup(void **state)
{
    (void)state;
    converse(0, TROTH_MECHANISM_KERBEROS);
    converse(1, TROTH_MECHANISM_NEGOTIATE);
    return 0;
}

/* Writes bytes into a file of the realm and runs `troth token` on it. */
static int inspect(const void *bytes, size_t length, const char *option, struct realm_result *result)
{
    const char *path = realm_path("token");
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return tool_run(result, NULL, "token", path, option, NULL);
}

static void assert_inspected(const void *bytes, size_t length, int code, const char *const *parts)
{
    struct realm_result result;
    assert_int_equal(inspect(bytes, length, NULL, &result), code);
    assert_string_equal(result.err, "");
    for (; *parts != NULL; parts++) {
        tool_assert_contains(result.out, *parts);
    }
    realm_result_free(&result);
}

static void a_real_ap_req_tells_service_key_version_and_encryption(void **state)
{
    (void)state;
    static const char *const parts[] = {"GSS-API frame",
                                        "mechanism: 1.2.840.113554.1.2.2 (Kerberos 5)\n",
                                        "token id: AP-REQ (01 00)\n",
                                        "ap-options: mutual-required\n",
                                        "realm: TROTH.TEST\n",
                                        "sname: troth/server.troth.test\n",
                                        "kvno: ",
                                        "enctype: 18 (aes256-cts-hmac-sha1-96)\n",
                                        "authenticator: sealed\n",
                                        "not shown\n",
                                        NULL};
    assert_inspected(seen[0].request.bytes, seen[0].request.length, 0, parts);
    static const char *const reply[] = {"token id: AP-REP (02 00)\n", "enc-part: sealed\n", NULL};
    assert_inspected(seen[0].reply.bytes, seen[0].reply.length, 0, reply);
}

static void a_real_negotiation_tells_mechanisms_and_what_is_inside(void **state)
{
    (void)state;
    static const char *const init[] = {
        "SPNEGO NegTokenInit", "mechTypes", "(Kerberos 5)\n", "mechToken: ", "sname: troth/server.troth.test\n", NULL};
    assert_inspected(seen[1].request.bytes, seen[1].request.length, 0, init);
    static const char *const reply[] = {"SPNEGO NegTokenResp",
                                        "negState: accept-completed (0)\n",
                                        "supportedMech: ",
                                        "responseToken: ",
                                        "AP-REP",
                                        NULL};
    assert_inspected(seen[1].reply.bytes, seen[1].reply.length, 0, reply);
}

static void headers_of_messages_say_whether_they_are_sealed(void **state)
{
    (void)state;
    static const char *const sealed[] = {
        "wrap token (RFC 4121)", "from the initiator, sealed", "EC: 0\n", "RRC: ", "SND_SEQ: ", NULL};
    static const char *const readable[] = {"wrap token", "not sealed (readable)", NULL};
    static const char *const code[] = {"MIC token (RFC 4121)", "checksum: 12 bytes, not shown\n", NULL};
    assert_inspected(seen[0].sealed.bytes, seen[0].sealed.length, 0, sealed);
    assert_inspected(seen[0].readable.bytes, seen[0].readable.length, 0, readable);
    assert_inspected(seen[0].code.bytes, seen[0].code.length, 0, code);
}

/* Nothing sealed, and no message that is only signed, reaches the terminal. */
static void no_content_is_printed(void **state)
{
    (void)state;
    struct realm_result result;
    assert_int_equal(inspect(seen[0].readable.bytes, seen[0].readable.length, NULL, &result), 0);
    tool_assert_lacks(result.out, "open");
    realm_result_free(&result);
    assert_int_equal(inspect(seen[0].request.bytes, seen[0].request.length, "--json", &result), 0);
    tool_assert_lacks(result.out, "\\x");
    assert_true(result.out_length < 4096);
    realm_result_free(&result);
}

static void text_forms_are_detected_and_read_alike(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const struct captured *token = &seen[1].request;
    static char hex[3 * sizeof token->bytes], base64[2 * sizeof token->bytes];
    size_t hex_length = 0, length = (size_t)sprintf(base64, "Authorization: Negotiate ");
    struct realm_result bytes, other;

    for (size_t i = 0; i < token->length; i++) {
        hex_length += (size_t)sprintf(hex + hex_length, "%02X%s", token->bytes[i], i % 16 == 15 ? "\n" : " ");
    }
    for (size_t i = 0; i < token->length; i += 3) {
        size_t rest = token->length - i;
        uint32_t three = (uint32_t)token->bytes[i] << 16 | (rest > 1 ? (uint32_t)token->bytes[i + 1] << 8 : 0) |
                         (rest > 2 ? token->bytes[i + 2] : 0);
        base64[length++] = digits[three >> 18];
        base64[length++] = digits[three >> 12 & 63];
        base64[length++] = rest > 1 ? digits[three >> 6 & 63] : '=';
        base64[length++] = rest > 2 ? digits[three & 63] : '=';
    }
    base64[length] = '\0';
    assert_int_equal(inspect(token->bytes, token->length, NULL, &bytes), 0);
    tool_assert_contains(bytes.out, "taken as bytes\n");
    assert_int_equal(inspect(hex, hex_length, NULL, &other), 0);
    tool_assert_contains(other.out, "taken as hex\n");
    assert_string_equal(strchr(other.out, '\n'), strchr(bytes.out, '\n'));
    realm_result_free(&other);
    assert_int_equal(inspect(base64, length, NULL, &other), 0);
    tool_assert_contains(other.out, "taken as base64\n");
    assert_string_equal(strchr(other.out, '\n'), strchr(bytes.out, '\n'));
    realm_result_free(&other);
    assert_int_equal(tool_run(&other, base64, "token", NULL), 0);
    assert_string_equal(strchr(other.out, '\n'), strchr(bytes.out, '\n'));
    realm_result_free(&other);
    assert_int_equal(tool_run(&other, NULL, "token", "--base64", base64, NULL), 0);
    assert_string_equal(strchr(other.out, '\n'), strchr(bytes.out, '\n'));
    realm_result_free(&other);
    realm_result_free(&bytes);
}

/* Also two in a row, as a capture of both has them. */
static void frames_are_recognised_and_taken_off(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint8_t header[5];
        size_t header_length;
        unsigned order; /* 0: big-endian, 1: little-endian, 2: 16 bits big-endian, behind the header's first bytes */
    } frames[] = {
        {"big-endian length (be32)", {0}, 0, 0},
        {"little-endian length (le32)", {0}, 0, 1},
        {"(gss-sample)", {0x02}, 1, 0},
        {"NegotiateStream handshake record", {0x16, 0x01, 0x00}, 3, 2},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        const char *parts[] = {frames[i].name, "AP-REQ", "AP-REP", NULL};
        uint8_t all[2 * sizeof seen[0].request.bytes];
        size_t at = 0;
        for (size_t leg = 0; leg < 2; leg++) {
            const struct captured *token = leg == 0 ? &seen[0].request : &seen[0].reply;
            size_t n = token->length;
            memcpy(all + at, frames[i].header, frames[i].header_length);
            at += frames[i].header_length;
            for (unsigned byte = frames[i].order == 2 ? 2 : 0; byte < 4; byte++) {
                all[at++] = (uint8_t)(n >> 8 * (frames[i].order == 1 ? byte : 3 - byte));
            }
            memcpy(all + at, token->bytes, n);
            at += n;
        }
        assert_inspected(all, at, 0, parts);
    }
}

static void json_is_json(void **state)
{
    (void)state;
    const char *argv[] = {"/usr/bin/python3", "-c",
                          "import json,sys\nt=json.load(sys.stdin)\nassert t['input']=='bytes' and not t['damaged']\n"
                          "print(t['parts'][0]['parts'][0]['value'])",
                          NULL};
    struct realm_result result, parsed;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(inspect(seen[i].request.bytes, seen[i].request.length, "--json", &result), 0);
        assert_int_equal(realm_run(argv, result.out, REALM_DEADLINE, &parsed), 0);
        assert_string_equal(parsed.out, i == 0 ? "1.2.840.113554.1.2.2 (Kerberos 5)\n" : "1.3.6.1.5.5.2 (SPNEGO)\n");
        realm_result_free(&result);
        realm_result_free(&parsed);
    }
}

#define HAND(code, bytes, ...)                                                                                         \
    {                                                                                                                  \
        code, bytes, sizeof(bytes) - 1,                                                                                \
        {                                                                                                              \
            __VA_ARGS__, NULL                                                                                          \
        }                                                                                                              \
    }

static void what_windows_and_others_send_is_told(void **state)
{
    (void)state;
    static const struct {
        int code;
        const char *bytes;
        size_t length;
        const char *parts[8];
    } cases[] = {
        HAND(0,
             "\xa0\x2a\x30\x28\xa0\x26\x30\x24\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"
             "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e"
             "\x06\x00",
             "x"),
        /* An AUTHENTICATE message: domain D, user \xc9lise as UTF-16, an NT response of 4 bytes. */
        HAND(0,
             "NTLMSSP\0\x03\0\0\0\0\0\0\0\x58\0\0\0\x04\0\x04\0\x54\0\0\0\x02\0\x02\0\x48\0\0\0\x0a\0\x0a\0\x4a\0\0\0"
             "\0\0\0\0\x58\0\0\0\0\0\0\0\x58\0\0\0\x01\x02\0\x02\x0a\0\x63\x45\0\0\0\x0f"
             "D\0\xc9\0l\0i\0s\0e\0HASH",
             "type 3", "domain: D\n", "user: \xc3\x89lise\n", "NT response: 4 bytes, not shown (NTLMv1)",
             "version: 10.0 build 17763", "flag: UNICODE"),
        HAND(0,
             "\x60\x23\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x02\x01\x11\x00\x10\x00\xff\xff"
             "SEQUENCECHECKSUM",
             "old form (RFC 1964)", "SGN_ALG: 0x1100 (HMAC-MD5 (RC4))", "SEAL_ALG: 0x1000 (RC4)"),
        HAND(0, "\x60\x15\x06\x06\x2b\x06\x01\x05\x02\x05\x05\x01\x30\x09\xa1\x07\x0c\x05REALM",
             "1.3.6.1.5.2.5 (IAKERB)", "IAKERB proxy (05 01)", "target-realm: REALM\n"),
        HAND(0, "\x15\x01\x00\x00\x08\x00\x00\x00\x00\x80\x09\x03\x0c", "error (0x15)", "code: 0x8009030c\n"),
        HAND(1, "what is this?", "unknown: 13 bytes of no known sort"),
        HAND(1, "\x60\x40\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00", "cut: there should be more", "damaged"),
    };
    for (size_t i = 1; i < sizeof cases / sizeof cases[0]; i++) {
        assert_inspected(cases[i].bytes, cases[i].length, cases[i].code, cases[i].parts);
    }
    static const char *const windows[] = {"Microsoft's own, wrong OID", "1.3.6.1.4.1.311.2.2.30 (NegoEx)", NULL};
    assert_inspected(cases[0].bytes, cases[0].length - 2, 1, windows);
}

static void every_prefix_of_a_real_token_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    for (size_t length = 1; length < seen[1].request.length; length += 1 + seen[1].request.length / 64) {
        struct realm_result result;
        assert_int_equal(inspect(seen[1].request.bytes, length, NULL, &result), 1);
        tool_assert_contains(result.out, "damaged, cut or not known\n");
        assert_string_equal(result.err, "");
        realm_result_free(&result);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_ap_req_tells_service_key_version_and_encryption),
        cmocka_unit_test(a_real_negotiation_tells_mechanisms_and_what_is_inside),
        cmocka_unit_test(headers_of_messages_say_whether_they_are_sealed),
        cmocka_unit_test(no_content_is_printed),
        cmocka_unit_test(text_forms_are_detected_and_read_alike),
        cmocka_unit_test(frames_are_recognised_and_taken_off),
        cmocka_unit_test(json_is_json),
        cmocka_unit_test(what_windows_and_others_send_is_told),
        cmocka_unit_test(every_prefix_of_a_real_token_is_read_as_far_as_it_goes),
    };
    if (argc != 2) {
        return 2;
    }
    tool_path = argv[1];
    return cmocka_run_group_tests(tests, setup, NULL);
}
