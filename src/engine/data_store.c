#include "engine/data_store.h"
#include "engine/data_move.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum { IO_DEADLINE_MS = 15000 };

struct data_store *data_of(struct blob_store *store) {
    return CONTAINER_OF(store, struct data_store, store);
}

struct data_place *data_place(struct data_store *store, uint32_t number) {
    return number <= DRIVE_NUMBER_MAX ? store->places[number] : NULL;
}

struct volumes *data_volumes_to_write(struct data_store *store, uint32_t number) {
    struct data_place *place = data_place(store, number);
    bool takes = place && !atomic_load(&place->removed) && drive_takes_writes(&place->drive);
    return takes ? &place->volumes : NULL;
}

bool data_drive_is_well(struct data_store *store, uint32_t number) {
    const struct data_place *place = data_place(store, number);
    return place && !atomic_load(&place->removed) && !atomic_load(&place->draining) &&
           !atomic_load(&place->unlisted) && drive_takes_writes(&place->drive);
}

struct volumes *data_volumes_to_read(struct data_store *store, uint32_t number) {
    struct data_place *place = data_place(store, number);
    return place && drive_takes_reads(&place->drive) ? &place->volumes : NULL;
}

bool data_drive_keeps(struct data_store *store, uint32_t number) {
    const struct data_place *place = data_place(store, number);
    return place && !atomic_load(&place->removed) && drive_takes_reads(&place->drive);
}

const struct data_kept_policy *data_policy_find(const struct data_store *store, struct slice name) {
    for (size_t i = 0; i < store->policy_count; i++) {
        const struct data_kept_policy *policy = store->policies[i];
        if (slice_eq(slice_str(policy->name), name)) return policy;
    }
    return NULL;
}

/* ---- choosing drives ---- */

static bool on_same_device(const struct data_place *a, const struct data_place *b) {
    return a == b || a->drive.device == b->drive.device;
}

static bool is_eligible(struct data_store *store, const struct data_kept_policy *policy,
                        const struct data_place *place, const uint32_t *taken, unsigned count) {
    if (!place || !data_drive_is_well(store, place->number)) return false;
    if (place->drive.media != policy->asked.media) return false;
    for (unsigned i = 0; i < count; i++) {
        const struct data_place *other = data_place(store, taken[i]);
        if (!other) continue;
        if (place == other) return false;
        if (!policy->asked.same_device && on_same_device(place, other)) return false;
    }
    return true;
}

/* The eligible drive with the most room, or, of those with enough, the next in turn. */
static uint32_t drive_choose(struct data_store *store, const struct data_kept_policy *policy,
                             const uint32_t *taken, unsigned count, uint32_t start) {
    static const uint64_t plenty = UINT64_C(1) << 30;
    uint32_t best = 0;
    uint64_t best_room = 0;
    for (uint32_t i = 0; i < DRIVE_NUMBER_MAX; i++) {
        uint32_t number = 1 + (start + i) % DRIVE_NUMBER_MAX;
        struct data_place *place = store->places[number];
        if (!is_eligible(store, policy, place, taken, count)) continue;
        uint64_t room = volumes_room(&place->volumes);
        if (room > plenty) room = plenty;
        if (best != 0 && room <= best_room) continue;
        best = number;
        best_room = room;
    }
    return best;
}

unsigned data_drives_choose(struct data_store *store, const struct data_kept_policy *policy,
                            const uint32_t *taken, unsigned taken_count, unsigned wanted,
                            uint32_t *ret_numbers) {
    uint32_t all[2 * LAYOUT_PIECES_MAX];
    CHECK(taken_count + wanted <= 2 * LAYOUT_PIECES_MAX);
    for (unsigned i = 0; i < taken_count; i++) all[i] = taken[i];
    uint32_t start = atomic_fetch_add(&store->turn, 1);
    unsigned found = 0;
    for (; found < wanted; found++) {
        uint32_t number = drive_choose(store, policy, all, taken_count + found, start);
        if (number == 0) break;
        all[taken_count + found] = ret_numbers[found] = number;
    }
    return found;
}

