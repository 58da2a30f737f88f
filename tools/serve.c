/* serve.c - `troth serve`: its command line, and what it comes to. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegated.h"
#include "options.h"
#include "report.h"
#include "server.h"

/* Our own protocol asks for more than the library's acceptor: its initiators request replay and sequence detection. */
#define REQUIRED_BE32 (TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION)

static int serve(const struct server_options *options)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    int result = EXIT_FAILED;
    if (options->delegated_ccache != NULL && (troth_supports(TROTH_FEATURE_DELEGATED_CREDENTIAL) == TROTH_SUPPORT_NO ||
                                              troth_supports(TROTH_FEATURE_STORE) == TROTH_SUPPORT_NO)) {
        report_error(NULL,
                     "--delegated-ccache: %s hands out no credential of the peer's that could be stored; on Windows a "
                     "program impersonates its peer instead [%s]",
                     troth_backend_name(), troth_status_name(TROTH_E_UNSUPPORTED));
        return EXIT_FAILED;
    }
    if (troth_credential_acquire(TROTH_ACCEPTOR, &options->credential, &credential, &error) != TROTH_OK) {
        report_failure(NULL, &error);
        return EXIT_FAILED;
    }
    /* A context that is thrown away: what the library has against these options is said now and not to each peer. */
    if (troth_context_new(credential, &options->context, &context, &error) != TROTH_OK) {
        report_failure(NULL, &error);
        result = error.status == TROTH_E_ARGUMENT ? EXIT_USAGE : EXIT_FAILED;
    } else {
        troth_context_free(context);
        result = server_run(options, credential);
    }
    troth_credential_free(credential);
    return result;
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
                               "  expires: 2027-01-31T17:00:00Z\n"
                               "  delegated: FILE:/run/app/alice   with --delegated-ccache; or \"nothing\"\n";

static const char about[] =
    "What must be true of a connection before it is served\n"
    "  With be32: mutual, integrity, confidentiality, replay, sequence. With the others, whose initiators ask for\n"
    "  less: mutual, integrity, confidentiality. --require replaces the whole set.\n"
    "\n"
    "Examples\n"
    "  troth serve --listen 0.0.0.0:4711 --keytab /etc/troth.keytab\n"
    "  troth serve --framing gss-sample --require mutual,integrity     for MIT's gss-client -nw\n"
    "  troth serve --framing le32 --service host@www.example.com       for the classic Windows sample\n"
    "  troth serve --framing negotiate-stream                          for .NET's NegotiateStream\n"
    "  troth serve --delegated-ccache 'FILE:/run/app/{principal}' --require mutual,integrity,delegated\n"
    "\n"
    "Exit code\n"
    "  0  ended by an interrupt (SIGINT, SIGTERM, Ctrl-C); with --once: the connection was served to its end\n"
    "  1  no credential, no address to listen at; with --once: the connection failed (the reason is on stderr)\n"
    "  2  the command line is wrong\n";

/* What the options leave open. */
static int serve_settle(struct server_options *options, troth_bindings *bindings, const char *bindings_text)
{
    bool sample = options->stream.framing == TROTH_FRAMING_GSS_SAMPLE;
    if (options->context.required == 0) {
        options->context.required =
            options->stream.framing == TROTH_FRAMING_BE32 ? REQUIRED_BE32 : TROTH_DEFAULT_REQUIRED_ACCEPTOR;
    }
    if (bindings_text != NULL) {
        bindings->application_data = bindings_text;
        bindings->application_data_length = strlen(bindings_text);
        options->context.bindings = bindings;
        options->binding = true;
    } else if ((options->context.required & TROTH_CHANNEL_BOUND) != 0) {
        return options_wrong("serve", "--require bound needs --bindings");
    }
    if (options->delegated_ccache != NULL) {
        const char *wrong = delegated_check(options->delegated_ccache, options->once);
        if (wrong != NULL) {
            return options_wrong("serve", "--delegated-ccache: %s", wrong);
        }
        options->context.flags |= TROTH_KEEP_DELEGATED;
    }
    /* .NET's is a flow of bytes, and its frames hold a little more than ours may (docs/streams.md). */
    if (options->stream.framing == TROTH_FRAMING_NEGOTIATE_STREAM) {
        options->stream.mode = TROTH_STREAM_BYTES;
    }
    /* gss-client -nw; where confidentiality is required the stream refuses it all the same. */
    options->stream.flags = sample ? TROTH_STREAM_TAKE_PLAIN : 0;
    return EXIT_SUCCESS;
}

