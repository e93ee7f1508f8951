/*
 * Random histories of a bucket whose versioning comes and goes, compared after each step with a
 * model that keeps every version of every key in a list.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "object/config.h"
#include "object/list.h"
#include "support/expect.h"
#include "support/objects.h"

enum { HISTORIES = 100, STEPS = 200, LISTINGS = 6, VERSIONS_MAX = 256, PAGE_MAX = 5 };

static const char *const keys[] = {"a", "a/", "a/b", "a/c/d", "b", "b/c", "\xff"};

/* A version as the model knows it. */
struct version {
    bool is_null;
    bool is_marker;
    struct object_version_id id; /* zeros where it has none */
    unsigned number;             /* its ETag, and so many bytes */
};

struct stack {
    struct version versions[VERSIONS_MAX]; /* oldest first */
    size_t count;
};

struct model {
    struct stack stacks[ARRAY_LEN(keys)];
    enum bucket_versioning versioning;
    unsigned next_number;
};

struct world {
    struct test_objects t;
    struct bucket bucket;
    struct model model;
    struct random_seeded random;
};

static unsigned below(struct world *w, unsigned n) {
    return (unsigned)random_seeded_below(&w->random, n);
}

/* ---- the model ------------------------------------------------------------------------------ */

static void stack_remove(struct stack *stack, size_t at) {
    stack->count--;
    for (size_t i = at; i < stack->count; i++) stack->versions[i] = stack->versions[i + 1];
}

static void stack_put(struct model *model, struct stack *stack, struct version version) {
    version.is_null = model->versioning != BUCKET_VERSIONING_ENABLED;
    for (size_t i = stack->count; version.is_null && i-- > 0;) {
        if (stack->versions[i].is_null) stack_remove(stack, i);
    }
    CHECK(stack->count < VERSIONS_MAX);
    stack->versions[stack->count++] = version;
}

static void stack_delete(struct model *model, struct stack *stack, struct object_version_id id) {
    if (model->versioning == BUCKET_VERSIONING_OFF) {
        stack->count = 0;
    } else {
        stack_put(model, stack, (struct version){.is_marker = true, .id = id});
    }
}

static const struct version *stack_newest(const struct stack *stack) {
    return stack->count > 0 ? &stack->versions[stack->count - 1] : NULL;
}

static struct object_version name_of(const struct version *version) {
    if (version->is_null) return (struct object_version){.kind = OBJECT_VERSION_NULL};
    return (struct object_version){OBJECT_VERSION_ID, version->id};
}

/* ---- steps ---------------------------------------------------------------------------------- */

static struct slice key_at(size_t at) {
    return slice_str(keys[at]);
}

/* Learns the id under which the version that was just made is found. */
static struct object_version_id id_of_newest(struct world *w, size_t at) {
    struct object_info info;
    struct status s = object_find(w->t.store, &w->bucket, key_at(at), &w->t.arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) {
        s = object_find_marker(w->t.store, &w->bucket, key_at(at), &w->t.arena, &info);
    }
    expect_ok(s);
    return info.version;
}

static void step_put(struct world *w, size_t at) {
    char etag[16];
    char bytes[64] = {0};
    unsigned number = ++w->model.next_number;
    snprintf(etag, sizeof etag, "%u", number);
    expect_ok(test_put(&w->t, &w->bucket, key_at(at), slice_of(bytes, number % 50), etag, NULL));
    stack_put(&w->model, &w->model.stacks[at],
              (struct version){.number = number, .id = id_of_newest(w, at)});
}

static void find_bucket(struct world *w) {
    expect_ok(bucket_find(w->t.store, TEST_REGION, TEST_PROJECT, SLICE("b"), &w->t.arena, NULL,
                          &w->bucket));
}

