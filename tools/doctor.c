/* doctor.c - `troth doctor`: whether a Kerberos set-up works, and if not, what is wrong and what to do next. */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "password.h"
#include "platform.h"
#include "report.h"

#define MOST_LEGS 16

static bool named(const troth_name *name)
{
    return name->service != NULL || name->principal != NULL;
}

/* ---- the initiator --------------------------------------------------------------------------------------------- */

static void check_ticket(struct doctor *doctor)
{
    troth_error error = TROTH_ERROR_INIT;
    troth_credential *credential = NULL;
    troth_credential_options options = doctor->who;
    options.mechanism = doctor->mechanism;
    options.trace = doctor->trace ? report_trace : NULL;
    if (troth_credential_acquire(TROTH_INITIATOR, &options, &credential, &error) != TROTH_OK) {
        doctor_find_error(doctor, "ticket", &error);
        return;
    }
    doctor->initiator_well = true;
    doctor_find(doctor, "ticket", DOCTOR_RIGHT, NULL, "there is a good credential for %s%s",
                options.name.principal != NULL ? options.name.principal
                : doctor->owner[0] != '\0'     ? doctor->owner
                                               : "whoever the tickets are for",
                options.keytab != NULL     ? ", from the client keytab"
                : options.password != NULL ? ", from the password"
                                           : "");
    troth_credential_free(credential);
}

/* ---- a whole authentication ------------------------------------------------------------------------------------ */

/* What the trace of a conversation in memory tells. */
struct watch {
    bool shown;
    size_t tokens;
    size_t largest;
};

static void watch(void *user, const troth_trace_event *event)
{
    struct watch *watch = user;
    if (event->kind == TROTH_TRACE_TOKEN_OUT) {
        watch->tokens++;
        watch->largest = event->output_length > watch->largest ? event->output_length : watch->largest;
    }
    if (watch->shown) {
        report_trace(NULL, event);
    }
}

struct end {
    troth_credential *credential;
    troth_context *context;
    const void *token;
    size_t length;
    troth_status status;
};

static troth_status end_open(struct end *end, troth_role role, troth_credential_options *own, const troth_name *target,
                             troth_error *error)
{
    troth_context_options options = TROTH_CONTEXT_OPTIONS_INIT;
    end->status = troth_credential_acquire(role, own, &end->credential, error);
    if (end->status == TROTH_OK) {
        options.target = *target;
        end->status = troth_context_new(end->credential, &options, &end->context, error);
    }
    if (end->status == TROTH_OK) {
        end->status = TROTH_CONTINUE;
    }
    return end->status;
}

static void end_close(struct end *end)
{
    troth_context_free(end->context);
    troth_credential_free(end->credential);
}

/* Both ends against each other, to the end of it. *failed: whose error it is. */
static troth_status converse(struct end *initiator, struct end *acceptor, troth_error *error, const char **failed)
{
    *failed = "the initiator";
    initiator->status = troth_context_step(initiator->context, NULL, 0, &initiator->token, &initiator->length, error);
    for (int leg = 0; leg < MOST_LEGS && initiator->length > 0 && acceptor->status == TROTH_CONTINUE; leg++) {
        troth_error later = TROTH_ERROR_INIT;
        *failed = "the acceptor";
        acceptor->status = troth_context_step(acceptor->context, initiator->token, initiator->length, &acceptor->token,
                                              &acceptor->length, error);
        if (acceptor->status != TROTH_OK && acceptor->status != TROTH_CONTINUE) {
            return acceptor->status; /* the initiator would only hear of it */
        }
        initiator->length = 0;
        if (acceptor->length > 0 && initiator->status == TROTH_CONTINUE) {
            initiator->status = troth_context_step(initiator->context, acceptor->token, acceptor->length,
                                                   &initiator->token, &initiator->length, &later);
            if (initiator->status != TROTH_OK && initiator->status != TROTH_CONTINUE) {
                *error = later;
                *failed = "the initiator";
                return later.status;
            }
        }
    }
    return initiator->status != TROTH_OK ? initiator->status : acceptor->status;
}

