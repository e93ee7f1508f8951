#include "engine/data_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

enum {
    DRIVE_KEY_LEN = 3,
    DRIVE_KEY_KIND = 'd',
    RECORD_ARENA_BYTES = 64 * 1024,
    IO_DEADLINE_MS = 15000
};

enum { DRIVE_IN_SERVICE, DRIVE_DRAINING, DRIVE_REMOVED };

struct data_store *data_of(struct blob_store *store) {
    return CONTAINER_OF(store, struct data_store, store);
}

struct data_place *data_place(struct data_store *store, uint32_t number) {
    return number <= DRIVE_NUMBER_MAX ? store->places[number] : NULL;
}

struct volumes *data_volumes_to_write(struct data_store *store, uint32_t number) {
    struct data_place *place = data_place(store, number);
    return place && drive_takes_writes(&place->drive) ? &place->volumes : NULL;
}

struct volumes *data_volumes_to_read(struct data_store *store, uint32_t number) {
    struct data_place *place = data_place(store, number);
    return place && drive_takes_reads(&place->drive) ? &place->volumes : NULL;
}

const struct data_kept_policy *data_policy_find(const struct data_store *store, struct slice name) {
    for (size_t i = 0; i < store->policy_count; i++) {
        if (slice_eq(slice_str(store->policies[i].name), name)) return &store->policies[i];
    }
    return NULL;
}

/* ---- drives: records ---- */

static void drive_key(char key[DRIVE_KEY_LEN], uint32_t number) {
    key[0] = BLOB_KEY_PREFIX;
    key[1] = DRIVE_KEY_KIND;
    key[2] = (char)number;
}

static struct status place_write(struct data_store *store, const struct data_place *place) {
    Engine__DriveRecord record = ENGINE__DRIVE_RECORD__INIT;
    char path[DRIVE_PATH_MAX];
    char media[8];
    uint8_t id[DRIVE_ID_LEN];
    memcpy(id, place->id.bytes, sizeof id);
    snprintf(path, sizeof path, "%s", place->drive.path);
    snprintf(media, sizeof media, "%s", drive_media_text(place->drive.media));
    record.version = 1;
    record.id = (ProtobufCBinaryData){.len = sizeof id, .data = id};
    record.path = path;
    record.media = media;
    record.state = place->removed                  ? DRIVE_REMOVED
                   : atomic_load(&place->draining) ? DRIVE_DRAINING
                                                   : DRIVE_IN_SERVICE;
    uint8_t bytes[DRIVE_PATH_MAX + 128];
    CHECK(engine__drive_record__get_packed_size(&record) <= sizeof bytes);
    size_t len = engine__drive_record__pack(&record, bytes);
    char key[DRIVE_KEY_LEN];
    drive_key(key, place->number);
    struct kv_batch *batch = kv_batch_new();
    kv_batch_put(batch, slice_of(key, sizeof key), slice_of(bytes, len));
    struct status s = kv_commit(store->store.kv, kv_partition_system, batch, NULL);
    kv_batch_free(&batch);
    return s;
}

static struct data_place *place_new(struct data_store *store, uint32_t number) {
    struct data_place *place = calloc(1, sizeof *place);
    CHECK(place);
    place->number = number;
    store->places[number] = place;
    return place;
}

/* Makes the place of a drive that the store knows; missing until its directory is found. */
static struct status place_load(struct data_store *store, uint32_t number, struct slice value) {
    Engine__DriveRecord *record =
        engine__drive_record__unpack(NULL, value.len, (const uint8_t *)value.ptr);
    enum drive_media media = DRIVE_SSD;
    bool valid = record && record->version == 1 && record->id.len == DRIVE_ID_LEN &&
                 strlen(record->path) < DRIVE_PATH_MAX &&
                 drive_media_parse(slice_str(record->media), &media);
    if (valid) {
        struct data_place *place = place_new(store, number);
        memcpy(place->id.bytes, record->id.data, DRIVE_ID_LEN);
        place->removed = record->state == DRIVE_REMOVED;
        atomic_store(&place->draining, record->state == DRIVE_DRAINING);
        drive_absent(&place->drive, store->fs, record->path, media);
    }
    if (record) engine__drive_record__free_unpacked(record, NULL);
    return status_of(valid ? STATUS_OK : STATUS_CORRUPT);
}

