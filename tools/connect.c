/* connect.c - `troth connect`: an initiator that sends protected messages and checks what comes back. */
#include "commands.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "password.h"
#include "platform.h"
#include "report.h"

#define NO_SOCKET ((troth_socket)-1)
#define DELEGATE_UNSAID ((troth_delegate)UINT8_MAX) /* never, but by --require delegated */

struct client {
    struct option_endpoint endpoint;
    troth_credential_options credential_options;
    troth_context_options context_options;
    troth_stream_options stream_options;
    int timeout;
    troth_bindings bindings;
    const char *bindings_text;
    const char *password_file;
    struct option_texts messages;
    uint32_t frame_limit;
    struct option_policy policy;
    bool trace;

    troth_credential *credential;
    troth_context *context; /* the stream's once that is there */
    troth_stream *stream;
    troth_socket socket;
    troth_context_info info;
    uint64_t sent;
};

static int credential_open(struct client *client)
{
    troth_error error = TROTH_ERROR_INIT;
    char buffer[PASSWORD_CAPACITY + 1];
    int result = EXIT_FAILED;
    if (client->password_file != NULL) {
        char *password = NULL;
        if (!password_read(client->password_file, buffer, &password)) {
            goto out;
        }
        client->credential_options.password = password;
    }
    if (troth_credential_acquire(TROTH_INITIATOR, &client->credential_options, &client->credential, &error) !=
        TROTH_OK) {
        report_failure(NULL, &error);
        goto out;
    }
    result = EXIT_SUCCESS;
out:
    client->credential_options.password = NULL;
    platform_wipe(buffer, sizeof buffer);
    return result;
}

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

/* What came back is what was sent; under gss-sample it is that once more, its MIC verified. */
static troth_status echo_verify(struct client *client, const void *message, size_t length, troth_error *error)
{
    troth_protection protection = TROTH_PROTECTION_UNSET;
    const void *data = NULL;
    size_t data_length = 0;
    troth_status status = troth_stream_peek(client->stream, &data, &data_length, &protection, error);
    if (status != TROTH_OK) {
        return status;
    }
    if ((client->info.properties & TROTH_CONFIDENTIALITY) != 0 && protection != TROTH_PROTECT_CONFIDENTIALITY) {
        return fail(error, TROTH_E_REQUIREMENT, "the message was sent encrypted, and its echo came back readable");
    }
    if (data_length != length || (length > 0 && memcmp(data, message, length) != 0)) {
        return fail(error, TROTH_E_ALTERED, "the echo (%zu bytes) is not the message that was sent (%zu bytes)",
                    data_length, length);
    }
    troth_stream_consume(client->stream, data_length);
    return TROTH_OK;
}

static troth_status message_send(struct client *client, const void *message, size_t length, troth_error *error)
{
    size_t limit = client->frame_limit;
    size_t fits = limit > client->info.wrap_overhead ? limit - client->info.wrap_overhead : 0;
    size_t taken = 0;
    client->sent++;
    if (length == 0 && client->stream_options.framing == TROTH_FRAMING_NEGOTIATE_STREAM) {
        return fail(error, TROTH_E_ARGUMENT, "an empty message has no echo: NegotiateStream is a flow of bytes");
    }
    if (length > fits) {
        return fail(error, TROTH_E_LIMIT,
                    "the message is too long: %zu bytes fit into a frame of at most %zu (--frame-limit)", fits, limit);
    }
    troth_status status = troth_stream_send(client->stream, message, length, &taken, error);
    if (status == TROTH_OK) {
        status = troth_stream_run(client->stream, client->socket, TROTH_STREAM_DATA, client->timeout, error);
    }
    if (status == TROTH_OK) {
        status = echo_verify(client, message, length, error);
    }
    if (status == TROTH_OK) {
        bool echoed = client->stream_options.framing != TROTH_FRAMING_GSS_SAMPLE;
        status = report_line(echoed ? "echo" : "verified", message, length, error);
    }
    return status;
}

/*
 * The next line of stdin without its newline into a buffer that grows, up to one byte over limit. Returns false at the
 * end of the input.
 */
