/* context.c - the native handshake, what it came to, and who the two ends are. */
#include "internal.h"

#include <string.h>

#include "error.h"

/* The two sides of one table: what we ask for and report, and GSSAPI's bits (RFC 2744 appendix A). */
static const struct {
    uint32_t property;
    OM_uint32 flag;
} flags[] = {
    {TROTH_MUTUAL, GSS_C_MUTUAL_FLAG},
    {TROTH_INTEGRITY, GSS_C_INTEG_FLAG},
    {TROTH_CONFIDENTIALITY, GSS_C_CONF_FLAG},
    {TROTH_REPLAY_DETECTION, GSS_C_REPLAY_FLAG},
    {TROTH_SEQUENCE_DETECTION, GSS_C_SEQUENCE_FLAG},
    {TROTH_IDENTIFY, GSS_C_IDENTIFY_FLAG},
    {TROTH_DELEGATED, GSS_C_DELEG_FLAG},
    {TROTH_CHANNEL_BOUND, GSS_C_CHANNEL_BOUND_FLAG},
    {TROTH_ANONYMOUS, GSS_C_ANON_FLAG},
};

#define FLAG_COUNT (sizeof flags / sizeof flags[0])

static OM_uint32 gss_flags(uint32_t properties)
{
    OM_uint32 result = 0;

    for (size_t i = 0; i < FLAG_COUNT; i++)
        result |= (properties & flags[i].property) != 0 ? flags[i].flag : 0;
    return result;
}

/* What an initiator asks for. */
static OM_uint32 gss_wanted(const struct troth__context_config *config)
{
    return gss_flags(config->requested) | (config->delegate == TROTH_DELEGATE_BY_POLICY ? GSS_C_DELEG_POLICY_FLAG : 0u);
}

static uint32_t gss_properties(OM_uint32 native_flags)
{
    uint32_t result = 0;

    for (size_t i = 0; i < FLAG_COUNT; i++)
        result |= (native_flags & flags[i].flag) != 0 ? flags[i].property : 0;
    return result;
}

/* GSSAPI's buffers know no const; what goes in is not written to. */
static gss_buffer_desc gss_buffer_of(const void *data, size_t length)
{
    gss_buffer_desc buffer = {length, NULL};

    memcpy(&buffer.value, &data, sizeof buffer.value);
    return buffer;
}

/* Our bindings as GSSAPI has them, in *room, or none. */
static gss_channel_bindings_t gss_bindings_of(const troth_bindings *bindings, struct gss_channel_bindings_struct *room)
{
    if (bindings == NULL)
        return GSS_C_NO_CHANNEL_BINDINGS;
    room->initiator_addrtype = bindings->initiator_address_type;
    room->initiator_address = gss_buffer_of(bindings->initiator_address, bindings->initiator_address_length);
    room->acceptor_addrtype = bindings->acceptor_address_type;
    room->acceptor_address = gss_buffer_of(bindings->acceptor_address, bindings->acceptor_address_length);
    room->application_data = gss_buffer_of(bindings->application_data, bindings->application_data_length);
    return room;
}

/* Whatever only the handshake needed. */
static void gss_handshake_over(struct gss_context *context)
{
    struct gss_setup *setup = context->setup;

    troth__gss_handle_drop(context->credential, &setup->handle);
    troth__gss_target_drop(context->credential, &setup->known);
    troth__gss_name_release(context->native, &setup->target);
}

troth_status troth__gss_context_new(void *credential, const struct troth__context_config *config, void **context,
                                    troth_error *error)
{
    struct gss_context *made = troth__alloc(sizeof *made);

    *context = NULL;
    if (made == NULL)
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    made->credential = credential;
    made->native = troth__gss_credential_native(credential);
    made->config = config;
    made->context = GSS_C_NO_CONTEXT;
    made->setup = troth__alloc(sizeof *made->setup);
    if (made->setup == NULL) {
        troth__gss_context_free(made);
        return troth__error_set(error, TROTH_E_MEMORY, "out of memory for a context");
    }
    *context = made;
    return TROTH_OK;
}

