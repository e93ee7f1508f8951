/*
 * A bucket as a web site, for browsers: pages instead of listings, HTML instead of XML, redirects
 * by rules. Whoever asks is nobody, signed or not. Spec: S3 User Guide, "Website endpoints",
 * "Configuring a custom error document", "Configuring a webpage redirect".
 */
#include "base/check.h"
#include "object/config.h"
#include "object/object.h"
#include "s3/grants.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/s3.h"
#include "s3/website.h"

#define REDIRECT_HEADER SLICE("x-amz-website-redirect-location")

/* A visit: the site, and what was asked for. */
struct visit {
    struct website website;
    struct slice key; /* as asked for */
};

static struct status redirect(struct s3_call *call, const struct website_redirect *to,
                              struct slice prefix, struct slice key) {
    struct slice location =
        website_location(to, prefix, key, call->is_tls, call->head->authority, call->arena);
    TRY(arena_ok(call->arena));
    call->response.status = to->status;
    http_response_set(&call->response, SLICE("Location"), location);
    return status_ok();
}

static struct status read_site(struct s3_call *call, struct visit *visit) {
    struct slice document;
    struct note why = {0};
    bool is_malformed;
    struct status s = bucket_find(call->service->objects, call->region->name, SLICE(""),
                                  call->bucket_name, call->arena, call->note, &call->bucket);
    if (status_is(s, STATUS_NOT_FOUND)) return s3_refuse(call, S3_ERROR_NO_SUCH_BUCKET, NULL);
    TRY(s);
    s = bucket_config_get(call->service->objects, &call->bucket, BUCKET_CONFIG_WEBSITE, SLICE(""),
                          call->arena, &document);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return s3_refuse(call, S3_ERROR_NO_SUCH_WEBSITE_CONFIGURATION, NULL);
    }
    TRY(s);
    s = website_parse(call->arena, document, &why, &is_malformed, &visit->website);
    return status_is(s, STATUS_INVALID) ? status_of(STATUS_CORRUPT) : s;
}

/* Whether an object says that it lies elsewhere; `*ret_there`: then the redirect is the answer. */
static struct status follow_object(struct s3_call *call, bool *ret_there) {
    struct object_info info;
    *ret_there = false;
    TRY(object_find(call->service->objects, &call->bucket, call->key, call->arena, &info));
    for (size_t i = 0; i < info.meta.headers.count; i++) {
        if (!slice_eq(info.meta.headers.items[i].name, REDIRECT_HEADER)) continue;
        call->response.status = 301;
        http_response_set(&call->response, SLICE("Location"), info.meta.headers.items[i].value);
        *ret_there = true;
    }
    return status_ok();
}

/* Serves one key, if nobody may get it. */
static struct status serve_key(struct s3_call *call, struct slice key) {
    struct access_decision decision;
    bool elsewhere;
    call->key = key;
    const struct s3_question question = {
        .action = "s3:GetObject", .bucket = &call->bucket, .key = key};
    TRY(s3_decide(call, &question, &decision));
    if (decision.reason == ACCESS_NOTHING_THERE) return s3_refuse_no_key(call, &call->bucket, key);
    if (!decision.allowed) return s3_refuse(call, S3_ERROR_ACCESS_DENIED, NULL);
    struct status s = follow_object(call, &elsewhere);
    if (is_ok(s) && elsewhere) return s;
    if (is_ok(s) || status_is(s, STATUS_NOT_FOUND)) return op_get_object(call);
    return s;
}

/* Forgets a refusal that something better takes the place of. */
static void forgive(struct s3_call *call) {
    if (call->answer.done != NULL) call->answer.done(call);
    call->answer = (struct s3_answer){0};
    call->error = S3_ERROR_NONE;
    call->detail = (struct s3_error_detail){0};
}

/* Whether nobody may get `key`, and it is there. */
static struct status is_to_be_seen(struct s3_call *call, struct slice key, bool *ret_is) {
    struct access_decision decision;
    struct object_info info;
    const struct s3_question question = {
        .action = "s3:GetObject", .bucket = &call->bucket, .key = key};
    *ret_is = false;
    TRY(s3_decide(call, &question, &decision));
    if (!decision.allowed) return status_ok();
    struct status s = object_find(call->service->objects, &call->bucket, key, call->arena, &info);
    *ret_is = is_ok(s);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

/* "/folder" leads to "/folder/", where that has an index page that may be seen. */
static struct status try_folder(struct s3_call *call, const struct visit *visit,
                                bool *ret_answered) {
    struct slice parts[] = {visit->key, SLICE("/"), visit->website.index_suffix};
    struct slice key = arena_join(call->arena, parts, ARRAY_LEN(parts));
    *ret_answered = false;
    TRY(arena_ok(call->arena));
    bool is_folder = visit->key.len == 0 || visit->key.ptr[visit->key.len - 1] == '/';
    if (is_folder || key.len > OBJECT_KEY_MAX) return status_ok();
    TRY(is_to_be_seen(call, key, ret_answered));
    if (!*ret_answered) return status_ok();
    struct website_redirect to = {.status = 302};
    struct slice folder = slice_take(key, visit->key.len + 1);
    return redirect(call, &to, SLICE(""), folder);
}

/* The site's own error page, with the status of the error. */
static struct status serve_error_page(struct s3_call *call, const struct visit *visit,
                                      enum s3_error error) {
    forgive(call);
    struct status s = serve_key(call, visit->website.error_key);
    if (is_ok(s)) call->response.status = s3_error_http(error);
    if (is_ok(s) || !status_is(s, STATUS_REFUSED)) return s;
    forgive(call);
    call->key = visit->key;
    return s3_refuse(call, error, NULL);
}

/* What takes the place of a page that could not be had. */
static struct status recover(struct s3_call *call, const struct visit *visit) {
    enum s3_error error = call->error;
    bool answered;
    TRY(try_folder(call, visit, &answered));
    const struct website_rule *rule =
        website_rule_match(&visit->website, visit->key, s3_error_http(error));
    if (answered || rule != NULL) forgive(call);
    if (answered) return status_ok();
    if (rule != NULL) return redirect(call, &rule->redirect, rule->key_prefix, visit->key);
    if (visit->website.error_key.ptr != NULL) return serve_error_page(call, visit, error);
    return status_of(STATUS_REFUSED);
}

struct status op_website(struct s3_call *call) {
    struct visit visit = {.key = call->key};
    call->auth.principal = (struct principal){.anonymous = true};
    call->auth.kind = AUTH_ANONYMOUS;
    TRY(read_site(call, &visit));
    const struct website *website = &visit.website;
    if (website->redirects_all) return redirect(call, &website->all, SLICE(""), visit.key);
    const struct website_rule *rule = website_rule_match(website, visit.key, 0);
    if (rule != NULL) return redirect(call, &rule->redirect, rule->key_prefix, visit.key);
    struct status s = serve_key(call, website_index_key(website, visit.key, call->arena));
    bool is_missing = call->error == S3_ERROR_NO_SUCH_KEY || call->error == S3_ERROR_ACCESS_DENIED;
    return status_is(s, STATUS_REFUSED) && is_missing ? recover(call, &visit) : s;
}
