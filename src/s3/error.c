#include "s3/error.h"

#include "base/check.h"

static const struct {
    const char *code;
    int http;
    const char *message;
} errors[S3_ERROR_COUNT] = {
    [S3_ERROR_NONE] = {"", 200, ""},
#define S3_ERROR(NAME, code, http, message) [S3_ERROR_##NAME] = {code, http, message},
#include "s3/errors.def"
#undef S3_ERROR
};

const char *s3_error_code(enum s3_error error) {
    CHECK(error < S3_ERROR_COUNT);
    return errors[error].code;
}

int s3_error_http(enum s3_error error) {
    CHECK(error < S3_ERROR_COUNT);
    return errors[error].http;
}

const char *s3_error_message(enum s3_error error) {
    CHECK(error < S3_ERROR_COUNT);
    return errors[error].message;
}
