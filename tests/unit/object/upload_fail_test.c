/*
 * An upload from its start to its end, while the k-th call of the store below fails, for every k:
 * the call above says so, may be made again, and nothing is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "object/list.h"
#include "support/loose_kv.h"
#include "support/upload.h"

/* What is done, and what it needs from one step to the next. */
struct scenario {
    struct upload_fixture *f;
    struct upload upload;
    struct upload doomed;
    struct upload_listed_part parts[2];
};

static struct status start(struct scenario *s) {
    struct upload wanted = {.key = SLICE("k")};
    return upload_create(s->f->store, &s->f->bucket, &wanted, &s->f->arena, &s->upload);
}

static struct status start_doomed(struct scenario *s) {
    struct upload wanted = {.key = SLICE("k")};
    return upload_create(s->f->store, &s->f->bucket, &wanted, &s->f->arena, &s->doomed);
}

static struct status put(struct scenario *s, const struct upload *upload, uint32_t number,
                         const char *bytes) {
    return upload_part_put(s->f->store, &s->f->bucket, upload, number, slice_str(bytes),
                           &s->f->arena, &s->parts[number - 1]);
}

static struct status put_doomed(struct scenario *s) {
    return put(s, &s->doomed, 1, "doomed");
}

static struct status put_first(struct scenario *s) {
    return put(s, &s->upload, 1, "first");
}

static struct status put_again(struct scenario *s) {
    return put(s, &s->upload, 1, "one");
}

static struct status put_second(struct scenario *s) {
    return put(s, &s->upload, 2, "two");
}

static struct status find(struct scenario *s) {
    struct upload found;
    return upload_find(s->f->store, &s->f->bucket, s->upload.key, s->upload.id, &s->f->arena,
                       &found);
}

static struct status list_parts(struct scenario *s) {
    struct upload_part parts[3];
    size_t count;
    bool more;
    TRY(upload_part_list(s->f->store, &s->f->bucket, &s->upload, 0, &s->f->arena, parts, 3, &count,
                         &more));
    assert_int_equal(count, 2);
    return status_ok();
}

static struct status list_uploads(struct scenario *s) {
    struct upload_list_query query = {.max = 10};
    struct upload_list_page page;
    TRY(upload_list(s->f->store, &s->f->bucket, &query, &s->f->arena, &page));
    assert_int_equal(page.count, 2);
    return status_ok();
}

static struct status abort_doomed(struct scenario *s) {
    return upload_abort(s->f->store, &s->f->bucket, s->doomed.key, s->doomed.id);
}

static struct status complete(struct scenario *s) {
    struct upload_completion completion = {.parts = s->parts, .part_count = 2};
    struct upload_complaint complaint;
    struct object_info info;
    return upload_complete(s->f->store, &s->f->bucket, s->upload.key, s->upload.id, &completion,
                           &s->f->arena, &complaint, &info);
}

static struct status list(struct scenario *s) {
    struct list_query query = {.delimiter = SLICE("/"), .max = 10};
    struct list_page page;
    TRY(list_objects(s->f->store, &s->f->bucket, &query, &s->f->arena, &page));
    assert_int_equal(page.count, 1);
    assert_int_equal(page.entries[0].info.size, 6);
    return status_ok();
}

static struct status find_part(struct scenario *s) {
    struct object_info info;
    struct object_part part;
    TRY(object_find(s->f->store, &s->f->bucket, SLICE("k"), &s->f->arena, &info));
    TRY(object_part_find(s->f->store, &s->f->bucket, &info, 2, &part));
    assert_int_equal(part.first, 3);
    return status_ok();
}

static struct status (*const steps[])(struct scenario *s) = {
    start,      start_doomed, put_first,    put_doomed, put_again, put_second, find,
    list_parts, list_uploads, abort_doomed, complete,   complete,  list,       find_part};

/* Goes through all steps; a step that failed is made again. Whether one did. */
static bool run(struct upload_fixture *f) {
    struct scenario s = {.f = f};
    bool failed = false;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct status outcome = steps[i](&s);
        if (is_ok(outcome)) continue;
        assert_true(status_is(outcome, STATUS_IO) || status_is(outcome, STATUS_BUSY));
        assert_false(failed);
        failed = true;
        expect_status(steps[i](&s), STATUS_OK);
    }
    return failed;
}

static void test_every_call_fails_once(void **state) {
    (void)state;
    int64_t call = 0;
    for (bool failed = true; failed;) {
        struct upload_fixture f;
        struct loose_kv loose;
        upload_fixture_open(&f, TEST_DRIVER_MEM);
        loose_kv_init(&loose, f.under.kv, false);
        upload_fixture_restart(&f, &loose.kv);
        loose.calls_left = ++call;
        failed = run(&f);
        loose.calls_left = 0;
        assert_string_equal(object_text(f.store, &f.bucket, SLICE("k"), &f.arena), "onetwo");
        struct holdings holdings = upload_fixture_tidy(&f);
        assert_int_equal(holdings.blobs, 2);
        assert_int_equal(holdings.uploads + holdings.parts, 0);
        upload_fixture_close(&f);
    }
    assert_true(call > (int64_t)ARRAY_LEN(steps));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_call_fails_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
