/* Which copies count: at the open, and from one epoch to the next. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/date.h"
#include "engine/mirror_inside.h"

/* An accepted copy steps over so many epochs that nothing the others went on to outranks it. */
enum { ACCEPT_STEP = 65536 };

void mirror_side_set(struct mirror_side *side, enum mirror_state state, const char *format, ...) {
    side->state = state;
    side->line.text[0] = 0;
    if (!format) return;
    char why[NOTE_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    note_set(&side->line, "metadata copy %s (%.200s/meta): %.120s", side->name, side->path, why);
}

void mirror_side_fail(struct mirror_side *side, struct status s) {
    if (!atomic_load(&side->failing)) atomic_store(&side->failed_with, (int)s.code);
    atomic_store(&side->failing, true);
}

unsigned mirror_in_service(struct mirror *mirror) {
    unsigned set = 0;
    pthread_mutex_lock(&mirror->lock);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (mirror->sides[i].state == MIRROR_SERVING) set |= 1u << i;
    }
    pthread_mutex_unlock(&mirror->lock);
    return set;
}

static unsigned bits(unsigned set) {
    return (unsigned)__builtin_popcount(set);
}

/* ---- from one epoch to the next ---- */

static struct mirror_record record_of(struct mirror *mirror, unsigned set) {
    struct mirror_record record = {
        .store = mirror->config.store_id,
        .epoch = mirror->last_epoch,
        .written_ns = clock_wall_ns(mirror->config.clock),
    };
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (set & 1u << i) record.members[record.count++] = mirror->sides[i].id;
    }
    return record;
}

/* Writes `record` to the copies in `to`; the answer is on which it is durable. */
static unsigned records_write(struct mirror *mirror, const struct mirror_record *record,
                              unsigned to) {
    struct mirror_calls calls = {0};
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!(to & 1u << i)) continue;
        struct mirror_side *side = &mirror->sides[i];
        struct mirror_call *call = mirror_call_add(mirror, &calls, i, mirror_run_record);
        call->dir_fd = side->dir_fd;
        call->record = *record;
        call->record.own = side->id;
        call->record.serial = ++side->serial;
    }
    mirror_calls_run(mirror, &calls);
    unsigned durable = 0;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (!(to & 1u << i)) continue;
        struct status s = calls.calls[i] ? calls.calls[i]->status : status_of(STATUS_TIMEOUT);
        if (is_ok(s)) durable |= 1u << i;
        if (!is_ok(s)) mirror_side_fail(&mirror->sides[i], s);
    }
    mirror_calls_end(&calls);
    return durable;
}

/* Lets everybody know of the set. */
static void set_publish(struct mirror *mirror, unsigned set) {
    pthread_mutex_lock(&mirror->lock);
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_side *side = &mirror->sides[i];
        if (set & 1u << i) {
            mirror_side_set(side, MIRROR_SERVING, NULL);
        } else if (side->state == MIRROR_SERVING ||
                   (side->state == MIRROR_FILLING && atomic_load(&side->failing))) {
            bool hangs = atomic_load(&side->hangs);
            side->seen_absent = false;
            mirror_side_set(side, hangs ? MIRROR_HUNG : MIRROR_FAILED,
                            hangs ? "it does not answer; it is out of service until the restart%s"
                                  : "a call on it failed (%s); it is out of service",
                            hangs ? "" : status_text(atomic_load(&side->failed_with)));
        }
    }
    mirror->epoch = mirror->last_epoch;
    pthread_cond_broadcast(&mirror->changed);
    pthread_mutex_unlock(&mirror->lock);
}

struct status mirror_establish(struct mirror *mirror, unsigned set, int joiner) {
    for (;;) {
        if (set == 0) return status_of(STATUS_IO);
        mirror->last_epoch++;
        struct mirror_record record = record_of(mirror, set);
        /* M4: it must not be in a set of the others' before it says so itself. */
        if (joiner >= 0 && !records_write(mirror, &record, 1u << joiner)) {
            set &= ~(1u << joiner);
            joiner = -1;
            continue;
        }
        unsigned rest = joiner >= 0 ? set & ~(1u << joiner) : set;
        unsigned durable = records_write(mirror, &record, rest);
        joiner = -1;
        if (durable == rest) break;
        set &= ~(rest & ~durable);
    }
    set_publish(mirror, set);
    return status_ok();
}

