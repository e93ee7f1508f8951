/* The drives of a store: the list that it keeps of them, their directories, and what an operator
 * does with them while it runs. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/codec.h"
#include "base/date.h"
#include "engine/data_move.h"
#include "engine/data_store.h"

enum {
    DRIVE_KEY_LEN = 3,
    DRIVE_KEY_KIND = 'd',
    DRIVE_RECORD_MAX = DRIVE_PATH_MAX + 128,
    RECORD_ARENA_BYTES = 64 * 1024,
    FULL_BYTES = 1024 * 1024, /* with less room than this a drive is called full */
};

enum { DRIVE_IN_SERVICE, DRIVE_DRAINING, DRIVE_REMOVED };

/* ---- the list ---- */

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
    record.state = atomic_load(&place->removed)    ? DRIVE_REMOVED
                   : atomic_load(&place->draining) ? DRIVE_DRAINING
                                                   : DRIVE_IN_SERVICE;
    record.successor = atomic_load(&place->successor);
    uint8_t bytes[DRIVE_RECORD_MAX];
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

static struct data_place *place_new(uint32_t number) {
    struct data_place *place = calloc(1, sizeof *place);
    CHECK(place);
    place->number = number;
    return place;
}

/* Ends a place that nobody else has seen. */
static void place_free(struct data_place *place) {
    if (place->volumes.drive) volumes_close(&place->volumes);
    drive_close(&place->drive);
    free(place);
}

static void volumes_begin(struct data_store *store, struct data_place *place) {
    struct note note = {0};
    struct status s = volumes_open(&place->volumes, &place->drive, &store->config.limits, &note);
    if (!is_ok(s)) drive_refuse(&place->drive, DRIVE_DAMAGED, note.text);
}

/* Makes the place of a drive that the store knows; missing until its directory is found. */
static struct status place_load(struct data_store *store, uint32_t number, struct slice value) {
    Engine__DriveRecord *record =
        engine__drive_record__unpack(NULL, value.len, (const uint8_t *)value.ptr);
    enum drive_media media = DRIVE_SSD;
    bool valid = record && record->version == 1 && record->id.len == DRIVE_ID_LEN &&
                 strlen(record->path) < DRIVE_PATH_MAX && record->successor <= DRIVE_NUMBER_MAX &&
                 drive_media_parse(slice_str(record->media), &media);
    if (valid) {
        struct data_place *place = place_new(number);
        memcpy(place->id.bytes, record->id.data, DRIVE_ID_LEN);
        atomic_store(&place->removed, record->state == DRIVE_REMOVED);
        atomic_store(&place->draining, record->state == DRIVE_DRAINING);
        atomic_store(&place->successor, record->successor);
        drive_absent(&place->drive, store->fs, record->path, media);
        volumes_begin(store, place);
        store->places[number] = place;
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

static bool is_listed(const struct data_place *place) {
    return place && !atomic_load(&place->removed);
}

/* The drive that was seen at a path last; one that has been replaced only if there is no other. */
static struct data_place *place_by_path(struct data_store *store, const char *path) {
    struct data_place *found = NULL;
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (!is_listed(place) || strcmp(place->drive.path, path) != 0) continue;
        if (!found || atomic_load(&found->successor) != 0) found = place;
    }
    return found;
}

static struct data_place *place_by_id(struct data_store *store, const struct drive_id *id) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (place && memcmp(place->id.bytes, id->bytes, sizeof id->bytes) == 0) return place;
    }
    return NULL;
}

/* Puts a place where it belongs; who has met the one before may go on with it. */
static void place_publish(struct data_store *store, struct data_place *place) {
    place->before = store->places[place->number];
    store->places[place->number] = place;
}

/* ---- directories ---- */

