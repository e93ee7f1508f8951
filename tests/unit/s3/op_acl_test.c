#include "support/s3_call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those it needs. */
#include <cmocka.h>

static struct s3_test t;

static int setup(void **state) {
    (void)state;
    s3_test_open(&t);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    s3_test_close(&t);
    return 0;
}

#define ALL_USERS "http://acs.amazonaws.com/groups/global/AllUsers"
#define LIST(owner, grants)                                                            \
    "<AccessControlPolicy><Owner><ID>" owner "</ID></Owner><AccessControlList>" grants \
    "</AccessControlList></AccessControlPolicy>"
#define GRANT(id, permission) \
    "<Grant><Grantee><ID>" id "</ID></Grantee><Permission>" permission "</Permission></Grant>"

static void as(enum s3_test_who who, const char *what, const char *headers, const char *body,
               int status, const char *code) {
    t.who = who;
    s3_test_expect(&t, what, headers, slice_str(body), status, code);
    t.who = S3_TEST_ALICE;
}

static void alice(const char *what, const char *headers, const char *body, int status,
                  const char *code) {
    as(S3_TEST_ALICE, what, headers, body, status, code);
}

/* Where lists do not count, as by default. */
static void test_enforced(void **state) {
    (void)state;
    alice("PUT /bkt", NULL, "", 200, NULL);
    alice("GET /bkt?ownershipControls", NULL, "", 200, NULL);
    assert_true(slice_eq(s3_test_element(&t, "ObjectOwnership"), SLICE("BucketOwnerEnforced")));
    alice("PUT /bkt?acl", "x-amz-acl: public-read\r\n", "", 400, "AccessControlListNotSupported");
    alice("PUT /bkt?acl", "x-amz-acl: private\r\n", "", 200, NULL);
    alice("PUT /bkt/k", "x-amz-acl: private\r\n", "x", 200, NULL);
    alice("PUT /bkt/k?acl", "x-amz-acl: public-read\r\n", "", 400, "AccessControlListNotSupported");
    alice("PUT /bkt/k?acl", "x-amz-acl: private\r\n", "", 200, NULL);
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\n", "x", 400, "AccessControlListNotSupported");
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\nx-amz-grant-read: id=project-b\r\n", "x", 400,
          "InvalidRequest");
    alice("GET /bkt?acl", NULL, "", 200, NULL);
    assert_int_equal(s3_test_count(&t, "<Grant>"), 1);
    alice("GET /bkt/k?acl", NULL, "", 200, NULL);
    assert_true(slice_eq(s3_test_element(&t, "ID"), SLICE("project-a")));
    assert_true(slice_eq(s3_test_element(&t, "DisplayName"), SLICE("Project a")));
    assert_true(slice_eq(s3_test_element(&t, "Permission"), SLICE("FULL_CONTROL")));
    alice("GET /bkt/none?acl", NULL, "", 404, "NoSuchKey");
}

/* What others write where the bucket's owner owns everything. */
static void test_enforced_for_others(void **state) {
    (void)state;
    alice("PUT /bkt", NULL, "", 200, NULL);
    alice("PUT /bkt?policy", NULL,
          "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"s3:PutObject\","
          "\"Resource\":\"arn:aws:s3:::bkt/*\"}]}",
          204, NULL);
    as(S3_TEST_BOB, "PUT /bkt/k", "x-amz-acl: private\r\n", "x", 400,
       "AccessControlListNotSupported");
    as(S3_TEST_BOB, "PUT /bkt/k", "x-amz-acl: bucket-owner-full-control\r\n", "x", 200, NULL);
    as(S3_TEST_BOB, "GET /bkt/k", NULL, "", 403, "AccessDenied");
    alice("GET /bkt/k?acl", NULL, "", 200, NULL);
    assert_true(slice_eq(s3_test_element(&t, "ID"), SLICE("project-a")));
    alice("GET /bkt/k", NULL, "", 200, NULL);
}

