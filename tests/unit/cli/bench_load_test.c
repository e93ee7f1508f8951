/* A load against a server of the test, which keeps books of what it was asked. */
#include "cli/bench_load.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/date.h"
#include "cli/bench.h"
#include "cli/bench_report.h"
#include "http/framing.h"
#include "net/server.h"

enum { OBJECTS_MAX = 20000, BODY_LEN = 3000 };

/* How the server is to misbehave; each in every n-th request, 0 for never. */
struct behaviour {
    unsigned refuse;      /* 503 SlowDown */
    unsigned hang_up;     /* closes after the answer without saying so before */
    unsigned cut;         /* closes in the middle of the answer */
    unsigned say_nothing; /* closes without an answer */
    unsigned stall_ms;    /* of every request */
    bool chunked;
};

static struct {
    struct net_server *server;
    struct behaviour behaviour;
    pthread_mutex_t lock;
    unsigned requests;
    unsigned methods[HTTP_COPY + 1];
    unsigned unsigned_requests;
    unsigned bad_bodies;
    bool there[OBJECTS_MAX];
} books;

static char body[BODY_LEN];

/* What becomes of one request. */
struct decision {
    int status;
    bool say_nothing;
    bool cut;
    bool hang_up;
    bool chunked;
    unsigned stall_ms;
};

static bool every(unsigned n) {
    return n > 0 && books.requests % n == 0;
}

/* The index in ".../hinkbench/NNNNNNNN". */
static size_t index_of(const struct http_head *head) {
    uint64_t index = OBJECTS_MAX;
    size_t at = slice_find(head->path, SLICE("/b/hinkbench/"), 0);
    if (at == 0) (void)slice_parse_u64(slice_skip(head->path, 13), &index);
    return index < OBJECTS_MAX ? (size_t)index : OBJECTS_MAX;
}

static enum net_next answer(struct net_conn *conn, const struct decision *decision,
                            struct slice content, bool is_head) {
    char text[256];
    struct sink *sink = net_conn_sink(conn);
    bool chunked = decision->chunked && !is_head && content.len > 0;
    struct slice sent = decision->cut ? slice_take(content, content.len / 2) : content;
    int len = snprintf(text, sizeof text, "HTTP/1.1 %d X\r\nServer: test\r\n", decision->status);
    if (chunked) {
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", content.len);
    } else {
        len += snprintf(text + len, sizeof text - (size_t)len, "Content-Length: %zu\r\n\r\n",
                        content.len);
    }
    struct status s = sink_write(sink, slice_of(text, (size_t)len));
    if (is_ok(s) && !is_head) s = sink_write(sink, sent);
    if (is_ok(s) && chunked && !decision->cut) s = sink_write(sink, SLICE("\r\n0\r\n\r\n"));
    return is_ok(s) && !decision->cut && !decision->hang_up ? NET_KEEP : NET_CLOSE;
}

static void take_body(struct net_conn *conn, const struct http_head *head) {
    struct http_body_source source;
    char piece[1000];
    size_t at = 0;
    bool end = false, same = true;
    http_body_source_init(&source, head, net_conn_source(conn), NULL);
    while (!end) {
        size_t len = 0;
        if (!is_ok(source_pull(&source.source, piece, sizeof piece, &len, &end))) break;
        for (size_t i = 0; i < len; i++) same = same && piece[i] == body[(at + i) % BODY_LEN];
        at += len;
    }
    pthread_mutex_lock(&books.lock);
    if (!end || !same || at != head->content_length) books.bad_bodies++;
    pthread_mutex_unlock(&books.lock);
}

/* Writes the request into the books, and says what it gets. */
static struct decision enter(const struct http_head *head) {
    pthread_mutex_lock(&books.lock);
    size_t index = index_of(head);
    books.requests++;
    books.methods[head->method]++;
    if (http_head_count(head, SLICE("authorization")) == 0) books.unsigned_requests++;
    struct decision decision = {.status = 200,
                                .say_nothing = every(books.behaviour.say_nothing),
                                .cut = every(books.behaviour.cut),
                                .hang_up = every(books.behaviour.hang_up),
                                .chunked = books.behaviour.chunked,
                                .stall_ms = books.behaviour.stall_ms};
    if (every(books.behaviour.refuse)) {
        decision.status = 503;
    } else if (head->method == HTTP_PUT && index < OBJECTS_MAX && !decision.say_nothing) {
        books.there[index] = true;
    } else if (head->method == HTTP_DELETE && index < OBJECTS_MAX && !decision.say_nothing) {
        books.there[index] = false;
        decision.status = 204;
    } else if (index < OBJECTS_MAX && !books.there[index]) {
        decision.status = 404;
    }
    pthread_mutex_unlock(&books.lock);
    return decision;
}

