#include "base/check.h"
#include "object/config.h"
#include "s3/acl_call.h"
#include "s3/ops.h"
#include "xml/reader.h"
#include "xml/writer.h"

enum { CONFIGURATION_MAX = 64 * 1024, LOCATION_DOCUMENT_MAX = 4096 };

/* ---- CreateBucket: headers ------------------------------------------------------------------ */

/* A header of CreateBucket: the value that says what is so anyway, and what hink does not have. */
struct known_header {
    const char *name;
    const char *harmless;
    const char *const *unavailable;
};

static const char *const other_namespaces[] = {"account-regional", NULL};

static const struct known_header known_headers[] = {
    {"x-amz-bucket-namespace", "global", other_namespaces},
};

static struct status check_known_header(struct s3_call *call, const struct known_header *known) {
    struct slice value = s3_header(call, known->name);
    if (value.ptr == NULL || slice_eq_nocase(value, slice_str(known->harmless))) return status_ok();
    for (size_t i = 0; known->unavailable[i] != NULL; i++) {
        if (slice_eq(value, slice_str(known->unavailable[i]))) {
            return s3_refuse_header_value(call, known->name, value);
        }
    }
    return s3_refuse_argument(call, known->name, value, "The header has no such value.");
}

/* Spec: S3 CreateBucket, x-amz-bucket-object-lock-enabled. */
static struct status wants_lock(struct s3_call *call, bool *ret_wants) {
    static const char name[] = "x-amz-bucket-object-lock-enabled";
    struct slice value = s3_header(call, name);
    *ret_wants = slice_eq_nocase(value, SLICE("true"));
    if (value.ptr == NULL || *ret_wants || slice_eq_nocase(value, SLICE("false"))) {
        return status_ok();
    }
    return s3_refuse_argument(call, name, value, "The header has no such value.");
}

/* Where the writer owns by default there are no controls, as at S3 before there were any. */
static struct status ownership_of(struct s3_call *call, struct s3_ownership *ret_ownership) {
    struct slice word = s3_header(call, "x-amz-object-ownership");
    *ret_ownership = (struct s3_ownership){.rule = call->service->object_ownership};
    ret_ownership->removed = word.ptr == NULL && ret_ownership->rule == ACL_OBJECT_WRITER;
    if (word.ptr == NULL || s3_ownership_parse(word, &ret_ownership->rule)) return status_ok();
    return s3_refuse_argument(call, "x-amz-object-ownership", word,
                              "The header has no such value.");
}

struct status op_create_bucket_check(struct s3_call *call) {
    struct s3_ownership ownership;
    bool locks;
    TRY(wants_lock(call, &locks));
    for (size_t i = 0; i < ARRAY_LEN(known_headers); i++) {
        TRY(check_known_header(call, &known_headers[i]));
    }
    return ownership_of(call, &ownership);
}

/* ---- CreateBucket: whose, and for whom ------------------------------------------------------- */

enum { DOCUMENTS_MAX = 3 };

/* The block of new buckets, where the zone has one. */
#define BLOCK_ALL                                                                          \
    "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>"              \
    "<IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>" \
    "<RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"

/* The list that the request gives the bucket; empty for one that is the owner's alone. */
static struct status list_of(struct s3_call *call, enum acl_ownership rule,
                             struct slice *ret_text) {
    struct acl_owners owners = {0};
    struct acl acl;
    bool present;
    s3_owner(call, &owners.owner_id, &owners.owner_name);
    owners.bucket_owner_id = owners.owner_id;
    owners.bucket_owner_name = owners.owner_name;
    *ret_text = (struct slice){0};
    TRY(s3_acl_of_headers(call, &owners, &present, &acl));
    if (!present) return status_ok();
    TRY(s3_acl_store(call, &acl, ret_text));
    if (ret_text->ptr != NULL && rule == ACL_OWNER_ENFORCED) {
        return s3_refuse(call, S3_ERROR_INVALID_BUCKET_ACL_WITH_OWNERSHIP, NULL);
    }
    if (call->service->block_public_access && acl_is_public(&acl)) {
        return s3_refuse(call, S3_ERROR_INVALID_BUCKET_ACL_WITH_BLOCK, NULL);
    }
    return s3_acl_check_public(call, &(struct bucket){.project_id = owners.owner_id}, &acl);
}

/* The documents that the bucket begins with: ownership, where it is not the default, list, block.
 */
