/* doctor_krb5.c - the checks of `troth doctor` that ask libkrb5: the configuration, the KDC and its clock, the target.
 */
#define _POSIX_C_SOURCE 200809L
#include "doctor_krb5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define SKEW_ALLOWED 300 /* seconds: MIT's default, and Windows' */
#define LARGE_TICKET 16000

const char *doctor_words(const struct doctor_kerberos *kerberos, krb5_error_code code, char *buffer, size_t capacity)
{
    const char *message = krb5_get_error_message(kerberos->krb5, code);
    (void)snprintf(buffer, capacity, "%s", message != NULL ? message : "no message");
    krb5_free_error_message(kerberos->krb5, message);
    return buffer;
}

/* ---- the configuration ----------------------------------------------------------------------------------------- */

/* Whether one of the files that KRB5_CONFIG names can be read. */
static bool configuration_file(const char *names)
{
    char path[1024];
    while (*names != '\0') {
        size_t length = strcspn(names, ":");
        if (length > 0 && length < sizeof path) {
            memcpy(path, names, length);
            path[length] = '\0';
            if (access(path, R_OK) == 0) {
                return true;
            }
        }
        names += length + (names[length] == ':');
    }
    return false;
}

static bool check_configuration(struct doctor *doctor)
{
    static const char write_it[] =
        "write a krb5.conf with default_realm, and the KDC of that realm under [realms] unless the DNS has it; or let "
        "KRB5_CONFIG name the one that there is";
    struct doctor_kerberos *kerberos = doctor->kerberos;
    const char *names = getenv("KRB5_CONFIG");
    char words[512];
    char *realm = NULL;
    if (names == NULL) {
        names = "/etc/krb5.conf";
    }
    krb5_error_code code = krb5_init_context(&kerberos->krb5);
    if (code != 0) {
        kerberos->krb5 = NULL;
        doctor_find(doctor, "configuration", DOCTOR_WRONG,
                    "mend the file: sections in [brackets], lines of name = value, every { closed; it must be readable "
                    "by this user",
                    "%s: %s", names, doctor_words(kerberos, code, words, sizeof words));
        return false;
    }
    bool file = configuration_file(names);
    code = krb5_get_default_realm(kerberos->krb5, &realm);
    if (code != 0) {
        doctor_find(doctor, "configuration", DOCTOR_WRONG, write_it, "%s %s, and there is no default realm: %s", names,
                    file ? "has none" : "cannot be read", doctor_words(kerberos, code, words, sizeof words));
        return false;
    }
    doctor_find(doctor, "configuration", DOCTOR_RIGHT, NULL, "%s%s; the default realm is %s", names,
                file ? "" : " cannot be read (the DNS may do)", realm);
    (void)snprintf(kerberos->realm, sizeof kerberos->realm, "%s", realm);
    krb5_free_default_realm(kerberos->krb5, realm);
    return true;
}

/* ---- the KDC ---------------------------------------------------------------------------------------------------- */

/* Whose tickets they are says which realm is meant. */
static void find_realm(struct doctor *doctor)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    const char *principal = doctor->who.name.principal;
    krb5_ccache ccache = NULL;
    krb5_principal owner = NULL;
    if (principal != NULL) {
        const char *at = strrchr(principal, '@');
        if (at != NULL) {
            (void)snprintf(kerberos->realm, sizeof kerberos->realm, "%s", at + 1);
        }
        return;
    }
    if (!doctor->initiator || doctor->who.keytab != NULL) {
        return;
    }
    krb5_error_code code = doctor->who.ccache != NULL ? krb5_cc_resolve(kerberos->krb5, doctor->who.ccache, &ccache)
                                                      : krb5_cc_default(kerberos->krb5, &ccache);
    if (code == 0 && krb5_cc_get_principal(kerberos->krb5, ccache, &owner) == 0) {
        char *shown = NULL;
        (void)snprintf(kerberos->realm, sizeof kerberos->realm, "%.*s", (int)owner->realm.length, owner->realm.data);
        if (krb5_unparse_name(kerberos->krb5, owner, &shown) == 0) {
            (void)snprintf(doctor->owner, sizeof doctor->owner, "%s", shown);
            krb5_free_unparsed_name(kerberos->krb5, shown);
        }
        krb5_free_principal(kerberos->krb5, owner);
    }
    if (code == 0) {
        krb5_cc_close(kerberos->krb5, ccache);
    }
}

