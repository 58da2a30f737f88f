/*
 * test_target.c - what an acceptor knows of the name that it was asked for: the ticket's, which anybody can change, and
 * the initiator's own word, which nobody can. The initiator is libkrb5 with what Windows adds to its authenticator.
 */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <krb5.h>

#include "both.h"
#include "forge.h"
#include "realm.h"
#include "troth/peer.h"

#define HOST "server.troth.test"
#define REALM "TROTH.TEST"

/* [MS-KILE] */
#define CLIENT_TARGET 144
#define AP_OPTIONS 143

static krb5_context krb5;
static krb5_creds alice; /* her ticket for the realm's service */
static const troth_mechanism mechanisms[] = {TROTH_MECHANISM_KERBEROS, TROTH_MECHANISM_NEGOTIATE};

/* ---- the initiator -------------------------------------------------------------------------------------------- */

/* A ticket of alice's from the KDC. */
static void ask_ticket(const char *service, krb5_creds *creds)
{
    krb5_ccache ccache = NULL;
    krb5_creds wanted = {0};
    krb5_creds *found = NULL;

    assert_int_equal(krb5_cc_default(krb5, &ccache), 0);
    assert_int_equal(krb5_cc_get_principal(krb5, ccache, &wanted.client), 0);
    assert_int_equal(krb5_parse_name(krb5, service, &wanted.server), 0);
    assert_int_equal(krb5_get_credentials(krb5, 0, ccache, &wanted, &found), 0);
    *creds = *found;
    free(found);
    krb5_free_cred_contents(krb5, &wanted);
    krb5_cc_close(krb5, ccache);
}

/* ASCII to UTF-16, little-endian, as Windows writes it: without a NUL. */
static size_t widen(const char *text, uint8_t wide[512])
{
    const size_t length = strlen(text);

    assert_true(2 * length <= 512);
    for (size_t i = 0; i < length; i++) {
        wide[2 * i] = (uint8_t)text[i];
        wide[2 * i + 1] = 0;
    }
    return 2 * length;
}

enum place { NOWHERE, RELEVANT, BARE, TICKET };

/* What an initiator says of its target, and how. */
struct word {
    const char *target; /* ASCII */
    enum place place;
    const char *second; /* another target beside it */
    const char *raw;    /* these bytes instead */
    size_t raw_length;
    const uint8_t *options; /* 4 bytes of AP_OPTIONS; NULL: none */
};

static krb5_authdata **authority_of(const struct word *word)
{
    struct forge_datum data[3];
    uint8_t wide[512], second[512];
    krb5_authdata **list = NULL;
    size_t count = 0;

    if (word->options != NULL) {
        data[count++] = (struct forge_datum){AP_OPTIONS, word->options, 4};
    }
    if (word->raw != NULL) {
        data[count++] = (struct forge_datum){CLIENT_TARGET, word->raw, word->raw_length};
    } else if (word->target != NULL) {
        data[count++] = (struct forge_datum){CLIENT_TARGET, wide, widen(word->target, wide)};
    }
    if (word->second != NULL) {
        data[count++] = (struct forge_datum){CLIENT_TARGET, second, widen(word->second, second)};
    }
    if (word->place == BARE) {
        krb5_authdata bare = {0};
        krb5_authdata *bares[] = {&bare, NULL};

        bare.ad_type = CLIENT_TARGET;
        bare.contents = wide;
        bare.length = (unsigned)data[0].length;
        assert_int_equal(krb5_copy_authdata(krb5, bares, &list), 0);
    } else if (word->place != NOWHERE) {
        forge_relevant(krb5, data, count, &list);
    }
    return list;
}

static size_t token_saying(const struct word *word, bool spnego, uint8_t token[FORGE_TOKEN_MOST])
{
    krb5_authdata **list = authority_of(word);
    size_t length;

    if (word->place == TICKET) {
        const struct forge_wanted wanted = {FORGE_TEXT("alice"), FORGE_TEXT(REALM), BOTH_SERVICE, NULL, list};
        krb5_creds forged;

        forge_ticket(krb5, &wanted, &forged);
        length = forge_token(krb5, &forged, NULL, spnego, token);
        krb5_free_cred_contents(krb5, &forged);
    } else {
        length = forge_token(krb5, &alice, list, spnego, token);
    }
    krb5_free_authdata(krb5, list);
    return length;
}

/* ---- the acceptor --------------------------------------------------------------------------------------------- */

static struct {
    troth_credential *credential;
    troth_context *context;
    troth_error error;
} acceptor;

