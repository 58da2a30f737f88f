/* kdc.c - makes, starts, stops and removes the throwaway realm: configuration, database, keytabs, KDC, first tickets.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "kdc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ldap.h"
#include "pkinit.h"
#include "steps.h"

#define START_ATTEMPTS 10

/* The third argument is more of the realm. */
static const char krb5_conf[] = "[libdefaults]\n"
                                "    default_realm = TROTH.TEST\n"
                                "    dns_canonicalize_hostname = false\n"
                                "    dns_lookup_kdc = false\n"
                                "    dns_lookup_realm = false\n"
                                "    dns_uri_lookup = false\n"
                                "    rdns = false\n"
                                "    forwardable = true\n"
                                "    allow_rc4 = true\n"
                                "    default_keytab_name = FILE:%1$s/service.keytab\n"
                                "    default_ccache_name = FILE:%1$s/default.ccache\n"
                                "[realms]\n"
                                "    TROTH.TEST = {\n"
                                "        kdc = 127.0.0.1:%2$u\n"
                                "%3$s"
                                "    }\n"
                                "[domain_realm]\n"
                                "    troth.test = TROTH.TEST\n"
                                "    .troth.test = TROTH.TEST\n";

/* The third argument is the database: files, or the module below; the fifth is more of the realm. */
static const char kdc_conf[] = "[kdcdefaults]\n"
                               "    kdc_listen = 127.0.0.1:%2$u\n"
                               "    kdc_tcp_listen = 127.0.0.1:%2$u\n"
                               "[realms]\n"
                               "    TROTH.TEST = {\n"
                               "        %3$s\n"
                               "        key_stash_file = %1$s/stash\n"
                               "        acl_file = %1$s/acl\n"
                               "        max_life = 1d\n"
                               "%5$s"
                               "    }\n"
                               "[dbmodules]\n"
                               "    ldap = {\n"
                               "        db_library = kldap\n"
                               "        ldap_kerberos_container_dn = cn=kerberos,dc=troth\n"
                               "        ldap_servers = %4$s\n"
                               "        ldap_kdc_sasl_mech = EXTERNAL\n"
                               "        ldap_kadmind_sasl_mech = EXTERNAL\n"
                               "    }\n"
                               "[logging]\n"
                               "    kdc = FILE:%1$s/kdc.log\n"
                               "    default = FILE:%1$s/kdc.log\n";

/*
 * stale's key is changed after it went to the keytab, so that the keytab's kvno is an old one; wrong is made anew, so
 * that the kvno is the same and the key another. absent never goes there. second
 * is trusted with delegation, and nobody else. rc4 has a key of that retired type only.
 */
static const char kadmin_script[] =
    "addprinc -randkey +requires_preauth alice\n"
    "addprinc -pw %2$s +requires_preauth carol\n"
    "addprinc -randkey +requires_preauth -maxlife \"4 seconds\" brief\n"
    "addprinc -pw %3$s +requires_preauth -maxlife \"4 seconds\" briefpw\n"
    "addprinc -randkey troth/server.troth.test\n"
    "addprinc -randkey host/server.troth.test\n"
    "addprinc -randkey +ok_as_delegate second/server.troth.test\n"
    "addprinc -randkey absent/server.troth.test\n"
    "addprinc -randkey -e rc4-hmac:normal rc4/server.troth.test\n"
    "setstr rc4/server.troth.test session_enctypes rc4-hmac\n"
    "addprinc -randkey stale/server.troth.test\n"
    "addprinc -randkey wrong/server.troth.test\n"
    "ktadd -k \"%1$s/alice.keytab\" -norandkey alice\n"
    "ktadd -k \"%1$s/brief.keytab\" -norandkey brief\n"
    "ktadd -k \"%1$s/service.keytab\" -norandkey troth/server.troth.test host/server.troth.test "
    "second/server.troth.test stale/server.troth.test wrong/server.troth.test rc4/server.troth.test\n"
    "cpw -randkey stale/server.troth.test\n"
    "delprinc -force wrong/server.troth.test\n"
    "addprinc -randkey wrong/server.troth.test\n";

/* front and middle may act in their users' names towards back, and towards nobody else; front also for a user who did
 * not come with a ticket. */