static bool line_read(char **line, size_t *capacity, size_t limit, size_t *length, bool *no_memory)
{
    int next = 0;
    *length = 0;
    while (*length <= limit && (next = getc(stdin)) != EOF && next != '\n') {
        if (*length == *capacity) {
            size_t larger = *capacity * 2 + 256;
            char *grown = malloc(larger);
            if (grown == NULL) {
                *no_memory = true;
                return false;
            }
            if (*line != NULL) {
                memcpy(grown, *line, *length);
                platform_wipe(*line, *capacity);
                free(*line);
            }
            *line = grown;
            *capacity = larger;
        }
        (*line)[(*length)++] = (char)next;
    }
    return next != EOF || *length > 0;
}

static troth_status messages_from_input(struct client *client, troth_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    size_t length = 0;
    bool no_memory = false;
    troth_status status = TROTH_OK;
    while (status == TROTH_OK && line_read(&line, &capacity, client->frame_limit, &length, &no_memory)) {
        status = message_send(client, line, length, error);
    }
    if (line != NULL) {
        platform_wipe(line, capacity);
        free(line);
    }
    if (status == TROTH_OK && (no_memory || ferror(stdin))) {
        return no_memory ? fail(error, TROTH_E_MEMORY, "memory is out")
                         : fail(error, TROTH_E_IO, "cannot read standard input");
    }
    return status;
}

static troth_status messages_from_options(struct client *client, troth_error *error)
{
    troth_status status = TROTH_OK;
    for (size_t i = 0; i < client->messages.count && status == TROTH_OK; i++) {
        status = message_send(client, client->messages.items[i], strlen(client->messages.items[i]), error);
    }
    return status;
}

static troth_status converse(struct client *client, troth_error *error)
{
    troth_status status = troth_stream_new(client->context, &client->stream_options, &client->stream, error);
    if (status == TROTH_OK) {
        status = troth_stream_run(client->stream, client->socket, TROTH_STREAM_READY, client->timeout, error);
    }
    if (status == TROTH_OK) {
        status = troth_context_info_get(client->context, &client->info, error);
    }
    if (status == TROTH_OK) {
        status = report_context(NULL, client->context, client->bindings_text != NULL, error);
    }
    if (status == TROTH_OK) {
        status = client->messages.count > 0 ? messages_from_options(client, error) : messages_from_input(client, error);
    }
    if (status == TROTH_OK) {
        status = troth_stream_end(client->stream, error);
    }
    if (status == TROTH_OK) {
        status = troth_stream_run(client->stream, client->socket, 0, client->timeout, error);
    }
    return status;
}

static int client_run(struct client *client)
{
    troth_error error = TROTH_ERROR_INIT;
    char text[PLATFORM_TEXT];
    char who[64];
    if (credential_open(client) != EXIT_SUCCESS) {
        return EXIT_FAILED;
    }
    if (troth_context_new(client->credential, &client->context_options, &client->context, &error) != TROTH_OK) {
        report_failure(NULL, &error);
        return error.status == TROTH_E_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!platform_connect(client->endpoint.host, client->endpoint.port, client->timeout, &client->socket, text)) {
        report_error(NULL, "cannot connect to %s port %s: %s", client->endpoint.host, client->endpoint.port, text);
        return EXIT_FAILED;
    }
    if (converse(client, &error) != TROTH_OK) {
        (void)snprintf(who, sizeof who, "message %llu", (unsigned long long)client->sent);
        report_failure(client->sent > 0 ? who : NULL, &error);
        return EXIT_FAILED;
    }
    return EXIT_SUCCESS;
}

static void client_close(struct client *client)
{
    if (client->socket != NO_SOCKET) {
        platform_socket_close(client->socket);
    }
    if (client->stream != NULL) {
        troth_stream_free(client->stream);
    } else {
        troth_context_free(client->context);
    }
    troth_credential_free(client->credential);
}

static const char synopsis[] =
    "troth connect HOST:PORT --target SERVICE@HOST [OPTION ...]\n"
    "\n"
    "Authenticates to an acceptor, which must prove itself too, and sends each message protected: encrypted where\n"
    "the connection can, else with integrity. Messages are --message's, or the lines of standard input; with none at\n"
    "all it authenticates and ends. Prints:\n"
    "\n"
    "  peer: host/www.example.com@EXAMPLE.COM\n"
    "  mechanism: kerberos\n"
    "  properties: mutual integrity confidentiality replay sequence\n"
    "  expires: 2027-01-31T17:00:00Z\n"
    "  echo: TEXT         for each message that came back right (gss-sample: \"verified: TEXT\" for each right MIC)\n"
    "\n"
    "HOST is a name, an IPv4 address, or an IPv6 address in brackets.\n";

