/* Bucket configurations that are validated, kept, and given back as they were given. */
#include "base/check.h"
#include "object/config.h"
#include "s3/cors.h"
#include "s3/ops.h"
#include "s3/tagging.h"
#include "s3/website.h"
#include "xml/reader.h"
#include "xml/writer.h"

enum { LIST_PAGE = 100, LIST_DOCUMENT_MAX = 32 * 1024 * 1024, SMALL_DOCUMENT_MAX = 64 * 1024 };

#define S3_XML "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define S3_XMLNS " xmlns=\"" XML_NS_S3 "\""

/* A kind of configuration, as the door knows it. */
struct kind {
    const char *selector; /* the query parameter that names it */
    enum bucket_config config;
    const char *root;
    bool several; /* one for each ?id= */
    size_t document_max;
    struct status (*validate)(struct s3_call *call, const struct xml_node *root,
                              struct slice document);
    enum s3_error absent; /* what a GET of nothing is; NONE: the default document */
    const char *initial;
};

static struct status malformed(struct s3_call *call) {
    return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

static struct status validate_cors(struct s3_call *call, const struct xml_node *root,
                                   struct slice document) {
    (void)root;
    bool is_malformed;
    struct cors cors;
    struct note why = {0};
    struct status s = cors_parse(call->arena, document, &why, &is_malformed, &cors);
    if (!status_is(s, STATUS_INVALID)) return s;
    return is_malformed ? malformed(call)
                        : s3_refuse(call, S3_ERROR_INVALID_REQUEST, "%s", why.text);
}

static struct status validate_website(struct s3_call *call, const struct xml_node *root,
                                      struct slice document) {
    (void)root;
    bool is_malformed;
    struct website website;
    struct note why = {0};
    struct status s = website_parse(call->arena, document, &why, &is_malformed, &website);
    if (!status_is(s, STATUS_INVALID)) return s;
    return is_malformed ? malformed(call)
                        : s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "%s", why.text);
}

static struct status validate_tagging(struct s3_call *call, const struct xml_node *root,
                                      struct slice document) {
    (void)root;
    enum tagging_defect defect;
    struct tag_set tags;
    struct note why = {0};
    struct status s =
        tagging_parse(call->arena, document, TAGGING_BUCKET_TAGS_MAX, &why, &defect, &tags);
    if (!status_is(s, STATUS_INVALID)) return s;
    if (defect == TAGGING_MALFORMED) return malformed(call);
    return s3_refuse(call, S3_ERROR_INVALID_TAG, "%s", why.text);
}

/* Whether the child has one of the words; a list that ends with NULL. */
static bool is_one_of(const struct xml_node *node, const char *child, const char *const *words) {
    struct slice text = slice_trim(xml_text(node, child));
    for (; *words != NULL; words++) {
        if (slice_eq(text, slice_str(*words))) return true;
    }
    return false;
}

static struct status validate_payer(struct s3_call *call, const struct xml_node *root,
                                    struct slice document) {
    static const char *const payers[] = {"BucketOwner", "Requester", NULL};
    (void)document;
    return is_one_of(root, "Payer", payers) ? status_ok() : malformed(call);
}

static const char *const states[] = {"Enabled", "Suspended", NULL};

static struct status validate_accelerate(struct s3_call *call, const struct xml_node *root,
                                         struct slice document) {
    (void)document;
    if (slice_find_char(call->bucket_name, '.') < call->bucket_name.len) {
        return s3_refuse(call, S3_ERROR_INVALID_REQUEST,
                         "S3 Transfer Acceleration is not supported for buckets with periods (.) "
                         "in their names");
    }
    return is_one_of(root, "Status", states) ? status_ok() : malformed(call);
}

static struct status validate_analytics(struct s3_call *call, const struct xml_node *root,
                                        struct slice document) {
    (void)document;
    return xml_child(root, "StorageClassAnalysis") ? status_ok() : malformed(call);
}

static struct status validate_inventory(struct s3_call *call, const struct xml_node *root,
                                        struct slice document) {
    static const char *const versions[] = {"All", "Current", NULL};
    static const char *const frequencies[] = {"Daily", "Weekly", NULL};
    static const char *const formats[] = {"CSV", "ORC", "Parquet", NULL};
    (void)document;
    const struct xml_node *target =
        xml_child(xml_child(root, "Destination"), "S3BucketDestination");
    bool enabled;
    bool fine = target != NULL && xml_child(target, "Bucket") != NULL &&
                is_one_of(target, "Format", formats) && xml_bool(root, "IsEnabled", &enabled) &&
                is_one_of(root, "IncludedObjectVersions", versions) &&
                is_one_of(xml_child(root, "Schedule"), "Frequency", frequencies);
    return fine ? status_ok() : malformed(call);
}

