/*
 * troth.h - the core of Troth: errors, names, credentials, contexts, messages.
 *
 * One handshake loop over two worlds: GSSAPI (MIT Kerberos) on POSIX, native SSPI on Windows. The two ends of a
 * conversation may be either. The promise: when a step returns TROTH_OK, everything that was required of the
 * conversation has been verified by this library.
 *
 * Conventions, once for the whole header
 *
 * - Every call that can fail returns a troth_status and takes a troth_error as its last argument. The error belongs to
 *   the caller, is made with TROTH_ERROR_INIT, may be used again and again, and may be NULL. Each call empties it
 *   first, so that it always tells of the last call. Every other output argument is zeroed before any work is done.
 * - Strings are UTF-8 and end with NUL. The library copies every string and every byte it is given before it returns,
 *   unless a call says otherwise. Strings that it hands out belong to the object that was asked and live as long as it.
 * - Structures that the caller fills begin with their own size and are made with their ..._INIT macro, so that they
 *   can grow. A member left at zero (or NULL) means its documented default, and the defaults are the secure ones.
 * - Times are seconds since 1970-01-01 00:00 UTC; lengths are bytes.
 * - Threads: a troth_credential may be used by any number of threads at once. A troth_context belongs to one thread at
 *   a time. Different contexts never disturb each other. The library has no global state.
 * - The library sets no environment variable, installs no signal handler, prints nothing, and never ends the process.
 * - Two kinds of failure. Misuse (TROTH_E_ARGUMENT, TROTH_E_STATE, TROTH_E_BUFFER_TOO_SMALL, TROTH_E_UNAVAILABLE,
 *   TROTH_E_UNSUPPORTED) changes nothing, and the object can be used further. Every other failure of a step or of a
 *   message is final for its context: each later call on it returns the same status.
 */
#ifndef TROTH_TROTH_H
#define TROTH_TROTH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32) && defined(TROTH_BUILDING_LIBRARY)
#define TROTH_API __declspec(dllexport)
#elif !defined(_WIN32) && (defined(__GNUC__) || defined(__clang__))
#define TROTH_API __attribute__((visibility("default")))
#else
#define TROTH_API
#endif

#define TROTH_VERSION_MAJOR 0
#define TROTH_VERSION_MINOR 1
#define TROTH_VERSION_PATCH 0

/* The version of the library that is running, "MAJOR.MINOR.PATCH". Never NULL; static. */
TROTH_API const char *troth_version(void);

/* The backend that this library was built with: "gssapi" or "sspi". Never NULL; static. */
TROTH_API const char *troth_backend_name(void);

/* ------------------------------------------------------------------------------------------------------------------
 * What can be done here
 * --------------------------------------------------------------------------------------------------------------- */

/*
 * What a backend, or the provider under it, may or may not be able to do. docs/capabilities.md has the table of all of
 * them by backend and provider, with the test that shows each. Numbers have no gaps, so that a program can count
 * through them until troth_feature_name knows no more, and never change their meaning.
 */
typedef enum troth_feature {
    TROTH_FEATURE_UNSET = 0,

    /* Mechanisms: troth_mechanism. */
    TROTH_FEATURE_KERBEROS = 1,
    TROTH_FEATURE_NEGOTIATE = 2, /* SPNEGO around Kerberos */
    TROTH_FEATURE_NTLM = 3,      /* where it was asked for */

    /* Policy. */
    TROTH_FEATURE_FORBIDDEN = 4,          /* properties that a conversation must not have */
    TROTH_FEATURE_REFUSED_ENCRYPTION = 5, /* encryption types that are refused once they are known */
    TROTH_FEATURE_ANONYMOUS = 6,          /* anonymous initiators, where they are allowed */

    /* Channel bindings. */
    TROTH_FEATURE_BINDINGS = 7,          /* given bindings take part in the handshake, in either role */
    TROTH_FEATURE_BINDINGS_REQUIRED = 8, /* an acceptor can require TROTH_CHANNEL_BOUND */
    TROTH_FEATURE_CERTIFICATE_HASH = 9,  /* troth_bindings_tls_server_end_point */

    /* Where credentials come from: troth_credential_options. The default source is always there. */
    TROTH_FEATURE_ACCEPTOR_KEYTAB = 10,
    TROTH_FEATURE_INITIATOR_KEYTAB = 11,
    TROTH_FEATURE_CCACHE = 12,
    TROTH_FEATURE_PASSWORD = 13,
    TROTH_FEATURE_MEMORY_KEYTAB = 14, /* keys given as bytes */
    TROTH_FEATURE_MEMORY_CCACHE = 15, /* tickets given as bytes */

    /* Acting in another's name. */
    TROTH_FEATURE_DELEGATE_ALWAYS = 16,      /* an initiator hands on its ticket whatever the KDC's policy says */
    TROTH_FEATURE_DELEGATE_BY_POLICY = 17,   /* the same, where the KDC calls the acceptor trusted (OK-AS-DELEGATE) */
    TROTH_FEATURE_DELEGATED_CREDENTIAL = 18, /* an acceptor gets the credential that was handed on */
    TROTH_FEATURE_S4U2SELF = 19,             /* protocol transition: a ticket in a user's name, to oneself */
    TROTH_FEATURE_S4U2PROXY = 20,            /* constrained delegation: with it, a ticket to another service */
    TROTH_FEATURE_STORE = 21,                /* a credential is put into a named ccache */
    TROTH_FEATURE_IMPERSONATION = 22,        /* a thread acts as the peer */

    /* The peer. */
    TROTH_FEATURE_PEER_NAME = 23,          /* in display form */
    TROTH_FEATURE_TARGET_NAME = 24,        /* likewise */
    TROTH_FEATURE_WINDOWS_NAME = 25,       /* DOMAIN\user */
    TROTH_FEATURE_LOCAL_NAME = 26,         /* the name of the peer's account on this machine */
    TROTH_FEATURE_EXPORT_NAME = 27,        /* bytes that are the same for the same peer, always */
    TROTH_FEATURE_AUTHORISATION_DATA = 28, /* what the ticket says beyond the name: a PAC, indicators */
    TROTH_FEATURE_GROUP_SIDS = 29,         /* user and groups as Windows' access token has them */

    /* The session. */
    TROTH_FEATURE_SESSION_KEY = 30,
    TROTH_FEATURE_PRF = 31,            /* keys derived from the session's (RFC 4401) */
    TROTH_FEATURE_CONTEXT_EXPORT = 32, /* a completed context goes to another process */

    /* Messages. */
    TROTH_FEATURE_CONFIDENTIALITY = 33,
    TROTH_FEATURE_PARTS = 34,           /* messages whose parts lie scattered */
    TROTH_FEATURE_SIGN_ONLY_PARTS = 35, /* parts among them that are protected, but not encrypted and not moved */
    TROTH_FEATURE_PARTS_MIC = 36,       /* one integrity code over scattered parts */

    /* Diagnosis. */
    TROTH_FEATURE_TRACE = 37, /* what was asked of which native call, and what it said */

    /* Names, once more. */
    TROTH_FEATURE_PEER_TARGET = 38 /* an initiator's own word for its target, compared with accepted_targets */
} troth_feature;

