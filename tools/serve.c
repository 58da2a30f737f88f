/* serve.c - `troth serve`: an acceptor that echoes protected messages, with one thread for each connection. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "options.h"
#include "platform.h"
#include "report.h"

#define ACCEPT_BACKOFF 100 /* ms to wait for a descriptor to become free; the end of a connection cuts it short */

/* Our own protocol asks for more than the library's acceptor: its initiators request replay and sequence detection. */
#define REQUIRED_BE32 (TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION)

struct connection;

struct server {
    struct option_endpoint listen;
    troth_credential_options credential_options;
    troth_context_options context_options;
    troth_socket_options socket_options;
    troth_bindings bindings;
    const char *bindings_text;
    uint32_t frame_limit;
    uint32_t limit; /* of connections at one time */
    int idle;
    bool once;

    troth_credential *credential;
    platform_listener *listener;
    platform_mutex *mutex; /* for the two lists and ending */
    struct connection *active;
    struct connection *finished;
    bool ending; /* connections are cut off: their failures are nobody's */

    /* Of the thread that accepts alone. */
    uint64_t number;
    uint32_t running; /* threads not yet joined */
    bool out_of_descriptors;
    int result;
};

/* Made and freed by the accepting thread; between that it is its own thread's, but for the list's links. */
struct connection {
    struct server *server;
    platform_thread *thread;
    troth_socket socket;
    char who[PLATFORM_TEXT + 64]; /* "connection N from ADDR:PORT" */
    bool ok;
    struct connection *previous;
    struct connection *next;
};

static troth_status converse(struct connection *connection, troth_context *context, troth_error *error)
{
    struct server *server = connection->server;
    struct conversation conversation;
    char heading[sizeof connection->who];
    /* In the heading the number is a field of its own: "connection: N from ADDR:PORT". */
    (void)snprintf(heading, sizeof heading, "connection:%s", connection->who + strlen("connection"));
    troth_status status = report_context(heading, context, server->bindings_text != NULL, error);
    if (status != TROTH_OK) {
        return status;
    }
    status = conversation_begin(&conversation, context, connection->socket, &server->socket_options, server->idle,
                                server->context_options.required, error);
    if (status == TROTH_OK) {
        status = conversation_serve(&conversation, error);
    }
    conversation_end(&conversation);
    return status;
}

static bool server_ending(struct server *server)
{
    platform_mutex_lock(server->mutex);
    bool ending = server->ending;
    platform_mutex_unlock(server->mutex);
    return ending;
}

static void connection_run(void *argument)
{
    struct connection *connection = argument;
    struct server *server = connection->server;
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    troth_status status = troth_context_new(server->credential, &server->context_options, &context, &error);
    if (status == TROTH_OK) {
        status = troth_authenticate(context, connection->socket, &server->socket_options, &error);
    }
    if (status == TROTH_OK) {
        status = converse(connection, context, &error);
    }
    if (status != TROTH_OK && !server_ending(server)) {
        report_failure(connection->who, &error);
    }
    troth_context_free(context);
    connection->ok = status == TROTH_OK;

    platform_mutex_lock(server->mutex);
    platform_socket_close(connection->socket);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->active = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    connection->next = server->finished;
    server->finished = connection;
    platform_mutex_unlock(server->mutex);
    platform_listener_wake(server->listener);
}

/* Joins the threads that are done. */
static void reap(struct server *server)
{
    platform_mutex_lock(server->mutex);
    struct connection *finished = server->finished;
    server->finished = NULL;
    platform_mutex_unlock(server->mutex);
    while (finished != NULL) {
        struct connection *connection = finished;
        finished = connection->next;
        platform_thread_join(connection->thread);
        server->running--;
        if (server->once) {
            server->result = connection->ok ? EXIT_SUCCESS : EXIT_FAILED;
        }
        free(connection);
    }
}

/* Gives an accepted socket its thread, or says why not and closes it. */
static void connection_start(struct server *server, troth_socket socket, const char *from)
{
    struct connection *connection = calloc(1, sizeof *connection);
    server->number++;
    if (connection == NULL) {
        report_error(from, "no memory for this connection");
        platform_socket_close(socket);
        return;
    }
    connection->server = server;
    connection->socket = socket;
    (void)snprintf(connection->who, sizeof connection->who, "connection %llu from %s",
                   (unsigned long long)server->number, from);
    /* The lock is held until the connection is whole: its thread may be done before we are. */
    platform_mutex_lock(server->mutex);
    connection->thread = platform_thread_start(connection_run, connection);
    if (connection->thread != NULL) {
        connection->next = server->active;
        if (connection->next != NULL) {
            connection->next->previous = connection;
        }
        server->active = connection;
        server->running++;
    }
    platform_mutex_unlock(server->mutex);
    if (connection->thread == NULL) {
        report_error(connection->who, "no thread for this connection");
        platform_socket_close(socket);
        free(connection);
    }
}

