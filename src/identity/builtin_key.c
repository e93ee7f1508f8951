/* Access keys: records, indexes by user and by project, counts of both. */
#include "base/check.h"
#include "identity/builtin_record.h"
#include "identity/builtin_store.h"

enum { WORK_ARENA_BLOCK = 16 * 1024, WORK_ARENA_LIMIT = 256 * 1024 };

static const struct slice no_slice = {NULL, 0};

struct status builtin_key_decode(struct slice raw, struct arena *arena,
                                 struct builtin_sealed_key *ret_key) {
    void *decoded;
    TRY(builtin_record_decode(&identity__access_key__descriptor, raw, arena, &decoded));
    const Identity__AccessKey *message = decoded;
    if (message->version != BUILTIN_RECORD_VERSION) return status_of(STATUS_CORRUPT);
    *ret_key = (struct builtin_sealed_key){
        .key = {.access_key = slice_str(message->access_key),
                .user_id = slice_str(message->user_id),
                .project_id = slice_str(message->project_id),
                .description = slice_str(message->description),
                .enabled = !message->disabled,
                .needs_role = message->needs_role,
                .created_ns = message->created_ns},
        .nonce = slice_of(message->nonce.data, message->nonce.len),
        .sealed_secret = slice_of(message->sealed_secret.data, message->sealed_secret.len),
    };
    bool sane = builtin_access_key_is_valid(ret_key->key.access_key) &&
                builtin_id_is_valid(ret_key->key.user_id) &&
                builtin_id_is_valid(ret_key->key.project_id);
    return sane ? status_ok() : status_of(STATUS_CORRUPT);
}

void builtin_key_put(const struct builtin_sealed_key *sealed, struct kv_batch *batch) {
    const struct builtin_key *key = &sealed->key;
    char access_key[IDENTITY_ACCESS_KEY_MAX + 1];
    char user_id[IDENTITY_ID_MAX + 1];
    char project_id[IDENTITY_ID_MAX + 1];
    char description[BUILTIN_DESCRIPTION_MAX + 1];
    uint8_t nonce[BUILTIN_NONCE_LEN];
    uint8_t secret[IDENTITY_SECRET_KEY_MAX + BUILTIN_TAG_LEN];
    uint8_t bytes[BUILTIN_RECORD_BYTES_MAX];
    CHECK(sealed->nonce.len == sizeof nonce && sealed->sealed_secret.len <= sizeof secret);
    memcpy(nonce, sealed->nonce.ptr, sizeof nonce);
    memcpy(secret, sealed->sealed_secret.ptr, sealed->sealed_secret.len);
    Identity__AccessKey message = IDENTITY__ACCESS_KEY__INIT;
    message.version = BUILTIN_RECORD_VERSION;
    message.access_key = builtin_record_text(key->access_key, access_key, sizeof access_key);
    message.user_id = builtin_record_text(key->user_id, user_id, sizeof user_id);
    message.project_id = builtin_record_text(key->project_id, project_id, sizeof project_id);
    message.description = builtin_record_text(key->description, description, sizeof description);
    message.disabled = !key->enabled;
    message.needs_role = key->needs_role;
    message.created_ns = key->created_ns;
    message.nonce = (ProtobufCBinaryData){sizeof nonce, nonce};
    message.sealed_secret = (ProtobufCBinaryData){sealed->sealed_secret.len, secret};
    CHECK(identity__access_key__get_packed_size(&message) <= sizeof bytes);
    size_t len = identity__access_key__pack(&message, bytes);
    struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY, key->access_key, no_slice);
    kv_batch_put(batch, builtin_path_slice(&path), slice_of(bytes, len));
}

struct status builtin_key_read(struct builtin *store, struct slice access_key, struct arena *arena,
                               struct slice *ret_raw, struct builtin_sealed_key *ret_key) {
    struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY, access_key, no_slice);
    struct slice raw;
    TRY(kv_get(store->kv, kv_partition_system, builtin_path_slice(&path), arena, &raw));
    TRY(builtin_key_decode(raw, arena, ret_key));
    if (ret_raw != NULL) *ret_raw = raw;
    return status_ok();
}

