/* Opening the log: which segments there are, which groups, and whether its end is a tear. */
#include <stdlib.h>

#include "base/check.h"
#include "engine/bytes.h"
#include "engine/checksum.h"
#include "engine/log_format.h"

/* One open in progress. */
struct opening {
    struct log *log;
    struct note *note;
    char *segment;          /* the one that is loaded */
    int loaded_slot;        /* -1: none */
    char *group;            /* a group that is put together from parts */
    uint64_t last_sequence; /* of all headers in the ring */
    uint32_t last_epoch;
};

static struct status segment_load(struct opening *o, int slot) {
    if (o->loaded_slot == slot) return status_ok();
    o->loaded_slot = -1;
    struct log *log = o->log;
    struct status s = fs_read(log->config.fs, log->fd, log_file_offset(log, slot, 0), o->segment,
                              log->config.segment_bytes);
    if (!is_ok(s)) {
        return note_status(o->note, STATUS_IO, "can't read the log at byte %llu",
                           (unsigned long long)log_file_offset(log, slot, 0));
    }
    o->loaded_slot = slot;
    return status_ok();
}

/* The header at `offset` of the loaded segment; false if there is none that belongs there. */
static bool header_at(const struct opening *o, uint32_t offset, struct log_header *ret_header) {
    const struct log_config *config = &o->log->config;
    return log_header_parse(o->segment + offset, config->ring_id, ret_header) &&
           ret_header->offset == offset &&
           offset + LOG_HEADER_LEN + (uint64_t)ret_header->payload_len <= config->segment_bytes;
}

/* Reads a slot for the first time: what copies have of it is made the same. */
static struct status segment_meet(struct opening *o, int slot) {
    if (!o->log->config.mirror) return segment_load(o, slot);
    o->loaded_slot = -1;
    struct status s = log_segment_merge(o->log, slot, o->segment);
    if (!is_ok(s)) return note_status(o->note, s.code, "no copy of the log can be read");
    o->loaded_slot = slot;
    return status_ok();
}

/* Looks at every block of a slot: which segment it holds, and the last group it knows of. */
static struct status slot_survey(struct opening *o, unsigned slot) {
    TRY(segment_meet(o, (int)slot));
    struct log *log = o->log;
    for (uint32_t at = 0; at < log->config.segment_bytes; at += LOG_BLOCK) {
        struct log_header header;
        if (!header_at(o, at, &header)) continue;
        if (header.sequence > o->last_sequence) o->last_sequence = header.sequence;
        if (header.epoch > o->last_epoch) o->last_epoch = header.epoch;
        if (at != 0) continue;
        log->slots[slot].ordinal = header.ordinal;
        log->slots[slot].epoch = header.epoch;
    }
    return status_ok();
}

/* A segment that was begun twice, before and after a crash: the later one counts (L1). */
static void doubles_drop(struct log *log) {
    for (unsigned i = 0; i < log->slot_count; i++) {
        for (unsigned j = 0; j < log->slot_count; j++) {
            struct log_slot *a = &log->slots[i];
            struct log_slot *b = &log->slots[j];
            if (i != j && a->ordinal == b->ordinal && a->epoch < b->epoch) a->ordinal = 0;
        }
    }
}

static struct status survey(struct opening *o) {
    for (unsigned i = 0; i < o->log->slot_count; i++) TRY(slot_survey(o, i));
    doubles_drop(o->log);
    return status_ok();
}

/* Whether the loaded segment has a whole part of group `sequence` at `offset`. */
static bool part_at(const struct opening *o, uint32_t offset, uint64_t sequence,
                    struct log_header *ret_header) {
    if (offset + (uint64_t)LOG_HEADER_LEN > o->log->config.segment_bytes) return false;
    struct log_header header;
    if (!header_at(o, offset, &header) || header.sequence != sequence) return false;
    const char *payload = o->segment + offset + LOG_HEADER_LEN;
    if (checksum_crc32c(0, payload, header.payload_len) != header.payload_sum) return false;
    *ret_header = header;
    return true;
}

/* Puts the other parts of a cut group behind the first one; false if they are not all there. */
static struct status parts_gather(struct opening *o, const struct log_header *first,
                                  struct log_position *tail, struct slice *ret_payload,
                                  bool *ret_whole) {
    size_t per_segment = o->log->config.segment_bytes - LOG_HEADER_LEN;
    free(o->group);
    o->group = malloc(first->part_count * per_segment);
    CHECK(o->group);
    memcpy(o->group, o->segment + first->offset + LOG_HEADER_LEN, first->payload_len);
    size_t len = first->payload_len;
    *ret_whole = false;
    for (unsigned part = 1; part < first->part_count; part++) {
        int slot = log_slot_find(o->log, first->ordinal + part);
        if (slot < 0) return status_ok();
        TRY(segment_load(o, slot));
        struct log_header header;
        if (!part_at(o, 0, first->sequence, &header) || header.part != part ||
            header.part_count != first->part_count || header.epoch != first->epoch) {
            return status_ok();
        }
        memcpy(o->group + len, o->segment + LOG_HEADER_LEN, header.payload_len);
        len += header.payload_len;
        tail->ordinal = header.ordinal;
        tail->offset = (uint32_t)bytes_round_up(LOG_HEADER_LEN + header.payload_len, LOG_BLOCK);
    }
    *ret_whole = true;
    *ret_payload = slice_of(o->group, len);
    return status_ok();
}

