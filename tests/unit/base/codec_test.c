#include "base/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"

static char storage[1024];
static struct buf out;

static struct buf *fresh(void) {
    buf_init_fixed(&out, storage, sizeof storage);
    return &out;
}

static void assert_out(const char *expected) {
    assert_true(is_ok(buf_ok(&out)));
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.ptr, expected, out.len);
}

static void test_hex(void **state) {
    (void)state;
    unsigned char bytes[4];
    hex_encode(fresh(), slice_of("\x00\x7f\x80\xff", 4));
    assert_out("007f80ff");
    assert_true(hex_decode(SLICE("007F80fF"), bytes, 4));
    assert_memory_equal(bytes, "\x00\x7f\x80\xff", 4);
    assert_true(hex_decode(SLICE(""), bytes, 0));
    assert_false(hex_decode(SLICE("007f80f"), bytes, 4));
    assert_false(hex_decode(SLICE("007f80"), bytes, 4));
    assert_false(hex_decode(SLICE("007f80ff00"), bytes, 4));
    assert_false(hex_decode(SLICE("007f80fg"), bytes, 4));
    assert_false(hex_decode(SLICE("00 f80ff"), bytes, 4));
    assert_false(hex_decode(SLICE("0x7f80ff"), bytes, 4));
}

/* RFC 4648 section 10. */
static void test_base64_published(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        char bytes[8];
        size_t len = 99;
        base64_encode(fresh(), slice_str(pairs[i][0]));
        assert_out(pairs[i][1]);
        assert_true(base64_decode(slice_str(pairs[i][1]), bytes, sizeof bytes, &len));
        assert_true(slice_eq(slice_of(bytes, len), slice_str(pairs[i][0])));
    }
    base64_encode(fresh(), slice_of("\xfb\xff\xfe", 3));
    assert_out("+//+");
}

static void test_base64_refuses(void **state) {
    (void)state;
    static const char *const broken[] = {
        "Z",    "Zg",     "Zg=",  "=",    "====", "Z===",     "Zg==Zg==", "Zg=a",     "Zh==",
        "Zm9=", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_", "Zm8=Zm9v", "Z=8=",     "Zm9v====",
    };
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        char bytes[64];
        size_t len;
        assert_false(base64_decode(slice_str(broken[i]), bytes, sizeof bytes, &len));
    }
}

static void test_base64_len(void **state) {
    (void)state;
    char bytes[6];
    size_t len;
    assert_false(base64_decode(SLICE("Zm9vYmFy"), bytes, 5, &len));
    assert_true(base64_decode(SLICE("Zm9vYmFy"), bytes, 6, &len));
    assert_false(base64_decode_exact(SLICE("Zm9vYmE="), bytes, 6));
    assert_true(base64_decode_exact(SLICE("Zm9vYmE="), bytes, 5));
}

static void test_base64_every_length(void **state) {
    (void)state;
    for (size_t len = 0; len <= 255; len++) {
        unsigned char bytes[255], back[255];
        for (size_t i = 0; i < len; i++) bytes[i] = (unsigned char)(i * 151 + len);
        base64_encode(fresh(), slice_of(bytes, len));
        assert_true(base64_decode_exact(buf_slice(&out), back, len));
        assert_memory_equal(bytes, back, len);
    }
}

static void test_percent_encode(void **state) {
    (void)state;
    percent_encode(fresh(), SLICE("AZaz09-._~"), false);
    assert_out("AZaz09-._~");
    percent_encode(fresh(), SLICE("a/b c+d%*'()\xc3\xa5"), false);
    assert_out("a%2Fb%20c%2Bd%25%2A%27%28%29%C3%A5");
    percent_encode(fresh(), SLICE("a/b c/"), true);
    assert_out("a/b%20c/");
    percent_encode(fresh(), slice_of("\0\xff", 2), true);
    assert_out("%00%FF");
}

static void test_encoders_append_whole_or_not(void **state) {
    (void)state;
    struct buf small;
    buf_init_fixed(&small, storage, 5);
    buf_append_char(&small, '!');
    hex_encode(&small, SLICE("abc"));
    assert_false(is_ok(buf_ok(&small)));
    assert_int_equal(small.len, 1);
    buf_clear(&small);
    percent_encode(&small, SLICE("a//"), false);
    assert_int_equal(small.len, 0);
    buf_clear(&small);
    base64_encode(&small, SLICE("abcd"));
    assert_int_equal(small.len, 0);
    assert_true(status_is(buf_ok(&small), STATUS_TOO_LARGE));
}