static struct status documents_of(struct s3_call *call, struct bucket_document *documents,
                                  size_t *ret_count) {
    struct s3_ownership ownership;
    struct slice list;
    size_t count = 0;
    TRY(ownership_of(call, &ownership));
    TRY(list_of(call, ownership.rule, &list));
    if (ownership.rule != ACL_OWNER_ENFORCED) {
        documents[count++] =
            (struct bucket_document){BUCKET_CONFIG_OWNERSHIP, s3_ownership_document(&ownership)};
    }
    if (list.ptr != NULL) documents[count++] = (struct bucket_document){BUCKET_CONFIG_ACL, list};
    if (call->service->block_public_access) {
        documents[count++] =
            (struct bucket_document){BUCKET_CONFIG_PUBLIC_ACCESS, SLICE(BLOCK_ALL)};
    }
    *ret_count = count;
    return status_ok();
}

/* ---- CreateBucket: where -------------------------------------------------------------------- */

static const struct s3_region *find_region(const struct s3_service *service, struct slice name) {
    for (size_t i = 0; i < service->region_count; i++) {
        if (slice_eq(service->regions[i].name, name)) return &service->regions[i];
    }
    return NULL;
}

static bool offers(const struct s3_region *region, struct slice policy) {
    for (size_t i = 0; i < region->policy_count; i++) {
        if (slice_eq(region->policies[i].name, policy)) return true;
    }
    return false;
}

static bool any_region_offers(const struct s3_service *service, struct slice policy) {
    for (size_t i = 0; i < service->region_count; i++) {
        if (offers(&service->regions[i], policy)) return true;
    }
    return false;
}

/* "gp.archive, gp.recurring" */
static struct slice policy_list(struct s3_call *call) {
    struct slice list = slice_of("", 0);
    for (size_t i = 0; i < call->region->policy_count; i++) {
        list = arena_printf(call->arena, "%.*s%s%.*s", SLICE_FMT(list), i > 0 ? ", " : "",
                            SLICE_FMT(call->region->policies[i].name));
    }
    return list;
}

/* What a client wrote, short enough to be repeated to it. */
static struct slice shown(struct slice text) {
    return slice_take(text, 80);
}

static struct status refuse_region(struct s3_call *call, struct slice constraint,
                                   struct slice region) {
    s3_refuse_with(call, "LocationConstraint", constraint);
    if (find_region(call->service, region) != NULL) {
        return s3_refuse(call, S3_ERROR_INVALID_LOCATION_CONSTRAINT,
                         "Region \"%.*s\" has an endpoint of its own; this one serves region "
                         "\"%.*s\".",
                         SLICE_FMT(region), SLICE_FMT(call->region->name));
    }
    if (any_region_offers(call->service, region)) {
        return s3_refuse(call, S3_ERROR_INVALID_LOCATION_CONSTRAINT,
                         "\"%.*s\" is a storage policy, not a region; \":%.*s\" asks for it.",
                         SLICE_FMT(region), SLICE_FMT(region));
    }
    return s3_refuse(call, S3_ERROR_INVALID_LOCATION_CONSTRAINT,
                     "There is no region \"%.*s\"; this endpoint serves region \"%.*s\".",
                     SLICE_FMT(shown(region)), SLICE_FMT(call->region->name));
}

static struct status refuse_policy(struct s3_call *call, struct slice constraint,
                                   struct slice policy) {
    struct slice list = policy_list(call);
    s3_refuse_with(call, "LocationConstraint", constraint);
    if (any_region_offers(call->service, policy)) {
        return s3_refuse(call, S3_ERROR_INVALID_LOCATION_CONSTRAINT,
                         "Region \"%.*s\" does not offer storage policy \"%.*s\"; it offers: %.*s.",
                         SLICE_FMT(call->region->name), SLICE_FMT(policy), SLICE_FMT(list));
    }
    return s3_refuse(call, S3_ERROR_INVALID_LOCATION_CONSTRAINT,
                     "There is no storage policy \"%.*s\"; region \"%.*s\" offers: %.*s.",
                     SLICE_FMT(shown(policy)), SLICE_FMT(call->region->name), SLICE_FMT(list));
}

/* REGION, REGION:POLICY, :POLICY, REGION: and nothing at all. */
static struct status policy_of_constraint(struct s3_call *call, struct slice constraint,
                                          struct slice *ret_policy) {
    struct slice region;
    struct slice policy;
    slice_cut(constraint, ':', &region, &policy);
    if (region.len > 0 && !slice_eq(region, call->region->name)) {
        return refuse_region(call, constraint, region);
    }
    if (policy.len == 0) policy = call->region->default_policy;
    if (!offers(call->region, policy)) return refuse_policy(call, constraint, policy);
    *ret_policy = policy;
    return status_ok();
}

/* ---- CreateBucket: document ----------------------------------------------------------------- */

static struct status refuse_element(struct s3_call *call, const struct xml_node *node) {
    bool is_known = xml_is(node, "Location") || xml_is(node, "Bucket") || xml_is(node, "Tags");
    if (!is_known) return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
    return s3_refuse(call, S3_ERROR_NOT_IMPLEMENTED,
                     "The element %.*s of CreateBucketConfiguration is not implemented.",
                     SLICE_FMT(node->name));
}

