/* test_session.c - keys and exported contexts: what may be asked when, and what of damaged bytes is found out. */
#include "support.h"

#include "scripted_backend.h"
#include "session.h"
#include "troth/session.h"
#include "troth/stream.h"

static const struct scripted_step one_step[] = {{TROTH_OK, "\x60\x0d", 2}};

static struct scripted script;

static troth_context *complete_context(troth_role role, const troth_context_options *options)
{
    scripted_init(&script, one_step, 1);
    return scripted_complete(&script, role, options);
}

static void before_completion_there_is_nothing_to_give(void **state)
{
    const void *token = "";
    uint8_t room[16] = {1};
    size_t length = 1;
    troth_context *context;

    (void)state;
    scripted_init(&script, one_step, 1);
    context = scripted_context(&script, TROTH_INITIATOR, NULL);
    assert_int_equal(troth_context_session_key(context, room, sizeof room, &length, NULL, NULL), TROTH_E_STATE);
    assert_int_equal(length, 0);
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, "i", 1, room, 1, NULL), TROTH_E_STATE);
    assert_int_equal(room[0], 0);
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_E_STATE);
    assert_null(token);
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
}

static void a_key_needs_room_and_says_how_much(void **state)
{
    troth_context *context = complete_context(TROTH_INITIATOR, NULL);
    uint8_t room[64];
    size_t length = 0;
    int32_t type = 99;

    (void)state;
    assert_int_equal(troth_context_session_key(context, NULL, 0, &length, NULL, NULL), TROTH_E_BUFFER_TOO_SMALL);
    assert_int_equal(length, strlen(SCRIPTED_KEY));
    assert_int_equal(troth_context_session_key(context, room, length, &length, &type, NULL), TROTH_OK);
    assert_memory_equal(room, SCRIPTED_KEY, length);
    assert_int_equal(type, script.attributes.encryption);
    script.session_status = TROTH_E_UNAVAILABLE;
    assert_int_equal(troth_context_session_key(context, room, sizeof room, &length, NULL, NULL), TROTH_E_UNAVAILABLE);
    assert_int_equal(length, 0);
    script.session_status = TROTH_OK;
    assert_int_equal(troth_context_session_key(context, room, sizeof room, &length, NULL, NULL), TROTH_OK);
    assert_int_equal(troth_context_session_key(context, NULL, 1, &length, NULL, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_session_key(NULL, room, 1, &length, NULL, NULL), TROTH_E_ARGUMENT);
    troth_context_free(context);
}

static void derived_bytes_are_whole_or_none(void **state)
{
    troth_context *context = complete_context(TROTH_ACCEPTOR, NULL);
    uint8_t room[4] = {9, 9, 9, 9};

    (void)state;
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_PARTIAL, NULL, 0, room, 3, NULL), TROTH_OK);
    assert_memory_equal(room, "222\x09", 4);
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_UNSET, NULL, 0, room, 3, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, NULL, 1, room, 3, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, NULL, 0, room, 0, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, "", 0, room, TROTH_PRF_MOST + 1, NULL),
                     TROTH_E_ARGUMENT);
    script.session_status = TROTH_E_FAILURE;
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, NULL, 0, room, 4, NULL), TROTH_E_FAILURE);
    assert_memory_equal(room, "\0\0\0\0", 4);
    script.session_status = TROTH_OK;
    assert_int_equal(troth_context_prf(context, TROTH_PRF_KEY_FULL, NULL, 0, room, 4, NULL), TROTH_OK);
    troth_context_free(context);
}

/* Exports a context, and gives out a copy of its bytes. */
static size_t export_of(troth_context *context, uint8_t room[256])
{
    const void *token;
    size_t length;

    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_OK);
    assert_true(length > 0 && length <= 256);
    memcpy(room, token, length);
    return length;
}

