#include "engine/log.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/bytes.h"
#include "engine/checksum.h"
#include "engine/log_format.h"
#include "engine/mirror.h"

enum {
    HEADER_MAGIC = 0x31676c68, /* "hlg1" */
    BUFFER_FIRST = 64 * 1024,
    BUFFER_KEPT_MAX = 4 * 1024 * 1024,
    GROW_WRITE_BYTES = 1024 * 1024,
    GROW_KEEP_FREE_BYTES = 64 * 1024 * 1024, /* of the drive: the ring can do with less */
    GROWER_STACK_BYTES = 128 * 1024,
};

static const char log_name[] = "log";

void log_header_encode(const struct log_header *header, uint64_t ring_id, char *out) {
    memset(out, 0, LOG_HEADER_LEN);
    bytes_put_u32(out, HEADER_MAGIC);
    bytes_put_u64(out + 8, ring_id);
    bytes_put_u64(out + 16, header->sequence);
    bytes_put_u64(out + 24, header->ordinal);
    bytes_put_u32(out + 32, header->offset);
    bytes_put_u32(out + 36, header->epoch);
    bytes_put_u32(out + 40, header->membership_epoch);
    bytes_put_u32(out + 44, header->payload_len);
    bytes_put_u32(out + 48, header->payload_sum);
    bytes_put_u16(out + 52, header->part);
    bytes_put_u16(out + 54, header->part_count);
    bytes_put_u32(out + 4, checksum_crc32c(0, out + 8, LOG_HEADER_LEN - 8));
}

bool log_header_parse(const char *bytes, uint64_t ring_id, struct log_header *ret_header) {
    if (bytes_get_u32(bytes) != HEADER_MAGIC || bytes_get_u64(bytes + 8) != ring_id) return false;
    if (bytes_get_u32(bytes + 4) != checksum_crc32c(0, bytes + 8, LOG_HEADER_LEN - 8)) return false;
    *ret_header = (struct log_header){
        .sequence = bytes_get_u64(bytes + 16),
        .ordinal = bytes_get_u64(bytes + 24),
        .offset = bytes_get_u32(bytes + 32),
        .epoch = bytes_get_u32(bytes + 36),
        .membership_epoch = bytes_get_u32(bytes + 40),
        .payload_len = bytes_get_u32(bytes + 44),
        .payload_sum = bytes_get_u32(bytes + 48),
        .part = bytes_get_u16(bytes + 52),
        .part_count = bytes_get_u16(bytes + 54),
    };
    return ret_header->part < ret_header->part_count && ret_header->ordinal > 0 &&
           ret_header->sequence > 0;
}

void log_buffer_init(struct log_buffer *buffer) {
    *buffer = (struct log_buffer){.cap = BUFFER_FIRST};
    buffer->bytes = aligned_alloc(LOG_BLOCK, buffer->cap);
    CHECK(buffer->bytes);
}

void log_buffer_fini(struct log_buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct log_buffer){0};
}

void log_buffer_clear(struct log_buffer *buffer) {
    if (buffer->cap > BUFFER_KEPT_MAX) {
        log_buffer_fini(buffer);
        log_buffer_init(buffer);
    }
    buffer->len = 0;
}

char *log_buffer_add(struct log_buffer *buffer, size_t len) {
    size_t need = bytes_round_up(LOG_HEADER_LEN + buffer->len + len, LOG_BLOCK);
    if (need > buffer->cap) {
        size_t cap = buffer->cap;
        while (cap < need) cap *= 2;
        char *moved = aligned_alloc(LOG_BLOCK, cap);
        CHECK(moved);
        memcpy(moved, buffer->bytes, LOG_HEADER_LEN + buffer->len);
        free(buffer->bytes);
        buffer->bytes = moved;
        buffer->cap = cap;
    }
    char *at = buffer->bytes + LOG_HEADER_LEN + buffer->len;
    buffer->len += len;
    return at;
}

