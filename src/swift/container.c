#include "swift/container.h"

#include "access/container_acl.h"
#include "base/check.h"
#include "swift/meta.h"

#define META_PREFIX SLICE("x-container-meta-")
#define REMOVE_PREFIX SLICE("x-remove-container-meta-")

enum { META_DOCUMENT_MAX = 64 * 1024 };

static const struct {
    const char *header;
    const char *remove;
    const char *said;
    enum bucket_config kind;
    bool writes;
} lists[] = {
    {"x-container-read", "x-remove-container-read", "X-Container-Read",
     BUCKET_CONFIG_CONTAINER_READ, false},
    {"x-container-write", "x-remove-container-write", "X-Container-Write",
     BUCKET_CONFIG_CONTAINER_WRITE, true},
};

/* ---- check ---------------------------------------------------------------------------------- */

static struct status check_lists(struct swift_call *call) {
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct slice text = swift_header(call, lists[i].header);
        struct note why = {0};
        struct buf clean;
        buf_init(&clean, 2 * CONTAINER_ACL_MAX);
        struct status s = container_acl_clean(text, lists[i].writes, &clean, &why);
        buf_fini(&clean);
        if (!is_ok(s)) return swift_refuse(call, 400, "%s", why.text);
    }
    return status_ok();
}

/* Spec: Swift, middleware/container_quotas.py. */
static struct status check_quotas(struct swift_call *call) {
    static const struct {
        const char *header;
        const char *words;
    } quotas[] = {{"x-container-meta-quota-bytes", "Invalid bytes quota."},
                  {"x-container-meta-quota-count", "Invalid count quota."}};
    for (size_t i = 0; i < ARRAY_LEN(quotas); i++) {
        struct slice text = swift_header(call, quotas[i].header);
        uint64_t value;
        if (text.len == 0) continue;
        if (!slice_parse_u64(text, &value) || value > BUCKET_QUOTA_MAX) {
            return swift_refuse(call, 400, "%s", quotas[i].words);
        }
    }
    return status_ok();
}

/* Containers are not synchronised that way here: who asks for it is told. */
static struct status check_sync(struct swift_call *call) {
    static const char *const headers[] = {"x-container-sync-to", "x-container-sync-key"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        if (swift_header(call, headers[i]).len > 0) {
            return swift_refuse_plain(call, 400, "Container sync is not supported.");
        }
    }
    return status_ok();
}

struct status swift_container_check(struct swift_call *call) {
    TRY(swift_meta_check(call, META_PREFIX));
    TRY(check_sync(call));
    TRY(check_lists(call));
    return check_quotas(call);
}

bool swift_container_says(const struct swift_call *call) {
    for (size_t i = 0; i < call->head->header_count; i++) {
        struct slice name = call->head->headers[i].name;
        if (slice_starts_with_nocase(name, META_PREFIX)) return true;
        if (slice_starts_with_nocase(name, REMOVE_PREFIX)) return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (swift_header(call, lists[i].header).ptr != NULL) return true;
        if (swift_header(call, lists[i].remove).ptr != NULL) return true;
    }
    return false;
}

/* ---- the document of metadata --------------------------------------------------------------- */

static struct status meta_parse(struct slice document, struct arena *arena,
                                struct object_pairs *ret_pairs) {
    size_t lines = 0;
    for (size_t i = 0; i < document.len; i++) lines += document.ptr[i] == '\n';
    struct object_pair *pairs = arena_calloc(arena, lines + 1, sizeof *pairs);
    size_t count = 0;
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    while (document.len > 0) {
        struct slice line, rest, name, value;
        if (!slice_cut(document, '\n', &line, &rest)) return status_of(STATUS_CORRUPT);
        document = rest;
        bool sound = slice_cut(line, ':', &name, &value) && name.len > 0 && value.len > 1 &&
                     value.ptr[0] == ' ';
        if (!sound) return status_of(STATUS_CORRUPT);
        pairs[count++] = (struct object_pair){name, slice_skip(value, 1)};
    }
    *ret_pairs = (struct object_pairs){pairs, count};
    return status_ok();
}

static struct status meta_write(const struct object_pairs *pairs, struct arena *arena,
                                struct slice *ret_document) {
    struct buf text;
    *ret_document = slice_of(NULL, 0);
    if (pairs->count == 0) return status_ok();
    buf_init(&text, META_DOCUMENT_MAX);
    for (size_t i = 0; i < pairs->count; i++) {
        buf_append(&text, pairs->items[i].name);
        buf_append(&text, SLICE(": "));
        buf_append(&text, pairs->items[i].value);
        buf_append_char(&text, '\n');
    }
    struct status s = buf_ok(&text);
    if (is_ok(s)) *ret_document = arena_dup(arena, buf_slice(&text));
    buf_fini(&text);
    TRY(s);
    return arena_ok(arena);
}

static struct status document_read(struct object_store *store, const struct bucket *bucket,
                                   enum bucket_config kind, struct arena *arena,
                                   struct slice *ret_document) {
    *ret_document = slice_of(NULL, 0);
    struct status s = bucket_config_get(store, bucket, kind, SLICE(""), arena, ret_document);
    return status_is(s, STATUS_NOT_FOUND) ? status_ok() : s;
}

