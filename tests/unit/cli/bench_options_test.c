/* The words of hink bench. */
#include "cli/bench_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"

static struct bench_options options;
static struct note note;

/* Parses words, the last of which is followed by NULL. */
static struct status parse(const char *first, ...) {
    char *argv[32];
    int argc = 0;
    struct args_result result;
    va_list words;
    va_start(words, first);
    for (const char *word = first; word != NULL; word = va_arg(words, const char *)) {
        argv[argc++] = (char *)(uintptr_t)word;
    }
    va_end(words);
    return bench_options_parse(argc, argv, &note, &options, &result);
}

static int setup(void **state) {
    (void)state;
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_REGION");
    note.text[0] = 0;
    return 0;
}

#define WHERE "--endpoint", "http://127.0.0.1:9000", "--bucket", "b"

static void test_defaults(void **state) {
    (void)state;
    assert_true(is_ok(parse("get", WHERE, "--unsigned", NULL)));
    assert_int_equal(options.operation, BENCH_GET);
    assert_int_equal(options.size_bytes, 4096);
    assert_int_equal(options.concurrency, 64);
    assert_int_equal(options.duration_ns, 10 * NS_PER_S);
    assert_int_equal(options.warmup_ns, NS_PER_S);
    assert_int_equal(options.count, 0);
    assert_int_equal(bench_objects(&options), 1000);
    assert_string_equal(options.region, "us-east-1");
    assert_null(options.access_key);
    assert_true(options.is_unsigned);
    assert_false(options.json || options.cleanup || options.insecure || options.tls);
}

static void test_everything(void **state) {
    (void)state;
    assert_true(is_ok(parse("mixed", "--endpoint=https://[::1]/", "--bucket=b.c", "--size", "1MiB",
                            "--concurrency", "7", "--count", "99", "--objects", "12", "--warmup",
                            "0s", "--access-key", "AK", "--secret-key", "SK", "--region", "r",
                            "--timeout", "500ms", "--threads", "2", "--cleanup", "--json",
                            "--insecure", "--reuse", NULL)));
    assert_int_equal(options.operation, BENCH_MIXED);
    assert_int_equal(options.size_bytes, 1 << 20);
    assert_int_equal(options.concurrency, 7);
    assert_int_equal(options.count, 99);
    assert_int_equal(options.warmup_ns, 0);
    assert_int_equal(options.timeout_ns, 500 * NS_PER_MS);
    assert_int_equal(bench_objects(&options), 12);
    assert_string_equal(options.access_key, "AK");
    assert_string_equal(options.secret_key, "SK");
    assert_string_equal(options.region, "r");
    assert_true(options.cleanup && options.json && options.insecure && options.tls &&
                options.reuse);
}

static void assert_endpoint(const char *url, const char *host, const char *port,
                            const char *authority) {
    assert_true(is_ok(parse("get", "--bucket", "b", "--unsigned", "--endpoint", url, NULL)));
    assert_string_equal(options.host, host);
    assert_string_equal(options.port, port);
    assert_string_equal(options.authority, authority);
}

static void test_endpoints(void **state) {
    (void)state;
    static const char *const bad[] = {"127.0.0.1:9000", "ftp://h",    "http://",
                                      "http://:80",     "http://h:",  "http://h:0",
                                      "http://h:65536", "http://h:x", "http://h/path",
                                      "http://h?q",     "http://u@h", "http://[::1",
                                      "http://[]:80",   "http://h h", "http://h/ "};
    assert_endpoint("http://127.0.0.1:9000", "127.0.0.1", "9000", "127.0.0.1:9000");
    assert_endpoint("http://127.0.0.1:9000/", "127.0.0.1", "9000", "127.0.0.1:9000");
    assert_endpoint("HTTP://name", "name", "80", "name");
    assert_endpoint("https://name", "name", "443", "name");
    assert_endpoint("https://[2001:db8::1]:9000", "2001:db8::1", "9000", "[2001:db8::1]:9000");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct status s = parse("get", "--bucket=b", "--unsigned", "--endpoint", bad[i], NULL);
        assert_true(status_is(s, STATUS_INVALID));
        assert_non_null(strstr(note.text, "is not http://HOST[:PORT] or https://HOST[:PORT]"));
    }
}