struct status log_file_open(const struct log_config *config, unsigned flags, int *ret_fd) {
    return fs_open_write(config->fs, config->dir_fd, log_name, flags | FS_DIRECT, ret_fd);
}

struct status log_segments_write(const struct log_config *config, int fd, unsigned from,
                                 unsigned to) {
    size_t piece =
        config->segment_bytes < GROW_WRITE_BYTES ? config->segment_bytes : (size_t)GROW_WRITE_BYTES;
    char *zeros = aligned_alloc(LOG_BLOCK, piece);
    CHECK(zeros);
    memset(zeros, 0, piece);
    struct status s = fs_preallocate(config->fs, fd, to * config->segment_bytes);
    for (uint64_t at = from * config->segment_bytes; is_ok(s) && at < to * config->segment_bytes;
         at += piece) {
        s = fs_write(config->fs, fd, at, slice_of(zeros, piece));
    }
    if (is_ok(s)) s = fs_sync_data(config->fs, fd);
    free(zeros);
    return s;
}

struct status log_create(const struct log_config *config, struct note *note) {
    int fd = -1;
    struct status s = log_file_open(config, FS_CREATE, &fd);
    if (is_ok(s)) s = log_segments_write(config, fd, 0, config->segments_min);
    fs_close(config->fs, &fd);
    if (is_ok(s)) s = fs_dir_sync(config->fs, config->dir_fd);
    if (!is_ok(s)) note_set(note, "can't make the log: %s", status_text(s.code));
    return s;
}

int log_slot_find(const struct log *log, uint64_t ordinal) {
    if (ordinal == 0) return -1;
    for (unsigned i = 0; i < log->slot_count; i++) {
        if (log->slots[i].ordinal == ordinal) return (int)i;
    }
    return -1;
}

/* Bytes that a segment has left behind the tail. Called under the lock. */
static uint64_t tail_room(const struct log *log) {
    return log->tail.ordinal == 0 ? 0 : log->config.segment_bytes - log->tail.offset;
}

static uint64_t group_bytes(size_t payload_len) {
    return bytes_round_up(LOG_HEADER_LEN + (uint64_t)payload_len, LOG_BLOCK);
}

/* How many free segments a group needs. Called under the lock. */
static uint64_t segments_needed(const struct log *log, size_t payload_len) {
    if (group_bytes(payload_len) <= tail_room(log)) return 0;
    uint64_t per_segment = log->config.segment_bytes - LOG_HEADER_LEN;
    return (payload_len + per_segment - 1) / per_segment;
}

bool log_room(struct log *log, size_t payload_len) {
    pthread_mutex_lock(&log->lock);
    uint64_t needed = segments_needed(log, payload_len);
    bool room = needed <= log->free_count;
    bool short_soon = log->free_count < needed + log->slot_count / 2;
    if (short_soon && !log->wants_more && !log->growing_failed &&
        log->slot_count < log->config.segments_max) {
        log->wants_more = true;
        pthread_cond_broadcast(&log->changed);
    }
    pthread_mutex_unlock(&log->lock);
    return room;
}

void log_room_wait(struct log *log, int64_t timeout_ns) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t at_ns = until.tv_nsec + timeout_ns;
    until.tv_sec += at_ns / NS_PER_S;
    until.tv_nsec = at_ns % NS_PER_S;
    pthread_mutex_lock(&log->lock);
    pthread_cond_timedwait(&log->changed, &log->lock, &until);
    pthread_mutex_unlock(&log->lock);
}

/* Takes the free slot with the lowest number for the next segment, and moves the tail to it. */
static int segment_begin(struct log *log) {
    pthread_mutex_lock(&log->lock);
    int slot = 0;
    while (log->slots[slot].ordinal != 0) slot++;
    CHECK(log->free_count > 0 && (unsigned)slot < log->slot_count);
    log->tail.ordinal++;
    log->tail.offset = 0;
    log->slots[slot].ordinal = log->tail.ordinal;
    log->free_count--;
    if (log->oldest == 0) log->oldest = log->tail.ordinal;
    pthread_mutex_unlock(&log->lock);
    return slot;
}

