/* The rules, one by one: what is refused, how, and what is let in although it is unusual. */
#include <inttypes.h>

#include "crypto/hmac.h"
#include "signed_sample.h"

static void test_anonymous_is_nobody(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_begin(&sample, "ANONYMOUS", "UNSIGNED");
    sample_add(&sample, "GET /bucket/key HTTP/1.1");
    sample_add(&sample, "Host: objects.example.org");
    assert_accepted(&sample);
    asked_init(&asked, &sample);
    asked.request.allow_anonymous = false;
    assert_true(status_is(asked_identify(&asked), STATUS_REFUSED));
    assert_int_equal(asked.denial.refusal, AUTH_REFUSAL_ANONYMOUS);
    assert_int_equal(asked.identity.look_ups, 0);
    asked_fini(&asked);
}

static void test_an_empty_authorization_header_is_no_proof(void **state) {
    (void)state;
    struct sample sample;
    sample_begin(&sample, "ANONYMOUS", "UNSIGNED");
    sample_add(&sample, "GET / HTTP/1.1");
    sample_add(&sample, "Host: objects.example.org");
    sample_add(&sample, "Authorization:");
    assert_accepted(&sample);
}

static void test_two_authorization_headers(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample_add(&sample, "Authorization: AWS4-HMAC-SHA256 Credential=x");
    assert_refused(&sample, AUTH_REFUSAL_TWO_KINDS);
}

static void test_two_versions_in_the_query(void **state) {
    (void)state;
    struct sample sample;
    sample_presign(&(struct recipe){.query = "AWSAccessKeyId=x"}, &sample);
    assert_refused(&sample, AUTH_REFUSAL_TWO_KINDS);
}

