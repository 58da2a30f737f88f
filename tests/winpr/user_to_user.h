/* user_to_user.h - what the adapter keeps from WinPR's acceptor. */
#ifndef TROTH_TESTS_WINPR_USER_TO_USER_H
#define TROTH_TESTS_WINPR_USER_TO_USER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The token holds a request of user-to-user Kerberos (TGT-REQ) that names a service without a key in the default
 * keytab. WinPR 3.10.3 goes through the keytab for it, and then works on the last entry, which it has freed.
 */
bool user_to_user_without_key(const void *token, size_t length);

#endif
