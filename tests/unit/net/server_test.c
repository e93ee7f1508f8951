/* Connections without TLS: heads, bodies, pipelining, limits, drain. */
#include "unit/net/support.h"

#include <netinet/tcp.h>
#include <sys/stat.h>

static void test_keeps_connections(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    for (int i = 0; i < 50; i++) {
        client_send(fd, "PING\r\n\r\n");
        client_expect(fd, "PONG\n");
    }
    client_close(fd);
    AWAIT_STAT(fixture, requests, 50);
    assert_int_equal(fixture_stats(fixture).accepted, 1);
    fixture_free(fixture);
}

static void test_head_byte_by_byte(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
    const char *head = "PING\r\nX-Filler: some words that make it longer\r\n\r\n";
    for (const char *at = head; *at; at++) client_send_bytes(fd, at, 1);
    client_expect(fd, "PONG\n");
    client_send(fd, "PI");
    AWAIT_STAT(fixture, connections_head, 1);
    assert_true(fixture_stats(fixture).head_memory_bytes > 0);
    AWAIT_STAT(fixture, workers_busy, 0);
    client_send(fd, "NG\r\n\r\n");
    client_expect(fd, "PONG\n");
    AWAIT_STAT(fixture, connections_idle, 1);
    assert_int_equal(fixture_stats(fixture).head_memory_bytes, 0);
    client_close(fd);
    fixture_free(fixture);
}

static void test_pipelined(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    client_send(fd, "PING\r\n\r\nECHO 5\r\n\r\nhelloPING\r\n\r\nLINES 3\r\n\r\nabcPING\r\n\r\nPI");
    client_expect(fd, "PONG\nhelloPONG\nabcPONG\n");
    AWAIT_STAT(fixture, connections_head, 1);
    client_send(fd, "NG\r\n\r\nBYE\r\n\r\nPING\r\n\r\n");
    client_expect(fd, "PONG\nBYE\n");
    client_expect_end(fd);
    client_close(fd);
    fixture_free(fixture);
}

static void test_many_pipelined_on_many_connections(void **state) {
    (void)state;
    enum { CLIENTS = 16, REQUESTS = 200 };
    struct fixture *fixture = fixture_new();
    fixture->config.limits.workers_max = 3;
    fixture_start(fixture);
    int fds[CLIENTS];
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(fixture, 0);
        for (int n = 0; n < REQUESTS; n++) client_send(fds[i], "PING\r\n\r\n");
    }
    for (int i = 0; i < CLIENTS; i++) {
        for (int n = 0; n < REQUESTS; n++) client_expect(fds[i], "PONG\n");
        client_close(fds[i]);
    }
    AWAIT_STAT(fixture, requests, CLIENTS * REQUESTS);
    assert_true(fixture_stats(fixture).workers <= 3);
    fixture_free(fixture);
}

static void test_large_echo(void **state) {
    (void)state;
    enum { LEN = 300000, STEP = 30000 }; /* what both sockets hold */
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    char bytes[STEP];
    for (int i = 0; i < STEP; i++) bytes[i] = pattern_at((uint64_t)i);
    client_send(fd, "ECHO 300000\r\n\r\n");
    for (int at = 0; at < LEN; at += STEP) client_send_bytes(fd, bytes, STEP);
    for (int at = 0; at < LEN; at += STEP) client_expect_bytes(fd, bytes, STEP);
    client_send(fd, "PING\r\n\r\n");
    client_expect(fd, "PONG\n");
    client_close(fd);
    fixture_free(fixture);
}

static void test_oversize_head_is_served(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.head_max_bytes = 4096;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    char filler[8192];
    memset(filler, 'x', sizeof(filler));
    client_send_bytes(fd, filler, sizeof(filler));
    client_expect(fd, "TOO LARGE\n");
    client_expect_end(fd);
    client_close(fd);
    fixture_free(fixture);
}

static void test_head_memory_is_bounded(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.head_memory_max_bytes = 1000;
    fixture_start(fixture);
    int first = client_connect(fixture, 0);
    int second = client_connect(fixture, 0);
    char filler[600];
    memset(filler, 'x', sizeof(filler));
    client_send_bytes(first, filler, sizeof(filler));
    AWAIT_STAT(fixture, connections_head, 1);
    client_send_bytes(second, filler, sizeof(filler));
    client_expect(second, "REFUSED 2\n");
    client_expect_end(second);
    client_close(first);
    client_close(second);
    fixture_free(fixture);
}

