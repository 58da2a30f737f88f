/* main.c - the `troth` command: which subcommand it is, --help and --version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "platform.h"

static const char help[] =
    "troth serve [OPTION ...]                             an acceptor that echoes protected messages\n"
    "troth connect HOST:PORT --target SERVICE@HOST ...    an initiator that sends them and checks the echoes\n"
    "troth doctor [OPTION ...]                            whether a set-up works; if not, what to do\n"
    "troth token [FILE]                                   what stands in a captured token, without any key\n"
    "\n"
    "The two ends of a mutually authenticated, protected conversation, over GSSAPI or SSPI: to see whether a\n"
    "Kerberos set-up works, with what properties, and if not, why not. Either end also speaks with other programs\n"
    "(--framing): MIT's gss-client and gss-server, the classic Windows socket sample, .NET's NegotiateStream.\n"
    "\n"
    "  troth serve --help       its options, defaults and exit codes\n"
    "  troth connect --help\n"
    "  troth doctor --help\n"
    "  troth token --help\n"
    "  troth --version          the version and the security library underneath\n"
    "\n"
    "In one minute, with a keytab that has a key for host/www.example.com and a ticket from kinit:\n"
    "  troth serve --listen 0.0.0.0:4711 --keytab FILE:/etc/krb5.keytab\n"
    "  troth connect www.example.com:4711 --target host@www.example.com --message hello\n";

int tool_main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"serve", command_serve},
        {"connect", command_connect},
        {"doctor", command_doctor},
        {"token", command_token},
    };
    if (argc < 2) {
        return options_wrong(NULL, "a command is missing: serve, connect, doctor or token");
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].run(argc - 2, argv + 2);
        }
    }
    if (argc > 2) {
        return options_wrong(NULL, "the command must come first: serve, connect, doctor or token");
    }
    if (strcmp(argv[1], "--help") == 0) {
        (void)fputs(help, stdout);
    } else if (strcmp(argv[1], "--version") == 0) {
        (void)printf("troth %s (%s)\n", troth_version(), troth_backend_name());
    } else {
        return options_wrong(NULL, "\"%.64s\" is no command: there are serve, connect, doctor and token", argv[1]);
    }
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILED;
}
