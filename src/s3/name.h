/*
 * name.h - which names S3 lets buckets be made with
 *
 * Threads: pure functions.
 */
#ifndef S3_NAME_H
#define S3_NAME_H

#include "base/slice.h"

enum { S3_BUCKET_NAME_MIN = 3, S3_BUCKET_NAME_MAX = 63 };

/*
 * NULL where `name` is good for a new bucket, else a sentence that says what is wrong with it.
 * Buckets that were made through another door may have other names.
 * Spec: S3 user guide, "General purpose bucket naming rules".
 */
const char *s3_bucket_name_complaint(struct slice name);

#endif