/* Called with each answer of a KDC; a KRB-ERROR tells its time (RFC 4120 section 5.9.1). */
static krb5_error_code answer_seen(krb5_context krb5, void *data, krb5_error_code code, const krb5_data *realm,
                                   const krb5_data *message, const krb5_data *reply, krb5_data **instead)
{
    struct doctor_kerberos *kerberos = data;
    krb5_error *error = NULL;
    (void)realm;
    (void)message;
    (void)instead;
    if (reply == NULL || reply->length == 0) {
        return code;
    }
    kerberos->answered = true;
    if (krb5_rd_error(krb5, reply, &error) == 0) {
        kerberos->told = true;
        kerberos->ahead = (int64_t)(uint32_t)error->stime - (int64_t)time(NULL);
        krb5_free_error(krb5, error);
    }
    return code;
}

/*
 * Asks for a ticket of a user who cannot be: the KDC answers that it does not know him, which proves no password, locks
 * no account, and tells its time.
 */
static krb5_error_code probe(struct doctor_kerberos *kerberos)
{
    krb5_creds creds;
    krb5_principal nobody = NULL;
    krb5_error_code code = krb5_build_principal(kerberos->krb5, &nobody, (unsigned)strlen(kerberos->realm),
                                                kerberos->realm, "troth", "doctor-probe", (char *)NULL);
    memset(&creds, 0, sizeof creds);
    if (code != 0) {
        return code;
    }
    krb5_set_kdc_recv_hook(kerberos->krb5, answer_seen, kerberos);
    code = krb5_get_init_creds_password(kerberos->krb5, &creds, nobody, "none", NULL, NULL, 0, NULL, NULL);
    krb5_set_kdc_recv_hook(kerberos->krb5, NULL, NULL);
    if (code == 0) {
        krb5_free_cred_contents(kerberos->krb5, &creds);
    }
    krb5_free_principal(kerberos->krb5, nobody);
    return code;
}

static void check_kdc(struct doctor *doctor)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    char words[512];
    krb5_error_code code = probe(kerberos);
    doctor->kdc = kerberos->answered;
    if (kerberos->answered) {
        doctor_find(doctor, "kdc", DOCTOR_RIGHT, NULL, "a KDC of %s answers", kerberos->realm);
        return;
    }
    doctor_find(
        doctor, "kdc", DOCTOR_WRONG,
        code == KRB5_REALM_UNKNOWN
            ? "check the realm's spelling (realms are in capitals), and give krb5.conf its KDC under [realms], "
              "or the DNS its _kerberos._udp records"
            : "check that the KDC runs, its address under [realms] in krb5.conf or in the DNS, the network, and "
              "the firewall (port 88, UDP and TCP)",
        "no KDC of %s answers: %s", kerberos->realm, doctor_words(kerberos, code, words, sizeof words));
}

static void check_clock(struct doctor *doctor)
{
    const struct doctor_kerberos *kerberos = doctor->kerberos;
    int64_t off = kerberos->ahead < 0 ? -kerberos->ahead : kerberos->ahead;
    if (!kerberos->told) {
        doctor_find(doctor, "clock", DOCTOR_UNCHECKED, NULL, "no KDC says what time it is");
        return;
    }
    doctor_find(doctor, "clock", off > SKEW_ALLOWED ? DOCTOR_WRONG : DOCTOR_RIGHT,
                off > SKEW_ALLOWED ? "set the clock of this machine, or of the KDC, by a time service (NTP)" : NULL,
                "the KDC's clock is %lld seconds %s this one (as it says, unauthenticated; %d are allowed)",
                (long long)off, kerberos->ahead < 0 ? "behind" : "ahead of", SKEW_ALLOWED);
}

