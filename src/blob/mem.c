#include "blob/mem.h"

#include <endian.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "blob/driver.h"

/* The bytes of one blob: held by its writer, by the store while it is kept, and by each reader. */
struct mem_bytes {
    struct mem_bytes *next; /* in the store's list */
    struct kv_partition partition;
    struct blob_id id;
    size_t holders; /* under the store's lock */
    size_t len;
    size_t cap;
    char *ptr;
};

struct mem_store {
    struct blob_store store;
    const char *const *policies;
    pthread_mutex_t lock; /* guards everything below */
    struct mem_bytes *list;
    uint64_t last_id;
    uint64_t collected;
};

struct mem_writer {
    struct blob_writer writer;
    struct mem_store *store;
    struct mem_bytes *bytes;
};

struct mem_reader {
    struct blob_reader reader;
    struct mem_store *store;
    struct mem_bytes *bytes;
};

static struct mem_store *mem_of(struct blob_store *store) {
    return CONTAINER_OF(store, struct mem_store, store);
}

static struct mem_writer *writer_of(struct blob_writer *writer) {
    return CONTAINER_OF(writer, struct mem_writer, writer);
}

static void bytes_drop(struct mem_store *store, struct mem_bytes *bytes) {
    pthread_mutex_lock(&store->lock);
    bool last = --bytes->holders == 0;
    pthread_mutex_unlock(&store->lock);
    if (!last) return;
    free(bytes->ptr);
    free(bytes);
}

/* Takes the bytes out of the store's list; whoever still reads them holds on to them. */
static void bytes_unlink(struct mem_store *store, struct mem_bytes *bytes) {
    pthread_mutex_lock(&store->lock);
    struct mem_bytes **at = &store->list;
    while (*at && *at != bytes) at = &(*at)->next;
    CHECK(*at);
    *at = bytes->next;
    pthread_mutex_unlock(&store->lock);
    bytes_drop(store, bytes);
}

/* The bytes of a blob, with one more holder; NULL if they are not there. */
static struct mem_bytes *bytes_find(struct mem_store *store, struct kv_partition partition,
                                    struct blob_id id) {
    pthread_mutex_lock(&store->lock);
    struct mem_bytes *bytes = store->list;
    while (bytes && (memcmp(bytes->id.bytes, id.bytes, sizeof id.bytes) != 0 ||
                     !kv_partition_eq(bytes->partition, partition))) {
        bytes = bytes->next;
    }
    if (bytes) bytes->holders++;
    pthread_mutex_unlock(&store->lock);
    return bytes;
}

static struct status mem_write(struct blob_writer *writer, struct slice piece) {
    struct mem_bytes *bytes = writer_of(writer)->bytes;
    if (bytes->len + piece.len > bytes->cap) {
        bytes->cap = 2 * (bytes->len + piece.len);
        bytes->ptr = realloc(bytes->ptr, bytes->cap);
        CHECK(bytes->ptr);
    }
    if (piece.len > 0) memcpy(bytes->ptr + bytes->len, piece.ptr, piece.len);
    bytes->len += piece.len;
    return status_ok();
}

static struct status mem_seal(struct blob_writer *writer) {
    (void)writer;
    return status_ok();
}

static void mem_bind(const struct blob_writer *writer, struct kv_batch *batch) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, writer->id);
    uint64_t size = htole64(writer->size);
    kv_batch_put(batch, blob_key_slice(&key), slice_of(&size, sizeof size));
}

static void mem_forget(struct blob_writer **writer) {
    struct mem_writer *self = writer_of(*writer);
    bytes_drop(self->store, self->bytes);
    free(self);
    *writer = NULL;
}

static void mem_abort(struct blob_writer **writer) {
    struct mem_writer *self = writer_of(*writer);
    bytes_unlink(self->store, self->bytes);
    mem_forget(writer);
}

static const struct blob_writer_ops mem_writer_ops = {
    .write = mem_write,
    .seal = mem_seal,
    .bind = mem_bind,
    .commit = mem_forget,
    .abort = mem_abort,
    .forget = mem_forget,
};

static bool policy_known(const struct mem_store *self, struct slice policy) {
    for (const char *const *at = self->policies; *at; at++) {
        if (slice_eq(slice_str(*at), policy)) return true;
    }
    return false;
}

