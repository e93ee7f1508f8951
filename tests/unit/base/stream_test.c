#include "base/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

static void test_slice_source(void **state) {
    (void)state;
    for (size_t step = 0; step < 8; step++) {
        struct slice_source s;
        char content[8];
        size_t total = 0, pulls = 0;
        bool end = false;
        slice_source_init(&s, SLICE("content"), step);
        while (!end) {
            size_t len;
            assert_true(is_ok(source_pull(&s.source, content + total, 4, &len, &end)));
            assert_true(len > 0 && len <= 4 && (step == 0 || len <= step));
            total += len;
            pulls++;
        }
        assert_int_equal(total, 7);
        assert_memory_equal(content, "content", 7);
        assert_int_equal(pulls, step == 0 || step >= 4 ? 2 : (7 + step - 1) / step);
    }
}

static void test_nothing_ends_at_once(void **state) {
    (void)state;
    struct slice_source s;
    char byte;
    size_t len = 1;
    bool end = false;
    slice_source_init(&s, slice_of(NULL, 0), 0);
    assert_true(is_ok(source_pull(&s.source, &byte, 1, &len, &end)));
    assert_true(end && len == 0);
}

static void test_fill(void **state) {
    (void)state;
    struct slice_source s;
    char content[8];
    size_t len;
    bool end;
    slice_source_init(&s, SLICE("content"), 2);
    assert_true(is_ok(source_fill(&s.source, content, 5, &len, &end)));
    assert_true(len == 5 && !end && memcmp(content, "conte", 5) == 0);
    assert_true(is_ok(source_fill(&s.source, content, 5, &len, &end)));
    assert_true(len == 2 && end && memcmp(content, "nt", 2) == 0);
}

/* Gives one byte and then fails. */
struct broken_source {
    struct source source;
    int pulls;
};

static struct status broken_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                 bool *ret_end) {
    struct broken_source *self = CONTAINER_OF(source, struct broken_source, source);
    if (self->pulls++ > 0) return status_of(STATUS_CLOSED);
    assert_true(cap > 0);
    memcpy(buffer, "x", 1);
    *ret_len = 1;
    *ret_end = false;
    return status_ok();
}

static void test_fill_hands_failures_on(void **state) {
    (void)state;
    static const struct source_ops ops = {.pull = broken_pull};
    struct broken_source s = {.source = {&ops}};
    char content[8];
    size_t len = 99;
    bool end = false;
    assert_true(status_is(source_fill(&s.source, content, 8, &len, &end), STATUS_CLOSED));
    assert_int_equal(len, 99);
    assert_int_equal(s.pulls, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice_source),
        cmocka_unit_test(test_nothing_ends_at_once),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_fill_hands_failures_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
