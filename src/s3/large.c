#include "s3/large.h"

#include "base/check.h"
#include "s3/grants.h"

static struct status may(const struct object_gate *gate, const struct s3_question *question) {
    struct access_decision decision;
    struct s3_call *call = ((const struct s3_large *)gate)->call;
    TRY(s3_decide(call, question, &decision));
    return decision.allowed ? status_ok() : s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
}

static struct status may_read(const struct object_gate *gate, const struct bucket *bucket,
                              const struct object_info *info) {
    return may(gate,
               &(struct s3_question){
                   .action = "s3:GetObject", .bucket = bucket, .key = info->key, .info = info});
}

static struct status may_list(const struct object_gate *gate, const struct bucket *bucket) {
    return may(gate, &(struct s3_question){.action = "s3:ListBucket", .bucket = bucket});
}

/* What is broken is no conflict of requests, and trying again does not help. */
static struct status tell(struct s3_call *call, struct status s) {
    return status_is(s, STATUS_CONFLICT) ? s3_refuse(call, S3_ERROR_BROKEN_MPU, NULL) : s;
}

struct status s3_large_open(struct s3_call *call, const struct bucket *bucket, struct slice key,
                            const struct object_version *version, struct s3_large *ret_large) {
    *ret_large = (struct s3_large){.gate = {may_read, may_list}, .call = call};
    const struct object_opening opening = {.store = call->service->objects,
                                           .bucket = bucket,
                                           .key = key,
                                           .version = *version,
                                           .gate = &ret_large->gate};
    return tell(call, object_open_target(&opening, call->arena, &ret_large->opened));
}

struct status s3_large_follow(struct s3_large *large) {
    struct object_opened *opened = &large->opened;
    return tell(large->call, object_reader_follow(opened->reader, &large->gate, &opened->info,
                                                  large->call->arena));
}

struct status s3_large_verify(struct s3_large *large, uint64_t offset, uint64_t len) {
    return tell(large->call, object_reader_verify(large->opened.reader, offset, len));
}

void s3_large_close(struct s3_large *large) {
    object_reader_close(&large->opened.reader);
}
