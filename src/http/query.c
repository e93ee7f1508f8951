#include "base/codec.h"
#include "http/head.h"

static struct status parse_param(struct arena *arena, struct slice piece,
                                 struct http_param *ret_param) {
    struct http_param param = {0};
    param.has_value = slice_cut(piece, '=', &param.raw_name, &param.raw_value);
    bool decoded = percent_decode(arena, param.raw_name, true, &param.name) &&
                   percent_decode(arena, param.raw_value, true, &param.value);
    TRY(arena_ok(arena));
    if (!decoded) return status_of(STATUS_INVALID);
    *ret_param = param;
    return status_ok();
}

struct status http_query_parse(struct arena *arena, struct slice raw,
                               struct http_query *ret_query) {
    size_t count = 0;
    while (raw.len > 0) {
        struct slice piece;
        struct slice rest;
        slice_cut(raw, '&', &piece, &rest);
        raw = rest;
        if (piece.len == 0) continue;
        if (count == HTTP_QUERY_PARAMS_MAX) return status_of(STATUS_TOO_LARGE);
        TRY(parse_param(arena, piece, &ret_query->params[count]));
        count++;
    }
    ret_query->count = count;
    return status_ok();
}

const struct http_param *http_query_find(const struct http_query *query, struct slice name) {
    for (size_t i = 0; i < query->count; i++) {
        if (slice_eq(query->params[i].name, name)) return &query->params[i];
    }
    return NULL;
}