void doctor_surroundings(struct doctor *doctor)
{
    doctor->kerberos = calloc(1, sizeof *doctor->kerberos);
    if (doctor->kerberos == NULL) {
        doctor_find(doctor, "configuration", DOCTOR_WRONG, "give this machine more memory", "memory is out");
        return;
    }
    doctor->configured = check_configuration(doctor);
    if (doctor->configured) {
        find_realm(doctor);
        check_kdc(doctor);
        check_clock(doctor);
    }
}

/* ---- tickets ---------------------------------------------------------------------------------------------------- */

/* Ticket-granting tickets alone, and good ones: a service's, cached before its key was changed, would hide what the KDC
 * says now. */
static krb5_error_code copy_granting(struct doctor_kerberos *kerberos, krb5_ccache from)
{
    krb5_context krb5 = kerberos->krb5;
    krb5_principal owner = NULL;
    krb5_cc_cursor cursor;
    krb5_creds creds;
    krb5_error_code code = krb5_cc_get_principal(krb5, from, &owner);
    if (code == 0) {
        code = krb5_cc_initialize(krb5, kerberos->tickets, owner);
        krb5_free_principal(krb5, owner);
    }
    if (code == 0) {
        code = krb5_cc_start_seq_get(krb5, from, &cursor);
    }
    if (code != 0) {
        return code;
    }
    size_t copied = 0;
    while (code == 0 && krb5_cc_next_cred(krb5, from, &cursor, &creds) == 0) {
        const krb5_data *first = creds.server->length == 2 ? creds.server->data : NULL;
        if (first != NULL && first->length == 6 && memcmp(first->data, "krbtgt", 6) == 0 &&
            (int64_t)(uint32_t)creds.times.endtime > (int64_t)time(NULL)) {
            code = krb5_cc_store_cred(krb5, kerberos->tickets, &creds);
            copied++;
        }
        krb5_free_cred_contents(krb5, &creds);
    }
    krb5_cc_end_seq_get(krb5, from, &cursor);
    return code == 0 && copied == 0 ? KRB5_CC_NOTFOUND : code;
}

/* With a key or a password. */
static krb5_error_code obtain(struct doctor_kerberos *kerberos, krb5_principal who, krb5_keytab keytab,
                              const char *password)
{
    krb5_creds creds;
    memset(&creds, 0, sizeof creds);
    krb5_error_code code =
        password != NULL
            ? krb5_get_init_creds_password(kerberos->krb5, &creds, who, password, NULL, NULL, 0, NULL, NULL)
            : krb5_get_init_creds_keytab(kerberos->krb5, &creds, who, keytab, 0, NULL, NULL);
    if (code == 0) {
        code = krb5_cc_initialize(kerberos->krb5, kerberos->tickets, who);
        if (code == 0) {
            code = krb5_cc_store_cred(kerberos->krb5, kerberos->tickets, &creds);
        }
        krb5_free_cred_contents(kerberos->krb5, &creds);
    }
    return code;
}

