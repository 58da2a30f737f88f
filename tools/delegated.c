/* delegated.c - where `troth serve --delegated-ccache` puts the tickets that initiators hand on. */
#include "delegated.h"

#include <stdio.h>
#include <string.h>

#include "report.h"
#include "text.h"
#include "troth/delegation.h"

const char *delegated_check(const char *ccache, bool once)
{
    if (!once && strstr(ccache, DELEGATED_PRINCIPAL) == NULL) {
        return "one ccache for all would give each initiator's tickets to the next: add --once, or put " //
            DELEGATED_PRINCIPAL " into its name";
    }
    return NULL;
}

/* Not the C library's isalnum, which asks the locale. */
static bool stays(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || (character != '\0' && strchr("@.-_", character) != NULL);
}

static void add_principal(struct text *text, const char *principal)
{
    char encoded[4];
    for (; *principal != '\0'; principal++) {
        (void)snprintf(encoded, sizeof encoded, stays(*principal) ? "%c" : "%%%02X", (unsigned char)*principal);
        text_add(text, encoded);
    }
}

/* The ccache's name with the principal in each of its places. */
static void name_fill(struct text *name, const char *ccache, const char *principal)
{
    char character[2] = "";
    while (*ccache != '\0') {
        if (strncmp(ccache, DELEGATED_PRINCIPAL, sizeof DELEGATED_PRINCIPAL - 1) == 0) {
            add_principal(name, principal);
            ccache += sizeof DELEGATED_PRINCIPAL - 1;
        } else {
            character[0] = *ccache++;
            text_add(name, character);
        }
    }
}

static troth_status memory_out(troth_error *error)
{
    error->status = TROTH_E_MEMORY;
    (void)snprintf(error->text, sizeof error->text, "memory is out");
    return TROTH_E_MEMORY;
}

troth_status delegated_store(troth_context *context, const char *ccache, troth_error *error)
{
    static const char nothing[] = "nothing";
    struct text name = TEXT_INIT;
    troth_credential *credential = NULL;
    const char *principal = NULL;
    troth_status status = troth_context_delegated_credential(context, &credential, error);
    if (status == TROTH_E_UNAVAILABLE) {
        return report_line("delegated", nothing, sizeof nothing - 1, error);
    }
    if (status == TROTH_OK) {
        /* The context's and not the credential's: the name that was verified here. */
        status = troth_context_peer_name(context, &principal, error);
    }
    if (status == TROTH_OK) {
        name_fill(&name, ccache, principal);
        status = name.failed || name.bytes == NULL ? memory_out(error)
                                                   : troth_credential_store(credential, name.bytes, error);
    }
    if (status == TROTH_OK) {
        status = report_line("delegated", name.bytes, name.length, error);
    }
    text_free(&name);
    troth_credential_free(credential);
    return status;
}