static enum net_next serve(void *context, struct net_conn *conn) {
    (void)context;
    struct http_head head;
    size_t head_len;
    struct slice bytes = net_conn_bytes(conn);
    if (http_head_parse(bytes, &head, &head_len, NULL) != HTTP_HEAD_COMPLETE) return NET_ABORT;
    net_conn_consume(conn, head_len);
    if (head.method == HTTP_PUT) take_body(conn, &head);
    struct decision decision = enter(&head);
    if (decision.say_nothing) return NET_CLOSE;
    if (decision.stall_ms > 0) usleep(decision.stall_ms * 1000);
    struct slice content = decision.status == 200 ? slice_of(body, BODY_LEN) : SLICE("");
    if (decision.status == 503) content = SLICE("<Error><Code>SlowDown</Code></Error>");
    if (decision.status == 404) content = SLICE("<Error><Code>NoSuchKey</Code></Error>");
    if (head.method == HTTP_PUT && decision.status == 200) content = SLICE("");
    return answer(conn, &decision, content, head.method == HTTP_HEAD);
}

static bool head_ready(struct slice bytes, size_t scanned, size_t *ret_scanned) {
    return http_head_may_be_complete(bytes, scanned, ret_scanned);
}

/* Changes how the server behaves from now on. */
static void behave(struct behaviour behaviour) {
    pthread_mutex_lock(&books.lock);
    books.behaviour = behaviour;
    pthread_mutex_unlock(&books.lock);
}

/* The books as they are now. */
static struct {
    unsigned requests;
    unsigned methods[HTTP_COPY + 1];
    unsigned unsigned_requests;
    unsigned bad_bodies;
    bool there[OBJECTS_MAX];
} seen;

static void look(void) {
    pthread_mutex_lock(&books.lock);
    seen.requests = books.requests;
    memcpy(seen.methods, books.methods, sizeof seen.methods);
    seen.unsigned_requests = books.unsigned_requests;
    seen.bad_bodies = books.bad_bodies;
    memcpy(seen.there, books.there, sizeof seen.there);
    pthread_mutex_unlock(&books.lock);
}

static struct bench_options options;
static struct net_client_addresses addresses;
static struct bench_load load;
static struct bench_plan plan;
static struct bench_result *result;