struct status mirror_drop_failing(struct mirror *mirror) {
    pthread_mutex_lock(&mirror->change_lock);
    unsigned in_service = mirror_in_service(mirror);
    unsigned set = in_service;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        if (atomic_load(&mirror->sides[i].failing)) set &= ~(1u << i);
    }
    struct status s = status_ok();
    if (set != in_service) {
        s = mirror->is_signed ? mirror_establish(mirror, set, -1) : status_of(STATUS_IO);
    }
    pthread_mutex_unlock(&mirror->change_lock);
    return s;
}

struct status mirror_mark_filling(struct mirror *mirror, unsigned side) {
    struct mirror_record record = {.store = mirror->config.store_id,
                                   .written_ns = clock_wall_ns(mirror->config.clock)};
    pthread_mutex_lock(&mirror->change_lock);
    unsigned durable = records_write(mirror, &record, 1u << side);
    pthread_mutex_unlock(&mirror->change_lock);
    return status_of(durable ? STATUS_OK : STATUS_IO);
}

/* ---- at the open ---- */

/* The copies that were found, as the decision sees them. */
struct deciding {
    struct mirror *mirror;
    struct mirror_found *found;
    struct note *note;
    int best; /* the copy with the newest set; -1: none has one */
};

/* M1: a store that had one copy only has no record: its home is that copy. */
static bool is_lone_home(const struct deciding *d, unsigned i) {
    const struct mirror_found *found = &d->found[i];
    return d->mirror->sides[i].is_home && found->has_index && !found->has_record &&
           !found->record_is_bad && !found->is_foreign && is_ok(found->status);
}

static bool serves(const struct deciding *d, unsigned i) {
    const struct mirror_found *found = &d->found[i];
    return is_ok(found->status) && !found->is_foreign && found->has_record &&
           mirror_record_serves(&found->record);
}

static bool same_set(const struct mirror_record *a, const struct mirror_record *b) {
    if (a->count != b->count) return false;
    for (unsigned i = 0; i < a->count; i++) {
        if (!mirror_record_has(b, &a->members[i])) return false;
    }
    return true;
}

/* M3: finds the newest set; two of one epoch that differ are a contradiction. */
static bool best_find(struct deciding *d) {
    bool clear = true;
    for (unsigned i = 0; i < d->mirror->side_count; i++) {
        if (!serves(d, i)) continue;
        const struct mirror_record *record = &d->found[i].record;
        const struct mirror_record *best = d->best < 0 ? NULL : &d->found[d->best].record;
        if (best && record->epoch == best->epoch && !same_set(record, best)) clear = false;
        if (best && record->epoch <= best->epoch) continue;
        if (best) clear = true;
        d->best = (int)i;
    }
    return clear;
}

/* What of the last set is not there, for people. */
static void missing_say(const struct deciding *d, char *out, size_t cap) {
    size_t at = 0;
    out[0] = 0;
    for (unsigned i = 0; i < d->mirror->side_count && at < cap; i++) {
        const struct mirror_side *side = &d->mirror->sides[i];
        if (!side->line.text[0]) continue;
        at += (size_t)snprintf(out + at, cap - at, "; %s", side->line.text);
    }
}

static struct status too_few(const struct deciding *d, unsigned there, unsigned of) {
    char missing[160];
    missing_say(d, missing, sizeof missing);
    if (d->best < 0) {
        return note_status(d->note, STATUS_CORRUPT, "there is no whole copy of the metadata%s",
                           missing);
    }
    return note_status(d->note, STATUS_INVALID,
                       "%u of the %u copies of the metadata that were in service last are there, "
                       "too few to know that nothing newer is elsewhere; "
                       "--accept-metadata-from %s starts all the same%s",
                       there, of, d->mirror->sides[d->best].name, missing);
}

