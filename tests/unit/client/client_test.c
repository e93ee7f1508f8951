/* Requests to others: what comes back, what is reused, and what is bounded. */
#include "client/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/date.h"
#include "os/clock.h"
#include "support/http_peer.h"

struct fixture {
    struct http_peer peer;
    struct client *client;
    struct arena arena;
    struct note note;
    char seen[256]; /* of the last request: its header X-Word, and its body */
};

static bool answer(struct http_peer *peer, const struct http_peer_request *request,
                   struct buf *out) {
    struct fixture *f = peer->context;
    struct slice word = http_peer_header(request, "x-word");
    snprintf(f->seen, sizeof f->seen, "%.*s %.*s %.*s|%.*s", SLICE_FMT(request->method),
             SLICE_FMT(request->target), SLICE_FMT(word), SLICE_FMT(request->body));
    if (slice_eq(request->target, SLICE("/hang-up"))) return false;
    if (slice_eq(request->target, SLICE("/elsewhere"))) {
        http_peer_say(out, 302, "Location: /here\r\n", SLICE(""));
    } else if (slice_eq(request->target, SLICE("/continue"))) {
        buf_append_str(out, "HTTP/1.1 100 Continue\r\nX-First: 1\r\n\r\n");
        http_peer_say(out, 200, "X-Second: 2\r\n", SLICE("end"));
    } else if (slice_eq(request->target, SLICE("/cut"))) {
        buf_append_str(out,
                       "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nab");
        return true;
    } else if (slice_eq(request->target, SLICE("/large-head"))) {
        buf_append_str(out, "HTTP/1.1 200 OK\r\n");
        for (int i = 0; i < 1000; i++) buf_printf(out, "X-%d: %0100d\r\n", i, 0);
        buf_append_str(out, "Content-Length: 0\r\n\r\n");
    } else {
        http_peer_say(out, 200, "X-Subject-Token:  tok \r\n", SLICE("0123456789"));
    }
    return true;
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) return -1;
    f->peer = (struct http_peer){.answer = answer, .context = f};
    http_peer_start(&f->peer);
    arena_init(&f->arena, 16 * 1024, 64 * 1024 * 1024);
    struct client_options options = {.connections = 2};
    assert_true(is_ok(client_open(&options, &f->note, &f->client)));
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    client_close(&f->client);
    http_peer_stop(&f->peer);
    arena_fini(&f->arena);
    free(f);
    return 0;
}

static struct status send_to(struct fixture *f, const char *method, const char *path,
                             size_t bytes_max, struct client_response *ret_response) {
    const struct client_header headers[] = {{"X-Word", SLICE("a b")}, {"X-Empty", SLICE("")}};
    struct client_request request = {
        .method = method,
        .url = arena_printf(&f->arena, "http://127.0.0.1:%d%s", f->peer.port, path),
        .headers = headers,
        .header_count = 2,
        .body = SLICE("body"),
        .deadline_ns = 2 * NS_PER_S,
        .response_bytes_max = bytes_max};
    return client_send(f->client, &request, &f->arena, &f->note, ret_response);
}

static void test_answers(void **state) {
    struct fixture *f = *state;
    struct client_response r;
    assert_true(is_ok(send_to(f, "GET", "/x?y", 10, &r)));
    assert_int_equal(r.status, 200);
    assert_true(slice_eq(r.body, SLICE("0123456789")));
    assert_true(slice_eq(client_header_find(&r, "x-subject-token"), SLICE("tok")));
    assert_int_equal(client_header_find(&r, "x-other").len, 0);
    assert_string_equal(f->seen, "GET /x?y a b|");
    assert_true(is_ok(send_to(f, "POST", "/post", 10, &r)));
    assert_string_equal(f->seen, "POST /post a b|body");
    /* Where it is sent to is not followed, and of an interim answer nothing is kept. */
    assert_true(is_ok(send_to(f, "GET", "/elsewhere", 10, &r)));
    assert_int_equal(r.status, 302);
    assert_true(is_ok(send_to(f, "GET", "/continue", 10, &r)));
    assert_true(r.status == 200 && slice_eq(r.body, SLICE("end")));
    assert_int_equal(client_header_find(&r, "x-first").len, 0);
    assert_true(slice_eq(client_header_find(&r, "x-second"), SLICE("2")));
    /* All of that by one connection. */
    assert_int_equal(f->peer.connections, 1);
}