static void assert_authorization_refused(const char *value, enum auth_refusal refusal) {
    struct sample sample;
    char line[1024];
    sample_begin(&sample, "SIGV4_HEADER", "UNSIGNED");
    sample_add(&sample, "GET / HTTP/1.1");
    sample_add(&sample, "Host: objects.example.org");
    sample_add(&sample, "x-amz-date: " TEST_NOW);
    sample_add(&sample, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
    snprintf(line, sizeof line, "Authorization: %s", value);
    sample_add(&sample, line);
    snprintf(sample.name, sizeof sample.name, "%.60s", value);
    assert_refused(&sample, refusal);
}

#define V4 "AWS4-HMAC-SHA256 "
#define SCOPE "Credential=" TEST_KEY "/20260301/europe-se-1/s3/aws4_request"
#define HEADERS "SignedHeaders=host;x-amz-content-sha256;x-amz-date"
#define SIGNATURE "Signature=0000000000000000000000000000000000000000000000000000000000000000"

static void test_authorization_headers_that_are_not_one(void **state) {
    (void)state;
    enum auth_refusal malformed = AUTH_REFUSAL_MALFORMED_HEADER;
    assert_authorization_refused("Bearer token", AUTH_REFUSAL_TYPE_UNKNOWN);
    assert_authorization_refused("AWS", AUTH_REFUSAL_TYPE_UNKNOWN);
    assert_authorization_refused("aws4-hmac-sha256 x", AUTH_REFUSAL_TYPE_UNKNOWN);
    assert_authorization_refused("AWS HAHAHA", AUTH_REFUSAL_MALFORMED_SIGV2);
    assert_authorization_refused("AWS key:", AUTH_REFUSAL_MALFORMED_SIGV2);
    assert_authorization_refused("AWS :sig", AUTH_REFUSAL_MALFORMED_SIGV2);
    assert_authorization_refused("AWS4-ECDSA-P256-SHA256 " SCOPE "," HEADERS "," SIGNATURE,
                                 AUTH_REFUSAL_ALGORITHM_UNSUPPORTED);
    assert_authorization_refused("AWS4-HMAC-SHA256", malformed);
    assert_authorization_refused(V4, malformed);
    assert_authorization_refused(V4 SCOPE, malformed);
    assert_authorization_refused(V4 SCOPE "," HEADERS, malformed);
    assert_authorization_refused(V4 SCOPE "," SCOPE "," HEADERS "," SIGNATURE, malformed);
    assert_authorization_refused(V4 SCOPE "," HEADERS "," SIGNATURE ",", malformed);
    assert_authorization_refused(V4 SCOPE "," HEADERS "," SIGNATURE ",Extra=1", malformed);
    assert_authorization_refused(V4 SCOPE ",SignedHeaders=Host;x," SIGNATURE, malformed);
    assert_authorization_refused(V4 SCOPE ",SignedHeaders=host;;x," SIGNATURE, malformed);
    assert_authorization_refused(V4 SCOPE ",SignedHeaders=," SIGNATURE, malformed);
    assert_authorization_refused(V4 SCOPE ",SignedHeaders=host;host," SIGNATURE, malformed);
    assert_authorization_refused(V4 SCOPE ",SignedHeaders=host;x-amz-date;x-amz-date," SIGNATURE,
                                 malformed);
}

static void test_credentials_of_another_form(void **state) {
    (void)state;
    static const char *const credentials[] = {
        TEST_KEY,
        TEST_KEY "/20260301/europe-se-1/s3",
        TEST_KEY "/20260301/europe-se-1/s3/aws4_request/",
        TEST_KEY "/20260301//s3/aws4_request",
        TEST_KEY "/20260301/europe-se-1/sts/aws4_request",
        TEST_KEY "/20260301/europe-se-1/S3/aws4_request",
        TEST_KEY "/20260301/europe-se-1/s3/aws5_request",
        TEST_KEY "/2026030/europe-se-1/s3/aws4_request",
        TEST_KEY "/2026030x/europe-se-1/s3/aws4_request",
        TEST_KEY "/20260301/europe se/s3/aws4_request",
        "/20260301/europe-se-1/s3/aws4_request",
        TEST_KEY "/20260302/europe-se-1/s3/aws4_request", /* not the date of the request */
    };
    for (size_t i = 0; i < ARRAY_LEN(credentials); i++) {
        char value[512];
        snprintf(value, sizeof value, V4 "Credential=%s," HEADERS "," SIGNATURE, credentials[i]);
        assert_authorization_refused(value, AUTH_REFUSAL_MALFORMED_HEADER);
    }
}

static void test_any_region_will_do(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_sign(&(struct recipe){.region = "us-east-1"}, &sample);
    assert_accepted(&sample);
    asked_init(&asked, &sample);
    assert_true(is_ok(asked_identify(&asked)));
    assert_true(slice_eq(asked.result.region, SLICE("us-east-1")));
    assert_true(slice_eq(asked.result.principal.user_id, SLICE("user-1")));
    assert_int_equal(asked.identity.look_ups, 1);
    asked_fini(&asked);
}

static void test_blanks_in_the_authorization_header(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample_replace(&sample, ",SignedHeaders=", " ,  SignedHeaders = ");
    sample_replace(&sample, ",Signature=", ", Signature=");
    assert_accepted(&sample);
}

static void test_fields_of_the_authorization_header_in_another_order(void **state) {
    (void)state;
    struct sample sample;
    struct slice head;
    sample_sign(&(struct recipe){0}, &sample);
    head = slice_of(sample.head, sample.head_len);
    size_t from = slice_find(head, SLICE("Signature="), 0);
    char field[128];
    char moved[256];
    snprintf(field, sizeof field, ",%.*s", 10 + SIGV4_HEX_LEN, head.ptr + from);
    snprintf(moved, sizeof moved, V4 "%s, ", field + 1);
    sample_replace(&sample, field, "");
    sample_replace(&sample, V4, moved);
    assert_accepted(&sample);
}

static void test_dates(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "x-amz-date: " TEST_NOW, "x-amz-date: yesterday");
    assert_refused(&sample, AUTH_REFUSAL_DATE_MISSING);
    sample_sign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "x-amz-date: " TEST_NOW, "x-other: " TEST_NOW);
    assert_refused(&sample, AUTH_REFUSAL_DATE_MISSING);
    sample_sign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "x-amz-date: " TEST_NOW,
                   "x-amz-date: " TEST_NOW "\r\nx-amz-date: " TEST_NOW);
    assert_refused(&sample, AUTH_REFUSAL_DATE_MISSING);
}