/* Who plays the initiator: the one that was asked for, or, with none, the service itself with its own key. */
static bool loopback_initiator(const struct doctor *doctor, troth_credential_options *options)
{
    *options = doctor->who;
    options->mechanism = doctor->mechanism;
    if (doctor->initiator) {
        return doctor->initiator_well;
    }
    if (doctor->principal[0] == '\0') {
        return true; /* the platform's default */
    }
    options->name.principal = doctor->principal;
    options->keytab = doctor->keytab_name;
    return doctor->keytab_name[0] != '\0';
}

static void loopback_tell(struct doctor *doctor, struct end *acceptor, const struct watch *watch)
{
    troth_error error = TROTH_ERROR_INIT;
    const char *peer = NULL;
    if (troth_context_peer_name(acceptor->context, &peer, &error) != TROTH_OK) {
        peer = "the initiator (this provider does not tell its name)";
    }
    doctor_find(doctor, "loopback", DOCTOR_RIGHT, NULL,
                "%s authenticated in memory, both ends verified: %zu tokens, the largest of %zu bytes", peer,
                watch->tokens, watch->largest);
}

/* The acceptor's keys and a ticket for them, played against each other in memory. */
static void check_loopback(struct doctor *doctor)
{
    troth_credential_options own = TROTH_CREDENTIAL_OPTIONS_INIT;
    troth_credential_options who;
    troth_name target = named(&doctor->service) ? doctor->service : doctor->target;
    troth_error error = TROTH_ERROR_INIT;
    struct end initiator = {.status = TROTH_CONTINUE};
    struct end acceptor = {.status = TROTH_CONTINUE};
    struct watch watching = {.shown = doctor->trace};
    const char *failed = "";
    const troth_name nobody = {NULL, NULL, NULL};
    if (!named(&target) && doctor->principal[0] != '\0') {
        target.principal = doctor->principal;
    }
    if (!doctor->keys_well || !named(&target) || !loopback_initiator(doctor, &who)) {
        doctor_find(doctor, "loopback", DOCTOR_UNCHECKED, NULL, "%s",
                    !doctor->keys_well  ? "it needs the acceptor's keys: see above"
                    : !named(&target)   ? "it needs to know the service: --service SERVICE@HOST"
                    : doctor->initiator ? "it needs the initiator's ticket: see above"
                                        : "it needs an initiator: --initiator, or --keytab");
        return;
    }
    own.name = doctor->service;
    own.keytab = doctor->keytab;
    own.mechanism = doctor->mechanism;
    own.trace = who.trace = watch;
    own.trace_user = who.trace_user = &watching;
    if (end_open(&initiator, TROTH_INITIATOR, &who, &target, &error) != TROTH_CONTINUE ||
        end_open(&acceptor, TROTH_ACCEPTOR, &own, &nobody, &error) != TROTH_CONTINUE) {
        doctor_find_error(doctor, "loopback", &error);
        goto out;
    }
    switch (converse(&initiator, &acceptor, &error, &failed)) {
    case TROTH_OK:
        loopback_tell(doctor, &acceptor, &watching);
        break;
    case TROTH_CONTINUE:
        doctor_find(doctor, "loopback", DOCTOR_WRONG, "--trace shows each token", "the handshake does not end");
        break;
    default:
        doctor_find_error(doctor, "loopback", &error);
    }
out:
    end_close(&initiator);
    end_close(&acceptor);
}