static struct status read_noted(struct builtin *store, struct slice access_key, struct arena *arena,
                                struct note *note, struct slice *ret_raw,
                                struct builtin_sealed_key *ret_key) {
    struct status s = status_of(STATUS_NOT_FOUND);
    if (builtin_access_key_is_valid(access_key)) {
        s = builtin_key_read(store, access_key, arena, ret_raw, ret_key);
    }
    if (is_ok(s)) return s;
    if (status_is(s, STATUS_NOT_FOUND)) {
        return note_status(note, s.code, "there is no access key '%.*s'",
                           SLICE_FMT(slice_take(access_key, 80)));
    }
    return note_status(note, s.code, "reading access key '%.*s': %s", SLICE_FMT(access_key),
                       status_text(s.code));
}

/* `len` characters of an alphabet of at most 64, each as likely as any other. */
static struct slice random_text(struct builtin *store, struct arena *arena, const char *alphabet,
                                size_t len) {
    size_t letters = strlen(alphabet);
    char *text = arena_alloc(arena, len);
    for (size_t i = 0; text != NULL && i < len;) {
        uint8_t byte;
        random_fill(store->random, &byte, 1);
        if ((byte & 63) < letters) text[i++] = alphabet[byte & 63];
    }
    return slice_of(text, text ? len : 0);
}

/* Letters and digits only: a secret with / or + in it breaks under careless quoting. */
static struct slice random_secret(struct builtin *store, struct arena *arena) {
    return random_text(store, arena,
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                       BUILTIN_SECRET_KEY_LEN);
}

