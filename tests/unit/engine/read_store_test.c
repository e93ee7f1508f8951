/* A reader that was written from docs/format.md alone finds what the store has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "engine/checksum.h"
#include "engine/meta.h"
#include "os/random.h"
#include "support/store.h"

enum { BATCHES = 150, KEYS = 400, VALUE_MAX = 60000 };

static const struct kv_partition parts[] = {{{0}}, {{1, 2}}, {{255, 255, 7}}};

static void random_change(struct random_seeded *r, struct kv_batch *batch) {
    static char value[VALUE_MAX];
    char key[64];
    uint64_t number = random_seeded_below(r, KEYS);
    int len = snprintf(key, sizeof key, "%s/%llu", number % 3 ? "some/common/beginning" : "k",
                       (unsigned long long)number);
    struct slice name = slice_of(key, (size_t)len);
    if (random_seeded_below(r, 4) == 0) {
        kv_batch_delete(batch, name);
        return;
    }
    size_t size = 1 + random_seeded_below(r, 400);
    if (random_seeded_below(r, 20) == 0) size = 1000 + random_seeded_below(r, VALUE_MAX - 1000);
    memset(value, (int)random_seeded_below(r, 256), size);
    kv_batch_put(batch, name, slice_of(value, size));
}

static void fill(struct test_store *store, uint64_t seed, size_t batches) {
    struct random_seeded r;
    random_seeded_init(&r, seed);
    struct kv_batch *batch = kv_batch_new();
    for (size_t i = 0; i < batches; i++) {
        kv_batch_clear(batch);
        for (size_t n = random_seeded_below(&r, 12) + 1; n > 0; n--) random_change(&r, batch);
        struct kv_partition part = parts[random_seeded_below(&r, ARRAY_LEN(parts))];
        assert_true(is_ok(kv_commit(store->kv, part, batch, NULL)));
    }
    kv_batch_free(&batch);
}

static void print_hex(FILE *out, struct slice bytes) {
    for (size_t i = 0; i < bytes.len; i++) fprintf(out, "%02x", (uint8_t)bytes.ptr[i]);
}

/* What the store says that it has, in the reader's words. */
static char *own_words(struct test_store *store) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct kv_cursor *cursor;
        bool found;
        assert_true(is_ok(kv_cursor_open(store->kv, parts[i], SLICE(""), &cursor)));
        assert_true(is_ok(kv_cursor_seek(cursor, SLICE(""), &found)));
        while (found) {
            struct slice value = kv_cursor_value(cursor);
            print_hex(out, slice_of(parts[i].id, sizeof parts[i].id));
            fputc(' ', out);
            print_hex(out, kv_cursor_key(cursor));
            fprintf(out, " %zu %08x\n", value.len, checksum_crc32c(0, value.ptr, value.len));
            assert_true(is_ok(kv_cursor_next(cursor, &found)));
        }
        kv_cursor_close(&cursor);
    }
    fclose(out);
    return text;
}

static char *readers_words(const char *folder) {
    char command[TEMP_DIR_MAX + 256];
    snprintf(command, sizeof command, "python3 %s/../../tools/read_store %s 2>&1", TEST_DATA_DIR,
             folder);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    FILE *in = popen(command, "r");
    assert_non_null(in);
    char piece[4096];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, in)) > 0) fwrite(piece, 1, n, out);
    pclose(in);
    fclose(out);
    return text;
}

static void expect_agreement(struct test_store *store) {
    char *own = own_words(store);
    char *readers = readers_words(store->dir.path);
    assert_string_equal(own, readers);
    free(own);
    free(readers);
}

static void test_the_reader_agrees(void **state) {
    (void)state;
    struct test_store store;
    test_store_open(&store, TEST_DRIVER_META);
    expect_agreement(&store);
    fill(&store, 1, BATCHES);
    expect_agreement(&store); /* all in the log */
    assert_true(is_ok(meta_checkpoint(store.meta)));
    expect_agreement(&store); /* all in the index */
    fill(&store, 2, BATCHES / 4);
    test_store_reopen(&store);
    fill(&store, 3, BATCHES / 4);
    expect_agreement(&store); /* some in both, over a start */
    test_store_close(&store);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_reader_agrees)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
