/*
 * lock_document.h - versioning and object lock as clients write them
 *
 * Threads: pure functions.
 * Spec: S3 API, PutBucketVersioning, PutObjectLockConfiguration, PutObjectRetention,
 * PutObjectLegalHold.
 */
#ifndef S3_LOCK_DOCUMENT_H
#define S3_LOCK_DOCUMENT_H

#include "base/arena.h"
#include "base/note.h"
#include "xml/writer.h"

enum {
    LOCK_DAYS_MAX = 36500,
    LOCK_YEARS_MAX = 100,
    LOCK_DOCUMENT_MAX = 16 * 1024,
};

enum lock_mode { LOCK_MODE_NONE, LOCK_MODE_GOVERNANCE, LOCK_MODE_COMPLIANCE };

/* How long new objects of a bucket are protected where they don't say. */
struct lock_default {
    enum lock_mode mode; /* NONE: there is no default */
    uint64_t days;       /* exactly one of both */
    uint64_t years;
};

/* Until when a version is protected, and how strictly. */
struct lock_retention {
    enum lock_mode mode; /* NONE: it is not */
    int64_t until_ns;
};

/* What is wrong with a document, for the door's error. */
enum lock_defect {
    LOCK_DEFECT_MALFORMED, /* MalformedXML */
    LOCK_DEFECT_PERIOD,    /* InvalidRetentionPeriod: InvalidArgument */
    LOCK_DEFECT_ARGUMENT   /* InvalidArgument, InvalidRequest */
};

/*
 * Each parses its document.
 * Errors: INVALID with `*ret_defect`, noted; NO_MEMORY.
 */
struct status lock_default_parse(struct arena *arena, struct slice document, struct note *note,
                                 enum lock_defect *ret_defect, struct lock_default *ret_default);
struct status lock_retention_parse(struct arena *arena, struct slice document, struct note *note,
                                   enum lock_defect *ret_defect,
                                   struct lock_retention *ret_retention);
struct status lock_hold_parse(struct arena *arena, struct slice document, struct note *note,
                              enum lock_defect *ret_defect, bool *ret_hold);

/*
 * Parses a VersioningConfiguration. `*ret_enabled` is false for Suspended; `*ret_given` is false
 * where it says nothing. MFA delete can't be enabled here: ARGUMENT.
 * Errors: as above.
 */
struct status versioning_parse(struct arena *arena, struct slice document, struct note *note,
                               enum lock_defect *ret_defect, bool *ret_given, bool *ret_enabled);

/* "GOVERNANCE" and "COMPLIANCE", both ways; false for anything else. */
bool lock_mode_parse(struct slice text, enum lock_mode *ret_mode);
const char *lock_mode_name(enum lock_mode mode);

/* When the protection by a bucket's default ends for an object made at `now_ns`. */
int64_t lock_default_until_ns(const struct lock_default *rule, int64_t now_ns);

/* Each writes a whole document. */
void lock_default_write(struct xml_writer *writer, const struct lock_default *rule);
void lock_retention_write(struct xml_writer *writer, const struct lock_retention *retention);
void lock_hold_write(struct xml_writer *writer, bool hold);

#endif