int command_serve(int argc, char **argv)
{
    struct server_options server = {
        .listen = {"127.0.0.1", "0"},
        .credential = TROTH_CREDENTIAL_OPTIONS_INIT,
        .context = TROTH_CONTEXT_OPTIONS_INIT,
        .stream = TROTH_STREAM_OPTIONS_INIT,
        .timeout = TROTH_DEFAULT_TIMEOUT,
        .max_connections = 1024,
        .max_handshakes = 512,
    };
    troth_bindings bindings = {0};
    const char *bindings_text = NULL;
    struct option_policy policy = {0};
    struct option_names accepted = {.count = 0};
    bool trace = false;
    uint32_t frame_limit = TROTH_DEFAULT_FRAME_LIMIT;
    const struct option_range timeouts = {1, 86400};
    const struct option_range idles = {0, 86400};
    const struct option_range counts = {1, 65536};
    const struct option_range limits = {1024, 16777216};
    struct option options[] = {
        OPTION("listen", "ADDR:PORT", "where to listen; port 0 lets the kernel choose (127.0.0.1:0)", option_endpoint,
               &server.listen),
        OPTION("service", "SERVICE@HOST", "be this service only (any that the keytab has a key for)", option_name,
               &server.credential.name),
        OPTION("keytab", "NAME", "where the keys are (the system's default keytab)", option_text,
               &server.credential.keytab),
        OPTION_REPEATS("accept-target", "SERVICE@HOST",
                       "refuse initiators that say, where no relay can change it, that they were told to authenticate\n"
                       "somebody else; may be given many times. Windows' initiators say it, MIT's do not; with\n"
                       "--require target those that do not are refused too",
                       option_names, &accepted),
        OPTION("mechanism", "NAME", "kerberos, negotiate or ntlm; negotiate takes bare Kerberos too (negotiate)",
               option_mechanism, &server.credential.mechanism),
        OPTION("framing", "NAME",
               "be32: 4-byte big-endian length; le32: little-endian, the classic Windows sample's;\n"
               "gss-sample: MIT's gss-client; negotiate-stream: .NET's NegotiateStream (be32)",
               option_framing, &server.stream.framing),
        OPTION("require", "LIST",
               "none, or some of mutual,integrity,confidentiality,replay,sequence,bound,\n"
               "identify,delegated,target: replaces the set below",
               option_required, &server.context.required),
        OPTION("forbid", "LIST", "none, or some of the same but target: what must not be true (none)", option_required,
               &server.context.forbidden),
        OPTION("allow-anonymous", NULL, "serve initiators that are nobody, too", option_flag, &policy.anonymous),
        OPTION("allow-ntlm", NULL,
               "let negotiate fall to NTLM, which is never mutual: it needs a --require without mutual", option_flag,
               &policy.ntlm),
        OPTION("refuse-encryption", "LIST",
               "numbers of Kerberos encryption types (23 is RC4), or weak: DES, triple DES and RC4", option_encryption,
               &policy.refused),
        OPTION("bindings", "TEXT",
               "channel bindings, such as tls-exporter:VALUE; initiators with other ones are refused,\n"
               "and with --require bound those with none too",
               option_text, &bindings_text),
        OPTION("delegated-ccache", "NAME",
               "store the tickets that an initiator hands on; " DELEGATED_PRINCIPAL " in NAME becomes its name\n"
               "(but for letters, digits and @.-_ in %XX), and is needed without --once. What was in it\n"
               "is replaced. Who hands on nothing is served all the same, unless delegated is required",
               option_text, &server.delegated_ccache),
        OPTION("once", NULL, "serve one connection and end with its result", option_flag, &server.once),
        OPTION("trace", NULL, "tell on stderr of each native call and each token (lengths only; no secrets)",
               option_flag, &trace),
        OPTION_RANGE("timeout", "SECONDS", "for a whole handshake, and to take an answer; 1 to 86400 (30)",
                     option_seconds, &server.timeout, &timeouts),
        OPTION_RANGE("idle", "SECONDS", "between messages; 0 to 86400, 0: no limit (0)", option_seconds, &server.idle,
                     &idles),
        OPTION_RANGE("max-connections", "N", "at one time, further ones wait to be accepted; 1 to 65536 (1024)",
                     option_number, &server.max_connections, &counts),
        OPTION_RANGE("max-handshakes", "N",
                     "at one time; then the oldest that has taken 0.2 s makes room for the next, who waits\n"
                     "until then; 1 to 65536 (512)",
                     option_number, &server.max_handshakes, &counts),
        OPTION_RANGE("frame-limit", "BYTES", "the largest frame, both ways; 1024 to 16777216 (65536)", option_number,
                     &frame_limit, &limits),
    };
    const struct option_command command = {
        "serve", synopsis, about, NULL, options, sizeof options / sizeof options[0],
    };
    char *positional = NULL;
    enum options_result parsed = options_parse(&command, argc, argv, &positional);
    if (parsed != OPTIONS_OK) {
        return parsed == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
    }
    server.context.accepted_targets = accepted.count > 0 ? accepted.items : NULL;
    server.context.accepted_target_count = accepted.count;
    int result = serve_settle(&server, &bindings, bindings_text);
    option_policy_apply(&policy, &server.credential, &server.context);
    server.stream.frame_limit = frame_limit;
    server.credential.trace = trace ? report_trace : NULL;
    return result == EXIT_SUCCESS ? serve(&server) : result;
}
