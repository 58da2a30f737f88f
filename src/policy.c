/* policy.c - what a context requires, allows and forbids: whether it can be asked for, and whether it came true. */
#include "policy.h"

#include <string.h>

#include "error.h"
#include "portability.h"
#include "target.h"
#include "ticket.h"

/* What each role can verify of itself. No protocol tells an initiator whether its bindings were compared. */
#define INITIATOR_PROPERTIES (TROTH_DEFAULT_REQUESTED | TROTH_IDENTIFY | TROTH_DELEGATED)
#define ACCEPTOR_PROPERTIES (INITIATOR_PROPERTIES | TROTH_CHANNEL_BOUND)
#define ACCEPTOR_REQUIRABLE (ACCEPTOR_PROPERTIES | TROTH_TARGET_NAMED)

#define FLAGS (TROTH_DATAGRAM | TROTH_ALLOW_ANONYMOUS | TROTH_REFUSE_WEAK_ENCRYPTION | TROTH_KEEP_DELEGATED)

/* Nobody has more types to refuse; a greater number is a caller's mistake. */
#define REFUSED_MOST 64u

static const struct {
    uint32_t property;
    const char *name;
} property_names[] = {
    {TROTH_MUTUAL, "mutual authentication"},
    {TROTH_INTEGRITY, "integrity"},
    {TROTH_CONFIDENTIALITY, "confidentiality"},
    {TROTH_REPLAY_DETECTION, "replay detection"},
    {TROTH_SEQUENCE_DETECTION, "sequence detection"},
    {TROTH_IDENTIFY, "the limit to identification"},
    {TROTH_DELEGATED, "delegation"},
    {TROTH_CHANNEL_BOUND, "channel bindings"},
    {TROTH_TARGET_NAMED, "the initiator's own word for its target"},
};

/* RFC 3961 section 8 and IANA's registry; weak as RFC 6649 and RFC 8429 have it. */
static const struct {
    int32_t type;
    uint32_t strength; /* bits that an attacker has to try, not bits that are stored */
    bool weak;
    const char *name;
} encryption_types[] = {
    {TROTH_ENCRYPTION_DES_CBC_CRC, 56, true, "des-cbc-crc"},
    {TROTH_ENCRYPTION_DES_CBC_MD4, 56, true, "des-cbc-md4"},
    {TROTH_ENCRYPTION_DES_CBC_MD5, 56, true, "des-cbc-md5"},
    {TROTH_ENCRYPTION_DES3, 112, true, "des3-cbc-sha1-kd"},
    {TROTH_ENCRYPTION_AES128_SHA1, 128, false, "aes128-cts-hmac-sha1-96"},
    {TROTH_ENCRYPTION_AES256_SHA1, 256, false, "aes256-cts-hmac-sha1-96"},
    {TROTH_ENCRYPTION_AES128_SHA256, 128, false, "aes128-cts-hmac-sha256-128"},
    {TROTH_ENCRYPTION_AES256_SHA384, 256, false, "aes256-cts-hmac-sha384-192"},
    {TROTH_ENCRYPTION_RC4, 128, true, "rc4-hmac"},
    {TROTH_ENCRYPTION_RC4_EXPORT, 56, true, "rc4-hmac-exp"},
    {25, 128, false, "camellia128-cts-cmac"},
    {26, 256, false, "camellia256-cts-cmac"},
};

#define ENCRYPTION_TYPES (sizeof encryption_types / sizeof encryption_types[0])

uint32_t troth__policy_strength(int32_t type)
{
    for (size_t i = 0; i < ENCRYPTION_TYPES; i++) {
        if (encryption_types[i].type == type)
            return encryption_types[i].strength;
    }
    return 0;
}

bool troth__policy_ntlm(const struct troth__credential_config *own)
{
    return own->mechanism == TROTH_MECHANISM_NTLM || (own->flags & TROTH_CREDENTIAL_NTLM) != 0;
}

