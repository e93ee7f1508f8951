#include "cli/bench_options.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "cli/suggest.h"

enum { OBJECTS_DEFAULT = 1000, BUCKET_NAME_MAX = 63 };

static const char *const operations[BENCH_OPERATION_COUNT] = {"get",    "put",  "head",
                                                              "delete", "list", "mixed"};

static const struct args_option option_table[] = {
    {"--endpoint", "URL", ARGS_TEXT, "http://HOST[:PORT] or https://HOST[:PORT]",
     offsetof(struct bench_options, endpoint)},
    {"--bucket", "BUCKET", ARGS_TEXT, "a bucket that is there",
     offsetof(struct bench_options, bucket)},
    {"--size", "SIZE", ARGS_SIZE, "of each object; 4KiB without",
     offsetof(struct bench_options, size_bytes)},
    {"--concurrency", "N", ARGS_COUNT, "requests at a time, each on a connection; 64 without",
     offsetof(struct bench_options, concurrency)},
    {"--duration", "TIME", ARGS_DURATION, "how long to measure; 10s without",
     offsetof(struct bench_options, duration_ns)},
    {"--count", "N", ARGS_COUNT, "how many requests to measure, instead of a duration",
     offsetof(struct bench_options, count)},
    {"--objects", "N", ARGS_COUNT, "how many different objects; 1000 without",
     offsetof(struct bench_options, objects)},
    {"--warmup", "TIME", ARGS_DURATION, "load before measuring; 1s without",
     offsetof(struct bench_options, warmup_ns)},
    {"--timeout", "TIME", ARGS_DURATION, "when to give a request up; 30s without",
     offsetof(struct bench_options, timeout_ns)},
    {"--threads", "N", ARGS_COUNT, "that make the load; one per core without",
     offsetof(struct bench_options, threads)},
    {"--skip", "N", ARGS_COUNT, "leave out the first N requests, which a run before has made",
     offsetof(struct bench_options, skip)},
    {"--reuse", NULL, ARGS_FLAG, "make no objects: they are there from a run before",
     offsetof(struct bench_options, reuse)},
    {"--unsigned", NULL, ARGS_FLAG, "measure anonymous requests",
     offsetof(struct bench_options, is_unsigned)},
    {"--unsigned-payload", NULL, ARGS_FLAG, "sign heads only, not what is put",
     offsetof(struct bench_options, unsigned_payload)},
    {"--random-keys", NULL, ARGS_FLAG, "put new objects in random order, not one behind the other",
     offsetof(struct bench_options, random_keys)},
    {"--delimiter", NULL, ARGS_FLAG, "list with the delimiter /",
     offsetof(struct bench_options, delimiter)},
    {"--access-key", "KEY", ARGS_TEXT, "sign with it; AWS_ACCESS_KEY_ID without",
     offsetof(struct bench_options, access_key)},
    {"--secret-key", "SECRET", ARGS_TEXT, "its secret; AWS_SECRET_ACCESS_KEY without",
     offsetof(struct bench_options, secret_key)},
    {"--region", "REGION", ARGS_TEXT, "to sign for; AWS_REGION, us-east-1 without",
     offsetof(struct bench_options, region)},
    {"--ca-file", "FILE", ARGS_TEXT, "certificates to trust (PEM); the system's without",
     offsetof(struct bench_options, ca_file)},
    {"--insecure", NULL, ARGS_FLAG, "take any certificate",
     offsetof(struct bench_options, insecure)},
    {"--cleanup", NULL, ARGS_FLAG, "delete the objects of the run at its end; needs keys",
     offsetof(struct bench_options, cleanup)},
    {"--json", NULL, ARGS_FLAG, "print JSON", offsetof(struct bench_options, json)},
};

