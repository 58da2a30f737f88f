/* options.c - the command line of a subcommand: one table that is parsed and that is its help. */
#include "options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "report.h"

const struct option_property option_property_words[] = {
    {"mutual", TROTH_MUTUAL, true, true},
    {"integrity", TROTH_INTEGRITY, true, true},
    {"confidentiality", TROTH_CONFIDENTIALITY, true, true},
    {"replay", TROTH_REPLAY_DETECTION, true, true},
    {"sequence", TROTH_SEQUENCE_DETECTION, true, true},
    {"bound", TROTH_CHANNEL_BOUND, true, false},
    {"identify", TROTH_IDENTIFY, true, true},
    {"delegated", TROTH_DELEGATED, true, false},
    {"target", TROTH_TARGET_NAMED, true, false},
    {"anonymous", TROTH_ANONYMOUS, false, false},
    {NULL, 0, false, false},
};

const char *option_flag(const struct option *option, char *value)
{
    (void)value;
    *(bool *)option->target = true;
    return NULL;
}

const char *option_text(const struct option *option, char *value)
{
    if (*value == '\0') {
        return "it is empty";
    }
    *(const char **)option->target = value;
    return NULL;
}

const char *option_texts(const struct option *option, char *value)
{
    struct option_texts *texts = option->target;
    texts->items[texts->count++] = value;
    return NULL;
}

static bool number_parse(const char *value, uint32_t minimum, uint32_t maximum, uint32_t *number)
{
    uint64_t result = 0;
    if (*value == '\0') {
        return false;
    }
    for (; *value != '\0'; value++) {
        if (*value < '0' || *value > '9') {
            return false;
        }
        result = result * 10 + (uint64_t)(*value - '0');
        if (result > maximum) {
            return false;
        }
    }
    *number = (uint32_t)result;
    return result >= minimum;
}

/* The limits stand in the help. */
const char *option_number(const struct option *option, char *value)
{
    return number_parse(value, option->range->minimum, option->range->maximum, option->target)
               ? NULL
               : "it must be a whole number within the limits that --help tells";
}

const char *option_seconds(const struct option *option, char *value)
{
    uint32_t seconds = 0;
    if (!number_parse(value, option->range->minimum, option->range->maximum, &seconds)) {
        return "it must be a whole number of seconds within the limits that --help tells";
    }
    *(int *)option->target = (int)(seconds * 1000);
    return NULL;
}

const char *option_framing(const struct option *option, char *value)
{
    static const struct {
        const char *word;
        troth_framing framing;
    } framings[] = {
        {"be32", TROTH_FRAMING_BE32},
        {"le32", TROTH_FRAMING_LE32},
        {"gss-sample", TROTH_FRAMING_GSS_SAMPLE},
        {"negotiate-stream", TROTH_FRAMING_NEGOTIATE_STREAM},
    };
    for (size_t i = 0; i < sizeof framings / sizeof framings[0]; i++) {
        if (strcmp(value, framings[i].word) == 0) {
            *(troth_framing *)option->target = framings[i].framing;
            return NULL;
        }
    }
    return "it must be be32, le32, gss-sample or negotiate-stream";
}

const char *option_mechanism(const struct option *option, char *value)
{
    troth_mechanism *mechanism = option->target;
    if (strcmp(value, "negotiate") == 0) {
        *mechanism = TROTH_MECHANISM_NEGOTIATE;
    } else if (strcmp(value, "kerberos") == 0) {
        *mechanism = TROTH_MECHANISM_KERBEROS;
    } else if (strcmp(value, "ntlm") == 0) {
        *mechanism = TROTH_MECHANISM_NTLM;
    } else {
        return "it must be kerberos, negotiate or ntlm";
    }
    return NULL;
}

const char *option_delegate(const struct option *option, char *value)
{
    static const char *const words[] = {
        [TROTH_DELEGATE_NEVER] = "never",
        [TROTH_DELEGATE_BY_POLICY] = "policy",
        [TROTH_DELEGATE_ALWAYS] = "always",
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(value, words[i]) == 0) {
            *(troth_delegate *)option->target = (troth_delegate)i;
            return NULL;
        }
    }
    return "it must be never, policy or always";
}

