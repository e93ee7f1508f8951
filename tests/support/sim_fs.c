#include "support/sim_fs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "os/random.h"

enum {
    BLOCK = 4096,
    SECTOR = 512,
    FD_BASE = 1 << 24, /* then 10 bits of the boot's number, 12 of the file's */
    FD_FILES = 1 << 12,
    FD_BOOTS = 1 << 10,
    VERSIONS_MAX = 12,
    SWEEP_NODES = 256,
};

/* The bytes of a block at some time; never changed, shared by count. NULL stands for zeros. */
struct page {
    unsigned refs;
    char bytes[BLOCK];
};

struct block {
    struct page *now;
    struct page *durable;
    struct page *versions[VERSIONS_MAX]; /* since the sync, oldest first */
    unsigned version_count;
    bool allocated; /* takes space */
};

/* One name in a directory, with what it named since the directory's sync; NULL: nothing. */
struct entry {
    struct entry *next;
    struct node *now;
    struct node *durable;
    struct node *versions[VERSIONS_MAX];
    unsigned version_count;
    char name[FS_NAME_MAX + 1];
};

struct node {
    struct node *next; /* in the list of all */
    bool is_dir;
    bool reached; /* by the sweep */
    bool locked;
    bool counted; /* its blocks count in its drive's space */
    unsigned drive;
    unsigned names;
    unsigned fds;
    char name[FS_NAME_MAX + 1]; /* the first or last it had; for messages and skip_syncs */
    struct node *parent;        /* of a directory */
    struct entry *entries;
    uint64_t size;
    uint64_t durable_size;
    struct block *blocks;
    size_t block_count;
};

struct open_file {
    struct node *node; /* NULL: free */
    bool direct;
    bool writable;
    bool lock;
};

struct drive {
    uint64_t capacity;
    uint64_t used;
    uint64_t syncs;
    enum sim_fault fault;
};

struct sim_fs {
    struct fs fs;
    struct random_seeded random;
    pthread_mutex_t lock; /* guards everything */
    pthread_cond_t changed;
    struct node *root;
    struct node *nodes;
    size_t node_count;
    struct open_file *files;
    size_t file_count;
    struct drive drives[SIM_DRIVES_MAX];
    unsigned drive_count;
    uint64_t operations;
    uint64_t cut_at; /* 0: never */
    bool cut;
    unsigned boots;
    uint64_t temps;
    const char *skip_syncs;
    const char *hold_syncs;
};

static struct sim_fs *sim_of(struct fs *fs) {
    return CONTAINER_OF(fs, struct sim_fs, fs);
}

static uint64_t draw(struct sim_fs *sim, uint64_t bound) {
    return random_seeded_below(&sim->random, bound);
}

/* ---- pages and blocks ---- */

static struct page *page_new(const struct page *from) {
    struct page *page = malloc(sizeof *page);
    CHECK(page);
    page->refs = 1;
    if (from) {
        memcpy(page->bytes, from->bytes, BLOCK);
    } else {
        memset(page->bytes, 0, BLOCK);
    }
    return page;
}

static struct page *page_ref(struct page *page) {
    if (page) page->refs++;
    return page;
}

static void page_drop(struct page **page) {
    if (*page && --(*page)->refs == 0) free(*page);
    *page = NULL;
}

static void page_set(struct page **at, struct page *page) {
    page_ref(page);
    page_drop(at);
    *at = page;
}

static void versions_drop(struct block *block) {
    for (unsigned i = 0; i < block->version_count; i++) page_drop(&block->versions[i]);
    block->version_count = 0;
}

/* Gives the block new bytes; when there are too many versions, one of the middle is forgotten. */
static void block_put(struct sim_fs *sim, struct block *block, struct page *page) {
    if (block->version_count == VERSIONS_MAX) {
        unsigned gone = (unsigned)draw(sim, VERSIONS_MAX - 1);
        page_drop(&block->versions[gone]);
        memmove(&block->versions[gone], &block->versions[gone + 1],
                (VERSIONS_MAX - 1 - gone) * sizeof block->versions[0]);
        block->version_count--;
    }
    block->versions[block->version_count++] = page_ref(page);
    page_drop(&block->now);
    block->now = page;
}

static void block_synced(struct block *block) {
    if (block->version_count == 0) return; /* what a failed sync dropped stays dropped */
    page_set(&block->durable, block->now);
    versions_drop(block);
}

static const char *page_bytes(const struct page *page) {
    static const char zeros[BLOCK];
    return page ? page->bytes : zeros;
}

