/*
 * tls_bindings.c - both roles over TLS (OpenSSL), the authentication being bound to the TLS connection that it runs in:
 * whoever relays it from one TLS connection into another is found out.
 *
 * usage: tls_bindings server PORT CERTIFICATE KEY TYPE require|allow
 *        tls_bindings client HOST PORT CERTIFICATES SERVICE SERVER-NAME TYPE MESSAGE
 *
 * TYPE is tls-server-end-point, tls-exporter or none, and must be the same at both ends; the files are PEM, and
 * CERTIFICATES are those that the client trusts. Which type to choose is told in docs/bindings.md.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "plumbing.h"
#include "troth/bindings.h"

/* ---- bindings: the part to copy -------------------------------------------------------------------------------- */

static troth_status end_point_of(SSL *tls, troth_tls_bindings *bindings, troth_error *error)
{
    troth_status status = TROTH_E_FAILURE;
    unsigned char *der = NULL;
    /* The server's certificate in both roles: its own in the one, its peer's in the other. */
    X509 *certificate = SSL_is_server(tls) ? SSL_get_certificate(tls) : SSL_get_peer_certificate(tls);
    int length = certificate != NULL ? i2d_X509(certificate, &der) : -1;
    if (length > 0) {
        status = troth_bindings_tls_server_end_point(der, (size_t)length, bindings, error);
    }
    OPENSSL_free(der);
    if (!SSL_is_server(tls)) {
        X509_free(certificate); /* only the peer's was counted up */
    }
    return status;
}

static troth_status exporter_of(SSL *tls, troth_tls_bindings *bindings, troth_error *error)
{
    static const char label[] = "EXPORTER-Channel-Binding";
    static const unsigned char empty[1];
    unsigned char value[32];
    /* RFC 9266 section 4.2: before TLS 1.3 only with the extended master secret. */
    if ((SSL_version(tls) < TLS1_3_VERSION && SSL_get_extms_support(tls) != 1) ||
        SSL_export_keying_material(tls, value, sizeof value, label, sizeof label - 1, empty, 0, 1) != 1) {
        return TROTH_E_FAILURE;
    }
    return troth_bindings_tls_exporter(value, sizeof value, bindings, error);
}

/* Sets options->bindings to those of this connection; they live in *bindings until the context is made. */
static troth_status bind_to(SSL *tls, const char *type, troth_tls_bindings *bindings, troth_context_options *options,
                            troth_error *error)
{
    troth_status status = TROTH_OK;
    if (strcmp(type, "none") == 0) {
        return status;
    }
    status = strcmp(type, "tls-exporter") == 0 ? exporter_of(tls, bindings, error) : end_point_of(tls, bindings, error);
    if (status == TROTH_OK) {
        options->bindings = &bindings->bindings;
    } else if (error->status == TROTH_OK) {
        error->status = status;
        (void)snprintf(error->text, sizeof error->text, "this TLS connection has no %s", type);
    }
    return status;
}

/* ---- the stream over TLS ---------------------------------------------------------------------------------------- */

/* Moves bytes between the stream and TLS until one of the bits is due. What a failed step has to say is still sent. */
static troth_status run(troth_stream *stream, SSL *tls, uint32_t until, troth_error *error)
{
    troth_status status = TROTH_OK;
    char buffer[4096];
    for (;;) {
        uint32_t state = troth_stream_state(stream);
        if ((state & TROTH_STREAM_WANT_WRITE) != 0) {
            const void *data = NULL;
            size_t length = 0;
            troth_stream_pending(stream, &data, &length);
            int sent = SSL_write(tls, data, (int)length);
            if (sent <= 0) {
                return status != TROTH_OK ? status : troth_stream_feed_end(stream, error);
            }
            troth_stream_sent(stream, (size_t)sent);
        } else if (status != TROTH_OK || (state & until) != 0) {
            return status;
        } else if ((state & TROTH_STREAM_STEP_DUE) != 0) {
            status = troth_stream_step(stream, error);
        } else if ((state & TROTH_STREAM_WANT_READ) != 0) {
            size_t wanted = troth_stream_wanted(stream); /* no more than that: nothing is left over to be kept */
            int got = SSL_read(tls, buffer, (int)(wanted < sizeof buffer ? wanted : sizeof buffer));
            status = got > 0 ? troth_stream_feed(stream, buffer, (size_t)got, &wanted, error)
                             : troth_stream_feed_end(stream, error);
        } else {
            return error->status = TROTH_E_CLOSED; /* nothing is due, and what was waited for has not come */
        }
    }
}

