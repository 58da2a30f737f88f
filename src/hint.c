/* hint.c - the table of hints: which sentence helps with which status, in which role, at which place. */
#include "hint.h"

#include <stdbool.h>

#include "error.h"

struct hint {
    troth_status status;
    troth_role role; /* TROTH_ROLE_UNSET: both */
    int place;       /* an enum troth__hint_place; -1: both */
    const char *text;
};

/* How MIT numbers the errors of RFC 4120 section 7.5.9, and how Windows does (NTSTATUS, [MS-ERREF] section 2.3.1). */
#define KRB(number) ((uint32_t)(-1765328384 + (number)))
#define NT(number) (0xC0000000u + (number))

/* Before all others: hints for the very thing that happened. codes: the native minor, or else the major. */
static const struct {
    struct hint hint;
    uint32_t codes[3];
} exact_hints[] = {
    {{TROTH_E_EXPIRED, TROTH_INITIATOR, TROTH__HINT_CREDENTIAL,
      "the password has expired, or must be changed before anything else: change it (kpasswd, or at a logon), and then "
      "give the new one"},
     {KRB(23), NT(0x71), NT(0x224)}},
    {{TROTH_E_DENIED, TROTH_INITIATOR, TROTH__HINT_CREDENTIAL,
      "the account is locked or disabled, perhaps after too many wrong passwords: an administrator must open it again "
      "(kadmin modprinc -unlock or +allow_tix; Unlock-ADAccount), whatever the password is"},
     {KRB(18), NT(0x234), NT(0x72)}},
    {{TROTH_E_DENIED, TROTH_INITIATOR, TROTH__HINT_CREDENTIAL,
      "the account has come to its end: an administrator must give it a later one (kadmin modprinc -expire)"},
     {KRB(1), NT(0x193), 0}},
    {{TROTH_E_DENIED, TROTH_INITIATOR, TROTH__HINT_STEP,
      "to act in a user's name towards this target, a service must be permitted to by an administrator "
      "(krbAllowedToDelegateTo, msDS-AllowedToDelegateTo), and the ticket that the user came with must be forwardable "
      "(kinit -f); for a user without one the service must be trusted with that too (kadmin modprinc "
      "+ok_to_auth_as_delegate)"},
     {KRB(13), 0, 0}},
    {{TROTH_E_CLOCK_SKEW, TROTH_INITIATOR, TROTH__HINT_STEP,
      "the clocks differ by more than is allowed (usually 5 minutes): set the time on this machine, the peer and the "
      "KDC (NTP); or the ticket was made for later (kinit -s): validate it when its time has come (kinit -v)"},
     {KRB(33), 0, 0}},
};