static const char kadmin_script_ldap[] =
    "addprinc -randkey +ok_to_auth_as_delegate front/server.troth.test\n"
    "addprinc -randkey middle/server.troth.test\n"
    "addprinc -randkey back/server.troth.test\n"
    "ktadd -k \"%1$s/service.keytab\" -norandkey front/server.troth.test middle/server.troth.test "
    "back/server.troth.test\n";

/* Who asks without a name is this principal to the KDC (RFC 8062). */
static const char kadmin_script_pkinit[] = "addprinc -randkey WELLKNOWN/ANONYMOUS\n";

static bool tools_installed(void)
{
    static const char *const programs[][2] = {{"krb5kdc", "krb5-kdc"},
                                              {"kdb5_util", "krb5-kdc"},
                                              {"kadmin.local", "krb5-admin-server"},
                                              {"kinit", "krb5-user"}};

    return step_installed(programs, sizeof programs / sizeof programs[0]);
}

static bool write_configuration(const struct kdc *kdc)
{
    char database[1024];
    char anchors[1024] = "";
    char identity[2048] = "";

    if (kdc->pkinit) {
        snprintf(anchors, sizeof anchors, "        pkinit_anchors = FILE:%s/kdc.pem\n", kdc->directory);
        snprintf(identity, sizeof identity, "%s        pkinit_identity = FILE:%s/kdc.pem,%s/kdc.key\n", anchors,
                 kdc->directory, kdc->directory);
    }
    if (kdc->ldap[0] != '\0') {
        snprintf(database, sizeof database, "database_module = ldap");
    } else {
        snprintf(database, sizeof database, "database_name = %s/principal", kdc->directory);
    }
    return step_write(kdc, "krb5.conf", krb5_conf, kdc->directory, kdc->port, anchors) &&
           step_write(kdc, "kdc.conf", kdc_conf, kdc->directory, kdc->port, database,
                      kdc->ldap[0] != '\0' ? kdc->ldap : "none", identity);
}

/* A port of 127.0.0.1 that was free for TCP and UDP a moment ago; 0: none was found. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned port = 0;

    if (tcp >= 0 && udp >= 0 && bind(tcp, (struct sockaddr *)&address, size) == 0 &&
        getsockname(tcp, (struct sockaddr *)&address, &size) == 0 &&
        bind(udp, (struct sockaddr *)&address, size) == 0) {
        port = ntohs(address.sin_port);
    }
    if (tcp >= 0) {
        close(tcp);
    }
    if (udp >= 0) {
        close(udp);
    }
    return port;
}

/* krb5kdc cannot take the port that the kernel chooses, so another process may be quicker: then another port. */
static bool start(struct kdc *kdc)
{
    const char *const krb5kdc[] = {"krb5kdc", "-n", "-r", "TROTH.TEST", NULL};

    for (int attempt = 0; attempt < START_ATTEMPTS; attempt++) {
        kdc->port = free_port();
        if (kdc->port == 0) {
            continue;
        }
        if (!write_configuration(kdc)) {
            return false;
        }
        if (step_serve(kdc, &kdc->kdc, krb5kdc, "starting...")) {
            return true;
        }
    }
    step_complain("krb5kdc did not start in %d attempts; it said:", START_ATTEMPTS);
    step_show(kdc, "tools.log");
    step_show(kdc, "kdc.log");
    return false;
}

static bool make_directory(struct kdc *kdc)
{
    char path[1024];
    const char *base = getenv("TMPDIR");

    /* Quotes and line ends would end the values in the files that we write. */
    if (base == NULL || base[0] != '/' || strlen(base) > 400 || strpbrk(base, "\"\\\n{}") != NULL) {
        base = "/tmp";
    }
    snprintf(kdc->directory, sizeof kdc->directory, "%s/troth-realm-XXXXXX", base);
    if (mkdtemp(kdc->directory) == NULL) {
        step_complain("no directory can be made in %s: %s", base, strerror(errno));
        kdc->directory[0] = '\0';
        return false;
    }
    step_path(kdc, "rcache", path, sizeof path);
    return mkdir(path, 0700) == 0;
}

/* The tools' own surroundings; the command's are made in main.c. */
static void set_environment(const struct kdc *kdc)
{
    char path[1024];

    step_path(kdc, "krb5.conf", path, sizeof path);
    setenv("KRB5_CONFIG", path, 1);
    step_path(kdc, "kdc.conf", path, sizeof path);
    setenv("KRB5_KDC_PROFILE", path, 1);
    step_path(kdc, "rcache", path, sizeof path);
    setenv("KRB5RCACHEDIR", path, 1);
    setenv("LC_ALL", "C", 1); /* we read what they say */
    unsetenv("KRB5CCNAME");
    unsetenv("KRB5_TRACE");
    unsetenv("KRB5RCACHENAME");
    unsetenv("KRB5RCACHETYPE");
}

