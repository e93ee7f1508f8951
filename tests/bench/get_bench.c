/*
 * get_bench - the store's share of a GET of a small object: find it, open it, read it
 *
 * Usage: get_bench DIR [OBJECTS] [SECONDS] [BYTES]
 * Puts OBJECTS objects of BYTES bytes, then reads them at random, twice: out of the layers in
 * memory, and after a new start, which moves most of them to the index.
 * Prints the processor time of one read in microseconds. DIR must not exist; it is left behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "engine/engine.h"
#include "object/bucket.h"
#include "object/object.h"
#include "object/store.h"

enum {
    ARENA_BLOCK = 16 * 1024,
    ARENA_MAX = 1024 * 1024,
    BYTES_MAX = 1024 * 1024,
    WRITE_BUFFER_SMALL = 1024 * 1024
};

struct get_bench {
    const char *folder;
    unsigned long objects;
    double seconds;
    size_t bytes;
    struct engine *engine;
    struct object_store *store;
    struct arena arena;
    struct bucket bucket;
};

static char body[BYTES_MAX];

static double processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void store_open(struct get_bench *self, size_t write_buffer_bytes) {
    static const struct engine_policy policy = {.name = "standard", .copies = 1};
    struct engine_config config = {.data_dir = self->folder,
                                   .policies = &policy,
                                   .policy_count = 1,
                                   .write_buffer_bytes = write_buffer_bytes};
    struct note note = {0};
    CHECK(is_ok(engine_open(&config, clock_system(), random_system(), &note, &self->engine)));
    struct object_store_config objects = {.kv = engine_kv(self->engine),
                                          .blob = engine_blob(self->engine),
                                          .clock = clock_system(),
                                          .random = random_system()};
    CHECK(is_ok(object_store_open(&objects, &note, &self->store)));
}

static void store_close(struct get_bench *self) {
    object_store_close(&self->store);
    engine_close(&self->engine);
}

static struct slice key_of(unsigned long number, char out[32]) {
    return slice_of(out, (size_t)snprintf(out, 32, "hinkbench/%08lu", number));
}

static void objects_put(struct get_bench *self) {
    struct bucket_wanted wanted = {.name = SLICE("bench"),
                                   .region = SLICE("r"),
                                   .project_id = SLICE("p"),
                                   .owner_id = SLICE("o"),
                                   .owner_name = SLICE("o"),
                                   .policy = SLICE("standard"),
                                   .claim_s3_name = true,
                                   .buckets_max = UINT64_MAX};
    CHECK(is_ok(bucket_create(self->store, &wanted, &self->arena, NULL, &self->bucket)));
    for (unsigned long i = 0; i < self->objects; i++) {
        char key[32];
        struct object_put put = {.key = key_of(i, key), .size_hint = self->bytes};
        struct object_seal seal = {.etag = SLICE("0123456789abcdef0123456789abcdef")};
        struct object_writer *writer;
        CHECK(is_ok(object_writer_begin(self->store, &self->bucket, &put, NULL, &writer)));
        CHECK(is_ok(object_writer_write(writer, slice_of(body, self->bytes))));
        CHECK(is_ok(object_writer_commit(&writer, &seal, NULL, NULL)));
    }
}

static void object_get(struct get_bench *self, unsigned long number, struct arena *arena) {
    char key[32];
    struct object_info info;
    struct object_reader *reader;
    CHECK(
        is_ok(object_open(self->store, &self->bucket, key_of(number, key), arena, &info, &reader)));
    CHECK(is_ok(object_reader_read(reader, 0, body, info.size)));
    object_reader_close(&reader);
    arena_reset(arena);
}

static void gets_measure(struct get_bench *self, const char *what) {
    struct arena arena;
    arena_init(&arena, ARENA_BLOCK, ARENA_MAX);
    for (unsigned long i = 0; i < self->objects; i++) object_get(self, i, &arena);
    double begin = processor_seconds();
    double end = begin;
    unsigned long count = 0;
    uint64_t x = 88172645463325252ULL;
    for (; end - begin < self->seconds; end = processor_seconds()) {
        for (unsigned i = 0; i < 1000; i++, count++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            object_get(self, x % self->objects, &arena);
        }
    }
    printf("%s %.2f us\n", what, (end - begin) / (double)count * 1e6);
    fflush(stdout);
    arena_fini(&arena);
}

static unsigned long number_of(int argc, char **argv, int index, unsigned long absent) {
    return argc > index ? strtoul(argv[index], NULL, 10) : absent;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: get_bench DIR [OBJECTS] [SECONDS] [BYTES]\n");
        return 2;
    }
    struct get_bench self = {.folder = argv[1],
                             .objects = number_of(argc, argv, 2, 5000),
                             .seconds = (double)number_of(argc, argv, 3, 2),
                             .bytes = number_of(argc, argv, 4, 4096)};
    CHECK(self.objects > 0 && self.bytes > 0 && self.bytes <= BYTES_MAX);
    arena_init(&self.arena, ARENA_BLOCK, ARENA_MAX);
    store_open(&self, 0);
    objects_put(&self);
    gets_measure(&self, "before_restart");
    store_close(&self);
    store_open(&self, WRITE_BUFFER_SMALL);
    gets_measure(&self, "after_restart");
    store_close(&self);
    arena_fini(&self.arena);
    return 0;
}
