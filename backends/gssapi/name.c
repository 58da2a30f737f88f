/* name.c - native names: made from (service, host) or a literal principal, and shown. */
#define _POSIX_C_SOURCE 200809L

#include "internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "error.h"

troth_status troth__gss_name_import(const struct troth__gss_native *native, const troth_name *name,
                                    gss_name_t *imported, troth_error *error)
{
    const char *text = name->principal;
    gss_OID type = (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME;
    gss_buffer_desc buffer;
    OM_uint32 major, minor;
    char *hostbased = NULL;

    *imported = GSS_C_NO_NAME;
    if (text == NULL) {
        size_t size = strlen(name->service) + strlen(name->host) + 2;

        hostbased = troth__alloc(size);
        if (hostbased == NULL)
            return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a name");
        snprintf(hostbased, size, "%s@%s", name->service, name->host);
        text = hostbased;
        type = GSS_C_NT_HOSTBASED_SERVICE;
    }
    buffer.length = strlen(text);
    memcpy(&buffer.value, &text, sizeof buffer.value); /* GSSAPI's buffers know no const */
    major = native->gss_import_name(&minor, &buffer, type, imported);
    troth__free(hostbased);
    if (GSS_ERROR(major)) {
        *imported = GSS_C_NO_NAME;
        return troth__gss_fail(native, "gss_import_name", major, minor, &troth__gss_krb5, error);
    }
    return TROTH_OK;
}

void troth__gss_name_release(const struct troth__gss_native *native, gss_name_t *name)
{
    OM_uint32 minor;

    if (*name != GSS_C_NO_NAME)
        native->gss_release_name(&minor, name);
    *name = GSS_C_NO_NAME;
}

troth_status troth__gss_name_show(const struct troth__gss_native *native, gss_name_t name, char **shown,
                                  troth_error *error)
{
    gss_buffer_desc text = GSS_C_EMPTY_BUFFER;
    OM_uint32 major, minor, ignored;
    troth_status status = TROTH_OK;
    size_t length;

    *shown = NULL;
    major = native->gss_display_name(&minor, name, &text, NULL);
    if (GSS_ERROR(major))
        return troth__gss_fail(native, "gss_display_name", major, minor, &troth__gss_krb5, error);
    length = text.length;
    /* gss-ntlmssp (1.2.0) counts the NUL behind the name; what has another one inside is refused all the same. */
    if (length > 1 && ((const char *)text.value)[length - 1] == '\0')
        length--;
    if (length == 0 || memchr(text.value, '\0', length) != NULL) {
        status = troth__error_set(error, TROTH_E_FAILURE, "gss_display_name: the name is empty or has a NUL in it");
        goto out;
    }
    *shown = troth__alloc(length + 1);
    if (*shown == NULL) {
        status = troth__error_set(error, TROTH_E_MEMORY, "out of memory for a name");
        goto out;
    }
    memcpy(*shown, text.value, length);
out:
    native->gss_release_buffer(&ignored, &text);
    return status;
}

void troth__gss_name_tell_surprise(const struct troth__gss_native *native, const troth_name *asked, gss_name_t name,
                                   gss_name_t canonical, troth_error *error)
{
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    gss_name_t made = GSS_C_NO_NAME;
    const char *host, *end;
    OM_uint32 minor;
    size_t length;

    if (asked->host == NULL)
        return;
    if (canonical == GSS_C_NO_NAME) {
        if (GSS_ERROR(native->gss_canonicalize_name(&minor, name, &troth__gss_krb5, &made)))
            return;
        canonical = made;
    }
    if (!GSS_ERROR(native->gss_display_name(&minor, canonical, &shown, NULL)) && shown.length > 0 &&
        (host = memchr(shown.value, '/', shown.length)) != NULL) {
        host++;
        length = shown.length - (size_t)(host - (const char *)shown.value);
        end = memchr(host, '@', length);
        length = end != NULL ? (size_t)(end - host) : length;
        if (length > 0 && (length != strlen(asked->host) || strncasecmp(host, asked->host, length) != 0))
            troth__error_append(error, "; the host %s became %.*s on the way, as krb5.conf and the DNS have it",
                                asked->host, (int)length, host);
    }
    native->gss_release_buffer(&minor, &shown);
    if (made != GSS_C_NO_NAME)
        troth__gss_name_release(native, &made);
}
