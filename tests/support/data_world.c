#include "support/data_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "blob/check.h"
#include "engine/data_move.h"
#include "engine/data_store.h"
#include "engine/engine.h"
#include "engine/meta.h"
#include "support/sim_kv.h"

const struct kv_partition data_world_partition = {{1}};

enum { KIB = 1024, PUT_PIECE_MAX = 200 * 1024 };

static uint64_t choose(struct data_world *world, uint64_t bound) {
    return random_seeded_below(&world->choices, bound);
}

static void trouble(struct data_world *world, const char *what, const struct data_slot *slot) {
    if (world->trouble[0]) return;
    snprintf(world->trouble, sizeof world->trouble, "%s (blob %u of %zu bytes)", what,
             slot ? slot->seed : 0, slot ? slot->size : 0);
}

/* ---- bytes ---- */

static char pattern_at(unsigned seed, size_t at) {
    return (char)((at * 31 + at / 251 + seed * 17) ^ (at >> 16));
}

static char *pattern_make(unsigned seed, size_t size) {
    char *bytes = malloc(size + 1);
    CHECK(bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = pattern_at(seed, i);
    return bytes;
}

/* ---- life ---- */

static const char *const paths[WORLD_DRIVES_MAX] = {"/d0/x", "/d1/x", "/d2/x", "/d3/x",
                                                    "/d4/x", "/d5/x", "/d6/x", "/d7/x"};

static struct status engine_start(struct data_world *world, struct note *note) {
    const struct data_policy *policy = &world->config.policy;
    struct engine_policy kept = {
        .name = "standard",
        .copies = policy->data_pieces == 1 ? policy->parity_pieces + 1 : 0,
        .data_pieces = policy->data_pieces,
        .parity_pieces = policy->parity_pieces,
        .allow_reduced_redundancy = true,
    };
    struct engine_drive drives[WORLD_DRIVES_MAX];
    for (unsigned i = 0; i < world->config.drives; i++) {
        drives[i] = (struct engine_drive){.path = paths[i]};
    }
    struct engine_config config = {
        .data_dir = "/meta/store",
        .policies = &kept,
        .policy_count = 1,
        .drives = drives,
        .drive_count = world->config.drives,
        .write_buffer_bytes = 32 * 1024,
        .fs = sim_fs_fs(world->sim),
    };
    TRY(engine_open(&config, &world->clock.clock, random_system(), note, &world->engine));
    world->kv = engine_kv(world->engine);
    world->store = engine_data(world->engine);
    return status_ok();
}

static struct status meta_start(struct data_world *world, struct note *note) {
    struct fs *fs = sim_fs_fs(world->sim);
    TRY(fs_dir_open(fs, AT_FDCWD, "/meta", &world->meta_fd));
    struct meta_config config = {
        .fs = fs,
        .clock = &world->clock.clock,
        .dir_fd = world->meta_fd,
        .store_id = {7},
        .layer_bytes = 64 * 1024,
        .segment_bytes = 128 * 1024,
        .segments_min = 2,
        .segments_max = 24,
        .has_mover = true,
        .inline_work = true,
    };
    if (!world->meta_is_made) TRY(meta_create(&config, &world->random.random, note));
    TRY(meta_open(&config, note, &world->meta));
    world->meta_is_made = true;
    world->kv = meta_kv(world->meta);
    return status_ok();
}

static struct status data_start(struct data_world *world, struct note *note) {
    if (world->config.over_meta) TRY(meta_start(world, note));
    struct data_drive_config drives[WORLD_DRIVES_MAX];
    for (unsigned i = 0; i < world->config.drives; i++) {
        drives[i] = (struct data_drive_config){.path = paths[i]};
    }
    struct data_config config = {
        .kv = world->kv,
        .meta = world->meta,
        .log_copies = world->config.log_copies,
        .fs = sim_fs_fs(world->sim),
        .clock = &world->clock.clock,
        .random = &world->random.random,
        .store_id = {{7}},
        .drives = drives,
        .drive_count = world->config.drives,
        .policies = &world->config.policy,
        .policy_count = 1,
        .inline_io = !world->config.with_threads,
        .io_deadline_ms = world->config.changes_in_puts ? 2 : 200, /* that removals wait */
        .limits = {.volume_bytes = 2 << 20, .grow_bytes = 256 << 10, .reserve_bytes = 64 << 10},
    };
    return data_open(&config, note, &world->store);
}

void data_world_open(struct data_world *world) {
    struct note note = {0};
    struct status s =
        world->config.whole_engine ? engine_start(world, &note) : data_start(world, &note);
    if (is_ok(s)) return;
    world->store = NULL;
    if (!sim_fs_is_cut(world->sim)) trouble(world, note.text, NULL);
}

void data_world_close(struct data_world *world) {
    if (world->config.whole_engine) {
        engine_close(&world->engine);
        world->store = NULL;
    } else {
        data_close(&world->store);
        meta_close(&world->meta);
        if (world->meta_fd >= 0) fs_close(sim_fs_fs(world->sim), &world->meta_fd);
    }
}

void data_world_new(struct data_world *world, const struct data_world_config *config) {
    *world = (struct data_world){.config = *config, .faulty = -1, .meta_fd = -1};
    world->config.policy.name = "standard";
    world->sim = sim_fs_new(config->seed);
    sim_fs_skip_syncs(world->sim, config->skip_syncs);
    bool own_log = config->whole_engine || config->over_meta;
    if (!own_log) world->kv = sim_kv_open(world->sim);
    if (own_log) sim_fs_drive(world->sim, "meta", UINT64_C(1) << 30);
    clock_manual_init(&world->clock, 1000000000000);
    random_seeded_init(&world->random, config->seed + 1);
    random_seeded_init(&world->choices, config->seed + 2);
    CHECK(config->drives <= WORLD_DRIVES_MAX);
    for (unsigned i = 0; i < config->drives; i++) CHECK(data_world_mount(world));
    data_world_open(world);
}

const char *data_world_mount(struct data_world *world) {
    char name[16];
    unsigned n = world->drive_count;
    if (n == WORLD_DRIVES_MAX) return NULL;
    snprintf(name, sizeof name, "d%u", n);
    world->drives[n] = sim_fs_drive(world->sim, name, world->config.drive_bytes);
    world->drive_count++;
    return paths[n];
}

void data_world_free(struct data_world *world) {
    data_world_close(world);
    if (!world->config.whole_engine && !world->config.over_meta) kv_close(&world->kv);
    sim_fs_free(&world->sim);
}

/* ---- operations ---- */

static struct blob_store *blobs(struct data_world *world) {
    return data_blob(world->store);
}

static void choose_change(struct data_world *world);
static void repair(struct data_world *world);

/* What others do while something is written. */
static void meanwhile(struct data_world *world) {
    if (!world->config.changes_in_puts || sim_fs_is_cut(world->sim)) return;
    switch (choose(world, 6)) {
        case 0:
            choose_change(world);
            break;
        case 1:
            repair(world);
            break;
        default:
            break;
    }
}

static struct status write_all(struct data_world *world, struct blob_writer *writer,
                               const struct data_slot *slot) {
    char *bytes = pattern_make(slot->seed, slot->size);
    struct status s = status_ok();
    for (size_t at = 0; at < slot->size && is_ok(s);) {
        struct slice piece = slice_take(slice_of(bytes + at, slot->size - at),
                                        1 + (size_t)choose(world, PUT_PIECE_MAX));
        s = blob_writer_write(writer, piece);
        at += piece.len;
        meanwhile(world);
    }
    free(bytes);
    return is_ok(s) ? blob_writer_seal(writer) : s;
}

static bool fate_is_open(struct status s) {
    return status_is(s, STATUS_IO) || status_is(s, STATUS_CORRUPT);
}

/* How many drives may fail, of those that a blob is put on now: fewer than the policy asks for
 * where it is reduced, as there are not enough drives. */
static unsigned survives_now(const struct data_world *world) {
    const struct data_kept_policy *kept = world->store->policies[0];
    return kept->parity.parity;
}

struct status data_world_put(struct data_world *world, struct data_slot *slot, size_t size) {
    CHECK(slot->state == SLOT_EMPTY);
    uint64_t hints[] = {size, UINT64_MAX, 100, size / 2};
    struct blob_writer *writer;
    slot->seed = ++world->next_seed;
    slot->size = size;
    slot->survives = survives_now(world);
    world->clock.now_ns += 1000000;
    TRY(blob_writer_begin(blobs(world), data_world_partition, SLICE("standard"),
                          hints[choose(world, 4)], &writer));
    slot->id = blob_writer_id(writer);
    struct status s = write_all(world, writer, slot);
    bool given_up = choose(world, 8) == 0;
    if (!is_ok(s) || given_up) {
        blob_writer_abort(&writer);
        return s;
    }
    struct kv_batch *batch = kv_batch_new();
    blob_writer_bind(writer, batch);
    s = kv_commit(world->kv, data_world_partition, batch, NULL);
    kv_batch_free(&batch);
    if (is_ok(s)) {
        slot->state = SLOT_THERE;
        blob_writer_commit(&writer);
    } else if (fate_is_open(s)) {
        slot->state = SLOT_OPEN;
        blob_writer_forget(&writer);
    } else {
        blob_writer_abort(&writer);
    }
    return s;
}

static struct status collect(struct data_world *world) {
    bool done = false;
    struct status s = status_ok();
    while (is_ok(s) && !done) s = blob_collect(blobs(world), data_world_partition, 4, &done);
    return s;
}

struct status data_world_delete(struct data_world *world, struct data_slot *slot) {
    struct kv_batch *batch = kv_batch_new();
    blob_unbind(blobs(world), slot->id, batch);
    struct status s = kv_commit(world->kv, data_world_partition, batch, NULL);
    kv_batch_free(&batch);
    if (fate_is_open(s)) slot->state = SLOT_OPEN;
    if (!is_ok(s)) return s;
    slot->state = SLOT_EMPTY;
    return choose(world, 3) ? collect(world) : s;
}

/* Another reference, and away with it: the blob stays, as a candidate that is alive. */
static struct status share_and_unbind(struct data_world *world, const struct data_slot *slot) {
    struct kv_batch *batch = kv_batch_new();
    blob_share(blobs(world), slot->id, batch);
    blob_unbind(blobs(world), slot->id, batch);
    struct status s = kv_commit(world->kv, data_world_partition, batch, NULL);
    kv_batch_free(&batch);
    return is_ok(s) ? collect(world) : s;
}

/* ---- checks ---- */

/* Whether an open slot turned out to be there: it is readable, and has a reference. */
static bool slot_is_there(struct data_world *world, const struct data_slot *slot) {
    struct kv_batch *batch = kv_batch_new();
    struct blob_key record = blob_key_make(BLOB_KEY_RECORD, slot->id);
    struct blob_key extra = blob_key_make(BLOB_KEY_EXTRA, slot->id);
    kv_batch_guard_present(batch, blob_key_slice(&record));
    kv_batch_guard_absent(batch, blob_key_slice(&extra));
    struct status s = kv_commit(world->kv, data_world_partition, batch, NULL);
    kv_batch_free(&batch);
    return is_ok(s);
}

void data_world_check_slot(struct data_world *world, const struct data_slot *slot) {
    struct blob_reader *reader;
    struct status s = blob_reader_open(blobs(world), data_world_partition, slot->id, &reader);
    if (!is_ok(s)) {
        trouble(world, "an acknowledged blob can't be opened", slot);
        return;
    }
    char *bytes = malloc(slot->size + 1);
    CHECK(bytes);
    if (blob_reader_size(reader) != slot->size) {
        trouble(world, "a blob has the wrong size", slot);
    } else if (!is_ok(blob_reader_read(reader, 0, bytes, slot->size))) {
        trouble(world, "an acknowledged blob can't be read", slot);
    } else {
        char *expected = pattern_make(slot->seed, slot->size);
        if (memcmp(bytes, expected, slot->size) != 0) trouble(world, "a wrong byte", slot);
        free(expected);
    }
    free(bytes);
    blob_reader_close(&reader);
}

struct count_visitor {
    struct data_visitor visitor;
    uint64_t units[DRIVE_NUMBER_MAX + 1];
    uint64_t pieces[DRIVE_NUMBER_MAX + 1];
};

static bool visit_count(struct data_visitor *visitor, struct kv_partition partition,
                        struct blob_id id, struct slice value) {
    struct count_visitor *self = CONTAINER_OF(visitor, struct count_visitor, visitor);
    (void)partition;
    (void)id;
    Engine__BlobRecord *record = data_record_parse(value);
    CHECK(record);
    for (size_t i = 0; record->striped && i < record->striped->n_pieces; i++) {
        const Engine__BlobPiece *piece = record->striped->pieces[i];
        self->pieces[piece->drive]++;
        for (size_t e = 0; e < piece->n_extents; e += 3) {
            self->units[piece->drive] += piece->extents[e + 2];
        }
    }
    data_record_free(record);
    return true;
}

/* Every unit in use is named by a record, but for the headers. */
static void check_space(struct data_world *world) {
    struct count_visitor *visitor = calloc(1, sizeof *visitor);
    CHECK(visitor);
    visitor->visitor.visit = visit_count;
    CHECK(is_ok(
        data_walk(world->store, (struct data_position){0}, DATA_WALK_ALL, &visitor->visitor)));
    struct data_drive drive;
    for (uint32_t n = 0; data_drive_next(world->store, n, &drive); n = drive.number + 1) {
        if (drive.pieces != visitor->pieces[drive.number])
            trouble(world, "pieces miscounted", NULL);
        if (drive.state != DRIVE_SERVING || drive.space.total == 0) continue;
        uint64_t volumes = data_place(world->store, drive.number)->volumes.count;
        uint64_t expected = (visitor->units[drive.number] + volumes) * EXTENT_UNIT;
        if (drive.space.in_use != expected) trouble(world, "space is lost, or used twice", NULL);
    }
    free(visitor);
    struct data_stats stats;
    data_stats_read(world->store, &stats);
    if (stats.overlaps > 0) trouble(world, "two blobs have the same space", NULL);
}

/* What `hink check` says. Pieces may be short: drives fail in these histories. */
struct world_findings {
    struct findings findings;
    struct data_world *world;
};

static void world_line(struct findings *findings, enum finding_kind kind, bool repaired,
                       const char *text) {
    struct world_findings *self = CONTAINER_OF(findings, struct world_findings, findings);
    struct data_world *world = self->world;
    (void)repaired;
    if (kind == FINDING_SHORT || world->trouble[0]) return;
    snprintf(world->trouble, sizeof world->trouble, "check: %s: %s", finding_word(kind), text);
}

/* Everything fits together: bytes, space, marks, and the references that the model knows of. */
static void check_all(struct data_world *world) {
    struct world_findings findings = {{.line = world_line}, world};
    struct tally references;
    if (!is_ok(data_check(world->store, true, &findings.findings))) {
        trouble(world, "the check can't be done", NULL);
    }
    tally_init(&references);
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        const struct data_slot *slot = &world->slots[i];
        if (slot->state == SLOT_THERE) tally_add(&references, slot->id.bytes);
    }
    if (!is_ok(blob_check(world->kv, data_world_partition, &references, &findings.findings))) {
        trouble(world, "the references can't be checked", NULL);
    }
    tally_fini(&references);
}

