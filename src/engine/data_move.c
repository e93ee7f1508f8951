#include "engine/data_move.h"

#include <stdlib.h>

#include "base/check.h"
#include "engine/bytes.h"
#include "engine/checksum.h"
#include "engine/data_lane.h"
#include "engine/moved_map.h"

enum {
    ROUNDS_MAX = 3,
    VALUES_BLOCK = 256 * 1024,
    RIDING_LEAST = 512, /* what the record of a moved body may take in the index */
    MORE_CHUNKS = 64,   /* that a checkpoint may begin */
    USED_KEY_KIND = 'u',
    PIECES_KEY_KIND = 'n',
    USED_LEN = 8,
    USED_MAX = 512,
    COLLECT_AT_ONCE = 1024,
    GONE_SHARE = 32, /* of what moved bodies take */
};

static const uint64_t gone_bytes_max = UINT64_C(64) << 20;
static const uint64_t gone_bytes_min = UINT64_C(4) << 20;

/* One cell of a body that is being moved. */
struct part {
    struct data_spot spot;
    uint32_t sum;
};

/* A body that is being moved. */
struct body {
    size_t change; /* its number among the changes */
    unsigned count;
    unsigned data;
    size_t cell;
    struct part *parts;
    bool lacks; /* pieces */
    bool stays; /* where it was */
};

/* A moved body that the index does not have any more. */
struct dropped {
    struct kv_partition partition;
    struct blob_id id;
    unsigned count;
    struct piece *pieces;
};

/* A figure that the index keeps: units that the moved bodies of a policy have (key 'b' 'u' POLICY),
 * pieces of moved bodies on a drive ('b' 'n' NUMBER). */
struct used {
    char key[2 + BLOB_POLICY_NAME_MAX];
    size_t key_len;
    int64_t count;
    int64_t change; /* in this checkpoint */
};

struct data_move {
    struct mover mover;
    struct data_store *store;
    pthread_mutex_t map_lock; /* guards the map, which a drive that comes back is compared with */
    struct moved_map map;
    struct data_lanes lanes;
    struct body *bodies;
    size_t body_count;
    size_t body_cap;
    struct dropped *dropped;
    size_t dropped_count;
    size_t dropped_cap;
    int64_t spent[DRIVE_NUMBER_MAX + 1]; /* units promised to what the frozen layer has */
    struct arena values;                 /* what is the mover's until the end */
    struct index_change *more;
    size_t more_count;
    size_t more_cap;
    struct index_change *changes; /* of the checkpoint */
    struct parity code;           /* the last one needed */
    unsigned char *cells;         /* of one body */
    pthread_mutex_t used_lock;    /* guards the figures, which others read */
    struct used used[USED_MAX];
    size_t used_count;
    atomic_size_t chunks;
    atomic_ullong gone; /* bytes of extents that the next checkpoint will free */
};

static struct data_move *move_of(struct mover *mover) {
    return CONTAINER_OF(mover, struct data_move, mover);
}

static bool is_record(struct slice key) {
    return key.len == BLOB_KEY_LEN && key.ptr[0] == BLOB_KEY_PREFIX &&
           key.ptr[1] == BLOB_KEY_RECORD;
}

static void *grown(void *list, size_t count, size_t *cap, size_t size) {
    if (count < *cap) return list;
    *cap = *cap ? 2 * *cap : 64;
    void *longer = reallocarray(list, *cap, size);
    CHECK(longer);
    return longer;
}

/* ---- promises ---- */

/* Copies, where a code would take as much or more: its cells are whole units. */
static struct layout layout_for(const struct data_kept_policy *policy, uint64_t size) {
    struct layout coded = {size, policy->parity.data, policy->parity.parity};
    struct layout copies = {size, 1, policy->parity.parity};
    uint64_t coded_units = layout_piece_units(&coded) * layout_pieces(&coded);
    uint64_t copies_units = layout_piece_units(&copies) * layout_pieces(&copies);
    return copies_units <= coded_units ? copies : coded;
}

/* How many pieces acknowledge a body that is kept in `data` pieces and parity. */
static unsigned least_of(const struct data_kept_policy *policy, unsigned data) {
    return policy->min_pieces - policy->parity.data + data;
}

static unsigned log_copies(const struct data_store *store, const struct data_kept_policy *policy) {
    if (store->config.log_copies > 0) return store->config.log_copies;
    return meta_copies(store->config.meta, policy->asked.same_device);
}

bool data_move_may_ride(const struct data_store *store, const struct data_kept_policy *policy) {
    return !store->config.meta || log_copies(store, policy) >= least_of(policy, 1);
}

bool data_move_is_tiny(const struct data_store *store, const struct data_kept_policy *policy,
                       uint64_t size) {
    if (size == 0 || !store->config.meta) return true;
    return size <= DATA_TINY_MAX && log_copies(store, policy) > policy->parity.parity;
}