typedef enum troth_support {
    TROTH_SUPPORT_NO = 0, /* the calls that it takes return TROTH_E_UNSUPPORTED or TROTH_E_UNAVAILABLE */
    TROTH_SUPPORT_YES = 1,
    TROTH_SUPPORT_UNKNOWN = 2 /* it depends on what the provider finds when it is tried: a plug-in, the operating
                                 system's version, a peer. It then works, or says clearly that it does not */
} troth_support;

/*
 * Whether this backend, and the security library that this process has loaded, can do a thing: to be asked beforehand
 * instead of finding out in a conversation. It says nothing about this machine's set-up: a realm, a keytab, what a KDC
 * grants. A value that is no feature, or one that this version does not know, is TROTH_SUPPORT_NO.
 *
 * Any thread at any time. Makes no handshake call and speaks with nobody; it may ask the security library for its list
 * of mechanisms, which reads files the first time. Source: gss_indicate_mechs (RFC 2743 section 2.4.2);
 * QuerySecurityPackageInfoW.
 */
TROTH_API troth_support troth_supports(troth_feature feature);

/* The name of a feature as it is written in C, "TROTH_FEATURE_NTLM"; "TROTH_FEATURE_?" for a value that is none.
 * Static. */
TROTH_API const char *troth_feature_name(troth_feature feature);

/* ------------------------------------------------------------------------------------------------------------------
 * Status and error
 * --------------------------------------------------------------------------------------------------------------- */

/*
 * What a call came to. The same on every platform; troth_error keeps the native codes beside it. docs/errors.md has a
 * section for each with its commonest causes and cures.
 */
typedef enum troth_status {
    TROTH_OK = 0,       /* done, and everything required was verified */
    TROTH_CONTINUE = 1, /* a step: send the output if it has bytes, then read the peer's next token and step again */

    /* Misuse: nothing was changed. */
    TROTH_E_ARGUMENT = 16,         /* an argument breaks the call's contract */
    TROTH_E_STATE = 17,            /* not now: before completion, after completion, or in the other role */
    TROTH_E_BUFFER_TOO_SMALL = 18, /* the caller's buffer; the output length says how much is needed */
    TROTH_E_UNAVAILABLE = 19,      /* the native provider, or this peer, has no answer to this query */
    TROTH_E_UNSUPPORTED = 20,      /* this backend cannot do it at all */

    /* This process and this machine. */
    TROTH_E_MEMORY = 32,  /* an allocation failed */
    TROTH_E_FAILURE = 33, /* a native failure that has no class of its own here: see the native codes and the text */

    /* Who we are, and who they are. */
    TROTH_E_NAME = 48,           /* a name that cannot be: empty, control characters, not UTF-8, an IP address */
    TROTH_E_MECHANISM = 49,      /* no such mechanism, or the two ends speak different ones (NTLM included) */
    TROTH_E_NO_CREDENTIAL = 50,  /* no ticket, no ccache, no keytab, or nothing usable in it */
    TROTH_E_UNKNOWN_TARGET = 51, /* the KDC knows no such service (or no such user) */
    TROTH_E_WRONG_KEY = 52,      /* the acceptor has no key for this ticket, or another one than the KDC used */
    TROTH_E_NO_KDC = 53,         /* no KDC answered, or none is known for the realm */
    TROTH_E_CLOCK_SKEW = 54,     /* the clocks of the two ends, or of one and the KDC, differ by too much */
    TROTH_E_DENIED = 55,         /* wrong password, locked, revoked, refused by policy or by the peer */
    TROTH_E_EXPIRED = 56,        /* a ticket, a credential or a context has come to its end (or its password has) */
    TROTH_E_REPLAY = 57,         /* a handshake token or a message that was already seen */
    TROTH_E_BINDINGS = 58,       /* the two ends are not on the same channel */
    TROTH_E_BAD_TOKEN = 59,      /* not a token, a damaged one, or one that does not belong at this point */
    TROTH_E_REQUIREMENT = 60,    /* it would be complete, but something required is missing, or something forbidden is
                                    there: the text names it */
    TROTH_E_ENCRYPTION = 61,     /* no common encryption type, or one that is refused here */
    TROTH_E_LIMIT = 62,          /* more handshake legs, or more bytes, than this library takes */
    TROTH_E_WRONG_TARGET = 63,   /* the initiator was told to authenticate somebody else than this acceptor */

    /* Messages. On SSPI the last three, and a replay, are all reported as TROTH_E_OUT_OF_SEQUENCE. */
    TROTH_E_ALTERED = 80,         /* a message whose protection does not verify */
    TROTH_E_OUT_OF_SEQUENCE = 81, /* a message that comes too early or too late */
    TROTH_E_GAP = 82,             /* a message before this one is missing */
    TROTH_E_OLD = 83,             /* a message too old to tell whether it was already seen */

    /* The transport (stream.h). */
    TROTH_E_CLOSED = 96,  /* the peer closed the connection where more was due */
    TROTH_E_TIMEOUT = 97, /* the peer did not send, or did not take, its bytes in time */
    TROTH_E_IO = 98,      /* the socket failed */
    TROTH_E_FRAME = 99    /* bytes that are not a frame, or a frame over the limit */
} troth_status;

