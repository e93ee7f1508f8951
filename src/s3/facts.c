#include "s3/facts.h"

#include "base/check.h"
#include "base/date.h"
#include "s3/object_facts.h"
#include "s3/tagging.h"

static struct slice source_ip(const struct s3_call *call) {
    return call->source_ip;
}

static struct slice secure_transport(const struct s3_call *call) {
    return call->is_tls ? SLICE("true") : SLICE("false");
}

static struct slice current_time(const struct s3_call *call) {
    char text[DATE_TEXT_CAP];
    date_format_iso_ms(call->now_ns, text);
    return arena_dup(call->arena, slice_str(text));
}

static struct slice epoch_time(const struct s3_call *call) {
    return arena_printf(call->arena, "%lld", (long long)(call->now_ns / NS_PER_S));
}

static struct slice user_name(const struct s3_call *call) {
    const struct principal *principal = &call->auth.principal;
    return principal->anonymous ? slice_of(NULL, 0) : principal->user_name;
}

static struct slice user_id(const struct s3_call *call) {
    const struct principal *principal = &call->auth.principal;
    return principal->anonymous ? SLICE("anonymous") : principal->user_id;
}

static struct slice account(const struct s3_call *call) {
    const struct principal *principal = &call->auth.principal;
    return principal->anonymous ? slice_of(NULL, 0) : principal->project_id;
}

static struct slice principal_arn(const struct s3_call *call) {
    const struct principal *principal = &call->auth.principal;
    if (principal->anonymous) return slice_of(NULL, 0);
    return arena_printf(call->arena, "arn:aws:iam::%.*s:user/%.*s",
                        SLICE_FMT(principal->project_id), SLICE_FMT(principal->user_name));
}

static struct slice principal_type(const struct s3_call *call) {
    return call->auth.principal.anonymous ? SLICE("Anonymous") : SLICE("User");
}

static struct slice signature_version(const struct s3_call *call) {
    switch (call->auth.kind) {
        case AUTH_ANONYMOUS:
            return slice_of(NULL, 0);
        case AUTH_SIGV4_HEADER:
        case AUTH_SIGV4_QUERY:
            return SLICE("AWS4-HMAC-SHA256");
        case AUTH_SIGV2_HEADER:
        case AUTH_SIGV2_QUERY:
            return SLICE("AWS");
    }
    return slice_of(NULL, 0);
}

/* The operation's name; empty where a question is asked about another one. */
static bool is_op(const struct s3_call *call, const char *name) {
    return call->op != NULL && strcmp(call->op->name, name) == 0;
}

static struct slice auth_type(const struct s3_call *call) {
    if (is_op(call, "PostObject") && call->auth.kind != AUTH_ANONYMOUS) return SLICE("POST");
    switch (call->auth.kind) {
        case AUTH_ANONYMOUS:
            return slice_of(NULL, 0);
        case AUTH_SIGV4_HEADER:
        case AUTH_SIGV2_HEADER:
            return SLICE("REST-HEADER");
        case AUTH_SIGV4_QUERY:
        case AUTH_SIGV2_QUERY:
            return SLICE("REST-QUERY-STRING");
    }
    return slice_of(NULL, 0);
}

/* How long ago it was signed, in milliseconds. Spec: S3 API, "Signature Version 4 policy keys". */
static struct slice signature_age(const struct s3_call *call) {
    int64_t signed_ns;
    bool in_query = call->auth.kind == AUTH_SIGV4_QUERY;
    struct slice date = in_query ? s3_param(call, "X-Amz-Date") : s3_header(call, "x-amz-date");
    bool is_v4 = in_query || call->auth.kind == AUTH_SIGV4_HEADER;
    if (!is_v4 || !date_parse_compact(date, &signed_ns)) return slice_of(NULL, 0);
    int64_t age_ms = (call->now_ns - signed_ns) / NS_PER_MS;
    return arena_printf(call->arena, "%lld", (long long)(age_ms > 0 ? age_ms : 0));
}

