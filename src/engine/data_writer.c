#include <endian.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/checksum.h"
#include "engine/data_move.h"
#include "engine/data_store.h"

enum {
    WINDOW_COPIES = 16, /* stripes that are collected before they are written: 1 MiB a piece */
    WINDOW_PARITY = 4,  /* with an erasure code, 256 KiB a piece */
    INLINE_FIRST = 4 * 1024,
    RESERVE_UNITS_MAX = 64 * 1024 * 1024 / EXTENT_UNIT, /* at a time */
    ID_MAY_BE_STRIPED = 0x80,
    REPLACE_TRIES = 3,
};

struct data_writer {
    struct blob_writer writer;
    struct data_store *store;
    struct kv_partition partition;
    const struct data_kept_policy *policy;
    uint64_t size_hint;
    char *small; /* all bytes, as long as they are few */
    size_t small_len;
    size_t small_cap;
    uint32_t small_sum;
    bool is_promised;
    struct data_promise promise; /* room for the small bytes */
    bool is_striped;
    unsigned window;           /* stripes of a piece in the buffer */
    struct data_buffer *cells; /* piece after piece, `window` blocks each; copies share the first */
    struct data_buffer *spare; /* is filled while the other is written; NULL: none yet */
    struct data_flight flight; /* of what is being written; count 0: nothing is */
    size_t filled;             /* bytes of the blob in the buffer */
    uint64_t stripes_done;     /* written */
    uint64_t flushed;          /* bytes of the blob in them */
    uint32_t *sums[LAYOUT_PIECES_MAX]; /* of the group that is being written */
    struct piece pieces[LAYOUT_PIECES_MAX];
    uint32_t joined[LAYOUT_PIECES_MAX]; /* the drives of the pieces, until the record is there */
    unsigned alive;                     /* pieces that are not lost */
};

static struct data_writer *writer_of(struct blob_writer *writer) {
    return CONTAINER_OF(writer, struct data_writer, writer);
}

static const struct parity *code_of(const struct data_writer *self) {
    return &self->policy->parity;
}

static unsigned pieces_of(const struct data_writer *self) {
    return code_of(self)->data + code_of(self)->parity;
}

/* The buffers and tables there are: one for all copies. */
static unsigned buffers_of(const struct data_writer *self) {
    return code_of(self)->data == 1 ? 1 : pieces_of(self);
}

static unsigned char *cell_in(const struct data_writer *self, const struct data_buffer *cells,
                              unsigned piece, unsigned stripe) {
    unsigned buffer = code_of(self)->data == 1 ? 0 : piece;
    return cells->bytes + ((size_t)buffer * self->window + stripe) * LAYOUT_BLOCK;
}

static unsigned char *cell_at(const struct data_writer *self, unsigned piece, unsigned stripe) {
    return cell_in(self, self->cells, piece, stripe);
}

static size_t cells_len(const struct data_writer *self) {
    return (size_t)buffers_of(self) * self->window * LAYOUT_BLOCK;
}

static size_t stripe_bytes(const struct data_writer *self) {
    return (size_t)code_of(self)->data * LAYOUT_BLOCK;
}

/* ---- pieces ---- */

/* Says that the piece lies on that drive from now on, 0: on none; false: it can't. */
static bool piece_join(struct data_writer *self, unsigned index, uint32_t number) {
    if (number > 0 && !data_drive_join(self->store, number)) return false;
    data_drive_leave(self->store, self->joined[index]);
    self->joined[index] = number;
    return true;
}

/* Gives a piece up, and goes on if enough are left. */
static struct status piece_lose(struct data_writer *self, unsigned index, struct status why) {
    struct piece *piece = &self->pieces[index];
    piece_trim(piece, 0);
    piece_fini(piece);
    piece_init(piece, 0, NULL);
    piece_join(self, index, 0);
    self->alive--;
    if (self->alive >= self->policy->min_pieces) return status_ok();
    return status_is(why, STATUS_NO_SPACE) ? why : status_of(STATUS_IO);
}