/* Draws the bytes that the drive would have now: one version, or two torn. */
static void block_settle(struct sim_fs *sim, struct block *block) {
    if (block->version_count == 0) return;
    unsigned which = (unsigned)draw(sim, block->version_count + 1); /* 0: the durable one */
    struct page *chosen = which == 0 ? block->durable : block->versions[which - 1];
    if (which > 0 && draw(sim, 4) == 0) {
        const struct page *before = which == 1 ? block->durable : block->versions[which - 2];
        struct page *torn = page_new(chosen);
        for (size_t at = 0; at < BLOCK; at += SECTOR) {
            if (draw(sim, 2)) memcpy(torn->bytes + at, page_bytes(before) + at, SECTOR);
        }
        page_drop(&block->durable);
        block->durable = torn;
    } else {
        page_set(&block->durable, chosen);
    }
    versions_drop(block);
}

/* ---- nodes ---- */

static struct node *node_new(struct sim_fs *sim, unsigned drive, bool is_dir, const char *name) {
    struct node *node = calloc(1, sizeof *node);
    CHECK(node);
    node->drive = drive;
    node->is_dir = is_dir;
    node->counted = true;
    snprintf(node->name, sizeof node->name, "%s", name);
    node->next = sim->nodes;
    sim->nodes = node;
    sim->node_count++;
    return node;
}

static void node_free(struct node *node) {
    for (size_t i = 0; i < node->block_count; i++) {
        versions_drop(&node->blocks[i]);
        page_drop(&node->blocks[i].now);
        page_drop(&node->blocks[i].durable);
    }
    while (node->entries) {
        struct entry *entry = node->entries;
        node->entries = entry->next;
        free(entry);
    }
    free(node->blocks);
    free(node);
}

static uint64_t node_space(const struct node *node) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < node->block_count; i++) bytes += node->blocks[i].allocated ? BLOCK : 0;
    return bytes;
}

/* Gives the space back when neither a name nor a file descriptor is left. */
static void node_recount(struct sim_fs *sim, struct node *node) {
    bool counts = node->names > 0 || node->fds > 0 || node->is_dir;
    if (counts == node->counted) return;
    uint64_t bytes = node_space(node);
    if (counts) {
        sim->drives[node->drive].used += bytes;
    } else {
        sim->drives[node->drive].used -= bytes;
    }
    node->counted = counts;
}

static struct status node_allocate(struct sim_fs *sim, struct node *node, size_t index) {
    if (index >= node->block_count) {
        size_t count = index + 1 > 2 * node->block_count ? index + 1 : 2 * node->block_count;
        node->blocks = realloc(node->blocks, count * sizeof *node->blocks);
        CHECK(node->blocks);
        memset(node->blocks + node->block_count, 0,
               (count - node->block_count) * sizeof *node->blocks);
        node->block_count = count;
    }
    struct block *block = &node->blocks[index];
    struct drive *drive = &sim->drives[node->drive];
    if (block->allocated) return status_ok();
    if (drive->used + BLOCK > drive->capacity) return status_of(STATUS_NO_SPACE);
    drive->used += BLOCK;
    block->allocated = true;
    return status_ok();
}

static void reach(struct node *node) {
    if (!node || node->reached) return;
    node->reached = true;
    for (struct entry *e = node->entries; e; e = e->next) {
        reach(e->now);
        reach(e->durable);
        for (unsigned i = 0; i < e->version_count; i++) reach(e->versions[i]);
    }
}

/* Frees the nodes that nothing can name any more. */
static void nodes_sweep(struct sim_fs *sim) {
    for (struct node *n = sim->nodes; n; n = n->next) n->reached = false;
    reach(sim->root);
    for (size_t i = 0; i < sim->file_count; i++) reach(sim->files[i].node);
    struct node **at = &sim->nodes;
    while (*at) {
        struct node *node = *at;
        if (node->reached) {
            at = &node->next;
            continue;
        }
        *at = node->next;
        node_free(node);
        sim->node_count--;
    }
}

/* ---- names ---- */

static struct entry *entry_find(struct node *dir, const char *name) {
    struct entry *entry = dir->entries;
    while (entry && strcmp(entry->name, name) != 0) entry = entry->next;
    return entry;
}

static struct node *name_find(struct node *dir, const char *name) {
    struct entry *entry = entry_find(dir, name);
    return entry ? entry->now : NULL;
}

/* Makes `name` name `node`, or nothing. */
static void name_set(struct sim_fs *sim, struct node *dir, const char *name, struct node *node) {
    struct entry *entry = entry_find(dir, name);
    if (!entry) {
        entry = calloc(1, sizeof *entry);
        CHECK(entry);
        snprintf(entry->name, sizeof entry->name, "%s", name);
        struct entry **at = &dir->entries; /* at the end: walks are in order of creation */
        while (*at) at = &(*at)->next;
        *at = entry;
    }
    if (entry->version_count == VERSIONS_MAX) {
        memmove(&entry->versions[0], &entry->versions[1],
                (VERSIONS_MAX - 1) * sizeof entry->versions[0]);
        entry->version_count--;
    }
    struct node *before = entry->now;
    entry->versions[entry->version_count++] = node;
    entry->now = node;
    if (node) {
        node->names++;
        snprintf(node->name, sizeof node->name, "%s", name);
        node_recount(sim, node);
    }
    if (before) {
        before->names--;
        node_recount(sim, before);
    }
}

