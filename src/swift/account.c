#include "swift/account.h"

#include "access/container_acl.h"
#include "base/check.h"
#include "json/reader.h"

/* ---- the list ------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    enum swift_standing standing;
} keys[] = {
    {"admin", SWIFT_ADMIN}, {"read-write", SWIFT_READ_WRITE}, {"read-only", SWIFT_READ_ONLY}};

static struct status check_member(const struct json *member, struct note *why) {
    struct slice name = json_name(member);
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) known |= slice_eq(name, slice_str(keys[i].key));
    if (!known) {
        return note_status(why, STATUS_INVALID, "Key \"%.*s\" not recognized",
                           SLICE_FMT(slice_take(name, 100)));
    }
    if (json_type(member) != JSON_ARRAY) {
        return note_status(why, STATUS_INVALID, "Value for key \"%.*s\" must be a list",
                           SLICE_FMT(name));
    }
    JSON_EACH(element, member) {
        if (json_type(element) == JSON_STRING) continue;
        return note_status(why, STATUS_INVALID, "Elements of \"%.*s\" list must be strings",
                           SLICE_FMT(name));
    }
    return status_ok();
}

static struct status check_members(const struct json *list, struct note *why) {
    JSON_EACH(member, list) TRY(check_member(member, why));
    return status_ok();
}

struct status swift_account_list_check(struct slice text, struct note *why) {
    struct json *list = NULL;
    struct note ignored = {0};
    struct status s = json_parse(text, &ignored, &list);
    if (!is_ok(s) || json_type(list) != JSON_OBJECT) {
        json_free(&list);
        return note_status(why, STATUS_INVALID, "Syntax error in input ('%.*s')",
                           SLICE_FMT(slice_take(text, 200)));
    }
    s = check_members(list, why);
    json_free(&list);
    return s;
}

static bool names(const struct json *elements, const struct container_acl_who *who) {
    JSON_EACH(element, elements) {
        struct slice text;
        if (json_string(element, &text) && container_acl_means(text, who)) return true;
    }
    return false;
}

struct status swift_account_standing(const struct swift_call *call, struct slice text,
                                     enum swift_standing *ret_standing) {
    const struct principal *principal = &call->principal;
    const struct container_acl_who who = {
        .anonymous = principal->anonymous,
        .for_itself = (principal->roles & IDENTITY_ROLE_MEMBER) == 0,
        .names_count = slice_eq(principal->user_domain_id, SLICE("default")) &&
                       slice_eq(principal->project_domain_id, SLICE("default")),
        .project_id = principal->project_id,
        .project_name = principal->project_name,
        .user_id = principal->user_id,
        .user_name = principal->user_name,
        .role_names = principal->role_names};
    struct json *list = NULL;
    struct note why = {0};
    *ret_standing = SWIFT_NOTHING;
    struct status s = json_parse(text, &why, &list);
    if (status_is(s, STATUS_NO_MEMORY)) return s;
    for (size_t i = 0; i < ARRAY_LEN(keys) && is_ok(s) && *ret_standing == SWIFT_NOTHING; i++) {
        if (names(json_get(list, keys[i].key), &who)) *ret_standing = keys[i].standing;
    }
    json_free(&list);
    return status_ok();
}

/* ---- the quota ------------------------------------------------------------------------------ */

static struct status bytes_used(struct swift_call *call, struct slice project_id,
                                uint64_t *ret_bytes) {
    enum { PAGE = 100, BLOCK = 32 * 1024, MEMORY_MAX = 4 * 1024 * 1024 };
    struct object_store *store = call->service->objects;
    struct bucket *buckets = arena_calloc(call->arena, PAGE, sizeof *buckets);
    char name[BUCKET_NAME_MAX];
    struct slice after = SLICE("");
    struct arena arena;
    struct status s = arena_ok(call->arena);
    bool more = true;
    *ret_bytes = 0;
    arena_init(&arena, BLOCK, MEMORY_MAX);
    while (is_ok(s) && more) {
        size_t count = 0;
        arena_reset(&arena);
        s = bucket_list(store, call->region->name, project_id, SLICE(""), after, &arena, buckets,
                        PAGE, &count, &more);
        for (size_t i = 0; i < count && is_ok(s); i++) {
            struct bucket_usage usage;
            s = bucket_usage_read(store, &buckets[i], &usage);
            if (is_ok(s)) *ret_bytes += usage.bytes;
        }
        if (count == 0) break;
        memcpy(name, buckets[count - 1].name.ptr, buckets[count - 1].name.len);
        after = slice_of(name, buckets[count - 1].name.len);
    }
    arena_fini(&arena);
    return s;
}

/* Spec: Swift, middleware/account_quotas.py. */
struct status swift_account_room(struct swift_call *call, struct slice project_id, uint64_t bytes,
                                 uint64_t replaced) {
    struct account account;
    uint64_t quota, used;
    TRY(account_read(call->service->objects, project_id, call->arena, &account));
    struct slice text = slice_of(NULL, 0);
    for (size_t i = 0; i < account.meta.count; i++) {
        const struct object_pair *pair = &account.meta.items[i];
        if (slice_eq(pair->name, SLICE("quota-bytes"))) text = pair->value;
    }
    if (!slice_parse_u64(text, &quota) || swift_is_reseller(call)) return status_ok();
    TRY(bytes_used(call, project_id, &used));
    used -= used < replaced ? used : replaced;
    if (used <= quota && bytes <= quota - used) return status_ok();
    return swift_refuse(call, 413, "Upload exceeds quota.");
}
