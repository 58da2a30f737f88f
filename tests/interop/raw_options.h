/* raw_options.h - what a raw peer was told to do, as far as GSSAPI's and SSPI's are told alike. */
#ifndef TROTH_TESTS_INTEROP_RAW_OPTIONS_H
#define TROTH_TESTS_INTEROP_RAW_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "raw_wire.h"

#define SIZES_MAX 512

/* Ends of a run: exit codes. */
enum { GOOD = 0, API_FAILED = 1, USAGE = 2, PEER_CLOSED = 3, WRONG_ANSWER = 4, FAULT_DONE = 5 };

struct raw_options {
    bool initiator;
    enum framing framing;
    const char *target;
    unsigned long flags; /* as the API has them */
    size_t sizes[SIZES_MAX];
    int messages;
    const char *address;
    int connections;
    bool encrypt;
    int drop_after;  /* -1: never */
    int stall_after; /* -1: never */
    const char *garbage;
    const char *fault;
};

struct raw_flag_name {
    const char *name;    /* NULL after the last */
    unsigned long asked; /* the API's bit in an initiator's request, and in what it then tells */
    unsigned long told;  /* and in what an acceptor is told */
};

/* What is the API's own. */
struct raw_api {
    const char *program;
    const char *usage;   /* the lines of its own options */
    unsigned long flags; /* asked for by default */
    bool (*parse_switch)(const char *name);
    bool (*parse_value)(const char *name, const char *value);
};

extern struct raw_options raw_options;
extern const struct raw_flag_name raw_flag_names[];
extern const struct raw_api raw_api;

/* Fills raw_options, or says on stderr how it is used and returns false. */
bool raw_options_parse(int argc, char **argv);

#endif