static void server_start(void) {
    static const struct net_handler handler = {.head_ready = head_ready, .serve = serve};
    struct net_listener_config listener = {0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    memcpy(&listener.address, &in, sizeof in);
    listener.address_len = sizeof in;
    struct net_config config = {.listeners = &listener, .listener_count = 1, .handler = &handler};
    struct note note;
    struct net_address address;
    assert_true(is_ok(net_server_open(&config, &note, &books.server)));
    assert_true(is_ok(net_server_start(books.server, &note)));
    net_server_address(books.server, 0, &address);
    snprintf(options.port, sizeof options.port, "%u", address.port);
}

static int setup(void **state) {
    (void)state;
    memset(&books, 0, sizeof books);
    pthread_mutex_init(&books.lock, NULL);
    options = (struct bench_options){.bucket = "b",
                                     .endpoint = "http://127.0.0.1",
                                     .size_bytes = BODY_LEN,
                                     .concurrency = 8,
                                     .threads = 2,
                                     .timeout_ns = 10 * NS_PER_S,
                                     .access_key = "AK",
                                     .secret_key = "SK",
                                     .region = "r",
                                     .host = "127.0.0.1",
                                     .authority = "127.0.0.1"};
    for (size_t i = 0; i < BODY_LEN; i++) body[i] = (char)(i * 31 >> 2);
    server_start();
    assert_true(is_ok(net_client_resolve("127.0.0.1", options.port, NULL, &addresses)));
    plan = (struct bench_plan){.operation = BENCH_GET, .objects = 50, .lag = 8};
    load = (struct bench_load){.options = &options,
                               .plan = &plan,
                               .addresses = &addresses,
                               .sign = true,
                               .count = 400,
                               .body = body,
                               .body_len = BODY_LEN};
    memset(load.body_sha256, 'a', sizeof load.body_sha256);
    for (size_t i = 0; i < 50; i++) books.there[i] = true;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    net_server_close(&books.server);
    pthread_mutex_destroy(&books.lock);
    free(result);
    result = NULL;
    return 0;
}

static void run(void) {
    struct note note = {0};
    free(result);
    result = NULL;
    struct status s = bench_load_run(&load, &note, &result);
    if (!is_ok(s)) fail_msg("%s", note.text);
    look();
}

static uint64_t succeeded(enum bench_operation operation) {
    return result->tallies[operation].latency_ns.count;
}

static void test_get(void **state) {
    (void)state;
    run();
    assert_int_equal(succeeded(BENCH_GET), 400);
    assert_int_equal(result->errors.total, 0);
    assert_int_equal(result->tallies[BENCH_GET].bytes, 400 * BODY_LEN);
    assert_int_equal(seen.methods[HTTP_GET], 400);
    assert_int_equal(seen.requests, 400);
    assert_int_equal(seen.unsigned_requests, 0);
    assert_true(result->elapsed_ns > 0);
    assert_true(result->tallies[BENCH_GET].latency_ns.max > 0);
}

static void test_chunked_and_unsigned(void **state) {
    (void)state;
    behave((struct behaviour){.chunked = true});
    load.sign = false;
    run();
    assert_int_equal(succeeded(BENCH_GET), 400);
    assert_int_equal(result->tallies[BENCH_GET].bytes, 400 * BODY_LEN);
    assert_int_equal(seen.unsigned_requests, 400);
}

static void test_put_then_delete(void **state) {
    (void)state;
    plan = (struct bench_plan){.operation = BENCH_PUT, .objects = 300, .tickets = 300};
    load.count = 0;
    run();
    assert_int_equal(succeeded(BENCH_PUT), 300);
    assert_int_equal(result->tallies[BENCH_PUT].bytes, 300 * BODY_LEN);
    assert_int_equal(seen.bad_bodies, 0);
    for (size_t i = 0; i < 300; i++) assert_true(seen.there[i]);
    assert_false(seen.there[300]);
    plan.operation = BENCH_DELETE;
    run();
    assert_int_equal(succeeded(BENCH_DELETE), 300);
    for (size_t i = 0; i < 300; i++) assert_false(seen.there[i]);
}

/* A body that is larger than what socket buffers take, and than the bytes that it is made of. */
static void test_put_large(void **state) {
    (void)state;
    options.size_bytes = 9000 * 1000;
    options.concurrency = 3;
    plan = (struct bench_plan){.operation = BENCH_PUT, .objects = 5, .tickets = 5};
    load.count = 0;
    run();
    assert_int_equal(succeeded(BENCH_PUT), 5);
    assert_int_equal(seen.bad_bodies, 0);
}

static void test_mixed(void **state) {
    (void)state;
    plan.operation = BENCH_MIXED;
    load.count = 2000;
    run();
    assert_int_equal(result->errors.total, 0);
    assert_int_equal(succeeded(BENCH_GET), 1200);
    assert_int_equal(succeeded(BENCH_LIST), 100);
    assert_int_equal(seen.methods[HTTP_GET], 1300);
    assert_int_equal(succeeded(BENCH_PUT), 400);
    assert_true(succeeded(BENCH_DELETE) > 80);
}

static void test_errors_are_counted_by_kind(void **state) {
    (void)state;
    behave((struct behaviour){.refuse = 10});
    plan.objects = 100; /* half of them are not there */
    run();
    uint64_t missing = 0, slow = 0;
    for (size_t i = 0; i < result->errors.kind_count; i++) {
        const struct bench_error *kind = &result->errors.kinds[i];
        if (kind->status == 404 && strcmp(kind->code, "NoSuchKey") == 0) missing = kind->count;
        if (kind->status == 503 && strcmp(kind->code, "SlowDown") == 0) slow = kind->count;
    }
    assert_int_equal(slow, 40);
    assert_true(missing > 100);
    assert_int_equal(slow + missing, result->errors.total);
    assert_int_equal(succeeded(BENCH_GET) + result->errors.total, 400);
}

/* Connections that are closed between requests are no errors; those closed in an answer are. */
static void test_closed_connections(void **state) {
    (void)state;
    behave((struct behaviour){.hang_up = 7});
    run();
    assert_int_equal(succeeded(BENCH_GET), 400);
    assert_int_equal(result->errors.total, 0);
    behave((struct behaviour){.cut = 20});
    run();
    assert_true(result->errors.total > 0);
    assert_int_equal(succeeded(BENCH_GET) + result->errors.total, 400);
    assert_int_equal(result->errors.kinds[0].status, 0);
}

/* A request that got no answer is sent once more on a connection that was used before. */
static void test_unanswered_is_repeated_once(void **state) {
    (void)state;
    behave((struct behaviour){.say_nothing = 1});
    load.count = 20;
    run();
    assert_int_equal(succeeded(BENCH_GET), 0);
    assert_int_equal(result->errors.total, 20);
    assert_int_equal(seen.requests, 20);
    behave((struct behaviour){.say_nothing = 50});
    load.count = 400;
    run();
    assert_true(result->errors.total <= 1);
    assert_true(succeeded(BENCH_GET) >= 399);
}

static void test_timeout(void **state) {
    (void)state;
    behave((struct behaviour){.stall_ms = 700});
    options.timeout_ns = 100 * NS_PER_MS;
    load.count = 8;
    run();
    assert_int_equal(result->errors.total, 8);
    assert_string_equal(result->errors.kinds[0].code, "timeout");
}

static void test_duration_and_warmup(void **state) {
    (void)state;
    load.count = 0;
    load.warmup_ns = 100 * NS_PER_MS;
    load.duration_ns = 200 * NS_PER_MS;
    run();
    assert_int_equal(result->errors.total, 0);
    assert_true(succeeded(BENCH_GET) > 0);
    assert_true(result->tickets > succeeded(BENCH_GET));
    assert_int_equal(seen.requests, result->tickets);
    assert_true(result->elapsed_ns >= 150 * NS_PER_MS);
}

static void test_stop_on_error(void **state) {
    (void)state;
    behave((struct behaviour){.refuse = 1});
    load.stop_on_error = true;
    load.count = 0;
    run();
    assert_in_range(result->errors.total, 1, options.concurrency);
}

static void test_nobody_listens(void **state) {
    (void)state;
    net_server_close(&books.server);
    load.count = 16;
    run();
    assert_int_equal(result->errors.total, 16);
    assert_int_equal(result->errors.kinds[0].status, 0);
    assert_string_equal(result->errors.kinds[0].code, "Connection refused");
}

static volatile sig_atomic_t interrupted;

static void interrupt(void *context, const struct bench_progress *progress) {
    (void)context;
    if (progress->requests > 10) interrupted = 1;
}

static void test_interruption(void **state) {
    (void)state;
    load.count = 0;
    load.interrupted = &interrupted;
    load.on_progress = interrupt;
    run();
    assert_true(succeeded(BENCH_GET) > 10);
}

static void test_report(void **state) {
    (void)state;
    behave((struct behaviour){.refuse = 10});
    run();
    char storage[8192];
    struct buf json;
    buf_init_fixed(&json, storage, sizeof storage - 1);
    bench_report_json(&options, result, &json);
    assert_true(is_ok(buf_ok(&json)));
    storage[json.len] = 0;
    assert_non_null(strstr(storage, "\"operation\":\"get\""));
    assert_non_null(strstr(storage, "\"operations\":360,\"ops_per_second\":"));
    assert_non_null(strstr(storage,
                           "\"errors\":40,\"errors_by_kind\":[{\"status\":503,"
                           "\"code\":\"SlowDown\",\"count\":40}]"));
    assert_non_null(strstr(storage, "\"latency_us\":{\"p50\":"));
    assert_non_null(strstr(storage, "\"p999\":"));
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bench_report_print(&options, result, out);
    fclose(out);
    assert_non_null(strstr(text, "get: 360 requests in "));
    assert_non_null(strstr(text, "  errors    40\n            40 of 503 SlowDown\n"));
    free(text);
}

/* The command as a whole: objects are made, measured and deleted. */
static int command(const char *operation, const char *last) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%s", options.port);
    const char *words[] = {operation, "--endpoint",   endpoint, "--bucket",     "b",   "--count",
                           "100",     "--objects",    "20",     "--size",       "1kB", "--warmup",
                           "0s",      "--access-key", "AK",     "--secret-key", "SK",  "--json",
                           last};
    int code = bench_main(ARRAY_LEN(words), (char **)(uintptr_t)words);
    look();
    return code;
}

