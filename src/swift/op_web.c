/*
 * A container as a web site, for who comes without a token: index and error pages, and listings for
 * people. Every object that is shown on the way is read as if it had been asked for, by
 * run_get_object, which asks whether the reader may.
 */
#include "base/check.h"
#include "base/codec.h"
#include "swift/container.h"
#include "swift/error.h"
#include "swift/listing.h"
#include "swift/ops.h"
#include "swift/visit.h"
#include "swift/web_page.h"

struct web {
    struct swift_call *call;
    struct slice index;
    struct slice error;
    struct slice css;
    struct slice label;
    struct slice directory_type;
    bool lists;   /* listings are shown */
    bool is_site; /* it has an index or speaks of listings */
};

/* ---- what the container says ---------------------------------------------------------------- */

static bool asks_for_pages(const struct swift_call *call) {
    if (call->by_url != NULL) return false;
    return call->principal.anonymous || swift_is_true(swift_header(call, "x-web-mode"));
}

static struct status web_read(struct swift_call *call, struct web *web) {
    struct object_pairs meta;
    TRY(swift_container_meta(call, &call->bucket, &meta));
    struct slice listings = slice_trim(swift_pair(&meta, "web-listings"));
    *web = (struct web){.call = call,
                        .index = slice_trim(swift_pair(&meta, "web-index")),
                        .error = slice_trim(swift_pair(&meta, "web-error")),
                        .css = slice_trim(swift_pair(&meta, "web-listings-css")),
                        .label = slice_trim(swift_pair(&meta, "web-listings-label")),
                        .directory_type = slice_trim(swift_pair(&meta, "web-directory-type")),
                        .lists = swift_is_true(listings)};
    web->is_site = listings.len > 0 || web->index.len > 0;
    if (web->directory_type.len == 0) web->directory_type = SLICE("application/directory");
    return status_ok();
}

/* ---- answers -------------------------------------------------------------------------------- */

/* Takes back an answer, or a refusal, that is not the one that is sent. */
static void forget(struct swift_call *call) {
    if (call->answer.done != NULL) call->answer.done(call);
    call->answer = (struct swift_answer){0};
    call->error = (struct swift_error){0};
    call->response.status = 200;
    call->response.reason = NULL;
    http_response_clear(&call->response);
}

/* Reads another object than the one in the path. */
static struct status get_other(struct swift_call *call, struct slice object) {
    struct slice asked = call->object;
    if (object.len > SWIFT_OBJECT_NAME_MAX) return swift_refuse(call, 404, NULL);
    call->object = object;
    struct status s = run_get_object(call);
    call->object = asked;
    return s;
}

static bool is_missing(const struct swift_call *call, struct status s) {
    return status_is(s, STATUS_REFUSED) && call->error.status == 404;
}

/* 404, with the page that the container has for it, if the reader may see that. */
static struct status answer_missing(const struct web *web) {
    struct swift_call *call = web->call;
    const struct http_head *asked = call->head;
    forget(call);
    if (web->error.len == 0) return swift_refuse(call, 404, NULL);
    struct http_head *plain = ARENA_NEW(call->arena, struct http_head);
    struct slice page = arena_printf(call->arena, "404%.*s", SLICE_FMT(web->error));
    TRY(arena_ok(call->arena));
    /* What the request asks of the object, ranges and conditions, is not asked of the page. */
    plain->method = asked->method;
    call->head = plain;
    struct status s = get_other(call, page);
    call->head = asked;
    if (!is_ok(s)) {
        forget(call);
        return swift_refuse(call, 404, NULL);
    }
    call->response.status = 404;
    call->response.reason = swift_reason(404);
    return status_ok();
}

static bool has_slash(const struct swift_call *call) {
    struct slice path = call->head->path;
    return path.len > 0 && path.ptr[path.len - 1] == '/';
}

static struct status redirect(struct swift_call *call) {
    const struct http_head *head = call->head;
    forget(call);
    http_response_setf(&call->response, "Location", "%s://%.*s%.*s/",
                       call->is_tls ? "https" : "http", SLICE_FMT(head->authority),
                       SLICE_FMT(head->path));
    swift_answer_page(call, 301);
    return arena_ok(call->arena);
}

/* ---- listings ------------------------------------------------------------------------------- */

struct web_listing {
    struct swift_visitor visitor;
    struct swift_web_page page;
};

static bool take_entry(struct swift_visitor *visitor, const struct list_entry *entry) {
    struct web_listing *listing = CONTAINER_OF(visitor, struct web_listing, visitor);
    if (entry->is_prefix) {
        swift_web_page_folder(&listing->page, entry->name);
    } else {
        swift_web_page_file(&listing->page,
                            &(struct swift_web_file){.name = entry->name,
                                                     .type = swift_entry_type(entry),
                                                     .bytes = entry->info.size,
                                                     .modified_ns = entry->info.modified_ns});
    }
    return swift_web_page_has_room(&listing->page);
}