/* Asks drives for room, one after the other, until there are enough; the answer is how many. */
static unsigned drives_ask(struct data_store *store, struct data_promise *promise,
                           struct status *ret_why) {
    uint32_t taken[LAYOUT_PIECES_MAX];
    unsigned asked = 0;
    unsigned found = 0;
    *ret_why = status_of(STATUS_BUSY);
    while (found < promise->pieces && asked < LAYOUT_PIECES_MAX) {
        uint32_t numbers[LAYOUT_PIECES_MAX];
        unsigned wanted = promise->pieces - found;
        if (wanted > LAYOUT_PIECES_MAX - asked) wanted = LAYOUT_PIECES_MAX - asked;
        unsigned more = data_drives_choose(store, promise->policy, taken, asked, wanted, numbers);
        if (more == 0) break;
        for (unsigned i = 0; i < more; i++) {
            taken[asked++] = numbers[i];
            struct volumes *volumes = data_volumes_to_write(store, numbers[i]);
            struct status s =
                volumes ? data_reserve(store, volumes, promise->units) : status_of(STATUS_IO);
            if (is_ok(s)) promise->drives[found++] = (uint8_t)numbers[i];
            if (!is_ok(s)) *ret_why = s;
        }
    }
    return found;
}

struct status data_promise_make(struct data_store *store, const struct data_kept_policy *policy,
                                uint64_t size, struct data_promise *ret_promise) {
    struct layout layout = layout_for(policy, size);
    struct data_promise promise = {.policy = policy,
                                   .data = layout.data,
                                   .pieces = layout_pieces(&layout),
                                   .units = layout_piece_units(&layout)};
    struct status why;
    unsigned found = drives_ask(store, &promise, &why);
    if (found < least_of(policy, layout.data)) {
        data_promise_drop(store, &promise);
        return why;
    }
    *ret_promise = promise;
    return status_ok();
}

/* Changes what a drive has promised, while it serves. */
static void reserved_add(struct data_store *store, uint32_t drive, int64_t units) {
    struct volumes *volumes = data_volumes_to_write(store, drive);
    if (volumes && units != 0) volumes_reserved_add(volumes, units);
}

void data_promise_drop(struct data_store *store, const struct data_promise *promise) {
    for (unsigned i = 0; i < promise->pieces; i++) {
        if (promise->drives[i] == 0) continue;
        reserved_add(store, promise->drives[i], -(int64_t)promise->units);
    }
}

struct slice data_promise_print(const struct data_promise *promise, struct slice bytes,
                                uint32_t sum) {
    struct data_body body = {.bytes = bytes, .sum = sum};
    if (promise) {
        body.policy = slice_str(promise->policy->name);
        body.data = promise->data;
        body.drives = slice_of(promise->drives, promise->pieces);
    }
    return data_body_print(&body);
}

/* A body in a record that is to be moved; false: it is none. */
static bool riding_parse(struct slice key, struct slice value, struct data_body *ret_body) {
    return is_record(key) && data_body_parse(value, ret_body) && ret_body->policy.len > 0;
}

static size_t move_riding(struct slice key, struct slice value) {
    struct data_body body;
    if (!riding_parse(key, value, &body)) return 0;
    return value.len > RIDING_LEAST ? value.len - RIDING_LEAST : 1;
}

static uint64_t body_units(const struct data_body *body) {
    struct layout layout = {body->bytes.len, body->data, (unsigned)body->drives.len - body->data};
    return layout_piece_units(&layout);
}

static void move_admitted(struct mover *mover, struct slice key, struct slice value) {
    struct data_move *self = move_of(mover);
    struct data_body body;
    if (!riding_parse(key, value, &body)) return;
    for (size_t i = 0; i < body.drives.len; i++) {
        uint32_t drive = (uint8_t)body.drives.ptr[i];
        if (drive != 0) reserved_add(self->store, drive, (int64_t)body_units(&body));
    }
}

static void move_spent(struct mover *mover, struct slice key, struct slice value) {
    struct data_move *self = move_of(mover);
    struct data_body body;
    if (!riding_parse(key, value, &body)) return;
    for (size_t i = 0; i < body.drives.len; i++) {
        self->spent[(uint8_t)body.drives.ptr[i]] += (int64_t)body_units(&body);
    }
}

/* ---- a checkpoint: its beginning and its end ---- */

static void move_begin(struct mover *mover) {
    struct data_move *self = move_of(mover);
    memset(self->spent, 0, sizeof self->spent);
    data_lanes_init(&self->lanes, self->store);
    arena_init(&self->values, VALUES_BLOCK, SIZE_MAX);
    self->body_count = self->dropped_count = self->more_count = 0;
}