static const struct args_spec spec = {
    .usage = "hink bench {get|put|head|delete|list|mixed} --endpoint URL --bucket BUCKET [OPTIONS]",
    .about =
        "Measures an S3 endpoint: requests a second, bytes a second, latencies, errors. The "
        "objects\n"
        "that the operation needs are made first, under hinkbench/ in the bucket. `put` makes new\n"
        "ones all the time unless --objects is given; `delete` ends when all are gone. `list` "
        "gets\n"
        "pages of 1000 keys, from all over the objects. `mixed` is 60 % get, 20 % put, 10 % head,\n"
        "5 % list, 5 % delete.",
    .options = option_table,
    .option_count = ARRAY_LEN(option_table),
    .positional_max = 1,
};

void bench_options_help(FILE *out) {
    args_help(&spec, out);
}

const char *bench_operation_name(enum bench_operation operation) {
    return operations[operation];
}

uint64_t bench_objects(const struct bench_options *options) {
    uint64_t wanted = options->objects > 0 ? options->objects : OBJECTS_DEFAULT;
    if (options->operation == BENCH_PUT) return 0;
    if (options->operation == BENCH_DELETE && options->count > 0) return options->count;
    return wanted;
}

static struct status parse_operation(const char *word, struct note *note,
                                     enum bench_operation *ret_operation) {
    if (word == NULL) {
        return note_status(note, STATUS_INVALID, "which of get, put, head, delete, list, mixed?");
    }
    for (int i = 0; i < BENCH_OPERATION_COUNT; i++) {
        if (strcmp(word, operations[i]) != 0) continue;
        *ret_operation = (enum bench_operation)i;
        return status_ok();
    }
    const char *near = suggest(slice_str(word), operations, ARRAY_LEN(operations));
    return note_status(note, STATUS_INVALID, "unknown operation '%.80s'%s%s%s", word,
                       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* Takes the host off `*authority`; behind it is nothing or ":PORT". */
static bool take_host(struct slice *authority, struct slice *ret_host) {
    bool bracketed = slice_starts_with(*authority, SLICE("["));
    size_t end = slice_find_char(*authority, bracketed ? ']' : ':');
    if (bracketed && end == authority->len) return false;
    *ret_host = slice_take(*authority, end);
    if (bracketed) *ret_host = slice_skip(*ret_host, 1);
    *authority = slice_skip(*authority, bracketed ? end + 1 : end);
    return ret_host->len > 0 && ret_host->len <= BENCH_HOST_MAX;
}

static bool host_is_sane(struct slice host) {
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] <= ' ' || host.ptr[i] > '~' || strchr("/?#@\\", host.ptr[i])) return false;
    }
    return true;
}

static bool parse_endpoint(struct bench_options *options) {
    struct slice rest = slice_str(options->endpoint);
    struct slice host;
    uint64_t port = 80;
    if (slice_starts_with_nocase(rest, SLICE("https://"))) {
        options->tls = true;
        port = 443;
    } else if (!slice_starts_with_nocase(rest, SLICE("http://"))) {
        return false;
    }
    rest = slice_skip(rest, options->tls ? 8 : 7);
    if (slice_ends_with(rest, SLICE("/"))) rest.len--;
    struct slice authority = rest;
    if (!take_host(&rest, &host) || !host_is_sane(host)) return false;
    if (rest.len > 0) {
        if (rest.ptr[0] != ':' || !slice_parse_u64(slice_skip(rest, 1), &port)) return false;
        if (port == 0 || port > 65535) return false;
    }
    snprintf(options->host, sizeof options->host, "%.*s", SLICE_FMT(host));
    snprintf(options->port, sizeof options->port, "%u", (unsigned)port);
    snprintf(options->authority, sizeof options->authority, "%.*s", SLICE_FMT(authority));
    return true;
}

