#include "auth/auth.h"

#include <stdarg.h>
#include <stdio.h>

#include "auth/pass.h"
#include "base/check.h"

static const char *const refusal_texts[AUTH_REFUSAL_COUNT] = {
    [AUTH_REFUSAL_NONE] = "not refused",
#define REFUSAL(name, text) [AUTH_REFUSAL_##name] = text,
#include "auth/refusals.def"
#undef REFUSAL
};

const char *auth_refusal_text(enum auth_refusal refusal) {
    CHECK(refusal < AUTH_REFUSAL_COUNT);
    return refusal_texts[refusal];
}

struct status auth_refuse(struct auth_pass *pass, enum auth_refusal refusal, const char *format,
                          ...) {
    struct note said = {0};
    va_list args;
    va_start(args, format);
    vsnprintf(said.text, sizeof said.text, format, args);
    va_end(args);
    pass->denial.refusal = refusal;
    return note_status(pass->note, STATUS_REFUSED, "%s", said.text);
}

struct status auth_header_single(struct auth_pass *pass, struct slice name,
                                 enum auth_refusal refusal, struct slice *ret_value) {
    const struct http_head *head = pass->request->head;
    struct slice found = {0};
    for (size_t i = 0; i < head->header_count; i++) {
        if (!slice_eq_nocase(head->headers[i].name, name)) continue;
        if (found.ptr != NULL) {
            return auth_refuse(pass, refusal, "The header %.*s is there more than once.",
                               SLICE_FMT(name));
        }
        found = head->headers[i].value;
        if (found.ptr == NULL) found.ptr = "";
    }
    *ret_value = found;
    return status_ok();
}

struct status auth_key_look_up(struct auth_pass *pass, struct slice access_key,
                               struct slice *ret_secret) {
    struct identity_key key;
    bool possible =
        access_key.len >= IDENTITY_ACCESS_KEY_MIN && access_key.len <= IDENTITY_ACCESS_KEY_MAX;
    struct status found =
        possible ? identity_key_find(pass->request->identity, access_key, pass->arena, &key)
                 : status_of(STATUS_NOT_FOUND);
    if (status_is(found, STATUS_NOT_FOUND)) {
        return auth_refuse(pass, AUTH_REFUSAL_ACCESS_KEY_UNKNOWN,
                           "There is no such access key, or it is disabled.");
    }
    if (status_is(found, STATUS_DENIED)) {
        return auth_refuse(pass, AUTH_REFUSAL_ROLE_MISSING,
                           "The user of this access key has no role in its project.");
    }
    TRY(found);
    pass->result.principal = key.principal;
    *ret_secret = key.secret;
    return status_ok();
}

bool auth_time_within(int64_t a_ns, int64_t b_ns, int64_t seconds) {
    int64_t later_ns;
    if (__builtin_sub_overflow(a_ns, b_ns, &later_ns)) return a_ns < b_ns;
    return later_ns <= seconds * NS_PER_S;
}

bool auth_is_skewed(int64_t a_ns, int64_t b_ns) {
    return !auth_time_within(a_ns, b_ns, AUTH_SKEW_MAX_S) ||
           !auth_time_within(b_ns, a_ns, AUTH_SKEW_MAX_S);
}

/*
 * A well-formed HTTP date in a year that our clock cannot hold is a date far from ours, not a bad
 * one: the year 9999 counts as the last that can be held.
 */
static bool date_is_beyond_clock(struct slice text, int64_t *ret_time_ns) {
    enum { YEAR_AT = 12, YEAR_LEN = 4 };
    uint64_t year;
    char last[DATE_HTTP_LEN];
    if (text.len != DATE_HTTP_LEN) return false;
    if (!slice_parse_u64(slice_take(slice_skip(text, YEAR_AT), YEAR_LEN), &year)) return false;
    if (year < 2262) return false;
    memcpy(last, text.ptr, sizeof last);
    memcpy(last + YEAR_AT, "2261", YEAR_LEN);
    return date_parse_http(slice_of(last, sizeof last), ret_time_ns);
}

static bool date_parse_any(struct slice text, int64_t *ret_time_ns) {
    return date_parse_compact(text, ret_time_ns) || date_parse_http(text, ret_time_ns) ||
           date_parse_iso(text, ret_time_ns) || date_is_beyond_clock(text, ret_time_ns);
}

struct status auth_header_time(struct auth_pass *pass, int64_t *ret_time_ns, bool *ret_is_amz) {
    struct slice date;
    int64_t time_ns;
    TRY(auth_header_single(pass, SLICE("x-amz-date"), AUTH_REFUSAL_DATE_MISSING, &date));
    bool is_amz = date.ptr != NULL;
    if (!is_amz) TRY(auth_header_single(pass, SLICE("date"), AUTH_REFUSAL_DATE_MISSING, &date));
    if (!date_parse_any(date, &time_ns)) {
        return auth_refuse(pass, AUTH_REFUSAL_DATE_MISSING,
                           "A signed request needs a valid date in x-amz-date or Date.");
    }
    pass->denial.request_time_ns = time_ns;
    if (auth_is_skewed(time_ns, pass->request->now_ns)) {
        return auth_refuse(pass, AUTH_REFUSAL_SKEWED,
                           "The request's time and this server's differ by more than %d minutes.",
                           AUTH_SKEW_MAX_S / 60);
    }
    *ret_time_ns = time_ns;
    *ret_is_amz = is_amz;
    return status_ok();
}

