/*
 * kv_bench - the metadata store by itself: commits, look-ups, scans, loads, restarts
 *
 * Usage: kv_bench DIR put THREADS SECONDS BYTES    durable puts of a blob record of BYTES bytes
 *        kv_bench DIR log SECONDS BYTES            the bare log: groups of BYTES bytes
 *        kv_bench DIR load KEYS                    KEYS keys in random order, each with its rate
 *        kv_bench DIR read KEYS                    look-ups and scans of what `load` left
 * DIR must exist; `put` and `log` make a new store in it, `load` too, `read` opens it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/log.h"
#include "engine/meta.h"

enum { THREADS_MAX = 1024, RECORD_BYTES = 300, KEY_BYTES = 62, LOAD_THREADS = 64, SCAN = 1000 };

struct bench {
    struct meta *meta;
    struct meta_config config;
    size_t value_bytes;
    atomic_bool stop;
    atomic_ullong next;
    uint64_t keys;
};

static const struct kv_partition partition = {{7}};

static double seconds_now(void) {
    return (double)clock_mono_ns(clock_system()) / (double)NS_PER_S;
}

static long rss_anon_kib(void) {
    char line[256];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "RssAnon: %ld", &kib);
    if (f) fclose(f);
    return kib;
}

static struct slice key_of(uint64_t number, char *out) {
    uint64_t mixed = number * 0x9e3779b97f4a7c15u;
    mixed ^= mixed >> 32;
    mixed *= 0xd6e8feb86659fd93u;
    int len = snprintf(out, 96, "oobjects/of/a/usual/length/%016llx-%018llu",
                       (unsigned long long)mixed, (unsigned long long)number);
    return slice_of(out, (size_t)len);
}

static void open_store(struct bench *b, bool make) {
    struct note note = {0};
    if (make) CHECK(is_ok(meta_create(&b->config, random_system(), &note)));
    double begin = seconds_now();
    struct status s = meta_open(&b->config, &note, &b->meta);
    if (!is_ok(s)) fprintf(stderr, "%s\n", note.text);
    CHECK(is_ok(s));
    printf("open: %.1f ms, RssAnon %ld KiB\n", (seconds_now() - begin) * 1e3, rss_anon_kib());
}

static void figures(struct bench *b) {
    struct meta_stats stats;
    meta_stats_read(b->meta, &stats);
    printf(
        "    checkpoints %llu (last %.0f ms), slowed %llu, refused %llu, layers %.0f MiB, log %.0f "
        "of %.0f MiB, index %.0f of %.0f MiB, cache %.0f MiB, RssAnon %ld MiB\n",
        (unsigned long long)stats.checkpoints, (double)stats.checkpoint_ns / 1e6,
        (unsigned long long)stats.slowed, (unsigned long long)stats.refused,
        (double)stats.layers_bytes / 1048576.0, (double)stats.log_used_bytes / 1048576.0,
        (double)stats.log_file_bytes / 1048576.0, (double)stats.index_live_bytes / 1048576.0,
        (double)stats.index_file_bytes / 1048576.0, (double)stats.cache_bytes / 1048576.0,
        rss_anon_kib() / 1024);
}

/* What a PUT of a small object commits: a record, a blob, a counter, guards. */
static void put_one(struct bench *b, struct kv_batch *batch, uint64_t number, const char *bytes) {
    char key[96];
    char blob_key[18] = "br";
    struct slice name = key_of(number, key);
    uint64_t id[2] = {number * 0x9e3779b97f4a7c15u, number};
    memcpy(blob_key + 2, id, sizeof id);
    kv_batch_clear(batch);
    kv_batch_guard_equals(batch, SLICE("epoch"), SLICE("1"));
    kv_batch_guard_absent(batch, name);
    kv_batch_put(batch, name, slice_of(bytes, RECORD_BYTES));
    kv_batch_add(batch, SLICE("objects"), 1, 0, INT64_MAX);
    if (b->value_bytes > 0) {
        kv_batch_put(batch, slice_of(blob_key, sizeof blob_key), slice_of(bytes, b->value_bytes));
    }
    struct status s = kv_commit(meta_kv(b->meta), partition, batch, NULL);
    if (!is_ok(s)) fprintf(stderr, "commit: %s\n", status_text(s.code));
}

