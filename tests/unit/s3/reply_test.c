#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* support/s3_call.h has what cmocka.h needs before it */
#include "support/s3_call.h"
/* cmocka.h last */
#include <cmocka.h>

#include "auth/aws_chunked.h"
#include "base/check.h"

/* A call without a world: what is wrong with it is told by hand. */
static struct http_head head;
static struct http_query query;
static struct arena arena;
static struct note note;
static struct s3_call call;
static struct s3_op op = {.name = "GetObject", .subject = S3_OBJECT};
static char request[1024];

static int set_up(void **state) {
    (void)state;
    size_t len;
    arena_init(&arena, 4096, 1 << 20);
    snprintf(request, sizeof request, "GET /bucket/a%%26b HTTP/1.1\r\nHost: h\r\n\r\n");
    CHECK(http_head_parse(slice_str(request), &head, &len, &note) == HTTP_HEAD_COMPLETE);
    query.count = 0;
    note.text[0] = '\0';
    call = (struct s3_call){
        .head = &head,
        .query = &query,
        .arena = &arena,
        .note = &note,
        .op = &op,
        .bucket_name = SLICE("bucket"),
        .key = SLICE("a&b"),
        .request_id = SLICE("ID"),
        .host_id = SLICE("HOST"),
        .now_ns = INT64_C(1795521600) * 1000000000,
    };
    http_response_init(&call.response, &arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (call.answer.done != NULL) call.answer.done(&call);
    arena_fini(&arena);
    return 0;
}

static bool reply(struct status status) {
    bool internal;
    s3_reply_error(&call, status, &internal);
    return internal;
}

static bool document_has(const char *text) {
    struct slice document = call.answer.document;
    return slice_find(document, slice_str(text), 0) < document.len;
}

static void test_document(void **state) {
    (void)state;
    s3_refuse_with(&call, "Condition", SLICE("If-<Match>"));
    struct status status = s3_refuse(&call, S3_ERROR_PRECONDITION_FAILED, "No \"%s\" & more.", "x");
    assert_int_equal(status.code, STATUS_REFUSED);
    assert_false(reply(status));
    assert_int_equal(call.response.status, 412);
    struct slice want = SLICE(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<Error><Code>PreconditionFailed</Code>"
        "<Message>No &quot;x&quot; &amp; more.</Message>"
        "<Condition>If-&lt;Match&gt;</Condition><Resource>/bucket/a%26b</Resource>"
        "<RequestId>ID</RequestId><HostId>HOST</HostId></Error>");
    assert_true(slice_eq(call.answer.document, want));
    assert_true(
        slice_eq(http_response_find(&call.response, SLICE("X-Amz-Request-Id")), SLICE("ID")));
    assert_true(slice_eq(http_response_find(&call.response, SLICE("x-amz-id-2")), SLICE("HOST")));
    assert_true(slice_eq(http_response_find(&call.response, SLICE("Content-Type")),
                         SLICE("application/xml")));
}

static void test_every_status_has_a_word(void **state) {
    (void)state;
    static const struct {
        enum status_code code;
        const char *word;
    } cases[] = {
        {STATUS_NOT_FOUND, "NoSuchKey"},
        {STATUS_CONFLICT, "OperationAborted"},
        {STATUS_PRECONDITION, "PreconditionFailed"},
        {STATUS_INVALID, "InvalidRequest"},
        {STATUS_MISMATCH, "BadDigest"},
        {STATUS_RANGE, "InvalidRange"},
        {STATUS_TOO_LARGE, "EntityTooLarge"},
        {STATUS_DENIED, "AccessDenied"},
        {STATUS_UNSUPPORTED, "NotImplemented"},
        {STATUS_BUSY, "SlowDown"},
        {STATUS_TIMEOUT, "RequestTimeout"},
        {STATUS_CLOSED, "IncompleteBody"},
        {STATUS_QUOTA, "QuotaExceeded"},
        {STATUS_NO_SPACE, "InsufficientStorage"},
        {STATUS_NO_MEMORY, "ServiceUnavailable"},
        {STATUS_CORRUPT, "InternalError"},
        {STATUS_IO, "InternalError"},
        {STATUS_EXISTS, "InternalError"},
        {STATUS_REFUSED, "InternalError"},
    };
    assert_int_equal(ARRAY_LEN(cases), STATUS_CODE_COUNT - 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        note_set(&note, "the secret of the store");
        bool internal = reply(status_of(cases[i].code));
        char code[64];
        snprintf(code, sizeof code, "<Code>%s</Code>", cases[i].word);
        if (!document_has(code)) fail_msg("%.*s", SLICE_FMT(call.answer.document));
        assert_int_equal(internal, strcmp(cases[i].word, "InternalError") == 0);
        assert_false(document_has("secret"));
        tear_down(NULL);
        set_up(NULL);
    }
}

static void test_buckets_are_missing_where_keys_are_not_meant(void **state) {
    (void)state;
    static struct s3_op bucket_op = {.name = "ListObjects", .subject = S3_BUCKET};
    call.op = &bucket_op;
    assert_false(reply(status_of(STATUS_NOT_FOUND)));
    assert_true(document_has("<Code>NoSuchBucket</Code>"));
    assert_true(document_has("<BucketName>bucket</BucketName>"));
}

static void test_a_failure_after_a_refusal_counts(void **state) {
    (void)state;
    IGNORE_STATUS(s3_refuse(&call, S3_ERROR_ACCESS_DENIED, "a sentence"));
    assert_true(reply(status_of(STATUS_IO)));
    assert_int_equal(call.response.status, 500);
    assert_false(document_has("a sentence"));
}

static void test_usual_details(void **state) {
    (void)state;
    assert_false(reply(s3_refuse(&call, S3_ERROR_NO_SUCH_KEY, NULL)));
    assert_true(document_has("<Key>a&amp;b</Key>"));
    tear_down(NULL);
    set_up(NULL);
    s3_refuse_with(&call, "Key", SLICE("other"));
    assert_false(reply(s3_refuse(&call, S3_ERROR_NO_SUCH_KEY, NULL)));
    assert_true(document_has("<Key>other</Key>"));
    assert_false(document_has("<Key>a"));
}

static void test_headers_of_the_answer(void **state) {
    (void)state;
    http_response_set_str(&call.response, "ETag", "\"x\"");
    s3_refuse_header(&call, "Content-Range", SLICE("bytes */3"));
    assert_false(reply(s3_refuse(&call, S3_ERROR_INVALID_RANGE, NULL)));
    assert_int_equal(call.response.status, 416);
    assert_null(http_response_find(&call.response, SLICE("ETag")).ptr);
    assert_true(
        slice_eq(http_response_find(&call.response, SLICE("Content-Range")), SLICE("bytes */3")));
}

static void test_not_modified_keeps_its_headers_and_has_no_body(void **state) {
    (void)state;
    http_response_set_str(&call.response, "ETag", "\"x\"");
    assert_false(reply(s3_refuse(&call, S3_ERROR_NOT_MODIFIED, NULL)));
    assert_int_equal(call.response.status, 304);
    assert_int_equal(call.answer.document.len, 0);
    assert_true(slice_eq(http_response_find(&call.response, SLICE("ETag")), SLICE("\"x\"")));
    assert_non_null(http_response_find(&call.response, SLICE("x-amz-request-id")).ptr);
}

static void test_head_has_no_body(void **state) {
    (void)state;
    head.method = HTTP_HEAD;
    assert_false(reply(s3_refuse(&call, S3_ERROR_NO_SUCH_KEY, NULL)));
    assert_int_equal(call.response.status, 404);
    assert_int_equal(call.answer.document.len, 0);
}

static void test_early_answers_are_documents_alone(void **state) {
    (void)state;
    call.early = true;
    call.response.status = 200;
    assert_true(reply(status_of(STATUS_IO)));
    assert_int_equal(call.response.status, 200);
    assert_true(slice_starts_with(call.answer.document, SLICE("<Error><Code>InternalError<")));
}

static int ended;

static void end_it(struct s3_call *ending) {
    ended += ending == &call;
}

static void test_an_answer_that_was_begun_is_ended_once(void **state) {
    (void)state;
    ended = 0;
    call.answer = (struct s3_answer){.length = 5, .done = end_it};
    assert_true(reply(status_of(STATUS_IO)));
    assert_int_equal(ended, 1);
    assert_null(call.answer.send);
    assert_int_equal(call.answer.length, 0);
    call.answer.done(&call);
    call.answer.done = NULL;
    assert_int_equal(ended, 1);
}

/* ---- denials ------------------------------------------------------------------------------ */

static void test_signature_mismatch_tells_what_was_signed(void **state) {
    (void)state;
    call.denial = (struct auth_denial){
        .refusal = AUTH_REFUSAL_SIGNATURE_MISMATCH,
        .access_key = SLICE("AKIA"),
        .string_to_sign = SLICE("AWS4\n1"),
        .canonical_request = SLICE("GET\n/"),
        .signature_provided = SLICE("beef"),
    };
    note_set(&note, "auth's own words");
    assert_false(reply(s3_refuse_denial(&call)));
    assert_int_equal(call.response.status, 403);
    assert_true(
        document_has("<Code>SignatureDoesNotMatch</Code>"
                     "<Message>The request signature we calculated does not match the "
                     "signature you provided. Check your key and signing method.</Message>"
                     "<AWSAccessKeyId>AKIA</AWSAccessKeyId>"
                     "<StringToSign>AWS4&#10;1</StringToSign>"
                     "<SignatureProvided>beef</SignatureProvided>"
                     "<StringToSignBytes>41 57 53 34 0a 31</StringToSignBytes>"
                     "<CanonicalRequest>GET&#10;/</CanonicalRequest>"
                     "<CanonicalRequestBytes>47 45 54 0a 2f</CanonicalRequestBytes>"));
}

static void test_every_denial_has_a_word(void **state) {
    (void)state;
    for (int i = AUTH_REFUSAL_NONE + 1; i < AUTH_REFUSAL_COUNT; i++) {
        call.denial.refusal = (enum auth_refusal)i;
        note_set(&note, "reason %d", i);
        struct status status = s3_refuse_denial(&call);
        assert_int_equal(status.code, STATUS_REFUSED);
        assert_false(reply(status));
        if (call.response.status < 400 || call.response.status > 501) {
            fail_msg("%s: %d", auth_refusal_text((enum auth_refusal)i), call.response.status);
        }
        tear_down(NULL);
        set_up(NULL);
    }
}

static void test_times_are_told(void **state) {
    (void)state;
    call.denial.refusal = AUTH_REFUSAL_SKEWED;
    call.denial.request_time_ns = 0;
    assert_false(reply(s3_refuse_denial(&call)));
    assert_true(
        document_has("<RequestTime>1970-01-01T00:00:00.000Z</RequestTime>"
                     "<ServerTime>2026-11-24T12:00:00.000Z</ServerTime>"
                     "<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>"));
    tear_down(NULL);
    set_up(NULL);
    call.denial.refusal = AUTH_REFUSAL_EXPIRED;
    call.denial.expires_s = 60;
    note_set(&note, "Request has expired");
    assert_false(reply(s3_refuse_denial(&call)));
    assert_true(
        document_has("<Code>AccessDenied</Code><Message>Request has expired</Message>"
                     "<X-Amz-Expires>60</X-Amz-Expires>"));
}

/* ---- bodies ------------------------------------------------------------------------------- */

static void test_broken_bodies(void **state) {
    (void)state;
    static const struct {
        enum status_code code;
        enum s3_error error;
    } cases[] = {
        {STATUS_CLOSED, S3_ERROR_INCOMPLETE_BODY},
        {STATUS_TIMEOUT, S3_ERROR_REQUEST_TIMEOUT},
        {STATUS_INVALID, S3_ERROR_INVALID_REQUEST},
        {STATUS_TOO_LARGE, S3_ERROR_INVALID_REQUEST},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct status status = s3_refuse_body(&call, status_of(cases[i].code));
        assert_int_equal(status.code, STATUS_REFUSED);
        assert_int_equal(call.error, cases[i].error);
    }
    call.error = S3_ERROR_NONE;
    assert_int_equal(s3_refuse_body(&call, status_of(STATUS_IO)).code, STATUS_IO);
    assert_int_equal(call.error, S3_ERROR_NONE);
}

static void test_broken_chunks(void **state) {
    (void)state;
    static const struct {
        enum auth_refusal refusal;
        enum s3_error error;
    } cases[] = {
        {AUTH_REFUSAL_BODY_INCOMPLETE, S3_ERROR_INCOMPLETE_BODY},
        {AUTH_REFUSAL_CHUNK_MISMATCH, S3_ERROR_SIGNATURE_DOES_NOT_MATCH},
        {AUTH_REFUSAL_TRAILER_MALFORMED, S3_ERROR_MALFORMED_TRAILER},
        {AUTH_REFUSAL_NONE, S3_ERROR_REQUEST_TIMEOUT},
    };
    struct aws_chunked chunked = {0};
    call.body_chunked = &chunked;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        chunked.refusal = cases[i].refusal;
        struct status status = s3_refuse_body(&call, status_of(STATUS_TIMEOUT));
        assert_int_equal(status.code, STATUS_REFUSED);
        assert_int_equal(call.error, cases[i].error);
    }
}

