/* Any bytes as text of bytes: what a decoder takes is what its encoder writes. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIZE_LIMIT = 4096 };

static char storage[4 * SIZE_LIMIT];
static char decoded[SIZE_LIMIT];
static struct buf out;

static void check_base64(struct slice text) {
    size_t len;
    if (!base64_decode(text, decoded, sizeof decoded, &len)) return;
    buf_init_fixed(&out, storage, sizeof storage);
    base64_encode(&out, slice_of(decoded, len));
    CHECK(slice_eq(buf_slice(&out), text)); /* one text for each value */
    CHECK(base64_decode_exact(text, decoded, len));
    CHECK(len == 0 || !base64_decode(text, decoded, len - 1, &len));
}

static void check_hex(struct slice text) {
    if (!hex_decode(text, decoded, text.len / 2)) return;
    buf_init_fixed(&out, storage, sizeof storage);
    hex_encode(&out, slice_of(decoded, text.len / 2));
    CHECK(slice_eq_nocase(buf_slice(&out), text));
}

static void check_percent(struct slice text, bool plus_is_space) {
    struct arena arena;
    struct slice plain, again;
    arena_init(&arena, 4096, 1 << 20);
    buf_init_fixed(&out, storage, sizeof storage);
    percent_encode(&out, text, plus_is_space);
    CHECK(percent_decode(&arena, buf_slice(&out), plus_is_space, &again) && slice_eq(again, text));
    if (percent_decode(&arena, text, plus_is_space, &plain)) {
        CHECK(plain.len <= text.len);
        buf_init_fixed(&out, storage, sizeof storage);
        percent_encode(&out, plain, false);
        CHECK(percent_decode(&arena, buf_slice(&out), plus_is_space, &again));
        CHECK(slice_eq(again, plain));
    }
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > SIZE_LIMIT) return 0;
    struct slice text = slice_of(data, size);
    check_base64(text);
    check_hex(text);
    check_percent(text, false);
    check_percent(text, true);
    /* Two valid texts together are one. */
    size_t half = size / 2;
    if (utf8_is_valid(slice_take(text, half)) && utf8_is_valid(slice_skip(text, half))) {
        CHECK(utf8_is_valid(text));
    }
    return 0;
}