/* How many units a piece is to have once `bytes` are in it: all that is hinted at, in large steps.
 */
static uint64_t units_wanted(const struct data_writer *self, const struct piece *piece,
                             uint64_t bytes) {
    uint64_t units = (bytes + EXTENT_UNIT - 1) / EXTENT_UNIT;
    if (piece->units >= units) return piece->units;
    uint64_t wanted = units + piece->units; /* twice as much as before */
    if (self->size_hint <= BLOB_SIZE_MAX && self->size_hint > 0) {
        struct layout hinted = {self->size_hint, code_of(self)->data, code_of(self)->parity};
        wanted = layout_piece_units(&hinted);
    }
    if (wanted > piece->units + RESERVE_UNITS_MAX) wanted = piece->units + RESERVE_UNITS_MAX;
    return wanted > units ? wanted : units;
}

/* Puts the piece on another drive, if there is one; only while nothing of it is written. */
static bool piece_replace(struct data_writer *self, unsigned index) {
    uint32_t taken[LAYOUT_PIECES_MAX];
    for (unsigned i = 0; i < pieces_of(self); i++) taken[i] = self->pieces[i].drive;
    uint32_t number;
    if (data_drives_choose(self->store, self->policy, taken, pieces_of(self), 1, &number) == 0) {
        return false;
    }
    if (!piece_join(self, index, number)) return false;
    piece_trim(&self->pieces[index], 0);
    piece_fini(&self->pieces[index]);
    piece_init(&self->pieces[index], number, data_volumes_to_write(self->store, number));
    return true;
}

/* What came of the calls: a piece that failed is put elsewhere, or given up. */
static struct status calls_settle(struct data_writer *self, struct data_call *calls, size_t count,
                                  struct data_buffer *buffer) {
    for (size_t i = 0; i < count; i++) {
        struct data_call *call = &calls[i];
        unsigned index = (unsigned)(call->piece - self->pieces);
        bool first = call->offset == 0 && !call->sync;
        for (int n = 0; !is_ok(call->status) && first && n < REPLACE_TRIES; n++) {
            if (!piece_replace(self, index)) break;
            call->units = units_wanted(self, call->piece, call->len);
            data_calls_run(self->store, call, 1, buffer);
        }
        if (!is_ok(call->status)) TRY(piece_lose(self, index, call->status));
    }
    return status_ok();
}

/* Where the bytes of the pieces are: one after the other in a buffer, `stride` apart. */
struct spread {
    struct data_buffer *buffer;
    size_t stride;
    size_t len;
};

/* Waits for what is being written. A buffer that a late call still holds is left to it. */
static struct status flight_end(struct data_writer *self) {
    struct data_flight *flight = &self->flight;
    if (flight->count == 0) return status_ok();
    data_flight_wait(self->store, flight);
    struct status s = calls_settle(self, flight->calls, flight->count, flight->buffer);
    flight->count = 0;
    bool ours = atomic_load(&flight->buffer->holders) == 1;
    if (ours && !self->spare && flight->buffer->len == cells_len(self)) {
        self->spare = flight->buffer;
        flight->buffer = NULL;
    }
    data_buffer_drop(&flight->buffer);
    return s;
}

/* Begins to write to every piece that is left, at the same place of each. Copies share their bytes.
 */
static struct status pieces_put(struct data_writer *self, uint64_t offset,
                                const struct spread *from) {
    TRY(flight_end(self));
    struct data_call *calls = self->flight.calls;
    size_t count = 0;
    for (unsigned i = 0; i < pieces_of(self); i++) {
        struct piece *piece = &self->pieces[i];
        unsigned slot = code_of(self)->data == 1 ? 0 : i;
        if (piece->drive == 0) continue;
        calls[count++] = (struct data_call){
            .piece = piece,
            .units = units_wanted(self, piece, offset + from->len),
            .offset = offset,
            .bytes = from->buffer->bytes + slot * from->stride,
            .len = from->len,
        };
    }
    self->flight.count = count;
    self->flight.buffer = data_buffer_hold(from->buffer);
    data_flight_begin(self->store, &self->flight);
    return status_ok();
}