/* A place for an opened directory: a known drive's own, or that of one never seen before. */
static struct status place_make(struct data_store *store, struct drive *drive,
                                struct data_place **ret_place) {
    const struct data_place *known = place_by_id(store, &drive->id);
    uint32_t number = 1;
    while (!known && number <= DRIVE_NUMBER_MAX && store->places[number]) number++;
    if (number > DRIVE_NUMBER_MAX) return status_of(STATUS_TOO_LARGE);
    struct data_place *place = place_new(known ? known->number : number);
    place->id = known ? known->id : drive->id;
    if (known) {
        atomic_store(&place->draining, atomic_load(&known->draining));
        atomic_store(&place->successor, atomic_load(&known->successor));
        atomic_store(&place->pieces, atomic_load(&known->pieces));
    }
    drive_move(&place->drive, drive);
    volumes_begin(store, place);
    *ret_place = place;
    return status_ok();
}

/* What is to be done before a running store can use a drive. */
static struct status seat_prepare(struct data_store *store, struct data_place *place,
                                  struct note *note) {
    if (drive_state(&place->drive) != DRIVE_SERVING) {
        drive_line(&place->drive, note);
        return status_of(STATUS_REFUSED);
    }
    return store->places[place->number] ? data_space_find_on(store, place) : status_ok();
}

/*
 * Puts an opened directory into its place. The record is written after the identity (D2), and
 * before anybody can use the drive. `note` is for a store that runs; NULL: it is being opened.
 */
static struct status drive_seat(struct data_store *store, struct drive *drive, struct note *note,
                                struct data_place **ret_place) {
    struct data_place *place;
    TRY(place_make(store, drive, &place));
    const struct data_place *known = store->places[place->number];
    bool news = !known || strcmp(known->drive.path, place->drive.path) != 0;
    struct status s = note ? seat_prepare(store, place, note) : status_ok();
    if (is_ok(s) && news && drive_takes_writes(&place->drive)) s = place_write(store, place);
    if (!note && status_is(s, STATUS_BUSY)) { /* the log is full: until there is a checkpoint */
        atomic_store(&place->unlisted, true);
        s = status_ok();
    }
    if (!is_ok(s)) {
        place_free(place);
        return s;
    }
    place_publish(store, place);
    *ret_place = place;
    return s;
}

/* Opens a directory as what it turns out to be: one of ours may be mounted elsewhere than last
 * time. */
static void directory_open(struct data_store *store, const struct data_drive_config *config,
                           const struct data_place *known, struct drive *drive) {
    struct drive_config drive_config = {
        .path = config->path,
        .media = config->media,
        .store = store->config.store_id,
        .expected = known ? &known->id : NULL,
        .is_data_dir = config->is_data_dir,
    };
    drive_open(drive, store->fs, store->random, &drive_config);
    if (drive_state(drive) != DRIVE_SWAPPED || !place_by_id(store, &drive->id)) return;
    struct drive_id id = drive->id;
    drive_close(drive);
    drive_config.expected = &id;
    drive_open(drive, store->fs, store->random, &drive_config);
}

/* Whether a directory is that of a drive that was removed, and none any more. */
static bool is_former_drive(struct data_store *store, const struct drive *drive) {
    const struct data_place *place = place_by_id(store, &drive->id);
    return place && atomic_load(&place->removed);
}

static struct status directory_take(struct data_store *store,
                                    const struct data_drive_config *config) {
    struct data_place *known = place_by_path(store, config->path);
    struct data_place *place;
    struct drive drive;
    directory_open(store, config, known, &drive);
    if (is_former_drive(store, &drive)) {
        drive_close(&drive);
        return status_ok();
    }
    bool is_known = drive_state(&drive) == DRIVE_SERVING || drive_state(&drive) == DRIVE_READ_ONLY;
    if (is_known || !known) return drive_seat(store, &drive, NULL, &place);
    /* The one that was expected here is not: its place says why. */
    drive_close(&known->drive);
    drive_move(&known->drive, &drive);
    return status_ok();
}

