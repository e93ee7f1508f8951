#include "swift/slo.h"

#include "base/codec.h"

/* One entry on its way. */
struct parsing {
    struct arena *arena;
    struct buf *errors;
    size_t index;
    size_t count;
    struct slice container; /* of the object itself */
    struct slice object;
};

/* Notes what is wrong with the entry. */
static bool wrong(struct parsing *parsing, const char *what) {
    buf_printf(parsing->errors, "Index %zu: %s\n", parsing->index, what);
    return false;
}

/* ---- ranges --------------------------------------------------------------------------------- */

static bool range_parse(struct slice text, struct swift_slo_range *ret_range) {
    struct swift_slo_range range = {.present = true};
    struct slice first, last;
    if (!slice_cut(text, '-', &first, &last)) return false;
    first = slice_trim(first);
    last = slice_trim(last);
    range.has_first = first.len > 0;
    range.has_last = last.len > 0;
    if (range.has_first && !slice_parse_u64(first, &range.first)) return false;
    if (range.has_last && !slice_parse_u64(last, &range.last)) return false;
    if (!range.has_first && !range.has_last) return false;
    if (range.has_first && range.has_last && range.first > range.last) return false;
    *ret_range = range;
    return true;
}

bool swift_slo_resolve(const struct swift_slo_range *range, uint64_t size, uint64_t *ret_first,
                       uint64_t *ret_len) {
    if (!range->present) {
        *ret_first = 0;
        *ret_len = size;
        return true;
    }
    if (!range->has_first) {
        uint64_t len = range->last < size ? range->last : size;
        *ret_first = size - len;
        *ret_len = len;
        return len > 0;
    }
    if (range->first >= size) return false;
    uint64_t end = range->has_last && range->last < size ? range->last + 1 : size;
    *ret_first = range->first;
    *ret_len = end - range->first;
    return true;
}

/* ---- entries -------------------------------------------------------------------------------- */

static bool is_known(struct slice name, bool is_data) {
    static const char *const names[] = {"path", "range", "etag", "size_bytes"};
    if (is_data) return slice_eq(name, SLICE("data"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slice_eq(name, slice_str(names[i]))) return true;
    }
    return false;
}

/* Spec: Swift names all of them, sorted. */
static bool names_check(struct parsing *parsing, const struct json *value, bool is_data) {
    struct slice last = {0};
    bool any = false;
    for (;;) {
        struct slice next = {0};
        JSON_EACH(member, value) {
            struct slice name = json_name(member);
            if (is_known(name, is_data) || (any && slice_cmp(name, last) <= 0)) continue;
            if (next.ptr == NULL || slice_cmp(name, next) < 0) next = name;
        }
        if (next.ptr == NULL) break;
        if (!any) buf_printf(parsing->errors, "Index %zu: extraneous keys ", parsing->index);
        if (any) buf_append_str(parsing->errors, ", ");
        buf_printf(parsing->errors, "\"%.*s\"", SLICE_FMT(next));
        last = next;
        any = true;
    }
    if (any) buf_append_char(parsing->errors, '\n');
    return !any;
}

/* A number, or the same as a text. */
static bool size_read(struct parsing *parsing, const struct json *value,
                      struct swift_slo_entry *entry) {
    struct slice text;
    int64_t number = 0;
    if (value == NULL || json_type(value) == JSON_NULL) return true;
    bool good = json_string(value, &text) ? slice_parse_u64(slice_trim(text), &entry->size)
                                          : json_i64(value, &number);
    if (!good) return wrong(parsing, "invalid size_bytes");
    if (json_type(value) == JSON_NUMBER) entry->size = number > 0 ? (uint64_t)number : 0;
    entry->has_size = true;
    if (entry->size >= 1 || parsing->index + 1 == parsing->count) return true;
    return wrong(parsing, "too small; each segment must be at least 1 byte.");
}

static bool path_read(struct parsing *parsing, struct swift_slo_entry *entry) {
    struct slice path = entry->path;
    while (path.len > 0 && path.ptr[0] == '/') path = slice_skip(path, 1);
    bool good = slice_cut(path, '/', &entry->container, &entry->object);
    struct slice rest = entry->object;
    while (rest.len > 0 && rest.ptr[0] == '/') rest = slice_skip(rest, 1);
    if (good && entry->container.len > 0 && rest.len > 0) return true;
    return wrong(parsing,
                 "path does not refer to an object. Path must be of the form "
                 "/container/object.");
}

static bool range_read(struct parsing *parsing, const struct json *value,
                       struct swift_slo_entry *entry) {
    struct slice text;
    uint64_t first, len;
    if (value == NULL || json_type(value) == JSON_NULL) return true;
    if (!json_string(value, &text)) return wrong(parsing, "invalid range");
    if (text.len == 0) return true;
    if (slice_find_char(text, ',') < text.len) {
        return wrong(parsing, "multiple ranges (only one allowed)");
    }
    if (!range_parse(text, &entry->range)) return wrong(parsing, "invalid range");
    if (!entry->has_size || swift_slo_resolve(&entry->range, entry->size, &first, &len))
        return true;
    return wrong(parsing, "unsatisfiable range");
}