/* own: the credential's name; NULL: none. Returns what its one step came to. */
static troth_status accept_token(troth_mechanism mechanism, const troth_name *own, const char *keytab,
                                 const troth_context_options *options, const uint8_t *token, size_t length)
{
    troth_credential_options credential_options = TROTH_CREDENTIAL_OPTIONS_INIT;
    const void *out = NULL;
    size_t out_length = 0;
    troth_status status;

    acceptor.error = (troth_error)TROTH_ERROR_INIT;
    credential_options.mechanism = mechanism;
    credential_options.keytab = keytab;
    if (own != NULL) {
        credential_options.name = *own;
    }
    status = troth_credential_acquire(TROTH_ACCEPTOR, &credential_options, &acceptor.credential, &acceptor.error);
    if (status == TROTH_OK) {
        status = troth_context_new(acceptor.credential, options, &acceptor.context, &acceptor.error);
    }
    if (status != TROTH_OK) {
        fail_msg("%s", acceptor.error.text);
    }
    status = troth_context_step(acceptor.context, token, length, &out, &out_length, &acceptor.error);
    /* A success is said to the peer, a refusal never looks like one. */
    assert_true(status == TROTH_OK || out_length == 0);
    return status;
}

static void acceptor_free(void)
{
    troth_context_free(acceptor.context);
    troth_credential_free(acceptor.credential);
    memset(&acceptor, 0, sizeof acceptor);
}

static void expect(const char *what, troth_status status, troth_status expected, troth_target_result result)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;

    if (status != expected) {
        fail_msg("%s: %s instead of %s: %s", what, troth_status_name(status), troth_status_name(expected),
                 acceptor.error.text);
    }
    if (expected == TROTH_OK) {
        assert_int_equal(troth_context_info_get(acceptor.context, &info, NULL), TROTH_OK);
        if (info.target != result) {
            fail_msg("%s: the result is %d instead of %d", what, (int)info.target, (int)result);
        }
        assert_int_equal((info.properties & TROTH_TARGET_NAMED) != 0, result == TROTH_TARGET_MATCHED);
    }
}

/* ---- the tests ------------------------------------------------------------------------------------------------ */

static int setup(void **state)
{
    (void)state;
    assert_int_equal(krb5_init_context(&krb5), 0);
    ask_ticket(BOTH_SERVICE, &alice);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    acceptor_free();
    krb5_free_cred_contents(krb5, &alice);
    krb5_free_context(krb5);
    return 0;
}

static const uint8_t unverified[] = {0x00, 0xC0, 0, 0}, verified[] = {0x00, 0x40, 0, 0};

