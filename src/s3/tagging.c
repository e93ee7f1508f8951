#include "s3/tagging.h"

#include "base/codec.h"
#include "xml/reader.h"

/* Tags on their way in. */
struct parse {
    struct arena *arena;
    struct note *note;
    size_t max;
    enum tagging_defect defect;
    struct tag *tags;
    size_t count;
};

static struct status refuse(struct parse *p, enum tagging_defect defect, const char *text) {
    p->defect = defect;
    return note_status(p->note, STATUS_INVALID, "%s", text);
}

static struct status malformed(struct parse *p) {
    return refuse(p, TAGGING_MALFORMED,
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

static size_t count_chars(struct slice text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) count += (text.ptr[i] & 0xc0) != 0x80;
    return count;
}

/* Letters, digits and blanks of any script, and + - = . _ : / @. */
static bool chars_are_allowed(struct slice text) {
    if (!utf8_is_valid(text)) return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool fine = c >= 0x80 || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (c >= '0' && c <= '9') || (c != '\0' && strchr(" +-=._:/@", c) != NULL);
        if (!fine) return false;
    }
    return true;
}

static struct status tag_add(struct parse *p, struct slice key, struct slice value) {
    if (p->count == p->max) {
        p->defect = TAGGING_TOO_MANY;
        return note_status(p->note, STATUS_INVALID, "Object tags cannot be greater than %zu",
                           p->max);
    }
    if (key.len == 0 || count_chars(key) > TAGGING_KEY_CHARS_MAX || !chars_are_allowed(key)) {
        return refuse(p, TAGGING_INVALID, "The TagKey you have provided is invalid");
    }
    if (count_chars(value) > TAGGING_VALUE_CHARS_MAX || !chars_are_allowed(value)) {
        return refuse(p, TAGGING_INVALID, "The TagValue you have provided is invalid");
    }
    if (slice_starts_with_nocase(key, SLICE("aws:"))) {
        return refuse(p, TAGGING_INVALID, "System tags cannot be added/updated by requester");
    }
    for (size_t i = 0; i < p->count; i++) {
        if (slice_eq(p->tags[i].key, key)) {
            return refuse(p, TAGGING_INVALID, "Cannot provide multiple Tags with the same key");
        }
    }
    p->tags[p->count++] = (struct tag){key, value};
    return status_ok();
}

static struct status tags_begin(struct parse *p) {
    p->tags = arena_calloc(p->arena, p->max, sizeof *p->tags);
    return arena_ok(p->arena);
}

static struct status document_read(struct parse *p, struct slice document) {
    const struct xml_node *root;
    struct note why = {0};
    struct status s = xml_parse(p->arena, document, NULL, &why, &root);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) return malformed(p);
    TRY(s);
    const struct xml_node *set = xml_child(root, "TagSet");
    if (!xml_is(root, "Tagging") || set == NULL) return malformed(p);
    const struct xml_node *node = xml_child(set, "Tag");
    for (; node != NULL; node = xml_next_same(node)) {
        if (xml_child(node, "Key") == NULL || xml_child(node, "Value") == NULL) {
            return malformed(p);
        }
        TRY(tag_add(p, xml_text(node, "Key"), xml_text(node, "Value")));
    }
    return status_ok();
}

struct status tagging_parse(struct arena *arena, struct slice document, size_t max,
                            struct note *note, enum tagging_defect *ret_defect,
                            struct tag_set *ret_tags) {
    struct parse p = {.arena = arena, .note = note, .max = max};
    TRY(tags_begin(&p));
    struct status s =
        document.len > TAGGING_DOCUMENT_MAX ? malformed(&p) : document_read(&p, document);
    *ret_defect = p.defect;
    if (is_ok(s)) *ret_tags = (struct tag_set){p.tags, p.count};
    return s;
}

static struct status header_read(struct parse *p, struct slice header) {
    while (header.len > 0) {
        struct slice one;
        struct slice raw_key;
        struct slice raw_value;
        struct slice key;
        struct slice value;
        slice_cut(header, '&', &one, &header);
        if (one.len == 0) continue;
        slice_cut(one, '=', &raw_key, &raw_value);
        if (!percent_decode(p->arena, raw_key, true, &key) ||
            !percent_decode(p->arena, raw_value, true, &value)) {
            return refuse(p, TAGGING_ARGUMENT,
                          "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded "
                          "URL query parameters without tag name duplicates.");
        }
        TRY(tag_add(p, key, value));
    }
    return arena_ok(p->arena);
}

struct status tagging_parse_header(struct arena *arena, struct slice header, size_t max,
                                   struct note *note, enum tagging_defect *ret_defect,
                                   struct tag_set *ret_tags) {
    struct parse p = {.arena = arena, .note = note, .max = max};
    TRY(tags_begin(&p));
    struct status s = header_read(&p, header);
    *ret_defect = p.defect;
    if (is_ok(s)) *ret_tags = (struct tag_set){p.tags, p.count};
    return s;
}

void tagging_write(struct xml_writer *writer, const struct tag_set *tags) {
    xml_open(writer, "TagSet");
    for (size_t i = 0; i < tags->count; i++) {
        xml_open(writer, "Tag");
        xml_element(writer, "Key", tags->items[i].key);
        xml_element(writer, "Value", tags->items[i].value);
        xml_close(writer, "Tag");
    }
    xml_close(writer, "TagSet");
}
