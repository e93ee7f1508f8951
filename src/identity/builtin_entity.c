/* Domains, projects and users: one shape, three tables. */
#include <stdlib.h>

#include "base/check.h"
#include "identity/builtin_record.h"
#include "identity/builtin_store.h"

enum { WORK_ARENA_BLOCK = 16 * 1024, WORK_ARENA_LIMIT = 64 * 1024 * 1024 };

static const struct slice no_slice = {NULL, 0};

static struct status decode(enum builtin_kind kind, struct slice raw, struct arena *arena,
                            struct builtin_entity *ret_entity) {
    void *decoded;
    TRY(builtin_record_decode(&identity__entity__descriptor, raw, arena, &decoded));
    const Identity__Entity *message = decoded;
    if (message->version != BUILTIN_RECORD_VERSION) return status_of(STATUS_CORRUPT);
    *ret_entity = (struct builtin_entity){
        .kind = kind,
        .id = slice_str(message->id),
        .domain_id = slice_str(message->domain_id),
        .name = slice_str(message->name),
        .description = slice_str(message->description),
        .enabled = !message->disabled,
        .admin = message->admin,
        .created_ns = message->created_ns,
    };
    bool sane = builtin_id_is_valid(ret_entity->id) &&
                (kind == BUILTIN_DOMAIN || builtin_id_is_valid(ret_entity->domain_id)) &&
                ret_entity->name.len <= IDENTITY_NAME_MAX;
    return sane ? status_ok() : status_of(STATUS_CORRUPT);
}

static void put(const struct builtin_entity *entity, struct kv_batch *batch) {
    char id[IDENTITY_ID_MAX + 1];
    char domain_id[IDENTITY_ID_MAX + 1];
    char name[IDENTITY_NAME_MAX + 1];
    char description[BUILTIN_DESCRIPTION_MAX + 1];
    uint8_t bytes[BUILTIN_RECORD_BYTES_MAX];
    Identity__Entity message = IDENTITY__ENTITY__INIT;
    message.version = BUILTIN_RECORD_VERSION;
    message.id = builtin_record_text(entity->id, id, sizeof id);
    message.domain_id = builtin_record_text(entity->domain_id, domain_id, sizeof domain_id);
    message.name = builtin_record_text(entity->name, name, sizeof name);
    message.description = builtin_record_text(entity->description, description, sizeof description);
    message.disabled = !entity->enabled;
    message.admin = entity->admin;
    message.created_ns = entity->created_ns;
    CHECK(identity__entity__get_packed_size(&message) <= sizeof bytes);
    size_t len = identity__entity__pack(&message, bytes);
    struct builtin_path path =
        builtin_path(builtin_kind_row(entity->kind)->table, entity->id, no_slice);
    kv_batch_put(batch, builtin_path_slice(&path), slice_of(bytes, len));
}

/* The key that says whose the name is. */
static struct builtin_path name_path(const struct builtin_entity *entity) {
    char table = builtin_kind_row(entity->kind)->name_table;
    if (entity->kind == BUILTIN_DOMAIN) return builtin_path(table, entity->name, no_slice);
    return builtin_path(table, entity->domain_id, entity->name);
}

struct status builtin_entity_read(struct builtin *store, enum builtin_kind kind, struct slice id,
                                  struct arena *arena, struct slice *ret_raw,
                                  struct builtin_entity *ret_entity) {
    struct builtin_path path = builtin_path(builtin_kind_row(kind)->table, id, no_slice);
    struct slice raw;
    TRY(kv_get(store->kv, kv_partition_system, builtin_path_slice(&path), arena, &raw));
    TRY(decode(kind, raw, arena, ret_entity));
    if (ret_raw != NULL) *ret_raw = raw;
    return status_ok();
}

static struct status note_absent(struct note *note, enum builtin_kind kind, struct slice id) {
    return note_status(note, STATUS_NOT_FOUND, "there is no %s '%.*s'", builtin_kind_word(kind),
                       SLICE_FMT(slice_take(id, 80)));
}

static struct status read_noted(struct builtin *store, enum builtin_kind kind, struct slice id,
                                struct arena *arena, struct note *note, struct slice *ret_raw,
                                struct builtin_entity *ret_entity) {
    if (!builtin_id_is_valid(id)) return note_absent(note, kind, id);
    struct status s = builtin_entity_read(store, kind, id, arena, ret_raw, ret_entity);
    if (is_ok(s)) return s;
    if (status_is(s, STATUS_NOT_FOUND)) return note_absent(note, kind, id);
    return note_status(note, s.code, "reading %s '%.*s': %s", builtin_kind_word(kind),
                       SLICE_FMT(id), status_text(s.code));
}

