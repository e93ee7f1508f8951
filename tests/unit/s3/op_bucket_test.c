#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* support/s3_call.h has what cmocka.h needs before it */
#include "support/s3_call.h"
/* cmocka.h last */
#include <cmocka.h>

#include "base/check.h"

static struct s3_test t;

static int set_up(void **state) {
    (void)state;
    s3_test_open(&t);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    s3_test_close(&t);
    return 0;
}

static struct slice location(const char *constraint) {
    static char document[1024];
    snprintf(document, sizeof document,
             "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
             "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
             constraint);
    return slice_str(document);
}

static void create(const char *what) {
    s3_test_expect(&t, what, NULL, SLICE(""), 200, NULL);
}

/* ---- CreateBucket ------------------------------------------------------------------------- */

static void test_create_and_find(void **state) {
    (void)state;
    create("PUT /bucket");
    assert_true(slice_eq(s3_test_header(&t, "Location"), SLICE("/bucket")));
    assert_true(slice_eq(s3_test_header(&t, "x-amz-request-id"), SLICE("REQUEST")));
    assert_true(slice_eq(s3_test_header(&t, "x-amz-id-2"), SLICE("HOST")));
    assert_int_equal(t.body.len, 0);
    assert_int_equal(s3_test_get(&t, "HEAD /bucket"), 200);
    assert_true(slice_eq(s3_test_header(&t, "x-amz-bucket-region"), SLICE("europe-se-1")));
    assert_int_equal(t.body.len, 0);
    assert_int_equal(s3_test_get(&t, "GET /bucket?location"), 200);
    assert_true(
        slice_eq(t.body, SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/"
                               "\">europe-se-1</LocationConstraint>")));
    assert_true(slice_eq(s3_test_header(&t, "Content-Type"), SLICE("application/xml")));
}

/* The policy that a bucket was made with, as the record has it. */
static void expect_policy(const char *constraint, const char *policy) {
    static int number;
    char what[64];
    snprintf(what, sizeof what, "PUT /location-%d", number++);
    s3_test_expect(&t, what, NULL, location(constraint), 200, NULL);
    if (!slice_eq(t.call.bucket.policy, slice_str(policy))) {
        fail_msg("%s: %.*s", constraint, SLICE_FMT(t.call.bucket.policy));
    }
}

static void test_location_constraints(void **state) {
    (void)state;
    expect_policy("europe-se-1", "standard");
    expect_policy("europe-se-1:", "standard");
    expect_policy("europe-se-1:hp.intensive", "hp.intensive");
    expect_policy(":gp.archive", "gp.archive");
    expect_policy(":", "standard");
    expect_policy("", "standard");
    t.region = 1;
    expect_policy("europe-se-1-rep:hp.intensive", "hp.intensive");
    expect_policy("", "standard");
    assert_int_equal(s3_test_get(&t, "GET /location-7?location"), 200);
    assert_int_equal(s3_test_count(&t, ">europe-se-1-rep<"), 1);
}

static void test_documents_without_a_constraint(void **state) {
    (void)state;
    s3_test_expect(&t, "PUT /one", NULL, SLICE("<CreateBucketConfiguration/>"), 200, NULL);
    s3_test_expect(&t, "PUT /two", NULL,
                   SLICE("<?xml version=\"1.0\"?>\n<CreateBucketConfiguration>\n"
                         "<LocationConstraint/>\n</CreateBucketConfiguration>\n"),
                   200, NULL);
}