/* Whether the peers' names are asked for: what was asked of the last context will be asked of the next. */
static bool gss_names_asked(struct gss_credential *credential)
{
    bool asked;

    troth__mutex_lock(credential->lock);
    asked = credential->names_asked;
    troth__mutex_unlock(credential->lock);
    return asked;
}

static void gss_names_note(struct gss_credential *credential, bool asked)
{
    troth__mutex_lock(credential->lock);
    credential->names_asked = asked;
    troth__mutex_unlock(credential->lock);
}

static void gss_release_out(struct gss_context *context)
{
    gss_buffer_desc *out = &context->setup->out;
    OM_uint32 minor;

    if (out->value != NULL)
        context->native->gss_release_buffer(&minor, out);
    out->length = 0;
    out->value = NULL;
}

void troth__gss_setup_end(struct gss_context *context)
{
    if (context->setup == NULL)
        return;
    gss_release_out(context);
    gss_handshake_over(context);
    if (context->setup->source != GSS_C_NO_NAME)
        gss_names_note(context->credential, false);
    troth__gss_name_release(context->native, &context->setup->source);
    troth__free(context->setup);
    context->setup = NULL;
}

static void gss_drop_delegated(struct gss_context *context)
{
    OM_uint32 minor;

    if (context->delegated != GSS_C_NO_CREDENTIAL)
        context->native->gss_release_cred(&minor, &context->delegated);
}

void troth__gss_context_free(void *pointer)
{
    struct gss_context *context = pointer;
    OM_uint32 minor;

    if (context == NULL)
        return;
    troth__gss_setup_end(context);
    gss_drop_delegated(context);
    if (context->context != GSS_C_NO_CONTEXT)
        context->native->gss_delete_sec_context(&minor, &context->context, GSS_C_NO_BUFFER);
    troth__free(context);
}

/* The handle for this step: an initiator's for the whole handshake. */
static troth_status gss_take_handle(struct gss_context *context, troth__bytes in, troth_error *error)
{
    const bool initiator = troth__gss_credential_config(context->credential)->role == TROTH_INITIATOR;
    struct gss_setup *setup = context->setup;
    troth_status status;

    if (setup->handle != NULL)
        return TROTH_OK;
    status = initiator ? troth__gss_initiator_take(
                             context->credential, &context->config->target,
                             (gss_wanted(context->config) & (GSS_C_DELEG_FLAG | GSS_C_DELEG_POLICY_FLAG)) == 0,
                             &setup->target, &setup->handle, &setup->known, error)
                       : troth__gss_handle_take(context->credential, in, &setup->handle, error);
    /* The keytab was good when the credential was acquired. */
    if (status == TROTH_E_NO_CREDENTIAL && !initiator) {
        status = error->status = TROTH_E_WRONG_KEY;
        troth__gss_credential_tell_keytab(context->credential, error);
    }
    return status;
}

/* Whatever came, in whichever leg. */
static void gss_keep_delegated(struct gss_context *context, gss_cred_id_t delegated)
{
    if (delegated == GSS_C_NO_CREDENTIAL)
        return;
    gss_drop_delegated(context);
    context->delegated = delegated;
}

/*
 * What is delegated is wanted. With constrained delegation it is looked at in any case: under SPNEGO MIT (1.20.1) makes
 * a credential and sets GSS_C_DELEG_FLAG also where it was not asked for one.
 */
static bool gss_takes_delegated(const struct gss_context *context)
{
    return context->config->keep_delegated || context->credential->proxy_keytab != NULL;
}

static OM_uint32 gss_initiate(struct gss_context *context, gss_cred_id_t cred, gss_OID asked,
                              gss_channel_bindings_t bindings, gss_buffer_t token, OM_uint32 *minor)
{
    struct gss_setup *setup = context->setup;
    const gss_name_t target =
        setup->known != NULL ? troth__gss_target_step_name(context->credential, setup->known) : setup->target;

    return context->native->gss_init_sec_context(minor, cred, &context->context, target, asked,
                                                 gss_wanted(context->config), 0, bindings, token, &setup->mechanism,
                                                 &setup->out, &setup->flags, &setup->lifetime);
}

