#include "base/buf.h"
#include "base/check.h"
#include "base/codec.h"
#include "engine/blob_reader.h"
#include "engine/blob_writer.h"
#include "engine/store.h"

struct engine *engine_of_blob(struct blob_store *store) {
    return CONTAINER_OF(store, struct engine, blob);
}

struct blob_file_name blob_file_name_make(struct kv_partition partition, struct blob_id id) {
    struct blob_file_name name;
    struct buf text;
    buf_init_fixed(&text, name.text, sizeof name.text);
    hex_encode(&text, slice_of(partition.id, sizeof partition.id));
    buf_append_char(&text, '-');
    hex_encode(&text, slice_of(id.bytes, sizeof id.bytes));
    buf_append_char(&text, '\0');
    CHECK(is_ok(buf_ok(&text)));
    return name;
}

bool blob_file_name_parse(const char *name, struct kv_partition *ret_partition,
                          struct blob_id *ret_id) {
    struct slice partition;
    struct slice id;
    return slice_cut(slice_str(name), '-', &partition, &id) &&
           hex_decode(partition, ret_partition->id, sizeof ret_partition->id) &&
           hex_decode(id, ret_id->bytes, sizeof ret_id->bytes);
}

int blob_file_dir(const struct engine *engine, struct blob_id id) {
    return engine->home.fanout_fds[id.bytes[sizeof id.bytes - 1]];
}

/* Small blobs went with their record. What is left of others by a crash now, the sweep finds. */
static void store_free_bytes(struct blob_store *store, struct kv_partition partition,
                             struct blob_id id, struct slice record) {
    (void)record;
    struct engine *engine = engine_of_blob(store);
    struct blob_file_name name = blob_file_name_make(partition, id);
    atomic_fetch_add(&engine->collected_blobs, 1);
    if (record.len > BLOB_RECORD_OF_FILE_MAX) return;
    IGNORE_STATUS(fs_remove(engine->fs, blob_file_dir(engine, id), name.text));
}

static void store_stats_read(struct blob_store *store, struct blob_stats *ret_stats) {
    struct engine *engine = engine_of_blob(store);
    struct fs_space space;
    space_read(&engine->space, &space);
    *ret_stats = (struct blob_stats){
        .bytes_free = space.free_bytes,
        .bytes_total = space.total_bytes,
        .corrupt_blocks = atomic_load(&engine->corrupt_blocks),
        .collected_blobs = atomic_load(&engine->collected_blobs),
    };
}

static void store_close(struct blob_store **store) {
    (void)store;
    CHECK(!"blob_store_close is not for the blob store of an engine");
}

const struct blob_store_ops engine_blob_ops = {
    .writer_begin = file_writer_begin,
    .reader_open = file_reader_open,
    .free_bytes = store_free_bytes,
    .stats_read = store_stats_read,
    .close = store_close,
};
