/* Domains, projects, users and access keys: made, found, changed, deleted, and never in clear. */
#include "identity/builtin.h"

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

struct fixture {
    struct kv *kv;
    struct clock_manual clock;
    struct random_seeded random;
    struct key_file key;
    struct builtin *store;
    struct arena arena;
    struct note note;
};

static struct builtin_options options_of(struct fixture *f) {
    return (struct builtin_options){
        .kv = f->kv, .clock = &f->clock.clock, .random = &f->random.random, .key = &f->key};
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->kv = kv_mem_open();
    clock_manual_init(&f->clock, 1000 * INT64_C(1000000000));
    random_seeded_init(&f->random, 7);
    memset(f->key.bytes, 0x5a, sizeof f->key.bytes);
    arena_init(&f->arena, 64 * 1024, 64 * 1024 * 1024);
    struct builtin_options options = options_of(f);
    if (!is_ok(builtin_open(&options, &f->note, &f->store))) return -1;
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    builtin_close(&f->store);
    arena_fini(&f->arena);
    kv_close(&f->kv);
    free(f);
    return 0;
}

static struct builtin_entity create(struct fixture *f, enum builtin_kind kind, const char *name,
                                    const char *id) {
    struct builtin_entity wanted = {
        .kind = kind, .name = slice_str(name), .id = slice_str(id), .enabled = true};
    struct builtin_entity made;
    struct status s = builtin_create(f->store, &wanted, &f->arena, &f->note, &made);
    if (!is_ok(s)) print_error("%s\n", f->note.text);
    assert_true(is_ok(s));
    return made;
}

static struct builtin_key create_key(struct fixture *f, const char *user_id, const char *project_id,
                                     const char *access_key) {
    struct builtin_key wanted = {.user_id = slice_str(user_id),
                                 .project_id = slice_str(project_id),
                                 .access_key = slice_str(access_key),
                                 .enabled = true};
    if (access_key != NULL) wanted.secret = SLICE("secret-of-mine");
    struct builtin_key made;
    struct status s = builtin_key_create(f->store, &wanted, &f->arena, &f->note, &made);
    if (!is_ok(s)) print_error("%s\n", f->note.text);
    assert_true(is_ok(s));
    return made;
}

/* A domain "default", user "u" (id u1), project "p" (id p1). */
static void populate(struct fixture *f) {
    create(f, BUILTIN_DOMAIN, "default", "default");
    create(f, BUILTIN_USER, "u", "u1");
    create(f, BUILTIN_PROJECT, "p", "p1");
}

static struct status look_up(struct fixture *f, const char *access_key,
                             struct identity_key *ret_key) {
    return identity_key_find(builtin_identity(f->store), slice_str(access_key), &f->arena, ret_key);
}

static bool works(struct fixture *f, const char *access_key) {
    struct identity_key key;
    struct status s = look_up(f, access_key, &key);
    if (!is_ok(s)) assert_true(status_is(s, STATUS_NOT_FOUND));
    return is_ok(s);
}

static int64_t counter(struct fixture *f, char table, const char *id) {
    struct builtin_path path = builtin_path(table, slice_str(id), (struct slice){NULL, 0});
    struct slice raw;
    int64_t count = 0;
    struct status s =
        kv_get(f->kv, kv_partition_system, builtin_path_slice(&path), &f->arena, &raw);
    if (is_ok(s)) assert_true(is_ok(kv_counter_parse(raw, &count)));
    return count;
}

/* How many keys of kv begin with 'i' and `table`. */
static int entries(struct fixture *f, char table) {
    struct builtin_path prefix = builtin_path(table, SLICE(""), (struct slice){NULL, 0});
    struct kv_cursor *cursor;
    bool found;
    int count = 0;
    assert_true(
        is_ok(kv_cursor_open(f->kv, kv_partition_system, builtin_path_slice(&prefix), &cursor)));
    assert_true(is_ok(kv_cursor_seek(cursor, builtin_path_slice(&prefix), &found)));
    while (found) {
        count++;
        assert_true(is_ok(kv_cursor_next(cursor, &found)));
    }
    kv_cursor_close(&cursor);
    return count;
}

