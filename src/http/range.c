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

static enum http_range_verdict resolve_one(struct slice spec, uint64_t size,
                                           struct http_range *ret_range) {
    struct slice from;
    struct slice to;
    if (!slice_cut(spec, '-', &from, &to)) return HTTP_RANGE_WHOLE;
    if (from.len == 0) return resolve_suffix(to, size, ret_range);
    return resolve_positions(from, to, size, ret_range);
}

/* Whether the ranges are more than a few that overlap, or go back. */
static bool is_abuse(const struct http_ranges *ranges) {
    size_t overlaps = 0;
    size_t descents = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        const struct http_range *range = &ranges->items[i];
        if (i > 0 && range->first < ranges->items[i - 1].first) descents++;
        for (size_t k = 0; k < i; k++) {
            const struct http_range *other = &ranges->items[k];
            bool apart = range->first >= other->first + other->len ||
                         other->first >= range->first + range->len;
            if (apart) continue;
            overlaps++;
            break;
        }
    }
    return overlaps > HTTP_RANGES_OVERLAPS_MAX || descents > HTTP_RANGES_DESCENTS_MAX;
}

enum http_range_verdict http_ranges_resolve(struct slice header, uint64_t size,
                                            struct http_ranges *ret_ranges) {
    static const struct slice unit = {"bytes=", 6};
    if (!slice_starts_with_nocase(header, unit)) return HTTP_RANGE_WHOLE;
    struct slice rest = slice_skip(header, unit.len);
    bool more = true;
    bool too_many = false;
    ret_ranges->count = 0;
    while (more) {
        struct slice spec;
        struct http_range range;
        more = slice_cut(rest, ',', &spec, &rest);
        spec = slice_trim(spec);
        /* Spec: RFC 9110 section 5.6.1: an empty element counts for nothing. */
        if (spec.len == 0 && more) continue;
        enum http_range_verdict verdict = resolve_one(spec, size, &range);
        if (verdict == HTTP_RANGE_WHOLE) return HTTP_RANGE_WHOLE;
        if (verdict == HTTP_RANGE_UNSATISFIABLE) continue;
        if (ret_ranges->count < HTTP_RANGES_MAX) {
            ret_ranges->items[ret_ranges->count++] = range;
        } else {
            too_many = true;
        }
    }
    if (ret_ranges->count == 0 || too_many || is_abuse(ret_ranges)) return HTTP_RANGE_UNSATISFIABLE;
    return HTTP_RANGE_PART;
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
