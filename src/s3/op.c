#include <pthread.h>

#include "base/check.h"
#include "s3/ops.h"
#include "s3/s3.h"

static const struct s3_op ops[] = {
#define S3_OP(Name, METHOD, SUBJECT, selector, action, log_word, BODY, check, run) \
    {#Name, HTTP_##METHOD, S3_##SUBJECT, selector, action, log_word, S3_BODY_##BODY, check, run},
#include "s3/ops.def"
#undef S3_OP
};

enum { METHODS = HTTP_COPY + 1, SUBJECTS = S3_ACCOUNT + 1 };

/* Rows of one method and subject, chained; made once. A place is an index plus one, 0 the end. */
static uint16_t first[METHODS][SUBJECTS];
static uint16_t next[ARRAY_LEN(ops)];

/* What a request that a row is for can be about, as long as nothing but its path is known. */
static enum s3_subject subject_of(const struct s3_op *op) {
    bool names_bucket = op->subject == S3_NEW_BUCKET || op->subject == S3_KEYS;
    return names_bucket ? S3_BUCKET : op->subject;
}

static void chains_make(void) {
    for (size_t i = ARRAY_LEN(ops); i > 0; i--) {
        uint16_t *place = &first[ops[i - 1].method][subject_of(&ops[i - 1])];
        next[i - 1] = *place;
        *place = (uint16_t)i;
    }
}

const struct s3_op *s3_op_first(enum http_method method, enum s3_subject subject) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&once, chains_make) == 0);
    size_t place = first[method][subject];
    return place > 0 ? &ops[place - 1] : NULL;
}

const struct s3_op *s3_op_next(const struct s3_op *op) {
    size_t place = next[s3_op_index(op)];
    return place > 0 ? &ops[place - 1] : NULL;
}

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
