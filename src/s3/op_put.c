#include "s3/body.h"
#include "s3/meta.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"
#include "s3/write_condition.h"

struct status op_put_object_check(struct s3_call *call) {
    TRY(s3_check_headers(call));
    return s3_body_check(call);
}

static struct object_put put_of(const struct s3_call *call, const struct object_meta *meta) {
    return (struct object_put){.key = call->key, .meta = *meta, .size_hint = call->body_length};
}

/* Says what was stored: the answer to a write that has an ETag and a checksum. */
static void put_answer(struct s3_call *call, struct slice etag,
                       const struct object_checksum *checksum) {
    s3_etag_answer(call, etag);
    s3_checksum_answer_typed(call, checksum, 0);
}

/* Nothing of it is visible before the body was verified to its end. Consumes the writer. */
static struct status put_run(struct s3_call *call, struct s3_body *body,
                             struct object_writer **writer,
                             const struct s3_write_condition *condition) {
    char storage[S3_ETAG_LEN];
    struct status status = object_writer_pull(*writer, &body->source);
    if (!is_ok(status)) {
        object_writer_abort(writer);
        return status;
    }
    struct object_seal seal = {
        .etag = s3_body_etag(body, storage),
        .checksum = s3_body_checksum(body),
        .condition = s3_write_condition_ptr(condition),
    };
    struct object_info info;
    status = object_writer_commit(writer, &seal, call->arena, &info);
    if (!is_ok(status)) return s3_write_failed(call, condition, status);
    s3_version_answer_written(call, &info);
    put_answer(call, seal.etag, &seal.checksum);
    return status_ok();
}

struct status op_put_object(struct s3_call *call) {
    struct object_meta meta;
    struct s3_write_condition condition;
    struct s3_body body;
    struct object_writer *writer = NULL;
    TRY(s3_meta_of_request(call, &meta));
    TRY(s3_write_condition_of(call, &condition));
    /* Who waits for our word before the body is spared sending it in vain; others send already. */
    if (call->head->expect_continue) TRY(s3_write_condition_foresee(call, &condition));
    TRY(s3_body_init(&body, call, NULL));
    struct object_put put = put_of(call, &meta);
    TRY(object_writer_begin(call->service->objects, &call->bucket, &put, call->note, &writer));
    return put_run(call, &body, &writer, &condition);
}
