/* test_credential.c - shows which configurations are credentials, who keeps one alive, and that threads may share it.
 */
#include "support.h"

#include "scripted_backend.h"

static const struct scripted_step done[] = {{TROTH_OK, NULL, 0}};

#define OPTIONS .size = sizeof(troth_credential_options)

static void configurations_that_cannot_be_are_refused_before_anything_native(void **state)
{
    static const struct {
        troth_role role;
        troth_credential_options options;
        troth_status status;
    } cases[] = {
        {TROTH_ROLE_UNSET, {OPTIONS}, TROTH_E_ARGUMENT},
        {(troth_role)3, {OPTIONS}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {.size = sizeof(troth_credential_options) - 1}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .mechanism = (troth_mechanism)9}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .ccache = "FILE:x"}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .name = {.principal = "p"}, .password = "secret"}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .keytab = ""}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .ccache = ""}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .keytab = "k", .ccache = "c"}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .name = {.principal = "p"}, .keytab = "k", .password = "secret"}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .password = "secret"}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .ccache_data = "c", .ccache_length = 1}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .keytab_data = "k"}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .keytab_length = 1}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .ccache_data = "c"}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .ccache_length = 1}, TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR, {OPTIONS, .keytab_data = "k", .keytab_length = TROTH_CREDENTIAL_DATA_MOST + 1}, TROTH_E_LIMIT},
        {TROTH_INITIATOR, {OPTIONS, .ccache_data = "c", .ccache_length = SIZE_MAX}, TROTH_E_LIMIT},
        {TROTH_ACCEPTOR, {OPTIONS, .keytab = "k", .keytab_data = "k", .keytab_length = 1}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .ccache = "c", .ccache_data = "c", .ccache_length = 1}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {OPTIONS, .keytab_data = "k", .keytab_length = 1, .ccache_data = "c", .ccache_length = 1},
         TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {OPTIONS, .name = {.principal = "p"}, .password = "secret", .keytab_data = "k", .keytab_length = 1},
         TROTH_E_ARGUMENT},
        {TROTH_ACCEPTOR,
         {OPTIONS, .mechanism = TROTH_MECHANISM_NTLM, .keytab_data = "k", .keytab_length = 1},
         TROTH_E_ARGUMENT},
        {TROTH_INITIATOR,
         {OPTIONS, .mechanism = TROTH_MECHANISM_NTLM, .ccache_data = "c", .ccache_length = 1},
         TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .name = {.principal = "p"}, .password = ""}, TROTH_E_ARGUMENT},
        {TROTH_INITIATOR, {OPTIONS, .name = {.principal = ""}}, TROTH_E_NAME},
        {TROTH_ACCEPTOR, {OPTIONS, .name = {.service = "http"}}, TROTH_E_NAME},
        {TROTH_ACCEPTOR, {OPTIONS, .name = {.service = "http", .host = "10.0.0.1"}}, TROTH_E_NAME},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scripted script;
        troth_credential *credential = (troth_credential *)&script;
        troth_error error = TROTH_ERROR_INIT;

        scripted_init(&script, done, 1);
        script.acquire_status = TROTH_E_FAILURE; /* would be seen if it were asked */
        assert_int_equal(
            troth__credential_acquire(&script.backend, cases[i].role, &cases[i].options, &credential, &error),
            cases[i].status);
        assert_null(credential);
        assert_int_equal(error.status, cases[i].status);
        assert_true(strlen(error.text) > 0);
        assert_null(strstr(error.text, "secret"));
    }
}

static void a_native_failure_is_told_with_the_name_and_a_hint(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;

    (void)state;
    scripted_init(&script, done, 1);
    script.acquire_status = TROTH_E_DENIED;
    options.name.principal = "alice@EXAMPLE.COM";
    options.password = "secret";
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, &options, &credential, &error),
                     TROTH_E_DENIED);
    assert_null(credential);
    assert_true(script.was_secret);
    assert_text(error.text, "alice@EXAMPLE.COM (Negotiate): " SCRIPTED_TEXT);
    assert_text(error.text, " Hint: ");
    assert_null(strstr(error.text, "secret"));
    assert_int_equal(error.native_minor, SCRIPTED_MINOR);
    assert_true(scripted_all_freed(&script));
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, &options, NULL, NULL),
                     TROTH_E_ARGUMENT);
}

/* What the backend was given, and the configuration that it was given in. */
static struct {
    const struct troth__credential_config *config;
    troth__bytes keytab, ccache;
} taken;

static troth_status take_bytes(const troth__backend *self, const struct troth__credential_config *config,
                               void **credential, troth_error *error)
{
    (void)self;
    (void)error;
    taken.config = config;
    taken.keytab = config->keytab_data;
    taken.ccache = config->ccache_data;
    *credential = NULL;
    return TROTH_OK;
}