static struct status places_load(struct data_store *store) {
    struct arena arena;
    arena_init(&arena, RECORD_ARENA_BYTES, 64 * RECORD_ARENA_BYTES);
    struct status s = status_ok();
    for (uint32_t number = 1; number <= DRIVE_NUMBER_MAX && is_ok(s); number++) {
        char key[DRIVE_KEY_LEN];
        drive_key(key, number);
        struct slice value;
        arena_reset(&arena);
        s = kv_get(store->store.kv, kv_partition_system, slice_of(key, sizeof key), &arena, &value);
        bool absent = status_is(s, STATUS_NOT_FOUND);
        if (is_ok(s)) s = place_load(store, number, value);
        if (absent) s = status_ok();
    }
    arena_fini(&arena);
    return s;
}

static struct data_place *place_by_path(struct data_store *store, const char *path) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (place && !place->removed && strcmp(place->drive.path, path) == 0) return place;
    }
    return NULL;
}

static struct data_place *place_by_id(struct data_store *store, const struct drive_id *id) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (place && memcmp(place->id.bytes, id->bytes, sizeof id->bytes) == 0) return place;
    }
    return NULL;
}

/* ---- drives: directories ---- */

/* Puts an opened directory into its place; a drive that was never seen before gets a number. */
static struct status drive_seat(struct data_store *store, struct drive *drive,
                                const struct data_drive_config *config) {
    struct data_place *place = place_by_id(store, &drive->id);
    if (place && place->removed) {
        drive_refuse(drive, DRIVE_SWAPPED, "it was removed from this store");
        place = NULL;
    }
    uint32_t number = 1;
    while (!place && number <= DRIVE_NUMBER_MAX && store->places[number]) number++;
    if (number > DRIVE_NUMBER_MAX) return status_of(STATUS_TOO_LARGE);
    bool is_new = !place;
    if (is_new) {
        place = place_new(store, number);
        place->id = drive->id;
    } else {
        drive_close(&place->drive);
    }
    bool moved = !is_new && strcmp(place->drive.path, config->path) != 0;
    drive_move(&place->drive, drive);
    bool serving = drive_takes_writes(&place->drive);
    return serving && (is_new || moved) ? place_write(store, place) : status_ok();
}

static struct status directory_open(struct data_store *store,
                                    const struct data_drive_config *config) {
    const struct data_place *known = place_by_path(store, config->path);
    struct drive_config drive_config = {
        .path = config->path,
        .media = config->media,
        .store = store->config.store_id,
        .expected = known ? &known->id : NULL,
        .is_data_dir = config->is_data_dir,
    };
    struct drive drive;
    drive_open(&drive, store->fs, store->random, &drive_config);
    if (drive_state(&drive) == DRIVE_SWAPPED && place_by_id(store, &drive.id)) {
        /* Another one of ours, mounted elsewhere than last time. */
        struct drive_id id = drive.id;
        drive_close(&drive);
        drive_config.expected = &id;
        drive_open(&drive, store->fs, store->random, &drive_config);
        return drive_seat(store, &drive, config);
    }
    if (drive_state(&drive) == DRIVE_SERVING || !known) return drive_seat(store, &drive, config);
    /* The one that was expected here is not: its place says why. */
    struct data_place *place = place_by_path(store, config->path);
    drive_close(&place->drive);
    drive_move(&place->drive, &drive);
    return status_ok();
}