static void names_synced(struct node *dir) {
    for (struct entry *e = dir->entries; e; e = e->next) {
        e->durable = e->now;
        e->version_count = 0;
    }
}

/* ---- calls ---- */

/* The open file of a descriptor; NULL if it ended with a restart. */
static struct open_file *file_of(struct sim_fs *sim, int fd) {
    CHECK(fd >= FD_BASE);
    unsigned number = (unsigned)(fd - FD_BASE);
    if (number / FD_FILES != sim->boots % FD_BOOTS) return NULL;
    size_t index = number % FD_FILES;
    CHECK(index < sim->file_count && sim->files[index].node);
    return &sim->files[index];
}

static int fd_new(struct sim_fs *sim, struct node *node) {
    size_t index = 0;
    while (index < sim->file_count && sim->files[index].node) index++;
    CHECK(index < FD_FILES);
    if (index == sim->file_count) {
        size_t count = 2 * sim->file_count + 16;
        sim->files = realloc(sim->files, count * sizeof *sim->files);
        CHECK(sim->files);
        memset(sim->files + index, 0, (count - index) * sizeof *sim->files);
        sim->file_count = count;
    }
    sim->files[index] = (struct open_file){.node = node};
    node->fds++;
    node_recount(sim, node);
    return FD_BASE + (int)(sim->boots % FD_BOOTS) * FD_FILES + (int)index;
}

/*
 * Begins a call on a drive: waits while it hangs, and says why it must fail. The lock is held on
 * every return.
 */
static struct status call_begin(struct sim_fs *sim, unsigned drive) {
    pthread_mutex_lock(&sim->lock);
    unsigned boot = sim->boots;
    while (!sim->cut && boot == sim->boots && sim->drives[drive].fault == SIM_FAULT_HANGS) {
        pthread_cond_wait(&sim->changed, &sim->lock);
    }
    bool fails = sim->cut || boot != sim->boots || sim->drives[drive].fault == SIM_FAULT_GONE;
    return status_of(fails ? STATUS_IO : STATUS_OK);
}

static struct status call_end(struct sim_fs *sim, struct status s) {
    pthread_mutex_unlock(&sim->lock);
    return s;
}

/* Counts an operation that changes something; IO if it is the one at which the plug is pulled. */
static struct status operation(struct sim_fs *sim, unsigned drive) {
    enum sim_fault fault = sim->drives[drive].fault;
    sim->operations++;
    if (sim->cut_at && sim->operations >= sim->cut_at) {
        sim->cut = true;
        pthread_cond_broadcast(&sim->changed);
        return status_of(STATUS_IO);
    }
    if (fault == SIM_FAULT_READ_ONLY) return status_of(STATUS_DENIED); /* EROFS */
    return status_ok();
}

/* The node of a file descriptor, and its drive's word on the call. */
static struct status begin_at(struct sim_fs *sim, int fd, struct node **ret_node) {
    pthread_mutex_lock(&sim->lock);
    const struct open_file *file = fd == AT_FDCWD ? NULL : file_of(sim, fd);
    struct node *node = fd == AT_FDCWD ? sim->root : file ? file->node : NULL;
    if (!node) return status_of(STATUS_IO);
    unsigned drive = node->drive;
    pthread_mutex_unlock(&sim->lock);
    *ret_node = node;
    return call_begin(sim, drive);
}

/* Walks `path` from `dir`; `*ret_last` is its last component, in `*ret_dir`. */
static struct status path_walk(struct node *dir, const char *path, struct node **ret_dir,
                               char last[FS_NAME_MAX + 1]) {
    while (*path == '/') path++;
    const char *slash;
    while ((slash = strchr(path, '/'))) {
        char name[FS_NAME_MAX + 1];
        CHECK(slash - path <= FS_NAME_MAX);
        snprintf(name, sizeof name, "%.*s", (int)(slash - path), path);
        if (strcmp(name, ".") != 0) dir = name_find(dir, name);
        if (!dir || !dir->is_dir) return status_of(STATUS_NOT_FOUND);
        path = slash;
        while (*path == '/') path++;
    }
    CHECK(strlen(path) <= FS_NAME_MAX);
    snprintf(last, FS_NAME_MAX + 1, "%s", path);
    *ret_dir = dir;
    return status_ok();
}

static struct status path_find(struct node *dir, const char *path, struct node **ret_node) {
    char last[FS_NAME_MAX + 1];
    TRY(path_walk(dir, path, &dir, last));
    bool itself = last[0] == '\0' || strcmp(last, ".") == 0;
    struct node *node = itself ? dir : name_find(dir, last);
    if (!node) return status_of(STATUS_NOT_FOUND);
    *ret_node = node;
    return status_ok();
}

