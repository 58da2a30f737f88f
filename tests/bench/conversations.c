/*
 * conversations.c - `troth serve` with 10,000 authenticated conversations at a time: memory of each, echo traffic
 * against a bare TCP echo server on the same libuv, handshakes while all stay open, and all of that once more while a
 * tenth of the peers is hostile (Linux).
 *
 * usage: conversations TROTH [CONVERSATIONS]
 *
 * Prints ratios; absolute times say little on a shared machine. Fails if any honest peer is not served, or if a bound
 * that does not depend on the machine's speed is broken.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gssapi/gssapi_krb5.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "troth/stream.h"

#define MESSAGE 1024u        /* bytes of each echo */
#define PROTECTED 1088u      /* about what it has on the wire: the bare server's message */
#define BATCH 250u           /* messages that are on their way at a time */
#define TURNS 3u             /* messages of each conversation in one measurement */
#define THREADS 4u           /* of clients that make handshakes */
#define HANDSHAKES 2000u     /* of each measurement */
#define ROUNDS 5u            /* without and with hostile peers in turn; the best count */
#define RAW_CONTEXTS 1000u   /* of MIT alone, for the comparison */
#define OWN_BYTES_MAX 1536.0 /* of a conversation beyond MIT's context: libuv's handle and ours among them */
#define SLOWED_LEAST 0.6     /* what must remain of the speed, which everybody on the machine has a part in */
#define HOSTILE_MOST 0.1     /* of one processor, which hostile peers may take of the server by themselves */

struct server {
    const char *name;
    pid_t process;
    uint16_t port;
    int output;
};

struct honest {
    int socket;
    troth_stream *stream; /* NULL: of the bare server */
};

static troth_credential *credential;
static struct honest *peers;
static unsigned peer_count;

static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("conversations: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    _exit(1);
}

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- servers -------------------------------------------------------------------------------------------------- */

static char echo_buffer[65536];

static void echo_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(echo_buffer, sizeof echo_buffer);
}

static void echo_closed(uv_handle_t *handle)
{
    free(handle);
}

static void echo_read(uv_stream_t *tcp, ssize_t length, const uv_buf_t *buffer)
{
    uv_buf_t answer = uv_buf_init(buffer->base, length > 0 ? (unsigned)length : 0);
    if (length < 0 || (length > 0 && uv_try_write(tcp, &answer, 1) != length)) {
        uv_close((uv_handle_t *)tcp, echo_closed);
    }
}

static void echo_connection(uv_stream_t *listener, int status)
{
    uv_tcp_t *tcp = status == 0 ? malloc(sizeof *tcp) : NULL;
    if (tcp == NULL || uv_tcp_init(listener->loop, tcp) != 0 || uv_accept(listener, (uv_stream_t *)tcp) != 0) {
        die("the bare server cannot take a connection");
    }
    (void)uv_tcp_nodelay(tcp, 1);
    (void)uv_read_start((uv_stream_t *)tcp, echo_room, echo_read);
}

/* The yardstick: what the same loop does with the same bytes and no security at all. */
static void echo_run(int output)
{
    struct sockaddr_in address;
    int length = sizeof address;
    uv_tcp_t listener;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)uv_ip4_addr("127.0.0.1", 0, &address);
    if (uv_tcp_init(uv_default_loop(), &listener) != 0 ||
        uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 4096, echo_connection) != 0 ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length) != 0) {
        die("the bare server cannot listen");
    }
    (void)dprintf(output, "listening: 127.0.0.1:%u\n", ntohs(address.sin_port));
    (void)uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

static void *drain(void *argument)
{
    char bytes[65536];
    const struct server *server = argument;
    while (read(server->output, bytes, sizeof bytes) > 0) {
    }
    return NULL;
}