/* Those that the configuration does not name are where they were seen last. */
static struct status directories_known_take(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (!is_listed(place) || place->drive.dir_fd >= 0) continue;
        if (place_by_path(store, place->drive.path) != place) continue;
        struct data_drive_config config = {place->drive.path, place->drive.media, false};
        char path[DRIVE_PATH_MAX];
        snprintf(path, sizeof path, "%s", place->drive.path);
        config.path = path;
        TRY(directory_take(store, &config));
    }
    return status_ok();
}

struct status data_drives_list(struct data_store *store, struct note *note) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (!place || !atomic_load(&place->unlisted)) continue;
        struct status s = place_write(store, place);
        if (!is_ok(s)) {
            return note_status(note, s.code, "can't take drive %s in: %s", place->drive.path,
                               status_text(s.code));
        }
        atomic_store(&place->unlisted, false);
    }
    return status_ok();
}

struct status data_drives_open(struct data_store *store, struct note *note) {
    struct status s = places_load(store);
    if (!is_ok(s)) note_set(note, "can't read the list of drives: %s", status_text(s.code));
    for (size_t i = 0; i < store->config.drive_count && is_ok(s); i++) {
        s = directory_take(store, &store->config.drives[i]);
        if (!is_ok(s)) {
            note_set(note, "can't take drive %s in: %s", store->config.drives[i].path,
                     status_text(s.code));
        }
    }
    if (!is_ok(s)) return s;
    s = directories_known_take(store);
    if (!is_ok(s)) note_set(note, "can't take the known drives in: %s", status_text(s.code));
    return s;
}

void data_drives_close(struct data_store *store) {
    for (uint32_t n = 0; n <= DRIVE_NUMBER_MAX; n++) {
        for (struct data_place *place = store->places[n]; place;) {
            struct data_place *gone = place;
            place = gone->before;
            place_free(gone);
        }
    }
}

/* ---- looking ---- */

void data_piece_count(struct data_store *store, uint32_t number, int change) {
    struct data_place *place = number > 0 ? data_place(store, number) : NULL;
    if (place) atomic_fetch_add(&place->pieces, change);
}

/* Who removes a drive says that it drains, then looks at the count: one of the two sees the other.
 */
bool data_drive_join(struct data_store *store, uint32_t number) {
    atomic_fetch_add(&store->joined[number], 1);
    if (data_drive_is_well(store, number)) return true;
    data_drive_leave(store, number);
    return false;
}

void data_drive_leave(struct data_store *store, uint32_t number) {
    if (number > 0) atomic_fetch_sub(&store->joined[number], 1);
}

static bool is_being_refilled(struct data_store *store, uint32_t number) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        struct data_place *place = store->places[n];
        if (is_listed(place) && atomic_load(&place->successor) == number) return true;
    }
    return false;
}

bool data_drive_next(struct data_store *store, uint32_t number, struct data_drive *ret_drive) {
    while (number <= DRIVE_NUMBER_MAX && !is_listed(store->places[number])) number++;
    if (number > DRIVE_NUMBER_MAX) return false;
    struct data_place *place = store->places[number];
    long long pieces = atomic_load(&place->pieces);
    *ret_drive = (struct data_drive){
        .number = number,
        .id = place->id,
        .state = drive_state(&place->drive),
        .media = place->drive.media,
        .draining = atomic_load(&place->draining),
        .successor = atomic_load(&place->successor),
        .refilling = is_being_refilled(store, number),
        .pieces = pieces > 0 ? (uint64_t)pieces : 0,
        .errors = atomic_load(&place->drive.errors),
    };
    if (!data_drive_is_well(store, number)) ret_drive->pieces_short = ret_drive->pieces;
    snprintf(ret_drive->path, sizeof ret_drive->path, "%s", place->drive.path);
    drive_line(&place->drive, &ret_drive->line);
    volumes_space_read(&place->volumes, &ret_drive->space);
    return true;
}