static void test_abort_cuts(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    char buffer[16];
    client_send(fd, "ABORT\r\n\r\n");
    assert_int_equal(recv(fd, buffer, sizeof(buffer), 0), -1);
    assert_int_equal(errno, ECONNRESET);
    client_close(fd);
    fixture_free(fixture);
}

static void test_error_is_read_in_spite_of_unread_body(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    char *body = calloc(1, 300000);
    client_send(fd, "BYE\r\n\r\n");
    client_send_bytes(fd, body, 300000);
    client_expect(fd, "BYE\n");
    client_expect_end(fd);
    client_close(fd);
    free(body);
    fixture_free(fixture);
}

static void test_connections_are_limited(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.connections_max = 2;
    fixture->config.listener_count = 2;
    listener_ipv4(&fixture->listeners[1]);
    fixture->listeners[1].privileged = true;
    fixture_start(fixture);
    int first = client_connect(fixture, 0);
    int second = client_connect(fixture, 0);
    AWAIT_STAT(fixture, connections_idle, 2);
    int third = client_connect(fixture, 0);
    client_send(third, "PING\r\n\r\n");
    client_expect(third, "REFUSED 0\n");
    client_expect_end(third);
    int admin = client_connect(fixture, 1);
    client_send(admin, "PING\r\n\r\n");
    client_expect(admin, "PONG\n");
    client_send(second, "PING\r\n\r\n");
    client_expect(second, "PONG\n");
    assert_int_equal(fixture_stats(fixture).refused_connections, 1);
    client_close(first);
    client_close(second);
    client_close(third);
    client_close(admin);
    fixture_free(fixture);
}

static void test_queue_is_limited_and_admin_gets_through(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.workers_max = 1;
    fixture->config.limits.queue_max = 1;
    fixture->config.listener_count = 2;
    listener_ipv4(&fixture->listeners[1]);
    fixture->listeners[1].privileged = true;
    fixture_start(fixture);
    int held = client_connect(fixture, 0);
    client_send(held, "HOLD\r\n\r\n");
    fixture_await_holding(fixture, 1);
    int queued = client_connect(fixture, 0);
    client_send(queued, "PING\r\n\r\n");
    AWAIT_STAT(fixture, connections_queued, 1);
    int refused = client_connect(fixture, 0);
    client_send(refused, "PING\r\n\r\n");
    client_expect(refused, "REFUSED 1\n");
    client_expect_end(refused);
    int admin = client_connect(fixture, 1);
    client_send(admin, "PING\r\n\r\n");
    client_expect(admin, "PONG\n");
    fixture_release(fixture);
    client_expect(held, "HELD\n");
    client_expect(queued, "PONG\n");
    client_close(held);
    client_close(queued);
    client_close(refused);
    client_close(admin);
    fixture_free(fixture);
}

static void test_bodies_have_a_budget(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.workers_max = 4;
    fixture->config.limits.workers_without_body = 2;
    fixture->config.limits.body_memory_max_bytes = 100;
    fixture_start(fixture);
    assert_true(is_ok(net_body_admit(fixture->server, 60)));
    assert_true(status_is(net_body_admit(fixture->server, 50), STATUS_BUSY));
    assert_true(is_ok(net_body_admit(fixture->server, 40)));
    assert_true(status_is(net_body_admit(fixture->server, 0), STATUS_BUSY));
    net_body_release(fixture->server, 60);
    assert_true(is_ok(net_body_admit(fixture->server, 60)));
    assert_int_equal(fixture_stats(fixture).body_memory_bytes, 100);
    net_body_release(fixture->server, 60);
    net_body_release(fixture->server, 40);
    assert_int_equal(fixture_stats(fixture).body_workers, 0);
    fixture_free(fixture);
}

