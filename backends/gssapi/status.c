/* status.c - native codes to portable ones, and the native library's own words. */
#define _POSIX_C_SOURCE 200809L

#include "internal.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "trace.h"

/* A line of the native library in our text; longer ones are cut. */
#define LINE_MAX_SHOWN 400

/* MIT's mechanism glue numbers from here the minor codes that it must tell apart (seen with 1.20.1). */
#define GLUE_FIRST 100000u
#define GLUE_END 200000u

/* Two of MIT's error tables that no installed header has. */
#define K5G_FIRST 39756032
#define GGSS_FIRST (-2045022976)
#define BAD_TOKEN_HEADER (GGSS_FIRST + 12) /* G_BAD_TOK_HEADER */

static unsigned char krb5_oid[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static unsigned char spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};

/* 1.3.6.1.4.1.311.2.2.10, [MS-NLMP]: gss-ntlmssp registers itself under it. */
static unsigned char ntlm_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};

gss_OID_desc troth__gss_krb5 = {sizeof krb5_oid, krb5_oid};
gss_OID_desc troth__gss_spnego = {sizeof spnego_oid, spnego_oid};
gss_OID_desc troth__gss_ntlm = {sizeof ntlm_oid, ntlm_oid};
gss_OID_set_desc troth__gss_krb5_set = {1, &troth__gss_krb5};

gss_OID troth__gss_mechanism(troth_mechanism mechanism)
{
    return mechanism == TROTH_MECHANISM_KERBEROS ? &troth__gss_krb5
           : mechanism == TROTH_MECHANISM_NTLM   ? &troth__gss_ntlm
                                                 : &troth__gss_spnego;
}

/* Routine errors that say more than any minor code beside them. */
static const struct {
    OM_uint32 major;
    troth_status status;
} telling_majors[] = {
    {GSS_S_BAD_BINDINGS, TROTH_E_BINDINGS},     {GSS_S_BAD_MIC, TROTH_E_ALTERED},
    {GSS_S_DUPLICATE_TOKEN, TROTH_E_REPLAY},    {GSS_S_OLD_TOKEN, TROTH_E_OLD},
    {GSS_S_CONTEXT_EXPIRED, TROTH_E_EXPIRED},   {GSS_S_CREDENTIALS_EXPIRED, TROTH_E_EXPIRED},
    {GSS_S_DEFECTIVE_TOKEN, TROTH_E_BAD_TOKEN}, {GSS_S_BAD_NAME, TROTH_E_UNKNOWN_TARGET},
    {GSS_S_BAD_NAMETYPE, TROTH_E_NAME},         {GSS_S_BAD_MECH, TROTH_E_MECHANISM},
    {GSS_S_UNAVAILABLE, TROTH_E_UNSUPPORTED},
};

