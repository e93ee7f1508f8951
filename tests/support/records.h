/*
 * records.h - every kind of record of the object layer, decoded and encoded again by its number
 */
#ifndef SUPPORT_RECORDS_H
#define SUPPORT_RECORDS_H

#include "object/record.h"

enum test_record {
    TEST_RECORD_OBJECT,
    TEST_RECORD_UPLOAD,
    TEST_RECORD_PART,
    TEST_RECORD_MANIFEST,
    TEST_RECORD_MANIFEST_GARBAGE,
    TEST_RECORD_RECEIPT,
    TEST_RECORD_MARK,
    TEST_RECORD_EPOCH,
    TEST_RECORD_NAME,
    TEST_RECORD_PENDING,
    TEST_RECORD_HEAD,
    TEST_RECORD_COUNT
};

/* Decodes a record of that kind, and encodes what came out. Errors: CORRUPT; NO_MEMORY. */
struct status test_record_again(enum test_record kind, struct slice raw, struct arena *arena,
                                struct slice *ret_again);

/* A record of that kind with every field set. */
struct status test_record_sample(enum test_record kind, struct arena *arena, struct slice *ret_raw);

#endif