/* Takes one waiting connection. Returns how long to wait before the next: 0 not at all, -1 until something happens. */
static int accept_one(struct server *server)
{
    troth_socket socket = 0;
    char text[PLATFORM_TEXT] = "";
    switch (platform_listener_accept(server->listener, &socket, text)) {
    case PLATFORM_ACCEPTED:
        server->out_of_descriptors = false;
        if (server->once) {
            platform_listener_shut(server->listener);
        }
        connection_start(server, socket, text);
        return 0;
    case PLATFORM_GONE:
        return 0;
    case PLATFORM_BUSY:
        if (!server->out_of_descriptors) {
            report_error(NULL, "cannot take a connection now, and tries again: %s", text);
        }
        server->out_of_descriptors = true;
        return ACCEPT_BACKOFF;
    case PLATFORM_BROKEN:
        report_error(NULL, "cannot take connections any more: %s", text);
        server->result = EXIT_FAILED;
        return -2;
    case PLATFORM_NOBODY:
        break;
    }
    return -1;
}

static void serve_all(struct server *server)
{
    server->result = server->once ? EXIT_FAILED : EXIT_SUCCESS;
    for (;;) {
        reap(server);
        bool once_taken = server->once && server->number > 0;
        if (platform_interrupted() || (once_taken && server->running == 0)) {
            break;
        }
        bool room = server->running < server->limit && !once_taken;
        int delay = room ? accept_one(server) : -1;
        if (delay == -2) {
            break;
        }
        if (delay != 0) {
            platform_listener_wait(server->listener, room && delay < 0, delay);
        }
    }
    /* Whoever still speaks is cut off; its thread notices at once. */
    platform_mutex_lock(server->mutex);
    server->ending = true;
    for (struct connection *next = server->active; next != NULL; next = next->next) {
        platform_socket_shutdown(next->socket);
    }
    platform_mutex_unlock(server->mutex);
    while (server->running > 0) {
        platform_listener_wait(server->listener, false, ACCEPT_BACKOFF);
        reap(server);
    }
}

static int server_open(struct server *server)
{
    troth_error error = TROTH_ERROR_INIT;
    char text[PLATFORM_TEXT];
    if (troth_credential_acquire(TROTH_ACCEPTOR, &server->credential_options, &server->credential, &error) !=
        TROTH_OK) {
        report_failure(NULL, &error);
        return EXIT_FAILED;
    }
    /* A context that is thrown away: what the library has against these options is said now and not to each peer. */
    troth_context *context = NULL;
    if (troth_context_new(server->credential, &server->context_options, &context, &error) != TROTH_OK) {
        report_failure(NULL, &error);
        return error.status == TROTH_E_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    }
    troth_context_free(context);
    server->mutex = platform_mutex_new();
    if (server->mutex == NULL) {
        report_error(NULL, "memory is out");
        return EXIT_FAILED;
    }
    server->listener = platform_listener_new(server->listen.host, server->listen.port, text);
    if (server->listener == NULL) {
        report_error(NULL, "cannot listen at %s port %s: %s", server->listen.host, server->listen.port, text);
        return EXIT_FAILED;
    }
    platform_catch_interrupt(server->listener);
    platform_listener_address(server->listener, text);
    if (report_line("listening", text, strlen(text), &error) != TROTH_OK) {
        report_failure(NULL, &error);
        return EXIT_FAILED;
    }
    return EXIT_SUCCESS;
}

static void server_close(struct server *server)
{
    platform_listener_free(server->listener);
    platform_mutex_free(server->mutex);
    troth_credential_free(server->credential);
}

static const char synopsis[] = "troth serve [OPTION ...]\n"
                               "\n"
                               "Waits for initiators, authenticates each, and echoes its protected messages until it\n"
                               "closes. Prints \"listening: ADDR:PORT\", and for each authenticated connection:\n"
                               "\n"
                               "  connection: 1 from 127.0.0.1:41234\n"
                               "  peer: alice@EXAMPLE.COM\n"
                               "  mechanism: kerberos\n"
                               "  properties: mutual integrity confidentiality replay sequence\n"
                               "  expires: 2027-01-31T17:00:00Z\n";

