/* test_trace.c - shows what a credential's trace is told of handshakes and failures, and what it is never told. */
#include "support.h"

#include "scripted_backend.h"
#include "trace.h"

#define TOKEN "\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"
#define TOKEN_LENGTH (sizeof TOKEN - 1)

static const struct scripted_step one_leg[] = {{TROTH_OK, TOKEN, TOKEN_LENGTH}};
static const struct scripted_step failing[] = {{TROTH_E_WRONG_KEY, NULL, 0}};

/* What was told, in order. */
struct record {
    size_t count;
    troth_trace_event events[16];
    char texts[16][1024];
    char subjects[16][64];
};

static void keep(void *user, const troth_trace_event *event)
{
    struct record *record = user;

    assert_int_equal(event->size, sizeof *event);
    assert_true(record->count < 16);
    record->events[record->count] = *event;
    strncpy(record->texts[record->count], event->text != NULL ? event->text : "", 1023);
    strncpy(record->subjects[record->count], event->subject, 63);
    record->count++;
}

static troth_context *traced(struct scripted *script, troth_role role, struct record *record)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_context_options target = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;

    options.trace = keep;
    options.trace_user = record;
    if (role == TROTH_INITIATOR)
        target.target = (troth_name){.service = "scripted", .host = "host"};
    assert_int_equal(troth__credential_acquire(&script->backend, role, &options, &credential, NULL), TROTH_OK);
    assert_int_equal(troth_context_new(credential, &target, &context, NULL), TROTH_OK);
    troth_credential_free(credential);
    return context;
}

static void a_handshake_is_told_token_by_token_to_its_verification(void **state)
{
    struct record record = {.count = 0};
    struct scripted script;
    troth_context *context;
    const void *out;
    size_t length;

    (void)state;
    scripted_init(&script, one_leg, 1);
    context = traced(&script, TROTH_ACCEPTOR, &record);
    assert_int_equal(troth_context_step(context, TOKEN, TOKEN_LENGTH, &out, &length, NULL), TROTH_OK);
    assert_int_equal(record.count, 3);
    assert_int_equal(record.events[0].kind, TROTH_TRACE_TOKEN_IN);
    assert_int_equal(record.events[0].leg, 1);
    assert_int_equal(record.events[0].input_length, TOKEN_LENGTH);
    assert_string_equal(record.events[0].token, "kerberos");
    assert_int_equal(record.events[1].kind, TROTH_TRACE_VERIFIED);
    assert_int_equal(record.events[1].mechanism, TROTH_MECHANISM_KERBEROS);
    assert_int_equal(record.events[1].properties, TROTH_DEFAULT_REQUESTED);
    assert_int_equal(record.events[2].kind, TROTH_TRACE_TOKEN_OUT);
    assert_int_equal(record.events[2].output_length, TOKEN_LENGTH);
    assert_string_equal(record.events[2].token, "kerberos");
    for (size_t i = 0; i < record.count; i++) {
        assert_int_equal(record.events[i].role, TROTH_ACCEPTOR);
        assert_non_null(record.events[i].conversation);
        assert_ptr_equal(record.events[i].conversation, record.events[0].conversation);
        assert_string_equal(record.subjects[i], "");
    }
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
}

static void a_failed_step_is_told_with_the_text_of_its_error(void **state)
{
    struct record record = {.count = 0};
    troth_error error = TROTH_ERROR_INIT;
    struct scripted script;
    troth_context *context;
    const void *out;
    size_t length;

    (void)state;
    scripted_init(&script, failing, 1);
    context = traced(&script, TROTH_INITIATOR, &record);
    assert_int_equal(troth_context_step(context, NULL, 0, &out, &length, &error), TROTH_E_WRONG_KEY);
    assert_int_equal(record.count, 1);
    assert_int_equal(record.events[0].kind, TROTH_TRACE_REFUSED);
    assert_int_equal(record.events[0].status, TROTH_E_WRONG_KEY);
    assert_int_equal(record.events[0].native_major, SCRIPTED_MAJOR);
    assert_int_equal(record.events[0].native_minor, SCRIPTED_MINOR);
    assert_string_equal(record.texts[0], error.text);
    assert_string_equal(record.subjects[0], "scripted@host");
    /* A failure is told once; that it is sticky is no event. */
    assert_int_equal(troth_context_step(context, TOKEN, TOKEN_LENGTH, &out, &length, &error), TROTH_E_WRONG_KEY);
    assert_int_equal(record.count, 1);
    troth_context_free(context);
}

static void a_failed_acquisition_and_a_failed_message_are_told(void **state)
{
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    struct record record = {.count = 0};
    troth_credential *credential = NULL;
    struct scripted script;
    troth_context *context;
    uint8_t message[] = "W\1..altered";
    const void *out;
    void *data;
    size_t length;

    (void)state;
    scripted_init(&script, one_leg, 1);
    script.acquire_status = TROTH_E_DENIED;
    options.trace = keep;
    options.trace_user = &record;
    options.name.principal = "carol@SCRIPT";
    options.password = "open-sesame";
    assert_int_equal(troth__credential_acquire(&script.backend, TROTH_INITIATOR, &options, &credential, NULL),
                     TROTH_E_DENIED);
    assert_int_equal(record.count, 1);
    assert_int_equal(record.events[0].kind, TROTH_TRACE_REFUSED);
    assert_null(record.events[0].conversation);
    assert_string_equal(record.subjects[0], "carol@SCRIPT");
    assert_null(strstr(record.texts[0], "open-sesame"));

    script.acquire_status = TROTH_OK;
    context = traced(&script, TROTH_INITIATOR, &record);
    assert_int_equal(troth_context_step(context, NULL, 0, &out, &length, NULL), TROTH_OK);
    record.count = 0;
    script.message_status = TROTH_E_ALTERED;
    assert_int_equal(troth_unwrap(context, message, sizeof message, &data, &length, NULL, NULL), TROTH_E_ALTERED);
    assert_int_equal(record.count, 1);
    assert_int_equal(record.events[0].kind, TROTH_TRACE_REFUSED);
    assert_int_equal(record.events[0].status, TROTH_E_ALTERED);
    troth_context_free(context);
}

static void misuse_is_no_event(void **state)
{
    struct record record = {.count = 0};
    struct scripted script;
    troth_context *context;
    const void *out;
    size_t length;

    (void)state;
    scripted_init(&script, one_leg, 1);
    context = traced(&script, TROTH_ACCEPTOR, &record);
    assert_int_equal(troth_context_step(context, NULL, 0, &out, &length, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(record.count, 0);
    troth_context_free(context);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handshake_is_told_token_by_token_to_its_verification),
        cmocka_unit_test(a_failed_step_is_told_with_the_text_of_its_error),
        cmocka_unit_test(a_failed_acquisition_and_a_failed_message_are_told),
        cmocka_unit_test(misuse_is_no_event),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
