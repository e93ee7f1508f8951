#include "object/roll.h"

#include "base/check.h"

enum { SCRATCH_BLOCK = 2048, SCRATCH_MAX = 16 * 1024 };

/* Keys are not longer, so that one which is at or behind `s` is behind its beginning, too. */
static struct slice clip(struct slice s) {
    return slice_take(s, OBJECT_KEY_MAX);
}

/* Makes `key` the least above all that begin with it; false where there is none. */
static bool key_raise(struct key *key) {
    while (key->len > 0 && (unsigned char)key->bytes[key->len - 1] == 0xff) key->len--;
    if (key->len == 0) return false;
    key->bytes[key->len - 1] = (char)((unsigned char)key->bytes[key->len - 1] + 1);
    return true;
}

static struct key object_behind(struct slice object_key) {
    struct key key = key_object(clip(object_key));
    CHECK(key.len < sizeof key.bytes);
    key.bytes[key.len++] = 0;
    return key;
}

static struct key object_at(struct slice object_key) {
    return object_key.len > OBJECT_KEY_MAX ? object_behind(object_key) : key_object(object_key);
}

static struct status object_parse(struct slice kv_key, struct arena *scratch,
                                  struct slice *ret_key) {
    (void)scratch;
    *ret_key = key_object_parse(kv_key);
    return status_ok();
}

static struct key upload_behind(struct slice object_key) {
    struct key key = key_uploads_of(clip(object_key));
    CHECK(key_raise(&key));
    return key;
}

static struct key upload_at(struct slice object_key) {
    return object_key.len > OBJECT_KEY_MAX ? upload_behind(object_key) : key_uploads_of(object_key);
}

static struct status upload_parse(struct slice kv_key, struct arena *scratch,
                                  struct slice *ret_key) {
    struct key_id id;
    arena_reset(scratch);
    return key_upload_parse(kv_key, scratch, ret_key, &id);
}

static struct key version_behind(struct slice object_key) {
    struct key key = key_versions_of(clip(object_key));
    CHECK(key_raise(&key));
    return key;
}

static struct key version_at(struct slice object_key) {
    if (object_key.len > OBJECT_KEY_MAX) return version_behind(object_key);
    return key_versions_of(object_key);
}

static struct status version_parse(struct slice kv_key, struct arena *scratch,
                                   struct slice *ret_key) {
    struct object_version_id id;
    arena_reset(scratch);
    return key_version_parse(kv_key, scratch, ret_key, &id);
}

static struct key head_behind(struct slice object_key) {
    struct key key = key_head(clip(object_key));
    CHECK(key.len < sizeof key.bytes);
    key.bytes[key.len++] = 0;
    return key;
}

static struct key head_at(struct slice object_key) {
    return object_key.len > OBJECT_KEY_MAX ? head_behind(object_key) : key_head(object_key);
}

static struct status head_parse(struct slice kv_key, struct arena *scratch, struct slice *ret_key) {
    (void)scratch;
    *ret_key = slice_skip(kv_key, 1);
    return status_ok();
}

const struct roll_table roll_objects = {object_at, object_behind, key_object, object_parse};
const struct roll_table roll_heads = {head_at, head_behind, key_head, head_parse};
const struct roll_table roll_uploads = {upload_at, upload_behind, key_uploads_with_prefix,
                                        upload_parse};
const struct roll_table roll_versions = {version_at, version_behind, key_versions_with_prefix,
                                         version_parse};

struct slice roll_common(const struct roll_range *range, struct slice key) {
    if (range->delimiter.len == 0 || !slice_starts_with(key, range->prefix)) return SLICE("");
    size_t at = slice_find(key, range->delimiter, range->prefix.len);
    return at == key.len ? SLICE("") : slice_take(key, at + range->delimiter.len);
}

/* Where the names behind the common prefix `common` begin; false: there are none. */
static bool behind_common(const struct roll_table *table, struct slice common,
                          struct key *ret_start) {
    char above[OBJECT_KEY_MAX];
    common = clip(common);
    while (common.len > 0 && (unsigned char)common.ptr[common.len - 1] == 0xff) common.len--;
    if (common.len == 0) return false;
    memcpy(above, common.ptr, common.len);
    above[common.len - 1] = (char)((unsigned char)above[common.len - 1] + 1);
    *ret_start = table->at(slice_of(above, common.len));
    return true;
}

void roll_start(struct roll_range *range, struct slice from, struct slice after) {
    const struct roll_table *table = range->table;
    range->nothing = range->prefix.len > OBJECT_KEY_MAX;
    range->start = table->at(range->prefix);
    struct key other = table->at(from);
    if (slice_cmp(key_slice(&other), key_slice(&range->start)) > 0) range->start = other;
    if (after.len == 0) return;
    struct slice common = roll_common(range, after);
    other = table->behind(after);
    if (common.len > 0) range->nothing |= !behind_common(table, common, &other);
    if (slice_cmp(key_slice(&other), key_slice(&range->start)) > 0) range->start = other;
}

struct status roll_open(struct roll *roll, struct kv *kv, struct kv_partition partition,
                        const struct roll_range *range) {
    *roll = (struct roll){.range = *range, .ended = range->nothing};
    arena_init(&roll->scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    struct key beginning = range->table->beginning(clip(range->prefix));
    return kv_cursor_open(kv, partition, key_slice(&beginning), &roll->cursor);
}

/* Moves the cursor to where the next name begins. */
static struct status move(struct roll *roll, bool *ret_found) {
    *ret_found = false;
    if (roll->ended) return status_ok();
    if (!roll->begun) {
        roll->begun = true;
        return kv_cursor_seek(roll->cursor, key_slice(&roll->range.start), ret_found);
    }
    if (!roll->is_prefix) return kv_cursor_next(roll->cursor, ret_found);
    struct key target;
    if (!behind_common(roll->range.table, roll->name, &target)) return status_ok();
    return kv_cursor_seek(roll->cursor, key_slice(&target), ret_found);
}

struct status roll_next(struct roll *roll, bool *ret_found) {
    const struct roll_range *range = &roll->range;
    bool found;
    TRY(move(roll, &found));
    struct slice key = {0};
    if (found) TRY(range->table->parse(kv_cursor_key(roll->cursor), &roll->scratch, &key));
    if (found && !slice_starts_with(key, range->prefix)) found = false;
    if (found && range->until.len > 0 && slice_cmp(key, range->until) >= 0) found = false;
    *ret_found = found;
    roll->ended = !found;
    if (!found) return status_ok();
    struct slice common = roll_common(range, key);
    roll->is_prefix = common.len > 0;
    roll->name = roll->is_prefix ? common : key;
    return status_ok();
}

struct status roll_seek(struct roll *roll, const struct key *start, bool *ret_found) {
    roll->begun = false;
    roll->ended = roll->range.nothing;
    roll->range.start = *start;
    return roll_next(roll, ret_found);
}

struct slice roll_kv_key(const struct roll *roll) {
    return kv_cursor_key(roll->cursor);
}

struct slice roll_kv_value(const struct roll *roll) {
    return kv_cursor_value(roll->cursor);
}

void roll_close(struct roll *roll) {
    kv_cursor_close(&roll->cursor);
    arena_fini(&roll->scratch);
}