static void lists_free(struct data_move *self) {
    for (size_t i = 0; i < self->body_count; i++) free(self->bodies[i].parts);
    for (size_t i = 0; i < self->dropped_count; i++) {
        for (unsigned k = 0; k < self->dropped[i].count; k++) {
            piece_fini(&self->dropped[i].pieces[k]);
        }
        free(self->dropped[i].pieces);
    }
    self->body_count = self->dropped_count = 0;
    arena_fini(&self->values);
}

static void used_settle(struct data_move *self, bool applied) {
    pthread_mutex_lock(&self->used_lock);
    for (size_t i = 0; i < self->used_count; i++) {
        if (applied) self->used[i].count += self->used[i].change;
        self->used[i].change = 0;
    }
    pthread_mutex_unlock(&self->used_lock);
}

/* What the index does not name any more is free, as soon as nobody reads it. */
static void dropped_release(struct data_move *self) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < self->dropped_count; i++) {
        const struct dropped *gone = &self->dropped[i];
        for (unsigned k = 0; k < gone->count; k++) bytes += gone->pieces[k].units * EXTENT_UNIT;
        data_pieces_release(self->store, gone->partition, gone->id, gone->pieces, gone->count);
    }
    unsigned long long before = atomic_load(&self->gone);
    while (
        !atomic_compare_exchange_weak(&self->gone, &before, before > bytes ? before - bytes : 0)) {
        continue;
    }
}

static void map_settle(struct data_move *self, bool undo) {
    pthread_mutex_lock(&self->map_lock);
    if (undo) {
        moved_map_undo(&self->map);
    } else {
        moved_map_settle(&self->map);
    }
    atomic_store(&self->chunks, self->map.count);
    pthread_mutex_unlock(&self->map_lock);
}

/* The pieces that were counted are not named after all. */
static void pieces_uncount(struct data_move *self) {
    for (size_t i = 0; i < self->body_count; i++) {
        const struct body *body = &self->bodies[i];
        for (unsigned k = 0; k < body->count && !body->stays; k++) {
            const struct data_spot *spot = &body->parts[k].spot;
            if (data_spot_is_well(spot)) data_piece_count(self->store, data_spot_drive(spot), -1);
        }
    }
}

static void move_end(struct mover *mover, struct status s) {
    struct data_move *self = move_of(mover);
    bool undone = status_is(s, STATUS_NO_SPACE) || status_is(s, STATUS_CORRUPT);
    if (is_ok(s)) {
        for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
            reserved_add(self->store, n, data_lanes_taken(&self->lanes, n) - self->spent[n]);
        }
        map_settle(self, false);
        dropped_release(self);
    } else if (undone) {
        map_settle(self, true);
        pieces_uncount(self);
    } /* else it is not known which extents the index names */
    used_settle(self, is_ok(s));
    data_lanes_fini(&self->lanes, undone);
    lists_free(self);
}

static void move_room(struct mover *mover, uint64_t *ret_changes, uint64_t *ret_bytes) {
    struct data_move *self = move_of(mover);
    *ret_changes = atomic_load(&self->chunks) + MORE_CHUNKS;
    *ret_bytes = *ret_changes * (MOVED_CHUNK_BYTES + KV_PARTITION_LEN + MOVED_KEY_LEN);
}

/* ---- moving ---- */

static const struct parity *code_for(struct data_move *self, unsigned data, unsigned parity) {
    if (self->code.data != data || self->code.parity != parity) {
        parity_init(&self->code, data, parity);
    }
    return &self->code;
}

/* The cells of a body, one behind the other: data, then parity; for copies there is one. */
static void cells_make(struct data_move *self, const struct data_body *source,
                       const struct body *body) {
    unsigned char *data[LAYOUT_PIECES_MAX];
    unsigned char *parity[LAYOUT_PIECES_MAX];
    size_t len = source->bytes.len;
    memcpy(self->cells, source->bytes.ptr, len);
    memset(self->cells + len, 0, body->data * body->cell - len);
    if (body->data == 1) return;
    unsigned parities = body->count - body->data;
    for (unsigned i = 0; i < body->data; i++) data[i] = self->cells + i * body->cell;
    for (unsigned i = 0; i < parities; i++) {
        parity[i] = self->cells + (body->data + i) * body->cell;
    }
    parity_encode(code_for(self, body->data, parities), body->cell, data, parity);
}

/* The drives that the body has pieces on, or is about to, or that it can't have any on. */
static unsigned drives_taken(const struct data_move *self, const struct body *body,
                             const uint8_t *promised, unsigned index, uint32_t *taken) {
    unsigned count = 0;
    for (unsigned i = 0; i < body->count; i++) {
        const struct data_spot *spot = &body->parts[i].spot;
        taken[count] = promised && i > index ? promised[i] : 0;
        if (data_spot_is_well(spot)) taken[count] = data_spot_drive(spot);
        count++;
    }
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX && count < LAYOUT_PIECES_MAX; n++) {
        if (data_lanes_lost(&self->lanes, n)) taken[count++] = n;
    }
    return count;
}

