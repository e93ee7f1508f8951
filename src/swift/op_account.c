/* Accounts: what they hold, and what is said about them. */
#include "base/check.h"
#include "swift/account.h"
#include "swift/container.h"
#include "swift/listing.h"
#include "swift/meta.h"
#include "swift/ops.h"

enum { PAGE = 100 };

/* What an account's containers come to, with one storage policy or all. */
struct totals {
    uint64_t containers;
    uint64_t objects;
    uint64_t bytes;
};

static void say_totals(struct swift_call *call, const char *prefix, const struct totals *totals) {
    const struct {
        const char *word;
        uint64_t value;
    } said[] = {{"Container-Count", totals->containers},
                {"Object-Count", totals->objects},
                {"Bytes-Used", totals->bytes}};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct slice name = arena_printf(call->arena, "%s%s", prefix, said[i].word);
        if (name.len > 0) http_response_set_u64(&call->response, name.ptr, said[i].value);
    }
}

static void totals_add(struct totals *totals, const struct bucket_usage *usage) {
    totals->containers++;
    totals->objects += usage->objects;
    totals->bytes += usage->bytes;
}

/* Walks the account's containers; each page in memory of its own. */
struct walk {
    struct swift_call *call;
    bool reverse;
    struct slice prefix;
    struct slice from; /* behind it, or before it */
    struct bucket *page;
    size_t count;
    size_t at;
    bool more;
    struct arena arena;
    char name[BUCKET_NAME_MAX + 1];
};

static struct status walk_begin(struct swift_call *call, struct walk *walk) {
    enum { BLOCK = 64 * 1024, MEMORY_MAX = 4 * 1024 * 1024 };
    *walk = (struct walk){.call = call, .more = true};
    walk->page = arena_calloc(call->arena, PAGE, sizeof *walk->page);
    arena_init(&walk->arena, BLOCK, MEMORY_MAX);
    return arena_ok(call->arena);
}

static void walk_end(struct walk *walk) {
    arena_fini(&walk->arena);
}

/* Goes on behind `name`, or before it; `name` may be of the page. */
static void walk_go(struct walk *walk, struct slice name) {
    CHECK(name.len < sizeof walk->name);
    memmove(walk->name, name.ptr, name.len);
    walk->from = slice_of(walk->name, name.len);
}

/* Skips all that begin with `prefix`. */
static void walk_skip(struct walk *walk, struct slice prefix) {
    walk_go(walk, prefix);
    /* Names are UTF-8, in which that byte does not occur. */
    if (!walk->reverse) walk->name[walk->from.len++] = (char)0xff;
    walk->count = walk->at = 0;
    walk->more = true;
}

static struct status walk_next(struct walk *walk, const struct bucket **ret_bucket) {
    struct swift_call *call = walk->call;
    *ret_bucket = NULL;
    if (walk->at == walk->count) {
        if (!walk->more) return status_ok();
        arena_reset(&walk->arena);
        TRY((walk->reverse ? bucket_list_back : bucket_list)(
            call->service->objects, call->region->name, call->project_id, walk->prefix, walk->from,
            &walk->arena, walk->page, PAGE, &walk->count, &walk->more));
        walk->at = 0;
        if (walk->count == 0) return status_ok();
        walk_go(walk, walk->page[walk->count - 1].name);
    }
    *ret_bucket = &walk->page[walk->at++];
    return status_ok();
}

/* ---- counters ------------------------------------------------------------------------------- */

static struct status sum(struct swift_call *call, struct walk *walk, struct totals *all,
                         struct totals *of_policy) {
    const struct swift_region *region = call->region;
    const struct bucket *bucket;
    TRY(walk_next(walk, &bucket));
    while (bucket != NULL) {
        struct bucket_usage usage;
        TRY(bucket_usage_read(call->service->objects, bucket, &usage));
        totals_add(all, &usage);
        for (size_t i = 0; i < region->policy_count; i++) {
            if (slice_eq(region->policies[i], bucket->policy)) totals_add(&of_policy[i], &usage);
        }
        TRY(walk_next(walk, &bucket));
    }
    return status_ok();
}

static struct status say_sums(struct swift_call *call) {
    const struct swift_region *region = call->region;
    struct totals all = {0};
    struct totals *of_policy = arena_calloc(call->arena, region->policy_count, sizeof *of_policy);
    struct walk walk;
    if (of_policy == NULL) return status_of(STATUS_NO_MEMORY);
    struct status s = walk_begin(call, &walk);
    if (is_ok(s)) s = sum(call, &walk, &all, of_policy);
    walk_end(&walk);
    TRY(s);
    say_totals(call, "X-Account-", &all);
    for (size_t i = 0; i < region->policy_count; i++) {
        if (of_policy[i].containers == 0) continue;
        struct slice prefix = arena_printf(call->arena, "X-Account-Storage-Policy-%.*s-",
                                           SLICE_FMT(region->policies[i]));
        if (prefix.len > 0) say_totals(call, prefix.ptr, &of_policy[i]);
    }
    return status_ok();
}

/* ---- listing -------------------------------------------------------------------------------- */

/* The common prefix that a name rolls up to; empty where it does not. */
static struct slice common_of(const struct swift_listing *listing, struct slice name) {
    if (listing->delimiter.len == 0) return SLICE("");
    size_t at = slice_find(name, listing->delimiter, listing->prefix.len);
    return at == name.len ? SLICE("") : slice_take(name, at + listing->delimiter.len);
}

static bool is_past_end(const struct swift_listing *listing, struct slice name) {
    if (listing->end_marker.len == 0) return false;
    int order = slice_cmp(name, listing->end_marker);
    return listing->reverse ? order <= 0 : order >= 0;
}