/* What a part of the next group says in its header. */
static struct log_header part_header(const struct log *log, struct slice payload, unsigned part,
                                     unsigned part_count) {
    return (struct log_header){
        .sequence = log->tail.sequence,
        .ordinal = log->tail.ordinal,
        .offset = log->tail.offset,
        .epoch = log->epoch,
        .membership_epoch = log->config.mirror ? (uint32_t)mirror_epoch(log->config.mirror) : 0,
        .payload_len = (uint32_t)payload.len,
        .payload_sum = checksum_crc32c(0, payload.ptr, payload.len),
        .part = (uint16_t)part,
        .part_count = (uint16_t)part_count,
    };
}

/*
 * Writes one part, whose header and padding go around the payload in `bytes`. Where there are
 * several copies, the last one is made durable at once, with all before it.
 */
static struct status part_write(struct log *log, int slot, char *bytes,
                                const struct log_header *header) {
    size_t len = group_bytes(header->payload_len);
    size_t used = LOG_HEADER_LEN + header->payload_len;
    memset(bytes + used, 0, len - used);
    log_header_encode(header, log->config.ring_id, bytes);
    uint64_t at = log_file_offset(log, slot, header->offset);
    if (log->config.mirror && header->part + 1 == header->part_count) {
        TRY(mirror_write_durable(log->config.mirror, log->fd, at, slice_of(bytes, len)));
    } else {
        TRY(fs_write(log->config.fs, log->fd, at, slice_of(bytes, len)));
    }
    pthread_mutex_lock(&log->lock);
    log->tail.offset += (uint32_t)len;
    pthread_mutex_unlock(&log->lock);
    return status_ok();
}

/* Cuts the payload into parts of a segment each. */
static struct status parts_write(struct log *log, struct slice payload) {
    size_t per_segment = log->config.segment_bytes - LOG_HEADER_LEN;
    unsigned count = (unsigned)((payload.len + per_segment - 1) / per_segment);
    if (!log->spare) log->spare = aligned_alloc(LOG_BLOCK, log->config.segment_bytes);
    CHECK(log->spare);
    for (unsigned part = 0; part < count; part++) {
        int slot = segment_begin(log);
        struct slice piece = slice_take(payload, per_segment);
        memcpy(log->spare + LOG_HEADER_LEN, piece.ptr, piece.len);
        struct log_header header = part_header(log, piece, part, count);
        TRY(part_write(log, slot, log->spare, &header));
        payload = slice_skip(payload, piece.len);
    }
    return status_ok();
}

static struct status group_write(struct log *log, struct log_buffer *buffer) {
    struct slice payload = slice_of(buffer->bytes + LOG_HEADER_LEN, buffer->len);
    pthread_mutex_lock(&log->lock);
    bool fits = group_bytes(payload.len) <= tail_room(log);
    int slot = log_slot_find(log, log->tail.ordinal);
    pthread_mutex_unlock(&log->lock);
    if (!fits) {
        if (group_bytes(payload.len) > log->config.segment_bytes) return parts_write(log, payload);
        slot = segment_begin(log);
    }
    struct log_header header = part_header(log, payload, 0, 1);
    return part_write(log, slot, buffer->bytes, &header);
}

struct status log_append(struct log *log, struct log_buffer *buffer, uint64_t *ret_sequence) {
    CHECK(buffer->len > 0);
    /* L2: the next group is written only after this one is durable. */
    TRY(group_write(log, buffer));
    if (!log->config.mirror) TRY(fs_sync_data(log->config.fs, log->fd));
    pthread_mutex_lock(&log->lock);
    bool broken = log->broken;
    if (!broken) *ret_sequence = log->tail.sequence++;
    pthread_mutex_unlock(&log->lock);
    return broken ? status_of(STATUS_IO) : status_ok();
}

struct log_position log_tail(struct log *log) {
    pthread_mutex_lock(&log->lock);
    struct log_position tail = log->tail;
    pthread_mutex_unlock(&log->lock);
    return tail;
}