static uint32_t property_bit(const char *word, size_t length, bool required)
{
    for (const struct option_property *next = option_property_words; next->word != NULL; next++) {
        if ((required ? next->requirable : next->requestable) && strlen(next->word) == length &&
            memcmp(word, next->word, length) == 0) {
            return next->bit;
        }
    }
    return 0;
}

static bool properties_parse(const char *value, bool required, uint32_t *properties)
{
    uint32_t bits = 0;
    if (strcmp(value, "none") == 0) {
        *properties = TROTH_NOTHING;
        return true;
    }
    for (const char *word = value;; word++) {
        size_t length = strcspn(word, ",");
        uint32_t bit = property_bit(word, length, required);
        if (bit == 0) {
            return false;
        }
        bits |= bit;
        word += length;
        if (*word == '\0') {
            break;
        }
    }
    *properties = bits;
    return true;
}

const char *option_required(const struct option *option, char *value)
{
    return properties_parse(value, true, option->target)
               ? NULL
               : "it must be none, or some of mutual, integrity, confidentiality, replay, sequence, identify, "
                 "delegated and (of an acceptor) bound and target, with commas between";
}

const char *option_encryption(const struct option *option, char *value)
{
    static const char wrong[] = "it must be weak, or up to 32 numbers of Kerberos encryption types, or both, with "
                                "commas between";
    struct option_encryption *refused = option->target;
    for (char *word = value;;) {
        char *comma = strchr(word, ',');
        uint32_t number = 0;
        if (comma != NULL) {
            *comma = '\0';
        }
        if (strcmp(word, "weak") == 0) {
            refused->weak = true;
        } else if (refused->count < OPTION_ENCRYPTION_MOST && number_parse(word, 1, 65535, &number)) {
            refused->types[refused->count++] = (int32_t)number;
        } else {
            return wrong;
        }
        if (comma == NULL) {
            return NULL;
        }
        word = comma + 1;
    }
}

void option_policy_apply(const struct option_policy *policy, troth_credential_options *credential,
                         troth_context_options *context)
{
    credential->flags |= policy->ntlm ? TROTH_CREDENTIAL_NTLM : 0;
    context->flags |= policy->anonymous ? TROTH_ALLOW_ANONYMOUS : 0;
    context->flags |= policy->refused.weak ? TROTH_REFUSE_WEAK_ENCRYPTION : 0;
    context->refused_encryption = policy->refused.types;
    context->refused_encryption_count = policy->refused.count;
}

const char *option_requested(const struct option *option, char *value)
{
    return properties_parse(value, false, option->target)
               ? NULL
               : "it must be none, or some of mutual, integrity, confidentiality, replay, sequence and identify, with "
                 "commas between";
}

const char *option_name(const struct option *option, char *value)
{
    static const char wrong[] = "it must be SERVICE@HOST (or a whole principal, SERVICE/HOST@REALM)";
    troth_name *name = option->target;
    char *at = strrchr(value, '@');
    char *slash = strchr(value, '/');
    if (slash != NULL && (at == NULL || slash < at)) {
        name->principal = value;
        return NULL;
    }
    if (at == NULL || at == value || at[1] == '\0') {
        return wrong;
    }
    *at = '\0';
    name->service = value;
    name->host = at + 1;
    return NULL;
}

const char *option_names(const struct option *option, char *value)
{
    struct option_names *names = option->target;
    struct option one = *option;
    if (names->count == OPTION_NAMES_MOST) {
        return "it is given too often";
    }
    one.target = &names->items[names->count++];
    return option_name(&one, value);
}

const char *endpoint_parse(char *value, struct option_endpoint *endpoint)
{
    static const char wrong[] = "it must be HOST:PORT, or [ADDRESS]:PORT for IPv6, the port being a number";
    uint32_t number = 0;
    char *colon = strrchr(value, ':');
    if (colon == NULL || colon == value || !number_parse(colon + 1, 0, 65535, &number)) {
        return wrong;
    }
    *colon = '\0';
    if (value[0] == '[') {
        if (colon[-1] != ']' || colon - value < 3) {
            *colon = ':';
            return wrong;
        }
        colon[-1] = '\0';
        value++;
    } else if (strchr(value, ':') != NULL) {
        *colon = ':';
        return wrong;
    }
    endpoint->host = value;
    endpoint->port = colon + 1;
    return NULL;
}