static void test_create_and_find(void **state) {
    struct fixture *f = *state;
    struct builtin_entity e;
    populate(f);
    struct builtin_entity made = create(f, BUILTIN_USER, "Åsa Öberg", NULL);
    assert_int_equal(made.id.len, 32);
    assert_true(slice_eq(made.domain_id, SLICE("default")));
    assert_int_equal(made.created_ns, f->clock.now_ns);
    assert_true(is_ok(builtin_find(f->store, BUILTIN_USER, SLICE(""), SLICE("Åsa Öberg"), &f->arena,
                                   &f->note, &e)));
    assert_true(slice_eq(e.id, made.id));
    assert_true(
        is_ok(builtin_find(f->store, BUILTIN_USER, SLICE(""), made.id, &f->arena, &f->note, &e)));
    assert_true(slice_eq(e.name, SLICE("Åsa Öberg")));
    assert_true(e.enabled);
    assert_false(e.admin);
    assert_true(status_is(
        builtin_find(f->store, BUILTIN_USER, SLICE(""), SLICE("nobody"), &f->arena, &f->note, &e),
        STATUS_NOT_FOUND));
    assert_string_equal(f->note.text, "there is no user 'nobody'");
    assert_true(status_is(
        builtin_find(f->store, BUILTIN_PROJECT, SLICE(""), made.id, &f->arena, &f->note, &e),
        STATUS_NOT_FOUND));
}

static void test_names_and_ids_are_unique(void **state) {
    struct fixture *f = *state;
    struct builtin_entity made;
    populate(f);
    struct builtin_entity wanted = {.kind = BUILTIN_USER, .name = SLICE("u"), .enabled = true};
    assert_true(
        status_is(builtin_create(f->store, &wanted, &f->arena, &f->note, &made), STATUS_EXISTS));
    assert_string_equal(f->note.text, "there is a user named 'u' already");
    wanted.name = SLICE("other");
    wanted.id = SLICE("u1");
    assert_true(
        status_is(builtin_create(f->store, &wanted, &f->arena, &f->note, &made), STATUS_EXISTS));
    assert_string_equal(f->note.text, "there is a user with the id 'u1' already");
    /* The same name in another domain is somebody else. */
    create(f, BUILTIN_DOMAIN, "second", "d2");
    wanted = (struct builtin_entity){
        .kind = BUILTIN_USER, .name = SLICE("u"), .domain_id = SLICE("d2"), .enabled = true};
    assert_true(is_ok(builtin_create(f->store, &wanted, &f->arena, &f->note, &made)));
    wanted.domain_id = SLICE("d3");
    assert_true(
        status_is(builtin_create(f->store, &wanted, &f->arena, &f->note, &made), STATUS_NOT_FOUND));
    assert_string_equal(f->note.text, "there is no domain 'd3'");
}

static void test_fields_are_checked(void **state) {
    struct fixture *f = *state;
    struct builtin_entity made;
    populate(f);
    char longer[300];
    memset(longer, 'x', sizeof longer);
    const struct slice bad_names[] = {SLICE(""), SLICE("a\nb"), SLICE("\xff"), SLICE("a\0b"),
                                      slice_of(longer, 256)};
    for (size_t i = 0; i < ARRAY_LEN(bad_names); i++) {
        struct builtin_entity wanted = {.kind = BUILTIN_PROJECT, .name = bad_names[i]};
        assert_true(status_is(builtin_create(f->store, &wanted, &f->arena, &f->note, &made),
                              STATUS_INVALID));
    }
    const struct slice bad_ids[] = {SLICE("a b"), SLICE("a/b"), slice_of(longer, 65), SLICE("ä")};
    for (size_t i = 0; i < ARRAY_LEN(bad_ids); i++) {
        struct builtin_entity wanted = {
            .kind = BUILTIN_PROJECT, .name = SLICE("n"), .id = bad_ids[i]};
        assert_true(status_is(builtin_create(f->store, &wanted, &f->arena, &f->note, &made),
                              STATUS_INVALID));
    }
    const struct slice bad_keys[] = {SLICE("ab"), SLICE("with/slash"), SLICE("with blank"),
                                     slice_of(longer, 129)};
    for (size_t i = 0; i < ARRAY_LEN(bad_keys); i++) {
        struct builtin_key wanted = {.user_id = SLICE("u1"),
                                     .project_id = SLICE("p1"),
                                     .access_key = bad_keys[i],
                                     .secret = SLICE("long-enough")};
        struct builtin_key key;
        assert_true(status_is(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &key),
                              STATUS_INVALID));
    }
    const struct slice bad_secrets[] = {SLICE("short"), SLICE("with blank!"), SLICE("tab\there"),
                                        slice_of(longer, 257)};
    for (size_t i = 0; i < ARRAY_LEN(bad_secrets); i++) {
        struct builtin_key wanted = {.user_id = SLICE("u1"),
                                     .project_id = SLICE("p1"),
                                     .access_key = SLICE("good"),
                                     .secret = bad_secrets[i]};
        struct builtin_key key;
        assert_true(status_is(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &key),
                              STATUS_INVALID));
        assert_null(strstr(f->note.text, "short"));
    }
}

