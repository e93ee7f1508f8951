/* Headers that a presigned URL carries in its query. */
#include "auth/auth.h"
#include "base/check.h"
#include "http/text.h"

/* What is about the proof, and what only the SDK that made the URL needs. */
static const struct slice proof_names[] = {
    {"x-amz-algorithm", 15},      {"x-amz-credential", 16},
    {"x-amz-date", 10},           {"x-amz-expires", 13},
    {"x-amz-signedheaders", 19},  {"x-amz-signature", 15},
    {"x-amz-user-agent", 16},     {"x-amz-content-sha256", 20},
    {"x-amz-security-token", 20}, {"x-amz-sdk-checksum-algorithm", 28},
};

static bool is_one_of(struct slice name, const struct slice *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (slice_eq_nocase(name, names[i])) return true;
    }
    return false;
}

/* Whether the parameter stands for a header: in version 2 two headers of HTTP may, too. */
static bool is_header(enum auth_kind kind, struct slice name) {
    static const struct slice v2_names[] = {{"content-md5", 11}, {"content-type", 12}};
    bool is_v2 = kind == AUTH_SIGV2_QUERY;
    if (is_v2 && is_one_of(name, v2_names, ARRAY_LEN(v2_names))) return true;
    return slice_starts_with_nocase(name, SLICE("x-amz-")) &&
           !is_one_of(name, proof_names, ARRAY_LEN(proof_names));
}

struct status auth_query_headers(const struct auth_result *result, const struct http_query *query,
                                 struct http_head *head, size_t *ret_count) {
    size_t before = head->header_count;
    bool presigned = result->kind == AUTH_SIGV4_QUERY || result->kind == AUTH_SIGV2_QUERY;
    for (size_t i = 0; presigned && i < query->count; i++) {
        const struct http_param *param = &query->params[i];
        if (!is_header(result->kind, param->name)) continue;
        if (http_head_count(head, param->name) > 0) continue;
        bool fits = head->header_count < HTTP_HEADERS_MAX;
        if (!fits || !http_is_token(param->name) || !http_is_field_value(param->value)) {
            return status_of(STATUS_INVALID);
        }
        struct slice value = slice_trim(param->value);
        if (value.ptr == NULL) value = SLICE("");
        head->headers[head->header_count++] = (struct http_header){param->name, value};
    }
    *ret_count = head->header_count - before;
    return status_ok();
}