/* Puts a cell on a drive that can be had instead of the one that had promised room. */
static void part_put_elsewhere(struct data_move *self, const struct data_kept_policy *policy,
                               struct body *body, const uint8_t *promised, unsigned index,
                               struct slice cell) {
    uint32_t taken[LAYOUT_PIECES_MAX];
    unsigned count = drives_taken(self, body, promised, index, taken);
    for (int tries = 0; policy && tries < ROUNDS_MAX && count < LAYOUT_PIECES_MAX; tries++) {
        uint32_t number;
        if (data_drives_choose(self->store, policy, taken, count, 1, &number) == 0) return;
        struct part *part = &body->parts[index];
        if (is_ok(data_lanes_put(&self->lanes, number, false, cell, &part->spot))) return;
        taken[count++] = number;
    }
}

/* Puts those cells of the body that have no place yet, or have lost it. */
static void body_put(struct data_move *self, struct body *body, bool first) {
    struct data_body source;
    CHECK(data_body_parse(self->changes[body->change].value, &source));
    const struct data_kept_policy *policy = data_policy_find(self->store, source.policy);
    const uint8_t *promised = first ? (const uint8_t *)source.drives.ptr : NULL;
    cells_make(self, &source, body);
    for (unsigned i = 0; i < body->count; i++) {
        struct part *part = &body->parts[i];
        unsigned slot = body->data == 1 ? 0 : i;
        struct slice cell = slice_of(self->cells + slot * body->cell, body->cell);
        if (data_spot_is_well(&part->spot)) continue;
        part->spot = (struct data_spot){0};
        part->sum = checksum_crc32c(0, cell.ptr, cell.len);
        bool there = promised && promised[i] != 0 &&
                     is_ok(data_lanes_put(&self->lanes, promised[i], true, cell, &part->spot));
        if (!there) part_put_elsewhere(self, policy, body, promised, i, cell);
    }
}

static void body_add(struct data_move *self, size_t change, const struct data_body *source) {
    struct layout layout = {source->bytes.len, source->data,
                            (unsigned)source->drives.len - source->data};
    self->bodies = grown(self->bodies, self->body_count, &self->body_cap, sizeof *self->bodies);
    struct body *body = &self->bodies[self->body_count++];
    *body = (struct body){.change = change, .count = layout_pieces(&layout), .data = layout.data};
    body->cell = layout_cell(&layout, 0);
    body->parts = calloc(body->count, sizeof *body->parts);
    CHECK(body->parts);
}

static unsigned parts_well(const struct body *body) {
    unsigned well = 0;
    for (unsigned i = 0; i < body->count; i++) well += data_spot_is_well(&body->parts[i].spot);
    return well;
}

static void used_change(struct data_move *self, char kind, struct slice of, int64_t change) {
    char key[2 + BLOB_POLICY_NAME_MAX] = {BLOB_KEY_PREFIX, kind};
    if (of.len > BLOB_POLICY_NAME_MAX) return;
    memcpy(key + 2, of.ptr, of.len);
    struct slice whole = slice_of(key, 2 + of.len);
    pthread_mutex_lock(&self->used_lock);
    size_t at = 0;
    while (at < self->used_count &&
           !slice_eq(slice_of(self->used[at].key, self->used[at].key_len), whole)) {
        at++;
    }
    if (at == self->used_count && at < USED_MAX) {
        self->used[at] = (struct used){.key_len = whole.len};
        memcpy(self->used[at].key, key, whole.len);
        self->used_count++;
    }
    if (at < self->used_count) self->used[at].change += change;
    pthread_mutex_unlock(&self->used_lock);
}

/* Notes in the map, and in the figures, that the pieces take units, or give them back. */
static void units_note(struct data_move *self, const struct piece *pieces, unsigned count,
                       struct slice policy, bool used) {
    int64_t units = 0;
    pthread_mutex_lock(&self->map_lock);
    for (unsigned i = 0; i < count; i++) {
        for (size_t e = 0; e < pieces[i].count; e++) {
            bool fits =
                moved_map_change(&self->map, pieces[i].drive, pieces[i].spans[e].extent, used);
            if (!fits) atomic_fetch_add(&self->store->overlaps, 1);
        }
        units += (int64_t)pieces[i].units;
    }
    pthread_mutex_unlock(&self->map_lock);
    used_change(self, USED_KEY_KIND, policy, used ? units : -units);
    for (unsigned i = 0; i < count; i++) {
        char drive = (char)pieces[i].drive;
        if (drive == 0) continue;
        used_change(self, PIECES_KEY_KIND, slice_of(&drive, 1), used ? 1 : -1);
        if (used) data_piece_count(self->store, pieces[i].drive, +1);
    }
}

