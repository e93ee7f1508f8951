/* The PROXY header as bytes, and as the beginning of a connection. */
#include "net/proxy.h"

#include "unit/net/support.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define HEADER_V4      \
    SIGNATURE          \
    "\x21\x11\x00\x0c" \
    "\xc0\x00\x02\x01\xcb\x00\x71\x05\x30\x39\x01\xbb"
#define HEADER_LOCAL SIGNATURE "\x20\x00\x00\x00"
#define HEADER_V6                                \
    SIGNATURE                                    \
    "\x21\x21\x00\x24"                           \
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01" \
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01"   \
    "\x00\x50\x01\xbb"

static struct status parse(struct slice bytes, struct net_proxy *ret_proxy) {
    size_t rest = 0;
    uint8_t fixed[NET_PROXY_FIXED_BYTES];
    assert_true(bytes.len >= sizeof(fixed));
    memcpy(fixed, bytes.ptr, sizeof(fixed));
    TRY(net_proxy_rest_len(fixed, &rest));
    if (bytes.len != sizeof(fixed) + rest) return status_of(STATUS_RANGE);
    return net_proxy_parse(bytes, ret_proxy);
}

static void test_addresses(void **state) {
    (void)state;
    struct net_proxy proxy;
    char text[NET_ADDRESS_TEXT_MAX];
    assert_true(is_ok(parse(SLICE(HEADER_V4), &proxy)));
    assert_false(proxy.local);
    net_address_format(&proxy.source, text);
    assert_string_equal(text, "192.0.2.1:12345");
    net_address_format(&proxy.destination, text);
    assert_string_equal(text, "203.0.113.5:443");
    assert_true(is_ok(parse(SLICE(HEADER_V6), &proxy)));
    net_address_format(&proxy.source, text);
    assert_string_equal(text, "[2001:db8::1]:80");
    net_address_format(&proxy.destination, text);
    assert_string_equal(text, "10.0.0.1:443");
    assert_true(is_ok(parse(SLICE(HEADER_LOCAL), &proxy)));
    assert_true(proxy.local);
}

static void test_refuses(void **state) {
    (void)state;
    static const struct slice headers[] = {
        /* version 1; wrong signature; wrong version; unknown command */
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 36},
        {SIGNATURE "\x11\x11\x00\x00", 16},
        {SIGNATURE "\x22\x11\x00\x00", 16},
        {"\r\n\r\n\0\r\nQUIX\n\x21\x11\x00\x00", 16},
        /* no room for the addresses; a family that names nobody; datagrams */
        {SIGNATURE "\x21\x11\x00\x04\1\2\3\4", 20},
        {SIGNATURE "\x21\x00\x00\x00", 16},
        {SIGNATURE "\x21\x12\x00\x0c\1\2\3\4\1\2\3\4\0\1\0\2", 28},
        {SIGNATURE "\x21\x31\x00\x00", 16},
        /* an extension cut short, in its head and in its value; a wrong checksum */
        {SIGNATURE "\x21\x11\x00\x0e\1\2\3\4\1\2\3\4\0\1\0\2\x04\x00", 30},
        {SIGNATURE "\x21\x11\x00\x0f\1\2\3\4\1\2\3\4\0\1\0\2\x04\x00\x01", 31},
        {SIGNATURE "\x21\x11\x00\x13\1\2\3\4\1\2\3\4\0\1\0\2\x03\x00\x04\1\2\3\4", 35},
        {SIGNATURE "\x21\x11\xff\xff", 16},
    };
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct net_proxy proxy;
        struct status parsed = parse(headers[i], &proxy);
        if (is_ok(parsed) || status_is(parsed, STATUS_RANGE)) fail_msg("header %zu", i);
    }
}

static void test_accepts_extensions(void **state) {
    (void)state;
    struct net_proxy proxy;
    struct slice noop = {SIGNATURE "\x21\x11\x00\x10\1\2\3\4\1\2\3\4\0\1\0\2\x04\x00\x01z", 32};
    assert_true(is_ok(parse(noop, &proxy)));
}