/* Minor codes, which say what happened where the major is FAILURE or NO_CRED. */
static const struct {
    krb5_error_code minor;
    troth_status status;
} minors[] = {
    {KRB5KDC_ERR_S_PRINCIPAL_UNKNOWN, TROTH_E_UNKNOWN_TARGET},
    {KRB5KDC_ERR_C_PRINCIPAL_UNKNOWN, TROTH_E_UNKNOWN_TARGET},
    {KRB5KDC_ERR_MUST_USE_USER2USER, TROTH_E_UNKNOWN_TARGET}, /* an account, but not a service */
    {KRB5KRB_AP_ERR_MODIFIED, TROTH_E_WRONG_KEY},
    {KRB5KRB_AP_ERR_NOKEY, TROTH_E_WRONG_KEY},
    {KRB5KRB_AP_ERR_BADKEYVER, TROTH_E_WRONG_KEY},
    {KRB5KRB_AP_ERR_BAD_INTEGRITY, TROTH_E_WRONG_KEY},
    {KRB5KRB_AP_WRONG_PRINC, TROTH_E_WRONG_KEY},
    {KRB5KRB_AP_ERR_NOT_US, TROTH_E_WRONG_KEY},
    {KRB5_KT_NOTFOUND, TROTH_E_WRONG_KEY},
    {KRB5_KT_KVNONOTFOUND, TROTH_E_WRONG_KEY},
    {KRB5KRB_AP_ERR_SKEW, TROTH_E_CLOCK_SKEW},
    {KRB5KRB_AP_ERR_TKT_NYV, TROTH_E_CLOCK_SKEW},
    {KRB5_KDCREP_SKEW, TROTH_E_CLOCK_SKEW},
    {KRB5_KDC_UNREACH, TROTH_E_NO_KDC},
    {KRB5_REALM_UNKNOWN, TROTH_E_NO_KDC},
    {KRB5_REALM_CANT_RESOLVE, TROTH_E_NO_KDC},
    {KRB5KRB_AP_ERR_REPEAT, TROTH_E_REPLAY},
    {KRB5KDC_ERR_PREAUTH_FAILED, TROTH_E_DENIED},
    {KRB5KDC_ERR_CLIENT_REVOKED, TROTH_E_DENIED},
    {KRB5KDC_ERR_SERVICE_REVOKED, TROTH_E_DENIED},
    {KRB5KDC_ERR_POLICY, TROTH_E_DENIED},
    {KRB5KDC_ERR_BADOPTION, TROTH_E_DENIED}, /* constrained delegation that is not permitted */
    {KRB5KDC_ERR_NAME_EXP, TROTH_E_DENIED},  /* an account, not a ticket */
    {KRB5KDC_ERR_SERVICE_EXP, TROTH_E_DENIED},
    {KRB5KDC_ERR_KEY_EXP, TROTH_E_EXPIRED},
    {KRB5KRB_AP_ERR_TKT_EXPIRED, TROTH_E_EXPIRED},
    {KRB5_CC_NOTFOUND, TROTH_E_NO_CREDENTIAL},
    {KRB5_FCC_NOFILE, TROTH_E_NO_CREDENTIAL},
    {KRB5_FCC_PERM, TROTH_E_NO_CREDENTIAL},
    {KRB5_CC_FORMAT, TROTH_E_NO_CREDENTIAL},
    {KRB5_KEYTAB_BADVNO, TROTH_E_NO_CREDENTIAL},
    {KRB5_KT_NAME_TOOLONG, TROTH_E_NO_CREDENTIAL},
    {KRB5_KT_UNKNOWN_TYPE, TROTH_E_NO_CREDENTIAL},
    {KRB5_CC_UNKNOWN_TYPE, TROTH_E_NO_CREDENTIAL},
    {EACCES, TROTH_E_NO_CREDENTIAL},
    {ENOENT, TROTH_E_NO_CREDENTIAL},
    {KRB5KDC_ERR_ETYPE_NOSUPP, TROTH_E_ENCRYPTION},
    {KRB5_BAD_ENCTYPE, TROTH_E_ENCRYPTION},
    {KRB5_PROG_ETYPE_NOSUPP, TROTH_E_ENCRYPTION},
    {KRB5_CONFIG_ETYPE_NOSUPP, TROTH_E_ENCRYPTION},
    {KRB5_CC_NOT_KTYPE, TROTH_E_ENCRYPTION},
    {KRB5_NOPERM_ETYPE, TROTH_E_ENCRYPTION},
    {KRB5KRB_AP_ERR_BADVERSION, TROTH_E_BAD_TOKEN},
    {KRB5KRB_AP_ERR_MSG_TYPE, TROTH_E_BAD_TOKEN},
    {KRB5KRB_AP_ERR_INAPP_CKSUM, TROTH_E_BAD_TOKEN},
    {KRB5_BADMSGTYPE, TROTH_E_BAD_TOKEN},
    {KRB5_BAD_MSIZE, TROTH_E_BAD_TOKEN},
    {KRB5KRB_AP_ERR_BADMATCH, TROTH_E_DENIED},
    {BAD_TOKEN_HEADER, TROTH_E_BAD_TOKEN},
    {ENOMEM, TROTH_E_MEMORY},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* One line of what the library says for a code; *more is set when there are others. Returns its length. */
static size_t gss_display(const struct troth__gss_native *native, OM_uint32 code, int type, gss_OID mechanism,
                          OM_uint32 *more, char line[LINE_MAX_SHOWN])
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor;
    size_t length = 0;

    if (native->gss_display_status(&minor, code, type, mechanism, more, &text) == GSS_S_COMPLETE) {
        length = text.length < LINE_MAX_SHOWN - 1 ? text.length : LINE_MAX_SHOWN - 1;
        if (length > 0)
            memcpy(line, text.value, length);
    } else {
        *more = 0;
    }
    line[length] = '\0';
    native->gss_release_buffer(&minor, &text);
    return length;
}

/* Adds every line that the library has for a code. */
static void gss_append_lines(const struct troth__gss_native *native, OM_uint32 code, int type, gss_OID mechanism,
                             troth_error *error)
{
    char line[LINE_MAX_SHOWN];
    OM_uint32 more = 0;
    int rounds = 0; /* a library that never ends its lines must not hold us */

    do {
        if (gss_display(native, code, type, mechanism, &more, line) > 0)
            troth__error_append(error, "%s%s", type == GSS_C_GSS_CODE && rounds == 0 ? ": " : "; ", line);
    } while (more != 0 && ++rounds < 8);
}