/* Without the acceptor's keys at hand: as far as the first token, which needs a ticket for the target. */
static void check_first_step(struct doctor *doctor)
{
    troth_credential_options who = doctor->who;
    troth_error error = TROTH_ERROR_INIT;
    struct end initiator = {.status = TROTH_CONTINUE};
    struct watch watching = {.shown = doctor->trace};
    char name[512];
    if (!doctor->initiator_well || !named(&doctor->target)) {
        doctor_find(doctor, "step", DOCTOR_UNCHECKED, NULL, "%s",
                    doctor->initiator_well ? "it needs to know whom to authenticate: --target SERVICE@HOST"
                                           : "it needs a ticket: see above");
        return;
    }
    who.mechanism = doctor->mechanism;
    who.trace = watch;
    who.trace_user = &watching;
    if (end_open(&initiator, TROTH_INITIATOR, &who, &doctor->target, &error) == TROTH_CONTINUE) {
        initiator.status = troth_context_step(initiator.context, NULL, 0, &initiator.token, &initiator.length, &error);
    }
    if (initiator.status == TROTH_CONTINUE) {
        doctor_find(doctor, "step", DOCTOR_RIGHT,
                    "that the acceptor takes it is seen on its machine (troth doctor --acceptor), or by troth connect",
                    "there is a first token of %zu bytes for %s", initiator.length,
                    doctor_name(&doctor->target, "", name, sizeof name));
    } else {
        doctor_find_error(doctor, "step", &error);
    }
    end_close(&initiator);
}

/* ---- the command ----------------------------------------------------------------------------------------------- */

static void examine(struct doctor *doctor)
{
    doctor_surroundings(doctor);
    if (doctor->configured) {
        if (doctor->initiator) {
            check_ticket(doctor);
            doctor_target(doctor);
        }
        if (doctor->acceptor) {
            doctor_keytab(doctor);
            check_loopback(doctor);
        } else {
            check_first_step(doctor);
        }
    }
    doctor_end(doctor);
}

static const char synopsis[] =
    "troth doctor [--acceptor --service S@H --keytab K] [--initiator --target S@H] [OPTION ...]\n"
    "\n"
    "Looks whether Kerberos works here, for an acceptor, an initiator, or both, and prints a line for each thing that\n"
    "it checked: what is right, what is wrong, and what to do next. Changes nothing. The checks:\n"
    "\n"
    "  configuration   krb5.conf is there and can be read; the realm is known\n"
    "  kdc             a KDC of the realm answers\n"
    "  clock           this clock and the KDC's\n"
    "  ticket          (initiator) there is a credential that is good now\n"
    "  name            (initiator) what the target's name becomes before the KDC is asked for it\n"
    "  service         (initiator) the KDC knows the target\n"
    "  step            (initiator alone) the first token for the target\n"
    "  keytab          (acceptor) it can be read and has the keys that the KDC uses: key version, encryption type, "
    "key\n"
    "  loopback        (acceptor) a whole authentication in memory, both roles\n";

static const char about[] =
    "With neither --acceptor nor --initiator the other options say which is meant, and none of them means the\n"
    "initiator. Without --initiator the service plays the initiator too, with its own key, so that an acceptor can be\n"
    "examined on a machine where nobody has a ticket; in Active Directory, where a service name cannot log on, add\n"
    "--initiator and have a ticket. On Windows only what SSPI gives is checked; the rest is \"not checked\".\n"
    "\n"
    "Examples\n"
    "  troth doctor\n"
    "  troth doctor --target http@www.example.com\n"
    "  troth doctor --acceptor --service http@www.example.com --keytab /etc/http.keytab --json\n"
    "\n"
    "Exit code\n"
    "  0  nothing is wrong\n"
    "  1  something is wrong, and the lines say what\n"
    "  2  the command line is wrong\n";

