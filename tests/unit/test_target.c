/*
 * test_target.c - the initiator's own word for its target: which names can be given to compare it with, what comes of
 * it, and what is read of the bytes that it comes in.
 */
#include "support.h"

#include "scripted_backend.h"
#include "target.h"
#include "troth/peer.h"

#include "portability.h"

static const struct scripted_step done[] = {{TROTH_OK, "\x60\x0d", 2}};

static struct scripted script;

static int setup(void **state)
{
    (void)state;
    scripted_init(&script, done, 1);
    return 0;
}

static const troth_name two[] = {{"http", "www.example.com", NULL}, {NULL, NULL, "db/db1.example.com@EXAMPLE.COM"}};

static troth_context_options comparing(const troth_name *names, size_t count, uint32_t required)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    options.accepted_targets = names;
    options.accepted_target_count = count;
    options.required = required;
    return options;
}

/* What troth_context_new says to options; own: the credential's name, NULL: none. */
static troth_status made_with(troth_role role, const troth_name *own, const troth_context_options *options,
                              troth_error *error)
{
    troth_credential_options credential_options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options given = *options;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_status status;

    if (own != NULL)
        credential_options.name = *own;
    if (role == TROTH_INITIATOR)
        given.target = (troth_name){"scripted", "host", NULL};
    assert_int_equal(troth__credential_acquire(&script.backend, role, &credential_options, &credential, error),
                     TROTH_OK);
    status = troth_context_new(credential, &given, &context, error);
    assert_true((context != NULL) == (status == TROTH_OK));
    troth_context_free(context);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
    return status;
}

static void only_an_acceptor_compares_and_only_with_names(void **state)
{
    static const troth_name broken[] = {{"http", "www.example.com", NULL}, {"http", NULL, NULL}};
    static const troth_name own = {"http", "www.example.com", NULL};
    troth_context_options options = comparing(two, 2, 0);
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_OK);
    assert_int_equal(made_with(TROTH_INITIATOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    options = comparing(NULL, 0, TROTH_TARGET_NAMED);
    assert_int_equal(made_with(TROTH_INITIATOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    assert_text(error.text, "acceptor");
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    assert_text(error.text, "no accepted targets are given");
    assert_int_equal(made_with(TROTH_ACCEPTOR, &own, &options, &error), TROTH_OK);
    options = comparing(NULL, 1, 0);
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    options = comparing(two, 0, 0); /* a list that lost its names is no wish to take everybody */
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    options = comparing(two, 65, 0);
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    options = comparing(broken, 2, 0);
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_NAME);
    assert_text(error.text, "accepted target");
    options = comparing(two, 2, 0);
    options.forbidden = TROTH_TARGET_NAMED;
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_ARGUMENT);
    options = comparing(two, 2, 0);
    options.requested = TROTH_TARGET_NAMED;
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_ARGUMENT);
}

/* A backend that knows that it will not be told says so before anybody relies on it. */
static void the_backend_is_told_beforehand_that_it_matters(void **state)
{
    troth_context_options options = comparing(two, 2, 0);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;

    (void)state;
    context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
    assert_false(script.target_matters);
    assert_int_equal(script.asked_target, 0);
    troth_context_free(context);
    context = scripted_context(&script, TROTH_ACCEPTOR, &options);
    assert_true(script.target_matters);
    troth_context_free(context);
    script.context_status = TROTH_E_UNAVAILABLE;
    assert_int_equal(made_with(TROTH_ACCEPTOR, NULL, &options, &error), TROTH_E_UNAVAILABLE);
}

/* One handshake of an acceptor that compares, whose peer says this. */
static troth_status said(const char *target, uint32_t required, troth_target_result *result, troth_error *error)
{
    troth_context_options options = comparing(two, 2, required);
    troth_context *context = scripted_context(&script, TROTH_ACCEPTOR, &options);
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    const void *out;
    size_t length;
    troth_status status;

    script.target = target;
    status = troth_context_step(context, "in", 2, &out, &length, error);
    assert_int_equal(length > 0, status == TROTH_OK);
    *result = TROTH_TARGET_UNSET;
    if (status == TROTH_OK) {
        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        *result = info.target;
        assert_int_equal((info.properties & TROTH_TARGET_NAMED) != 0, info.target == TROTH_TARGET_MATCHED);
    } else {
        assert_int_equal(troth_context_step(context, "in", 2, &out, &length, NULL), status);
    }
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
    return status;
}