static struct status validate_metrics(struct s3_call *call, const struct xml_node *root,
                                      struct slice document) {
    (void)call;
    (void)root;
    (void)document;
    return status_ok(); /* an Id is all it needs */
}

static struct status validate_tiering(struct s3_call *call, const struct xml_node *root,
                                      struct slice document) {
    static const char *const on_off[] = {"Enabled", "Disabled", NULL};
    static const char *const tiers[] = {"ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS", NULL};
    (void)document;
    const struct xml_node *tiering = xml_child(root, "Tiering");
    if (tiering == NULL || !is_one_of(root, "Status", on_off)) return malformed(call);
    for (; tiering != NULL; tiering = xml_next_same(tiering)) {
        uint64_t days;
        if (!is_one_of(tiering, "AccessTier", tiers) || !xml_u64(tiering, "Days", &days)) {
            return malformed(call);
        }
    }
    return status_ok();
}

static const struct kind kinds[] = {
    {"cors", BUCKET_CONFIG_CORS, "CORSConfiguration", false, CORS_DOCUMENT_MAX, validate_cors,
     S3_ERROR_NO_SUCH_CORS_CONFIGURATION, NULL},
    {"website", BUCKET_CONFIG_WEBSITE, "WebsiteConfiguration", false, WEBSITE_DOCUMENT_MAX,
     validate_website, S3_ERROR_NO_SUCH_WEBSITE_CONFIGURATION, NULL},
    {"tagging", BUCKET_CONFIG_TAGGING, "Tagging", false, TAGGING_DOCUMENT_MAX, validate_tagging,
     S3_ERROR_NO_SUCH_TAG_SET, NULL},
    {"requestPayment", BUCKET_CONFIG_REQUEST_PAYMENT, "RequestPaymentConfiguration", false,
     SMALL_DOCUMENT_MAX, validate_payer, S3_ERROR_NONE,
     S3_XML "<RequestPaymentConfiguration" S3_XMLNS
            "><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"},
    {"accelerate", BUCKET_CONFIG_ACCELERATE, "AccelerateConfiguration", false, SMALL_DOCUMENT_MAX,
     validate_accelerate, S3_ERROR_NONE, S3_XML "<AccelerateConfiguration" S3_XMLNS "/>"},
    {"analytics", BUCKET_CONFIG_ANALYTICS, "AnalyticsConfiguration", true, SMALL_DOCUMENT_MAX,
     validate_analytics, S3_ERROR_NO_SUCH_CONFIGURATION, NULL},
    {"inventory", BUCKET_CONFIG_INVENTORY, "InventoryConfiguration", true, SMALL_DOCUMENT_MAX,
     validate_inventory, S3_ERROR_NO_SUCH_CONFIGURATION, NULL},
    {"metrics", BUCKET_CONFIG_METRICS, "MetricsConfiguration", true, SMALL_DOCUMENT_MAX,
     validate_metrics, S3_ERROR_NO_SUCH_CONFIGURATION, NULL},
    {"intelligent-tiering", BUCKET_CONFIG_TIERING, "IntelligentTieringConfiguration", true,
     SMALL_DOCUMENT_MAX, validate_tiering, S3_ERROR_NO_SUCH_CONFIGURATION, NULL},
};

/* The kind that the row of the operation is about. */
static const struct kind *kind_of(const struct s3_call *call) {
    struct slice selector;
    struct slice rest;
    slice_cut(slice_str(call->op->selector), '&', &selector, &rest);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_eq(selector, slice_str(kinds[i].selector))) return &kinds[i];
    }
    check_failed("a row of op_config has a kind", __FILE__, __LINE__);
}

struct status op_config_check(struct s3_call *call) {
    const struct kind *kind = kind_of(call);
    struct slice id = s3_param(call, "id");
    if (!kind->several) return status_ok();
    if (id.len > 0 && id.len <= BUCKET_CONFIG_ID_MAX) return status_ok();
    return s3_refuse_argument(call, "id", id, "The configuration id is missing or too long.");
}

/* The id that names the document; empty for kinds without. */
static struct slice id_of(const struct s3_call *call, const struct kind *kind) {
    return kind->several ? s3_param(call, "id") : SLICE("");
}