static void test_skew_of_fifteen_minutes(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample.now_ns = test_now_ns() + AUTH_SKEW_MAX_S * NS_PER_S;
    assert_accepted(&sample);
    sample.now_ns++;
    assert_refused(&sample, AUTH_REFUSAL_SKEWED);
    sample.now_ns = test_now_ns() - AUTH_SKEW_MAX_S * NS_PER_S;
    assert_accepted(&sample);
    sample.now_ns--;
    assert_refused(&sample, AUTH_REFUSAL_SKEWED);
}

static void test_host_must_be_signed(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "SignedHeaders=host;", "SignedHeaders=");
    assert_refused(&sample, AUTH_REFUSAL_UNSIGNED_HEADERS);
}

static void test_unsigned_headers_are_named(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_sign(&(struct recipe){0}, &sample);
    sample_add(&sample, "x-amz-acl: public-read");
    sample_add(&sample, "X-Amz-Meta-A: b");
    asked_init(&asked, &sample);
    assert_true(status_is(asked_identify(&asked), STATUS_REFUSED));
    assert_int_equal(asked.denial.refusal, AUTH_REFUSAL_UNSIGNED_HEADERS);
    assert_true(slice_eq_nocase(asked.denial.unsigned_headers, SLICE("x-amz-acl, x-amz-meta-a")));
    asked_fini(&asked);
}

static void test_a_repeated_header_is_signed_as_a_list(void **state) {
    (void)state;
    struct sample sample;
    struct recipe recipe = {.headers = {{SLICE("x-amz-meta-a"), SLICE(",one,two  three,four")}},
                            .header_count = 1};
    sample_sign(&recipe, &sample);
    assert_accepted(&sample);
    sample_replace(
        &sample, "x-amz-meta-a: ,one,two  three,four",
        "x-amz-meta-a:\r\nx-amz-meta-a: one\r\nX-Amz-Meta-A: two three\r\nx-amz-meta-a:  four ");
    assert_accepted(&sample);
}

/* Nothing a client repeats may make the work or the memory more than linear. */
static void test_repetition_is_bounded(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_sign(&(struct recipe){.headers = {{SLICE("a"), SLICE("x")}}, .header_count = 1},
                &sample);
    while (sample.head_len < HTTP_HEAD_MAX - 1200) {
        sample_add(&sample, "a: 0123456789012345678901234567890123456789012345678901234567890");
    }
    for (int i = 0; i < 20; i++) sample_add(&sample, "x-amz-0123456789012345678901234567890123: 1");
    asked_init(&asked, &sample);
    assert_true(status_is(asked_identify(&asked), STATUS_REFUSED));
    assert_int_equal(asked.denial.refusal, AUTH_REFUSAL_UNSIGNED_HEADERS);
    assert_true(asked.arena.used_bytes < 6 * HTTP_HEAD_MAX);
    asked_fini(&asked);
}

static void test_other_headers_may_come_unsigned(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample_add(&sample, "Content-Type: text/plain");
    sample_add(&sample, "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A==");
    sample_add(&sample, "X-Amzn-Trace-Id: Root=1-2-3");
    sample_add(&sample, "X-Forwarded-For: 10.0.0.1");
    assert_accepted(&sample);
}

/* CVE-2026-54330: line breaks smuggled into the canonical form. */
static void test_cve_2026_54330_no_line_breaks_in_the_canonical_form(void **state) {
    (void)state;
    static const char *const places[][2] = {
        {"X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%0Ax-amz-acl"},
        {"X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%3B%0D%0Ax"},
        {"X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders=host%00"},
        {"%2Feurope-se-1%2F", "%2Feurope%0A-se-1%2F"},
        {"X-Amz-Credential=", "X-Amz-Credential=a%0A"},
        {"X-Amz-Date=" TEST_NOW, "X-Amz-Date=" TEST_NOW "%0A"},
    };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct sample sample;
        sample_presign(&(struct recipe){0}, &sample);
        sample_replace(&sample, places[i][0], places[i][1]);
        assert_refused(&sample, AUTH_REFUSAL_MALFORMED_QUERY);
    }
}

