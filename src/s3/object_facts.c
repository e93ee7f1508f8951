#include "s3/object_facts.h"

#include <stdlib.h>

#include "base/date.h"
#include "s3/grants.h"
#include "s3/lock_document.h"

/* ---- tags ----------------------------------------------------------------------------------- */

struct status s3_tagging_refuse(struct s3_call *call, enum tagging_defect defect, const char *why) {
    switch (defect) {
        case TAGGING_MALFORMED:
            return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
        case TAGGING_INVALID:
            return s3_refuse(call, S3_ERROR_INVALID_TAG, "%s", why);
        case TAGGING_TOO_MANY:
            /*
             * Spec-deviation: S3 says BadRequest; the S3 test suite of Ceph wants InvalidTag.
             */
            return s3_refuse(call, S3_ERROR_INVALID_TAG, "Object tags cannot be greater than %d",
                             TAGGING_OBJECT_TAGS_MAX);
        case TAGGING_ARGUMENT:
            break;
    }
    return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                     "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL "
                     "query parameters without tag name duplicates.");
}

static int by_name(const void *a, const void *b) {
    return slice_cmp(((const struct object_pair *)a)->name, ((const struct object_pair *)b)->name);
}

struct status s3_tags_to_pairs(struct arena *arena, const struct tag_set *tags,
                               struct object_pairs *ret_pairs) {
    struct object_pair *pairs = arena_calloc(arena, tags->count + 1, sizeof *pairs);
    if (pairs == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < tags->count; i++) {
        pairs[i] = (struct object_pair){tags->items[i].key, tags->items[i].value};
    }
    qsort(pairs, tags->count, sizeof *pairs, by_name);
    *ret_pairs = (struct object_pairs){pairs, tags->count};
    return status_ok();
}

struct status s3_pairs_to_tags(struct arena *arena, const struct object_pairs *pairs,
                               struct tag_set *ret_tags) {
    struct tag *tags = arena_calloc(arena, pairs->count + 1, sizeof *tags);
    if (tags == NULL) return status_of(STATUS_NO_MEMORY);
    for (size_t i = 0; i < pairs->count; i++) {
        tags[i] = (struct tag){pairs->items[i].name, pairs->items[i].value};
    }
    *ret_tags = (struct tag_set){tags, pairs->count};
    return status_ok();
}

static struct status header_parse(const struct s3_call *call, struct note *why,
                                  enum tagging_defect *ret_defect, struct tag_set *ret_tags) {
    struct slice header = s3_header(call, "x-amz-tagging");
    *ret_tags = (struct tag_set){0};
    if (header.len == 0) return status_ok();
    /* Spec: S3 POST Object: the field of a form has the document. */
    bool of_form = call->op != NULL && call->op->subject == S3_KEYS;
    return of_form && header.ptr[0] == '<'
               ? tagging_parse(call->arena, header, TAGGING_OBJECT_TAGS_MAX, why, ret_defect,
                               ret_tags)
               : tagging_parse_header(call->arena, header, TAGGING_OBJECT_TAGS_MAX, why, ret_defect,
                                      ret_tags);
}

void s3_tags_peek(const struct s3_call *call, struct object_pairs *ret_tags) {
    struct tag_set tags;
    struct note why = {0};
    enum tagging_defect defect;
    *ret_tags = (struct object_pairs){0};
    if (!is_ok(header_parse(call, &why, &defect, &tags))) return;
    IGNORE_STATUS(s3_tags_to_pairs(call->arena, &tags, ret_tags));
}

struct status s3_tags_of_request(struct s3_call *call, struct object_pairs *ret_tags) {
    struct tag_set tags;
    struct note why = {0};
    enum tagging_defect defect;
    *ret_tags = (struct object_pairs){0};
    struct status s = header_parse(call, &why, &defect, &tags);
    if (status_is(s, STATUS_INVALID)) return s3_tagging_refuse(call, defect, why.text);
    TRY(s);
    return s3_tags_to_pairs(call->arena, &tags, ret_tags);
}

struct status s3_replaces_tags(struct s3_call *call, bool *ret_replaces) {
    static const char name[] = "x-amz-tagging-directive";
    struct slice directive = s3_header(call, name);
    *ret_replaces = slice_eq(directive, SLICE("REPLACE"));
    if (directive.len == 0 || *ret_replaces || slice_eq(directive, SLICE("COPY"))) {
        return status_ok();
    }
    return s3_refuse_argument(call, name, directive, "Unknown tagging directive.");
}

