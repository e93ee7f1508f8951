/*
 * md5_stream.h - the MD5 of an upload, computed side by side with those of other uploads
 *
 *     service_new ──────────────────────────────────────────────────────────── service_free
 *          stream_begin ── update* ── final
 *
 * The ETag's MD5 is the wall of every upload, and only several at once can be taken faster
 * (md5_lanes.h). An update hands its whole blocks to the service and returns when they are taken
 * in. Whoever comes and finds nobody at work does the work: its own blocks, and in the other lanes
 * those of whoever comes meanwhile. When its own are done, it hands the work on to one that waits.
 *
 *     update ─┐            ┌ lane 0 ┐
 *     update ─┼─ waiting ──┤ lane 1 ├── one thread computes, the others sleep
 *     update ─┘            └  …     ┘
 *
 * With no more streams than processors each computes alone, as fast as one can, and nobody waits.
 * How many there are is seen from who took bytes in lately, so that a stream may be dropped at any
 * time. An update should be large (64 KiB and more); a short one is computed on the spot.
 *
 * Threads: any number, each stream belongs to one at a time.
 */
#ifndef CRYPTO_MD5_STREAM_H
#define CRYPTO_MD5_STREAM_H

#include "base/slice.h"
#include "crypto/digest.h"
#include "crypto/md5_lanes.h"

enum { MD5_STREAM_LEN = 16 };

struct md5_service;

/* The MD5 of bytes that come piece by piece. A plain value that owns nothing. */
struct md5_stream {
    struct md5_service *service;
    uint64_t round; /* of the service, in which it was last counted */
    uint32_t state[4];
    uint64_t len;
    unsigned char tail[MD5_BLOCK_LEN]; /* the last len % MD5_BLOCK_LEN bytes */
};

/* How a service works; a value of 0 or NULL is the machine's. */
struct md5_service_config {
    const struct md5_kernel *kernel;
    unsigned processors;
};

/* The service of the process; made at the first use, never freed. */
struct md5_service *md5_service_shared(void);

/* A service of its own, for tests and measurements. Owns: the caller; no stream is used after it.
 */
struct md5_service *md5_service_new(const struct md5_service_config *config);
void md5_service_free(struct md5_service **service);

/* Starts the digest of no bytes. */
void md5_stream_begin(struct md5_stream *stream, struct md5_service *service);

/*
 * Takes `bytes` in.
 * Blocks: until they are, while other threads may be doing it; computes for them too.
 */
void md5_stream_update(struct md5_stream *stream, struct slice bytes);

/*
 * Takes `bytes` into the stream and into `other` in one pass. Where the stream is alone the two go
 * block by block, which a processor computes side by side in part.
 * Blocks: as md5_stream_update.
 */
void md5_stream_update_with(struct md5_stream *stream, struct digest *other, struct slice bytes);

/* Ends the stream and writes its digest, MD5_STREAM_LEN bytes. */
void md5_stream_final(struct md5_stream *stream, void *out);

/* Figures: bytes that were taken in alone, and side by side with others. */
struct md5_service_stats {
    uint64_t bytes_alone;
    uint64_t bytes_in_lanes;
};

/* Reads the figures. */
void md5_service_stats_read(struct md5_service *service, struct md5_service_stats *ret_stats);

#endif