static void test_wrong_locations_are_told_the_right_ones(void **state) {
    (void)state;
    static const struct {
        size_t region;
        const char *constraint;
        const char *message;
    } cases[] = {
        {0, "us-east-1",
         "There is no region &quot;us-east-1&quot;; this endpoint serves region "
         "&quot;europe-se-1&quot;."},
        {0, "europe-se-1-rep",
         "Region &quot;europe-se-1-rep&quot; has an endpoint of its own; this one serves region "
         "&quot;europe-se-1&quot;."},
        {0, "nowhere:standard",
         "There is no region &quot;nowhere&quot;; this endpoint serves region "
         "&quot;europe-se-1&quot;."},
        {0, "europe-se-1:nope",
         "There is no storage policy &quot;nope&quot;; region &quot;europe-se-1&quot; offers: "
         "standard, hp.intensive, gp.archive."},
        {0, ":nope",
         "There is no storage policy &quot;nope&quot;; region &quot;europe-se-1&quot; offers: "
         "standard, hp.intensive, gp.archive."},
        {0, "europe-se-1:standard:x",
         "There is no storage policy &quot;standard:x&quot;; region &quot;europe-se-1&quot; "
         "offers: standard, hp.intensive, gp.archive."},
        {1, "europe-se-1-rep:gp.archive",
         "Region &quot;europe-se-1-rep&quot; does not offer storage policy &quot;gp.archive&quot;; "
         "it offers: standard, hp.intensive."},
        {0, "standard",
         "&quot;standard&quot; is a storage policy, not a region; &quot;:standard&quot; asks for "
         "it."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        t.region = cases[i].region;
        s3_test_expect(&t, "PUT /bucket", NULL, location(cases[i].constraint), 400,
                       "InvalidLocationConstraint");
        struct slice message = s3_test_element(&t, "Message");
        if (!slice_eq(message, slice_str(cases[i].message))) {
            fail_msg("%s: %.*s", cases[i].constraint, SLICE_FMT(message));
        }
        assert_true(
            slice_eq(s3_test_element(&t, "LocationConstraint"), slice_str(cases[i].constraint)));
        s3_test_expect(&t, "HEAD /bucket", NULL, SLICE(""), 404, NULL);
    }
}

static void test_malformed_documents(void **state) {
    (void)state;
    static const char *const documents[] = {
        "x",
        "<CreateBucketConfiguration>",
        "<Other/>",
        "<CreateBucketConfiguration><Nonsense/></CreateBucketConfiguration>",
        "<CreateBucketConfiguration><LocationConstraint>a</LocationConstraint>"
        "<LocationConstraint>b</LocationConstraint></CreateBucketConfiguration>",
        "<CreateBucketConfiguration><LocationConstraint><a/></LocationConstraint>"
        "</CreateBucketConfiguration>",
        "<!DOCTYPE x><CreateBucketConfiguration/>",
        "   ",
    };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        s3_test_expect(&t, "PUT /bucket", NULL, slice_str(documents[i]), 400, "MalformedXML");
    }
}

static void test_what_cannot_be_honoured_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *header;
        int status;
        const char *code;
    } cases[] = {
        {"x-amz-acl: private\r\n", 200, NULL},
        {"x-amz-object-ownership: BucketOwnerEnforced\r\n", 409, "BucketAlreadyOwnedByYou"},
        {"x-amz-bucket-object-lock-enabled: false\r\n", 409, "BucketAlreadyOwnedByYou"},
        {"x-amz-acl: public-read\r\n", 400, "InvalidBucketAclWithObjectOwnership"},
        {"x-amz-acl: everybody\r\n", 400, "InvalidArgument"},
        {"x-amz-object-ownership: ObjectWriter\r\n", 409, "BucketAlreadyOwnedByYou"},
        {"x-amz-object-ownership: Me\r\n", 400, "InvalidArgument"},
        {"x-amz-bucket-object-lock-enabled: maybe\r\n", 400, "InvalidArgument"},
        {"x-amz-grant-read: id=x\r\n", 400, "InvalidArgument"},
        {"X-Amz-Grant-Read: id=project-b\r\n", 400, "InvalidBucketAclWithObjectOwnership"},
        {"x-amz-bucket-namespace: account-regional\r\n", 501, "NotImplemented"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        s3_test_expect(&t, "PUT /bucket", cases[i].header, SLICE(""), cases[i].status,
                       cases[i].code);
    }
    assert_true(slice_eq(s3_test_element(&t, "Header"), SLICE("x-amz-bucket-namespace")));
    s3_test_expect(&t, "PUT /bucket-2", NULL,
                   SLICE("<CreateBucketConfiguration><Tags/></CreateBucketConfiguration>"), 501,
                   "NotImplemented");
}

