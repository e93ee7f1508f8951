/*
 * db.h - RocksDB as this engine uses it: one ordered map of names, written by one thread at a time
 *
 * A name is the 16 bytes of a partition and the key behind them. Names of fewer bytes are the
 * engine's own.
 *
 * Threads: any number read; db_write one at a time.
 */
#ifndef ENGINE_DB_H
#define ENGINE_DB_H

#include <rocksdb/c.h>

#include "kv/driver.h"

enum { DB_NAME_MAX = KV_PARTITION_LEN + KV_KEY_MAX };

struct db {
    rocksdb_t *rocks;
    rocksdb_options_t *options;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read_options;
    rocksdb_writeoptions_t *write_options;
};

struct db_config {
    const char *path;
    size_t cache_bytes;
    size_t write_buffer_bytes;
};

/* Room for a name. */
struct db_name {
    size_t len;
    char bytes[DB_NAME_MAX];
};

/* Builds the name of a key; a key past KV_KEY_MAX is cut off there (good enough to seek). */
void db_name_make(struct db_name *name, struct kv_partition partition, struct slice key);

/* Makes `name` the least one that is greater than all that begin with it; false if none is. */
bool db_name_after_prefix(struct db_name *name);

/* Opens the database, and makes it if it is not there. Errors: CORRUPT; NO_SPACE; IO. */
struct status db_open(struct db *db, const struct db_config *config, struct note *note);

/* Flushes nothing: what is in the log is read again at the next open. */
void db_close(struct db *db);

/* Looks up a name. Owns: the caller frees with rocksdb_pinnableslice_destroy. Errors: NOT_FOUND. */
struct status db_get(const struct db *db, struct slice name, rocksdb_pinnableslice_t **ret_value);

/* Writes a batch, durable on return; `note` says what the database said. */
struct status db_write(const struct db *db, rocksdb_writebatch_t *batch, struct note *note);

/* Translates and frees RocksDB's error text; OK for NULL. */
struct status db_status(char *error, struct note *note);

/* An integer property, 0 where there is none. */
uint64_t db_property(const struct db *db, const char *property);

#endif