static void test_keys(void **state) {
    (void)state;
    assert_false(is_ok(parse("get", WHERE, NULL)));
    assert_non_null(strstr(note.text, "or --unsigned are needed"));
    setenv("AWS_ACCESS_KEY_ID", "ENVAK", 1);
    assert_false(is_ok(parse("get", WHERE, NULL)));
    assert_string_equal(note.text, "an access key and its secret key go together");
    setenv("AWS_SECRET_ACCESS_KEY", "ENVSK", 1);
    setenv("AWS_REGION", "europe-se-1", 1);
    assert_true(is_ok(parse("get", WHERE, NULL)));
    assert_string_equal(options.access_key, "ENVAK");
    assert_string_equal(options.secret_key, "ENVSK");
    assert_string_equal(options.region, "europe-se-1");
    /* A pair is taken from one place. */
    assert_false(is_ok(parse("get", WHERE, "--access-key", "AK", NULL)));
    assert_true(is_ok(parse("get", WHERE, "--access-key", "AK", "--secret-key", "SK", NULL)));
    assert_string_equal(options.access_key, "AK");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_ACCESS_KEY_ID");
    assert_false(is_ok(parse("put", WHERE, "--unsigned", "--cleanup", NULL)));
    assert_string_equal(note.text, "--cleanup needs an access key");
}

static void assert_refused(const char *expected, const char *option, const char *value) {
    assert_true(status_is(parse("get", WHERE, "--unsigned", option, value, NULL), STATUS_INVALID));
    assert_string_equal(note.text, expected);
}

static void test_refusals(void **state) {
    (void)state;
    assert_false(is_ok(parse(NULL, NULL)));
    assert_string_equal(note.text, "which of get, put, head, delete, list, mixed?");
    assert_false(is_ok(parse("gett", WHERE, NULL)));
    assert_string_equal(note.text, "unknown operation 'gett'; did you mean get?");
    assert_false(is_ok(parse("get", "--bucket", "b", NULL)));
    assert_string_equal(note.text, "--endpoint URL is needed");
    assert_false(is_ok(parse("get", "--endpoint", "http://h", NULL)));
    assert_string_equal(note.text, "--bucket BUCKET is needed");
    assert_false(is_ok(parse("get", "--endpoint", "http://h", "--bucket", "a/b", NULL)));
    assert_string_equal(note.text, "--bucket: 'a/b' is not a bucket's name");
    assert_refused("--concurrency: from 1 to 20000", "--concurrency", "0");
    assert_refused("--concurrency: from 1 to 20000", "--concurrency", "20001");
    assert_refused("--objects, --count, --skip: at most 99999999", "--objects", "100000000");
    assert_refused("--threads: at most 64", "--threads", "65");
    assert_refused("--timeout, --duration: at least a millisecond", "--duration", "0s");
    assert_false(is_ok(parse("get", WHERE, "--unsigned", "--count=1", "--duration=1s", NULL)));
    assert_string_equal(note.text, "--count and --duration exclude each other");
}

static void test_objects(void **state) {
    (void)state;
    assert_true(is_ok(parse("put", WHERE, "--unsigned", NULL)));
    assert_int_equal(bench_objects(&options), 0);
    assert_true(is_ok(parse("delete", WHERE, "--unsigned", "--count", "5", NULL)));
    assert_int_equal(bench_objects(&options), 5);
    assert_true(is_ok(parse("delete", WHERE, "--unsigned", "--objects", "6", NULL)));
    assert_int_equal(bench_objects(&options), 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_defaults, setup),
        cmocka_unit_test_setup(test_everything, setup),
        cmocka_unit_test_setup(test_endpoints, setup),
        cmocka_unit_test_setup(test_keys, setup),
        cmocka_unit_test_setup(test_refusals, setup),
        cmocka_unit_test_setup(test_objects, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