static const char about[] =
    "What must be true of a connection before it is served\n"
    "  With be32: mutual, integrity, confidentiality, replay, sequence. With le32 and gss-sample, whose initiators\n"
    "  ask for less: mutual, integrity, confidentiality. --require replaces the whole set.\n"
    "\n"
    "Examples\n"
    "  troth serve --listen 0.0.0.0:4711 --keytab /etc/troth.keytab\n"
    "  troth serve --framing gss-sample --require mutual,integrity     for MIT's gss-client -nw\n"
    "  troth serve --framing le32 --service host@www.example.com       for the classic Windows sample\n"
    "\n"
    "Exit code\n"
    "  0  ended by an interrupt (SIGINT, SIGTERM, Ctrl-C); with --once: the connection was served to its end\n"
    "  1  no credential, no address to listen at; with --once: the connection failed (the reason is on stderr)\n"
    "  2  the command line is wrong\n";

/* What the options leave open. */
static int server_settle(struct server *server)
{
    server->socket_options.frame_limit = server->frame_limit;
    if (server->idle == 0) {
        server->idle = TROTH_NO_TIMEOUT;
    }
    if (server->context_options.required == 0) {
        server->context_options.required =
            server->socket_options.framing == TROTH_FRAMING_BE32 ? REQUIRED_BE32 : TROTH_DEFAULT_REQUIRED_ACCEPTOR;
    }
    if (server->bindings_text != NULL) {
        server->bindings.application_data = server->bindings_text;
        server->bindings.application_data_length = strlen(server->bindings_text);
        server->context_options.bindings = &server->bindings;
    } else if ((server->context_options.required & TROTH_CHANNEL_BOUND) != 0) {
        return options_wrong("serve", "--require bound needs --bindings");
    }
    return EXIT_SUCCESS;
}

int command_serve(int argc, char **argv)
{
    struct server server = {
        .listen = {"127.0.0.1", "0"},
        .credential_options = TROTH_CREDENTIAL_OPTIONS_INIT,
        .context_options = TROTH_CONTEXT_OPTIONS_INIT,
        .socket_options = TROTH_SOCKET_OPTIONS_INIT,
        .frame_limit = TROTH_DEFAULT_FRAME_LIMIT,
        .limit = 1024,
    };
    server.socket_options.timeout = TROTH_DEFAULT_TIMEOUT;
    const struct option_range timeouts = {1, 86400};
    const struct option_range idles = {0, 86400};
    const struct option_range counts = {1, 65536};
    const struct option_range limits = {1024, 16777216};
    struct option options[] = {
        OPTION("listen", "ADDR:PORT", "where to listen; port 0 lets the kernel choose (127.0.0.1:0)", option_endpoint,
               &server.listen),
        OPTION("service", "SERVICE@HOST", "be this service only (any that the keytab has a key for)", option_name,
               &server.credential_options.name),
        OPTION("keytab", "NAME", "where the keys are (the system's default keytab)", option_text,
               &server.credential_options.keytab),
        OPTION("mechanism", "NAME", "kerberos or negotiate; negotiate takes bare Kerberos too (negotiate)",
               option_mechanism, &server.credential_options.mechanism),
        OPTION("framing", "NAME",
               "be32: 4-byte big-endian length; le32: little-endian, the classic Windows sample's;\n"
               "gss-sample: MIT's gss-client (be32)",
               option_framing, &server.socket_options.framing),
        OPTION("require", "LIST",
               "none, or some of mutual,integrity,confidentiality,replay,sequence,bound:\n"
               "replaces the set below",
               option_required, &server.context_options.required),
        OPTION("bindings", "TEXT",
               "channel bindings, such as tls-exporter:VALUE; initiators with other ones are refused,\n"
               "and with --require bound those with none too",
               option_text, &server.bindings_text),
        OPTION("once", NULL, "serve one connection and end with its result", option_flag, &server.once),
        OPTION_RANGE("timeout", "SECONDS", "for a whole handshake, and to take an answer; 1 to 86400 (30)",
                     option_seconds, &server.socket_options.timeout, &timeouts),
        OPTION_RANGE("idle", "SECONDS", "between messages; 0 to 86400, 0: no limit (0)", option_seconds, &server.idle,
                     &idles),
        OPTION_RANGE("max-connections", "N", "at one time, further ones wait to be accepted; 1 to 65536 (1024)",
                     option_number, &server.limit, &counts),
        OPTION_RANGE("frame-limit", "BYTES", "the largest frame, both ways; 1024 to 16777216 (65536)", option_number,
                     &server.frame_limit, &limits),
    };
    const struct option_command command = {
        "serve", synopsis, about, NULL, options, sizeof options / sizeof options[0],
    };
    char *positional = NULL;
    enum options_result parsed = options_parse(&command, argc, argv, &positional);
    if (parsed != OPTIONS_OK) {
        return parsed == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    }
    int result = server_settle(&server);
    if (result == EXIT_SUCCESS) {
        result = server_open(&server);
    }
    if (result == EXIT_SUCCESS) {
        serve_all(&server);
        result = server.result;
    }
    server_close(&server);
    return result;
}