static void step_delete(struct world *w, size_t at) {
    /* Without versioning, to delete nothing is done without a batch, so the view must be new. */
    if (w->bucket.versioning == BUCKET_VERSIONING_OFF) find_bucket(w);
    struct stack *stack = &w->model.stacks[at];
    const struct object_deletion deletion = {.key = key_at(at)};
    const struct version *newest = stack_newest(stack);
    struct object_deleted deleted;
    expect_ok(object_delete_version(w->t.store, &w->bucket, &deletion, &deleted));
    assert_int_equal(deleted.found, newest && !newest->is_marker);
    assert_int_equal(deleted.is_marker, w->model.versioning != BUCKET_VERSIONING_OFF);
    stack_delete(&w->model, stack, deleted.version);
}

/* One of the versions; sometimes one that is not there. */
static struct object_version choose(struct world *w, const struct stack *stack, size_t *ret_at) {
    unsigned chance = below(w, 10);
    struct object_version version = {.kind = OBJECT_VERSION_NULL};
    if (chance == 0 || stack->count == 0) {
        version.kind = OBJECT_VERSION_ID;
        version.id.bytes[0] = 1;
        *ret_at = SIZE_MAX;
        return version;
    }
    *ret_at = chance < 5 ? stack->count - 1 : below(w, (unsigned)stack->count);
    return name_of(&stack->versions[*ret_at]);
}

static void step_remove(struct world *w, size_t at) {
    struct stack *stack = &w->model.stacks[at];
    size_t which;
    const struct object_deletion deletion = {.key = key_at(at),
                                             .version = choose(w, stack, &which)};
    struct object_deleted deleted;
    expect_ok(object_delete_version(w->t.store, &w->bucket, &deletion, &deleted));
    assert_int_equal(deleted.found, which != SIZE_MAX);
    if (which == SIZE_MAX) return;
    assert_int_equal(deleted.is_marker, stack->versions[which].is_marker);
    stack_remove(stack, which);
}

static void step_copy(struct world *w, size_t at) {
    static const struct object_meta meta;
    size_t from = below(w, ARRAY_LEN(keys));
    size_t which;
    struct object_version version = choose(w, &w->model.stacks[from], &which);
    struct object_info source;
    struct object_info made;
    struct status s =
        object_find_version(w->t.store, &w->bucket, key_at(from), &version, &w->t.arena, &source);
    expect_status(which == SIZE_MAX ? STATUS_NOT_FOUND : STATUS_OK, s);
    if (which == SIZE_MAX || source.delete_marker) return;
    const struct object_copy copy = {.source_bucket = &w->bucket,
                                     .source = &source,
                                     .bucket = &w->bucket,
                                     .key = key_at(at),
                                     .meta = &meta};
    unsigned number = w->model.stacks[from].versions[which].number;
    expect_ok(object_share(w->t.store, &copy, &w->t.arena, &made));
    stack_put(&w->model, &w->model.stacks[at],
              (struct version){.number = number, .id = made.version});
}

static void step_versioning(struct world *w) {
    w->model.versioning = below(w, 3) ? BUCKET_VERSIONING_ENABLED : BUCKET_VERSIONING_SUSPENDED;
    expect_ok(bucket_versioning_set(w->t.store, &w->bucket, w->model.versioning));
    /* The old view of the bucket stays in use now and then. */
    if (below(w, 4) > 0) find_bucket(w);
}

