#include "http/condition.h"

#include "base/date.h"

void http_conditions_of(const struct http_head *head, struct http_conditions *ret_conditions) {
    *ret_conditions = (struct http_conditions){
        .if_match = http_head_find(head, SLICE("if-match")),
        .if_none_match = http_head_find(head, SLICE("if-none-match")),
        .if_modified_since = http_head_find(head, SLICE("if-modified-since")),
        .if_unmodified_since = http_head_find(head, SLICE("if-unmodified-since")),
    };
}

void http_copy_conditions_of(const struct http_head *head, struct http_conditions *ret_conditions) {
    *ret_conditions = (struct http_conditions){
        .if_match = http_head_find(head, SLICE("x-amz-copy-source-if-match")),
        .if_none_match = http_head_find(head, SLICE("x-amz-copy-source-if-none-match")),
        .if_modified_since = http_head_find(head, SLICE("x-amz-copy-source-if-modified-since")),
        .if_unmodified_since = http_head_find(head, SLICE("x-amz-copy-source-if-unmodified-since")),
    };
}

struct slice http_etag_unquote(struct slice text) {
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"') {
        return slice_skip(slice_take(text, text.len - 1), 1);
    }
    return text;
}

struct entity_tag {
    struct slice text;
    bool weak;
};

/* Takes the next tag off a list; a quoted one may have commas in it. */
static bool next_tag(struct slice *list, struct entity_tag *ret_tag) {
    while (list->len > 0 && strchr(" \t,", list->ptr[0]) != NULL && list->ptr[0] != '\0') {
        *list = slice_skip(*list, 1);
    }
    if (list->len == 0) return false;
    bool weak = slice_starts_with(*list, SLICE("W/"));
    struct slice rest = slice_skip(*list, weak ? 2 : 0);
    struct slice text;
    if (rest.len > 0 && rest.ptr[0] == '"' &&
        slice_find_char(slice_skip(rest, 1), '"') < rest.len - 1) {
        slice_cut(slice_skip(rest, 1), '"', &text, list);
    } else {
        slice_cut(rest, ',', &text, list);
        text = slice_trim(text);
    }
    *ret_tag = (struct entity_tag){text, weak};
    return true;
}

bool http_etag_list_has(struct slice list, struct slice etag, bool weak_comparison) {
    if (slice_eq(slice_trim(list), SLICE("*"))) return true;
    struct entity_tag tag;
    while (next_tag(&list, &tag)) {
        if (tag.weak && !weak_comparison) continue;
        if (slice_eq(tag.text, etag)) return true;
    }
    return false;
}

/* Whole seconds, downwards. */
static int64_t seconds_of(int64_t time_ns) {
    int64_t seconds = time_ns / NS_PER_S;
    return time_ns % NS_PER_S < 0 ? seconds - 1 : seconds;
}

/* RFC 9110 sections 13.1.3, 13.1.4: a date that is none is as if absent. */
static bool parse_date(struct slice text, int64_t *ret_seconds) {
    int64_t time_ns;
    if (text.ptr == NULL || !date_parse_http(text, &time_ns)) return false;
    *ret_seconds = seconds_of(time_ns);
    return true;
}

enum http_condition_verdict http_conditions_check(const struct http_conditions *conditions,
                                                  struct slice etag, int64_t modified_ns) {
    int64_t modified = seconds_of(modified_ns);
    int64_t date;
    if (conditions->if_match.ptr != NULL) {
        if (!http_etag_list_has(conditions->if_match, etag, false)) return HTTP_CONDITION_FAILED;
    } else if (parse_date(conditions->if_unmodified_since, &date) && modified > date) {
        return HTTP_CONDITION_FAILED;
    }
    if (conditions->if_none_match.ptr != NULL) {
        bool has = http_etag_list_has(conditions->if_none_match, etag, true);
        return has ? HTTP_CONDITION_NOT_MODIFIED : HTTP_CONDITION_PROCEED;
    }
    bool unmodified = parse_date(conditions->if_modified_since, &date) && modified <= date;
    return unmodified ? HTTP_CONDITION_NOT_MODIFIED : HTTP_CONDITION_PROCEED;
}

enum http_condition_verdict http_copy_conditions_check(const struct http_conditions *conditions,
                                                       struct slice etag, int64_t modified_ns) {
    enum http_condition_verdict verdict = http_conditions_check(conditions, etag, modified_ns);
    return verdict == HTTP_CONDITION_NOT_MODIFIED ? HTTP_CONDITION_FAILED : verdict;
}