/* As the options of the initiator say. */
static krb5_error_code initiators_tickets(struct doctor *doctor)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    const troth_credential_options *who = &doctor->who;
    krb5_context krb5 = kerberos->krb5;
    krb5_principal principal = NULL;
    krb5_ccache ccache = NULL;
    krb5_keytab keytab = NULL;
    krb5_error_code code = 0;
    if (who->keytab == NULL && who->password == NULL) {
        code = who->ccache != NULL ? krb5_cc_resolve(krb5, who->ccache, &ccache) : krb5_cc_default(krb5, &ccache);
        if (code == 0) {
            code = copy_granting(kerberos, ccache);
            krb5_cc_close(krb5, ccache);
        }
        return code;
    }
    if (who->name.principal == NULL) {
        return KRB5_CC_NOTFOUND; /* a client keytab alone: the library takes its first name, and has done so above */
    }
    code = krb5_parse_name(krb5, who->name.principal, &principal);
    if (code == 0 && who->keytab != NULL) {
        code = krb5_kt_resolve(krb5, who->keytab, &keytab);
    }
    if (code == 0) {
        code = obtain(kerberos, principal, keytab, who->password);
    }
    if (keytab != NULL) {
        krb5_kt_close(krb5, keytab);
    }
    krb5_free_principal(krb5, principal);
    return code;
}

/* The tickets are of the principal's realm. */
static bool same_realm(struct doctor_kerberos *kerberos, krb5_const_principal principal)
{
    krb5_principal owner = NULL;
    if (principal == NULL || krb5_cc_get_principal(kerberos->krb5, kerberos->tickets, &owner) != 0) {
        return false;
    }
    bool same = krb5_realm_compare(kerberos->krb5, owner, principal);
    krb5_free_principal(kerberos->krb5, owner);
    return same;
}

krb5_error_code doctor_tickets(struct doctor *doctor, krb5_keytab keytab, krb5_principal own)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    krb5_error_code code = 0;
    if (kerberos->tickets != NULL) {
        return 0;
    }
    code = krb5_cc_new_unique(kerberos->krb5, "MEMORY", NULL, &kerberos->tickets);
    if (code != 0) {
        kerberos->tickets = NULL;
        return code;
    }
    code = KRB5_CC_NOTFOUND;
    if (doctor->initiator_well || !doctor->initiator) {
        code = initiators_tickets(doctor);
    }
    if (code == 0 && !doctor->initiator && !same_realm(kerberos, own)) {
        code = KRB5_CC_NOTFOUND; /* whoever has these tickets has nothing to do with it */
    }
    if (code != 0 && keytab != NULL) {
        code = obtain(kerberos, own, keytab, NULL);
    }
    if (code != 0) {
        krb5_cc_destroy(kerberos->krb5, kerberos->tickets);
        kerberos->tickets = NULL;
    }
    return code;
}

krb5_error_code doctor_ticket(struct doctor_kerberos *kerberos, krb5_principal server, krb5_ticket **ticket,
                              size_t *size)
{
    krb5_context krb5 = kerberos->krb5;
    krb5_creds wanted;
    krb5_creds *creds = NULL;
    *ticket = NULL;
    memset(&wanted, 0, sizeof wanted);
    krb5_error_code code = krb5_cc_get_principal(krb5, kerberos->tickets, &wanted.client);
    if (code != 0) {
        return code;
    }
    wanted.server = server;
    code = krb5_get_credentials(krb5, KRB5_GC_NO_STORE, kerberos->tickets, &wanted, &creds);
    krb5_free_principal(krb5, wanted.client);
    if (code == 0) {
        *size = creds->ticket.length;
        code = krb5_decode_ticket(&creds->ticket, ticket);
        krb5_free_creds(krb5, creds);
    }
    return code;
}

/* ---- the target -------------------------------------------------------------------------------------------------- */

krb5_error_code doctor_principal(struct doctor_kerberos *kerberos, const troth_name *name, krb5_principal *principal)
{
    return name->principal != NULL
               ? krb5_parse_name(kerberos->krb5, name->principal, principal)
               : krb5_sname_to_principal(kerberos->krb5, name->host, name->service, KRB5_NT_SRV_HST, principal);
}

/* The host that was asked for is not the one that the KDC is asked for. */
static bool renamed(const struct doctor *doctor, krb5_const_principal principal)
{
    const char *host = doctor->target.host;
    return host != NULL && principal->length == 2 &&
           (principal->data[1].length != strlen(host) || strncasecmp(principal->data[1].data, host, strlen(host)) != 0);
}

