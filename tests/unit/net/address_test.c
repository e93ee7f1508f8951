#include "net/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"

static void test_round_trips(void **state) {
    (void)state;
    static const char *const texts[] = {"127.0.0.1:80", "[::1]:0", "[2001:db8::1]:65535",
                                        "255.255.255.255:1"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct net_address address, again;
        struct sockaddr_storage sockaddr;
        char text[NET_ADDRESS_TEXT_MAX];
        assert_true(is_ok(net_address_parse(slice_str(texts[i]), &address)));
        net_address_format(&address, text);
        assert_string_equal(text, texts[i]);
        socklen_t len = net_address_to_sockaddr(&address, &sockaddr);
        again = net_address_of((struct sockaddr *)&sockaddr, len);
        assert_int_equal(again.port, address.port);
        assert_true(net_address_same_ip(&again, &address));
    }
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const texts[] = {"",          "127.0.0.1", "127.0.0.1:",   "127.0.0.1:65536",
                                        "::1:80",    "[::1]",     "[::1:80",      "[127.0.0.1]:80",
                                        "[]:80",     ":80",       "127.0.0.1:+1", "host:80",
                                        "[::1%lo]:1"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct net_address address;
        if (is_ok(net_address_parse(slice_str(texts[i]), &address))) fail_msg("%s", texts[i]);
    }
}

static void test_mapped_is_ipv4(void **state) {
    (void)state;
    struct net_address mapped, plain;
    char text[NET_ADDRESS_TEXT_MAX];
    assert_true(is_ok(net_address_parse_ip(SLICE("::ffff:192.0.2.1"), &mapped)));
    assert_true(is_ok(net_address_parse_ip(SLICE("192.0.2.1"), &plain)));
    assert_true(net_address_same_ip(&mapped, &plain));
    net_address_format_ip(&mapped, text);
    assert_string_equal(text, "192.0.2.1");
}

static void test_networks(void **state) {
    (void)state;
    static const struct {
        const char *network;
        const char *ip;
        bool contains;
    } cases[] = {
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"192.0.2.128/25", "192.0.2.129", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"0.0.0.0/0", "8.8.8.8", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "8.8.8.8", true},
        {"2001:db8::/33", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_network network;
        struct net_address address;
        assert_true(is_ok(net_network_parse(slice_str(cases[i].network), &network)));
        assert_true(is_ok(net_address_parse_ip(slice_str(cases[i].ip), &address)));
        if (net_network_contains(&network, &address) != cases[i].contains) {
            fail_msg("%s in %s", cases[i].ip, cases[i].network);
        }
    }
    struct net_address local = {.family = NET_LOCAL};
    struct net_network all;
    assert_true(is_ok(net_network_parse(SLICE("::/0"), &all)));
    assert_false(net_network_contains(&all, &local));
}

static void test_refuses_networks(void **state) {
    (void)state;
    static const char *const texts[] = {"",        "10.0.0.0/33", "10.0.0.1/8",
                                        "::1/129", "::1/64",      "10.0.0.0/",
                                        "/8",      "10.0.0.0/8x", "10.0.0/8"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct net_network network;
        if (is_ok(net_network_parse(slice_str(texts[i]), &network))) fail_msg("%s", texts[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),      cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_mapped_is_ipv4),   cmocka_unit_test(test_networks),
        cmocka_unit_test(test_refuses_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
