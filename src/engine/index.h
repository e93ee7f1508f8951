/*
 * index.h - the ordered index: a shadow-paged B+tree in one file, changed by whole batches
 *
 *     create ── open ──┬── root_take ── get, cursor ── root_release   any number, any thread
 *                      └── apply                                      one at a time
 *
 * Names (up to INDEX_NAME_MAX bytes) are sorted bytewise; values have 1 to INDEX_VALUE_MAX bytes.
 * An apply writes new pages beside the old ones, syncs, and then switches the root, in one of two
 * superblock slots; so a crash leaves the old tree or the new one, and a reader that has taken a
 * root sees that one until it releases it (I2). With the root goes the log position up to which
 * changes are in it. Large values lie in runs of their own, written one behind the other.
 *
 * Everything is checked when it is read (page.h): damage is CORRUPT, never an absent name. Reading
 * and writing goes past the kernel's page cache, by os/fs; pages are kept in a bounded cache
 * (cache.h). Meant for SSDs. docs/format.md has every byte.
 *
 * Threads: any number, but apply one at a time; a cursor belongs to one.
 */
#ifndef ENGINE_INDEX_H
#define ENGINE_INDEX_H

#include "base/arena.h"
#include "base/note.h"
#include "engine/cache.h"
#include "engine/log.h"
#include "engine/page.h"

enum {
    INDEX_NAME_MAX = PAGE_NAME_MAX,
    INDEX_VALUE_MAX = 8 * 1024 * 1024,
    INDEX_STORE_ID_LEN = 16,
};

struct mirror;

struct index_config {
    struct fs *fs;
    int dir_fd; /* of the directory that has the file `index`; the caller's */
    uint8_t store_id[INDEX_STORE_ID_LEN];
    struct mirror *mirror; /* whose fs it is; NULL: there is one copy */
    size_t cache_bytes;
    unsigned read_threads; /* that read ahead for an apply, at most 16; 0: none */
};

struct index;

/* A change, in an array sorted by name, each name once. */
struct index_change {
    struct slice name;
    struct slice value; /* empty: deleted */
};

/*
 * Who looks on while changes are applied: it is shown each entry that an apply replaces or deletes
 * (but for large values), and may then add changes, sorted too, to the same apply.
 * Owns: what `more` gives stays the watcher's, until the apply has ended.
 */
struct index_watcher {
    void (*dropped)(struct index_watcher *watcher, struct slice name, struct slice value);
    size_t (*more)(struct index_watcher *watcher, const struct index_change **ret_changes);
};

/* One state of the tree. */
struct index_root {
    struct page_ref page; /* number 0: empty */
    unsigned level;
    uint64_t generation;
    struct log_position position; /* of the first group that is not in it */
    unsigned pins;
    struct index_root *newer;
};

/* A value that was found. */
struct index_value {
    struct slice bytes;
    struct cache_frame *frame; /* that they lie in, pinned */
    char *heap;                /* or the bytes themselves */
};

/*
 * Makes an empty index, durable but for its name, over whatever a crash left of one. `ring_id` is
 * that of the log it belongs to.
 */
struct status index_create(const struct index_config *config, uint64_t index_id, uint64_t ring_id,
                           struct note *note);

/*
 * Opens it at the newest root. Errors, with a line in `note`: NOT_FOUND; CORRUPT; UNSUPPORTED (a
 * newer version); INVALID (of another store); IO.
 */
struct status index_open(const struct index_config *config, struct note *note,
                         struct index **ret_index);

/* The id of the log that the index belongs to. */
uint64_t index_ring_id(const struct index *index);

/* The current root, which stays readable until it is released. */
struct index_root *index_root_take(struct index *index);
void index_root_release(struct index *index, struct index_root **root);

/*
 * Looks up a name. Owns: the value ends by index_value_end. Errors: NOT_FOUND; CORRUPT; IO.
 */
struct status index_get(struct index *index, const struct index_root *root, struct slice name,
                        struct index_value *ret_value);
void index_value_end(struct index *index, struct index_value *value);

/* A place in a tree. Where `valid` is false it stands nowhere. */
struct index_cursor {
    struct index *index;
    const struct index_root *root;
    struct cache_frame *frames[PAGE_LEVELS_MAX]; /* by level, pinned from the root down */
    unsigned at[PAGE_LEVELS_MAX];
    bool valid;
    size_t name_len;
    char name[INDEX_NAME_MAX];
    struct index_value large;
};

/* Starts a cursor that stands nowhere; the root must stay taken as long as it is used. */
void index_cursor_init(struct index_cursor *cursor, struct index *index,
                       const struct index_root *root);
void index_cursor_fini(struct index_cursor *cursor);

/* Moves to the first name at or after `name`; to the last one at or before it; on; back. */
struct status index_cursor_seek(struct index_cursor *cursor, struct slice name);
struct status index_cursor_seek_back(struct index_cursor *cursor, struct slice name);
struct status index_cursor_next(struct index_cursor *cursor);
struct status index_cursor_prev(struct index_cursor *cursor);

/* The name it stands on, and its value. Owns: the cursor, until it moves. Errors: CORRUPT; IO. */
struct slice index_cursor_name(const struct index_cursor *cursor);
struct status index_cursor_value(struct index_cursor *cursor, struct slice *ret_value);

/*
 * Sees to it that an apply of `changes` changes, of `bytes` bytes of names and values in all, finds
 * room in the file, with `slack_pages` left over; the file is made longer where it has to be, if
 * `may_grow`. What was granted is not kept apart: ask for all that is not applied yet. Does not
 * wait for an apply. Errors: NO_SPACE (nothing changed); IO.
 */
struct status index_room(struct index *index, uint64_t changes, uint64_t bytes,
                         uint64_t slack_pages, bool may_grow);

/*
 * Applies sorted changes and the log position that belongs to them, durable on return; readers
 * that take the root afterwards see all of them. Errors: NO_SPACE (nothing changed, and it may be
 * tried again); CORRUPT (nothing changed); IO, after which no apply succeeds any more.
 */
struct status index_apply(struct index *index, const struct index_change *changes, size_t count,
                          struct log_position position, struct note *note);

/* Lets a watcher look on from now on; NULL: nobody. Threads: not during an apply. */
void index_watch(struct index *index, struct index_watcher *watcher);

/* Figures; entries and live bytes are those of the newest root. */
struct index_stats {
    uint64_t entries;
    uint64_t leaves;
    uint64_t live_bytes;
    uint64_t file_bytes;
    uint64_t cache_bytes;
};
void index_stats_read(struct index *index, struct index_stats *ret_stats);

/*
 * Reads the whole tree and compares it with the map of what is in use. Errors: CORRUPT, and what is
 * wrong in `note`; IO. Threads: no apply may run.
 */
struct status index_check(struct index *index, struct note *note);

/* Closes; NULL is allowed. Every root was released. */
void index_close(struct index **index);

#endif