/* ---- answers without a call --------------------------------------------------------------- */

static void test_raw(void **state) {
    (void)state;
    char out[2048];
    size_t len = s3_reply_raw(S3_ERROR_SLOW_DOWN, NULL, SLICE("ID"), true, out, sizeof out);
    assert_int_equal(len, strlen(out));
    assert_string_equal(out,
                        "HTTP/1.1 503 Service Unavailable\r\n"
                        "Content-Type: application/xml\r\n"
                        "Content-Length: 151\r\n"
                        "x-amz-request-id: ID\r\n"
                        "Connection: close\r\n\r\n"
                        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                        "<Error><Code>SlowDown</Code><Message>Please reduce your request rate."
                        "</Message><RequestId>ID</RequestId></Error>");
    len = s3_reply_raw(S3_ERROR_INVALID_REQUEST, "<odd>", SLICE("ID"), false, out, sizeof out);
    assert_true(slice_find(slice_of(out, len), SLICE("&lt;odd&gt;"), 0) < len);
    assert_true(slice_find(slice_of(out, len), SLICE("Connection"), 0) == len);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_document),
        CASE(test_every_status_has_a_word),
        CASE(test_buckets_are_missing_where_keys_are_not_meant),
        CASE(test_a_failure_after_a_refusal_counts),
        CASE(test_usual_details),
        CASE(test_headers_of_the_answer),
        CASE(test_not_modified_keeps_its_headers_and_has_no_body),
        CASE(test_head_has_no_body),
        CASE(test_early_answers_are_documents_alone),
        CASE(test_an_answer_that_was_begun_is_ended_once),
        CASE(test_signature_mismatch_tells_what_was_signed),
        CASE(test_every_denial_has_a_word),
        CASE(test_times_are_told),
        CASE(test_broken_bodies),
        CASE(test_broken_chunks),
        CASE(test_raw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
