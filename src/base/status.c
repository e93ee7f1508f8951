#include "base/status.h"

#include <errno.h>
#include <stddef.h>

#include "base/check.h"

static const char *const status_texts[STATUS_CODE_COUNT] = {
    [STATUS_OK] = "ok",
#define STATUS_CODE(name, text) [STATUS_##name] = text,
#include "base/status.def"
#undef STATUS_CODE
};

static const struct {
    int errno_value;
    enum status_code code;
} errno_codes[] = {
    {ENOENT, STATUS_NOT_FOUND}, {EEXIST, STATUS_EXISTS},        {EACCES, STATUS_DENIED},
    {EPERM, STATUS_DENIED},     {EROFS, STATUS_DENIED},         {ENOSPC, STATUS_NO_SPACE},
    {EDQUOT, STATUS_NO_SPACE},  {ENOMEM, STATUS_NO_MEMORY},     {ETIMEDOUT, STATUS_TIMEOUT},
    {EAGAIN, STATUS_BUSY},      {EBUSY, STATUS_BUSY},           {EADDRINUSE, STATUS_BUSY},
    {EMFILE, STATUS_BUSY},      {ENFILE, STATUS_BUSY},          {ECONNRESET, STATUS_CLOSED},
    {EPIPE, STATUS_CLOSED},     {ENOTCONN, STATUS_CLOSED},      {EINVAL, STATUS_INVALID},
    {EFBIG, STATUS_TOO_LARGE},  {ENAMETOOLONG, STATUS_INVALID}, {ENOTSUP, STATUS_UNSUPPORTED},
};

const char *status_text(enum status_code code) {
    CHECK(code < STATUS_CODE_COUNT);
    return status_texts[code];
}

struct status status_from_errno(int errno_value) {
    for (size_t i = 0; i < ARRAY_LEN(errno_codes); i++) {
        if (errno_codes[i].errno_value == errno_value) return status_of(errno_codes[i].code);
    }
    return status_of(STATUS_IO);
}
