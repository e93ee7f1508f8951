/*
 * condition.h - If-Match and its relatives: does what the client knows still hold?
 *
 * For reading, and for the source of a copy. Conditions of a write are decided where it is
 * committed; http_etag_* help there too.
 *
 * Threads: pure functions.
 */
#ifndef HTTP_CONDITION_H
#define HTTP_CONDITION_H

#include "base/slice.h"
#include "http/head.h"

/* The values of the headers; a NULL ptr where there is none. */
struct http_conditions {
    struct slice if_match;
    struct slice if_none_match;
    struct slice if_modified_since;
    struct slice if_unmodified_since;
};

enum http_condition_verdict {
    HTTP_CONDITION_PROCEED,
    HTTP_CONDITION_NOT_MODIFIED, /* 304 */
    HTTP_CONDITION_FAILED        /* 412 */
};

/* Collects If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since. Owns: `head`. */
void http_conditions_of(const struct http_head *head, struct http_conditions *ret_conditions);

/* Collects x-amz-copy-source-if-match and its three relatives. Owns: `head`. */
void http_copy_conditions_of(const struct http_head *head, struct http_conditions *ret_conditions);

/*
 * Whether a GET or HEAD of an object goes on. `etag` is without quotes. An entity tag decides where
 * both it and a date are given; dates that can't be parsed are ignored; times are compared in whole
 * seconds, as the client was told them.
 * Units: ns since 1970.
 * Spec: RFC 9110 section 13.2.2; S3 GetObject.
 */
enum http_condition_verdict http_conditions_check(const struct http_conditions *conditions,
                                                  struct slice etag, int64_t modified_ns);

/*
 * The same for the source of a copy, where NOT_MODIFIED does not exist: it is FAILED.
 * Units: ns since 1970.
 * Spec: S3 CopyObject.
 */
enum http_condition_verdict http_copy_conditions_check(const struct http_conditions *conditions,
                                                       struct slice etag, int64_t modified_ns);

/*
 * Whether `etag` (without quotes) is in a list of entity tags, or the list is "*". Quotes are
 * optional in the list, as S3 clients leave them out. The strong comparison never matches a weak
 * tag. Spec: RFC 9110 sections 8.8.3.2, 13.1.1, 13.1.2.
 */
bool http_etag_list_has(struct slice list, struct slice etag, bool weak_comparison);

/* `text` without one pair of quotes around it, if there is one. */
struct slice http_etag_unquote(struct slice text);

#endif
