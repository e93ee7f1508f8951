/* What takes too long is ended: heads, idle connections, handshakes, bodies, lingering. */
#include "unit/net/support.h"

static void send_word(int fd, const char *word) {
    client_send(fd, word);
    client_send(fd, "\r\n\r\n");
}

static void test_head_deadline(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.head_timeout_ns = 40 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    /* The deadline is for all of the head: more bytes don't put it off. */
    client_send(fd, "PING\r\n");
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    for (int i = 0; i < 1000 && poll(&answer, 1, 5) == 0; i++) client_send(fd, "x");
    client_expect(fd, "REFUSED 3\n");
    client_close(fd);
    assert_int_equal(fixture_stats(fixture).head_timeouts, 1);
    fixture_free(fixture);
}

static void test_next_head_has_its_own_deadline(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.head_timeout_ns = 40 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    send_word(fd, "PING");
    client_expect(fd, "PONG\n");
    client_send(fd, "PI");
    client_expect(fd, "REFUSED 3\n");
    client_expect_end(fd);
    client_close(fd);
    fixture_free(fixture);
}

static void test_idle_deadline(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.idle_timeout_ns = 30 * NS_PER_MS;
    fixture_start(fixture);
    int fresh = client_connect(fixture, 0);
    int kept = client_connect(fixture, 0);
    send_word(kept, "PING");
    client_expect(kept, "PONG\n");
    client_expect_end(kept);
    client_expect_end(fresh);
    AWAIT_STAT(fixture, idle_timeouts, 2);
    client_close(fresh);
    client_close(kept);
    fixture_free(fixture);
}

static void test_body_stands_still(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.io_timeout_ns = 30 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    send_word(fd, "SOAK");
    AWAIT_STAT(fixture, io_timeouts, 1);
    AWAIT_STAT(fixture, requests, 1);
    assert_int_equal(fixture->soak_code, STATUS_TIMEOUT);
    client_close(fd);
    fixture_free(fixture);
}

static void test_body_drips(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.body_rate_bytes = 100000;
    fixture->config.limits.body_rate_grace_ns = 30 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    send_word(fd, "SOAK");
    /* Never still for long, but 1 byte every 2 ms is far below the rate. */
    for (int i = 0; i < 5000 && fixture_stats(fixture).io_timeouts == 0; i++) {
        (void)!send(fd, "x", 1, MSG_NOSIGNAL);
        (void)poll(NULL, 0, 2);
    }
    AWAIT_STAT(fixture, requests, 1);
    assert_int_equal(fixture->soak_code, STATUS_TIMEOUT);
    client_close(fd);
    fixture_free(fixture);
}

static void test_answer_is_not_read(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.io_timeout_ns = 30 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    send_word(fd, "BIG 100000000");
    AWAIT_STAT(fixture, io_timeouts, 1);
    AWAIT_STAT(fixture, requests, 1);
    client_close(fd);
    fixture_free(fixture);
}

static void test_lingering_ends(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.linger_timeout_ns = 30 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    send_word(fd, "BYE");
    client_expect(fd, "BYE\n");
    client_expect_end(fd);
    /* We don't close, and it goes on without us. */
    for (int i = 0; i < 5000 && fixture_stats(fixture).connections_open > 0; i++) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(fixture_stats(fixture).connections_open, 0);
    client_close(fd);
    fixture_free(fixture);
}

static void test_lingering_is_bounded_in_bytes(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    fixture->config.limits.linger_max_bytes = 100000;
    fixture->config.limits.linger_timeout_ns = 1000 * NS_PER_S;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    char chunk[10000] = {0};
    send_word(fd, "BYE");
    client_expect(fd, "BYE\n");
    ssize_t n;
    do n = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
    while (n > 0);
    assert_true(errno == EPIPE || errno == ECONNRESET);
    client_close(fd);
    fixture_free(fixture);
}

static void test_proxy_header_deadline(void **state) {
    (void)state;
    struct fixture *fixture = fixture_new();
    struct net_network loopback;
    assert_true(is_ok(net_network_parse(SLICE("127.0.0.0/8"), &loopback)));
    fixture->config.trusted = &loopback;
    fixture->config.trusted_count = 1;
    fixture->listeners[0].proxy_protocol = true;
    fixture->config.limits.handshake_timeout_ns = 30 * NS_PER_MS;
    fixture_start(fixture);
    int fd = client_connect(fixture, 0);
    client_send_bytes(fd, "\r\n\r\n", 4);
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    assert_int_equal(fixture_stats(fixture).handshakes_failed, 1);
    client_close(fd);
    fixture_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_deadline),
        cmocka_unit_test(test_next_head_has_its_own_deadline),
        cmocka_unit_test(test_idle_deadline),
        cmocka_unit_test(test_body_stands_still),
        cmocka_unit_test(test_body_drips),
        cmocka_unit_test(test_answer_is_not_read),
        cmocka_unit_test(test_lingering_ends),
        cmocka_unit_test(test_lingering_is_bounded_in_bytes),
        cmocka_unit_test(test_proxy_header_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
