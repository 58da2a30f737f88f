/* token.c - `troth token`: takes a token apart that was captured somewhere, and says what stands in it in the clear. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "platform.h"
#include "report.h"
#include "token_read.h"

#define INPUT_MAX (4u << 20)

static const char synopsis[] =
    "troth token [--json] [--base64 TEXT | --hex TEXT | FILE | -]\n"
    "\n"
    "Says what a handshake token or a protected message is, without any key: SPNEGO and NegoEx, Kerberos (AP-REQ,\n"
    "AP-REP, KRB-ERROR, IAKERB), NTLM, and the headers of messages and integrity codes.\n";

static const char about[] =
    "FILE, or standard input for - or nothing, is taken as hexadecimal when it holds nothing but pairs of such digits\n"
    "(blanks, colons and commas between them, and \"0x\", do not count), as base64 (also of URLs) when it holds "
    "nothing\n"
    "but that, and otherwise as the bytes themselves. Before base64, \"Negotiate\", \"Kerberos\" or \"NTLM\" and the "
    "name of\n"
    "an HTTP header may stand: \"Authorization: Negotiate YII...\".\n"
    "\n"
    "Frames around tokens are recognised, said and taken off: a 4-byte length, big-endian (be32) or little-endian "
    "(le32),\n"
    "the flag byte and length of gss-sample, and the handshake records of .NET's NegotiateStream; also several in a "
    "row.\n"
    "\n"
    "Each line begins with the offset of the bytes that it tells of. What is sealed or secret is never printed, only "
    "how\n"
    "long it is: tickets, authenticators, NTLM's challenges and responses, contents of messages. Nothing that is "
    "printed\n"
    "has been verified by anybody: a token says of itself what its sender liked.\n"
    "\n"
    "As JSON: {\"input\":\"base64\",\"length\":N,\"damaged\":false,\"parts\":[...]}, each part having an offset, a "
    "name,\n"
    "mostly a value, and maybe parts of its own.\n"
    "\n"
    "Examples\n"
    "  troth token --base64 YIIC...             the word behind \"Authorization: Negotiate\"\n"
    "  troth token capture.bin\n"
    "  klist -k; troth token --json - <token    which kvno and encryption type does the ticket want?\n"
    "\n"
    "Exit code\n"
    "  0  read to its end; 1  damaged, cut or not known (what could be read has been printed); 2  wrong command line\n";

struct input {
    const char *base64;
    const char *hex;
    bool json;
    const char *form; /* what it was taken as */
    uint8_t *bytes;
    size_t length;
};

/* All of a file, or of standard input. Returns NULL, or what is wrong, static. */
static const char *input_read(const char *path, uint8_t **bytes, size_t *length)
{
    bool standard = path == NULL || strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    const char *wrong = NULL;
    if (file == NULL) {
        return "it cannot be opened";
    }
    if (standard) {
        platform_binary_input();
    }
    *bytes = malloc(INPUT_MAX + 1);
    if (*bytes == NULL) {
        wrong = "no memory";
    } else {
        *length = fread(*bytes, 1, INPUT_MAX + 1, file);
        wrong = ferror(file) ? "it cannot be read" : *length > INPUT_MAX ? "it is longer than 4 MiB" : NULL;
    }
    if (!standard) {
        (void)fclose(file);
    }
    return wrong;
}

/* Text that is given in the command line, decoded. NULL, or what is wrong. */
static const char *input_argument(struct input *input)
{
    const char *text = input->hex != NULL ? input->hex : input->base64;
    input->bytes = malloc(strlen(text) + 1);
    if (input->bytes == NULL) {
        return "no memory";
    }
    input->form = input->hex != NULL ? "hex" : "base64";
    if (input->hex != NULL) {
        return token_from_hex(text, strlen(text), input->bytes, &input->length) ? NULL : "it is not hexadecimal";
    }
    return token_from_base64(text, strlen(text), input->bytes, &input->length) ? NULL : "it is not base64";
}

/* Both decoders write no further than they have read. */
static void input_detect(struct input *input)
{
    uint8_t *decoded = malloc(input->length + 1);
    size_t length = 0;
    input->form = "bytes";
    if (decoded == NULL) {
        return;
    }
    if (token_from_hex((const char *)input->bytes, input->length, decoded, &length)) {
        input->form = "hex";
    } else if (token_from_base64((const char *)input->bytes, input->length, decoded, &length)) {
        input->form = "base64";
    } else {
        free(decoded);
        return;
    }
    free(input->bytes);
    input->bytes = decoded;
    input->length = length;
}

static int tell(const struct input *input)
{
    struct token_out out = {.start = input->bytes};
    struct text text = TEXT_INIT;
    char head[96];
    token_read(&out, (troth__bytes){input->bytes, input->length});
    bool damaged = out.damaged || !out.recognised;
    if (input->json) {
        (void)snprintf(head, sizeof head, "{\"input\":\"%s\",\"length\":%zu,\"damaged\":%s,\"parts\":", input->form,
                       input->length, damaged ? "true" : "false");
        text_add(&text, head);
        token_print_json(&out, &text);
        text_add(&text, "}\n");
    } else {
        (void)snprintf(head, sizeof head, "%zu bytes, taken as %s%s\n", input->length, input->form,
                       damaged ? "; damaged, cut or not known" : "");
        text_add(&text, head);
        token_print(&out, &text);
    }
    bool failed =
        text.failed || out.failed || text.bytes == NULL || fputs(text.bytes, stdout) < 0 || fflush(stdout) != 0;
    if (failed) {
        report_error(NULL, "no memory, or standard output cannot be written");
    }
    text_free(&text);
    token_out_free(&out);
    return damaged || failed ? EXIT_FAILED : EXIT_SUCCESS;
}

int command_token(int argc, char **argv)
{
    struct input input = {0};
    char *path = NULL;
    const char *wrong = NULL;
    int code = EXIT_USAGE;
    struct option options[] = {
        OPTION("base64", "TEXT", "the token itself, in base64", option_text, &input.base64),
        OPTION("hex", "TEXT", "the token itself, in hexadecimal", option_text, &input.hex),
        OPTION("json", NULL, "print JSON", option_flag, &input.json),
    };
    const struct option_command command = {
        .name = "token",
        .synopsis = synopsis,
        .about = about,
        .positional = "[FILE]",
        .options = options,
        .count = sizeof options / sizeof options[0],
    };
    switch (options_parse(&command, argc, argv, &path)) {
    case OPTIONS_HELP:
        return EXIT_SUCCESS;
    case OPTIONS_WRONG:
        return EXIT_USAGE;
    case OPTIONS_OK:
        break;
    }
    if ((input.base64 != NULL) + (input.hex != NULL) + (path != NULL) > 1) {
        return options_wrong("token", "--base64, --hex and FILE exclude one another");
    }
    if (input.base64 != NULL || input.hex != NULL) {
        wrong = input_argument(&input);
        if (wrong != NULL) {
            code = options_wrong("token", "--%s: %s", input.hex != NULL ? "hex" : "base64", wrong);
        }
    } else {
        wrong = input_read(path, &input.bytes, &input.length);
        if (wrong == NULL) {
            input_detect(&input);
        } else {
            report_error(path != NULL ? path : "standard input", "%s", wrong);
            code = EXIT_FAILED;
        }
    }
    if (wrong == NULL) {
        code = tell(&input);
    }
    free(input.bytes);
    return code;
}
