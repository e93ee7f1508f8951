/*
 * Concurrent calls on the keys of a bucket (puts, gets and deletes under conditions, listings, and
 * all that can be done with an upload) answer as if they had come one after the other.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "crypto/digest.h"
#include "object/list.h"
#include "support/linear.h"
#include "support/loose_kv.h"
#include "support/upload.h"

enum {
    THREADS_MAX = 8,
    KEYS = 3,
    CALLS_EACH = 7, /* of a thread on a key; two more reads of each key follow */
    VALUES_MAX = THREADS_MAX * KEYS * CALLS_EACH,
    VERSIONS_MAX = THREADS_MAX + 1, /* of a part: 0 is there first, then each thread has its own */
    KINDS_EACH = 3,                 /* that meet each other on a key, beside reads */
    ROUNDS_MEM = 150,
    ROUNDS_ENGINE = 12,
    ROUNDS_BROKEN = 100 /* at most; the first few are enough */
};

/* ---- the model ------------------------------------------------------------------------------ */

enum kind {
    PUT,
    PUT_IF_ABSENT,
    PUT_IF_MATCH,
    DELETE,
    DELETE_IF_MATCH,
    GET,
    LIST,
    UPLOAD_PART,
    UPLOAD_COMPLETE,
    UPLOAD_COMPLETE_IF_ABSENT,
    UPLOAD_ABORT,
    UPLOAD_FIND,
    KIND_COUNT
};

static const char *const kind_names[] = {
    "put",  "put if absent", "put if match",       "delete", "delete if match", "get", "list",
    "part", "complete",      "complete if absent", "abort",  "find upload"};

/*
 * A value of a key is a number: 0, nothing is there; one that was put in one piece; or one that was
 * completed from versions of the parts 1 and 2.
 */
static uint32_t value_of_parts(const uint8_t *parts) {
    return UINT32_C(0x10000) + 256u * parts[0] + parts[1];
}

struct call {
    struct linear_call linear;
    enum kind kind;
    int key;
    uint32_t value;    /* that is put */
    uint32_t expected; /* by a condition */
    uint8_t part;      /* 0 or 1, whose version is put */
    uint8_t parts[2];  /* versions, for UPLOAD_PART the one in [part] */
    struct status outcome;
    uint32_t seen; /* GET and LIST: the value; DELETE: whether there was one */
};

enum upload_phase { IN_PROGRESS, COMPLETED, ABORTED };

/* A key with the one upload it has. */
struct state {
    uint32_t value;
    uint8_t phase;
    uint8_t parts[2];
    uint8_t listed[2]; /* COMPLETED: by which list */
    uint8_t unused[3];
};

static bool answered(const struct call *call, enum status_code code) {
    return status_is(call->outcome, code);
}

static bool step_if_match(const struct call *call, struct state *state, uint32_t next) {
    if (state->value == 0) return answered(call, STATUS_NOT_FOUND);
    if (state->value != call->expected) return answered(call, STATUS_PRECONDITION);
    state->value = next;
    return answered(call, STATUS_OK);
}

/* Where both the list and the condition are wrong, either may be the reason given. */
static bool step_complete(const struct call *call, struct state *state) {
    if (state->phase == ABORTED) return answered(call, STATUS_NOT_FOUND);
    bool same = memcmp(state->phase == COMPLETED ? state->listed : state->parts, call->parts,
                       sizeof call->parts) == 0;
    if (state->phase == COMPLETED) return answered(call, same ? STATUS_OK : STATUS_NOT_FOUND);
    bool refused = call->kind == UPLOAD_COMPLETE_IF_ABSENT && state->value != 0;
    if (answered(call, STATUS_INVALID)) return !same;
    if (answered(call, STATUS_PRECONDITION)) return refused;
    if (!same || refused) return false;
    state->phase = COMPLETED;
    memcpy(state->listed, call->parts, sizeof state->listed);
    state->value = value_of_parts(call->parts);
    return answered(call, STATUS_OK);
}

static bool step_upload(const struct call *call, struct state *state) {
    if (call->kind == UPLOAD_COMPLETE || call->kind == UPLOAD_COMPLETE_IF_ABSENT) {
        return step_complete(call, state);
    }
    if (state->phase != IN_PROGRESS) return answered(call, STATUS_NOT_FOUND);
    if (call->kind == UPLOAD_PART) state->parts[call->part] = call->parts[call->part];
    if (call->kind == UPLOAD_ABORT) state->phase = ABORTED;
    return answered(call, STATUS_OK);
}

