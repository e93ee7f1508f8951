/* The index: what was applied is found, both ways, by old readers too, and damage is never absence.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/index.h"
#include "os/random.h"
#include "support/temp_dir.h"

enum { MODEL_MAX = 6000, ROUNDS = 60, CHANGES_MAX = 700 };

struct fixture {
    struct temp_dir dir;
    struct index_config config;
    struct index *index;
    struct note note;
    struct random_seeded random;
};

/* The model: value version by key number; 0 is absent. A key's name and value follow from both. */
struct model {
    uint32_t version[MODEL_MAX];
};

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    temp_dir_make(&f->dir);
    f->config = (struct index_config){.fs = fs_system(), .cache_bytes = 1024 * 1024};
    expect_code(fs_dir_open(f->config.fs, AT_FDCWD, f->dir.path, &f->config.dir_fd), STATUS_OK);
    expect_code(index_create(&f->config, 5, 6, &f->note), STATUS_OK);
    expect_code(index_open(&f->config, &f->note, &f->index), STATUS_OK);
    random_seeded_init(&f->random, 1);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    index_close(&f->index);
    fs_close(f->config.fs, &f->config.dir_fd);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static void reopen(struct fixture *f) {
    index_close(&f->index);
    expect_code(index_open(&f->config, &f->note, &f->index), STATUS_OK);
}

/* The name of key number `key`: short ones, long ones, with long common beginnings. */
static struct slice name_of(unsigned key, char *out) {
    int len = snprintf(out, INDEX_NAME_MAX, "partition-%u/%s%06u", key % 3,
                       key % 7 ? "" : "a/long/folder/name/that/many/keys/have/", key);
    size_t pad = key % 50 == 49 ? 1200 : key % 11;
    memset(out + len, 'x', pad);
    return slice_of(out, (size_t)len + pad);
}

/* The value of a version of a key: mostly small, some beyond a page, few huge. */
static struct slice value_of(unsigned key, uint32_t version, char *out) {
    size_t len = 1 + (key * 31 + version * 17) % 300;
    if ((key + version) % 13 == 0) len = 1500 + (version * 997) % 9000;
    if ((key + version) % 501 == 0) len = 70000 + (version * 9973) % 2000000;
    memset(out, (int)('a' + (key + version) % 26), len);
    bytes_put_u32(out + (len > 4 ? len - 4 : 0), version);
    return slice_of(out, len > 4 ? len : 4);
}

static char value_buffer[INDEX_VALUE_MAX];

static int by_name(const void *a, const void *b) {
    const struct index_change *x = a;
    const struct index_change *y = b;
    return slice_cmp(x->name, y->name);
}

static struct slice copy_of(struct slice s) {
    char *bytes = malloc(s.len + 1);
    memcpy(bytes, s.ptr, s.len);
    return slice_of(bytes, s.len);
}

/* Changes random keys of the model, and applies the same to the index. */
static void change(struct fixture *f, struct model *model, size_t count, unsigned deletes_percent) {
    static struct index_change changes[MODEL_MAX];
    static bool touched[MODEL_MAX];
    memset(touched, 0, sizeof touched);
    char name[INDEX_NAME_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned key = (unsigned)random_seeded_below(&f->random, MODEL_MAX);
        if (touched[key]) continue;
        touched[key] = true;
        bool delete = random_seeded_below(&f->random, 100) < deletes_percent;
        model->version[key] = delete ? 0 : (uint32_t)random_seeded_below(&f->random, 1 << 20) + 1;
        struct slice value = slice_of(NULL, 0);
        if (!delete) value = copy_of(value_of(key, model->version[key], value_buffer));
        changes[n++] = (struct index_change){copy_of(name_of(key, name)), value};
    }
    qsort(changes, n, sizeof changes[0], by_name);
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) bytes += changes[i].name.len + changes[i].value.len;
    expect_code(index_room(f->index, n, bytes, 0, true), STATUS_OK);
    struct log_position position = {.sequence = n};
    expect_code(index_apply(f->index, changes, n, position, &f->note), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        free((void *)(uintptr_t)changes[i].name.ptr);
        free((void *)(uintptr_t)changes[i].value.ptr);
    }
}

