#include "swift/visit.h"

#include "base/check.h"
#include "swift/object_meta.h"

struct status swift_visit(struct swift_call *call, const struct list_query *query,
                          struct swift_visitor *visitor) {
    enum { BLOCK = 64 * 1024, STORE_PAGE = 100, MEMORY_MAX = 8 * 1024 * 1024 };
    struct list_query part_query = *query;
    struct arena arena;
    struct status s = status_ok();
    char after[OBJECT_KEY_MAX];
    bool more = true;
    if (part_query.max > STORE_PAGE) part_query.max = STORE_PAGE;
    arena_init(&arena, BLOCK, MEMORY_MAX);
    while (more) {
        struct list_page part;
        s = list_objects(call->service->objects, &call->bucket, &part_query, &arena, &part);
        if (!is_ok(s)) break;
        for (size_t i = 0; i < part.count && more; i++) {
            more = visitor->visit(visitor, &part.entries[i]);
        }
        more = more && part.truncated;
        if (more) {
            CHECK(part.next.len <= sizeof after);
            memcpy(after, part.next.ptr, part.next.len);
            part_query.after = slice_of(after, part.next.len);
        }
        arena_reset(&arena);
    }
    arena_fini(&arena);
    return s;
}

struct slice swift_entry_type(const struct list_entry *entry) {
    struct slice type = swift_object_header(&entry->info.meta, SLICE("content-type"));
    return type.ptr != NULL ? type : SLICE("application/octet-stream");
}
