/*
 * server.h - the server of `troth serve`: one libuv loop that holds every conversation, and libuv's thread pool for the
 * steps of handshakes, the only calls that may block.
 *
 * Everything here belongs to the loop's thread; of a connection only its stream goes to another one, for a step.
 */
#ifndef TROTH_TOOLS_SERVER_H
#define TROTH_TOOLS_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "options.h"
#include "troth/stream.h"

#define SERVER_SIGNALS 3

/* For what a connection is waited for: each kind has its queue of deadlines. */
enum deadline_kind {
    DEADLINE_NONE = 0,
    DEADLINE_HANDSHAKE, /* to be authenticated; time that our own steps take is not counted */
    DEADLINE_MESSAGE,   /* to send a whole message */
    DEADLINE_ANSWER,    /* to take our answer */
    DEADLINE_KINDS
};

/* The earliest first. */
struct deadline_queue {
    struct connection *first;
    struct connection *last;
};

struct server_options {
    struct option_endpoint listen;
    troth_credential_options credential;
    troth_context_options context;
    troth_stream_options stream;
    int timeout;                  /* ms, for a handshake and to take an answer */
    int idle;                     /* ms between messages; 0: no limit */
    bool once;                    /* serve one connection, and end with its result */
    bool binding;                 /* bindings were given: report them */
    const char *delegated_ccache; /* NULL: what is handed on is not kept */
    uint32_t max_connections;
    uint32_t max_handshakes;
};

struct server {
    const struct server_options *options;
    troth_credential *credential;

    uv_loop_t loop;
    troth_socket listening;
    uv_poll_t listener;
    uv_prepare_t prepare; /* before each wait: who is accepted, when the clock rings */
    uv_timer_t clock;
    uv_signal_t signals[SERVER_SIGNALS];
    unsigned signal_count;
    struct deadline_queue queues[DEADLINE_KINDS];

    uint64_t number;     /* of connections so far */
    uint32_t open;       /* connections that hold a descriptor or memory */
    uint32_t handshakes; /* those of them that are not authenticated yet */
    bool polled;         /* new connections are asked for */
    bool out_of_descriptors;
    uint64_t accept_again; /* no connection is taken before this time */
    bool ending;           /* connections are cut off: their failures are nobody's */
    int result;

    /* What is read goes through this; what of it cannot be used at once is copied. */
    char buffer[65536];
    bool buffer_lent;
};

/*
 * Listens and serves until an interrupt, or with `once` until its connection has ended. Prints "listening: ADDR:PORT".
 * Returns the exit code. The credential is the caller's.
 */
int server_run(const struct server_options *options, troth_credential *credential);

/* Takes no more connections and cuts off those that there are; the loop then ends with the result. */
void server_end(struct server *server, int result);

/* ---- connections (connection.c) ------------------------------------------------------------------------------- */

struct connection {
    uv_tcp_t tcp;
    struct server *server;
    troth_stream *stream;
    uint64_t number;

    /* The queue that it stands in. */
    struct connection *previous;
    struct connection *next;
    uint64_t deadline;
    uint8_t deadline_kind;

    bool authenticated;
    bool reading;  /* bytes are asked for */
    bool at_end;   /* no more will come */
    bool stepping; /* the stream is with another thread */
    bool writing;  /* libuv sends from the stream's memory */
    bool failed;   /* and it was said why */
    bool served;   /* to its end */
    bool closing;
    bool closed;

    /* Bytes that came and that the stream has not taken; they lie in the server's buffer, or in kept. */
    const char *input;
    size_t input_length;
    char *kept;

    char from[]; /* "ADDR:PORT" */
};

/* Begins a conversation on an accepted socket, which is taken over; says so if it cannot. */
void connection_start(struct server *server, troth_socket socket, const char *from);

/* The peer did not do in time what it was waited for. */
void connection_expire(struct connection *connection);

/* Ends it with words for the log. */
void connection_refuse(struct connection *connection, troth_status status, const char *format, ...);

/* Closes it; its memory goes when nothing uses it any more. */
void connection_close(struct connection *connection);

/* ---- deadlines (server.c) ------------------------------------------------------------------------------------- */

/* The peer has until then (of uv_now); an earlier deadline of the connection is forgotten. */
void deadline_set(struct connection *connection, enum deadline_kind kind, uint64_t deadline);
void deadline_clear(struct connection *connection);

/* The connection is gone. */
void server_connection_gone(struct server *server, bool served);

#endif
