#include "engine/db.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum {
    BLOCK_BYTES = 8 * 1024,
    BLOOM_BITS = 10,
    VALUE_APART_MIN = 2 * 1024, /* values from this size lie in RocksDB's blob files */
    FILE_BYTES = 16 * 1024 * 1024,
    BLOB_FILE_BYTES = 64 * 1024 * 1024,
    WRITE_BUFFERS = 3,
    OPEN_FILES_MAX = 512,
    INFO_LOG_BYTES = 1024 * 1024,
    INFO_LOGS = 2,
    MANIFEST_BYTES = 4 * 1024 * 1024,
    MANIFEST_PREALLOCATION = 64 * 1024,
    BACKGROUND_JOBS = 2,
};

/* What RocksDB's C interface has no function for. */
static const char more_options[] =
    "avoid_flush_during_recovery=true;avoid_flush_during_shutdown=true;"
    "track_and_verify_wals_in_manifest=true;skip_checking_sst_file_sizes_on_db_open=true;"
    "enable_write_thread_adaptive_yield=false;force_consistency_checks=true;"
    "persist_stats_to_disk=false;stats_persist_period_sec=0";

void db_name_make(struct db_name *name, struct kv_partition partition, struct slice key) {
    key = slice_take(key, KV_KEY_MAX);
    memcpy(name->bytes, partition.id, sizeof partition.id);
    if (key.len > 0) memcpy(name->bytes + sizeof partition.id, key.ptr, key.len);
    name->len = sizeof partition.id + key.len;
}

bool db_name_after_prefix(struct db_name *name) {
    while (name->len > 0 && (uint8_t)name->bytes[name->len - 1] == 0xff) name->len--;
    if (name->len == 0) return false;
    name->bytes[name->len - 1]++;
    return true;
}

struct status db_status(char *error, struct note *note) {
    if (!error) return status_ok();
    struct slice text = slice_str(error);
    enum status_code code = STATUS_IO;
    if (slice_starts_with(text, SLICE("Corruption"))) code = STATUS_CORRUPT;
    if (slice_find(text, SLICE("No space left"), 0) < text.len) code = STATUS_NO_SPACE;
    note_set(note, "%s", error);
    rocksdb_free(error);
    return status_of(code);
}

static void options_for_tables(rocksdb_options_t *options, rocksdb_cache_t *cache) {
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

static void options_for_values(rocksdb_options_t *options) {
    rocksdb_options_set_enable_blob_files(options, 1);
    rocksdb_options_set_min_blob_size(options, VALUE_APART_MIN);
    rocksdb_options_set_blob_file_size(options, BLOB_FILE_BYTES);
    rocksdb_options_set_enable_blob_gc(options, 1);
    rocksdb_options_set_blob_gc_age_cutoff(options, 0.1);
    rocksdb_options_set_blob_gc_force_threshold(options, 0.5);
}

static void options_for_logs(rocksdb_options_t *options, size_t write_buffer_bytes) {
    /* Whether a log ends in a tear or in damage is decided before, by log_check (F3). */
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_point_in_time_recovery);
    rocksdb_options_set_max_total_wal_size(options, 2 * WRITE_BUFFERS * write_buffer_bytes);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_BYTES);
    rocksdb_options_set_keep_log_file_num(options, INFO_LOGS);
    rocksdb_options_set_info_log_level(options, 2); /* warnings */
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_max_manifest_file_size(options, MANIFEST_BYTES);
    rocksdb_options_set_manifest_preallocation_size(options, MANIFEST_PREALLOCATION);
}

static void options_for_memory(rocksdb_options_t *options, size_t write_buffer_bytes) {
    rocksdb_options_set_write_buffer_size(options, write_buffer_bytes);
    rocksdb_options_set_max_write_buffer_number(options, WRITE_BUFFERS);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_table_cache_numshardbits(options, 4);
    rocksdb_options_set_target_file_size_base(options, FILE_BYTES);
    rocksdb_options_set_max_bytes_for_level_base(options, 4 * FILE_BYTES);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_bytes_per_sync(options, 1024 * 1024);
    /* Only the leader of a group writes. */
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0);
}

static struct status options_make(struct db *db, const struct db_config *config,
                                  struct note *note) {
    rocksdb_options_t *base = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(base, 1);
    rocksdb_options_set_paranoid_checks(base, 1);
    rocksdb_options_set_is_fd_close_on_exec(base, 1);
    rocksdb_options_set_skip_stats_update_on_db_open(base, 1);
    rocksdb_options_set_compression(base, rocksdb_no_compression);
    options_for_tables(base, db->cache);
    options_for_values(base);
    options_for_logs(base, config->write_buffer_bytes);
    options_for_memory(base, config->write_buffer_bytes);
    db->options = rocksdb_options_create();
    char *error = NULL;
    rocksdb_get_options_from_string(base, more_options, db->options, &error);
    rocksdb_options_destroy(base);
    return db_status(error, note);
}

struct status db_open(struct db *db, const struct db_config *config, struct note *note) {
    *db = (struct db){.cache = rocksdb_cache_create_lru(config->cache_bytes)};
    struct status s = options_make(db, config, note);
    db->read_options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(db->read_options, 1);
    db->write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(db->write_options, 1);
    char *error = NULL;
    if (is_ok(s)) db->rocks = rocksdb_open(db->options, config->path, &error);
    if (is_ok(s)) s = db_status(error, note);
    if (!is_ok(s)) db_close(db);
    return s;
}

void db_close(struct db *db) {
    if (db->rocks) rocksdb_close(db->rocks);
    if (db->read_options) rocksdb_readoptions_destroy(db->read_options);
    if (db->write_options) rocksdb_writeoptions_destroy(db->write_options);
    if (db->options) rocksdb_options_destroy(db->options);
    if (db->cache) rocksdb_cache_destroy(db->cache);
    *db = (struct db){0};
}

struct status db_get(const struct db *db, struct slice name, rocksdb_pinnableslice_t **ret_value) {
    char *error = NULL;
    rocksdb_pinnableslice_t *value =
        rocksdb_get_pinned(db->rocks, db->read_options, name.ptr, name.len, &error);
    TRY(db_status(error, NULL));
    if (!value) return status_of(STATUS_NOT_FOUND);
    *ret_value = value;
    return status_ok();
}

struct status db_write(const struct db *db, rocksdb_writebatch_t *batch, struct note *note) {
    char *error = NULL;
    rocksdb_write(db->rocks, db->write_options, batch, &error);
    return db_status(error, note);
}

uint64_t db_property(const struct db *db, const char *property) {
    uint64_t value = 0;
    return rocksdb_property_int(db->rocks, property, &value) == 0 ? value : 0;
}