static const char about[] =
    "Who you are: the tickets of kinit (on Windows: of the logon session), or one of --ccache, --client-keytab and\n"
    "--password-file. A password never stands on the command line.\n"
    "\n"
    "Properties\n"
    "  mutual, integrity, confidentiality, replay and sequence are requested and required. --require replaces what\n"
    "  is required, --request what is requested; what is required is always requested as well.\n"
    "\n"
    "Examples\n"
    "  troth connect www.example.com:4711 --target host@www.example.com --message hello\n"
    "  troth connect [::1]:4711 --target host@www.example.com --principal alice --password-file alice.pw < lines\n"
    "  troth connect www.example.com:4444 --target host@www.example.com --framing gss-sample --message hello\n"
    "\n"
    "Exit code\n"
    "  0  everything required was verified, and every message came back right\n"
    "  1  no credential, no connection, authentication or conversation failed (the reason is on stderr)\n"
    "  2  the command line is wrong\n";

/* What the options leave open, and what they must not say together. */
static int client_settle(struct client *client, char *positional)
{
    troth_credential_options *credential = &client->credential_options;
    troth_context_options *context = &client->context_options;
    const char *wrong = endpoint_parse(positional, &client->endpoint);
    if (wrong != NULL || strcmp(client->endpoint.port, "0") == 0) {
        return options_wrong("connect", "HOST:PORT: %s", wrong != NULL ? wrong : "there is no port 0 to connect to");
    }
    if (context->target.service == NULL && context->target.principal == NULL) {
        return options_wrong("connect", "--target SERVICE@HOST is missing: whom to authenticate");
    }
    if ((credential->ccache != NULL) + (credential->keytab != NULL) + (client->password_file != NULL) > 1) {
        return options_wrong("connect", "--ccache, --client-keytab and --password-file exclude one another");
    }
    if (client->password_file != NULL && credential->name.principal == NULL) {
        return options_wrong("connect", "--password-file needs --principal: whose password it is");
    }
    if (client->password_file != NULL && strcmp(client->password_file, "-") == 0 && client->messages.count == 0) {
        return options_wrong("connect", "--password-file - needs --message: standard input cannot give both the "
                                        "password and the messages");
    }
    if ((context->required & TROTH_CHANNEL_BOUND) != 0) {
        return options_wrong("connect", "bound can be required by an acceptor only: no protocol tells an initiator "
                                        "whether its bindings were compared");
    }
    if (((context->required | context->forbidden) & TROTH_TARGET_NAMED) != 0) {
        return options_wrong("connect",
                             "target can be required by an acceptor only: an initiator has one and names it");
    }
    if (context->delegate == TROTH_DELEGATE_NEVER && (context->required & TROTH_DELEGATED) != 0) {
        return options_wrong("connect", "--delegate never and --require delegated exclude one another");
    }
    if (context->delegate == DELEGATE_UNSAID) {
        context->delegate = TROTH_DELEGATE_NEVER;
    }
    if (context->required == 0) {
        context->required = TROTH_DEFAULT_REQUIRED_INITIATOR;
    }
    if (client->bindings_text != NULL) {
        client->bindings.application_data = client->bindings_text;
        client->bindings.application_data_length = strlen(client->bindings_text);
        context->bindings = &client->bindings;
    }
    option_policy_apply(&client->policy, credential, context);
    client->stream_options.frame_limit = client->frame_limit;
    credential->trace = client->trace ? report_trace : NULL;
    return EXIT_SUCCESS;
}

