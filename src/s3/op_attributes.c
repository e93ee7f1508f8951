/*
 * GetObjectAttributes: what is asked for of a version, in one document.
 */
#include "object/object.h"
#include "s3/checksum_header.h"
#include "s3/listing.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"

enum { ANSWER_MAX = 1024 * 1024, PARTS_MAX = 1000 };

/* What may be asked for; the names of S3, in the order of the document. */
enum attribute {
    ATTRIBUTE_ETAG,
    ATTRIBUTE_CHECKSUM,
    ATTRIBUTE_PARTS,
    ATTRIBUTE_CLASS,
    ATTRIBUTE_SIZE,
    ATTRIBUTE_COUNT
};

static const char *const names[ATTRIBUTE_COUNT] = {
    [ATTRIBUTE_ETAG] = "ETag",         [ATTRIBUTE_CHECKSUM] = "Checksum",
    [ATTRIBUTE_PARTS] = "ObjectParts", [ATTRIBUTE_CLASS] = "StorageClass",
    [ATTRIBUTE_SIZE] = "ObjectSize",
};

struct wanted {
    bool has[ATTRIBUTE_COUNT];
    uint64_t max_parts;
    uint64_t part_marker;
};

static struct status attribute_read(struct s3_call *call, struct slice name,
                                    struct wanted *wanted) {
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        if (!slice_eq(name, slice_str(names[i]))) continue;
        wanted->has[i] = true;
        return status_ok();
    }
    return s3_refuse_argument(call, "x-amz-object-attributes", name,
                              "Invalid attribute name specified.");
}

/* The header may come several times, each a list. */
static struct status attributes_read(struct s3_call *call, struct wanted *wanted) {
    bool any = false;
    for (size_t i = 0; i < call->head->header_count; i++) {
        const struct http_header *header = &call->head->headers[i];
        if (!slice_eq_nocase(header->name, SLICE("x-amz-object-attributes"))) continue;
        struct slice rest = header->value;
        bool more = rest.len > 0;
        while (more) {
            struct slice name;
            more = slice_cut(rest, ',', &name, &rest);
            TRY(attribute_read(call, slice_trim(name), wanted));
            any = true;
        }
    }
    if (any) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                     "The x-amz-object-attributes header specifying the attributes to be "
                     "retrieved is either missing or empty");
}

static struct status number_read(struct s3_call *call, const char *name, uint64_t *value) {
    struct slice text = s3_header(call, name);
    if (text.ptr == NULL || slice_parse_u64(text, value)) return status_ok();
    return s3_refuse_argument(call, name, text, "Provided value not an integer.");
}

static struct status wanted_read(struct s3_call *call, struct wanted *ret_wanted) {
    struct wanted wanted = {.max_parts = PARTS_MAX};
    TRY(attributes_read(call, &wanted));
    TRY(number_read(call, "x-amz-max-parts", &wanted.max_parts));
    TRY(number_read(call, "x-amz-part-number-marker", &wanted.part_marker));
    if (wanted.max_parts > PARTS_MAX) wanted.max_parts = PARTS_MAX;
    *ret_wanted = wanted;
    return status_ok();
}

struct status op_get_object_attributes_check(struct s3_call *call) {
    struct wanted wanted;
    TRY(s3_check_headers(call));
    TRY(s3_version_check(call));
    return wanted_read(call, &wanted);
}

static void write_checksum(struct s3_call *call, struct xml_writer *xml,
                           const struct object_info *info) {
    if (!info->checksum.present) return;
    xml_open(xml, "Checksum");
    s3_checksum_element(xml, call->arena, &info->checksum, info->part_count);
    xml_element_str(xml, "ChecksumType", s3_checksum_type_name(info->checksum.type));
    xml_close(xml, "Checksum");
}

static void write_part(struct s3_call *call, struct xml_writer *xml, const struct object_info *info,
                       const struct object_part *part) {
    bool composite = info->checksum.present && info->checksum.type == OBJECT_CHECKSUM_COMPOSITE;
    xml_open(xml, "Part");
    xml_element_u64(xml, "PartNumber", part->number);
    xml_element_u64(xml, "Size", part->size);
    if (composite && part->checksum.present) {
        s3_checksum_element(xml, call->arena, &part->checksum, 0);
    }
    xml_close(xml, "Part");
}

/* The first part, counted from 1 in order, whose number is behind the marker. */
static uint32_t first_behind(const struct object_part *parts, uint32_t count, uint64_t marker) {
    uint32_t at = 0;
    while (at < count && parts[at].number <= marker) at++;
    return at;
}

/* Spec: S3 GetObjectAttributes: the parts of an object that was uploaded in parts. */
static struct status write_parts(struct s3_call *call, struct xml_writer *xml,
                                 const struct object_info *info, const struct wanted *wanted) {
    uint32_t count = info->part_count;
    if (count == 0) return status_ok();
    struct object_part *parts = arena_calloc(call->arena, count, sizeof *parts);
    if (parts == NULL) return status_of(STATUS_NO_MEMORY);
    TRY(object_parts_read(call->service->objects, &call->bucket, info, parts));
    uint32_t first = first_behind(parts, count, wanted->part_marker);
    uint32_t end = wanted->max_parts < count - first ? first + (uint32_t)wanted->max_parts : count;
    xml_open(xml, "ObjectParts");
    xml_element_u64(xml, "PartsCount", count);
    xml_element_u64(xml, "PartNumberMarker", wanted->part_marker);
    xml_element_u64(xml, "NextPartNumberMarker",
                    end > first ? parts[end - 1].number : wanted->part_marker);
    xml_element_u64(xml, "MaxParts", wanted->max_parts);
    xml_element_bool(xml, "IsTruncated", end < count);
    for (uint32_t i = first; i < end; i++) write_part(call, xml, info, &parts[i]);
    xml_close(xml, "ObjectParts");
    return status_ok();
}

static struct status write_attributes(struct s3_call *call, struct xml_writer *xml,
                                      const struct object_info *info, const struct wanted *wanted) {
    struct slice class = info->meta.storage_class;
    xml_declaration(xml);
    xml_open_ns(xml, "GetObjectAttributesResponse", XML_NS_S3);
    /* Without quotation marks, other than everywhere else in S3. */
    if (wanted->has[ATTRIBUTE_ETAG]) xml_element(xml, "ETag", info->etag);
    if (wanted->has[ATTRIBUTE_CHECKSUM]) write_checksum(call, xml, info);
    if (wanted->has[ATTRIBUTE_PARTS]) TRY(write_parts(call, xml, info, wanted));
    if (wanted->has[ATTRIBUTE_CLASS]) {
        xml_element(xml, "StorageClass", class.len > 0 ? class : SLICE("STANDARD"));
    }
    if (wanted->has[ATTRIBUTE_SIZE]) xml_element_u64(xml, "ObjectSize", info->size);
    xml_close(xml, "GetObjectAttributesResponse");
    return xml_end(xml);
}

struct status op_get_object_attributes(struct s3_call *call) {
    struct wanted wanted;
    struct object_info info;
    struct xml_writer xml;
    struct buf text;
    TRY(wanted_read(call, &wanted));
    TRY(s3_version_find(call, &info));
    s3_version_answer(call, &info);
    http_response_set_date(&call->response, "Last-Modified", info.modified_ns);
    buf_init(&text, ANSWER_MAX);
    xml_writer_init(&xml, &text);
    struct status s = write_attributes(call, &xml, &info, &wanted);
    if (is_ok(s)) return s3_answer_xml(call, &text);
    buf_fini(&text);
    return s;
}