/* The name of a status as it is written in C, "TROTH_E_CLOCK_SKEW"; "TROTH_E_?" for a value that is none. Static. */
TROTH_API const char *troth_status_name(troth_status status);

/*
 * What went wrong, for a program (status, native codes) and for a person (text).
 *
 * The text says what was being done, to what name, by which mechanism, what the native layers said, and for the
 * commonest causes what to do about it ("Hint: ..."). It is UTF-8, ends with NUL, and has no newline. Where it must be
 * cut it is cut at a character and the hint is kept. It never holds a key, a password or a token.
 */
typedef struct troth_error {
    size_t size;           /* sizeof(troth_error); set by TROTH_ERROR_INIT. An error of a smaller size is not written */
    troth_status status;   /* what the call returned */
    uint32_t native_major; /* GSSAPI: the major status. SSPI: the SECURITY_STATUS. 0: no native call failed */
    uint32_t native_minor; /* GSSAPI: the mechanism's minor status, for Kerberos the krb5 error code. SSPI: 0 */
    char text[1024];
    uint64_t reserved[4]; /* zero */
} troth_error;

#define TROTH_ERROR_INIT                                                                                               \
    {                                                                                                                  \
        sizeof(troth_error), TROTH_OK, 0, 0, {0},                                                                      \
        {                                                                                                              \
            0                                                                                                          \
        }                                                                                                              \
    }

/* ------------------------------------------------------------------------------------------------------------------
 * Names
 * --------------------------------------------------------------------------------------------------------------- */

/*
 * Who: a service on a host, or a literal principal. Either service and host are both set, or principal alone, or
 * nothing at all where a call says what that means. Each backend builds its native form: GSSAPI "service@host"
 * (GSS_C_NT_HOSTBASED_SERVICE, RFC 2743 section 4.1), SSPI "service/host".
 *
 * TROTH_E_NAME: half a name, an empty part, a part that is not UTF-8 or has control characters, a service or a host
 * with a slash, a backslash, an at-sign or a space (one native form or the other would read it as syntax), a host that
 * is an IP address (Windows knows no Kerberos for it; a literal principal can name one), or a name of more than 1024
 * bytes.
 */
typedef struct troth_name {
    const char *service;   /* "http", "host", "postgres" */
    const char *host;      /* a DNS name; how it is canonicalised is the native layer's configuration */
    const char *principal; /* "alice@EXAMPLE.COM", "postgres/db1@EXAMPLE.COM" (RFC 1964 section 2.1.1); on Windows also
                              "DOMAIN\alice" for a user */
} troth_name;

/* ------------------------------------------------------------------------------------------------------------------
 * Credentials
 * --------------------------------------------------------------------------------------------------------------- */

typedef enum troth_role {
    TROTH_ROLE_UNSET = 0,
    TROTH_INITIATOR = 1, /* starts the handshake: a client */
    TROTH_ACCEPTOR = 2   /* answers it: a server */
} troth_role;

typedef enum troth_mechanism {
    TROTH_MECHANISM_DEFAULT = 0,   /* as an option: Negotiate. Never a result */
    TROTH_MECHANISM_NEGOTIATE = 1, /* SPNEGO (RFC 4178) with Kerberos inside. An acceptor takes raw Kerberos as well.
                                      NTLM is excluded, unless TROTH_CREDENTIAL_NTLM lets it in. As a result: not seen,
                                      the mechanism inside is told instead */
    TROTH_MECHANISM_KERBEROS = 2,  /* Kerberos (RFC 4121) alone */
    TROTH_MECHANISM_NTLM = 3       /* NTLM ([MS-NLMP]) alone, for peers that have nothing better. It never counts as
                                      mutual authentication, so both roles fail with TROTH_E_REQUIREMENT unless told to
                                      require less. On POSIX it needs the GSSAPI mechanism gss-ntlmssp */
} troth_mechanism;

/* Who we are: shared between threads, good for the life of the process, reference-counted by the contexts made of it.
 */
typedef struct troth_credential troth_credential;

