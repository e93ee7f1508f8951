#include "engine/volume.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "engine/bytes.h"
#include "engine/checksum.h"

enum {
    HEADER_UNITS = 1,
    WORD_BITS = 64,
    NAME_LEN = 6,
    TRIM_UNITS_MIN = 256, /* 1 MiB: shorter ranges are worth more than their punch */
    RUN_UNITS_MIN = 64,   /* a long run, for small bodies */
    RUN_UNITS_GIVEN = 8192,
    SPARE_SHARE = 8, /* of what is in use is free before short runs are used up */
};

static const uint64_t volume_bytes_default = UINT64_C(64) << 30;
static const uint64_t grow_bytes_max = UINT64_C(64) << 20;
static const uint64_t reserve_bytes_max = UINT64_C(256) << 20;
static const uint64_t step_bytes_min = UINT64_C(1) << 20;

static const char header_magic[] = "hink volume 1\n\0";

struct volume {
    uint32_t number;
    int write_fd; /* past the page cache */
    int read_fd;
    struct extent_map map;     /* under the lock of the list */
    atomic_ullong *verified;   /* a bit a unit: checked, and not written since */
    pthread_mutex_t sync_lock; /* guards what follows */
    pthread_cond_t sync_ended;
    bool syncing;
    bool sync_failed;
    uint64_t sync_wanted;
    uint64_t sync_done;
};

static struct volume *volume_of(const struct volumes *volumes, uint32_t number) {
    CHECK(number > 0 && number <= volumes->count);
    return volumes->list[number - 1];
}

static void name_print(char name[NAME_LEN + 1], uint32_t number) {
    snprintf(name, NAME_LEN + 1, "%06u", number % 1000000);
}

/* ---- headers ---- */

static void *unit_new(void) {
    void *unit = aligned_alloc(EXTENT_UNIT, EXTENT_UNIT);
    CHECK(unit);
    memset(unit, 0, EXTENT_UNIT);
    return unit;
}

static void header_print(const struct volumes *volumes, uint32_t number, char *unit) {
    memcpy(unit, header_magic, sizeof header_magic);
    memcpy(unit + 16, volumes->drive->store.bytes, DRIVE_ID_LEN);
    memcpy(unit + 32, volumes->drive->id.bytes, DRIVE_ID_LEN);
    bytes_put_u32(unit + 48, number);
    bytes_put_u32(unit + EXTENT_UNIT - 4, checksum_crc32c(0, unit, EXTENT_UNIT - 4));
}

static struct status header_write(const struct volumes *volumes, const struct volume *volume) {
    char *unit = unit_new();
    header_print(volumes, volume->number, unit);
    struct fs *fs = volumes->drive->fs;
    struct status s = fs_write(fs, volume->write_fd, 0, slice_of(unit, EXTENT_UNIT));
    free(unit);
    if (is_ok(s)) s = fs_sync_data(fs, volume->write_fd);
    return is_ok(s) ? fs_dir_sync(fs, volumes->dir_fd) : s;
}

static struct status header_check(const struct volumes *volumes, const struct volume *volume) {
    uint64_t size;
    TRY(fs_size(volumes->drive->fs, volume->read_fd, &size));
    /* It was being made when the power went: it grows only after its header is durable. */
    if (size <= EXTENT_UNIT && volume->write_fd < 0) return status_of(STATUS_NOT_FOUND);
    if (size <= EXTENT_UNIT) return header_write(volumes, volume);
    char *unit = unit_new();
    char *expected = unit_new();
    header_print(volumes, volume->number, expected);
    struct status s = fs_read(volumes->drive->fs, volume->read_fd, 0, unit, EXTENT_UNIT);
    if (status_is(s, STATUS_RANGE)) s = status_of(STATUS_CORRUPT);
    if (is_ok(s) && memcmp(unit, expected, EXTENT_UNIT) != 0) s = status_of(STATUS_CORRUPT);
    free(expected);
    free(unit);
    return s;
}

/* ---- opening ---- */

static void volume_free(struct fs *fs, struct volume *volume) {
    fs_close(fs, &volume->write_fd);
    fs_close(fs, &volume->read_fd);
    extent_map_fini(&volume->map);
    free(volume->verified);
    pthread_mutex_destroy(&volume->sync_lock);
    pthread_cond_destroy(&volume->sync_ended);
    free(volume);
}

