/*
 * contract.c - the contract suite: what troth.h promises, shown on two contexts in memory, on the backend that the
 * library was built with and in the realm that the environment describes. Usage: contract THEME MECHANISM
 */
#include "contract.h"

#include <stdio.h>

troth_mechanism under_test = TROTH_MECHANISM_DEFAULT;

static const struct {
    const char *name;
    int (*run)(void);
} themes[] = {
    {"handshake", run_handshake_tests}, {"tokens", run_token_tests},     {"messages", run_message_tests},
    {"parts", run_part_tests},          {"bindings", run_binding_tests}, {"policy", run_policy_tests},
    {"sharing", run_sharing_tests},     {"features", run_feature_tests}, {"trace", run_trace_tests},
    {"peer", run_peer_tests},           {"session", run_session_tests},  {"delegation", run_delegation_tests},
    {"memory", run_memory_tests},       {"proxy", run_proxy_tests},
};

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[2], "kerberos") == 0) {
        under_test = TROTH_MECHANISM_KERBEROS;
    } else if (argc == 3 && strcmp(argv[2], "negotiate") == 0) {
        under_test = TROTH_MECHANISM_NEGOTIATE;
    } else {
        fprintf(stderr,
                "usage: contract handshake|tokens|messages|parts|bindings|policy|peer|session|delegation|memory|proxy|"
                "sharing|features|trace kerberos|negotiate\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++) {
        if (strcmp(argv[1], themes[i].name) == 0) {
            int failures = themes[i].run();
            credentials_free();
            return failures;
        }
    }
    fprintf(stderr, "no such theme: %s\n", argv[1]);
    return 2;
}
