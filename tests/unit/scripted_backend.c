/* scripted_backend.c - plays the script of scripted_backend.h. */
#include "support.h"

#include "scripted_backend.h"

#include "error.h"

static struct scripted *script_of(const troth__backend *self)
{
    union {
        const void *shown;
        struct scripted *ours;
    } native = {.shown = self->native};

    return native.ours;
}

/* Status as it is, with native words when it is a failure. */
static troth_status play(troth_status status, troth_error *error)
{
    if (status == TROTH_OK || status == TROTH_CONTINUE)
        return status;
    troth__error_native(error, SCRIPTED_MAJOR, SCRIPTED_MINOR);
    return troth__error_set(error, status, "%s", SCRIPTED_TEXT);
}

static troth_support supports(const troth__backend *self, troth_feature feature)
{
    struct scripted *script = script_of(self);

    script->asked_features++;
    script->feature = feature;
    return script->supports;
}

static troth_status credential_acquire(const troth__backend *self, const struct troth__credential_config *config,
                                       void **credential, troth_error *error)
{
    struct scripted *script = script_of(self);

    *credential = NULL;
    script->was_secret = config->password != NULL;
    if (script->acquire_status != TROTH_OK)
        return play(script->acquire_status, error);
    script->credentials++;
    *credential = script;
    return TROTH_OK;
}

static void credential_free(void *credential)
{
    struct scripted *script = credential;

    if (script != NULL)
        script->credentials--;
}

static troth_status context_new(void *credential, const struct troth__context_config *config, void **context,
                                troth_error *error)
{
    struct scripted *script = credential;

    *context = NULL;
    script->requested = config->requested;
    script->required = config->required;
    script->delegate = config->delegate;
    script->anonymous_allowed = config->anonymous_allowed;
    script->encryption_matters = config->encryption_matters;
    script->target_matters = config->target_matters;
    if (script->context_status != TROTH_OK)
        return play(script->context_status, error);
    script->contexts++;
    *context = script;
    return TROTH_OK;
}

static void context_free(void *context)
{
    struct scripted *script = context;

    if (script != NULL)
        script->contexts--;
}

static troth_status step(void *context, troth__bytes in, troth__bytes *out, troth_error *error)
{
    struct scripted *script = context;
    size_t at = (size_t)script->stepped < script->step_count ? (size_t)script->stepped : script->step_count - 1;
    const struct scripted_step *now = &script->steps[at];

    script->stepped++;
    script->in_length = in.length;
    if (in.length > 0)
        memcpy(script->in, in.data, in.length < sizeof script->in ? in.length : sizeof script->in);
    out->data = now->token;
    out->length = now->length;
    return play(now->status, error);
}

static troth_status attributes(void *context, struct troth__attributes *told, troth_error *error)
{
    struct scripted *script = context;

    script->asked_attributes++;
    memset(told, 0, sizeof *told);
    if (script->attributes_status == TROTH_OK)
        *told = script->attributes;
    return play(script->attributes_status, error);
}

static troth_status tell_name(struct scripted *script, const char *text, char **name, troth_error *error)
{
    script->asked_names++;
    *name = NULL;
    if (script->name_status != TROTH_OK)
        return play(script->name_status, error);
    *name = troth__strdup(text);
    return *name != NULL ? TROTH_OK : play(TROTH_E_MEMORY, error);
}

static troth_status encryption(void *context, int32_t *type, uint32_t *strength, troth_error *error)
{
    struct scripted *script = context;

    script->asked_encryption++;
    *type = script->late_encryption;
    *strength = 0;
    return script->late_encryption != 0 ? TROTH_OK : play(TROTH_E_UNAVAILABLE, error);
}

static troth_status peer_name(void *context, char **name, troth_error *error)
{
    return tell_name(context, ((struct scripted *)context)->peer, name, error);
}

static troth_status target_name(void *context, char **name, troth_error *error)
{
    return tell_name(context, "target@SCRIPT", name, error);
}