void data_world_check(struct data_world *world) {
    if (!world->store) {
        trouble(world, "the store can't be opened", NULL);
        return;
    }
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        struct data_slot *slot = &world->slots[i];
        if (slot->state == SLOT_OPEN) {
            slot->state = slot_is_there(world, slot) ? SLOT_THERE : SLOT_EMPTY;
        }
        if (slot->state == SLOT_THERE) data_world_check_slot(world, slot);
    }
    if (!is_ok(collect(world))) trouble(world, "garbage can't be collected", NULL);
    data_reclaim(world->store, data_world_partition); /* a checkpoint, if that frees anything */
    check_space(world);
    check_all(world);
}

/* Between operations nothing is being written, or a drive could not be removed any more. With the
 * engine's threads a checkpoint may be. */
static void check_joined(struct data_world *world) {
    if (!world->store || world->config.whole_engine) return;
    for (uint32_t n = 0; n <= DRIVE_NUMBER_MAX; n++) {
        if (atomic_load(&world->store->joined[n]) > 0) trouble(world, "a drive is held", NULL);
    }
}

void data_world_restart(struct data_world *world) {
    check_joined(world);
    data_world_close(world);
    for (unsigned i = 0; i < world->drive_count; i++) {
        sim_fs_fault(world->sim, world->drives[i], SIM_FAULT_NONE);
    }
    world->faulty = -1;
    sim_fs_restart(world->sim);
    data_world_open(world);
}