struct status op_put_config(struct s3_call *call) {
    const struct kind *kind = kind_of(call);
    struct slice document;
    const struct xml_node *root;
    struct note why = {0};
    TRY(s3_body_document(call, kind->document_max, &document));
    struct status s = xml_parse(call->arena, document, NULL, &why, &root);
    if (status_is(s, STATUS_INVALID) || status_is(s, STATUS_TOO_LARGE)) return malformed(call);
    TRY(s);
    if (!xml_is(root, kind->root)) return malformed(call);
    struct slice id = id_of(call, kind);
    if (kind->several && !slice_eq(slice_trim(xml_text(root, "Id")), id)) return malformed(call);
    TRY(kind->validate(call, root, document));
    TRY(bucket_config_put(call->service->objects, &call->bucket, kind->config, id, document));
    bool answers_204 = kind->config == BUCKET_CONFIG_TAGGING;
    call->response.status = answers_204 ? 204 : 200;
    return status_ok();
}

static struct status answer_document(struct s3_call *call, struct slice document) {
    struct buf buf;
    buf_init(&buf, LIST_DOCUMENT_MAX);
    buf_append(&buf, document);
    return s3_answer_xml(call, &buf);
}

struct status op_get_config(struct s3_call *call) {
    const struct kind *kind = kind_of(call);
    struct slice document;
    struct status s = bucket_config_get(call->service->objects, &call->bucket, kind->config,
                                        id_of(call, kind), call->arena, &document);
    if (status_is(s, STATUS_NOT_FOUND) && kind->absent == S3_ERROR_NONE) {
        return answer_document(call, slice_str(kind->initial));
    }
    if (status_is(s, STATUS_NOT_FOUND)) return s3_refuse(call, kind->absent, NULL);
    TRY(s);
    return answer_document(call, document);
}

struct status op_delete_config(struct s3_call *call) {
    const struct kind *kind = kind_of(call);
    struct slice id = id_of(call, kind);
    struct slice document;
    if (kind->several) {
        struct status s = bucket_config_get(call->service->objects, &call->bucket, kind->config, id,
                                            call->arena, &document);
        if (status_is(s, STATUS_NOT_FOUND)) return s3_refuse(call, kind->absent, NULL);
        TRY(s);
    }
    TRY(bucket_config_delete(call->service->objects, &call->bucket, kind->config, id));
    call->response.status = 204;
    return status_ok();
}

/* The root element of a document, without the declaration in front of it. */
static struct slice without_declaration(struct slice document) {
    struct slice text = document;
    while (text.len > 0 && strchr(" \t\r\n", text.ptr[0]) != NULL) text = slice_skip(text, 1);
    if (!slice_starts_with(text, SLICE("<?xml"))) return text;
    size_t end = slice_find(text, SLICE("?>"), 0);
    return end < text.len ? slice_skip(text, end + 2) : text;
}

static struct status write_list(struct s3_call *call, const struct kind *kind,
                                const struct bucket_config_entry *entries, size_t count,
                                bool more) {
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, LIST_DOCUMENT_MAX);
    xml_writer_init(&writer, &buf);
    const char *name =
        arena_cstr(call->arena, arena_printf(call->arena, "ListBucket%sResult", kind->root));
    if (name == NULL) return status_of(STATUS_NO_MEMORY);
    xml_declaration(&writer);
    xml_open_ns(&writer, name, XML_NS_S3);
    xml_element_bool(&writer, "IsTruncated", more);
    struct slice token = s3_param(call, "continuation-token");
    if (token.ptr != NULL) xml_element(&writer, "ContinuationToken", token);
    if (more) xml_element(&writer, "NextContinuationToken", entries[count - 1].id);
    for (size_t i = 0; i < count; i++) buf_append(&buf, without_declaration(entries[i].document));
    xml_close(&writer, name);
    struct status s = xml_end(&writer);
    if (is_ok(s)) s = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return s;
}

struct status op_list_configs(struct s3_call *call) {
    const struct kind *kind = kind_of(call);
    struct bucket_config_entry *entries = arena_calloc(call->arena, LIST_PAGE, sizeof *entries);
    TRY(arena_ok(call->arena));
    size_t count;
    bool more;
    TRY(bucket_config_list(call->service->objects, &call->bucket, kind->config,
                           s3_param(call, "continuation-token"), call->arena, entries, LIST_PAGE,
                           &count, &more));
    return write_list(call, kind, entries, count, more);
}
