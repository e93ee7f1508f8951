/* Tokens: what a bearer keeps under our seal, and what of it still counts. */
#include "base/check.h"
#include "base/codec.h"
#include "crypto/aead.h"
#include "crypto/ct.h"
#include "crypto/hmac.h"
#include "identity/builtin_account.h"
#include "identity/builtin_application.h"

enum { TOKEN_BYTES_MAX = 640, TOKEN_KEY_LEN = 32 };

_Static_assert((int)TOKEN_KEY_LEN == (int)DIGEST_SHA256_LEN, "a token's key is an HMAC");

/* What begins a token, so that people recognise one, and a search for leaked ones too. */
#define TOKEN_PREFIX "hink1."

/* What a token is bound to: its ciphertext opens as nothing else of ours. */
#define TOKEN_BINDING "hink token 1"

void builtin_derive_key(struct builtin *store, struct slice label, uint8_t *out) {
    hmac_sha256(slice_of(store->key.bytes, sizeof store->key.bytes), label, out);
}

/* Tokens have a key of their own, so that their many nonces don't wear out that of the secrets. */
static void token_key(struct builtin *store, uint8_t *out) {
    builtin_derive_key(store, SLICE("hink token key 1"), out);
}

/* --- text --- */

/* Spec: RFC 4648 section 5, without padding. */
static struct slice encode_text(struct slice bytes, struct arena *arena) {
    char text[BUILTIN_TOKEN_TEXT_MAX];
    struct buf buf;
    buf_init_fixed(&buf, text, sizeof text);
    buf_append_str(&buf, TOKEN_PREFIX);
    base64_encode(&buf, bytes);
    CHECK(!buf.overflowed);
    while (buf.len > 0 && text[buf.len - 1] == '=') buf.len--;
    for (size_t i = 0; i < buf.len; i++) {
        if (text[i] == '+') text[i] = '-';
        if (text[i] == '/') text[i] = '_';
    }
    return arena_dup(arena, buf_slice(&buf));
}

static bool decode_text(struct slice text, uint8_t *out, size_t cap, size_t *ret_len) {
    char plain[BUILTIN_TOKEN_TEXT_MAX + 3];
    struct slice prefix = SLICE(TOKEN_PREFIX);
    if (text.len > BUILTIN_TOKEN_TEXT_MAX || !slice_starts_with(text, prefix)) return false;
    struct slice body = slice_skip(text, prefix.len);
    size_t len = 0;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (c == '+' || c == '/' || c == '=') return false;
        if (c == '-') c = '+';
        if (c == '_') c = '/';
        plain[len++] = c;
    }
    while (len % 4 != 0) plain[len++] = '=';
    return base64_decode(slice_of(plain, len), out, cap, ret_len);
}

/* --- seal --- */

static struct slice seal(struct builtin *store, const Identity__Token *token, struct arena *arena) {
    uint8_t key[TOKEN_KEY_LEN];
    uint8_t plain[TOKEN_BYTES_MAX];
    uint8_t sealed[AEAD_NONCE_LEN + TOKEN_BYTES_MAX + AEAD_TAG_LEN];
    CHECK(identity__token__get_packed_size(token) <= sizeof plain);
    size_t len = identity__token__pack(token, plain);
    token_key(store, key);
    random_fill(store->random, sealed, AEAD_NONCE_LEN);
    aead_seal(key, sealed, SLICE(TOKEN_BINDING), slice_of(plain, len), sealed + AEAD_NONCE_LEN);
    ct_wipe(key, sizeof key);
    return encode_text(slice_of(sealed, AEAD_NONCE_LEN + len + AEAD_TAG_LEN), arena);
}

static struct status unseal(struct builtin *store, struct slice text, struct arena *arena,
                            Identity__Token **ret_token) {
    uint8_t key[TOKEN_KEY_LEN];
    uint8_t sealed[BUILTIN_TOKEN_TEXT_MAX];
    uint8_t plain[BUILTIN_TOKEN_TEXT_MAX];
    size_t len;
    void *decoded;
    if (!decode_text(text, sealed, sizeof sealed, &len)) return status_of(STATUS_NOT_FOUND);
    if (len < AEAD_NONCE_LEN + AEAD_TAG_LEN) return status_of(STATUS_NOT_FOUND);
    token_key(store, key);
    struct status s = aead_open(key, sealed, SLICE(TOKEN_BINDING),
                                slice_of(sealed + AEAD_NONCE_LEN, len - AEAD_NONCE_LEN), plain);
    ct_wipe(key, sizeof key);
    if (!is_ok(s)) return status_of(STATUS_NOT_FOUND);
    size_t plain_len = len - AEAD_NONCE_LEN - AEAD_TAG_LEN;
    /* What opens was written by us: what does not decode then is of another version. */
    s = builtin_record_decode(&identity__token__descriptor, slice_of(plain, plain_len), arena,
                              &decoded);
    if (status_is(s, STATUS_CORRUPT)) return status_of(STATUS_NOT_FOUND);
    TRY(s);
    Identity__Token *token = decoded;
    bool sane = token->version == BUILTIN_RECORD_VERSION &&
                token->audit_id.len == BUILTIN_AUDIT_ID_LEN &&
                builtin_id_is_valid(slice_str(token->user_id)) &&
                (token->project_id[0] == 0 || builtin_id_is_valid(slice_str(token->project_id)));
    if (!sane) return status_of(STATUS_NOT_FOUND);
    *ret_token = token;
    return status_ok();
}

