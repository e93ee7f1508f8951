/* Any bytes as a form of either kind: bounded, and wherever the input is cut the outcome is the
 * same. */
#include <stdint.h>

#include "base/check.h"
#include "http/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    struct status status;
    size_t fields;
    size_t files;
    uint64_t bytes;
    uint32_t sum;
};

static struct status read_file(struct http_form *form, struct outcome *outcome) {
    bool end = false;
    while (!end) {
        unsigned char content[100];
        size_t len = 0;
        TRY(source_pull(&form->source, content, sizeof content, &len, &end));
        CHECK(len <= sizeof content);
        outcome->bytes += len;
        for (size_t i = 0; i < len; i++) outcome->sum = outcome->sum * 31 + content[i];
    }
    return status_ok();
}

static struct status read_one(struct http_form *form, struct source *inner, struct arena *arena,
                              struct note *note, struct outcome *outcome) {
    TRY(http_form_begin(form, SLICE("b"), inner, arena, note));
    return read_file(form, outcome);
}

static struct status read_many(struct http_form *form, struct source *inner, struct arena *arena,
                               struct note *note, struct outcome *outcome) {
    bool found = true;
    TRY(http_form_open(form, SLICE("b"), inner, arena, note));
    while (found) {
        TRY(http_form_next(form, arena, &found));
        if (found) TRY(read_file(form, outcome));
        outcome->files += found;
    }
    return status_ok();
}

static struct outcome read_form(struct slice body, size_t step, bool many) {
    static struct http_form form;
    struct slice_source inner;
    struct arena arena;
    struct note note = {0};
    struct outcome outcome = {0};
    arena_init(&arena, 4096, 1024 * 1024);
    slice_source_init(&inner, body, step);
    outcome.status = (many ? read_many : read_one)(&form, &inner.source, &arena, &note, &outcome);
    outcome.fields = form.field_count;
    CHECK(is_ok(outcome.status) || note.text[0] != '\0' ||
          status_is(outcome.status, STATUS_NO_MEMORY));
    arena_fini(&arena);
    return outcome;
}

static void compare(struct slice body, bool many) {
    struct outcome whole = read_form(body, 0, many);
    struct outcome pieces = read_form(body, 3, many);
    CHECK(whole.status.code == pieces.status.code);
    if (!is_ok(whole.status)) return;
    CHECK(whole.fields == pieces.fields && whole.files == pieces.files &&
          whole.bytes == pieces.bytes && whole.sum == pieces.sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    compare(slice_of(data, size), false);
    compare(slice_of(data, size), true);
    return 0;
}
