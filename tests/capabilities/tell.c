/* tell.c - what troth_supports says of every feature, one a line: for the table of docs/capabilities.md. */
#include <stdio.h>
#include <string.h>

#include "troth/troth.h"

int main(void)
{
    static const char *const words[] = {
        [TROTH_SUPPORT_NO] = "no",
        [TROTH_SUPPORT_YES] = "yes",
        [TROTH_SUPPORT_UNKNOWN] = "unknown",
    };

    for (int i = 1;; i++) {
        const char *name = troth_feature_name((troth_feature)i);
        if (strcmp(name, "TROTH_FEATURE_?") == 0)
            break;
        printf("%s %s\n", name, words[troth_supports((troth_feature)i)]);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