/* --- what it is worth --- */

/* Whether the account has revoked it. */
static bool is_void(const Identity__Account *account, const Identity__Token *token) {
    if (token->issued_ns < account->tokens_not_before_ns) return true;
    for (size_t i = 0; i < account->n_revoked; i++) {
        const ProtobufCBinaryData *id = &account->revoked[i]->audit_id;
        if (memcmp(id->data, token->audit_id.data, BUILTIN_AUDIT_ID_LEN) == 0) return true;
    }
    return false;
}

struct status builtin_bearer_find(struct builtin *store, struct slice user_id,
                                  struct slice project_id, struct arena *arena,
                                  struct builtin_bearer *bearer) {
    TRY(builtin_entity_read_enabled(store, BUILTIN_USER, user_id, arena, &bearer->user));
    TRY(builtin_entity_read(store, BUILTIN_DOMAIN, bearer->user.domain_id, arena, NULL,
                            &bearer->user_domain));
    if (project_id.len == 0) return status_ok();
    TRY(builtin_entity_read_enabled(store, BUILTIN_PROJECT, project_id, arena, &bearer->project));
    return builtin_entity_read(store, BUILTIN_DOMAIN, bearer->project.domain_id, arena, NULL,
                               &bearer->project_domain);
}

/* Takes away what the application credential does not have; NOT_FOUND where it is over. */
static struct status narrow(struct builtin *store, struct slice application_id, struct arena *arena,
                            struct builtin_bearer *bearer) {
    struct builtin_application application;
    if (application_id.len == 0) return status_ok();
    TRY(builtin_application_find(store, application_id, arena, &application));
    bool same = slice_eq(application.user_id, bearer->user.id) &&
                slice_eq(application.project_id, bearer->project.id);
    bool expired =
        application.expires_ns != 0 && application.expires_ns <= clock_wall_ns(store->clock);
    if (!same || expired) return status_of(STATUS_NOT_FOUND);
    bearer->application_id = application.id;
    bearer->application_unrestricted = application.unrestricted;
    bearer->roles &= builtin_roles_with_included(application.roles);
    return status_ok();
}

/* The same, with the roles, of which there must be one. */
static struct status look_up(struct builtin *store, const struct builtin_token_wanted *wanted,
                             struct arena *arena, struct builtin_bearer *bearer) {
    TRY(builtin_bearer_find(store, wanted->user_id, wanted->project_id, arena, bearer));
    if (wanted->project_id.len == 0) {
        /* An application credential is always one in a project. */
        return wanted->application_id.len == 0 ? status_ok() : status_of(STATUS_NOT_FOUND);
    }
    TRY(builtin_roles_of(store, &bearer->user, &bearer->project, arena, &bearer->roles));
    TRY(narrow(store, wanted->application_id, arena, bearer));
    return bearer->roles != 0 ? status_ok() : status_of(STATUS_NOT_FOUND);
}

struct status builtin_token_open(struct builtin *store, struct slice text, struct arena *arena,
                                 struct builtin_bearer *ret_bearer) {
    Identity__Token *token;
    Identity__Account *account;
    TRY(unseal(store, text, arena, &token));
    if (clock_wall_ns(store->clock) >= token->expires_ns) return status_of(STATUS_NOT_FOUND);
    struct builtin_bearer bearer = {
        .methods = token->methods, .issued_ns = token->issued_ns, .expires_ns = token->expires_ns};
    memcpy(bearer.audit_id, token->audit_id.data, sizeof bearer.audit_id);
    struct builtin_token_wanted wanted = {.user_id = slice_str(token->user_id),
                                          .project_id = slice_str(token->project_id),
                                          .application_id = slice_str(token->application_id)};
    TRY(look_up(store, &wanted, arena, &bearer));
    bool same = bearer.user.created_ns == token->user_created_ns &&
                bearer.project.created_ns == token->project_created_ns;
    if (!same) return status_of(STATUS_NOT_FOUND);
    TRY(builtin_account_read(store, bearer.user.id, arena, NULL, &account));
    if (is_void(account, token)) return status_of(STATUS_NOT_FOUND);
    *ret_bearer = bearer;
    return status_ok();
}

