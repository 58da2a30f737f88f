/*
 * raw_peer.c - the other end of a test's handshake: GSSAPI and nothing of ours, in a process of its own, so that its
 * clock can be another one.
 *
 * usage: raw-peer initiate kerberos|negotiate SERVICE@HOST full|nomutual|plain|CHANNEL
 *        raw-peer accept any|CHANNEL
 *
 * Prints "token: HEX" and then "status: complete", "status: continue" or "status: failed" for each step, and reads each
 * token of the peer as a line of hexadecimal digits. CHANNEL is the application data of its channel bindings.
 */
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 65536

static unsigned char krb5_bytes[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02};
static unsigned char spnego_bytes[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};
static gss_OID_desc krb5 = {sizeof krb5_bytes, krb5_bytes};
static gss_OID_desc spnego = {sizeof spnego_bytes, spnego_bytes};

static void complain(OM_uint32 code, int type)
{
    OM_uint32 minor, more = 0;
    gss_buffer_desc text;

    do {
        if (gss_display_status(&minor, code, type, GSS_C_NO_OID, &more, &text) != GSS_S_COMPLETE)
            return;
        fprintf(stderr, "raw-peer: %.*s\n", (int)text.length, (char *)text.value);
        gss_release_buffer(&minor, &text);
    } while (more != 0);
}

static int report(OM_uint32 major, OM_uint32 minor, const gss_buffer_desc *out)
{
    fputs("token: ", stdout);
    for (size_t i = 0; i < out->length; i++)
        printf("%02x", ((const unsigned char *)out->value)[i]);
    printf("\nstatus: %s\n", GSS_ERROR(major)                       ? "failed"
                             : (major & GSS_S_CONTINUE_NEEDED) != 0 ? "continue"
                                                                    : "complete");
    fflush(stdout);
    if (GSS_ERROR(major)) {
        complain(major, GSS_C_GSS_CODE);
        complain(minor, GSS_C_MECH_CODE);
    }
    return GSS_ERROR(major) ? 1 : (major & GSS_S_CONTINUE_NEEDED) != 0 ? -1 : 0;
}

static int digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    return at != NULL ? (int)(at - digits) : -1;
}

/* False at the end of stdin. */
static int read_token(gss_buffer_t token)
{
    static char line[2 * TOKEN_MAX + 2];
    static unsigned char bytes[TOKEN_MAX];

    token->length = 0;
    token->value = bytes;
    if (fgets(line, sizeof line, stdin) == NULL)
        return 0;
    for (const char *at = line; digit(at[0]) >= 0 && digit(at[1]) >= 0; at += 2)
        bytes[token->length++] = (unsigned char)(digit(at[0]) << 4 | digit(at[1]));
    return 1;
}

static gss_channel_bindings_t channel(char *text)
{
    static struct gss_channel_bindings_struct bindings;

    bindings.application_data.length = strlen(text);
    bindings.application_data.value = text;
    return &bindings;
}

static int initiate(gss_OID mechanism, char *target, char *how)
{
    OM_uint32 asked = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    gss_channel_bindings_t bindings = GSS_C_NO_CHANNEL_BINDINGS;
    gss_buffer_desc name = {strlen(target), target};
    gss_buffer_desc in = GSS_C_EMPTY_BUFFER, out = GSS_C_EMPTY_BUFFER;
    gss_OID_set_desc set = {1, mechanism};
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 major, minor;
    gss_name_t to;
    int result;

    if (strcmp(how, "nomutual") == 0)
        asked &= ~(OM_uint32)GSS_C_MUTUAL_FLAG;
    else if (strcmp(how, "plain") == 0)
        asked = GSS_C_MUTUAL_FLAG;
    else if (strcmp(how, "full") != 0)
        bindings = channel(how);
    major = gss_import_name(&minor, &name, GSS_C_NT_HOSTBASED_SERVICE, &to);
    if (major == GSS_S_COMPLETE)
        major =
            gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &set, GSS_C_INITIATE, &credential, NULL, NULL);
    if (strcmp(how, "plain") == 0 && major == GSS_S_COMPLETE) /* MIT adds both flags unless it is told not to */
        major = gss_set_cred_option(&minor, &credential, (gss_OID)GSS_KRB5_CRED_NO_CI_FLAGS_X, GSS_C_NO_BUFFER);
    if (major != GSS_S_COMPLETE)
        return report(major, minor, &out);
    do {
        major = gss_init_sec_context(&minor, credential, &context, to, mechanism, asked, 0, bindings, &in, NULL, &out,
                                     NULL, NULL);
        result = report(major, minor, &out);
    } while (result < 0 && read_token(&in));
    return result;
}

static int accept_one(char *how)
{
    gss_channel_bindings_t bindings = strcmp(how, "any") == 0 ? GSS_C_NO_CHANNEL_BINDINGS : channel(how);
    gss_buffer_desc in, out = GSS_C_EMPTY_BUFFER;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 major, minor;
    int result = -1;

    while (result < 0 && read_token(&in)) {
        major = gss_accept_sec_context(&minor, &context, GSS_C_NO_CREDENTIAL, &in, bindings, NULL, NULL, &out, NULL,
                                       NULL, NULL);
        result = report(major, minor, &out);
    }
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "initiate") == 0)
        return initiate(strcmp(argv[2], "kerberos") == 0 ? &krb5 : &spnego, argv[3], argv[4]);
    if (argc == 3 && strcmp(argv[1], "accept") == 0)
        return accept_one(argv[2]);
    fputs("usage: raw-peer initiate|accept ...\n", stderr);
    return 2;
}