/* The copies that belong to the newest set: a record of theirs may be older, if the epoch was being
 * written when the power went (M4). */
static struct status set_find(struct deciding *d, unsigned *ret_set) {
    if (!best_find(d)) {
        return note_status(d->note, STATUS_INVALID,
                           "copies of the metadata contradict each other: each was served without "
                           "the other; --accept-metadata-from NAME takes one of them");
    }
    unsigned set = 0;
    unsigned of = 1;
    if (d->best >= 0) {
        const struct mirror_record *best = &d->found[d->best].record;
        for (unsigned i = 0; i < d->mirror->side_count; i++) {
            if (serves(d, i) && mirror_record_has(best, &d->found[i].record.own)) set |= 1u << i;
        }
        of = best->count;
    } else {
        for (unsigned i = 0; i < d->mirror->side_count; i++) {
            if (is_lone_home(d, i)) set |= 1u << i;
        }
    }
    if (bits(set) * 2 <= of) return too_few(d, bits(set), of);
    *ret_set = set;
    return status_ok();
}

static struct status accepted_find(struct deciding *d, unsigned *ret_set) {
    const char *name = d->mirror->config.accept_from;
    (void)best_find(d); /* contradictions are what this is for */
    for (unsigned i = 0; i < d->mirror->side_count; i++) {
        if (strcmp(d->mirror->sides[i].name, name) != 0) continue;
        if (serves(d, i) || is_lone_home(d, i)) {
            *ret_set = 1u << i;
            return status_ok();
        }
        return note_status(d->note, STATUS_INVALID,
                           "--accept-metadata-from %s: there is no whole copy of the metadata%s%s",
                           name, d->mirror->sides[i].line.text[0] ? ": " : "",
                           d->mirror->sides[i].line.text);
    }
    return note_status(d->note, STATUS_INVALID,
                       "--accept-metadata-from %s: no place of metadata has that name", name);
}

/* Whether all of the set, and nothing else, is what its own records say. */
static bool is_established(const struct deciding *d, unsigned set) {
    if (d->best < 0) return d->mirror->side_count == 1;
    const struct mirror_record *best = &d->found[d->best].record;
    if (bits(set) != best->count) return false;
    for (unsigned i = 0; i < d->mirror->side_count; i++) {
        if ((set & 1u << i) && d->found[i].record.epoch != best->epoch) return false;
    }
    return true;
}

/* Gives the copies their states, before anything is written. */
static void sides_settle(struct mirror *mirror, unsigned set) {
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_side *side = &mirror->sides[i];
        if (set & 1u << i) {
            side->state = MIRROR_SERVING;
        } else if (side->state == MIRROR_SERVING) {
            mirror_side_set(side, MIRROR_WAITING, "it is out of date, and will be filled again");
        }
    }
}

struct status mirror_decide(struct mirror *mirror, struct mirror_found *found, struct note *note) {
    struct deciding d = {.mirror = mirror, .found = found, .note = note, .best = -1};
    unsigned set = 0;
    bool accepts = mirror->config.accept_from != NULL;
    TRY(accepts ? accepted_find(&d, &set) : set_find(&d, &set));
    bool established = is_established(&d, set);
    mirror->epoch = mirror->last_epoch = d.best < 0 ? 0 : found[d.best].record.epoch;
    for (unsigned i = 0; i < mirror->side_count; i++) {
        struct mirror_side *side = &mirror->sides[i];
        if (!found[i].has_record) {
            random_fill(mirror->config.random, side->id.bytes, MIRROR_ID_LEN);
        }
    }
    sides_settle(mirror, set);
    mirror->is_signed = true;
    if (established && !accepts) return status_ok();
    if (accepts) mirror->last_epoch += ACCEPT_STEP - 1;
    pthread_mutex_lock(&mirror->change_lock);
    struct status s = mirror_establish(mirror, set, -1);
    pthread_mutex_unlock(&mirror->change_lock);
    if (!is_ok(s)) note_set(note, "can't write which copies of the metadata are in service");
    return s;
}