/* What a trace tells of. */
typedef enum troth_trace_kind {
    TROTH_TRACE_UNSET = 0,
    TROTH_TRACE_NATIVE = 1,    /* a native call that acquires, negotiates, protects or asks returned; those that only
                                  make, show or free something are not told of, nor is the reading of keytabs */
    TROTH_TRACE_TOKEN_IN = 2,  /* a step was given the peer's token */
    TROTH_TRACE_TOKEN_OUT = 3, /* a step gives out a token for the peer */
    TROTH_TRACE_VERIFIED = 4,  /* the handshake is complete, and what was required is there */
    TROTH_TRACE_REFUSED = 5    /* an acquisition, a step or a message failed; text says why */
} troth_trace_kind;

/*
 * One event of a trace. What does not belong to its kind is zero or NULL. Nothing in it is a secret or a token's bytes:
 * of tokens and messages it has lengths. Names, and what an unauthenticated peer's refusal says, are there as in
 * troth_error's text.
 */
typedef struct troth_trace_event {
    size_t size; /* sizeof(troth_trace_event) of the library; members are only ever added */
    troth_trace_kind kind;
    troth_role role;
    const void *conversation; /* tells the events of one context from another's, and is good for nothing else; NULL:
                                 the credential's own */
    const char *subject;      /* whom it is about: initiator's context: the target; else the own name; "" where the
                                 default is meant */
    const char *call;         /* NATIVE: the native function's name */
    troth_status status;      /* NATIVE: the portable class of its answer. REFUSED: what the call returns */
    uint32_t native_major;    /* NATIVE, REFUSED: as in troth_error */
    uint32_t native_minor;
    size_t input_length;       /* NATIVE: bytes of the token or message that went in. TOKEN_IN: of the token */
    size_t output_length;      /* NATIVE: likewise out. TOKEN_OUT: of the token */
    const char *token;         /* TOKEN_...: what it looks like: "kerberos", "spnego-init", "spnego-response", "ntlm",
                                  "unknown" */
    unsigned leg;              /* TOKEN_...: which of this side's steps, counted from 1 */
    troth_mechanism mechanism; /* VERIFIED: the one really used */
    uint32_t properties;       /* VERIFIED: what the context has */
    const char *text;          /* REFUSED: the error's text */
} troth_trace_event;

/*
 * Is told of each event, by the thread whose call caused it, before that call returns; threads that share a credential
 * may call it at the same time. The event and its strings end with the call. It must not call back into the
 * credential, or into a context or stream made of it: locks may be held.
 */
typedef void (*troth_trace_callback)(void *user, const troth_trace_event *event);

/*
 * Options of a credential: bits.
 *
 * NTLM: a Negotiate credential may fall to NTLM where Kerberos does not work, and an acceptor takes raw NTLM as well.
 * Without it NTLM is kept out before a byte leaves or arrives. What was chosen is in the context's information.
 *
 * STOCK: the native library reads the keytab or ccache by itself at each use, and threads share one native handle: a
 * slower way to the same results, to compare with or to fall back on. It is taken without being asked for where the
 * fast way does not fit: what is not a file, or is kept by a GSSAPI proxy. No effect on SSPI.
 *
 * PROXY: an acceptor that may act for its peers by constrained delegation (S4U2Proxy): what a peer proves itself with
 * is shown to the KDC, which lets the service act in the peer's name towards the services that its administrator
 * listed. Contexts made with TROTH_KEEP_DELEGATED then have something for troth_context_delegated_credential also where
 * the peer handed on nothing. The acceptor needs a name, which is the service's own, and whose key in the keytab
 * obtains and renews the service's own ticket: so making the credential, and now and then a step, blocks on a KDC, and
 * fails without one. It is on the stock path. Not with NTLM; TROTH_E_UNSUPPORTED on SSPI.
 */
#define TROTH_CREDENTIAL_STOCK 0x1u
#define TROTH_CREDENTIAL_NTLM 0x2u
#define TROTH_CREDENTIAL_PROXY 0x4u

/* The longest keytab or ccache that is taken as bytes. */
#define TROTH_CREDENTIAL_DATA_MOST 1048576

/*
 * Where a credential comes from. At most one of keytab, ccache, password, keytab_data and ccache_data is set; none: the
 * platform's default (on POSIX the default keytab or ccache, on Windows the logon session).
 *
 * Keys and tickets given as bytes never reach a file. They are copied once, into memory of the native library's; the
 * caller's bytes are not needed after troth_credential_acquire, and the caller should wipe them. Keys, and tickets'
 * session keys, are wiped when the credential has ended. What was given never changes: to exchange it, acquire a new
 * credential, use it for new contexts, and free the old one, which goes on for the contexts that it has.
 */
typedef struct troth_credential_options {
    size_t size;
    troth_mechanism mechanism;
    troth_name name;    /* acceptor: the service to be (empty: any that the keytab has a key for; the right default).
                           initiator: the principal to be (empty: whoever the source says) */
    const char *keytab; /* acceptor: its keys. Initiator: a client keytab, from which tickets are obtained and renewed;
                           they stay in this process's memory. A krb5 keytab name ("/etc/x.keytab", "FILE:...").
                           POSIX only */
    const char *ccache; /* initiator: a credential cache that somebody else keeps filled ("FILE:/tmp/krb5cc_0",
                           "KEYRING:..."). POSIX only */
    const char *password;       /* initiator, with name.principal. Copied once; the copy is wiped when the credential is
                                   freed. Tickets stay in this process's memory and are renewed */
    uint32_t flags;             /* TROTH_CREDENTIAL_STOCK, TROTH_CREDENTIAL_NTLM, TROTH_CREDENTIAL_PROXY */
    troth_trace_callback trace; /* NULL: none. Told of the native calls and the handshakes of this credential and its
                                    contexts; it and trace_user must live as long as these. Costs one test per call
                                    when there is none */
    void *trace_user;           /* given to trace as it is */
    const void *keytab_data; /* as keytab, in either role: the bytes of a keytab file in MIT's format 0x0502, the only
                                one that is written today. keytab_length of them, at least 1. POSIX only */
    size_t keytab_length;
    const void *ccache_data; /* initiator: the bytes of a ccache file (FILE) of version 4, the default of MIT's and of
                                Heimdal's library. ccache_length of them, at least 1. Tickets that are obtained with
                                them stay in this process's memory; nothing renews them, and when they end, so does the
                                credential. POSIX only */
    size_t ccache_length;
} troth_credential_options;

