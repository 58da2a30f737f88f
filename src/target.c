/* target.c - the names that an acceptor answers to, and the initiator's own word for its target; see target.h. */
#include "target.h"

#include <string.h>

#include "der.h"
#include "error.h"
#include "name.h"
#include "portability.h"
#include "unicode.h"

/* Nobody has more names; a greater number is a caller's mistake. */
#define ACCEPTED_MOST 64u

/* Copies of the accepted names. */
struct troth__accepted {
    size_t count;
    troth_name names[];
};

/* ---- the names ------------------------------------------------------------------------------------------------ */

/* Whether the peer's word is to be compared, and with which names. */
static bool compared(const struct troth__credential_config *own, const troth_context_options *options,
                     const troth_name **names, size_t *count)
{
    *names = options->accepted_targets;
    *count = options->accepted_target_count;
    if (*count == 0 && (options->required & TROTH_TARGET_NAMED) != 0 && !troth__name_empty(&own->name)) {
        *names = &own->name;
        *count = 1;
    }
    return *count > 0;
}

troth_status troth__target_check_options(const struct troth__credential_config *own,
                                         const troth_context_options *options, troth_error *error)
{
    const troth_name *names;
    size_t count;

    if (own->role == TROTH_INITIATOR && ((options->required & TROTH_TARGET_NAMED) != 0 ||
                                         options->accepted_target_count > 0 || options->accepted_targets != NULL))
        return troth__error_set(error, TROTH_E_ARGUMENT, "only an acceptor compares its peer's target with names");
    /* An empty list would let everybody in, and is more likely one that lost its names. */
    if (options->accepted_target_count > ACCEPTED_MOST ||
        (options->accepted_targets == NULL) != (options->accepted_target_count == 0))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "the accepted targets have a count without names, names without a count, or more than "
                                "%u of them",
                                ACCEPTED_MOST);
    for (size_t i = 0; i < options->accepted_target_count; i++) {
        const troth_status status = troth__name_check(&options->accepted_targets[i], "accepted target", error);

        if (status != TROTH_OK)
            return status;
    }
    if ((options->required & TROTH_TARGET_NAMED) != 0 && !compared(own, options, &names, &count))
        return troth__error_set(error, TROTH_E_ARGUMENT,
                                "TROTH_TARGET_NAMED is required, but no accepted targets are given, and the "
                                "credential has no name of its own");
    return TROTH_OK;
}