static struct slice random_access_key(struct builtin *store, struct arena *arena) {
    struct slice parts[] = {
        SLICE("HINK"),
        random_text(store, arena, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", BUILTIN_ACCESS_KEY_LEN - 4)};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

static struct status check_fields(const struct builtin_key *key, struct note *note) {
    if (!builtin_access_key_is_valid(key->access_key)) {
        return note_status(note, STATUS_INVALID,
                           "an access key is %d to %d letters, digits, '.', '_' and '-'",
                           IDENTITY_ACCESS_KEY_MIN, IDENTITY_ACCESS_KEY_MAX);
    }
    if (!builtin_secret_is_valid(key->secret)) {
        return note_status(note, STATUS_INVALID,
                           "a secret key is %d to %d printable ASCII characters without blanks",
                           IDENTITY_SECRET_KEY_MIN, IDENTITY_SECRET_KEY_MAX);
    }
    if (!builtin_text_is_valid(key->description, BUILTIN_DESCRIPTION_MAX)) {
        return note_status(note, STATUS_INVALID,
                           "a description is at most %d bytes of UTF-8 without control characters",
                           BUILTIN_DESCRIPTION_MAX);
    }
    return status_ok();
}

struct status builtin_key_draft(struct builtin *store, const struct builtin_key *wanted,
                                struct arena *arena, struct note *note,
                                struct builtin_key *ret_key) {
    struct builtin_key key = {
        .access_key = wanted->access_key.len > 0 ? arena_dup(arena, wanted->access_key)
                                                 : random_access_key(store, arena),
        .secret =
            wanted->secret.len > 0 ? arena_dup(arena, wanted->secret) : random_secret(store, arena),
        .user_id = arena_dup(arena, wanted->user_id),
        .project_id = arena_dup(arena, wanted->project_id),
        .description = arena_dup(arena, wanted->description),
        .enabled = wanted->enabled,
        .needs_role = wanted->needs_role,
        .created_ns = clock_wall_ns(store->clock),
    };
    TRY(arena_ok(arena));
    TRY(check_fields(&key, note));
    *ret_key = key;
    return status_ok();
}

void builtin_key_add(const struct builtin_sealed_key *sealed, struct kv_batch *batch) {
    const struct builtin_key *key = &sealed->key;
    struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY, key->access_key, no_slice);
    struct builtin_path by_user =
        builtin_path(BUILTIN_TABLE_USER_KEY, key->user_id, key->access_key);
    struct builtin_path by_project =
        builtin_path(BUILTIN_TABLE_PROJECT_KEY, key->project_id, key->access_key);
    struct builtin_path of_user =
        builtin_path(BUILTIN_TABLE_USER_KEY_COUNT, key->user_id, no_slice);
    struct builtin_path of_project =
        builtin_path(BUILTIN_TABLE_PROJECT_KEY_COUNT, key->project_id, no_slice);
    kv_batch_guard_absent(batch, builtin_path_slice(&path));
    builtin_key_put(sealed, batch);
    /* kv holds no empty value. */
    kv_batch_put(batch, builtin_path_slice(&by_user), SLICE("1"));
    kv_batch_put(batch, builtin_path_slice(&by_project), SLICE("1"));
    kv_batch_add(batch, builtin_path_slice(&of_user), 1, 0, BUILTIN_KEYS_PER_USER_MAX);
    kv_batch_add(batch, builtin_path_slice(&of_project), 1, 0, BUILTIN_KEYS_PER_PROJECT_MAX);
}

/* Guards that the user or project is there and is what it is now. */
static struct status guard_owner(struct builtin *store, enum builtin_kind kind, struct slice id,
                                 struct arena *work, struct note *note, struct kv_batch *batch) {
    struct builtin_entity entity;
    struct slice raw;
    struct status s = status_of(STATUS_NOT_FOUND);
    if (builtin_id_is_valid(id)) s = builtin_entity_read(store, kind, id, work, &raw, &entity);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return note_status(note, s.code, "there is no %s '%.*s'", builtin_kind_word(kind),
                           SLICE_FMT(slice_take(id, 80)));
    }
    TRY(s);
    struct builtin_path path = builtin_path(builtin_kind_row(kind)->table, id, no_slice);
    kv_batch_guard_equals(batch, builtin_path_slice(&path), raw);
    return status_ok();
}

static struct status note_conflict(struct note *note, const struct builtin_key *key,
                                   size_t failed) {
    switch (failed) {
        case 0:
            return note_status(note, STATUS_EXISTS, "there is an access key '%.*s' already",
                               SLICE_FMT(key->access_key));
        case 1:
            return note_status(note, STATUS_TOO_LARGE, "the user has %d access keys already",
                               BUILTIN_KEYS_PER_USER_MAX);
        case 2:
            return note_status(note, STATUS_TOO_LARGE, "the project has %d access keys already",
                               BUILTIN_KEYS_PER_PROJECT_MAX);
        default:
            return status_of(STATUS_CONFLICT); /* user or project changed: once more */
    }
}

static struct status note_commit(struct note *note, struct status s) {
    if (is_ok(s)) return s;
    return note_status(note, s.code, "writing to the store: %s", status_text(s.code));
}

static struct status try_create(struct builtin *store, const struct builtin_sealed_key *sealed,
                                struct arena *work, struct kv_batch *batch, struct note *note) {
    builtin_key_add(sealed, batch);
    TRY(guard_owner(store, BUILTIN_USER, sealed->key.user_id, work, note, batch));
    TRY(guard_owner(store, BUILTIN_PROJECT, sealed->key.project_id, work, note, batch));
    size_t failed;
    struct status s = builtin_commit(store, batch, &failed);
    if (status_is(s, STATUS_CONFLICT)) return note_conflict(note, &sealed->key, failed);
    return note_commit(note, s);
}

struct status builtin_key_create(struct builtin *store, const struct builtin_key *wanted,
                                 struct arena *arena, struct note *note,
                                 struct builtin_key *ret_key) {
    struct builtin_sealed_key sealed;
    struct builtin_key key;
    bool ids = builtin_id_is_valid(wanted->user_id) && builtin_id_is_valid(wanted->project_id);
    if (!ids) return note_status(note, STATUS_NOT_FOUND, "there is no such user or project");
    TRY(builtin_key_draft(store, wanted, arena, note, &key));
    TRY(builtin_key_seal(store, &key, arena, &sealed));
    struct arena work;
    arena_init(&work, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    struct kv_batch *batch = kv_batch_new();
    struct status s = status_of(STATUS_CONFLICT);
    for (int i = 0; i < BUILTIN_RETRIES_MAX && status_is(s, STATUS_CONFLICT); i++) {
        arena_reset(&work);
        kv_batch_clear(batch);
        s = try_create(store, &sealed, &work, batch, note);
    }
    kv_batch_free(&batch);
    arena_fini(&work);
    if (is_ok(s)) *ret_key = key;
    return s;
}

struct status builtin_key_get(struct builtin *store, struct slice access_key, struct arena *arena,
                              struct note *note, struct builtin_key *ret_key) {
    struct builtin_sealed_key sealed;
    TRY(read_noted(store, access_key, arena, note, NULL, &sealed));
    *ret_key = sealed.key;
    return status_ok();
}

struct status builtin_key_reveal(struct builtin *store, struct slice access_key,
                                 struct arena *arena, struct note *note,
                                 struct builtin_key *ret_key) {
    struct builtin_sealed_key sealed;
    TRY(read_noted(store, access_key, arena, note, NULL, &sealed));
    TRY(builtin_key_unseal(store, &sealed, arena, &sealed.key.secret));
    *ret_key = sealed.key;
    return status_ok();
}

/* The access key that the cursor's entry is about: of its record, or of the index of a user. */
static struct status entry_key(struct builtin *store, const struct kv_cursor *cursor,
                               size_t prefix_len, bool indexed, struct arena *arena,
                               struct builtin_sealed_key *ret_key) {
    if (!indexed) return builtin_key_decode(kv_cursor_value(cursor), arena, ret_key);
    struct slice access_key = slice_skip(kv_cursor_key(cursor), prefix_len);
    if (!builtin_access_key_is_valid(access_key)) return status_of(STATUS_CORRUPT);
    return builtin_key_read(store, access_key, arena, NULL, ret_key);
}

/* Where a listing runs: the table of keys, or the index of one user. */
struct range {
    struct builtin_path prefix;
    struct builtin_path from;
    bool indexed;
};

static struct status sweep(struct builtin *store, struct kv_cursor *cursor,
                           const struct range *range, struct arena *arena, struct builtin_key *keys,
                           size_t cap, size_t *ret_count, bool *ret_more) {
    bool found;
    size_t count = 0;
    struct slice from = builtin_path_slice(&range->from);
    TRY(kv_cursor_seek(cursor, from, &found));
    if (found && slice_eq(kv_cursor_key(cursor), from)) TRY(kv_cursor_next(cursor, &found));
    while (found && count < cap) {
        struct builtin_sealed_key sealed;
        struct status s =
            entry_key(store, cursor, range->prefix.len, range->indexed, arena, &sealed);
        /* Deleted since the cursor met its index entry. */
        if (is_ok(s)) keys[count++] = sealed.key;
        if (!is_ok(s) && !status_is(s, STATUS_NOT_FOUND)) return s;
        TRY(kv_cursor_next(cursor, &found));
    }
    *ret_count = count;
    *ret_more = found;
    return status_ok();
}

struct status builtin_key_list(struct builtin *store, struct slice user_id, struct slice after,
                               struct arena *arena, struct builtin_key *keys, size_t cap,
                               size_t *ret_count, bool *ret_more) {
    if (after.len > IDENTITY_ACCESS_KEY_MAX || user_id.len > IDENTITY_ID_MAX) {
        return status_of(STATUS_INVALID);
    }
    struct range range = {.indexed = user_id.len > 0};
    struct slice nothing = SLICE("");
    if (range.indexed) {
        range.prefix = builtin_path(BUILTIN_TABLE_USER_KEY, user_id, nothing);
        range.from = builtin_path(BUILTIN_TABLE_USER_KEY, user_id, after.ptr ? after : nothing);
    } else {
        range.prefix = builtin_path(BUILTIN_TABLE_KEY, nothing, no_slice);
        range.from = builtin_path(BUILTIN_TABLE_KEY, after, no_slice);
    }
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->kv, kv_partition_system, builtin_path_slice(&range.prefix), &cursor));
    struct status s = sweep(store, cursor, &range, arena, keys,
                            cap < BUILTIN_LIST_MAX ? cap : BUILTIN_LIST_MAX, ret_count, ret_more);
    kv_cursor_close(&cursor);
    return s;
}

