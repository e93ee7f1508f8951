#include "engine/space.h"

#include "base/check.h"
#include "base/date.h"

enum {
    RESERVE_BYTES = 16 * 1024 * 1024,
    SHRINK_MIN_BYTES = 8 * 1024 * 1024,
    LOOK_EVERY_BYTES = 4 * 1024 * 1024,
};

static const int64_t look_every_ns = 250 * NS_PER_MS;
static const char reserve_name[] = "reserve";

/* Allocates the reserve file where it is missing and there is plenty of space. */
static void reserve_make(struct space *space) {
    int fd;
    if (is_ok(fs_open_read(space->fs, space->dir_fd, reserve_name, &fd))) {
        fs_close(space->fs, &fd);
        space->reserved = true;
        return;
    }
    struct fs_temp temp;
    if (!is_ok(fs_temp_create(space->fs, space->dir_fd, &temp))) return;
    struct status s = fs_preallocate(space->fs, temp.fd, RESERVE_BYTES);
    if (is_ok(s)) s = fs_temp_publish(space->fs, &temp, reserve_name);
    if (!is_ok(s)) fs_temp_discard(space->fs, &temp);
    space->reserved = is_ok(s);
}

static void reserve_release(struct space *space) {
    struct status s = fs_remove(space->fs, space->dir_fd, reserve_name);
    space->reserved = !is_ok(s) && !status_is(s, STATUS_NOT_FOUND);
}

/* Asks the file system, if the last answer is old. Called under the lock. */
static void look(struct space *space, bool now) {
    int64_t now_ns = clock_mono_ns(space->clock);
    if (!now && space->written_since_bytes < LOOK_EVERY_BYTES &&
        now_ns - space->seen_ns < look_every_ns) {
        return;
    }
    space->seen_ns = now_ns;
    space->written_since_bytes = 0;
    /* Without an answer the last one counts; a drive that is gone shows at the next write. */
    IGNORE_STATUS(fs_space_read(space->fs, space->dir_fd, &space->seen));
    struct fs_space also;
    if (!space->also_fs || !is_ok(fs_space_read(space->also_fs, space->also_dir_fd, &also))) return;
    if (also.free_bytes < space->seen.free_bytes) space->seen = also;
}

static uint64_t free_bytes(const struct space *space) {
    uint64_t free_then = space->seen.free_bytes;
    return free_then > space->written_since_bytes ? free_then - space->written_since_bytes : 0;
}

void space_init(struct space *space, struct fs *fs, struct clock *clock, int dir_fd,
                uint64_t margin_bytes) {
    *space = (struct space){
        .fs = fs,
        .clock = clock,
        .dir_fd = dir_fd,
        .growth_min_bytes = margin_bytes + RESERVE_BYTES,
        .shrink_min_bytes = SHRINK_MIN_BYTES,
    };
    CHECK(pthread_mutex_init(&space->lock, NULL) == 0);
    look(space, true);
    if (free_bytes(space) > space->growth_min_bytes + RESERVE_BYTES) reserve_make(space);
}

void space_watch(struct space *space, struct fs *fs, int dir_fd) {
    pthread_mutex_lock(&space->lock);
    space->also_fs = fs;
    space->also_dir_fd = dir_fd;
    look(space, true);
    pthread_mutex_unlock(&space->lock);
}

void space_fini(struct space *space) {
    pthread_mutex_destroy(&space->lock);
}

struct status space_admit(struct space *space, uint64_t bytes, bool shrinking) {
    pthread_mutex_lock(&space->lock);
    look(space, false);
    uint64_t wanted = bytes + space->growth_min_bytes;
    if (free_bytes(space) < wanted && space->reserved) {
        reserve_release(space);
        look(space, true);
    } else if (!space->reserved && free_bytes(space) > wanted + 2 * (uint64_t)RESERVE_BYTES) {
        reserve_make(space);
    }
    if (shrinking) wanted = bytes + space->shrink_min_bytes;
    bool admitted = free_bytes(space) >= wanted;
    if (admitted) space->written_since_bytes += bytes;
    pthread_mutex_unlock(&space->lock);
    return admitted ? status_ok() : status_of(STATUS_NO_SPACE);
}

void space_read(struct space *space, struct fs_space *ret_space) {
    pthread_mutex_lock(&space->lock);
    look(space, false);
    *ret_space = space->seen;
    pthread_mutex_unlock(&space->lock);
}
