#include "object/body.h"

#include <stdlib.h>

#include "base/check.h"
#include "object/inner.h"

enum { BODY_BUFFER_MIN = 4 * 1024 };

static struct status writer_open(struct body *body) {
    return blob_writer_begin(body->blob, body->partition, slice_of(body->policy, body->policy_len),
                             body->size_hint, &body->writer);
}

struct status body_begin(struct body *body, struct object_store *store, const struct bucket *bucket,
                         uint64_t size_hint, uint64_t size_max) {
    *body = (struct body){
        .blob = store->config.blob,
        .partition = bucket->incarnation,
        .policy_len = bucket->policy.len,
        .size_hint = size_hint,
        .size_max = size_max,
    };
    CHECK(bucket->policy.len <= sizeof body->policy);
    memcpy(body->policy, bucket->policy.ptr, bucket->policy.len);
    return size_hint > 0 ? writer_open(body) : status_ok();
}

struct status body_write(struct body *body, struct slice bytes) {
    if (bytes.len == 0) return status_ok();
    if (bytes.len > body->size_max - body->size) return status_of(STATUS_TOO_LARGE);
    if (!body->writer) TRY(writer_open(body));
    TRY(blob_writer_write(body->writer, bytes));
    body->size += bytes.len;
    return status_ok();
}

static struct status pump(struct body *body, struct source *source, char *buffer, size_t cap) {
    bool end = false;
    while (!end) {
        size_t len;
        TRY(source_pull(source, buffer, cap, &len, &end));
        TRY(body_write(body, slice_of(buffer, len)));
    }
    return status_ok();
}

/* As much as is expected, but never more than the maximum, and never so little that a wrong
 * expectation is slow. */
static size_t buffer_size(const struct body *body) {
    if (body->size_hint >= BODY_BUFFER_MAX) return BODY_BUFFER_MAX;
    return body->size_hint < BODY_BUFFER_MIN ? BODY_BUFFER_MIN : (size_t)body->size_hint;
}

struct status body_pull(struct body *body, struct source *source) {
    size_t cap = buffer_size(body);
    char *buffer = malloc(cap);
    if (!buffer) return status_of(STATUS_NO_MEMORY);
    struct status s = pump(body, source, buffer, cap);
    free(buffer);
    return s;
}

struct status body_seal(struct body *body) {
    if (body->size == 0) blob_writer_abort(&body->writer);
    return body->writer ? blob_writer_seal(body->writer) : status_ok();
}

void body_bind(const struct body *body, struct kv_batch *batch) {
    if (body->writer) blob_writer_bind(body->writer, batch);
}

struct blob_id body_blob(const struct body *body) {
    CHECK(body->writer);
    return blob_writer_id(body->writer);
}

void body_end(struct body *body, struct status outcome, bool unknown) {
    if (is_ok(outcome)) {
        if (body->writer) blob_writer_commit(&body->writer);
    } else if (unknown) {
        blob_writer_forget(&body->writer);
    } else {
        blob_writer_abort(&body->writer);
    }
}
