/*
 * What may change of a version that is there: its tags, its retention, its legal hold.
 */
#include "base/check.h"
#include "base/date.h"
#include "s3/facts.h"
#include "s3/lock_document.h"
#include "s3/object_facts.h"
#include "s3/ops.h"
#include "s3/refusals.h"
#include "s3/version_call.h"

enum { ANSWER_MAX = 64 * 1024 };

struct status op_amend_check(struct s3_call *call) {
    return s3_version_check(call);
}

/* ---- finding and changing ------------------------------------------------------------------- */

/* A change, and what it refuses. */
struct amendment {
    struct object_amendment base;
    struct object_meta wanted; /* what of it counts is the edit's to know */
    int64_t now_ns;
    bool bypasses_governance;
};

static struct status amend(struct s3_call *call, struct amendment *amendment) {
    struct object_info info;
    struct object_version *version = &amendment->base.version;
    amendment->base.key = call->key;
    amendment->now_ns = call->now_ns;
    TRY(s3_version_of(call, version));
    struct status s =
        object_amend(call->service->objects, &call->bucket, &amendment->base, call->arena, &info);
    if (status_is(s, STATUS_NOT_FOUND)) {
        return s3_refuse_no_version(call, &call->bucket, call->key, version);
    }
    if (status_is(s, STATUS_UNSUPPORTED)) {
        TRY(s3_version_find(call, &info)); /* refuses the marker */
        return s3_refuse(call, S3_ERROR_OPERATION_ABORTED, NULL);
    }
    if (status_is(s, STATUS_DENIED)) return s3_refuse_protected(call);
    TRY(s);
    s3_version_answer(call, &info);
    return status_ok();
}

static struct status answer(struct s3_call *call, struct buf *buf, struct xml_writer *writer) {
    IGNORE_STATUS(xml_end(writer)); /* s3_answer_xml tells */
    return s3_answer_xml(call, buf);
}

/* ---- tags ----------------------------------------------------------------------------------- */

static struct status edit_tags(const struct object_amendment *base, const struct object_info *now,
                               struct object_meta *meta) {
    (void)now;
    meta->tags = ((const struct amendment *)base)->wanted.tags;
    return status_ok();
}

struct status op_put_object_tagging(struct s3_call *call) {
    struct amendment amendment = {.base.edit = edit_tags};
    struct slice document;
    struct tag_set tags;
    struct note why = {0};
    enum tagging_defect defect;
    TRY(s3_body_document(call, TAGGING_DOCUMENT_MAX, &document));
    struct status s =
        tagging_parse(call->arena, document, TAGGING_OBJECT_TAGS_MAX, &why, &defect, &tags);
    if (status_is(s, STATUS_INVALID)) return s3_tagging_refuse(call, defect, why.text);
    TRY(s);
    TRY(s3_tags_to_pairs(call->arena, &tags, &amendment.wanted.tags));
    TRY(s3_authorize_document(call, (struct object_pairs){0}, &amendment.wanted.tags));
    return amend(call, &amendment);
}

struct status op_delete_object_tagging(struct s3_call *call) {
    struct amendment amendment = {.base.edit = edit_tags};
    TRY(amend(call, &amendment));
    call->response.status = 204;
    return status_ok();
}

struct status op_get_object_tagging(struct s3_call *call) {
    struct object_info info;
    struct tag_set tags;
    struct buf buf;
    struct xml_writer writer;
    TRY(s3_version_find(call, &info));
    TRY(s3_pairs_to_tags(call->arena, &info.meta.tags, &tags));
    s3_version_answer(call, &info);
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open_ns(&writer, "Tagging", XML_NS_S3);
    tagging_write(&writer, &tags);
    xml_close(&writer, "Tagging");
    return answer(call, &buf, &writer);
}

/* ---- retention ------------------------------------------------------------------------------ */

/*
 * To protect for longer is always allowed. To protect for less long, or in another mode, is not in
 * mode COMPLIANCE, and in mode GOVERNANCE for those who bypass it.
 */
static bool weakens(const struct object_lock *has, const struct object_lock *wanted) {
    return wanted->until_ns < has->until_ns || wanted->mode != has->mode;
}

static struct status edit_retention(const struct object_amendment *base,
                                    const struct object_info *now, struct object_meta *meta) {
    const struct amendment *self = (const struct amendment *)base;
    struct object_lock has = now->meta.lock;
    has.legal_hold = false;
    if (object_lock_holds(&has, self->now_ns, self->bypasses_governance) &&
        weakens(&has, &self->wanted.lock)) {
        return status_of(STATUS_DENIED);
    }
    meta->lock.mode = self->wanted.lock.mode;
    meta->lock.until_ns = self->wanted.lock.until_ns;
    return status_ok();
}