static bool step(const struct linear_call *linear, void *opaque) {
    const struct call *call = (const struct call *)linear; /* its first member */
    struct state *state = opaque;
    switch (call->kind) {
        case PUT:
            state->value = call->value;
            return answered(call, STATUS_OK);
        case PUT_IF_ABSENT:
            if (state->value != 0) return answered(call, STATUS_PRECONDITION);
            state->value = call->value;
            return answered(call, STATUS_OK);
        case PUT_IF_MATCH:
            return step_if_match(call, state, call->value);
        case DELETE_IF_MATCH:
            return step_if_match(call, state, 0);
        case DELETE: {
            bool found = state->value != 0;
            state->value = 0;
            return answered(call, STATUS_OK) && call->seen == found;
        }
        case GET:
        case LIST:
            return answered(call, STATUS_OK) && call->seen == state->value;
        default:
            return step_upload(call, state);
    }
}

static const struct linear_model model = {sizeof(struct state), step};

/* ---- the calls ------------------------------------------------------------------------------ */

struct target {
    struct object_store *store;
    struct bucket bucket;
    char keys[KEYS][32];
    struct upload uploads[KEYS];
    uint32_t *finals; /* what the keys of all rounds had in the end */
    _Atomic uint64_t ticks;
    pthread_barrier_t start;
};

/* The bytes of a value are its number as text, those of a part its version in two digits. */
static struct slice bytes_of(uint32_t value, struct arena *arena) {
    return arena_printf(arena, "%u", value);
}

static struct slice bytes_of_part(const struct call *call, struct arena *arena) {
    return arena_printf(arena, "p%02x", call->parts[call->part]);
}

/* The value whose bytes these are. */
static uint32_t value_of_bytes(const char *text) {
    unsigned parts[2];
    if (sscanf(text, "p%02xp%02x", &parts[0], &parts[1]) == 2) {
        return value_of_parts((const uint8_t[]){(uint8_t)parts[0], (uint8_t)parts[1]});
    }
    uint64_t value;
    return slice_parse_u64(slice_str(text), &value) ? (uint32_t)value : UINT32_MAX;
}

/* The ETag of what was completed from those parts. */
static struct slice etag_of_parts(const uint8_t *parts, struct arena *arena) {
    uint8_t md5s[2][DIGEST_MD5_LEN];
    for (int i = 0; i < 2; i++) digest_md5(arena_printf(arena, "p%02x", parts[i]), md5s[i]);
    const struct slice pieces[] = {md5_text(slice_of(md5s, sizeof md5s), arena), SLICE("-2")};
    return arena_join(arena, pieces, 2);
}

/* The ETag of a value. */
static struct slice etag_of(uint32_t value, struct arena *arena) {
    uint8_t parts[] = {(uint8_t)(value >> 8), (uint8_t)value};
    return value < value_of_parts((const uint8_t[]){0, 0}) ? md5_text(bytes_of(value, arena), arena)
                                                           : etag_of_parts(parts, arena);
}

struct if_match {
    struct object_condition condition;
    struct slice etag;
};

static struct status judge_match(const struct object_condition *condition,
                                 const struct object_info *current) {
    if (!current) return status_of(STATUS_NOT_FOUND);
    const struct if_match *wanted = (const struct if_match *)condition; /* its first member */
    return slice_eq(current->etag, wanted->etag) ? status_ok() : status_of(STATUS_PRECONDITION);
}

static struct status judge_absent(const struct object_condition *condition,
                                  const struct object_info *current) {
    (void)condition;
    return current ? status_of(STATUS_PRECONDITION) : status_ok();
}

static const struct object_condition absent = {judge_absent};

static struct status call_put(struct target *target, const struct call *call,
                              const struct object_condition *condition, struct arena *arena) {
    return object_put_bytes(target->store, &target->bucket, slice_str(target->keys[call->key]),
                            bytes_of(call->value, arena), condition);
}

static struct status call_delete(struct target *target, struct call *call,
                                 const struct object_condition *condition) {
    bool found = false;
    struct status s = object_delete(target->store, &target->bucket,
                                    slice_str(target->keys[call->key]), condition, &found);
    call->seen = found;
    return s;
}

