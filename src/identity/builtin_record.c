#include "identity/builtin_record.h"

#include "base/check.h"

static void *alloc_in_arena(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

/* The arena is given back as a whole. */
static void free_in_arena(void *arena, void *pointer) {
    (void)arena;
    (void)pointer;
}

struct status builtin_record_decode(const ProtobufCMessageDescriptor *descriptor, struct slice raw,
                                    struct arena *arena, void **ret_message) {
    ProtobufCAllocator allocator = {
        .alloc = alloc_in_arena, .free = free_in_arena, .allocator_data = arena};
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, &allocator, raw.len, (const uint8_t *)raw.ptr);
    TRY(arena_ok(arena));
    if (message == NULL) return status_of(STATUS_CORRUPT);
    *ret_message = message;
    return status_ok();
}

char *builtin_record_text(struct slice text, char *out, size_t cap) {
    CHECK(text.len < cap);
    if (text.len > 0) memcpy(out, text.ptr, text.len);
    out[text.len] = 0;
    return out;
}
