/* ldap.c - a private directory service (slapd) with the realm's database: no port, no privilege, one socket. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "ldap.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "steps.h"

/* Where Debian and Ubuntu have them. */
#define SCHEMA "/usr/share/doc/krb5-kdc-ldap/kerberos.schema.gz"
#define CORE_SCHEMA "/etc/ldap/schema/core.schema"
#define MODULES "/usr/lib/ldap"

#define CONNECT_MILLISECONDS 10000

/*
 * Whoever comes through the socket as the user who made the realm is the directory's master; nobody else can come: the
 * realm's directory is private. Nothing is kept for longer than the realm, so nothing is synchronised.
 */
static const char slapd_conf[] = "include \"" CORE_SCHEMA "\"\n"
                                 "include \"%1$s/kerberos.schema\"\n"
                                 "loglevel 0\n"
                                 "pidfile \"%1$s/slapd.pid\"\n"
                                 "modulepath " MODULES "\n"
                                 "moduleload back_mdb\n"
                                 "database mdb\n"
                                 "suffix dc=troth\n"
                                 "rootdn gidNumber=%2$lu+uidNumber=%3$lu,cn=peercred,cn=external,cn=auth\n"
                                 "directory \"%1$s/ldap\"\n"
                                 "maxsize 16777216\n"
                                 "dbnosync\n";

static const char base_ldif[] = "dn: dc=troth\n"
                                "objectClass: dcObject\n"
                                "objectClass: organization\n"
                                "dc: troth\n"
                                "o: troth\n";

#define ALLOWED(service)                                                                                               \
    "dn: krbPrincipalName=" service "/server.troth.test@TROTH.TEST,cn=TROTH.TEST,cn=kerberos,dc=troth\n"               \
    "changetype: modify\n"                                                                                             \
    "add: krbAllowedToDelegateTo\n"                                                                                    \
    "krbAllowedToDelegateTo: back/server.troth.test@TROTH.TEST\n"

static const char allowed_ldif[] = ALLOWED("front") "\n" ALLOWED("middle");

bool ldap_installed(void)
{
    static const char *const programs[][2] = {
        {"slapd", "slapd"}, {"ldapmodify", "ldap-utils"}, {"kdb5_ldap_util", "krb5-kdc-ldap"}};
    static const char *const files[][2] = {{SCHEMA, "krb5-kdc-ldap"}, {CORE_SCHEMA, "slapd"}};
    bool all = step_installed(programs, sizeof programs / sizeof programs[0]);

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (access(files[i][0], R_OK) != 0) {
            step_complain("SKIPPED: %s is not there; it belongs to the package %s", files[i][0], files[i][1]);
            all = false;
        }
    }
    return all;
}

/* The URL of the socket. False: its path is longer than a socket's may be. */
static bool make_url(struct kdc *kdc)
{
    char path[1024];
    size_t length = (size_t)snprintf(kdc->ldap, sizeof kdc->ldap, "ldapi://");

    step_path(kdc, "ldap.socket", path, sizeof path);
    if (strlen(path) >= sizeof((struct sockaddr_un *)NULL)->sun_path) {
        kdc->ldap[0] = '\0';
        return false;
    }
    for (const char *at = path; *at != '\0'; at++) {
        length += (size_t)snprintf(kdc->ldap + length, sizeof kdc->ldap - length,
                                   isalnum((unsigned char)*at) ? "%c" : "%%%02X", (unsigned char)*at);
    }
    return true;
}

/*
 * slapd says that it starts when its socket has its name, and listens a moment later: tries until somebody takes the
 * connection.
 */
static bool wait_listening(const struct kdc *kdc)
{
    static const struct timespec moment = {.tv_nsec = 1000 * 1000};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool connected = false;

    step_path(kdc, "ldap.socket", address.sun_path, sizeof address.sun_path);
    for (int tries = 0; tries < CONNECT_MILLISECONDS && !connected; tries++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        connected = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
        if (fd >= 0) {
            close(fd);
        }
        if (!connected) {
            nanosleep(&moment, NULL);
        }
    }
    return connected;
}

int ldap_start(struct kdc *kdc)
{
    char schema[1024];
    char configuration[1024];
    char database[1024];
    const char *const unpack[] = {"sh", "-c", "gzip -dc " SCHEMA " >\"$0\"", schema, NULL};
    const char *const fill[] = {"slapadd", "-f", configuration, NULL};
    const char *const serve[] = {"slapd", "-f", configuration, "-h", kdc->ldap, "-d", "none", NULL};

    step_path(kdc, "kerberos.schema", schema, sizeof schema);
    step_path(kdc, "slapd.conf", configuration, sizeof configuration);
    step_path(kdc, "ldap", database, sizeof database);
    if (!make_url(kdc)) {
        step_complain("SKIPPED: no socket can have a path as long as %s", configuration);
        return KDC_SKIPPED;
    }
    if (mkdir(database, 0700) != 0 ||
        !step_write(kdc, "slapd.conf", slapd_conf, kdc->directory, (unsigned long)getegid(),
                    (unsigned long)geteuid()) ||
        !step_write(kdc, "base.ldif", "%s", base_ldif) || !step_run(kdc, NULL, unpack, true)) {
        return KDC_FAILED;
    }
    if (!step_run(kdc, "base.ldif", fill, false)) {
        /* Ubuntu's AppArmor may keep slapd to the system's own directories. */
        if (step_said(kdc, "tools.log", "Permission denied")) {
            step_complain("SKIPPED: slapd may not read %s (AppArmor?)", configuration);
            return KDC_SKIPPED;
        }
        step_complain("slapadd failed; it said:");
        step_show(kdc, "tools.log");
        return KDC_FAILED;
    }
    if (!step_serve(kdc, &kdc->slapd, serve, "slapd starting") || !wait_listening(kdc)) {
        step_complain("slapd did not start");
        return KDC_FAILED;
    }
    return 0;
}

bool ldap_allow_delegation(const struct kdc *kdc)
{
    const char *const modify[] = {"ldapmodify", "-Q", "-Y", "EXTERNAL", "-H", kdc->ldap, NULL};

    return step_write(kdc, "allowed.ldif", "%s", allowed_ldif) && step_run(kdc, "allowed.ldif", modify, true);
}