/* Facts and bytes must be of one version. */
static struct status call_get(struct target *target, struct call *call, struct arena *arena) {
    struct object_info info;
    struct object_reader *reader;
    struct status s = object_open(target->store, &target->bucket,
                                  slice_str(target->keys[call->key]), arena, &info, &reader);
    call->seen = 0;
    if (status_is(s, STATUS_NOT_FOUND)) return status_ok();
    TRY(s);
    char *text = arena_calloc(arena, info.size + 1, 1);
    CHECK(text);
    s = object_reader_read(reader, 0, text, info.size);
    object_reader_close(&reader);
    TRY(s);
    call->seen = value_of_bytes(text);
    bool one_piece = info.part_count == 0;
    if (one_piece != (text[0] != 'p')) return status_of(STATUS_MISMATCH);
    if (one_piece && !slice_eq(info.etag, md5_text(slice_str(text), arena))) {
        return status_of(STATUS_MISMATCH);
    }
    return status_ok();
}

/* A listing has no bytes: the value is the one with that ETag. */
static uint32_t value_of_etag(struct slice etag, struct arena *arena) {
    for (uint32_t value = 1; value <= VALUES_MAX; value++) {
        if (slice_eq(etag, etag_of(value, arena))) return value;
    }
    for (uint32_t both = 0; both < VERSIONS_MAX * VERSIONS_MAX; both++) {
        uint8_t parts[] = {(uint8_t)(both / VERSIONS_MAX), (uint8_t)(both % VERSIONS_MAX)};
        if (slice_eq(etag, etag_of_parts(parts, arena))) return value_of_parts(parts);
    }
    return UINT32_MAX; /* nobody put that */
}

static struct status call_list(struct target *target, struct call *call, struct arena *arena) {
    struct list_query query = {.prefix = slice_str(target->keys[call->key]), .max = 1};
    struct list_page page;
    TRY(list_objects(target->store, &target->bucket, &query, arena, &page));
    call->seen = page.count == 0 ? 0 : value_of_etag(page.entries[0].info.etag, arena);
    return status_ok();
}

static struct status call_part(struct target *target, const struct call *call,
                               struct arena *arena) {
    struct upload_listed_part listed;
    return upload_part_put(target->store, &target->bucket, &target->uploads[call->key],
                           call->part + 1u, bytes_of_part(call, arena), arena, &listed);
}

static struct status call_complete(struct target *target, const struct call *call,
                                   struct arena *arena) {
    struct upload_listed_part listed[2];
    for (uint8_t i = 0; i < 2; i++) {
        struct call part = *call;
        part.part = i;
        listed[i] = (struct upload_listed_part){
            .number = i + 1u, .etag = md5_text(bytes_of_part(&part, arena), arena)};
    }
    struct upload_completion completion = {
        .parts = listed,
        .part_count = 2,
        .condition = call->kind == UPLOAD_COMPLETE_IF_ABSENT ? &absent : NULL};
    struct upload_complaint complaint;
    struct object_info info;
    const struct upload *upload = &target->uploads[call->key];
    return upload_complete(target->store, &target->bucket, upload->key, upload->id, &completion,
                           arena, &complaint, &info);
}

static struct status call_run(struct target *target, struct call *call, struct arena *arena) {
    struct if_match match = {{judge_match}, etag_of(call->expected, arena)};
    const struct upload *upload = &target->uploads[call->key];
    struct upload found;
    switch (call->kind) {
        case PUT:
            return call_put(target, call, NULL, arena);
        case PUT_IF_ABSENT:
            return call_put(target, call, &absent, arena);
        case PUT_IF_MATCH:
            return call_put(target, call, &match.condition, arena);
        case DELETE:
            return call_delete(target, call, NULL);
        case DELETE_IF_MATCH:
            return call_delete(target, call, &match.condition);
        case GET:
            return call_get(target, call, arena);
        case LIST:
            return call_list(target, call, arena);
        case UPLOAD_PART:
            return call_part(target, call, arena);
        case UPLOAD_COMPLETE:
        case UPLOAD_COMPLETE_IF_ABSENT:
            return call_complete(target, call, arena);
        case UPLOAD_ABORT:
            return upload_abort(target->store, &target->bucket, upload->key, upload->id);
        case UPLOAD_FIND:
            return upload_find(target->store, &target->bucket, upload->key, upload->id, arena,
                               &found);
        case KIND_COUNT:
            break;
    }
    return status_of(STATUS_UNSUPPORTED);
}