/* tool NULL: the bare server. */
static void server_start(struct server *server, const char *tool)
{
    int ends[2];
    char line[128] = "";
    size_t length = 0;
    pthread_t thread;
    if (pipe(ends) != 0 || (server->process = fork()) < 0) {
        die("no process");
    }
    if (server->process == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(ends[0]);
        if (tool == NULL) {
            echo_run(ends[1]);
            _exit(1);
        }
        int errors = open("/dev/null", O_WRONLY); /* one line for each hostile peer */
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(errors, STDERR_FILENO);
        (void)execl(tool, tool, "serve", "--mechanism", "kerberos", "--max-connections", "20000", "--timeout", "5",
                    (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    server->output = ends[0];
    while (length < sizeof line - 1 && read(server->output, line + length, 1) == 1 && line[length] != '\n') {
        length++;
    }
    const char *colon = strrchr(line, ':');
    if (strncmp(line, "listening: ", 11) != 0 || colon == NULL) {
        die("%s does not listen", server->name);
    }
    server->port = (uint16_t)strtoul(colon + 1, NULL, 10);
    if (pthread_create(&thread, NULL, drain, server) != 0 || pthread_detach(thread) != 0) {
        die("no thread");
    }
}

static void server_stop(struct server *server)
{
    (void)kill(server->process, SIGTERM);
    (void)waitpid(server->process, NULL, 0);
}

static double server_kib(const struct server *server)
{
    char path[64];
    char line[256];
    long kib = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)server->process);
    FILE *status = fopen(path, "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        (void)sscanf(line, "VmRSS: %ld", &kib);
    }
    if (status == NULL || kib == 0) {
        die("%s has ended", server->name);
    }
    (void)fclose(status);
    return (double)kib;
}

/* The processor's time that it has taken, in seconds. */
static double server_time(const struct server *server)
{
    char path[64];
    unsigned long user = 0;
    unsigned long system = 0;
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)server->process);
    FILE *stat = fopen(path, "r");
    if (stat == NULL ||
        fscanf(stat, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) {
        die("%s has ended", server->name);
    }
    (void)fclose(stat);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- honest peers --------------------------------------------------------------------------------------------- */

/* From several loopback addresses: each has its own ports. */
static int connect_to(const struct server *server, unsigned number, int flags)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + number % 16)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(server->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (peer < 0 || bind(peer, (struct sockaddr *)&from, sizeof from) != 0 ||
        (connect(peer, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)) {
        die("cannot connect to %s: %s", server->name, strerror(errno));
    }
    return peer;
}

static troth_context *initiator(troth_error *error)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;
    options.target.service = "troth";
    options.target.host = "server.troth.test";
    if (troth_context_new(credential, &options, &context, error) != TROTH_OK) {
        die("%s", error->text);
    }
    return context;
}

static struct honest authenticated(const struct server *server, unsigned number)
{
    troth_error error = TROTH_ERROR_INIT;
    struct honest peer = {connect_to(server, number, 0), NULL};
    if (troth_stream_new(initiator(&error), NULL, &peer.stream, &error) != TROTH_OK ||
        troth_stream_run(peer.stream, peer.socket, TROTH_STREAM_READY, 60000, &error) != TROTH_OK) {
        die("an honest peer was not authenticated: %s", error.text);
    }
    return peer;
}

static void leave(struct honest *peer)
{
    troth_stream_free(peer->stream);
    (void)close(peer->socket);
}

struct share {
    const struct server *server;
    unsigned first;
    unsigned end;
    bool keep; /* in peers */
};

static void *authenticate_share(void *argument)
{
    const struct share *share = argument;
    for (unsigned i = share->first; i < share->end; i++) {
        struct honest peer = authenticated(share->server, i);
        if (share->keep) {
            peers[i] = peer;
        } else {
            leave(&peer);
        }
    }
    return NULL;
}

