/* Keys of kv: in the order of what they are made of, taken apart again, within their limit. */
#include "object/key.h"

#include <stdlib.h>

#include "base/check.h"
#include "os/random.h"
#include "support/expect.h"

static const struct key_id low_id = {{0}};
static const struct key_id high_id = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

static int sign(int number) {
    return (number > 0) - (number < 0);
}

/* Strings around the group length, with the bytes that matter. */
static struct slice random_string(struct random_seeded *random, char *out, size_t cap) {
    static const char alphabet[] = {0, 1, 'a', 8, '\xfe', '\xff'};
    size_t len = random_seeded_below(random, cap + 1);
    for (size_t i = 0; i < len; i++) {
        out[i] = alphabet[random_seeded_below(random, i % 8 < 6 ? 2 : sizeof alphabet)];
    }
    return slice_of(out, len);
}

static void test_uploads_sort_by_key_and_id(void **state) {
    (void)state;
    struct random_seeded random;
    random_seeded_init(&random, 1);
    for (int i = 0; i < 100 * 1000; i++) {
        char a_bytes[20];
        char b_bytes[20];
        struct slice a = random_string(&random, a_bytes, sizeof a_bytes);
        struct slice b = random_string(&random, b_bytes, sizeof b_bytes);
        int wanted = sign(slice_cmp(a, b));
        struct key a_key = key_upload(a, wanted == 0 ? low_id : high_id);
        struct key b_key = key_upload(b, wanted == 0 ? high_id : low_id);
        int got = sign(slice_cmp(key_slice(&a_key), key_slice(&b_key)));
        assert_int_equal(got, wanted == 0 ? -1 : wanted);
    }
}

static void test_uploads_are_taken_apart(void **state) {
    (void)state;
    struct random_seeded random;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    random_seeded_init(&random, 2);
    for (int i = 0; i < 10 * 1000; i++) {
        char bytes[40];
        struct slice key = random_string(&random, bytes, sizeof bytes);
        struct slice got;
        struct key_id id;
        struct key kv_key = key_upload(key, high_id);
        arena_reset(&arena);
        expect_ok(key_upload_parse(key_slice(&kv_key), &arena, &got, &id));
        assert_true(slice_eq(got, key));
        assert_memory_equal(id.bytes, high_id.bytes, sizeof id.bytes);
        for (size_t len = 0; len < kv_key.len; len++) {
            struct slice cut = slice_take(key_slice(&kv_key), len);
            struct status s = key_upload_parse(cut, &arena, &got, &id);
            if (is_ok(s)) { /* groups and an id may end early by chance; then it is another key */
                struct key again = key_upload(got, id);
                expect_slice(key_slice(&again), cut);
            }
        }
    }
    arena_fini(&arena);
}

/* Groups that are not padded with zeros, or whose count is wrong, are damage. */
static void test_damaged_groups(void **state) {
    (void)state;
    struct arena arena;
    struct slice got;
    struct key_id id;
    arena_init(&arena, 4096, 1024 * 1024);
    struct key good = key_upload(SLICE("abc"), low_id);
    for (size_t at = 4; at <= 9; at++) { /* the padding, and the count */
        struct key bad = good;
        bad.bytes[at] = at == 9 ? 8 : 'x';
        expect_status(STATUS_CORRUPT, key_upload_parse(key_slice(&bad), &arena, &got, &id));
    }
    struct key other = good;
    other.bytes[0] = KEY_PART;
    expect_status(STATUS_CORRUPT, key_upload_parse(key_slice(&other), &arena, &got, &id));
    arena_fini(&arena);
}

