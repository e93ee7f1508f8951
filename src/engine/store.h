/*
 * store.h - the engine's insides, as its files share them
 *
 * Threads: see each member.
 */
#ifndef ENGINE_STORE_H
#define ENGINE_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "blob/driver.h"
#include "engine/engine.h"
#include "engine/home.h"
#include "engine/meta.h"
#include "engine/space.h"
#include "os/thread.h"

struct file_writer;

struct engine_policy_entry {
    char name[BLOB_POLICY_NAME_MAX + 1];
    unsigned copies_promised; /* drives whose loss is survived, plus 1 */
};

struct engine {
    struct blob_store blob;
    struct fs *fs;
    struct clock *clock;
    struct random *random;
    struct home home;
    struct space space;
    int meta_fd; /* of the directory with the log and the index */
    struct meta *meta;
    struct engine_policy_entry policies[ENGINE_POLICIES_MAX];
    size_t policy_count;
    pthread_mutex_t writers_lock; /* guards the list */
    struct file_writer *writers;  /* that have a file whose record may not be there yet */
    struct thread sweeper;
    bool sweeping;
    atomic_bool closing;
    atomic_ullong corrupt_blocks;
    atomic_ullong collected_blobs;
};

/* The driver table of the data half. */
extern const struct blob_store_ops engine_blob_ops;

/* The engine around it. */
struct engine *engine_of_blob(struct blob_store *store);

enum {
    BLOB_FILE_NAME_LEN = 2 * KV_PARTITION_LEN + 1 + 2 * BLOB_ID_LEN,
    BLOB_RECORD_OF_FILE_MAX = 64 /* a longer record has the bytes in it */
};

struct blob_file_name {
    char text[BLOB_FILE_NAME_LEN + 1];
};

/* The name of a blob's file, and its directory. */
struct blob_file_name blob_file_name_make(struct kv_partition partition, struct blob_id id);
bool blob_file_name_parse(const char *name, struct kv_partition *ret_partition,
                          struct blob_id *ret_id);
int blob_file_dir(const struct engine *engine, struct blob_id id);

/* Whether a writer of this process has such a file. */
bool blob_file_in_writing(struct engine *engine, struct kv_partition partition, struct blob_id id);

/* Starts, and ends, the search for files that no record names. */
struct status sweep_start(struct engine *engine, struct note *note);
void sweep_stop(struct engine *engine);

#endif
