/*
 * bench_options.h - what a run of hink bench is to be, from its words and the environment
 *
 * Threads: bench_options_parse reads the environment; the rest are pure functions.
 */
#ifndef CLI_BENCH_OPTIONS_H
#define CLI_BENCH_OPTIONS_H

#include "base/note.h"
#include "cli/args.h"

enum bench_operation {
    BENCH_GET,
    BENCH_PUT,
    BENCH_HEAD,
    BENCH_DELETE,
    BENCH_LIST,
    BENCH_MIXED,
    BENCH_OPERATION_COUNT
};

enum {
    BENCH_CONCURRENCY_MAX = 20000,
    BENCH_OBJECTS_MAX = 99999999, /* a key has eight digits */
    BENCH_THREADS_MAX = 64,
    BENCH_HOST_MAX = 255
};

struct bench_options {
    enum bench_operation operation;
    const char *endpoint;
    const char *bucket;
    uint64_t size_bytes;
    uint64_t concurrency;
    int64_t duration_ns;
    uint64_t count;   /* 0: as many as the duration lets */
    uint64_t objects; /* 0: the operation's own number, see bench_objects */
    int64_t warmup_ns;
    int64_t timeout_ns; /* of one request */
    uint64_t threads;   /* 0: one per core */
    uint64_t skip;      /* requests of a run before, with which this one goes on */
    bool is_unsigned;
    bool unsigned_payload; /* signatures don't name the body */
    bool random_keys;      /* of what is put */
    bool delimiter;        /* listings have one */
    bool json;
    bool reuse;
    bool cleanup;
    bool insecure;
    const char *ca_file;    /* NULL: the system's */
    const char *access_key; /* NULL: there is none */
    const char *secret_key;
    const char *region;
    /* Of the endpoint. */
    bool tls;
    char host[BENCH_HOST_MAX + 1]; /* without the brackets of an IPv6 address */
    char port[6];
    char authority[BENCH_HOST_MAX + 9]; /* as the Host header says it */
};

/*
 * Parses the words behind `hink bench`. `ret_result->help` says that help is wanted instead.
 * Errors: INVALID, with one line in `note`.
 */
struct status bench_options_parse(int argc, char **argv, struct note *note,
                                  struct bench_options *ret_options,
                                  struct args_result *ret_result);

/* Prints what `hink bench` understands. */
void bench_options_help(FILE *out);

/* The word for an operation: "get". */
const char *bench_operation_name(enum bench_operation operation);

/* How many objects the run needs to be there before it begins. */
uint64_t bench_objects(const struct bench_options *options);

#endif
