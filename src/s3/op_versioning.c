/*
 * Versioning and object lock of a bucket.
 */
#include "base/check.h"
#include "object/config.h"
#include "s3/lock_document.h"
#include "s3/ops.h"
#include "s3/refusals.h"

enum { ANSWER_MAX = 4096 };

static struct status document_refuse(struct s3_call *call, enum lock_defect defect,
                                     const char *why) {
    switch (defect) {
        case LOCK_DEFECT_MALFORMED:
            break;
        case LOCK_DEFECT_PERIOD:
        case LOCK_DEFECT_ARGUMENT:
            return s3_refuse(call, S3_ERROR_INVALID_ARGUMENT, "%s", why);
    }
    return s3_refuse(call, S3_ERROR_MALFORMED_XML, NULL);
}

struct status op_put_bucket_versioning(struct s3_call *call) {
    struct slice document;
    struct note why = {0};
    enum lock_defect defect;
    bool given = false;
    bool enabled = false;
    TRY(s3_body_document(call, LOCK_DOCUMENT_MAX, &document));
    struct status s = versioning_parse(call->arena, document, &why, &defect, &given, &enabled);
    if (status_is(s, STATUS_INVALID)) return document_refuse(call, defect, why.text);
    TRY(s);
    if (!given) {
        return s3_refuse(call, S3_ERROR_ILLEGAL_VERSIONING_CONFIGURATION,
                         "The Versioning element must be specified");
    }
    s = bucket_versioning_set(call->service->objects, &call->bucket,
                              enabled ? BUCKET_VERSIONING_ENABLED : BUCKET_VERSIONING_SUSPENDED);
    if (status_is(s, STATUS_CONFLICT)) {
        return s3_refuse(call, S3_ERROR_INVALID_BUCKET_STATE,
                         "An Object Lock configuration is present on this bucket, so the "
                         "versioning state cannot be changed.");
    }
    return status_is(s, STATUS_NOT_FOUND) ? s3_refuse_bucket_gone(call) : s;
}

struct status op_get_bucket_versioning(struct s3_call *call) {
    struct buf buf;
    struct xml_writer writer;
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    xml_declaration(&writer);
    xml_open_ns(&writer, "VersioningConfiguration", XML_NS_S3);
    if (call->bucket.versioning != BUCKET_VERSIONING_OFF) {
        bool enabled = call->bucket.versioning == BUCKET_VERSIONING_ENABLED;
        xml_element_str(&writer, "Status", enabled ? "Enabled" : "Suspended");
    }
    xml_close(&writer, "VersioningConfiguration");
    IGNORE_STATUS(xml_end(&writer)); /* s3_answer_xml tells */
    return s3_answer_xml(call, &buf);
}

/* ---- object lock ---------------------------------------------------------------------------- */

struct status op_put_object_lock_configuration(struct s3_call *call) {
    struct slice document;
    struct note why = {0};
    enum lock_defect defect;
    struct lock_default rule;
    TRY(s3_body_document(call, LOCK_DOCUMENT_MAX, &document));
    struct status s = lock_default_parse(call->arena, document, &why, &defect, &rule);
    if (status_is(s, STATUS_INVALID)) return document_refuse(call, defect, why.text);
    TRY(s);
    const struct bucket_lock lock = {
        .mode = (enum object_lock_mode)rule.mode, .days = rule.days, .years = rule.years};
    s = bucket_lock_set(call->service->objects, &call->bucket, &lock);
    if (status_is(s, STATUS_CONFLICT)) {
        return s3_refuse(call, S3_ERROR_INVALID_BUCKET_STATE,
                         "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                         "configuration");
    }
    return status_is(s, STATUS_NOT_FOUND) ? s3_refuse_bucket_gone(call) : s;
}

struct status op_get_object_lock_configuration(struct s3_call *call) {
    const struct bucket_lock *lock = &call->bucket.lock;
    struct buf buf;
    struct xml_writer writer;
    if (!lock->enabled) {
        return s3_refuse(call, S3_ERROR_OBJECT_LOCK_CONFIGURATION_NOT_FOUND, NULL);
    }
    const struct lock_default rule = {(enum lock_mode)lock->mode, lock->days, lock->years};
    buf_init(&buf, ANSWER_MAX);
    xml_writer_init(&writer, &buf);
    lock_default_write(&writer, &rule);
    IGNORE_STATUS(xml_end(&writer));
    return s3_answer_xml(call, &buf);
}
