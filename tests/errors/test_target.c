/* test_target.c - errors of an acceptor that compares whom its peer was told to authenticate. */
#include "errors.h"

#include <krb5.h>
#include <string.h>

#include "forge.h"

#define CASE(test) cmocka_unit_test_setup_teardown(test, fresh_surroundings, end_processes)

/* Bytes of UTF-16, little-endian, without a NUL. */
static const char elsewhere[] = "c\0i\0f\0s\0/\0f\0i\0l\0e\0s\0.\0t\0r\0o\0t\0h\0.\0t\0e\0s\0t";
static const uint8_t unverified[] = {0x00, 0x80, 0, 0};

#define CLIENT_TARGET 144 /* [MS-KILE] */
#define AP_OPTIONS 143

/* What Windows' initiator sends with these. */
static void say(const struct forge_datum *data, size_t count, struct token *token)
{
    static uint8_t bytes[FORGE_TOKEN_MOST];
    const struct forge_wanted wanted = {
        FORGE_TEXT("alice"), FORGE_TEXT(REALM), "troth/" HOST "@" REALM, NULL, NULL,
    };
    krb5_authdata **list = NULL;
    krb5_context krb5 = NULL;
    krb5_creds creds;

    assert_int_equal(krb5_init_context(&krb5), 0);
    if (count > 0) {
        forge_relevant(krb5, data, count, &list);
    }
    forge_ticket(krb5, &wanted, &creds);
    token->length = forge_token(krb5, &creds, list, true, bytes);
    memcpy(token->bytes, bytes, token->length);
    krb5_free_cred_contents(krb5, &creds);
    krb5_free_authdata(krb5, list);
    krb5_free_context(krb5);
}

static troth_error refused(const struct token *token, uint32_t required)
{
    static const troth_name names[] = {{"troth", HOST, NULL}, {"http", HOST, NULL}};
    static struct token answer;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = server(TROTH_MECHANISM_NEGOTIATE);
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    options.accepted_targets = names;
    options.accepted_target_count = 2;
    options.required = required;
    assert_int_equal(troth_context_new(credential, &options, &context, NULL), TROTH_OK);
    troth_credential_free(credential);
    assert_int_not_equal(step(context, token, &answer, &error), TROTH_OK);
    troth_context_free(context);
    return error;
}

static void an_initiator_that_was_told_another_name_is_refused(void **state)
{
    static const struct forge_datum other = {CLIENT_TARGET, elsewhere, sizeof elsewhere};
    static struct token token;
    troth_error error;

    (void)state;
    say(&other, 1, &token);
    error = refused(&token, 0);
    check_error("another target", &error, TROTH_E_WRONG_TARGET, false, "cifs/files.troth.test",
                "troth@" HOST " (and 1 more)", "Hint: either somebody relays", NULL);
}

static void an_initiator_that_names_no_target_is_refused_where_one_is_required(void **state)
{
    static const struct forge_datum doubtful[] = {{AP_OPTIONS, unverified, sizeof unverified},
                                                  {CLIENT_TARGET, elsewhere, sizeof elsewhere}};
    static struct token token;
    troth_error error;

    (void)state;
    say(NULL, 0, &token);
    error = refused(&token, TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_TARGET_NAMED);
    check_error("no target", &error, TROTH_E_REQUIREMENT, false, "required and missing: the initiator's own word",
                "Hint: initiators on Windows", NULL);
    say(doubtful, 2, &token);
    error = refused(&token, TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_TARGET_NAMED);
    check_error("an unverified target", &error, TROTH_E_REQUIREMENT, false, "a source that it does not trust", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_initiator_that_was_told_another_name_is_refused),
        CASE(an_initiator_that_names_no_target_is_refused_where_one_is_required),
    };

    if (no_own_realm())
        return 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
