/* test_delegation.c - what may be delegated, kept, stored and impersonated when, and that a lost thread is told of. */
#include "troth/delegation.h"
#include "troth/session.h"

#include "support.h"

#include "scripted_backend.h"

static const struct scripted_step one_step[] = {{TROTH_OK, "\x60\x0d", 2}};

static struct scripted script;

static troth_context *complete_context(troth_role role, const troth_context_options *options)
{
    scripted_init(&script, one_step, 1);
    return scripted_complete(&script, role, options);
}

static troth_status refused(troth_role role, const troth_context_options *given, const char *part)
{
    troth_context_options options = *given;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;

    scripted_init(&script, one_step, 1);
    assert_int_equal(troth__credential_acquire(&script.backend, role, NULL, &credential, NULL), TROTH_OK);
    if (role == TROTH_INITIATOR)
        options.target = (troth_name){.service = "scripted", .host = "host"};
    status = troth_context_new(credential, &options, &context, &error);
    assert_null(context);
    assert_text(error.text, part);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
    return status;
}

static void what_cannot_be_delegated_is_an_argument_error(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    (void)state;
    options.delegate = TROTH_DELEGATE_ALWAYS;
    assert_int_equal(refused(TROTH_ACCEPTOR, &options, "only an initiator delegates"), TROTH_E_ARGUMENT);
    options.forbidden = TROTH_DELEGATED;
    assert_int_equal(refused(TROTH_INITIATOR, &options, "forbidden"), TROTH_E_ARGUMENT);
    options.forbidden = 0;
    options.requested = TROTH_DEFAULT_REQUESTED | TROTH_IDENTIFY;
    assert_int_equal(refused(TROTH_INITIATOR, &options, "identification"), TROTH_E_ARGUMENT);
    options.requested = options.required = TROTH_INTEGRITY;
    assert_int_equal(refused(TROTH_INITIATOR, &options, "without mutual"), TROTH_E_ARGUMENT);
    options.requested = options.required = 0;
    options.delegate = (troth_delegate)3;
    assert_int_equal(refused(TROTH_INITIATOR, &options, "unknown way"), TROTH_E_ARGUMENT);
    options.delegate = TROTH_DELEGATE_NEVER;
    options.flags = TROTH_KEEP_DELEGATED;
    assert_int_equal(refused(TROTH_INITIATOR, &options, "only an acceptor keeps"), TROTH_E_ARGUMENT);
}

static void only_delegation_always_is_asked_for_as_a_property(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    (void)state;
    for (int way = TROTH_DELEGATE_NEVER; way <= TROTH_DELEGATE_ALWAYS; way++) {
        options.delegate = (troth_delegate)way;
        troth_context_free(complete_context(TROTH_INITIATOR, &options));
        assert_int_equal((script.requested & TROTH_DELEGATED) != 0, way == TROTH_DELEGATE_ALWAYS);
        assert_int_equal(script.delegate, way);
        assert_int_equal(script.required & TROTH_DELEGATED, 0);
    }
}

static void policy_alone_decides_also_where_delegation_is_required(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;

    (void)state;
    options.required = TROTH_DEFAULT_REQUIRED_INITIATOR | TROTH_DELEGATED;
    options.delegate = TROTH_DELEGATE_BY_POLICY;
    scripted_init(&script, one_step, 1);
    troth_context_free(scripted_context(&script, TROTH_INITIATOR, &options));
    assert_int_equal(script.requested & TROTH_DELEGATED, 0);
    assert_int_equal(script.required & TROTH_DELEGATED, TROTH_DELEGATED);
}

static void a_delegated_credential_is_an_acceptors_that_kept_it(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context;

    (void)state;
    context = complete_context(TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_delegated_credential(context, &credential, NULL), TROTH_E_STATE);
    troth_context_free(context);
    context = complete_context(TROTH_ACCEPTOR, NULL);
    assert_int_equal(troth_context_delegated_credential(context, &credential, NULL), TROTH_E_STATE);
    troth_context_free(context);
    options.flags = TROTH_KEEP_DELEGATED;
    context = complete_context(TROTH_ACCEPTOR, &options);
    assert_int_equal(troth_context_delegated_credential(context, NULL, NULL), TROTH_E_ARGUMENT);
    script.delegation_status = TROTH_E_UNAVAILABLE;
    assert_int_equal(troth_context_delegated_credential(context, &credential, NULL), TROTH_E_UNAVAILABLE);
    assert_null(credential);
    script.delegation_status = TROTH_OK;
    assert_int_equal(troth_context_delegated_credential(context, &credential, NULL), TROTH_OK);
    troth_context_free(context);
    assert_int_equal(script.credentials, 1);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
}

