/*
 * GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl, and a bucket's ownership controls, which
 * say whether lists count.
 */
#include "base/check.h"
#include "object/config.h"
#include "s3/acl_call.h"
#include "s3/acl_document.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"
#include "xml/reader.h"

enum { ANSWER_MAX = 256 * 1024, OWNERSHIP_DOCUMENT_MAX = 4096 };

/* ---- lists ---------------------------------------------------------------------------------- */

static struct status answer_acl(struct s3_call *call, const struct acl *acl) {
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    acl_document_write(&writer, acl);
    struct status s = xml_end(&writer);
    if (is_ok(s)) s = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return s;
}

/* The list that is in force: where lists do not count, the bucket's owner has everything. */
struct status op_get_bucket_acl(struct s3_call *call) {
    struct s3_ownership ownership;
    struct acl_owners owners;
    struct acl acl;
    TRY(s3_ownership_read(call, &call->bucket, &ownership));
    TRY(s3_bucket_owners(call, &call->bucket, &owners));
    if (ownership.rule == ACL_OWNER_ENFORCED) {
        TRY(acl_canned(SLICE("private"), &owners, call->arena, &acl));
    } else {
        TRY(s3_acl_of_bucket(call, &call->bucket, &owners, &acl));
    }
    return answer_acl(call, &acl);
}

/*
 * Whether the list is to be kept: not where lists don't count. Spec-deviation: S3 refuses every
 * list there. One of the bucket's owner that says what is so anyway changes nothing and is let
 * pass, since clients put the list of a copy's source on the copy.
 */
static struct status check_lists_count(struct s3_call *call, const struct acl *acl,
                                       const struct acl_owners *owners, bool *ret_count) {
    struct s3_ownership ownership;
    TRY(s3_ownership_read(call, &call->bucket, &ownership));
    *ret_count = ownership.rule != ACL_OWNER_ENFORCED;
    bool own = slice_eq(call->auth.principal.project_id, call->bucket.project_id);
    if (*ret_count || (own && s3_acl_is_as_enforced(call, acl, owners))) return status_ok();
    return s3_refuse(call, S3_ERROR_ACCESS_CONTROL_LIST_NOT_SUPPORTED, NULL);
}

struct status op_put_bucket_acl(struct s3_call *call) {
    struct object_store *objects = call->service->objects;
    struct acl_owners owners;
    struct acl acl;
    struct slice text;
    bool counts;
    TRY(s3_bucket_owners(call, &call->bucket, &owners));
    TRY(s3_acl_of_put(call, &owners, &acl));
    TRY(check_lists_count(call, &acl, &owners, &counts));
    if (!counts) return status_ok();
    TRY(s3_acl_check_public(call, &call->bucket, &acl));
    TRY(s3_acl_store(call, &acl, &text));
    struct status s =
        text.ptr == NULL
            ? bucket_config_delete(objects, &call->bucket, BUCKET_CONFIG_ACL, SLICE(""))
            : bucket_config_put(objects, &call->bucket, BUCKET_CONFIG_ACL, SLICE(""), text);
    return status_is(s, STATUS_NOT_FOUND) ? s3_refuse_bucket_gone(call) : s;
}

/* ---- lists of objects ----------------------------------------------------------------------- */

struct status op_object_acl_check(struct s3_call *call) {
    return s3_version_check(call);
}

/* Finds the version that is meant, and asks again whether what was found may be dealt with. */
static struct status version_find(struct s3_call *call, const struct object_version *version,
                                  struct object_info *ret_info) {
    struct status s = object_find_version(call->service->objects, &call->bucket, call->key, version,
                                          call->arena, ret_info);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return s3_refuse_no_version(call, &call->bucket, call->key, version);
    }
    TRY(s);
    if (ret_info->delete_marker) return s3_refuse_marker(call, ret_info);
    return s3_authorize_found(call,
                              s3_version_action(call->op->action, s3_param(call, "versionId")),
                              &call->bucket, ret_info);
}

struct status op_get_object_acl(struct s3_call *call) {
    struct s3_ownership ownership;
    struct acl_owners owners;
    struct object_version version;
    struct object_info info;
    struct acl acl;
    TRY(s3_version_of(call, &version));
    TRY(version_find(call, &version, &info));
    TRY(s3_ownership_read(call, &call->bucket, &ownership));
    if (ownership.rule == ACL_OWNER_ENFORCED) {
        TRY(s3_bucket_owners(call, &call->bucket, &owners));
        TRY(acl_canned(SLICE("private"), &owners, call->arena, &acl));
    } else {
        TRY(s3_acl_of_object(call, &info, &acl));
    }
    s3_version_answer(call, &info);
    return answer_acl(call, &acl);
}

/* A new list on its way to an object; it is only given to the one it was made for. */
struct relisting {
    struct object_amendment amendment;
    struct slice owner_id;
    struct slice acl;
};