static struct slice default_domain(struct slice domain_id) {
    return domain_id.len > 0 ? domain_id : SLICE(BUILTIN_DEFAULT);
}

struct status builtin_find(struct builtin *store, enum builtin_kind kind, struct slice domain_id,
                           struct slice id_or_name, struct arena *arena, struct note *note,
                           struct builtin_entity *ret_entity) {
    if (builtin_id_is_valid(id_or_name)) {
        struct status s = read_noted(store, kind, id_or_name, arena, note, NULL, ret_entity);
        if (!status_is(s, STATUS_NOT_FOUND)) return s;
    }
    struct builtin_entity named = {
        .kind = kind, .domain_id = default_domain(domain_id), .name = id_or_name};
    bool sane = builtin_text_is_valid(id_or_name, IDENTITY_NAME_MAX) && id_or_name.len > 0 &&
                builtin_id_is_valid(named.domain_id);
    if (!sane) return note_absent(note, kind, id_or_name);
    struct builtin_path path = name_path(&named);
    struct slice id;
    struct status s = kv_get(store->kv, kv_partition_system, builtin_path_slice(&path), arena, &id);
    if (status_is(s, STATUS_NOT_FOUND)) return note_absent(note, kind, id_or_name);
    if (!is_ok(s)) return note_status(note, s.code, "%s", status_text(s.code));
    return read_noted(store, kind, id, arena, note, NULL, ret_entity);
}

static struct status check_fields(const struct builtin_entity *entity, struct note *note) {
    const char *word = builtin_kind_word(entity->kind);
    if (!builtin_id_is_valid(entity->id)) {
        return note_status(note, STATUS_INVALID,
                           "the id of a %s is 1 to %d letters, digits, '.', '_' and '-'", word,
                           IDENTITY_ID_MAX);
    }
    if (entity->name.len == 0 || !builtin_text_is_valid(entity->name, IDENTITY_NAME_MAX)) {
        return note_status(note, STATUS_INVALID,
                           "the name of a %s is 1 to %d bytes of UTF-8 without control characters",
                           word, IDENTITY_NAME_MAX);
    }
    if (!builtin_text_is_valid(entity->description, BUILTIN_DESCRIPTION_MAX)) {
        return note_status(note, STATUS_INVALID,
                           "a description is at most %d bytes of UTF-8 without control characters",
                           BUILTIN_DESCRIPTION_MAX);
    }
    return status_ok();
}

/* 32 hexadecimal digits, as OpenStack has them. */
static struct slice random_id(struct builtin *store, struct arena *arena) {
    uint8_t bytes[IDENTITY_ID_MAX / 4];
    random_fill(store->random, bytes, sizeof bytes);
    char *text = arena_alloc(arena, 2 * sizeof bytes);
    if (text == NULL) return slice_of(NULL, 0);
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof bytes; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return slice_of(text, 2 * sizeof bytes);
}

struct status builtin_entity_draft(struct builtin *store, const struct builtin_entity *wanted,
                                   struct arena *arena, struct note *note,
                                   struct builtin_entity *ret_entity) {
    struct builtin_entity entity = *wanted;
    bool is_domain = wanted->kind == BUILTIN_DOMAIN;
    entity.id = wanted->id.len > 0 ? arena_dup(arena, wanted->id) : random_id(store, arena);
    entity.domain_id = is_domain ? SLICE("") : arena_dup(arena, default_domain(wanted->domain_id));
    entity.name = arena_dup(arena, wanted->name);
    entity.description = arena_dup(arena, wanted->description);
    entity.created_ns = clock_wall_ns(store->clock);
    TRY(arena_ok(arena));
    TRY(check_fields(&entity, note));
    *ret_entity = entity;
    return status_ok();
}

void builtin_entity_add(const struct builtin_entity *entity, struct slice domain_raw,
                        struct kv_batch *batch) {
    struct builtin_path id =
        builtin_path(builtin_kind_row(entity->kind)->table, entity->id, no_slice);
    struct builtin_path name = name_path(entity);
    kv_batch_guard_absent(batch, builtin_path_slice(&id));
    kv_batch_guard_absent(batch, builtin_path_slice(&name));
    put(entity, batch);
    kv_batch_put(batch, builtin_path_slice(&name), entity->id);
    if (entity->kind == BUILTIN_DOMAIN) return;
    struct builtin_path domain =
        builtin_path(builtin_kind_row(BUILTIN_DOMAIN)->table, entity->domain_id, no_slice);
    struct builtin_path members =
        builtin_path(BUILTIN_TABLE_DOMAIN_MEMBERS, entity->domain_id, no_slice);
    kv_batch_guard_equals(batch, builtin_path_slice(&domain), domain_raw);
    kv_batch_add(batch, builtin_path_slice(&members), 1, 0, INT64_MAX);
}

