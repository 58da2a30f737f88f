/* raw_sspi_options.c - the options that the raw SSPI peer alone has. */
#include "raw_sspi.h"

#include <stdio.h>
#include <string.h>

const wchar_t *raw_sspi_package = L"Negotiate";

const struct raw_flag_name raw_flag_names[] = {
    {"delegate", ISC_REQ_DELEGATE, ASC_RET_DELEGATE},
    {"mutual", ISC_REQ_MUTUAL_AUTH, ASC_RET_MUTUAL_AUTH},
    {"replay", ISC_REQ_REPLAY_DETECT, ASC_RET_REPLAY_DETECT},
    {"sequence", ISC_REQ_SEQUENCE_DETECT, ASC_RET_SEQUENCE_DETECT},
    {"conf", ISC_REQ_CONFIDENTIALITY, ASC_RET_CONFIDENTIALITY},
    {"integ", ISC_REQ_INTEGRITY, ASC_RET_INTEGRITY},
    {"identify", ISC_REQ_IDENTIFY, ASC_RET_IDENTIFY},
    {"dce", ISC_REQ_USE_DCE_STYLE, ASC_RET_USED_DCE_STYLE},
    {NULL, 0, 0},
};

int raw_failed(const char *what, SECURITY_STATUS status)
{
    printf("failed: %s %08lx\n", what, (unsigned long)status);
    return API_FAILED;
}

bool raw_sspi_target(wchar_t target[RAW_TARGET_UNITS])
{
    const char *text = raw_options.target;
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, target, RAW_TARGET_UNITS);

    if (units > 0 && strchr(text, '/') == NULL && wcschr(target, L'@') != NULL) {
        *wcschr(target, L'@') = L'/';
    }
    return units > 0;
}

static bool parse_switch(const char *name)
{
    if (strcmp(name, "--krb5") == 0) {
        raw_sspi_package = L"Kerberos";
    } else if (strcmp(name, "--spnego") == 0) {
        raw_sspi_package = L"Negotiate";
    } else {
        return false;
    }
    return true;
}

static bool parse_value(const char *name, const char *value)
{
    (void)name;
    (void)value;
    return false;
}

const struct raw_api raw_api = {
    .program = "raw-sspi",
    .usage = "  --target SVC@HOST|SVC/HOST      init: whom to speak with\n"
             "  --krb5|--spnego (Negotiate, which is the default)\n",
    .flags = ISC_REQ_MUTUAL_AUTH | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT | ISC_REQ_CONFIDENTIALITY |
             ISC_REQ_INTEGRITY,
    .parse_switch = parse_switch,
    .parse_value = parse_value,
};
