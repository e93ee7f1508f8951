#include "identity/tempauth.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "crypto/aead.h"
#include "crypto/ct.h"
#include "crypto/digest.h"
#include "identity/builtin_login.h"

/* As Swift's own tokens begin, and what follows is ours. */
#define TOKEN_PREFIX "AUTH_tk"
#define TOKEN_BINDING "hink tempauth token 1"

enum {
    PROOF_LEN = 16,
    EXPIRY_LEN = 8,
    FULL_NAME_MAX = IDENTITY_ID_MAX + 1 + IDENTITY_NAME_MAX,
    PLAIN_MAX = EXPIRY_LEN + PROOF_LEN + FULL_NAME_MAX,
    SEALED_MAX = AEAD_NONCE_LEN + PLAIN_MAX + AEAD_TAG_LEN,
    ROLE_TEXT_MAX = 512
};

struct tempauth {
    struct identity identity;
    struct tempauth_options options;
    uint8_t token_key[AEAD_KEY_LEN];
};

/* --- users as text --- */

static bool is_word(struct slice text, size_t max) {
    if (text.len == 0 || text.len > max || !utf8_is_valid(text)) return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c == 0x7f || c == ':' || c == ',') return false;
    }
    return true;
}

static bool is_id(struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_' || c == '.';
        if (!good) return false;
    }
    return text.len > 0 && text.len <= IDENTITY_ID_MAX;
}

static struct slice next_word(struct slice *rest) {
    struct slice word = SLICE("");
    while (rest->len > 0 && word.len == 0) slice_cut(*rest, ' ', &word, rest);
    return word;
}

/* Groups with a '.' in front have a meaning, so an unknown one is a mistake. */
static bool is_group(struct slice group) {
    bool known = slice_eq(group, SLICE(".admin")) || slice_eq(group, SLICE(".reseller_admin"));
    return known || (is_word(group, IDENTITY_NAME_MAX) && group.ptr[0] != '.');
}

struct status tempauth_user_parse(struct slice text, struct note *note,
                                  struct tempauth_user *ret_user) {
    struct tempauth_user user = {.group_count = 0};
    struct slice rest = slice_trim(text);
    struct slice who = next_word(&rest);
    bool named = slice_cut(who, ':', &user.account, &user.name) && is_id(user.account) &&
                 is_word(user.name, IDENTITY_NAME_MAX);
    if (!named) {
        return note_status(note, STATUS_INVALID, "a user is ACCOUNT:NAME KEY [GROUP…]");
    }
    user.key = next_word(&rest);
    if (user.key.len == 0 || user.key.len > TEMPAUTH_KEY_MAX) {
        return note_status(note, STATUS_INVALID, "user %.*s needs a key of at most %d bytes",
                           SLICE_FMT(slice_take(who, 80)), TEMPAUTH_KEY_MAX);
    }
    for (struct slice group = next_word(&rest); group.len > 0; group = next_word(&rest)) {
        if (!is_group(group) || user.group_count == TEMPAUTH_GROUPS_MAX) {
            return note_status(note, STATUS_INVALID,
                               "'%.*s' is no group; there are .admin, .reseller_admin, and at "
                               "most %d names",
                               SLICE_FMT(slice_take(group, 40)), TEMPAUTH_GROUPS_MAX);
        }
        user.groups[user.group_count++] = group;
    }
    *ret_user = user;
    return status_ok();
}

/* --- users as principals --- */

/* "account:name". */
static struct slice full_name(const struct tempauth_user *user, char *out) {
    struct buf buf;
    buf_init_fixed(&buf, out, FULL_NAME_MAX);
    buf_append(&buf, user->account);
    buf_append_char(&buf, ':');
    buf_append(&buf, user->name);
    CHECK(!buf.overflowed);
    return buf_slice(&buf);
}

static const struct tempauth_user *find_user(const struct tempauth *tempauth, struct slice name) {
    for (size_t i = 0; i < tempauth->options.user_count; i++) {
        char bytes[FULL_NAME_MAX];
        const struct tempauth_user *user = &tempauth->options.users[i];
        if (slice_eq(full_name(user, bytes), name)) return user;
    }
    return NULL;
}