static bool object_read(struct parsing *parsing, const struct json *value,
                        struct swift_slo_entry *entry) {
    const struct json *etag = json_get(value, "etag");
    if (!json_string(json_get(value, "path"), &entry->path)) {
        return wrong(parsing, "\"path\" must be a string");
    }
    if (etag != NULL && json_type(etag) != JSON_NULL && !json_string(etag, &entry->etag)) {
        return wrong(parsing, "\"etag\" must be a string or null (if provided)");
    }
    if (!path_read(parsing, entry)) return false;
    if (!size_read(parsing, json_get(value, "size_bytes"), entry)) return false;
    if (slice_eq(entry->container, parsing->container) &&
        slice_eq(entry->object, parsing->object)) {
        return wrong(parsing, "manifest must not include itself as a segment");
    }
    return range_read(parsing, json_get(value, "range"), entry);
}

static bool data_read(struct parsing *parsing, const struct json *value,
                      struct swift_slo_entry *entry) {
    struct slice text;
    size_t len = 0;
    bool good = json_string(json_get(value, "data"), &text);
    char *out = arena_alloc(parsing->arena, good ? text.len + 1 : 1);
    if (out == NULL) return false;
    good = good && base64_decode(text, out, text.len + 1, &len);
    if (!good) return wrong(parsing, "data must be valid base64");
    entry->data = slice_of(out, len);
    return len > 0 || wrong(parsing, "too small; each segment must be at least 1 byte.");
}

static bool entry_read(struct parsing *parsing, const struct json *value,
                       struct swift_slo_entry *entry) {
    if (json_type(value) != JSON_OBJECT) return wrong(parsing, "not a JSON object");
    bool is_data = json_get(value, "data") != NULL;
    if (!is_data && json_get(value, "path") == NULL) {
        return wrong(parsing, "expected keys to include one of b'data' or b'path'");
    }
    if (!names_check(parsing, value, is_data)) return false;
    return is_data ? data_read(parsing, value, entry) : object_read(parsing, value, entry);
}

static void slice_keep(struct arena *arena, struct slice *s) {
    if (s->ptr != NULL) *s = arena_dup(arena, *s);
}

/* The document goes; what was read of it stays. */
static void entry_keep(struct arena *arena, struct swift_slo_entry *entry) {
    slice_keep(arena, &entry->path);
    slice_keep(arena, &entry->container);
    slice_keep(arena, &entry->object);
    slice_keep(arena, &entry->etag);
}

/* ---- the list ------------------------------------------------------------------------------- */

static struct status entries_read(struct parsing *parsing, const struct json *list,
                                  struct swift_slo *slo, enum swift_slo_verdict *ret_verdict) {
    bool good = true;
    parsing->count = json_count(list);
    *ret_verdict = SWIFT_SLO_TOO_MANY;
    if (parsing->count > SWIFT_SLO_ENTRIES_MAX) return status_ok();
    slo->entries = arena_calloc(parsing->arena, parsing->count + 1, sizeof *slo->entries);
    if (slo->entries == NULL) return status_of(STATUS_NO_MEMORY);
    JSON_EACH(value, list) {
        struct swift_slo_entry *entry = &slo->entries[slo->count++];
        good &= entry_read(parsing, value, entry);
        slo->object_count += json_get(value, "data") == NULL;
        entry_keep(parsing->arena, entry);
        parsing->index++;
    }
    if (slo->count > 0 && slo->object_count == 0) {
        buf_append_str(parsing->errors,
                       "Inline data segments require at least one object-backed segment.\n");
        good = false;
    }
    *ret_verdict = good ? SWIFT_SLO_GOOD : SWIFT_SLO_ENTRIES_WRONG;
    return arena_ok(parsing->arena);
}

struct status swift_slo_parse(struct arena *arena, struct slice text, struct slice container,
                              struct slice object, struct buf *errors, struct swift_slo *ret_slo,
                              enum swift_slo_verdict *ret_verdict) {
    struct parsing parsing = {
        .arena = arena, .errors = errors, .container = container, .object = object};
    struct swift_slo slo = {0};
    struct json *document = NULL;
    *ret_verdict = SWIFT_SLO_NO_JSON;
    struct status s = json_parse(text, NULL, &document);
    if (status_is(s, STATUS_NO_MEMORY)) return s;
    if (!is_ok(s)) return status_ok();
    *ret_verdict = SWIFT_SLO_NO_LIST;
    if (json_type(document) == JSON_ARRAY) s = entries_read(&parsing, document, &slo, ret_verdict);
    json_free(&document);
    *ret_slo = slo;
    return s;
}