/* Handshakes per second. */
static double authenticate_many(const struct server *server, unsigned count, bool keep)
{
    pthread_t threads[THREADS];
    struct share shares[THREADS];
    double begun = now();
    for (unsigned i = 0; i < THREADS; i++) {
        shares[i] = (struct share){server, count * i / THREADS, count * (i + 1) / THREADS, keep};
        if (pthread_create(&threads[i], NULL, authenticate_share, &shares[i]) != 0) {
            die("no thread");
        }
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    return count / (now() - begun);
}

static void say(struct honest *peer, const char *message)
{
    troth_error error = TROTH_ERROR_INIT;
    size_t taken = 0;
    if (peer->stream == NULL) {
        if (send(peer->socket, message, PROTECTED, MSG_NOSIGNAL) != PROTECTED) {
            die("the bare server takes no more");
        }
    } else if (troth_stream_send(peer->stream, message, MESSAGE, &taken, &error) != TROTH_OK ||
               troth_stream_run(peer->stream, peer->socket, 0, 60000, &error) != TROTH_OK) {
        die("an honest message was not sent: %s", error.text);
    }
}

static void hear(struct honest *peer, const char *message)
{
    troth_error error = TROTH_ERROR_INIT;
    char bare[PROTECTED];
    const void *data = bare;
    size_t length = 0;
    if (peer->stream == NULL) {
        length = recv(peer->socket, bare, sizeof bare, MSG_WAITALL) == sizeof bare ? MESSAGE : 0;
    } else if (troth_stream_run(peer->stream, peer->socket, TROTH_STREAM_DATA, 60000, &error) != TROTH_OK ||
               troth_stream_peek(peer->stream, &data, &length, NULL, &error) != TROTH_OK) {
        die("an honest message was not answered: %s", error.text);
    }
    if (length != MESSAGE || memcmp(data, message, MESSAGE) != 0) {
        die("an echo is not the message");
    }
    if (peer->stream != NULL) {
        troth_stream_consume(peer->stream, length);
    }
}

/* Some messages and their echoes on every conversation; messages per second. */
static double converse(void)
{
    char message[PROTECTED];
    double begun = now();
    for (unsigned i = 0; i < sizeof message; i++) {
        message[i] = (char)('a' + i % 26);
    }
    for (unsigned turn = 0; turn < TURNS * peer_count; turn += BATCH) {
        unsigned first = turn % peer_count;
        unsigned end = first + BATCH;
        for (unsigned i = first; i < end; i++) {
            say(&peers[i], message);
        }
        for (unsigned i = first; i < end; i++) {
            hear(&peers[i], message);
        }
    }
    return TURNS * peer_count / (now() - begun);
}

/* ---- hostile peers -------------------------------------------------------------------------------------------- */

static struct {
    const struct server *server;
    unsigned count;
    atomic_bool stop;
    atomic_uint sessions; /* connections that it made */
    uint8_t token[8192];  /* of a real handshake, with its header */
    size_t token_length;
} hostile;

struct bad {
    int socket;
    size_t sent;
};

/* What one of them does, once a second: of ten four stall in mid-handshake, three trickle, two flood, one replays. */
static void misbehave(struct bad *bad, unsigned number)
{
    static const char garbage[61440] = {0, 0, (char)0xEF, (char)0xFC, 0x60};
    char byte;
    ssize_t got = bad->socket >= 0 ? recv(bad->socket, &byte, 1, MSG_DONTWAIT) : 0;
    if (got == 0 || (got < 0 && errno != EAGAIN)) { /* cut off, or new: once more */
        if (bad->socket >= 0) {
            (void)close(bad->socket);
        }
        bad->socket = connect_to(hostile.server, number, SOCK_NONBLOCK);
        bad->sent = 0;
        atomic_fetch_add(&hostile.sessions, 1);
    }
    size_t part = 0;
    const void *bytes = hostile.token + bad->sent;
    switch (number % 10) {
    case 0:
    case 1:
    case 2:
    case 3:
        part = bad->sent == 0 ? hostile.token_length / 2 : 0;
        break;
    case 4:
    case 5:
    case 6:
        part = bad->sent < hostile.token_length - 1 ? 1 : 0;
        break;
    case 7:
    case 8:
        bytes = garbage;
        part = sizeof garbage;
        break;
    default:
        part = hostile.token_length - bad->sent;
        break;
    }
    ssize_t sent = part > 0 ? send(bad->socket, bytes, part, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
    bad->sent += sent > 0 && bytes != garbage ? (size_t)sent : 0;
}

static void *hostile_run(void *argument)
{
    struct bad *bads = calloc(hostile.count, sizeof *bads);
    (void)argument;
    if (bads == NULL) {
        die("no memory");
    }
    for (unsigned i = 0; i < hostile.count; i++) {
        bads[i].socket = -1;
    }
    while (!atomic_load(&hostile.stop)) {
        /* Ten turns a second, a tenth of them in each. */
        for (unsigned turn = 0; turn < 10 && !atomic_load(&hostile.stop); turn++) {
            double begun = now();
            for (unsigned i = 0; i < hostile.count; i++) {
                if (i / 10 % 10 == turn) {
                    misbehave(&bads[i], i);
                }
            }
            int left = (int)(100 - (now() - begun) * 1000);
            (void)poll(NULL, 0, left > 0 ? left : 0);
        }
    }
    for (unsigned i = 0; i < hostile.count; i++) {
        if (bads[i].socket >= 0) {
            (void)close(bads[i].socket);
        }
    }
    free(bads);
    return NULL;
}

/* A token that has been used once. */
static void token_record(const struct server *server)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = initiator(&error);
    const void *token = NULL;
    size_t length = 0;
    char answer;
    if (troth_context_step(context, NULL, 0, &token, &length, &error) != TROTH_CONTINUE ||
        length > sizeof hostile.token - 4) {
        die("no token: %s", error.text);
    }
    memcpy(hostile.token + 4, token, length);
    hostile.token[2] = (uint8_t)(length >> 8);
    hostile.token[3] = (uint8_t)length;
    hostile.token_length = length + 4;
    int peer = connect_to(server, 0, 0);
    if (send(peer, hostile.token, hostile.token_length, MSG_NOSIGNAL) != (ssize_t)hostile.token_length ||
        recv(peer, &answer, 1, 0) != 1) {
        die("the recorded token was not taken");
    }
    (void)close(peer);
    troth_context_free(context);
}

/* ---- MIT alone ------------------------------------------------------------------------------------------------ */

/* A message each way: MIT makes and keeps the keys for it at the first one. */
static void raw_exchange(gss_ctx_id_t ours, gss_ctx_id_t theirs)
{
    gss_ctx_id_t senders[] = {ours, theirs};
    OM_uint32 minor = 0;
    for (unsigned i = 0; i < 2; i++) {
        gss_buffer_desc plain = {5, (void *)(uintptr_t) "hello"};
        gss_buffer_desc sealed = GSS_C_EMPTY_BUFFER;
        gss_buffer_desc opened = GSS_C_EMPTY_BUFFER;
        if (GSS_ERROR(gss_wrap(&minor, senders[i], 1, GSS_C_QOP_DEFAULT, &plain, NULL, &sealed)) ||
            GSS_ERROR(gss_unwrap(&minor, senders[1 - i], &sealed, &opened, NULL, NULL))) {
            die("MIT alone does not converse");
        }
        (void)gss_release_buffer(&minor, &sealed);
        (void)gss_release_buffer(&minor, &opened);
    }
}

/* What an acceptor context of MIT's that has been used takes of the heap, in bytes. */
static double raw_context_bytes(void)
{
    static gss_ctx_id_t kept[RAW_CONTEXTS];
    static const gss_OID_desc kerberos = {9, (void *)(uintptr_t) "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
    gss_buffer_desc text = {sizeof "troth@server.troth.test" - 1, (void *)(uintptr_t) "troth@server.troth.test"};
    gss_OID mechanism = (gss_OID)(uintptr_t)&kerberos;
    OM_uint32 minor = 0;
    gss_name_t target = GSS_C_NO_NAME;
    size_t before = 0;
    (void)gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &target);
    for (unsigned i = 0; i < RAW_CONTEXTS; i++) {
        gss_ctx_id_t ours = GSS_C_NO_CONTEXT;
        gss_buffer_desc there = GSS_C_EMPTY_BUFFER;
        gss_buffer_desc back = GSS_C_EMPTY_BUFFER;
        if (i == RAW_CONTEXTS / 2) { /* the first ones fill caches */
            before = mallinfo2().uordblks;
        }
        if (GSS_ERROR(gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &ours, target, mechanism,
                                           GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG, 0, NULL, NULL,
                                           NULL, &there, NULL, NULL)) ||
            gss_accept_sec_context(&minor, &kept[i], GSS_C_NO_CREDENTIAL, &there, NULL, NULL, NULL, &back, NULL, NULL,
                                   NULL) != GSS_S_COMPLETE) {
            die("MIT alone does not authenticate");
        }
        (void)gss_release_buffer(&minor, &there);
        if (GSS_ERROR(gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, &ours, target, mechanism,
                                           GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG, 0, NULL, &back,
                                           NULL, &there, NULL, NULL))) {
            die("MIT alone does not finish its handshake");
        }
        raw_exchange(ours, kept[i]);
        (void)gss_release_buffer(&minor, &there);
        (void)gss_release_buffer(&minor, &back);
        (void)gss_delete_sec_context(&minor, &ours, NULL);
    }
    double each = (double)(mallinfo2().uordblks - before) / (RAW_CONTEXTS - RAW_CONTEXTS / 2);
    for (unsigned i = 0; i < RAW_CONTEXTS; i++) {
        (void)gss_delete_sec_context(&minor, &kept[i], NULL);
    }
    (void)gss_release_name(&minor, &target);
    return each;
}

