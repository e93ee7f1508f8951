/* Bucket configurations: validated, kept, given back as they were given. */
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

static int setup(void **state) {
    (void)state;
    s3_test_open(&test);
    s3_test_expect(&test, "PUT /bkt", NULL, SLICE(""), 200, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&test);
    return 0;
}

#define CORS                                                        \
    "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>" \
    "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
#define TAGS                                                                            \
    "<?xml version=\"1.0\"?>\n<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>" \
    "</TagSet></Tagging>"
#define PAYER(who) \
    "<RequestPaymentConfiguration><Payer>" who "</Payer></RequestPaymentConfiguration>"
#define ACCELERATE(state) \
    "<AccelerateConfiguration><Status>" state "</Status></AccelerateConfiguration>"
#define METRICS(id) "<MetricsConfiguration><Id>" id "</Id></MetricsConfiguration>"
#define ANALYTICS(id)                 \
    "<AnalyticsConfiguration><Id>" id \
    "</Id><StorageClassAnalysis/>"    \
    "</AnalyticsConfiguration>"
#define TIERING(id, days)                                \
    "<IntelligentTieringConfiguration><Id>" id           \
    "</Id><Status>Enabled</Status><Tiering>"             \
    "<AccessTier>ARCHIVE_ACCESS</AccessTier><Days>" days \
    "</Days></Tiering>"                                  \
    "</IntelligentTieringConfiguration>"
#define INVENTORY(id, format)                                                          \
    "<InventoryConfiguration><Destination><S3BucketDestination><Bucket>arn:aws:s3:::x" \
    "</Bucket><Format>" format                                                         \
    "</Format></S3BucketDestination></Destination>"                                    \
    "<IsEnabled>true</IsEnabled><Id>" id                                               \
    "</Id><IncludedObjectVersions>All"                                                 \
    "</IncludedObjectVersions><Schedule><Frequency>Daily</Frequency></Schedule>"       \
    "</InventoryConfiguration>"

/* Puts, gets back the very bytes, deletes, and finds nothing any more. */
static void round_trip(const char *query, const char *document, int put_status,
                       const char *absent) {
    char put[200];
    char get[200];
    char delete[200];
    snprintf(put, sizeof put, "PUT /bkt?%s", query);
    snprintf(get, sizeof get, "GET /bkt?%s", query);
    snprintf(delete, sizeof delete, "DELETE /bkt?%s", query);
    if (absent) s3_test_expect(&test, get, NULL, SLICE(""), 404, absent);
    s3_test_expect(&test, put, NULL, slice_str(document), put_status, NULL);
    s3_test_expect(&test, get, NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(test.body, slice_str(document)));
    test.who = S3_TEST_BOB;
    s3_test_expect(&test, get, NULL, SLICE(""), 403, "AccessDenied");
    s3_test_expect(&test, put, NULL, slice_str(document), 403, "AccessDenied");
    test.who = S3_TEST_ALICE;
    if (!absent) return;
    s3_test_expect(&test, delete, NULL, SLICE(""), 204, NULL);
    s3_test_expect(&test, get, NULL, SLICE(""), 404, absent);
}

static void test_round_trips(void **state) {
    (void)state;
    round_trip("cors", CORS, 200, "NoSuchCORSConfiguration");
    round_trip("tagging", TAGS, 204, "NoSuchTagSet");
    round_trip("requestPayment", PAYER("Requester"), 200, NULL);
    round_trip("accelerate", ACCELERATE("Suspended"), 200, NULL);
    round_trip("metrics&id=a%20b", METRICS("a b"), 200, "NoSuchConfiguration");
    round_trip("analytics&id=x", ANALYTICS("x"), 200, "NoSuchConfiguration");
    round_trip("inventory&id=x", INVENTORY("x", "CSV"), 200, "NoSuchConfiguration");
    round_trip("intelligent-tiering&id=x", TIERING("x", "90"), 200, "NoSuchConfiguration");
}

static void test_defaults(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /bkt?requestPayment", NULL, SLICE(""), 200, NULL);
    assert_true(slice_eq(s3_test_element(&test, "Payer"), SLICE("BucketOwner")));
    s3_test_expect(&test, "GET /bkt?accelerate", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, "<Status>"), 0);
}

static void test_lists(void **state) {
    (void)state;
    s3_test_expect(&test, "GET /bkt?metrics", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, "<MetricsConfiguration>"), 0);
    for (int i = 0; i < 102; i++) {
        char put[100];
        char document[200];
        snprintf(put, sizeof put, "PUT /bkt?metrics&id=m%03d", i);
        snprintf(document, sizeof document, "<?xml version=\"1.0\"?>\n" METRICS("m%03d"), i);
        s3_test_expect(&test, put, NULL, slice_str(document), 200, NULL);
    }
    s3_test_expect(&test, "GET /bkt?metrics", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, "<MetricsConfiguration>"), 100);
    assert_int_equal(s3_test_count(&test, "<?xml"), 1);
    assert_true(slice_eq(s3_test_element(&test, "IsTruncated"), SLICE("true")));
    assert_true(slice_eq(s3_test_element(&test, "NextContinuationToken"), SLICE("m099")));
    s3_test_expect(&test, "GET /bkt?metrics&continuation-token=m099", NULL, SLICE(""), 200, NULL);
    assert_int_equal(s3_test_count(&test, "<MetricsConfiguration>"), 2);
    assert_true(slice_eq(s3_test_element(&test, "IsTruncated"), SLICE("false")));
}

static void test_refuses(void **state) {
    (void)state;
    static const struct {
        const char *what;
        const char *document;
        const char *code;
    } cases[] = {
        {"PUT /bkt?cors", "", "MalformedXML"},
        {"PUT /bkt?cors", "<CORSConfiguration/>", "MalformedXML"},
        {"PUT /bkt?cors", TAGS, "MalformedXML"},
        {"PUT /bkt?tagging",
         "<Tagging><TagSet><Tag><Key>aws:x</Key><Value/></Tag></TagSet></Tagging>", "InvalidTag"},
        {"PUT /bkt?requestPayment", PAYER("Nobody"), "MalformedXML"},
        {"PUT /bkt?accelerate", ACCELERATE("On"), "MalformedXML"},
        {"PUT /bkt?metrics", METRICS("a"), "InvalidArgument"},
        {"PUT /bkt?metrics&id=b", METRICS("a"), "MalformedXML"},
        {"PUT /bkt?analytics&id=a", "<AnalyticsConfiguration><Id>a</Id></AnalyticsConfiguration>",
         "MalformedXML"},
        {"PUT /bkt?inventory&id=a", INVENTORY("a", "XLS"), "MalformedXML"},
        {"PUT /bkt?intelligent-tiering&id=a", TIERING("a", "soon"), "MalformedXML"},
        {"DELETE /bkt?analytics", "", "InvalidArgument"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        s3_test_expect(&test, cases[i].what, NULL, slice_str(cases[i].document), 400,
                       cases[i].code);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trips, setup, teardown),
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