int command_connect(int argc, char **argv)
{
    struct client client = {
        .credential_options = TROTH_CREDENTIAL_OPTIONS_INIT,
        .context_options = TROTH_CONTEXT_OPTIONS_INIT,
        .stream_options = TROTH_STREAM_OPTIONS_INIT,
        .timeout = TROTH_DEFAULT_TIMEOUT,
        .info = TROTH_CONTEXT_INFO_INIT,
        .frame_limit = TROTH_DEFAULT_FRAME_LIMIT,
        .socket = NO_SOCKET,
    };
    client.context_options.delegate = DELEGATE_UNSAID;
    const struct option_range limits = {1024, 16777216};
    const struct option_range seconds = {1, 86400};
    struct option options[] = {
        OPTION("target", "SERVICE@HOST", "whom to authenticate; or a whole principal, SERVICE/HOST@REALM", option_name,
               &client.context_options.target),
        OPTION("principal", "NAME", "who to be (whoever the tickets are for)", option_text,
               &client.credential_options.name.principal),
        OPTION("ccache", "NAME", "where the tickets are (the system's default cache)", option_text,
               &client.credential_options.ccache),
        OPTION("client-keytab", "NAME", "get tickets with a key of this keytab", option_text,
               &client.credential_options.keytab),
        OPTION("password-file", "FILE",
               "get tickets with the password in this file, one line; - is standard input.\nNeeds --principal",
               option_text, &client.password_file),
        OPTION("mechanism", "NAME", "kerberos, negotiate or ntlm (negotiate)", option_mechanism,
               &client.credential_options.mechanism),
        OPTION("framing", "NAME",
               "be32: 4-byte big-endian length; le32: little-endian, the classic Windows sample's;\n"
               "gss-sample: MIT's gss-server; negotiate-stream: .NET's NegotiateStream (be32)",
               option_framing, &client.stream_options.framing),
        OPTION("require", "LIST",
               "none, or some of mutual,integrity,confidentiality,replay,sequence,identify,\n"
               "delegated: what must be true in the end (the first five)",
               option_required, &client.context_options.required),
        OPTION("request", "LIST",
               "none, or some of the same but delegated: what to ask the mechanism for (the first five)",
               option_requested, &client.context_options.requested),
        OPTION("forbid", "LIST", "none, or some of what --require takes: what must not be true in the end (none)",
               option_required, &client.context_options.forbidden),
        OPTION("delegate", "WORD",
               "hand on your ticket, so that the acceptor can act in your name everywhere: never; policy, where\n"
               "the KDC calls it trusted; always, to whoever the target is, which Windows cannot (never)",
               option_delegate, &client.context_options.delegate),
        OPTION("allow-ntlm", NULL,
               "let negotiate fall to NTLM, which is never mutual: it needs a --require without mutual", option_flag,
               &client.policy.ntlm),
        OPTION("refuse-encryption", "LIST",
               "numbers of Kerberos encryption types (23 is RC4), or weak: DES, triple DES and RC4", option_encryption,
               &client.policy.refused),
        OPTION("bindings", "TEXT", "channel bindings, such as tls-exporter:VALUE; the acceptor compares them",
               option_text, &client.bindings_text),
        OPTION_REPEATS("message", "TEXT", "send this; may be given many times (the lines of standard input)",
                       option_texts, &client.messages),
        OPTION("trace", NULL, "tell on stderr of each native call and each token (lengths only; no secrets)",
               option_flag, &client.trace),
        OPTION_RANGE("timeout", "SECONDS", "to connect, for the whole handshake, for each answer; 1 to 86400 (30)",
                     option_seconds, &client.timeout, &seconds),
        OPTION_RANGE("frame-limit", "BYTES", "the largest frame, both ways; 1024 to 16777216 (65536)", option_number,
                     &client.frame_limit, &limits),
    };
    const struct option_command command = {
        "connect", synopsis, about, "HOST:PORT", options, sizeof options / sizeof options[0],
    };
    char *positional = NULL;
    int result = EXIT_USAGE;
    client.messages.items = calloc((size_t)argc + 1, sizeof *client.messages.items);
    if (client.messages.items == NULL) {
        report_error(NULL, "memory is out");
        return EXIT_FAILED;
    }
    enum options_result parsed = options_parse(&command, argc, argv, &positional);
    if (parsed == OPTIONS_OK) {
        result = client_settle(&client, positional);
        if (result == EXIT_SUCCESS) {
            result = client_run(&client);
        }
        client_close(&client);
    } else if (parsed == OPTIONS_HELP) {
        result = EXIT_SUCCESS;
    }
    free(client.messages.items);
    return result;
}