static unsigned roles_of(const struct tempauth_user *user) {
    unsigned roles = 0;
    for (size_t i = 0; i < user->group_count; i++) {
        struct slice group = user->groups[i];
        bool reseller = slice_eq(group, SLICE(".reseller_admin"));
        if (reseller) roles |= IDENTITY_ROLE_RESELLER;
        if (reseller || slice_eq(group, SLICE(".admin"))) {
            roles |= IDENTITY_ROLE_ADMIN | IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_READER;
        }
        if (slice_eq(group, SLICE("service"))) roles |= IDENTITY_ROLE_SERVICE;
    }
    return roles;
}

static struct principal principal_of(const struct tempauth_user *user, int64_t expires_ns,
                                     struct arena *arena) {
    char bytes[FULL_NAME_MAX];
    struct slice groups[2 * TEMPAUTH_GROUPS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < user->group_count; i++) {
        if (i > 0) groups[count++] = SLICE(",");
        groups[count++] = user->groups[i];
    }
    unsigned roles = roles_of(user);
    return (struct principal){.user_id = arena_dup(arena, full_name(user, bytes)),
                              .user_name = user->name,
                              .project_id = user->account,
                              .project_name = user->account,
                              .user_domain_id = SLICE(BUILTIN_DEFAULT),
                              .user_domain_name = SLICE(BUILTIN_DEFAULT),
                              .project_domain_id = SLICE(BUILTIN_DEFAULT),
                              .project_domain_name = SLICE(BUILTIN_DEFAULT),
                              .role_names = arena_join(arena, groups, count),
                              .roles = roles,
                              .expires_ns = expires_ns,
                              .admin = (roles & IDENTITY_ROLE_RESELLER) != 0};
}

/* --- tokens --- */

/* Ties a token to the password that it was made for. */
static void proof_of(const struct tempauth_user *user, uint8_t *out) {
    uint8_t digest[DIGEST_SHA256_LEN];
    digest_sha256(user->key, digest);
    memcpy(out, digest, PROOF_LEN);
    ct_wipe(digest, sizeof digest);
}

static struct slice make_token(struct tempauth *tempauth, const struct tempauth_user *user,
                               int64_t expires_ns, struct arena *arena) {
    uint8_t plain[PLAIN_MAX];
    uint8_t sealed[SEALED_MAX];
    char text[TEMPAUTH_TOKEN_MAX];
    struct buf buf;
    char name[FULL_NAME_MAX];
    struct slice who = full_name(user, name);
    size_t len = EXPIRY_LEN + PROOF_LEN + who.len;
    memcpy(plain, &expires_ns, EXPIRY_LEN);
    proof_of(user, plain + EXPIRY_LEN);
    memcpy(plain + EXPIRY_LEN + PROOF_LEN, who.ptr, who.len);
    random_fill(tempauth->options.random, sealed, AEAD_NONCE_LEN);
    aead_seal(tempauth->token_key, sealed, SLICE(TOKEN_BINDING), slice_of(plain, len),
              sealed + AEAD_NONCE_LEN);
    buf_init_fixed(&buf, text, sizeof text);
    buf_append_str(&buf, TOKEN_PREFIX);
    hex_encode(&buf, slice_of(sealed, AEAD_NONCE_LEN + len + AEAD_TAG_LEN));
    CHECK(!buf.overflowed);
    ct_wipe(plain, sizeof plain);
    return arena_dup(arena, buf_slice(&buf));
}

static bool open_token(const struct tempauth *tempauth, struct slice token,
                       const struct tempauth_user **ret_user, int64_t *ret_expires_ns) {
    uint8_t sealed[SEALED_MAX];
    uint8_t plain[SEALED_MAX];
    uint8_t proof[PROOF_LEN];
    struct slice hex = slice_skip(token, sizeof TOKEN_PREFIX - 1);
    size_t len = hex.len / 2;
    size_t least = AEAD_NONCE_LEN + AEAD_TAG_LEN + EXPIRY_LEN + PROOF_LEN;
    if (hex.len % 2 != 0 || len < least || len > sizeof sealed) return false;
    if (!hex_decode(hex, sealed, len)) return false;
    struct status s = aead_open(tempauth->token_key, sealed, SLICE(TOKEN_BINDING),
                                slice_of(sealed + AEAD_NONCE_LEN, len - AEAD_NONCE_LEN), plain);
    if (!is_ok(s)) return false;
    memcpy(ret_expires_ns, plain, EXPIRY_LEN);
    size_t name_len = len - least;
    *ret_user = find_user(tempauth, slice_of(plain + EXPIRY_LEN + PROOF_LEN, name_len));
    if (*ret_user == NULL) return false;
    proof_of(*ret_user, proof);
    return ct_equal(proof, plain + EXPIRY_LEN, PROOF_LEN) &&
           clock_wall_ns(tempauth->options.clock) < *ret_expires_ns;
}