static bool drive_is_gone(const struct sim_fs *sim, const struct node *node) {
    return sim->drives[node->drive].fault == SIM_FAULT_GONE;
}

static struct status sim_dir_open(struct fs *fs, int at_fd, const char *name, int *ret_fd) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, at_fd, &node);
    if (is_ok(s)) s = path_find(node, name, &node);
    if (is_ok(s) && !node->is_dir) s = status_of(STATUS_NOT_FOUND);
    if (is_ok(s) && drive_is_gone(sim, node)) s = status_of(STATUS_IO);
    if (is_ok(s)) *ret_fd = fd_new(sim, node);
    return call_end(sim, s);
}

static struct status dir_make_locked(struct sim_fs *sim, struct node *at, const char *path) {
    char last[FS_NAME_MAX + 1];
    struct node *dir;
    TRY(path_walk(at, path, &dir, last));
    if (name_find(dir, last)) return status_of(STATUS_EXISTS);
    struct status s = operation(sim, dir->drive);
    if (is_ok(s) || sim->cut) {
        struct node *made = node_new(sim, dir->drive, true, last);
        made->parent = dir;
        name_set(sim, dir, last, made);
    }
    return s;
}

static struct status sim_dir_make(struct fs *fs, int at_fd, const char *name) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, at_fd, &node);
    if (is_ok(s)) s = dir_make_locked(sim, node, name);
    return call_end(sim, s);
}

/* Waits as long as syncs of the file are held. The node may be gone afterwards if this is false. */
static bool sync_wait(struct sim_fs *sim, const struct node *node) {
    unsigned boot = sim->boots;
    while (!sim->cut && boot == sim->boots && sim->hold_syncs &&
           slice_starts_with(slice_str(node->name), slice_str(sim->hold_syncs))) {
        pthread_cond_wait(&sim->changed, &sim->lock);
    }
    return !sim->cut && boot == sim->boots;
}

static bool sync_is_skipped(const struct sim_fs *sim, const struct node *node) {
    struct slice prefix = slice_str(sim->skip_syncs);
    if (prefix.len == 0) return false;
    bool of_dirs = slice_ends_with(prefix, SLICE("/"));
    if (of_dirs) prefix = slice_take(prefix, prefix.len - 1);
    return of_dirs == node->is_dir && slice_starts_with(slice_str(node->name), prefix);
}

static struct status sync_begin(struct sim_fs *sim, struct node *node) {
    struct drive *drive = &sim->drives[node->drive];
    drive->syncs++;
    TRY(operation(sim, node->drive));
    if (drive->fault == SIM_FAULT_SYNC_FAILS_ONCE) {
        drive->fault = SIM_FAULT_NONE;
        return status_of(STATUS_IO);
    }
    bool fails = drive->fault == SIM_FAULT_SYNCS_FAIL || drive->fault == SIM_FAULT_WRITES_FAIL;
    return status_of(fails ? STATUS_IO : STATUS_OK);
}

static struct status sim_dir_sync(struct fs *fs, int dir_fd) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, dir_fd, &node);
    if (is_ok(s)) s = sync_begin(sim, node);
    if (is_ok(s) && !sync_is_skipped(sim, node)) names_synced(node);
    if (is_ok(s) && sim->node_count > SWEEP_NODES) nodes_sweep(sim);
    return call_end(sim, s);
}

static struct status sim_dir_walk(struct fs *fs, int dir_fd, struct fs_visitor *visitor) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, dir_fd, &node);
    size_t count = 0;
    char(*names)[FS_NAME_MAX + 1] = NULL;
    for (struct entry *e = is_ok(s) ? node->entries : NULL; e; e = e->next) count += e->now != NULL;
    if (count > 0) {
        names = malloc(count * sizeof *names);
        CHECK(names);
        size_t i = 0;
        for (struct entry *e = node->entries; e; e = e->next) {
            if (e->now) memcpy(names[i++], e->name, sizeof e->name);
        }
    }
    s = call_end(sim, s);
    bool more = true;
    for (size_t i = 0; i < count && more; i++) more = visitor->visit(visitor, names[i]);
    free(names);
    return s;
}

static struct status sim_open_read(struct fs *fs, int dir_fd, const char *name, int *ret_fd) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, dir_fd, &node);
    if (is_ok(s)) s = path_find(node, name, &node);
    if (is_ok(s)) *ret_fd = fd_new(sim, node);
    return call_end(sim, s);
}

static struct status open_write_locked(struct sim_fs *sim, struct node *dir, const char *name,
                                       unsigned flags, int *ret_fd) {
    struct node *node = name_find(dir, name);
    if (!node && !(flags & FS_CREATE)) return status_of(STATUS_NOT_FOUND);
    if (sim->drives[dir->drive].fault == SIM_FAULT_READ_ONLY) return status_of(STATUS_DENIED);
    if (!node) {
        struct status s = operation(sim, dir->drive);
        if (!is_ok(s) && !sim->cut) return s;
        node = node_new(sim, dir->drive, false, name);
        name_set(sim, dir, name, node);
        TRY(s);
    }
    int fd = fd_new(sim, node);
    file_of(sim, fd)->direct = flags & FS_DIRECT;
    file_of(sim, fd)->writable = true;
    *ret_fd = fd;
    return status_ok();
}