/* The record of a moved body, the mover's; empty if it would not fit into a leaf. */
static struct slice record_make(struct data_move *self, const struct body *body,
                                const struct data_body *source, const struct piece *pieces) {
    struct layout layout = {source->bytes.len, body->data, body->count - body->data};
    uint32_t *sums[LAYOUT_PIECES_MAX];
    for (unsigned i = 0; i < body->count; i++) sums[i] = &body->parts[i].sum;
    struct slice printed = data_moved_print(source->policy, &layout, pieces, sums);
    struct slice value = slice_of(NULL, 0);
    if (printed.len <= PAGE_VALUE_INLINE_MAX) value = arena_dup(&self->values, printed);
    free((void *)(uintptr_t)printed.ptr);
    return value;
}

/* A body that has enough pieces gets its new record; else it stays, and they are given back. */
static void body_settle(struct data_move *self, struct body *body) {
    struct index_change *change = &self->changes[body->change];
    struct data_body source;
    CHECK(data_body_parse(change->value, &source));
    const struct data_kept_policy *policy = data_policy_find(self->store, source.policy);
    struct piece pieces[LAYOUT_PIECES_MAX];
    for (unsigned i = 0; i < body->count; i++) {
        piece_init(&pieces[i], 0, NULL);
        if (!data_spot_is_well(&body->parts[i].spot)) continue;
        data_spot_piece(&body->parts[i].spot, body->cell, &pieces[i]);
    }
    unsigned well = parts_well(body);
    unsigned least = policy ? least_of(policy, body->data) : body->data;
    struct slice value = slice_of(NULL, 0);
    if (well >= least) value = record_make(self, body, &source, pieces);
    body->lacks = well < body->count;
    body->stays = value.len == 0;
    if (!body->stays) {
        units_note(self, pieces, body->count, source.policy, true);
        change->value = value;
    }
    if (body->lacks) atomic_fetch_add(&self->store->blobs_short, 1);
    for (unsigned i = 0; i < body->count; i++) {
        if (body->stays) piece_trim(&pieces[i], 0);
        piece_fini(&pieces[i]);
    }
}

static void move_move(struct mover *mover, struct index_change *changes, size_t count) {
    struct data_move *self = move_of(mover);
    self->changes = changes;
    for (size_t i = 0; i < count; i++) {
        struct data_body source;
        struct slice key = slice_skip(changes[i].name, KV_PARTITION_LEN);
        if (!riding_parse(key, changes[i].value, &source)) continue;
        body_add(self, i, &source);
        body_put(self, &self->bodies[self->body_count - 1], true);
    }
    data_lanes_finish(&self->lanes);
    for (int round = 1; round < ROUNDS_MAX; round++) {
        size_t lost = 0;
        for (size_t i = 0; i < self->body_count; i++) {
            if (parts_well(&self->bodies[i]) == self->bodies[i].count) continue;
            body_put(self, &self->bodies[i], false);
            lost++;
        }
        if (lost == 0) break;
        data_lanes_finish(&self->lanes);
    }
    for (size_t i = 0; i < self->body_count; i++) body_settle(self, &self->bodies[i]);
    data_lanes_trim(&self->lanes);
}

/* ---- what the index is changed by ---- */

static void move_dropped(struct index_watcher *watcher, struct slice name, struct slice value) {
    struct data_move *self = move_of(CONTAINER_OF(watcher, struct mover, watcher));
    struct data_body body;
    if (!is_record(slice_skip(name, KV_PARTITION_LEN)) || data_body_parse(value, &body)) return;
    Engine__BlobRecord *record = data_record_parse(value);
    if (record && record->moved) {
        self->dropped =
            grown(self->dropped, self->dropped_count, &self->dropped_cap, sizeof *self->dropped);
        struct dropped *gone = &self->dropped[self->dropped_count++];
        struct data_blob blob;
        memcpy(gone->partition.id, name.ptr, KV_PARTITION_LEN);
        memcpy(gone->id.bytes, name.ptr + KV_PARTITION_LEN + 2, BLOB_ID_LEN);
        data_blob_init(&blob, self->store, gone->partition, gone->id, record);
        gone->count = layout_pieces(&blob.layout);
        gone->pieces = calloc(gone->count, sizeof *gone->pieces);
        CHECK(gone->pieces);
        memcpy(gone->pieces, blob.pieces, gone->count * sizeof *gone->pieces);
        units_note(self, gone->pieces, gone->count, slice_str(record->striped->policy), false);
    } else if (!record) {
        atomic_fetch_add(&self->store->corrupt_blocks, 1);
    }
    data_record_free(record);
}