static void call_timed(struct target *target, struct call *call) {
    struct arena arena;
    arena_init(&arena, 16 * 1024, 64 * 1024 * 1024);
    call->linear.began = atomic_fetch_add(&target->ticks, 1);
    call->outcome = call_run(target, call, &arena);
    call->linear.ended = atomic_fetch_add(&target->ticks, 1);
    arena_fini(&arena);
}

/* ---- the threads ---------------------------------------------------------------------------- */

struct worker {
    struct target *target;
    const enum kind (*kinds)[KINDS_EACH];
    int number;
    struct random_seeded random;
    struct call calls[KEYS * CALLS_EACH];
    uint32_t seen[KEYS]; /* the value that was met last */
};

static enum kind choose_kind(struct worker *worker, int key) {
    uint64_t at = random_seeded_below(&worker->random, KINDS_EACH + 1);
    return at == KINDS_EACH ? GET : worker->kinds[key][at];
}

/* What a call puts, and what it expects: mostly what this thread saw last. */
static void choose(struct worker *worker, int number, struct call *call) {
    uint8_t own = (uint8_t)(worker->number + 1);
    call->key = number % KEYS;
    call->kind = choose_kind(worker, call->key);
    call->value = (uint32_t)(worker->number * KEYS * CALLS_EACH + number + 1);
    call->expected = worker->seen[call->key];
    call->part = random_seeded_below(&worker->random, 2) != 0;
    for (int i = 0; i < 2; i++) {
        if (random_seeded_below(&worker->random, 3) == 0) call->parts[i] = own;
    }
    if (call->kind == UPLOAD_PART) call->parts[call->part] = own;
}

static void learn(struct worker *worker, const struct call *call) {
    if (call->kind == GET || call->kind == LIST) worker->seen[call->key] = call->seen;
    bool put = call->kind == PUT || call->kind == PUT_IF_ABSENT || call->kind == PUT_IF_MATCH;
    if (put && is_ok(call->outcome)) worker->seen[call->key] = call->value;
}

static void *worker_run(void *argument) {
    struct worker *worker = argument;
    pthread_barrier_wait(&worker->target->start);
    for (int i = 0; i < KEYS * CALLS_EACH; i++) {
        struct call *call = &worker->calls[i];
        choose(worker, i, call);
        call_timed(worker->target, call);
        learn(worker, call);
    }
    return NULL;
}

/* ---- rounds --------------------------------------------------------------------------------- */

/* Keys of its own for each round, each with an upload of two parts of version 0. */
static void round_prepare(struct target *target, int round, struct arena *arena) {
    for (int i = 0; i < KEYS; i++) {
        snprintf(target->keys[i], sizeof target->keys[i], "r%04d-%d", round, i);
        struct upload wanted = {.key = slice_str(target->keys[i])};
        CHECK(is_ok(
            upload_create(target->store, &target->bucket, &wanted, arena, &target->uploads[i])));
        struct call part = {.key = i};
        CHECK(is_ok(call_part(target, &part, arena)));
        part.part = 1;
        CHECK(is_ok(call_part(target, &part, arena)));
    }
}

static void print_call(const struct call *call) {
    fprintf(stderr, "%6llu %6llu  %s value %u expected %u part %u parts %u %u: %s, %u\n",
            (unsigned long long)call->linear.began, (unsigned long long)call->linear.ended,
            kind_names[call->kind], call->value, call->expected, call->part, call->parts[0],
            call->parts[1], status_text(call->outcome.code), call->seen);
}

/* Whether what happened to one key is explained; it is printed where not, unless `quiet`. */
static bool key_explained(const struct worker *workers, int threads, const struct call *last,
                          int key, bool quiet) {
    const struct linear_call *calls[LINEAR_CALLS_MAX];
    size_t count = 0;
    for (int i = 0; i < threads; i++) {
        for (int j = 0; j < KEYS * CALLS_EACH; j++) {
            if (workers[i].calls[j].key == key) calls[count++] = &workers[i].calls[j].linear;
        }
    }
    for (int i = 0; i < 2; i++) calls[count++] = &last[2 * key + i].linear;
    struct state initial = {.value = 0};
    if (linear_check(&model, calls, count, &initial)) return true;
    for (size_t i = 0; !quiet && i < count; i++) print_call((const struct call *)calls[i]);
    return false;
}