static void make_file(struct fixture *fixture, uint64_t len) {
    char path[] = "/tmp/net-file-XXXXXX";
    fixture->file_fd = mkstemp(path);
    assert_true(fixture->file_fd >= 0);
    unlink(path);
    char *bytes = malloc(len);
    for (uint64_t i = 0; i < len; i++) bytes[i] = pattern_at(i);
    assert_int_equal(write(fixture->file_fd, bytes, len), len);
    free(bytes);
    fixture->file_len = len;
}

static void expect_pattern(int fd, uint64_t len) {
    char *bytes = malloc(len);
    for (uint64_t i = 0; i < len; i++) bytes[i] = pattern_at(i);
    client_expect_bytes(fd, bytes, len);
    free(bytes);
}

static void test_files_arrive_whole(void **state) {
    (void)state;
    static const uint64_t lens[] = {1, 1000, 16384, 16385, 100000, 5000000};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct fixture *fixture = fixture_new();
        make_file(fixture, lens[i]);
        fixture_start(fixture);
        int fd = client_connect(fixture, 0);
        client_send(fd, "FILE\r\n\r\nPING\r\n\r\n");
        client_expect(fd, "FILE\n");
        expect_pattern(fd, lens[i]);
        client_expect(fd, "PONG\n");
        client_close(fd);
        fixture_free(fixture);
    }
}

static void test_short_file_breaks_off(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    make_file(fixture, 50000);
    fixture->file_len = 60000;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    char buffer[4096];
    ssize_t n;
    client_send(fd, "FILE\r\n\r\n");
    do n = recv(fd, buffer, sizeof(buffer), 0);
    while (n > 0);
    assert_int_equal(n, -1);
    client_close(fd);
    fixture_free(fixture);
}

static void test_big_answers(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    client_send(fd, "BIG 2000000\r\n\r\n");
    char *bytes = malloc(2000000);
    for (uint64_t i = 0; i < 2000000; i++) bytes[i] = pattern_at(i);
    client_expect_bytes(fd, bytes, 2000000);
    free(bytes);
    client_close(fd);
    fixture_free(fixture);
}

static void test_ipv6_and_local_sockets(void **state) {
    (void)state;
    char directory[] = "/tmp/net-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char path[64];
    snprintf(path, sizeof(path), "%s/admin.sock", directory);
    struct fixture *fixture = fixture_new();
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    memcpy(&fixture->listeners[1].address, &in6, sizeof(in6));
    fixture->listeners[1].address_len = sizeof(in6);
    fixture->listeners[2].unix_path = path;
    fixture->config.listener_count = 3;
    fixture_start(fixture);
    int fd = client_connect(fixture, 1);
    char line[256];
    client_send(fd, "INFO\r\n\r\n");
    client_read_line(fd, line, sizeof(line));
    assert_string_equal(line, "peer=::1 socket=::1 local=::1 tls=0 sni= version=- n=0\n");
    client_close(fd);
    struct stat made;
    assert_int_equal(stat(path, &made), 0);
    assert_int_equal(made.st_mode & 0777, 0600);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
    client_send(fd, "INFO\r\n\r\nBYE\r\n\r\n");
    client_read_line(fd, line, sizeof(line));
    assert_string_equal(line, "peer=local socket=local local=local tls=0 sni= version=- n=0\n");
    client_expect(fd, "BYE\n");
    client_expect_end(fd);
    client_close(fd);

    struct net_server *second = NULL;
    struct note note;
    struct net_config config = fixture->config;
    config.listeners = &fixture->listeners[2];
    config.listener_count = 1;
    assert_true(status_is(net_server_open(&config, &note, &second), STATUS_BUSY));
    fixture_free(fixture);
    assert_int_equal(stat(path, &made), -1);
    assert_int_equal(rmdir(directory), 0);
}

static void test_port_in_use(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    struct net_address address;
    struct net_server *second = NULL;
    struct note note = {""};
    net_server_address(fixture->server, 0, &address);
    struct net_listener_config listener = fixture->listeners[0];
    listener.address_len = net_address_to_sockaddr(&address, &listener.address);
    struct net_config config = fixture->config;
    config.listeners = &listener;
    assert_true(status_is(net_server_open(&config, &note, &second), STATUS_BUSY));
    assert_non_null(strstr(note.text, "127.0.0.1:"));
    fixture_free(fixture);
}

