/* fuzz_token.c - fuzz target: any bytes as a handshake token. */
#include "fuzz.h"

#include <string.h>

#include "ticket.h"
#include "token.h"

/* A view lies within the token. */
static bool within(troth__bytes view, const uint8_t *data, size_t size)
{
    return view.length == 0 || (view.data >= data && view.length <= size - (size_t)(view.data - data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct troth__token_facts facts;
    struct troth__token_facts again;
    struct troth__ticket ticket;

    memset(&facts, 0xFF, sizeof(facts));
    memset(&again, 0, sizeof(again));
    troth__token_inspect((troth__bytes){data, size}, &facts);
    troth__token_inspect((troth__bytes){data, size}, &again);

    FUZZ_CHECK(facts.kind <= TROTH__TOKEN_NTLM);
    FUZZ_CHECK(facts.kind == again.kind && facts.krb_error == again.krb_error && facts.rejects == again.rejects);
    FUZZ_CHECK(!facts.prefers_ntlm || facts.offers_ntlm);
    FUZZ_CHECK(facts.kind == TROTH__TOKEN_SPNEGO_INIT || (!facts.offers_kerberos && !facts.offers_ntlm));
    FUZZ_CHECK(facts.kind == TROTH__TOKEN_SPNEGO_RESPONSE || !facts.rejects);
    FUZZ_CHECK(facts.krb_error || (facts.krb_error_code == 0 && facts.krb_error_time == 0));
    FUZZ_CHECK(facts.krb_error_time >= 0 && facts.krb_error_time <= INT64_C(253402300799));
    FUZZ_CHECK(!(facts.kind == TROTH__TOKEN_KERBEROS && (facts.carries_ntlm || facts.chooses_ntlm)));
    if (troth__ticket_find((troth__bytes){data, size}, &ticket))
        FUZZ_CHECK(within(ticket.realm, data, size) && within(ticket.service, data, size));
    return 0;
}
