#include "server/access_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"
#include "json/reader.h"
#include "support/temp_dir.h"

static struct temp_dir dir;
static char path[TEMP_DIR_MAX + 16];
static char content[256 * 1024];

static int setup(void **state) {
    (void)state;
    temp_dir_make(&dir);
    snprintf(path, sizeof path, "%s/access.log", dir.path);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    temp_dir_remove(&dir);
    return 0;
}

/* What the log has after one request. */
static struct slice line_of(enum access_log_format format, const struct access_record *record) {
    struct note note = {0};
    struct access_log *log;
    remove(path);
    assert_true(is_ok(access_log_open(path, format, &note, &log)));
    access_log_write(log, record);
    access_log_close(&log);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(content, 1, sizeof content, file);
    fclose(file);
    assert_true(len > 0 && content[len - 1] == '\n');
    struct slice line = slice_of(content, len - 1);
    assert_int_equal(slice_find_char(line, '\n'), line.len);
    return line;
}

static bool has(struct slice line, const char *text) {
    return slice_find(line, slice_str(text), 0) < line.len;
}

static const enum access_log_format formats[] = {ACCESS_LOG_JSON, ACCESS_LOG_S3};

static void test_signatures_stay_out(void **state) {
    (void)state;
    static const char *const urls[] = {
        "/b/k?X-Amz-Signature=TOPSECRET&x=y",
        "/b/k?x=y&x-amz-credential=TOPSECRET",
        "/b/k?Signature=TOPSECRET&x=y",
        /* The name is decoded before it is understood. */
        "/b/k?X%2DAmz%2dSignature=TOPSECRET&x=y",
        "/b/k?%53ignature=TOPSECRET&x=y",
        "/b/k?X-Amz-Security-Toke%6e=TOPSECRET&x=y",
    };
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
            struct access_record target = {.method = SLICE("GET"), .target = slice_str(urls[i])};
            struct access_record referer = {.method = SLICE("GET"), .referer = slice_str(urls[i])};
            struct slice line = line_of(formats[f], &target);
            assert_false(has(line, "TOPSECRET"));
            assert_true(has(line, "x=y") || i == 5);
            line = line_of(formats[f], &referer);
            assert_false(has(line, "TOPSECRET"));
        }
    }
}

static void test_other_parameters_are_logged(void **state) {
    (void)state;
    struct access_record record = {
        .method = SLICE("GET"),
        .target = SLICE("/b/k%20x?Signatur=1&%zz=2&X-Amz-SignatureX=3&prefix=a%2Fb")};
    struct slice line = line_of(ACCESS_LOG_JSON, &record);
    assert_true(has(line, "/b/k%20x?Signatur=1&%zz=2&X-Amz-SignatureX=3&prefix=a%2Fb"));
    line = line_of(ACCESS_LOG_S3, &record);
    assert_true(has(line, "\"GET /b/k%20x?Signatur=1&%zz=2&X-Amz-SignatureX=3&prefix=a%2Fb HTTP"));
}

/* A quote in a request must not end a field of the log. */
static void test_fields_cannot_be_forged(void **state) {
    (void)state;
    struct access_record record = {.method = SLICE("GET"),
                                   .target = SLICE("/b/k\"forged\xff"),
                                   .referer = SLICE("http://x/\"forged\""),
                                   .user_agent = SLICE("a\"forged")};
    struct slice line = line_of(ACCESS_LOG_S3, &record);
    assert_false(has(line, "\"forged"));
    assert_true(has(line, "\"GET /b/k%22forged%FF HTTP/1.0\""));
    assert_true(has(line, "\"http://x/%22forged%22\" \"a%22forged\""));
}

/* Nobody stays out of the log by what needs much room in it. */
static void test_the_longest_line(void **state) {
    (void)state;
    static char bytes[20 * 1024];
    memset(bytes, 0xff, sizeof bytes);
    struct slice all = slice_of(bytes, sizeof bytes);
    struct access_record record = {.time_ns = INT64_MAX,
                                   .duration_ns = INT64_MAX,
                                   .request_id = SLICE("0123456789ABCDEF"),
                                   .peer = SLICE("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                                   .requester = all,
                                   .access_key = all,
                                   .project = all,
                                   .operation = SLICE("REST.DELETE.INTELLIGENT_TIERING"),
                                   .bucket = all,
                                   .bucket_owner = all,
                                   .key = all,
                                   .method = all,
                                   .target = all,
                                   .host = all,
                                   .referer = all,
                                   .user_agent = all,
                                   .error_code = SLICE("RequestHeaderSectionTooLarge"),
                                   .signature_version = SLICE("SigV4"),
                                   .auth_type = SLICE("QueryString"),
                                   .tls_version = SLICE("TLSv1.3"),
                                   .status = 500,
                                   .bytes_received = UINT64_MAX - 1,
                                   .bytes_sent = UINT64_MAX - 1,
                                   .object_size = UINT64_MAX - 1};
    struct slice line = line_of(ACCESS_LOG_JSON, &record);
    struct json *parsed = NULL;
    struct note note = {0};
    assert_true(is_ok(json_parse(line, &note, &parsed)));
    json_free(&parsed);
    assert_true(has(line, "0123456789ABCDEF"));
    line = line_of(ACCESS_LOG_S3, &record);
    assert_true(has(line, "0123456789ABCDEF"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signatures_stay_out),
        cmocka_unit_test(test_other_parameters_are_logged),
        cmocka_unit_test(test_fields_cannot_be_forged),
        cmocka_unit_test(test_the_longest_line),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
