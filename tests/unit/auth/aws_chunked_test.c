/* The chunked body: the published examples, and every way to get it wrong. */
#include "auth/aws_chunked.h"

#include "base/buf.h"
#include "base/stream.h"
#include "crypto/digest.h"
#include "signed_sample.h"

enum { WIRE_MAX = 256 * 1024 };

/* A body being put together and read. */
struct wire {
    struct auth_result result;
    struct buf bytes;
    struct note note;
    struct aws_chunked chunked;
    struct slice_source inner;
    char data[WIRE_MAX];
    size_t data_len;
};

static struct wire *wire_new(enum auth_payload payload, uint64_t decoded_length) {
    struct wire *wire = calloc(1, sizeof *wire);
    assert_non_null(wire);
    buf_init(&wire->bytes, WIRE_MAX);
    wire->result.payload = payload;
    wire->result.decoded_length = decoded_length;
    return wire;
}

static void wire_free(struct wire *wire) {
    aws_chunked_fini(&wire->chunked);
    buf_fini(&wire->bytes);
    free(wire);
}

static void wire_text(struct wire *wire, const char *text) {
    buf_append_str(&wire->bytes, text);
}

static void wire_fill(struct wire *wire, char c, size_t count) {
    for (size_t i = 0; i < count; i++) buf_append_char(&wire->bytes, c);
}

static void wire_announce(struct wire *wire, const char *name) {
    wire->result.trailers.names[wire->result.trailers.count++] = slice_str(name);
}

/* Reads all of it: at most `step` bytes a pull from inside, `cap` bytes a pull outside. */
static struct status wire_read(struct wire *wire, size_t step, size_t cap) {
    bool end = false;
    slice_source_init(&wire->inner, buf_slice(&wire->bytes), step);
    aws_chunked_init(&wire->chunked, &wire->inner.source, &wire->result, &wire->note);
    wire->data_len = 0;
    while (!end) {
        size_t len = 0;
        assert_true(wire->data_len + cap <= sizeof wire->data);
        TRY(source_pull(&wire->chunked.source, wire->data + wire->data_len, cap, &len, &end));
        assert_true(len <= cap);
        wire->data_len += len;
    }
    return status_ok();
}

static const struct {
    size_t step;
    size_t cap;
} paces[] = {{0, 65536}, {1, 1}, {7, 64}, {4096, 100}, {100000, 7}, {3, 65536}};

static void assert_good(struct wire *wire, size_t len) {
    for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
        struct status status = wire_read(wire, paces[i].step, paces[i].cap);
        if (!is_ok(status)) fail_msg("pace %zu: %s", i, wire->note.text);
        assert_int_equal(wire->data_len, len);
        assert_int_equal(aws_chunked_refusal(&wire->chunked), AUTH_REFUSAL_NONE);
    }
}

static void assert_bad(struct wire *wire, enum auth_refusal refusal) {
    for (size_t i = 0; i < ARRAY_LEN(paces); i++) {
        struct status status = wire_read(wire, paces[i].step, paces[i].cap);
        assert_false(is_ok(status));
        if (aws_chunked_refusal(&wire->chunked) != refusal) {
            fail_msg("pace %zu: «%s» instead of «%s» in «%.*s»", i,
                     auth_refusal_text(aws_chunked_refusal(&wire->chunked)),
                     auth_refusal_text(refusal), SLICE_FMT(buf_slice(&wire->bytes)));
        }
        assert_true(wire->note.text[0] != '\0');
    }
}

