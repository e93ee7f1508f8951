/*
 * load_bench - many small objects in the engine: how fast they come, what they take, how it starts
 *
 * Usage: load_bench DIR load OBJECTS [THREADS]
 *        load_bench DIR churn OBJECTS SECONDS [THREADS]
 *        load_bench DIR fill
 *        load_bench DIR open
 * Objects have 1 to 16 KiB and keys of 62 bytes in random order; a put is what a PUT commits.
 * `load` makes a store, or goes on in one, and has a line a million. `churn` loads, then overwrites
 * and deletes at random, half the keys being there, and has a line a minute. `fill` puts objects
 * without checkpoints until the log's ring is full, then kills itself. `open` says how long a start
 * takes. tests/bench/load runs all of it.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/data_store.h"
#include "engine/engine.h"
#include "kv/driver.h"

enum {
    THREADS_MAX = 1024,
    RECORD_BYTES = 300,
    KEY_LEN = 62,
    SIZE_MIN = 1024,
    SIZE_MAX_BYTES = 16 * 1024,
    MILLION = 1000000,
    LOCKS = 4096,
    COLLECT_AT_ONCE = 4096,
    REPORT_S = 60,
    FILL_BYTES = 160 << 20,
    SHARDS = 16, /* partitions, as buckets are */
};

struct load {
    struct engine *engine;
    unsigned long long objects;
    atomic_ullong next;
    atomic_ullong done;
    atomic_ullong refused;
    atomic_bool stop;
    uint32_t *sizes; /* by number, of those that are there; 0: none */
    struct blob_id *ids;
    pthread_mutex_t locks[LOCKS]; /* of numbers, so that one thread changes each */
    atomic_llong live_units;
    atomic_llong live_objects;
    atomic_ullong rss_max;
};

static uint64_t mix(uint64_t n) {
    n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
    return n ^ (n >> 31);
}

static struct kv_partition partition_of(uint64_t number) {
    struct kv_partition partition = {{7}};
    partition.id[1] = (uint8_t)(number % SHARDS);
    return partition;
}

static double seconds_now(void) {
    return (double)clock_mono_ns(clock_system()) / NS_PER_S;
}

static double cpu_seconds(void) {
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / NS_PER_S;
}

static unsigned long long rss_anon(void) {
    FILE *file = fopen("/proc/self/status", "re");
    char line[256];
    unsigned long long kib = 0;
    CHECK(file);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "RssAnon: %llu", &kib) == 1) break;
    }
    fclose(file);
    return kib * 1024;
}

static struct engine *store_open(const char *path) {
    struct engine_policy policy = {.name = "standard", .copies = 1};
    struct engine_config config = {.data_dir = path, .policies = &policy, .policy_count = 1};
    struct engine *engine;
    struct note note = {0};
    struct status s = engine_open(&config, clock_system(), random_system(), &note, &engine);
    if (!is_ok(s)) {
        fprintf(stderr, "load_bench: %s\n", note.text);
        exit(1);
    }
    return engine;
}

/* Puts object `number`, in the place of what is there; false if it was refused. */
static bool put(struct load *load, uint64_t number, uint64_t chance, const char *bytes,
                struct kv_batch *batch) {
    struct blob_writer *writer;
    size_t size = SIZE_MIN + chance % (SIZE_MAX_BYTES - SIZE_MIN + 1);
    struct kv_partition partition = partition_of(number);
    char key[KEY_LEN + 2];
    snprintf(key, sizeof key, "o%061llx", (unsigned long long)mix(number));
    struct blob_store *blobs = engine_blob(load->engine);
    if (!is_ok(blob_writer_begin(blobs, partition, SLICE("standard"), size, &writer))) return false;
    struct status s = blob_writer_write(writer, slice_of(bytes + chance % RECORD_BYTES, size));
    if (is_ok(s)) s = blob_writer_seal(writer);
    if (is_ok(s)) {
        kv_batch_clear(batch);
        kv_batch_put(batch, slice_of(key, KEY_LEN), slice_of(bytes, RECORD_BYTES));
        bool replaces = load->sizes && load->sizes[number] > 0;
        if (replaces) blob_unbind(blobs, load->ids[number], batch);
        blob_writer_bind(writer, batch);
        s = kv_commit(engine_kv(load->engine), partition, batch, NULL);
    }
    if (!is_ok(s)) {
        blob_writer_abort(&writer);
        return false;
    }
    if (load->sizes) {
        long long units = (long long)(size + 4095) / 4096;
        if (load->sizes[number] > 0) units -= (load->sizes[number] + 4095) / 4096;
        if (load->sizes[number] == 0) atomic_fetch_add(&load->live_objects, 1);
        atomic_fetch_add(&load->live_units, units);
        load->sizes[number] = (uint32_t)size;
        load->ids[number] = blob_writer_id(writer);
    }
    blob_writer_commit(&writer);
    return true;
}

