/*
 * hostile.c - 10,000 connections to one `troth serve`, a third of them hostile: afterwards it is alive, has served
 * every honest one, and holds no more memory and no more descriptors than after the first thousand (Linux).
 *
 * usage: hostile TROTH [CONNECTIONS]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "realm.h"
#include "troth/stream.h"

#define WARM_UP 1000u
#define THREADS 4u
#define STALLED_AT_ONCE 250u /* in the warm-up: more than there are later on */
#define STALLED_MAX 100u     /* later on: the oldest leaves for the next one */
#define HANDSHAKE_SECONDS "5"
#define GROWTH_KIB 1024 /* over 9,000 connections: a leak of 117 bytes in each would be seen */

struct usage {
    long rss;  /* KiB */
    long peak; /* KiB */
    long descriptors;
};

static struct {
    const char *tool;
    unsigned connections;

    pid_t server;
    uint16_t port;
    int output; /* the server's stdout */
    pthread_t drain;
    unsigned authenticated; /* that the server has reported; read after its end */
    int exit_code;

    troth_credential *credential;
    pthread_mutex_t mutex; /* for all below */
    unsigned next;
    unsigned end;
    unsigned truncations;
    unsigned honest;
    unsigned served;
    int stalled[STALLED_AT_ONCE];
    unsigned stalled_count;
    unsigned stalled_oldest;
    char failure[1200]; /* of the first honest one that failed */

    struct usage idle;
    struct usage warm;
    struct usage after;
} run;

/* ------------------------------------------------------------------------------------------------------------------
 * The server
 * --------------------------------------------------------------------------------------------------------------- */

/* Takes all it prints, so that it never waits for us, and counts the connections it reports. */
static void *drain_run(void *argument)
{
    FILE *output = fdopen(run.output, "r");
    char line[1024];
    (void)argument;
    while (output != NULL && fgets(line, sizeof line, output) != NULL) {
        if (strncmp(line, "connection: ", 12) == 0) {
            run.authenticated++;
        }
    }
    if (output != NULL) {
        (void)fclose(output);
    }
    return NULL;
}

static void server_start(void)
{
    int ends[2];
    char line[128];
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    run.server = fork();
    assert_true(run.server >= 0);
    if (run.server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        int errors = open("/dev/null", O_WRONLY); /* one line for each hostile peer */
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(errors, STDERR_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)close(errors);
        /* What many arenas keep back for each other is no leak, and would hide one. */
        (void)setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=1", 1);
        (void)execl(run.tool, run.tool, "serve", "--timeout", HANDSHAKE_SECONDS, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    run.output = ends[0];
    while (length < sizeof line - 1 && read(run.output, line + length, 1) == 1 && line[length] != '\n') {
        length++;
    }
    line[length] = '\0';
    const char *colon = strrchr(line, ':');
    assert_int_equal(strncmp(line, "listening: ", 11), 0);
    run.port = (uint16_t)strtoul(colon + 1, NULL, 10);
    assert_int_equal(pthread_create(&run.drain, NULL, drain_run, NULL), 0);
}

static struct usage server_usage(void)
{
    struct usage usage = {0, 0, 0};
    char path[64];
    char line[256];
    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)run.server);
    FILE *status = fopen(path, "r");
    assert_non_null(status);
    while (fgets(line, sizeof line, status) != NULL) {
        (void)sscanf(line, "VmRSS: %ld", &usage.rss);
        (void)sscanf(line, "VmHWM: %ld", &usage.peak);
    }
    (void)fclose(status);
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)run.server);
    DIR *descriptors = opendir(path);
    assert_non_null(descriptors);
    while (readdir(descriptors) != NULL) {
        usage.descriptors++;
    }
    (void)closedir(descriptors);
    return usage;
}

/* The server has closed what it had from us; waits for it, 20 s at most, and takes what it uses then. */
static struct usage server_quiet(void)
{
    struct usage usage = server_usage();
    for (int i = 0; i < 2000 && usage.descriptors > run.idle.descriptors; i++) {
        (void)poll(NULL, 0, 10);
        usage = server_usage();
    }
    return usage;
}

/* ------------------------------------------------------------------------------------------------------------------
 * The peers
 * --------------------------------------------------------------------------------------------------------------- */

/* From one of several loopback addresses: each has its own ports, of which many stay in TIME_WAIT. -1: refused. */
static int peer_connect(unsigned number)
{
    struct sockaddr_in from;
    struct sockaddr_in to;
    memset(&from, 0, sizeof from);
    from.sin_family = AF_INET;
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % 8);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_port = htons(run.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer >= 0 && (bind(peer, (struct sockaddr *)&from, sizeof from) != 0 ||
                      connect(peer, (struct sockaddr *)&to, sizeof to) != 0)) {
        (void)close(peer);
        peer = -1;
    }
    return peer;
}

/* Sends, and does not mind that the server may have closed already. */
static void peer_send(int peer, const void *bytes, size_t length)
{
    ssize_t sent = send(peer, bytes, length, MSG_NOSIGNAL);
    (void)sent;
}