/* The chain that the worked examples of the S3 API reference start with. */
static void published_chain(struct wire *wire, const char *seed) {
    const struct sigv4_scope scope = {
        .access_key = SLICE("AKIAIOSFODNN7EXAMPLE"),
        .date = SLICE("20130524"),
        .region = SLICE("us-east-1"),
    };
    struct sigv4_chain *chain = &wire->result.chain;
    sigv4_signing_key(SLICE("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), &scope, chain->key);
    memcpy(chain->time, "20130524T000000Z", sizeof chain->time);
    chain->scope = SLICE("20130524/us-east-1/s3/aws4_request");
    memcpy(chain->previous, seed, sizeof chain->previous);
}

static struct wire *published(void) {
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_SIGNED, 66560);
    published_chain(wire, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    wire_text(wire,
              "10000;chunk-signature="
              "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n");
    wire_fill(wire, 'a', 65536);
    wire_text(wire,
              "\r\n400;chunk-signature="
              "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n");
    wire_fill(wire, 'a', 1024);
    wire_text(wire,
              "\r\n0;chunk-signature="
              "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n");
    return wire;
}

static void test_the_published_chunked_upload(void **state) {
    (void)state;
    struct wire *wire = published();
    assert_int_equal(wire->bytes.len, 66824);
    assert_good(wire, 66560);
    for (size_t i = 0; i < wire->data_len; i++) assert_int_equal(wire->data[i], 'a');
    wire_free(wire);
}

static struct wire *published_trailer(void) {
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_SIGNED_TRAILER, 66560);
    published_chain(wire, "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
    wire_announce(wire, "x-amz-checksum-crc32c");
    wire_text(wire,
              "10000;chunk-signature="
              "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n");
    wire_fill(wire, 'a', 65536);
    wire_text(wire,
              "\r\n400;chunk-signature="
              "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n");
    wire_fill(wire, 'a', 1024);
    wire_text(wire,
              "\r\n0;chunk-signature="
              "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n");
    return wire;
}

#define PUBLISHED_TRAILER_SIGNATURE \
    "x-amz-trailer-signature:"      \
    "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"

static void test_the_published_trailer(void **state) {
    (void)state;
    struct wire *wire = published_trailer();
    wire_text(wire, "x-amz-checksum-crc32c:sOO8/Q==\r\n" PUBLISHED_TRAILER_SIGNATURE);
    assert_good(wire, 66560);
    struct slice sum = aws_chunked_trailer(&wire->chunked, SLICE("x-amz-checksum-crc32c"));
    assert_true(slice_eq(sum, SLICE("sOO8/Q==")));
    assert_null(aws_chunked_trailer(&wire->chunked, SLICE("x-amz-checksum-sha1")).ptr);
    wire_free(wire);
}

static void test_trailer_lines_that_end_in_lf(void **state) {
    (void)state;
    struct wire *wire = published_trailer();
    wire_text(wire, "x-amz-checksum-crc32c:sOO8/Q==\n\r\n" PUBLISHED_TRAILER_SIGNATURE);
    assert_good(wire, 66560);
    wire_free(wire);
    wire = published_trailer();
    wire_text(wire, "X-Amz-Checksum-CRC32C: sOO8/Q==\n" PUBLISHED_TRAILER_SIGNATURE);
    assert_good(wire, 66560);
    wire_free(wire);
    wire = wire_new(AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, 0);
    wire_announce(wire, "x-amz-checksum-a");
    wire_announce(wire, "x-amz-checksum-b");
    wire_text(wire, "0\r\nx-amz-checksum-a:1\nx-amz-checksum-b:2\n\r\n\r\n");
    assert_good(wire, 0);
    wire_free(wire);
}

static void test_a_wrong_trailer_signature(void **state) {
    (void)state;
    static const struct {
        const char *trailers;
        enum auth_refusal refusal;
    } cases[] = {
        {"x-amz-checksum-crc32c:tOO8/Q==\r\n" PUBLISHED_TRAILER_SIGNATURE,
         AUTH_REFUSAL_CHUNK_MISMATCH},
        {"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:\r\n\r\n",
         AUTH_REFUSAL_CHUNK_MISMATCH},
        {"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n", AUTH_REFUSAL_TRAILER_MALFORMED},
        {PUBLISHED_TRAILER_SIGNATURE, AUTH_REFUSAL_CHUNK_MISMATCH},
        {"\r\n", AUTH_REFUSAL_TRAILER_MALFORMED},
        {"", AUTH_REFUSAL_BODY_INCOMPLETE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire *wire = published_trailer();
        wire_text(wire, cases[i].trailers);
        assert_bad(wire, cases[i].refusal);
        wire_free(wire);
    }
}

static void test_any_changed_byte_of_a_signed_body_is_found(void **state) {
    (void)state;
    struct wire *wire = published();
    static const size_t places[] = {0, 4, 22, 30, 90, 1000, 65625, 65626, 65720, 66700, 66750};
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        wire->bytes.ptr[places[i]] ^= 1;
        assert_false(is_ok(wire_read(wire, 0, 65536)));
        assert_int_not_equal(aws_chunked_refusal(&wire->chunked), AUTH_REFUSAL_NONE);
        wire->bytes.ptr[places[i]] ^= 1;
    }
    assert_good(wire, 66560);
    wire_free(wire);
}

static void test_a_chunk_that_fits_is_passed_on_only_when_verified(void **state) {
    (void)state;
    struct wire *wire = published();
    wire->bytes.ptr[1000] ^= 1;
    assert_true(status_is(wire_read(wire, 100, 65536), STATUS_MISMATCH));
    assert_int_equal(wire->data_len, 0);
    assert_true(status_is(wire_read(wire, 100, 65535), STATUS_MISMATCH));
    assert_true(wire->data_len < 65536);
    wire_free(wire);
}

static void test_chunks_cannot_change_places(void **state) {
    (void)state;
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_SIGNED, 1024);
    published_chain(wire, "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
    wire_text(wire,
              "400;chunk-signature="
              "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n");
    wire_fill(wire, 'a', 1024);
    wire_text(wire,
              "\r\n0;chunk-signature="
              "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n");
    assert_bad(wire, AUTH_REFUSAL_CHUNK_MISMATCH);
    wire_free(wire);
}

static void unsigned_case(const char *body, uint64_t length, enum auth_refusal refusal) {
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, length);
    wire_announce(wire, "x-amz-checksum-crc32");
    wire_text(wire, body);
    if (refusal == AUTH_REFUSAL_NONE) {
        assert_good(wire, length);
    } else {
        assert_bad(wire, refusal);
    }
    wire_free(wire);
}

static void test_unsigned_bodies(void **state) {
    (void)state;
    enum auth_refusal good = AUTH_REFUSAL_NONE;
    unsigned_case("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, good);
    unsigned_case("0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", 0, good);
    unsigned_case("A\r\n0123456789\r\n0001\r\nx\r\n0\r\nx-amz-checksum-crc32:\r\n\r\n", 11, good);
    unsigned_case("4\r\na\r\nb\r\n0\r\nx-amz-checksum-crc32: y \r\n\r\n", 4, good);
}

static void test_framing_that_is_not_framing(void **state) {
    (void)state;
    enum auth_refusal bad = AUTH_REFUSAL_BODY_INCOMPLETE;
    static const char *const bodies[] = {
        "",
        "\r\n",
        "5\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5 \r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        " 5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "0x5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "+5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "-5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5;a=b\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5;\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "fffffffffffffffff\r\nhello",
        "ffffffffffffffff\r\nhello",
        "6\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "4\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5\r\nhello0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5\r\nhello\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "4\r\nhell\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5\r\nhello\r\n1\r\n!\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\n\r\n",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n\r\nGET / HTTP/1.1\r\n",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x\r\n",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:x",
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:a\rb\r\n\r\n",
        "5\r\nhello\r\n0\r\n",
        "5\r\nhello\r\n",
        "5\r\nhello",
        "5\r\nhel",
        "5",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) unsigned_case(bodies[i], 5, bad);
}

static void test_trailers_must_be_those_announced(void **state) {
    (void)state;
    enum auth_refusal bad = AUTH_REFUSAL_TRAILER_MALFORMED;
    static const char *const trailers[] = {
        "\r\n",
        "x-amz-checksum-crc32c:x\r\n\r\n",
        "x-amz-checksum-crc32:x\r\nx-amz-checksum-sha1:y\r\n\r\n",
        "x-amz-checksum-crc32:x\r\nx-amz-checksum-crc32:x\r\n\r\n",
        "x-amz-checksum-crc32:x\r\nx-amz-trailer-signature:y\r\n\r\n",
        "x-amz-checksum-crc32\r\n\r\n",
        "x-amz-meta-a:b\r\nx-amz-checksum-crc32:x\r\n\r\n",
        ":x\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(trailers); i++) {
        char body[256];
        snprintf(body, sizeof body, "5\r\nhello\r\n0\r\n%s", trailers[i]);
        unsigned_case(body, 5, bad);
    }
}

static void test_no_trailer_announced_and_none_sent(void **state) {
    (void)state;
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, 2);
    wire_text(wire, "2\r\nhi\r\n0\r\n\r\n");
    assert_good(wire, 2);
    wire_free(wire);
}

static void test_lines_and_trailers_are_bounded(void **state) {
    (void)state;
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, 5);
    wire_fill(wire, '0', 100000);
    assert_bad(wire, AUTH_REFUSAL_BODY_INCOMPLETE);
    wire_free(wire);
    wire = wire_new(AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, 0);
    wire_text(wire, "0\r\n");
    wire_announce(wire, "x-amz-checksum-a");
    wire_announce(wire, "x-amz-checksum-b");
    wire_announce(wire, "x-amz-checksum-c");
    for (char name = 'a'; name <= 'c'; name++) {
        buf_printf(&wire->bytes, "x-amz-checksum-%c:", name);
        wire_fill(wire, 'x', 1000);
        wire_text(wire, "\r\n");
    }
    wire_text(wire, "\r\n");
    assert_bad(wire, AUTH_REFUSAL_TRAILER_MALFORMED);
    wire_free(wire);
}

