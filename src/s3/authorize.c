#include "base/check.h"
#include "object/config.h"
#include "object/upload.h"
#include "s3/grants.h"
#include "s3/s3.h"
#include "s3/version_call.h"

static struct status deny(struct s3_call *call) {
    return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
}

static struct status find_bucket(struct s3_call *call, struct slice name,
                                 struct bucket *ret_bucket) {
    struct status found =
        bucket_find(call->service->objects, call->region->name, call->auth.principal.project_id,
                    name, call->arena, call->note, ret_bucket);
    if (!status_is(found, STATUS_NOT_FOUND)) return found;
    s3_refuse_with(call, "BucketName", name);
    return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET, NULL);
}

struct status s3_expect_owner(struct s3_call *call, const char *name, const struct bucket *bucket) {
    struct slice expected = s3_header(call, name);
    if (expected.ptr == NULL || slice_eq(expected, bucket->project_id)) return status_ok();
    return deny(call);
}

/*
 * Who is let in by somebody else's bucket that has its requesters pay says so in the request, and
 * is somebody. Spec: S3 User Guide, "Using Requester Pays general purpose buckets".
 */
static struct status check_payer(struct s3_call *call, const struct bucket *bucket) {
    bool asked;
    const struct principal *principal = &call->auth.principal;
    if (principal->admin || slice_eq(principal->project_id, bucket->project_id)) return status_ok();
    TRY(s3_requester_pays(call, bucket, &asked));
    if (!asked) return status_ok();
    bool pays = slice_eq(s3_header(call, "x-amz-request-payer"), SLICE("requester")) ||
                slice_eq(s3_param(call, "x-amz-request-payer"), SLICE("requester"));
    return pays && !principal->anonymous ? status_ok() : deny(call);
}

/* Who began an upload may see and end it, where nothing else says, and who is still more than a
 * reader. Spec: S3 AbortMultipartUpload. */
static struct status is_initiator(struct s3_call *call, const char *action, bool *ret_is) {
    struct upload upload;
    struct slice user = call->auth.principal.user_id;
    bool of_upload = slice_eq(slice_str(action), SLICE("s3:AbortMultipartUpload")) ||
                     slice_eq(slice_str(action), SLICE("s3:ListMultipartUploadParts"));
    *ret_is = false;
    bool is_member = (call->auth.principal.roles & IDENTITY_ROLE_MEMBER) != 0;
    if (!of_upload || user.len == 0 || !is_member) return status_ok();
    struct status s = upload_find(call->service->objects, &call->bucket, call->key,
                                  s3_param(call, "uploadId"), call->arena, &upload);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    *ret_is = slice_eq(upload.initiator_id, user);
    return status_ok();
}

struct status s3_authorize_question(struct s3_call *call, const struct s3_question *question) {
    struct access_decision decision;
    TRY(s3_decide(call, question, &decision));
    if (decision.allowed) return check_payer(call, question->bucket);
    if (decision.reason == ACCESS_NOTHING_ALLOWS) {
        TRY(is_initiator(call, question->action, &decision.allowed));
        if (decision.allowed) return check_payer(call, question->bucket);
    }
    if (decision.reason != ACCESS_NOTHING_THERE) return deny(call);
    return s3_refuse_no_version(call, question->bucket, question->key, &question->version);
}

static struct status allow(struct s3_call *call, const char *action, const struct bucket *bucket,
                           struct slice key) {
    return s3_authorize_question(
        call, &(struct s3_question){.action = action, .bucket = bucket, .key = key});
}

/* The call's own object, or the version of it that is named. */
static struct status ask_own(struct s3_call *call, struct object_pairs facts,
                             const struct object_pairs *tags) {
    struct s3_question question = {
        .action = s3_version_action(call->op->action, s3_param(call, "versionId")),
        .bucket = &call->bucket,
        .key = call->key,
        .facts = facts,
        .tags = tags};
    TRY(s3_version_of(call, &question.version));
    return s3_authorize_question(call, &question);
}

/* Whether what a document says of an object may decide: then it is read first. */
static struct status awaits_document(struct s3_call *call, bool *ret_awaits) {
    static const char *const names[] = {"PutObjectTagging", "PutObjectRetention",
                                        "PutObjectLegalHold"};
    *ret_awaits = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(call->op->name, names[i]) != 0) continue;
        return s3_bodies_count(call, &call->bucket, ret_awaits);
    }
    return status_ok();
}

struct status s3_authorize_document(struct s3_call *call, struct object_pairs facts,
                                    const struct object_pairs *tags) {
    bool awaits;
    TRY(awaits_document(call, &awaits));
    return awaits ? ask_own(call, facts, tags) : status_ok();
}

static bool sets_list(const struct s3_call *call) {
    for (size_t i = 0; i < call->head->header_count; i++) {
        struct slice name = call->head->headers[i].name;
        bool grants = slice_starts_with_nocase(name, SLICE("x-amz-grant-"));
        if (grants || slice_eq_nocase(name, SLICE("x-amz-acl"))) return true;
    }
    return false;
}