static void run_workers(struct target *target, struct worker *workers, int threads) {
    pthread_t ids[THREADS_MAX];
    CHECK(pthread_barrier_init(&target->start, NULL, (unsigned)threads) == 0);
    for (int i = 0; i < threads; i++) {
        CHECK(pthread_create(&ids[i], NULL, worker_run, &workers[i]) == 0);
    }
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&target->start);
}

/* Lets threads loose on fresh keys; whether everything they were told is explained. */
static bool round_run(struct target *target, int round, bool quiet) {
    struct random_seeded random;
    random_seeded_init(&random, (uint64_t)round + 1);
    int threads = 4 + (int)random_seeded_below(&random, THREADS_MAX - 3);
    enum kind kinds[KEYS][KINDS_EACH];
    for (int i = 0; i < KEYS * KINDS_EACH; i++) {
        kinds[i / KINDS_EACH][i % KINDS_EACH] = (enum kind)random_seeded_below(&random, KIND_COUNT);
    }
    struct arena arena;
    arena_init(&arena, 64 * 1024, 1024 * 1024);
    round_prepare(target, round, &arena);
    struct worker *workers = calloc((size_t)threads, sizeof *workers);
    CHECK(workers);
    for (int i = 0; i < threads; i++) {
        workers[i].target = target;
        workers[i].kinds = (const enum kind(*)[KINDS_EACH])kinds;
        workers[i].number = i;
        random_seeded_init(&workers[i].random, (uint64_t)(round * THREADS_MAX + i + 1));
    }
    run_workers(target, workers, threads);
    struct call last[2 * KEYS] = {{.kind = GET}};
    for (int i = 0; i < 2 * KEYS; i++) {
        last[i] = (struct call){.kind = i % 2 ? LIST : GET, .key = i / 2};
        call_timed(target, &last[i]);
        if (target->finals) target->finals[round * KEYS + i / 2] = last[i].seen;
    }
    bool explained = true;
    for (int i = 0; i < KEYS; i++) explained &= key_explained(workers, threads, last, i, quiet);
    free(workers);
    arena_fini(&arena);
    return explained;
}

static void target_open(struct target *target, struct upload_fixture *fixture, struct kv *kv) {
    struct object_store_config config = {.kv = kv,
                                         .blob = fixture->under.blob,
                                         .clock = clock_system(),
                                         .random = random_system(),
                                         .housekeeping = true};
    *target = (struct target){.bucket = fixture->bucket};
    CHECK(is_ok(object_store_open(&config, NULL, &target->store)));
}

/* Whether the keys of all rounds have what they had in the end, after a restart. */
static bool still_there(struct target *target, int rounds) {
    bool same = true;
    for (int i = 0; i < rounds * KEYS; i++) {
        struct call call = {.kind = GET};
        snprintf(target->keys[0], sizeof target->keys[0], "r%04d-%d", i / KEYS, i % KEYS);
        call_timed(target, &call);
        same &= is_ok(call.outcome) && call.seen == target->finals[i];
    }
    return same;
}

static void check_driver(enum test_driver driver, int rounds) {
    struct upload_fixture fixture;
    struct loose_kv loose;
    struct target target;
    upload_fixture_open(&fixture, driver);
    loose_kv_init(&loose, fixture.under.kv, false);
    target_open(&target, &fixture, &loose.kv);
    target.finals = calloc((size_t)(rounds * KEYS), sizeof *target.finals);
    CHECK(target.finals);
    bool explained = true;
    for (int i = 0; i < rounds && explained; i++) explained = round_run(&target, i, false);
    object_store_close(&target.store);
    assert_true(explained);
    upload_fixture_tidy(&fixture); /* and the books balance */
    object_store_close(&fixture.store);
    test_store_reopen(&fixture.under);
    upload_fixture_restart(&fixture, fixture.under.kv);
    target.store = fixture.store;
    assert_true(still_there(&target, rounds));
    free(target.finals);
    upload_fixture_close(&fixture);
}

static void test_in_memory(void **state) {
    (void)state;
    check_driver(TEST_DRIVER_MEM, ROUNDS_MEM);
}

static void test_on_the_engine(void **state) {
    (void)state;
    check_driver(TEST_DRIVER_ENGINE, ROUNDS_ENGINE);
}

/* ---- the test of the test ------------------------------------------------------------------- */