static struct status sim_open_write(struct fs *fs, int dir_fd, const char *name, unsigned flags,
                                    int *ret_fd) {
    struct sim_fs *sim = sim_of(fs);
    struct node *dir = NULL;
    struct status s = begin_at(sim, dir_fd, &dir);
    if (is_ok(s)) s = open_write_locked(sim, dir, name, flags, ret_fd);
    return call_end(sim, s);
}

static void sim_close(struct fs *fs, int fd) {
    struct sim_fs *sim = sim_of(fs);
    pthread_mutex_lock(&sim->lock);
    struct open_file *file = file_of(sim, fd);
    if (file) {
        if (file->lock) file->node->locked = false;
        file->node->fds--;
        node_recount(sim, file->node);
        *file = (struct open_file){0};
    }
    pthread_mutex_unlock(&sim->lock);
}

static struct status sim_size(struct fs *fs, int fd, uint64_t *ret_bytes) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    if (is_ok(s)) *ret_bytes = node->size;
    return call_end(sim, s);
}

static struct status sim_lock(struct fs *fs, int dir_fd, const char *name, int *ret_fd,
                              pid_t *ret_holder) {
    int fd;
    TRY(sim_open_write(fs, dir_fd, name, FS_CREATE, &fd));
    struct sim_fs *sim = sim_of(fs);
    pthread_mutex_lock(&sim->lock);
    struct open_file *file = file_of(sim, fd);
    bool taken = file && file->node->locked;
    if (file && !taken) file->lock = file->node->locked = true;
    pthread_mutex_unlock(&sim->lock);
    if (!taken) {
        *ret_fd = fd;
        return status_ok();
    }
    sim_close(fs, fd);
    *ret_holder = 0;
    return status_of(STATUS_BUSY);
}

static struct status temp_create_locked(struct sim_fs *sim, int dir_fd, struct node *dir,
                                        bool named, struct fs_temp *ret_temp) {
    struct fs_temp temp = {.dir_fd = dir_fd};
    struct status s = operation(sim, dir->drive);
    if (!is_ok(s) && !sim->cut) return s;
    struct node *node = node_new(sim, dir->drive, false, "");
    if (named) {
        snprintf(temp.name, sizeof temp.name, ".temp-%016llx", (unsigned long long)++sim->temps);
        name_set(sim, dir, temp.name, node);
    }
    TRY(s);
    temp.fd = fd_new(sim, node);
    file_of(sim, temp.fd)->writable = true;
    *ret_temp = temp;
    return status_ok();
}

static struct status sim_temp_create(struct fs *fs, int dir_fd, bool named,
                                     struct fs_temp *ret_temp) {
    struct sim_fs *sim = sim_of(fs);
    struct node *dir = NULL;
    struct status s = begin_at(sim, dir_fd, &dir);
    if (is_ok(s)) s = temp_create_locked(sim, dir_fd, dir, named, ret_temp);
    return call_end(sim, s);
}

/* Writes the part of `bytes` that falls into one block. */
static struct status block_write(struct sim_fs *sim, struct node *node, uint64_t offset,
                                 struct slice bytes) {
    size_t index = (size_t)(offset / BLOCK);
    TRY(node_allocate(sim, node, index));
    struct page *page = page_new(node->blocks[index].now);
    memcpy(page->bytes + offset % BLOCK, bytes.ptr, bytes.len);
    block_put(sim, &node->blocks[index], page);
    if (offset + bytes.len > node->size) node->size = offset + bytes.len;
    return status_ok();
}

/* At the power cut itself, any subset of the blocks has been handed to the drive. */
static struct status write_locked(struct sim_fs *sim, struct node *node, uint64_t offset,
                                  struct slice bytes) {
    struct status s = operation(sim, node->drive);
    if (!is_ok(s) && !sim->cut) return s;
    if (sim->drives[node->drive].fault == SIM_FAULT_WRITES_FAIL) return status_of(STATUS_IO);
    while (bytes.len > 0) {
        struct slice piece = slice_take(bytes, BLOCK - (size_t)(offset % BLOCK));
        if (is_ok(s) || draw(sim, 2)) TRY(block_write(sim, node, offset, piece));
        offset += piece.len;
        bytes = slice_skip(bytes, piece.len);
    }
    return s;
}

static void check_aligned(const struct open_file *file, const void *at, uint64_t offset,
                          size_t len) {
    if (!file->direct) return;
    CHECK((uintptr_t)at % FS_DIRECT_ALIGN == 0);
    CHECK(offset % FS_DIRECT_ALIGN == 0);
    CHECK(len % FS_DIRECT_ALIGN == 0);
}

