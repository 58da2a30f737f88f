/*
 * test_bindings.c - shows that each type of TLS channel bindings is made of the right bytes, and of nothing else. The
 * certificates are real ones (tests/fuzz/corpus/certificate), made and hashed by the openssl command.
 */
#include "support.h"

#include <stdio.h>

#include "certificate.h"
#include "troth/bindings.h"

static const struct known {
    const char *file;
    troth_hash hash;
    const char *digest; /* NULL: tls-server-end-point is not defined for it */
} known[] = {
    {"ecdsa-p256-sha1", TROTH_HASH_SHA256, "02cbec7971c2dcf8db13e4e6a89e464c868ade8fd442710faf6c7a6e57645e96"},
    {"ecdsa-p256-sha256", TROTH_HASH_SHA256, "92c794701df3f3a26034af10cf528e54837c26a85fbf77eb82a2311b12638d7a"},
    {"ecdsa-p384-sha384", TROTH_HASH_SHA384,
     "455753b55e624955173c8f8feb5db01659e9c6e96554609e27116b7c514a3b8cbee148dd305e7bcfc4654126d9b8ecfc"},
    {"ecdsa-p521-sha512", TROTH_HASH_SHA512,
     "6a23c304623d2de4032680fbe6c431a51c7897c77496585e0773568b1475643940864d5b9df8114bcb44340c557ca3d70e768b35fb0d44c66"
     "dd31657e51200c8"},
    {"ed25519", TROTH_HASH_UNSET, NULL},
    {"ed448", TROTH_HASH_UNSET, NULL},
    {"rsa-md5", TROTH_HASH_SHA256, "24269c47fdb0da908a8a05e50b28cba2ad5463c0a2a9a71a0750cedaf4fb6056"},
    {"rsa-pss-sha1", TROTH_HASH_SHA256, "640c4a369b4fa4f89c7ed2e4a75456b59ba4d3bf822f88b32205bd64b8ea9bc0"},
    {"rsa-pss-sha256", TROTH_HASH_SHA256, "93b0551fdd7d9d4117786902fc7307e34431c04a08ea4687635b8d22561b084b"},
    {"rsa-pss-sha384", TROTH_HASH_SHA384,
     "1b5d6e468afb19fbdae53e0220aaeb686ed6d9b71168060fee14512ebefebb2276730e11f5a0ed62b08ccd5110e5e3fa"},
    {"rsa-pss-two-hashes", TROTH_HASH_UNSET, NULL},
    {"rsa-sha1", TROTH_HASH_SHA256, "6c79f20973a751749bb5439736300325ee03484cce63c7c154cfd18b7e747409"},
    {"rsa-sha224", TROTH_HASH_SHA224, "b42c91380c64e5bb2c3df107b3a2154d75621b03c36feb611693ab90"},
    {"rsa-sha256", TROTH_HASH_SHA256, "398a5aad0037efb024c51794012cb25a0dc68106500c9190b8a7b70fe75b9994"},
    {"rsa-sha3-256", TROTH_HASH_SHA3_256, "25ffde96c9c8f06371389a0fa7dae77a30d98fd4749a1d2a9048573191a52b1e"},
    {"rsa-sha384", TROTH_HASH_SHA384,
     "6ff4e007fe9643bb31501424e6401ad066a81c77e982b2e810805e683e3bb43667d54b8381c89e91f969146730afb921"},
    {"rsa-sha512", TROTH_HASH_SHA512,
     "dbb9b3834569e3453a9f81d0acd88c573febc3ea6cb601ab96185e4157d58d526dadba8b60ba0df873b8b70f13be3a456ebee63d52fb6acc8"
     "2f7c84924cbbfe0"},
};
#define KNOWN_COUNT (sizeof known / sizeof known[0])

struct certificate {
    uint8_t data[1024];
    size_t length;
};

static struct certificate load(const char *name)
{
    struct certificate certificate;
    char path[1024];

    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", TROTH_CERTIFICATES, name) < sizeof path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    certificate.length = fread(certificate.data, 1, sizeof certificate.data, file);
    (void)fclose(file);
    assert_in_range(certificate.length, 100, sizeof certificate.data - 1);
    return certificate;
}