static void test_bounds(void **state) {
    struct fixture *f = *state;
    struct client_response r;
    assert_true(status_is(send_to(f, "GET", "/x?secret", 9, &r), STATUS_TOO_LARGE));
    assert_null(strstr(f->note.text, "secret"));
    assert_true(status_is(send_to(f, "GET", "/large-head", 9, &r), STATUS_TOO_LARGE));
    assert_true(is_ok(send_to(f, "GET", "/x", 10, &r)));
}

static void test_what_breaks(void **state) {
    struct fixture *f = *state;
    struct client_response r;
    assert_true(status_is(send_to(f, "GET", "/hang-up", 10, &r), STATUS_IO));
    http_peer_go_away(&f->peer);
    assert_true(status_is(send_to(f, "GET", "/x", 10, &r), STATUS_IO));
    http_peer_come_back(&f->peer);
    assert_true(is_ok(send_to(f, "GET", "/x", 10, &r)));
}

static void test_deadlines(void **state) {
    struct fixture *f = *state;
    struct client_response r;
    pthread_mutex_lock(&f->peer.lock);
    f->peer.is_silent = true;
    pthread_mutex_unlock(&f->peer.lock);
    struct client_request request = {
        .method = "GET",
        .url = arena_printf(&f->arena, "http://127.0.0.1:%d/", f->peer.port),
        .deadline_ns = 100 * NS_PER_MS,
        .response_bytes_max = 10};
    int64_t began_ns = clock_mono_ns(clock_system());
    struct status s = client_send(f->client, &request, &f->arena, &f->note, &r);
    assert_true(status_is(s, STATUS_TIMEOUT));
    assert_true(clock_mono_ns(clock_system()) - began_ns < 2 * NS_PER_S);
    pthread_mutex_lock(&f->peer.lock);
    f->peer.is_silent = false;
    pthread_mutex_unlock(&f->peer.lock);
    assert_true(is_ok(send_to(f, "GET", "/x", 10, &r)));
}

static void test_what_is_no_request(void **state) {
    struct fixture *f = *state;
    static const char *const urls[] = {"", "file:///etc/passwd", "gopher://127.0.0.1/",
                                       "http://127.0.0.1/\r\nX: y", "http://"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct client_response r;
        struct client_request request = {.method = "GET",
                                         .url = slice_str(urls[i]),
                                         .deadline_ns = NS_PER_S,
                                         .response_bytes_max = 10};
        struct status s = client_send(f->client, &request, &f->arena, &f->note, &r);
        assert_true(status_is(s, STATUS_INVALID));
    }
    struct client_options options = {.ca_file = "/nosuch/ca.pem"};
    struct client *other;
    assert_true(status_is(client_open(&options, &f->note, &other), STATUS_INVALID));
}

enum { THREADS = 8, EACH = 50 };

static void *many(void *argument) {
    struct fixture *f = argument;
    size_t good = 0;
    for (int i = 0; i < EACH; i++) {
        struct client_response r;
        struct arena arena;
        char url[64];
        arena_init(&arena, 4096, 1024 * 1024);
        int len = snprintf(url, sizeof url, "http://127.0.0.1:%d/", f->peer.port);
        struct client_request request = {.method = "GET",
                                         .url = slice_of(url, (size_t)len),
                                         .deadline_ns = 20 * NS_PER_S,
                                         .response_bytes_max = 10};
        if (is_ok(client_send(f->client, &request, &arena, NULL, &r)) && r.body.len == 10) good++;
        arena_fini(&arena);
    }
    return (void *)good;
}

static void test_many_at_once_share_connections(void **state) {
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, many, f), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *good;
        assert_int_equal(pthread_join(threads[i], &good), 0);
        assert_int_equal((size_t)good, EACH);
    }
    assert_in_range(f->peer.connections, 1, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_bounds),
        TEST(test_what_breaks),
        TEST(test_deadlines),
        TEST(test_what_is_no_request),
        TEST(test_many_at_once_share_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
