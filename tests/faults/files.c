/* files.c - reads files and puts them in place while somebody else uses them, and gets tickets to put there. */
#define _POSIX_C_SOURCE 200809L

#include "files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "realm.h"

struct content files_read(const char *path)
{
    struct content content = {malloc(1u << 20), 0};
    FILE *file = fopen(path, "rb");

    assert_non_null(content.bytes);
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    content.length = fread(content.bytes, 1, 1u << 20, file);
    fclose(file);
    assert_true(content.length > 0);
    return content;
}

void files_free(struct content *content)
{
    free(content->bytes);
    content->bytes = NULL;
}

int files_put(const char *path, const struct content *content)
{
    char fresh[1024];
    FILE *file;
    bool good;

    snprintf(fresh, sizeof fresh, "%s.fresh", path);
    file = fopen(fresh, "wb");
    if (file == NULL)
        return -1;
    good = fwrite(content->bytes, 1, content->length, file) == content->length;
    return fclose(file) == 0 && good ? rename(fresh, path) : -1;
}

struct content files_tickets(int password)
{
    const char *path = realm_path("files.tickets");
    struct realm_result result = {0};
    struct content content;
    char secret[128];
    int code;

    if (password) {
        realm_read_line(realm_env("TROTH_REALM_PASSWORD_FILE"), secret, sizeof secret - 1);
        code = realm_run(REALM_ARGV("kinit", "-c", path, realm_env("TROTH_REALM_PASSWORD_USER")), secret,
                         REALM_DEADLINE, &result);
    } else {
        code = realm_run(REALM_ARGV("kinit", "-c", path, "-k", "-t", realm_env("TROTH_REALM_USER_KEYTAB"),
                                    realm_env("TROTH_REALM_USER")),
                         NULL, REALM_DEADLINE, &result);
    }
    if (code != 0)
        fail_msg("kinit: %s", result.err);
    realm_result_free(&result);
    content = files_read(path);
    remove(path);
    return content;
}