static struct status pieces_sync(struct data_writer *self) {
    struct data_call calls[LAYOUT_PIECES_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < pieces_of(self); i++) {
        if (self->pieces[i].drive == 0) continue;
        calls[count++] = (struct data_call){.piece = &self->pieces[i], .sync = true};
    }
    data_calls_run(self->store, calls, count, NULL);
    return calls_settle(self, calls, count, NULL);
}

/* ---- stripes ---- */

/* The table of the group before goes behind it, now that there is one after it. */
static struct status tables_put(struct data_writer *self, uint64_t group) {
    struct data_buffer *tables = data_buffer_new((size_t)buffers_of(self) * LAYOUT_TABLE_SPACE);
    for (unsigned i = 0; i < buffers_of(self); i++) {
        struct layout_table_of whose = {self->partition, self->writer.id, i, group};
        layout_table_print(self->sums[i], &whose,
                           (char *)tables->bytes + (size_t)i * LAYOUT_TABLE_SPACE);
    }
    struct spread spread = {tables, LAYOUT_TABLE_SPACE, LAYOUT_TABLE_SPACE};
    struct status s = pieces_put(self, layout_table_offset(group), &spread);
    data_buffer_drop(&tables);
    return s;
}

/* Sums up the cells of a buffer: `count` of `cell` bytes. */
static void sums_take(struct data_writer *self, unsigned buffer, unsigned count, size_t cell) {
    for (unsigned i = 0; i < count; i++) {
        size_t index = (size_t)((self->stripes_done + i) % LAYOUT_GROUP_BLOCKS);
        self->sums[buffer][index] = checksum_crc32c(0, cell_at(self, buffer, i), cell);
    }
}

/* Sees to it that there are cells to fill, after the ones before were left to the drives. */
static void cells_ready(struct data_writer *self) {
    if (self->cells) return;
    self->cells = self->spare ? self->spare : data_buffer_new(cells_len(self));
    self->spare = NULL;
}

/* Writes the first `count` stripes of the buffer, of cells of `cell` bytes; one if that is less
 * than a block. They are of one group, as a window divides it. */
static struct status stripes_put(struct data_writer *self, unsigned count, size_t cell) {
    uint64_t group = self->stripes_done / LAYOUT_GROUP_BLOCKS;
    bool first = self->stripes_done % LAYOUT_GROUP_BLOCKS == 0;
    if (first && group > 0) TRY(tables_put(self, group - 1));
    size_t len = count * cell;
    unsigned char *data[LAYOUT_PIECES_MAX];
    unsigned char *parity[LAYOUT_PIECES_MAX];
    if (code_of(self)->data > 1) {
        for (unsigned i = 0; i < code_of(self)->data; i++) data[i] = cell_at(self, i, 0);
        for (unsigned i = 0; i < code_of(self)->parity; i++) {
            parity[i] = cell_at(self, code_of(self)->data + i, 0);
        }
        parity_encode(code_of(self), len, data, parity);
    }
    for (unsigned i = 0; i < buffers_of(self); i++) sums_take(self, i, count, cell);
    struct spread spread = {self->cells, (size_t)self->window * LAYOUT_BLOCK, len};
    TRY(pieces_put(self, layout_block_offset(self->stripes_done), &spread));
    self->stripes_done += count;
    data_buffer_drop(&self->cells); /* the flight holds them */
    return status_ok();
}