static struct status files_open(struct volumes *volumes, struct volume *volume, unsigned flags) {
    struct fs *fs = volumes->drive->fs;
    char name[NAME_LEN + 1];
    name_print(name, volume->number);
    if (drive_takes_writes(volumes->drive)) {
        TRY(fs_open_write(fs, volumes->dir_fd, name, flags | FS_DIRECT, &volume->write_fd));
    }
    return fs_open_read(fs, volumes->dir_fd, name, &volume->read_fd);
}

static struct status volume_open(struct volumes *volumes, uint32_t number, bool create,
                                 struct volume **ret_volume) {
    struct volume *volume = calloc(1, sizeof *volume);
    CHECK(volume);
    *volume = (struct volume){.number = number, .write_fd = -1, .read_fd = -1};
    CHECK(pthread_mutex_init(&volume->sync_lock, NULL) == 0);
    CHECK(pthread_cond_init(&volume->sync_ended, NULL) == 0);
    uint64_t size = EXTENT_UNIT;
    struct fs *fs = volumes->drive->fs;
    struct status s = files_open(volumes, volume, create ? FS_CREATE : 0);
    if (is_ok(s)) s = create ? header_write(volumes, volume) : header_check(volumes, volume);
    if (is_ok(s)) s = fs_size(fs, volume->read_fd, &size);
    if (!is_ok(s)) {
        volume_free(fs, volume);
        return s;
    }
    extent_map_init(&volume->map, (uint32_t)(size / EXTENT_UNIT));
    uint64_t units = volumes->limits.volume_bytes / EXTENT_UNIT;
    if (units < size / EXTENT_UNIT) units = size / EXTENT_UNIT; /* the limit was larger then */
    volume->verified = calloc(units / WORD_BITS + 1, sizeof *volume->verified);
    CHECK(volume->verified);
    CHECK(extent_map_take(&volume->map, 0, HEADER_UNITS));
    *ret_volume = volume;
    return status_ok();
}

static void list_add(struct volumes *volumes, struct volume *volume) {
    CHECK(volumes->count < VOLUMES_MAX);
    volumes->list[volumes->count] = volume;
    atomic_fetch_add(&volumes->count, 1); /* it is complete, for who takes no lock */
}

/* Volumes are numbered without gaps; one that was being made when the power went is made again. */
static struct status list_open(struct volumes *volumes, struct note *note) {
    for (;;) {
        struct volume *volume;
        struct status s = volume_open(volumes, volumes->count + 1, false, &volume);
        if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
        if (!is_ok(s)) {
            note_set(note, "drive %s: volume %06u: %s", volumes->drive->path, volumes->count + 1,
                     status_text(s.code));
            return s;
        }
        list_add(volumes, volume);
    }
}

static uint64_t between(uint64_t n, uint64_t least, uint64_t most) {
    return n < least ? least : n > most ? most : n;
}

/* Small drives grow in small steps. */
static void limits_fill(struct volume_limits *limits, uint64_t drive_bytes) {
    if (limits->volume_bytes == 0) limits->volume_bytes = volume_bytes_default;
    if (limits->grow_bytes == 0) {
        limits->grow_bytes = between(drive_bytes / 256, step_bytes_min, grow_bytes_max);
        limits->grow_bytes -= limits->grow_bytes % step_bytes_min;
    }
    if (limits->reserve_bytes == 0) {
        limits->reserve_bytes = between(drive_bytes / 64, step_bytes_min, reserve_bytes_max);
    }
    if (limits->grow_bytes > limits->volume_bytes) limits->grow_bytes = limits->volume_bytes;
}

struct status volumes_open(struct volumes *volumes, struct drive *drive,
                           const struct volume_limits *limits, struct note *note) {
    *volumes = (struct volumes){.drive = drive, .limits = *limits, .dir_fd = -1};
    struct fs_space space = {0};
    if (drive->dir_fd >= 0) {
        IGNORE_STATUS(fs_space_read(drive->fs, drive->dir_fd, &space)); /* then it is small */
    }
    limits_fill(&volumes->limits, space.total_bytes);
    atomic_init(&volumes->fs_free, space.free_bytes);
    CHECK(pthread_mutex_init(&volumes->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&volumes->grow_lock, NULL) == 0);
    if (!drive_takes_reads(drive)) return status_ok();
    struct status s = fs_dir_open(drive->fs, drive->dir_fd, "volumes", &volumes->dir_fd);
    if (status_is(s, STATUS_NOT_FOUND) && drive_takes_writes(drive)) {
        s = fs_dir_make(drive->fs, drive->dir_fd, "volumes");
        if (is_ok(s)) s = fs_dir_open(drive->fs, drive->dir_fd, "volumes", &volumes->dir_fd);
    }
    if (!is_ok(s)) {
        note_set(note, "drive %s: can't open its volumes: %s", drive->path, status_text(s.code));
        return s;
    }
    return list_open(volumes, note);
}

