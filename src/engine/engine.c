#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "engine/store.h"

enum {
    CACHE_BYTES = 32 * 1024 * 1024,
    WRITE_BUFFER_BYTES = 16 * 1024 * 1024,
    WRITE_BUFFERS_AT_ONCE = 3,
    DB_PATH_MAX = 4096,
};

/* The store's id again, inside the database: a name shorter than a partition's. */
static const char id_name[] = "store-id";

static unsigned copies_promised(const struct engine_policy *policy) {
    return policy->copies > 0 ? policy->copies : policy->parity_pieces + 1;
}

/* Takes the policies over; refuses what would need more drives than one, unless it is allowed. */
static struct status policies_take(struct engine *engine, const struct engine_config *config,
                                   struct note *note) {
    if (config->policy_count == 0 || config->policy_count > ENGINE_POLICIES_MAX) {
        return note_status(note, STATUS_INVALID, "there must be 1 to %d storage policies",
                           ENGINE_POLICIES_MAX);
    }
    for (size_t i = 0; i < config->policy_count; i++) {
        const struct engine_policy *policy = &config->policies[i];
        struct engine_policy_entry *entry = &engine->policies[i];
        CHECK(strlen(policy->name) <= BLOB_POLICY_NAME_MAX);
        snprintf(entry->name, sizeof entry->name, "%s", policy->name);
        entry->copies_promised = copies_promised(policy);
        if (entry->copies_promised > 1 && !policy->allow_reduced_redundancy) {
            return note_status(note, STATUS_INVALID,
                               "policy %s is to survive the loss of %u drives, this store has one; "
                               "allow_reduced_redundancy = on serves it all the same",
                               entry->name, entry->copies_promised - 1);
        }
    }
    engine->policy_count = config->policy_count;
    return status_ok();
}

static struct status database_open(struct engine *engine, const struct engine_config *config,
                                   struct note *note) {
    char path[DB_PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/kv", config->data_dir);
    if (len < 0 || (size_t)len >= sizeof path) {
        return note_status(note, STATUS_INVALID, "the data directory's path is too long");
    }
    struct db_config db_config = {
        .path = path,
        .cache_bytes = config->cache_bytes ? config->cache_bytes : CACHE_BYTES,
        .write_buffer_bytes =
            config->write_buffer_bytes ? config->write_buffer_bytes : WRITE_BUFFER_BYTES,
    };
    uint64_t margin = WRITE_BUFFERS_AT_ONCE * (uint64_t)db_config.write_buffer_bytes;
    space_init(&engine->space, engine->fs, engine->clock, engine->home.dir_fd, margin);
    struct note reason = {0};
    struct status s = db_open(&engine->db, &db_config, &reason);
    if (!is_ok(s)) {
        note_set(note, "data directory %s: can't open its database: %s", config->data_dir,
                 reason.text);
    }
    return s;
}

static struct status id_write(struct engine *engine, struct note *note) {
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    const uint8_t *id = engine->home.store_id;
    rocksdb_writebatch_put(batch, id_name, sizeof id_name - 1, (const char *)id, HOME_STORE_ID_LEN);
    struct status s = db_write(&engine->db, batch, note);
    rocksdb_writebatch_destroy(batch);
    return s;
}

/* Sees to it that the database and the directory are of one store; a new one gets its identity. */
static struct status id_settle(struct engine *engine, struct note *note) {
    rocksdb_pinnableslice_t *pinned = NULL;
    struct status s = db_get(&engine->db, slice_of(id_name, sizeof id_name - 1), &pinned);
    bool found = is_ok(s);
    if (!found && !status_is(s, STATUS_NOT_FOUND)) return s;
    struct slice id = slice_of(NULL, 0);
    if (found) id.ptr = rocksdb_pinnableslice_value(pinned, &id.len);
    bool same = slice_eq(id, slice_of(engine->home.store_id, HOME_STORE_ID_LEN));
    if (found && engine->home.is_new && id.len == HOME_STORE_ID_LEN) {
        /* A crash came between the two: the directory takes the database's id. */
        memcpy(engine->home.store_id, id.ptr, id.len);
        same = true;
    }
    if (found) rocksdb_pinnableslice_destroy(pinned);
    if (!found && engine->home.is_new) {
        TRY(id_write(engine, note));
        same = true;
    }
    if (!same) {
        return note_status(note, STATUS_CORRUPT, "its database is of another store");
    }
    return engine->home.is_new ? home_sign(&engine->home, note) : status_ok();
}

static struct status open_steps(struct engine *engine, const struct engine_config *config,
                                struct note *note) {
    TRY(policies_take(engine, config, note));
    TRY(home_open(&engine->home, engine->fs, engine->random, config->data_dir, note));
    TRY(database_open(engine, config, note));
    commit_queue_init(&engine->commits, &engine->db, &engine->space);
    struct note reason = {0};
    struct status s = id_settle(engine, &reason);
    if (!is_ok(s)) {
        const char *text = reason.text[0] ? reason.text : status_text(s.code);
        note_set(note, "data directory %s: %s", config->data_dir, text);
        return s;
    }
    return sweep_start(engine, note);
}

struct status engine_open(const struct engine_config *config, struct clock *clock,
                          struct random *random, struct note *note, struct engine **ret_engine) {
    struct engine *engine = calloc(1, sizeof *engine);
    CHECK(engine);
    engine->kv.ops = &engine_kv_ops;
    engine->blob = (struct blob_store){&engine_blob_ops, &engine->kv};
    engine->fs = config->fs ? config->fs : fs_system();
    engine->clock = clock;
    engine->random = random;
    engine->home.dir_fd = -1;
    CHECK(pthread_mutex_init(&engine->writers_lock, NULL) == 0);
    struct status s = open_steps(engine, config, note);
    if (is_ok(s)) {
        *ret_engine = engine;
    } else {
        engine_close(&engine);
    }
    return s;
}

struct kv *engine_kv(struct engine *engine) {
    return &engine->kv;
}

struct blob_store *engine_blob(struct engine *engine) {
    return &engine->blob;
}

bool engine_redundancy_note(const struct engine *engine, size_t index, struct note *note) {
    CHECK(index < engine->policy_count);
    const struct engine_policy_entry *entry = &engine->policies[index];
    if (entry->copies_promised <= 1) return false;
    note_set(note,
             "policy %s asks for data that survives the loss of %u drive%s, but this store keeps "
             "one copy on one drive (allow_reduced_redundancy)",
             entry->name, entry->copies_promised - 1, entry->copies_promised == 2 ? "" : "s");
    return true;
}

struct status engine_health(struct engine *engine, struct note *note) {
    TRY(commit_health(&engine->commits, note));
    struct status s = space_admit(&engine->space, 0, false);
    if (!is_ok(s)) note_set(note, "the drive is nearly full: only deletes are taken");
    return s;
}

void engine_close(struct engine **engine) {
    struct engine *self = *engine;
    if (!self) return;
    sweep_stop(self);
    CHECK(!self->writers);
    if (self->commits.db) commit_queue_fini(&self->commits);
    db_close(&self->db);
    if (self->space.fs) space_fini(&self->space);
    if (self->home.dir_fd >= 0) home_close(&self->home);
    pthread_mutex_destroy(&self->writers_lock);
    free(self);
    *engine = NULL;
}