/* The authenticated stream over a TLS connection, or NULL with the reason in error. */
static troth_stream *authenticate(troth_credential *credential, SSL *tls, const char *type,
                                  troth_context_options options, troth_error *error)
{
    troth_tls_bindings bindings = TROTH_TLS_BINDINGS_INIT;
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    if (bind_to(tls, type, &bindings, &options, error) != TROTH_OK ||
        troth_context_new(credential, &options, &context, error) != TROTH_OK) {
        return NULL;
    }
    if (troth_stream_new(context, NULL, &stream, error) != TROTH_OK) {
        troth_context_free(context);
        return NULL;
    }
    if (run(stream, tls, TROTH_STREAM_READY, error) != TROTH_OK) {
        troth_stream_free(stream);
        return NULL;
    }
    return stream;
}

static void tell(const char *label, troth_stream *stream)
{
    static const char *const results[] = {"unset", "bound", "absent", "unknown"};
    troth_context_info info = TROTH_CONTEXT_INFO_INIT;
    const char *peer = NULL;
    (void)troth_context_info_get(troth_stream_context(stream), &info, NULL);
    (void)troth_context_peer_name(troth_stream_context(stream), &peer, NULL);
    (void)printf("%s: %s, bindings: %s\n", label, peer != NULL ? peer : "?", results[info.bindings]);
    (void)fflush(stdout);
}

/* ---- the two roles ---------------------------------------------------------------------------------------------- */

static void serve(troth_credential *credential, SSL *tls, const char *type, int require)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    troth_status status = TROTH_OK;
    options.required = TROTH_DEFAULT_REQUIRED_ACCEPTOR | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION;
    if (require) {
        options.required |= TROTH_CHANNEL_BOUND;
    }
    troth_stream *stream = authenticate(credential, tls, type, options, &error);
    if (stream == NULL) {
        (void)printf("refused: %s: %s\n", troth_status_name(error.status), error.text);
        (void)fflush(stdout);
        return;
    }
    tell("peer", stream);
    while (status == TROTH_OK &&
           (status = run(stream, tls, TROTH_STREAM_DATA | TROTH_STREAM_ENDED, &error)) == TROTH_OK &&
           (troth_stream_state(stream) & TROTH_STREAM_DATA) != 0) {
        const void *message = NULL;
        size_t length = 0;
        char copy[4096];
        (void)troth_stream_peek(stream, &message, &length, NULL, NULL);
        length = length < sizeof copy ? length : sizeof copy;
        memcpy(copy, message, length);
        troth_stream_consume(stream, length);
        status = troth_stream_send(stream, copy, length, &length, &error);
    }
    troth_stream_free(stream);
}

static int ask(troth_credential *credential, SSL *tls, char **argv)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    const void *answer = NULL;
    size_t length = 0;
    int code = 1;
    options.target.service = argv[5];
    options.target.host = argv[6];
    troth_stream *stream = authenticate(credential, tls, argv[7], options, &error);
    if (stream != NULL && troth_stream_send(stream, argv[8], strlen(argv[8]), &length, &error) == TROTH_OK &&
        run(stream, tls, TROTH_STREAM_DATA, &error) == TROTH_OK &&
        troth_stream_peek(stream, &answer, &length, NULL, &error) == TROTH_OK) {
        tell("server", stream);
        (void)printf("answer: %.*s\n", (int)length, (const char *)answer);
        code = 0;
    } else {
        (void)fprintf(stderr, "%s: %s\n", troth_status_name(error.status), error.text);
    }
    troth_stream_free(stream);
    return code;
}