static struct status meta_read(struct object_store *store, const struct bucket *bucket,
                               struct arena *arena, struct object_pairs *ret_meta) {
    struct slice document;
    TRY(document_read(store, bucket, BUCKET_CONFIG_CONTAINER_META, arena, &document));
    return meta_parse(document, arena, ret_meta);
}

struct status swift_container_meta(struct swift_call *call, const struct bucket *bucket,
                                   struct object_pairs *ret_meta) {
    return meta_read(call->service->objects, bucket, call->arena, ret_meta);
}

struct slice swift_pair(const struct object_pairs *pairs, const char *name) {
    for (size_t i = 0; i < pairs->count; i++) {
        if (slice_eq(pairs->items[i].name, slice_str(name))) return pairs->items[i].value;
    }
    return slice_of(NULL, 0);
}

/* ---- what a request makes of it ------------------------------------------------------------- */

static struct bucket_quota quota_of(const struct object_pairs *meta) {
    struct bucket_quota quota = {0};
    quota.limits_bytes = slice_parse_u64(swift_pair(meta, "quota-bytes"), &quota.bytes);
    quota.limits_objects = slice_parse_u64(swift_pair(meta, "quota-count"), &quota.objects);
    return quota;
}

/* A list as the request leaves it; false: it does not speak of it. */
static bool list_said(struct swift_call *call, size_t i, struct arena *arena,
                      struct slice *ret_document) {
    struct slice text = swift_header(call, lists[i].header);
    bool removes = swift_header(call, lists[i].remove).ptr != NULL;
    struct buf clean;
    *ret_document = slice_of(NULL, 0);
    /* Spec: Swift, swift_owner_headers: from others they do not count. */
    if ((text.ptr == NULL && !removes) || !call->acts_for_account) return false;
    buf_init(&clean, 2 * CONTAINER_ACL_MAX);
    struct status s = container_acl_clean(text, lists[i].writes, &clean, NULL);
    CHECK(is_ok(s)); /* it was checked */
    if (clean.len > 0) *ret_document = arena_dup(arena, buf_slice(&clean));
    buf_fini(&clean);
    return true;
}

static struct status make_edits(struct swift_call *call, const struct object_pairs *before,
                                struct arena *arena, struct bucket_edits *edits) {
    struct object_pairs meta;
    struct slice document;
    TRY(swift_meta_change(call, META_PREFIX, REMOVE_PREFIX, before, arena, &meta));
    TRY(swift_meta_bounds(call, &meta));
    TRY(meta_write(&meta, arena, &document));
    edits->documents[edits->count++] =
        (struct bucket_edited){BUCKET_CONFIG_CONTAINER_META, document};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        if (!list_said(call, i, arena, &document)) continue;
        edits->documents[edits->count++] = (struct bucket_edited){lists[i].kind, document};
    }
    edits->sets_quota = true;
    edits->quota = quota_of(&meta);
    return arena_ok(arena);
}

struct status swift_container_begin(struct swift_call *call, struct bucket_document *documents,
                                    size_t *ret_count, struct bucket_quota *ret_quota) {
    const struct object_pairs nothing = {0};
    struct bucket_edits edits = {0};
    size_t count = 0;
    TRY(make_edits(call, &nothing, call->arena, &edits));
    for (size_t i = 0; i < edits.count; i++) {
        if (edits.documents[i].document.ptr == NULL) continue;
        documents[count++] = (struct bucket_document){.kind = (int)edits.documents[i].kind,
                                                      .text = edits.documents[i].document};
    }
    *ret_count = count;
    *ret_quota = edits.quota;
    return status_ok();
}

struct container_edit {
    struct bucket_edit base;
    struct swift_call *call;
};

static struct status make(const struct bucket_edit *base, struct object_store *store,
                          const struct bucket *now, struct arena *arena,
                          struct bucket_edits *ret_edits) {
    const struct container_edit *edit = (const struct container_edit *)base;
    struct object_pairs before;
    TRY(meta_read(store, now, arena, &before));
    return make_edits(edit->call, &before, arena, ret_edits);
}

struct status swift_container_change(struct swift_call *call) {
    const struct container_edit edit = {.base.make = make, .call = call};
    return bucket_edit(call->service->objects, &call->bucket, &edit.base);
}

/* ---- answer --------------------------------------------------------------------------------- */

struct status swift_container_answer(struct swift_call *call) {
    struct object_pairs meta;
    TRY(swift_container_meta(call, &call->bucket, &meta));
    for (size_t i = 0; i < meta.count; i++) {
        const struct object_pairs one = {&meta.items[i], 1};
        bool is_secret = slice_starts_with(one.items->name, SLICE("temp-url-key"));
        if (call->acts_for_account || !is_secret)
            swift_meta_answer(call, "X-Container-Meta-", &one);
    }
    for (size_t i = 0; i < ARRAY_LEN(lists) && call->acts_for_account; i++) {
        struct slice list;
        TRY(document_read(call->service->objects, &call->bucket, lists[i].kind, call->arena,
                          &list));
        if (list.len > 0) http_response_set(&call->response, slice_str(lists[i].said), list);
    }
    return status_ok();
}
