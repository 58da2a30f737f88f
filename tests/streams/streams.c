/*
 * streams.c - the suite of streams: two real ones speak with each other in memory, over a line that cuts and one that
 * lies, on the backend that the library was built with. Usage: streams THEME MECHANISM
 */
#include "streams.h"

#include <stdio.h>

troth_mechanism under_test = TROTH_MECHANISM_DEFAULT;

int main(int argc, char **argv)
{
    const bool honest = argc == 3 && strcmp(argv[1], "honest") == 0;
    int failures;

    if (argc == 3 && strcmp(argv[2], "kerberos") == 0)
        under_test = TROTH_MECHANISM_KERBEROS;
    else if (argc == 3 && strcmp(argv[2], "negotiate") == 0)
        under_test = TROTH_MECHANISM_NEGOTIATE;
    if (under_test == TROTH_MECHANISM_DEFAULT || (!honest && strcmp(argv[1], "hostile") != 0)) {
        fprintf(stderr, "usage: streams honest|hostile kerberos|negotiate\n");
        return 2;
    }
    failures = honest ? run_honest_tests() : run_hostile_tests();
    credentials_free();
    return failures;
}