/* Looks for the group that the tail expects, at `ordinal` and `offset`; moves the tail behind it.
 */
static struct status group_find(struct opening *o, uint64_t ordinal, uint32_t offset,
                                struct slice *ret_payload, bool *ret_found) {
    struct log *log = o->log;
    *ret_found = false;
    int slot = log_slot_find(log, ordinal);
    if (slot < 0) return status_ok();
    TRY(segment_load(o, slot));
    struct log_header header;
    if (!part_at(o, offset, log->tail.sequence, &header)) return status_ok();
    if (header.part != 0 || header.ordinal != ordinal) return status_ok();
    struct log_position tail = {
        .sequence = header.sequence + 1,
        .ordinal = ordinal,
        .offset = offset + (uint32_t)bytes_round_up(LOG_HEADER_LEN + header.payload_len, LOG_BLOCK),
    };
    if (header.part_count == 1) {
        *ret_payload = slice_of(o->segment + offset + LOG_HEADER_LEN, header.payload_len);
        *ret_found = true;
    } else {
        TRY(parts_gather(o, &header, &tail, ret_payload, ret_found));
    }
    if (*ret_found) log->tail = tail;
    return status_ok();
}

/* Shows group after group; what is missing at the end is a tear, or damage (L3). */
static struct status groups_replay(struct opening *o, struct log_replayer *replayer) {
    struct log *log = o->log;
    for (;;) {
        uint64_t sequence = log->tail.sequence;
        struct slice payload;
        bool found;
        TRY(group_find(o, log->tail.ordinal, log->tail.offset, &payload, &found));
        if (!found) TRY(group_find(o, log->tail.ordinal + 1, 0, &payload, &found));
        if (!found) break;
        TRY(replayer->replay(replayer, sequence, payload));
    }
    if (o->last_sequence <= log->tail.sequence) return status_ok();
    return note_status(o->note, STATUS_CORRUPT,
                       "group %llu of the log is damaged or missing, and later ones up to %llu are "
                       "there: restore the drive's file 'log' from another copy",
                       (unsigned long long)log->tail.sequence,
                       (unsigned long long)o->last_sequence);
}

/* What lies before the start, or was begun by a group that is torn, is free. */
static void slots_settle(struct log *log, struct log_position from) {
    log->free_count = 0;
    for (unsigned i = 0; i < log->slot_count; i++) {
        struct log_slot *slot = &log->slots[i];
        if (slot->ordinal < from.ordinal || slot->ordinal > log->tail.ordinal) slot->ordinal = 0;
        log->free_count += slot->ordinal == 0;
        bool older = log->oldest == 0 || slot->ordinal < log->oldest;
        if (slot->ordinal != 0 && older) log->oldest = slot->ordinal;
    }
    /* The segment of the tail is gone, or was never written: the next group begins another. */
    if (log_slot_find(log, log->tail.ordinal) < 0) {
        log->tail.offset = (uint32_t)log->config.segment_bytes;
    }
}

static struct status open_steps(struct opening *o, struct log_position from,
                                struct log_replayer *replayer) {
    struct log *log = o->log;
    const struct log_config *config = &log->config;
    struct status s = log_file_open(config, 0, &log->fd);
    uint64_t bytes = 0;
    if (is_ok(s)) s = fs_size(config->fs, log->fd, &bytes);
    if (!is_ok(s)) {
        return note_status(o->note, s.code, "can't open the log: %s", status_text(s.code));
    }
    uint64_t count = bytes / config->segment_bytes;
    if (count > config->segments_max) log->config.segments_max = (unsigned)count;
    log->slot_count = (unsigned)count;
    log->slots = calloc(log->config.segments_max, sizeof *log->slots);
    CHECK(log->slots);
    TRY(survey(o));
    log->tail = from;
    TRY(groups_replay(o, replayer));
    slots_settle(log, from);
    log->epoch = o->last_epoch + 1;
    /* What was shown may so far lie in the drive's cache only (L5). */
    s = fs_sync_data(config->fs, log->fd);
    if (!is_ok(s)) return note_status(o->note, STATUS_IO, "can't sync the log");
    if (log->slot_count < config->segments_min) {
        TRY(log_segments_write(config, log->fd, log->slot_count, config->segments_min));
        log->free_count += config->segments_min - log->slot_count;
        log->slot_count = config->segments_min;
    }
    bool grows = log->slot_count < log->config.segments_max;
    return grows ? log_grower_start(log, o->note) : status_ok();
}

static void lock_init(struct log *log) {
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&log->changed, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
    CHECK(pthread_mutex_init(&log->lock, NULL) == 0);
}

struct status log_open(const struct log_config *config, struct log_position from,
                       struct log_replayer *replayer, struct note *note, struct log **ret_log) {
    struct log *log = calloc(1, sizeof *log);
    CHECK(log);
    log->config = *config;
    log->fd = -1;
    lock_init(log);
    struct opening o = {.log = log, .note = note, .loaded_slot = -1};
    o.segment = aligned_alloc(LOG_BLOCK, config->segment_bytes);
    CHECK(o.segment);
    struct status s = open_steps(&o, from, replayer);
    free(o.segment);
    free(o.group);
    if (is_ok(s)) {
        *ret_log = log;
    } else {
        log_close(&log);
    }
    return s;
}