/* ---- TLS -------------------------------------------------------------------------------------------------------- */

static SSL *tls_over(SSL_CTX *settings, troth_socket socket, const char *server_name)
{
    SSL *tls = SSL_new(settings);
    int good = tls != NULL && SSL_set_fd(tls, (int)socket) == 1;
    if (good && server_name != NULL) {
        /* SSL_set_tlsext_host_name, whose macro would cast the const away in sight of the compiler. */
        good = SSL_set1_host(tls, server_name) == 1 &&
               SSL_ctrl(tls, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)server_name) ==
                   1 &&
               SSL_connect(tls) == 1;
    } else if (good) {
        good = SSL_accept(tls) == 1;
    }
    if (!good) {
        ERR_print_errors_fp(stderr);
        SSL_free(tls);
        tls = NULL;
    }
    return tls;
}

static void tls_end(SSL *tls)
{
    if (tls != NULL) {
        (void)SSL_shutdown(tls);
        SSL_free(tls);
    }
}

static int server(SSL_CTX *settings, troth_credential *credential, char **argv)
{
    if (SSL_CTX_use_certificate_chain_file(settings, argv[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(settings, argv[4], SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    troth_socket listener = plumbing_listen(argv[2]);
    for (troth_socket socket = listener; socket != -1;) {
        socket = plumbing_accept(listener);
        SSL *tls = socket != -1 ? tls_over(settings, socket, NULL) : NULL;
        if (tls != NULL) {
            serve(credential, tls, argv[5], strcmp(argv[6], "require") == 0);
        }
        tls_end(tls);
        plumbing_close(socket);
    }
    plumbing_close(listener);
    return 1;
}

static int client(SSL_CTX *settings, troth_credential *credential, char **argv)
{
    int code = 1;
    SSL_CTX_set_verify(settings, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(settings, argv[4], NULL) != 1) {
        ERR_print_errors_fp(stderr);
        return code;
    }
    troth_socket socket = plumbing_connect(argv[2], argv[3]);
    SSL *tls = socket != -1 ? tls_over(settings, socket, argv[6]) : NULL;
    if (tls != NULL) {
        code = ask(credential, tls, argv);
    }
    tls_end(tls);
    plumbing_close(socket);
    return code;
}

int main(int argc, char **argv)
{
    int is_server = argc == 7 && strcmp(argv[1], "server") == 0;
    int is_client = argc == 9 && strcmp(argv[1], "client") == 0;
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    int code = 1;
    if (!is_server && !is_client) {
        (void)fprintf(stderr, "usage: tls_bindings server PORT CERTIFICATE KEY TYPE require|allow\n"
                              "       tls_bindings client HOST PORT CERTIFICATES SERVICE SERVER-NAME TYPE MESSAGE\n"
                              "TYPE: tls-server-end-point, tls-exporter, none\n");
        return 2;
    }
#ifdef SIGPIPE
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets whose peer may be gone */
#endif
    SSL_CTX *settings = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (settings == NULL || SSL_CTX_set_min_proto_version(settings, TLS1_2_VERSION) != 1) {
        ERR_print_errors_fp(stderr);
    } else if (troth_credential_acquire(is_server ? TROTH_ACCEPTOR : TROTH_INITIATOR, NULL, &credential, &error) !=
               TROTH_OK) {
        (void)fprintf(stderr, "%s\n", error.text);
    } else {
        (void)SSL_CTX_set_options(settings, SSL_OP_NO_RENEGOTIATION);
        code = is_server ? server(settings, credential, argv) : client(settings, credential, argv);
    }
    troth_credential_free(credential);
    SSL_CTX_free(settings);
    return code;
}