/* ---- the measurements ----------------------------------------------------------------------------------------- */

/* What the machine can do: others that use it at the time make single measurements slower, never faster. */
static double best(const double values[ROUNDS])
{
    double most = values[0];
    for (unsigned i = 1; i < ROUNDS; i++) {
        most = values[i] > most ? values[i] : most;
    }
    return most;
}

struct traffic {
    double speed;   /* messages per second, of both ends together */
    double seconds; /* of the server's processor, for each message */
};

static double handshakes_measure(const struct server *server)
{
    double rates[ROUNDS];
    for (unsigned i = 0; i < ROUNDS; i++) {
        rates[i] = authenticate_many(server, HANDSHAKES, false);
    }
    return best(rates);
}

static struct traffic traffic_measure(const struct server *server)
{
    double speeds[ROUNDS];
    (void)converse(); /* what is allocated once */
    double before = server_time(server);
    for (unsigned i = 0; i < ROUNDS; i++) {
        speeds[i] = converse();
    }
    double spent = server_time(server) - before;
    return (struct traffic){best(speeds), spent / ROUNDS / TURNS / peer_count};
}

static struct traffic bare_measure(void)
{
    struct server bare = {.name = "the bare server"};
    server_start(&bare, NULL);
    for (unsigned i = 0; i < peer_count; i++) {
        peers[i] = (struct honest){connect_to(&bare, i, 0), NULL};
    }
    struct traffic traffic = traffic_measure(&bare);
    for (unsigned i = 0; i < peer_count; i++) {
        (void)close(peers[i].socket);
    }
    server_stop(&bare);
    return traffic;
}

