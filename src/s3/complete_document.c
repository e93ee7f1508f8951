#include "s3/complete_document.h"

#include "http/condition.h"
#include "s3/checksum_header.h"
#include "xml/reader.h"

/* A part has a number, an ETag and at most one checksum; clients send little else. */
enum { ELEMENTS_PER_PART_MAX = 6 };

static struct slice trimmed(struct slice text) {
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL) text = slice_skip(text, 1);
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL) text.len--;
    return text;
}

/* At most one checksum, of base64 that has its length. */
static struct status checksum_read(const struct xml_node *node, struct note *note,
                                   struct upload_listed_part *part) {
    for (enum checksum_kind kind = 0; kind < CHECKSUM_KIND_COUNT; kind++) {
        struct slice text = trimmed(xml_text(node, s3_checksum_element_name(kind)));
        if (text.len == 0) continue;
        if (part->has_checksum || !checksum_value_parse(kind, text, &part->checksum)) {
            return note_status(note, STATUS_INVALID,
                               "Invalid Base64 or multiple checksums present in request");
        }
        part->has_checksum = true;
    }
    return status_ok();
}

static struct status part_read(const struct xml_node *node, struct note *note,
                               bool *ret_is_argument, struct upload_listed_part *part) {
    uint64_t number;
    struct slice etag = http_etag_unquote(trimmed(xml_text(node, "ETag")));
    if (etag.len == 0 || !xml_u64(node, "PartNumber", &number)) {
        return note_status(note, STATUS_INVALID, "A part lacks its number or its ETag.");
    }
    *ret_is_argument = true;
    if (number < 1 || number > UPLOAD_PART_NUMBER_MAX) {
        return note_status(note, STATUS_INVALID,
                           "Part number must be an integer between 1 and 10000, inclusive");
    }
    part->number = (uint32_t)number;
    part->etag = etag;
    TRY(checksum_read(node, note, part));
    *ret_is_argument = false;
    return status_ok();
}

static size_t part_count(const struct xml_node *root) {
    size_t count = 0;
    const struct xml_node *node = xml_child(root, "Part");
    for (; node != NULL; node = xml_next_same(node)) count++;
    return count;
}

/*
 * Of a part that is listed several times in a row the last counts: a client that sent a part again
 * before the first try had ended lists both.
 *
 * Spec-deviation: S3 says InvalidPartOrder; the S3 test suite of Ceph wants the last.
 */
static void drop_resent(struct s3_part_list *list) {
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool again = i + 1 < list->count && list->parts[i + 1].number == list->parts[i].number;
        if (!again) list->parts[count++] = list->parts[i];
    }
    list->count = count;
}

struct status s3_part_list_read(struct arena *arena, struct source *source, struct note *note,
                                bool *ret_is_argument, struct s3_part_list *ret_list) {
    static const struct xml_limits limits = {
        .bytes_max = S3_PART_LIST_DOCUMENT_MAX,
        .elements_max = (ELEMENTS_PER_PART_MAX + 1) * UPLOAD_PART_NUMBER_MAX + 8,
    };
    const struct xml_node *root;
    *ret_is_argument = false;
    struct status status = xml_read(arena, source, &limits, note, &root);
    if (status_is(status, STATUS_TOO_LARGE)) return status_of(STATUS_INVALID);
    TRY(status);
    size_t count = part_count(root);
    if (!xml_is(root, "CompleteMultipartUpload") || count == 0 || count > UPLOAD_PART_NUMBER_MAX) {
        return note_status(note, STATUS_INVALID, "The document lists no parts, or too many.");
    }
    struct upload_listed_part *parts = arena_calloc(arena, count, sizeof *parts);
    if (parts == NULL) return status_of(STATUS_NO_MEMORY);
    const struct xml_node *node = xml_child(root, "Part");
    for (size_t i = 0; i < count; i++, node = xml_next_same(node)) {
        TRY(part_read(node, note, ret_is_argument, &parts[i]));
    }
    *ret_list = (struct s3_part_list){parts, count};
    drop_resent(ret_list);
    return status_ok();
}