/* The codes that a mechanism really gives: MIT's error tables krb5, k5g and ggss (GSSAPI's own), and errno. */
static const struct {
    krb5_error_code first;
    int count;
} code_ranges[] = {{KRB5KDC_ERR_NONE, 256}, {K5G_FIRST, 64}, {GGSS_FIRST, 32}, {1, 256}};

/*
 * A minor code as the mechanism gave it, without the numbers of MIT's glue in its place: those stand for 0, and under
 * SPNEGO for every krb5 code, since the inner call took that number first. Only the text leads back. So: 0 when
 * it is the text of success, otherwise the code whose text is the same; the library has a text only for codes that it
 * gave before, so that few are compared.
 */
static OM_uint32 gss_real_minor(const struct troth__gss_native *native, OM_uint32 minor, gss_OID mechanism)
{
    char said[LINE_MAX_SHOWN], line[LINE_MAX_SHOWN];
    OM_uint32 more = 0;

    if (minor < GLUE_FIRST || minor >= GLUE_END ||
        gss_display(native, minor, GSS_C_MECH_CODE, mechanism, &more, said) == 0)
        return minor;
    if (strerror_r(0, line, sizeof line) == 0 && strcmp(line, said) == 0)
        return 0;
    for (size_t i = 0; i < COUNT(code_ranges); i++) {
        for (int at = 0; at < code_ranges[i].count; at++) {
            const OM_uint32 code = (OM_uint32)(code_ranges[i].first + at);

            more = 0;
            if (gss_display(native, code, GSS_C_MECH_CODE, &troth__gss_krb5, &more, line) > 0 &&
                strcmp(line, said) == 0)
                return code;
        }
    }
    return minor;
}

static troth_status gss_classify(OM_uint32 major, OM_uint32 minor)
{
    const OM_uint32 routine = GSS_ROUTINE_ERROR(major);

    /* Supplementary bits are not errors to GSS_ERROR, but they are to us (RFC 2743 section 1.2.3). */
    if (GSS_ERROR(major) == 0) {
        if ((major & GSS_S_DUPLICATE_TOKEN) != 0)
            return TROTH_E_REPLAY;
        if ((major & GSS_S_OLD_TOKEN) != 0)
            return TROTH_E_OLD;
        if ((major & GSS_S_UNSEQ_TOKEN) != 0)
            return TROTH_E_OUT_OF_SEQUENCE;
        if ((major & GSS_S_GAP_TOKEN) != 0)
            return TROTH_E_GAP;
        return TROTH_E_FAILURE;
    }
    for (size_t i = 0; i < COUNT(telling_majors); i++) {
        if (routine == telling_majors[i].major)
            return telling_majors[i].status;
    }
    for (size_t i = 0; i < COUNT(minors); i++) {
        if (minor != (OM_uint32)minors[i].minor)
            continue;
        /* Acquiring finds no key at all; only a ticket can find a wrong one. */
        return routine == GSS_S_NO_CRED && minors[i].status == TROTH_E_WRONG_KEY ? TROTH_E_NO_CREDENTIAL
                                                                                 : minors[i].status;
    }
    if ((krb5_error_code)minor >= ASN1_BAD_TIMEFORMAT && (krb5_error_code)minor <= ASN1_MISSING_EOC)
        return TROTH_E_BAD_TOKEN;
    if (routine == GSS_S_NO_CRED)
        return TROTH_E_NO_CREDENTIAL;
    return TROTH_E_FAILURE;
}

troth_status troth__gss_fail(const struct troth__gss_native *native, const char *call, OM_uint32 major, OM_uint32 minor,
                             gss_OID mechanism, troth_error *error)
{
    const OM_uint32 real = gss_real_minor(native, minor, mechanism);

    troth__error_set(error, gss_classify(major, real), "%s", call);
    troth__error_native(error, major, real);
    gss_append_lines(native, major, GSS_C_GSS_CODE, GSS_C_NO_OID, error);
    if (real != 0)
        gss_append_lines(native, minor, GSS_C_MECH_CODE, mechanism, error);
    return error->status;
}

void troth__gss_trace(const struct gss_credential *credential, const struct troth__context_config *context,
                      const char *call, OM_uint32 major, OM_uint32 minor, gss_OID mechanism, size_t input_length,
                      size_t output_length)
{
    troth_status status = TROTH_OK;

    if (major == GSS_S_CONTINUE_NEEDED) {
        status = TROTH_CONTINUE;
    } else if (major != GSS_S_COMPLETE) {
        minor = gss_real_minor(credential->native, minor, mechanism);
        status = gss_classify(major, minor);
    }
    troth__trace_native(credential->config, context, call, status, major, minor, input_length, output_length);
}