struct status auth_token_refuse(struct auth_pass *pass) {
    struct slice name = SLICE("x-amz-security-token");
    bool found = http_head_count(pass->request->head, name) > 0;
    const struct http_query *query = pass->request->query;
    for (size_t i = 0; i < query->count; i++) {
        found = found || slice_eq_nocase(query->params[i].name, name);
    }
    if (!found) return status_ok();
    return auth_refuse(pass, AUTH_REFUSAL_TOKEN_UNSUPPORTED,
                       "This server does not issue temporary credentials, and takes none.");
}

/* Query parameters that only a presigned URL of that version has. */
static const struct {
    struct slice name;
    enum auth_kind kind;
} query_marks[] = {
    {{"X-Amz-Algorithm", 15}, AUTH_SIGV4_QUERY}, {{"X-Amz-Credential", 16}, AUTH_SIGV4_QUERY},
    {{"X-Amz-Signature", 15}, AUTH_SIGV4_QUERY}, {{"AWSAccessKeyId", 14}, AUTH_SIGV2_QUERY},
    {{"Signature", 9}, AUTH_SIGV2_QUERY},
};

/* The bits of the kinds of presigning that `query` shows, in any case of letters. */
static unsigned query_kinds(const struct http_query *query) {
    unsigned kinds = 0;
    for (size_t i = 0; i < query->count; i++) {
        for (size_t m = 0; m < ARRAY_LEN(query_marks); m++) {
            bool marked = slice_eq_nocase(query->params[i].name, query_marks[m].name);
            if (marked) kinds |= 1u << query_marks[m].kind;
        }
    }
    return kinds;
}

/*
 * Finds what proof the head holds, and refuses more than one. An empty Authorization header is no
 * proof at all.
 */
static struct status kind_find(struct auth_pass *pass, enum auth_kind *ret_kind,
                               struct slice *ret_authorization) {
    struct slice authorization;
    TRY(auth_header_single(pass, SLICE("authorization"), AUTH_REFUSAL_TWO_KINDS, &authorization));
    unsigned kinds = query_kinds(pass->request->query);
    bool several = (kinds & (kinds - 1)) != 0 || (kinds != 0 && authorization.len > 0);
    if (several) {
        return auth_refuse(pass, AUTH_REFUSAL_TWO_KINDS,
                           "A request is signed in one way: in the Authorization header, or in "
                           "the query with one version of the signature.");
    }
    if (kinds != 0) {
        *ret_kind = (enum auth_kind)__builtin_ctz(kinds);
    } else if (authorization.len == 0) {
        *ret_kind = AUTH_ANONYMOUS;
    } else {
        bool is_v2 = slice_starts_with(authorization, SLICE("AWS "));
        *ret_kind = is_v2 ? AUTH_SIGV2_HEADER : AUTH_SIGV4_HEADER;
    }
    *ret_authorization = authorization;
    return status_ok();
}

static struct status anonymous_identify(struct auth_pass *pass) {
    struct slice hash;
    if (!pass->request->allow_anonymous) {
        return auth_refuse(pass, AUTH_REFUSAL_ANONYMOUS, "The request must be signed.");
    }
    TRY(auth_header_single(pass, SLICE("x-amz-content-sha256"), AUTH_REFUSAL_PAYLOAD_HASH_INVALID,
                           &hash));
    pass->result.principal = (struct principal){.anonymous = true};
    return auth_payload_parse(pass, hash, false);
}

static struct status sigv2_identify(struct auth_pass *pass, struct slice authorization) {
    if (!pass->request->allow_sigv2) {
        return auth_refuse(pass, AUTH_REFUSAL_SIGV2_DISABLED,
                           "Signature version 2 is turned off here; sign with AWS4-HMAC-SHA256.");
    }
    return pass->denial.kind == AUTH_SIGV2_HEADER ? sigv2_verify_header(pass, authorization)
                                                  : sigv2_verify_query(pass);
}

static struct status pass_run(struct auth_pass *pass) {
    enum auth_kind kind = AUTH_ANONYMOUS;
    struct slice authorization = {0};
    TRY(kind_find(pass, &kind, &authorization));
    pass->denial.kind = kind;
    pass->result.kind = kind;
    if (kind == AUTH_ANONYMOUS) return anonymous_identify(pass);
    TRY(auth_token_refuse(pass));
    if (kind == AUTH_SIGV4_HEADER) return sigv4_verify_header(pass, authorization);
    if (kind == AUTH_SIGV4_QUERY) return sigv4_verify_query(pass);
    return sigv2_identify(pass, authorization);
}

struct status auth_identify(const struct auth_request *request, struct arena *arena,
                            struct note *note, struct auth_denial *ret_denial,
                            struct auth_result *ret_result) {
    struct auth_pass pass;
    pass.request = request;
    pass.arena = arena;
    pass.note = note;
    pass.denial = (struct auth_denial){0};
    pass.result = (struct auth_result){0};
    struct status status = pass_run(&pass);
    if (is_ok(status)) status = arena_ok(arena);
    if (status_is(status, STATUS_REFUSED)) *ret_denial = pass.denial;
    if (is_ok(status)) *ret_result = pass.result;
    return status;
}