/*
 * The peer's name costs 40 thousand instructions here, and more when it is asked for later: of SPNEGO, which finds it
 * out in any case, twice as much (MIT 1.20.1). Nobody pays who does not ask.
 */
static OM_uint32 gss_accept(struct gss_context *context, gss_cred_id_t cred, gss_channel_bindings_t bindings,
                            gss_buffer_t token, OM_uint32 *minor)
{
    struct gss_setup *setup = context->setup;
    gss_cred_id_t delegated = GSS_C_NO_CREDENTIAL;
    OM_uint32 major;

    troth__gss_name_release(context->native, &setup->source);
    major = context->native->gss_accept_sec_context(minor, &context->context, cred, token, bindings,
                                                    gss_names_asked(context->credential) ? &setup->source : NULL,
                                                    &setup->mechanism, &setup->out, &setup->flags, &setup->lifetime,
                                                    gss_takes_delegated(context) ? &delegated : NULL);
    gss_keep_delegated(context, delegated);
    return major;
}

/* The native call, and what its codes come to. */
static troth_status gss_native_step(struct gss_context *context, gss_cred_id_t cred, troth__bytes in,
                                    troth_error *error)
{
    const struct troth__gss_native *native = context->native;
    struct gss_setup *setup = context->setup;
    const struct troth__credential_config *own = troth__gss_credential_config(context->credential);
    struct gss_channel_bindings_struct room;
    gss_channel_bindings_t bindings = gss_bindings_of(context->config->bindings, &room);
    gss_buffer_desc token = gss_buffer_of(in.data, in.length);
    gss_OID asked = troth__gss_mechanism(own->mechanism);
    const char *call = own->role == TROTH_INITIATOR ? "gss_init_sec_context" : "gss_accept_sec_context";
    OM_uint32 major, minor = 0;
    troth_status status;

    setup->mechanism = GSS_C_NO_OID;
    setup->flags = setup->lifetime = 0;
    major = own->role == TROTH_INITIATOR ? gss_initiate(context, cred, asked, bindings, &token, &minor)
                                         : gss_accept(context, cred, bindings, &token, &minor);
    /* MIT 1.20.1 counts on below 0 when a ticket ends within the handshake, and -1 is its "never"; NTLM means that. */
    if (setup->lifetime > INT32_MAX && !troth__gss_is(setup->mechanism, &troth__gss_ntlm))
        setup->lifetime = 0;
    if (context->credential->config->trace != NULL)
        troth__gss_trace(context->credential, context->config, call, major, minor, asked, in.length, setup->out.length);
    if (GSS_ERROR(major))
        status = troth__gss_fail(native, call, major, minor, asked, error);
    else if (major == GSS_S_CONTINUE_NEEDED)
        status = TROTH_CONTINUE;
    else if (major == GSS_S_COMPLETE)
        status = TROTH_OK;
    else /* a token that came twice, or too late (RFC 2744 section 5.1): fatal, also when more would be due */
        status = troth__gss_fail(native, call, major, minor, asked, error);
    /* MIT 1.20.1 says no more than this of a token that is shorter than its header says. */
    if (status == TROTH_E_FAILURE && major == GSS_S_FAILURE && error->native_minor == 0 && in.length > 0)
        status = error->status = TROTH_E_BAD_TOKEN;
    return status;
}

/* The step over the handle that is held. */
static troth_status gss_handle_step(struct gss_context *context, troth__bytes in, troth_error *error)
{
    gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;
    troth_status status = troth__gss_cred_take(context->credential, context->setup->handle, &cred, error);

    if (status == TROTH_OK) {
        status = gss_native_step(context, cred, in, error);
        troth__gss_cred_give(context->credential, context->setup->handle, cred);
    }
    return status;
}

/* A first step that found no use for the one ticket that it was given: once more, with all of them. */
static bool gss_ticket_useless(const struct gss_context *context, troth_status status)
{
    return (status == TROTH_E_NO_CREDENTIAL || status == TROTH_E_EXPIRED) && context->setup->handle->narrow &&
           context->context == GSS_C_NO_CONTEXT;
}

