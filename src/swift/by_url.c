#include "swift/by_url.h"

#include "base/check.h"
#include "base/date.h"
#include "object/account.h"
#include "swift/container.h"
#include "swift/route.h"

static struct status refuse_url(struct swift_call *call) {
    bool is_head = call->head->method == HTTP_HEAD;
    struct status s =
        swift_refuse(call, 401, "%s", is_head ? "" : "401 Unauthorized: Temp URL invalid\n");
    call->error.nobodys = true;
    return s;
}

/* ---- keys ----------------------------------------------------------------------------------- */

struct status swift_url_keys(struct swift_call *call, struct slice *keys) {
    struct account account;
    struct bucket bucket;
    struct object_pairs meta;
    memset(keys, 0, SWIFT_TEMPURL_KEYS_MAX * sizeof *keys);
    TRY(account_read(call->service->objects, call->project_id, call->arena, &account));
    keys[0] = swift_pair(&account.meta, "temp-url-key");
    keys[1] = swift_pair(&account.meta, "temp-url-key-2");
    struct status s = swift_container_find(call, call->project_id, call->container, &bucket);
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    TRY(swift_container_meta(call, &bucket, &meta));
    keys[SWIFT_URL_CONTAINER_KEYS] = swift_pair(&meta, "temp-url-key");
    keys[SWIFT_URL_CONTAINER_KEYS + 1] = swift_pair(&meta, "temp-url-key-2");
    return status_ok();
}

/* ---- whom the URL makes --------------------------------------------------------------------- */

void swift_url_principal(struct swift_call *call, bool of_container) {
    call->principal = (struct principal){.user_id = SLICE(".wsgi.tempurl"),
                                         .user_name = SLICE(".wsgi.tempurl"),
                                         .project_id = call->project_id,
                                         .roles = IDENTITY_ROLE_MEMBER | IDENTITY_ROLE_READER};
    call->url_reach = of_container ? SWIFT_REACH_CONTAINER : SWIFT_REACH_ACCOUNT;
}

bool swift_url_reaches(const struct swift_call *call, const struct bucket *bucket) {
    if (call->url_reach == SWIFT_REACH_ALL) return true;
    if (!slice_eq(bucket->project_id, call->project_id)) return false;
    return call->url_reach == SWIFT_REACH_ACCOUNT || slice_eq(bucket->name, call->container);
}

/* Only what is the URL's own stays of the query; the operation is found anew. */
static struct status strip_query(struct swift_call *call) {
    static const char *const kept[] = {"temp_url_sig",      "temp_url_expires", "temp_url_prefix",
                                       "temp_url_ip_range", "filename",         "inline"};
    struct http_query *query = ARENA_NEW(call->arena, struct http_query);
    if (query == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        const struct http_param *param = http_query_find(call->query, slice_str(kept[i]));
        if (param != NULL) query->params[query->count++] = *param;
    }
    call->query = query;
    call->op = swift_op_find(call, SWIFT_OBJECT, call->head->method);
    return call->op != NULL ? status_ok() : refuse_url(call);
}

/*
 * Spec-deviation: X-Copy-From is refused too; with it an upload would read what its URL was not
 * signed for.
 */
static struct status headers_check(struct swift_call *call) {
    static const char *const refused[] = {"X-Object-Manifest", "X-Symlink-Target", "X-Copy-From"};
    if (call->head->method == HTTP_GET || call->head->method == HTTP_HEAD) return status_ok();
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (swift_header(call, refused[i]).ptr == NULL) continue;
        return swift_refuse(call, 400, "The header '%s' is not allowed in this tempurl",
                            refused[i]);
    }
    return status_ok();
}

/* ---- proof ---------------------------------------------------------------------------------- */

