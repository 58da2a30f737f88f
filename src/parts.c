/* parts.c - messages in several places: what may be asked, what must be refused, and what a failure leaves behind. */
#include "troth/parts.h"

#include <string.h>

#include "error.h"
#include "message.h"

/* Every part is one, and all together are no longer than any native layer takes. */
static bool parts_sane(const troth_part *parts, size_t count)
{
    size_t total = 0;

    if (count > TROTH_PARTS_MOST || (parts == NULL && count > 0))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind != TROTH_PART_DATA && parts[i].kind != TROTH_PART_SIGN_ONLY)
            return false;
        if ((parts[i].data == NULL && parts[i].length > 0) || parts[i].length > TROTH__MESSAGE_MOST - total)
            return false;
        total += parts[i].length;
    }
    return true;
}

static troth_status bad_argument(troth_error *error)
{
    return troth__error_set(error, TROTH_E_ARGUMENT,
                            "a context, at most %d parts of a kind (under 2 GiB) and room for the outputs are needed",
                            TROTH_PARTS_MOST);
}

static void wipe_data(const troth_part *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (parts[i].kind == TROTH_PART_DATA)
            troth__wipe(parts[i].data, parts[i].length);
    }
}

/* A provider that cannot would protect one part and forget the others. */
static bool in_parts(const troth_context *context)
{
    return context->attributes.parts && context->attributes.mechanism == TROTH_MECHANISM_KERBEROS;
}

static troth_status check_provider(const troth_context *context, troth_error *error)
{
    if (in_parts(context))
        return TROTH_OK;
    return troth__error_set(error, TROTH_E_UNSUPPORTED,
                            "this provider, mechanism or encryption type has no messages in parts");
}

troth_status troth_wrap_parts(troth_context *context, troth_protection protection, const troth_part *parts,
                              size_t count, void *token, size_t capacity, size_t *token_length, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (token_length != NULL)
        *token_length = 0;
    if (context == NULL || token_length == NULL || (token == NULL && capacity > 0) || !parts_sane(parts, count))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status == TROTH_OK)
        status = troth__message_protection(context, protection, error);
    if (status == TROTH_OK)
        status = check_provider(context, error);
    if (status != TROTH_OK)
        return status;
    status = context->credential->backend->wrap_parts(context->native, protection, parts, count, token, capacity,
                                                      token_length, error);
    if (status == TROTH_OK)
        return TROTH_OK;
    if (status != TROTH_E_BUFFER_TOO_SMALL && status != TROTH_E_ARGUMENT)
        wipe_data(parts, count);
    return troth__message_failed(context, "protecting a message in parts", error);
}

troth_status troth_unwrap_parts(troth_context *context, void *token, size_t token_length, const troth_part *parts,
                                size_t count, troth_protection *protection, troth_error *error)
{
    troth_protection found = TROTH_PROTECTION_UNSET;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (protection != NULL)
        *protection = TROTH_PROTECTION_UNSET;
    if (context == NULL || (token == NULL && token_length > 0) || token_length > TROTH__MESSAGE_MOST ||
        !parts_sane(parts, count))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status != TROTH_OK) {
        if (status != TROTH_E_STATE)
            wipe_data(parts, count); /* one that is not encrypted could be read as well as a verified one */
        return status;
    }
    status = check_provider(context, error);
    if (status != TROTH_OK)
        return status;

    if (token_length == 0)
        status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the message's token is empty");
    else
        status = context->credential->backend->unwrap_parts(context->native, token, token_length, parts, count, &found,
                                                            error);
    if (status == TROTH_OK)
        status = troth__message_protected(context, found, error);
    if (status != TROTH_OK) {
        wipe_data(parts, count);
        return troth__message_failed(context, "verifying a protected message in parts", error);
    }
    if (protection != NULL)
        *protection = found;
    return TROTH_OK;
}

/* ---- integrity codes ------------------------------------------------------------------------------------------ */

/* For a provider that knows one part: all bytes in one new block, or NULL when memory is out. *length is set. */
static uint8_t *join(const troth_part *parts, size_t count, size_t *length)
{
    uint8_t *joined, *next;

    *length = 0;
    for (size_t i = 0; i < count; i++)
        *length += parts[i].length;
    joined = next = troth__alloc(*length + 1);
    for (size_t i = 0; joined != NULL && i < count; i++) {
        if (parts[i].length > 0)
            memcpy(next, parts[i].data, parts[i].length);
        next += parts[i].length;
    }
    return joined;
}

