/* message.c - protected messages: what may be asked, what must be refused, and what a failure leaves behind. */
#include "error.h"
#include "message.h"
#include "trace.h"

troth_status troth__message_failed(troth_context *context, const char *doing, troth_error *error)
{
    troth__error_prefix(error, "%s: ", doing);
    /* Found before anything native was done; whatever else a backend says, the message is lost. */
    if (error->status == TROTH_E_BUFFER_TOO_SMALL || error->status == TROTH_E_ARGUMENT)
        return error->status;
    if ((context->flags & TROTH_DATAGRAM) == 0)
        troth__context_fail(context, error);
    if (context->credential->config.trace != NULL)
        troth__trace_refused(&context->credential->config, &context->config, error);
    return error->status;
}

/* data is there, and no longer than any native layer takes. */
static bool sane(const void *data, size_t length)
{
    return (data != NULL || length == 0) && length <= TROTH__MESSAGE_MOST;
}

static troth_status bad_argument(troth_error *error)
{
    return troth__error_set(error, TROTH_E_ARGUMENT,
                            "a context, the data (under 2 GiB) and room for the outputs are needed");
}

troth_status troth__message_protection(const troth_context *context, troth_protection protection, troth_error *error)
{
    const uint32_t needed = protection == TROTH_PROTECT_CONFIDENTIALITY ? TROTH_CONFIDENTIALITY : TROTH_INTEGRITY;

    if (protection != TROTH_PROTECT_CONFIDENTIALITY && protection != TROTH_PROTECT_INTEGRITY)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown protection %d", (int)protection);
    if (protection == TROTH_PROTECT_INTEGRITY && (context->config.required & TROTH_CONFIDENTIALITY) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "confidentiality is required of this context, and integrity alone was asked for");
    if ((context->attributes.properties & needed) == 0)
        return troth__error_set(error, TROTH_E_UNSUPPORTED, "this context has no %s",
                                needed == TROTH_CONFIDENTIALITY ? "confidentiality" : "integrity");
    return TROTH_OK;
}

troth_status troth__message_protected(const troth_context *context, troth_protection found, troth_error *error)
{
    if (found == TROTH_PROTECT_CONFIDENTIALITY || (context->config.required & TROTH_CONFIDENTIALITY) == 0)
        return TROTH_OK;
    return troth__error_set(error, TROTH_E_REQUIREMENT,
                            "the message is not encrypted, and confidentiality is required");
}

troth_status troth__message_signs(const troth_context *context, troth_error *error)
{
    if ((context->attributes.properties & TROTH_INTEGRITY) != 0)
        return TROTH_OK;
    return troth__error_set(error, TROTH_E_UNSUPPORTED, "this context has no integrity");
}

troth_status troth_wrap(troth_context *context, troth_protection protection, const void *data, size_t length,
                        void *output, size_t capacity, size_t *output_length, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (output_length != NULL)
        *output_length = 0;
    if (context == NULL || output_length == NULL || (output == NULL && capacity > 0) || !sane(data, length))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status == TROTH_OK)
        status = troth__message_protection(context, protection, error);
    if (status != TROTH_OK)
        return status;
    status = context->credential->backend->wrap(context->native, protection, (troth__bytes){data, length}, output,
                                                capacity, output_length, error);
    return status == TROTH_OK ? TROTH_OK : troth__message_failed(context, "protecting a message", error);
}

troth_status troth_unwrap(troth_context *context, void *message, size_t length, void **data, size_t *data_length,
                          troth_protection *protection, troth_error *error)
{
    troth_protection found = TROTH_PROTECTION_UNSET;
    troth__bytes plain = {NULL, 0};
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (data != NULL)
        *data = NULL;
    if (data_length != NULL)
        *data_length = 0;
    if (protection != NULL)
        *protection = TROTH_PROTECTION_UNSET;
    if (context == NULL || data == NULL || data_length == NULL || !sane(message, length))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status != TROTH_OK) {
        if (status != TROTH_E_STATE)
            troth__wipe(message, length); /* one that is not encrypted could be read as well as a verified one */
        return status;
    }

    if (length == 0)
        status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the message is empty");
    else
        status = context->credential->backend->unwrap(context->native, message, length, &plain, &found, error);
    if (status == TROTH_OK)
        status = troth__message_protected(context, found, error);
    if (status != TROTH_OK) {
        troth__wipe(message, length);
        return troth__message_failed(context, "verifying a protected message", error);
    }
    if (plain.length > 0)
        *data = (uint8_t *)message + (plain.data - (const uint8_t *)message);
    *data_length = plain.length;
    if (protection != NULL)
        *protection = found;
    return TROTH_OK;
}

troth_status troth_get_mic(troth_context *context, const void *data, size_t length, void *mic, size_t capacity,
                           size_t *mic_length, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (mic_length != NULL)
        *mic_length = 0;
    if (context == NULL || mic_length == NULL || (mic == NULL && capacity > 0) || !sane(data, length))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status == TROTH_OK)
        status = troth__message_signs(context, error);
    if (status != TROTH_OK)
        return status;
    status = context->credential->backend->get_mic(context->native, (troth__bytes){data, length}, mic, capacity,
                                                   mic_length, error);
    return status == TROTH_OK ? TROTH_OK : troth__message_failed(context, "making a message integrity code", error);
}

troth_status troth_verify_mic(troth_context *context, const void *data, size_t length, const void *mic,
                              size_t mic_length, troth_error *error)
{
    troth_error scratch;
    troth_status status;

    error = troth__error_begin(error, &scratch);
    if (context == NULL || !sane(data, length) || !sane(mic, mic_length))
        return bad_argument(error);
    status = troth__context_ready(context, error);
    if (status != TROTH_OK)
        return status;
    if (mic_length == 0)
        status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the message integrity code is empty");
    else
        status = context->credential->backend->verify_mic(context->native, (troth__bytes){data, length},
                                                          (troth__bytes){mic, mic_length}, error);
    return status == TROTH_OK ? TROTH_OK : troth__message_failed(context, "verifying a message integrity code", error);
}