static struct status note_commit(struct note *note, struct status s) {
    if (is_ok(s)) return s;
    return note_status(note, s.code, "writing to the store: %s", status_text(s.code));
}

/* One attempt of builtin_create; CONFLICT where the domain changed meanwhile. */
static struct status try_create(struct builtin *store, const struct builtin_entity *entity,
                                struct arena *work, struct kv_batch *batch, struct note *note) {
    struct slice domain_raw = SLICE("");
    if (entity->kind != BUILTIN_DOMAIN) {
        struct builtin_entity domain;
        TRY(read_noted(store, BUILTIN_DOMAIN, entity->domain_id, work, note, &domain_raw, &domain));
    }
    builtin_entity_add(entity, domain_raw, batch);
    size_t failed;
    struct status s = builtin_commit(store, batch, &failed);
    if (!status_is(s, STATUS_CONFLICT)) return note_commit(note, s);
    const char *word = builtin_kind_word(entity->kind);
    if (failed == 0) {
        return note_status(note, STATUS_EXISTS, "there is a %s with the id '%.*s' already", word,
                           SLICE_FMT(entity->id));
    }
    if (failed == 1) {
        return note_status(note, STATUS_EXISTS, "there is a %s named '%.*s' already", word,
                           SLICE_FMT(slice_take(entity->name, 80)));
    }
    return s;
}

struct status builtin_create(struct builtin *store, const struct builtin_entity *wanted,
                             struct arena *arena, struct note *note,
                             struct builtin_entity *ret_entity) {
    struct builtin_entity entity;
    TRY(builtin_entity_draft(store, wanted, arena, note, &entity));
    struct arena work;
    arena_init(&work, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    struct kv_batch *batch = kv_batch_new();
    struct status s = status_of(STATUS_CONFLICT);
    for (int i = 0; i < BUILTIN_RETRIES_MAX && status_is(s, STATUS_CONFLICT); i++) {
        arena_reset(&work);
        kv_batch_clear(batch);
        s = try_create(store, &entity, &work, batch, note);
    }
    kv_batch_free(&batch);
    arena_fini(&work);
    if (is_ok(s)) *ret_entity = entity;
    return s;
}

/* Reads what lies under the cursor's keys into `entities`. */
static struct status sweep(struct kv_cursor *cursor, enum builtin_kind kind, struct slice after,
                           struct arena *arena, struct builtin_entity *entities, size_t cap,
                           size_t *ret_count, bool *ret_more) {
    bool found;
    size_t count = 0;
    TRY(kv_cursor_seek(cursor, after, &found));
    if (found && slice_eq(kv_cursor_key(cursor), after)) TRY(kv_cursor_next(cursor, &found));
    while (found && count < cap) {
        TRY(decode(kind, kv_cursor_value(cursor), arena, &entities[count]));
        count++;
        TRY(kv_cursor_next(cursor, &found));
    }
    *ret_count = count;
    *ret_more = found;
    return status_ok();
}

struct status builtin_list(struct builtin *store, enum builtin_kind kind, struct slice after,
                           struct arena *arena, struct builtin_entity *entities, size_t cap,
                           size_t *ret_count, bool *ret_more) {
    if (after.len > IDENTITY_ID_MAX) return status_of(STATUS_INVALID);
    char table = builtin_kind_row(kind)->table;
    struct builtin_path prefix = builtin_path(table, SLICE(""), no_slice);
    struct builtin_path from = builtin_path(table, after, no_slice);
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(store->kv, kv_partition_system, builtin_path_slice(&prefix), &cursor));
    struct status s = sweep(cursor, kind, builtin_path_slice(&from), arena, entities,
                            cap < BUILTIN_LIST_MAX ? cap : BUILTIN_LIST_MAX, ret_count, ret_more);
    kv_cursor_close(&cursor);
    return s;
}

/* What an attempt at changing one entity is given. */
struct change {
    struct builtin *store;
    enum builtin_kind kind;
    struct slice id;
    bool enabled; /* of set_enabled */
    struct arena *work;
    struct kv_batch *batch;
    struct note *note;
    bool overtaken; /* what was read does not fit together: somebody changes it meanwhile */
};