/*
 * Who writes an object may set its list: where lists count it is the writer's own, nobody's
 * included, unless a policy denies that. Where they don't, what a request says of one sets nothing.
 */
static struct status authorize_list(struct s3_call *call) {
    const struct s3_question question = {
        .action = "s3:PutObjectAcl", .bucket = &call->bucket, .key = call->key};
    struct access_decision decision;
    bool count;
    if (!sets_list(call)) return status_ok();
    TRY(s3_lists_count(call, &call->bucket, &count));
    if (!count) return status_ok();
    TRY(s3_decide(call, &question, &decision));
    return decision.reason == ACCESS_POLICY_DENIES ? deny(call) : status_ok();
}

/* Spec: S3 API, PutObject, CopyObject and CreateMultipartUpload, "Permissions". */
struct status s3_authorize_extras(struct s3_call *call) {
    static const struct {
        const char *header;
        const char *action;
    } rows[] = {
        {"x-amz-tagging", "s3:PutObjectTagging"},
        {"x-amz-object-lock-mode", "s3:PutObjectRetention"},
        {"x-amz-object-lock-retain-until-date", "s3:PutObjectRetention"},
        {"x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (s3_header(call, rows[i].header).ptr == NULL) continue;
        TRY(allow(call, rows[i].action, &call->bucket, call->key));
    }
    return authorize_list(call);
}

static bool makes_object(const struct s3_op *op) {
    static const char *const names[] = {"PutObject", "CopyObject", "CreateMultipartUpload"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(op->name, names[i]) == 0) return true;
    }
    return false;
}

static struct status authorize_object(struct s3_call *call) {
    bool awaits;
    TRY(awaits_document(call, &awaits));
    if (awaits) return status_ok();
    TRY(ask_own(call, (struct object_pairs){0}, NULL));
    return makes_object(call->op) ? s3_authorize_extras(call) : status_ok();
}

/* A new bucket and the service are the principal's own; nobody has none. */
static struct status authorize_own(struct s3_call *call) {
    const struct principal *principal = &call->auth.principal;
    struct bucket own = {.project_id = principal->project_id};
    TRY(allow(call, call->op->action, &own, SLICE("")));
    if (call->op->subject != S3_NEW_BUCKET || principal->project_id.len > 0) return status_ok();
    return deny(call);
}

/* A project's own settings are its own affair. */
static struct status authorize_account(struct s3_call *call) {
    struct bucket all = {.project_id = s3_header(call, S3_ACCOUNT_HEADER)};
    return allow(call, call->op->action, &all, SLICE(""));
}

/*
 * The operation asks for each key. Where no policy may speak of one key and not of another, the
 * answer is known for nobody already: a stranger shall not have us read a list for nothing. A form
 * is another matter: who sent it stands in its fields.
 */
static struct status authorize_keys(struct s3_call *call) {
    bool is_settled = call->op->body == S3_BODY_DOCUMENT && call->auth.principal.anonymous &&
                      !bucket_has_config(&call->bucket, BUCKET_CONFIG_POLICY);
    return is_settled ? allow(call, call->op->action, &call->bucket, SLICE("")) : status_ok();
}

struct status s3_authorize(struct s3_call *call) {
    const struct s3_op *op = call->op;
    if (op->action == NULL) return status_ok();
    if (op->subject == S3_SERVICE || op->subject == S3_NEW_BUCKET) return authorize_own(call);
    if (op->subject == S3_ACCOUNT) return authorize_account(call);
    TRY(find_bucket(call, call->bucket_name, &call->bucket));
    TRY(s3_expect_owner(call, "x-amz-expected-bucket-owner", &call->bucket));
    if (op->subject == S3_KEYS) return authorize_keys(call);
    if (op->subject == S3_OBJECT) return authorize_object(call);
    return allow(call, op->action, &call->bucket, call->key);
}

struct status s3_authorize_found(struct s3_call *call, const char *action,
                                 const struct bucket *bucket, const struct object_info *info) {
    const struct s3_question question = {
        .action = action, .bucket = bucket, .key = info->key, .info = info};
    struct access_decision decision;
    bool objects_count;
    TRY(s3_objects_count(call, bucket, &objects_count));
    if (!objects_count) return status_ok();
    TRY(s3_decide(call, &question, &decision));
    return decision.allowed ? status_ok() : deny(call);
}

struct status s3_authorize_other(struct s3_call *call, const char *action, struct slice bucket_name,
                                 struct slice key, const struct object_version *version,
                                 struct bucket *ret_bucket) {
    struct bucket bucket;
    TRY(find_bucket(call, bucket_name, &bucket));
    struct s3_question question = {.action = action, .bucket = &bucket, .key = key};
    struct object_pair fact = {.name = SLICE("s3:VersionId")};
    if (version != NULL) question.version = *version;
    if (question.version.kind != OBJECT_VERSION_CURRENT) {
        fact.value = s3_version_text(call, &question.version);
        question.facts = (struct object_pairs){&fact, 1};
    }
    TRY(s3_authorize_question(call, &question));
    *ret_bucket = bucket;
    return status_ok();
}