troth_status troth__gss_step(void *pointer, troth__bytes in, troth__bytes *out, troth_error *error)
{
    struct gss_context *context = pointer;
    struct gss_setup *setup = context->setup;
    const bool acceptor = troth__gss_credential_config(context->credential)->role == TROTH_ACCEPTOR;
    troth_status status;

    *out = (troth__bytes){NULL, 0};
    gss_release_out(context);
    status = gss_take_handle(context, in, error);
    if (status != TROTH_OK)
        return status;
    status = gss_handle_step(context, in, error);
    if (gss_ticket_useless(context, status)) {
        status = troth__gss_target_widen(context->credential, setup->known, &setup->handle, error);
        if (status != TROTH_OK)
            return status;
        troth__error_begin(error, error);
        gss_release_out(context);
        status = gss_handle_step(context, in, error);
    }
    *out = (troth__bytes){setup->out.value, setup->out.length};
    if (status == TROTH_E_WRONG_KEY && acceptor)
        troth__gss_credential_tell_keytab(context->credential, error);
    if ((status == TROTH_E_UNKNOWN_TARGET || status == TROTH_E_WRONG_KEY) && !acceptor)
        troth__gss_name_tell_surprise(context->native, &context->config->target, setup->target,
                                      setup->known != NULL ? troth__gss_target_name_of(setup->known) : GSS_C_NO_NAME,
                                      error);
    if (status == TROTH_E_DENIED && !acceptor)
        troth__gss_tell_evidence(context->credential, error);
    /* There is a ticket as soon as there is a token; under SPNEGO its life is told at the end only. */
    if ((status == TROTH_OK || status == TROTH_CONTINUE) && setup->lifetime > 0)
        troth__gss_target_confirm(context->credential, setup->known, setup->handle, setup->lifetime);
    if (status == TROTH_OK && !acceptor)
        troth__gss_target_learn(context->credential, setup->known, context->context);
    /* An acceptor's handle is another peer's at once: this one may take minutes for its next token. */
    if (status != TROTH_CONTINUE || acceptor)
        gss_handshake_over(context);
    return status;
}

static troth_binding_result gss_binding_result(const struct gss_context *context)
{
    if (context->config->bindings == NULL)
        return TROTH_BINDING_ABSENT;
    if (troth__gss_credential_config(context->credential)->role == TROTH_INITIATOR)
        return TROTH_BINDING_UNKNOWN;
    return (context->setup->flags & GSS_C_CHANNEL_BOUND_FLAG) != 0 ? TROTH_BINDING_BOUND : TROTH_BINDING_ABSENT;
}