/* Repeats `attempt` and its commit while somebody else comes in between. */
static struct status change_entity(struct change *change,
                                   struct status (*attempt)(struct change *change)) {
    struct arena work;
    arena_init(&work, WORK_ARENA_BLOCK, WORK_ARENA_LIMIT);
    change->work = &work;
    change->batch = kv_batch_new();
    struct status s = status_ok();
    bool again = true;
    for (int i = 0; i < BUILTIN_RETRIES_MAX && again; i++) {
        arena_reset(&work);
        kv_batch_clear(change->batch);
        change->overtaken = false;
        s = attempt(change);
        again = is_ok(s) && change->overtaken;
        if (!is_ok(s) || again) continue;
        s = builtin_commit(change->store, change->batch, NULL);
        again = status_is(s, STATUS_CONFLICT);
        s = note_commit(change->note, s);
    }
    kv_batch_free(&change->batch);
    arena_fini(&work);
    return is_ok(s) && again ? note_commit(change->note, status_of(STATUS_BUSY)) : s;
}

static struct status attempt_set_enabled(struct change *c) {
    struct builtin_entity entity;
    struct slice raw;
    TRY(read_noted(c->store, c->kind, c->id, c->work, c->note, &raw, &entity));
    struct builtin_path path = builtin_path(builtin_kind_row(c->kind)->table, c->id, no_slice);
    kv_batch_guard_equals(c->batch, builtin_path_slice(&path), raw);
    entity.enabled = c->enabled;
    put(&entity, c->batch);
    return status_ok();
}

struct status builtin_set_enabled(struct builtin *store, enum builtin_kind kind, struct slice id,
                                  bool enabled, struct note *note) {
    struct change change = {
        .store = store, .kind = kind, .id = id, .enabled = enabled, .note = note};
    return change_entity(&change, attempt_set_enabled);
}

/* Guards that the counter of `path` is what it is now, and says what that is. */
static struct status guard_count(struct change *c, const struct builtin_path *path,
                                 int64_t *ret_count) {
    struct slice raw;
    *ret_count = 0;
    struct slice key = builtin_path_slice(path);
    struct status s = kv_get(c->store->kv, kv_partition_system, key, c->work, &raw);
    if (status_is(s, STATUS_NOT_FOUND)) {
        kv_batch_guard_absent(c->batch, key);
        return status_ok();
    }
    TRY(s);
    TRY(kv_counter_parse(raw, ret_count));
    kv_batch_guard_equals(c->batch, key, raw);
    kv_batch_delete(c->batch, key);
    return status_ok();
}

/* The access keys that hang on the entity that is to be deleted, to take others' counts down. */
struct hanging {
    struct slice *others; /* the user of each key of a project, the project of each of a user */
    size_t count;
    size_t cap;
};

static struct status remove_key(struct change *c, struct slice access_key,
                                struct hanging *hanging) {
    struct builtin_sealed_key sealed;
    struct slice raw;
    struct status s = builtin_key_read(c->store, access_key, c->work, &raw, &sealed);
    if (!is_ok(s)) {
        c->overtaken = status_is(s, STATUS_NOT_FOUND);
        return c->overtaken ? status_ok() : s;
    }
    struct slice owner = c->kind == BUILTIN_USER ? sealed.key.user_id : sealed.key.project_id;
    /* Deleted since the index was read, and made anew for somebody else. */
    if (!slice_eq(owner, c->id) || hanging->count == hanging->cap) {
        c->overtaken = true;
        return status_ok();
    }
    struct builtin_path path = builtin_path(BUILTIN_TABLE_KEY, access_key, no_slice);
    struct builtin_path by_user =
        builtin_path(BUILTIN_TABLE_USER_KEY, sealed.key.user_id, access_key);
    struct builtin_path by_project =
        builtin_path(BUILTIN_TABLE_PROJECT_KEY, sealed.key.project_id, access_key);
    kv_batch_guard_equals(c->batch, builtin_path_slice(&path), raw);
    kv_batch_delete(c->batch, builtin_path_slice(&path));
    kv_batch_delete(c->batch, builtin_path_slice(&by_user));
    kv_batch_delete(c->batch, builtin_path_slice(&by_project));
    hanging->others[hanging->count++] =
        c->kind == BUILTIN_USER ? sealed.key.project_id : sealed.key.user_id;
    return status_ok();
}