/* CVE-2025-31489: an unsigned-trailer upload whose head was not verified. */
static void test_cve_2025_31489_the_seed_is_verified_in_every_streaming_mode(void **state) {
    (void)state;
    static const char *const modes[] = {
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    };
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        struct sample sample;
        struct recipe recipe = {
            .method = "PUT",
            .payload_hash = modes[i],
            .headers = {{SLICE("x-amz-decoded-content-length"), SLICE("5")}},
            .header_count = 1,
        };
        sample_sign(&recipe, &sample);
        assert_int_equal(refusal_of(&sample), AUTH_REFUSAL_NONE);
        recipe.secret = "some other secret";
        sample_sign(&recipe, &sample);
        assert_refused(&sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
        sample_presign(&recipe, &sample);
        assert_refused(&sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
    }
}

static void assert_payload(const char *hash, const char *payload, enum auth_refusal refusal) {
    struct sample sample;
    struct recipe recipe = {.payload_hash = hash};
    sample_sign(&recipe, &sample);
    snprintf(sample.payload, sizeof sample.payload, "%s", payload);
    assert_refused(&sample, refusal);
    if (refusal == AUTH_REFUSAL_NONE) assert_accepted(&sample);
}

static void test_payload_words(void **state) {
    (void)state;
    enum auth_refusal invalid = AUTH_REFUSAL_PAYLOAD_HASH_INVALID;
    enum auth_refusal unsupported = AUTH_REFUSAL_ALGORITHM_UNSUPPORTED;
    assert_payload("UNSIGNED-PAYLOAD", "UNSIGNED", AUTH_REFUSAL_NONE);
    assert_payload("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SHA256",
                   AUTH_REFUSAL_NONE);
    assert_payload("unsigned-payload", "", invalid);
    assert_payload("e3b0", "", invalid);
    assert_payload("STREAMING-UNSIGNED-PAYLOAD", "", invalid);
    assert_payload("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "", unsupported);
    assert_payload("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", "", unsupported);
    assert_payload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", AUTH_REFUSAL_DECODED_LENGTH_MISSING);
}

static void test_payload_hash_is_required_in_header_form(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "x-amz-content-sha256: UNSIGNED-PAYLOAD", "x-other: y");
    assert_refused(&sample, AUTH_REFUSAL_PAYLOAD_HASH_MISSING);
}

static void test_payload_sha256_is_given(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    struct recipe recipe = {.payload_hash =
                                "00000000000000000000000000000000000000000000000000000000000000aB"};
    sample_sign(&recipe, &sample);
    asked_init(&asked, &sample);
    assert_true(is_ok(asked_identify(&asked)));
    assert_int_equal(asked.result.payload_sha256[31], 0xab);
    assert_int_equal(asked.result.payload_sha256[30], 0);
    asked_fini(&asked);
}

static void assert_trailer_header(const char *hash, const char *trailer, size_t count,
                                  enum auth_refusal refusal) {
    struct sample sample;
    struct asked asked;
    struct recipe recipe = {
        .method = "PUT",
        .payload_hash = hash,
        .headers = {{SLICE("x-amz-decoded-content-length"), SLICE("5")},
                    {SLICE("x-amz-trailer"), slice_str(trailer)}},
        .header_count = 2,
    };
    sample_sign(&recipe, &sample);
    assert_refused(&sample, refusal);
    if (refusal != AUTH_REFUSAL_NONE) return;
    asked_init(&asked, &sample);
    assert_true(is_ok(asked_identify(&asked)));
    assert_int_equal(asked.result.trailers.count, count);
    assert_int_equal(asked.result.decoded_length, 5);
    asked_fini(&asked);
}

static void test_announced_trailers(void **state) {
    (void)state;
    const char *trailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    enum auth_refusal invalid = AUTH_REFUSAL_TRAILER_INVALID;
    assert_trailer_header(trailer, "x-amz-checksum-crc32", 1, AUTH_REFUSAL_NONE);
    assert_trailer_header(trailer, "X-Amz-Checksum-CRC32 , x-amz-checksum-sha1", 2,
                          AUTH_REFUSAL_NONE);
    assert_trailer_header(trailer, "x-amz-checksum-a,x-amz-checksum-A", 1, AUTH_REFUSAL_NONE);
    assert_trailer_header(trailer, "x-amz-meta-a", 0, invalid);
    assert_trailer_header(trailer, "x-amz-checksum-", 0, invalid);
    assert_trailer_header("UNSIGNED-PAYLOAD", "x-amz-checksum-crc32", 0, invalid);
    assert_trailer_header("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "x-amz-checksum-crc32", 0, invalid);
}

static void test_decoded_length_must_be_a_number(void **state) {
    (void)state;
    struct sample sample;
    struct recipe recipe = {
        .payload_hash = "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        .headers = {{SLICE("x-amz-decoded-content-length"), SLICE("-5")}},
        .header_count = 1,
    };
    sample_sign(&recipe, &sample);
    assert_refused(&sample, AUTH_REFUSAL_DECODED_LENGTH_INVALID);
}

static void test_signed_chunks_need_sigv4(void **state) {
    (void)state;
    struct sample sample;
    sample_begin(&sample, "ANONYMOUS", "UNSIGNED");
    sample_add(&sample, "PUT /bucket/key HTTP/1.1");
    sample_add(&sample, "Host: objects.example.org");
    sample_add(&sample, "x-amz-decoded-content-length: 5");
    sample_add(&sample, "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_refused(&sample, AUTH_REFUSAL_PAYLOAD_HASH_INVALID);
}

static void test_security_tokens_are_refused(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){.headers = {{SLICE("x-amz-security-token"), SLICE("t")}},
                                 .header_count = 1},
                &sample);
    assert_refused(&sample, AUTH_REFUSAL_TOKEN_UNSUPPORTED);
    sample_presign(&(struct recipe){.query = "X-Amz-Security-Token=t"}, &sample);
    assert_refused(&sample, AUTH_REFUSAL_TOKEN_UNSUPPORTED);
}

static void test_presigned_for_one_second_to_seven_days(void **state) {
    (void)state;
    struct sample sample;
    sample_presign(&(struct recipe){.expires_s = 1}, &sample);
    assert_accepted(&sample);
    sample.now_ns = test_now_ns() + NS_PER_S + 1;
    assert_refused(&sample, AUTH_REFUSAL_EXPIRED);
    sample_presign(&(struct recipe){.expires_s = AUTH_PRESIGN_EXPIRES_MAX_S}, &sample);
    sample.now_ns = test_now_ns() + AUTH_PRESIGN_EXPIRES_MAX_S * NS_PER_S;
    assert_accepted(&sample);
    sample.now_ns++;
    assert_refused(&sample, AUTH_REFUSAL_EXPIRED);
    sample_presign(&(struct recipe){.expires_s = AUTH_PRESIGN_EXPIRES_MAX_S + 1}, &sample);
    assert_refused(&sample, AUTH_REFUSAL_MALFORMED_QUERY);
    sample_presign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "X-Amz-Expires=60", "X-Amz-Expires=0");
    assert_refused(&sample, AUTH_REFUSAL_MALFORMED_QUERY);
}

