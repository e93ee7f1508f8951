/* Versions one by one: what is put upon what, what goes, what comes up, what is counted. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "object/config.h"
#include "object/list.h"
#include "support/expect.h"
#include "support/objects.h"

static int setup(void **state) {
    struct test_objects *t = calloc(1, sizeof *t);
    if (!t) return -1;
    test_objects_open(t);
    *state = t;
    return 0;
}

static int teardown(void **state) {
    test_objects_close(*state);
    free(*state);
    return 0;
}

static struct bucket found(struct test_objects *t) {
    struct bucket bucket;
    expect_ok(
        bucket_find(t->store, TEST_REGION, TEST_PROJECT, SLICE("b"), &t->arena, &t->note, &bucket));
    return bucket;
}

static struct bucket with_versioning(struct test_objects *t, enum bucket_versioning versioning) {
    struct bucket b = found(t);
    expect_ok(bucket_versioning_set(t->store, &b, versioning));
    return found(t);
}

static struct bucket versioned(struct test_objects *t) {
    test_bucket(t, "b");
    return with_versioning(t, BUCKET_VERSIONING_ENABLED);
}

static void put(struct test_objects *t, const struct bucket *b, const char *bytes) {
    expect_ok(test_put(t, b, SLICE("k"), slice_str(bytes), bytes, NULL));
}

/* The versions of "k", newest first, as their ETags; markers are "-", null versions have a "*". */
static struct slice history(struct test_objects *t, const struct bucket *b) {
    struct version_list_query query = {.max = LIST_PAGE_MAX};
    struct version_list_page page;
    struct slice text = SLICE("");
    expect_ok(list_versions(t->store, b, &query, &t->arena, &page));
    for (size_t i = 0; i < page.count; i++) {
        const struct object_info *info = &page.entries[i].info;
        assert_int_equal(page.entries[i].is_latest, i == 0);
        text = arena_printf(&t->arena, "%.*s%s%.*s%s", SLICE_FMT(text), i ? " " : "",
                            SLICE_FMT(info->delete_marker ? SLICE("-") : info->etag),
                            info->null_version ? "*" : "");
    }
    return text;
}

/* The nth version of "k", from 0 on, newest first. */
static struct object_version nth(struct test_objects *t, const struct bucket *b, size_t n) {
    struct version_list_query query = {.max = LIST_PAGE_MAX};
    struct version_list_page page;
    struct object_version version;
    expect_ok(list_versions(t->store, b, &query, &t->arena, &page));
    assert_true(n < page.count);
    assert_true(
        object_version_parse(object_version_text(&page.entries[n].info, &t->arena), &version));
    return version;
}

static struct object_deleted remove_version(struct test_objects *t, const struct bucket *b,
                                            struct object_version version) {
    const struct object_deletion deletion = {.key = SLICE("k"), .version = version};
    struct object_deleted deleted;
    expect_ok(object_delete_version(t->store, b, &deletion, &deleted));
    return deleted;
}

static const struct object_version null_version = {.kind = OBJECT_VERSION_NULL};

static void expect_usage(struct test_objects *t, const struct bucket *b, uint64_t objects,
                         uint64_t bytes, uint64_t versions, uint64_t version_bytes) {
    struct bucket_usage usage;
    expect_ok(bucket_usage_read(t->store, b, &usage));
    assert_int_equal(usage.objects, objects);
    assert_int_equal(usage.bytes, bytes);
    assert_int_equal(usage.versions, versions);
    assert_int_equal(usage.version_bytes, version_bytes);
}

static struct slice bytes_of(struct test_objects *t, const struct bucket *b,
                             const struct object_version *version) {
    struct object_info info;
    struct object_reader *reader;
    char bytes[64];
    struct status s =
        object_open_version(t->store, b, SLICE("k"), version, &t->arena, &info, &reader);
    if (!is_ok(s)) return slice_str(status_text(s.code));
    expect_ok(object_reader_read(reader, 0, bytes, (size_t)info.size));
    object_reader_close(&reader);
    return arena_dup(&t->arena, slice_of(bytes, (size_t)info.size));
}

