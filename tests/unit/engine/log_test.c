/* The redo log: what was appended is shown again, a tear is cut off, damage is not. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/log.h"
#include "engine/log_format.h"
#include "support/temp_dir.h"

enum { SEGMENT = 64 * 1024, GROUPS_MAX = 4096 };

struct fixture {
    struct temp_dir dir;
    struct log_config config;
    struct log *log;
    struct log_buffer buffer;
    struct note note;
};

/* What was replayed: the first byte and length of each group. */
struct recorder {
    struct log_replayer replayer;
    uint64_t first;
    size_t count;
    char bytes[GROUPS_MAX];
    size_t lens[GROUPS_MAX];
};

static struct status record(struct log_replayer *replayer, uint64_t sequence,
                            struct slice payload) {
    struct recorder *r = CONTAINER_OF(replayer, struct recorder, replayer);
    if (r->count == 0) r->first = sequence;
    assert_int_equal(sequence, r->first + r->count);
    for (size_t i = 0; i < payload.len; i++) assert_int_equal(payload.ptr[i], payload.ptr[0]);
    r->bytes[r->count] = payload.ptr[0];
    r->lens[r->count++] = payload.len;
    return status_ok();
}

static void expect_code(struct status s, enum status_code code) {
    assert_string_equal(status_text(s.code), status_text(code));
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    temp_dir_make(&f->dir);
    f->config = (struct log_config){.fs = fs_system(),
                                    .ring_id = 77,
                                    .segment_bytes = SEGMENT,
                                    .segments_min = 2,
                                    .segments_max = 2};
    assert_true(is_ok(fs_dir_open(f->config.fs, AT_FDCWD, f->dir.path, &f->config.dir_fd)));
    log_buffer_init(&f->buffer);
    assert_true(is_ok(log_create(&f->config, &f->note)));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    log_close(&f->log);
    log_buffer_fini(&f->buffer);
    fs_close(f->config.fs, &f->config.dir_fd);
    temp_dir_remove(&f->dir);
    free(f);
    return 0;
}

static struct status reopen(struct fixture *f, struct log_position from, struct recorder *r) {
    log_close(&f->log);
    *r = (struct recorder){.replayer = {record}};
    return log_open(&f->config, from, &r->replayer, &f->note, &f->log);
}

static void append(struct fixture *f, char byte, size_t len) {
    log_buffer_clear(&f->buffer);
    memset(log_buffer_add(&f->buffer, len), byte, len);
    assert_true(log_room(f->log, len));
    uint64_t sequence;
    expect_code(log_append(f->log, &f->buffer, &sequence), STATUS_OK);
    assert_int_equal(log_tail(f->log).sequence, sequence + 1);
}

/* Writes over bytes of the file. */
static void scribble(struct fixture *f, uint64_t offset, size_t len) {
    int fd;
    char bytes[LOG_BLOCK];
    memset(bytes, 0x5a, sizeof bytes);
    expect_code(fs_open_write(f->config.fs, f->config.dir_fd, "log", 0, &fd), STATUS_OK);
    expect_code(fs_write(f->config.fs, fd, offset, slice_of(bytes, len)), STATUS_OK);
    fs_close(f->config.fs, &fd);
}

static const struct log_position start = {.sequence = 1};

static void test_groups_come_back_in_order(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 0);
    append(f, 'a', 1);
    append(f, 'b', LOG_BLOCK - LOG_HEADER_LEN);
    append(f, 'c', LOG_BLOCK - LOG_HEADER_LEN + 1);
    struct log_position middle = log_tail(f->log);
    append(f, 'd', 30000);
    append(f, 'e', 40000); /* does not fit in the first segment any more */
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 5);
    assert_memory_equal(r.bytes, "abcde", 5);
    assert_int_equal(r.lens[2], LOG_BLOCK - LOG_HEADER_LEN + 1);
    append(f, 'f', 100);
    expect_code(reopen(f, middle, &r), STATUS_OK);
    assert_int_equal(r.first, 4);
    assert_memory_equal(r.bytes, "def", 3);
}

static void test_ring_turns_many_times(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    expect_code(reopen(f, start, &r), STATUS_OK);
    struct log_position kept = start;
    for (int i = 0; i < 300; i++) {
        if (!log_room(f->log, 5000)) {
            kept = log_tail(f->log);
            log_release(f->log, kept);
        }
        append(f, (char)('a' + i % 26), 5000);
        if (i % 37 != 0) continue;
        expect_code(reopen(f, kept, &r), STATUS_OK);
        assert_int_equal(r.first + r.count, log_tail(f->log).sequence);
        assert_int_equal(r.bytes[r.count - 1], 'a' + i % 26);
    }
}

