/* A bucket as a web site: index pages, redirects, error pages, and only what everybody may see. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
/* After those it needs. */
#include <cmocka.h>

#include "base/check.h"
#include "support/s3_call.h"

static struct s3_test test;

#define SITE(more)                                                                          \
    "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>" more \
    "</WebsiteConfiguration>"
#define ERROR_PAGE "<ErrorDocument><Key>oops.html</Key></ErrorDocument>"
#define RULE(condition, redirect)                                                        \
    "<RoutingRules><RoutingRule><Condition>" condition "</Condition><Redirect>" redirect \
    "</Redirect></RoutingRule></RoutingRules>"
#define PUBLIC                                                                               \
    "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:GetObject\"," \
    "\"Resource\":\"arn:aws:s3:::bkt/*\"},{\"Effect\":\"Deny\",\"Principal\":\"*\","         \
    "\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::bkt/secret*\"}]}"

static void as_owner(void) {
    test.who = S3_TEST_ALICE;
    test.bucket_from_host = NULL;
    test.is_website = false;
}

static void as_browser(void) {
    test.who = S3_TEST_NOBODY;
    test.bucket_from_host = "bkt";
    test.is_website = true;
}

static void put(const char *what, const char *headers, const char *body) {
    as_owner();
    int status = s3_test_send(&test, what, headers, slice_str(body));
    if (status >= 300) fail_msg("%s: %d", what, status);
}

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    put("PUT /bkt", NULL, "");
    put("PUT /bkt?policy", NULL, PUBLIC);
    put("PUT /bkt/index.html", "Content-Type: text/html\r\n", "home");
    put("PUT /bkt/docs/index.html", NULL, "docs");
    put("PUT /bkt/page", NULL, "a page");
    put("PUT /bkt/secret", NULL, "hidden");
    put("PUT /bkt/oops.html", NULL, "oops");
    put("PUT /bkt/moved", "x-amz-website-redirect-location: https://new.home/\r\n", "x");
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

static void page(const char *what, int status, const char *text) {
    as_browser();
    assert_int_equal(s3_test_get(&test, what), status);
    if (text) assert_true(slice_find(test.body, slice_str(text), 0) < test.body.len);
}

static void leads(const char *what, int status, const char *location) {
    page(what, status, NULL);
    struct slice found = s3_test_header(&test, "Location");
    if (!slice_eq(found, slice_str(location))) {
        fail_msg("%s leads to %.*s", what, SLICE_FMT(found));
    }
}

static void test_pages(void **state) {
    (void)state;
    page("GET /page", 404, "NoSuchWebsiteConfiguration");
    put("PUT /bkt?website", NULL, SITE(""));
    page("GET /", 200, "home");
    assert_true(slice_eq(s3_test_header(&test, "Content-Type"), SLICE("text/html")));
    page("GET /docs/", 200, "docs");
    leads("GET /docs", 302, "http://localhost/docs/");
    /* What nobody may see does not show by a redirect that it is there. */
    put("PUT /bkt/secrets/index.html", NULL, "hidden");
    page("GET /secrets", 403, NULL);
    page("GET /page", 200, "a page");
    page("HEAD /page", 200, NULL);
    leads("GET /moved", 301, "https://new.home/");
    page("GET /page?uploads&acl", 200, "a page");
}

static void test_errors_are_pages(void **state) {
    (void)state;
    put("PUT /bkt?website", NULL, SITE(""));
    /* Who may not list is not told whether a key is there. */
    page("GET /absent", 403, "<li>Code: AccessDenied</li>");
    assert_true(slice_starts_with(s3_test_header(&test, "Content-Type"), SLICE("text/html")));
    page("GET /secret", 403, "<li>Code: AccessDenied</li>");
    page("PUT /page", 405, "MethodNotAllowed");
    put("PUT /bkt?website", NULL, SITE(ERROR_PAGE));
    page("GET /secret", 403, "oops");
    page("GET /absent", 403, "oops");
    put("DELETE /bkt/oops.html", NULL, "");
    page("GET /secret", 403, "<li>Code: AccessDenied</li>");
}

/* A signature changes nothing: the owner sees what everybody sees. */
static void test_everybody_is_nobody(void **state) {
    (void)state;
    put("PUT /bkt?website", NULL, SITE(""));
    as_browser();
    test.who = S3_TEST_ALICE;
    assert_int_equal(s3_test_get(&test, "GET /secret"), 403);
}

static void test_rules(void **state) {
    (void)state;
    put("PUT /bkt?website", NULL,
        SITE(RULE("<KeyPrefixEquals>old/</KeyPrefixEquals>",
                  "<ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith>")));
    leads("GET /old/a%20b", 301, "http://localhost/new/a%20b");
    put("PUT /bkt?website", NULL,
        SITE(
            ERROR_PAGE RULE("<HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals>",
                            "<HostName>other</HostName><HttpRedirectCode>307</HttpRedirectCode>")));
    leads("GET /absent", 307, "http://other/absent");
    page("GET /page", 200, "a page");
    put("PUT /bkt?website", NULL,
        "<WebsiteConfiguration><RedirectAllRequestsTo><HostName>all</HostName>"
        "<Protocol>https</Protocol></RedirectAllRequestsTo></WebsiteConfiguration>");
    leads("GET /x", 301, "https://all/x");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_are_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_everybody_is_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rules, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