static void chunk_sign_append(struct wire *wire, struct sigv4_chain *chain, struct slice data) {
    unsigned char sum[SIGV4_DIGEST_LEN];
    char hex[SIGV4_HEX_LEN];
    digest_sha256(data, sum);
    sigv4_chunk_signature(chain, sum, hex);
    memcpy(chain->previous, hex, sizeof hex);
    buf_printf(&wire->bytes, "%zx;chunk-signature=%.*s\r\n", data.len, SIGV4_HEX_LEN, hex);
    buf_append(&wire->bytes, data);
    if (data.len > 0) wire_text(wire, "\r\n");
}

static void test_our_own_client_side_is_understood(void **state) {
    (void)state;
    static struct sigv4_signer signer;
    struct recipe recipe = {
        .method = "PUT",
        .payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        .headers = {{SLICE("x-amz-decoded-content-length"), SLICE("9")}},
        .header_count = 1,
    };
    struct sample sample;
    struct asked asked;
    struct sigv4_chain chain;
    char lines[2048];
    struct buf out;
    sample_sign(&recipe, &sample);
    asked_init(&asked, &sample);
    assert_true(is_ok(asked_identify(&asked)));
    recipe_signer(&recipe, &signer);
    struct sigv4_unsigned request = recipe_unsigned(&recipe, "");
    buf_init_fixed(&out, lines, sizeof lines);
    assert_true(is_ok(sigv4_sign_streaming(&signer, &request, test_now_ns(), &out, &chain)));
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_SIGNED, 9);
    wire->result = asked.result;
    chunk_sign_append(wire, &chain, SLICE("hello"));
    chunk_sign_append(wire, &chain, SLICE("more"));
    chunk_sign_append(wire, &chain, SLICE(""));
    wire_text(wire, "\r\n");
    assert_good(wire, 9);
    assert_memory_equal(wire->data, "hellomore", 9);
    wire_free(wire);
    asked_fini(&asked);
    sigv4_signer_fini(&signer);
}

