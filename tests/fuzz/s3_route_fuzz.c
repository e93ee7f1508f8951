/*
 * Any request head, path style or on a virtual host: what is routed has a row of its method, names
 * within their limits and valid UTF-8; what is not has an error of S3.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/codec.h"
#include "object/object.h"
#include "s3/s3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_routed(const struct s3_call *call) {
    const struct s3_op *op = call->op;
    CHECK(op != NULL && s3_op_index(op) < s3_op_count());
    CHECK(op->method == call->head->method);
    CHECK(call->key.len <= OBJECT_KEY_MAX && call->bucket_name.len <= BUCKET_NAME_MAX);
    CHECK(utf8_is_valid(call->key) && utf8_is_valid(call->bucket_name));
    CHECK((op->subject == S3_OBJECT) == (call->key.len > 0));
    CHECK((op->subject == S3_SERVICE) == (call->bucket_name.len == 0));
    if (call->bucket_from_host.len > 0) {
        CHECK(slice_eq(call->bucket_name, call->bucket_from_host));
    } else {
        CHECK(slice_find_char(call->bucket_name, '/') == call->bucket_name.len);
    }
}

static void route(struct arena *arena, const struct http_head *head, bool on_host) {
    static struct http_query query;
    static struct s3_call call;
    struct note note;
    if (!is_ok(http_query_parse(arena, head->query, &query))) return;
    call = (struct s3_call){
        .head = head,
        .query = &query,
        .arena = arena,
        .note = &note,
        .bucket_from_host = on_host ? SLICE("bucket.of.host") : SLICE(""),
    };
    struct status status = s3_route(&call);
    if (is_ok(status)) {
        check_routed(&call);
    } else if (status_is(status, STATUS_REFUSED)) {
        CHECK(s3_error_http(call.error) >= 400 && s3_error_http(call.error) < 500);
    } else {
        CHECK(status_is(status, STATUS_NO_MEMORY));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct http_head head;
    struct arena arena;
    struct note note;
    size_t len;
    if (http_head_parse(slice_of(data, size), &head, &len, &note) != HTTP_HEAD_COMPLETE) return 0;
    arena_init(&arena, 4096, 1 << 20);
    route(&arena, &head, false);
    route(&arena, &head, true);
    arena_fini(&arena);
    return 0;
}
