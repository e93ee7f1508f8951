/* Any pieces that are enough give any other back; layouts place every byte once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/parity.h"
#include "os/random.h"

enum { CELL = 4096 };

static void expect_rebuild(const struct parity *parity, unsigned char cells[][CELL],
                           unsigned lost_mask) {
    unsigned all = parity->data + parity->parity;
    unsigned pieces[LAYOUT_PIECES_MAX];
    unsigned char *there[LAYOUT_PIECES_MAX];
    unsigned count = 0;
    for (unsigned i = 0; i < all && count < parity->data; i++) {
        if (lost_mask >> i & 1) continue;
        pieces[count] = i;
        there[count++] = cells[i];
    }
    for (unsigned i = 0; i < all; i++) {
        unsigned char out[CELL];
        if (!(lost_mask >> i & 1)) continue;
        parity_rebuild(parity, CELL, pieces, there, i, out);
        assert_memory_equal(out, cells[i], CELL);
    }
}

static void test_every_loss_is_made_good(void **state) {
    (void)state;
    static const unsigned shapes[][2] = {{1, 0}, {1, 2}, {2, 1}, {2, 2}, {4, 2}, {8, 4}, {3, 3}};
    struct random_seeded r;
    random_seeded_init(&r, 7);
    for (size_t s = 0; s < ARRAY_LEN(shapes); s++) {
        struct parity parity;
        unsigned all = shapes[s][0] + shapes[s][1];
        unsigned char(*cells)[CELL] = malloc(all * sizeof *cells);
        unsigned char *data[LAYOUT_PIECES_MAX];
        unsigned char *out[LAYOUT_PIECES_MAX];
        parity_init(&parity, shapes[s][0], shapes[s][1]);
        for (unsigned i = 0; i < all; i++) random_fill(&r.random, cells[i], CELL);
        for (unsigned i = 0; i < parity.data; i++) data[i] = cells[i];
        for (unsigned i = 0; i < parity.parity; i++) out[i] = cells[parity.data + i];
        parity_encode(&parity, CELL, data, out);
        for (unsigned mask = 1; mask < 1U << all; mask++) {
            if ((unsigned)__builtin_popcount(mask) <= parity.parity) {
                expect_rebuild(&parity, cells, mask);
            }
        }
        free(cells);
    }
}

/* Every stripe's cells follow one another in a piece, and hold the stripe's bytes. */
static void test_layouts(void **state) {
    (void)state;
    static const uint64_t sizes[] = {1,
                                     4096,
                                     4097,
                                     65536,
                                     65537,
                                     262144,
                                     262145,
                                     1000000,
                                     UINT64_C(4096) * 65536,
                                     UINT64_C(4096) * 65536 + 1,
                                     UINT64_C(5) << 30,
                                     BLOB_SIZE_MAX};
    static const unsigned data[] = {1, 2, 4, 7};
    for (size_t d = 0; d < ARRAY_LEN(data); d++) {
        for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
            struct layout layout = {sizes[s], data[d], 2};
            uint64_t stripes = layout_stripes(&layout);
            size_t cell = layout_cell(&layout, stripes - 1);
            uint64_t rest = sizes[s] - layout_stripe_offset(&layout, stripes - 1);
            assert_true(rest > 0 && rest <= (uint64_t)data[d] * cell);
            assert_true(cell % EXTENT_UNIT == 0 && cell <= LAYOUT_BLOCK);
            assert_true((uint64_t)data[d] * cell < rest + (uint64_t)data[d] * EXTENT_UNIT);
            if (stripes > 1) assert_int_equal(layout_cell(&layout, 0), LAYOUT_BLOCK);
            assert_int_equal(
                layout_last_group(&layout) * LAYOUT_GROUP_BLOCKS + layout_last_blocks(&layout),
                stripes);
            assert_int_equal(layout_piece_units(&layout) * EXTENT_UNIT,
                             layout_block_offset(stripes - 1) + cell);
        }
    }
    /* A table lies between the last block of its group and the first of the next. */
    uint64_t last = layout_block_offset(2 * LAYOUT_GROUP_BLOCKS - 1);
    assert_int_equal(layout_table_offset(1), last + LAYOUT_BLOCK);
    assert_int_equal(layout_block_offset(2 * LAYOUT_GROUP_BLOCKS),
                     layout_table_offset(1) + LAYOUT_TABLE_SPACE);
}

static void test_tables(void **state) {
    (void)state;
    static uint32_t sums[LAYOUT_GROUP_BLOCKS];
    static uint32_t got[LAYOUT_GROUP_BLOCKS];
    static char table[LAYOUT_TABLE_SPACE];
    for (uint32_t i = 0; i < LAYOUT_GROUP_BLOCKS; i++) sums[i] = i * 2654435761U;
    struct layout_table_of whose = {{{1}}, {{2}}, 3, 4};
    layout_table_print(sums, &whose, table);
    assert_true(layout_table_parse(table, &whose, got));
    assert_memory_equal(got, sums, sizeof sums);
    struct layout_table_of others[4] = {whose, whose, whose, whose};
    others[0].partition.id[5] = 1;
    others[1].id.bytes[15] = 1;
    others[2].piece = 0;
    others[3].group = 5;
    for (size_t i = 0; i < 4; i++) assert_false(layout_table_parse(table, &others[i], got));
    table[77] ^= 1;
    assert_false(layout_table_parse(table, &whose, got));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss_is_made_good),
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
