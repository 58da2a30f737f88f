/* raw_options.c - the options that the raw peers have in common. */
#include "raw_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct raw_options raw_options;

static bool parse_framing(const char *text)
{
    static const char *const names[] = {"be32", "le32", "gss-sample"};

    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            raw_options.framing = (enum framing)i;
            return true;
        }
    }
    return false;
}

static bool parse_flags(const char *text)
{
    raw_options.flags = 0;
    while (*text != '\0' && strcmp(text, "none") != 0) {
        size_t length = strcspn(text, ",");
        size_t i = 0;

        while (raw_flag_names[i].name != NULL &&
               (strncmp(text, raw_flag_names[i].name, length) != 0 || raw_flag_names[i].name[length] != '\0')) {
            i++;
        }
        if (raw_flag_names[i].name == NULL) {
            return false;
        }
        raw_options.flags |= raw_flag_names[i].asked;
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return true;
}

/* How many messages: a number, or their sizes with commas between. */
static bool parse_messages(const char *text, bool sizes)
{
    static const size_t usual[] = {5, 0, 1000, 16000, 60000, 1};
    char *end;

    raw_options.messages = 0;
    if (!sizes) {
        raw_options.messages = atoi(text);
        for (int i = 0; i < SIZES_MAX; i++) {
            raw_options.sizes[i] = usual[(size_t)i % (sizeof usual / sizeof usual[0])];
        }
        return raw_options.messages >= 0 && raw_options.messages <= SIZES_MAX;
    }
    do {
        raw_options.sizes[raw_options.messages++] = strtoul(text, &end, 10);
        text = end + 1;
    } while (*end == ',' && raw_options.messages < SIZES_MAX);
    return *end == '\0' && raw_options.sizes[raw_options.messages - 1] < FRAME_MAX;
}

static bool parse_switch(const char *name)
{
    if (strcmp(name, "--no-encrypt") == 0) {
        raw_options.encrypt = false;
        return true;
    }
    return raw_api.parse_switch(name);
}

static bool parse_value(const char *name, const char *value)
{
    static const struct {
        const char *name;
        const char **text;
        int *number;
    } plain[] = {
        {"--target", &raw_options.target, NULL},
        {"--listen", &raw_options.address, NULL},
        {"--connect", &raw_options.address, NULL},
        {"--garbage", &raw_options.garbage, NULL},
        {"--message-fault", &raw_options.fault, NULL},
        {"--connections", NULL, &raw_options.connections},
        {"--drop-after-leg", NULL, &raw_options.drop_after},
        {"--stall-after-leg", NULL, &raw_options.stall_after},
    };

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(name, plain[i].name) == 0) {
            if (plain[i].text != NULL) {
                *plain[i].text = value;
            } else {
                *plain[i].number = atoi(value);
            }
            return true;
        }
    }
    return (strcmp(name, "--framing") == 0 && parse_framing(value)) ||
           (strcmp(name, "--flags") == 0 && parse_flags(value)) ||
           (strcmp(name, "--messages") == 0 && parse_messages(value, false)) ||
           (strcmp(name, "--sizes") == 0 && parse_messages(value, true)) || raw_api.parse_value(name, value);
}

static bool usage(void)
{
    fprintf(stderr, "usage: %s accept|init --listen ADDR:PORT|--connect ADDR:PORT [option...]\n%s", raw_api.program,
            raw_api.usage);
    fputs("  --framing be32|le32|gss-sample\n"
          "  --flags LIST|none               init: delegate,mutual,replay,sequence,conf,integ,identify,dce\n"
          "  --messages N | --sizes A,B,...  init: messages to send; --no-encrypt: integrity only\n"
          "  --connections N                 accept: then end; one after the other\n"
          "  --drop-after-leg N, --stall-after-leg N\n"
          "  --garbage random|flip|truncate|empty|oversize|half   in place of its tokens\n"
          "  --message-fault flip|replay|skip|plain               in its second message\n"
          "Exit status: 0; 1 a call of the API failed; 2 usage; 3 the peer closed; 4 a wrong answer; 5 the fault asked "
          "for\n",
          stderr);
    return false;
}

bool raw_options_parse(int argc, char **argv)
{
    raw_options.flags = raw_api.flags;
    raw_options.connections = 1;
    raw_options.encrypt = true;
    raw_options.drop_after = -1;
    raw_options.stall_after = -1;
    if (argc < 2 || (strcmp(argv[1], "accept") != 0 && strcmp(argv[1], "init") != 0)) {
        return usage();
    }
    raw_options.initiator = strcmp(argv[1], "init") == 0;
    for (int i = 2; i < argc; i++) {
        if (parse_switch(argv[i])) {
            continue;
        }
        if (i + 1 >= argc || !parse_value(argv[i], argv[i + 1])) {
            fprintf(stderr, "%s: %s\n", raw_api.program, argv[i]);
            return usage();
        }
        i++;
    }
    return (raw_options.address != NULL && (!raw_options.initiator || raw_options.target != NULL)) || usage();
}