static void bytes_go_to_the_backend_as_they_are_and_are_not_kept(void **state)
{
    static const char bytes[] = {5, 2, 0, 1};
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential *credential = NULL;
    struct scripted script;

    (void)state;
    for (int ccache = 0; ccache < 2; ccache++) {
        scripted_init(&script, done, 1);
        script.backend.credential_acquire = take_bytes;
        options.keytab_data = ccache ? NULL : bytes;
        options.keytab_length = ccache ? 0 : sizeof bytes;
        options.ccache_data = ccache ? bytes : NULL;
        options.ccache_length = ccache ? sizeof bytes : 0;
        assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, &options, &credential, NULL),
                         TROTH_OK);
        assert_ptr_equal(ccache ? taken.ccache.data : taken.keytab.data, bytes);
        assert_int_equal(ccache ? taken.ccache.length : taken.keytab.length, sizeof bytes);
        assert_int_equal(ccache ? taken.keytab.length : taken.ccache.length, 0);
        assert_null(taken.config->keytab_data.data);
        assert_null(taken.config->ccache_data.data);
        assert_int_equal(taken.config->keytab_data.length + taken.config->ccache_data.length, 0);
        troth_credential_free(credential);
    }
}

static void a_context_keeps_its_credential(void **state)
{
    troth_credential *credential = NULL;
    troth_context *contexts[2] = {NULL, NULL};
    struct scripted script;

    (void)state;
    troth_credential_free(NULL);
    scripted_init(&script, done, 1);
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, NULL, &credential, NULL), TROTH_OK);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(troth_context_new(credential, NULL, &contexts[i], NULL), TROTH_OK);
    troth_credential_free(credential);
    assert_int_equal(script.credentials, 1);
    troth_context_free(contexts[0]);
    assert_int_equal(script.credentials, 1);
    troth_context_free(contexts[1]);
    assert_true(scripted_all_freed(&script));
}

static void each_allocation_of_a_new_credential_may_fail(void **state)
{
    troth_status status = TROTH_E_MEMORY;
    int nth = 0;

    (void)state;
    while (status == TROTH_E_MEMORY) {
        troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
        troth_credential *credential = NULL;
        struct scripted script;

        scripted_init(&script, done, 1);
        options.name.principal = "alice@EXAMPLE.COM";
        options.password = "secret";
        support_fail_allocation(++nth);
        status = troth__credential_acquire(&script.backend, TROTH_INITIATOR, &options, &credential, NULL);
        support_fail_allocation(0);
        assert_true((credential != NULL) == (status == TROTH_OK));
        troth_credential_free(credential);
        assert_true(scripted_all_freed(&script));
    }
    assert_int_equal(status, TROTH_OK);
    assert_int_equal(nth, 5); /* the credential, its lock, the principal, the password; then it is whole */
}

/* Holds and lets go, as contexts in threads of their own do. */
struct holder {
    troth_credential *credential;
    bool good;
};

static void hold_and_let_go(void *argument)
{
    struct holder *holder = argument;

    holder->good = true;
    for (int i = 0; i < 3000 && holder->good; i++) {
        troth_context *context = NULL;

        holder->good = troth_context_new(holder->credential, NULL, &context, NULL) == TROTH_OK;
        troth_context_free(context);
    }
}

/* Native contexts that need no counter, so that the only thing shared is the credential. */
static troth_status context_new_uncounted(void *credential, const struct troth__context_config *config, void **context,
                                          troth_error *error)
{
    (void)config;
    (void)error;
    *context = credential;
    return TROTH_OK;
}

static void context_free_uncounted(void *context)
{
    (void)context;
}

static void threads_may_share_a_credential(void **state)
{
    struct scripted script;
    struct holder holders[3];
    struct support_thread *threads[3];
    troth_credential *credential = NULL;

    (void)state;
    scripted_init(&script, done, 1);
    script.backend.context_new = context_new_uncounted;
    script.backend.context_free = context_free_uncounted;
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, NULL, &credential, NULL), TROTH_OK);
    for (size_t i = 0; i < 3; i++) {
        holders[i].credential = credential;
        threads[i] = support_thread_start(hold_and_let_go, &holders[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        support_thread_join(threads[i]);
        assert_true(holders[i].good);
    }
    assert_int_equal(script.credentials, 1);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(configurations_that_cannot_be_are_refused_before_anything_native),
        cmocka_unit_test(a_native_failure_is_told_with_the_name_and_a_hint),
        cmocka_unit_test(bytes_go_to_the_backend_as_they_are_and_are_not_kept),
        cmocka_unit_test(a_context_keeps_its_credential),
        support_allocation_test(each_allocation_of_a_new_credential_may_fail),
        cmocka_unit_test(threads_may_share_a_credential),
    };

    return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