/* ---- lock ----------------------------------------------------------------------------------- */

#define MODE "x-amz-object-lock-mode"
#define UNTIL "x-amz-object-lock-retain-until-date"
#define HOLD "x-amz-object-lock-legal-hold"

struct status s3_lock_check_bucket(struct s3_call *call) {
    if (call->bucket.lock.enabled) return status_ok();
    return s3_refuse(call, S3_ERROR_INVALID_REQUEST, "Bucket is missing Object Lock Configuration");
}

static struct status retention_of_request(struct s3_call *call, struct object_lock *lock) {
    struct slice mode = s3_header(call, MODE);
    struct slice until = s3_header(call, UNTIL);
    enum lock_mode parsed;
    if (mode.ptr == NULL && until.ptr == NULL) return status_ok();
    if (mode.ptr == NULL || until.ptr == NULL) {
        return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                         UNTIL " and " MODE " must both be supplied");
    }
    if (!lock_mode_parse(mode, &parsed)) {
        return s3_refuse_argument(call, MODE, mode, "Unknown wormMode directive.");
    }
    if (!date_parse_iso(until, &lock->until_ns)) {
        return s3_refuse_argument(call, UNTIL, until,
                                  "The retain until date must be provided in ISO 8601 format");
    }
    if (lock->until_ns <= call->now_ns) {
        return s3_refuse_argument(call, UNTIL, until,
                                  "The retain until date must be in the future!");
    }
    lock->mode = (enum object_lock_mode)parsed;
    return status_ok();
}

struct status s3_lock_of_request(struct s3_call *call, struct object_lock *ret_lock) {
    struct object_lock lock = {0};
    struct slice hold = s3_header(call, HOLD);
    bool any =
        hold.ptr != NULL || s3_header(call, MODE).ptr != NULL || s3_header(call, UNTIL).ptr != NULL;
    *ret_lock = lock;
    if (!any) return status_ok();
    TRY(s3_lock_check_bucket(call));
    TRY(retention_of_request(call, &lock));
    lock.legal_hold = slice_eq(hold, SLICE("ON"));
    if (hold.ptr != NULL && !lock.legal_hold && !slice_eq(hold, SLICE("OFF"))) {
        return s3_refuse_argument(call, HOLD, hold, "Legal Hold must be either of 'ON' or 'OFF'");
    }
    *ret_lock = lock;
    return status_ok();
}

/* ---- answers -------------------------------------------------------------------------------- */

static struct status may(struct s3_call *call, const char *action, bool *ret_may) {
    struct access_decision decision;
    const struct s3_question question = {
        .action = action, .bucket = &call->bucket, .key = call->key};
    TRY(s3_decide(call, &question, &decision));
    *ret_may = decision.allowed;
    return status_ok();
}

static struct status tags_answer(struct s3_call *call, const struct object_meta *meta) {
    bool allowed;
    if (meta->tags.count == 0) return status_ok();
    TRY(may(call, "s3:GetObjectTagging", &allowed));
    if (allowed) {
        http_response_set_u64(&call->response, "x-amz-tagging-count", meta->tags.count);
    }
    return status_ok();
}

static struct status retention_answer(struct s3_call *call, const struct object_lock *lock) {
    char text[DATE_TEXT_CAP];
    bool allowed;
    if (lock->mode == OBJECT_LOCK_NONE) return status_ok();
    TRY(may(call, "s3:GetObjectRetention", &allowed));
    if (!allowed) return status_ok();
    date_format_iso_ms(lock->until_ns, text);
    http_response_set_str(&call->response, MODE, lock_mode_name((enum lock_mode)lock->mode));
    http_response_set(&call->response, SLICE(UNTIL), arena_dup(call->arena, slice_str(text)));
    return arena_ok(call->arena);
}

static struct status hold_answer(struct s3_call *call, const struct object_lock *lock) {
    bool allowed;
    if (!call->bucket.lock.enabled || !lock->legal_hold) return status_ok();
    TRY(may(call, "s3:GetObjectLegalHold", &allowed));
    if (allowed) http_response_set_str(&call->response, HOLD, "ON");
    return status_ok();
}

struct status s3_facts_answer(struct s3_call *call, const struct object_meta *meta) {
    TRY(tags_answer(call, meta));
    TRY(retention_answer(call, &meta->lock));
    return hold_answer(call, &meta->lock);
}
