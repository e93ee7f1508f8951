/* Which requests a run makes, and their heads. */
#include "cli/bench_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include <stdio.h>

#include "base/check.h"
#include "base/date.h"

static void test_each_operation(void **state) {
    (void)state;
    struct bench_request r;
    struct bench_plan put = {.operation = BENCH_PUT};
    struct bench_plan put_again = {.operation = BENCH_PUT, .objects = 10};
    struct bench_plan delete = {.operation = BENCH_DELETE, .objects = 10, .tickets = 10};
    struct bench_plan list = {.operation = BENCH_LIST, .objects = 10};
    assert_true(bench_plan_request(&put, 12345, &r) && r.index == 12345);
    assert_false(bench_plan_request(&put, UINT64_C(1) << 40, &r));
    assert_true(bench_plan_request(&put_again, 12345, &r) && r.index == 5);
    assert_true(bench_plan_request(&delete, 9, &r) && r.index == 9);
    assert_false(bench_plan_request(&delete, 10, &r));
    assert_true(bench_plan_request(&list, 99, &r) && r.operation == BENCH_LIST);
    assert_int_equal(r.index, 0);
}

/* No object is put twice, and neighbours in time are far from each other. */
static void test_random_keys(void **state) {
    (void)state;
    enum { TICKETS = 200000 };
    unsigned char *seen = calloc(1, BENCH_OBJECTS_MAX / 8 + 1);
    struct bench_plan put = {.operation = BENCH_PUT, .random_keys = true};
    struct bench_request r;
    uint64_t before = 0;
    unsigned near = 0;
    assert_non_null(seen);
    for (uint64_t ticket = 0; ticket < TICKETS; ticket++) {
        assert_true(bench_plan_request(&put, ticket, &r));
        assert_true(r.index <= BENCH_OBJECTS_MAX);
        assert_false(seen[r.index / 8] >> (r.index % 8) & 1);
        seen[r.index / 8] |= (unsigned char)(1 << (r.index % 8));
        near += r.index > before && r.index - before < 1000;
        before = r.index;
    }
    assert_in_range(near, 0, 1);
    free(seen);
}

/* Pages of a large bucket begin all over it, and each is full. */
static void test_pages_are_spread(void **state) {
    (void)state;
    unsigned hits[10] = {0};
    struct bench_plan list = {.operation = BENCH_LIST, .objects = 101000};
    for (uint64_t ticket = 0; ticket < 10000; ticket++) {
        struct bench_request r;
        assert_true(bench_plan_request(&list, ticket, &r));
        assert_true(r.index < 100000);
        hits[r.index / 10000]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(hits); i++) assert_in_range(hits[i], 700, 1300);
}

/* Reads come to all objects, about equally often. */
static void test_reads_are_spread(void **state) {
    (void)state;
    unsigned hits[50] = {0};
    struct bench_plan plan = {.operation = BENCH_GET, .objects = ARRAY_LEN(hits)};
    for (uint64_t ticket = 0; ticket < 50000; ticket++) {
        struct bench_request r;
        assert_true(bench_plan_request(&plan, ticket, &r));
        assert_true(r.index < plan.objects);
        hits[r.index]++;
    }
    for (size_t i = 0; i < ARRAY_LEN(hits); i++) assert_in_range(hits[i], 700, 1300);
}

/* What is deleted was written long before, and once; what is read is never deleted. */
static void test_mixed(void **state) {
    (void)state;
    enum { TICKETS = 20000, OBJECTS = 100 };
    static int64_t written[OBJECTS + TICKETS];
    unsigned counts[BENCH_OPERATION_COUNT] = {0};
    struct bench_plan plan = {.operation = BENCH_MIXED, .objects = OBJECTS, .lag = 8};
    for (size_t i = 0; i < ARRAY_LEN(written); i++) written[i] = -1;
    for (uint64_t ticket = 0; ticket < TICKETS; ticket++) {
        struct bench_request r;
        assert_true(bench_plan_request(&plan, ticket, &r));
        counts[r.operation]++;
        if (r.operation == BENCH_PUT) {
            assert_true(r.index >= OBJECTS && written[r.index] == -1);
            written[r.index] = (int64_t)ticket;
        } else if (r.operation == BENCH_DELETE) {
            assert_true(r.index >= OBJECTS && written[r.index] >= 0);
            assert_true((int64_t)ticket - written[r.index] >= (int64_t)plan.lag);
            written[r.index] = -2;
        } else {
            assert_true(r.index < OBJECTS);
        }
        assert_true(r.index < bench_plan_objects(&plan, ticket + 1));
    }
    assert_int_equal(counts[BENCH_GET], TICKETS * 60 / 100);
    assert_int_equal(counts[BENCH_PUT], TICKETS * 20 / 100);
    assert_int_equal(counts[BENCH_LIST], TICKETS * 5 / 100);
    assert_int_equal(counts[BENCH_DELETE], TICKETS * 5 / 100 - 8);
    assert_int_equal(counts[BENCH_HEAD], TICKETS * 10 / 100 + 8);
}

static void test_objects_of_a_run(void **state) {
    (void)state;
    struct bench_plan put = {.operation = BENCH_PUT};
    struct bench_plan put_again = {.operation = BENCH_PUT, .objects = 10};
    struct bench_plan get = {.operation = BENCH_GET, .objects = 10};
    assert_int_equal(bench_plan_objects(&put, 77), 77);
    assert_int_equal(bench_plan_objects(&put_again, 77), 10);
    assert_int_equal(bench_plan_objects(&put_again, 7), 7);
    assert_int_equal(bench_plan_objects(&get, 77), 10);
}