static void test_command(void **state) {
    (void)state;
    memset(books.there, 0, sizeof books.there);
    assert_int_equal(command("get", "--threads=1"), 0);
    assert_int_equal(seen.methods[HTTP_PUT], 20);
    assert_int_equal(seen.methods[HTTP_GET], 100);
    for (size_t i = 0; i < 20; i++) assert_true(seen.there[i]);
    assert_int_equal(command("get", "--reuse"), 0);
    assert_int_equal(seen.methods[HTTP_PUT], 20);
    assert_int_equal(command("mixed", "--cleanup"), 0);
    for (size_t i = 0; i < 100; i++) assert_false(seen.there[i]);
    assert_int_equal(command("put", "--unsigned"), 0);
    assert_int_equal(command("get", "--nonsense"), 2);
    behave((struct behaviour){.refuse = 1});
    assert_int_equal(command("get", "--threads=1"), 1);
    net_server_close(&books.server);
    assert_int_equal(command("get", "--threads=1"), 1);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_get),
        TEST(test_chunked_and_unsigned),
        TEST(test_put_then_delete),
        TEST(test_put_large),
        TEST(test_mixed),
        TEST(test_errors_are_counted_by_kind),
        TEST(test_closed_connections),
        TEST(test_unanswered_is_repeated_once),
        TEST(test_timeout),
        TEST(test_duration_and_warmup),
        TEST(test_stop_on_error),
        TEST(test_nobody_listens),
        TEST(test_interruption),
        TEST(test_report),
        TEST(test_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
