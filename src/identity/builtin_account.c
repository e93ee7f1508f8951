#include "identity/builtin_account.h"
#include "identity/builtin_application.h"

#include "base/check.h"

enum { WORK_ARENA_BLOCK = 16 * 1024, WORK_ARENA_LIMIT = 4 * 1024 * 1024 };

static const struct slice no_slice = {NULL, 0};

static bool is_sane_application(const Identity__ApplicationCredential *application) {
    const Identity__Password *secret = application->secret;
    return secret != NULL && secret->salt.len == PASSWORD_SALT_LEN &&
           secret->hash.len == PASSWORD_HASH_LEN &&
           builtin_id_is_valid(slice_str(application->project_id));
}

static bool is_sane(const Identity__Account *account, struct slice user_id) {
    if (account->version != BUILTIN_RECORD_VERSION) return false;
    if (!slice_eq(slice_str(account->user_id), user_id)) return false;
    if (account->n_grants > BUILTIN_GRANTS_MAX) return false;
    if (account->n_revoked > BUILTIN_REVOKED_MAX) return false;
    for (size_t i = 0; i < account->n_grants; i++) {
        if (!builtin_id_is_valid(slice_str(account->grants[i]->project_id))) return false;
    }
    for (size_t i = 0; i < account->n_revoked; i++) {
        if (account->revoked[i]->audit_id.len != BUILTIN_AUDIT_ID_LEN) return false;
    }
    if (account->n_application_credentials > BUILTIN_APPLICATIONS_MAX) return false;
    for (size_t i = 0; i < account->n_application_credentials; i++) {
        if (!is_sane_application(account->application_credentials[i])) return false;
    }
    const Identity__Password *password = account->password;
    return password == NULL ||
           (password->salt.len == PASSWORD_SALT_LEN && password->hash.len == PASSWORD_HASH_LEN);
}

static struct status make_empty(struct slice user_id, struct arena *arena,
                                Identity__Account **ret_account) {
    Identity__Account *account = ARENA_NEW(arena, Identity__Account);
    char *id = arena_cstr(arena, user_id);
    TRY(arena_ok(arena));
    *account = (Identity__Account)IDENTITY__ACCOUNT__INIT;
    account->version = BUILTIN_RECORD_VERSION;
    account->user_id = id;
    *ret_account = account;
    return status_ok();
}

struct status builtin_account_read(struct builtin *store, struct slice user_id, struct arena *arena,
                                   struct slice *ret_raw, Identity__Account **ret_account) {
    struct builtin_path path = builtin_path(BUILTIN_TABLE_ACCOUNT, user_id, no_slice);
    struct slice raw = SLICE("");
    void *decoded;
    struct status s =
        kv_get(store->kv, kv_partition_system, builtin_path_slice(&path), arena, &raw);
    if (status_is(s, STATUS_NOT_FOUND)) {
        if (ret_raw != NULL) *ret_raw = SLICE("");
        return make_empty(user_id, arena, ret_account);
    }
    TRY(s);
    TRY(builtin_record_decode(&identity__account__descriptor, raw, arena, &decoded));
    if (!is_sane(decoded, user_id)) return status_of(STATUS_CORRUPT);
    if (ret_raw != NULL) *ret_raw = raw;
    *ret_account = decoded;
    return status_ok();
}

/* Guards that the user is there and is what it is now: an account goes with its user. */
static struct status guard_user(struct builtin_account_change *change, struct arena *arena,
                                struct kv_batch *batch) {
    struct builtin_entity user;
    struct slice raw;
    struct status s = status_of(STATUS_NOT_FOUND);
    if (builtin_id_is_valid(change->user_id)) {
        s = builtin_entity_read(change->store, BUILTIN_USER, change->user_id, arena, &raw, &user);
    }
    if (!is_ok(s)) {
        return note_status(change->note, s.code, "user '%.*s': %s",
                           SLICE_FMT(slice_take(change->user_id, 80)), status_text(s.code));
    }
    struct builtin_path path =
        builtin_path(builtin_kind_row(BUILTIN_USER)->table, change->user_id, no_slice);
    kv_batch_guard_equals(batch, builtin_path_slice(&path), raw);
    return status_ok();
}

static struct status put(const Identity__Account *account, const struct builtin_path *path,
                         struct arena *arena, struct kv_batch *batch) {
    uint8_t *bytes = arena_alloc(arena, identity__account__get_packed_size(account));
    TRY(arena_ok(arena));
    size_t len = identity__account__pack(account, bytes);
    kv_batch_put(batch, builtin_path_slice(path), slice_of(bytes, len));
    return status_ok();
}

static struct status try_change(struct builtin_account_change *change, struct arena *arena,
                                struct kv_batch *batch) {
    Identity__Account *account;
    struct slice raw;
    TRY(guard_user(change, arena, batch));
    TRY(builtin_account_read(change->store, change->user_id, arena, &raw, &account));
    struct builtin_path path = builtin_path(BUILTIN_TABLE_ACCOUNT, change->user_id, no_slice);
    if (raw.len > 0) {
        kv_batch_guard_equals(batch, builtin_path_slice(&path), raw);
    } else {
        kv_batch_guard_absent(batch, builtin_path_slice(&path));
    }
    TRY(change->attempt(change, arena, account));
    TRY(put(account, &path, arena, batch));
    struct status s = builtin_commit(change->store, batch, NULL);
    if (is_ok(s)) return s;
    return note_status(change->note, s.code, "writing to the store: %s", status_text(s.code));
}

struct status builtin_account_change(struct builtin_account_change *change) {
    struct arena work;
    arena_init(&work, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    struct kv_batch *batch = kv_batch_new();
    struct status s = status_of(STATUS_CONFLICT);
    for (int i = 0; i < BUILTIN_RETRIES_MAX && status_is(s, STATUS_CONFLICT); i++) {
        arena_reset(&work);
        kv_batch_clear(batch);
        s = try_change(change, &work, batch);
    }
    kv_batch_free(&batch);
    arena_fini(&work);
    return s;
}