static void delete (struct load *load, uint64_t number, struct kv_batch *batch) {
    char key[KEY_LEN + 2];
    snprintf(key, sizeof key, "o%061llx", (unsigned long long)mix(number));
    kv_batch_clear(batch);
    kv_batch_delete(batch, slice_of(key, KEY_LEN));
    blob_unbind(engine_blob(load->engine), load->ids[number], batch);
    if (!is_ok(kv_commit(engine_kv(load->engine), partition_of(number), batch, NULL))) return;
    atomic_fetch_sub(&load->live_units, (load->sizes[number] + 4095) / 4096);
    atomic_fetch_sub(&load->live_objects, 1);
    load->sizes[number] = 0;
}

static char *bytes_make(void) {
    char *bytes = malloc(SIZE_MAX_BYTES + RECORD_BYTES);
    CHECK(bytes);
    random_fill(random_system(), bytes, SIZE_MAX_BYTES + RECORD_BYTES);
    return bytes;
}

static void *load_run(void *argument) {
    struct load *load = argument;
    struct kv_batch *batch = kv_batch_new();
    char *bytes = bytes_make();
    while (!atomic_load(&load->stop)) {
        unsigned long long number = atomic_fetch_add(&load->next, 1);
        if (number >= load->objects) break;
        while (!put(load, number, mix(number + 77), bytes, batch)) {
            atomic_fetch_add(&load->refused, 1);
            if (atomic_load(&load->stop)) break;
        }
        atomic_fetch_add(&load->done, 1);
    }
    free(bytes);
    kv_batch_free(&batch);
    return NULL;
}

static void *churn_run(void *argument) {
    struct load *load = argument;
    struct kv_batch *batch = kv_batch_new();
    char *bytes = bytes_make();
    uint64_t seed;
    random_fill(random_system(), &seed, sizeof seed);
    while (!atomic_load(&load->stop)) {
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t chance = mix(seed);
        uint64_t number = chance % load->objects;
        pthread_mutex_t *lock = &load->locks[number % LOCKS];
        pthread_mutex_lock(lock);
        bool there = load->sizes[number] > 0;
        if (there && chance >> 32 & 1) {
            delete (load, number, batch);
        } else if (!put(load, number, chance >> 8, bytes, batch)) {
            atomic_fetch_add(&load->refused, 1);
        }
        pthread_mutex_unlock(lock);
        atomic_fetch_add(&load->done, 1);
    }
    free(bytes);
    kv_batch_free(&batch);
    return NULL;
}