#define TROTH_CREDENTIAL_OPTIONS_INIT                                                                                  \
    {                                                                                                                  \
        .size = sizeof(troth_credential_options)                                                                       \
    }

/*
 * Acquires a credential. May read files and, for an initiator with a keytab or a password, speak with a KDC: it can
 * block for as long as the native library waits for one (MIT: about 27 s for a silent KDC).
 *
 * Afterwards the credential looks after itself: tickets from a password or a client keytab are renewed before they
 * end (by the step that first needs it; while the old ones are good, a failed renewal is not an error); a ccache is
 * read anew after it changed; a keytab is read as it stands when a peer arrives.
 *
 * role        TROTH_INITIATOR or TROTH_ACCEPTOR
 * options     NULL: all defaults
 * credential  set on TROTH_OK; free with troth_credential_free
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT (unset role, a structure without its size, unknown bits, two sources, a source of
 * the other role, a password without a principal, a keytab or ccache for NTLM alone, NTLM let into Kerberos alone,
 * bytes without a length or a length without bytes, bytes that are no keytab or ccache, or a damaged one,
 * TROTH_CREDENTIAL_PROXY in an initiator, without a name, or with NTLM); TROTH_E_LIMIT (bytes above
 * TROTH_CREDENTIAL_DATA_MOST, or a name of more than 32 parts in them); TROTH_E_NAME; TROTH_E_UNSUPPORTED (a source
 * that this platform does not have, bytes in a format that is not read); TROTH_E_NO_CREDENTIAL (also: bytes with
 * nothing in them), TROTH_E_MECHANISM, TROTH_E_UNKNOWN_TARGET (no such user), TROTH_E_NO_KDC, TROTH_E_CLOCK_SKEW,
 * TROTH_E_DENIED (wrong password), TROTH_E_WRONG_KEY (TROTH_CREDENTIAL_PROXY: the KDC has another key),
 * TROTH_E_EXPIRED, TROTH_E_ENCRYPTION, TROTH_E_MEMORY, TROTH_E_FAILURE. On Windows a missing or wrong credential may
 * come to light at the first step only. Source: RFC 2743 section 2.1.1; AcquireCredentialsHandleW.
 */
TROTH_API troth_status troth_credential_acquire(troth_role role, const troth_credential_options *options,
                                                troth_credential **credential, troth_error *error);

/* Frees the caller's hold on a credential; NULL is allowed. Contexts made of it keep what they need. */
TROTH_API void troth_credential_free(troth_credential *credential);

/* ------------------------------------------------------------------------------------------------------------------
 * Contexts
 * --------------------------------------------------------------------------------------------------------------- */

/*
 * Properties of a conversation: bits. They are requested (initiator), required (both roles) and reported.
 */
#define TROTH_MUTUAL 0x1u              /* the acceptor proved itself too */
#define TROTH_INTEGRITY 0x2u           /* messages can be protected against change */
#define TROTH_CONFIDENTIALITY 0x4u     /* messages can be encrypted. Required: every unwrapped message must be */
#define TROTH_REPLAY_DETECTION 0x8u    /* a message that comes twice is an error */
#define TROTH_SEQUENCE_DETECTION 0x10u /* a message that comes out of order, or is missing, is an error */
#define TROTH_IDENTIFY 0x20u           /* the acceptor may know who the initiator is, but not act in its name */
#define TROTH_DELEGATED                                                                                                \
    0x40u /* the initiator gave something to act in its name with: a ticket, forwarded. Required of an                 \
             initiator it is asked for as well; nothing else makes it be. Constrained delegation is the                \
             KDC's to give, when it is asked, and is not this: see troth_delegation */
#define TROTH_CHANNEL_BOUND                                                                                            \
    0x80u                      /* both ends gave the same channel bindings. Only an acceptor can know it, so only      \
                                  an acceptor can require it; it is never requested: bindings are given */
#define TROTH_ANONYMOUS 0x100u /* the initiator is nobody; reported only, and refused without TROTH_ALLOW_ANONYMOUS */
#define TROTH_TARGET_NAMED                                                                                             \
    0x200u /* the initiator said, protected by its session key, that it was told to authenticate one of                \
              the acceptor's accepted targets. Only an acceptor can require it, and only initiators on Windows         \
              (and Heimdal) say it */

/* As a whole set: none at all (zero is the default set). */
#define TROTH_NOTHING 0x80000000u

/* The default sets. */
#define TROTH_DEFAULT_REQUESTED                                                                                        \
    (TROTH_MUTUAL | TROTH_INTEGRITY | TROTH_CONFIDENTIALITY | TROTH_REPLAY_DETECTION | TROTH_SEQUENCE_DETECTION)
