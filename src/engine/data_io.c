/* Calls on the pieces of a blob: side by side, and none waited for longer than the deadline. */
#include <stdlib.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/data_store.h"

/* ---- buffers ---- */

struct data_buffer *data_buffer_new(size_t len) {
    struct data_buffer *buffer = malloc(sizeof *buffer);
    CHECK(buffer);
    atomic_init(&buffer->holders, 1);
    buffer->len = len;
    buffer->bytes = aligned_alloc(EXTENT_UNIT, len);
    CHECK(buffer->bytes);
    return buffer;
}

struct data_buffer *data_buffer_hold(struct data_buffer *buffer) {
    if (buffer) atomic_fetch_add(&buffer->holders, 1);
    return buffer;
}

void data_buffer_drop(struct data_buffer **buffer) {
    struct data_buffer *self = *buffer;
    *buffer = NULL;
    if (!self || atomic_fetch_sub(&self->holders, 1) > 1) return;
    free(self->bytes);
    free(self);
}

/* ---- one call ---- */

/* A call with all it touches: the piece is moved into it, and back if it ends in time. */
struct call_task {
    struct timely_task task;
    struct data_call call;
    struct piece piece;
    struct data_buffer *buffer;
    struct status status;
};

/* Room is wanted, but needed only up to the end of the bytes. */
static struct status call_run(struct piece *piece, const struct data_call *call) {
    uint64_t needed = (call->offset + call->len + EXTENT_UNIT - 1) / EXTENT_UNIT;
    if (call->sync) return piece_sync(piece);
    struct status s = piece_reserve(piece, call->units > needed ? call->units : needed);
    if (status_is(s, STATUS_NO_SPACE) && piece->units >= needed) s = status_ok();
    return is_ok(s) ? piece_write(piece, call->offset, slice_of(call->bytes, call->len)) : s;
}

static void task_run(struct timely_task *task) {
    struct call_task *self = CONTAINER_OF(task, struct call_task, task);
    self->status = call_run(&self->piece, &self->call);
}

/* The extents stay taken: the drive may still write to them. The next start has them free. */
static void task_drop(struct timely_task *task) {
    struct call_task *self = CONTAINER_OF(task, struct call_task, task);
    piece_fini(&self->piece);
    data_buffer_drop(&self->buffer);
    free(self);
}

static struct call_task *task_new(const struct data_call *call, struct data_buffer *buffer) {
    struct call_task *self = calloc(1, sizeof *self);
    CHECK(self);
    self->task.run = task_run;
    self->task.drop = task_drop;
    self->call = *call;
    self->piece = *call->piece;
    self->buffer = data_buffer_hold(buffer);
    return self;
}

int64_t data_io_deadline_ns(const struct data_store *store) {
    return (int64_t)store->config.io_deadline_ms * NS_PER_MS;
}

/* Takes the piece back from a task that has ended, or gives it up. */
static void call_settle(struct data_call *call, struct timely_task *task) {
    if (task) {
        struct call_task *self = CONTAINER_OF(task, struct call_task, task);
        *call->piece = self->piece;
        call->status = self->status;
        self->piece = (struct piece){0};
        task_drop(task);
    } else {
        drive_hang(call->piece->volumes->drive);
        piece_init(call->piece, 0, NULL);
        call->status = status_of(STATUS_TIMEOUT);
    }
}

void data_flight_begin(struct data_store *store, struct data_flight *flight) {
    for (size_t i = 0; i < flight->count; i++) {
        struct data_call *call = &flight->calls[i];
        flight->tasks[i] = NULL;
        if (!store->timely) {
            call->status = call_run(call->piece, call);
            continue;
        }
        flight->tasks[i] = &task_new(call, call->buffer ? call->buffer : flight->buffer)->task;
        timely_submit(store->timely, flight->tasks[i]);
    }
}

void data_flight_wait(struct data_store *store, struct data_flight *flight) {
    if (!store->timely) return;
    timely_wait(store->timely, flight->tasks, flight->count, data_io_deadline_ns(store));
    for (size_t i = 0; i < flight->count; i++) call_settle(&flight->calls[i], flight->tasks[i]);
}

void data_calls_run(struct data_store *store, struct data_call *calls, size_t count,
                    struct data_buffer *buffer) {
    struct data_flight flight = {.count = count, .buffer = buffer};
    CHECK(count <= LAYOUT_PIECES_MAX);
    for (size_t i = 0; i < count; i++) flight.calls[i] = calls[i];
    data_flight_begin(store, &flight);
    data_flight_wait(store, &flight);
    for (size_t i = 0; i < count; i++) calls[i] = flight.calls[i];
}