const char *data_drive_word(const struct data_drive *drive) {
    if (drive->state != DRIVE_SERVING) {
        return drive->successor != 0 ? "replaced" : drive_state_text(drive->state);
    }
    if (drive->draining) return drive->pieces > 0 ? "draining" : "drained";
    if (drive->refilling) return "refilling";
    return drive->space.usable < FULL_BYTES ? "full" : "in service";
}

static bool number_parse(struct slice word, uint32_t *ret_number) {
    uint32_t number = 0;
    if (word.len == 0 || word.len > 3) return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] < '0' || word.ptr[i] > '9') return false;
        number = number * 10 + (uint32_t)(word.ptr[i] - '0');
    }
    *ret_number = number;
    return number > 0 && number <= DRIVE_NUMBER_MAX;
}

bool data_drive_find(struct data_store *store, struct slice word, uint32_t *ret_number) {
    struct data_place *place = NULL;
    struct drive_id id;
    uint32_t number;
    char path[DRIVE_PATH_MAX];
    if (number_parse(word, &number)) {
        place = data_place(store, number);
    } else if (word.len == 2 * sizeof id.bytes && hex_decode(word, id.bytes, sizeof id.bytes)) {
        place = place_by_id(store, &id);
    } else if (word.len < sizeof path) {
        snprintf(path, sizeof path, "%.*s", SLICE_FMT(word));
        place = place_by_path(store, path);
    }
    if (!is_listed(place)) return false;
    *ret_number = place->number;
    return true;
}

/* ---- what lies on one drive ---- */

struct census_visitor {
    struct data_visitor visitor;
    struct data_store *store;
    uint32_t number;
    struct data_census *census;
};

static bool visit_census(struct data_visitor *visitor, struct kv_partition partition,
                         struct blob_id id, struct slice value) {
    struct census_visitor *self = CONTAINER_OF(visitor, struct census_visitor, visitor);
    Engine__BlobRecord *record = data_record_parse(value);
    if (record && record->striped) {
        struct data_blob blob;
        data_blob_init(&blob, self->store, partition, id, record);
        unsigned here = 0;
        unsigned elsewhere = 0;
        for (unsigned i = 0; i < layout_pieces(&blob.layout); i++) {
            uint32_t drive = blob.pieces[i].drive;
            here += drive == self->number;
            elsewhere += drive != self->number && data_drive_keeps(self->store, drive);
        }
        self->census->pieces += here;
        if (here > 0 && elsewhere < blob.layout.data) {
            self->census->only_here++;
            self->census->only_here_bytes += blob.layout.size;
        }
        data_blob_fini(&blob);
    }
    data_record_free(record);
    return true;
}

struct status data_drive_census(struct data_store *store, uint32_t number,
                                struct data_census *ret_census) {
    struct data_census census = {0};
    struct census_visitor visitor = {{visit_census}, store, number, &census};
    TRY(data_walk(store, (struct data_position){0}, DATA_WALK_ALL, &visitor.visitor));
    *ret_census = census;
    return status_ok();
}

/* ---- changing them ---- */

static struct data_place *place_listed(struct data_store *store, uint32_t number) {
    struct data_place *place = number > 0 ? data_place(store, number) : NULL;
    return is_listed(place) ? place : NULL;
}

struct status data_drive_drain(struct data_store *store, uint32_t number, bool drain) {
    struct data_place *place = place_listed(store, number);
    if (!place) return status_of(STATUS_NOT_FOUND);
    pthread_mutex_lock(&store->drives_lock);
    bool before = atomic_exchange(&place->draining, drain);
    uint32_t successor = atomic_load(&place->successor);
    if (!drain) atomic_store(&place->successor, 0);
    struct status s = place_write(store, place);
    if (!is_ok(s)) {
        atomic_store(&place->draining, before);
        atomic_store(&place->successor, successor);
    }
    pthread_mutex_unlock(&store->drives_lock);
    if (is_ok(s) && drain) data_mend_wake(store);
    return s;
}

