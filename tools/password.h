/* password.h - a password out of a file, for the commands that take --password-file. */
#ifndef TROTH_TOOLS_PASSWORD_H
#define TROTH_TOOLS_PASSWORD_H

#include <stdbool.h>

#define PASSWORD_CAPACITY 1024

/*
 * Reads the password in a file, or on standard input where file is "-". *password points into buffer, which the caller
 * wipes in every case. False: what is wrong has been said on stderr.
 */
bool password_read(const char *file, char buffer[PASSWORD_CAPACITY + 1], char **password);

#endif