void log_release(struct log *log, struct log_position from) {
    pthread_mutex_lock(&log->lock);
    for (unsigned i = 0; i < log->slot_count; i++) {
        /* L4: the segment of `from` stays, as that of the tail does. */
        if (log->slots[i].ordinal == 0 || log->slots[i].ordinal >= from.ordinal) continue;
        log->slots[i].ordinal = 0;
        log->free_count++;
    }
    if (log->oldest < from.ordinal) log->oldest = from.ordinal;
    log->growing_failed = false;
    pthread_cond_broadcast(&log->changed);
    pthread_mutex_unlock(&log->lock);
}

uint64_t log_used_bytes(struct log *log) {
    pthread_mutex_lock(&log->lock);
    uint64_t used = (uint64_t)(log->slot_count - log->free_count) * log->config.segment_bytes;
    used -= used > 0 ? tail_room(log) : 0;
    pthread_mutex_unlock(&log->lock);
    return used;
}

uint64_t log_limit_bytes(const struct log *log) {
    return log->config.segments_max * log->config.segment_bytes;
}

uint64_t log_file_bytes(struct log *log) {
    pthread_mutex_lock(&log->lock);
    uint64_t bytes = log->slot_count * log->config.segment_bytes;
    pthread_mutex_unlock(&log->lock);
    return bytes;
}

/* Whether the drive has a segment to spare. */
static bool drive_has_room(const struct log *log) {
    struct fs_space space;
    if (!is_ok(fs_space_read(log->config.fs, log->config.dir_fd, &space))) return false;
    return space.free_bytes >= GROW_KEEP_FREE_BYTES + log->config.segment_bytes;
}

/* Doubles the ring as long as that is no more than it may have. Called without the lock. */
static void grow(struct log *log, unsigned count) {
    unsigned more = count < log->config.segments_max / 4 ? count : log->config.segments_max / 4;
    if (more == 0) more = 1;
    if (count + more > log->config.segments_max) more = log->config.segments_max - count;
    /* One by one, so that the first is there soon. */
    for (unsigned i = 0; i < more; i++) {
        struct status s = status_of(STATUS_NO_SPACE);
        if (drive_has_room(log)) {
            s = log_segments_write(&log->config, log->fd, count + i, count + i + 1);
        }
        pthread_mutex_lock(&log->lock);
        bool closing = log->closing;
        if (is_ok(s)) {
            log->slots[log->slot_count++] = (struct log_slot){0};
            log->free_count++;
        }
        log->growing_failed = !is_ok(s);
        if (!is_ok(s) && !status_is(s, STATUS_NO_SPACE)) log->broken = true;
        pthread_cond_broadcast(&log->changed);
        pthread_mutex_unlock(&log->lock);
        if (!is_ok(s) || closing) return;
    }
}

static void *grower_run(void *argument) {
    struct log *log = argument;
    pthread_mutex_lock(&log->lock);
    while (!log->closing) {
        if (!log->wants_more) {
            pthread_cond_wait(&log->changed, &log->lock);
            continue;
        }
        unsigned count = log->slot_count;
        pthread_mutex_unlock(&log->lock);
        grow(log, count);
        pthread_mutex_lock(&log->lock);
        log->wants_more = false;
    }
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

struct status log_grower_start(struct log *log, struct note *note) {
    struct thread_config config = {
        .name = "hink-log",
        .stack_size_bytes = GROWER_STACK_BYTES,
        .run = grower_run,
        .argument = log,
    };
    TRY(thread_start(&config, note, &log->grower));
    log->has_grower = true;
    return status_ok();
}

void log_close(struct log **log) {
    struct log *self = *log;
    if (!self) return;
    pthread_mutex_lock(&self->lock);
    self->closing = true;
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
    if (self->has_grower) thread_join(&self->grower);
    fs_close(self->config.fs, &self->fd);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self->slots);
    free(self->spare);
    free(self);
    *log = NULL;
}