/* A drive that was used since the start may still have writes of ours in its queue (D3). */
static bool was_in_use(const struct data_place *place) {
    enum drive_state state = drive_state(&place->drive);
    return state == DRIVE_SERVING || state == DRIVE_FAILED || state == DRIVE_HUNG;
}

/* Whether an opened directory may become a drive now; else `note` says why not. */
static bool is_welcome(struct data_store *store, struct drive *drive, struct note *note) {
    const struct data_place *known = place_by_id(store, &drive->id);
    if (drive_state(drive) == DRIVE_SERVING && known && atomic_load(&known->removed)) {
        drive_refuse(drive, DRIVE_SWAPPED,
                     "it was removed from this store; without its files it can be added anew");
    } else if (drive_state(drive) == DRIVE_SERVING && known && was_in_use(known)) {
        drive_refuse(drive, DRIVE_FAILED, "it failed while it was used; a restart takes it again");
    }
    drive_line(drive, note);
    return drive_state(drive) == DRIVE_SERVING;
}

static struct status add_locked(struct data_store *store, const struct data_drive_config *config,
                                bool in_place, struct note *note, uint32_t *ret_number) {
    const struct data_place *at_path = place_by_path(store, config->path);
    struct data_place *place;
    struct drive drive;
    if (at_path && drive_state(&at_path->drive) == DRIVE_SERVING) {
        return note_status(note, STATUS_EXISTS, "%s is drive %u already", config->path,
                           at_path->number);
    }
    if (at_path && !in_place && was_in_use(at_path)) {
        return note_status(note, STATUS_REFUSED,
                           "drive %s failed while it was used; a restart takes it again",
                           config->path);
    }
    directory_open(store, config, in_place ? NULL : at_path, &drive);
    if (!is_welcome(store, &drive, note)) {
        drive_close(&drive);
        return status_of(STATUS_REFUSED);
    }
    struct status s = drive_seat(store, &drive, note, &place);
    if (is_ok(s)) *ret_number = place->number;
    if (is_ok(s) || note->text[0]) return s;
    return note_status(note, s.code, "can't take drive %s in: %s", config->path,
                       status_text(s.code));
}

struct status data_drive_add(struct data_store *store, const char *path, enum drive_media media,
                             struct note *note, uint32_t *ret_number) {
    struct data_drive_config config = {.path = path, .media = media};
    if (path[0] != '/' || strlen(path) >= DRIVE_PATH_MAX) {
        return note_status(note, STATUS_INVALID, "a drive is named by an absolute path");
    }
    pthread_mutex_lock(&store->drives_lock);
    struct status s = add_locked(store, &config, false, note, ret_number);
    if (is_ok(s)) data_policies_review(store);
    pthread_mutex_unlock(&store->drives_lock);
    if (is_ok(s)) data_mend_wake(store);
    return s;
}

static struct status replace_locked(struct data_store *store, uint32_t number, const char *path,
                                    struct note *note, uint32_t *ret_number) {
    struct data_place *old = place_listed(store, number);
    if (!old) return note_status(note, STATUS_NOT_FOUND, "there is no drive %u", number);
    struct data_drive_config config = {.path = path, .media = old->drive.media};
    TRY(add_locked(store, &config, true, note, ret_number));
    if (*ret_number == number) return status_ok(); /* it is back */
    uint32_t before = atomic_exchange(&old->successor, *ret_number);
    bool draining = atomic_exchange(&old->draining, true);
    struct status s = place_write(store, old);
    if (is_ok(s)) return s;
    atomic_store(&old->successor, before);
    atomic_store(&old->draining, draining);
    return note_status(note, s.code, "drive %u is added, but can't take over: %s", *ret_number,
                       status_text(s.code));
}

