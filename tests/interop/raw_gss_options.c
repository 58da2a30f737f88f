/* raw_gss_options.c - the options that the raw GSSAPI peer alone has. */
#include "raw_gss.h"

#include <gssapi/gssapi_ext.h>
#include <stdio.h>
#include <string.h>

struct raw_gss_options raw_gss_options;

static unsigned char krb5_bytes[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static unsigned char spnego_bytes[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static unsigned char ntlm_bytes[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};
gss_OID_desc raw_krb5_oid = {sizeof krb5_bytes, krb5_bytes};
static gss_OID_desc spnego_oid = {sizeof spnego_bytes, spnego_bytes};
static gss_OID_desc ntlm_oid = {sizeof ntlm_bytes, ntlm_bytes};

#define BOTH(name, bit)                                                                                                \
    {                                                                                                                  \
        name, bit, bit                                                                                                 \
    }
const struct raw_flag_name raw_flag_names[] = {
    BOTH("delegate", GSS_C_DELEG_FLAG),      BOTH("mutual", GSS_C_MUTUAL_FLAG),
    BOTH("replay", GSS_C_REPLAY_FLAG),       BOTH("sequence", GSS_C_SEQUENCE_FLAG),
    BOTH("conf", GSS_C_CONF_FLAG),           BOTH("integ", GSS_C_INTEG_FLAG),
    BOTH("identify", GSS_C_IDENTIFY_FLAG),   BOTH("dce", GSS_C_DCE_STYLE),
    BOTH("bound", GSS_C_CHANNEL_BOUND_FLAG), {NULL, 0, 0},
};

static bool parse_bindings(const char *text)
{
    static struct gss_channel_bindings_struct bindings;
    static unsigned char bytes[512];
    unsigned value;

    bindings.initiator_addrtype = GSS_C_AF_UNSPEC;
    bindings.acceptor_addrtype = GSS_C_AF_UNSPEC;
    bindings.application_data.value = bytes;
    for (; text[0] != '\0' && bindings.application_data.length < sizeof bytes; text += 2) {
        if (sscanf(text, "%2x", &value) != 1 || text[1] == '\0') {
            return false;
        }
        bytes[bindings.application_data.length++] = (unsigned char)value;
    }
    raw_gss_options.bindings = &bindings;
    return *text == '\0';
}

static bool parse_switch(const char *name)
{
    if (strcmp(name, "--krb5") == 0) {
        raw_gss_options.mechanism = &raw_krb5_oid;
    } else if (strcmp(name, "--spnego") == 0) {
        raw_gss_options.mechanism = &spnego_oid;
    } else if (strcmp(name, "--ntlm") == 0) {
        raw_gss_options.mechanism = &ntlm_oid;
    } else if (strcmp(name, "--spnego-ntlm") == 0) {
        raw_gss_options.mechanism = &spnego_oid;
        raw_gss_options.inside = &ntlm_oid;
    } else if (strcmp(name, "--exact-flags") == 0) {
        raw_gss_options.exact = true;
    } else {
        return false;
    }
    return true;
}

static bool parse_value(const char *name, const char *value)
{
    return strcmp(name, "--bindings") == 0 && parse_bindings(value);
}

const struct raw_api raw_api = {
    .program = "raw-gss",
    .usage = "  --target SVC@HOST|PRINCIPAL     init: whom to speak with\n"
             "  --krb5|--spnego|--ntlm|--spnego-ntlm (NTLM inside, and nothing else)\n"
             "  --exact-flags                   init: without the conf and integ that MIT adds\n"
             "  --bindings HEX                  application data\n",
    .flags = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG,
    .parse_switch = parse_switch,
    .parse_value = parse_value,
};
