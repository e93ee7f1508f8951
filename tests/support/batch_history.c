#include "support/batch_history.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "kv/mem.h"
#include "os/random.h"

static const struct kv_partition partition = {{9}};

bool batch_history_complain(struct batch_history *h, const char *what, const char *more) {
    snprintf(h->text, sizeof h->text, "seed %llu, batch %llu: %s%s%s", (unsigned long long)h->seed,
             (unsigned long long)h->asked, what, more[0] ? ": " : "", more);
    h->fault = h->text;
    return false;
}

static struct slice random_value(struct random_seeded *r, char *out) {
    size_t len = 1 + random_seeded_below(r, 200);
    if (random_seeded_below(r, 6) == 0) len = 1500 + random_seeded_below(r, 6000);
    memset(out, (int)('a' + random_seeded_below(r, 26)), len);
    return slice_of(out, len);
}

/* Batch number `number` of a history: a few puts and deletes, a counter, and the number itself. */
static void batch_make(const struct batch_history *h, uint64_t number, struct kv_batch *batch) {
    struct random_seeded r;
    random_seeded_init(&r, h->seed * 100003 + number);
    kv_batch_clear(batch);
    size_t count = 1 + random_seeded_below(&r, 6);
    if (random_seeded_below(&r, 25) == 0) count = 40;
    for (size_t i = 0; i < count; i++) {
        char key[32];
        char value[8192];
        snprintf(key, sizeof key, "key-%llu", (unsigned long long)random_seeded_below(&r, h->keys));
        if (random_seeded_below(&r, 4) == 0) {
            kv_batch_delete(batch, slice_str(key));
        } else {
            kv_batch_put(batch, slice_str(key), random_value(&r, value));
        }
    }
    kv_batch_add(batch, SLICE("sum"), (int64_t)random_seeded_below(&r, 9) - 4, INT64_MIN,
                 INT64_MAX);
    kv_batch_put(batch, SLICE("number"), slice_of(&number, sizeof number));
}

bool batch_history_go(struct batch_history *h, struct kv *kv, struct sim_fs *sim, size_t count) {
    struct kv_batch *batch = kv_batch_new();
    for (size_t i = 0; i < count && !sim_fs_is_cut(sim); i++) {
        batch_make(h, ++h->asked, batch);
        struct status s = kv_commit(kv, partition, batch, NULL);
        if (is_ok(s)) h->acked = h->asked;
        if (!is_ok(s) && !sim_fs_is_cut(sim)) {
            batch_history_complain(h, "a commit failed without a cut", status_text(s.code));
        }
        if (!is_ok(s)) break;
    }
    kv_batch_free(&batch);
    return !h->fault;
}

static bool same_contents(struct batch_history *h, struct kv *a, struct kv *b) {
    struct kv_cursor *ca;
    struct kv_cursor *cb;
    CHECK(is_ok(kv_cursor_open(a, partition, SLICE(""), &ca)));
    CHECK(is_ok(kv_cursor_open(b, partition, SLICE(""), &cb)));
    bool fa = false;
    bool fb = false;
    struct status s = kv_cursor_seek(ca, SLICE(""), &fa);
    CHECK(is_ok(kv_cursor_seek(cb, SLICE(""), &fb)));
    bool same = is_ok(s) && fa == fb;
    while (same && fa) {
        same = slice_eq(kv_cursor_key(ca), kv_cursor_key(cb)) &&
               slice_eq(kv_cursor_value(ca), kv_cursor_value(cb));
        if (same) s = kv_cursor_next(ca, &fa);
        if (same) CHECK(is_ok(kv_cursor_next(cb, &fb)));
        same = same && is_ok(s) && fa == fb;
    }
    kv_cursor_close(&ca);
    kv_cursor_close(&cb);
    return same ||
           batch_history_complain(h, "the contents differ from the history", status_text(s.code));
}

/* The number of the last batch that is there; 0 if none is. */
static bool last_number(struct batch_history *h, struct kv *kv, uint64_t *ret_number) {
    struct arena arena;
    arena_init(&arena, 256, 4096);
    struct slice value;
    struct status s = kv_get(kv, partition, SLICE("number"), &arena, &value);
    *ret_number = 0;
    if (is_ok(s)) memcpy(ret_number, value.ptr, sizeof *ret_number);
    arena_fini(&arena);
    if (is_ok(s) || status_is(s, STATUS_NOT_FOUND)) return true;
    return batch_history_complain(h, "the number can't be read", status_text(s.code));
}

bool batch_history_compare(struct batch_history *h, struct kv *kv) {
    uint64_t number;
    if (!last_number(h, kv, &number)) return false;
    if (number < h->acked) return batch_history_complain(h, "an acknowledged batch is lost", "");
    if (number > h->asked) return batch_history_complain(h, "a batch from nowhere", "");
    struct kv *twin = kv_mem_open();
    struct kv_batch *batch = kv_batch_new();
    for (uint64_t i = 1; i <= number; i++) {
        batch_make(h, i, batch);
        CHECK(is_ok(kv_commit(twin, partition, batch, NULL)));
    }
    bool same = same_contents(h, kv, twin);
    kv_batch_free(&batch);
    kv_close(&twin);
    h->asked = h->acked = number;
    return same;
}