void volumes_close(struct volumes *volumes) {
    for (uint32_t i = 0; i < volumes->count; i++) {
        volume_free(volumes->drive->fs, volumes->list[i]);
    }
    volumes->count = 0;
    fs_close(volumes->drive->fs, &volumes->dir_fd);
    pthread_mutex_destroy(&volumes->lock);
    pthread_mutex_destroy(&volumes->grow_lock);
}

/* ---- space ---- */

bool volumes_take(struct volumes *volumes, struct extent extent) {
    pthread_mutex_lock(&volumes->lock);
    bool taken =
        extent.volume > 0 && extent.volume <= volumes->count && extent.count > 0 &&
        extent_map_take(&volume_of(volumes, extent.volume)->map, extent.start, extent.count);
    pthread_mutex_unlock(&volumes->lock);
    return taken;
}

/* OK if the file system keeps its reserve when it has given `bytes` more; else NO_SPACE. */
static struct status may_grow(struct volumes *volumes, uint64_t bytes) {
    struct fs_space space;
    TRY(fs_space_read(volumes->drive->fs, volumes->drive->dir_fd, &space));
    atomic_store(&volumes->fs_free, space.free_bytes);
    bool keeps = space.free_bytes >= bytes + volumes->limits.reserve_bytes;
    return status_of(keeps ? STATUS_OK : STATUS_NO_SPACE);
}

/* Adds a step to the last volume, or a volume. Called under grow_lock, so that both stay the last.
 */
static struct status grow(struct volumes *volumes) {
    uint64_t step = volumes->limits.grow_bytes;
    TRY(may_grow(volumes, step));
    struct volume *last = volumes->count > 0 ? volume_of(volumes, volumes->count) : NULL;
    uint64_t size = last ? (uint64_t)last->map.units * EXTENT_UNIT : 0;
    if (!last || size + step > volumes->limits.volume_bytes) {
        if (volumes->count == VOLUMES_MAX) return status_of(STATUS_NO_SPACE);
        TRY(volume_open(volumes, volumes->count + 1, true, &last));
        pthread_mutex_lock(&volumes->lock);
        list_add(volumes, last);
        pthread_mutex_unlock(&volumes->lock);
        size = (uint64_t)last->map.units * EXTENT_UNIT;
    }
    TRY(fs_preallocate(volumes->drive->fs, last->write_fd, size + step));
    pthread_mutex_lock(&volumes->lock);
    extent_map_grow(&last->map, (uint32_t)(step / EXTENT_UNIT));
    volumes->given_at_last_run = volumes->given; /* there is a long run again */
    pthread_mutex_unlock(&volumes->lock);
    return status_ok();
}

/* Free units that are not promised to anybody. Called under the lock. */
static uint64_t units_left(const struct volumes *volumes) {
    uint64_t left = 0;
    for (uint32_t i = 0; i < volumes->count; i++) {
        left += volumes->list[i]->map.units - volumes->list[i]->map.in_use;
    }
    if (volumes->reserved <= 0) return left;
    return left > (uint64_t)volumes->reserved ? left - (uint64_t)volumes->reserved : 0;
}

/* A range of `units`, or at least `least`, in any volume; the last first: it has the most room. */
static bool find_in_any(struct volumes *volumes, uint32_t units, uint32_t least,
                        struct extent *ret_extent) {
    bool found = false;
    pthread_mutex_lock(&volumes->lock);
    uint64_t left = units_left(volumes);
    if (left < units) units = left < least ? 0 : (uint32_t)left;
    if (units < least) units = 0;
    for (uint32_t number = volumes->count; units > 0 && number > 0 && !found; number--) {
        struct extent_map *map = &volume_of(volumes, number)->map;
        uint32_t start;
        uint32_t count = extent_map_find(map, units, least, &start);
        if (count == 0) continue;
        *ret_extent = (struct extent){number, start, count};
        found = true;
    }
    pthread_mutex_unlock(&volumes->lock);
    return found;
}

