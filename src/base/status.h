/*
 * status.h - how a function says that it did not succeed
 *
 * Three kinds of trouble, never mixed. A bug of ours asserts (CHECK, check.h), in release builds
 * too. A refusal (bad input from the network or the disk) and a failure of the world (EIO, no
 * space) are a struct status, which the compiler does not let anybody ignore or take for a bool.
 *
 * The codes are neutral: protocol words (NoSuchKey, 404) are chosen where a protocol answers.
 * What a person should read beside the code goes into a caller-given struct note (note.h).
 *
 * Life: a value; returned, tested, dropped. Threads: any.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <stdbool.h>

enum status_code {
    STATUS_OK = 0,
#define STATUS_CODE(name, text) STATUS_##name,
#include "base/status.def"
#undef STATUS_CODE
    STATUS_CODE_COUNT
};

/* The outcome of a call. Must be looked at. */
struct [[nodiscard]] status {
    enum status_code code;
};

/* The status of success. */
static inline struct status status_ok(void) {
    return (struct status){STATUS_OK};
}

/* A status with the given code. */
static inline struct status status_of(enum status_code code) {
    return (struct status){code};
}

/* Whether `s` is success. */
static inline bool is_ok(struct status s) {
    return s.code == STATUS_OK;
}

/* Whether `s` has the code `code`. */
static inline bool status_is(struct status s, enum status_code code) {
    return s.code == code;
}

/* A few lower-case words for `code`, for logs and command-line errors: "not found". */
const char *status_text(enum status_code code);

/*
 * The status for an errno value of a failed system call: ENOSPC and EDQUOT are NO_SPACE, ENOENT is
 * NOT_FOUND, EEXIST is EXISTS, ETIMEDOUT is TIMEOUT, ... ; what has no neutral word is IO.
 */
struct status status_from_errno(int errno_value);

/* Returns the status of `expression` from the calling function unless it is success. */
#define TRY(expression)                              \
    do {                                             \
        struct status try_status_ = (expression);    \
        if (!is_ok(try_status_)) return try_status_; \
    } while (0)

/* Says on purpose that the outcome of `expression` does not matter here; say why beside it. */
#define IGNORE_STATUS(expression)                     \
    do {                                              \
        struct status ignored_status_ = (expression); \
        (void)ignored_status_;                        \
    } while (0)

#endif
