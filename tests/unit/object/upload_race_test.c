/*
 * Every pair of UploadPart, Complete, Abort and DeleteBucket at once, many times, beside the
 * housekeeping: exactly the outcomes that some order explains, and the books balance.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "support/loose_kv.h"
#include "support/upload.h"

enum action { ACTION_PART, ACTION_COMPLETE, ACTION_ABORT, ACTION_DELETE, ACTION_COUNT };

static const char *const action_names[] = {"UploadPart", "Complete", "Abort", "DeleteBucket"};

enum { ACTORS = 4, ROUNDS_MEM = 60, ROUNDS_ENGINE = 4 };

/* One round: a bucket with an upload of two parts, and what is done to it at once. */
struct round {
    struct upload_fixture *fixture;
    struct bucket bucket;
    struct upload upload;
    struct upload_listed_part parts[2];
    pthread_barrier_t start;
};

struct actor {
    struct round *round;
    enum action action;
    int number;
    struct status outcome;
    enum upload_defect defect;
};

/* Odd actors replace part 1, even ones add part 3, or 5. */
static struct status act_part(struct actor *actor, struct arena *arena) {
    const struct round *round = actor->round;
    uint32_t number = actor->number % 2 ? 1 : (uint32_t)(3 + actor->number);
    char bytes[8];
    snprintf(bytes, sizeof bytes, "new %d", actor->number);
    struct upload_listed_part listed;
    return upload_part_put(round->fixture->store, &round->bucket, &round->upload, number,
                           slice_str(bytes), arena, &listed);
}

static struct status act_complete(struct actor *actor, struct arena *arena) {
    const struct round *round = actor->round;
    struct upload_completion completion = {.parts = round->parts, .part_count = 2};
    struct upload_complaint complaint = {.defect = UPLOAD_DEFECT_NONE};
    struct object_info info;
    struct status s = upload_complete(round->fixture->store, &round->bucket, round->upload.key,
                                      round->upload.id, &completion, arena, &complaint, &info);
    actor->defect = complaint.defect;
    return s;
}

static struct status act(struct actor *actor, struct arena *arena) {
    const struct round *round = actor->round;
    struct object_store *store = round->fixture->store;
    switch (actor->action) {
        case ACTION_PART:
            return act_part(actor, arena);
        case ACTION_COMPLETE:
            return act_complete(actor, arena);
        case ACTION_ABORT:
            return upload_abort(store, &round->bucket, round->upload.key, round->upload.id);
        case ACTION_DELETE:
        case ACTION_COUNT:
            break;
    }
    return bucket_delete(store, &round->bucket, NULL);
}

static void *actor_run(void *argument) {
    struct actor *actor = argument;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    pthread_barrier_wait(&actor->round->start);
    actor->outcome = act(actor, &arena);
    arena_fini(&arena);
    return NULL;
}

static void *housekeeper_run(void *argument) {
    struct round *round = argument;
    pthread_barrier_wait(&round->start);
    bool done;
    for (int i = 0; i < 3; i++) CHECK(is_ok(object_store_tidy(round->fixture->store, &done)));
    return NULL;
}

static void round_begin(struct round *round, struct upload_fixture *fixture) {
    static unsigned last;
    char name[32];
    snprintf(name, sizeof name, "race-%u", ++last);
    arena_reset(&fixture->arena);
    round->fixture = fixture;
    struct bucket_wanted wanted = {.name = slice_str(name),
                                   .region = SLICE("region"),
                                   .project_id = SLICE("project"),
                                   .policy = TEST_POLICY,
                                   .buckets_max = UINT64_MAX};
    CHECK(is_ok(bucket_create(fixture->store, &wanted, &fixture->arena, NULL, &round->bucket)));
    struct upload start = {.key = SLICE("k")};
    CHECK(is_ok(
        upload_create(fixture->store, &round->bucket, &start, &fixture->arena, &round->upload)));
    static const char *const bytes[] = {"one", "two"};
    for (uint32_t i = 0; i < 2; i++) {
        CHECK(is_ok(upload_part_put(fixture->store, &round->bucket, &round->upload, i + 1,
                                    slice_str(bytes[i]), &fixture->arena, &round->parts[i])));
    }
    CHECK(pthread_barrier_init(&round->start, NULL, ACTORS + 1) == 0);
}

static void round_run(struct round *round, struct actor *actors) {
    pthread_t threads[ACTORS];
    pthread_t housekeeper;
    CHECK(pthread_create(&housekeeper, NULL, housekeeper_run, round) == 0);
    for (int i = 0; i < ACTORS; i++) {
        actors[i].round = round;
        actors[i].number = i;
        CHECK(pthread_create(&threads[i], NULL, actor_run, &actors[i]) == 0);
    }
    for (int i = 0; i < ACTORS; i++) pthread_join(threads[i], NULL);
    pthread_join(housekeeper, NULL);
    pthread_barrier_destroy(&round->start);
}

/* What happened, counted. */
struct tally {
    int ok[ACTION_COUNT];
    int replaced; /* part 1, while the upload was in progress */
};

static struct tally tally_of(const struct actor *actors) {
    struct tally tally = {0};
    for (int i = 0; i < ACTORS; i++) {
        if (!is_ok(actors[i].outcome)) continue;
        tally.ok[actors[i].action]++;
        tally.replaced += actors[i].action == ACTION_PART && actors[i].number % 2;
    }
    return tally;
}

