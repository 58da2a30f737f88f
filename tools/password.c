/* password.c - a password out of a file: read past every buffer, trimmed of what an editor put around it. */
#include "password.h"

#include <string.h>

#include "platform.h"
#include "report.h"

/* A byte order mark before it and the newline behind it are an editor's, not the password's. NULL, or what is wrong. */
static const char *password_trim(char *buffer, size_t length, char **password)
{
    if (length >= PASSWORD_CAPACITY) {
        return "it is longer than a password can be";
    }
    buffer[length] = '\0';
    if (length >= 3 && memcmp(buffer, "\xEF\xBB\xBF", 3) == 0) {
        buffer += 3;
        length -= 3;
    }
    if (length > 0 && buffer[length - 1] == '\n') {
        buffer[--length] = '\0';
        if (length > 0 && buffer[length - 1] == '\r') {
            buffer[--length] = '\0';
        }
    }
    if (length == 0) {
        return "the password is empty";
    }
    if (memchr(buffer, '\n', length) != NULL) {
        return "it has more than one line; a password is one";
    }
    if (strlen(buffer) != length) {
        return "the password has a zero byte";
    }
    *password = buffer;
    return NULL;
}

bool password_read(const char *file, char buffer[PASSWORD_CAPACITY + 1], char **password)
{
    const char *path = strcmp(file, "-") == 0 ? NULL : file;
    const char *shown = path != NULL ? path : "standard input";
    char text[PLATFORM_TEXT];
    bool exposed = false;
    size_t length = 0;
    if (!platform_read_secret(path, buffer, PASSWORD_CAPACITY, &length, &exposed, text)) {
        report_error(NULL, "cannot read the password from %s: %s", shown, text);
        return false;
    }
    const char *wrong = password_trim(buffer, length, password);
    if (wrong != NULL) {
        report_error(NULL, "%s: %s", shown, wrong);
        return false;
    }
    if (exposed) {
        report_error(NULL, "warning: other users can read %s; `chmod 600` ends that", shown);
    }
    return true;
}