static struct status relist(const struct object_amendment *amendment, const struct object_info *now,
                            struct object_meta *meta) {
    const struct relisting *r = (const struct relisting *)amendment;
    if (!slice_eq(now->meta.owner_id, r->owner_id)) return status_of(STATUS_PRECONDITION);
    meta->acl = r->acl;
    return status_ok();
}

static struct status list_put(struct s3_call *call, const struct relisting *relisting) {
    struct object_info info;
    const struct object_version *version = &relisting->amendment.version;
    struct status s = object_amend(call->service->objects, &call->bucket, &relisting->amendment,
                                   call->arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return s3_refuse_no_version(call, &call->bucket, call->key, version);
    }
    if (status_is(s, STATUS_PRECONDITION) || status_is(s, STATUS_UNSUPPORTED)) {
        return s3_refuse(call, S3_ERROR_OPERATION_ABORTED, NULL); /* replaced meanwhile */
    }
    TRY(s);
    s3_version_answer(call, &info);
    return status_ok();
}

struct status op_put_object_acl(struct s3_call *call) {
    struct relisting relisting = {.amendment = {.key = call->key, .edit = relist}};
    struct acl_owners owners;
    struct object_info info;
    struct acl acl;
    bool counts;
    TRY(s3_version_of(call, &relisting.amendment.version));
    TRY(version_find(call, &relisting.amendment.version, &info));
    TRY(s3_bucket_owners(call, &call->bucket, &owners));
    owners.owner_id = info.meta.owner_id;
    owners.owner_name = info.meta.owner_name;
    TRY(s3_acl_of_put(call, &owners, &acl));
    TRY(check_lists_count(call, &acl, &owners, &counts));
    if (!counts) return status_ok();
    TRY(s3_acl_check_public(call, &call->bucket, &acl));
    relisting.owner_id = owners.owner_id;
    TRY(s3_acl_store(call, &acl, &relisting.acl));
    return list_put(call, &relisting);
}

/* ---- ownership controls --------------------------------------------------------------------- */

static struct status ownership_put(struct s3_call *call, const struct s3_ownership *ownership) {
    struct status s =
        bucket_config_put(call->service->objects, &call->bucket, BUCKET_CONFIG_OWNERSHIP, SLICE(""),
                          s3_ownership_document(ownership));
    return status_is(s, STATUS_NOT_FOUND) ? s3_refuse_bucket_gone(call) : s;
}

static struct status rule_read(struct s3_call *call, enum acl_ownership *ret_rule) {
    struct slice document;
    const struct xml_node *root;
    struct note why = {0};
    TRY(s3_body_document(call, OWNERSHIP_DOCUMENT_MAX, &document));
    struct status s = xml_parse(call->arena, document, NULL, &why, &root);
    if (status_is(s, STATUS_NO_MEMORY)) return s;
    bool is_fine = is_ok(s) && xml_is(root, "OwnershipControls");
    const struct xml_node *rule = is_fine ? xml_child(root, "Rule") : NULL;
    is_fine = rule != NULL && xml_next_same(rule) == NULL &&
              s3_ownership_parse(slice_trim(xml_text(rule, "ObjectOwnership")), ret_rule);
    return is_fine ? status_ok() : s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

/* A bucket that gives others something by its list cannot have lists not count any more. */
static struct status check_list_is_private(struct s3_call *call) {
    struct acl_owners owners;
    struct acl acl;
    struct slice text;
    TRY(s3_bucket_owners(call, &call->bucket, &owners));
    TRY(s3_acl_of_bucket(call, &call->bucket, &owners, &acl));
    TRY(s3_acl_store(call, &acl, &text));
    if (text.ptr == NULL) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_BUCKET_ACL_WITH_OWNERSHIP, NULL);
}

struct status op_put_bucket_ownership_controls(struct s3_call *call) {
    struct s3_ownership ownership = {0};
    TRY(rule_read(call, &ownership.rule));
    if (ownership.rule == ACL_OWNER_ENFORCED) TRY(check_list_is_private(call));
    return ownership_put(call, &ownership);
}

struct status op_get_bucket_ownership_controls(struct s3_call *call) {
    struct s3_ownership ownership;
    struct buf buf;
    struct xml_writer writer;
    TRY(s3_ownership_read(call, &call->bucket, &ownership));
    if (ownership.removed) return s3_refuse(call, S3_ERROR_OWNERSHIP_CONTROLS_NOT_FOUND, NULL);
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open_ns(&writer, "OwnershipControls", XML_NS_S3);
    xml_open(&writer, "Rule");
    xml_element_str(&writer, "ObjectOwnership", s3_ownership_word(ownership.rule));
    xml_close(&writer, "Rule");
    xml_close(&writer, "OwnershipControls");
    struct status s = xml_end(&writer);
    if (is_ok(s)) s = s3_answer_xml(call, &buf);
    buf_fini(&buf);
    return s;
}

/* Without controls lists count, and an object is its writer's. */
struct status op_delete_bucket_ownership_controls(struct s3_call *call) {
    struct s3_ownership ownership = {.removed = true};
    TRY(ownership_put(call, &ownership));
    call->response.status = 204;
    return status_ok();
}