static void step(struct world *w) {
    size_t at = below(w, ARRAY_LEN(keys));
    unsigned chance = below(w, 100);
    int64_t hour_ns = INT64_C(3600) * 1000000000;
    if (chance < 40) {
        step_put(w, at);
    } else if (chance < 60) {
        step_delete(w, at);
    } else if (chance < 82) {
        step_remove(w, at);
    } else if (chance < 92) {
        step_copy(w, at);
    } else if (chance < 97) {
        step_versioning(w);
    } else {
        w->t.clock.now_ns += below(w, 2) ? hour_ns : -hour_ns;
    }
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void compare_version(struct world *w, size_t at, const struct version *version) {
    struct object_version name = name_of(version);
    struct object_info info;
    char etag[16];
    expect_ok(object_find_version(w->t.store, &w->bucket, key_at(at), &name, &w->t.arena, &info));
    snprintf(etag, sizeof etag, "%u", version->number);
    assert_int_equal(info.delete_marker, version->is_marker);
    assert_int_equal(info.null_version, version->is_null);
    if (!version->is_marker) expect_text(info.etag, etag);
}

static void compare_key(struct world *w, size_t at) {
    const struct stack *stack = &w->model.stacks[at];
    const struct version *newest = stack_newest(stack);
    struct object_info info;
    struct status s = object_find(w->t.store, &w->bucket, key_at(at), &w->t.arena, &info);
    bool found = newest && !newest->is_marker;
    expect_status(found ? STATUS_OK : STATUS_NOT_FOUND, s);
    s = object_find_marker(w->t.store, &w->bucket, key_at(at), &w->t.arena, &info);
    if (newest && newest->is_marker && w->bucket.versioning != BUCKET_VERSIONING_OFF) {
        expect_ok(s);
    }
    if (!newest || !newest->is_marker) expect_status(STATUS_NOT_FOUND, s);
    for (size_t i = 0; i < stack->count; i++) compare_version(w, at, &stack->versions[i]);
}

static void compare_usage(struct world *w) {
    struct bucket_usage usage;
    struct bucket_usage wanted = {0};
    for (size_t at = 0; at < ARRAY_LEN(keys); at++) {
        const struct stack *stack = &w->model.stacks[at];
        for (size_t i = 0; i < stack->count; i++) {
            const struct version *version = &stack->versions[i];
            bool is_current = i + 1 == stack->count && !version->is_marker;
            wanted.objects += is_current;
            wanted.versions += !is_current;
            *(is_current ? &wanted.bytes : &wanted.version_bytes) += version->number % 50;
        }
    }
    expect_ok(bucket_usage_read(w->t.store, &w->bucket, &usage));
    assert_int_equal(usage.objects, wanted.objects);
    assert_int_equal(usage.bytes, wanted.bytes);
    assert_int_equal(usage.versions, wanted.versions);
    assert_int_equal(usage.version_bytes, wanted.version_bytes);
}

/* ---- listing -------------------------------------------------------------------------------- */

/* The order of the keys in a listing is that of `keys`. */
static struct slice rolled(const struct version_list_query *query, struct slice key,
                           bool *ret_is_prefix) {
    size_t at =
        query->delimiter.len > 0 ? slice_find(key, query->delimiter, query->prefix.len) : key.len;
    *ret_is_prefix = at < key.len;
    return at < key.len ? slice_take(key, at + query->delimiter.len) : key;
}

struct shown {
    struct slice name;
    bool is_prefix;
    const struct version *version;
    bool is_latest;
};

/* All that a query without markers shows. */
static size_t model_list(const struct model *model, const struct version_list_query *query,
                         struct shown *shown) {
    size_t count = 0;
    for (size_t at = 0; at < ARRAY_LEN(keys); at++) {
        const struct stack *stack = &model->stacks[at];
        bool is_prefix;
        if (!slice_starts_with(key_at(at), query->prefix)) continue;
        struct slice name = rolled(query, key_at(at), &is_prefix);
        for (size_t i = stack->count; i-- > 0;) {
            bool again = is_prefix && count > 0 && slice_eq(shown[count - 1].name, name);
            if (again) break;
            shown[count++] =
                (struct shown){name, is_prefix, &stack->versions[i], i + 1 == stack->count};
        }
    }
    return count;
}

static void compare_entry(const struct version_list_entry *entry, const struct shown *shown) {
    char etag[16];
    expect_slice(entry->name, shown->name);
    assert_int_equal(entry->is_prefix, shown->is_prefix);
    if (entry->is_prefix) return;
    snprintf(etag, sizeof etag, "%u", shown->version->number);
    assert_int_equal(entry->is_latest, shown->is_latest);
    assert_int_equal(entry->info.delete_marker, shown->version->is_marker);
    assert_int_equal(entry->info.null_version, shown->version->is_null);
    if (!shown->version->is_marker) expect_text(entry->info.etag, etag);
}

/* Reads page after page; what they show together is what the model shows. */
static void compare_pages(struct world *w, struct version_list_query query) {
    static struct shown shown[ARRAY_LEN(keys) * VERSIONS_MAX];
    size_t count = model_list(&w->model, &query, shown);
    size_t at = 0;
    struct version_list_page page = {.truncated = true};
    while (page.truncated) {
        expect_ok(list_versions(w->t.store, &w->bucket, &query, &w->t.arena, &page));
        assert_true(page.count <= query.max);
        for (size_t i = 0; i < page.count; i++, at++) {
            assert_true(at < count);
            compare_entry(&page.entries[i], &shown[at]);
        }
        query.key_marker = page.next_key;
        query.has_id_marker = page.next_id.len > 0;
        if (query.has_id_marker) {
            assert_true(object_version_parse(page.next_id, &query.id_marker));
        }
    }
    assert_int_equal(at, count);
}

/* A page behind any version, by the name it has for clients. */
static void compare_behind(struct world *w) {
    static struct shown shown[ARRAY_LEN(keys) * VERSIONS_MAX];
    struct version_list_query query = {.max = 1};
    struct version_list_page page;
    size_t count = model_list(&w->model, &query, shown);
    if (count == 0) return;
    size_t at = below(w, (unsigned)count);
    query.key_marker = shown[at].name;
    query.has_id_marker = true;
    query.id_marker = name_of(shown[at].version);
    expect_ok(list_versions(w->t.store, &w->bucket, &query, &w->t.arena, &page));
    assert_int_equal(page.count, at + 1 < count);
    assert_int_equal(page.truncated, at + 2 < count);
    if (page.count > 0) compare_entry(&page.entries[0], &shown[at + 1]);
}

static void compare_lists(struct world *w) {
    static const char *const prefixes[] = {"", "", "a", "a/", "b", "x"};
    static const char *const delimiters[] = {"", "", "/"};
    for (int i = 0; i < LISTINGS; i++) {
        struct version_list_query query = {
            .prefix = slice_str(prefixes[below(w, ARRAY_LEN(prefixes))]),
            .delimiter = slice_str(delimiters[below(w, ARRAY_LEN(delimiters))]),
            .max = 1 + below(w, PAGE_MAX)};
        compare_pages(w, query);
        compare_behind(w);
    }
}

/* Takes everything away again: nothing is left but the bucket. */
static void take_down(struct world *w) {
    for (size_t at = 0; at < ARRAY_LEN(keys); at++) {
        struct stack *stack = &w->model.stacks[at];
        while (stack->count > 0) {
            size_t which = below(w, (unsigned)stack->count);
            const struct object_deletion deletion = {.key = key_at(at),
                                                     .version = name_of(&stack->versions[which])};
            struct object_deleted deleted;
            expect_ok(object_delete_version(w->t.store, &w->bucket, &deletion, &deleted));
            assert_true(deleted.found);
            stack_remove(stack, which);
        }
    }
    test_tidy(&w->t);
    assert_int_equal(test_count_keys(&w->t, w->bucket.incarnation, SLICE("")), 1);
}

static void test_random_histories(void **state) {
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    random_seeded_init(&w->random, 4);
    for (int i = 0; i < HISTORIES; i++) {
        test_objects_open(&w->t);
        w->model = (struct model){0};
        w->bucket = test_bucket(&w->t, "b");
        for (int j = 0; j < STEPS; j++) {
            step(w);
            for (size_t at = 0; at < ARRAY_LEN(keys); at++) compare_key(w, at);
            compare_usage(w);
            if (j % 8 == 0) compare_lists(w);
        }
        take_down(w);
        test_objects_close(&w->t);
    }
    free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_histories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