static void test_ownership_controls(void **state) {
    (void)state;
    alice("PUT /bkt", "x-amz-object-ownership: ObjectWriter\r\nx-amz-acl: public-read\r\n", "", 200,
          NULL);
    alice("GET /bkt?ownershipControls", NULL, "", 200, NULL);
    assert_true(slice_eq(s3_test_element(&t, "ObjectOwnership"), SLICE("ObjectWriter")));
#define CONTROLS(rule)                                \
    "<OwnershipControls><Rule><ObjectOwnership>" rule \
    "</ObjectOwnership></Rule></OwnershipControls>"
    alice("PUT /bkt?ownershipControls", NULL, CONTROLS("BucketOwnerEnforced"), 400,
          "InvalidBucketAclWithObjectOwnership");
    alice("PUT /bkt?acl", "x-amz-acl: private\r\n", "", 200, NULL);
    alice("PUT /bkt?ownershipControls", NULL, CONTROLS("BucketOwnerEnforced"), 200, NULL);
    alice("PUT /bkt?ownershipControls", NULL, CONTROLS("Mine"), 400, "MalformedXML");
    alice("PUT /bkt?ownershipControls", NULL, "<OwnershipControls/>", 400, "MalformedXML");
    alice("DELETE /bkt?ownershipControls", NULL, "", 204, NULL);
    alice("GET /bkt?ownershipControls", NULL, "", 404, "OwnershipControlsNotFoundError");
    alice("PUT /bkt?acl", "x-amz-acl: public-read\r\n", "", 200,
          NULL); /* as before there were any */
}

static void open_bucket(const char *acl) {
    char headers[128];
    snprintf(headers, sizeof headers, "x-amz-object-ownership: ObjectWriter\r\nx-amz-acl: %s\r\n",
             acl);
    alice("PUT /bkt", headers, "", 200, NULL);
}