static int compare_slices(const void *a, const void *b) {
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Takes the count of each other owner down by the keys it loses: one addition for each of them. */
static void lower_counts(struct change *c, struct hanging *hanging) {
    enum builtin_kind other = c->kind == BUILTIN_USER ? BUILTIN_PROJECT : BUILTIN_USER;
    if (hanging->count == 0) return;
    qsort(hanging->others, hanging->count, sizeof hanging->others[0], compare_slices);
    size_t begin = 0;
    for (size_t i = 1; i <= hanging->count; i++) {
        bool same = i < hanging->count && slice_eq(hanging->others[i], hanging->others[begin]);
        if (same) continue;
        struct builtin_path path =
            builtin_path(builtin_kind_row(other)->count_table, hanging->others[begin], no_slice);
        kv_batch_add(c->batch, builtin_path_slice(&path), -(int64_t)(i - begin), 0, INT64_MAX);
        begin = i;
    }
}

static struct status sweep_keys(struct change *c, struct kv_cursor *cursor, struct slice prefix,
                                struct hanging *hanging) {
    bool found;
    TRY(kv_cursor_seek(cursor, prefix, &found));
    while (found && !c->overtaken) {
        struct slice access_key = slice_skip(kv_cursor_key(cursor), prefix.len);
        if (!builtin_access_key_is_valid(access_key)) return status_of(STATUS_CORRUPT);
        TRY(remove_key(c, arena_dup(c->work, access_key), hanging));
        TRY(arena_ok(c->work));
        TRY(kv_cursor_next(cursor, &found));
    }
    return status_ok();
}

static struct status remove_keys(struct change *c, int64_t count) {
    struct hanging hanging = {.cap = (size_t)count};
    hanging.others = arena_calloc(c->work, hanging.cap, sizeof hanging.others[0]);
    TRY(arena_ok(c->work));
    char table = builtin_kind_row(c->kind)->key_index_table;
    struct builtin_path prefix = builtin_path(table, c->id, SLICE(""));
    struct kv_cursor *cursor;
    TRY(kv_cursor_open(c->store->kv, kv_partition_system, builtin_path_slice(&prefix), &cursor));
    struct status s = sweep_keys(c, cursor, builtin_path_slice(&prefix), &hanging);
    kv_cursor_close(&cursor);
    TRY(s);
    /* I3: with every key met guarded by its bytes, an equal count leaves none that was not met. */
    if (hanging.count != hanging.cap) c->overtaken = true;
    lower_counts(c, &hanging);
    return status_ok();
}

static struct status attempt_delete(struct change *c) {
    const struct builtin_kind_row *row = builtin_kind_row(c->kind);
    struct builtin_entity entity;
    struct slice raw;
    int64_t count;
    TRY(read_noted(c->store, c->kind, c->id, c->work, c->note, &raw, &entity));
    struct builtin_path path = builtin_path(row->table, c->id, no_slice);
    struct builtin_path name = name_path(&entity);
    struct builtin_path counter = builtin_path(row->count_table, c->id, no_slice);
    kv_batch_guard_equals(c->batch, builtin_path_slice(&path), raw);
    kv_batch_delete(c->batch, builtin_path_slice(&path));
    kv_batch_delete(c->batch, builtin_path_slice(&name));
    TRY(guard_count(c, &counter, &count));
    if (c->kind == BUILTIN_DOMAIN) {
        if (count == 0) return status_ok();
        return note_status(c->note, STATUS_CONFLICT,
                           "domain '%.*s' still has %lld projects and users", SLICE_FMT(c->id),
                           (long long)count);
    }
    struct builtin_path members =
        builtin_path(BUILTIN_TABLE_DOMAIN_MEMBERS, entity.domain_id, no_slice);
    kv_batch_add(c->batch, builtin_path_slice(&members), -1, 0, INT64_MAX);
    if (c->kind == BUILTIN_USER) {
        /* Whoever changes an account guards on the record of its user. */
        struct builtin_path account = builtin_path(BUILTIN_TABLE_ACCOUNT, c->id, no_slice);
        kv_batch_delete(c->batch, builtin_path_slice(&account));
    }
    struct status s = remove_keys(c, count);
    return is_ok(s) ? s : note_commit(c->note, s);
}

struct status builtin_delete(struct builtin *store, enum builtin_kind kind, struct slice id,
                             struct note *note) {
    struct change change = {.store = store, .kind = kind, .id = id, .note = note};
    return change_entity(&change, attempt_delete);
}
