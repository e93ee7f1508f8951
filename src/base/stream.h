/*
 * stream.h - bodies as pipes: a source is pulled from, a sink is pushed into
 *
 *     connection ◀─pull─ framing ◀─pull─ aws-chunked ◀─pull─ digests ◀─pull─ object writer
 *
 * A stage embeds struct source as a member, keeps a pointer to the one before it, and finds itself
 * by CONTAINER_OF. The stage does not own the one before it. Buffers belong to whoever pulls.
 *
 * The end of a source is explicit, never a length of zero, and it is a promise: when a stage says
 * `end`, everything it was to verify (length, chunk signatures, checksums, trailer) has been
 * verified. Input that stops early is CLOSED or INVALID, never an end.
 *
 * Threads: one at a time. Blocks: a pull or a push may wait for the network, within its deadline.
 */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include "base/slice.h"
#include "base/status.h"

struct source;

struct source_ops {
    /*
     * Writes between 0 and `cap` bytes (cap > 0) to `buffer`; `*ret_end` says that these were the
     * last. After the end, or after a status that is not OK, it is not called again.
     */
    struct status (*pull)(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                          bool *ret_end);
};

struct source {
    const struct source_ops *ops;
};

/* Pulls once; see source_ops.pull. */
static inline struct status source_pull(struct source *source, void *buffer, size_t cap,
                                        size_t *ret_len, bool *ret_end) {
    return source->ops->pull(source, buffer, cap, ret_len, ret_end);
}

/*
 * Pulls until `cap` bytes are there or the source has ended.
 * Errors: those of the source.
 */
struct status source_fill(struct source *source, void *buffer, size_t cap, size_t *ret_len,
                          bool *ret_end);

struct sink;

struct sink_ops {
    /* Takes all of `bytes`, or fails. */
    struct status (*write)(struct sink *sink, struct slice bytes);
    /*
     * Takes `len` bytes of the file `fd` from `offset`, without looking at them where it can
     * (sendfile). May be NULL: sink_send_file then reads and writes.
     */
    struct status (*send_file)(struct sink *sink, int fd, uint64_t offset, uint64_t len);
};

struct sink {
    const struct sink_ops *ops;
};

/* Pushes all of `bytes`. */
static inline struct status sink_write(struct sink *sink, struct slice bytes) {
    return sink->ops->write(sink, bytes);
}

/* Whether sink_ops.send_file is there. */
static inline bool sink_can_send_file(const struct sink *sink) {
    return sink->ops->send_file != NULL;
}

/* A source of the bytes of a slice, for tests and for bodies that are already in memory. */
struct slice_source {
    struct source source;
    struct slice rest;
    size_t step; /* at most so many bytes a pull; 0 means no bound */
};

/* Makes a source of `bytes`, which must outlive it, in pulls of at most `step` bytes. */
void slice_source_init(struct slice_source *s, struct slice bytes, size_t step);

#endif