#define TROTH_DEFAULT_REQUIRED_INITIATOR TROTH_DEFAULT_REQUESTED
#define TROTH_DEFAULT_REQUIRED_ACCEPTOR (TROTH_MUTUAL | TROTH_INTEGRITY | TROTH_CONFIDENTIALITY)

/*
 * Channel bindings (RFC 2743 section 1.1.6, RFC 2744 section 3.11): what ties the conversation to the channel that it
 * runs in. Usually application_data alone is set, to "tls-server-end-point:" and a hash (RFC 5929),
 * "tls-exporter:" and a value (RFC 9266), or "tls-unique:" and a value. The address fields take part in the
 * comparison; leave them zero unless the peer fills them (Java sends address type 255). bindings.h builds those of TLS.
 */
typedef struct troth_bindings {
    uint32_t initiator_address_type;
    const void *initiator_address;
    size_t initiator_address_length;
    uint32_t acceptor_address_type;
    const void *acceptor_address;
    size_t acceptor_address_length;
    const void *application_data;
    size_t application_data_length;
} troth_bindings;

typedef enum troth_binding_result {
    TROTH_BINDING_UNSET = 0,
    TROTH_BINDING_BOUND = 1,  /* the peer's bindings are ours (acceptor) */
    TROTH_BINDING_ABSENT = 2, /* we, or the peer, gave none */
    TROTH_BINDING_UNKNOWN = 3 /* we gave some; whether the peer compared them cannot be known (always so in the
                                 initiator: no protocol tells it) */
} troth_binding_result;

/* What an acceptor's accepted targets came to. Another target than these ends the handshake. */
typedef enum troth_target_result {
    TROTH_TARGET_UNSET = 0,     /* nothing was compared: an initiator, or no accepted targets */
    TROTH_TARGET_MATCHED = 1,   /* the initiator named one of them */
    TROTH_TARGET_ABSENT = 2,    /* it named none (MIT's initiators do not) */
    TROTH_TARGET_UNVERIFIED = 3 /* it named one of them, and says that it has the name from where nobody vouches for
                                   it, as from the DNS. GSSAPI only: SSPI's acceptors do not tell */
} troth_target_result;

/* One conversation with one peer. */
typedef struct troth_context troth_context;

/* Options of a context: bits. */
#define TROTH_DATAGRAM 0x1u /* a failed message is an error of that call alone, and the context goes on */
#define TROTH_ALLOW_ANONYMOUS                                                                                          \
    0x2u /* an initiator that is nobody (RFC 8062) is let in, and reported as TROTH_ANONYMOUS;                         \
            every requirement still holds */
#define TROTH_REFUSE_WEAK_ENCRYPTION                                                                                   \
    0x4u /* refuse the types that RFC 6649 and RFC 8429 retire: DES, triple DES and RC4. Beside refused_encryption */
#define TROTH_KEEP_DELEGATED                                                                                           \
    0x8u /* acceptor: keep what an initiator hands on to act in its name with, for                                     \
            troth_context_delegated_credential (delegation.h). Without it nothing of it is kept */

/*
 * Kerberos encryption types, by their numbers in RFC 3961 section 8 and IANA's registry: the commonest, for
 * refused_encryption and info.encryption. Any other number may be used as well.
 */
#define TROTH_ENCRYPTION_DES_CBC_CRC 1
#define TROTH_ENCRYPTION_DES_CBC_MD4 2
#define TROTH_ENCRYPTION_DES_CBC_MD5 3
#define TROTH_ENCRYPTION_DES3 16
#define TROTH_ENCRYPTION_AES128_SHA1 17
#define TROTH_ENCRYPTION_AES256_SHA1 18
#define TROTH_ENCRYPTION_AES128_SHA256 19
#define TROTH_ENCRYPTION_AES256_SHA384 20
#define TROTH_ENCRYPTION_RC4 23
#define TROTH_ENCRYPTION_RC4_EXPORT 24

/* Whether an initiator hands on its ticket, so that the acceptor can act in its name. It needs TROTH_MUTUAL. */
typedef enum troth_delegate {
    TROTH_DELEGATE_NEVER = 0,     /* the default; requiring TROTH_DELEGATED asks for it all the same */
    TROTH_DELEGATE_BY_POLICY = 1, /* where the KDC calls the acceptor trusted (OK-AS-DELEGATE, RFC 4120 section 2.8) */
    TROTH_DELEGATE_ALWAYS = 2     /* to whoever the target is. SSPI has no such thing: TROTH_E_UNSUPPORTED */
} troth_delegate;