/* A source that fails in the middle. */
struct broken {
    struct source source;
    int pulls;
};

static struct status broken_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                                 bool *ret_end) {
    struct broken *broken = CONTAINER_OF(source, struct broken, source);
    (void)cap;
    if (broken->pulls++ > 0) return status_of(STATUS_TIMEOUT);
    memcpy(buffer, "5", 1);
    *ret_len = 1;
    *ret_end = false;
    return status_ok();
}

static void test_a_failure_of_the_source_is_passed_on(void **state) {
    (void)state;
    static const struct source_ops ops = {.pull = broken_pull};
    struct broken broken = {.source = {&ops}};
    struct wire *wire = wire_new(AUTH_PAYLOAD_STREAMING_UNSIGNED_TRAILER, 5);
    size_t len;
    bool end;
    aws_chunked_init(&wire->chunked, &broken.source, &wire->result, &wire->note);
    struct status status =
        source_pull(&wire->chunked.source, wire->data, sizeof wire->data, &len, &end);
    assert_true(status_is(status, STATUS_TIMEOUT));
    assert_int_equal(aws_chunked_refusal(&wire->chunked), AUTH_REFUSAL_NONE);
    wire_free(wire);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_published_chunked_upload),
        cmocka_unit_test(test_the_published_trailer),
        cmocka_unit_test(test_trailer_lines_that_end_in_lf),
        cmocka_unit_test(test_a_wrong_trailer_signature),
        cmocka_unit_test(test_any_changed_byte_of_a_signed_body_is_found),
        cmocka_unit_test(test_a_chunk_that_fits_is_passed_on_only_when_verified),
        cmocka_unit_test(test_chunks_cannot_change_places),
        cmocka_unit_test(test_unsigned_bodies),
        cmocka_unit_test(test_framing_that_is_not_framing),
        cmocka_unit_test(test_trailers_must_be_those_announced),
        cmocka_unit_test(test_no_trailer_announced_and_none_sent),
        cmocka_unit_test(test_lines_and_trailers_are_bounded),
        cmocka_unit_test(test_our_own_client_side_is_understood),
        cmocka_unit_test(test_a_failure_of_the_source_is_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