struct status builtin_token_issue(struct builtin *store, const struct builtin_token_wanted *wanted,
                                  struct arena *arena, struct slice *ret_text,
                                  struct builtin_bearer *ret_bearer) {
    struct builtin_bearer bearer = {.methods = wanted->methods, .expires_ns = wanted->expires_ns};
    Identity__Account *account;
    bool ids = builtin_id_is_valid(wanted->user_id) &&
               (wanted->project_id.len == 0 || builtin_id_is_valid(wanted->project_id));
    if (!ids) return status_of(STATUS_DENIED);
    struct status s = look_up(store, wanted, arena, &bearer);
    if (status_is(s, STATUS_NOT_FOUND)) return status_of(STATUS_DENIED);
    TRY(s);
    TRY(builtin_account_read(store, bearer.user.id, arena, NULL, &account));
    bearer.issued_ns = clock_wall_ns(store->clock);
    /* A clock that was set back must not make new tokens void. */
    if (bearer.issued_ns < account->tokens_not_before_ns) {
        bearer.issued_ns = account->tokens_not_before_ns;
    }
    random_fill(store->random, bearer.audit_id, sizeof bearer.audit_id);
    char user_id[IDENTITY_ID_MAX + 1];
    char project_id[IDENTITY_ID_MAX + 1];
    char application_id[BUILTIN_APPLICATION_ID_MAX + 1];
    Identity__Token token = IDENTITY__TOKEN__INIT;
    token.version = BUILTIN_RECORD_VERSION;
    token.user_id = builtin_record_text(bearer.user.id, user_id, sizeof user_id);
    token.user_created_ns = bearer.user.created_ns;
    token.project_id = builtin_record_text(bearer.project.id, project_id, sizeof project_id);
    token.project_created_ns = bearer.project.created_ns;
    token.issued_ns = bearer.issued_ns;
    token.expires_ns = bearer.expires_ns;
    token.audit_id = (ProtobufCBinaryData){sizeof bearer.audit_id, bearer.audit_id};
    token.methods = bearer.methods;
    token.application_id =
        builtin_record_text(bearer.application_id, application_id, sizeof application_id);
    struct slice text = seal(store, &token, arena);
    TRY(arena_ok(arena));
    *ret_text = text;
    *ret_bearer = bearer;
    return status_ok();
}

/* --- revocation --- */

static struct status append_revoked(const struct builtin_bearer *bearer, struct arena *arena,
                                    Identity__Account *account) {
    size_t count = account->n_revoked;
    Identity__RevokedToken **grown =
        arena_calloc(arena, count + 1, sizeof(Identity__RevokedToken *));
    Identity__RevokedToken *revoked = ARENA_NEW(arena, Identity__RevokedToken);
    uint8_t *id = arena_alloc(arena, BUILTIN_AUDIT_ID_LEN);
    TRY(arena_ok(arena));
    memcpy(id, bearer->audit_id, BUILTIN_AUDIT_ID_LEN);
    if (count > 0) memcpy(grown, account->revoked, count * sizeof(Identity__RevokedToken *));
    *revoked = (Identity__RevokedToken)IDENTITY__REVOKED_TOKEN__INIT;
    revoked->audit_id = (ProtobufCBinaryData){BUILTIN_AUDIT_ID_LEN, id};
    revoked->expires_ns = bearer->expires_ns;
    grown[count] = revoked;
    account->revoked = grown;
    account->n_revoked = count + 1;
    return status_ok();
}

static struct status attempt_revoke(struct builtin_account_change *change, struct arena *arena,
                                    Identity__Account *account) {
    const struct builtin_bearer *bearer = change->context;
    int64_t now_ns = clock_wall_ns(change->store->clock);
    size_t kept = 0;
    for (size_t i = 0; i < account->n_revoked; i++) {
        if (account->revoked[i]->expires_ns > now_ns) {
            account->revoked[kept++] = account->revoked[i];
        }
    }
    account->n_revoked = kept;
    if (kept < BUILTIN_REVOKED_MAX) return append_revoked(bearer, arena, account);
    /* The list is bounded, and a revocation is never refused: all that the user has goes. */
    int64_t newest_ns = bearer->issued_ns > now_ns ? bearer->issued_ns : now_ns;
    if (account->tokens_not_before_ns <= newest_ns) account->tokens_not_before_ns = newest_ns + 1;
    account->n_revoked = 0;
    return status_ok();
}

struct status builtin_token_revoke(struct builtin *store, const struct builtin_bearer *bearer,
                                   struct note *note) {
    /* The attempt only reads the bearer. */
    struct builtin_account_change change = {.store = store,
                                            .user_id = bearer->user.id,
                                            .note = note,
                                            .attempt = attempt_revoke,
                                            .context = (void *)(uintptr_t)bearer};
    return builtin_account_change(&change);
}
