#include "base/stream.h"

#include "base/check.h"

struct status source_fill(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                          bool *ret_end) {
    size_t filled = 0;
    bool end = false;
    while (filled < cap && !end) {
        size_t len = 0;
        TRY(source_pull(source, (char *)buffer + filled, cap - filled, &len, &end));
        CHECK(len <= cap - filled);
        filled += len;
    }
    *ret_len = filled;
    *ret_end = end;
    return status_ok();
}

static struct status slice_source_pull(struct source *source, void *buffer, size_t cap,
                                       size_t *ret_len, bool *ret_end) {
    struct slice_source *self = CONTAINER_OF(source, struct slice_source, source);
    size_t len = self->rest.len < cap ? self->rest.len : cap;
    if (self->step > 0 && len > self->step) len = self->step;
    if (len > 0) memcpy(buffer, self->rest.ptr, len);
    self->rest = slice_skip(self->rest, len);
    *ret_len = len;
    *ret_end = self->rest.len == 0;
    return status_ok();
}

static const struct source_ops slice_source_ops = {.pull = slice_source_pull};

void slice_source_init(struct slice_source *s, struct slice bytes, size_t step) {
    *s = (struct slice_source){.source = {&slice_source_ops}, .rest = bytes, .step = step};
}
