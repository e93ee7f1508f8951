/*
 * blob_reader.h - a blob on its way out, each block checked against its checksum
 *
 * Threads: a reader belongs to one.
 */
#ifndef ENGINE_BLOB_READER_H
#define ENGINE_BLOB_READER_H

#include "engine/store.h"

/* blob_reader_open. */
struct status file_reader_open(struct blob_store *store, struct kv_partition partition,
                               struct blob_id id, struct blob_reader **ret_reader);

#endif
