/* Accounts: what they hold. */
#include "base/check.h"
#include "swift/listing.h"
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

/* Walks the account's containers, by name from behind `after` on. */
struct walk {
    struct swift_call *call;
    struct slice after;
    struct bucket *page;
    size_t count;
    size_t at;
    bool more;
};

static struct status walk_next(struct walk *walk, const struct bucket **ret_bucket) {
    struct swift_call *call = walk->call;
    *ret_bucket = NULL;
    if (walk->at == walk->count) {
        if (!walk->more) return status_ok();
        TRY(bucket_list(call->service->objects, call->region->name, call->project_id, SLICE(""),
                        walk->after, call->arena, walk->page, PAGE, &walk->count, &walk->more));
        walk->at = 0;
        if (walk->count == 0) return status_ok();
        walk->after = walk->page[walk->count - 1].name;
    }
    *ret_bucket = &walk->page[walk->at++];
    return status_ok();
}

static struct status walk_begin(struct swift_call *call, struct walk *walk) {
    *walk = (struct walk){.call = call, .more = true};
    walk->page = arena_calloc(call->arena, PAGE, sizeof *walk->page);
    return arena_ok(call->arena);
}

static struct status sum_account(struct swift_call *call) {
    const struct swift_region *region = call->region;
    struct totals all = {0};
    struct totals *of_policy = arena_calloc(call->arena, region->policy_count, sizeof *of_policy);
    struct walk walk;
    const struct bucket *bucket;
    if (of_policy == NULL) return status_of(STATUS_NO_MEMORY);
    TRY(walk_begin(call, &walk));
    TRY(walk_next(&walk, &bucket));
    while (bucket != NULL) {
        struct bucket_usage usage;
        TRY(bucket_usage_read(call->service->objects, bucket, &usage));
        totals_add(&all, &usage);
        for (size_t i = 0; i < region->policy_count; i++) {
            if (slice_eq(region->policies[i], bucket->policy)) totals_add(&of_policy[i], &usage);
        }
        TRY(walk_next(&walk, &bucket));
    }
    say_totals(call, "X-Account-", &all);
    for (size_t i = 0; i < region->policy_count; i++) {
        if (of_policy[i].containers == 0) continue;
        struct slice prefix = arena_printf(call->arena, "X-Account-Storage-Policy-%.*s-",
                                           SLICE_FMT(region->policies[i]));
        if (prefix.len > 0) say_totals(call, prefix.ptr, &of_policy[i]);
    }
    return status_ok();
}

static struct status list_containers(struct swift_call *call, const struct swift_listing *listing) {
    struct swift_page page;
    struct walk walk;
    const struct bucket *bucket;
    TRY(walk_begin(call, &walk));
    walk.after = listing->marker;
    swift_page_begin(&page, listing->format, "account", call->account, call->arena);
    struct status s = walk_next(&walk, &bucket);
    while (is_ok(s) && bucket != NULL && page.count < listing->limit) {
        struct bucket_usage usage;
        s = bucket_usage_read(call->service->objects, bucket, &usage);
        if (is_ok(s) && slice_starts_with(bucket->name, listing->prefix)) {
            swift_page_container(&page, bucket->name, usage.objects, usage.bytes,
                                 bucket->created_ns);
        }
        if (is_ok(s)) s = walk_next(&walk, &bucket);
    }
    if (is_ok(s)) return swift_page_answer(call, &page, "account");
    buf_fini(&page.buf);
    return s;
}

struct status run_get_account(struct swift_call *call) {
    struct swift_listing listing;
    TRY(swift_listing_parse(call, &listing));
    TRY(sum_account(call));
    if (call->head->method == HTTP_GET) return list_containers(call, &listing);
    call->response.status = 204;
    http_response_set_str(&call->response, "Content-Type", swift_format_type(listing.format));
    return status_ok();
}
