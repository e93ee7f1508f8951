/* Passwords: the vectors of the RFC that our salts fit, and costs that are refused. */
#include "crypto/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

static void test_known_answer(void **state) {
    (void)state;
    /* Made with Python's hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChlorideAA", n=16, r=8, p=2,
     * dklen=32). */
    static const uint8_t expected[PASSWORD_HASH_LEN] = {
        0x7a, 0x20, 0xb5, 0xd8, 0x44, 0x41, 0x57, 0x0f, 0x0d, 0x24, 0x0f,
        0x99, 0x65, 0x96, 0xfa, 0xb8, 0xd5, 0x91, 0x6d, 0xce, 0x1a, 0x53,
        0x79, 0x4f, 0xf2, 0xeb, 0xe7, 0x92, 0x1a, 0x47, 0xf9, 0x1b};
    uint8_t out[PASSWORD_HASH_LEN];
    struct password_cost cost = {.log_n = 4, .r = 8, .p = 2};
    struct status s =
        password_derive(SLICE("pleaseletmein"), (const uint8_t *)"SodiumChlorideAA", cost, out);
    assert_true(is_ok(s));
    assert_memory_equal(out, expected, sizeof out);
    assert_true(is_ok(password_derive(SLICE(""), (const uint8_t *)"SodiumChlorideAA", cost, out)));
    assert_memory_not_equal(out, expected, sizeof out);
}

static void test_costs(void **state) {
    (void)state;
    static const struct password_cost refused[] = {
        {0, 8, 1},  {14, 0, 1}, {14, 8, 0},   {14, 8, PASSWORD_PASSES_MAX + 1},
        {17, 8, 1}, {60, 8, 1}, {14, 1000, 1}};
    uint8_t out[PASSWORD_HASH_LEN];
    assert_true(password_cost_is_sane(password_cost_default));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(password_cost_is_sane(refused[i]));
        struct status s =
            password_derive(SLICE("x"), (const uint8_t *)"SodiumChlorideAA", refused[i], out);
        assert_true(status_is(s, STATUS_INVALID));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answer),
        cmocka_unit_test(test_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