/* ---- the state ------------------------------------------------------------------------------ */

static void test_state_of_a_bucket(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    assert_int_equal(b.versioning, BUCKET_VERSIONING_OFF);
    const struct bucket_lock lock = {.mode = OBJECT_LOCK_GOVERNANCE, .days = 3};
    expect_status(STATUS_CONFLICT, bucket_lock_set(t->store, &b, &lock));
    b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    assert_int_equal(b.versioning, BUCKET_VERSIONING_ENABLED);
    b = with_versioning(t, BUCKET_VERSIONING_SUSPENDED);
    assert_int_equal(b.versioning, BUCKET_VERSIONING_SUSPENDED);
    expect_status(STATUS_CONFLICT, bucket_lock_set(t->store, &b, &lock));
    b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    expect_ok(bucket_lock_set(t->store, &b, &lock));
    expect_status(STATUS_CONFLICT,
                  bucket_versioning_set(t->store, &b, BUCKET_VERSIONING_SUSPENDED));
    b = found(t);
    assert_true(b.lock.enabled);
    assert_int_equal(b.lock.mode, OBJECT_LOCK_GOVERNANCE);
    assert_int_equal(b.lock.days, 3);
    assert_int_equal(b.lock.years, 0);
    struct bucket_wanted wanted = test_bucket_wanted(SLICE("locked"));
    wanted.object_lock = true;
    struct bucket locked;
    expect_ok(bucket_create(t->store, &wanted, &t->arena, &t->note, &locked));
    assert_true(locked.lock.enabled);
    assert_int_equal(locked.versioning, BUCKET_VERSIONING_ENABLED);
}

/* ---- enabled -------------------------------------------------------------------------------- */

static void test_versions_pile_up(void **state) {
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    put(t, &b, "a");
    put(t, &b, "bb");
    put(t, &b, "ccc");
    expect_text(history(t, &b), "ccc bb a");
    expect_usage(t, &b, 1, 3, 2, 3);
    struct object_version versions[] = {nth(t, &b, 0), nth(t, &b, 1), nth(t, &b, 2)};
    expect_text(bytes_of(t, &b, &versions[0]), "ccc");
    expect_text(bytes_of(t, &b, &versions[1]), "bb");
    expect_text(bytes_of(t, &b, &versions[2]), "a");
    expect_text(bytes_of(t, &b, &null_version), "not found");
    versions[0].id.bytes[15] ^= 1;
    expect_text(bytes_of(t, &b, &versions[0]), "not found");
}

static void test_a_marker_hides_and_goes(void **state) {
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    struct object_info info;
    put(t, &b, "a");
    expect_status(STATUS_NOT_FOUND, object_find_marker(t->store, &b, SLICE("k"), &t->arena, &info));
    const struct object_deletion deletion = {
        .key = SLICE("k"), .owner_id = SLICE("o"), .owner_name = SLICE("Olga")};
    struct object_deleted deleted;
    expect_ok(object_delete_version(t->store, &b, &deletion, &deleted));
    assert_true(deleted.found && deleted.is_marker && deleted.has_version);
    assert_false(deleted.null_version);
    expect_text(history(t, &b), "- a");
    expect_text(test_get(t, &b, SLICE("k")), "not found");
    expect_ok(object_find_marker(t->store, &b, SLICE("k"), &t->arena, &info));
    assert_true(slice_eq(info.meta.owner_name, SLICE("Olga")));
    expect_usage(t, &b, 0, 0, 2, 1);
    expect_status(STATUS_CONFLICT, bucket_delete(t->store, &b, &t->note));
    /* A second one is put upon it, and one where nothing ever was. */
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_text(history(t, &b), "- - a");
    struct object_deleted gone = remove_version(t, &b, nth(t, &b, 0));
    assert_true(gone.found && gone.is_marker);
    expect_text(test_get(t, &b, SLICE("k")), "not found");
    gone = remove_version(t, &b, nth(t, &b, 0));
    assert_true(gone.is_marker);
    expect_text(test_get(t, &b, SLICE("k")), "a:a");
    expect_usage(t, &b, 1, 1, 0, 0);
    gone = remove_version(t, &b, nth(t, &b, 0));
    assert_false(gone.is_marker);
    expect_usage(t, &b, 0, 0, 0, 0);
    test_tidy(t);
    assert_int_equal(test_count_keys(t, b.incarnation, SLICE("")), 1);
    expect_ok(bucket_delete(t->store, &b, &t->note));
}