/* ---- histories ---- */

static size_t choose_size(struct data_world *world) {
    static const size_t edges[] = {1,         4096,      64 * KIB,  64 * KIB + 1,
                                   128 * KIB, 256 * KIB, 260 * KIB, 1024 * KIB + 5};
    if (choose(world, 2)) return edges[choose(world, ARRAY_LEN(edges))];
    return 1 + (size_t)choose(world, 300 * KIB);
}

/*
 * Whether everything survives that a drive fails. A blob that was written while there was one drive
 * has one copy, which is all that its reduced policy promised, and it has no more when drives come;
 * one that is put on a lone drive while that has a fault may be unreadable until it has none.
 */
static bool a_fault_is_survived(const struct data_world *world) {
    if (world->fragile || survives_now(world) == 0) return false;
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        const struct data_slot *slot = &world->slots[i];
        if (slot->state != SLOT_EMPTY && slot->survives == 0) return false;
    }
    return true;
}

/* Gives one drive a fault, if everything survives that. */
static void choose_fault(struct data_world *world) {
    static const enum sim_fault faults[] = {SIM_FAULT_READS_FAIL,      SIM_FAULT_WRITES_FAIL,
                                            SIM_FAULT_SYNC_FAILS_ONCE, SIM_FAULT_SYNCS_FAIL,
                                            SIM_FAULT_READ_ONLY,       SIM_FAULT_GONE};
    if (world->faulty >= 0 || !a_fault_is_survived(world)) return;
    world->faulty = (int)choose(world, world->drive_count);
    sim_fs_fault(world->sim, world->drives[world->faulty],
                 faults[choose(world, ARRAY_LEN(faults))]);
}