/* Moves what is left of a buffer, less than a stripe, to short cells at the beginning of ours. */
static size_t last_stripe_deal(struct data_writer *self, const struct data_buffer *from,
                               unsigned stripe, size_t rest) {
    struct layout layout = {rest, code_of(self)->data, code_of(self)->parity};
    size_t cell = layout_cell(&layout, 0);
    cells_ready(self);
    unsigned char *linear = calloc(code_of(self)->data, cell);
    CHECK(linear);
    for (size_t at = 0; at < rest;) {
        unsigned piece = (unsigned)(at / LAYOUT_BLOCK);
        size_t n = rest - at < LAYOUT_BLOCK ? rest - at : LAYOUT_BLOCK;
        memcpy(linear + at, cell_in(self, from, piece, stripe), n);
        at += n;
    }
    for (unsigned i = 0; i < code_of(self)->data; i++) {
        memcpy(cell_at(self, i, 0), linear + i * cell, cell);
    }
    free(linear);
    return cell;
}

/* Writes the buffer; only the last flush has less than whole stripes. */
static struct status flush(struct data_writer *self) {
    unsigned whole = (unsigned)(self->filled / stripe_bytes(self));
    size_t rest = self->filled % stripe_bytes(self);
    struct data_buffer *full = data_buffer_hold(self->cells);
    struct status s = status_ok();
    if (whole > 0) s = stripes_put(self, whole, LAYOUT_BLOCK);
    if (is_ok(s) && rest > 0) {
        s = stripes_put(self, 1, last_stripe_deal(self, full, whole, rest));
    }
    data_buffer_drop(&full);
    self->flushed += self->filled;
    self->filled = 0;
    return s;
}

static struct status striped_write(struct data_writer *self, struct slice bytes) {
    cells_ready(self);
    while (bytes.len > 0) {
        size_t within = self->filled % stripe_bytes(self);
        unsigned stripe = (unsigned)(self->filled / stripe_bytes(self));
        unsigned piece = (unsigned)(within / LAYOUT_BLOCK);
        size_t from = within % LAYOUT_BLOCK;
        struct slice part = slice_take(bytes, LAYOUT_BLOCK - from);
        memcpy(cell_at(self, piece, stripe) + from, part.ptr, part.len);
        self->filled += part.len;
        bytes = slice_skip(bytes, part.len);
        if (self->filled < self->window * stripe_bytes(self)) continue;
        TRY(flush(self));
        if (bytes.len > 0) cells_ready(self);
    }
    return status_ok();
}

/* ---- the writer ---- */

/* Begins with what there is; `is_all`: nothing more comes. */
static struct status striped_begin(struct data_writer *self, bool is_all) {
    uint32_t numbers[LAYOUT_PIECES_MAX] = {0};
    unsigned pieces = pieces_of(self);
    self->alive = data_drives_choose(self->store, self->policy, NULL, 0, pieces, numbers);
    for (unsigned i = 0; i < pieces; i++) {
        if (piece_join(self, i, numbers[i])) continue;
        numbers[i] = 0;
        self->alive--;
    }
    if (self->alive < self->policy->min_pieces) return status_of(STATUS_BUSY);
    for (unsigned i = 0; i < pieces; i++) {
        piece_init(&self->pieces[i], numbers[i], data_volumes_to_write(self->store, numbers[i]));
    }
    self->is_striped = true;
    self->window = code_of(self)->data == 1 ? WINDOW_COPIES : WINDOW_PARITY;
    if (is_all) self->window = 1;
    for (unsigned i = 0; i < buffers_of(self); i++) {
        self->sums[i] = malloc(sizeof(uint32_t) * LAYOUT_GROUP_BLOCKS);
        CHECK(self->sums[i]);
    }
    return striped_write(self, slice_of(self->small, self->small_len));
}

static void small_add(struct data_writer *self, struct slice bytes) {
    size_t need = self->small_len + bytes.len;
    if (need > self->small_cap) {
        size_t cap = self->small_cap ? self->small_cap : INLINE_FIRST;
        while (cap < need) cap *= 2;
        self->small = realloc(self->small, cap);
        CHECK(self->small);
        self->small_cap = cap;
    }
    if (bytes.len > 0) memcpy(self->small + self->small_len, bytes.ptr, bytes.len);
    self->small_len = need;
}