static void test_lists_by_pages(void **state) {
    struct fixture *f = *state;
    struct builtin_entity page[3];
    size_t count;
    bool more;
    populate(f);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        create(f, BUILTIN_PROJECT, name, name);
    }
    assert_true(is_ok(
        builtin_list(f->store, BUILTIN_PROJECT, SLICE(""), &f->arena, page, 3, &count, &more)));
    assert_int_equal(count, 3);
    assert_true(more);
    assert_true(slice_eq(page[2].id, SLICE("n2")));
    assert_true(is_ok(
        builtin_list(f->store, BUILTIN_PROJECT, page[2].id, &f->arena, page, 3, &count, &more)));
    assert_int_equal(count, 2);
    assert_false(more);
    assert_true(slice_eq(page[0].id, SLICE("n3")));
    assert_true(slice_eq(page[1].id, SLICE("p1")));
}

static void test_key_is_found_with_its_owner(void **state) {
    struct fixture *f = *state;
    struct identity_key found;
    populate(f);
    struct builtin_key made = create_key(f, "u1", "p1", NULL);
    assert_int_equal(made.access_key.len, BUILTIN_ACCESS_KEY_LEN);
    assert_int_equal(made.secret.len, BUILTIN_SECRET_KEY_LEN);
    assert_true(
        is_ok(identity_key_find(builtin_identity(f->store), made.access_key, &f->arena, &found)));
    assert_true(slice_eq(found.secret, made.secret));
    assert_true(slice_eq(found.principal.user_id, SLICE("u1")));
    assert_true(slice_eq(found.principal.user_name, SLICE("u")));
    assert_true(slice_eq(found.principal.project_id, SLICE("p1")));
    assert_true(slice_eq(found.principal.project_name, SLICE("p")));
    assert_true(slice_eq(found.principal.access_key, made.access_key));
    assert_false(found.principal.anonymous);
    assert_false(found.principal.admin);
    assert_false(works(f, "nosuchkey"));
    assert_false(works(f, ""));
    assert_false(works(f, "a/b"));
}

static void test_imported_key_and_its_reading(void **state) {
    struct fixture *f = *state;
    struct builtin_key key;
    populate(f);
    create_key(f, "u1", "p1", "IMPORTED");
    struct identity_key found;
    assert_true(is_ok(look_up(f, "IMPORTED", &found)));
    assert_true(slice_eq(found.secret, SLICE("secret-of-mine")));
    assert_true(is_ok(builtin_key_get(f->store, SLICE("IMPORTED"), &f->arena, &f->note, &key)));
    assert_int_equal(key.secret.len, 0);
    assert_true(slice_eq(key.user_id, SLICE("u1")));
    struct builtin_key wanted = {.user_id = SLICE("u1"),
                                 .project_id = SLICE("p1"),
                                 .access_key = SLICE("IMPORTED"),
                                 .secret = SLICE("something-else")};
    assert_true(
        status_is(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &key), STATUS_EXISTS));
    wanted.access_key = SLICE("OTHER");
    wanted.user_id = SLICE("u2");
    assert_true(status_is(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &key),
                          STATUS_NOT_FOUND));
    assert_string_equal(f->note.text, "there is no user 'u2'");
    assert_false(works(f, "OTHER"));
}