static void volumes_of_all_open(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (!place) continue;
        struct note note = {0};
        struct status s =
            volumes_open(&place->volumes, &place->drive, &store->config.limits, &note);
        if (!is_ok(s)) drive_refuse(&place->drive, DRIVE_DAMAGED, note.text);
    }
}

static struct status drives_open(struct data_store *store, struct note *note) {
    struct status s = places_load(store);
    if (!is_ok(s)) note_set(note, "can't read the list of drives: %s", status_text(s.code));
    for (size_t i = 0; i < store->config.drive_count && is_ok(s); i++) {
        s = directory_open(store, &store->config.drives[i]);
        if (!is_ok(s)) {
            note_set(note, "can't take drive %s in: %s", store->config.drives[i].path,
                     status_text(s.code));
        }
    }
    volumes_of_all_open(store);
    return s;
}

/* ---- choosing drives ---- */

static bool on_same_device(const struct data_place *a, const struct data_place *b) {
    return a == b || a->drive.device == b->drive.device;
}

static bool is_eligible(struct data_store *store, const struct data_kept_policy *policy,
                        const struct data_place *place, const uint32_t *taken, unsigned count) {
    if (!place || place->removed || atomic_load(&place->draining)) return false;
    if (!drive_takes_writes(&place->drive) || place->drive.media != policy->asked.media) {
        return false;
    }
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

/* ---- policies ---- */

static unsigned min_pieces_of(const struct data_policy *policy, unsigned data, unsigned parity) {
    unsigned all = data + parity;
    unsigned least = policy->min_pieces;
    if (least == 0) least = data > 1 ? data + 1 : (all + 2) / 2; /* of 3 copies 2 */
    if (least < data) least = data;
    return least < all ? least : all;
}

/* How many drives there are for a policy, whether they answer today or not. */
static unsigned drives_for(struct data_store *store, const struct data_kept_policy *policy) {
    uint32_t devices[DRIVE_NUMBER_MAX];
    unsigned count = 0;
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        const struct data_place *place = store->places[n];
        if (!place || place->removed || place->drive.media != policy->asked.media) continue;
        bool counts = true;
        bool serving = drive_takes_writes(&place->drive);
        for (unsigned i = 0; i < count && serving && !policy->asked.same_device; i++) {
            const struct data_place *other = store->places[devices[i]];
            bool other_serves = drive_takes_writes(&other->drive);
            if (other_serves && on_same_device(place, other)) counts = false;
        }
        if (counts) devices[count++] = n;
    }
    return count;
}

static struct status policy_take(struct data_store *store, const struct data_policy *asked,
                                 struct note *note) {
    struct data_kept_policy *kept = &store->policies[store->policy_count];
    CHECK(strlen(asked->name) <= BLOB_POLICY_NAME_MAX && asked->data_pieces > 0);
    snprintf(kept->name, sizeof kept->name, "%s", asked->name);
    kept->asked = *asked;
    kept->asked.name = kept->name;
    unsigned data = asked->data_pieces;
    unsigned parity = asked->parity_pieces;
    unsigned drives = drives_for(store, kept);
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
    store->policy_count++;
    return status_ok();
}

static struct status policies_take(struct data_store *store, const struct data_config *config,
                                   struct note *note) {
    CHECK(config->policy_count <= DATA_POLICIES_MAX);
    for (size_t i = 0; i < config->policy_count; i++) {
        if (data_policy_find(store, slice_str(config->policies[i].name))) {
            return note_status(note, STATUS_INVALID, "there are two policies %s",
                               config->policies[i].name);
        }
        TRY(policy_take(store, &config->policies[i], note));
    }
    return status_ok();
}

/* ---- the space in use ---- */

struct space_visitor {
    struct data_visitor visitor;
    struct data_store *store;
};

