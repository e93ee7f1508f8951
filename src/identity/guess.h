/*
 * guess.h - how long whoever guesses has to wait for the next guess
 *
 * Attempts are counted by (user, source), by source and by user, in a table of fixed size. A few
 * are free; each further one makes the next wait twice as long, up to a limit. A source alone has
 * more of them free, for many people behind one address; a user alone even more, and waits little,
 * so that strangers cannot lock somebody out. What was not touched for a while is forgotten, and so
 * is what was not touched for the longest time where there is no room.
 *
 *     guess_begin ── the check ── guess_right, or nothing
 *
 * An attempt counts from its beginning, so that many at once are no way around.
 *
 * Threads: any. Limits: GUESS_ENTRIES.
 */
#ifndef IDENTITY_GUESS_H
#define IDENTITY_GUESS_H

#include "base/slice.h"
#include "os/random.h"

enum { GUESS_ENTRIES = 16384, GUESS_FREE = 10, GUESS_SOURCE_FREE = 50, GUESS_USER_FREE = 200 };

struct guess_table;

/* An empty table; NULL where there is no memory. Owns: the caller; guess_table_free. */
struct guess_table *guess_table_new(struct random *random);
void guess_table_free(struct guess_table **table);

/*
 * Counts an attempt on `user` from `source`. False where it comes too early: it must not be made,
 * and `*ret_wait_ns` is for how long.
 */
bool guess_begin(struct guess_table *table, struct slice user, struct slice source, int64_t now_ns,
                 int64_t *ret_wait_ns);

/* Forgets what was counted for this user from this source: the attempt was right. */
void guess_right(struct guess_table *table, struct slice user, struct slice source);

#endif