/* Whether the upload or its bucket may have ended by the time that somebody came. */
static bool may_have_ended(const struct tally *tally) {
    return tally->ok[ACTION_COMPLETE] || tally->ok[ACTION_ABORT] || tally->ok[ACTION_DELETE];
}

static bool explained(const struct actor *actor, const struct tally *tally) {
    if (is_ok(actor->outcome)) return true;
    bool not_found = status_is(actor->outcome, STATUS_NOT_FOUND);
    switch (actor->action) {
        case ACTION_PART:
        case ACTION_ABORT:
            return not_found && may_have_ended(tally);
        case ACTION_COMPLETE: /* the same list gets the same answer, so one OK is OK for all */
            if (not_found) return tally->ok[ACTION_ABORT] || tally->ok[ACTION_DELETE];
            return status_is(actor->outcome, STATUS_INVALID) &&
                   actor->defect == UPLOAD_DEFECT_PART && tally->replaced;
        case ACTION_DELETE:
            if (not_found) return tally->ok[ACTION_DELETE];
            return status_is(actor->outcome, STATUS_CONFLICT) && tally->ok[ACTION_COMPLETE];
        case ACTION_COUNT:
            break;
    }
    return false;
}

static void check_outcomes(const struct actor *actors, const struct tally *tally) {
    for (int i = 0; i < ACTORS; i++) {
        if (explained(&actors[i], tally)) continue;
        fail_msg("%s beside %s: %s", action_names[actors[i].action],
                 action_names[actors[(i + 1) % ACTORS].action],
                 status_text(actors[i].outcome.code));
    }
    assert_true(tally->ok[ACTION_ABORT] <= 1);
    assert_true(tally->ok[ACTION_DELETE] <= 1);
    if (!tally->ok[ACTION_COMPLETE]) return;
    assert_int_equal(tally->ok[ACTION_ABORT] + tally->ok[ACTION_DELETE], 0);
    assert_int_equal(tally->replaced, 0); /* before it, the list was wrong; behind it, too late */
}

static void check_books(struct round *round, const struct tally *tally) {
    struct upload_fixture *f = round->fixture;
    bool done = false;
    while (!done) expect_status(object_store_tidy(f->store, &done), STATUS_OK);
    struct holdings holdings;
    holdings_read(f->under.kv, round->bucket.incarnation, &holdings);
    assert_int_equal(holdings.waiting, 0);
    bool completed = tally->ok[ACTION_COMPLETE] > 0;
    assert_int_equal(holdings.objects, completed);
    assert_int_equal(holdings.uploads, !may_have_ended(tally));
    if (may_have_ended(tally)) assert_int_equal(holdings.parts, 0);
    assert_int_equal(holdings.blobs, completed ? 2 : holdings.parts);
    if (!completed) return;
    const char *text = object_text(f->store, &round->bucket, SLICE("k"), &f->arena);
    assert_string_equal(text, "onetwo");
}

/* Removes what is left, and sees that nothing is. */
static void round_end(struct round *round, const struct tally *tally) {
    struct upload_fixture *f = round->fixture;
    if (!tally->ok[ACTION_DELETE]) {
        expect_status(object_delete(f->store, &round->bucket, SLICE("k"), NULL, NULL), STATUS_OK);
        expect_status(bucket_delete(f->store, &round->bucket, NULL), STATUS_OK);
    }
    bool done = false;
    while (!done) expect_status(object_store_tidy(f->store, &done), STATUS_OK);
    struct kv_cursor *cursor;
    bool found;
    CHECK(is_ok(kv_cursor_open(f->under.kv, round->bucket.incarnation, SLICE(""), &cursor)));
    CHECK(is_ok(kv_cursor_seek(cursor, SLICE("\0"), &found)));
    kv_cursor_close(&cursor);
    assert_false(found);
}

static void race(struct upload_fixture *fixture, enum action a, enum action b) {
    struct round round;
    struct actor actors[ACTORS];
    for (int i = 0; i < ACTORS; i++) actors[i] = (struct actor){.action = i < ACTORS / 2 ? a : b};
    round_begin(&round, fixture);
    round_run(&round, actors);
    struct tally tally = tally_of(actors);
    check_outcomes(actors, &tally);
    check_books(&round, &tally);
    round_end(&round, &tally);
}

static void race_all(enum test_driver driver, int rounds) {
    struct upload_fixture *fixture = calloc(1, sizeof *fixture);
    CHECK(fixture);
    upload_fixture_open(fixture, driver);
    struct loose_kv loose;
    loose_kv_init(&loose, fixture->under.kv, false);
    upload_fixture_restart(fixture, &loose.kv);
    for (int a = 0; a < ACTION_COUNT; a++) {
        for (int b = a; b < ACTION_COUNT; b++) {
            for (int i = 0; i < rounds; i++) race(fixture, (enum action)a, (enum action)b);
        }
    }
    upload_fixture_close(fixture);
    free(fixture);
}

static void test_pairs_in_memory(void **state) {
    (void)state;
    race_all(TEST_DRIVER_MEM, ROUNDS_MEM);
}

static void test_pairs_on_the_engine(void **state) {
    (void)state;
    race_all(TEST_DRIVER_ENGINE, ROUNDS_ENGINE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_in_memory),
        cmocka_unit_test(test_pairs_on_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
