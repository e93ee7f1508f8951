#include <stdlib.h>

#include "base/check.h"
#include "kv/driver.h"

/* A line of the batch; its bytes lie in kv_batch.bytes, which may move, so it holds offsets. */
struct batch_line {
    enum kv_entry_kind kind;
    uint32_t key_len;
    uint32_t value_len;
    uint32_t offset; /* the key, and the value behind it */
    int64_t delta;
    int64_t min;
    int64_t max;
};

struct kv_batch {
    struct batch_line *lines;
    size_t line_count;
    size_t line_cap;
    char *bytes;
    size_t bytes_len;
    size_t bytes_cap;
    size_t guard_count;
    bool overflowed;
};

/* The next capacity of a doubling array that must hold `need`. */
static size_t grown(size_t cap, size_t need, size_t first) {
    if (cap == 0) cap = first;
    while (cap < need) cap *= 2;
    return cap;
}

static void *grow(void *array, size_t count, size_t size) {
    void *moved = reallocarray(array, count, size);
    CHECK(moved);
    return moved;
}

struct kv_batch *kv_batch_new(void) {
    struct kv_batch *batch = calloc(1, sizeof *batch);
    CHECK(batch);
    return batch;
}

void kv_batch_free(struct kv_batch **batch) {
    if (!*batch) return;
    free((*batch)->lines);
    free((*batch)->bytes);
    free(*batch);
    *batch = NULL;
}

void kv_batch_clear(struct kv_batch *batch) {
    batch->line_count = 0;
    batch->bytes_len = 0;
    batch->guard_count = 0;
    batch->overflowed = false;
}

static bool fits(const struct kv_batch *batch, struct slice key, struct slice value) {
    return key.len <= KV_KEY_MAX && value.len <= KV_VALUE_MAX &&
           batch->line_count < KV_BATCH_ENTRIES_MAX &&
           batch->bytes_len + key.len + value.len <= KV_BATCH_BYTES_MAX;
}

static void reserve(struct kv_batch *batch, size_t bytes) {
    if (batch->line_count == batch->line_cap) {
        batch->line_cap = grown(batch->line_cap, batch->line_count + 1, 16);
        batch->lines = grow(batch->lines, batch->line_cap, sizeof *batch->lines);
    }
    if (batch->bytes_len + bytes > batch->bytes_cap) {
        batch->bytes_cap = grown(batch->bytes_cap, batch->bytes_len + bytes, 1024);
        batch->bytes = grow(batch->bytes, batch->bytes_cap, 1);
    }
}

static void append_bytes(struct kv_batch *batch, struct slice s) {
    if (s.len > 0) memcpy(batch->bytes + batch->bytes_len, s.ptr, s.len);
    batch->bytes_len += s.len;
}

/* Adds a line, or marks the batch as overflowed. A guard's index is counted in either case. */
static void append(struct kv_batch *batch, struct kv_entry entry) {
    CHECK(entry.key.len > 0);
    if (kv_entry_is_guard(entry.kind)) batch->guard_count++;
    if (batch->overflowed || !fits(batch, entry.key, entry.value)) {
        batch->overflowed = true;
        return;
    }
    reserve(batch, entry.key.len + entry.value.len);
    batch->lines[batch->line_count++] = (struct batch_line){
        .kind = entry.kind,
        .key_len = (uint32_t)entry.key.len,
        .value_len = (uint32_t)entry.value.len,
        .offset = (uint32_t)batch->bytes_len,
        .delta = entry.delta,
        .min = entry.min,
        .max = entry.max,
    };
    append_bytes(batch, entry.key);
    append_bytes(batch, entry.value);
}

void kv_batch_put(struct kv_batch *batch, struct slice key, struct slice value) {
    CHECK(value.len > 0);
    append(batch, (struct kv_entry){.kind = KV_ENTRY_PUT, .key = key, .value = value});
}

void kv_batch_delete(struct kv_batch *batch, struct slice key) {
    append(batch, (struct kv_entry){.kind = KV_ENTRY_DELETE, .key = key});
}

void kv_batch_add(struct kv_batch *batch, struct slice key, int64_t delta, int64_t min,
                  int64_t max) {
    append(batch, (struct kv_entry){
                      .kind = KV_ENTRY_ADD, .key = key, .delta = delta, .min = min, .max = max});
}

void kv_batch_guard_absent(struct kv_batch *batch, struct slice key) {
    append(batch, (struct kv_entry){.kind = KV_ENTRY_GUARD_ABSENT, .key = key});
}

void kv_batch_guard_present(struct kv_batch *batch, struct slice key) {
    append(batch, (struct kv_entry){.kind = KV_ENTRY_GUARD_PRESENT, .key = key});
}

void kv_batch_guard_equals(struct kv_batch *batch, struct slice key, struct slice value) {
    CHECK(value.len > 0);
    append(batch, (struct kv_entry){.kind = KV_ENTRY_GUARD_EQUALS, .key = key, .value = value});
}

size_t kv_batch_guard_count(const struct kv_batch *batch) {
    return batch->guard_count;
}

struct status kv_batch_ok(const struct kv_batch *batch) {
    return batch->overflowed ? status_of(STATUS_TOO_LARGE) : status_ok();
}

size_t kv_batch_entry_count(const struct kv_batch *batch) {
    return batch->line_count;
}

struct kv_entry kv_batch_entry(const struct kv_batch *batch, size_t index) {
    CHECK(index < batch->line_count);
    const struct batch_line *line = &batch->lines[index];
    const char *at = batch->bytes + line->offset;
    return (struct kv_entry){
        .kind = line->kind,
        .key = slice_of(at, line->key_len),
        .value = slice_of(at + line->key_len, line->value_len),
        .delta = line->delta,
        .min = line->min,
        .max = line->max,
    };
}

bool kv_entry_is_guard(enum kv_entry_kind kind) {
    return kind != KV_ENTRY_PUT && kind != KV_ENTRY_DELETE;
}

bool kv_counter_add(int64_t count, const struct kv_entry *entry, int64_t *ret_count) {
    int64_t sum;
    if (__builtin_add_overflow(count, entry->delta, &sum)) return false;
    if (sum < entry->min || sum > entry->max) return false;
    *ret_count = sum;
    return true;
}