/* What comes of a word where accepted targets are given, and where one is required. */
static const struct {
    struct word word;
    troth_status given, required;
    troth_target_result result;
} words[] = {
    {{NULL, NOWHERE, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_E_REQUIREMENT, TROTH_TARGET_ABSENT},
    {{"troth/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_OK, TROTH_TARGET_MATCHED},
    {{"troth/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, verified}, TROTH_OK, TROTH_OK, TROTH_TARGET_MATCHED},
    {{"troth/" HOST, RELEVANT, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_OK, TROTH_TARGET_MATCHED},
    {{"TROTH/Server.Troth.Test@troth.test", RELEVANT, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_OK, TROTH_TARGET_MATCHED},
    {{"alias/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_OK, TROTH_TARGET_MATCHED},
    {{"alias/" HOST "@OTHER", RELEVANT, NULL, NULL, 0, NULL},
     TROTH_E_WRONG_TARGET,
     TROTH_E_WRONG_TARGET,
     TROTH_TARGET_UNSET},
    {{"host/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, NULL},
     TROTH_E_WRONG_TARGET,
     TROTH_E_WRONG_TARGET,
     TROTH_TARGET_UNSET},
    {{"troth/other.troth.test@" REALM, RELEVANT, NULL, NULL, 0, NULL},
     TROTH_E_WRONG_TARGET,
     TROTH_E_WRONG_TARGET,
     TROTH_TARGET_UNSET},
    {{"troth/" HOST "/more", RELEVANT, NULL, NULL, 0, NULL},
     TROTH_E_WRONG_TARGET,
     TROTH_E_WRONG_TARGET,
     TROTH_TARGET_UNSET},
    {{"troth/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, unverified},
     TROTH_OK,
     TROTH_E_REQUIREMENT,
     TROTH_TARGET_UNVERIFIED},
    {{"host/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, unverified},
     TROTH_E_WRONG_TARGET,
     TROTH_E_REQUIREMENT,
     TROTH_TARGET_UNSET},
    {{"troth/" HOST "@" REALM, RELEVANT, "troth/" HOST "@" REALM, NULL, 0, NULL},
     TROTH_OK,
     TROTH_OK,
     TROTH_TARGET_MATCHED},
    {{"troth/" HOST "@" REALM, RELEVANT, "host/" HOST "@" REALM, NULL, 0, NULL},
     TROTH_E_BAD_TOKEN,
     TROTH_E_BAD_TOKEN,
     TROTH_TARGET_UNSET},
    {{NULL, RELEVANT, NULL, "", 0, NULL}, TROTH_OK, TROTH_E_REQUIREMENT, TROTH_TARGET_ABSENT},
    {{NULL, RELEVANT, NULL, "t\0r", 3, NULL}, TROTH_E_BAD_TOKEN, TROTH_E_BAD_TOKEN, TROTH_TARGET_UNSET},
    {{NULL, RELEVANT, NULL, "t\0\0\0", 4, NULL}, TROTH_E_BAD_TOKEN, TROTH_E_BAD_TOKEN, TROTH_TARGET_UNSET},
    {{NULL, RELEVANT, NULL, "\x00\xd8", 2, NULL}, TROTH_E_BAD_TOKEN, TROTH_E_BAD_TOKEN, TROTH_TARGET_UNSET},
    /* Critical, and unknown to MIT's acceptor, which takes it: nothing that Windows sends. */
    {{"troth/" HOST "@" REALM, BARE, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_E_REQUIREMENT, TROTH_TARGET_ABSENT},
    /* The KDC's word, or the initiator's to the KDC: sealed with the ticket. */
    {{"troth/" HOST "@" REALM, TICKET, NULL, NULL, 0, NULL}, TROTH_OK, TROTH_OK, TROTH_TARGET_MATCHED},
    {{"host/" HOST "@" REALM, TICKET, NULL, NULL, 0, NULL},
     TROTH_E_WRONG_TARGET,
     TROTH_E_WRONG_TARGET,
     TROTH_TARGET_UNSET},
};

static void the_initiators_word_decides(void **state)
{
    static const troth_name names[] = {{"troth", HOST, NULL}, {NULL, NULL, "Alias/" HOST "@" REALM}};
    static uint8_t token[FORGE_TOKEN_MOST];

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (unsigned way = 0; way < 6; way++) {
            troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
            const bool compared = way / 2 > 0, required = way / 2 > 1;
            const size_t length = token_saying(&words[i].word, way % 2 != 0, token);
            const troth_status expected = required ? words[i].required : compared ? words[i].given : TROTH_OK;
            char what[128];

            snprintf(what, sizeof what, "word %zu, way %u", i, way);
            options.accepted_targets = compared ? names : NULL;
            options.accepted_target_count = compared ? 2 : 0;
            options.required = required ? TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_TARGET_NAMED : 0;
            expect(what, accept_token(mechanisms[way % 2], NULL, NULL, &options, token, length), expected,
                   compared ? words[i].result : TROTH_TARGET_UNSET);
            acceptor_free();
        }
    }
}

static void the_initiators_word_is_told(void **state)
{
    static uint8_t token[FORGE_TOKEN_MOST];
    static const struct word said = {"troth/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, NULL};
    static const struct word doubtful = {"troth/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, unverified};
    static const struct word silent = {NULL, NOWHERE, NULL, NULL, 0, NULL};
    static const struct word beyond = {NULL, RELEVANT, NULL, "\xfc\x00/\x00\x3d\xd8\x00\xde\xe5\x65", 10, NULL};
    const struct {
        const struct word *word;
        const char *name;
        int unverified;
    } cases[] = {{&said, said.target, 0},
                 {&doubtful, doubtful.target, 1},
                 {&silent, NULL, 0},
                 {&beyond, "\xc3\xbc/\xf0\x9f\x98\x80\xe6\x97\xa5", 0}};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const size_t length = token_saying(cases[i / 2].word, i % 2 != 0, token);
        char name[64] = "";
        size_t name_length = 0;
        int doubt = 7;

        assert_int_equal(accept_token(mechanisms[i % 2], NULL, NULL, NULL, token, length), TROTH_OK);
        assert_int_equal(troth_context_peer_target(acceptor.context, name, sizeof name, &name_length, &doubt, NULL),
                         cases[i / 2].name != NULL ? TROTH_OK : TROTH_E_UNAVAILABLE);
        assert_string_equal(name, cases[i / 2].name != NULL ? cases[i / 2].name : "");
        assert_int_equal(doubt, cases[i / 2].unverified);
        assert_int_equal(troth_context_peer_target(acceptor.context, name, sizeof name, &name_length, NULL, NULL),
                         cases[i / 2].name != NULL && doubt == 0 ? TROTH_OK : TROTH_E_UNAVAILABLE);
        acceptor_free();
    }
}

/* ---- several names on one key --------------------------------------------------------------------------------- */

/* Two services of one account, as in Active Directory: the salt knows the realm alone. Returns their keytab. */
static const char *two_names_on_one_key(void)
{
    static char keytab[512];
    static const char *const names[] = {"first/" HOST, "other/" HOST};

    snprintf(keytab, sizeof keytab, "FILE:%s", realm_path("one-key.keytab"));
    for (size_t i = 0; i < 2; i++) {
        char query[700];

        snprintf(query, sizeof query, "addprinc -pw \"one key\" -e aes256-cts-hmac-sha1-96:onlyrealm %s", names[i]);
        realm_kadmin(query);
        snprintf(query, sizeof query, "ktadd -norandkey -k %s %s", keytab, names[i]);
        realm_kadmin(query);
    }
    return keytab;
}

/* What a relay does: the name in the clear becomes another one. */
static void change_ticket_name(uint8_t *token, size_t length, const char *from, const char *to)
{
    size_t changed = 0;

    for (size_t at = 0; at + strlen(from) <= length; at++) {
        if (memcmp(token + at, from, strlen(from)) == 0) {
            memcpy(token + at, to, strlen(to));
            changed++;
        }
    }
    assert_int_equal(changed, 1);
}

static void a_relayed_ticket_is_refused_by_the_initiators_word_alone(void **state)
{
    static uint8_t token[FORGE_TOKEN_MOST];
    static const troth_name other = {"other", HOST, NULL};
    static const struct word to_first = {"first/" HOST "@" REALM, RELEVANT, NULL, NULL, 0, NULL};
    static const struct word nothing = {NULL, NOWHERE, NULL, NULL, 0, NULL};
    const char *keytab = two_names_on_one_key();
    const char *name = NULL;
    size_t length;

    (void)state;
    krb5_free_cred_contents(krb5, &alice);
    ask_ticket("first/" HOST "@" REALM, &alice);
    for (size_t i = 0; i < 2; i++) {
        troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

        /* The credential's name refuses nothing: the key is the same, and that is all that a ticket proves. */
        length = token_saying(&to_first, i % 2 != 0, token);
        assert_int_equal(accept_token(mechanisms[i], &other, keytab, NULL, token, length), TROTH_OK);
        acceptor_free();
        /* And the name in the ticket says what a relay wants it to say. */
        length = token_saying(&to_first, i % 2 != 0, token);
        change_ticket_name(token, length, "first", "other");
        assert_int_equal(accept_token(mechanisms[i], &other, keytab, NULL, token, length), TROTH_OK);
        assert_int_equal(troth_context_target_name(acceptor.context, &name, NULL), TROTH_OK);
        assert_string_equal(name, "other/" HOST "@" REALM);
        acceptor_free();
        /* The credential's name is the one that is compared where none is given. */
        options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_TARGET_NAMED;
        for (unsigned changed = 0; changed < 2; changed++) {
            length = token_saying(&to_first, i % 2 != 0, token);
            if (changed != 0) {
                change_ticket_name(token, length, "first", "other");
            }
            expect("relayed", accept_token(mechanisms[i], &other, keytab, &options, token, length),
                   TROTH_E_WRONG_TARGET, TROTH_TARGET_UNSET);
            assert_non_null(strstr(acceptor.error.text, "first/" HOST "@" REALM ", and this acceptor is other@" HOST));
            acceptor_free();
        }
        length = token_saying(&nothing, i % 2 != 0, token);
        change_ticket_name(token, length, "first", "other");
        expect("relayed and silent", accept_token(mechanisms[i], &other, keytab, &options, token, length),
               TROTH_E_REQUIREMENT, TROTH_TARGET_UNSET);
        acceptor_free();
    }
}

/* The library's own initiators over MIT say nothing: who requires it knows with whom he speaks. */
static void mits_initiators_say_nothing(void **state)
{
    struct both both;
    char name[64];
    size_t length = 0;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        both_complete(&both, mechanisms[i], realm_env("TROTH_REALM_CCACHE"), NULL, NULL);
        assert_int_equal(troth_context_peer_target(both.acceptor, name, sizeof name, &length, NULL, NULL),
                         TROTH_E_UNAVAILABLE);
        both_free(&both);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_initiators_word_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(the_initiators_word_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_relayed_ticket_is_refused_by_the_initiators_word_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(mits_initiators_say_nothing, setup, teardown),
    };

    return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