static void *put_run(void *argument) {
    struct bench *b = argument;
    struct kv_batch *batch = kv_batch_new();
    char *bytes = malloc(b->value_bytes + RECORD_BYTES);
    random_fill(random_system(), bytes, b->value_bytes + RECORD_BYTES);
    while (!atomic_load(&b->stop)) {
        uint64_t number = atomic_fetch_add(&b->next, 1);
        if (b->keys > 0 && number >= b->keys) break;
        put_one(b, batch, number, bytes);
    }
    free(bytes);
    kv_batch_free(&batch);
    return NULL;
}

static void epoch_put(struct bench *b) {
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, SLICE("epoch"), SLICE("1"));
    CHECK(is_ok(kv_commit(meta_kv(b->meta), partition, batch, NULL)));
    kv_batch_free(&batch);
}

static void put_bench(struct bench *b, int threads, int seconds) {
    pthread_t ids[THREADS_MAX];
    open_store(b, true);
    epoch_put(b);
    for (int i = 0; i < threads; i++) CHECK(pthread_create(&ids[i], NULL, put_run, b) == 0);
    struct kv_stats before;
    kv_stats_read(meta_kv(b->meta), &before);
    for (int i = 0; i < seconds; i++) {
        double begin = seconds_now();
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        double passed = seconds_now() - begin;
        struct kv_stats after;
        kv_stats_read(meta_kv(b->meta), &after);
        double groups = (double)(after.commit_groups - before.commit_groups);
        double commits = (double)(after.commits - before.commits);
        printf("%d committers: %.0f puts/s, %.0f syncs/s, mean group %.1f\n", threads,
               commits / passed, groups / passed, commits / groups);
        if (i % 5 == 4) figures(b);
        before = after;
    }
    atomic_store(&b->stop, true);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    meta_close(&b->meta);
    open_store(b, false);
    meta_close(&b->meta);
}

static struct status no_replay(struct log_replayer *replayer, uint64_t sequence,
                               struct slice payload) {
    (void)replayer;
    (void)sequence;
    (void)payload;
    return status_ok();
}

static void log_bench(struct bench *b, int seconds, size_t bytes) {
    struct log_config config = {.fs = fs_system(),
                                .dir_fd = b->config.dir_fd,
                                .ring_id = 1,
                                .segment_bytes = LOG_SEGMENT_BYTES,
                                .segments_min = 16,
                                .segments_max = 16};
    struct note note = {0};
    struct log *log;
    struct log_replayer replayer = {no_replay};
    struct log_buffer buffer;
    CHECK(is_ok(log_create(&config, &note)));
    CHECK(is_ok(log_open(&config, (struct log_position){.sequence = 1}, &replayer, &note, &log)));
    log_buffer_init(&buffer);
    memset(log_buffer_add(&buffer, bytes), 'x', bytes);
    double begin = seconds_now();
    uint64_t groups = 0;
    while (seconds_now() - begin < seconds) {
        if (!log_room(log, bytes)) log_release(log, log_tail(log));
        CHECK(is_ok(log_append(log, &buffer, &groups)));
    }
    double rate = (double)groups / (seconds_now() - begin);
    printf("bare log, groups of %zu bytes: %.0f/s, %.0f MB/s\n", bytes, rate,
           rate * (double)bytes / 1e6);
    log_buffer_fini(&buffer);
    log_close(&log);
}