static void test_bad_names(void **state) {
    (void)state;
    s3_test_expect(&t, "PUT /Bucket", NULL, SLICE(""), 400, "InvalidBucketName");
    assert_true(slice_eq(s3_test_element(&t, "BucketName"), SLICE("Bucket")));
    s3_test_expect(&t, "PUT /ab", NULL, SLICE(""), 400, "InvalidBucketName");
    s3_test_expect(&t, "PUT /192.168.5.4", NULL, SLICE(""), 400, "InvalidBucketName");
    /* To look for one is no offence: another door may have made it. */
    s3_test_expect(&t, "GET /Bucket", NULL, SLICE(""), 404, "NoSuchBucket");
}

static void test_names_that_are_taken(void **state) {
    (void)state;
    create("PUT /bucket");
    s3_test_expect(&t, "PUT /bucket", NULL, SLICE(""), 409, "BucketAlreadyOwnedByYou");
    assert_true(slice_eq(s3_test_element(&t, "BucketName"), SLICE("bucket")));
    t.who = S3_TEST_CAROL;
    s3_test_expect(&t, "PUT /bucket", NULL, SLICE(""), 409, "BucketAlreadyOwnedByYou");
    t.who = S3_TEST_BOB;
    s3_test_expect(&t, "PUT /bucket", NULL, SLICE(""), 409, "BucketAlreadyExists");
    t.region = 1;
    create("PUT /bucket");
}

static void test_quota(void **state) {
    (void)state;
    t.service.buckets_per_project = 2;
    create("PUT /one");
    t.region = 1;
    create("PUT /two");
    s3_test_expect(&t, "PUT /three", NULL, SLICE(""), 400, "TooManyBuckets");
    t.who = S3_TEST_BOB;
    create("PUT /three");
    t.who = S3_TEST_ALICE;
    s3_test_expect(&t, "DELETE /two", NULL, SLICE(""), 204, NULL);
    create("PUT /four");
}

/* ---- who may ------------------------------------------------------------------------------ */

static void test_who_may(void **state) {
    (void)state;
    static const struct {
        enum s3_test_who who;
        int status;
        const char *code;
    } cases[] = {
        {S3_TEST_ALICE, 200, NULL},
        {S3_TEST_CAROL, 200, NULL},
        {S3_TEST_ADMIN, 200, NULL},
        {S3_TEST_BOB, 403, "AccessDenied"},
        {S3_TEST_NOBODY, 403, "AccessDenied"},
    };
    create("PUT /bucket");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        t.who = cases[i].who;
        s3_test_expect(&t, "GET /bucket?location", NULL, SLICE(""), cases[i].status, cases[i].code);
        s3_test_expect(&t, "GET /bucket", NULL, SLICE(""), cases[i].status, cases[i].code);
        s3_test_expect(&t, "GET /absent", NULL, SLICE(""), 404, "NoSuchBucket");
    }
    s3_test_expect(&t, "DELETE /bucket", NULL, SLICE(""), 403, "AccessDenied");
    s3_test_expect(&t, "PUT /another", NULL, SLICE(""), 403, "AccessDenied");
    s3_test_expect(&t, "HEAD /bucket", NULL, SLICE(""), 403, NULL);
    assert_int_equal(t.body.len, 0);
    t.who = S3_TEST_BOB;
    s3_test_expect(&t, "DELETE /bucket", NULL, SLICE(""), 403, "AccessDenied");
}

static void test_expected_owner(void **state) {
    (void)state;
    create("PUT /bucket");
    s3_test_expect(&t, "GET /bucket", "x-amz-expected-bucket-owner: project-a\r\n", SLICE(""), 200,
                   NULL);
    s3_test_expect(&t, "GET /bucket", "x-amz-expected-bucket-owner: project-b\r\n", SLICE(""), 403,
                   "AccessDenied");
    s3_test_expect(&t, "DELETE /bucket", "x-amz-expected-bucket-owner:\r\n", SLICE(""), 403,
                   "AccessDenied");
    s3_test_expect(&t, "GET /absent", "x-amz-expected-bucket-owner: project-a\r\n", SLICE(""), 404,
                   "NoSuchBucket");
}

