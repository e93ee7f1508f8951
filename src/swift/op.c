#include "base/check.h"
#include "swift/ops.h"
#include "swift/swift.h"

/* A browser's form, which has its proof in itself. */
#define FORM "@content-type=multipart/form-data&!@x-auth-token&!@x-storage-token"

static const struct swift_op ops[] = {
#define SWIFT_OP(Name, METHOD, SUBJECT, selector, RIGHT, action, BODY, check, run) \
    {"Swift" #Name, HTTP_##METHOD,     SWIFT_##SUBJECT, selector, SWIFT_##RIGHT,   \
     action,        SWIFT_BODY_##BODY, check,           run},
#include "swift/ops.def"
#undef SWIFT_OP
};

size_t swift_op_count(void) {
    return ARRAY_LEN(ops);
}

const struct swift_op *swift_op_at(size_t index) {
    CHECK(index < ARRAY_LEN(ops));
    return &ops[index];
}

size_t swift_op_index(const struct swift_op *op) {
    return op == NULL ? ARRAY_LEN(ops) : (size_t)(op - ops);
}