/* Rather grows than breaks a range up; rather breaks it up than refuses. Others may take what one
 * has grown: then it grows again. */
static struct status find_or_grow(struct volumes *volumes, uint32_t units,
                                  struct extent *ret_extent) {
    struct status s = status_ok();
    while (is_ok(s)) {
        if (find_in_any(volumes, units, units, ret_extent)) return status_ok();
        pthread_mutex_lock(&volumes->grow_lock);
        bool grown = find_in_any(volumes, units, units, ret_extent); /* by another, meanwhile */
        if (!grown) s = grow(volumes);
        pthread_mutex_unlock(&volumes->grow_lock);
        if (grown) return status_ok();
        bool may_find = is_ok(s) || status_is(s, STATUS_NO_SPACE);
        if (may_find && find_in_any(volumes, units, 1, ret_extent)) return status_ok();
    }
    return s;
}

struct status volumes_find(struct volumes *volumes, uint32_t units, struct extent *ret_extent) {
    CHECK(units > 0);
    if (!drive_takes_writes(volumes->drive)) return status_of(STATUS_IO);
    struct status s = find_or_grow(volumes, units, ret_extent);
    if (!is_ok(s) && !status_is(s, STATUS_NO_SPACE)) drive_fail(volumes->drive, "growing", s);
    return s;
}

void volumes_give(struct volumes *volumes, struct extent extent) {
    pthread_mutex_lock(&volumes->lock);
    extent_map_give(&volume_of(volumes, extent.volume)->map, extent.start, extent.count);
    volumes->given += extent.count;
    pthread_mutex_unlock(&volumes->lock);
}

bool volumes_try_reserve(struct volumes *volumes, uint64_t units) {
    pthread_mutex_lock(&volumes->lock);
    bool there = units_left(volumes) >= units;
    if (there) volumes->reserved += (int64_t)units;
    pthread_mutex_unlock(&volumes->lock);
    return there;
}

struct status volumes_reserve(struct volumes *volumes, uint64_t units) {
    if (!drive_takes_writes(volumes->drive)) return status_of(STATUS_IO);
    if (volumes_try_reserve(volumes, units)) return status_ok();
    pthread_mutex_lock(&volumes->grow_lock);
    struct status s = status_ok();
    bool reserved =
        volumes_try_reserve(volumes, units); /* another may have made them grow meanwhile */
    while (!reserved && is_ok(s)) {
        s = grow(volumes);
        if (is_ok(s)) reserved = volumes_try_reserve(volumes, units);
    }
    pthread_mutex_unlock(&volumes->grow_lock);
    if (!is_ok(s) && !status_is(s, STATUS_NO_SPACE)) drive_fail(volumes->drive, "growing", s);
    return s;
}

void volumes_reserved_add(struct volumes *volumes, int64_t units) {
    pthread_mutex_lock(&volumes->lock);
    volumes->reserved += units;
    pthread_mutex_unlock(&volumes->lock);
}

/* The next free run of at least `least` units, of which up to `units` are taken; the search goes
 * round through each volume. Called under the lock. */
static bool run_take(struct volumes *volumes, uint32_t units, uint32_t least,
                     struct extent *ret_extent) {
    for (uint32_t number = volumes->count; number > 0; number--) {
        struct extent_map *map = &volume_of(volumes, number)->map;
        uint32_t start;
        if (map->units - map->in_use < least) continue;
        uint32_t run = extent_map_free_run(map, map->next, least, &start);
        if (run == 0) run = extent_map_free_run(map, 0, least, &start);
        if (run == 0) continue;
        if (run > units) run = units;
        CHECK(extent_map_take(map, start, run));
        map->next = start + run;
        *ret_extent = (struct extent){number, start, run};
        return true;
    }
    return false;
}

/* Whether there is so little free, promised or not, that growing is better than short runs. */
static bool is_dense(const struct volumes *volumes, uint64_t units) {
    uint64_t total = 0;
    uint64_t in_use = 0;
    for (uint32_t i = 0; i < volumes->count; i++) {
        total += volumes->list[i]->map.units;
        in_use += volumes->list[i]->map.in_use;
    }
    return total - in_use < units || total - in_use < in_use / SPARE_SHARE;
}

