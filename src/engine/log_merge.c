/* One segment of the log out of what its copies have of it: the longest valid log counts (M7). */
#include <stdlib.h>

#include "base/check.h"
#include "engine/bytes.h"
#include "engine/checksum.h"
#include "engine/log_format.h"
#include "engine/mirror.h"

/* What a copy has at some place. */
struct candidate {
    const char *bytes; /* of the whole segment; NULL: nothing */
    struct log_header header;
    bool has_header;
    bool is_whole;
};

static void candidate_read(const struct log *log, const char *segment, uint32_t at,
                           struct candidate *ret_candidate) {
    const struct log_config *config = &log->config;
    struct candidate c = {.bytes = segment};
    c.has_header = log_header_parse(segment + at, config->ring_id, &c.header) &&
                   c.header.offset == at &&
                   at + LOG_HEADER_LEN + (uint64_t)c.header.payload_len <= config->segment_bytes;
    c.is_whole = c.has_header && checksum_crc32c(0, segment + at + LOG_HEADER_LEN,
                                                 c.header.payload_len) == c.header.payload_sum;
    *ret_candidate = c;
}

/* Whether `a` is to be preferred: whole, then written later. */
static bool is_better(const struct candidate *a, const struct candidate *b) {
    if (!b->bytes) return true;
    if (a->is_whole != b->is_whole) return a->is_whole;
    if (a->has_header != b->has_header) return a->has_header;
    if (!a->has_header) return false;
    if (a->header.epoch != b->header.epoch) return a->header.epoch > b->header.epoch;
    return a->header.sequence > b->header.sequence;
}

static void segments_merge(const struct log *log, char *const copies[MIRROR_COPIES_MAX],
                           const bool valid[MIRROR_COPIES_MAX], char *out) {
    uint64_t len;
    for (uint64_t at = 0; at < log->config.segment_bytes; at += len) {
        struct candidate best = {0};
        for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
            struct candidate candidate;
            if (!valid[i]) continue;
            candidate_read(log, copies[i], (uint32_t)at, &candidate);
            if (is_better(&candidate, &best)) best = candidate;
        }
        len = LOG_BLOCK;
        if (best.is_whole) {
            len = bytes_round_up(LOG_HEADER_LEN + (uint64_t)best.header.payload_len, LOG_BLOCK);
        }
        memcpy(out + at, best.bytes + at, len);
    }
}

/* Whether all that could be read is the same, which is nearly always so. */
static bool are_same(const struct log *log, char *const copies[MIRROR_COPIES_MAX],
                     const bool valid[MIRROR_COPIES_MAX], int first) {
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        if (valid[i] && memcmp(copies[i], copies[first], log->config.segment_bytes) != 0) {
            return false;
        }
    }
    return true;
}

struct status log_segment_merge(struct log *log, int slot, char *segment) {
    char *copies[MIRROR_COPIES_MAX];
    bool valid[MIRROR_COPIES_MAX];
    size_t len = log->config.segment_bytes;
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) {
        copies[i] = aligned_alloc(LOG_BLOCK, len);
        CHECK(copies[i]);
    }
    uint64_t offset = log_file_offset(log, slot, 0);
    mirror_read_all(log->config.mirror, log->fd, offset, copies, len, valid);
    int first = -1;
    for (int i = 0; i < MIRROR_COPIES_MAX && first < 0; i++) first = valid[i] ? i : -1;
    if (first >= 0 && are_same(log, copies, valid, first)) {
        memcpy(segment, copies[first], len);
    } else if (first >= 0) {
        segments_merge(log, copies, valid, segment);
    }
    if (first >= 0) {
        mirror_level(log->config.mirror, log->fd, offset, copies, valid, segment, len);
    }
    for (unsigned i = 0; i < MIRROR_COPIES_MAX; i++) free(copies[i]);
    return first >= 0 ? status_ok() : status_of(STATUS_IO);
}
