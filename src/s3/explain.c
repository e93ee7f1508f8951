#include "s3/explain.h"

#include "s3/grants.h"
#include "s3/version_call.h"

static struct status bucket_of(const struct s3_explain *asked, struct s3_call *call) {
    if (asked->service->objects == NULL) {
        call->bucket = (struct bucket){.name = asked->bucket, .project_id = asked->owner};
        return status_ok();
    }
    struct status s =
        bucket_find(asked->service->objects, asked->region->name, asked->principal.project_id,
                    asked->bucket, call->arena, call->note, &call->bucket);
    if (!status_is(s, STATUS_NOT_FOUND)) return s;
    return note_status(call->note, s.code, "there is no bucket '%.*s' in the region %.*s",
                       SLICE_FMT(asked->bucket), SLICE_FMT(asked->region->name));
}

static struct status version_of(const struct s3_explain *asked, struct note *note,
                                struct object_version *ret_version) {
    *ret_version = (struct object_version){.kind = OBJECT_VERSION_CURRENT};
    if (asked->version.len == 0 || object_version_parse(asked->version, ret_version)) {
        return status_ok();
    }
    return note_status(note, STATUS_INVALID, "'%.*s' is no version id",
                       SLICE_FMT(slice_take(asked->version, 80)));
}

/* The action as requests with a version id are judged by. */
static struct status action_of(const struct s3_explain *asked, struct arena *arena,
                               struct note *note, const char **ret_action) {
    struct slice named = asked->version.len > 0 ? asked->version : slice_of(NULL, 0);
    if (!slice_starts_with(asked->action, SLICE("s3:"))) {
        return note_status(note, STATUS_INVALID, "'%.*s' is no action of S3, as s3:GetObject is",
                           SLICE_FMT(slice_take(asked->action, 80)));
    }
    const char *action = arena_cstr(arena, asked->action);
    if (action == NULL) return status_of(STATUS_NO_MEMORY);
    *ret_action = s3_version_action(action, named);
    return status_ok();
}

/* The version's id is a condition key too. */
static struct status facts_of(const struct s3_explain *asked, struct arena *arena,
                              struct object_pairs *ret_facts) {
    size_t count = asked->facts.count;
    struct object_pair *pairs = arena_calloc(arena, count + 1, sizeof *pairs);
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < count; i++) pairs[i] = asked->facts.items[i];
    if (asked->version.len > 0) {
        pairs[count++] = (struct object_pair){SLICE("s3:VersionId"), asked->version};
    }
    *ret_facts = (struct object_pairs){pairs, count};
    return status_ok();
}

struct status s3_explain(const struct s3_explain *asked, struct arena *arena, struct note *note,
                         struct s3_explanation *ret_explanation) {
    const struct http_head head = {0};
    const struct http_query query = {0};
    struct s3_call call = {.service = asked->service,
                           .region = asked->region,
                           .arena = arena,
                           .note = note,
                           .head = &head,
                           .query = &query,
                           .source_ip = asked->source_ip,
                           .is_tls = asked->is_tls,
                           .now_ns = asked->now_ns,
                           .auth = {.principal = asked->principal}};
    struct s3_question question = {.bucket = &call.bucket, .key = asked->key};
    struct s3_explanation explanation;
    TRY(action_of(asked, arena, note, &question.action));
    TRY(version_of(asked, note, &question.version));
    TRY(facts_of(asked, arena, &question.facts));
    TRY(bucket_of(asked, &call));
    if (asked->policy.ptr != NULL) TRY(s3_grants_suppose(&call, &call.bucket, asked->policy));
    TRY(s3_decide(&call, &question, &explanation.decision));
    explanation.owner = call.bucket.project_id;
    explanation.resource = s3_resource_arn(&call, &call.bucket, asked->key);
    TRY(arena_ok(arena));
    *ret_explanation = explanation;
    return status_ok();
}