static bool bucket_is_sane(const char *bucket) {
    size_t len = strlen(bucket);
    if (len < 1 || len > BUCKET_NAME_MAX) return false;
    for (size_t i = 0; i < len; i++) {
        char c = bucket[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '.' || c == '_';
        if (!fine) return false;
    }
    return true;
}

static struct status check_numbers(const struct bench_options *options, bool has_duration,
                                   struct note *note) {
    const char *wrong = NULL;
    if (options->concurrency < 1 || options->concurrency > BENCH_CONCURRENCY_MAX) {
        wrong = "--concurrency: from 1 to 20000";
    } else if (options->objects > BENCH_OBJECTS_MAX || options->count > BENCH_OBJECTS_MAX ||
               options->skip > BENCH_OBJECTS_MAX) {
        wrong = "--objects, --count, --skip: at most 99999999";
    } else if (options->threads > BENCH_THREADS_MAX) {
        wrong = "--threads: at most 64";
    } else if (options->count > 0 && has_duration) {
        wrong = "--count and --duration exclude each other";
    } else if (options->timeout_ns < NS_PER_MS || (has_duration && options->duration_ns == 0)) {
        wrong = "--timeout, --duration: at least a millisecond";
    }
    return wrong == NULL ? status_ok() : note_status(note, STATUS_INVALID, "%s", wrong);
}

static struct status check_places(struct bench_options *options, struct note *note) {
    if (options->endpoint == NULL) {
        return note_status(note, STATUS_INVALID, "--endpoint URL is needed");
    }
    if (options->bucket == NULL) {
        return note_status(note, STATUS_INVALID, "--bucket BUCKET is needed");
    }
    if (!parse_endpoint(options)) {
        return note_status(note, STATUS_INVALID,
                           "--endpoint: '%.80s' is not http://HOST[:PORT] or https://HOST[:PORT]",
                           options->endpoint);
    }
    if (!bucket_is_sane(options->bucket)) {
        return note_status(note, STATUS_INVALID, "--bucket: '%.80s' is not a bucket's name",
                           options->bucket);
    }
    return status_ok();
}

/* The variable's value; NULL where it is absent or empty. */
static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && value[0] != 0 ? value : NULL;
}

static struct status find_keys(struct bench_options *options, struct note *note) {
    if (options->access_key == NULL && options->secret_key == NULL) {
        options->access_key = environment("AWS_ACCESS_KEY_ID");
        options->secret_key = environment("AWS_SECRET_ACCESS_KEY");
    }
    if (options->region == NULL) options->region = environment("AWS_REGION");
    if (options->region == NULL) options->region = "us-east-1";
    if ((options->access_key == NULL) != (options->secret_key == NULL)) {
        return note_status(note, STATUS_INVALID, "an access key and its secret key go together");
    }
    if (options->access_key == NULL && !options->is_unsigned) {
        return note_status(note, STATUS_INVALID,
                           "--access-key and --secret-key, AWS_ACCESS_KEY_ID and "
                           "AWS_SECRET_ACCESS_KEY, or --unsigned are needed");
    }
    if (options->access_key == NULL && options->cleanup) {
        return note_status(note, STATUS_INVALID, "--cleanup needs an access key");
    }
    return status_ok();
}

struct status bench_options_parse(int argc, char **argv, struct note *note,
                                  struct bench_options *ret_options,
                                  struct args_result *ret_result) {
    struct bench_options options = {.size_bytes = 4096,
                                    .concurrency = 64,
                                    .duration_ns = -1,
                                    .warmup_ns = NS_PER_S,
                                    .timeout_ns = 30 * NS_PER_S};
    TRY(args_parse(&spec, argc, argv, note, &options, ret_result));
    if (ret_result->help) return status_ok();
    const char *word = ret_result->positional_count > 0 ? ret_result->positional[0] : NULL;
    TRY(parse_operation(word, note, &options.operation));
    TRY(check_places(&options, note));
    bool has_duration = options.duration_ns >= 0;
    if (!has_duration) options.duration_ns = 10 * NS_PER_S;
    TRY(check_numbers(&options, has_duration, note));
    TRY(find_keys(&options, note));
    *ret_options = options;
    return status_ok();
}
