#include "cli/bench.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "cli/bench_report.h"
#include "cli/cli.h"
#include "crypto/digest.h"
#include "os/clock.h"

enum { BODY_MAX = 1024 * 1024, JSON_TEXT_MAX = 64 * 1024 };

/* One run of the command. */
struct bench {
    struct bench_options options;
    struct net_client_addresses addresses;
    struct net_client_tls *tls;
    char *body;
    size_t body_len;
    char body_sha256[SIGV4_HEX_LEN];
    struct note note;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/* Bytes that do not compress, the same in every run; a larger object repeats them. */
static void make_body(struct bench *bench) {
    uint64_t size = bench->options.size_bytes;
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
    bench->body_len = size < BODY_MAX ? (size > 0 ? (size_t)size : 1) : BODY_MAX;
    bench->body = malloc(bench->body_len);
    CHECK(bench->body != NULL);
    for (size_t i = 0; i < bench->body_len; i++) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bench->body[i] = (char)(x >> 56);
    }
}

/* The SHA-256 that a signed request gives for the body; one digest serves all of them. */
static void make_body_sha256(struct bench *bench) {
    unsigned char sum[DIGEST_SHA256_LEN];
    struct digest digest;
    struct buf text;
    digest_init(&digest, DIGEST_SHA256);
    for (uint64_t left = bench->options.size_bytes; left > 0;) {
        size_t len = left < bench->body_len ? (size_t)left : bench->body_len;
        digest_update(&digest, slice_of(bench->body, len));
        left -= len;
    }
    digest_final(&digest, sum);
    buf_init_fixed(&text, bench->body_sha256, sizeof bench->body_sha256);
    hex_encode(&text, slice_of(sum, sizeof sum));
}

/* Waits until the connection is made, or why it is not. */
static enum net_client_result await_ready(struct net_client *client, enum net_client_result result,
                                          int64_t deadline_ns) {
    while (result == NET_CLIENT_WAIT_READ || result == NET_CLIENT_WAIT_WRITE) {
        short events = result == NET_CLIENT_WAIT_READ ? POLLIN : POLLOUT;
        struct pollfd wait = {.fd = client->fd, .events = events};
        int64_t left_ns = deadline_ns - clock_mono_ns(clock_system());
        if (left_ns <= 0 || interrupted) return result;
        (void)poll(&wait, 1, 100);
        result = net_client_ready(client);
    }
    return result;
}

/* Finds an address that answers, and makes it the only one. */
static struct status find_endpoint(struct bench *bench) {
    struct bench_options *options = &bench->options;
    struct net_client_addresses *found = &bench->addresses;
    const char *why = "no answer";
    TRY(net_client_resolve(options->host, options->port, &bench->note, found));
    for (size_t i = 0; i < found->count; i++) {
        struct net_client client;
        int64_t deadline_ns = clock_mono_ns(clock_system()) + 5 * NS_PER_S;
        enum net_client_result result =
            net_client_open(&client, (const struct sockaddr *)&found->addresses[i], found->lens[i],
                            bench->tls, options->host);
        result = await_ready(&client, result, deadline_ns);
        if (result == NET_CLIENT_FAILED) why = client.failure;
        net_client_close(&client);
        if (result != NET_CLIENT_DONE) continue;
        found->addresses[0] = found->addresses[i];
        found->lens[0] = found->lens[i];
        return status_ok();
    }
    return note_status(&bench->note, STATUS_CLOSED, "%s: %s", options->endpoint, why);
}

static struct status bench_prepare(struct bench *bench) {
    struct sigaction action = {.sa_handler = on_interrupt};
    CHECK(sigaction(SIGINT, &action, NULL) == 0);
    make_body(bench);
    make_body_sha256(bench);
    if (bench->options.tls) {
        TRY(net_client_tls_open(bench->options.ca_file, bench->options.insecure, &bench->note,
                                &bench->tls));
    }
    return find_endpoint(bench);
}

static void bench_finish(struct bench *bench) {
    net_client_tls_close(&bench->tls);
    free(bench->body);
}

static struct bench_load load_of(struct bench *bench, const struct bench_plan *plan,
                                 struct bench_bar *bar) {
    struct bench_load load = {
        .options = &bench->options,
        .plan = plan,
        .addresses = &bench->addresses,
        .tls = bench->tls,
        .sign = bench->options.access_key != NULL,
        .body = bench->body,
        .body_len = bench->body_len,
        .interrupted = &interrupted,
        .on_progress = bench_bar_show,
        .context = bar,
    };
    memcpy(load.body_sha256, bench->body_sha256, sizeof load.body_sha256);
    return load;
}

static struct status error_status(struct bench *bench, const char *what,
                                  const struct bench_errors *errors) {
    const struct bench_error *first = &errors->kinds[0];
    if (first->status == 0) {
        return note_status(&bench->note, STATUS_CLOSED, "%s: %s", what, first->code);
    }
    return note_status(&bench->note, STATUS_DENIED, "%s: the answer is %d %s", what, first->status,
                       first->code);
}