/* Whatever row has no function yet, asked for as its columns say. */
static void test_what_is_not_there_yet_says_its_name(void **state) {
    (void)state;
    create("PUT /bucket");
    for (size_t i = 0; i < s3_op_count(); i++) {
        const struct s3_op *op = s3_op_at(i);
        bool askable = op->method == HTTP_GET && op->subject == S3_BUCKET && op->selector != NULL;
        if (op->run != NULL || !askable) continue;
        char what[128];
        char message[128];
        snprintf(what, sizeof what, "GET /bucket?%s", op->selector);
        snprintf(message, sizeof message, "%s is not implemented.", op->name);
        s3_test_expect(&t, what, NULL, SLICE(""), 501, "NotImplemented");
        assert_true(slice_eq(s3_test_element(&t, "Message"), slice_str(message)));
    }
}

/* ---- HeadBucket, DeleteBucket ------------------------------------------------------------- */

static void test_delete(void **state) {
    (void)state;
    create("PUT /bucket");
    s3_test_expect(&t, "DELETE /bucket", NULL, SLICE(""), 204, NULL);
    assert_int_equal(t.body.len, 0);
    s3_test_expect(&t, "DELETE /bucket", NULL, SLICE(""), 404, "NoSuchBucket");
    assert_true(slice_eq(s3_test_element(&t, "BucketName"), SLICE("bucket")));
    create("PUT /bucket");
}

static void test_delete_refuses_what_is_not_empty(void **state) {
    (void)state;
    create("PUT /bucket");
    s3_test_store(&t, "bucket", SLICE("key"), SLICE("abc"));
    s3_test_expect(&t, "DELETE /bucket", NULL, SLICE(""), 409, "BucketNotEmpty");
    assert_true(slice_eq(s3_test_element(&t, "BucketName"), SLICE("bucket")));
}

static void test_head_tells_the_usage_when_asked(void **state) {
    (void)state;
    create("PUT /bucket");
    s3_test_store(&t, "bucket", SLICE("one"), SLICE("abc"));
    s3_test_store(&t, "bucket", SLICE("two"), SLICE("abc"));
    assert_int_equal(s3_test_get(&t, "HEAD /bucket"), 200);
    assert_null(s3_test_header(&t, "x-rgw-object-count").ptr);
    assert_int_equal(s3_test_get(&t, "HEAD /bucket?read-stats=true"), 200);
    assert_true(slice_eq(s3_test_header(&t, "x-rgw-object-count"), SLICE("2")));
    assert_true(slice_eq(s3_test_header(&t, "x-rgw-bytes-used"), SLICE("6")));
    assert_true(slice_eq(s3_test_header(&t, "x-rgw-quota-max-buckets"), SLICE("1000")));
    t.service.buckets_per_project = UINT64_MAX;
    assert_int_equal(s3_test_get(&t, "HEAD /bucket?read-stats=true"), 200);
    assert_null(s3_test_header(&t, "x-rgw-quota-max-buckets").ptr);
}

/* ---- ListBuckets -------------------------------------------------------------------------- */

static void test_list_empty(void **state) {
    (void)state;
    assert_int_equal(s3_test_get(&t, "GET /"), 200);
    assert_true(slice_eq(
        t.body, SLICE("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                      "<ListAllMyBucketsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                      "<Owner><ID>project-a</ID><DisplayName>Project a</DisplayName></Owner>"
                      "<Buckets></Buckets></ListAllMyBucketsResult>")));
}

