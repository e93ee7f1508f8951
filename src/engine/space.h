/*
 * space.h - who may still write when the drive fills up
 *
 * The index must be able to grow for what was acknowledged already, and deletes need room, too. So
 * new data is refused well before, and what gives space back (deletes) is let through
 * until nearly nothing is left; a reserve file, allocated when the store is made, is given up for
 * them when others have filled the drive.
 *
 *     free ≥ growth_min    everything
 *     free ≥ shrink_min    only batches that delete, and bind no new data; the reserve is released
 *     less                 nothing
 *
 * Threads: any.
 */
#ifndef ENGINE_SPACE_H
#define ENGINE_SPACE_H

#include <pthread.h>

#include "os/clock.h"
#include "os/fs.h"

struct space {
    struct fs *fs;
    struct clock *clock;
    int dir_fd;         /* the data directory's; the engine's */
    struct fs *also_fs; /* NULL: nothing else is watched */
    int also_dir_fd;
    uint64_t growth_min_bytes;
    uint64_t shrink_min_bytes;
    pthread_mutex_t lock; /* guards what follows */
    struct fs_space seen;
    int64_t seen_ns;
    uint64_t written_since_bytes;
    bool reserved;
};

/* Begins to watch the drive of `dir_fd`; `margin_bytes` is what the database may need by itself. */
void space_init(struct space *space, struct fs *fs, struct clock *clock, int dir_fd,
                uint64_t margin_bytes);
void space_fini(struct space *space);

/* Watches a second directory too: whichever has less space counts. */
void space_watch(struct space *space, struct fs *fs, int dir_fd);

/* Whether `bytes` more may be written, of new data or (`shrinking`) of a deletion's traces.
 * Errors: NO_SPACE. */
struct status space_admit(struct space *space, uint64_t bytes, bool shrinking);

/* The drive's figures, at most a quarter of a second old. */
void space_read(struct space *space, struct fs_space *ret_space);

#endif