static struct status sim_write(struct fs *fs, int fd, uint64_t offset, struct slice bytes) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    if (is_ok(s)) {
        CHECK(file_of(sim, fd)->writable);
        check_aligned(file_of(sim, fd), bytes.ptr, offset, bytes.len);
        s = write_locked(sim, node, offset, bytes);
    }
    return call_end(sim, s);
}

static struct status read_locked(struct sim_fs *sim, struct node *node, uint64_t offset,
                                 char *buffer, size_t len) {
    if (sim->drives[node->drive].fault == SIM_FAULT_READS_FAIL) return status_of(STATUS_IO);
    if (offset > node->size || len > node->size - offset) return status_of(STATUS_RANGE);
    while (len > 0) {
        size_t index = (size_t)(offset / BLOCK);
        size_t from = (size_t)(offset % BLOCK);
        size_t n = len < BLOCK - from ? len : BLOCK - from;
        const struct page *page = index < node->block_count ? node->blocks[index].now : NULL;
        memcpy(buffer, page_bytes(page) + from, n);
        buffer += n;
        offset += n;
        len -= n;
    }
    return status_ok();
}

static struct status sim_read(struct fs *fs, int fd, uint64_t offset, void *buffer, size_t len) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    if (is_ok(s)) {
        check_aligned(file_of(sim, fd), buffer, offset, len);
        s = read_locked(sim, node, offset, buffer, len);
    }
    return call_end(sim, s);
}

/* What a failed sync leaves: the drive has some of it, memory has all, and nobody tries again. */
static void sync_failed(struct sim_fs *sim, struct node *node) {
    for (size_t i = 0; i < node->block_count; i++) block_settle(sim, &node->blocks[i]);
}

static struct status sim_sync_data(struct fs *fs, int fd) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    if (is_ok(s) && !sync_wait(sim, node)) s = status_of(STATUS_IO);
    if (!is_ok(s)) return call_end(sim, s);
    s = sync_begin(sim, node);
    if (is_ok(s) && !sync_is_skipped(sim, node)) {
        for (size_t i = 0; i < node->block_count; i++) block_synced(&node->blocks[i]);
        node->durable_size = node->size;
    } else if (!is_ok(s) && !sim->cut) {
        sync_failed(sim, node);
    }
    return call_end(sim, s);
}

static struct status sim_write_back(struct fs *fs, int fd, uint64_t offset, uint64_t len,
                                    bool wait) {
    (void)offset;
    (void)len;
    (void)wait;
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    return call_end(sim, s);
}

/* Gives the file of `temp` a name, and takes the one that it had away. */
static struct status temp_name(struct sim_fs *sim, struct node *dir, struct fs_temp *temp,
                               const char *name) {
    struct status s = operation(sim, dir->drive);
    if (!is_ok(s) && !sim->cut) return s;
    name_set(sim, dir, name, file_of(sim, temp->fd)->node);
    if (temp->name[0]) name_set(sim, dir, temp->name, NULL);
    if (is_ok(s)) temp->name[0] = '\0';
    return s;
}

static struct status sim_link(struct fs *fs, struct fs_temp *temp, const char *name) {
    struct sim_fs *sim = sim_of(fs);
    struct node *dir = NULL;
    struct status s = begin_at(sim, temp->dir_fd, &dir);
    if (is_ok(s) && name_find(dir, name)) s = status_of(STATUS_EXISTS);
    if (is_ok(s)) s = temp_name(sim, dir, temp, name);
    return call_end(sim, s);
}

static struct status sim_replace(struct fs *fs, struct fs_temp *temp, const char *name) {
    struct sim_fs *sim = sim_of(fs);
    CHECK(temp->name[0]);
    struct node *dir = NULL;
    struct status s = begin_at(sim, temp->dir_fd, &dir);
    if (is_ok(s)) s = temp_name(sim, dir, temp, name);
    return call_end(sim, s);
}

static struct status sim_remove(struct fs *fs, int dir_fd, const char *name) {
    struct sim_fs *sim = sim_of(fs);
    struct node *dir = NULL;
    struct status s = begin_at(sim, dir_fd, &dir);
    if (is_ok(s) && !name_find(dir, name)) s = status_of(STATUS_NOT_FOUND);
    if (is_ok(s)) {
        s = operation(sim, dir->drive);
        if (is_ok(s) || sim->cut) name_set(sim, dir, name, NULL);
    }
    return call_end(sim, s);
}

static struct status sim_preallocate(struct fs *fs, int fd, uint64_t len) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    if (is_ok(s)) s = operation(sim, node->drive);
    for (size_t i = 0; is_ok(s) && i < (len + BLOCK - 1) / BLOCK; i++) {
        s = node_allocate(sim, node, i);
    }
    if (is_ok(s) && node->size < len) node->size = len;
    return call_end(sim, s);
}

