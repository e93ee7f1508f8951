/*
 * data_world.h - the data half on simulated drives, with a model of what it must have
 *
 *     new ── [ step* ── (power cut) ── restart ── check ]* ── free
 *
 * The model knows each blob that was acknowledged, and each whose fate is open because the power
 * went during its commit. One seed is one history.
 */
#ifndef SUPPORT_DATA_WORLD_H
#define SUPPORT_DATA_WORLD_H

#include "engine/data.h"
#include "support/sim_fs.h"

enum { WORLD_DRIVES_MAX = 8, WORLD_SLOTS = 10 };

/* How the world is built. */
struct data_world_config {
    uint64_t seed;
    unsigned drives;
    uint64_t drive_bytes;
    struct data_policy policy; /* its name is "standard" */
    bool over_meta;            /* over log and index, without threads: small bodies are moved */
    unsigned log_copies;       /* that it is taken to have, with over_meta; 0: those it has */
    bool whole_engine;         /* over the engine's own kv, on the same drives */
    bool with_threads;         /* drives are called side by side, and may hang */
    bool changes_in_puts;      /* drives come and go, and are repaired, in the middle of a put */
    const char *skip_syncs;    /* sim_fs_skip_syncs, from the beginning */
};

enum slot_state {
    SLOT_EMPTY,
    SLOT_THERE,
    SLOT_OPEN, /* the power went while it was published, or unbound: it is there, or it is not */
};

struct data_slot {
    enum slot_state state;
    struct blob_id id;
    unsigned seed;
    size_t size;
    unsigned survives; /* so many drives may fail at once: the policy was reduced, perhaps */
};

struct engine;

struct data_world {
    struct data_world_config config;
    struct sim_fs *sim;
    struct kv *kv;
    struct clock_manual clock;
    struct random_seeded random;       /* the store's */
    struct random_seeded choices;      /* the history's */
    unsigned drives[WORLD_DRIVES_MAX]; /* of the simulation */
    unsigned drive_count;              /* the configured ones, and those added since */
    bool fragile;                      /* a drive was removed, and not everything repaired since */
    struct engine *engine;             /* with whole_engine */
    struct meta *meta;                 /* with over_meta */
    int meta_fd;
    bool meta_is_made;
    struct data_store *store;
    struct data_slot slots[WORLD_SLOTS];
    unsigned next_seed;
    int faulty;                       /* the drive that has a fault; -1: none */
    char trouble[NOTE_TEXT_MAX + 64]; /* the first thing that was wrong; empty: nothing */
};

extern const struct kv_partition data_world_partition;

/* A world with an open, empty store. */
void data_world_new(struct data_world *world, const struct data_world_config *config);
void data_world_free(struct data_world *world);

/* Closes the store as a process that ends does; opens it. */
void data_world_close(struct data_world *world);
void data_world_open(struct data_world *world);

/* Puts a blob of `size` bytes into a slot that is empty; what came of it. */
struct status data_world_put(struct data_world *world, struct data_slot *slot, size_t size);

/* Takes the blob's reference away, and collects. */
struct status data_world_delete(struct data_world *world, struct data_slot *slot);

/* Mounts one more empty drive; NULL if there are no more. The path of its directory. */
const char *data_world_mount(struct data_world *world);

/* Does something at random. */
void data_world_step(struct data_world *world);

/* Restarts the drives and the store after a power cut or without. Drives are well afterwards. */
void data_world_restart(struct data_world *world);

/*
 * Reads everything the model knows, and compares the space in use with what the records name; the
 * first mismatch goes to `trouble`. Slots whose fate was open are settled by what is there.
 */
void data_world_check(struct data_world *world);

/* Checks one blob. */
void data_world_check_slot(struct data_world *world, const struct data_slot *slot);

#endif