static struct status list_one(struct swift_call *call, const struct swift_listing *listing,
                              struct walk *walk, const struct bucket *bucket,
                              struct swift_page *page) {
    struct slice common = common_of(listing, bucket->name);
    struct bucket_usage usage;
    if (common.len > 0) {
        /* A marker may be the common prefix itself, as the page before ended with it. */
        if (!slice_eq(common, listing->marker)) swift_page_subdir(page, common);
        walk_skip(walk, common);
        return status_ok();
    }
    TRY(bucket_usage_read(call->service->objects, bucket, &usage));
    swift_page_container(page, bucket->name, usage.objects, usage.bytes, bucket->created_ns);
    return status_ok();
}

static struct status list_all(struct swift_call *call, const struct swift_listing *listing,
                              struct walk *walk, struct swift_page *page) {
    const struct bucket *bucket;
    walk->reverse = listing->reverse;
    walk->prefix = listing->prefix;
    walk_go(walk, slice_take(listing->marker, BUCKET_NAME_MAX));
    while (page->count < listing->limit && swift_page_has_room(page)) {
        TRY(walk_next(walk, &bucket));
        if (bucket == NULL || is_past_end(listing, bucket->name)) break;
        TRY(list_one(call, listing, walk, bucket, page));
    }
    return status_ok();
}

static struct status list_containers(struct swift_call *call, const struct swift_listing *listing) {
    struct swift_page page;
    struct walk walk;
    swift_page_begin(&page, listing->format, "account", call->account, call->arena);
    struct status s = walk_begin(call, &walk);
    if (is_ok(s)) s = list_all(call, listing, &walk, &page);
    walk_end(&walk);
    if (is_ok(s)) return swift_page_answer(call, &page, "account");
    buf_fini(&page.buf);
    return s;
}

/* ---- GET and HEAD --------------------------------------------------------------------------- */

/* Keys of temporary URLs are told to who acts for the account only. */
static bool is_secret(struct slice name) {
    return slice_eq(name, SLICE("temp-url-key")) || slice_eq(name, SLICE("temp-url-key-2"));
}

static struct status say_account(struct swift_call *call) {
    struct account account;
    char time[SWIFT_TIME_CAP];
    TRY(account_read(call->service->objects, call->project_id, call->arena, &account));
    for (size_t i = 0; i < account.meta.count; i++) {
        const struct object_pairs one = {&account.meta.items[i], 1};
        if (call->acts_for_account || !is_secret(one.items->name)) {
            swift_meta_answer(call, "X-Account-Meta-", &one);
        }
    }
    if (account.acl.len > 0 && call->acts_for_account) {
        http_response_set(&call->response, SLICE("X-Account-Access-Control"), account.acl);
    }
    swift_time_timestamp(account.created_ns != 0 ? account.created_ns : call->now_ns, time);
    http_response_set_str(&call->response, "X-Timestamp", time);
    http_response_set_str(&call->response, "Accept-Ranges", "bytes");
    return status_ok();
}

struct status run_get_account(struct swift_call *call) {
    struct swift_listing listing;
    TRY(swift_listing_parse(call, &listing));
    TRY(say_sums(call));
    TRY(say_account(call));
    if (call->head->method == HTTP_GET) return list_containers(call, &listing);
    call->response.status = 204;
    http_response_set_str(&call->response, "Content-Type", swift_format_type(listing.format));
    return status_ok();
}

/* ---- POST ----------------------------------------------------------------------------------- */

struct posting {
    struct account_edit base;
    struct swift_call *call;
    struct slice acl; /* a NULL ptr: it is not spoken of */
};

/* Spec: Swift, middleware/account_quotas.py: a quota is the reseller's to set. */
static struct status check_quota(struct swift_call *call) {
    struct slice quota = swift_header(call, "x-account-meta-quota-bytes");
    bool removes = swift_header(call, "x-remove-account-meta-quota-bytes").ptr != NULL;
    uint64_t value;
    if (quota.ptr == NULL && !removes) return status_ok();
    if (quota.len > 0 && !slice_parse_u64(quota, &value)) return swift_refuse(call, 400, NULL);
    return swift_is_reseller(call) ? status_ok() : swift_refuse(call, 403, NULL);
}

static struct status check_list(struct swift_call *call, struct slice *ret_acl) {
    struct slice text = swift_header(call, "x-account-access-control");
    struct note why = {0};
    *ret_acl = text;
    if (text.len == 0 || is_ok(swift_account_list_check(text, &why))) return status_ok();
    struct status s =
        swift_refuse(call, 400, "X-Account-Access-Control invalid: %s\n\nInput: %.*s\n", why.text,
                     SLICE_FMT(slice_take(text, 100)));
    call->error.type = "text/plain; charset=UTF-8";
    return s;
}

static struct status edit(const struct account_edit *base, struct arena *arena,
                          struct account *account) {
    const struct posting *posting = (const struct posting *)base;
    TRY(swift_meta_change(posting->call, SLICE("x-account-meta-"), SLICE("x-remove-account-meta-"),
                          &account->meta, arena, &account->meta));
    if (posting->acl.ptr != NULL) account->acl = posting->acl;
    return swift_meta_bounds(posting->call, &account->meta);
}

struct status run_post_account(struct swift_call *call) {
    struct posting posting = {.base.edit = edit, .call = call};
    TRY(swift_meta_check(call, SLICE("x-account-meta-")));
    TRY(check_quota(call));
    TRY(check_list(call, &posting.acl));
    TRY(account_change(call->service->objects, call->project_id, &posting.base));
    swift_answer_page(call, 204);
    return status_ok();
}

/* Accounts are projects: they come and go at the Identity API. */
struct status run_forbidden(struct swift_call *call) {
    return swift_deny(call);
}