/* ---- room ---- */

/* A search for room that makes the volumes grow. */
struct room_task {
    struct timely_task task;
    struct volumes *volumes;
    uint64_t units;
    bool promised;
    bool finds; /* a run; else it reserves */
    struct extent extent;
    struct status status;
};

static void room_run(struct timely_task *task) {
    struct room_task *self = CONTAINER_OF(task, struct room_task, task);
    self->status = self->finds ? volumes_find_run(self->volumes, (uint32_t)self->units,
                                                  self->promised, &self->extent)
                               : volumes_reserve(self->volumes, self->units);
}

static void room_drop(struct timely_task *task) {
    free(CONTAINER_OF(task, struct room_task, task));
}

/* Runs it within the deadline. */
static struct status room_find(struct data_store *store, struct room_task *wanted) {
    if (!store->timely) {
        room_run(&wanted->task);
        return wanted->status;
    }
    struct room_task *self = malloc(sizeof *self);
    CHECK(self);
    *self = *wanted;
    self->task = (struct timely_task){.run = room_run, .drop = room_drop};
    struct timely_task *task = &self->task;
    timely_submit(store->timely, task);
    if (timely_wait(store->timely, &task, 1, data_io_deadline_ns(store)) > 0) {
        drive_hang(wanted->volumes->drive);
        return status_of(STATUS_IO);
    }
    *wanted = *self;
    free(self);
    return wanted->status;
}

struct status data_reserve(struct data_store *store, struct volumes *volumes, uint64_t units) {
    if (!drive_takes_writes(volumes->drive)) return status_of(STATUS_IO);
    if (volumes_try_reserve(volumes, units)) return status_ok();
    struct room_task wanted = {.volumes = volumes, .units = units};
    return room_find(store, &wanted);
}

struct status data_find_run(struct data_store *store, struct volumes *volumes, uint32_t units,
                            bool promised, struct extent *ret_extent) {
    if (volumes_try_run(volumes, units, promised, ret_extent)) return status_ok();
    struct room_task wanted = {
        .volumes = volumes, .units = units, .promised = promised, .finds = true};
    TRY(room_find(store, &wanted));
    *ret_extent = wanted.extent;
    return status_ok();
}

/* ---- reading ---- */

struct read_task {
    struct timely_task task;
    struct piece part; /* of the piece: what is to be read */
    uint64_t offset;   /* within it */
    size_t len;
    bool direct;
    struct data_buffer *buffer;
    struct status status;
};

static void read_run(struct timely_task *task) {
    struct read_task *self = CONTAINER_OF(task, struct read_task, task);
    self->status =
        piece_read(&self->part, self->offset, self->buffer->bytes, self->len, self->direct);
}

static void read_drop(struct timely_task *task) {
    struct read_task *self = CONTAINER_OF(task, struct read_task, task);
    piece_fini(&self->part);
    data_buffer_drop(&self->buffer);
    free(self);
}

struct status data_piece_read(struct data_store *store, const struct piece *piece, uint64_t offset,
                              void *out, size_t len, bool direct) {
    if (!store->timely) return piece_read(piece, offset, out, len, direct);
    if (!piece->volumes) return status_of(STATUS_IO);
    struct read_task *self = calloc(1, sizeof *self);
    CHECK(self);
    self->task.run = read_run;
    self->task.drop = read_drop;
    self->offset = piece_part(piece, offset, len, &self->part);
    self->len = len;
    self->direct = direct;
    self->buffer = data_buffer_new((len + EXTENT_UNIT - 1) / EXTENT_UNIT * EXTENT_UNIT);
    struct timely_task *task = &self->task;
    timely_submit(store->timely, task);
    if (timely_wait(store->timely, &task, 1, data_io_deadline_ns(store)) > 0) {
        drive_hang(piece->volumes->drive);
        return status_of(STATUS_IO);
    }
    struct status s = self->status;
    if (is_ok(s)) memcpy(out, self->buffer->bytes, len);
    read_drop(task);
    return s;
}

/* ---- writing again ---- */

struct status data_piece_write(struct data_store *store, const struct piece *piece, uint64_t offset,
                               struct slice bytes) {
    struct piece part;
    struct data_buffer *buffer = data_buffer_new(bytes.len);
    memcpy(buffer->bytes, bytes.ptr, bytes.len);
    struct data_call call = {
        .piece = &part,
        .offset = piece_part(piece, offset, bytes.len, &part),
        .bytes = buffer->bytes,
        .len = bytes.len,
    };
    data_calls_run(store, &call, 1, buffer);
    piece_fini(&part);
    data_buffer_drop(&buffer);
    return call.status;
}