/* What the KDC says of the target. Returns whether it knows it. */
static bool check_service(struct doctor *doctor, krb5_principal principal, const char *shown)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    krb5_ticket *ticket = NULL;
    char words[512];
    char type[64] = "an unknown type";
    size_t size = 0;
    krb5_error_code code = doctor_tickets(doctor, NULL, NULL);
    if (code != 0 || !doctor->kdc) {
        doctor_find(doctor, "service", DOCTOR_UNCHECKED, NULL, "%s: it needs %s", shown,
                    doctor->kdc ? "a ticket" : "a KDC");
        return true;
    }
    code = doctor_ticket(kerberos, principal, &ticket, &size);
    if (code != 0) {
        doctor_find(doctor, "service", DOCTOR_WRONG,
                    code == KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN
                        ? "compare the name, spelling, aliases and realm, with what is registered, and register it: "
                          "kadmin addprinc -randkey NAME, or setspn -S NAME ACCOUNT"
                        : "what is not said here, the log of the KDC says; docs/errors.md has the causes",
                    "the KDC gives no ticket for %s: %s", shown, doctor_words(kerberos, code, words, sizeof words));
        return false;
    }
    (void)krb5_enctype_to_name(ticket->enc_part.enctype, FALSE, type, sizeof type);
    doctor_find(doctor, "service", DOCTOR_RIGHT,
                size > LARGE_TICKET ? "such a ticket is made by many groups in its PAC; what limits a header (HTTP) or "
                                      "a token to less refuses it"
                                    : NULL,
                "the KDC gives a ticket for %s: kvno %u, %s, %zu bytes", shown, (unsigned)ticket->enc_part.kvno, type,
                size);
    krb5_free_ticket(kerberos->krb5, ticket);
    return true;
}

void doctor_target(struct doctor *doctor)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    krb5_principal principal = NULL;
    char asked[512];
    char words[512];
    char *shown = NULL;
    if (doctor->target.service == NULL && doctor->target.principal == NULL) {
        return;
    }
    (void)doctor_name(&doctor->target, "", asked, sizeof asked);
    krb5_error_code code = doctor_principal(kerberos, &doctor->target, &principal);
    if (code == 0) {
        code = krb5_unparse_name(kerberos->krb5, principal, &shown);
    }
    if (code != 0) {
        doctor_find(doctor, "name", DOCTOR_WRONG, "write it as SERVICE@HOST, or as the KDC has it: SERVICE/HOST@REALM",
                    "%s: %s", asked, doctor_words(kerberos, code, words, sizeof words));
        krb5_free_principal(kerberos->krb5, principal);
        return;
    }
    bool other = renamed(doctor, principal);
    size_t at = doctor->count;
    doctor_find(doctor, "name", DOCTOR_RIGHT,
                other ? "the DNS gave the host another name: set dns_canonicalize_hostname = false (or rdns = false) "
                        "in krb5.conf, or mend the DNS, or register the service under that name too"
                      : NULL,
                "%s is asked of the KDC as %s%s", asked, shown, other ? ", which is another host's name" : "");
    if (!check_service(doctor, principal, shown) && other) {
        doctor->findings[at].outcome = DOCTOR_WRONG; /* a surprise is only wrong where the KDC does not share it */
        doctor->wrong++;
    }
    krb5_free_unparsed_name(kerberos->krb5, shown);
    krb5_free_principal(kerberos->krb5, principal);
}

void doctor_end(struct doctor *doctor)
{
    struct doctor_kerberos *kerberos = doctor->kerberos;
    if (kerberos == NULL) {
        return;
    }
    if (kerberos->tickets != NULL) {
        krb5_cc_destroy(kerberos->krb5, kerberos->tickets);
    }
    if (kerberos->krb5 != NULL) {
        krb5_free_context(kerberos->krb5);
    }
    free(kerberos);
    doctor->kerberos = NULL;
}