/* Names every property of the set: "mutual authentication, replay detection". */
static void append_properties(troth_error *error, uint32_t set)
{
    const char *between = "";

    for (size_t i = 0; i < sizeof property_names / sizeof property_names[0]; i++) {
        if ((set & property_names[i].property) == 0)
            continue;
        troth__error_append(error, "%s%s", between, property_names[i].name);
        between = ", ";
    }
}

static uint32_t effective(uint32_t given, uint32_t standard)
{
    if (given == 0)
        return standard;
    return given & ~TROTH_NOTHING;
}

static uint32_t required_of(troth_role role, const troth_context_options *options)
{
    return effective(options->required,
                     role == TROTH_INITIATOR ? TROTH_DEFAULT_REQUIRED_INITIATOR : TROTH_DEFAULT_REQUIRED_ACCEPTOR);
}

/* ---- asking --------------------------------------------------------------------------------------------------- */

/* One of the three sets by itself. */
static troth_status check_set(uint32_t set, uint32_t possible, const char *verb, troth_error *error)
{
    if ((set & TROTH_NOTHING) != 0 && set != TROTH_NOTHING)
        return troth__error_set(error, TROTH_E_ARGUMENT, "TROTH_NOTHING is %s beside other properties", verb);
    if ((set & ~(possible | TROTH_NOTHING)) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "properties that cannot be %s in this role: 0x%x", verb,
                                (unsigned)(set & ~(possible | TROTH_NOTHING)));
    return TROTH_OK;
}

/* The sets beside each other: nothing is asked for that would be refused. */
static troth_status check_contradictions(troth_role role, const troth_context_options *options, troth_error *error)
{
    const uint32_t required = required_of(role, options);
    const uint32_t forbidden = options->forbidden & ~TROTH_NOTHING;
    /* What is confidential is whole as well. */
    const uint32_t given = (required & TROTH_CONFIDENTIALITY) != 0 ? required | TROTH_INTEGRITY : required;

    if ((given & forbidden) != 0) {
        troth__error_set(error, TROTH_E_ARGUMENT, "forbidden, and at the same time required%s: ",
                         options->required == 0 ? " (by default; say what is required)" : "");
        append_properties(error, given & forbidden);
        return TROTH_E_ARGUMENT;
    }
    if ((options->requested & forbidden) != 0) {
        troth__error_set(error, TROTH_E_ARGUMENT, "forbidden, and at the same time requested: ");
        append_properties(error, options->requested & forbidden);
        return TROTH_E_ARGUMENT;
    }
    if ((required & TROTH_DELEGATED) != 0 && ((required | options->requested) & TROTH_IDENTIFY) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "delegation is required, and the acceptor is to be limited to identification");
    return TROTH_OK;
}

/* A ticket is handed on to somebody who proves who it is, and to nobody who may not act with it. */
static troth_status check_delegate(troth_role role, const troth_context_options *options, troth_error *error)
{
    const uint32_t asked =
        required_of(role, options) | effective(options->requested, TROTH_DEFAULT_REQUESTED & ~options->forbidden);

    if ((unsigned)options->delegate > TROTH_DELEGATE_ALWAYS)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown way to delegate %d", (int)options->delegate);
    if (role == TROTH_INITIATOR && (options->flags & TROTH_KEEP_DELEGATED) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "only an acceptor keeps what is delegated");
    if (options->delegate == TROTH_DELEGATE_NEVER)
        return TROTH_OK;
    if (role == TROTH_ACCEPTOR)
        return troth__error_set(error, TROTH_E_ARGUMENT, "only an initiator delegates");
    if ((options->forbidden & TROTH_DELEGATED) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "delegation is asked for, and at the same time forbidden");
    if ((asked & TROTH_IDENTIFY) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "delegation is asked for, and the acceptor is to be limited to identification");
    if ((asked & TROTH_MUTUAL) == 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "delegation is asked for without mutual authentication (TROTH_MUTUAL)");
    return TROTH_OK;
}