/* What the tidy thread of the object layer does. */
static void *collect_run(void *argument) {
    struct load *load = argument;
    while (!atomic_load(&load->stop)) {
        bool all_done = true;
        for (uint64_t i = 0; i < SHARDS; i++) {
            bool done = true;
            IGNORE_STATUS(
                blob_collect(engine_blob(load->engine), partition_of(i), COLLECT_AT_ONCE, &done));
            all_done = all_done && done;
        }
        if (all_done) nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
    return NULL;
}

struct figures {
    double extents;
    double live;
    double index_file;
    double index_live;
};

static struct figures figures_read(struct load *load) {
    struct data_drive drive = {0};
    struct meta_stats stats;
    struct data_store *data = engine_data(load->engine);
    CHECK(data_drive_next(data, 1, &drive));
    meta_stats_read(data->config.meta, &stats);
    return (struct figures){(double)drive.space.in_use, (double)load->live_units * 4096,
                            (double)stats.index_file_bytes, (double)stats.index_live_bytes};
}

static void rss_note(struct load *load) {
    unsigned long long rss = rss_anon();
    if (rss > atomic_load(&load->rss_max)) atomic_store(&load->rss_max, rss);
}

static void threads_run(struct load *load, pthread_t *ids, int threads, void *(*run)(void *)) {
    for (int i = 0; i < threads; i++) CHECK(pthread_create(&ids[i], NULL, run, load) == 0);
}

static void load_all(struct load *load, int threads) {
    pthread_t ids[THREADS_MAX];
    double begin = seconds_now();
    double last = begin;
    unsigned long long step = load->objects >= 2 * MILLION ? MILLION : load->objects / 10 + 1;
    unsigned long long passed = 0;
    threads_run(load, ids, threads, load_run);
    while (passed < load->objects) {
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
        rss_note(load);
        unsigned long long done = atomic_load(&load->done);
        if (done < passed + step && done < load->objects) continue;
        double now = seconds_now();
        struct figures f = figures_read(load);
        printf("loaded %llu: %.0f/s, RssAnon max %.0f MiB, index %.0f MiB of which live %.0f\n",
               done, (double)(done - passed) / (now - last), (double)load->rss_max / (1 << 20),
               f.index_file / (1 << 20), f.index_live / (1 << 20));
        fflush(stdout);
        passed = done;
        last = now;
    }
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    printf("all %llu in %.0f s, %llu refused\n", load->objects, seconds_now() - begin,
           (unsigned long long)load->refused);
}

static void churn(struct load *load, int threads, int seconds) {
    pthread_t ids[THREADS_MAX];
    pthread_t collector;
    load->sizes = calloc(load->objects, sizeof *load->sizes);
    load->ids = calloc(load->objects, sizeof *load->ids);
    CHECK(load->sizes && load->ids);
    for (size_t i = 0; i < LOCKS; i++) CHECK(pthread_mutex_init(&load->locks[i], NULL) == 0);
    CHECK(pthread_create(&collector, NULL, collect_run, load) == 0);
    load_all(load, threads);
    atomic_store(&load->done, 0);
    threads_run(load, ids, threads, churn_run);
    double begin = seconds_now();
    int step = seconds < 10 * REPORT_S ? (seconds + 9) / 10 : REPORT_S;
    for (int at = 0; at < seconds; at += step) {
        unsigned long long before = atomic_load(&load->done);
        for (int i = 0; i < step; i++) {
            nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
            rss_note(load);
        }
        struct figures f = figures_read(load);
        printf(
            "%.0f s: %.0f changes/s, %lld objects, extents %.0f MiB of which live %.0f (%.3f), "
            "index %.0f MiB of which live %.0f (%.2f), RssAnon max %.0f MiB\n",
            seconds_now() - begin, (double)(load->done - before) / step,
            (long long)load->live_objects, f.extents / (1 << 20), f.live / (1 << 20),
            f.extents / f.live, f.index_file / (1 << 20), f.index_live / (1 << 20),
            f.index_file / f.index_live, (double)load->rss_max / (1 << 20));
        fflush(stdout);
    }
    atomic_store(&load->stop, true);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    pthread_join(collector, NULL);
}

/* Fills the ring, as a crash in the worst moment leaves it. */
static void fill(struct load *load) {
    struct kv_batch *batch = kv_batch_new();
    char *bytes = bytes_make();
    uint64_t number = mix((uint64_t)clock_wall_ns(clock_system()));
    meta_mover_detach(engine_data(load->engine)->config.meta); /* ends checkpoints */
    struct meta_stats stats = {0};
    /* Groups that are mostly padding, so that the ring is full before the layer is. */
    for (uint64_t used = 0; used < FILL_BYTES; used = stats.log_used_bytes) {
        kv_batch_clear(batch);
        char key[KEY_LEN];
        int len = snprintf(key, sizeof key, "f%llx", (unsigned long long)number);
        kv_batch_put(batch, slice_of(key, (size_t)len), SLICE("1"));
        if (!is_ok(kv_commit(engine_kv(load->engine), partition_of(0), batch, NULL))) break;
        number++;
        meta_stats_read(engine_data(load->engine)->config.meta, &stats);
    }
    while (put(load, number, mix(number), bytes, batch)) number++;
    meta_stats_read(engine_data(load->engine)->config.meta, &stats);
    printf("log: %.0f MiB in use of %.0f\n", (double)stats.log_used_bytes / (1 << 20),
           (double)stats.log_file_bytes / (1 << 20));
    fflush(stdout);
    raise(SIGKILL);
}

static uint64_t number_of(const char *word) {
    uint64_t number = 0;
    CHECK(slice_parse_u64(slice_str(word), &number));
    return number;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3) {
        fprintf(stderr, "load_bench: see the beginning of tests/bench/load_bench.c\n");
        return 2;
    }
    double begin = seconds_now();
    struct load *load = calloc(1, sizeof *load);
    CHECK(load);
    load->engine = store_open(argv[1]);
    double taken = seconds_now() - begin;
    printf("open: %.3f s, of which %.3f s of CPU, RssAnon %.0f MiB\n", taken, cpu_seconds(),
           (double)rss_anon() / (1 << 20));
    bool is_churn = strcmp(argv[2], "churn") == 0;
    load->objects = argc > 3 ? number_of(argv[3]) : 0;
    int at = is_churn ? 5 : 4;
    int threads = argc > at ? (int)number_of(argv[at]) : 64;
    CHECK(threads > 0 && threads <= THREADS_MAX);
    if (strcmp(argv[2], "load") == 0) load_all(load, threads);
    if (is_churn && argc > 4) churn(load, threads, (int)number_of(argv[4]));
    if (strcmp(argv[2], "fill") == 0) fill(load);
    engine_close(&load->engine);
    return 0;
}