/* Takes a run without growing: a long one; a short one unless the volumes are `dense`. */
static bool run_find(struct volumes *volumes, uint32_t units, bool grown, bool promised,
                     struct extent *ret_extent, bool *ret_dense) {
    uint32_t least = units < RUN_UNITS_MIN ? units : RUN_UNITS_MIN;
    pthread_mutex_lock(&volumes->lock);
    *ret_dense = is_dense(volumes, units);
    bool allowed = promised || units_left(volumes) >= units;
    bool found = false;
    /* Looking through all of the maps again is worth it only when a lot has become free. */
    if (allowed && volumes->given >= volumes->given_at_last_run) {
        found = run_take(volumes, units, least, ret_extent);
        if (!found) volumes->given_at_last_run = volumes->given + RUN_UNITS_GIVEN;
    }
    if (allowed && !found && (grown || !*ret_dense))
        found = run_take(volumes, units, 1, ret_extent);
    if (found && promised) volumes->reserved -= (int64_t)ret_extent->count;
    pthread_mutex_unlock(&volumes->lock);
    return found;
}

bool volumes_try_run(struct volumes *volumes, uint32_t units, bool promised,
                     struct extent *ret_extent) {
    bool dense;
    CHECK(units > 0);
    return drive_takes_writes(volumes->drive) &&
           run_find(volumes, units, false, promised, ret_extent, &dense);
}

struct status volumes_find_run(struct volumes *volumes, uint32_t units, bool promised,
                               struct extent *ret_extent) {
    CHECK(units > 0);
    if (!drive_takes_writes(volumes->drive)) return status_of(STATUS_IO);
    bool dense;
    if (run_find(volumes, units, false, promised, ret_extent, &dense)) return status_ok();
    pthread_mutex_lock(&volumes->grow_lock);
    struct status s = dense ? grow(volumes) : status_of(STATUS_NO_SPACE);
    pthread_mutex_unlock(&volumes->grow_lock);
    if (!is_ok(s) && !status_is(s, STATUS_NO_SPACE)) {
        drive_fail(volumes->drive, "growing", s);
        return s;
    }
    while (units > 0) {
        if (run_find(volumes, units, true, promised, ret_extent, &dense)) return status_ok();
        units /= 2; /* what is not promised may be less */
    }
    return status_of(STATUS_NO_SPACE);
}

/* Takes a free range of the volume out of the map and punches it. */
static uint64_t trim_volume(struct volumes *volumes, struct volume *volume) {
    uint64_t given = 0;
    uint32_t from = 0;
    for (;;) {
        uint32_t start = 0;
        pthread_mutex_lock(&volumes->lock);
        uint32_t run = extent_map_free_run(&volume->map, from, TRIM_UNITS_MIN, &start);
        if (run > 0) CHECK(extent_map_take(&volume->map, start, run));
        pthread_mutex_unlock(&volumes->lock);
        if (run == 0) return given;
        struct status s = fs_discard(volumes->drive->fs, volume->write_fd,
                                     (uint64_t)start * EXTENT_UNIT, (uint64_t)run * EXTENT_UNIT);
        volumes_give(volumes, (struct extent){volume->number, start, run});
        if (!is_ok(s)) return given;
        given += (uint64_t)run * EXTENT_UNIT;
        from = start + run;
    }
}

uint64_t volumes_trim(struct volumes *volumes) {
    if (!drive_takes_writes(volumes->drive)) return 0;
    if (!status_is(may_grow(volumes, 0), STATUS_NO_SPACE)) return 0;
    uint64_t given = 0;
    for (uint32_t number = 1; number <= volumes->count; number++) {
        given += trim_volume(volumes, volume_of(volumes, number));
    }
    return given;
}

/* Units there are, and units in use. */
static void count_units(struct volumes *volumes, uint64_t *ret_units, uint64_t *ret_in_use) {
    *ret_units = *ret_in_use = 0;
    pthread_mutex_lock(&volumes->lock);
    for (uint32_t i = 0; i < volumes->count; i++) {
        *ret_units += volumes->list[i]->map.units;
        *ret_in_use += volumes->list[i]->map.in_use;
    }
    pthread_mutex_unlock(&volumes->lock);
}