static troth_status acquired(troth_role role, const troth_credential_options *options, const char *part)
{
    troth_credential *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;
    troth_status status;

    scripted_init(&script, one_step, 1);
    status = troth__credential_acquire(&script.backend, role, options, &credential, &error);
    assert_int_equal(status == TROTH_OK, credential != NULL);
    if (part != NULL)
        assert_text(error.text, part);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
    return status;
}

static void only_a_named_acceptor_acts_for_its_peers_and_by_kerberos(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;

    (void)state;
    options.flags = TROTH_CREDENTIAL_PROXY;
    assert_int_equal(acquired(TROTH_ACCEPTOR, &options, "needs its own name"), TROTH_E_ARGUMENT);
    options.name.principal = "http/www.example.com";
    assert_int_equal(acquired(TROTH_ACCEPTOR, &options, NULL), TROTH_OK);
    assert_int_equal(acquired(TROTH_INITIATOR, &options, "only an acceptor"), TROTH_E_ARGUMENT);
    options.flags |= TROTH_CREDENTIAL_NTLM;
    assert_int_equal(acquired(TROTH_ACCEPTOR, &options, "NTLM"), TROTH_E_ARGUMENT);
    options.flags = TROTH_CREDENTIAL_PROXY;
    options.mechanism = TROTH_MECHANISM_NTLM;
    assert_int_equal(acquired(TROTH_ACCEPTOR, &options, "NTLM"), TROTH_E_ARGUMENT);
    options.mechanism = TROTH_MECHANISM_KERBEROS;
    options.flags = 0x8u;
    assert_int_equal(acquired(TROTH_ACCEPTOR, &options, "unknown bits"), TROTH_E_ARGUMENT);
}

static void what_there_is_to_act_with_is_told_by_its_kind(void **state)
{
    static const struct {
        uint32_t delegated;
        bool constrained;
        troth_delegation told;
    } cases[] = {{0, false, TROTH_DELEGATION_NONE},
                 {TROTH_DELEGATED, false, TROTH_DELEGATION_FORWARDED},
                 {0, true, TROTH_DELEGATION_CONSTRAINED}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        troth_context_info info = TROTH_CONTEXT_INFO_INIT;
        troth_context *context;

        scripted_init(&script, one_step, 1);
        script.attributes.properties = (script.attributes.properties & ~(uint32_t)TROTH_DELEGATED) | cases[i].delegated;
        script.attributes.constrained = cases[i].constrained;
        context = scripted_complete(&script, TROTH_ACCEPTOR, NULL);
        assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
        assert_int_equal(info.delegation, cases[i].told);
        troth_context_free(context);
        assert_true(scripted_all_freed(&script));
    }
}

static void a_credential_tells_and_stores_what_it_is(void **state)
{
    troth_credential_info info = TROTH_CREDENTIAL_INFO_INIT;
    troth_credential *credential = NULL;
    const char *name = NULL, *again = NULL;

    (void)state;
    scripted_init(&script, one_step, 1);
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, NULL, &credential, NULL), TROTH_OK);
    script.credential_expiry = 1000;
    assert_int_equal(troth_credential_info_get(credential, &info, NULL), TROTH_OK);
    assert_true(info.expiry == 1000 && info.remaining == 0 && info.mechanism == TROTH_MECHANISM_NEGOTIATE);
    script.credential_expiry = TROTH_UNKNOWN;
    assert_int_equal(troth_credential_info_get(credential, &info, NULL), TROTH_OK);
    assert_true(info.remaining == TROTH_UNKNOWN);
    script.delegation_status = TROTH_E_EXPIRED;
    assert_int_equal(troth_credential_info_get(credential, &info, NULL), TROTH_E_EXPIRED);
    assert_true(info.expiry == 0 && info.size == sizeof info);
    assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_E_EXPIRED);
    assert_null(name);
    assert_int_equal(troth_credential_store(credential, "FILE:x", NULL), TROTH_E_EXPIRED);
    script.delegation_status = TROTH_OK;
    assert_int_equal(troth_credential_name(credential, &name, NULL), TROTH_OK);
    assert_int_equal(troth_credential_name(credential, &again, NULL), TROTH_OK);
    assert_ptr_equal(name, again);
    assert_int_equal(troth_credential_store(credential, "FILE:x", NULL), TROTH_OK);
    assert_int_equal(troth_credential_store(credential, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_credential_info_get(NULL, &info, NULL), TROTH_E_ARGUMENT);
    troth_credential_free(credential);
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, NULL, &credential, NULL), TROTH_OK);
    assert_int_equal(troth_credential_store(credential, "FILE:x", NULL), TROTH_E_ARGUMENT);
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
}

