#include "swift/meta.h"

#include "base/check.h"
#include "base/codec.h"
#include "http/text.h"

/* A name as Swift's texts have it: the prefix in lower case, the rest in capitals and not. */
static struct slice said_name(struct swift_call *call, struct slice prefix, struct slice name) {
    struct slice said = arena_printf(call->arena, "%.*s%.*s", SLICE_FMT(prefix), SLICE_FMT(name));
    char *text = arena_cstr(call->arena, said);
    if (text == NULL) return SLICE("");
    for (size_t i = prefix.len; i < said.len; i++) {
        bool begins = i == prefix.len || text[i - 1] == '-';
        bool upper = text[i] >= 'A' && text[i] <= 'Z';
        bool lower = text[i] >= 'a' && text[i] <= 'z';
        if (begins && lower) text[i] = (char)(text[i] - 'a' + 'A');
        if (!begins && upper) text[i] = (char)(text[i] - 'A' + 'a');
    }
    return slice_of(text, said.len);
}

/* Spec: Swift, check_metadata; the order of the checks is its order. */
static struct status check_pair(struct swift_call *call, struct slice prefix, struct slice name,
                                struct slice value) {
    struct slice said = said_name(call, prefix, name);
    if (value.len > SWIFT_HEADER_VALUE_MAX) {
        return swift_refuse_plain(call, 400, "Header value too long: %.*s",
                                  SLICE_FMT(slice_take(said, 2 * SWIFT_META_NAME_MAX)));
    }
    if (name.len == 0) return swift_refuse_plain(call, 400, "Metadata name cannot be empty");
    if (name.len > SWIFT_META_NAME_MAX) {
        return swift_refuse_plain(call, 400, "Metadata name too long: %.*s",
                                  SLICE_FMT(slice_take(said, 300)));
    }
    if (value.len > SWIFT_META_VALUE_MAX) {
        return swift_refuse_plain(call, 400, "Metadata value longer than %d: %.*s",
                                  SWIFT_META_VALUE_MAX, SLICE_FMT(said));
    }
    if (!utf8_is_valid(value)) {
        return swift_refuse_plain(call, 400, "Metadata must be valid UTF-8");
    }
    return status_ok();
}

struct status swift_meta_check(struct swift_call *call, struct slice prefix) {
    size_t count = 0, bytes = 0;
    for (size_t i = 0; i < call->head->header_count; i++) {
        const struct http_header *header = &call->head->headers[i];
        if (!slice_starts_with_nocase(header->name, prefix)) continue;
        struct slice name = slice_skip(header->name, prefix.len);
        TRY(check_pair(call, prefix, name, header->value));
        count++;
        bytes += name.len + header->value.len;
        if (count > SWIFT_META_COUNT_MAX) {
            return swift_refuse_plain(call, 400, "Too many metadata items; max %d",
                                      SWIFT_META_COUNT_MAX);
        }
        if (bytes > SWIFT_META_BYTES_MAX) {
            return swift_refuse_plain(call, 400, "Total metadata too large; max %d",
                                      SWIFT_META_BYTES_MAX);
        }
    }
    return status_ok();
}

static struct slice lower(struct arena *arena, struct slice text) {
    char *copy = arena_cstr(arena, text);
    if (copy == NULL) return SLICE("");
    for (size_t i = 0; i < text.len; i++) {
        if (copy[i] >= 'A' && copy[i] <= 'Z') copy[i] = (char)(copy[i] - 'A' + 'a');
    }
    return slice_of(copy, text.len);
}

struct status swift_meta_read(struct swift_call *call, struct slice prefix,
                              struct object_pairs *ret_pairs) {
    struct object_pair *items = arena_calloc(call->arena, SWIFT_META_COUNT_MAX, sizeof *items);
    size_t count = 0;
    if (items == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < call->head->header_count; i++) {
        const struct http_header *header = &call->head->headers[i];
        if (!slice_starts_with_nocase(header->name, prefix) || header->value.len == 0) continue;
        struct slice name = lower(call->arena, slice_skip(header->name, prefix.len));
        size_t at = 0;
        while (at < count && !slice_eq(items[at].name, name)) at++;
        if (at < count) {
            items[at].value = arena_printf(call->arena, "%.*s,%.*s", SLICE_FMT(items[at].value),
                                           SLICE_FMT(header->value));
            continue;
        }
        CHECK(count < SWIFT_META_COUNT_MAX);
        items[count++] = (struct object_pair){name, header->value};
    }
    *ret_pairs = (struct object_pairs){items, count};
    return arena_ok(call->arena);
}

/* Whether the head has something under the prefix for that name. */
static bool is_said(const struct swift_call *call, struct slice prefix, struct slice name) {
    for (size_t i = 0; i < call->head->header_count; i++) {
        struct slice header = call->head->headers[i].name;
        if (!slice_starts_with_nocase(header, prefix)) continue;
        if (slice_eq_nocase(slice_skip(header, prefix.len), name)) return true;
    }
    return false;
}

struct status swift_meta_change(struct swift_call *call, struct slice prefix, struct slice remove,
                                const struct object_pairs *before, struct arena *arena,
                                struct object_pairs *ret_pairs) {
    struct object_pairs said;
    TRY(swift_meta_read(call, prefix, &said));
    struct object_pair *pairs = arena_calloc(arena, before->count + said.count + 1, sizeof *pairs);
    size_t count = 0;
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < before->count; i++) {
        struct slice name = before->items[i].name;
        if (is_said(call, prefix, name) || is_said(call, remove, name)) continue;
        pairs[count++] = before->items[i];
    }
    for (size_t i = 0; i < said.count; i++) pairs[count++] = said.items[i];
    *ret_pairs = (struct object_pairs){pairs, count};
    return status_ok();
}

struct status swift_meta_bounds(struct swift_call *call, const struct object_pairs *pairs) {
    size_t bytes = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        bytes += pairs->items[i].name.len + pairs->items[i].value.len;
    }
    if (pairs->count > SWIFT_META_COUNT_MAX) {
        return swift_refuse_plain(call, 400, "Too many metadata items; max %d",
                                  SWIFT_META_COUNT_MAX);
    }
    if (bytes <= SWIFT_META_BYTES_MAX) return status_ok();
    return swift_refuse_plain(call, 400, "Total metadata too large; max %d", SWIFT_META_BYTES_MAX);
}

void swift_meta_answer(struct swift_call *call, const char *prefix,
                       const struct object_pairs *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        struct slice said =
            arena_printf(call->arena, "%s%.*s", prefix, SLICE_FMT(pairs->items[i].name));
        char *name = arena_cstr(call->arena, said);
        if (name == NULL) return;
        for (size_t k = 1; k < said.len; k++) {
            bool begins = name[k - 1] == '-' && name[k] >= 'a' && name[k] <= 'z';
            if (begins) name[k] = (char)(name[k] - 'a' + 'A');
        }
        /* S3 lets in what no header can carry; it is there, but can't be said. */
        if (!http_is_token(said) || !http_is_field_value(pairs->items[i].value)) continue;
        http_response_set(&call->response, slice_of(name, said.len), pairs->items[i].value);
    }
}
