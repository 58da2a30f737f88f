/* conversation.c - protected messages over a socket after the handshake, in both roles and under every framing. */
#include "conversation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform.h"

/* Room for a plain message that has to be echoed protected; larger than any wrap_overhead or mic_size. */
#define LEAST_ROOM 1024u

static troth_status fail(troth_error *error, troth_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    error->native_major = 0;
    error->native_minor = 0;
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return status;
}

static bool is_sample(const struct conversation *conversation)
{
    return conversation->send.framing == TROTH_FRAMING_GSS_SAMPLE;
}

troth_status conversation_begin(struct conversation *conversation, troth_context *context, troth_socket socket,
                                const troth_socket_options *options, int idle, uint32_t required, troth_error *error)
{
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    memset(conversation, 0, sizeof *conversation);
    troth_status status = troth_context_info_get(context, &info, error);
    if (status != TROTH_OK) {
        return status;
    }
    conversation->context = context;
    conversation->socket = socket;
    conversation->send = *options;
    conversation->receive = *options;
    conversation->receive.timeout = idle;
    conversation->required = required;
    conversation->confidential = (info.properties & TROTH_CONFIDENTIALITY) != 0;
    conversation->wrap_overhead = info.wrap_overhead;
    conversation->mic_size = info.mic_size;
    conversation->capacity = options->frame_limit + info.wrap_overhead + info.mic_size + LEAST_ROOM;
    conversation->buffer = malloc(conversation->capacity);
    return conversation->buffer != NULL ? TROTH_OK : fail(error, TROTH_E_MEMORY, "memory is out");
}

void conversation_end(struct conversation *conversation)
{
    if (conversation->buffer != NULL) {
        platform_wipe(conversation->buffer, conversation->used);
        free(conversation->buffer);
    }
    memset(conversation, 0, sizeof *conversation);
}

static void note_used(struct conversation *conversation, size_t length)
{
    if (length > conversation->used) {
        conversation->used = length;
    }
}

static troth_status receive(struct conversation *conversation, uint32_t *flags, size_t *length, troth_error *error)
{
    troth_status status = troth_frame_receive(conversation->socket, &conversation->receive, flags, conversation->buffer,
                                              conversation->receive.frame_limit, length, error);
    note_used(conversation, conversation->receive.frame_limit < *length ? conversation->capacity : *length);
    return status;
}

static troth_status send_buffer(struct conversation *conversation, uint32_t flags, size_t length, troth_error *error)
{
    return troth_frame_send(conversation->socket, &conversation->send, flags, conversation->buffer, length, error);
}

static troth_status wrap(struct conversation *conversation, troth_protection protection, const void *data,
                         size_t length, size_t *wrapped, troth_error *error)
{
    troth_status status = troth_wrap(conversation->context, protection, data, length, conversation->buffer,
                                     conversation->capacity, wrapped, error);
    note_used(conversation, *wrapped < conversation->capacity ? *wrapped : conversation->capacity);
    return status;
}

/* One message of be32 or le32 stands in the buffer. */
static troth_status answer_echo(struct conversation *conversation, size_t length, troth_error *error)
{
    void *data = NULL;
    size_t data_length = 0;
    size_t wrapped = 0;
    troth_protection protection = TROTH_PROTECTION_UNSET;
    troth_status status =
        troth_unwrap(conversation->context, conversation->buffer, length, &data, &data_length, &protection, error);
    if (status == TROTH_OK) {
        status = wrap(conversation, protection, data, data_length, &wrapped, error);
    }
    if (status == TROTH_OK) {
        status = send_buffer(conversation, 0, wrapped, error);
    }
    return status;
}

/* A message that came outside troth_unwrap: the library could not check what the messages must have. */
static troth_status check_plain(const struct conversation *conversation, uint32_t flags, troth_error *error)
{
    if ((conversation->required & TROTH_CONFIDENTIALITY) != 0) {
        return fail(error, TROTH_E_REQUIREMENT,
                    "the peer sent a message without protection, and confidentiality is required");
    }
    if ((conversation->required & TROTH_INTEGRITY) != 0 && (flags & TROTH_FRAME_SEND_MIC) == 0) {
        return fail(
            error, TROTH_E_REQUIREMENT,
            "the peer sent a message without protection and asks for no MIC over it, and integrity is required");
    }
    return TROTH_OK;
}