/* The first row that fits is taken. */
static const struct hint hints[] = {
    {TROTH_E_NO_CREDENTIAL, TROTH_ACCEPTOR, -1,
     "an acceptor needs a keytab that it may read, with a key for its service: name one, or set up the default "
     "keytab (KRB5_KTNAME, /etc/krb5.keytab)"},
    {TROTH_E_NO_CREDENTIAL, TROTH_INITIATOR, -1,
     "get a ticket first (kinit; klist shows what there is; on Windows log on to the domain), or name a ccache, "
     "a client keytab that has this user's key, or a principal and its password"},
    {TROTH_E_UNKNOWN_TARGET, TROTH_ROLE_UNSET, TROTH__HINT_CREDENTIAL,
     "the KDC does not know this principal: check its spelling and its realm"},
    {TROTH_E_UNKNOWN_TARGET, TROTH_ROLE_UNSET, TROTH__HINT_STEP,
     "the KDC knows no such service: check service and host for spelling, aliases and canonicalisation "
     "(dns_canonicalize_hostname and rdns in krb5.conf), and register the name (kadmin addprinc, setspn)"},
    {TROTH_E_WRONG_KEY, TROTH_ACCEPTOR, -1,
     "the keytab has no key that fits this ticket: export it anew for the ticket's name, kvno and encryption type (one "
     "that permitted_enctypes allows), and let the initiator get a new ticket if the key was changed (klist -ke shows "
     "the keytab, kvno asks the KDC)"},
    {TROTH_E_WRONG_KEY, TROTH_INITIATOR, TROTH__HINT_STEP,
     "the acceptor could not open our ticket: its keytab has another key than the KDC, or the name that we asked for "
     "belongs to another account"},
    {TROTH_E_WRONG_TARGET, TROTH_ACCEPTOR, -1,
     "either somebody relays to this service what was meant for another one, or the name that the initiator uses for "
     "this service is not among the accepted targets"},
    {TROTH_E_NO_KDC, TROTH_ROLE_UNSET, -1,
     "no KDC of the realm answered, or none is known: check the realm's spelling, krb5.conf or DNS for the KDC's "
     "address, the network and the firewall (port 88)"},
    {TROTH_E_CLOCK_SKEW, TROTH_ROLE_UNSET, -1,
     "the clocks differ by more than is allowed (usually 5 minutes): set the time on this machine, the peer and the "
     "KDC (NTP)"},
    {TROTH_E_DENIED, TROTH_INITIATOR, TROTH__HINT_CREDENTIAL,
     "the password or key is wrong, or the account is locked, expired or refused by the KDC's policy: kinit with the "
     "same name shows whether it is this program"},
    {TROTH_E_DENIED, TROTH_INITIATOR, TROTH__HINT_STEP,
     "what is not said here, the log of the acceptor or of the KDC says"},
    {TROTH_E_EXPIRED, TROTH_INITIATOR, -1,
     "if it is the password that has expired, change it (kpasswd); if the ticket has ended, get a new one (kinit), or "
     "name a client keytab or a password, from which tickets are renewed by themselves"},
    {TROTH_E_EXPIRED, TROTH_ACCEPTOR, TROTH__HINT_STEP,
     "the initiator came with a ticket that has ended: it must get a new one; check the clocks if it says that its "
     "ticket is good"},
    {TROTH_E_REPLAY, TROTH_ACCEPTOR, TROTH__HINT_STEP,
     "this very token was already used here: somebody repeats recorded tokens, or an initiator sends one token twice"},
    {TROTH_E_BINDINGS, TROTH_ROLE_UNSET, -1,
     "the two ends do not see the same TLS channel: somebody stands in between (a TLS-terminating proxy, or an "
     "attacker), or they use different binding types"},
    {TROTH_E_MECHANISM, TROTH_ACCEPTOR, TROTH__HINT_STEP,
     "both ends must speak the same: Negotiate (SPNEGO) or Kerberos alone; a Windows peer that offers only NTLM does "
     "not know our service name or used an IP address: register the name (setspn) and connect by it"},
    {TROTH_E_MECHANISM, TROTH_INITIATOR, TROTH__HINT_STEP,
     "both ends must speak the same: Negotiate (SPNEGO) or Kerberos alone; a Windows acceptor that answers with "
     "NTLM is in no domain, or the name that we asked for is not registered for its account (setspn)"},
    {TROTH_E_MECHANISM, TROTH_ROLE_UNSET, TROTH__HINT_CREDENTIAL,
     "the native library has no such mechanism: check how it was installed"},
    {TROTH_E_BAD_TOKEN, TROTH_ROLE_UNSET, TROTH__HINT_STEP,
     "these bytes are no token of this handshake, or only a part of one: check that both ends use the same framing and "
     "that nothing between them changes or cuts the data"},
    {TROTH_E_ENCRYPTION, TROTH_ROLE_UNSET, -1,
     "the two ends and the KDC have no encryption type in common that is allowed here: give the accounts AES keys and "
     "check permitted_enctypes in krb5.conf; or, where types are refused, refuse less, knowing what is given up"},
};

static bool fits(const struct hint *hint, const troth_error *error, troth_role role, enum troth__hint_place place)
{
    return hint->status == error->status && (hint->role == TROTH_ROLE_UNSET || hint->role == role) &&
           (hint->place < 0 || hint->place == (int)place);
}

void troth__hint_add(troth_error *error, troth_role role, enum troth__hint_place place)
{
    const uint32_t code = error->native_minor != 0 ? error->native_minor : error->native_major;

    for (size_t i = 0; code != 0 && i < sizeof exact_hints / sizeof exact_hints[0]; i++) {
        const uint32_t *codes = exact_hints[i].codes;

        if (fits(&exact_hints[i].hint, error, role, place) &&
            (code == codes[0] || code == codes[1] || code == codes[2])) {
            troth__error_hint(error, "%s", exact_hints[i].hint.text);
            return;
        }
    }
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (fits(&hints[i], error, role, place)) {
            troth__error_hint(error, "%s", hints[i].text);
            return;
        }
    }
}
