/*
 * engine_bench - durable small puts a second through the engine's group commit
 *
 * Usage: engine_bench DIR [THREADS] [SECONDS] [BYTES] [DRIVE [DRIVE]]
 * Each DRIVE is a directory that gets a copy of the metadata. Each put is what a PUT of a small
 * object commits: a blob of BYTES bytes, a key of 62 bytes, a counter, and a guard on the bucket's
 * epoch. DIR must not exist; it is left behind.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "engine/engine.h"

enum { THREADS_MAX = 1024, RECORD_BYTES = 300 };

struct put_load {
    struct engine *engine;
    size_t blob_bytes;
    atomic_bool stop;
    atomic_ullong puts;
};

static const struct kv_partition partition = {{7}};

static void put_one(struct put_load *load, struct kv_batch *batch, const char *bytes,
                    unsigned long long number) {
    struct blob_writer *writer;
    CHECK(is_ok(blob_writer_begin(engine_blob(load->engine), partition, SLICE("standard"),
                                  load->blob_bytes, &writer)));
    CHECK(is_ok(blob_writer_write(writer, slice_of(bytes, load->blob_bytes))));
    CHECK(is_ok(blob_writer_seal(writer)));
    char key[64];
    snprintf(key, sizeof key, "o%061llx", number * 0x9e3779b97f4a7c15ull);
    kv_batch_clear(batch);
    kv_batch_guard_equals(batch, SLICE("epoch"), SLICE("1"));
    kv_batch_guard_absent(batch, slice_of(key, 62));
    kv_batch_put(batch, slice_of(key, 62), slice_of(bytes, RECORD_BYTES));
    kv_batch_add(batch, SLICE("objects"), 1, 0, INT64_MAX);
    blob_writer_bind(writer, batch);
    CHECK(is_ok(kv_commit(engine_kv(load->engine), partition, batch, NULL)));
    blob_writer_commit(&writer);
}

static void *put_run(void *argument) {
    struct put_load *load = argument;
    struct kv_batch *batch = kv_batch_new();
    char *bytes = malloc(load->blob_bytes + RECORD_BYTES);
    random_fill(random_system(), bytes, load->blob_bytes + RECORD_BYTES);
    unsigned long long number;
    random_fill(random_system(), &number, sizeof number);
    while (!atomic_load(&load->stop)) {
        put_one(load, batch, bytes, number++);
        atomic_fetch_add(&load->puts, 1);
    }
    free(bytes);
    kv_batch_free(&batch);
    return NULL;
}

static void measure(struct put_load *load, int threads, int seconds) {
    pthread_t ids[THREADS_MAX];
    struct kv_stats before;
    kv_stats_read(engine_kv(load->engine), &before);
    for (int i = 0; i < threads; i++) CHECK(pthread_create(&ids[i], NULL, put_run, load) == 0);
    nanosleep(&(struct timespec){.tv_sec = seconds}, NULL);
    atomic_store(&load->stop, true);
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    struct kv_stats after;
    kv_stats_read(engine_kv(load->engine), &after);
    double groups = (double)(after.commit_groups - before.commit_groups);
    double commits = (double)(after.commits - before.commits);
    printf("%d committers: %.0f puts/s, %.0f syncs/s, mean group %.1f\n", threads,
           commits / seconds, groups / seconds, commits / groups);
}

int main(int argc, char **argv) {
    if (argc < 2)
        return fprintf(stderr,
                       "usage: engine_bench DIR [THREADS] [SECONDS] [BYTES] [DRIVE [DRIVE]]\n"),
               2;
    int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 64;
    int seconds = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 5;
    struct put_load load = {.blob_bytes = argc > 4 ? (size_t)strtoul(argv[4], NULL, 10) : 4096};
    static const struct engine_policy policies[] = {{.name = "standard", .copies = 1}};
    struct engine_drive drives[2];
    size_t drive_count = 0;
    for (int i = 5; i < argc && drive_count < ARRAY_LEN(drives); i++) {
        drives[drive_count++] =
            (struct engine_drive){.name = argv[i], .path = argv[i], .has_metadata = true};
    }
    struct engine_config config = {.data_dir = argv[1],
                                   .policies = policies,
                                   .policy_count = ARRAY_LEN(policies),
                                   .drives = drives,
                                   .drive_count = drive_count};
    struct note note = {0};
    struct status s = engine_open(&config, clock_system(), random_system(), &note, &load.engine);
    if (!is_ok(s)) return fprintf(stderr, "%s\n", note.text), 1;
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, SLICE("epoch"), SLICE("1"));
    CHECK(is_ok(kv_commit(engine_kv(load.engine), partition, batch, NULL)));
    kv_batch_free(&batch);
    measure(&load, threads, seconds);
    engine_close(&load.engine);
    return 0;
}
