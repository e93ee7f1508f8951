/* The published examples and requests as clients sign them, whole and tampered with. */
#include "auth/aws_chunked.h"
#include "base/stream.h"
#include "requests.h"

static const char *const files[] = {"published.txt", "suite.txt", "botocore.txt"};

static void each_sample(void (*check)(struct sample *)) {
    struct sample sample;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct slice all = data_read(files[i]);
        struct slice rest = all;
        size_t count = 0;
        for (; sample_next(&rest, &sample); count++) check(&sample);
        assert_true(count > 5);
        free((void *)(uintptr_t)all.ptr);
    }
}

static bool is_signed(const struct sample *sample) {
    return strcmp(sample->kind, "ANONYMOUS") != 0;
}

static bool is_v4(const struct sample *sample) {
    return strncmp(sample->kind, "SIGV4", 5) == 0;
}

static bool is_query(const struct sample *sample) {
    return strstr(sample->kind, "_QUERY") != NULL;
}

static void check_accepted(struct sample *sample) {
    assert_accepted(sample);
}

static void test_every_sample_is_accepted(void **state) {
    (void)state;
    each_sample(check_accepted);
}

static void check_wrong_secret(struct sample *sample) {
    if (!is_signed(sample)) return;
    sample->secret[0] ^= 1;
    assert_refused(sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
}

static void test_wrong_secret_is_a_mismatch(void **state) {
    (void)state;
    each_sample(check_wrong_secret);
}

static void check_unknown_key(struct sample *sample) {
    if (!is_signed(sample)) return;
    sample->access_key[0] ^= 1;
    assert_refused(sample, AUTH_REFUSAL_ACCESS_KEY_UNKNOWN);
}

static void test_unknown_key(void **state) {
    (void)state;
    each_sample(check_unknown_key);
}

static void check_other_method(struct sample *sample) {
    if (!is_signed(sample)) return;
    sample->head[0] = 'X';
    assert_refused(sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
}

static void test_another_method_is_a_mismatch(void **state) {
    (void)state;
    each_sample(check_other_method);
}

static void check_other_path(struct sample *sample) {
    if (!is_signed(sample)) return;
    sample_replace(sample, " /", " /x");
    assert_refused(sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
}

static void test_another_path_is_a_mismatch(void **state) {
    (void)state;
    each_sample(check_other_path);
}

static void check_other_host(struct sample *sample) {
    if (!is_v4(sample)) return;
    sample_replace(sample, "Host: ", "Host: x");
    assert_refused(sample, AUTH_REFUSAL_SIGNATURE_MISMATCH);
}

static void test_another_host_is_a_mismatch(void **state) {
    (void)state;
    each_sample(check_other_host);
}

/* CVE-2026-71191, CVE-2026-71192: unsigned x-amz-* headers were honoured in presigned URLs. */
static void check_added_amz_header(struct sample *sample) {
    if (!is_signed(sample)) return;
    sample_add(sample, "X-Amz-Grant-Read: somebody");
    assert_refused(sample,
                   is_v4(sample) ? AUTH_REFUSAL_UNSIGNED_HEADERS : AUTH_REFUSAL_SIGNATURE_MISMATCH);
}

static void test_cve_2026_71191_every_amz_header_is_signed(void **state) {
    (void)state;
    each_sample(check_added_amz_header);
}

static void check_too_late(struct sample *sample) {
    if (!is_signed(sample)) return;
    sample->now_ns += (is_query(sample) ? 8 * 86400 : AUTH_SKEW_MAX_S + 10) * NS_PER_S;
    assert_refused(sample, is_query(sample) ? AUTH_REFUSAL_EXPIRED : AUTH_REFUSAL_SKEWED);
}

static void test_too_late(void **state) {
    (void)state;
    each_sample(check_too_late);
}

static void check_too_early(struct sample *sample) {
    if (!is_signed(sample) || strcmp(sample->kind, "SIGV2_QUERY") == 0) return;
    sample->now_ns -= (is_query(sample) ? 2 * 86400 : AUTH_SKEW_MAX_S + 10) * NS_PER_S;
    assert_refused(sample, is_query(sample) ? AUTH_REFUSAL_NOT_YET_VALID : AUTH_REFUSAL_SKEWED);
}

static void test_too_early(void **state) {
    (void)state;
    each_sample(check_too_early);
}

static void check_two_kinds(struct sample *sample) {
    if (!is_signed(sample)) return;
    if (is_query(sample)) {
        sample_add(sample, "Authorization: AWS somebody:c2lnbmF0dXJl");
    } else {
        struct slice line = slice_of(sample->head, sample->head_len);
        bool has_query = slice_find_char(line, '?') < slice_find(line, SLICE(" HTTP/1.1"), 0);
        sample_replace(sample, " HTTP/1.1",
                       has_query ? "&x-amz-credential=x HTTP/1.1" : "?x-amz-credential=x HTTP/1.1");
    }
    assert_refused(sample, AUTH_REFUSAL_TWO_KINDS);
}

/* CVE-2026-41145: a credential in the query beside another kind slipped past verification. */
static void test_cve_2026_41145_one_kind_of_authentication(void **state) {
    (void)state;
    each_sample(check_two_kinds);
}

/* Reads the body as the result says, and answers how many bytes of data it held. */
static size_t body_read(const struct sample *sample, size_t step) {
    struct asked asked;
    struct slice_source bytes;
    struct aws_chunked chunked;
    char data[REQUEST_BODY_MAX];
    size_t len;
    bool end;
    asked_init(&asked, sample);
    assert_true(is_ok(asked_identify(&asked)));
    slice_source_init(&bytes, slice_of(sample->body, sample->body_len), step);
    aws_chunked_init(&chunked, &bytes.source, &asked.result, &asked.note);
    struct status status = source_fill(&chunked.source, data, sizeof data, &len, &end);
    if (!is_ok(status)) fail_msg("%s: %s", sample->name, asked.note.text);
    assert_true(end);
    assert_int_equal(len, asked.result.decoded_length);
    assert_int_equal(asked.result.trailers.count, 1);
    struct slice sum = aws_chunked_trailer(&chunked, asked.result.trailers.names[0]);
    assert_true(sum.len > 0);
    aws_chunked_fini(&chunked);
    asked_fini(&asked);
    return len;
}

static size_t bodies_read;

static void check_trailer_body(struct sample *sample) {
    if (strcmp(sample->payload, "STREAMING_UNSIGNED_TRAILER") != 0) return;
    size_t len = body_read(sample, 0);
    assert_int_equal(body_read(sample, 1), len);
    bodies_read++;
}

static void test_bodies_with_trailers_are_read(void **state) {
    (void)state;
    bodies_read = 0;
    each_sample(check_trailer_body);
    assert_true(bodies_read >= 4);
}

static void check_truncated(struct sample *sample) {
    struct sample cut = *sample;
    if (strcmp(sample->payload, "STREAMING_UNSIGNED_TRAILER") != 0) return;
    for (size_t len = 0; len < sample->body_len; len++) {
        struct asked asked;
        struct slice_source bytes;
        struct aws_chunked chunked;
        char data[REQUEST_BODY_MAX];
        size_t got;
        bool end;
        asked_init(&asked, &cut);
        assert_true(is_ok(asked_identify(&asked)));
        slice_source_init(&bytes, slice_of(cut.body, len), 7);
        aws_chunked_init(&chunked, &bytes.source, &asked.result, &asked.note);
        struct status status = source_fill(&chunked.source, data, sizeof data, &got, &end);
        assert_false(is_ok(status));
        assert_int_not_equal(aws_chunked_refusal(&chunked), AUTH_REFUSAL_NONE);
        asked_fini(&asked);
    }
}

/* CVE-2026-49017: a truncated chunked body never ended. */
static void test_cve_2026_49017_truncated_bodies_end_in_an_error(void **state) {
    (void)state;
    each_sample(check_truncated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sample_is_accepted),
        cmocka_unit_test(test_wrong_secret_is_a_mismatch),
        cmocka_unit_test(test_unknown_key),
        cmocka_unit_test(test_another_method_is_a_mismatch),
        cmocka_unit_test(test_another_path_is_a_mismatch),
        cmocka_unit_test(test_another_host_is_a_mismatch),
        cmocka_unit_test(test_cve_2026_71191_every_amz_header_is_signed),
        cmocka_unit_test(test_too_late),
        cmocka_unit_test(test_too_early),
        cmocka_unit_test(test_cve_2026_41145_one_kind_of_authentication),
        cmocka_unit_test(test_bodies_with_trailers_are_read),
        cmocka_unit_test(test_cve_2026_49017_truncated_bodies_end_in_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