static void test_switches_work_at_once(void **state) {
    struct fixture *f = *state;
    populate(f);
    create_key(f, "u1", "p1", "KEY");
    assert_true(works(f, "KEY"));
    const struct {
        enum builtin_kind kind;
        const char *id;
    } owners[] = {{BUILTIN_USER, "u1"}, {BUILTIN_PROJECT, "p1"}, {BUILTIN_DOMAIN, "default"}};
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        struct slice id = slice_str(owners[i].id);
        assert_true(is_ok(builtin_set_enabled(f->store, owners[i].kind, id, false, &f->note)));
        assert_false(works(f, "KEY"));
        assert_true(is_ok(builtin_set_enabled(f->store, owners[i].kind, id, true, &f->note)));
        assert_true(works(f, "KEY"));
    }
    assert_true(is_ok(builtin_key_set_enabled(f->store, SLICE("KEY"), false, &f->note)));
    assert_false(works(f, "KEY"));
    assert_true(is_ok(builtin_key_set_enabled(f->store, SLICE("KEY"), true, &f->note)));
    assert_true(works(f, "KEY"));
    assert_true(status_is(builtin_set_enabled(f->store, BUILTIN_USER, SLICE("u2"), true, &f->note),
                          STATUS_NOT_FOUND));
    assert_true(status_is(builtin_key_set_enabled(f->store, SLICE("KEY2"), true, &f->note),
                          STATUS_NOT_FOUND));
}

static void test_deleting_a_user_takes_its_keys(void **state) {
    struct fixture *f = *state;
    populate(f);
    create(f, BUILTIN_USER, "v", "v1");
    create(f, BUILTIN_PROJECT, "q", "q1");
    create_key(f, "u1", "p1", "UP1");
    create_key(f, "u1", "p1", "UP2");
    create_key(f, "u1", "q1", "UQ1");
    create_key(f, "v1", "p1", "VP1");
    assert_int_equal(counter(f, BUILTIN_TABLE_PROJECT_KEY_COUNT, "p1"), 3);
    assert_true(works(f, "UP1") && works(f, "VP1"));
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_USER, SLICE("u1"), &f->note)));
    assert_false(works(f, "UP1"));
    assert_false(works(f, "UP2"));
    assert_false(works(f, "UQ1"));
    assert_true(works(f, "VP1"));
    assert_int_equal(counter(f, BUILTIN_TABLE_PROJECT_KEY_COUNT, "p1"), 1);
    assert_int_equal(counter(f, BUILTIN_TABLE_PROJECT_KEY_COUNT, "q1"), 0);
    assert_int_equal(counter(f, BUILTIN_TABLE_DOMAIN_MEMBERS, "default"), 3);
    assert_int_equal(entries(f, BUILTIN_TABLE_KEY), 1);
    assert_int_equal(entries(f, BUILTIN_TABLE_USER_KEY), 1);
    assert_int_equal(entries(f, BUILTIN_TABLE_PROJECT_KEY), 1);
    /* The name and the id are free again, and nothing of the old one comes back. */
    create(f, BUILTIN_USER, "u", "u1");
    assert_false(works(f, "UP1"));
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_PROJECT, SLICE("p1"), &f->note)));
    assert_false(works(f, "VP1"));
    assert_int_equal(counter(f, BUILTIN_TABLE_USER_KEY_COUNT, "v1"), 0);
    assert_int_equal(entries(f, BUILTIN_TABLE_KEY), 0);
}

static void test_deleting_the_rest(void **state) {
    struct fixture *f = *state;
    populate(f);
    create_key(f, "u1", "p1", "KEY");
    assert_true(works(f, "KEY"));
    assert_true(is_ok(builtin_key_delete(f->store, SLICE("KEY"), &f->note)));
    assert_false(works(f, "KEY"));
    assert_true(status_is(builtin_key_delete(f->store, SLICE("KEY"), &f->note), STATUS_NOT_FOUND));
    assert_int_equal(counter(f, BUILTIN_TABLE_USER_KEY_COUNT, "u1"), 0);
    assert_true(status_is(builtin_delete(f->store, BUILTIN_DOMAIN, SLICE("default"), &f->note),
                          STATUS_CONFLICT));
    assert_string_equal(f->note.text, "domain 'default' still has 2 projects and users");
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_USER, SLICE("u1"), &f->note)));
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_PROJECT, SLICE("p1"), &f->note)));
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_DOMAIN, SLICE("default"), &f->note)));
    assert_true(status_is(builtin_delete(f->store, BUILTIN_DOMAIN, SLICE("default"), &f->note),
                          STATUS_NOT_FOUND));
}