static troth_status wrap(void *context, troth_protection protection, troth__bytes data, uint8_t *output,
                         size_t capacity, size_t *output_length, troth_error *error)
{
    struct scripted *script = context;

    script->asked_messages++;
    *output_length = 0;
    if (script->message_status != TROTH_OK)
        return play(script->message_status, error);
    if (capacity < data.length + SCRIPTED_HEADER) {
        *output_length = data.length + SCRIPTED_HEADER;
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "too small");
    }
    if (data.length > 0)
        memmove(output + SCRIPTED_HEADER, data.data, data.length);
    output[0] = 'W';
    output[1] = (uint8_t)protection;
    output[2] = 0;
    output[3] = 0;
    *output_length = data.length + SCRIPTED_HEADER;
    return TROTH_OK;
}

static troth_status unwrap(void *context, uint8_t *message, size_t length, troth__bytes *data,
                           troth_protection *protection, troth_error *error)
{
    struct scripted *script = context;

    script->asked_messages++;
    *data = (troth__bytes){NULL, 0};
    *protection = TROTH_PROTECTION_UNSET;
    if (script->message_status != TROTH_OK)
        return play(script->message_status, error);
    if (length < SCRIPTED_HEADER || message[0] != 'W')
        return play(TROTH_E_ALTERED, error);
    *protection = script->unwrap_protection != 0 ? script->unwrap_protection : (troth_protection)message[1];
    *data = (troth__bytes){message + SCRIPTED_HEADER, length - SCRIPTED_HEADER};
    return TROTH_OK;
}

static void see_data(struct scripted *script, troth__bytes data)
{
    script->in_length = data.length;
    if (data.length > 0)
        memcpy(script->in, data.data, data.length < sizeof script->in ? data.length : sizeof script->in);
}

static troth_status get_mic(void *context, troth__bytes data, uint8_t *mic, size_t capacity, size_t *mic_length,
                            troth_error *error)
{
    struct scripted *script = context;

    script->asked_messages++;
    see_data(script, data);
    *mic_length = 0;
    if (script->message_status != TROTH_OK)
        return play(script->message_status, error);
    *mic_length = SCRIPTED_MIC;
    if (capacity < SCRIPTED_MIC)
        return troth__error_set(error, TROTH_E_BUFFER_TOO_SMALL, "too small");
    memcpy(mic, "MIC!", SCRIPTED_MIC);
    return TROTH_OK;
}

static troth_status verify_mic(void *context, troth__bytes data, troth__bytes mic, troth_error *error)
{
    struct scripted *script = context;

    script->asked_messages++;
    see_data(script, data);
    if (script->message_status != TROTH_OK)
        return play(script->message_status, error);
    if (mic.length != SCRIPTED_MIC || memcmp(mic.data, "MIC!", SCRIPTED_MIC) != 0)
        return play(TROTH_E_ALTERED, error);
    return TROTH_OK;
}

/* Like an encryption type that pads to an even length. */
static troth_status wrap_size(void *context, troth_protection protection, size_t length, size_t *needed,
                              troth_error *error)
{
    struct scripted *script = context;

    (void)protection;
    *needed = 0;
    if (script->message_status != TROTH_OK)
        return play(script->message_status, error);
    *needed = length + SCRIPTED_HEADER + (script->pads ? 2 - length % 2 : 0);
    return TROTH_OK;
}

static void see_parts(struct scripted *script, const troth_part *parts, size_t count)
{
    script->asked_parts++;
    for (size_t i = 0; i < count; i++) {
        uint8_t *data = parts[i].data;

        for (size_t at = 0; parts[i].kind == TROTH_PART_DATA && at < parts[i].length; at++)
            data[at] ^= 0x20;
    }
}

static troth_status wrap_parts(void *context, troth_protection protection, const troth_part *parts, size_t count,
                               uint8_t *token, size_t capacity, size_t *token_length, troth_error *error)
{
    struct scripted *script = context;
    troth_status status = wrap(context, protection, (troth__bytes){NULL, 0}, token, capacity, token_length, error);

    if (status != TROTH_E_BUFFER_TOO_SMALL)
        see_parts(script, parts, count);
    return status;
}

static troth_status unwrap_parts(void *context, uint8_t *token, size_t token_length, const troth_part *parts,
                                 size_t count, troth_protection *protection, troth_error *error)
{
    troth__bytes data;

    see_parts(context, parts, count);
    return unwrap(context, token, token_length, &data, protection, error);
}

static troth_status get_mic_parts(void *context, const troth_part *parts, size_t count, uint8_t *mic, size_t capacity,
                                  size_t *mic_length, troth_error *error)
{
    struct scripted *script = context;

    (void)parts;
    (void)count;
    script->asked_parts++;
    return get_mic(context, (troth__bytes){NULL, 0}, mic, capacity, mic_length, error);
}

