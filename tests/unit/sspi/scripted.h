/*
 * scripted.h - a provider of SSPI that does what a test tells it, writes down what it was asked, and counts what it has
 * given out. One at a time, one thread.
 */
#ifndef TROTH_TESTS_SSPI_SCRIPTED_H
#define TROTH_TESTS_SSPI_SCRIPTED_H

#include "backend.h"
#include "sspi/native.h"

/* What a step does with the size of its output buffer. */
enum script_size {
    SIZE_WRITTEN = 0, /* the token's length */
    SIZE_UNTOUCHED,   /* nothing was written, and the capacity still stands there */
    SIZE_TOO_LARGE    /* more than the capacity */
};

/* One call of InitializeSecurityContext or AcceptSecurityContext. */
struct script_step {
    SECURITY_STATUS status;
    const char *token; /* a literal; NULL: none */
    size_t length;
    unsigned long flags;
    enum script_size size;
};

/* What such a call was given. */
struct script_seen {
    bool known; /* it had a context handle */
    bool input; /* it had an input description */
    unsigned long flags;
    size_t buffers;
    unsigned long types[4];
    uint8_t token[64];
    size_t token_length;
    uint8_t bindings[256];
    size_t bindings_length;
    WCHAR target[128];
};

/* An identifier in an access token, in bytes, and what it is good for. */
struct script_sid {
    const char *bytes; /* a literal */
    size_t length;
    unsigned long attributes; /* SE_GROUP_... */
};

#define SID(bytes, attributes)                                                                                         \
    {                                                                                                                  \
        bytes, sizeof(bytes) - 1, attributes                                                                           \
    }

#define SCRIPT_STEPS 20
#define SCRIPT_GROUPS 8

struct script {
    /* What it does. */
    struct script_step steps[SCRIPT_STEPS];
    SECURITY_STATUS complete;
    SECURITY_STATUS negotiation; /* of SECPKG_ATTR_NEGOTIATION_INFO */
    unsigned long negotiation_state;
    SECURITY_STATUS package_info; /* of SECPKG_ATTR_PACKAGE_INFO */
    const WCHAR *package;
    SECURITY_STATUS native_names;
    SECURITY_STATUS client_target;
    const WCHAR *said_target; /* NULL: the initiator said none */
    const WCHAR *client;
    const WCHAR *server;
    const WCHAR *user;        /* of SECPKG_ATTR_NAMES; NULL: unsupported */
    SECURITY_STATUS key_info; /* of SECPKG_ATTR_KEY_INFO; with names that must be freed */
    unsigned long key_type;
    unsigned long key_bits;
    SECURITY_STATUS token; /* of QuerySecurityContextToken */
    bool own_token;        /* it is this process's own, and Windows itself is asked of it */
    struct script_sid peer;
    struct script_sid groups[SCRIPT_GROUPS];
    size_t group_count;
    unsigned long groups_told;  /* 0: as many as there are */
    const void *sid_elsewhere;  /* where the first identifier is said to be; NULL: where it is */
    unsigned long restrictions; /* the token has so many restricting identifiers */
    bool contained;             /* it is of an AppContainer */
    int64_t expiry;
    int64_t offset; /* local time is UTC and this, in seconds */
    unsigned long max_token;
    unsigned long message_token;   /* what EncryptMessage writes, of a cbSecurityTrailer of 16 */
    unsigned long message_padding; /* of a cbBlockSize of 8 */
    unsigned long quality;         /* what DecryptMessage reports */
    bool outside;                  /* DecryptMessage points outside its input */
    bool wine;
    bool refuse_identity; /* AcquireCredentialsHandle looks at it, and says SEC_E_LOGON_DENIED */
    bool missing;         /* there is no provider */
    int fail_at;          /* the call that fails, counted from 1; 0: none */
    SECURITY_STATUS fail_with;

    /* What it saw. */
    int calls;
    const char *failed; /* the call that was made to fail */
    size_t steps_made;
    struct script_seen seen[SCRIPT_STEPS];
    int completions;
    int acquisitions;
    int sizes_asked; /* SECPKG_ATTR_SIZES */
    int keys_asked;  /* SECPKG_ATTR_KEY_INFO */
    WCHAR package_asked[32];
    WCHAR package_imported[32];
    WCHAR principal[128];
    bool has_principal;
    unsigned long use;
    bool identity;         /* there was one */
    unsigned long version; /* of SEC_WINNT_AUTH_IDENTITY_EXW; 0: the plain structure */
    unsigned long identity_flags;
    bool has_user;
    WCHAR identity_user[64];
    WCHAR identity_domain[64];
    WCHAR identity_password[64];
    WCHAR identity_packages[64];
    unsigned long message_types[4];
    unsigned long message_sizes[4];
    unsigned long message_quality;

    /* What is alive. */
    int credentials;
    int contexts;
    int impersonating;
    int tokens;
    int buffers;
    int unwiped; /* bytes of secrets that came back as they were */
    int wrong;   /* handles freed that were not alive, buffers that are none */
};

/* The session's key, and a context as ExportSecurityContext gives it. */
#define SCRIPT_KEY "the session's key"
#define SCRIPT_PACKED "a context, packed"

extern struct script script;

/* Begins anew: a Kerberos handshake of one step that grants everything, and everything else at its most usual. */
void script_reset(void);

/* The backend over this provider. */
extern troth__backend scripted_backend;

/* All that an initiator, an acceptor asks for by default, as granted. */
extern const unsigned long script_isc_all;
extern const unsigned long script_asc_all;

/* A token that common code takes for a Kerberos one, and its length. */
#define TOKEN "\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"
#define TOKEN_LENGTH (sizeof(TOKEN) - 1)

/* Credentials and contexts over it that must succeed. */
troth_credential *script_credential(troth_role role);
troth_context *script_context(troth_role role);

/* One step with TOKEN as input, or with none at an initiator's first. */
troth_status script_step_context(troth_context *context, bool input, size_t *length_out, troth_error *error);

/* Fails the test unless everything that was given out has come back. */
void script_assert_nothing_left(void);

#endif
