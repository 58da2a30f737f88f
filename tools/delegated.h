/* delegated.h - where `troth serve --delegated-ccache` puts the tickets that initiators hand on. */
#ifndef TROTH_TOOLS_DELEGATED_H
#define TROTH_TOOLS_DELEGATED_H

#include <stdbool.h>

#include "troth/troth.h"

/* The word of a ccache's name in whose place the peer's stands. */
#define DELEGATED_PRINCIPAL "{principal}"

/*
 * Whether connections would write over one another's tickets: the name is the same for all, and there is more than one.
 * Returns NULL, or what is wrong with it, static.
 */
const char *delegated_check(const char *ccache, bool once);

/*
 * Stores what the peer of a complete context handed on into the ccache of this name, and prints "delegated: NAME", or
 * "delegated: nothing". Every character of the principal's display name that is not a letter of ASCII, a digit, or one
 * of "@.-_" becomes %XX, so that no name leads out of a directory and no two are the same.
 *
 * Returns TROTH_OK, also where nothing was handed on; TROTH_E_IO; TROTH_E_MEMORY; what the library returned.
 */
troth_status delegated_store(troth_context *context, const char *ccache, troth_error *error);

#endif