static struct status constraint_of_document(struct s3_call *call, struct slice document,
                                            struct slice *ret_constraint) {
    const struct xml_node *root;
    struct status parsed = xml_parse(call->arena, document, NULL, call->note, &root);
    if (status_is(parsed, STATUS_NO_MEMORY)) return parsed;
    if (!is_ok(parsed) || !xml_is(root, "CreateBucketConfiguration")) {
        return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
    }
    for (const struct xml_node *node = root->first_child; node != NULL; node = node->next) {
        bool is_repeated = xml_next_same(node) != NULL;
        if (!xml_is(node, "LocationConstraint")) return refuse_element(call, node);
        if (is_repeated || node->first_child != NULL) {
            return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
        }
    }
    *ret_constraint = xml_text(root, "LocationConstraint");
    return status_ok();
}

static struct status refuse_existing(struct s3_call *call, const struct bucket *there) {
    bool is_own = slice_eq(there->project_id, call->auth.principal.project_id);
    return s3_refuse(
        call, is_own ? S3_ERROR_BUCKET_ALREADY_OWNED_BY_YOU : S3_ERROR_BUCKET_ALREADY_EXISTS, NULL);
}

static struct status create(struct s3_call *call, struct slice policy) {
    const struct principal *principal = &call->auth.principal;
    struct bucket_document documents[DOCUMENTS_MAX];
    size_t document_count;
    TRY(documents_of(call, documents, &document_count));
    struct bucket_wanted wanted = {
        .name = call->bucket_name,
        .region = call->region->name,
        .project_id = principal->project_id,
        .owner_id = principal->user_id,
        .owner_name = principal->user_name,
        .policy = policy,
        .claim_s3_name = true,
        .buckets_max = call->service->buckets_per_project,
        .documents = documents,
        .document_count = document_count,
    };
    TRY(wants_lock(call, &wanted.object_lock));
    struct status created =
        bucket_create(call->service->objects, &wanted, call->arena, call->note, &call->bucket);
    if (status_is(created, STATUS_EXISTS)) return refuse_existing(call, &call->bucket);
    if (status_is(created, STATUS_TOO_LARGE)) {
        return s3_refuse(call, S3_ERROR_TOO_MANY_BUCKETS, NULL);
    }
    return created;
}

struct status op_create_bucket(struct s3_call *call) {
    struct slice document;
    struct slice constraint = {0};
    struct slice policy = {0};
    TRY(s3_body_document(call, CONFIGURATION_MAX, &document));
    if (document.len > 0) TRY(constraint_of_document(call, document, &constraint));
    TRY(policy_of_constraint(call, constraint, &policy));
    TRY(create(call, policy));
    http_response_setf(&call->response, "Location", "/%.*s", SLICE_FMT(call->bucket_name));
    return status_ok();
}

/* ---- the others ------------------------------------------------------------------------------ */

struct status op_head_bucket(struct s3_call *call) {
    http_response_set(&call->response, SLICE("x-amz-bucket-region"), call->bucket.region);
    http_response_set_str(&call->response, "x-amz-access-point-alias", "false");
    if (s3_param(call, "read-stats").ptr == NULL) return status_ok();
    /* The Ceph gateway's way to ask for the size of a bucket, and for the project's quota. */
    struct bucket_usage usage;
    TRY(bucket_usage_read(call->service->objects, &call->bucket, &usage));
    http_response_set_u64(&call->response, "X-RGW-Object-Count", usage.objects);
    http_response_set_u64(&call->response, "X-RGW-Bytes-Used", usage.bytes);
    uint64_t quota = call->service->buckets_per_project;
    if (quota != UINT64_MAX) {
        http_response_set_u64(&call->response, "X-RGW-Quota-Max-Buckets", quota);
    }
    return status_ok();
}

struct status op_delete_bucket(struct s3_call *call) {
    struct status deleted = bucket_delete(call->service->objects, &call->bucket, call->note);
    if (status_is(deleted, STATUS_CONFLICT)) {
        return s3_refuse(call, S3_ERROR_BUCKET_NOT_EMPTY, NULL);
    }
    if (status_is(deleted, STATUS_NOT_FOUND)) {
        return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET, NULL);
    }
    TRY(deleted);
    call->response.status = 204;
    return status_ok();
}

struct status op_get_bucket_location(struct s3_call *call) {
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, LOCATION_DOCUMENT_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open_ns(&writer, "LocationConstraint", XML_NS_S3);
    xml_write_text(&writer, call->bucket.region);
    xml_close(&writer, "LocationConstraint");
    IGNORE_STATUS(xml_end(&writer)); /* s3_answer_xml tells */
    return s3_answer_xml(call, &buf);
}