static uint64_t reserved_bytes(struct volumes *volumes) {
    pthread_mutex_lock(&volumes->lock);
    int64_t reserved = volumes->reserved;
    pthread_mutex_unlock(&volumes->lock);
    return reserved > 0 ? (uint64_t)reserved * EXTENT_UNIT : 0;
}

uint64_t volumes_room(struct volumes *volumes) {
    uint64_t units;
    uint64_t in_use;
    count_units(volumes, &units, &in_use);
    uint64_t fs_free = atomic_load(&volumes->fs_free);
    uint64_t reserve = volumes->limits.reserve_bytes;
    uint64_t room = (units - in_use) * EXTENT_UNIT + (fs_free > reserve ? fs_free - reserve : 0);
    uint64_t reserved = reserved_bytes(volumes);
    return room > reserved ? room - reserved : 0;
}

void volumes_space_read(struct volumes *volumes, struct volumes_space *ret_space) {
    *ret_space = (struct volumes_space){0};
    struct fs_space space;
    if (volumes->dir_fd < 0 || !drive_takes_reads(volumes->drive)) return;
    if (!is_ok(fs_space_read(volumes->drive->fs, volumes->dir_fd, &space))) return;
    atomic_store(&volumes->fs_free, space.free_bytes);
    uint64_t units;
    uint64_t in_use;
    count_units(volumes, &units, &in_use);
    ret_space->in_use = in_use * EXTENT_UNIT;
    ret_space->reserved = reserved_bytes(volumes);
    ret_space->usable = volumes_room(volumes);
    ret_space->total = space.total_bytes;
}

uint32_t volumes_units(struct volumes *volumes, uint32_t volume) {
    pthread_mutex_lock(&volumes->lock);
    uint32_t units = volume_of(volumes, volume)->map.units;
    pthread_mutex_unlock(&volumes->lock);
    return units;
}

uint64_t volumes_leaked(struct volumes *volumes, uint32_t volume, const struct extent_map *named) {
    uint64_t leaked = 0;
    pthread_mutex_lock(&volumes->lock);
    const struct extent_map *map = &volume_of(volumes, volume)->map;
    for (uint32_t unit = 0; unit < map->units && unit < named->units; unit++) {
        leaked += !extent_map_is_free(map, unit, 1) && extent_map_is_free(named, unit, 1);
    }
    pthread_mutex_unlock(&volumes->lock);
    return leaked;
}

/* ---- verified units ---- */

static unsigned long long unit_bit(uint32_t unit) {
    return 1ULL << (unit % WORD_BITS);
}

/* Forgets before the write that there was something right; who reads meanwhile finds it wrong. */
static void verified_clear(struct volume *volume, uint32_t start, uint32_t count) {
    for (uint32_t unit = start; unit < start + count; unit++) {
        atomic_ullong *word = &volume->verified[unit / WORD_BITS];
        if (atomic_load_explicit(word, memory_order_relaxed) & unit_bit(unit)) {
            atomic_fetch_and(word, ~unit_bit(unit));
        }
    }
}

void volumes_verified(struct volumes *volumes, struct extent extent, uint32_t unit,
                      uint32_t count) {
    struct volume *volume = volume_of(volumes, extent.volume);
    for (uint32_t at = extent.start + unit; at < extent.start + unit + count; at++) {
        atomic_ullong *word = &volume->verified[at / WORD_BITS];
        if (!(atomic_load_explicit(word, memory_order_relaxed) & unit_bit(at))) {
            atomic_fetch_or(word, unit_bit(at));
        }
    }
}

uint32_t volumes_sendable(struct volumes *volumes, struct extent extent, uint32_t unit,
                          uint32_t count, int *ret_fd, uint64_t *ret_offset) {
    if (!drive_takes_reads(volumes->drive)) return 0;
    const struct volume *volume = volume_of(volumes, extent.volume);
    uint32_t start = extent.start + unit;
    uint32_t run = 0;
    while (run < count &&
           atomic_load(&volume->verified[(start + run) / WORD_BITS]) & unit_bit(start + run)) {
        run++;
    }
    uint64_t offset = (uint64_t)start * EXTENT_UNIT;
    if (run == 0 ||
        !fs_is_cached(volumes->drive->fs, volume->read_fd, offset, (uint64_t)run * EXTENT_UNIT)) {
        return 0;
    }
    *ret_fd = volume->read_fd;
    *ret_offset = offset;
    return run;
}

