/*
 * facts.h - the condition keys of policies, as a request has them
 *
 * Keys of aws: and s3: that can be told from the request; a key that a request does not have is
 * absent. "s3:x-amz-…" is the header of that name; "s3:RequestObjectTag/…" is a tag that the
 * request sets, "s3:ExistingObjectTag/…" one that the object has.
 *
 * Threads: one at a time.
 * Spec: AWS Service Authorization Reference, "Condition keys for Amazon S3"; IAM User Guide, "AWS
 * global condition context keys".
 */
#ifndef S3_FACTS_H
#define S3_FACTS_H

#include "access/policy.h"
#include "object/object.h"
#include "s3/call.h"

struct s3_facts {
    struct policy_facts facts;
    const struct s3_call *call;
    const struct bucket *bucket;
    struct slice prefix;             /* s3:prefix; a NULL ptr: the query's */
    struct object_pairs existing;    /* tags of the object that is asked about; set after init, */
    struct object_pairs given;       /* values that go before the request's, */
    const struct object_pairs *tags; /* and those that would be set; NULL: of the headers */
    struct object_pairs header_tags;
    struct slice value; /* what the last find found */
};

/* Facts about `call` where it touches `bucket`, its own or another; both outlive them. */
void s3_facts_init(struct s3_facts *facts, const struct s3_call *call, const struct bucket *bucket);

/* The whole days that are left of a retention, as s3:object-lock-remaining-retention-days has it.
 */
struct slice s3_facts_days_until(const struct s3_call *call, int64_t until_ns);

#endif