static troth_context *initiator_new(troth_error *error)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_context *context = NULL;
    options.target.service = "troth";
    options.target.host = "server.troth.test";
    return troth_context_new(run.credential, &options, &context, error) == TROTH_OK ? context : NULL;
}

static size_t frame(uint8_t *output, const void *bytes, size_t length)
{
    output[0] = 0;
    output[1] = 0;
    output[2] = (uint8_t)(length >> 8);
    output[3] = (uint8_t)length;
    memcpy(output + 4, bytes, length);
    return length + 4;
}

/* An honest conversation of one message. With cut not NULL only the first *cut bytes of the message's frame go out. */
static bool converse(int peer, unsigned number, const size_t *cut, troth_error *error)
{
    char message[64];
    const void *data = NULL;
    size_t length = 0;
    bool ok = false;
    troth_stream *stream = NULL;
    troth_context *context = initiator_new(error);
    size_t message_length = (size_t)snprintf(message, sizeof message, "message of connection %u", number);
    if (context == NULL || troth_stream_new(context, NULL, &stream, error) != TROTH_OK ||
        troth_stream_run(stream, peer, TROTH_STREAM_READY, 0, error) != TROTH_OK ||
        troth_stream_send(stream, message, message_length, &length, error) != TROTH_OK) {
        goto out;
    }
    if (cut != NULL) {
        troth_stream_pending(stream, &data, &length);
        peer_send(peer, data, *cut < length ? *cut : length);
        ok = *cut < length;
        goto out;
    }
    if (troth_stream_run(stream, peer, TROTH_STREAM_DATA, 0, error) != TROTH_OK ||
        troth_stream_peek(stream, &data, &length, NULL, error) != TROTH_OK) {
        goto out;
    }
    ok = length == message_length && memcmp(data, message, length) == 0;
out:
    if (stream == NULL) {
        troth_context_free(context);
    }
    troth_stream_free(stream);
    return ok;
}

/* The next place of a real conversation's bytes to cut it at: every one of them, again and again. */
static void hostile_truncation(int peer, unsigned number)
{
    static size_t first_length; /* of the first token with its header; under the mutex */
    troth_error error = TROTH_ERROR_INIT;
    const void *token = NULL;
    size_t length = 0;
    uint8_t framed[8192];
    troth_context *context = initiator_new(&error);
    if (context == NULL || troth_context_step(context, NULL, 0, &token, &length, &error) != TROTH_CONTINUE ||
        length > sizeof framed - 4) {
        troth_context_free(context);
        return;
    }
    size_t all = frame(framed, token, length);
    (void)pthread_mutex_lock(&run.mutex);
    first_length = first_length == 0 ? all : first_length;
    size_t place = run.truncations++ % (first_length + 80);
    (void)pthread_mutex_unlock(&run.mutex);
    if (place < first_length) {
        peer_send(peer, framed, place < all ? place : all - 1);
    } else {
        size_t cut = place - first_length;
        (void)converse(peer, number, &cut, &error);
    }
    troth_context_free(context);
}

