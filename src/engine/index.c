#include "engine/index.h"

#include <stdlib.h>

#include "base/check.h"
#include "engine/checksum.h"
#include "engine/index_inside.h"
#include "engine/mirror.h"

enum {
    SUPER_BYTES = 4096,
    SUPER_MAGIC = 0x31786968, /* "hix1" */
    SUPER_FORMAT = 2,         /* 1: no moved bodies; it is read, and then written as 2 */
    SUPER_FORMAT_OLDEST = 1,
    SUPER_AT_DIRS = 256,
    SUPER_AT_SUM = SUPER_BYTES - 4,
    FIRST_PAGES = 128,
};

static const char index_name[] = "index";

/* What the superblock says besides the root. */
struct super {
    struct index_root root;
    uint64_t id;
    uint64_t ring_id;
    uint32_t pages;
    struct index_stats stats;
};

static void super_encode(const struct index *index, const struct super *super, char *out) {
    const struct index_root *root = &super->root;
    memset(out, 0, SUPER_BYTES);
    bytes_put_u32(out, SUPER_MAGIC);
    bytes_put_u32(out + 4, SUPER_FORMAT);
    memcpy(out + 8, index->config.store_id, INDEX_STORE_ID_LEN);
    bytes_put_u64(out + 24, super->id);
    bytes_put_u64(out + 32, super->ring_id);
    bytes_put_u64(out + 40, root->generation);
    bytes_put_u32(out + 48, root->page.number);
    bytes_put_u32(out + 52, root->page.sum);
    bytes_put_u32(out + 56, root->level);
    bytes_put_u32(out + 60, super->pages);
    bytes_put_u64(out + 64, root->position.sequence);
    bytes_put_u64(out + 72, root->position.ordinal);
    bytes_put_u32(out + 80, root->position.offset);
    bytes_put_u32(out + 84, PAGE_BYTES);
    bytes_put_u64(out + 88, super->stats.entries);
    bytes_put_u64(out + 96, super->stats.leaves);
    for (size_t i = 0; i < INDEX_DIRS_MAX; i++) {
        bytes_put_u32(out + SUPER_AT_DIRS + i * PAGE_REF_LEN, index->dirs[i].number);
        bytes_put_u32(out + SUPER_AT_DIRS + i * PAGE_REF_LEN + 4, index->dirs[i].sum);
    }
    bytes_put_u32(out + SUPER_AT_SUM, checksum_crc32c(0, out, SUPER_AT_SUM));
}

/* Reads a slot's bytes; false if they are no whole superblock. */
static bool super_parse(const char *bytes, struct super *ret_super) {
    if (bytes_get_u32(bytes) != SUPER_MAGIC) return false;
    if (bytes_get_u32(bytes + SUPER_AT_SUM) != checksum_crc32c(0, bytes, SUPER_AT_SUM)) {
        return false;
    }
    *ret_super = (struct super){
        .root = {.page = {bytes_get_u32(bytes + 48), bytes_get_u32(bytes + 52)},
                 .level = bytes_get_u32(bytes + 56),
                 .generation = bytes_get_u64(bytes + 40),
                 .position = {.sequence = bytes_get_u64(bytes + 64),
                              .ordinal = bytes_get_u64(bytes + 72),
                              .offset = bytes_get_u32(bytes + 80)}},
        .id = bytes_get_u64(bytes + 24),
        .ring_id = bytes_get_u64(bytes + 32),
        .pages = bytes_get_u32(bytes + 60),
        .stats = {.entries = bytes_get_u64(bytes + 88), .leaves = bytes_get_u64(bytes + 96)},
    };
    return true;
}

static struct status super_store(struct index *index, const struct super *super) {
    char *bytes = aligned_alloc(FS_DIRECT_ALIGN, SUPER_BYTES);
    CHECK(bytes);
    super_encode(index, super, bytes);
    uint64_t slot = super->root.generation % INDEX_SUPER_PAGES;
    struct fs *fs = index->config.fs;
    struct status s = fs_write(fs, index->fd, slot * PAGE_BYTES, slice_of(bytes, SUPER_BYTES));
    if (is_ok(s)) s = fs_sync_data(fs, index->fd);
    free(bytes);
    return s;
}

struct status index_super_write(struct index *index, const struct index_root *root,
                                const struct index_stats *stats) {
    struct super super = {
        .root = *root,
        .id = index->id,
        .ring_id = index->ring_id,
        .pages = index->map.pages,
        .stats = *stats,
    };
    return super_store(index, &super);
}

