/* pkinit.c - a certificate for the KDC, which vouches for itself. */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE

#include "pkinit.h"

#include <glob.h>

#include "steps.h"

/* What makes a certificate a KDC's is in RFC 4556 section 3.2.4: the purpose, and the realm's krbtgt as its name. */
static const char openssl_conf[] = "[req]\n"
                                   "distinguished_name = subject\n"
                                   "x509_extensions = kdc\n"
                                   "prompt = no\n"
                                   "[subject]\n"
                                   "commonName = KDC of TROTH.TEST\n"
                                   "[kdc]\n"
                                   "basicConstraints = critical, CA:TRUE\n"
                                   "extendedKeyUsage = 1.3.6.1.5.2.3.5\n"
                                   "subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:principal\n"
                                   "[principal]\n"
                                   "realm = EXPLICIT:0, GeneralString:TROTH.TEST\n"
                                   "name = EXPLICIT:1, SEQUENCE:name\n"
                                   "[name]\n"
                                   "type = EXPLICIT:0, INTEGER:2\n"
                                   "components = EXPLICIT:1, SEQUENCE:components\n"
                                   "[components]\n"
                                   "first = GeneralString:krbtgt\n"
                                   "second = GeneralString:TROTH.TEST\n";

static bool plugin_installed(void)
{
    static const char *const patterns[] = {"/usr/lib/*/krb5/plugins/preauth/pkinit.so",
                                           "/usr/lib*/krb5/plugins/preauth/pkinit.so"};
    bool found = false;

    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0] && !found; i++) {
        glob_t places;

        found = glob(patterns[i], 0, NULL, &places) == 0;
        globfree(&places);
    }
    return found;
}

bool pkinit_installed(void)
{
    static const char *const programs[][2] = {{"openssl", "openssl"}};
    const bool plugin = plugin_installed();

    if (!plugin) {
        step_complain("SKIPPED: PKINIT is not installed; Debian and Ubuntu have it in the package krb5-pkinit");
    }
    return step_installed(programs, 1) && plugin;
}

bool pkinit_certify(const struct kdc *kdc)
{
    char conf[1024];
    char key[1024];
    char certificate[1024];
    const char *const request[] = {"openssl", "req", "-x509",   "-newkey", "rsa:2048", "-nodes",    "-days", "2",
                                   "-config", conf,  "-keyout", key,       "-out",     certificate, NULL};

    step_path(kdc, "openssl.conf", conf, sizeof conf);
    step_path(kdc, "kdc.key", key, sizeof key);
    step_path(kdc, "kdc.pem", certificate, sizeof certificate);
    return step_write(kdc, "openssl.conf", openssl_conf) && step_run(kdc, NULL, request, true);
}