static bool visit_space(struct data_visitor *visitor, struct kv_partition partition,
                        struct blob_id id, struct slice value) {
    struct space_visitor *self = CONTAINER_OF(visitor, struct space_visitor, visitor);
    Engine__BlobRecord *record = data_record_parse(value);
    if (!record) {
        atomic_fetch_add(&self->store->corrupt_blocks, 1);
    } else if (record->striped) {
        struct data_blob blob;
        data_blob_init(&blob, self->store, partition, id, record);
        for (unsigned i = 0; i < layout_pieces(&blob.layout); i++) {
            struct piece *piece = &blob.pieces[i];
            for (size_t e = 0; piece->volumes && e < piece->count; e++) {
                if (volumes_take(piece->volumes, piece->spans[e].extent)) continue;
                atomic_fetch_add(&self->store->overlaps, 1);
            }
        }
        data_blob_fini(&blob);
    }
    data_record_free(record);
    return true;
}

static struct status space_find(struct data_store *store, struct note *note) {
    struct space_visitor visitor = {{visit_space}, store};
    struct status s = data_walk(store, (struct data_position){0}, false, &visitor.visitor);
    if (!is_ok(s)) note_set(note, "can't read the records of blobs: %s", status_text(s.code));
    return s;
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
    if (record && record->striped) {
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

bool data_drive_next(struct data_store *store, uint32_t number, struct data_drive *ret_drive) {
    while (number <= DRIVE_NUMBER_MAX &&
           (!store->places[number] || store->places[number]->removed)) {
        number++;
    }
    if (number > DRIVE_NUMBER_MAX) return false;
    struct data_place *place = store->places[number];
    *ret_drive = (struct data_drive){
        .number = number,
        .state = drive_state(&place->drive),
        .media = place->drive.media,
        .draining = atomic_load(&place->draining),
    };
    snprintf(ret_drive->path, sizeof ret_drive->path, "%s", place->drive.path);
    drive_line(&place->drive, &ret_drive->line);
    volumes_space_read(&place->volumes, &ret_drive->space);
    return true;
}

struct status data_drive_drain(struct data_store *store, uint32_t number, bool drain) {
    struct data_place *place = data_place(store, number);
    if (!place || place->removed) return status_of(STATUS_NOT_FOUND);
    bool before = atomic_exchange(&place->draining, drain);
    struct status s = place_write(store, place);
    if (!is_ok(s)) atomic_store(&place->draining, before);
    if (is_ok(s) && drain) data_mend_wake(store);
    return s;
}

bool data_policy_note(struct data_store *store, size_t index, struct note *note) {
    CHECK(index < store->policy_count);
    const struct data_kept_policy *policy = &store->policies[index];
    if (!policy->reduced) return false;
    note_set(note,
             "policy %s asks for data that survives the loss of %u drives, but with the drives "
             "there are it survives %u (allow_reduced_redundancy)",
             policy->name, policy->asked.parity_pieces, policy->parity.parity);
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
    };
    pass_read(&store->repair, &ret_stats->repair);
    pass_read(&store->scrub, &ret_stats->scrub);
}

struct status data_health(struct data_store *store, struct note *note) {
    uint32_t numbers[LAYOUT_PIECES_MAX];
    size_t refused = 0;
    for (size_t i = 0; i < store->policy_count; i++) {
        const struct data_kept_policy *policy = &store->policies[i];
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
    TRY(drives_open(store, note));
    TRY(policies_take(store, &store->config, note));
    TRY(space_find(store, note));
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
    *store = NULL;
    if (!timely_free(&self->timely)) return; /* a thread is stuck in a call that uses the rest */
    for (uint32_t n = 0; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = self->places[n];
        if (!place) continue;
        if (place->volumes.drive) volumes_close(&place->volumes);
        drive_close(&place->drive);
        free(place);
    }
    pins_fini(&self->pins);
    pthread_cond_destroy(&self->wake);
    pthread_mutex_destroy(&self->wake_lock);
    pthread_mutex_destroy(&self->mend_lock);
    free(self);
}
