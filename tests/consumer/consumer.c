/*
 * consumer.c - a program of somebody else that uses Troth: it knows the installed headers and the library, nothing of
 * the source tree. It links one function of each public header and shows that an error comes back whole.
 */
#include <stdio.h>
#include <string.h>

#include <troth/bindings.h>
#include <troth/stream.h>
#include <troth/troth.h>

int main(void)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_context *context = NULL;
    troth_stream *stream = NULL;
    unsigned char buffer[16] = {0};
    char version[32];

    snprintf(version, sizeof version, "%d.%d.%d", TROTH_VERSION_MAJOR, TROTH_VERSION_MINOR, TROTH_VERSION_PATCH);
    if (strcmp(version, troth_version()) != 0) {
        fprintf(stderr, "headers of %s, library of %s\n", version, troth_version());
        return 1;
    }
    if (troth_context_new(NULL, NULL, &context, &error) != TROTH_E_ARGUMENT || error.status != TROTH_E_ARGUMENT ||
        error.text[0] == '\0') {
        fprintf(stderr, "a context without a credential: %s, \"%s\"\n", troth_status_name(error.status), error.text);
        return 1;
    }
    if (troth_stream_new(NULL, NULL, &stream, &error) != TROTH_E_ARGUMENT || stream != NULL) {
        fprintf(stderr, "a stream without a context\n");
        return 1;
    }
    troth_tls_bindings bindings = TROTH_TLS_BINDINGS_INIT;
    if (troth_bindings_tls_exporter(buffer, sizeof buffer, &bindings, &error) != TROTH_E_ARGUMENT) {
        fprintf(stderr, "16 bytes were taken for 32\n");
        return 1;
    }
    printf("Troth %s over %s\n", troth_version(), troth_backend_name());
    return 0;
}