static void load_bench(struct bench *b, uint64_t keys) {
    pthread_t ids[LOAD_THREADS];
    open_store(b, true);
    epoch_put(b);
    b->keys = keys;
    double begin = seconds_now();
    for (int i = 0; i < LOAD_THREADS; i++) CHECK(pthread_create(&ids[i], NULL, put_run, b) == 0);
    for (uint64_t mark = 1000000; mark <= keys; mark += 1000000) {
        while (atomic_load(&b->next) < mark)
            nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        double now = seconds_now();
        printf("%llu M keys: %.0f/s\n", (unsigned long long)(mark / 1000000), 1e6 / (now - begin));
        figures(b);
        fflush(stdout);
        begin = now;
    }
    for (int i = 0; i < LOAD_THREADS; i++) pthread_join(ids[i], NULL);
    meta_close(&b->meta);
    open_store(b, false);
    meta_close(&b->meta);
}

static void read_bench(struct bench *b, uint64_t keys) {
    open_store(b, false);
    struct kv *kv = meta_kv(b->meta);
    struct arena arena;
    arena_init(&arena, 64 * 1024, 16 * 1024 * 1024);
    for (int hot = 1; hot >= 0; hot--) {
        enum { READS = 200000 };
        uint64_t range = hot ? 4000 : keys;
        for (int round = 0; round < 2; round++) {
            double begin = seconds_now();
            uint64_t number = 1;
            for (int i = 0; i < (hot ? READS : READS / 10); i++) {
                char key[96];
                struct slice value;
                number = number * 6364136223846793005u + 1442695040888963407u;
                arena_reset(&arena);
                struct status s =
                    kv_get(kv, partition, key_of((number >> 33) % range, key), &arena, &value);
                CHECK(is_ok(s));
            }
            double each = (seconds_now() - begin) / (hot ? READS : READS / 10);
            printf("get, %s: %.2f us\n", hot ? "4000 keys" : "all keys", each * 1e6);
        }
    }
    for (int round = 0; round < 4; round++) {
        struct kv_cursor *cursor;
        bool found;
        char key[96];
        CHECK(is_ok(kv_cursor_open(kv, partition, SLICE("o"), &cursor)));
        double begin = seconds_now();
        CHECK(is_ok(kv_cursor_seek(cursor, key_of(4711, key), &found)));
        size_t bytes = 0;
        int n = 0;
        for (; found && n < SCAN; n++) {
            bytes += kv_cursor_key(cursor).len + kv_cursor_value(cursor).len;
            CHECK(is_ok(kv_cursor_next(cursor, &found)));
        }
        printf("scan of %d keys, %zu bytes: %.0f us\n", n, bytes, (seconds_now() - begin) * 1e6);
        kv_cursor_close(&cursor);
    }
    figures(b);
    arena_fini(&arena);
    meta_close(&b->meta);
}

static long number_of(int argc, char **argv, int at, long otherwise) {
    return argc > at ? strtol(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    if (argc < 3) return fprintf(stderr, "usage: kv_bench DIR put|log|load|read ...\n"), 2;
    struct bench b = {.config = {.fs = fs_system(), .clock = clock_system()}};
    CHECK(is_ok(fs_dir_open(fs_system(), AT_FDCWD, argv[1], &b.config.dir_fd)));
    if (strcmp(argv[2], "put") == 0) {
        b.value_bytes = (size_t)number_of(argc, argv, 5, 4096);
        put_bench(&b, (int)number_of(argc, argv, 3, 64), (int)number_of(argc, argv, 4, 10));
    } else if (strcmp(argv[2], "log") == 0) {
        log_bench(&b, (int)number_of(argc, argv, 3, 5), (size_t)number_of(argc, argv, 4, 300000));
    } else if (strcmp(argv[2], "load") == 0) {
        load_bench(&b, (uint64_t)number_of(argc, argv, 3, 10000000));
    } else {
        read_bench(&b, (uint64_t)number_of(argc, argv, 3, 10000000));
    }
    return 0;
}