/* Adds an entry; name and value are copied. */
static void more_add(struct data_move *self, struct kv_partition partition, struct slice key,
                     struct slice value) {
    char name[KV_PARTITION_LEN + BLOB_KEY_LEN + BLOB_POLICY_NAME_MAX];
    CHECK(KV_PARTITION_LEN + key.len <= sizeof name);
    memcpy(name, partition.id, KV_PARTITION_LEN);
    memcpy(name + KV_PARTITION_LEN, key.ptr, key.len);
    self->more = grown(self->more, self->more_count, &self->more_cap, sizeof *self->more);
    self->more[self->more_count++] = (struct index_change){
        arena_dup(&self->values, slice_of(name, KV_PARTITION_LEN + key.len)),
        value.len > 0 ? arena_dup(&self->values, value) : value,
    };
}

static void map_add(struct data_move *self) {
    struct moved_entry *entry = malloc(sizeof *entry);
    CHECK(entry);
    for (size_t at = 0; moved_map_next(&self->map, true, &at, entry);) {
        more_add(self, kv_partition_system, slice_of(entry->key, sizeof entry->key),
                 slice_of(entry->value, entry->len));
    }
    free(entry);
}

static void used_add(struct data_move *self) {
    for (size_t i = 0; i < self->used_count; i++) {
        const struct used *used = &self->used[i];
        char value[USED_LEN];
        if (used->change == 0) continue;
        bytes_put_u64(value, (uint64_t)(used->count + used->change));
        more_add(self, kv_partition_system, slice_of(used->key, used->key_len),
                 slice_of(value, used->count + used->change > 0 ? sizeof value : 0));
    }
}

/* The mark of a body that is short of pieces, or had to stay. */
static void marks_add(struct data_move *self) {
    for (size_t i = 0; i < self->body_count; i++) {
        const struct body *body = &self->bodies[i];
        if (!body->lacks) continue;
        struct slice name = self->changes[body->change].name;
        struct kv_partition partition;
        struct blob_id id;
        memcpy(partition.id, name.ptr, KV_PARTITION_LEN);
        memcpy(id.bytes, name.ptr + KV_PARTITION_LEN + 2, BLOB_ID_LEN);
        struct blob_key key = blob_key_make(BLOB_KEY_SHORT, id);
        more_add(self, partition, blob_key_slice(&key), SLICE("\0"));
    }
}

static int by_name(const void *a, const void *b) {
    const struct index_change *x = a;
    const struct index_change *y = b;
    return slice_cmp(x->name, y->name);
}

static size_t move_more(struct index_watcher *watcher, const struct index_change **ret_changes) {
    struct data_move *self = move_of(CONTAINER_OF(watcher, struct mover, watcher));
    map_add(self);
    used_add(self);
    marks_add(self);
    if (self->more_count > 0) qsort(self->more, self->more_count, sizeof *self->more, by_name);
    *ret_changes = self->more;
    return self->more_count;
}

/* ---- start and end ---- */

static const struct mover_ops move_ops = {
    .riding = move_riding,
    .admitted = move_admitted,
    .begin = move_begin,
    .spent = move_spent,
    .move = move_move,
    .room = move_room,
    .end = move_end,
};

/* Marks the units of an entry as in use: on all drives, or on `only`, not in its place yet. */
static void units_take(struct data_move *self, const struct moved_entry *entry,
                       struct data_place *only) {
    uint32_t from = 0;
    uint32_t drive;
    struct extent extent;
    while (moved_entry_run(entry, &from, &drive, &extent)) {
        if (only && only->number != drive) return;
        struct volumes *volumes = only ? &only->volumes : data_volumes_to_read(self->store, drive);
        if (!volumes || volumes_take(volumes, extent)) continue;
        atomic_fetch_add(&self->store->overlaps, 1);
    }
}

static void map_take(struct data_move *self, struct data_place *only) {
    struct moved_entry *entry = malloc(sizeof *entry);
    CHECK(entry);
    pthread_mutex_lock(&self->map_lock);
    for (size_t at = 0; moved_map_next(&self->map, false, &at, entry);) {
        units_take(self, entry, only);
    }
    pthread_mutex_unlock(&self->map_lock);
    free(entry);
    atomic_store(&self->chunks, self->map.count);
}

void data_move_take(struct data_store *store, struct data_place *place) {
    if (store->move) map_take(store->move, place);
}

void data_move_flush(struct data_store *store) {
    struct data_move *self = store->move;
    if (!self || atomic_load(&self->gone) == 0) return;
    IGNORE_STATUS(meta_checkpoint(store->config.meta)); /* it is tried again by itself */
}