static void an_exported_context_is_gone(void **state)
{
    troth_context *context = complete_context(TROTH_ACCEPTOR, NULL);
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    troth_stream *stream = NULL;
    const void *token = NULL;
    const char *name = NULL;
    uint8_t room[256];
    size_t length;

    (void)state;
    assert_int_equal(troth_context_peer_name(context, &name, NULL), TROTH_OK);
    export_of(context, room);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "m", 1, room, sizeof room, &length, NULL),
                     TROTH_E_STATE);
    assert_int_equal(troth_verify_mic(context, "m", 1, "c", 1, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_step(context, "x", 1, &token, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_session_key(context, room, sizeof room, &length, NULL, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_target_name(context, &name, NULL), TROTH_E_STATE);
    assert_int_equal(troth_stream_new(context, NULL, &stream, NULL), TROTH_E_STATE);
    assert_int_equal(troth_context_peer_name(context, &name, NULL), TROTH_OK);
    assert_int_equal(troth_context_info_get(context, &info, NULL), TROTH_OK);
    troth_context_free(context);
    assert_true(scripted_all_freed(&script));
}

static void what_was_verified_and_required_comes_along(void **state)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context_info before = TROTH_CONTEXT_INFO_INIT, after = TROTH_CONTEXT_INFO_INIT;
    troth_context *context, *imported = NULL;
    uint8_t room[256], message[64];
    void *plain;
    size_t length;

    (void)state;
    options.flags = TROTH_DATAGRAM;
    context = complete_context(TROTH_ACCEPTOR, &options);
    assert_int_equal(troth_context_info_get(context, &before, NULL), TROTH_OK);
    length = export_of(context, room);
    troth_context_free(context);
    assert_int_equal(troth__context_import(&script.backend, room, length, &imported, NULL), TROTH_OK);
    assert_int_equal(troth_context_info_get(imported, &after, NULL), TROTH_OK);
    assert_memory_equal(&before, &after, sizeof before);

    /* Confidentiality is still required of each message, and a failure is still of that message alone. */
    assert_int_equal(troth_wrap(imported, TROTH_PROTECT_INTEGRITY, "m", 1, message, sizeof message, &length, NULL),
                     TROTH_E_ARGUMENT);
    assert_int_equal(
        troth_wrap(imported, TROTH_PROTECT_CONFIDENTIALITY, "m", 1, message, sizeof message, &length, NULL), TROTH_OK);
    script.unwrap_protection = TROTH_PROTECT_INTEGRITY;
    assert_int_equal(troth_unwrap(imported, message, length, &plain, &length, NULL, NULL), TROTH_E_REQUIREMENT);
    script.unwrap_protection = TROTH_PROTECTION_UNSET;
    assert_int_equal(
        troth_wrap(imported, TROTH_PROTECT_CONFIDENTIALITY, "m", 1, message, sizeof message, &length, NULL), TROTH_OK);
    assert_int_equal(troth_unwrap(imported, message, length, &plain, &length, NULL, NULL), TROTH_OK);
    troth_context_free(imported);
    assert_true(scripted_all_freed(&script));
}

/* Every byte changed in every way, and every prefix. */
static void damaged_bytes_are_found_out(void **state)
{
    troth_context *context = complete_context(TROTH_INITIATOR, NULL);
    uint8_t room[256];
    const size_t length = export_of(context, room);

    (void)state;
    troth_context_free(context);
    for (size_t i = 0; i < length; i++) {
        troth_error error = TROTH_ERROR_INIT;
        troth_context *imported = NULL;
        uint8_t *cut = malloc(i + 1); /* a block of its own, so that a read beyond it is seen */

        assert_non_null(cut);
        memcpy(cut, room, i);
        assert_int_equal(troth__context_import(&script.backend, cut, i, &imported, &error), TROTH_E_BAD_TOKEN);
        assert_null(imported);
        assert_true(strstr(error.text, "export") != NULL);
        free(cut);
        for (unsigned changed = 1; changed < 256; changed++) {
            room[i] ^= (uint8_t)changed;
            assert_int_equal(troth__context_import(&script.backend, room, length, &imported, NULL), TROTH_E_BAD_TOKEN);
            assert_null(imported);
            room[i] ^= (uint8_t)changed;
        }
    }
    assert_true(scripted_all_freed(&script));
}

static void another_version_or_backend_is_told_apart(void **state)
{
    troth_context *context = complete_context(TROTH_INITIATOR, NULL);
    troth_error error = TROTH_ERROR_INIT;
    troth_context *imported = NULL;
    uint8_t room[256];
    const size_t length = export_of(context, room);

    (void)state;
    troth_context_free(context);
    room[4]++;
    assert_int_equal(troth__context_import(&script.backend, room, length, &imported, &error), TROTH_E_BAD_TOKEN);
    assert_non_null(strstr(error.text, "another version"));
    room[4]--;
    script.backend.name = "another";
    assert_int_equal(troth__context_import(&script.backend, room, length, &imported, &error), TROTH_E_BAD_TOKEN);
    assert_non_null(strstr(error.text, "another version"));
    assert_int_equal(troth_context_import(NULL, 5, &imported, NULL), TROTH_E_ARGUMENT);
    assert_int_equal(troth_context_import(room, length, NULL, NULL), TROTH_E_ARGUMENT);
}

static void an_export_that_fails_is_final_unless_it_cannot_be_done_at_all(void **state)
{
    troth_context *context = complete_context(TROTH_INITIATOR, NULL);
    const void *token;
    uint8_t room[64];
    size_t length;

    (void)state;
    script.session_status = TROTH_E_UNAVAILABLE;
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_E_UNAVAILABLE);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "m", 1, room, sizeof room, &length, NULL),
                     TROTH_OK);
    script.session_status = TROTH_E_FAILURE;
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_E_FAILURE);
    script.session_status = TROTH_OK;
    assert_int_equal(troth_context_export(context, &token, &length, NULL), TROTH_E_FAILURE);
    assert_int_equal(troth_wrap(context, TROTH_PROTECT_CONFIDENTIALITY, "m", 1, room, sizeof room, &length, NULL),
                     TROTH_E_FAILURE);
    troth_context_free(context);
}