static void test_the_next_one_comes_up(void **state) {
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    put(t, &b, "a");
    put(t, &b, "b");
    put(t, &b, "c");
    struct object_version old = nth(t, &b, 2);
    remove_version(t, &b, nth(t, &b, 1));
    expect_text(history(t, &b), "c a");
    expect_text(test_get(t, &b, SLICE("k")), "c:c");
    remove_version(t, &b, nth(t, &b, 0));
    expect_text(test_get(t, &b, SLICE("k")), "a:a");
    expect_text(bytes_of(t, &b, &old), "a");
    assert_false(remove_version(t, &b, null_version).found);
    old.id.bytes[0] ^= 1;
    assert_false(remove_version(t, &b, old).found);
    expect_text(history(t, &b), "a");
}

/* ---- the null version ----------------------------------------------------------------------- */

static void test_what_was_there_before(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    put(t, &b, "old");
    expect_text(history(t, &b), "old*");
    expect_text(bytes_of(t, &b, &null_version), "old");
    b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    expect_text(history(t, &b), "old*");
    put(t, &b, "new");
    expect_text(history(t, &b), "new old*");
    expect_text(bytes_of(t, &b, &null_version), "old");
    remove_version(t, &b, nth(t, &b, 0));
    expect_text(test_get(t, &b, SLICE("k")), "old:old");
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_text(history(t, &b), "- old*");
    assert_true(remove_version(t, &b, null_version).found);
    expect_text(history(t, &b), "-");
    expect_usage(t, &b, 0, 0, 1, 0);
}

static void test_suspended_writes_replace_the_null_version(void **state) {
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    put(t, &b, "old");
    b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    put(t, &b, "v");
    b = with_versioning(t, BUCKET_VERSIONING_SUSPENDED);
    put(t, &b, "n1");
    expect_text(history(t, &b), "n1* v");
    put(t, &b, "n2");
    expect_text(history(t, &b), "n2* v");
    const struct object_deletion deletion = {.key = SLICE("k")};
    struct object_deleted deleted;
    expect_ok(object_delete_version(t->store, &b, &deletion, &deleted));
    assert_true(deleted.is_marker && deleted.null_version);
    expect_text(history(t, &b), "-* v");
    put(t, &b, "n3");
    expect_text(history(t, &b), "n3* v");
    b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    put(t, &b, "w");
    expect_text(history(t, &b), "w n3* v");
    b = with_versioning(t, BUCKET_VERSIONING_SUSPENDED);
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_text(history(t, &b), "-* w v");
    assert_true(remove_version(t, &b, null_version).is_marker);
    expect_text(test_get(t, &b, SLICE("k")), "w:w");
    expect_usage(t, &b, 1, 1, 1, 1);
    test_tidy(t);
    assert_int_equal(test_count_keys(t, b.incarnation, SLICE("b")), 2);
}

/* A bucket as it was found before it had versioning still keeps what it replaces. */
static void test_with_an_old_view_of_the_bucket(void **state) {
    struct test_objects *t = *state;
    struct bucket old = test_bucket(t, "b");
    put(t, &old, "a");
    struct bucket b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    put(t, &old, "b");
    expect_text(history(t, &b), "b a*");
    expect_ok(object_delete(t->store, &old, SLICE("k"), NULL, NULL));
    expect_text(history(t, &b), "- b a*");
    struct object_version second = nth(t, &b, 1);
    expect_text(bytes_of(t, &old, &second), "b");
}