/* The bytes of a text of hexadecimal digits. */
static size_t unhex(const char *text, uint8_t *bytes)
{
    size_t length = strlen(text) / 2;

    for (size_t i = 0; i < length; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return length;
}

/* Filled with rubbish: whatever is not set shows. */
static troth_tls_bindings fresh(void)
{
    troth_tls_bindings bindings;

    memset(&bindings, 0xEE, sizeof bindings);
    bindings.size = sizeof bindings;
    return bindings;
}

static void assert_empty(const troth_tls_bindings *bindings)
{
    static const troth_tls_bindings nothing = TROTH_TLS_BINDINGS_INIT;

    assert_int_equal(bindings->size, sizeof *bindings);
    assert_memory_equal(bindings->data, nothing.data, sizeof nothing.data);
    assert_null(bindings->bindings.application_data);
    assert_int_equal(bindings->bindings.application_data_length, 0);
    assert_int_equal(bindings->hash, TROTH_HASH_UNSET);
}

/* prefix and value are all that the bindings are; the address fields are empty. */
static void assert_holds(const troth_tls_bindings *bindings, const char *prefix, const void *value, size_t length)
{
    size_t before = strlen(prefix);

    assert_ptr_equal(bindings->bindings.application_data, bindings->data);
    assert_int_equal(bindings->bindings.application_data_length, before + length);
    assert_memory_equal(bindings->data, prefix, before);
    assert_memory_equal(bindings->data + before, value, length);
    assert_int_equal(bindings->bindings.initiator_address_type, 0);
    assert_int_equal(bindings->bindings.acceptor_address_type, 0);
    assert_null(bindings->bindings.initiator_address);
    assert_null(bindings->bindings.acceptor_address);
    assert_int_equal(bindings->bindings.initiator_address_length, 0);
    assert_int_equal(bindings->bindings.acceptor_address_length, 0);
    for (size_t i = 0; i < sizeof bindings->reserved / sizeof bindings->reserved[0]; i++)
        assert_int_equal(bindings->reserved[i], 0);
}

static void a_certificate_s_hash_is_that_of_its_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        struct certificate certificate = load(known[i].file);
        troth_error error = TROTH_ERROR_INIT;
        troth_hash hash = (troth_hash)99;
        troth_status status = troth_bindings_certificate_hash(certificate.data, certificate.length, &hash, &error);

        if (status != (known[i].digest != NULL ? TROTH_OK : TROTH_E_UNSUPPORTED))
            fail_msg("%s: %s", known[i].file, error.text);
        assert_int_equal(hash, known[i].hash);
    }
}

/* What this build has nothing to compute with. */
static bool may_be_missing(troth_hash hash)
{
#if TROTH_TEST_HASHES
    /* Windows has no SHA-224, and SHA-3 since Windows 11 only. */
    return strcmp(troth_backend_name(), "sspi") == 0 && hash != TROTH_HASH_SHA256 && hash != TROTH_HASH_SHA384 &&
           hash != TROTH_HASH_SHA512;
#else
    (void)hash;
    return true;
#endif
}

static void tls_server_end_point_is_the_hash_of_the_certificate(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        struct certificate certificate = load(known[i].file);
        troth_error error = TROTH_ERROR_INIT;
        troth_tls_bindings bindings = fresh();
        uint8_t digest[64];
        troth_status status =
            troth_bindings_tls_server_end_point(certificate.data, certificate.length, &bindings, &error);

        if (known[i].digest == NULL || (status == TROTH_E_UNSUPPORTED && may_be_missing(known[i].hash))) {
            assert_int_equal(status, TROTH_E_UNSUPPORTED);
            assert_int_equal(error.status, TROTH_E_UNSUPPORTED);
            assert_text(error.text, known[i].digest == NULL ? "tls-server-end-point is not defined"
                                                            : "troth_bindings_tls_server_end_point_hashed");
            assert_empty(&bindings);
            continue;
        }
        if (status != TROTH_OK)
            fail_msg("%s: %s", known[i].file, error.text);
        assert_holds(&bindings, "tls-server-end-point:", digest, unhex(known[i].digest, digest));
        assert_int_equal(bindings.hash, known[i].hash);
    }
}