static void test_presigned_for_the_future(void **state) {
    (void)state;
    struct sample sample;
    sample_presign(&(struct recipe){0}, &sample);
    sample.now_ns = test_now_ns() - AUTH_SKEW_MAX_S * NS_PER_S;
    assert_accepted(&sample);
    sample.now_ns--;
    assert_refused(&sample, AUTH_REFUSAL_NOT_YET_VALID);
}

static void test_presigned_parameters_come_once_each(void **state) {
    (void)state;
    static const char *const names[] = {"X-Amz-Algorithm", "X-Amz-Credential",
                                        "X-Amz-Date",      "X-Amz-Expires",
                                        "X-Amz-Signature", "X-Amz-SignedHeaders"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct sample sample;
        char from[64];
        char to[64];
        sample_presign(&(struct recipe){0}, &sample);
        snprintf(from, sizeof from, "%s=", names[i]);
        snprintf(to, sizeof to, "Other-%zu=", i);
        sample_replace(&sample, from, to);
        assert_refused(&sample, AUTH_REFUSAL_MALFORMED_QUERY);
        sample_presign(&(struct recipe){0}, &sample);
        snprintf(to, sizeof to, "%s=x&%s=", names[i], names[i]);
        sample_replace(&sample, from, to);
        assert_refused(&sample, AUTH_REFUSAL_MALFORMED_QUERY);
    }
}

