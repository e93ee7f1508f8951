/*
 * home.h - the data directory: whose it is, who has it, what lies in it
 *
 *     DATA/store       whose: format version and store id
 *     DATA/lock        locked while a process has it
 *     DATA/reserve     space to be given up for deletes (space.h)
 *     DATA/meta/       the log and the index (meta.h)
 *     DATA/drive, DATA/drive.lock, DATA/volumes/   large data, unless it has drives of its own
 * (drive.h)
 *
 * Threads: one at a time.
 */
#ifndef ENGINE_HOME_H
#define ENGINE_HOME_H

#include "base/note.h"
#include "os/fs.h"
#include "os/random.h"

enum { HOME_FORMAT = 3, HOME_STORE_ID_LEN = 16 };

struct home {
    struct fs *fs;
    int dir_fd;
    int lock_fd;
    bool is_new; /* there is no identity file yet */
    uint8_t store_id[HOME_STORE_ID_LEN];
};

/*
 * Opens, and makes as far as it is missing, the directory at `path`, and locks it. A new one has no
 * identity until home_sign.
 * Errors, each with its line in `note`: BUSY; INVALID; UNSUPPORTED; CORRUPT; NO_SPACE; DENIED; IO.
 */
struct status home_open(struct home *home, struct fs *fs, struct random *random, const char *path,
                        struct note *note);

/* Writes the identity: from here on the directory is a store. */
struct status home_sign(struct home *home, struct note *note);

/* Closes and unlocks. */
void home_close(struct home *home);

#endif
