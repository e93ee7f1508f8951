/*
 * signed_sample.h - samples signed by our own client side, for tests that need odd requests
 */
#ifndef TESTS_UNIT_AUTH_SIGNED_SAMPLE_H
#define TESTS_UNIT_AUTH_SIGNED_SAMPLE_H

#include "auth/sign.h"
#include "requests.h"

#define TEST_KEY "HINKTESTKEY000000001"
#define TEST_SECRET "not/a+secret0123456789abcdefghijklmnopqr"
#define TEST_NOW "20260301T120000Z"

/* What differs from a plain GET; fields left out have a default. */
struct recipe {
    const char *method;
    const char *path;
    const char *query;
    const char *payload_hash;
    const char *region;
    const char *secret;
    struct http_header headers[8];
    size_t header_count;
    uint32_t expires_s; /* of a presigned URL */
};

static int64_t test_now_ns(void) {
    int64_t now_ns = 0;
    assert_true(date_parse_compact(SLICE(TEST_NOW), &now_ns));
    return now_ns;
}

static struct slice or_default(const char *text, const char *otherwise) {
    return slice_str(text == NULL ? otherwise : text);
}

static struct sigv4_unsigned recipe_unsigned(const struct recipe *recipe, const char *payload) {
    return (struct sigv4_unsigned){
        .method = or_default(recipe->method, "GET"),
        .host = SLICE("objects.example.org"),
        .path = or_default(recipe->path, "/bucket/key"),
        .query = or_default(recipe->query, ""),
        .headers = recipe->headers,
        .header_count = recipe->header_count,
        .payload_hash = or_default(recipe->payload_hash, payload),
    };
}

static void sample_begin(struct sample *sample, const char *kind, const char *payload) {
    memset(sample, 0, offsetof(struct sample, head));
    sample->body_len = 0;
    snprintf(sample->name, sizeof sample->name, "a signed %s", kind);
    snprintf(sample->access_key, sizeof sample->access_key, "%s", TEST_KEY);
    snprintf(sample->secret, sizeof sample->secret, "%s", TEST_SECRET);
    snprintf(sample->kind, sizeof sample->kind, "%s", kind);
    snprintf(sample->payload, sizeof sample->payload, "%s", payload);
    sample->now_ns = test_now_ns();
}

static void recipe_signer(const struct recipe *recipe, struct sigv4_signer *signer) {
    assert_true(
        is_ok(sigv4_signer_init(signer, SLICE(TEST_KEY), or_default(recipe->secret, TEST_SECRET),
                                or_default(recipe->region, "europe-se-1"))));
}

static void recipe_headers(const struct recipe *recipe, struct sample *sample) {
    char line[REQUEST_HEAD_MAX / 2];
    sample_add(sample, "Host: objects.example.org");
    for (size_t i = 0; i < recipe->header_count; i++) {
        snprintf(line, sizeof line, "%.*s: %.*s", SLICE_FMT(recipe->headers[i].name),
                 SLICE_FMT(recipe->headers[i].value));
        sample_add(sample, line);
    }
}

/* A request signed in its Authorization header. */
static UNUSED void sample_sign(const struct recipe *recipe, struct sample *sample) {
    static struct sigv4_signer signer;
    struct sigv4_unsigned request = recipe_unsigned(recipe, "UNSIGNED-PAYLOAD");
    char line[REQUEST_HEAD_MAX / 2];
    char lines[4096];
    struct buf out;
    sample_begin(sample, "SIGV4_HEADER", "UNSIGNED");
    snprintf(line, sizeof line, "%.*s %.*s%s%.*s HTTP/1.1", SLICE_FMT(request.method),
             SLICE_FMT(request.path), request.query.len > 0 ? "?" : "", SLICE_FMT(request.query));
    sample_add(sample, line);
    recipe_headers(recipe, sample);
    recipe_signer(recipe, &signer);
    buf_init_fixed(&out, lines, sizeof lines);
    assert_true(is_ok(sigv4_sign(&signer, &request, test_now_ns(), &out)));
    memcpy(sample->head + sample->head_len, lines, out.len);
    sample->head_len += out.len;
}

/* A presigned request. */
static UNUSED void sample_presign(const struct recipe *recipe, struct sample *sample) {
    static struct sigv4_signer signer;
    struct sigv4_unsigned request = recipe_unsigned(recipe, "");
    char line[REQUEST_HEAD_MAX / 2];
    char query[4096];
    struct buf out;
    sample_begin(sample, "SIGV4_QUERY", "UNSIGNED");
    recipe_signer(recipe, &signer);
    buf_init_fixed(&out, query, sizeof query);
    uint32_t expires_s = recipe->expires_s == 0 ? 60 : recipe->expires_s;
    assert_true(is_ok(sigv4_presign(&signer, &request, test_now_ns(), expires_s, &out)));
    snprintf(line, sizeof line, "%.*s %.*s?%.*s HTTP/1.1", SLICE_FMT(request.method),
             SLICE_FMT(request.path), SLICE_FMT(buf_slice(&out)));
    sample_add(sample, line);
    recipe_headers(recipe, sample);
}

#endif
