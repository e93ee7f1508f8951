/* Random keys and queries, compared with a listing that looks at every key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "object/list.h"
#include "object/record.h"
#include "support/store.h"

enum { BUCKETS = 60, QUERIES = 400, KEYS_MAX = 60, TEXT_MAX = 9 };

/* A short string. */
struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

static struct slice slice_of_text(const struct text *text) {
    return slice_of(text->bytes, text->len);
}

/* What is in the bucket, sorted, each once. */
struct model {
    struct text keys[KEYS_MAX];
    size_t count;
};

/* A naive page. */
struct answer {
    struct text names[KEYS_MAX];
    bool is_prefix[KEYS_MAX];
    size_t count;
    bool truncated;
};

static struct text random_text(struct random_seeded *random, size_t len_min, size_t len_max) {
    static const char alphabet[] = {'a', 'b', '/', '/', '-', '\xff', '\0', '\x01'};
    struct text text;
    text.len = len_min + random_seeded_below(random, len_max - len_min + 1);
    for (size_t i = 0; i < text.len; i++) {
        text.bytes[i] = alphabet[random_seeded_below(random, sizeof alphabet)];
    }
    return text;
}

static int compare_texts(const void *a, const void *b) {
    return slice_cmp(slice_of_text(a), slice_of_text(b));
}

static void model_fill(struct model *model, struct random_seeded *random) {
    model->count = random_seeded_below(random, KEYS_MAX + 1);
    for (size_t i = 0; i < model->count; i++) model->keys[i] = random_text(random, 1, TEXT_MAX);
    qsort(model->keys, model->count, sizeof *model->keys, compare_texts);
    size_t kept = 0;
    for (size_t i = 0; i < model->count; i++) {
        if (kept > 0 && compare_texts(&model->keys[kept - 1], &model->keys[i]) == 0) continue;
        model->keys[kept++] = model->keys[i];
    }
    model->count = kept;
}

/* The name of a key; false if the query does not want it. */
static bool name_of(const struct list_query *query, struct slice key, struct text *ret_name,
                    bool *ret_is_prefix) {
    if (!slice_starts_with(key, query->prefix) || slice_cmp(key, query->from) < 0) return false;
    if (query->until.len > 0 && slice_cmp(key, query->until) >= 0) return false;
    *ret_is_prefix = false;
    for (size_t at = query->prefix.len;
         query->delimiter.len > 0 && at + query->delimiter.len <= key.len; at++) {
        if (!slice_starts_with(slice_skip(key, at), query->delimiter)) continue;
        key = slice_take(key, at + query->delimiter.len);
        *ret_is_prefix = true;
        break;
    }
    if (query->after.len > 0 && slice_cmp(key, query->after) <= 0) return false;
    memcpy(ret_name->bytes, key.ptr, key.len);
    ret_name->len = key.len;
    return true;
}

static void model_list(const struct model *model, const struct list_query *query,
                       struct answer *answer) {
    *answer = (struct answer){0};
    for (size_t i = 0; i < model->count && query->max > 0; i++) {
        struct text name;
        bool is_prefix;
        if (!name_of(query, slice_of_text(&model->keys[i]), &name, &is_prefix)) continue;
        if (answer->count > 0 && is_prefix &&
            compare_texts(&answer->names[answer->count - 1], &name) == 0) {
            continue;
        }
        answer->truncated = answer->count == query->max;
        if (answer->truncated) return;
        answer->is_prefix[answer->count] = is_prefix;
        answer->names[answer->count++] = name;
    }
}

static struct kv_partition fill_bucket(struct kv *kv, uint8_t number, const struct model *model) {
    struct kv_partition partition = {{number}};
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    struct kv_batch *batch = kv_batch_new();
    for (size_t i = 0; i < model->count; i++) {
        struct object_info info = {.etag = SLICE("e"), .modified_ns = (int64_t)i + 1};
        struct slice record;
        CHECK(is_ok(record_encode_object(&info, &arena, &record)));
        struct key key = key_object(slice_of_text(&model->keys[i]));
        kv_batch_put(batch, key_slice(&key), record);
    }
    CHECK(is_ok(kv_commit(kv, partition, batch, NULL)));
    kv_batch_free(&batch);
    arena_fini(&arena);
    return partition;
}

static void compare(const struct list_page *page, const struct answer *answer) {
    assert_int_equal(page->count, answer->count);
    assert_int_equal(page->truncated, answer->truncated);
    for (size_t i = 0; i < page->count; i++) {
        assert_true(slice_eq(page->entries[i].name, slice_of_text(&answer->names[i])));
        assert_int_equal(page->entries[i].is_prefix, answer->is_prefix[i]);
    }
    if (page->truncated) {
        assert_true(slice_eq(page->next, page->entries[page->count - 1].name));
    }
}

/* Lists page by page and compares each; every second query begins somewhere. */
static void ask(struct object_store *store, const struct bucket *bucket, const struct model *model,
                struct random_seeded *random, struct arena *arena) {
    struct text texts[5];
    static const size_t lens[] = {2, 2, TEXT_MAX, TEXT_MAX, TEXT_MAX};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        texts[i] = random_text(random, i == 1, lens[i]);
        if (random_seeded_below(random, 2)) texts[i].len = 0;
    }
    struct list_query query = {.prefix = slice_of_text(&texts[0]),
                               .delimiter = slice_of_text(&texts[1]),
                               .after = slice_of_text(&texts[2]),
                               .from = slice_of_text(&texts[3]),
                               .until = slice_of_text(&texts[4]),
                               .max = random_seeded_below(random, 12)};
    struct list_page page = {.truncated = true};
    while (page.truncated) {
        struct answer answer;
        model_list(model, &query, &answer);
        CHECK(is_ok(list_objects(store, bucket, &query, arena, &page)));
        compare(&page, &answer);
        query.after = page.next;
    }
    arena_reset(arena);
}

static void test_random_listings(void **state) {
    (void)state;
    struct test_store under;
    test_store_open(&under, TEST_DRIVER_MEM);
    struct object_store_config config = {
        .kv = under.kv, .blob = under.blob, .clock = clock_system(), .random = random_system()};
    struct object_store *store;
    CHECK(is_ok(object_store_open(&config, NULL, &store)));
    struct random_seeded random;
    random_seeded_init(&random, 20260);
    struct arena arena;
    arena_init(&arena, 64 * 1024, 4 * 1024 * 1024);
    for (int i = 0; i < BUCKETS; i++) {
        struct model model;
        model_fill(&model, &random);
        struct bucket bucket = {.incarnation = fill_bucket(under.kv, (uint8_t)(i + 1), &model)};
        for (int j = 0; j < QUERIES; j++) ask(store, &bucket, &model, &random, &arena);
    }
    arena_fini(&arena);
    object_store_close(&store);
    test_store_close(&under);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_listings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