/* One message of gss-sample stands in the buffer, as gss-client's -nw, -nx and -nm make it. */
static troth_status answer_sample(struct conversation *conversation, uint32_t flags, size_t length, troth_error *error)
{
    void *data = conversation->buffer;
    size_t data_length = length;
    troth_status status = TROTH_OK;
    if ((flags & TROTH_FRAME_DATA) == 0 ||
        (flags & (TROTH_FRAME_CONTEXT | TROTH_FRAME_CONTEXT_NEXT | TROTH_FRAME_MIC)) != 0) {
        return fail(error, TROTH_E_FRAME, "the peer sent a frame of flags 0x%02x where a message was due",
                    (unsigned)flags);
    }
    if ((flags & TROTH_FRAME_WRAPPED) != 0) {
        status = troth_unwrap(conversation->context, data, length, &data, &data_length, NULL, error);
    } else {
        status = check_plain(conversation, flags, error);
    }
    if (status != TROTH_OK) {
        return status;
    }
    if ((flags & TROTH_FRAME_SEND_MIC) == 0) {
        return troth_frame_send(conversation->socket, &conversation->send, TROTH_FRAME_NOOP, NULL, 0, error);
    }
    /* The MIC goes behind the message: it must not be written over what it is made of. */
    uint8_t *mic = conversation->buffer + length;
    size_t mic_length = 0;
    status = troth_get_mic(conversation->context, data, data_length, mic, conversation->capacity - length, &mic_length,
                           error);
    if (status == TROTH_OK) {
        status = troth_frame_send(conversation->socket, &conversation->send, TROTH_FRAME_MIC, mic, mic_length, error);
    }
    return status;
}

troth_status conversation_serve(struct conversation *conversation, troth_error *error)
{
    for (;;) {
        uint32_t flags = 0;
        size_t length = 0;
        troth_status status = receive(conversation, &flags, &length, error);
        if (status == TROTH_E_CLOSED && length == 0) {
            return TROTH_OK;
        }
        if (status == TROTH_OK && (flags & TROTH_FRAME_NOOP) != 0) {
            return TROTH_OK;
        }
        if (status == TROTH_OK) {
            status = is_sample(conversation) ? answer_sample(conversation, flags, length, error)
                                             : answer_echo(conversation, length, error);
        }
        if (status != TROTH_OK) {
            return status;
        }
    }
}

static troth_status verify_echo(struct conversation *conversation, size_t received, const void *message, size_t length,
                                troth_error *error)
{
    void *data = NULL;
    size_t data_length = 0;
    troth_protection protection = TROTH_PROTECTION_UNSET;
    troth_status status =
        troth_unwrap(conversation->context, conversation->buffer, received, &data, &data_length, &protection, error);
    if (status != TROTH_OK) {
        return status;
    }
    if (conversation->confidential && protection != TROTH_PROTECT_CONFIDENTIALITY) {
        return fail(error, TROTH_E_REQUIREMENT, "the message was sent encrypted, and its echo came back readable");
    }
    if (data_length != length || (length > 0 && memcmp(data, message, length) != 0)) {
        return fail(error, TROTH_E_ALTERED, "the echo (%zu bytes) is not the message that was sent (%zu bytes)",
                    data_length, length);
    }
    return TROTH_OK;
}

static troth_status verify_sample(struct conversation *conversation, uint32_t flags, size_t received,
                                  const void *message, size_t length, troth_error *error)
{
    if (flags != TROTH_FRAME_MIC) {
        return fail(error, TROTH_E_FRAME, "the peer sent a frame of flags 0x%02x where a MIC was due", (unsigned)flags);
    }
    return troth_verify_mic(conversation->context, message, length, conversation->buffer, received, error);
}

troth_status conversation_exchange(struct conversation *conversation, const void *message, size_t length,
                                   troth_error *error)
{
    size_t limit = conversation->send.frame_limit;
    size_t fits = limit > conversation->wrap_overhead ? limit - conversation->wrap_overhead : 0;
    uint32_t flags = 0;
    size_t wrapped = 0;
    size_t received = 0;
    if (length > fits) {
        return fail(error, TROTH_E_LIMIT,
                    "the message is too long: %zu bytes fit into a frame of at most %zu (--frame-limit)", fits, limit);
    }
    troth_status status =
        wrap(conversation, conversation->confidential ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY,
             message, length, &wrapped, error);
    if (status != TROTH_OK) {
        return status;
    }
    if (is_sample(conversation)) {
        flags = TROTH_FRAME_DATA | TROTH_FRAME_WRAPPED | TROTH_FRAME_SEND_MIC |
                (conversation->confidential ? TROTH_FRAME_ENCRYPTED : 0);
    }
    status = send_buffer(conversation, flags, wrapped, error);
    if (status == TROTH_OK) {
        status = receive(conversation, &flags, &received, error);
    }
    if (status != TROTH_OK) {
        return status;
    }
    return is_sample(conversation) ? verify_sample(conversation, flags, received, message, length, error)
                                   : verify_echo(conversation, received, message, length, error);
}

troth_status conversation_close(struct conversation *conversation, troth_error *error)
{
    return is_sample(conversation)
               ? troth_frame_send(conversation->socket, &conversation->send, TROTH_FRAME_NOOP, NULL, 0, error)
               : TROTH_OK;
}
