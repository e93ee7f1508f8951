/*
 * Any bytes as an archive: what comes out of it are names and bytes, and it ends; the first byte
 * says in which form it is announced.
 */
#include <stdint.h>

#include "base/check.h"
#include "swift/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMBERS_MAX = 100, BYTES_MAX = 1 << 20 };

/* Pulls a member to its end, or as far as one can be patient. */
static void drain(struct swift_archive *archive) {
    static char buffer[4096];
    struct source *source = swift_archive_source(archive);
    size_t total = 0;
    bool end = false;
    while (!end && total < BYTES_MAX) {
        size_t len = 0;
        struct status s = source_pull(source, buffer, sizeof buffer, &len, &end);
        if (!is_ok(s)) {
            CHECK(swift_archive_is_broken(archive));
            return;
        }
        total += len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice_source body;
    struct swift_archive *archive = NULL;
    struct swift_archive_member member;
    struct arena arena;
    bool found = true;
    if (size == 0) return 0;
    slice_source_init(&body, slice_of(data + 1, size - 1), 0);
    CHECK(
        is_ok(swift_archive_open(&body.source, (enum swift_archive_kind)(data[0] % 3), &archive)));
    arena_init(&arena, 4096, 1 << 20);
    for (int i = 0; i < MEMBERS_MAX && found; i++) {
        struct object_pairs pairs = {0};
        struct status s = swift_archive_next(archive, &member, &found);
        if (!is_ok(s)) {
            CHECK(swift_archive_is_broken(archive) && swift_archive_defect(archive) != NULL);
            break;
        }
        if (!found) break;
        IGNORE_STATUS(swift_archive_meta(archive, &arena, &pairs));
        drain(archive);
        if (swift_archive_is_broken(archive)) break;
    }
    arena_fini(&arena);
    swift_archive_close(&archive);
    return 0;
}