/* "TLSv1.3" is 1.3 to a policy. */
static struct slice tls_version(const struct s3_call *call) {
    struct slice text = call->tls_version;
    if (!slice_starts_with(text, SLICE("TLSv"))) return slice_of(NULL, 0);
    return slice_eq(text, SLICE("TLSv1")) ? SLICE("1.0") : slice_skip(text, 4);
}

static struct slice requested_region(const struct s3_call *call) {
    return call->region->name;
}

static struct slice never(const struct s3_call *call) {
    (void)call;
    return SLICE("false");
}

/*
 * Of writes: whether an object comes of it, rather than a part of one. Spec: S3 User Guide,
 * "Enforce conditional writes on Amazon S3 buckets".
 */
static struct slice creates_object(const struct s3_call *call) {
    bool is_write = call->op != NULL && call->op->action != NULL &&
                    strcmp(call->op->action, "s3:PutObject") == 0;
    if (!is_write) return slice_of(NULL, 0);
    bool is_part = is_op(call, "UploadPart") || is_op(call, "UploadPartCopy") ||
                   is_op(call, "CreateMultipartUpload");
    return is_part ? SLICE("false") : SLICE("true");
}

/* Days from now until a version is not retained any more. */
struct slice s3_facts_days_until(const struct s3_call *call, int64_t until_ns) {
    int64_t left_ns = until_ns > call->now_ns ? until_ns - call->now_ns : 0;
    int64_t day_ns = 24 * 60 * 60 * NS_PER_S;
    return arena_printf(call->arena, "%lld", (long long)((left_ns + day_ns - 1) / day_ns));
}

static struct slice remaining_days(const struct s3_call *call) {
    int64_t until_ns;
    struct slice until = s3_header(call, "x-amz-object-lock-retain-until-date");
    if (!date_parse_iso(until, &until_ns)) return slice_of(NULL, 0);
    return s3_facts_days_until(call, until_ns);
}

/* Keys that are computed. */
static const struct {
    const char *key;
    struct slice (*value)(const struct s3_call *call);
} computed[] = {
    {"aws:SourceIp", source_ip},
    {"aws:SecureTransport", secure_transport},
    {"aws:CurrentTime", current_time},
    {"aws:EpochTime", epoch_time},
    {"aws:username", user_name},
    {"aws:userid", user_id},
    {"aws:PrincipalAccount", account},
    {"aws:PrincipalArn", principal_arn},
    {"aws:PrincipalType", principal_type},
    {"s3:signatureversion", signature_version},
    {"s3:authType", auth_type},
    {"s3:signatureAge", signature_age},
    {"s3:TlsVersion", tls_version},
    {"s3:ObjectCreationOperation", creates_object},
    {"s3:object-lock-remaining-retention-days", remaining_days},
    {"aws:RequestedRegion", requested_region},
    {"aws:ViaAWSService", never},
    {"aws:PrincipalIsAWSService", never},
};

/* Keys that are a query parameter, or a header. */
static const struct {
    const char *key;
    const char *parameter;
    const char *header;
} carried[] = {
    {"s3:prefix", "prefix", NULL},
    {"s3:delimiter", "delimiter", NULL},
    {"s3:max-keys", "max-keys", NULL},
    {"s3:VersionId", "versionId", NULL},
    {"s3:if-match", NULL, "if-match"},
    {"s3:if-none-match", NULL, "if-none-match"},
    {"s3:object-lock-mode", NULL, "x-amz-object-lock-mode"},
    {"s3:object-lock-retain-until-date", NULL, "x-amz-object-lock-retain-until-date"},
    {"s3:object-lock-legal-hold", NULL, "x-amz-object-lock-legal-hold"},
    {"aws:UserAgent", NULL, "user-agent"},
    {"aws:Referer", NULL, "referer"},
};

/* Whose the bucket is that the decision is about. */
static bool is_resource_account(struct slice key) {
    return slice_eq_nocase(key, SLICE("aws:ResourceAccount")) ||
           slice_eq_nocase(key, SLICE("s3:ResourceAccount"));
}

