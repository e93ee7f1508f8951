/*
 * cors.h - which other sites' pages may use a bucket: the rules, and what they say to a request
 *
 *     document ── cors_parse ──▶ struct cors ── cors_match(origin, method, headers) ──▶ a rule
 *
 * Threads: a parsed configuration does not change.
 * Spec: S3 API, PutBucketCors; Fetch standard, "CORS protocol".
 */
#ifndef S3_CORS_H
#define S3_CORS_H

#include "base/arena.h"
#include "base/note.h"
#include "http/response.h"
#include "s3/call.h"
#include "xml/reader.h"

enum { CORS_DOCUMENT_MAX = 64 * 1024, CORS_RULES_MAX = 100 };

/* Words of a rule. */
struct cors_words {
    const struct slice *items;
    size_t count;
};

struct cors_rule {
    struct slice id;
    struct cors_words origins; /* at most one '*' in each */
    struct cors_words methods;
    struct cors_words headers; /* at most one '*' in each; without case */
    struct cors_words exposed;
    bool has_max_age;
    uint64_t max_age_s;
};

struct cors {
    const struct cors_rule *rules;
    size_t rule_count;
};

/*
 * Parses a CORSConfiguration.
 * Owns: `*ret_cors` lies in `arena`.
 * Errors: INVALID, noted: MalformedXML where `*ret_is_malformed`, else InvalidRequest; TOO_LARGE;
 * NO_MEMORY.
 */
struct status cors_parse(struct arena *arena, struct slice document, struct note *note,
                         bool *ret_is_malformed, struct cors *ret_cors);

/* What a browser asks. */
struct cors_question {
    struct slice origin;
    struct slice method;  /* that is, or is going to be, used */
    struct slice headers; /* of Access-Control-Request-Headers; a list; empty where there is none */
};

/* The first rule that allows all of it; NULL where none does. */
const struct cors_rule *cors_match(const struct cors *cors, const struct cors_question *question);

/* Sets the headers that allow what was asked; those of a preflight too where `is_preflight`. */
void cors_answer(const struct cors_rule *rule, const struct cors_question *question,
                 bool is_preflight, struct arena *arena, struct http_response *response);

/*
 * Sets on the answer to a call what the bucket's rules allow its Origin; nothing where there is no
 * such header, no rule, or no bucket found.
 * Blocks: as the store, where the bucket has rules.
 */
void s3_cors_apply(struct s3_call *call);

#endif