static void a_name_answers_whatever_its_case_and_without_a_realm(void **state)
{
    static const struct {
        const char *target;
        bool ours;
    } cases[] = {
        {"http/www.example.com", true},
        {"HTTP/WWW.Example.Com@ANY.REALM", true}, /* ours has none */
        {"db/db1.example.com", true},
        {"DB/DB1.example.com@example.com", true},
        {"db/db1.example.com@OTHER.COM", false},
        {"http/www.example.com:8080", false},
        {"http/www.example.com/x", false},
        {"http/www.example.co", false},
        {"http/www.example.comm", false},
        {"httpx/www.example.com", false},
        {"htt/www.example.com", false},
        {"http", false},
        {"http/", false},
        {"/", false},
        {"@", false},
        {"@EXAMPLE.COM", false},
        {"db/db1.example.com@", false},
        {"host/www.example.com@EXAMPLE.COM", false},
        {"http/www.example.com@X@Y", false},
        {"h\xc3\xb6st/www.example.com", false},
        {"http\n/www.example.com", false},
    };
    troth_error error = TROTH_ERROR_INIT;
    troth_target_result result;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const troth_status status = said(cases[i].target, 0, &result, &error);

        if (status != (cases[i].ours ? TROTH_OK : TROTH_E_WRONG_TARGET))
            fail_msg("%s: %s", cases[i].target, troth_status_name(status));
        assert_int_equal(result, cases[i].ours ? TROTH_TARGET_MATCHED : TROTH_TARGET_UNSET);
        if (!cases[i].ours)
            assert_null(strchr(error.text, '\n'));
    }
}

static void a_refusal_names_both(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_target_result result;

    (void)state;
    assert_int_equal(said("cifs/files.example.com", 0, &result, &error), TROTH_E_WRONG_TARGET);
    assert_text(error.text, "cifs/files.example.com");
    assert_text(error.text, "http@www.example.com (and 1 more)");
    assert_text(error.text, "Hint: ");
}

static void silence_is_taken_unless_a_word_is_required(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_target_result result;

    (void)state;
    assert_int_equal(said(NULL, 0, &result, &error), TROTH_OK);
    assert_int_equal(result, TROTH_TARGET_ABSENT);
    assert_int_equal(error.status, TROTH_OK);
    assert_int_equal(said(NULL, TROTH_TARGET_NAMED, &result, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "the initiator's own word for its target");
    assert_int_equal(said("http/www.example.com", TROTH_TARGET_NAMED, &result, &error), TROTH_OK);
    assert_int_equal(result, TROTH_TARGET_MATCHED);
    script.target_unverified = true;
    assert_int_equal(said("http/www.example.com", 0, &result, &error), TROTH_OK);
    assert_int_equal(result, TROTH_TARGET_UNVERIFIED);
    assert_int_equal(said("http/www.example.com", TROTH_TARGET_NAMED, &result, &error), TROTH_E_REQUIREMENT);
    assert_text(error.text, "does not trust");
}

/* A property is what was compared, whatever bits the native layer has. */
static void no_native_bit_stands_for_it(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_target_result result;

    (void)state;
    script.attributes.properties |= TROTH_TARGET_NAMED;
    assert_int_equal(said(NULL, TROTH_TARGET_NAMED, &result, &error), TROTH_E_REQUIREMENT);
}

/* Where nobody can tell any more, nothing is taken for granted. */
static void a_question_that_fails_ends_the_handshake(void **state)
{
    static const troth_status asked[] = {TROTH_E_FAILURE, TROTH_E_BAD_TOKEN, TROTH_E_MEMORY, TROTH_E_UNSUPPORTED};
    troth_error error = TROTH_ERROR_INIT;
    troth_target_result result;

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        script.target_status = asked[i];
        assert_int_equal(said("http/www.example.com", 0, &result, &error),
                         asked[i] == TROTH_E_UNSUPPORTED ? TROTH_E_FAILURE : asked[i]);
        assert_text(error.text, SCRIPTED_TEXT);
    }
}