/* Whole blocks are given back; what the drive has there now is as unsure as with a write. */
static struct status sim_discard(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, fd, &node);
    if (is_ok(s)) s = operation(sim, node->drive);
    for (size_t i = (offset + BLOCK - 1) / BLOCK;
         is_ok(s) && i < (offset + len) / BLOCK && i < node->block_count; i++) {
        struct block *block = &node->blocks[i];
        if (!block->allocated) continue;
        block_put(sim, block, page_new(NULL));
        block->allocated = false;
        sim->drives[node->drive].used -= BLOCK;
    }
    return call_end(sim, s);
}

static struct status sim_device(struct fs *fs, int dir_fd, uint64_t *ret_device) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, dir_fd, &node);
    if (is_ok(s)) *ret_device = node->drive;
    return call_end(sim, s);
}

/* A descriptor of ours is no file to send. */
static bool sim_is_cached(struct fs *fs, int fd, uint64_t offset, uint64_t len) {
    (void)fs;
    (void)fd;
    (void)offset;
    (void)len;
    return false;
}

static struct status sim_space(struct fs *fs, int dir_fd, struct fs_space *ret_space) {
    struct sim_fs *sim = sim_of(fs);
    struct node *node = NULL;
    struct status s = begin_at(sim, dir_fd, &node);
    if (is_ok(s)) {
        const struct drive *drive = &sim->drives[node->drive];
        uint64_t free_bytes = drive->used < drive->capacity ? drive->capacity - drive->used : 0;
        *ret_space = (struct fs_space){.free_bytes = free_bytes, .total_bytes = drive->capacity};
    }
    return call_end(sim, s);
}

static const struct fs_ops sim_ops = {
    .dir_open = sim_dir_open,
    .dir_make = sim_dir_make,
    .dir_sync = sim_dir_sync,
    .dir_walk = sim_dir_walk,
    .open_read = sim_open_read,
    .open_write = sim_open_write,
    .close = sim_close,
    .size = sim_size,
    .lock = sim_lock,
    .temp_create = sim_temp_create,
    .write = sim_write,
    .read = sim_read,
    .sync_data = sim_sync_data,
    .write_back = sim_write_back,
    .link = sim_link,
    .replace = sim_replace,
    .remove = sim_remove,
    .preallocate = sim_preallocate,
    .discard = sim_discard,
    .device = sim_device,
    .is_cached = sim_is_cached,
    .space = sim_space,
};

/* ---- the outside ---- */

struct sim_fs *sim_fs_new(uint64_t seed) {
    struct sim_fs *sim = calloc(1, sizeof *sim);
    CHECK(sim);
    sim->fs.ops = &sim_ops;
    random_seeded_init(&sim->random, seed);
    CHECK(pthread_mutex_init(&sim->lock, NULL) == 0);
    CHECK(pthread_cond_init(&sim->changed, NULL) == 0);
    sim->drives[0].capacity = UINT64_C(1) << 40;
    sim->drive_count = 1;
    sim->root = node_new(sim, 0, true, "");
    return sim;
}

void sim_fs_free(struct sim_fs **sim) {
    struct sim_fs *self = *sim;
    while (self->nodes) {
        struct node *node = self->nodes;
        self->nodes = node->next;
        node_free(node);
    }
    free(self->files);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *sim = NULL;
}

struct fs *sim_fs_fs(struct sim_fs *sim) {
    return &sim->fs;
}

unsigned sim_fs_drive(struct sim_fs *sim, const char *name, uint64_t capacity_bytes) {
    pthread_mutex_lock(&sim->lock);
    CHECK(sim->drive_count < SIM_DRIVES_MAX);
    unsigned drive = sim->drive_count++;
    sim->drives[drive] = (struct drive){.capacity = capacity_bytes};
    struct node *dir = node_new(sim, drive, true, name);
    dir->parent = sim->root;
    name_set(sim, sim->root, name, dir);
    names_synced(sim->root);
    pthread_mutex_unlock(&sim->lock);
    return drive;
}

void sim_fs_capacity(struct sim_fs *sim, unsigned drive, uint64_t capacity_bytes) {
    pthread_mutex_lock(&sim->lock);
    sim->drives[drive].capacity = capacity_bytes;
    pthread_mutex_unlock(&sim->lock);
}

uint64_t sim_fs_operations(struct sim_fs *sim) {
    pthread_mutex_lock(&sim->lock);
    uint64_t count = sim->operations;
    pthread_mutex_unlock(&sim->lock);
    return count;
}

void sim_fs_cut_after(struct sim_fs *sim, uint64_t count) {
    pthread_mutex_lock(&sim->lock);
    sim->cut_at = count > 0 ? sim->operations + count : 0;
    pthread_mutex_unlock(&sim->lock);
}

