/*
 * log_format.h - the header of a part of a group, and the log's insides
 *
 * Only log.c, log_open.c and the tests of the format include this.
 *
 * Threads: see struct log.
 */
#ifndef ENGINE_LOG_FORMAT_H
#define ENGINE_LOG_FORMAT_H

#include <pthread.h>

#include "engine/log.h"
#include "os/thread.h"

/* What a header says. */
struct log_header {
    uint64_t sequence;
    uint64_t ordinal;
    uint32_t offset; /* of this header in its segment */
    uint32_t epoch;
    uint32_t membership_epoch;
    uint32_t payload_len; /* of this part */
    uint32_t payload_sum;
    uint16_t part;
    uint16_t part_count;
};

/* Writes LOG_HEADER_LEN bytes. */
void log_header_encode(const struct log_header *header, uint64_t ring_id, char *out);

/* Reads them; false if they are no header of this ring. */
bool log_header_parse(const char *bytes, uint64_t ring_id, struct log_header *ret_header);

/* A place for a segment in the file. */
struct log_slot {
    uint64_t ordinal; /* of the segment in it; 0: free */
    uint32_t epoch;   /* of its first header, while the log is opened */
};

struct log {
    struct log_config config;
    int fd;
    uint32_t epoch;
    char *spare;          /* one segment: a part of a group that is cut, or zeros to grow with */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct log_slot *slots; /* segments_max of them */
    unsigned slot_count;
    unsigned free_count;
    uint64_t oldest; /* ordinal of the oldest segment in use */
    struct log_position tail;
    bool wants_more;
    bool growing_failed; /* no space: not tried again before a release */
    bool broken;         /* a sync failed while it grew (L6) */
    bool closing;
    struct thread grower;
    bool has_grower;
};

/* The slot that holds the segment `ordinal`; -1 if none does. */
int log_slot_find(const struct log *log, uint64_t ordinal);

/* Where byte `offset` of slot `slot` lies in the file. */
static inline uint64_t log_file_offset(const struct log *log, int slot, uint32_t offset) {
    return (uint64_t)slot * log->config.segment_bytes + offset;
}

/*
 * Makes one segment out of those of all copies: of each place that which was written last, and is
 * whole. Copies that differ get it too, not yet durable. Errors: IO (none can be read).
 */
struct status log_segment_merge(struct log *log, int slot, char *segment);

/* Starts the thread that adds segments. */
struct status log_grower_start(struct log *log, struct note *note);

/* Opens the file `log` for writing. */
struct status log_file_open(const struct log_config *config, unsigned flags, int *ret_fd);

/* Writes the segments [from, to) of the file full of zeros, durable on return. */
struct status log_segments_write(const struct log_config *config, int fd, unsigned from,
                                 unsigned to);

#endif