static double median(double values[ROUNDS])
{
    for (unsigned i = 1; i < ROUNDS; i++) {
        double value = values[i];
        unsigned at = i;
        for (; at > 0 && values[at - 1] > value; at--) {
            values[at] = values[at - 1];
        }
        values[at] = value;
    }
    return values[ROUNDS / 2];
}

/*
 * What the server's processor has to do for one second, in seconds, while no honest peer asks for anything. Time of the
 * processor, so that others on the machine have no part in it.
 */
static double idle_load(const struct server *server)
{
    double before = server_time(server);
    double begun = now();
    (void)poll(NULL, 0, 1000);
    return (server_time(server) - before) / (now() - begun);
}

/* The same with and without hostile peers in turn. False: they slow the honest ones too much. */
static bool hostile_measure(const struct server *server)
{
    double messages[2][ROUNDS];
    double handshakes[2][ROUNDS];
    double loads[2][ROUNDS];
    double dearer[ROUNDS]; /* a handshake's time of the server's processor, in the measure of one without them */
    hostile.server = server;
    hostile.count = peer_count / 10;
    token_record(server);
    for (unsigned i = 0; i < ROUNDS; i++) {
        double spent[2];
        for (unsigned with = 0; with < 2; with++) {
            pthread_t thread;
            atomic_store(&hostile.stop, with == 0);
            if (pthread_create(&thread, NULL, hostile_run, NULL) != 0) {
                die("no thread");
            }
            (void)poll(NULL, 0, 1500); /* until each of them has begun, or has left */
            loads[with][i] = idle_load(server);
            messages[with][i] = converse();
            double before = server_time(server);
            handshakes[with][i] = authenticate_many(server, HANDSHAKES, false);
            spent[with] = server_time(server) - before;
            atomic_store(&hostile.stop, true);
            (void)pthread_join(thread, NULL);
        }
        dearer[i] = spent[1] / spent[0];
    }
    double traffic = best(messages[1]) / best(messages[0]);
    double rate = best(handshakes[1]) / best(handshakes[0]);
    double load = median(loads[1]) - median(loads[0]);
    (void)printf(
        "%u hostile peers alone take %.3f of a processor from the server; an honest handshake among them takes "
        "%.2f times as much of it\n",
        hostile.count, load, median(dearer));
    (void)printf(
        "among %u hostile peers (%u connections of theirs): traffic %.2f, handshakes %.2f of the speed without\n",
        hostile.count, atomic_load(&hostile.sessions), traffic, rate);
    return load <= HOSTILE_MOST && traffic >= SLOWED_LEAST && rate >= SLOWED_LEAST;
}

