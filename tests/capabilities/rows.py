"""The rows of docs/capabilities.md: which test shows each feature with each provider.

A test is (the Meson test's name, the test's name in its output). To add a feature, add its row here; capabilities.py says
what is missing. Where a provider cannot do a thing, the test named is the one in which the call says so.
"""

PROVIDERS = ("mit", "wine", "winpr")
TITLES = {"mit": "GSSAPI: MIT Kerberos", "wine": "SSPI: Wine", "winpr": "SSPI: WinPR"}


class Row:
    def __init__(self, feature, about, mit=None, wine=None, winpr=None, why=None, installed=False):
        self.feature = "TROTH_FEATURE_" + feature
        self.about = about
        self.tests = {"mit": mit, "wine": wine, "winpr": winpr}
        self.why = why  # why a provider that has it has no test of its own
        self.installed = installed  # only where something further is installed: another machine may have another answer


def contract(feature, about, theme, test, mechanism="kerberos", **others):
    """Shown by the contract suite, which every provider runs."""
    shown = {"mit": (f"contract-{theme}-{mechanism}", test), "wine": (f"contract-{theme}-{mechanism}", test),
             "winpr": (f"winpr-{theme}-{mechanism}", test)}
    shown.update({provider: test for provider, test in others.items() if provider in PROVIDERS})
    return Row(feature, about, why=others.get("why"), **shown)


def features(feature, about, test):
    return contract(feature, about, "features", test)


COMMON = "Common code alone decides it, and it is shown over a scripted backend; this provider has no test of its own."
HASH = "The tests over WinPR have a stand-in for Windows' hashes, which shows nothing."
NTLM = "Shown over a scripted provider (sspi_policy); this provider's NTLM is not run."
DELEGATION = "Shown over a scripted provider (sspi_delegation); this provider is not run with it."
NO_WINDOW = "WinPR counts no messages and takes none after one that failed, so that the test cannot be made with it."

ROWS = [
    contract("KERBEROS", "Kerberos alone", "handshake", "both_ends_are_complete_and_know_each_other"),
    contract("NEGOTIATE", "SPNEGO around Kerberos", "handshake", "both_ends_are_complete_and_know_each_other",
             "negotiate"),
    Row("NTLM", "NTLM, where it was asked for", mit=("ntlm", "ntlm_alone_completes_and_is_not_mutual"), why=NTLM,
        installed=True),
    features("FORBIDDEN", "forbidden properties", "what_is_forbidden_is_refused_as_supports_says"),
    features("REFUSED_ENCRYPTION", "refused encryption types", "encryption_types_are_refused_as_supports_says"),
    Row("ANONYMOUS", "anonymous initiators, where allowed",
        mit=("anonymous, kerberos", "nobody_who_is_let_in_is_told_and_meets_every_requirement"), why=COMMON),
    contract("BINDINGS", "channel bindings", "bindings", "equal_bindings_bind"),
    contract("BINDINGS_REQUIRED", "channel bindings required by the acceptor", "bindings",
             "an_initiator_without_bindings_is_taken_unless_they_are_required"),
    Row("CERTIFICATE_HASH", "`tls-server-end-point` from a certificate",
        mit=("bindings", "tls_server_end_point_is_the_hash_of_the_certificate"),
        wine=("bindings", "tls_server_end_point_is_the_hash_of_the_certificate"), why=HASH, installed=True),
    features("ACCEPTOR_KEYTAB", "an acceptor's keytab", "an_acceptors_keytab_is_taken_as_supports_says"),
    features("INITIATOR_KEYTAB", "an initiator's keytab", "an_initiators_keytab_is_taken_as_supports_says"),
    features("CCACHE", "a ccache by name", "a_named_ccache_is_taken_as_supports_says"),
    features("PASSWORD", "user and password", "a_password_is_taken_as_supports_says"),
    features("MEMORY_KEYTAB", "a keytab in memory", "keys_given_as_bytes_are_taken_as_supports_says"),
    features("MEMORY_CCACHE", "a ccache in memory", "tickets_given_as_bytes_are_taken_as_supports_says"),
    Row("DELEGATE_ALWAYS", "delegation, always",
        mit=("contract-delegation-kerberos", "the_acceptor_acts_as_the_user_with_what_was_handed_on"), why=DELEGATION),
    Row("DELEGATE_BY_POLICY", "delegation by policy", mit=("contract-delegation-kerberos", "policy_decides_where_it_is_asked"), why=DELEGATION),
    Row("DELEGATED_CREDENTIAL", "the delegated credential",
        mit=("contract-delegation-kerberos", "the_acceptor_acts_as_the_user_with_what_was_handed_on"), why=DELEGATION),
    Row("S4U2SELF", "S4U2Self",
        mit=("contract-delegation-kerberos", "a_service_gets_a_ticket_in_a_users_name"), why=DELEGATION),
    Row("S4U2PROXY", "S4U2Proxy",
        mit=("contract-proxy-kerberos", "an_acceptor_acts_for_a_peer_that_handed_on_nothing"), why=DELEGATION),
    Row("STORE", "storing a credential",
        mit=("contract-delegation-kerberos", "what_was_handed_on_is_stored_for_others"), why=DELEGATION),
    contract("IMPERSONATION", "impersonation of the peer", "delegation", "impersonation_is_as_supports_says"),
    features("PEER_NAME", "the peer's name", "the_peers_name_is_told_as_supports_says"),
    features("TARGET_NAME", "the target's name", "the_targets_name_is_told_as_supports_says"),
    contract("WINDOWS_NAME", "the peer's Windows-style name", "peer", "windows_form_is_told_where_it_is_known"),
    contract("LOCAL_NAME", "the peer's local name", "peer", "a_user_of_the_own_realm_has_an_account"),
    contract("EXPORT_NAME", "the peer's name as bytes to compare", "peer",
             "an_exported_name_is_the_same_every_time_and_everywhere"),
    contract("AUTHORISATION_DATA", "authorisation data", "peer", "the_tickets_pac_is_told_and_vouched_for"),
    features("GROUP_SIDS", "the peer's groups as SIDs", "the_peers_groups_are_told_as_supports_says"),
    contract("SESSION_KEY", "the session's key", "session", "both_ends_have_one_key"),
    contract("PRF", "derived keys", "session", "both_ends_derive_the_same"),
    contract("CONTEXT_EXPORT", "a context for another process", "session", "either_end_goes_on_after_it_moved"),
    features("CONFIDENTIALITY", "encrypted messages", "messages_are_encrypted_as_supports_says"),
    contract("PARTS", "messages in parts", "parts", "parts_are_protected_where_they_lie"),
    contract("SIGN_ONLY_PARTS", "parts that are signed only", "parts", "parts_are_protected_where_they_lie"),
    contract("PARTS_MIC", "an integrity code over parts", "parts", "a_mic_over_parts_is_one_over_the_whole",
             winpr=None, why=NO_WINDOW),
    contract("TRACE", "the trace", "trace", "the_whole_conversation_is_told"),
    features("PEER_TARGET", "the initiator's own word for its target, compared with accepted targets",
             "accepted_targets_are_compared_as_supports_says"),
]