/* Computed over the header with zeros in the checksum's place, and put there. */
static void test_accepts_right_checksum(void **state) {
    (void)state;
    char header[35];
    memcpy(header, SIGNATURE "\x21\x11\x00\x13\1\2\3\4\1\2\3\4\0\1\0\2\x03\x00\x04\0\0\0\0", 35);
    uint32_t crc = ~0u;
    for (size_t i = 0; i < sizeof(header); i++) {
        crc ^= (uint8_t)header[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
    }
    crc = htonl(~crc);
    memcpy(header + 31, &crc, sizeof(crc));
    struct net_proxy proxy;
    assert_true(is_ok(parse(slice_of(header, sizeof(header)), &proxy)));
}

static struct fixture *proxied(const char *trusted) {
    static struct net_network network;
    struct fixture *fixture = fixture_new();
    assert_true(is_ok(net_network_parse(slice_str(trusted), &network)));
    fixture->config.trusted = &network;
    fixture->config.trusted_count = 1;
    fixture->listeners[0].proxy_protocol = true;
    fixture_start(fixture);
    return fixture;
}

static void test_replaces_the_peer(void **state) {
    (void)state;
    struct fixture *fixture = proxied("127.0.0.0/8");
    int fd = client_connect(fixture, 0);
    char line[256];
    struct slice header = SLICE(HEADER_V4 "INFO\r\n\r\n");
    for (size_t i = 0; i < header.len; i++) client_send_bytes(fd, header.ptr + i, 1);
    client_read_line(fd, line, sizeof(line));
    assert_string_equal(line,
                        "peer=192.0.2.1 socket=127.0.0.1 local=203.0.113.5 tls=0 sni= "
                        "version=- n=0\n");
    client_send(fd, "INFO\r\n\r\n");
    client_read_line(fd, line, sizeof(line));
    assert_non_null(strstr(line, "peer=192.0.2.1 "));
    client_close(fd);
    fixture_free(fixture);
}

static void test_local_keeps_the_peer(void **state) {
    (void)state;
    struct fixture *fixture = proxied("127.0.0.0/8");
    int fd = client_connect(fixture, 0);
    char line[256];
    struct slice header = SLICE(HEADER_LOCAL "INFO\r\n\r\n");
    client_send_bytes(fd, header.ptr, header.len);
    client_read_line(fd, line, sizeof(line));
    assert_non_null(strstr(line, "peer=127.0.0.1 socket=127.0.0.1 local=127.0.0.1 "));
    client_close(fd);
    fixture_free(fixture);
}

static void expect_refused(struct fixture *fixture, struct slice bytes) {
    int fd = client_connect(fixture, 0);
    char byte;
    uint64_t before = fixture_stats(fixture).handshakes_failed;
    (void)!send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    AWAIT_STAT(fixture, handshakes_failed, before);
    assert_int_equal(fixture_stats(fixture).requests, 0);
    client_close(fd);
}

static void test_refuses_others(void **state) {
    (void)state;
    struct fixture *fixture = proxied("192.0.2.0/24");
    expect_refused(fixture, SLICE(HEADER_V4 "PING\r\n\r\n"));
    fixture_free(fixture);
}

static void test_refuses_a_missing_header(void **state) {
    (void)state;
    struct fixture *fixture = proxied("127.0.0.0/8");
    expect_refused(fixture, SLICE("PING HTTP/1.1\r\nHost: a\r\n\r\n"));
    expect_refused(fixture, SLICE("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nPING\r\n\r\n"));
    fixture_free(fixture);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),          cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_accepts_extensions), cmocka_unit_test(test_accepts_right_checksum),
        cmocka_unit_test(test_replaces_the_peer),  cmocka_unit_test(test_local_keeps_the_peer),
        cmocka_unit_test(test_refuses_others),     cmocka_unit_test(test_refuses_a_missing_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
