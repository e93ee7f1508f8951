/*
 * Any bytes as x-amz-copy-source: what comes of it is a bucket's and a key's name within bounds,
 * and percent-encoded again it comes to the same.
 */
#include <stdint.h>

#include "base/check.h"
#include "base/codec.h"
#include "s3/copy_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(struct arena *arena, const struct s3_copy_name *name) {
    struct buf text;
    struct note note = {""};
    struct s3_copy_name again;
    buf_init(&text, 1 << 16);
    percent_encode(&text, name->bucket, false);
    buf_append_char(&text, '/');
    percent_encode(&text, name->key, true);
    CHECK(is_ok(buf_ok(&text)));
    CHECK(is_ok(s3_copy_name_parse(arena, buf_slice(&text), &note, &again)));
    CHECK(slice_eq(again.bucket, name->bucket) && slice_eq(again.key, name->key));
    CHECK(again.version.ptr == NULL);
    buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct note note = {""};
    struct s3_copy_name name;
    arena_init(&arena, 4096, 1 << 22);
    struct status status = s3_copy_name_parse(&arena, slice_of(data, size), &note, &name);
    if (is_ok(status)) {
        CHECK(name.bucket.len > 0 && name.bucket.len <= BUCKET_NAME_MAX);
        CHECK(name.key.len > 0 && name.key.len <= OBJECT_KEY_MAX && utf8_is_valid(name.key));
        CHECK(slice_find_char(name.bucket, '/') == name.bucket.len);
        check_round_trip(&arena, &name);
    } else {
        CHECK(status_is(status, STATUS_INVALID) && note.text[0] != '\0');
    }
    arena_fini(&arena);
    return 0;
}