/* The clock goes back, the order of versions stays. */
static void test_stamps_never_run_backwards(void **state) {
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    put(t, &b, "a");
    t->clock.now_ns -= INT64_C(3600) * 1000000000;
    put(t, &b, "b");
    t->clock.now_ns = 0;
    put(t, &b, "c");
    expect_text(history(t, &b), "c b a");
}

/* ---- conditions, copies --------------------------------------------------------------------- */

static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current ? status_of(STATUS_PRECONDITION) : status_ok();
}

static void test_conditions_see_no_marker(void **state) {
    const struct object_condition absent = {judge_absent};
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    put(t, &b, "a");
    expect_status(STATUS_PRECONDITION, test_put(t, &b, SLICE("k"), SLICE("x"), "x", &absent));
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    expect_ok(test_put(t, &b, SLICE("k"), SLICE("x"), "x", &absent));
    expect_text(history(t, &b), "x - a");
    const struct object_deletion first = {
        .key = SLICE("k"), .version = nth(t, &b, 2), .condition = &absent};
    const struct object_deletion marker = {
        .key = SLICE("k"), .version = nth(t, &b, 1), .condition = &absent};
    struct object_deleted deleted;
    expect_status(STATUS_PRECONDITION, object_delete_version(t->store, &b, &first, &deleted));
    expect_ok(object_delete_version(t->store, &b, &marker, &deleted));
    expect_text(history(t, &b), "x a");
}

static void test_copies_of_versions(void **state) {
    static const struct object_meta meta;
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    struct object_info source;
    struct object_info made;
    put(t, &b, "a");
    put(t, &b, "b");
    struct object_version old = nth(t, &b, 1);
    expect_ok(object_find_version(t->store, &b, SLICE("k"), &old, &t->arena, &source));
    const struct object_copy copy = {
        .source_bucket = &b, .source = &source, .bucket = &b, .key = SLICE("k"), .meta = &meta};
    expect_ok(object_share(t->store, &copy, &t->arena, &made));
    expect_text(history(t, &b), "a b a");
    assert_false(
        slice_eq(object_version_text(&made, &t->arena), object_version_text(&source, &t->arena)));
    remove_version(t, &b, old);
    expect_status(STATUS_NOT_FOUND, object_share(t->store, &copy, &t->arena, &made));
    expect_text(test_get(t, &b, SLICE("k")), "a:a");
    remove_version(t, &b, nth(t, &b, 0));
    remove_version(t, &b, nth(t, &b, 0));
    test_tidy(t);
    assert_int_equal(test_count_keys(t, b.incarnation, SLICE("")), 1);
}

/* ---- amending and locks --------------------------------------------------------------------- */

struct tagging {
    struct object_amendment amendment;
    struct object_meta meta;
};

static struct status edit(const struct object_amendment *amendment, const struct object_info *now,
                          struct object_meta *meta) {
    const struct tagging *self = (const struct tagging *)amendment;
    (void)now;
    meta->tags = self->meta.tags;
    meta->acl = self->meta.acl;
    meta->lock = self->meta.lock;
    return status_ok();
}

static void amend(struct test_objects *t, const struct bucket *b, struct object_version version,
                  const struct object_meta *meta) {
    const struct tagging tagging = {{.key = SLICE("k"), .version = version, .edit = edit}, *meta};
    struct object_info info;
    expect_ok(object_amend(t->store, b, &tagging.amendment, &t->arena, &info));
}