/* The value of a key; a NULL ptr where the request does not have it. */
static struct slice value_of(const struct s3_facts *facts, struct slice key) {
    const struct s3_call *call = facts->call;
    if (is_resource_account(key)) return facts->bucket->project_id;
    for (size_t i = 0; i < ARRAY_LEN(computed); i++) {
        if (slice_eq_nocase(key, slice_str(computed[i].key))) return computed[i].value(call);
    }
    for (size_t i = 0; i < ARRAY_LEN(carried); i++) {
        if (!slice_eq_nocase(key, slice_str(carried[i].key))) continue;
        if (carried[i].parameter) return s3_param(call, carried[i].parameter);
        if (carried[i].header) return s3_header(call, carried[i].header);
    }
    struct slice prefix = SLICE("s3:x-amz-");
    if (!slice_starts_with_nocase(key, prefix)) return slice_of(NULL, 0);
    return http_head_find(call->head, slice_skip(key, 3));
}

/* A value that is there, also where it is empty. */
static struct slice there(struct slice value) {
    return value.len > 0 ? value : SLICE("");
}

/* The value of the tag of that name; a NULL ptr where there is none. */
static struct slice tag_value(const struct object_pairs *tags, struct slice name) {
    for (size_t i = 0; i < tags->count; i++) {
        if (slice_eq(tags->items[i].name, name)) return there(tags->items[i].value);
    }
    return slice_of(NULL, 0);
}

/* The tags that the request would set; what is no set of tags is refused by the operation. */
static const struct object_pairs *request_tags(struct s3_facts *facts) {
    if (facts->tags == NULL) {
        s3_tags_peek(facts->call, &facts->header_tags);
        facts->tags = &facts->header_tags;
    }
    return facts->tags;
}

static bool is_found(struct slice value, struct s3_facts *facts, struct policy_values *ret_values) {
    facts->value = value;
    *ret_values = (struct policy_values){&facts->value, 1};
    return value.ptr != NULL;
}

/* All names of tags. */
static bool find_tag_keys(struct s3_facts *facts, struct policy_values *ret_values) {
    const struct object_pairs *tags = request_tags(facts);
    struct slice *names = arena_calloc(facts->call->arena, tags->count + 1, sizeof *names);
    if (names == NULL || tags->count == 0) return false;
    for (size_t i = 0; i < tags->count; i++) names[i] = tags->items[i].name;
    *ret_values = (struct policy_values){names, tags->count};
    return true;
}

/* What the asker says of a key, be it several values. */
static bool find_given(struct s3_facts *facts, struct slice key, struct policy_values *ret_values) {
    size_t count = 0;
    struct slice *values = arena_calloc(facts->call->arena, facts->given.count + 1, sizeof *values);
    for (size_t i = 0; values != NULL && i < facts->given.count; i++) {
        const struct object_pair *pair = &facts->given.items[i];
        if (slice_eq_nocase(pair->name, key)) values[count++] = there(pair->value);
    }
    *ret_values = (struct policy_values){values, count};
    return count > 0;
}

static bool find_fact(const struct policy_facts *facts, struct slice key,
                      struct policy_values *ret_values) {
    static const struct slice existing = SLICE("s3:ExistingObjectTag/");
    static const struct slice requested = SLICE("s3:RequestObjectTag/");
    /* The caller's struct is not const; only what it is seen through here is. */
    struct s3_facts *f = (struct s3_facts *)(uintptr_t)facts;
    if (f->given.count > 0 && find_given(f, key, ret_values)) return true;
    if (slice_starts_with_nocase(key, existing)) {
        return is_found(tag_value(&f->existing, slice_skip(key, existing.len)), f, ret_values);
    }
    if (slice_starts_with_nocase(key, requested)) {
        struct slice name = slice_skip(key, requested.len);
        return is_found(tag_value(request_tags(f), name), f, ret_values);
    }
    if (slice_eq_nocase(key, SLICE("s3:RequestObjectTagKeys"))) return find_tag_keys(f, ret_values);
    bool is_prefix = f->prefix.ptr != NULL && slice_eq_nocase(key, SLICE("s3:prefix"));
    return is_found(is_prefix ? f->prefix : value_of(f, key), f, ret_values);
}

void s3_facts_init(struct s3_facts *facts, const struct s3_call *call,
                   const struct bucket *bucket) {
    *facts = (struct s3_facts){.facts = {find_fact}, .call = call, .bucket = bucket};
}
