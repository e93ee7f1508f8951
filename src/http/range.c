#include "http/range.h"

#include <stdbool.h>

static bool is_digits(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
    }
    return s.len > 0;
}

/* A number of any length; what is too large for 64 bits is past the end of everything. */
static bool parse_position(struct slice text, uint64_t *ret_position) {
    if (!is_digits(text)) return false;
    if (!slice_parse_u64(text, ret_position)) *ret_position = UINT64_MAX;
    return true;
}

static enum http_range_verdict resolve_suffix(struct slice text, uint64_t size,
                                              struct http_range *ret_range) {
    uint64_t len;
    if (!parse_position(text, &len)) return HTTP_RANGE_WHOLE;
    if (len == 0 || size == 0) return HTTP_RANGE_UNSATISFIABLE;
    if (len > size) len = size;
    *ret_range = (struct http_range){size - len, len};
    return HTTP_RANGE_PART;
}

static enum http_range_verdict resolve_positions(struct slice from, struct slice to, uint64_t size,
                                                 struct http_range *ret_range) {
    uint64_t first;
    uint64_t last = UINT64_MAX;
    if (!parse_position(from, &first)) return HTTP_RANGE_WHOLE;
    if (to.len > 0 && (!parse_position(to, &last) || last < first)) return HTTP_RANGE_WHOLE;
    if (first >= size) return HTTP_RANGE_UNSATISFIABLE;
    if (last >= size) last = size - 1;
    *ret_range = (struct http_range){first, last - first + 1};
    return HTTP_RANGE_PART;
}

enum http_range_verdict http_range_resolve(struct slice header, uint64_t size,
                                           struct http_range *ret_range) {
    static const struct slice unit = {"bytes=", 6};
    if (!slice_starts_with_nocase(header, unit)) return HTTP_RANGE_WHOLE;
    struct slice from;
    struct slice to;
    if (!slice_cut(slice_trim(slice_skip(header, unit.len)), '-', &from, &to)) {
        return HTTP_RANGE_WHOLE;
    }
    if (from.len == 0) return resolve_suffix(to, size, ret_range);
    return resolve_positions(from, to, size, ret_range);
}

void http_content_range(struct buf *buf, struct http_range range, uint64_t size) {
    buf_append_str(buf, "bytes ");
    buf_append_u64(buf, range.first);
    buf_append_char(buf, '-');
    buf_append_u64(buf, range.first + range.len - 1);
    buf_append_char(buf, '/');
    buf_append_u64(buf, size);
}

void http_content_range_unsatisfied(struct buf *buf, uint64_t size) {
    buf_append_str(buf, "bytes */");
    buf_append_u64(buf, size);
}

struct status http_copy_range_parse(struct slice header, struct http_range *ret_range) {
    static const struct slice unit = {"bytes=", 6};
    struct slice from;
    struct slice to;
    uint64_t first;
    uint64_t last;
    bool fits = slice_starts_with(header, unit) &&
                slice_cut(slice_skip(header, unit.len), '-', &from, &to) &&
                slice_parse_u64(from, &first) && slice_parse_u64(to, &last) && first <= last &&
                last < INT64_MAX;
    if (!fits) return status_of(STATUS_INVALID);
    *ret_range = (struct http_range){first, last - first + 1};
    return status_ok();
}

bool http_range_is_inside(struct http_range range, uint64_t size) {
    return range.first < size && range.len <= size - range.first;
}
