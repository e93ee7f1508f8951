#include "s3/facts.h"

#include "base/check.h"
#include "base/date.h"
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

static struct slice auth_type(const struct s3_call *call) {
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
};

/* Keys that are a query parameter, or a header. */
static const struct {
    const char *key;
    const char *parameter;
    const char *header;
} carried[] = {
    {"s3:prefix", "prefix", NULL},         {"s3:delimiter", "delimiter", NULL},
    {"s3:max-keys", "max-keys", NULL},     {"s3:VersionId", "versionId", NULL},
    {"s3:if-match", NULL, "if-match"},     {"s3:if-none-match", NULL, "if-none-match"},
    {"aws:UserAgent", NULL, "user-agent"}, {"aws:Referer", NULL, "referer"},
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

/* The value of the tag that a key names; false: the key is about something else. */
static bool existing_tag(const struct s3_facts *facts, struct slice key, struct slice *ret_value) {
    const struct slice prefix = SLICE("s3:ExistingObjectTag/");
    if (!slice_starts_with_nocase(key, prefix)) return false;
    struct slice name = slice_skip(key, prefix.len);
    *ret_value = slice_of(NULL, 0);
    for (size_t i = 0; i < facts->existing.count; i++) {
        const struct object_pair *tag = &facts->existing.items[i];
        if (slice_eq(tag->name, name)) *ret_value = there(tag->value);
    }
    return true;
}

static bool request_tag(const struct s3_facts *facts, struct slice key, struct slice *ret_value) {
    const struct slice prefix = SLICE("s3:RequestObjectTag/");
    struct slice header = s3_header(facts->call, "x-amz-tagging");
    struct tag_set tags = {0};
    enum tagging_defect defect;
    if (!slice_starts_with_nocase(key, prefix)) return false;
    struct slice name = slice_skip(key, prefix.len);
    *ret_value = slice_of(NULL, 0);
    /* What is no set of tags is refused by the operation. */
    IGNORE_STATUS(tagging_parse_header(facts->call->arena, header, TAGGING_OBJECT_TAGS_MAX, NULL,
                                       &defect, &tags));
    for (size_t i = 0; i < tags.count; i++) {
        if (slice_eq(tags.items[i].key, name)) *ret_value = there(tags.items[i].value);
    }
    return true;
}

static bool find_fact(const struct policy_facts *facts, struct slice key,
                      struct policy_values *ret_values) {
    /* The caller's struct is not const; only what it is seen through here is. */
    struct s3_facts *f = (struct s3_facts *)(uintptr_t)facts;
    bool is_prefix = f->prefix.ptr != NULL && slice_eq_nocase(key, SLICE("s3:prefix"));
    if (!existing_tag(f, key, &f->value) && !request_tag(f, key, &f->value)) {
        f->value = is_prefix ? f->prefix : value_of(f, key);
    }
    *ret_values = (struct policy_values){&f->value, 1};
    return f->value.ptr != NULL;
}

void s3_facts_init(struct s3_facts *facts, const struct s3_call *call,
                   const struct bucket *bucket) {
    *facts = (struct s3_facts){.facts = {find_fact}, .call = call, .bucket = bucket};
}