static bool used_load(struct data_move *self, struct slice key, struct slice value) {
    if (value.len != USED_LEN || key.len > 2 + BLOB_POLICY_NAME_MAX) return false;
    if (self->used_count == USED_MAX) return true;
    struct used *used = &self->used[self->used_count++];
    *used = (struct used){.count = (int64_t)bytes_get_u64(value.ptr), .key_len = key.len};
    memcpy(used->key, key.ptr, key.len);
    if (key.ptr[1] == PIECES_KEY_KIND && key.len == 3) {
        data_piece_count(self->store, (uint8_t)key.ptr[2], (int)used->count);
    }
    return true;
}

/* Loads the entries of one kind. */
static struct status kind_load(struct data_move *self, char kind) {
    struct kv_cursor *cursor;
    bool found;
    char prefix[] = {BLOB_KEY_PREFIX, kind};
    struct slice from = slice_of(prefix, sizeof prefix);
    TRY(kv_cursor_open(self->store->store.kv, kv_partition_system, from, &cursor));
    struct status s = kv_cursor_seek(cursor, from, &found);
    while (is_ok(s) && found) {
        struct slice key = kv_cursor_key(cursor);
        struct slice value = kv_cursor_value(cursor);
        bool right = kind == MOVED_KEY_KIND ? moved_map_load(&self->map, key, value)
                                            : used_load(self, key, value);
        s = right ? kv_cursor_next(cursor, &found) : status_of(STATUS_CORRUPT);
    }
    kv_cursor_close(&cursor);
    return s;
}

struct status data_move_start(struct data_store *store, struct note *note) {
    if (!store->config.meta) return status_ok();
    struct data_move *self = calloc(1, sizeof *self);
    CHECK(self);
    self->mover.ops = &move_ops;
    self->mover.watcher.dropped = move_dropped;
    self->mover.watcher.more = move_more;
    self->store = store;
    self->cells = aligned_alloc(EXTENT_UNIT, (size_t)LAYOUT_PIECES_MAX * LAYOUT_BLOCK);
    CHECK(self->cells && pthread_mutex_init(&self->used_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&self->map_lock, NULL) == 0);
    moved_map_init(&self->map);
    store->move = self;
    struct status s = kind_load(self, MOVED_KEY_KIND);
    if (is_ok(s)) s = kind_load(self, USED_KEY_KIND);
    if (is_ok(s)) s = kind_load(self, PIECES_KEY_KIND);
    if (!is_ok(s)) {
        return note_status(note, s.code, "can't read the map of small bodies: %s",
                           status_text(s.code));
    }
    map_take(self, NULL);
    atomic_init(&self->gone, 1); /* the log may have deletions from before */
    meta_mover_attach(store->config.meta, &self->mover);
    return status_ok();
}

void data_move_stop(struct data_store *store) {
    struct data_move *self = store->move;
    if (!self) return;
    meta_mover_detach(store->config.meta);
    store->move = NULL;
    moved_map_fini(&self->map);
    pthread_mutex_destroy(&self->used_lock);
    pthread_mutex_destroy(&self->map_lock);
    free(self->bodies);
    free(self->dropped);
    free(self->more);
    free(self->cells);
    free(self);
}

/* ---- from outside ---- */

uint64_t data_move_used(struct data_store *store, struct slice policy) {
    struct data_move *self = store->move;
    uint64_t bytes = 0;
    if (!self) return 0;
    pthread_mutex_lock(&self->used_lock);
    for (size_t i = 0; i < self->used_count; i++) {
        const struct used *used = &self->used[i];
        struct slice of = slice_of(used->key + 2, used->key_len - 2);
        if (used->key[1] != USED_KEY_KIND || !slice_eq(of, policy) || used->count < 0) continue;
        bytes = (uint64_t)used->count * EXTENT_UNIT;
    }
    pthread_mutex_unlock(&self->used_lock);
    return bytes;
}

/* So much may be lost to what was deleted, before a checkpoint is wanted for its sake. */
static uint64_t gone_limit(struct data_move *self) {
    int64_t units = 0;
    pthread_mutex_lock(&self->used_lock);
    for (size_t i = 0; i < self->used_count; i++) {
        if (self->used[i].key[1] == USED_KEY_KIND) units += self->used[i].count;
    }
    pthread_mutex_unlock(&self->used_lock);
    uint64_t share = units > 0 ? (uint64_t)units * EXTENT_UNIT / GONE_SHARE : 0;
    if (share < gone_bytes_min) return gone_bytes_min;
    return share < gone_bytes_max ? share : gone_bytes_max;
}

void data_move_gone(struct data_store *store, const Engine__BlobRecord *record) {
    struct data_move *self = store->move;
    if (!self) return;
    struct layout layout = {record->size, record->striped->data_pieces,
                            record->striped->parity_pieces};
    uint64_t bytes = layout_piece_units(&layout) * layout_pieces(&layout) * EXTENT_UNIT;
    uint64_t gone = atomic_fetch_add(&self->gone, bytes) + bytes;
    if (gone > gone_limit(self)) meta_checkpoint_want(store->config.meta);
}

