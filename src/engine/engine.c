#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "engine/data.h"
#include "engine/home.h"
#include "engine/log.h"
#include "engine/meta.h"
#include "engine/mirror.h"
#include "engine/space.h"
#include "kv/driver.h"

enum {
    LAYER_BYTES = 64 * 1024 * 1024,
    LAYER_BYTES_MIN = 4 * 1024 * 1024,
    LAYER_SHARE = 256,      /* of the drive */
    LOG_PER_LAYER = 4,      /* the ring's limit in layers */
    LOG_SEGMENTS_LEAST = 8, /* what the largest batch needs, and some */
    DATA_RESERVE_BYTES = 8 * 1024 * 1024,
    MEND_INTERVAL_S = 10,
};

/* What the copy in the data directory is called. */
static const char home_name[] = "data";

struct engine_policy_entry {
    char name[BLOB_POLICY_NAME_MAX + 1];
    unsigned losses_promised; /* drives whose loss is survived */
    bool same_device;
    bool allow_reduced;
};

struct engine {
    struct fs *fs;
    struct clock *clock;
    struct random *random;
    struct home home;
    struct space space;
    struct mirror *mirror; /* the directories with the log and the index */
    struct meta *meta;
    struct data_store *data;
    struct engine_policy_entry policies[ENGINE_POLICIES_MAX];
    size_t policy_count;
};

static unsigned losses_promised(const struct engine_policy *policy) {
    return policy->copies > 0 ? policy->copies - 1 : policy->parity_pieces;
}

/* Takes the policies over; refuses one that promises more than the records have, unless it is
 * allowed. */
static struct status policies_take(struct engine *engine, const struct engine_config *config,
                                   struct note *note) {
    if (config->policy_count == 0 || config->policy_count > ENGINE_POLICIES_MAX) {
        return note_status(note, STATUS_INVALID, "there must be 1 to %d storage policies",
                           ENGINE_POLICIES_MAX);
    }
    if (config->drive_count > ENGINE_DRIVES_MAX) {
        return note_status(note, STATUS_INVALID, "there may be up to %d drives", ENGINE_DRIVES_MAX);
    }
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct engine_policy *policy = &config->policies[i];
        struct engine_policy_entry *entry = &engine->policies[i];
        CHECK(strlen(policy->name) <= BLOB_POLICY_NAME_MAX);
        snprintf(entry->name, sizeof entry->name, "%s", policy->name);
        entry->losses_promised = losses_promised(policy);
        entry->same_device = policy->same_device;
        entry->allow_reduced = policy->allow_reduced_redundancy;
    }
    engine->policy_count = config->policy_count;
    return status_ok();
}

/* Refuses a policy that promises more than the records have, unless it is allowed. */
static struct status policies_check(struct engine *engine, struct note *note) {
    for (size_t i = 0; i < engine->policy_count; i++) {
        const struct engine_policy_entry *entry = &engine->policies[i];
        unsigned kept = mirror_planned(engine->mirror, entry->same_device);
        if (entry->losses_promised < kept || entry->allow_reduced) continue;
        return note_status(
            note, STATUS_INVALID,
            "policy %s is to survive the loss of %u drives, and bodies are, but records "
            "are kept on %u (metadata = on puts them on more drives); "
            "allow_reduced_redundancy = on serves it all the same",
            entry->name, entry->losses_promised, kept);
    }
    return status_ok();
}

/* How much a layer may take: less on a small drive, as a checkpoint needs room for two. */
static uint64_t layer_bytes_for(const struct engine *engine) {
    struct fs_space space = {0};
    IGNORE_STATUS(fs_space_read(engine->fs, engine->home.dir_fd, &space)); /* then it is small */
    uint64_t bytes = space.total_bytes / LAYER_SHARE;
    if (bytes < LAYER_BYTES_MIN) return LAYER_BYTES_MIN;
    return bytes < LAYER_BYTES ? bytes : LAYER_BYTES;
}

/* Opens the directories of log and index, and makes them in a new store. */
static struct status mirror_begin(struct engine *engine, const struct engine_config *config,
                                  struct note *note) {
    struct mirror_place places[MIRROR_COPIES_MAX] = {{home_name, config->data_dir}};
    size_t count = 1;
    for (size_t i = 0; i < config->drive_count; i++) {
        const struct engine_drive *drive = &config->drives[i];
        if (!drive->has_metadata) continue;
        if (count == MIRROR_COPIES_MAX) {
            return note_status(note, STATUS_INVALID,
                               "metadata may be on %d drives beside the data directory",
                               MIRROR_COPIES_MAX - 1);
        }
        places[count++] = (struct mirror_place){drive->name, drive->path};
    }
    struct mirror_config mirror_config = {.fs = engine->fs,
                                          .clock = engine->clock,
                                          .random = engine->random,
                                          .places = places,
                                          .place_count = count,
                                          .is_new = engine->home.is_new,
                                          .accept_from = config->accept_metadata_from,
                                          .fill_rate_bytes = config->repair_rate_bytes};
    memcpy(mirror_config.store_id.bytes, engine->home.store_id, MIRROR_ID_LEN);
    TRY(mirror_open(&mirror_config, note, &engine->mirror));
    return policies_check(engine, note);
}

