#include "crypto/ct.h"

#include "support.h"

static void test_equal(void **state) {
    (void)state;
    unsigned char a[64], b[64];
    fill(a, sizeof a, 5);
    memcpy(b, a, sizeof b);
    assert_true(ct_equal(a, b, sizeof a));
    for (size_t bit = 0; bit < 8 * sizeof a; bit++) {
        b[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(ct_equal(a, b, sizeof a));
        assert_true(ct_equal(a, b, bit / 8));
        b[bit / 8] = a[bit / 8];
    }
    assert_true(ct_equal(NULL, NULL, 0));
}

static void test_wipe(void **state) {
    (void)state;
    unsigned char bytes[10] = "secret...";
    ct_wipe(bytes, 6);
    assert_memory_equal(bytes, "\0\0\0\0\0\0...", 10);
    ct_wipe(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