const char *option_endpoint(const struct option *option, char *value)
{
    return endpoint_parse(value, option->target);
}

int options_wrong(const char *command, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    report_error(NULL, "%s; `troth%s%s --help` tells more", message, command != NULL ? " " : "",
                 command != NULL ? command : "");
    return EXIT_USAGE;
}

static void help_print(const struct option_command *command)
{
    (void)printf("%s\nOptions\n", command->synopsis);
    for (size_t i = 0; i < command->count; i++) {
        const struct option *option = &command->options[i];
        char left[64];
        (void)snprintf(left, sizeof left, "--%s%s%s", option->name, option->value != NULL ? " " : "",
                       option->value != NULL ? option->value : "");
        const char *line = option->help;
        const char *label = left;
        for (;;) {
            size_t length = strcspn(line, "\n");
            (void)printf("  %-24s %.*s\n", label, (int)length, line);
            if (line[length] == '\0') {
                break;
            }
            line += length + 1;
            label = "";
        }
    }
    (void)printf("  %-24s %s\n\n%s", "--help", "print this and end", command->about);
    (void)fflush(stdout);
}

static struct option *option_find(const struct option_command *command, const char *name, size_t length)
{
    for (size_t i = 0; i < command->count; i++) {
        struct option *option = &command->options[i];
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0) {
            return option;
        }
    }
    return NULL;
}

/* One option; *index stands at it and is left at its last argument. */
static bool option_take(const struct option_command *command, int argc, char **argv, int *index)
{
    char *argument = argv[*index];
    char *name = argument + 2;
    size_t length = strcspn(name, "=");
    char *value = name[length] == '=' ? name + length + 1 : NULL;
    struct option *option = option_find(command, name, length);
    if (option == NULL) {
        (void)options_wrong(command->name, "there is no option --%.*s", (int)(length < 64 ? length : 64), name);
        return false;
    }
    if (option->given && !option->repeats) {
        (void)options_wrong(command->name, "--%s is given twice", option->name);
        return false;
    }
    option->given = true;
    if (option->value == NULL && value != NULL) {
        (void)options_wrong(command->name, "--%s takes no value", option->name);
        return false;
    }
    if (option->value != NULL && value == NULL) {
        if (*index + 1 >= argc) {
            (void)options_wrong(command->name, "--%s needs %s", option->name, option->value);
            return false;
        }
        value = argv[++*index];
    }
    const char *wrong = option->parse(option, value);
    if (wrong != NULL) {
        (void)options_wrong(command->name, "--%s: %s", option->name, wrong);
        return false;
    }
    return true;
}

enum options_result options_parse(const struct option_command *command, int argc, char **argv, char **positional)
{
    bool options_end = false;
    *positional = NULL;
    for (int i = 0; i < argc; i++) {
        if (!options_end && strcmp(argv[i], "--") == 0) {
            options_end = true;
        } else if (!options_end && strcmp(argv[i], "--help") == 0) {
            help_print(command);
            return OPTIONS_HELP;
        } else if (!options_end && strncmp(argv[i], "--", 2) == 0) {
            if (!option_take(command, argc, argv, &i)) {
                return OPTIONS_WRONG;
            }
        } else if (!options_end && argv[i][0] == '-' && argv[i][1] != '\0') {
            (void)options_wrong(command->name, "there is no option %.64s: options have two dashes and a name", argv[i]);
            return OPTIONS_WRONG;
        } else if (command->positional == NULL || *positional != NULL) {
            (void)options_wrong(command->name, "\"%.64s\" is one argument too many", argv[i]);
            return OPTIONS_WRONG;
        } else {
            *positional = argv[i];
        }
    }
    if (command->positional != NULL && command->positional[0] != '[' && *positional == NULL) {
        (void)options_wrong(command->name, "%s is missing", command->positional);
        return OPTIONS_WRONG;
    }
    return OPTIONS_OK;
}
