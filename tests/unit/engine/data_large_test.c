/* Blobs of several groups of blocks: the tables between them, and what damage to a table does. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/data.h"
#include "engine/layout.h"
#include "kv/mem.h"
#include "support/temp_dir.h"

enum { PIECE = 1 << 20 };

static const struct kv_partition partition = {{1}};
static const uint64_t group_bytes = (uint64_t)LAYOUT_GROUP_BLOCKS * LAYOUT_BLOCK;

static struct temp_dir dir;
static struct kv *kv;
static struct data_store *store;

static void store_open(unsigned drives, struct data_policy policy) {
    char paths[4][TEMP_DIR_MAX + 8];
    struct data_drive_config configs[4];
    for (unsigned i = 0; i < drives; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/d%u", dir.path, i);
        configs[i] = (struct data_drive_config){.path = paths[i]};
    }
    policy.name = "standard";
    policy.same_device = true;
    struct data_config config = {.kv = kv,
                                 .fs = fs_system(),
                                 .clock = clock_system(),
                                 .random = random_system(),
                                 .drives = configs,
                                 .drive_count = drives,
                                 .policies = &policy,
                                 .policy_count = 1};
    struct note note = {0};
    struct status s = data_open(&config, &note, &store);
    if (!is_ok(s)) fail_msg("%s", note.text);
}

static int setup(void **state) {
    (void)state;
    temp_dir_make(&dir);
    kv = kv_mem_open();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    kv_close(&kv);
    temp_dir_remove(&dir);
    return 0;
}

/* Words that say where they are. */
static void fill(uint64_t offset, uint64_t *words, size_t len) {
    for (size_t i = 0; i < len / 8; i++) words[i] = (offset + 8 * i) * UINT64_C(0x9e3779b97f4a7c15);
}

static struct blob_id put(uint64_t size) {
    struct blob_writer *writer;
    uint64_t *piece = malloc(PIECE);
    assert_true(is_ok(
        blob_writer_begin(data_blob(store), partition, SLICE("standard"), UINT64_MAX, &writer)));
    for (uint64_t at = 0; at < size; at += PIECE) {
        fill(at, piece, PIECE);
        size_t len = size - at < PIECE ? (size_t)(size - at) : PIECE;
        assert_true(is_ok(blob_writer_write(writer, slice_of(piece, len))));
    }
    free(piece);
    assert_true(is_ok(blob_writer_seal(writer)));
    struct kv_batch *batch = kv_batch_new();
    blob_writer_bind(writer, batch);
    assert_true(is_ok(kv_commit(kv, partition, batch, NULL)));
    kv_batch_free(&batch);
    struct blob_id id = blob_writer_id(writer);
    blob_writer_commit(&writer);
    return id;
}

static void expect_range(struct blob_id id, uint64_t offset, size_t len) {
    struct blob_reader *reader;
    uint64_t *got = malloc(len);
    uint64_t *expected = malloc(len);
    assert_true(is_ok(blob_reader_open(data_blob(store), partition, id, &reader)));
    struct status s = blob_reader_read(reader, offset, got, len);
    if (!is_ok(s)) fail_msg("at %llu: %s", (unsigned long long)offset, status_text(s.code));
    fill(offset, expected, len);
    assert_memory_equal(got, expected, len);
    blob_reader_close(&reader);
    free(expected);
    free(got);
}

/* Ranges around the borders of groups, whole blocks and parts, and all over. */
static void expect_blob(struct blob_id id, uint64_t group, uint64_t size) {
    for (uint64_t border = group; border < size; border += group) {
        size_t rest = size - border < LAYOUT_BLOCK ? (size_t)(size - border) : LAYOUT_BLOCK;
        expect_range(id, border - LAYOUT_BLOCK, LAYOUT_BLOCK + rest / 8 * 8);
        expect_range(id, border - 800, 1600);
        expect_range(id, border - 3 * LAYOUT_BLOCK - 8, 3 * LAYOUT_BLOCK + 88);
        expect_range(id, border, 8);
        expect_range(id, border - 8, 8);
    }
    for (uint64_t at = 0; at + PIECE < size; at += 37 * PIECE) expect_range(id, at, PIECE);
}