/* Makes or deletes the first `count` objects; the first error ends it. */
static struct status each_object(struct bench *bench, enum bench_operation operation,
                                 uint64_t count, const char *what) {
    struct bench_plan plan = {.operation = operation, .objects = count, .tickets = count};
    plan.random_keys = bench->options.random_keys && bench->options.operation == BENCH_PUT;
    struct bench_bar bar;
    struct bench_result *result = NULL;
    if (count == 0) return status_ok();
    bench_bar_init(&bar, stderr, what);
    bar.total = count;
    struct bench_load load = load_of(bench, &plan, &bar);
    load.stop_on_error = true;
    TRY(bench_load_run(&load, &bench->note, &result));
    bench_bar_end(&bar);
    struct status s = status_ok();
    if (result->errors.total > 0) s = error_status(bench, what, &result->errors);
    if (is_ok(s) && interrupted) s = note_status(&bench->note, STATUS_CLOSED, "interrupted");
    free(result);
    return s;
}

static struct status make_objects(struct bench *bench) {
    uint64_t count = bench_objects(&bench->options);
    if (count == 0 || bench->options.reuse) return status_ok();
    if (bench->options.access_key == NULL) {
        fprintf(stderr, "hink bench: without keys, the objects have to be there\n");
        return status_ok();
    }
    fprintf(stderr, "hink bench: making %llu objects hinkbench/NNNNNNNN of %llu bytes\n",
            (unsigned long long)count, (unsigned long long)bench->options.size_bytes);
    return each_object(bench, BENCH_PUT, count, "making objects");
}

/* The load that is measured. */
static struct status measure(struct bench *bench, struct bench_plan *ret_plan,
                             struct bench_result **ret_result) {
    const struct bench_options *options = &bench->options;
    bool deletes = options->operation == BENCH_DELETE;
    struct bench_plan plan = {
        .operation = options->operation,
        .objects = options->operation == BENCH_PUT ? options->objects : bench_objects(options),
        .tickets = deletes ? bench_objects(options) : 0,
        .lag = options->concurrency,
        .random_keys = options->random_keys && options->operation == BENCH_PUT,
    };
    struct bench_bar bar;
    bench_bar_init(&bar, stderr, bench_operation_name(options->operation));
    struct bench_load load = load_of(bench, &plan, &bar);
    load.sign = !options->is_unsigned;
    load.count = options->count;
    load.skip = options->skip;
    load.warmup_ns = deletes ? 0 : options->warmup_ns;
    load.duration_ns = options->count > 0 ? 0 : options->duration_ns;
    bar.total_ns = load.duration_ns > 0 ? load.warmup_ns + load.duration_ns : 0;
    bar.total = options->count;
    TRY(bench_load_run(&load, &bench->note, ret_result));
    bench_bar_end(&bar);
    *ret_plan = plan;
    return status_ok();
}

static void report(const struct bench_options *options, const struct bench_result *result) {
    if (!options->json) {
        bench_report_print(options, result, stdout);
        return;
    }
    struct buf text;
    buf_init(&text, JSON_TEXT_MAX);
    bench_report_json(options, result, &text);
    CHECK(is_ok(buf_ok(&text)));
    printf("%.*s\n", SLICE_FMT(buf_slice(&text)));
    buf_fini(&text);
}

static struct status bench_run(struct bench *bench) {
    struct bench_plan plan;
    struct bench_result *result = NULL;
    TRY(bench_prepare(bench));
    TRY(make_objects(bench));
    TRY(measure(bench, &plan, &result));
    static struct bench_tally total; /* large, and there is one run */
    bench_result_total(result, &total);
    struct status s = status_ok();
    report(&bench->options, result);
    if (total.latency_ns.count == 0 && result->errors.total > 0) {
        s = error_status(bench, "nothing succeeded", &result->errors);
    }
    uint64_t objects = bench_plan_objects(&plan, result->tickets);
    free(result);
    interrupted = 0;
    if (!bench->options.cleanup) return s;
    struct status cleaned = each_object(bench, BENCH_DELETE, objects, "deleting objects");
    return is_ok(s) ? cleaned : s;
}

int bench_main(int argc, char **argv) {
    struct bench bench = {0};
    struct args_result words;
    struct status s = bench_options_parse(argc, argv, &bench.note, &bench.options, &words);
    if (!is_ok(s)) {
        fprintf(stderr, "hink bench: %s\nTry: hink bench --help\n", bench.note.text);
        return CLI_USAGE;
    }
    if (words.help) {
        bench_options_help(stdout);
        return CLI_OK;
    }
    s = bench_run(&bench);
    bench_finish(&bench);
    if (is_ok(s)) return CLI_OK;
    fprintf(stderr, "hink bench: %s\n", bench.note.text);
    return CLI_FAILED;
}