static struct status data_write(struct blob_writer *writer, struct slice bytes) {
    struct data_writer *self = writer_of(writer);
    if (!self->is_striped && self->small_len + bytes.len <= DATA_INLINE_MAX) {
        small_add(self, bytes);
        return status_ok();
    }
    if (!self->is_striped) TRY(striped_begin(self, false));
    return striped_write(self, bytes);
}

/* Room for a small body is promised before it is admitted; where there is none, what was deleted
 * is given back first. */
static struct status small_promise(struct data_writer *self) {
    struct data_store *store = self->store;
    struct status s = data_promise_make(store, self->policy, self->small_len, &self->promise);
    if (status_is(s, STATUS_NO_SPACE) && data_reclaim(store, self->partition)) {
        s = data_promise_make(store, self->policy, self->small_len, &self->promise);
    }
    self->is_promised = is_ok(s);
    return s;
}

static struct status small_seal(struct data_writer *self) {
    self->small_sum = checksum_crc32c(0, self->small, self->small_len);
    if (data_move_is_tiny(self->store, self->policy, self->small_len)) return status_ok();
    if (data_move_may_ride(self->store, self->policy)) return small_promise(self);
    return striped_begin(self, true);
}

/* Gives up the pieces on drives that were removed meanwhile, whatever that loses. */
static struct status removed_lose(struct data_writer *self) {
    for (unsigned i = 0; i < pieces_of(self); i++) {
        const struct data_place *place = data_place(self->store, self->pieces[i].drive);
        if (place && atomic_load(&place->removed)) TRY(piece_lose(self, i, status_of(STATUS_IO)));
    }
    return status_ok();
}

/* Whatever the record will name is durable before it is (B5). */
static struct status data_seal(struct blob_writer *writer) {
    struct data_writer *self = writer_of(writer);
    if (!self->is_striped) TRY(small_seal(self));
    if (!self->is_striped) return status_ok();
    TRY(flush(self));
    TRY(flight_end(self));
    struct layout layout = {writer->size, code_of(self)->data, code_of(self)->parity};
    CHECK(self->flushed == writer->size && self->stripes_done == layout_stripes(&layout));
    for (unsigned i = 0; i < pieces_of(self); i++) {
        if (self->pieces[i].drive != 0) {
            piece_trim(&self->pieces[i], layout_piece_units(&layout));
        }
    }
    TRY(removed_lose(self));
    TRY(pieces_sync(self));
    if (self->alive < pieces_of(self)) atomic_fetch_add(&self->store->blobs_short, 1);
    return status_ok();
}

/* Whether pieces are missing, or lie on drives that were lost, or are being emptied, meanwhile. */
static bool is_short(const struct data_writer *self) {
    for (unsigned i = 0; i < pieces_of(self); i++) {
        if (!data_drive_is_well(self->store, self->pieces[i].drive)) return true;
    }
    return false;
}

static void mark_put(struct kv_batch *batch, enum blob_key_kind kind, struct blob_id id) {
    struct blob_key key = blob_key_make(kind, id);
    kv_batch_put(batch, blob_key_slice(&key), SLICE("\0"));
}

static void small_put(const struct data_writer *self, struct kv_batch *batch) {
    struct slice packed =
        data_promise_print(self->is_promised ? &self->promise : NULL,
                           slice_of(self->small, self->small_len), self->small_sum);
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, self->writer.id);
    kv_batch_put(batch, blob_key_slice(&key), packed);
    free((void *)(uintptr_t)packed.ptr);
}