/* MIT's acceptor never sets GSS_C_ANON_FLAG (1.20.1); its peer's ticket tells (RFC 8062 section 3). */
static troth_status gss_anonymous(const struct gss_context *context, uint32_t *properties, troth_error *error)
{
    krb5_flags ticket = 0;
    OM_uint32 major, minor;

    major = context->native->gss_krb5_get_tkt_flags(&minor, context->context, &ticket);
    troth__gss_traced(context->credential, context->config, "gss_krb5_get_tkt_flags", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_krb5_get_tkt_flags", major, minor, &troth__gss_krb5, error);
    if ((ticket & TKT_FLG_ANONYMOUS) != 0)
        *properties |= TROTH_ANONYMOUS;
    return TROTH_OK;
}

bool troth__gss_is(gss_OID mechanism, gss_OID wanted)
{
    return mechanism != GSS_C_NO_OID && mechanism->length == wanted->length &&
           memcmp(mechanism->elements, wanted->elements, wanted->length) == 0;
}

/* What there is to act in the peer's name with, if anything. */
static troth_status gss_settle_delegated(struct gss_context *context, struct troth__attributes *attributes,
                                         troth_error *error)
{
    bool good = true;
    troth_status status = troth__gss_constrained(context, &attributes->constrained, error);

    /* Who wants to be identified only is not acted for; what it forwards itself is its own choice. */
    if (attributes->constrained)
        good = (attributes->properties & TROTH_IDENTIFY) == 0;
    else if (status == TROTH_OK && context->config->keep_delegated)
        status = troth__gss_forwarded_own(context, &good, error);
    /* MIT sets the flag for either; or it came alone, or with what is no use. */
    if (attributes->constrained || !good || (gss_takes_delegated(context) && context->delegated == GSS_C_NO_CREDENTIAL))
        attributes->properties &= ~TROTH_DELEGATED;
    if (!context->config->keep_delegated || !good) {
        gss_drop_delegated(context);
        attributes->constrained = false;
    }
    return status;
}

troth_status troth__gss_attributes(void *pointer, struct troth__attributes *attributes, troth_error *error)
{
    struct gss_context *context = pointer;
    const struct gss_setup *setup = context->setup;
    const gss_OID used = setup->mechanism;
    troth_status status = TROTH_OK;

    memset(attributes, 0, sizeof *attributes);
    context->ntlm = troth__gss_is(used, &troth__gss_ntlm);
    if (!context->ntlm && !troth__gss_is(used, &troth__gss_krb5)) {
        attributes->mechanism_name = "neither Kerberos nor NTLM";
        return TROTH_OK;
    }
    attributes->mechanism = context->ntlm ? TROTH_MECHANISM_NTLM : TROTH_MECHANISM_KERBEROS;
    attributes->mechanism_name = context->ntlm ? "NTLM" : "Kerberos";
    attributes->properties = gss_properties(setup->flags);
    status = gss_settle_delegated(context, attributes, error);
    attributes->bindings = gss_binding_result(context);
    attributes->expiry = setup->lifetime == GSS_C_INDEFINITE ? TROTH_NEVER : troth__now() + (int64_t)setup->lifetime;
    if (status == TROTH_OK && !context->ntlm &&
        troth__gss_credential_config(context->credential)->role == TROTH_ACCEPTOR)
        status = gss_anonymous(context, &attributes->properties, error);
    if (status == TROTH_OK && !context->ntlm && context->config->encryption_matters)
        status = troth__gss_session_query(context, NULL, NULL, &attributes->encryption, error);
    return status == TROTH_OK ? troth__gss_message_sizes(context, attributes, error) : status;
}

troth_status troth__gss_context_name(const struct gss_context *context, bool source, gss_name_t *name,
                                     troth_error *error)
{
    OM_uint32 major, minor;

    *name = GSS_C_NO_NAME;
    major = context->native->gss_inquire_context(&minor, context->context, source ? name : NULL, source ? NULL : name,
                                                 NULL, NULL, NULL, NULL, NULL);
    troth__gss_traced(context->credential, context->config, "gss_inquire_context", major, minor, &troth__gss_krb5);
    if (GSS_ERROR(major))
        return troth__gss_fail(context->native, "gss_inquire_context", major, minor, &troth__gss_krb5, error);
    if (*name == GSS_C_NO_NAME)
        return troth__error_set(error, TROTH_E_UNAVAILABLE, "gss_inquire_context does not tell the name");
    return TROTH_OK;
}

static troth_status gss_name_of(const struct gss_context *context, bool source, char **name, troth_error *error)
{
    gss_name_t found;
    troth_status status = troth__gss_context_name(context, source, &found, error);

    *name = NULL;
    if (status != TROTH_OK)
        return status;
    status = troth__gss_name_show(context->native, found, name, error);
    troth__gss_name_release(context->native, &found);
    return status;
}

troth_status troth__gss_peer_name(void *pointer, char **name, troth_error *error)
{
    struct gss_context *context = pointer;
    const bool acceptor = troth__gss_credential_config(context->credential)->role == TROTH_ACCEPTOR;
    troth_status status;

    if (context->setup == NULL || context->setup->source == GSS_C_NO_NAME) {
        /* After the peer's first message a name that came early would have been given up already. */
        if (acceptor && context->setup != NULL)
            gss_names_note(context->credential, true);
        return gss_name_of(context, acceptor, name, error);
    }
    status = troth__gss_name_show(context->native, context->setup->source, name, error);
    if (status == TROTH_OK)
        troth__gss_name_release(context->native, &context->setup->source);
    return status;
}

troth_status troth__gss_target_name(void *pointer, char **name, troth_error *error)
{
    return gss_name_of(pointer, false, name, error);
}