static void a_stream_around_a_complete_context_is_ready(void **state)
{
    troth_context *context = complete_context(TROTH_ACCEPTOR, NULL);
    troth_stream *stream = NULL;
    size_t taken;

    (void)state;
    assert_int_equal(troth_stream_new(context, NULL, &stream, NULL), TROTH_OK);
    assert_true((troth_stream_state(stream) & TROTH_STREAM_READY) != 0);
    assert_int_equal(troth_stream_send(stream, "m", 1, &taken, NULL), TROTH_OK);
    troth_stream_free(stream);
    assert_true(scripted_all_freed(&script));
}

static void be32_does_without_detection_for_nobody(void **state)
{
    troth_context *context;
    troth_stream_options options = TROTH_STREAM_OPTIONS_INIT;
    troth_stream *stream = NULL;
    const void *token;
    size_t length;

    (void)state;
    scripted_init(&script, one_step, 1);
    script.attributes.properties &= ~(uint32_t)TROTH_REPLAY_DETECTION;
    context = scripted_context(&script, TROTH_ACCEPTOR, NULL);
    assert_int_equal(troth_context_step(context, "x", 1, &token, &length, NULL), TROTH_OK);
    assert_int_equal(troth_stream_new(context, NULL, &stream, NULL), TROTH_E_REQUIREMENT);
    assert_null(stream);
    options.framing = TROTH_FRAMING_LE32;
    assert_int_equal(troth_stream_new(context, &options, &stream, NULL), TROTH_OK);
    troth_stream_free(stream);
    assert_true(scripted_all_freed(&script));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_completion_there_is_nothing_to_give),
        cmocka_unit_test(a_key_needs_room_and_says_how_much),
        cmocka_unit_test(derived_bytes_are_whole_or_none),
        cmocka_unit_test(an_exported_context_is_gone),
        cmocka_unit_test(what_was_verified_and_required_comes_along),
        cmocka_unit_test(damaged_bytes_are_found_out),
        cmocka_unit_test(another_version_or_backend_is_told_apart),
        cmocka_unit_test(an_export_that_fails_is_final_unless_it_cannot_be_done_at_all),
        cmocka_unit_test(a_stream_around_a_complete_context_is_ready),
        cmocka_unit_test(be32_does_without_detection_for_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