static struct mem_bytes *bytes_new(struct mem_store *self, struct kv_partition partition) {
    struct mem_bytes *bytes = calloc(1, sizeof *bytes);
    CHECK(bytes);
    bytes->partition = partition;
    bytes->holders = 2; /* the list and the writer */
    pthread_mutex_lock(&self->lock);
    uint64_t big = htobe64(++self->last_id);
    memcpy(bytes->id.bytes, &big, sizeof big);
    bytes->next = self->list;
    self->list = bytes;
    pthread_mutex_unlock(&self->lock);
    return bytes;
}

static struct status mem_writer_begin(struct blob_store *store, struct kv_partition partition,
                                      struct slice policy, uint64_t size_hint,
                                      struct blob_writer **ret_writer) {
    (void)size_hint;
    struct mem_store *self = mem_of(store);
    if (!policy_known(self, policy)) return status_of(STATUS_NOT_FOUND);
    struct mem_writer *writer = calloc(1, sizeof *writer);
    CHECK(writer);
    writer->store = self;
    writer->bytes = bytes_new(self, partition);
    writer->writer = (struct blob_writer){.ops = &mem_writer_ops, .id = writer->bytes->id};
    *ret_writer = &writer->writer;
    return status_ok();
}

static struct status mem_read(struct blob_reader *reader, uint64_t offset, void *buffer,
                              size_t len) {
    struct mem_reader *self = CONTAINER_OF(reader, struct mem_reader, reader);
    memcpy(buffer, self->bytes->ptr + offset, len);
    return status_ok();
}

static void mem_reader_close(struct blob_reader **reader) {
    struct mem_reader *self = CONTAINER_OF(*reader, struct mem_reader, reader);
    bytes_drop(self->store, self->bytes);
    free(self);
    *reader = NULL;
}

static const struct blob_reader_ops mem_reader_ops = {
    .read = mem_read,
    .close = mem_reader_close,
};

/* Whether the blob's record is there. */
static struct status record_read(struct mem_store *self, struct kv_partition partition,
                                 struct blob_id id) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, id);
    struct arena arena;
    arena_init(&arena, 256, 64 * 1024);
    struct slice value;
    struct status s = kv_get(self->store.kv, partition, blob_key_slice(&key), &arena, &value);
    arena_fini(&arena);
    return s;
}

static struct status mem_reader_open(struct blob_store *store, struct kv_partition partition,
                                     struct blob_id id, struct blob_reader **ret_reader) {
    struct mem_store *self = mem_of(store);
    TRY(record_read(self, partition, id));
    struct mem_bytes *bytes = bytes_find(self, partition, id);
    if (!bytes) { /* collected since, or lost */
        TRY(record_read(self, partition, id));
        return status_of(STATUS_CORRUPT);
    }
    struct mem_reader *reader = calloc(1, sizeof *reader);
    CHECK(reader);
    *reader = (struct mem_reader){{&mem_reader_ops, bytes->len}, self, bytes};
    *ret_reader = &reader->reader;
    return status_ok();
}

static void mem_free_bytes(struct blob_store *store, struct kv_partition partition,
                           struct blob_id id, struct slice record) {
    (void)record;
    struct mem_store *self = mem_of(store);
    struct mem_bytes *bytes = bytes_find(self, partition, id);
    if (!bytes) return;
    bytes_unlink(self, bytes);
    bytes_drop(self, bytes);
    pthread_mutex_lock(&self->lock);
    self->collected++;
    pthread_mutex_unlock(&self->lock);
}

static void mem_stats_read(struct blob_store *store, struct blob_stats *ret_stats) {
    struct mem_store *self = mem_of(store);
    pthread_mutex_lock(&self->lock);
    *ret_stats = (struct blob_stats){.collected_blobs = self->collected};
    pthread_mutex_unlock(&self->lock);
}

static void mem_close(struct blob_store **store) {
    struct mem_store *self = mem_of(*store);
    while (self->list) bytes_unlink(self, self->list);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *store = NULL;
}

static const struct blob_store_ops mem_ops = {
    .writer_begin = mem_writer_begin,
    .reader_open = mem_reader_open,
    .free_bytes = mem_free_bytes,
    .stats_read = mem_stats_read,
    .close = mem_close,
};

struct blob_store *blob_mem_open(struct kv *kv, const char *const *policies) {
    struct mem_store *self = calloc(1, sizeof *self);
    CHECK(self);
    self->store = (struct blob_store){&mem_ops, kv};
    self->policies = policies;
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    return &self->store;
}