/* What an attempt at changing one access key is given. */
struct change {
    struct builtin *store;
    struct builtin_sealed_key *sealed; /* as it is now */
    struct kv_batch *batch;
    bool enabled; /* of set_enabled */
};

static void attempt_set_enabled(struct change *c) {
    c->sealed->key.enabled = c->enabled;
    builtin_key_put(c->sealed, c->batch);
}

static void attempt_delete(struct change *c) {
    const struct builtin_key *key = &c->sealed->key;
    struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY, key->access_key, no_slice);
    struct builtin_path by_user =
        builtin_path(BUILTIN_TABLE_USER_KEY, key->user_id, key->access_key);
    struct builtin_path by_project =
        builtin_path(BUILTIN_TABLE_PROJECT_KEY, key->project_id, key->access_key);
    struct builtin_path of_user =
        builtin_path(BUILTIN_TABLE_USER_KEY_COUNT, key->user_id, no_slice);
    struct builtin_path of_project =
        builtin_path(BUILTIN_TABLE_PROJECT_KEY_COUNT, key->project_id, no_slice);
    kv_batch_delete(c->batch, builtin_path_slice(&path));
    kv_batch_delete(c->batch, builtin_path_slice(&by_user));
    kv_batch_delete(c->batch, builtin_path_slice(&by_project));
    kv_batch_add(c->batch, builtin_path_slice(&of_user), -1, 0, INT64_MAX);
    kv_batch_add(c->batch, builtin_path_slice(&of_project), -1, 0, INT64_MAX);
}