static void each_allocation_that_fails_is_told(void **state)
{
    troth_context_options options = comparing(two, 2, 0);
    troth_error error = TROTH_ERROR_INIT;
    troth_status status = TROTH_E_MEMORY;
    int nth = 0;

    (void)state;
    while (status == TROTH_E_MEMORY) {
        troth_credential *credential = NULL;
        troth_context *context = NULL;

        assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, NULL, &credential, &error),
                         TROTH_OK);
        support_fail_allocation(++nth);
        status = troth_context_new(credential, &options, &context, &error);
        support_fail_allocation(0);
        troth_context_free(context);
        troth_credential_free(credential);
        assert_true(scripted_all_freed(&script));
    }
    assert_int_equal(status, TROTH_OK);
    assert_true(nth > 5); /* the context, the names, and their three parts */
}

static void an_acceptor_is_told_the_word_itself(void **state)
{
    troth_context *context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
    char room[32] = "before";
    size_t length = 9;
    int unverified = 7;

    (void)state;
    assert_int_equal(troth_context_peer_target(context, room, sizeof room, &length, &unverified, NULL),
                     TROTH_E_UNAVAILABLE);
    assert_int_equal(length, 0);
    assert_int_equal(unverified, 0);
    script.target = "http/host";
    assert_int_equal(troth_context_peer_target(context, room, 9, &length, NULL, NULL), TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, 10);
    assert_int_equal(troth_context_peer_target(context, room, 10, &length, NULL, NULL), TROTH_OK);
    assert_string_equal(room, "http/host");
    assert_int_equal(length, 9);
    script.target_unverified = true;
    assert_int_equal(troth_context_peer_target(context, room, 10, &length, NULL, NULL), TROTH_E_UNAVAILABLE);
    assert_int_equal(troth_context_peer_target(context, room, 10, &length, &unverified, NULL), TROTH_OK);
    assert_int_equal(unverified, 1);
    assert_int_equal(troth_context_peer_target(context, NULL, 10, &length, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_peer_target(NULL, room, 10, &length, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_peer_target(context, room, 10, NULL, NULL, NULL), TROTH_E_ARGUMENT);
    troth_context_free(context);
    context = scripted_complete(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_peer_target(context, room, 10, &length, NULL, NULL), TROTH_E_STATE);
    troth_context_free(context);
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

/* One AuthorizationData element of KERB_AUTH_DATA_CLIENT_TARGET (0x90) or AP_OPTIONS (0x8F), 4 bytes each. */
#define TARGET_AB "\x30\x0E\xA0\x04\x02\x02\x00\x90\xA1\x06\x04\x04\x41\x00\x42\x00"
#define TARGET_AC "\x30\x0E\xA0\x04\x02\x02\x00\x90\xA1\x06\x04\x04\x41\x00\x43\x00"
#define TARGET_EMPTY "\x30\x0A\xA0\x04\x02\x02\x00\x90\xA1\x02\x04\x00"
#define OPTIONS(second) "\x30\x0E\xA0\x04\x02\x02\x00\x8F\xA1\x06\x04\x04\x00" second "\x00\x00"
#define OTHER "\x30\x0C\xA0\x03\x02\x01\x07\xA1\x05\x04\x03\x41\x42\x43"
#define NEGATIVE "\x30\x0E\xA0\x03\x02\x01\x90\xA1\x07\x04\x05\x41\x00\x42\x00\x00"

static void what_is_said_is_read_and_what_is_not_said_is_not(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        troth_status status;
        const char *name;
        bool unverified;
    } cases[] = {
#define BYTES(text) text, sizeof text - 1
        {BYTES("\x30\x00"), TROTH_OK, NULL, false},
        {BYTES("\x30\x10" TARGET_AB), TROTH_OK, "AB", false},
        {BYTES("\x30\x20" TARGET_AB TARGET_AB), TROTH_OK, "AB", false},
        {BYTES("\x30\x20" TARGET_AB TARGET_AC), TROTH_E_BAD_TOKEN, "AB", false},
        {BYTES("\x30\x2E" OTHER TARGET_AB OPTIONS("\xC0")), TROTH_OK, "AB", true},
        {BYTES("\x30\x10" OPTIONS("\x40")), TROTH_OK, NULL, false},
        {BYTES("\x30\x10" OPTIONS("\x80")), TROTH_OK, NULL, true},
        {BYTES("\x30\x20" OPTIONS("\x80") OPTIONS("\x00")), TROTH_OK, NULL, true},
        {BYTES("\x30\x0C" TARGET_EMPTY), TROTH_OK, NULL, false},
        {BYTES("\x30\x10" NEGATIVE), TROTH_OK, NULL, false},
        {BYTES(""), TROTH_E_BAD_TOKEN, NULL, false},
        {BYTES("\x31\x10" TARGET_AB), TROTH_E_BAD_TOKEN, NULL, false},
        {BYTES("\x30\x11" TARGET_AB), TROTH_E_BAD_TOKEN, NULL, false},
        {BYTES("\x30\x10" TARGET_AB "\x00"), TROTH_E_BAD_TOKEN, NULL, false},
        {BYTES("\x30\x12" TARGET_AB "\x30\x00"), TROTH_E_BAD_TOKEN, "AB", false},
        {BYTES("\x30\x11" TARGET_AB "\x30"), TROTH_E_BAD_TOKEN, "AB", false},
        {BYTES("\x30\x0F\x30\x0D\xA0\x04\x02\x02\x00\x90\xA1\x05\x04\x03\x41\x00\x42"), TROTH_E_BAD_TOKEN, NULL, false},
        {BYTES("\x30\x10\x30\x0E\xA1\x04\x02\x02\x00\x90\xA0\x06\x04\x04\x41\x00\x42\x00"), TROTH_E_BAD_TOKEN, NULL,
         false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        /* Each in a block of its own, so that a sanitizer sees what is read beyond it. */
        uint8_t *bytes = malloc(cases[i].length + (cases[i].length == 0));
        struct troth__target_said told = {NULL, false};
        troth_error error = TROTH_ERROR_INIT;
        troth_status status;

        assert_non_null(bytes);
        memcpy(bytes, cases[i].bytes, cases[i].length);
        status = troth__target_read((troth__bytes){bytes, cases[i].length}, &told, &error);
        if (status != cases[i].status)
            fail_msg("case %zu: %s %s", i, troth_status_name(status), error.text);
        if (cases[i].name == NULL)
            assert_null(told.name);
        else
            assert_string_equal(told.name, cases[i].name);
        assert_int_equal(told.unverified, cases[i].unverified);
        troth__free(told.name);
        free(bytes);
    }
}

static void names_beyond_ascii_become_utf8(void **state)
{
    static const char every[] = "\x30\x1A\x30\x18\xA0\x04\x02\x02\x00\x90\xA1\x10\x04\x0E"
                                "\x7F\x00\x80\x00\xFF\x07\x00\x08\xFF\xFF\xFF\xDB\xFF\xDF";
    struct troth__target_said told = {NULL, false};
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    assert_int_equal(troth__target_read((troth__bytes){(const uint8_t *)every, sizeof every - 1}, &told, &error),
                     TROTH_OK);
    assert_string_equal(told.name, "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF4\x8F\xBF\xBF");
    troth__free(told.name);
}

#define CASE(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(only_an_acceptor_compares_and_only_with_names),
        CASE(the_backend_is_told_beforehand_that_it_matters),
        CASE(a_name_answers_whatever_its_case_and_without_a_realm),
        CASE(a_refusal_names_both),
        CASE(silence_is_taken_unless_a_word_is_required),
        CASE(no_native_bit_stands_for_it),
        CASE(a_question_that_fails_ends_the_handshake),
        CASE(an_acceptor_is_told_the_word_itself),
        CASE(what_is_said_is_read_and_what_is_not_said_is_not),
        CASE(names_beyond_ascii_become_utf8),
#if defined(TROTH_TEST_WRAP)
        CASE(each_allocation_that_fails_is_told),
#else
        support_allocation_test(each_allocation_that_fails_is_told),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
