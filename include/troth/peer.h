/*
 * peer.h - who the peer is, beyond its display name: for access lists, accounts and decisions.
 *
 * All of it is told of a complete context whose peer authenticated itself (an initiator needs TROTH_MUTUAL for it). The
 * conventions are those of troth.h. Every call here that writes into a buffer returns TROTH_E_BUFFER_TOO_SMALL where
 * the room is not enough, with the length that is needed.
 *
 * Every call may return TROTH_E_ARGUMENT; TROTH_E_STATE (not complete, exported, or the peer did not authenticate
 * itself); TROTH_E_UNSUPPORTED (this backend cannot tell it at all); TROTH_E_UNAVAILABLE (this provider, or this peer,
 * has no such thing); TROTH_E_MEMORY; TROTH_E_FAILURE; and after a failure of the context that. Its own failures are
 * not sticky. What troth_supports says of the feature holds.
 */
#ifndef TROTH_PEER_H
#define TROTH_PEER_H

#include "troth/troth.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TROTH_PRINCIPAL_MOST 512 /* bytes of a user or a realm here, with its NUL */

/* A Kerberos principal in two parts: "alice" and "EXAMPLE.COM", or "host/www.example.com" and "EXAMPLE.COM". */
typedef struct troth_principal {
    size_t size;
    char user[TROTH_PRINCIPAL_MOST];
    char realm[TROTH_PRINCIPAL_MOST];
} troth_principal;

#define TROTH_PRINCIPAL_INIT                                                                                           \
    {                                                                                                                  \
        .size = sizeof(troth_principal)                                                                                \
    }

/*
 * The peer as user and realm. Only names that mean one thing alone are told: one that needs an escape in its display
 * form (a slash or an at-sign inside a component, a backslash, a control character, a NUL; RFC 1964 section 2.1.1) is
 * TROTH_E_NAME, and so is a longer one, and one that is not UTF-8; who lets such peers in compares exported names.
 *
 * principal  its size member is set by the caller; both texts are empty when the call fails
 *
 * TROTH_E_UNAVAILABLE also for a display name that is no principal (Windows' DOMAIN\user).
 */
TROTH_API troth_status troth_context_peer_principal(troth_context *context, troth_principal *principal,
                                                    troth_error *error);

/*
 * The peer's exported name: bytes that stand for this Kerberos principal, made to be kept in access lists and compared
 * with memcmp; the same with and without Negotiate, and on either platform.
 *
 * Source: RFC 2743 section 3.2, RFC 1964 section 2.1.3, as gss_export_name makes it of a Kerberos name.
 */
TROTH_API troth_status troth_context_peer_export_name(troth_context *context, void *name, size_t capacity,
                                                      size_t *name_length, troth_error *error);

/*
 * The peer's account on this machine, as krb5.conf's auth_to_local says; the text ends with NUL. TROTH_E_UNAVAILABLE:
 * it has none. TROTH_E_NAME: what it says is no name that an account can have (a slash, a colon, a control character,
 * "." or "..", not UTF-8), or the peer's own name needs an escape: root\0x is not root. Source: gss_localname. On SSPI
 * unsupported: a Windows server impersonates.
 */
TROTH_API troth_status troth_context_peer_local_name(troth_context *context, char *name, size_t capacity,
                                                     size_t *name_length, troth_error *error);

/*
 * The initiator as Windows writes it, DOMAIN\user; the text ends with NUL. In acceptors only. On GSSAPI unsupported.
 * Source: SECPKG_ATTR_NAMES.
 */
TROTH_API troth_status troth_context_peer_windows_name(troth_context *context, char *name, size_t capacity,
                                                       size_t *name_length, troth_error *error);

/*
 * Whom the initiator itself says that it was told to authenticate, in UTF-8: "http/www.example.com@EXAMPLE.COM", or
 * without the realm; the text ends with NUL. In acceptors only. It is protected by the session's key, which neither who
 * relays a ticket nor who changes its name has; troth_context_options.accepted_targets compares it. It may have any
 * characters. Initiators on Windows and those of Heimdal say it, MIT's do not (TROTH_E_UNAVAILABLE).
 *
 * unverified  set to 1 when the initiator says that it has the name from where nobody vouches for it, as from the DNS,
 *             else to 0 (on SSPI always); may be NULL, and then an unverified name is TROTH_E_UNAVAILABLE
 *
 * TROTH_E_BAD_TOKEN: what it said is damaged, or no text. Not with NTLM on GSSAPI. Source: [MS-KILE],
 * KERB_AUTH_DATA_CLIENT_TARGET; SECPKG_ATTR_CLIENT_SPECIFIED_TARGET, which Windows may know with channel bindings only.
 */
TROTH_API troth_status troth_context_peer_target(troth_context *context, char *name, size_t capacity,
                                                 size_t *name_length, int *unverified, troth_error *error);

/*
 * Names of attributes that Windows has: who the initiator is in its access token, as security identifiers in text,
 * "S-1-5-21-...-1105" ([MS-DTYP] section 2.4.2.1), each ended by a NUL that the length counts.
 *
 * The groups are those that let the initiator in where an access list names them, in no order: a group that is there
 * only to refuse (SE_GROUP_USE_FOR_DENY_ONLY), one that is not enabled, and the label of integrity are left out. Where
 * groups do not say what the initiator may do, since its token is restricted or that of an AppContainer, and where the
 * user itself is there only to refuse, these attributes are TROTH_E_UNAVAILABLE.
 */
#define TROTH_ATTRIBUTE_USER_SID "windows:user-sid"     /* one */
#define TROTH_ATTRIBUTE_GROUP_SIDS "windows:group-sids" /* one or more */

/*
 * What the ticket says of the initiator beyond its name: the first value of a name attribute (RFC 6680), in bytes. MIT
 * gives "urn:mspac:" (the whole PAC, [MS-PAC]), "urn:mspac:logon-info" and its other buffers, and
 * "auth-indicators" among others. In acceptors only.
 *
 * attribute      UTF-8
 * authenticated  set to 1 when the issuer of the ticket vouches for it (for a PAC: its signatures were verified), to 0
 *                when the peer may have made it up; may be NULL, and then a value that is not authenticated is
 *                TROTH_E_UNAVAILABLE
 *
 * TROTH_E_UNAVAILABLE: there is none. On GSSAPI the attributes of Windows are unsupported (the PAC has the same in
 * bytes), on SSPI all others. Source: gss_get_name_attribute; QuerySecurityContextToken, GetTokenInformation.
 */
TROTH_API troth_status troth_context_peer_attribute(troth_context *context, const char *attribute, void *value,
                                                    size_t capacity, size_t *value_length, int *authenticated,
                                                    troth_error *error);

#ifdef __cplusplus
}
#endif

#endif