bool data_drive_may_take(struct data_store *store, const struct data_kept_policy *policy,
                         uint32_t number, const uint32_t *taken, unsigned count) {
    return is_eligible(store, policy, data_place(store, number), taken, count);
}

/* ---- policies ---- */

static unsigned min_pieces_of(const struct data_policy *policy, unsigned data, unsigned parity) {
    unsigned all = data + parity;
    unsigned least = policy->min_pieces;
    if (least == 0) least = data > 1 ? data + 1 : (all + 2) / 2; /* of 3 copies 2 */
    if (least < data) least = data;
    return least < all ? least : all;
}

/* How many drives there are for a policy, whether they answer today or not; not counting `without`.
 */
static unsigned drives_for(struct data_store *store, const struct data_policy *policy,
                           uint32_t without) {
    uint32_t devices[DRIVE_NUMBER_MAX];
    unsigned count = 0;
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        const struct data_place *place = store->places[n];
        if (!place || place->removed || n == without || place->drive.media != policy->media) {
            continue;
        }
        if (place->successor != 0) continue; /* which is there in its stead */
        bool counts = true;
        bool serving = drive_takes_writes(&place->drive);
        for (unsigned i = 0; i < count && serving && !policy->same_device; i++) {
            const struct data_place *other = store->places[devices[i]];
            bool other_serves = drive_takes_writes(&other->drive);
            if (other_serves && on_same_device(place, other)) counts = false;
        }
        if (counts) devices[count++] = n;
    }
    return count;
}

/* What can be kept of a policy with the drives there are, but for `without`. */
static struct status policy_make(struct data_store *store, const struct data_policy *asked,
                                 uint32_t without, struct note *note,
                                 struct data_kept_policy *kept) {
    *kept = (struct data_kept_policy){.asked = *asked};
    CHECK(strlen(asked->name) <= BLOB_POLICY_NAME_MAX && asked->data_pieces > 0);
    snprintf(kept->name, sizeof kept->name, "%s", asked->name);
    kept->asked.name = kept->name;
    unsigned data = asked->data_pieces;
    unsigned parity = asked->parity_pieces;
    unsigned drives = drives_for(store, asked, without);
    if (data + parity > LAYOUT_PIECES_MAX) {
        return note_status(note, STATUS_INVALID, "policy %s: more than %d pieces", kept->name,
                           LAYOUT_PIECES_MAX);
    }
    if (drives < data + parity && !asked->allow_reduced) {
        return note_status(note, STATUS_INVALID,
                           "policy %s wants %u %s drives, this store has %u; "
                           "allow_reduced_redundancy = on serves it all the same",
                           kept->name, data + parity, drive_media_text(asked->media), drives);
    }
    if (drives < data + parity) { /* copies, as many as there is room for and it would survive */
        kept->reduced = true;
        if (drives > parity + 1) drives = parity + 1;
        data = 1;
        parity = drives > 0 ? drives - 1 : 0;
    }
    kept->min_pieces = min_pieces_of(asked, data, parity);
    if (kept->reduced && kept->min_pieces > data + parity) kept->min_pieces = data + parity;
    parity_init(&kept->parity, data, parity);
    return status_ok();
}

static struct data_kept_policy *policy_new(const struct data_kept_policy *from) {
    struct data_kept_policy *policy = malloc(sizeof *policy);
    CHECK(policy);
    *policy = *from;
    policy->asked.name = policy->name;
    return policy;
}

static struct status policies_take(struct data_store *store, const struct data_config *config,
                                   struct note *note) {
    CHECK(config->policy_count <= DATA_POLICIES_MAX);
    for (size_t i = 0; i < config->policy_count; i++) {
        struct data_kept_policy kept;
        if (data_policy_find(store, slice_str(config->policies[i].name))) {
            return note_status(note, STATUS_INVALID, "there are two policies %s",
                               config->policies[i].name);
        }
        TRY(policy_make(store, &config->policies[i], 0, note, &kept));
        store->policies[store->policy_count++] = policy_new(&kept);
    }
    return status_ok();
}

