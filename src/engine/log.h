/*
 * log.h - the redo log: groups of changes, durable one after the other, in a ring of segments
 *
 *     file `log`    │ segment │ segment │ segment │ …      each written once in full, then recycled
 *                       │
 *                       └─ │ group │ group │ group │ free … │
 *                              │
 *                              └─ header of 64 bytes, payload, zeros to a multiple of 4096 bytes
 *
 *     create / open ── [append ── release]* ── close
 *
 * A group is written by one aligned write past the page cache, and made durable by one fdatasync;
 * one group at a time is in flight. It lies in one segment where it fits into one; a larger one is
 * cut into parts, each of which begins a segment. A header says which group and which part it is,
 * in which turn of the ring (`ordinal` of the segment) and since which start of the store (`epoch`)
 * it was written, so that nothing old is ever taken for new (L1).
 *
 * What is found at the open where the next group should be is a torn tail only if no header of a
 * later group lies anywhere in the ring; otherwise the log is damaged, and the open is refused
 * (L3). docs/format.md has every byte, and the invariants L1 to L6.
 *
 * The ring starts with `segments_min` segments and grows in the background, by a thread of its own,
 * up to `segments_max`.
 *
 * Threads: append and room one at a time (the commit leader); release any; the rest any.
 */
#ifndef ENGINE_LOG_H
#define ENGINE_LOG_H

#include "base/note.h"
#include "base/slice.h"
#include "base/status.h"
#include "os/fs.h"

enum {
    LOG_BLOCK = FS_DIRECT_ALIGN,
    LOG_HEADER_LEN = 64,
    LOG_SEGMENT_BYTES = 8 * 1024 * 1024,
    LOG_SEGMENTS_MIN = 2,
    LOG_SEGMENTS_MAX = 32
};

/* Where a group lies, or where the next one will be looked for first. */
struct log_position {
    uint64_t sequence; /* of the group; the first one ever is 1 */
    uint64_t ordinal;  /* of the segment; 0 before the first */
    uint32_t offset;   /* in the segment */
};

struct mirror;

struct log_config {
    struct fs *fs;
    int dir_fd;             /* of the directory that has the file `log`; the caller's */
    uint64_t ring_id;       /* of this log: random, never told to anybody */
    uint64_t segment_bytes; /* a power of two, at least 64 KiB */
    unsigned segments_min;  /* at least 2 */
    unsigned segments_max;  /* at least segments_min */
    struct mirror *mirror;  /* whose fs it is; NULL: there is one copy */
};

/* A group being put together, with room for the header in front. */
struct log_buffer {
    char *bytes; /* aligned to LOG_BLOCK; the payload begins at LOG_HEADER_LEN */
    size_t len;  /* of the payload */
    size_t cap;  /* of bytes */
};

/* Sees the groups that the log holds, in order. Anything but OK ends the open with it. */
struct log_replayer {
    struct status (*replay)(struct log_replayer *replayer, uint64_t sequence, struct slice payload);
};

struct log;

/* Makes the file with its first segments, durable, over whatever a crash left of one. */
struct status log_create(const struct log_config *config, struct note *note);

/*
 * Opens the log and shows `replayer` every group from `from` on; the first append then goes behind
 * the last of them. All that was shown is durable.
 * Errors, with a line in `note`: CORRUPT (a group is damaged, and later ones are there); NOT_FOUND
 * (no file); NO_MEMORY; IO; what the replayer said.
 */
struct status log_open(const struct log_config *config, struct log_position from,
                       struct log_replayer *replayer, struct note *note, struct log **ret_log);

/* An empty buffer; bytes are appended with log_buffer_add. */
void log_buffer_init(struct log_buffer *buffer);
void log_buffer_fini(struct log_buffer *buffer);
void log_buffer_clear(struct log_buffer *buffer);

/* Room for `len` more bytes, counted at once. Owns: the buffer, until the next call on it. */
char *log_buffer_add(struct log_buffer *buffer, size_t len);

/*
 * Whether a group with `payload_len` bytes can be appended now; asks for more segments where the
 * ring is filling up. Where it can't, log_room_wait waits until segments were released or added.
 */
bool log_room(struct log *log, size_t payload_len);
void log_room_wait(struct log *log, int64_t timeout_ns);

/*
 * Appends the payload in `buffer`, not empty, as the next group; durable on return. There was room.
 * `*ret_sequence` is its number. Errors: IO, final: what the log holds is not known.
 */
struct status log_append(struct log *log, struct log_buffer *buffer, uint64_t *ret_sequence);

/* Where the next group will be looked for. */
struct log_position log_tail(struct log *log);

/* Recycles the segments that hold groups before `from` only: a checkpoint holds them, durably. */
void log_release(struct log *log, struct log_position from);

/* Bytes in use, from the oldest segment not released to the tail, and what there may be at most. */
uint64_t log_used_bytes(struct log *log);
uint64_t log_limit_bytes(const struct log *log);

/* Bytes of the file. */
uint64_t log_file_bytes(struct log *log);

/* Ends the thread, closes; NULL is allowed. No call is in progress. */
void log_close(struct log **log);

#endif
