/*
 * blob_writer.h - a blob on its way in: in memory while it is small, then in a nameless file
 *
 * Threads: a writer belongs to one; the list of writers has its lock in struct engine.
 */
#ifndef ENGINE_BLOB_WRITER_H
#define ENGINE_BLOB_WRITER_H

#include "engine/store.h"

struct file_writer {
    struct blob_writer writer;
    struct engine *engine;
    struct kv_partition partition;
    struct file_writer *next; /* in engine->writers, from the name on until the end */
    struct file_writer **link;
    char *buffer; /* what is not in the file yet; all of it as long as there is no file */
    size_t buffer_len;
    size_t buffer_cap;
    uint32_t inline_sum;
    bool has_file;
    bool has_name;
    struct fs_temp temp;
    uint64_t flushed; /* bytes in the file, without tables */
    char *table;      /* of the group that is being written */
    size_t table_blocks;
};

/* blob_writer_begin. */
struct status file_writer_begin(struct blob_store *store, struct kv_partition partition,
                                struct slice policy, uint64_t size_hint,
                                struct blob_writer **ret_writer);

#endif
