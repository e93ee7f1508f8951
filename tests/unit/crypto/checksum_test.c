#include "crypto/checksum.h"

#include "base/check.h"
#include "support.h"

static unsigned char bytes[10000];

/* The kinds in their catalogues' own words: check values, RFCs, FIPS, xxHash's own tools. */
static const struct {
    enum checksum_kind kind;
    const char *text;
    const char *expected;
} published[] = {
    {CHECKSUM_CRC32, "123456789", "cbf43926"},
    {CHECKSUM_CRC32C, "123456789", "e3069283"},
    {CHECKSUM_CRC64NVME, "123456789", "ae8b14860a799888"},
    {CHECKSUM_CRC32, "", "00000000"},
    {CHECKSUM_CRC64NVME, "", "0000000000000000"},
    {CHECKSUM_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {CHECKSUM_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {CHECKSUM_SHA512, "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
    {CHECKSUM_MD5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
    {CHECKSUM_XXHASH64, "", "ef46db3751d8e999"},
    {CHECKSUM_XXHASH64, "abc", "44bc2cf5ad770999"},
    {CHECKSUM_XXHASH3, "", "2d06800538d394c2"},
    {CHECKSUM_XXHASH3, "abc", "78af5f94892f3950"},
    {CHECKSUM_XXHASH128, "", "99aa06d3014798d86001c324468d497f"},
    {CHECKSUM_XXHASH128, "abc", "06b05ab6733a618578af5f94892f3950"},
};

static void test_published(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(published); i++) {
        struct checksum_value value;
        checksum_of(published[i].kind, slice_str(published[i].text), &value);
        assert_int_equal(value.kind, published[i].kind);
        assert_int_equal(value.len, checksum_len(published[i].kind));
        assert_hex(value.bytes, value.len, published[i].expected);
    }
}

/* In pieces of any size, looked at in between, and forked, it is the same. */
static void test_pieces(void **state) {
    (void)state;
    fill(bytes, sizeof bytes, 1);
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        struct checksum_value whole, value;
        checksum_of((enum checksum_kind)kind, slice_of(bytes, sizeof bytes), &whole);
        for (size_t step = 1; step < 3000; step = step * 3 + 1) {
            struct checksum checksum;
            checksum_init(&checksum, (enum checksum_kind)kind);
            for (size_t at = 0; at < sizeof bytes; at += step) {
                struct checksum copy = checksum;
                struct slice rest = slice_of(bytes + at, sizeof bytes - at);
                checksum_update(&copy, slice_take(rest, step));
                checksum_update(&copy, slice_of(NULL, 0));
                checksum = copy;
                checksum_final(&checksum, &value);
            }
            assert_true(checksum_value_eq(&whole, &value));
        }
    }
}

/* Whatever lay in the memory of a struct checksum before. */
static void test_init_forgets(void **state) {
    (void)state;
    fill(bytes, sizeof bytes, 4);
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        struct checksum_value clean, dirty;
        struct checksum checksum;
        checksum_of((enum checksum_kind)kind, slice_of(bytes, 700), &clean);
        memset(&checksum, 0xa5, sizeof checksum);
        checksum_init(&checksum, (enum checksum_kind)kind);
        checksum_update(&checksum, slice_of(bytes, 700));
        checksum_final(&checksum, &dirty);
        assert_true(checksum_value_eq(&clean, &dirty));
    }
}

static void test_combine(void **state) {
    (void)state;
    size_t combining = 0;
    fill(bytes, sizeof bytes, 2);
    for (int kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        if (!checksum_combines((enum checksum_kind)kind)) continue;
        combining++;
        struct checksum_value whole, parts, next;
        checksum_of((enum checksum_kind)kind, slice_of(bytes, sizeof bytes), &whole);
        checksum_of((enum checksum_kind)kind, SLICE(""), &parts);
        for (size_t at = 0, len = 0; at < sizeof bytes; at += len) {
            len = (at * 7 + 13) % 1501;
            if (len > sizeof bytes - at) len = sizeof bytes - at;
            checksum_of((enum checksum_kind)kind, slice_of(bytes + at, len), &next);
            checksum_combine(&parts, &next, len);
        }
        assert_true(checksum_value_eq(&whole, &parts));
    }
    assert_int_equal(combining, 3);
}

static void test_names(void **state) {
    (void)state;
    enum checksum_kind kind;
    for (int i = 0; i < CHECKSUM_KIND_COUNT; i++) {
        enum checksum_kind each = (enum checksum_kind)i;
        assert_true(checksum_kind_find(slice_str(checksum_name(each)), &kind) && kind == each);
        assert_true(checksum_kind_find(slice_str(checksum_suffix(each)), &kind) && kind == each);
    }
    assert_true(checksum_kind_find(SLICE("Crc64Nvme"), &kind));
    assert_int_equal(kind, CHECKSUM_CRC64NVME);
    assert_string_equal(checksum_name(kind), "CRC64NVME");
    assert_string_equal(checksum_suffix(kind), "crc64nvme");
    assert_false(checksum_kind_find(SLICE(""), &kind));
    assert_false(checksum_kind_find(SLICE("CRC"), &kind));
    assert_false(checksum_kind_find(SLICE("CRC32CC"), &kind));
}

static void test_parse(void **state) {
    (void)state;
    struct checksum_value value, computed;
    assert_true(checksum_value_parse(CHECKSUM_CRC32, SLICE("y/Q5Jg=="), &value));
    checksum_of(CHECKSUM_CRC32, SLICE("123456789"), &computed);
    assert_true(checksum_value_eq(&value, &computed));
    assert_false(checksum_value_parse(CHECKSUM_CRC64NVME, SLICE("y/Q5Jg=="), &value));
    assert_false(checksum_value_parse(CHECKSUM_CRC32, SLICE("y/Q5Jg"), &value));
    assert_false(checksum_value_parse(CHECKSUM_CRC32, SLICE(""), &value));
    assert_true(checksum_value_parse(CHECKSUM_CRC64NVME, SLICE("rosUhgp5mIg="), &value));
    checksum_of(CHECKSUM_CRC64NVME, SLICE("123456789"), &computed);
    assert_true(checksum_value_eq(&value, &computed));
}

static void test_eq(void **state) {
    (void)state;
    struct checksum_value a, b;
    checksum_of(CHECKSUM_CRC32, SLICE("x"), &a);
    checksum_of(CHECKSUM_CRC32, SLICE("x"), &b);
    assert_true(checksum_value_eq(&a, &b));
    b.bytes[3] ^= 1;
    assert_false(checksum_value_eq(&a, &b));
    b.bytes[3] ^= 1;
    b.kind = CHECKSUM_CRC32C;
    assert_false(checksum_value_eq(&a, &b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published),    cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_init_forgets), cmocka_unit_test(test_combine),
        cmocka_unit_test(test_names),        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_eq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