/* --- look-ups --- */

static struct identity *behind(struct identity *identity) {
    return CONTAINER_OF(identity, struct tempauth, identity)->options.identity;
}

static struct status key_find(struct identity *identity, struct slice access_key,
                              struct arena *arena, struct identity_key *ret_key) {
    return identity_key_find(behind(identity), access_key, arena, ret_key);
}

static struct status token_find(struct identity *identity, struct slice token, struct arena *arena,
                                struct principal *ret_principal) {
    const struct tempauth *tempauth = CONTAINER_OF(identity, struct tempauth, identity);
    const struct tempauth_user *user;
    int64_t expires_ns;
    if (!slice_starts_with(token, SLICE(TOKEN_PREFIX))) {
        return identity_token_find(behind(identity), token, arena, ret_principal);
    }
    if (!open_token(tempauth, token, &user, &expires_ns)) return status_of(STATUS_NOT_FOUND);
    *ret_principal = principal_of(user, expires_ns, arena);
    return arena_ok(arena);
}

/* The project or the user of ours that has that id. */
static bool find_entity(const struct tempauth *tempauth, bool is_user, struct slice id,
                        struct identity_entity *ret_entity) {
    const struct tempauth_user *user = is_user ? find_user(tempauth, id) : NULL;
    for (size_t i = 0; i < tempauth->options.user_count && !is_user && user == NULL; i++) {
        const struct tempauth_user *other = &tempauth->options.users[i];
        if (slice_eq(other->account, id)) user = other;
    }
    if (user == NULL) return false;
    *ret_entity = (struct identity_entity){
        .id = id, .name = is_user ? user->name : user->account, .domain_id = SLICE("default")};
    return true;
}

/* Our users are asked for last, so that the project of a name that both have is the real one. */
static struct status name_find(struct identity *identity, struct slice id, struct arena *arena,
                               struct slice *ret_name) {
    const struct tempauth *tempauth = CONTAINER_OF(identity, struct tempauth, identity);
    struct identity_entity found;
    bool ours = find_entity(tempauth, true, id, &found) || find_entity(tempauth, false, id, &found);
    struct status s = identity_name_find(behind(identity), id, arena, ret_name);
    if (!ours || is_ok(s)) return s;
    *ret_name = found.name;
    return status_ok();
}

static struct status entity_find(struct identity *identity, enum identity_kind kind,
                                 struct slice domain_id, struct slice id_or_name,
                                 struct arena *arena, struct identity_entity *ret_entity) {
    const struct tempauth *tempauth = CONTAINER_OF(identity, struct tempauth, identity);
    struct identity_entity found;
    bool ours = find_entity(tempauth, kind == IDENTITY_USER, id_or_name, &found);
    struct status s =
        identity_entity_find(behind(identity), kind, domain_id, id_or_name, arena, ret_entity);
    if (!ours || is_ok(s)) return s;
    found.id = arena_dup(arena, found.id);
    *ret_entity = found;
    return arena_ok(arena);
}

static const struct identity_ops ops = {.key_find = key_find,
                                        .name_find = name_find,
                                        .token_find = token_find,
                                        .entity_find = entity_find};

/* --- logging in --- */

/* In a time that does not tell how much of it was right. */
static bool key_is_right(const struct tempauth_user *user, struct slice key) {
    uint8_t given[DIGEST_SHA256_LEN];
    uint8_t right[DIGEST_SHA256_LEN];
    digest_sha256(key, given);
    digest_sha256(user->key, right);
    bool equal = ct_equal(given, right, sizeof given);
    ct_wipe(right, sizeof right);
    return equal;
}

static struct status log_in(struct tempauth *tempauth, const struct tempauth_user *user,
                            const struct tempauth_login *login, struct arena *arena,
                            int64_t *ret_wait_ns, struct tempauth_grant *ret_grant) {
    struct builtin *store = tempauth->options.store;
    struct slice parts[] = {SLICE("v1:"), slice_take(login->user, FULL_NAME_MAX)};
    struct slice counted = arena_join(arena, parts, ARRAY_LEN(parts));
    TRY(arena_ok(arena));
    if (!builtin_guess_begin(store, counted, login->source, ret_wait_ns)) {
        return status_of(STATUS_BUSY);
    }
    if (user == NULL || !key_is_right(user, login->key)) return status_of(STATUS_DENIED);
    builtin_guess_right(store, counted, login->source);
    int64_t expires_ns =
        clock_wall_ns(tempauth->options.clock) + tempauth->options.token_lifetime_ns;
    *ret_grant = (struct tempauth_grant){.token = make_token(tempauth, user, expires_ns, arena),
                                         .project_id = user->account,
                                         .expires_ns = expires_ns};
    return arena_ok(arena);
}

