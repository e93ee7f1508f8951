#include <stdio.h>

#include "base/check.h"
#include "engine/store.h"

enum { SWEEP_STACK_BYTES = 256 * 1024 };

struct sweep_visitor {
    struct fs_visitor visitor;
    struct engine *engine;
    int dir_fd;
};

static bool record_is_there(struct engine *engine, struct kv_partition partition,
                            struct blob_id id) {
    struct blob_key key = blob_key_make(BLOB_KEY_RECORD, id);
    struct arena arena;
    arena_init(&arena, BLOB_RECORD_OF_FILE_MAX, BLOB_RECORD_OF_FILE_MAX);
    struct slice record;
    struct status s =
        kv_get(meta_kv(engine->meta), partition, blob_key_slice(&key), &arena, &record);
    arena_fini(&arena);
    return !status_is(s, STATUS_NOT_FOUND); /* what can't be read may be there */
}

/*
 * Whether nothing can name the file any more (F8). The order matters: a writer leaves the list only
 * after its record was committed, or its file removed; or after the queue has failed.
 */
static bool is_orphan(struct engine *engine, const char *name) {
    struct kv_partition partition;
    struct blob_id id;
    if (!blob_file_name_parse(name, &partition, &id)) return false;
    if (blob_file_in_writing(engine, partition, id)) return false;
    if (record_is_there(engine, partition, id)) return false;
    return is_ok(meta_health(engine->meta, NULL));
}

static bool visit(struct fs_visitor *visitor, const char *name) {
    struct sweep_visitor *self = CONTAINER_OF(visitor, struct sweep_visitor, visitor);
    if (is_orphan(self->engine, name)) {
        IGNORE_STATUS(fs_remove(self->engine->fs, self->dir_fd, name)); /* the next sweep will */
    }
    return !atomic_load(&self->engine->closing);
}

/* Removes every file of a blob that has no record: what a crash left before its commit, or after
 * its collection, and what lay in a partition that was dropped. */
static void *sweep_run(void *argument) {
    struct engine *engine = argument;
    for (size_t i = 0; i < HOME_FANOUT && !atomic_load(&engine->closing); i++) {
        struct sweep_visitor visitor = {{visit}, engine, engine->home.fanout_fds[i]};
        IGNORE_STATUS(fs_dir_walk(engine->fs, visitor.dir_fd, &visitor.visitor));
    }
    return NULL;
}

struct status sweep_start(struct engine *engine, struct note *note) {
    struct thread_config config = {
        .name = "sweep",
        .stack_size_bytes = SWEEP_STACK_BYTES,
        .run = sweep_run,
        .argument = engine,
    };
    TRY(thread_start(&config, note, &engine->sweeper));
    engine->sweeping = true;
    return status_ok();
}

void sweep_stop(struct engine *engine) {
    atomic_store(&engine->closing, true);
    if (engine->sweeping) thread_join(&engine->sweeper);
    engine->sweeping = false;
}