static void test_keys_are_listed_by_user(void **state) {
    struct fixture *f = *state;
    struct builtin_key keys[4];
    size_t count;
    bool more;
    populate(f);
    create(f, BUILTIN_USER, "v", "v1");
    create_key(f, "u1", "p1", "AAA");
    create_key(f, "v1", "p1", "BBB");
    create_key(f, "u1", "p1", "CCC");
    assert_true(is_ok(
        builtin_key_list(f->store, SLICE("u1"), SLICE(""), &f->arena, keys, 1, &count, &more)));
    assert_true(count == 1 && more && slice_eq(keys[0].access_key, SLICE("AAA")));
    assert_true(is_ok(
        builtin_key_list(f->store, SLICE("u1"), SLICE("AAA"), &f->arena, keys, 4, &count, &more)));
    assert_true(count == 1 && !more && slice_eq(keys[0].access_key, SLICE("CCC")));
    assert_true(is_ok(
        builtin_key_list(f->store, SLICE(""), SLICE("AAA"), &f->arena, keys, 4, &count, &more)));
    assert_true(count == 2 && !more && slice_eq(keys[0].access_key, SLICE("BBB")));
    assert_int_equal(keys[0].secret.len, 0);
}

static void test_keys_of_a_user_are_bounded(void **state) {
    struct fixture *f = *state;
    populate(f);
    for (int i = 0; i < BUILTIN_KEYS_PER_USER_MAX; i++) {
        create_key(f, "u1", "p1", NULL);
        arena_reset(&f->arena);
    }
    struct builtin_key wanted = {.user_id = SLICE("u1"), .project_id = SLICE("p1")};
    struct builtin_key made;
    assert_true(status_is(builtin_key_create(f->store, &wanted, &f->arena, &f->note, &made),
                          STATUS_TOO_LARGE));
    assert_string_equal(f->note.text, "the user has 1000 access keys already");
    assert_true(is_ok(builtin_delete(f->store, BUILTIN_USER, SLICE("u1"), &f->note)));
    assert_int_equal(entries(f, BUILTIN_TABLE_KEY), 0);
    assert_int_equal(counter(f, BUILTIN_TABLE_PROJECT_KEY_COUNT, "p1"), 0);
}

static bool contains(struct slice where, struct slice what) {
    return memmem(where.ptr, where.len, what.ptr, what.len) != NULL;
}

static void test_no_secret_lies_in_the_store(void **state) {
    struct fixture *f = *state;
    struct kv_cursor *cursor;
    bool found;
    int seen = 0;
    populate(f);
    struct builtin_key made = create_key(f, "u1", "p1", NULL);
    create_key(f, "u1", "p1", "IMPORTED");
    assert_true(is_ok(kv_cursor_open(f->kv, kv_partition_system, SLICE(""), &cursor)));
    assert_true(is_ok(kv_cursor_seek(cursor, SLICE("a"), &found)));
    for (; found; seen++) {
        struct slice value = kv_cursor_value(cursor);
        assert_false(contains(value, made.secret));
        assert_false(contains(value, SLICE("secret-of-mine")));
        assert_false(contains(value, slice_of(f->key.bytes, sizeof f->key.bytes)));
        assert_false(contains(kv_cursor_key(cursor), made.secret));
        assert_true(is_ok(kv_cursor_next(cursor, &found)));
    }
    assert_true(seen > 10);
    kv_cursor_close(&cursor);
}

static void test_another_key_file_is_refused(void **state) {
    struct fixture *f = *state;
    populate(f);
    builtin_close(&f->store);
    struct builtin_options options = options_of(f);
    f->key.bytes[31] ^= 1;
    assert_true(status_is(builtin_open(&options, &f->note, &f->store), STATUS_DENIED));
    assert_string_equal(f->note.text,
                        "the key file is not the one that this store was set up with");
    f->key.bytes[31] ^= 1;
    assert_true(is_ok(builtin_open(&options, &f->note, &f->store)));
}