static void a_hash_of_the_caller_s_makes_the_same_bindings(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_tls_bindings bindings = fresh();
        uint8_t digest[64];

        if (known[i].digest == NULL)
            continue;
        size_t length = unhex(known[i].digest, digest);
        assert_int_equal(troth_bindings_tls_server_end_point_hashed(known[i].hash, digest, length, &bindings, &error),
                         TROTH_OK);
        assert_holds(&bindings, "tls-server-end-point:", digest, length);
        assert_int_equal(bindings.hash, known[i].hash);
    }
}

static void a_hash_of_another_length_is_refused(void **state)
{
    static const uint8_t digest[65] = {1};
    static const struct {
        troth_hash hash;
        size_t length;
    } cases[] = {
        {TROTH_HASH_SHA256, 0},  {TROTH_HASH_SHA256, 31}, {TROTH_HASH_SHA256, 33},   {TROTH_HASH_SHA256, 48},
        {TROTH_HASH_SHA512, 65}, {TROTH_HASH_SHA384, 32}, {TROTH_HASH_SHA3_224, 32}, {TROTH_HASH_UNSET, 32},
        {TROTH_HASH_UNSET, 0},   {(troth_hash)9, 32},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_tls_bindings bindings = fresh();

        assert_int_equal(
            troth_bindings_tls_server_end_point_hashed(cases[i].hash, digest, cases[i].length, &bindings, &error),
            TROTH_E_ARGUMENT);
        assert_empty(&bindings);
        assert_int_equal(error.status, TROTH_E_ARGUMENT);
    }
    troth_tls_bindings bindings = fresh();
    assert_int_equal(troth_bindings_tls_server_end_point_hashed(TROTH_HASH_SHA256, NULL, 32, &bindings, NULL),
                     TROTH_E_ARGUMENT);
    assert_empty(&bindings);
}

static void the_exporter_s_value_has_32_bytes(void **state)
{
    uint8_t value[33];
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)(i * 7);
    troth_tls_bindings bindings = fresh();
    assert_int_equal(troth_bindings_tls_exporter(value, 32, &bindings, &error), TROTH_OK);
    assert_holds(&bindings, "tls-exporter:", value, 32);
    assert_int_equal(bindings.hash, TROTH_HASH_UNSET);
    /* The value was copied. */
    value[0] = 0xFF;
    assert_int_equal(bindings.data[13], 0);

    for (size_t length = 0; length <= sizeof value; length++) {
        if (length == 32)
            continue;
        bindings = fresh();
        assert_int_equal(troth_bindings_tls_exporter(value, length, &bindings, &error), TROTH_E_ARGUMENT);
        assert_text(error.text, "the value of tls-exporter has 32 to 32 bytes");
        assert_empty(&bindings);
    }
    bindings = fresh();
    assert_int_equal(troth_bindings_tls_exporter(NULL, 32, &bindings, &error), TROTH_E_ARGUMENT);
    assert_empty(&bindings);
}

static void tls_unique_takes_12_to_64_bytes(void **state)
{
    uint8_t finished[65];
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof finished; i++)
        finished[i] = (uint8_t)(200 + i);
    for (size_t length = 0; length <= sizeof finished; length++) {
        troth_tls_bindings bindings = fresh();
        troth_status status = troth_bindings_tls_unique(finished, length, &bindings, &error);

        if (length >= 12 && length <= 64) {
            assert_int_equal(status, TROTH_OK);
            assert_holds(&bindings, "tls-unique:", finished, length);
        } else {
            assert_int_equal(status, TROTH_E_ARGUMENT);
            assert_text(error.text, "the value of tls-unique has 12 to 64 bytes");
            assert_empty(&bindings);
        }
    }
    troth_tls_bindings bindings = fresh();
    assert_int_equal(troth_bindings_tls_unique(NULL, 12, &bindings, NULL), TROTH_E_ARGUMENT);
    assert_empty(&bindings);
}