static void test_one_piece(void **state) {
    (void)state;
    uint64_t size = group_bytes + 3 * LAYOUT_BLOCK + 80;
    store_open(1, (struct data_policy){.data_pieces = 1});
    struct blob_id exact = put(group_bytes);
    expect_range(exact, group_bytes - LAYOUT_BLOCK, LAYOUT_BLOCK);
    struct blob_id id = put(size);
    expect_blob(id, group_bytes, size);
    data_close(&store);
    store_open(1, (struct data_policy){.data_pieces = 1});
    expect_blob(id, group_bytes, size);
    assert_true(is_ok(data_scrub(store)));
    struct data_stats stats;
    data_stats_read(store, &stats);
    assert_int_equal(stats.scrub.failed, 0);
    assert_int_equal(stats.overlaps, 0);
    data_close(&store);
}

/* Finds the table in a volume by its place behind the first group, and spoils it. */
static void spoil_table(unsigned drive) {
    char path[TEMP_DIR_MAX + 32];
    snprintf(path, sizeof path, "%s/d%u/volumes/000001", dir.path, drive);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    off_t at = (off_t)(EXTENT_UNIT + layout_table_offset(0)); /* the blob is the first in it */
    char byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte = (char)~byte;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(fsync(fd), 0);
    close(fd);
}

static struct data_stats scrub(void) {
    struct data_stats stats;
    assert_true(is_ok(data_scrub(store)));
    data_stats_read(store, &stats);
    return stats;
}

/* A scrub writes the spoiled table again; the next one finds nothing. */
static void expect_table_mended(void) {
    struct data_stats first = scrub();
    assert_int_equal(first.scrub.failed, 0);
    assert_true(first.scrub.repaired > 0);
    struct data_stats second = scrub();
    assert_int_equal(second.scrub.repaired, first.scrub.repaired);
    assert_int_equal(second.scrub.failed, 0);
}

static void test_a_spoiled_table_is_made_good_by_others(void **state) {
    (void)state;
    uint64_t size = group_bytes + LAYOUT_BLOCK;
    store_open(2, (struct data_policy){.data_pieces = 1, .parity_pieces = 1});
    struct blob_id id = put(size);
    spoil_table(0);
    expect_blob(id, group_bytes, size);
    expect_table_mended();
    spoil_table(0);
    spoil_table(1);
    struct blob_reader *reader;
    char byte;
    assert_true(is_ok(blob_reader_open(data_blob(store), partition, id, &reader)));
    assert_true(status_is(blob_reader_read(reader, 0, &byte, 1), STATUS_CORRUPT));
    assert_true(is_ok(blob_reader_read(reader, group_bytes, &byte, 1)));
    blob_reader_close(&reader);
    data_close(&store);
}

static void test_parity_pieces_have_tables_of_their_own(void **state) {
    (void)state;
    uint64_t size = 2 * group_bytes + 5 * LAYOUT_BLOCK + 800;
    store_open(3, (struct data_policy){.data_pieces = 2, .parity_pieces = 1});
    struct blob_id id = put(size);
    expect_blob(id, 2 * group_bytes, size);
    spoil_table(0);
    expect_blob(id, 2 * group_bytes, size);
    struct data_stats stats = scrub();
    assert_int_equal(stats.scrub.failed, 0);
    assert_int_equal(stats.scrub.repaired, 1); /* the table, and nothing else */
    data_close(&store);
    temp_dir_remove(&dir);
    temp_dir_make(&dir);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_piece, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_spoiled_table_is_made_good_by_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_parity_pieces_have_tables_of_their_own, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