/* The store is one as soon as it is signed: what lies there before is made anew. */
static struct status meta_start(struct engine *engine, const struct engine_config *config,
                                struct note *note) {
    TRY(mirror_begin(engine, config, note));
    uint64_t layer_bytes =
        config->write_buffer_bytes ? config->write_buffer_bytes : layer_bytes_for(engine);
    space_init(&engine->space, engine->fs, engine->clock, engine->home.dir_fd, layer_bytes / 2);
    if (mirror_or_null(engine->mirror)) {
        space_watch(&engine->space, mirror_fs(engine->mirror), mirror_dir_fd(engine->mirror));
    }
    struct meta_config meta_config = {
        .fs = mirror_fs(engine->mirror),
        .clock = engine->clock,
        .dir_fd = mirror_dir_fd(engine->mirror),
        .mirror = mirror_or_null(engine->mirror),
        .space = &engine->space,
        .cache_bytes = config->cache_bytes,
        .layer_bytes = layer_bytes,
        .has_mover = true,
        .segments_max = (unsigned)(LOG_PER_LAYER * layer_bytes / LOG_SEGMENT_BYTES),
    };
    if (meta_config.segments_max < LOG_SEGMENTS_LEAST) {
        meta_config.segments_max = LOG_SEGMENTS_LEAST;
    }
    memcpy(meta_config.store_id, engine->home.store_id, META_STORE_ID_LEN);
    if (engine->home.is_new) TRY(meta_create(&meta_config, engine->random, note));
    TRY(meta_open(&meta_config, note, &engine->meta));
    /* In this order: a home that is signed, with an index and no record, is the only copy (M1). */
    if (engine->home.is_new) TRY(home_sign(&engine->home, note));
    return mirror_sign(engine->mirror, note);
}

static struct data_policy data_policy_of(const struct engine_policy *policy, bool own_drives) {
    return (struct data_policy){
        .name = policy->name,
        .data_pieces = policy->copies > 0 ? 1 : policy->data_pieces,
        .parity_pieces = losses_promised(policy),
        .min_pieces = policy->min_pieces,
        .media = own_drives && !policy->on_hdd ? DRIVE_SSD : DRIVE_HDD,
        .same_device = policy->same_device,
        .allow_reduced = policy->allow_reduced_redundancy,
    };
}

/* The drives of the configuration; without any, the data directory is the one of every policy. */
static struct status data_start(struct engine *engine, const struct engine_config *config,
                                struct note *note) {
    struct data_policy policies[ENGINE_POLICIES_MAX];
    struct data_drive_config drives[ENGINE_DRIVES_MAX + 1];
    for (size_t i = 0; i < config->policy_count; i++) {
        policies[i] = data_policy_of(&config->policies[i], config->drive_count > 0);
    }
    for (size_t i = 0; i < config->drive_count; i++) {
        drives[i] = (struct data_drive_config){
            .path = config->drives[i].path,
            .media = config->drives[i].is_hdd ? DRIVE_HDD : DRIVE_SSD,
        };
    }
    size_t drive_count = config->drive_count;
    if (drive_count == 0) {
        drives[drive_count++] = (struct data_drive_config){
            .path = config->data_dir, .media = DRIVE_HDD, .is_data_dir = true};
    }
    struct data_config data_config = {
        .kv = meta_kv(engine->meta),
        .meta = engine->meta,
        .fs = engine->fs,
        .clock = engine->clock,
        .random = engine->random,
        .drives = drives,
        .drive_count = drive_count,
        .policies = policies,
        .policy_count = config->policy_count,
        /* More than what the metadata needs to go on: it stops first. */
        .limits = {.reserve_bytes = engine->space.growth_min_bytes + DATA_RESERVE_BYTES},
        .repair_rate_bytes = config->repair_rate_bytes,
        .scrub_rate_bytes = config->scrub_rate_bytes,
        .mend_interval_s = config->no_mending ? 0 : MEND_INTERVAL_S,
        .scrub_interval_s = config->scrub_interval_s,
        .verify_always = config->verify_always,
    };
    memcpy(data_config.store_id.bytes, engine->home.store_id, DRIVE_ID_LEN);
    return data_open(&data_config, note, &engine->data);
}