struct status data_policies_survive(struct data_store *store, uint32_t without, struct note *note) {
    for (size_t i = 0; i < store->policy_count; i++) {
        const struct data_kept_policy *policy = store->policies[i];
        struct data_kept_policy kept;
        TRY(policy_make(store, &policy->asked, without, note, &kept));
    }
    return status_ok();
}

/* Writers that have begun go on by the policy they began with, so that one stays. */
void data_policies_review(struct data_store *store) {
    for (size_t i = 0; i < store->policy_count; i++) {
        struct data_kept_policy *policy = store->policies[i];
        struct data_kept_policy kept;
        struct note unused;
        if (!is_ok(policy_make(store, &policy->asked, 0, &unused, &kept))) continue;
        if (kept.parity.data == policy->parity.data &&
            kept.parity.parity == policy->parity.parity && kept.min_pieces == policy->min_pieces) {
            continue;
        }
        struct data_kept_policy *fresh = policy_new(&kept);
        fresh->before = policy;
        store->policies[i] = fresh;
    }
}

/* ---- the space in use ---- */

/* Takes what the records name on all drives, or on one that is not in its place yet. */
struct space_visitor {
    struct data_visitor visitor;
    struct data_store *store;
    struct data_place *only;
};

static void piece_take(struct space_visitor *self, const struct piece *piece) {
    struct data_place *place = data_place(self->store, piece->drive);
    struct volumes *volumes = piece->volumes;
    if (self->only) {
        if (piece->drive != self->only->number) return;
        volumes = &self->only->volumes;
    } else if (place) {
        atomic_fetch_add(&place->pieces, 1);
    }
    for (size_t e = 0; volumes && e < piece->count; e++) {
        if (volumes_take(volumes, piece->spans[e].extent)) continue;
        atomic_fetch_add(&self->store->overlaps, 1);
    }
}

static bool visit_space(struct data_visitor *visitor, struct kv_partition partition,
                        struct blob_id id, struct slice value) {
    struct space_visitor *self = CONTAINER_OF(visitor, struct space_visitor, visitor);
    Engine__BlobRecord *record = data_record_parse(value);
    if (!record) {
        atomic_fetch_add(&self->store->corrupt_blocks, 1);
    } else if (record->striped && !record->moved) {
        struct data_blob blob;
        data_blob_init(&blob, self->store, partition, id, record);
        for (unsigned i = 0; i < layout_pieces(&blob.layout); i++) {
            piece_take(self, &blob.pieces[i]);
        }
        data_blob_fini(&blob);
    }
    data_record_free(record);
    return true;
}

static struct status space_find(struct data_store *store, struct note *note) {
    struct space_visitor visitor = {{visit_space}, store, NULL};
    struct status s =
        data_walk(store, (struct data_position){0}, DATA_WALK_PLACED, &visitor.visitor);
    if (!is_ok(s)) note_set(note, "can't read the records of blobs: %s", status_text(s.code));
    return s;
}

struct status data_space_find_on(struct data_store *store, struct data_place *place) {
    struct space_visitor visitor = {{visit_space}, store, place};
    TRY(data_walk(store, (struct data_position){0}, DATA_WALK_PLACED, &visitor.visitor));
    data_move_take(store, place);
    return status_ok();
}

/* ---- freeing ---- */

static void waiting_free(struct data_store *store, struct pin_waiting *list) {
    while (list) {
        struct pin_waiting *gone = list;
        list = gone->next;
        /* A drive that is out of service gets its space back at the next start. */
        struct volumes *volumes = data_volumes_to_write(store, gone->drive);
        if (volumes) volumes_give(volumes, gone->extent);
        free(gone);
    }
}

void data_pieces_release(struct data_store *store, struct kv_partition partition, struct blob_id id,
                         const struct piece *pieces, unsigned count) {
    struct pin_waiting *list = NULL;
    for (unsigned i = 0; i < count; i++) {
        data_piece_count(store, pieces[i].drive, -1);
        for (size_t e = 0; e < pieces[i].count; e++) {
            struct pin_waiting *waiting = malloc(sizeof *waiting);
            CHECK(waiting);
            *waiting = (struct pin_waiting){list, pieces[i].drive, pieces[i].spans[e].extent};
            list = waiting;
        }
    }
    if (!pin_defer(&store->pins, partition, id, list)) waiting_free(store, list);
}

