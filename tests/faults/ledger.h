/* ledger.h - what watch.c's calls and the wrapped allocator share: which objects live, and which call is to fail. */
#ifndef TROTH_TESTS_FAULTS_LEDGER_H
#define TROTH_TESTS_FAULTS_LEDGER_H

#include <stddef.h>

#include "watch.h"

/* An object is born and dies; kind is a string constant. size 0 where it does not matter. */
void ledger_born(const char *kind, const void *object, size_t size);
void ledger_died(const char *kind, const void *object);

/* Notes the private ccache that a credential store names. */
void ledger_store(const gss_key_value_set_desc *store);

enum ledger_verdict { LEDGER_PASS, LEDGER_BEFORE, LEDGER_AFTER };

/* Counts a native call and says what is to become of it. */
enum ledger_verdict ledger_call(const char *call);

#endif