static void test_list_shows_those_of_project_and_region(void **state) {
    (void)state;
    create("PUT /bravo");
    create("PUT /alpha");
    t.region = 1;
    create("PUT /rep");
    t.region = 0;
    t.who = S3_TEST_BOB;
    create("PUT /bobs");
    t.who = S3_TEST_CAROL;
    assert_int_equal(s3_test_get(&t, "GET /"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 2);
    assert_int_equal(
        s3_test_count(&t,
                      "<Bucket><Name>alpha</Name><CreationDate>2026-11-24T12:00:00.000Z"
                      "</CreationDate><BucketRegion>europe-se-1</BucketRegion></Bucket>"
                      "<Bucket><Name>bravo</Name>"),
        1);
    t.region = 1;
    assert_int_equal(s3_test_get(&t, "GET /"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 1);
    assert_int_equal(s3_test_count(&t, "<Name>rep</Name>"), 1);
    t.who = S3_TEST_NOBODY;
    assert_int_equal(s3_test_get(&t, "GET /"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 0);
}

static void test_list_filters(void **state) {
    (void)state;
    create("PUT /alpha-1");
    create("PUT /alpha-2");
    create("PUT /bravo-1");
    assert_int_equal(s3_test_get(&t, "GET /?prefix=alpha"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 2);
    assert_true(slice_eq(s3_test_element(&t, "Prefix"), SLICE("alpha")));
    assert_int_equal(s3_test_get(&t, "GET /?bucket-region=europe-se-1"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 3);
    assert_int_equal(s3_test_get(&t, "GET /?bucket-region=us-east-1"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 0);
}

static void test_list_pages(void **state) {
    (void)state;
    create("PUT /alpha");
    create("PUT /bravo");
    create("PUT /charlie");
    assert_int_equal(s3_test_get(&t, "GET /?max-buckets=2"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 2);
    struct slice token = s3_test_element(&t, "ContinuationToken");
    assert_non_null(token.ptr);
    char what[200];
    snprintf(what, sizeof what, "GET /?max-buckets=2&continuation-token=%.*s", SLICE_FMT(token));
    assert_int_equal(s3_test_get(&t, what), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 1);
    assert_int_equal(s3_test_count(&t, "<Name>charlie</Name>"), 1);
    assert_null(s3_test_element(&t, "ContinuationToken").ptr);
    assert_int_equal(s3_test_get(&t, "GET /?max-buckets=3"), 200);
    assert_null(s3_test_element(&t, "ContinuationToken").ptr);
}

static void test_list_more_than_a_page_of_the_store(void **state) {
    (void)state;
    t.service.buckets_per_project = 2000;
    for (int i = 0; i < BUCKET_LIST_MAX + 5; i++) {
        char what[32];
        snprintf(what, sizeof what, "PUT /bucket-%04d", i);
        create(what);
    }
    assert_int_equal(s3_test_get(&t, "GET /"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), BUCKET_LIST_MAX + 5);
    assert_null(s3_test_element(&t, "ContinuationToken").ptr);
    assert_int_equal(s3_test_get(&t, "GET /?max-buckets=1003"), 200);
    assert_int_equal(s3_test_count(&t, "<Bucket>"), 1003);
    assert_non_null(s3_test_element(&t, "ContinuationToken").ptr);
}

static void test_list_refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "GET /?max-buckets=0",
        "GET /?max-buckets=-1",
        "GET /?max-buckets=x",
        "GET /?max-buckets=10001",
        "GET /?continuation-token=",
        "GET /?continuation-token=abc",
        "GET /?continuation-token=02616263",
        "GET /?continuation-token=01ff",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        s3_test_expect(&t, bad[i], NULL, SLICE(""), 400, "InvalidArgument");
        assert_non_null(s3_test_element(&t, "ArgumentName").ptr);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_create_and_find),
        CASE(test_location_constraints),
        CASE(test_documents_without_a_constraint),
        CASE(test_wrong_locations_are_told_the_right_ones),
        CASE(test_malformed_documents),
        CASE(test_what_cannot_be_honoured_is_refused_by_name),
        CASE(test_bad_names),
        CASE(test_names_that_are_taken),
        CASE(test_quota),
        CASE(test_who_may),
        CASE(test_expected_owner),
        CASE(test_what_is_not_there_yet_says_its_name),
        CASE(test_delete),
        CASE(test_delete_refuses_what_is_not_empty),
        CASE(test_head_tells_the_usage_when_asked),
        CASE(test_list_empty),
        CASE(test_list_shows_those_of_project_and_region),
        CASE(test_list_filters),
        CASE(test_list_pages),
        CASE(test_list_more_than_a_page_of_the_store),
        CASE(test_list_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