static void test_amends_any_version(void **state) {
    static const struct object_pair pairs[] = {{SLICE("x"), SLICE("1")}, {SLICE("y"), SLICE("")}};
    const struct object_meta tagged = {.tags = {pairs, 2}, .acl = SLICE("<acl>")};
    struct test_objects *t = *state;
    struct bucket b = test_bucket(t, "b");
    put(t, &b, "a");
    amend(t, &b, null_version, &tagged);
    b = with_versioning(t, BUCKET_VERSIONING_ENABLED);
    put(t, &b, "b");
    amend(t, &b, null_version, &tagged);
    amend(t, &b, nth(t, &b, 0), &tagged);
    expect_text(history(t, &b), "b a*");
    struct object_info info;
    expect_ok(object_find_version(t->store, &b, SLICE("k"), &null_version, &t->arena, &info));
    assert_int_equal(info.meta.tags.count, 2);
    assert_true(slice_eq(info.meta.tags.items[1].name, SLICE("y")));
    assert_true(slice_eq(info.meta.acl, SLICE("<acl>")));
    expect_text(bytes_of(t, &b, &null_version), "a");
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    const struct tagging nothing = {
        {.key = SLICE("k"), .version = {.kind = OBJECT_VERSION_CURRENT}, .edit = edit}, tagged};
    const struct tagging marker = {{.key = SLICE("k"), .version = nth(t, &b, 0), .edit = edit},
                                   tagged};
    expect_status(STATUS_NOT_FOUND,
                  object_amend(t->store, &b, &nothing.amendment, &t->arena, &info));
    expect_status(STATUS_UNSUPPORTED,
                  object_amend(t->store, &b, &marker.amendment, &t->arena, &info));
}

static struct status try_remove(struct test_objects *t, const struct bucket *b,
                                struct object_version version, bool bypasses) {
    const struct object_deletion deletion = {
        .key = SLICE("k"), .version = version, .bypasses_governance = bypasses};
    struct object_deleted deleted;
    return object_delete_version(t->store, b, &deletion, &deleted);
}

static void test_nothing_removes_a_protected_version(void **state) {
    const int64_t day_ns = INT64_C(86400) * 1000000000;
    const struct bucket_lock lock = {.mode = OBJECT_LOCK_COMPLIANCE, .days = 1};
    struct test_objects *t = *state;
    struct bucket b = versioned(t);
    put(t, &b, "free");
    expect_ok(bucket_lock_set(t->store, &b, &lock));
    put(t, &b, "kept"); /* with the old view, under the new rule */
    b = found(t);
    struct object_version kept = nth(t, &b, 0);
    struct object_version free_one = nth(t, &b, 1);
    expect_status(STATUS_DENIED, try_remove(t, &b, kept, true));
    expect_ok(object_delete(t->store, &b, SLICE("k"), NULL, NULL));
    put(t, &b, "over");
    expect_status(STATUS_DENIED, try_remove(t, &b, kept, true));
    const struct object_meta governed = {
        .lock = {OBJECT_LOCK_GOVERNANCE, t->clock.now_ns + day_ns, false}};
    const struct object_meta held = {.lock = {OBJECT_LOCK_NONE, 0, true}};
    amend(t, &b, free_one, &governed);
    expect_status(STATUS_DENIED, try_remove(t, &b, free_one, false));
    amend(t, &b, free_one, &held);
    expect_status(STATUS_DENIED, try_remove(t, &b, free_one, true));
    amend(t, &b, free_one, &governed);
    expect_ok(try_remove(t, &b, free_one, true));
    t->clock.now_ns += day_ns;
    expect_ok(try_remove(t, &b, kept, false));
    expect_text(history(t, &b), "over -");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_state_of_a_bucket),
        TEST(test_versions_pile_up),
        TEST(test_a_marker_hides_and_goes),
        TEST(test_the_next_one_comes_up),
        TEST(test_what_was_there_before),
        TEST(test_suspended_writes_replace_the_null_version),
        TEST(test_with_an_old_view_of_the_bucket),
        TEST(test_stamps_never_run_backwards),
        TEST(test_conditions_see_no_marker),
        TEST(test_copies_of_versions),
        TEST(test_amends_any_version),
        TEST(test_nothing_removes_a_protected_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