static void a_structure_without_its_size_is_not_touched(void **state)
{
    struct certificate certificate = load("rsa-sha256");
    static const uint8_t value[32] = {0};
    troth_error error = TROTH_ERROR_INIT;
    troth_tls_bindings bindings = fresh();
    troth_tls_bindings before;

    (void)state;
    bindings.size--;
    before = bindings;
    for (int with = 0; with < 2; with++) {
        troth_tls_bindings *out = with ? &bindings : NULL;
        assert_int_equal(troth_bindings_tls_server_end_point(certificate.data, certificate.length, out, &error),
                         TROTH_E_ARGUMENT);
        assert_text(error.text, "TROTH_TLS_BINDINGS_INIT");
        assert_int_equal(troth_bindings_tls_server_end_point_hashed(TROTH_HASH_SHA256, value, 32, out, &error),
                         TROTH_E_ARGUMENT);
        assert_int_equal(troth_bindings_tls_exporter(value, 32, out, &error), TROTH_E_ARGUMENT);
        assert_int_equal(troth_bindings_tls_unique(value, 32, out, &error), TROTH_E_ARGUMENT);
    }
    assert_memory_equal(&bindings, &before, sizeof bindings);
}

static void no_certificate_is_an_argument_error(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_hash hash = TROTH_HASH_SHA256;
    troth_tls_bindings bindings = fresh();

    (void)state;
    assert_int_equal(troth_bindings_certificate_hash(NULL, 5, &hash, &error), TROTH_E_ARGUMENT);
    assert_int_equal(hash, TROTH_HASH_UNSET);
    assert_int_equal(troth_bindings_certificate_hash("x", 0, &hash, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_bindings_certificate_hash("x", 1, NULL, &error), TROTH_E_ARGUMENT);
    assert_int_equal(troth_bindings_tls_server_end_point(NULL, 5, &bindings, &error), TROTH_E_ARGUMENT);
    assert_empty(&bindings);
    assert_int_equal(error.status, TROTH_E_ARGUMENT);
    bindings = fresh();
    assert_int_equal(troth_bindings_tls_server_end_point("x", 1, &bindings, NULL), TROTH_E_ARGUMENT);
    assert_empty(&bindings);
}

static void a_cut_certificate_is_no_certificate(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        struct certificate certificate = load(known[i].file);

        for (size_t length = 1; length < certificate.length; length++) {
            troth_hash hash = TROTH_HASH_UNSET;
            uint8_t *block = malloc(length);

            assert_non_null(block);
            memcpy(block, certificate.data, length);
            assert_int_equal(troth_bindings_certificate_hash(block, length, &hash, NULL), TROTH_E_ARGUMENT);
            free(block);
        }
        /* One byte more is not the certificate either. */
        troth_hash hash = TROTH_HASH_UNSET;
        certificate.data[certificate.length] = 0;
        assert_int_equal(troth_bindings_certificate_hash(certificate.data, certificate.length + 1, &hash, NULL),
                         TROTH_E_ARGUMENT);
    }
}

static void every_changed_byte_of_a_certificate_changes_the_bindings(void **state)
{
    struct certificate certificate = load("ecdsa-p256-sha256");
    troth_tls_bindings good = fresh();

    (void)state;
    troth_status usual = troth_bindings_tls_server_end_point(certificate.data, certificate.length, &good, NULL);
    for (size_t i = 0; i < certificate.length; i++) {
        troth_tls_bindings bindings = fresh();

        certificate.data[i] ^= 0x01;
        troth_status status =
            troth_bindings_tls_server_end_point(certificate.data, certificate.length, &bindings, NULL);
        certificate.data[i] ^= 0x01;
        if (status == TROTH_OK) {
            assert_int_equal(usual, TROTH_OK);
            assert_memory_not_equal(bindings.data, good.data, good.bindings.application_data_length);
        } else {
            assert_true(status == TROTH_E_ARGUMENT || status == TROTH_E_UNSUPPORTED);
            assert_empty(&bindings);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_s_hash_is_that_of_its_signature),
        cmocka_unit_test(tls_server_end_point_is_the_hash_of_the_certificate),
        cmocka_unit_test(a_hash_of_the_caller_s_makes_the_same_bindings),
        cmocka_unit_test(a_hash_of_another_length_is_refused),
        cmocka_unit_test(the_exporter_s_value_has_32_bytes),
        cmocka_unit_test(tls_unique_takes_12_to_64_bytes),
        cmocka_unit_test(a_structure_without_its_size_is_not_touched),
        cmocka_unit_test(no_certificate_is_an_argument_error),
        cmocka_unit_test(a_cut_certificate_is_no_certificate),
        cmocka_unit_test(every_changed_byte_of_a_certificate_changes_the_bindings),
    };
    return cmocka_run_group_tests_name("bindings", tests, NULL, NULL);
}