static bool measure(const char *tool)
{
    struct server server = {.name = "troth serve"};
    double raw = raw_context_bytes();
    struct traffic bare = bare_measure();
    server_start(&server, tool);
    double alone = handshakes_measure(&server);
    double kib = server_kib(&server);
    double opening = authenticate_many(&server, peer_count, true);
    double each = (server_kib(&server) - kib) * 1024 / peer_count;
    struct traffic ours = traffic_measure(&server);
    double after = (server_kib(&server) - kib) * 1024 / peer_count;
    double full = handshakes_measure(&server);

    (void)printf("%u conversations at a time\n", peer_count);
    (void)printf("memory of each: %.0f bytes, %.0f after traffic; MIT's context alone: %.0f; beyond it: %.0f\n", each,
                 after, raw, after - raw);
    (void)printf("echoes of %u bytes: %.0f/s, %.2f of a bare TCP echo server's; the server's processor: %.1f us each, "
                 "%.2f times the bare one's %.1f\n",
                 MESSAGE, ours.speed, ours.speed / bare.speed, ours.seconds * 1e6, ours.seconds / bare.seconds,
                 bare.seconds * 1e6);
    bool ok = hostile_measure(&server);
    (void)converse(); /* all of them are still there */
    for (unsigned i = 0; i < peer_count; i++) {
        leave(&peers[i]);
    }
    (void)poll(NULL, 0, 1000); /* it gets rid of them */
    /* Before and after, since the replay cache has grown by then. */
    double empty = (alone + handshakes_measure(&server)) / 2;
    (void)printf(
        "handshakes: %.0f/s with no conversation open; %.2f of it while they were opened, %.2f with all open\n", empty,
        opening / empty, full / empty);
    server_stop(&server);
    if (!ok) {
        (void)printf("FAILED: hostile peers slow the honest ones\n");
    }
    if (after - raw > OWN_BYTES_MAX) {
        (void)printf("FAILED: more than %.0f bytes beyond MIT's context\n", OWN_BYTES_MAX);
        ok = false;
    }
    return ok;
}

int main(int argc, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential_options options = TROTH_CREDENTIAL_OPTIONS_INIT;
    struct rlimit limit;
    peer_count = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    if (argc < 2 || peer_count < BATCH || peer_count > 60000 || peer_count % BATCH != 0) {
        (void)fprintf(stderr, "usage: conversations TROTH [CONVERSATIONS, a multiple of 250]\n");
        return 2;
    }
    rlim_t needed = peer_count + peer_count / 10 + 1000;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
        limit.rlim_cur = needed;
        limit.rlim_max = limit.rlim_max < needed ? needed : limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            (void)printf("SKIPPED: %lu descriptors are needed\n", (unsigned long)needed);
            return 77;
        }
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    options.mechanism = TROTH_MECHANISM_KERBEROS;
    peers = calloc(peer_count, sizeof *peers);
    if (peers == NULL || troth_credential_acquire(TROTH_INITIATOR, &options, &credential, &error) != TROTH_OK) {
        die("%s", error.text);
    }
    bool ok = measure(argv[1]);
    troth_credential_free(credential);
    free(peers);
    return ok ? 0 : 1;
}