/* The project and the user of our own store; no ids where they are not there. */
static struct status find_builtin(struct builtin *store, struct slice who, struct arena *arena,
                                  struct builtin_entity *project, struct builtin_entity *user) {
    struct slice project_name, user_name;
    slice_cut(who, ':', &project_name, &user_name);
    struct status s = builtin_find(store, BUILTIN_USER, SLICE(""), user_name, arena, NULL, user);
    if (is_ok(s)) {
        s = builtin_find(store, BUILTIN_PROJECT, SLICE(""), project_name, arena, NULL, project);
    }
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static struct status log_in_builtin(struct tempauth *tempauth, const struct tempauth_login *login,
                                    struct arena *arena, int64_t *ret_wait_ns,
                                    struct tempauth_grant *ret_grant) {
    struct builtin *store = tempauth->options.store;
    struct builtin_entity project = {.id = SLICE("")};
    struct builtin_entity user = {.id = SLICE("")};
    struct builtin_bearer bearer;
    TRY(find_builtin(store, login->user, arena, &project, &user));
    /* Who is not there is checked like everybody else, so that the time does not tell. */
    struct slice claimed[] = {SLICE("?"), slice_take(login->user, FULL_NAME_MAX)};
    struct builtin_login wanted = {
        .user_id = user.id.len > 0 ? user.id : arena_join(arena, claimed, ARRAY_LEN(claimed)),
        .password = login->key,
        .source = login->source};
    TRY(builtin_login(store, &wanted, ret_wait_ns));
    if (project.id.len == 0) return status_of(STATUS_DENIED);
    struct builtin_token_wanted token = {
        .user_id = user.id,
        .project_id = project.id,
        .methods = BUILTIN_METHOD_PASSWORD,
        .expires_ns = clock_wall_ns(tempauth->options.clock) + tempauth->options.token_lifetime_ns};
    TRY(builtin_token_issue(store, &token, arena, &ret_grant->token, &bearer));
    ret_grant->project_id = bearer.project.id;
    ret_grant->expires_ns = token.expires_ns;
    return status_ok();
}

struct status tempauth_login(struct tempauth *tempauth, const struct tempauth_login *login,
                             struct arena *arena, int64_t *ret_wait_ns,
                             struct tempauth_grant *ret_grant) {
    const struct tempauth_user *user = find_user(tempauth, login->user);
    *ret_wait_ns = 0;
    if (user == NULL && tempauth->options.builtin_users) {
        return log_in_builtin(tempauth, login, arena, ret_wait_ns, ret_grant);
    }
    return log_in(tempauth, user, login, arena, ret_wait_ns, ret_grant);
}

/* --- open and close --- */

struct status tempauth_open(const struct tempauth_options *options, struct note *note,
                            struct tempauth **ret_tempauth) {
    for (size_t i = 0; i < options->user_count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct tempauth_user *a = &options->users[i];
            const struct tempauth_user *b = &options->users[j];
            bool same = slice_eq(a->account, b->account) && slice_eq(a->name, b->name);
            if (!same) continue;
            return note_status(note, STATUS_EXISTS, "user %.*s:%.*s is there twice",
                               SLICE_FMT(a->account), SLICE_FMT(a->name));
        }
    }
    struct tempauth *tempauth = calloc(1, sizeof *tempauth);
    if (tempauth == NULL) return status_of(STATUS_NO_MEMORY);
    tempauth->identity.ops = &ops;
    tempauth->options = *options;
    builtin_derive_key(options->store, SLICE("hink tempauth token key 1"), tempauth->token_key);
    *ret_tempauth = tempauth;
    return status_ok();
}

void tempauth_close(struct tempauth **tempauth) {
    if (*tempauth == NULL) return;
    ct_wipe((*tempauth)->token_key, sizeof(*tempauth)->token_key);
    free(*tempauth);
    *tempauth = NULL;
}

struct identity *tempauth_identity(struct tempauth *tempauth) {
    return &tempauth->identity;
}