static void test_presigned_with_a_payload_hash(void **state) {
    (void)state;
    struct sample sample;
    sample_presign(&(struct recipe){.payload_hash = "UNSIGNED-PAYLOAD"}, &sample);
    assert_accepted(&sample);
    sample_replace(&sample, "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD",
                   "X-Amz-Content-Sha256=STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    sample_add(&sample, "x-amz-decoded-content-length: 5");
    assert_refused(&sample, AUTH_REFUSAL_UNSIGNED_HEADERS);
}

static void test_sigv4a_in_the_query(void **state) {
    (void)state;
    struct sample sample;
    sample_presign(&(struct recipe){0}, &sample);
    sample_replace(&sample, "X-Amz-Algorithm=AWS4-HMAC-SHA256",
                   "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256");
    assert_refused(&sample, AUTH_REFUSAL_ALGORITHM_UNSUPPORTED);
}

static void test_a_path_signed_as_it_was_sent(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_sign(&(struct recipe){.path = "/bucket/a%2Fb+c"}, &sample);
    assert_accepted(&sample);
    asked_init(&asked, &sample);
    assert_true(is_ok(asked_identify(&asked)));
    asked_fini(&asked);
}

static void test_a_mismatch_shows_what_was_signed(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_sign(&(struct recipe){.secret = "another secret"}, &sample);
    asked_init(&asked, &sample);
    assert_true(status_is(asked_identify(&asked), STATUS_REFUSED));
    assert_true(slice_starts_with(asked.denial.canonical_request,
                                  SLICE("GET\n/bucket/key\n\nhost:objects.example.org\n")));
    assert_true(slice_starts_with(asked.denial.string_to_sign,
                                  SLICE("AWS4-HMAC-SHA256\n" TEST_NOW "\n20260301/")));
    assert_int_equal(asked.denial.signature_provided.len, SIGV4_HEX_LEN);
    assert_true(slice_eq(asked.denial.access_key, SLICE(TEST_KEY)));
    assert_null(strstr(asked.note.text, TEST_SECRET));
    asked_fini(&asked);
}

static void test_a_look_up_that_fails_is_no_refusal(void **state) {
    (void)state;
    struct sample sample;
    struct asked asked;
    sample_sign(&(struct recipe){0}, &sample);
    asked_init(&asked, &sample);
    asked.identity.failure = status_of(STATUS_TIMEOUT);
    assert_true(status_is(asked_identify(&asked), STATUS_TIMEOUT));
    assert_int_equal(asked.denial.refusal, AUTH_REFUSAL_NONE);
    asked_fini(&asked);
}

static void test_a_full_arena_is_no_mismatch(void **state) {
    (void)state;
    struct sample sample;
    sample_sign(&(struct recipe){0}, &sample);
    for (size_t limit = 64; limit < 4096; limit += 64) {
        struct asked asked;
        struct arena small;
        asked_init(&asked, &sample);
        arena_init(&small, 64, limit);
        struct status status =
            auth_identify(&asked.request, &small, &asked.note, &asked.denial, &asked.result);
        assert_true(is_ok(status) || status_is(status, STATUS_NO_MEMORY));
        arena_fini(&small);
        asked_fini(&asked);
    }
}

static void test_sigv2_can_be_turned_off(void **state) {
    (void)state;
    static const char *const names[] = {"v2-get", "v2-presigned-get"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct sample sample;
        struct asked asked;
        sample_load("botocore.txt", names[i], &sample);
        asked_init(&asked, &sample);
        asked.request.allow_sigv2 = false;
        assert_true(status_is(asked_identify(&asked), STATUS_REFUSED));
        assert_int_equal(asked.denial.refusal, AUTH_REFUSAL_SIGV2_DISABLED);
        assert_int_equal(asked.identity.look_ups, 0);
        asked_fini(&asked);
    }
}

/* The dates of ceph's s3-tests, which are checked before the signature. */
static void test_sigv2_dates(void **state) {
    (void)state;
    static const struct {
        const char *date;
        enum auth_refusal refusal;
    } dates[] = {
        {"Bad Date", AUTH_REFUSAL_DATE_MISSING},
        {"", AUTH_REFUSAL_DATE_MISSING},
        {"Tue, 07 Jul 1950 21:53:04 GMT", AUTH_REFUSAL_DATE_MISSING},
        {"Tue, 07 Jul 2010 21:53:04 GMT", AUTH_REFUSAL_SKEWED},
        {"Tue, 07 Jul 2030 21:53:04 GMT", AUTH_REFUSAL_SKEWED},
        {"Tue, 07 Jul 9999 21:53:04 GMT", AUTH_REFUSAL_SKEWED},
    };
    for (size_t i = 0; i < ARRAY_LEN(dates); i++) {
        struct sample sample;
        char line[128];
        sample_load("botocore.txt", "v2-put", &sample);
        snprintf(line, sizeof line, "x-amz-date: %s", dates[i].date);
        sample_add(&sample, line);
        assert_refused(&sample, dates[i].refusal);
    }
}

static void test_sigv2_signs_subresources(void **state) {
    (void)state;
    struct sample sample;
    sample_load("botocore.txt", "v2-get", &sample);
    sample_replace(&sample, " HTTP/1.1", "&acl HTTP/1.1");
    assert_refused(&sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
    sample_load("botocore.txt", "v2-list", &sample);
    sample_replace(&sample, "prefix=p", "prefix=q");
    assert_accepted(&sample);
}

/* A presigned URL of version 2 that expires at `expires_s`, its signature as it is in base64. */
static void sample_presign_v2(struct sample *sample, uint64_t expires_s, bool *ret_has_plus) {
    unsigned char mac[20];
    char text[128];
    char line[512];
    char signature[64];
    struct buf out;
    sample_begin(sample, "SIGV2_QUERY", "UNSIGNED");
    snprintf(text, sizeof text, "GET\n\n\n%" PRIu64 "\n/bucket/key", expires_s);
    hmac_sha1(SLICE(TEST_SECRET), slice_str(text), mac);
    buf_init_fixed(&out, signature, sizeof signature);
    base64_encode(&out, slice_of(mac, sizeof mac));
    *ret_has_plus = slice_find_char(buf_slice(&out), '+') < out.len;
    snprintf(line, sizeof line,
             "GET /bucket/key?AWSAccessKeyId=" TEST_KEY "&Expires=%" PRIu64
             "&Signature=%.*s HTTP/1.1",
             expires_s, SLICE_FMT(buf_slice(&out)));
    sample_add(sample, line);
    sample_add(sample, "Host: objects.example.org");
}

static void test_sigv2_signature_with_an_unencoded_plus(void **state) {
    (void)state;
    struct sample sample;
    bool has_plus = false;
    uint64_t expires_s = (uint64_t)(test_now_ns() / NS_PER_S);
    for (int i = 0; i < 1000 && !has_plus; i++) sample_presign_v2(&sample, expires_s++, &has_plus);
    assert_true(has_plus);
    assert_accepted(&sample);
    sample_replace(&sample, "&Signature=", "&Signature=A");
    assert_refused(&sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
}

static void test_sigv2_presigned_expires(void **state) {
    (void)state;
    struct sample sample;
    bool has_plus;
    uint64_t now_s = (uint64_t)(test_now_ns() / NS_PER_S);
    sample_presign_v2(&sample, now_s, &has_plus);
    assert_accepted(&sample);
    sample_presign_v2(&sample, now_s - 1, &has_plus);
    assert_refused(&sample, AUTH_REFUSAL_EXPIRED);
    sample_replace(&sample, "Expires=", "Expires=x");
    assert_refused(&sample, AUTH_REFUSAL_MALFORMED_SIGV2);
    sample_replace(&sample, "Expires=", "Other=");
    assert_refused(&sample, AUTH_REFUSAL_MALFORMED_SIGV2);
}

static void test_sigv2_path_of_a_bare_bucket(void **state) {
    (void)state;
    struct sample sample;
    sample_load("botocore.txt", "v2-list", &sample); /* signed as if it ended in a slash */
    assert_accepted(&sample);
    sample_replace(&sample, "/bucket?", "/bucket/?");
    assert_accepted(&sample);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_anonymous_is_nobody),
        cmocka_unit_test(test_an_empty_authorization_header_is_no_proof),
        cmocka_unit_test(test_two_authorization_headers),
        cmocka_unit_test(test_two_versions_in_the_query),
        cmocka_unit_test(test_authorization_headers_that_are_not_one),
        cmocka_unit_test(test_credentials_of_another_form),
        cmocka_unit_test(test_any_region_will_do),
        cmocka_unit_test(test_blanks_in_the_authorization_header),
        cmocka_unit_test(test_fields_of_the_authorization_header_in_another_order),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_skew_of_fifteen_minutes),
        cmocka_unit_test(test_host_must_be_signed),
        cmocka_unit_test(test_unsigned_headers_are_named),
        cmocka_unit_test(test_a_repeated_header_is_signed_as_a_list),
        cmocka_unit_test(test_repetition_is_bounded),
        cmocka_unit_test(test_other_headers_may_come_unsigned),
        cmocka_unit_test(test_cve_2026_54330_no_line_breaks_in_the_canonical_form),
        cmocka_unit_test(test_cve_2025_31489_the_seed_is_verified_in_every_streaming_mode),
        cmocka_unit_test(test_payload_words),
        cmocka_unit_test(test_payload_hash_is_required_in_header_form),
        cmocka_unit_test(test_payload_sha256_is_given),
        cmocka_unit_test(test_announced_trailers),
        cmocka_unit_test(test_decoded_length_must_be_a_number),
        cmocka_unit_test(test_signed_chunks_need_sigv4),
        cmocka_unit_test(test_security_tokens_are_refused),
        cmocka_unit_test(test_presigned_for_one_second_to_seven_days),
        cmocka_unit_test(test_presigned_for_the_future),
        cmocka_unit_test(test_presigned_parameters_come_once_each),
        cmocka_unit_test(test_presigned_with_a_payload_hash),
        cmocka_unit_test(test_sigv4a_in_the_query),
        cmocka_unit_test(test_a_path_signed_as_it_was_sent),
        cmocka_unit_test(test_a_mismatch_shows_what_was_signed),
        cmocka_unit_test(test_a_look_up_that_fails_is_no_refusal),
        cmocka_unit_test(test_a_full_arena_is_no_mismatch),
        cmocka_unit_test(test_sigv2_can_be_turned_off),
        cmocka_unit_test(test_sigv2_dates),
        cmocka_unit_test(test_sigv2_signs_subresources),
        cmocka_unit_test(test_sigv2_signature_with_an_unencoded_plus),
        cmocka_unit_test(test_sigv2_presigned_expires),
        cmocka_unit_test(test_sigv2_path_of_a_bare_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