static const struct bench_options options = {.bucket = "b",
                                             .size_bytes = 9,
                                             .access_key = "AK",
                                             .secret_key = "SK",
                                             .region = "europe-se-1",
                                             .authority = "h:9000"};
static char hash[SIGV4_HEX_LEN];
static char head[BENCH_HEAD_MAX];

static void assert_head(const char *expected, struct bench_heads *heads,
                        enum bench_operation operation) {
    struct bench_request request = {.operation = operation, .index = 42};
    size_t len = bench_heads_write(heads, &request, NS_PER_S, head);
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(head, expected, len);
}

static void test_unsigned_heads(void **state) {
    (void)state;
    struct bench_heads heads;
    assert_true(is_ok(bench_heads_init(&heads, &options, false, hash, 100)));
    assert_head("GET /b/hinkbench/00000042 HTTP/1.1\r\nHost: h:9000\r\n\r\n", &heads, BENCH_GET);
    assert_head("HEAD /b/hinkbench/00000042 HTTP/1.1\r\nHost: h:9000\r\n\r\n", &heads, BENCH_HEAD);
    assert_head("DELETE /b/hinkbench/00000042 HTTP/1.1\r\nHost: h:9000\r\n\r\n", &heads,
                BENCH_DELETE);
    assert_head("PUT /b/hinkbench/00000042 HTTP/1.1\r\nHost: h:9000\r\nContent-Length: 9\r\n\r\n",
                &heads, BENCH_PUT);
    assert_head("GET /b?list-type=2&prefix=hinkbench%2F HTTP/1.1\r\nHost: h:9000\r\n\r\n", &heads,
                BENCH_LIST);
    bench_heads_fini(&heads);
    struct bench_options deep = options;
    deep.objects = 2000;
    deep.delimiter = true;
    assert_true(is_ok(bench_heads_init(&heads, &deep, false, hash, 100)));
    assert_head(
        "GET /b?delimiter=%2F&list-type=2&prefix=hinkbench%2F"
        "&start-after=hinkbench%2F00000042 HTTP/1.1\r\nHost: h:9000\r\n\r\n",
        &heads, BENCH_LIST);
    bench_heads_fini(&heads);
}

static void test_unsigned_payload(void **state) {
    (void)state;
    struct bench_heads heads;
    struct bench_options unsigned_payload = options;
    struct bench_request request = {.operation = BENCH_PUT, .index = 1};
    unsigned_payload.unsigned_payload = true;
    assert_true(is_ok(bench_heads_init(&heads, &unsigned_payload, true, hash, 0)));
    struct slice text = slice_of(head, bench_heads_write(&heads, &request, NS_PER_S, head));
    assert_true(slice_find(text, SLICE(": UNSIGNED-PAYLOAD\r\n"), 0) < text.len);
    bench_heads_fini(&heads);
}

/* The signature that is in a head. */
static void signature_of(struct bench_heads *heads, enum bench_operation operation, uint64_t index,
                         int64_t wall_ns, char out[SIGV4_HEX_LEN]) {
    struct bench_request request = {.operation = operation, .index = index};
    struct slice text = slice_of(head, bench_heads_write(heads, &request, wall_ns, head));
    size_t at = slice_find(text, SLICE(",Signature="), 0);
    assert_true(at < text.len);
    memcpy(out, text.ptr + at + 11, SIGV4_HEX_LEN);
    assert_true(slice_find(text, SLICE("Credential=AK/"), 0) < text.len);
    assert_true(slice_find(text, SLICE("/europe-se-1/s3/aws4_request"), 0) < text.len);
}

/* Kept heads are what would have been made, and are made anew before they are too old. */
static void test_kept_heads(void **state) {
    (void)state;
    struct bench_heads keeping, making;
    char kept[SIGV4_HEX_LEN], made[SIGV4_HEX_LEN], first[SIGV4_HEX_LEN];
    int64_t t0 = 1700000000 * NS_PER_S;
    memset(hash, 'a', sizeof hash);
    assert_true(is_ok(bench_heads_init(&keeping, &options, true, hash, 4)));
    assert_true(is_ok(bench_heads_init(&making, &options, true, hash, 0)));
    for (int operation = 0; operation < BENCH_MIXED; operation++) {
        for (uint64_t index = 0; index < 8; index++) {
            enum bench_operation o = (enum bench_operation)operation;
            signature_of(&keeping, o, index, t0, kept);
            signature_of(&making, o, index, t0, made);
            assert_memory_equal(kept, made, sizeof kept);
        }
    }
    signature_of(&keeping, BENCH_GET, 1, t0, first);
    signature_of(&keeping, BENCH_GET, 2, t0, made);
    assert_memory_not_equal(made, first, sizeof made);
    signature_of(&keeping, BENCH_GET, 1, t0 + 60 * NS_PER_S, kept);
    assert_memory_equal(kept, first, sizeof kept);
    signature_of(&keeping, BENCH_GET, 1, t0 + 600 * NS_PER_S, kept);
    signature_of(&making, BENCH_GET, 1, t0 + 600 * NS_PER_S, made);
    assert_memory_not_equal(kept, first, sizeof kept);
    assert_memory_equal(kept, made, sizeof kept);
    bench_heads_fini(&keeping);
    bench_heads_fini(&making);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_operation), cmocka_unit_test(test_reads_are_spread),
        cmocka_unit_test(test_mixed),          cmocka_unit_test(test_objects_of_a_run),
        cmocka_unit_test(test_unsigned_heads), cmocka_unit_test(test_unsigned_payload),
        cmocka_unit_test(test_random_keys),    cmocka_unit_test(test_pages_are_spread),
        cmocka_unit_test(test_kept_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