static troth_status check_encryption(const troth_context_options *options, troth_error *error)
{
    if (options->refused_encryption_count > REFUSED_MOST ||
        (options->refused_encryption == NULL && options->refused_encryption_count > 0))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the refused encryption types have a count without numbers, or more than %u of them",
                                REFUSED_MOST);
    for (size_t i = 0; i < options->refused_encryption_count; i++) {
        if (options->refused_encryption[i] == 0)
            return troth__error_set(error, TROTH_E_ARGUMENT, "encryption type 0 is none, and cannot be refused");
    }
    return TROTH_OK;
}

troth_status troth__policy_check_options(const struct troth__credential_config *own,
                                         const troth_context_options *options, troth_error *error)
{
    const uint32_t possible = own->role == TROTH_INITIATOR ? INITIATOR_PROPERTIES : ACCEPTOR_PROPERTIES;
    const uint32_t requirable = own->role == TROTH_INITIATOR ? INITIATOR_PROPERTIES : ACCEPTOR_REQUIRABLE;
    const uint32_t may_request = TROTH_DEFAULT_REQUESTED | TROTH_IDENTIFY;
    troth_status status;

    if ((options->flags & ~FLAGS) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "unknown option bits 0x%x", (unsigned)options->flags);
    if (own->role == TROTH_INITIATOR && ((options->required | options->forbidden) & TROTH_CHANNEL_BOUND) != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "an initiator cannot require or forbid TROTH_CHANNEL_BOUND: no protocol tells it "
                                "whether the acceptor compared the bindings");
    status = check_set(options->required, requirable, "required", error);
    if (status == TROTH_OK)
        status = check_set(options->requested, may_request, "requested", error);
    if (status == TROTH_OK)
        status = check_set(options->forbidden, possible, "forbidden", error);
    if (status != TROTH_OK)
        return status;
    if ((options->required & TROTH_CHANNEL_BOUND) != 0 && options->bindings == NULL)
        return troth__error_set(error, TROTH_E_ARGUMENT, "TROTH_CHANNEL_BOUND is required, but no bindings are given");
    if (own->role == TROTH_ACCEPTOR && options->requested != 0)
        return troth__error_set(error, TROTH_E_ARGUMENT, "only an initiator requests properties");
    status = check_contradictions(own->role, options, error);
    if (status == TROTH_OK)
        status = check_delegate(own->role, options, error);
    return status == TROTH_OK ? check_encryption(options, error) : status;
}

troth_status troth__policy_set(troth_context *context, const troth_context_options *options, troth_error *error)
{
    const troth_role role = troth__context_role(context);

    context->flags = (uint8_t)options->flags; /* checked: no more than these are known */
    context->forbidden = options->forbidden & ~TROTH_NOTHING;
    context->required_default = options->required == 0;
    context->config.required = required_of(role, options);
    context->config.requested = context->config.required;
    if (role == TROTH_INITIATOR)
        context->config.requested |= effective(options->requested, TROTH_DEFAULT_REQUESTED & ~context->forbidden);
    context->config.delegate = options->delegate;
    context->config.keep_delegated = (options->flags & TROTH_KEEP_DELEGATED) != 0;
    if (options->delegate == TROTH_DELEGATE_ALWAYS)
        context->config.requested |= TROTH_DELEGATED;
    else if (options->delegate == TROTH_DELEGATE_BY_POLICY)
        context->config.requested &= ~TROTH_DELEGATED; /* also where it is required: policy alone decides */
    context->config.anonymous_allowed = (options->flags & TROTH_ALLOW_ANONYMOUS) != 0;
    context->config.encryption_matters =
        options->refused_encryption_count > 0 || (options->flags & TROTH_REFUSE_WEAK_ENCRYPTION) != 0;
    if (options->refused_encryption_count > 0) {
        const size_t count = options->refused_encryption_count;

        context->refused_encryption = troth__alloc((1 + count) * sizeof *context->refused_encryption);
        if (context->refused_encryption == NULL)
            return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
        context->refused_encryption[0] = (int32_t)count;
        memcpy(context->refused_encryption + 1, options->refused_encryption,
               count * sizeof *options->refused_encryption);
    }
    return TROTH_OK;
}