static void test_full_ring_has_no_room(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    expect_code(reopen(f, start, &r), STATUS_OK);
    append(f, 'a', SEGMENT - LOG_HEADER_LEN);
    append(f, 'b', SEGMENT / 2);
    assert_false(log_room(f->log, SEGMENT / 2));
    assert_true(log_room(f->log, SEGMENT / 2 - LOG_BLOCK - LOG_HEADER_LEN));
    struct log_position second = {.sequence = 2, .ordinal = 2};
    log_release(f->log, second);
    assert_true(log_room(f->log, SEGMENT / 2));
    append(f, 'c', SEGMENT - LOG_HEADER_LEN);
    expect_code(reopen(f, second, &r), STATUS_OK);
    assert_memory_equal(r.bytes, "bc", 2);
    /* The start is no longer there, and that is no empty log. */
    expect_code(reopen(f, start, &r), STATUS_CORRUPT);
    assert_non_null(strstr(f->note.text, "group 1 "));
}

static void test_group_larger_than_a_segment(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    f->config.segments_min = f->config.segments_max = 6;
    expect_code(reopen(f, start, &r), STATUS_OK);
    append(f, 'a', 100);
    append(f, 'b', 3 * SEGMENT - 1000);
    append(f, 'c', 100);
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_memory_equal(r.bytes, "abc", 3);
    assert_int_equal(r.lens[1], 3 * SEGMENT - 1000);
    append(f, 'd', 100);
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 4);
}

/* Parts of two groups with one number, before and after a crash, are never put together (L1). */
static void test_parts_of_two_starts_do_not_mix(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    f->config.segments_min = f->config.segments_max = 4;
    expect_code(reopen(f, start, &r), STATUS_OK);
    append(f, 'a', 2 * SEGMENT - 1000);
    static char second[SEGMENT];
    int fd;
    expect_code(fs_open_write(f->config.fs, f->config.dir_fd, "log", 0, &fd), STATUS_OK);
    expect_code(fs_read(f->config.fs, fd, SEGMENT, second, sizeof second), STATUS_OK);
    scribble(f, 0, 16); /* the first part is lost, the second is there */
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 0);
    append(f, 'b', 2 * SEGMENT - 1000);
    expect_code(fs_write(f->config.fs, fd, SEGMENT, slice_of(second, sizeof second)), STATUS_OK);
    fs_close(f->config.fs, &fd);
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 0);
}

static void test_torn_tail_is_cut_off(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    expect_code(reopen(f, start, &r), STATUS_OK);
    append(f, 'a', 100);
    append(f, 'b', 9000);
    scribble(f, 2 * LOG_BLOCK, 512); /* in the middle of b */
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 1);
    append(f, 'c', 20);
    append(f, 'd', 20);
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_memory_equal(r.bytes, "acd", 3);
}

static void test_damage_before_later_groups_is_refused(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    for (uint64_t at = 0; at < 2; at++) { /* the header, then the payload */
        expect_code(reopen(f, start, &r), STATUS_OK);
        append(f, 'a', 5000);
        append(f, 'b', 100);
        scribble(f, at * LOG_BLOCK, 16);
        expect_code(reopen(f, start, &r), STATUS_CORRUPT);
        assert_non_null(strstr(f->note.text, "damaged or missing"));
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
        f = *state;
    }
}

static void test_damage_in_a_later_segment_is_seen(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    expect_code(reopen(f, start, &r), STATUS_OK);
    append(f, 'a', SEGMENT - LOG_HEADER_LEN);
    append(f, 'b', 100);
    append(f, 'c', 100);
    scribble(f, SEGMENT, 16); /* b's header, at the beginning of its segment */
    expect_code(reopen(f, start, &r), STATUS_CORRUPT);
}

static void test_another_ring_is_not_read(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    expect_code(reopen(f, start, &r), STATUS_OK);
    append(f, 'a', 100);
    f->config.ring_id++;
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_int_equal(r.count, 0);
}

static void test_ring_grows_in_the_background(void **state) {
    struct fixture *f = *state;
    struct recorder r;
    f->config.segments_max = 8;
    expect_code(reopen(f, start, &r), STATUS_OK);
    for (int i = 0; i < 7; i++) {
        while (!log_room(f->log, SEGMENT - LOG_HEADER_LEN)) log_room_wait(f->log, 50000000);
        append(f, (char)('a' + i), SEGMENT - LOG_HEADER_LEN);
    }
    assert_true(log_file_bytes(f->log) >= 7 * SEGMENT);
    expect_code(reopen(f, start, &r), STATUS_OK);
    assert_memory_equal(r.bytes, "abcdefg", 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
        TEST(test_groups_come_back_in_order),
        TEST(test_ring_turns_many_times),
        TEST(test_full_ring_has_no_room),
        TEST(test_group_larger_than_a_segment),
        TEST(test_parts_of_two_starts_do_not_mix),
        TEST(test_torn_tail_is_cut_off),
        TEST(test_damage_before_later_groups_is_refused),
        TEST(test_damage_in_a_later_segment_is_seen),
        TEST(test_another_ring_is_not_read),
        TEST(test_ring_grows_in_the_background),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