/* A number of a drive that there may be. */
static uint32_t choose_number(struct data_world *world) {
    return 1 + (uint32_t)choose(world, world->drive_count);
}

/* What an operator does: adds, replaces, drains, removes. What is refused, is. */
static void choose_change(struct data_world *world) {
    struct note note = {0};
    uint32_t number;
    if (sim_fs_is_cut(world->sim) || world->faulty >= 0) return;
    uint64_t what = choose(world, 8);
    const char *path = what < 2 ? data_world_mount(world) : NULL;
    if (what == 0 && path) {
        IGNORE_STATUS(data_drive_add(world->store, path, DRIVE_SSD, &note, &number));
    } else if (what == 1 && path) {
        IGNORE_STATUS(data_drive_replace(world->store, choose_number(world), path, &note, &number));
    } else if (what < 6) {
        IGNORE_STATUS(data_drive_drain(world->store, choose_number(world), choose(world, 2)));
    } else {
        world->fragile = true;
        IGNORE_STATUS(data_drive_remove(world->store, choose_number(world), false, &note));
    }
}

/* A small body is made whole as if it were new, by what can be kept of its policy now. */
static void survival_review(struct data_world *world) {
    for (size_t i = 0; i < WORLD_SLOTS; i++) {
        struct data_slot *slot = &world->slots[i];
        unsigned now = survives_now(world);
        if (slot->size <= DATA_INLINE_MAX && slot->survives > now) slot->survives = now;
    }
}