/* A prefix of keys gives a prefix of kv keys. */
static void test_prefixes(void **state) {
    (void)state;
    struct random_seeded random;
    random_seeded_init(&random, 3);
    for (int i = 0; i < 100 * 1000; i++) {
        char a_bytes[20];
        char b_bytes[20];
        struct slice prefix = random_string(&random, a_bytes, sizeof a_bytes);
        struct slice key = random_string(&random, b_bytes, sizeof b_bytes);
        struct key under = key_uploads_with_prefix(prefix);
        struct key kv_key = key_upload(key, low_id);
        bool found = slice_starts_with(key_slice(&kv_key), key_slice(&under));
        if (slice_starts_with(key, prefix)) assert_true(found);
        bool ends_in_nul = prefix.len > 0 && prefix.ptr[prefix.len - 1] == 0;
        if (found && !ends_in_nul) assert_true(slice_starts_with(key, prefix));
    }
}

static void test_longest_keys_fit(void **state) {
    (void)state;
    char longest[OBJECT_KEY_MAX];
    memset(longest, 0, sizeof longest);
    struct slice name = slice_of(longest, KEY_NAME_PART_MAX);
    assert_int_equal(key_object(slice_of(longest, sizeof longest)).len, 1 + OBJECT_KEY_MAX);
    assert_true(key_upload(slice_of(longest, sizeof longest), high_id).len <= KV_KEY_MAX);
    assert_true(key_account_name(name, name, name).len <= KV_KEY_MAX);
    assert_true(key_s3_name(name, name).len <= KV_KEY_MAX);
}

static void test_account_names_do_not_run_into_each_other(void **state) {
    (void)state;
    struct key a = key_account_name(SLICE("r"), SLICE("p1"), SLICE("x"));
    struct key all = key_account_name(SLICE("r"), SLICE("p"), SLICE(""));
    assert_false(slice_starts_with(key_slice(&a), key_slice(&all)));
    struct key b = key_account_name(SLICE("r"), SLICE("p"), SLICE("name"));
    assert_true(slice_starts_with(key_slice(&b), key_slice(&all)));
    expect_text(key_account_name_parse(key_slice(&b), &all), "name");
}

static void test_parts_and_receipts(void **state) {
    (void)state;
    struct key_id id;
    uint32_t number;
    int64_t expires_ns;
    struct key part = key_part(high_id, 10000);
    struct key before = key_part(high_id, 9999);
    assert_true(slice_cmp(key_slice(&before), key_slice(&part)) < 0);
    expect_ok(key_part_parse(key_slice(&part), &id, &number));
    assert_int_equal(number, 10000);
    assert_memory_equal(id.bytes, high_id.bytes, sizeof id.bytes);
    expect_status(STATUS_CORRUPT,
                  key_part_parse(slice_take(key_slice(&part), part.len - 1), &id, &number));
    struct key late = key_receipt_end(256, low_id);
    struct key early = key_receipt_end(255, high_id);
    assert_true(slice_cmp(key_slice(&early), key_slice(&late)) < 0);
    expect_ok(key_receipt_end_parse(key_slice(&late), &expires_ns, &id));
    assert_int_equal(expires_ns, 256);
}

static void test_ids_as_text(void **state) {
    (void)state;
    struct arena arena;
    struct key_id id;
    arena_init(&arena, 256, 4096);
    assert_true(key_id_from_text(SLICE("000102030405060708090a0b0c0d0eff"), &id));
    expect_text(key_id_to_text(id, &arena), "000102030405060708090a0b0c0d0eff");
    assert_false(key_id_from_text(SLICE("000102030405060708090a0b0c0d0ef"), &id));
    assert_false(key_id_from_text(SLICE("000102030405060708090a0b0c0d0efg"), &id));
    assert_false(key_id_from_text(SLICE(""), &id));
    arena_fini(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uploads_sort_by_key_and_id),
        cmocka_unit_test(test_uploads_are_taken_apart),
        cmocka_unit_test(test_damaged_groups),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_longest_keys_fit),
        cmocka_unit_test(test_account_names_do_not_run_into_each_other),
        cmocka_unit_test(test_parts_and_receipts),
        cmocka_unit_test(test_ids_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