void data_unpin(struct data_store *store, struct kv_partition partition, struct blob_id id) {
    waiting_free(store, pin_drop(&store->pins, partition, id));
}

static void data_free_bytes(struct blob_store *blob_store, struct kv_partition partition,
                            struct blob_id id, struct slice value) {
    struct data_store *store = data_of(blob_store);
    atomic_fetch_add(&store->collected, 1);
    Engine__BlobRecord *record = data_record_parse(value);
    if (record && record->moved) {
        data_move_gone(store, record); /* the extents are the index's (B11) */
    } else if (record && record->striped) {
        struct data_blob blob;
        data_blob_init(&blob, store, partition, id, record);
        data_pieces_release(store, partition, id, blob.pieces, layout_pieces(&blob.layout));
        data_blob_fini(&blob);
    }
    data_record_free(record);
}

/* ---- figures ---- */

static void data_blob_stats_read(struct blob_store *blob_store, struct blob_stats *ret_stats) {
    struct data_store *store = data_of(blob_store);
    *ret_stats = (struct blob_stats){
        .corrupt_blocks = atomic_load(&store->corrupt_blocks),
        .collected_blobs = atomic_load(&store->collected),
    };
    struct data_drive drive;
    for (uint32_t n = 0; data_drive_next(store, n, &drive); n = drive.number + 1) {
        ret_stats->bytes_free += drive.space.usable;
        ret_stats->bytes_total += drive.space.total;
    }
}

bool data_policy_note(struct data_store *store, size_t index, struct note *note) {
    CHECK(index < store->policy_count);
    const struct data_kept_policy *policy = store->policies[index];
    if (!policy->reduced) return false;
    note_set(note,
             "policy %s asks for data that survives the loss of %u drives, but with the drives "
             "there are it survives %u (allow_reduced_redundancy)",
             policy->name, policy->asked.parity_pieces, policy->parity.parity);
    return true;
}

bool data_policy_space_read(struct data_store *store, size_t index,
                            struct data_policy_space *ret_space) {
    if (index >= store->policy_count) return false;
    const struct data_kept_policy *policy = store->policies[index];
    *ret_space = (struct data_policy_space){0};
    memcpy(ret_space->name, policy->name, sizeof ret_space->name);
    ret_space->small = data_move_used(store, slice_str(policy->name));
    uint64_t room = 0;
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (is_eligible(store, policy, place, NULL, 0)) room += volumes_room(&place->volumes);
    }
    ret_space->free = room / (policy->parity.data + policy->parity.parity) * policy->parity.data;
    return true;
}

static void pass_read(const struct data_pass *pass, struct data_progress *ret_progress) {
    *ret_progress = (struct data_progress){
        .running = atomic_load(&pass->running),
        .blobs_done = atomic_load(&pass->blobs_done),
        .bytes_done = atomic_load(&pass->bytes_done),
        .repaired = atomic_load(&pass->repaired),
        .failed = atomic_load(&pass->failed),
        .started_ns = atomic_load(&pass->started_ns),
        .ended_ns = atomic_load(&pass->ended_ns),
    };
}

void data_stats_read(struct data_store *store, struct data_stats *ret_stats) {
    *ret_stats = (struct data_stats){
        .blobs_short = atomic_load(&store->blobs_short),
        .blocks_repaired = atomic_load(&store->blocks_repaired),
        .overlaps = atomic_load(&store->overlaps),
        .blobs_lacking = atomic_load(&store->lacking),
    };
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        const struct data_place *place = store->places[n];
        if (!place || atomic_load(&place->removed) || atomic_load(&place->pieces) < 0) continue;
        uint64_t pieces = (uint64_t)atomic_load(&place->pieces);
        ret_stats->pieces += pieces;
        if (!data_drive_is_well(store, n)) ret_stats->pieces_short += pieces;
    }
    ret_stats->scrub_paused = atomic_load(&store->scrub_stopped);
    pass_read(&store->repair, &ret_stats->repair);
    pass_read(&store->scrub, &ret_stats->scrub);
}

