/*
 * blob_bench - large blobs through the data half: written and read, wall and processor time
 *
 * Usage: blob_bench DIR [THREADS] [MIB] [COUNT]
 * Each thread writes COUNT blobs of MIB MiB, binds them, and reads them back. DIR must exist; what
 * is made in it is left behind. The kv is the reference in memory.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "engine/data.h"
#include "kv/mem.h"

enum { PIECE = 256 * 1024, THREADS_MAX = 64, MIB = 1024 * 1024 };

static const struct kv_partition partition = {{7}};

struct load {
    struct kv *kv;
    struct blob_store *blob;
    size_t mib;
    size_t count;
    struct blob_id *ids; /* of one thread */
};

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *write_run(void *argument) {
    struct load *load = argument;
    char *piece = malloc(PIECE);
    CHECK(piece);
    memset(piece, 'x', PIECE);
    for (size_t i = 0; i < load->count; i++) {
        struct blob_writer *writer;
        CHECK(is_ok(
            blob_writer_begin(load->blob, partition, SLICE("standard"), load->mib * MIB, &writer)));
        load->ids[i] = blob_writer_id(writer);
        for (size_t at = 0; at < load->mib * MIB; at += PIECE) {
            CHECK(is_ok(blob_writer_write(writer, slice_of(piece, PIECE))));
        }
        CHECK(is_ok(blob_writer_seal(writer)));
        struct kv_batch *batch = kv_batch_new();
        blob_writer_bind(writer, batch);
        CHECK(is_ok(kv_commit(load->kv, partition, batch, NULL)));
        kv_batch_free(&batch);
        blob_writer_commit(&writer);
    }
    free(piece);
    return NULL;
}

static void *read_run(void *argument) {
    struct load *load = argument;
    char *piece = malloc(PIECE);
    CHECK(piece);
    for (size_t i = 0; i < load->count; i++) {
        struct blob_reader *reader;
        CHECK(is_ok(blob_reader_open(load->blob, partition, load->ids[i], &reader)));
        for (size_t at = 0; at < load->mib * MIB; at += PIECE) {
            CHECK(is_ok(blob_reader_read(reader, at, piece, PIECE)));
        }
        blob_reader_close(&reader);
    }
    free(piece);
    return NULL;
}

static void measure(const char *what, void *(*run)(void *), struct load *loads, unsigned threads) {
    pthread_t ids[THREADS_MAX];
    double wall = seconds_of(CLOCK_MONOTONIC);
    double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < threads; i++) {
        CHECK(pthread_create(&ids[i], NULL, run, &loads[i]) == 0);
    }
    for (unsigned i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    wall = seconds_of(CLOCK_MONOTONIC) - wall;
    processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
    double gb = 1e-9 * (double)(threads * loads[0].count * loads[0].mib * MIB);
    printf("%-6s %2u threads  %6.2f GB/s  %4.0f ms of processor a GB\n", what, threads, gb / wall,
           1000 * processor / gb);
}

int main(int argc, char **argv) {
    CHECK(argc > 1);
    unsigned threads = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    CHECK(threads > 0 && threads <= THREADS_MAX);
    size_t mib = argc > 3 ? strtoul(argv[3], NULL, 10) : 64;
    size_t count = argc > 4 ? strtoul(argv[4], NULL, 10) : 8;
    struct data_drive_config drive = {.path = argv[1]};
    struct data_policy policy = {.name = "standard", .data_pieces = 1};
    struct kv *kv = kv_mem_open();
    struct data_config config = {.kv = kv,
                                 .fs = fs_system(),
                                 .clock = clock_system(),
                                 .random = random_system(),
                                 .drives = &drive,
                                 .drive_count = 1,
                                 .policies = &policy,
                                 .policy_count = 1};
    struct data_store *store;
    struct note note = {0};
    if (!is_ok(data_open(&config, &note, &store))) {
        fprintf(stderr, "%s\n", note.text);
        return 1;
    }
    struct load loads[THREADS_MAX];
    for (unsigned i = 0; i < threads; i++) {
        loads[i] = (struct load){kv, data_blob(store), mib, count, calloc(count, BLOB_ID_LEN)};
        CHECK(loads[i].ids);
    }
    measure("write", write_run, loads, threads);
    measure("read", read_run, loads, threads);
    measure("again", read_run, loads, threads);
    data_close(&store);
    kv_close(&kv);
    return 0;
}
