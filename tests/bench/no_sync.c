/*
 * no_sync.c - an LD_PRELOAD library under which syncs return at once, as if drives had no latency
 *
 * Only for measuring what they cost: a server that runs under it loses what it acknowledged.
 */
#include <unistd.h>

int fsync(int fd) {
    (void)fd;
    return 0;
}

int fdatasync(int fd) {
    (void)fd;
    return 0;
}