static void test_a_moved_secret_does_not_open(void **state) {
    struct fixture *f = *state;
    struct slice raw;
    struct builtin_sealed_key sealed;
    struct slice secret;
    populate(f);
    create(f, BUILTIN_PROJECT, "q", "q1");
    create_key(f, "u1", "p1", "KEY");
    assert_true(is_ok(builtin_key_read(f->store, SLICE("KEY"), &f->arena, &raw, &sealed)));
    assert_true(is_ok(builtin_key_unseal(f->store, &sealed, &f->arena, &secret)));
    sealed.key.project_id = SLICE("q1");
    assert_true(
        status_is(builtin_key_unseal(f->store, &sealed, &f->arena, &secret), STATUS_CORRUPT));
    sealed.key.project_id = SLICE("p1");
    sealed.sealed_secret.len--;
    assert_true(
        status_is(builtin_key_unseal(f->store, &sealed, &f->arena, &secret), STATUS_CORRUPT));
    sealed.sealed_secret.len = 3;
    assert_true(
        status_is(builtin_key_unseal(f->store, &sealed, &f->arena, &secret), STATUS_CORRUPT));
}

static void test_damaged_records_are_errors(void **state) {
    struct fixture *f = *state;
    populate(f);
    create_key(f, "u1", "p1", "KEY");
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, SLICE("ikKEY"), SLICE("\xff\xff\xff"));
    kv_batch_put(batch, SLICE("iuu1"), SLICE("\x08\x63")); /* version 99 */
    assert_true(is_ok(kv_commit(f->kv, kv_partition_system, batch, NULL)));
    kv_batch_free(&batch);
    struct identity_key key;
    struct builtin_entity user;
    assert_true(status_is(look_up(f, "KEY", &key), STATUS_CORRUPT));
    assert_true(status_is(
        builtin_find(f->store, BUILTIN_USER, SLICE(""), SLICE("u1"), &f->arena, &f->note, &user),
        STATUS_CORRUPT));
}

static void test_changes_of_others_are_seen_in_time(void **state) {
    struct fixture *f = *state;
    struct builtin *other;
    struct builtin_options options = options_of(f);
    populate(f);
    create_key(f, "u1", "p1", "KEY");
    assert_true(is_ok(builtin_open(&options, &f->note, &other)));
    assert_true(works(f, "KEY"));
    assert_true(is_ok(builtin_key_delete(other, SLICE("KEY"), &f->note)));
    f->clock.now_ns += INT64_C(4999999999);
    assert_true(works(f, "KEY"));
    f->clock.now_ns += 1;
    assert_false(works(f, "KEY"));
    /* What comes is seen at once: absence is not remembered. */
    struct builtin_key wanted = {.user_id = SLICE("u1"),
                                 .project_id = SLICE("p1"),
                                 .access_key = SLICE("KEY"),
                                 .secret = SLICE("secret-of-mine"),
                                 .enabled = true};
    struct builtin_key made;
    assert_true(is_ok(builtin_key_create(other, &wanted, &f->arena, &f->note, &made)));
    assert_true(works(f, "KEY"));
    builtin_close(&other);
}

static void test_cache_turns_late_entries_away(void **state) {
    struct fixture *f = *state;
    struct builtin_cache *cache = builtin_cache_new(32, 100);
    struct identity_key key = {.secret = SLICE("s"), .principal = {.access_key = SLICE("KEY")}};
    struct identity_key found;
    uint64_t before = builtin_cache_generation(cache);
    builtin_cache_clear(cache);
    builtin_cache_put(cache, before, SLICE("KEY"), &key, 0);
    assert_false(builtin_cache_find(cache, SLICE("KEY"), 0, &f->arena, &found));
    builtin_cache_put(cache, builtin_cache_generation(cache), SLICE("KEY"), &key, 0);
    assert_true(builtin_cache_find(cache, SLICE("KEY"), 99, &f->arena, &found));
    assert_true(slice_eq(found.secret, SLICE("s")));
    assert_false(builtin_cache_find(cache, SLICE("KEY"), 100, &f->arena, &found));
    assert_false(builtin_cache_find(cache, SLICE("KEX"), 0, &f->arena, &found));
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "K%d", i);
        key.principal.access_key = slice_str(name);
        builtin_cache_put(cache, builtin_cache_generation(cache), slice_str(name), &key, 0);
        assert_true(builtin_cache_find(cache, slice_str(name), 1, &f->arena, &found));
    }
    builtin_cache_free(&cache);
}

