/*
 * expect.h - assertions on statuses and slices that say what was there
 */
#ifndef SUPPORT_EXPECT_H
#define SUPPORT_EXPECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/slice.h"
#include "base/status.h"

/* The status of `expression` has the code, or is success. */
#define expect_status(code_, expression) \
    assert_string_equal(status_text((expression).code), status_text(code_))
#define expect_ok(expression) expect_status(STATUS_OK, expression)

/* The slice has exactly these bytes. */
#define expect_slice(slice_, wanted)                         \
    do {                                                     \
        struct slice got_ = (slice_);                        \
        struct slice wanted_ = (wanted);                     \
        if (!slice_eq(got_, wanted_)) {                      \
            print_error("got «%.*s»\n", SLICE_FMT(got_));    \
            print_error("not «%.*s»\n", SLICE_FMT(wanted_)); \
        }                                                    \
        assert_true(slice_eq(got_, wanted_));                \
    } while (0)

/* The slice is this text. */
#define expect_text(slice_, text) expect_slice(slice_, slice_str(text))

#endif
