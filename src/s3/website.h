/*
 * website.h - a bucket as a web site: index and error page, redirects by rules
 *
 *     document ── website_parse ──▶ struct website ── website_rule_match(key, status) ──▶ redirect
 *
 * Threads: a parsed configuration does not change.
 * Spec: S3 API, PutBucketWebsite; S3 User Guide, "Configuring a webpage redirect".
 */
#ifndef S3_WEBSITE_H
#define S3_WEBSITE_H

#include "base/arena.h"
#include "base/note.h"
#include "xml/reader.h"

enum { WEBSITE_DOCUMENT_MAX = 128 * 1024, WEBSITE_RULES_MAX = 50 };

enum website_protocol { WEBSITE_PROTOCOL_SAME, WEBSITE_PROTOCOL_HTTP, WEBSITE_PROTOCOL_HTTPS };

/* Where a rule leads. Slices with a NULL ptr stay as the request has them. */
struct website_redirect {
    enum website_protocol protocol;
    struct slice host;
    struct slice replace_key_prefix; /* instead of the rule's prefix */
    struct slice replace_key;        /* instead of the whole key */
    int status;                      /* 301 where none was given */
};

/* A rule holds for keys with the prefix, and after an error where `error_status` is not 0. */
struct website_rule {
    struct slice key_prefix;
    int error_status;
    struct website_redirect redirect;
};

struct website {
    bool redirects_all;
    struct website_redirect all; /* where redirects_all; protocol and host only */
    struct slice index_suffix;   /* "index.html" */
    struct slice error_key;      /* NULL ptr: none */
    const struct website_rule *rules;
    size_t rule_count;
};

/*
 * Parses a WebsiteConfiguration.
 * Owns: `*ret_website` lies in `arena`.
 * Errors: INVALID, noted: MalformedXML where `*ret_is_malformed`, else InvalidArgument; NO_MEMORY.
 */
struct status website_parse(struct arena *arena, struct slice document, struct note *note,
                            bool *ret_is_malformed, struct website *ret_website);

/*
 * The first rule for `key` once the outcome is `status`; pass 0 before anything was looked up: then
 * rules that wait for an error don't hold. NULL where none does.
 */
const struct website_rule *website_rule_match(const struct website *website, struct slice key,
                                              int status);

/* The key that is served for `key`: the index document for a folder and for the site itself. */
struct slice website_index_key(const struct website *website, struct slice key,
                               struct arena *arena);

/* The Location of a redirect of `key`. `https` and `host` are the request's own. */
struct slice website_location(const struct website_redirect *redirect, struct slice rule_prefix,
                              struct slice key, bool https, struct slice host, struct arena *arena);

#endif