static void test_bootstrap_of_an_empty_store(void **state) {
    struct fixture *f = *state;
    struct identity_bootstrap_result result;
    assert_true(
        is_ok(identity_bootstrap(f->store, SLICE(""), SLICE(""), &f->arena, &f->note, &result)));
    assert_true(result.made_key);
    assert_int_equal(result.key.secret.len, BUILTIN_SECRET_KEY_LEN);
    struct identity_key found;
    assert_true(is_ok(
        identity_key_find(builtin_identity(f->store), result.key.access_key, &f->arena, &found)));
    assert_true(found.principal.admin);
    assert_true(slice_eq(found.principal.user_name, SLICE("admin")));
    assert_true(slice_eq(found.principal.project_name, SLICE("default")));
    assert_true(slice_eq(found.principal.project_id, result.project_id));
    assert_true(
        is_ok(identity_bootstrap(f->store, SLICE(""), SLICE(""), &f->arena, &f->note, &result)));
    assert_false(result.made_key);
    assert_int_equal(entries(f, BUILTIN_TABLE_KEY), 1);
}

static void test_bootstrap_with_a_given_key(void **state) {
    struct fixture *f = *state;
    struct identity_bootstrap_result result;
    struct identity_key found;
    struct slice access_key = SLICE("AKIAGIVEN");
    assert_true(is_ok(identity_bootstrap(f->store, access_key, SLICE("first-secret"), &f->arena,
                                         &f->note, &result)));
    assert_true(result.made_key);
    assert_true(is_ok(look_up(f, "AKIAGIVEN", &found)));
    assert_true(slice_eq(found.secret, SLICE("first-secret")));
    /* The environment is right: a changed secret is taken over, a disabled key enabled. */
    assert_true(is_ok(builtin_key_set_enabled(f->store, access_key, false, &f->note)));
    assert_true(is_ok(identity_bootstrap(f->store, access_key, SLICE("second-secret"), &f->arena,
                                         &f->note, &result)));
    assert_false(result.made_key);
    assert_true(is_ok(look_up(f, "AKIAGIVEN", &found)));
    assert_true(slice_eq(found.secret, SLICE("second-secret")));
    assert_true(is_ok(identity_bootstrap(f->store, SLICE("ANOTHER"), SLICE("third-secret"),
                                         &f->arena, &f->note, &result)));
    assert_true(result.made_key && works(f, "ANOTHER") && works(f, "AKIAGIVEN"));
    create(f, BUILTIN_USER, "u", "u1");
    create(f, BUILTIN_PROJECT, "p", "p1");
    create_key(f, "u1", "p1", "NOTOURS");
    assert_true(status_is(identity_bootstrap(f->store, SLICE("NOTOURS"), SLICE("third-secret"),
                                             &f->arena, &f->note, &result),
                          STATUS_EXISTS));
    assert_true(status_is(identity_bootstrap(f->store, SLICE("x"), SLICE("third-secret"), &f->arena,
                                             &f->note, &result),
                          STATUS_INVALID));
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_create_and_find),
        TEST(test_names_and_ids_are_unique),
        TEST(test_fields_are_checked),
        TEST(test_lists_by_pages),
        TEST(test_key_is_found_with_its_owner),
        TEST(test_imported_key_and_its_reading),
        TEST(test_switches_work_at_once),
        TEST(test_deleting_a_user_takes_its_keys),
        TEST(test_deleting_the_rest),
        TEST(test_keys_are_listed_by_user),
        TEST(test_keys_of_a_user_are_bounded),
        TEST(test_no_secret_lies_in_the_store),
        TEST(test_another_key_file_is_refused),
        TEST(test_a_moved_secret_does_not_open),
        TEST(test_damaged_records_are_errors),
        TEST(test_changes_of_others_are_seen_in_time),
        TEST(test_cache_turns_late_entries_away),
        TEST(test_bootstrap_of_an_empty_store),
        TEST(test_bootstrap_with_a_given_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