static struct index *index_new(const struct index_config *config) {
    struct index *index = calloc(1, sizeof *index);
    CHECK(index);
    index->config = *config;
    index->fd = -1;
    index->cache = cache_new(config->cache_bytes);
    space_map_init(&index->map);
    index->ahead = index_ahead_new(index);
    CHECK(pthread_mutex_init(&index->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&index->grow_lock, NULL) == 0);
    return index;
}

static struct index_root *root_new(const struct index_root *root) {
    struct index_root *copy = malloc(sizeof *copy);
    CHECK(copy);
    *copy = *root;
    copy->pins = 0;
    copy->newer = NULL;
    return copy;
}

static struct status create_steps(struct index *index) {
    const struct index_config *config = &index->config;
    TRY(fs_open_write(config->fs, config->dir_fd, index_name, FS_CREATE | FS_DIRECT, &index->fd));
    TRY(fs_preallocate(config->fs, index->fd, (uint64_t)FIRST_PAGES * PAGE_BYTES));
    index->allocated_pages = FIRST_PAGES;
    space_map_grow(&index->map, FIRST_PAGES);
    uint32_t page;
    uint32_t count;
    CHECK(space_map_take(&index->map, INDEX_SUPER_PAGES, INDEX_SUPER_PAGES, &page, &count));
    CHECK(page == 0);
    struct index_writer writer;
    index_writer_init(&writer, index);
    struct status s = index_map_write(index, &writer, 1);
    if (is_ok(s)) s = index_writer_flush(&writer);
    index_writer_fini(&writer);
    TRY(s);
    struct index_root root = {.generation = 1, .position = {.sequence = 1}};
    /* Both slots, so that a slot that can't be read is damage and never an old file's. */
    TRY(fs_sync_data(config->fs, index->fd));
    struct index_stats stats = {0};
    TRY(index_super_write(index, &root, &stats));
    root.generation = 2;
    return index_super_write(index, &root, &stats);
}

struct status index_create(const struct index_config *config, uint64_t index_id, uint64_t ring_id,
                           struct note *note) {
    struct index *index = index_new(config);
    index->id = index_id;
    index->ring_id = ring_id;
    struct status s = create_steps(index);
    if (!is_ok(s)) note_set(note, "can't make the index: %s", status_text(s.code));
    index_close(&index);
    return s;
}

/* Makes a slot the same on all copies: the newest whole superblock that any of them has in it.
 * Copies differ where the power went while it was being written. */
static bool slot_level(struct index *index, uint64_t slot) {
    char *copies[MIRROR_COPIES_MAX];
    bool valid[MIRROR_COPIES_MAX];
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        copies[i] = aligned_alloc(FS_DIRECT_ALIGN, SUPER_BYTES);
        CHECK(copies[i]);
    }
    struct mirror *mirror = index->config.mirror;
    mirror_read_all(mirror, index->fd, slot * PAGE_BYTES, copies, SUPER_BYTES, valid);
    const char *best = NULL;
    uint64_t best_generation = 0;
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        struct super super;
        if (!valid[i] || !super_parse(copies[i], &super)) continue;
        if (best && super.root.generation <= best_generation) continue;
        best = copies[i];
        best_generation = super.root.generation;
    }
    bool differed = best && mirror_level(mirror, index->fd, slot * PAGE_BYTES, copies, valid, best,
                                         SUPER_BYTES);
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) free(copies[i]);
    return differed;
}

/* M7: what one copy has as its newest root is durable on all before it is read. */
static struct status supers_level(struct index *index) {
    if (!index->config.mirror) return status_ok();
    bool differed = false;
    for (uint64_t slot = 0; slot < INDEX_SUPER_PAGES; slot++) {
        differed = slot_level(index, slot) || differed;
    }
    return differed ? fs_sync_data(index->config.fs, index->fd) : status_ok();
}

/* Reads both slots and takes the newer; the map's directory comes with it. */
static struct status super_load(struct index *index, struct note *note, struct super *ret_super) {
    char *bytes = aligned_alloc(FS_DIRECT_ALIGN, SUPER_BYTES);
    CHECK(bytes);
    bool found = false;
    struct status s = supers_level(index);
    for (uint64_t slot = 0; is_ok(s) && slot < INDEX_SUPER_PAGES; slot++) {
        s = fs_read(index->config.fs, index->fd, slot * PAGE_BYTES, bytes, SUPER_BYTES);
        struct super super;
        if (!is_ok(s) || !super_parse(bytes, &super)) continue;
        if (found && super.root.generation < ret_super->root.generation) continue;
        found = true;
        *ret_super = super;
        uint32_t format = bytes_get_u32(bytes + 4);
        bool known = format >= SUPER_FORMAT_OLDEST && format <= SUPER_FORMAT;
        if (!known || bytes_get_u32(bytes + 84) != PAGE_BYTES) {
            s = note_status(note, STATUS_UNSUPPORTED, "the index was written by a newer version");
        } else if (memcmp(bytes + 8, index->config.store_id, INDEX_STORE_ID_LEN) != 0) {
            s = note_status(note, STATUS_INVALID, "the index is of another store");
        }
        for (size_t i = 0; i < INDEX_DIRS_MAX; i++) {
            const char *at = bytes + SUPER_AT_DIRS + i * PAGE_REF_LEN;
            index->dirs[i] = (struct page_ref){bytes_get_u32(at), bytes_get_u32(at + 4)};
        }
    }
    free(bytes);
    if (is_ok(s) && !found) {
        return note_status(note, STATUS_CORRUPT, "both superblocks of the index are damaged");
    }
    if (!is_ok(s) && !note->text[0]) note_set(note, "can't read the index");
    return s;
}