typedef struct troth_context_options {
    size_t size;
    troth_name target;  /* initiator: the acceptor's name, needed. Acceptor: must be empty */
    uint32_t requested; /* initiator: properties to ask for; 0: TROTH_DEFAULT_REQUESTED. What is required is
                           always asked for as well, and a mechanism may give more than it was asked for
                           (MIT always asks for integrity and confidentiality) */
    uint32_t required;  /* properties without which the handshake fails; 0: TROTH_DEFAULT_REQUIRED_... of the
                           role; TROTH_NOTHING: none. Confidentiality on a Kerberos context counts as
                           integrity: every sealed RFC 4121 message has it */
    uint32_t flags;     /* TROTH_DATAGRAM, TROTH_ALLOW_ANONYMOUS, TROTH_REFUSE_WEAK_ENCRYPTION, TROTH_KEEP_DELEGATED */
    const troth_bindings *bindings; /* NULL: none. An acceptor that gives bindings refuses other ones, but takes a peer
                                       that sends none, unless it requires TROTH_CHANNEL_BOUND */
    uint32_t forbidden; /* properties with which the handshake fails; what is neither required nor forbidden is allowed.
                           It is not asked for by default, but a mechanism may give it all the same (MIT always asks for
                           integrity and confidentiality), and then the handshake fails. TROTH_IDENTIFY is what to
                           forbid in an acceptor that must be able to act in its peer's name. 0: none */
    const int32_t *refused_encryption; /* Kerberos encryption types of the context's key with which the handshake fails.
                                          The key is the one that protects the messages; the ticket may have another
                                          type. Where a provider does not tell the type, everything is refused */
    size_t refused_encryption_count;   /* at most 64 */
    troth_delegate delegate;           /* initiator. A ticket that cannot be handed on (not forwardable), or that policy
                                          keeps here, is no failure: the context then lacks TROTH_DELEGATED */
    const troth_name *accepted_targets; /* acceptor: the names that it answers to, for keys that have several. An
                                           initiator that says, protected by its session key, that it was told to
                                           authenticate somebody else is refused; one that says nothing is taken,
                                           unless TROTH_TARGET_NAMED is required. Service and host, and a principal, are
                                           compared without regard to the case of ASCII letters, as Windows does; a
                                           realm only where both have one, and a principal as it is written, without
                                           escapes. NULL: nothing is compared; or, where TROTH_TARGET_NAMED is required,
                                           the credential's own name. The ticket's name, which anybody can change, takes
                                           no part */
    size_t accepted_target_count;       /* at most 64; 0 with NULL alone */
} troth_context_options;

#define TROTH_CONTEXT_OPTIONS_INIT                                                                                     \
    {                                                                                                                  \
        .size = sizeof(troth_context_options)                                                                          \
    }

/*
 * Makes a context: no I/O, no native handshake call yet. The role is the credential's.
 *
 * credential  kept by the context; the caller may free its own hold at once
 * options     NULL is allowed for an acceptor only
 * context     set on TROTH_OK; free with troth_context_free
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT (no target in an initiator or one in an acceptor, anything else that is the other
 * role's alone, unknown bits, a list that is too long or has lost its count, requiring or forbidding what this role
 * cannot verify, requiring or requesting what is forbidden, delegation without TROTH_MUTUAL, TROTH_CHANNEL_BOUND
 * required without bindings, TROTH_TARGET_NAMED without a name to compare with); TROTH_E_NAME; TROTH_E_UNSUPPORTED;
 * TROTH_E_UNAVAILABLE (encryption types are refused, or targets compared, and this provider never tells them);
 * TROTH_E_MEMORY; TROTH_E_FAILURE.
 */
TROTH_API troth_status troth_context_new(troth_credential *credential, const troth_context_options *options,
                                         troth_context **context, troth_error *error);

/* Frees a context at any point of its life; NULL is allowed. Every view and string that it gave out ends with it. */
TROTH_API void troth_context_free(troth_context *context);

/*
 * One step of the handshake. The whole loop, in either role:
 *
 *     status = troth_context_step(context, token_in, length_in, &token_out, &length_out, &error);
 *     if (length_out > 0) send token_out, whatever the status says: a failed step may have something for the peer;
 *     TROTH_CONTINUE: read the peer's token and step again; TROTH_OK: done and verified; else: failed.
 *
 * token_in          the peer's token; NULL and 0 at an initiator's first step
 * token_out         set to bytes for the peer, or NULL. A view into the context: it lives until the next call on it
 *
 * May block while the native library waits for a KDC (initiator: the service ticket, or a renewal).
 *
 * Returns TROTH_CONTINUE; TROTH_OK, once, when the native handshake is complete and every requirement was verified;
 * TROTH_E_ARGUMENT (a token at an initiator's first step; an acceptor's step without one); TROTH_E_STATE (complete
 * already); any of the classes of failure above up to TROTH_E_WRONG_TARGET (a handshake has at most 16 legs). An empty
 * token from the peer is TROTH_E_BAD_TOKEN. Failures are sticky. Source: RFC 2743 sections 2.2.1 and 2.2.2;
 * InitializeSecurityContextW, AcceptSecurityContext, CompleteAuthToken.
 */
TROTH_API troth_status troth_context_step(troth_context *context, const void *token_in, size_t length_in,
                                          const void **token_out, size_t *length_out, troth_error *error);

/* How an acceptor can act in its peer's name. */
typedef enum troth_delegation {
    TROTH_DELEGATION_NONE = 0,
    TROTH_DELEGATION_FORWARDED = 1,  /* the peer handed on its own ticket, good towards everybody: TROTH_DELEGATED. In
                                        an initiator too: it has handed it on. On SSPI: what the provider calls so */
    TROTH_DELEGATION_CONSTRAINED = 2 /* with the ticket that the peer came with, by TROTH_CREDENTIAL_PROXY and
                                        TROTH_KEEP_DELEGATED: the KDC decides, when it is used, towards whom. Not for a
                                        peer that is to be identified only (TROTH_IDENTIFY) */
} troth_delegation;