static void test_percent_decode(void **state) {
    (void)state;
    struct arena arena;
    struct slice text;
    struct slice plain = SLICE("plain+text");
    arena_init(&arena, 64, 64);
    assert_true(percent_decode(&arena, plain, false, &text));
    assert_ptr_equal(text.ptr, plain.ptr);
    assert_true(percent_decode(&arena, plain, true, &text));
    assert_true(slice_eq(text, SLICE("plain text")));
    assert_true(percent_decode(&arena, SLICE("%41%2f%2B%e2%82%aC+"), false, &text));
    assert_true(slice_eq(text, SLICE("A/+\xe2\x82\xac+")));
    assert_true(percent_decode(&arena, SLICE("%00"), false, &text));
    assert_true(slice_eq(text, slice_of("", 1)));
    assert_true(percent_decode(&arena, SLICE(""), true, &text));
    assert_int_equal(text.len, 0);
    arena_fini(&arena);
}

static void test_percent_decode_refuses(void **state) {
    (void)state;
    struct arena arena;
    struct slice text;
    arena_init(&arena, 16, 16);
    static const char *const broken[] = {"%", "a%4", "%g0", "%0g", "%%41", "%-1", "% 1"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        assert_false(percent_decode(&arena, slice_str(broken[i]), true, &text));
        assert_true(is_ok(arena_ok(&arena)));
    }
    assert_false(percent_decode(&arena, SLICE("%41 longer than it may be"), true, &text));
    assert_true(status_is(arena_ok(&arena), STATUS_NO_MEMORY));
    arena_fini(&arena);
}

static void test_utf8(void **state) {
    (void)state;
    static const char *const good[] = {
        "",
        "plain",
        "\x7f",
        "\xc2\x80",
        "\xdf\xbf",
        "\xe0\xa0\x80",
        "\xed\x9f\xbf",
        "\xee\x80\x80",
        "\xef\xbf\xbf",
        "\xf0\x90\x80\x80",
        "\xf4\x8f\xbf\xbf",
        "a\xe2\x82\xac",
    };
    static const char *const bad[] = {
        "\x80",
        "\xbf",
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xff",
        "\xfe",
        "\xc2",
        "\xe2\x82",
        "\xf0\x90\x80",
        "\xc2"
        "a",
        "\xe2\x82"
        "a",
        "\xf0\x90\x80"
        "a",
        "\xe2"
        "aa",
        "a\x80",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) assert_true(utf8_is_valid(slice_str(good[i])));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_false(utf8_is_valid(slice_str(bad[i])));
    assert_true(utf8_is_valid(slice_of("\0", 1)));
    assert_false(utf8_is_valid(slice_of("\xe2\x82\xac", 2)));
}

/* Every code point there is, encoded here by the book, is valid; every surrogate is not. */
static void test_utf8_every_character(void **state) {
    (void)state;
    for (uint32_t c = 0x800; c <= 0x10ffff; c++) {
        unsigned char bytes[4];
        size_t len = c < 0x10000 ? 3 : 4;
        for (size_t i = len; i-- > 1;)
            bytes[i] = (unsigned char)(0x80 | (c >> 6 * (len - 1 - i) & 63));
        bytes[0] = (unsigned char)(len == 3 ? 0xe0 | c >> 12 : 0xf0 | c >> 18);
        bool surrogate = c >= 0xd800 && c <= 0xdfff;
        assert_int_equal(utf8_is_valid(slice_of(bytes, len)), !surrogate);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_base64_published),
        cmocka_unit_test(test_base64_refuses),
        cmocka_unit_test(test_base64_len),
        cmocka_unit_test(test_base64_every_length),
        cmocka_unit_test(test_percent_encode),
        cmocka_unit_test(test_encoders_append_whole_or_not),
        cmocka_unit_test(test_percent_decode),
        cmocka_unit_test(test_percent_decode_refuses),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_every_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