static void expect_key(struct fixture *f, const struct index_root *root, const struct model *model,
                       unsigned key) {
    char name[INDEX_NAME_MAX];
    struct index_value value;
    struct status s = index_get(f->index, root, name_of(key, name), &value);
    expect_code(s, model->version[key] ? STATUS_OK : STATUS_NOT_FOUND);
    if (!model->version[key]) return;
    assert_true(slice_eq(value.bytes, value_of(key, model->version[key], value_buffer)));
    index_value_end(f->index, &value);
}

static void expect_model(struct fixture *f, const struct index_root *root,
                         const struct model *model) {
    size_t there = 0;
    for (unsigned key = 0; key < MODEL_MAX; key++) {
        expect_key(f, root, model, key);
        there += model->version[key] != 0;
    }
    for (int back = 0; back < 2; back++) {
        static struct index_cursor cursor;
        index_cursor_init(&cursor, f->index, root);
        size_t seen = 0;
        char last[INDEX_NAME_MAX] = "";
        size_t last_len = 0;
        struct slice end = back ? SLICE("z") : SLICE("");
        expect_code(back ? index_cursor_seek_back(&cursor, end) : index_cursor_seek(&cursor, end),
                    STATUS_OK);
        while (cursor.valid) {
            struct slice name = index_cursor_name(&cursor);
            int order = slice_cmp(slice_of(last, last_len), name);
            assert_true(seen == 0 || (back ? order > 0 : order < 0));
            memcpy(last, name.ptr, last_len = name.len);
            seen++;
            expect_code(back ? index_cursor_prev(&cursor) : index_cursor_next(&cursor), STATUS_OK);
        }
        assert_int_equal(seen, there);
        index_cursor_fini(&cursor);
    }
}

static void expect_whole(struct fixture *f) {
    struct status s = index_check(f->index, &f->note);
    if (!is_ok(s)) print_message("%s\n", f->note.text);
    expect_code(s, STATUS_OK);
}

static void test_empty(void **state) {
    struct fixture *f = *state;
    static struct model model;
    struct index_root *root = index_root_take(f->index);
    expect_model(f, root, &model);
    assert_int_equal(root->position.sequence, 1);
    index_root_release(f->index, &root);
    expect_whole(f);
    assert_int_equal(index_ring_id(f->index), 6);
}

static void test_random_changes(void **state) {
    struct fixture *f = *state;
    static struct model model;
    memset(&model, 0, sizeof model);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = 1 + random_seeded_below(&f->random, round % 5 ? 40 : CHANGES_MAX);
        unsigned deletes = round % 20 > 15 ? 90 : 30;
        change(f, &model, count, deletes);
        if (round % 6 == 0) reopen(f);
        if (round % 10 == 0) {
            struct index_root *root = index_root_take(f->index);
            expect_model(f, root, &model);
            index_root_release(f->index, &root);
        }
        expect_whole(f);
    }
    /* Everything is deleted: the tree and the space are empty again. */
    for (int i = 0; i < 12; i++) change(f, &model, 2000, 100);
    struct index_change changes[1];
    char name[INDEX_NAME_MAX];
    for (unsigned key = 0; key < MODEL_MAX; key++) {
        if (!model.version[key]) continue;
        model.version[key] = 0;
        changes[0] = (struct index_change){name_of(key, name), {0}};
        struct log_position position = {.sequence = 9};
        expect_code(index_apply(f->index, changes, 1, position, &f->note), STATUS_OK);
    }
    expect_whole(f);
    struct index_stats stats;
    index_stats_read(f->index, &stats);
    assert_int_equal(stats.entries, 0);
    assert_int_equal(stats.leaves, 0);
    assert_true(stats.live_bytes <= 5 * PAGE_BYTES);
}