/* What the options leave open, and what they must not say together. */
static int settle(struct doctor *doctor, const char *password_file)
{
    troth_credential_options *who = &doctor->who;
    bool of_initiator = named(&doctor->target) || who->ccache != NULL || who->keytab != NULL ||
                        who->name.principal != NULL || password_file != NULL;
    if ((who->ccache != NULL) + (who->keytab != NULL) + (password_file != NULL) > 1) {
        return options_wrong("doctor", "--ccache, --client-keytab and --password-file exclude one another");
    }
    if (password_file != NULL && who->name.principal == NULL) {
        return options_wrong("doctor", "--password-file needs --principal: whose password it is");
    }
    if (!doctor->acceptor && !doctor->initiator) {
        doctor->acceptor = named(&doctor->service) || doctor->keytab != NULL;
        doctor->initiator = of_initiator || !doctor->acceptor;
    }
    if (!doctor->acceptor && (named(&doctor->service) || doctor->keytab != NULL)) {
        return options_wrong("doctor", "--service and --keytab are an acceptor's; an initiator has --target and "
                                       "--client-keytab");
    }
    if (!doctor->initiator && of_initiator) {
        return options_wrong("doctor", "--target and the options of whose tickets it is belong to an initiator: add "
                                       "--initiator");
    }
    return EXIT_SUCCESS;
}

int command_doctor(int argc, char **argv)
{
    struct doctor *doctor = calloc(1, sizeof *doctor);
    const char *password_file = NULL;
    char buffer[PASSWORD_CAPACITY + 1];
    char *positional = NULL;
    char *password = NULL;
    bool json = false;
    int result = EXIT_USAGE;
    if (doctor == NULL) {
        report_error(NULL, "memory is out");
        return EXIT_FAILED;
    }
    doctor->who = (troth_credential_options)TROTH_CREDENTIAL_OPTIONS_INIT;
    struct option options[] = {
        OPTION("acceptor", NULL, "examine what a server needs", option_flag, &doctor->acceptor),
        OPTION("service", "SERVICE@HOST", "its name (any that the keytab has a key for)", option_name,
               &doctor->service),
        OPTION("keytab", "NAME", "where its keys are (the system's default keytab)", option_text, &doctor->keytab),
        OPTION("initiator", NULL, "examine what a client needs", option_flag, &doctor->initiator),
        OPTION("target", "SERVICE@HOST", "whom it would authenticate; or a whole principal, SERVICE/HOST@REALM",
               option_name, &doctor->target),
        OPTION("principal", "NAME", "who to be (whoever the tickets are for)", option_text,
               &doctor->who.name.principal),
        OPTION("ccache", "NAME", "where the tickets are (the system's default cache)", option_text,
               &doctor->who.ccache),
        OPTION("client-keytab", "NAME", "get tickets with a key of this keytab", option_text, &doctor->who.keytab),
        OPTION("password-file", "FILE",
               "get tickets with the password in this file, one line; - is standard input.\nNeeds --principal",
               option_text, &password_file),
        OPTION("mechanism", "NAME", "kerberos or negotiate (negotiate)", option_mechanism, &doctor->mechanism),
        OPTION("json", NULL, "print JSON instead of lines", option_flag, &json),
        OPTION("trace", NULL, "tell on stderr of each native call and each token (lengths only; no secrets)",
               option_flag, &doctor->trace),
    };
    const struct option_command command = {
        "doctor", synopsis, about, NULL, options, sizeof options / sizeof options[0],
    };
    enum options_result parsed = options_parse(&command, argc, argv, &positional);
    if (parsed != OPTIONS_OK) {
        result = parsed == OPTIONS_HELP ? EXIT_SUCCESS : EXIT_USAGE;
        goto out;
    }
    result = settle(doctor, password_file);
    if (result != EXIT_SUCCESS) {
        goto out;
    }
    result = EXIT_FAILED;
    if (password_file != NULL && !password_read(password_file, buffer, &password)) {
        goto out;
    }
    doctor->who.password = password;
    examine(doctor);
    if (!doctor_print(doctor, json)) {
        report_error(NULL, "standard output takes no more, or memory is out");
    } else if (doctor->wrong == 0) {
        result = EXIT_SUCCESS;
    }
out:
    platform_wipe(buffer, sizeof buffer);
    free(doctor);
    return result;
}