/* Principals beyond those of every realm. */
static bool more_principals(const struct kdc *kdc, const char *script)
{
    const char *const kadmin[] = {"kadmin.local", "-r", "TROTH.TEST", NULL};

    return step_write(kdc, "kadmin.script", script, kdc->directory) && step_run(kdc, "kadmin.script", kadmin, true);
}

static bool make_database(const struct kdc *kdc)
{
    char master[SECRET_SIZE];
    char carol[SECRET_SIZE];
    char briefpw[SECRET_SIZE];
    const bool ldap = kdc->ldap[0] != '\0';
    const char *const create[] = {"kdb5_util", "create", "-r", "TROTH.TEST", "-s", "-W", "-P", master, NULL};
    const char *const create_ldap[] = {"kdb5_ldap_util", "create", "-r", "TROTH.TEST", "-s", "-P", master, NULL};
    const char *const kadmin[] = {"kadmin.local", "-r", "TROTH.TEST", NULL};

    if (!step_secret(master) || !step_secret(carol) || !step_secret(briefpw) || !step_write(kdc, "acl", "%s", "") ||
        !write_configuration(kdc) || !step_write(kdc, "carol.password", "%s\n", carol) ||
        !step_write(kdc, "briefpw.password", "%s\n", briefpw) ||
        !step_write(kdc, "kadmin.script", kadmin_script, kdc->directory, carol, briefpw) ||
        !step_run(kdc, NULL, ldap ? create_ldap : create, true) || !step_run(kdc, "kadmin.script", kadmin, true)) {
        return false;
    }
    return (!ldap || (more_principals(kdc, kadmin_script_ldap) && ldap_allow_delegation(kdc))) &&
           (!kdc->pkinit || (more_principals(kdc, kadmin_script_pkinit) && pkinit_certify(kdc)));
}

/* The first tickets; that alice's key opens the answer proves that it is our KDC which answers. */
static bool get_tickets(const struct kdc *kdc)
{
    char keytab[1024];
    char ccache[1024];
    char ended[1024];
    char nobody[1024];
    const char *const alice[] = {"kinit", "-k", "-t", keytab, "-c", ccache, "alice@TROTH.TEST", NULL};
    const char *const expired[] = {"kinit", "-k", "-t", keytab, "-c", ended, "-l", "1s", "alice@TROTH.TEST", NULL};
    const char *const anonymous[] = {"kinit", "-n", "-c", nobody, "@TROTH.TEST", NULL};

    step_path(kdc, "alice.keytab", keytab, sizeof keytab);
    step_path(kdc, "alice.ccache", ccache, sizeof ccache);
    step_path(kdc, "expired.ccache", ended, sizeof ended);
    step_path(kdc, "anonymous.ccache", nobody, sizeof nobody);
    return step_run(kdc, NULL, alice, true) && step_run(kdc, NULL, expired, true) &&
           (!kdc->pkinit || step_run(kdc, NULL, anonymous, true));
}

int kdc_make(struct kdc *kdc, bool ldap, bool pkinit)
{
    int status = 0;

    memset(kdc, 0, sizeof *kdc);
    kdc->kdc.output = kdc->slapd.output = -1;
    umask(077);
    if (!tools_installed() || (ldap && !ldap_installed()) || (pkinit && !pkinit_installed())) {
        return KDC_SKIPPED;
    }
    kdc->pkinit = pkinit;
    if (!make_directory(kdc)) {
        return KDC_FAILED;
    }
    set_environment(kdc);
    if (ldap) {
        status = ldap_start(kdc);
    }
    if (status == 0 && (!make_database(kdc) || !start(kdc) || !get_tickets(kdc))) {
        status = KDC_FAILED;
    }
    return status;
}

void kdc_stop(struct kdc *kdc)
{
    step_end(&kdc->kdc);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    remove(path);
    return 0;
}

void kdc_remove(struct kdc *kdc)
{
    kdc_stop(kdc);
    step_end(&kdc->slapd);
    if (kdc->directory[0] != '\0') {
        nftw(kdc->directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        kdc->directory[0] = '\0';
    }
}