static struct status document_refuse(struct s3_call *call, enum lock_defect defect,
                                     const char *why) {
    if (defect == LOCK_DEFECT_MALFORMED) return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
    return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "%s", why);
}

/* Policies may set bounds to what is protected, and for how long. */
static struct status authorize_retention(struct s3_call *call,
                                         const struct lock_retention *retention) {
    char until[DATE_TEXT_CAP];
    date_format_iso_ms(retention->until_ns, until);
    const struct object_pair facts[] = {
        {SLICE("s3:object-lock-mode"), slice_str(lock_mode_name(retention->mode))},
        {SLICE("s3:object-lock-retain-until-date"), slice_str(until)},
        {SLICE("s3:object-lock-remaining-retention-days"),
         s3_facts_days_until(call, retention->until_ns)},
    };
    bool takes_away = retention->mode == LOCK_MODE_NONE;
    return s3_authorize_document(
        call, (struct object_pairs){facts, takes_away ? 0 : ARRAY_LEN(facts)}, NULL);
}

struct status op_put_object_retention(struct s3_call *call) {
    struct amendment amendment = {.base.edit = edit_retention};
    struct slice document;
    struct lock_retention retention;
    struct note why = {0};
    enum lock_defect defect;
    TRY(s3_body_document(call, LOCK_DOCUMENT_MAX, &document));
    TRY(s3_lock_check_bucket(call));
    struct status s = lock_retention_parse(call->arena, document, &why, &defect, &retention);
    if (status_is(s, STATUS_INVALID)) return document_refuse(call, defect, why.text);
    TRY(s);
    if (retention.mode != LOCK_MODE_NONE && retention.until_ns <= call->now_ns) {
        return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT,
                         "The retain until date must be in the future!");
    }
    TRY(authorize_retention(call, &retention));
    TRY(s3_bypasses_governance(call, call->key, &amendment.bypasses_governance));
    amendment.wanted.lock.mode = (enum object_lock_mode)retention.mode;
    amendment.wanted.lock.until_ns = retention.until_ns;
    return amend(call, &amendment);
}

static struct status no_configuration(struct s3_call *call) {
    return s3_refuse(call, S3_ERROR_NO_SUCH_OBJECT_LOCK_CONFIGURATION, NULL);
}

struct status op_get_object_retention(struct s3_call *call) {
    struct object_info info;
    struct buf buf;
    struct xml_writer writer;
    TRY(s3_lock_check_bucket(call));
    TRY(s3_version_find(call, &info));
    if (info.meta.lock.mode == OBJECT_LOCK_NONE) return no_configuration(call);
    const struct lock_retention retention = {(enum lock_mode)info.meta.lock.mode,
                                             info.meta.lock.until_ns};
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    lock_retention_write(&writer, &retention);
    return answer(call, &buf, &writer);
}

/* ---- legal hold ----------------------------------------------------------------------------- */

static struct status edit_hold(const struct object_amendment *base, const struct object_info *now,
                               struct object_meta *meta) {
    (void)now;
    meta->lock.legal_hold = ((const struct amendment *)base)->wanted.lock.legal_hold;
    return status_ok();
}

struct status op_put_object_legal_hold(struct s3_call *call) {
    struct amendment amendment = {.base.edit = edit_hold};
    struct slice document;
    struct note why = {0};
    enum lock_defect defect;
    TRY(s3_body_document(call, LOCK_DOCUMENT_MAX, &document));
    TRY(s3_lock_check_bucket(call));
    struct status s =
        lock_hold_parse(call->arena, document, &why, &defect, &amendment.wanted.lock.legal_hold);
    if (status_is(s, STATUS_INVALID)) return document_refuse(call, defect, why.text);
    TRY(s);
    const struct object_pair hold = {SLICE("s3:object-lock-legal-hold"),
                                     amendment.wanted.lock.legal_hold ? SLICE("ON") : SLICE("OFF")};
    TRY(s3_authorize_document(call, (struct object_pairs){&hold, 1}, NULL));
    return amend(call, &amendment);
}

struct status op_get_object_legal_hold(struct s3_call *call) {
    struct object_info info;
    struct buf buf;
    struct xml_writer writer;
    TRY(s3_lock_check_bucket(call));
    TRY(s3_version_find(call, &info));
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    lock_hold_write(&writer, info.meta.lock.legal_hold);
    return answer(call, &buf, &writer);
}
