#include "http/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
/* After those it needs. */
#include <cmocka.h>

/* Proxies are 10.…, addresses begin with a digit or a bracket. */
static enum http_hop judge(void *context, struct slice hop) {
    int *asked = context;
    (*asked)++;
    if (slice_starts_with(hop, SLICE("10."))) return HTTP_HOP_PROXY;
    bool address = hop.len > 0 && ((hop.ptr[0] >= '0' && hop.ptr[0] <= '9') || hop.ptr[0] == '[');
    return address ? HTTP_HOP_CLIENT : HTTP_HOP_MALFORMED;
}

static struct http_head head;

static void parse(const char *headers) {
    char text[512];
    size_t len;
    int text_len = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", headers);
    static char kept[512];
    memcpy(kept, text, sizeof text);
    assert_int_equal(http_head_parse(slice_of(kept, (size_t)text_len), &head, &len, NULL),
                     HTTP_HEAD_COMPLETE);
}

static void test_client(void **state) {
    (void)state;
    static const struct {
        const char *headers;
        const char *client;
    } cases[] = {
        {"", ""},
        {"X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1:4711"},
        {"X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.1\r\n", "192.0.2.1"},
        {"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.1,10.0.0.2\r\n", "203.0.113.9"},
        {"X-Forwarded-For: 10.0.0.1,10.0.0.2\r\n", "10.0.0.1"},
        {"X-Forwarded-For: unknown\r\n", ""},
        {"X-Forwarded-For: 192.0.2.1, unknown, 10.0.0.1\r\n", "10.0.0.1"},
        {"X-Forwarded-For: 192.0.2.1, , 10.0.0.1\r\n", "10.0.0.1"},
        {"X-Forwarded-For:\r\n", ""},
        {"X-Forwarded-For: [2001:db8::1]:80\r\n", "[2001:db8::1]:80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int asked = 0;
        parse(cases[i].headers);
        struct slice client = http_forwarded_client(&head, judge, &asked);
        if (!slice_eq(client, slice_str(cases[i].client))) {
            fail_msg("%s: %.*s", cases[i].headers, SLICE_FMT(client));
        }
    }
}

static void test_forged_hops_are_not_even_looked_at(void **state) {
    (void)state;
    int asked = 0;
    parse("X-Forwarded-For: 127.0.0.1, 198.51.100.7, 10.0.0.1\r\n");
    struct slice client = http_forwarded_client(&head, judge, &asked);
    assert_true(slice_eq(client, SLICE("198.51.100.7")));
    assert_int_equal(asked, 2);
}

static void test_proto(void **state) {
    (void)state;
    bool https = true;
    parse("X-Forwarded-Proto: http\r\n");
    assert_true(http_forwarded_proto(&head, &https));
    assert_false(https);
    parse("X-Forwarded-Proto: http, HTTPS\r\n");
    assert_true(http_forwarded_proto(&head, &https));
    assert_true(https);
    parse("X-Forwarded-Proto: gopher\r\n");
    assert_false(http_forwarded_proto(&head, &https));
    parse("");
    assert_false(http_forwarded_proto(&head, &https));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_forged_hops_are_not_even_looked_at),
        cmocka_unit_test(test_proto),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