/* A code is made (made NULL: verified) by a provider that knows one part. */
static troth_status joined_mic(troth_context *context, const troth_part *parts, size_t count, uint8_t *made,
                               size_t capacity, size_t *made_length, troth__bytes mic, troth_error *error)
{
    const troth__backend *backend = context->credential->backend;
    troth__bytes data;
    uint8_t *joined;
    troth_status status;
    size_t length;

    joined = join(parts, count, &length);
    if (joined == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory");
    data = (troth__bytes){joined, length};
    if (made_length != NULL)
        status = backend->get_mic(context->native, data, made, capacity, made_length, error);
    else
        status = backend->verify_mic(context->native, data, mic, error);
    troth__wipe_free(joined, length);
    return status;
}

troth_status troth_get_mic_parts(troth_context *context, const troth_part *parts, size_t count, void *mic,
                                 size_t capacity, size_t *mic_length, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (mic_length != NULL)
        *mic_length = 0;
    if (context == NULL || mic_length == NULL || (mic == NULL && capacity > 0) || !parts_sane(parts, count))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status == TROTH_OK)
        status = troth__message_signs(context, error);
    if (status != TROTH_OK)
        return status;
    if (in_parts(context))
        status = context->credential->backend->get_mic_parts(context->native, parts, count, mic, capacity, mic_length,
                                                             error);
    else
        status = joined_mic(context, parts, count, mic, capacity, mic_length, (troth__bytes){NULL, 0}, error);
    return status == TROTH_OK ? TROTH_OK
                              : troth__message_failed(context, "making a message integrity code over parts", error);
}

troth_status troth_verify_mic_parts(troth_context *context, const troth_part *parts, size_t count, const void *mic,
                                    size_t mic_length, troth_error *error)
{
    const troth__bytes code = {mic, mic_length};
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL || (mic == NULL && mic_length > 0) || mic_length > TROTH__MESSAGE_MOST ||
        !parts_sane(parts, count))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status != TROTH_OK)
        return status;
    if (mic_length == 0)
        status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the message integrity code is empty");
    else if (in_parts(context))
        status = context->credential->backend->verify_mic_parts(context->native, parts, count, code, error);
    else
        status = joined_mic(context, parts, count, NULL, 0, NULL, code, error);
    return status == TROTH_OK ? TROTH_OK
                              : troth__message_failed(context, "verifying a message integrity code over parts", error);
}

/* ---- sizes ---------------------------------------------------------------------------------------------------- */

troth_status troth_wrap_size_limit(troth_context *context, troth_protection protection, size_t maximum, size_t *length,
                                   troth_error *error)
{
    size_t fits = 0, over = 0, needed = 0, middle;
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (length != NULL)
        *length = 0;
    if (context == NULL || length == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "a context and room for the length are needed");
    status = troth__context_ready(context, error);
    if (status == TROTH_OK)
        status = troth__message_protection(context, protection, error);
    if (status == TROTH_OK)
        status = context->credential->backend->wrap_size(context->native, protection, 0, &needed, error);
    if (status != TROTH_OK)
        return status;
    if (needed > maximum)
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "an empty message needs %zu bytes already", needed);

    /*
     * Padding makes an empty message's overhead the largest, so that what this leaves always fits, and as many bytes
     * more as the padding had might. Where nothing pads, the first question below is the last.
     */
    if (maximum > TROTH__MESSAGE_MOST + needed)
        maximum = TROTH__MESSAGE_MOST + needed;
    fits = maximum - needed;
    over = fits + needed + 1;
    if (over > TROTH__MESSAGE_MOST + 1)
        over = TROTH__MESSAGE_MOST + 1;
    middle = fits + 1;
    while (over - fits > 1) {
        status = context->credential->backend->wrap_size(context->native, protection, middle, &needed, error);
        if (status != TROTH_OK)
            return status;
        if (needed <= maximum)
            fits = middle;
        else
            over = middle;
        middle = fits + (over - fits) / 2;
    }
    *length = fits;
    return TROTH_OK;
}