/* What is listed, in words: its path, or the container's label and what follows. */
static struct slice label_of(const struct web *web) {
    const struct swift_call *call = web->call;
    if (web->label.len > 0) {
        return arena_printf(call->arena, "%.*s/%.*s", SLICE_FMT(web->label),
                            SLICE_FMT(call->object));
    }
    return arena_printf(call->arena, "%.*s/%.*s/%.*s/%.*s", SLICE_FMT(call->base),
                        SLICE_FMT(call->account), SLICE_FMT(call->container),
                        SLICE_FMT(call->object));
}

static struct status answer_listing(const struct web *web) {
    struct swift_call *call = web->call;
    struct web_listing listing = {.visitor.visit = take_entry};
    const struct list_query query = {.prefix = call->object,
                                     .delimiter = SLICE("/"),
                                     .max = SWIFT_LISTING_MAX,
                                     .with_headers = true};
    struct buf out;
    forget(call);
    if (!web->lists) return answer_missing(web);
    TRY(swift_authorize_list(call, &call->bucket));
    swift_web_page_begin(&listing.page, call->object);
    struct status s = swift_visit(call, &query, &listing.visitor);
    bool is_empty = listing.page.count == 0 && call->object.len > 0;
    if (!is_ok(s) || is_empty) {
        swift_web_page_drop(&listing.page);
        return is_ok(s) ? answer_missing(web) : s;
    }
    buf_init(&out, 2 * SWIFT_LISTING_BYTES_MAX);
    swift_web_page_end(&listing.page, label_of(web), web->css, &out);
    return swift_answer_document(call, &out, "text/html; charset=UTF-8");
}

static bool stop_at_one(struct swift_visitor *visitor, const struct list_entry *entry) {
    struct web_listing *listing = CONTAINER_OF(visitor, struct web_listing, visitor);
    (void)entry;
    listing->page.count++;
    return false;
}

/* Whether anything lies below a path, for who may list; others are told that nothing does. */
static struct status find_below(struct swift_call *call, bool *ret_found) {
    struct web_listing listing = {.visitor.visit = stop_at_one};
    struct list_query query = {.max = 1};
    *ret_found = false;
    struct status s = swift_authorize_list(call, &call->bucket);
    if (status_is(s, STATUS_REFUSED)) return status_ok();
    TRY(s);
    query.prefix = arena_printf(call->arena, "%.*s/", SLICE_FMT(call->object));
    TRY(arena_ok(call->arena));
    TRY(swift_visit(call, &query, &listing.visitor));
    *ret_found = listing.page.count > 0;
    return status_ok();
}

/* ---- the doors ------------------------------------------------------------------------------ */

struct status run_web_container(struct swift_call *call) {
    struct web web;
    if (!asks_for_pages(call)) return run_get_container(call);
    TRY(web_read(call, &web));
    if (!web.is_site) {
        bool insists = swift_is_true(swift_header(call, "x-web-mode"));
        return insists ? swift_refuse(call, 404, NULL) : run_get_container(call);
    }
    if (!has_slash(call)) return redirect(call);
    if (web.index.len == 0) return answer_listing(&web);
    struct status s = get_other(call, web.index);
    return is_missing(call, s) ? answer_listing(&web) : s;
}

/* Whether what was read stands for a folder: it has its type, and no content. */
static bool is_marker(const struct web *web) {
    struct slice type = http_response_find(&web->call->response, SLICE("Content-Type"));
    return web->call->answer.length <= 1 && slice_eq(type, web->directory_type);
}

/* What is shown in the place of an object that is not there. */
static struct status answer_folder(const struct web *web) {
    struct swift_call *call = web->call;
    bool slash = has_slash(call);
    bool found;
    forget(call);
    if (web->index.len > 0) {
        struct slice index = arena_printf(call->arena, "%.*s%s%.*s", SLICE_FMT(call->object),
                                          slash ? "" : "/", SLICE_FMT(web->index));
        TRY(arena_ok(call->arena));
        struct status s = get_other(call, index);
        if (is_ok(s) && !slash) return redirect(call);
        if (!is_missing(call, s)) return s;
    }
    if (slash) return answer_listing(web);
    TRY(find_below(call, &found));
    return found ? redirect(call) : answer_missing(web);
}

struct status run_web_object(struct swift_call *call) {
    struct web web;
    struct status s = run_get_object(call);
    if (!asks_for_pages(call)) return s;
    bool may_be_marker = is_ok(s) && call->answer.length <= 1;
    if (!may_be_marker && !is_missing(call, s)) return s;
    TRY(web_read(call, &web));
    if (!web.is_site || (is_ok(s) && !is_marker(&web))) return s;
    return answer_folder(&web);
}
