/*
 * bench_plan.h - which request is the n-th of a run, and its head, signed
 *
 * Requests are numbered by tickets, which threads draw one by one; what a ticket stands for does
 * not depend on who drew it. Objects have the keys hinkbench/NNNNNNNN.
 *
 * A head costs a signature, so those that come again (the same operation on the same object) are
 * kept for some minutes.
 *
 * Threads: plans are read only; a struct bench_heads is for one thread at a time.
 */
#ifndef CLI_BENCH_PLAN_H
#define CLI_BENCH_PLAN_H

#include "auth/sign.h"
#include "cli/bench_options.h"

enum {
    BENCH_HEAD_MAX = 2048,
    BENCH_KEPT_HEADS_MAX = 16384 /* of an operation, in a thread */
};

struct bench_plan {
    enum bench_operation operation;
    uint64_t objects; /* that are there, or with BENCH_PUT how many to write in turn; 0: no end */
    uint64_t tickets; /* how many there are; 0: no end */
    uint64_t lag;     /* requests that may be under way together */
    bool random_keys; /* what is put or deleted has its keys in random order */
};

struct bench_request {
    enum bench_operation operation; /* never BENCH_MIXED */
    uint64_t index;                 /* of the object; where a page begins */
};

/* What ticket `ticket` stands for; false where there are no more. */
bool bench_plan_request(const struct bench_plan *plan, uint64_t ticket,
                        struct bench_request *ret_request);

/* Objects that may be there when `tickets` tickets have been drawn: those with lower indices. */
uint64_t bench_plan_objects(const struct bench_plan *plan, uint64_t tickets);

/* The heads of one operation that are kept; `len` is the length of each. */
struct bench_kept_heads {
    char *bytes;
    int64_t *made_ns; /* of each; 0: not yet */
    size_t len;
    uint64_t count;
};

struct bench_heads {
    const struct bench_options *options;
    bool sign;
    char body_sha256[SIGV4_HEX_LEN]; /* of what is put */
    struct sigv4_signer signer;
    struct bench_kept_heads kept[BENCH_OPERATION_COUNT];
};

/*
 * Makes what builds heads, signed with the keys of `options` or not; up to `kept_max` heads of each
 * operation are kept.
 * Owns: heap, until bench_heads_fini. Errors: INVALID, TOO_LARGE: keys or region can't be right.
 */
struct status bench_heads_init(struct bench_heads *heads, const struct bench_options *options,
                               bool sign, const char *body_sha256, uint64_t kept_max);

/* Wipes the secret and gives the heads back. */
void bench_heads_fini(struct bench_heads *heads);

/* Writes the head of a request to `out` (BENCH_HEAD_MAX bytes); its length. */
size_t bench_heads_write(struct bench_heads *heads, const struct bench_request *request,
                         int64_t wall_ns, char *out);

#endif
