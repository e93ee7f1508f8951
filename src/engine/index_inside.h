/*
 * index_inside.h - the index's insides, as its files share them
 *
 * Threads: see struct index.
 */
#ifndef ENGINE_INDEX_INSIDE_H
#define ENGINE_INDEX_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/fan.h"
#include "engine/index.h"
#include "engine/space_map.h"
#include "os/fs.h"

enum {
    INDEX_SUPER_PAGES = 2, /* the slots of the superblock, a page each */
    INDEX_DIR_REFS = 1000, /* references in a page of the map's directory */
    INDEX_DIRS_MAX = 400,
    INDEX_WRITE_BYTES = 1024 * 1024,
    INDEX_WRITE_PAGES = INDEX_WRITE_BYTES / PAGE_BYTES,
    INDEX_VALUE_CACHED_MAX = 64 * 1024, /* larger values are read past the cache */
};

struct index {
    struct index_config config;
    int fd;
    uint64_t id;
    uint64_t ring_id;
    struct cache *cache;
    pthread_mutex_t lock; /* guards the list of roots and their pins, and the figures */
    struct index_root *oldest;
    struct index_root *current;
    struct index_stats stats;
    atomic_bool failed;
    pthread_mutex_t grow_lock; /* guards what follows */
    uint64_t allocated_pages;  /* that the file has on the drive, in the map or not yet */
    uint64_t mapped_pages;     /* that the map had after the last apply */
    uint64_t room_pages;       /* that were free then, or held by older roots only */
    /* The rest is of the one that applies. */
    struct space_map map;
    struct page_ref *chunks; /* the pages of the stored map */
    size_t chunk_cap;
    struct page_ref dirs[INDEX_DIRS_MAX];
    struct index_ahead *ahead;
    struct index_watcher *watcher;
};

/*
 * Leaves that an apply is going to read: all that are wanted are read at once, then taken one by
 * one, pinned and not listed in the cache, as they are about to be replaced; NULL: not read ahead.
 */
struct index_ahead *index_ahead_new(struct index *index);
void index_ahead_free(struct index_ahead **ahead);
void index_ahead_want(struct index_ahead *ahead, struct page_ref ref);
void index_ahead_read(struct index_ahead *ahead);
struct cache_frame *index_ahead_take(struct index_ahead *ahead, struct page_ref ref);
void index_ahead_forget(struct index_ahead *ahead);

/* Whether child `at` of a branch lies within what the branch says of it (I1). */
bool index_child_belongs(const char *branch, unsigned at, const char *child);

/* Reads a page from the drive, from another copy where it does not check (I1). */
struct status index_page_fetch(struct index *index, struct page_ref ref, char *bytes);

/* Reads a page, from the cache or the drive, pinned; `listed`: to be kept in the cache. */
struct status index_page_load(struct index *index, struct page_ref ref, bool listed,
                              struct cache_frame **ret_frame);

/* Reads child `at` of a branch, and checks that it belongs there. */
struct status index_child_load(struct index *index, const char *branch, unsigned at, bool listed,
                               struct cache_frame **ret_frame);

/* The value of entry `at` of a leaf that is pinned; `leaf` is pinned once more if it lies there. */
struct status index_value_load(struct index *index, struct cache_frame *leaf, unsigned at,
                               struct index_value *ret_value);

/* The generation of the oldest root in use. */
uint64_t index_oldest_generation(struct index *index);

/* Makes a root the current one. */
void index_root_push(struct index *index, const struct index_root *root,
                     const struct index_stats *stats);

/* Pages being written one behind the other, gathered into large writes. */
struct index_writer {
    struct index *index;
    char *buffer;
    uint32_t first;    /* page in front of the buffer */
    uint32_t used;     /* pages in it that are filled */
    uint32_t reserved; /* pages taken from `first` on */
    size_t value_used; /* bytes of the page behind them that large values fill */
};

/* An empty writer. Blocks: as the file may have to grow, take may wait for a drive. */
void index_writer_init(struct index_writer *writer, struct index *index);

/* Writes what is gathered, gives back what was taken in vain. */
struct status index_writer_flush(struct index_writer *writer);
void index_writer_fini(struct index_writer *writer);

/* The page that is written next: where it is to be built, and its number. */
struct status index_writer_next(struct index_writer *writer, char **ret_page, uint32_t *ret_number);

/* Writes a large value, and says where it lies. */
struct status index_writer_value(struct index_writer *writer, struct slice value,
                                 struct page_value *ret_value);

/* Notes what is free, after an apply and at the open. */
void index_room_note(struct index *index);

/* Makes the map, and the file, longer by at least `pages`. Errors: NO_SPACE; IO. */
struct status index_grow(struct index *index, uint32_t pages);

/* Writes the changed pages of the map, and of its directory. */
struct status index_map_write(struct index *index, struct index_writer *writer,
                              uint64_t generation);

/* Reads the map as the superblock's directory has it. */
struct status index_map_read(struct index *index, uint32_t pages);

/* Writes the superblock of a root, durable on return. */
struct status index_super_write(struct index *index, const struct index_root *root,
                                const struct index_stats *stats);

/* Grains of a value. */
static inline uint32_t index_grains(uint64_t len) {
    return (uint32_t)((len + PAGE_GRAIN_BYTES - 1) / PAGE_GRAIN_BYTES);
}

#endif