static void test_old_roots_stay_readable(void **state) {
    struct fixture *f = *state;
    enum { KEPT = 5 };
    static struct model models[KEPT];
    static struct model model;
    memset(&model, 0, sizeof model);
    struct index_root *roots[KEPT];
    for (int i = 0; i < KEPT; i++) {
        change(f, &model, 1500, 40);
        models[i] = model;
        roots[i] = index_root_take(f->index);
        change(f, &model, 100, 40);
    }
    for (int i = 0; i < KEPT; i++) expect_model(f, roots[i], &models[i]);
    for (int i = 0; i < KEPT; i++) index_root_release(f->index, &roots[i]);
    expect_whole(f);
}

static void test_space_is_used_again(void **state) {
    struct fixture *f = *state;
    static struct model model;
    memset(&model, 0, sizeof model);
    for (int i = 0; i < 30; i++) change(f, &model, 3000, 20);
    struct index_stats before;
    index_stats_read(f->index, &before);
    for (int i = 0; i < 60; i++) change(f, &model, 3000, 20);
    struct index_stats after;
    index_stats_read(f->index, &after);
    assert_true(after.file_bytes <= before.file_bytes + before.file_bytes / 4);
    expect_whole(f);
}

static void test_seek_between(void **state) {
    struct fixture *f = *state;
    static char names[1000][16];
    static struct index_change changes[1000];
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "k%05d", i * 10);
        changes[i] = (struct index_change){slice_str(names[i]), SLICE("v")};
    }
    struct log_position position = {.sequence = 2};
    expect_code(index_apply(f->index, changes, 1000, position, &f->note), STATUS_OK);
    struct index_root *root = index_root_take(f->index);
    static struct index_cursor cursor;
    index_cursor_init(&cursor, f->index, root);
    for (int i = 0; i < 1000; i++) {
        char probe[16];
        snprintf(probe, sizeof probe, "k%05d", i * 10 + 1);
        expect_code(index_cursor_seek(&cursor, slice_str(probe)), STATUS_OK);
        assert_int_equal(cursor.valid, i < 999);
        if (i < 999) assert_true(slice_eq(index_cursor_name(&cursor), slice_str(names[i + 1])));
        expect_code(index_cursor_seek_back(&cursor, slice_str(probe)), STATUS_OK);
        assert_true(slice_eq(index_cursor_name(&cursor), slice_str(names[i])));
        expect_code(index_cursor_seek_back(&cursor, slice_str(names[i])), STATUS_OK);
        assert_true(slice_eq(index_cursor_name(&cursor), slice_str(names[i])));
    }
    expect_code(index_cursor_seek_back(&cursor, SLICE("a")), STATUS_OK);
    assert_false(cursor.valid);
    index_cursor_fini(&cursor);
    index_root_release(f->index, &root);
}

/* Flips one bit of the file. */
static void flip(struct fixture *f, uint64_t offset, unsigned bit) {
    int fd;
    char byte;
    expect_code(fs_open_write(f->config.fs, f->config.dir_fd, "index", 0, &fd), STATUS_OK);
    expect_code(fs_read(f->config.fs, fd, offset, &byte, 1), STATUS_OK);
    byte = (char)(byte ^ (1 << bit));
    expect_code(fs_write(f->config.fs, fd, offset, slice_of(&byte, 1)), STATUS_OK);
    fs_close(f->config.fs, &fd);
}

