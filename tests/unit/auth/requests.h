/*
 * requests.h - requests from text files, given to auth_identify
 *
 * A file of tests/data/auth holds sections, each beginning with "=== name":
 *
 *     now 20130524T000000Z        the server's clock
 *     key ACCESSKEY               the only access key there is
 *     secret SECRET
 *     expect SIGV4_HEADER SHA256  the kind and the payload that are found
 *     bucket NAME                 of the host, in virtual-host style (may be absent)
 *     body BASE64                 may be absent
 *     > GET / HTTP/1.1            the head, a line each
 *
 * Lines that begin with '#' and blank lines are skipped.
 */
#ifndef TESTS_UNIT_AUTH_REQUESTS_H
#define TESTS_UNIT_AUTH_REQUESTS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "auth/auth.h"
#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"

#define UNUSED __attribute__((unused))

enum { REQUEST_HEAD_MAX = 20 * 1024, REQUEST_BODY_MAX = 8 * 1024 };

/* One section of a file, or a request that a test puts together. */
struct sample {
    char name[64];
    char access_key[160];
    char secret[300];
    char kind[32];
    char payload[32];
    char bucket[80];
    int64_t now_ns;
    size_t head_len;
    size_t body_len;
    char head[REQUEST_HEAD_MAX];
    unsigned char body[REQUEST_BODY_MAX];
};

/* An identity of one key. */
struct one_key {
    struct identity identity;
    struct slice access_key;
    struct slice secret;
    struct status failure; /* answered instead, unless OK */
    int look_ups;
};

static struct status one_key_find(struct identity *identity, struct slice access_key,
                                  struct arena *arena, struct identity_key *ret_key) {
    struct one_key *self = CONTAINER_OF(identity, struct one_key, identity);
    self->look_ups++;
    TRY(self->failure);
    if (!slice_eq(access_key, self->access_key)) return status_of(STATUS_NOT_FOUND);
    *ret_key = (struct identity_key){
        .secret = arena_dup(arena, self->secret),
        .principal = {.user_id = SLICE("user-1"),
                      .project_id = SLICE("project-1"),
                      .access_key = arena_dup(arena, access_key)},
    };
    return arena_ok(arena);
}

static const struct identity_ops one_key_ops = {.key_find = one_key_find};

/* A request on its way, with all that it points to. */
struct asked {
    struct arena arena;
    struct http_head head;
    struct http_query query;
    struct note note;
    struct one_key identity;
    struct auth_request request;
    struct auth_denial denial;
    struct auth_result result;
};

static UNUSED const char *kind_name(enum auth_kind kind) {
    static const char *const names[] = {"ANONYMOUS", "SIGV4_HEADER", "SIGV4_QUERY", "SIGV2_HEADER",
                                        "SIGV2_QUERY"};
    return names[kind];
}

static UNUSED const char *payload_name(enum auth_payload payload) {
    static const char *const names[] = {"UNSIGNED", "SHA256", "STREAMING_SIGNED",
                                        "STREAMING_SIGNED_TRAILER", "STREAMING_UNSIGNED_TRAILER"};
    return names[payload];
}

static void text_store(char *field, size_t cap, struct slice value) {
    assert_true(value.len < cap);
    memcpy(field, value.ptr, value.len);
    field[value.len] = '\0';
}

static void sample_head_line(struct sample *sample, struct slice line) {
    assert_true(sample->head_len + line.len + 4 < sizeof sample->head);
    memcpy(sample->head + sample->head_len, line.ptr, line.len);
    memcpy(sample->head + sample->head_len + line.len, "\r\n", 2);
    sample->head_len += line.len + 2;
}

static void sample_line(struct sample *sample, struct slice line) {
    struct slice word;
    struct slice rest;
    slice_cut(line, ' ', &word, &rest);
    if (slice_eq(word, SLICE("now"))) assert_true(date_parse_compact(rest, &sample->now_ns));
    if (slice_eq(word, SLICE("key"))) {
        text_store(sample->access_key, sizeof sample->access_key, rest);
    }
    if (slice_eq(word, SLICE("secret"))) text_store(sample->secret, sizeof sample->secret, rest);
    if (slice_eq(word, SLICE("bucket"))) text_store(sample->bucket, sizeof sample->bucket, rest);
    if (slice_eq(word, SLICE("body"))) {
        assert_true(base64_decode(rest, sample->body, sizeof sample->body, &sample->body_len));
    }
    if (slice_eq(word, SLICE("expect"))) {
        struct slice kind;
        struct slice payload;
        slice_cut(rest, ' ', &kind, &payload);
        text_store(sample->kind, sizeof sample->kind, kind);
        text_store(sample->payload, sizeof sample->payload, payload);
    }
    if (slice_eq(word, SLICE(">"))) sample_head_line(sample, rest);
}

/* Reads the next section of `rest` into `sample`; false at the end. */
static UNUSED bool sample_next(struct slice *rest, struct sample *sample) {
    struct slice mark = SLICE("=== ");
    struct slice line;
    memset(sample, 0, offsetof(struct sample, head));
    sample->body_len = 0;
    while (rest->len > 0 && !slice_starts_with(*rest, mark)) slice_cut(*rest, '\n', &line, rest);
    if (rest->len == 0) return false;
    slice_cut(*rest, '\n', &line, rest);
    text_store(sample->name, sizeof sample->name, slice_skip(line, mark.len));
    while (rest->len > 0 && !slice_starts_with(*rest, mark)) {
        slice_cut(*rest, '\n', &line, rest);
        if (!slice_starts_with(line, SLICE("#"))) sample_line(sample, line);
    }
    return true;
}