struct status sim_fs_operation(struct sim_fs *sim, bool *ret_done) {
    pthread_mutex_lock(&sim->lock);
    bool was_cut = sim->cut;
    struct status s = was_cut ? status_of(STATUS_IO) : operation(sim, 0);
    *ret_done = is_ok(s) || (!was_cut && draw(sim, 2));
    pthread_mutex_unlock(&sim->lock);
    return s;
}

void sim_fs_cut(struct sim_fs *sim) {
    pthread_mutex_lock(&sim->lock);
    sim->cut = true;
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->lock);
}

bool sim_fs_is_cut(struct sim_fs *sim) {
    pthread_mutex_lock(&sim->lock);
    bool cut = sim->cut;
    pthread_mutex_unlock(&sim->lock);
    return cut;
}

/* The file as the drive has it: some size, and each block one of its versions. */
static void node_settle(struct sim_fs *sim, struct node *node) {
    if (node->size != node->durable_size && draw(sim, 2)) node->durable_size = node->size;
    node->size = node->durable_size;
    for (size_t i = 0; i < node->block_count; i++) {
        struct block *block = &node->blocks[i];
        block_settle(sim, block);
        bool inside = i < (node->size + BLOCK - 1) / BLOCK;
        if (!inside) page_drop(&block->durable);
        if (inside && block->durable && node->size - i * BLOCK < BLOCK) {
            struct page *last = page_new(block->durable);
            memset(last->bytes + node->size % BLOCK, 0, BLOCK - node->size % BLOCK);
            page_set(&block->durable, last);
            page_drop(&last);
        }
        block->allocated = block->allocated && inside;
        page_set(&block->now, block->durable);
    }
}

static void dir_settle(struct sim_fs *sim, struct node *dir) {
    struct entry **at = &dir->entries;
    while (*at) {
        struct entry *entry = *at;
        unsigned which = (unsigned)draw(sim, entry->version_count + 1);
        if (which > 0) entry->durable = entry->versions[which - 1];
        entry->now = entry->durable;
        entry->version_count = 0;
        if (entry->now) {
            entry->now->names++;
            at = &entry->next;
        } else {
            *at = entry->next;
            free(entry);
        }
    }
}

void sim_fs_restart(struct sim_fs *sim) {
    pthread_mutex_lock(&sim->lock);
    for (size_t i = 0; i < sim->file_count; i++) sim->files[i] = (struct open_file){0};
    for (struct node *n = sim->nodes; n; n = n->next) {
        n->names = n->fds = 0;
        n->locked = false;
    }
    for (struct node *n = sim->nodes; n; n = n->next) dir_settle(sim, n);
    nodes_sweep(sim);
    for (unsigned i = 0; i < sim->drive_count; i++) sim->drives[i].used = 0;
    for (struct node *n = sim->nodes; n; n = n->next) {
        node_settle(sim, n);
        n->counted = true;
        sim->drives[n->drive].used += node_space(n);
    }
    sim->cut = false;
    sim->cut_at = 0;
    sim->boots++;
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->lock);
}

void sim_fs_fault(struct sim_fs *sim, unsigned drive, enum sim_fault fault) {
    pthread_mutex_lock(&sim->lock);
    sim->drives[drive].fault = fault;
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->lock);
}

uint64_t sim_fs_syncs(struct sim_fs *sim, unsigned drive) {
    pthread_mutex_lock(&sim->lock);
    uint64_t count = sim->drives[drive].syncs;
    pthread_mutex_unlock(&sim->lock);
    return count;
}

static bool rot_locked(struct node *root, const char *path, uint64_t offset, unsigned bit) {
    struct node *node;
    if (!is_ok(path_find(root, path, &node)) || offset >= node->size) return false;
    size_t index = (size_t)(offset / BLOCK);
    if (index >= node->block_count) return false;
    struct block *block = &node->blocks[index];
    struct page *rotten = page_new(block->now);
    rotten->bytes[offset % BLOCK] ^= (char)(1 << bit % 8);
    page_set(&block->durable, rotten);
    page_set(&block->now, rotten);
    page_drop(&rotten);
    versions_drop(block);
    return true;
}

bool sim_fs_rot(struct sim_fs *sim, const char *path, uint64_t offset, unsigned bit) {
    pthread_mutex_lock(&sim->lock);
    bool done = rot_locked(sim->root, path, offset, bit);
    pthread_mutex_unlock(&sim->lock);
    return done;
}

void sim_fs_hold_syncs(struct sim_fs *sim, const char *prefix) {
    pthread_mutex_lock(&sim->lock);
    sim->hold_syncs = prefix;
    pthread_cond_broadcast(&sim->changed);
    pthread_mutex_unlock(&sim->lock);
}

void sim_fs_skip_syncs(struct sim_fs *sim, const char *prefix) {
    pthread_mutex_lock(&sim->lock);
    sim->skip_syncs = prefix;
    pthread_mutex_unlock(&sim->lock);
}
