/*
 * explain.h - why a request would be allowed or denied, asked by whoever administers the zone
 *
 * The question is put to the same evaluator that requests are judged by (grants.h), by the bucket's
 * documents as they are, or by a policy that is not put yet. Without a store there is that policy
 * alone.
 *
 * Threads: any. Blocks: as the store.
 */
#ifndef S3_EXPLAIN_H
#define S3_EXPLAIN_H

#include "access/access.h"
#include "s3/call.h"

/* What would be asked. */
struct s3_explain {
    const struct s3_service *service; /* without `objects`: there is no store */
    const struct s3_region *region;
    struct principal principal;
    struct slice action; /* "s3:GetObject" */
    struct slice bucket;
    struct slice key;     /* empty: about the bucket */
    struct slice version; /* empty: the current one */
    struct slice source_ip;
    bool is_tls;
    int64_t now_ns;
    struct object_pairs facts; /* other condition keys: several pairs for several values */
    struct slice policy;       /* to judge by instead of the bucket's; a NULL ptr: the bucket's */
    struct slice owner;        /* of the bucket, where there is no store */
};

/* What came of it. */
struct s3_explanation {
    struct access_decision decision;
    struct slice owner;    /* the project that the bucket belongs to */
    struct slice resource; /* as policies name it */
};

/*
 * Decides, and says by what.
 * Owns: the answer lies in `arena`, or is the question's.
 * Errors: INVALID (the action, the version, or the policy), noted; NOT_FOUND (no such bucket),
 * noted; CORRUPT; IO; NO_MEMORY.
 */
struct status s3_explain(const struct s3_explain *asked, struct arena *arena, struct note *note,
                         struct s3_explanation *ret_explanation);

#endif
