#include "s3/delete_document.h"

#include "base/date.h"
#include "xml/reader.h"

enum { ELEMENTS_PER_KEY_MAX = 8 };

static struct status malformed(struct note *note, const char *what) {
    return note_status(note, STATUS_INVALID, "%s", what);
}

static struct status key_read(const struct xml_node *node, struct note *note,
                              struct s3_delete_key *key) {
    struct slice modified = xml_text(node, "LastModifiedTime");
    struct slice version = xml_text(node, "VersionId");
    key->key = xml_text(node, "Key");
    if (key->key.len == 0) return malformed(note, "An object lacks its key.");
    if (version.len > 0) key->version = version;
    key->etag = xml_text(node, "ETag");
    key->has_size = xml_text(node, "Size").ptr != NULL;
    if (key->has_size && !xml_u64(node, "Size", &key->size)) {
        return malformed(note, "A size is no number.");
    }
    key->has_modified = modified.ptr != NULL;
    if (key->has_modified && !date_parse_iso(modified, &key->modified_ns) &&
        !date_parse_http(modified, &key->modified_ns)) {
        return malformed(note, "A time is no time.");
    }
    return status_ok();
}

static size_t key_count(const struct xml_node *root) {
    size_t count = 0;
    const struct xml_node *node = xml_child(root, "Object");
    for (; node != NULL; node = xml_next_same(node)) count++;
    return count;
}

struct status s3_delete_list_read(struct arena *arena, struct source *source, struct note *note,
                                  struct s3_delete_list *ret_list) {
    static const struct xml_limits limits = {
        .bytes_max = S3_DELETE_DOCUMENT_MAX,
        .elements_max = ELEMENTS_PER_KEY_MAX * S3_DELETE_KEYS_MAX,
    };
    const struct xml_node *root;
    struct s3_delete_list list = {0};
    struct status status = xml_read(arena, source, &limits, note, &root);
    if (status_is(status, STATUS_TOO_LARGE)) return status_of(STATUS_INVALID);
    TRY(status);
    list.count = key_count(root);
    if (!xml_is(root, "Delete") || list.count == 0 || list.count > S3_DELETE_KEYS_MAX) {
        return malformed(note, "The document lists no keys, or too many.");
    }
    list.keys = arena_calloc(arena, list.count, sizeof *list.keys);
    if (list.keys == NULL) return status_of(STATUS_NO_MEMORY);
    const struct xml_node *node = xml_child(root, "Object");
    for (size_t i = 0; i < list.count; i++, node = xml_next_same(node)) {
        TRY(key_read(node, note, &list.keys[i]));
    }
    xml_bool(root, "Quiet", &list.quiet);
    *ret_list = list;
    return status_ok();
}
