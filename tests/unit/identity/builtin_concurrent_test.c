/* Users, projects and keys changed by many at once: the books are right afterwards. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "identity/builtin_store.h"
#include "kv/mem.h"

enum { THREADS = 4, ROUNDS = 3000, OWNERS = 3, KEYS = 12 };

static struct builtin *store;

struct worker {
    pthread_t thread;
    struct random_seeded random;
    int unexpected;
};

static struct slice numbered(char *out, size_t cap, char letter, uint64_t n) {
    snprintf(out, cap, "%c%02u", letter, (unsigned)n);
    return slice_of(out, 3);
}

/* What may come of a change that others get in the way of. */
static bool is_expected(struct status s) {
    return is_ok(s) || status_is(s, STATUS_NOT_FOUND) || status_is(s, STATUS_EXISTS) ||
           status_is(s, STATUS_CONFLICT);
}

static struct status make_owner(enum builtin_kind kind, struct slice id, struct arena *arena) {
    struct builtin_entity wanted = {.kind = kind, .id = id, .name = id, .enabled = true};
    struct builtin_entity made;
    return builtin_create(store, &wanted, arena, NULL, &made);
}

static struct status make_key(struct slice access_key, struct slice user, struct slice project,
                              struct arena *arena) {
    struct builtin_key wanted = {.access_key = access_key,
                                 .secret = SLICE("0123456789"),
                                 .user_id = user,
                                 .project_id = project,
                                 .enabled = true};
    struct builtin_key made;
    return builtin_key_create(store, &wanted, arena, NULL, &made);
}

static struct status one_change(struct worker *w, struct arena *arena) {
    char user_text[8];
    char project_text[8];
    char key_text[8];
    struct slice user =
        numbered(user_text, sizeof user_text, 'u', random_seeded_below(&w->random, OWNERS));
    struct slice project =
        numbered(project_text, sizeof project_text, 'p', random_seeded_below(&w->random, OWNERS));
    struct slice key =
        numbered(key_text, sizeof key_text, 'k', random_seeded_below(&w->random, KEYS));
    struct identity_key found;
    switch (random_seeded_below(&w->random, 12)) {
        case 0:
            return builtin_delete(store, BUILTIN_USER, user, NULL);
        case 1:
            return builtin_delete(store, BUILTIN_PROJECT, project, NULL);
        case 2:
            return make_owner(BUILTIN_USER, user, arena);
        case 3:
            return make_owner(BUILTIN_PROJECT, project, arena);
        case 4:
            return builtin_set_enabled(store, BUILTIN_USER, user, true, NULL);
        case 5:
            return builtin_key_delete(store, key, NULL);
        case 6:
        case 7:
            return identity_key_find(builtin_identity(store), key, arena, &found);
        default:
            return make_key(key, user, project, arena);
    }
}

static void *work(void *argument) {
    struct worker *w = argument;
    struct arena arena;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    for (int i = 0; i < ROUNDS; i++) {
        if (!is_expected(one_change(w, &arena))) w->unexpected++;
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return NULL;
}

static int64_t count_of(struct kv *kv, char table, struct slice id, struct arena *arena) {
    struct builtin_path path = builtin_path(table, id, (struct slice){NULL, 0});
    struct slice raw;
    int64_t count = 0;
    struct status s = kv_get(kv, kv_partition_system, builtin_path_slice(&path), arena, &raw);
    if (status_is(s, STATUS_NOT_FOUND)) return 0;
    assert_true(is_ok(s));
    assert_true(is_ok(kv_counter_parse(raw, &count)));
    return count;
}

/* Every key has a user and a project, and every count is the number of keys. */
static void check_books(struct kv *kv, struct arena *arena) {
    struct builtin_key keys[KEYS];
    size_t count;
    bool more;
    int64_t of_users = 0;
    int64_t of_projects = 0;
    assert_true(
        is_ok(builtin_key_list(store, SLICE(""), SLICE(""), arena, keys, KEYS, &count, &more)));
    for (size_t i = 0; i < count; i++) {
        struct builtin_entity owner;
        assert_true(
            is_ok(builtin_entity_read(store, BUILTIN_USER, keys[i].user_id, arena, NULL, &owner)));
        assert_true(is_ok(
            builtin_entity_read(store, BUILTIN_PROJECT, keys[i].project_id, arena, NULL, &owner)));
    }
    for (uint64_t i = 0; i < OWNERS; i++) {
        char text[8];
        struct builtin_key listed[KEYS];
        size_t listed_count;
        struct slice user = numbered(text, sizeof text, 'u', i);
        assert_true(is_ok(
            builtin_key_list(store, user, SLICE(""), arena, listed, KEYS, &listed_count, &more)));
        int64_t counted = count_of(kv, BUILTIN_TABLE_USER_KEY_COUNT, user, arena);
        assert_int_equal(counted, listed_count);
        of_users += counted;
        struct slice project = numbered(text, sizeof text, 'p', i);
        of_projects += count_of(kv, BUILTIN_TABLE_PROJECT_KEY_COUNT, project, arena);
    }
    assert_int_equal(of_users, count);
    assert_int_equal(of_projects, count);
}

static void test_books_stay_right(void **state) {
    (void)state;
    struct kv *kv = kv_mem_open();
    struct key_file key = {{1}};
    struct arena arena;
    struct worker workers[THREADS] = {0};
    struct builtin_options options = {
        .kv = kv, .clock = clock_system(), .random = random_system(), .key = &key};
    arena_init(&arena, 16 * 1024, 4 * 1024 * 1024);
    assert_true(is_ok(builtin_open(&options, NULL, &store)));
    assert_true(is_ok(make_owner(BUILTIN_DOMAIN, SLICE("default"), &arena)));
    for (uint64_t i = 0; i < THREADS; i++) {
        random_seeded_init(&workers[i].random, 100 + i);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].unexpected, 0);
    }
    check_books(kv, &arena);
    builtin_close(&store);
    arena_fini(&arena);
    kv_close(&kv);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_books_stay_right)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
