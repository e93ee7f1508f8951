#include "swift/body.h"

#include "base/check.h"
#include "base/codec.h"
#include "http/condition.h"

static struct status verify(struct swift_body *body) {
    char storage[SWIFT_ETAG_LEN];
    if (body->announced.len == 0) return status_ok();
    if (slice_eq_nocase(swift_body_etag(body, storage), body->announced)) return status_ok();
    return swift_refuse(body->call, 422, NULL);
}

static struct status body_pull(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                               bool *ret_end) {
    struct swift_body *body = CONTAINER_OF(source, struct swift_body, source);
    size_t len;
    bool end;
    struct status s = source_pull(body->inner, buffer, cap, &len, &end);
    if (status_is(s, STATUS_INVALID)) return swift_refuse(body->call, 400, NULL);
    TRY(s);
    body->size += len;
    if (body->size > body->size_max) return swift_refuse(body->call, 413, NULL);
    digest_update(&body->md5, slice_of(buffer, len));
    checksum_update(&body->kept, slice_of(buffer, len));
    if (end) TRY(verify(body));
    *ret_len = len;
    *ret_end = end;
    return status_ok();
}

static const struct source_ops body_ops = {.pull = body_pull};

void swift_body_init(struct swift_body *body, struct swift_call *call, struct source *inner,
                     struct slice announced) {
    body->source.ops = &body_ops;
    body->call = call;
    body->inner = inner;
    body->size = 0;
    body->size_max = SWIFT_OBJECT_SIZE_MAX;
    body->announced = http_etag_unquote(announced);
    digest_init(&body->md5, DIGEST_MD5);
    checksum_init(&body->kept, CHECKSUM_CRC64NVME);
}

struct slice swift_body_etag(const struct swift_body *body, char *out) {
    unsigned char md5[DIGEST_MD5_LEN];
    struct buf text;
    digest_final(&body->md5, md5);
    buf_init_fixed(&text, out, SWIFT_ETAG_LEN);
    hex_encode(&text, slice_of(md5, sizeof md5));
    return buf_slice(&text);
}

struct object_checksum swift_body_checksum(const struct swift_body *body) {
    struct object_checksum checksum = {.present = true, .type = OBJECT_CHECKSUM_FULL};
    checksum_final(&body->kept, &checksum.value);
    return checksum;
}