bool data_reclaim(struct data_store *store, struct kv_partition partition) {
    struct data_move *self = store->move;
    if (!self) return false;
    uint64_t collected = atomic_load(&store->collected);
    bool done;
    IGNORE_STATUS(blob_collect(&store->store, partition, COLLECT_AT_ONCE, &done));
    bool any = atomic_load(&store->collected) != collected;
    if (atomic_load(&self->gone) == 0) return any;
    return is_ok(meta_checkpoint(store->config.meta)) || any;
}

/* ---- repair ---- */

/* Reads the whole of a moved body. */
static struct status body_read(struct data_store *store, const struct data_blob *blob,
                               unsigned char *out) {
    struct data_blocks blocks;
    data_blocks_init(&blocks, store, blob);
    size_t cell = layout_cell(&blob->layout, 0);
    struct status s = status_ok();
    for (unsigned i = 0; i < blob->layout.data && is_ok(s); i++) {
        unsigned piece = blob->layout.data == 1 ? data_copy_choose(&blocks) : i;
        s = data_block_get(&blocks, 0, piece, out + i * cell);
    }
    data_blocks_fini(&blocks);
    return s;
}

static unsigned pieces_well(struct data_store *store, const struct data_blob *blob) {
    unsigned well = 0;
    for (unsigned i = 0; i < layout_pieces(&blob->layout); i++) {
        well += data_drive_is_well(store, blob->pieces[i].drive);
    }
    return well;
}

/* Commits the body again, in the place of the record that is there. */
static struct status body_commit(struct data_store *store, struct kv_partition partition,
                                 struct blob_id id, struct slice before, struct slice record) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, id);
    struct blob_key mark = blob_key_make(BLOB_KEY_SHORT, id);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_guard_equals(batch, blob_key_slice(&key), before);
    kv_batch_put(batch, blob_key_slice(&key), record);
    kv_batch_delete(batch, blob_key_slice(&mark));
    struct status s = kv_commit(store->store.kv, partition, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

/* Promises room and commits, if that gives the body more than `well` pieces. */
static struct status body_again(struct data_store *store, struct kv_partition partition,
                                struct blob_id id, struct slice before, struct slice policy,
                                struct slice bytes, unsigned well, bool *ret_done) {
    const struct data_kept_policy *kept = data_policy_find(store, policy);
    struct data_promise promise;
    *ret_done = false;
    if (!kept) kept = store->policies[0];
    if (!is_ok(data_promise_make(store, kept, bytes.len, &promise))) return status_ok();
    unsigned promised = 0;
    for (unsigned i = 0; i < promise.pieces; i++) promised += promise.drives[i] != 0;
    if (promised < promise.pieces && promised <= well) {
        data_promise_drop(store, &promise);
        return status_ok();
    }
    struct slice record =
        data_promise_print(&promise, bytes, checksum_crc32c(0, bytes.ptr, bytes.len));
    struct status s = body_commit(store, partition, id, before, record);
    free((void *)(uintptr_t)record.ptr);
    *ret_done = is_ok(s);
    if (is_ok(s)) atomic_fetch_add(&store->move->gone, bytes.len);
    bool undone =
        status_is(s, STATUS_CONFLICT) || status_is(s, STATUS_BUSY) || status_is(s, STATUS_NO_SPACE);
    if (undone) data_promise_drop(store, &promise);
    return status_is(s, STATUS_CONFLICT) ? status_ok() : s;
}

struct status data_move_again(struct data_store *store, struct kv_partition partition,
                              struct blob_id id, struct slice value, bool *ret_done) {
    struct data_body body;
    *ret_done = false;
    if (!store->move) return status_ok();
    if (data_body_parse(value, &body)) {
        return body_again(store, partition, id, value, body.policy, body.bytes, 0, ret_done);
    }
    Engine__BlobRecord *record = data_record_parse(value);
    if (!record) return status_of(STATUS_CORRUPT);
    struct data_blob blob;
    data_blob_init(&blob, store, partition, id, record);
    unsigned char *bytes =
        aligned_alloc(EXTENT_UNIT, blob.layout.data * layout_cell(&blob.layout, 0));
    CHECK(bytes);
    struct status s = body_read(store, &blob, bytes);
    if (is_ok(s)) {
        s = body_again(store, partition, id, value, slice_str(record->striped->policy),
                       slice_of(bytes, record->size), pieces_well(store, &blob), ret_done);
    } else {
        s = status_ok(); /* what can't be read now is met again by its mark */
    }
    free(bytes);
    data_blob_fini(&blob);
    data_record_free(record);
    return s;
}
