#include "base/check.h"
#include "s3/ops.h"
#include "s3/s3.h"

static const struct s3_op ops[] = {
#define S3_OP(Name, METHOD, SUBJECT, selector, action, log_word, BODY, check, run) \
    {#Name, HTTP_##METHOD, S3_##SUBJECT, selector, action, log_word, S3_BODY_##BODY, check, run},
#include "s3/ops.def"
#undef S3_OP
};

size_t s3_op_count(void) {
    return ARRAY_LEN(ops);
}

const struct s3_op *s3_op_at(size_t index) {
    CHECK(index < ARRAY_LEN(ops));
    return &ops[index];
}

size_t s3_op_index(const struct s3_op *op) {
    return op == NULL ? ARRAY_LEN(ops) : (size_t)(op - ops);
}