static void test_damage_is_never_absence(void **state) {
    struct fixture *f = *state;
    static struct model model;
    memset(&model, 0, sizeof model);
    for (int i = 0; i < 4; i++) change(f, &model, 2000, 10);
    struct index_stats stats;
    index_stats_read(f->index, &stats);
    int refused = 0;
    int found_damaged = 0;
    for (int i = 0; i < 400; i++) {
        uint64_t offset = random_seeded_below(&f->random, stats.file_bytes);
        unsigned bit = (unsigned)random_seeded_below(&f->random, 8);
        index_close(&f->index);
        flip(f, offset, bit);
        f->note.text[0] = '\0';
        struct status s = index_open(&f->config, &f->note, &f->index);
        refused += !is_ok(s);
        struct index_root *root = is_ok(s) ? index_root_take(f->index) : NULL;
        for (unsigned key = 0; root && key < MODEL_MAX; key += 3) {
            char name[INDEX_NAME_MAX];
            struct index_value value;
            s = index_get(f->index, root, name_of(key, name), &value);
            found_damaged += status_is(s, STATUS_CORRUPT);
            if (status_is(s, STATUS_CORRUPT)) continue;
            expect_code(s, model.version[key] ? STATUS_OK : STATUS_NOT_FOUND);
            if (!is_ok(s)) continue;
            assert_true(slice_eq(value.bytes, value_of(key, model.version[key], value_buffer)));
            index_value_end(f->index, &value);
        }
        if (root) index_root_release(f->index, &root);
        index_close(&f->index);
        flip(f, offset, bit);
        expect_code(index_open(&f->config, &f->note, &f->index), STATUS_OK);
    }
    print_message("%d opens refused, %d look-ups\n", refused, found_damaged);
    assert_true(found_damaged > 20);
    index_close(&f->index);
    flip(f, 50, 0);
    flip(f, PAGE_BYTES + 50, 0);
    expect_code(index_open(&f->config, &f->note, &f->index), STATUS_CORRUPT);
    flip(f, 50, 0);
    expect_code(index_open(&f->config, &f->note, &f->index), STATUS_OK);
    expect_whole(f);
}

static void page_copy(struct fixture *f, int fd, uint64_t page, char *out) {
    expect_code(fs_read(f->config.fs, fd, page * PAGE_BYTES, out, PAGE_BYTES), STATUS_OK);
}

/* A page that is whole, but of another time or from another place, is damage as well. */
static void test_stale_and_misplaced_pages_are_damage(void **state) {
    struct fixture *f = *state;
    static struct model model;
    static char before[800][PAGE_BYTES];
    memset(&model, 0, sizeof model);
    for (int i = 0; i < 3; i++) change(f, &model, 1500, 10);
    int fd;
    expect_code(fs_open_write(f->config.fs, f->config.dir_fd, "index", 0, &fd), STATUS_OK);
    for (unsigned page = 2; page < ARRAY_LEN(before); page++) page_copy(f, fd, page, before[page]);
    for (int i = 0; i < 6; i++) change(f, &model, 1500, 10);
    unsigned damaged = 0;
    for (unsigned page = 2; page < ARRAY_LEN(before); page += 5) {
        static char now[PAGE_BYTES];
        bool stale = page % 2;
        const char *other = before[stale ? page : page / 2 + 1];
        page_copy(f, fd, page, now);
        index_close(&f->index);
        expect_code(
            fs_write(f->config.fs, fd, (uint64_t)page * PAGE_BYTES, slice_of(other, PAGE_BYTES)),
            STATUS_OK);
        f->note.text[0] = '\0';
        struct status s = index_open(&f->config, &f->note, &f->index);
        damaged += !is_ok(s);
        struct index_root *root = is_ok(s) ? index_root_take(f->index) : NULL;
        for (unsigned key = 0; root && key < MODEL_MAX; key++) {
            char name[INDEX_NAME_MAX];
            struct index_value value;
            s = index_get(f->index, root, name_of(key, name), &value);
            damaged += status_is(s, STATUS_CORRUPT);
            if (status_is(s, STATUS_CORRUPT)) continue;
            expect_code(s, model.version[key] ? STATUS_OK : STATUS_NOT_FOUND);
            if (!is_ok(s)) continue;
            assert_true(slice_eq(value.bytes, value_of(key, model.version[key], value_buffer)));
            index_value_end(f->index, &value);
        }
        if (root) index_root_release(f->index, &root);
        index_close(&f->index);
        expect_code(
            fs_write(f->config.fs, fd, (uint64_t)page * PAGE_BYTES, slice_of(now, PAGE_BYTES)),
            STATUS_OK);
        expect_code(index_open(&f->config, &f->note, &f->index), STATUS_OK);
    }
    assert_true(damaged > 20);
    fs_close(f->config.fs, &fd);
    expect_whole(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_empty),
        TEST(test_random_changes),
        TEST(test_old_roots_stay_readable),
        TEST(test_space_is_used_again),
        TEST(test_seek_between),
        TEST(test_damage_is_never_absence),
        TEST(test_stale_and_misplaced_pages_are_damage),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