static struct status open_steps(struct index *index, struct note *note) {
    const struct index_config *config = &index->config;
    struct status s = fs_open_write(config->fs, config->dir_fd, index_name, FS_DIRECT, &index->fd);
    if (!is_ok(s)) {
        return note_status(note, s.code, "can't open the index: %s", status_text(s.code));
    }
    struct super super = {0};
    TRY(super_load(index, note, &super));
    index->id = super.id;
    index->ring_id = super.ring_id;
    index->stats = super.stats;
    s = index_map_read(index, super.pages);
    if (!is_ok(s)) {
        return note_status(note, s.code, "the index's map of free space: %s", status_text(s.code));
    }
    index->current = index->oldest = root_new(&super.root);
    index->stats.live_bytes = index->map.live_grains * PAGE_GRAIN_BYTES;
    index->stats.file_bytes = (uint64_t)index->map.pages * PAGE_BYTES;
    uint64_t bytes;
    s = fs_size(config->fs, index->fd, &bytes);
    if (!is_ok(s)) return note_status(note, s.code, "can't read the size of the index");
    /* A crash may have left the file longer than the map. */
    index->allocated_pages = bytes / PAGE_BYTES;
    index_room_note(index);
    return status_ok();
}

struct status index_open(const struct index_config *config, struct note *note,
                         struct index **ret_index) {
    struct index *index = index_new(config);
    struct note reason = {0};
    struct status s = open_steps(index, &reason);
    if (is_ok(s)) {
        *ret_index = index;
    } else {
        note_set(note, "%s", reason.text);
        index_close(&index);
    }
    return s;
}

uint64_t index_ring_id(const struct index *index) {
    return index->ring_id;
}

struct index_root *index_root_take(struct index *index) {
    pthread_mutex_lock(&index->lock);
    struct index_root *root = index->current;
    root->pins++;
    pthread_mutex_unlock(&index->lock);
    return root;
}

/* Frees the oldest roots that nobody has. Called under the lock. */
static void roots_sweep(struct index *index) {
    while (index->oldest != index->current && index->oldest->pins == 0) {
        struct index_root *gone = index->oldest;
        index->oldest = gone->newer;
        free(gone);
    }
}

void index_root_release(struct index *index, struct index_root **root) {
    pthread_mutex_lock(&index->lock);
    CHECK((*root)->pins > 0);
    (*root)->pins--;
    roots_sweep(index);
    pthread_mutex_unlock(&index->lock);
    *root = NULL;
}

uint64_t index_oldest_generation(struct index *index) {
    pthread_mutex_lock(&index->lock);
    uint64_t generation = index->oldest->generation;
    pthread_mutex_unlock(&index->lock);
    return generation;
}

void index_root_push(struct index *index, const struct index_root *root,
                     const struct index_stats *stats) {
    struct index_root *newer = root_new(root);
    pthread_mutex_lock(&index->lock);
    index->current->newer = newer;
    index->current = newer;
    index->stats = *stats;
    roots_sweep(index);
    pthread_mutex_unlock(&index->lock);
}

void index_stats_read(struct index *index, struct index_stats *ret_stats) {
    pthread_mutex_lock(&index->lock);
    *ret_stats = index->stats;
    pthread_mutex_unlock(&index->lock);
    ret_stats->cache_bytes = cache_bytes(index->cache);
}

void index_close(struct index **index) {
    struct index *self = *index;
    if (!self) return;
    while (self->oldest) {
        struct index_root *newer = self->oldest->newer;
        CHECK(self->oldest->pins == 0);
        free(self->oldest);
        self->oldest = newer;
    }
    index_ahead_free(&self->ahead);
    cache_free(&self->cache);
    space_map_fini(&self->map);
    free(self->chunks);
    fs_close(self->config.fs, &self->fd);
    pthread_mutex_destroy(&self->grow_lock);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *index = NULL;
}
