/*
 * scripted_backend.h - a backend that does what a test tells it, and counts what common code asks of it: for tests of
 * everything above backend.h that need no native library.
 */
#ifndef TROTH_TESTS_UNIT_SCRIPTED_BACKEND_H
#define TROTH_TESTS_UNIT_SCRIPTED_BACKEND_H

#include "backend.h"

/* One native step: what it returns and writes. */
struct scripted_step {
    troth_status status;
    const void *token;
    size_t length;
};

/* What a failing call says natively. */
#define SCRIPTED_MAJOR 0x000D0000u
#define SCRIPTED_MINOR 0x96C73A25u
#define SCRIPTED_TEXT "the script says so"

/* How much its wrap puts in front of a message: 'W', the protection, and two bytes. */
#define SCRIPTED_HEADER 4u
#define SCRIPTED_MIC 4u

#define SCRIPTED_KEY "key of the script"

struct scripted {
    troth__backend backend;

    /* The script; the last step is repeated. scripted_init sets a good one: all properties, Kerberos, names. */
    const struct scripted_step *steps;
    size_t step_count;
    struct troth__attributes attributes;
    troth_support supports; /* what it says of every feature that it is asked about */
    troth_status acquire_status;
    troth_status context_status;
    troth_status attributes_status;
    int32_t late_encryption; /* told when it is asked for by itself; 0: not told */
    troth_status name_status;
    const char *peer;   /* its display name */
    const char *local;  /* and account */
    const char *target; /* its own word for ours; NULL: it has none */
    bool target_unverified;
    troth_status target_status;
    troth_status message_status;
    bool pads; /* messages, to an even length: never less than one byte */
    troth_status session_status;
    troth_status delegation_status; /* of everything in delegation.h */
    int64_t credential_expiry;
    troth_protection unwrap_protection; /* 0: what the message says */

    /* What was seen. */
    int credentials; /* made and not freed */
    int contexts;
    int stepped;
    int asked_attributes;
    int asked_encryption;
    int asked_names;
    int asked_target;
    int asked_messages;
    int asked_parts; /* of these, in parts */
    int asked_features;
    troth_feature feature; /* the last one */
    bool was_secret;       /* a password came with the credential */
    uint32_t requested;
    uint32_t required;
    troth_delegate delegate;
    int impersonating; /* begun and not ended */
    bool anonymous_allowed;
    bool encryption_matters;
    bool target_matters;
    uint8_t in[64]; /* the beginning of the last token that came in, or of the last data of an integrity code */
    size_t in_length;
};

void scripted_init(struct scripted *scripted, const struct scripted_step *steps, size_t step_count);

/* A credential, and a context of it for scripted@host when it is an initiator; options NULL: the defaults. */
troth_context *scripted_context(struct scripted *scripted, troth_role role, const troth_context_options *options);

/* The same, and its one step made, which the script must let complete. */
troth_context *scripted_complete(struct scripted *scripted, troth_role role, const troth_context_options *options);

/* Everything that was made was freed. */
bool scripted_all_freed(const struct scripted *scripted);

#endif