/* What lists of buckets give. */
static void test_bucket_lists(void **state) {
    (void)state;
    open_bucket("public-read");
    alice("PUT /bkt/k", NULL, "x", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt", NULL, "", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/k", NULL, "", 403, "AccessDenied");
    as(S3_TEST_NOBODY, "GET /bkt/none", NULL, "", 404, "NoSuchKey");
    as(S3_TEST_BOB, "PUT /bkt/k", NULL, "x", 403, "AccessDenied");
    as(S3_TEST_BOB, "GET /bkt?acl", NULL, "", 403, "AccessDenied");
    as(S3_TEST_BOB, "PUT /bkt?acl", "x-amz-acl: private\r\n", "", 403, "AccessDenied");
    alice("PUT /bkt?acl", "x-amz-acl: authenticated-read\r\n", "", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt", NULL, "", 403, "AccessDenied");
    as(S3_TEST_BOB, "GET /bkt", NULL, "", 200, NULL);
    alice("PUT /bkt?acl", NULL, LIST("project-a", GRANT("project-b", "WRITE")), 200, NULL);
    as(S3_TEST_BOB, "GET /bkt", NULL, "", 403, "AccessDenied");
    as(S3_TEST_BOB, "PUT /bkt/of-bob", NULL, "x", 200, NULL);
    as(S3_TEST_BOB, "DELETE /bkt/k", NULL, "", 204, NULL);
    alice("PUT /bkt?acl", NULL, LIST("project-a", GRANT("project-b", "WRITE_ACP")), 200, NULL);
    as(S3_TEST_BOB, "PUT /bkt?acl", "x-amz-acl: public-read\r\n", "", 200, NULL);
    alice("PUT /bkt?acl", NULL, LIST("project-a", ""), 200, NULL);
    alice("GET /bkt?acl", NULL, "", 200, NULL); /* the bucket is the owner's all the same */
    assert_int_equal(s3_test_count(&t, "<Grant>"), 0);
}

static void test_bad_lists(void **state) {
    (void)state;
    open_bucket("private");
    alice("PUT /bkt?acl", NULL, "", 400, "MissingSecurityHeader");
    alice("PUT /bkt?acl", NULL, "<AccessControlPolicy/>", 400, "MalformedACLError");
    alice("PUT /bkt?acl", NULL, LIST("project-b", ""), 403, "AccessDenied");
    alice("PUT /bkt?acl", NULL, LIST("project-a", GRANT("nobody-at-all", "READ")), 400,
          "InvalidArgument");
    alice("PUT /bkt?acl", "x-amz-acl: private\r\n", LIST("project-a", ""), 400,
          "UnexpectedContent");
    alice("PUT /bkt?acl", "x-amz-grant-read: emailAddress=\"a@b\"\r\n", "", 400,
          "UnresolvableGrantByEmailAddress");
    alice("PUT /bkt?acl", "x-amz-acl: public-ready\r\n", "", 400, "InvalidArgument");
}

/* What lists of objects give, and that they belong to whoever wrote the object. */
static void test_object_lists(void **state) {
    (void)state;
    open_bucket("public-read-write");
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\n", "x", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/k", NULL, "", 200, NULL);
    as(S3_TEST_NOBODY, "HEAD /bkt/k", NULL, "", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/k?acl", NULL, "", 403, "AccessDenied");
    alice("GET /bkt/k?acl", NULL, "", 200, NULL);
    assert_true(slice_eq(s3_test_element(&t, "URI"), SLICE(ALL_USERS)));
    alice("PUT /bkt/k?acl", NULL, LIST("project-a", GRANT("project-b", "READ")), 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/k", NULL, "", 403, "AccessDenied");
    as(S3_TEST_BOB, "GET /bkt/k", NULL, "", 200, NULL);
    alice("GET /bkt/k", NULL, "", 200, NULL);
    /* a new object of the key has a new list */
    alice("PUT /bkt/k", NULL, "y", 200, NULL);
    as(S3_TEST_BOB, "GET /bkt/k", NULL, "", 403, "AccessDenied");
    alice("PUT /bkt/none?acl", "x-amz-acl: private\r\n", "", 404, "NoSuchKey");
}

static void test_anothers_objects(void **state) {
    (void)state;
    open_bucket("public-read-write");
    as(S3_TEST_BOB, "PUT /bkt/k", NULL, "x", 200, NULL);
    alice("GET /bkt/k", NULL, "", 403, "AccessDenied");
    alice("GET /bkt/k?acl", NULL, "", 403, "AccessDenied");
    alice("PUT /bkt/copy", "x-amz-copy-source: /bkt/k\r\n", "", 403, "AccessDenied");
    as(S3_TEST_BOB, "GET /bkt/k", NULL, "", 200, NULL);
    as(S3_TEST_BOB, "PUT /bkt/k?acl", "x-amz-acl: bucket-owner-read\r\n", "", 200, NULL);
    alice("GET /bkt/k", NULL, "", 200, NULL);
    as(S3_TEST_ADMIN, "GET /bkt/k?acl", NULL, "", 200, NULL);
    alice("DELETE /bkt/k", NULL, "", 204, NULL);
    /* what nobody wrote is the bucket owner's */
    as(S3_TEST_NOBODY, "PUT /bkt/n", NULL, "x", 200, NULL);
    alice("GET /bkt/n", NULL, "", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/n", NULL, "", 403, "AccessDenied");
}

static void test_preferred(void **state) {
    (void)state;
    alice("PUT /bkt",
          "x-amz-object-ownership: BucketOwnerPreferred\r\nx-amz-acl: public-read-write\r\n", "",
          200, NULL);
    as(S3_TEST_BOB, "PUT /bkt/mine", NULL, "x", 200, NULL);
    as(S3_TEST_BOB, "PUT /bkt/yours", "x-amz-acl: bucket-owner-full-control\r\n", "x", 200, NULL);
    alice("GET /bkt/mine", NULL, "", 403, "AccessDenied");
    alice("GET /bkt/yours", NULL, "", 200, NULL);
    as(S3_TEST_BOB, "GET /bkt/yours", NULL, "", 403, "AccessDenied");
}

/* A list is never copied; one given with an upload is the object's. */
static void test_copies_and_uploads(void **state) {
    (void)state;
    open_bucket("private");
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\n", "x", 200, NULL);
    alice("PUT /bkt/copy", "x-amz-copy-source: /bkt/k\r\n", "", 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/copy", NULL, "", 403, "AccessDenied");
    alice("PUT /bkt/copy", "x-amz-copy-source: /bkt/k\r\nx-amz-acl: public-read\r\n", "", 200,
          NULL);
    as(S3_TEST_NOBODY, "GET /bkt/copy", NULL, "", 200, NULL);
    alice("POST /bkt/parts?uploads", "x-amz-acl: public-read\r\n", "", 200, NULL);
    struct slice id = s3_test_element(&t, "UploadId");
    char upload[64];
    char what[160];
    snprintf(upload, sizeof upload, "%.*s", SLICE_FMT(id));
    snprintf(what, sizeof what, "PUT /bkt/parts?partNumber=1&uploadId=%s", upload);
    alice(what, NULL, "x", 200, NULL);
    snprintf(what, sizeof what, "POST /bkt/parts?uploadId=%s", upload);
    alice(what, NULL,
          "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
          "<ETag>9dd4e461268c8034f5c8564e155c67a6</ETag></Part></CompleteMultipartUpload>",
          200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/parts", NULL, "", 200, NULL);
}

static void test_public_access_block(void **state) {
    (void)state;
    open_bucket("public-read");
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\n", "x", 200, NULL);
#define BLOCK(name) \
    "<PublicAccessBlockConfiguration><" name ">true</" name "></PublicAccessBlockConfiguration>"
    alice("PUT /bkt?publicAccessBlock", NULL, BLOCK("BlockPublicAcls"), 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/k", NULL, "", 200, NULL);
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\n", "x", 403, "AccessDenied");
    alice("PUT /bkt/k?acl", "x-amz-acl: authenticated-read\r\n", "", 403, "AccessDenied");
    alice("PUT /bkt?acl", "x-amz-acl: public-read\r\n", "", 403, "AccessDenied");
    alice("PUT /bkt?acl", "x-amz-grant-read: id=project-b\r\n", "", 200, NULL);
    alice("PUT /bkt?publicAccessBlock", NULL, BLOCK("IgnorePublicAcls"), 200, NULL);
    as(S3_TEST_NOBODY, "GET /bkt/k", NULL, "", 403, "AccessDenied");
    as(S3_TEST_BOB, "GET /bkt", NULL, "", 200, NULL);
}

/* Who began an upload may end it, in a bucket of somebody else's too. */
static void test_initiators(void **state) {
    (void)state;
    open_bucket("public-read-write");
    as(S3_TEST_BOB, "POST /bkt/k?uploads", NULL, "", 200, NULL);
    struct slice id = s3_test_element(&t, "UploadId");
    char list[128];
    char end[128];
    snprintf(list, sizeof list, "GET /bkt/k?uploadId=%.*s", SLICE_FMT(id));
    snprintf(end, sizeof end, "DELETE /bkt/k?uploadId=%.*s", SLICE_FMT(id));
    as(S3_TEST_NOBODY, list, NULL, "", 403, "AccessDenied");
    as(S3_TEST_NOBODY, end, NULL, "", 403, "AccessDenied");
    as(S3_TEST_BOB, list, NULL, "", 200, NULL);
    as(S3_TEST_BOB, end, NULL, "", 204, NULL);
}

/* The server's own rule for buckets whose makers say nothing. */
static void test_default_ownership(void **state) {
    (void)state;
    t.service.object_ownership = ACL_OBJECT_WRITER;
    alice("PUT /bkt", "x-amz-acl: public-read\r\n", "", 200, NULL);
    alice("GET /bkt?ownershipControls", NULL, "", 404, "OwnershipControlsNotFoundError");
    alice("PUT /bkt-2", "x-amz-object-ownership: BucketOwnerEnforced\r\n", "", 200, NULL);
    alice("PUT /bkt-2?acl", "x-amz-acl: public-read\r\n", "", 400, "AccessControlListNotSupported");
    t.service.object_ownership = ACL_OWNER_PREFERRED;
    alice("PUT /bkt-3", NULL, "", 200, NULL);
    alice("GET /bkt-3?ownershipControls", NULL, "", 200, NULL);
    assert_true(slice_eq(s3_test_element(&t, "ObjectOwnership"), SLICE("BucketOwnerPreferred")));
}

/* What was opened may be another object than the one that was authorized: its own list counts. */
static void test_what_was_opened_is_judged(void **state) {
    (void)state;
    open_bucket("private");
    alice("PUT /bkt/k", "x-amz-acl: public-read\r\n", "x", 200, NULL);
    as(S3_TEST_BOB, "GET /bkt/k", NULL, "", 200, NULL);
    struct object_info other = {.key = SLICE("k"), .meta = {.owner_id = SLICE("project-a")}};
    struct status s = s3_authorize_found(&t.call, "s3:GetObject", &t.call.bucket, &other);
    assert_true(status_is(s, STATUS_REFUSED));
    other.meta.acl = SLICE("ub");
    s = s3_authorize_found(&t.call, "s3:GetObject", &t.call.bucket, &other);
    assert_true(status_is(s, STATUS_CORRUPT));
    other.meta.acl = SLICE("u1 project-b Project b\n");
    s = s3_authorize_found(&t.call, "s3:GetObject", &t.call.bucket, &other);
    assert_true(is_ok(s));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_enforced),
        CASE(test_enforced_for_others),
        CASE(test_ownership_controls),
        CASE(test_bucket_lists),
        CASE(test_bad_lists),
        CASE(test_object_lists),
        CASE(test_anothers_objects),
        CASE(test_preferred),
        CASE(test_copies_and_uploads),
        CASE(test_public_access_block),
        CASE(test_initiators),
        CASE(test_default_ownership),
        CASE(test_what_was_opened_is_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
