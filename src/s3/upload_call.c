#include "s3/upload_call.h"

#include "s3/refusals.h"

struct status s3_upload_of(struct s3_call *call, struct upload *ret_upload) {
    struct slice id = s3_param(call, "uploadId");
    struct status status =
        upload_find(call->service->objects, &call->bucket, call->key, id, call->arena, ret_upload);
    return status_is(status, STATUS_NOT_FOUND) ? s3_refuse_no_upload(call, id) : status;
}

struct status s3_part_number_of(struct s3_call *call, uint32_t *ret_number) {
    struct slice text = s3_param(call, "partNumber");
    uint64_t number;
    if (slice_parse_u64(text, &number) && number >= 1 && number <= UPLOAD_PART_NUMBER_MAX) {
        *ret_number = (uint32_t)number;
        return status_ok();
    }
    return s3_refuse_argument(call, "partNumber", text,
                              "Part number must be an integer between 1 and 10000, inclusive");
}

struct status s3_upload_answer(struct s3_call *call, struct xml_writer *xml, struct buf *text) {
    struct status status = xml_end(xml);
    if (is_ok(status)) return s3_answer_xml(call, text);
    buf_fini(text);
    return status;
}
