/* Reading ahead: the leaves that an apply will change, before it comes to them, many at a time. */
#include <stdlib.h>

#include "base/check.h"
#include "engine/index_inside.h"

enum { RUN_PAGES_MAX = 32, GAP_PAGES_MAX = 2, LEAVES_MAX = 512 };

/* Leaves that lie near each other in the file. */
struct ahead_run {
    size_t from; /* in the list of leaves */
    size_t to;
};

struct index_ahead {
    struct index *index;
    struct fan *fan;
    size_t count;
    struct page_ref refs[LEAVES_MAX];       /* by number, once they were sorted */
    struct cache_frame *frames[LEAVES_MAX]; /* NULL: could not be read; whoever needs it will see */
    size_t run_count;
    struct ahead_run runs[LEAVES_MAX];
};

struct index_ahead *index_ahead_new(struct index *index) {
    struct index_ahead *ahead = calloc(1, sizeof *ahead);
    CHECK(ahead);
    ahead->index = index;
    ahead->fan = fan_new(index->config.read_threads);
    return ahead;
}

void index_ahead_free(struct index_ahead **ahead) {
    if (!*ahead) return;
    index_ahead_forget(*ahead);
    fan_free(&(*ahead)->fan);
    free(*ahead);
    *ahead = NULL;
}

void index_ahead_want(struct index_ahead *ahead, struct page_ref ref) {
    if (ahead->count == LEAVES_MAX || cache_has(ahead->index->cache, ref.number)) return;
    ahead->refs[ahead->count++] = ref;
}

static int by_number(const void *a, const void *b) {
    const struct page_ref *x = a;
    const struct page_ref *y = b;
    return x->number < y->number ? -1 : x->number > y->number;
}

static void runs_find(struct index_ahead *ahead) {
    ahead->run_count = 0;
    for (size_t i = 0; i < ahead->count; i++) {
        struct ahead_run *run = ahead->run_count ? &ahead->runs[ahead->run_count - 1] : NULL;
        bool near = run && ahead->refs[i].number - ahead->refs[i - 1].number <= GAP_PAGES_MAX + 1 &&
                    ahead->refs[i].number - ahead->refs[run->from].number < RUN_PAGES_MAX;
        if (near) {
            run->to = i + 1;
        } else {
            ahead->runs[ahead->run_count++] = (struct ahead_run){i, i + 1};
        }
    }
}

/* Reads one run; pages that don't check are left for their reader to complain about. */
static void run_read(void *argument, size_t number) {
    struct index_ahead *ahead = argument;
    struct index *index = ahead->index;
    const struct ahead_run *run = &ahead->runs[number];
    uint32_t first = ahead->refs[run->from].number;
    size_t len = ((size_t)(ahead->refs[run->to - 1].number - first) + 1) * PAGE_BYTES;
    char *bytes = aligned_alloc(FS_DIRECT_ALIGN, len);
    CHECK(bytes);
    struct status s =
        fs_read(index->config.fs, index->fd, (uint64_t)first * PAGE_BYTES, bytes, len);
    for (size_t i = run->from; is_ok(s) && i < run->to; i++) {
        struct page_ref ref = ahead->refs[i];
        const char *page = bytes + (size_t)(ref.number - first) * PAGE_BYTES;
        if (!is_ok(page_check(page, index->id, ref)) || !is_ok(page_check_entries(page))) continue;
        struct cache_frame *frame = cache_take(index->cache, ref.number);
        memcpy(frame->bytes, page, PAGE_BYTES);
        frame->sum = ref.sum;
        ahead->frames[i] = frame;
    }
    free(bytes);
}

void index_ahead_read(struct index_ahead *ahead) {
    memset(ahead->frames, 0, sizeof ahead->frames);
    qsort(ahead->refs, ahead->count, sizeof ahead->refs[0], by_number);
    runs_find(ahead);
    if (ahead->run_count > 0) fan_run(ahead->fan, ahead->run_count, run_read, ahead);
}

struct cache_frame *index_ahead_take(struct index_ahead *ahead, struct page_ref ref) {
    if (ahead->count == 0) return NULL;
    const struct page_ref *found =
        bsearch(&ref, ahead->refs, ahead->count, sizeof ahead->refs[0], by_number);
    if (!found) return NULL;
    struct cache_frame *frame = ahead->frames[found - ahead->refs];
    ahead->frames[found - ahead->refs] = NULL;
    return frame;
}

void index_ahead_forget(struct index_ahead *ahead) {
    for (size_t i = 0; i < ahead->count; i++) {
        if (ahead->frames[i]) cache_unpin(ahead->index->cache, ahead->frames[i]);
        ahead->frames[i] = NULL;
    }
    ahead->count = 0;
}