/* What is known of a completed context: plain values. */
typedef struct troth_context_info {
    size_t size;
    troth_role role;
    troth_mechanism mechanism; /* the one that was really used */
    uint32_t properties;       /* what the context has, required or not */
    troth_binding_result bindings;
    int64_t expiry;       /* when the context ends, or TROTH_NEVER, or TROTH_UNKNOWN where the provider cannot tell. In
                             MIT's acceptors the ticket's end and the clock skew that is allowed: minutes later than
                             in the initiator */
    size_t wrap_header;   /* troth_wrap with the best protection that the context has needs no copy when the data
                             already stands this far into the output */
    size_t wrap_overhead; /* the most that troth_wrap adds to the length of any message */
    size_t mic_size;      /* the most that troth_get_mic writes */
    int32_t encryption;   /* the Kerberos encryption type of the context's key (TROTH_ENCRYPTION_...); 0: the provider
                             does not tell, or the mechanism is not Kerberos */
    uint32_t strength;    /* of that key, in bits; 0: unknown */
    troth_delegation delegation; /* an imported context does not tell of constrained delegation */
    troth_target_result target;
} troth_context_info;

#define TROTH_CONTEXT_INFO_INIT                                                                                        \
    {                                                                                                                  \
        .size = sizeof(troth_context_info)                                                                             \
    }
#define TROTH_NEVER INT64_MAX
#define TROTH_UNKNOWN INT64_MIN

/*
 * Fills info, whose size member the caller has set. After a completed handshake it cannot fail (also on a context
 * whose message failed later). Returns TROTH_OK, TROTH_E_ARGUMENT, or TROTH_E_STATE (not complete).
 */
TROTH_API troth_status troth_context_info_get(troth_context *context, troth_context_info *info, troth_error *error);

/*
 * The authenticated name of the peer, in the mechanism's display form (Kerberos: "alice@EXAMPLE.COM", special
 * characters escaped with a backslash as RFC 1964 section 2.1.1 has it). In an initiator it is the target's name as
 * the acceptor proved it, and needs TROTH_MUTUAL.
 *
 * name  a string of the context, never empty
 *
 * Asked of the native layer at the first call, then kept. Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE (not
 * complete, or the peer did not authenticate itself); TROTH_E_UNAVAILABLE (this provider does not tell);
 * TROTH_E_MEMORY; TROTH_E_FAILURE. A failure is not sticky. Source: RFC 2743 section 2.2.6; SECPKG_ATTR_NAMES.
 */
TROTH_API troth_status troth_context_peer_name(troth_context *context, const char **name, troth_error *error);

/*
 * In an acceptor, the name that the initiator asked for, in display form; in an initiator, the acceptor's name. With
 * several names on one key an MIT acceptor that has no name of its own may report another of them. Otherwise as
 * troth_context_peer_name.
 */
TROTH_API troth_status troth_context_target_name(troth_context *context, const char **name, troth_error *error);

/* ------------------------------------------------------------------------------------------------------------------
 * Messages. All need a completed context; each failure but misuse is sticky, unless TROTH_DATAGRAM was set.
 * --------------------------------------------------------------------------------------------------------------- */

typedef enum troth_protection {
    TROTH_PROTECTION_UNSET = 0,
    TROTH_PROTECT_INTEGRITY = 1,      /* readable on the wire, but not changeable */
    TROTH_PROTECT_CONFIDENTIALITY = 2 /* encrypted, and not changeable */
} troth_protection;

/*
 * Protects a message: RFC 2743 section 2.3.3, RFC 4121 section 4.2.6.2; EncryptMessage.
 *
 * data      the plaintext; may overlap output, and needs no copy when it stands at output + info.wrap_header
 * output    room for the protected message: length + info.wrap_overhead is always enough
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT (among others: less protection than the context requires); TROTH_E_STATE;
 * TROTH_E_BUFFER_TOO_SMALL (output_length says what is needed; no sequence number was used up); TROTH_E_UNSUPPORTED
 * (confidentiality on a context that does not have it); TROTH_E_EXPIRED; TROTH_E_MEMORY; TROTH_E_FAILURE.
 */
TROTH_API troth_status troth_wrap(troth_context *context, troth_protection protection, const void *data, size_t length,
                                  void *output, size_t capacity, size_t *output_length, troth_error *error);

/*
 * Verifies a protected message and takes it out of its protection, in place: RFC 2743 section 2.3.4; DecryptMessage.
 *
 * message     overwritten; on failure wiped, so that nothing unverified can be read from it
 * data        set to the plaintext inside message; NULL for an empty one
 * protection  set to what the message had; may be NULL
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT; TROTH_E_STATE; TROTH_E_ALTERED, TROTH_E_REPLAY, TROTH_E_OLD,
 * TROTH_E_OUT_OF_SEQUENCE, TROTH_E_GAP, TROTH_E_BAD_TOKEN; TROTH_E_REQUIREMENT (not encrypted, though confidentiality
 * is required); TROTH_E_EXPIRED; TROTH_E_MEMORY; TROTH_E_FAILURE.
 */
TROTH_API troth_status troth_unwrap(troth_context *context, void *message, size_t length, void **data,
                                    size_t *data_length, troth_protection *protection, troth_error *error);

/*
 * Makes a message integrity code over data that travels by itself: RFC 2743 section 2.3.1; MakeSignature.
 *
 * mic  room for the code: info.mic_size is always enough
 *
 * Returns as troth_wrap.
 */
TROTH_API troth_status troth_get_mic(troth_context *context, const void *data, size_t length, void *mic,
                                     size_t capacity, size_t *mic_length, troth_error *error);

/*
 * Verifies a message integrity code: RFC 2743 section 2.3.2; VerifySignature. data and mic are not changed.
 * Returns as troth_unwrap.
 */
TROTH_API troth_status troth_verify_mic(troth_context *context, const void *data, size_t length, const void *mic,
                                        size_t mic_length, troth_error *error);

#ifdef __cplusplus
}
#endif

#endif