struct status data_health(struct data_store *store, struct note *note) {
    uint32_t numbers[LAYOUT_PIECES_MAX];
    size_t refused = 0;
    for (size_t i = 0; i < store->policy_count; i++) {
        const struct data_kept_policy *policy = store->policies[i];
        unsigned there = data_drives_choose(store, policy, NULL, 0, policy->min_pieces, numbers);
        if (there >= policy->min_pieces) continue;
        note_set(note, "policy %s can't be written: it needs %u drives, %u serve", policy->name,
                 policy->min_pieces, there);
        refused++;
    }
    if (refused > 0) return status_of(refused == store->policy_count ? STATUS_BUSY : STATUS_IO);
    struct data_drive drive;
    for (uint32_t n = 0; data_drive_next(store, n, &drive); n = drive.number + 1) {
        if (drive.state == DRIVE_SERVING) continue;
        return note_status(note, STATUS_IO, "%s", drive.line.text);
    }
    return status_ok();
}

/* ---- open and close ---- */

static void blob_store_close_refused(struct blob_store **store) {
    (void)store;
    CHECK(!"blob_store_close is not for the blob store of a data store");
}

static const struct blob_store_ops data_ops = {
    .writer_begin = data_writer_begin,
    .reader_open = data_reader_open,
    .free_bytes = data_free_bytes,
    .stats_read = data_blob_stats_read,
    .close = blob_store_close_refused,
};

static struct status open_steps(struct data_store *store, struct note *note) {
    TRY(data_drives_open(store, note));
    TRY(policies_take(store, &store->config, note));
    TRY(space_find(store, note));
    struct status s = data_scrub_load(store);
    if (!is_ok(s)) note_set(note, "can't read how far the scrub is: %s", status_text(s.code));
    TRY(s);
    TRY(data_move_start(store, note)); /* from here on the metadata store does checkpoints */
    TRY(data_drives_list(store, note));
    return store->config.mend_interval_s > 0 ? data_mend_start(store, note) : status_ok();
}

struct status data_open(const struct data_config *config, struct note *note,
                        struct data_store **ret_store) {
    struct data_store *store = calloc(1, sizeof *store);
    CHECK(store);
    store->store = (struct blob_store){&data_ops, config->kv};
    store->fs = config->fs;
    store->clock = config->clock;
    store->random = config->random;
    store->config = *config;
    if (store->config.io_deadline_ms == 0) store->config.io_deadline_ms = IO_DEADLINE_MS;
    if (!config->inline_io) store->timely = timely_new();
    pins_init(&store->pins);
    CHECK(pthread_mutex_init(&store->drives_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&store->mend_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&store->wake_lock, NULL) == 0);
    CHECK(pthread_cond_init(&store->wake, NULL) == 0);
    struct status s = open_steps(store, note);
    /* What the configuration points to need not outlive the open. */
    store->config.drives = NULL;
    store->config.policies = NULL;
    if (is_ok(s)) {
        *ret_store = store;
    } else {
        data_close(&store);
    }
    return s;
}

struct blob_store *data_blob(struct data_store *store) {
    return &store->store;
}

void data_close(struct data_store **store) {
    struct data_store *self = *store;
    if (!self) return;
    data_mend_stop(self);
    data_move_stop(self);
    *store = NULL;
    if (!timely_free(&self->timely)) return; /* a thread is stuck in a call that uses the rest */
    data_drives_close(self);
    for (size_t i = 0; i < self->policy_count; i++) {
        for (struct data_kept_policy *policy = self->policies[i]; policy;) {
            struct data_kept_policy *gone = policy;
            policy = gone->before;
            free(gone);
        }
    }
    pthread_mutex_destroy(&self->drives_lock);
    pins_fini(&self->pins);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->wake_lock);
    pthread_mutex_destroy(&self->mend_lock);
    free(self);
}