/* The bytes of tests/data/auth/`name`; the caller frees them. */
static UNUSED struct slice data_read(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/auth/%s", TEST_DATA_DIR, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    enum { DATA_MAX = 256 * 1024 };
    char *bytes = malloc(DATA_MAX);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, DATA_MAX, file);
    assert_true(len > 0 && len < DATA_MAX);
    fclose(file);
    return slice_of(bytes, len);
}

/* Finds the section `name` of a file. */
static UNUSED void sample_load(const char *file, const char *name, struct sample *sample) {
    struct slice all = data_read(file);
    struct slice rest = all;
    bool found = false;
    while (!found && sample_next(&rest, sample)) found = strcmp(sample->name, name) == 0;
    free((void *)(uintptr_t)all.ptr);
    if (!found) fail_msg("%s has no section %s", file, name);
}

/* Parses the head of `sample` for auth_identify; asked_fini gives all of it back. */
static void asked_init(struct asked *asked, const struct sample *sample) {
    static const char blank[] = "\r\n";
    size_t head_len;
    memset(asked, 0, sizeof *asked);
    arena_init(&asked->arena, 16 * 1024, 512 * 1024);
    struct slice bytes =
        arena_join(&asked->arena,
                   (struct slice[]){slice_of(sample->head, sample->head_len), slice_str(blank)}, 2);
    enum http_head_verdict verdict = http_head_parse(bytes, &asked->head, &head_len, &asked->note);
    if (verdict != HTTP_HEAD_COMPLETE) fail_msg("%s: %s", sample->name, asked->note.text);
    assert_true(is_ok(http_query_parse(&asked->arena, asked->head.query, &asked->query)));
    asked->identity = (struct one_key){.identity = {&one_key_ops},
                                       .access_key = slice_str(sample->access_key),
                                       .secret = slice_str(sample->secret)};
    asked->request = (struct auth_request){
        .head = &asked->head,
        .query = &asked->query,
        .bucket_from_host = slice_str(sample->bucket),
        .now_ns = sample->now_ns,
        .identity = &asked->identity.identity,
        .allow_sigv2 = true,
        .allow_anonymous = true,
    };
}

static void asked_fini(struct asked *asked) {
    arena_fini(&asked->arena);
}

static struct status asked_identify(struct asked *asked) {
    return auth_identify(&asked->request, &asked->arena, &asked->note, &asked->denial,
                         &asked->result);
}

/* Asserts that the request is accepted as what it says to be. */
static UNUSED void assert_accepted(const struct sample *sample) {
    struct asked asked;
    asked_init(&asked, sample);
    struct status status = asked_identify(&asked);
    if (!is_ok(status)) {
        fail_msg("%s: %s\n%.*s\n--\n%.*s", sample->name, asked.note.text,
                 SLICE_FMT(asked.denial.canonical_request), SLICE_FMT(asked.denial.string_to_sign));
    }
    assert_string_equal(kind_name(asked.result.kind), sample->kind);
    assert_string_equal(payload_name(asked.result.payload), sample->payload);
    assert_int_equal(asked.result.principal.anonymous, asked.result.kind == AUTH_ANONYMOUS);
    asked_fini(&asked);
}

/* No refusal may tell the secret, neither to the client nor to a log. */
static void assert_no_secret_said(const struct asked *asked, const struct sample *sample) {
    const struct auth_denial *denial = &asked->denial;
    struct slice said[] = {slice_str(asked->note.text), denial->string_to_sign,
                           denial->canonical_request,   denial->signature_provided,
                           denial->access_key,          denial->unsigned_headers};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        bool found = slice_find(said[i], slice_str(sample->secret), 0) < said[i].len;
        if (found) fail_msg("%s: a refusal tells the secret", sample->name);
    }
}

/* The refusal that `sample` meets; AUTH_REFUSAL_NONE where it is accepted. */
static UNUSED enum auth_refusal refusal_of(const struct sample *sample) {
    struct asked asked;
    asked_init(&asked, sample);
    struct status status = asked_identify(&asked);
    enum auth_refusal refusal = asked.denial.refusal;
    assert_int_equal(status.code, refusal == AUTH_REFUSAL_NONE ? STATUS_OK : STATUS_REFUSED);
    if (refusal != AUTH_REFUSAL_NONE) assert_true(asked.note.text[0] != '\0');
    if (sample->secret[0] != '\0') assert_no_secret_said(&asked, sample);
    asked_fini(&asked);
    return refusal;
}

static UNUSED void assert_refused(const struct sample *sample, enum auth_refusal expected) {
    enum auth_refusal refusal = refusal_of(sample);
    if (refusal != expected) {
        fail_msg("%s: «%s» instead of «%s»", sample->name, auth_refusal_text(refusal),
                 auth_refusal_text(expected));
    }
}

/* Adds a line to the head. */
static UNUSED void sample_add(struct sample *sample, const char *line) {
    sample_head_line(sample, slice_str(line));
}

/* Replaces the first `from` in the head, which must be there. */
static UNUSED void sample_replace(struct sample *sample, const char *from, const char *to) {
    struct slice head = slice_of(sample->head, sample->head_len);
    size_t at = slice_find(head, slice_str(from), 0);
    if (at == head.len) fail_msg("%s: no «%s» in the head", sample->name, from);
    size_t rest = head.len - at - strlen(from);
    assert_true(head.len + strlen(to) < sizeof sample->head);
    memmove(sample->head + at + strlen(to), sample->head + at + strlen(from), rest);
    memcpy(sample->head + at, to, strlen(to));
    sample->head_len = at + strlen(to) + rest;
}

#endif