static troth_status verify_mic_parts(void *context, const troth_part *parts, size_t count, troth__bytes mic,
                                     troth_error *error)
{
    struct scripted *script = context;

    (void)parts;
    (void)count;
    script->asked_parts++;
    return verify_mic(context, (troth__bytes){NULL, 0}, mic, error);
}

static troth_status peer_local_name(void *context, char **name, troth_error *error)
{
    return tell_name(context, ((struct scripted *)context)->local, name, error);
}

static troth_status peer_windows_name(void *context, char **name, troth_error *error)
{
    return tell_name(context, "DOMAIN\\user", name, error);
}

static troth_status peer_target(void *context, char **name, bool *unverified, troth_error *error)
{
    struct scripted *script = context;

    script->asked_target++;
    *name = NULL;
    *unverified = script->target_unverified;
    if (script->target_status != TROTH_OK)
        return play(script->target_status, error);
    if (script->target == NULL)
        return play(TROTH_E_UNAVAILABLE, error);
    *name = troth__strdup(script->target);
    return *name != NULL ? TROTH_OK : play(TROTH_E_MEMORY, error);
}

/* What is asked of an attribute is its value. */
static troth_status peer_attribute(void *context, const char *attribute, uint8_t **value, size_t *length,
                                   bool *authenticated, troth_error *error)
{
    char *text;
    troth_status status = tell_name(context, attribute, &text, error);

    *value = (uint8_t *)text;
    *length = status == TROTH_OK ? strlen(text) : 0;
    *authenticated = strcmp(attribute, "made up") != 0;
    return status;
}

/* The key is a text; what is derived repeats the key's number, and the context as bytes is one letter. */
static troth_status session_key(void *context, uint8_t **key, size_t *length, troth_error *error)
{
    struct scripted *script = context;
    troth_status status = play(script->session_status, error);

    *key = NULL;
    *length = 0;
    if (status != TROTH_OK)
        return status;
    *key = (uint8_t *)troth__strdup(SCRIPTED_KEY);
    assert_non_null(*key);
    *length = strlen(SCRIPTED_KEY);
    return TROTH_OK;
}

static troth_status prf(void *context, troth_prf_key which, troth__bytes input, uint8_t *output, size_t length,
                        troth_error *error)
{
    struct scripted *script = context;

    (void)input;
    memset(output, '0' + (int)which, length);
    return play(script->session_status, error);
}

static troth_status context_export(void *context, size_t head, uint8_t **token, size_t *length, troth_error *error)
{
    struct scripted *script = context;
    troth_status status = play(script->session_status, error);

    *token = NULL;
    *length = 0;
    if (status != TROTH_OK)
        return status;
    *token = troth__alloc(head + 1);
    assert_non_null(*token);
    (*token)[head] = 'X';
    *length = head + 1;
    return TROTH_OK;
}

static troth_status context_import(const troth__backend *self, const struct troth__credential_config *own,
                                   const struct troth__context_config *config, troth__bytes token, void **credential,
                                   void **context, troth_error *error)
{
    struct scripted *script = script_of(self);
    troth_status status = play(script->session_status, error);

    (void)own;
    (void)config;
    *credential = *context = NULL;
    if (status == TROTH_OK && (token.length != 1 || token.data[0] != 'X'))
        status = play(TROTH_E_BAD_TOKEN, error);
    if (status != TROTH_OK)
        return status;
    script->credentials++;
    script->contexts++;
    *credential = *context = script;
    return TROTH_OK;
}

static troth_status delegated_credential(void *context, const troth__backend *self,
                                         struct troth__credential_config *own, void **credential, troth_error *error)
{
    struct scripted *script = context;

    (void)self;
    (void)own;
    *credential = NULL;
    if (script->delegation_status != TROTH_OK)
        return play(script->delegation_status, error);
    script->credentials++;
    *credential = script;
    return TROTH_OK;
}

static troth_status credential_impersonate(void *service, const troth__backend *self, const troth_name *name,
                                           struct troth__credential_config *own, void **credential, troth_error *error)
{
    (void)name;
    return delegated_credential(service, self, own, credential, error);
}

static troth_status credential_store(void *credential, const char *ccache, troth_error *error)
{
    struct scripted *script = credential;

    (void)ccache;
    return play(script->delegation_status, error);
}

