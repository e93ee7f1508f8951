/*
 * Any bytes as the list of CompleteMultipartUpload or of DeleteObjects: what is read keeps its
 * bounds, and does not depend on the pieces it comes in.
 */
#include <stdint.h>

#include "base/check.h"
#include "s3/complete_document.h"
#include "s3/delete_document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_parts(struct arena *arena, struct slice document, size_t step,
                       struct status *ret_status, struct s3_part_list *ret_list) {
    struct slice_source source;
    struct note note = {""};
    bool is_argument;
    slice_source_init(&source, document, step);
    *ret_status = s3_part_list_read(arena, &source.source, &note, &is_argument, ret_list);
    CHECK(is_ok(*ret_status) || status_is(*ret_status, STATUS_INVALID));
    CHECK(!is_ok(*ret_status) || !is_argument);
}

static void check_parts(struct arena *arena, struct slice document) {
    struct s3_part_list list = {0};
    struct s3_part_list again = {0};
    struct status status;
    struct status other;
    read_parts(arena, document, 0, &status, &list);
    read_parts(arena, document, 1 + document.len % 13, &other, &again);
    CHECK(status.code == other.code && list.count == again.count);
    for (size_t i = 0; i < list.count; i++) {
        const struct upload_listed_part *part = &list.parts[i];
        CHECK(part->number >= 1 && part->number <= UPLOAD_PART_NUMBER_MAX && part->etag.len > 0);
        CHECK(part->number == again.parts[i].number);
        CHECK(slice_eq(part->etag, again.parts[i].etag));
        CHECK(part->has_checksum == again.parts[i].has_checksum);
        CHECK(!part->has_checksum || part->checksum.len == checksum_len(part->checksum.kind));
    }
}

static void check_keys(struct arena *arena, struct slice document) {
    struct slice_source source;
    struct note note = {""};
    struct s3_delete_list list = {0};
    slice_source_init(&source, document, 1 + document.len % 13);
    struct status status = s3_delete_list_read(arena, &source.source, &note, &list);
    CHECK(is_ok(status) || status_is(status, STATUS_INVALID));
    CHECK(!is_ok(status) || (list.count > 0 && list.count <= S3_DELETE_KEYS_MAX));
    for (size_t i = 0; i < list.count; i++) CHECK(list.keys[i].key.len > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    struct slice document = slice_of(data, size);
    arena_init(&arena, 16 * 1024, 64 << 20);
    check_parts(&arena, document);
    check_keys(&arena, document);
    arena_fini(&arena);
    return 0;
}
