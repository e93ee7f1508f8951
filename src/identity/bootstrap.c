/* Somebody who can use a new store. */
#include "crypto/ct.h"
#include "identity/builtin_store.h"

/* What is worked with on the way. */
struct bootstrap {
    struct builtin *store;
    struct arena *arena;
    struct note *note;
    struct builtin_entity domain;
    struct builtin_entity project;
    struct builtin_entity user;
    bool has_user;
};

static struct status ensure(struct bootstrap *b, enum builtin_kind kind, struct slice id,
                            struct builtin_entity *ret_entity) {
    struct slice name = SLICE(BUILTIN_DEFAULT);
    struct slice domain = kind == BUILTIN_DOMAIN ? SLICE("") : b->domain.id;
    struct status s = builtin_find(b->store, kind, domain, name, b->arena, b->note, ret_entity);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    struct builtin_entity wanted = {
        .kind = kind, .id = id, .domain_id = domain, .name = name, .enabled = true};
    return builtin_create(b->store, &wanted, b->arena, b->note, ret_entity);
}

static struct status find_admin(struct bootstrap *b) {
    struct status s = builtin_find(b->store, BUILTIN_USER, b->domain.id, SLICE(BUILTIN_ADMIN),
                                   b->arena, b->note, &b->user);
    b->has_user = is_ok(s);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static struct status has_any_user(struct bootstrap *b, bool *ret_any) {
    struct builtin_entity one;
    size_t count;
    bool more;
    TRY(builtin_list(b->store, BUILTIN_USER, SLICE(""), b->arena, &one, 1, &count, &more));
    *ret_any = count > 0;
    return status_ok();
}

/* Makes the user "admin" and its key in one batch, so that there is never a user without. */
static struct status create_both(struct bootstrap *b, const struct builtin_key *wanted,
                                 struct builtin_key *ret_key) {
    struct builtin_entity user_wanted = {.kind = BUILTIN_USER,
                                         .domain_id = b->domain.id,
                                         .name = SLICE(BUILTIN_ADMIN),
                                         .enabled = true,
                                         .admin = true};
    struct builtin_key key_wanted = *wanted;
    struct builtin_sealed_key sealed;
    struct builtin_key key;
    struct slice domain_raw;
    struct builtin_entity domain;
    TRY(builtin_entity_draft(b->store, &user_wanted, b->arena, b->note, &b->user));
    key_wanted.user_id = b->user.id;
    TRY(builtin_key_draft(b->store, &key_wanted, b->arena, b->note, &key));
    TRY(builtin_key_seal(b->store, &key, b->arena, &sealed));
    TRY(builtin_entity_read(b->store, BUILTIN_DOMAIN, b->domain.id, b->arena, &domain_raw,
                            &domain));
    struct kv_batch *batch = kv_batch_new();
    builtin_entity_add(&b->user, domain_raw, batch);
    builtin_key_add(&sealed, batch);
    struct status s = builtin_commit(b->store, batch, NULL);
    kv_batch_free(&batch);
    if (!is_ok(s)) {
        return note_status(b->note, s.code, "making the first user: %s", status_text(s.code));
    }
    *ret_key = key;
    return s;
}

static struct status create_key(struct bootstrap *b, struct slice access_key, struct slice secret,
                                struct identity_bootstrap_result *result) {
    struct builtin_key wanted = {.access_key = access_key,
                                 .secret = secret,
                                 .user_id = b->has_user ? b->user.id : SLICE(""),
                                 .project_id = b->project.id,
                                 .enabled = true};
    if (b->has_user) {
        TRY(builtin_key_create(b->store, &wanted, b->arena, b->note, &result->key));
    } else {
        TRY(create_both(b, &wanted, &result->key));
    }
    result->made_key = true;
    return status_ok();
}

/* Replaces secret and switch of a key that is there, where they are not what is asked for. */
static struct status renew_key(struct bootstrap *b, struct builtin_sealed_key *sealed,
                               struct slice raw, struct slice secret) {
    struct slice stored;
    TRY(builtin_key_unseal(b->store, sealed, b->arena, &stored));
    bool same = stored.len == secret.len && ct_equal(stored.ptr, secret.ptr, secret.len);
    if (same && sealed->key.enabled) return status_ok();
    struct builtin_key renewed = sealed->key;
    renewed.secret = secret;
    renewed.enabled = true;
    struct builtin_sealed_key resealed;
    TRY(builtin_key_seal(b->store, &renewed, b->arena, &resealed));
    struct builtin_path path =
        builtin_path(BUILTIN_TABLE_KEY, renewed.access_key, (struct slice){NULL, 0});
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_equals(batch, builtin_path_slice(&path), raw);
    builtin_key_put(&resealed, batch);
    struct status s = builtin_commit(b->store, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static struct status ensure_key(struct bootstrap *b, struct slice access_key, struct slice secret,
                                struct identity_bootstrap_result *result) {
    if (!builtin_access_key_is_valid(access_key) || !builtin_secret_is_valid(secret)) {
        return note_status(b->note, STATUS_INVALID,
                           "the first user's access key or secret key is not in the form of one");
    }
    struct builtin_sealed_key sealed;
    struct slice raw;
    struct status s = builtin_key_read(b->store, access_key, b->arena, &raw, &sealed);
    if (status_is(s, STATUS_NOT_FOUND)) return create_key(b, access_key, secret, result);
    TRY(s);
    bool ours = b->has_user && slice_eq(sealed.key.user_id, b->user.id) &&
                slice_eq(sealed.key.project_id, b->project.id);
    if (!ours) {
        return note_status(b->note, STATUS_EXISTS,
                           "access key '%.*s' belongs to another user or project",
                           SLICE_FMT(access_key));
    }
    TRY(renew_key(b, &sealed, raw, secret));
    result->key = sealed.key;
    result->key.enabled = true;
    return status_ok();
}

struct status identity_bootstrap(struct builtin *store, struct slice access_key,
                                 struct slice secret, struct arena *arena, struct note *note,
                                 struct identity_bootstrap_result *ret_result) {
    struct bootstrap b = {.store = store, .arena = arena, .note = note};
    struct identity_bootstrap_result result = {0};
    TRY(ensure(&b, BUILTIN_DOMAIN, SLICE(BUILTIN_DEFAULT), &b.domain));
    TRY(ensure(&b, BUILTIN_PROJECT, SLICE(""), &b.project));
    TRY(find_admin(&b));
    if (access_key.len > 0) {
        TRY(ensure_key(&b, access_key, secret, &result));
    } else {
        bool any;
        TRY(has_any_user(&b, &any));
        if (!any) TRY(create_key(&b, SLICE(""), SLICE(""), &result));
    }
    result.project_id = b.project.id;
    *ret_result = result;
    return status_ok();
}