static struct status open_steps(struct engine *engine, const struct engine_config *config,
                                struct note *note) {
    TRY(policies_take(engine, config, note));
    TRY(home_open(&engine->home, engine->fs, engine->random, config->data_dir, note));
    struct note reason = {0};
    struct status s = meta_start(engine, config, &reason);
    if (!is_ok(s)) {
        const char *text = reason.text[0] ? reason.text : status_text(s.code);
        note_set(note, "data directory %s: %s", config->data_dir, text);
        return s;
    }
    TRY(data_start(engine, config, note));
    return config->no_mending ? status_ok() : mirror_start(engine->mirror, note);
}

struct status engine_open(const struct engine_config *config, struct clock *clock,
                          struct random *random, struct note *note, struct engine **ret_engine) {
    struct engine *engine = calloc(1, sizeof *engine);
    CHECK(engine);
    engine->fs = config->fs ? config->fs : fs_system();
    engine->clock = clock;
    engine->random = random;
    engine->home.dir_fd = -1;
    struct status s = open_steps(engine, config, note);
    if (is_ok(s)) {
        *ret_engine = engine;
    } else {
        engine_close(&engine);
    }
    return s;
}

struct kv *engine_kv(struct engine *engine) {
    return meta_kv(engine->meta);
}

struct blob_store *engine_blob(struct engine *engine) {
    return data_blob(engine->data);
}

struct data_store *engine_data(struct engine *engine) {
    return engine->data;
}

struct mirror *engine_mirror(struct engine *engine) {
    return engine->mirror;
}

bool engine_redundancy_note(const struct engine *engine, size_t index, struct note *note) {
    CHECK(index < engine->policy_count);
    const struct engine_policy_entry *entry = &engine->policies[index];
    if (entry->losses_promised == 0) return false;
    if (data_policy_note(engine->data, index, note)) return true;
    unsigned kept = mirror_serving(engine->mirror, entry->same_device);
    if (entry->losses_promised < kept) return false;
    note_set(note,
             "policy %s asks for data that survives the loss of %u drive%s, but there %s %u "
             "cop%s of records in service",
             entry->name, entry->losses_promised, entry->losses_promised == 1 ? "" : "s",
             kept == 1 ? "is" : "are", kept, kept == 1 ? "y" : "ies");
    return true;
}

void engine_meta_stats_read(struct engine *engine, struct meta_stats *ret_stats) {
    meta_stats_read(engine->meta, ret_stats);
}

struct status engine_partition_find(struct engine *engine, struct kv_partition *partition,
                                    bool *ret_found) {
    struct kv *kv = engine_kv(engine);
    return kv->ops->partition_find(kv, *partition, ret_found, partition);
}

struct status engine_check_metadata(struct engine *engine, struct findings *findings) {
    struct note note = {0};
    findings_step(findings, "index", 0, 0);
    struct status s = meta_check(engine->meta, &note);
    if (status_is(s, STATUS_CORRUPT)) {
        findings_say(findings, FINDING_METADATA, false, "%s", note.text);
    } else {
        TRY(s);
    }
    size_t copies = mirror_or_null(engine->mirror) ? mirror_count(engine->mirror) : 0;
    for (size_t i = 0; i < copies; i++) {
        struct mirror_copy copy;
        mirror_copy_read(engine->mirror, i, &copy);
        if (copy.state == MIRROR_SERVING) continue;
        findings_say(findings, FINDING_SHORT, false, "the copy of the metadata on %s is %s",
                     copy.name, mirror_state_text(copy.state));
    }
    return status_ok();
}

struct status engine_health(struct engine *engine, struct note *note) {
    TRY(meta_health(engine->meta, note));
    struct status s = data_health(engine->data, note);
    if (status_is(s, STATUS_BUSY)) return s; /* else some policy is served */
    s = space_admit(&engine->space, 0, false);
    if (!is_ok(s)) note_set(note, "the drive is nearly full: only deletes are taken");
    return s;
}

void engine_close(struct engine **engine) {
    struct engine *self = *engine;
    if (!self) return;
    data_close(&self->data);
    if (self->mirror) mirror_stop(self->mirror);
    meta_close(&self->meta);
    mirror_close(&self->mirror);
    if (self->space.fs) space_fini(&self->space);
    if (self->home.dir_fd >= 0) home_close(&self->home);
    free(self);
    *engine = NULL;
}
