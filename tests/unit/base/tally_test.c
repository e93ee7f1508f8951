/* Many ids, each counted as often as it was added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/tally.h"

enum { IDS = 5000 };

static void id_of(unsigned n, uint8_t id[TALLY_ID_LEN]) {
    memset(id, 0, TALLY_ID_LEN);
    memcpy(id + (n % 12), &n, sizeof n);
    id[15] ^= (uint8_t)(n % 12);
}

static void test_counts(void **state) {
    (void)state;
    struct tally tally;
    uint8_t id[TALLY_ID_LEN];
    tally_init(&tally);
    id_of(1, id);
    assert_int_equal(tally_take(&tally, id), 0);
    for (unsigned n = 1; n <= IDS; n++) {
        id_of(n, id);
        for (unsigned i = 0; i < 1 + n % 3; i++) tally_add(&tally, id);
    }
    assert_int_equal(tally.count, IDS);
    for (unsigned n = 1; n <= IDS; n += 2) {
        id_of(n, id);
        assert_int_equal(tally_take(&tally, id), 1 + n % 3);
    }
    size_t at = 0;
    size_t left = 0;
    for (const struct tally_entry *entry; (entry = tally_next(&tally, &at));) left++;
    assert_int_equal(left, IDS / 2);
    tally_fini(&tally);
}

static void test_hashes_differ(void **state) {
    (void)state;
    struct tally tally;
    uint8_t id[TALLY_ID_LEN];
    tally_init(&tally);
    for (unsigned n = 0; n < IDS; n++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%u", n);
        tally_hash(text, (size_t)len, id);
        tally_add(&tally, id);
    }
    assert_int_equal(tally.count, IDS);
    tally_fini(&tally);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_hashes_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