void troth__policy_forget(troth_context *context)
{
    troth__free(context->refused_encryption);
    context->refused_encryption = NULL;
    context->forbidden = 0;
}

/* ---- verifying ------------------------------------------------------------------------------------------------ */

static troth_status verify_mechanism(const troth_context *context, const struct troth__attributes *attributes,
                                     troth_error *error)
{
    const struct troth__credential_config *own = &context->credential->config;

    if (attributes->mechanism == TROTH_MECHANISM_KERBEROS && own->mechanism != TROTH_MECHANISM_NTLM)
        return TROTH_OK;
    if (attributes->mechanism == TROTH_MECHANISM_NTLM && troth__policy_ntlm(own))
        return TROTH_OK;
    return troth__error_set(error, TROTH_E_MECHANISM,
                            "the mechanism that was really used is %s, and only %s is allowed",
                            attributes->mechanism_name != NULL ? attributes->mechanism_name : "unknown",
                            own->mechanism == TROTH_MECHANISM_NTLM ? "NTLM"
                            : troth__policy_ntlm(own)              ? "Kerberos or NTLM"
                                                                   : "Kerberos");
}

/* What the native layer said of itself, made to mean the same for every mechanism and provider. */
static void settle(struct troth__attributes *attributes)
{
    const bool kerberos = attributes->mechanism == TROTH_MECHANISM_KERBEROS;

    /* Every sealed RFC 4121 message carries a checksum. */
    if (kerberos && (attributes->properties & TROTH_CONFIDENTIALITY) != 0)
        attributes->properties |= TROTH_INTEGRITY;
    /* NTLM has no proof of the acceptor, whatever bit stands beside it ([MS-NLMP] section 1.1.1). */
    if (!kerberos)
        attributes->properties &= ~TROTH_MUTUAL;
    if (attributes->bindings == TROTH_BINDING_BOUND)
        attributes->properties |= TROTH_CHANNEL_BOUND;
    else
        attributes->properties &= ~TROTH_CHANNEL_BOUND;
    if (!kerberos)
        attributes->encryption = 0; /* its numbers are not those of RFC 3961 */
    if (attributes->strength == 0)
        attributes->strength = troth__policy_strength(attributes->encryption);
}

static troth_status verify_initiator(const troth_context *context, uint32_t properties, troth_error *error)
{
    if ((properties & TROTH_ANONYMOUS) != 0 && (context->flags & TROTH_ALLOW_ANONYMOUS) == 0) {
        troth__error_set(error, TROTH_E_REQUIREMENT, "the initiator is anonymous");
        troth__error_hint(error, "it has an anonymous ticket (as from kinit -n), and needs one in its own name");
        return TROTH_E_REQUIREMENT;
    }
    if ((properties & TROTH_IDENTIFY) != 0 && (context->config.required & TROTH_DELEGATED) != 0) {
        troth__error_set(error, TROTH_E_REQUIREMENT,
                         "the initiator lets itself be identified only, and delegation is required");
        troth__error_hint(error, "the initiator must not limit the acceptor to identification, and must delegate");
        return TROTH_E_REQUIREMENT;
    }
    return TROTH_OK;
}

static const char *missing_hint(const struct troth__attributes *attributes, uint32_t missing)
{
    if ((missing & TROTH_MUTUAL) != 0 && attributes->mechanism == TROTH_MECHANISM_NTLM)
        return "NTLM never proves who the acceptor is: let Kerberos work between the two ends (a ticket, a registered "
               "service name, a host name instead of an address), or require less here, knowing what is given up";
    if ((missing & TROTH_CHANNEL_BOUND) != 0)
        return "the initiator must ask for it and give its channel bindings; or require less here, knowing what is "
               "given up";
    if ((missing & TROTH_TARGET_NAMED) != 0)
        return "initiators on Windows and those of Heimdal say whom they were told to authenticate, and MIT's do not; "
               "or require less here, knowing what is given up";
    if ((missing & TROTH_DELEGATED) != 0)
        return "the initiator must ask for delegation with a forwardable ticket, and the realm must allow it for this "
               "service";
    return "the initiator must ask for it; or require less here, knowing what is given up";
}

