/*
 * tally.h - how often each of many ids of 16 bytes was seen
 *
 *     init ── add* ── take* ── next* ── fini
 *
 * An open hash table: 20 bytes an id, and as much room again at most. The ids are random or hashed;
 * nobody who may choose them can do harm, as it serves one check that runs alone.
 *
 * Threads: one at a time.
 */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TALLY_ID_LEN = 16 };

struct tally_entry {
    uint8_t id[TALLY_ID_LEN];
    uint32_t count; /* 0: the place is free */
    bool taken;
};

struct tally {
    struct tally_entry *entries;
    size_t cap;
    size_t count;
};

/* An empty one, and its end. */
void tally_init(struct tally *tally);
void tally_fini(struct tally *tally);

/* Counts an id once more. */
void tally_add(struct tally *tally, const uint8_t id[TALLY_ID_LEN]);

/* How often it was counted; notes that somebody asked. */
uint32_t tally_take(struct tally *tally, const uint8_t id[TALLY_ID_LEN]);

/* The next entry from `*at` on that nobody has asked for; NULL at the end. */
const struct tally_entry *tally_next(const struct tally *tally, size_t *at);

/* An id for a text: its hash, for where two texts of one hash do no harm but a wrong line. */
void tally_hash(const void *text, size_t len, uint8_t ret_id[TALLY_ID_LEN]);

#endif
