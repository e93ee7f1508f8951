/* Any bytes as a form: bounded, and wherever the input is cut the outcome is the same. */
#include <stdint.h>

#include "base/check.h"
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct status status;
    size_t fields;
    uint64_t bytes;
    uint32_t sum;
};

static struct outcome read_form(struct slice body, size_t step) {
    static struct http_form form;
    struct slice_source inner;
    struct arena arena;
    struct note note = {0};
    struct outcome outcome = {0};
    arena_init(&arena, 4096, 1024 * 1024);
    slice_source_init(&inner, body, step);
    outcome.status = http_form_begin(&form, SLICE("b"), &inner.source, &arena, &note);
    outcome.fields = form.field_count;
    bool end = false;
    while (is_ok(outcome.status) && !end) {
        unsigned char content[100];
        size_t len = 0;
        outcome.status = source_pull(&form.source, content, sizeof content, &len, &end);
        if (!is_ok(outcome.status)) break;
        CHECK(len <= sizeof content);
        outcome.bytes += len;
        for (size_t i = 0; i < len; i++) outcome.sum = outcome.sum * 31 + content[i];
    }
    CHECK(is_ok(outcome.status) || note.text[0] != '\0');
    arena_fini(&arena);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice body = slice_of(data, size);
    struct outcome whole = read_form(body, 0);
    struct outcome pieces = read_form(body, 3);
    CHECK(whole.status.code == pieces.status.code);
    if (is_ok(whole.status)) {
        CHECK(whole.fields == pieces.fields && whole.bytes == pieces.bytes &&
              whole.sum == pieces.sum);
    }
    return 0;
}