struct drain {
    struct fixture *fixture;
    int64_t timeout_ns;
};

static void *drain_run(void *argument) {
    struct drain *drain = argument;
    net_server_drain(drain->fixture->server, drain->timeout_ns);
    return NULL;
}

static void test_drain_lets_requests_finish(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int idle = client_connect(fixture, 0);
    int held = client_connect(fixture, 0);
    AWAIT_STAT(fixture, connections_idle, 2);
    client_send(held, "HOLD\r\n\r\n");
    fixture_await_holding(fixture, 1);
    struct drain drain = {fixture, 30 * NS_PER_S};
    pthread_t thread;
    pthread_create(&thread, NULL, drain_run, &drain);
    client_expect_end(idle);
    assert_true(net_server_is_draining(fixture->server));
    fixture_release(fixture);
    client_expect(held, "HELD\n");
    client_expect_end(held);
    client_close(held);
    client_close(idle);
    pthread_join(thread, NULL);
    assert_int_equal(fixture_stats(fixture).connections_open, 0);
    fixture_free(fixture);
}

static void test_drain_cuts_in_the_end(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int soaking = client_connect(fixture, 0);
    int dripping = client_connect(fixture, 0);
    client_send(soaking, "SOAK\r\n\r\n");
    client_send(dripping, "PI");
    AWAIT_STAT(fixture, connections_active, 1);
    AWAIT_STAT(fixture, connections_head, 1);
    net_server_drain(fixture->server, 30 * NS_PER_MS);
    assert_int_equal(fixture_stats(fixture).connections_open, 0);
    assert_int_equal(fixture->soaked, 1);
    assert_int_equal(fixture->soak_code, STATUS_CLOSED);
    client_close(soaking);
    client_close(dripping);
    fixture_free(fixture);
}

/* Sends what stands in one segment with our end, so that the server has one event for both. */
static void send_and_end(int fd, const char *text) {
    int on = 1;
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)), 0);
    client_send(fd, text);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
}

/* An end that comes with bytes is noticed, and not only when a deadline is over. */
static void test_ends_that_come_with_bytes(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture_start(fixture);
    int half = client_connect(fixture, 0);
    send_and_end(half, "PI");
    client_expect_end(half);
    int whole = client_connect(fixture, 0);
    send_and_end(whole, "PING\r\n\r\n");
    client_expect(whole, "PONG\n");
    client_expect_end(whole);
    int behind = client_connect(fixture, 0);
    client_send(behind, "HOLD\r\n\r\n");
    fixture_await_holding(fixture, 1);
    send_and_end(behind, "PING\r\n\r\n");
    fixture_release(fixture);
    client_expect(behind, "HELD\nPONG\n");
    client_expect_end(behind);
    AWAIT_STAT(fixture, accepted, 3);
    client_close(half);
    client_close(whole);
    client_close(behind);
    fixture_free(fixture);
}

static void test_close_without_start(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    struct note note;
    assert_true(is_ok(net_server_open(&fixture->config, &note, &fixture->server)));
    fixture_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_connections),
        cmocka_unit_test(test_ends_that_come_with_bytes),
        cmocka_unit_test(test_head_byte_by_byte),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_many_pipelined_on_many_connections),
        cmocka_unit_test(test_large_echo),
        cmocka_unit_test(test_oversize_head_is_served),
        cmocka_unit_test(test_head_memory_is_bounded),
        cmocka_unit_test(test_abort_cuts),
        cmocka_unit_test(test_error_is_read_in_spite_of_unread_body),
        cmocka_unit_test(test_connections_are_limited),
        cmocka_unit_test(test_queue_is_limited_and_admin_gets_through),
        cmocka_unit_test(test_bodies_have_a_budget),
        cmocka_unit_test(test_files_arrive_whole),
        cmocka_unit_test(test_short_file_breaks_off),
        cmocka_unit_test(test_big_answers),
        cmocka_unit_test(test_ipv6_and_local_sockets),
        cmocka_unit_test(test_port_in_use),
        cmocka_unit_test(test_drain_lets_requests_finish),
        cmocka_unit_test(test_drain_cuts_in_the_end),
        cmocka_unit_test(test_close_without_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