/* Repeats `attempt` and its commit while somebody else comes in between. */
static struct status change_key(struct change *change, struct slice access_key, struct note *note,
                                void (*attempt)(struct change *change)) {
    struct arena work;
    arena_init(&work, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    change->batch = kv_batch_new();
    struct status s = status_of(STATUS_CONFLICT);
    for (int i = 0; i < BUILTIN_RETRIES_MAX && status_is(s, STATUS_CONFLICT); i++) {
        arena_reset(&work);
        kv_batch_clear(change->batch);
        struct builtin_sealed_key sealed;
        struct slice raw;
        s = read_noted(change->store, access_key, &work, note, &raw, &sealed);
        if (!is_ok(s)) break;
        struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY, access_key, no_slice);
        kv_batch_guard_equals(change->batch, builtin_path_slice(&path), raw);
        change->sealed = &sealed;
        attempt(change);
        s = note_commit(note, builtin_commit(change->store, change->batch, NULL));
    }
    kv_batch_free(&change->batch);
    arena_fini(&work);
    return s;
}

struct status builtin_key_set_enabled(struct builtin *store, struct slice access_key, bool enabled,
                                      struct note *note) {
    struct change change = {.store = store, .enabled = enabled};
    return change_key(&change, access_key, note, attempt_set_enabled);
}

struct status builtin_key_delete(struct builtin *store, struct slice access_key,
                                 struct note *note) {
    struct change change = {.store = store};
    return change_key(&change, access_key, note, attempt_delete);
}