static void hostile(int peer, unsigned number)
{
    static const char garbage[] = "\0\0\1\0This is not a token, and these are not two hundred and fifty-six bytes; "
                                  "whoever reads them as one finds neither a tag of ASN.1 nor the signature of "
                                  "anything that this server could ever know, only words, and then a few words more "
                                  "that are here to fill up what the header has promised, that is all..............";
    switch (number % 30) {
    case 0:
    case 1:
        peer_send(peer, garbage, sizeof garbage - 1);
        break;
    case 2:
        peer_send(peer, number % 60 == 2 ? "\x00\x01\x00\x01 one too many" : "\xff\xff\xff\xff as many as can be", 20);
        break;
    case 3:
        peer_send(peer, garbage, number % 7); /* and then nothing for a long time */
        return;
    case 4:
    case 5:
        break;
    default:
        hostile_truncation(peer, number);
        break;
    }
    if (number % 2 == 0) { /* half of them end with a reset */
        struct linger at_once = {1, 0};
        (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    (void)close(peer);
}

static void peer_run(unsigned number)
{
    troth_error error = TROTH_ERROR_INIT;
    bool is_hostile = number % 30 < 10;
    bool stalls = number % 30 == 3;
    int peer = peer_connect(number);
    bool ok = peer >= 0;
    if (ok && is_hostile) {
        hostile(peer, number);
    } else if (ok) {
        ok = converse(peer, number, NULL, &error);
        (void)close(peer);
    }
    (void)pthread_mutex_lock(&run.mutex);
    if (!is_hostile) {
        run.honest++;
        run.served += ok ? 1 : 0;
    }
    if (!ok && run.failure[0] == '\0') {
        (void)snprintf(run.failure, sizeof run.failure, "connection %u: %s", number,
                       peer < 0 ? "not connected" : error.text);
    }
    if (ok && stalls && run.stalled_count < STALLED_MAX) {
        run.stalled[run.stalled_count++] = peer;
    } else if (ok && stalls) {
        (void)close(run.stalled[run.stalled_oldest]);
        run.stalled[run.stalled_oldest] = peer;
        run.stalled_oldest = (run.stalled_oldest + 1) % run.stalled_count;
    }
    (void)pthread_mutex_unlock(&run.mutex);
}

static void *peers_run(void *argument)
{
    (void)argument;
    for (;;) {
        (void)pthread_mutex_lock(&run.mutex);
        unsigned number = run.next < run.end ? run.next++ : UINT32_MAX;
        (void)pthread_mutex_unlock(&run.mutex);
        if (number == UINT32_MAX) {
            return NULL;
        }
        peer_run(number);
    }
}

/* Runs the connections up to a number, and waits until the server has got rid of the stalled ones itself. */
static struct usage peers_until(unsigned end)
{
    pthread_t threads[THREADS];
    run.end = end;
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, peers_run, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < run.stalled_count; i++) {
        struct pollfd closed = {.fd = run.stalled[i], .events = POLLIN};
        assert_int_equal(poll(&closed, 1, 20000), 1);
        (void)close(run.stalled[i]);
    }
    run.stalled_count = 0;
    run.stalled_oldest = 0;
    return server_quiet();
}

static void show(const char *when, const struct usage *usage)
{
    print_message("%-28s %6ld KiB, peak %6ld KiB, %ld descriptors\n", when, usage->rss, usage->peak,
                  usage->descriptors);
}

/* The first connection of all makes the event loop's own reserve descriptor, which stays. Gone when it returns. */
static void first_connection(void)
{
    char byte;
    int peer = peer_connect(0);
    assert_true(peer >= 0);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    assert_true(recv(peer, &byte, 1, 0) <= 0);
    (void)close(peer);
}

static int everything_runs(void **state)
{
    (void)state;
    troth_error error = TROTH_ERROR_INIT;
    int status = 0;
    (void)pthread_mutex_init(&run.mutex, NULL);
    if (troth_credential_acquire(TROTH_INITIATOR, NULL, &run.credential, &error) != TROTH_OK) {
        print_message("%s\n", error.text);
        return -1;
    }
    server_start();
    first_connection();
    run.idle = server_usage();
    for (unsigned i = 0; i < STALLED_AT_ONCE; i++) {
        int peer = peer_connect(i);
        assert_true(peer >= 0);
        run.stalled[run.stalled_count++] = peer;
    }
    run.warm = peers_until(WARM_UP);
    run.after = peers_until(run.connections);
    assert_int_equal(kill(run.server, SIGTERM), 0);
    assert_int_equal(waitpid(run.server, &status, 0), run.server);
    (void)pthread_join(run.drain, NULL);
    run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    troth_credential_free(run.credential);
    show("before", &run.idle);
    show("after the warm-up", &run.warm);
    show("after all", &run.after);
    print_message("%u connections, %u honest, %u served; %u cut at some byte; %u authenticated\n", run.connections,
                  run.honest, run.served, run.truncations, run.authenticated);
    return 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * What must be true of it
 * --------------------------------------------------------------------------------------------------------------- */

static void every_honest_connection_was_served(void **state)
{
    (void)state;
    if (run.served != run.honest) {
        fail_msg("%u of %u served; the first failure: %s", run.served, run.honest, run.failure);
    }
    assert_true(run.honest >= run.connections / 2);
    assert_true(run.authenticated >= run.served);
}

static void the_server_was_alive_and_ended_cleanly(void **state)
{
    (void)state;
    assert_int_equal(run.exit_code, 0);
}

static void no_descriptor_is_left_over(void **state)
{
    (void)state;
    assert_int_equal(run.warm.descriptors, run.idle.descriptors);
    assert_int_equal(run.after.descriptors, run.idle.descriptors);
}

static void memory_has_not_grown(void **state)
{
    (void)state;
    assert_true(run.warm.rss > 0 && run.warm.peak > 0);
    if (run.after.rss > run.warm.rss + GROWTH_KIB || run.after.peak > run.warm.peak + GROWTH_KIB) {
        fail_msg("%ld KiB more, peak %ld KiB more", run.after.rss - run.warm.rss, run.after.peak - run.warm.peak);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_honest_connection_was_served),
        cmocka_unit_test(the_server_was_alive_and_ended_cleanly),
        cmocka_unit_test(no_descriptor_is_left_over),
        cmocka_unit_test(memory_has_not_grown),
    };
    run.connections = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    if (argc < 2 || run.connections < 2 * WARM_UP || run.connections > 100000) {
        (void)fprintf(stderr, "usage: hostile TROTH [CONNECTIONS, 2000 to 100000]\n");
        return 2;
    }
    run.tool = argv[1];
    return cmocka_run_group_tests_name("hostile peers", tests, everything_runs, NULL);
}