static void test_a_store_without_guards_is_caught(void **state) {
    (void)state;
    struct upload_fixture fixture;
    struct target target;
    upload_fixture_open(&fixture, TEST_DRIVER_MEM);
    struct loose_kv broken;
    loose_kv_init(&broken, fixture.under.kv, true);
    target_open(&target, &fixture, &broken.kv);
    bool caught = false;
    for (int i = 0; i < ROUNDS_BROKEN && !caught; i++) caught = !round_run(&target, i, true);
    object_store_close(&target.store);
    upload_fixture_close(&fixture);
    assert_true(caught);
}

static bool explains(const struct call *calls, size_t count) {
    const struct linear_call *pointers[LINEAR_CALLS_MAX];
    for (size_t i = 0; i < count; i++) pointers[i] = &calls[i].linear;
    struct state initial = {.value = 0};
    return linear_check(&model, pointers, count, &initial);
}

#define EXPLAINS(...)                            \
    explains((const struct call[]){__VA_ARGS__}, \
             sizeof((const struct call[]){__VA_ARGS__}) / sizeof(struct call))
#define CALL(b, e, ...) ((struct call){.linear = {b, e}, __VA_ARGS__})

static void test_what_is_explained(void **state) {
    (void)state;
    /* One after the other, and both orders of two at once. */
    assert_true(EXPLAINS(CALL(0, 1, .kind = PUT, .value = 1), CALL(2, 3, .kind = GET, .seen = 1)));
    for (uint32_t i = 1; i <= 2; i++) {
        assert_true(EXPLAINS(CALL(0, 3, .kind = PUT, .value = 1),
                             CALL(1, 2, .kind = PUT, .value = 2),
                             CALL(4, 5, .kind = GET, .seen = i)));
    }
    /* A read beside a write sees what was before or what is behind it. */
    assert_true(EXPLAINS(CALL(0, 3, .kind = PUT, .value = 1), CALL(1, 2, .kind = GET, .seen = 0)));
    assert_true(EXPLAINS(CALL(0, 3, .kind = PUT, .value = 1), CALL(1, 2, .kind = GET, .seen = 1)));
    /* The first completion wins, the second one of the same list gets its answer. */
    assert_true(EXPLAINS(CALL(0, 3, .kind = UPLOAD_COMPLETE), CALL(1, 2, .kind = UPLOAD_COMPLETE),
                         CALL(4, 5, .kind = GET, .seen = 0x10000)));
}

static void test_what_is_not_explained(void **state) {
    (void)state;
    struct status refused = status_of(STATUS_PRECONDITION);
    /* A stale read; a read of what was never put; two reads that go back in time. */
    assert_false(EXPLAINS(CALL(0, 1, .kind = PUT, .value = 1), CALL(2, 3, .kind = GET, .seen = 0)));
    assert_false(EXPLAINS(CALL(0, 1, .kind = PUT, .value = 1), CALL(2, 3, .kind = GET, .seen = 7)));
    assert_false(EXPLAINS(CALL(0, 9, .kind = PUT, .value = 1), CALL(1, 2, .kind = GET, .seen = 1),
                          CALL(3, 4, .kind = GET, .seen = 0)));
    /* Two winners; no winner. */
    assert_false(EXPLAINS(CALL(0, 3, .kind = PUT_IF_ABSENT, .value = 1),
                          CALL(1, 2, .kind = PUT_IF_ABSENT, .value = 2)));
    assert_false(EXPLAINS(CALL(0, 3, .kind = PUT_IF_ABSENT, .value = 1, .outcome = refused),
                          CALL(1, 2, .kind = PUT_IF_ABSENT, .value = 2, .outcome = refused)));
    /* A lost update. */
    assert_false(EXPLAINS(CALL(0, 1, .kind = PUT, .value = 1),
                          CALL(2, 5, .kind = PUT_IF_MATCH, .expected = 1, .value = 2),
                          CALL(3, 4, .kind = PUT_IF_MATCH, .expected = 1, .value = 3)));
    /* Complete and Abort both win; a part that changed underneath. */
    assert_false(EXPLAINS(CALL(0, 3, .kind = UPLOAD_COMPLETE), CALL(1, 2, .kind = UPLOAD_ABORT)));
    assert_false(EXPLAINS(CALL(0, 1, .kind = UPLOAD_PART, .parts = {1}),
                          CALL(2, 3, .kind = UPLOAD_COMPLETE)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_explained),
        cmocka_unit_test(test_what_is_not_explained),
        cmocka_unit_test(test_a_store_without_guards_is_caught),
        cmocka_unit_test(test_in_memory),
        cmocka_unit_test(test_on_the_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
