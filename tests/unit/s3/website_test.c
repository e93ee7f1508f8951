#include "s3/website.h"

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

static struct arena arena;
static struct note note;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 16 * 1024, 1024 * 1024);
    note.text[0] = '\0';
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define SITE(content) "<WebsiteConfiguration>" content "</WebsiteConfiguration>"
#define INDEX "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
#define ERROR_PAGE "<ErrorDocument><Key>oops.html</Key></ErrorDocument>"
#define RULES(rules) "<RoutingRules>" rules "</RoutingRules>"
#define RULE(condition, redirect) \
    "<RoutingRule>" condition "<Redirect>" redirect "</Redirect></RoutingRule>"
#define IF_PREFIX(text) "<Condition><KeyPrefixEquals>" text "</KeyPrefixEquals></Condition>"
#define IF_ERROR(text) \
    "<Condition><HttpErrorCodeReturnedEquals>" text "</HttpErrorCodeReturnedEquals></Condition>"

static struct website parse(const char *text) {
    struct website website = {0};
    bool malformed;
    struct status s = website_parse(&arena, slice_str(text), &note, &malformed, &website);
    if (!is_ok(s)) fail_msg("%s", note.text);
    return website;
}

static void assert_location(const struct website_rule *rule, const char *key,
                            const char *expected) {
    assert_non_null(rule);
    struct slice location = website_location(&rule->redirect, rule->key_prefix, slice_str(key),
                                             false, SLICE("site.local"), &arena);
    if (!slice_eq(location, slice_str(expected))) {
        fail_msg("%.*s instead of %s", SLICE_FMT(location), expected);
    }
}

static void test_pages(void **state) {
    (void)state;
    struct website site = parse(SITE(INDEX ERROR_PAGE));
    assert_false(site.redirects_all);
    assert_true(slice_eq(site.error_key, SLICE("oops.html")));
    assert_true(slice_eq(website_index_key(&site, SLICE(""), &arena), SLICE("index.html")));
    assert_true(slice_eq(website_index_key(&site, SLICE("a/"), &arena), SLICE("a/index.html")));
    assert_true(slice_eq(website_index_key(&site, SLICE("a"), &arena), SLICE("a")));
    assert_null(website_rule_match(&site, SLICE("a"), 404));
    assert_null(parse(SITE(INDEX)).error_key.ptr);
}

static void test_rules(void **state) {
    (void)state;
    struct website site = parse(SITE(INDEX RULES(
        RULE(IF_PREFIX("docs/"), "<ReplaceKeyPrefixWith>documents/</ReplaceKeyPrefixWith>")
            RULE(IF_ERROR("404"),
                 "<HostName>other.org</HostName><Protocol>https</Protocol>"
                 "<ReplaceKeyWith>not found</ReplaceKeyWith>"
                 "<HttpRedirectCode>302</HttpRedirectCode>"))));
    assert_location(website_rule_match(&site, SLICE("docs/a b"), 0), "docs/a b",
                    "http://site.local/documents/a%20b");
    assert_null(website_rule_match(&site, SLICE("x"), 0));
    const struct website_rule *rule = website_rule_match(&site, SLICE("x"), 404);
    assert_location(rule, "x", "https://other.org/not%20found");
    assert_int_equal(rule->redirect.status, 302);
    assert_null(website_rule_match(&site, SLICE("x"), 403));
}

static void test_a_rule_without_condition(void **state) {
    (void)state;
    struct website site = parse(SITE(INDEX RULES(RULE("", "<HostName>other.org</HostName>"))));
    const struct website_rule *rule = website_rule_match(&site, SLICE("k"), 0);
    assert_location(rule, "k", "http://other.org/k");
    assert_int_equal(rule->redirect.status, 301);
}

static void test_redirect_all(void **state) {
    (void)state;
    struct website site =
        parse(SITE("<RedirectAllRequestsTo><HostName>o.org</HostName><Protocol>https</Protocol>"
                   "</RedirectAllRequestsTo>"));
    assert_true(site.redirects_all);
    struct slice location =
        website_location(&site.all, SLICE(""), SLICE("k"), false, SLICE("x"), &arena);
    assert_true(slice_eq(location, SLICE("https://o.org/k")));
}

static void test_refuses(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "",
        "<Website/>",
        SITE(""),
        SITE("<IndexDocument><Suffix></Suffix></IndexDocument>"),
        SITE("<IndexDocument><Suffix>a/b</Suffix></IndexDocument>"),
        SITE(INDEX "<ErrorDocument><Key></Key></ErrorDocument>"),
        SITE("<RedirectAllRequestsTo></RedirectAllRequestsTo>"),
        SITE(INDEX "<RedirectAllRequestsTo><HostName>a</HostName></RedirectAllRequestsTo>"),
        SITE(INDEX RULES("")),
        SITE(INDEX RULES("<RoutingRule/>")),
        SITE("<RedirectAllRequestsTo><HostName>a\nb</HostName></RedirectAllRequestsTo>"),
        SITE(INDEX RULES(RULE("", "<HostName>a b</HostName>"))),
        SITE(INDEX RULES(RULE("<Condition></Condition>", "<HostName>a</HostName>"))),
        SITE(INDEX RULES(RULE(IF_ERROR("200"), "<HostName>a</HostName>"))),
        SITE(INDEX RULES(RULE("", "<Protocol>ftp</Protocol>"))),
        SITE(INDEX RULES(RULE("", "<HttpRedirectCode>300</HttpRedirectCode>"))),
        SITE(INDEX RULES(RULE("",
                              "<ReplaceKeyWith>a</ReplaceKeyWith>"
                              "<ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>"))),
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct website website;
        bool malformed;
        struct status s = website_parse(&arena, slice_str(wrong[i]), &note, &malformed, &website);
        if (!status_is(s, STATUS_INVALID)) fail_msg("taken: %s", wrong[i]);
        assert_true(note.text[0] != '\0');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_rule_without_condition, setup, teardown),
        cmocka_unit_test_setup_teardown(test_redirect_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
