"""The checks on which "done means verified" stands, each with what takes it out and the tests that must notice.

A check is taken out by putting other text in the place of a piece of a source file, which stands there once. Where the piece
is not there any more, the check has moved and belongs here anew. The tests are Meson's names; each of them must fail.
"""


class Check:
    def __init__(self, name, file, there, instead, tests):
        self.name = name
        self.file = file
        self.there = there
        self.instead = instead
        self.tests = tests


# GSSAPI and the common code, with a real KDC where it matters.
POSIX = [
    Check("what is required and missing, mutual authentication above all, is refused", "src/policy.c",
          "missing = context->config.required & ~attributes->properties;", "missing = 0;",
          ["policy", "context", "contract-handshake-kerberos"]),
    Check("what is forbidden and present is refused", "src/policy.c",
          "forbidden = context->forbidden & attributes->properties;", "forbidden = 0;",
          ["policy", "contract-policy-kerberos"]),
    Check("NTLM never counts as mutual", "src/policy.c",
          "attributes->properties &= ~TROTH_MUTUAL;", ";", ["policy"]),
    Check("a mechanism that nobody asked for is refused at the end", "src/policy.c",
          "if (attributes->mechanism == TROTH_MECHANISM_NTLM && troth__policy_ntlm(own))",
          "if (attributes->mechanism == TROTH_MECHANISM_NTLM)", ["policy"]),
    Check("a peer's NTLM token does not reach the provider", "src/context.c",
          "if (facts->kind == TROTH__TOKEN_NTLM)", "if (false)", ["context"]),
    Check("a peer cannot choose NTLM inside SPNEGO", "src/context.c",
          "(facts->chooses_ntlm || facts->carries_ntlm))", "false)", ["context"]),
    Check("our NTLM token does not reach the peer", "src/context.c",
          "facts.prefers_ntlm || facts.chooses_ntlm || facts.carries_ntlm) {", "false) {", ["context"]),
    Check("an anonymous initiator is refused", "src/policy.c",
          "(context->flags & TROTH_ALLOW_ANONYMOUS) == 0) {", "false) {", ["policy", "anonymous, kerberos"]),
    Check("an anonymous ticket is told from another", "backends/gssapi/context.c",
          "if ((ticket & TKT_FLG_ANONYMOUS) != 0)", "if (false)", ["anonymous, kerberos", "anonymous, negotiate"]),
    Check("constrained delegation is not taken for a ticket that the peer handed on", "backends/gssapi/context.c",
          "if (attributes->constrained || !good ||", "if (!good ||",
          ["contract-delegation-kerberos", "contract-delegation-negotiate"]),
    Check("a ticket that is handed on is in the peer's own name", "backends/gssapi/delegation.c",
          "*own = strcmp(user_shown, peer_shown) == 0;", "*own = true;", ["names-delegated"]),
    Check("a flag that MIT sets for constrained delegation unasked is not taken for a ticket", "backends/gssapi/context.c",
          "return context->config->keep_delegated || context->credential->proxy_keytab != NULL;",
          "return context->config->keep_delegated;", ["contract-delegation-negotiate"]),
    Check("the acceptor compares channel bindings, and sees a relay", "backends/gssapi/context.c",
          "gss_accept(context, cred, bindings,", "gss_accept(context, cred, GSS_C_NO_CHANNEL_BINDINGS,",
          ["contract-bindings-kerberos", "contract-bindings-negotiate", "tls"]),
    Check("the initiator sends its channel bindings", "backends/gssapi/context.c",
          "gss_initiate(context, cred, asked, bindings,", "gss_initiate(context, cred, asked, GSS_C_NO_CHANNEL_BINDINGS,",
          ["contract-bindings-kerberos", "tls"]),
    Check("absent channel bindings are not bound ones", "backends/gssapi/context.c",
          "? TROTH_BINDING_BOUND : TROTH_BINDING_ABSENT;", "? TROTH_BINDING_BOUND : TROTH_BINDING_BOUND;",
          ["contract-bindings-kerberos"]),
    Check("a ticket of a refused encryption type is refused", "src/policy.c",
          "!encryption_refused(context, ticket.enctype, &name))", "!encryption_refused(context, 18, &name))",
          ["contract-policy-kerberos"]),
    Check("a key of a refused encryption type is refused", "src/policy.c",
          "if (encryption_refused(context, type, &name))", "if (!encryption_refused(context, type, &name) && false)",
          ["policy"]),
    Check("a message that is not encrypted is refused where confidentiality is required", "src/message.c",
          "if (found == TROTH_PROTECT_CONFIDENTIALITY ||", "if (found != TROTH_PROTECTION_UNSET ||",
          ["message", "contract-messages-kerberos"]),
    Check("what is refused in the end does not look like a success to the peer", "src/context.c",
          "*out = (troth__bytes){NULL, 0}; /* what we refuse", "; /* what we refuse", ["context"]),
    Check("a failed context stays failed", "src/context.c",
          "context->failure.status = (uint8_t)error->status;", "context->failure.status = TROTH_OK;",
          ["context", "contract-tokens-kerberos"]),
]

# SSPI, over a scripted provider, which does what no provider at hand does.
WINDOWS = [
    Check("the acceptor gives its channel bindings to the provider", "backends/sspi/context.c",
          "    if (self->bindings != NULL)\n        buffers[input", "    if (false)\n        buffers[input",
          ["sspi_handshake"]),
    Check("an acceptor that requires bindings does not allow a peer without", "backends/sspi/context.c",
          "self->bindings != NULL && (config->required & TROTH_CHANNEL_BOUND) == 0)", "self->bindings != NULL)",
          ["sspi_handshake"]),
    Check("bindings that may be missing are not told as bound", "backends/sspi/context.c",
          "if (sspi_is_acceptor(self) && (self->config->required & TROTH_CHANNEL_BOUND) != 0)",
          "if (sspi_is_acceptor(self))", ["sspi_handshake"]),
    Check("mutual authentication is told only where the provider says so", "backends/sspi/context.c",
          "{TROTH_MUTUAL, ISC_RET_MUTUAL_AUTH, ASC_RET_MUTUAL_AUTH},", "{TROTH_MUTUAL, ~0u, ~0u},",
          ["sspi_handshake"]),
    Check("the package that was really used is known by its name", "backends/sspi/context.c",
          'strcmp(self->package, "Kerberos") == 0', "true", ["sspi_policy"]),
    Check("CompleteAuthToken's result counts", "backends/sspi/context.c",
          "if (completed != SEC_E_OK)", "if (false)", ["sspi_handshake"]),
    Check("an output that the provider did not write is not sent", "backends/sspi/context.c",
          "output->pvBuffer == token && output->cbBuffer > 0 && output->cbBuffer < room &&", "output->cbBuffer > 0 &&",
          ["sspi_handshake"]),
    Check("a message that is not encrypted is told from one that is", "backends/sspi/message.c",
          "*protection = quality == 0 ? TROTH_PROTECT_CONFIDENTIALITY : TROTH_PROTECT_INTEGRITY;",
          "*protection = TROTH_PROTECT_CONFIDENTIALITY;", ["sspi_message"]),
    Check("a plaintext outside its message is refused", "backends/sspi/message.c",
          "if (found < begin || found - begin > length || buffers[1].cbBuffer > length - (size_t)(found - begin))",
          "if (false)", ["sspi_message"]),
]

CHECKS = {"posix": POSIX, "windows": WINDOWS}