static void repair(struct data_world *world) {
    struct data_stats stats;
    survival_review(world);
    bool everything = world->fragile || choose(world, 2);
    struct status s = data_repair(world->store, everything); /* may be cut, as all */
    data_drives_tidy(world->store);
    data_stats_read(world->store, &stats);
    if (is_ok(s) && everything && stats.repair.failed == 0) world->fragile = false;
}

void data_world_step(struct data_world *world) {
    struct data_slot *slot = &world->slots[choose(world, WORLD_SLOTS)];
    if (!world->store) return;
    switch (choose(world, 13)) {
        case 0:
            choose_fault(world);
            break;
        case 1:
            repair(world);
            break;
        case 2:
            if (choose(world, 4) == 0) IGNORE_STATUS(data_scrub(world->store));
            break;
        case 3:
            IGNORE_STATUS(collect(world));
            break;
        case 4:
            if (slot->state == SLOT_THERE && !sim_fs_is_cut(world->sim)) {
                struct data_slot copy = *slot;
                data_world_check_slot(world, &copy);
                if (sim_fs_is_cut(world->sim)) world->trouble[0] = '\0';
            }
            break;
        case 5:
            if (slot->state == SLOT_THERE) IGNORE_STATUS(share_and_unbind(world, slot));
            break;
        case 6:
            if (slot->state == SLOT_THERE) IGNORE_STATUS(data_world_delete(world, slot));
            break;
        case 7:
            if (choose(world, 3) == 0) choose_change(world);
            break;
        default:
            if (slot->state == SLOT_EMPTY) {
                IGNORE_STATUS(data_world_put(world, slot, choose_size(world)));
            }
            break;
    }
}