struct status data_drive_replace(struct data_store *store, uint32_t number, const char *path,
                                 struct note *note, uint32_t *ret_number) {
    if (path[0] != '/' || strlen(path) >= DRIVE_PATH_MAX) {
        return note_status(note, STATUS_INVALID, "a drive is named by an absolute path");
    }
    pthread_mutex_lock(&store->drives_lock);
    struct status s = replace_locked(store, number, path, note, ret_number);
    if (is_ok(s)) data_policies_review(store);
    pthread_mutex_unlock(&store->drives_lock);
    if (is_ok(s)) data_mend_wake(store);
    return s;
}

/* Waits for what is being written to a drive that nothing new is put on, as long as for a call. */
static struct status joined_wait(struct data_store *store, uint32_t number, struct note *note) {
    static const struct timespec pause = {0, NS_PER_MS};
    for (unsigned ms = 0; ms < store->config.io_deadline_ms; ms++) {
        if (atomic_load(&store->joined[number]) == 0) return status_ok();
        nanosleep(&pause, NULL);
    }
    return note_status(note, STATUS_BUSY,
                       "%u objects or parts are being written to drive %u; drain it, and try again "
                       "when they are done",
                       atomic_load(&store->joined[number]), number);
}

/* Refuses what would lose something that was not said to be lost. */
static struct status removal_judge(struct data_store *store, uint32_t number, bool lose_data,
                                   struct note *note) {
    struct data_census census;
    struct note unused = {0};
    struct status s = joined_wait(store, number, lose_data ? &unused : note);
    if (!is_ok(s) && !lose_data) return s;
    TRY(data_policies_survive(store, number, note));
    TRY(data_drive_census(store, number, &census));
    if (census.only_here == 0 || lose_data) return status_ok();
    return note_status(note, STATUS_CONFLICT,
                       "%llu objects or parts (%llu bytes) can be read only with drive %u; drain "
                       "it first",
                       (unsigned long long)census.only_here,
                       (unsigned long long)census.only_here_bytes, number);
}

static struct status remove_locked(struct data_store *store, uint32_t number, bool lose_data,
                                   struct note *note) {
    struct data_place *place = place_listed(store, number);
    if (!place) return note_status(note, STATUS_NOT_FOUND, "there is no drive %u", number);
    bool draining = atomic_exchange(&place->draining, true); /* nothing new while we count */
    data_move_flush(store);                                  /* nor is anything on its way there */
    struct status s = removal_judge(store, number, lose_data, note);
    if (is_ok(s)) {
        atomic_store(&place->removed, true);
        s = place_write(store, place);
        if (!is_ok(s)) atomic_store(&place->removed, false);
    }
    if (!is_ok(s)) atomic_store(&place->draining, draining);
    if (!is_ok(s) && !note->text[0]) note_set(note, "%s", status_text(s.code));
    return s;
}

struct status data_drive_remove(struct data_store *store, uint32_t number, bool lose_data,
                                struct note *note) {
    pthread_mutex_lock(&store->drives_lock);
    struct status s = remove_locked(store, number, lose_data, note);
    if (is_ok(s)) data_policies_review(store);
    pthread_mutex_unlock(&store->drives_lock);
    if (is_ok(s)) data_mend_wake(store);
    return s;
}

void data_drives_tidy(struct data_store *store) {
    for (uint32_t n = 1; n <= DRIVE_NUMBER_MAX; n++) {
        const struct data_place *place = store->places[n];
        if (!is_listed(place) || atomic_load(&place->successor) == 0) continue;
        struct data_census census;
        if (atomic_load(&place->pieces) > 0 || atomic_load(&store->joined[n]) > 0) continue;
        if (!is_ok(data_drive_census(store, n, &census)) || census.pieces > 0) continue;
        struct note unused = {0};
        IGNORE_STATUS(data_drive_remove(store, n, false, &unused)); /* or at the next look */
    }
}