static void a_service_asks_in_a_principals_name_alone(void **state)
{
    const troth_name alice = {.principal = "alice@SCRIPT"}, host = {.service = "x", .host = "y"},
                     nobody = {.service = NULL};
    troth_credential *service = NULL, *credential = NULL;
    troth_error error = TROTH_ERROR_INIT;

    (void)state;
    scripted_init(&script, one_step, 1);
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_ACCEPTOR, NULL, &service, NULL), TROTH_OK);
    assert_int_equal(troth_credential_impersonate(service, &alice, &credential, NULL), TROTH_E_ARGUMENT);
    troth_credential_free(service);
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, NULL, &service, NULL), TROTH_OK);
    assert_int_equal(troth_credential_impersonate(service, &host, &credential, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_credential_impersonate(service, &nobody, &credential, NULL), TROTH_E_NAME);
    assert_int_equal(troth_credential_impersonate(service, NULL, &credential, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_credential_impersonate(NULL, &alice, &credential, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_credential_impersonate(service, &alice, NULL, NULL), TROTH_E_ARGUMENT);
    script.delegation_status = TROTH_E_DENIED;
    assert_int_equal(troth_credential_impersonate(service, &alice, &credential, &error), TROTH_E_DENIED);
    assert_null(credential);
    assert_text(error.text, "in the name of alice@SCRIPT: ");
    script.delegation_status = TROTH_OK;
    assert_int_equal(troth_credential_impersonate(service, &alice, &credential, NULL), TROTH_OK);
    troth_credential_free(service); /* not needed any more */
    troth_credential_free(credential);
    assert_true(scripted_all_freed(&script));
}

static void a_thread_that_cannot_be_given_back_is_told_of(void **state)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context;
    const void *token;
    size_t length;

    (void)state;
    context = complete_context(TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_impersonate(context, NULL), TROTH_E_STATE);
    troth_context_free(context);
    context = complete_context(TROTH_ACCEPTOR, NULL);
    assert_int_equal(troth_context_revert(context, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_impersonate(context, NULL), TROTH_OK);
    assert_int_equal(troth_context_impersonate(context, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_export(context, &token, &length, &error), TROTH_E_STATE);
    assert_text(error.text, "revert first");
    script.delegation_status = TROTH_E_UNSUPPORTED; /* never passed off as misuse */
    assert_int_equal(troth_context_revert(context, &error), TROTH_E_FAILURE);
    assert_int_equal(error.status, TROTH_E_FAILURE);
    assert_text(error.text, "must not go on");
    script.delegation_status = TROTH_OK;
    assert_int_equal(script.impersonating, 1);
    assert_int_equal(troth_context_revert(context, &error), TROTH_OK);
    assert_int_equal(troth_context_impersonate(context, NULL), TROTH_OK);
    troth_context_free(context); /* forgotten */
    assert_int_equal(script.impersonating, 0);
    assert_true(scripted_all_freed(&script));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_delegated_is_an_argument_error),
        cmocka_unit_test(only_delegation_always_is_asked_for_as_a_property),
        cmocka_unit_test(policy_alone_decides_also_where_delegation_is_required),
        cmocka_unit_test(a_delegated_credential_is_an_acceptors_that_kept_it),
        cmocka_unit_test(only_a_named_acceptor_acts_for_its_peers_and_by_kerberos),
        cmocka_unit_test(what_there_is_to_act_with_is_told_by_its_kind),
        cmocka_unit_test(a_credential_tells_and_stores_what_it_is),
        cmocka_unit_test(a_service_asks_in_a_principals_name_alone),
        cmocka_unit_test(a_thread_that_cannot_be_given_back_is_told_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