static troth_status credential_expiry(void *credential, int64_t *expiry, troth_error *error)
{
    struct scripted *script = credential;

    *expiry = script->credential_expiry;
    return play(script->delegation_status, error);
}

static troth_status credential_name(void *credential, char **name, troth_error *error)
{
    struct scripted *script = credential;

    *name = NULL;
    if (script->delegation_status != TROTH_OK)
        return play(script->delegation_status, error);
    return tell_name(script, "own@SCRIPT", name, error);
}

static troth_status impersonate(void *context, troth_error *error)
{
    struct scripted *script = context;

    script->impersonating += script->delegation_status == TROTH_OK;
    return play(script->delegation_status, error);
}

static troth_status revert(void *context, troth_error *error)
{
    struct scripted *script = context;

    script->impersonating -= script->delegation_status == TROTH_OK;
    return play(script->delegation_status, error);
}

void scripted_init(struct scripted *scripted, const struct scripted_step *steps, size_t step_count)
{
    memset(scripted, 0, sizeof *scripted);
    scripted->backend = (troth__backend){
        .name = "scripted",
        .native = scripted,
        .supports = supports,
        .credential_acquire = credential_acquire,
        .credential_free = credential_free,
        .context_new = context_new,
        .context_free = context_free,
        .step = step,
        .attributes = attributes,
        .encryption = encryption,
        .peer_name = peer_name,
        .target_name = target_name,
        .wrap = wrap,
        .unwrap = unwrap,
        .get_mic = get_mic,
        .verify_mic = verify_mic,
        .wrap_size = wrap_size,
        .wrap_parts = wrap_parts,
        .unwrap_parts = unwrap_parts,
        .get_mic_parts = get_mic_parts,
        .verify_mic_parts = verify_mic_parts,
        .peer_local_name = peer_local_name,
        .peer_windows_name = peer_windows_name,
        .peer_target = peer_target,
        .peer_attribute = peer_attribute,
        .session_key = session_key,
        .prf = prf,
        .context_export = context_export,
        .context_import = context_import,
        .delegated_credential = delegated_credential,
        .credential_impersonate = credential_impersonate,
        .credential_store = credential_store,
        .credential_expiry = credential_expiry,
        .credential_name = credential_name,
        .impersonate = impersonate,
        .revert = revert,
    };
    scripted->local = "local";
    scripted->peer = "peer@SCRIPT";
    scripted->steps = steps;
    scripted->step_count = step_count;
    scripted->attributes = (struct troth__attributes){
        .mechanism = TROTH_MECHANISM_KERBEROS,
        .mechanism_name = "Kerberos",
        .properties = TROTH_DEFAULT_REQUESTED,
        .bindings = TROTH_BINDING_ABSENT,
        .expiry = TROTH_NEVER,
        .wrap_header = SCRIPTED_HEADER,
        .wrap_overhead = SCRIPTED_HEADER,
        .mic_size = SCRIPTED_MIC,
        .parts = true,
    };
}

troth_context *scripted_context(struct scripted *scripted, troth_role role, const troth_context_options *options)
{
    troth_context_options given = TROTH_CONTEXT_OPTIONS_INIT;
    troth_credential *credential = NULL;
    troth_context *context = NULL;
    troth_error error = TROTH_ERROR_INIT;

    if (options != NULL)
        given = *options;
    if (role == TROTH_INITIATOR) {
        given.target.service = "scripted";
        given.target.host = "host";
    }
    if (troth__credential_acquire(&scripted->backend, role, NULL, &credential, &error) != TROTH_OK ||
        troth_context_new(credential, &given, &context, &error) != TROTH_OK)
        fail_msg("%s", error.text);
    troth_credential_free(credential);
    return context;
}

troth_context *scripted_complete(struct scripted *scripted, troth_role role, const troth_context_options *options)
{
    troth_context *context = scripted_context(scripted, role, options);
    const bool acceptor = role == TROTH_ACCEPTOR;
    const void *token;
    size_t length;

    assert_int_equal(troth_context_step(context, acceptor ? "x" : NULL, acceptor, &token, &length, NULL), TROTH_OK);
    return context;
}

bool scripted_all_freed(const struct scripted *scripted)
{
    return scripted->credentials == 0 && scripted->contexts == 0;
}
