/*
 * options.h - the command line of a subcommand: one table that is parsed and that is its help.
 *
 * Options are long ones: --name VALUE or --name=VALUE. What is not an option is positional; -- ends the options.
 */
#ifndef TROTH_TOOLS_OPTIONS_H
#define TROTH_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "troth/stream.h"

#define EXIT_FAILED 1 /* authentication or conversation */
#define EXIT_USAGE 2

struct option;

/*
 * Reads a value (which it may cut up in place, since it lies in argv) into option->target. Returns NULL, or what is
 * wrong with it, static.
 */
typedef const char *option_parse(const struct option *option, char *value);

struct option_range {
    uint32_t minimum;
    uint32_t maximum;
};

struct option {
    const char *name;
    const char *value; /* what the help calls its value; NULL: it takes none */
    const char *help;  /* lines are parted by newlines */
    option_parse *parse;
    void *target;
    const struct option_range *range; /* of option_number and option_seconds */
    bool repeats;
    bool given; /* set by options_parse */
};

#define OPTION(name, value, help, parse, target)                                                                       \
    {                                                                                                                  \
        name, value, help, parse, target, NULL, false, false                                                           \
    }
#define OPTION_REPEATS(name, value, help, parse, target)                                                               \
    {                                                                                                                  \
        name, value, help, parse, target, NULL, true, false                                                            \
    }
#define OPTION_RANGE(name, value, help, parse, target, range)                                                          \
    {                                                                                                                  \
        name, value, help, parse, target, range, false, false                                                          \
    }

option_parse option_flag;       /* bool: set to true; value is NULL */
option_parse option_text;       /* const char * */
option_parse option_texts;      /* struct option_texts */
option_parse option_number;     /* uint32_t */
option_parse option_seconds;    /* int: milliseconds */
option_parse option_framing;    /* troth_framing */
option_parse option_mechanism;  /* troth_mechanism */
option_parse option_required;   /* uint32_t: bits, or TROTH_NOTHING for "none" */
option_parse option_requested;  /* likewise */
option_parse option_delegate;   /* troth_delegate */
option_parse option_encryption; /* struct option_encryption */
option_parse option_name;       /* troth_name: SERVICE@HOST, or a principal with a slash before its at-sign */
option_parse option_names;      /* struct option_names: likewise, one more */
option_parse option_endpoint;   /* struct option_endpoint */

struct option_texts {
    const char **items; /* as many as there are arguments at most; the caller's */
    size_t count;
};

#define OPTION_NAMES_MOST 64

struct option_names {
    troth_name items[OPTION_NAMES_MOST];
    size_t count;
};

#define OPTION_ENCRYPTION_MOST 32

struct option_encryption {
    int32_t types[OPTION_ENCRYPTION_MOST];
    size_t count;
    bool weak;
};

/* What both commands can be told of policy, beside the sets of properties. */
struct option_policy {
    bool ntlm;
    bool anonymous;
    struct option_encryption refused;
};

/* Puts it into the library's options, which point into it from then on. */
void option_policy_apply(const struct option_policy *policy, troth_credential_options *credential,
                         troth_context_options *context);

struct option_endpoint {
    const char *host;
    const char *port; /* 0 to 65535 */
};

/* The words of option_required and option_requested with their bits, and of the `properties:` line. Ends with a NULL
 * word. */
struct option_property {
    const char *word;
    uint32_t bit;
    bool requirable;
    bool requestable;
};
extern const struct option_property option_property_words[];

struct option_command {
    const char *name;
    const char *synopsis;   /* whole lines, for the top of the help */
    const char *about;      /* whole lines, for its end */
    const char *positional; /* what the one positional argument is called, in brackets where it may be left out; NULL:
                               there is none */
    struct option *options;
    size_t count;
};

enum options_result {
    OPTIONS_OK,
    OPTIONS_HELP, /* the help was asked for and has been printed */
    OPTIONS_WRONG /* it has been said on stderr */
};

/* Parses the arguments behind the command's name. *positional is set where the command has one and it is given. */
enum options_result options_parse(const struct option_command *command, int argc, char **argv, char **positional);

/* Says what is wrong with a command line, with the way to the help. Returns EXIT_USAGE. command may be NULL. */
int options_wrong(const char *command, const char *format, ...);

/* Cuts HOST:PORT or [HOST]:PORT in place. Returns NULL, or what is wrong with it, static. */
const char *endpoint_parse(char *value, struct option_endpoint *endpoint);

#endif