static troth_status verify_properties(const troth_context *context, const struct troth__attributes *attributes,
                                      troth_error *error)
{
    const uint32_t missing = context->config.required & ~attributes->properties;
    const uint32_t forbidden = context->forbidden & attributes->properties;

    if (missing != 0) {
        troth__error_set(error, TROTH_E_REQUIREMENT, "the peer is authenticated, but required and missing: ");
        append_properties(error, missing);
        troth__error_hint(error, "%s", missing_hint(attributes, missing));
        return TROTH_E_REQUIREMENT;
    }
    if (forbidden != 0) {
        troth__error_set(error, TROTH_E_REQUIREMENT, "the peer is authenticated, but forbidden and present: ");
        append_properties(error, forbidden);
        troth__error_hint(error, "the initiator must not ask for it; or forbid less here");
        return TROTH_E_REQUIREMENT;
    }
    return TROTH_OK;
}

/* Names the type, and says whether the context refuses it. */
static bool encryption_refused(const troth_context *context, int32_t type, const char **name)
{
    bool refused = false;

    *name = "unnamed";
    for (size_t i = 0; i < ENCRYPTION_TYPES; i++) {
        if (encryption_types[i].type == type) {
            *name = encryption_types[i].name;
            refused = encryption_types[i].weak && (context->flags & TROTH_REFUSE_WEAK_ENCRYPTION) != 0;
        }
    }
    for (int32_t i = 0; context->refused_encryption != NULL && i < context->refused_encryption[0]; i++)
        refused = refused || context->refused_encryption[1 + i] == type;
    return refused;
}

troth_status troth__policy_ticket(const troth_context *context, troth__bytes token, troth_error *error)
{
    struct troth__ticket ticket;
    const char *name;

    if (!context->config.encryption_matters || token.length == 0 || !troth__ticket_find(token, &ticket) ||
        !encryption_refused(context, ticket.enctype, &name))
        return TROTH_OK;
    return troth__error_set(error, TROTH_E_ENCRYPTION,
                            "the ticket is of encryption type %d (%s), which is refused here", (int)ticket.enctype,
                            name);
}

/* What cannot be seen is refused like what is weak: a list that is not compared with anything protects nobody. */
static troth_status verify_encryption(const troth_context *context, const struct troth__attributes *attributes,
                                      troth_error *error)
{
    const int32_t type = attributes->encryption;
    const char *name;

    if (!context->config.encryption_matters)
        return TROTH_OK;
    if (attributes->mechanism == TROTH_MECHANISM_NTLM)
        return troth__error_set(error, TROTH_E_ENCRYPTION,
                                "NTLM seals with RC4 and has no Kerberos encryption type, and weak ones are refused");
    if (type == 0)
        return troth__error_set(error, TROTH_E_ENCRYPTION,
                                "this provider does not tell the context's encryption type, and some are refused");
    if (encryption_refused(context, type, &name))
        return troth__error_set(error, TROTH_E_ENCRYPTION,
                                "the context's key is of encryption type %d (%s), which is refused here", (int)type,
                                name);
    return TROTH_OK;
}

troth_status troth__policy_verify(const troth_context *context, struct troth__attributes *attributes,
                                  troth_error *error)
{
    troth_status status = verify_mechanism(context, attributes, error);

    if (status != TROTH_OK)
        return status;
    settle(attributes);
    status = verify_initiator(context, attributes->properties, error);
    if (status == TROTH_OK)
        status = troth__target_verify(context, attributes, error);
    if (status == TROTH_OK)
        status = verify_properties(context, attributes, error);
    return status == TROTH_OK ? verify_encryption(context, attributes, error) : status;
}