troth_status troth__target_set(troth_context *context, const troth_context_options *options, troth_error *error)
{
    const troth_name *names;
    size_t count;

    if (!compared(&context->credential->config, options, &names, &count))
        return TROTH_OK;
    context->accepted = troth__alloc(sizeof *context->accepted + count * sizeof *names);
    for (size_t i = 0; context->accepted != NULL && i < count; i++) {
        if (troth__name_copy(&names[i], &context->accepted->names[i]) != 0)
            troth__target_forget(context);
        else
            context->accepted->count++;
    }
    if (context->accepted == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    context->config.target_matters = true;
    return TROTH_OK;
}

void troth__target_forget(troth_context *context)
{
    if (context->accepted == NULL)
        return;
    for (size_t i = 0; i < context->accepted->count; i++)
        troth__name_free(&context->accepted->names[i]);
    troth__free(context->accepted);
    context->accepted = NULL;
}

/* ---- comparing ------------------------------------------------------------------------------------------------ */

static char lower(char character)
{
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

/* Windows compares service principal names so; beyond ASCII byte by byte, since nobody agrees on more. */
static bool same(const char *one, size_t length, const char *other, size_t other_length)
{
    if (length != other_length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (lower(one[i]) != lower(other[i]))
            return false;
    }
    return true;
}

/* Where the realm begins, with its at-sign; the text's end where there is none. */
static size_t before_realm(const char *text)
{
    const char *at = strrchr(text, '@');

    return at != NULL ? (size_t)(at - text) : strlen(text);
}

/* "service/host@REALM" or without the realm, as the peer said it. */
static bool answers_to(const troth_name *name, const char *said)
{
    const size_t length = before_realm(said);

    if (name->principal != NULL) {
        const size_t own = before_realm(name->principal);
        const char *realm = name->principal + own;

        return same(name->principal, own, said, length) &&
               (*realm == '\0' || said[length] == '\0' ||
                same(realm, strlen(realm), said + length, strlen(said + length)));
    }
    const size_t service = strlen(name->service);

    return length > service && said[service] == '/' && same(name->service, service, said, service) &&
           same(name->host, strlen(name->host), said + service + 1, length - service - 1);
}

static troth_status wrong_target(const struct troth__accepted *accepted, const char *said, troth_error *error)
{
    const troth_name peers = {.principal = said};
    char shown[TROTH__NAME_SHOWN], own[TROTH__NAME_SHOWN];

    troth__error_set(error, TROTH_E_WRONG_TARGET, "the initiator was told to authenticate %s, and this acceptor is %s",
                     troth__name_show(&peers, "nobody", shown, sizeof shown),
                     troth__name_show(&accepted->names[0], "nobody", own, sizeof own));
    if (accepted->count > 1)
        troth__error_append(error, " (and %zu more)", accepted->count - 1);
    return TROTH_E_WRONG_TARGET;
}

troth_status troth__target_verify(const troth_context *context, struct troth__attributes *attributes,
                                  troth_error *error)
{
    const struct troth__accepted *accepted = context->accepted;
    troth_error asked = TROTH_ERROR_INIT;
    bool unverified = false;
    char *said = NULL;
    troth_status status;

    attributes->target = TROTH_TARGET_UNSET;
    attributes->properties &= ~TROTH_TARGET_NAMED;
    if (accepted == NULL)
        return TROTH_OK;
    status = context->credential->backend->peer_target(context->native, &said, &unverified, &asked);
    attributes->target = TROTH_TARGET_ABSENT;
    if (status == TROTH_E_UNAVAILABLE)
        return TROTH_OK;
    if (status != TROTH_OK) {
        *error = asked;
        return status;
    }
    if (unverified && (context->config.required & TROTH_TARGET_NAMED) != 0)
        status = troth__error_set(error, TROTH_E_REQUIREMENT,
                                  "the initiator says which target it was told to authenticate, and that it has that "
                                  "name from a source that it does not trust, such as the DNS");
    for (size_t i = 0; status == TROTH_OK && i < accepted->count && attributes->target != TROTH_TARGET_MATCHED; i++) {
        if (answers_to(&accepted->names[i], said))
            attributes->target = TROTH_TARGET_MATCHED;
    }
    if (status == TROTH_OK && attributes->target != TROTH_TARGET_MATCHED)
        status = wrong_target(accepted, said, error);
    else if (unverified)
        attributes->target = TROTH_TARGET_UNVERIFIED; /* true or not, it proves nothing */
    else
        attributes->properties |= TROTH_TARGET_NAMED;
    troth__free(said);
    return status;
}

/* ---- reading -------------------------------------------------------------------------------------------------- */

#define AD_AP_OPTIONS 143            /* KERB_AUTH_DATA_AP_OPTIONS, [MS-KILE] section 3.2.5.8 */
#define AD_CLIENT_TARGET 144         /* KERB_AUTH_DATA_CLIENT_TARGET */
#define AP_OPTION_UNVERIFIED 0x8000u /* KERB_AP_OPTIONS_UNVERIFIED_TARGET_NAME */

static troth_status damaged(troth_error *error)
{
    return troth__error_set(error, TROTH_E_BAD_TOKEN, "the authorisation data that came with the ticket is damaged");
}

static uint32_t utf16_unit(troth__bytes text, size_t at)
{
    return (uint32_t)text.data[at] | (uint32_t)text.data[at + 1] << 8;
}

/* UTF-16, little-endian (RFC 2781), to new UTF-8. A NUL or half a pair is no text. */
static troth_status text_of(troth__bytes wide, char **text, troth_error *error)
{
    size_t length = 0;

    *text = NULL;
    if (wide.length % 2 != 0)
        return damaged(error);
    *text = troth__alloc(wide.length / 2 * 3 + 1); /* a pair takes 4 for its two units */
    if (*text == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a target's name");
    for (size_t at = 0, units; at < wide.length; at += 2 * units) {
        uint32_t character;

        units = troth__utf16_character(utf16_unit(wide, at), at + 4 <= wide.length ? utf16_unit(wide, at + 2) : 0,
                                       &character);
        if (units == 0 || character == 0) {
            troth__free(*text);
            *text = NULL;
            return troth__error_set(error, TROTH_E_BAD_TOKEN, "the target that the initiator names is no text");
        }
        length += troth__utf8_put(character, *text + length);
    }
    (*text)[length] = '\0';
    return TROTH_OK;
}

static troth_status read_target(troth__bytes wide, struct troth__target_said *said, troth_error *error)
{
    char *text = NULL;
    troth_status status;

    if (wide.length == 0)
        return TROTH_OK; /* told to authenticate nobody in particular */
    status = text_of(wide, &text, error);
    if (status != TROTH_OK)
        return status;
    if (said->name == NULL) {
        said->name = text;
        return TROTH_OK;
    }
    if (strcmp(said->name, text) != 0)
        status = troth__error_set(error, TROTH_E_BAD_TOKEN, "the initiator names more than one target");
    troth__free(text);
    return status;
}

/* The number in an INTEGER's content, where it is one of those that matter here. */
static uint32_t small_number(troth__bytes content)
{
    return content.length == 2 && content.data[0] == 0 ? content.data[1] : 0;
}

troth_status troth__target_read(troth__bytes content, struct troth__target_said *said, troth_error *error)
{
    bool broken = false;
    struct troth__der_walk all = {content, &broken};
    struct troth__der_element list, one, part;
    troth_status status = TROTH_OK;

    if (!troth__der_only(all, TROTH__DER_SEQUENCE, &list) || broken)
        return damaged(error);
    struct troth__der_walk elements = troth__der_into(&all, &list);

    while (status == TROTH_OK && troth__der_next(&elements, &one)) {
        struct troth__der_walk members = troth__der_into(&elements, &one);
        struct troth__der_element type = {0}, data = {0};

        if (one.tag != TROTH__DER_SEQUENCE || !troth__der_next(&members, &part) || part.tag != TROTH__DER_CONTEXT(0) ||
            !troth__der_only(troth__der_into(&members, &part), TROTH__DER_INTEGER, &type) ||
            !troth__der_next(&members, &part) || part.tag != TROTH__DER_CONTEXT(1) ||
            !troth__der_only(troth__der_into(&members, &part), TROTH__DER_OCTET_STRING, &data) || broken)
            return damaged(error);
        if (small_number(type.content) == AD_CLIENT_TARGET)
            status = read_target(data.content, said, error);
        else if (small_number(type.content) == AD_AP_OPTIONS && data.content.length >= 4)
            said->unverified = said->unverified || (utf16_unit(data.content, 0) & AP_OPTION_UNVERIFIED) != 0;
    }
    return status == TROTH_OK && broken ? damaged(error) : status;
}
