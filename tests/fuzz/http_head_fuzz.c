/* Any bytes as a request head, and what is read out of its headers. */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "http/condition.h"
#include "http/forwarded.h"
#include "http/head.h"
#include "http/range.h"
#include "http/text.h"
#include "http/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct slice part, struct slice whole) {
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static enum http_hop judge(void *context, struct slice hop) {
    size_t *hops = context;
    (*hops)++;
    return hop.len % 2 == 0 ? HTTP_HOP_PROXY : HTTP_HOP_CLIENT;
}

static void check_headers(const struct http_head *head, struct slice bytes) {
    CHECK(head->header_count <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < head->header_count; i++) {
        CHECK(http_is_token(head->headers[i].name) && http_is_field_value(head->headers[i].value));
        CHECK(lies_in(head->headers[i].name, bytes) && lies_in(head->headers[i].value, bytes));
    }
    CHECK(http_head_count(head, SLICE("content-length")) <= 1);
    CHECK(http_head_count(head, SLICE("transfer-encoding")) <= 1);
    CHECK(http_head_count(head, SLICE("host")) <= 1);
    bool measured = http_head_count(head, SLICE("content-length")) == 1;
    bool encoded = http_head_count(head, SLICE("transfer-encoding")) == 1;
    CHECK(measured == (head->body == HTTP_BODY_LENGTH));
    CHECK(encoded == (head->body == HTTP_BODY_CHUNKED));
}

static void read_values(const struct http_head *head) {
    struct http_conditions conditions;
    struct http_range range;
    struct http_url url;
    size_t hops = 0;
    bool https;
    http_conditions_of(head, &conditions);
    (void)http_conditions_check(&conditions, SLICE("abc"), 784111777);
    http_copy_conditions_of(head, &conditions);
    CHECK(http_copy_conditions_check(&conditions, SLICE("abc"), 784111777) !=
          HTTP_CONDITION_NOT_MODIFIED);
    (void)http_range_resolve(http_head_find(head, SLICE("range")), 1000, &range);
    (void)http_forwarded_client(head, judge, &hops);
    CHECK(hops <= HTTP_HEAD_MAX);
    (void)http_forwarded_proto(head, &https);
    IGNORE_STATUS(http_url_parse(head->target, NULL, &url)); /* only that it survives */
}

static void check_complete(const struct http_head *head, size_t head_len, struct slice bytes) {
    struct http_head again;
    size_t again_len;
    CHECK(head_len <= bytes.len && head_len <= HTTP_HEAD_MAX);
    struct slice exact = slice_take(bytes, head_len);
    CHECK(http_head_parse(exact, &again, &again_len, NULL) == HTTP_HEAD_COMPLETE);
    CHECK(again_len == head_len && again.header_count == head->header_count);
    struct slice cut = slice_take(bytes, head_len - 1);
    CHECK(http_head_parse(cut, &again, &again_len, NULL) == HTTP_HEAD_PARTIAL);
    CHECK(head->path.len > 0 && (head->path.ptr[0] == '/' || slice_eq(head->path, SLICE("*"))));
    check_headers(head, bytes);
    read_values(head);
}

/* Whether the poller, who sees the bytes come in piece by piece, hands them over. */
static bool poller_hands_over(struct slice bytes, size_t step) {
    size_t scanned = 0;
    for (size_t len = step; len < bytes.len; len += step) {
        if (http_head_may_be_complete(slice_take(bytes, len), scanned, &scanned)) return true;
        CHECK(scanned <= len);
    }
    return http_head_may_be_complete(bytes, scanned, &scanned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice bytes = slice_of(data, size);
    struct http_head head;
    size_t head_len = 0;
    struct note note = {""};
    enum http_head_verdict verdict = http_head_parse(bytes, &head, &head_len, &note);
    size_t scanned;
    bool may_be = http_head_may_be_complete(bytes, 0, &scanned);
    if (verdict == HTTP_HEAD_COMPLETE) {
        check_complete(&head, head_len, bytes);
        CHECK(may_be);
    } else if (verdict != HTTP_HEAD_PARTIAL) {
        CHECK(note.text[0] != '\0');
    }
    /* A worker that is woken finds something to do. */
    if (may_be) CHECK(verdict != HTTP_HEAD_PARTIAL);
    CHECK(poller_hands_over(bytes, 1 + size % 7) == may_be);
    return 0;
}