bool volumes_are_cached(struct volumes *volumes, struct extent extent, uint64_t offset,
                        uint64_t len) {
    if (extent.volume > volumes->count || !drive_takes_reads(volumes->drive)) return false;
    const struct volume *volume = volume_of(volumes, extent.volume);
    return fs_is_cached(volumes->drive->fs, volume->read_fd,
                        (uint64_t)extent.start * EXTENT_UNIT + offset, len);
}

/* ---- bytes ---- */

struct status volumes_write(struct volumes *volumes, struct extent extent, uint32_t unit,
                            struct slice bytes) {
    CHECK(unit <= extent.count && bytes.len <= (uint64_t)(extent.count - unit) * EXTENT_UNIT);
    if (!drive_takes_writes(volumes->drive)) return status_of(STATUS_IO);
    uint64_t offset = ((uint64_t)extent.start + unit) * EXTENT_UNIT;
    struct volume *volume = volume_of(volumes, extent.volume);
    verified_clear(volume, extent.start + unit, (uint32_t)(bytes.len / EXTENT_UNIT));
    struct status s = fs_write(volumes->drive->fs, volume->write_fd, offset, bytes);
    if (!is_ok(s) && !status_is(s, STATUS_NO_SPACE)) drive_fail(volumes->drive, "a write", s);
    return s;
}

static struct status read_by(struct volumes *volumes, int fd, struct extent extent, uint64_t offset,
                             void *buffer, size_t len) {
    CHECK(offset <= (uint64_t)extent.count * EXTENT_UNIT);
    CHECK(len <= (uint64_t)extent.count * EXTENT_UNIT - offset);
    if (!drive_takes_reads(volumes->drive)) return status_of(STATUS_IO);
    struct status s =
        fs_read(volumes->drive->fs, fd, (uint64_t)extent.start * EXTENT_UNIT + offset, buffer, len);
    drive_read_ended(volumes->drive, s);
    return status_is(s, STATUS_RANGE) ? status_of(STATUS_CORRUPT) : s;
}

struct status volumes_read(struct volumes *volumes, struct extent extent, uint64_t offset,
                           void *buffer, size_t len) {
    if (extent.volume > volumes->count) return status_of(STATUS_IO);
    int fd = volume_of(volumes, extent.volume)->read_fd;
    return read_by(volumes, fd, extent, offset, buffer, len);
}

struct status volumes_read_direct(struct volumes *volumes, struct extent extent, uint64_t offset,
                                  void *buffer, size_t len) {
    if (extent.volume > volumes->count) return status_of(STATUS_IO);
    const struct volume *volume = volume_of(volumes, extent.volume);
    int fd = volume->write_fd >= 0 ? volume->write_fd : volume->read_fd;
    return read_by(volumes, fd, extent, offset, buffer, len);
}

/* Syncs, or waits for the sync of another that began after this call. */
static struct status sync_shared(struct volumes *volumes, struct volume *volume) {
    uint64_t mine = ++volume->sync_wanted;
    while (volume->sync_done < mine && !volume->sync_failed) {
        if (volume->syncing) {
            pthread_cond_wait(&volume->sync_ended, &volume->sync_lock);
            continue;
        }
        uint64_t covered = volume->sync_wanted;
        volume->syncing = true;
        pthread_mutex_unlock(&volume->sync_lock);
        struct status s = fs_sync_data(volumes->drive->fs, volume->write_fd);
        pthread_mutex_lock(&volume->sync_lock);
        volume->syncing = false;
        volume->sync_failed = !is_ok(s);
        if (is_ok(s)) volume->sync_done = covered;
        if (!is_ok(s)) drive_fail(volumes->drive, "a sync", s);
        pthread_cond_broadcast(&volume->sync_ended);
    }
    return status_of(volume->sync_failed ? STATUS_IO : STATUS_OK);
}

struct status volumes_sync(struct volumes *volumes, uint32_t number) {
    if (!drive_takes_writes(volumes->drive)) return status_of(STATUS_IO);
    pthread_mutex_lock(&volumes->lock);
    struct volume *volume = volume_of(volumes, number);
    pthread_mutex_unlock(&volumes->lock);
    pthread_mutex_lock(&volume->sync_lock);
    struct status s = sync_shared(volumes, volume);
    pthread_mutex_unlock(&volume->sync_lock);
    return s;
}