/* Paths are signed as Swift has them, and, where the endpoint has another, as that has them. */
static struct status verify(struct swift_call *call, const struct swift_tempurl *tempurl,
                            bool *ret_good, size_t *ret_key) {
    struct slice keys[SWIFT_TEMPURL_KEYS_MAX];
    const struct slice bases[] = {SLICE("/v1"), call->base};
    TRY(swift_url_keys(call, keys));
    *ret_good = false;
    for (size_t i = 0; i < ARRAY_LEN(bases) && !*ret_good; i++) {
        const struct swift_tempurl_request request = {
            .method = call->head->method,
            .before = arena_printf(call->arena, "%.*s/%.*s/%.*s/", SLICE_FMT(bases[i]),
                                   SLICE_FMT(call->account), SLICE_FMT(call->container)),
            .object = call->object};
        *ret_good =
            swift_tempurl_verify(tempurl, &request, keys, ARRAY_LEN(keys), call->arena, ret_key);
    }
    return arena_ok(call->arena);
}

struct status swift_url_authenticate(struct swift_call *call) {
    struct swift_by_url *by_url = ARENA_NEW(call->arena, struct swift_by_url);
    size_t key = 0;
    bool good;
    if (by_url == NULL) return status_of(STATUS_NO_MEMORY);
    struct swift_tempurl *tempurl = &by_url->tempurl;
    if (call->object.len == 0 || call->project_id.len == 0) return refuse_url(call);
    if (!swift_tempurl_read(call->query, call->now_ns / NS_PER_S, tempurl)) return refuse_url(call);
    if (tempurl->ip_range.ptr != NULL &&
        !swift_tempurl_ip_fits(tempurl->ip_range, call->source_ip)) {
        return refuse_url(call);
    }
    TRY(verify(call, tempurl, &good, &key));
    if (!good) return refuse_url(call);
    by_url->of_container = key >= SWIFT_URL_CONTAINER_KEYS;
    TRY(headers_check(call));
    TRY(strip_query(call));
    swift_url_principal(call, by_url->of_container);
    call->by_url = by_url;
    return status_ok();
}

/* ---- answer --------------------------------------------------------------------------------- */

/* What metadata the owner keeps for the account is not told, but for what is public by its name. */
static void hide_meta(struct http_response *response) {
    size_t kept = 0;
    for (size_t i = 0; i < response->header_count; i++) {
        struct slice name = response->headers[i].name;
        bool is_meta = slice_starts_with_nocase(name, SLICE("x-object-meta-"));
        bool is_public = slice_starts_with_nocase(name, SLICE("x-object-meta-public-"));
        if (is_meta && !is_public) continue;
        response->headers[kept++] = response->headers[i];
    }
    response->header_count = kept;
}

/* The last part of a path. */
static struct slice base_name(struct slice path) {
    while (path.len > 0 && path.ptr[path.len - 1] == '/') path = slice_take(path, path.len - 1);
    size_t at = path.len;
    while (at > 0 && path.ptr[at - 1] != '/') at--;
    return slice_skip(path, at);
}

static void say_disposition(struct swift_call *call, const struct swift_tempurl *tempurl) {
    static const char *const name = "Content-Disposition";
    struct slice own = http_response_find(&call->response, slice_str(name));
    struct slice value = own;
    if (tempurl->filename.len > 0) {
        value = swift_disposition(call->arena, tempurl->is_inline ? "inline" : "attachment",
                                  tempurl->filename);
    } else if (tempurl->is_inline) {
        value = SLICE("inline");
    } else if (own.len == 0) {
        value = swift_disposition(call->arena, "attachment", base_name(call->object));
    }
    http_response_set(&call->response, slice_str(name), value);
}

struct status swift_url_answer(struct swift_call *call) {
    const struct swift_tempurl *tempurl = &call->by_url->tempurl;
    enum http_method method = call->head->method;
    hide_meta(&call->response);
    if (method != HTTP_GET && method != HTTP_HEAD) return status_ok();
    say_disposition(call, tempurl);
    int64_t expires_s =
        tempurl->expires_s < OBJECT_DELETE_AT_MAX ? tempurl->expires_s : OBJECT_DELETE_AT_MAX - 1;
    http_response_set_date(&call->response, "Expires", expires_s * NS_PER_S);
    return arena_ok(call->arena);
}