static void data_bind(const struct blob_writer *writer, struct kv_batch *batch) {
    const struct data_writer *self = (const struct data_writer *)writer; /* its first member */
    if (!self->is_striped) {
        small_put(self, batch);
        return;
    }
    struct layout layout = {writer->size, code_of(self)->data, code_of(self)->parity};
    data_record_put(batch, writer->id, slice_str(self->policy->name), &layout, self->pieces,
                    self->sums);
    if (!(writer->id.bytes[0] & ID_MAY_BE_STRIPED)) mark_put(batch, BLOB_KEY_PLACED, writer->id);
    if (is_short(self)) mark_put(batch, BLOB_KEY_SHORT, writer->id);
}

static void data_writer_free(struct blob_writer **writer) {
    struct data_writer *self = writer_of(*writer);
    (void)is_ok(flight_end(self)); /* nobody asks any more */
    for (unsigned i = 0; i < LAYOUT_PIECES_MAX; i++) {
        if (self->is_striped && i < pieces_of(self)) piece_fini(&self->pieces[i]);
        data_drive_leave(self->store, self->joined[i]);
        free(self->sums[i]);
    }
    data_buffer_drop(&self->cells);
    data_buffer_drop(&self->spare);
    free(self->small);
    free(self);
    *writer = NULL;
}

static void data_commit(struct blob_writer **writer) {
    struct data_writer *self = writer_of(*writer);
    for (unsigned i = 0; self->is_striped && i < pieces_of(self); i++) {
        data_piece_count(self->store, self->pieces[i].drive, +1);
    }
    if (self->is_striped && is_short(self)) data_mend_wake(self->store);
    data_writer_free(writer);
}

static void data_abort(struct blob_writer **writer) {
    struct data_writer *self = writer_of(*writer);
    (void)is_ok(flight_end(self)); /* nobody asks any more */
    for (unsigned i = 0; self->is_striped && i < pieces_of(self); i++) {
        piece_trim(&self->pieces[i], 0);
    }
    if (self->is_promised) data_promise_drop(self->store, &self->promise);
    data_writer_free(writer);
}

static const struct blob_writer_ops data_writer_ops = {
    .write = data_write,
    .seal = data_seal,
    .bind = data_bind,
    .commit = data_commit,
    .abort = data_abort,
    .forget = data_writer_free,
};

/*
 * A bit that says whether the record may name extents, then milliseconds, then chance: the records
 * of a partition are written in about the order of their keys, which an index likes.
 */
static struct blob_id id_make(struct data_store *store, bool may_be_striped) {
    struct blob_id id;
    random_fill(store->random, id.bytes, sizeof id.bytes);
    uint64_t ms = (uint64_t)(clock_wall_ns(store->clock) / NS_PER_MS);
    uint64_t big = htobe64(ms << 16);
    memcpy(id.bytes, &big, 6);
    id.bytes[0] &= (uint8_t)~ID_MAY_BE_STRIPED;
    if (may_be_striped) id.bytes[0] |= ID_MAY_BE_STRIPED;
    return id;
}

struct status data_writer_begin(struct blob_store *store, struct kv_partition partition,
                                struct slice policy, uint64_t size_hint,
                                struct blob_writer **ret_writer) {
    struct data_store *self_store = data_of(store);
    const struct data_kept_policy *kept = data_policy_find(self_store, policy);
    if (!kept) return status_of(STATUS_NOT_FOUND);
    uint32_t numbers[LAYOUT_PIECES_MAX];
    bool small = size_hint <= DATA_INLINE_MAX && data_move_may_ride(self_store, kept);
    unsigned least = small ? 0 : kept->min_pieces;
    if (data_drives_choose(self_store, kept, NULL, 0, least, numbers) < least) {
        return status_of(STATUS_BUSY);
    }
    struct data_writer *self = calloc(1, sizeof *self);
    CHECK(self);
    self->writer.ops = &data_writer_ops;
    self->writer.id = id_make(self_store, !small);
    self->store = self_store;
    self->partition = partition;
    self->policy = kept;
    self->size_hint = size_hint;
    *ret_writer = &self->writer;
    return status_ok();
}
