/* Any bytes as a query string: what is decoded and encoded again reads the same. */
#include <stdint.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "http/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(struct buf *buf, const struct http_query *query) {
    for (size_t i = 0; i < query->count; i++) {
        const struct http_param *param = &query->params[i];
        CHECK(http_query_find(query, param->name) != NULL);
        if (i > 0) buf_append_char(buf, '&');
        percent_encode(buf, param->name, i % 2 == 0);
        if (param->has_value) buf_append_char(buf, '=');
        percent_encode(buf, param->value, i % 2 == 0);
    }
}

static void check_round_trip(struct arena *arena, const struct http_query *query) {
    struct buf buf;
    struct http_query again;
    buf_init(&buf, 1 << 20);
    encode(&buf, query);
    if (is_ok(buf_ok(&buf)) && is_ok(http_query_parse(arena, buf_slice(&buf), &again))) {
        CHECK(again.count == query->count);
        for (size_t i = 0; i < query->count; i++) {
            CHECK(slice_eq(again.params[i].name, query->params[i].name));
            CHECK(slice_eq(again.params[i].value, query->params[i].value));
            CHECK(again.params[i].has_value == query->params[i].has_value);
        }
    }
    buf_fini(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct http_query query;
    arena_init(&arena, 4096, 1 << 20);
    struct status status = http_query_parse(&arena, slice_of(data, size), &query);
    if (is_ok(status)) check_round_trip(&arena, &query);
    arena_fini(&arena);
    return 0;
}
